/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * rx.c - the way in: UDP -> core -> TUN.
 *
 * What a socket gives, datagrams or pieces of many, is opened where it lies. What follows on each other in
 * one flow of TCP or UDP is written to the TUN as one superpacket, whose payload is not copied either. */
#include "base/ip.h"
#include "daemon/report.h"
#include "daemon/worker.h"

static int receive_datagrams(struct tl_worker *worker, const struct tl_udp *udp)
{
        for (unsigned int i = 0; i < TL_RX_BUFFERS; i++) {
                worker->datagrams[i].buf = worker->rx_bytes + (size_t)i * TL_BUFFER_SIZE;
                worker->datagrams[i].room = TL_UDP_RECEIVED_MAX;
        }
        return tl_udp_receive(udp, worker->datagrams, TL_RX_BUFFERS);
}

static void count_unwritten(struct tl_worker *worker, unsigned int count)
{
        if (count)
                atomic_fetch_add_explicit(&worker->device->tally.tun_errors, count,
                                          memory_order_relaxed);
}

/* The queue to write a packet to. A packet for this host goes to our own queue, so that its answers
 * come to us too. A packet from one peer to another comes out of the TUN again. Its flow is written
 * in both directions, each by the worker of its sender; if each used its own queue, the flow would
 * move from one to the other and overtake itself. */
static const struct tl_tun_queue *choose_queue(const struct tl_worker *worker, unsigned int i)
{
        const struct tl_device *device = worker->device;
        const struct tl_packet *packet = &worker->packets[i];
        const struct wg_peer *to;
        struct wg_ip_header h;

        if (!device->tun.neutral.header_len)
                return worker->queue;
        h = wg_ip_parse(packet->buf, packet->len);
        to = wg_allowedips_find(&device->engine.allowed, h.family, h.destination);
        return to && to != worker->senders[i] ? &device->tun.neutral : worker->queue;
}

/* Returns whether the TUN accepted the packet. */
static bool write_packet(struct tl_worker *worker, unsigned int i)
{
        return tl_tun_write(choose_queue(worker, i), &worker->packets[i], 1) == 1;
}

/* Writes the packets of a run that the TUN did not take as a superpacket. Returns how many it took. */
static unsigned int write_one_by_one(struct tl_worker *worker, const struct tl_merge_run *run)
{
        unsigned int written = 0;
        uint16_t at = run->first;

        tl_merge_undo(run, worker->packets);
        for (unsigned int i = 0; i < run->count; i++, at = worker->merge.next[at])
                written += write_packet(worker, at);
        return written;
}

static void write_run(struct tl_worker *worker, const struct tl_merge_run *run)
{
        struct iovec parts[TL_MERGE_MAX];
        unsigned int count, written;

        if (run->offload.kind == TL_OFFLOAD_NONE) {
                count_unwritten(worker, !write_packet(worker, run->first));
                return;
        }
        count = tl_merge_parts(&worker->merge, run, worker->packets, parts);
        if (tl_tun_write_parts(choose_queue(worker, run->first), &run->offload, parts, count) ==
            0) {
                wg_worker_add(&worker->superpackets_written, 1);
                return;
        }
        written = write_one_by_one(worker, run);
        count_unwritten(worker, run->count - written);
        /* A link that is down takes neither. */
        if (written)
                tl_offloads_superpacket_refused(&worker->device->offloads, run->offload.kind);
}

static void write_packets(struct tl_worker *worker, unsigned int count)
{
        uint32_t kinds = tl_offloads_kinds(&worker->device->offloads);

        if (count == 1 || !kinds) {
                for (unsigned int i = 0; i < count; i++)
                        count_unwritten(worker, !write_packet(worker, i));
                return;
        }
        tl_merge(&worker->merge, worker->packets, count, kinds);
        for (unsigned int i = 0; i < worker->merge.count; i++)
                write_run(worker, &worker->merge.runs[i]);
}

static void add_packet(struct tl_worker *worker, unsigned int i, const struct wg_receive_slot *slot)
{
        worker->packets[i] = (struct tl_packet){.buf = slot->inner, .len = slot->inner_len};
        worker->senders[i] = slot->peer;
}

/* Opens the first count slots and deals with each by its verdict. */
static void receive_slots(struct tl_worker *worker, unsigned int n, uint64_t now_ns)
{
        unsigned int count = 0;

        wg_receive(&worker->core, worker->receive_slots, n, now_ns);
        for (unsigned int i = 0; i < n; i++) {
                struct wg_receive_slot *slot = &worker->receive_slots[i];

                if (slot->verdict == WG_VERDICT_HANDSHAKE)
                        tl_worker_hand_over_handshake(worker, slot, now_ns);
                else if (slot->verdict == WG_VERDICT_DATA)
                        add_packet(worker, count++, slot);
                else if (slot->verdict != WG_VERDICT_KEEPALIVE)
                        tl_report_dropped(worker->device, slot);
        }
        if (count)
                write_packets(worker, count);
}

/* Makes slots of a datagram, or of those that a piece holds, behind the n that there are; deals with them
 * whenever there is no room for more. Returns how many there are now. */
static unsigned int add_slots(struct tl_worker *worker, unsigned int n, const struct tl_datagram *d,
                              uint64_t now_ns)
{
        uint32_t segment = d->segment ? d->segment : d->len, at = 0;

        if (d->segment)
                wg_worker_add(&worker->pieces_received, 1);
        do {
                if (n == WG_BATCH_MAX) {
                        receive_slots(worker, n, now_ns);
                        n = 0;
                }
                worker->receive_slots[n++] = (struct wg_receive_slot){
                        .buf = d->buf + at,
                        /* One that did not fit is cut short, and so no message: the core refuses
                         * it. */
                        .len = d->error ? 0 : WG_MIN(segment, d->len - at),
                        .tos = d->tos,
                        .from = d->path,
                };
                at += segment;
        } while (at < d->len);
        return n;
}

bool tl_rx_run(struct tl_worker *worker, const struct tl_udp *udp)
{
        int received = receive_datagrams(worker, udp);
        uint64_t now_ns = tl_clock_boot_ns();
        unsigned int n = 0;

        if (received <= 0)
                return false;
        for (int i = 0; i < received; i++)
                n = add_slots(worker, n, &worker->datagrams[i], now_ns);
        receive_slots(worker, n, now_ns);
        return received == TL_RX_BUFFERS;
}
