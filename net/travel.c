/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "net/travel.h"

WG_ENUM_DEFINE(tl_travel, TL_TRAVELS)
WG_ENUM_DEFINE(tl_travel_reason, TL_TRAVEL_REASONS)

static struct tl_travel_choice choose(enum tl_travel mode, enum tl_travel_reason reason,
                                      struct tl_place at)
{
        return (struct tl_travel_choice){.mode = mode, .reason = reason, .at = at};
}

/* The line that names the kind of gateway, or the site if it has the default kind. */
static struct tl_place gateway_place(const struct tl_network_site *site)
{
        return site->gateway_at.line ? site->gateway_at : site->name.at;
}

/* Whether one of the routes that the file lists covers the prefix. */
static bool has_route(const struct tl_network_site *site, const struct wg_prefix *to)
{
        for (uint32_t i = 0; i < site->routes.count; i++)
                if (wg_prefix_covers(&site->routes.items[i].prefix, to))
                        return true;
        return false;
}

/* Whether devices of the LAN send packets for `remote` to the node: those that they open
 * connections with, and their replies. Routers that drop half of a connection have static routes,
 * too. */
static struct tl_travel_choice leave_lan(const struct tl_network_site *site,
                                         const struct wg_prefix *remote)
{
        struct tl_place at = gateway_place(site);

        switch (site->gateway) {
        case TL_GATEWAY_SELF:
                return choose(TL_TRAVEL_NATIVE, TL_TRAVEL_NODE_IS_ROUTER, at);
        case TL_GATEWAY_STATIC_ROUTES:
        case TL_GATEWAY_DROPS_INVALID:
                if (site->has_routes && !has_route(site, remote))
                        return choose(TL_TRAVEL_IMPOSSIBLE, TL_TRAVEL_LACKS_ROUTE, site->routes_at);
                return choose(TL_TRAVEL_NATIVE,
                              site->gateway == TL_GATEWAY_DROPS_INVALID ? TL_TRAVEL_DROPS_HALF
                                                                        : TL_TRAVEL_HAS_ROUTES,
                              at);
        case TL_GATEWAY_DHCP_121:
                return choose(TL_TRAVEL_NATIVE, TL_TRAVEL_DEVICES_HAVE_ROUTES, at);
        case TL_GATEWAY_UNTOUCHABLE:
                return choose(TL_TRAVEL_IMPOSSIBLE, TL_TRAVEL_NO_ROUTES, at);
        }
        return choose(TL_TRAVEL_IMPOSSIBLE, TL_TRAVEL_NO_ROUTES, at);
}

struct tl_travel_choice tl_travel_in(const struct tl_model *model, uint32_t lan,
                                     const struct wg_prefix *from)
{
        const struct tl_lan *into = &model->lans[lan];
        struct tl_travel_choice choice;

        if (into->prefix.ip.family != from->ip.family)
                return choose(TL_TRAVEL_IMPOSSIBLE, TL_TRAVEL_NO_FAMILY, into->at);
        choice = leave_lan(model->sites[into->site].in_file, from);
        /* Replies then go to the node itself, and need no route. */
        if (choice.reason == TL_TRAVEL_NO_ROUTES)
                choice.mode = TL_TRAVEL_SNAT;
        /* Devices reply through the router, which must have seen what they reply to. */
        if (choice.reason == TL_TRAVEL_DROPS_HALF)
                choice.mode = TL_TRAVEL_VIA_GATEWAY;
        return choice;
}

struct tl_travel_choice tl_travel_out(const struct tl_model *model, uint32_t lan,
                                      const struct wg_prefix *to)
{
        const struct tl_lan *out_of = &model->lans[lan];
        const struct tl_stand_in *stand_in;
        struct tl_travel_choice choice;

        if (out_of->prefix.ip.family != to->ip.family)
                return choose(TL_TRAVEL_IMPOSSIBLE, TL_TRAVEL_NO_FAMILY, out_of->at);
        choice = leave_lan(model->sites[out_of->site].in_file, to);
        stand_in = choice.reason == TL_TRAVEL_NO_ROUTES ? tl_model_find_stand_in(model, lan, to)
                                                        : NULL;
        if (!stand_in)
                return choice;
        return choose(stand_in->name ? TL_TRAVEL_VIRTUAL : TL_TRAVEL_BLOCK, TL_TRAVEL_HAS_STAND_IN,
                      stand_in->at);
}
