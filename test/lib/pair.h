/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * pair.h - two engines, a and b, that are each other's only peer. Time advances only when the test
 * says so, randomness comes from a seed, and the datagrams that a side sends are kept until the
 * test delivers them. (For anything larger there is the simulator in sim/.) */
#ifndef TEST_LIB_PAIR_H
#define TEST_LIB_PAIR_H

#include "core/configure.h"
#include "core/hswork.h"
#include "core/receive.h"
#include "core/send.h"
#include "core/session.h"
#include "core/work.h"
#include "test/lib/env.h"
#include "test/lib/packet.h"
#include "test/lib/with_crypto.h"

enum { PAIR_ROOM = 2048, PAIR_SENT_MAX = 256, PAIR_EVENTS_MAX = 256 };

/* The inner addresses: 10.0.0.1 and fd00::1 belong to a, 10.0.0.2 and fd00::2 to b. */
enum { PAIR_A = 0x0a000001, PAIR_B = 0x0a000002 };

struct pair_datagram {
        struct wg_endpoint from, to;
        uint32_t len;
        uint8_t tos;
        uint8_t bytes[PAIR_ROOM];
};

struct pair_side {
        struct test_env t;
        struct wg_engine engine;
        struct wg_worker worker;
        struct wg_actions actions;
        struct wg_peer *peer; /* the other side, as this one knows it */
        struct wg_endpoint at;
        uint8_t private_key[WG_KEY_LEN], public_key[WG_KEY_LEN];

        /* Everything this side sent, and its events, until pair_forget(). */
        size_t sent_count, events_count;
        struct pair_datagram sent[PAIR_SENT_MAX];
        enum wg_event events[PAIR_EVENTS_MAX];

        /* Of the last pair_receive() or pair_send(). */
        struct wg_receive_slot in;
        uint8_t in_buf[PAIR_ROOM];
};

struct pair {
        struct wg_now now;
        struct pair_side a, b;
};

/* Both sides up, with these private keys and without a session. */
struct pair *pair_new(const uint8_t a_key[WG_KEY_LEN], const uint8_t b_key[WG_KEY_LEN]);

/* Test fixtures: *state is a pair. */
int pair_setup(void **state);
int pair_teardown(void **state); /* fails the test if memory leaked */

/* The other side. */
struct pair_side *pair_other(struct pair *p, struct pair_side *side);

void pair_pass(struct pair *p, uint64_t ns);

/* Runs an engine until nothing is due; datagrams and events are appended to side->sent and
 * side->events. */
void pair_work(struct pair *p, struct pair_side *side);
void pair_forget(struct pair_side *side);

/* Gives a datagram to a worker of `side`, which passes a handshake message on to its engine; the
 * engine does not work yet. Returns the worker's verdict. */
enum wg_verdict pair_receive(struct pair *p, struct pair_side *side,
                             const struct pair_datagram *datagram);

/* Gives an inner packet to a worker of `side`; sealed packets go into side->sent. Packets without a
 * session are not staged. */
enum wg_verdict pair_send(struct pair *p, struct pair_side *side, const uint8_t *packet,
                          uint32_t len);

/* The same with a packet of 60 bytes to the other side. */
enum wg_verdict pair_send_any(struct pair *p, struct pair_side *side);

/* Stages a packet for that peer, as when a worker found no session. */
enum wg_verdict pair_stage(struct pair *p, struct pair_side *side, const uint8_t *packet,
                           uint32_t len);

/* The same with a packet of 60 bytes to the other side. */
enum wg_verdict pair_stage_any(struct pair *p, struct pair_side *side);

/* Both sides work and everything sent is delivered, until nothing more is sent. */
void pair_settle(struct pair *p);

/* Makes a session that `initiator` began and both use. Afterwards nothing is in flight, and
 * everything sent and all events are forgotten. */
void pair_connect(struct pair *p, struct pair_side *initiator);

/* A keypair of a peer, begun without a handshake. Its keys follow from a number, which is also the
 * remote index. */
struct wg_keypair *pair_new_keypair(struct pair *p, struct wg_peer *peer, bool is_initiator,
                                    uint32_t number);
void pair_begin_session(struct wg_peer *peer, struct wg_keypair *kp);

/* The number of packets or messages with that verdict, in worker and engine. */
uint64_t pair_count(const struct pair_side *side, enum wg_verdict verdict);

/* The number of messages of a type and length (0: any length) in side->sent. */
size_t pair_count_sent(const struct pair_side *side, enum wg_message_type type, uint32_t len);

bool pair_has_event(const struct pair_side *side, enum wg_event event);

#endif
