/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "daemon/events.h"

#include <stdlib.h>
#include <string.h>

#include "conf/address.h"
#include "conf/base64.h"
#include "conf/control.h"
#include "io/clock.h"

bool tl_events_watch(struct tl_events *events)
{
        if (!events->ring)
                events->ring = calloc(TL_EVENTS_KEPT, sizeof(*events->ring));
        if (!events->ring)
                return false;
        events->watchers++;
        return true;
}

void tl_events_unwatch(struct tl_events *events)
{
        if (--events->watchers)
                return;
        free(events->ring);
        events->ring = NULL;
}

/* Begins the next event. The caller adds lines, and end() makes it visible. */
static struct tl_event *begin(struct tl_events *events, struct tl_writer *writer, const char *name,
                              const char *text)
{
        struct tl_event *event = &events->ring[events->count % TL_EVENTS_KEPT];

        event->has_peer = false;
        tl_writer_init(writer, event->text, sizeof(event->text));
        tl_control_add_text(writer, "event", name);
        tl_control_add_number(writer, TL_CONTROL_NUMBER_TIME, tl_clock_real_ns() / 1000);
        tl_control_add_text(writer, "text", text);
        return event;
}

static void end(struct tl_events *events, struct tl_event *event, const struct tl_writer *writer)
{
        WG_ASSERT(!writer->is_cut); /* all values are bounded, and together fit */
        event->len = (uint16_t)writer->len;
        events->count++;
}

static void add_peer(struct tl_event *event, struct tl_writer *writer, const struct wg_peer *peer)
{
        char key[TL_BASE64_LEN(WG_KEY_LEN) + 1] = "";

        event->has_peer = true;
        memcpy(event->peer, peer->public_key, sizeof(event->peer));
        tl_base64_encode(key, peer->public_key, WG_KEY_LEN);
        tl_control_add_text(writer, "peer", key);
}

/* Appends the lines that only this kind of event has. */
static void add_details(struct tl_writer *writer, const struct wg_action *action)
{
        switch (action->event) {
        case WG_EVENT_INITIATION_SENT:
                tl_control_add_number(writer, TL_CONTROL_NUMBER_ATTEMPT, action->number);
                break;
        case WG_EVENT_GAVE_UP:
                tl_control_add_number(writer, TL_CONTROL_NUMBER_DROPPED, action->number);
                break;
        case WG_EVENT_HANDSHAKE_REFUSED:
                tl_control_add_text(writer, "reason", wg_verdict_name(action->verdict));
                break;
        case WG_EVENT_RESPONSE_SENT:
        case WG_EVENT_COOKIE_SENT:
        case WG_EVENT_HANDSHAKE_COMPLETE:
        case WG_EVENT_SESSION_PROVEN:
        case WG_EVENT_SILENCE:
        case WG_EVENT_KEYS_FORGOTTEN:
        case WG_EVENT_COOKIE_STORED:
                break;
        }
}

void tl_events_add_action(struct tl_events *events, const struct wg_action *action)
{
        char endpoint[TL_ADDRESS_ENDPOINT_SIZE];
        struct tl_event *event;
        struct tl_writer writer;

        if (!events->ring)
                return;
        event = begin(events, &writer, wg_event_name(action->event), wg_event_text(action->event));
        if (action->peer)
                add_peer(event, &writer, action->peer);
        if (action->to.ip.family != WG_FAMILY_NONE) {
                tl_address_format_endpoint(endpoint, &action->to);
                tl_control_add_text(&writer, "endpoint", endpoint);
        }
        add_details(&writer, action);
        end(events, event, &writer);
}

void tl_events_add(struct tl_events *events, const char *name, const char *text)
{
        struct tl_event *event;
        struct tl_writer writer;

        if (!events || !events->ring)
                return;
        event = begin(events, &writer, name, text);
        end(events, event, &writer);
}

const struct tl_event *tl_events_next(const struct tl_events *events, uint64_t *number,
                                      uint64_t *lost)
{
        uint64_t oldest = events->count > TL_EVENTS_KEPT ? events->count - TL_EVENTS_KEPT : 0;

        if (*number < oldest) {
                *lost += oldest - *number;
                *number = oldest;
        }
        if (*number == events->count)
                return NULL;
        return &events->ring[(*number)++ % TL_EVENTS_KEPT];
}
