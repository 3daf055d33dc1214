/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "daemon/uapi.h"

#include <errno.h>
#include <string.h>

#include "conf/uapi.h"
#include "daemon/apply.h"
#include "daemon/peers.h"

enum { CLIENTS_MAX = 1024 };

struct client {
        struct tl_connection base;
        const struct tl_uapi *uapi;
        struct tl_uapi_parser parser;
        struct tl_uapi_source source;
        struct tl_uapi_writer writer;
        struct tl_apply *awaited; /* the change that the reply waits for; NULL: none */

        /* Progress of the reply, in a form that survives changes between two of its pieces. */
        struct tl_peer_cursor peer;
        size_t told_ips;
        uint32_t ip_changes; /* of the peer's list when ip_cursor was looked up */
        const struct wg_list *ip_cursor;
};

static struct client *of(struct tl_connection *base)
{
        return WG_CONTAINER_OF(base, struct client, base);
}

/* ---- reporting the device ---- */

static void tell_device(void *ctx, struct tl_uapi_device_status *status)
{
        const struct client *client = ctx;
        const struct tl_uapi *uapi = client->uapi;
        const struct wg_identity *identity = atomic_load(&uapi->engine->identity);

        *status = (struct tl_uapi_device_status){
                .has_private_key = identity != NULL,
                .listen_port = uapi->sockets->listen_port,
                .fwmark = uapi->sockets->fwmark,
        };
        if (identity)
                memcpy(status->private_key, identity->private_key, WG_KEY_LEN);
}

static bool tell_peer(void *ctx, struct tl_uapi_peer_status *status)
{
        struct client *client = ctx;
        struct wg_peer *peer = tl_peer_cursor_next(&client->peer, client->uapi->peers);

        if (!peer)
                return false;
        client->told_ips = 0;
        client->ip_changes = peer->allowed.changes;
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

/* Finds the place in the peer's allowed IPs again after they changed. */
static bool resume_ips(struct client *client, const struct wg_peer *peer)
{
        struct wg_prefix skipped;

        client->ip_cursor = NULL;
        client->ip_changes = peer->allowed.changes;
        for (size_t i = 0; i < client->told_ips; i++)
                if (!wg_allowed_next(&peer->allowed, &client->ip_cursor, &skipped))
                        return false;
        return true;
}

static bool tell_allowed_ip(void *ctx, struct wg_prefix *prefix)
{
        struct client *client = ctx;
        const struct wg_peer *peer = tl_peer_cursor_get(&client->peer, client->uapi->peers);

        if (!peer || (client->ip_changes != peer->allowed.changes && !resume_ips(client, peer)) ||
            !wg_allowed_next(&peer->allowed, &client->ip_cursor, prefix))
                return false;
        client->told_ips++;
        return true;
}

/* ---- requests ---- */

static void reply_errno(struct client *client, int errnum)
{
        char text[TL_UAPI_ERRNO_SIZE];

        tl_connection_reply(&client->base, text,
                            tl_uapi_format_errno(text, client->parser.operation, errnum));
}

static void refuse(struct client *client, int error)
{
        tl_log(client->uapi->log, TL_LOG_ERROR,
               "configuration request refused, nothing changed: %s", strerror(-error));
        reply_errno(client, -error);
}

static void start_telling(struct client *client)
{
        client->peer = (struct tl_peer_cursor){.serial = 0};
        tl_uapi_writer_init(&client->writer, &client->source);
        tl_connection_stream(&client->base);
}

static size_t tell(struct tl_connection *base, char *out, size_t size)
{
        return tl_uapi_writer_fill(&of(base)->writer, out, size);
}

/* Begins a change, and makes the reply wait for it. */
static void await(struct client *client, struct tl_change *change,
                  void (*done)(void *ctx, int error))
{
        client->awaited = tl_apply_begin(client->uapi->changes, change, done, client);
        if (client->awaited) {
                tl_connection_defer(&client->base);
                return;
        }
        tl_change_done(change);
        refuse(client, -ENOMEM);
}

static void has_set(void *ctx, int error)
{
        struct client *client = ctx;

        client->awaited = NULL;
        if (error)
                refuse(client, error);
        else
                reply_errno(client, 0);
        tl_connection_resume(&client->base);
}

static void may_tell(void *ctx, int error)
{
        struct client *client = ctx;

        (void)error; /* none: the change was empty */
        client->awaited = NULL;
        start_telling(client);
        tl_connection_resume(&client->base);
}

/* Replies once all earlier changes are done, by queueing an empty change and waiting for it. */
static void get(struct client *client)
{
        struct tl_change nothing;

        if (!tl_apply_is_busy(client->uapi->changes)) {
                start_telling(client);
                return;
        }
        tl_change_init(&nothing);
        await(client, &nothing, may_tell);
}

static size_t parse(struct tl_connection *base, const char *bytes, size_t len)
{
        struct client *client = of(base);
        struct tl_change change;
        size_t used = 0;
        enum tl_uapi_event event;

        tl_change_init(&change);
        event = tl_uapi_parser_feed(&client->parser, bytes, len, &used, &change);
        switch (event) {
        case TL_UAPI_MORE:
                break;
        case TL_UAPI_SET:
                await(client, &change, has_set);
                break;
        case TL_UAPI_GET:
                get(client);
                break;
        case TL_UAPI_ERROR:
                tl_log(client->uapi->log, TL_LOG_ERROR,
                       "configuration request refused, nothing changed: line %u: %s",
                       client->parser.error.line, client->parser.error.message);
                reply_errno(client, client->parser.error.errnum);
                break;
        }
        return used;
}

/* ---- clients ---- */

static void begin(struct tl_connection *base)
{
        struct client *client = of(base);

        client->uapi = base->server->ctx;
        client->source = (struct tl_uapi_source){
                .ctx = client,
                .device = tell_device,
                .next_peer = tell_peer,
                .next_allowed_ip = tell_allowed_ip,
        };
        tl_uapi_parser_init(&client->parser);
}

static void end(struct tl_connection *base)
{
        struct client *client = of(base);

        if (client->awaited)
                tl_apply_forget(client->awaited);
        tl_uapi_parser_done(&client->parser);
}

const struct tl_server_protocol tl_uapi_protocol = {
        .name = "control",
        .connection_size = sizeof(struct client),
        .connections_max = CLIENTS_MAX,
        .begin = begin,
        .parse = parse,
        .fill = tell,
        .end = end,
};
