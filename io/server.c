/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "io/server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "io/clock.h"

enum { PIECES_A_TURN = 16 };

#define ACCEPT_AGAIN_NS (100 * TL_NS_PER_MS)

/* ---- a connection ---- */

static void end(struct tl_connection *connection)
{
        struct tl_server *server = connection->server;

        tl_loop_remove(&connection->watch);
        close(connection->fd);
        wg_list_remove(&connection->node);
        server->count--;
        server->protocol->end(connection);
        wg_wipe(connection, server->protocol->connection_size);
        free(connection);
}

void tl_connection_reply(struct tl_connection *connection, const char *text, size_t len)
{
        WG_ASSERT(len <= sizeof(connection->reply));
        memcpy(connection->reply, text, len);
        connection->reply_at = 0;
        connection->reply_len = len;
}

bool tl_connection_is_of_root(const struct tl_connection *connection)
{
        struct ucred peer;
        socklen_t len = sizeof(peer);

        return getsockopt(connection->fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
               peer.uid == 0;
}

void tl_connection_stream(struct tl_connection *connection)
{
        connection->is_streaming = true;
}

static bool has_piece(const struct tl_connection *connection)
{
        return connection->reply_at < connection->reply_len;
}

static bool has_reply(const struct tl_connection *connection)
{
        return connection->is_deferred || connection->is_streaming || has_piece(connection);
}

/* Whether nothing can be sent before something else happens in this process. */
static bool must_wait(const struct tl_connection *connection)
{
        if (has_piece(connection))
                return false;
        return connection->is_deferred ||
               (connection->is_streaming && connection->server->is_paused);
}

static bool has_input(const struct tl_connection *connection)
{
        return connection->input_at < connection->input_len;
}

/* Parses up to the end of one request, whose reply then begins. */
static void parse(struct tl_connection *connection)
{
        char *input = connection->input + connection->input_at;
        size_t len = connection->input_len - connection->input_at;
        size_t used = connection->server->protocol->parse(connection, input, len);

        wg_wipe(input, used);
        connection->input_at += used;
}

/* Makes the next piece of a stream. */
static void fill(struct tl_connection *connection)
{
        connection->reply_at = 0;
        connection->reply_len = connection->server->protocol->fill(connection, connection->reply,
                                                                   sizeof(connection->reply));
        WG_ASSERT(connection->reply_len <= sizeof(connection->reply));
        connection->is_streaming = connection->reply_len != 0 || connection->is_deferred;
}

/* Sends as much of the reply as the socket accepts, but not all of a long one at once, because
 * timers and other connections wait. Returns false if the other side is gone. */
static bool send_reply(struct tl_connection *connection)
{
        for (unsigned int i = 0; i < 2 * PIECES_A_TURN && has_reply(connection); i++) {
                ssize_t sent;

                if (must_wait(connection))
                        return true;
                if (!has_piece(connection)) {
                        fill(connection);
                        continue;
                }
                sent = send(connection->fd, connection->reply + connection->reply_at,
                            connection->reply_len - connection->reply_at, MSG_NOSIGNAL);
                if (sent < 0)
                        return errno == EAGAIN || errno == EINTR;
                wg_wipe(connection->reply + connection->reply_at, (size_t)sent);
                connection->reply_at += (size_t)sent;
        }
        return true;
}

/* Returns false if the other side is gone. */
static bool read_request(struct tl_connection *connection)
{
        ssize_t got = recv(connection->fd, connection->input, sizeof(connection->input), 0);

        if (got < 0)
                return errno == EAGAIN || errno == EINTR;
        connection->input_at = 0;
        connection->input_len = (size_t)got;
        return got != 0;
}

static void wait_on(struct tl_connection *connection)
{
        uint32_t events = EPOLLIN;

        if (must_wait(connection))
                events = connection->is_deferred && connection->is_streaming ? EPOLLRDHUP : 0;
        else if (has_reply(connection) || has_input(connection))
                events = EPOLLOUT;
        if (tl_loop_change(&connection->watch, events))
                end(connection);
}

/* One step for a connection that is ready, so that each gets its turn. */
static void serve(void *ctx, uint32_t events)
{
        struct tl_connection *connection = ctx;
        /* A connection that must wait gets here only if its reader is gone. */
        bool is_alive = !must_wait(connection) || !(events & (EPOLLHUP | EPOLLERR | EPOLLRDHUP));

        if (!has_reply(connection) && !has_input(connection))
                is_alive = read_request(connection);
        while (is_alive && !has_reply(connection) && has_input(connection)) {
                parse(connection);
                is_alive = send_reply(connection);
        }
        if (is_alive && has_reply(connection))
                is_alive = send_reply(connection);
        if (is_alive)
                wait_on(connection);
        else
                end(connection);
}

void tl_connection_defer(struct tl_connection *connection)
{
        connection->is_deferred = true;
}

void tl_connection_resume(struct tl_connection *connection)
{
        if (!connection->is_deferred)
                return;
        connection->is_deferred = false;
        wait_on(connection);
}

void tl_server_pause(struct tl_server *server, bool is_paused)
{
        if (is_paused == server->is_paused)
                return;
        server->is_paused = is_paused;
        WG_LIST_EACH(node, &server->connections)
                wait_on(WG_CONTAINER_OF(node, struct tl_connection, node));
}

/* Takes over the descriptor. */
static void begin(struct tl_server *server, int fd)
{
        const struct tl_server_protocol *protocol = server->protocol;
        struct tl_connection *connection = server->count < protocol->connections_max
                                                   ? calloc(1, protocol->connection_size)
                                                   : NULL;

        if (!connection) {
                tl_log(server->log, TL_LOG_ERROR, "%s on the %s socket; one was rejected",
                       server->count < protocol->connections_max ? "no memory for a client"
                                                                 : "too many clients",
                       protocol->name);
                close(fd);
                return;
        }
        connection->server = server;
        connection->fd = fd;
        protocol->begin(connection);
        wg_list_append(&server->connections, &connection->node);
        server->count++;
        if (tl_loop_add(server->loop, &connection->watch, fd, EPOLLIN, serve, connection))
                end(connection);
}

/* ---- the listening socket ---- */

static int accept_one(struct tl_server *server)
{
        int fd;

        do
                fd = accept4(server->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        while (fd < 0 && (errno == EINTR || errno == ECONNABORTED));
        if (fd < 0 && errno == EAGAIN)
                return 0;
        if (fd < 0) {
                int error = -errno;

                tl_log(server->log, TL_LOG_ERROR, "cannot accept a client on the %s socket: %s",
                       server->protocol->name, strerror(-error));
                return error;
        }
        begin(server, fd);
        return 0;
}

static void is_connecting(void *ctx, uint32_t events WG_UNUSED)
{
        struct tl_server *server = ctx;

        if (accept_one(server) == 0)
                return;
        /* Out of descriptors or memory: let the client wait, or the loop would spin. */
        tl_loop_remove(&server->listen_watch);
        server->accept_again_ns = tl_clock_boot_ns() + ACCEPT_AGAIN_NS;
}

static int wait_for_connections(struct tl_server *server)
{
        server->accept_again_ns = 0;
        return tl_loop_add(server->loop, &server->listen_watch, server->fd, EPOLLIN, is_connecting,
                           server);
}

void tl_server_init(struct tl_server *server, const struct tl_server_protocol *protocol, void *ctx,
                    struct tl_loop *loop, struct tl_log *log)
{
        *server = (struct tl_server){
                .protocol = protocol, .ctx = ctx, .loop = loop, .log = log, .fd = -1};
        wg_list_init(&server->connections);
}

int tl_server_listen(struct tl_server *server, int fd)
{
        server->fd = fd;
        return wait_for_connections(server);
}

/* Returns when to call again, or TL_LOOP_NEVER. */
static uint64_t accept_again(struct tl_server *server, uint64_t now_ns)
{
        int error;

        if (!server->accept_again_ns)
                return TL_LOOP_NEVER;
        if (now_ns < server->accept_again_ns)
                return server->accept_again_ns;
        error = wait_for_connections(server);
        if (!error)
                return TL_LOOP_NEVER;
        server->accept_again_ns = now_ns + ACCEPT_AGAIN_NS;
        return server->accept_again_ns;
}

uint64_t tl_server_work(struct tl_server *server, uint64_t now_ns)
{
        uint64_t accept_ns = accept_again(server, now_ns), work_ns = TL_LOOP_NEVER;

        if (server->protocol->work)
                work_ns = server->protocol->work(server, now_ns);
        return WG_MIN(accept_ns, work_ns);
}

void tl_server_done(struct tl_server *server)
{
        if (!server->protocol)
                return;
        tl_loop_remove(&server->listen_watch);
        WG_LIST_EACH(node, &server->connections)
                end(WG_CONTAINER_OF(node, struct tl_connection, node));
}
