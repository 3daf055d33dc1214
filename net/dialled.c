/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "net/dialled.h"

/* What stands in a LAN at an address; NULL: nothing does. */
static const struct tl_stand_in *stand_in_at(const struct tl_model *model, uint32_t lan,
                                             const struct wg_ip *ip)
{
        for (uint32_t i = 0; i < model->stand_in_count; i++)
                if (model->stand_ins[i].lan == lan &&
                    wg_prefix_contains(&model->stand_ins[i].here, ip))
                        return &model->stand_ins[i];
        return NULL;
}

static struct tl_travel_choice impossible(const struct tl_network_site *site,
                                          enum tl_travel_reason reason)
{
        return (struct tl_travel_choice){.mode = TL_TRAVEL_IMPOSSIBLE,
                                         .reason = reason,
                                         .at = site->gateway_at.line ? site->gateway_at
                                                                     : site->name.at};
}

/* An address of the tunnel, from a LAN: what stands in for it does not help. A router of which the
 * file lists no routes has those that are needed, and a DHCP server gives those; the mapped prefix
 * of a LAN that is unique is not among them. */
static struct tl_travel_choice leave_directly(const struct tl_model *model, uint32_t lan,
                                              const struct wg_ip *to, bool is_needed)
{
        struct wg_prefix prefix = {.ip = *to, .cidr = (uint8_t)wg_ip_bits(to)};
        struct tl_travel_choice choice = tl_travel_out(model, lan, &prefix);
        const struct tl_network_site *site = model->sites[model->lans[lan].site].in_file;

        switch (choice.reason) {
        case TL_TRAVEL_HAS_STAND_IN:
                return impossible(site, TL_TRAVEL_NO_ROUTES);
        case TL_TRAVEL_HAS_ROUTES:
        case TL_TRAVEL_DROPS_HALF:
        case TL_TRAVEL_DEVICES_HAVE_ROUTES:
                if (!is_needed && !site->has_routes)
                        return impossible(site, TL_TRAVEL_LACKS_ROUTE);
                break;
        case TL_TRAVEL_NODE_IS_ROUTER:
        case TL_TRAVEL_NO_ROUTES:
        case TL_TRAVEL_LACKS_ROUTE:
        case TL_TRAVEL_NO_FAMILY:
                break;
        }
        return choice;
}

void tl_dialled_apply(struct tl_course *course, const struct tl_model *model,
                      const struct tl_walk_end *from, const struct tl_walk_end *to,
                      const struct wg_ip *dialled)
{
        const struct tl_stand_in *stand_in = NULL;
        struct wg_ip wire = tl_course_wire(model, to);

        if (wg_ip_equal(dialled, &course->dial))
                return;
        course->dial = course->to = *dialled;
        if (!from->is_node)
                stand_in = stand_in_at(model, from->lan, dialled);
        if (stand_in) {
                course->form = TL_COURSE_VIRTUAL;
                course->to = tl_course_translate(dialled, &stand_in->here, &stand_in->there);
                course->out = (struct tl_travel_choice){.mode = stand_in->name ? TL_TRAVEL_VIRTUAL
                                                                               : TL_TRAVEL_BLOCK,
                                                        .reason = TL_TRAVEL_HAS_STAND_IN,
                                                        .at = stand_in->at};
                return;
        }
        course->form = wg_ip_equal(dialled, &to->ip) ? TL_COURSE_OWN : TL_COURSE_MAPPED;
        if (!from->is_node)
                course->out = leave_directly(model, from->lan, dialled,
                                             wg_ip_equal(dialled, &wire));
}
