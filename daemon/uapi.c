/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "daemon/uapi.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conf/uapi.h"
#include "daemon/peers.h"

enum { READ_SIZE = 16384, REPLY_SIZE = 16384, CLIENTS_MAX = 1024, PIECES_A_TURN = 16 };

/* One connection. While a reply is on its way nothing more is read from it. */
struct client {
        struct tl_uapi *uapi;
        struct wg_list node;
        struct tl_watch watch;
        int fd;
        struct tl_uapi_parser parser;

        /* Bytes that were read, and not parsed yet since a reply comes first. */
        char input[READ_SIZE];
        size_t input_at, input_len;

        /* The reply, or as much of it as is made. */
        char reply[REPLY_SIZE];
        size_t reply_at, reply_len;
        bool is_telling; /* the writer has more */
        struct tl_uapi_source source;
        struct tl_uapi_writer writer;

        /* Where the telling is, in a way that outlives changes between two pieces of a reply. */
        struct tl_peer_cursor peer;
        size_t told_ips;
        uint64_t ip_generation; /* of the configuration when ip_cursor was looked up */
        const struct wg_list *ip_cursor;
};

struct tl_uapi {
        struct tl_device *device;
        struct wg_list clients;
        unsigned int count;
};

/* ---- telling the device ---- */

static void tell_device(void *ctx, struct tl_uapi_device_status *status)
{
        const struct client *client = ctx;
        const struct tl_device *device = client->uapi->device;
        const struct wg_identity *identity = atomic_load(&device->engine.identity);

        *status = (struct tl_uapi_device_status){
                .has_private_key = identity != NULL,
                .listen_port = device->listen_port,
                .fwmark = device->fwmark,
        };
        if (identity)
                memcpy(status->private_key, identity->private_key, WG_KEY_LEN);
}

static bool tell_peer(void *ctx, struct tl_uapi_peer_status *status)
{
        struct client *client = ctx;
        const struct tl_device *device = client->uapi->device;
        struct wg_peer *peer = tl_peer_cursor_next(&client->peer, device);

        if (!peer)
                return false;
        client->told_ips = 0;
        client->ip_generation = device->generation;
        client->ip_cursor = NULL;
        memset(status, 0, sizeof(*status));
        memcpy(status->public_key, peer->public_key, WG_KEY_LEN);
        memcpy(status->preshared_key, peer->preshared_key, WG_KEY_LEN);
        wg_path_read(&peer->path, &status->endpoint);
        status->last_handshake_s = peer->handshake_real_ns / WG_NS_PER_S;
        status->last_handshake_ns = (uint32_t)(peer->handshake_real_ns % WG_NS_PER_S);
        status->persistent_keepalive_s = peer->keepalive_s;
        status->tx_bytes = atomic_load(&peer->tx_bytes);
        status->rx_bytes = atomic_load(&peer->rx_bytes);
        return true;
}

/* Finds the place in the peer's allowed IPs again after the configuration changed. */
static bool resume_ips(struct client *client, const struct wg_peer *peer)
{
        struct wg_prefix skipped;

        client->ip_cursor = NULL;
        client->ip_generation = client->uapi->device->generation;
        for (size_t i = 0; i < client->told_ips; i++)
                if (!wg_allowed_next(&peer->allowed, &client->ip_cursor, &skipped))
                        return false;
        return true;
}

static bool tell_allowed_ip(void *ctx, struct wg_prefix *prefix)
{
        struct client *client = ctx;
        const struct tl_device *device = client->uapi->device;
        const struct wg_peer *peer = tl_peer_cursor_get(&client->peer, device);

        if (!peer || (client->ip_generation != device->generation && !resume_ips(client, peer)) ||
            !wg_allowed_next(&peer->allowed, &client->ip_cursor, prefix))
                return false;
        client->told_ips++;
        return true;
}

/* ---- a client ---- */

static void end(struct client *client)
{
        tl_loop_remove(&client->watch);
        close(client->fd);
        wg_list_remove(&client->node);
        client->uapi->count--;
        tl_uapi_parser_done(&client->parser);
        wg_wipe(client, sizeof(*client));
        free(client);
}

static void start_telling(struct client *client)
{
        client->peer = (struct tl_peer_cursor){.serial = 0};
        client->is_telling = true;
        tl_uapi_writer_init(&client->writer, &client->source);
}

static void reply_errno(struct client *client, int errnum)
{
        client->reply_at = 0;
        client->reply_len = tl_uapi_format_errno(client->reply, client->parser.operation, errnum);
}

static void set(struct client *client, struct tl_conf_device *change)
{
        struct tl_uapi *uapi = client->uapi;
        int error = tl_apply(uapi->device, change);

        tl_conf_device_done(change);
        if (error)
                tl_log(uapi->device->log, TL_LOG_ERROR,
                       "configuration request refused, nothing changed: %s", strerror(-error));
        reply_errno(client, -error);
}

/* Parses what was read up to the end of one request, and begins its reply. */
static void parse(struct client *client)
{
        struct tl_conf_device change;
        char *input = client->input + client->input_at;
        size_t used = 0;
        enum tl_uapi_event event;

        tl_conf_device_init(&change);
        event = tl_uapi_parser_feed(&client->parser, input, client->input_len - client->input_at,
                                    &used, &change);
        wg_wipe(input, used);
        client->input_at += used;
        switch (event) {
        case TL_UAPI_MORE:
                break;
        case TL_UAPI_SET:
                set(client, &change);
                break;
        case TL_UAPI_GET:
                start_telling(client);
                break;
        case TL_UAPI_ERROR:
                tl_log(client->uapi->device->log, TL_LOG_ERROR,
                       "configuration request refused, nothing changed: line %u: %s",
                       client->parser.error.line, client->parser.error.message);
                reply_errno(client, client->parser.error.errnum);
                break;
        }
}

static bool has_reply(const struct client *client)
{
        return client->is_telling || client->reply_at < client->reply_len;
}

/* Sends as much of the reply as the socket takes, but not a long one all at once: timers and other
 * clients wait. Returns false when the client is gone. */
static bool send_reply(struct client *client)
{
        for (unsigned int i = 0; i < 2 * PIECES_A_TURN && has_reply(client); i++) {
                ssize_t sent;

                if (client->reply_at == client->reply_len) {
                        client->reply_at = 0;
                        client->reply_len = tl_uapi_writer_fill(&client->writer, client->reply,
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
static bool read_request(struct client *client)
{
        ssize_t got = recv(client->fd, client->input, sizeof(client->input), 0);

        if (got < 0)
                return errno == EAGAIN || errno == EINTR;
        client->input_at = 0;
        client->input_len = (size_t)got;
        return got != 0;
}

/* One step for a client that is ready, so that all have their turn. */
static void serve(void *ctx, uint32_t events)
{
        struct client *client = ctx;
        bool is_alive = true;

        (void)events;
        if (!has_reply(client) && client->input_at == client->input_len)
                is_alive = read_request(client);
        while (is_alive && !has_reply(client) && client->input_at < client->input_len) {
                parse(client);
                is_alive = send_reply(client);
        }
        if (is_alive && has_reply(client))
                is_alive = send_reply(client);
        if (!is_alive ||
            tl_loop_change(&client->watch, has_reply(client) || client->input_at < client->input_len
                                                   ? EPOLLOUT
                                                   : EPOLLIN))
                end(client);
}

static void begin(struct tl_uapi *uapi, int fd)
{
        struct client *client = uapi->count < CLIENTS_MAX ? calloc(1, sizeof(*client)) : NULL;

        if (!client) {
                tl_log(uapi->device->log, TL_LOG_ERROR,
                       "too many clients at the control socket; one was turned away");
                close(fd);
                return;
        }
        client->uapi = uapi;
        client->fd = fd;
        client->source = (struct tl_uapi_source){
                .ctx = client,
                .device = tell_device,
                .next_peer = tell_peer,
                .next_allowed_ip = tell_allowed_ip,
        };
        tl_uapi_parser_init(&client->parser);
        wg_list_append(&uapi->clients, &client->node);
        uapi->count++;
        if (tl_loop_add(&uapi->device->loop, &client->watch, fd, EPOLLIN, serve, client))
                end(client);
}

int tl_uapi_accept(struct tl_uapi *uapi, const struct tl_unixsock *sock)
{
        int fd = tl_unixsock_accept(sock);

        if (fd == -EAGAIN)
                return 0;
        if (fd < 0) {
                tl_log(uapi->device->log, TL_LOG_ERROR, "cannot accept a client: %s",
                       strerror(-fd));
                return fd;
        }
        begin(uapi, fd);
        return 0;
}

struct tl_uapi *tl_uapi_new(struct tl_device *device)
{
        struct tl_uapi *uapi = calloc(1, sizeof(*uapi));

        if (!uapi)
                return NULL;
        uapi->device = device;
        wg_list_init(&uapi->clients);
        return uapi;
}

void tl_uapi_free(struct tl_uapi *uapi)
{
        if (!uapi)
                return;
        WG_LIST_EACH(node, &uapi->clients)
                end(WG_CONTAINER_OF(node, struct client, node));
        free(uapi);
}
