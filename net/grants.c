/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "net/grants.h"

#include <stdlib.h>
#include <string.h>

#include "net/members.h"

/* A subject and a word that a rule has. */
struct mention {
        uint32_t subject, word, rule;
};

struct maker {
        struct tl_grants *grants;
        const struct tl_model *model;
        const struct tl_policy *policy;
        struct tl_arena scratch;
        struct mention *mentions; /* sorted */
        uint32_t mention_count, mention_capacity;
};

/* ---- words ---- */

static int compare_words(const void *left, const void *right)
{
        const struct tl_grants_word *a = left, *b = right;

        return strcmp(a->name, b->name);
}

static void drop_equal_words(struct tl_grants *grants)
{
        uint32_t kept = 0;

        if (grants->word_count)
                qsort(grants->words, grants->word_count, sizeof(*grants->words), compare_words);
        for (uint32_t i = 0; i < grants->word_count; i++)
                if (kept == 0 || compare_words(&grants->words[kept - 1], &grants->words[i]) != 0)
                        grants->words[kept++] = grants->words[i];
        grants->word_count = kept;
}

static void add_words(struct maker *m, const struct tl_word_list *to)
{
        struct tl_grants *grants = m->grants;

        for (uint32_t i = 0; i < to->count; i++)
                if (tl_members_is_many(m->model, to->items[i].text))
                        grants->words[grants->word_count++].name = to->items[i].text;
}

static bool make_words(struct maker *m)
{
        const struct tl_network *network = m->model->network;
        struct tl_grants *grants = m->grants;
        size_t most = 0;

        for (uint32_t i = 0; i < network->rule_count; i++)
                most += network->rules[i].to.count;
        grants->words = tl_arena_take(&grants->arena, most, sizeof(*grants->words));
        if (!grants->words)
                return false;
        for (uint32_t i = 0; i < network->rule_count; i++)
                add_words(m, &network->rules[i].to);
        drop_equal_words(grants);
        for (uint32_t i = 0; i < grants->word_count; i++) {
                struct tl_grants_word *word = &grants->words[i];

                if (!tl_members_add(&word->prefixes, &grants->arena, m->model, word->name))
                        return false;
                tl_prefixes_shorten(&word->prefixes);
        }
        return true;
}

/* ---- mentions ---- */

static int compare_name_with_subject(const void *name, const void *subject)
{
        return strcmp(name, ((const struct tl_policy_subject *)subject)->name);
}

static uint32_t find_subject(const struct maker *m, const char *name)
{
        const struct tl_policy_subject *subjects = m->policy->subjects;
        const struct tl_policy_subject *found = bsearch(name, subjects, m->policy->subject_count,
                                                        sizeof(*subjects),
                                                        compare_name_with_subject);

        return (uint32_t)(found - subjects);
}

static bool add_mention(struct maker *m, const struct mention *mention)
{
        struct mention *larger = tl_arena_grow(&m->scratch, m->mentions, m->mention_count,
                                               &m->mention_capacity, sizeof(*larger));

        if (!larger)
                return false;
        m->mentions = larger;
        larger[m->mention_count++] = *mention;
        return true;
}

/* Adds a mention of a word by each subject of a rule. */
static bool mention_word(struct maker *m, uint32_t rule, const char *name)
{
        const struct tl_word_list *from = &m->model->network->rules[rule].from;
        const struct tl_grants_word key = {.name = name}, *word;

        if (!tl_members_is_many(m->model, name))
                return true;
        word = bsearch(&key, m->grants->words, m->grants->word_count, sizeof(key), compare_words);
        for (uint32_t i = 0; i < from->count; i++) {
                const struct mention mention = {.subject = find_subject(m, from->items[i].text),
                                                .word = (uint32_t)(word - m->grants->words),
                                                .rule = rule};

                if (!add_mention(m, &mention))
                        return false;
        }
        return true;
}

static int compare_mentions(const void *left, const void *right)
{
        const struct mention *a = left, *b = right;

        if (a->subject != b->subject)
                return a->subject < b->subject ? -1 : 1;
        if (a->word != b->word)
                return a->word < b->word ? -1 : 1;
        return (a->rule > b->rule) - (a->rule < b->rule);
}

static bool collect_mentions(struct maker *m)
{
        const struct tl_network *network = m->model->network;

        for (uint32_t i = 0; i < network->rule_count; i++)
                for (uint32_t j = 0; j < network->rules[i].to.count; j++)
                        if (!mention_word(m, i, network->rules[i].to.items[j].text))
                                return false;
        if (m->mention_count)
                qsort(m->mentions, m->mention_count, sizeof(*m->mentions), compare_mentions);
        return true;
}

/* ---- ports ---- */

static int compare_spans(const void *left, const void *right)
{
        const struct tl_port_span *a = left, *b = right;

        if (a->protocol != b->protocol)
                return a->protocol - b->protocol;
        return a->first - b->first;
}

/* Sorts the spans, and joins those that overlap or follow each other. */
static void join_spans(struct tl_grant *grant)
{
        uint32_t kept = 0;

        if (grant->count)
                qsort(grant->spans, grant->count, sizeof(*grant->spans), compare_spans);
        for (uint32_t i = 0; i < grant->count; i++) {
                const struct tl_port_span *span = &grant->spans[i];
                struct tl_port_span *last = kept ? &grant->spans[kept - 1] : NULL;

                if (last && last->protocol == span->protocol && span->first <= last->last + 1)
                        last->last = WG_MAX(last->last, span->last);
                else
                        grant->spans[kept++] = *span;
        }
        grant->count = kept;
}

static void add_ports(struct tl_grant *grant, const struct tl_port_list *ports)
{
        for (uint32_t i = 0; i < ports->count; i++) {
                const struct tl_port_range *range = &ports->items[i];
                bool has_ports = range->protocol != WG_PROTOCOL_ICMP;

                grant->spans[grant->count++] = (struct tl_port_span){
                        .protocol = range->protocol,
                        .first = has_ports ? range->first : 0,
                        .last = has_ports ? range->last : 0};
        }
}

/* Makes the grant of mentions of one subject and one word. */
static bool make_grant(struct maker *m, struct tl_grant *grant, const struct mention *mentions,
                       uint32_t count)
{
        const struct tl_network_rule *rules = m->model->network->rules;
        size_t most = 0;

        *grant = (struct tl_grant){.word = mentions->word};
        for (uint32_t i = 0; i < count; i++) {
                grant->is_all = grant->is_all || !rules[mentions[i].rule].ports.count;
                most += rules[mentions[i].rule].ports.count;
        }
        if (grant->is_all)
                return true;
        grant->spans = tl_arena_take(&m->grants->arena, most, sizeof(*grant->spans));
        if (!grant->spans)
                return false;
        for (uint32_t i = 0; i < count; i++)
                add_ports(grant, &rules[mentions[i].rule].ports);
        join_spans(grant);
        return true;
}

/* Makes the grants of a subject, whose mentions these are. */
static bool make_subject(struct maker *m, const struct mention *mentions, uint32_t count)
{
        struct tl_grants_subject *subject = &m->grants->subjects[mentions->subject];
        uint32_t end;

        subject->items = tl_arena_take(&m->grants->arena, count, sizeof(*subject->items));
        if (!subject->items)
                return false;
        for (uint32_t first = 0; first < count; first = end) {
                for (end = first + 1; end < count; end++)
                        if (mentions[end].word != mentions[first].word)
                                break;
                if (!make_grant(m, &subject->items[subject->count++], &mentions[first],
                                end - first))
                        return false;
        }
        return true;
}

static bool make_subjects(struct maker *m)
{
        struct tl_grants *grants = m->grants;
        uint32_t end;

        grants->subjects = tl_arena_take(&grants->arena, m->policy->subject_count,
                                         sizeof(*grants->subjects));
        if (!grants->subjects)
                return false;
        for (uint32_t first = 0; first < m->mention_count; first = end) {
                for (end = first + 1; end < m->mention_count; end++)
                        if (m->mentions[end].subject != m->mentions[first].subject)
                                break;
                if (!make_subject(m, &m->mentions[first], end - first))
                        return false;
        }
        return true;
}

bool tl_grants_make(struct tl_grants *grants, const struct tl_model *model,
                    const struct tl_policy *policy)
{
        struct maker m = {.grants = grants, .model = model, .policy = policy};
        bool is_good;

        *grants = (struct tl_grants){0};
        is_good = make_words(&m) && collect_mentions(&m) && make_subjects(&m);
        tl_arena_done(&m.scratch);
        return is_good;
}

void tl_grants_done(struct tl_grants *grants)
{
        tl_arena_done(&grants->arena);
        *grants = (struct tl_grants){0};
}
