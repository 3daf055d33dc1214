/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "core/receive.h"

#include "base/ip.h"
#include "base/mem.h"
#include "core/engine.h"
#include "core/session.h"

/* The offset of the receiver index in a response or cookie reply. */
static size_t receiver_at(uint32_t type)
{
        return type == WG_MESSAGE_COOKIE ? WG_COOKIE_RECEIVER : WG_RESPONSE_RECEIVER;
}

/* After FORGED_MAX consecutive messages with an invalid mac1, most further ones from the same
 * source are dropped unread for the rest of the batch. A flood of coalesced datagrams then costs
 * almost nothing, and other datagrams are not lost in the socket. Real peers never send handshake
 * messages in batches, but a flood may spoof a peer's address and port. So one in CHECKED_ONE_IN is
 * still checked, and the peer gets through after a few retries. */
enum { FORGED_MAX = 8, CHECKED_ONE_IN = 16 };

/* The source of the latest messages with an invalid mac1. */
struct forger {
        const struct wg_endpoint *from;
        unsigned int count; /* consecutive, including those dropped unread */
};

static bool is_dropped_unread(const struct forger *forger, const struct wg_endpoint *from)
{
        return forger->count >= FORGED_MAX &&
               forger->count % CHECKED_ONE_IN != CHECKED_ONE_IN - 1 &&
               wg_endpoint_is_same_remote(forger->from, from);
}

static void note_forged(struct forger *forger, const struct wg_endpoint *from)
{
        bool is_same = forger->count && wg_endpoint_is_same_remote(forger->from, from);

        *forger = (struct forger){.from = from, .count = is_same ? forger->count + 1 : 1};
}

/* Replies to our own messages are always checked: a stranger does not know their index. */
static bool has_mac1(const struct wg_identity *identity, const struct wg_receive_slot *slot,
                     bool is_awaited, struct forger *forger)
{
        if ((is_awaited || !is_dropped_unread(forger, &slot->from)) &&
            wg_cookie_has_mac1(identity->mac1_key, slot->buf, slot->len))
                return true;
        note_forged(forger, &slot->from);
        return false;
}

/* A handshake message goes to the engine only if its mac1 shows that it is meant for us, and a
 * reply only if its index belongs to a message of ours; nothing else reaches the queue. Replies are
 * preferred, and under load also initiations whose cookie proves their source, so that they do not
 * queue behind a flood. */
static enum wg_verdict classify_handshake(struct wg_engine *engine, struct wg_receive_slot *slot,
                                          uint32_t type, uint64_t now_ns, struct forger *forger)
{
        const struct wg_identity *identity = atomic_load_explicit(&engine->identity,
                                                                  memory_order_acquire);
        bool is_awaited = type != WG_MESSAGE_INITIATION &&
                          wg_index_find(&engine->indices,
                                        wg_le32_load(slot->buf + receiver_at(type)));

        if (!identity)
                return WG_VERDICT_NO_PRIVATE_KEY;
        if (type != WG_MESSAGE_COOKIE && !has_mac1(identity, slot, is_awaited, forger))
                return WG_VERDICT_MAC1_INVALID;
        if (type != WG_MESSAGE_INITIATION) {
                if (!is_awaited)
                        return WG_VERDICT_UNEXPECTED;
                slot->is_preferred = true;
        } else if (wg_hsqueue_is_loaded(&engine->handshakes, now_ns)) {
                slot->is_preferred = wg_cookie_has_mac2(&engine->cookie_maker, now_ns, slot->buf,
                                                        slot->len, &slot->from);
        }
        return WG_VERDICT_HANDSHAKE;
}

/* Finds the keypair of a data message. Returns NULL if there is none, or for other messages; the
 * slot's verdict then says why. */
static struct wg_keypair *classify(struct wg_engine *engine, struct wg_receive_slot *slot,
                                   uint64_t now_ns, struct forger *forger)
{
        uint32_t type = wg_message_classify(slot->buf, slot->len);
        struct wg_index_entry *entry;
        struct wg_keypair *kp;

        slot->peer = NULL;
        slot->is_preferred = false;
        slot->verdict = WG_VERDICT_MALFORMED;
        if (!type)
                return NULL;
        if (type != WG_MESSAGE_DATA) {
                slot->verdict = classify_handshake(engine, slot, type, now_ns, forger);
                return NULL;
        }
        slot->verdict = WG_VERDICT_UNKNOWN_INDEX;
        entry = wg_index_find(&engine->indices, wg_le32_load(slot->buf + WG_DATA_RECEIVER));
        if (!entry || entry->kind != WG_INDEX_KEYPAIR)
                return NULL;
        kp = WG_CONTAINER_OF(entry, struct wg_keypair, entry);
        slot->peer = entry->peer;
        slot->verdict = WG_VERDICT_KEY_EXPIRED;
        if (!wg_keypair_is_fresh(kp, now_ns))
                return NULL;
        slot->verdict = WG_VERDICT_COUNTER_LIMIT;
        if (wg_le64_load(slot->buf + WG_DATA_COUNTER) >= WG_REJECT_AFTER_MESSAGES)
                return NULL;
        slot->verdict = WG_VERDICT_TAG_INVALID; /* until the tag verifies */
        return kp;
}

/* Asks the engine for new keys while the current ones still last long enough for a handshake. */
static void keep_key_fresh(struct wg_worker *worker, struct wg_peer *peer,
                           const struct wg_keypair *kp, uint64_t now_ns)
{
        if (kp->is_initiator && now_ns >= kp->born_ns + WG_REKEY_AFTER_TIME_RECEIVING &&
            kp == atomic_load_explicit(&peer->current, memory_order_relaxed) &&
            atomic_load_explicit(&kp->may_send, memory_order_relaxed))
                wg_worker_note(worker, peer, WG_NOTE_REKEY_LATE);
}

/* Checks an authentic inner packet: it must be complete IP, and its source must belong to the peer.
 * `known` is the peer's last accepted packet, since the next one often has the same source. */
static enum wg_verdict examine(struct wg_engine *engine, struct wg_receive_slot *slot,
                               struct wg_ip_header *known)
{
        uint32_t padded = slot->len - WG_DATA_OVERHEAD;
        struct wg_ip_header h;

        if (!padded)
                return WG_VERDICT_KEEPALIVE;
        slot->inner = slot->buf + WG_DATA_TEXT;
        wg_declassify(slot->inner, padded); /* not a secret: it decides the route */
        h = wg_ip_parse(slot->inner, padded);
        if (h.family == WG_FAMILY_NONE || h.len > padded ||
            (h.family == WG_FAMILY_IPV4 && h.len < WG_IPV4_HEADER_LEN))
                return WG_VERDICT_INNER_MALFORMED;
        if ((slot->tos & WG_ECN_MASK) == WG_ECN_CE)
                wg_ip_mark_congestion(slot->inner, &h);
        slot->inner_len = h.len;
        if (!wg_ip_is_same_address(h.family, h.source, known->family, known->source) &&
            wg_allowedips_find(&engine->allowed, h.family, h.source) != slot->peer)
                return WG_VERDICT_SOURCE_REFUSED;
        *known = h;
        return WG_VERDICT_DATA;
}

/* Marks the replays in a run. */
static void reject_replays(const struct wg_env *env, struct wg_keypair *kp,
                           struct wg_receive_slot *slots, const struct wg_aead_packet *packets,
                           size_t n)
{
        env->lock(env->ctx, &kp->window_lock);
        for (size_t i = 0; i < n; i++) {
                if (!packets[i].is_valid)
                        continue;
                slots[i].verdict = wg_replay_accept(&kp->window, packets[i].nonce)
                                           ? WG_VERDICT_DATA
                                           : WG_VERDICT_REPLAYED;
        }
        env->unlock(env->ctx, &kp->window_lock);
}

/* Handles the authentic packets of a run. The order matters: the endpoint and the session are
 * updated before anything is delivered, because the reply must already use both. */
static void accept_run(struct wg_worker *worker, struct wg_keypair *kp,
                       struct wg_receive_slot *slots, size_t n, uint64_t now_ns)
{
        struct wg_peer *peer = kp->entry.peer;
        struct wg_ip_header known = {.family = WG_FAMILY_NONE};
        const struct wg_receive_slot *last = NULL;
        bool is_data = false;
        uint64_t bytes = 0;

        for (size_t i = 0; i < n; i++)
                if (slots[i].verdict == WG_VERDICT_DATA)
                        last = &slots[i];
        if (!last)
                return;
        wg_path_write(&peer->path, worker->engine->env, &last->from);
        if (wg_session_prove(peer, kp))
                wg_worker_note(worker, peer, WG_NOTE_CONFIRMED);
        for (size_t i = 0; i < n; i++) {
                if (slots[i].verdict != WG_VERDICT_DATA)
                        continue;
                is_data |= slots[i].len != WG_DATA_OVERHEAD;
                slots[i].verdict = examine(worker->engine, &slots[i], &known);
                if (slots[i].verdict == WG_VERDICT_DATA || slots[i].verdict == WG_VERDICT_KEEPALIVE)
                        bytes += slots[i].len;
        }
        keep_key_fresh(worker, peer, kp, now_ns);
        wg_worker_received(worker, peer, is_data, now_ns);
        wg_worker_count_received(worker, peer, bytes);
}

static void open_run(struct wg_worker *worker, struct wg_keypair *kp, struct wg_receive_slot *slots,
                     size_t n, uint64_t now_ns)
{
        struct wg_aead_packet *packets = worker->packets;

        for (size_t i = 0; i < n; i++) {
                uint8_t *text = slots[i].buf + WG_DATA_TEXT;

                packets[i] = (struct wg_aead_packet){
                        .to = text,
                        .from = text,
                        .len = slots[i].len - WG_DATA_TEXT,
                        .nonce = wg_le64_load(slots[i].buf + WG_DATA_COUNTER),
                };
        }
        worker->aead->open(kp->receive_key, packets, n);
        reject_replays(worker->engine->env, kp, slots, packets, n);
        accept_run(worker, kp, slots, n, now_ns);
}

void wg_receive(struct wg_worker *worker, struct wg_receive_slot *slots, size_t n, uint64_t now_ns)
{
        struct wg_keypair **kps = worker->keypairs;
        struct forger forger = {.count = 0};

        WG_ASSERT(n <= WG_BATCH_MAX);
        for (size_t i = 0; i < n; i++)
                kps[i] = classify(worker->engine, &slots[i], now_ns, &forger);
        for (size_t i = 0, end; i < n; i = end) {
                for (end = i + 1; end < n && kps[end] == kps[i]; end++)
                        ;
                if (kps[i])
                        open_run(worker, kps[i], slots + i, end - i, now_ns);
        }
        for (size_t i = 0; i < n; i++)
                wg_worker_count(worker, slots[i].verdict);
}
