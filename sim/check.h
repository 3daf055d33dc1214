/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * check.h - what must be true of a node, asked at each step. What is found false ends the program by
 * sim_fail(). The first half is about what an engine keeps (check_state.c), the second about what goes
 * into it and out of it (check_traffic.c).
 * Threads: one owner at a time. */
#ifndef SIM_CHECK_H
#define SIM_CHECK_H

#include "sim/ledger.h"
#include "sim/node.h"

/* An engine that is idle sends nothing once this has passed since the last reason: an answer that
 * does not come is missed after 15.3 s, or a keepalive is owed twice, 10 s each; then come 20
 * initiations, 5.34 s apart at most. */
#define SIM_QUIET_AFTER (150 * WG_NS_PER_S)

/* ---- keys ---- */

/* The back-end that reports to the two below, and lets others take a turn. */
extern const struct wg_aead_backend sim_aead;

/* A node seals under a key, or opened something under it. */
void sim_check_seal(struct sim_node *node, const uint8_t key[WG_AEAD_KEY_LEN],
                    const struct wg_aead_packet *packets, size_t n);
void sim_check_opened(struct sim_node *node, const uint8_t key[WG_AEAD_KEY_LEN]);

/* A node is about to change its private key: nothing is sent under the keys it has. */
void sim_check_new_key(struct sim_node *node);

/* ---- the engine ---- */

/* After each turn. Which keys came, which went, is any too old? Bounds, counters, timers. */
void sim_check_engine(struct sim_node *node);

/* Before each call of wg_engine_work(). */
void sim_check_call(struct sim_node *node);

/* An engine has ended: nothing is left of it. */
void sim_check_stopped(struct sim_node *node);

/* A peer was made; it was removed. */
void sim_check_new_peer(struct sim_node *node, struct sim_peer *peer);
void sim_check_gone(struct sim_node *node, struct sim_peer *peer);

/* Sessions, handshakes and the pause between them are being forgotten (down, up, suspend); */
void sim_check_forgotten(struct sim_node *node);

/* and so are the packets and messages that wait. */
void sim_check_purged(struct sim_node *node);

/* ---- what goes out ---- */

/* There is a reason to send to a peer. */
void sim_check_reason(struct sim_node *node, struct sim_peer *peer);

/* A peer may be reached there: it was configured so, or proved it. */
void sim_check_place(struct sim_peer *peer, const struct wg_endpoint *place);

/* A datagram of the engine's peer `handle`, or, if that is NULL, a cookie reply. */
void sim_check_emission(struct sim_node *node, struct wg_peer *handle, const struct wg_endpoint *to,
                        const uint8_t *bytes, uint32_t len, uint8_t tos);

/* What wg_send() made of a packet of that length and type of service. */
void sim_check_sealed(struct sim_node *node, const struct wg_send_slot *slot, uint32_t inner_len,
                      uint8_t inner_tos);

/* A worker takes a packet for a peer. Packets of one worker for one peer must leave in order. */
void sim_check_taken(struct sim_node *node, unsigned int worker, unsigned int peer,
                     uint64_t serial);

/* An inner packet was sealed for a peer, and is sent. Serial 0: it has no record. */
void sim_check_travels(struct sim_node *node, unsigned int peer, uint64_t serial);

/* What wg_engine_stage() said of a packet; whether memory was refused meanwhile. */
void sim_check_staged(struct sim_node *node, const uint8_t *inner, uint32_t len,
                      enum wg_verdict verdict, bool was_refused);

/* Packets that waited for a session are sent. */
void sim_check_staged_sent(struct sim_node *node, struct wg_peer *handle,
                           const struct wg_staged *chain);

/* ---- what comes in ---- */

/* A datagram is about to be opened. */
void sim_check_arrived(struct sim_node *node, const struct sim_packet *datagram);

/* A data message whose verdict says that it is authentic. */
void sim_check_authentic(struct sim_node *node, struct sim_peer *peer,
                         const struct sim_packet *datagram, const struct wg_receive_slot *slot);

/* One whose verdict says that it came before, or came too late to tell. */
void sim_check_replayed(struct sim_node *node, const struct sim_packet *datagram,
                        const struct wg_receive_slot *slot);

/* Whether the verdict on an authentic message agrees with what is inside, and with whom the inner
 * source belongs to. */
void sim_check_inner(struct sim_node *node, const struct sim_peer *peer,
                     const struct wg_receive_slot *slot);

/* An inner packet came out of the tunnel from a peer. Returns its record; NULL where it has none, as
 * those of liars. Valid until an inner packet is added. */
const struct sim_record *sim_check_delivered(struct sim_node *node, unsigned int from,
                                             const uint8_t *packet, uint32_t len,
                                             uint8_t outer_tos);

/* A handshake message waits for the engine; consumes it. */
void sim_check_offered(struct sim_node *node, struct sim_packet *message);

/* An event came out of the engine. */
void sim_check_event(struct sim_node *node, const struct wg_action *event);

#endif
