/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * A mishap is one change to one node, often undone some time later. Other mishaps may happen in
 * between, so an undo first checks that it still makes sense. */
#include "sim/mishap.h"

#include <stdlib.h>

static uint64_t below(struct sim_scenario *s, uint64_t n)
{
        return sim_random_below(&s->random, n);
}

static uint64_t seconds(struct sim_scenario *s, uint64_t from, uint64_t to)
{
        return sim_random_between(&s->random, from * WG_NS_PER_S, to * WG_NS_PER_S);
}

/* ---- undoing ---- */

enum later { WAKE, START, GO_UP, RECONNECT, ADD_PEER, LEARN_KEY, LEARN_PSK, SET_KEY };

/* Encodes an action, its node, and the other node it is about. */
static uint64_t pack(enum later what, unsigned int node, unsigned int peer)
{
        return (uint64_t)what << 16 | (uint64_t)node << 8 | peer;
}

static bool is_running(const struct sim_node *node)
{
        return node->is_running && !node->is_asleep;
}

static void add_peer(struct sim_scenario *s, unsigned int node, unsigned int peer)
{
        struct sim_node *n = s->world.nodes[node];

        if (n->peers[peer].is_wanted)
                return;
        sim_node_add_peer(n, peer);
        sim_scenario_restore_prefixes(s, node, peer);
}

/* A peer with a new key is a different peer. */
static void learn_key(struct sim_scenario *s, unsigned int node, unsigned int peer)
{
        struct sim_node *n = s->world.nodes[node];

        if (n->peers[peer].is_wanted &&
            memcmp(n->peers[peer].public_key, s->world.nodes[peer]->public_key, WG_KEY_LEN) == 0)
                return;
        if (n->peers[peer].is_wanted)
                sim_node_remove_peer(n, peer);
        add_peer(s, node, peer);
}

/* Sets a cleared key again. */
static void restore_key(struct sim_node *n)
{
        uint8_t key[WG_KEY_LEN];

        memcpy(key, n->private_key, sizeof(key));
        if (!n->has_key)
                sim_node_set_key(n, key);
}

static void do_later(void *object, uint64_t word);

static void later(struct sim_scenario *s, uint64_t delay_ns, enum later what, unsigned int node,
                  unsigned int peer)
{
        sim_events_add(&s->world.events, s->world.now_ns + delay_ns, do_later, s,
                       pack(what, node, peer));
}

static void do_later(void *object, uint64_t word)
{
        struct sim_scenario *s = object;
        unsigned int node = word >> 8 & 0xff, peer = word & 0xff;
        enum later what = (enum later)(word >> 16);
        struct sim_node *n = s->world.nodes[node];

        if (n->is_asleep && what != WAKE && what != RECONNECT) {
                later(s, WG_NS_PER_S, what, node, peer);
                return;
        }
        switch (what) {
        case WAKE:
                sim_node_wake(n);
                break;
        case START:
                if (!n->is_running)
                        sim_node_start(n);
                break;
        case GO_UP:
                sim_node_set_up(n, true);
                break;
        case RECONNECT:
                s->world.net.links[node][peer] = s->calm[node][peer];
                break;
        case ADD_PEER:
                add_peer(s, node, peer);
                break;
        case LEARN_KEY:
                learn_key(s, node, peer);
                break;
        case SET_KEY:
                restore_key(n);
                break;
        case LEARN_PSK:
                sim_node_set_preshared_key(n, peer,
                                           s->world.nodes[peer]->peers[node].preshared_key);
                break;
        }
}

/* ---- the network ---- */

static void cut_link(struct sim_scenario *s, unsigned int node, unsigned int peer)
{
        uint64_t while_ns = seconds(s, 1, below(s, 2) ? 20 : 400);

        s->world.net.links[node][peer].is_cut = true;
        later(s, while_ns, RECONNECT, node, peer);
        if (!below(s, 3))
                return;
        s->world.net.links[peer][node].is_cut = true;
        later(s, while_ns, RECONNECT, peer, node);
}

static void spoil_link(struct sim_scenario *s, unsigned int node, unsigned int peer)
{
        struct sim_link *link = &s->world.net.links[node][peer];

        link->loss = (uint32_t)(below(s, 2) ? below(s, 50) : below(s, 500));
        link->doubling = (uint32_t)below(s, 200);
        link->straggling = (uint32_t)below(s, 200);
        link->marking = (uint32_t)below(s, 1000);
        if (!below(s, 4))
                link->mtu = (uint32_t)sim_random_between(&s->random, 200, 1500);
        later(s, seconds(s, 10, 1200), RECONNECT, node, peer);
}

static void roam(struct sim_scenario *s, unsigned int node)
{
        sim_net_place(&s->world.net, node, below(s, 3) ? WG_FAMILY_IPV4 : WG_FAMILY_IPV6);
        sim_trace(&s->world, node, "moves");
        /* Either the system reports the move, or sending to old addresses reveals it. */
        if (below(s, 2))
                sim_node_unpin(s->world.nodes[node]);
}

/* As if many packets had been sent and lost. */
static void skip_nonces(struct sim_scenario *s, unsigned int node, unsigned int peer)
{
        uint64_t n = sim_random_between(&s->random, 1, 3 * WG_REPLAY_BITS);

        if (!below(s, 4))
                n = WG_REKEY_AFTER_MESSAGES;
        if (!below(s, 8))
                n = WG_REJECT_AFTER_MESSAGES - 100;
        sim_trace(&s->world, node, "skips %llu nonces to %u", (unsigned long long)n, peer);
        sim_node_skip(s->world.nodes[node], peer, n);
}

/* ---- the machine ---- */

static void sleep_while(struct sim_scenario *s, unsigned int node)
{
        if (!is_running(s->world.nodes[node]))
                return;
        sim_node_sleep(s->world.nodes[node]);
        later(s, seconds(s, 1, below(s, 2) ? 30 : 1000), WAKE, node, 0);
}

static void step_clock(struct sim_scenario *s, unsigned int node)
{
        uint64_t by_ns = seconds(s, 1, below(s, 2) ? 10 : below(s, 2) ? 4000 : 1000000);

        s->world.nodes[node]->real_ns += below(s, 2) ? by_ns : 0 - by_ns;
        sim_trace(&s->world, node, "steps its clock");
}

static void restart(struct sim_scenario *s, unsigned int node)
{
        if (!is_running(s->world.nodes[node]))
                return;
        sim_node_stop(s->world.nodes[node]);
        later(s, below(s, 2) ? 0 : seconds(s, 0, 60), START, node, 0);
}

static void go_down(struct sim_scenario *s, unsigned int node)
{
        sim_node_set_up(s->world.nodes[node], false);
        later(s, below(s, 2) ? 0 : seconds(s, 0, 60), GO_UP, node, 0);
}

/* ---- the administrator ---- */

static void change_psk(struct sim_scenario *s, unsigned int node, unsigned int peer)
{
        uint8_t key[WG_KEY_LEN] = {0};

        if (below(s, 3))
                sim_random_fill(&s->random, key, sizeof(key));
        sim_node_set_preshared_key(s->world.nodes[node], peer, key);
        later(s, below(s, 2) ? 0 : seconds(s, 0, 200), LEARN_PSK, peer, node);
}

static void change_key(struct sim_scenario *s, unsigned int node)
{
        uint8_t key[WG_KEY_LEN];

        if (!below(s, 4)) {
                sim_node_clear_key(s->world.nodes[node]);
                later(s, below(s, 2) ? 0 : seconds(s, 0, 100), SET_KEY, node, 0);
                return;
        }
        sim_random_fill(&s->random, key, sizeof(key));
        if (!below(s, 3))
                memcpy(key, s->world.nodes[node]->private_key, sizeof(key));
        sim_node_set_key(s->world.nodes[node], key);
        for (unsigned int i = 0; i < s->world.node_count; i++)
                if (s->is_neighbour[i][node])
                        later(s, seconds(s, 0, 60), LEARN_KEY, i, node);
}

static void change_endpoint(struct sim_scenario *s, unsigned int node, unsigned int peer)
{
        struct wg_endpoint to = sim_net_endpoint(&s->world.net, peer);

        if (!below(s, 3))
                to = sim_net_strange_endpoint(&s->world.net, to.ip.family);
        sim_node_set_endpoint(s->world.nodes[node], peer, &to);
}

static void change_keepalive(struct sim_scenario *s, unsigned int node, unsigned int peer)
{
        sim_node_set_keepalive(
                s->world.nodes[node], peer,
                (uint16_t)(below(s, 2) ? sim_random_between(&s->random, 1, 200) : 0));
}

static void move_prefix(struct sim_scenario *s, unsigned int node, unsigned int peer)
{
        struct wg_prefix prefix = sim_scenario_shared_prefix(
                (unsigned int)below(s, MISHAP_PREFIXES));

        if (!below(s, 8)) {
                /* One peer's own prefix may be given to another by mistake, too. */
                prefix = sim_scenario_own_prefix((unsigned int)below(s, s->world.node_count),
                                                 WG_FAMILY_IPV4);
        }
        if (below(s, 4))
                sim_node_allow(s->world.nodes[node], peer, &prefix);
        else
                sim_node_disallow(s->world.nodes[node], peer, &prefix);
}

static void remove_peer(struct sim_scenario *s, unsigned int node, unsigned int peer)
{
        sim_node_remove_peer(s->world.nodes[node], peer);
        later(s, below(s, 2) ? 0 : seconds(s, 0, 100), ADD_PEER, node, peer);
}

static void change_mtu(struct sim_scenario *s, unsigned int node)
{
        sim_node_set_mtu(s->world.nodes[node], (uint32_t)sim_random_between(&s->random, 576, 1500));
}

/* ---- mishaps ---- */

/* A neighbour that is currently a peer of the node; SIM_STRANGER if there is none. */
static unsigned int any_peer(struct sim_scenario *s, unsigned int node)
{
        unsigned int first = (unsigned int)below(s, s->world.node_count);

        for (unsigned int i = 0; i < s->world.node_count; i++) {
                unsigned int peer = (first + i) % s->world.node_count;

                if (s->world.nodes[node]->peers[peer].is_wanted)
                        return peer;
        }
        return SIM_STRANGER;
}

/* One change by the administrator; it may also happen during a worker's batch. */
static void administer(struct sim_scenario *s, unsigned int node)
{
        unsigned int peer = any_peer(s, node);

        if (peer == SIM_STRANGER || s->world.nodes[node]->is_asleep)
                return;
        switch (below(s, 9)) {
        case 0:
                go_down(s, node);
                break;
        case 1:
                change_psk(s, node, peer);
                break;
        case 2:
                change_key(s, node);
                break;
        case 3:
                change_endpoint(s, node, peer);
                break;
        case 4:
                change_keepalive(s, node, peer);
                break;
        case 5:
        case 6:
                move_prefix(s, node, peer);
                break;
        case 7:
                remove_peer(s, node, peer);
                break;
        default:
                change_mtu(s, node);
                break;
        }
}

static void happen(struct sim_scenario *s, unsigned int node, unsigned int other)
{
        switch (below(s, 11)) {
        case 0:
        case 1:
                cut_link(s, node, other);
                break;
        case 2:
                spoil_link(s, node, other);
                break;
        case 3:
                sim_net_rebind(&s->world.net, node);
                break;
        case 4:
                roam(s, node);
                break;
        case 5:
                sleep_while(s, node);
                break;
        case 6:
                step_clock(s, node);
                break;
        case 7:
                restart(s, node);
                break;
        case 8:
                skip_nonces(s, node, other);
                break;
        default:
                administer(s, node);
                break;
        }
}

static void mishap(void *object, uint64_t word)
{
        struct sim_scenario *s = object;
        unsigned int n = s->world.node_count, node = (unsigned int)below(s, n);
        unsigned int other = (node + 1 + (unsigned int)below(s, n - 1)) % n;

        (void)word;
        sim_events_add(&s->world.events,
                       s->world.now_ns + sim_random_between(&s->random, 1, 2 * s->mishap_pause_ns),
                       mishap, s, 0);
        if (s->is_wild)
                happen(s, node, other);
}

/* Called during batches; rarely does anything, since there are many. */
static void meddle(void *context, unsigned int node)
{
        struct sim_scenario *s = context;

        if (s->is_wild && !below(s, 20))
                administer(s, node);
}

void sim_mishap_begin(struct sim_scenario *s)
{
        if (!s->mishap_pause_ns)
                return;
        s->world.meddle = meddle;
        sim_events_add(&s->world.events, s->mishap_pause_ns, mishap, s, 0);
}

void sim_mishap_refuse_memory(struct sim_scenario *s, uint32_t in_1000)
{
        for (unsigned int i = 0; i < s->world.node_count; i++)
                s->world.nodes[i]->memory.refused_in_1000 = in_1000;
}

/* ---- lies ---- */

/* Sends false sources, and packets that are not IP. (To a router, all sources but its own are
 * valid.) */
void sim_mishap_lie(struct sim_scenario *s, unsigned int from, unsigned int to)
{
        unsigned int pretended = below(s, 2) ? from : to;
        uint32_t len = SIM_INNER_MIN4 + (uint32_t)below(s, 100);
        struct sim_inner inner = {
                .source = sim_scenario_own_prefix(pretended, WG_FAMILY_IPV4).ip,
                .destination = sim_scenario_own_prefix(to, WG_FAMILY_IPV4).ip,
                .len = len,
        };
        uint8_t bytes[SIM_INNER_MIN4 + 100];

        sim_inner_write(&inner, bytes);
        switch (below(s, 4)) {
        case 0: /* the unchanged packet */
                break;
        case 1: /* a wrong length */
                bytes[2] = (uint8_t)(below(s, 2) ? below(s, 256) : 0);
                bytes[3] = (uint8_t)below(s, 256);
                break;
        case 2: /* a wrong version */
                bytes[0] = (uint8_t)below(s, 256);
                break;
        default: /* random bytes */
                len = (uint32_t)sim_random_between(&s->random, 1, 40);
                sim_random_fill(&s->random, bytes, len);
                break;
        }
        sim_node_put_to(s->world.nodes[from], to, bytes, len);
}

/* ---- repair ---- */

static void repair_node(struct sim_scenario *s, unsigned int node)
{
        struct sim_node *n = s->world.nodes[node];

        n->memory.refused_in_1000 = 0;
        sim_node_wake(n);
        if (!n->is_running)
                sim_node_start(n);
        restore_key(n);
        sim_node_set_up(n, true);
}

/* Whether a node's endpoint for a peer still reaches it. */
static bool is_aiming_at(struct sim_scenario *s, unsigned int node, unsigned int peer)
{
        struct wg_endpoint actual = sim_net_endpoint(&s->world.net, peer), aim;
        struct wg_peer *handle = s->world.nodes[node]->peers[peer].handle;

        wg_path_read(&handle->path, &aim);
        return wg_endpoint_is_same_remote(&actual, &aim);
}

/* Repairs a node's settings for a neighbour; correct ones are left alone. */
static void repair_peer(struct sim_scenario *s, unsigned int node, unsigned int peer)
{
        struct sim_node *n = s->world.nodes[node], *other = s->world.nodes[peer];
        struct wg_endpoint actual = sim_net_endpoint(&s->world.net, peer);

        learn_key(s, node, peer);
        sim_scenario_restore_prefixes(s, node, peer);
        if (memcmp(n->peers[peer].preshared_key, other->peers[node].preshared_key, WG_KEY_LEN) != 0)
                sim_node_set_preshared_key(n, peer, other->peers[node].preshared_key);
        if (!s->world.net.hosts[peer].has_nat && !is_aiming_at(s, node, peer))
                sim_node_set_endpoint(n, peer, &actual);
}

void sim_mishap_repair(struct sim_scenario *s)
{
        unsigned int n = s->world.node_count;

        sim_trace(&s->world, SIM_STRANGER, "everything is put right");
        memcpy(s->world.net.links, s->calm, sizeof(s->calm));
        for (unsigned int i = 0; i < n; i++)
                repair_node(s, i);
        for (unsigned int i = 0; i < n; i++)
                for (unsigned int j = 0; j < n; j++)
                        if (s->is_neighbour[i][j])
                                repair_peer(s, i, j);
}
