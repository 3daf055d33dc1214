/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * fuzz_dhcp.c - any packets as offers of a DHCP server. What is accepted offers an address, and no
 * shorter packet with the same beginning offers another one. */
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "io/dhcp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool read_copy(struct tl_dhcp_offer *offer, const uint8_t *data, size_t size)
{
        uint8_t *packet = malloc(size + 1);
        bool is_offer;

        WG_ASSERT(packet);
        memcpy(packet + 1, data, size); /* at an odd address, with nothing behind it */
        is_offer = tl_dhcp_read_offer(offer, packet + 1, size);
        free(packet);
        return is_offer;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const uint8_t nothing[4];
        struct tl_dhcp_offer offer, shorter;

        if (!read_copy(&offer, data, size))
                return 0;
        WG_ASSERT(offer.offered.family == WG_FAMILY_IPV4 &&
                  memcmp(offer.offered.bytes, nothing, 4) != 0);
        WG_ASSERT(offer.server.family == WG_FAMILY_IPV4);
        for (size_t len = size - WG_MIN(size, (size_t)16); len < size; len++)
                if (read_copy(&shorter, data, len))
                        WG_ASSERT(wg_ip_equal(&shorter.offered, &offer.offered));
        return 0;
}
