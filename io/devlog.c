/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "io/devlog.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static const struct sockaddr_un place = {.sun_family = AF_UNIX, .sun_path = TL_DEVLOG_PATH};

enum { FLAGS = SOCK_CLOEXEC | SOCK_NONBLOCK };

int tl_devlog_open(struct tl_devlog *syslog)
{
        *syslog = (struct tl_devlog){.fd = socket(AF_UNIX, SOCK_DGRAM | FLAGS, 0),
                                     .connection = -1};
        return syslog->fd < 0 ? -errno : 0;
}

static void disconnect(struct tl_devlog *syslog)
{
        if (syslog->connection >= 0)
                close(syslog->connection);
        syslog->connection = -1;
        syslog->sent = 0;
}

void tl_devlog_close(struct tl_devlog *syslog)
{
        disconnect(syslog);
        if (syslog->fd >= 0)
                close(syslog->fd);
        syslog->fd = -1;
}

/* A stream may accept only part of a message; the next attempt sends the rest. */
static int send_by_connection(struct tl_devlog *syslog, const char *message, size_t len)
{
        size_t wanted = len + syslog->is_stream;

        while (syslog->sent < wanted) {
                ssize_t sent = send(syslog->connection, message + syslog->sent,
                                    wanted - syslog->sent, MSG_NOSIGNAL | MSG_DONTWAIT);

                if (sent < 0 && errno != EINTR)
                        return -errno;
                syslog->sent += sent > 0 ? (size_t)sent : 0;
        }
        syslog->sent = 0;
        return 0;
}

static int send_by_name(struct tl_devlog *syslog, const char *message, size_t len)
{
        while (sendto(syslog->fd, message, len, MSG_NOSIGNAL | MSG_DONTWAIT,
                      (const struct sockaddr *)&place, sizeof(place)) < 0)
                if (errno != EINTR)
                        return -errno;
        return 0;
}

/* Whether the error means that the socket has gone, has changed its type, or is closed to this
 * user. */
static bool can_connection_help(int error)
{
        return error == -EPROTOTYPE || error == -EACCES || error == -EPERM;
}

int tl_devlog_send(struct tl_devlog *syslog, const char *message, size_t len)
{
        int error;

        if (syslog->connection >= 0) {
                error = send_by_connection(syslog, message, len);
                if (!error || error == -EAGAIN || error == -ENOBUFS)
                        return error;
                disconnect(syslog);
        }
        if (syslog->fd < 0)
                return -EBADF;
        error = send_by_name(syslog, message, len);
        syslog->wants_connection = can_connection_help(error);
        return error;
}

int tl_devlog_connect(void)
{
        static const int types[] = {SOCK_DGRAM, SOCK_STREAM};
        int result = -EPROTOTYPE;

        for (size_t i = 0; i < WG_ARRAY_SIZE(types) && result == -EPROTOTYPE; i++) {
                int fd = socket(AF_UNIX, types[i] | FLAGS, 0);

                if (fd < 0)
                        return -errno;
                if (connect(fd, (const struct sockaddr *)&place, sizeof(place)) == 0)
                        return fd;
                result = -errno;
                close(fd);
        }
        return result;
}

void tl_devlog_adopt(struct tl_devlog *syslog, int connection)
{
        int type = SOCK_DGRAM;
        socklen_t len = sizeof(type);

        disconnect(syslog);
        (void)getsockopt(connection, SOL_SOCKET, SO_TYPE, &type, &len);
        syslog->connection = connection;
        syslog->is_stream = type == SOCK_STREAM;
        syslog->wants_connection = false;
}
