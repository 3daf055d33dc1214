/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "node/flows.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/address.h"
#include "host/setting.h"
#include "io/conntrack.h"
#include "net/course.h"

#define LOADED "net/netfilter/nf_conntrack_count" /* exists once the kernel tracks connections */

/* What is needed to judge connections. */
struct judge {
        const struct tl_model *model;
        const struct tl_policy *policy;
        uint32_t site; /* this node's; TL_MODEL_NONE: it is in none */
        struct tl_conntrack conntrack;
        bool is_cutting;
        struct tl_live_flows *flows;
};

/* ---- judging ---- */

/* One end of a connection. */
struct end {
        struct wg_ip ip; /* in the tunnel */
        uint32_t site;   /* of its LAN; TL_MODEL_NONE: it is no LAN's */
};

/* What devices of this node's own LANs send has their own addresses, not yet those in the tunnel.
 * Returns false if the address is not the network's. */
static bool find_end(const struct judge *judge, const struct wg_ip *ip, struct end *end)
{
        const struct tl_model *model = judge->model;
        uint32_t lan = judge->site == TL_MODEL_NONE ? TL_MODEL_NONE
                                                    : tl_model_find_lan_of(model, judge->site, ip);

        *end = (struct end){.ip = *ip, .site = TL_MODEL_NONE};
        if (lan != TL_MODEL_NONE)
                end->ip = tl_course_translate(ip, &model->lans[lan].prefix, &model->lans[lan].wire);
        else
                lan = tl_model_find_lan(model, ip);
        if (lan != TL_MODEL_NONE)
                end->site = model->lans[lan].site;
        return lan != TL_MODEL_NONE || wg_prefix_contains(&model->pool4, ip) ||
               wg_prefix_contains(&model->pool6, ip);
}

/* The destination of a connection: an address of this node's LAN may stand for it. */
static struct wg_ip find_meant(const struct judge *judge, const struct tl_conntrack_flow *flow)
{
        const struct tl_model *model = judge->model;
        struct tl_walk_end from = {.ip = flow->from, .lan = TL_MODEL_NONE}, to;

        if (judge->site != TL_MODEL_NONE)
                from.lan = tl_model_find_lan_of(model, judge->site, &flow->from);
        if (from.lan == TL_MODEL_NONE)
                return flow->to;
        to = tl_course_find(model, &from, &flow->to);
        if (to.node == TL_MODEL_NONE || model->nodes[to.node].site == judge->site)
                return flow->to;
        return tl_course_wire(model, &to);
}

static uint8_t find_protocol(uint8_t protocol)
{
        return protocol == WG_PROTOCOL_ICMPV6 ? WG_PROTOCOL_ICMP : protocol;
}

static bool is_forbidden(const struct judge *judge, const struct tl_conntrack_flow *flow)
{
        struct tl_policy_query query = {
                .protocol = find_protocol(flow->protocol),
                .port = flow->to_port,
        };
        struct wg_ip meant = find_meant(judge, flow);
        struct end from, to;

        if (!flow->is_answered || !find_end(judge, &flow->from, &from) ||
            !find_end(judge, &meant, &to))
                return false;
        if (judge->site != TL_MODEL_NONE && from.site == judge->site && to.site == judge->site)
                return false;
        query.from = from.ip;
        query.to = to.ip;
        return !tl_policy_allows(judge->policy, &query, NULL);
}

/* Each ping(8) is a connection to the kernel, and stays for half a minute. */
static bool is_listed(const struct tl_live_flows *flows, const struct tl_live_flow *flow)
{
        for (uint32_t i = 0; i < flows->count; i++) {
                const struct tl_live_flow *other = &flows->items[i];

                if (other->protocol == flow->protocol && wg_ip_equal(&other->from, &flow->from) &&
                    wg_ip_equal(&other->to, &flow->to))
                        return true;
        }
        return false;
}

static void list(struct tl_live_flows *flows, const struct tl_conntrack_flow *flow)
{
        struct tl_live_flow item = {
                .from = flow->from,
                .to = flow->to,
                .protocol = find_protocol(flow->protocol),
                .from_port = flow->from_port,
                .to_port = flow->to_port,
        };

        if (flow->is_closed || (item.protocol == WG_PROTOCOL_ICMP && is_listed(flows, &item)))
                return;
        flows->total++;
        if (flows->count < TL_FLOWS_MAX)
                flows->items[flows->count++] = item;
}

static int see(void *ctx, const struct tl_conntrack_flow *flow)
{
        struct judge *judge = ctx;
        int error = 0;

        if (!is_forbidden(judge, flow))
                return 0;
        if (judge->is_cutting)
                error = tl_conntrack_delete(&judge->conntrack, flow);
        if (!error)
                list(judge->flows, flow);
        return error;
}

/* ---- walking ---- */

/* Asking a kernel that tracks no connections would make it load its modules. */
static bool has_connections(void)
{
        char value[TL_SETTING_SIZE];

        return tl_setting_read(LOADED, value) != -ENOENT;
}

static int walk(struct judge *judge)
{
        int error;

        *judge->flows = (struct tl_live_flows){0};
        if (judge->policy->is_open || !has_connections())
                return 0;
        error = tl_conntrack_open(&judge->conntrack);
        if (!error)
                error = tl_conntrack_each(&judge->conntrack, see, judge);
        tl_conntrack_close(&judge->conntrack);
        return error;
}

int tl_flows_find(struct tl_live_flows *flows, const struct tl_model *model,
                  const struct tl_policy *policy, uint32_t node)
{
        struct judge judge = {
                .model = model,
                .policy = policy,
                .site = model->nodes[node].site,
                .flows = flows,
        };

        return walk(&judge);
}

int tl_flows_cut(struct tl_live_flows *flows, const struct tl_model *model,
                 const struct tl_policy *policy, uint32_t node)
{
        struct judge judge = {
                .model = model,
                .policy = policy,
                .site = model->nodes[node].site,
                .is_cutting = true,
                .flows = flows,
        };

        return walk(&judge);
}

/* ---- text ---- */

/* The name of a node or host with that address; "": there is none. */
static const char *find_name(const struct tl_model *model, const struct wg_ip *ip)
{
        uint32_t index = tl_model_find_address(model, ip);
        const struct tl_site *site;

        if (index != TL_MODEL_NONE)
                return model->nodes[index].name;
        index = tl_model_find_lan(model, ip);
        if (index == TL_MODEL_NONE)
                return "";
        site = &model->sites[model->lans[index].site];
        for (uint32_t i = site->host_first; i < site->host_first + site->host_count; i++)
                if (wg_ip_equal(&model->hosts[i].ip4, ip) || wg_ip_equal(&model->hosts[i].ip6, ip))
                        return model->hosts[i].name;
        return "";
}

enum { END_SIZE = TL_FLOWS_TEXT_SIZE / 2 - 16 };

/* "d 192.168.200.244:443". */
static void format_end(char out[END_SIZE], const struct tl_model *model, const struct wg_ip *ip,
                       bool has_port, uint16_t port)
{
        const char *name = find_name(model, ip);
        bool is_bracketed = has_port && ip->family == WG_FAMILY_IPV6;
        char address[TL_ADDRESS_IP_SIZE], suffix[8] = "";

        tl_address_format_ip(address, ip);
        if (has_port)
                snprintf(suffix, sizeof(suffix), ":%u", port);
        snprintf(out, END_SIZE, "%.64s%s%s%s%s%s", name, name[0] ? " " : "",
                 is_bracketed ? "[" : "", address, is_bracketed ? "]" : "", suffix);
}

void tl_flows_format(char out[TL_FLOWS_TEXT_SIZE], const struct tl_live_flow *flow,
                     const struct tl_model *model)
{
        bool has_ports = flow->protocol == WG_PROTOCOL_TCP || flow->protocol == WG_PROTOCOL_UDP;
        char from[END_SIZE], to[END_SIZE], protocol[24];

        format_end(from, model, &flow->from, has_ports, flow->from_port);
        format_end(to, model, &flow->to, has_ports, flow->to_port);
        if (has_ports)
                snprintf(protocol, sizeof(protocol), "/%s",
                         flow->protocol == WG_PROTOCOL_TCP ? "tcp" : "udp");
        else if (flow->protocol == WG_PROTOCOL_ICMP)
                snprintf(protocol, sizeof(protocol), " ping");
        else
                snprintf(protocol, sizeof(protocol), " protocol %u", flow->protocol);
        snprintf(out, TL_FLOWS_TEXT_SIZE, "%s -> %s%s", from, to, protocol);
}
