/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "daemon/clients.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "io/clock.h"

enum { PIECES_A_TURN = 16 };

#define ACCEPT_AGAIN_NS (100 * TL_NS_PER_MS)

/* ---- a client ---- */

static void end(struct tl_client *client)
{
        struct tl_clients *clients = client->clients;

        tl_loop_remove(&client->watch);
        close(client->fd);
        wg_list_remove(&client->node);
        clients->count--;
        clients->protocol->end(client);
        wg_wipe(client, clients->protocol->client_size);
        free(client);
}

void tl_client_reply(struct tl_client *client, const char *text, size_t len)
{
        WG_ASSERT(len <= sizeof(client->reply));
        memcpy(client->reply, text, len);
        client->reply_at = 0;
        client->reply_len = len;
}

void tl_client_tell(struct tl_client *client)
{
        client->is_telling = true;
}

static bool has_piece(const struct tl_client *client)
{
        return client->reply_at < client->reply_len;
}

static bool has_reply(const struct tl_client *client)
{
        return client->is_deferred || client->is_telling || has_piece(client);
}

/* Whether there is nothing to do for the client before something else happens here. */
static bool must_wait(const struct tl_client *client)
{
        return client->is_deferred ||
               (client->is_telling && !has_piece(client) && client->clients->is_paused);
}

static bool has_input(const struct tl_client *client)
{
        return client->input_at < client->input_len;
}

/* Parses what was read up to the end of one request, and begins its reply. */
static void parse(struct tl_client *client)
{
        char *input = client->input + client->input_at;
        size_t used = client->clients->protocol->parse(client, input,
                                                       client->input_len - client->input_at);

        wg_wipe(input, used);
        client->input_at += used;
}

/* Sends as much of the reply as the socket takes, but not a long one all at once: timers and other
 * clients wait. Returns false when the client is gone. */
static bool send_reply(struct tl_client *client)
{
        for (unsigned int i = 0; i < 2 * PIECES_A_TURN && has_reply(client); i++) {
                ssize_t sent;

                if (must_wait(client))
                        return true;
                if (!has_piece(client)) {
                        client->reply_at = 0;
                        client->reply_len = client->clients->protocol->tell(client, client->reply,
                                                                            sizeof(client->reply));
                        client->is_telling = client->reply_len != 0;
                        continue;
                }
                sent = send(client->fd, client->reply + client->reply_at,
                            client->reply_len - client->reply_at, MSG_NOSIGNAL);
                if (sent < 0)
                        return errno == EAGAIN || errno == EINTR;
                wg_wipe(client->reply + client->reply_at, (size_t)sent);
                client->reply_at += (size_t)sent;
        }
        return true;
}

/* Returns false when the client is gone. */
static bool read_request(struct tl_client *client)
{
        ssize_t got = recv(client->fd, client->input, sizeof(client->input), 0);

        if (got < 0)
                return errno == EAGAIN || errno == EINTR;
        client->input_at = 0;
        client->input_len = (size_t)got;
        return got != 0;
}

static void wait_on(struct tl_client *client)
{
        uint32_t events = EPOLLIN;

        if (must_wait(client))
                events = 0;
        else if (has_reply(client) || has_input(client))
                events = EPOLLOUT;
        if (tl_loop_change(&client->watch, events))
                end(client);
}

/* One step for a client that is ready, so that all have their turn. */
static void serve(void *ctx, uint32_t events)
{
        struct tl_client *client = ctx;
        /* Whoever waits for nothing is called only when nobody is there to read the reply. */
        bool is_alive = !must_wait(client) || !(events & (EPOLLHUP | EPOLLERR));

        if (!has_reply(client) && !has_input(client))
                is_alive = read_request(client);
        while (is_alive && !has_reply(client) && has_input(client)) {
                parse(client);
                is_alive = send_reply(client);
        }
        if (is_alive && has_reply(client))
                is_alive = send_reply(client);
        if (is_alive)
                wait_on(client);
        else
                end(client);
}

void tl_client_defer(struct tl_client *client)
{
        client->is_deferred = true;
}

void tl_client_resume(struct tl_client *client)
{
        client->is_deferred = false;
        wait_on(client);
}

void tl_clients_pause(struct tl_clients *clients, bool is_paused)
{
        if (is_paused == clients->is_paused)
                return;
        clients->is_paused = is_paused;
        WG_LIST_EACH(node, &clients->list)
                wait_on(WG_CONTAINER_OF(node, struct tl_client, node));
}

static void begin(struct tl_clients *clients, int fd)
{
        const struct tl_clients_protocol *protocol = clients->protocol;
        struct tl_client *client = clients->count < protocol->clients_max
                                           ? calloc(1, protocol->client_size)
                                           : NULL;

        if (!client) {
                tl_log(clients->log, TL_LOG_ERROR, "%s at the %s socket; one was turned away",
                       clients->count < protocol->clients_max ? "no memory for a client"
                                                              : "too many clients",
                       protocol->socket);
                close(fd);
                return;
        }
        client->clients = clients;
        client->fd = fd;
        protocol->begin(client);
        wg_list_append(&clients->list, &client->node);
        clients->count++;
        if (tl_loop_add(clients->loop, &client->watch, fd, EPOLLIN, serve, client))
                end(client);
}

/* ---- the socket ---- */

static int accept_one(struct tl_clients *clients)
{
        int fd = tl_unixsock_accept(clients->sock);

        if (fd == -EAGAIN)
                return 0;
        if (fd < 0) {
                tl_log(clients->log, TL_LOG_ERROR, "cannot accept a client at the %s socket: %s",
                       clients->protocol->socket, strerror(-fd));
                return fd;
        }
        begin(clients, fd);
        return 0;
}

static void client_waits(void *ctx, uint32_t events)
{
        struct tl_clients *clients = ctx;

        (void)events;
        if (accept_one(clients) == 0)
                return;
        /* Out of descriptors, or of memory: the client goes on waiting, and we do not spin. */
        tl_loop_remove(&clients->listen_watch);
        clients->accept_again_ns = tl_clock_boot_ns() + ACCEPT_AGAIN_NS;
}

static int wait_for_clients(struct tl_clients *clients)
{
        clients->accept_again_ns = 0;
        return tl_loop_add(clients->loop, &clients->listen_watch, clients->sock->fd, EPOLLIN,
                           client_waits, clients);
}

void tl_clients_init(struct tl_clients *clients, const struct tl_clients_protocol *protocol,
                     void *ctx, struct tl_loop *loop, struct tl_log *log)
{
        *clients = (struct tl_clients){.protocol = protocol, .ctx = ctx, .loop = loop, .log = log};
        wg_list_init(&clients->list);
}

int tl_clients_listen(struct tl_clients *clients, const struct tl_unixsock *sock)
{
        clients->sock = sock;
        return wait_for_clients(clients);
}

uint64_t tl_clients_work(struct tl_clients *clients, uint64_t now_ns)
{
        int error;

        if (!clients->accept_again_ns)
                return TL_LOOP_NEVER;
        if (now_ns < clients->accept_again_ns)
                return clients->accept_again_ns;
        error = wait_for_clients(clients);
        if (!error)
                return TL_LOOP_NEVER;
        clients->accept_again_ns = now_ns + ACCEPT_AGAIN_NS;
        return clients->accept_again_ns;
}

void tl_clients_done(struct tl_clients *clients)
{
        if (!clients->protocol)
                return;
        tl_loop_remove(&clients->listen_watch);
        WG_LIST_EACH(node, &clients->list)
                end(WG_CONTAINER_OF(node, struct tl_client, node));
}
