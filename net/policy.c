/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * Each word in `from` becomes a subject with the targets of the rules that have it, cut so that no
 * two of one protocol overlap: nftables requires that, and it keeps lookups simple. Each prefix
 * that a subject stands for gets the set of subjects that have it or a prefix around it; equal sets
 * are one class. */
#include "net/policy.h"

#include <stdlib.h>
#include <string.h>

#include "net/members.h"

enum { PORT_MOST = 65535 };

struct target_list {
        struct tl_policy_target *items;
        uint32_t count, capacity;
};

/* A word in `from` of a rule. */
struct mention {
        const char *name;
        uint32_t rule;
};

/* A prefix of a subject. */
struct grant {
        struct wg_prefix prefix;
        uint32_t subject;
};

struct builder {
        struct tl_policy *policy;
        bool is_rest; /* leaves out words in `to` that stand for many */
        const struct tl_model *model;
        struct tl_arena scratch;  /* of everything here */
        struct target_list *to;   /* per rule; `outer` is not set yet */
        struct mention *mentions; /* sorted; each once */
        uint32_t mention_count;
        struct grant *grants; /* sorted */
        uint32_t grant_count, grant_capacity;
        uint32_t *joined;  /* room for the subjects of a class */
        uint32_t *buckets; /* hash table of classes: index + 1; 0: empty */
        uint32_t bucket_mask;
        uint32_t class_capacity;
};

/* ---- targets of rules ---- */

static bool add_target(struct tl_arena *arena, struct target_list *list,
                       const struct tl_policy_target *target)
{
        struct tl_policy_target *larger = tl_arena_grow(arena, list->items, list->count,
                                                        &list->capacity, sizeof(*larger));

        if (!larger)
                return false;
        list->items = larger;
        larger[list->count++] = *target;
        return true;
}

/* Adds a target for a prefix with these ports, or with all if there are none. */
static bool add_ports(struct builder *b, struct target_list *list, const struct wg_prefix *prefix,
                      const struct tl_port_list *ports, uint32_t rule)
{
        struct tl_policy_target target = {
                .prefix = *prefix, .last = PORT_MOST, .rule = rule, .outer = TL_NEST_NONE};

        if (!ports->count)
                return add_target(&b->scratch, list, &target);
        for (uint32_t i = 0; i < ports->count; i++) {
                const struct tl_port_range *range = &ports->items[i];
                bool has_ports = range->protocol != WG_PROTOCOL_ICMP;

                target.protocol = range->protocol;
                target.first = has_ports ? range->first : 0;
                target.last = has_ports ? range->last : PORT_MOST;
                if (!add_target(&b->scratch, list, &target))
                        return false;
        }
        return true;
}

/* The ports that are in both ranges. Returns whether there are any. */
static bool intersect_ranges(const struct tl_port_range *a, const struct tl_port_range *b,
                             struct tl_port_range *both)
{
        *both = *a;
        both->first = WG_MAX(a->first, b->first);
        both->last = WG_MIN(a->last, b->last);
        return a->protocol == b->protocol && both->first <= both->last;
}

/* The ports of a service that a rule allows. Returns false if there is no memory. */
static bool intersect_ports(struct builder *b, const struct tl_port_list *service,
                            const struct tl_port_list *rule, struct tl_port_list *both)
{
        *both = *service;
        if (!rule->count)
                return true;
        *both = (struct tl_port_list){0};
        both->items = tl_arena_take(&b->scratch, (size_t)service->count * rule->count,
                                    sizeof(*both->items));
        if (!both->items)
                return false;
        for (uint32_t i = 0; i < service->count; i++)
                for (uint32_t j = 0; j < rule->count; j++)
                        if (intersect_ranges(&service->items[i], &rule->items[j],
                                             &both->items[both->count]))
                                both->count++;
        return true;
}

static bool add_service(struct builder *b, struct target_list *list,
                        const struct tl_service *service, uint32_t rule)
{
        struct tl_prefixes prefixes = {0};
        struct tl_port_list ports;

        if (!intersect_ports(b, &service->in_file->ports, &b->model->network->rules[rule].ports,
                             &ports) ||
            !tl_members_add(&prefixes, &b->scratch, b->model, service->in_file->name.text))
                return false;
        for (uint32_t i = 0; ports.count && i < prefixes.count; i++)
                if (!add_ports(b, list, &prefixes.items[i], &ports, rule))
                        return false;
        return true;
}

static const struct tl_service *find_service(const struct tl_model *model, const char *word)
{
        const struct tl_entity *entity = tl_model_find(model, word, strlen(word));

        return entity && entity->kind == TL_ENTITY_SERVICE ? &model->services[entity->index] : NULL;
}

static bool resolve_to(struct builder *b, struct target_list *list, uint32_t index)
{
        const struct tl_network_rule *rule = &b->model->network->rules[index];
        struct tl_prefixes prefixes = {0};

        for (uint32_t i = 0; i < rule->to.count; i++) {
                const char *word = rule->to.items[i].text;
                const struct tl_service *service = find_service(b->model, word);

                if (b->is_rest && tl_members_is_many(b->model, word))
                        continue;
                if (service ? !add_service(b, list, service, index)
                            : !tl_members_add(&prefixes, &b->scratch, b->model, word))
                        return false;
        }
        tl_prefixes_shorten(&prefixes);
        for (uint32_t i = 0; i < prefixes.count; i++)
                if (!add_ports(b, list, &prefixes.items[i], &rule->ports, index))
                        return false;
        return true;
}

static bool resolve_rules(struct builder *b)
{
        uint32_t count = b->model->network->rule_count;

        b->to = tl_arena_take(&b->scratch, count, sizeof(*b->to));
        if (!b->to)
                return false;
        for (uint32_t i = 0; i < count; i++)
                if (!resolve_to(b, &b->to[i], i))
                        return false;
        return true;
}

/* ---- subjects ---- */

static int compare_mentions(const void *left, const void *right)
{
        const struct mention *a = left, *b = right;
        int order = strcmp(a->name, b->name);

        return order != 0 ? order : (a->rule > b->rule) - (a->rule < b->rule);
}

static bool collect_mentions(struct builder *b)
{
        const struct tl_network *network = b->model->network;
        size_t most = 0;
        uint32_t count = 0;

        for (uint32_t i = 0; i < network->rule_count; i++)
                most += network->rules[i].from.count;
        b->mentions = most < UINT32_MAX ? tl_arena_take(&b->scratch, most, sizeof(*b->mentions))
                                        : NULL;
        if (!b->mentions)
                return false;
        for (uint32_t i = 0; i < network->rule_count; i++)
                for (uint32_t j = 0; j < network->rules[i].from.count; j++)
                        b->mentions[count++] = (struct mention){
                                network->rules[i].from.items[j].text, i};
        if (count)
                qsort(b->mentions, count, sizeof(*b->mentions), compare_mentions);
        for (uint32_t i = 0; i < count; i++)
                if (i == 0 || compare_mentions(&b->mentions[i - 1], &b->mentions[i]) != 0)
                        b->mentions[b->mention_count++] = b->mentions[i];
        return true;
}

/* ---- classes ---- */

static int compare_grants(const void *left, const void *right)
{
        const struct grant *a = left, *b = right;
        int order = tl_prefixes_compare(&a->prefix, &b->prefix);

        return order != 0 ? order : (a->subject > b->subject) - (a->subject < b->subject);
}

static bool add_grants(struct builder *b, uint32_t subject)
{
        struct tl_prefixes prefixes = {0};

        if (!tl_members_add(&prefixes, &b->scratch, b->model, b->policy->subjects[subject].name))
                return false;
        tl_prefixes_shorten(&prefixes);
        for (uint32_t i = 0; i < prefixes.count; i++) {
                struct grant *larger = tl_arena_grow(&b->scratch, b->grants, b->grant_count,
                                                     &b->grant_capacity, sizeof(*larger));

                if (!larger)
                        return false;
                b->grants = larger;
                larger[b->grant_count++] = (struct grant){prefixes.items[i], subject};
        }
        return true;
}

static bool collect_grants(struct builder *b)
{
        for (uint32_t i = 0; i < b->policy->subject_count; i++)
                if (!add_grants(b, i))
                        return false;
        if (b->grant_count)
                qsort(b->grants, b->grant_count, sizeof(*b->grants), compare_grants);
        return true;
}

static uint32_t hash(const uint32_t *subjects, uint32_t count)
{
        uint32_t value = UINT32_C(2166136261);

        for (uint32_t i = 0; i < count; i++)
                value = (value ^ subjects[i]) * UINT32_C(16777619);
        return value ^ value >> 15;
}

static bool add_class(struct builder *b, const uint32_t *subjects, uint32_t count)
{
        struct tl_policy *policy = b->policy;
        struct tl_policy_class *larger;
        uint32_t *copy;

        larger = tl_arena_grow(&policy->arena, policy->classes, policy->class_count,
                               &b->class_capacity, sizeof(*larger));
        copy = tl_arena_take(&policy->arena, count, sizeof(*copy));
        if (!larger || !copy)
                return false;
        policy->classes = larger;
        memcpy(copy, subjects, count * sizeof(*copy));
        larger[policy->class_count++] = (struct tl_policy_class){.subjects = copy, .count = count};
        return true;
}

/* Sets *class to the index of the class with these subjects, which there is afterwards. Returns
 * false if there is no memory. */
static bool find_class(struct builder *b, const uint32_t *subjects, uint32_t count, uint32_t *class)
{
        uint32_t at = hash(subjects, count) & b->bucket_mask;

        for (; b->buckets[at]; at = (at + 1) & b->bucket_mask) {
                const struct tl_policy_class *known = &b->policy->classes[b->buckets[at] - 1];

                if (known->count == count &&
                    memcmp(known->subjects, subjects, count * sizeof(*subjects)) == 0) {
                        *class = b->buckets[at] - 1;
                        return true;
                }
        }
        if (!add_class(b, subjects, count))
                return false;
        b->buckets[at] = b->policy->class_count;
        *class = b->policy->class_count - 1;
        return true;
}

/* Joins the subjects of grants `first` to `end - 1`, which are for one prefix, and those of the
 * class around it (NULL: none), sorted. Returns how many there are. */
static uint32_t join_subjects(struct builder *b, uint32_t first, uint32_t end,
                              const struct tl_policy_class *outer)
{
        uint32_t outer_count = outer ? outer->count : 0, i = 0, count = 0;

        while (first < end || i < outer_count) {
                uint32_t own = first < end ? b->grants[first].subject : UINT32_MAX;
                uint32_t around = i < outer_count ? outer->subjects[i] : UINT32_MAX;

                b->joined[count++] = WG_MIN(own, around);
                first += own <= around;
                i += around <= own;
        }
        return count;
}

/* Adds the source of grants `first` to `end - 1`, unless the prefix around it has its class. */
static bool add_source(struct builder *b, uint32_t first, uint32_t end)
{
        struct tl_policy *policy = b->policy;
        struct tl_nest_item *sources = policy->sources;
        const struct wg_prefix *prefix = &b->grants[first].prefix;
        uint32_t last = policy->source_count ? policy->source_count - 1 : TL_NEST_NONE;
        uint32_t outer = tl_nest_cover(sources, last, prefix), class, count;

        count = join_subjects(b, first, end,
                              outer == TL_NEST_NONE ? NULL : &policy->classes[sources[outer].id]);
        if (!find_class(b, b->joined, count, &class))
                return false;
        if (outer == TL_NEST_NONE || sources[outer].id != class)
                sources[policy->source_count++] = (struct tl_nest_item){
                        .prefix = *prefix, .id = class, .outer = outer};
        return true;
}

static bool take_class_memory(struct builder *b)
{
        uint32_t buckets = 16;

        while (buckets < 2 * b->grant_count)
                buckets *= 2;
        b->bucket_mask = buckets - 1;
        b->buckets = tl_arena_take(&b->scratch, buckets, sizeof(*b->buckets));
        b->joined = tl_arena_take(&b->scratch, b->policy->subject_count, sizeof(*b->joined));
        b->policy->sources = tl_arena_take(&b->policy->arena, b->grant_count,
                                           sizeof(*b->policy->sources));
        return b->buckets && b->joined && b->policy->sources;
}

static bool make_classes(struct builder *b)
{
        uint32_t end;

        if (!collect_grants(b) || !take_class_memory(b))
                return false;
        for (uint32_t first = 0; first < b->grant_count; first = end) {
                for (end = first + 1; end < b->grant_count; end++)
                        if (tl_prefixes_compare(&b->grants[first].prefix, &b->grants[end].prefix))
                                break;
                if (!add_source(b, first, end))
                        return false;
        }
        return true;
}

/* ---- targets of subjects ---- */

int tl_policy_compare_targets(const void *left, const void *right)
{
        const struct tl_policy_target *a = left, *b = right;
        int order = tl_prefixes_compare(&a->prefix, &b->prefix);

        if (order != 0)
                return order;
        if (a->protocol != b->protocol)
                return a->protocol - b->protocol;
        if (a->first != b->first)
                return a->first - b->first;
        return (a->rule > b->rule) - (a->rule < b->rule);
}

/* Whether two targets have the same prefix and protocol. */
static bool is_alike(const struct tl_policy_target *a, const struct tl_policy_target *b)
{
        return a->protocol == b->protocol && tl_prefixes_compare(&a->prefix, &b->prefix) == 0;
}

/* The first target of those that have the prefix of target `last`, the last one of them. */
static uint32_t group_first(const struct target_list *list, uint32_t last)
{
        uint32_t first = last;

        while (first > 0 &&
               tl_prefixes_compare(&list->items[first - 1].prefix, &list->items[last].prefix) == 0)
                first--;
        return first;
}

/* Appends what is left of a target after those of the prefixes around it, of which `outer` is the
 * last one of the closest. */
static bool add_rest(struct tl_arena *arena, struct target_list *list,
                     struct tl_policy_target target, uint32_t outer)
{
        uint32_t next = target.first, last = target.last, rest;

        if (outer == TL_NEST_NONE)
                return add_target(arena, list, &target);
        rest = list->items[outer].outer;
        for (uint32_t i = group_first(list, outer); i <= outer; i++) {
                const struct tl_policy_target around = list->items[i];

                if (around.protocol == 0)
                        return true;
                if (around.protocol != target.protocol || around.last < next)
                        continue;
                if (around.first > last)
                        break;
                target.first = (uint16_t)next;
                target.last = (uint16_t)(around.first - 1);
                if (around.first > next && !add_rest(arena, list, target, rest))
                        return false;
                next = (uint32_t)around.last + 1;
        }
        target.first = (uint16_t)next;
        target.last = (uint16_t)last;
        return next > last || add_rest(arena, list, target, rest);
}

/* Appends targets `first` to `end - 1`, which have one prefix, without what they have in common
 * with each other or with those of prefixes around it. */
static bool add_group(struct tl_arena *arena, struct target_list *list,
                      const struct target_list *all, uint32_t first, uint32_t end)
{
        const struct wg_prefix *prefix = &all->items[first].prefix;
        uint32_t outer = list->count ? list->count - 1 : TL_NEST_NONE, next = 0;

        while (outer != TL_NEST_NONE && !wg_prefix_covers(&list->items[outer].prefix, prefix))
                outer = list->items[outer].outer;
        for (uint32_t i = first; i < end; i++) {
                struct tl_policy_target target = all->items[i];

                target.outer = outer;
                if (i > first && !is_alike(&all->items[i - 1], &target))
                        next = 0;
                if (target.last < next)
                        continue;
                target.first = (uint16_t)WG_MAX((uint32_t)target.first, next);
                next = (uint32_t)target.last + 1;
                if (!add_rest(arena, list, target, outer))
                        return false;
                if (target.protocol == 0)
                        break;
        }
        return true;
}

/* Cuts targets so that each connection has one of each protocol at most. */
static bool cut_targets(struct tl_arena *arena, struct target_list *list,
                        const struct target_list *all)
{
        uint32_t end;

        for (uint32_t first = 0; first < all->count; first = end) {
                for (end = first + 1; end < all->count; end++)
                        if (tl_prefixes_compare(&all->items[first].prefix, &all->items[end].prefix))
                                break;
                if (!add_group(arena, list, all, first, end))
                        return false;
        }
        return true;
}

/* Lists the targets of the rules of some mentions, sorted. */
static bool gather_targets(const struct builder *b, const struct mention *mentions, uint32_t count,
                           struct tl_arena *scratch, struct target_list *all)
{
        size_t most = 0;

        for (uint32_t i = 0; i < count; i++)
                most += b->to[mentions[i].rule].count;
        all->items = most < UINT32_MAX ? tl_arena_take(scratch, most, sizeof(*all->items)) : NULL;
        if (!all->items)
                return false;
        for (uint32_t i = 0; i < count; i++) {
                const struct target_list *to = &b->to[mentions[i].rule];

                if (to->count)
                        memcpy(&all->items[all->count], to->items, to->count * sizeof(*to->items));
                all->count += to->count;
        }
        if (all->count)
                qsort(all->items, all->count, sizeof(*all->items), tl_policy_compare_targets);
        return true;
}

static bool keep_targets(struct builder *b, struct tl_policy_subject *subject,
                         const struct target_list *list)
{
        subject->targets = tl_arena_take(&b->policy->arena, list->count, sizeof(*subject->targets));
        if (!subject->targets)
                return false;
        if (list->count)
                memcpy(subject->targets, list->items, list->count * sizeof(*list->items));
        subject->count = list->count;
        return true;
}

/* Adds the subject that `count` mentions name. */
static bool add_subject(struct builder *b, const struct mention *mentions, uint32_t count)
{
        struct tl_policy_subject *subject = &b->policy->subjects[b->policy->subject_count++];
        struct target_list all = {0}, list = {0};
        struct tl_arena scratch = {0};
        bool is_good;

        subject->name = mentions->name;
        is_good = gather_targets(b, mentions, count, &scratch, &all) &&
                  cut_targets(&scratch, &list, &all) && keep_targets(b, subject, &list);
        tl_arena_done(&scratch);
        return is_good;
}

static bool make_subjects(struct builder *b)
{
        uint32_t end;

        if (!collect_mentions(b))
                return false;
        b->policy->subjects = tl_arena_take(&b->policy->arena, b->mention_count,
                                            sizeof(*b->policy->subjects));
        if (!b->policy->subjects)
                return false;
        for (uint32_t first = 0; first < b->mention_count; first = end) {
                for (end = first + 1; end < b->mention_count; end++)
                        if (strcmp(b->mentions[first].name, b->mentions[end].name) != 0)
                                break;
                if (!add_subject(b, &b->mentions[first], end - first))
                        return false;
        }
        return true;
}

static bool build(struct builder *b)
{
        bool is_good;

        *b->policy = (struct tl_policy){.is_open = b->model->network->policy_at.line == 0};
        if (b->policy->is_open)
                return true;
        is_good = resolve_rules(b) && make_subjects(b) && make_classes(b);
        tl_arena_done(&b->scratch);
        return is_good;
}

bool tl_policy_build(struct tl_policy *policy, const struct tl_model *model,
                     struct tl_findings *findings)
{
        struct builder b = {.policy = policy, .model = model};

        if (build(&b))
                return true;
        tl_findings_error(findings, (struct tl_place){0, 0}, NULL, "out of memory");
        return false;
}

bool tl_policy_build_rest(struct tl_policy *policy, const struct tl_model *model)
{
        struct builder b = {.policy = policy, .is_rest = true, .model = model};

        return build(&b);
}

void tl_policy_done(struct tl_policy *policy)
{
        tl_arena_done(&policy->arena);
        *policy = (struct tl_policy){0};
}

/* ---- lookups ---- */

const struct tl_policy_class *tl_policy_class(const struct tl_policy *policy,
                                              const struct wg_ip *from)
{
        uint32_t found = tl_nest_find(policy->sources, policy->source_count, from);

        return found == TL_NEST_NONE ? NULL : &policy->classes[policy->sources[found].id];
}

bool tl_policy_is_member(const struct tl_policy_class *class, uint32_t subject)
{
        for (uint32_t i = 0; i < class->count; i++)
                if (class->subjects[i] == subject)
                        return true;
        return false;
}

/* The number of targets, of the first `count`, that come before or at a prefix, protocol and first
 * port. */
static uint32_t count_up_to(const struct tl_policy_subject *subject, uint32_t count,
                            const struct tl_policy_target *key)
{
        uint32_t low = 0;

        while (low < count) {
                uint32_t middle = low + (count - low) / 2;

                if (tl_policy_compare_targets(&subject->targets[middle], key) <= 0)
                        low = middle + 1;
                else
                        count = middle;
        }
        return low;
}

/* The index of the last target of the longest prefix that contains an address. */
static uint32_t find_target(const struct tl_policy_subject *subject, const struct wg_ip *to)
{
        struct tl_policy_target key = {.prefix = tl_prefixes_single(to),
                                       .protocol = UINT8_MAX,
                                       .first = PORT_MOST,
                                       .rule = UINT32_MAX};
        uint32_t at = count_up_to(subject, subject->count, &key);

        at = at ? at - 1 : TL_NEST_NONE;
        while (at != TL_NEST_NONE && !wg_prefix_contains(&subject->targets[at].prefix, to))
                at = subject->targets[at].outer;
        return at;
}

/* The target that allows a query, of those that have the prefix of target `last`, the last one of
 * them. NULL: none does. */
static const struct tl_policy_target *find_in_group(const struct tl_policy_subject *subject,
                                                    uint32_t last,
                                                    const struct tl_policy_query *query)
{
        const struct tl_policy_target *found = &subject->targets[last];
        struct tl_policy_target key = {.prefix = found->prefix,
                                       .protocol = query->protocol,
                                       .first = query->port,
                                       .rule = UINT32_MAX};
        uint32_t at;

        if (found->protocol == 0)
                return found;
        at = count_up_to(subject, last + 1, &key);
        found = at ? &subject->targets[at - 1] : NULL;
        return found && is_alike(found, &key) && query->port <= found->last ? found : NULL;
}

static const struct tl_policy_target *find_in_subject(const struct tl_policy_subject *subject,
                                                      const struct tl_policy_query *query)
{
        const struct tl_policy_target *found = NULL;

        for (uint32_t at = find_target(subject, &query->to); at != TL_NEST_NONE && !found;
             at = subject->targets[at].outer)
                found = find_in_group(subject, at, query);
        return found;
}

bool tl_policy_allows(const struct tl_policy *policy, const struct tl_policy_query *query,
                      uint32_t *rule)
{
        const struct tl_policy_class *class;
        const struct tl_policy_target *found = NULL;

        if (policy->is_open) {
                if (rule)
                        *rule = TL_MODEL_NONE;
                return true;
        }
        class = tl_policy_class(policy, &query->from);
        for (uint32_t i = 0; class && i < class->count && !found; i++)
                found = find_in_subject(&policy->subjects[class->subjects[i]], query);
        if (found && rule)
                *rule = found->rule;
        return found != NULL;
}
