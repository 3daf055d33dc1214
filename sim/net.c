/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "sim/net.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "sim/world.h"

/* Bits of the type of service. */
enum { ECN_MASK = 3, ECN_CE = 3 };

/* ---- addresses ---- */

/* Address n of a reserved network: 198.18.0.0/15 or 2001:2::/48 (both for benchmarks). */
static struct wg_ip make_ip(uint8_t family, uint32_t n)
{
        struct wg_ip ip = {.family = family};

        if (family == WG_FAMILY_IPV4) {
                wg_be32_store(ip.bytes, UINT32_C(0xc6120000) + n);
                return ip;
        }
        wg_be32_store(ip.bytes, UINT32_C(0x20010002));
        wg_be32_store(ip.bytes + 12, n);
        return ip;
}

void sim_net_init(struct sim_net *net, uint64_t seed)
{
        memset(net, 0, sizeof(*net));
        sim_random_init(&net->random, seed, 'n');
        net->outside = (struct sim_link){.delay_ns = 5 * WG_NS_PER_MS, .mtu = UINT32_MAX};
        for (unsigned int i = 0; i < SIM_NODES_MAX; i++)
                for (unsigned int j = 0; j < SIM_NODES_MAX; j++)
                        net->links[i][j] = net->outside;
}

void sim_net_place(struct sim_net *net, unsigned int node, uint8_t family)
{
        struct sim_host *host = &net->hosts[node];

        net->places += 2;
        host->ip = make_ip(family, net->places);
        host->nat_ip = make_ip(family, net->places + 1u);
        host->port = (uint16_t)sim_random_between(&net->random, 1024, 60000);
        sim_net_rebind(net, node);
}

void sim_net_rebind(struct sim_net *net, unsigned int node)
{
        struct sim_host *host = &net->hosts[node];

        memset(host->mappings, 0, sizeof(host->mappings));
        host->nat_next = (uint16_t)sim_random_between(&net->random, 1024, 50000);
}

struct wg_endpoint sim_net_endpoint(const struct sim_net *net, unsigned int node)
{
        return (struct wg_endpoint){.ip = net->hosts[node].ip, .port = net->hosts[node].port};
}

struct wg_endpoint sim_net_strange_endpoint(struct sim_net *net, uint8_t family)
{
        uint32_t n = (uint32_t)sim_random_between(&net->random, 0x10000, 0x1ffff);

        return (struct wg_endpoint){
                .ip = make_ip(family, n),
                .port = (uint16_t)sim_random_between(&net->random, 1, 65535),
        };
}

/* ---- address translation ---- */

static bool is_live(const struct sim_host *host, const struct sim_mapping *m, uint64_t now_ns)
{
        return m->port && now_ns - m->used_ns < host->nat_life_ns;
}

/* The mapping for a flow to `remote`: an existing one, or a new one that replaces the oldest. */
static struct sim_mapping *map_out(struct sim_host *host, const struct wg_endpoint *inside,
                                   const struct wg_endpoint *remote, uint64_t now_ns)
{
        struct sim_mapping *oldest = &host->mappings[0];

        for (unsigned int i = 0; i < SIM_MAPPINGS_MAX; i++) {
                struct sim_mapping *m = &host->mappings[i];

                if (is_live(host, m, now_ns) && wg_endpoint_is_same_remote(&m->remote, remote) &&
                    wg_endpoint_is_same_remote(&m->inside, inside)) {
                        m->used_ns = now_ns;
                        return m;
                }
                if (m->used_ns < oldest->used_ns || !m->port)
                        oldest = m;
        }
        *oldest = (struct sim_mapping){*inside, *remote, host->nat_next++, now_ns};
        return oldest;
}

/* The mapping for a datagram from `remote` to the translator's `port`; NULL if there is none. */
static const struct sim_mapping *map_in(const struct sim_host *host, uint16_t port,
                                        const struct wg_endpoint *remote, uint64_t now_ns)
{
        for (unsigned int i = 0; i < SIM_MAPPINGS_MAX; i++) {
                const struct sim_mapping *m = &host->mappings[i];

                if (m->port == port && is_live(host, m, now_ns) &&
                    wg_endpoint_is_same_remote(&m->remote, remote))
                        return m;
        }
        return NULL;
}

/* The node that a datagram reaches; SIM_STRANGER: none. Sets `local` to the address it arrived
 * at. */
static unsigned int find_receiver(struct sim_world *world, const struct sim_packet *packet,
                                  struct wg_ip *local)
{
        for (unsigned int i = 0; i < world->node_count; i++) {
                const struct sim_host *host = &world->net.hosts[i];
                const struct sim_mapping *m;

                *local = host->ip;
                if (!host->has_nat) {
                        if (wg_ip_equal(&host->ip, &packet->to.ip) && host->port == packet->to.port)
                                return i;
                        continue;
                }
                if (!wg_ip_equal(&host->nat_ip, &packet->to.ip))
                        continue;
                m = map_in(host, packet->to.port, &packet->from, world->now_ns);
                if (m && wg_ip_equal(&m->inside.ip, &host->ip) && m->inside.port == host->port)
                        return i;
        }
        return SIM_STRANGER;
}

/* ---- transit ---- */

static void arrive(void *object, uint64_t datagram)
{
        struct sim_world *world = object;
        struct sim_packet *packet = (struct sim_packet *)(uintptr_t)datagram;
        struct wg_ip local;
        unsigned int node = find_receiver(world, packet, &local);

        if (node == SIM_STRANGER) {
                free(packet);
                return;
        }
        packet->from.source = local;
        sim_node_arrive(world->nodes[node], packet);
}

static void launch(struct sim_world *world, const struct wg_endpoint *from,
                   const struct wg_endpoint *to, const uint8_t *bytes, uint32_t len, uint8_t tos,
                   uint64_t delay_ns)
{
        struct sim_packet *packet = sim_packet_new(bytes, len, 0, 0);

        packet->from = (struct wg_endpoint){.ip = from->ip, .port = from->port};
        packet->to = (struct wg_endpoint){.ip = to->ip, .port = to->port};
        packet->tos = tos;
        sim_events_add(&world->events, world->now_ns + delay_ns, arrive, world, (uintptr_t)packet);
}

void sim_net_forget(const struct sim_event *event)
{
        if (event->run == arrive)
                free((void *)(uintptr_t)event->word);
}

/* The link that a datagram to an address takes, which depends on the node there at the moment. */
static const struct sim_link *find_link(struct sim_world *world, unsigned int from,
                                        const struct wg_endpoint *to)
{
        for (unsigned int i = 0; i < world->node_count; i++) {
                const struct sim_host *host = &world->net.hosts[i];

                if (wg_ip_equal(host->has_nat ? &host->nat_ip : &host->ip, &to->ip))
                        return &world->net.links[from][i];
        }
        return &world->net.outside;
}

static uint8_t cross(struct sim_random *random, const struct sim_link *link, uint8_t tos)
{
        if ((tos & ECN_MASK) && sim_random_chance(random, link->marking))
                return tos | ECN_CE;
        return tos;
}

static uint64_t draw_delay(struct sim_random *random, const struct sim_link *link)
{
        uint64_t delay_ns = link->delay_ns;

        if (link->jitter_ns)
                delay_ns += sim_random_below(random, link->jitter_ns);
        if (sim_random_chance(random, link->straggling))
                delay_ns += sim_random_below(random, WG_NS_PER_S);
        return delay_ns;
}

void sim_net_send(struct sim_world *world, unsigned int from, const struct wg_endpoint *to,
                  const uint8_t *bytes, uint32_t len, uint8_t tos)
{
        struct sim_host *host = &world->net.hosts[from];
        struct wg_endpoint source = sim_net_endpoint(&world->net, from);
        const struct sim_link *link = find_link(world, from, to);
        struct sim_random *random = &world->net.random;
        unsigned int copies = 1;

        if (host->has_nat) {
                const struct sim_mapping *m = map_out(host, &source, to, world->now_ns);

                source = (struct wg_endpoint){.ip = host->nat_ip, .port = m->port};
        }
        world->figures.datagrams++;
        if (world->tap)
                world->tap(world->tap_context, from, &source, to, bytes, len, tos);
        if (link->is_cut || len > link->mtu || sim_random_chance(random, link->loss)) {
                world->figures.lost++;
                return;
        }
        copies += sim_random_chance(random, link->doubling);
        while (copies--) {
                uint64_t delay_ns = draw_delay(random, link);

                launch(world, &source, to, bytes, len, cross(random, link, tos), delay_ns);
        }
}

void sim_net_inject(struct sim_world *world, const struct wg_endpoint *from,
                    const struct wg_endpoint *to, const uint8_t *bytes, uint32_t len,
                    uint64_t delay_ns)
{
        world->figures.injected++;
        launch(world, from, to, bytes, len, 0, delay_ns);
}
