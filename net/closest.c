/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "net/closest.h"

#include <string.h>

WG_ENUM_DEFINE(tl_closest_kind, TL_CLOSEST_KINDS)

static bool is_before(const struct tl_closest_rule *a, const struct tl_closest_rule *b)
{
        return a->kind != b->kind ? a->kind < b->kind : a->rule < b->rule;
}

/* Keeps the closest ones, in order, each rule once. */
static void consider(struct tl_closest_rule *rules, uint32_t *count, enum tl_closest_kind kind,
                     uint32_t rule)
{
        struct tl_closest_rule candidate = {.kind = kind, .rule = rule};
        uint32_t at = 0, same = 0;

        while (same < *count && rules[same].rule != rule)
                same++;
        if (same < *count) {
                if (!is_before(&candidate, &rules[same]))
                        return;
                memmove(&rules[same], &rules[same + 1], (*count - same - 1) * sizeof(*rules));
                (*count)--;
        }
        while (at < *count && is_before(&rules[at], &candidate))
                at++;
        if (at == TL_CLOSEST_MOST)
                return;
        *count = WG_MIN(*count, TL_CLOSEST_MOST - 1);
        memmove(&rules[at + 1], &rules[at], (*count - at) * sizeof(*rules));
        rules[at] = candidate;
        (*count)++;
}

uint32_t tl_closest_find(const struct tl_policy *policy, const struct tl_policy_query *query,
                         struct tl_closest_rule rules[TL_CLOSEST_MOST])
{
        const struct tl_policy_class *own = tl_policy_class(policy, &query->from);
        uint32_t count = 0;

        for (uint32_t i = 0; i < policy->subject_count; i++) {
                const struct tl_policy_subject *subject = &policy->subjects[i];
                bool is_own = own && tl_policy_is_member(own, i);

                for (uint32_t j = 0; j < subject->count; j++) {
                        const struct tl_policy_target *target = &subject->targets[j];
                        bool is_to = wg_prefix_contains(&target->prefix, &query->to);

                        if (is_own)
                                consider(rules, &count, is_to ? TL_CLOSEST_PORT : TL_CLOSEST_TO,
                                         target->rule);
                        else if (is_to)
                                consider(rules, &count, TL_CLOSEST_FROM, target->rule);
                }
        }
        return count;
}

/* ---- the change ---- */

/* The service among the destinations of a rule that is at an address; NULL: none is. */
static const struct tl_network_service *
service_in(const struct tl_model *model, const struct tl_network_rule *rule, const struct wg_ip *ip)
{
        for (uint32_t i = 0; i < rule->to.count; i++) {
                const char *name = rule->to.items[i].text;
                const struct tl_entity *entity = tl_model_find(model, name, strlen(name));
                const struct tl_service *service;

                if (!entity || entity->kind != TL_ENTITY_SERVICE)
                        continue;
                service = &model->services[entity->index];
                if (wg_ip_equal(&service->ip4, ip) || wg_ip_equal(&service->ip6, ip))
                        return service->in_file;
        }
        return NULL;
}

/* A rule names both ends, but other ports: its own list decides, or that of a service. */
static const char *add_port(struct tl_words *words, uint32_t rule, struct tl_place *at)
{
        const struct tl_model *model = words->plans->model;
        const struct tl_network_rule *in_file = &model->network->rules[rule];
        const struct tl_walk *walk = words->walk;
        const char *port = tl_words_service(words, walk->protocol, walk->port, walk->port);
        const struct tl_network_service *service = service_in(model, in_file, &walk->to.ip);
        const char *text = "add";

        *at = in_file->at;
        if (service && !tl_ends_offers(&service->ports, walk->protocol, walk->port)) {
                *at = service->name.at;
                text = tl_words_format(words, "add `%s` to the ports of service %s, line %u", port,
                                       service->name.text, (unsigned int)at->line);
                if (tl_ends_offers(&in_file->ports, walk->protocol, walk->port))
                        return text;
                return tl_words_format(words, "%s, and of the rule, line %u", text,
                                       (unsigned int)in_file->at.line);
        }
        return tl_words_format(words, "add `%s` to the ports of the rule, line %u", port,
                               (unsigned int)at->line);
}

const char *tl_closest_fix(struct tl_words *words, const struct tl_closest_rule *closest,
                           uint32_t count, struct tl_place *at)
{
        const struct tl_walk *walk = words->walk;
        const char *from = words->from->party, *to = words->to->party;

        if (count > 0 && closest[0].kind == TL_CLOSEST_PORT)
                return add_port(words, closest[0].rule, at);
        if (!from || !to)
                return NULL;
        if (words->to->service)
                return tl_words_format(words, "add to `policy`: - {from: %s, to: %s}", from, to);
        return tl_words_format(words, "add to `policy`: - {from: %s, to: %s, ports: [%s]}", from,
                               to, tl_words_service(words, walk->protocol, walk->port, walk->port));
}
