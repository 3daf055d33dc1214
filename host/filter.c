/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "host/filter.h"

#include <string.h>

WG_ENUM_DEFINE(tl_filter_hook, TL_FILTER_HOOKS)
WG_ENUM_DEFINE(tl_filter_verdict, TL_FILTER_VERDICTS)
WG_ENUM_DEFINE(tl_filter_subject, TL_FILTER_SUBJECTS)
WG_ENUM_DEFINE(tl_filter_fate, TL_FILTER_FATES)

/* iptables allows deeper nesting than nft's 16. Kernels accept no cycles, but there may be very
 * many ways to a chain. */
enum { DEPTH_MAX = 64, STEPS_MAX = 1000000 };

/* Whether something holds for all packets of a kind, for none, or for some. */
enum truth { NO, MAYBE, YES };

/* ---- building ---- */

struct tl_filter_chain *tl_filter_add_chain(struct tl_filter *filter, const char *program,
                                            const char *family, const char *table, const char *name)
{
        struct tl_arena *arena = &filter->arena;
        struct tl_filter_chain *chains = tl_arena_grow(arena, filter->chains, filter->count,
                                                       &filter->capacity, sizeof(*chains));
        struct tl_filter_chain chain = {0};

        if (!chains)
                return NULL;
        filter->chains = chains;
        chain.program = tl_arena_copy(arena, program, strlen(program));
        chain.family = tl_arena_copy(arena, family, strlen(family));
        chain.table = tl_arena_copy(arena, table, strlen(table));
        chain.name = tl_arena_copy(arena, name, strlen(name));
        if (!chain.program || !chain.family || !chain.table || !chain.name)
                return NULL;
        chains[filter->count] = chain;
        return &chains[filter->count++];
}

struct tl_filter_rule *tl_filter_add_rule(struct tl_filter *filter, struct tl_filter_chain *chain)
{
        struct tl_filter_rule *rules = tl_arena_grow(&filter->arena, chain->rules, chain->count,
                                                     &chain->capacity, sizeof(*rules));

        if (!rules)
                return NULL;
        chain->rules = rules;
        rules[chain->count] = (struct tl_filter_rule){0};
        return &rules[chain->count++];
}

struct tl_filter_condition *tl_filter_add_condition(struct tl_filter *filter,
                                                    struct tl_filter_rule *rule,
                                                    enum tl_filter_subject subject)
{
        struct tl_filter_condition *conditions = tl_arena_grow(&filter->arena, rule->conditions,
                                                               rule->count, &rule->capacity,
                                                               sizeof(*conditions));

        if (!conditions)
                return NULL;
        rule->conditions = conditions;
        conditions[rule->count] = (struct tl_filter_condition){.subject = subject};
        return &conditions[rule->count++];
}

struct tl_filter_value *tl_filter_add_value(struct tl_filter *filter,
                                            struct tl_filter_condition *condition)
{
        struct tl_filter_value *values = tl_arena_grow(&filter->arena, condition->values,
                                                       condition->count, &condition->capacity,
                                                       sizeof(*values));

        if (!values)
                return NULL;
        condition->values = values;
        values[condition->count] = (struct tl_filter_value){0};
        return &values[condition->count++];
}

static bool is_same(const char *wanted, const char *text)
{
        return !wanted || strcmp(wanted, text) == 0;
}

struct tl_filter_chain *tl_filter_find(const struct tl_filter *filter, const char *program,
                                       const char *family, const char *table, const char *name)
{
        for (uint32_t i = 0; i < filter->count; i++) {
                struct tl_filter_chain *chain = &filter->chains[i];

                if (is_same(program, chain->program) && is_same(family, chain->family) &&
                    is_same(table, chain->table) && is_same(name, chain->name))
                        return chain;
        }
        return NULL;
}

void tl_filter_remove_nft(struct tl_filter *filter, const char *family, const char *table)
{
        uint32_t left = 0;

        for (uint32_t i = 0; i < filter->count; i++) {
                const struct tl_filter_chain *chain = &filter->chains[i];

                if (!is_same("nft", chain->program) || !is_same(family, chain->family) ||
                    !is_same(table, chain->table))
                        filter->chains[left++] = *chain;
        }
        filter->count = left;
}

void tl_filter_done(struct tl_filter *filter)
{
        tl_arena_done(&filter->arena);
        *filter = (struct tl_filter){0};
}

/* ---- conditions ---- */

/* `pattern` may end in a *. */
static enum truth matches_link(const char *pattern, const char *link)
{
        size_t len = strlen(pattern);

        if (len && pattern[len - 1] == '*') {
                if (len == 1)
                        return YES;
                if (!link)
                        return MAYBE;
                return strncmp(pattern, link, len - 1) == 0 ? YES : NO;
        }
        if (!link)
                return MAYBE;
        return strcmp(pattern, link) == 0 ? YES : NO;
}

static int compare(const struct wg_ip *a, const struct wg_ip *b)
{
        return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

static enum truth matches_address(const struct tl_filter_value *value,
                                  const struct wg_prefix *prefix, uint8_t family)
{
        struct wg_ip last;

        if (value->first.family != family)
                return NO;
        if (prefix->ip.family == WG_FAMILY_NONE)
                return MAYBE;
        last = wg_prefix_last(prefix);
        if (compare(&value->last, &prefix->ip) < 0 || compare(&value->first, &last) > 0)
                return NO;
        return compare(&value->first, &prefix->ip) <= 0 && compare(&value->last, &last) >= 0
                       ? YES
                       : MAYBE;
}

/* 0 stands for any number. */
static enum truth matches_number(const struct tl_filter_value *value, uint32_t number)
{
        if (!number)
                return MAYBE;
        return value->lowest <= number && number <= value->highest ? YES : NO;
}

static enum truth matches_value(const struct tl_filter_condition *condition,
                                const struct tl_filter_value *value,
                                const struct tl_filter_packets *packets)
{
        switch (condition->subject) {
        case TL_FILTER_UNKNOWN:
                return MAYBE;
        case TL_FILTER_IN:
                return matches_link(value->link, packets->in);
        case TL_FILTER_OUT:
                return matches_link(value->link, packets->out);
        case TL_FILTER_FAMILY:
                return matches_number(value, packets->family);
        case TL_FILTER_FROM:
                return matches_address(value, &packets->from, packets->family);
        case TL_FILTER_TO:
                return matches_address(value, &packets->to, packets->family);
        case TL_FILTER_PROTOCOL:
                return matches_number(value, packets->protocol);
        case TL_FILTER_PORT:
                return matches_number(value, packets->port);
        case TL_FILTER_STATE:
                return matches_number(value, 1);
        }
        return MAYBE;
}

static enum truth holds(const struct tl_filter_condition *condition,
                        const struct tl_filter_packets *packets)
{
        enum truth truth = condition->is_partial ? MAYBE : NO;

        if (condition->subject == TL_FILTER_UNKNOWN)
                return MAYBE;
        for (uint32_t i = 0; i < condition->count; i++)
                truth = WG_MAX(truth, matches_value(condition, &condition->values[i], packets));
        return condition->is_inverted ? YES - truth : truth;
}

static enum truth applies(const struct tl_filter_rule *rule,
                          const struct tl_filter_packets *packets)
{
        enum truth truth = YES;

        for (uint32_t i = 0; i < rule->count; i++)
                truth = WG_MIN(truth, holds(&rule->conditions[i], packets));
        return truth;
}

bool tl_filter_names_link(const struct tl_filter_rule *rule, const char *link)
{
        for (uint32_t i = 0; i < rule->count; i++) {
                const struct tl_filter_condition *condition = &rule->conditions[i];

                if (condition->is_inverted ||
                    (condition->subject != TL_FILTER_IN && condition->subject != TL_FILTER_OUT))
                        continue;
                for (uint32_t j = 0; j < condition->count; j++)
                        if (strcmp(condition->values[j].link, link) == 0)
                                return true;
        }
        return false;
}

/* Whether a rule that applies to some of the packets is about one of their links by its name. */
static bool names_link(const struct tl_filter_rule *rule, const struct tl_filter_packets *packets)
{
        return (packets->in && tl_filter_names_link(rule, packets->in)) ||
               (packets->out && tl_filter_names_link(rule, packets->out));
}

/* ---- the walk ---- */

/* A rule that may apply or not is followed both ways. What it accepts or drops itself does not
 * count then: that is another kind of packets. */
struct walk {
        struct tl_filter *filter;
        const struct tl_filter_packets *packets;
        uint32_t steps; /* rules examined */
        bool is_chosen; /* a rule that names the link accepts some packets */
};

/* A set of verdicts that packets may end with. */
#define BIT(verdict) (1u << (verdict))

static uint32_t walk_chain(struct walk *walk, struct tl_filter_chain *chain, uint32_t depth,
                           bool is_certain);

static uint32_t jump(struct walk *walk, const struct tl_filter_chain *from,
                     const struct tl_filter_rule *rule, uint32_t depth, bool is_certain)
{
        struct tl_filter_chain *to = tl_filter_find(walk->filter, from->program, from->family,
                                                    from->table, rule->target);

        if (!to || depth == DEPTH_MAX)
                return BIT(TL_FILTER_OTHER);
        return walk_chain(walk, to, depth + 1, is_certain);
}

/* How packets to which the rule applies leave its chain; CONTINUE: by the next rule. */
static uint32_t decide(struct walk *walk, const struct tl_filter_chain *chain,
                       const struct tl_filter_rule *rule, uint32_t depth, bool is_certain)
{
        uint32_t ends;

        switch (rule->verdict) {
        case TL_FILTER_JUMP:
                ends = jump(walk, chain, rule, depth, is_certain);
                if (ends & BIT(TL_FILTER_RETURN))
                        ends ^= BIT(TL_FILTER_RETURN) | BIT(TL_FILTER_CONTINUE);
                return ends;
        case TL_FILTER_GOTO:
                return jump(walk, chain, rule, depth, is_certain);
        case TL_FILTER_CONTINUE:
        case TL_FILTER_RETURN:
                return BIT(rule->verdict);
        case TL_FILTER_ACCEPT:
                walk->is_chosen |= names_link(rule, walk->packets);
                return is_certain ? BIT(TL_FILTER_ACCEPT) : 0;
        case TL_FILTER_DROP:
        case TL_FILTER_OTHER:
                return is_certain ? BIT(rule->verdict) : 0;
        }
        return BIT(TL_FILTER_OTHER);
}

/* The end of a chain is a return. */
static uint32_t walk_chain(struct walk *walk, struct tl_filter_chain *chain, uint32_t depth,
                           bool is_certain)
{
        uint32_t ends = 0;

        chain->was_passed = true;
        for (uint32_t i = 0; i < chain->count; i++) {
                const struct tl_filter_rule *rule = &chain->rules[i];
                enum truth truth = applies(rule, walk->packets);

                if (++walk->steps > STEPS_MAX)
                        return BIT(TL_FILTER_OTHER);
                if (truth == NO)
                        continue;
                ends |= decide(walk, chain, rule, depth, is_certain && truth == YES);
                if (truth == YES && !(ends & BIT(TL_FILTER_CONTINUE)))
                        return ends;
                ends &= ~BIT(TL_FILTER_CONTINUE);
        }
        return ends | BIT(TL_FILTER_RETURN);
}

bool tl_filter_sees(const struct tl_filter_chain *chain, const struct tl_filter_packets *packets)
{
        if (chain->hook == TL_FILTER_NOWHERE || chain->hook != packets->hook)
                return false;
        return strcmp(chain->family, "inet") == 0 ||
               strcmp(chain->family, packets->family == WG_FAMILY_IPV4 ? "ip" : "ip6") == 0;
}

enum tl_filter_fate tl_filter_walk(struct tl_filter *filter, const struct tl_filter_chain *chain,
                                   const struct tl_filter_packets *packets)
{
        struct walk walk = {.filter = filter, .packets = packets};
        uint32_t ends;

        for (uint32_t i = 0; i < filter->count; i++)
                filter->chains[i].was_passed = false;
        ends = walk_chain(&walk, &filter->chains[chain - filter->chains], 0, true);
        if (ends & BIT(TL_FILTER_RETURN)) {
                ends &= ~BIT(TL_FILTER_RETURN);
                ends |= chain->drops_by_default ? BIT(TL_FILTER_DROP) : BIT(TL_FILTER_ACCEPT);
        }
        if (ends == BIT(TL_FILTER_ACCEPT))
                return TL_FILTER_ACCEPTED;
        if (ends != BIT(TL_FILTER_DROP))
                return TL_FILTER_UNCERTAIN;
        return walk.is_chosen ? TL_FILTER_CHOSEN : TL_FILTER_DROPPED;
}
