/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * test_showview.c - cli/showview.h: what the examples lack (test/cli/show.sh has those). */
#include "cli/showview.h"

#include <stdlib.h>
#include <string.h>

#include "test/lib/cmocka.h"
#include "test/lib/office.h"

#define YAML \
        "network: acme\n" \
        "addresses: 10.70.0.0/24\n" \
        "hubs:\n" \
        "  z: {endpoint: \"[2001:db8::1]:4500\", key: " TEST_KEY_1 "}\n" \
        "sites:\n" \
        "  s1: {lan: 192.168.1.0/24, node: a, gateway: drops-invalid, endpoint: s1.example}\n" \
        "  s2: {lan: [192.168.2.0/24, \"fd02::/64\"], node: {name: b, at: [192.168.2.2, " \
        "\"fd02::2\"]}, gateway: {kind: dhcp-121, at: 192.168.2.1}, endpoint: s2.example, " \
        "mtu: 1492}\n" \
        "  s3: {lan: 192.168.3.0/24, node: c, gateway: {kind: static-routes, routes: " \
        "[192.168.0.0/22]}}\n" \
        "services:\n" \
        "  web: {at: 192.168.2.9, ports: [443/tcp, 80/tcp]}\n"

static void check(const struct tl_pen *like, const char *yaml, const char *expected)
{
        struct tl_pen pen = *like;
        struct test_office office;
        char *text = NULL;
        size_t size;

        test_office_init(&office, yaml);
        pen.out = open_memstream(&text, &size);
        assert_non_null(pen.out);
        assert_true(tl_showview_print(&pen, &office.model));
        assert_int_equal(fclose(pen.out), 0);
        assert_string_equal(text, expected);
        free(text);
        test_office_done(&office);
}

static void test_everything(void **state WG_UNUSED)
{
        check(&(struct tl_pen){0}, YAML,
              "acme: 10.70.0.0/24, fd01:203:405::/64\n"
              "\n"
              "Nodes\n"
              "  NAME  KIND  IPV4       IPV6             HUB  KEEPALIVE  MTU\n"
              "  z     hub   10.70.0.1  fd01:203:405::1  -    -          1420\n"
              "        at [2001:db8::1]:4500\n"
              "  a     site  10.70.0.2  fd01:203:405::2  z    -          1420\n"
              "        at s1.example:51820\n"
              "        no key yet: run `tieline key` on it\n"
              "  b     site  10.70.0.3  fd01:203:405::3  z    -          1412\n"
              "        at s2.example:51820\n"
              "        no key yet: run `tieline key` on it\n"
              "  c     site  10.70.0.4  fd01:203:405::4  z    25 s       1420\n"
              "        no key yet: run `tieline key` on it\n"
              "  a and b talk to each other directly\n"
              "\n"
              "LANs\n"
              "  SITE  PREFIX          MAPPED         GATEWAY        NODE\n"
              "  s1    192.168.1.0/24  10.200.0.0/24  drops-invalid  a\n"
              "        via gateway from everywhere: the LAN's router drops connections of which\n"
              "        it sees only one direction\n"
              "  s2    192.168.2.0/24  10.200.1.0/24  dhcp-121       b 192.168.2.2\n"
              "        native from everywhere: DHCP gives devices the routes\n"
              "  s2    fd02::/64       -              dhcp-121       b fd02::2\n"
              "        native from everywhere: DHCP gives devices the routes\n"
              "  s3    192.168.3.0/24  10.200.2.0/24  static-routes  c\n"
              "        native from 192.168.1.0/24, 192.168.2.0/24: the LAN's router has the\n"
              "        routes\n"
              "        no way in from 10.70.0.0/24: the LAN's router lacks a static route\n"
              "\n"
              "Routes to enter\n"
              "  on s1's router: 10.70.0.0/24, 192.168.2.0/23 via the address of a in this LAN\n"
              "  by s2's DHCP, option 121: 10.70.0.0/24, 192.168.1.0/24, 192.168.3.0/24 via\n"
              "    192.168.2.2; also 0.0.0.0/0 via 192.168.2.1, since devices then ignore the\n"
              "    router option\n"
              "  on s2's devices, since option 121 is for IPv4: fd01:203:405::/64 via fd02::2\n"
              "  on s3's router: 10.70.0.0/24 via the address of c in this LAN\n"
              "\n"
              "Services\n"
              "  NAME  AT           PORTS\n"
              "  web   192.168.2.9  443/tcp, 80/tcp\n");
}

static void test_colours(void **state WG_UNUSED)
{
        check(&(struct tl_pen){.has_colours = true, .width = 60},
              "network: acme\n"
              "addresses: 10.70.0.0/24\n"
              "hubs:\n"
              "  z: {endpoint: z.example, key: " TEST_KEY_1 "}\n"
              "sites:\n"
              "  s1: {lan: 192.168.1.0/24, node: {name: a, at: 192.168.1.2}, key: " TEST_KEY_2
              "}\n",

              "\033[1macme\033[0m: 10.70.0.0/24, fd01:203:405::/64\n"
              "\n"
              "\033[1mNodes\033[0m\n"
              "  \033[2mNAME\033[0m  \033[2mKIND\033[0m  \033[2mIPV4\033[0m       "
              "\033[2mIPV6\033[0m             \033[2mHUB\033[0m  \033[2mKEEPALIVE\033[0m  "
              "\033[2mMTU\033[0m\n"
              "  z     hub   10.70.0.1  fd01:203:405::1  -    -          1420\n"
              "        at z.example:51820\n"
              "  a     site  10.70.0.2  fd01:203:405::2  z    25 s       1420\n"
              "\n"
              "\033[1mLANs\033[0m\n"
              "  \033[2mSITE\033[0m  \033[2mPREFIX\033[0m          \033[2mMAPPED\033[0m         "
              "\033[2mGATEWAY\033[0m        \033[2mNODE\033[0m\n"
              "  s1    192.168.1.0/24  10.200.0.0/24  static-routes  a\n"
              "                                                      192.168.1.2\n"
              "        native from everywhere: the LAN's router has the\n"
              "        routes\n"
              "\n"
              "\033[1mRoutes to enter\033[0m\n"
              "  on s1's router: 10.70.0.0/24 via 192.168.1.2\n");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_everything),
                cmocka_unit_test(test_colours),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
