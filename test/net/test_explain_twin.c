/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * test_explain_twin.c - net/explain.h against packets that are sent through random networks: with
 * LANs that overlap, machines in networks of their own, addresses that stand for others, and all
 * kinds of gateways.
 *
 * The twin knows machines (devices, routers, nodes), each of which takes a packet and passes it on.
 * Routers that drop invalid packets remember the connections they have seen; nodes have a table of
 * translations. It shares with explain only the prefixes of the model and the plans of nodes, in
 * which it searches one by one; rules are read from the file.
 */
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

/* IPv4 LANs, most of which are unique. The first address of the bytes is that of the network. */
struct lan {
        unsigned int bytes[4], cidr;
};

static struct lan pick_lan(struct test_env *t, unsigned int i)
{
        static const struct lan shared[] = {
                {{192, 168, 1, 0}, 24},   {{192, 168, 1, 0}, 24}, {{192, 168, 0, 0}, 23},
                {{192, 168, 2, 128}, 25}, {{192, 168, 2, 0}, 24}, {{10, 70, 0, 128}, 25},
        };

        if (chance(t, 35))
                return shared[test_env_below(t, WG_ARRAY_SIZE(shared))];
        return (struct lan){{192, 168, 10 + i, 0}, 24};
}

static void write_ip(struct tl_writer *out, const struct lan *lan, unsigned int host)
{
        tl_writer_add(out, "%u.%u.%u.%u", lan->bytes[0], lan->bytes[1], lan->bytes[2],
                      lan->bytes[3] + host);
}

static void write_lan(struct tl_writer *out, const struct lan *lan)
{
        write_ip(out, lan, 0);
        tl_writer_add(out, "/%u", lan->cidr);
}

static void write_routes(struct tl_writer *out, struct test_env *t)
{
        static const char *const extra[] = {"10.70.0.0/24", "10.70.0.0/29", "10.200.0.0/16",
                                            "10.200.1.0/24", "192.168.0.0/22"};
        const char *before = "";

        tl_writer_add(out, ", gateway: {kind: %s, routes: [",
                      chance(t, 70) ? "static-routes" : "drops-invalid");
        for (unsigned int i = 0; i < MOST_SITES; i++) {
                if (!chance(t, 60))
                        continue;
                tl_writer_add(out, "%s192.168.%u.0/24, \"fd77:%u::/64\"", before, 10 + i, i);
                before = ", ";
        }
        for (size_t i = 0; i < WG_ARRAY_SIZE(extra); i++)
                if (chance(t, 50)) {
                        tl_writer_add(out, "%s%s", before, extra[i]);
                        before = ", ";
                }
        tl_writer_add(out, "]}");
}

struct sites {
        bool has_ip4[MOST_SITES];
        unsigned int count;
};

/* What stands in for machines elsewhere: a range, or single addresses and a block. */
static void write_virtual(struct tl_writer *out, struct test_env *t, const struct lan *lan,
                          unsigned int i, const struct sites *sites)
{
        unsigned int other = test_env_below(t, sites->count);

        tl_writer_add(out, ", virtual: ");
        if (chance(t, 50) || other == i) {
                write_ip(out, lan, 64);
                tl_writer_add(out, "/27");
                return;
        }
        tl_writer_add(out, "{");
        write_ip(out, lan, 65);
        tl_writer_add(out, ": %s%u", sites->has_ip4[other] ? "d" : "n", other);
        if (chance(t, 50)) {
                tl_writer_add(out, ", ");
                write_ip(out, lan, 80);
                tl_writer_add(out, "/28: 10.70.0.0/28");
        }
        if (chance(t, 50)) {
                tl_writer_add(out, ", ");
                write_ip(out, lan, 96);
                tl_writer_add(out, "/28: auto");
        }
        tl_writer_add(out, "}");
}

static void write_site(struct tl_writer *out, struct test_env *t, unsigned int i, unsigned int hubs,
                       const struct sites *sites)
{
        bool has_ip4 = sites->has_ip4[i], has_ip6 = !has_ip4 || chance(t, 40);
        struct lan lan = pick_lan(t, i);
        const char *gateway = pick_gateway(t);
        bool has_virtual = has_ip4 && chance(t, 30);

        tl_writer_add(out, "  s%u: {lan: [", i);
        if (has_ip4)
                write_lan(out, &lan);
        if (has_ip6)
                tl_writer_add(out, "%s\"fd77:%u::/64\"", has_ip4 ? ", " : "", i);
        tl_writer_add(out, "], ");
        write_key(out, t, 1000 + i);
        if (chance(t, 70) && has_ip4) {
                tl_writer_add(out, ", node: {name: n%u, at: [", i);
                write_ip(out, &lan, 2);
                if (has_ip6)
                        tl_writer_add(out, ", \"fd77:%u::2\"", i);
                tl_writer_add(out, "]}");
        } else {
                tl_writer_add(out, ", node: n%u", i);
        }
        if (hubs == 0 || chance(t, 25))
                tl_writer_add(out, ", endpoint: \"203.0.113.%u\"", 100 + i);
        if (hubs > 0)
                tl_writer_add(out, ", hub: z%u", test_env_below(t, hubs));
        if (has_virtual)
                tl_writer_add(out, ", gateway: untouchable");
        else if (chance(t, 25))
                write_routes(out, t);
        else if (chance(t, 80))
                tl_writer_add(out, ", gateway: %s", gateway);
        if (has_virtual)
                write_virtual(out, t, &lan, i, sites);
        tl_writer_add(out, ", devices: {d%u: [", i);
        if (has_ip4)
                write_ip(out, &lan, 10);
        if (has_ip6)
                tl_writer_add(out, "%s\"fd77:%u::10\"", has_ip4 ? ", " : "", i);
        tl_writer_add(out, "]}}\n");
}

/* A home network, which may have the prefix of a LAN. */
static void write_home(struct tl_writer *out, struct test_env *t)
{
        static const char *const homes[] = {"192.168.1.0/24", "192.168.11.0/24", "192.168.10.0/23",
                                            "172.17.0.0/16"};

        if (chance(t, 40))
                tl_writer_add(out, ", lan: %s", homes[test_env_below(t, WG_ARRAY_SIZE(homes))]);
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
        struct sites all = {.count = sites};
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
                all.has_ip4[i] = chance(t, 85);
        for (unsigned int i = 0; i < sites; i++)
                write_site(out, t, i, hubs, &all);
        tl_writer_add(out, "%s", people ? "people:\n" : "");
        for (unsigned int i = 0; i < people; i++) {
                tl_writer_add(out, "  p%u: {groups: [g%u], devices: {x: {hub: z%u, ", i, i % 2,
                              test_env_below(t, hubs));
                write_key(out, t, 3000 + i);
                write_home(out, t);
                tl_writer_add(out, "}, y: {hub: z%u, stock: true, ", test_env_below(t, hubs));
                write_key(out, t, 4000 + i);
                write_home(out, t);
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

/* ---- addresses ---- */

/* The address with the host bits of one in `from`, in `to`. */
static struct wg_ip move_ip(const struct wg_ip *ip, const struct wg_prefix *from,
                            const struct wg_prefix *to)
{
        struct wg_ip moved = *ip;

        for (unsigned int i = 0; i < wg_ip_bits(ip); i++) {
                uint8_t bit = (uint8_t)(0x80 >> i % 8);

                if (i >= from->cidr)
                        continue;
                moved.bytes[i / 8] = (uint8_t)((moved.bytes[i / 8] & ~bit) |
                                               (to->ip.bytes[i / 8] & bit));
        }
        return moved;
}

/* Whether an address in the tunnel is that of a machine, which has another one in its LAN. */
static bool is_known_as(const struct tl_lan *lan, const struct wg_ip *own, const struct wg_ip *ip)
{
        struct wg_ip wire, mapped;

        if (own->family == WG_FAMILY_NONE || own->family != ip->family ||
            !wg_prefix_contains(&lan->prefix, own))
                return false;
        wire = move_ip(own, &lan->prefix, &lan->wire);
        mapped = move_ip(own, &lan->prefix, &lan->mapped);
        return wg_ip_equal(&wire, ip) ||
               (lan->mapped.ip.family != WG_FAMILY_NONE && wg_ip_equal(&mapped, ip));
}

static bool lan_has(const struct tl_lan *lan, const struct wg_ip *ip)
{
        return wg_prefix_contains(&lan->wire, ip) || wg_prefix_contains(&lan->mapped, ip);
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
                if (lan_has(&model->lans[site->lan_first + i], ip))
                        return true;
        return is_of(&model->nodes[site->node], ip);
}

/* As policies see it. */
static bool node_is_at(const struct tl_model *model, const struct tl_node *node,
                       const struct wg_ip *ip)
{
        for (uint32_t i = 0; i < model->lan_count; i++)
                if (model->lans[i].site == node->site &&
                    is_known_as(&model->lans[i], &model->lans[i].node_at, ip))
                        return true;
        return is_of(node, ip);
}

static bool host_is_at(const struct tl_model *model, const struct tl_host *host,
                       const struct wg_ip *ip)
{
        for (uint32_t i = 0; i < model->lan_count; i++)
                if (model->lans[i].site == host->site &&
                    (is_known_as(&model->lans[i], &host->ip4, ip) ||
                     is_known_as(&model->lans[i], &host->ip6, ip)))
                        return true;
        return false;
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
                    node_is_at(model, node, ip))
                        return true;
        }
        for (uint32_t i = 0; i < model->site_count; i++)
                if (site_has(model, &model->sites[i], ip) &&
                    (is_all || strcmp(word, "sites") == 0 || (starts(word, 's') && i == number)))
                        return true;
        if (starts(word, 'v')) /* is at the device whose number the file gives */
                number = (uint32_t)strtoul(model->services[number].in_file->at.text + 1, NULL, 10);
        return (starts(word, 'v') || starts(word, 'd')) &&
               host_is_at(model, &model->hosts[number], ip);
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

enum { MOST_NODES = 3 + MOST_SITES + 2 * MOST_PEOPLE, ENTRIES = 8 };

/* A connection in the table of a node: its addresses as the first packet comes, and as it goes. */
struct entry {
        struct wg_ip from, to, new_from, new_to;
};

struct table {
        struct entry entries[ENTRIES];
        unsigned int count;
};

struct world {
        const struct tl_model *model;
        struct tl_nodeplan *plans; /* per node */
        struct {
                bool saw_first, saw_reply;
        } routers[MOST_SITES];
        struct table tables[MOST_NODES];
        enum tl_cause cause; /* why the packet is gone */
};

/* Where a packet is. */
enum place { AT_DEVICE, AT_ROUTER, AT_NODE, GONE };

struct position {
        enum place place;
        uint32_t site, node; /* of a device or router; of a node */
        struct wg_ip device; /* the address of the device, in its LAN */
        uint32_t came_from;  /* a node: the peer; NONE: not through the tunnel */
        bool is_origin;      /* a node: it has made the packet */
        bool is_inbound;     /* a router: the packet is for a device of its LAN */
};

static struct position gone(struct world *w, enum tl_cause cause)
{
        w->cause = cause;
        return (struct position){.place = GONE};
}

/* The LAN of a site that an address is in; NULL: none. */
static const struct tl_lan *lan_at(const struct tl_model *model, uint32_t site,
                                   const struct wg_ip *ip)
{
        for (uint32_t i = 0; i < model->lan_count; i++)
                if (model->lans[i].site == site && wg_prefix_contains(&model->lans[i].prefix, ip))
                        return &model->lans[i];
        return NULL;
}

static bool node_has(const struct tl_model *model, const struct tl_node *node,
                     const struct wg_ip *ip)
{
        for (uint32_t i = 0; i < model->lan_count; i++)
                if (model->lans[i].site == node->site && wg_ip_equal(&model->lans[i].node_at, ip))
                        return true;
        return is_of(node, ip);
}

static bool has_key(const struct world *w, uint32_t node)
{
        return w->model->nodes[node].in_file->key_at.line != 0;
}

static struct position to_own_node(const struct world *w, uint32_t site)
{
        return (struct position){
                .place = AT_NODE, .node = w->model->sites[site].node, .came_from = TL_MODEL_NONE};
}

/* What stands in the LANs of a site at an address; NULL: nothing does. */
static const struct tl_stand_in *stand_in_at(const struct tl_model *model, uint32_t site,
                                             const struct wg_ip *ip)
{
        for (uint32_t i = 0; i < model->stand_in_count; i++)
                if (model->lans[model->stand_ins[i].lan].site == site &&
                    wg_prefix_contains(&model->stand_ins[i].here, ip))
                        return &model->stand_ins[i];
        return NULL;
}

/* ---- devices and routers ---- */

/* Whether routers and DHCP servers have a route, if the file lists none: what is needed. */
static bool is_needed(const struct tl_model *model, uint32_t site, const struct wg_ip *to)
{
        for (uint32_t i = 0; i < model->lan_count; i++)
                if (model->lans[i].site != site && wg_prefix_contains(&model->lans[i].wire, to))
                        return true;
        return wg_prefix_contains(&model->pool4, to) || wg_prefix_contains(&model->pool6, to);
}

static bool router_knows(const struct world *w, uint32_t index, const struct wg_ip *to)
{
        const struct tl_network_site *site = w->model->sites[index].in_file;

        if (site->gateway == TL_GATEWAY_UNTOUCHABLE || site->gateway == TL_GATEWAY_DHCP_121)
                return false;
        if (!site->has_routes)
                return is_needed(w->model, index, to);
        for (uint32_t i = 0; i < site->routes.count; i++)
                if (wg_prefix_contains(&site->routes.items[i].prefix, to))
                        return true;
        return false;
}

/* Masquerading hides a source behind an address of the node that the file may not give: family
 * NONE. */
static struct position leave_device(struct world *w, const struct position *at,
                                    const struct packet *packet)
{
        const struct tl_network_site *site = w->model->sites[at->site].in_file;
        const struct tl_node *node = &w->model->nodes[w->model->sites[at->site].node];

        if (packet->to.family == WG_FAMILY_NONE || stand_in_at(w->model, at->site, &packet->to))
                return to_own_node(w, at->site);
        if (lan_at(w->model, at->site, &packet->to)) {
                if (node_has(w->model, node, &packet->to))
                        return to_own_node(w, at->site);
                return gone(w, TL_CAUSE_OVERLAP);
        }
        if (site->gateway == TL_GATEWAY_SELF ||
            (site->gateway == TL_GATEWAY_DHCP_121 && is_needed(w->model, at->site, &packet->to)))
                return to_own_node(w, at->site);
        return (struct position){.place = AT_ROUTER, .site = at->site};
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

static struct position pass_router(struct world *w, const struct position *at,
                                   const struct packet *packet)
{
        const struct tl_network_site *site = w->model->sites[at->site].in_file;

        if (!at->is_inbound && !router_knows(w, at->site, &packet->to)) {
                if (packet->number == 1)
                        return gone(w, TL_CAUSE_RETURN_ROUTE);
                return gone(w, site->gateway == TL_GATEWAY_UNTOUCHABLE
                                       ? TL_CAUSE_GATEWAY_UNTOUCHABLE
                                       : TL_CAUSE_GATEWAY_ROUTE);
        }
        if (site->gateway == TL_GATEWAY_DROPS_INVALID && is_invalid(w, at->site, packet))
                return gone(w, TL_CAUSE_GATEWAY_DROPS);
        w->routers[at->site].saw_first |= packet->number == 0;
        w->routers[at->site].saw_reply |= packet->number == 1;
        if (at->is_inbound)
                return (struct position){
                        .place = AT_DEVICE, .site = at->site, .device = packet->to};
        return to_own_node(w, at->site);
}

/* ---- nodes: routes and peers ---- */

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

static const struct tl_planned_route *route_in(const struct tl_nodeplan *plan,
                                               enum tl_planned_table table, const struct wg_ip *to)
{
        const struct tl_planned_route *best = NULL;

        for (uint32_t i = 0; i < plan->route_count; i++) {
                const struct tl_planned_route *route = &plan->routes[i];

                if (route->table == table && wg_prefix_contains(&route->prefix, to) &&
                    (!best || route->prefix.cidr > best->prefix.cidr ||
                     (route->prefix.cidr == best->prefix.cidr && route->metric < best->metric)))
                        best = route;
        }
        return best;
}

static bool is_within(const struct wg_prefix *prefix, const struct wg_ip *ip)
{
        return prefix->ip.family == WG_FAMILY_NONE || wg_prefix_contains(prefix, ip);
}

/* The route of a table that a rule leads to; NULL: none. */
static const struct tl_planned_route *ruled_route(const struct tl_nodeplan *plan,
                                                  enum tl_planned_table table,
                                                  const struct packet *packet, bool is_from_link)
{
        for (uint32_t i = 0; i < plan->rule_count; i++) {
                const struct tl_planned_rule *rule = &plan->rules[i];

                if (rule->table == table && rule->family == packet->to.family &&
                    (is_from_link || !rule->is_from_link) &&
                    is_within(&rule->from, &packet->from) && is_within(&rule->to, &packet->to) &&
                    route_in(plan, table, &packet->to))
                        return route_in(plan, table, &packet->to);
        }
        return NULL;
}

/* Where a node's kernel sends a packet. */
enum exit { EXIT_TUNNEL, EXIT_LAN, EXIT_ROUTER, EXIT_ELSEWHERE, EXIT_NOWHERE };

static enum exit find_exit(const struct world *w, uint32_t node, const struct packet *packet,
                           bool is_from_link)
{
        const struct tl_nodeplan *plan = &w->plans[node];
        const struct tl_planned_route *route = ruled_route(plan, TL_PLANNED_HIDDEN, packet,
                                                           is_from_link);
        enum exit own = EXIT_NOWHERE;
        int longest = -1;

        if (!route)
                route = ruled_route(plan, TL_PLANNED_RETURN, packet, is_from_link);
        if (!route) {
                for (uint32_t i = 0; i < w->model->lan_count; i++) {
                        const struct tl_lan *lan = &w->model->lans[i];

                        if (lan->site != w->model->nodes[node].site ||
                            !wg_prefix_contains(&lan->prefix, &packet->to) ||
                            lan->prefix.cidr < longest)
                                continue;
                        own = EXIT_LAN;
                        longest = lan->prefix.cidr;
                }
                for (uint32_t i = 0; i < w->model->presence_count; i++) {
                        const struct tl_presence *presence = &w->model->presences[i];

                        if (presence->node != node ||
                            !wg_prefix_contains(&presence->prefix, &packet->to) ||
                            presence->prefix.cidr <= longest)
                                continue;
                        own = EXIT_ELSEWHERE;
                        longest = presence->prefix.cidr;
                }
                route = route_in(plan, TL_PLANNED_MAIN, &packet->to);
                if (!route || route->prefix.cidr <= longest)
                        return own;
        }
        switch (route->kind) {
        case TL_PLANNED_LINK:
                return EXIT_TUNNEL;
        case TL_PLANNED_GATEWAY:
                return EXIT_ROUTER;
        case TL_PLANNED_UNREACHABLE:
                break;
        }
        return EXIT_NOWHERE;
}

/* ---- nodes: translation ---- */

/* The destination of a new connection. */
static struct wg_ip new_destination(const struct world *w, const struct position *at,
                                    const struct packet *packet)
{
        uint32_t site = w->model->nodes[at->node].site;
        const struct tl_stand_in *stand_in;

        if (site == TL_MODEL_NONE || at->is_origin)
                return packet->to;
        if (at->came_from == TL_MODEL_NONE) {
                stand_in = stand_in_at(w->model, site, &packet->to);
                return stand_in ? move_ip(&packet->to, &stand_in->here, &stand_in->there)
                                : packet->to;
        }
        for (uint32_t i = 0; i < w->model->lan_count; i++) {
                const struct tl_lan *lan = &w->model->lans[i];

                if (lan->site == site && wg_prefix_contains(&lan->mapped, &packet->to))
                        return move_ip(&packet->to, &lan->mapped, &lan->prefix);
        }
        return packet->to;
}

/* Whether the file says that a device is in a network with the addresses of a LAN. */
static bool is_confused_by(const struct tl_model *model, const struct wg_ip *device,
                           const struct tl_lan *lan)
{
        for (uint32_t i = 0; i < model->presence_count; i++) {
                const struct tl_presence *presence = &model->presences[i];

                if (presence->is_declared && is_of(&model->nodes[presence->node], device) &&
                    wg_prefix_overlaps(&presence->prefix, &lan->wire))
                        return true;
        }
        return false;
}

/* The source of a new connection, once it is known where it leaves. */
static struct wg_ip new_source(const struct world *w, const struct position *at,
                               const struct packet *packet, enum exit out)
{
        const struct tl_node *node = &w->model->nodes[at->node];
        const struct tl_lan *lan;

        if (packet->from.family == WG_FAMILY_NONE && at->is_origin)
                return packet->to.family == WG_FAMILY_IPV4 ? node->ip4 : node->ip6;
        if (node->site == TL_MODEL_NONE)
                return packet->from;
        if (out == EXIT_TUNNEL) {
                lan = lan_at(w->model, node->site, &packet->from);
                if (lan && lan->mapped.ip.family != WG_FAMILY_NONE &&
                    (!wg_ip_equal(&lan->wire.ip, &lan->prefix.ip) ||
                     is_confused_by(w->model, &packet->to, lan)))
                        return move_ip(&packet->from, &lan->prefix, &lan->mapped);
                return packet->from;
        }
        if (at->came_from == TL_MODEL_NONE ||
            w->model->sites[node->site].in_file->gateway != TL_GATEWAY_UNTOUCHABLE)
                return packet->from;
        return lan_at(w->model, node->site, &packet->to)->node_at;
}

/* The entry of a packet, and whether it is a reply. NULL: it begins a connection. */
static const struct entry *find_entry(const struct table *table, const struct packet *packet,
                                      bool *is_reply)
{
        for (unsigned int i = 0; i < table->count; i++) {
                const struct entry *entry = &table->entries[i];

                *is_reply = wg_ip_equal(&entry->new_to, &packet->from) &&
                            wg_ip_equal(&entry->new_from, &packet->to);
                if (*is_reply || (wg_ip_equal(&entry->from, &packet->from) &&
                                  wg_ip_equal(&entry->to, &packet->to)))
                        return entry;
        }
        return NULL;
}

/* ---- nodes ---- */

static struct position lost(struct world *w, uint32_t node, const struct wg_ip *to)
{
        /* A network with a part of a LAN hides all of it. */
        for (uint32_t i = 0; i < w->model->presence_count; i++)
                for (uint32_t k = 0; k < w->model->lan_count; k++)
                        if (w->model->presences[i].node == node &&
                            wg_prefix_contains(&w->model->lans[k].wire, to) &&
                            wg_prefix_overlaps(&w->model->presences[i].prefix,
                                               &w->model->lans[k].wire))
                                return gone(w, TL_CAUSE_OVERLAP);
        /* Peers without a key are left out of plans. */
        for (uint32_t i = 0; i < w->model->node_count; i++)
                if (!has_key(w, i))
                        return gone(w, TL_CAUSE_NO_KEY);
        return gone(w, TL_CAUSE_ALLOWED_IPS);
}

/* A packet leaves a node. */
static struct position leave_node(struct world *w, const struct position *at,
                                  const struct packet *packet, enum exit out)
{
        uint32_t site = w->model->nodes[at->node].site, next;

        switch (out) {
        case EXIT_TUNNEL:
                next = peer_for(w, at->node, &packet->to);
                if (next == TL_MODEL_NONE)
                        return lost(w, TL_MODEL_NONE, &packet->to);
                return (struct position){.place = AT_NODE, .node = next, .came_from = at->node};
        case EXIT_LAN:
                return (struct position){.place = AT_DEVICE, .site = site, .device = packet->to};
        case EXIT_ROUTER:
                return (struct position){.place = AT_ROUTER, .site = site, .is_inbound = true};
        case EXIT_ELSEWHERE:
                return gone(w, TL_CAUSE_OVERLAP);
        case EXIT_NOWHERE:
                break;
        }
        return lost(w, at->node, &packet->to);
}

/* A node, with a packet that has come from somewhere. Returns where it goes; itself if it is for
 * the node. Destinations are translated before routing, and sources after it. */
static struct position pass_node(struct world *w, const struct position *at, struct packet *packet)
{
        const struct tl_node *node = &w->model->nodes[at->node];
        struct table *table = &w->tables[at->node];
        bool is_reply = false, is_tunnelled = at->came_from != TL_MODEL_NONE;
        const struct entry *entry;
        struct entry new = {.from = packet->from, .to = packet->to};
        enum exit out;

        if (!has_key(w, at->node))
                return gone(w, TL_CAUSE_NO_KEY);
        if (is_tunnelled && peer_for(w, at->node, &packet->from) != at->came_from)
                return gone(w, TL_CAUSE_ALLOWED_IPS);
        if (is_tunnelled && packet->number != 1 && !node->is_stock &&
            !policy_allows(w->model, packet))
                return gone(w, TL_CAUSE_POLICY);
        entry = find_entry(table, packet, &is_reply);
        if (entry)
                packet->to = is_reply ? entry->from : entry->new_to;
        else
                packet->to = new_destination(w, at, packet);
        out = node_has(w->model, node, &packet->to) && !at->is_origin
                      ? EXIT_LAN /* it stays here */
                      : find_exit(w, at->node, packet, is_tunnelled);
        if (entry) {
                packet->from = is_reply ? entry->to : entry->new_from;
        } else {
                if (!node_has(w->model, node, &packet->to))
                        packet->from = new_source(w, at, packet, out);
                new.new_from = packet->from;
                new.new_to = packet->to;
                if (new.from.family == WG_FAMILY_NONE)
                        new.from = packet->from;
                assert_true(table->count < ENTRIES);
                table->entries[table->count++] = new;
        }
        if (node_has(w->model, node, &packet->to))
                return *at;
        return leave_node(w, at, packet, out);
}

/* Sends a packet until it arrives, and tells where. Returns false, with a cause, if it does not.
 * The packet is changed by NAT. */
static bool deliver(struct world *w, struct position at, struct packet *packet,
                    struct position *arrived)
{
        bool has_left = false;

        at.is_origin = at.place == AT_NODE;
        for (int hops = 0; hops < 20; hops++) {
                struct position next = at;

                switch (at.place) {
                case AT_DEVICE:
                        if (has_left) {
                                *arrived = at;
                                return true;
                        }
                        next = leave_device(w, &at, packet);
                        break;
                case AT_ROUTER:
                        next = pass_router(w, &at, packet);
                        break;
                case AT_NODE:
                        next = pass_node(w, &at, packet);
                        if (next.place == AT_NODE && next.node == at.node) {
                                *arrived = at;
                                return true;
                        }
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

/* ---- the ends ---- */

/* A machine, as somebody names it. */
struct end {
        struct position position;
        struct wg_ip ip; /* its own */
        char name[64];
};

static uint32_t node_of(const struct world *w, const struct end *end)
{
        return end->position.place == AT_NODE ? end->position.node
                                              : w->model->sites[end->position.site].node;
}

static struct end at_node(const struct world *w, uint32_t node, const struct wg_ip *ip)
{
        struct end end = {.position = {.place = AT_NODE, .node = node, .came_from = TL_MODEL_NONE},
                          .ip = *ip};

        snprintf(end.name, sizeof(end.name), "%s", w->model->nodes[node].name);
        return end;
}

static struct end on_lan(const struct world *w, uint32_t site, const struct wg_ip *ip)
{
        uint32_t node = w->model->sites[site].node;

        if (node_has(w->model, &w->model->nodes[node], ip))
                return at_node(w, node, ip);
        return (struct end){.position = {.place = AT_DEVICE, .site = site, .device = *ip},
                            .ip = *ip};
}

/* A machine with a name, by its index: hosts come after nodes. Its address may be NONE. */
static struct end find_named(const struct world *w, uint32_t index, bool is_ipv4)
{
        const struct tl_node *node = &w->model->nodes[index];
        const struct tl_host *host = &w->model->hosts[index - w->model->node_count];
        struct end end;

        if (index < w->model->node_count)
                return at_node(w, index, is_ipv4 ? &node->ip4 : &node->ip6);
        end = on_lan(w, host->site, is_ipv4 ? &host->ip4 : &host->ip6);
        snprintf(end.name, sizeof(end.name), "%s", host->name);
        return end;
}

static uint32_t pick_named(const struct world *w, struct test_env *t)
{
        return chance(t, 45) ? test_env_below(t, w->model->node_count)
                             : w->model->node_count + test_env_below(t, w->model->host_count);
}

static bool has_family(const struct world *w, uint32_t index, bool is_ipv4)
{
        return find_named(w, index, is_ipv4).ip.family != WG_FAMILY_NONE;
}

/* The machine that an address in the tunnel belongs to. Returns false if nothing has it: what
 * stands in for others is known in its own LAN only. */
static bool find_in_tunnel(const struct world *w, const struct wg_ip *ip, struct end *end)
{
        for (uint32_t i = 0; i < w->model->node_count; i++)
                if (is_of(&w->model->nodes[i], ip)) {
                        *end = at_node(w, i, ip);
                        return true;
                }
        for (uint32_t i = 0; i < w->model->lan_count; i++) {
                const struct tl_lan *lan = &w->model->lans[i];
                bool is_wire = wg_prefix_contains(&lan->wire, ip);
                struct wg_ip own;

                if (!is_wire && !wg_prefix_contains(&lan->mapped, ip))
                        continue;
                own = move_ip(ip, is_wire ? &lan->wire : &lan->mapped, &lan->prefix);
                if (stand_in_at(w->model, lan->site, &own))
                        return false;
                *end = on_lan(w, lan->site, &own);
                return true;
        }
        return false;
}

/* The machine that an address is for a source. */
static bool find_dialled(const struct world *w, const struct end *from, const struct wg_ip *ip,
                         struct end *end)
{
        bool is_node = from->position.place == AT_NODE;
        uint32_t site = is_node ? w->model->nodes[from->position.node].site : from->position.site;
        const struct tl_stand_in *stand_in;
        struct wg_ip there;

        if (site == TL_MODEL_NONE || !lan_at(w->model, site, ip))
                return find_in_tunnel(w, ip, end);
        stand_in = stand_in_at(w->model, site, ip);
        if (!stand_in) {
                *end = on_lan(w, site, ip);
                return true;
        }
        if (is_node) /* it answers for others only */
                return find_in_tunnel(w, ip, end);
        there = move_ip(ip, &stand_in->here, &stand_in->there);
        return find_in_tunnel(w, &there, end);
}

/* The address that a source must use for a machine. */
static struct wg_ip choose_dialled(const struct world *w, const struct end *from,
                                   const struct end *to)
{
        const struct tl_model *model = w->model;
        const struct tl_lan *lan = to->position.place == AT_DEVICE
                                           ? lan_at(model, to->position.site, &to->ip)
                                           : NULL;
        const struct tl_stand_in *best = NULL;
        struct wg_ip ip = lan ? move_ip(&to->ip, &lan->prefix, &lan->wire) : to->ip;

        for (uint32_t i = 0; lan && i < model->presence_count; i++)
                if (from->position.place == AT_NODE &&
                    model->presences[i].node == from->position.node &&
                    lan->mapped.ip.family != WG_FAMILY_NONE &&
                    wg_prefix_overlaps(&model->presences[i].prefix, &lan->wire))
                        ip = move_ip(&to->ip, &lan->prefix, &lan->mapped);
        if (from->position.place != AT_DEVICE ||
            model->sites[from->position.site].in_file->gateway != TL_GATEWAY_UNTOUCHABLE)
                return ip;
        for (uint32_t i = 0; i < model->stand_in_count; i++) {
                const struct tl_stand_in *item = &model->stand_ins[i];

                if (model->lans[item->lan].site == from->position.site &&
                    wg_prefix_contains(&item->there, &ip) &&
                    (!best || item->there.cidr > best->there.cidr))
                        best = item;
        }
        return best ? move_ip(&ip, &best->there, &best->here) : ip;
}

/* ---- connections ---- */

static bool is_at(const struct end *end, const struct position *position)
{
        if (end->position.place != position->place)
                return false;
        if (position->place == AT_NODE)
                return end->position.node == position->node;
        return end->position.site == position->site &&
               wg_ip_equal(&end->position.device, &position->device);
}

/* An address that no machine has in the tunnel: what stands in for one, or what some LAN has where
 * it is not unique. */
static enum tl_cause is_nowhere(const struct world *w, const struct wg_ip *ip)
{
        enum tl_cause cause = TL_CAUSE_NOT_IN_NETWORK;

        for (uint32_t i = 0; i < w->model->lan_count; i++) {
                if (lan_has(&w->model->lans[i], ip))
                        return TL_CAUSE_NOT_IN_NETWORK;
                if (wg_prefix_contains(&w->model->lans[i].prefix, ip))
                        cause = TL_CAUSE_OVERLAP;
        }
        return cause;
}

struct question {
        struct end from, to;
        struct wg_ip dialled;
        bool is_literal, is_nowhere;
        uint8_t protocol;
        uint16_t port;
};

/* The answer that needs no packets; false: there is none. */
static bool is_trivial(const struct world *w, const struct question *q, enum tl_cause *cause)
{
        bool is_node = q->from.position.place == AT_NODE;
        bool is_to_node = q->to.position.place == AT_NODE;

        if (q->is_nowhere)
                *cause = is_nowhere(w, &q->dialled);
        else if (q->from.ip.family != q->to.ip.family)
                *cause = TL_CAUSE_NO_FAMILY;
        else if (node_of(w, &q->from) != node_of(w, &q->to))
                return false;
        else if ((is_node && is_to_node) || is_at(&q->from, &q->to.position))
                *cause = TL_CAUSE_SAME;
        else if (!is_node && is_to_node && is_of(&w->model->nodes[q->to.position.node], &q->to.ip))
                return false; /* its own node, at its address in the tunnel */
        else
                *cause = TL_CAUSE_SAME_LAN;
        return true;
}

/* Connects, and tells the source that the destination sees. */
static enum tl_cause connect_naively(struct world *w, const struct question *q, struct wg_ip *seen)
{
        bool is_node = q->from.position.place == AT_NODE;
        struct packet first = {q->from.ip, q->dialled, q->protocol, q->port, 0}, third, reply;
        struct position arrived;
        enum tl_cause cause;

        *seen = (struct wg_ip){0};
        if (is_trivial(w, q, &cause))
                return cause;
        memset(w->routers, 0, sizeof(w->routers));
        memset(w->tables, 0, sizeof(w->tables));
        if (is_node) /* the kernel chooses the source with the route */
                first.from = (struct wg_ip){0};
        if (!deliver(w, q->from.position, &first, &arrived))
                return w->cause;
        assert_true(is_at(&q->to, &arrived));
        *seen = first.from;
        reply = (struct packet){first.to, first.from, q->protocol, q->port, 1};
        if (!deliver(w, q->to.position, &reply, &arrived))
                return w->cause;
        assert_true(is_at(&q->from, &arrived));
        assert_true(wg_ip_equal(&reply.from, &q->dialled) && wg_ip_equal(&reply.to, &q->from.ip));
        third = (struct packet){q->from.ip, q->dialled, q->protocol, q->port, 2};
        return deliver(w, q->from.position, &third, &arrived) ? TL_CAUSE_NONE : w->cause;
}

/* ---- the comparison ---- */

/* Any address that is, or was meant to be, that of some machine. */
static struct wg_ip pick_literal(const struct world *w, struct test_env *t)
{
        const struct tl_model *model = w->model;
        const struct tl_lan *lan = &model->lans[test_env_below(t, model->lan_count)];
        const struct tl_node *node = &model->nodes[test_env_below(t, model->node_count)];
        static const uint8_t hosts[] = {2, 10, 10, 65, 82, 97, 100};
        struct wg_ip ip = lan->prefix.ip;

        ip.bytes[ip.family == WG_FAMILY_IPV4 ? 3 : 15] +=
                hosts[test_env_below(t, WG_ARRAY_SIZE(hosts))];
        switch (test_env_below(t, 8)) {
        case 0:
                return node->ip4;
        case 1:
                return node->ip6;
        case 2:
        case 3:
                return lan->mapped.ip.family == WG_FAMILY_NONE
                               ? ip
                               : move_ip(&ip, &lan->prefix, &lan->mapped);
        case 4:
        case 5:
                return move_ip(&ip, &lan->prefix, &lan->wire);
        case 6:
                return chance(t, 10) ? model->pool4.ip : ip; /* nobody's */
        default:
                return ip;
        }
}

/* Returns false if the pair is not one to compare: a machine of the own site at its mapped address,
 * or one without an address of the family. */
static bool pick_question(const struct world *w, struct test_env *t, struct question *q)
{
        static const struct {
                uint8_t protocol;
                uint16_t port;
        } ways[] = {{WG_PROTOCOL_ICMP, 0},
                    {WG_PROTOCOL_TCP, 443},
                    {WG_PROTOCOL_TCP, 22},
                    {WG_PROTOCOL_UDP, 53}};
        uint32_t way = test_env_below(t, WG_ARRAY_SIZE(ways));
        uint32_t from = pick_named(w, t), to = pick_named(w, t);
        bool is_ipv4 = true;
        struct end other;

        *q = (struct question){.protocol = ways[way].protocol, .port = ways[way].port};
        q->is_literal = chance(t, 50);
        if (!q->is_literal) {
                is_ipv4 = has_family(w, from, true) && has_family(w, to, true);
                is_ipv4 = is_ipv4 || !has_family(w, from, false) || !has_family(w, to, false);
                q->from = find_named(w, from, is_ipv4 && has_family(w, from, true));
                q->to = find_named(w, to, is_ipv4 && has_family(w, to, true));
                q->dialled = choose_dialled(w, &q->from, &q->to);
                return true;
        }
        q->dialled = pick_literal(w, t);
        if (q->dialled.family == WG_FAMILY_IPV6)
                is_ipv4 = !has_family(w, from, false);
        else
                is_ipv4 = has_family(w, from, true);
        q->from = find_named(w, from, is_ipv4);
        q->is_nowhere = !find_dialled(w, &q->from, &q->dialled, &other);
        if (!q->is_nowhere)
                q->to = other;
        return q->is_nowhere || node_of(w, &q->from) != node_of(w, &q->to) ||
               wg_ip_equal(&q->dialled, &q->to.ip);
}

static void write_question(const struct question *q, char *text, size_t size)
{
        char port[16] = "", destination[TL_ADDRESS_IP_SIZE];

        tl_address_format_ip(destination, &q->dialled);
        if (q->port)
                snprintf(port, sizeof(port), ":%u%s", (unsigned int)q->port,
                         q->protocol == WG_PROTOCOL_UDP ? "/udp" : "");
        if (q->is_literal && q->dialled.family == WG_FAMILY_IPV6)
                snprintf(text, size, "%s -> [%s]%s", q->from.name, destination, port);
        else
                snprintf(text, size, "%s -> %s%s", q->from.name,
                         q->is_literal ? destination : q->to.name, port);
}

/* What has been compared: bits of causes, and of what connections that work have used. */
struct coverage {
        uint32_t causes, forms, out, in;
};

static void cover(struct coverage *seen, const struct tl_explanation *explanation)
{
        seen->causes |= 1u << explanation->cause;
        if (explanation->cause != TL_CAUSE_NONE)
                return;
        seen->forms |= 1u << explanation->course.form;
        seen->out |= 1u << explanation->course.out.mode;
        seen->in |= 1u << explanation->course.in.mode;
}

static void compare(struct world *w, struct test_planned *planned, const struct question *q,
                    struct coverage *coverage, const char *yaml)
{
        struct wg_ip seen;
        enum tl_cause expected = connect_naively(w, q, &seen);
        struct tl_explanation explanation;
        struct tl_flow flow;
        size_t offset;
        char text[160];

        write_question(q, text, sizeof(text));
        assert_null(tl_flow_parse((struct tl_text){text, strlen(text)}, &flow, &offset));
        assert_true(tl_explain(&explanation, &planned->plans, &flow, (struct tl_place){0},
                               &planned->office.findings));
        if (explanation.cause != expected ||
            explanation.is_reachable != (expected == TL_CAUSE_NONE || expected == TL_CAUSE_SAME ||
                                         expected == TL_CAUSE_SAME_LAN) ||
            (expected == TL_CAUSE_NONE && !wg_ip_equal(&explanation.seen, &seen)))
                fail_msg("%s: the explanation says %s (%s), the twin %s, in\n%s", text,
                         tl_cause_name(explanation.cause), explanation.message,
                         tl_cause_name(expected), yaml);
        cover(coverage, &explanation);
        tl_explain_done(&explanation);
}

/* Nodes are in networks of which only they know. */
static void add_facts(struct tl_model *model, struct test_env *t)
{
        static const struct wg_prefix nets[] = {
                {{WG_FAMILY_IPV4, {192, 168, 1}}, 24},
                {{WG_FAMILY_IPV4, {192, 168, 10}}, 23},
                {{WG_FAMILY_IPV4, {192, 168, 2}}, 25},
                {{WG_FAMILY_IPV4, {172, 18}}, 16},
        };

        for (uint32_t i = 0; i < model->node_count; i++) {
                struct tl_presence presence = {
                        .node = i, .prefix = nets[test_env_below(t, WG_ARRAY_SIZE(nets))]};
                bool is_own = false;

                for (uint32_t k = 0; k < model->lan_count; k++)
                        is_own |= model->lans[k].site == model->nodes[i].site &&
                                  wg_prefix_overlaps(&model->lans[k].prefix, &presence.prefix);
                if (!is_own && !model->nodes[i].is_stock && chance(t, 15))
                        assert_true(tl_model_add_presence(model, &presence));
        }
}

static void test_twin(void **state WG_UNUSED)
{
        static const enum tl_cause common[] = {
                TL_CAUSE_NONE,           TL_CAUSE_SAME,          TL_CAUSE_SAME_LAN,
                TL_CAUSE_POLICY,         TL_CAUSE_GATEWAY_ROUTE, TL_CAUSE_GATEWAY_UNTOUCHABLE,
                TL_CAUSE_RETURN_ROUTE,   TL_CAUSE_NO_FAMILY,     TL_CAUSE_NO_KEY,
                TL_CAUSE_NOT_IN_NETWORK, TL_CAUSE_OVERLAP};
        uint64_t seed = test_seed("explain twin");
        static char yaml[16384];
        struct coverage seen = {0};

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
                add_facts(&planned.office.model, &t);
                w.plans = test_calloc(w.model->node_count, sizeof(*w.plans));
                for (uint32_t node = 0; node < w.model->node_count; node++)
                        assert_true(tl_nodeplan_make(&w.plans[node], w.model, &planned.policy, node,
                                                     NULL, &planned.office.findings));
                for (uint32_t pair = 0; pair < PAIRS; pair++) {
                        struct question q;

                        if (pick_question(&w, &t, &q))
                                compare(&w, &planned, &q, &seen, yaml);
                }
                for (uint32_t node = 0; node < w.model->node_count; node++)
                        tl_nodeplan_done(&w.plans[node]);
                test_free(w.plans);
                test_planned_done(&planned);
        }
        for (size_t i = 0; i < WG_ARRAY_SIZE(common); i++)
                assert_true(seen.causes & 1u << common[i]);
        assert_int_equal(seen.forms,
                         1u << TL_COURSE_OWN | 1u << TL_COURSE_MAPPED | 1u << TL_COURSE_VIRTUAL);
        assert_int_equal(seen.out,
                         1u << TL_TRAVEL_NATIVE | 1u << TL_TRAVEL_VIRTUAL | 1u << TL_TRAVEL_BLOCK);
        assert_int_equal(seen.in, 1u << TL_TRAVEL_NATIVE | 1u << TL_TRAVEL_SNAT |
                                          1u << TL_TRAVEL_VIA_GATEWAY);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_twin),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
