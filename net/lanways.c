/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "net/lanways.h"

/* All prefixes of the network in a family as they are in the tunnel, but those of one site. */
static bool list_remote(struct tl_prefixes *list, struct tl_arena *arena,
                        const struct tl_model *model, uint32_t site, uint8_t family)
{
        const struct wg_prefix *pool = family == WG_FAMILY_IPV4 ? &model->pool4 : &model->pool6;

        for (uint32_t i = 0; i < model->lan_count; i++) {
                const struct tl_lan *lan = &model->lans[i];

                if (lan->site != site && lan->prefix.ip.family == family &&
                    !tl_prefixes_add(list, arena, &lan->wire))
                        return false;
        }
        return tl_prefixes_add(list, arena, pool);
}

static struct tl_lanway *find_way(struct tl_lanways *ways, struct tl_arena *arena,
                                  struct tl_travel_choice choice)
{
        struct tl_lanway *larger;

        for (uint32_t i = 0; i < ways->count; i++)
                if (ways->items[i].mode == choice.mode && ways->items[i].reason == choice.reason)
                        return &ways->items[i];
        larger = tl_arena_grow(arena, ways->items, ways->count, &ways->capacity, sizeof(*larger));
        if (!larger)
                return NULL;
        ways->items = larger;
        larger[ways->count] = (struct tl_lanway){.mode = choice.mode, .reason = choice.reason};
        return &larger[ways->count++];
}

bool tl_lanways_list(struct tl_lanways *ways, struct tl_arena *arena, const struct tl_model *model,
                     uint32_t lan)
{
        struct tl_lanways found = {0};
        struct tl_prefixes remote = {0};

        if (!list_remote(&remote, arena, model, model->lans[lan].site,
                         model->lans[lan].prefix.ip.family))
                return false;
        for (uint32_t i = 0; i < remote.count; i++) {
                struct tl_lanway *way = find_way(&found, arena,
                                                 tl_travel_in(model, lan, &remote.items[i]));

                if (!way || !tl_prefixes_add(&way->from, arena, &remote.items[i]))
                        return false;
        }
        *ways = found;
        return true;
}

/* Whether somebody must enter a route to a remote prefix, for a LAN's devices to get there. */
static bool must_be_entered(const struct tl_model *model, uint32_t lan,
                            const struct wg_prefix *remote)
{
        switch (tl_travel_out(model, lan, remote).reason) {
        case TL_TRAVEL_HAS_ROUTES: /* by default: it must have what is needed */
        case TL_TRAVEL_DROPS_HALF:
                return !model->sites[model->lans[lan].site].in_file->has_routes;
        case TL_TRAVEL_LACKS_ROUTE:
        case TL_TRAVEL_DEVICES_HAVE_ROUTES:
                return true;
        case TL_TRAVEL_NODE_IS_ROUTER:
        case TL_TRAVEL_NO_ROUTES:
        case TL_TRAVEL_NO_FAMILY:
        case TL_TRAVEL_HAS_STAND_IN:
                break;
        }
        return false;
}

bool tl_lanways_routes(struct tl_prefixes *routes, struct tl_arena *arena,
                       const struct tl_model *model, uint32_t site, uint8_t family)
{
        uint32_t lan = tl_lanways_lan(model, site, family);
        struct tl_prefixes remote = {0};
        uint32_t kept = 0;

        if (lan != TL_MODEL_NONE && !list_remote(&remote, arena, model, site, family))
                return false;
        for (uint32_t i = 0; i < remote.count; i++)
                if (must_be_entered(model, lan, &remote.items[i]))
                        remote.items[kept++] = remote.items[i];
        remote.count = kept;
        tl_prefixes_shorten(&remote);
        *routes = remote;
        return true;
}

uint32_t tl_lanways_lan(const struct tl_model *model, uint32_t site, uint8_t family)
{
        uint32_t first = model->sites[site].lan_first, found = TL_MODEL_NONE;

        for (uint32_t i = first; i < first + model->sites[site].lan_count; i++) {
                if (model->lans[i].prefix.ip.family != family)
                        continue;
                if (model->lans[i].node_at.family != WG_FAMILY_NONE)
                        return i;
                if (found == TL_MODEL_NONE)
                        found = i;
        }
        return found;
}
