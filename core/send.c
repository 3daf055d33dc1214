/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "core/send.h"

#include "base/ip.h"
#include "base/mem.h"
#include "core/engine.h"

static bool may_seal(const struct wg_keypair *kp, uint64_t now_ns)
{
        return kp && atomic_load_explicit(&kp->may_send, memory_order_relaxed) &&
               wg_keypair_is_fresh(kp, now_ns) &&
               atomic_load_explicit(&kp->send_counter, memory_order_relaxed) <
                       WG_REJECT_AFTER_MESSAGES;
}

bool wg_send_is_ready(struct wg_peer *peer, uint64_t now_ns)
{
        return may_seal(atomic_load_explicit(&peer->current, memory_order_acquire), now_ns);
}

/* Pads a packet to a multiple of 16 bytes, to hide its length, but not beyond the MTU. A packet
 * longer than the MTU (in flight when the MTU shrank) is padded by its length modulo the MTU. */
static uint32_t padding(uint32_t len, uint32_t mtu)
{
        uint32_t last = mtu && len > mtu ? len % mtu : len;
        uint32_t padded = (last + WG_PADDING - 1) & ~(uint32_t)(WG_PADDING - 1);

        return (mtu ? WG_MIN(padded, mtu) : padded) - last;
}

uint32_t wg_send_sealed_len(uint32_t len, uint32_t mtu)
{
        return len + padding(len, mtu) + WG_DATA_OVERHEAD;
}

static uint8_t outer_tos(const struct wg_send_slot *slot)
{
        struct wg_ip_header h = wg_ip_parse(slot->buf + WG_SEND_HEADROOM, slot->len);
        uint8_t ecn = h.tos & WG_ECN_MASK;

        return ecn == WG_ECN_CE ? WG_ECN_ECT0 : ecn;
}

/* Returns the offset of the UDP payload in an IP packet; 0 if it is not UDP, or a later fragment. A
 * first fragment is fine. */
static size_t find_udp_payload(const uint8_t *packet, size_t len)
{
        enum { FRAGMENT_HEADER_LEN = 8 };
        size_t header = wg_ipv4_header_len(packet);

        if (packet[0] >> 4 == 4) {
                bool is_first = (wg_be16_load(packet + WG_IPV4_AT_FRAGMENT) & WG_IPV4_OFFSET) == 0;

                return packet[WG_IPV4_AT_PROTOCOL] == WG_PROTOCOL_UDP && is_first
                               ? header + WG_UDP_HEADER_LEN
                               : 0;
        }
        header = WG_IPV6_HEADER_LEN;
        if (packet[WG_IPV6_AT_NEXT] == WG_PROTOCOL_UDP)
                return header + WG_UDP_HEADER_LEN;
        if (packet[WG_IPV6_AT_NEXT] == WG_PROTOCOL_FRAGMENT &&
            len >= header + FRAGMENT_HEADER_LEN && packet[header] == WG_PROTOCOL_UDP &&
            wg_be16_load(packet + header + 2) >> 3 == 0)
                return header + FRAGMENT_HEADER_LEN + WG_UDP_HEADER_LEN;
        return 0;
}

/* Whether a packet was already sealed under this keypair, because a route leads our own datagrams
 * into the tunnel. Sealed again, it would come back, longer each time and eventually in ever more
 * fragments. The kernel's device drops packets that are routed back to itself; ours have already
 * been sent by then. */
static bool is_own(const struct wg_send_slot *slot, const struct wg_keypair *kp)
{
        const uint8_t *packet = slot->buf + WG_SEND_HEADROOM;
        size_t at;

        if (slot->len < WG_IPV4_HEADER_LEN + WG_UDP_HEADER_LEN + WG_DATA_OVERHEAD)
                return false;
        at = find_udp_payload(packet, slot->len);
        return at && at + WG_DATA_TEXT <= slot->len &&
               wg_le32_load(packet + at) == WG_MESSAGE_DATA &&
               wg_le32_load(packet + at + WG_DATA_RECEIVER) == kp->remote_index;
}

static void set_all(struct wg_send_slot *slots, size_t n, enum wg_verdict verdict)
{
        for (size_t i = 0; i < n; i++)
                slots[i].verdict = verdict;
}

/* Writes the header and fills in the AEAD request of one slot. */
static void prepare(struct wg_send_slot *slot, struct wg_aead_packet *packet,
                    const struct wg_keypair *kp, uint64_t nonce, uint32_t mtu)
{
        uint8_t *text = slot->buf + WG_SEND_HEADROOM;
        uint32_t sealed_len = slot->sealed_len ? slot->sealed_len
                                               : wg_send_sealed_len(slot->len, mtu);
        uint32_t pad = sealed_len - WG_DATA_OVERHEAD - slot->len;

        memset(text + slot->len, 0, pad);
        wg_le32_store(slot->buf, WG_MESSAGE_DATA);
        wg_le32_store(slot->buf + WG_DATA_RECEIVER, kp->remote_index);
        wg_le64_store(slot->buf + WG_DATA_COUNTER, nonce);
        *packet = (struct wg_aead_packet){
                .to = text, .from = text, .len = slot->len + pad, .nonce = nonce};
        slot->len = sealed_len;
        slot->verdict = WG_VERDICT_SEALED;
}

static void keep_key_fresh(struct wg_worker *worker, struct wg_peer *peer,
                           const struct wg_keypair *kp, uint64_t now_ns, uint64_t next_nonce)
{
        if (next_nonce > WG_REKEY_AFTER_MESSAGES ||
            (kp->is_initiator && now_ns >= kp->born_ns + WG_REKEY_AFTER_TIME))
                wg_worker_note(worker, peer, WG_NOTE_REKEY);
}

/* Finds the keypair and the endpoint for sending to a peer. Returns SEALED, or why nothing can be
 * sent to it. */
static enum wg_verdict find_way(struct wg_peer *peer, uint64_t now_ns, struct wg_keypair **kp,
                                struct wg_endpoint *to)
{
        *kp = atomic_load_explicit(&peer->current, memory_order_acquire);
        wg_path_read(&peer->path, to);
        if (to->ip.family == WG_FAMILY_NONE)
                return WG_VERDICT_NO_ENDPOINT;
        return may_seal(*kp, now_ns) ? WG_VERDICT_SEALED : WG_VERDICT_NO_SESSION;
}

static void seal(struct wg_worker *worker, struct wg_peer *peer, struct wg_keypair *kp,
                 const struct wg_endpoint *to, struct wg_send_slot *slots, size_t n,
                 uint64_t now_ns)
{
        uint32_t mtu = atomic_load_explicit(&worker->engine->mtu, memory_order_relaxed);
        uint64_t nonce = wg_keypair_take_nonces(kp, n);
        bool is_data = false;
        size_t at, sealed = 0;

        for (at = 0; at < n && nonce + sealed < WG_REJECT_AFTER_MESSAGES; at++) {
                bool is_more = at && slots[at].is_more;

                if (is_more ? slots[at - 1].verdict == WG_VERDICT_LOOP : is_own(&slots[at], kp)) {
                        slots[at].verdict = WG_VERDICT_LOOP;
                        continue;
                }
                is_data |= slots[at].len != 0;
                slots[at].to = *to;
                slots[at].tos = is_more ? slots[at - 1].tos : outer_tos(&slots[at]);
                prepare(&slots[at], &worker->packets[sealed], kp, nonce + sealed, mtu);
                sealed++;
        }
        set_all(slots + at, n - at, WG_VERDICT_NO_SESSION);
        if (!sealed)
                return;
        worker->aead->seal(kp->send_key, worker->packets, sealed);
        wg_worker_sent(worker, peer, is_data, now_ns);
        keep_key_fresh(worker, peer, kp, now_ns, nonce + sealed);
}

void wg_send_to(struct wg_worker *worker, struct wg_peer *peer, struct wg_send_slot *slots,
                size_t n, uint64_t now_ns)
{
        struct wg_keypair *kp;
        struct wg_endpoint to;
        enum wg_verdict verdict = find_way(peer, now_ns, &kp, &to);

        WG_ASSERT(n <= WG_BATCH_MAX);
        if (verdict == WG_VERDICT_SEALED)
                seal(worker, peer, kp, &to, slots, n, now_ns);
        else
                set_all(slots, n, verdict);
}

/* A peer's run may end with slots that go to the engine. Adds these to the peer's count of waiting
 * packets, or drops them if the bound is reached. */
static void join_waiting(struct wg_peer *peer, struct wg_send_slot *slots, size_t n,
                         bool has_session)
{
        size_t first = n;

        while (first && slots[first - 1].verdict == WG_VERDICT_NO_SESSION)
                first--;
        if (first < n && !wg_waiting_add(&peer->waiting, (uint32_t)(n - first), has_session))
                set_all(slots + first, n - first, WG_VERDICT_STAGED_FULL);
}

/* The same, but in order with packets that are on their way through the engine. */
static void send_in_turn(struct wg_worker *worker, struct wg_peer *peer, struct wg_send_slot *slots,
                         size_t n, uint64_t now_ns)
{
        bool is_behind = wg_waiting_has_some(&peer->waiting), has_session;
        struct wg_keypair *kp;
        struct wg_endpoint to;
        enum wg_verdict verdict = find_way(peer, now_ns, &kp, &to);

        has_session = verdict == WG_VERDICT_SEALED;
        if (has_session && !is_behind)
                seal(worker, peer, kp, &to, slots, n, now_ns);
        else
                set_all(slots, n, has_session ? WG_VERDICT_NO_SESSION : verdict);
        join_waiting(peer, slots, n, has_session && is_behind);
}

/* Finds the peer of a slot. The previous packet often has the same destination. */
static void route(struct wg_engine *engine, struct wg_send_slot *slot,
                  const struct wg_send_slot *before)
{
        struct wg_ip_header b = {.family = WG_FAMILY_NONE}, h;

        if (before && slot->is_more) {
                slot->peer = before->peer;
                slot->verdict = before->verdict;
                return;
        }
        h = wg_ip_parse(slot->buf + WG_SEND_HEADROOM, slot->len);
        slot->peer = NULL;
        slot->verdict = WG_VERDICT_NO_PEER;
        if (h.family == WG_FAMILY_NONE) {
                slot->verdict = WG_VERDICT_NOT_IP;
                return;
        }
        if (before && before->peer)
                b = wg_ip_parse(before->buf + WG_SEND_HEADROOM, before->len);
        if (wg_ip_is_same_address(b.family, b.destination, h.family, h.destination))
                slot->peer = before->peer;
        else
                slot->peer = wg_allowedips_find(&engine->allowed, h.family, h.destination);
}

void wg_send(struct wg_worker *worker, struct wg_send_slot *slots, size_t n, uint64_t now_ns)
{
        WG_ASSERT(n <= WG_BATCH_MAX);
        for (size_t i = 0; i < n; i++)
                route(worker->engine, &slots[i], i ? &slots[i - 1] : NULL);
        for (size_t i = 0, end; i < n; i = end) {
                for (end = i + 1; end < n && slots[end].peer == slots[i].peer; end++)
                        ;
                if (slots[i].peer)
                        send_in_turn(worker, slots[i].peer, slots + i, end - i, now_ns);
        }
        for (size_t i = 0; i < n; i++)
                wg_worker_count(worker, slots[i].verdict);
}
