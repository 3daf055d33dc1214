/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * rx.c - the way in: UDP -> core -> TUN. */
#include "daemon/report.h"
#include "daemon/worker.h"

static int receive_datagrams(struct tl_worker *worker, const struct tl_udp *udp)
{
        for (unsigned int i = 0; i < TL_BATCH; i++) {
                worker->datagrams[i].buf = tl_worker_buffer(worker, i);
                worker->datagrams[i].room = TL_PACKET_MAX;
        }
        return tl_udp_receive(udp, worker->datagrams, TL_BATCH);
}

static void write_packets(struct tl_worker *worker, unsigned int count)
{
        unsigned int written = tl_tun_write(worker->queue, worker->packets, count);

        if (written < count)
                atomic_fetch_add_explicit(&worker->device->tally.tun_errors, count - written,
                                          memory_order_relaxed);
}

bool tl_rx_run(struct tl_worker *worker, const struct tl_udp *udp)
{
        int n = receive_datagrams(worker, udp);
        uint64_t now_ns = tl_clock_boot_ns();
        unsigned int count = 0;

        if (n <= 0)
                return false;
        for (int i = 0; i < n; i++) {
                const struct tl_datagram *d = &worker->datagrams[i];

                /* One that did not fit is cut short, and so no message: the core refuses it. */
                worker->receive_slots[i] = (struct wg_receive_slot){.buf = d->buf,
                                                                    .len = d->error ? 0 : d->len,
                                                                    .tos = d->tos,
                                                                    .from = d->path};
        }
        wg_receive(&worker->core, worker->receive_slots, (size_t)n, now_ns);
        for (int i = 0; i < n; i++) {
                struct wg_receive_slot *slot = &worker->receive_slots[i];

                if (slot->verdict == WG_VERDICT_HANDSHAKE)
                        tl_worker_hand_over_handshake(worker, slot, now_ns);
                else if (slot->verdict == WG_VERDICT_DATA)
                        worker->packets[count++] = (struct tl_packet){.buf = slot->inner,
                                                                      .len = slot->inner_len};
                else if (slot->verdict != WG_VERDICT_KEEPALIVE)
                        tl_report_dropped(worker->device, slot);
        }
        if (count)
                write_packets(worker, count);
        return n == TL_BATCH;
}
