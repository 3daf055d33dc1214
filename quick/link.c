/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "quick/link.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"
#include "conf/client.h"
#include "io/unixsock.h"

static int connect_to(const char *ifname)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), error;

        if (fd < 0)
                return -errno;
        snprintf(address.sun_path, sizeof(address.sun_path), TL_UNIXSOCK_DIRECTORY "/%s.sock",
                 ifname);
        if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
                return fd;
        error = -errno;
        close(fd);
        return error;
}

static int send_all(int fd, const char *text, size_t len)
{
        while (len) {
                ssize_t sent = send(fd, text, len, MSG_NOSIGNAL);

                if (sent < 0 && errno != EINTR)
                        return -errno;
                if (sent > 0) {
                        text += sent;
                        len -= (size_t)sent;
                }
        }
        return 0;
}

/* A reply that grows; the bytes of it are wiped wherever they were. */
struct reply {
        char *text;
        size_t len, room;
};

static void reply_done(struct reply *reply)
{
        if (reply->text)
                wg_wipe(reply->text, reply->len);
        free(reply->text);
        *reply = (struct reply){0};
}

static int make_room(struct reply *reply)
{
        size_t room = reply->room ? reply->room * 2 : 4096;
        char *bigger;

        if (reply->len < reply->room)
                return 0;
        bigger = malloc(room);
        if (!bigger)
                return -ENOMEM;
        if (reply->len)
                memcpy(bigger, reply->text, reply->len);
        if (reply->text)
                wg_wipe(reply->text, reply->len);
        free(reply->text);
        reply->text = bigger;
        reply->room = room;
        return 0;
}

static int receive(int fd, struct reply *reply)
{
        while (!tl_client_is_reply(reply->text, reply->len)) {
                int error = make_room(reply);
                ssize_t got;

                if (error)
                        return error;
                got = read(fd, reply->text + reply->len, reply->room - reply->len);
                if (got == 0)
                        return -EPIPE;
                if (got < 0 && errno != EINTR)
                        return -errno;
                if (got > 0)
                        reply->len += (size_t)got;
        }
        return -tl_client_reply_errno(reply->text, reply->len);
}

/* Asks, and takes the reply, which the caller releases on success. */
static int ask(const char *ifname, const char *request, size_t len, struct reply *reply)
{
        int fd = connect_to(ifname), error;

        *reply = (struct reply){0};
        if (fd < 0)
                return fd;
        error = send_all(fd, request, len);
        if (!error)
                error = receive(fd, reply);
        close(fd);
        if (error)
                reply_done(reply);
        return error;
}

bool tl_link_is_served(const char *ifname)
{
        int fd = connect_to(ifname);

        if (fd < 0)
                return false;
        close(fd);
        return true;
}

int tl_link_set(const char *ifname, const struct tl_conf_device *change)
{
        size_t room = tl_client_room(change), len;
        char *request = malloc(room);
        struct reply reply;
        int error;

        if (!request)
                return -ENOMEM;
        len = tl_client_format_request(change, request, room);
        error = ask(ifname, request, len, &reply);
        reply_done(&reply);
        wg_wipe(request, len);
        free(request);
        return error;
}

int tl_link_set_mark(const char *ifname, uint32_t mark)
{
        struct tl_conf_device change;

        tl_conf_device_init(&change);
        change.has_fwmark = true;
        change.fwmark = mark;
        return tl_link_set(ifname, &change);
}

int tl_link_get(const char *ifname, struct tl_conf_device *device)
{
        static const char request[] = "get=1\n\n";
        struct reply reply;
        int error = ask(ifname, request, sizeof(request) - 1, &reply);

        if (error)
                return error;
        if (!tl_client_read_reply(reply.text, reply.len, device))
                error = -EPROTO;
        reply_done(&reply);
        return error;
}
