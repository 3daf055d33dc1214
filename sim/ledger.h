/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * ledger.h - what the observer of a world writes down: every inner packet, every genuine datagram,
 * every key, every nonce. It says whether something may happen; who asks reports when it may not.
 * Threads: one owner at a time. */
#ifndef SIM_LEDGER_H
#define SIM_LEDGER_H

#include "crypto/aead.h"
#include "sim/inner.h"
#include "sim/map.h"
#include "sim/memory.h"

/* Where an inner packet is. */
enum sim_state {
        SIM_STATE_WAITING = 1, /* at a node that has not sealed it yet */
        SIM_STATE_TRAVELLING,  /* sealed for the next node */
        SIM_STATE_ARRIVED,     /* came out of the tunnel there */
};

struct sim_record {
        struct sim_inner inner;
        uint8_t state;
        uint8_t hop_from, hop_to; /* travelling: between these two */
        uint32_t tag;             /* the traffic's own */

        /* Where the packet waits, or waited last: its number among those that the node's workers
         * took, the worker, and the peer. */
        uint64_t turn;
        uint8_t worker, taken_for;
};

/* A datagram that a node made for another. */
struct sim_genuine {
        uint8_t from, to;
        bool is_accepted;             /* by the receiver, */
        uint32_t accepted_generation; /* while its peer was the nth of its kind */
};

/* A key of a session, as one side has it. */
struct sim_key {
        uint64_t born_ns;
        bool is_gone;        /* left all slots of that node, or its sending was ended, */
        bool is_ended;       /* by a new private key; */
        uint64_t gone_batch; /* in which of its batches: that one may still finish */
};

/* So many inner packets are remembered: more than can be on their way. */
#define SIM_RECORDS_MAX 65536

struct sim_ledger {
        struct sim_record *records; /* a ring, by serial */
        uint64_t serials;           /* given out; the first is 1 */
        struct sim_map nonces;
        struct sim_map datagrams; /* to genuine[] */
        struct sim_genuine *genuine;
        size_t genuine_count, genuine_room;
        struct sim_map sessions; /* greatest nonces accepted */
        struct sim_map key_map;  /* to keys[] */
        struct sim_key *keys;
        size_t key_count, key_room;
        struct sim_secrets secrets;
};

void sim_ledger_init(struct sim_ledger *ledger);
void sim_ledger_done(struct sim_ledger *ledger);

/* Enters an inner packet and gives it its serial. Valid until SIM_RECORDS_MAX others came. */
struct sim_record *sim_ledger_add_inner(struct sim_ledger *ledger, const struct sim_inner *inner);

/* The record of a serial, or NULL where there never was one or it is long past. */
struct sim_record *sim_ledger_find_inner(struct sim_ledger *ledger, uint64_t serial);

/* Enters the use of a nonce. Returns false when it was used before under that key. */
bool sim_ledger_use_nonce(struct sim_ledger *ledger, const uint8_t key[WG_AEAD_KEY_LEN],
                          uint64_t nonce) WG_MUST_USE;

/* By which a datagram is known: what only its author could have written. That is all of it, but in
 * handshake messages neither the indices nor the two MACs, for which public keys suffice. */
uint64_t sim_ledger_hash(const uint8_t *bytes, uint32_t len);

/* The greatest nonce that a node has accepted under one of its session indices; 0 at first. Valid
 * until the next session. */
uint64_t *sim_ledger_session(struct sim_ledger *ledger, unsigned int node, uint32_t index);

/* Enters a datagram that a node made. */
void sim_ledger_add_datagram(struct sim_ledger *ledger, uint64_t hash, unsigned int from,
                             unsigned int to);

/* What is known of a datagram; NULL: no node made it. Valid until the next is added. */
struct sim_genuine *sim_ledger_find_datagram(struct sim_ledger *ledger, uint64_t hash);

/* The key that a node has; NULL: not seen before. Valid until the next is added. */
struct sim_key *sim_ledger_find_key(struct sim_ledger *ledger, unsigned int node,
                                    const uint8_t key[WG_AEAD_KEY_LEN]);
struct sim_key *sim_ledger_add_key(struct sim_ledger *ledger, unsigned int node,
                                   const uint8_t key[WG_AEAD_KEY_LEN], uint64_t born_ns);

#endif
