/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "node/running.h"

#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "client/channel.h"
#include "client/link.h"
#include "host/nft.h"
#include "host/setting.h"
#include "host/table.h"
#include "io/fail.h"
#include "io/netlink.h"
#include "io/netset.h"
#include "io/rule.h"
#include "net/nest.h"
#include "node/tags.h"

/* How often to start over if the daemon ends while we ask it: another command may end it. */
enum { TRIES = 20, RETRY_MS = 50 };

static int read_link(struct tl_state *state, uint32_t ifindex)
{
        struct tl_link link;
        int error = tl_netlink_get_link(ifindex, &link);

        if (error)
                return error;
        state->has_link = true;
        state->is_up = link.is_up;
        state->mtu = link.mtu;
        return 0;
}

static int read_device(struct tl_state *state, const char *name, const uint8_t *private_key)
{
        int error;

        tl_change_init(&state->own_device);
        state->device = &state->own_device;
        error = tl_link_get(name, &state->own_device);
        if (!error && private_key)
                state->has_key = wg_equal(state->own_device.private_key, private_key,
                                          TL_CONF_KEY_LEN);
        wg_wipe(state->own_device.private_key, TL_CONF_KEY_LEN);
        state->own_device.has_private_key = false;
        return error;
}

static int read_addresses(struct tl_state *state, uint32_t ifindex)
{
        struct tl_netset_address *addresses = NULL;
        size_t count = 0;
        int error = tl_netset_list_addresses(ifindex, &addresses, &count);

        if (error)
                return error;
        state->addresses = tl_arena_take(&state->arena, count, sizeof(*state->addresses));
        for (size_t i = 0; state->addresses && i < count; i++)
                state->addresses[state->address_count++] = (struct tl_planned_address){
                        addresses[i].ip,
                        addresses[i].cidr,
                };
        free(addresses);
        return state->addresses ? 0 : -ENOMEM;
}

/* Reads what belongs to the link. Its index is 0 if there is none. */
static int read_once(struct tl_state *state, const char *name, const uint8_t *private_key,
                     uint32_t *ifindex)
{
        int error;

        *ifindex = tl_link_is_served(name) ? if_nametoindex(name) : 0;
        if (!*ifindex)
                return 0;
        error = read_link(state, *ifindex);
        if (!error)
                error = read_device(state, name, private_key);
        return error ? error : read_addresses(state, *ifindex);
}

static bool has_ended(int error)
{
        return error == -ENODEV || error == -ENXIO || error == -EPIPE || error == -ECONNRESET ||
               error == -ECONNREFUSED || error == -ENOENT;
}

static bool read_all(struct tl_state *state, const char *name, const uint8_t *private_key,
                     uint32_t *ifindex)
{
        int error = read_once(state, name, private_key, ifindex);

        for (int i = 1; has_ended(error) && i < TRIES; i++) {
                tl_state_done(state);
                poll(NULL, 0, RETRY_MS);
                error = read_once(state, name, private_key, ifindex);
        }
        return !error || tl_fail("cannot read the link `%s' and its configuration: %s", name,
                                 tl_channel_error(error));
}

/* ---- routes ---- */

/* The routes of all networks on this machine. */
struct found {
        uint32_t ifindex; /* of the network's link; 0: none */
        uint32_t metric;  /* of its unreachable routes */
        struct tl_netset_route *routes;
        size_t count;
};

/* Whether the route leads where only routes of this network do, in whatever table. */
static bool leads_our_way(const struct found *found, const struct tl_netset_route *route)
{
        return route->is_unreachable ? route->metric == found->metric
                                     : found->ifindex && route->ifindex == found->ifindex;
}

/* The network's table that has this number; if it is none of these, returns false. */
static bool find_table(const struct tl_state *state, uint32_t number, enum tl_planned_table *table)
{
        for (size_t i = 0; i < WG_ARRAY_SIZE(state->tables); i++)
                if (state->tables[i] == number) {
                        *table = (enum tl_planned_table)i;
                        return true;
                }
        return false;
}

static enum tl_planned_route_kind kind_of(const struct found *found,
                                          const struct tl_netset_route *route)
{
        if (route->is_unreachable)
                return TL_PLANNED_UNREACHABLE;
        return route->ifindex == found->ifindex ? TL_PLANNED_LINK : TL_PLANNED_GATEWAY;
}

/* The name of a link, or "" if it is gone by now; NULL: no memory. */
static const char *name_link(struct tl_state *state, uint32_t ifindex)
{
        char name[IF_NAMESIZE];

        if (!ifindex || !if_indextoname(ifindex, name))
                return "";
        return tl_arena_copy(&state->arena, name, strlen(name));
}

/* Adds the route if it is the network's. Returns false if there is no memory. */
static bool add_route(struct tl_state *state, const struct found *found,
                      const struct tl_netset_route *route)
{
        struct tl_planned_route made = {
                .prefix = route->prefix,
                .kind = kind_of(found, route),
                .metric = route->metric,
                .mtu = route->mtu,
                .via = route->via,
        };

        if (route->is_other || !find_table(state, route->table, &made.table) ||
            (made.table == TL_PLANNED_MAIN && !leads_our_way(found, route)))
                return true;
        if (made.kind == TL_PLANNED_GATEWAY) {
                made.link = name_link(state, route->ifindex);
                if (!made.link)
                        return false;
        }
        state->routes[state->route_count++] = made;
        return true;
}

static bool add_routes(struct tl_state *state, const struct found *found)
{
        state->routes = tl_arena_take(&state->arena, found->count, sizeof(*state->routes));
        if (!state->routes)
                return false;
        for (size_t i = 0; i < found->count; i++)
                if (!add_route(state, found, &found->routes[i]))
                        return false;
        return true;
}

/* ---- proxy entries ---- */

/* The prefixes that networks route in the main table; of ours, the id is 1. */
static struct tl_nest_item *list_prefixes(struct tl_state *state, const struct found *found,
                                          uint32_t *count)
{
        struct tl_nest_item *items = tl_arena_take(&state->arena, found->count, sizeof(*items));

        *count = 0;
        for (size_t i = 0; items && i < found->count; i++)
                if (found->routes[i].table == TL_NETSET_MAIN && !found->routes[i].is_other)
                        items[(*count)++] = (struct tl_nest_item){
                                .prefix = found->routes[i].prefix,
                                .id = leads_our_way(found, &found->routes[i]),
                        };
        if (items)
                tl_nest_sort(items, *count);
        return items;
}

/* An entry does not tell its network, but its address has a route into the network's tunnel before
 * the entry is there, until it is gone. One without any route of a network is of use to none. */
static bool owns_proxy(const struct tl_nest_item *prefixes, uint32_t count,
                       const struct tl_netset_proxy *proxy)
{
        uint32_t i;

        if (proxy->protocol != TL_NODEPLAN_PROTOCOL)
                return false;
        i = tl_nest_find(prefixes, count, &proxy->ip);
        return i == TL_NEST_NONE || prefixes[i].id;
}

static bool add_proxies(struct tl_state *state, const struct found *found,
                        const struct tl_netset_proxy *proxies, size_t count)
{
        uint32_t prefix_count;
        const struct tl_nest_item *prefixes = list_prefixes(state, found, &prefix_count);

        state->proxies = tl_arena_take(&state->arena, count, sizeof(*state->proxies));
        state->others = tl_arena_take(&state->arena, count, sizeof(*state->others));
        if (!prefixes || !state->proxies || !state->others)
                return false;
        for (size_t i = 0; i < count; i++) {
                struct tl_planned_proxy made = {proxies[i].ip,
                                                name_link(state, proxies[i].ifindex)};

                if (!made.link)
                        return false;
                if (owns_proxy(prefixes, prefix_count, &proxies[i]))
                        state->proxies[state->proxy_count++] = made;
                else
                        state->others[state->other_count++] = made;
        }
        return true;
}

/* Proxy entries are read before the routes that tell whose they are: another command may add both
 * meanwhile, the route first. */
static bool read_netset(struct tl_state *state, const char *name, uint32_t ifindex)
{
        struct found found = {.ifindex = ifindex, .metric = tl_tags_metric(name)};
        struct tl_netset_proxy *proxies = NULL;
        size_t count = 0;
        int error = tl_netset_list_proxies(&proxies, &count);
        bool is_good = true;

        if (!error)
                error = tl_netset_list_routes(TL_NODEPLAN_PROTOCOL, &found.routes, &found.count);
        if (!error)
                is_good = add_routes(state, &found) && add_proxies(state, &found, proxies, count);
        free(proxies);
        free(found.routes);
        if (error)
                return tl_fail("cannot list routes and neighbours: %s", strerror(-error));
        return is_good || tl_fail("out of memory");
}

/* ---- rules ---- */

/* The network adds rules with no other condition than those that it has to tell packets apart. */
static bool owns_rule(const struct tl_state *state, const struct tl_rule *rule)
{
        enum tl_planned_table table;

        return rule->protocol == TL_NODEPLAN_PROTOCOL && rule->action == TL_RULE_LOOKUP &&
               !rule->mask && !rule->is_inverted && !rule->ignores_defaults && !rule->has_more &&
               find_table(state, rule->table, &table) && table != TL_PLANNED_MAIN;
}

static void add_rules(struct tl_state *state, const struct tl_rule *rules, size_t count)
{
        for (size_t i = 0; i < count; i++)
                if (owns_rule(state, &rules[i]))
                        state->rules[state->rule_count++] = rules[i];
}

static bool read_rules(struct tl_state *state)
{
        struct tl_rule *rules4 = NULL, *rules6 = NULL;
        size_t count4 = 0, count6 = 0;
        int error = tl_rule_read(WG_FAMILY_IPV4, &rules4, &count4);

        if (!error)
                error = tl_rule_read(WG_FAMILY_IPV6, &rules6, &count6);
        if (!error)
                state->rules = tl_arena_take(&state->arena, count4 + count6, sizeof(*state->rules));
        if (state->rules) {
                add_rules(state, rules4, count4);
                add_rules(state, rules6, count6);
        }
        free(rules4);
        free(rules6);
        if (error)
                return tl_fail("cannot list rules of policy routing: %s", strerror(-error));
        return state->rules || tl_fail("out of memory");
}

static bool read_table(struct tl_state *state, const char *name)
{
        char table_name[TL_TABLE_NAME_SIZE];
        char *form;

        tl_table_name(table_name, TL_NODEPLAN_TABLE_PREFIX, name);
        if (!tl_nft_read(&form, table_name))
                return false;
        if (!form)
                return true;
        state->table_name = tl_arena_copy(&state->arena, table_name, strlen(table_name));
        state->table_form = tl_arena_copy(&state->arena, form, strlen(form));
        free(form);
        return (state->table_name && state->table_form) || tl_fail("out of memory");
}

bool tl_running_read(struct tl_state *state, const char *name,
                     const uint8_t private_key[TL_CONF_KEY_LEN])
{
        uint32_t ifindex;

        *state = (struct tl_state){0};
        tl_state_number_tables(state, name);
        if (!read_all(state, name, private_key, &ifindex) || !read_netset(state, name, ifindex) ||
            !read_rules(state) || !read_table(state, name))
                return false;
        tl_state_sort(state);
        return true;
}

bool tl_running_add_table(struct tl_state *state)
{
        char *text;

        if (!state->table_name || state->table)
                return true;
        text = tl_nft_list(state->table_name);
        if (!text)
                return false;
        state->table = tl_arena_copy(&state->arena, text, strlen(text));
        free(text);
        return state->table || tl_fail("out of memory");
}

bool tl_running_add_settings(struct tl_state *state, const struct tl_planned_setting *settings,
                             uint32_t count)
{
        state->settings = tl_arena_take(&state->arena, count, sizeof(*state->settings));
        if (!state->settings)
                return tl_fail("out of memory");
        for (uint32_t i = 0; i < count; i++) {
                char value[TL_SETTING_SIZE] = "";
                struct tl_planned_setting *made = &state->settings[i];

                if (tl_setting_read(settings[i].path, value) < 0)
                        value[0] = '\0';
                made->path = settings[i].path;
                made->value = tl_arena_copy(&state->arena, value, strlen(value));
                if (!made->value)
                        return tl_fail("out of memory");
        }
        state->setting_count = count;
        return true;
}
