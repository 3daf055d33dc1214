/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * test_portset.c - net/portset.h against sets of single ports. */
#include "net/portset.h"

#include <string.h>

#include "base/ip.h"
#include "test/lib/cmocka.h"
#include "test/lib/env.h"

enum { PORTS = 32 };

/* A naive set: ports 0 to 31 of TCP and UDP, and ping. */
struct naive {
        bool tcp[PORTS], udp[PORTS], ping;
};

static bool *naive_ports(struct naive *naive, uint8_t protocol)
{
        if (protocol == WG_PROTOCOL_ICMP)
                return &naive->ping;
        return protocol == WG_PROTOCOL_TCP ? naive->tcp : naive->udp;
}

static uint32_t random_set(struct tl_intern *sets, struct test_env *t, struct naive *naive)
{
        static const uint8_t protocols[] = {WG_PROTOCOL_ICMP, WG_PROTOCOL_TCP, WG_PROTOCOL_UDP};
        struct tl_port_spans spans = {0};
        uint32_t count = (uint32_t)(test_env_below(t, 6)), set;

        memset(naive, 0, sizeof(*naive));
        while (count-- > 0) {
                uint8_t protocol = protocols[test_env_below(t, 3)];
                uint16_t first = protocol == WG_PROTOCOL_ICMP
                                         ? 0
                                         : (uint16_t)(test_env_below(t, PORTS));
                uint16_t last = protocol == WG_PROTOCOL_ICMP
                                        ? 0
                                        : (uint16_t)(first + test_env_below(t, PORTS - first));

                tl_port_spans_add(&spans, protocol, first, last);
                memset(naive_ports(naive, protocol) + first, 1, (size_t)(last - first + 1));
        }
        set = tl_portset_make(sets, &spans);
        tl_port_spans_done(&spans);
        return set;
}

static void check(const struct tl_intern *sets, uint32_t set, const struct naive *expected)
{
        struct tl_port_spans spans = {0};
        struct naive naive = {0};

        tl_portset_list(sets, set, &spans);
        for (uint32_t i = 0; i < spans.count; i++)
                for (uint32_t port = spans.items[i].first; port <= spans.items[i].last; port++)
                        naive_ports(&naive, spans.items[i].protocol)[port] = true;
        assert_memory_equal(&naive, expected, sizeof(naive));
        tl_port_spans_done(&spans);
}

static void test_twin(void **state WG_UNUSED)
{
        struct test_env t;
        struct tl_intern sets = {0};

        test_env_init(&t, test_seed("portset"));
        for (int round = 0; round < 20000; round++) {
                struct naive a, b, rest = {0};
                uint32_t set_a = random_set(&sets, &t, &a);
                uint32_t set_b = random_set(&sets, &t, &b);

                check(&sets, set_a, &a);
                assert_int_equal(set_a == set_b, memcmp(&a, &b, sizeof(a)) == 0);
                for (int i = 0; i < PORTS; i++) {
                        rest.tcp[i] = a.tcp[i] && !b.tcp[i];
                        rest.udp[i] = a.udp[i] && !b.udp[i];
                }
                rest.ping = a.ping && !b.ping;
                check(&sets, tl_portset_minus(&sets, set_a, set_b), &rest);
        }
        tl_intern_done(&sets);
}

static void test_all(void **state WG_UNUSED)
{
        struct tl_intern sets = {0};
        struct tl_port_spans spans = {0};
        uint32_t all, one;

        assert_int_equal(tl_portset_make(&sets, &spans), 0);
        tl_port_spans_add_all(&spans);
        tl_port_spans_add(&spans, WG_PROTOCOL_TCP, 65535, 65535);
        all = tl_portset_make(&sets, &spans);
        spans.count = 0;
        tl_port_spans_add(&spans, WG_PROTOCOL_TCP, 65535, 65535);
        one = tl_portset_make(&sets, &spans);
        assert_int_equal(tl_portset_minus(&sets, one, all), 0);
        tl_portset_list(&sets, tl_portset_minus(&sets, all, one), &spans);
        assert_int_equal(spans.count, 3);
        assert_int_equal(spans.items[1].last, 65534);
        tl_port_spans_done(&spans);
        tl_intern_done(&sets);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_twin),
                cmocka_unit_test(test_all),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
