/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * Invariants of an engine's state. */
#include <stdlib.h>

#include "core/work.h"
#include "sim/check.h"
#include "sim/world.h"

/* ---- keys ---- */

/* A batch that began before the key vanished may still use it. */
static void check_usable(struct sim_node *node, const struct sim_key *key)
{
        struct sim_world *world = node->world;

        SIM_CHECK(world, world->now_ns - key->born_ns < WG_REJECT_AFTER_TIME,
                  "node %u: uses a key that is %.3f s old", node->id,
                  (double)(world->now_ns - key->born_ns) / 1e9);
        SIM_CHECK(world, !key->is_gone || key->gone_batch == node->batch,
                  "node %u: uses a key that is gone", node->id);
}

void sim_check_seal(struct sim_node *node, const uint8_t key[WG_AEAD_KEY_LEN],
                    const struct wg_aead_packet *packets, size_t n)
{
        struct sim_world *world = node->world;
        struct sim_key *known = sim_ledger_find_key(&world->ledger, node->id, key);

        /* Only the turn in which a session begins may use keys that no check has seen in a slot. */
        SIM_CHECK(world, known || node->in_engine, "node %u: seals under an unknown key", node->id);
        if (!known)
                known = sim_ledger_add_key(&world->ledger, node->id, key, world->now_ns);
        check_usable(node, known);
        SIM_CHECK(world, !known->is_ended || known->gone_batch == node->batch,
                  "node %u: seals under a key from before its private key changed", node->id);
        for (size_t i = 0; i < n; i++) {
                SIM_CHECK(world, packets[i].nonce < WG_REJECT_AFTER_MESSAGES,
                          "node %u: uses a nonce beyond the limit", node->id);
                SIM_CHECK(world, sim_ledger_use_nonce(&world->ledger, key, packets[i].nonce),
                          "node %u: uses nonce %llu twice", node->id,
                          (unsigned long long)packets[i].nonce);
        }
}

void sim_check_opened(struct sim_node *node, const uint8_t key[WG_AEAD_KEY_LEN])
{
        struct sim_key *known = sim_ledger_find_key(&node->world->ledger, node->id, key);

        SIM_CHECK(node->world, known, "node %u: opens under an unknown key", node->id);
        check_usable(node, known);
}

void sim_check_new_key(struct sim_node *node)
{
        struct sim_ledger *ledger = &node->world->ledger;

        for (unsigned int i = 0; i < node->alive_count; i++) {
                ledger->keys[node->alive[i]].is_ended = true;
                ledger->keys[node->alive[i]].gone_batch = node->batch;
        }
        for (unsigned int i = 0; i < SIM_NODES_MAX; i++) {
                node->peers[i].handshake_ns = 0;
                sim_check_reason(node, &node->peers[i]);
        }
}

/* Records a key that a slot holds, if it is new. */
static void see_key(struct sim_node *node, const uint8_t key[WG_AEAD_KEY_LEN], uint64_t born_ns)
{
        struct sim_world *world = node->world;
        struct sim_key *known = sim_ledger_find_key(&world->ledger, node->id, key);

        if (!known) {
                SIM_CHECK(world, born_ns <= world->now_ns, "node %u: has a key from the future",
                          node->id);
                known = sim_ledger_add_key(&world->ledger, node->id, key, born_ns);
        }
        SIM_CHECK(world, known->born_ns == born_ns, "node %u: the age of a key changed", node->id);
        SIM_CHECK(world, !known->is_gone, "node %u: a key came back", node->id);
        WG_ASSERT(node->alive_count < SIM_KEYS_ALIVE_MAX);
        node->alive[node->alive_count++] = (uint64_t)(known - world->ledger.keys);
}

static void see_keypair(struct sim_node *node, struct sim_peer *peer, const struct wg_keypair *kp)
{
        uint64_t born_ns;

        if (!kp)
                return;
        born_ns = kp->born_ns - node->boot_ns;
        see_key(node, kp->send_key, born_ns);
        see_key(node, kp->receive_key, born_ns);
        peer->derived_ns = WG_MAX(peer->derived_ns, born_ns);
}

static bool is_alive(const struct sim_node *node, uint64_t key)
{
        for (unsigned int i = 0; i < node->alive_count; i++)
                if (node->alive[i] == key)
                        return true;
        return false;
}

static void see_all_keys(struct sim_node *node)
{
        uint64_t before[SIM_KEYS_ALIVE_MAX];
        unsigned int before_count = node->alive_count;

        memcpy(before, node->alive, before_count * sizeof(*before));
        node->alive_count = 0;
        for (unsigned int i = 0; i < SIM_NODES_MAX; i++) {
                struct wg_peer *handle = node->peers[i].handle;

                if (!handle)
                        continue;
                see_keypair(node, &node->peers[i], handle->current_known);
                see_keypair(node, &node->peers[i], handle->previous);
                see_keypair(node, &node->peers[i], handle->next);
        }
        for (unsigned int i = 0; i < before_count; i++) {
                struct sim_key *key = &node->world->ledger.keys[before[i]];

                if (is_alive(node, before[i]))
                        continue;
                key->is_gone = true;
                key->gone_batch = node->batch;
        }
}

/* Compares the engine's own counts with the content of its slots. */
static void check_session_counts(struct sim_node *node)
{
        size_t sessions = 0, peers = 0;

        for (unsigned int i = 0; i < SIM_NODES_MAX; i++) {
                const struct wg_peer *handle = node->peers[i].handle;
                size_t held = handle ? (handle->current_known != NULL) +
                                               (handle->previous != NULL) + (handle->next != NULL)
                                     : 0;

                sessions += held;
                peers += held != 0;
        }
        SIM_CHECK(node->world,
                  sessions == node->engine.session_count && peers == node->engine.peers_in_session,
                  "node %u: counts %zu sessions of %zu peers, not %zu of %zu", node->id,
                  node->engine.session_count, node->engine.peers_in_session, sessions, peers);
}

/* ---- the engine ---- */

/* How late the engine may be, according to the node's habits. */
static uint64_t lateness(const struct sim_node *node)
{
        return node->habits.engine_delay_ns + 2 * node->habits.engine_cost_ns;
}

static void check_memory_of(struct sim_node *node, const struct sim_peer *peer)
{
        const struct wg_peer *handle = peer->handle;
        uint64_t now_ns = node->world->now_ns, late_ns = lateness(node);

        if (handle->current_known || handle->previous || handle->next)
                SIM_CHECK(node->world, now_ns <= peer->derived_ns + WG_ZERO_AFTER_TIME + late_ns,
                          "node %u: keys outlive their end", node->id);
        if (handle->handshake.state != WG_HANDSHAKE_NONE)
                SIM_CHECK(node->world,
                          now_ns <= WG_MAX(peer->derived_ns, peer->initiated_ns + WG_REKEY_TIMEOUT +
                                                                     WG_REKEY_TIMEOUT_JITTER) +
                                            WG_ZERO_AFTER_TIME + 2 * late_ns,
                          "node %u: an ephemeral key outlives its end", node->id);
        SIM_CHECK(node->world, handle->staged.count <= WG_STAGED_PACKETS_MAX,
                  "node %u: too many packets wait", node->id);
}

/* Packets that wait for a session must have a timer. */
static void check_not_forgotten(struct sim_node *node, const struct sim_peer *peer)
{
        const struct wg_peer *handle = peer->handle;

        if (!handle->staged.count || !node->has_key)
                return;
        SIM_CHECK(node->world,
                  handle->deadlines[WG_TIMER_RETRY] || handle->deadlines[WG_TIMER_FLUSH] ||
                          wg_engine_deadline(&node->engine) == 0,
                  "node %u: packets for peer %u wait and no timer runs", node->id,
                  (unsigned int)(peer - node->peers));
}

/* Workers send through the engine only while it holds packets of the peer. */
static void check_waiting(struct sim_node *node, const struct sim_peer *peer)
{
        uint32_t waiting = peer->handle->staged.count;

        if (node->batches)
                return;
        for (const struct sim_packet *p = node->mail_out.first; p; p = p->next)
                waiting += p->peer == peer->handle;
        SIM_CHECK(node->world, wg_waiting_count(&peer->handle->waiting) == waiting,
                  "node %u: %u packets for peer %u are on their way through the engine, not %u",
                  node->id, waiting, (unsigned int)(peer - node->peers),
                  wg_waiting_count(&peer->handle->waiting));
}

static void check_counters(struct sim_node *node, const struct sim_peer *peer)
{
        uint64_t tx = peer->handle->tx_bytes, rx = peer->handle->rx_bytes;

        /* During a batch, either the node or the observer may not have counted yet. */
        if (node->batches)
                return;
        SIM_CHECK(node->world, tx == peer->tx_bytes && rx == peer->rx_bytes,
                  "node %u: counts %llu and %llu bytes for peer %u, not %llu and %llu", node->id,
                  (unsigned long long)tx, (unsigned long long)rx,
                  (unsigned int)(peer - node->peers), (unsigned long long)peer->tx_bytes,
                  (unsigned long long)peer->rx_bytes);
}

void sim_check_engine(struct sim_node *node)
{
        see_all_keys(node);
        check_session_counts(node);
        SIM_CHECK(node->world, node->engine.staged_pool.bytes <= WG_STAGED_BYTES_MAX,
                  "node %u: too many bytes wait", node->id);
        for (unsigned int i = 0; i < SIM_NODES_MAX; i++) {
                if (!node->peers[i].handle)
                        continue;
                check_memory_of(node, &node->peers[i]);
                check_not_forgotten(node, &node->peers[i]);
                check_waiting(node, &node->peers[i]);
                check_counters(node, &node->peers[i]);
        }
}

/* Emptying the handshake queue takes a few hundred calls. */
#define CALLS_A_SECOND 5000

void sim_check_call(struct sim_node *node)
{
        uint64_t now_ns = node->world->now_ns, second = now_ns / WG_NS_PER_S;
        const struct sim_packet *first = node->offered.first;

        if (node->second != second)
                node->calls = 0;
        node->second = second;
        SIM_CHECK(node->world, ++node->calls < CALLS_A_SECOND,
                  "node %u: the engine runs in circles", node->id);
        if (node->offered.count >= WG_LOAD_QUEUED ||
            (node->offered.count >= WG_LOAD_SOJOURN_QUEUED &&
             now_ns - first->at_ns >= WG_LOAD_SOJOURN))
                node->load_ns = now_ns;
}

void sim_check_stopped(struct sim_node *node)
{
        SIM_CHECK(node->world, node->memory.blocks == 0 && node->memory.bytes == 0,
                  "node %u: %zu blocks of memory, %zu bytes, were not released", node->id,
                  node->memory.blocks, node->memory.bytes);
        sim_check_purged(node);
        for (unsigned int i = 0; i < SIM_NODES_MAX; i++)
                node->peers[i].handle = NULL;
        node->alive_count = 0;
}

void sim_check_new_peer(struct sim_node *node, struct sim_peer *peer)
{
        peer->tx_bytes = peer->rx_bytes = 0;
        peer->handshake_ns = peer->derived_ns = peer->initiated_ns = 0;
        memset(peer->places, 0, sizeof(peer->places));
        peer->staged.count = 0;
        sim_check_reason(node, peer);
}

void sim_check_gone(struct sim_node *node, struct sim_peer *peer)
{
        if (node->batches) {
                WG_ASSERT(node->former_count < SIM_FORMER_MAX);
                node->former[node->former_count].handle = peer->handle;
                node->former[node->former_count++].peer = (uint8_t)(peer - node->peers);
        }
        peer->handle = NULL;
        peer->staged.count = 0;
}

void sim_check_forgotten(struct sim_node *node)
{
        for (unsigned int i = 0; i < SIM_NODES_MAX; i++) {
                node->peers[i].handshake_ns = 0;
                sim_check_reason(node, &node->peers[i]);
        }
}

void sim_check_purged(struct sim_node *node)
{
        sim_queue_purge(&node->offered);
        for (unsigned int i = 0; i < SIM_NODES_MAX; i++)
                node->peers[i].staged.count = 0;
}
