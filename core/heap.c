/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "core/heap.h"

#include "base/bits.h"
#include "base/mem.h"

enum { ROOM_MIN = 16 };

static struct wg_heap_node *at(const struct wg_heap *heap, uint32_t position)
{
        return heap->nodes[position - 1];
}

static void place(struct wg_heap *heap, uint32_t position, struct wg_heap_node *node)
{
        heap->nodes[position - 1] = node;
        node->position = position;
}

/* Puts `node` in its place, starting from the free place at `position`: up past nodes due later,
 * else down past nodes due earlier. */
static void settle(struct wg_heap *heap, uint32_t position, struct wg_heap_node *node)
{
        for (; position > 1 && at(heap, position / 2)->at_ns > node->at_ns; position /= 2)
                place(heap, position, at(heap, position / 2));

        while (position <= heap->count / 2) {
                uint32_t child = 2 * position;

                if (child < heap->count && at(heap, child + 1)->at_ns < at(heap, child)->at_ns)
                        child++;
                if (at(heap, child)->at_ns >= node->at_ns)
                        break;
                place(heap, position, at(heap, child));
                position = child;
        }
        place(heap, position, node);
}

static size_t memory_of(uint32_t room)
{
        return room * sizeof(struct wg_heap_node *);
}

void wg_heap_init(struct wg_heap *heap, const struct wg_env *env)
{
        memset(heap, 0, sizeof(*heap));
        heap->env = env;
}

void wg_heap_done(struct wg_heap *heap)
{
        if (heap->nodes)
                heap->env->free(heap->env->ctx, heap->nodes, memory_of(heap->room));
        heap->nodes = NULL;
        heap->count = heap->room = 0;
}

bool wg_heap_reserve(struct wg_heap *heap, size_t nodes)
{
        const struct wg_env *env = heap->env;
        struct wg_heap_node **bigger;
        uint32_t room;

        if (nodes <= heap->room)
                return true;
        if (nodes > UINT32_C(1) << 31)
                return false;
        room = wg_bits_round_up_pow2(WG_MAX((uint32_t)nodes, (uint32_t)ROOM_MIN));
        bigger = env->alloc(env->ctx, memory_of(room));
        if (!bigger)
                return false;
        if (heap->nodes) {
                memcpy(bigger, heap->nodes, memory_of(heap->count));
                env->free(env->ctx, heap->nodes, memory_of(heap->room));
        }
        heap->nodes = bigger;
        heap->room = room;
        return true;
}

void wg_heap_set(struct wg_heap *heap, struct wg_heap_node *node, uint64_t at_ns)
{
        uint32_t position = node->position;

        if (!position) {
                WG_ASSERT(heap->count < heap->room);
                position = ++heap->count;
        }
        node->at_ns = at_ns;
        settle(heap, position, node);
}

void wg_heap_remove(struct wg_heap *heap, struct wg_heap_node *node)
{
        uint32_t position = node->position;
        struct wg_heap_node *last;

        if (!position)
                return;
        last = at(heap, heap->count--);
        node->position = 0;
        if (last != node)
                settle(heap, position, last);
}

struct wg_heap_node *wg_heap_first(const struct wg_heap *heap)
{
        return heap->count ? at(heap, 1) : NULL;
}
