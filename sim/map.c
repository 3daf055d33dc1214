/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "sim/map.h"

#include <stdlib.h>

#include "base/attr.h"
#include "base/mem.h"
#include "sim/memory.h"

void sim_map_done(struct sim_map *map)
{
        free(map->slots);
        *map = (struct sim_map){.slots = NULL};
}

static uint64_t mix(uint64_t hash, uint64_t word)
{
        hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        return hash ^ hash >> 29;
}

uint64_t sim_map_hash(const void *bytes, size_t len, uint64_t kind)
{
        const uint8_t *at = bytes;
        uint64_t hash = mix(kind + 1, len), word;

        for (; len >= sizeof(word); len -= sizeof(word), at += sizeof(word)) {
                memcpy(&word, at, sizeof(word));
                hash = mix(hash, word);
        }
        word = 0;
        memcpy(&word, at, len);
        hash = mix(mix(hash, word), kind);
        return hash ? hash : 1;
}

static struct sim_map_slot *slot_of(const struct sim_map *map, uint64_t hash)
{
        size_t at = (size_t)(hash * UINT64_C(0xd6e8feb86659fd93) >> 32) & (map->room - 1);

        while (map->slots[at].hash && map->slots[at].hash != hash)
                at = (at + 1) & (map->room - 1);
        return &map->slots[at];
}

static void grow(struct sim_map *map)
{
        struct sim_map bigger = {.room = map->room ? 2 * map->room : 1024, .count = map->count};

        bigger.slots = sim_new(bigger.room * sizeof(*bigger.slots));
        for (size_t i = 0; i < map->room; i++)
                if (map->slots[i].hash)
                        *slot_of(&bigger, map->slots[i].hash) = map->slots[i];
        free(map->slots);
        *map = bigger;
}

uint64_t *sim_map_get(const struct sim_map *map, uint64_t hash)
{
        struct sim_map_slot *slot;

        if (!map->room)
                return NULL;
        slot = slot_of(map, hash);
        return slot->hash ? &slot->value : NULL;
}

void sim_map_put(struct sim_map *map, uint64_t hash, uint64_t value)
{
        if (2 * map->count >= map->room)
                grow(map);
        WG_ASSERT(!slot_of(map, hash)->hash);
        *slot_of(map, hash) = (struct sim_map_slot){hash, value};
        map->count++;
}
