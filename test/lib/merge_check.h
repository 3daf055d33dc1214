/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * merge_check.h - checks the runs that io/merge.h makes of a batch. The naive segmenter must cut
 * each run into its original packets, and the packets of each flow must stay in order. */
#ifndef TEST_LIB_MERGE_CHECK_H
#define TEST_LIB_MERGE_CHECK_H

#include "io/merge.h"
#include "test/lib/superpacket.h"

/* With more flows than this, some runs are closed early, and the naive coalescer merges more. */
enum { MERGE_OPEN_AT_ONCE = 16 };

/* A batch, and each packet of it as it was. */
struct merge_batch {
        struct tl_packet packets[TL_MERGE_MAX];
        uint8_t *was[TL_MERGE_MAX];
        unsigned int count;
};

static inline void merge_batch_add(struct merge_batch *batch, const uint8_t *packet, uint32_t len)
{
        struct tl_packet *p = &batch->packets[batch->count];

        *p = (struct tl_packet){.buf = malloc(len ? len : 1), .room = len, .len = len};
        batch->was[batch->count] = malloc(len ? len : 1);
        WG_ASSERT(batch->count < TL_MERGE_MAX && p->buf && batch->was[batch->count]);
        if (len) {
                memcpy(p->buf, packet, len);
                memcpy(batch->was[batch->count], packet, len);
        }
        batch->count++;
}

static inline void merge_batch_done(struct merge_batch *batch)
{
        for (unsigned int i = 0; i < batch->count; i++) {
                free(batch->packets[i].buf);
                free(batch->was[i]);
        }
        batch->count = 0;
}

/* A run's pieces in a row. Returns the length, or 0 if they do not add up. */
static inline uint32_t merge_gather(const struct tl_merge *merge, const struct tl_merge_run *run,
                                    const struct merge_batch *batch, uint8_t *to)
{
        struct iovec parts[TL_MERGE_MAX];
        unsigned int count = tl_merge_parts(merge, run, batch->packets, parts);
        uint32_t len = 0;

        if (count != run->count)
                return 0;
        for (unsigned int i = 0; i < count; i++) {
                if (len + parts[i].iov_len > SUPERPACKET_MAX)
                        return 0;
                memcpy(to + len, parts[i].iov_base, parts[i].iov_len);
                len += (uint32_t)parts[i].iov_len;
        }
        return len == run->len ? len : 0;
}

/* Everything that the naive segmenter needs to know about a superpacket. */
static inline struct shape merge_shape(const struct tl_merge_run *run, const uint8_t *super)
{
        struct shape s = {.family = super[0] >> 4, .is_udp = run->offload.kind == TL_OFFLOAD_UDP};

        s.ip_len = s.family == 4 ? 20 : 40;
        s.transport_len = s.is_udp ? 8 : (super[s.ip_len + 12] >> 4) * 4u;
        s.segment = run->offload.segment;
        s.payload = run->len - shape_headers(&s);
        return s;
}

/* Whether a packet cut from a run is the original. If fragments are forbidden, an identification
 * means nothing (RFC 6864), and the segmenter counts up one that `stays`, that is, was the same in
 * all of a run. */
static inline bool merge_is_same(uint8_t *cut, const uint8_t *was, uint32_t len, bool stays,
                                 uint32_t nth)
{
        if (stays && cut[0] >> 4 == 4 && cut[6] & 0x40) {
                wg_be16_store(cut + 4, (uint16_t)(wg_be16_load(cut + 4) - nth));
                packet_fix_ipv4(cut);
        }
        return memcmp(cut, was, len) == 0;
}

static inline const char *merge_fault_offload(const struct tl_merge_run *run, const struct shape *s,
                                              const uint8_t *super)
{
        const struct tl_offload *offload = &run->offload;
        const uint8_t *transport = super + s->ip_len;

        if (!offload->needs_checksum || offload->has_ecn || offload->checksum_start != s->ip_len ||
            offload->checksum_offset != (s->is_udp ? 6 : 16) ||
            offload->header_len != shape_headers(s) || run->header != shape_headers(s))
                return "its offload does not match";
        if (!offload->segment || s->payload <= s->segment)
                return "it has only one segment";
        if ((offload->kind == TL_OFFLOAD_TCP4 && s->family != 4) ||
            (offload->kind == TL_OFFLOAD_TCP6 && s->family != 6))
                return "it is of another kind";
        if (wg_be16_load(transport + offload->checksum_offset) !=
            superpacket_pseudo(super, s->is_udp, run->len - s->ip_len))
                return "its checksum is not the sum of the pseudo header";
        if (s->family == 4 ? wg_be16_load(super + 2) != run->len || packet_checksum(super, 20) != 0
                           : wg_be16_load(super + 4) != run->len - 40)
                return "its IP header is wrong";
        return s->is_udp && wg_be16_load(transport + 4) != run->len - s->ip_len
                       ? "its UDP length is wrong"
                       : NULL;
}

/* Cuts one run of two packets or more. Returns NULL, or what is wrong with it. */
static inline const char *merge_fault_super(const struct tl_merge *merge,
                                            const struct tl_merge_run *run,
                                            const struct merge_batch *batch)
{
        static uint8_t super[SUPERPACKET_MAX], cut[SUPERPACKET_MAX];
        uint16_t packet = run->first;
        const char *fault;
        struct shape s;
        bool stays;

        if (!merge_gather(merge, run, batch, super))
                return "its pieces do not add up";
        s = merge_shape(run, super);
        fault = merge_fault_offload(run, &s, super);
        if (fault)
                return fault;
        if (naive_count(&s) != run->count || (s.is_udp && run->count > 64))
                return "it gives a different number of packets";
        stays = memcmp(batch->was[merge->next[packet]] + 4, batch->was[packet] + 4, 2) == 0;
        for (unsigned int nth = 0; nth < run->count; nth++) {
                const uint8_t *was = batch->was[packet];
                uint32_t len = naive_packet(cut, super, &s, nth);

                if (len != batch->packets[packet].len)
                        return "a packet has a different length";
                if (!merge_is_same(cut, was, len, stays, nth))
                        return "a packet differs from the original";
                if ((packet == run->last) != (nth + 1 == run->count))
                        return "its last packet is not the last";
                packet = merge->next[packet];
        }
        return NULL;
}

/* A single packet is unchanged. */
static inline const char *merge_fault_single(const struct tl_merge *merge,
                                             const struct tl_merge_run *run,
                                             const struct merge_batch *batch)
{
        const struct tl_packet *p = &batch->packets[run->first];
        struct iovec part;

        if (run->offload.needs_checksum || run->first != run->last || run->header ||
            run->len != p->len)
                return "it is a single packet, but not marked so";
        if (tl_merge_parts(merge, run, batch->packets, &part) != 1 || part.iov_base != p->buf ||
            part.iov_len != p->len || memcmp(p->buf, batch->was[run->first], p->len) != 0)
                return "it is a single packet, but was changed";
        return NULL;
}

/* Whether ports identify a packet's flow: a whole TCP or UDP packet without IP options, extension
 * headers or fragments. */
static inline bool merge_has_flow(const uint8_t *packet, uint32_t len)
{
        uint32_t ip_len = packet[0] >> 4 == 4 ? 20 : 40, there = len - ip_len;
        uint8_t protocol = ip_len == 20 ? packet[9] : packet[6];

        if (ip_len == 20 ? packet[0] != 0x45 || wg_be16_load(packet + 2) != len ||
                                   wg_be16_load(packet + 6) & ~0x4000
                         : wg_be16_load(packet + 4) != there)
                return false;
        return (protocol == 6 && there >= 20) || (protocol == 17 && there >= 8);
}

/* Whether two packets must keep their order: their addresses are equal and, if both have them,
 * their protocols and ports. A fragment may belong to any flow. */
static inline bool merge_is_same_flow(const uint8_t *a, uint32_t a_len, const uint8_t *b,
                                      uint32_t b_len)
{
        bool is_ipv4 = a_len && a[0] >> 4 == 4;
        uint32_t ip_len = is_ipv4 ? 20 : 40, from = is_ipv4 ? 12 : 8, protocol = is_ipv4 ? 9 : 6;

        if (a_len < ip_len || b_len < ip_len || a[0] >> 4 != b[0] >> 4 ||
            (!is_ipv4 && a[0] >> 4 != 6) || memcmp(a + from, b + from, ip_len - from) != 0)
                return false;
        if (!merge_has_flow(a, a_len) || !merge_has_flow(b, b_len))
                return true;
        return a[protocol] == b[protocol] && memcmp(a + ip_len, b + ip_len, 4) == 0;
}

/* Each packet is in exactly one run, and none overtook another of its flow. */
static inline const char *merge_fault_order(const struct tl_merge *merge,
                                            const struct merge_batch *batch)
{
        uint16_t order[TL_MERGE_MAX];
        bool seen[TL_MERGE_MAX] = {false};
        unsigned int count = 0;

        for (unsigned int r = 0; r < merge->count; r++) {
                uint16_t packet = merge->runs[r].first;

                for (unsigned int i = 0; i < merge->runs[r].count; i++) {
                        if (packet >= batch->count || seen[packet])
                                return "a packet is in two runs, or not of the batch";
                        seen[packet] = true;
                        order[count++] = packet;
                        packet = merge->next[packet];
                }
        }
        if (count != batch->count)
                return "a packet is in no run";
        for (unsigned int i = 0; i < count; i++)
                for (unsigned int j = i + 1; j < count; j++)
                        if (order[i] > order[j] &&
                            merge_is_same_flow(batch->was[order[i]], batch->packets[order[i]].len,
                                               batch->was[order[j]], batch->packets[order[j]].len))
                                return "a packet overtook another of its flow";
        return NULL;
}

/* Restores all packets at the end. Returns NULL, or what is wrong. */
static inline const char *merge_fault(const struct tl_merge *merge, struct merge_batch *batch)
{
        const char *fault = merge_fault_order(merge, batch);

        for (unsigned int r = 0; r < merge->count && !fault; r++)
                fault = merge->runs[r].offload.kind == TL_OFFLOAD_NONE
                                ? merge_fault_single(merge, &merge->runs[r], batch)
                                : merge_fault_super(merge, &merge->runs[r], batch);
        for (unsigned int r = 0; r < merge->count && !fault; r++)
                tl_merge_undo(&merge->runs[r], batch->packets);
        for (unsigned int i = 0; i < batch->count && !fault; i++)
                if (memcmp(batch->packets[i].buf, batch->was[i], batch->packets[i].len) != 0)
                        fault = "a packet does not get its headers back";
        return fault;
}

/* ---- the naive coalescer ---- */

/* Which run each packet is in, by the number of the run's first packet. */
struct naive_merge {
        uint16_t run[TL_MERGE_MAX];
};

/* The rules beyond equal bytes. */
static inline bool naive_may_merge(const uint8_t *packet, uint32_t len, uint32_t kinds)
{
        uint32_t ip_len = len && packet[0] >> 4 == 4 ? 20 : 40;
        const uint8_t *transport = packet + ip_len;

        if (len < ip_len || (packet[0] >> 4 != 4 && packet[0] >> 4 != 6) ||
            !merge_has_flow(packet, len))
                return false;
        if ((ip_len == 20 ? packet[9] : packet[6]) == 17)
                return kinds & 1u << TL_OFFLOAD_UDP && len > ip_len + 8;
        if (!(kinds & 1u << (ip_len == 20 ? TL_OFFLOAD_TCP4 : TL_OFFLOAD_TCP6)))
                return false;
        return transport[12] >> 4 >= 5 && len > ip_len + (transport[12] >> 4) * 4u &&
               (transport[13] & 0xb7) == 0x10; /* ACK, with or without PSH and ECE */
}

/* Joins these packets, cuts the result, and compares the packets. */
static inline bool naive_is_run(const struct merge_batch *batch, const uint16_t *members,
                                unsigned int count)
{
        static uint8_t super[2 * SUPERPACKET_MAX], cut[SUPERPACKET_MAX];
        const uint8_t *first = batch->was[members[0]];
        const uint8_t *last = batch->was[members[count - 1]];
        struct shape s = {.family = first[0] >> 4};
        uint32_t len = 0;
        bool stays;

        s.ip_len = s.family == 4 ? 20 : 40;
        s.is_udp = (s.family == 4 ? first[9] : first[6]) == 17;
        s.transport_len = s.is_udp ? 8 : (first[s.ip_len + 12] >> 4) * 4u;
        s.segment = (uint16_t)(batch->packets[members[0]].len - shape_headers(&s));
        for (unsigned int i = 0; i < count; i++) {
                uint32_t from = i ? shape_headers(&s) : 0;
                uint32_t more = batch->packets[members[i]].len;

                if (more <= from || len + more - from > SUPERPACKET_MAX)
                        return false;
                memcpy(super + len, batch->was[members[i]] + from, more - from);
                len += more - from;
        }
        s.payload = len - shape_headers(&s);
        if (naive_count(&s) != count || (s.is_udp && count > 64))
                return false;
        if (!s.is_udp)
                super[s.ip_len + 13] |= last[s.ip_len + 13] & 0x08;
        stays = memcmp(batch->was[members[1]] + 4, first + 4, 2) == 0;
        for (unsigned int i = 0; i < count; i++) {
                uint32_t part = naive_packet(cut, super, &s, i);

                if (part != batch->packets[members[i]].len ||
                    !merge_is_same(cut, batch->was[members[i]], part, stays, i))
                        return false;
        }
        return true;
}

/* A packet joins the run of the last packet that it must not overtake, if the result can be cut
 * into the same packets again. */
static inline void naive_merge(struct naive_merge *naive, const struct merge_batch *batch,
                               uint32_t kinds)
{
        for (uint16_t i = 0; i < batch->count; i++) {
                const struct tl_packet *p = batch->packets;
                uint16_t members[TL_MERGE_MAX];
                unsigned int count = 0;
                int before = i - 1;

                naive->run[i] = i;
                while (before >= 0 && !merge_is_same_flow(batch->was[i], p[i].len,
                                                          batch->was[before], p[before].len))
                        before--;
                if (before < 0 || !naive_may_merge(batch->was[i], p[i].len, kinds) ||
                    !naive_may_merge(batch->was[before], p[before].len, kinds))
                        continue;
                for (uint16_t member = naive->run[before]; member < i; member++)
                        if (naive->run[member] == naive->run[before])
                                members[count++] = member;
                members[count++] = i;
                if (naive_is_run(batch, members, count))
                        naive->run[i] = naive->run[before];
        }
}

/* The number of flows in which something can be merged. */
static inline unsigned int merge_count_flows(const struct merge_batch *batch, uint32_t kinds)
{
        const struct tl_packet *p = batch->packets;
        unsigned int count = 0;

        for (unsigned int i = 0; i < batch->count; i++) {
                unsigned int before = 0;

                if (!naive_may_merge(batch->was[i], p[i].len, kinds))
                        continue;
                while (before < i && !(naive_may_merge(batch->was[before], p[before].len, kinds) &&
                                       merge_is_same_flow(batch->was[i], p[i].len,
                                                          batch->was[before], p[before].len)))
                        before++;
                count += before == i;
        }
        return count;
}

/* Returns NULL, or how the two differ. */
static inline const char *merge_differs(const struct tl_merge *merge,
                                        const struct naive_merge *naive)
{
        for (unsigned int r = 0; r < merge->count; r++) {
                uint16_t packet = merge->runs[r].first;

                if (naive->run[packet] != packet)
                        return "the naive coalescer joins a packet that starts a run";
                for (unsigned int i = 0; i < merge->runs[r].count; i++) {
                        if (naive->run[packet] != merge->runs[r].first)
                                return "the naive coalescer does not join these";
                        packet = merge->next[packet];
                }
        }
        return NULL;
}

#endif
