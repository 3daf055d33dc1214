/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * fuzz_engine.c - three whole engines under a script. The input is a list of commands: applications
 * send, the network interferes, administrators and strangers act, time passes, memory is refused;
 * some of this happens during a worker's batch. The simulator's checks find violations. */
#include <stdlib.h>

#include "sim/world.h"
#include "test/lib/with_crypto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { NODES = 3, DATAGRAM_MAX = 1600, SEEN = 16 };
enum { COMMANDS_MAX = 1000, EVENTS_MAX = 5000 }; /* keep the time per input short */

struct datagram {
        struct wg_endpoint from, to;
        uint32_t len;
        uint8_t bytes[DATAGRAM_MAX];
};

struct fuzz {
        struct sim_world world;
        const uint8_t *at, *end;
        struct datagram seen[SEEN]; /* a ring of datagrams that nodes sent */
        unsigned int seen_count;
};

/* ---- the input ---- */

static uint8_t next(struct fuzz *f)
{
        return f->at < f->end ? *f->at++ : 0;
}

static struct sim_node *next_node(struct fuzz *f)
{
        return f->world.nodes[next(f) % NODES];
}

/* Another node than the given one. */
static unsigned int next_other(struct fuzz *f, const struct sim_node *node)
{
        return (node->id + 1 + next(f) % (NODES - 1)) % NODES;
}

/* Fills 32 bytes so that equal inputs yield equal keys. */
static void next_key(struct fuzz *f, uint8_t key[WG_KEY_LEN])
{
        struct sim_random random;

        sim_random_init(&random, next(f), 'k');
        sim_random_fill(&random, key, WG_KEY_LEN);
}

static struct wg_prefix own_prefix(unsigned int node, uint8_t family)
{
        struct wg_prefix p = {.ip.family = family};

        p.cidr = family == WG_FAMILY_IPV4 ? 32 : 128;
        p.ip.bytes[0] = family == WG_FAMILY_IPV4 ? 10 : 0xfd;
        p.ip.bytes[p.cidr / 8 - 1] = (uint8_t)(node + 1);
        return p;
}

/* ---- commands: time and traffic ---- */

static void pass_milliseconds(struct fuzz *f)
{
        sim_world_run(&f->world, f->world.now_ns + next(f) * WG_NS_PER_MS);
}

static void pass_seconds(struct fuzz *f)
{
        sim_world_run(&f->world, f->world.now_ns + next(f) * WG_NS_PER_S);
}

static void put(struct fuzz *f, struct sim_node *node, unsigned int to, uint32_t len)
{
        uint8_t family = len & 1 ? WG_FAMILY_IPV6 : WG_FAMILY_IPV4, bytes[DATAGRAM_MAX];
        struct sim_inner inner = {
                .source = own_prefix(node->id, family).ip,
                .destination = own_prefix(to, family).ip,
                .len = WG_MIN(WG_MAX(len, SIM_INNER_MIN6), node->mtu),
                .tos = (uint8_t)(len & 3),
        };

        sim_inner_write(&sim_ledger_add_inner(&f->world.ledger, &inner)->inner, bytes);
        sim_node_put(node, bytes, inner.len);
}

static void send_packets(struct fuzz *f)
{
        struct sim_node *node = next_node(f);
        unsigned int to = next_other(f, node), n = next(f);
        uint32_t len = next(f) * 6u;

        while (n--)
                put(f, node, to, len);
}

static void send_one(struct fuzz *f)
{
        struct sim_node *node = next_node(f);
        unsigned int to = next_other(f, node);

        put(f, node, to, next(f) * 6u);
}

/* Sends any bytes, sealed honestly. */
static void send_lie(struct fuzz *f)
{
        struct sim_node *node = next_node(f);
        unsigned int to = next_other(f, node);
        uint32_t len = next(f);

        len = (uint32_t)WG_MIN((size_t)len, (size_t)(f->end - f->at));
        sim_node_put_to(node, to, f->at, len);
        f->at += len;
}

static void skip_nonces(struct fuzz *f)
{
        static const uint64_t numbers[] = {1,
                                           64,
                                           WG_REPLAY_WINDOW,
                                           WG_REPLAY_BITS + 1,
                                           WG_REKEY_AFTER_MESSAGES,
                                           WG_REJECT_AFTER_MESSAGES - 50};
        struct sim_node *node = next_node(f);
        unsigned int to = next_other(f, node);

        sim_node_skip(node, to, numbers[next(f) % WG_ARRAY_SIZE(numbers)]);
}

/* ---- commands: the network ---- */

static void set_link(struct fuzz *f)
{
        struct sim_node *node = next_node(f);
        struct sim_link *link = &f->world.net.links[node->id][next_other(f, node)];

        link->delay_ns = next(f) * 4 * WG_NS_PER_MS;
        link->loss = next(f) * 2u;
        link->doubling = next(f) * 2u;
        link->straggling = next(f) * 2u;
        link->marking = next(f) * 4u;
}

static void cut_link(struct fuzz *f)
{
        struct sim_node *node = next_node(f);
        struct sim_link *link = &f->world.net.links[node->id][next_other(f, node)];

        link->is_cut = !link->is_cut;
}

static void move(struct fuzz *f)
{
        struct sim_node *node = next_node(f);
        uint8_t how = next(f);

        if (how & 2)
                f->world.net.hosts[node->id].has_nat ^= how & 1;
        else
                sim_net_place(&f->world.net, node->id, how & 1 ? WG_FAMILY_IPV4 : WG_FAMILY_IPV6);
        f->world.net.hosts[node->id].nat_life_ns = next(f) * WG_NS_PER_S;
}

/* ---- commands: strangers ---- */

static void tap(void *context, unsigned int node, const struct wg_endpoint *from,
                const struct wg_endpoint *to, const uint8_t *bytes, uint32_t len, uint8_t tos)
{
        struct fuzz *f = context;
        struct datagram *d = &f->seen[f->seen_count % SEEN];

        (void)node;
        (void)tos;
        if (len > DATAGRAM_MAX)
                return;
        d->from = *from;
        d->to = *to;
        d->len = len;
        memcpy(d->bytes, bytes, len);
        f->seen_count++;
}

/* Sends one of the last datagrams, changed or not, from its source or another one. */
static void send_again(struct fuzz *f)
{
        const struct datagram *d = &f->seen[(f->seen_count - 1 - next(f) % SEEN) % SEEN];
        uint8_t how = next(f), bytes[DATAGRAM_MAX];
        struct wg_endpoint from = d->from;

        if (!f->seen_count || !d->len)
                return;
        memcpy(bytes, d->bytes, d->len);
        if (how & 1)
                from = sim_net_strange_endpoint(&f->world.net, WG_FAMILY_IPV4);
        if (how & 2) {
                uint32_t at = next(f) % d->len;

                bytes[at] ^= next(f);
        }
        sim_net_inject(&f->world, &from, &d->to, bytes, d->len, next(f) * WG_NS_PER_MS);
}

static void flood(struct fuzz *f)
{
        struct sim_node *node = next_node(f);
        struct wg_endpoint to = sim_net_endpoint(&f->world.net, node->id);
        uint8_t message[WG_INITIATION_LEN] = {WG_MESSAGE_INITIATION}, key[WG_HASH_LEN];
        unsigned int n = next(f) * 4u;

        wg_identity_mac1_key(key, node->public_key);
        while (n--) {
                struct wg_endpoint from = sim_net_strange_endpoint(&f->world.net, to.ip.family);

                message[WG_INITIATION_SENDER] = (uint8_t)n;
                wg_mac(message + WG_INITIATION_MAC1, key, sizeof(key), message, WG_INITIATION_MAC1);
                sim_net_inject(&f->world, &from, &to, message, sizeof(message), 0);
        }
}

/* ---- commands: machines ---- */

static void sleep_or_wake(struct fuzz *f)
{
        struct sim_node *node = next_node(f);

        if (node->is_asleep)
                sim_node_wake(node);
        else if (node->is_running)
                sim_node_sleep(node);
}

static void stop_or_start(struct fuzz *f)
{
        struct sim_node *node = next_node(f);

        if (node->is_asleep)
                return;
        if (node->is_running)
                sim_node_stop(node);
        else
                sim_node_start(node);
}

static void step_clock(struct fuzz *f)
{
        struct sim_node *node = next_node(f);
        uint64_t by_ns = next(f) * WG_NS_PER_S;

        node->real_ns += next(f) & 1 ? by_ns : 0 - by_ns;
}

static void refuse_memory(struct fuzz *f)
{
        struct sim_node *node = next_node(f);

        node->memory.refused_in_1000 = next(f) * 4u;
}

static void set_habits(struct fuzz *f)
{
        struct sim_habits *h = &next_node(f)->habits;

        h->interleaving = next(f) * 4u;
        h->batch_max = next(f);
        h->worker_delay_ns = next(f) * WG_NS_PER_MS;
        h->engine_delay_ns = next(f) * WG_NS_PER_MS;
        h->engine_cost_ns = next(f) * WG_NS_PER_MS;
        h->retire_delay_ns = next(f) * 100 * WG_NS_PER_MS;
        h->retires_at_once = next(f) & 1;
}

/* ---- commands: administrators ---- */

static void set_up_or_down(struct fuzz *f, struct sim_node *node, unsigned int peer)
{
        (void)peer;
        (void)f;
        sim_node_set_up(node, !node->is_up);
}

static void set_key(struct fuzz *f, struct sim_node *node, unsigned int peer)
{
        uint8_t key[WG_KEY_LEN];

        (void)peer;
        next_key(f, key);
        key[0] ^= (uint8_t)(node->id << 3); /* no two nodes have the same key */
        sim_node_set_key(node, key);
}

static void clear_key(struct fuzz *f, struct sim_node *node, unsigned int peer)
{
        (void)f;
        (void)peer;
        sim_node_clear_key(node);
}

static void set_preshared_key(struct fuzz *f, struct sim_node *node, unsigned int peer)
{
        uint8_t key[WG_KEY_LEN];

        next_key(f, key);
        sim_node_set_preshared_key(node, peer, key);
}

static void set_endpoint(struct fuzz *f, struct sim_node *node, unsigned int peer)
{
        struct wg_endpoint to = sim_net_endpoint(&f->world.net, peer);

        if (next(f) & 1)
                to.port++;
        sim_node_set_endpoint(node, peer, &to);
}

static void set_keepalive(struct fuzz *f, struct sim_node *node, unsigned int peer)
{
        sim_node_set_keepalive(node, peer, next(f));
}

static struct wg_prefix next_prefix(struct fuzz *f)
{
        unsigned int node = next(f) % NODES;

        return own_prefix(node, next(f) & 1 ? WG_FAMILY_IPV4 : WG_FAMILY_IPV6);
}

static void allow(struct fuzz *f, struct sim_node *node, unsigned int peer)
{
        struct wg_prefix prefix = next_prefix(f);

        sim_node_allow(node, peer, &prefix);
}

static void disallow(struct fuzz *f, struct sim_node *node, unsigned int peer)
{
        struct wg_prefix prefix = next_prefix(f);

        sim_node_disallow(node, peer, &prefix);
}

static void set_mtu(struct fuzz *f, struct sim_node *node, unsigned int peer)
{
        (void)peer;
        sim_node_set_mtu(node, 100 + next(f) * 5u);
}

/* Also the only way to restore a peer that was removed, or whose key changed. */
static void introduce(struct fuzz *f, struct sim_node *node, unsigned int peer)
{
        struct wg_endpoint to = sim_net_endpoint(&f->world.net, peer);
        struct wg_prefix prefix4 = own_prefix(peer, WG_FAMILY_IPV4),
                         prefix6 = own_prefix(peer, WG_FAMILY_IPV6);

        if (node->peers[peer].is_wanted)
                sim_node_remove_peer(node, peer);
        sim_node_add_peer(node, peer);
        sim_node_set_endpoint(node, peer, &to);
        sim_node_allow(node, peer, &prefix4);
        sim_node_allow(node, peer, &prefix6);
}

static void (*const changes[])(struct fuzz *f, struct sim_node *node, unsigned int peer) = {
        set_up_or_down, set_key, clear_key, set_preshared_key, set_endpoint,
        set_keepalive,  allow,   disallow,  set_mtu,
};

static void administer(struct fuzz *f, struct sim_node *node)
{
        unsigned int peer = next_other(f, node), n = next(f);

        if (node->is_asleep)
                return;
        if (n % 8 == 0)
                introduce(f, node, peer);
        else if (!node->peers[peer].is_wanted)
                return;
        else if (n % 8 == 1)
                sim_node_remove_peer(node, peer);
        else
                changes[n / 8 % WG_ARRAY_SIZE(changes)](f, node, peer);
}

static void change_configuration(struct fuzz *f)
{
        administer(f, next_node(f));
}

/* Called during a batch. */
static void meddle(void *context, unsigned int node)
{
        struct fuzz *f = context;

        if (f->at < f->end)
                administer(f, f->world.nodes[node]);
}

/* ---- the script ---- */

static void (*const commands[])(struct fuzz *f) = {
        pass_milliseconds,
        pass_seconds,
        send_one,
        send_packets,
        send_lie,
        skip_nonces,
        set_link,
        cut_link,
        move,
        send_again,
        flood,
        sleep_or_wake,
        stop_or_start,
        step_clock,
        refuse_memory,
        set_habits,
        change_configuration,
};

static void set_up(struct fuzz *f)
{
        static const struct sim_habits habits = {.batch_max = 16};

        sim_world_init(&f->world, 1);
        f->world.context = f->world.tap_context = f;
        f->world.tap = tap;
        f->world.meddle = meddle;
        for (unsigned int i = 0; i < NODES; i++) {
                sim_world_add_node(&f->world, WG_FAMILY_IPV4, &habits);
                sim_node_set_up(f->world.nodes[i], true);
                sim_node_start(f->world.nodes[i]);
        }
        for (unsigned int i = 0; i < NODES; i++)
                for (unsigned int j = 0; j < NODES; j++)
                        if (i != j)
                                introduce(f, f->world.nodes[i], j);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct fuzz *f = sim_new(sizeof(*f));

        WG_ASSERT(test_crypto_up(NULL) == 0);
        f->at = data;
        f->end = data + size;
        set_up(f);
        for (unsigned int i = 0; i < COMMANDS_MAX && f->at < f->end; i++) {
                if (f->world.figures.events > EVENTS_MAX)
                        break;
                commands[next(f) % WG_ARRAY_SIZE(commands)](f);
        }
        sim_world_done(&f->world);
        free(f);
        test_crypto_down(NULL);
        return 0;
}
