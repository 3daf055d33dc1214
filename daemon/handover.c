/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "daemon/handover.h"

enum { INBOX_SIZE = 1 << 20 };

int tl_handover_init(struct tl_handover *handover)
{
        int error = tl_inbox_init(&handover->handshakes, INBOX_SIZE);

        if (!error)
                error = tl_inbox_init(&handover->preferred, INBOX_SIZE);
        if (!error)
                error = tl_inbox_init(&handover->unsent, INBOX_SIZE);
        return error;
}

void tl_handover_done(struct tl_handover *handover)
{
        tl_inbox_done(&handover->handshakes);
        tl_inbox_done(&handover->preferred);
        tl_inbox_done(&handover->unsent);
}

void tl_handover_handshake(struct tl_handover *handover, struct wg_worker *worker,
                           const struct wg_receive_slot *slot, uint64_t now_ns)
{
        const struct tl_inbox_head head = {
                .arrived_ns = now_ns, .len = slot->len, .from = slot->from};

        if (tl_inbox_put(slot->is_preferred ? &handover->preferred : &handover->handshakes, &head,
                         slot->buf))
                worker->wants_engine = true;
        else
                wg_worker_count(worker, WG_VERDICT_QUEUE_FULL);
}

void tl_handover_unsent(struct tl_handover *handover, struct wg_worker *worker,
                        const struct wg_send_slot *slot, uint64_t now_ns)
{
        const struct tl_inbox_head head = {
                .arrived_ns = now_ns, .len = slot->len, .peer = slot->peer};

        if (tl_inbox_put(&handover->unsent, &head, slot->buf + WG_SEND_HEADROOM))
                worker->wants_engine = true;
        else
                wg_worker_refuse(worker, slot->peer);
}

bool tl_handover_is_empty(struct tl_handover *handover)
{
        return !tl_inbox_used(&handover->preferred) && !tl_inbox_used(&handover->handshakes) &&
               !tl_inbox_used(&handover->unsent);
}
