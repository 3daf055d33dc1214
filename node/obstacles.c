/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "node/obstacles.h"

#include <ctype.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "conf/address.h"
#include "host/filter.h"
#include "host/filters.h"
#include "host/firewall.h"
#include "host/table.h"
#include "net/nodeplan.h"
#include "net/ownlan.h"

enum { DROPS_MAX = 16 }; /* chains; each is listed once */

struct search {
        struct tl_local *local;
        const struct tl_model *model;
        const struct tl_node *self;
        uint32_t node;
        const char *ifname;
        struct tl_filter filter;
};

/* ---- drops ---- */

static void describe_packets(char *out, size_t size, const struct tl_filter_packets *packets)
{
        if (packets->hook == TL_FILTER_INPUT)
                snprintf(out, size, "UDP packets to port %u", packets->port);
        else
                snprintf(out, size, "connections from %s to %s",
                         packets->in ? packets->in : "a LAN",
                         packets->out ? packets->out : "a LAN");
}

/* Whether the same command was already suggested: one lets both families through. */
static bool is_known(const struct tl_local *local, const char *fix)
{
        for (uint32_t i = 0; i < local->drop_count; i++)
                if (strcmp(local->drops[i].fix, fix) == 0)
                        return true;
        return false;
}

static void add_drop(struct search *s, const struct tl_filter_chain *chain,
                     const struct tl_filter_packets *packets)
{
        struct tl_local_drop *drop = &s->local->drops[s->local->drop_count];
        char fix[TL_FIREWALL_FIX_SIZE];

        tl_firewall_fix(fix, &s->filter, chain, packets, s->ifname);
        if (s->local->drop_count == DROPS_MAX || is_known(s->local, fix))
                return;
        _Static_assert(sizeof(drop->fix) >= sizeof(fix), "a command fits");
        _Static_assert(sizeof(drop->table) >= TL_FIREWALL_NAME_SIZE, "a name fits");
        memcpy(drop->fix, fix, sizeof(fix));
        tl_firewall_name(drop->table, &s->filter, chain);
        describe_packets(drop->packets, sizeof(drop->packets), packets);
        s->local->drop_count++;
}

/* Walks packets through all chains that see them. */
static void check(struct search *s, const struct tl_filter_packets *packets)
{
        for (uint32_t i = 0; i < s->filter.count; i++) {
                const struct tl_filter_chain *chain = &s->filter.chains[i];

                if (tl_filter_sees(chain, packets) &&
                    tl_filter_walk(&s->filter, chain, packets) == TL_FILTER_DROPPED)
                        add_drop(s, chain, packets);
        }
}

/* Connections in both directions between a prefix of the network and one behind `link` (NULL: any
 * link). */
static void check_forwarding(struct search *s, const struct wg_prefix *far,
                             const struct wg_prefix *near, const char *link)
{
        struct tl_filter_packets packets = {
                .hook = TL_FILTER_FORWARD,
                .family = far->ip.family,
                .in = s->ifname,
                .out = link,
                .from = *far,
                .to = *near,
        };

        if (far->ip.family == WG_FAMILY_NONE || far->ip.family != near->ip.family ||
            (far->ip.family == WG_FAMILY_IPV6 && s->local->lacks_ipv6))
                return;
        check(s, &packets);
        packets.in = link;
        packets.out = s->ifname;
        packets.from = *near;
        packets.to = *far;
        check(s, &packets);
}

/* Everything that the network sends to a prefix that is reached by a link. Forwarded packets have
 * the addresses of the tunnel, but for those of the node's own LANs, which are translated before
 * and after. */
static void check_prefix(struct search *s, const struct wg_prefix *near, uint32_t site,
                         const char *link)
{
        const struct tl_model *model = s->model;

        check_forwarding(s, &model->pool4, near, link);
        check_forwarding(s, &model->pool6, near, link);
        for (uint32_t i = 0; i < model->lan_count; i++)
                if (model->lans[i].site != site)
                        check_forwarding(s, &model->lans[i].wire, near, link);
}

/* The link of the default route of a family; NULL: there is none. */
static const char *find_uplink(const struct tl_local *local, uint8_t family)
{
        const struct tl_local_route *found = NULL;

        for (uint32_t i = 0; i < local->route_count; i++) {
                const struct tl_local_route *route = &local->routes[i];

                if (route->prefix.cidr == 0 && route->prefix.ip.family == family &&
                    route->link[0] && (!found || route->metric < found->metric))
                        found = route;
        }
        return found ? found->link : NULL;
}

/* What others send to the daemon's port. */
static void check_port(struct search *s)
{
        const struct tl_network_endpoint *endpoint = &s->self->in_file->endpoint;
        struct tl_filter_packets packets = {
                .hook = TL_FILTER_INPUT,
                .protocol = WG_PROTOCOL_UDP,
                .port = endpoint->port,
        };

        for (uint8_t family = WG_FAMILY_IPV4; family <= WG_FAMILY_IPV6; family += 2) {
                packets.family = family;
                packets.in = find_uplink(s->local, family);
                if (endpoint->ip.family == family ||
                    (endpoint->ip.family == WG_FAMILY_NONE && packets.in))
                        check(s, &packets);
        }
}

static void check_node(struct search *s)
{
        const struct tl_model *model = s->model;

        if (tl_node_is_public(s->self))
                check_port(s);
        switch (s->self->kind) {
        case TL_NODE_HUB:
                check_prefix(s, &model->pool4, TL_MODEL_NONE, s->ifname);
                check_prefix(s, &model->pool6, TL_MODEL_NONE, s->ifname);
                break;
        case TL_NODE_SITE:
                for (uint32_t i = 0; i < model->lan_count; i++)
                        if (model->lans[i].site == s->self->site)
                                check_prefix(s, &model->lans[i].prefix, s->self->site,
                                             tl_ownlan_link(model, &model->lans[i], s->local));
                break;
        case TL_NODE_DEVICE:
                break;
        }
}

/* ---- forwarders ---- */

/* Programs that forward packets, by the beginning of the names of their links, in which # stands
 * for a hexadecimal digit. */
static const struct forwarder {
        const char *link, *program;
        bool needs_rule; /* only if a rule accepts forwarded packets of the link */
} forwarders[] = {
        {"docker", "Docker", false}, {"br-############", "Docker", false},
        {"podman", "Podman", false}, {"cni", "CNI", false},
        {"virbr", "libvirt", false}, {"lxcbr", "LXC", false},
        {"lxdbr", "LXD", false},     {"incusbr", "Incus", false},
        {"wg", "WireGuard", true},
};

static bool has_rule(const struct tl_filter *filter, const char *link)
{
        for (uint32_t i = 0; i < filter->count; i++)
                for (uint32_t j = 0; j < filter->chains[i].count; j++)
                        if (filter->chains[i].rules[j].verdict == TL_FILTER_ACCEPT &&
                            tl_filter_names_link(&filter->chains[i].rules[j], link))
                                return true;
        return false;
}

static bool begins_with(const char *link, const char *pattern)
{
        for (; *pattern; pattern++, link++)
                if (*pattern == '#' ? !isxdigit((unsigned char)*link) : *pattern != *link)
                        return false;
        return true;
}

static const struct forwarder *find_program(const struct tl_filter *filter, const char *link)
{
        for (size_t i = 0; i < WG_ARRAY_SIZE(forwarders); i++) {
                const struct forwarder *forwarder = &forwarders[i];

                if (begins_with(link, forwarder->link) &&
                    (!forwarder->needs_rule || has_rule(filter, link)))
                        return forwarder;
        }
        return NULL;
}

static void find_forwarder(const struct tl_filter *filter, const char *ifname,
                           char out[TL_OBSTACLES_NAME_SIZE])
{
        struct if_nameindex *links = if_nameindex();

        out[0] = '\0';
        for (const struct if_nameindex *link = links; link && link->if_index && !out[0]; link++) {
                const struct forwarder *found = strcmp(link->if_name, ifname) != 0
                                                        ? find_program(filter, link->if_name)
                                                        : NULL;

                if (found)
                        snprintf(out, TL_OBSTACLES_NAME_SIZE, "%s (%s)", found->program,
                                 link->if_name);
        }
        if (links)
                if_freenameindex(links);
}

static const char *read_filters(struct tl_filter *filter, const char *ifname)
{
        char table[TL_TABLE_NAME_SIZE];

        tl_table_name(table, TL_NODEPLAN_TABLE_PREFIX, ifname);
        return tl_filters_read(filter, table);
}

bool tl_obstacles_forwarder(const char *ifname, char out[TL_OBSTACLES_NAME_SIZE])
{
        struct tl_filter filter = {0};

        (void)read_filters(&filter, ifname);
        find_forwarder(&filter, ifname, out);
        tl_filter_done(&filter);
        return out[0];
}

bool tl_obstacles_find(struct tl_local *local, const struct tl_model *model, uint32_t node,
                       const char **problem)
{
        struct search s = {
                .local = local,
                .model = model,
                .self = &model->nodes[node],
                .node = node,
                .ifname = model->network->name.text,
        };

        local->drops = tl_arena_take(&local->arena, DROPS_MAX, sizeof(*local->drops));
        if (!local->drops)
                return false;
        *problem = read_filters(&s.filter, s.ifname);
        check_node(&s);
        _Static_assert(sizeof(local->other_forwarder) >= TL_OBSTACLES_NAME_SIZE, "a name fits");
        find_forwarder(&s.filter, s.ifname, local->other_forwarder);
        local->has_other_forwarder = local->other_forwarder[0];
        tl_filter_done(&s.filter);
        return true;
}
