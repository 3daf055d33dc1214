/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * The table of a site's node in the kernel, with packets that it forwards. The node has two links,
 * both TUNs: the tunnel and its LAN. Each row sends the first packet of a connection into one of
 * them and says what comes out of the other; the reply and an ICMP error must then arrive as if
 * nobody had translated anything. */
#define _GNU_SOURCE /* unshare, memmem */

#include "net/ruleset.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/bytes.h"
#include "conf/address.h"
#include "net/prefixes.h"
#include "test/lib/cmocka.h"
#include "test/lib/netns.h"
#include "test/lib/office.h"
#include "test/lib/raw_packet.h"

enum { TUNNEL, LAN, LINKS };
enum { PATIENCE_MS = 5000, PACKET_MTU = 1300 };

static const char *const links[LINKS] = {"acme", "lan0"};
static const uint8_t protocols[] = {WG_PROTOCOL_TCP, WG_PROTOCOL_UDP, WG_PROTOCOL_ICMP};

struct machine {
        int tun[LINKS];
        uint32_t serial; /* of the last connection */
};

/* ---- the machine ---- */

static int open_tun(const char *name)
{
        struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
        int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);

        memcpy(request.ifr_name, name, strlen(name) + 1);
        if (fd < 0 || ioctl(fd, TUNSETIFF, &request) < 0) {
                fprintf(stderr, "SKIPPED: no TUN: %s\n", strerror(errno));
                skip();
        }
        return fd;
}

static void open_machine(struct machine *m)
{
        enter_netns();
        *m = (struct machine){.serial = UINT32_C(0x5e000000)};
        for (int i = 0; i < LINKS; i++)
                m->tun[i] = open_tun(links[i]);
        run("cd /proc/sys/net && echo 1 >ipv4/ip_forward && echo 1 >ipv6/conf/all/forwarding"
            " && for i in all acme lan0; do echo 0 >ipv4/conf/$i/rp_filter; done"
            " && ip link set acme up && ip link set lan0 up");
}

static void close_machine(struct machine *m)
{
        for (int i = 0; i < LINKS; i++)
                close(m->tun[i]);
}

static void add_route(const struct wg_prefix *prefix, const char *link)
{
        char text[TL_ADDRESS_PREFIX_SIZE], command[128];

        tl_address_format_prefix(text, prefix);
        snprintf(command, sizeof(command), "ip route replace %s dev %s", text, link);
        run(command);
}

static void add_address(const struct wg_ip *ip, const char *link)
{
        char text[TL_ADDRESS_IP_SIZE], command[128];

        if (ip->family == WG_FAMILY_NONE)
                return;
        tl_address_format_ip(text, ip);
        snprintf(command, sizeof(command), "ip address replace %s dev %s%s", text, link,
                 ip->family == WG_FAMILY_IPV6 ? " nodad" : "");
        run(command);
}

static void load(const char *table)
{
        FILE *nft = popen("nft -f -", "w");

        assert_non_null(nft);
        fprintf(nft, "table inet tieline-acme\ndelete table inet tieline-acme\n%s", table);
        assert_int_equal(pclose(nft), 0);
}

/* Makes the machine the node of a site, with what its plan says. */
static void become(const struct tl_model *model, const struct tl_nodeplan *plan)
{
        const struct tl_site *site = &model->sites[model->nodes[plan->node].site];

        run("ip address flush dev acme; ip address flush dev lan0; ip route flush dev acme;"
            " ip route flush dev lan0; ip -6 route flush dev acme; ip -6 route flush dev lan0");
        for (uint32_t i = 0; i < plan->address_count; i++)
                add_address(&plan->addresses[i].ip, links[TUNNEL]);
        for (uint32_t i = 0; i < site->lan_count; i++) {
                add_address(&model->lans[site->lan_first + i].node_at, links[LAN]);
                add_route(&model->lans[site->lan_first + i].prefix, links[LAN]);
        }
        for (uint32_t i = 0; i < plan->route_count; i++)
                if (plan->routes[i].kind == TL_PLANNED_LINK)
                        add_route(&plan->routes[i].prefix, links[TUNNEL]);
        load(plan->nft);
}

/* ---- packets ---- */

static struct wg_ip ip_of(const char *text)
{
        struct wg_ip ip;

        if (!tl_address_parse_ip((struct tl_text){text, strlen(text)}, &ip))
                fail_msg("not an address: %s", text);
        return ip;
}

/* Waits for the packet with a serial number to come out of any link, which is returned; -1: none
 * does. Those of the kernel itself are skipped. */
static int receive(struct machine *m, uint8_t packet[RAW_PACKET_MOST], size_t *len)
{
        uint8_t serial[4];
        struct pollfd fds[LINKS];

        wg_be32_store(serial, m->serial);
        for (int i = 0; i < LINKS; i++)
                fds[i] = (struct pollfd){.fd = m->tun[i], .events = POLLIN};
        while (poll(fds, LINKS, PATIENCE_MS) > 0)
                for (int i = 0; i < LINKS; i++) {
                        ssize_t got = read(fds[i].fd, packet, RAW_PACKET_MOST);

                        if (got <= 0 || !memmem(packet, (size_t)got, serial, sizeof(serial)))
                                continue;
                        *len = (size_t)got;
                        return i;
                }
        return -1;
}

static void describe(char text[128], int link, const uint8_t *packet)
{
        struct raw_packet_ends ends = raw_packet_read(packet);
        char from[TL_ADDRESS_IP_SIZE], to[TL_ADDRESS_IP_SIZE];

        tl_address_format_ip(from, &ends.from);
        tl_address_format_ip(to, &ends.to);
        snprintf(text, 128, "%s %s -> %s", link < 0 ? "nothing" : links[link], from, to);
}

/* Sends a packet into a link. What comes out must do so at another one, with these addresses. */
static void pass(struct machine *m, const char *what, int in, const uint8_t *packet, size_t len,
                 const char *wanted, uint8_t out[RAW_PACKET_MOST], size_t *out_len)
{
        char text[128] = "nothing";
        int link;

        if (write(m->tun[in], packet, len) != (ssize_t)len)
                fail_msg("%s: write: %s", what, strerror(errno));
        link = receive(m, out, out_len);
        if (link >= 0)
                describe(text, link, out);
        if (strcmp(text, wanted) != 0)
                fail_msg("%s: %s instead of %s", what, text, wanted);
        if (!raw_packet_is_sound(out, *out_len))
                fail_msg("%s: wrong checksum", what);
}

/* ---- connections ---- */

struct connection {
        const char *node;
        int in;                     /* the link where it begins */
        const char *from, *to;      /* there */
        const char *seen, *reached; /* at the other link */
};

/* Returns "LINK FROM -> TO". */
static const char *expect(char text[128], int link, const char *from, const char *to)
{
        snprintf(text, 128, "%s %s -> %s", links[link], from, to);
        return text;
}

/* An error about the first packet, from its destination or from a router on the way, must seem to
 * come from the destination as the source knows it, and quote the packet as the source sent it. */
static void report_error(struct machine *m, const char *what, const struct connection *c,
                         const struct wg_ip *reporter, const uint8_t *first, size_t len)
{
        uint8_t error[RAW_PACKET_MOST], out[RAW_PACKET_MOST];
        size_t error_len = raw_packet_too_big(error, reporter, first, len, PACKET_MTU), out_len = 0;
        char wanted[128], quoted[128];
        const uint8_t *about;

        pass(m, what, !c->in, error, error_len, expect(wanted, c->in, c->to, c->from), out,
             &out_len);
        about = raw_packet_quoted(out);
        assert_non_null(about);
        describe(quoted, c->in, about);
        if (strcmp(quoted, expect(wanted, c->in, c->from, c->to)) != 0)
                fail_msg("%s: quotes %s", what, quoted);
}

static void connect_with(struct machine *m, const struct connection *c, uint8_t protocol)
{
        const struct raw_packet_ends ends = {ip_of(c->from), ip_of(c->to), protocol,
                                             protocol == WG_PROTOCOL_ICMP ? 0 : 443};
        struct wg_ip destination = ip_of(c->reached);
        uint8_t packet[RAW_PACKET_MOST], first[RAW_PACKET_MOST], out[RAW_PACKET_MOST];
        size_t len, first_len = 0, out_len = 0;
        char what[160], wanted[128];

        m->serial++;
        snprintf(what, sizeof(what), "%s, %s: %s -> %s, protocol %u", c->node, links[c->in],
                 c->from, c->to, protocol);
        len = raw_packet_write(packet, &ends, m->serial);
        pass(m, what, c->in, packet, len, expect(wanted, !c->in, c->seen, c->reached), first,
             &first_len);
        strcat(what, ", the error");
        report_error(m, what, c, &destination, first, first_len);
        strcpy(strrchr(what, ','), ", the reply");
        len = raw_packet_reply(packet, first, first_len);
        pass(m, what, !c->in, packet, len, expect(wanted, c->in, c->to, c->from), out, &out_len);
}

/* ---- networks ---- */

static uint32_t node_named(const struct tl_model *model, const char *name)
{
        for (uint32_t i = 0; i < model->node_count; i++)
                if (strcmp(model->nodes[i].name, name) == 0)
                        return i;
        fail_msg("no node %s", name);
        return 0;
}

static void check(const char *yaml, const struct connection *connections, size_t count)
{
        struct test_office office;
        struct tl_policy policy;
        struct machine m;

        test_office_init(&office, yaml);
        assert_true(tl_policy_build(&policy, &office.model, &office.findings));
        open_machine(&m);
        for (size_t i = 0; i < count; i++) {
                struct tl_nodeplan plan;

                assert_true(tl_nodeplan_make(&plan, &office.model, &policy,
                                             node_named(&office.model, connections[i].node), NULL,
                                             &office.findings));
                become(&office.model, &plan);
                for (size_t k = 0; k < WG_ARRAY_SIZE(protocols); k++)
                        connect_with(&m, &connections[i], protocols[k]);
                tl_nodeplan_done(&plan);
        }
        close_machine(&m);
        tl_policy_done(&policy);
        test_office_done(&office);
}

#define HEAD \
        "network: acme\n" \
        "addresses: [10.70.0.0/24, \"fd70::/64\"]\n" \
        "hubs:\n" \
        "  z: {endpoint: z.example, key: " TEST_KEY_1 "}\n"

#define PEOPLE \
        "people:\n" \
        "  e: {devices: {laptop: {key: " TEST_KEY_6 ", address: 10.70.0.9}}}\n"

/* s1 and s2 have the same prefix; s3 has its own. */
#define OVERLAP(gateway) \
        HEAD "sites:\n" \
             "  s1: {lan: 192.168.1.0/24, node: {name: a, at: 192.168.1.2}, key: " TEST_KEY_2 \
             "}\n" \
             "  s2: {lan: 192.168.1.0/24, node: {name: c, at: 192.168.1.3}, key: " TEST_KEY_3 \
                     gateway "}\n" \
             "  s3: {lan: 192.168.3.0/24, node: {name: n, at: 192.168.3.2}, key: " TEST_KEY_4 \
             "}\n" PEOPLE

static void test_overlap(void **unused)
{
        static const struct connection connections[] = {
                /* Between the twins, and to the third. */
                {"a", LAN, "192.168.1.55", "10.200.1.244", "10.200.0.55", "10.200.1.244"},
                {"c", TUNNEL, "10.200.0.55", "10.200.1.244", "10.200.0.55", "192.168.1.244"},
                {"a", LAN, "192.168.1.55", "192.168.3.7", "10.200.0.55", "192.168.3.7"},
                {"n", TUNNEL, "10.200.0.55", "192.168.3.7", "10.200.0.55", "192.168.3.7"},
                {"n", LAN, "192.168.3.7", "10.200.1.255", "192.168.3.7", "10.200.1.255"},
                {"c", TUNNEL, "192.168.3.7", "10.200.1.244", "192.168.3.7", "192.168.1.244"},
                /* People, and the hub. */
                {"c", TUNNEL, "10.70.0.9", "10.200.1.1", "10.70.0.9", "192.168.1.1"},
                {"c", LAN, "192.168.1.244", "10.70.0.9", "10.200.1.244", "10.70.0.9"},
                {"c", TUNNEL, "10.70.0.1", "10.200.1.254", "10.70.0.1", "192.168.1.254"},
                /* A mapped prefix leads to its LAN even if nothing overlaps it. */
                {"n", TUNNEL, "10.70.0.9", "10.200.2.7", "10.70.0.9", "192.168.3.7"},
                {"n", TUNNEL, "10.200.1.244", "10.200.2.7", "10.200.1.244", "192.168.3.7"},
        };

        (void)unused;
        check(OVERLAP(""), connections, WG_ARRAY_SIZE(connections));
        check(OVERLAP("") "policy: [{from: all, to: all}]\n", connections,
              WG_ARRAY_SIZE(connections));
}

/* SNAT in the same LAN. */
static void test_overlap_untouchable(void **unused)
{
        static const struct connection connections[] = {
                {"c", TUNNEL, "10.200.0.55", "10.200.1.244", "192.168.1.3", "192.168.1.244"},
                {"c", TUNNEL, "192.168.3.7", "10.200.1.244", "192.168.1.3", "192.168.1.244"},
                {"c", TUNNEL, "10.70.0.9", "10.200.1.244", "192.168.1.3", "192.168.1.244"},
                {"c", LAN, "192.168.1.244", "10.70.0.9", "10.200.1.244", "10.70.0.9"},
        };

        (void)unused;
        check(OVERLAP(", gateway: untouchable"), connections, WG_ARRAY_SIZE(connections));
        check(OVERLAP(", gateway: untouchable") "policy: [{from: all, to: all}]\n", connections,
              WG_ARRAY_SIZE(connections));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_overlap),
                cmocka_unit_test(test_overlap_untouchable),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
