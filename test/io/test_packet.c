/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#define _GNU_SOURCE /* unshare */
#include "io/packet.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "base/bytes.h"
#include "base/ip.h"
#include "test/lib/cmocka.h"
#include "test/lib/netns.h"

enum { PORT = 4242, PATIENCE_MS = 10000 };

static const uint8_t everybody[TL_PACKET_MAC_LEN] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

static void begin(void)
{
        enter_netns();
        /* The kernel's own packets would come between ours. */
        run("! cd /proc/sys/net/ipv6/conf/default 2>/dev/null || echo 1 >disable_ipv6");
        run("ip link add left type veth peer name right && ip link set left up && "
            "ip link set right up");
}

/* A packet of 64 bytes with a transport header after an IP header of that length. */
struct sample {
        uint8_t protocol;
        uint8_t header_len;
        uint16_t fragment;
        uint16_t port; /* of UDP and TCP */
        uint8_t type;  /* of ICMP */
};

static void make_packet(uint8_t packet[64], const struct sample *sample, bool is_ipv6)
{
        uint8_t *transport = packet + (is_ipv6 ? WG_IPV6_HEADER_LEN : sample->header_len);

        memset(packet, 0, 64);
        packet[0] = (uint8_t)(is_ipv6 ? 0x60 : 0x40 | sample->header_len / 4);
        packet[is_ipv6 ? WG_IPV6_AT_NEXT : WG_IPV4_AT_PROTOCOL] = sample->protocol;
        if (!is_ipv6)
                wg_be16_store(packet + WG_IPV4_AT_FRAGMENT, sample->fragment);
        transport[0] = sample->type;
        if (sample->port)
                wg_be16_store(transport + 2, sample->port);
}

static bool arrives(const struct tl_packet_socket *to, const uint8_t *wanted)
{
        uint8_t packet[128], from[TL_PACKET_MAC_LEN];
        ssize_t len = tl_packet_receive(to, packet, sizeof(packet), from);

        return len == 64 && memcmp(packet, wanted, 64) == 0;
}

/* Sends a packet, then one that is surely taken: whether the first one was is known when the second
 * one is there. */
static bool is_taken(const struct tl_packet_socket *from, const struct tl_packet_socket *to,
                     const uint8_t *packet, const uint8_t *taken)
{
        struct pollfd wait = {.fd = to->fd, .events = POLLIN};
        bool is_first;

        assert_int_equal(tl_packet_send(from, everybody, packet, 64), 0);
        assert_int_equal(tl_packet_send(from, everybody, taken, 64), 0);
        assert_int_equal(poll(&wait, 1, PATIENCE_MS), 1);
        is_first = arrives(to, packet);
        if (!is_first)
                return false;
        assert_int_equal(poll(&wait, 1, PATIENCE_MS), 1);
        assert_true(arrives(to, taken));
        return true;
}

static void test_filters(void **state)
{
        static const struct {
                enum tl_packet_kind kind;
                struct sample sample;
                bool is_taken;
        } cases[] = {
                {TL_PACKET_NDP, {WG_PROTOCOL_ICMPV6, 40, 0, 0, 135}, true},
                {TL_PACKET_NDP, {WG_PROTOCOL_ICMPV6, 40, 0, 0, 136}, true},
                {TL_PACKET_NDP, {WG_PROTOCOL_ICMPV6, 40, 0, 0, 134}, false},
                {TL_PACKET_NDP, {WG_PROTOCOL_ICMPV6, 40, 0, 0, 137}, false},
                {TL_PACKET_NDP, {WG_PROTOCOL_UDP, 40, 0, PORT, 135}, false},
                {TL_PACKET_DHCP, {WG_PROTOCOL_UDP, 20, 0, 68, 0}, true},
                {TL_PACKET_DHCP, {WG_PROTOCOL_UDP, 24, 0, 68, 0}, true},
                {TL_PACKET_DHCP, {WG_PROTOCOL_UDP, 20, 0x2000, 68, 0}, true},
                {TL_PACKET_DHCP, {WG_PROTOCOL_UDP, 20, 1, 68, 0}, false},
                {TL_PACKET_DHCP, {WG_PROTOCOL_UDP, 20, 0, 67, 0}, false},
                {TL_PACKET_DHCP, {WG_PROTOCOL_TCP, 20, 0, 68, 0}, false},
                {TL_PACKET_ECHO4, {WG_PROTOCOL_UDP, 20, 0, PORT, 0}, true},
                {TL_PACKET_ECHO4, {WG_PROTOCOL_TCP, 20, 0, PORT, 0}, true},
                {TL_PACKET_ECHO4, {WG_PROTOCOL_TCP, 28, 0x4000, PORT, 0}, true},
                {TL_PACKET_ECHO4, {WG_PROTOCOL_TCP, 20, 7, PORT, 0}, false},
                {TL_PACKET_ECHO4, {WG_PROTOCOL_TCP, 20, 0, PORT + 1, 0}, false},
                {TL_PACKET_ECHO4, {WG_PROTOCOL_ICMP, 20, 0, 0, 5}, true},
                {TL_PACKET_ECHO4, {WG_PROTOCOL_ICMP, 20, 0, 0, 3}, false},
                {TL_PACKET_ECHO4, {47, 20, 0, PORT, 5}, false},
                {TL_PACKET_ECHO6, {WG_PROTOCOL_UDP, 40, 0, PORT, 0}, true},
                {TL_PACKET_ECHO6, {WG_PROTOCOL_TCP, 40, 0, PORT, 0}, true},
                {TL_PACKET_ECHO6, {WG_PROTOCOL_UDP, 40, 0, PORT + 1, 0}, false},
                {TL_PACKET_ECHO6, {WG_PROTOCOL_ICMPV6, 40, 0, 0, 137}, true},
                {TL_PACKET_ECHO6, {WG_PROTOCOL_ICMPV6, 40, 0, 0, 136}, false},
                {TL_PACKET_ECHO6, {WG_PROTOCOL_FRAGMENT, 40, 0, PORT, 137}, false},
        };

        (void)state;
        begin();
        for (size_t i = 0; i < WG_ARRAY_SIZE(cases); i++) {
                enum tl_packet_kind kind = cases[i].kind;
                bool is_ipv6 = kind == TL_PACKET_NDP || kind == TL_PACKET_ECHO6;
                uint8_t packet[64], taken[64];
                struct tl_packet_socket from, to;
                size_t first = i;

                print_message("case %zu\n", i);
                while (first && cases[first - 1].kind == kind)
                        first--;
                make_packet(packet, &cases[i].sample, is_ipv6);
                make_packet(taken, &cases[first].sample, is_ipv6);
                taken[63] = 1;
                assert_int_equal(tl_packet_open(&from, "left", kind, PORT), 0);
                assert_int_equal(tl_packet_open(&to, "right", kind, PORT), 0);
                assert_int_equal(is_taken(&from, &to, packet, taken), cases[i].is_taken);
                tl_packet_close(&from);
                tl_packet_close(&to);
        }
}

/* A socket hears other machines, and not what this one sends. Empty packets are packets. */
static void test_send(void **state)
{
        uint8_t packet[64] = {1}, got[8], from[TL_PACKET_MAC_LEN];
        struct tl_packet_socket left, right;
        struct pollfd wait = {.events = POLLIN};

        (void)state;
        begin();
        assert_int_equal(tl_packet_open(&left, "left", TL_PACKET_ARP, 0), 0);
        assert_int_equal(tl_packet_open(&right, "right", TL_PACKET_ARP, 0), 0);
        assert_int_equal(tl_packet_send(&left, right.mac, packet, sizeof(packet)), 0);
        wait.fd = right.fd;
        assert_int_equal(poll(&wait, 1, PATIENCE_MS), 1);
        assert_int_equal(tl_packet_receive(&right, got, sizeof(got), from), sizeof(got));
        assert_memory_equal(from, left.mac, sizeof(from));
        assert_int_equal(tl_packet_receive(&right, got, sizeof(got), from), -EAGAIN);
        assert_int_equal(tl_packet_receive(&left, got, sizeof(got), from), -EAGAIN);
        run("ip link set left down");
        assert_int_equal(tl_packet_send(&left, everybody, packet, sizeof(packet)), -ENETDOWN);
        tl_packet_close(&left);
        tl_packet_close(&right);
}

static uint32_t count_queued(const struct tl_packet_socket *s)
{
        struct tpacket_stats counts = {0};
        socklen_t len = sizeof(counts);

        assert_int_equal(getsockopt(s->fd, SOL_PACKET, PACKET_STATISTICS, &counts, &len), 0);
        return counts.tp_packets;
}

/* Packets between others, and our own, are not even queued, whatever the kind of the socket. */
static void test_others(void **state)
{
        static const struct {
                enum tl_packet_kind kind;
                struct sample sample;
        } cases[] = {
                {TL_PACKET_ARP, {WG_PROTOCOL_UDP, 20, 0, 0, 0}},
                {TL_PACKET_NDP, {WG_PROTOCOL_ICMPV6, 40, 0, 0, 136}},
                {TL_PACKET_DHCP, {WG_PROTOCOL_UDP, 20, 0, 68, 0}},
                {TL_PACKET_ECHO4, {WG_PROTOCOL_TCP, 20, 0, PORT, 0}},
                {TL_PACKET_ECHO6, {WG_PROTOCOL_TCP, 40, 0, PORT, 0}},
        };
        static const uint8_t stranger[TL_PACKET_MAC_LEN] = {2, 0, 0, 0, 0, 99};
        static const uint8_t group[TL_PACKET_MAC_LEN] = {0x33, 0x33, 0, 0, 0, 1};

        (void)state;
        begin();
        run("ip link set right promisc on");
        for (size_t i = 0; i < WG_ARRAY_SIZE(cases); i++) {
                enum tl_packet_kind kind = cases[i].kind;
                struct tl_packet_socket left, right;
                const uint8_t *to[] = {stranger, everybody, group, NULL};
                struct pollfd wait = {.events = POLLIN};
                uint8_t packet[64];

                print_message("%s\n", tl_packet_kind_name(kind));
                make_packet(packet, &cases[i].sample,
                            kind == TL_PACKET_NDP || kind == TL_PACKET_ECHO6);
                assert_int_equal(tl_packet_open(&left, "left", kind, PORT), 0);
                assert_int_equal(tl_packet_open(&right, "right", kind, PORT), 0);
                to[WG_ARRAY_SIZE(to) - 1] = right.mac;
                for (uint8_t k = 0; k < WG_ARRAY_SIZE(to); k++) {
                        packet[63] = k;
                        assert_int_equal(tl_packet_send(&left, to[k], packet, 64), 0);
                }
                wait.fd = right.fd;
                for (uint8_t k = 1; k < WG_ARRAY_SIZE(to); k++) {
                        packet[63] = k;
                        assert_int_equal(poll(&wait, 1, PATIENCE_MS), 1);
                        assert_true(arrives(&right, packet));
                }
                assert_int_equal(count_queued(&right), WG_ARRAY_SIZE(to) - 1);
                assert_int_equal(count_queued(&left), 0);
                tl_packet_close(&left);
                tl_packet_close(&right);
        }
}

static void test_links(void **state)
{
        struct tl_packet_socket s;

        (void)state;
        begin();
        assert_int_equal(tl_packet_open(&s, "nowhere", TL_PACKET_ARP, 0), -ENODEV);
        assert_int_equal(tl_packet_open(&s, "lo", TL_PACKET_ARP, 0), -EOPNOTSUPP);
        run("ip link set right down");
        assert_int_equal(tl_packet_open(&s, "right", TL_PACKET_ARP, 0), -ENETDOWN);
        /* Its other end is down: it has no carrier. */
        assert_int_equal(tl_packet_open(&s, "left", TL_PACKET_ARP, 0), -ENETDOWN);
        assert_int_equal(s.fd, -1);
        tl_packet_close(&s);
        tl_packet_close(NULL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_filters),
                cmocka_unit_test(test_send),
                cmocka_unit_test(test_others),
                cmocka_unit_test(test_links),
        };

        return cmocka_run_group_tests_name("packet", tests, NULL, NULL);
}
