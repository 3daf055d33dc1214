/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "net/expect.h"

#include <stdlib.h>

#include "net/ends.h"
#include "net/pair.h"

/* One expectation, with the machines that its names stand for. */
struct question {
        struct tl_plans *plans;
        const struct tl_network_expectation *in_file;
        struct tl_ends from, to;
        struct tl_findings *findings;
};

static bool no_memory(const struct question *q)
{
        tl_findings_error(q->findings, q->in_file->text.at, NULL, "out of memory");
        return false;
}

/* ---- machines that need not be asked ---- */

/* Whether a node is in a network of its own. */
static bool has_network(const struct tl_model *model, uint32_t node)
{
        static const struct wg_prefix all = {{.family = WG_FAMILY_IPV4}, 0};

        return tl_model_find_presence(model, node, &all) != NULL;
}

/* What the answer depends on, if the destination is given: rules see the class of a source, and the
 * way differs by node. All devices of a hub have the same way. */
static bool is_alike(const struct question *q, const struct tl_end *a, const struct tl_end *b)
{
        const struct tl_node *nodes = q->plans->model->nodes;
        const struct tl_node *x, *y;

        if (a->ip4.node == TL_MODEL_NONE || b->ip4.node == TL_MODEL_NONE || !a->ip4.is_node ||
            !b->ip4.is_node)
                return false;
        x = &nodes[a->ip4.node];
        y = &nodes[b->ip4.node];
        if (has_network(q->plans->model, a->ip4.node) || has_network(q->plans->model, b->ip4.node))
                return false;
        return x->kind == TL_NODE_DEVICE && y->kind == TL_NODE_DEVICE && x->hub == y->hub &&
               (x->in_file->key_at.line == 0) == (y->in_file->key_at.line == 0) &&
               tl_policy_class(q->plans->policy, &x->ip4) ==
                       tl_policy_class(q->plans->policy, &y->ip4);
}

/* Keeps two of each kind: if one of them is the destination itself, the other one is asked. */
static void drop_alike(struct question *q)
{
        struct tl_ends *from = &q->from;
        uint32_t kept = 0;

        for (uint32_t i = 0; i < from->count; i++) {
                uint32_t alike = 0;

                for (uint32_t j = 0; alike < 2 && j < kept; j++)
                        alike += is_alike(q, &from->items[i], &from->items[j]);
                if (alike < 2)
                        from->items[kept++] = from->items[i];
        }
        from->count = kept;
}

/* ---- asking ---- */

/* How the answers to one expectation differ. */
enum answer { MET, UNMET, LOST };

static enum answer ask_once(struct question *q, const struct tl_end *from, const struct tl_end *to,
                            const struct tl_flow *flow, struct tl_walk *walk)
{
        bool is_reachable = tl_pair_walk(walk, q->plans, from, to, flow);

        if (walk->has_no_memory)
                return LOST;
        return is_reachable != flow->is_negated ? MET : UNMET;
}

/* A service without a port is asked at each of its ports. */
static enum answer ask(struct question *q, const struct tl_end *from, const struct tl_end *to,
                       struct tl_walk *walk)
{
        struct tl_flow flow = q->in_file->flow;
        const struct tl_port_list *ports = to->service ? &to->service->in_file->ports : NULL;
        enum answer answer = ask_once(q, from, to, &flow, walk);

        if (!ports || flow.protocol != WG_PROTOCOL_ICMP)
                return answer;
        for (uint32_t i = 1; answer == MET && i < ports->count; i++) {
                flow.protocol = ports->items[i].protocol;
                flow.port = ports->items[i].first;
                answer = ask_once(q, from, to, &flow, walk);
        }
        return answer;
}

/* A machine reaches itself, which says nothing about "developers -> developers". */
static bool is_idle(const struct question *q, const struct tl_walk *walk)
{
        return walk->cause == TL_CAUSE_SAME && (q->from.count > 1 || q->to.count > 1);
}

/* Asks every pair until one breaks the expectation, and keeps the walk of that one, or of the first
 * pair. */
static enum answer ask_all(struct question *q, struct tl_walk *kept, const struct tl_end **from,
                           const struct tl_end **to)
{
        *from = NULL;
        for (uint32_t i = 0; i < q->from.count; i++) {
                for (uint32_t j = 0; j < q->to.count; j++) {
                        struct tl_walk walk;
                        enum answer answer = ask(q, &q->from.items[i], &q->to.items[j], &walk);

                        if (is_idle(q, &walk) || (answer == MET && *from))
                                continue;
                        *kept = walk;
                        *from = &q->from.items[i];
                        *to = &q->to.items[j];
                        if (answer != MET)
                                return answer;
                }
        }
        return MET;
}

/* What ends a connection that must not work. The explanation knows no fix for what works. */
static bool add_fix(const struct question *q, struct tl_explanation *explanation)
{
        if (q->plans->policy->is_open)
                explanation->fix = "add a `policy`: without one, everything is allowed";
        else if (explanation->cause == TL_CAUSE_NONE)
                explanation->fix = tl_arena_format(&explanation->arena,
                                                   "remove or narrow the rule in line %u",
                                                   (unsigned int)explanation->at.line);
        else
                return true;
        return explanation->fix != NULL;
}

static bool evaluate(struct question *q, struct tl_expect_result *result)
{
        const struct tl_flow *flow = &q->in_file->flow;
        struct tl_arena *arena = &result->explanation.arena;
        const struct tl_end *from, *to;
        struct tl_walk walk;
        enum answer answer;

        if (!tl_ends_list(&q->from, q->plans->model, flow->from, arena, q->in_file->text.at,
                          q->findings) ||
            !tl_ends_list(&q->to, q->plans->model, flow->to, arena, q->in_file->text.at,
                          q->findings))
                return false;
        drop_alike(q);
        answer = ask_all(q, &walk, &from, &to);
        if (answer == LOST)
                return no_memory(q);
        result->is_met = answer == MET;
        if (!from) /* only a machine and itself */
                return true;
        if (tl_pair_tell(&result->explanation, q->plans, &walk, from, to) &&
            (result->is_met || !flow->is_negated || add_fix(q, &result->explanation)))
                return true;
        return no_memory(q);
}

bool tl_expect_check(struct tl_expect_list *list, struct tl_plans *plans,
                     struct tl_findings *findings)
{
        const struct tl_network *network = plans->model->network;
        bool is_good = true;

        *list = (struct tl_expect_list){0};
        list->items = calloc((size_t)network->expectation_count + 1, sizeof(*list->items));
        if (!list->items) {
                tl_findings_error(findings, network->name.at, NULL, "out of memory");
                return false;
        }
        for (uint32_t i = 0; i < network->expectation_count; i++) {
                struct tl_expect_result *result = &list->items[list->count++];
                struct question q = {
                        .plans = plans, .in_file = &network->expectations[i], .findings = findings};

                result->index = i;
                is_good &= evaluate(&q, result);
                list->unmet += !result->is_met;
        }
        return is_good;
}

void tl_expect_done(struct tl_expect_list *list)
{
        for (uint32_t i = 0; i < list->count; i++)
                tl_explain_done(&list->items[i].explanation);
        free(list->items);
        *list = (struct tl_expect_list){0};
}
