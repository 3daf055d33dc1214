/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "io/merge.h"

#include <string.h>

#include "base/checksum.h"
#include "io/checksum.h"

/* At most this many runs are open at once; another flow closes the one that was opened first. */
enum { OPEN_MAX = 16, ALL_OPEN = (1u << OPEN_MAX) - 1 };

#define EACH_OPEN(slot, table) \
        for (uint32_t bits_ = (table)->open, slot; \
             bits_ && (slot = (uint32_t)__builtin_ctz(bits_), true); bits_ &= bits_ - 1)

/* The properties of a packet that merging needs. */
struct parsed {
        uint8_t kind;      /* NONE: the packet joins no other */
        uint8_t family;    /* WG_FAMILY_*; NONE: not an IP packet, or shorter than a header */
        uint8_t transport; /* offset of that header; 0: the flow is unknown */
        uint8_t header;    /* bytes before the payload */
        uint16_t id;       /* IPv4 */
        bool is_ending;    /* PSH: nothing may follow in its run */
        uint32_t payload;  /* bytes; not 0 unless the kind is NONE */
        uint32_t flow;     /* the same for all packets of a flow */
};

/* A run that more packets may join. */
struct open_run {
        struct parsed first;
        uint32_t sequence; /* TCP: of the next packet that may join */
        uint16_t id;       /* IPv4: likewise, once the run has two packets */
        uint16_t id_step;
        uint16_t run;
        bool is_verified; /* the first packet's checksums are right */
};

struct table {
        uint32_t open; /* a bit per slot */
        uint32_t flows[OPEN_MAX];
        struct open_run runs[OPEN_MAX];
        unsigned int next; /* the slot to reuse when all are taken */
};

/* The state that all functions here share. */
struct batch {
        struct tl_merge *merge;
        struct tl_packet *packets;
        uint32_t kinds;
        struct table open;
};

/* ---- one packet ---- */

static uint32_t load(const uint8_t *at)
{
        uint32_t word;

        memcpy(&word, at, sizeof(word));
        return word;
}

/* Two flows may have the same value by chance; comparing their addresses distinguishes them. */
static uint32_t mix_flow(const uint8_t *packet, const struct parsed *p)
{
        uint32_t mixed = load(packet + p->transport) * UINT32_C(0x9e3779b1);

        if (p->family == WG_FAMILY_IPV4)
                return mixed ^ load(packet + WG_IPV4_AT_SOURCE) ^
                       load(packet + WG_IPV4_AT_DESTINATION) * 3;
        return mixed ^ load(packet + WG_IPV6_AT_SOURCE + 12) ^
               load(packet + WG_IPV6_AT_DESTINATION + 12) * 3;
}

/* Reads the IP header. Returns the protocol of the header at p->transport. */
static uint8_t parse_ip(struct parsed *p, const uint8_t *packet, uint32_t len)
{
        if (len >= WG_IPV4_HEADER_LEN && packet[0] >> 4 == 4) {
                p->family = WG_FAMILY_IPV4;
                p->id = wg_be16_load(packet + WG_IPV4_AT_ID);
                if (packet[0] == 0x45 && wg_be16_load(packet + WG_IPV4_AT_TOTAL_LEN) == len &&
                    !(wg_be16_load(packet + WG_IPV4_AT_FRAGMENT) & ~WG_IPV4_DONT_FRAGMENT))
                        p->transport = WG_IPV4_HEADER_LEN;
                return packet[WG_IPV4_AT_PROTOCOL];
        }
        if (len >= WG_IPV6_HEADER_LEN && packet[0] >> 4 == 6) {
                p->family = WG_FAMILY_IPV6;
                if (wg_be16_load(packet + WG_IPV6_AT_PAYLOAD_LEN) == len - WG_IPV6_HEADER_LEN)
                        p->transport = WG_IPV6_HEADER_LEN;
                return packet[WG_IPV6_AT_NEXT];
        }
        return 0;
}

static void parse_tcp(struct parsed *p, const uint8_t *tcp, uint32_t len)
{
        uint32_t header_len = (tcp[WG_TCP_AT_DATA_OFFSET] >> 4) * 4u;
        uint8_t flags = tcp[WG_TCP_AT_FLAGS];

        if (header_len < WG_TCP_HEADER_LEN || header_len >= len)
                return;
        if ((flags & ~(WG_TCP_PSH | WG_TCP_ECE)) != WG_TCP_ACK)
                return;
        p->kind = p->family == WG_FAMILY_IPV4 ? TL_OFFLOAD_TCP4 : TL_OFFLOAD_TCP6;
        p->header = (uint8_t)(p->transport + header_len);
        p->payload = len - header_len;
        p->is_ending = flags & WG_TCP_PSH;
}

static void parse_udp(struct parsed *p, const uint8_t *udp, uint32_t len)
{
        if (len == WG_UDP_HEADER_LEN || wg_be16_load(udp + WG_UDP_AT_LEN) != len ||
            !wg_be16_load(udp + WG_UDP_AT_CHECKSUM))
                return;
        p->kind = TL_OFFLOAD_UDP;
        p->header = (uint8_t)(p->transport + WG_UDP_HEADER_LEN);
        p->payload = len - WG_UDP_HEADER_LEN;
}

static struct parsed parse(const uint8_t *packet, uint32_t len, uint32_t kinds)
{
        struct parsed p = {.kind = TL_OFFLOAD_NONE};
        uint8_t protocol = parse_ip(&p, packet, len);
        uint32_t there = len - p.transport;

        if (p.transport && protocol == WG_PROTOCOL_TCP && there >= WG_TCP_HEADER_LEN)
                parse_tcp(&p, packet + p.transport, there);
        else if (p.transport && protocol == WG_PROTOCOL_UDP && there >= WG_UDP_HEADER_LEN)
                parse_udp(&p, packet + p.transport, there);
        else
                p.transport = 0;
        if (!(kinds & 1u << p.kind))
                p.kind = TL_OFFLOAD_NONE;
        if (p.transport)
                p.flow = mix_flow(packet, &p);
        return p;
}

/* A checksum of all ones is as correct as one of zeros, but the kernel would write zeros, so a
 * packet with all ones stays alone. */
static bool is_intact(const uint8_t *packet, uint32_t len, const struct parsed *p)
{
        const uint8_t *transport = packet + p->transport;
        uint32_t there = len - p->transport;
        uint64_t pseudo = wg_checksum_pseudo_of(packet, p->family, tl_offload_protocol(p->kind),
                                                there);

        if (p->family == WG_FAMILY_IPV4 &&
            (wg_checksum_fold(tl_checksum_add(0, packet, WG_IPV4_HEADER_LEN)) ||
             wg_checksum_at(packet + WG_IPV4_AT_CHECKSUM) == UINT16_MAX))
                return false;
        if (tl_offload_is_tcp(p->kind) &&
            wg_checksum_at(transport + WG_TCP_AT_CHECKSUM) == UINT16_MAX)
                return false;
        return wg_checksum_fold(tl_checksum_add(pseudo, transport, there)) == 0;
}

/* ---- two packets ---- */

static bool is_same_range(const uint8_t *a, const uint8_t *b, size_t from, size_t to)
{
        return memcmp(a + from, b + from, to - from) == 0;
}

static bool has_same_addresses(const uint8_t *a, const uint8_t *b, uint8_t family)
{
        return family == WG_FAMILY_IPV4
                       ? is_same_range(a, b, WG_IPV4_AT_SOURCE, WG_IPV4_HEADER_LEN)
                       : is_same_range(a, b, WG_IPV6_AT_SOURCE, WG_IPV6_HEADER_LEN);
}

/* For packets that both have a transport header. */
static bool is_same_flow(const uint8_t *a, const uint8_t *b, uint8_t family)
{
        if (!has_same_addresses(a, b, family))
                return false;
        if (family == WG_FAMILY_IPV4)
                return a[WG_IPV4_AT_PROTOCOL] == b[WG_IPV4_AT_PROTOCOL] &&
                       load(a + WG_IPV4_HEADER_LEN) == load(b + WG_IPV4_HEADER_LEN);
        return a[WG_IPV6_AT_NEXT] == b[WG_IPV6_AT_NEXT] &&
               load(a + WG_IPV6_HEADER_LEN) == load(b + WG_IPV6_HEADER_LEN);
}

/* For packets of one flow: whether all fields are equal that a superpacket has only once. */
static bool has_same_ip(const uint8_t *a, const uint8_t *b, uint8_t family)
{
        if (family == WG_FAMILY_IPV4)
                return is_same_range(a, b, 0, WG_IPV4_AT_TOTAL_LEN) &&
                       is_same_range(a, b, WG_IPV4_AT_FRAGMENT, WG_IPV4_AT_PROTOCOL);
        return is_same_range(a, b, 0, WG_IPV6_AT_PAYLOAD_LEN) &&
               a[WG_IPV6_AT_HOP_LIMIT] == b[WG_IPV6_AT_HOP_LIMIT];
}

static bool has_same_tcp(const uint8_t *a, const uint8_t *b, size_t len)
{
        return is_same_range(a, b, WG_TCP_AT_ACK, WG_TCP_AT_FLAGS) &&
               !((a[WG_TCP_AT_FLAGS] ^ b[WG_TCP_AT_FLAGS]) & ~WG_TCP_PSH) &&
               is_same_range(a, b, WG_TCP_AT_WINDOW, WG_TCP_AT_CHECKSUM) &&
               is_same_range(a, b, WG_TCP_AT_URGENT, len);
}

/* ---- runs ---- */

static unsigned int take_slot(struct table *open)
{
        unsigned int slot;

        if (open->open != ALL_OPEN) {
                slot = (unsigned int)__builtin_ctz(~open->open);
        } else {
                slot = open->next;
                open->next = (slot + 1) % OPEN_MAX;
        }
        open->open |= 1u << slot;
        return slot;
}

static void close_run(struct table *open, unsigned int slot)
{
        open->open &= ~(1u << slot);
}

static struct tl_merge_run *run_of(struct batch *batch, const struct open_run *open)
{
        return &batch->merge->runs[open->run];
}

static const uint8_t *first_of(struct batch *batch, const struct open_run *open)
{
        return batch->packets[run_of(batch, open)->first].buf;
}

/* The open run of the flow of that packet, or OPEN_MAX. There is at most one. */
static unsigned int find_run(struct batch *batch, const uint8_t *packet, const struct parsed *p)
{
        struct table *open = &batch->open;

        EACH_OPEN(slot, open)
        if (open->flows[slot] == p->flow && open->runs[slot].first.family == p->family &&
            is_same_flow(first_of(batch, &open->runs[slot]), packet, p->family))
                return slot;
        return OPEN_MAX;
}

/* Closes all runs between the addresses of the packet: a fragment, for example, may belong to any
 * of them. */
static void close_between(struct batch *batch, const uint8_t *packet, uint8_t family)
{
        struct table *open = &batch->open;

        EACH_OPEN(slot, open)
        if (open->runs[slot].first.family == family &&
            has_same_addresses(first_of(batch, &open->runs[slot]), packet, family))
                close_run(open, slot);
}

/* Begins a run with one packet, in the order of the batch. */
static void begin_run(struct batch *batch, uint16_t packet, const struct parsed *p)
{
        if (p->kind != TL_OFFLOAD_NONE && !p->is_ending) {
                const uint8_t *buf = batch->packets[packet].buf;
                unsigned int slot = take_slot(&batch->open);
                struct open_run *o = &batch->open.runs[slot];

                *o = (struct open_run){.first = *p, .run = (uint16_t)batch->merge->count};
                if (p->kind != TL_OFFLOAD_UDP)
                        o->sequence = wg_be32_load(buf + p->transport + WG_TCP_AT_SEQUENCE) +
                                      p->payload;
                batch->open.flows[slot] = p->flow;
        }
        batch->merge->runs[batch->merge->count++] = (struct tl_merge_run){
                .first = packet,
                .last = packet,
                .count = 1,
                .len = batch->packets[packet].len,
        };
}

/* Whether the identification of a packet of the same flow continues as the kernel would count. */
static bool id_fits(const struct open_run *o, const struct parsed *p, const uint8_t *first,
                    uint16_t count)
{
        uint16_t step;

        if (p->family == WG_FAMILY_IPV6)
                return true;
        if (count > 1)
                return p->id == o->id;
        step = (uint16_t)(p->id - o->first.id);
        return step == 1 ||
               (step == 0 && wg_be16_load(first + WG_IPV4_AT_FRAGMENT) & WG_IPV4_DONT_FRAGMENT);
}

/* Whether a packet may join the run of its flow, checksums aside. */
static bool fits(struct batch *batch, const struct open_run *o, const uint8_t *packet,
                 const struct parsed *p)
{
        const struct tl_merge_run *run = run_of(batch, o);
        const uint8_t *first = first_of(batch, o);
        uint8_t transport = p->transport;

        if (p->kind != o->first.kind || p->payload > o->first.payload ||
            run->len + p->payload > UINT16_MAX || !has_same_ip(first, packet, p->family) ||
            !id_fits(o, p, first, run->count))
                return false;
        if (p->kind == TL_OFFLOAD_UDP)
                return run->count < TL_MERGE_DATAGRAMS_MAX;
        return wg_be32_load(packet + transport + WG_TCP_AT_SEQUENCE) == o->sequence &&
               has_same_tcp(first + transport, packet + transport, (size_t)p->header - transport);
}

/* Adds a packet with correct checksums to a run with correct checksums. */
static void join_run(struct batch *batch, unsigned int slot, uint16_t packet,
                     const struct parsed *p)
{
        struct open_run *o = &batch->open.runs[slot];
        struct tl_merge_run *run = run_of(batch, o);

        if (run->count == 1) {
                run->offload = (struct tl_offload){
                        .kind = p->kind,
                        .needs_checksum = true,
                        .header_len = p->header,
                        .segment = (uint16_t)o->first.payload,
                        .checksum_start = p->transport,
                        .checksum_offset = p->kind == TL_OFFLOAD_UDP ? WG_UDP_AT_CHECKSUM
                                                                     : WG_TCP_AT_CHECKSUM,
                };
                run->header = p->header;
                o->id_step = (uint16_t)(p->id - o->first.id);
        }
        batch->merge->next[run->last] = packet;
        run->last = packet;
        run->count++;
        run->len += p->payload;
        o->sequence += p->payload;
        o->id = (uint16_t)(p->id + o->id_step);
        if (p->is_ending || p->payload < o->first.payload)
                close_run(&batch->open, slot);
}

/* Verifies the first packet of a run, once a second one wants to join. */
static bool is_run_intact(struct batch *batch, struct open_run *o)
{
        if (!o->is_verified)
                o->is_verified = is_intact(first_of(batch, o), run_of(batch, o)->len, &o->first);
        return o->is_verified;
}

static void arrange(struct batch *batch, uint16_t i)
{
        const uint8_t *packet = batch->packets[i].buf;
        uint32_t len = batch->packets[i].len;
        struct parsed p = parse(packet, len, batch->kinds);
        unsigned int slot;

        if (!p.transport) {
                if (p.family != WG_FAMILY_NONE)
                        close_between(batch, packet, p.family);
                begin_run(batch, i, &p);
                return;
        }
        slot = find_run(batch, packet, &p);
        if (slot < OPEN_MAX) {
                struct open_run *o = &batch->open.runs[slot];

                if (fits(batch, o, packet, &p) && is_run_intact(batch, o)) {
                        if (is_intact(packet, len, &p)) {
                                join_run(batch, slot, i, &p);
                                return;
                        }
                        p.kind = TL_OFFLOAD_NONE; /* no packet may join it either */
                }
                close_run(&batch->open, slot);
        }
        begin_run(batch, i, &p);
}

/* ---- a superpacket's headers ---- */

static uint16_t take(const uint8_t *at)
{
        return (uint16_t)wg_checksum_at(at);
}

static bool is_ipv4(const struct tl_merge_run *run)
{
        return run->offload.checksum_start == WG_IPV4_HEADER_LEN;
}

static uint8_t *ip_len_of(const struct tl_merge_run *run, uint8_t *packet)
{
        return packet + (is_ipv4(run) ? WG_IPV4_AT_TOTAL_LEN : WG_IPV6_AT_PAYLOAD_LEN);
}

static void save_headers(struct tl_merge_run *run, uint8_t *packet)
{
        uint8_t *transport = packet + run->offload.checksum_start;

        run->ip_len = take(ip_len_of(run, packet));
        if (is_ipv4(run))
                run->ip_checksum = take(packet + WG_IPV4_AT_CHECKSUM);
        run->checksum = take(transport + run->offload.checksum_offset);
        if (run->offload.kind == TL_OFFLOAD_UDP)
                run->udp_len = take(transport + WG_UDP_AT_LEN);
        else
                run->tcp_flags = transport[WG_TCP_AT_FLAGS];
}

/* Writes the lengths, and IPv4's checksum. */
static void write_ip(const struct tl_merge_run *run, uint8_t *packet)
{
        if (!is_ipv4(run)) {
                wg_be16_store(packet + WG_IPV6_AT_PAYLOAD_LEN,
                              (uint16_t)(run->len - run->offload.checksum_start));
                return;
        }
        wg_be16_store(packet + WG_IPV4_AT_TOTAL_LEN, (uint16_t)run->len);
        wg_be16_store(packet + WG_IPV4_AT_CHECKSUM, 0);
        wg_checksum_store(packet + WG_IPV4_AT_CHECKSUM,
                          wg_checksum_fold(tl_checksum_add(0, packet, WG_IPV4_HEADER_LEN)));
}

static void write_headers(struct tl_merge_run *run, const struct tl_packet *packets)
{
        uint8_t *packet = packets[run->first].buf;
        uint8_t *transport = packet + run->offload.checksum_start;
        const uint8_t *last = packets[run->last].buf + run->offload.checksum_start;
        uint32_t there = run->len - run->offload.checksum_start;
        uint64_t pseudo = wg_checksum_pseudo_of(packet,
                                                is_ipv4(run) ? WG_FAMILY_IPV4 : WG_FAMILY_IPV6,
                                                tl_offload_protocol(run->offload.kind), there);

        save_headers(run, packet);
        write_ip(run, packet);
        if (run->offload.kind == TL_OFFLOAD_UDP)
                wg_be16_store(transport + WG_UDP_AT_LEN, (uint16_t)there);
        else
                transport[WG_TCP_AT_FLAGS] |= last[WG_TCP_AT_FLAGS] & WG_TCP_PSH;
        /* The field gets the sum itself, not its complement: the kernel completes it. */
        wg_checksum_store(transport + run->offload.checksum_offset,
                          (uint16_t)~wg_checksum_fold(pseudo));
}

void tl_merge(struct tl_merge *merge, struct tl_packet *packets, unsigned int count, uint32_t kinds)
{
        struct batch batch = {.merge = merge, .packets = packets, .kinds = kinds};

        WG_ASSERT(count <= TL_MERGE_MAX);
        merge->count = 0;
        for (unsigned int i = 0; i < count; i++)
                arrange(&batch, (uint16_t)i);
        for (unsigned int i = 0; i < merge->count; i++)
                if (merge->runs[i].count > 1)
                        write_headers(&merge->runs[i], packets);
}

unsigned int tl_merge_parts(const struct tl_merge *merge, const struct tl_merge_run *run,
                            const struct tl_packet *packets, struct iovec *parts)
{
        uint16_t packet = run->first;

        parts[0] = (struct iovec){packets[packet].buf, packets[packet].len};
        for (unsigned int i = 1; i < run->count; i++) {
                packet = merge->next[packet];
                parts[i] = (struct iovec){packets[packet].buf + run->header,
                                          packets[packet].len - run->header};
        }
        return run->count;
}

void tl_merge_undo(const struct tl_merge_run *run, struct tl_packet *packets)
{
        uint8_t *packet = packets[run->first].buf;
        uint8_t *transport = packet + run->offload.checksum_start;

        if (run->count == 1)
                return;
        wg_checksum_store(ip_len_of(run, packet), run->ip_len);
        if (is_ipv4(run))
                wg_checksum_store(packet + WG_IPV4_AT_CHECKSUM, run->ip_checksum);
        wg_checksum_store(transport + run->offload.checksum_offset, run->checksum);
        if (run->offload.kind == TL_OFFLOAD_UDP)
                wg_checksum_store(transport + WG_UDP_AT_LEN, run->udp_len);
        else
                transport[WG_TCP_AT_FLAGS] = run->tcp_flags;
}
