/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "test/lib/pair.h"

#include "test/lib/cmocka.h"

static void begin_side(struct pair *p, struct pair_side *side, uint8_t number,
                       const uint8_t private_key[WG_KEY_LEN])
{
        struct wg_identity *identity;

        test_env_init(&side->t, number);
        side->at = (struct wg_endpoint){.ip = {WG_FAMILY_IPV4, {192, 0, 2, number}},
                                        .port = (uint16_t)(1000 * number)};
        memcpy(side->private_key, private_key, sizeof(side->private_key));
        assert_true(wg_engine_init(&side->engine, &side->t.env, wg_aead_choose(NULL)));
        wg_worker_init(&side->worker, &side->engine, wg_aead_choose(NULL));
        identity = wg_identity_new(&side->t.env, side->private_key);
        assert_non_null(identity);
        memcpy(side->public_key, wg_x25519_key_public(identity->key), sizeof(side->public_key));
        wg_engine_set_identity(&side->engine, identity, p->now);
}

static void introduce(struct pair *p, struct pair_side *side, const struct pair_side *other)
{
        struct wg_prefix ipv4 = {.ip = {WG_FAMILY_IPV4, {10, 0, 0, other->at.ip.bytes[3]}},
                                 .cidr = 32};
        struct wg_prefix ipv6 = {.ip = {WG_FAMILY_IPV6, {0xfd, [15] = other->at.ip.bytes[3]}},
                                 .cidr = 128};

        assert_true(wg_engine_reserve(&side->engine, 1, 2));
        side->peer = wg_engine_add_peer(&side->engine, other->public_key);
        wg_engine_set_endpoint(side->peer, &other->at);
        wg_engine_allow(side->peer, &ipv4);
        wg_engine_allow(side->peer, &ipv6);
        wg_engine_unreserve(&side->engine, SIZE_MAX);
        wg_engine_commit(&side->engine, SIZE_MAX);
        wg_engine_set_up(&side->engine, true, p->now);
}

struct pair *pair_new(const uint8_t a_key[WG_KEY_LEN], const uint8_t b_key[WG_KEY_LEN])
{
        struct pair *p = calloc(1, sizeof(*p));

        assert_non_null(p);
        p->now = (struct wg_now){.ns = 1000 * WG_NS_PER_S, .real_ns = 1700000000 * WG_NS_PER_S};
        begin_side(p, &p->a, 1, a_key);
        begin_side(p, &p->b, 2, b_key);
        introduce(p, &p->a, &p->b);
        introduce(p, &p->b, &p->a);
        return p;
}

int pair_setup(void **state)
{
        static const uint8_t a_key[WG_KEY_LEN] = {8, 1, [31] = 0x41};
        static const uint8_t b_key[WG_KEY_LEN] = {8, 2, [31] = 0x42};

        *state = pair_new(a_key, b_key);
        return 0;
}

static void end_side(struct pair_side *side)
{
        wg_actions_clear(&side->engine, &side->actions);
        wg_engine_done(&side->engine);
        if (side->t.defers)
                test_env_undefer(&side->t);
        /* Releasing may retire more. */
        while (side->t.retired)
                test_env_reclaim(&side->t);
        assert_int_equal(side->t.blocks, 0);
}

int pair_teardown(void **state)
{
        struct pair *p = *state;

        end_side(&p->a);
        end_side(&p->b);
        free(p);
        return 0;
}

struct pair_side *pair_other(struct pair *p, struct pair_side *side)
{
        return side == &p->a ? &p->b : &p->a;
}

void pair_pass(struct pair *p, uint64_t ns)
{
        p->now.ns += ns;
        p->now.real_ns += ns;
}

static void keep_sent(struct pair_side *side, const struct wg_endpoint *to, const uint8_t *bytes,
                      uint32_t len, uint8_t tos)
{
        struct pair_datagram *datagram = &side->sent[side->sent_count];

        assert_true(side->sent_count < PAIR_SENT_MAX && len <= PAIR_ROOM);
        side->sent_count++;
        datagram->from = side->at;
        datagram->to = *to;
        datagram->tos = tos;
        datagram->len = len;
        memcpy(datagram->bytes, bytes, len);
}

static void act(struct pair_side *side, const struct wg_action *action)
{
        switch (action->kind) {
        case WG_ACTION_SEND:
                keep_sent(side, &action->to, action->bytes, action->len, action->tos);
                break;
        case WG_ACTION_SEND_STAGED:
                for (const struct wg_staged *s = action->staged; s; s = s->next)
                        keep_sent(side, &action->to, s->buf, s->len, s->tos);
                break;
        case WG_ACTION_EVENT:
                assert_true(side->events_count < PAIR_EVENTS_MAX);
                side->events[side->events_count++] = action->event;
                break;
        }
}

void pair_work(struct pair *p, struct pair_side *side)
{
        bool has_more;

        do {
                has_more = wg_engine_work(&side->engine, p->now, &side->actions);
                for (size_t i = 0; i < side->actions.count; i++)
                        act(side, &side->actions.items[i]);
        } while (has_more);
        wg_actions_clear(&side->engine, &side->actions);
}

void pair_forget(struct pair_side *side)
{
        side->sent_count = side->events_count = 0;
}

enum wg_verdict pair_receive(struct pair *p, struct pair_side *side,
                             const struct pair_datagram *datagram)
{
        side->in = (struct wg_receive_slot){
                .buf = side->in_buf,
                .len = datagram->len,
                .tos = datagram->tos,
                .from = datagram->from,
        };
        memcpy(side->in_buf, datagram->bytes, datagram->len);
        wg_receive(&side->worker, &side->in, 1, p->now.ns);
        if (side->in.verdict == WG_VERDICT_HANDSHAKE)
                wg_engine_offer(&side->engine, datagram->bytes, datagram->len, &datagram->from,
                                p->now.ns);
        return side->in.verdict;
}

enum wg_verdict pair_send(struct pair *p, struct pair_side *side, const uint8_t *packet,
                          uint32_t len)
{
        uint8_t buf[WG_SEND_HEADROOM + PAIR_ROOM + WG_SEND_TAILROOM];
        struct wg_send_slot slot = {.buf = buf, .len = len};

        memcpy(buf + WG_SEND_HEADROOM, packet, len);
        wg_send(&side->worker, &slot, 1, p->now.ns);
        if (slot.verdict == WG_VERDICT_SEALED)
                keep_sent(side, &slot.to, buf, slot.len, slot.tos);
        if (slot.verdict == WG_VERDICT_NO_SESSION)
                wg_waiting_remove(&slot.peer->waiting, 1);
        return slot.verdict;
}

/* To the other side. */
static void write_packet(uint8_t packet[60], const struct pair *p, const struct pair_side *side)
{
        packet_ipv4(packet, 60, side == &p->a ? PAIR_A : PAIR_B, side == &p->a ? PAIR_B : PAIR_A);
}

enum wg_verdict pair_send_any(struct pair *p, struct pair_side *side)
{
        uint8_t packet[60];

        write_packet(packet, p, side);
        return pair_send(p, side, packet, sizeof(packet));
}

enum wg_verdict pair_stage(struct pair *p, struct pair_side *side, const uint8_t *packet,
                           uint32_t len)
{
        assert_true(wg_waiting_add(&side->peer->waiting, 1, false));
        return wg_engine_stage(&side->engine, side->peer, packet, len, p->now.ns);
}

enum wg_verdict pair_stage_any(struct pair *p, struct pair_side *side)
{
        uint8_t packet[60];

        write_packet(packet, p, side);
        return pair_stage(p, side, packet, sizeof(packet));
}

static void carry(struct pair *p, struct pair_side *from)
{
        for (size_t i = 0; i < from->sent_count; i++)
                pair_receive(p, pair_other(p, from), &from->sent[i]);
        from->sent_count = 0;
}

void pair_settle(struct pair *p)
{
        do {
                pair_work(p, &p->a);
                carry(p, &p->a);
                pair_work(p, &p->b);
                carry(p, &p->b);
        } while (wg_engine_deadline(&p->a.engine) <= p->now.ns ||
                 wg_engine_deadline(&p->b.engine) <= p->now.ns);
}

void pair_connect(struct pair *p, struct pair_side *initiator)
{
        /* With keepalives only, so that neither side waits for a reply to data. */
        wg_engine_set_keepalive(initiator->peer, 1, p->now);
        pair_settle(p);
        wg_engine_set_keepalive(initiator->peer, 0, p->now);
        assert_true(wg_send_is_ready(p->a.peer, p->now.ns));
        assert_true(wg_send_is_ready(p->b.peer, p->now.ns));
        pair_forget(&p->a);
        pair_forget(&p->b);
}

struct wg_keypair *pair_new_keypair(struct pair *p, struct wg_peer *peer, bool is_initiator,
                                    uint32_t number)
{
        struct wg_noise noise;
        struct wg_keypair *kp;

        memset(&noise, 0, sizeof(noise));
        memcpy(&noise, &number, sizeof(number));
        kp = wg_session_new(peer, &noise, is_initiator, number, p->now.ns);
        assert_non_null(kp);
        return kp;
}

void pair_begin_session(struct wg_peer *peer, struct wg_keypair *kp)
{
        if (kp->is_initiator)
                assert_true(wg_index_add(&peer->engine->indices, &peer->handshake.entry));
        assert_true(wg_session_begin(peer, kp));
}

uint64_t pair_count(const struct pair_side *side, enum wg_verdict verdict)
{
        return side->worker.counters[verdict] + side->engine.worker.counters[verdict];
}

size_t pair_count_sent(const struct pair_side *side, enum wg_message_type type, uint32_t len)
{
        size_t count = 0;

        for (size_t i = 0; i < side->sent_count; i++)
                count += wg_le32_load(side->sent[i].bytes) == (uint32_t)type &&
                         (!len || side->sent[i].len == len);
        return count;
}

bool pair_has_event(const struct pair_side *side, enum wg_event event)
{
        for (size_t i = 0; i < side->events_count; i++)
                if (side->events[i] == event)
                        return true;
        return false;
}
