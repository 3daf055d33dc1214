/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * The nodes, their traffic, and the course of an hour. mishap.c causes the faults. */
#include "sim/scenario.h"

#include <stdlib.h>

#include "sim/mishap.h"

static uint64_t below(struct sim_scenario *s, uint64_t n)
{
        return sim_random_below(&s->random, n);
}

static bool chance(struct sim_scenario *s, uint32_t in_1000)
{
        return sim_random_chance(&s->random, in_1000);
}

/* ---- inner addresses ---- */

/* Each node's own addresses: 10.0.0.n and fd00::n. */
struct wg_prefix sim_scenario_own_prefix(unsigned int node, uint8_t family)
{
        struct wg_prefix p = {.ip.family = family};

        if (family == WG_FAMILY_IPV4) {
                memcpy(p.ip.bytes, (uint8_t[]){10, 0, 0, (uint8_t)(node + 1)}, 4);
                p.cidr = 32;
                return p;
        }
        p.ip.bytes[0] = 0xfd;
        p.ip.bytes[15] = (uint8_t)(node + 1);
        p.cidr = 128;
        return p;
}

/* Networks that move between peers, one nested in the other: 10.k.0.0/16 and 10.k.k.0/24. */
struct wg_prefix sim_scenario_shared_prefix(unsigned int n)
{
        uint8_t k = (uint8_t)(100 + n / 2);

        return (struct wg_prefix){
                .ip = {.family = WG_FAMILY_IPV4, .bytes = {10, k, n % 2 ? k : 0}},
                .cidr = n % 2 ? 24 : 16,
        };
}

/* ---- traffic ---- */

enum { TAG_PLAIN, TAG_REQUEST, TAG_PROBE };

static void send_inner(struct sim_scenario *s, unsigned int from, const struct sim_inner *inner,
                       uint32_t tag)
{
        struct sim_record *record = sim_ledger_add_inner(&s->world.ledger, inner);
        uint8_t bytes[UINT16_MAX];

        record->tag = tag;
        sim_inner_write(&record->inner, bytes);
        sim_node_put(s->world.nodes[from], bytes, inner->len);
}

static uint32_t draw_len(struct sim_scenario *s, uint32_t least, uint32_t most)
{
        switch (below(s, 4)) {
        case 0:
                return least;
        case 1:
                return most;
        default:
                return (uint32_t)sim_random_between(&s->random, least, most);
        }
}

/* A destination that reaches `to`, or another node that shares a network with it. */
static struct wg_ip draw_destination(struct sim_scenario *s, unsigned int to, uint8_t family)
{
        struct wg_ip ip = sim_scenario_own_prefix(to, family).ip;

        if (family == WG_FAMILY_IPV4 && chance(s, 200)) {
                ip = sim_scenario_shared_prefix((unsigned int)below(s, MISHAP_PREFIXES)).ip;
                ip.bytes[3] = (uint8_t)below(s, 256);
        }
        return ip;
}

static void send_packet(struct sim_scenario *s, unsigned int from, unsigned int to, uint32_t tag)
{
        uint8_t family = chance(s, 700) ? WG_FAMILY_IPV4 : WG_FAMILY_IPV6;
        uint32_t least = family == WG_FAMILY_IPV4 ? SIM_INNER_MIN4 : SIM_INNER_MIN6;
        struct sim_inner inner = {
                .source = sim_scenario_own_prefix(from, family).ip,
                .destination = sim_scenario_own_prefix(to, family).ip,
                .len = least,
                .tos = (uint8_t)(chance(s, 500) ? below(s, 4) : 0),
        };

        if (tag != TAG_PROBE) {
                inner.len = draw_len(s, least, s->world.nodes[from]->mtu);
                inner.destination = draw_destination(s, to, family);
        }
        send_inner(s, from, &inner, tag);
        if (tag != TAG_PROBE && chance(s, s->lies_in_1000))
                sim_mishap_lie(s, from, to);
}

static unsigned int burst_of(struct sim_scenario *s, enum sim_pattern pattern)
{
        return pattern == SIM_PATTERN_BULK ? (unsigned int)sim_random_between(&s->random, 20, 200)
                                           : 1;
}

static void flow(void *object, uint64_t word)
{
        struct sim_flow *f = object;
        struct sim_scenario *s = f->scenario;

        (void)word;
        sim_events_add(&s->world.events,
                       s->world.now_ns + sim_random_between(&s->random, 1, 2 * f->pause_ns), flow,
                       f, 0);
        if (!s->is_talking)
                return;
        for (unsigned int n = burst_of(s, f->pattern); n; n--)
                send_packet(s, f->from, f->to,
                            f->pattern == SIM_PATTERN_REQUEST ? TAG_REQUEST : TAG_PLAIN);
}

static uint64_t draw_pause(struct sim_scenario *s, enum sim_pattern pattern)
{
        switch (pattern) {
        case SIM_PATTERN_RARE:
                return sim_random_between(&s->random, 100, 900) * WG_NS_PER_S;
        case SIM_PATTERN_BULK:
                return sim_random_between(&s->random, 60, 600) * WG_NS_PER_S;
        case SIM_PATTERN_ONE_WAY:
        case SIM_PATTERN_REQUEST:
                return sim_random_between(&s->random, 2000, 40000) * WG_NS_PER_MS;
        case SIM_PATTERN_SILENT:
        case SIM_PATTERNS:
                break;
        }
        return 0;
}

static void add_flow(struct sim_scenario *s, unsigned int from, unsigned int to)
{
        struct sim_flow *f = &s->flows[s->flow_count];
        enum sim_pattern pattern = (enum sim_pattern)below(s, SIM_PATTERNS);
        uint64_t pause_ns = draw_pause(s, pattern);

        if (!pause_ns || s->flow_count == SIM_FLOWS_MAX)
                return;
        *f = (struct sim_flow){s, (uint8_t)from, (uint8_t)to, pattern, pause_ns};
        s->flow_count++;
        sim_events_add(&s->world.events, below(s, pause_ns), flow, f, 0);
}

/* An inner packet reached its destination. */
static void delivered(void *context, unsigned int node, const struct sim_record *record)
{
        struct sim_scenario *s = context;
        unsigned int from =
                record->inner.source.bytes[record->inner.source.family == WG_FAMILY_IPV4 ? 3 : 15] -
                1u;

        if (record->tag == TAG_PROBE && s->probed_ns)
                s->has_reached[from][node] = true;
        if (record->tag == TAG_REQUEST)
                for (uint64_t n = below(s, 4); n; n--)
                        send_packet(s, node, from, TAG_PLAIN);
}

/* ---- the nodes ---- */

static struct sim_habits draw_habits(struct sim_scenario *s)
{
        struct sim_habits h = {.batch_max = (uint32_t)sim_random_between(&s->random, 1, 128)};

        if (chance(s, 200))
                return h;
        h.worker_delay_ns = below(s, 2 * WG_NS_PER_MS);
        h.engine_delay_ns = below(s, 2 * WG_NS_PER_MS);
        h.engine_cost_ns = chance(s, 500) ? below(s, 20 * WG_NS_PER_MS) : 0;
        h.retires_at_once = chance(s, 200);
        h.retire_delay_ns = below(s, chance(s, 300) ? 60 * WG_NS_PER_S : 10 * WG_NS_PER_MS);
        h.interleaving = (uint32_t)(chance(s, 600) ? below(s, 200) : 0);
        return h;
}

static struct sim_link draw_link(struct sim_scenario *s)
{
        struct sim_link link = {.mtu = UINT32_MAX};

        switch (below(s, 3)) {
        case 0: /* local */
                link.delay_ns = sim_random_between(&s->random, 50000, WG_NS_PER_MS);
                link.jitter_ns = 100000;
                break;
        case 1: /* over the Internet */
                link.delay_ns = sim_random_between(&s->random, 5, 150) * WG_NS_PER_MS;
                link.jitter_ns = below(s, 30 * WG_NS_PER_MS);
                break;
        default: /* by satellite */
                link.delay_ns = sim_random_between(&s->random, 250, 700) * WG_NS_PER_MS;
                link.jitter_ns = below(s, 100 * WG_NS_PER_MS);
                break;
        }
        return link;
}

static void draw_links(struct sim_scenario *s)
{
        for (unsigned int i = 0; i < SIM_NODES_MAX; i++)
                for (unsigned int j = 0; j < i; j++) {
                        s->calm[i][j] = s->calm[j][i] = draw_link(s);
                        s->world.net.links[i][j] = s->world.net.links[j][i] = s->calm[i][j];
                }
}

static void become_neighbours(struct sim_scenario *s, unsigned int a, unsigned int b)
{
        s->is_neighbour[a][b] = s->is_neighbour[b][a] = true;
        add_flow(s, a, b);
        add_flow(s, b, a);
}

/* Draws two nodes, a hub with spokes, or a full mesh. */
static void draw_nodes(struct sim_scenario *s)
{
        uint64_t shape = below(s, 3);
        unsigned int n = shape == 0 ? 2 : (unsigned int)sim_random_between(&s->random, 3, 4);

        for (unsigned int i = 0; i < n; i++) {
                struct sim_habits habits = draw_habits(s);

                habits.is_router = shape == 1 && i == 0;
                sim_world_add_node(&s->world, chance(s, 700) ? WG_FAMILY_IPV4 : WG_FAMILY_IPV6,
                                   &habits);
                for (unsigned int j = 0; j < (shape == 1 ? WG_MIN(i, 1u) : i); j++)
                        become_neighbours(s, i, j);
        }
        if (shape == 1)
                add_flow(s, 1, 2);
}

/* Puts spokes of a hub behind NAT, or one node of another network: two could not reach each
 * other. */
static void draw_nat(struct sim_scenario *s)
{
        unsigned int n = s->world.node_count;
        bool is_hub = s->world.nodes[0]->habits.is_router;

        for (unsigned int i = 1; i < n; i++) {
                struct sim_host *host = &s->world.net.hosts[i];

                if (chance(s, 600))
                        continue;
                host->has_nat = true;
                host->nat_life_ns = sim_random_between(&s->random, 2, 300) * WG_NS_PER_S;
                if (!is_hub)
                        return;
        }
}

/* ---- the intended state ---- */

/* Gives node a its intended configuration of node b. */
static void introduce(struct sim_scenario *s, unsigned int a, unsigned int b)
{
        struct sim_node *node = s->world.nodes[a];
        struct wg_endpoint to = sim_net_endpoint(&s->world.net, b);

        sim_node_add_peer(node, b);
        sim_scenario_restore_prefixes(s, a, b);
        if (!s->world.net.hosts[b].has_nat)
                sim_node_set_endpoint(node, b, &to);
        if (s->world.net.hosts[a].has_nat ? chance(s, 700) : chance(s, 100))
                sim_node_set_keepalive(node, b, (uint16_t)sim_random_between(&s->random, 1, 60));
}

void sim_scenario_restore_prefixes(struct sim_scenario *s, unsigned int a, unsigned int b)
{
        struct sim_node *node = s->world.nodes[a];
        struct wg_prefix own4 = sim_scenario_own_prefix(b, WG_FAMILY_IPV4),
                         own6 = sim_scenario_own_prefix(b, WG_FAMILY_IPV6);
        struct wg_prefix all4 = {.ip.family = WG_FAMILY_IPV4}, all6 = {.ip.family = WG_FAMILY_IPV6};

        sim_node_allow(node, b, &own4);
        sim_node_allow(node, b, &own6);
        if (!s->world.nodes[b]->habits.is_router)
                return;
        sim_node_allow(node, b, &all4);
        sim_node_allow(node, b, &all6);
}

static void draw_preshared_key(struct sim_scenario *s, unsigned int a, unsigned int b)
{
        uint8_t key[WG_KEY_LEN];

        if (!chance(s, 300))
                return;
        sim_random_fill(&s->random, key, sizeof(key));
        sim_node_set_preshared_key(s->world.nodes[a], b, key);
        sim_node_set_preshared_key(s->world.nodes[b], a, key);
}

static void begin(struct sim_scenario *s)
{
        unsigned int n = s->world.node_count;

        for (unsigned int i = 0; i < n; i++) {
                s->world.nodes[i]->is_up = true;
                for (unsigned int j = 0; j < n; j++)
                        if (s->is_neighbour[i][j])
                                introduce(s, i, j);
        }
        for (unsigned int i = 0; i < n; i++) {
                for (unsigned int j = 0; j < i; j++)
                        if (s->is_neighbour[i][j])
                                draw_preshared_key(s, i, j);
                sim_node_start(s->world.nodes[i]);
        }
}

/* ---- an hour ---- */

static void run_until(struct sim_scenario *s, uint64_t at_ns)
{
        sim_world_run(&s->world, at_ns);
}

static bool has_converged(const struct sim_scenario *s)
{
        for (unsigned int i = 0; i < s->world.node_count; i++)
                for (unsigned int j = 0; j < s->world.node_count; j++)
                        if (s->is_neighbour[i][j] && !s->has_reached[i][j])
                                return false;
        return true;
}

static void probe_all(struct sim_scenario *s)
{
        for (unsigned int i = 0; i < s->world.node_count; i++)
                for (unsigned int j = 0; j < s->world.node_count; j++)
                        if (s->is_neighbour[i][j] && !s->has_reached[i][j])
                                send_packet(s, i, j, TAG_PROBE);
}

/* Called when everything has just been repaired. */
static void check_convergence(struct sim_scenario *s)
{
        uint64_t began_ns = s->world.now_ns;

        memset(s->has_reached, 0, sizeof(s->has_reached));
        s->probed_ns = began_ns;
        while (!has_converged(s)) {
                SIM_CHECK(&s->world, s->world.now_ns < began_ns + SIM_CONVERGED_AFTER,
                          "nodes do not reach each other after %.0f s without faults",
                          (double)(s->world.now_ns - began_ns) / 1e9);
                probe_all(s);
                run_until(s, s->world.now_ns + WG_NS_PER_S);
        }
        s->probed_ns = 0;
        sim_trace(&s->world, SIM_STRANGER, "all reach each other after %.0f s",
                  (double)(s->world.now_ns - began_ns) / 1e9);
}

/* Called after a long silence. Peers with keepalives keep their keys. */
static void check_silence(struct sim_scenario *s)
{
        for (unsigned int i = 0; i < s->world.node_count; i++)
                for (unsigned int j = 0; j < s->world.node_count; j++) {
                        const struct sim_peer *peer = &s->world.nodes[i]->peers[j];

                        if (!peer->handle || peer->keepalive_s ||
                            s->world.nodes[j]->peers[i].keepalive_s)
                                continue;
                        SIM_CHECK(&s->world,
                                  !peer->handle->current_known && !peer->handle->previous &&
                                          !peer->handle->next &&
                                          peer->handle->handshake.state == WG_HANDSHAKE_NONE,
                                  "node %u: keeps keys for %u despite the silence", i, j);
                }
}

#define HOUR (3600 * WG_NS_PER_S)

static void live_an_hour(struct sim_scenario *s)
{
        uint64_t began_ns = s->world.now_ns;

        s->is_wild = s->is_talking = true;
        s->attacker.is_active = true;
        sim_mishap_refuse_memory(s, s->refused_in_1000);
        run_until(s, began_ns + 2400 * WG_NS_PER_S);

        s->is_wild = s->attacker.is_active = false;
        sim_mishap_repair(s);
        /* Packets that were in flight when everything was repaired still arrive. */
        run_until(s, s->world.now_ns + 2 * WG_NS_PER_S);
        check_convergence(s);
        run_until(s, began_ns + 2700 * WG_NS_PER_S);

        s->is_talking = false;
        run_until(s, began_ns + HOUR);
        check_silence(s);
}

static void draw_intensity(struct sim_scenario *s)
{
        static const uint32_t pauses_s[] = {0, 0, 600, 60, 10};
        uint64_t attacks_s = pauses_s[below(s, WG_ARRAY_SIZE(pauses_s))];
        uint64_t mishaps_s = pauses_s[1 + below(s, WG_ARRAY_SIZE(pauses_s) - 1)];

        s->mishap_pause_ns = mishaps_s * 3 * WG_NS_PER_S;
        s->refused_in_1000 = chance(s, 150) ? (uint32_t)sim_random_between(&s->random, 5, 100) : 0;
        s->lies_in_1000 = chance(s, 200) ? (uint32_t)sim_random_between(&s->random, 10, 500) : 0;
        sim_attacker_init(&s->attacker, &s->world, attacks_s * WG_NS_PER_S);
}

static void add_figures(struct sim_figures *sum, const struct sim_figures *f)
{
        const uint64_t *from = (const uint64_t *)f;
        uint64_t *to = (uint64_t *)sum;

        _Static_assert(sizeof(*f) % sizeof(*from) == 0, "figures are only numbers");
        for (size_t i = 0; i < sizeof(*f) / sizeof(*from); i++)
                to[i] += from[i];
}

void sim_scenario_run(uint64_t seed, unsigned int hours, bool is_verbose,
                      struct sim_figures *figures)
{
        struct sim_scenario *s = sim_new(sizeof(*s));

        sim_random_init(&s->random, seed, 's');
        sim_world_init(&s->world, seed);
        s->world.is_verbose = is_verbose;
        s->world.context = s;
        s->world.delivered = delivered;
        draw_links(s);
        draw_nodes(s);
        draw_nat(s);
        begin(s);
        draw_intensity(s);
        sim_mishap_begin(s);
        while (hours--)
                live_an_hour(s);
        sim_world_done(&s->world);
        add_figures(figures, &s->world.figures);
        free(s);
}
