/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "daemon/control.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "conf/control.h"
#include "daemon/device.h"
#include "daemon/status.h"

enum { CONNECTIONS_MAX = 64, EVENTS_IDLE_S = 10 };

/* Room for an event, the count of lost events before it, and the blank line. */
enum { EVENT_ROOM = TL_EVENT_MAX + 40 };

/* The kinds of streams. */
#define STREAMS(X) \
        X(STREAM_NONE, 0, none, "nothing") \
        X(STREAM_STATUS, 1, status, "the status") \
        X(STREAM_EVENTS, 2, events, "events, without end")
WG_ENUM_DECLARE(tl_control_stream, STREAMS)
WG_ENUM_DEFINE(tl_control_stream, STREAMS)

struct client {
        struct tl_connection base;
        struct tl_control_parser parser;
        enum tl_control_stream stream;

        /* Of a stream of events. */
        uint64_t next;     /* number of the next event */
        uint64_t lost;     /* lost events that are not reported yet */
        uint64_t quiet_ns; /* time of the last send */
        bool has_begun;
};

static struct client *of(struct tl_connection *base)
{
        return WG_CONTAINER_OF(base, struct client, base);
}

static struct tl_device *device_of(const struct client *client)
{
        return client->base.server->ctx;
}

/* ---- events ---- */

static bool wants(const struct client *client, const struct tl_event *event)
{
        const struct tl_control_request *request = &client->parser.request;

        return !(request->options & TL_CONTROL_OPTION_PEER) ||
               (event->has_peer && memcmp(event->peer, request->peer, sizeof(event->peer)) == 0);
}

/* Appends new events while there is room. Returns whether there may be more. */
static bool add_events(struct client *client, struct tl_writer *w)
{
        const struct tl_events *events = &device_of(client)->events;
        const struct tl_event *event;

        while (w->size - w->len > EVENT_ROOM) {
                event = tl_events_next(events, &client->next, &client->lost);
                if (!event)
                        return false;
                if (!wants(client, event))
                        continue;
                if (client->lost)
                        tl_control_add_number(w, TL_CONTROL_NUMBER_LOST, client->lost);
                client->lost = 0;
                tl_writer_add(w, "%.*s", event->len, event->text);
                tl_control_end_block(w);
        }
        return true;
}

static bool is_idle(const struct client *client, uint64_t now_ns)
{
        return now_ns - client->quiet_ns >= EVENTS_IDLE_S * TL_NS_PER_S;
}

/* Writes the next piece of the stream. Defers the connection if no events are left. */
static size_t fill_events(struct client *client, char *out, size_t size)
{
        uint64_t now_ns = tl_clock_boot_ns();
        struct tl_writer w;

        tl_writer_init(&w, out, size);
        if (!client->has_begun) {
                tl_control_begin(&w);
                tl_control_add_number(&w, TL_CONTROL_NUMBER_IDLE, EVENTS_IDLE_S);
                tl_control_end_block(&w);
                client->has_begun = true;
        }
        if (!add_events(client, &w))
                tl_connection_defer(&client->base);
        if (!w.len && is_idle(client, now_ns)) {
                tl_control_add_text(&w, "idle", "true");
                tl_control_end_block(&w);
        }
        if (w.len)
                client->quiet_ns = now_ns;
        return w.len;
}

/* Returns 0 or -errno. */
static int begin_events(struct client *client)
{
        struct tl_events *events = &device_of(client)->events;

        if (!tl_events_watch(events))
                return -ENOMEM;
        client->stream = STREAM_EVENTS;
        client->next = events->count;
        client->lost = 0;
        client->has_begun = false;
        tl_connection_stream(&client->base);
        return 0;
}

/* Goes on with the streams that have something to send. */
static uint64_t work(struct tl_server *server, uint64_t now_ns)
{
        const struct tl_events *events = &((struct tl_device *)server->ctx)->events;
        uint64_t due = TL_LOOP_NEVER;

        if (!events->watchers)
                return due;
        WG_LIST_EACH(node, &server->connections) {
                struct client *client = of(WG_CONTAINER_OF(node, struct tl_connection, node));

                if (client->stream != STREAM_EVENTS || !client->base.is_deferred)
                        continue;
                if (client->next != events->count || is_idle(client, now_ns))
                        tl_connection_resume(&client->base);
                else
                        due = WG_MIN(due, client->quiet_ns + EVENTS_IDLE_S * TL_NS_PER_S);
        }
        return due;
}

/* ---- operations ---- */

/* Replies with the block in a writer. */
static void reply(struct client *client, const struct tl_writer *w)
{
        WG_ASSERT(!w->is_cut);
        tl_connection_reply(&client->base, w->out, w->len);
}

static void refuse(struct client *client, const struct tl_conf_error *error)
{
        char text[256];
        struct tl_writer w;

        tl_writer_init(&w, text, sizeof(text));
        tl_control_refuse(&w, error);
        reply(client, &w);
}

/* Appends the names of a set's members (UINT32_MAX: of all members), separated by blanks. */
static void add_names(struct tl_writer *w, const char *key, const struct wg_enum *e, uint32_t set)
{
        const char *blank = "";

        tl_writer_add(w, "%s=", key);
        WG_ENUM_EACH(member, e) {
                if (!(set & member->value) && set != UINT32_MAX)
                        continue;
                tl_writer_add(w, "%s%s", blank, member->name);
                blank = " ";
        }
        tl_writer_add(w, "\n");
}

static void describe(struct client *client)
{
        char text[1024], key[48];
        struct tl_writer w;

        tl_writer_init(&w, text, sizeof(text));
        tl_control_begin(&w);
        tl_control_add_text(&w, "daemon", TL_VERSION);
        tl_control_add_text(&w, "interface", device_of(client)->shared.tun.name);
        tl_writer_add(&w, "status_versions=1\ncontrol_versions=%d\n", TL_CONTROL_VERSION);
        add_names(&w, "operations", &tl_control_operation_enum, UINT32_MAX);
        WG_ENUM_EACH(operation, &tl_control_operation_enum) {
                struct tl_control_rule rule = tl_control_rule(
                        (enum tl_control_operation)operation->value);

                snprintf(key, sizeof(key), "permission_%s", operation->name);
                tl_control_add_text(&w, key, tl_control_permission_name(rule.permission));
                snprintf(key, sizeof(key), "options_%s", operation->name);
                if (rule.options)
                        add_names(&w, key, &tl_control_option_enum, rule.options);
        }
        tl_control_end_reply(&w, 0);
        reply(client, &w);
}

static bool may(const struct client *client, enum tl_control_operation operation)
{
        switch (tl_control_rule(operation).permission) {
        case TL_CONTROL_FOR_ALL:
                return true;
        case TL_CONTROL_FOR_ROOT:
                return tl_connection_is_of_root(&client->base);
        }
        return false;
}

static void carry_out(struct client *client)
{
        static const struct tl_conf_error for_root = {EACCES, 2, 1, "this operation is for root"},
                                          no_memory = {ENOMEM, 1, 1, "out of memory"};
        enum tl_control_operation operation = client->parser.request.operation;

        if (!may(client, operation)) {
                refuse(client, &for_root);
                return;
        }
        switch (operation) {
        case TL_CONTROL_DESCRIBE:
                describe(client);
                break;
        case TL_CONTROL_EVENTS:
                if (begin_events(client))
                        refuse(client, &no_memory);
                break;
        }
}

/* ---- the socket ---- */

static void refuse_status(struct client *client)
{
        struct tl_writer w;
        char text[64];

        tl_status_writer_init(&w, text, sizeof(text));
        tl_connection_reply(&client->base, text,
                            tl_status_writer_done(&w, client->parser.error.errnum));
}

static size_t parse(struct tl_connection *base, const char *bytes, size_t len)
{
        struct client *client = of(base);
        size_t used;

        switch (tl_control_parser_feed(&client->parser, bytes, len, &used)) {
        case TL_CONTROL_MORE:
                break;
        case TL_CONTROL_REQUEST:
                carry_out(client);
                break;
        case TL_CONTROL_MISTAKE:
                refuse(client, &client->parser.error);
                break;
        case TL_CONTROL_STATUS:
                client->stream = STREAM_STATUS;
                tl_connection_stream(base);
                break;
        case TL_CONTROL_STATUS_MISTAKE:
                refuse_status(client);
                break;
        }
        return used;
}

static size_t fill(struct tl_connection *base, char *out, size_t size)
{
        struct client *client = of(base);

        switch (client->stream) {
        case STREAM_NONE:
                break;
        case STREAM_STATUS:
                client->stream = STREAM_NONE;
                return tl_status_tell(device_of(client), out, size);
        case STREAM_EVENTS:
                return fill_events(client, out, size);
        }
        return 0;
}

static void begin(struct tl_connection *base WG_UNUSED)
{
}

static void end(struct tl_connection *base)
{
        struct client *client = of(base);

        if (client->stream == STREAM_EVENTS)
                tl_events_unwatch(&device_of(client)->events);
}

const struct tl_server_protocol tl_control_protocol = {
        .name = "status",
        .connection_size = sizeof(struct client),
        .connections_max = CONNECTIONS_MAX,
        .begin = begin,
        .parse = parse,
        .fill = fill,
        .end = end,
        .work = work,
};
