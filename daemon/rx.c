/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "daemon/rx.h"

#include "base/ip.h"
#include "daemon/report.h"
#include "io/clock.h"

static int receive_datagrams(struct tl_rx *rx, const struct tl_udp *udp)
{
        for (unsigned int i = 0; i < TL_RX_BUFFERS; i++) {
                rx->datagrams[i].buf = rx->bytes + (size_t)i * TL_BUFFER_SIZE;
                rx->datagrams[i].room = TL_UDP_RECEIVED_MAX;
        }
        return tl_udp_receive(udp, rx->datagrams, TL_RX_BUFFERS);
}

static void count_unwritten(struct tl_rx *rx, unsigned int count)
{
        if (count)
                tl_tally_add_tun_errors(&rx->shared->tally, count);
}

/* Returns the queue to write a packet to. A packet for this host goes to our own queue, so that
 * replies reach us too. A packet from one peer to another comes out of the TUN again. The two
 * directions of its flow are written by two workers, each that of the sender. If each worker used
 * its own queue, the flow would move between the queues and be reordered. */
static const struct tl_tun_queue *choose_queue(const struct tl_rx *rx, unsigned int i)
{
        const struct tl_shared *shared = rx->shared;
        const struct tl_packet *packet = &rx->packets[i];
        const struct wg_peer *to;
        struct wg_ip_header h;

        if (!shared->tun.neutral.header_len)
                return rx->queue;
        h = wg_ip_parse(packet->buf, packet->len);
        to = wg_allowedips_find(&shared->engine.allowed, h.family, h.destination);
        return to && to != rx->senders[i] ? &shared->tun.neutral : rx->queue;
}

/* Returns whether the TUN accepted the packet. */
static bool write_packet(struct tl_rx *rx, unsigned int i)
{
        return tl_tun_write(choose_queue(rx, i), &rx->packets[i], 1) == 1;
}

/* Writes the packets of a run that the TUN refused as a superpacket. Returns how many it
 * accepted. */
static unsigned int write_one_by_one(struct tl_rx *rx, const struct tl_merge_run *run)
{
        unsigned int written = 0;
        uint16_t at = run->first;

        tl_merge_undo(run, rx->packets);
        for (unsigned int i = 0; i < run->count; i++, at = rx->merge.next[at])
                written += write_packet(rx, at);
        return written;
}

static void write_run(struct tl_rx *rx, const struct tl_merge_run *run)
{
        struct iovec parts[TL_MERGE_MAX];
        unsigned int count, written;

        if (run->offload.kind == TL_OFFLOAD_NONE) {
                count_unwritten(rx, !write_packet(rx, run->first));
                return;
        }
        count = tl_merge_parts(&rx->merge, run, rx->packets, parts);
        if (tl_tun_write_parts(choose_queue(rx, run->first), &run->offload, parts, count) == 0) {
                wg_worker_add(&rx->superpackets_written, 1);
                return;
        }
        written = write_one_by_one(rx, run);
        count_unwritten(rx, run->count - written);
        /* A link that is down refuses both, which says nothing about superpackets. */
        if (written)
                tl_offloads_superpacket_refused(&rx->shared->offloads, run->offload.kind);
}

static void write_batch(struct tl_rx *rx, unsigned int count)
{
        uint32_t kinds = tl_offloads_kinds(&rx->shared->offloads);

        if (count == 1 || !kinds) {
                for (unsigned int i = 0; i < count; i++)
                        count_unwritten(rx, !write_packet(rx, i));
                return;
        }
        tl_merge(&rx->merge, rx->packets, count, kinds);
        for (unsigned int i = 0; i < rx->merge.count; i++)
                write_run(rx, &rx->merge.runs[i]);
}

static void add_packet(struct tl_rx *rx, unsigned int i, const struct wg_receive_slot *slot)
{
        rx->packets[i] = (struct tl_packet){.buf = slot->inner, .len = slot->inner_len};
        rx->senders[i] = slot->peer;
}

/* Opens the first n slots and handles each according to its verdict. */
static void deliver_batch(struct tl_rx *rx, unsigned int n, uint64_t now_ns)
{
        unsigned int count = 0;

        wg_receive(rx->core, rx->slots, n, now_ns);
        for (unsigned int i = 0; i < n; i++) {
                struct wg_receive_slot *slot = &rx->slots[i];

                if (slot->verdict == WG_VERDICT_HANDSHAKE)
                        tl_handover_handshake(&rx->shared->handover, rx->core, slot, now_ns);
                else if (slot->verdict == WG_VERDICT_DATA)
                        add_packet(rx, count++, slot);
                else if (slot->verdict != WG_VERDICT_KEEPALIVE)
                        tl_report_dropped(rx->shared->log, slot);
        }
        if (count)
                write_batch(rx, count);
}

/* Adds a datagram, or the datagrams of a piece, after the n filled slots. Delivers the batch
 * whenever it is full. Returns the number of filled slots. */
static unsigned int deliver_if_full_and_add(struct tl_rx *rx, unsigned int n,
                                            const struct tl_datagram *d, uint64_t now_ns)
{
        uint32_t segment = d->segment ? d->segment : d->len, at = 0;

        if (d->segment)
                wg_worker_add(&rx->pieces_received, 1);
        do {
                if (n == WG_BATCH_MAX) {
                        deliver_batch(rx, n, now_ns);
                        n = 0;
                }
                rx->slots[n++] = (struct wg_receive_slot){
                        .buf = d->buf + at,
                        /* The core refuses the empty datagram that replaces a truncated one. */
                        .len = d->error ? 0 : WG_MIN(segment, d->len - at),
                        .tos = d->tos,
                        .from = d->path,
                };
                at += segment;
        } while (at < d->len);
        return n;
}

bool tl_rx_run_batch(struct tl_rx *rx, const struct tl_udp *udp)
{
        int received = receive_datagrams(rx, udp);
        uint64_t now_ns = tl_clock_boot_ns();
        unsigned int n = 0;

        if (received <= 0)
                return false;
        for (int i = 0; i < received; i++)
                n = deliver_if_full_and_add(rx, n, &rx->datagrams[i], now_ns);
        deliver_batch(rx, n, now_ns);
        return received == TL_RX_BUFFERS;
}
