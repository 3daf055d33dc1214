/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * An administrator's changes to a node. Each is stored as wanted and, if there is an engine,
 * applied to it in the daemon's order: reserve, change, notify. */
#include "core/configure.h"
#include "sim/check.h"
#include "sim/node.h"
#include "sim/turn.h"
#include "sim/world.h"

/* ---- prefixes, looked up the naive way ---- */

static bool covers(const struct wg_prefix *prefix, const struct wg_ip *ip)
{
        if (prefix->ip.family != ip->family)
                return false;
        for (unsigned int bit = 0; bit < prefix->cidr; bit++)
                if ((prefix->ip.bytes[bit / 8] ^ ip->bytes[bit / 8]) & (0x80 >> bit % 8))
                        return false;
        return true;
}

unsigned int sim_node_route(const struct sim_node *node, const struct wg_ip *ip)
{
        unsigned int peer = SIM_STRANGER;
        int best = -1;

        for (unsigned int i = 0; i < node->route_count; i++) {
                const struct sim_route *r = &node->routes[i];

                if (r->prefix.cidr > best && covers(&r->prefix, ip)) {
                        best = r->prefix.cidr;
                        peer = r->peer;
                }
        }
        return peer;
}

static struct sim_route *find_route(struct sim_node *node, const struct wg_prefix *prefix)
{
        for (unsigned int i = 0; i < node->route_count; i++) {
                struct sim_route *r = &node->routes[i];

                if (r->prefix.cidr == prefix->cidr && covers(&r->prefix, &prefix->ip))
                        return r;
        }
        return NULL;
}

static void drop_routes(struct sim_node *node, unsigned int peer)
{
        unsigned int kept = 0;

        for (unsigned int i = 0; i < node->route_count; i++)
                if (node->routes[i].peer != peer)
                        node->routes[kept++] = node->routes[i];
        node->route_count = kept;
}

/* ---- turns of the administrator ---- */

/* Begins a change. Memory is reserved before it, so nothing may fail from here on. */
static void begin(struct sim_node *node, struct sim_turn *turn)
{
        node->changes++;
        sim_turn_begin(node, turn);
}

static void end(struct sim_node *node, struct sim_turn *turn)
{
        sim_turn_end(node, turn);
        sim_turn_wake_engine(node);
}

/* Reserves memory, if necessary after a first refusal: a set of changes is never half applied. */
static void reserve(struct sim_node *node, size_t peers, size_t prefixes)
{
        uint32_t refused_in_1000 = node->memory.refused_in_1000;
        size_t blocks = node->memory.blocks;

        /* Reserves one more of each than needed, which must be released. */
        peers++;
        prefixes++;
        if (!wg_engine_reserve(&node->engine, peers, prefixes)) {
                SIM_CHECK(node->world, refused_in_1000,
                          "node %u: memory is refused without a reason", node->id);
                SIM_CHECK(node->world, node->memory.blocks <= blocks + 2,
                          "node %u: a failed reserve keeps memory", node->id);
                node->memory.refused_in_1000 = 0;
                WG_ASSERT(wg_engine_reserve(&node->engine, peers, prefixes));
        }
        node->memory.refused_in_1000 = refused_in_1000;
}

/* ---- peers ---- */

static void configure(struct sim_node *node, struct sim_peer *peer)
{
        struct wg_now now = sim_node_now(node);

        wg_engine_set_preshared_key(peer->handle, peer->preshared_key);
        if (peer->endpoint.ip.family != WG_FAMILY_NONE) {
                wg_engine_set_endpoint(peer->handle, &peer->endpoint);
                sim_check_place(peer, &peer->endpoint);
        }
        wg_engine_set_keepalive(peer->handle, peer->keepalive_s, now);
}

/* Makes the engine's peer for a wanted one, with all its settings and prefixes. */
static void apply_peer(struct sim_node *node, unsigned int id)
{
        struct sim_peer *peer = &node->peers[id];
        size_t prefixes = 0;

        for (unsigned int i = 0; i < node->route_count; i++)
                prefixes += node->routes[i].peer == id;
        reserve(node, 1, prefixes);
        peer->handle = wg_engine_add_peer(&node->engine, peer->public_key);
        peer->generation++;
        sim_check_new_peer(node, peer);
        configure(node, peer);
        for (unsigned int i = 0; i < node->route_count; i++)
                if (node->routes[i].peer == id)
                        wg_engine_allow(peer->handle, &node->routes[i].prefix);
        wg_engine_unreserve(&node->engine, SIZE_MAX);
        wg_engine_commit(&node->engine, SIZE_MAX);
        wg_engine_peer_changed(peer->handle, sim_node_now(node));
}

void sim_node_add_peer(struct sim_node *node, unsigned int id)
{
        struct sim_peer *peer = &node->peers[id];
        struct sim_turn turn;

        WG_ASSERT(!peer->is_wanted && id != node->id);
        peer->is_wanted = true;
        memcpy(peer->public_key, node->world->nodes[id]->public_key, WG_KEY_LEN);
        if (!node->is_running)
                return;
        sim_trace(node->world, node->id, "adds peer %u", id);
        begin(node, &turn);
        apply_peer(node, id);
        end(node, &turn);
}

void sim_node_remove_peer(struct sim_node *node, unsigned int id)
{
        struct sim_peer *peer = &node->peers[id];
        struct sim_turn turn;

        WG_ASSERT(peer->is_wanted);
        peer->is_wanted = false;
        drop_routes(node, id);
        if (!peer->handle)
                return;
        sim_trace(node->world, node->id, "removes peer %u", id);
        begin(node, &turn);
        wg_engine_remove_peer(&node->engine, peer->handle);
        wg_engine_commit(&node->engine, SIZE_MAX);
        sim_check_gone(node, peer);
        end(node, &turn);
}

void sim_node_set_endpoint(struct sim_node *node, unsigned int id, const struct wg_endpoint *to)
{
        struct sim_peer *peer = &node->peers[id];
        struct sim_turn turn;

        peer->endpoint = *to;
        if (!peer->handle)
                return;
        sim_trace(node->world, node->id, "sets the endpoint of peer %u", id);
        begin(node, &turn);
        wg_engine_set_endpoint(peer->handle, to);
        sim_check_place(peer, to);
        sim_check_reason(node, peer);
        wg_engine_peer_changed(peer->handle, sim_node_now(node));
        end(node, &turn);
}

void sim_node_set_preshared_key(struct sim_node *node, unsigned int id,
                                const uint8_t key[WG_KEY_LEN])
{
        struct sim_peer *peer = &node->peers[id];
        struct sim_turn turn;

        memcpy(peer->preshared_key, key, WG_KEY_LEN);
        sim_secrets_add(&node->world->ledger.secrets, key);
        if (!peer->handle)
                return;
        sim_trace(node->world, node->id, "sets the preshared key of peer %u", id);
        begin(node, &turn);
        wg_engine_set_preshared_key(peer->handle, key);
        sim_check_reason(node, peer);
        wg_engine_peer_changed(peer->handle, sim_node_now(node));
        end(node, &turn);
}

void sim_node_set_keepalive(struct sim_node *node, unsigned int id, uint16_t seconds)
{
        struct sim_peer *peer = &node->peers[id];
        struct sim_turn turn;

        peer->keepalive_s = seconds;
        if (!peer->handle)
                return;
        sim_trace(node->world, node->id, "keeps peer %u alive every %u s", id, seconds);
        begin(node, &turn);
        wg_engine_set_keepalive(peer->handle, seconds, sim_node_now(node));
        sim_check_reason(node, peer);
        wg_engine_peer_changed(peer->handle, sim_node_now(node));
        end(node, &turn);
}

void sim_node_allow(struct sim_node *node, unsigned int id, const struct wg_prefix *prefix)
{
        struct sim_route *route = find_route(node, prefix);
        struct sim_peer *peer = &node->peers[id];
        struct sim_turn turn;

        WG_ASSERT(peer->is_wanted && (route || node->route_count < SIM_PREFIXES_MAX));
        if (!route)
                route = &node->routes[node->route_count++];
        *route = (struct sim_route){*prefix, (uint8_t)id};
        if (!peer->handle)
                return;
        begin(node, &turn);
        reserve(node, 0, 1);
        wg_engine_allow(peer->handle, prefix);
        wg_engine_unreserve(&node->engine, SIZE_MAX);
        wg_engine_commit(&node->engine, SIZE_MAX);
        sim_check_reason(node, peer);
        wg_engine_peer_changed(peer->handle, sim_node_now(node));
        end(node, &turn);
}

void sim_node_disallow(struct sim_node *node, unsigned int id, const struct wg_prefix *prefix)
{
        struct sim_route *route = find_route(node, prefix);
        struct sim_peer *peer = &node->peers[id];
        struct sim_turn turn;

        if (route && route->peer == id)
                *route = node->routes[--node->route_count];
        if (!peer->handle)
                return;
        begin(node, &turn);
        wg_engine_disallow(peer->handle, prefix);
        wg_engine_commit(&node->engine, SIZE_MAX);
        end(node, &turn);
}

/* ---- the interface ---- */

/* Prepares the identity; without memory for it there would be no daemon. */
static struct wg_identity *new_identity(struct sim_node *node)
{
        uint32_t refused_in_1000 = node->memory.refused_in_1000;
        struct wg_identity *identity;

        node->memory.refused_in_1000 = 0;
        identity = wg_identity_new(&node->env, node->private_key);
        node->memory.refused_in_1000 = refused_in_1000;
        WG_ASSERT(identity);
        return identity;
}

static void derive_public_key(struct sim_node *node)
{
        struct wg_x25519_key *key = wg_x25519_key_new(node->private_key);

        WG_ASSERT(key);
        memcpy(node->public_key, wg_x25519_key_public(key), WG_KEY_LEN);
        wg_x25519_key_free(key);
}

/* Removes the peer that has our own public key, as the engine does. */
static void drop_self(struct sim_node *node)
{
        for (unsigned int i = 0; i < SIM_NODES_MAX; i++) {
                struct sim_peer *peer = &node->peers[i];

                if (!peer->is_wanted || memcmp(peer->public_key, node->public_key, WG_KEY_LEN) != 0)
                        continue;
                peer->is_wanted = false;
                sim_check_gone(node, peer);
                drop_routes(node, i);
        }
}

static void change_identity(struct sim_node *node, struct wg_identity *identity, bool is_new)
{
        if (is_new)
                sim_check_new_key(node);
        wg_engine_set_identity(&node->engine, identity, sim_node_now(node));
        wg_engine_commit(&node->engine, SIZE_MAX);
        if (identity)
                drop_self(node);
}

void sim_node_set_key(struct sim_node *node, const uint8_t private_key[WG_KEY_LEN])
{
        uint8_t clamped[WG_KEY_LEN];
        struct sim_turn turn;
        bool is_new;

        memcpy(clamped, private_key, WG_KEY_LEN);
        wg_x25519_clamp(clamped);
        is_new = !node->has_key || memcmp(clamped, node->private_key, WG_KEY_LEN) != 0;
        memcpy(node->private_key, clamped, WG_KEY_LEN);
        sim_secrets_add(&node->world->ledger.secrets, clamped);
        derive_public_key(node);
        node->has_key = true;
        if (!node->is_running)
                return;
        sim_trace(node->world, node->id, "sets %s private key", is_new ? "a new" : "the same");
        begin(node, &turn);
        change_identity(node, new_identity(node), is_new);
        end(node, &turn);
}

void sim_node_clear_key(struct sim_node *node)
{
        struct sim_turn turn;

        node->has_key = false;
        if (!node->is_running)
                return;
        sim_trace(node->world, node->id, "clears its private key");
        begin(node, &turn);
        change_identity(node, NULL, true);
        end(node, &turn);
}

void sim_node_set_up(struct sim_node *node, bool is_up)
{
        struct sim_turn turn;

        if (node->is_up == is_up)
                return;
        node->is_up = is_up;
        if (!node->is_running)
                return;
        sim_trace(node->world, node->id, is_up ? "goes up" : "goes down");
        begin(node, &turn);
        sim_check_forgotten(node);
        if (!is_up)
                sim_check_purged(node);
        wg_engine_set_up(&node->engine, is_up, sim_node_now(node));
        end(node, &turn);
}

void sim_node_unpin(struct sim_node *node)
{
        struct sim_turn turn;

        if (!node->is_running || node->is_asleep)
                return;
        begin(node, &turn);
        wg_engine_unpin_all(&node->engine);
        end(node, &turn);
}

void sim_node_set_mtu(struct sim_node *node, uint32_t mtu)
{
        struct sim_turn turn;

        node->mtu = mtu;
        if (!node->is_running)
                return;
        begin(node, &turn);
        wg_engine_set_mtu(&node->engine, mtu);
        end(node, &turn);
}

/* ---- start ---- */

static void try_again(void *object, uint64_t lives)
{
        struct sim_node *node = object;

        if (!node->is_running && node->lives == lives)
                sim_node_start(node);
}

void sim_node_start(struct sim_node *node)
{
        struct sim_turn turn;

        WG_ASSERT(!node->is_running);
        if (!sim_turn_start_engine(node)) {
                sim_check_stopped(node);
                sim_events_add(&node->world->events, node->world->now_ns + WG_NS_PER_S, try_again,
                               node, node->lives);
                return;
        }
        node->lives++;
        sim_trace(node->world, node->id, "starts");
        begin(node, &turn);
        wg_engine_set_mtu(&node->engine, node->mtu);
        wg_engine_set_up(&node->engine, node->is_up, sim_node_now(node));
        for (unsigned int i = 0; i < SIM_NODES_MAX; i++)
                if (node->peers[i].is_wanted)
                        apply_peer(node, i);
        if (node->has_key)
                change_identity(node, new_identity(node), true);
        end(node, &turn);
}
