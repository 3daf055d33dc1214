/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "daemon/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "conf/address.h"
#include "conf/base64.h"

enum { PEER_TEXT = 24 };

static const char *peer_text(const struct wg_peer *peer, char out[PEER_TEXT])
{
        char key[TL_BASE64_LEN(WG_KEY_LEN)];

        if (!peer)
                return "unknown peer";
        tl_base64_encode(key, peer->public_key, WG_KEY_LEN);
        snprintf(out, PEER_TEXT, "peer %.4s...%.5s", key, key + sizeof(key) - 5);
        return out;
}

static const char *endpoint_text(const struct wg_endpoint *e, char out[TL_ADDRESS_ENDPOINT_SIZE])
{
        if (e->ip.family == WG_FAMILY_NONE)
                return "no endpoint";
        tl_address_format_endpoint(out, e);
        return out;
}

void tl_report_dropped(struct tl_log *log, const struct wg_receive_slot *slot)
{
        static const char format[] = "%s: dropped packet from %s: %s (%s)";
        char peer[PEER_TEXT], from[TL_ADDRESS_ENDPOINT_SIZE];

        if (tl_log_admits(log, TL_LOG_VERBOSE, format))
                tl_log_admitted(log, TL_LOG_VERBOSE, format, peer_text(slot->peer, peer),
                                endpoint_text(&slot->from, from), wg_verdict_text(slot->verdict),
                                wg_verdict_name(slot->verdict));
}

void tl_report_unsent(struct tl_log *log, const struct wg_send_slot *slot)
{
        static const char format[] = "%s%sdropped outbound packet: %s (%s)";
        char peer[PEER_TEXT];

        if (tl_log_admits(log, TL_LOG_VERBOSE, format))
                tl_log_admitted(log, TL_LOG_VERBOSE, format,
                                slot->peer ? peer_text(slot->peer, peer) : "",
                                slot->peer ? ": " : "", wg_verdict_text(slot->verdict),
                                wg_verdict_name(slot->verdict));
}

void tl_report_send_error(struct tl_log *log, const struct wg_peer *peer,
                          const struct tl_datagram *datagram)
{
        char name[PEER_TEXT], to[TL_ADDRESS_ENDPOINT_SIZE];

        if (tl_log_shows(log, TL_LOG_VERBOSE))
                tl_log(log, TL_LOG_VERBOSE, "%s: cannot send to %s: %s", peer_text(peer, name),
                       endpoint_text(&datagram->path, to), strerror(-datagram->error));
}

static enum tl_log_level level_of(enum wg_event event)
{
        switch (event) {
        case WG_EVENT_GAVE_UP:
                return TL_LOG_INFO;
        case WG_EVENT_INITIATION_SENT:
        case WG_EVENT_RESPONSE_SENT:
        case WG_EVENT_COOKIE_SENT:
        case WG_EVENT_HANDSHAKE_COMPLETE:
        case WG_EVENT_SESSION_PROVEN:
        case WG_EVENT_SILENCE:
        case WG_EVENT_KEYS_FORGOTTEN:
        case WG_EVENT_COOKIE_STORED:
        case WG_EVENT_HANDSHAKE_REFUSED:
                return TL_LOG_VERBOSE;
        }
        return TL_LOG_VERBOSE;
}

void tl_report_event(struct tl_log *log, const struct wg_action *action)
{
        enum tl_log_level level = level_of(action->event);
        char peer[PEER_TEXT], to[TL_ADDRESS_ENDPOINT_SIZE];

        if (!tl_log_shows(log, level))
                return;
        peer_text(action->peer, peer);
        endpoint_text(&action->to, to);
        if (action->event == WG_EVENT_HANDSHAKE_REFUSED)
                tl_log(log, level, "%s: handshake message from %s refused: %s (%s)",
                       peer_text(action->peer, peer), endpoint_text(&action->to, to),
                       wg_verdict_text(action->verdict), wg_verdict_name(action->verdict));
        else if (action->event == WG_EVENT_INITIATION_SENT && action->number > 1)
                tl_log(log, level, "%s: no response yet, initiation %" PRIu32 " of %d to %s",
                       peer_text(action->peer, peer), action->number, WG_MAX_HANDSHAKE_RETRIES + 1,
                       endpoint_text(&action->to, to));
        else if (action->event == WG_EVENT_GAVE_UP)
                tl_log(log, level, "%s: %s (%s); %" PRIu32 " waiting packets dropped",
                       peer_text(action->peer, peer), wg_event_text(action->event),
                       endpoint_text(&action->to, to), action->number);
        else
                tl_log(log, level, "%s: %s (%s)", peer_text(action->peer, peer),
                       wg_event_text(action->event), endpoint_text(&action->to, to));
}

void tl_report_error(struct tl_log *log, const char *what, int error)
{
        tl_log(log, TL_LOG_ERROR, "%s: %s", what, strerror(-error));
}

void tl_report_totals(struct tl_log *log, const struct tl_tally *tally)
{
        char line[TL_LOG_LINE];
        size_t len = 0;

        WG_ENUM_EACH(verdict, &wg_verdict_enum) {
                uint64_t count = tl_tally_count(tally, (enum wg_verdict)verdict->value);

                if (count && len < sizeof(line))
                        len += (size_t)snprintf(line + len, sizeof(line) - len, " %s=%" PRIu64,
                                                verdict->name, count);
        }
        if (len)
                tl_log(log, TL_LOG_VERBOSE, "totals:%s", line);
}
