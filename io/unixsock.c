/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "io/unixsock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "io/clock.h"

#define RETRY_FOR_NS (2 * TL_NS_PER_S)
#define RETRY_EVERY_NS (20 * TL_NS_PER_MS)

/* Everything that can happen to the file, or to its directory. */
#define WATCHED (IN_CREATE | IN_DELETE | IN_MOVE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)

static int set_path(struct sockaddr_un *address, const char *directory, const char *prefix,
                    const char *name, const char *suffix)
{
        int len;

        if (!*name || strchr(name, '/'))
                return -EINVAL;
        address->sun_family = AF_UNIX;
        len = snprintf(address->sun_path, sizeof(address->sun_path), "%s/%s%s%s", directory, prefix,
                       name, suffix);
        return len < 0 || (size_t)len >= sizeof(address->sun_path) ? -ENAMETOOLONG : 0;
}

static int make_directory(const char *directory)
{
        if (mkdir(directory, 0755) < 0)
                return errno == EEXIST ? 0 : -errno;
        /* Again, since the umask may have cleared some bits. */
        return chmod(directory, 0755) < 0 ? -errno : 0;
}

/* Whether a process listens there: 1, 0, or -errno if that is unknown. */
static int is_served(const struct sockaddr_un *address)
{
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), result;

        if (fd < 0)
                return -errno;
        if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0)
                result = 1;
        else if (errno == EAGAIN) /* yes, but its backlog is full */
                result = 1;
        else if (errno == ECONNREFUSED || errno == ENOENT)
                result = 0;
        else
                result = -errno;
        close(fd);
        return result;
}

static int wait_until_free(const struct sockaddr_un *address)
{
        const struct timespec pause = {.tv_nsec = RETRY_EVERY_NS};
        uint64_t end_ns = tl_clock_boot_ns() + RETRY_FOR_NS;
        int served;

        while ((served = is_served(address)) > 0) {
                if (tl_clock_boot_ns() >= end_ns)
                        return -EADDRINUSE;
                nanosleep(&pause, NULL);
        }
        return served;
}

/* Opens a socket that listens at a path, for its owner alone. */
static int listen_at(struct tl_unixsock *sock, const struct sockaddr_un *address)
{
        sock->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (sock->fd < 0)
                return -errno;
        /* Linux gives the file the mode of the socket. So others can never connect, and the umask,
         * which all threads share, need not change. */
        if (fchmod(sock->fd, 0600) < 0 ||
            bind(sock->fd, (const struct sockaddr *)address, sizeof(*address)) < 0 ||
            listen(sock->fd, SOMAXCONN) < 0)
                return -errno;
        return 0;
}

static int remember_file(struct tl_unixsock *sock, const char *path)
{
        struct stat file;

        if (lstat(path, &file) < 0)
                return -errno;
        sock->device = file.st_dev;
        sock->inode = file.st_ino;
        return 0;
}

static bool is_ours(const struct tl_unixsock *sock)
{
        struct stat file;

        return lstat(sock->address.sun_path, &file) == 0 && file.st_dev == sock->device &&
               file.st_ino == sock->inode;
}

static void watch_directory(struct tl_unixsock *sock, const char *directory)
{
        sock->watch_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
        if (sock->watch_fd < 0 || inotify_add_watch(sock->watch_fd, directory, WATCHED) >= 0)
                return;
        close(sock->watch_fd);
        sock->watch_fd = -1;
}

void tl_unixsock_close(struct tl_unixsock *sock)
{
        if (sock->fd >= 0)
                close(sock->fd);
        if (sock->watch_fd >= 0)
                close(sock->watch_fd);
        sock->fd = sock->watch_fd = -1;
}

int tl_unixsock_listen(struct tl_unixsock *sock, const char *directory, const char *name)
{
        struct sockaddr_un temporary;
        char suffix[16];
        int result;

        *sock = (struct tl_unixsock){.fd = -1, .watch_fd = -1};
        snprintf(suffix, sizeof(suffix), ".%d", (int)getpid());
        result = set_path(&sock->address, directory, "", name, ".sock");
        if (result == 0)
                result = set_path(&temporary, directory, ".", name, suffix);
        if (result == 0)
                result = make_directory(directory);
        if (result < 0)
                return result;
        unlink(temporary.sun_path); /* left by a killed process that had our PID */
        result = listen_at(sock, &temporary);
        if (result == 0)
                result = remember_file(sock, temporary.sun_path);
        if (result == 0)
                result = wait_until_free(&sock->address);
        if (result < 0)
                goto out;
        /* Watch first, so that no deletion is missed. */
        watch_directory(sock, directory);
        if (rename(temporary.sun_path, sock->address.sun_path) < 0)
                result = -errno;
out:
        if (result < 0) {
                unlink(temporary.sun_path);
                tl_unixsock_close(sock);
        }
        return result;
}

static bool listens(int fd)
{
        int domain = 0, accepts = 0;
        socklen_t len = sizeof(int);

        return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 && domain == AF_UNIX &&
               getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &accepts, &len) == 0 && accepts;
}

int tl_unixsock_adopt(struct tl_unixsock *sock, int fd, const char *directory, const char *name)
{
        int status, result;

        *sock = (struct tl_unixsock){.fd = -1, .watch_fd = -1};
        if (!listens(fd))
                return -EINVAL;
        result = set_path(&sock->address, directory, "", name, ".sock");
        if (result == 0)
                result = remember_file(sock, sock->address.sun_path);
        if (result < 0)
                return result;
        status = fcntl(fd, F_GETFL);
        if (status < 0 || fcntl(fd, F_SETFL, status | O_NONBLOCK) < 0 ||
            fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
                return -errno;
        watch_directory(sock, directory);
        sock->fd = fd;
        return 0;
}

void tl_unixsock_done(struct tl_unixsock *sock)
{
        if (!sock || sock->fd < 0)
                return;
        if (is_ours(sock))
                unlink(sock->address.sun_path);
        tl_unixsock_close(sock);
}

/* Waits until a descriptor is ready for `events`. Returns 0, -ETIMEDOUT or another -errno. */
static int wait_for(int fd, short events, uint64_t until_ns)
{
        uint64_t now_ns = tl_clock_boot_ns();
        struct pollfd pollfd = {.fd = fd, .events = events};
        int ready;

        if (now_ns >= until_ns)
                return -ETIMEDOUT;
        ready = poll(&pollfd, 1, (int)((until_ns - now_ns) / TL_NS_PER_MS) + 1);
        return ready < 0 && errno != EINTR ? -errno : 0;
}

int tl_unixsock_connect(const char *directory, const char *name, uint64_t until_ns)
{
        const struct timespec pause = {.tv_nsec = RETRY_EVERY_NS};
        struct sockaddr_un address;
        int fd, result = set_path(&address, directory, "", name, ".sock");

        if (result < 0)
                return result;
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return -errno;
        while (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
                result = -errno;
                /* The backlog is full, and no event tells when that changes. */
                if (result == -EAGAIN && tl_clock_boot_ns() < until_ns) {
                        nanosleep(&pause, NULL);
                        continue;
                }
                close(fd);
                return result == -EAGAIN ? -ETIMEDOUT : result;
        }
        return fd;
}

/* Whether to retry a step that failed with this -errno. Waits until it can succeed; if it returns
 * false, *error says why. */
static bool may_retry(int fd, short events, uint64_t until_ns, int *error)
{
        if (*error == -EAGAIN)
                *error = wait_for(fd, events, until_ns);
        return *error == 0 || *error == -EINTR;
}

ssize_t tl_unixsock_send(int fd, const char *bytes, size_t len, uint64_t until_ns)
{
        ssize_t sent;
        int error;

        do {
                sent = send(fd, bytes, len, MSG_NOSIGNAL);
                error = sent < 0 ? -errno : 0;
        } while (sent < 0 && may_retry(fd, POLLOUT, until_ns, &error));
        return sent < 0 ? error : sent;
}

ssize_t tl_unixsock_receive(int fd, char *bytes, size_t size, uint64_t until_ns)
{
        ssize_t got;
        int error;

        do {
                got = recv(fd, bytes, size, 0);
                error = got < 0 ? -errno : 0;
        } while (got < 0 && may_retry(fd, POLLIN, until_ns, &error));
        return got < 0 ? error : got;
}

void tl_unixsock_quiet(const struct tl_unixsock *sock)
{
        _Alignas(struct inotify_event) char events[4096];

        /* The events do not matter, only that the file is checked after them. */
        while (sock->watch_fd >= 0 && read(sock->watch_fd, events, sizeof(events)) > 0)
                continue;
}

bool tl_unixsock_is_removed(const struct tl_unixsock *sock)
{
        tl_unixsock_quiet(sock);
        return !is_ours(sock);
}
