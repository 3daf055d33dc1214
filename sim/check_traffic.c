/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * Invariants of an engine's input and output. */
#include <stdlib.h>

#include "base/bytes.h"
#include "sim/check.h"
#include "sim/world.h"

/* Bits of the type of service. */
enum { ECN_MASK = 3, ECN_ECT0 = 2, ECN_CE = 3 };

static unsigned int id_of(const struct sim_node *node, const struct sim_peer *peer)
{
        return (unsigned int)(peer - node->peers);
}

/* ---- output ---- */

/* Initiations for one reason: 20, and a few more if a due keepalive or a missing answer restarts
 * the count. */
#define TRIES_MAX 26

void sim_check_reason(struct sim_node *node, struct sim_peer *peer)
{
        peer->reason_ns = node->world->now_ns;
        peer->tries = 0;
}

void sim_check_place(struct sim_peer *peer, const struct wg_endpoint *place)
{
        peer->places[peer->place++ % SIM_PLACES] = *place;
}

static bool is_among(const struct wg_endpoint places[SIM_PLACES], const struct wg_endpoint *to)
{
        for (unsigned int i = 0; i < SIM_PLACES; i++)
                if (wg_endpoint_is_same_remote(&places[i], to) &&
                    (to->source.family == WG_FAMILY_NONE ||
                     wg_ip_equal(&to->source, &places[i].source)))
                        return true;
        return false;
}

static bool is_known_place(const struct sim_node *node, const struct sim_peer *peer,
                           const struct wg_endpoint *to)
{
        return is_among(peer->places, to) ||
               (peer->claim_batch == node->batch && is_among(peer->claims, to));
}

/* Whether either side sends keepalives. */
static bool is_kept_alive(const struct sim_node *node, const struct sim_peer *peer)
{
        return peer->keepalive_s ||
               node->world->nodes[id_of(node, peer)]->peers[node->id].keepalive_s;
}

/* A removed peer that a batch in progress may still use. */
static struct sim_peer *former_peer(struct sim_node *node, const struct wg_peer *handle)
{
        for (unsigned int i = 0; i < node->former_count; i++)
                if (node->former[i].handle == handle)
                        return &node->peers[node->former[i].peer];
        return NULL;
}

/* A cookie reply answers one message with a valid mac1, under load, and only once. */
static void check_cookie(struct sim_node *node, const struct wg_endpoint *to, uint32_t len,
                         uint8_t tos)
{
        struct sim_packet *message = sim_queue_take(&node->cookies);

        SIM_CHECK(node->world, message && wg_endpoint_is_same_remote(&message->from, to),
                  "node %u: sends an unsolicited cookie reply", node->id);
        SIM_CHECK(node->world, len == WG_COOKIE_LEN && tos == 0,
                  "node %u: sends a malformed cookie reply", node->id);
        free(message);
}

static void check_initiation(struct sim_node *node, struct sim_peer *peer)
{
        uint64_t now_ns = node->world->now_ns;

        SIM_CHECK(node->world,
                  !peer->handshake_ns || now_ns - peer->handshake_ns >= WG_REKEY_TIMEOUT,
                  "node %u: sends an initiation to %u after only %.6f s", node->id,
                  id_of(node, peer), (double)(now_ns - peer->handshake_ns) / 1e9);
        SIM_CHECK(node->world, ++peer->tries <= TRIES_MAX || is_kept_alive(node, peer),
                  "node %u: never gives up reaching %u", node->id, id_of(node, peer));
        peer->handshake_ns = peer->initiated_ns = now_ns;
}

static void check_message(struct sim_node *node, struct sim_peer *peer, const uint8_t *bytes,
                          uint32_t len, uint8_t tos)
{
        struct sim_world *world = node->world;
        uint32_t type = wg_message_classify(bytes, len);

        SIM_CHECK(world, type && type != WG_MESSAGE_COOKIE, "node %u: sends rubbish", node->id);
        if (type == WG_MESSAGE_DATA) {
                SIM_CHECK(world, tos <= ECN_MASK && tos != ECN_CE,
                          "node %u: sends data with type of service %u", node->id, tos);
                return;
        }
        SIM_CHECK(world, tos == WG_HANDSHAKE_TOS, "node %u: sends a handshake message with TOS %u",
                  node->id, tos);
        if (type == WG_MESSAGE_INITIATION)
                check_initiation(node, peer);
        else
                peer->handshake_ns = world->now_ns;
        world->figures.initiations += type == WG_MESSAGE_INITIATION;
}

/* Records the node that may read a datagram: the peer's, or none if the peer was removed. */
static void enter_datagram(struct sim_node *node, unsigned int receiver, const uint8_t *bytes,
                           uint32_t len)
{
        sim_ledger_add_datagram(&node->world->ledger, sim_ledger_hash(bytes, len), node->id,
                                receiver);
}

/* The node at the address that a cookie reply goes to. */
static unsigned int node_at(const struct sim_node *node, const struct sim_packet *message)
{
        const struct sim_genuine *genuine = sim_ledger_find_datagram(&node->world->ledger,
                                                                     message->hash);

        return genuine ? genuine->from : SIM_STRANGER;
}

void sim_check_emission(struct sim_node *node, struct wg_peer *handle, const struct wg_endpoint *to,
                        const uint8_t *bytes, uint32_t len, uint8_t tos)
{
        struct sim_peer *peer = sim_node_peer(node, handle);
        struct sim_world *world = node->world;

        if (!handle) {
                const struct sim_packet *message = node->cookies.first;

                enter_datagram(node, message ? node_at(node, message) : SIM_STRANGER, bytes, len);
                check_cookie(node, to, len, tos);
                return;
        }
        if (!peer) {
                peer = former_peer(node, handle);
                SIM_CHECK(world, peer, "node %u: sends to a removed peer", node->id);
                enter_datagram(node, id_of(node, peer), bytes, len);
                return;
        }
        enter_datagram(node, id_of(node, peer), bytes, len);
        SIM_CHECK(world, is_known_place(node, peer, to),
                  "node %u: sends to an address where peer %u never was", node->id,
                  id_of(node, peer));
        SIM_CHECK(world,
                  is_kept_alive(node, peer) || world->now_ns - peer->reason_ns < SIM_QUIET_AFTER,
                  "node %u: sends to %u without a reason", node->id, id_of(node, peer));
        check_message(node, peer, bytes, len, tos);
        peer->tx_bytes += len;
}

/* Padding, computed naively: up to the next multiple of 16, but not beyond the MTU. If the packet
 * is longer (because the MTU was lowered meanwhile), the part beyond whole MTUs is padded. */
static uint32_t padded(uint32_t len, uint32_t mtu)
{
        uint32_t last = len > mtu ? len % mtu : len, padding = 0;

        while ((last + padding) % WG_PADDING && last + padding < mtu)
                padding++;
        return len + padding;
}

void sim_check_sealed(struct sim_node *node, const struct wg_send_slot *slot, uint32_t inner_len,
                      uint8_t inner_tos)
{
        uint8_t ecn = inner_tos & ECN_MASK;

        SIM_CHECK(node->world, slot->len == padded(inner_len, node->mtu) + WG_DATA_OVERHEAD,
                  "node %u: seals %u bytes into %u", node->id, inner_len, slot->len);
        SIM_CHECK(node->world, slot->tos == (ecn == ECN_CE ? ECN_ECT0 : ecn),
                  "node %u: uses type of service %u for a packet with %u", node->id, slot->tos,
                  inner_tos);
}

void sim_check_taken(struct sim_node *node, unsigned int worker, unsigned int peer, uint64_t serial)
{
        struct sim_record *record = sim_ledger_find_inner(&node->world->ledger, serial);

        if (!record)
                return;
        record->turn = ++node->turns;
        record->worker = (uint8_t)worker;
        record->taken_for = (uint8_t)peer;
}

/* Packets are exempt if they belong to a different peer now than when they were taken. */
static void check_order(struct sim_node *node, unsigned int peer, const struct sim_record *record)
{
        uint64_t *sent;

        if (peer == SIM_STRANGER || record->taken_for != peer)
                return;
        sent = &node->peers[peer].sent_turns[record->worker];
        SIM_CHECK(node->world, record->turn > *sent,
                  "node %u: packet %llu for %u was overtaken by a later one", node->id,
                  (unsigned long long)record->inner.serial, peer);
        *sent = record->turn;
}

void sim_check_travels(struct sim_node *node, unsigned int peer, uint64_t serial)
{
        struct sim_record *record = sim_ledger_find_inner(&node->world->ledger, serial);

        if (peer != SIM_STRANGER)
                sim_check_reason(node, &node->peers[peer]);
        if (!record)
                return;
        SIM_CHECK(node->world, record->state == SIM_STATE_WAITING,
                  "node %u: packet %llu is sent twice", node->id, (unsigned long long)serial);
        check_order(node, peer, record);
        record->state = SIM_STATE_TRAVELLING;
        record->hop_from = (uint8_t)node->id;
        record->hop_to = (uint8_t)peer;
}

/* ---- packets that wait for a session ---- */

static void drop_staged(struct sim_staged *staged, uint32_t n)
{
        WG_ASSERT(n <= staged->count);
        staged->first += n;
        staged->count -= n;
}

static void put_staged(struct sim_staged *staged, uint64_t serial, uint32_t len)
{
        uint32_t at = (staged->first + staged->count) % WG_STAGED_PACKETS_MAX;

        WG_ASSERT(staged->count < WG_STAGED_PACKETS_MAX);
        staged->serials[at] = serial;
        staged->lens[at] = len;
        staged->count++;
}

void sim_check_staged(struct sim_node *node, const uint8_t *inner, uint32_t len,
                      enum wg_verdict verdict, bool was_refused)
{
        struct wg_ip destination;
        struct sim_peer *peer;
        uint64_t serial;
        unsigned int id;

        if (verdict != WG_VERDICT_STAGED && verdict != WG_VERDICT_STAGED_FULL &&
            verdict != WG_VERDICT_NO_MEMORY)
                return;
        WG_ASSERT(sim_inner_destination(inner, len, &destination));
        id = sim_node_route(node, &destination);
        SIM_CHECK(node->world, id != SIM_STRANGER && node->peers[id].handle,
                  "node %u: stages a packet for no peer", node->id);
        peer = &node->peers[id];
        sim_check_reason(node, peer);
        if (peer->staged.count == WG_STAGED_PACKETS_MAX)
                drop_staged(&peer->staged, 1);
        SIM_CHECK(node->world,
                  verdict == WG_VERDICT_STAGED || (verdict == WG_VERDICT_NO_MEMORY && was_refused),
                  "node %u: refuses a waiting packet without a reason", node->id);
        if (verdict == WG_VERDICT_STAGED)
                put_staged(&peer->staged, sim_inner_read(inner, len, &serial) ? serial : 0, len);
        SIM_CHECK(node->world, peer->handle->staged.count == peer->staged.count,
                  "node %u: %u packets wait, not %u", node->id, peer->handle->staged.count,
                  peer->staged.count);
}

void sim_check_staged_sent(struct sim_node *node, struct wg_peer *handle,
                           const struct wg_staged *chain)
{
        struct sim_peer *peer = sim_node_peer(node, handle);
        struct sim_staged *staged;

        WG_ASSERT(peer);
        staged = &peer->staged;
        for (; chain; chain = chain->next) {
                uint32_t at = staged->first % WG_STAGED_PACKETS_MAX;

                SIM_CHECK(node->world,
                          staged->count && chain->len == padded(staged->lens[at], node->mtu) +
                                                                 WG_DATA_OVERHEAD,
                          "node %u: sends other packets than those that waited", node->id);
                sim_check_travels(node, id_of(node, peer), staged->serials[at]);
                drop_staged(staged, 1);
        }
        SIM_CHECK(node->world, staged->count == 0, "node %u: loses %u waiting packets", node->id,
                  staged->count);
}

/* ---- input ---- */

/* Data from a peer is a reason to send to it. A keepalive is a reason only if the session is so old
 * that any packet triggers a new one. */
static bool is_reason(const struct sim_node *node, const struct sim_peer *peer, uint32_t len)
{
        return len != WG_DATA_OVERHEAD ||
               node->world->now_ns - peer->derived_ns >= WG_REKEY_AFTER_TIME_RECEIVING;
}

/* During a batch the engine may already use an endpoint that comes from a verdict which the
 * observer has not seen yet. */
void sim_check_arrived(struct sim_node *node, const struct sim_packet *datagram)
{
        const struct sim_genuine *genuine = sim_ledger_find_datagram(&node->world->ledger,
                                                                     datagram->hash);
        struct sim_peer *peer;

        if (!genuine || genuine->to != node->id || genuine->is_accepted)
                return;
        peer = &node->peers[genuine->from];
        if (peer->claim_batch != node->batch)
                memset(peer->claims, 0, sizeof(peer->claims));
        peer->claim_batch = node->batch;
        peer->claims[peer->claim++ % SIM_PLACES] = datagram->from;
        if (node->habits.interleaving && is_reason(node, peer, datagram->len))
                sim_check_reason(node, peer);
}

/* An authentic message was made by the peer's node for this node, and is accepted once. */
static void check_genuine(struct sim_node *node, struct sim_peer *peer,
                          const struct sim_packet *datagram)
{
        struct sim_world *world = node->world;
        struct sim_genuine *genuine = sim_ledger_find_datagram(&world->ledger, datagram->hash);

        SIM_CHECK(world, genuine, "node %u: accepts a forged message", node->id);
        SIM_CHECK(world, genuine->to == node->id && genuine->from == id_of(node, peer),
                  "node %u: takes a message from %u to %u for one from %u", node->id, genuine->from,
                  genuine->to, id_of(node, peer));
        /* Only a recreated peer has forgotten the initiations that it accepted. */
        SIM_CHECK(world,
                  !genuine->is_accepted || (genuine->accepted_generation != peer->generation &&
                                            datagram->len == WG_INITIATION_LEN),
                  "node %u: accepts a message twice", node->id);
        genuine->is_accepted = true;
        genuine->accepted_generation = peer->generation;
}

/* The greatest nonce that a node has accepted in a session. */
static uint64_t *greatest_nonce(struct sim_node *node, const struct wg_receive_slot *slot)
{
        return sim_ledger_session(&node->world->ledger, node->id,
                                  wg_le32_load(slot->buf + WG_DATA_RECEIVER));
}

void sim_check_authentic(struct sim_node *node, struct sim_peer *peer,
                         const struct sim_packet *datagram, const struct wg_receive_slot *slot)
{
        uint64_t *greatest = greatest_nonce(node, slot);

        *greatest = WG_MAX(*greatest, wg_le64_load(slot->buf + WG_DATA_COUNTER));
        if (!peer) {
                SIM_CHECK(node->world, former_peer(node, slot->peer),
                          "node %u: accepts a message from a removed peer", node->id);
                return;
        }
        check_genuine(node, peer, datagram);
        sim_check_place(peer, &datagram->from);
        if (slot->verdict == WG_VERDICT_DATA || slot->verdict == WG_VERDICT_KEEPALIVE)
                peer->rx_bytes += datagram->len;
        if (is_reason(node, peer, datagram->len))
                sim_check_reason(node, peer);
}

void sim_check_replayed(struct sim_node *node, const struct sim_packet *datagram,
                        const struct wg_receive_slot *slot)
{
        struct sim_genuine *genuine = sim_ledger_find_datagram(&node->world->ledger,
                                                               datagram->hash);
        uint64_t nonce = wg_le64_load(slot->buf + WG_DATA_COUNTER);

        /* During a batch the observer does not know yet which packets that batch has accepted. */
        if (node->habits.interleaving)
                return;
        SIM_CHECK(node->world, genuine, "node %u: takes a forged message for a replay", node->id);
        SIM_CHECK(node->world,
                  genuine->is_accepted || *greatest_nonce(node, slot) - nonce > WG_REPLAY_WINDOW,
                  "node %u: takes nonce %llu for a replay", node->id, (unsigned long long)nonce);
}

/* The verdict on the content of an authentic message, determined naively. */
static enum wg_verdict judge_inner(struct sim_node *node, const struct sim_peer *peer,
                                   const uint8_t *text, uint32_t len)
{
        struct wg_ip source;

        if (!len)
                return WG_VERDICT_KEEPALIVE;
        if (!sim_inner_len(text, len) || !sim_inner_source(text, len, &source))
                return WG_VERDICT_INNER_MALFORMED;
        return sim_node_route(node, &source) == id_of(node, peer) ? WG_VERDICT_DATA
                                                                  : WG_VERDICT_SOURCE_REFUSED;
}

void sim_check_inner(struct sim_node *node, const struct sim_peer *peer,
                     const struct wg_receive_slot *slot)
{
        const uint8_t *text = slot->buf + WG_DATA_TEXT;
        uint32_t len = slot->len - WG_DATA_OVERHEAD;
        enum wg_verdict verdict = judge_inner(node, peer, text, len);

        SIM_CHECK(node->world, slot->verdict == verdict, "node %u: verdict %s instead of %s",
                  node->id, wg_verdict_name(slot->verdict), wg_verdict_name(verdict));
        SIM_CHECK(node->world,
                  verdict != WG_VERDICT_DATA ||
                          (slot->inner == text && slot->inner_len == sim_inner_len(text, len)),
                  "node %u: delivers a packet that differs from the sealed one", node->id);
}

/* The inner type of service after a path on which congestion may have been marked. */
static uint8_t tos_after(uint8_t inner, uint8_t outer)
{
        bool is_marked = (outer & ECN_MASK) == ECN_CE;

        return is_marked && (inner & ECN_MASK) ? inner | ECN_CE : inner;
}

static bool is_whole(struct sim_record *record, const uint8_t *packet, uint32_t len)
{
        uint8_t expected[UINT16_MAX];

        if (len != record->inner.len)
                return false;
        sim_inner_write(&record->inner, expected);
        return memcmp(expected, packet, len) == 0;
}

const struct sim_record *sim_check_delivered(struct sim_node *node, unsigned int from,
                                             const uint8_t *packet, uint32_t len, uint8_t outer_tos)
{
        struct sim_world *world = node->world;
        struct sim_record *record;
        uint64_t serial;

        if (!sim_inner_read(packet, len, &serial) || !serial)
                return NULL;
        record = sim_ledger_find_inner(&world->ledger, serial);
        SIM_CHECK(world, record, "node %u: delivers packet %llu, which is too old", node->id,
                  (unsigned long long)serial);
        SIM_CHECK(world, record->state == SIM_STATE_TRAVELLING,
                  "node %u: delivers packet %llu twice", node->id, (unsigned long long)serial);
        SIM_CHECK(world, record->hop_from == from && record->hop_to == node->id,
                  "node %u: delivers packet %llu from %u, sent by %u to %u", node->id,
                  (unsigned long long)serial, from, record->hop_from, record->hop_to);
        record->inner.tos = tos_after(record->inner.tos, outer_tos);
        SIM_CHECK(world, is_whole(record, packet, len), "node %u: packet %llu is damaged", node->id,
                  (unsigned long long)serial);
        record->state = node->habits.is_router ? SIM_STATE_WAITING : SIM_STATE_ARRIVED;
        return record;
}

/* ---- handshake messages ---- */

void sim_check_offered(struct sim_node *node, struct sim_packet *message)
{
        message->at_ns = node->world->now_ns;
        sim_queue_put(&node->offered, message);
        if (node->offered.count >= WG_LOAD_QUEUED)
                node->load_ns = message->at_ns;
}

/* Checks mac1 as written in the paper (5.4.4). */
static bool has_mac1(const struct sim_node *node, const struct sim_packet *message)
{
        uint8_t key[WG_HASH_LEN], mac[WG_MAC_LEN];
        uint32_t at = message->len - 2 * WG_MAC_LEN;

        wg_hash(key, "mac1----", 8, node->public_key, WG_KEY_LEN);
        wg_mac(mac, key, sizeof(key), message->bytes, at);
        return memcmp(mac, message->bytes + at, sizeof(mac)) == 0;
}

static void check_cookie_sent(struct sim_node *node, struct sim_packet *message)
{
        struct sim_world *world = node->world;

        SIM_CHECK(world, message->len != WG_COOKIE_LEN && has_mac1(node, message),
                  "node %u: sends a cookie for a message without mac1", node->id);
        SIM_CHECK(world,
                  node->load_ns != UINT64_MAX && world->now_ns < node->load_ns + WG_LOAD_STICKY,
                  "node %u: sends a cookie without load", node->id);
        world->figures.cookies++;
        sim_queue_put(&node->cookies, message);
}

static void accept_message(struct sim_node *node, struct wg_peer *handle,
                           const struct sim_packet *message, uint32_t len)
{
        struct sim_peer *peer = sim_node_peer(node, handle);

        WG_ASSERT(peer && message->len == len);
        check_genuine(node, peer, message);
        if (len == WG_COOKIE_LEN)
                return;
        sim_check_place(peer, &message->from);
        peer->rx_bytes += len;
        sim_check_reason(node, peer);
}

/* The engine handles messages in order and reports each by one event. */
static struct sim_packet *take_offered(struct sim_node *node, const struct wg_action *event)
{
        struct sim_packet *message = sim_queue_take(&node->offered);

        SIM_CHECK(node->world, message, "node %u: reports on a message that it did not get",
                  node->id);
        SIM_CHECK(node->world,
                  (event->event != WG_EVENT_HANDSHAKE_REFUSED &&
                   event->event != WG_EVENT_COOKIE_SENT) ||
                          wg_endpoint_is_same_remote(&event->to, &message->from),
                  "node %u: reports on messages out of order", node->id);
        return message;
}

static void judge(struct sim_node *node, const struct wg_action *event)
{
        struct sim_packet *message = take_offered(node, event);

        if (event->event == WG_EVENT_COOKIE_SENT) {
                check_cookie_sent(node, message);
                return;
        }
        /* An authentic initiation counts even if there is no memory left to answer it. */
        if (event->event == WG_EVENT_RESPONSE_SENT ||
            (event->verdict == WG_VERDICT_NO_MEMORY && message->len == WG_INITIATION_LEN))
                accept_message(node, event->peer, message, WG_INITIATION_LEN);
        else if (event->event == WG_EVENT_HANDSHAKE_COMPLETE)
                accept_message(node, event->peer, message, WG_RESPONSE_LEN);
        else if (event->event == WG_EVENT_COOKIE_STORED)
                accept_message(node, event->peer, message, WG_COOKIE_LEN);
        free(message);
}

static void give_up(struct sim_node *node, const struct wg_action *event)
{
        struct sim_peer *peer = sim_node_peer(node, event->peer);

        WG_ASSERT(peer);
        SIM_CHECK(node->world, peer->staged.count == event->number,
                  "node %u: gives up %u packets instead of %u", node->id, event->number,
                  peer->staged.count);
        drop_staged(&peer->staged, peer->staged.count);
        node->world->figures.gave_up++;
}

void sim_check_event(struct sim_node *node, const struct wg_action *event)
{
        struct sim_figures *figures = &node->world->figures;

        switch (event->event) {
        case WG_EVENT_HANDSHAKE_REFUSED:
                figures->refused++;
                judge(node, event);
                break;
        case WG_EVENT_HANDSHAKE_COMPLETE:
                figures->sessions++;
                judge(node, event);
                break;
        case WG_EVENT_RESPONSE_SENT:
        case WG_EVENT_COOKIE_SENT:
        case WG_EVENT_COOKIE_STORED:
                judge(node, event);
                break;
        case WG_EVENT_GAVE_UP:
                give_up(node, event);
                break;
        case WG_EVENT_KEYS_FORGOTTEN:
                figures->forgotten++;
                break;
        case WG_EVENT_INITIATION_SENT:
        case WG_EVENT_SESSION_PROVEN:
        case WG_EVENT_SILENCE:
                break;
        }
}
