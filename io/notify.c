/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "io/notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* A leading '@' means the zero byte of a name in the abstract namespace. */
static int connect_to(const char *name)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        size_t len = strlen(name);
        int fd, error;

        if ((name[0] != '/' && name[0] != '@') || !name[1] || len >= sizeof(address.sun_path))
                return -EINVAL;
        memcpy(address.sun_path, name, len);
        if (name[0] == '@')
                address.sun_path[0] = '\0';
        fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return -errno;
        if (connect(fd, (const struct sockaddr *)&address,
                    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) == 0)
                return fd;
        error = -errno;
        close(fd);
        return error;
}

int tl_notify_init(struct tl_notify *notify)
{
        const char *name = getenv("NOTIFY_SOCKET");
        int fd;

        notify->fd = -1;
        if (!name || !*name)
                return 0;
        fd = connect_to(name);
        unsetenv("NOTIFY_SOCKET");
        if (fd < 0)
                return fd;
        notify->fd = fd;
        return 0;
}

int tl_notify_tell(const struct tl_notify *notify, const char *message)
{
        size_t len = strlen(message);

        if (notify->fd < 0)
                return 0;
        while (send(notify->fd, message, len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
                if (errno != EINTR)
                        return -errno;
        return 0;
}

void tl_notify_done(struct tl_notify *notify)
{
        if (!notify)
                return;
        if (notify->fd >= 0)
                close(notify->fd);
        notify->fd = -1;
}
