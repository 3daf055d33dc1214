/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "core/replay.h"

#include <string.h>

#include "core/limits.h"
#include "test/lib/cmocka.h"
#include "test/lib/env.h"

#define W ((uint64_t)WG_REPLAY_WINDOW)
#define LIMIT WG_REJECT_AFTER_MESSAGES

/* Each case starts empty and offers `count` nonces; `accepted` has a letter for each: y or n. */
static const struct {
        int number;
        const char *what;
        const char *accepted;
        uint64_t nonces[8];
} cases[] = {
        {1, "the first nonce, once", "yn", {0, 0}},
        {2, "not starting at 0", "yyn", {5, 0, 5}},
        {3, "in order, then all again", "yyyynnnn", {0, 1, 2, 3, 0, 1, 2, 3}},
        {4, "backwards", "yyyyn", {3, 2, 1, 0, 0}},
        {5, "the edges of a word", "yyyynnnn", {63, 64, 127, 128, 63, 64, 127, 128}},
        {6, "the window's lower edge from 0", "yyn", {W, 0, 0}},
        {7, "one below the edge", "yny", {W + 1, 0, 1}},
        {8, "the edge moves with the greatest", "yyyny", {W, 0, W + 9, 8, 9}},
        {9, "at every bit of a word: 1", "yyny", {W + 65, 65, 64, 66}},
        {10, "at every bit of a word: 63", "yyny", {W + 127, 127, 126, 128}},
        {11, "at every bit of a word: 64", "yyny", {W + 128, 128, 127, 129}},
        {12, "a whole ring ahead", "yynyn", {0, WG_REPLAY_BITS, 0, 64, 64}},
        {13,
         "one less and one more than a ring",
         "yyyyn",
         {7, 7 + WG_REPLAY_BITS - 1, 7 + WG_REPLAY_BITS, 7 + WG_REPLAY_BITS + 1, 7}},
        {14,
         "far ahead; older nonces were not seen",
         "yyynnn",
         {1, UINT64_C(1) << 40, (UINT64_C(1) << 40) - W, 1, (UINT64_C(1) << 40) - W - 1,
          UINT64_C(1) << 40}},
        {15,
         "two rings ahead leave no bit behind",
         "yyyyyyyn",
         {0, 64, 128, 2 * WG_REPLAY_BITS + 200, 2 * WG_REPLAY_BITS, 2 * WG_REPLAY_BITS + 64,
          2 * WG_REPLAY_BITS + 128, 128}},
        {16, "the last valid nonce", "yynn", {LIMIT - 2, LIMIT - 1, LIMIT, LIMIT - 1}},
        {17, "the limit in an empty window", "ny", {LIMIT, 0}},
        {18, "over the limit", "nnnny", {LIMIT + 1, UINT64_MAX - 1, UINT64_MAX, LIMIT, LIMIT - 1}},
        {19, "the window below the limit", "yyn", {LIMIT - 1, LIMIT - 1 - W, LIMIT - 2 - W}},
        {20, "a refused nonce leaves no trace", "ynyyn", {W + 10, 5, 10, W + 11, 10}},
};

static void test_cases(void **state)
{
        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(cases); i++) {
                struct wg_replay w;

                memset(&w, 0xaa, sizeof(w));
                wg_replay_init(&w);
                for (size_t n = 0; cases[i].accepted[n]; n++)
                        if (wg_replay_accept(&w, cases[i].nonces[n]) !=
                            (cases[i].accepted[n] == 'y'))
                                fail_msg("case %d (%s), nonce %zu", cases[i].number, cases[i].what,
                                         n + 1);
        }
}

/* After the greatest nonce m, for each m over two words: the window is exactly m - W .. m. */
static void test_window_is_exact(void **state)
{
        (void)state;
        for (uint64_t m = 3 * WG_REPLAY_BITS; m < 3 * WG_REPLAY_BITS + 130; m++) {
                struct wg_replay w = {0};

                assert_true(wg_replay_accept(&w, m));
                for (uint64_t n = 0; n < m - W; n++)
                        assert_false(wg_replay_accept(&w, n));
                for (uint64_t n = m - W; n < m; n++)
                        assert_true(wg_replay_accept(&w, n));
                for (uint64_t n = m - W; n <= m; n++)
                        assert_false(wg_replay_accept(&w, n));
        }
}

static void test_refused_changes_nothing(void **state)
{
        struct wg_replay w = {0}, before;

        (void)state;
        assert_true(wg_replay_accept(&w, 20000));
        before = w;
        assert_false(wg_replay_accept(&w, 20000));
        assert_false(wg_replay_accept(&w, 3));
        assert_false(wg_replay_accept(&w, LIMIT));
        assert_memory_equal(&w, &before, sizeof(w));
}

/* The naive twin: a mark for every nonce ever, from `base` on. */
enum { TWIN = 1 << 20 };

struct twin {
        uint64_t base, greatest;
        bool any, seen[TWIN];
};

static bool twin_accept(struct twin *twin, uint64_t nonce)
{
        if (nonce >= LIMIT || twin->seen[nonce - twin->base])
                return false;
        if (twin->any && nonce < twin->greatest && twin->greatest - nonce > W)
                return false;
        if (!twin->any || nonce > twin->greatest)
                twin->greatest = nonce;
        twin->any = twin->seen[nonce - twin->base] = true;
        return true;
}

/* A nonce near the greatest, in the window, at its lower edge, or occasionally a jump ahead. */
static uint64_t pick(struct test_env *t, const struct twin *twin)
{
        uint64_t at = twin->any ? twin->greatest : twin->base + WG_REPLAY_BITS + 100;
        uint64_t room = WG_MIN(at - twin->base + 1, WG_REPLAY_BITS + 100u);
        uint64_t back = at - test_env_below(t, (uint32_t)room);
        uint64_t nonce = at + 2 + test_env_below(t, 4) - test_env_below(t, 8);
        uint32_t dice = test_env_below(t, 256);

        if (dice < 2)
                nonce = at + (1u << test_env_below(t, 15)) + test_env_below(t, 3) - 1;
        else if (dice < 50)
                nonce = at - W - 2 + test_env_below(t, 5);
        else if (dice < 100)
                nonce = back;
        return nonce - twin->base < TWIN ? nonce : back;
}

static void run_twin(struct test_env *t, uint64_t base)
{
        static struct twin twin;
        struct wg_replay w;

        memset(&twin, 0, sizeof(twin));
        twin.base = base;
        wg_replay_init(&w);
        for (int step = 0; step < 200000; step++) {
                uint64_t nonce = pick(t, &twin);

                if (wg_replay_accept(&w, nonce) != twin_accept(&twin, nonce))
                        fail_msg("step %d: nonce %llu after greatest %llu", step,
                                 (unsigned long long)nonce, (unsigned long long)twin.greatest);
        }
}

static void test_twin(void **state)
{
        struct test_env t;

        (void)state;
        test_env_init(&t, test_seed("replay"));
        for (int round = 0; round < 3; round++) {
                run_twin(&t, 0);
                run_twin(&t, test_env_random(&t) >> 1);
                run_twin(&t, LIMIT + 1000 - TWIN);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_cases),
                cmocka_unit_test(test_window_is_exact),
                cmocka_unit_test(test_refused_changes_nothing),
                cmocka_unit_test(test_twin),
        };

        return cmocka_run_group_tests_name("replay", tests, NULL, NULL);
}
