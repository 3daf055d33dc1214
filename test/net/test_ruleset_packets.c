/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * The table of a node in the kernel, against the policy itself. Packets come out of a tunnel (a TUN
 * called acme) in a network namespace in which every address is local, so a packet that the table
 * accepts reaches a raw socket before write(2) returns. */
#define _GNU_SOURCE /* unshare */

#include "net/ruleset.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bytes.h"
#include "conf/address.h"
#include "test/lib/cmocka.h"
#include "test/lib/netns.h"
#include "test/lib/random_office.h"
#include "test/lib/raw_packet.h"
#include "test/lib/tool.h"

enum { PROTOCOLS = 3 };

static const uint8_t protocols[PROTOCOLS] = {WG_PROTOCOL_TCP, WG_PROTOCOL_UDP, WG_PROTOCOL_ICMP};

struct wire {
        int tun;
        int raw[2][PROTOCOLS]; /* IPv4, IPv6 */
        uint32_t serial;       /* of the last packet: its source port or identifier, its payload */
};

/* ---- the wire ---- */

static int open_tun(void)
{
        struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
        int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

        memcpy(request.ifr_name, "acme", sizeof("acme"));
        if (fd < 0 || ioctl(fd, TUNSETIFF, &request) < 0) {
                fprintf(stderr, "SKIPPED: no TUN: %s\n", strerror(errno));
                skip();
        }
        return fd;
}

static void open_wire(struct wire *wire)
{
        wire->serial = 0;
        wire->tun = open_tun();
        run("ip link set acme up"
            " && ip route add local default dev lo && ip -6 route add local default dev lo"
            " && echo 1 >/proc/sys/net/ipv4/conf/acme/accept_local"
            " && echo 0 >/proc/sys/net/ipv4/conf/acme/rp_filter"
            " && echo 0 >/proc/sys/net/ipv4/conf/all/rp_filter");
        for (unsigned int i = 0; i < PROTOCOLS; i++) {
                wire->raw[0][i] = socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK, protocols[i]);
                wire->raw[1][i] = socket(AF_INET6, SOCK_RAW | SOCK_NONBLOCK,
                                         protocols[i] == WG_PROTOCOL_ICMP ? WG_PROTOCOL_ICMPV6
                                                                          : protocols[i]);
                assert_true(wire->raw[0][i] >= 0 && wire->raw[1][i] >= 0);
        }
}

static void close_wire(struct wire *wire)
{
        close(wire->tun);
        for (unsigned int i = 0; i < PROTOCOLS; i++) {
                close(wire->raw[0][i]);
                close(wire->raw[1][i]);
        }
}

/* ---- packets ---- */

/* Whether a socket has the packet with this serial number. Reads everything that it has. */
static bool has_arrived(int fd, uint32_t serial)
{
        uint8_t packet[256];
        uint8_t wanted[4];
        bool is_found = false;
        ssize_t len;

        wg_be32_store(wanted, serial);
        while ((len = recv(fd, packet, sizeof(packet), 0)) > 0)
                is_found = is_found || memmem(packet, (size_t)len, wanted, sizeof(wanted));
        return is_found;
}

/* Sends the first packet of a connection out of the tunnel. Returns whether it was accepted. */
static bool is_accepted(struct wire *wire, const struct tl_policy_query *query)
{
        const struct raw_packet_ends ends = {query->from, query->to, query->protocol, query->port};
        bool is_ipv6 = query->from.family == WG_FAMILY_IPV6;
        uint8_t packet[RAW_PACKET_MOST];
        uint32_t serial = UINT32_C(0x5e000000) + ++wire->serial;
        size_t len = raw_packet_write(packet, &ends, serial);
        unsigned int i = 0;

        while (protocols[i] != query->protocol)
                i++;
        (void)has_arrived(wire->raw[is_ipv6][i], 0);
        assert_int_equal(write(wire->tun, packet, len), len);
        return has_arrived(wire->raw[is_ipv6][i], serial);
}

/* ---- nodes ---- */

static bool is_in_network(const struct tl_model *model, const struct wg_ip *ip)
{
        const struct wg_prefix *pool = ip->family == WG_FAMILY_IPV4 ? &model->pool4 : &model->pool6;

        return wg_prefix_contains(pool, ip) || tl_model_find_lan(model, ip) != TL_MODEL_NONE;
}

/* Whether packets for an address leave the tunnel at a node. */
static bool is_here(const struct tl_model *model, const struct tl_node *node,
                    const struct wg_ip *to)
{
        if (node->kind == TL_NODE_HUB)
                return is_in_network(model, to);
        if (wg_ip_equal(&node->ip4, to) || wg_ip_equal(&node->ip6, to))
                return true;
        for (uint32_t i = 0; i < model->lan_count && node->site != TL_MODEL_NONE; i++)
                if (model->lans[i].site == node->site &&
                    wg_prefix_contains(&model->lans[i].prefix, to))
                        return true;
        return false;
}

static void load(const char *table)
{
        FILE *nft = popen("nft -f -", "w");

        assert_non_null(nft);
        fprintf(nft, "table inet tieline-acme\ndelete table inet tieline-acme\n%s", table);
        assert_int_equal(pclose(nft), 0);
}

static void check_node(struct wire *wire, struct test_office *office,
                       const struct tl_policy *policy, uint32_t node, uint64_t *state,
                       const char *file)
{
        struct tl_nodeplan plan;

        assert_true(tl_nodeplan_make(&plan, &office->model, policy, node, NULL, &office->findings));
        load(plan.nft);
        for (unsigned int i = 0; i < 400; i++) {
                struct tl_policy_query query = {.from = random_office_ip(office, state),
                                                .to = random_office_ip(office, state),
                                                .protocol = protocols[i % PROTOCOLS]};
                bool is_wanted;

                if (query.protocol != WG_PROTOCOL_ICMP)
                        query.port = (uint16_t)(1 + tool_random(state) % 16);
                if (query.from.family != query.to.family || wg_ip_equal(&query.from, &query.to))
                        continue;
                is_wanted = is_here(&office->model, &office->model.nodes[node], &query.to) &&
                            tl_policy_allows(policy, &query, NULL);
                if (policy->is_open && office->model.nodes[node].kind == TL_NODE_DEVICE)
                        is_wanted = true;
                if (is_accepted(wire, &query) != is_wanted) {
                        char from[TL_ADDRESS_IP_SIZE], to[TL_ADDRESS_IP_SIZE];

                        tl_address_format_ip(from, &query.from);
                        tl_address_format_ip(to, &query.to);
                        fail_msg("%s, %s -> %s protocol %u port %u: should be %s\n%s\n%s",
                                 office->model.nodes[node].name, from, to, query.protocol,
                                 query.port, is_wanted ? "accepted" : "dropped", plan.nft, file);
                }
        }
        tl_nodeplan_done(&plan);
}

static void test_random(void **unused)
{
        static char file[RANDOM_OFFICE_SIZE];
        uint64_t state = random_office_seed();
        struct wire wire;

        (void)unused;
        enter_netns();
        open_wire(&wire);
        for (unsigned int round = 0; round < 10; round++) {
                struct test_office office;
                struct tl_policy policy;

                random_office_write(file, &state, round != 0, false);
                test_office_init(&office, file);
                assert_true(tl_policy_build(&policy, &office.model, &office.findings));
                for (unsigned int i = 0; i < 4; i++)
                        check_node(&wire, &office, &policy,
                                   (uint32_t)(tool_random(&state) % office.model.node_count),
                                   &state, file);
                tl_policy_done(&policy);
                test_office_done(&office);
        }
        close_wire(&wire);
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_random)};

        return cmocka_run_group_tests(tests, NULL, NULL);
}
