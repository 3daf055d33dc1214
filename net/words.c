/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "net/words.h"

#include <stdarg.h>
#include <stdio.h>

#include "conf/address.h"

const char *tl_words_format(struct tl_words *words, const char *format, ...)
{
        va_list arguments, again;
        char *text = NULL;
        int len;

        va_start(arguments, format);
        va_copy(again, arguments);
        len = vsnprintf(NULL, 0, format, arguments);
        if (len >= 0)
                text = tl_arena_take(words->arena, (size_t)len + 1, 1);
        if (text)
                vsnprintf(text, (size_t)len + 1, format, again);
        else
                words->has_no_memory = true;
        va_end(again);
        va_end(arguments);
        return text ? text : "";
}

const char *tl_words_ip(struct tl_words *words, const struct wg_ip *ip)
{
        char text[TL_ADDRESS_IP_SIZE];

        tl_address_format_ip(text, ip);
        return tl_words_format(words, "%s", text);
}

const char *tl_words_prefix(struct tl_words *words, const struct wg_prefix *prefix)
{
        char text[TL_ADDRESS_PREFIX_SIZE];

        if (prefix->cidr == wg_ip_bits(&prefix->ip))
                return tl_words_ip(words, &prefix->ip);
        tl_address_format_prefix(text, prefix);
        return tl_words_format(words, "%s", text);
}

void tl_words_format_ports(char out[TL_WORDS_PORTS_SIZE], uint8_t protocol, uint16_t first,
                           uint16_t last)
{
        const char *name = protocol == WG_PROTOCOL_TCP ? "tcp" : "udp";

        if (protocol == WG_PROTOCOL_ICMP)
                snprintf(out, TL_WORDS_PORTS_SIZE, "icmp");
        else if (first == last)
                snprintf(out, TL_WORDS_PORTS_SIZE, "%u/%s", (unsigned int)first, name);
        else if (first <= 1 && last == UINT16_MAX)
                snprintf(out, TL_WORDS_PORTS_SIZE, "%s", name);
        else
                snprintf(out, TL_WORDS_PORTS_SIZE, "%u-%u/%s", (unsigned int)first,
                         (unsigned int)last, name);
}

const char *tl_words_service(struct tl_words *words, uint8_t protocol, uint16_t first,
                             uint16_t last)
{
        char text[TL_WORDS_PORTS_SIZE];

        tl_words_format_ports(text, protocol, first, last);
        return tl_words_format(words, "%s", text);
}

struct wg_prefix tl_words_home(const struct tl_words *words, const struct tl_walk_end *end)
{
        const struct tl_model *model = words->plans->model;
        const struct tl_course *course = &words->walk->course;
        const struct wg_ip *ip = end == &words->walk->to ? &course->to : &course->from;
        const struct tl_lan *lan;

        if (end->lan == TL_MODEL_NONE)
                return end->ip.family == WG_FAMILY_IPV4 ? model->pool4 : model->pool6;
        lan = &model->lans[end->lan];
        return wg_prefix_contains(&lan->mapped, ip) ? lan->mapped : lan->wire;
}

/* ---- rules ---- */

static const char *join(struct tl_words *words, const struct tl_word_list *list)
{
        const char *text = list->count ? list->items[0].text : "nothing";
        uint32_t shown = WG_MIN(list->count, 3);

        for (uint32_t i = 1; i < shown; i++)
                text = tl_words_format(words, "%s, %s", text, list->items[i].text);
        if (list->count > shown)
                text = tl_words_format(words, "%s and %u more", text,
                                       (unsigned int)(list->count - shown));
        return text;
}

const char *tl_words_rule(struct tl_words *words, uint32_t rule)
{
        const struct tl_network_rule *in_file = &words->plans->model->network->rules[rule];
        const char *text = tl_words_format(words, "%s to %s", join(words, &in_file->from),
                                           join(words, &in_file->to));
        const char *ports = NULL;

        for (uint32_t i = 0; i < in_file->ports.count && i < 4; i++) {
                const struct tl_port_range *range = &in_file->ports.items[i];
                const char *port = tl_words_service(words, range->protocol, range->first,
                                                    range->last);

                ports = ports ? tl_words_format(words, "%s, %s", ports, port) : port;
        }
        if (in_file->ports.count > 4)
                ports = tl_words_format(words, "%s, ...", ports);
        return ports ? tl_words_format(words, "%s (%s)", text, ports) : text;
}

/* ---- names ---- */

static const struct tl_site *site_of(const struct tl_words *words, uint32_t lan)
{
        return &words->plans->model->sites[words->plans->model->lans[lan].site];
}

static const char *node_name(const struct tl_words *words, uint32_t node)
{
        return words->plans->model->nodes[node].name;
}

const char *tl_words_actor(struct tl_words *words, const struct tl_walk_step *step)
{
        switch (step->actor) {
        case TL_WALK_SOURCE:
                return words->from->name;
        case TL_WALK_DESTINATION:
                return words->to->name;
        case TL_WALK_ROUTER:
                return tl_words_format(words, "%s's router", site_of(words, step->lan)->name);
        case TL_WALK_NODE:
                return node_name(words, step->node);
        }
        return "";
}

/* ", 192.168.201.1", or nothing if the file does not give the address. */
static const char *at_address(struct tl_words *words, const struct wg_ip *ip)
{
        if (ip->family == WG_FAMILY_NONE)
                return "";
        return tl_words_format(words, ", %s", tl_words_ip(words, ip));
}

/* ---- the address that the source uses ---- */

/* " (line 9)", or nothing if the file has no line for it. */
static const char *in_line(struct tl_words *words, struct tl_place at)
{
        return at.line ? tl_words_format(words, " (line %u)", (unsigned int)at.line) : "";
}

static const char *why_mapped(struct tl_words *words)
{
        const struct tl_course *course = &words->walk->course;
        const struct tl_lan *lan = &words->plans->model->lans[words->walk->to.lan];
        const char *prefix = tl_words_prefix(words, &lan->prefix);
        const char *site = site_of(words, words->walk->to.lan)->name;

        if (course->is_hidden)
                return tl_words_format(words, "%s is in a network with addresses of %s's LAN, %s%s",
                                       words->from->name, site, prefix,
                                       in_line(words, course->hidden));
        if (lan->overlap.line)
                return tl_words_format(words, "%s's LAN, %s, overlaps another network%s", site,
                                       prefix, in_line(words, lan->overlap));
        return tl_words_format(words, "it leads to %s's LAN, %s, from everywhere", site, prefix);
}

const char *tl_words_why(struct tl_words *words)
{
        const struct tl_course *course = &words->walk->course;
        const char *reason = "";

        if (words->to->literal.family != WG_FAMILY_NONE)
                return NULL;
        switch (course->form) {
        case TL_COURSE_OWN:
                return NULL;
        case TL_COURSE_MAPPED:
                reason = why_mapped(words);
                break;
        case TL_COURSE_VIRTUAL:
                reason = tl_words_format(words, "nobody can give the router of %s a route%s",
                                         site_of(words, words->walk->from.lan)->name,
                                         in_line(words, course->out.at));
                break;
        }
        return tl_words_format(words, "%s uses %s for %s: %s", words->from->name,
                               tl_words_ip(words, &course->dial), words->to->name, reason);
}

/* ---- what happens ---- */

static const char *to_router(struct tl_words *words, const struct tl_walk_step *step)
{
        return tl_words_format(words, "%s its default gateway%s",
                               step->is_return ? "replies through" : "sends to",
                               at_address(words, &words->plans->model->lans[step->lan].router_at));
}

/* What the source calls the destination, or the other way round. */
static const char *look_here(struct tl_words *words, const struct tl_walk_step *step)
{
        const struct tl_course *course = &words->walk->course;
        const struct wg_ip *ip = step->is_return ? &course->seen : &course->dial;

        if (!wg_prefix_contains(&step->prefix, ip))
                return tl_words_format(words,
                                       "has no route to %s, since it is in a network with some of "
                                       "that LAN's addresses, %s",
                                       tl_words_ip(words, ip),
                                       tl_words_prefix(words, &step->prefix));
        return tl_words_format(words, "looks for %s in %s, %s", tl_words_ip(words, ip),
                               step->lan == TL_MODEL_NONE ? "a network that it is in"
                                                          : "its own LAN",
                               tl_words_prefix(words, &step->prefix));
}

/* Where a device or router sends: "192.168.201.0/24". */
static const char *target(struct tl_words *words, const struct tl_walk_step *step)
{
        const struct tl_walk_end *end = step->is_return ? &words->walk->from : &words->walk->to;
        struct wg_prefix home = tl_words_home(words, end);

        return tl_words_prefix(words, &home);
}

static const char *broken_router(struct tl_words *words, const struct tl_walk_step *step)
{
        switch (step->travel.reason) {
        case TL_TRAVEL_LACKS_ROUTE:
                return tl_words_format(words, "has no route to %s, and sends it to the Internet",
                                       target(words, step));
        case TL_TRAVEL_NO_ROUTES:
                return tl_words_format(words,
                                       "sends %s to the Internet, and nobody can give it a route",
                                       target(words, step));
        case TL_TRAVEL_DROPS_HALF:
                return "drops the reply as invalid: it has not seen the connection begin";
        case TL_TRAVEL_NODE_IS_ROUTER:
        case TL_TRAVEL_HAS_ROUTES:
        case TL_TRAVEL_DEVICES_HAVE_ROUTES:
        case TL_TRAVEL_NO_FAMILY:
        case TL_TRAVEL_HAS_STAND_IN:
                break;
        }
        return tl_travel_reason_text(step->travel.reason);
}

static const char *to_node(struct tl_words *words, const struct tl_walk_step *step)
{
        const struct tl_lan *lan = &words->plans->model->lans[step->lan];
        const char *node = node_name(words, step->node);

        if (step->actor == TL_WALK_ROUTER) {
                if (step->is_broken)
                        return broken_router(words, step);
                return tl_words_format(words, "has a route to %s through %s%s", target(words, step),
                                       node, at_address(words, &lan->node_at));
        }
        if (step->travel.mode == TL_TRAVEL_SNAT)
                return tl_words_format(words, "replies to %s%s", node,
                                       at_address(words, &lan->node_at));
        if (step->travel.reason == TL_TRAVEL_HAS_STAND_IN)
                return tl_words_format(words, "sends to %s in its own LAN, which %s answers for",
                                       tl_words_ip(words, &words->walk->course.dial), node);
        if (step->travel.reason == TL_TRAVEL_NODE_IS_ROUTER)
                return tl_words_format(words, "%s its default gateway, which is %s",
                                       step->is_return ? "replies through" : "sends to", node);
        return tl_words_format(words, "%s %s: DHCP has given it a route to %s",
                               step->is_return ? "replies through" : "sends to", node,
                               target(words, step));
}

/* The address in the tunnel that a packet is for, or comes from. */
static const char *tunnel_to(struct tl_words *words, const struct tl_walk_step *step)
{
        const struct tl_course *course = &words->walk->course;

        return tl_words_ip(words, step->is_return ? &course->from : &course->to);
}

static const char *tunnel_from(struct tl_words *words, const struct tl_walk_step *step)
{
        const struct tl_course *course = &words->walk->course;

        return tl_words_ip(words, step->is_return ? &course->to : &course->from);
}

static const char *to_peer(struct tl_words *words, const struct tl_walk_step *step)
{
        if (!step->is_broken)
                return tl_words_format(words, "has a route to %s, through the tunnel to %s",
                                       tl_words_prefix(words, &step->prefix),
                                       node_name(words, step->peer));
        if (words->walk->cause == TL_CAUSE_NO_KEY)
                return "has no key in the file yet, so it is not in the network";
        if (words->walk->cause == TL_CAUSE_OVERLAP)
                return "cannot be set up: two sites have the same LAN";
        return tl_words_format(words, "has no peer for %s", tunnel_to(words, step));
}

static const char *accept_from(struct tl_words *words, const struct tl_walk_step *step)
{
        return tl_words_format(words, "drops it: %s does not belong to %s",
                               tunnel_from(words, step), node_name(words, step->peer));
}

static const char *set(struct tl_words *words, const struct tl_walk_step *step, const char *what)
{
        return tl_words_format(words, "replaces the %s %s by %s", what,
                               tl_words_ip(words, &step->before), tl_words_ip(words, &step->after));
}

/* The device that a packet is for. */
static const char *receiver(const struct tl_words *words, const struct tl_walk_step *step)
{
        return step->is_return ? words->from->name : words->to->name;
}

static const char *to_gateway(struct tl_words *words, const struct tl_walk_step *step)
{
        const struct tl_lan *lan = &words->plans->model->lans[step->lan];

        return tl_words_format(words,
                               "hands it to the LAN's router%s, which must see both directions",
                               at_address(words, &lan->router_at));
}

static const char *policy(struct tl_words *words, const struct tl_walk_step *step)
{
        if (step->is_broken)
                return "drops it: no rule of the policy allows it";
        if (step->rule == TL_MODEL_NONE)
                return "lets it pass: the file has no policy";
        return tl_words_format(words, "lets it pass: the policy allows \"%s\"",
                               tl_words_rule(words, step->rule));
}

static const char *to_lan(struct tl_words *words, const struct tl_walk_step *step)
{
        const struct tl_lan *lan = &words->plans->model->lans[step->lan];
        const char *prefix = tl_words_prefix(words, &lan->prefix);

        if (step->is_broken)
                return tl_words_format(words, "has no LAN of this family: %s", prefix);
        if (!step->is_return && step->travel.mode == TL_TRAVEL_SNAT)
                return tl_words_format(words,
                                       "hands it to the LAN %s under its own address%s, since %s",
                                       prefix, at_address(words, &lan->node_at),
                                       tl_travel_reason_text(step->travel.reason));
        return tl_words_format(words, "hands it to the LAN %s", prefix);
}

static const char *arrive(struct tl_words *words, const struct tl_walk_step *step)
{
        if (step->is_return)
                return "gets the reply";
        if (words->walk->seen.family == WG_FAMILY_NONE)
                return tl_words_format(words, "gets it, from %s", node_name(words, step->node));
        return tl_words_format(words, "gets it, from %s", tl_words_ip(words, &words->walk->seen));
}

const char *tl_words_step(struct tl_words *words, const struct tl_walk_step *step)
{
        switch (step->deed) {
        case TL_WALK_TO_ROUTER:
                return to_router(words, step);
        case TL_WALK_TO_NODE:
                return to_node(words, step);
        case TL_WALK_TO_PEER:
                return to_peer(words, step);
        case TL_WALK_ACCEPT:
                return accept_from(words, step);
        case TL_WALK_POLICY:
                return policy(words, step);
        case TL_WALK_TO_LAN:
                return to_lan(words, step);
        case TL_WALK_ARRIVE:
                return arrive(words, step);
        case TL_WALK_THIRD:
                return "drops the next packet as invalid: it has not seen the reply, which went "
                       "straight from the node to the device";
        case TL_WALK_SET_TO:
                return set(words, step, "destination");
        case TL_WALK_SET_FROM:
                return set(words, step, "source");
        case TL_WALK_TO_GATEWAY:
                return to_gateway(words, step);
        case TL_WALK_PASS:
                return tl_words_format(words, "passes it to %s", receiver(words, step));
        case TL_WALK_LOOK_HERE:
                return look_here(words, step);
        }
        return "";
}

struct tl_place tl_words_place(const struct tl_words *words, const struct tl_walk_step *step)
{
        const struct tl_model *model = words->plans->model;

        switch (step->deed) {
        case TL_WALK_TO_NODE:
        case TL_WALK_THIRD:
                return step->travel.at;
        case TL_WALK_TO_LAN:
                return step->travel.at.line ? step->travel.at : model->lans[step->lan].at;
        case TL_WALK_POLICY:
                return step->rule == TL_MODEL_NONE ? model->network->policy_at
                                                   : model->network->rules[step->rule].at;
        case TL_WALK_TO_PEER:
        case TL_WALK_ACCEPT:
                return step->is_broken ? model->nodes[step->node].at : (struct tl_place){0};
        case TL_WALK_TO_GATEWAY:
                return step->travel.at;
        case TL_WALK_LOOK_HERE:
                return step->lan == TL_MODEL_NONE ? step->at : model->lans[step->lan].at;
        case TL_WALK_TO_ROUTER:
        case TL_WALK_ARRIVE:
        case TL_WALK_SET_TO:
        case TL_WALK_SET_FROM:
        case TL_WALK_PASS:
                break;
        }
        return (struct tl_place){0};
}
