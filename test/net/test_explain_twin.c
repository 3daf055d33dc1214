/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * test_explain_twin.c - net/explain.h against packets that are sent through random networks.
 *
 * The twin knows machines (devices, routers, nodes), each of which takes a packet and passes it on.
 * Routers that drop invalid packets remember the connections they have seen; nodes remember their
 * SNAT. It shares with explain only the plans of nodes, in which it searches one by one; rules are
 * read from the file. */
#include "net/explain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/address.h"
#include "conf/writer.h"
#include "test/lib/cmocka.h"
#include "test/lib/env.h"
#include "test/lib/planned.h"

/* ---- random networks ---- */

enum { NETWORKS = 400, PAIRS = 150, MOST_SITES = 5, MOST_PEOPLE = 4 };

static bool chance(struct test_env *t, uint32_t percent)
{
        return test_env_below(t, 100) < percent;
}

static const char *pick_gateway(struct test_env *t)
{
        static const char *const kinds[] = {"self", "static-routes", "drops-invalid", "dhcp-121",
                                            "untouchable"};

        return kinds[test_env_below(t, WG_ARRAY_SIZE(kinds))];
}

/* A public key that no other number has; sometimes none. */
static void write_key(struct tl_writer *out, struct test_env *t, unsigned int number)
{
        if (!chance(t, 4))
                tl_writer_add(out, "key: \"%04uAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"", number);
        else
                tl_writer_add(out, "mtu: 1500");
}

static void write_routes(struct tl_writer *out, struct test_env *t)
{
        const char *before = "";

        tl_writer_add(out, ", gateway: {kind: static-routes, routes: [");
        for (unsigned int i = 0; i < MOST_SITES; i++) {
                if (!chance(t, 60))
                        continue;
                tl_writer_add(out, "%s192.168.%u.0/24, \"fd77:%u::/64\"", before, i, i);
                before = ", ";
        }
        if (chance(t, 60))
                tl_writer_add(out, "%s10.70.0.0/24", before);
        else if (chance(t, 30))
                tl_writer_add(out, "%s10.70.0.0/29", before);
        tl_writer_add(out, "]}");
}

static void write_site(struct tl_writer *out, struct test_env *t, unsigned int i, unsigned int hubs)
{
        bool has_ip4 = chance(t, 85), has_ip6 = !has_ip4 || chance(t, 40);

        tl_writer_add(out, "  s%u: {lan: [", i);
        if (has_ip4)
                tl_writer_add(out, "192.168.%u.0/24%s", i, has_ip6 ? ", " : "");
        if (has_ip6)
                tl_writer_add(out, "\"fd77:%u::/64\"", i);
        tl_writer_add(out, "], ");
        write_key(out, t, 1000 + i);
        if (chance(t, 70) && has_ip4)
                tl_writer_add(out, ", node: {name: n%u, at: [192.168.%u.2%s%s%s]}", i, i,
                              has_ip6 ? ", \"fd77:" : "",
                              has_ip6 ? (char[]){(char)('0' + i), 0} : "", has_ip6 ? "::2\"" : "");
        else
                tl_writer_add(out, ", node: n%u", i);
        if (hubs == 0 || chance(t, 25))
                tl_writer_add(out, ", endpoint: \"203.0.113.%u\"", 100 + i);
        if (hubs > 0)
                tl_writer_add(out, ", hub: z%u", test_env_below(t, hubs));
        if (chance(t, 25))
                write_routes(out, t);
        else if (chance(t, 80))
                tl_writer_add(out, ", gateway: %s", pick_gateway(t));
        tl_writer_add(out, ", devices: {d%u: [", i);
        if (has_ip4)
                tl_writer_add(out, "192.168.%u.10%s", i, has_ip6 ? ", " : "");
        if (has_ip6)
                tl_writer_add(out, "\"fd77:%u::10\"", i);
        tl_writer_add(out, "]}}\n");
}

static void write_party(struct tl_writer *out, struct test_env *t, unsigned int sites,
                        unsigned int people, unsigned int services, bool is_source)
{
        static const char *const words[] = {"all", "hubs", "sites", "people"};
        uint32_t i = test_env_below(t, sites);

        switch (test_env_below(t, people ? 8 : 4)) {
        case 0:
                tl_writer_add(out, "s%u", i);
                break;
        case 1:
                tl_writer_add(out, "d%u", i);
                break;
        case 2:
                tl_writer_add(out, "n%u", i);
                break;
        case 3:
                if (chance(t, 40))
                        tl_writer_add(out, "%s", words[test_env_below(t, WG_ARRAY_SIZE(words))]);
                else if (services && !is_source)
                        tl_writer_add(out, "v%u", test_env_below(t, services));
                else
                        tl_writer_add(out, "s%u", i);
                break;
        case 4:
                tl_writer_add(out, "p%u", test_env_below(t, people));
                break;
        case 5:
                tl_writer_add(out, "p%u/x", test_env_below(t, people));
                break;
        default:
                tl_writer_add(out, "g%u", test_env_below(t, WG_MIN(people, 2)));
                break;
        }
}

static void write_rule(struct tl_writer *out, struct test_env *t, unsigned int sites,
                       unsigned int people, unsigned int services)
{
        static const char *const ports[] = {"", "", ", ports: [443/tcp]", ", ports: [icmp, 53/udp]",
                                            ", ports: [400-500/tcp, 50-60/udp]"};

        tl_writer_add(out, "  - {from: [");
        write_party(out, t, sites, people, services, true);
        tl_writer_add(out, ", ");
        write_party(out, t, sites, people, services, true);
        tl_writer_add(out, "], to: [");
        write_party(out, t, sites, people, services, false);
        tl_writer_add(out, "]%s}\n", ports[test_env_below(t, WG_ARRAY_SIZE(ports))]);
}

static void write_network(struct tl_writer *out, struct test_env *t)
{
        static const char *const ports[] = {"443/tcp", "53/udp", "icmp", "22/tcp, 443-445/tcp"};
        unsigned int hubs = test_env_below(t, 4), sites = 1 + test_env_below(t, MOST_SITES);
        unsigned int people = hubs ? test_env_below(t, MOST_PEOPLE + 1) : 0;
        unsigned int services = test_env_below(t, 3), rules = test_env_below(t, 8);

        tl_writer_add(out, "network: acme\naddresses: 10.70.0.0/24\n%s", hubs ? "hubs:\n" : "");
        for (unsigned int i = 0; i < hubs; i++) {
                tl_writer_add(out, "  z%u: {endpoint: \"203.0.113.%u\", ", i, i + 1);
                write_key(out, t, 2000 + i);
                tl_writer_add(out, "}\n");
        }
        tl_writer_add(out, "sites:\n");
        for (unsigned int i = 0; i < sites; i++)
                write_site(out, t, i, hubs);
        tl_writer_add(out, "%s", people ? "people:\n" : "");
        for (unsigned int i = 0; i < people; i++) {
                tl_writer_add(out, "  p%u: {groups: [g%u], devices: {x: {hub: z%u, ", i, i % 2,
                              test_env_below(t, hubs));
                write_key(out, t, 3000 + i);
                tl_writer_add(out, "}, y: {hub: z%u, stock: true, ", test_env_below(t, hubs));
                write_key(out, t, 4000 + i);
                tl_writer_add(out, "}}}\n");
        }
        tl_writer_add(out, "%s", services ? "services:\n" : "");
        for (unsigned int i = 0; i < services; i++)
                tl_writer_add(out, "  v%u: {at: d%u, ports: [%s]}\n", i, test_env_below(t, sites),
                              ports[test_env_below(t, WG_ARRAY_SIZE(ports))]);
        if (chance(t, 60)) {
                tl_writer_add(out, "policy:\n%s", rules ? "" : "  []\n");
                for (unsigned int i = 0; i < rules; i++)
                        write_rule(out, t, sites, people, services);
        }
        assert_false(out->is_cut);
}

/* ---- rules, read one by one ---- */

static bool is_of(const struct tl_node *node, const struct wg_ip *ip)
{
        return wg_ip_equal(&node->ip4, ip) || wg_ip_equal(&node->ip6, ip);
}

static bool site_has(const struct tl_model *model, const struct tl_site *site,
                     const struct wg_ip *ip)
{
        for (uint32_t i = 0; i < site->lan_count; i++)
                if (wg_prefix_contains(&model->lans[site->lan_first + i].prefix, ip))
                        return true;
        return is_of(&model->nodes[site->node], ip);
}

static bool node_has(const struct tl_model *model, const struct tl_node *node,
                     const struct wg_ip *ip)
{
        for (uint32_t i = 0; i < model->lan_count; i++)
                if (model->lans[i].site == node->site && wg_ip_equal(&model->lans[i].node_at, ip))
                        return true;
        return is_of(node, ip);
}

static bool starts(const char *name, char c)
{
        return name[0] == c && name[1] >= '0' && name[1] <= '9';
}

/* Names say what they are: see write_party(). */
static bool word_has(const struct tl_model *model, const char *word, const struct wg_ip *ip)
{
        uint32_t number = (uint32_t)strtoul(word + 1, NULL, 10);
        bool is_all = strcmp(word, "all") == 0;

        for (uint32_t i = 0; i < model->node_count; i++) {
                const struct tl_node *node = &model->nodes[i];
                char device[32] = "", group[32] = "";

                if (node->kind == TL_NODE_DEVICE) {
                        snprintf(device, sizeof(device), "p%u", (unsigned int)node->person);
                        snprintf(group, sizeof(group), "g%u", (unsigned int)node->person % 2);
                }
                if (is_of(node, ip) &&
                    (is_all || strcmp(word, node->name) == 0 || strcmp(word, device) == 0 ||
                     strcmp(word, group) == 0 ||
                     (strcmp(word, "hubs") == 0 && node->kind == TL_NODE_HUB) ||
                     (strcmp(word, "people") == 0 && node->kind == TL_NODE_DEVICE)))
                        return true;
                if (strcmp(word, node->name) == 0 && node->kind == TL_NODE_SITE &&
                    node_has(model, node, ip))
                        return true;
        }
        for (uint32_t i = 0; i < model->site_count; i++)
                if (site_has(model, &model->sites[i], ip) &&
                    (is_all || strcmp(word, "sites") == 0 || (starts(word, 's') && i == number)))
                        return true;
        if (starts(word, 'v'))
                return wg_ip_equal(&model->services[number].ip4, ip) ||
                       wg_ip_equal(&model->services[number].ip6, ip);
        return starts(word, 'd') && (wg_ip_equal(&model->hosts[number].ip4, ip) ||
                                     wg_ip_equal(&model->hosts[number].ip6, ip));
}

static bool has_port(const struct tl_port_list *ports, uint8_t protocol, uint16_t port)
{
        for (uint32_t i = 0; i < ports->count; i++)
                if (ports->items[i].protocol == protocol && ports->items[i].first <= port &&
                    ports->items[i].last >= port)
                        return true;
        return ports->count == 0;
}

struct packet {
        struct wg_ip from, to;
        uint8_t protocol;
        uint16_t port;
        int number; /* 0: the first one; 1: the reply; 2: the third */
};

static bool rule_allows(const struct tl_model *model, const struct tl_network_rule *rule,
                        const struct packet *packet)
{
        bool is_from = false, is_to = false;

        for (uint32_t i = 0; i < rule->from.count; i++)
                is_from |= word_has(model, rule->from.items[i].text, &packet->from);
        for (uint32_t i = 0; i < rule->to.count; i++) {
                const char *word = rule->to.items[i].text;

                if (!word_has(model, word, &packet->to))
                        continue;
                is_to |= !starts(word, 'v') ||
                         has_port(&model->network->services[atoi(word + 1)].ports, packet->protocol,
                                  packet->port);
        }
        return is_from && is_to && has_port(&rule->ports, packet->protocol, packet->port);
}

static bool policy_allows(const struct tl_model *model, const struct packet *packet)
{
        if (model->network->policy_at.line == 0)
                return true;
        for (uint32_t i = 0; i < model->network->rule_count; i++)
                if (rule_allows(model, &model->network->rules[i], packet))
                        return true;
        return false;
}

/* ---- machines ---- */

struct world {
        const struct tl_model *model;
        struct tl_nodeplan *plans; /* per node */
        struct {
                bool saw_first, saw_reply;
        } routers[MOST_SITES];
        bool is_natted;          /* the destination's node has replaced the source */
        struct wg_ip nat_source; /* by this one; family NONE: its address is not in the file */
        struct wg_ip original;   /* the source before */
        uint32_t nat_node;
        enum tl_cause cause; /* why the packet is gone */
};

/* Where a packet is. */
enum place { AT_DEVICE, AT_ROUTER, AT_NODE, GONE };

struct position {
        enum place place;
        uint32_t site, node; /* of a device or router; of a node */
        struct wg_ip device; /* the address of the device */
        uint32_t came_from;  /* a node: the peer; NONE: not through the tunnel */
};

static struct position gone(struct world *w, enum tl_cause cause)
{
        w->cause = cause;
        return (struct position){.place = GONE};
}

static bool is_ours(const struct tl_model *model, const struct wg_ip *ip)
{
        for (uint32_t i = 0; i < model->lan_count; i++)
                if (wg_prefix_contains(&model->lans[i].prefix, ip))
                        return true;
        return wg_prefix_contains(&model->pool4, ip) || wg_prefix_contains(&model->pool6, ip);
}

static bool on_lan(const struct tl_model *model, uint32_t site, const struct wg_ip *ip)
{
        for (uint32_t i = 0; i < model->lan_count; i++)
                if (model->lans[i].site == site && wg_prefix_contains(&model->lans[i].prefix, ip))
                        return true;
        return false;
}

static struct position to_own_node(const struct world *w, uint32_t site)
{
        return (struct position){
                .place = AT_NODE, .node = w->model->sites[site].node, .came_from = TL_MODEL_NONE};
}

static bool is_nat_source(const struct world *w, uint32_t node, const struct wg_ip *ip)
{
        return w->is_natted && w->nat_node == node && wg_ip_equal(&w->nat_source, ip);
}

static struct position leave_device(struct world *w, const struct position *at,
                                    const struct packet *packet)
{
        const struct tl_site *site = &w->model->sites[at->site];
        enum tl_gateway gateway = site->in_file->gateway;

        if (is_nat_source(w, site->node, &packet->to) || gateway == TL_GATEWAY_SELF ||
            (gateway == TL_GATEWAY_DHCP_121 && is_ours(w->model, &packet->to)))
                return to_own_node(w, at->site);
        return (struct position){.place = AT_ROUTER, .site = at->site};
}

static bool router_knows(const struct world *w, uint32_t index, const struct wg_ip *to)
{
        const struct tl_network_site *site = w->model->sites[index].in_file;

        if (site->gateway == TL_GATEWAY_UNTOUCHABLE)
                return false;
        if (!site->has_routes)
                return is_ours(w->model, to);
        for (uint32_t i = 0; i < site->routes.count; i++)
                if (wg_prefix_contains(&site->routes.items[i].prefix, to))
                        return true;
        return false;
}

/* What conntrack calls invalid, of packets that belong to no connection, or to one of which no
 * reply has been seen. */
static bool is_invalid(const struct world *w, uint32_t site, const struct packet *packet)
{
        if (packet->protocol == WG_PROTOCOL_UDP)
                return false;
        if (packet->number == 1)
                return !w->routers[site].saw_first;
        return packet->number == 2 && packet->protocol == WG_PROTOCOL_TCP &&
               !w->routers[site].saw_reply;
}

static void see(struct world *w, uint32_t site, const struct packet *packet)
{
        w->routers[site].saw_first |= packet->number == 0;
        w->routers[site].saw_reply |= packet->number == 1;
}

static struct position pass_router(struct world *w, const struct position *at,
                                   const struct packet *packet)
{
        const struct tl_network_site *site = w->model->sites[at->site].in_file;

        if (site->gateway == TL_GATEWAY_DROPS_INVALID && is_invalid(w, at->site, packet))
                return gone(w, TL_CAUSE_GATEWAY_DROPS);
        see(w, at->site, packet);
        if (router_knows(w, at->site, &packet->to))
                return to_own_node(w, at->site);
        if (packet->number == 1)
                return gone(w, TL_CAUSE_RETURN_ROUTE);
        return gone(w, site->gateway == TL_GATEWAY_UNTOUCHABLE ? TL_CAUSE_GATEWAY_UNTOUCHABLE
                                                               : TL_CAUSE_GATEWAY_ROUTE);
}

/* The index of the node that has the longest allowed IP for an address, in the plan of another. */
static uint32_t peer_for(const struct world *w, uint32_t node, const struct wg_ip *ip)
{
        const struct tl_change *device = &w->plans[node].device;
        uint32_t best = TL_MODEL_NONE;
        int longest = -1;

        for (uint32_t i = 0; i < device->peer_count; i++) {
                const struct tl_change_peer *peer = tl_change_peer_at(device, i);

                for (uint32_t j = 0; j < peer->allowed_ip_count; j++) {
                        const struct wg_prefix *prefix =
                                &tl_change_peer_allowed_ip(device, peer, j)->prefix;

                        if (!wg_prefix_contains(prefix, ip) || prefix->cidr < longest)
                                continue;
                        longest = prefix->cidr;
                        for (uint32_t k = 0; k < w->model->node_count; k++)
                                if (memcmp(w->model->nodes[k].in_file->key, peer->public_key,
                                           TL_CONF_KEY_LEN) == 0)
                                        best = k;
                }
        }
        return best;
}

static bool is_routed(const struct world *w, uint32_t node, const struct wg_ip *to)
{
        const struct tl_nodeplan *plan = &w->plans[node];

        for (uint32_t i = 0; i < plan->route_count; i++)
                if (plan->routes[i].kind == TL_PLANNED_LINK &&
                    wg_prefix_contains(&plan->routes[i].prefix, to))
                        return true;
        return false;
}

static bool has_key(const struct world *w, uint32_t node)
{
        return w->model->nodes[node].in_file->key_at.line != 0;
}

/* Whether a node sends a packet into its LAN through the router of the LAN. */
static bool goes_through_router(const struct world *w, const struct position *at,
                                const struct packet *packet)
{
        const struct tl_nodeplan *plan = &w->plans[at->node];

        if (at->came_from == TL_MODEL_NONE && !is_of(&w->model->nodes[at->node], &packet->from))
                return false;
        for (uint32_t i = 0; i < plan->route_count; i++)
                if (plan->routes[i].kind == TL_PLANNED_GATEWAY &&
                    wg_prefix_contains(&plan->routes[i].prefix, &packet->to))
                        return true;
        return false;
}

static struct position into_lan(struct world *w, const struct position *at, struct packet *packet)
{
        uint32_t site = w->model->nodes[at->node].site;

        if (goes_through_router(w, at, packet)) {
                if (is_invalid(w, site, packet))
                        return gone(w, TL_CAUSE_GATEWAY_DROPS);
                see(w, site, packet);
        }

        if (packet->number == 0 && at->came_from != TL_MODEL_NONE &&
            w->model->sites[site].in_file->gateway == TL_GATEWAY_UNTOUCHABLE) {
                w->is_natted = true;
                w->nat_node = at->node;
                w->original = packet->from;
                w->nat_source = (struct wg_ip){0};
                for (uint32_t i = 0; i < w->model->lan_count; i++)
                        if (w->model->lans[i].site == site &&
                            wg_prefix_contains(&w->model->lans[i].prefix, &packet->to))
                                w->nat_source = w->model->lans[i].node_at;
                packet->from = w->nat_source;
        }
        return (struct position){.place = AT_DEVICE, .site = site, .device = packet->to};
}

/* A node, with a packet that has come from somewhere. Returns where it goes; itself if it is for
 * the node. */
static struct position pass_node(struct world *w, struct position *at, struct packet *packet)
{
        const struct tl_node *node = &w->model->nodes[at->node];
        uint32_t next;

        if (!has_key(w, at->node))
                return gone(w, TL_CAUSE_NO_KEY);
        if (at->came_from != TL_MODEL_NONE) {
                if (peer_for(w, at->node, &packet->from) != at->came_from)
                        return gone(w, TL_CAUSE_ALLOWED_IPS);
                if (packet->number != 1 && !node->is_stock && !policy_allows(w->model, packet))
                        return gone(w, TL_CAUSE_POLICY);
        } else if (is_nat_source(w, at->node, &packet->to)) {
                packet->to = w->original;
        }
        if (node_has(w->model, node, &packet->to))
                return *at;
        if (node->site != TL_MODEL_NONE && on_lan(w->model, node->site, &packet->to))
                return into_lan(w, at, packet);
        next = peer_for(w, at->node, &packet->to);
        if (next == TL_MODEL_NONE || !is_routed(w, at->node, &packet->to)) {
                /* Peers without a key are left out of plans. */
                for (uint32_t i = 0; i < w->model->node_count; i++)
                        if (!has_key(w, i))
                                return gone(w, TL_CAUSE_NO_KEY);
                return gone(w, TL_CAUSE_ALLOWED_IPS);
        }
        return (struct position){.place = AT_NODE, .node = next, .came_from = at->node};
}

/* Sends a packet until it arrives. Returns false, with a cause, if it does not. The packet is
 * changed by NAT. */
static bool deliver(struct world *w, struct position at, struct packet *packet)
{
        bool has_left = false;

        for (int hops = 0; hops < 20; hops++) {
                struct position next;

                switch (at.place) {
                case AT_DEVICE:
                        if (has_left)
                                return true;
                        next = leave_device(w, &at, packet);
                        break;
                case AT_ROUTER:
                        next = pass_router(w, &at, packet);
                        break;
                case AT_NODE:
                        next = pass_node(w, &at, packet);
                        if (next.place == AT_NODE && next.node == at.node)
                                return true;
                        break;
                case GONE:
                        return false;
                }
                has_left = true;
                at = next;
        }
        w->cause = TL_CAUSE_ALLOWED_IPS;
        return false;
}

/* Where an address is. Returns false if nothing has it. */
static bool locate(const struct world *w, const struct wg_ip *ip, struct position *at)
{
        for (uint32_t i = 0; i < w->model->node_count; i++)
                if (node_has(w->model, &w->model->nodes[i], ip)) {
                        *at = (struct position){
                                .place = AT_NODE, .node = i, .came_from = TL_MODEL_NONE};
                        return true;
                }
        for (uint32_t i = 0; i < w->model->site_count; i++)
                if (on_lan(w->model, i, ip)) {
                        *at = (struct position){.place = AT_DEVICE, .site = i, .device = *ip};
                        return true;
                }
        return false;
}

static uint32_t node_of(const struct world *w, const struct position *at)
{
        return at->place == AT_NODE ? at->node : w->model->sites[at->site].node;
}

static enum tl_cause connect_naively(struct world *w, const struct wg_ip *from,
                                     const struct wg_ip *to, uint8_t protocol, uint16_t port)
{
        struct packet first = {*from, *to, protocol, port, 0}, reply;
        struct packet third = {*from, *to, protocol, port, 2};
        struct position source, destination;

        w->is_natted = false;
        memset(w->routers, 0, sizeof(w->routers));
        if (!locate(w, from, &source) || !locate(w, to, &destination))
                return TL_CAUSE_NOT_IN_NETWORK;
        if (from->family != to->family)
                return TL_CAUSE_NO_FAMILY;
        if (wg_ip_equal(from, to) || (source.place == AT_NODE && destination.place == AT_NODE &&
                                      source.node == destination.node))
                return TL_CAUSE_SAME;
        if (node_of(w, &source) == node_of(w, &destination)) {
                const struct tl_node *node = &w->model->nodes[node_of(w, &source)];

                /* The node's address in the tunnel is not in the LAN, but the node is. */
                if (source.place == AT_NODE ||
                    (!wg_ip_equal(to, &node->ip4) && !wg_ip_equal(to, &node->ip6)))
                        return TL_CAUSE_SAME_LAN;
                reply = (struct packet){*to, *from, protocol, port, 1};
                return deliver(w, source, &first) && deliver(w, destination, &reply) &&
                                       deliver(w, source, &third)
                               ? TL_CAUSE_NONE
                               : w->cause;
        }
        if (!deliver(w, source, &first))
                return w->cause;
        reply = (struct packet){*to, first.from, protocol, port, 1};
        if (!deliver(w, destination, &reply) || !deliver(w, source, &third))
                return w->cause;
        return TL_CAUSE_NONE;
}

/* ---- the comparison ---- */

static struct wg_ip pick_address(const struct tl_model *model, struct test_env *t)
{
        const struct tl_lan *lan = &model->lans[test_env_below(t, model->lan_count)];
        const struct tl_node *node = &model->nodes[test_env_below(t, model->node_count)];
        const struct tl_host *host = &model->hosts[test_env_below(t, model->host_count)];
        struct wg_ip ip = lan->prefix.ip;

        switch (test_env_below(t, 12)) {
        case 0:
        case 1:
        case 2:
                return node->ip4;
        case 3:
                return node->ip6;
        case 4:
                if (lan->node_at.family != WG_FAMILY_NONE)
                        return lan->node_at;
                break;
        case 5:
        case 6:
        case 7:
                if (host->ip4.family != WG_FAMILY_NONE)
                        return host->ip4;
                break;
        case 8:
                if (host->ip6.family != WG_FAMILY_NONE)
                        return host->ip6;
                break;
        case 9:
                if (chance(t, 30))
                        return model->pool4.ip; /* nobody's */
                break;
        default:
                break;
        }
        ip.bytes[ip.family == WG_FAMILY_IPV4 ? 3 : 15] = (uint8_t)(20 + test_env_below(t, 200));
        return ip;
}

/* Returns the cause in which all agree. */
static enum tl_cause compare(struct world *w, struct test_planned *planned, struct test_env *t,
                             const char *yaml)
{
        static const struct {
                uint8_t protocol;
                uint16_t port;
                const char *text;
        } ways[] = {{WG_PROTOCOL_ICMP, 0, ""},
                    {WG_PROTOCOL_TCP, 443, ":443"},
                    {WG_PROTOCOL_TCP, 22, ":22"},
                    {WG_PROTOCOL_UDP, 53, ":53/udp"}};
        uint32_t way = test_env_below(t, WG_ARRAY_SIZE(ways));
        struct wg_ip from = pick_address(w->model, t), to = pick_address(w->model, t);
        enum tl_cause cause, expected;
        char source[TL_ADDRESS_IP_SIZE], destination[TL_ADDRESS_IP_SIZE], text[160];
        struct tl_explanation explanation;
        struct tl_flow flow;
        size_t offset;
        bool reaches;

        expected = connect_naively(w, &from, &to, ways[way].protocol, ways[way].port);
        reaches = tl_explain_reaches(&planned->plans, &from, &to, ways[way].protocol,
                                     ways[way].port, &cause);
        tl_address_format_ip(source, &from);
        tl_address_format_ip(destination, &to);
        snprintf(text, sizeof(text), ways[way].port ? "%s -> [%s]%s" : "%s -> %s%s", source,
                 destination, ways[way].text);
        if (to.family == WG_FAMILY_IPV4)
                snprintf(text, sizeof(text), "%s -> %s%s", source, destination, ways[way].text);
        assert_null(tl_flow_parse((struct tl_text){text, strlen(text)}, &flow, &offset));
        assert_true(tl_explain(&explanation, &planned->plans, &flow, (struct tl_place){0},
                               &planned->office.findings));
        if (cause != expected || explanation.cause != cause ||
            explanation.is_reachable != reaches ||
            reaches != (cause == TL_CAUSE_NONE || cause == TL_CAUSE_SAME ||
                        cause == TL_CAUSE_SAME_LAN))
                fail_msg("%s: the walk says %s, the explanation %s, the twin %s, in\n%s", text,
                         tl_cause_name(cause), tl_cause_name(explanation.cause),
                         tl_cause_name(expected), yaml);
        tl_explain_done(&explanation);
        return cause;
}

static void test_twin(void **state WG_UNUSED)
{
        static const enum tl_cause common[] = {TL_CAUSE_NONE,          TL_CAUSE_SAME,
                                               TL_CAUSE_SAME_LAN,      TL_CAUSE_POLICY,
                                               TL_CAUSE_GATEWAY_ROUTE, TL_CAUSE_GATEWAY_UNTOUCHABLE,
                                               TL_CAUSE_RETURN_ROUTE,  TL_CAUSE_NO_FAMILY,
                                               TL_CAUSE_NO_KEY,        TL_CAUSE_NOT_IN_NETWORK};
        uint64_t seed = test_seed("explain twin");
        static char yaml[16384];
        uint32_t seen = 0; /* bits of causes */

        for (uint32_t i = 0; i < NETWORKS; i++) {
                struct test_planned planned;
                struct tl_writer out;
                struct test_env t;
                struct world w = {0};

                test_env_init(&t, seed + i);
                tl_writer_init(&out, yaml, sizeof(yaml));
                write_network(&out, &t);
                test_planned_init(&planned, yaml);
                w.model = &planned.office.model;
                w.plans = test_calloc(w.model->node_count, sizeof(*w.plans));
                for (uint32_t node = 0; node < w.model->node_count; node++)
                        assert_true(tl_nodeplan_make(&w.plans[node], w.model, &planned.policy, node,
                                                     NULL, &planned.office.findings));
                for (uint32_t pair = 0; pair < PAIRS; pair++)
                        seen |= 1u << compare(&w, &planned, &t, yaml);
                for (uint32_t node = 0; node < w.model->node_count; node++)
                        tl_nodeplan_done(&w.plans[node]);
                test_free(w.plans);
                test_planned_done(&planned);
        }
        for (size_t i = 0; i < WG_ARRAY_SIZE(common); i++)
                assert_true(seen & 1u << common[i]);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_twin),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
