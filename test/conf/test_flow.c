/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "conf/flow.h"

#include <stdio.h>
#include <string.h>

#include "test/lib/cmocka.h"

#define A_CONNECTION "a connection is written as \"a -> b:443\""
#define BEFORE "before -> comes a name of the file or an IP address, as in \"a -> b:443\""
#define AFTER "after -> comes a name of the file or an IP address"
#define PORT "the port must be a number from 1 to 65535, as in \"a -> b:443\""
#define PROTOCOL "after the port comes nothing, /tcp or /udp, as in \"a -> b:53/udp\""
#define NOTHING "after the address comes nothing or a port, as in \":443\""
#define BRACKETS "brackets go around an IPv6 address, as in \"a -> [fd00::1]:443\""
#define NO_IPV6 "this is no IPv6 address; with a port, write \"[fd00::1]:443\""

/* A flow as "[not ]FROM TO PROTOCOL PORT", or the offset of a mistake and the message. */
static const struct {
        const char *text, *expected;
} cases[] = {
        {"a -> b", "a b 1 0"},
        {"a->b", "a b 1 0"},
        {"  a  ->  b  ", "a b 1 0"},
        {"\ta\t->\tb\t", "a b 1 0"},
        {"a -> b:443", "a b 6 443"},
        {"a -> b:1/tcp", "a b 6 1"},
        {"a -> b:65535/udp", "a b 17 65535"},
        {"e/laptop -> f/phone:22", "e/laptop f/phone 6 22"},
        {"a-1 -> b-2", "a-1 b-2 1 0"},
        {"not a -> b", "not a b 1 0"},
        {"not   a -> b", "not a b 1 0"},
        {"not -> b", "not b 1 0"}, /* a name, though a reserved one */
        {"nota -> b", "nota b 1 0"},
        {"10.0.0.1 -> 10.0.0.2:80", "10.0.0.1 10.0.0.2 6 80"},
        {"fd00::1 -> fd00::2", "fd00::1 fd00::2 1 0"},
        {"[fd00::1] -> [fd00::2]", "fd00::1 fd00::2 1 0"},
        {"a -> [fd00::2]:53/udp", "a fd00::2 17 53"},
        {"", "0 " A_CONNECTION},
        {"a", "0 " A_CONNECTION},
        {"a b", "0 " A_CONNECTION},
        {"a - > b", "0 " A_CONNECTION},
        {"-> b", "0 " BEFORE},
        {"->", "0 " BEFORE},
        {"A -> b", "0 " BEFORE},
        {"  1 -> b", "2 " BEFORE},
        {"not not -> b", "not not b 1 0"},
        {"not a b -> c", "4 " BEFORE},
        {"a, b -> c", "0 " BEFORE},
        {"[a] -> b", "0 " BRACKETS},
        {"[fd00::1]:80 -> b", "0 " BEFORE},
        {"[fd00::1 -> b", "0 the closing bracket is missing"},
        {"a ->", "4 " AFTER},
        {"a -> ", "5 " AFTER},
        {"a -> :80", "5 " AFTER},
        {"a -> B", "5 " AFTER},
        {"a -> b -> c", "5 " AFTER},
        {"a -> b:0", "7 " PORT},
        {"a -> b:", "7 " PORT},
        {"a -> b:65536", "7 " PORT},
        {"a -> b:http", "7 " PORT},
        {"a -> b: 80", "7 " PORT},
        {"a -> b:80/sctp", "9 " PROTOCOL},
        {"a -> b:80/", "9 " PROTOCOL},
        {"a -> b:80/TCP", "9 " PROTOCOL},
        {"a -> b:80:90", "5 " NO_IPV6},
        {"a -> fd00::1::2", "5 " NO_IPV6},
        {"a -> [b]:80", "5 " BRACKETS},
        {"a -> [10.0.0.1]:80", "5 " BRACKETS},
        {"a -> [fd00::1", "5 the closing bracket is missing"},
        {"a -> [fd00::1]80", "14 " NOTHING},
        {"a -> [fd00::1]:x", "15 " PORT},
        {"a -> 10.0.0.256", "5 " AFTER},
};

static void test_flows(void **state)
{
        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(cases); i++) {
                struct tl_text text = {cases[i].text, strlen(cases[i].text)};
                size_t offset = SIZE_MAX;
                struct tl_flow flow;
                const char *message = tl_flow_parse(text, &flow, &offset);
                char result[256];

                if (message)
                        snprintf(result, sizeof(result), "%zu %s", offset, message);
                else
                        snprintf(result, sizeof(result), "%s%.*s %.*s %d %d",
                                 flow.is_negated ? "not " : "", (int)flow.from.len, flow.from.at,
                                 (int)flow.to.len, flow.to.at, flow.protocol, flow.port);
                if (strcmp(result, cases[i].expected) != 0)
                        fail_msg("case %zu: \"%s\" gives \"%s\"", i, cases[i].text, result);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_flows),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
