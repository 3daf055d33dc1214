/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * ip.h - addresses in tests, written as text. */
#ifndef TEST_LIB_IP_H
#define TEST_LIB_IP_H

#include <arpa/inet.h>

#include "base/endpoint.h"
#include "test/lib/cmocka.h"

/* The address written in `text`; fails the test if it is none. */
static inline struct wg_ip test_ip(const char *text)
{
        struct wg_ip ip = {.family = WG_FAMILY_IPV4};

        if (inet_pton(AF_INET, text, ip.bytes) == 1)
                return ip;
        ip.family = WG_FAMILY_IPV6;
        if (inet_pton(AF_INET6, text, ip.bytes) != 1)
                fail_msg("not an address: %s", text);
        return ip;
}

#endif
