/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "net/access.h"

#include <stdlib.h>
#include <string.h>

/* The list of a class, before equal lists are joined. */
struct draft {
        struct tl_access_list list;
        uint32_t capacity;
        uint32_t class;
};

struct maker {
        struct tl_access *access;
        const struct tl_policy *policy;
        struct tl_arena scratch;
        struct draft *drafts;
        const struct draft **draft_of; /* per class: the first draft with the same list */
        uint32_t *number_of; /* per class, of the first such draft: list + 1; 0: none yet */

        /* The sweep over sources. */
        struct wg_ip next; /* the first address that has not been dealt with */
        bool is_past_end;  /* there is none in this family */
};

/* ---- lists ---- */

static bool add_target(struct maker *m, struct draft *draft, const struct tl_policy_target *target,
                       const struct wg_prefix *prefix)
{
        struct tl_access_list *list = &draft->list;
        struct tl_policy_target *larger = tl_arena_grow(&m->scratch, list->targets, list->count,
                                                        &draft->capacity, sizeof(*larger));

        if (!larger)
                return false;
        list->targets = larger;
        larger[list->count++] = (struct tl_policy_target){.prefix = *prefix,
                                                          .protocol = target->protocol,
                                                          .first = target->first,
                                                          .last = target->last};
        return true;
}

/* The number of targets whose prefix comes before another one. */
static uint32_t count_before(const struct tl_policy_class *class, const struct wg_prefix *prefix)
{
        uint32_t low = 0, high = class->count;

        while (low < high) {
                uint32_t middle = low + (high - low) / 2;

                if (tl_prefixes_compare(&class->targets[middle].prefix, prefix) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

/* Adds the targets of prefixes around another one, for that one. Those of one prefix follow each
 * other, and have the same `outer`. */
static bool add_around(struct maker *m, struct draft *draft, const struct tl_policy_class *class,
                       uint32_t before, const struct wg_prefix *prefix)
{
        uint32_t at = before ? before - 1 : TL_NEST_NONE;

        while (at != TL_NEST_NONE) {
                const struct tl_policy_target *target = &class->targets[at];

                if (!wg_prefix_covers(&target->prefix, prefix)) {
                        at = target->outer;
                        continue;
                }
                if (!add_target(m, draft, target, prefix))
                        return false;
                at = at > 0 && tl_prefixes_compare(&target[-1].prefix, &target->prefix) == 0
                             ? at - 1
                             : target->outer;
        }
        return true;
}

static bool clip_class(struct maker *m, struct draft *draft, const struct tl_policy_class *class,
                       const struct wg_prefix *prefix)
{
        uint32_t before = count_before(class, prefix);

        if (!add_around(m, draft, class, before, prefix))
                return false;
        for (uint32_t i = before; i < class->count; i++) {
                const struct tl_policy_target *target = &class->targets[i];

                if (!wg_prefix_covers(prefix, &target->prefix))
                        break;
                if (!add_target(m, draft, target, &target->prefix))
                        return false;
        }
        return true;
}

static int compare_targets(const void *left, const void *right)
{
        const struct tl_policy_target *a = left, *b = right;
        int order = tl_prefixes_compare(&a->prefix, &b->prefix);

        if (order != 0)
                return order;
        if (a->protocol != b->protocol)
                return a->protocol - b->protocol;
        return a->first != b->first ? a->first - b->first : a->last - b->last;
}

/* Whether b adds nothing to a, or joins it as its next ports. */
static bool join_targets(struct tl_policy_target *a, const struct tl_policy_target *b)
{
        if (tl_prefixes_compare(&a->prefix, &b->prefix) != 0)
                return false;
        if (a->protocol == 0)
                return true;
        if (a->protocol != b->protocol || a->last + 1 != b->first)
                return false;
        a->last = b->last;
        return true;
}

static void tidy_list(struct tl_access_list *list)
{
        uint32_t kept = 0;

        if (list->count > 1)
                qsort(list->targets, list->count, sizeof(*list->targets), compare_targets);
        for (uint32_t i = 0; i < list->count; i++)
                if (kept == 0 || !join_targets(&list->targets[kept - 1], &list->targets[i]))
                        list->targets[kept++] = list->targets[i];
        list->count = kept;
}

static bool make_draft(struct maker *m, uint32_t class, const struct tl_prefixes *scope)
{
        struct draft *draft = &m->drafts[class];

        draft->class = class;
        for (uint32_t i = 0; i < scope->count; i++)
                if (!clip_class(m, draft, &m->policy->classes[class], &scope->items[i]))
                        return false;
        tidy_list(&draft->list);
        return true;
}

static int compare_lists(const struct tl_access_list *a, const struct tl_access_list *b)
{
        if (a->count != b->count)
                return a->count < b->count ? -1 : 1;
        for (uint32_t i = 0; i < a->count; i++) {
                int order = compare_targets(&a->targets[i], &b->targets[i]);

                if (order != 0)
                        return order;
        }
        return 0;
}

static int compare_drafts(const void *left, const void *right)
{
        const struct draft *a = left, *b = right;

        return compare_lists(&a->list, &b->list);
}

static bool make_drafts(struct maker *m, const struct tl_prefixes *scope)
{
        uint32_t count = m->policy->class_count;
        const struct draft *first = NULL;

        m->drafts = tl_arena_take(&m->scratch, count, sizeof(*m->drafts));
        m->draft_of = tl_arena_take(&m->scratch, count, sizeof(*m->draft_of));
        m->number_of = tl_arena_take(&m->scratch, count, sizeof(*m->number_of));
        m->access->lists = tl_arena_take(&m->access->arena, count, sizeof(*m->access->lists));
        if (!m->drafts || !m->draft_of || !m->number_of || !m->access->lists)
                return false;
        for (uint32_t i = 0; i < count; i++)
                if (!make_draft(m, i, scope))
                        return false;
        if (count)
                qsort(m->drafts, count, sizeof(*m->drafts), compare_drafts);
        for (uint32_t i = 0; i < count; i++) {
                if (!first || compare_drafts(first, &m->drafts[i]) != 0)
                        first = &m->drafts[i];
                m->draft_of[m->drafts[i].class] = first;
        }
        return true;
}

/* ---- spans ---- */

/* The next or previous address. Returns false if there is none, and wraps around. */
static bool increment(struct wg_ip *ip)
{
        for (unsigned int i = wg_ip_bits(ip) / 8; i-- > 0;)
                if (++ip->bytes[i] != 0)
                        return true;
        return false;
}

static void decrement(struct wg_ip *ip)
{
        for (unsigned int i = wg_ip_bits(ip) / 8; i-- > 0;)
                if (ip->bytes[i]-- != 0)
                        return;
}

static int compare_ips(const struct wg_ip *a, const struct wg_ip *b)
{
        return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

/* Whether an address follows a span without a gap. */
static bool is_adjacent(const struct tl_access_span *span, const struct wg_ip *ip)
{
        struct wg_ip next = span->last;

        return increment(&next) && wg_ip_equal(&next, ip);
}

/* Sets *number to the number of the list of a draft, which gets one if it has none yet. */
static bool number_list(struct maker *m, const struct draft *draft, uint32_t *number)
{
        struct tl_access *access = m->access;
        struct tl_access_list *list = &access->lists[access->list_count];

        if (!m->number_of[draft->class]) {
                list->targets = tl_arena_take(&access->arena, draft->list.count,
                                              sizeof(*list->targets));
                if (!list->targets)
                        return false;
                memcpy(list->targets, draft->list.targets,
                       draft->list.count * sizeof(*list->targets));
                list->count = draft->list.count;
                m->number_of[draft->class] = ++access->list_count;
        }
        *number = m->number_of[draft->class] - 1;
        return true;
}

static bool add_span(struct maker *m, const struct wg_ip *first, const struct wg_ip *last,
                     uint32_t class)
{
        struct tl_access *access = m->access;
        struct tl_access_span *spans = access->spans;
        const struct draft *draft = m->draft_of[class];
        uint32_t list;

        if (!draft->list.count)
                return true;
        if (!number_list(m, draft, &list))
                return false;
        if (access->span_count && spans[access->span_count - 1].list == list &&
            is_adjacent(&spans[access->span_count - 1], first)) {
                spans[access->span_count - 1].last = *last;
                return true;
        }
        spans = tl_arena_grow(&access->arena, spans, access->span_count, &access->span_capacity,
                              sizeof(*spans));
        if (!spans)
                return false;
        access->spans = spans;
        spans[access->span_count++] = (struct tl_access_span){
                .first = *first, .last = *last, .list = list};
        return true;
}

/* Adds what is left of a source after those within it. */
static bool end_source(struct maker *m, const struct tl_nest_item *source)
{
        const struct wg_ip first = m->next, last = wg_prefix_last(&source->prefix);
        bool is_left = !m->is_past_end && compare_ips(&first, &last) <= 0;

        if (is_left) {
                m->next = last;
                m->is_past_end = !increment(&m->next);
        }
        return !is_left || add_span(m, &first, &last, source->id);
}

/* Adds what comes before a source, of the one around it (NULL: none). */
static bool begin_source(struct maker *m, const struct tl_nest_item *source,
                         const struct tl_nest_item *outer)
{
        const struct wg_ip first = m->next;
        struct wg_ip last = source->prefix.ip;
        bool is_left = outer && compare_ips(&first, &last) < 0;

        decrement(&last);
        m->next = source->prefix.ip;
        m->is_past_end = false;
        return !is_left || add_span(m, &first, &last, outer->id);
}

/* Goes through the sources, which are sorted, as through nested brackets. */
static bool make_spans(struct maker *m)
{
        const struct tl_nest_item *sources = m->policy->sources;
        uint32_t open = TL_NEST_NONE; /* the innermost source that has not ended */

        for (uint32_t i = 0; i < m->policy->source_count; i++) {
                for (; open != sources[i].outer; open = sources[open].outer)
                        if (!end_source(m, &sources[open]))
                                return false;
                if (!begin_source(m, &sources[i], open == TL_NEST_NONE ? NULL : &sources[open]))
                        return false;
                open = i;
        }
        for (; open != TL_NEST_NONE; open = sources[open].outer)
                if (!end_source(m, &sources[open]))
                        return false;
        return true;
}

bool tl_access_make(struct tl_access *access, const struct tl_policy *policy,
                    const struct tl_prefixes *scope)
{
        struct maker m = {.access = access, .policy = policy};
        bool is_good;

        *access = (struct tl_access){0};
        is_good = make_drafts(&m, scope) && make_spans(&m);
        tl_arena_done(&m.scratch);
        return is_good;
}

void tl_access_done(struct tl_access *access)
{
        tl_arena_done(&access->arena);
        *access = (struct tl_access){0};
}
