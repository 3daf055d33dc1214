/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "net/pair.h"

#include "net/verdict.h"
#include "net/words.h"

static bool has(const struct tl_walk_end *end)
{
        return end->ip.family != WG_FAMILY_NONE;
}

static bool is_anywhere(const struct tl_end *end)
{
        return has(&end->ip4) || has(&end->ip6);
}

/* ---- one connection ---- */

/* Without a port, a service is asked at its first one. */
static void set_port(struct tl_walk *walk, const struct tl_flow *flow,
                     const struct tl_service *service)
{
        walk->protocol = flow->protocol;
        walk->port = flow->port;
        if (!service || flow->protocol != WG_PROTOCOL_ICMP || service->in_file->ports.count == 0)
                return;
        walk->protocol = service->in_file->ports.items[0].protocol;
        walk->port = service->in_file->ports.items[0].first;
}

/* Sets the addresses: IPv4 if both have it. */
static void set_ends(struct tl_walk *walk, const struct tl_end *from, const struct tl_end *to)
{
        bool is_ipv4 = has(&from->ip4) && has(&to->ip4);
        bool is_ipv6 = !is_ipv4 && has(&from->ip6) && has(&to->ip6);

        walk->from = is_ipv6 || !has(&from->ip4) ? from->ip6 : from->ip4;
        walk->to = is_ipv6 || !has(&to->ip4) ? to->ip6 : to->ip4;
}

/* Gives the source another address than its own, and the destination one of that family. */
static void claim(struct tl_walk *walk, const struct tl_end *from, const struct tl_end *to,
                  const struct wg_ip *as)
{
        if (as->family == WG_FAMILY_NONE)
                return;
        walk->from = as->family == WG_FAMILY_IPV4 ? from->ip4 : from->ip6;
        walk->from.ip = *as;
        walk->from.lan = TL_MODEL_NONE;
        if (has(as->family == WG_FAMILY_IPV4 ? &to->ip4 : &to->ip6))
                walk->to = as->family == WG_FAMILY_IPV4 ? to->ip4 : to->ip6;
}

/* Answers without a walk what the names alone decide. */
static bool is_decided(struct tl_walk *walk, const struct tl_end *from, const struct tl_end *to)
{
        walk->cause = TL_CAUSE_NONE;
        if (!is_anywhere(from) || !is_anywhere(to))
                walk->cause = TL_CAUSE_NO_DEVICE;
        else if (to->service &&
                 !tl_ends_offers(&to->service->in_file->ports, walk->protocol, walk->port))
                walk->cause = TL_CAUSE_SERVICE_PORT;
        return walk->cause != TL_CAUSE_NONE;
}

static bool add_hop(struct tl_explanation *explanation, struct tl_words *words,
                    const struct tl_walk_step *step)
{
        struct tl_hop *larger = tl_arena_grow(&explanation->arena, explanation->hops,
                                              explanation->hop_count, &explanation->hop_capacity,
                                              sizeof(*larger));

        if (!larger)
                return false;
        explanation->hops = larger;
        larger[explanation->hop_count++] = (struct tl_hop){
                .where = tl_words_actor(words, step),
                .text = tl_words_step(words, step),
                .is_return = step->is_return,
                .is_broken = step->is_broken,
                .at = tl_words_place(words, step),
        };
        return true;
}

bool tl_pair_walk(struct tl_walk *walk, struct tl_plans *plans, const struct tl_end *from,
                  const struct tl_end *to, const struct tl_flow *flow)
{
        *walk = (struct tl_walk){0};
        set_port(walk, flow, to->service);
        set_ends(walk, from, to);
        claim(walk, from, to, &flow->as);
        walk->dialled = to->literal;
        walk->to = tl_ends_place(plans->model, &walk->from, to, &walk->to);
        return !is_decided(walk, from, to) && tl_walk_run(walk, plans);
}

bool tl_pair_tell(struct tl_explanation *explanation, const struct tl_plans *plans,
                  const struct tl_walk *walk, const struct tl_end *from, const struct tl_end *to)
{
        struct tl_end named = *to;
        struct tl_words words = {.arena = &explanation->arena,
                                 .plans = plans,
                                 .walk = walk,
                                 .from = from,
                                 .to = &named};

        if (to->literal.family != WG_FAMILY_NONE &&
            !tl_ends_name_place(&named, plans->model, &walk->to, &explanation->arena))
                return false;
        for (uint32_t i = 0; i < walk->step_count; i++)
                if (!add_hop(explanation, &words, &walk->steps[i]))
                        return false;
        explanation->is_reachable = walk->is_reachable;
        explanation->from_name = from->name;
        explanation->to_name = to->name;
        explanation->note[0] = from->note;
        explanation->note[1] = named.note;
        explanation->from = walk->from.ip;
        explanation->to = walk->to.ip;
        explanation->source = walk->from;
        explanation->destination = walk->to;
        explanation->course = walk->course;
        explanation->why = tl_words_why(&words);
        explanation->seen = walk->seen;
        explanation->mtu = walk->mtu;
        explanation->protocol = walk->protocol;
        explanation->port = walk->port;
        tl_verdict_give(explanation, &words);
        return !words.has_no_memory;
}
