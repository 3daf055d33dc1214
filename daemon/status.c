/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "daemon/status.h"

#include <unistd.h>

#include "conf/status.h"
#include "daemon/device.h"
#include "io/harden.h"
#include "io/sandbox.h"

enum { WORDS_MAX = 160 };

/* ---- the status, by section ---- */

static void tell_flags(struct tl_writer *w, enum tl_status_key key, const struct wg_enum *e,
                       uint32_t set)
{
        char words[WORDS_MAX];

        wg_flags_format(e, set, words, sizeof(words));
        tl_status_text(w, key, set ? words : "none");
}

static void tell_device(struct tl_writer *w, const struct tl_device *device)
{
        tl_status_text(w, TL_STATUS_INTERFACE, device->shared.tun.name);
        tl_status_flag(w, TL_STATUS_LINK_UP, device->link.is_up);
        tl_status_flag(w, TL_STATUS_LINK_FOLLOWED, device->link.has_monitor);
        tl_status_number(w, TL_STATUS_MTU, atomic_load(&device->shared.engine.mtu));
}

static void tell_sockets(struct tl_writer *w, const struct tl_device *device)
{
        const struct tl_sockets *sockets = &device->shared.sockets;
        const struct tl_socket_set *set = atomic_load(&sockets->current);
        struct tl_udp_backlog backlog = {0};

        for (unsigned int i = 0; set && i < set->count; i++) {
                struct tl_udp_backlog one = tl_udp_look_at_backlog(&set->pairs[i]);

                backlog.queued_bytes += one.queued_bytes;
                backlog.room_bytes += one.room_bytes;
                backlog.drops += one.drops;
        }
        tl_status_number(w, TL_STATUS_LISTEN_PORT, sockets->listen_port);
        tl_status_number(w, TL_STATUS_FWMARK, sockets->fwmark);
        tl_status_flag(w, TL_STATUS_BOUND_IPV4, set && set->pairs[0].ipv4.fd >= 0);
        tl_status_flag(w, TL_STATUS_BOUND_IPV6, set && set->pairs[0].ipv6.fd >= 0);
        tl_status_number(w, TL_STATUS_SOCKET_QUEUE, backlog.queued_bytes);
        tl_status_number(w, TL_STATUS_SOCKET_ROOM, backlog.room_bytes);
        tl_status_number(w, TL_STATUS_SOCKET_DROPS, backlog.drops);
        tl_status_number(w, TL_STATUS_ROUTE_EVENTS, device->pins.events);
        tl_status_number(w, TL_STATUS_ROUTE_LOOKUPS, device->pins.questions);
        tl_status_number(w, TL_STATUS_SOURCES_DROPPED, device->pins.dropped);
}

static void tell_peers(struct tl_writer *w, const struct wg_engine *engine)
{
        tl_status_number(w, TL_STATUS_PEERS, engine->peer_count);
        tl_status_number(w, TL_STATUS_PEERS_IN_SESSION, engine->peers_in_session);
        tl_status_number(w, TL_STATUS_SESSIONS, engine->session_count);
        /* The index table holds only sessions and handshakes that we began. */
        tl_status_number(w, TL_STATUS_PEERS_ASKED, engine->indices.count - engine->session_count);
}

static void tell_offloads(struct tl_writer *w, const struct tl_traffic *sum,
                          const struct tl_offloads *offloads)
{
        tl_status_number(w, TL_STATUS_SUPERPACKETS_READ, sum->superpackets_read);
        tl_status_number(w, TL_STATUS_PIECES_SENT, sum->pieces_sent);
        tl_status_number(w, TL_STATUS_PIECES_RECEIVED, sum->pieces_received);
        tl_status_number(w, TL_STATUS_SUPERPACKETS_WRITTEN, sum->superpackets_written);
        tl_status_number(w, TL_STATUS_OFFLOADS_REFUSED, atomic_load(&offloads->refused));
}

static void tell_traffic(struct tl_writer *w, const struct tl_shared *shared)
{
        const struct tl_tally *tally = &shared->tally;
        const struct tl_traffic sum = tl_tally_traffic(tally);
        uint64_t keepalives = tl_tally_count(tally, WG_VERDICT_KEEPALIVE);

        tl_status_number(w, TL_STATUS_TX_PACKETS, tl_tally_count(tally, WG_VERDICT_SEALED));
        tl_status_number(w, TL_STATUS_TX_BYTES, sum.tx_bytes);
        tl_status_number(w, TL_STATUS_TX_ERRORS, atomic_load(&tally->tx_errors));
        tl_status_number(w, TL_STATUS_RX_PACKETS,
                         tl_tally_count(tally, WG_VERDICT_DATA) + keepalives);
        tl_status_number(w, TL_STATUS_RX_KEEPALIVES, keepalives);
        tl_status_number(w, TL_STATUS_RX_BYTES, sum.rx_bytes);
        tl_status_number(w, TL_STATUS_TUN_ERRORS, atomic_load(&tally->tun_errors));
        tell_offloads(w, &sum, &shared->offloads);
}

static uint64_t count_refused(const struct tl_tally *tally)
{
        uint64_t refused = 0;

        for (uint32_t v = WG_VERDICT_NO_PRIVATE_KEY; v < WG_VERDICT_END; v++)
                refused += tl_tally_count(tally, (enum wg_verdict)v);
        return refused;
}

static void tell_handshakes(struct tl_writer *w, const struct tl_tally *t)
{
        tl_status_number(w, TL_STATUS_INITIATIONS_SENT, t->events[WG_EVENT_INITIATION_SENT]);
        tl_status_number(w, TL_STATUS_INITIATIONS_RECEIVED, t->received[WG_MESSAGE_INITIATION]);
        tl_status_number(w, TL_STATUS_RESPONSES_SENT, t->events[WG_EVENT_RESPONSE_SENT]);
        tl_status_number(w, TL_STATUS_RESPONSES_RECEIVED, t->received[WG_MESSAGE_RESPONSE]);
        tl_status_number(w, TL_STATUS_COOKIES_SENT, t->events[WG_EVENT_COOKIE_SENT]);
        tl_status_number(w, TL_STATUS_COOKIES_RECEIVED, t->received[WG_MESSAGE_COOKIE]);
        tl_status_number(w, TL_STATUS_HANDSHAKES_INITIATED, t->events[WG_EVENT_HANDSHAKE_COMPLETE]);
        tl_status_number(w, TL_STATUS_HANDSHAKES_RESPONDED, t->events[WG_EVENT_SESSION_PROVEN]);
        tl_status_number(w, TL_STATUS_HANDSHAKES_REFUSED, count_refused(t));
        tl_status_number(w, TL_STATUS_HANDSHAKES_GIVEN_UP, t->events[WG_EVENT_GAVE_UP]);
}

static void tell_queues(struct tl_writer *w, struct tl_device *device)
{
        const struct wg_engine *engine = &device->shared.engine;

        tl_status_flag(w, TL_STATUS_UNDER_LOAD,
                       wg_hsqueue_is_loaded(&engine->handshakes, tl_clock_boot_ns()));
        tl_status_number(w, TL_STATUS_HANDSHAKE_INBOX,
                         tl_inbox_used(&device->shared.handover.handshakes));
        tl_status_number(w, TL_STATUS_PREFERRED_INBOX,
                         tl_inbox_used(&device->shared.handover.preferred));
        tl_status_number(w, TL_STATUS_HANDSHAKE_QUEUE, engine->handshakes.count);
        tl_status_number(w, TL_STATUS_HANDSHAKE_QUEUE_MAX, WG_HANDSHAKE_QUEUE_MAX);
        tl_status_number(w, TL_STATUS_PACKET_INBOX, tl_inbox_used(&device->shared.handover.unsent));
        tl_status_number(w, TL_STATUS_STAGED_PACKETS, engine->staged_pool.packets);
        tl_status_number(w, TL_STATUS_STAGED_BYTES, engine->staged_pool.bytes);
        tl_status_number(w, TL_STATUS_STAGED_BYTES_MAX, WG_STAGED_BYTES_MAX);
        tl_status_number(w, TL_STATUS_LIMITED_SOURCES, engine->ratelimit.count);
        tl_status_number(w, TL_STATUS_LIMITED_SOURCES_MAX, WG_RATELIMIT_SOURCES_MAX);
        tl_status_number(w, TL_STATUS_RETIRED, device->shared.reclaim.count);
        tl_status_number(w, TL_STATUS_CONTROL_CLIENTS, device->servers[TL_LISTENER_UAPI].count);
        tl_status_number(w, TL_STATUS_STATUS_CLIENTS, device->servers[TL_LISTENER_STATUS].count);
}

static void tell_process(struct tl_writer *w, const struct tl_device *device)
{
        const struct tl_handover *handover = &device->shared.handover;
        const struct tl_offloads *offloads = &device->shared.offloads;

        tl_status_text(w, TL_STATUS_DAEMON, TL_VERSION);
        tl_status_number(w, TL_STATUS_PID, (uint64_t)getpid());
        tl_status_number(w, TL_STATUS_UPTIME,
                         (tl_clock_boot_ns() - device->started_ns) / TL_NS_PER_S);
        tl_status_number(w, TL_STATUS_WORKERS, device->workers.count);
        tl_status_text(w, TL_STATUS_AEAD, device->shared.engine.worker.aead->name);
        tl_status_flag(w, TL_STATUS_OFFLOAD_TUN,
                       tl_offloads_has(offloads, TL_OFFLOADING_TSO) ||
                               tl_offloads_has(offloads, TL_OFFLOADING_USO));
        tl_status_flag(w, TL_STATUS_OFFLOAD_UDP,
                       tl_offloads_has(offloads, TL_OFFLOADING_GSO) ||
                               tl_offloads_has(offloads, TL_OFFLOADING_GRO));
        tell_flags(w, TL_STATUS_OFFLOADS, &tl_offloading_enum, atomic_load(&offloads->used));
        tell_flags(w, TL_STATUS_HARDENING, &tl_hardening_enum, device->hardening);
        tell_flags(w, TL_STATUS_SANDBOX, &tl_sandbox_enum, device->sandbox);
        tl_status_number(w, TL_STATUS_ENGINE_BYTES, device->env.allocated);
        tl_status_number(w, TL_STATUS_INBOX_BYTES,
                         handover->handshakes.size + handover->preferred.size +
                                 handover->unsent.size);
}

/* In the list of verdicts, drops follow the accepted ones. */
static void tell_drops(struct tl_writer *w, const struct tl_tally *tally)
{
        WG_ENUM_EACH(verdict, &wg_verdict_enum)
                if (verdict->value >= WG_VERDICT_NOT_IP)
                        tl_status_drops(w, verdict->name,
                                        tl_tally_count(tally, (enum wg_verdict)verdict->value));
}

/* ---- clients ---- */

size_t tl_status_tell(struct tl_device *device, char *out, size_t size)
{
        struct tl_writer w;
        size_t len;

        tl_status_writer_init(&w, out, size);
        tell_device(&w, device);
        tell_sockets(&w, device);
        tell_peers(&w, &device->shared.engine);
        tell_traffic(&w, &device->shared);
        tell_handshakes(&w, &device->shared.tally);
        tell_queues(&w, device);
        tell_process(&w, device);
        tell_drops(&w, &device->shared.tally);
        len = tl_status_writer_done(&w, 0);
        WG_ASSERT(len); /* all values are bounded, and together much shorter than a reply */
        return len;
}
