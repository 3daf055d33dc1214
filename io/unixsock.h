/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * unixsock.h - the listening socket DIRECTORY/NAME.sock through which tools find and configure a
 * device.
 *
 * Tools delete a socket that refuses connections, so ours gets its name only once it listens. Only
 * its owner has access (0600). If the file is deleted or replaced, the daemon ends.
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
        int fd; /* listens; readable when a client waits */
        /* Readable when the directory has changed. -1: the system has no watches left, so call
         * tl_unixsock_is_removed() regularly. */
        int watch_fd;
        struct sockaddr_un address; /* sun_path is the file */
        dev_t device;               /* with inode: tells whether the file is ours */
        ino_t inode;
};

/* Listens on directory/name.sock. Makes the directory (0755) if it is missing; its parent must
 * exist. Replaces a socket on which no process listens any more. While one does, tries again for up
 * to 2 s: a name may be reused as soon as its link is deleted, a moment before the daemon of that
 * link has ended. Returns 0; -EADDRINUSE: another process listens; -ENAMETOOLONG; -EINVAL: the name
 * is empty or has a slash; or another -errno. */
int tl_unixsock_listen(struct tl_unixsock *sock, const char *directory,
                       const char *name) WG_MUST_USE;

/* Takes over a descriptor that already listens on directory/name.sock. On success it is ours to
 * close. Returns 0; -EINVAL: it is not a listening socket; or another -errno. */
int tl_unixsock_adopt(struct tl_unixsock *sock, int fd, const char *directory,
                      const char *name) WG_MUST_USE;

/* Stops listening and deletes the file, unless it is no longer ours. Accepts NULL, and an object
 * that failed to open. */
void tl_unixsock_done(struct tl_unixsock *sock);

/* Closes the descriptors; another process has to remove the file. */
void tl_unixsock_close(struct tl_unixsock *sock);

/* Connects to DIRECTORY/NAME.sock; until_ns, a time of tl_clock_boot_ns(), is the deadline. Returns
 * a non-blocking descriptor, the caller's to close; -ENOENT: there is no such file; -ECONNREFUSED:
 * no process listens; -EACCES; -ETIMEDOUT: the connection was not accepted in time; -EINVAL: the
 * name is invalid; or another -errno. */
int tl_unixsock_connect(const char *directory, const char *name, uint64_t until_ns) WG_MUST_USE;

/* Send or receive at least one byte on a non-blocking descriptor; until_ns, a time of
 * tl_clock_boot_ns(), is the deadline. Return the number of bytes (0: the other end has closed the
 * connection); -ETIMEDOUT; or another -errno. */
ssize_t tl_unixsock_send(int fd, const char *bytes, size_t len, uint64_t until_ns) WG_MUST_USE;
ssize_t tl_unixsock_receive(int fd, char *bytes, size_t size, uint64_t until_ns) WG_MUST_USE;

/* Whether the file was deleted, renamed or replaced. Clears watch_fd; never blocks. */
bool tl_unixsock_is_removed(const struct tl_unixsock *sock) WG_MUST_USE;

/* Only clears watch_fd. Never blocks. */
void tl_unixsock_quiet(const struct tl_unixsock *sock);

#endif
