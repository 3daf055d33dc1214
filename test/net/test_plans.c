/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * test_plans.c - net/plans.h against searches one by one, in random networks. */
#include "net/plans.h"

#include <string.h>

#include "test/lib/cmocka.h"
#include "test/lib/random_office.h"

static const struct tl_planned_route *look_up(const struct tl_nodeplan *plan,
                                              enum tl_planned_table table, const struct wg_ip *to)
{
        const struct tl_planned_route *best = NULL;

        for (uint32_t i = 0; i < plan->route_count; i++) {
                const struct tl_planned_route *route = &plan->routes[i];

                if (route->table == table && wg_prefix_contains(&route->prefix, to) &&
                    (!best || route->prefix.cidr > best->prefix.cidr ||
                     (route->prefix.cidr == best->prefix.cidr && route->metric < best->metric)))
                        best = route;
        }
        return best;
}

static bool is_any_or(const struct wg_prefix *prefix, const struct wg_ip *ip)
{
        return prefix->ip.family == WG_FAMILY_NONE || wg_prefix_contains(prefix, ip);
}

static const struct tl_planned_route *naive_route(const struct tl_nodeplan *plan,
                                                  const struct tl_plans_query *query)
{
        static const enum tl_planned_table tables[] = {TL_PLANNED_HIDDEN, TL_PLANNED_RETURN};

        for (size_t i = 0; i < WG_ARRAY_SIZE(tables); i++)
                for (uint32_t j = 0; j < plan->rule_count; j++) {
                        const struct tl_planned_rule *rule = &plan->rules[j];
                        const struct tl_planned_route *route;

                        if (rule->table != tables[i] || rule->family != query->to.family ||
                            rule->is_from_link > query->is_from_link ||
                            !is_any_or(&rule->from, &query->from) ||
                            !is_any_or(&rule->to, &query->to))
                                continue;
                        route = look_up(plan, tables[i], &query->to);
                        if (route)
                                return route;
                }
        return look_up(plan, TL_PLANNED_MAIN, &query->to);
}

static uint32_t naive_peer(const struct tl_model *model, const struct tl_nodeplan *plan,
                           const struct wg_ip *ip)
{
        uint32_t best = TL_MODEL_NONE;
        int longest = -1;

        for (uint32_t i = 0; i < plan->device.peer_count; i++) {
                const struct tl_change_peer *peer = tl_change_peer_at(&plan->device, i);

                for (uint32_t j = 0; j < peer->allowed_ip_count; j++) {
                        const struct wg_prefix *prefix =
                                &tl_change_peer_allowed_ip(&plan->device, peer, j)->prefix;

                        if (!wg_prefix_contains(prefix, ip) || prefix->cidr < longest)
                                continue;
                        longest = prefix->cidr;
                        best = tl_model_find_key(model, peer->public_key);
                }
        }
        return best;
}

static void check_office(struct test_office *office, uint64_t *state)
{
        struct tl_policy policy;
        struct tl_plans plans;

        assert_true(tl_policy_build(&policy, &office->model, &office->findings));
        memset(&plans, 0xff, sizeof(plans)); /* as the memory may be before */
        assert_true(tl_plans_init(&plans, &office->model, &policy));
        assert_int_equal(plans.uplink_mtu, 0);
        for (uint32_t node = 0; node < office->model.node_count; node++) {
                const struct tl_nodeplan *plan = tl_plans_get(&plans, node);

                assert_non_null(plan);
                assert_ptr_equal(plan, tl_plans_get(&plans, node));
                for (int i = 0; i < 50; i++) {
                        struct wg_ip ip = random_office_ip(office, state);
                        struct tl_plans_query query = {.from = random_office_ip(office, state),
                                                       .to = ip,
                                                       .is_from_link = i % 2};

                        if (i % 5 == 0)
                                query.from = (struct wg_ip){0};
                        assert_ptr_equal(tl_plans_route(&plans, node, &query),
                                         naive_route(plan, &query));
                        assert_int_equal(tl_plans_peer(&plans, node, &ip, NULL),
                                         naive_peer(&office->model, plan, &ip));
                }
        }
        tl_plans_done(&plans);
        tl_policy_done(&policy);
}

static void test_twin(void **state_of_test WG_UNUSED)
{
        static char yaml[RANDOM_OFFICE_SIZE];
        uint64_t state = random_office_seed();

        for (int i = 0; i < 100; i++) {
                size_t len = random_office_write(yaml, &state, true, false);
                struct test_office office;

                assert_true(test_office_read(&office, yaml, len));
                check_office(&office, &state);
                test_office_done(&office);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_twin),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
