/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * unixsock.h - the listening socket DIRECTORY/NAME.sock by which tools find and configure a device.
 *
 * Tools take a socket that refuses for a dead one and delete it, so ours appears under its name only
 * once it listens. It is for its owner alone (0600). Whoever deletes or replaces the file ends us.
 *
 * Threads: one owner. Source: WireGuard cross-platform interface; unix(7), inotify(7). */
#ifndef IO_UNIXSOCK_H
#define IO_UNIXSOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/un.h>

#include "base/attr.h"

#define TL_UNIXSOCK_DIRECTORY "/var/run/wireguard"
#define TL_STATUS_DIRECTORY "/run/tieline"

struct tl_unixsock {
        int fd;       /* listens; readable when a client waits */
        int watch_fd; /* readable when something changed in the directory; -1: the system has no
                       * watch left to give, so ask tl_unixsock_is_removed() now and then */
        struct sockaddr_un address; /* sun_path is the file's */
        dev_t device;               /* and these two tell whether it is ours */
        ino_t inode;
};

/* Listens on directory/name.sock. Makes the directory (0755) where it is missing, and its parent
 * must exist. A socket that nobody listens on any more is replaced; while somebody does it tries
 * again for up to 2 s, since a name may be used again as soon as its link is deleted, a moment
 * before that link's daemon has ended. Returns 0; -EADDRINUSE: somebody else listens;
 * -ENAMETOOLONG; -EINVAL: the name is empty or holds a slash; or another -errno. */
int tl_unixsock_listen(struct tl_unixsock *sock, const char *directory,
                       const char *name) WG_MUST_USE;

/* Takes over a descriptor that already listens on directory/name.sock. On success it is ours to
 * close. Returns 0 or -errno, -EINVAL where it is no listening socket. */
int tl_unixsock_adopt(struct tl_unixsock *sock, int fd, const char *directory,
                      const char *name) WG_MUST_USE;

/* Stops listening and deletes the file, unless it is no longer ours. Takes NULL, and one that
 * failed to open. */
void tl_unixsock_done(struct tl_unixsock *sock);

/* Closes the descriptors; the file stays, for somebody else to remove. */
void tl_unixsock_close(struct tl_unixsock *sock);

/* Connects to what listens at DIRECTORY/NAME.sock, and waits for that until a time of
 * tl_clock_boot_ns(). Returns a non-blocking descriptor, the caller's to close; -ENOENT: there is no such
 * file; -ECONNREFUSED: nobody listens; -EACCES; -ETIMEDOUT: it takes in nobody; -EINVAL: no name; or
 * another -errno. */
int tl_unixsock_connect(const char *directory, const char *name, uint64_t until_ns) WG_MUST_USE;

/* Send or receive at least one byte over a non-blocking descriptor, by a time of tl_clock_boot_ns().
 * Return how many bytes (0: the other end closed the connection); -ETIMEDOUT; or another -errno. */
ssize_t tl_unixsock_send(int fd, const char *bytes, size_t len, uint64_t until_ns) WG_MUST_USE;
ssize_t tl_unixsock_receive(int fd, char *bytes, size_t size, uint64_t until_ns) WG_MUST_USE;

/* Whether the file was deleted, renamed or replaced. Quiets watch_fd; never blocks. */
bool tl_unixsock_is_removed(const struct tl_unixsock *sock) WG_MUST_USE;

/* Only quiets watch_fd. Never blocks. */
void tl_unixsock_quiet(const struct tl_unixsock *sock);

#endif
