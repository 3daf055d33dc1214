/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * check.h - invariants of a node, checked at each step. A violation ends the program by sim_fail().
 * The first half covers the state of an engine (check_state.c), the second its input and output
 * (check_traffic.c).
 * Threads: one owner at a time. */
#ifndef SIM_CHECK_H
#define SIM_CHECK_H

#include "sim/ledger.h"
#include "sim/node.h"

/* An idle engine sends nothing once this time has passed since the last reason to send: a missing
 * answer is noticed after 15.3 s, or a keepalive is due twice, 10 s each; then follow 20
 * initiations, at most 5.34 s apart. */
#define SIM_QUIET_AFTER (150 * WG_NS_PER_S)

/* ---- keys ---- */

/* A back-end that reports to the two functions below, and lets others take a turn. */
extern const struct wg_aead_backend sim_aead;

/* A node seals, or has opened something, under a key. */
void sim_check_seal(struct sim_node *node, const uint8_t key[WG_AEAD_KEY_LEN],
                    const struct wg_aead_packet *packets, size_t n);
void sim_check_opened(struct sim_node *node, const uint8_t key[WG_AEAD_KEY_LEN]);

/* A node is about to change its private key: it must send nothing more under its session keys. */
void sim_check_new_key(struct sim_node *node);

/* ---- the engine ---- */

/* After each turn: records new and vanished keys, and checks their age, and bounds, counters and
 * timers. */
void sim_check_engine(struct sim_node *node);

/* Before each call of wg_engine_work(). */
void sim_check_call(struct sim_node *node);

/* An engine has ended: it must not leave anything behind. */
void sim_check_stopped(struct sim_node *node);

/* A peer was created; a peer was removed. */
void sim_check_new_peer(struct sim_node *node, struct sim_peer *peer);
void sim_check_gone(struct sim_node *node, struct sim_peer *peer);

/* Sessions, handshakes and the pause between them are dropped (down, up, suspend); */
void sim_check_forgotten(struct sim_node *node);

/* and so are waiting packets and messages. */
void sim_check_purged(struct sim_node *node);

/* ---- what goes out ---- */

/* There is a reason to send to a peer. */
void sim_check_reason(struct sim_node *node, struct sim_peer *peer);

/* A peer may be reached there: the place is configured, or the peer proved it. */
void sim_check_place(struct sim_peer *peer, const struct wg_endpoint *place);

/* A datagram for the engine's peer `handle`; if that is NULL, a cookie reply. */
void sim_check_emission(struct sim_node *node, struct wg_peer *handle, const struct wg_endpoint *to,
                        const uint8_t *bytes, uint32_t len, uint8_t tos);

/* The result of wg_send() for a packet of that length and type of service. */
void sim_check_sealed(struct sim_node *node, const struct wg_send_slot *slot, uint32_t inner_len,
                      uint8_t inner_tos);

/* A worker takes a packet for a peer. Packets of one worker for one peer must leave in order. */
void sim_check_taken(struct sim_node *node, unsigned int worker, unsigned int peer,
                     uint64_t serial);

/* An inner packet was sealed for a peer and is sent. Serial 0: it has no record. */
void sim_check_travels(struct sim_node *node, unsigned int peer, uint64_t serial);

/* The verdict of wg_engine_stage() on a packet, and whether memory was refused meanwhile. */
void sim_check_staged(struct sim_node *node, const uint8_t *inner, uint32_t len,
                      enum wg_verdict verdict, bool was_refused);

/* Packets that waited for a session are sent. */
void sim_check_staged_sent(struct sim_node *node, struct wg_peer *handle,
                           const struct wg_staged *chain);

/* ---- what comes in ---- */

/* A datagram is about to be opened. */
void sim_check_arrived(struct sim_node *node, const struct sim_packet *datagram);

/* A data message that its verdict calls authentic. */
void sim_check_authentic(struct sim_node *node, struct sim_peer *peer,
                         const struct sim_packet *datagram, const struct wg_receive_slot *slot);

/* A data message that its verdict calls replayed, or too late to tell. */
void sim_check_replayed(struct sim_node *node, const struct sim_packet *datagram,
                        const struct wg_receive_slot *slot);

/* Checks that the verdict on an authentic message agrees with its content and with the peer that
 * the inner source belongs to. */
void sim_check_inner(struct sim_node *node, const struct sim_peer *peer,
                     const struct wg_receive_slot *slot);

/* An inner packet from a peer leaves the tunnel. Returns its record; NULL if it has none, like
 * those of liars. Valid until an inner packet is added. */
const struct sim_record *sim_check_delivered(struct sim_node *node, unsigned int from,
                                             const uint8_t *packet, uint32_t len,
                                             uint8_t outer_tos);

/* A handshake message waits for the engine; consumes it. */
void sim_check_offered(struct sim_node *node, struct sim_packet *message);

/* The engine reports an event. */
void sim_check_event(struct sim_node *node, const struct wg_action *event);

#endif
