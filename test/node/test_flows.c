/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * test_flows.c - node/flows.h: real connections over lo, to which all addresses belong. */
#define _GNU_SOURCE /* unshare */
#include "node/flows.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>

#include "test/lib/cmocka.h"
#include "test/lib/ip.h"
#include "test/lib/netns.h"
#include "test/lib/office.h"

enum { PORT = 4000 };

/* A network in which developers may reach one service, and sites each other. */
static const char YAML[] = "network: acme\n"
                           "addresses: 10.70.0.0/24\n"
                           "hubs:\n"
                           "  z: {endpoint: \"203.0.113.10\", key: \"" TEST_KEY_1 "\"}\n"
                           "sites:\n"
                           "  shenzhen: {lan: 192.168.201.0/24, node: a, key: \"" TEST_KEY_2 "\",\n"
                           "    devices: {b: 192.168.201.55}}\n"
                           "  beijing: {lan: 192.168.200.0/24, node: c, key: \"" TEST_KEY_3 "\",\n"
                           "    devices: {d: 192.168.200.244}}\n"
                           "people:\n"
                           "  e: {devices: {laptop: {key: \"" TEST_KEY_4 "\"}}}\n"
                           "services:\n"
                           "  git: {at: d, ports: [4000/tcp, 4000/udp]}\n"
                           "policy:\n"
                           "  - {from: e, to: git}\n"
                           "  - {from: shenzhen, to: beijing}\n";

struct fixture {
        struct test_office office;
        struct tl_policy policy;
        int sockets[64];
        size_t count;
};

static void set_up_with(struct fixture *fixture, const char *yaml)
{
        enter_netns();
        run("ip route add local default dev lo && ip -6 route add local default dev lo");
        run("nft 'table inet t { chain c { type filter hook input priority 0; ct state new accept; "
            "}; }'");
        fixture->count = 0;
        test_office_init(&fixture->office, yaml);
        assert_true(tl_policy_build(&fixture->policy, &fixture->office.model,
                                    &fixture->office.findings));
}

static void set_up(struct fixture *fixture)
{
        set_up_with(fixture, YAML);
}

static void tear_down_sockets(struct fixture *fixture)
{
        while (fixture->count)
                close(fixture->sockets[--fixture->count]);
}

static void tear_down(struct fixture *fixture)
{
        tear_down_sockets(fixture);
        tl_policy_done(&fixture->policy);
        test_office_done(&fixture->office);
}

static int open_socket(struct fixture *fixture, int type, const char *ip, uint16_t port)
{
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
        int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0), one = 1;

        assert_true(fd >= 0 && fixture->count < WG_ARRAY_SIZE(fixture->sockets));
        fixture->sockets[fixture->count++] = fd;
        assert_int_equal(inet_pton(AF_INET, ip, &address.sin_addr), 1);
        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)), 0);
        assert_int_equal(setsockopt(fd, SOL_IP, IP_FREEBIND, &one, sizeof(one)), 0);
        assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
        return fd;
}

/* A UDP packet from one end to the other, and perhaps an answer. */
static void send_udp(struct fixture *fixture, const char *from, uint16_t from_port, const char *to,
                     uint16_t port, bool is_answered)
{
        int client = open_socket(fixture, SOCK_DGRAM, from, from_port);
        int server = open_socket(fixture, SOCK_DGRAM, to, port);
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
        socklen_t len = sizeof(address);
        char byte = 'x';

        assert_int_equal(inet_pton(AF_INET, to, &address.sin_addr), 1);
        assert_int_equal(
                sendto(client, &byte, 1, 0, (const struct sockaddr *)&address, sizeof(address)), 1);
        if (!is_answered)
                return;
        assert_int_equal(recvfrom(server, &byte, 1, 0, (struct sockaddr *)&address, &len), 1);
        assert_int_equal(sendto(server, &byte, 1, 0, (const struct sockaddr *)&address, len), 1);
        assert_int_equal(recv(client, &byte, 1, 0), 1);
}

/* Lists them, sorted, one per line; cuts them if asked to. */
static const char *list(struct fixture *fixture, uint32_t node, bool is_cutting, uint64_t *total)
{
        static char text[4096];
        struct tl_live_flows *flows = malloc(sizeof(*flows));
        const struct tl_model *model = &fixture->office.model;
        char lines[16][TL_FLOWS_TEXT_SIZE];
        int error;

        assert_non_null(flows);
        error = is_cutting ? tl_flows_cut(flows, model, &fixture->policy, node)
                           : tl_flows_find(flows, model, &fixture->policy, node);
        assert_int_equal(error, 0);
        for (uint32_t i = 0; i < flows->count && i < WG_ARRAY_SIZE(lines); i++)
                tl_flows_format(lines[i], &flows->items[i], model);
        text[0] = '\0';
        if (flows->count <= WG_ARRAY_SIZE(lines)) {
                qsort(lines, flows->count, sizeof(lines[0]),
                      (int (*)(const void *, const void *))strcmp);
                for (uint32_t i = 0; i < flows->count; i++)
                        strcat(strcat(text, lines[i]), "\n");
        }
        if (total)
                *total = flows->total;
        free(flows);
        return text;
}

enum { HUB = 0, NODE_A = 1, NODE_C = 2, LAPTOP = 3 }; /* nodes, in the order of the model */

static void test_judges(void **state WG_UNUSED)
{
        static const char all[] = "d 192.168.200.244:7 -> e/laptop 10.70.0.4:4000/udp\n"
                                  "e/laptop 10.70.0.4:2 -> d 192.168.200.244:4001/udp\n"
                                  "e/laptop 10.70.0.4:3 -> 192.168.201.9:4000/udp\n"
                                  "e/laptop 10.70.0.4:4 -> 10.200.1.244:4001/udp\n";
        struct fixture fixture;

        set_up(&fixture);
        assert_string_equal(list(&fixture, HUB, false, NULL), "");
        send_udp(&fixture, "10.70.0.4", 1, "192.168.200.244", PORT, true);     /* allowed */
        send_udp(&fixture, "10.70.0.4", 2, "192.168.200.244", PORT + 1, true); /* another port */
        send_udp(&fixture, "10.70.0.4", 3, "192.168.201.9", PORT, true);       /* another LAN */
        send_udp(&fixture, "10.70.0.4", 4, "10.200.1.244", PORT + 1, true);    /* mapped */
        send_udp(&fixture, "10.70.0.4", 5, "10.200.1.244", PORT, true);        /* and allowed */
        send_udp(&fixture, "192.168.201.55", 6, "192.168.200.9", PORT, true);  /* allowed */
        send_udp(&fixture, "192.168.200.244", 7, "10.70.0.4", PORT, true);     /* wrong way */
        send_udp(&fixture, "10.70.0.4", 8, "192.168.201.9", PORT, false);      /* no answer */
        send_udp(&fixture, "10.70.0.4", 9, "198.51.100.7", PORT, true);        /* elsewhere */
        assert_string_equal(list(&fixture, HUB, false, NULL), all);
        assert_string_equal(list(&fixture, LAPTOP, false, NULL), all);
        assert_string_equal(list(&fixture, NODE_C, true, NULL), all);
        assert_string_equal(list(&fixture, HUB, false, NULL), "");
        tear_down(&fixture);
}

/* The traffic of a LAN is no business of the policy, except elsewhere. */
static void test_leaves_a_lan_alone(void **state WG_UNUSED)
{
        static const char line[] = "192.168.201.9:1 -> b 192.168.201.55:4000/udp\n";
        struct fixture fixture;

        set_up(&fixture);
        send_udp(&fixture, "192.168.201.9", 1, "192.168.201.55", PORT, true);
        assert_string_equal(list(&fixture, NODE_A, false, NULL), "");
        assert_string_equal(list(&fixture, NODE_C, false, NULL), line);
        fixture.policy.is_open = true;
        assert_string_equal(list(&fixture, NODE_C, true, NULL), "");
        tear_down(&fixture);
}

/* An address of a LAN that stands for another machine, also for the policy. */
static void test_stand_ins(void **state WG_UNUSED)
{
        static const char from[] = "{lan: 192.168.201.0/24, node: a,";
        static const char to[] = "{lan: 192.168.201.0/24, gateway: untouchable, virtual: "
                                 "{192.168.201.240: d, 192.168.201.241: e/laptop}, node: a,";
        char yaml[sizeof(YAML) + sizeof(to)];
        const char *at = strstr(YAML, from);
        struct fixture fixture;

        assert_non_null(at);
        snprintf(yaml, sizeof(yaml), "%.*s%s%s", (int)(at - YAML), YAML, to, at + sizeof(from) - 1);
        set_up_with(&fixture, yaml);
        send_udp(&fixture, "192.168.201.9", 1, "192.168.201.240", PORT, true); /* allowed */
        send_udp(&fixture, "192.168.201.9", 2, "192.168.201.241", PORT, true);
        send_udp(&fixture, "192.168.201.9", 3, "192.168.201.242", PORT, true);
        assert_string_equal(list(&fixture, NODE_A, false, NULL),
                            "192.168.201.9:2 -> 192.168.201.241:4000/udp\n");
        tear_down(&fixture);
}

static void test_tcp_and_ping(void **state WG_UNUSED)
{
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(PORT + 1)};
        struct fixture fixture;
        int client, server;

        set_up(&fixture);
        client = open_socket(&fixture, SOCK_STREAM, "10.70.0.4", 1);
        server = open_socket(&fixture, SOCK_STREAM, "192.168.200.244", PORT + 1);
        assert_int_equal(listen(server, 1), 0);
        assert_int_equal(inet_pton(AF_INET, "192.168.200.244", &address.sin_addr), 1);
        assert_int_equal(connect(client, (const struct sockaddr *)&address, sizeof(address)), 0);
        /* Two pings count once. */
        for (int i = 0; i < 2; i++)
                run("ping -c 1 -W 5 -I 10.70.0.4 192.168.200.244 >/dev/null");
        assert_string_equal(list(&fixture, NODE_C, false, NULL),
                            "e/laptop 10.70.0.4 -> d 192.168.200.244 ping\n"
                            "e/laptop 10.70.0.4:1 -> d 192.168.200.244:4001/tcp\n");
        /* What both sides have ended is not live, and is forgotten all the same. */
        tear_down_sockets(&fixture);
        assert_string_equal(list(&fixture, NODE_C, true, NULL),
                            "e/laptop 10.70.0.4 -> d 192.168.200.244 ping\n");
        run("for i in $(seq 200); do grep -qx 0 /proc/sys/net/netfilter/nf_conntrack_count && "
            "exit; "
            "sleep 0.05; done; exit 1");
        tear_down(&fixture);
}

/* More than can be listed are still counted and cut. */
static void test_many(void **state WG_UNUSED)
{
        enum { MANY = 1000 };
        struct fixture fixture;
        uint64_t total;

        set_up(&fixture);
        for (uint16_t i = 1; i <= MANY; i++) {
                send_udp(&fixture, "10.70.0.4", i, "192.168.201.9", PORT, true);
                tear_down_sockets(&fixture);
        }
        (void)list(&fixture, HUB, false, &total);
        assert_int_equal(total, MANY);
        (void)list(&fixture, HUB, true, &total);
        assert_int_equal(total, MANY);
        (void)list(&fixture, HUB, true, &total);
        assert_int_equal(total, 0);
        tear_down(&fixture);
}

/* ---- text ---- */

static const struct {
        const char *from, *to;
        uint8_t protocol;
        uint16_t from_port, to_port;
        const char *text;
} texts[] = {
        {"10.70.0.4", "192.168.200.244", WG_PROTOCOL_TCP, 51234, 443,
         "e/laptop 10.70.0.4:51234 -> d 192.168.200.244:443/tcp"},
        {"192.168.200.9", "10.70.0.1", WG_PROTOCOL_ICMP, 0, 0, "192.168.200.9 -> z 10.70.0.1 ping"},
        {"fd01:203:405::4", "fd01:203:405::1", WG_PROTOCOL_UDP, 1, 2,
         "e/laptop [fd01:203:405::4]:1 -> z [fd01:203:405::1]:2/udp"},
        {"10.70.0.4", "10.70.0.1", 47, 0, 0, "e/laptop 10.70.0.4 -> z 10.70.0.1 protocol 47"},
};

static void test_formats(void **state WG_UNUSED)
{
        struct test_office office;

        test_office_init(&office, YAML);
        for (size_t i = 0; i < WG_ARRAY_SIZE(texts); i++) {
                struct tl_live_flow flow = {test_ip(texts[i].from), test_ip(texts[i].to),
                                            texts[i].protocol, texts[i].from_port,
                                            texts[i].to_port};
                char text[TL_FLOWS_TEXT_SIZE];

                tl_flows_format(text, &flow, &office.model);
                assert_string_equal(text, texts[i].text);
        }
        test_office_done(&office);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_judges),    cmocka_unit_test(test_leaves_a_lan_alone),
                cmocka_unit_test(test_stand_ins), cmocka_unit_test(test_tcp_and_ping),
                cmocka_unit_test(test_many),      cmocka_unit_test(test_formats),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
