/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * test_leaseprobe.c - node/leaseprobe.h, with a DHCP server that this test plays. */
#include "node/leaseprobe.h"

#include <errno.h>
#include <string.h>

#include "base/bytes.h"
#include "test/lib/cmocka.h"

#define MS UINT64_C(1000000)

enum { MESSAGE_AT = 28, OPTIONS_AT = MESSAGE_AT + 240 };

/* A server with a pool of last bytes. Like dnsmasq, it takes its time for each address. */
struct lan {
        uint8_t pool_first, pool_last; /* 0: there is no server */
        uint64_t ping_ns;
        bool gives_information;
        uint32_t loses; /* that many questions are lost first */
        int error;

        struct tl_leaseprobe probe;
        struct tl_probe_link link;
        uint64_t now_ns, free_ns;
        struct {
                uint64_t at_ns;
                uint32_t id;
                uint8_t packet[TL_DHCP_SIZE];
        } offers[8];
        uint32_t offer_count, sent;
};

static void make_offer(struct lan *lan, const uint8_t *discover)
{
        static const uint8_t options[] = {53, 1, 2, 54, 4, 192, 168, 201, 1, 255};
        uint8_t *packet = lan->offers[lan->offer_count].packet;
        uint8_t wanted = discover[OPTIONS_AT + 11];

        memcpy(packet, discover, TL_DHCP_SIZE);
        packet[MESSAGE_AT] = 2;
        wg_be16_store(packet + 20, 67);
        wg_be16_store(packet + 22, 68);
        memcpy(packet + MESSAGE_AT + 16, discover + OPTIONS_AT + 8, 4);
        if (wanted < lan->pool_first || wanted > lan->pool_last)
                packet[MESSAGE_AT + 19] = lan->pool_first;
        memcpy(packet + OPTIONS_AT, options, sizeof(options));
}

static void inform(struct lan *lan, const uint8_t *question)
{
        static const uint8_t options[] = {53, 1, 5, 54, 4, 192, 168, 201, 1, 255};
        uint8_t *packet = lan->offers[lan->offer_count].packet;

        if (!lan->gives_information)
                return;
        memcpy(packet, question, TL_DHCP_SIZE);
        packet[MESSAGE_AT] = 2;
        wg_be16_store(packet + 20, 67);
        wg_be16_store(packet + 22, 68);
        memcpy(packet + OPTIONS_AT, options, sizeof(options));
        lan->offers[lan->offer_count].at_ns = lan->now_ns;
        lan->offer_count++;
}

static int serve(void *ctx, const uint8_t to[TL_PROBE_MAC_LEN], const uint8_t *packet, size_t len)
{
        struct lan *lan = ctx;
        uint32_t id = wg_be32_load(packet + MESSAGE_AT + 4);

        assert_int_equal(len, TL_DHCP_SIZE);
        assert_int_equal(to[0], 0xff);
        if (lan->error)
                return lan->error;
        lan->sent++;
        if (lan->loses) {
                lan->loses--;
                return 0;
        }
        for (uint32_t i = 0; i < lan->offer_count; i++)
                if (lan->offers[i].id == id)
                        return 0; /* it works on that already */
        if (!lan->pool_first)
                return 0;
        if (packet[OPTIONS_AT + 2] == 8) {
                inform(lan, packet);
                return 0;
        }
        lan->free_ns = WG_MAX(lan->free_ns, lan->now_ns) + lan->ping_ns;
        lan->offers[lan->offer_count].at_ns = lan->free_ns;
        lan->offers[lan->offer_count].id = id;
        make_offer(lan, packet);
        lan->offer_count++;
        return 0;
}

/* Asks for 192.168.201.192 and .223. Returns how many milliseconds that takes. */
static uint64_t run(struct lan *lan, uint32_t count)
{
        static const struct wg_ip ends[] = {{WG_FAMILY_IPV4, {192, 168, 201, 192}},
                                            {WG_FAMILY_IPV4, {192, 168, 201, 223}}};
        static const uint64_t random[] = {0x1111222233334444, 0x5555666677778888,
                                          0x9999aaaabbbbcccc};
        static const struct wg_ip own = {WG_FAMILY_IPV4, {192, 168, 201, 2}};

        lan->link = (struct tl_probe_link){.send = serve, .ctx = lan};
        lan->now_ns = MS;
        tl_leaseprobe_begin(&lan->probe, &lan->link, &own, ends, count, random, lan->now_ns);
        while (tl_leaseprobe_work(&lan->probe, lan->now_ns) != TL_PROBE_NEVER) {
                lan->now_ns += MS;
                for (uint32_t i = 0; i < lan->offer_count; i++)
                        if (lan->offers[i].at_ns && lan->offers[i].at_ns <= lan->now_ns) {
                                tl_leaseprobe_hear(&lan->probe, lan->offers[i].packet,
                                                   TL_DHCP_SIZE);
                                lan->offers[i].at_ns = 0;
                        }
        }
        return lan->now_ns / MS - 1;
}

static void test_pools(void **state)
{
        static const struct {
                const char *what;
                struct lan lan;
                uint32_t count;
                bool first, last;
                uint64_t least_ms, most_ms;
        } cases[] = {
                {"no server", {0}, 2, false, false, 1500, 1500},
                {"no addresses", {0}, 0, false, false, 0, 0},
                {"elsewhere", {.pool_first = 100, .pool_last = 191}, 2, false, false, 0, 2},
                {"all", {.pool_first = 2, .pool_last = 254}, 2, true, true, 0, 2},
                {"the first", {.pool_first = 2, .pool_last = 200}, 2, true, false, 0, 2},
                {"the last", {.pool_first = 223, .pool_last = 250}, 2, false, true, 0, 2},
                {"one address", {.pool_first = 2, .pool_last = 200}, 1, true, false, 0, 2},
                {"all, slowly",
                 {.pool_first = 2,
                  .pool_last = 254,
                  .ping_ns = 3100 * MS,
                  .gives_information = true},
                 2,
                 true,
                 false,
                 3000,
                 3200},
                {"the last, slowly",
                 {.pool_first = 220,
                  .pool_last = 254,
                  .ping_ns = 3100 * MS,
                  .gives_information = true},
                 2,
                 false,
                 true,
                 6100,
                 6300},
                {"elsewhere, slowly",
                 {.pool_first = 2, .pool_last = 9, .ping_ns = 3100 * MS, .gives_information = true},
                 2,
                 false,
                 false,
                 6100,
                 6300},
                {"one is lost",
                 {.pool_first = 2, .pool_last = 200, .loses = 2},
                 2,
                 true,
                 false,
                 500,
                 510},
        };

        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(cases); i++) {
                struct lan lan = cases[i].lan;
                uint64_t ms = run(&lan, cases[i].count);

                print_message("%s: %u ms\n", cases[i].what, (unsigned int)ms);
                assert_true(ms >= cases[i].least_ms && ms <= cases[i].most_ms);
                assert_int_equal(lan.probe.error, 0);
                assert_true(lan.sent <= 6);
                if (cases[i].count > 0)
                        assert_int_equal(tl_leaseprobe_is_offered(&lan.probe, 0), cases[i].first);
                if (cases[i].count > 1)
                        assert_int_equal(tl_leaseprobe_is_offered(&lan.probe, 1), cases[i].last);
        }
}

/* Offers to others are none of ours. */
static void test_strangers(void **state)
{
        struct lan lan = {.pool_first = 2, .pool_last = 254, .ping_ns = 9000 * MS};

        (void)state;
        assert_int_equal(run(&lan, 2), 1500);
        lan.offers[0].packet[MESSAGE_AT + 33] ^= 1; /* the client */
        tl_leaseprobe_hear(&lan.probe, lan.offers[0].packet, TL_DHCP_SIZE);
        assert_false(tl_leaseprobe_is_offered(&lan.probe, 0));
        lan.offers[0].packet[MESSAGE_AT + 33] ^= 1;
        lan.offers[0].packet[MESSAGE_AT + 7] ^= 1; /* the identifier */
        tl_leaseprobe_hear(&lan.probe, lan.offers[0].packet, TL_DHCP_SIZE);
        assert_false(tl_leaseprobe_is_offered(&lan.probe, 0));
        lan.offers[0].packet[MESSAGE_AT + 7] ^= 1;
        tl_leaseprobe_hear(&lan.probe, lan.offers[0].packet, TL_DHCP_SIZE);
        assert_true(tl_leaseprobe_is_offered(&lan.probe, 0));
        /* A second server that offers something else does not unsay it. */
        lan.offers[0].packet[MESSAGE_AT + 19] = 7;
        tl_leaseprobe_hear(&lan.probe, lan.offers[0].packet, TL_DHCP_SIZE);
        assert_true(tl_leaseprobe_is_offered(&lan.probe, 0));
}

static void test_errors(void **state)
{
        struct lan lan = {.error = -ENETDOWN}, full = {.error = -ENOBUFS};

        (void)state;
        assert_int_equal(run(&lan, 2), 0);
        assert_int_equal(lan.probe.error, -ENETDOWN);
        assert_int_equal(run(&full, 2), 1500); /* like a loss */
        assert_int_equal(full.probe.error, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_pools),
                cmocka_unit_test(test_strangers),
                cmocka_unit_test(test_errors),
        };

        return cmocka_run_group_tests_name("leaseprobe", tests, NULL, NULL);
}
