/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "node/lookup.h"

WG_ENUM_DEFINE(tl_lookup, TL_LOOKUPS)

enum { TABLE_DEFAULT = 253, TABLE_LOCAL = 255 };

enum truth { NEVER, SOMETIMES, ALWAYS };

/* Whether a rule applies to packets without a mark. */
static enum truth applies(const struct tl_rule *rule)
{
        bool is_marked = (rule->mask & rule->mark) != 0; /* wants a mark that we do not set */

        if (!rule->is_selective)
                return is_marked == rule->is_inverted ? ALWAYS : NEVER;
        /* All conditions must hold; inverted, one that does not hold is enough. */
        if (is_marked)
                return rule->is_inverted ? ALWAYS : NEVER;
        return SOMETIMES;
}

static enum tl_lookup judge_table(const struct tl_rule *rule, bool is_certain)
{
        if (rule->table == TABLE_LOCAL || rule->table == TABLE_DEFAULT)
                return TL_LOOKUP_NOTHING;
        if (rule->table == TL_RULE_TABLE_MAIN)
                return is_certain ? TL_LOOKUP_MAIN : TL_LOOKUP_NOTHING;
        return is_certain ? TL_LOOKUP_BEFORE : TL_LOOKUP_PERHAPS;
}

static enum tl_lookup judge(const struct tl_rule *rule)
{
        enum truth truth = applies(rule);

        if (truth == NEVER)
                return TL_LOOKUP_NOTHING;
        switch (rule->action) {
        case TL_RULE_LOOKUP:
                return judge_table(rule, truth == ALWAYS);
        case TL_RULE_GOTO:
                return TL_LOOKUP_NOTHING;
        case TL_RULE_OTHER:
                return truth == ALWAYS ? TL_LOOKUP_STOP : TL_LOOKUP_PERHAPS;
        }
        return TL_LOOKUP_NOTHING;
}

void tl_lookup_judge(const struct tl_rule *rules, size_t count, enum tl_lookup effects[])
{
        uint32_t from = 0; /* the least priority that matters, after a goto */
        bool is_over = false;

        for (size_t i = 0; i < count; i++) {
                effects[i] = TL_LOOKUP_NOTHING;
                if (is_over || rules[i].priority < from)
                        continue;
                if (rules[i].action == TL_RULE_GOTO && applies(&rules[i]) == ALWAYS)
                        from = rules[i].target;
                effects[i] = judge(&rules[i]);
                is_over = effects[i] == TL_LOOKUP_MAIN || effects[i] == TL_LOOKUP_STOP;
        }
}
