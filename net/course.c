/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "net/course.h"

WG_ENUM_DEFINE(tl_course_form, TL_COURSE_FORMS)

/* ---- addresses ---- */

struct wg_ip tl_course_translate(const struct wg_ip *ip, const struct wg_prefix *from,
                                 const struct wg_prefix *to)
{
        uint64_t bits[2], host[2], network[2];
        struct wg_ip translated;

        wg_ip_load_bits(bits, ip->family, ip->bytes);
        host[0] = bits[0];
        host[1] = bits[1];
        wg_ip_mask_bits(host, from->cidr);
        wg_ip_load_bits(network, to->ip.family, to->ip.bytes);
        bits[0] = (bits[0] ^ host[0]) | network[0];
        bits[1] = (bits[1] ^ host[1]) | network[1];
        wg_ip_store_bits(&translated, ip->family, bits);
        return translated;
}

static struct wg_prefix only(const struct wg_ip *ip)
{
        return (struct wg_prefix){.ip = *ip, .cidr = (uint8_t)wg_ip_bits(ip)};
}

struct wg_ip tl_course_wire(const struct tl_model *model, const struct tl_walk_end *end)
{
        const struct tl_lan *lan;

        if (end->lan == TL_MODEL_NONE)
                return end->ip;
        lan = &model->lans[end->lan];
        return tl_course_translate(&end->ip, &lan->prefix, &lan->wire);
}

struct wg_ip tl_course_mapped(const struct tl_model *model, const struct tl_walk_end *end)
{
        const struct tl_lan *lan;

        if (end->lan == TL_MODEL_NONE)
                return (struct wg_ip){0};
        lan = &model->lans[end->lan];
        if (lan->mapped.ip.family == WG_FAMILY_NONE)
                return (struct wg_ip){0};
        return tl_course_translate(&end->ip, &lan->prefix, &lan->mapped);
}

const struct tl_stand_in *tl_course_stand_in(const struct tl_model *model, uint32_t lan,
                                             const struct wg_ip *to)
{
        struct wg_prefix prefix = only(to);

        return tl_model_find_stand_in(model, lan, &prefix);
}

/* ---- courses ---- */

/* The network that a node is in and that has the addresses of an end's LAN; NULL: none. */
static const struct tl_presence *find_hiding(const struct tl_model *model,
                                             const struct tl_walk_end *node,
                                             const struct tl_walk_end *other)
{
        if (!node->is_node || other->lan == TL_MODEL_NONE)
                return NULL;
        return tl_model_find_presence(model, node->node, &model->lans[other->lan].wire);
}

/* The source in the tunnel. A destination in a network with the source's prefix would look for it
 * there, so it gets to see the mapped address, if everybody knows of that network. */
static struct wg_ip source_of(const struct tl_model *model, const struct tl_walk_end *from,
                              const struct tl_walk_end *to)
{
        const struct tl_presence *hiding = find_hiding(model, to, from);
        struct wg_ip mapped = tl_course_mapped(model, from);

        if (hiding && hiding->is_declared && mapped.family != WG_FAMILY_NONE)
                return mapped;
        return tl_course_wire(model, from);
}

/* Which address the source uses, if it can use those of the tunnel. */
static void choose_form(struct tl_course *course, const struct tl_model *model,
                        const struct tl_walk_end *from, const struct tl_walk_end *to)
{
        const struct tl_presence *hiding = find_hiding(model, from, to);
        struct wg_ip mapped = tl_course_mapped(model, to);

        course->to = tl_course_wire(model, to);
        course->form = wg_ip_equal(&course->to, &to->ip) ? TL_COURSE_OWN : TL_COURSE_MAPPED;
        course->is_hidden = hiding != NULL;
        if (hiding && mapped.family != WG_FAMILY_NONE) {
                course->to = mapped;
                course->form = TL_COURSE_MAPPED;
                course->hidden = hiding->at;
        }
        course->dial = course->to;
}

static struct tl_travel_choice native(void)
{
        return (struct tl_travel_choice){.mode = TL_TRAVEL_NATIVE,
                                         .reason = TL_TRAVEL_NODE_IS_ROUTER};
}

static void leave(struct tl_course *course, const struct tl_model *model, uint32_t lan)
{
        struct wg_prefix to = only(&course->to);
        const struct tl_stand_in *stand_in;

        course->out = tl_travel_out(model, lan, &to);
        if (course->out.mode != TL_TRAVEL_VIRTUAL && course->out.mode != TL_TRAVEL_BLOCK)
                return;
        stand_in = tl_course_stand_in(model, lan, &course->to);
        course->form = TL_COURSE_VIRTUAL;
        course->dial = tl_course_translate(&course->to, &stand_in->there, &stand_in->here);
}

static void enter(struct tl_course *course, const struct tl_model *model, uint32_t lan)
{
        struct wg_prefix from = only(&course->from);

        course->in = tl_travel_in(model, lan, &from);
        if (course->in.mode == TL_TRAVEL_SNAT)
                course->seen = model->lans[lan].node_at;
}

void tl_course_plot(struct tl_course *course, const struct tl_model *model,
                    const struct tl_walk_end *from, const struct tl_walk_end *to)
{
        *course = (struct tl_course){.out = native(), .in = native()};
        choose_form(course, model, from, to);
        course->from = source_of(model, from, to);
        course->seen = course->from;
        if (!from->is_node)
                leave(course, model, from->lan);
        if (!to->is_node)
                enter(course, model, to->lan);
}

/* ---- what an address means ---- */

static struct tl_walk_end on_lan(const struct tl_model *model, uint32_t lan, const struct wg_ip *ip)
{
        return (struct tl_walk_end){
                .ip = *ip,
                .node = model->sites[model->lans[lan].site].node,
                .lan = lan,
                .is_node = wg_ip_equal(&model->lans[lan].node_at, ip),
        };
}

/* Of a machine on a LAN whose address in the tunnel is given. */
static struct tl_walk_end on_wire(const struct tl_model *model, uint32_t index,
                                  const struct wg_ip *ip)
{
        const struct tl_lan *lan = &model->lans[index];
        const struct wg_prefix *wire = wg_prefix_contains(&lan->wire, ip) ? &lan->wire
                                                                          : &lan->mapped;
        struct wg_ip own = tl_course_translate(ip, wire, &lan->prefix);

        return on_lan(model, index, &own);
}

/* Of any machine. */
static struct tl_walk_end find_wire(const struct tl_model *model, const struct wg_ip *ip)
{
        struct tl_walk_end end = {.ip = *ip, .node = TL_MODEL_NONE, .lan = TL_MODEL_NONE};
        uint32_t lan;

        if (ip->family == WG_FAMILY_NONE)
                return end;
        end.node = tl_model_find_address(model, ip);
        end.is_node = end.node != TL_MODEL_NONE;
        if (end.is_node)
                return end;
        lan = tl_model_find_lan(model, ip);
        return lan == TL_MODEL_NONE ? end : on_wire(model, lan, ip);
}

/* The site in whose LANs an end is; TL_MODEL_NONE: in none. */
static uint32_t site_of(const struct tl_model *model, const struct tl_walk_end *end)
{
        return end->lan != TL_MODEL_NONE ? model->lans[end->lan].site
               : end->is_node            ? model->nodes[end->node].site
                                         : TL_MODEL_NONE;
}

struct tl_walk_end tl_course_find(const struct tl_model *model, const struct tl_walk_end *from,
                                  const struct wg_ip *dialled)
{
        uint32_t site = from ? site_of(model, from) : TL_MODEL_NONE, lan = TL_MODEL_NONE;
        const struct tl_stand_in *stand_in;
        struct wg_ip there;

        if (site != TL_MODEL_NONE)
                lan = tl_model_find_lan_of(model, site, dialled);
        if (lan == TL_MODEL_NONE)
                return find_wire(model, dialled);
        stand_in = tl_model_find_here(model, lan, dialled);
        if (!stand_in)
                return on_lan(model, lan, dialled);
        if (from->is_node) /* it answers for these addresses in the LAN, and not to itself */
                return find_wire(model, dialled);
        there = tl_course_translate(dialled, &stand_in->here, &stand_in->there);
        return find_wire(model, &there);
}
