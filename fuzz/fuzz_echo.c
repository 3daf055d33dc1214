/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * fuzz_echo.c - any packets as echoes, and as redirects. The first byte chooses the family, and
 * whether the checksum of ICMP is corrected. An echo that is composed from what was read is read as
 * the same. */
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "io/echo.h"
#include "test/lib/icmp_sum.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void compose_again(const struct tl_echo *echo)
{
        uint8_t packet[TL_ECHO_SIZE];
        size_t len = tl_echo_compose(packet, echo);
        struct tl_echo again;

        WG_ASSERT(tl_echo_read(&again, echo->to.family, packet, len));
        WG_ASSERT(again.kind == echo->kind && again.tag == echo->tag);
        WG_ASSERT(wg_ip_equal(&again.from, &echo->from) && wg_ip_equal(&again.to, &echo->to));
        WG_ASSERT(again.from_port == echo->from_port && again.to_port == echo->to_port);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct tl_echo_redirect redirect;
        struct tl_echo echo;
        uint8_t family, *packet;

        if (size < 1)
                return 0;
        family = data[0] & 1 ? WG_FAMILY_IPV6 : WG_FAMILY_IPV4;
        packet = malloc(size); /* the first byte stays unused: what follows ends with the memory */
        WG_ASSERT(packet);
        memcpy(packet, data, size);
        if (data[0] & 2)
                icmp_sum_correct(packet + 1, size - 1);
        if (tl_echo_read(&echo, family, packet + 1, size - 1))
                compose_again(&echo);
        if (tl_echo_read_redirect(&redirect, family, packet + 1, size - 1))
                WG_ASSERT(redirect.to.family == family && redirect.via.family == family);
        free(packet);
        return 0;
}
