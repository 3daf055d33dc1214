/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "daemon/tx.h"

#include <errno.h>
#include <string.h>

#include "daemon/report.h"
#include "io/clock.h"
#include "io/cut.h"

enum {
        /* Bytes to gather before sending. A superpacket is usually a piece of its own. */
        BYTES_TO_SEND = TL_UDP_PIECE_MAX / 2,
        /* Pieces sent in one batch while more packets wait. */
        PIECES_TO_SEND = 4,
};

static void refuse(struct tl_tx *tx, const struct wg_send_slot *slot, uint64_t now_ns)
{
        uint8_t memory[TL_TUN_HEADROOM + WG_ICMP_LEN_MAX];
        struct tl_packet packet = {.buf = memory + TL_TUN_HEADROOM};

        tl_report_unsent(tx->shared->log, slot);
        /* One error per superpacket. */
        if (slot->is_more ||
            (slot->verdict != WG_VERDICT_NO_PEER && slot->verdict != WG_VERDICT_NO_ENDPOINT))
                return;
        packet.len = (uint32_t)wg_icmp_unreachable(slot->buf + WG_SEND_HEADROOM, slot->len,
                                                   packet.buf);
        if (packet.len && wg_icmp_may_send(&tx->icmp_limit, now_ns))
                tl_tun_write(tx->queue, &packet, 1);
}

/* Gathers slots into pieces. */
struct gatherer {
        struct tl_tx *tx;
        uint64_t now_ns;
        unsigned int count;                 /* of datagrams and pieces */
        struct wg_peer *peers[TL_TX_SLOTS]; /* of each */
        uint32_t longest;                   /* first segment of the last piece */
        uint32_t limit;                     /* from tl_offloads_piece_limit() */
        bool is_closed;                     /* the last piece must not grow */
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
        struct tl_tx *tx = g->tx;
        struct tl_datagram *last = &tx->datagrams[g->count ? g->count - 1 : 0];

        if (joins(g, last, slot)) {
                last->segment = g->longest;
                last->len += slot->len;
                g->is_closed = slot->len < g->longest;
                return;
        }
        if (!g->count || slot->peer != g->peers[g->count - 1])
                g->limit = tl_offloads_piece_limit(&tx->shared->offloads, &tx->piece_limits,
                                                   &slot->to, g->now_ns);
        tx->datagrams[g->count] = (struct tl_datagram){
                .buf = slot->buf, .len = slot->len, .tos = slot->tos, .path = slot->to};
        g->peers[g->count++] = slot->peer;
        g->longest = slot->len;
        g->is_closed = false;
}

static void settle(struct tl_tx *tx, struct wg_peer *peer, const struct tl_datagram *d,
                   uint64_t now_ns)
{
        if (!d->error) {
                wg_worker_count_sent(tx->core, peer, d->len);
        } else {
                tl_tally_add_tx_errors(&tx->shared->tally, tl_datagram_count(d));
                tl_report_send_error(tx->shared->log, peer, d);
        }
        if (d->segment)
                wg_worker_add(&tx->pieces_sent, 1);
        if (d->pin_failed)
                wg_path_unpin(&peer->path, peer->engine->env, &d->path);
        if (d->piece_error)
                tl_offloads_piece_refused(&tx->shared->offloads, &tx->piece_limits, d, now_ns);
}

static void send_datagrams(const struct gatherer *g, const struct tl_udp_pair *sockets)
{
        struct tl_tx *tx = g->tx;

        if (sockets)
                tl_udp_send_pair(sockets, tx->datagrams, g->count);
        for (unsigned int i = 0; i < g->count; i++) {
                if (sockets)
                        settle(tx, g->peers[i], &tx->datagrams[i], g->now_ns);
                else
                        tl_tally_add_tx_errors(&tx->shared->tally,
                                               tl_datagram_count(&tx->datagrams[i]));
        }
}

/* Removes the first slots. The others move to the front and are routed again. */
static void remove_slots(struct tl_tx *tx, unsigned int count)
{
        struct wg_send_slot *rest = tx->slots + count;
        uint32_t used;

        tx->count -= count;
        if (!tx->count) {
                tx->used = 0;
                return;
        }
        used = (uint32_t)(rest->buf - tx->bytes);
        tx->used -= used;
        memmove(tx->bytes, rest->buf, tx->used);
        for (unsigned int i = 0; i < tx->count; i++) {
                tx->slots[i] = rest[i];
                tx->slots[i].buf -= used;
        }
        tx->slots[0].is_more = false;
}

/* Call this after the sealed slots were sent, because the engine may send these at once. */
static void hand_over_unsent(struct tl_tx *tx, unsigned int count, uint64_t now_ns)
{
        for (unsigned int i = 0; i < count; i++)
                if (tx->slots[i].verdict == WG_VERDICT_NO_SESSION)
                        tl_handover_unsent(&tx->shared->handover, tx->core, &tx->slots[i], now_ns);
}

/* Seals, sends and removes the first count slots. */
static void send_batch(struct tl_tx *tx, const struct tl_udp_pair *sockets, unsigned int count)
{
        struct gatherer g = {.tx = tx, .now_ns = tl_clock_boot_ns()};
        bool has_unsent = false;

        wg_send(tx->core, tx->slots, count, g.now_ns);
        for (unsigned int i = 0; i < count; i++) {
                struct wg_send_slot *slot = &tx->slots[i];

                if (slot->verdict == WG_VERDICT_NO_SESSION)
                        has_unsent = true;
                else if (slot->verdict != WG_VERDICT_SEALED)
                        refuse(tx, slot, g.now_ns);
                else
                        gather(&g, slot);
        }
        if (g.count)
                send_datagrams(&g, sockets);
        if (has_unsent)
                hand_over_unsent(tx, count, g.now_ns);
        remove_slots(tx, count);
}

/* Adds an inner packet of that length after the filled slots, and returns the place for its bytes.
 * Sends all slots first if there is no room. */
static uint8_t *send_if_full_and_add(struct tl_tx *tx, const struct tl_udp_pair *sockets,
                                     uint32_t len, bool is_more)
{
        uint32_t mtu = atomic_load_explicit(&tx->shared->engine.mtu, memory_order_relaxed);
        uint32_t sealed_len = wg_send_sealed_len(len, mtu);
        struct wg_send_slot *slot;

        if (tx->count == TL_TX_SLOTS || tx->used + sealed_len > TL_TX_BYTES)
                send_batch(tx, sockets, tx->count);
        slot = &tx->slots[tx->count];
        *slot = (struct wg_send_slot){
                .buf = tx->bytes + tx->used,
                .len = len,
                .sealed_len = sealed_len,
                /* The first of a batch must be routed. */
                .is_more = is_more && tx->count,
        };
        tx->count++;
        tx->used += sealed_len;
        return slot->buf + WG_SEND_HEADROOM;
}

/* Reads a packet, cuts it, and adds it to the batch, which is sent whenever it is full. Returns
 * whether there was a packet. */
static bool read_into_batch(struct tl_tx *tx, const struct tl_udp_pair *sockets)
{
        struct tl_packet packet = {.buf = tx->packet, .room = TL_PACKET_MAX + 1};
        struct tl_offload offload;
        struct tl_cut cut;
        int got = tl_tun_read(tx->queue, &packet, &offload);

        if (got == -EBADFD && !atomic_exchange(&tx->shared->is_deleted, true))
                tl_wake_set(&tx->shared->wake);
        if (got <= 0)
                return false;
        if (packet.error || tl_cut_begin(&cut, &offload, packet.buf, packet.len) < 0) {
                /* An empty packet: the core refuses and counts it. */
                send_if_full_and_add(tx, sockets, 0, false);
                return true;
        }
        if (offload.kind != TL_OFFLOAD_NONE)
                wg_worker_add(&tx->superpackets_read, 1);
        for (uint32_t n = 0, len; (len = tl_cut_next_len(&cut)) != 0; n++)
                tl_cut_next(&cut, send_if_full_and_add(tx, sockets, len, n > 0));
        return true;
}

/* Returns how many slots to send before the next packet is read: none while there are few, else one
 * full piece. The rest start the next piece, instead of leaving as a tiny one. */
static unsigned int count_due(const struct tl_tx *tx)
{
        uint32_t in_piece;

        if (tx->used < BYTES_TO_SEND && tx->count < TL_UDP_SEGMENTS)
                return 0;
        in_piece = TL_UDP_PIECE_MAX / tx->slots[0].sealed_len;
        return WG_MIN(tx->count, WG_MAX(1u, WG_MIN(in_piece, (uint32_t)TL_UDP_SEGMENTS)));
}

bool tl_tx_run_batch(struct tl_tx *tx, const struct tl_udp_pair *sockets)
{
        bool has_more = true;

        for (unsigned int sent = 0; has_more && sent < PIECES_TO_SEND;) {
                unsigned int due;

                has_more = read_into_batch(tx, sockets);
                due = has_more ? count_due(tx) : 0;
                if (due) {
                        send_batch(tx, sockets, due);
                        sent++;
                }
        }
        if (tx->count)
                send_batch(tx, sockets, tx->count);
        return has_more;
}
