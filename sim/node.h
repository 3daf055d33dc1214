/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * node.h - one machine of a simulated world: a whole engine, two workers that run the packet paths
 * like the daemon's, a clock, and memory.
 *
 * Turns of the engine and of workers are events, delayed according to the node's habits. During a
 * worker's batch (while it seals or opens, before and after it locks a replay window) the engine,
 * the other worker or an administrator may take a turn, like real threads but reproducibly. Retired
 * objects are released only when no worker is inside a batch.
 *
 * Besides the engine a node holds the configuration its administrator wants, which outlives a
 * restart, and the observer's knowledge of each peer; check.h compares them.
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

/* How a node behaves. All zero: everything happens at once, undisturbed, one packet per batch. */
struct sim_habits {
        uint64_t worker_delay_ns; /* packets wait up to this long for a worker */
        uint64_t engine_delay_ns; /* the engine is up to this late */
        uint64_t engine_cost_ns;  /* duration of a call of wg_engine_work() that leaves work */
        uint64_t retire_delay_ns; /* retired objects wait up to this long */
        bool retires_at_once;     /* or do not wait, if no worker runs */
        uint32_t
                interleaving; /* per 1000: how often others take a turn at a point inside a batch */
        uint32_t batch_max;   /* greatest number of packets per batch; 0: 1 */
        bool is_router;       /* forwards packets for other nodes */
};

#define SIM_WORKERS 2
#define SIM_PREFIXES_MAX 32                    /* per node */
#define SIM_PLACES 8                           /* remembered per peer */
#define SIM_FORMER_MAX 64                      /* peers removed during one batch */
#define SIM_KEYS_ALIVE_MAX (SIM_NODES_MAX * 6) /* two in each of three slots */

/* Packets that wait for a session, as known to the observer. */
struct sim_staged {
        uint64_t serials[WG_STAGED_PACKETS_MAX];
        uint32_t lens[WG_STAGED_PACKETS_MAX];
        uint32_t first, count;
};

/* A node's view of another node. */
struct sim_peer {
        /* Wanted. */
        bool is_wanted;
        uint8_t public_key[WG_KEY_LEN];
        uint8_t preshared_key[WG_KEY_LEN];
        struct wg_endpoint endpoint; /* family NONE: not configured */
        uint16_t keepalive_s;

        /* Observed. */
        struct wg_peer *handle; /* NULL: the engine has no such peer */
        uint32_t generation;    /* number of engine peers so far */
        uint64_t tx_bytes, rx_bytes;
        struct sim_staged staged;
        uint32_t tries;                   /* initiations since the last reason to send */
        uint64_t sent_turns[SIM_WORKERS]; /* each worker's latest turn whose packet was sent */

        /* World time; 0: not yet. */
        uint64_t handshake_ns; /* our last initiation or response, unless it was dropped */
        uint64_t initiated_ns; /* our last initiation */
        uint64_t derived_ns;   /* the last session */
        uint64_t reason_ns;    /* the last reason to send anything */

        /* Possible endpoints: those configured or proven, and those claimed in this batch. */
        struct wg_endpoint places[SIM_PLACES], claims[SIM_PLACES];
        uint32_t place, claim;
        uint64_t claim_batch;
};

/* A prefix and the peer it belongs to, looked up the naive way. */
struct sim_route {
        struct wg_prefix prefix;
        uint8_t peer;
};

struct sim_node {
        struct sim_world *world;
        unsigned int id;
        struct sim_habits habits;
        struct sim_random random; /* for the engine's randomness and the node's habits */

        /* How far the clocks are ahead of world time. */
        uint64_t boot_ns, real_ns;
        uint64_t stamped_ns; /* the previous engine's latest timestamp (engine.h) */

        /* Wanted. */
        uint8_t private_key[WG_KEY_LEN], public_key[WG_KEY_LEN];
        bool has_key; /* the engine should have it */
        bool is_up;
        uint32_t mtu;
        struct sim_peer peers[SIM_NODES_MAX]; /* by node */
        struct sim_route routes[SIM_PREFIXES_MAX];
        unsigned int route_count;

        /* The engine and its environment. */
        bool is_running, is_asleep;
        struct wg_env env;
        struct sim_memory memory;
        struct wg_engine engine;
        struct wg_worker workers[SIM_WORKERS];
        struct wg_actions actions;
        struct wg_retired *retired; /* linked by next; epoch is the time of release */
        uint64_t engine_at_ns;      /* the engine's next turn; UINT64_MAX: none */
        uint64_t engine_free_ns;    /* it is busy until then */
        uint64_t worker_at_ns;      /* the same for a worker */
        uint32_t lives;             /* number of engines so far */

        /* Activities in progress. */
        bool in_engine;
        unsigned int batches; /* number of workers inside a batch */
        bool is_busy[SIM_WORKERS];
        struct {
                struct wg_peer *handle;
                uint8_t peer;
        } former[SIM_FORMER_MAX]; /* peers removed during these batches */
        unsigned int former_count;
        uint64_t batch;   /* incremented when the last worker leaves its batch */
        uint64_t changes; /* of the configuration */
        uint64_t turns;   /* packets that workers took */
        uint64_t second;  /* of the last call of wg_engine_work(), */
        uint32_t calls;   /* and the number of calls in it */

        /* Packets between application, network, workers and engine. */
        struct sim_queue inbox, outbox, mail_in, mail_out;
        struct sim_queue offered; /* twin of engine->handshakes */
        uint64_t load_ns;         /* when the engine was last under load; UINT64_MAX: never */
        struct sim_queue cookies; /* messages that are being answered with a cookie */
        uint64_t alive[SIM_KEYS_ALIVE_MAX]; /* ledger->keys found in slots by the last check */
        unsigned int alive_count;
};

/* ---- life ---- */

/* Makes a node without an engine. A world uses sim_world_add_node(). */
struct sim_node *sim_node_new(struct sim_world *world, unsigned int id,
                              const struct sim_habits *habits);
void sim_node_free(struct sim_node *node);

/* Starts an engine with the wanted configuration. If memory is refused, it retries a second
 * later. */
void sim_node_start(struct sim_node *node);

/* Ends the engine and checks that all its memory was released. Harmless without an engine. */
void sim_node_stop(struct sim_node *node);

/* Suspends the node: nothing runs, arriving packets are lost, the clocks go on. */
void sim_node_sleep(struct sim_node *node);
void sim_node_wake(struct sim_node *node);

/* The node's time. */
struct wg_now sim_node_now(const struct sim_node *node);

/* ---- packets ---- */

/* A datagram arrives; consumes it. */
void sim_node_arrive(struct sim_node *node, struct sim_packet *datagram);

/* A program on the machine sends an inner packet with any bytes. */
void sim_node_put(struct sim_node *node, const uint8_t *packet, uint32_t len);

/* The same, to a chosen peer, as a lying peer can do. Sent only if there is a session. */
void sim_node_put_to(struct sim_node *node, unsigned int peer, const uint8_t *packet, uint32_t len);

/* ---- configuration; each changes what is wanted, and the engine if there is one ---- */

void sim_node_set_key(struct sim_node *node, const uint8_t private_key[WG_KEY_LEN]);
void sim_node_clear_key(struct sim_node *node);
void sim_node_set_up(struct sim_node *node, bool is_up);
/* The route to the peers has changed. */
void sim_node_unpin(struct sim_node *node);

void sim_node_set_mtu(struct sim_node *node, uint32_t mtu);

/* Adds the peer with its current key and prefixes, or removes it. */
void sim_node_add_peer(struct sim_node *node, unsigned int peer);
void sim_node_remove_peer(struct sim_node *node, unsigned int peer);

/* For a wanted peer. */
void sim_node_set_endpoint(struct sim_node *node, unsigned int peer, const struct wg_endpoint *to);
void sim_node_set_preshared_key(struct sim_node *node, unsigned int peer,
                                const uint8_t key[WG_KEY_LEN]);
void sim_node_set_keepalive(struct sim_node *node, unsigned int peer, uint16_t seconds);
void sim_node_allow(struct sim_node *node, unsigned int peer, const struct wg_prefix *prefix);
void sim_node_disallow(struct sim_node *node, unsigned int peer, const struct wg_prefix *prefix);

/* The peer that an inner address belongs to, looked up the naive way; SIM_STRANGER: none. */
unsigned int sim_node_route(const struct sim_node *node, const struct wg_ip *ip);

/* The node's peer for an engine's peer; NULL if that was removed. */
struct sim_peer *sim_node_peer(struct sim_node *node, const struct wg_peer *handle);

/* Skips n nonces of the session with a peer, if there is one, as if that many packets had been
 * sent. */
void sim_node_skip(struct sim_node *node, unsigned int peer, uint64_t n);

/* ---- for aead.c ---- */

/* The node whose code is running; NULL if none. */
extern struct sim_node *sim_acting;

/* A point during a worker's batch at which others may take a turn. */
void sim_node_interleave(struct sim_node *node);

#endif
