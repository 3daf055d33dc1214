/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "net/walk.h"

#include <string.h>

#include "base/mem.h"

WG_ENUM_DEFINE(tl_walk_actor, TL_WALK_ACTORS)
WG_ENUM_DEFINE(tl_walk_deed, TL_WALK_DEEDS)

/* One direction: from where to where, with the addresses that the tunnel sees. */
struct leg {
        const struct tl_walk_end *from, *to;
        bool is_return;
};

/* ---- where things are ---- */

struct tl_walk_end tl_walk_locate(const struct tl_model *model, const struct wg_ip *ip)
{
        return tl_course_find(model, NULL, ip);
}

static struct wg_prefix only(const struct wg_ip *ip)
{
        return (struct wg_prefix){.ip = *ip, .cidr = (uint8_t)wg_ip_bits(ip)};
}

/* The LAN of a node's own site that contains an address; NULL: none does. */
static const struct tl_lan *own_lan(const struct tl_model *model, uint32_t node,
                                    const struct wg_ip *ip)
{
        uint32_t site = model->nodes[node].site;
        uint32_t lan = site == TL_MODEL_NONE ? TL_MODEL_NONE
                                             : tl_model_find_lan_of(model, site, ip);

        return lan == TL_MODEL_NONE ? NULL : &model->lans[lan];
}

static bool has_key(const struct tl_model *model, uint32_t node)
{
        return model->nodes[node].in_file->key_at.line != 0;
}

/* ---- steps ---- */

static struct tl_walk_step *add(struct tl_walk *walk, const struct leg *leg,
                                enum tl_walk_actor actor, enum tl_walk_deed deed, uint32_t node)
{
        struct tl_walk_step *step = &walk->steps[walk->step_count++];

        WG_ASSERT(walk->step_count <= TL_WALK_STEPS);
        *step = (struct tl_walk_step){
                .actor = actor,
                .deed = deed,
                .node = node,
                .peer = TL_MODEL_NONE,
                .lan = TL_MODEL_NONE,
                .rule = TL_MODEL_NONE,
                .is_return = leg->is_return,
        };
        return step;
}

/* Marks the last step as the one that breaks. */
static bool broken(struct tl_walk *walk, enum tl_cause cause)
{
        walk->steps[walk->step_count - 1].is_broken = true;
        walk->cause = cause;
        return false;
}

/* ---- the LANs ---- */

/* Routers that see half of a connection. Conntrack takes any UDP packet as the first of a
 * connection, but no SYN-ACK, no later TCP packet, and no echo reply. */
static bool is_dropped_as_reply(uint8_t protocol)
{
        return protocol != WG_PROTOCOL_UDP;
}

static bool is_dropped_as_third(uint8_t protocol)
{
        return protocol == WG_PROTOCOL_TCP;
}

/* From a device to the node of its site: `travel` says how, and `unroutable` is the cause if the
 * LAN's router sends the packet elsewhere. */
static bool to_node(struct tl_walk *walk, const struct leg *leg, struct tl_travel_choice travel,
                    enum tl_cause unroutable)
{
        enum tl_walk_actor device = leg->is_return ? TL_WALK_DESTINATION : TL_WALK_SOURCE;
        bool is_direct = travel.mode == TL_TRAVEL_SNAT;
        enum tl_cause cause = TL_CAUSE_NONE;
        struct tl_walk_step *step;

        switch (travel.reason) {
        case TL_TRAVEL_NODE_IS_ROUTER:
        case TL_TRAVEL_DEVICES_HAVE_ROUTES:
        case TL_TRAVEL_HAS_STAND_IN:
                is_direct = true;
                break;
        case TL_TRAVEL_HAS_ROUTES:
                break;
        case TL_TRAVEL_NO_ROUTES:
                cause = leg->is_return ? unroutable : TL_CAUSE_GATEWAY_UNTOUCHABLE;
                break;
        case TL_TRAVEL_LACKS_ROUTE:
                cause = unroutable;
                break;
        case TL_TRAVEL_DROPS_HALF:
                if (leg->is_return && is_dropped_as_reply(walk->protocol))
                        cause = TL_CAUSE_GATEWAY_DROPS;
                break;
        case TL_TRAVEL_NO_FAMILY:
                is_direct = true;
                cause = TL_CAUSE_NO_FAMILY;
                break;
        }
        if (travel.mode == TL_TRAVEL_SNAT)
                cause = TL_CAUSE_NONE;
        step = add(walk, leg, device, is_direct ? TL_WALK_TO_NODE : TL_WALK_TO_ROUTER,
                   leg->from->node);
        step->lan = leg->from->lan;
        step->travel = travel;
        if (!is_direct) {
                step = add(walk, leg, TL_WALK_ROUTER, TL_WALK_TO_NODE, leg->from->node);
                step->lan = leg->from->lan;
                step->travel = travel;
        }
        return cause == TL_CAUSE_NONE || broken(walk, cause);
}

/* A device with the destination's prefix on its own LAN looks for it there. */
static bool is_shadowed(const struct tl_model *model, const struct leg *leg)
{
        return wg_prefix_contains(&model->lans[leg->from->lan].prefix, &leg->to->ip);
}

static bool leave_lan(struct tl_walk *walk, const struct tl_model *model, const struct leg *leg)
{
        struct wg_prefix to = only(&leg->to->ip);

        if (is_shadowed(model, leg)) {
                struct tl_walk_step *step = add(walk, leg, TL_WALK_SOURCE, TL_WALK_TO_ROUTER,
                                                leg->from->node);

                step->lan = leg->from->lan;
                return broken(walk, TL_CAUSE_OVERLAP);
        }
        return to_node(walk, leg, tl_travel_out(model, leg->from->lan, &to),
                       TL_CAUSE_GATEWAY_ROUTE);
}

/* The destination gets the packet, perhaps with another source address. */
static bool enter_lan(struct tl_walk *walk, const struct tl_model *model, const struct leg *leg,
                      struct tl_travel_choice travel)
{
        struct tl_walk_step *step = add(walk, leg, TL_WALK_NODE, TL_WALK_TO_LAN, leg->to->node);

        step->lan = leg->to->lan;
        step->travel = travel;
        if (travel.reason == TL_TRAVEL_NO_FAMILY)
                return broken(walk, TL_CAUSE_NO_FAMILY);
        walk->seen = travel.mode == TL_TRAVEL_SNAT ? model->lans[leg->to->lan].node_at
                                                   : leg->from->ip;
        return true;
}

static bool reply_from_lan(struct tl_walk *walk, const struct tl_model *model,
                           const struct leg *leg, struct tl_travel_choice travel)
{
        if (travel.mode != TL_TRAVEL_SNAT && is_shadowed(model, leg)) {
                struct tl_walk_step *step = add(walk, leg, TL_WALK_DESTINATION, TL_WALK_TO_ROUTER,
                                                leg->from->node);

                step->lan = leg->from->lan;
                return broken(walk, TL_CAUSE_OVERLAP);
        }
        return to_node(walk, leg, travel, TL_CAUSE_RETURN_ROUTE);
}

/* ---- the tunnel ---- */

/* Whether two sites have the same LAN. No plan can then be made, unless memory ran out. */
static bool has_twins(const struct tl_model *model)
{
        for (uint32_t i = 1; i < model->lans_by_prefix_count; i++) {
                const struct wg_prefix *a = &model->lans_by_prefix[i - 1].prefix;
                const struct wg_prefix *b = &model->lans_by_prefix[i].prefix;

                if (a->cidr == b->cidr && wg_ip_equal(&a->ip, &b->ip))
                        return true;
        }
        return false;
}

/* What a node needs to be on the way at all: a key, and a plan. */
static bool pass(struct tl_walk *walk, struct tl_plans *plans, const struct leg *leg, uint32_t node)
{
        const struct tl_nodeplan *plan;

        if (!has_key(plans->model, node)) {
                add(walk, leg, TL_WALK_NODE, TL_WALK_TO_PEER, node);
                return broken(walk, TL_CAUSE_NO_KEY);
        }
        plan = tl_plans_get(plans, node);
        if (!plan) {
                add(walk, leg, TL_WALK_NODE, TL_WALK_TO_PEER, node);
                walk->has_no_memory = !has_twins(plans->model);
                return broken(walk, TL_CAUSE_OVERLAP);
        }
        if (!walk->mtu || plan->mtu < walk->mtu)
                walk->mtu = plan->mtu;
        return true;
}

/* The node that a node sends to; TL_MODEL_NONE: the walk is broken. */
static uint32_t to_peer(struct tl_walk *walk, struct tl_plans *plans, const struct leg *leg,
                        uint32_t node)
{
        const struct tl_model *model = plans->model;
        uint32_t meant = tl_model_next(model, node, leg->to->node);
        const struct tl_planned_route *route = tl_plans_route(plans, node, &leg->to->ip);
        const struct tl_lan *lan = own_lan(model, node, &leg->to->ip);
        struct tl_walk_step *step;

        step = add(walk, leg, TL_WALK_NODE, TL_WALK_TO_PEER, node);
        if (lan && (!route || route->prefix.cidr <= lan->prefix.cidr)) {
                step->lan = (uint32_t)(lan - model->lans);
                broken(walk, TL_CAUSE_OVERLAP);
                return TL_MODEL_NONE;
        }
        if (route && route->kind == TL_PLANNED_LINK)
                step->peer = tl_plans_peer(plans, node, &leg->to->ip, &step->prefix);
        if (step->peer != TL_MODEL_NONE)
                return step->peer;
        if (!has_key(model, meant)) /* plans leave it out */
                step->node = meant;
        broken(walk, has_key(model, meant) ? TL_CAUSE_ALLOWED_IPS : TL_CAUSE_NO_KEY);
        return TL_MODEL_NONE;
}

/* Whether a node accepts the packet from the peer that it came from: as in tielined, the source
 * must belong to that peer. */
static bool accept_from(struct tl_walk *walk, struct tl_plans *plans, const struct leg *leg,
                        uint32_t node, uint32_t before)
{
        struct wg_prefix prefix = {0};
        struct tl_walk_step *step;

        if (tl_plans_peer(plans, node, &leg->from->ip, &prefix) == before)
                return true;
        step = add(walk, leg, TL_WALK_NODE, TL_WALK_ACCEPT, node);
        step->peer = before;
        step->prefix = prefix;
        return broken(walk, TL_CAUSE_ALLOWED_IPS);
}

/* Nodes ask the policy for the first packet only; replies pass. A stock device has no rules. */
static bool ask_policy(struct tl_walk *walk, const struct tl_plans *plans, const struct leg *leg,
                       uint32_t node)
{
        struct tl_policy_query query = {
                .from = leg->from->ip,
                .to = leg->to->ip,
                .protocol = walk->protocol,
                .port = walk->port,
        };
        uint32_t rule = TL_MODEL_NONE;
        bool is_allowed;

        if (leg->is_return || plans->model->nodes[node].is_stock)
                return true;
        is_allowed = tl_policy_allows(plans->policy, &query, &rule);
        add(walk, leg, TL_WALK_NODE, TL_WALK_POLICY, node)->rule = rule;
        return is_allowed || broken(walk, TL_CAUSE_POLICY);
}

/* From one node to another through the tunnel. */
static bool carry(struct tl_walk *walk, struct tl_plans *plans, const struct leg *leg)
{
        uint32_t node = leg->from->node, before;

        if (!pass(walk, plans, leg, node))
                return false;
        for (uint32_t i = 0; node != leg->to->node; i++) {
                if (i == TL_WALK_NODES)
                        return broken(walk, TL_CAUSE_ALLOWED_IPS);
                before = node;
                node = to_peer(walk, plans, leg, node);
                if (node == TL_MODEL_NONE || !pass(walk, plans, leg, node) ||
                    !accept_from(walk, plans, leg, node, before) ||
                    !ask_policy(walk, plans, leg, node))
                        return false;
        }
        return true;
}

/* ---- the connection ---- */

static void arrive(struct tl_walk *walk, const struct leg *leg)
{
        add(walk, leg, leg->is_return ? TL_WALK_SOURCE : TL_WALK_DESTINATION, TL_WALK_ARRIVE,
            leg->to->node)
                ->lan = leg->to->lan;
}

/* The third packet takes the way of the first. A router at the source has not seen the reply. */
static bool third(struct tl_walk *walk, const struct leg *leg, struct tl_travel_choice travel)
{
        struct tl_walk_step *step;

        if (travel.reason != TL_TRAVEL_DROPS_HALF || !is_dropped_as_third(walk->protocol))
                return true;
        step = add(walk, leg, TL_WALK_ROUTER, TL_WALK_THIRD, leg->from->node);
        step->lan = leg->from->lan;
        step->travel = travel;
        return broken(walk, TL_CAUSE_GATEWAY_DROPS);
}

static bool there(struct tl_walk *walk, struct tl_plans *plans, const struct leg *leg,
                  struct tl_travel_choice travel)
{
        if (!leg->from->is_node && !leave_lan(walk, plans->model, leg))
                return false;
        if (!carry(walk, plans, leg))
                return false;
        if (leg->to->is_node)
                walk->seen = leg->from->ip;
        else if (!enter_lan(walk, plans->model, leg, travel))
                return false;
        arrive(walk, leg);
        return true;
}

static bool back(struct tl_walk *walk, struct tl_plans *plans, const struct leg *leg,
                 struct tl_travel_choice travel)
{
        if (!leg->from->is_node && !reply_from_lan(walk, plans->model, leg, travel))
                return false;
        if (!carry(walk, plans, leg))
                return false;
        if (!leg->to->is_node)
                add(walk, leg, TL_WALK_NODE, TL_WALK_TO_LAN, leg->to->node)->lan = leg->to->lan;
        arrive(walk, leg);
        return true;
}

/* Whether a device does not find an address of its site in the LAN: the node's in the tunnel. */
static bool is_beyond_lan(const struct tl_walk_end *from, const struct tl_walk_end *to)
{
        return !from->is_node && to->is_node && to->lan == TL_MODEL_NONE;
}

/* The answer that needs no walk; false: there is none. */
static bool is_trivial(const struct tl_walk *walk, enum tl_cause *cause)
{
        const struct tl_walk_end *from = &walk->from, *to = &walk->to;

        if (from->node == TL_MODEL_NONE || to->node == TL_MODEL_NONE)
                *cause = TL_CAUSE_NOT_IN_NETWORK;
        else if (from->ip.family != to->ip.family)
                *cause = TL_CAUSE_NO_FAMILY;
        else if (wg_ip_equal(&from->ip, &to->ip) ||
                 (from->node == to->node && from->is_node && to->is_node))
                *cause = TL_CAUSE_SAME;
        else if (from->node == to->node && !is_beyond_lan(from, to))
                *cause = TL_CAUSE_SAME_LAN;
        else
                return false;
        return true;
}

/* From a device to its own site's node, at the node's address in the tunnel. The node replies in
 * the LAN. */
static bool reach_own_node(struct tl_walk *walk, const struct tl_model *model,
                           const struct leg *leg, struct tl_travel_choice travel)
{
        if (!leave_lan(walk, model, leg))
                return false;
        if (!has_key(model, leg->to->node)) {
                add(walk, leg, TL_WALK_NODE, TL_WALK_TO_PEER, leg->to->node);
                return broken(walk, TL_CAUSE_NO_KEY);
        }
        walk->seen = leg->from->ip;
        arrive(walk, leg);
        return third(walk, leg, travel);
}

static bool run(struct tl_walk *walk, struct tl_plans *plans)
{
        struct leg forth = {.from = &walk->from, .to = &walk->to};
        struct leg reply = {.from = &walk->to, .to = &walk->from, .is_return = true};
        struct tl_travel_choice in = {0}, out = {0};
        struct wg_prefix prefix;

        if (is_trivial(walk, &walk->cause))
                return walk->cause == TL_CAUSE_SAME || walk->cause == TL_CAUSE_SAME_LAN;
        if (!walk->to.is_node) {
                prefix = only(&walk->from.ip);
                in = tl_travel_in(plans->model, walk->to.lan, &prefix);
        }
        if (!walk->from.is_node) {
                prefix = only(&walk->to.ip);
                out = tl_travel_out(plans->model, walk->from.lan, &prefix);
        }
        if (walk->from.node == walk->to.node)
                return reach_own_node(walk, plans->model, &forth, out);
        return there(walk, plans, &forth, in) && back(walk, plans, &reply, in) &&
               (walk->from.is_node || third(walk, &forth, out));
}

bool tl_walk_run(struct tl_walk *walk, struct tl_plans *plans)
{
        walk->step_count = 0;
        walk->cause = TL_CAUSE_NONE;
        walk->mtu = 0;
        walk->seen = (struct wg_ip){0};
        walk->has_no_memory = false;
        walk->is_reachable = run(walk, plans) && !walk->has_no_memory;
        return walk->is_reachable;
}
