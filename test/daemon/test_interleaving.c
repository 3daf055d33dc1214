/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * The protocols between the daemon's threads, with every possible order of their steps.
 *
 * Each protocol is a few small programs that share a few bytes. A step is indivisible: one atomic
 * operation or one system call, with the work that follows it in the thread's own memory. All
 * reachable states are visited. In each, no invariant may be broken; in those in which no thread
 * can continue, no thread may have been forgotten. Each step names the function or source line that
 * it models, in the same order. The model assumes that atomic operations have a single total order,
 * which the sources request where it matters.
 *
 * Each protocol is also run with a planted mistake, which must be found: otherwise the test would
 * prove nothing. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "test/lib/cmocka.h"

/* ---- visiting all states ---- */

enum { BYTES = 32, THREADS_MAX = 4, TABLE = 1 << 20 };

/* Of a whole protocol: `at` is each thread's position. */
struct state {
        uint8_t at[THREADS_MAX];
        uint8_t shared[BYTES - THREADS_MAX];
};

enum step { STUCK, STEPPED, WRONG };

struct protocol {
        unsigned int threads;
        enum step (*step)(struct state *s, unsigned int thread, unsigned int mistake);
        bool (*is_good_end)(const struct state *s); /* when no thread can continue */
};

static struct state *stack, *table;
static uint8_t *is_taken;
static size_t stacked, visited;

/* Returns whether the state is new. */
static bool visit(const struct state *s)
{
        const uint8_t *bytes = (const uint8_t *)s;
        uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */

        for (size_t i = 0; i < sizeof(*s); i++)
                hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
        for (size_t i = hash % TABLE;; i = (i + 1) % TABLE) {
                if (is_taken[i] && memcmp(&table[i], s, sizeof(*s)) == 0)
                        return false;
                if (is_taken[i])
                        continue;
                assert_true(visited < TABLE / 2);
                visited++;
                is_taken[i] = 1;
                table[i] = *s;
                return true;
        }
}

static bool go_on_from(const struct protocol *p, const struct state *s, unsigned int mistake)
{
        bool is_end = true;

        for (unsigned int thread = 0; thread < p->threads; thread++) {
                struct state next = *s;
                enum step step = p->step(&next, thread, mistake);

                if (step == WRONG)
                        return false;
                if (step == STUCK)
                        continue;
                is_end = false;
                if (visit(&next))
                        stack[stacked++] = next;
        }
        return !is_end || p->is_good_end(s);
}

/* Whether every order of steps works. */
static bool holds(const struct protocol *p, unsigned int mistake)
{
        static const struct state begin;
        bool is_good = true;

        stack = calloc(TABLE, sizeof(*stack));
        table = calloc(TABLE, sizeof(*table));
        is_taken = calloc(TABLE, 1);
        assert_true(stack && table && is_taken);
        visited = stacked = 0;
        visit(&begin);
        stack[stacked++] = begin;
        while (is_good && stacked) {
                struct state s = stack[--stacked];

                is_good = go_on_from(p, &s, mistake);
        }
        free(stack);
        free(table);
        free(is_taken);
        return is_good;
}

static void check(const struct protocol *p, unsigned int mistakes)
{
        assert_true(holds(p, 0));
        print_message("%zu states\n", visited);
        assert_true(visited > 100);
        for (unsigned int mistake = 1; mistake <= mistakes; mistake++)
                if (holds(p, mistake))
                        fail_msg("mistake %u was not found", mistake);
}

/* ---- a worker puts something into an inbox and wakes the engine (io/loop.c, daemon/worker.c) ----
 *
 * Two workers hand over two things each; the engine goes to sleep whenever it finds nothing.
 * Finally another thread asks it to stop, as a signal or tl_worker_stop() does. */

enum { ITEMS, IS_SET, COUNTER, HAS_LOCAL, STOP_ASKED = HAS_LOCAL + 2 };

/* tl_inbox_put(); then, after the batch, tl_wake_set(): the exchange, and the write. */
static enum step hand_over(struct state *s, unsigned int thread, unsigned int mistake)
{
        uint8_t *at = &s->at[thread], *m = s->shared;

        switch (*at) {
        case 0:
        case 3:
                if (mistake == 2 && !m[IS_SET]) { /* wakes before there is anything */
                        m[IS_SET] = m[COUNTER] = 1;
                        (*at) += 10;
                        return STEPPED;
                }
                m[ITEMS]++;
                break;
        case 1:
        case 4:
                if (m[IS_SET]) {
                        (*at) += 2; /* woken already */
                        return STEPPED;
                }
                m[IS_SET] = 1;
                break;
        case 2:
        case 5:
                m[COUNTER] = 1; /* eventfd_write() */
                break;
        case 10:
        case 13:
                m[ITEMS]++;
                (*at) -= 7;
                return STEPPED;
        default:
                return STUCK;
        }
        (*at)++;
        return STEPPED;
}

/* The engine: work(), which empties the inbox; tl_loop_run(), which blocks; drain_wake(). */
static enum step serve(struct state *s, unsigned int mistake)
{
        uint8_t *at = &s->at[2], *m = s->shared;

        switch (*at) {
        case 0: /* while (!is_stopping) */
                *at = m[STOP_ASKED] ? 9 : 1;
                return STEPPED;
        case 1: /* empty_inboxes(): one after the other, until all are empty */
                if (m[ITEMS])
                        m[ITEMS]--;
                else
                        *at = 2;
                return STEPPED;
        case 2: /* epoll_wait() */
                if (!m[COUNTER])
                        return STUCK;
                *at = 3;
                return STEPPED;
        case 3: /* drain_wake(): eventfd_read(), then the exchange */
                if (mistake == 1)
                        m[IS_SET] = 0;
                else
                        m[COUNTER] = 0;
                *at = 4;
                return STEPPED;
        case 4:
                if (mistake == 1)
                        m[COUNTER] = 0;
                else
                        m[IS_SET] = 0;
                *at = 0;
                return STEPPED;
        default:
                return STUCK;
        }
}

static enum step ask_to_stop(struct state *s, unsigned int mistake)
{
        uint8_t *at = &s->at[3], *m = s->shared;

        /* Only once the others are done: everything they handed over must have been processed. */
        if (s->at[0] != 6 || s->at[1] != 6 || m[ITEMS])
                return STUCK;
        switch (*at) {
        case 0:
                if (mistake == 3) { /* no wake-up */
                        m[STOP_ASKED] = 1;
                        *at = 3;
                        return STEPPED;
                }
                m[STOP_ASKED] = 1;
                break;
        case 1:
                if (m[IS_SET]) {
                        *at = 3;
                        return STEPPED;
                }
                m[IS_SET] = 1;
                break;
        case 2:
                m[COUNTER] = 1;
                break;
        default:
                return STUCK;
        }
        (*at)++;
        return STEPPED;
}

static enum step wake_step(struct state *s, unsigned int thread, unsigned int mistake)
{
        if (thread < 2)
                return hand_over(s, thread, mistake);
        return thread == 2 ? serve(s, mistake) : ask_to_stop(s, mistake);
}

static bool everything_was_seen_to(const struct state *s)
{
        return s->shared[ITEMS] == 0 && s->at[0] == 6 && s->at[1] == 6 && s->at[2] == 9;
}

static void test_a_wake_up_is_never_lost(void **state)
{
        static const struct protocol p = {4, wake_step, everything_was_seen_to};

        (void)state;
        check(&p, 3);
}

/* ---- notes (core/note.c, core/work.c) ----
 *
 * A worker sets a note of a peer, and lists the peer if it was in no list; the engine takes the
 * list, clears QUEUED, and only then reads the notes. Two workers with a note each, twice. */

enum { NOTES, LISTED, SEEN, N_IS_SET, OWN };
enum { QUEUED = 0x80 };

static enum step note(struct state *s, unsigned int thread)
{
        uint8_t *at = &s->at[thread], *m = s->shared, bit = (uint8_t)(1 << thread);

        switch (*at % 4) {
        case 0: /* wg_note_set(): the load; done if it is set */
                if (*at == 8)
                        return STUCK;
                if (m[NOTES] & bit) {
                        (*at) += 4;
                        return STEPPED;
                }
                break;
        case 1: /* fetch_or */
                m[OWN + thread] = m[NOTES] & QUEUED;
                m[NOTES] |= bit | QUEUED;
                if (m[OWN + thread]) {
                        (*at) += 3; /* the thread that queued it wakes the engine */
                        return STEPPED;
                }
                break;
        case 2: /* pushes it */
                if (m[LISTED])
                        return WRONG; /* twice in a list */
                m[LISTED] = 1;
                break;
        case 3: /* tl_wake_set(), which the test above covers */
                m[N_IS_SET] = 1;
                break;
        }
        (*at)++;
        return STEPPED;
}

static enum step heed(struct state *s, unsigned int mistake)
{
        uint8_t *at = &s->at[2], *m = s->shared;

        switch (*at) {
        case 0: /* blocks; after it: exchange of the list */
                if (!m[N_IS_SET])
                        return STUCK;
                m[N_IS_SET] = 0;
                *at = 1;
                return STEPPED;
        case 1:
                *at = m[LISTED] ? 2 : 0;
                m[LISTED] = 0;
                return STEPPED;
        case 2: /* wg_note_read(): wg_note_forget(QUEUED) */
                if (mistake == 1)
                        m[SEEN] = m[NOTES] & 3;
                else
                        m[NOTES] &= (uint8_t)~QUEUED;
                *at = 3;
                return STEPPED;
        case 3: /* reads the notes */
                if (mistake == 1)
                        m[NOTES] &= (uint8_t)~QUEUED;
                else
                        m[SEEN] = m[NOTES] & 3;
                *at = 4;
                return STEPPED;
        case 4: /* handles and clears them */
                m[NOTES] &= (uint8_t)~m[SEEN];
                m[SEEN] = 0;
                *at = 1; /* it may have been listed again */
                return STEPPED;
        default:
                return STUCK;
        }
}

static enum step note_step(struct state *s, unsigned int thread, unsigned int mistake)
{
        return thread < 2 ? note(s, thread) : heed(s, mistake);
}

static bool no_note_is_left(const struct state *s)
{
        return s->shared[NOTES] == 0 && s->at[0] == 8 && s->at[1] == 8;
}

static void test_a_note_is_never_forgotten(void **state)
{
        static const struct protocol p = {3, note_step, no_note_is_left};

        (void)state;
        check(&p, 1);
}

/* ---- sending while the link goes down (core/note.c, core/configure.c) ----
 *
 * Two workers record twice that data was sent. The engine forgets these times, once when the link
 * goes down, and again whenever a worker lists the peer later. In the end no time is left. */

enum { TIME, TIME_SEEN, T_NOTES = TIME_SEEN + 2, T_LISTED };

static enum step write_down(struct state *s, unsigned int thread)
{
        uint8_t *at = &s->at[thread], *m = s->shared;

        switch (*at % 5) {
        case 0: /* set_if_zero(): the load */
                if (*at == 10)
                        return STUCK;
                m[TIME_SEEN + thread] = m[TIME];
                break;
        case 1: /* and the store */
                if (!m[TIME_SEEN + thread])
                        m[TIME] = 1;
                break;
        case 2: /* wg_note_set(): the load; done if it is set */
                if (m[T_NOTES] & 1) {
                        (*at) += 3;
                        return STEPPED;
                }
                break;
        case 3: /* fetch_or */
                if (m[T_NOTES] & QUEUED)
                        (*at)++;
                m[T_NOTES] |= 1 | QUEUED;
                break;
        case 4: /* pushes it, and wakes the engine after the batch */
                m[T_LISTED] = 1;
                break;
        }
        (*at)++;
        return STEPPED;
}

static enum step forget(struct state *s, unsigned int mistake)
{
        uint8_t *at = &s->at[2], *m = s->shared;
        bool notes_first = mistake != 2;

        switch (*at) {
        case 0: /* wg_engine_set_up(): wg_note_forget_times() */
        case 1:
                if ((*at == 0) == notes_first)
                        m[T_NOTES] &= QUEUED;
                else
                        m[TIME] = 0;
                (*at)++;
                return STEPPED;
        case 2: /* takes the list */
                if (!m[T_LISTED])
                        return STUCK;
                m[T_LISTED] = 0;
                *at = 3;
                return STEPPED;
        case 3: /* heed_notes(): the same */
        case 4:
                if ((*at == 3) == notes_first)
                        m[T_NOTES] = 0;
                else if (mistake != 1)
                        m[TIME] = 0;
                *at = *at == 3 ? 4 : 2;
                return STEPPED;
        default:
                return STUCK;
        }
}

static enum step times_step(struct state *s, unsigned int thread, unsigned int mistake)
{
        return thread < 2 ? write_down(s, thread) : forget(s, mistake);
}

static bool no_time_is_left(const struct state *s)
{
        return s->shared[TIME] == 0 && s->shared[T_NOTES] == 0;
}

static void test_times_of_a_down_link_are_forgotten(void **state)
{
        static const struct protocol p = {3, times_step, no_time_is_left};

        (void)state;
        check(&p, 2);
}

/* ---- nonces at the message limit (core/keypair.h, core/send.c) ----
 *
 * Three workers seal two batches each under a key whose counter is a byte: the limit leaves less
 * room above it than all of them take at once. No nonce is used twice. */

enum { N_LIMIT = 5, N_BATCH = 2, N_END = N_LIMIT + 2 * N_BATCH, N_COUNTER = 0, N_SEEN, N_USED = 4 };

/* Seals a thread's batch under the nonces from this one on, up to the limit. */
static enum step use_nonces(struct state *s, unsigned int thread, uint8_t nonce)
{
        s->at[thread] = s->at[thread] < 3 ? 3 : 6;
        for (unsigned int i = 0; i < N_BATCH && nonce < N_LIMIT; i++, nonce++)
                if (s->shared[N_USED + nonce]++)
                        return WRONG;
        return STEPPED;
}

static enum step seal_one(struct state *s, unsigned int thread, unsigned int mistake)
{
        uint8_t *at = &s->at[thread], *m = s->shared, *seen = &m[N_SEEN + thread];

        switch (*at % 3) {
        case 0: /* may_seal() */
                if (*at == 6 || m[N_COUNTER] >= N_LIMIT)
                        return STUCK;
                break;
        case 1: /* wg_keypair_take_nonces(): the load */
                *seen = m[N_COUNTER];
                if (mistake == 1) { /* an addition, whatever the value is */
                        m[N_COUNTER] = (m[N_COUNTER] + N_BATCH) % N_END;
                        return use_nonces(s, thread, *seen);
                }
                if (*seen >= N_LIMIT)
                        return use_nonces(s, thread, *seen);
                break;
        case 2: /* compare and exchange; a failure rereads the counter */
                if (m[N_COUNTER] != *seen) {
                        (*at)--;
                        return STEPPED;
                }
                m[N_COUNTER] += N_BATCH;
                return use_nonces(s, thread, *seen);
        }
        (*at)++;
        return STEPPED;
}

static bool the_counter_stands_still(const struct state *s)
{
        return s->shared[N_COUNTER] >= N_LIMIT;
}

static void test_no_nonce_is_used_twice(void **state)
{
        static const struct protocol p = {3, seal_one, the_counter_stands_still};

        (void)state;
        check(&p, 1);
}

/* ---- packets on their way through the engine (core/waiting.h, core/send.c, daemon/tx.c) ----
 *
 * Two workers send two packets a batch; one of them does so twice. A third thread begins the
 * session at any moment. Packets of one worker must leave in order, and in the end go directly
 * again. The inbox, the staged packets and the actions are one queue here, with counts of how far
 * packets have moved. */

enum { W_BATCH = 2, W_PACKETS = 6, W_ENGINE = 2, W_PEER = 3 };
enum {
        W_COUNT, /* wg_waiting */
        W_CURRENT,
        W_PUT, /* packets put into the inbox; of these, so far: */
        W_STAGED,
        W_SEALED,
        W_SENT,
        W_SETTLED,
        W_QUEUE,                          /* worker << 4 | number */
        W_LAST = W_QUEUE + W_PACKETS,     /* + worker: number of its last packet that left */
        W_MUST_WAIT = W_LAST + W_ENGINE,  /* + worker: a bit for each packet of the batch, */
        W_BEHIND = W_MUST_WAIT + W_ENGINE /* + worker: the count that it saw */
};

/* The steps of a batch: three for each packet in wg_send(), then one for each that is sent, and one
 * for each that is handed over. */
enum { W_SEND = 3 * W_BATCH, W_HAND_OVER = W_SEND + W_BATCH, W_STEPS = W_HAND_OVER + W_BATCH };

static enum step leave(struct state *s, uint8_t packet)
{
        uint8_t *last = &s->shared[W_LAST + (packet >> 4)];

        if ((packet & 15) != *last + 1)
                return WRONG;
        (*last)++;
        return STEPPED;
}

/* wg_send(), for one packet of the batch. */
static void judge(struct state *s, unsigned int thread, unsigned int step, unsigned int mistake)
{
        uint8_t *m = s->shared;
        uint8_t bit = (uint8_t)(1 << step / 3);

        switch (step % 3) {
        case 0: /* wg_waiting_has_some() */
                m[W_BEHIND + thread] = m[W_COUNT] && mistake != 1;
                break;
        case 1: /* find_way() */
                m[W_MUST_WAIT + thread] &= (uint8_t)~bit;
                if (m[W_BEHIND + thread] || !m[W_CURRENT])
                        m[W_MUST_WAIT + thread] |= bit;
                break;
        case 2: /* wg_waiting_add() */
                m[W_COUNT] += (m[W_MUST_WAIT + thread] & bit) != 0;
                break;
        }
}

/* flush(): a packet of the batch is sent or goes into the inbox, in its turn. */
static enum step pass_on(struct state *s, unsigned int thread, unsigned int at,
                         unsigned int mistake)
{
        uint8_t *m = s->shared;
        unsigned int batch = s->at[thread] / W_STEPS, number = at % W_BATCH;
        bool must_wait = m[W_MUST_WAIT + thread] >> number & 1;
        bool hands_over = (at >= W_BATCH) == (mistake != 3);
        uint8_t packet = (uint8_t)(thread << 4 | (batch * W_BATCH + number + 1));

        if (must_wait != hands_over)
                return STEPPED;
        if (!hands_over)
                return leave(s, packet);
        m[W_QUEUE + m[W_PUT]++] = packet;
        return STEPPED;
}

static enum step send_batches(struct state *s, unsigned int thread, unsigned int mistake)
{
        unsigned int at = s->at[thread] % W_STEPS;
        enum step step = STEPPED;

        if (s->at[thread] == (thread ? 1 : 2) * W_STEPS)
                return STUCK;
        if (at < W_SEND)
                judge(s, thread, at, mistake);
        else
                step = pass_on(s, thread, at - W_SEND, mistake);
        s->at[thread]++;
        return step;
}

static enum step pass_through(struct state *s, unsigned int mistake)
{
        uint8_t *at = &s->at[W_ENGINE], *m = s->shared;

        switch (*at) {
        case 0: /* stage_unsent() */
                if (m[W_STAGED] < m[W_PUT])
                        m[W_STAGED]++;
                else if (m[W_CURRENT] && m[W_SEALED] < m[W_STAGED])
                        *at = 1;
                else
                        return STUCK;
                return STEPPED;
        case 1: /* wg_engine_work() */
                m[W_SEALED] = m[W_STAGED];
                *at = mistake == 2 ? 3 : 2;
                return STEPPED;
        case 2: /* send_staged() */
                if (m[W_SENT] < m[W_SEALED])
                        return leave(s, m[W_QUEUE + m[W_SENT]++]);
                *at = mistake == 2 ? 0 : 3;
                return STEPPED;
        case 3: /* wg_actions_clear() */
                m[W_COUNT] -= (uint8_t)(m[W_SEALED] - m[W_SETTLED]);
                m[W_SETTLED] = m[W_SEALED];
                *at = mistake == 2 ? 2 : 0;
                return STEPPED;
        default:
                return STUCK;
        }
}

static enum step order_step(struct state *s, unsigned int thread, unsigned int mistake)
{
        if (thread < W_ENGINE)
                return send_batches(s, thread, mistake);
        if (thread == W_ENGINE)
                return pass_through(s, mistake);
        if (s->shared[W_CURRENT])
                return STUCK;
        s->shared[W_CURRENT] = 1; /* wg_session_prove(), or the engine's swap_current() */
        return STEPPED;
}

static bool all_left_and_none_waits(const struct state *s)
{
        return s->shared[W_LAST] == 2 * W_BATCH && s->shared[W_LAST + 1] == W_BATCH &&
               s->shared[W_COUNT] == 0;
}

static void test_packets_leave_in_their_order(void **state)
{
        static const struct protocol p = {4, order_step, all_left_and_none_waits};

        (void)state;
        check(&p, 3);
}

/* ---- jobs and idle workers (daemon/jobs.c, daemon/worker.c) ----
 *
 * The engine publishes two jobs, twice; two workers go to sleep when they find none. */

enum { JOBS = 2, TURNS = 2, HANDS = 2 };
enum {
        NEXT,     /* of this turn's word; JOBS: all are taken */
        LEFT,     /* to be done */
        FINISHED, /* the semaphore */
        TURN,     /* the turn of these jobs, to check against */
        DONE,     /* how often each was done in this turn: two bits each */
        IDLE,     /* + worker */
        WOKEN = IDLE + HANDS,
        MINE = WOKEN + HANDS, /* + thread: the rest of what it read, or the job it is working on */
        MINE_TURN = MINE + HANDS + 1,
};

/* Common to all: 0 reads the word, 1 claims, 2 works, 3 counts down. Then `at` is `none`, `some` or
 * `last`. */
static enum step take_job(struct state *s, unsigned int thread, uint8_t none, uint8_t some,
                          uint8_t last)
{
        uint8_t *at = &s->at[thread], *m = s->shared;

        switch (*at) {
        case 0:
                m[MINE + thread] = m[NEXT];
                *at = m[NEXT] < JOBS ? 1 : none;
                return STEPPED;
        case 1: /* compare and exchange; a failure rereads the word */
                if (m[NEXT] != m[MINE + thread]) {
                        m[MINE + thread] = m[NEXT];
                        *at = m[NEXT] < JOBS ? 1 : none;
                        return STEPPED;
                }
                m[NEXT]++;
                m[MINE_TURN + thread] = m[TURN];
                *at = 2;
                return STEPPED;
        case 2:
                if (m[MINE_TURN + thread] != m[TURN] || m[DONE] >> 2 * m[MINE + thread] & 3)
                        return WRONG; /* the engine did not wait, or another thread did it before */
                m[DONE] |= (uint8_t)(1 << 2 * m[MINE + thread]);
                *at = 3;
                return STEPPED;
        case 3:
                m[LEFT]--;
                *at = m[LEFT] ? some : last;
                return STEPPED;
        default:
                return STUCK;
        }
}

/* The engine is the last thread. Its steps: 0..3 as above; 10 publishes, 11 and 12 wake, 13
 * waits. */
static enum step run_jobs(struct state *s, unsigned int mistake)
{
        uint8_t *at = &s->at[HANDS], *m = s->shared;
        unsigned int hand;

        switch (*at) {
        case 10:
                m[TURN]++;
                m[LEFT] = JOBS;
                m[NEXT] = 0;
                *at = 11;
                return STEPPED;
        case 11:
        case 12: /* tl_worker_lend_a_hand() */
                hand = *at - 11u;
                if (m[IDLE + hand]) {
                        m[IDLE + hand] = 0;
                        m[WOKEN + hand] = 1;
                }
                *at = hand + 1 < HANDS ? 12 : 0;
                return STEPPED;
        case 13: /* sem_wait() */
                if (!m[FINISHED] && mistake != 1)
                        return STUCK;
                m[FINISHED] = 0;
                *at = 14;
                return STEPPED;
        case 14:
                if (m[FINISHED] || m[LEFT] || m[DONE] != 5)
                        return WRONG; /* both jobs were done once, and no wake-up is left over */
                m[DONE] = 0;
                *at = m[TURN] < TURNS ? 10 : 20;
                return STEPPED;
        default:
                return take_job(s, HANDS, 13, 0, 14);
        }
}

/* A worker: 0..3 as above, 4 posts, 5 is idle, 6 checks once more, 7 sleeps. */
static enum step lend_a_hand(struct state *s, unsigned int thread, unsigned int mistake)
{
        uint8_t *at = &s->at[thread], *m = s->shared;

        switch (*at) {
        case 4:
                if (m[FINISHED])
                        return WRONG;
                m[FINISHED] = mistake != 2;
                *at = 0;
                return STEPPED;
        case 5: /* wait_for_work(): is_idle, then the check for jobs */
                m[IDLE + thread] = 1;
                *at = mistake == 3 ? 7 : 6;
                return STEPPED;
        case 6:
                if (m[NEXT] < JOBS) {
                        m[IDLE + thread] = 0;
                        m[WOKEN + thread] = 0; /* a round that does not wait sees it too */
                        *at = 0;
                        return STEPPED;
                }
                *at = 7;
                return STEPPED;
        case 7:
                if (!m[WOKEN + thread])
                        return STUCK;
                m[WOKEN + thread] = m[IDLE + thread] = 0;
                *at = 0;
                return STEPPED;
        default:
                return take_job(s, thread, 5, 0, 4);
        }
}

static enum step jobs_step(struct state *s, unsigned int thread, unsigned int mistake)
{
        if (s->shared[TURN] == 0 && s->at[HANDS] == 0) { /* the initial position */
                s->at[HANDS] = 10;
                s->shared[NEXT] = JOBS;
        }
        /* Once the engine has checked all workers, and before it takes a job: no worker sleeps
         * while there are jobs. */
        if (s->at[HANDS] == 0 && s->shared[NEXT] == 0)
                for (unsigned int i = 0; i < HANDS; i++)
                        if (s->at[i] == 7 && !s->shared[WOKEN + i])
                                return WRONG;
        return thread < HANDS ? lend_a_hand(s, thread, mistake) : run_jobs(s, mistake);
}

static bool all_turns_are_over(const struct state *s)
{
        return s->shared[TURN] == TURNS && s->at[HANDS] == 20;
}

static void test_jobs_are_done_once_and_waited_for(void **state)
{
        static const struct protocol p = {HANDS + 1, jobs_step, all_turns_are_over};

        (void)state;
        check(&p, 3);
}

/* ---- sockets that are replaced (daemon/sockets.c, daemon/worker.c) ----
 *
 * The engine publishes new sockets, and releases the old ones once no worker can use them and none
 * has them in its loop. Two workers; sockets are numbered, and 0 is the first. */

enum {
        PUBLISHED,
        EPOCH,
        RETIRED_AT,
        CLOSED,
        S_SEEN,
        WATCHED = S_SEEN + 2,
        USED = WATCHED + 2,
        S_WOKEN = USED + 2
};
enum { OFFLINE = 0xff };

/* tl_reclaim_online(), follow_sockets(), the packets, tl_reclaim_offline(), the wait. */
static enum step follow(struct state *s, unsigned int thread)
{
        uint8_t *at = &s->at[thread], *m = s->shared;

        switch (*at) {
        case 0:
                m[USED + thread] = m[EPOCH]; /* the load */
                *at = 1;
                return STEPPED;
        case 1:
                m[S_SEEN + thread] = m[USED + thread];
                *at = 2;
                return STEPPED;
        case 2: /* the second check, for values read in a weaker order than this model's */
                *at = m[EPOCH] == m[USED + thread] ? 3 : 0;
                return STEPPED;
        case 3:
                m[USED + thread] = m[PUBLISHED];
                *at = 4;
                return STEPPED;
        case 4: /* leaves the old descriptors alone, and adopts the new ones */
                if (m[USED + thread] < m[CLOSED])
                        return WRONG; /* they were closed under it */
                m[WATCHED + thread] = m[USED + thread];
                *at = 5;
                return STEPPED;
        case 5: /* packets */
                if (m[USED + thread] < m[CLOSED])
                        return WRONG;
                *at = 6;
                return STEPPED;
        case 6:
                m[S_SEEN + thread] = OFFLINE;
                *at = 7;
                return STEPPED;
        default: /* a packet may come at any time; here only as long as sockets still change */
                if (m[WATCHED + thread] < m[CLOSED])
                        return WRONG; /* its loop has closed descriptors */
                if (!m[S_WOKEN + thread] && m[PUBLISHED] == 2)
                        return STUCK;
                m[S_WOKEN + thread] = 0;
                *at = 0;
                return STEPPED;
        }
}

static bool may_release(const uint8_t *m, unsigned int mistake)
{
        for (unsigned int i = 0; i < 2; i++)
                if (m[S_SEEN + i] < m[RETIRED_AT] ||
                    (mistake != 1 && m[WATCHED + i] < m[PUBLISHED]))
                        return false;
        return true;
}

static enum step replace(struct state *s, unsigned int mistake)
{
        uint8_t *at = &s->at[2], *m = s->shared;

        switch (*at) {
        case 0:
                if (m[PUBLISHED] == 2)
                        return STUCK;
                m[PUBLISHED]++; /* the exchange */
                *at = 1;
                return STEPPED;
        case 1:
        case 2: /* tl_wake_set() of each */
                if (mistake != 2)
                        m[S_WOKEN + *at - 1] = 1;
                (*at)++;
                return STEPPED;
        case 3: /* tl_reclaim_retire() */
                m[RETIRED_AT] = ++m[EPOCH];
                *at = 4;
                return STEPPED;
        default: /* tl_reclaim_poll() and the release, repeatedly */
                if (!may_release(m, mistake))
                        return STUCK;
                m[CLOSED] = m[PUBLISHED];
                *at = 0;
                return STEPPED;
        }
}

static enum step sockets_step(struct state *s, unsigned int thread, unsigned int mistake)
{
        if (s->shared[EPOCH] == 0) { /* the initial position: offline */
                s->shared[EPOCH] = 1;
                s->shared[S_SEEN] = s->shared[S_SEEN + 1] = OFFLINE;
                s->at[0] = s->at[1] = 7;
        }
        return thread < 2 ? follow(s, thread) : replace(s, mistake);
}

static bool the_old_are_closed(const struct state *s)
{
        const uint8_t *m = s->shared;

        return m[PUBLISHED] == 2 && m[CLOSED] == 2 && m[WATCHED] == 2 && m[WATCHED + 1] == 2;
}

static void test_sockets_are_closed_once_unused(void **state)
{
        static const struct protocol p = {3, sockets_step, the_old_are_closed};

        (void)state;
        check(&p, 2);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_wake_up_is_never_lost),
                cmocka_unit_test(test_a_note_is_never_forgotten),
                cmocka_unit_test(test_times_of_a_down_link_are_forgotten),
                cmocka_unit_test(test_no_nonce_is_used_twice),
                cmocka_unit_test(test_packets_leave_in_their_order),
                cmocka_unit_test(test_jobs_are_done_once_and_waited_for),
                cmocka_unit_test(test_sockets_are_closed_once_unused),
        };

        return cmocka_run_group_tests_name("interleaving", tests, NULL, NULL);
}
