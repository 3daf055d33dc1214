/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * tx.c - the way out: TUN -> core -> UDP.
 *
 * What the TUN gives, a packet or a superpacket, is cut into slots that lie one behind the other, each as
 * long as its datagram will be. There they are sealed, and what goes to one place in equal lengths leaves
 * as one piece. So a byte is copied once, and no packet has an object of its own. */
#include <errno.h>
#include <string.h>

#include "daemon/report.h"
#include "daemon/worker.h"
#include "io/cut.h"

enum {
        /* Bytes to gather before sending: a superpacket is usually a piece of its own. */
        BYTES_TO_SEND = TL_UDP_PIECE_MAX / 2,
        /* Pieces sent in one batch while more packets wait. */
        PIECES_TO_SEND = 4,
};

static void refuse(struct tl_worker *worker, const struct wg_send_slot *slot, uint64_t now_ns)
{
        uint8_t memory[TL_TUN_HEADROOM + WG_ICMP_LEN_MAX];
        struct tl_packet packet = {.buf = memory + TL_TUN_HEADROOM};

        tl_report_unsent(worker->device, slot);
        /* One answer a superpacket. */
        if (slot->is_more ||
            (slot->verdict != WG_VERDICT_NO_PEER && slot->verdict != WG_VERDICT_NO_ENDPOINT))
                return;
        packet.len = (uint32_t)wg_icmp_unreachable(slot->buf + WG_SEND_HEADROOM, slot->len,
                                                   packet.buf);
        if (packet.len && wg_icmp_may_send(&worker->icmp_limit, now_ns))
                tl_tun_write(worker->queue, &packet, 1);
}

/* What gathers the slots of a piece. */
struct gatherer {
        struct tl_worker *worker;
        uint64_t now_ns;
        unsigned int count;                 /* of datagrams and pieces */
        struct wg_peer *peers[TL_TX_SLOTS]; /* of each */
        uint32_t longest;                   /* of the last: its first segment */
        uint32_t limit;                     /* as tl_offloads_piece_limit() says */
        bool is_closed;                     /* nothing may follow in the last */
};

static bool joins(const struct gatherer *g, const struct tl_datagram *last,
                  const struct wg_send_slot *slot)
{
        return g->count && !g->is_closed && slot->peer == g->peers[g->count - 1] &&
               slot->tos == last->tos && slot->buf == last->buf + last->len &&
               slot->len <= g->longest && g->longest < g->limit &&
               last->len + slot->len <= TL_UDP_PIECE_MAX &&
               last->len < g->longest * TL_UDP_SEGMENTS;
}

static void gather(struct gatherer *g, const struct wg_send_slot *slot)
{
        struct tl_worker *worker = g->worker;
        struct tl_datagram *last = &worker->datagrams[g->count ? g->count - 1 : 0];

        if (joins(g, last, slot)) {
                last->segment = g->longest;
                last->len += slot->len;
                g->is_closed = slot->len < g->longest;
                return;
        }
        if (!g->count || slot->peer != g->peers[g->count - 1])
                g->limit = tl_offloads_piece_limit(&worker->device->offloads, &worker->piece_limits,
                                                   &slot->to, g->now_ns);
        worker->datagrams[g->count] = (struct tl_datagram){
                .buf = slot->buf, .len = slot->len, .tos = slot->tos, .path = slot->to};
        g->peers[g->count++] = slot->peer;
        g->longest = slot->len;
        g->is_closed = false;
}

static void settle(struct tl_worker *worker, struct wg_peer *peer, const struct tl_datagram *d,
                   uint64_t now_ns)
{
        if (!d->error)
                wg_worker_count_sent(&worker->core, peer, d->len);
        else
                tl_report_send_error(worker->device, peer, d);
        if (d->segment)
                wg_worker_add(&worker->pieces_sent, 1);
        if (d->pin_failed)
                wg_path_unpin(&peer->path, peer->engine->env, &d->path);
        if (d->piece_error)
                tl_offloads_piece_refused(&worker->device->offloads, &worker->piece_limits, d,
                                          now_ns);
}

static void send_datagrams(const struct gatherer *g, const struct tl_sockets *sockets)
{
        struct tl_worker *worker = g->worker;

        if (sockets)
                tl_udp_send_pair(&sockets->pairs[worker->number], worker->datagrams, g->count);
        for (unsigned int i = 0; i < g->count; i++) {
                if (sockets)
                        settle(worker, g->peers[i], &worker->datagrams[i], g->now_ns);
                else
                        atomic_fetch_add_explicit(&worker->device->tally.tx_errors,
                                                  tl_datagram_count(&worker->datagrams[i]),
                                                  memory_order_relaxed);
        }
}

/* Removes the first slots. The others move to the front and are looked up again. */
static void remove_slots(struct tl_worker *worker, unsigned int count)
{
        struct wg_send_slot *rest = worker->send_slots + count;
        uint32_t used;

        worker->tx_count -= count;
        if (!worker->tx_count) {
                worker->tx_used = 0;
                return;
        }
        used = (uint32_t)(rest->buf - worker->tx_bytes);
        worker->tx_used -= used;
        memmove(worker->tx_bytes, rest->buf, worker->tx_used);
        for (unsigned int i = 0; i < worker->tx_count; i++) {
                worker->send_slots[i] = rest[i];
                worker->send_slots[i].buf -= used;
        }
        worker->send_slots[0].is_more = false;
}

/* To be called after the sealed slots were sent: the engine may send these at once. */
static void hand_over_unsent(struct tl_worker *worker, unsigned int count, uint64_t now_ns)
{
        for (unsigned int i = 0; i < count; i++)
                if (worker->send_slots[i].verdict == WG_VERDICT_NO_SESSION)
                        tl_worker_hand_over_unsent(worker, &worker->send_slots[i], now_ns);
}

/* Seals and sends the first slots that were filled, and removes them. */
static void flush(struct tl_worker *worker, const struct tl_sockets *sockets, unsigned int count)
{
        struct gatherer g = {.worker = worker, .now_ns = tl_clock_boot_ns()};
        bool has_unsent = false;

        wg_send(&worker->core, worker->send_slots, count, g.now_ns);
        for (unsigned int i = 0; i < count; i++) {
                struct wg_send_slot *slot = &worker->send_slots[i];

                if (slot->verdict == WG_VERDICT_NO_SESSION)
                        has_unsent = true;
                else if (slot->verdict != WG_VERDICT_SEALED)
                        refuse(worker, slot, g.now_ns);
                else
                        gather(&g, slot);
        }
        if (g.count)
                send_datagrams(&g, sockets);
        if (has_unsent)
                hand_over_unsent(worker, count, g.now_ns);
        remove_slots(worker, count);
}

/* Makes room for an inner packet of that length behind the slots that are filled, and returns where it
 * goes. */
static uint8_t *add_slot(struct tl_worker *worker, const struct tl_sockets *sockets, uint32_t len,
                         bool is_more)
{
        uint32_t mtu = atomic_load_explicit(&worker->device->engine.mtu, memory_order_relaxed);
        uint32_t sealed_len = wg_send_sealed_len(len, mtu);
        struct wg_send_slot *slot;

        if (worker->tx_count == TL_TX_SLOTS || worker->tx_used + sealed_len > TL_TX_BYTES)
                flush(worker, sockets, worker->tx_count);
        slot = &worker->send_slots[worker->tx_count];
        *slot = (struct wg_send_slot){
                .buf = worker->tx_bytes + worker->tx_used,
                .len = len,
                .sealed_len = sealed_len,
                /* What comes first in a batch is to be looked up. */
                .is_more = is_more && worker->tx_count,
        };
        worker->tx_count++;
        worker->tx_used += sealed_len;
        return slot->buf + WG_SEND_HEADROOM;
}

/* Reads a packet and cuts it into slots. Returns whether there was one. */
static bool read_packet(struct tl_worker *worker, const struct tl_sockets *sockets)
{
        struct tl_packet packet = {.buf = worker->tx_packet, .room = TL_PACKET_MAX + 1};
        struct tl_offload offload;
        struct tl_cut cut;
        int got = tl_tun_read(worker->queue, &packet, &offload);

        if (got == -EBADFD && !atomic_exchange(&worker->device->is_deleted, true))
                tl_wake_set(&worker->device->wake);
        if (got <= 0)
                return false;
        if (packet.error || tl_cut_begin(&cut, &offload, packet.buf, packet.len) < 0) {
                add_slot(worker, sockets, 0, false); /* which is no packet: the core counts it */
                return true;
        }
        if (offload.kind != TL_OFFLOAD_NONE)
                wg_worker_add(&worker->superpackets_read, 1);
        for (uint32_t n = 0, len; (len = tl_cut_next_len(&cut)) != 0; n++)
                tl_cut_next(&cut, add_slot(worker, sockets, len, n > 0));
        return true;
}

/* How many slots to send before the next packet is read: none while they are few, or one full
 * piece. The slots left over begin the next piece rather than make a tiny one. */
static unsigned int count_due(const struct tl_worker *worker)
{
        uint32_t in_piece;

        if (worker->tx_used < BYTES_TO_SEND && worker->tx_count < TL_UDP_SEGMENTS)
                return 0;
        in_piece = TL_UDP_PIECE_MAX / worker->send_slots[0].sealed_len;
        return WG_MIN(worker->tx_count, WG_MAX(1u, WG_MIN(in_piece, (uint32_t)TL_UDP_SEGMENTS)));
}

bool tl_tx_run(struct tl_worker *worker, const struct tl_sockets *sockets)
{
        bool has_more = true;

        for (unsigned int sent = 0; has_more && sent < PIECES_TO_SEND;) {
                unsigned int due;

                has_more = read_packet(worker, sockets);
                due = has_more ? count_due(worker) : 0;
                if (due) {
                        flush(worker, sockets, due);
                        sent++;
                }
        }
        if (worker->tx_count)
                flush(worker, sockets, worker->tx_count);
        return has_more;
}
