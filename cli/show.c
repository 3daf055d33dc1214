/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "cli/show.h"

#include <inttypes.h>

#include "cli/json.h"
#include "cli/load.h"
#include "cli/report.h"
#include "cli/showview.h"
#include "cli/travelview.h"
#include "conf/address.h"
#include "io/fail.h"
#include "net/lanways.h"
#include "net/nodeplan.h"
#include "net/pathmtu.h"
#include "net/words.h"

/* ---- JSON: values ---- */

/* Functions return false or NULL if there is no memory. */

static json_t *ip_string(const struct wg_ip *ip)
{
        char text[TL_ADDRESS_IP_SIZE];

        tl_address_format_ip(text, ip);
        return json_string(text);
}

static json_t *prefix_string(const struct wg_prefix *prefix)
{
        char text[TL_ADDRESS_PREFIX_SIZE];

        tl_address_format_prefix(text, prefix);
        return json_string(text);
}

/* These do nothing if there is no address. */

static bool append_ip(json_t *array, const struct wg_ip *ip)
{
        return ip->family == WG_FAMILY_NONE || json_array_append_new(array, ip_string(ip)) == 0;
}

static bool append_prefix(json_t *array, const struct wg_prefix *prefix)
{
        return prefix->ip.family == WG_FAMILY_NONE ||
               json_array_append_new(array, prefix_string(prefix)) == 0;
}

static bool set_ip(json_t *object, const char *name, const struct wg_ip *ip)
{
        return ip->family == WG_FAMILY_NONE ||
               json_object_set_new(object, name, ip_string(ip)) == 0;
}

static bool set_prefix(json_t *object, const char *name, const struct wg_prefix *prefix)
{
        return prefix->ip.family == WG_FAMILY_NONE ||
               json_object_set_new(object, name, prefix_string(prefix)) == 0;
}

/* The value if it is complete; else NULL, after releasing it. */
static json_t *finish(json_t *value, bool is_good)
{
        if (is_good)
                return value;
        json_decref(value);
        return NULL;
}

static json_t *describe_ips(const struct wg_ip *ip4, const struct wg_ip *ip6)
{
        json_t *array = json_array();
        bool is_good = append_ip(array, ip4) && append_ip(array, ip6);

        return finish(array, is_good);
}

static json_t *describe_prefixes(const struct wg_prefix *items, uint32_t count)
{
        json_t *array = json_array();
        bool is_good = array;

        for (uint32_t i = 0; is_good && i < count; i++)
                is_good = append_prefix(array, &items[i]);
        return finish(array, is_good);
}

/* ---- JSON: parts ---- */

/* An array with an object for each of `count` items. */
static json_t *describe_each(const struct tl_model *model, uint32_t count,
                             json_t *(*describe)(const struct tl_model *model, uint32_t index))
{
        json_t *array = json_array();
        bool is_good = array;

        for (uint32_t i = 0; is_good && i < count; i++)
                is_good = json_array_append_new(array, describe(model, i)) == 0;
        return finish(array, is_good);
}

static json_t *describe_node(const struct tl_model *model, uint32_t index)
{
        const struct tl_node *node = &model->nodes[index];
        bool is_public = tl_node_is_public(node);
        char endpoint[TL_SHOWVIEW_ENDPOINT_SIZE];
        json_t *object;

        if (is_public)
                tl_showview_endpoint(endpoint, &node->in_file->endpoint);
        object = json_pack(
                "{s:s, s:s, s:s*, s:b, s:o, s:s*, s:s*, s:i, s:i, s:b}", "name", node->name, "kind",
                tl_node_kind_name(node->kind), "site",
                node->site == TL_MODEL_NONE ? NULL : model->sites[node->site].name, "is_stock",
                node->is_stock, "addresses", describe_ips(&node->ip4, &node->ip6), "hub",
                node->kind == TL_NODE_HUB ? NULL : model->nodes[node->hub].name, "endpoint",
                is_public ? endpoint : NULL, "keepalive_s", (int)tl_nodeplan_keepalive_s(node),
                "mtu", (int)tl_pathmtu_link(model, index, 0), "has_key",
                node->in_file->key_at.line > 0);
        tl_report_json_place(object, node->at);
        return object;
}

static json_t *describe_way(const struct tl_lanway *way, bool is_only)
{
        json_t *object = json_pack("{s:s, s:s, s:s}", "travel", tl_travel_name(way->mode), "reason",
                                   tl_travel_reason_name(way->reason), "text",
                                   tl_travel_reason_text(way->reason));

        if (is_only)
                return object;
        return finish(object, json_object_set_new(
                                      object, "from",
                                      describe_prefixes(way->from.items, way->from.count)) == 0);
}

static json_t *describe_ways(const struct tl_model *model, uint32_t lan)
{
        struct tl_arena arena = {0};
        struct tl_lanways ways = {0};
        json_t *array = json_array();
        bool is_good = tl_lanways_list(&ways, &arena, model, lan);

        for (uint32_t i = 0; is_good && i < ways.count; i++)
                is_good = json_array_append_new(array,
                                                describe_way(&ways.items[i], ways.count == 1)) == 0;
        tl_arena_done(&arena);
        return finish(array, is_good);
}

static json_t *describe_lan(const struct tl_model *model, uint32_t index)
{
        const struct tl_lan *lan = &model->lans[index];
        const struct tl_site *site = &model->sites[lan->site];
        char gateway[TL_SHOWVIEW_WORD_SIZE];
        json_t *object;
        bool is_good;

        tl_showview_gateway(gateway, site->in_file->gateway);
        object = json_pack("{s:s, s:s, s:s, s:o}", "site", site->name, "node",
                           model->nodes[site->node].name, "gateway", gateway, "ways",
                           describe_ways(model, index));
        is_good = set_prefix(object, "prefix", &lan->prefix) &&
                  set_prefix(object, "mapped", &lan->mapped) &&
                  set_ip(object, "node_address", &lan->node_at) &&
                  set_ip(object, "router_address", &lan->router_at);
        tl_report_json_place(object, lan->at);
        return finish(object, is_good);
}

/* Appends what somebody must enter for a site, if that is possible at all. */
static bool append_routes(json_t *array, const struct tl_model *model, uint32_t site,
                          uint8_t family)
{
        enum tl_route_holder holder = tl_showview_holder(model->sites[site].in_file, family);
        uint32_t lan = tl_lanways_lan(model, site, family);
        struct tl_arena arena = {0};
        struct tl_prefixes routes = {0};
        json_t *object = NULL;

        if (holder == TL_ROUTE_HOLDER_NONE || lan == TL_MODEL_NONE)
                return true;
        if (tl_lanways_routes(&routes, &arena, model, site, family)) {
                object = json_pack("{s:s, s:s, s:s, s:o}", "site", model->sites[site].name, "on",
                                   tl_route_holder_name(holder), "node",
                                   model->nodes[model->sites[site].node].name, "routes",
                                   describe_prefixes(routes.items, routes.count));
                object = finish(object, set_ip(object, "via", &model->lans[lan].node_at));
        }
        tl_arena_done(&arena);
        return json_array_append_new(array, object) == 0;
}

static json_t *describe_routes(const struct tl_model *model)
{
        json_t *array = json_array();
        bool is_good = array;

        for (uint32_t i = 0; is_good && i < model->site_count; i++)
                is_good = append_routes(array, model, i, WG_FAMILY_IPV4) &&
                          append_routes(array, model, i, WG_FAMILY_IPV6);
        return finish(array, is_good);
}

static json_t *describe_ports(const struct tl_port_list *ports)
{
        json_t *array = json_array();
        bool is_good = array;

        for (uint32_t i = 0; is_good && i < ports->count; i++) {
                char text[TL_WORDS_PORTS_SIZE];

                tl_words_format_ports(text, ports->items[i].protocol, ports->items[i].first,
                                      ports->items[i].last);
                is_good = json_array_append_new(array, json_string(text)) == 0;
        }
        return finish(array, is_good);
}

static json_t *describe_service(const struct tl_model *model, uint32_t index)
{
        const struct tl_service *service = &model->services[index];

        return json_pack("{s:s, s:s, s:o, s:o}", "name", service->in_file->name.text, "at",
                         service->in_file->at.text, "addresses",
                         describe_ips(&service->ip4, &service->ip6), "ports",
                         describe_ports(&service->in_file->ports));
}

static json_t *describe_group(const struct tl_model *model, uint32_t index)
{
        const struct tl_group *group = &model->groups[index];
        json_t *people = json_array();
        bool is_good = people;

        for (uint32_t i = 0; is_good && i < group->count; i++)
                is_good = json_array_append_new(
                                  people,
                                  json_string(
                                          model->network->people[group->people[i]].name.text)) == 0;
        return json_pack("{s:s, s:o}", "name", group->name, "people", finish(people, is_good));
}

static int print_json(const struct tl_load *load)
{
        const struct tl_model *model = &load->model;
        const struct wg_prefix pools[] = {model->pool4, model->pool6};

        return tl_json_print(json_pack(
                "{s:s, s:s, s:i, s:o, s:o, s:o, s:o, s:o, s:o}", "network", load->network.name.text,
                "file", load->paths.file, "new_values", (int)load->lock_changes, "addresses",
                describe_prefixes(pools, WG_ARRAY_SIZE(pools)), "nodes",
                describe_each(model, model->node_count, describe_node), "lans",
                describe_each(model, model->lan_count, describe_lan), "routes",
                describe_routes(model), "services",
                describe_each(model, model->service_count, describe_service), "groups",
                describe_each(model, model->group_count, describe_group)));
}

/* ---- the command ---- */

static int print_text(const struct tl_load *load)
{
        const struct tl_pen pen = tl_pen_of_stdout();

        if (tl_showview_print(&pen, &load->model))
                return TL_CLI_YES;
        tl_fail("out of memory");
        return TL_CLI_FAILED;
}

static int print_travel(const struct tl_call *call, const struct tl_load *load)
{
        const struct tl_pen pen = tl_pen_of_stdout();

        if (tl_call_has(call, TL_CLI_JSON))
                return tl_json_print(tl_travelview_json(&load->model));
        if (tl_travelview_print(&pen, &load->model))
                return TL_CLI_YES;
        tl_fail("out of memory");
        return TL_CLI_FAILED;
}

static int show(const struct tl_call *call, struct tl_load *load)
{
        if (!load->is_good) {
                tl_load_print_findings(load);
                return TL_CLI_FAILED;
        }
        if (load->lock_changes)
                fprintf(stderr,
                        "%s lacks %" PRIu32 " of these values, which may still change: run "
                        "`tieline check' to record them\n",
                        load->paths.lock, load->lock_changes);
        if (tl_call_has(call, TL_CLI_TRAVEL))
                return print_travel(call, load);
        return tl_call_has(call, TL_CLI_JSON) ? print_json(load) : print_text(load);
}

int tl_cli_show(const struct tl_call *call)
{
        struct tl_load load;
        int status = tl_load_read(&load, tl_call_network(call));

        if (!status)
                status = show(call, &load);
        tl_load_done(&load);
        return status;
}
