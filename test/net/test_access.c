/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * The twin is the policy itself: for destinations in the scope, both must give the same answer. */
#include "net/access.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/address.h"
#include "test/lib/cmocka.h"
#include "test/lib/heap.h"
#include "test/lib/random_office.h"
#include "test/lib/tool.h"

static struct wg_prefix prefix(const char *text)
{
        struct wg_prefix result;

        assert_true(tl_address_parse_prefix((struct tl_text){text, strlen(text)}, &result));
        return result;
}

/* ---- lookups that try everything ---- */

static bool is_in_span(const struct tl_access_span *span, const struct wg_ip *ip)
{
        return span->first.family == ip->family &&
               memcmp(span->first.bytes, ip->bytes, sizeof(ip->bytes)) <= 0 &&
               memcmp(ip->bytes, span->last.bytes, sizeof(ip->bytes)) <= 0;
}

static bool is_target(const struct tl_policy_target *target, const struct tl_policy_query *query)
{
        if (!wg_prefix_contains(&target->prefix, &query->to))
                return false;
        return target->protocol == 0 ||
               (target->protocol == query->protocol && target->first <= query->port &&
                query->port <= target->last);
}

static bool is_granted(const struct tl_access *access, const struct tl_grant *grant,
                       const struct tl_policy_query *query)
{
        const struct tl_prefixes *prefixes = &access->grants->words[grant->word].prefixes;
        bool is_inside = false, is_open = grant->is_all;

        for (uint32_t i = 0; i < prefixes->count; i++)
                is_inside = is_inside || wg_prefix_contains(&prefixes->items[i], &query->to);
        for (uint32_t i = 0; i < grant->count; i++)
                is_open = is_open || (grant->spans[i].protocol == query->protocol &&
                                      grant->spans[i].first <= query->port &&
                                      query->port <= grant->spans[i].last);
        return is_inside && is_open;
}

static bool subject_allows(const struct tl_access *access, const struct tl_access_subject *subject,
                           const struct tl_policy_query *query)
{
        for (uint32_t i = 0; i < subject->count; i++)
                if (is_target(&subject->targets[i], query))
                        return true;
        for (uint32_t i = 0; subject->grants && i < subject->grants->count; i++)
                if (is_granted(access, &subject->grants->items[i], query))
                        return true;
        return false;
}

static bool class_allows(const struct tl_access *access, uint32_t class,
                         const struct tl_policy_query *query)
{
        for (uint32_t i = 0; i < access->classes[class].count; i++) {
                uint32_t index = access->classes[class].subjects[i];

                if (subject_allows(access, &access->subjects[index], query))
                        return true;
        }
        return false;
}

static bool access_allows(const struct tl_access *access, const struct tl_policy_query *query)
{
        unsigned int spans = 0;
        bool is_allowed = false;

        for (uint32_t i = 0; i < access->span_count; i++) {
                if (!is_in_span(&access->spans[i], &query->from))
                        continue;
                spans++;
                is_allowed = class_allows(access, access->spans[i].class, query);
        }
        assert_true(spans <= 1); /* they are disjoint */
        return is_allowed;
}

/* ---- what nftables requires ---- */

static void check_spans(const struct tl_access *access)
{
        for (uint32_t i = 0; i < access->span_count; i++) {
                const struct tl_access_span *span = &access->spans[i];
                struct wg_prefix last = {span->last, (uint8_t)wg_ip_bits(&span->last)};

                assert_int_equal(span->first.family, span->last.family);
                assert_true(memcmp(span->first.bytes, span->last.bytes, 16) <= 0);
                assert_true(span->class < access->class_count);
                assert_true(access->classes[span->class].count > 0);
                if (i == 0)
                        continue;
                last = (struct wg_prefix){span[-1].last, (uint8_t)wg_ip_bits(&span[-1].last)};
                assert_true(tl_prefixes_compare(
                                    &last, &(struct wg_prefix){span->first,
                                                               (uint8_t)wg_ip_bits(&span->first)}) <
                            0);
        }
}

/* Nor is there anything that could be left out or joined. */
static void check_subject(const struct tl_access_subject *subject)
{
        for (uint32_t i = 0; i < subject->count; i++)
                for (uint32_t j = 0; j < i; j++) {
                        const struct tl_policy_target *b = &subject->targets[i],
                                                      *a = &subject->targets[j];
                        bool is_same = tl_prefixes_compare(&a->prefix, &b->prefix) == 0;

                        assert_false(is_same && a->protocol == 0);
                        if (a->protocol != b->protocol)
                                continue;
                        assert_false(is_same && a->last + 1 == b->first);
                        assert_false(a->first <= b->last && b->first <= a->last &&
                                     wg_prefix_overlaps(&a->prefix, &b->prefix));
                }
}

/* ---- random networks ---- */

static void list_scope(const struct tl_model *model, uint32_t node, struct tl_arena *arena,
                       struct tl_prefixes *scope)
{
        const struct tl_node *self = &model->nodes[node];
        const struct wg_prefix all[] = {prefix("0.0.0.0/0"), prefix("::/0")};
        const struct wg_prefix own[] = {tl_prefixes_single(&self->ip4),
                                        tl_prefixes_single(&self->ip6)};

        for (unsigned int i = 0; i < 2; i++)
                assert_true(tl_prefixes_add(scope, arena,
                                            self->kind == TL_NODE_HUB ? &all[i] : &own[i]));
        for (uint32_t i = 0; self->site != TL_MODEL_NONE && i < model->lan_count; i++)
                if (model->lans[i].site == self->site)
                        assert_true(tl_prefixes_add(scope, arena, &model->lans[i].prefix));
}

static bool is_in_scope(const struct tl_prefixes *scope, const struct wg_ip *ip)
{
        for (uint32_t i = 0; i < scope->count; i++)
                if (wg_prefix_contains(&scope->items[i], ip))
                        return true;
        return false;
}

static void check_access(const struct test_office *office, const struct tl_policy *policy,
                         const struct tl_access *access, const struct tl_prefixes *scope,
                         uint64_t *state, const char *file)
{
        static const uint8_t protocols[] = {WG_PROTOCOL_TCP, WG_PROTOCOL_UDP, WG_PROTOCOL_ICMP, 47};

        check_spans(access);
        for (uint32_t i = 0; i < access->subject_count; i++)
                check_subject(&access->subjects[i]);
        for (unsigned int i = 0; i < 100; i++) {
                struct tl_policy_query query = {
                        .from = random_office_ip(office, state),
                        .to = random_office_ip(office, state),
                        .protocol = protocols[i % 4],
                        .port = i % 4 < 2 ? (uint16_t)(1 + tool_random(state) % 16) : 0,
                };
                bool is_wanted = is_in_scope(scope, &query.to) &&
                                 tl_policy_allows(policy, &query, NULL);

                if (access_allows(access, &query) != is_wanted)
                        fail_msg("query %u: should be %s\n%s", i, is_wanted ? "allowed" : "blocked",
                                 file);
        }
}

/* What the two parts of a policy allow, for destinations anywhere. */
static void check_parts(const struct test_office *office, const struct tl_policy *policy,
                        const struct tl_prefixes *scope, uint64_t *state, const char *file)
{
        struct tl_policy rest;
        struct tl_grants grants;
        struct tl_access access;

        assert_true(tl_policy_build_rest(&rest, &office->model));
        assert_true(tl_grants_make(&grants, &office->model, &rest));
        assert_true(tl_access_make(&access, &rest, &grants, scope));
        check_access(office, policy, &access, scope, state, file);
        tl_access_done(&access);
        tl_grants_done(&grants);
        tl_policy_done(&rest);
}

static void check_node(const struct test_office *office, const struct tl_policy *policy,
                       uint32_t node, uint64_t *state, const char *file)
{
        struct tl_prefixes scope = {0};
        struct tl_arena arena = {0};
        struct tl_access access;

        list_scope(&office->model, node, &arena, &scope);
        assert_true(tl_access_make(&access, policy, NULL, &scope));
        check_access(office, policy, &access, &scope, state, file);
        if (office->model.nodes[node].kind == TL_NODE_HUB)
                check_parts(office, policy, &scope, state, file);
        tl_access_done(&access);
        tl_arena_done(&arena);
}

static void test_twin(void **unused)
{
        static char file[RANDOM_OFFICE_SIZE];
        uint64_t state = random_office_seed();

        (void)unused;
        for (unsigned int round = 0; round < 50; round++) {
                struct test_office office;
                struct tl_policy policy;

                random_office_write(file, &state, true, false);
                test_office_init(&office, file);
                assert_true(tl_policy_build(&policy, &office.model, &office.findings));
                for (uint32_t node = 0; node < office.model.node_count; node++)
                        check_node(&office, &policy, node, &state, file);
                tl_policy_done(&policy);
                test_office_done(&office);
        }
}

/* ---- spans at the ends of the address space, and joined ones ---- */

static struct tl_policy_target everything = {
        .prefix = {{.family = WG_FAMILY_IPV4}, 0}, .last = 65535, .outer = TL_NEST_NONE};

static void check_sweep(struct tl_nest_item *sources, uint32_t count, const char *wanted)
{
        struct tl_policy_target other = everything;
        struct tl_policy_subject subjects[] = {{"any", &everything, 1}, {"tcp", &other, 1}};
        const uint32_t indices[] = {0, 1};
        struct tl_policy_class classes[] = {{&indices[0], 1}, {&indices[1], 1}, {NULL, 0}};
        const struct tl_policy policy = {.sources = sources,
                                         .source_count = count,
                                         .subjects = subjects,
                                         .subject_count = 2,
                                         .classes = classes,
                                         .class_count = 3};
        const struct wg_prefix all = prefix("0.0.0.0/0");
        struct tl_prefixes scope = {.count = 1};
        struct tl_access access;
        char text[512] = "";
        size_t len = 0;

        other.protocol = WG_PROTOCOL_TCP;
        scope.items = (struct wg_prefix[1]){all};
        tl_nest_sort(sources, count);
        assert_true(tl_access_make(&access, &policy, NULL, &scope));
        for (uint32_t i = 0; i < access.span_count; i++) {
                char first[TL_ADDRESS_IP_SIZE], last[TL_ADDRESS_IP_SIZE];
                uint32_t subject = access.classes[access.spans[i].class].subjects[0];

                tl_address_format_ip(first, &access.spans[i].first);
                tl_address_format_ip(last, &access.spans[i].last);
                len += (size_t)snprintf(text + len, sizeof(text) - len, "%s-%s %s;", first, last,
                                        access.subjects[subject].name);
        }
        assert_string_equal(text, wanted);
        check_spans(&access);
        tl_access_done(&access);
}

static void test_sweep(void **unused)
{
        struct tl_nest_item whole[] = {{.prefix = prefix("0.0.0.0/0"), .id = 0},
                                       {.prefix = prefix("255.255.255.255/32"), .id = 1},
                                       {.prefix = prefix("0.0.0.0/32"), .id = 1}};
        struct tl_nest_item ends[] = {{.prefix = prefix("128.0.0.0/1"), .id = 0},
                                      {.prefix = prefix("255.255.255.0/24"), .id = 1},
                                      {.prefix = prefix("255.255.255.255/32"), .id = 0},
                                      {.prefix = prefix("::/0"), .id = 1},
                                      {.prefix = prefix("ffff::/16"), .id = 0}};
        struct tl_nest_item joined[] = {{.prefix = prefix("10.0.0.0/25"), .id = 0},
                                        {.prefix = prefix("10.0.0.128/25"), .id = 0},
                                        {.prefix = prefix("10.0.1.0/24"), .id = 1},
                                        {.prefix = prefix("10.0.3.0/24"), .id = 1}};
        struct tl_nest_item holes[] = {{.prefix = prefix("10.0.0.0/24"), .id = 0},
                                       {.prefix = prefix("10.0.0.8/29"), .id = 2},
                                       {.prefix = prefix("10.0.0.9/32"), .id = 0},
                                       {.prefix = prefix("10.0.0.255/32"), .id = 2}};

        (void)unused;
        check_sweep(whole, 3,
                    "0.0.0.0-0.0.0.0 tcp;0.0.0.1-255.255.255.254 any;"
                    "255.255.255.255-255.255.255.255 tcp;");
        check_sweep(ends, 5,
                    "128.0.0.0-255.255.254.255 any;255.255.255.0-255.255.255.254 tcp;"
                    "255.255.255.255-255.255.255.255 any;"
                    "::-fffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff tcp;"
                    "ffff::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff any;");
        check_sweep(joined, 4,
                    "10.0.0.0-10.0.0.255 any;10.0.1.0-10.0.1.255 tcp;10.0.3.0-10.0.3.255 tcp;");
        check_sweep(holes, 4,
                    "10.0.0.0-10.0.0.7 any;10.0.0.9-10.0.0.9 any;10.0.0.16-10.0.0.254 any;");
        check_sweep(holes, 0, "");
}

/* Each allocation in turn is refused, until none is. */
static void test_memory(void **unused)
{
        static char file[RANDOM_OFFICE_SIZE];
        uint64_t state = 7;
        struct test_office office;
        struct wg_prefix all[] = {prefix("0.0.0.0/0"), prefix("::/0")};
        const struct tl_prefixes scope = {.items = all, .count = 2};
        bool is_good = false;

        (void)unused;
        random_office_write(file, &state, true, false);
        test_office_init(&office, file);
        for (long allocations = 0; !is_good; allocations++) {
                struct tl_policy rest = {0};
                struct tl_grants grants = {0};
                struct tl_access access = {0};

                heap_fail_after(allocations);
                is_good = tl_policy_build_rest(&rest, &office.model) &&
                          tl_grants_make(&grants, &office.model, &rest) &&
                          tl_access_make(&access, &rest, &grants, &scope);
                heap_fail_after(-1);
                tl_access_done(&access);
                tl_grants_done(&grants);
                tl_policy_done(&rest);
        }
        test_office_done(&office);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_sweep),
                cmocka_unit_test(test_twin),
                cmocka_unit_test(test_memory),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
