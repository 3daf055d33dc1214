/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * The twin goes through the rules one by one, and through the names of each, with the text of the
 * file as it is. */
#include "net/policy.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/address.h"
#include "test/lib/cmocka.h"
#include "test/lib/heap.h"
#include "test/lib/random_office.h"
#include "test/lib/tool.h"

/* ---- the twin ---- */

static bool is_node_at(const struct tl_node *node, const struct wg_ip *ip)
{
        return wg_ip_equal(&node->ip4, ip) || wg_ip_equal(&node->ip6, ip);
}

static bool is_in_lan(const struct tl_model *model, uint32_t site, const struct wg_ip *ip)
{
        for (uint32_t i = 0; i < model->lan_count; i++)
                if ((site == TL_MODEL_NONE || model->lans[i].site == site) &&
                    wg_prefix_contains(&model->lans[i].prefix, ip))
                        return true;
        return false;
}

static bool is_node_named(const struct tl_model *model, const struct tl_node *node,
                          const char *word, const struct wg_ip *ip)
{
        if (strcmp(node->name, word) != 0)
                return false;
        for (uint32_t i = 0; i < model->lan_count; i++)
                if (model->lans[i].site == node->site && node->site != TL_MODEL_NONE &&
                    wg_ip_equal(&model->lans[i].node_at, ip))
                        return true;
        return is_node_at(node, ip);
}

static bool is_person_called(const struct tl_network_person *person, const char *word)
{
        for (uint32_t i = 0; i < person->groups.count; i++)
                if (strcmp(person->groups.items[i].text, word) == 0)
                        return true;
        return strcmp(person->name.text, word) == 0 || strcmp(word, "people") == 0;
}

static bool is_node_meant(const struct tl_model *model, const struct tl_node *node,
                          const char *word)
{
        switch (node->kind) {
        case TL_NODE_HUB:
                return strcmp(word, "hubs") == 0;
        case TL_NODE_SITE:
                return strcmp(word, "sites") == 0 ||
                       strcmp(word, model->network->sites[node->site].name.text) == 0;
        case TL_NODE_DEVICE:
                return is_person_called(&model->network->people[node->person], word);
        }
        return false;
}

static bool is_all(const struct tl_model *model, const struct wg_ip *ip)
{
        return wg_prefix_contains(&model->pool4, ip) || wg_prefix_contains(&model->pool6, ip) ||
               is_in_lan(model, TL_MODEL_NONE, ip);
}

static const struct tl_service *service_named(const struct tl_model *model, const char *word)
{
        for (uint32_t i = 0; i < model->service_count; i++)
                if (strcmp(model->network->services[i].name.text, word) == 0)
                        return &model->services[i];
        return NULL;
}

/* Whether a word of the file stands for an address. */
static bool is_meant(const struct tl_model *model, const char *word, const struct wg_ip *ip)
{
        const struct tl_service *service = service_named(model, word);

        if (service)
                return wg_ip_equal(&service->ip4, ip) || wg_ip_equal(&service->ip6, ip);
        if (strcmp(word, "all") == 0 && is_all(model, ip))
                return true;
        if (strcmp(word, "sites") == 0 && is_in_lan(model, TL_MODEL_NONE, ip))
                return true;
        for (uint32_t i = 0; i < model->network->site_count; i++)
                if (strcmp(model->network->sites[i].name.text, word) == 0 &&
                    is_in_lan(model, i, ip))
                        return true;
        for (uint32_t i = 0; i < model->host_count; i++)
                if (strcmp(model->hosts[i].name, word) == 0 &&
                    (wg_ip_equal(&model->hosts[i].ip4, ip) ||
                     wg_ip_equal(&model->hosts[i].ip6, ip)))
                        return true;
        for (uint32_t i = 0; i < model->node_count; i++)
                if (is_node_named(model, &model->nodes[i], word, ip) ||
                    (is_node_meant(model, &model->nodes[i], word) &&
                     is_node_at(&model->nodes[i], ip)))
                        return true;
        return false;
}

static bool has_port(const struct tl_port_list *ports, const struct tl_policy_query *query)
{
        for (uint32_t i = 0; i < ports->count; i++)
                if (ports->items[i].protocol == query->protocol &&
                    (query->protocol == WG_PROTOCOL_ICMP ||
                     (ports->items[i].first <= query->port && query->port <= ports->items[i].last)))
                        return true;
        return false;
}

static bool allows_rule(const struct tl_model *model, const struct tl_network_rule *rule,
                        const struct tl_policy_query *query)
{
        bool is_from = false;

        for (uint32_t i = 0; i < rule->from.count; i++)
                is_from = is_from || is_meant(model, rule->from.items[i].text, &query->from);
        if (!is_from || (rule->ports.count && !has_port(&rule->ports, query)))
                return false;
        for (uint32_t i = 0; i < rule->to.count; i++) {
                const char *word = rule->to.items[i].text;
                const struct tl_service *service = service_named(model, word);

                if (is_meant(model, word, &query->to) &&
                    (!service || has_port(&service->in_file->ports, query)))
                        return true;
        }
        return false;
}

static bool twin_allows(const struct tl_model *model, const struct tl_policy_query *query)
{
        if (model->network->policy_at.line == 0)
                return true;
        for (uint32_t i = 0; i < model->network->rule_count; i++)
                if (allows_rule(model, &model->network->rules[i], query))
                        return true;
        return false;
}

/* ---- random networks ---- */

static void fail_query(const char *file, const struct tl_policy_query *query, const char *what)
{
        char from[TL_ADDRESS_IP_SIZE], to[TL_ADDRESS_IP_SIZE];

        tl_address_format_ip(from, &query->from);
        tl_address_format_ip(to, &query->to);
        fail_msg("%s -> %s protocol %u port %u: %s\n%s", from, to, query->protocol, query->port,
                 what, file);
}

static struct tl_policy_query random_query(const struct test_office *office, uint64_t *state)
{
        static const uint8_t protocols[] = {WG_PROTOCOL_TCP, WG_PROTOCOL_UDP, WG_PROTOCOL_ICMP, 47};
        struct tl_policy_query query = {
                .from = random_office_ip(office, state),
                .to = random_office_ip(office, state),
                .protocol = protocols[tool_random(state) % WG_ARRAY_SIZE(protocols)],
        };

        if (query.protocol == WG_PROTOCOL_TCP || query.protocol == WG_PROTOCOL_UDP)
                query.port = (uint16_t)(1 + tool_random(state) % 16);
        return query;
}

static void check_query(const struct test_office *office, const struct tl_policy *policy,
                        const struct tl_policy_query *query, const char *file)
{
        uint32_t rule = 12345;
        bool is_allowed = twin_allows(&office->model, query);

        if (tl_policy_allows(policy, query, &rule) != is_allowed)
                fail_query(file, query, is_allowed ? "should be allowed" : "should be blocked");
        if (is_allowed && !policy->is_open &&
            !allows_rule(&office->model, &office->network.rules[rule], query))
                fail_query(file, query, "allowed by another rule");
}

/* What the header promises about targets. */
static void check_subjects(const struct tl_policy *policy)
{
        for (uint32_t i = 0; i < policy->subject_count; i++) {
                const struct tl_policy_target *targets = policy->subjects[i].targets;

                for (uint32_t j = 0; j < policy->subjects[i].count; j++)
                        for (uint32_t k = 0; k < j; k++) {
                                const struct tl_policy_target *a = &targets[k], *b = &targets[j];

                                if (!wg_prefix_overlaps(&a->prefix, &b->prefix))
                                        continue;
                                assert_int_not_equal(a->protocol, 0); /* a is around b */
                                assert_false(a->protocol == b->protocol && a->first <= b->last &&
                                             b->first <= a->last);
                        }
        }
}

static void test_twin(void **unused)
{
        static char file[RANDOM_OFFICE_SIZE];
        uint64_t state = random_office_seed();

        (void)unused;
        for (unsigned int round = 0; round < 100; round++) {
                struct test_office office;
                struct tl_policy policy;

                random_office_write(file, &state, round % 8 != 0, false);
                test_office_init(&office, file);
                assert_true(tl_policy_build(&policy, &office.model, &office.findings));
                check_subjects(&policy);
                for (unsigned int i = 0; i < 300; i++) {
                        struct tl_policy_query query = random_query(&office, &state);

                        check_query(&office, &policy, &query, file);
                }
                tl_policy_done(&policy);
                test_office_done(&office);
        }
}

/* ---- what the text of the file says ---- */

#define POLICY \
        "services: {git: {at: d, ports: [443/tcp, 22/tcp, 8000-8010/tcp]}}\n" \
        "policy:\n" \
        "  - {from: developers, to: git}\n" \
        "  - {from: e, to: beijing, ports: [80/tcp, icmp, 60-80/tcp]}\n" \
        "  - {from: shenzhen, to: [beijing, people]}\n" \
        "  - {from: b, to: z, ports: [53/udp]}\n" \
        "  - {from: beijing, to: git, ports: [22-100/tcp, 8005-8020/tcp]}\n"

static void test_cases(void **unused)
{
        static const struct {
                const char *from, *to;
                uint8_t protocol;
                uint16_t port;
                int rule; /* below 0: none */
        } cases[] = {
                {"10.70.0.4", "192.168.200.244", WG_PROTOCOL_TCP, 443, 0}, /* e -> git */
                {"10.70.0.5", "192.168.200.244", WG_PROTOCOL_TCP, 22, 0},
                {"10.70.0.5", "192.168.200.244", WG_PROTOCOL_TCP, 80, -1},
                {"10.70.0.5", "192.168.200.245", WG_PROTOCOL_TCP, 443, -1},
                {"10.70.0.4", "192.168.200.244", WG_PROTOCOL_TCP, 80, 1},
                {"10.70.0.4", "192.168.200.9", WG_PROTOCOL_TCP, 60, 1},
                {"10.70.0.4", "192.168.200.9", WG_PROTOCOL_TCP, 59, -1},
                {"10.70.0.4", "192.168.200.9", WG_PROTOCOL_TCP, 81, -1},
                {"10.70.0.4", "192.168.200.9", WG_PROTOCOL_UDP, 80, -1},
                {"10.70.0.4", "10.70.0.3", WG_PROTOCOL_ICMP, 0, 1}, /* a site has its node */
                {"fd01:203:405::4", "fd01:203:405::3", WG_PROTOCOL_ICMP, 0, 1},
                {"fd01:203:405::4", "fd01:203:405::2", WG_PROTOCOL_ICMP, 0, -1},
                {"192.168.201.1", "192.168.200.1", 47, 0, 2},  /* every protocol */
                {"192.168.200.1", "192.168.201.1", 47, 0, -1}, /* not in the other direction */
                {"10.70.0.2", "10.70.0.6", WG_PROTOCOL_UDP, 9, 2},
                {"192.168.201.55", "10.70.0.1", WG_PROTOCOL_UDP, 53, 3}, /* a host, */
                {"192.168.201.54", "10.70.0.1", WG_PROTOCOL_UDP, 53, -1},
                {"192.168.201.55", "10.70.0.5", WG_PROTOCOL_UDP, 53, 2}, /* which is in its site */
                {"192.168.200.7", "192.168.200.244", WG_PROTOCOL_TCP, 22, 4}, /* both lists */
                {"192.168.200.7", "192.168.200.244", WG_PROTOCOL_TCP, 443, -1},
                {"192.168.200.7", "192.168.200.244", WG_PROTOCOL_TCP, 23, -1},
                {"192.168.200.7", "192.168.200.244", WG_PROTOCOL_TCP, 8004, -1},
                {"192.168.200.7", "192.168.200.244", WG_PROTOCOL_TCP, 8005, 4},
                {"192.168.200.7", "192.168.200.244", WG_PROTOCOL_TCP, 8010, 4},
                {"192.168.200.7", "192.168.200.244", WG_PROTOCOL_TCP, 8011, -1},
                {"8.8.8.8", "192.168.200.244", WG_PROTOCOL_TCP, 443, -1},
        };
        struct test_office office;
        struct tl_policy policy;

        (void)unused;
        test_office_init(&office, TEST_OFFICE_SAMPLE POLICY);
        assert_true(tl_policy_build(&policy, &office.model, &office.findings));
        for (unsigned int i = 0; i < WG_ARRAY_SIZE(cases); i++) {
                struct tl_policy_query query = {.protocol = cases[i].protocol,
                                                .port = cases[i].port};
                uint32_t rule = TL_MODEL_NONE;
                bool is_allowed;

                assert_true(tl_address_parse_ip(
                        (struct tl_text){cases[i].from, strlen(cases[i].from)}, &query.from));
                assert_true(tl_address_parse_ip((struct tl_text){cases[i].to, strlen(cases[i].to)},
                                                &query.to));
                is_allowed = tl_policy_allows(&policy, &query, &rule);
                if (is_allowed != (cases[i].rule >= 0) ||
                    (is_allowed && rule != (uint32_t)cases[i].rule))
                        fail_msg("case %u: %s, rule %" PRIu32, i,
                                 is_allowed ? "allowed" : "blocked", rule);
                assert_int_equal(is_allowed, tl_policy_allows(&policy, &query, NULL));
        }
        tl_policy_done(&policy);
        test_office_done(&office);
}

static void test_open(void **unused)
{
        struct test_office office;
        struct tl_policy policy;
        struct tl_policy_query query = {.protocol = WG_PROTOCOL_TCP, .port = 1};
        uint32_t rule = 0;

        (void)unused;
        test_office_init(&office, TEST_OFFICE_SAMPLE);
        assert_true(tl_policy_build(&policy, &office.model, &office.findings));
        assert_true(policy.is_open);
        assert_true(tl_policy_allows(&policy, &query, &rule));
        assert_int_equal(rule, TL_MODEL_NONE);
        tl_policy_done(&policy);
        test_office_done(&office);
}

/* A policy without rules allows nothing. */
static void test_empty(void **unused)
{
        struct test_office office;
        struct tl_policy policy;
        struct tl_policy_query query = {.protocol = WG_PROTOCOL_TCP, .port = 1};

        (void)unused;
        test_office_init(&office, TEST_OFFICE_SAMPLE "policy: []\n");
        assert_true(tl_policy_build(&policy, &office.model, &office.findings));
        query.from = query.to = office.model.nodes[0].ip4;
        assert_false(tl_policy_allows(&policy, &query, NULL));
        tl_policy_done(&policy);
        test_office_done(&office);
}

/* Each allocation in turn is refused, until none is. */
static void test_memory(void **unused)
{
        struct test_office office;
        bool is_good = false;

        (void)unused;
        test_office_init(&office, TEST_OFFICE_SAMPLE POLICY);
        for (long allocations = 0; !is_good; allocations++) {
                struct tl_findings findings = {0};
                struct tl_policy policy;

                heap_fail_after(allocations);
                is_good = tl_policy_build(&policy, &office.model, &findings);
                heap_fail_after(-1);
                assert_int_equal(is_good, !tl_findings_has_errors(&findings));
                tl_policy_done(&policy);
                tl_findings_done(&findings);
        }
        test_office_done(&office);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_open),   cmocka_unit_test(test_empty),
                cmocka_unit_test(test_cases),  cmocka_unit_test(test_twin),
                cmocka_unit_test(test_memory),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
