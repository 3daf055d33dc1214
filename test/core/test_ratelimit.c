/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "core/ratelimit.h"

#include "base/bytes.h"
#include "test/lib/cmocka.h"
#include "test/lib/env.h"

#define MS WG_NS_PER_MS
#define TOKEN (WG_NS_PER_S / 20)

static struct wg_ip ipv4(uint32_t address)
{
        struct wg_ip ip = {.family = WG_FAMILY_IPV4};

        wg_be32_store(ip.bytes, address);
        return ip;
}

static struct wg_ip ipv6(uint64_t network, uint64_t host)
{
        struct wg_ip ip = {.family = WG_FAMILY_IPV6};

        wg_be64_store(ip.bytes, network);
        wg_be64_store(ip.bytes + 8, host);
        return ip;
}

/* Each case asks once at each of `at_ns` (from an arbitrary start); `allowed` has a letter for each
 * request: y or n. */
static const struct {
        int number;
        const char *what;
        const char *allowed;
        uint64_t at_ns[16];
} cases[] = {
        {1, "five at once", "yyyyynn", {0, 0, 0, 0, 0, 0, 0}},
        {2,
         "the sixth after one token's time",
         "yyyyynyn",
         {0, 0, 0, 0, 0, TOKEN - 1, TOKEN, TOKEN}},
        {3,
         "one per token's time, for ever",
         "yyyyyyyyyyyy",
         {0, TOKEN, 2 * TOKEN, 3 * TOKEN, 4 * TOKEN, 5 * TOKEN, 6 * TOKEN, 7 * TOKEN, 8 * TOKEN,
          9 * TOKEN, 10 * TOKEN, 11 * TOKEN}},
        {4,
         "refusals cost nothing",
         "yyyyynnnyn",
         {0, 0, 0, 0, 0, 1, 20 * MS, TOKEN - 1, TOKEN, 2 * TOKEN - 1}},
        {5,
         "fractions of a token are kept",
         "yyyyynynyn",
         {0, 0, 0, 0, 0, 40 * MS, 75 * MS, 99 * MS, 100 * MS, 149 * MS}},
        {6,
         "full again after five",
         "yyyyyyyyyyn",
         {0, 0, 0, 0, 0, 5 * TOKEN, 5 * TOKEN, 5 * TOKEN, 5 * TOKEN, 5 * TOKEN, 5 * TOKEN}},
        {7,
         "not quite full",
         "yyyyyyyyyny",
         {0, 0, 0, 0, 0, 5 * TOKEN - 1, 5 * TOKEN - 1, 5 * TOKEN - 1, 5 * TOKEN - 1, 5 * TOKEN - 1,
          5 * TOKEN}},
        {8,
         "never more than full",
         "yyyyyyn",
         {0, 3600 * WG_NS_PER_S, 3600 * WG_NS_PER_S, 3600 * WG_NS_PER_S, 3600 * WG_NS_PER_S,
          3600 * WG_NS_PER_S, 3600 * WG_NS_PER_S}},
};

static void test_cases(void **state)
{
        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(cases); i++) {
                static const uint64_t starts[] = {0, 1, 12345 * WG_NS_PER_S + 678};
                struct wg_ip ip = ipv4(0x0a000001);
                struct wg_ratelimit r;
                struct test_env t;

                test_env_init(&t, 1);
                wg_ratelimit_init(&r, &t.env);
                for (size_t s = 0; s < WG_ARRAY_SIZE(starts); s++) {
                        wg_ratelimit_collect(&r, starts[s] + 7200 * WG_NS_PER_S);
                        assert_int_equal(t.blocks, 0);
                        for (size_t n = 0; cases[i].allowed[n]; n++)
                                if (wg_ratelimit_allow(&r, &ip, starts[s] + cases[i].at_ns[n]) !=
                                    (cases[i].allowed[n] == 'y'))
                                        fail_msg("case %d (%s), request %zu", cases[i].number,
                                                 cases[i].what, n + 1);
                }
                wg_ratelimit_done(&r);
                assert_int_equal(t.blocks, 0);
        }
}

/* Which addresses share a bucket. */
static void test_prefixes(void **state)
{
        const struct {
                int number;
                struct wg_ip used_up, other;
                bool is_same;
        } pairs[] = {
                {1, ipv4(0x0a000001), ipv4(0x0a000001), true},
                {2, ipv4(0x0a000001), ipv4(0x0a000002), false},
                {3, ipv4(0x0a000001), ipv4(0x8a000001), false},
                {4, ipv4(0), ipv4(1), false},
                {5, ipv6(0x20010db800000000, 1), ipv6(0x20010db800000000, 1), true},
                {6, ipv6(0x20010db800000000, 1), ipv6(0x20010db800000000, 0), true},
                {7, ipv6(0x20010db800000000, 1), ipv6(0x20010db800000000, UINT64_MAX), true},
                {8, ipv6(0x20010db800000000, 1), ipv6(0x20010db800000001, 1), false},
                {9, ipv6(0x20010db800000000, 1), ipv6(0xa0010db800000000, 1), false},
                {10, ipv6(0, 1), ipv4(0), false},
                {11, ipv6(0x0a000001, 0), ipv4(0x0a000001), false},
                {12, ipv6(0x0a00000100000000, 0), ipv4(0x0a000001), false},
                {13, ipv6(0, UINT64_C(0xffff0a000001)), ipv4(0x0a000001), false},
        };

        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(pairs); i++) {
                struct wg_ratelimit r;
                struct test_env t;

                test_env_init(&t, i);
                wg_ratelimit_init(&r, &t.env);
                for (int n = 0; n < 5; n++)
                        assert_true(wg_ratelimit_allow(&r, &pairs[i].used_up, 1));
                if (wg_ratelimit_allow(&r, &pairs[i].other, 1) == pairs[i].is_same)
                        fail_msg("pair %d", pairs[i].number);
                wg_ratelimit_done(&r);
                assert_int_equal(t.blocks, 0);
        }
}

/* Strangers must not know which sources share a chain. */
static void test_key_is_random(void **state)
{
        struct wg_ratelimit a, b;
        struct test_env t;

        (void)state;
        test_env_init(&t, 1);
        wg_ratelimit_init(&a, &t.env);
        wg_ratelimit_init(&b, &t.env);
        assert_memory_not_equal(a.key, b.key, sizeof(a.key));
}

static void test_full(void **state)
{
        struct wg_ip stranger = ipv4(0xffffffff), early = ipv4(7);
        struct wg_ratelimit r;
        struct test_env t;

        (void)state;
        test_env_init(&t, 1);
        wg_ratelimit_init(&r, &t.env);
        for (uint32_t i = 0; i < WG_RATELIMIT_SOURCES_MAX; i++) {
                struct wg_ip ip = i % 2 ? ipv4(i) : ipv6(UINT64_C(0x20010db8) << 32 | i, i);

                assert_true(wg_ratelimit_allow(&r, &ip, 1000));
        }
        assert_int_equal(r.count, WG_RATELIMIT_SOURCES_MAX);
        assert_true(t.bytes < 4 << 20);

        /* Full: an unknown source is refused; known ones are still served, each up to its own
         * limit. */
        assert_false(wg_ratelimit_allow(&r, &stranger, 1000));
        assert_false(wg_ratelimit_allow(&r, &stranger, 1000 + TOKEN - 1));
        for (int n = 0; n < 4; n++)
                assert_true(wg_ratelimit_allow(&r, &early, 1000));
        assert_false(wg_ratelimit_allow(&r, &early, 1000));

        /* There is room from the moment when the first bucket is full again. */
        assert_true(wg_ratelimit_allow(&r, &stranger, 1000 + TOKEN));
        assert_true(r.count < WG_RATELIMIT_SOURCES_MAX);
        assert_false(wg_ratelimit_allow(&r, &early, 1000 + TOKEN - 1));
        assert_true(wg_ratelimit_allow(&r, &early, 1000 + TOKEN));
        wg_ratelimit_done(&r);
        assert_int_equal(t.blocks, 0);
}

/* Each request removes more than it adds, so sources do not pile up. */
static void test_sources_do_not_pile_up(void **state)
{
        struct wg_ratelimit r;
        struct test_env t;

        (void)state;
        test_env_init(&t, 1);
        wg_ratelimit_init(&r, &t.env);
        for (uint32_t i = 0; i < 1000000; i++) {
                struct wg_ip ip = ipv4(i);

                assert_true(wg_ratelimit_allow(&r, &ip, i * (10 * WG_NS_PER_MS)));
                assert_in_range(r.count, 1, 6);
        }
        wg_ratelimit_done(&r);
        assert_int_equal(t.blocks, 0);
}

static void test_collect(void **state)
{
        struct wg_ratelimit r;
        struct test_env t;
        int calls = 1;

        (void)state;
        test_env_init(&t, 1);
        wg_ratelimit_init(&r, &t.env);
        assert_false(wg_ratelimit_collect(&r, 0));
        for (uint32_t i = 0; i < 10000; i++) {
                struct wg_ip ip = ipv4(i);

                assert_true(wg_ratelimit_allow(&r, &ip, 0));
        }
        assert_true(wg_ratelimit_collect(&r, TOKEN - 1));
        assert_int_equal(r.count, 10000);
        while (wg_ratelimit_collect(&r, TOKEN))
                calls++;
        assert_in_range(calls, 2, 100);
        assert_int_equal(r.count, 0);
        assert_int_equal(t.blocks, 0);
        wg_ratelimit_done(&r);
}

static void test_no_memory(void **state)
{
        struct wg_ip a = ipv4(1), b = ipv4(2);
        struct wg_ratelimit zeroed = {0}, r;
        struct test_env t;

        (void)state;
        wg_ratelimit_done(&zeroed);
        test_env_init(&t, 1);
        wg_ratelimit_init(&r, &t.env);
        assert_int_equal(t.blocks, 0);
        t.allocations = 0;
        assert_false(wg_ratelimit_allow(&r, &a, 0));
        t.allocations = 1;
        assert_false(wg_ratelimit_allow(&r, &a, 0));
        assert_int_equal(r.count, 0);
        assert_false(wg_ratelimit_collect(&r, 0));
        assert_int_equal(t.blocks, 0);
        t.allocations = 2;
        assert_true(wg_ratelimit_allow(&r, &a, 0));
        assert_false(wg_ratelimit_allow(&r, &b, 0));
        assert_true(wg_ratelimit_allow(&r, &a, 0));
        assert_int_equal(r.count, 1);
        wg_ratelimit_done(&r);
        assert_int_equal(t.blocks, 0);
}

/* The naive twin: for each source a bucket of nanoseconds that refills. */
enum { TWIN = 300 };

struct bucket {
        uint64_t tokens_ns, last_ns;
};

static bool twin_allow(struct bucket *bucket, uint64_t now_ns)
{
        bucket->tokens_ns += now_ns - bucket->last_ns;
        bucket->last_ns = now_ns;
        if (bucket->tokens_ns > 5 * TOKEN)
                bucket->tokens_ns = 5 * TOKEN;
        if (bucket->tokens_ns < TOKEN)
                return false;
        bucket->tokens_ns -= TOKEN;
        return true;
}

static void test_twin(void **state)
{
        /* Mean nanoseconds between two requests, from a crowd to a trickle. */
        static const uint32_t pauses[] = {1000, 100000, 170000, 1000000, 20000000, 900000000};
        static struct bucket buckets[TWIN];
        struct wg_ratelimit r;
        struct test_env t;
        uint64_t now_ns = WG_NS_PER_S;
        unsigned int refused = 0;

        (void)state;
        test_env_init(&t, test_seed("ratelimit"));
        wg_ratelimit_init(&r, &t.env);
        for (int step = 0; step < 300000; step++) {
                uint32_t i = test_env_below(&t, TWIN);
                struct wg_ip ip = i % 2 ? ipv4(i) : ipv6(i, test_env_random(&t));
                bool is_allowed;

                now_ns += test_env_below(&t, 2 * pauses[step / 1000 % WG_ARRAY_SIZE(pauses)]);
                is_allowed = twin_allow(&buckets[i], now_ns);
                refused += !is_allowed;
                if (wg_ratelimit_allow(&r, &ip, now_ns) != is_allowed)
                        fail_msg("step %d, source %u", step, i);
                if (test_env_below(&t, 1000) == 0)
                        wg_ratelimit_collect(&r, now_ns);
        }
        assert_in_range(refused, 10000, 290000);
        wg_ratelimit_done(&r);
        assert_int_equal(t.blocks, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_cases),
                cmocka_unit_test(test_prefixes),
                cmocka_unit_test(test_key_is_random),
                cmocka_unit_test(test_full),
                cmocka_unit_test(test_sources_do_not_pile_up),
                cmocka_unit_test(test_collect),
                cmocka_unit_test(test_no_memory),
                cmocka_unit_test(test_twin),
        };

        return cmocka_run_group_tests_name("ratelimit", tests, NULL, NULL);
}
