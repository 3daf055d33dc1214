/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "lab/serve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/fail.h"
#include "io/loop.h"

enum { CLIENTS_MAX = 256, SERVERS_MAX = 1024 };

struct server;

/* A connection that we have greeted, until the client closes it. */
struct client {
        struct tl_watch watch;
        int fd; /* -1: free */
};

struct server {
        const char *name; /* of the machine */
        struct tl_loop *loop;
        struct tl_watch watch;
        int fd;
};

static struct tl_loop loop;
static struct client clients[CLIENTS_MAX];
static struct server servers[SERVERS_MAX];

/* Writes the greeting; returns its length. */
static size_t greet(char *out, size_t size, const char *name, const struct sockaddr_in6 *from)
{
        char address[INET6_ADDRSTRLEN];
        const char *text = inet_ntop(AF_INET6, &from->sin6_addr, address, sizeof(address));

        if (text && strncmp(text, "::ffff:", 7) == 0)
                text += 7;
        snprintf(out, size, "%s, seen from %s\n", name, text ? text : "?");
        return strlen(out);
}

static void close_client(struct client *client)
{
        tl_loop_remove(&client->watch);
        close(client->fd);
        client->fd = -1;
}

static void hear(void *ctx, uint32_t events)
{
        struct client *client = ctx;
        char buffer[65536];

        (void)events;
        if (recv(client->fd, buffer, sizeof(buffer), MSG_DONTWAIT) <= 0 && errno != EAGAIN)
                close_client(client);
}

static struct client *find_free_client(void)
{
        for (size_t i = 0; i < CLIENTS_MAX; i++)
                if (clients[i].fd < 0)
                        return &clients[i];
        return NULL;
}

static void accept_client(void *ctx, uint32_t events)
{
        struct server *server = ctx;
        struct client *client = find_free_client();
        struct sockaddr_in6 from;
        socklen_t len = sizeof(from);
        int fd = accept4(server->fd, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        char line[256];
        size_t greeting;

        (void)events;
        if (fd < 0)
                return;
        greeting = greet(line, sizeof(line), server->name, &from);
        if (send(fd, line, greeting, MSG_NOSIGNAL) < 0 || !client ||
            tl_loop_add(server->loop, &client->watch, fd, EPOLLIN, hear, client) < 0)
                close(fd);
        else
                client->fd = fd;
}

/* Answers a datagram from the address that it was sent to: this machine has several. */
static void answer(void *ctx, uint32_t events)
{
        const struct server *server = ctx;
        union {
                char bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
                struct cmsghdr align;
        } control;
        struct sockaddr_in6 from;
        char line[256];
        struct iovec data = {.iov_base = line, .iov_len = sizeof(line)};
        struct msghdr message = {.msg_name = &from,
                                 .msg_namelen = sizeof(from),
                                 .msg_iov = &data,
                                 .msg_iovlen = 1,
                                 .msg_control = &control,
                                 .msg_controllen = sizeof(control)};
        struct cmsghdr *to;

        (void)events;
        if (recvmsg(server->fd, &message, MSG_DONTWAIT) < 0)
                return;
        to = CMSG_FIRSTHDR(&message);
        if (to && to->cmsg_level == IPPROTO_IPV6 && to->cmsg_type == IPV6_PKTINFO)
                ((struct in6_pktinfo *)CMSG_DATA(to))->ipi6_ifindex = 0; /* routes decide */
        data.iov_len = greet(line, sizeof(line), server->name, &from);
        /* A client that is gone by now hears nothing, and we need not know. */
        (void)!sendmsg(server->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* Opens a server for both address families. Returns false if that is not possible. */
static bool open_server(struct server *server, const struct tl_listener *listener)
{
        bool is_tcp = listener->protocol == WG_PROTOCOL_TCP;
        const struct sockaddr_in6 address = {.sin6_family = AF_INET6,
                                             .sin6_port = htons(listener->port)};
        int no = 0, yes = 1;

        server->fd = socket(AF_INET6, (is_tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0);
        if (server->fd < 0)
                return false;
        setsockopt(server->fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof(no));
        setsockopt(server->fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
        setsockopt(server->fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &yes, sizeof(yes));
        if (bind(server->fd, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
            (!is_tcp || listen(server->fd, 64) == 0) &&
            tl_loop_add(server->loop, &server->watch, server->fd, EPOLLIN,
                        is_tcp ? accept_client : answer, server) == 0)
                return true;
        close(server->fd);
        return false;
}

int tl_serve(const struct tl_lab_machine *machine)
{
        uint32_t count = WG_MIN(machine->listener_count, (uint32_t)SERVERS_MAX);
        int error = tl_loop_init(&loop);

        for (size_t i = 0; i < CLIENTS_MAX; i++)
                clients[i].fd = -1;
        for (uint32_t i = 0; !error && i < count; i++) {
                servers[i] = (struct server){.name = machine->name, .loop = &loop};
                if (!open_server(&servers[i], &machine->listeners[i]))
                        tl_warn("%s: port %u is in use", machine->name, machine->listeners[i].port);
        }
        while (error >= 0)
                error = tl_loop_run(&loop, TL_LOOP_NEVER);
        tl_fail("%s: cannot serve: %s", machine->name, strerror(-error));
        return 1;
}
