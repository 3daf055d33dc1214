/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "base/checksum.h"

uint64_t wg_checksum_add(uint64_t sum, const uint8_t *data, size_t len)
{
        uint64_t more = 0;

        for (; len >= 2; len -= 2, data += 2)
                more += wg_checksum_at(data);
        if (len)
                more += wg_checksum_of((uint16_t)(data[0] << 8));
        return wg_checksum_join(sum, more);
}

uint64_t wg_checksum_pseudo(uint8_t family, const uint8_t *source, const uint8_t *destination,
                            uint8_t protocol, uint32_t len)
{
        size_t bytes = family == WG_FAMILY_IPV4 ? 4 : 16;
        uint64_t sum = wg_checksum_of(protocol) + wg_checksum_of((uint16_t)(len >> 16)) +
                       wg_checksum_of((uint16_t)len);

        for (size_t i = 0; i < bytes; i += 4) {
                uint32_t words[2];

                memcpy(&words[0], source + i, 4);
                memcpy(&words[1], destination + i, 4);
                sum += (uint64_t)words[0] + words[1];
        }
        return (sum & UINT32_MAX) + (sum >> 32);
}
