/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "net/walk.h"

#include "base/mem.h"
#include "net/dialled.h"
#include "net/pathmtu.h"

WG_ENUM_DEFINE(tl_walk_actor, TL_WALK_ACTORS)
WG_ENUM_DEFINE(tl_walk_deed, TL_WALK_DEEDS)

/* One direction: from where to where, with the addresses that packets have in the tunnel. */
struct leg {
        const struct tl_walk_end *from, *to;
        struct wg_ip source, destination;
        bool is_return;
};

/* What is known on the way: the model and its plans, and what the routers of both LANs have seen,
 * which drop invalid packets if they have not seen the first one, or the reply. */
struct trip {
        struct tl_walk *walk;
        struct tl_plans *plans;
        const struct tl_model *model;
        const struct tl_course *course;
        bool has_seen_first; /* the router at the destination */
        bool has_seen_reply; /* the router at the source */
};

/* ---- where things are ---- */

struct tl_walk_end tl_walk_locate(const struct tl_model *model, const struct wg_ip *ip)
{
        return tl_course_find(model, NULL, ip);
}

static bool has_key(const struct tl_model *model, uint32_t node)
{
        return model->nodes[node].in_file->key_at.line != 0;
}

/* A network that a node is in: a LAN of its own site, or another one. */
struct network {
        struct wg_prefix prefix; /* family NONE: none */
        uint32_t lan;
        struct tl_place at;
};

static void take_longer(struct network *best, const struct network *other, const struct wg_ip *ip)
{
        if (wg_prefix_contains(&other->prefix, ip) &&
            (best->prefix.ip.family == WG_FAMILY_NONE || other->prefix.cidr > best->prefix.cidr))
                *best = *other;
}

/* The network of a node that an address seems to be in. */
static struct network network_of(const struct tl_model *model, uint32_t node,
                                 const struct wg_ip *ip)
{
        struct network best = {.lan = TL_MODEL_NONE};
        uint32_t site = model->nodes[node].site;
        uint32_t lan = site == TL_MODEL_NONE ? TL_MODEL_NONE
                                             : tl_model_find_lan_of(model, site, ip);

        if (lan != TL_MODEL_NONE)
                best = (struct network){model->lans[lan].prefix, lan, model->lans[lan].at};
        for (uint32_t i = 0; i < model->presence_count; i++) {
                const struct tl_presence *presence = &model->presences[i];
                struct network network = {presence->prefix, TL_MODEL_NONE, presence->at};

                if (presence->node == node)
                        take_longer(&best, &network, ip);
        }
        return best;
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

static void add_change(struct tl_walk *walk, const struct leg *leg, enum tl_walk_deed deed,
                       uint32_t node, const struct wg_ip *before, const struct wg_ip *after)
{
        struct tl_walk_step *step;

        if (wg_ip_equal(before, after))
                return;
        step = add(walk, leg, TL_WALK_NODE, deed, node);
        step->before = *before;
        step->after = *after;
}

/* ---- out of a LAN ---- */

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

/* Whether a device sends to the node itself, not to a router that is another machine. */
static bool is_direct(struct tl_travel_choice travel)
{
        switch (travel.mode) {
        case TL_TRAVEL_SNAT:
        case TL_TRAVEL_VIRTUAL:
        case TL_TRAVEL_BLOCK:
                return true;
        case TL_TRAVEL_NATIVE:
        case TL_TRAVEL_IMPOSSIBLE:
        case TL_TRAVEL_VIA_GATEWAY:
                break;
        }
        return travel.reason == TL_TRAVEL_NODE_IS_ROUTER ||
               travel.reason == TL_TRAVEL_DEVICES_HAVE_ROUTES ||
               travel.reason == TL_TRAVEL_NO_FAMILY;
}

/* Why the node does not get what a device sends. */
static enum tl_cause find_obstacle(const struct trip *trip, const struct leg *leg,
                                   struct tl_travel_choice travel)
{
        enum tl_cause unroutable = leg->is_return ? TL_CAUSE_RETURN_ROUTE : TL_CAUSE_GATEWAY_ROUTE;

        if (travel.mode == TL_TRAVEL_SNAT)
                return TL_CAUSE_NONE;
        switch (travel.reason) {
        case TL_TRAVEL_NODE_IS_ROUTER:
        case TL_TRAVEL_DEVICES_HAVE_ROUTES:
        case TL_TRAVEL_HAS_STAND_IN:
        case TL_TRAVEL_HAS_ROUTES:
                break;
        case TL_TRAVEL_NO_ROUTES:
                return leg->is_return ? unroutable : TL_CAUSE_GATEWAY_UNTOUCHABLE;
        case TL_TRAVEL_LACKS_ROUTE:
                return unroutable;
        case TL_TRAVEL_DROPS_HALF:
                return leg->is_return && !trip->has_seen_first &&
                                       is_dropped_as_reply(trip->walk->protocol)
                               ? TL_CAUSE_GATEWAY_DROPS
                               : TL_CAUSE_NONE;
        case TL_TRAVEL_NO_FAMILY:
                return TL_CAUSE_NO_FAMILY;
        }
        return TL_CAUSE_NONE;
}

static void add_on_lan(struct tl_walk *walk, const struct leg *leg, enum tl_walk_actor actor,
                       enum tl_walk_deed deed, struct tl_travel_choice travel)
{
        struct tl_walk_step *step = add(walk, leg, actor, deed, leg->from->node);

        step->lan = leg->from->lan;
        step->travel = travel;
}

/* A device with the prefix of an address on its own LAN looks for it there. */
static bool is_shadowed(const struct trip *trip, const struct leg *leg, const struct wg_ip *to)
{
        return wg_prefix_contains(&trip->model->lans[leg->from->lan].prefix, to);
}

/* From a device to the node of its site. */
static bool to_node(struct trip *trip, const struct leg *leg, struct tl_travel_choice travel)
{
        enum tl_walk_actor device = leg->is_return ? TL_WALK_DESTINATION : TL_WALK_SOURCE;
        const struct wg_ip *to = leg->is_return ? &trip->course->seen : &trip->course->dial;
        enum tl_cause cause;

        if (!is_direct(travel) && is_shadowed(trip, leg, to)) {
                struct tl_walk_step *step = add(trip->walk, leg, device, TL_WALK_LOOK_HERE,
                                                leg->from->node);

                step->lan = leg->from->lan;
                step->prefix = trip->model->lans[leg->from->lan].prefix;
                return broken(trip->walk, TL_CAUSE_OVERLAP);
        }
        cause = find_obstacle(trip, leg, travel);
        add_on_lan(trip->walk, leg, device, is_direct(travel) ? TL_WALK_TO_NODE : TL_WALK_TO_ROUTER,
                   travel);
        if (!is_direct(travel))
                add_on_lan(trip->walk, leg, TL_WALK_ROUTER, TL_WALK_TO_NODE, travel);
        return cause == TL_CAUSE_NONE || broken(trip->walk, cause);
}

/* ---- into a LAN ---- */

/* The node hands a packet to a device of its LAN, through the router if its plan says so. Returns
 * whether the router sees it. */
static bool hand_over(struct trip *trip, const struct leg *leg, struct tl_travel_choice travel,
                      bool is_from_link)
{
        struct tl_plans_query query = {
                .from = leg->source, .to = leg->to->ip, .is_from_link = is_from_link};
        const struct tl_planned_route *route = tl_plans_route(trip->plans, leg->to->node, &query);
        bool is_through_router = route && route->kind == TL_PLANNED_GATEWAY;
        struct tl_walk_step *step = add(trip->walk, leg, TL_WALK_NODE,
                                        is_through_router ? TL_WALK_TO_GATEWAY : TL_WALK_TO_LAN,
                                        leg->to->node);

        step->lan = leg->to->lan;
        step->travel = travel;
        if (!is_through_router)
                return false;
        step = add(trip->walk, leg, TL_WALK_ROUTER, TL_WALK_PASS, leg->to->node);
        step->lan = leg->to->lan;
        step->travel = travel;
        return true;
}

/* The destination gets the packet, perhaps with another source address. */
static bool enter_lan(struct trip *trip, const struct leg *leg)
{
        trip->has_seen_first = hand_over(trip, leg, trip->course->in, true);
        if (trip->course->in.reason == TL_TRAVEL_NO_FAMILY)
                return broken(trip->walk, TL_CAUSE_NO_FAMILY);
        return true;
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
static bool pass(struct trip *trip, const struct leg *leg, uint32_t node)
{
        if (!has_key(trip->model, node)) {
                add(trip->walk, leg, TL_WALK_NODE, TL_WALK_TO_PEER, node);
                return broken(trip->walk, TL_CAUSE_NO_KEY);
        }
        if (tl_plans_get(trip->plans, node))
                return true;
        add(trip->walk, leg, TL_WALK_NODE, TL_WALK_TO_PEER, node);
        trip->walk->has_no_memory = !has_twins(trip->model);
        return broken(trip->walk, TL_CAUSE_OVERLAP);
}

/* What the kernel of a node on the way routes a packet by. A program that opens a connection leaves
 * the source to the kernel, which chooses it after the route. The node of a LAN translates its own
 * LAN's sources after routing. */
static struct tl_plans_query make_query(const struct leg *leg, bool is_first)
{
        struct tl_plans_query query = {
                .from = leg->source, .to = leg->destination, .is_from_link = !is_first};

        if (is_first)
                query.from = leg->from->ip;
        if (is_first && !leg->is_return && leg->from->is_node && leg->from->lan == TL_MODEL_NONE)
                query.from = (struct wg_ip){0};
        return query;
}

/* The network that keeps a node from having a route to the LAN of an address, which need not be in
 * that network itself. */
static struct network hiding_network(const struct tl_model *model, uint32_t node,
                                     const struct wg_ip *ip)
{
        uint32_t lan = tl_model_find_lan(model, ip);
        const struct tl_presence *presence = NULL;

        if (lan != TL_MODEL_NONE)
                presence = tl_model_find_presence(model, node, &model->lans[lan].wire);
        if (!presence)
                return (struct network){.lan = TL_MODEL_NONE};
        return (struct network){presence->prefix, TL_MODEL_NONE, presence->at};
}

/* Whether a network that the node is in takes the packet, before the route does. Routes that rules
 * lead to come first. */
static bool is_hidden(struct trip *trip, const struct leg *leg, uint32_t node,
                      const struct tl_planned_route *route)
{
        struct network network = network_of(trip->model, node, &leg->destination);
        struct tl_walk_step *step;

        if (network.prefix.ip.family == WG_FAMILY_NONE && !route)
                network = hiding_network(trip->model, node, &leg->destination);
        if (network.prefix.ip.family == WG_FAMILY_NONE ||
            (route &&
             (route->table != TL_PLANNED_MAIN || route->prefix.cidr > network.prefix.cidr)))
                return false;
        step = add(trip->walk, leg, TL_WALK_NODE, TL_WALK_LOOK_HERE, node);
        step->lan = network.lan;
        step->prefix = network.prefix;
        step->at = network.at;
        broken(trip->walk, TL_CAUSE_OVERLAP);
        return true;
}

static void narrow(struct tl_walk *walk, uint32_t mtu)
{
        if (!walk->mtu || mtu < walk->mtu)
                walk->mtu = mtu;
}

/* The node that a node sends to; TL_MODEL_NONE: the walk is broken. */
static uint32_t to_peer(struct trip *trip, const struct leg *leg, uint32_t node, bool is_first)
{
        struct tl_plans_query query = make_query(leg, is_first);
        const struct tl_planned_route *route = tl_plans_route(trip->plans, node, &query);
        struct tl_walk_step *step;
        uint32_t meant;

        if (is_hidden(trip, leg, node, route))
                return TL_MODEL_NONE;
        step = add(trip->walk, leg, TL_WALK_NODE, TL_WALK_TO_PEER, node);
        if (route && route->kind == TL_PLANNED_LINK)
                step->peer = tl_plans_peer(trip->plans, node, &leg->destination, &step->prefix);
        if (step->peer != TL_MODEL_NONE) {
                narrow(trip->walk, route->mtu ? route->mtu : tl_plans_get(trip->plans, node)->mtu);
                return step->peer;
        }
        meant = tl_model_next(trip->model, node, leg->to->node);
        if (meant == TL_MODEL_NONE || has_key(trip->model, meant)) {
                broken(trip->walk, TL_CAUSE_ALLOWED_IPS);
        } else { /* plans leave it out */
                step->node = meant;
                broken(trip->walk, TL_CAUSE_NO_KEY);
        }
        return TL_MODEL_NONE;
}

/* Whether a node accepts the packet from the peer that it came from: as in tielined, the source
 * must belong to that peer. The kernel drops what comes back to the node that sent it. */
static bool accept_from(struct trip *trip, const struct leg *leg, uint32_t node, uint32_t before)
{
        struct wg_prefix prefix = {0};
        struct tl_walk_step *step;

        bool is_own = leg->from->is_node && leg->from->node == node;

        if (tl_plans_peer(trip->plans, node, &leg->source, &prefix) == before && !is_own)
                return true;
        step = add(trip->walk, leg, TL_WALK_NODE, TL_WALK_ACCEPT, node);
        step->peer = before;
        step->prefix = prefix;
        return broken(trip->walk, TL_CAUSE_ALLOWED_IPS);
}

/* Nodes ask the policy for the first packet only, before they translate it; replies pass. A stock
 * device has no rules. */
static bool ask_policy(struct trip *trip, const struct leg *leg, uint32_t node)
{
        struct tl_policy_query query = {
                .from = leg->source,
                .to = leg->destination,
                .protocol = trip->walk->protocol,
                .port = trip->walk->port,
        };
        uint32_t rule = TL_MODEL_NONE;
        bool is_allowed;

        if (leg->is_return || trip->model->nodes[node].is_stock)
                return true;
        is_allowed = tl_policy_allows(trip->plans->policy, &query, &rule);
        add(trip->walk, leg, TL_WALK_NODE, TL_WALK_POLICY, node)->rule = rule;
        return is_allowed || broken(trip->walk, TL_CAUSE_POLICY);
}

/* From one node to another through the tunnel. They are the same if a device uses the mapped
 * address of a machine at its own site. */
static bool carry(struct trip *trip, const struct leg *leg)
{
        uint32_t node = leg->from->node, before;

        if (!pass(trip, leg, node))
                return false;
        for (uint32_t i = 0; i == 0 || node != leg->to->node; i++) {
                if (i == TL_WALK_NODES)
                        return broken(trip->walk, TL_CAUSE_ALLOWED_IPS);
                before = node;
                node = to_peer(trip, leg, node, i == 0);
                if (node == TL_MODEL_NONE)
                        return false;
                if (i == 0)
                        add_change(trip->walk, leg, TL_WALK_SET_FROM, before, &leg->from->ip,
                                   &leg->source);
                if (!pass(trip, leg, node) || !accept_from(trip, leg, node, before) ||
                    !ask_policy(trip, leg, node))
                        return false;
        }
        return true;
}

/* ---- the connection ---- */

static void arrive(struct trip *trip, const struct leg *leg)
{
        add(trip->walk, leg, leg->is_return ? TL_WALK_SOURCE : TL_WALK_DESTINATION, TL_WALK_ARRIVE,
            leg->to->node)
                ->lan = leg->to->lan;
}

static bool there(struct trip *trip, const struct leg *leg)
{
        const struct tl_course *course = trip->course;

        if (!leg->from->is_node && !to_node(trip, leg, course->out))
                return false;
        add_change(trip->walk, leg, TL_WALK_SET_TO, leg->from->node, &course->dial, &course->to);
        if (!carry(trip, leg))
                return false;
        add_change(trip->walk, leg, TL_WALK_SET_TO, leg->to->node, &course->to, &leg->to->ip);
        if (!leg->to->is_node && !enter_lan(trip, leg))
                return false;
        trip->walk->seen = course->seen;
        arrive(trip, leg);
        return true;
}

/* Conntrack undoes on replies what NAT has done there. */
static bool back(struct trip *trip, const struct leg *leg)
{
        const struct tl_course *course = trip->course;

        if (!leg->from->is_node && !to_node(trip, leg, course->in))
                return false;
        if (!carry(trip, leg))
                return false;
        add_change(trip->walk, leg, TL_WALK_SET_TO, leg->to->node, &course->from, &leg->to->ip);
        add_change(trip->walk, leg, TL_WALK_SET_FROM, leg->to->node, &course->to, &course->dial);
        if (!leg->to->is_node)
                trip->has_seen_reply = hand_over(trip, leg, (struct tl_travel_choice){0}, true);
        arrive(trip, leg);
        return true;
}

/* The third packet takes the way of the first. The router at the source may not have seen the
 * reply. */
static bool third(struct trip *trip, const struct leg *leg)
{
        if (leg->from->is_node || is_direct(trip->course->out) ||
            trip->course->out.reason != TL_TRAVEL_DROPS_HALF || trip->has_seen_reply ||
            !is_dropped_as_third(trip->walk->protocol))
                return true;
        add_on_lan(trip->walk, leg, TL_WALK_ROUTER, TL_WALK_THIRD, trip->course->out);
        return broken(trip->walk, TL_CAUSE_GATEWAY_DROPS);
}

/* From a device to its own site's node, at the node's address in the tunnel. The node replies in
 * the LAN. */
static bool reach_own_node(struct trip *trip, const struct leg *leg, const struct leg *reply)
{
        if (!to_node(trip, leg, trip->course->out))
                return false;
        if (!has_key(trip->model, leg->to->node)) {
                add(trip->walk, leg, TL_WALK_NODE, TL_WALK_TO_PEER, leg->to->node);
                return broken(trip->walk, TL_CAUSE_NO_KEY);
        }
        trip->walk->seen = leg->from->ip;
        arrive(trip, leg);
        trip->has_seen_reply = hand_over(trip, reply, (struct tl_travel_choice){0}, false);
        arrive(trip, reply);
        return third(trip, leg);
}

static bool is_one_machine(const struct tl_walk_end *a, const struct tl_walk_end *b)
{
        return a->node == b->node && ((a->is_node && b->is_node) || wg_ip_equal(&a->ip, &b->ip));
}

/* Whether a device does not find an address of its site in the LAN: the node's in the tunnel. */
static bool is_beyond_lan(const struct tl_walk_end *from, const struct tl_walk_end *to)
{
        return !from->is_node && to->is_node && to->lan == TL_MODEL_NONE;
}

static bool is_elsewhere(const struct tl_walk *walk)
{
        return walk->dialled.family != WG_FAMILY_NONE && !wg_ip_equal(&walk->dialled, &walk->to.ip);
}

/* The answer that needs no walk; false: there is none. */
static bool is_trivial(const struct tl_walk *walk, enum tl_cause *cause)
{
        const struct tl_walk_end *from = &walk->from, *to = &walk->to;

        if (from->ip.family != to->ip.family)
                *cause = TL_CAUSE_NO_FAMILY;
        else if (is_one_machine(from, to))
                *cause = TL_CAUSE_SAME;
        else if (from->node == to->node && !is_beyond_lan(from, to) && !is_elsewhere(walk))
                *cause = TL_CAUSE_SAME_LAN;
        else
                return false;
        return true;
}

/* Whether an address is in the LAN of some site, where it is not unique. */
static bool is_ambiguous(const struct tl_model *model, const struct wg_ip *ip)
{
        for (uint32_t i = 0; i < model->lan_count; i++)
                if (wg_prefix_contains(&model->lans[i].prefix, ip))
                        return true;
        return false;
}

bool tl_walk_is_stand_in(const struct tl_model *model, const struct tl_walk_end *end)
{
        return end->node != TL_MODEL_NONE && end->lan != TL_MODEL_NONE && !end->is_node &&
               tl_model_find_here(model, end->lan, &end->ip);
}

/* The cause if an end is nowhere. */
static enum tl_cause nowhere(const struct tl_walk *walk, const struct tl_model *model)
{
        const struct tl_walk_end *end = walk->from.node == TL_MODEL_NONE ? &walk->from : &walk->to;

        return is_ambiguous(model, &end->ip) ? TL_CAUSE_OVERLAP : TL_CAUSE_NOT_IN_NETWORK;
}

/* ---- uplinks that carry less than the file says ---- */

/* What the uplink of a node carries, by the lab section or as a fact; 0: not known. */
static uint32_t find_uplink(const struct tl_plans *plans, uint32_t node)
{
        const struct tl_lab_home *home;

        if (plans->uplink_mtu && node == plans->uplink_node)
                return plans->uplink_mtu;
        home = tl_model_home_of(plans->model, node);
        return home ? home->mtu : 0;
}

/* Notes a node on the way whose uplink is too narrow for the largest packets. */
static void check_uplink(struct tl_walk *walk, const struct tl_plans *plans, uint32_t node)
{
        uint32_t mtu = find_uplink(plans, node);

        if (!mtu || mtu >= walk->mtu + TL_PATHMTU_OVERHEAD ||
            (walk->narrow != TL_MODEL_NONE && walk->narrow_mtu <= mtu))
                return;
        walk->narrow = node;
        walk->narrow_mtu = mtu;
        walk->cause = TL_CAUSE_MTU;
}

static void check_uplinks(struct tl_walk *walk, const struct tl_plans *plans)
{
        for (uint32_t i = 0; i < walk->step_count; i++)
                if (walk->steps[i].deed == TL_WALK_TO_PEER) {
                        check_uplink(walk, plans, walk->steps[i].node);
                        check_uplink(walk, plans, walk->steps[i].peer);
                }
}

/* ---- all of it ---- */

static bool run(struct tl_walk *walk, struct tl_plans *plans)
{
        struct tl_course *course = &walk->course;
        struct trip trip = {.walk = walk, .plans = plans, .model = plans->model, .course = course};
        struct leg forth = {.from = &walk->from, .to = &walk->to};
        struct leg reply = {.from = &walk->to, .to = &walk->from, .is_return = true};

        if (tl_walk_is_stand_in(plans->model, &walk->from) ||
            tl_walk_is_stand_in(plans->model, &walk->to)) {
                walk->cause = TL_CAUSE_NOT_IN_NETWORK;
                return false;
        }
        if (walk->from.node == TL_MODEL_NONE || walk->to.node == TL_MODEL_NONE) {
                walk->cause = nowhere(walk, plans->model);
                return false;
        }
        if (is_trivial(walk, &walk->cause))
                return walk->cause == TL_CAUSE_SAME || walk->cause == TL_CAUSE_SAME_LAN;
        tl_course_plot(course, plans->model, &walk->from, &walk->to);
        if (walk->dialled.family != WG_FAMILY_NONE)
                tl_dialled_apply(course, plans->model, &walk->from, &walk->to, &walk->dialled);
        forth.source = reply.destination = course->from;
        forth.destination = reply.source = course->to;
        if (walk->from.node == walk->to.node && is_beyond_lan(&walk->from, &walk->to))
                return reach_own_node(&trip, &forth, &reply);
        return there(&trip, &forth) && back(&trip, &reply) && third(&trip, &forth);
}

bool tl_walk_run(struct tl_walk *walk, struct tl_plans *plans)
{
        walk->step_count = 0;
        walk->cause = TL_CAUSE_NONE;
        walk->course = (struct tl_course){0};
        walk->mtu = 0;
        walk->seen = (struct wg_ip){0};
        walk->narrow = TL_MODEL_NONE;
        walk->has_no_memory = false;
        walk->is_reachable = run(walk, plans) && !walk->has_no_memory;
        if (walk->is_reachable && walk->cause == TL_CAUSE_NONE)
                check_uplinks(walk, plans);
        return walk->is_reachable;
}
