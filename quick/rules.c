/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "quick/rules.h"

enum { USUAL_MAIN = 32766 };

bool tl_rules_is_ours(const struct tl_rule *rule)
{
        return rule->protocol == TL_RULES_PROTOCOL && rule->mark && !rule->is_selective;
}

/* Whether the rule looks up that table for all packets. */
static bool is_for_all(const struct tl_rule *rule)
{
        return rule->action == TL_RULE_LOOKUP && !rule->mask && !rule->is_inverted &&
               !rule->is_selective;
}

static bool is_main(const struct tl_rule *rule)
{
        return is_for_all(rule) && rule->table == TL_RULE_TABLE_MAIN && !rule->ignores_defaults;
}

/* Whether it is wg-quick's second rule, which comes before its first. */
static bool is_exception(const struct tl_rule *rule)
{
        return is_for_all(rule) && rule->table == TL_RULE_TABLE_MAIN && rule->ignores_defaults;
}

/* Whether it is wg-quick's first rule. */
static bool is_tunnel(const struct tl_rule *rule)
{
        return rule->action == TL_RULE_LOOKUP && rule->is_inverted && !rule->is_selective &&
               rule->mask == UINT32_MAX && rule->mark == rule->table;
}

static bool is_of_tunnels(const struct tl_rule *rule)
{
        return tl_rules_is_ours(rule) || is_exception(rule) || is_tunnel(rule);
}

bool tl_rules_use(const struct tl_rule *rules, size_t count, uint32_t number)
{
        for (size_t i = 0; i < count; i++)
                if ((rules[i].mask && rules[i].mark == number) ||
                    (rules[i].action == TL_RULE_LOOKUP && rules[i].table == number))
                        return true;
        return false;
}

/* The index of the first rule that looks up main for all packets, or, if there is none, of the rule
 * that usually follows it. */
static size_t find_main(const struct tl_rule *rules, size_t count)
{
        size_t i = 0;

        while (i < count && !is_main(&rules[i]))
                i++;
        if (i < count)
                return i;
        for (i = 0; i < count && rules[i].priority < USUAL_MAIN; i++)
                ;
        return i;
}

/* high - n, or low if that is greater. */
static uint32_t count_down(uint32_t high, uint32_t n, uint32_t low)
{
        return high > low && high - low > n ? high - n : low;
}

static uint32_t priority_before(const struct tl_rule *rules, size_t i)
{
        return i ? rules[i - 1].priority : 0;
}

/* The index where new rules go: before the tunnels' rules that come right before main, but after
 * wg-quick's suppress_prefixlength rule. When wg-quick takes a tunnel down, it deletes the first
 * such rule that it finds, so its own must stay first. */
static size_t find_index(const struct tl_rule *rules, size_t main)
{
        size_t i = main;

        while (i > 0 && is_of_tunnels(&rules[i - 1]))
                i--;
        while (i < main && is_exception(&rules[i]))
                i++;
        return i;
}

struct tl_rules_place tl_rules_place(const struct tl_rule *rules, size_t count)
{
        size_t main = find_main(rules, count), i = find_index(rules, main);
        struct tl_rules_place place = {
                .main = main < count ? rules[main].priority : USUAL_MAIN,
        };
        uint32_t low, high;

        /* The kernel puts a new rule after all others of its priority. If no priority is free,
         * existing rules apply before ours, except main. */
        while (i < main && rules[i].priority == priority_before(rules, i))
                i++;
        while (i > 0 && priority_before(rules, i) == place.main)
                i--;
        low = priority_before(rules, i);
        high = i < count ? rules[i].priority : place.main;
        place.tunnel = count_down(high, 1, low);
        place.better = count_down(high, 2, low);
        place.skip = count_down(high, 3, low);
        return place;
}
