/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * fuzz_dhcp.c - any packets as answers of a DHCP server. An offer has an address, and no shorter
 * packet with the same beginning offers another one. */
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "io/dhcp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool read_copy(struct tl_dhcp_answer *answer, const uint8_t *data, size_t size)
{
        uint8_t *packet = malloc(size + 1);
        bool is_answer;

        WG_ASSERT(packet);
        memcpy(packet + 1, data, size); /* at an odd address, with nothing behind it */
        is_answer = tl_dhcp_read(answer, packet + 1, size);
        free(packet);
        return is_answer;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const uint8_t nothing[4];
        struct tl_dhcp_answer answer, shorter;

        if (!read_copy(&answer, data, size))
                return 0;
        if (answer.offered.family)
                WG_ASSERT(memcmp(answer.offered.bytes, nothing, 4) != 0);
        WG_ASSERT(answer.server.family == WG_FAMILY_IPV4);
        for (size_t len = size - WG_MIN(size, (size_t)16); len < size; len++)
                if (read_copy(&shorter, data, len))
                        WG_ASSERT(wg_ip_equal(&shorter.offered, &answer.offered));
        return 0;
}
