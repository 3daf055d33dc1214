/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "io/offload.h"

#include <errno.h>
#include <string.h>

WG_ENUM_DEFINE(tl_offload_kind, TL_OFFLOAD_KINDS)

/* From struct virtio_net_hdr. <linux/virtio_net.h> lacks UDP_L4 on some systems that we build
 * on. */
enum {
        FLAG_NEEDS_CHECKSUM = 1,

        GSO_NONE = 0,
        GSO_TCPV4 = 1,
        GSO_TCPV6 = 4,
        GSO_UDP_L4 = 5,
        GSO_ECN = 0x80,

        AT_FLAGS = 0,
        AT_GSO = 1,
        AT_HEADER_LEN = 2,
        AT_SEGMENT = 4,
        AT_CHECKSUM_START = 6,
        AT_CHECKSUM_OFFSET = 8,
};

static const uint8_t gso_of[] = {
        [TL_OFFLOAD_NONE] = GSO_NONE,
        [TL_OFFLOAD_TCP4] = GSO_TCPV4,
        [TL_OFFLOAD_TCP6] = GSO_TCPV6,
        [TL_OFFLOAD_UDP] = GSO_UDP_L4,
};

static uint16_t load(const uint8_t *at)
{
        uint16_t value;

        memcpy(&value, at, sizeof(value));
        return value;
}

static void store(uint8_t *at, uint16_t value)
{
        memcpy(at, &value, sizeof(value));
}

int tl_offload_read(struct tl_offload *offload, const uint8_t header[TL_OFFLOAD_HEADER_LEN])
{
        bool has_ecn = header[AT_GSO] & GSO_ECN;
        uint8_t kind = 0;

        while (kind < WG_ARRAY_SIZE(gso_of) && gso_of[kind] != (header[AT_GSO] & ~GSO_ECN))
                kind++;
        if (kind == WG_ARRAY_SIZE(gso_of) || (has_ecn && !tl_offload_is_tcp(kind)))
                return -EINVAL;
        *offload = (struct tl_offload){
                .kind = kind,
                .needs_checksum = header[AT_FLAGS] & FLAG_NEEDS_CHECKSUM,
                .has_ecn = has_ecn,
                .header_len = load(header + AT_HEADER_LEN),
                .segment = load(header + AT_SEGMENT),
                .checksum_start = load(header + AT_CHECKSUM_START),
                .checksum_offset = load(header + AT_CHECKSUM_OFFSET),
        };
        return 0;
}

void tl_offload_write(const struct tl_offload *offload, uint8_t header[TL_OFFLOAD_HEADER_LEN])
{
        WG_ASSERT(offload->kind < WG_ARRAY_SIZE(gso_of));
        header[AT_FLAGS] = offload->needs_checksum ? FLAG_NEEDS_CHECKSUM : 0;
        header[AT_GSO] = (uint8_t)(gso_of[offload->kind] | (offload->has_ecn ? GSO_ECN : 0));
        store(header + AT_HEADER_LEN, offload->header_len);
        store(header + AT_SEGMENT, offload->segment);
        store(header + AT_CHECKSUM_START, offload->checksum_start);
        store(header + AT_CHECKSUM_OFFSET, offload->checksum_offset);
}
