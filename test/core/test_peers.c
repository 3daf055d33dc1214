/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * test_peers.c - core/peers.h: peers are added, found, and removed while workers still hold
 * them. */
#include "core/peers.h"

#include <pthread.h>

#include "test/lib/cmocka.h"
#include "test/lib/pair.h"

enum { MANY = 1000 };

static void key_of(uint32_t number, uint8_t key[WG_KEY_LEN])
{
        memset(key, 0x5a, WG_KEY_LEN);
        wg_be32_store(key + 8, number);
}

static struct wg_peer *add_peer(struct wg_engine *engine, uint32_t number)
{
        uint8_t key[WG_KEY_LEN];

        key_of(number, key);
        return wg_engine_add_peer(engine, key);
}

static struct wg_peer *find_peer(const struct wg_engine *engine, uint32_t number)
{
        uint8_t key[WG_KEY_LEN];

        key_of(number, key);
        return wg_peers_find(engine, key);
}

/* In two reservations, so that the table grows in between. */
static void test_many(void **state)
{
        struct pair *p = *state;
        struct wg_engine *engine = &p->a.engine;
        uint64_t serial = p->a.peer->serial;
        uint32_t number = 0;

        for (uint32_t i = 0; i < MANY; i++) {
                if (i == 0 || i == MANY / 3) {
                        wg_engine_unreserve(engine, SIZE_MAX);
                        assert_true(wg_engine_reserve(engine, i ? MANY - MANY / 3 : MANY / 3, 0));
                }
                assert_null(find_peer(engine, i));
                assert_int_equal(add_peer(engine, i)->serial, serial + 1 + i);
        }
        assert_int_equal(engine->peer_count, MANY + 1);
        for (uint32_t i = 0; i < MANY; i += 2)
                wg_engine_remove_peer(engine, find_peer(engine, i));
        wg_engine_commit(engine, SIZE_MAX);
        for (uint32_t i = 0; i < MANY; i++)
                assert_int_equal(find_peer(engine, i) != NULL, i % 2);
        assert_ptr_equal(wg_peers_find(engine, p->b.public_key), p->a.peer);
        /* The rest is in order of creation. */
        WG_LIST_EACH(node, &engine->peers) {
                struct wg_peer *peer = WG_CONTAINER_OF(node, struct wg_peer, in_order);

                if (peer == p->a.peer)
                        continue;
                assert_ptr_equal(peer, find_peer(engine, number + 1));
                number += 2;
        }
        assert_int_equal(number, MANY);
}

static void test_reserve(void **state)
{
        struct pair *p = *state;
        struct wg_engine *engine = &p->a.engine;
        size_t blocks = p->a.t.blocks;

        /* It fails at each allocation in turn, and keeps nothing but room in its tables. */
        for (size_t allocations = 0; allocations < 100; allocations++) {
                p->a.t.allocations = allocations;
                if (wg_engine_reserve(engine, 10, 5))
                        break;
                assert_int_equal(p->a.t.blocks, blocks);
                assert_int_equal(engine->peer_count, 1);
                assert_ptr_equal(wg_peers_find(engine, p->b.public_key), p->a.peer);
                assert_int_not_equal(allocations, 99);
        }
        /* A second reservation adds to it, or fails and leaves it as it is. */
        p->a.t.allocations = 12;
        blocks = p->a.t.blocks;
        assert_false(wg_engine_reserve(engine, 10, 5));
        assert_in_range(p->a.t.blocks, blocks, blocks + 1); /* a larger table may have been made */
        assert_int_equal(wg_engine_unreserve(engine, 1), 1);
        p->a.t.allocations = 1;
        assert_true(wg_engine_reserve(engine, 1, 0));
        assert_true(wg_engine_reserve(engine, 0, 5));
        /* From here on no memory is needed. */
        p->a.t.allocations = 0;
        for (uint32_t i = 0; i < 4; i++)
                add_peer(engine, i);
        for (uint8_t i = 0; i < 5; i++) {
                struct wg_prefix prefix = {.ip = {WG_FAMILY_IPV4, {172, 16, i, 0}}, .cidr = 24};

                wg_engine_allow(find_peer(engine, i % 4), &prefix);
        }
        blocks = p->a.t.blocks;
        wg_engine_unreserve(engine, SIZE_MAX);
        assert_in_range(p->a.t.blocks, blocks - 6 - 10, blocks - 6);
        wg_engine_unreserve(engine, SIZE_MAX);
}

static void test_init_without_memory(void **state)
{
        struct pair *p = *state;
        struct wg_engine *engine = calloc(2, sizeof(*engine));
        struct test_env t;

        (void)p;
        assert_non_null(engine);
        wg_engine_done(&engine[1]);
        test_env_init(&t, 1);
        t.allocations = 0;
        assert_false(wg_engine_init(engine, &t.env, wg_aead_choose(NULL)));
        wg_engine_done(engine);
        assert_int_equal(t.blocks, 0);
        free(engine);
}

static bool finds(struct pair *p, uint32_t address)
{
        uint8_t bytes[4];

        wg_be32_store(bytes, address);
        return wg_allowedips_find(&p->a.engine.allowed, WG_FAMILY_IPV4, bytes) != NULL;
}

/* It leaves all three tables, the heap and the list at once. */
static void test_removed_is_not_found(void **state)
{
        struct pair *p = *state;
        uint8_t packet[60];
        uint32_t index;

        pair_connect(p, &p->a);
        index = p->a.peer->current_known->entry.index;
        assert_true(finds(p, PAIR_B));
        packet_ipv4(packet, sizeof(packet), PAIR_A, PAIR_B);
        assert_int_equal(pair_stage(p, &p->a, packet, sizeof(packet)), WG_VERDICT_STAGED);
        assert_int_equal(p->a.engine.session_count, 1);
        assert_int_equal(p->a.engine.peers_in_session, 1);
        assert_int_equal(p->a.engine.due.count, 1);
        wg_engine_remove_peer(&p->a.engine, p->a.peer);
        wg_engine_commit(&p->a.engine, SIZE_MAX);
        assert_false(finds(p, PAIR_B));
        assert_null(wg_index_find(&p->a.engine.indices, index));
        assert_null(wg_peers_find(&p->a.engine, p->b.public_key));
        assert_true(wg_list_is_empty(&p->a.engine.peers));
        assert_int_equal(p->a.engine.peer_count, 0);
        assert_int_equal(p->a.engine.due.count, 0);
        assert_int_equal(p->a.engine.indices.count, 0);
        assert_int_equal(p->a.engine.session_count, 0);
        assert_int_equal(p->a.engine.peers_in_session, 0);
        assert_int_equal(pair_count(&p->a, WG_VERDICT_NO_PEER), 1);
        assert_int_equal(pair_send_any(p, &p->a), WG_VERDICT_NO_PEER);
        assert_int_equal(pair_send_any(p, &p->b), WG_VERDICT_SEALED);
        assert_int_equal(pair_receive(p, &p->a, &p->b.sent[0]), WG_VERDICT_UNKNOWN_INDEX);
}

/* Peers' memory that was freed, counted by its size. */
static unsigned int peers_freed;
static bool was_wiped;

static void look_and_free(void *ctx, void *memory, size_t len)
{
        if (len == sizeof(struct wg_peer)) {
                peers_freed++;
                was_wiped = wg_is_zero(memory, len);
        }
        test_env_free(ctx, memory, len);
}

/* With its note in the list, a peer stays until the engine has gone through the list, whether it is
 * released before or after. Then it is wiped and freed. */
static void test_removed_with_a_note_queued(void **state)
{
        for (int when = 0; when < 3; when++) {
                struct pair *p = *state;

                p->a.t.env.free = look_and_free;
                peers_freed = 0;
                was_wiped = false;
                if (when)
                        test_env_defer(&p->a.t);
                wg_worker_note(&p->a.worker, p->a.peer, WG_NOTE_DATA_SENT);
                wg_engine_remove_peer(&p->a.engine, p->a.peer);
                wg_engine_commit(&p->a.engine, SIZE_MAX);
                assert_int_equal(peers_freed, 0);
                if (when == 1)
                        test_env_undefer(&p->a.t);
                assert_int_equal(peers_freed, 0);
                pair_work(p, &p->a);
                if (when == 2) {
                        assert_int_equal(peers_freed, 0);
                        test_env_undefer(&p->a.t);
                }
                assert_int_equal(peers_freed, 1);
                assert_true(was_wiped);
                assert_int_equal(p->a.sent_count, 0);
                pair_teardown(state);
                pair_setup(state);
        }
}

/* A worker that still holds it makes a note, and a packet of its last session arrives. */
static void test_removed_while_held(void **state)
{
        struct pair *p = *state;
        struct wg_peer *peer = p->a.peer;

        pair_connect(p, &p->a);
        p->a.t.env.free = look_and_free;
        peers_freed = 0;
        test_env_defer(&p->a.t);
        wg_engine_remove_peer(&p->a.engine, peer);
        wg_engine_commit(&p->a.engine, SIZE_MAX);
        wg_worker_received(&p->a.worker, peer, true, p->now.ns);
        assert_true(peer->notes.bits & (uint32_t)WG_NOTE_QUEUED);
        pair_work(p, &p->a);
        assert_int_equal(peer->notes.bits, 0);
        assert_true(wg_engine_deadline(&p->a.engine) == UINT64_MAX);
        wg_worker_sent(&p->a.worker, peer, true, p->now.ns);
        test_env_undefer(&p->a.t);
        assert_int_equal(peers_freed, 0);
        pair_work(p, &p->a);
        assert_int_equal(peers_freed, 1);
}

/* A removed peer with a packet on its way to the engine is freed once the engine has taken the
 * packet, whether the packet is dropped or now belongs to another peer. */
static void test_removed_with_a_packet_on_its_way(void **state)
{
        const struct wg_prefix prefix = {.ip = {WG_FAMILY_IPV4, {10, 0, 0, 2}}, .cidr = 32};

        for (unsigned int is_moved = 0; is_moved < 2; is_moved++) {
                struct pair *p = *state;
                struct wg_engine *engine = &p->a.engine;
                struct wg_peer *old = p->a.peer, *heir;
                uint8_t packet[60];

                packet_ipv4(packet, sizeof(packet), PAIR_A, PAIR_B);
                p->a.t.env.free = look_and_free;
                peers_freed = 0;
                assert_true(wg_engine_reserve(engine, 1, 1));
                heir = add_peer(engine, 0);
                wg_engine_set_endpoint(heir, &p->b.at);
                if (is_moved)
                        wg_engine_allow(heir, &prefix);
                assert_true(wg_waiting_add(&old->waiting, 2, false));
                assert_int_equal(wg_engine_stage(engine, old, packet, sizeof(packet), p->now.ns),
                                 WG_VERDICT_STAGED);
                wg_engine_remove_peer(engine, old);
                wg_engine_commit(engine, SIZE_MAX);
                assert_int_equal(wg_waiting_count(&old->waiting), 1);
                assert_int_equal(peers_freed, 0);
                assert_int_equal(wg_engine_stage(engine, old, packet, sizeof(packet), p->now.ns),
                                 is_moved ? WG_VERDICT_STAGED : WG_VERDICT_NO_PEER);
                assert_int_equal(peers_freed, 1);
                assert_int_equal(wg_waiting_count(&heir->waiting), is_moved);
                wg_engine_unreserve(engine, SIZE_MAX);
                pair_teardown(state);
                pair_setup(state);
        }
}

/* Removed, and added again before the commit: this is another peer, which gets the prefix in one
 * step. Until then workers continue to use the old one. */
static void test_removed_and_added_again(void **state)
{
        struct wg_prefix prefix = {.ip = {WG_FAMILY_IPV4, {10, 0, 0, 2}}, .cidr = 32};
        struct pair *p = *state;
        struct wg_engine *engine = &p->a.engine;
        struct wg_peer *old = p->a.peer, *new;

        pair_connect(p, &p->a);
        p->a.t.env.free = look_and_free;
        peers_freed = 0;
        assert_true(wg_engine_reserve(engine, 1, 0));
        wg_engine_remove_peer(engine, old);
        assert_null(wg_peers_find(engine, p->b.public_key));
        new = wg_engine_add_peer(engine, p->b.public_key);
        wg_engine_set_endpoint(new, &p->b.at);
        wg_engine_allow(new, &prefix);
        assert_int_equal(engine->peer_count, 2);
        pair_work(p, &p->a);
        assert_int_equal(pair_send_any(p, &p->a), WG_VERDICT_SEALED);
        assert_int_equal(wg_engine_commit(engine, 2), 2); /* the prefixes of either family */
        assert_int_equal(peers_freed, 0);
        assert_int_equal(pair_send_any(p, &p->a), WG_VERDICT_NO_SESSION);
        wg_engine_commit(engine, SIZE_MAX);
        pair_work(p, &p->a); /* the last packet left a note */
        assert_int_equal(peers_freed, 1);
        assert_int_equal(engine->peer_count, 1);
        assert_ptr_equal(wg_peers_find(engine, p->b.public_key), new);
        p->a.peer = new;
}

/* It moves to the end and keeps its session, and thus its endpoint. */
static void test_renewed(void **state)
{
        struct pair *p = *state;
        struct wg_engine *engine = &p->a.engine;
        struct wg_peer *idle;
        struct wg_endpoint e;
        uint64_t serial;

        assert_true(wg_engine_reserve(engine, 1, 0));
        idle = add_peer(engine, 0);
        wg_engine_set_endpoint(idle, &p->b.at);
        pair_connect(p, &p->a);
        serial = idle->serial;
        wg_engine_renew_peer(engine, p->a.peer);
        assert_int_equal(p->a.peer->serial, serial + 1);
        assert_ptr_equal(engine->peers.next, &idle->in_order);
        assert_ptr_equal(engine->peers.prev, &p->a.peer->in_order);
        assert_int_equal(pair_send_any(p, &p->a), WG_VERDICT_SEALED);
        wg_path_read(&p->a.peer->path, &e);
        assert_true(wg_endpoint_is_same_remote(&e, &p->b.at));
        wg_engine_renew_peer(engine, idle);
        assert_ptr_equal(engine->peers.prev, &idle->in_order);
        wg_path_read(&idle->path, &e);
        assert_int_equal(e.ip.family, WG_FAMILY_NONE);
        assert_int_equal(wg_engine_commit(engine, SIZE_MAX), 0);
}

static void test_done_with_notes_queued(void **state)
{
        struct pair *p = *state;
        struct wg_engine *engine = &p->a.engine;

        assert_true(wg_engine_reserve(engine, 10, 0));
        for (uint32_t i = 0; i < 10; i++) {
                wg_worker_note(&p->a.worker, add_peer(engine, i), WG_NOTE_REKEY);
                if (i == 5)
                        wg_engine_remove_peer(engine, find_peer(engine, 3));
                wg_engine_commit(engine, SIZE_MAX);
        }
        /* The teardown ends the engine, and expects all memory to be freed. */
}

/* ---- threads ---- */

/* Two workers send to addresses whose peers the engine removes and adds meanwhile. Sanitizers watch
 * that nothing is used after it was freed. */
enum { PEERS = 16, CHANGES = 6000 };

struct race {
        struct pair *p;
        _Atomic bool is_over;
        _Atomic unsigned int sealed, mistakes;
};

struct runner {
        struct race *race;
        unsigned int number;
        struct wg_worker worker;
        pthread_t thread;
};

static void send_batch(struct runner *r, struct test_env *random)
{
        enum { N = 8, LEN = 40 };
        uint8_t bufs[N][WG_SEND_HEADROOM + LEN + 8 + WG_SEND_TAILROOM];
        struct wg_send_slot slots[N];

        for (size_t i = 0; i < N; i++) {
                slots[i] = (struct wg_send_slot){.buf = bufs[i], .len = LEN};
                packet_ipv4(bufs[i] + WG_SEND_HEADROOM, LEN, PAIR_A,
                            0x0a010000 | test_env_below(random, PEERS));
        }
        wg_send(&r->worker, slots, N, r->race->p->now.ns);
        for (size_t i = 0; i < N; i++) {
                if (slots[i].verdict == WG_VERDICT_SEALED) {
                        wg_worker_count_sent(&r->worker, slots[i].peer, slots[i].len);
                        r->race->sealed++;
                } else if (slots[i].verdict == WG_VERDICT_NO_SESSION) {
                        wg_waiting_remove(&slots[i].peer->waiting, 1);
                } else if (slots[i].verdict != WG_VERDICT_NO_PEER &&
                           slots[i].verdict != WG_VERDICT_NO_ENDPOINT) {
                        r->race->mistakes++;
                }
        }
}

static void *run(void *arg)
{
        struct runner *r = arg;
        struct test_env random = {.random = r->number};

        while (!r->race->is_over) {
                send_batch(r, &random);
                test_env_quiesce(&r->race->p->a.t, r->number);
        }
        return NULL;
}

static void change_one(struct pair *p)
{
        struct wg_engine *engine = &p->a.engine;
        uint32_t number = test_env_below(&p->a.t, PEERS);
        struct wg_peer *peer = find_peer(engine, number);
        struct wg_prefix prefix = {.ip = {WG_FAMILY_IPV4, {10, 1, 0, (uint8_t)number}}, .cidr = 32};

        if (peer && test_env_below(&p->a.t, 2)) {
                wg_engine_remove_peer(engine, peer);
                wg_engine_commit(engine, SIZE_MAX);
                return;
        }
        if (!peer) {
                assert_true(wg_engine_reserve(engine, 1, 1));
                peer = add_peer(engine, number);
                wg_engine_set_endpoint(peer, &p->b.at);
                wg_engine_allow(peer, &prefix);
                wg_engine_unreserve(engine, SIZE_MAX);
                wg_engine_commit(engine, SIZE_MAX);
        }
        pair_begin_session(peer, pair_new_keypair(p, peer, true, number));
}

static void test_workers_and_engine(void **state)
{
        struct runner *runners = calloc(TEST_READERS, sizeof(*runners));
        struct race race = {.p = *state};
        struct pair *p = *state;

        assert_non_null(runners);
        test_env_defer(&p->a.t);
        p->a.t.random = test_seed("peer, threads");
        for (unsigned int i = 0; i < TEST_READERS; i++) {
                runners[i].race = &race;
                runners[i].number = i;
                wg_worker_init(&runners[i].worker, &p->a.engine, wg_aead_choose(NULL));
                assert_int_equal(pthread_create(&runners[i].thread, NULL, run, &runners[i]), 0);
        }
        for (int i = 0; i < CHANGES || race.sealed < 1000; i++) {
                change_one(p);
                wg_engine_work(&p->a.engine, p->now, &p->a.actions);
                test_env_reclaim(&p->a.t);
        }
        race.is_over = true;
        for (unsigned int i = 0; i < TEST_READERS; i++)
                pthread_join(runners[i].thread, NULL);
        assert_int_equal(race.mistakes, 0);
        free(runners);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, pair_setup, pair_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_many),
                TEST(test_reserve),
                TEST(test_init_without_memory),
                TEST(test_removed_is_not_found),
                TEST(test_removed_with_a_note_queued),
                TEST(test_removed_while_held),
                TEST(test_removed_with_a_packet_on_its_way),
                TEST(test_removed_and_added_again),
                TEST(test_renewed),
                TEST(test_done_with_notes_queued),
                TEST(test_workers_and_engine),
        };

        return cmocka_run_group_tests_name("peers", tests, test_crypto_up, test_crypto_down);
}
