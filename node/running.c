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

static bool is_ours(const struct tl_netset_route *route, uint32_t ifindex, uint32_t metric)
{
        if (route->is_other || route->table != TL_NETSET_MAIN)
                return false;
        return route->is_unreachable ? route->metric == metric
                                     : ifindex && route->ifindex == ifindex;
}

static bool read_routes(struct tl_state *state, const char *name, uint32_t ifindex)
{
        uint32_t metric = tl_tags_metric(name);
        struct tl_netset_route *routes = NULL;
        size_t count = 0;
        int error = tl_netset_list_routes(TL_NODEPLAN_PROTOCOL, &routes, &count);

        if (error)
                return tl_fail("cannot list routes: %s", strerror(-error));
        state->routes = tl_arena_take(&state->arena, count, sizeof(*state->routes));
        for (size_t i = 0; state->routes && i < count; i++)
                if (is_ours(&routes[i], ifindex, metric))
                        state->routes[state->route_count++] = (struct tl_planned_route){
                                .prefix = routes[i].prefix,
                                .kind = routes[i].is_unreachable ? TL_PLANNED_UNREACHABLE
                                                                 : TL_PLANNED_LINK,
                                .metric = routes[i].metric,
                        };
        free(routes);
        return state->routes || tl_fail("out of memory");
}

static bool read_table(struct tl_state *state, const char *name)
{
        char table_name[TL_TABLE_NAME_SIZE];
        struct tl_nft_table table;
        bool is_good;

        tl_table_name(table_name, TL_NODEPLAN_TABLE_PREFIX, name);
        if (!tl_nft_read(&table, table_name))
                return false;
        if (!table.text)
                return true;
        state->table_name = tl_arena_copy(&state->arena, table_name, strlen(table_name));
        state->table = tl_arena_copy(&state->arena, table.text, strlen(table.text));
        state->table_form = tl_arena_copy(&state->arena, table.form, strlen(table.form));
        is_good = state->table_name && state->table && state->table_form;
        tl_nft_done(&table);
        return is_good || tl_fail("out of memory");
}

bool tl_running_read(struct tl_state *state, const char *name,
                     const uint8_t private_key[TL_CONF_KEY_LEN])
{
        uint32_t ifindex;

        *state = (struct tl_state){0};
        if (!read_all(state, name, private_key, &ifindex) || !read_routes(state, name, ifindex) ||
            !read_table(state, name))
                return false;
        tl_state_sort(state);
        return true;
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
