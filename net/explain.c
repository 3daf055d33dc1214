/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * net/ends finds the machines, net/walk walks between them, and net/words tells what happens. */
#include "net/explain.h"

#include "net/ends.h"
#include "net/pair.h"
#include "net/walk.h"

WG_ENUM_DEFINE(tl_cause, TL_CAUSES)

/* Devices of a LAN do not send into the tunnel; what a node may send as is for others to judge. */
static bool may_claim(const struct tl_model *model, const struct tl_flow *flow,
                      const struct tl_end *from, struct tl_place at, struct tl_findings *findings)
{
        struct tl_walk_end owner = tl_walk_locate(model, &flow->as);
        const struct tl_walk_end *node = flow->as.family == WG_FAMILY_IPV4 ? &from->ip4
                                                                           : &from->ip6;

        if (flow->as.family == WG_FAMILY_NONE)
                return true;
        if (!node->is_node || node->node == TL_MODEL_NONE) {
                tl_findings_error(findings, at, "name a hub, a node of a site, or a device",
                                  "%s sends nothing into the tunnel itself", from->name);
                return false;
        }
        if (owner.node != node->node)
                return true;
        tl_findings_error(findings, at,
                          "leave out --as, and name the machine that has it as the source",
                          "peers accept this address from %s: %s", from->name,
                          owner.is_node ? "it is its own" : "its site has it");
        return false;
}

bool tl_explain(struct tl_explanation *explanation, struct tl_plans *plans,
                const struct tl_flow *flow, struct tl_place at, struct tl_findings *findings)
{
        struct tl_arena *arena = &explanation->arena;
        struct tl_ends from, to;
        struct tl_walk walk;

        *explanation = (struct tl_explanation){0};
        if (!tl_ends_list(&from, plans->model, flow->from, arena, at, findings) ||
            !tl_ends_list(&to, plans->model, flow->to, arena, at, findings) ||
            !may_claim(plans->model, flow, from.items, at, findings))
                return false;
        if ((tl_pair_walk(&walk, plans, from.items, to.items, flow) || !walk.has_no_memory) &&
            tl_pair_tell(explanation, plans, &walk, from.items, to.items))
                return true;
        tl_findings_error(findings, at, NULL, "out of memory");
        return false;
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
                .dialled = *to,
                .protocol = protocol,
                .port = port,
        };
        bool is_reachable;

        walk.to = tl_course_find(plans->model, walk.from.node == TL_MODEL_NONE ? NULL : &walk.from,
                                 to);
        is_reachable = tl_walk_run(&walk, plans);
        if (cause)
                *cause = walk.has_no_memory ? TL_CAUSE_NOT_IN_NETWORK : walk.cause;
        return is_reachable && !walk.has_no_memory;
}
