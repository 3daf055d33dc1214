/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * fuzz_merge.c - any batch of packets. The input describes each packet: the next packet of one of
 * four flows, with one byte changed, or raw bytes of the input. The result of merging must equal
 * that of the naive coalescer, and cutting it must restore the same packets
 * (test/lib/merge_check.h). */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "io/merge.h"
#include "test/lib/merge_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
        FLOWS = 4,
        RECORD = 5,

        /* Bits of a record's first byte; the two lowest bits select its flow. */
        HAS_PSH = 0x04,
        IS_RIGHT = 0x08, /* checksums are recomputed after the change */
        IS_LOST = 0x10,  /* the packet is counted, but missing */
        IS_CUT_OFF = 0x20,
        IS_LONG = 0x40,
        IS_RAW = 0x80,
};

static uint32_t sequences[FLOWS];
static uint16_t ids[FLOWS];
static struct tl_merge merge;
static struct merge_batch batch;

/* The next packet of a flow: 0 and 1 are TCP, 2 and 3 are UDP; even flows are IPv4, odd ones
 * IPv6. */
static uint32_t make_packet(uint8_t *packet, unsigned int flow, uint32_t payload, bool has_psh)
{
        bool is_ipv4 = flow % 2 == 0, is_udp = flow >= 2;
        uint32_t ip_len = is_ipv4 ? 20 : 40, transport_len = is_udp ? 8 : 32;
        uint32_t len = ip_len + transport_len + payload;
        uint8_t *transport = packet + ip_len;

        if (is_ipv4) {
                packet_ipv4(packet, len, 0x0a000001, 0x0a000002);
                wg_be16_store(packet + 4, ids[flow]++);
                packet[6] = 0x40;
                packet[9] = is_udp ? 17 : 6;
        } else {
                packet_ipv6(packet, len, 1, 2);
                packet[6] = is_udp ? 17 : 6;
        }
        memset(transport, 0, transport_len);
        if (is_udp) {
                wg_be16_store(transport + 4, (uint16_t)(len - ip_len));
        } else {
                wg_be32_store(transport + 4, sequences[flow]);
                transport[12] = 0x80;
                transport[13] = has_psh ? 0x18 : 0x10;
        }
        sequences[flow] += payload;
        superpacket_refresh(packet, len);
        return len;
}

/* Returns the number of input bytes used. */
static size_t add_record(const uint8_t *data, size_t size)
{
        static uint8_t packet[SUPERPACKET_MAX];
        uint8_t what = data[0];
        uint32_t len;

        if (what & IS_RAW) {
                len = (uint32_t)WG_MIN((size_t)data[1], size - RECORD);
                merge_batch_add(&batch, data + RECORD, len);
                return RECORD + len;
        }
        len = make_packet(packet, what % FLOWS,
                          what & IS_LONG ? data[4] * 100u : WG_MIN(data[4], 100u), what & HAS_PSH);
        packet[data[1] % len] ^= data[2];
        if (what & IS_RIGHT)
                superpacket_refresh(packet, len);
        if (what & IS_CUT_OFF)
                len = WG_MIN(len, (uint32_t)data[3]);
        if (!(what & IS_LOST))
                merge_batch_add(&batch, packet, len);
        return RECORD;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct naive_merge naive;
        uint32_t kinds;

        if (!size)
                return 0;
        kinds = data[0];
        memset(sequences, 0xff, sizeof(sequences));
        memset(ids, 0xff, sizeof(ids));
        for (size_t at = 1; size - at >= RECORD && batch.count < TL_MERGE_MAX;)
                at += add_record(data + at, size - at);
        tl_merge(&merge, batch.packets, batch.count, kinds);
        if (merge_count_flows(&batch, kinds) <= MERGE_OPEN_AT_ONCE) {
                naive_merge(&naive, &batch, kinds);
                WG_ASSERT(!merge_differs(&merge, &naive));
        }
        WG_ASSERT(!merge_fault(&merge, &batch));
        merge_batch_done(&batch);
        return 0;
}
