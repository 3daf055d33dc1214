/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "core/staged.h"

#include "base/mem.h"

void wg_staged_free(struct wg_staged_pool *pool, struct wg_staged *chain)
{
        while (chain) {
                struct wg_staged *next = chain->next;
                uint32_t size = chain->size;

                pool->bytes -= size;
                pool->packets--;
                wg_wipe(chain, size);
                pool->env->free(pool->env->ctx, chain, size);
                chain = next;
        }
}

uint32_t wg_staged_count(const struct wg_staged *chain)
{
        uint32_t count = 0;

        for (; chain; chain = chain->next)
                count++;
        return count;
}

struct wg_staged *wg_staged_take_all(struct wg_staged_queue *queue)
{
        struct wg_staged *first = queue->first;

        queue->first = queue->last = NULL;
        queue->count = 0;
        return first;
}

uint32_t wg_staged_purge(struct wg_staged_pool *pool, struct wg_staged_queue *queue)
{
        uint32_t count = queue->count;

        wg_staged_free(pool, wg_staged_take_all(queue));
        return count;
}

static struct wg_staged *take_first(struct wg_staged_queue *queue)
{
        struct wg_staged *first = queue->first;

        if (!first)
                return NULL;
        queue->first = first->next;
        if (!queue->first)
                queue->last = NULL;
        queue->count--;
        first->next = NULL;
        return first;
}

enum wg_verdict wg_staged_put(struct wg_staged_pool *pool, struct wg_staged_queue *queue,
                              const uint8_t *packet, uint32_t len, uint32_t *dropped)
{
        uint32_t size = (uint32_t)sizeof(struct wg_staged) + WG_DATA_OVERHEAD + WG_PADDING + len;
        struct wg_staged *staged;

        *dropped = 0;
        while (queue->first && (queue->count >= WG_STAGED_PACKETS_MAX ||
                                pool->bytes + size > WG_STAGED_BYTES_MAX)) {
                wg_staged_free(pool, take_first(queue));
                (*dropped)++;
        }
        if (pool->bytes + size > WG_STAGED_BYTES_MAX)
                return WG_VERDICT_STAGED_FULL;
        staged = pool->env->alloc(pool->env->ctx, size);
        if (!staged)
                return WG_VERDICT_NO_MEMORY;
        pool->bytes += size;
        pool->packets++;
        staged->size = size;
        staged->len = len;
        memcpy(staged->buf + WG_DATA_TEXT, packet, len);
        if (queue->last)
                queue->last->next = staged;
        else
                queue->first = staged;
        queue->last = staged;
        queue->count++;
        return WG_VERDICT_STAGED;
}
