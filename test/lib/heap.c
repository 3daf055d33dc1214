/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#define _GNU_SOURCE /* memmem */

#include "test/lib/heap.h"

#include <malloc.h>
#include <stdbool.h>
#include <string.h>

#include "base/attr.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void __real_free(void *memory);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void __wrap_free(void *memory);

static long allocations_left = -1;
static const void *watched;
static size_t watched_len;

static bool may_allocate(void)
{
        if (allocations_left == 0)
                return false;
        if (allocations_left > 0)
                allocations_left--;
        return true;
}

void heap_fail_after(long allocations)
{
        allocations_left = allocations;
}

void heap_watch(const void *secret, size_t len)
{
        watched = secret;
        watched_len = len;
}

void *__wrap_malloc(size_t size)
{
        return may_allocate() ? __real_malloc(size) : NULL;
}

void *__wrap_calloc(size_t count, size_t size)
{
        return may_allocate() ? __real_calloc(count, size) : NULL;
}

void __wrap_free(void *memory)
{
        if (memory && watched)
                WG_ASSERT(!memmem(memory, malloc_usable_size(memory), watched, watched_len));
        __real_free(memory);
}
