/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * node.h - one machine of a simulated world: a whole engine, two workers that run the packet paths as
 * the daemon's do, a clock, and memory.
 *
 * The engine's turns and the workers' turns are events, so late or early as the node's habits say.
 * In the middle of a worker's batch (while it seals or opens, before and after it locks a replay
 * window) the engine, the other worker or an administrator may take a turn: what threads do to each
 * other, but the same each time. What is retired is released only when no worker is inside a batch.
 *
 * Beside the engine a node keeps what its administrator wanted (which outlives a restart), and what
 * the observer knows to be true of each peer; check.h compares.
 * Threads: one owner at a time. */
#ifndef SIM_NODE_H
#define SIM_NODE_H

#include "core/engine.h"
#include "core/receive.h"
#include "core/send.h"
#include "sim/memory.h"
#include "sim/net.h"
#include "sim/packet.h"

struct sim_world;

/* How a node behaves. All zero: everything is done at once, undisturbed, one packet a batch. */
struct sim_habits {
        uint64_t worker_delay_ns; /* packets wait for a worker up to this long */
        uint64_t engine_delay_ns; /* the engine comes up to this late */
        uint64_t engine_cost_ns;  /* a call of wg_engine_work() that leaves more to do takes this */
        uint64_t retire_delay_ns; /* retired objects wait up to this long */
        bool retires_at_once;     /* or not at all, where no worker runs */
        uint32_t interleaving; /* of 1000 chances to do something amid a batch, how many are used */
        uint32_t batch_max;    /* packets a batch: 1 to this many; 0: 1 */
        bool is_router;        /* passes on packets for other nodes */
};

#define SIM_WORKERS 2
#define SIM_PREFIXES_MAX 32                    /* a node */
#define SIM_PLACES 8                           /* remembered of a peer */
#define SIM_FORMER_MAX 64                      /* peers removed amid one batch */
#define SIM_KEYS_ALIVE_MAX (SIM_NODES_MAX * 6) /* two of each of three slots */

/* Packets that wait for a session, as the observer knows them. */
struct sim_staged {
        uint64_t serials[WG_STAGED_PACKETS_MAX];
        uint32_t lens[WG_STAGED_PACKETS_MAX];
        uint32_t first, count;
};

/* What a node has to do with another. */
struct sim_peer {
        /* Wanted. */
        bool is_wanted;
        uint8_t public_key[WG_KEY_LEN];
        uint8_t preshared_key[WG_KEY_LEN];
        struct wg_endpoint endpoint; /* family NONE: not configured */
        uint16_t keepalive_s;

        /* Observed. */
        struct wg_peer *handle; /* NULL: the engine has no such peer */
        uint32_t generation;    /* how many it has had */
        uint64_t tx_bytes, rx_bytes;
        struct sim_staged staged;
        uint32_t tries;                   /* initiations since there was a reason */
        uint64_t sent_turns[SIM_WORKERS]; /* the latest turn of each worker whose packet was sent */

        /* In the world's time; 0: not yet. */
        uint64_t handshake_ns; /* our last initiation or response, unless it was forgotten */
        uint64_t initiated_ns; /* our last initiation */
        uint64_t derived_ns;   /* the last session */
        uint64_t reason_ns;    /* when there last was a reason to send anything */

        /* Where it may be: what was configured or proven, and what was claimed in this batch. */
        struct wg_endpoint places[SIM_PLACES], claims[SIM_PLACES];
        uint32_t place, claim;
        uint64_t claim_batch;
};

/* A prefix and whom it belongs to, found the naive way. */
struct sim_route {
        struct wg_prefix prefix;
        uint8_t peer;
};

struct sim_node {
        struct sim_world *world;
        unsigned int id;
        struct sim_habits habits;
        struct sim_random random; /* for the engine's randomness and the node's habits */

        /* Clocks: ahead of the world's by so much. */
        uint64_t boot_ns, real_ns;
        uint64_t stamped_ns; /* the previous engine's latest timestamp (engine.h) */

        /* Wanted. */
        uint8_t private_key[WG_KEY_LEN], public_key[WG_KEY_LEN];
        bool has_key; /* the engine is to have it */
        bool is_up;
        uint32_t mtu;
        struct sim_peer peers[SIM_NODES_MAX]; /* by node */
        struct sim_route routes[SIM_PREFIXES_MAX];
        unsigned int route_count;

        /* The engine and what it is given. */
        bool is_running, is_asleep;
        struct wg_env env;
        struct sim_memory memory;
        struct wg_engine engine;
        struct wg_worker workers[SIM_WORKERS];
        struct wg_actions actions;
        struct wg_retired *retired; /* by next; epoch is when it may be released */
        uint64_t engine_at_ns;      /* the engine's next turn; UINT64_MAX: none */
        uint64_t engine_free_ns;    /* it is busy until then */
        uint64_t worker_at_ns;      /* as much for a worker */
        uint32_t lives;             /* how many engines there were */

        /* Who is doing what. */
        bool in_engine;
        unsigned int batches; /* workers inside a batch */
        bool is_busy[SIM_WORKERS];
        struct {
                struct wg_peer *handle;
                uint8_t peer;
        } former[SIM_FORMER_MAX]; /* peers that were removed amid these batches */
        unsigned int former_count;
        uint64_t batch;   /* goes up when the last worker leaves */
        uint64_t changes; /* of configuration */
        uint64_t turns;   /* packets that workers took */
        uint64_t second;  /* of the last call of wg_engine_work(), */
        uint32_t calls;   /* and how many there were in it */

        /* Packets between application, network, workers and engine. */
        struct sim_queue inbox, outbox, mail_in, mail_out;
        struct sim_queue offered;           /* twin of engine->handshakes */
        uint64_t load_ns;                   /* when there last was load; UINT64_MAX: never */
        struct sim_queue cookies;           /* messages that are being answered by a cookie */
        uint64_t alive[SIM_KEYS_ALIVE_MAX]; /* ledger->keys in the slots, at the last look */
        unsigned int alive_count;
};

/* ---- life ---- */

/* Makes a node without engine. World: sim_world_add_node(). */
struct sim_node *sim_node_new(struct sim_world *world, unsigned int id,
                              const struct sim_habits *habits);
void sim_node_free(struct sim_node *node);

/* Starts an engine with all that is wanted. Memory may be refused: then it tries again a second later. */
void sim_node_start(struct sim_node *node);

/* Ends the engine, and checks that all its memory came back. Harmless where there is none. */
void sim_node_stop(struct sim_node *node);

/* Sleeps: nothing runs, what arrives is lost, the clocks go on. */
void sim_node_sleep(struct sim_node *node);
void sim_node_wake(struct sim_node *node);

/* The node's time. */
struct wg_now sim_node_now(const struct sim_node *node);

/* ---- packets ---- */

/* A datagram has come; consumes it. */
void sim_node_arrive(struct sim_node *node, struct sim_packet *datagram);

/* Something on the machine sends an inner packet of any bytes. */
void sim_node_put(struct sim_node *node, const uint8_t *packet, uint32_t len);

/* As much, to a peer chosen by hand: what a peer that lies can do. Sent only if there is a session. */
void sim_node_put_to(struct sim_node *node, unsigned int peer, const uint8_t *packet, uint32_t len);

/* ---- configuration; each works on what is wanted, and on the engine if there is one ---- */

void sim_node_set_key(struct sim_node *node, const uint8_t private_key[WG_KEY_LEN]);
void sim_node_clear_key(struct sim_node *node);
void sim_node_set_up(struct sim_node *node, bool is_up);
/* The way out has changed. */
void sim_node_unpin(struct sim_node *node);

void sim_node_set_mtu(struct sim_node *node, uint32_t mtu);

/* Adds the peer under the key that it now has, and its prefixes; or takes it away. */
void sim_node_add_peer(struct sim_node *node, unsigned int peer);
void sim_node_remove_peer(struct sim_node *node, unsigned int peer);

/* Of a peer that is wanted. */
void sim_node_set_endpoint(struct sim_node *node, unsigned int peer, const struct wg_endpoint *to);
void sim_node_set_preshared_key(struct sim_node *node, unsigned int peer,
                                const uint8_t key[WG_KEY_LEN]);
void sim_node_set_keepalive(struct sim_node *node, unsigned int peer, uint16_t seconds);
void sim_node_allow(struct sim_node *node, unsigned int peer, const struct wg_prefix *prefix);
void sim_node_disallow(struct sim_node *node, unsigned int peer, const struct wg_prefix *prefix);

/* The peer that an inner address belongs to, the naive way; SIM_STRANGER: none. */
unsigned int sim_node_route(const struct sim_node *node, const struct wg_ip *ip);

/* The peer of an engine's peer; NULL: it is none any more. */
struct sim_peer *sim_node_peer(struct sim_node *node, const struct wg_peer *handle);

/* Lets n nonces of the session with a peer, if there is one, go by unused, as if so much had been
 * sent. */
void sim_node_skip(struct sim_node *node, unsigned int peer, uint64_t n);

/* ---- for aead.c ---- */

/* The node whose code is running; NULL: none. */
extern struct sim_node *sim_acting;

/* A moment amid a worker's batch in which others may take a turn. */
void sim_node_interleave(struct sim_node *node);

#endif
