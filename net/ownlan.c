/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "net/ownlan.h"

#include <stddef.h>
#include <string.h>

struct wg_prefix tl_ownlan_prefix(const struct tl_local_net *net)
{
        struct wg_prefix prefix = {.ip = net->ip, .cidr = net->cidr};

        wg_prefix_mask(&prefix);
        return prefix;
}

bool tl_ownlan_is_uplink(const struct tl_local *local, const char *link)
{
        for (uint32_t i = 0; i < local->route_count; i++)
                if (local->routes[i].prefix.cidr == 0 && strcmp(local->routes[i].link, link) == 0)
                        return true;
        return false;
}

const char *tl_ownlan_link(const struct tl_model *model, const struct tl_lan *lan,
                           const struct tl_local *local)
{
        const char *found = NULL, *uplink = NULL;

        for (uint32_t i = 0; i < local->net_count; i++) {
                const struct tl_local_net *net = &local->nets[i];
                struct wg_prefix prefix = tl_ownlan_prefix(net);

                if (strcmp(net->link, model->network->name.text) == 0 ||
                    !wg_prefix_overlaps(&prefix, &lan->prefix))
                        continue;
                if (wg_ip_equal(&net->ip, &lan->node_at))
                        return net->link;
                if (!uplink && tl_ownlan_is_uplink(local, net->link))
                        uplink = net->link;
                if (!found)
                        found = net->link;
        }
        return uplink ? uplink : found;
}

static bool is_default_through(const struct tl_local_route *route, const char *link, uint8_t family)
{
        return route->prefix.cidr == 0 && route->prefix.ip.family == family &&
               route->via.family == family && strcmp(route->link, link) == 0;
}

struct wg_ip tl_ownlan_router(const struct tl_lan *lan, const char *link,
                              const struct tl_local *local)
{
        const struct tl_local_route *best = NULL;

        if (lan->router_at.family != WG_FAMILY_NONE || !link || !local)
                return lan->router_at;
        for (uint32_t i = 0; i < local->route_count; i++) {
                const struct tl_local_route *route = &local->routes[i];

                if (is_default_through(route, link, lan->prefix.ip.family) &&
                    (!best || route->metric < best->metric))
                        best = route;
        }
        return best ? best->via : (struct wg_ip){0};
}
