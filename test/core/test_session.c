/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * test_session.c - core/session.h: the slots, and holders of keypairs that have left them. */
#include "core/session.h"

#include <pthread.h>

#include "test/lib/cmocka.h"
#include "test/lib/pair.h"

enum { KEYPAIRS_MAX = 8 };

/* The keypairs that a script made, by letter. Pointers to freed ones are only compared. */
struct script {
        struct pair *p;
        struct pair_side *side;
        struct wg_peer *peer;
        struct wg_keypair *made[KEYPAIRS_MAX];
        unsigned int count;
};

/* A worker that looked before the engine discarded the keypair, and swaps it in afterwards. */
static bool prove_late(struct wg_peer *peer, struct wg_keypair *kp)
{
        kp->awaits_proof = true;
        return wg_session_prove(peer, kp);
}

/* One step: I and R begin a session as initiator and as responder, C one as responder while an
 * initiation of our own is in progress, and name it with the next letter; * a letter lets a worker
 * prove that session, after an exclamation mark a late worker; a full stop lets the engine process
 * notes, x forgets all. */
static const char *step(struct script *s, const char *at)
{
        switch (*at) {
        case 'I':
        case 'R':
        case 'C':
                s->made[s->count] = pair_new_keypair(s->p, s->peer, *at == 'I', s->count);
                if (*at == 'C')
                        s->peer->handshake.state = WG_HANDSHAKE_INITIATED;
                pair_begin_session(s->peer, s->made[s->count]);
                s->peer->handshake.state = WG_HANDSHAKE_NONE;
                s->count++;
                break;
        case '.':
                wg_session_reconcile(s->peer);
                break;
        case 'x':
                wg_session_clear(s->peer);
                break;
        case '!':
                at++;
                (void)!prove_late(s->peer, s->made[*at - 'a']);
                break;
        default:
                (void)!wg_session_prove(s->peer, s->made[*at - 'a']);
        }
        return at + 1;
}

static void play_on(struct script *s, struct pair *p, struct pair_side *side, const char *steps)
{
        *s = (struct script){.p = p, .side = side, .peer = side->peer};
        test_env_defer(&side->t);
        while (*steps)
                steps = step(s, steps);
}

static void play(struct script *s, struct pair *p, const char *steps)
{
        play_on(s, p, &p->a, steps);
}

/* Whether ours is the lesser or the greater of the two public keys. */
static struct pair_side *side_by_key(struct pair *p, bool lesser)
{
        bool a_is_lesser = memcmp(p->a.public_key, p->b.public_key, WG_KEY_LEN) < 0;

        return lesser == a_is_lesser ? &p->a : &p->b;
}

static char letter_of(const struct script *s, const struct wg_keypair *kp)
{
        for (unsigned int i = 0; i < s->count; i++)
                if (kp == s->made[i])
                        return (char)('a' + i);
        return kp ? '?' : '-';
}

/* After the steps: the keypair that workers send under, then current, previous and next as the
 * engine knows them, then all that are in the index table. */
static const struct {
        int number;
        const char *what;
        const char *steps;
        const char *slots;
        const char *found;
        bool has_lesser_key;
} cases[] = {
        {1, "nothing", "", "----", "", false},
        {2, "the initiator sends at once", "I", "aa--", "a", false},
        {3, "its second session keeps the first", "II", "bba-", "ab", false},
        {4, "its third does not", "III", "ccb-", "bc", false},
        {5, "the responder waits", "R", "---a", "a", false},
        {6, "until it is proven", "Ra", "a--a", "a", false},
        {7, "which the engine notes", "Ra.", "aa--", "a", false},
        {8, "proven twice", "Raa.a", "aa--", "a", false},
        {9, "a second one discards the first", "RR", "---b", "b", false},
        {10, "next to a current session", "IR", "aa-b", "ab", false},
        {11, "it discards the previous", "IIR", "bb-c", "bc", false},
        {12, "proven, the current becomes previous", "IRb.", "bba-", "ab", false},
        {13, "and the old previous is discarded", "IIRc.Rd.", "ddc-", "cd", false},
        {14, "an unproven one is replaced, the current one stays", "IRR", "aa-c", "ac", false},
        {15, "an initiator demotes the unproven", "IRI", "ccb-", "bc", false},
        {16, "the same without a current", "RI", "bba-", "ab", false},
        {17, "the same with a previous", "IIRI", "ddc-", "cd", false},
        {18, "the demoted one cannot be proven", "IRIb.", "ccb-", "bc", false},
        {19, "noted only at the next response", "IRbR", "bb-c", "bc", false},
        {20, "noted only at the next initiation", "IRbI", "ccb-", "bc", false},
        {21, "noted only at the end", "IRbx", "----", "", false},
        {22, "all are forgotten", "IIRx", "----", "", false},
        {23, "and all starts again", "IIRxI", "dd--", "d", false},
        {24, "a worker proves a replaced one late", "IRR!b", "ba-c", "ac", false},
        {25, "and it is removed again", "IRR!b.", "aa-c", "ac", false},
        {26, "and the other stays as it was", "IRR!b.c.", "cca-", "ac", false},
        {27, "which is not proven while the late one is there", "IRR!bc.", "aa-c", "ac", false},
        {28, "a late one, noticed at the next response", "IRR!bR", "aa-d", "ad", false},
        {29, "a late one, noticed at the next initiation", "IRR!bI", "ddc-", "cd", false},
        {30, "a late one, noticed at the end", "IRR!bx", "----", "", false},
        {31, "two late ones", "IRRR!b.!c.", "aa-d", "ad", false},
        {32, "late for an initiation", "IRI!b.", "ccb-", "bc", false},
        {33, "late for the end", "IRx!b.", "----", "", false},
        {34, "late for the end, without any other", "Rx!a", "a---", "", false},
        {35, "and it is removed again", "Rx!a.", "----", "", false},
        {36, "and a new one begins", "Rx!aR", "---b", "b", false},
        {37, "crossed: the other's session is kept next to ours", "ICI", "ccb-", "bc", true},
        {38, "and the side with the lesser key switches to it", "ICIb.", "bbc-", "bc", true},
        {39, "the same without an earlier session", "CIa.", "aab-", "ab", true},
        {40, "only once", "ICIb.b.", "bbc-", "bc", true},
        {41, "noted as late as at the next initiation", "ICIbI", "ddb-", "bd", true},
        {42, "noted as late as at the next response", "ICIbR", "bb-d", "bd", true},
        {43, "noted as late as at the end", "ICIbx", "----", "", true},
        {44, "a late one, after the next response", "ICIR!b.", "cc-d", "cd", true},
        {45, "a late one, after the next initiation", "ICII!b.", "ddc-", "cd", true},
        {46, "the next response is proven first", "ICIRd.", "ddc-", "cd", true},
        {47, "no switch to a session that did not cross ours", "IRIb.", "ccb-", "bc", true},
        {48, "nor by the side with the greater key", "ICIb.", "ccb-", "bc", false},
};

static void test_slots(void **state)
{
        for (size_t i = 0; i < WG_ARRAY_SIZE(cases); i++) {
                struct pair *p = *state;
                char slots[5] = {0}, found[KEYPAIRS_MAX + 1] = {0};
                struct script s;
                size_t n = 0;

                play_on(&s, p, side_by_key(p, cases[i].has_lesser_key), cases[i].steps);
                slots[0] = letter_of(&s, s.peer->current);
                slots[1] = letter_of(&s, s.peer->current_known);
                slots[2] = letter_of(&s, s.peer->previous);
                slots[3] = letter_of(&s, s.peer->next);
                for (unsigned int k = 0; k < s.count; k++)
                        if (wg_index_find(&s.side->engine.indices, s.made[k]->entry.index) ==
                            &s.made[k]->entry)
                                found[n++] = letter_of(&s, s.made[k]);
                if (strcmp(slots, cases[i].slots) != 0 || strcmp(found, cases[i].found) != 0)
                        fail_msg("case %d (%s): slots %s, found %s", cases[i].number, cases[i].what,
                                 slots, found);
                assert_int_equal(s.side->engine.session_count, n);
                assert_int_equal(s.side->engine.peers_in_session, n != 0);
                assert_int_equal(pair_teardown(state), 0);
                assert_int_equal(pair_setup(state), 0);
        }
}

/* Nothing is sent under a keypair that left its slot, even if it was put back. */
static void test_nothing_is_sent_under_a_removed_keypair(void **state)
{
        struct pair *p = *state;
        struct script s;

        play(&s, p, "IRR!b");
        assert_ptr_equal(s.peer->current, s.made[1]);
        assert_false(wg_send_is_ready(s.peer, p->now.ns));
        assert_int_equal(pair_send_any(p, &p->a), WG_VERDICT_NO_SESSION);
        wg_session_reconcile(s.peer);
        assert_int_equal(pair_send_any(p, &p->a), WG_VERDICT_SEALED);
}

static void test_stop_sending(void **state)
{
        struct pair *p = *state;
        struct script s;

        play(&s, p, "IIRc.R");
        wg_session_stop_sending(s.peer);
        assert_int_equal(pair_send_any(p, &p->a), WG_VERDICT_NO_SESSION);
        assert_false(wg_send_is_ready(s.peer, p->now.ns));
        /* A keypair that waits for its proof is stopped as well, and can still be proven. */
        assert_true(wg_session_prove(s.peer, s.made[3]));
        assert_int_equal(pair_send_any(p, &p->a), WG_VERDICT_NO_SESSION);
        step(&s, "I");
        assert_int_equal(pair_send_any(p, &p->a), WG_VERDICT_SEALED);
}

static void test_new_keypair(void **state)
{
        struct pair *p = *state;
        struct wg_keypair *of_i, *of_r;

        of_i = pair_new_keypair(p, p->a.peer, true, 7);
        of_r = pair_new_keypair(p, p->b.peer, false, 7);
        assert_memory_equal(of_i->send_key, of_r->receive_key, WG_AEAD_KEY_LEN);
        assert_memory_equal(of_i->receive_key, of_r->send_key, WG_AEAD_KEY_LEN);
        assert_memory_not_equal(of_i->send_key, of_i->receive_key, WG_AEAD_KEY_LEN);
        assert_int_equal(of_i->remote_index, 7);
        assert_int_equal(of_i->born_ns, p->now.ns);
        assert_int_equal(of_i->send_counter, 0);
        assert_int_equal(p->a.peer->keypairs, 1);
        assert_false(of_i->awaits_proof);
        assert_true(of_r->awaits_proof);
        wg_session_free(of_i);
        wg_session_free(of_r);
        assert_int_equal(p->a.peer->keypairs, 0);
}

static void test_age(void **state)
{
        struct pair *p = *state;
        struct script s;

        play(&s, p, "I");
        pair_pass(p, WG_REJECT_AFTER_TIME - 1);
        assert_true(wg_send_is_ready(s.peer, p->now.ns));
        pair_pass(p, 1);
        assert_false(wg_send_is_ready(s.peer, p->now.ns));
}

static bool was_wiped;

static void look_and_free(void *ctx, void *memory, size_t len)
{
        if (len == sizeof(struct wg_keypair))
                was_wiped = wg_is_zero(memory, len);
        test_env_free(ctx, memory, len);
}

/* Readers that do not pass a quiescent point keep retired keypairs alive; then these are wiped and
 * freed. */
static void pass_quiescent(struct pair_side *side)
{
        test_env_reclaim(&side->t);
        for (unsigned int i = 0; i < TEST_READERS; i++)
                test_env_quiesce(&side->t, i);
        test_env_reclaim(&side->t);
}

static void test_wiped_after_its_last_holder(void **state)
{
        struct pair *p = *state;
        struct script s;

        p->a.t.env.free = look_and_free;
        play(&s, p, "III");
        assert_int_equal(s.peer->keypairs, 3);
        test_env_reclaim(&p->a.t);
        assert_int_equal(s.peer->keypairs, 3);
        assert_false(wg_is_zero(s.made[0]->send_key, WG_AEAD_KEY_LEN));
        pass_quiescent(&p->a);
        assert_int_equal(s.peer->keypairs, 2);
        assert_true(was_wiped);
}

/* A keypair that was put back, and is noticed only when it is about to be freed, waits for the
 * workers once more: they may have seen it meanwhile. The same if the engine noticed earlier. */
static void test_a_restored_keypair_waits_once_more(void **state)
{
        static const char *const steps[] = {"IRR!b", "IRR!b."};

        for (size_t i = 0; i < WG_ARRAY_SIZE(steps); i++) {
                struct pair *p = *state;
                struct script s;

                play(&s, p, steps[i]);
                assert_int_equal(s.peer->keypairs, 3);
                pass_quiescent(&p->a);
                assert_ptr_equal(s.peer->current, s.made[0]);
                assert_int_equal(s.peer->keypairs, 3);
                pass_quiescent(&p->a);
                assert_int_equal(s.peer->keypairs, 2);
                pair_teardown(state);
                pair_setup(state);
        }
}

/* The order in which a removed peer and its three keypairs are released does not matter. */
static void test_peer_outlives_its_keypairs(void **state)
{
        struct pair *p = *state;
        struct script s;

        play(&s, p, "IRb.R!b");
        wg_engine_remove_peer(&p->a.engine, s.peer);
        wg_engine_commit(&p->a.engine, SIZE_MAX);
        while (p->a.t.retired)
                pass_quiescent(&p->a);
        assert_int_equal(p->a.engine.peer_count, 0);
        for (unsigned int k = 0; k < s.count; k++)
                assert_null(wg_index_find(&p->a.engine.indices, k));
}

static void test_no_memory(void **state)
{
        struct pair *p = *state;
        struct wg_peer *peer = p->b.peer;
        struct wg_noise noise = {.hash = {0}};
        struct wg_keypair *kp;

        p->b.t.allocations = 0;
        assert_null(wg_session_new(peer, &noise, false, 1, p->now.ns));
        p->b.t.allocations = 1;
        kp = wg_session_new(peer, &noise, false, 1, p->now.ns);
        assert_non_null(kp);
        /* No room in the index table, which is still empty. */
        assert_false(wg_session_begin(peer, kp));
        assert_null(peer->next);
        wg_session_free(kp);
        assert_int_equal(peer->keypairs, 0);
}

/* ---- threads ---- */

/* The engine begins sessions without a pause, as initiator and as responder in turn, and forgets
 * all from time to time. Two workers prove the sessions they hear of, and send. A sealed packet
 * shows its session: not one that waits for its proof, and not one from before all was forgotten.
 * Sanitizers watch that no memory is used after it was freed. */
enum { SESSIONS = 6000 };

struct race {
        struct pair *p;
        struct pair_side *side;

        /* The newest responder session, for workers to prove. */
        pthread_mutex_t lock;
        uint32_t number, index;
        uint8_t key[WG_AEAD_KEY_LEN];
        uint64_t nonce;

        _Atomic bool is_responder[SESSIONS], was_heard[SESSIONS];
        _Atomic uint64_t nonces[SESSIONS]; /* how many of each were given to workers */
        _Atomic uint32_t oldest;           /* the oldest that may still be sent under */
        _Atomic bool is_over;
        _Atomic unsigned int proven, sealed, mistakes;
};

struct runner {
        struct race *race;
        unsigned int number;
        struct wg_worker worker;
        pthread_t thread;
};

static void prove_newest(struct runner *r)
{
        struct race *race = r->race;
        uint8_t datagram[WG_DATA_OVERHEAD] = {WG_MESSAGE_DATA}, key[WG_AEAD_KEY_LEN];
        struct wg_receive_slot slot = {.buf = datagram, .len = sizeof(datagram)};
        uint32_t number;
        uint64_t nonce;

        pthread_mutex_lock(&race->lock);
        number = race->number;
        nonce = race->nonce++;
        race->nonces[number] = nonce + 1;
        memcpy(key, race->key, sizeof(key));
        wg_le32_store(datagram + WG_DATA_RECEIVER, race->index);
        pthread_mutex_unlock(&race->lock);
        if (!number)
                return;
        race->was_heard[number] = true;
        wg_le64_store(datagram + WG_DATA_COUNTER, nonce);
        wg_aead_seal(datagram + WG_DATA_TEXT, NULL, 0, NULL, 0, nonce, key);
        slot.from = pair_other(race->p, race->side)->at;
        wg_receive(&r->worker, &slot, 1, race->p->now.ns);
        if (slot.verdict == WG_VERDICT_KEEPALIVE)
                race->proven++;
        else if (slot.verdict == WG_VERDICT_REPLAYED)
                /* Only if the system kept us waiting while the other worker got far ahead. */
                race->mistakes += race->nonces[number] - nonce <= WG_REPLAY_WINDOW;
        else if (slot.verdict != WG_VERDICT_UNKNOWN_INDEX)
                race->mistakes++;
}

static void send_some(struct runner *r)
{
        uint8_t buf[WG_SEND_HEADROOM + 60 + WG_SEND_TAILROOM];
        struct wg_send_slot slot = {.buf = buf, .len = 60};
        uint32_t oldest = r->race->oldest, number;

        packet_ipv4(buf + WG_SEND_HEADROOM, 60, PAIR_A,
                    r->race->side == &r->race->p->a ? PAIR_B : PAIR_A);
        wg_send(&r->worker, &slot, 1, r->race->p->now.ns);
        if (slot.verdict == WG_VERDICT_NO_SESSION) {
                wg_waiting_remove(&slot.peer->waiting, 1);
                return;
        }
        number = wg_le32_load(buf + WG_DATA_RECEIVER);
        if (slot.verdict != WG_VERDICT_SEALED || number < oldest || number >= SESSIONS ||
            (r->race->is_responder[number] && !r->race->was_heard[number]))
                r->race->mistakes++;
        r->race->sealed++;
}

static void *run(void *arg)
{
        struct runner *r = arg;

        while (!r->race->is_over) {
                prove_newest(r);
                send_some(r);
                test_env_quiesce(&r->race->side->t, r->number);
        }
        return NULL;
}

static void begin_one(struct race *race, uint32_t number)
{
        struct pair_side *side = race->side;
        bool is_initiator = test_env_below(&side->t, 3) == 0;
        struct wg_keypair *kp = pair_new_keypair(race->p, side->peer, is_initiator, number);

        race->is_responder[number] = !is_initiator;
        pair_begin_session(side->peer, kp);
        if (is_initiator)
                return;
        pthread_mutex_lock(&race->lock);
        race->number = number;
        race->index = kp->entry.index;
        race->nonce = 0;
        memcpy(race->key, kp->receive_key, sizeof(race->key));
        pthread_mutex_unlock(&race->lock);
}

/* Once both workers have started a new batch, nothing is sent under an earlier session. */
static void forget_all(struct race *race, uint32_t number)
{
        struct test_env *t = &race->side->t;
        uint64_t epoch;

        wg_session_clear(race->side->peer);
        test_env_reclaim(t);
        epoch = t->epoch;
        for (unsigned int i = 0; i < TEST_READERS; i++)
                while (t->seen[i] < epoch)
                        sched_yield();
        race->oldest = number;
}

static void run_race(struct pair *p, struct pair_side *side)
{
        struct race *race = calloc(1, sizeof(*race));
        struct runner *runners = calloc(TEST_READERS, sizeof(*runners));

        assert_true(race && runners);
        race->p = p;
        race->side = side;
        pthread_mutex_init(&race->lock, NULL);
        test_env_defer(&side->t);
        side->t.random = test_seed("session, threads");
        for (unsigned int i = 0; i < TEST_READERS; i++) {
                runners[i].race = race;
                runners[i].number = i;
                wg_worker_init(&runners[i].worker, &side->engine, wg_aead_choose(NULL));
                assert_int_equal(pthread_create(&runners[i].thread, NULL, run, &runners[i]), 0);
        }
        for (uint32_t number = 1; number < SESSIONS; number++) {
                if (test_env_below(&side->t, 100) == 0)
                        forget_all(race, number);
                begin_one(race, number);
                wg_engine_work(&side->engine, p->now, &side->actions);
                test_env_reclaim(&side->t);
                if (test_env_below(&side->t, 4) == 0)
                        sched_yield();
        }
        race->is_over = true;
        for (unsigned int i = 0; i < TEST_READERS; i++)
                pthread_join(runners[i].thread, NULL);
        assert_int_equal(race->mistakes, 0);
        assert_true(race->proven && race->sealed);
        free(runners);
        free(race);
}

/* Once on either side, since the keys decide about sessions that crossed. */
static void test_workers_and_engine(void **state)
{
        struct pair *p = *state;

        run_race(p, &p->a);
        run_race(p, &p->b);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, pair_setup, pair_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_slots),
                TEST(test_nothing_is_sent_under_a_removed_keypair),
                TEST(test_stop_sending),
                TEST(test_new_keypair),
                TEST(test_age),
                TEST(test_wiped_after_its_last_holder),
                TEST(test_a_restored_keypair_waits_once_more),
                TEST(test_peer_outlives_its_keypairs),
                TEST(test_no_memory),
                TEST(test_workers_and_engine),
        };

        return cmocka_run_group_tests_name("session", tests, test_crypto_up, test_crypto_down);
}
