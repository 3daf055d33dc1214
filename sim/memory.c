/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "sim/memory.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

/* ---- the simulator's own ---- */

void *sim_new(size_t size)
{
        void *object = calloc(1, size);

        WG_ASSERT(object);
        return object;
}

void *sim_grow(void *array, size_t *room, size_t count, size_t size)
{
        size_t wanted = *room ? *room : 16;
        uint8_t *bigger;

        if (count <= *room)
                return array;
        while (wanted < count)
                wanted *= 2;
        bigger = realloc(array, wanted * size);
        WG_ASSERT(bigger);
        memset(bigger + *room * size, 0, (wanted - *room) * size);
        *room = wanted;
        return bigger;
}

/* ---- secrets ---- */

static const uint8_t nothing[SIM_SECRET_LEN];

/* Secrets are as good as random, so their first bytes serve as a hash. */
static uint8_t *slot_of(const struct sim_secrets *secrets, const uint8_t secret[SIM_SECRET_LEN])
{
        size_t at = (size_t)wg_le64_load(secret) & (secrets->room - 1);

        while (memcmp(secrets->slots[at], nothing, SIM_SECRET_LEN) != 0 &&
               memcmp(secrets->slots[at], secret, SIM_SECRET_LEN) != 0)
                at = (at + 1) & (secrets->room - 1);
        return secrets->slots[at];
}

static void grow_secrets(struct sim_secrets *secrets)
{
        struct sim_secrets bigger = {.room = secrets->room ? 2 * secrets->room : 256};

        bigger.slots = sim_new(bigger.room * sizeof(*bigger.slots));
        bigger.count = secrets->count;
        for (size_t i = 0; i < secrets->room; i++)
                memcpy(slot_of(&bigger, secrets->slots[i]), secrets->slots[i], SIM_SECRET_LEN);
        free(secrets->slots);
        *secrets = bigger;
}

void sim_secrets_done(struct sim_secrets *secrets)
{
        free(secrets->slots);
        *secrets = (struct sim_secrets){.slots = NULL};
}

void sim_secrets_add(struct sim_secrets *secrets, const uint8_t secret[SIM_SECRET_LEN])
{
        uint8_t *slot;

        if (memcmp(secret, nothing, SIM_SECRET_LEN) == 0)
                return;
        if (2 * secrets->count >= secrets->room)
                grow_secrets(secrets);
        slot = slot_of(secrets, secret);
        if (memcmp(slot, nothing, SIM_SECRET_LEN) != 0)
                return;
        memcpy(slot, secret, SIM_SECRET_LEN);
        secrets->count++;
}

bool sim_secrets_occur(const struct sim_secrets *secrets, const void *bytes, size_t len)
{
        const uint8_t *at = bytes;

        if (!secrets->count)
                return false;
        for (size_t i = 0; i + SIM_SECRET_LEN <= len; i++) {
                uint64_t word;

                /* Most released memory is zero; a zero word rules out a secret cheaply. */
                memcpy(&word, at + i, sizeof(word));
                if (!word || memcmp(at + i, nothing, SIM_SECRET_LEN) == 0)
                        continue;
                if (memcmp(slot_of(secrets, at + i), nothing, SIM_SECRET_LEN) != 0)
                        return true;
        }
        return false;
}

/* ---- the engine's ---- */

void *sim_memory_alloc(struct sim_memory *memory, size_t len)
{
        max_align_t *block;

        if (memory->refused_in_1000 && sim_random_chance(memory->random, memory->refused_in_1000)) {
                memory->refused++;
                return NULL;
        }
        /* The length before a block lets free() check its argument. */
        block = sim_new(sizeof(*block) + len);
        memcpy(block, &len, sizeof(len));
        memory->blocks++;
        memory->bytes += len;
        return block + 1;
}

void sim_memory_free(struct sim_memory *memory, void *block, size_t len)
{
        max_align_t *head = (max_align_t *)block - 1;

        WG_ASSERT(memcmp(head, &len, sizeof(len)) == 0);
        memory->blocks--;
        memory->bytes -= len;
        free(head);
}
