/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * fuzz_datagram.c - any datagrams to a node that has a session with one peer and has started one
 * with another. The input is a list of datagrams: rubbish; genuine messages, possibly changed, and
 * with mac1 possibly recomputed; or any inner packet, sealed honestly by a peer. The simulator's
 * checks fail if the node accepts anything other than a message that a peer made for it, accepts
 * one twice, or answers a stranger. */
#include <stdlib.h>

#include "base/bytes.h"
#include "core/cookie.h"
#include "sim/world.h"
#include "test/lib/with_crypto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PEER, TARGET, OTHER, NODES }; /* PEER has the session, OTHER is to get one */
enum { DATAGRAM_MAX = 2048, DATAGRAMS_MAX = 64 };

/* The first byte of each part of the input. */
enum { RUBBISH, INITIATION, RESPONSE, COOKIE, DATA, KEEPALIVE, SEALED, KINDS };
enum { KIND_MASK = 0x0f, FIX_MAC1 = 0x10, FROM_ELSEWHERE = 0x20 };

struct message {
        uint32_t len;
        uint8_t bytes[DATAGRAM_MAX];
};

struct fuzz {
        struct sim_world world;
        struct message genuine[KINDS];
        struct message initiation; /* from the target to OTHER */
};

struct input {
        const uint8_t *at, *end;
};

static uint8_t next(struct input *in)
{
        return in->at < in->end ? *in->at++ : 0;
}

/* ---- genuine messages ---- */

static void keep(struct message *m, const uint8_t *bytes, uint32_t len)
{
        m->len = len;
        memcpy(m->bytes, bytes, len);
}

static void tap(void *context, unsigned int node, const struct wg_endpoint *from,
                const struct wg_endpoint *to, const uint8_t *bytes, uint32_t len, uint8_t tos)
{
        struct fuzz *f = context;

        (void)from;
        (void)to;
        (void)tos;
        if (bytes[0] == WG_MESSAGE_DATA)
                keep(&f->genuine[len == WG_DATA_OVERHEAD ? KEEPALIVE : DATA], bytes, len);
        else if (node == TARGET)
                keep(&f->initiation, bytes, len);
        else
                keep(&f->genuine[bytes[0] == WG_MESSAGE_INITIATION ? INITIATION : RESPONSE], bytes,
                     len);
}

static struct wg_prefix own_prefix(unsigned int node)
{
        return (struct wg_prefix){
                .ip = {.family = WG_FAMILY_IPV4, .bytes = {10, 0, 0, (uint8_t)(node + 1)}},
                .cidr = 32,
        };
}

static void introduce(struct sim_world *world, unsigned int a, unsigned int b)
{
        struct wg_endpoint to = sim_net_endpoint(&world->net, b);
        struct wg_prefix prefix = own_prefix(b);

        sim_node_add_peer(world->nodes[a], b);
        sim_node_set_endpoint(world->nodes[a], b, &to);
        sim_node_allow(world->nodes[a], b, &prefix);
}

static void say(struct sim_world *world, unsigned int from, unsigned int to)
{
        struct sim_inner inner = {.source = own_prefix(from).ip,
                                  .destination = own_prefix(to).ip,
                                  .len = SIM_INNER_MIN4 + 64};
        uint8_t bytes[SIM_INNER_MIN4 + 64];

        sim_inner_write(&sim_ledger_add_inner(&world->ledger, &inner)->inner, bytes);
        sim_node_put(world->nodes[from], bytes, sizeof(bytes));
        sim_world_run(world, world->now_ns + WG_NS_PER_S);
}

static void random_bytes(void *ctx, void *out, size_t len)
{
        sim_random_fill(ctx, out, len);
}

/* Makes the cookie reply that OTHER, which is not under load, would send if it were. */
static void make_cookie(struct fuzz *f)
{
        struct sim_random random;
        struct wg_env env = {.ctx = &random, .random = random_bytes};
        struct wg_cookie_maker maker = {.born_ns = 0};
        struct wg_endpoint from = sim_net_endpoint(&f->world.net, TARGET);
        struct message *m = &f->genuine[COOKIE];

        sim_random_init(&random, 0, 'c');
        m->len = WG_COOKIE_LEN;
        wg_cookie_reply(&maker, &env, 1, f->world.nodes[OTHER]->engine.identity,
                        f->initiation.bytes, f->initiation.len,
                        wg_le32_load(f->initiation.bytes + WG_INITIATION_SENDER), &from, m->bytes);
        sim_ledger_add_datagram(&f->world.ledger, sim_ledger_hash(m->bytes, m->len), OTHER, TARGET);
}

static void set_up(struct fuzz *f)
{
        static const struct sim_habits habits = {.batch_max = 8};
        struct sim_world *world = &f->world;

        sim_world_init(world, 1);
        for (unsigned int i = 0; i < NODES; i++) {
                sim_world_add_node(world, WG_FAMILY_IPV4, &habits);
                sim_node_set_up(world->nodes[i], true);
                sim_node_start(world->nodes[i]);
        }
        introduce(world, PEER, TARGET);
        introduce(world, OTHER, TARGET);
        introduce(world, TARGET, PEER);
        introduce(world, TARGET, OTHER);
        say(world, PEER, TARGET);
        world->tap = tap;
        world->tap_context = f;
        /* Two minutes later a packet also triggers a new handshake. Both are lost, and so are a
         * keepalive and OTHER's answer to the target's initiation. */
        sim_world_run(world, world->now_ns + WG_REKEY_AFTER_TIME);
        world->net.links[PEER][TARGET].is_cut = world->net.links[OTHER][TARGET].is_cut = true;
        say(world, PEER, TARGET);
        sim_node_put_to(world->nodes[PEER], TARGET, NULL, 0);
        say(world, TARGET, OTHER);
        make_cookie(f);
        world->tap = NULL;
        world->net.links[PEER][TARGET].is_cut = world->net.links[OTHER][TARGET].is_cut = false;
}

/* ---- the input ---- */

static void fix_mac1(struct fuzz *f, struct message *m)
{
        uint8_t key[WG_HASH_LEN];
        uint32_t at = m->len - 2 * WG_MAC_LEN;

        if (m->len < 2 * WG_MAC_LEN)
                return;
        wg_identity_mac1_key(key, f->world.nodes[TARGET]->public_key);
        wg_mac(m->bytes + at, key, sizeof(key), m->bytes, at);
}

/* Reads a number of bytes, their offset and the bytes, and XORs them into a message. */
static void change(struct message *m, struct input *in)
{
        uint32_t n = next(in), at = next(in) * 8u, shorter;

        for (; n && at < DATAGRAM_MAX && in->at < in->end; n--, at++)
                m->bytes[at] ^= next(in);
        m->len = WG_MIN(WG_MAX(m->len, at), (uint32_t)DATAGRAM_MAX);
        if (next(in) & 1) {
                shorter = next(in) * 8u;
                shorter += next(in) % 8u;
                m->len = WG_MIN(shorter, m->len);
        }
}

static void inject(struct fuzz *f, const struct message *m, uint8_t flags)
{
        struct sim_net *net = &f->world.net;
        struct wg_endpoint to = sim_net_endpoint(net, TARGET), from = sim_net_endpoint(net, PEER);

        if (flags & FROM_ELSEWHERE)
                from = sim_net_strange_endpoint(net, WG_FAMILY_IPV6);
        sim_net_inject(&f->world, &from, &to, m->bytes, m->len, 0);
}

static void send_next(struct fuzz *f, struct input *in)
{
        uint8_t first = next(in), kind = (first & KIND_MASK) % KINDS;
        struct message m = f->genuine[kind];

        change(&m, in);
        if (first & FIX_MAC1)
                fix_mac1(f, &m);
        if (kind == SEALED)
                sim_node_put_to(f->world.nodes[PEER], TARGET, m.bytes,
                                WG_MIN(m.len, (uint32_t)WG_MTU_DEFAULT));
        else
                inject(f, &m, first);
        /* Datagrams often arrive together. */
        if (!(first & 0x80))
                sim_world_run(&f->world, f->world.now_ns + 100 * WG_NS_PER_MS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct input in = {data, data + size};
        struct fuzz *f = sim_new(sizeof(*f));

        WG_ASSERT(test_crypto_up(NULL) == 0);
        set_up(f);
        for (unsigned int i = 0; i < DATAGRAMS_MAX && in.at < in.end; i++)
                send_next(f, &in);
        sim_world_run(&f->world, f->world.now_ns + WG_NS_PER_S);
        sim_world_done(&f->world);
        free(f);
        test_crypto_down(NULL);
        return 0;
}
