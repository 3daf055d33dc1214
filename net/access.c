/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "net/access.h"

#include <stdlib.h>
#include <string.h>

/* The targets of a subject within the scope. */
struct list {
        struct tl_policy_target *items;
        uint32_t count, capacity;
};

/* A class of the policy without the subjects that may do nothing here. */
struct draft {
        struct tl_access_class class;
        uint32_t number; /* of the first draft with the same subjects: class + 1; 0: none yet */
        struct draft *first;
};

struct maker {
        struct tl_access *access;
        const struct tl_policy *policy;
        const struct tl_grants *grants;
        const struct tl_prefixes *scope;
        struct tl_arena scratch;
        uint32_t *new_index;   /* per subject of the policy: in the access; TL_MODEL_NONE: gone */
        struct draft *drafts;  /* per class of the policy */
        struct draft **sorted; /* the same, equal ones together */

        /* The sweep over sources. */
        struct wg_ip next; /* the first address that has not been dealt with */
        bool is_past_end;  /* there is none in this family */
};

/* ---- subjects ---- */

static bool add_target(struct tl_arena *arena, struct list *list,
                       const struct tl_policy_target *target, const struct wg_prefix *prefix)
{
        struct tl_policy_target *larger = tl_arena_grow(arena, list->items, list->count,
                                                        &list->capacity, sizeof(*larger));

        if (!larger)
                return false;
        list->items = larger;
        larger[list->count++] = (struct tl_policy_target){.prefix = *prefix,
                                                          .protocol = target->protocol,
                                                          .first = target->first,
                                                          .last = target->last};
        return true;
}

/* The number of targets whose prefix comes before another one. */
static uint32_t count_before(const struct tl_policy_subject *subject,
                             const struct wg_prefix *prefix)
{
        uint32_t low = 0, high = subject->count;

        while (low < high) {
                uint32_t middle = low + (high - low) / 2;

                if (tl_prefixes_compare(&subject->targets[middle].prefix, prefix) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

/* Adds the targets of prefixes around another one, for that one. Those of one prefix follow each
 * other, and have the same `outer`. */
static bool add_around(struct tl_arena *arena, struct list *list,
                       const struct tl_policy_subject *subject, uint32_t before,
                       const struct wg_prefix *prefix)
{
        uint32_t at = before ? before - 1 : TL_NEST_NONE;

        while (at != TL_NEST_NONE) {
                const struct tl_policy_target *target = &subject->targets[at];

                if (!wg_prefix_covers(&target->prefix, prefix)) {
                        at = target->outer;
                        continue;
                }
                if (!add_target(arena, list, target, prefix))
                        return false;
                at = at > 0 && tl_prefixes_compare(&target[-1].prefix, &target->prefix) == 0
                             ? at - 1
                             : target->outer;
        }
        return true;
}

/* Adds the part of a subject's targets that lies in a prefix. */
static bool clip(struct tl_arena *arena, struct list *list, const struct tl_policy_subject *subject,
                 const struct wg_prefix *prefix)
{
        uint32_t before = count_before(subject, prefix);

        if (!add_around(arena, list, subject, before, prefix))
                return false;
        for (uint32_t i = before; i < subject->count; i++) {
                const struct tl_policy_target *target = &subject->targets[i];

                if (!wg_prefix_covers(prefix, &target->prefix))
                        break;
                if (!add_target(arena, list, target, &target->prefix))
                        return false;
        }
        return true;
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

static void tidy(struct list *list)
{
        uint32_t kept = 0;

        if (list->count > 1)
                qsort(list->items, list->count, sizeof(*list->items), tl_policy_compare_targets);
        for (uint32_t i = 0; i < list->count; i++)
                if (kept == 0 || !join_targets(&list->items[kept - 1], &list->items[i]))
                        list->items[kept++] = list->items[i];
        list->count = kept;
}

/* The grants of a subject of the policy. NULL: it has none. */
static const struct tl_grants_subject *grants_of(const struct maker *m, uint32_t index)
{
        return m->grants && m->grants->subjects[index].count ? &m->grants->subjects[index] : NULL;
}

static bool make_subject(struct maker *m, uint32_t index)
{
        const struct tl_policy_subject *subject = &m->policy->subjects[index];
        struct tl_access *access = m->access;
        const struct tl_grants_subject *grants = grants_of(m, index);
        struct list list = {0};

        for (uint32_t i = 0; i < m->scope->count; i++)
                if (!clip(&access->arena, &list, subject, &m->scope->items[i]))
                        return false;
        tidy(&list);
        m->new_index[index] = TL_MODEL_NONE;
        if (!list.count && !grants)
                return true;
        m->new_index[index] = access->subject_count;
        access->subjects[access->subject_count++] = (struct tl_access_subject){
                .name = subject->name,
                .targets = list.items,
                .count = list.count,
                .grants = grants};
        return true;
}

static bool make_subjects(struct maker *m)
{
        uint32_t count = m->policy->subject_count;

        m->new_index = tl_arena_take(&m->scratch, count, sizeof(*m->new_index));
        m->access->subjects = tl_arena_take(&m->access->arena, count, sizeof(*m->access->subjects));
        if (!m->new_index || !m->access->subjects)
                return false;
        for (uint32_t i = 0; i < count; i++)
                if (!make_subject(m, i))
                        return false;
        return true;
}

/* ---- classes ---- */

static bool make_draft(struct maker *m, uint32_t index)
{
        const struct tl_policy_class *class = &m->policy->classes[index];
        uint32_t *subjects = tl_arena_take(&m->access->arena, class->count, sizeof(*subjects));
        uint32_t count = 0;

        if (!subjects)
                return false;
        for (uint32_t i = 0; i < class->count; i++)
                if (m->new_index[class->subjects[i]] != TL_MODEL_NONE)
                        subjects[count++] = m->new_index[class->subjects[i]];
        m->drafts[index].class = (struct tl_access_class){.subjects = subjects, .count = count};
        m->sorted[index] = &m->drafts[index];
        return true;
}

static int compare_drafts(const struct draft *a, const struct draft *b)
{
        if (a->class.count != b->class.count)
                return a->class.count < b->class.count ? -1 : 1;
        if (!a->class.count)
                return 0;
        return memcmp(a->class.subjects, b->class.subjects,
                      a->class.count * sizeof(*a->class.subjects));
}

static int by_subjects(const void *left, const void *right)
{
        struct draft *const *a = left, *const *b = right;

        return compare_drafts(*a, *b);
}

static bool make_drafts(struct maker *m)
{
        uint32_t count = m->policy->class_count;
        struct draft *first = NULL;

        m->drafts = tl_arena_take(&m->scratch, count, sizeof(*m->drafts));
        m->sorted = tl_arena_take(&m->scratch, count, sizeof(*m->sorted));
        m->access->classes = tl_arena_take(&m->access->arena, count, sizeof(*m->access->classes));
        if (!m->drafts || !m->sorted || !m->access->classes)
                return false;
        for (uint32_t i = 0; i < count; i++)
                if (!make_draft(m, i))
                        return false;
        if (count)
                qsort(m->sorted, count, sizeof(*m->sorted), by_subjects);
        for (uint32_t i = 0; i < count; i++) {
                if (!first || compare_drafts(first, m->sorted[i]) != 0)
                        first = m->sorted[i];
                m->sorted[i]->first = first;
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

/* Whether an address follows a span without a gap. */
static bool is_adjacent(const struct tl_access_span *span, const struct wg_ip *ip)
{
        struct wg_ip next = span->last;

        return increment(&next) && wg_ip_equal(&next, ip);
}

/* The index of a class, which gets one when a span needs it first. */
static uint32_t number_class(struct maker *m, struct draft *draft)
{
        struct tl_access *access = m->access;

        if (!draft->number) {
                access->classes[access->class_count] = draft->class;
                draft->number = ++access->class_count;
        }
        return draft->number - 1;
}

static bool add_span(struct maker *m, const struct wg_ip *first, const struct wg_ip *last,
                     uint32_t policy_class)
{
        struct tl_access *access = m->access;
        struct tl_access_span *spans = access->spans;
        struct draft *draft = m->drafts[policy_class].first;
        uint32_t class;

        if (!draft->class.count)
                return true;
        class = number_class(m, draft);
        if (access->span_count && spans[access->span_count - 1].class == class &&
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
                .first = *first, .last = *last, .class = class};
        return true;
}

/* Adds what is left of a source after those within it. */
static bool end_source(struct maker *m, const struct tl_nest_item *source)
{
        const struct wg_ip first = m->next, last = wg_prefix_last(&source->prefix);
        bool is_left = !m->is_past_end && wg_ip_compare(&first, &last) <= 0;

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
        bool is_left = outer && wg_ip_compare(&first, &last) < 0;

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
                    const struct tl_grants *grants, const struct tl_prefixes *scope)
{
        struct maker m = {.access = access, .policy = policy, .grants = grants, .scope = scope};
        bool is_good;

        *access = (struct tl_access){.grants = grants};
        is_good = make_subjects(&m) && make_drafts(&m) && make_spans(&m);
        tl_arena_done(&m.scratch);
        return is_good;
}

void tl_access_done(struct tl_access *access)
{
        tl_arena_done(&access->arena);
        *access = (struct tl_access){0};
}
