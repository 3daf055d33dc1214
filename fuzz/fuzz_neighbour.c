/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * fuzz_neighbour.c - any packets as ARP and as neighbour discovery. The first byte chooses, and
 * whether the checksum of ICMP is corrected. What is accepted claims a real address, and a question
 * that is composed for it is accepted too. */
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "io/neighbour.h"
#include "test/lib/icmp_sum.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct wg_ip nobody = {.family = WG_FAMILY_NONE};

static void ask_again(const struct tl_neighbour_claim *claim)
{
        uint8_t packet[TL_NEIGHBOUR_SIZE], to[TL_NEIGHBOUR_MAC_LEN];
        size_t len = tl_neighbour_ask(packet, to, claim->mac, &nobody, &claim->ip);
        struct tl_neighbour_claim again;

        WG_ASSERT(tl_neighbour_read(&again, claim->ip.family, claim->mac, packet, len));
        WG_ASSERT(again.is_question && wg_ip_equal(&again.ip, &claim->ip));
        WG_ASSERT(memcmp(again.mac, claim->mac, sizeof(again.mac)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const uint8_t from[TL_NEIGHBOUR_MAC_LEN] = {2, 1, 1, 1, 1, 1};
        struct tl_neighbour_claim claim;
        uint8_t family, *packet;

        if (size < 1)
                return 0;
        family = data[0] & 1 ? WG_FAMILY_IPV6 : WG_FAMILY_IPV4;
        packet = malloc(size); /* the first byte stays unused: what follows ends with the memory */
        WG_ASSERT(packet);
        memcpy(packet, data, size);
        if (data[0] & 2)
                icmp_sum_correct(packet + 1, size - 1);
        if (tl_neighbour_read(&claim, family, from, packet + 1, size - 1)) {
                WG_ASSERT(claim.ip.family == family);
                ask_again(&claim);
        }
        free(packet);
        return 0;
}
