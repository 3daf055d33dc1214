/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * tx.c - the way out: TUN -> core -> UDP. */
#include <errno.h>

#include "daemon/report.h"
#include "daemon/worker.h"

/* Reads packets to where the core wants them: behind its headroom. */
static int read_packets(struct tl_worker *worker)
{
        int n;

        for (unsigned int i = 0; i < TL_BATCH; i++)
                worker->packets[i] = (struct tl_packet){
                        .buf = tl_worker_buffer(worker, i) + WG_SEND_HEADROOM,
                        .room = TL_PACKET_MAX + 1,
                };
        n = tl_tun_read(worker->queue, worker->packets, TL_BATCH);
        if (n == -EBADFD && !atomic_exchange(&worker->device->is_deleted, true))
                tl_wake_set(&worker->device->wake);
        return n;
}

static void refuse(struct tl_worker *worker, const struct wg_send_slot *slot, uint64_t now_ns)
{
        uint8_t error[WG_ICMP_LEN_MAX];
        struct tl_packet packet = {.buf = error};

        tl_report_unsent(worker->device, slot);
        if (slot->verdict != WG_VERDICT_NO_PEER && slot->verdict != WG_VERDICT_NO_ENDPOINT)
                return;
        packet.len = (uint32_t)wg_icmp_unreachable(slot->buf + WG_SEND_HEADROOM, slot->len, error);
        if (packet.len && wg_icmp_may_send(&worker->icmp_limit, now_ns))
                tl_tun_write(worker->queue, &packet, 1);
}

/* Sends what was sealed; the slots' datagrams were gathered in order. */
static void send_datagrams(struct tl_worker *worker, const struct tl_sockets *sockets,
                           struct wg_send_slot *const *slots, unsigned int count)
{
        if (!sockets) {
                atomic_fetch_add_explicit(&worker->device->tally.tx_errors, count,
                                          memory_order_relaxed);
                return;
        }
        tl_udp_send_pair(&sockets->pairs[worker->number], worker->datagrams, count);
        for (unsigned int i = 0; i < count; i++) {
                const struct tl_datagram *d = &worker->datagrams[i];

                if (!d->error)
                        wg_worker_count_sent(&worker->core, slots[i]->peer, d->len);
                else
                        tl_report_send_error(worker->device, slots[i]->peer, d);
                if (d->pin_failed)
                        wg_path_unpin(&slots[i]->peer->path, &d->path);
        }
}

bool tl_tx_run(struct tl_worker *worker, const struct tl_sockets *sockets)
{
        struct wg_send_slot *sealed[TL_BATCH];
        int n = read_packets(worker);
        uint64_t now_ns = tl_clock_boot_ns();
        unsigned int count = 0;

        if (n <= 0)
                return false;
        for (int i = 0; i < n; i++)
                worker->send_slots[i] = (struct wg_send_slot){
                        .buf = worker->packets[i].buf - WG_SEND_HEADROOM,
                        /* What was cut short is no packet: the core refuses it. */
                        .len = worker->packets[i].error ? 0 : worker->packets[i].len,
                };
        wg_send(&worker->core, worker->send_slots, (size_t)n, now_ns);
        for (int i = 0; i < n; i++) {
                struct wg_send_slot *slot = &worker->send_slots[i];

                if (slot->verdict == WG_VERDICT_NO_SESSION) {
                        tl_worker_hand_over_unsent(worker, slot->buf + WG_SEND_HEADROOM, slot->len,
                                                   now_ns);
                } else if (slot->verdict != WG_VERDICT_SEALED) {
                        refuse(worker, slot, now_ns);
                } else {
                        worker->datagrams[count] = (struct tl_datagram){.buf = slot->buf,
                                                                        .len = slot->len,
                                                                        .tos = slot->tos,
                                                                        .path = slot->to};
                        sealed[count++] = slot;
                }
        }
        send_datagrams(worker, sockets, sealed, count);
        return n == TL_BATCH;
}
