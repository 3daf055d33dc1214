/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "test/lib/nodeplan_dump.h"

#include <inttypes.h>
#include <stdio.h>

#include "conf/address.h"
#include "test/lib/cmocka.h"

static void write_prefix(FILE *out, const char *before, const struct wg_prefix *prefix)
{
        char text[TL_ADDRESS_PREFIX_SIZE];

        tl_address_format_prefix(text, prefix);
        fprintf(out, "%s%s", before, text);
}

static void write_endpoint(FILE *out, const struct tl_change_peer *peer)
{
        char text[TL_ADDRESS_ENDPOINT_SIZE];

        if (!peer->has_endpoint)
                return;
        if (peer->endpoint_host) {
                fprintf(out, " at %s:%u", peer->endpoint_host, peer->endpoint.port);
                return;
        }
        tl_address_format_endpoint(text, &peer->endpoint);
        fprintf(out, " at %s", text);
}

static void write_peer(FILE *out, const struct tl_nodeplan *plan, const struct tl_model *model,
                       const struct tl_change_peer *peer)
{
        uint32_t node = tl_model_find_key(model, peer->public_key);

        fprintf(out, "peer %s", node == TL_MODEL_NONE ? "?" : model->nodes[node].name);
        write_endpoint(out, peer);
        if (peer->persistent_keepalive_s)
                fprintf(out, " keepalive %u", peer->persistent_keepalive_s);
        fprintf(out, ":");
        for (uint32_t i = 0; i < peer->allowed_ip_count; i++)
                write_prefix(out, " ", &tl_change_peer_allowed_ip(&plan->device, peer, i)->prefix);
        fprintf(out, "\n");
}

static bool has_route(const struct tl_nodeplan *plan, const struct tl_planned_route *like,
                      enum tl_planned_route_kind kind, uint32_t metric)
{
        for (uint32_t i = 0; i < plan->route_count; i++)
                if (plan->routes[i].kind == kind && plan->routes[i].metric == metric &&
                    plan->routes[i].table == like->table &&
                    plan->routes[i].prefix.cidr == like->prefix.cidr &&
                    wg_ip_equal(&plan->routes[i].prefix.ip, &like->prefix.ip))
                        return true;
        return false;
}

static void write_gateway(FILE *out, const struct tl_planned_route *route)
{
        char via[TL_ADDRESS_IP_SIZE] = "?";

        if (route->via.family != WG_FAMILY_NONE)
                tl_address_format_ip(via, &route->via);
        fprintf(out, " via %s dev %s", via, route->link ? route->link : "?");
}

/* One line, on which each prefix stands for a route into the tunnel and its unreachable twin; a "!"
 * marks one that is alone. */
static void write_routes(FILE *out, const struct tl_nodeplan *plan, enum tl_planned_table table)
{
        for (uint32_t i = 0; i < plan->route_count; i++) {
                const struct tl_planned_route *route = &plan->routes[i];
                bool is_link = has_route(plan, route, TL_PLANNED_LINK, 0);

                if (route->table != table || (is_link && route->kind == TL_PLANNED_UNREACHABLE))
                        continue;
                write_prefix(out, " ", &route->prefix);
                if (route->mtu)
                        fprintf(out, " mtu %" PRIu32, route->mtu);
                if (route->kind == TL_PLANNED_GATEWAY)
                        write_gateway(out, route);
                else if (!is_link ||
                         !has_route(plan, route, TL_PLANNED_UNREACHABLE, TL_NODEPLAN_HIGH_METRIC))
                        fprintf(out, "!");
        }
        fprintf(out, "\n");
}

static void write_table(FILE *out, const struct tl_nodeplan *plan, enum tl_planned_table table)
{
        for (uint32_t i = 0; i < plan->route_count; i++)
                if (plan->routes[i].table == table) {
                        fprintf(out, "table %s:", tl_planned_table_name(table));
                        write_routes(out, plan, table);
                        return;
                }
}

static void write_rule(FILE *out, const struct tl_planned_rule *rule)
{
        fprintf(out, "rule ipv%u%s", rule->family, rule->is_from_link ? " out of the tunnel" : "");
        if (rule->from.ip.family != WG_FAMILY_NONE)
                write_prefix(out, " from ", &rule->from);
        if (rule->to.ip.family != WG_FAMILY_NONE)
                write_prefix(out, " to ", &rule->to);
        fprintf(out, ": %s\n", tl_planned_table_name(rule->table));
}

static void write_proxy(FILE *out, const struct tl_planned_proxy *proxy)
{
        char ip[TL_ADDRESS_IP_SIZE];

        tl_address_format_ip(ip, &proxy->ip);
        fprintf(out, "answer for %s on %s\n", ip, proxy->link ? proxy->link : "?");
}

static void write_setting(FILE *out, const struct tl_planned_setting *setting)
{
        fprintf(out, "%s = %s", setting->path, setting->value);
        fprintf(out, "%s%s\n", setting->only_if ? " if " : "",
                setting->only_if ? setting->only_if : "");
}

char *nodeplan_dump(char *out, size_t size, const struct tl_nodeplan *plan,
                    const struct tl_model *model)
{
        FILE *text = fmemopen(out, size, "w");

        if (!text)
                fail_msg("fmemopen");
        fprintf(text, "%s, table %s, mtu %" PRIu32, plan->ifname, plan->table, plan->mtu);
        if (plan->listen_port)
                fprintf(text, ", port %u", plan->listen_port);
        fprintf(text, "\n");
        for (uint32_t i = 0; i < plan->address_count; i++)
                write_prefix(text, i ? " " : "address ",
                             &(struct wg_prefix){plan->addresses[i].ip, plan->addresses[i].cidr});
        fprintf(text, "\n");
        for (uint32_t i = 0; i < plan->device.peer_count; i++)
                write_peer(text, plan, model, tl_change_peer_at(&plan->device, i));
        fprintf(text, "routes:");
        write_routes(text, plan, TL_PLANNED_MAIN);
        write_table(text, plan, TL_PLANNED_HIDDEN);
        write_table(text, plan, TL_PLANNED_RETURN);
        for (uint32_t i = 0; i < plan->rule_count; i++)
                write_rule(text, &plan->rules[i]);
        for (uint32_t i = 0; i < plan->proxy_count; i++)
                write_proxy(text, &plan->proxies[i]);
        for (uint32_t i = 0; i < plan->setting_count; i++)
                write_setting(text, &plan->settings[i]);
        fclose(text);
        return out;
}
