/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "cli/showview.h"

#include <inttypes.h>
#include <string.h>

#include "cli/table.h"
#include "conf/address.h"
#include "net/lanways.h"
#include "net/nodeplan.h"
#include "net/pathmtu.h"
#include "net/words.h"

WG_ENUM_DEFINE(tl_route_holder, TL_ROUTE_HOLDERS)

enum { WIDTH = 80, SOURCES_SHOWN = 3 }; /* columns if there is no terminal; sources of a way */

enum tl_route_holder tl_showview_holder(const struct tl_network_site *site, uint8_t family)
{
        switch (site->gateway) {
        case TL_GATEWAY_STATIC_ROUTES:
        case TL_GATEWAY_DROPS_INVALID:
                return TL_ROUTE_HOLDER_ROUTER;
        case TL_GATEWAY_DHCP_121:
                return family == WG_FAMILY_IPV4 ? TL_ROUTE_HOLDER_DHCP : TL_ROUTE_HOLDER_DEVICES;
        case TL_GATEWAY_SELF:
        case TL_GATEWAY_UNTOUCHABLE:
                break;
        }
        return TL_ROUTE_HOLDER_NONE;
}

void tl_showview_endpoint(char out[TL_SHOWVIEW_ENDPOINT_SIZE],
                          const struct tl_network_endpoint *endpoint)
{
        bool is_ipv6 = endpoint->ip.family == WG_FAMILY_IPV6;

        snprintf(out, TL_SHOWVIEW_ENDPOINT_SIZE, "%s%.260s%s:%u", is_ipv6 ? "[" : "",
                 endpoint->host.text, is_ipv6 ? "]" : "", (unsigned int)endpoint->port);
}

void tl_showview_gateway(char out[TL_SHOWVIEW_WORD_SIZE], enum tl_gateway gateway)
{
        snprintf(out, TL_SHOWVIEW_WORD_SIZE, "%s", tl_gateway_name(gateway));
        for (; *out; out++)
                *out = *out == '_' ? '-' : *out;
}

/* ---- cells ---- */

static const char *ip_cell(struct tl_table *table, const struct wg_ip *ip)
{
        char text[TL_ADDRESS_IP_SIZE] = "-";

        if (ip->family != WG_FAMILY_NONE)
                tl_address_format_ip(text, ip);
        return tl_table_text(table, "%s", text);
}

static const char *prefix_cell(struct tl_table *table, const struct wg_prefix *prefix)
{
        char text[TL_ADDRESS_PREFIX_SIZE] = "-";

        if (prefix->ip.family != WG_FAMILY_NONE)
                tl_address_format_prefix(text, prefix);
        return tl_table_text(table, "%s", text);
}

/* "A, B, C", and "and 3 more" beyond `most`. */
static void write_prefixes(FILE *out, const struct tl_prefixes *list, uint32_t most)
{
        for (uint32_t i = 0; i < list->count && i < most; i++) {
                char text[TL_ADDRESS_PREFIX_SIZE];

                tl_address_format_prefix(text, &list->items[i]);
                fprintf(out, "%s%s", i ? ", " : "", text);
        }
        if (list->count > most)
                fprintf(out, " and %" PRIu32 " more", list->count - most);
}

static void put_title(const struct tl_pen *pen, const char *title)
{
        fputc('\n', pen->out);
        tl_pen_put(pen, TL_PEN_BOLD, title);
        fputc('\n', pen->out);
}

/* Prints a section, unless it is empty, and releases its table. */
static bool put_section(const struct tl_pen *pen, const char *title, struct tl_table *table)
{
        bool is_good = !table->has_no_memory;

        if (is_good && table->count > 1) {
                put_title(pen, title);
                tl_table_print(table, pen);
        }
        tl_table_done(table);
        return is_good;
}

/* ---- nodes ---- */

static const char *kind_cell(const struct tl_node *node)
{
        if (node->is_stock)
                return "stock";
        switch (node->kind) {
        case TL_NODE_HUB:
                return "hub";
        case TL_NODE_SITE:
                return "site";
        case TL_NODE_DEVICE:
                return "device";
        }
        return "";
}

static const char *hub_cell(const struct tl_model *model, const struct tl_node *node)
{
        return node->kind == TL_NODE_HUB ? "-" : model->nodes[node->hub].name;
}

static void add_node(struct tl_table *table, const struct tl_model *model, uint32_t index)
{
        const struct tl_node *node = &model->nodes[index];
        char endpoint[TL_SHOWVIEW_ENDPOINT_SIZE];

        tl_table_add(table,
                     (struct tl_table_row){
                             .cells = {node->name, kind_cell(node), ip_cell(table, &node->ip4),
                                       ip_cell(table, &node->ip6), hub_cell(model, node),
                                       tl_nodeplan_keepalive_s(node)
                                               ? tl_table_text(table, "%u s",
                                                               tl_nodeplan_keepalive_s(node))
                                               : "-",
                                       tl_table_text(table, "%" PRIu32,
                                                     tl_pathmtu_link(model, index, 0))}});
        if (tl_node_is_public(node)) {
                tl_showview_endpoint(endpoint, &node->in_file->endpoint);
                tl_table_add(table, (struct tl_table_row){
                                            .note = tl_table_text(table, "at %s", endpoint)});
        }
        if (!node->in_file->key_at.line)
                tl_table_add(table,
                             (struct tl_table_row){.note = "no key yet: run `tieline key` on it"});
}

/* Names the sites that need no hub between them. */
static void put_direct(const struct tl_pen *pen, const struct tl_model *model)
{
        unsigned int column = 2;
        uint32_t count = 0, seen = 0;

        for (uint32_t i = 0; i < model->site_count; i++)
                count += tl_node_is_public(&model->nodes[model->sites[i].node]);
        if (count < 2)
                return;
        tl_pen_spaces(pen, column);
        for (uint32_t i = 0; i < model->site_count; i++) {
                const struct tl_node *node = &model->nodes[model->sites[i].node];
                char text[TL_NETWORK_WORD_MAX + 8];

                if (!tl_node_is_public(node))
                        continue;
                seen++;
                snprintf(text, sizeof(text), "%s%.*s%s", seen > 1 ? " " : "", TL_NETWORK_WORD_MAX,
                         node->name,
                         seen + 1 == count ? " and"
                         : seen < count    ? ","
                                           : "");
                column = tl_pen_put_words(pen, TL_PEN_PLAIN, text, column, 2);
        }
        tl_pen_put_words(pen, TL_PEN_PLAIN, " talk to each other directly", column, 2);
        fputc('\n', pen->out);
}

static bool put_nodes(const struct tl_pen *pen, const struct tl_model *model)
{
        struct tl_table table = {0};

        tl_table_add(&table, (struct tl_table_row){.cells = {"NAME", "KIND", "IPV4", "IPV6", "HUB",
                                                             "KEEPALIVE", "MTU"}});
        for (uint32_t i = 0; i < model->node_count; i++)
                add_node(&table, model, i);
        if (!put_section(pen, "Nodes", &table))
                return false;
        put_direct(pen, model);
        return true;
}

/* ---- LANs ---- */

static const char *mode_text(enum tl_travel mode)
{
        switch (mode) {
        case TL_TRAVEL_NATIVE:
                return "native";
        case TL_TRAVEL_SNAT:
                return "SNAT";
        case TL_TRAVEL_IMPOSSIBLE:
                return "no way in";
        case TL_TRAVEL_VIA_GATEWAY:
                return "via gateway";
        case TL_TRAVEL_VIRTUAL:
                return "virtual address";
        case TL_TRAVEL_BLOCK:
                return "block";
        }
        return "";
}

/* "SNAT from everywhere: the LAN's router sends replies elsewhere" */
static void add_way(struct tl_table *table, const struct tl_lanway *way, bool is_only)
{
        FILE *out = tl_table_begin(table);

        if (out) {
                fputs(mode_text(way->mode), out);
                if (!is_only) {
                        fputs(" from ", out);
                        write_prefixes(out, &way->from, SOURCES_SHOWN);
                } else if (way->mode != TL_TRAVEL_IMPOSSIBLE) {
                        fputs(" from everywhere", out);
                }
                fprintf(out, ": %s", tl_travel_reason_text(way->reason));
        }
        tl_table_add(table, (struct tl_table_row){.note = tl_table_end(table)});
}

static void add_lan(struct tl_table *table, const struct tl_model *model, uint32_t index)
{
        const struct tl_lan *lan = &model->lans[index];
        const struct tl_site *site = &model->sites[lan->site];
        const char *node = model->nodes[site->node].name;
        struct tl_arena arena = {0};
        struct tl_lanways ways = {0};
        char gateway[TL_SHOWVIEW_WORD_SIZE];

        tl_showview_gateway(gateway, site->in_file->gateway);
        tl_table_add(table,
                     (struct tl_table_row){
                             .cells = {site->name, prefix_cell(table, &lan->prefix),
                                       prefix_cell(table, &lan->mapped),
                                       tl_table_text(table, "%s", gateway),
                                       lan->node_at.family == WG_FAMILY_NONE
                                               ? node
                                               : tl_table_text(table, "%s %s", node,
                                                               ip_cell(table, &lan->node_at))}});
        if (!tl_lanways_list(&ways, &arena, model, index))
                table->has_no_memory = true;
        for (uint32_t i = 0; i < ways.count; i++)
                add_way(table, &ways.items[i], ways.count == 1);
        tl_arena_done(&arena);
}

static bool put_lans(const struct tl_pen *pen, const struct tl_model *model)
{
        struct tl_table table = {0};

        tl_table_add(&table, (struct tl_table_row){
                                     .cells = {"SITE", "PREFIX", "MAPPED", "GATEWAY", "NODE"}});
        for (uint32_t i = 0; i < model->lan_count; i++)
                add_lan(&table, model, i);
        return put_section(pen, "LANs", &table);
}

/* ---- routes to enter ---- */

struct routes {
        const struct tl_pen *pen;
        const struct tl_model *model;
        uint32_t count; /* paragraphs so far */
};

static void write_holder(FILE *out, const struct tl_site *site, enum tl_route_holder holder)
{
        switch (holder) {
        case TL_ROUTE_HOLDER_ROUTER:
                fprintf(out, "on %s's router", site->name);
                break;
        case TL_ROUTE_HOLDER_DHCP:
                fprintf(out, "by %s's DHCP, option 121", site->name);
                break;
        case TL_ROUTE_HOLDER_DEVICES:
                fprintf(out, "on %s's devices, since option 121 is for IPv4", site->name);
                break;
        case TL_ROUTE_HOLDER_NONE:
                break;
        }
}

/* Devices that get option 121 ignore the router option (RFC 3442). */
static void write_default(FILE *out, const struct tl_lan *lan)
{
        char router[TL_ADDRESS_IP_SIZE] = "the router";

        if (lan->router_at.family != WG_FAMILY_NONE)
                tl_address_format_ip(router, &lan->router_at);
        fprintf(out, "; also 0.0.0.0/0 via %s, since devices then ignore the router option",
                router);
}

static void write_routes(FILE *out, const struct tl_model *model, const struct tl_lan *lan,
                         enum tl_route_holder holder, const struct tl_prefixes *routes)
{
        const struct tl_site *site = &model->sites[lan->site];
        char via[TL_ADDRESS_IP_SIZE];

        write_holder(out, site, holder);
        fputs(": ", out);
        if (!routes->count) {
                fputs("no route is missing", out);
                return;
        }
        write_prefixes(out, routes, UINT32_MAX);
        if (lan->node_at.family == WG_FAMILY_NONE) {
                fprintf(out, " via the address of %s in this LAN", model->nodes[site->node].name);
        } else {
                tl_address_format_ip(via, &lan->node_at);
                fprintf(out, " via %s", via);
        }
        if (holder == TL_ROUTE_HOLDER_DHCP)
                write_default(out, lan);
}

static void put_routes_text(struct routes *all, const char *text)
{
        if (all->count++ == 0)
                put_title(all->pen, "Routes to enter");
        tl_pen_spaces(all->pen, 2);
        tl_pen_put_words(all->pen, TL_PEN_PLAIN, text, 2, 4);
        fputc('\n', all->pen->out);
}

static bool put_routes_of(struct routes *all, uint32_t site, uint8_t family)
{
        enum tl_route_holder holder = tl_showview_holder(all->model->sites[site].in_file, family);
        uint32_t lan = tl_lanways_lan(all->model, site, family);
        struct tl_table table = {0};
        struct tl_prefixes routes = {0};
        FILE *out;
        bool is_good;

        if (holder == TL_ROUTE_HOLDER_NONE || lan == TL_MODEL_NONE)
                return true;
        is_good = tl_lanways_routes(&routes, &table.arena, all->model, site, family);
        out = is_good ? tl_table_begin(&table) : NULL;
        if (out) {
                const char *text;

                write_routes(out, all->model, &all->model->lans[lan], holder, &routes);
                text = tl_table_end(&table);
                put_routes_text(all, text);
        }
        is_good = out && !table.has_no_memory;
        tl_table_done(&table);
        return is_good;
}

static bool put_routes(const struct tl_pen *pen, const struct tl_model *model)
{
        struct routes all = {.pen = pen, .model = model};

        for (uint32_t i = 0; i < model->site_count; i++)
                if (!put_routes_of(&all, i, WG_FAMILY_IPV4) ||
                    !put_routes_of(&all, i, WG_FAMILY_IPV6))
                        return false;
        return true;
}

/* ---- services and groups ---- */

static const char *ports_cell(struct tl_table *table, const struct tl_port_list *ports)
{
        FILE *out = tl_table_begin(table);

        for (uint32_t i = 0; out && i < ports->count; i++) {
                char text[TL_WORDS_PORTS_SIZE];

                tl_words_format_ports(text, ports->items[i].protocol, ports->items[i].first,
                                      ports->items[i].last);
                fprintf(out, "%s%s", i ? ", " : "", text);
        }
        return tl_table_end(table);
}

/* "d (192.168.200.244)", or the address alone if the file has no name for it. */
static const char *at_cell(struct tl_table *table, const struct tl_service *service)
{
        const struct wg_ip *ip = service->ip4.family != WG_FAMILY_NONE ? &service->ip4
                                                                       : &service->ip6;
        const char *name = service->in_file->at.text;

        if (service->in_file->ip.family != WG_FAMILY_NONE || ip->family == WG_FAMILY_NONE)
                return name;
        return tl_table_text(table, "%s (%s)", name, ip_cell(table, ip));
}

static bool put_services(const struct tl_pen *pen, const struct tl_model *model)
{
        struct tl_table table = {0};

        tl_table_add(&table, (struct tl_table_row){.cells = {"NAME", "AT", "PORTS"}});
        for (uint32_t i = 0; i < model->service_count; i++) {
                const struct tl_service *service = &model->services[i];

                tl_table_add(
                        &table,
                        (struct tl_table_row){
                                .cells = {service->in_file->name.text, at_cell(&table, service),
                                          ports_cell(&table, &service->in_file->ports)}});
        }
        return put_section(pen, "Services", &table);
}

static const char *people_cell(struct tl_table *table, const struct tl_model *model,
                               const struct tl_group *group)
{
        FILE *out = tl_table_begin(table);

        for (uint32_t i = 0; out && i < group->count; i++)
                fprintf(out, "%s%s", i ? ", " : "",
                        model->network->people[group->people[i]].name.text);
        return tl_table_end(table);
}

static bool put_groups(const struct tl_pen *pen, const struct tl_model *model)
{
        struct tl_table table = {0};

        tl_table_add(&table, (struct tl_table_row){.cells = {"NAME", "PEOPLE"}});
        for (uint32_t i = 0; i < model->group_count; i++)
                tl_table_add(&table,
                             (struct tl_table_row){
                                     .cells = {model->groups[i].name,
                                               people_cell(&table, model, &model->groups[i])}});
        return put_section(pen, "Groups", &table);
}

/* ---- the whole ---- */

/* "acme: 10.70.0.0/24, fd01:203:405::/64" */
static void put_network(const struct tl_pen *pen, const struct tl_model *model)
{
        const struct wg_prefix *const pools[] = {&model->pool4, &model->pool6};
        const char *gap = ": ";

        tl_pen_put(pen, TL_PEN_BOLD, model->network->name.text);
        for (size_t i = 0; i < WG_ARRAY_SIZE(pools); i++) {
                char text[TL_ADDRESS_PREFIX_SIZE];

                if (pools[i]->ip.family == WG_FAMILY_NONE)
                        continue;
                tl_address_format_prefix(text, pools[i]);
                fprintf(pen->out, "%s%s", gap, text);
                gap = ", ";
        }
        fputc('\n', pen->out);
}

bool tl_showview_print(const struct tl_pen *pen, const struct tl_model *model)
{
        struct tl_pen wide = *pen;

        if (!wide.width)
                wide.width = WIDTH;
        put_network(&wide, model);
        return put_nodes(&wide, model) && put_lans(&wide, model) && put_routes(&wide, model) &&
               put_services(&wide, model) && put_groups(&wide, model);
}
