/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * net/ends finds the machines, net/walk walks between them, and net/words tells what happened. */
#include "net/explain.h"

#include "net/ends.h"
#include "net/verdict.h"
#include "net/walk.h"
#include "net/words.h"

WG_ENUM_DEFINE(tl_cause, TL_CAUSES)

static bool no_memory(struct tl_findings *findings, struct tl_place at)
{
        tl_findings_error(findings, at, NULL, "out of memory");
        return false;
}

/* ---- the ends ---- */

static bool unknown_end(const struct tl_model *model, struct tl_text name, struct tl_place at,
                        struct tl_findings *findings)
{
        const char *similar = tl_model_suggest(model, name.at, name.len);

        if (similar)
                tl_findings_error(findings, at, NULL, "unknown name \"%.*s\": did you mean \"%s\"?",
                                  (int)name.len, name.at, similar);
        else
                tl_findings_error(findings, at, NULL,
                                  "unknown name \"%.*s\": it must be a name of the file, or an "
                                  "address",
                                  (int)name.len, name.at);
        return false;
}

static bool list_ends(struct tl_ends *ends, const struct tl_model *model, struct tl_text name,
                      struct tl_place at, struct tl_arena *arena, struct tl_findings *findings)
{
        switch (tl_ends_list(ends, model, name, arena)) {
        case TL_ENDS_OK:
                return true;
        case TL_ENDS_UNKNOWN:
                return unknown_end(model, name, at, findings);
        case TL_ENDS_NO_MEMORY:
                break;
        }
        return no_memory(findings, at);
}

/* The first machine; or, if there is none, something to blame. */
static struct tl_end first_end(const struct tl_ends *ends)
{
        static const struct tl_walk_end nowhere = {.node = TL_MODEL_NONE, .lan = TL_MODEL_NONE};

        if (ends->count > 0)
                return ends->items[0];
        return (struct tl_end){
                .name = ends->entity->name,
                .party = ends->entity->name,
                .at = ends->entity->at,
                .ip4 = nowhere,
                .ip6 = nowhere,
        };
}

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

static bool tell(struct tl_explanation *explanation, struct tl_plans *plans,
                 const struct tl_walk *walk, const struct tl_end *from, const struct tl_end *to)
{
        struct tl_words words = {
                .arena = &explanation->arena, .plans = plans, .walk = walk, .from = from, .to = to};

        for (uint32_t i = 0; i < walk->step_count; i++)
                if (!add_hop(explanation, &words, &walk->steps[i]))
                        return false;
        explanation->from_name = from->name;
        explanation->to_name = to->name;
        explanation->note[0] = from->note;
        explanation->note[1] = to->note;
        explanation->from = walk->from.ip;
        explanation->to = walk->to.ip;
        explanation->seen = walk->seen;
        explanation->mtu = walk->mtu;
        explanation->protocol = walk->protocol;
        explanation->port = walk->port;
        tl_verdict_give(explanation, &words);
        return !words.has_no_memory;
}

bool tl_explain(struct tl_explanation *explanation, struct tl_plans *plans,
                const struct tl_flow *flow, struct tl_place at, struct tl_findings *findings)
{
        struct tl_ends sources, destinations;
        struct tl_end from, to;
        struct tl_walk walk = {0};

        *explanation = (struct tl_explanation){0};
        if (!list_ends(&sources, plans->model, flow->from, at, &explanation->arena, findings) ||
            !list_ends(&destinations, plans->model, flow->to, at, &explanation->arena, findings))
                return false;
        from = first_end(&sources);
        to = first_end(&destinations);
        set_port(&walk, flow, to.service);
        set_ends(&walk, &from, &to);
        if (!is_decided(&walk, &from, &to))
                explanation->is_reachable = tl_walk_run(&walk, plans);
        if (walk.has_no_memory || !tell(explanation, plans, &walk, &from, &to))
                return no_memory(findings, at);
        return true;
}

void tl_explain_done(struct tl_explanation *explanation)
{
        tl_arena_done(&explanation->arena);
        *explanation = (struct tl_explanation){0};
}

bool tl_explain_reaches(struct tl_plans *plans, const struct wg_ip *from, const struct wg_ip *to,
                        uint8_t protocol, uint16_t port, enum tl_cause *cause)
{
        struct tl_walk walk = {
                .from = tl_walk_locate(plans->model, from),
                .to = tl_walk_locate(plans->model, to),
                .protocol = protocol,
                .port = port,
        };
        bool is_reachable = tl_walk_run(&walk, plans);

        if (cause)
                *cause = walk.has_no_memory ? TL_CAUSE_NOT_IN_NETWORK : walk.cause;
        return is_reachable && !walk.has_no_memory;
}
