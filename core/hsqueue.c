/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "core/hsqueue.h"

#include "base/mem.h"

#define RING_BYTES (WG_HANDSHAKE_QUEUE_MAX * sizeof(struct wg_hsqueue_item))

bool wg_hsqueue_init(struct wg_hsqueue *queue, const struct wg_env *env)
{
        memset(queue, 0, sizeof(*queue));
        queue->env = env;
        queue->items = env->alloc(env->ctx, RING_BYTES);
        return queue->items != NULL;
}

void wg_hsqueue_done(struct wg_hsqueue *queue)
{
        if (queue->items)
                queue->env->free(queue->env->ctx, queue->items, RING_BYTES);
        memset(queue, 0, sizeof(*queue));
}

static void set_loaded(struct wg_hsqueue *queue, uint64_t now_ns)
{
        atomic_store_explicit(&queue->loaded_until_ns, now_ns + WG_LOAD_STICKY,
                              memory_order_relaxed);
}

bool wg_hsqueue_put(struct wg_hsqueue *queue, const uint8_t *message, size_t len,
                    const struct wg_endpoint *from, bool is_proven, uint64_t now_ns)
{
        struct wg_hsqueue_item *item;

        if (queue->count == WG_HANDSHAKE_QUEUE_MAX || len > WG_HANDSHAKE_LEN_MAX)
                return false;
        item = &queue->items[(queue->first + queue->count) % WG_HANDSHAKE_QUEUE_MAX];
        item->arrived_ns = now_ns;
        item->from = *from;
        item->is_proven = is_proven;
        item->len = (uint8_t)len;
        memcpy(item->bytes, message, len);
        queue->count++;
        if (queue->count >= WG_LOAD_QUEUED)
                set_loaded(queue, now_ns);
        return true;
}

const struct wg_hsqueue_item *wg_hsqueue_take(struct wg_hsqueue *queue, uint64_t now_ns)
{
        const struct wg_hsqueue_item *item = &queue->items[queue->first];

        if (!queue->count)
                return NULL;
        if (queue->count >= WG_LOAD_QUEUED || (queue->count >= WG_LOAD_SOJOURN_QUEUED &&
                                               now_ns >= item->arrived_ns + WG_LOAD_SOJOURN))
                set_loaded(queue, now_ns);
        queue->first = (queue->first + 1) % WG_HANDSHAKE_QUEUE_MAX;
        queue->count--;
        return item;
}

bool wg_hsqueue_is_loaded(const struct wg_hsqueue *queue, uint64_t now_ns)
{
        return now_ns < atomic_load_explicit(&queue->loaded_until_ns, memory_order_relaxed);
}
