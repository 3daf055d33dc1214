/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * Machines are sorted into classes (net/parties). For each pair of classes, one pair of machines
 * stands for all: the policy gives the ports that it may use before and after, and the walk tells
 * whether packets of each protocol get there. Both answers depend only on numbers of the classes,
 * and are kept. Differences are then joined into lines: pairs with the same difference and the same
 * destinations are one line. */
#include "net/reach.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/intern.h"
#include "net/naming.h"
#include "net/parties.h"
#include "net/portset.h"
#include "net/walk.h"
#include "net/words.h"

WG_ENUM_DEFINE(tl_reach_change, TL_REACH_CHANGES)

/* ---- answers that are kept ---- */

/* A table from three numbers to one. Zeroed memory is an empty one. */
struct memo {
        struct tl_intern keys;
        uint32_t *values; /* by key; 1 + the value; 0: none yet */
        uint32_t capacity;
        bool has_no_memory;
};

static void memo_done(struct memo *memo)
{
        tl_intern_done(&memo->keys);
        free(memo->values);
}

/* The slot of a key; NULL: no memory. */
static uint32_t *memo_slot(struct memo *memo, uint32_t a, uint32_t b, uint32_t c)
{
        /* Any number may stand for the sequence before: the keys are not read back. */
        uint32_t key = tl_intern_add(&memo->keys, c, (uint64_t)a << 32 | b);

        if (memo->keys.has_no_memory)
                return NULL;
        if (key >= memo->capacity) {
                uint32_t capacity = 2 * key + 64;
                uint32_t *larger = realloc(memo->values, capacity * sizeof(*larger));

                if (!larger)
                        return NULL;
                memset(larger + memo->capacity, 0, (capacity - memo->capacity) * sizeof(*larger));
                memo->values = larger;
                memo->capacity = capacity;
        }
        return &memo->values[key];
}

/* ---- one pair of classes ---- */

/* A difference, before lines are joined. */
struct record {
        enum tl_reach_change change;
        enum tl_cause why; /* NONE: the policy, or machines that came or went */
        uint32_t what;     /* set of ports */
        uint32_t to;       /* sequence of classes */
        uint32_t wide;     /* the same with `from`, if that is one machine, which reaches itself */
        uint32_t from;     /* class */
};

struct comparison {
        struct tl_parties parties;
        struct tl_naming naming;
        struct tl_intern ports;   /* sets of ports */
        struct tl_intern classes; /* sequences of classes */
        struct memo allowed;      /* version, source and target -> set of ports */
        struct memo causes;       /* version, both travels, protocol -> cause */
        struct record *records;
        uint32_t record_count, record_capacity;
        struct tl_port_spans spans; /* for one answer at a time */
        bool has_no_memory;
};

/* The ports that the policy allows between two machines of a version. */
static uint32_t find_allowed(struct comparison *c, int version, uint32_t source, uint32_t target)
{
        const struct tl_policy *policy = c->parties.plans[version]->policy;

        c->spans.count = 0;
        if (policy->is_open)
                tl_port_spans_add_all(&c->spans);
        while (target != 0 && source != 0) {
                struct tl_intern_item last = tl_intern_last(&c->parties.targets, target);
                struct tl_party_grant grant = tl_party_grant(last.item);

                target = last.before;
                if (!tl_policy_is_member(&policy->classes[source - 1], grant.subject))
                        continue;
                if (grant.protocol == 0)
                        tl_port_spans_add_all(&c->spans);
                else if (grant.protocol == WG_PROTOCOL_ICMP)
                        tl_port_spans_add(&c->spans, WG_PROTOCOL_ICMP, 0, 0);
                else
                        tl_port_spans_add(&c->spans, grant.protocol, grant.first, grant.last);
        }
        return tl_portset_make(&c->ports, &c->spans);
}

static uint32_t allowed(struct comparison *c, int version, const struct tl_party *from,
                        const struct tl_party *to)
{
        uint32_t source = from->versions[version].source, target = to->versions[version].target;
        uint32_t *slot;

        if (!from->versions[version].is_present || !to->versions[version].is_present)
                return 0;
        slot = memo_slot(&c->allowed, source, target, (uint32_t)version);
        if (!slot) {
                c->has_no_memory = true;
                return 0;
        }
        if (*slot == 0)
                *slot = 1 + find_allowed(c, version, source, target);
        return *slot - 1;
}

/* Walks with a port that the policy allows. */
static enum tl_cause walk(struct comparison *c, int version, const struct tl_party *from,
                          const struct tl_party *to, const struct tl_port_span *span)
{
        const struct tl_party_version *a = &from->versions[version], *b = &to->versions[version];
        bool is_ipv6 = a->ip4.ip.family == WG_FAMILY_NONE || b->ip4.ip.family == WG_FAMILY_NONE;
        struct tl_walk walk = {.from = is_ipv6 ? a->ip6 : a->ip4,
                               .to = is_ipv6 ? b->ip6 : b->ip4,
                               .protocol = span->protocol,
                               .port = span->first};

        if (walk.from.ip.family == WG_FAMILY_NONE || walk.to.ip.family == WG_FAMILY_NONE)
                return TL_CAUSE_NO_FAMILY;
        if (tl_walk_run(&walk, c->parties.plans[version]))
                return TL_CAUSE_NONE;
        c->has_no_memory |= walk.has_no_memory;
        return walk.cause;
}

static enum tl_cause cause_of(struct comparison *c, int version, const struct tl_party *from,
                              const struct tl_party *to, const struct tl_port_span *span)
{
        uint32_t *slot = memo_slot(&c->causes, from->versions[version].travel,
                                   to->versions[version].travel,
                                   (uint32_t)version << 8 | span->protocol);

        if (!slot) {
                c->has_no_memory = true;
                return TL_CAUSE_NONE;
        }
        if (*slot == 0)
                *slot = 1 + (uint32_t)walk(c, version, from, to, span);
        return (enum tl_cause)(*slot - 1);
}

/* Of the allowed ports, those that packets reach. *cause is why others do not. */
static uint32_t reached(struct comparison *c, int version, const struct tl_party *from,
                        const struct tl_party *to, uint32_t set, enum tl_cause *cause)
{
        struct tl_port_spans all = {0};
        uint32_t result;

        *cause = TL_CAUSE_NONE;
        tl_portset_list(&c->ports, set, &all);
        c->has_no_memory |= all.has_no_memory;
        c->spans.count = 0;
        for (uint32_t i = 0; i < all.count; i++) {
                enum tl_cause broken = cause_of(c, version, from, to, &all.items[i]);

                if (broken == TL_CAUSE_NONE)
                        tl_port_spans_add(&c->spans, all.items[i].protocol, all.items[i].first,
                                          all.items[i].last);
                else
                        *cause = broken;
        }
        tl_port_spans_done(&all);
        result = tl_portset_make(&c->ports, &c->spans);
        return result;
}

/* ---- differences ---- */

/* A source, and its differences so far. */
struct row {
        uint32_t first; /* of its records */
        bool is_alone;  /* it is one machine, and its own turn as the destination is over */
};

static struct record *find_record(struct comparison *c, const struct row *row,
                                  const struct record *like)
{
        for (uint32_t i = row->first; i < c->record_count; i++)
                if (c->records[i].change == like->change && c->records[i].why == like->why &&
                    c->records[i].what == like->what)
                        return &c->records[i];
        return NULL;
}

static struct record *add_record(struct comparison *c, const struct row *row,
                                 const struct record *new)
{
        struct record *record;

        if (c->record_count == c->record_capacity) {
                uint32_t capacity = c->record_capacity ? 2 * c->record_capacity : 64;
                struct record *larger = realloc(c->records, capacity * sizeof(*larger));

                if (!larger)
                        return NULL;
                c->records = larger;
                c->record_capacity = capacity;
        }
        record = &c->records[c->record_count++];
        *record = *new;
        record->wide = row->is_alone ? tl_intern_add(&c->classes, 0, new->from) : 0;
        return record;
}

/* Adds a class to the destinations of a difference. */
static void note(struct comparison *c, const struct row *row, const struct record *new, uint32_t to)
{
        struct record *record = find_record(c, row, new);

        if (!record)
                record = add_record(c, row, new);
        if (!record) {
                c->has_no_memory = true;
                return;
        }
        record->to = tl_intern_add(&c->classes, record->to, to);
        record->wide = tl_intern_add(&c->classes, record->wide, to);
}

/* A machine alone in its class is no destination of its own, whatever it gains or loses. */
static void skip_itself(struct comparison *c, struct row *row, uint32_t class)
{
        row->is_alone = true;
        for (uint32_t i = row->first; i < c->record_count; i++)
                c->records[i].wide = tl_intern_add(&c->classes, c->records[i].wide, class);
}

/* Whether the way of packets may have changed between two machines. */
static bool is_same_way(const struct tl_party *from, const struct tl_party *to)
{
        return from->versions[TL_BEFORE].travel == from->versions[TL_AFTER].travel &&
               to->versions[TL_BEFORE].travel == to->versions[TL_AFTER].travel;
}

static void compare_pair(struct comparison *c, const struct row *row, const struct tl_party *from,
                         const struct tl_party *to)
{
        uint32_t may[TL_VERSIONS], does[TL_VERSIONS];
        enum tl_cause causes[TL_VERSIONS];
        struct record record = {.from = from->class};

        for (int version = 0; version < TL_VERSIONS; version++)
                may[version] = allowed(c, version, from, to);
        if (may[TL_BEFORE] == may[TL_AFTER] && (may[TL_BEFORE] == 0 || is_same_way(from, to)))
                return;
        for (int version = 0; version < TL_VERSIONS; version++)
                does[version] = reached(c, version, from, to, may[version], &causes[version]);
        record.what = tl_portset_minus(&c->ports, does[TL_BEFORE], does[TL_AFTER]);
        if (record.what) {
                record.change = TL_REACH_LOSES;
                record.why = causes[TL_AFTER];
                note(c, row, &record, to->class);
        }
        record.what = tl_portset_minus(&c->ports, does[TL_AFTER], does[TL_BEFORE]);
        if (record.what) {
                record.change = TL_REACH_GAINS;
                record.why = causes[TL_BEFORE];
                note(c, row, &record, to->class);
        }
}

enum { TRIED = 4 /* machines of a class: a site may have a few of one class */ };

/* Finds machines of two classes that need a tunnel between them. */
static bool find_pair(const struct comparison *c, uint32_t a, uint32_t b,
                      const struct tl_party **from, const struct tl_party **to)
{
        const struct tl_parties *p = &c->parties;
        const uint32_t *first = p->first_members;

        for (uint32_t i = first[a]; i < WG_MIN(first[a + 1], first[a] + TRIED); i++)
                for (uint32_t j = first[b]; j < first[b + 1]; j++) {
                        *from = &p->items[p->members[i]];
                        *to = &p->items[p->members[j]];
                        if (!tl_parties_share_site(*from, *to))
                                return true;
                }
        return false;
}

static void compare_classes(struct comparison *c)
{
        for (uint32_t a = 0; a < c->parties.class_count; a++) {
                struct row row = {.first = c->record_count};

                for (uint32_t b = 0; b < c->parties.class_count; b++) {
                        const struct tl_party *from, *to;

                        if (find_pair(c, a, b, &from, &to))
                                compare_pair(c, &row, from, to);
                        else if (a == b)
                                skip_itself(c, &row, a);
                }
        }
}

/* ---- lines ---- */

static int compare_u32(uint32_t a, uint32_t b)
{
        return (a > b) - (a < b);
}

/* Records with the same difference follow each other; then those with the same destinations. */
static int compare_differences(const struct record *a, const struct record *b)
{
        int order = compare_u32(a->change, b->change);

        if (order == 0)
                order = compare_u32(a->why, b->why);
        return order != 0 ? order : compare_u32(a->what, b->what);
}

static int by_to(const void *left, const void *right)
{
        const struct record *a = left, *b = right;
        int order = compare_differences(a, b);

        if (order == 0)
                order = compare_u32(a->to, b->to);
        return order != 0 ? order : compare_u32(a->from, b->from);
}

static int by_wide(const void *left, const void *right)
{
        const struct record *a = left, *b = right;
        int order = compare_differences(a, b);

        return order != 0 ? order : compare_u32(a->wide, b->wide);
}

/* A machine that is added to its own destinations may fit into the line of others. Records that
 * have the same destinations are a line already. */
static void widen(struct comparison *c)
{
        struct record *records = c->records;
        uint32_t count = c->record_count;

        if (count == 0)
                return;
        qsort(records, count, sizeof(*records), by_to);
        for (uint32_t i = 0; i < count; i++)
                if ((i > 0 && records[i - 1].to == records[i].to &&
                     compare_differences(&records[i - 1], &records[i]) == 0) ||
                    (i + 1 < count && records[i + 1].to == records[i].to &&
                     compare_differences(&records[i + 1], &records[i]) == 0))
                        records[i].wide = records[i].to;
        qsort(records, count, sizeof(*records), by_wide);
}

/* Members of several classes; and machines that do not count, since the other side of the line is
 * at their site. */
struct set {
        uint32_t *items, *near;
        uint32_t count, near_count;
};

static void add_class(const struct comparison *c, struct set *set, uint32_t class)
{
        const struct tl_parties *p = &c->parties;

        for (uint32_t i = p->first_members[class]; i < p->first_members[class + 1]; i++)
                set->items[set->count++] = p->members[i];
}

static int by_index(const void *left, const void *right)
{
        return compare_u32(*(const uint32_t *)left, *(const uint32_t *)right);
}

static const char *name_ports(struct comparison *c, struct tl_arena *arena, uint32_t what)
{
        struct tl_port_spans spans = {0};
        const char *text = NULL;
        uint32_t all;

        c->spans.count = 0;
        tl_port_spans_add_all(&c->spans);
        all = tl_portset_make(&c->ports, &c->spans);
        if (what == all)
                return NULL;
        tl_portset_list(&c->ports, what, &spans);
        for (uint32_t i = 0; i < spans.count; i++) {
                const struct tl_port_span *span = &spans.items[i];
                char port[TL_WORDS_PORTS_SIZE];

                tl_words_format_ports(port, span->protocol, span->first, span->last);
                text = text ? tl_arena_format(arena, "%s, %s", text, port)
                            : tl_arena_format(arena, "%s", port);
                c->has_no_memory |= !text;
        }
        c->has_no_memory |= spans.has_no_memory;
        tl_port_spans_done(&spans);
        return text;
}

static bool add_line(struct comparison *c, struct tl_reach_list *list, const struct record *record,
                     const struct set *from, const struct set *to)
{
        struct tl_reach_line *larger = tl_arena_grow(&list->arena, list->lines, list->count,
                                                     &list->capacity, sizeof(*larger));
        struct tl_reach_line *line;
        bool is_plural;

        if (!larger)
                return false;
        list->lines = larger;
        line = &larger[list->count++];
        *line = (struct tl_reach_line){.change = record->change};
        line->whom = tl_naming_name(&c->naming, &list->arena, to->items, to->count, to->near,
                                    to->near_count, &is_plural);
        line->who = tl_naming_name(&c->naming, &list->arena, from->items, from->count, from->near,
                                   from->near_count, &line->is_plural);
        line->what = name_ports(c, &list->arena, record->what);
        line->why = record->why == TL_CAUSE_NONE ? NULL : tl_cause_text(record->why);
        return line->who && line->whom;
}

/* If all of `other` are at one site, moves those at the same site from the items to `near`, and
 * adds the rest of the site. */
static void set_near(const struct comparison *c, struct set *set, const struct set *other)
{
        const struct tl_parties *p = &c->parties;
        const struct tl_party *first = &p->items[other->items[0]];
        uint32_t kept = 0;

        for (uint32_t i = 1; i < other->count; i++)
                if (!tl_parties_share_site(first, &p->items[other->items[i]]))
                        return;
        for (uint32_t i = 0; i < set->count; i++)
                if (!tl_parties_share_site(first, &p->items[set->items[i]]))
                        set->items[kept++] = set->items[i];
        if (kept == 0)
                return;
        set->count = kept;
        for (uint32_t i = 0; i < p->count; i++)
                if (tl_parties_share_site(first, &p->items[i]))
                        set->near[set->near_count++] = i;
}

/* Whether all records have the same destinations, without adding any machine to its own. */
static bool has_one_to(const struct record *records, uint32_t count)
{
        for (uint32_t i = 1; i < count; i++)
                if (records[i].to != records[0].to)
                        return false;
        return true;
}

/* Joins the records of one line. "e and f lose e and f" means each other. */
static bool join(struct comparison *c, struct tl_reach_list *list, const struct record *records,
                 uint32_t count, uint32_t *room)
{
        size_t size = c->parties.count;
        struct set from = {.items = room, .near = room + 2 * size};
        struct set to = {.items = room + size, .near = room + 3 * size};
        uint32_t set = has_one_to(records, count) ? records->to : records->wide;

        for (uint32_t i = 0; i < count; i++)
                add_class(c, &from, records[i].from);
        for (; set != 0; set = tl_intern_last(&c->classes, set).before)
                add_class(c, &to, (uint32_t)tl_intern_last(&c->classes, set).item);
        qsort(from.items, from.count, sizeof(*from.items), by_index);
        qsort(to.items, to.count, sizeof(*to.items), by_index);
        set_near(c, &to, &from);
        set_near(c, &from, &to);
        return add_line(c, list, records, &from, &to);
}

static bool make_lines(struct comparison *c, struct tl_reach_list *list)
{
        uint32_t *room = calloc(4 * (size_t)c->parties.count + 1, sizeof(*room));
        bool is_good = room != NULL;

        widen(c);
        for (uint32_t i = 0, end; is_good && i < c->record_count; i = end) {
                end = i + 1;
                while (end < c->record_count && by_wide(&c->records[i], &c->records[end]) == 0)
                        end++;
                is_good = join(c, list, &c->records[i], end - i, room);
        }
        free(room);
        return is_good;
}

/* ---- the comparison ---- */

static bool compare(struct comparison *c, struct tl_reach_list *list, struct tl_plans *before,
                    struct tl_plans *after)
{
        if (!tl_parties_make(&c->parties, before, after) ||
            !tl_naming_make(&c->naming, &c->parties))
                return false;
        compare_classes(c);
        return make_lines(c, list) && !c->has_no_memory && !c->ports.has_no_memory &&
               !c->classes.has_no_memory;
}

bool tl_reach_compare(struct tl_reach_list *list, struct tl_plans *before, struct tl_plans *after,
                      struct tl_findings *findings)
{
        struct comparison c = {0};
        bool is_good;

        *list = (struct tl_reach_list){0};
        is_good = compare(&c, list, before, after);
        if (!is_good)
                tl_findings_error(findings, (struct tl_place){0}, NULL, "out of memory");
        tl_port_spans_done(&c.spans);
        free(c.records);
        memo_done(&c.allowed);
        memo_done(&c.causes);
        tl_intern_done(&c.ports);
        tl_intern_done(&c.classes);
        tl_naming_done(&c.naming);
        tl_parties_done(&c.parties);
        return is_good;
}

size_t tl_reach_format(const struct tl_reach_line *line, char *out, size_t size)
{
        static const char *const verbs[][2] = {
                [TL_REACH_LOSES] = {"loses", "lose"},
                [TL_REACH_GAINS] = {"gains", "gain"},
        };
        const char *before_why = line->change == TL_REACH_GAINS ? " (before: " : " (";
        int len = snprintf(out, size, "%s %s %s%s%s%s%s%s", line->who,
                           verbs[line->change][line->is_plural], line->whom, line->what ? ": " : "",
                           line->what ? line->what : "", line->why ? before_why : "",
                           line->why ? line->why : "", line->why ? ")" : "");

        return len < 0 ? 0 : (size_t)len;
}

void tl_reach_done(struct tl_reach_list *list)
{
        tl_arena_done(&list->arena);
        *list = (struct tl_reach_list){0};
}
