/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "sim/ledger.h"

#include <stdlib.h>

#include "base/mem.h"
#include "core/message.h"

/* Separate the hashes of different things. */
enum { KIND_NONCE = 1, KIND_DATAGRAM = 2, KIND_SESSION = 3, KIND_KEY = 4 };

void sim_ledger_init(struct sim_ledger *ledger)
{
        memset(ledger, 0, sizeof(*ledger));
        ledger->records = sim_new(SIM_RECORDS_MAX * sizeof(*ledger->records));
}

void sim_ledger_done(struct sim_ledger *ledger)
{
        free(ledger->records);
        sim_map_done(&ledger->nonces);
        sim_map_done(&ledger->sessions);
        sim_map_done(&ledger->datagrams);
        free(ledger->genuine);
        sim_map_done(&ledger->key_map);
        free(ledger->keys);
        sim_secrets_done(&ledger->secrets);
        memset(ledger, 0, sizeof(*ledger));
}

struct sim_record *sim_ledger_add_inner(struct sim_ledger *ledger, const struct sim_inner *inner)
{
        uint64_t serial = ++ledger->serials;
        struct sim_record *record = &ledger->records[serial % SIM_RECORDS_MAX];

        *record = (struct sim_record){.inner = *inner, .state = SIM_STATE_WAITING};
        record->inner.serial = serial;
        return record;
}

struct sim_record *sim_ledger_find_inner(struct sim_ledger *ledger, uint64_t serial)
{
        struct sim_record *record = &ledger->records[serial % SIM_RECORDS_MAX];

        return serial && record->inner.serial == serial ? record : NULL;
}

bool sim_ledger_use_nonce(struct sim_ledger *ledger, const uint8_t key[WG_AEAD_KEY_LEN],
                          uint64_t nonce)
{
        uint8_t both[WG_AEAD_KEY_LEN + sizeof(nonce)];
        uint64_t hash;

        memcpy(both, key, WG_AEAD_KEY_LEN);
        memcpy(both + WG_AEAD_KEY_LEN, &nonce, sizeof(nonce));
        hash = sim_map_hash(both, sizeof(both), KIND_NONCE);
        if (sim_map_get(&ledger->nonces, hash))
                return false;
        sim_map_put(&ledger->nonces, hash, 0);
        return true;
}

uint64_t *sim_ledger_session(struct sim_ledger *ledger, unsigned int node, uint32_t index)
{
        uint32_t both[] = {node, index};
        uint64_t hash = sim_map_hash(both, sizeof(both), KIND_SESSION);

        if (!sim_map_get(&ledger->sessions, hash))
                sim_map_put(&ledger->sessions, hash, 0);
        return sim_map_get(&ledger->sessions, hash);
}

uint64_t sim_ledger_hash(const uint8_t *bytes, uint32_t len)
{
        switch (wg_message_classify(bytes, len)) {
        case WG_MESSAGE_INITIATION:
                return sim_map_hash(bytes + WG_INITIATION_EPHEMERAL,
                                    WG_INITIATION_MAC1 - WG_INITIATION_EPHEMERAL, KIND_DATAGRAM);
        case WG_MESSAGE_RESPONSE:
                return sim_map_hash(bytes + WG_RESPONSE_EPHEMERAL,
                                    WG_RESPONSE_MAC1 - WG_RESPONSE_EPHEMERAL, KIND_DATAGRAM);
        case WG_MESSAGE_COOKIE:
                return sim_map_hash(bytes + WG_COOKIE_NONCE, WG_COOKIE_LEN - WG_COOKIE_NONCE,
                                    KIND_DATAGRAM);
        default:
                return sim_map_hash(bytes, len, KIND_DATAGRAM);
        }
}

void sim_ledger_add_datagram(struct sim_ledger *ledger, uint64_t hash, unsigned int from,
                             unsigned int to)
{
        size_t n = ledger->genuine_count++;

        ledger->genuine = sim_grow(ledger->genuine, &ledger->genuine_room, n + 1,
                                   sizeof(*ledger->genuine));
        ledger->genuine[n] = (struct sim_genuine){.from = (uint8_t)from, .to = (uint8_t)to};
        sim_map_put(&ledger->datagrams, hash, n);
}

struct sim_genuine *sim_ledger_find_datagram(struct sim_ledger *ledger, uint64_t hash)
{
        uint64_t *n = sim_map_get(&ledger->datagrams, hash);

        return n ? &ledger->genuine[*n] : NULL;
}

static uint64_t key_hash(unsigned int node, const uint8_t key[WG_AEAD_KEY_LEN])
{
        return sim_map_hash(key, WG_AEAD_KEY_LEN, KIND_KEY + (uint64_t)node * 16);
}

struct sim_key *sim_ledger_find_key(struct sim_ledger *ledger, unsigned int node,
                                    const uint8_t key[WG_AEAD_KEY_LEN])
{
        uint64_t *n = sim_map_get(&ledger->key_map, key_hash(node, key));

        return n ? &ledger->keys[*n] : NULL;
}

struct sim_key *sim_ledger_add_key(struct sim_ledger *ledger, unsigned int node,
                                   const uint8_t key[WG_AEAD_KEY_LEN], uint64_t born_ns)
{
        size_t n = ledger->key_count++;

        ledger->keys = sim_grow(ledger->keys, &ledger->key_room, n + 1, sizeof(*ledger->keys));
        ledger->keys[n] = (struct sim_key){.born_ns = born_ns};
        sim_map_put(&ledger->key_map, key_hash(node, key), n);
        sim_secrets_add(&ledger->secrets, key);
        return &ledger->keys[n];
}
