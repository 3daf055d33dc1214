/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * ledger.h - the records of a world's observer: every inner packet, genuine datagram, key and
 * nonce. It says whether something is allowed; the caller reports a violation.
 * Threads: one owner at a time. */
#ifndef SIM_LEDGER_H
#define SIM_LEDGER_H

#include "crypto/aead.h"
#include "sim/inner.h"
#include "sim/map.h"
#include "sim/memory.h"

/* The state of an inner packet. */
enum sim_state {
        SIM_STATE_WAITING = 1, /* at a node that has not sealed it yet */
        SIM_STATE_TRAVELLING,  /* sealed for the next node */
        SIM_STATE_ARRIVED,     /* left the tunnel there */
};

struct sim_record {
        struct sim_inner inner;
        uint8_t state;
        uint8_t hop_from, hop_to; /* while travelling: between these two */
        uint32_t tag;             /* for the traffic generator */

        /* Where the packet waits, or waited last: its number among the packets that the node's
         * workers took, the worker, and the peer. */
        uint64_t turn;
        uint8_t worker, taken_for;
};

/* A datagram that one node made for another. */
struct sim_genuine {
        uint8_t from, to;
        bool is_accepted;             /* by the receiver, */
        uint32_t accepted_generation; /* when its peer had this generation */
};

/* A session key, as held by one side. */
struct sim_key {
        uint64_t born_ns;
        bool is_gone;        /* from all slots of that node */
        bool is_ended;       /* for sending, by a new private key */
        uint64_t gone_batch; /* the node's batch at that time, which may still finish */
};

/* The number of inner packets remembered: more than can be in flight. */
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

/* Adds an inner packet and assigns its serial. Valid until SIM_RECORDS_MAX others are added. */
struct sim_record *sim_ledger_add_inner(struct sim_ledger *ledger, const struct sim_inner *inner);

/* The record of a serial; NULL if it was never assigned or is too old. */
struct sim_record *sim_ledger_find_inner(struct sim_ledger *ledger, uint64_t serial);

/* Records the use of a nonce. Returns false if it was used before under that key. */
bool sim_ledger_use_nonce(struct sim_ledger *ledger, const uint8_t key[WG_AEAD_KEY_LEN],
                          uint64_t nonce) WG_MUST_USE;

/* Identifies a datagram by the part that only its author could write: all of it, except the indices
 * and the two MACs of handshake messages, which need only public keys. */
uint64_t sim_ledger_hash(const uint8_t *bytes, uint32_t len);

/* The greatest nonce that a node has accepted under one of its session indices; initially 0. Valid
 * until the next session. */
uint64_t *sim_ledger_session(struct sim_ledger *ledger, unsigned int node, uint32_t index);

/* Records a datagram that a node made. */
void sim_ledger_add_datagram(struct sim_ledger *ledger, uint64_t hash, unsigned int from,
                             unsigned int to);

/* The record of a datagram; NULL if no node made it. Valid until the next one is added. */
struct sim_genuine *sim_ledger_find_datagram(struct sim_ledger *ledger, uint64_t hash);

/* A node's key; NULL if not seen before. Valid until the next one is added. */
struct sim_key *sim_ledger_find_key(struct sim_ledger *ledger, unsigned int node,
                                    const uint8_t key[WG_AEAD_KEY_LEN]);
struct sim_key *sim_ledger_add_key(struct sim_ledger *ledger, unsigned int node,
                                   const uint8_t key[WG_AEAD_KEY_LEN], uint64_t born_ns);

#endif
