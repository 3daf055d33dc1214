/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * test_note.c - core/note.h: workers tell the engine what happened, and nothing is lost when both
 * are busy. */
#include "core/note.h"

#include <pthread.h>

#include "test/lib/cmocka.h"
#include "test/lib/pair.h"

#define S WG_NS_PER_S

/* ---- one side at a time ---- */

static void test_list(void **state)
{
        struct wg_notes a = {0}, b = {0};
        struct wg_note_list list = {.taken = NULL};
        uint32_t news;

        (void)state;
        assert_true(wg_note_list_is_empty(&list));
        assert_null(wg_note_take(&list));
        assert_true(wg_note_set(&list, &a, WG_NOTE_REKEY));
        assert_true(wg_note_set(&list, &b, WG_NOTE_CONFIRMED));
        assert_false(wg_note_set(&list, &a, WG_NOTE_CONFIRMED)); /* already in the list */
        assert_false(wg_note_list_is_empty(&list));
        assert_ptr_equal(wg_note_take(&list), &b);
        assert_false(wg_note_list_is_empty(&list)); /* the engine has one more */
        assert_true(wg_note_is_queued(&b));
        assert_int_equal(wg_note_read(&b, &news), WG_NOTE_CONFIRMED);
        assert_int_equal(news, WG_NOTE_CONFIRMED);
        assert_false(wg_note_is_queued(&b));
        assert_ptr_equal(wg_note_take(&list), &a);
        assert_int_equal(wg_note_read(&a, &news), (uint32_t)WG_NOTE_REKEY | WG_NOTE_CONFIRMED);
        assert_true(wg_note_list_is_empty(&list));

        /* A bit that is still set is not news, and does not wake the engine; a new one does. */
        assert_false(wg_note_set(&list, &a, WG_NOTE_REKEY));
        assert_true(wg_note_set(&list, &a, WG_NOTE_REKEY_LATE));
        assert_ptr_equal(wg_note_take(&list), &a);
        wg_note_read(&a, &news);
        assert_int_equal(news, WG_NOTE_REKEY_LATE);
}

static void test_forgotten_bit_is_news_again(void **state)
{
        struct wg_notes notes = {.bits = WG_NOTE_REKEY | (uint32_t)WG_NOTE_DATA_SENT,
                                 .seen = WG_NOTE_REKEY | (uint32_t)WG_NOTE_DATA_SENT};

        (void)state;
        wg_note_forget(&notes, WG_NOTE_REKEY);
        assert_int_equal(notes.bits, WG_NOTE_DATA_SENT);
        assert_int_equal(notes.seen, WG_NOTE_DATA_SENT);
}

/* The two bits that have a timestamp. */
static const struct {
        enum wg_note note;
        bool (*happened)(struct wg_note_list *, struct wg_notes *, bool, uint64_t);
        bool (*answered)(struct wg_note_list *, struct wg_notes *, bool, uint64_t);
} timed[] = {
        {WG_NOTE_DATA_SENT, wg_note_sent, wg_note_received},
        {WG_NOTE_DATA_RECEIVED, wg_note_received, wg_note_sent},
};

static void test_since(void **state)
{
        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(timed); i++) {
                struct wg_notes notes = {0};
                struct wg_note_list list = {.taken = NULL};
                uint32_t news;

                assert_int_equal(wg_note_since(&notes, timed[i].note), 0);
                assert_true(timed[i].happened(&list, &notes, true, 10));
                assert_false(timed[i].happened(&list, &notes, true, 20));
                wg_note_take(&list);
                wg_note_read(&notes, &news);
                assert_int_equal(wg_note_since(&notes, timed[i].note), 10);
                assert_int_equal(notes.bits, timed[i].note);

                /* A reply ends it; the bit is cleared once the engine has found no time. */
                assert_false(timed[i].answered(&list, &notes, false, 30));
                assert_int_equal(notes.bits, timed[i].note);
                assert_int_equal(wg_note_since(&notes, timed[i].note), 0);
                assert_int_equal(notes.bits, 0);
                assert_true(timed[i].happened(&list, &notes, true, 40));
                wg_note_take(&list);
                wg_note_read(&notes, &news);
                wg_note_done(&notes, timed[i].note);
                assert_int_equal(notes.bits, 0);
                assert_int_equal(wg_note_since(&notes, timed[i].note), 0);

                wg_note_expect(&notes, timed[i].note, 50);
                assert_int_equal(notes.bits, timed[i].note);
                assert_int_equal(wg_note_since(&notes, timed[i].note), 50);
                wg_note_forget_times(&notes, WG_NOTE_ALL_BUT_QUEUED);
                assert_int_equal(notes.bits | notes.seen, 0);
                assert_int_equal(wg_note_since(&notes, timed[i].note), 0);
        }
}

/* ---- through workers and an engine ---- */

static void test_note(void **state)
{
        struct pair *p = *state;
        struct wg_worker *worker = &p->a.worker;
        struct wg_peer *peer = p->a.peer;

        assert_ptr_equal(p->a.engine.noted.first, NULL);
        wg_worker_note(worker, peer, WG_NOTE_REKEY);
        assert_true(worker->wants_engine);
        assert_int_equal(peer->notes.bits, (uint32_t)WG_NOTE_REKEY | WG_NOTE_QUEUED);
        assert_ptr_equal(p->a.engine.noted.first, &peer->notes);
        assert_int_equal(wg_engine_deadline(&p->a.engine), 0);

        /* A peer in the list is not added again, and the engine was woken already. */
        worker->wants_engine = false;
        wg_worker_note(worker, peer, WG_NOTE_REKEY);
        wg_worker_note(worker, peer, WG_NOTE_DATA_SENT);
        assert_false(worker->wants_engine);
        assert_int_equal(peer->notes.bits,
                         (uint32_t)WG_NOTE_REKEY | WG_NOTE_DATA_SENT | WG_NOTE_QUEUED);
        assert_ptr_equal(p->a.engine.noted.first, &peer->notes);
        assert_null(peer->notes.next);

        pair_work(p, &p->a);
        assert_null(p->a.engine.noted.first);
        assert_false(peer->notes.bits & (uint32_t)WG_NOTE_QUEUED);
        /* Something that the engine already watches is not reported again. */
        assert_true(peer->notes.bits & (uint32_t)WG_NOTE_REKEY);
        wg_worker_note(worker, peer, WG_NOTE_REKEY);
        assert_false(worker->wants_engine);
        wg_worker_note(worker, peer, WG_NOTE_CONFIRMED);
        assert_true(worker->wants_engine);
}

static void test_times(void **state)
{
        struct pair *p = *state;
        struct wg_worker *worker = &p->a.worker;
        struct wg_peer *peer = p->a.peer;

        wg_worker_sent(worker, peer, true, 10);
        wg_worker_sent(worker, peer, true, 20);
        assert_int_equal(peer->notes.unanswered_ns, 10);
        assert_int_equal(peer->notes.traversal_ns, 20);
        wg_worker_received(worker, peer, true, 30);
        wg_worker_received(worker, peer, true, 40);
        assert_int_equal(peer->notes.unanswered_ns, 0);
        assert_int_equal(peer->notes.unacknowledged_ns, 30);
        assert_int_equal(peer->notes.data_received_ns, 40);
        wg_worker_received(worker, peer, false, 50);
        assert_int_equal(peer->notes.unacknowledged_ns, 30);
        assert_int_equal(peer->notes.data_received_ns, 40);
        assert_int_equal(peer->notes.traversal_ns, 50);
        wg_worker_sent(worker, peer, false, 60);
        assert_int_equal(peer->notes.unanswered_ns, 0);
        assert_int_equal(peer->notes.unacknowledged_ns, 0);
}

/* Two workers record times and make notes, while the engine clears notes because nothing has
 * happened. All stop after a few steps each, many times over: for the last time that a worker
 * recorded, either the timer is running then, or the note is in the list. Without a private key the
 * engine sends nothing, which makes this fast. */
enum { PEERS = 2, ROUNDS = 10000, WORKERS = 2 };

struct race {
        struct wg_peer *peers[PEERS];
        uint64_t now_ns; /* constant between the barriers */
        bool is_over;
        pthread_barrier_t begin, end;
};

struct runner {
        struct race *race;
        struct wg_worker worker;
        struct test_env t; /* for its random choices */
        pthread_t thread;
};

static void run_step(struct runner *r)
{
        struct wg_peer *peer = r->race->peers[test_env_below(&r->t, PEERS)];
        bool is_data = test_env_below(&r->t, 2);

        if (test_env_below(&r->t, 2))
                wg_worker_sent(&r->worker, peer, is_data, r->race->now_ns);
        else
                wg_worker_received(&r->worker, peer, is_data, r->race->now_ns);
}

static void *run(void *arg)
{
        struct runner *r = arg;
        struct race *race = r->race;

        for (;;) {
                pthread_barrier_wait(&race->begin);
                if (race->is_over)
                        return NULL;
                for (uint32_t i = test_env_below(&r->t, 6); i; i--)
                        run_step(r);
                pthread_barrier_wait(&race->end);
        }
}

static void assert_watched(const struct wg_peer *peer, bool is_set, enum wg_timer timer,
                           enum wg_note note)
{
        const uint32_t wanted = (uint32_t)note | WG_NOTE_QUEUED;

        if (is_set && !peer->deadlines[timer])
                assert_int_equal(peer->notes.bits & wanted, wanted);
}

static void check_peers(const struct race *race)
{
        for (size_t i = 0; i < PEERS; i++) {
                const struct wg_peer *peer = race->peers[i];

                assert_watched(peer, peer->notes.unanswered_ns, WG_TIMER_NEW_HANDSHAKE,
                               WG_NOTE_DATA_SENT);
                assert_watched(peer, peer->notes.unacknowledged_ns, WG_TIMER_KEEPALIVE,
                               WG_NOTE_DATA_RECEIVED);
        }
}

static void start(struct race *race, struct pair *p, struct runner *runners)
{
        struct wg_engine *engine = &p->a.engine;

        wg_engine_set_identity(engine, NULL, p->now);
        assert_true(wg_engine_reserve(engine, PEERS, 0));
        for (uint8_t i = 0; i < PEERS; i++) {
                race->peers[i] = wg_engine_add_peer(engine, (uint8_t[WG_KEY_LEN]){i, 1});
                wg_engine_set_endpoint(race->peers[i], &p->b.at);
        }
        pthread_barrier_init(&race->begin, NULL, WORKERS + 1);
        pthread_barrier_init(&race->end, NULL, WORKERS + 1);
        for (size_t i = 0; i < WORKERS; i++) {
                runners[i].race = race;
                runners[i].t.random = test_seed("note") + i;
                wg_worker_init(&runners[i].worker, engine, wg_aead_choose(NULL));
                assert_int_equal(pthread_create(&runners[i].thread, NULL, run, &runners[i]), 0);
        }
}

static void test_nothing_is_lost(void **state)
{
        static struct runner runners[WORKERS];
        static struct race race;
        struct pair *p = *state;

        start(&race, p, runners);
        for (int round = 0; round < ROUNDS; round++) {
                /* Often beyond the 10 and 15 s of the timers, which then check whether to keep
                 * waiting. */
                pair_pass(p, test_env_below(&p->a.t, 30) * S);
                race.now_ns = p->now.ns;
                pthread_barrier_wait(&race.begin);
                wg_engine_work(&p->a.engine, p->now, &p->a.actions);
                wg_engine_work(&p->a.engine, p->now, &p->a.actions);
                pthread_barrier_wait(&race.end);
                check_peers(&race);
        }
        race.is_over = true;
        pthread_barrier_wait(&race.begin);
        for (size_t i = 0; i < WORKERS; i++)
                pthread_join(runners[i].thread, NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, pair_setup, pair_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_list),
                cmocka_unit_test(test_forgotten_bit_is_news_again),
                cmocka_unit_test(test_since),
                TEST(test_note),
                TEST(test_times),
                TEST(test_nothing_is_lost),
        };

        return cmocka_run_group_tests_name("note", tests, test_crypto_up, test_crypto_down);
}
