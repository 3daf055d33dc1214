/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * test_routerprobe.c - node/routerprobe.h, with a router that this test plays. */
#include "node/routerprobe.h"

#include <errno.h>
#include <string.h>

#include "base/bytes.h"
#include "base/checksum.h"
#include "io/neighbour.h"
#include "test/lib/cmocka.h"

#define MS UINT64_C(1000000)

enum { TARGETS = 5, FLYING_MAX = 4096, SEEDS = 2000, PORT = 40000 };

static const uint8_t own_mac[] = {2, 0, 0, 0, 0, 1}, router_mac[] = {2, 0, 0, 0, 0, 2};
static const struct wg_ip own = {WG_FAMILY_IPV4, {192, 168, 200, 2}};
static const struct wg_ip router = {WG_FAMILY_IPV4, {192, 168, 200, 1}};

/* A packet on its way to the node. */
struct flying {
        uint64_t at_ns;
        bool is_arp;
        uint8_t packet[TL_NEIGHBOUR_SIZE];
        size_t len;
};

/* What a router does, and how bad the link is. */
struct lan {
        bool is_silent;
        uint32_t lacks; /* bit i: the route to target i */
        bool drops_ack, drops_syn_ack, redirects, rewrites, drops_udp;
        uint32_t loss_percent;
        uint64_t latency_ns, outage_from_ns, outage_to_ns;
        int error;

        struct tl_routerprobe probe;
        struct tl_routerprobe_target targets[TARGETS];
        struct tl_probe_link ask, echo;
        uint64_t now_ns, random;
        struct flying flying[FLYING_MAX];
        uint32_t flying_count, sent;
};

static uint32_t next_random(struct lan *lan)
{
        lan->random = lan->random * 6364136223846793005u + 1442695040888963407u;
        return (uint32_t)(lan->random >> 33);
}

static void fly(struct lan *lan, bool is_arp, const uint8_t *packet, size_t len)
{
        struct flying *flying = &lan->flying[lan->flying_count++];

        assert_true(lan->flying_count < FLYING_MAX && len <= sizeof(flying->packet));
        flying->at_ns = lan->now_ns + lan->latency_ns;
        flying->is_arp = is_arp;
        flying->len = len;
        memcpy(flying->packet, packet, len);
}

static bool is_lost(struct lan *lan)
{
        return (lan->now_ns >= lan->outage_from_ns && lan->now_ns < lan->outage_to_ns) ||
               next_random(lan) % 100 < lan->loss_percent;
}

static int take_question(void *ctx, const uint8_t to[TL_PROBE_MAC_LEN], const uint8_t *packet,
                         size_t len)
{
        struct lan *lan = ctx;
        uint8_t answer[TL_NEIGHBOUR_SIZE], unused[TL_PROBE_MAC_LEN];

        (void)to;
        (void)packet;
        (void)len;
        if (lan->error)
                return lan->error;
        if (lan->is_silent || is_lost(lan))
                return 0;
        len = tl_neighbour_ask(answer, unused, router_mac, &router, &own);
        answer[7] = 2;
        fly(lan, true, answer, len);
        return 0;
}

static void send_redirect(struct lan *lan, const uint8_t *about)
{
        uint8_t packet[TL_NEIGHBOUR_SIZE] = {0x45, [8] = 64, WG_PROTOCOL_ICMP, [20] = 5, 1};

        memcpy(packet + 24, own.bytes, 4);
        memcpy(packet + 28, about, 28);
        wg_be16_store(packet + 2, 56);
        wg_checksum_store(packet + 22, wg_checksum_fold(wg_checksum_add(0, packet + 20, 36)));
        fly(lan, false, packet, 56);
}

static bool passes(const struct lan *lan, const struct tl_echo *echo, uint32_t target)
{
        switch (echo->kind) {
        case TL_ECHO_UDP:
                return !(lan->lacks & 1u << target) && !lan->drops_udp;
        case TL_ECHO_ACK:
                return !(lan->lacks & 1u << target) && !lan->drops_ack;
        case TL_ECHO_SYN_ACK:
                return !(lan->lacks & 1u << target) && !lan->drops_syn_ack;
        }
        return false;
}

static int route(void *ctx, const uint8_t to[TL_PROBE_MAC_LEN], const uint8_t *packet, size_t len)
{
        struct lan *lan = ctx;
        uint8_t forwarded[TL_ECHO_SIZE];
        struct tl_echo echo;
        uint32_t target;

        lan->sent++;
        assert_memory_equal(to, router_mac, sizeof(router_mac));
        assert_true(tl_echo_read(&echo, WG_FAMILY_IPV4, packet, len));
        assert_true(wg_ip_equal(&echo.from, &own) && echo.to_port == PORT);
        target = echo.to.bytes[1];
        assert_true(target < TARGETS);
        if (is_lost(lan) || !passes(lan, &echo, target))
                return 0;
        if (lan->redirects)
                send_redirect(lan, packet);
        echo.hop_limit--;
        if (lan->rewrites)
                echo.from = router;
        fly(lan, false, forwarded, tl_echo_compose(forwarded, &echo));
        return 0;
}

static void deliver(struct lan *lan)
{
        for (uint32_t i = 0; i < lan->flying_count; i++) {
                struct flying *flying = &lan->flying[i];

                if (!flying->len || flying->at_ns > lan->now_ns)
                        continue;
                (flying->is_arp ? tl_routerprobe_hear_answer : tl_routerprobe_hear_echo)(
                        &lan->probe, router_mac, flying->packet, flying->len);
                flying->len = 0;
        }
}

/* Runs the probe, in steps of a millisecond. Returns how many it took. */
static uint64_t run(struct lan *lan, bool wants_firewall, bool wants_redirects)
{
        struct tl_routerprobe_task task = {
                .ask = &lan->ask,
                .echo = &lan->echo,
                .own = own,
                .router = router,
                .is_firewall_of_interest = wants_firewall,
                .is_redirect_of_interest = wants_redirects,
                .port = PORT,
                .tag = 0xfedcba9876543210,
                .targets = lan->targets,
                .count = TARGETS,
        };

        lan->ask = (struct tl_probe_link){.send = take_question, .ctx = lan};
        lan->echo = (struct tl_probe_link){.send = route, .ctx = lan};
        memcpy(lan->ask.mac, own_mac, sizeof(own_mac));
        memcpy(lan->echo.mac, own_mac, sizeof(own_mac));
        for (uint32_t i = 0; i < TARGETS; i++)
                lan->targets[i] = (struct tl_routerprobe_target){
                        .ip = {WG_FAMILY_IPV4, {10, (uint8_t)i, 0, 1}}};
        lan->now_ns = MS;
        tl_routerprobe_begin(&lan->probe, &task, lan->now_ns);
        while (tl_routerprobe_work(&lan->probe, lan->now_ns) != TL_PROBE_NEVER) {
                lan->now_ns += MS;
                deliver(lan);
        }
        return lan->now_ns / MS - 1;
}

static void test_verdicts(void **state)
{
        static const struct {
                const char *what;
                struct lan lan;
                bool has_router;
                enum tl_routerprobe_verdict passes_half;
                uint64_t most_ms;
        } cases[] = {
                {"all is well", {0}, true, TL_ROUTERPROBE_YES, 20},
                {"all is well, and slow", {.latency_ns = 90 * MS}, true, TL_ROUTERPROBE_YES, 400},
                {"no router", {.is_silent = true}, false, TL_ROUTERPROBE_UNKNOWN, 1000},
                {"no routes", {.lacks = 31}, true, TL_ROUTERPROBE_UNKNOWN, 1700},
                {"no datagrams", {.drops_udp = true}, true, TL_ROUTERPROBE_YES, 1700},
                {"some routes", {.lacks = 5}, true, TL_ROUTERPROBE_YES, 1700},
                {"drops ACK", {.drops_ack = true}, true, TL_ROUTERPROBE_NO, 1700},
                {"drops SYN-ACK", {.drops_syn_ack = true}, true, TL_ROUTERPROBE_NO, 1700},
                {"drops both, few routes",
                 {.drops_syn_ack = true, .drops_ack = true, .lacks = 29},
                 true,
                 TL_ROUTERPROBE_NO,
                 1700},
        };

        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(cases); i++) {
                struct lan lan = cases[i].lan;
                uint64_t ms = run(&lan, true, false);

                print_message("%s: %u ms, %u packets\n", cases[i].what, (unsigned int)ms, lan.sent);
                assert_true(ms <= cases[i].most_ms);
                assert_int_equal(lan.probe.error, 0);
                assert_int_equal(lan.probe.has_router, cases[i].has_router);
                assert_int_equal(tl_routerprobe_passes_half(&lan.probe), cases[i].passes_half);
                for (uint32_t k = 0; cases[i].has_router && k < TARGETS; k++)
                        if (!lan.drops_udp)
                                assert_int_equal(tl_routerprobe_has_route(&lan.probe, k),
                                                 lan.lacks & 1u << k ? TL_ROUTERPROBE_NO
                                                                     : TL_ROUTERPROBE_YES);
        }
}

/* Whatever is lost, there is no wrong verdict. */
static void expect_truth(struct lan *lan, uint64_t seed)
{
        enum tl_routerprobe_verdict half = tl_routerprobe_passes_half(&lan->probe);
        bool is_right = half != (lan->drops_ack || lan->drops_syn_ack ? TL_ROUTERPROBE_YES
                                                                      : TL_ROUTERPROBE_NO);

        for (uint32_t i = 0; i < TARGETS; i++)
                is_right &= tl_routerprobe_has_route(&lan->probe, i) !=
                            (lan->lacks & 1u << i ? TL_ROUTERPROBE_YES : TL_ROUTERPROBE_NO);
        if (!is_right)
                fail_msg("seed %u: a wrong verdict", (unsigned int)seed);
}

/* Random routers and links. Most verdicts are reached. */
static void test_losses(void **state)
{
        uint32_t reached = 0, asked = 0;

        (void)state;
        for (uint64_t seed = 1; seed <= SEEDS; seed++) {
                static struct lan lan;

                lan = (struct lan){.random = seed};
                next_random(&lan);
                lan.lacks = next_random(&lan) & next_random(&lan) & 31;
                lan.drops_ack = next_random(&lan) & 1;
                lan.drops_syn_ack = next_random(&lan) & 1;
                lan.latency_ns = next_random(&lan) % 200 * MS;
                lan.loss_percent = next_random(&lan) % 20;
                lan.outage_from_ns = next_random(&lan) % 1500 * MS;
                lan.outage_to_ns = lan.outage_from_ns + next_random(&lan) % 600 * MS;
                (void)run(&lan, true, false);
                if (!lan.probe.has_router)
                        continue;
                expect_truth(&lan, seed);
                for (uint32_t i = 0; i < TARGETS; i++, asked++)
                        reached += tl_routerprobe_has_route(&lan.probe, i) !=
                                   TL_ROUTERPROBE_UNKNOWN;
        }
        print_message("%u of %u verdicts\n", reached, asked);
        assert_true(asked > SEEDS * TARGETS * 9 / 10 && reached > asked * 9 / 10);
}

/* A dead link is not a router without routes. */
static void test_dead_link(void **state)
{
        struct lan lan = {.outage_from_ns = 3 * MS, .outage_to_ns = 10000 * MS};

        (void)state;
        lan.lacks = 31; /* nothing comes back before the link dies */
        (void)run(&lan, true, false);
        assert_true(lan.probe.has_router);
        for (uint32_t i = 0; i < TARGETS; i++)
                assert_int_equal(tl_routerprobe_has_route(&lan.probe, i), TL_ROUTERPROBE_UNKNOWN);
}

static void test_redirects(void **state)
{
        struct lan lan = {.redirects = true, .lacks = 2, .rewrites = true};
        struct lan quiet = {0};
        uint64_t ms;

        (void)state;
        (void)run(&lan, false, true);
        for (uint32_t i = 0; i < TARGETS; i++) {
                assert_int_equal(lan.targets[i].is_redirected, i != 1);
                assert_int_equal(lan.targets[i].is_rewritten, i != 1);
        }
        ms = run(&quiet, false, true);
        assert_true(ms > 300 && ms < 700);
        assert_false(quiet.targets[0].is_redirected || quiet.targets[0].is_rewritten);
        assert_int_equal(tl_routerprobe_passes_half(&quiet.probe), TL_ROUTERPROBE_UNKNOWN);
}

/* Echoes that others send, or that come back from a loop, are not ours. */
static void test_lies(void **state)
{
        struct lan lan = {.lacks = 31};
        struct tl_echo echo = {.from = own, .to = {WG_FAMILY_IPV4, {10, 0, 0, 1}}};
        uint8_t packet[TL_ECHO_SIZE];
        size_t len;

        (void)state;
        (void)run(&lan, true, false);
        echo.tag = lan.probe.task.tag;
        len = tl_echo_compose(packet, &echo);
        tl_routerprobe_hear_echo(&lan.probe, own_mac, packet, len);
        assert_int_equal(lan.targets[0].packets.back, 0);
        echo.tag = lan.probe.task.tag | (uint64_t)TARGETS << 4;
        len = tl_echo_compose(packet, &echo);
        tl_routerprobe_hear_echo(&lan.probe, router_mac, packet, len);
        echo.tag = lan.probe.task.tag ^ UINT64_C(1) << 63;
        len = tl_echo_compose(packet, &echo);
        tl_routerprobe_hear_echo(&lan.probe, router_mac, packet, len);
        echo.tag = lan.probe.task.tag | 1; /* that of a segment, in a datagram */
        len = tl_echo_compose(packet, &echo);
        tl_routerprobe_hear_echo(&lan.probe, router_mac, packet, len);
        assert_int_equal(lan.targets[0].packets.back, 0);
        echo.tag = lan.probe.task.tag;
        len = tl_echo_compose(packet, &echo);
        tl_routerprobe_hear_echo(&lan.probe, router_mac, packet, len);
        assert_int_equal(lan.targets[0].packets.back, 1);
}

static void test_errors(void **state)
{
        struct lan lan = {.error = -ENETDOWN}, full = {.error = -ENOBUFS};

        (void)state;
        assert_int_equal(run(&lan, true, false), 0);
        assert_int_equal(lan.probe.error, -ENETDOWN);
        (void)run(&full, true, false); /* like a loss */
        assert_int_equal(full.probe.error, 0);
        assert_false(full.probe.has_router);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_verdicts),  cmocka_unit_test(test_losses),
                cmocka_unit_test(test_dead_link), cmocka_unit_test(test_redirects),
                cmocka_unit_test(test_lies),      cmocka_unit_test(test_errors),
        };

        return cmocka_run_group_tests_name("routerprobe", tests, NULL, NULL);
}
