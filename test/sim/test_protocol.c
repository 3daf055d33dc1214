/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * test_protocol.c - WireGuard's behaviour and its times, fact by fact: two or three complete
 * engines in the simulator's network, undisturbed, with exact times. (The simulator itself tests
 * what happens when everything goes wrong at once.) */
#include <stdlib.h>

#include "core/work.h"
#include "sim/attacker.h"
#include "sim/world.h"
#include "test/lib/cmocka.h"
#include "test/lib/with_crypto.h"

#define S WG_NS_PER_S
#define MS WG_NS_PER_MS
#define WAY (10 * MS) /* time from one node to another */

enum { A, B, C, LOG_MAX = 8192 };

/* Messages, and how a log distinguishes them. */
enum kind { INITIATION, RESPONSE, COOKIE, KEEPALIVE, DATA };

struct entry {
        uint64_t at_ns;
        unsigned int node;
        enum kind kind;
        uint32_t len;
        uint8_t tos;
        struct wg_endpoint from, to;
        uint8_t bytes[WG_HANDSHAKE_LEN_MAX]; /* time of the first of them */
};

struct test_net {
        struct sim_world world;
        struct sim_attacker attacker;
        struct entry log[LOG_MAX]; /* messages sent by nodes */
        size_t count;
        unsigned int delivered[SIM_NODES_MAX];
        uint32_t delivered_lens[SIM_NODES_MAX]; /* the last one's */
        uint64_t began_ns;
};

/* ---- the network ---- */

static void tap(void *context, unsigned int node, const struct wg_endpoint *from,
                const struct wg_endpoint *to, const uint8_t *bytes, uint32_t len, uint8_t tos)
{
        struct test_net *net = context;
        struct entry *e = &net->log[net->count++];

        assert_true(net->count <= LOG_MAX);
        *e = (struct entry){net->world.now_ns, node, DATA, len, tos, *from, *to, {0}};
        memcpy(e->bytes, bytes, WG_MIN(len, (uint32_t)sizeof(e->bytes)));
        switch (bytes[0]) {
        case WG_MESSAGE_INITIATION:
                e->kind = INITIATION;
                break;
        case WG_MESSAGE_RESPONSE:
                e->kind = RESPONSE;
                break;
        case WG_MESSAGE_COOKIE:
                e->kind = COOKIE;
                break;
        default:
                e->kind = len == WG_DATA_OVERHEAD ? KEEPALIVE : DATA;
        }
}

static void delivered(void *context, unsigned int node, const struct sim_record *record)
{
        struct test_net *net = context;

        net->delivered[node]++;
        net->delivered_lens[node] = record->inner.len;
}

static struct wg_prefix own_prefix(unsigned int node)
{
        return (struct wg_prefix){
                .ip = {.family = WG_FAMILY_IPV4, .bytes = {10, 0, 0, (uint8_t)(node + 1)}},
                .cidr = 32,
        };
}

static void introduce(struct test_net *net, unsigned int node, unsigned int peer)
{
        struct wg_endpoint to = sim_net_endpoint(&net->world.net, peer);
        struct wg_prefix prefix = own_prefix(peer);

        sim_node_add_peer(net->world.nodes[node], peer);
        sim_node_set_endpoint(net->world.nodes[node], peer, &to);
        sim_node_allow(net->world.nodes[node], peer, &prefix);
}

/* Nodes that are up and know each other, and have not communicated. */
static struct test_net *new_net(unsigned int nodes)
{
        static const struct sim_habits undisturbed;
        struct test_net *net = sim_new(sizeof(*net));

        sim_world_init(&net->world, 1);
        net->world.tap = tap;
        net->world.tap_context = net->world.context = net;
        net->world.delivered = delivered;
        for (unsigned int i = 0; i < nodes; i++) {
                sim_world_add_node(&net->world, WG_FAMILY_IPV4, &undisturbed);
                sim_node_set_up(net->world.nodes[i], true);
                sim_node_start(net->world.nodes[i]);
        }
        for (unsigned int i = 0; i < nodes; i++)
                for (unsigned int j = 0; j < nodes; j++) {
                        net->world.net.links[i][j].delay_ns = WAY;
                        if (i != j)
                                introduce(net, i, j);
                }
        sim_world_run(&net->world, 1000 * S);
        net->began_ns = net->world.now_ns;
        return net;
}

static int set_up_pair(void **state)
{
        *state = new_net(2);
        return 0;
}

static int set_up_three(void **state)
{
        *state = new_net(3);
        return 0;
}

static int tear_down(void **state)
{
        struct test_net *net = *state;

        sim_world_done(&net->world);
        free(net);
        return 0;
}

/* ---- actions of a test ---- */

static struct sim_node *node(struct test_net *net, unsigned int id)
{
        return net->world.nodes[id];
}

static struct wg_peer *peer(struct test_net *net, unsigned int id, unsigned int other)
{
        return node(net, id)->peers[other].handle;
}

static uint64_t now(const struct test_net *net)
{
        return net->world.now_ns;
}

static void run_until(struct test_net *net, uint64_t at_ns)
{
        assert_true(at_ns >= now(net));
        sim_world_run(&net->world, at_ns);
}

static void run(struct test_net *net, uint64_t ns)
{
        run_until(net, now(net) + ns);
}

/* An inner packet of that length, given to a node. */
static void put_len(struct test_net *net, unsigned int from, unsigned int to, uint32_t len)
{
        struct sim_inner inner = {
                .source = own_prefix(from).ip, .destination = own_prefix(to).ip, .len = len};
        uint8_t bytes[2048];

        sim_inner_write(&sim_ledger_add_inner(&net->world.ledger, &inner)->inner, bytes);
        sim_node_put(node(net, from), bytes, len);
}

/* The same, and it is sent at once. Returns the time. */
static uint64_t send_len(struct test_net *net, unsigned int from, unsigned int to, uint32_t len)
{
        put_len(net, from, to, len);
        run(net, 0);
        return now(net);
}

static uint64_t send(struct test_net *net, unsigned int from, unsigned int to)
{
        return send_len(net, from, to, 100);
}

static void cut(struct test_net *net, unsigned int from, unsigned int to, bool is_cut)
{
        net->world.net.links[from][to].is_cut = is_cut;
}

/* Forgets the log. */
static void forget(struct test_net *net)
{
        net->count = 0;
        memset(net->delivered, 0, sizeof(net->delivered));
}

/* A session that A began, with everything that follows; returns when A had it. */
static uint64_t connect_pair(struct test_net *net)
{
        uint64_t at_ns = send(net, A, B);

        run(net, 30 * S);
        assert_int_equal(net->delivered[B], 1);
        forget(net);
        return at_ns + 2 * WAY;
}

static unsigned int count(const struct test_net *net, unsigned int id, enum kind kind)
{
        unsigned int n = 0;

        for (size_t i = 0; i < net->count; i++)
                n += net->log[i].node == id && net->log[i].kind == kind;
        return n;
}

/* The nth message (from 0) of that kind that a node sent; the test fails if it sent fewer. */
static const struct entry *nth(const struct test_net *net, unsigned int id, enum kind kind,
                               unsigned int n)
{
        for (size_t i = 0; i < net->count; i++)
                if (net->log[i].node == id && net->log[i].kind == kind && n-- == 0)
                        return &net->log[i];
        fail_msg("node %u did not send message %u of kind %d", id, n, (int)kind);
        return NULL;
}

static uint64_t verdicts(struct test_net *net, unsigned int id, enum wg_verdict verdict)
{
        uint64_t n = node(net, id)->engine.worker.counters[verdict];

        for (unsigned int i = 0; i < SIM_WORKERS; i++)
                n += node(net, id)->workers[i].counters[verdict];
        return n;
}

static bool has_session(struct test_net *net, unsigned int id, unsigned int other)
{
        struct wg_peer *p = peer(net, id, other);

        return p->current_known || p->previous || p->next;
}

#define assert_between(value, from, to) assert_in_range((value), (from), (to))

/* ---- handshakes ---- */

static void test_first_packet(void **state)
{
        struct test_net *net = *state;
        uint64_t at_ns = send(net, A, B);

        run(net, 5 * S);
        assert_int_equal(net->count, 3);
        assert_int_equal(nth(net, A, INITIATION, 0)->at_ns, at_ns);
        assert_int_equal(nth(net, B, RESPONSE, 0)->at_ns, at_ns + WAY);
        /* The staged packet is sent at once, so no keepalive is. */
        assert_int_equal(nth(net, A, DATA, 0)->at_ns, at_ns + 2 * WAY);
        assert_int_equal(net->delivered[B], 1);
        /* Nothing of the handshake is kept, on either side. */
        for (unsigned int id = A; id <= B; id++) {
                const struct wg_handshake *hs = &peer(net, id, !id)->handshake;

                assert_int_equal(hs->state, WG_HANDSHAKE_NONE);
                assert_null(hs->ephemeral);
                assert_true(wg_is_zero((const uint8_t *)&hs->noise, sizeof(hs->noise)));
        }
}

static void test_confirms_without_data(void **state)
{
        struct test_net *net = *state;

        sim_node_set_keepalive(node(net, A), B, 3600);
        run(net, S);
        assert_int_equal(count(net, A, INITIATION), 1);
        assert_int_equal(nth(net, A, KEEPALIVE, 0)->at_ns, nth(net, B, RESPONSE, 0)->at_ns + WAY);
}

static void test_staged_packets_keep_their_order_and_number(void **state)
{
        struct test_net *net = *state;

        for (uint32_t i = 0; i < WG_STAGED_PACKETS_MAX + 2; i++)
                send_len(net, A, B, 100 + i);
        assert_int_equal(verdicts(net, A, WG_VERDICT_STAGED_FULL), 2);
        run(net, S);
        assert_int_equal(net->delivered[B], WG_STAGED_PACKETS_MAX);
        assert_int_equal(nth(net, A, DATA, 0)->len, 112 + WG_DATA_OVERHEAD);
        assert_int_equal(net->delivered_lens[B], 100 + WG_STAGED_PACKETS_MAX + 1);
}

static void test_gives_up(void **state)
{
        struct test_net *net = *state;
        uint64_t at_ns, end_ns;

        cut(net, A, B, true);
        at_ns = send(net, A, B);
        run(net, 200 * S);
        assert_int_equal(count(net, A, INITIATION), 20);
        assert_int_equal(nth(net, A, INITIATION, 0)->at_ns, at_ns);
        for (unsigned int i = 1; i < 20; i++)
                assert_between(nth(net, A, INITIATION, i)->at_ns -
                                       nth(net, A, INITIATION, i - 1)->at_ns,
                               5 * S, 5 * S + S / 3);
        assert_int_equal(verdicts(net, A, WG_VERDICT_GAVE_UP), 1);
        assert_int_equal(peer(net, A, B)->staged.count, 0);
        assert_int_equal(peer(net, A, B)->handshake.state, WG_HANDSHAKE_INITIATED);

        /* The keys of the attempt are wiped 540 s later. */
        end_ns = peer(net, A, B)->deadlines[WG_TIMER_ZERO] - node(net, A)->boot_ns;
        assert_between(end_ns - 540 * S - nth(net, A, INITIATION, 19)->at_ns, 5 * S, 5 * S + S / 3);
        run_until(net, end_ns - 1);
        assert_int_equal(peer(net, A, B)->handshake.state, WG_HANDSHAKE_INITIATED);
        run_until(net, end_ns);
        assert_int_equal(peer(net, A, B)->handshake.state, WG_HANDSHAKE_NONE);
        assert_int_equal(net->count, 20);
}

static void test_new_data_restarts_the_count(void **state)
{
        struct test_net *net = *state;

        cut(net, A, B, true);
        send(net, A, B);
        run(net, 60 * S);
        send(net, A, B);
        assert_between(count(net, A, INITIATION), 12, 13);
        run(net, 200 * S);
        assert_between(count(net, A, INITIATION), 31, 33);
        assert_int_equal(verdicts(net, A, WG_VERDICT_GAVE_UP), 2);
}

static void test_simultaneous_initiations(void **state)
{
        /* Also with a delay above the retries' jitter. */
        static const uint64_t ways[] = {MS, 100 * MS, 700 * MS};

        for (size_t i = 0; i < WG_ARRAY_SIZE(ways); i++) {
                struct test_net *net = new_net(2);
                uint64_t at_ns = now(net);

                net->world.net.links[A][B].delay_ns = net->world.net.links[B][A].delay_ns = ways[i];
                send(net, A, B);
                send(net, B, A);
                run_until(net, at_ns + 3 * ways[i]);
                assert_int_equal(net->delivered[A] + net->delivered[B], 2);
                send(net, A, B);
                send(net, B, A);
                run(net, ways[i]);
                assert_int_equal(net->delivered[A] + net->delivered[B], 4);
                run(net, 60 * S);
                assert_int_equal(count(net, A, INITIATION) + count(net, B, INITIATION), 2);
                /* Two sessions exist, and both sides have settled on one. */
                assert_int_equal(atomic_load(&peer(net, A, B)->current)->remote_index,
                                 atomic_load(&peer(net, B, A)->current)->entry.index);
                tear_down((void **)&net);
        }
        (void)state;
}

static void test_responder_waits_for_proof(void **state)
{
        struct test_net *net = *state;
        uint64_t at_ns = send(net, A, B);

        run_until(net, at_ns + WAY);
        cut(net, A, B, true);
        run(net, 100 * MS);
        assert_non_null(peer(net, B, A)->next);
        assert_null(peer(net, B, A)->current_known);
        send(net, B, A);
        run(net, 100 * MS);
        assert_int_equal(count(net, B, DATA), 0);
        cut(net, A, B, false);
        send(net, A, B);
        run(net, WAY);
        assert_null(peer(net, B, A)->next);
        assert_int_equal(count(net, B, DATA), 1);
        run(net, WAY);
        assert_int_equal(net->delivered[A], 1);
        assert_int_equal(net->delivered[B], 1);
}

static void test_floor_after_a_response(void **state)
{
        struct test_net *net = *state;
        uint64_t at_ns;

        /* B has responded, and A disappears before it could prove the session. */
        cut(net, B, A, true);
        at_ns = send(net, A, B);
        run(net, S);
        sim_node_stop(node(net, A));
        send(net, B, A);
        run(net, 20 * S);
        assert_int_equal(nth(net, B, INITIATION, 0)->at_ns, at_ns + WAY + 5 * S);
}

static void test_a_new_peer_has_no_floor(void **state)
{
        struct test_net *net = *state;

        cut(net, A, B, true);
        send(net, A, B);
        run(net, S);
        sim_node_remove_peer(node(net, A), B);
        introduce(net, A, B);
        cut(net, A, B, false);
        send(net, A, B);
        assert_int_equal(count(net, A, INITIATION), 2);
        run(net, S);
        /* The staged packet went with the peer. */
        assert_int_equal(net->delivered[B], 1);
}

static void test_timestamps(void **state)
{
        struct test_net *net = *state;
        struct wg_endpoint to;
        const struct entry *first;

        cut(net, B, A, true);
        send(net, A, B);
        run(net, S);
        assert_int_equal(verdicts(net, B, WG_VERDICT_HANDSHAKE_DONE), 1);
        first = nth(net, A, INITIATION, 0);
        to = first->to;
        sim_net_inject(&net->world, &first->from, &to, first->bytes, first->len, 0);
        run(net, S);
        assert_int_equal(verdicts(net, B, WG_VERDICT_TIMESTAMP_REPLAYED), 1);
        /* The clock goes back by 8 s, and by a year: the next initiation is still newer. */
        node(net, A)->real_ns -= 8 * S;
        run(net, 5 * S);
        assert_int_equal(verdicts(net, B, WG_VERDICT_HANDSHAKE_DONE), 2);
        node(net, A)->real_ns -= 366 * 24 * 3600 * S;
        run(net, 10 * S);
        assert_int_equal(verdicts(net, B, WG_VERDICT_HANDSHAKE_DONE), 4);
        assert_int_equal(verdicts(net, B, WG_VERDICT_TIMESTAMP_REPLAYED), 1);
}

/* A handshake of A with a peer, after the link was down. */
static void speak_anew(struct test_net *net, unsigned int peer)
{
        uint64_t before = verdicts(net, peer, WG_VERDICT_HANDSHAKE_DONE);

        sim_node_set_up(node(net, A), false);
        run(net, S);
        sim_node_set_up(node(net, A), true);
        send(net, A, peer);
        run(net, S);
        assert_int_equal(verdicts(net, peer, WG_VERDICT_HANDSHAKE_DONE), before + 1);
}

/* Timestamps stay ahead of those sent before, whatever happens to peers, key and process. */
static void test_clock_set_back(void **state)
{
        struct test_net *net = *state;
        uint8_t first_key[WG_KEY_LEN], other_key[WG_KEY_LEN] = {7};

        memcpy(first_key, node(net, A)->private_key, sizeof(first_key));
        node(net, A)->real_ns += 3600 * S;
        speak_anew(net, B);
        node(net, A)->real_ns -= 3600 * S;
        speak_anew(net, B);
        sim_node_remove_peer(node(net, A), B);
        introduce(net, A, B);
        speak_anew(net, B);
        sim_node_stop(node(net, A));
        sim_node_start(node(net, A));
        speak_anew(net, B);
        sim_node_set_key(node(net, A), other_key);
        sim_node_set_key(node(net, A), first_key);
        speak_anew(net, B);
        assert_int_equal(verdicts(net, B, WG_VERDICT_TIMESTAMP_REPLAYED), 0);
}

/* The clock was once years ahead. A peer that saw this gets later timestamps from then on; others
 * do not. So only that peer refuses us after a start without the stamp file. */
static void test_clock_was_ahead(void **state)
{
        struct test_net *net = *state;
        uint64_t year_ns = 366 * 24 * 3600 * S;

        node(net, A)->real_ns += 20 * year_ns;
        speak_anew(net, B);
        node(net, A)->real_ns -= 20 * year_ns;
        speak_anew(net, B);
        speak_anew(net, C);
        assert_true(peer(net, A, B)->stamped_ns >
                    sim_node_now(node(net, A)).real_ns + 19 * year_ns);
        assert_true(peer(net, A, C)->stamped_ns <= sim_node_now(node(net, A)).real_ns);
}

static void test_twenty_milliseconds_between_initiations(void **state)
{
        struct test_net *net = *state;

        send(net, A, B);
        run(net, 19 * MS);
        sim_node_set_up(node(net, A), false);
        sim_node_set_up(node(net, A), true);
        send(net, A, B);
        run(net, 15 * MS);
        assert_int_equal(verdicts(net, B, WG_VERDICT_INITIATION_FLOOD), 1);
        run(net, 5 * MS);
        sim_node_set_up(node(net, A), false);
        sim_node_set_up(node(net, A), true);
        send(net, A, B);
        run(net, S);
        assert_int_equal(count(net, A, INITIATION), 3);
        assert_int_equal(verdicts(net, B, WG_VERDICT_INITIATION_FLOOD), 1);
        assert_int_equal(count(net, B, RESPONSE), 2);
        assert_int_equal(net->delivered[B], 1);
}

static void test_preshared_keys(void **state)
{
        static const uint8_t psk[WG_KEY_LEN] = {1, 2, 3};
        struct test_net *net = *state;

        sim_node_set_preshared_key(node(net, A), B, psk);
        send(net, A, B);
        run(net, 4 * S);
        assert_int_equal(verdicts(net, A, WG_VERDICT_HANDSHAKE_INVALID), 1);
        assert_int_equal(net->delivered[B], 0);
        sim_node_set_preshared_key(node(net, B), A, psk);
        run(net, 2 * S);
        assert_int_equal(net->delivered[B], 1);
}

static void test_low_order_public_key(void **state)
{
        static const uint8_t keys[][WG_KEY_LEN] = {
                {0}, {1}, {0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3,
                           0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32,
                           0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00}};
        struct test_net *net = *state;

        for (size_t i = 0; i < WG_ARRAY_SIZE(keys); i++) {
                uint8_t real_key[WG_KEY_LEN];

                sim_node_remove_peer(node(net, A), B);
                memcpy(real_key, node(net, B)->public_key, WG_KEY_LEN);
                memcpy(node(net, B)->public_key, keys[i], WG_KEY_LEN);
                introduce(net, A, B);
                memcpy(node(net, B)->public_key, real_key, WG_KEY_LEN);
                send(net, A, B);
                run(net, 120 * S);
                assert_int_equal(net->count, 0);
                /* Packets that wait for it do not wait forever. */
                assert_int_equal(verdicts(net, A, WG_VERDICT_GAVE_UP), i + 1);
        }
}

/* ---- keepalives ---- */

static void test_passive_keepalive(void **state)
{
        struct test_net *net = *state;
        uint64_t at_ns;

        connect_pair(net);
        at_ns = send(net, A, B);
        run(net, 60 * S);
        /* Ten seconds after the packet arrived, and once. */
        assert_int_equal(count(net, B, KEEPALIVE), 1);
        assert_int_equal(nth(net, B, KEEPALIVE, 0)->at_ns, at_ns + WAY + 10 * S);
        assert_int_equal(net->count, 2);
}

static void test_passive_keepalive_twice(void **state)
{
        struct test_net *net = *state;
        uint64_t at_ns;

        connect_pair(net);
        at_ns = send(net, A, B);
        run(net, 3 * S);
        send(net, A, B);
        run(net, 3 * S);
        send(net, A, B);
        run(net, 60 * S);
        /* More arrived while the first was pending: one more follows it. */
        assert_int_equal(count(net, B, KEEPALIVE), 2);
        assert_int_equal(nth(net, B, KEEPALIVE, 0)->at_ns, at_ns + WAY + 10 * S);
        assert_int_equal(nth(net, B, KEEPALIVE, 1)->at_ns, at_ns + WAY + 20 * S);
}

static void test_replies_replace_the_keepalive(void **state)
{
        struct test_net *net = *state;

        connect_pair(net);
        send(net, A, B);
        run(net, 9 * S);
        send(net, B, A);
        run(net, 9 * S);
        assert_int_equal(count(net, A, KEEPALIVE) + count(net, B, KEEPALIVE), 0);
        run(net, 60 * S);
        assert_int_equal(count(net, B, KEEPALIVE), 0);
        assert_int_equal(count(net, A, KEEPALIVE), 1);
}

static void test_persistent_keepalive(void **state)
{
        struct test_net *net = *state;
        uint64_t at_ns;

        connect_pair(net);
        at_ns = now(net);
        sim_node_set_keepalive(node(net, A), B, 25);
        run(net, 76 * S);
        /* One at once, then one every 25 s. */
        assert_int_equal(count(net, A, KEEPALIVE), 4);
        for (unsigned int i = 0; i < 4; i++)
                assert_int_equal(nth(net, A, KEEPALIVE, i)->at_ns, at_ns + i * 25 * S);
        assert_int_equal(net->count, 4);
}

static void test_traffic_postpones_the_persistent_keepalive(void **state)
{
        struct test_net *net = *state;
        uint64_t sent_ns, received_ns;

        connect_pair(net);
        sim_node_set_keepalive(node(net, A), B, 25);
        run(net, 20 * S);
        sent_ns = send(net, A, B);
        run_until(net, sent_ns + 20 * S);
        /* B's passive keepalive arrives 10 s and two trips later. */
        assert_int_equal(count(net, A, KEEPALIVE), 1);
        run_until(net, sent_ns + 36 * S);
        assert_int_equal(count(net, A, KEEPALIVE), 2);
        assert_int_equal(nth(net, A, KEEPALIVE, 1)->at_ns, sent_ns + 35 * S + 2 * WAY);
        received_ns = send(net, B, A) + WAY;
        run_until(net, received_ns + 60 * S);
        /* The passive keepalive answers first, and postpones the next. */
        assert_int_equal(nth(net, A, KEEPALIVE, 2)->at_ns, received_ns + 10 * S);
        assert_int_equal(nth(net, A, KEEPALIVE, 3)->at_ns, received_ns + 35 * S);
}

static void test_a_shorter_interval_counts_at_once(void **state)
{
        struct test_net *net = *state;
        uint64_t at_ns;

        connect_pair(net);
        sim_node_set_keepalive(node(net, A), B, 60);
        run(net, 30 * S);
        at_ns = now(net);
        sim_node_set_keepalive(node(net, A), B, 20);
        run(net, S);
        assert_int_equal(count(net, A, KEEPALIVE), 2);
        assert_int_equal(nth(net, A, KEEPALIVE, 1)->at_ns, at_ns);
        sim_node_set_keepalive(node(net, A), B, 0);
        run(net, 100 * S);
        assert_int_equal(count(net, A, KEEPALIVE), 2);
}

/* ---- the life of a session ---- */

static void test_silence(void **state)
{
        struct test_net *net = *state;
        uint64_t at_ns;

        connect_pair(net);
        cut(net, B, A, true);
        at_ns = send(net, A, B);
        run(net, 4 * S);
        send(net, A, B);
        run(net, 12 * S);
        assert_int_equal(count(net, A, INITIATION), 1);
        assert_between(nth(net, A, INITIATION, 0)->at_ns - at_ns, 15 * S, 15 * S + S / 3);
}

static void test_silence_twice(void **state)
{
        struct test_net *net = *state;

        /* B, since the initiator would soon ask for new keys anyway. */
        connect_pair(net);
        cut(net, A, B, true);
        cut(net, B, A, true);
        send(net, B, A);
        run(net, 16 * S);
        assert_int_equal(count(net, B, INITIATION), 1);
        run(net, 108 * S);
        assert_int_equal(count(net, B, INITIATION), 20);
        /* A has given up; the session is still valid, and the next unanswered packet counts from
         * the start. */
        send(net, B, A);
        assert_int_equal(count(net, B, DATA), 2);
        run(net, 14 * S);
        assert_int_equal(count(net, B, INITIATION), 20);
        run(net, 2 * S);
        assert_int_equal(count(net, B, INITIATION), 21);
}

static void test_a_reply_ends_the_silence(void **state)
{
        struct test_net *net = *state;
        uint64_t at_ns;

        connect_pair(net);
        send(net, A, B);
        run(net, 14 * S);
        assert_int_equal(count(net, B, KEEPALIVE), 1);
        cut(net, B, A, true);
        at_ns = send(net, A, B);
        run(net, 16 * S);
        assert_int_equal(count(net, A, INITIATION), 1);
        assert_between(nth(net, A, INITIATION, 0)->at_ns - at_ns, 15 * S, 15 * S + S / 3);
}

static void test_rekey_on_send(void **state)
{
        struct test_net *net = *state;
        uint64_t born_ns = connect_pair(net);

        run_until(net, born_ns + 120 * S - 1);
        send(net, A, B);
        assert_int_equal(count(net, A, INITIATION), 0);
        run_until(net, born_ns + 120 * S);
        run(net, 50 * MS);
        assert_int_equal(count(net, A, INITIATION), 0);
        send(net, A, B);
        assert_int_equal(count(net, A, INITIATION), 1);
        run(net, WAY);
        assert_int_equal(net->delivered[B], 2);
        /* The new session is used at once, and proven. */
        run(net, S);
        assert_int_equal(count(net, A, KEEPALIVE), 1);
        assert_int_equal(peer(net, B, A)->current_known->born_ns - node(net, B)->boot_ns,
                         nth(net, B, RESPONSE, 0)->at_ns);
        run(net, 60 * S);
        assert_int_equal(count(net, A, INITIATION), 1);
}

static void test_the_responder_does_not_rekey(void **state)
{
        struct test_net *net = *state;
        uint64_t born_ns = connect_pair(net);

        while (now(net) < born_ns + 164 * S) {
                send(net, B, A);
                run(net, 3 * S);
        }
        assert_int_equal(count(net, B, INITIATION), 0);
}

static void test_rekey_on_receive(void **state)
{
        struct test_net *net = *state;
        uint64_t born_ns = connect_pair(net);

        cut(net, A, B, true);
        run_until(net, born_ns + 165 * S - WAY - 1);
        send(net, B, A);
        run(net, S);
        assert_int_equal(count(net, A, INITIATION), 0);
        for (int i = 0; i < 9; i++) {
                send(net, B, A);
                run(net, S);
        }
        /* At the first packet, then when the retry is due: packets in between asked for nothing. */
        assert_int_equal(count(net, A, INITIATION), 2);
        assert_int_equal(nth(net, A, INITIATION, 0)->at_ns, born_ns + 165 * S - 1 + S);
        assert_between(nth(net, A, INITIATION, 1)->at_ns - nth(net, A, INITIATION, 0)->at_ns, 5 * S,
                       5 * S + S / 3);
}

static void test_keys_expire(void **state)
{
        struct test_net *net = *state;
        uint64_t born_ns = connect_pair(net);

        cut(net, B, A, true); /* no new session meanwhile */
        run_until(net, born_ns + 180 * S - 2 * WAY);
        send(net, A, B);
        run(net, WAY - 1);
        assert_int_equal(net->delivered[B], 0);
        /* The responder's keys are older, by one trip. */
        run(net, 2);
        assert_int_equal(net->delivered[B], 0);
        assert_int_equal(verdicts(net, B, WG_VERDICT_KEY_EXPIRED), 1);

        run_until(net, born_ns + 180 * S - 1);
        send(net, A, B);
        assert_int_equal(count(net, A, DATA), 2);
        run(net, 1);
        send(net, A, B);
        assert_int_equal(count(net, A, DATA), 2);
        assert_int_equal(peer(net, A, B)->staged.count, 1);
}

static void test_keys_are_forgotten(void **state)
{
        struct test_net *net = *state;
        uint64_t born_ns = connect_pair(net);

        run_until(net, born_ns + 540 * S - WAY - 1);
        assert_true(has_session(net, B, A));
        run(net, 1);
        assert_false(has_session(net, B, A));
        run(net, WAY - 1);
        assert_true(has_session(net, A, B));
        run(net, 1);
        assert_false(has_session(net, A, B));
        assert_int_equal(net->count, 0);
        assert_int_equal(wg_engine_deadline(&node(net, A)->engine), UINT64_MAX);
        assert_int_equal(wg_engine_deadline(&node(net, B)->engine), UINT64_MAX);
}

static void test_message_limits(void **state)
{
        struct test_net *net = *state;

        connect_pair(net);
        /* From 2^60 on, either role asks for new keys. */
        peer(net, B, A)->current_known->send_counter = WG_REKEY_AFTER_MESSAGES - 1;
        send(net, B, A);
        assert_int_equal(count(net, B, INITIATION), 0);
        cut(net, A, B, true);
        send(net, B, A);
        run(net, S);
        assert_int_equal(count(net, B, INITIATION), 1);
        assert_int_equal(net->delivered[A], 2);
        /* The limit itself is never used, not even in the middle of a batch. */
        peer(net, B, A)->current_known->send_counter = WG_REJECT_AFTER_MESSAGES - 1;
        node(net, B)->habits.batch_max = WG_BATCH_MAX;
        for (int i = 0; i < 3; i++)
                put_len(net, B, A, 100);
        run(net, S);
        assert_int_equal(net->delivered[A], 3);
        assert_int_equal(peer(net, B, A)->staged.count, 2);
}

/* ---- cookies ---- */

static void flood(struct test_net *net, unsigned int id)
{
        net->world.tap = tap;
        net->world.tap_context = net;
        sim_attacker_flood(&net->attacker, id, 600);
}

static void load_attacker(struct test_net *net)
{
        sim_attacker_init(&net->attacker, &net->world, 0);
}

static bool has_mac2(const struct entry *e)
{
        return !wg_is_zero(e->bytes + e->len - WG_MAC_LEN, WG_MAC_LEN);
}

static void test_cookie(void **state)
{
        struct test_net *net = *state;
        struct entry again;
        uint64_t unexpected;
        uint64_t at_ns;

        load_attacker(net);
        flood(net, B);
        run(net, 100 * MS);
        assert_int_equal(count(net, B, COOKIE), 600);
        forget(net);
        at_ns = send(net, A, B);
        run(net, 4 * S);
        /* It is stored, and not answered at once. */
        assert_int_equal(count(net, A, INITIATION), 1);
        assert_false(has_mac2(nth(net, A, INITIATION, 0)));
        assert_int_equal(count(net, B, COOKIE), 1);
        assert_int_equal(count(net, B, RESPONSE), 0);
        assert_int_equal(verdicts(net, A, WG_VERDICT_COOKIE_STORED), 1);
        /* One for each message sent: a repeated reply is ignored. */
        again = *nth(net, B, COOKIE, 0);
        unexpected = verdicts(net, A, WG_VERDICT_UNEXPECTED);
        sim_net_inject(&net->world, &again.from, &again.to, again.bytes, again.len, 0);
        run(net, 0);
        assert_int_equal(verdicts(net, A, WG_VERDICT_UNEXPECTED), unexpected + 1);
        run_until(net, at_ns + 5 * S - 10 * MS);
        flood(net, B);
        run(net, S);
        assert_int_equal(count(net, A, INITIATION), 2);
        assert_true(has_mac2(nth(net, A, INITIATION, 1)));
        assert_int_equal(count(net, B, RESPONSE), 1);
        assert_int_equal(net->delivered[B], 1);
        /* The limiter's memory is freed soon after. */
        assert_int_equal(node(net, B)->engine.ratelimit.count, 1);
        run(net, 3 * S);
        assert_int_equal(node(net, B)->engine.ratelimit.count, 0);
}

/* An initiation of A to a B under load, as after a restart. */
static void initiate_under_load(struct test_net *net)
{
        sim_node_set_up(node(net, A), false);
        sim_node_set_up(node(net, A), true);
        flood(net, B);
        run(net, 15 * MS);
        forget(net);
        send(net, A, B);
        run(net, S);
}

static void test_cookie_lifetimes(void **state)
{
        struct test_net *net = *state;
        uint64_t secret_ns;

        load_attacker(net);
        secret_ns = now(net) + 10 * MS;
        initiate_under_load(net);
        assert_int_equal(count(net, B, COOKIE), 1);

        /* A uses it for less than 115 s; B's secret would allow 120. */
        run_until(net, secret_ns + 114 * S);
        initiate_under_load(net);
        assert_true(has_mac2(nth(net, A, INITIATION, 0)));
        assert_int_equal(count(net, B, RESPONSE), 1);
        run_until(net, secret_ns + 116 * S);
        initiate_under_load(net);
        assert_false(has_mac2(nth(net, A, INITIATION, 0)));
        assert_int_equal(count(net, B, COOKIE), 1);

        /* A fresh cookie made with a secret that has since expired is invalid. */
        run_until(net, secret_ns + 121 * S);
        initiate_under_load(net);
        assert_true(has_mac2(nth(net, A, INITIATION, 0)));
        assert_int_equal(count(net, B, COOKIE), 1);
        assert_int_equal(count(net, B, RESPONSE), 0);
}

/* The initiator may be the one under load, and ask for a proof with the response. */
static void test_responses_need_cookies_too(void **state)
{
        struct test_net *net = *state;
        uint64_t at_ns;

        load_attacker(net);
        flood(net, A);
        run(net, 15 * MS);
        forget(net);
        at_ns = send(net, A, B);
        run(net, S);
        assert_int_equal(count(net, B, RESPONSE), 1);
        assert_int_equal(count(net, A, COOKIE), 1);
        assert_int_equal(verdicts(net, B, WG_VERDICT_COOKIE_STORED), 1);
        assert_false(has_session(net, A, B));
        run_until(net, at_ns + 5 * S - 10 * MS);
        flood(net, A);
        run(net, S);
        assert_true(has_mac2(nth(net, B, RESPONSE, 1)));
        assert_int_equal(net->delivered[B], 1);
}

static void test_a_cookie_is_bound_to_its_port(void **state)
{
        struct test_net *net = *state;

        load_attacker(net);
        initiate_under_load(net);
        assert_int_equal(count(net, B, COOKIE), 1);
        net->world.net.hosts[A].port++;
        run(net, 2 * S);
        initiate_under_load(net);
        assert_true(has_mac2(nth(net, A, INITIATION, 0)));
        assert_int_equal(count(net, B, RESPONSE), 0);
        assert_int_equal(count(net, B, COOKIE), 1);
}

static void test_the_handshake_queue_is_bounded(void **state)
{
        struct test_net *net = *state;

        load_attacker(net);
        net->world.tap = NULL; /* thousands of cookies */
        sim_attacker_flood(&net->attacker, B, WG_HANDSHAKE_QUEUE_MAX + 100);
        run(net, S);
        assert_int_equal(verdicts(net, B, WG_VERDICT_QUEUE_FULL), 100);
        assert_int_equal(verdicts(net, B, WG_VERDICT_COOKIE_DEMANDED), WG_HANDSHAKE_QUEUE_MAX);
}

static void test_down_drops_waiting_packets(void **state)
{
        struct test_net *net = *state;

        load_attacker(net);
        node(net, B)->habits.engine_cost_ns = 100 * MS;
        flood(net, B);
        run(net, 15 * MS);
        assert_true(node(net, B)->engine.handshakes.count > 0);
        sim_node_set_up(node(net, B), false);
        assert_int_equal(node(net, B)->engine.handshakes.count, 0);
        assert_true(verdicts(net, B, WG_VERDICT_DOWN) > 0);
}

static void test_silence_toward_strangers(void **state)
{
        struct test_net *net = *state;

        connect_pair(net);
        load_attacker(net);
        net->world.tap = tap;
        net->world.tap_context = net;
        sim_attacker_flood(&net->attacker, B, 100);
        run(net, 100 * MS);
        assert_int_equal(verdicts(net, B, WG_VERDICT_HANDSHAKE_INVALID), 100);
        assert_int_equal(net->count, 0);
}

/* ---- roaming ---- */

/* Whatever B sends while it delivers must go to A's new endpoint. */
static void answer(void *context, unsigned int id, const struct sim_record *record)
{
        struct test_net *net = context;

        delivered(context, id, record);
        if (id == B)
                send(net, B, A);
}

static void test_roaming(void **state)
{
        struct test_net *net = *state;
        struct wg_endpoint from;

        connect_pair(net);
        net->world.delivered = answer;
        sim_net_place(&net->world.net, A, WG_FAMILY_IPV6);
        from = sim_net_endpoint(&net->world.net, A);
        send(net, A, B);
        run(net, WAY);
        assert_true(wg_endpoint_is_same_remote(&nth(net, B, DATA, 0)->to, &from));
        run(net, WAY);
        assert_int_equal(net->delivered[A], 1);
        assert_int_equal(count(net, A, INITIATION) + count(net, B, INITIATION), 0);
}

/* The first packet of a session is answered under it, at its source. */
static void test_the_first_answer(void **state)
{
        struct test_net *net = *state;
        uint64_t at_ns;

        net->world.delivered = answer;
        sim_net_place(&net->world.net, A, WG_FAMILY_IPV4);
        at_ns = send(net, A, B);
        run(net, S);
        assert_int_equal(nth(net, B, DATA, 0)->at_ns, at_ns + 3 * WAY);
        assert_int_equal(net->delivered[A], 1);
}

static void test_handshakes_roam_too(void **state)
{
        struct test_net *net = *state;
        struct wg_endpoint from;

        connect_pair(net);
        sim_net_place(&net->world.net, A, WG_FAMILY_IPV4);
        from = sim_net_endpoint(&net->world.net, A);
        sim_node_set_up(node(net, A), false);
        sim_node_set_up(node(net, A), true);
        send(net, A, B);
        run(net, S);
        assert_true(wg_endpoint_is_same_remote(&nth(net, B, RESPONSE, 0)->to, &from));
}

static void test_refused_sources_roam_too(void **state)
{
        struct test_net *net = *state;
        struct sim_inner inner = {
                .source = own_prefix(C).ip, .destination = own_prefix(B).ip, .len = 60};
        struct wg_endpoint from, path;
        uint8_t bytes[60];
        uint64_t rx;

        connect_pair(net);
        sim_net_place(&net->world.net, A, WG_FAMILY_IPV4);
        from = sim_net_endpoint(&net->world.net, A);
        rx = peer(net, B, A)->rx_bytes;
        sim_inner_write(&inner, bytes);
        sim_node_put_to(node(net, A), B, bytes, sizeof(bytes));
        run(net, S);
        assert_int_equal(verdicts(net, B, WG_VERDICT_SOURCE_REFUSED), 1);
        assert_int_equal(peer(net, B, A)->rx_bytes, rx);
        wg_path_read(&peer(net, B, A)->path, &path);
        assert_true(wg_endpoint_is_same_remote(&path, &from));
        /* It was still data, and is acknowledged. */
        run(net, 10 * S);
        assert_int_equal(count(net, B, KEEPALIVE), 1);
}

static void test_a_prefix_moves(void **state)
{
        struct test_net *net = *state;
        struct wg_prefix prefix = own_prefix(A);

        connect_pair(net);
        sim_node_allow(node(net, B), C, &prefix);
        send(net, A, B);
        run(net, S);
        assert_int_equal(verdicts(net, B, WG_VERDICT_SOURCE_REFUSED), 1);
        assert_int_equal(net->delivered[B], 0);
        send(net, B, A);
        assert_true(wg_endpoint_is_same_remote(&nth(net, B, INITIATION, 0)->to,
                                               &node(net, B)->peers[C].endpoint));
}

/* ---- configuration ---- */

static void test_a_new_private_key(void **state)
{
        struct test_net *net = *state;
        static const uint8_t key[WG_KEY_LEN] = {7};
        uint64_t born_ns = connect_pair(net);

        sim_node_set_key(node(net, B), key);
        /* Sending stops at once; */
        send(net, B, A);
        run(net, S);
        assert_int_equal(count(net, B, DATA), 0);
        assert_int_equal(count(net, B, INITIATION), 1);
        assert_int_equal(verdicts(net, A, WG_VERDICT_UNKNOWN_PEER), 1);
        /* receiving does not, as long as the keys live. */
        run_until(net, born_ns + 180 * S - 2 * WAY - 1);
        cut(net, B, A, true);
        send(net, A, B);
        run(net, WAY);
        assert_int_equal(net->delivered[B], 1);
        send(net, A, B);
        run(net, WAY);
        assert_int_equal(net->delivered[B], 1);
}

static void test_a_new_private_key_during_a_rekey(void **state)
{
        struct test_net *net = *state;
        static const uint8_t key[WG_KEY_LEN] = {8};

        run_until(net, connect_pair(net) + 120 * S);
        cut(net, A, B, true);
        send(net, A, B);
        assert_int_equal(peer(net, A, B)->handshake.state, WG_HANDSHAKE_INITIATED);
        sim_node_set_key(node(net, A), key);
        assert_int_equal(peer(net, A, B)->handshake.state, WG_HANDSHAKE_NONE);
        assert_int_equal(peer(net, A, B)->deadlines[WG_TIMER_RETRY], 0);
}

static void test_the_same_private_key(void **state)
{
        struct test_net *net = *state;
        uint8_t key[WG_KEY_LEN];

        connect_pair(net);
        memcpy(key, node(net, B)->private_key, sizeof(key));
        sim_node_set_key(node(net, B), key);
        send(net, B, A);
        run(net, S);
        assert_int_equal(net->delivered[A], 1);
        assert_int_equal(count(net, B, INITIATION), 0);
}

static void test_a_private_key_during_an_initiation(void **state)
{
        struct test_net *net = *state;
        static const uint8_t key[WG_KEY_LEN] = {9};
        uint64_t at_ns = send(net, A, B);

        /* The initiation under the old key is forgotten, and so is the pause after it. */
        sim_node_set_key(node(net, A), key);
        sim_node_remove_peer(node(net, B), A);
        introduce(net, B, A);
        run(net, S);
        assert_int_equal(count(net, A, INITIATION), 2);
        assert_int_equal(nth(net, A, INITIATION, 1)->at_ns, at_ns);
        assert_int_equal(net->delivered[B], 1);
}

static void test_our_own_key_as_a_peer(void **state)
{
        struct test_net *net = *state;

        connect_pair(net);
        sim_node_set_key(node(net, A), node(net, B)->private_key);
        assert_null(peer(net, A, B));
        assert_int_equal(node(net, A)->engine.peer_count, 0);
        send(net, A, B);
        assert_int_equal(verdicts(net, A, WG_VERDICT_NO_PEER), 1);
}

static void test_the_first_key(void **state)
{
        struct test_net *net = *state;
        uint8_t key[WG_KEY_LEN];

        memcpy(key, node(net, A)->private_key, sizeof(key));
        sim_node_clear_key(node(net, A));
        send(net, A, B);
        run(net, 10 * S);
        assert_int_equal(net->count, 0);
        assert_int_equal(peer(net, A, B)->staged.count, 1);
        sim_node_set_key(node(net, A), key);
        run(net, S);
        assert_int_equal(net->delivered[B], 1);
}

static void test_an_endpoint_later(void **state)
{
        struct test_net *net = *state;
        struct wg_prefix prefix = own_prefix(B);
        struct wg_endpoint to;

        sim_node_remove_peer(node(net, A), B);
        memset(&node(net, A)->peers[B].endpoint, 0, sizeof(node(net, A)->peers[B].endpoint));
        sim_node_add_peer(node(net, A), B);
        sim_node_allow(node(net, A), B, &prefix);
        send(net, A, B);
        assert_int_equal(verdicts(net, A, WG_VERDICT_NO_ENDPOINT), 1);
        sim_node_set_keepalive(node(net, A), B, 25);
        run(net, S);
        assert_int_equal(net->count, 0);
        to = sim_net_endpoint(&net->world.net, B);
        sim_node_set_endpoint(node(net, A), B, &to);
        run(net, S);
        assert_int_equal(count(net, A, KEEPALIVE), 1);
}

static void test_down_and_up(void **state)
{
        struct test_net *net = *state;
        uint64_t at_ns;

        connect_pair(net);
        sim_node_set_keepalive(node(net, A), B, 25);
        run(net, S);
        forget(net);
        sim_node_set_up(node(net, A), false);
        assert_false(has_session(net, A, B));
        assert_int_equal(wg_engine_deadline(&node(net, A)->engine), UINT64_MAX);
        run(net, 100 * S);
        assert_int_equal(count(net, A, KEEPALIVE) + count(net, A, INITIATION), 0);
        at_ns = now(net);
        sim_node_set_up(node(net, A), true);
        run(net, S);
        /* A keepalive to each peer that has an interval, at once; it needs a session first. */
        assert_int_equal(nth(net, A, INITIATION, 0)->at_ns, at_ns);
        assert_int_equal(count(net, A, KEEPALIVE), 1);
        /* The pause after an initiation is forgotten too. */
        sim_node_set_up(node(net, A), false);
        sim_node_set_up(node(net, A), true);
        run(net, S);
        assert_int_equal(count(net, A, INITIATION), 2);
}

static void test_suspend(void **state)
{
        struct test_net *net = *state;
        uint64_t at_ns;

        connect_pair(net);
        sim_node_sleep(node(net, A));
        run(net, 10 * S);
        sim_node_wake(node(net, A));
        assert_false(has_session(net, A, B));
        at_ns = send(net, A, B);
        run(net, S);
        assert_int_equal(nth(net, A, INITIATION, 0)->at_ns, at_ns);
        assert_int_equal(net->delivered[B], 1);
}

static void test_restart(void **state)
{
        struct test_net *net = *state;
        uint64_t at_ns;

        connect_pair(net);
        sim_node_stop(node(net, B));
        sim_node_start(node(net, B));
        at_ns = send(net, A, B);
        run(net, 40 * S);
        /* B does not know the session, and does not answer; A notices. */
        assert_int_equal(verdicts(net, B, WG_VERDICT_UNKNOWN_INDEX), 1);
        assert_between(nth(net, A, INITIATION, 0)->at_ns - at_ns, 15 * S, 15 * S + S / 3);
        send(net, A, B);
        run(net, S);
        assert_int_equal(net->delivered[B], 1);
}

/* ---- bytes ---- */

static void test_padding(void **state)
{
        static const struct {
                uint32_t len, mtu, sealed;
        } cases[] = {
                {36, 1420, 48},     {48, 1420, 48},     {49, 1420, 64},
                {1408, 1420, 1408}, {1409, 1420, 1420}, {1420, 1420, 1420},
                {1420, 1000, 1432}, {1000, 1000, 1000}, {993, 1000, 1000},
        };
        struct test_net *net = *state;

        connect_pair(net);
        for (size_t i = 0; i < WG_ARRAY_SIZE(cases); i++) {
                sim_node_set_mtu(node(net, A), cases[i].mtu);
                forget(net);
                send_len(net, A, B, cases[i].len);
                assert_int_equal(nth(net, A, DATA, 0)->len, cases[i].sealed + WG_DATA_OVERHEAD);
                run(net, WAY);
                assert_int_equal(net->delivered_lens[B], cases[i].len);
        }
}

static void test_counters(void **state)
{
        struct test_net *net = *state;

        send(net, A, B);
        run(net, 5 * S);
        /* Initiation, response, 100 bytes padded to 112. */
        assert_int_equal(peer(net, A, B)->tx_bytes, 148 + 112 + 32);
        assert_int_equal(peer(net, A, B)->rx_bytes, 92);
        assert_int_equal(peer(net, B, A)->rx_bytes, 148 + 112 + 32);
        assert_int_equal(peer(net, B, A)->tx_bytes, 92);
        run(net, 20 * S);
        assert_int_equal(peer(net, A, B)->rx_bytes, 92 + 32);
        /* Seconds since 1970, not since the start. */
        assert_int_equal(peer(net, A, B)->handshake_real_ns,
                         net->began_ns + 2 * WAY + node(net, A)->real_ns);
}

static void test_type_of_service(void **state)
{
        struct test_net *net = *state;

        send(net, A, B);
        run(net, S);
        assert_int_equal(nth(net, A, INITIATION, 0)->tos, 0x88);
        assert_int_equal(nth(net, B, RESPONSE, 0)->tos, 0x88);
        assert_int_equal(nth(net, A, DATA, 0)->tos, 0);
}

#define PAIR(name) cmocka_unit_test_setup_teardown(name, set_up_pair, tear_down)
#define THREE(name) cmocka_unit_test_setup_teardown(name, set_up_three, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                PAIR(test_first_packet),
                PAIR(test_confirms_without_data),
                PAIR(test_staged_packets_keep_their_order_and_number),
                PAIR(test_gives_up),
                PAIR(test_new_data_restarts_the_count),
                cmocka_unit_test(test_simultaneous_initiations),
                PAIR(test_responder_waits_for_proof),
                PAIR(test_floor_after_a_response),
                PAIR(test_a_new_peer_has_no_floor),
                PAIR(test_timestamps),
                PAIR(test_clock_set_back),
                THREE(test_clock_was_ahead),
                PAIR(test_twenty_milliseconds_between_initiations),
                PAIR(test_preshared_keys),
                PAIR(test_low_order_public_key),
                PAIR(test_passive_keepalive),
                PAIR(test_passive_keepalive_twice),
                PAIR(test_replies_replace_the_keepalive),
                PAIR(test_persistent_keepalive),
                PAIR(test_traffic_postpones_the_persistent_keepalive),
                PAIR(test_a_shorter_interval_counts_at_once),
                PAIR(test_silence),
                PAIR(test_silence_twice),
                PAIR(test_a_reply_ends_the_silence),
                PAIR(test_rekey_on_send),
                PAIR(test_the_responder_does_not_rekey),
                PAIR(test_rekey_on_receive),
                PAIR(test_keys_expire),
                PAIR(test_keys_are_forgotten),
                PAIR(test_message_limits),
                PAIR(test_cookie),
                PAIR(test_cookie_lifetimes),
                PAIR(test_responses_need_cookies_too),
                PAIR(test_a_cookie_is_bound_to_its_port),
                PAIR(test_the_handshake_queue_is_bounded),
                PAIR(test_down_drops_waiting_packets),
                PAIR(test_silence_toward_strangers),
                PAIR(test_roaming),
                PAIR(test_the_first_answer),
                PAIR(test_handshakes_roam_too),
                THREE(test_refused_sources_roam_too),
                THREE(test_a_prefix_moves),
                PAIR(test_a_new_private_key),
                PAIR(test_a_new_private_key_during_a_rekey),
                PAIR(test_the_same_private_key),
                PAIR(test_a_private_key_during_an_initiation),
                PAIR(test_our_own_key_as_a_peer),
                PAIR(test_the_first_key),
                PAIR(test_an_endpoint_later),
                PAIR(test_down_and_up),
                PAIR(test_suspend),
                PAIR(test_restart),
                PAIR(test_padding),
                PAIR(test_counters),
                PAIR(test_type_of_service),
        };

        return cmocka_run_group_tests_name("protocol", tests, test_crypto_up, test_crypto_down);
}
