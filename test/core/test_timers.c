/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * test_timers.c - core/timers.h alone. test_work.c tests what the engine does when timers expire,
 * and test_note.c what happens while workers write. */
#include "core/timers.h"

#include "test/lib/cmocka.h"
#include "test/lib/pair.h"

#define MS WG_NS_PER_MS
#define S WG_NS_PER_S

static uint64_t due_at(const struct pair *p)
{
        return wg_engine_deadline(&p->a.engine);
}

/* The heap always holds a peer by its earliest deadline, and no peer without a running timer. */
static void test_earliest_counts(void **state)
{
        struct pair *p = *state;
        struct wg_peer *peer = p->a.peer;

        assert_true(due_at(p) == UINT64_MAX);
        wg_timers_arm(peer, WG_TIMER_ZERO, 50);
        assert_int_equal(due_at(p), 50);
        wg_timers_arm(peer, WG_TIMER_RETRY, 70);
        assert_int_equal(due_at(p), 50);
        wg_timers_arm(peer, WG_TIMER_FLUSH, 30);
        assert_int_equal(due_at(p), 30);
        wg_timers_arm(peer, WG_TIMER_FLUSH, 60);
        assert_int_equal(due_at(p), 50);
        wg_timers_cancel(peer, WG_TIMER_ZERO);
        assert_int_equal(due_at(p), 60);
        wg_timers_arm_by(peer, WG_TIMER_FLUSH, 65);
        assert_int_equal(due_at(p), 60);
        wg_timers_arm_by(peer, WG_TIMER_FLUSH, 55);
        assert_int_equal(due_at(p), 55);
        wg_timers_arm_by(peer, WG_TIMER_ZERO, 40);
        assert_int_equal(due_at(p), 40);
        wg_timers_cancel(peer, WG_TIMER_KEEPALIVE);
        assert_int_equal(due_at(p), 40);
        wg_timers_cancel_all(peer);
        assert_true(due_at(p) == UINT64_MAX);
        assert_int_equal(p->a.engine.due.count, 0);
        wg_timers_cancel_all(peer);
}

static void test_take_due(void **state)
{
        struct pair *p = *state;
        struct wg_peer *peer = p->a.peer;
        enum wg_timer timer;

        assert_false(wg_timers_take_due(peer, UINT64_MAX, &timer));
        wg_timers_arm(peer, WG_TIMER_ZERO, 50);
        wg_timers_arm(peer, WG_TIMER_RETRY, 70);
        wg_timers_arm(peer, WG_TIMER_FLUSH, 30);
        assert_false(wg_timers_take_due(peer, 29, &timer));
        assert_true(wg_timers_take_due(peer, 60, &timer));
        assert_int_equal(timer, WG_TIMER_FLUSH);
        assert_true(wg_timers_take_due(peer, 60, &timer));
        assert_int_equal(timer, WG_TIMER_ZERO);
        assert_false(wg_timers_take_due(peer, 60, &timer));
        assert_true(wg_timers_take_due(peer, 70, &timer));
        assert_int_equal(timer, WG_TIMER_RETRY);
        assert_int_equal(p->a.engine.due.count, 0);
}

/* Between 5 s and a third of a second more, different each time. */
static void test_jitter(void **state)
{
        struct pair *p = *state;
        struct wg_peer *peer = p->a.peer;
        uint64_t least = UINT64_MAX, most = 0;

        for (int i = 0; i < 1000; i++) {
                uint64_t at;

                wg_timers_initiation_sent(peer, p->now.ns);
                at = peer->deadlines[WG_TIMER_RETRY] - p->now.ns;
                least = WG_MIN(least, at);
                most = WG_MAX(most, at);
        }
        assert_in_range(least, 5 * S, 5 * S + 10 * MS);
        assert_in_range(most, 5 * S + 320 * MS, 5 * S + S / 3 - 1);
}

static void test_zero_counts_from_the_last_session(void **state)
{
        struct pair *p = *state;
        struct wg_peer *peer = p->a.peer;

        wg_timers_session_derived(peer, p->now.ns);
        assert_int_equal(due_at(p), p->now.ns + 540 * S);
        pair_pass(p, 100 * S);
        wg_timers_gave_up(peer, p->now.ns);
        assert_int_equal(due_at(p), p->now.ns + 440 * S);
        wg_timers_session_derived(peer, p->now.ns);
        assert_int_equal(due_at(p), p->now.ns + 540 * S);
        wg_timers_cancel_all(peer);
        wg_timers_gave_up(peer, p->now.ns);
        assert_int_equal(due_at(p), p->now.ns + 540 * S);
}

static void test_gave_up_cancels_the_passive_keepalive(void **state)
{
        struct pair *p = *state;
        struct wg_peer *peer = p->a.peer;

        wg_worker_received(&p->a.worker, peer, true, p->now.ns);
        pair_work(p, &p->a);
        assert_int_equal(peer->deadlines[WG_TIMER_KEEPALIVE], p->now.ns + 10 * S);
        wg_timers_gave_up(peer, p->now.ns);
        assert_int_equal(peer->deadlines[WG_TIMER_KEEPALIVE], 0);
        assert_int_equal(peer->notes.unacknowledged_ns, 0);
        assert_false(peer->notes.bits & (uint32_t)WG_NOTE_DATA_RECEIVED);
        /* A later one starts it again. */
        pair_pass(p, S);
        wg_worker_received(&p->a.worker, peer, true, p->now.ns);
        pair_work(p, &p->a);
        assert_int_equal(peer->deadlines[WG_TIMER_KEEPALIVE], p->now.ns + 10 * S);
}

static void test_handshake_complete(void **state)
{
        struct pair *p = *state;
        struct wg_peer *peer = p->a.peer;

        wg_timers_initiation_sent(peer, p->now.ns);
        peer->retries = 7;
        wg_worker_note(&p->a.worker, peer, WG_NOTE_REKEY_LATE);
        wg_timers_handshake_complete(peer, p->now);
        assert_int_equal(peer->deadlines[WG_TIMER_RETRY], 0);
        assert_int_equal(peer->retries, 0);
        assert_int_equal(peer->handshake_real_ns, p->now.real_ns);
        assert_false(peer->notes.bits & (uint32_t)WG_NOTE_REKEY_LATE);
}

/* Data is sent at 0; then, at the times in ms, more is sent ('s') or something arrives ('r'). Once
 * the timer has expired, at `due` after the first that had no reply, the engine starts a handshake;
 * 0: never. The jitter is somewhere below 334 ms. */
static const struct {
        int number;
        const char *what;
        struct {
                uint32_t at_ms;
                char event;
        } then[4];
        uint32_t due_ms;
} silences[] = {
        {1, "no reply", {{0}}, 15000},
        {2, "more is sent, no reply", {{14999, 's'}}, 15000},
        {3, "a reply", {{1, 'r'}}, 0},
        {4, "a reply in the last moment", {{14999, 'r'}}, 0},
        {5, "a reply, then more is sent", {{1000, 'r'}, {5000, 's'}}, 20000},
        {6, "a reply, then more, with a reply too", {{1000, 'r'}, {5000, 's'}, {5001, 'r'}}, 0},
        {7, "more, much later", {{1000, 'r'}, {30000, 's'}, {31000, 's'}}, 45000},
        {8, "replies cross", {{10, 's'}, {20, 'r'}, {30, 's'}}, 15030},
};

static void test_silence(void **state)
{
        for (size_t i = 0; i < WG_ARRAY_SIZE(silences); i++) {
                struct pair *p = *state;
                struct wg_peer *peer = p->a.peer;
                uint32_t at_ms = 0, seen_ms = 0;

                wg_engine_set_identity(&p->a.engine, NULL, p->now);
                wg_worker_sent(&p->a.worker, peer, true, p->now.ns);
                for (size_t n = 0; at_ms < 60000 && !seen_ms; at_ms++, pair_pass(p, MS)) {
                        if (n < 4 && silences[i].then[n].event &&
                            silences[i].then[n].at_ms == at_ms) {
                                if (silences[i].then[n++].event == 's')
                                        wg_worker_sent(&p->a.worker, peer, true, p->now.ns);
                                else
                                        wg_worker_received(&p->a.worker, peer, false, p->now.ns);
                        }
                        pair_work(p, &p->a);
                        if (pair_has_event(&p->a, WG_EVENT_SILENCE))
                                seen_ms = at_ms;
                }
                if (!silences[i].due_ms
                            ? seen_ms != 0
                            : seen_ms < silences[i].due_ms || seen_ms > silences[i].due_ms + 334)
                        fail_msg("case %d (%s): %u", silences[i].number, silences[i].what, seen_ms);
                pair_teardown(state);
                pair_setup(state);
        }
}

/* Data arrived at 0; then more arrives, or something is sent. When the passive keepalive is due, in
 * ms, and whether another is to follow. */
static const struct {
        int number;
        const char *what;
        struct {
                uint32_t at_ms;
                char event;
        } then[4];
        uint32_t due_ms;
        bool has_more;
} signs[] = {
        {1, "nothing is sent", {{0}}, 10000, false},
        {2, "more arrives", {{9999, 'r'}}, 10000, true},
        {3, "a reply is sent", {{9999, 's'}}, 0, false},
        {4, "a reply, then more arrives", {{1, 's'}, {2, 'r'}}, 10002, false},
        {5, "a reply, then more and more arrives", {{1, 's'}, {2, 'r'}, {3, 'r'}}, 10002, true},
        {6, "more, much later", {{1, 's'}, {30000, 'r'}}, 40000, false},
};

static void test_passive_keepalive(void **state)
{
        for (size_t i = 0; i < WG_ARRAY_SIZE(signs); i++) {
                struct pair *p = *state;
                struct wg_peer *peer = p->a.peer;
                uint32_t seen_ms = 0;
                bool has_more = false;

                wg_worker_received(&p->a.worker, peer, true, p->now.ns);
                for (uint32_t at_ms = 0, n = 0; at_ms < 60000 && !seen_ms;
                     at_ms++, pair_pass(p, MS)) {
                        if (n < 4 && signs[i].then[n].event && signs[i].then[n].at_ms == at_ms) {
                                if (signs[i].then[n++].event == 's')
                                        wg_worker_sent(&p->a.worker, peer, false, p->now.ns);
                                else
                                        wg_worker_received(&p->a.worker, peer, true, p->now.ns);
                        }
                        /* As the engine does: at a note, and when the timer expires. */
                        if (peer->deadlines[WG_TIMER_KEEPALIVE] <= p->now.ns) {
                                wg_timers_cancel(peer, WG_TIMER_KEEPALIVE);
                                if (peer->notes.bits & (uint32_t)WG_NOTE_DATA_RECEIVED &&
                                    wg_timers_look_at_received(peer, p->now.ns, &has_more))
                                        seen_ms = at_ms;
                        }
                }
                if (seen_ms != signs[i].due_ms || has_more != signs[i].has_more)
                        fail_msg("case %d (%s): %u", signs[i].number, signs[i].what, seen_ms);
                pair_teardown(state);
                pair_setup(state);
        }
}

static void test_another_passive_keepalive(void **state)
{
        struct pair *p = *state;
        struct wg_peer *peer = p->a.peer;
        bool has_more = true;

        wg_timers_expect_keepalive(peer, p->now.ns);
        assert_int_equal(due_at(p), p->now.ns + 10 * S);
        pair_pass(p, 10 * S);
        assert_true(wg_timers_look_at_received(peer, p->now.ns, &has_more));
        assert_false(has_more);
        wg_timers_expect_keepalive(peer, p->now.ns);
        wg_worker_sent(&p->a.worker, peer, true, p->now.ns);
        pair_pass(p, 10 * S);
        assert_false(wg_timers_look_at_received(peer, p->now.ns, &has_more));
}

static void test_persistent(void **state)
{
        struct pair *p = *state;
        struct wg_peer *peer = p->a.peer;

        assert_false(wg_timers_look_at_traversal(peer, p->now.ns));
        assert_int_equal(peer->deadlines[WG_TIMER_PERSISTENT], 0);

        /* Nothing yet: at once. */
        peer->keepalive_s = 25;
        assert_true(wg_timers_look_at_traversal(peer, p->now.ns));
        assert_int_equal(peer->deadlines[WG_TIMER_PERSISTENT], p->now.ns + 25 * S);

        /* A packet in either direction: 25 s from then. */
        wg_worker_received(&p->a.worker, peer, false, p->now.ns + 3 * S);
        assert_false(wg_timers_look_at_traversal(peer, p->now.ns + 25 * S));
        assert_int_equal(peer->deadlines[WG_TIMER_PERSISTENT], p->now.ns + 28 * S);
        wg_worker_sent(&p->a.worker, peer, true, p->now.ns + 27 * S);
        assert_false(wg_timers_look_at_traversal(peer, p->now.ns + 28 * S));
        assert_int_equal(peer->deadlines[WG_TIMER_PERSISTENT], p->now.ns + 52 * S);
        assert_false(wg_timers_look_at_traversal(peer, p->now.ns + 52 * S - 1));
        assert_true(wg_timers_look_at_traversal(peer, p->now.ns + 52 * S));

        peer->keepalive_s = 65535;
        wg_worker_sent(&p->a.worker, peer, true, p->now.ns);
        assert_false(wg_timers_look_at_traversal(peer, p->now.ns));
        assert_int_equal(peer->deadlines[WG_TIMER_PERSISTENT], p->now.ns + 65535 * S);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, pair_setup, pair_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_earliest_counts),
                TEST(test_take_due),
                TEST(test_jitter),
                TEST(test_zero_counts_from_the_last_session),
                TEST(test_gave_up_cancels_the_passive_keepalive),
                TEST(test_handshake_complete),
                TEST(test_silence),
                TEST(test_passive_keepalive),
                TEST(test_another_passive_keepalive),
                TEST(test_persistent),
        };

        return cmocka_run_group_tests_name("timers", tests, test_crypto_up, test_crypto_down);
}
