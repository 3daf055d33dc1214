/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * ip.h - addresses and prefixes in tests, written as text. */
#ifndef TEST_LIB_IP_H
#define TEST_LIB_IP_H

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/prefix.h"
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

/* The prefix written as ADDRESS/BITS in `text`, with the address unchanged. */
static inline struct wg_prefix test_prefix(const char *text)
{
        const char *slash = strchr(text, '/');
        char address[64];

        if (!slash)
                fail_msg("not a prefix: %s", text);
        snprintf(address, sizeof(address), "%.*s", (int)(slash - text), text);
        return (struct wg_prefix){.ip = test_ip(address), .cidr = (uint8_t)atoi(slash + 1)};
}

#endif
