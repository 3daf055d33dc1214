/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#define _GNU_SOURCE

#include "quick/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/wgconf.h"
#include "test/lib/cmocka.h"

#define I "[Interface]\n"
#define P "[Peer]\nPublicKey = xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=\n"
#define Q "[Peer]\nPublicKey = TrMvSoP4jYQlY6RIzBgbssQqY3vxI2Pi+y71lOWWXX0=\n"

static const struct tl_plan_facts facts = {
        .ifname = "wg0",
        .has_nft = true,
        .dns = TL_PLAN_DNS_RESOLVCONF,
        .dns_name = "tun.wg0",
        .path_mtu = 1492,
        .number = 51821,
        .ipv4 = {32763, 32764, 32765, 32766},
        .ipv6 = {32760, 32760, 32761, 32766},
};

struct file {
        struct tl_wgquick quick;
        struct tl_change device;
        char copy[1024];
};

static void file_read(struct file *file, const char *text)
{
        struct tl_mistakes mistakes = {0};

        tl_change_init(&file->device);
        strcpy(file->copy, text);
        assert_true(tl_wgquick_parse(text, strlen(text), &file->quick, &mistakes));
        tl_wgquick_blank(file->copy, strlen(text));
        if (!tl_wgconf_parse(file->copy, strlen(text), &file->device, &mistakes))
                fail_msg("%u: %s", mistakes.first[0].line, mistakes.first[0].message);
}

static void file_done(struct file *file)
{
        tl_wgquick_done(&file->quick);
        tl_change_done(&file->device);
}

/* Writes one line per command, without inputs. Releases the steps. */
static void print_steps(struct tl_steps *steps, FILE *out)
{
        for (uint32_t i = 0; i < steps->count; i++) {
                const struct tl_step *step = &steps->items[i];

                if (step->action == TL_PLAN_MARK)
                        fprintf(out, "mark %u\n", step->number);
                else if (step->action == TL_PLAN_HEED_MARKS)
                        fprintf(out, "heed marks\n");
                else
                        fprintf(out, "%s\n", step->command);
                if (step->undo)
                        fprintf(out, "  undo %s\n", step->undo);
        }
        tl_steps_done(steps);
}

/* Writes the commands of both plans, one per line, without inputs. */
static char *file_dump(const struct file *file, const struct tl_plan_facts *here)
{
        struct tl_steps plan;
        char *text;
        size_t len;
        FILE *out = open_memstream(&text, &len);

        assert_true(tl_plan_up(&plan, &file->quick, &file->device, here));
        print_steps(&plan, out);
        if (tl_plan_has_default(&file->quick, &file->device)) {
                assert_true(tl_plan_defaults(&plan, &file->quick, &file->device, here));
                print_steps(&plan, out);
        }
        fclose(out);
        return text;
}

#define UP "ip link set mtu 1412 up dev wg0\n"
#define CLAIM(f, any, number) "ip " f " route add " any "/0 dev wg0 table " number "\n"
#define RULE(f, priority, rule) \
        "ip " f " rule add priority " priority " " rule " protocol 108\n" \
        "  undo ip " f " rule delete priority " priority " " rule " protocol 108\n"
#define RULES(f, a, b, c, number, mask) \
        RULE(f, a, "fwmark " number mask " goto 32766") \
        RULE(f, b, "not fwmark " number " table main suppress_prefixlength 0") \
        RULE(f, c, "not fwmark " number " table " number)
#define RULES4(number, mask) RULES("-4", "32763", "32764", "32765", number, mask)
#define RULES6(number, mask) RULES("-6", "32760", "32760", "32761", number, mask)
#define MASK "/0xffffff00"
#define VALID_MARK "heed marks\n"
#define FIREWALL(f) "nft -f -\n  undo nft delete table " f " tieline-quick-wg0\n"

static const struct {
        int number;
        const char *text, *plan;
} plans[] = {
        {1, "", UP},
        {2, I "MTU = 1300", "ip link set mtu 1300 up dev wg0\n"},
        {3, I "Address = 10.0.0.1/24, fd00::1/64\nAddress = 10.9.9.9",
         "ip -4 address add 10.0.0.1/24 dev wg0\nip -6 address add fd00::1/64 dev wg0\n"
         "ip -4 address add 10.9.9.9/32 dev wg0\n" UP},
        {4, P "AllowedIPs = 10.0.0.0/8, 10.1.0.0/16, fd00::/64",
         UP "ip -6 route add fd00::/64 dev wg0\nip -4 route add 10.1.0.0/16 dev wg0\n"
            "ip -4 route add 10.0.0.0/8 dev wg0\n"},
        /* Routes that come with an address are not added. */
        {5,
         I "Address = 10.0.0.1/24, 10.9.9.9/32, fd00::1/128\n" P
           "AllowedIPs = 10.0.0.0/24, 10.0.0.7/32, 10.0.0.0/23, 10.9.9.9/32, fd00::1, fd00::2",
         "ip -4 address add 10.0.0.1/24 dev wg0\nip -4 address add 10.9.9.9/32 dev wg0\n"
         "ip -6 address add fd00::1/128 dev wg0\n" UP "ip -6 route add fd00::2/128 dev wg0\n"
         "ip -4 route add 10.9.9.9/32 dev wg0\nip -4 route add 10.0.0.0/23 dev wg0\n"},
        /* A prefix that moves, and one that is taken away. */
        {6, P "AllowedIPs = 10.0.0.0/8, 10.1.0.0/16, -10.1.0.0/16\n" Q "AllowedIPs = 10.0.0.0/8",
         UP "ip -4 route add 10.0.0.0/8 dev wg0\n"},
        {7, I "Table = off\n" P "AllowedIPs = 10.0.0.0/8, 0.0.0.0/0", UP},
        {8, I "Table = 7\n" P "AllowedIPs = 10.0.0.0/8, 0.0.0.0/0, ::/0",
         UP
         "ip -4 route add 10.0.0.0/8 dev wg0 table 7\nip -4 route add 0.0.0.0/0 dev wg0 table 7\n"
         "ip -6 route add ::/0 dev wg0 table 7\n"},
        {9, P "AllowedIPs = 0.0.0.0/0",
         UP "mark 51821\n" CLAIM("-4", "0.0.0.0", "51821") RULES4("51821", MASK)
                 VALID_MARK FIREWALL("ip")},
        {10, I "FwMark = 0x10\n" P "AllowedIPs = ::/0",
         UP CLAIM("-6", "::", "16") RULES6("16", "") FIREWALL("ip6")},
        {11, P "AllowedIPs = 0.0.0.0/0, ::/0, 0.0.0.0/1",
         UP "ip -4 route add 0.0.0.0/1 dev wg0\nmark 51821\n" CLAIM("-4", "0.0.0.0", "51821")
                 CLAIM("-6", "::", "51821") RULES4("51821", MASK) VALID_MARK FIREWALL("ip")
                         RULES6("51821", MASK) FIREWALL("ip6")},
        {12, I "DNS = 10.0.0.9, example.org",
         UP "resolvconf -a tun.wg0 -m 0 -x\n"
            "  undo resolvconf -d tun.wg0 -f\n"},
        {13, I "DNS = example.org", UP},
        /* A default route that is removed again. */
        {14, P "AllowedIPs = 0.0.0.0/0, ::/0, -0.0.0.0/0\n",
         UP "mark 51821\n" CLAIM("-6", "::", "51821") RULES6("51821", MASK) FIREWALL("ip6")},
        {15, P "AllowedIPs = 0.0.0.0/0, -0.0.0.0/0\n", UP},
        /* Networks that begin with 0, for which the kernel makes no route. */
        {16,
         I "Address = 10.7.0.1/0, 10.8.0.1/4, 16.0.0.1/4\n" P
           "AllowedIPs = 10.9.0.0/16, 16.1.0.0/16",
         "ip -4 address add 10.7.0.1/0 dev wg0\nip -4 address add 10.8.0.1/4 dev wg0\n"
         "ip -4 address add 16.0.0.1/4 dev wg0\n" UP "ip -4 route add 10.9.0.0/16 dev wg0\n"},
};

static void test_plans(void **state)
{
        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(plans); i++) {
                struct file file;
                char *dump;

                file_read(&file, plans[i].text);
                dump = file_dump(&file, &facts);
                if (strcmp(dump, plans[i].plan) != 0)
                        fail_msg("case %d: %s", plans[i].number, dump);
                free(dump);
                file_done(&file);
        }
}

static void test_inputs(void **state)
{
        struct tl_steps plan;
        struct file file;

        (void)state;
        file_read(&file,
                  I "Address = 10.0.0.1/24, fd00::1/64\nDNS = 10.0.0.9, fd00::9, a.org b.org\n" P
                    "AllowedIPs = 0.0.0.0/0");
        assert_true(tl_plan_up(&plan, &file.quick, &file.device, &facts));
        assert_string_equal(plan.items[3].input,
                            "nameserver 10.0.0.9\nnameserver fd00::9\nsearch a.org b.org\n");
        tl_steps_done(&plan);
        assert_true(tl_plan_defaults(&plan, &file.quick, &file.device, &facts));
        /* Replaces a table that a crash left. */
        assert_ptr_equal(strstr(plan.items[plan.count - 1].input,
                                "table ip tieline-quick-wg0\ndelete table ip tieline-quick-wg0\n"),
                         plan.items[plan.count - 1].input);
        /* The guard is for the addresses of its family alone. */
        assert_non_null(
                strstr(plan.items[plan.count - 1].input,
                       "iifname != \"wg0\" ip daddr 10.0.0.1 fib saddr type != local drop"));
        assert_null(strstr(plan.items[plan.count - 1].input, "fd00::1"));
        tl_steps_done(&plan);
        file_done(&file);
}

static void test_resolved(void **state)
{
        struct tl_plan_facts resolved = facts;
        struct file file;
        char *dump;

        (void)state;
        resolved.dns = TL_PLAN_DNS_RESOLVED;
        file_read(&file, I "DNS = 10.0.0.9, fd00::9, a.org b.org");
        dump = file_dump(&file, &resolved);
        assert_string_equal(dump, UP "resolvectl dns wg0 10.0.0.9 fd00::9\n"
                                     "  undo resolvectl revert wg0\n"
                                     "resolvectl domain wg0 ~. a.org b.org\n");
        free(dump);
        file_done(&file);
}

/* Without IPv6, only the IPv4 part of a file is planned, and the MTU may be small. */
static void test_without_ipv6(void **state)
{
        struct tl_plan_facts ipv4 = facts;
        struct file file;
        char *dump;

        (void)state;
        ipv4.lacks_ipv6 = true;
        ipv4.dns = TL_PLAN_DNS_RESOLVED;
        file_read(&file,
                  I "Address = fd00::1/64, 10.0.0.1/24\nMTU = 1000\nDNS = fd00::9, 10.0.0.9\n" P
                    "AllowedIPs = fd01::/16, 10.1.0.0/16, ::/0");
        assert_null(tl_plan_objection(&file.quick, &file.device, &ipv4));
        dump = file_dump(&file, &ipv4);
        assert_non_null(strstr(dump, "ip -4 address add 10.0.0.1/24 dev wg0\n"
                                     "ip link set mtu 1000 up dev wg0\n"
                                     "resolvectl dns wg0 10.0.0.9\n"
                                     "  undo resolvectl revert wg0\n"
                                     "resolvectl domain wg0 ~.\n"
                                     "ip -4 route add 10.1.0.0/16 dev wg0\n"));
        assert_null(strstr(dump, "fd0"));
        assert_null(strstr(dump, "-6"));
        free(dump);
        file_done(&file);
}

/* Without nft, iptables drops and marks the same packets. */
static void test_iptables(void **state)
{
#define PACKETS(program, table, chain, rule) \
        program " -w -t " table " -I " chain " -m comment --comment tieline-quick-wg0 " rule "\n" \
                "  undo " program " -w -t " table " -D " chain \
                " -m comment --comment tieline-quick-wg0 " rule "\n"
        struct tl_plan_facts here = facts;
        struct file file;
        char *dump;

        (void)state;
        here.has_nft = false;
        here.has_iptables = true;
        file_read(&file, I "Address = 10.0.0.1/24, fd00::1/64\n" P "AllowedIPs = ::/0");
        assert_null(tl_plan_objection(&file.quick, &file.device, &here));
        dump = file_dump(&file, &here);
        assert_non_null(strstr(
                dump, RULES6("51821", MASK)
                              PACKETS("ip6tables", "raw", "PREROUTING",
                                      "! -i wg0 -d fd00::1 -m addrtype ! --src-type LOCAL -j DROP")
                                      PACKETS("ip6tables", "mangle", "PREROUTING",
                                              "-p udp -m connmark --mark 51821 "
                                              "-j CONNMARK --restore-mark")
                                              PACKETS("ip6tables", "mangle", "POSTROUTING",
                                                      "-p udp -m mark --mark 51821 "
                                                      "-j CONNMARK --save-mark")));
        assert_null(strstr(dump, "nft"));
        assert_null(strstr(dump, "iptables -w -t raw -I PREROUTING -m comment --comment "
                                 "tieline-quick-wg0 ! -i wg0 -d 10."));
        free(dump);
        file_done(&file);
}

/* The known facts about the path, and the resulting MTU. */
static const struct {
        uint32_t path_mtu;
        const char *command;
} mtus[] = {
        {0, "ip link set mtu 1420 up dev wg0"},    {1500, "ip link set mtu 1420 up dev wg0"},
        {9000, "ip link set mtu 8920 up dev wg0"}, {148, "ip link set mtu 68 up dev wg0"},
        {1, "ip link set mtu 68 up dev wg0"},
};

static void test_mtus(void **state)
{
        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(mtus); i++) {
                struct tl_plan_facts way = facts;
                struct tl_steps plan;
                struct file file;

                way.path_mtu = mtus[i].path_mtu;
                file_read(&file, "");
                assert_true(tl_plan_up(&plan, &file.quick, &file.device, &way));
                assert_string_equal(plan.items[0].command, mtus[i].command);
                tl_steps_done(&plan);
                file_done(&file);
        }
}

static const struct {
        int number;
        const char *text;
        bool has_nft, has_dns, is_good;
} objections[] = {
        {1, "", false, false, true},
        {2, I "DNS = 10.0.0.9", true, false, false},
        {3, I "DNS = example.org", true, false, true},
        {4, I "DNS = 10.0.0.9", false, true, true},
        {5, P "AllowedIPs = 10.0.0.0/8", false, false, true},
        {6, P "AllowedIPs = ::/0", false, true, false},
        {7, P "AllowedIPs = ::/0", true, false, true},
        {8, I "Table = off\n" P "AllowedIPs = ::/0", false, false, true},
        {9, I "Table = 7\n" P "AllowedIPs = ::/0", false, false, true},
        {10, I "MTU = 1279\nAddress = fd00::1/64", true, true, false},
        {11, I "MTU = 1280\nAddress = fd00::1/64", true, true, true},
        {12, I "MTU = 1279\n" P "AllowedIPs = fd00::/64", true, true, false},
        {13, I "MTU = 1279\nTable = off\n" P "AllowedIPs = fd00::/64", true, true, true},
        {14, I "MTU = 68\nAddress = 10.0.0.1/24\n" P "AllowedIPs = 0.0.0.0/0", true, true, true},
};

static void test_objections(void **state)
{
        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(objections); i++) {
                const struct tl_plan_facts here = {
                        .has_nft = objections[i].has_nft,
                        .dns = objections[i].has_dns ? TL_PLAN_DNS_RESOLVED : TL_PLAN_DNS_NONE,
                };
                struct file file;

                file_read(&file, objections[i].text);
                if (!tl_plan_objection(&file.quick, &file.device, &here) != objections[i].is_good)
                        fail_msg("case %d", objections[i].number);
                file_done(&file);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_plans),    cmocka_unit_test(test_inputs),
                cmocka_unit_test(test_resolved), cmocka_unit_test(test_without_ipv6),
                cmocka_unit_test(test_mtus),     cmocka_unit_test(test_objections),
                cmocka_unit_test(test_iptables),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
