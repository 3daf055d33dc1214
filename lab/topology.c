/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "lab/topology.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/address.h"

WG_ENUM_DEFINE(tl_lab_kind, TL_LAB_KINDS)

/* A range from which addresses or prefixes are chosen, from the lowest. */
struct range {
        struct wg_prefix prefix;
        uint8_t cidr;  /* of what is chosen */
        uint64_t next; /* number of the next candidate */
        const char *what;
};

/* The addresses of a LAN's router and node. */
struct seat {
        struct wg_ip router, node;
};

struct builder {
        struct tl_topology *topology;
        const struct tl_model *model;
        const struct tl_topology_wish *wishes;
        uint32_t wish_count;
        bool has_stock;
        struct tl_findings *findings;
        struct seat *seats;      /* by LAN */
        struct wg_prefix *taken; /* what the file and the lab use */
        uint32_t taken_count, taken_capacity;
        struct range public4, public6, transit4, transit6, homes4, homes6;
        struct wg_ip hop4, hop6; /* the Internet, as seen by everybody connected to it */
        bool has_ipv6;           /* the Internet carries IPv6: some endpoint needs it */
        bool is_out_of_memory;
        struct tl_lab_machine spare_machine; /* returned when memory runs out */
        struct tl_nic spare_nic;
};

static const struct wg_prefix EVERYTHING4 = {.ip = {.family = WG_FAMILY_IPV4}};
static const struct wg_prefix EVERYTHING6 = {.ip = {.family = WG_FAMILY_IPV6}};
static const struct wg_ip NO_IP = {.family = WG_FAMILY_NONE};

/* ---- lists ---- */

static void *grow(struct builder *b, void *items, uint32_t count, uint32_t *capacity, size_t size)
{
        void *grown = tl_arena_grow(&b->topology->arena, items, count, capacity, size);

        b->is_out_of_memory |= !grown;
        return grown;
}

/* Appends an item to a list; `list` is the name of its pointer, `counter` of its count. */
#define APPEND(b, owner, list, counter, limit, item) \
        do { \
                void *grown_ = grow(b, (owner)->list, (owner)->counter, &(owner)->limit, \
                                    sizeof(item)); \
                if (grown_) { \
                        (owner)->list = grown_; \
                        (owner)->list[(owner)->counter++] = (item); \
                } \
        } while (0)

WG_PRINTF(2, 3) static const char *format(struct builder *b, const char *text, ...)
{
        char line[1024];
        va_list arguments;
        const char *copy;

        va_start(arguments, text);
        vsnprintf(line, sizeof(line), text, arguments);
        va_end(arguments);
        copy = tl_arena_copy(&b->topology->arena, line, strlen(line));
        b->is_out_of_memory |= !copy;
        return copy ? copy : "";
}

static void take(struct builder *b, struct wg_prefix prefix)
{
        if (prefix.ip.family != WG_FAMILY_NONE)
                APPEND(b, b, taken, taken_count, taken_capacity, prefix);
}

static struct wg_prefix alone(struct wg_ip ip)
{
        return (struct wg_prefix){ip, (uint8_t)wg_ip_bits(&ip)};
}

/* ---- choosing addresses ---- */

/* The address that is n times 2^(bits - cidr) after the first one of a prefix. */
static struct wg_ip nth(const struct wg_prefix *prefix, uint8_t cidr, uint64_t n)
{
        uint64_t bits[2], low;
        struct wg_ip ip;

        wg_ip_load_bits(bits, prefix->ip.family, prefix->ip.bytes);
        if (prefix->ip.family == WG_FAMILY_IPV4) {
                bits[0] += n << (64 - cidr);
        } else if (cidr <= 64) {
                bits[0] += cidr ? n << (64 - cidr) : 0;
        } else {
                low = bits[1];
                bits[1] += n << (128 - cidr);
                bits[0] += bits[1] < low;
        }
        memset(&ip, 0, sizeof(ip));
        wg_ip_store_bits(&ip, prefix->ip.family, bits);
        if (prefix->ip.family == WG_FAMILY_IPV4)
                memset(ip.bytes + 4, 0, sizeof(ip.bytes) - 4);
        return ip;
}

static bool is_taken(const struct builder *b, const struct wg_prefix *prefix)
{
        for (uint32_t i = 0; i < b->taken_count; i++)
                if (wg_prefix_overlaps(&b->taken[i], prefix))
                        return true;
        return false;
}

/* The next free prefix of a range. */
static struct wg_prefix choose(struct builder *b, struct range *range)
{
        for (;;) {
                struct wg_prefix prefix = {nth(&range->prefix, range->cidr, range->next++),
                                           range->cidr};

                if (!wg_prefix_contains(&range->prefix, &prefix.ip))
                        break;
                if (is_taken(b, &prefix))
                        continue;
                take(b, prefix);
                return prefix;
        }
        tl_findings_error(b->findings, b->model->network->name.at, NULL,
                          "the lab has no free prefix left for %s", range->what);
        return (struct wg_prefix){.ip = NO_IP};
}

static struct range make_range(uint8_t family, const uint8_t *first, uint8_t first_len,
                               uint8_t prefix_len, uint8_t cidr, uint64_t next, const char *what)
{
        struct range range = {.cidr = cidr, .next = next, .what = what};

        range.prefix.ip.family = family;
        memcpy(range.prefix.ip.bytes, first, first_len);
        range.prefix.cidr = prefix_len;
        return range;
}

/* Ranges that nobody announces on the real Internet. Source: RFC 2544, RFC 5180 (benchmarks),
 * RFC 6598 (between providers and customers), RFC 1918. */
static void make_ranges(struct builder *b)
{
        static const uint8_t bench4[] = {198, 18}, shared4[] = {100, 64}, home4[] = {192, 168};
        static const uint8_t bench6[] = {0x20, 0x01, 0, 2},
                             link6[] = {0x20, 0x01, 0, 2, 0, 0, 0x80};
        static const uint8_t home6[] = {0x20, 0x01, 0, 2, 0, 1};
        static const uint8_t hop6[16] = {0xfe, 0x80, [15] = 1};

        b->public4 = make_range(WG_FAMILY_IPV4, bench4, 2, 15, 32, 1, "public addresses");
        b->transit4 = make_range(WG_FAMILY_IPV4, shared4, 2, 10, 30, 0, "links to providers");
        b->homes4 = make_range(WG_FAMILY_IPV4, home4, 2, 16, 24, 1, "homes");
        b->public6 = make_range(WG_FAMILY_IPV6, bench6, 4, 49, 128, 1, "public addresses");
        b->transit6 = make_range(WG_FAMILY_IPV6, link6, 7, 49, 64, 0, "links to providers");
        b->homes6 = make_range(WG_FAMILY_IPV6, home6, 6, 48, 64, 0, "homes");
        b->hop6.family = WG_FAMILY_IPV6;
        memcpy(b->hop6.bytes, hop6, sizeof(hop6));
}

/* Whether something of the file has this address in a LAN. */
static bool is_used(const struct builder *b, const struct wg_ip *ip)
{
        const struct tl_model *model = b->model;
        const struct tl_topology *topology = b->topology;

        for (uint32_t i = 0; i < model->host_count; i++)
                if (wg_ip_equal(&model->hosts[i].ip4, ip) || wg_ip_equal(&model->hosts[i].ip6, ip))
                        return true;
        for (uint32_t i = 0; i < model->service_count; i++)
                if (wg_ip_equal(&model->services[i].ip4, ip) ||
                    wg_ip_equal(&model->services[i].ip6, ip))
                        return true;
        for (uint32_t i = 0; i < model->lan_count; i++)
                if (wg_ip_equal(&b->seats[i].router, ip) || wg_ip_equal(&b->seats[i].node, ip))
                        return true;
        for (uint32_t i = 0; i < b->wish_count; i++)
                if (wg_ip_equal(&b->wishes[i].ip, ip))
                        return true;
        for (uint32_t i = 0; i < topology->machine_count; i++)
                if (wg_ip_equal(&topology->machines[i].ip4, ip) ||
                    wg_ip_equal(&topology->machines[i].ip6, ip))
                        return true;
        return false;
}

/* A free address of a LAN. */
static struct wg_ip choose_in_lan(struct builder *b, const struct tl_lan *lan)
{
        uint8_t all = (uint8_t)wg_ip_bits(&lan->prefix.ip);
        struct wg_ip last = wg_prefix_last(&lan->prefix);

        for (uint64_t n = lan->prefix.cidr >= all - 1 ? 0 : 1; n <= TL_TOPOLOGY_MACHINES_MAX; n++) {
                struct wg_ip ip = nth(&lan->prefix, all, n);

                if (!wg_prefix_contains(&lan->prefix, &ip))
                        break;
                if (lan->prefix.cidr < all - 1 && wg_ip_equal(&ip, &last))
                        break; /* the broadcast address */
                if (!is_used(b, &ip))
                        return ip;
        }
        tl_findings_error(b->findings, lan->at, "use a larger LAN",
                          "the lab has no free address left in this LAN");
        return NO_IP;
}

/* ---- machines ---- */

static struct tl_lab_machine *add_machine(struct builder *b, const char *name,
                                          enum tl_lab_kind kind)
{
        struct tl_topology *topology = b->topology;
        struct tl_lab_machine *machine = &b->spare_machine;

        /* All were counted beforehand, so that pointers to them stay valid. */
        if (!b->is_out_of_memory) {
                WG_ASSERT(topology->machine_count < topology->machine_capacity);
                machine = &topology->machines[topology->machine_count++];
        }
        *machine = (struct tl_lab_machine){
                .name = name, .kind = kind, .node = TL_MODEL_NONE, .site = TL_MODEL_NONE};
        return machine;
}

/* Returns the new interface, valid until the machine gets another one. */
static struct tl_nic *add_nic(struct builder *b, struct tl_lab_machine *machine, uint32_t segment,
                              uint32_t mtu)
{
        struct tl_nic nic = {.segment = segment, .mtu = mtu};
        uint32_t count = machine->nic_count;

        snprintf(nic.name, sizeof(nic.name), "eth%u", count);
        APPEND(b, machine, nics, nic_count, nic_capacity, nic);
        return machine->nic_count > count ? &machine->nics[count] : &b->spare_nic;
}

static void add_address(struct builder *b, struct tl_nic *nic, const struct wg_ip *ip, uint8_t cidr)
{
        const struct wg_prefix address = {*ip, cidr};

        if (ip->family != WG_FAMILY_NONE)
                APPEND(b, nic, addresses, count, capacity, address);
}

static void add_route(struct builder *b, struct tl_lab_machine *machine, const struct wg_prefix *to,
                      const struct wg_ip *via, uint32_t nic)
{
        const struct tl_lab_route route = {*to, *via, nic};

        APPEND(b, machine, routes, route_count, route_capacity, route);
}

/* The first one stays: a site with two LANs has one router, which has an address in each. */
static void add_default_route(struct builder *b, struct tl_lab_machine *machine,
                              const struct wg_ip *via, uint32_t nic)
{
        for (uint32_t i = 0; i < machine->route_count; i++) {
                const struct tl_lab_route *route = &machine->routes[i];

                if (route->to.cidr == 0 && route->to.ip.family == via->family)
                        return;
        }
        if (via->family == WG_FAMILY_IPV4)
                add_route(b, machine, &EVERYTHING4, via, nic);
        else if (via->family == WG_FAMILY_IPV6)
                add_route(b, machine, &EVERYTHING6, via, nic);
}

static void add_setting(struct builder *b, struct tl_lab_machine *machine, const char *path,
                        const char *value)
{
        const struct tl_setting_line setting = {path, value};

        APPEND(b, machine, settings, setting_count, setting_capacity, setting);
}

static void make_forwarder(struct builder *b, struct tl_lab_machine *machine)
{
        add_setting(b, machine, "net/ipv4/ip_forward", "1");
        add_setting(b, machine, "net/ipv6/conf/all/forwarding", "1");
}

static void add_name(struct builder *b, const char *name, const struct wg_ip *ip)
{
        const struct tl_known_name known = {name, *ip};

        if (ip->family != WG_FAMILY_NONE)
                APPEND(b, b->topology, names, name_count, name_capacity, known);
}

static void add_listener(struct builder *b, struct tl_lab_machine *machine, uint8_t protocol,
                         uint16_t port)
{
        const struct tl_listener listener = {protocol, port};

        for (uint32_t i = 0; i < machine->listener_count; i++)
                if (machine->listeners[i].protocol == protocol &&
                    machine->listeners[i].port == port)
                        return;
        APPEND(b, machine, listeners, listener_count, listener_capacity, listener);
}

/* ---- the Internet ---- */

static struct tl_lab_machine *internet(struct builder *b)
{
        return b->topology->machines;
}

static void make_internet(struct builder *b)
{
        b->hop4 = choose(b, &b->public4).ip;
        make_forwarder(b, add_machine(b, "internet", TL_LAB_INTERNET));
}

/* Gives a machine an interface to the Internet with these public addresses. */
static void connect_to_internet(struct builder *b, struct tl_lab_machine *machine,
                                const struct wg_ip *ip4, const struct wg_ip *ip6, uint32_t mtu)
{
        uint32_t segment = b->topology->segment_count++;
        struct tl_nic *far = add_nic(b, internet(b), segment, mtu);
        uint32_t far_number = internet(b)->nic_count - 1;
        struct tl_nic *near = add_nic(b, machine, segment, mtu);
        uint32_t number = machine->nic_count - 1;
        struct wg_prefix to;

        machine->public_ip = ip4->family ? *ip4 : *ip6;
        if (ip4->family) {
                add_address(b, near, ip4, 32);
                add_address(b, far, &b->hop4, 32);
                to = alone(b->hop4);
                add_route(b, machine, &to, &NO_IP, number);
                add_default_route(b, machine, &b->hop4, number);
                to = alone(*ip4);
                add_route(b, internet(b), &to, &NO_IP, far_number);
        }
        if (ip6->family) {
                add_address(b, near, ip6, 128);
                add_address(b, far, &b->hop6, 64);
                add_default_route(b, machine, &b->hop6, number);
                to = alone(*ip6);
                add_route(b, internet(b), &to, &NO_IP, far_number);
        }
}

static struct wg_ip choose_public6(struct builder *b)
{
        return b->has_ipv6 ? choose(b, &b->public6).ip : NO_IP;
}

/* The script of a NAT between eth0, outside, and everything else. `more` goes into its forward
 * chain; forward_to is the LAN address that gets UDP packets for `port` (NONE: nobody). */
static const char *nat_script(struct builder *b, enum tl_lab_nat nat, const char *more,
                              const struct wg_ip *forward_to, uint16_t port)
{
        const char *how = nat == TL_LAB_NAT_SYMMETRIC ? " fully-random" : "";
        const char *forwarded = "";
        char address[TL_ADDRESS_IP_SIZE];

        if (forward_to->family) {
                tl_address_format_ip(address, forward_to);
                forwarded = format(b,
                                   "        chain dstnat {\n"
                                   "                type nat hook prerouting priority dstnat\n"
                                   "                iifname \"eth0\" udp dport %u dnat %s to %s\n"
                                   "        }\n",
                                   port, forward_to->family == WG_FAMILY_IPV4 ? "ip" : "ip6",
                                   address);
        }
        return format(b,
                      "table inet lab {\n"
                      "        chain forward {\n"
                      "                type filter hook forward priority filter\n"
                      "%s"
                      "                iifname \"eth0\" ct status dnat accept\n"
                      "                iifname \"eth0\" ct state new drop\n"
                      "        }\n"
                      "%s"
                      "        chain srcnat {\n"
                      "                type nat hook postrouting priority srcnat\n"
                      "                oifname \"eth0\" masquerade%s\n"
                      "        }\n"
                      "}\n",
                      more, forwarded, how);
}

static const struct tl_lab_home *find_home(const struct builder *b, const char *name)
{
        const struct tl_network_lab *lab = &b->model->network->lab;

        for (uint32_t i = 0; i < lab->home_count; i++)
                if (strcmp(lab->homes[i].who.text, name) == 0)
                        return &lab->homes[i];
        return NULL;
}

/* An uplink: how a site or home is connected to the Internet. */
struct uplink {
        const char *name; /* of the site, person or device */
        enum tl_lab_nat nat;
        uint32_t mtu, mapping_s;
        struct wg_ip ip4, ip6; /* public; NONE: chosen */
};

static struct uplink describe_uplink(const struct builder *b, const char *name,
                                     const struct tl_lab_home *home, const struct tl_node *node)
{
        bool is_public = tl_node_is_public(node);
        struct uplink uplink = {
                .name = name,
                .nat = is_public ? TL_LAB_NAT_NONE : TL_LAB_NAT_MASQUERADE,
                .mtu = node->in_file->mtu ? node->in_file->mtu : TL_NETWORK_MTU,
        };
        const struct wg_ip *ip = &node->in_file->endpoint.ip;

        (void)b;
        if (home) {
                uplink.nat = home->has_nat ? home->nat : uplink.nat;
                uplink.mapping_s = home->mapping_s;
                uplink.mtu = home->mtu ? home->mtu : uplink.mtu;
        }
        if (is_public && ip->family == WG_FAMILY_IPV4)
                uplink.ip4 = *ip;
        if (is_public && ip->family == WG_FAMILY_IPV6)
                uplink.ip6 = *ip;
        return uplink;
}

/* Chooses the public addresses that an uplink lacks. */
static void complete_uplink(struct builder *b, struct uplink *uplink)
{
        if (!uplink->ip4.family)
                uplink->ip4 = choose(b, &b->public4).ip;
        if (!uplink->ip6.family)
                uplink->ip6 = choose_public6(b);
}

/* How long the kernel of a NAT keeps mappings. */
static void set_mapping(struct builder *b, struct tl_lab_machine *machine, uint32_t mapping_s)
{
        const char *value;

        if (!mapping_s)
                return;
        value = format(b, "%u", mapping_s);
        add_setting(b, machine, "net/netfilter/nf_conntrack_udp_timeout", value);
        add_setting(b, machine, "net/netfilter/nf_conntrack_udp_timeout_stream", value);
}

/* Puts a provider between the Internet and a customer, whose eth0 leads there. */
static void add_provider(struct builder *b, struct tl_lab_machine *customer,
                         const struct uplink *uplink)
{
        struct tl_lab_machine *provider = add_machine(b, format(b, "isp.%s", uplink->name),
                                                      TL_LAB_PROVIDER);
        struct wg_prefix link4 = choose(b, &b->transit4);
        struct wg_prefix link6 = b->has_ipv6 ? choose(b, &b->transit6)
                                             : (struct wg_prefix){.ip = NO_IP};
        uint32_t segment;
        struct tl_nic *inside, *outside;
        struct wg_ip ip;

        connect_to_internet(b, provider, &uplink->ip4, &uplink->ip6, TL_NETWORK_MTU);
        segment = b->topology->segment_count++;
        inside = add_nic(b, provider, segment, uplink->mtu);
        outside = add_nic(b, customer, segment, uplink->mtu);
        for (uint32_t i = 0; i < 2; i++) {
                const struct wg_prefix *link = i == 0 ? &link4 : &link6;

                if (!link->ip.family)
                        continue;
                ip = nth(link, (uint8_t)wg_ip_bits(&link->ip), 1);
                add_address(b, inside, &ip, link->cidr);
                add_default_route(b, customer, &ip, customer->nic_count - 1);
                ip = nth(link, (uint8_t)wg_ip_bits(&link->ip), 2);
                add_address(b, outside, &ip, link->cidr);
        }
        make_forwarder(b, provider);
        set_mapping(b, provider, uplink->mapping_s);
        provider->nft = nat_script(b, uplink->nat, "", &NO_IP, 0);
        provider->spare_ip = choose(b, &b->public4).ip;
}

/* Gives a machine its eth0, directly or through a provider. */
static void add_uplink(struct builder *b, struct tl_lab_machine *machine, struct uplink *uplink)
{
        complete_uplink(b, uplink);
        switch (uplink->nat) {
        case TL_LAB_NAT_NONE:
                connect_to_internet(b, machine, &uplink->ip4, &uplink->ip6, uplink->mtu);
                break;
        case TL_LAB_NAT_MASQUERADE:
        case TL_LAB_NAT_SYMMETRIC:
                add_provider(b, machine, uplink);
                break;
        }
}

/* ---- nodes ---- */

static struct tl_lab_machine *add_node(struct builder *b, uint32_t index)
{
        const struct tl_node *node = &b->model->nodes[index];
        struct tl_lab_machine *machine = add_machine(b, node->name, TL_LAB_NODE);

        machine->node = index;
        machine->site = node->site;
        machine->is_hub = node->kind == TL_NODE_HUB;
        machine->is_stock = node->is_stock;
        machine->ip4 = node->ip4;
        machine->ip6 = node->ip6;
        return machine;
}

/* Makes the name in an endpoint resolve. */
static void name_endpoint(struct builder *b, const struct tl_node *node,
                          const struct uplink *uplink)
{
        const struct tl_network_endpoint *endpoint = &node->in_file->endpoint;

        if (!endpoint->host.text || endpoint->ip.family)
                return;
        add_name(b, endpoint->host.text, &uplink->ip4);
        add_name(b, endpoint->host.text, &uplink->ip6);
}

static void make_hub(struct builder *b, uint32_t index)
{
        const struct tl_node *node = &b->model->nodes[index];
        struct tl_lab_machine *machine = add_node(b, index);
        struct uplink uplink = describe_uplink(b, node->name, find_home(b, node->name), node);

        add_uplink(b, machine, &uplink);
        name_endpoint(b, node, &uplink);
}

/* ---- sites ---- */

/* Chooses the addresses of routers and nodes that the file does not give. */
static void fill_seats(struct builder *b)
{
        const struct tl_model *model = b->model;

        for (uint32_t i = 0; i < model->lan_count; i++)
                b->seats[i] = (struct seat){model->lans[i].router_at, model->lans[i].node_at};
        for (uint32_t i = 0; i < model->lan_count; i++) {
                const struct tl_lan *lan = &model->lans[i];
                struct seat *seat = &b->seats[i];
                bool is_one = model->sites[lan->site].in_file->gateway == TL_GATEWAY_SELF;

                if (is_one && !seat->router.family)
                        seat->router = seat->node;
                if (!seat->router.family)
                        seat->router = choose_in_lan(b, lan);
                if (is_one)
                        seat->node = seat->router;
                if (!seat->node.family)
                        seat->node = choose_in_lan(b, lan);
        }
}

/* The LAN of a site that has an address; NULL: none. */
static const struct tl_lan *find_lan(const struct builder *b, uint32_t site, const struct wg_ip *ip)
{
        const struct tl_site *of = &b->model->sites[site];

        for (uint32_t i = of->lan_first; i < of->lan_first + of->lan_count; i++)
                if (wg_prefix_contains(&b->model->lans[i].prefix, ip))
                        return &b->model->lans[i];
        return NULL;
}

static const struct seat *seat_of(const struct builder *b, const struct tl_lan *lan)
{
        return &b->seats[lan - b->model->lans];
}

/* The address of a site's node in its first LAN of a family; NONE: there is no such LAN. */
static struct wg_ip node_in_lan(const struct builder *b, uint32_t site, uint8_t family)
{
        const struct tl_site *of = &b->model->sites[site];

        for (uint32_t i = of->lan_first; i < of->lan_first + of->lan_count; i++)
                if (b->model->lans[i].prefix.ip.family == family)
                        return b->seats[i].node;
        return NO_IP;
}

/* Whether a machine has an address of a family on a link: without one, it takes no route there. */
static bool has_family(const struct tl_nic *nic, uint8_t family)
{
        for (uint32_t i = 0; i < nic->count; i++)
                if (nic->addresses[i].ip.family == family)
                        return true;
        return false;
}

static void add_route_to_node(struct builder *b, struct tl_lab_machine *machine, uint32_t site,
                              const struct wg_prefix *to, uint32_t nic)
{
        struct wg_ip via = node_in_lan(b, site, to->ip.family);

        if (to->ip.family && via.family && has_family(&machine->nics[nic], to->ip.family))
                add_route(b, machine, to, &via, nic);
}

/* The routes that a LAN needs: the other sites' LANs and the pools, to the node. */
static void add_needed_routes(struct builder *b, struct tl_lab_machine *machine, uint32_t site,
                              uint32_t nic)
{
        const struct tl_model *model = b->model;

        for (uint32_t i = 0; i < model->lan_count; i++)
                if (model->lans[i].site != site)
                        add_route_to_node(b, machine, site, &model->lans[i].prefix, nic);
        add_route_to_node(b, machine, site, &model->pool4, nic);
        add_route_to_node(b, machine, site, &model->pool6, nic);
}

static void add_static_routes(struct builder *b, struct tl_lab_machine *machine, uint32_t site,
                              uint32_t nic)
{
        const struct tl_network_site *in_file = b->model->sites[site].in_file;

        if (!in_file->has_routes) {
                add_needed_routes(b, machine, site, nic);
                return;
        }
        for (uint32_t i = 0; i < in_file->routes.count; i++)
                add_route_to_node(b, machine, site, &in_file->routes.items[i].prefix, nic);
}

/* Gives a router or a node its addresses in the LANs of its site. */
static void sit_down(struct builder *b, struct tl_lab_machine *machine, uint32_t site,
                     uint32_t segment, bool is_router)
{
        const struct tl_site *of = &b->model->sites[site];
        struct tl_nic *nic = add_nic(b, machine, segment, TL_NETWORK_MTU);

        nic->is_lan = true;
        for (uint32_t i = of->lan_first; i < of->lan_first + of->lan_count; i++) {
                const struct seat *seat = &b->seats[i];

                add_address(b, nic, is_router ? &seat->router : &seat->node,
                            b->model->lans[i].prefix.cidr);
        }
}

/* The router of a LAN, unless that is the node. */
static void make_router(struct builder *b, uint32_t site, uint32_t segment, struct uplink *uplink)
{
        const struct tl_site *of = &b->model->sites[site];
        const struct tl_node *node = &b->model->nodes[of->node];
        struct tl_lab_machine *router = add_machine(b, format(b, "router.%s", of->name),
                                                    TL_LAB_ROUTER);
        struct wg_ip forward_to = NO_IP;
        const char *more = "";

        router->site = site;
        add_uplink(b, router, uplink);
        sit_down(b, router, site, segment, true);
        make_forwarder(b, router);
        switch (of->in_file->gateway) {
        case TL_GATEWAY_DROPS_INVALID:
                more = "                ct state invalid drop\n";
                add_setting(b, router, "net/netfilter/nf_conntrack_tcp_loose", "0");
                add_static_routes(b, router, site, 1);
                break;
        case TL_GATEWAY_STATIC_ROUTES:
                add_static_routes(b, router, site, 1);
                break;
        case TL_GATEWAY_SELF:
        case TL_GATEWAY_DHCP_121:
        case TL_GATEWAY_UNTOUCHABLE:
                break;
        }
        if (tl_node_is_public(node))
                forward_to = node_in_lan(b, site, router->public_ip.family);
        router->nft = nat_script(b, TL_LAB_NAT_MASQUERADE, more, &forward_to,
                                 node->in_file->endpoint.port);
}

/* Adds a plain device with one or two addresses in a site's LANs. */
static void add_device(struct builder *b, const char *name, uint32_t site, uint32_t segment,
                       const struct wg_ip *ip4, const struct wg_ip *ip6)
{
        const struct wg_ip *ips[] = {ip4, ip6};
        struct tl_lab_machine *machine = add_machine(b, name, TL_LAB_DEVICE);
        struct tl_nic *nic = add_nic(b, machine, segment, TL_NETWORK_MTU);

        nic->is_lan = true;
        machine->site = site;
        machine->ip4 = *ip4;
        machine->ip6 = *ip6;
        for (size_t i = 0; i < WG_ARRAY_SIZE(ips); i++) {
                const struct tl_lan *lan = ips[i]->family ? find_lan(b, site, ips[i]) : NULL;

                if (!lan)
                        continue;
                add_address(b, nic, ips[i], lan->prefix.cidr);
                add_default_route(b, machine, &seat_of(b, lan)->router, 0);
        }
        if (b->model->sites[site].in_file->gateway == TL_GATEWAY_DHCP_121)
                add_needed_routes(b, machine, site, 0);
}

/* Adds a device if nobody has its address yet, and it belongs to a LAN of this site. */
static void add_device_at(struct builder *b, const char *name, uint32_t site, uint32_t segment,
                          const struct wg_ip *ip)
{
        bool is_ipv4 = ip->family == WG_FAMILY_IPV4;

        if (ip->family && find_lan(b, site, ip) && !tl_topology_find_ip(b->topology, ip))
                add_device(b, name, site, segment, is_ipv4 ? ip : &NO_IP, is_ipv4 ? &NO_IP : ip);
}

static const char *name_of_ip(struct builder *b, const struct wg_ip *ip)
{
        char address[TL_ADDRESS_IP_SIZE];

        tl_address_format_ip(address, ip);
        return format(b, "%s", address);
}

/* A device in a LAN of which the file names none: something must answer there. */
static void add_unnamed_device(struct builder *b, uint32_t site, uint32_t segment)
{
        const struct tl_site *of = &b->model->sites[site];
        struct wg_ip ip4 = NO_IP, ip6 = NO_IP;

        for (uint32_t i = of->lan_first; i < of->lan_first + of->lan_count; i++) {
                const struct tl_lan *lan = &b->model->lans[i];
                struct wg_ip *ip = lan->prefix.ip.family == WG_FAMILY_IPV4 ? &ip4 : &ip6;

                if (!ip->family)
                        *ip = choose_in_lan(b, lan);
        }
        add_device(b, format(b, "device.%s", of->name), site, segment, &ip4, &ip6);
}

/* The plain devices of a site: those in the file, those of services, those in expectations. */
static void add_devices(struct builder *b, uint32_t site, uint32_t segment)
{
        const struct tl_model *model = b->model;
        const struct tl_site *of = &model->sites[site];
        uint32_t before = b->topology->machine_count;

        for (uint32_t i = of->host_first; i < of->host_first + of->host_count; i++) {
                const struct tl_host *host = &model->hosts[i];

                add_device(b, host->name, site, segment, &host->ip4, &host->ip6);
        }
        for (uint32_t i = 0; i < model->service_count; i++) {
                const struct tl_service *service = &model->services[i];
                const char *name = service->in_file->name.text;

                add_device_at(b, name, site, segment, &service->ip4);
                add_device_at(b, name, site, segment, &service->ip6);
        }
        for (uint32_t i = 0; i < b->wish_count; i++)
                if (b->wishes[i].ip.family && find_lan(b, site, &b->wishes[i].ip))
                        add_device_at(b, name_of_ip(b, &b->wishes[i].ip), site, segment,
                                      &b->wishes[i].ip);
        if (b->topology->machine_count == before)
                add_unnamed_device(b, site, segment);
}

static void make_site(struct builder *b, uint32_t site)
{
        const struct tl_site *of = &b->model->sites[site];
        const struct tl_node *node = &b->model->nodes[of->node];
        struct uplink uplink = describe_uplink(b, of->name, find_home(b, of->name), node);
        uint32_t segment = b->topology->segment_count++;
        struct tl_lab_machine *machine = add_node(b, of->node);

        if (of->in_file->gateway == TL_GATEWAY_SELF) {
                add_uplink(b, machine, &uplink);
                sit_down(b, machine, site, segment, true);
                make_forwarder(b, machine);
                machine->nft = "table inet lab {\n"
                               "        chain srcnat {\n"
                               "                type nat hook postrouting priority srcnat\n"
                               "                oifname \"eth0\" masquerade\n"
                               "        }\n"
                               "}\n";
        } else {
                sit_down(b, machine, site, segment, false);
                for (uint32_t i = of->lan_first; i < of->lan_first + of->lan_count; i++)
                        add_default_route(b, machine, &b->seats[i].router, 0);
                make_router(b, site, segment, &uplink);
        }
        name_endpoint(b, node, &uplink);
        add_devices(b, site, segment);
}

/* ---- homes ---- */

/* The router of a home, with eth1 on the home's LAN. */
static struct tl_lab_machine *make_home(struct builder *b, const char *name,
                                        const struct tl_lab_home *home, struct uplink *uplink)
{
        struct tl_lab_machine *router = add_machine(b, name, TL_LAB_ROUTER);
        struct wg_prefix lan = home && home->lan.prefix.ip.family ? home->lan.prefix
                                                                  : choose(b, &b->homes4);
        struct tl_nic *nic;
        struct wg_ip ip;

        complete_uplink(b, uplink);
        connect_to_internet(b, router, &uplink->ip4, &uplink->ip6, uplink->mtu);
        nic = add_nic(b, router, b->topology->segment_count++, TL_NETWORK_MTU);
        ip = nth(&lan, (uint8_t)wg_ip_bits(&lan.ip), 1);
        add_address(b, nic, &ip, lan.cidr);
        if (b->has_ipv6) {
                lan = choose(b, &b->homes6);
                ip = nth(&lan, 128, 1);
                add_address(b, nic, &ip, lan.cidr);
        }
        make_forwarder(b, router);
        set_mapping(b, router, uplink->mapping_s);
        router->nft = nat_script(b, uplink->nat, "", &NO_IP, 0);
        router->spare_ip = choose(b, &b->public4).ip;
        router->used = 1;
        return router;
}

/* Connects a device to the LAN of its home. */
static void move_in(struct builder *b, struct tl_lab_machine *machine,
                    struct tl_lab_machine *router)
{
        const struct tl_nic *lan = &router->nics[1];
        struct tl_nic *nic = add_nic(b, machine, lan->segment, lan->mtu);

        router->used++;
        for (uint32_t i = 0; i < lan->count; i++) {
                struct wg_prefix prefix = lan->addresses[i];
                struct wg_ip ip;

                wg_prefix_mask(&prefix);
                ip = nth(&prefix, (uint8_t)wg_ip_bits(&prefix.ip), router->used);
                if (!wg_prefix_contains(&prefix, &ip)) {
                        tl_findings_error(
                                b->findings, b->model->network->lab.at, "use a larger LAN",
                                "the home of %s has more devices than addresses", machine->name);
                        return;
                }
                add_address(b, nic, &ip, prefix.cidr);
                add_default_route(b, machine, &lan->addresses[i].ip, 0);
        }
}

static struct tl_lab_machine *find_machine(const struct builder *b, const char *name)
{
        for (uint32_t i = 0; i < b->topology->machine_count; i++)
                if (strcmp(b->topology->machines[i].name, name) == 0)
                        return &b->topology->machines[i];
        return NULL;
}

/* A device is in the home that the file gives it, else in that of its person. */
static void make_person_device(struct builder *b, uint32_t index)
{
        const struct tl_node *node = &b->model->nodes[index];
        const struct tl_lab_home *home = find_home(b, node->name);
        const char *name = node->name, *router_name;
        struct uplink uplink;
        struct tl_lab_machine *machine, *router;

        if (!home) {
                name = b->model->network->people[node->person].name.text;
                home = find_home(b, name);
        }
        uplink = describe_uplink(b, name, home, node);
        machine = add_node(b, index);
        if (uplink.nat == TL_LAB_NAT_NONE) {
                add_uplink(b, machine, &uplink);
                name_endpoint(b, node, &uplink);
                return;
        }
        router_name = format(b, "router.%s", name);
        router = find_machine(b, router_name);
        if (!router)
                router = make_home(b, router_name, home, &uplink);
        if (!b->is_out_of_memory && router->nic_count > 1)
                move_in(b, machine, router);
}

/* ---- ports and names ---- */

static void listen_for_services(struct builder *b)
{
        const struct tl_model *model = b->model;

        for (uint32_t i = 0; i < model->service_count; i++) {
                const struct tl_service *service = &model->services[i];
                const struct wg_ip *ip = service->ip4.family ? &service->ip4 : &service->ip6;
                struct tl_lab_machine *machine = (struct tl_lab_machine *)tl_topology_find_ip(
                        b->topology, ip);

                for (uint32_t p = 0; machine && p < service->in_file->ports.count; p++) {
                        const struct tl_port_range *range = &service->in_file->ports.items[p];
                        uint32_t last = WG_MIN((uint32_t)range->last,
                                               range->first + TL_TOPOLOGY_PORTS_MAX - 1u);

                        for (uint32_t port = range->first; port && port <= last; port++)
                                add_listener(b, machine, range->protocol, (uint16_t)port);
                }
        }
}

static void listen_for_wishes(struct builder *b)
{
        for (uint32_t i = 0; i < b->wish_count; i++) {
                const struct tl_topology_wish *wish = &b->wishes[i];
                struct tl_lab_machine *machine = (struct tl_lab_machine *)tl_topology_find_ip(
                        b->topology, &wish->ip);

                if (machine && wish->port)
                        add_listener(b, machine, wish->protocol, wish->port);
        }
}

/* Every machine can be called by its name. */
static void name_machines(struct builder *b)
{
        const struct tl_topology *topology = b->topology;

        for (uint32_t i = 0; i < topology->machine_count; i++) {
                const struct tl_lab_machine *machine = &topology->machines[i];
                const char *slash = strchr(machine->name, '/');
                const char *name = machine->name;

                if (slash) {
                        name = format(b, "%.*s", (int)(slash - name), name);
                        if (tl_topology_find(topology, name) != machine)
                                continue; /* the person has several */
                }
                add_name(b, name, &machine->ip4);
                add_name(b, name, &machine->ip6);
        }
}

/* ---- all of it ---- */

/* Notes what the file uses, and checks that public addresses differ. */
static void take_all(struct builder *b)
{
        const struct tl_model *model = b->model;
        const struct tl_network *network = model->network;

        for (uint32_t i = 0; i < model->lan_count; i++)
                take(b, model->lans[i].prefix);
        take(b, model->pool4);
        take(b, model->pool6);
        take(b, network->mapped.prefix);
        for (uint32_t i = 0; i < network->lab.home_count; i++)
                take(b, network->lab.homes[i].lan.prefix);
        for (uint32_t i = 0; i < model->node_count; i++) {
                const struct tl_network_endpoint *endpoint = &model->nodes[i].in_file->endpoint;
                struct wg_prefix prefix = alone(endpoint->ip);

                if (!endpoint->ip.family)
                        continue;
                b->has_ipv6 |= endpoint->ip.family == WG_FAMILY_IPV6;
                for (uint32_t k = 0; k < i; k++) {
                        const struct tl_network_endpoint *other =
                                &model->nodes[k].in_file->endpoint;

                        if (wg_ip_equal(&other->ip, &endpoint->ip))
                                tl_findings_add(b->findings, TL_FINDING_ERROR, endpoint->host.at,
                                                &other->host.at,
                                                "give each its own address to show it in a lab",
                                                "two nodes share one public address");
                }
                take(b, prefix);
        }
}

static bool reserve(struct builder *b)
{
        const struct tl_model *model = b->model;
        struct tl_topology *topology = b->topology;
        uint64_t most = 1 + 3 * (uint64_t)model->node_count + model->host_count +
                        2 * (uint64_t)model->service_count + b->wish_count + model->site_count;

        if (most > 16 * TL_TOPOLOGY_MACHINES_MAX) {
                tl_findings_error(b->findings, model->network->name.at, NULL,
                                  "the network has too many machines for a lab (at most %u)",
                                  TL_TOPOLOGY_MACHINES_MAX);
                return false;
        }
        topology->machines = tl_arena_take(&topology->arena, most, sizeof(*topology->machines));
        topology->machine_capacity = (uint32_t)most;
        b->seats = tl_arena_take(&topology->arena, model->lan_count, sizeof(*b->seats));
        b->is_out_of_memory = !topology->machines || !b->seats;
        return true;
}

static void build(struct builder *b)
{
        const struct tl_model *model = b->model;

        make_ranges(b);
        take_all(b);
        fill_seats(b);
        make_internet(b);
        for (uint32_t i = 0; i < model->hub_count; i++)
                make_hub(b, i);
        for (uint32_t i = 0; i < model->site_count; i++)
                make_site(b, i);
        for (uint32_t i = 0; i < model->node_count; i++)
                if (model->nodes[i].kind == TL_NODE_DEVICE &&
                    (b->has_stock || !model->nodes[i].is_stock))
                        make_person_device(b, i);
        listen_for_services(b);
        listen_for_wishes(b);
        name_machines(b);
        if (b->topology->machine_count > TL_TOPOLOGY_MACHINES_MAX)
                tl_findings_error(b->findings, model->network->name.at, NULL,
                                  "the network needs %u machines in a lab (at most %u)",
                                  b->topology->machine_count, TL_TOPOLOGY_MACHINES_MAX);
}

bool tl_topology_make(struct tl_topology *topology, const struct tl_model *model,
                      const struct tl_topology_wish *wishes, uint32_t wish_count, bool has_stock,
                      struct tl_findings *findings)
{
        struct builder b = {.topology = topology,
                            .model = model,
                            .wishes = wishes,
                            .wish_count = wish_count,
                            .has_stock = has_stock,
                            .findings = findings};
        uint32_t errors = findings->errors;

        *topology = (struct tl_topology){.machine_count = 0};
        if (!reserve(&b))
                return false;
        if (!b.is_out_of_memory)
                build(&b);
        if (b.is_out_of_memory)
                tl_findings_error(findings, (struct tl_place){0}, NULL, "out of memory");
        return findings->errors == errors && !findings->has_lost_some;
}

void tl_topology_done(struct tl_topology *topology)
{
        tl_arena_done(&topology->arena);
        *topology = (struct tl_topology){.machine_count = 0};
}

const struct tl_lab_machine *tl_topology_find(const struct tl_topology *topology, const char *name)
{
        const struct tl_lab_machine *found = NULL;
        size_t len = strlen(name);

        for (uint32_t i = 0; i < topology->machine_count; i++) {
                const struct tl_lab_machine *machine = &topology->machines[i];

                if (strcmp(machine->name, name) == 0)
                        return machine;
        }
        for (uint32_t i = 0; i < topology->machine_count; i++) {
                const struct tl_lab_machine *machine = &topology->machines[i];

                if (strncmp(machine->name, name, len) == 0 && machine->name[len] == '/') {
                        if (found)
                                return NULL;
                        found = machine;
                }
        }
        return found;
}

static bool has_address(const struct tl_lab_machine *machine, const struct wg_ip *ip)
{
        for (uint32_t n = 0; n < machine->nic_count; n++)
                for (uint32_t i = 0; i < machine->nics[n].count; i++)
                        if (wg_ip_equal(&machine->nics[n].addresses[i].ip, ip))
                                return true;
        return false;
}

const struct tl_lab_machine *tl_topology_find_ip(const struct tl_topology *topology,
                                                 const struct wg_ip *ip)
{
        if (ip->family == WG_FAMILY_NONE)
                return NULL;
        for (uint32_t i = 0; i < topology->machine_count; i++) {
                const struct tl_lab_machine *machine = &topology->machines[i];

                if (wg_ip_equal(&machine->ip4, ip) || wg_ip_equal(&machine->ip6, ip))
                        return machine;
        }
        for (uint32_t i = 0; i < topology->machine_count; i++)
                if (has_address(&topology->machines[i], ip))
                        return &topology->machines[i];
        return NULL;
}
