/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "crypto/libcrypto/reserve.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

#include <openssl/crypto.h>

#include "base/attr.h"
#include "base/bits.h"
#include "base/mem.h"

enum { BLOCKS = 64, BLOCK_SIZE = 512 };

static _Alignas(16) uint8_t blocks[BLOCKS][BLOCK_SIZE];
static _Atomic uint64_t taken; /* a bit per block */

static void *take(size_t size)
{
        uint64_t before = atomic_load_explicit(&taken, memory_order_relaxed), bit;

        if (size > BLOCK_SIZE)
                return NULL;
        do {
                if (before == UINT64_MAX)
                        return NULL;
                bit = ~before & (before + 1); /* the lowest clear bit */
        } while (!atomic_compare_exchange_weak_explicit(
                &taken, &before, before | bit, memory_order_acquire, memory_order_relaxed));
        return blocks[wg_bits_last64(bit) - 1];
}

static bool is_ours(const void *memory)
{
        return (uintptr_t)memory - (uintptr_t)blocks < sizeof(blocks);
}

static void give_back(void *memory)
{
        size_t block = ((uintptr_t)memory - (uintptr_t)blocks) / BLOCK_SIZE;

        wg_wipe(memory, BLOCK_SIZE);
        atomic_fetch_and_explicit(&taken, ~(UINT64_C(1) << block), memory_order_release);
}

static void *reserve_malloc(size_t size, const char *file WG_UNUSED, int line WG_UNUSED)
{
        void *memory = size ? malloc(size) : NULL; /* NULL for 0, like libcrypto's own */

        return memory || !size ? memory : take(size);
}

static void reserve_free(void *memory, const char *file WG_UNUSED, int line WG_UNUSED)
{
        if (is_ours(memory))
                give_back(memory);
        else
                free(memory);
}

static void *reserve_realloc(void *memory, size_t size, const char *file, int line)
{
        void *bigger;

        if (!memory)
                return reserve_malloc(size, file, line);
        if (!size) {
                reserve_free(memory, file, line);
                return NULL;
        }
        if (!is_ours(memory))
                return realloc(memory, size);
        if (size <= BLOCK_SIZE)
                return memory;
        bigger = reserve_malloc(size, file, line);
        if (!bigger)
                return NULL;
        memcpy(bigger, memory, BLOCK_SIZE);
        give_back(memory);
        return bigger;
}

void wg_crypto_reserve_init(void)
{
        CRYPTO_malloc_fn present;

        CRYPTO_get_mem_functions(&present, NULL, NULL);
        if (present == CRYPTO_malloc) /* no other allocator is installed */
                (void)CRYPTO_set_mem_functions(reserve_malloc, reserve_realloc, reserve_free);
}
