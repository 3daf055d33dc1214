/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * fuzz_cut.c - any virtio header before any packet. The result of cutting must equal that of the
 * naive segmenter. The packet and each piece are in memory of exactly their size. */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "io/cut.h"
#include "test/lib/superpacket.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t wanted[SUPERPACKET_MAX];

/* For the naive segmenter, which reads no lengths from headers. */
static struct shape shape_of(const struct tl_cut *cut, const struct tl_offload *offload,
                             uint32_t len)
{
        return (struct shape){
                .family = cut->family,
                .is_udp = cut->kind == TL_OFFLOAD_UDP,
                .ip_len = cut->transport,
                .transport_len = cut->header_len - cut->transport,
                .payload = len - cut->header_len,
                .segment = offload->segment,
        };
}

/* The kernel stores the pseudo header's sum there. With any other value there would be no correct
 * result to compare with. */
static void seed_checksum(uint8_t *packet, uint32_t len, const struct shape *s,
                          const struct tl_offload *offload)
{
        uint8_t *transport = packet + s->ip_len;

        if (s->is_udp)
                wg_be16_store(transport + 4, (uint16_t)(len - s->ip_len));
        wg_be16_store(transport + offload->checksum_offset,
                      superpacket_pseudo(packet, s->is_udp, len - s->ip_len));
}

static void cut_many(uint8_t *packet, uint32_t len, const struct tl_offload *offload,
                     struct tl_cut *cut)
{
        struct shape s = shape_of(cut, offload, len);
        uint32_t nth = 0, next;

        if (offload->needs_checksum)
                seed_checksum(packet, len, &s, offload);
        WG_ASSERT(tl_cut_begin(cut, offload, packet, len) == 0);
        for (; (next = tl_cut_next_len(cut)) != 0; nth++) {
                uint8_t *to = malloc(next);

                WG_ASSERT(to && nth < naive_count(&s));
                WG_ASSERT(naive_packet(wanted, packet, &s, nth) == next);
                tl_cut_next(cut, to);
                WG_ASSERT(memcmp(to, wanted, next) == 0);
                free(to);
        }
        WG_ASSERT(nth == naive_count(&s));
}

static void cut_one(const uint8_t *packet, uint32_t len, const struct tl_offload *offload,
                    struct tl_cut *cut)
{
        uint8_t *to = malloc(len);

        WG_ASSERT(to && tl_cut_next_len(cut) == len);
        tl_cut_next(cut, to);
        WG_ASSERT(tl_cut_next_len(cut) == 0);
        memcpy(wanted, packet, len);
        if (offload->needs_checksum) {
                uint32_t start = offload->checksum_start;
                uint16_t checksum = packet_checksum(packet + start, len - start);

                wg_be16_store(wanted + start + offload->checksum_offset,
                              checksum ? checksum : 0xffff);
        }
        WG_ASSERT(memcmp(to, wanted, len) == 0);
        free(to);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct tl_offload offload;
        struct tl_cut cut;
        uint8_t *packet;
        uint32_t len;

        if (size <= TL_OFFLOAD_HEADER_LEN || size - TL_OFFLOAD_HEADER_LEN > SUPERPACKET_MAX ||
            tl_offload_read(&offload, data) != 0)
                return 0;
        len = (uint32_t)(size - TL_OFFLOAD_HEADER_LEN);
        packet = malloc(len);
        WG_ASSERT(packet);
        memcpy(packet, data + TL_OFFLOAD_HEADER_LEN, len);
        if (tl_cut_begin(&cut, &offload, packet, len) == 0) {
                if (offload.kind == TL_OFFLOAD_NONE)
                        cut_one(packet, len, &offload, &cut);
                else
                        cut_many(packet, len, &offload, &cut);
        }
        free(packet);
        return 0;
}
