/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * Tables as text, and whether nft(8) and the kernel accept them. */
#define _GNU_SOURCE /* unshare */

#include "net/ruleset.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test/lib/cmocka.h"
#include "test/lib/netns.h"
#include "test/lib/random_office.h"
#include "test/lib/tool.h"

/* The table of a node, the caller's to free. */
static char *write_table(struct test_office *office, uint32_t node)
{
        struct tl_policy policy;
        struct tl_nodeplan plan;
        char *text;

        assert_true(tl_policy_build(&policy, &office->model, &office->findings));
        assert_true(
                tl_nodeplan_make(&plan, &office->model, &policy, node, NULL, &office->findings));
        text = plan.nft;
        plan.nft = NULL;
        tl_nodeplan_done(&plan);
        tl_policy_done(&policy);
        assert_non_null(text);
        return text;
}

static void check_table(const char *yaml, const char *node, const char *wanted)
{
        struct test_office office;
        uint32_t index = 0;
        char *text;

        test_office_init(&office, yaml);
        while (strcmp(office.model.nodes[index].name, node) != 0)
                index++;
        text = write_table(&office, index);
        if (strcmp(text, wanted) != 0)
                fail_msg("the table of %s is:\n%s", node, text);
        free(text);
        test_office_done(&office);
}

/* ---- exact tables ---- */

#define CLAMP_RULE(direction, family, size) \
        "\t\t" direction " \"acme\" meta nfproto ipv" family \
        " tcp flags syn / syn,rst tcp option maxseg size set " size "\n"

#define CLAMP(size4, size6) \
        "\tchain clamp {\n" \
        "\t\ttype filter hook forward priority mangle; policy accept;\n" CLAMP_RULE( \
                "iifname", "4", size4) CLAMP_RULE("iifname", "6", size6) \
                CLAMP_RULE("oifname", "4", size4) CLAMP_RULE("oifname", "6", size6) "\t}\n"

#define ENTERING(lookups) \
        "\tcounter not-allowed {\n" \
        "\t}\n" \
        "\tchain allowed {\n" \
        "\t\tct state established,related accept\n" lookups \
        "\t\tcounter name \"not-allowed\" drop\n" \
        "\t}\n" \
        "\tchain entering {\n" \
        "\t\ttype filter hook prerouting priority mangle; policy accept;\n" \
        "\t\tiifname \"acme\" jump allowed\n" \
        "\t}\n"

#define SET(name, family, elements) \
        "\tset " name family " {\n" \
        "\t\ttype ipv" family "_addr\n" \
        "\t\tflags interval\n" \
        "\t\telements = {\n" elements "\t\t}\n" \
        "\t}\n"

#define LEAVING(own4, own6) \
        SET("own", "4", own4) \
        SET("own", "6", own6) \
        "\tcounter foreign-source {\n" \
        "\t}\n" \
        "\tchain leaving {\n" \
        "\t\ttype filter hook postrouting priority srcnat + 10; policy accept;\n" \
        "\t\toifname != \"acme\" return\n" \
        "\t\tiifname \"acme\" return\n" \
        "\t\tiif 0 return\n" \
        "\t\tip saddr != @own4 counter name \"foreign-source\" drop\n" \
        "\t\tip6 saddr != @own6 counter name \"foreign-source\" drop\n" \
        "\t}\n"

/* Everything is allowed to destinations inside. */
#define OPEN(inside4, inside6, own4, own6) \
        SET("inside", "4", inside4) \
        SET("inside", "6", inside6) \
        "\tcounter not-inside {\n" \
        "\t}\n" \
        "\tchain entering {\n" \
        "\t\ttype filter hook prerouting priority mangle; policy accept;\n" \
        "\t\tiifname \"acme\" ip daddr != @inside4 counter name \"not-inside\" drop\n" \
        "\t\tiifname \"acme\" ip6 daddr != @inside6 counter name \"not-inside\" drop\n" \
        "\t}\n" LEAVING(own4, own6)

#define MAP(name, family, elements) \
        "\tmap " name family " {\n" \
        "\t\ttype ipv" family "_addr : interval ipv" family "_addr\n" \
        "\t\tflags interval\n" \
        "\t\telements = {\n" elements "\t\t}\n" \
        "\t}\n"

#define DESTINATION_NAT(rules) \
        "\tchain destination_nat {\n" \
        "\t\ttype nat hook prerouting priority dstnat; policy accept;\n" rules "\t}\n"

#define TO_LAN "\t\tiifname \"acme\" dnat ip prefix to ip daddr map @to-lan4\n"

/* Only the mapped prefix of a LAN is translated. */
#define MAPPED(mapped, lan) \
        MAP("to-lan", "4", "\t\t\t" mapped " : " lan ",\n") DESTINATION_NAT(TO_LAN)

static void test_open(void **unused)
{
        (void)unused;
        check_table(TEST_OFFICE_SAMPLE, "e/laptop",
                    "table inet tieline-acme {\n"
                    "}\n");
        check_table(TEST_OFFICE_SAMPLE, "a",
                    "table inet tieline-acme {\n" OPEN(
                            "\t\t\t10.70.0.2/32,\n\t\t\t10.200.0.0/24,\n\t\t\t192.168.201.0/24,\n",
                            "\t\t\tfd01:203:405::2/128,\n",
                            "\t\t\t10.70.0.2/32,\n\t\t\t10.200.0.0/24,\n\t\t\t192.168.201.0/24,\n",
                            "\t\t\tfd01:203:405::2/128,\n") CLAMP("1380", "1360")
                            MAPPED("10.200.0.0/24", "192.168.201.0/24") "}\n");
        check_table(TEST_OFFICE_SAMPLE, "z",
                    "table inet tieline-acme {\n" OPEN(
                            "\t\t\t10.70.0.0/24,\n\t\t\t10.200.0.0/23,\n\t\t\t192.168.200.0/23,\n",
                            "\t\t\tfd01:203:405::/64,\n", "\t\t\t10.70.0.1/32,\n",
                            "\t\t\tfd01:203:405::1/128,\n") CLAMP("1380", "1360") "}\n");
}

#define OFFICE(gateway) \
        "network: acme\n" \
        "addresses: 10.70.0.0/24\n" \
        "hubs:\n" \
        "  z: {endpoint: z.example, key: " TEST_KEY_1 ", mtu: 1480}\n" \
        "sites:\n" \
        "  s1: {lan: [192.168.1.0/24, \"fd77::/64\"], node: a, key: " TEST_KEY_2 "}\n" \
        "  s2: {lan: [192.168.2.0/24, \"fd78::/64\"], node: c, key: " TEST_KEY_3 gateway \
        ", devices: {d: 192.168.2.9}}\n" \
        "people:\n" \
        "  e: {devices: {laptop: {key: " TEST_KEY_4 "}}}\n" \
        "services: {git: {at: d, ports: [443, 22]}}\n"

static void test_snat(void **unused)
{
        (void)unused;
        check_table(OFFICE(", gateway: untouchable"), "c",
                    "table inet tieline-acme {\n" OPEN(
                            "\t\t\t10.70.0.3/32,\n\t\t\t10.200.1.0/24,\n\t\t\t192.168.2.0/24,\n",
                            "\t\t\tfd01:203:405::3/128,\n\t\t\tfd78::/64,\n",
                            "\t\t\t10.70.0.3/32,\n\t\t\t10.200.1.0/24,\n\t\t\t192.168.2.0/24,\n",
                            "\t\t\tfd01:203:405::3/128,\n\t\t\tfd78::/64,\n") CLAMP("1352", "1332")
                            MAPPED("10.200.1.0/24",
                                   "192.168.2.0/24") "\tset snat4 {\n"
                                                     "\t\ttype ipv4_addr . ipv4_addr\n"
                                                     "\t\tflags interval\n"
                                                     "\t\telements = {\n"
                                                     "\t\t\t10.70.0.0/24 . 192.168.2.0/24,\n"
                                                     "\t\t\t192.168.1.0/24 . 192.168.2.0/24,\n"
                                                     "\t\t}\n"
                                                     "\t}\n"
                                                     "\tset snat6 {\n"
                                                     "\t\ttype ipv6_addr . ipv6_addr\n"
                                                     "\t\tflags interval\n"
                                                     "\t\telements = {\n"
                                                     "\t\t\tfd01:203:405::/64 . fd78::/64,\n"
                                                     "\t\t\tfd77::/64 . fd78::/64,\n"
                                                     "\t\t}\n"
                                                     "\t}\n"
                                                     "\tchain source_nat {\n"
                                                     "\t\ttype nat hook postrouting priority "
                                                     "srcnat; policy "
                                                     "accept;\n"
                                                     "\t\tiifname \"acme\" ip saddr . ip daddr "
                                                     "@snat4 masquerade\n"
                                                     "\t\tiifname \"acme\" ip6 saddr . ip6 daddr "
                                                     "@snat6 "
                                                     "masquerade\n"
                                                     "\t}\n"
                                                     "}\n");
}

#define POLICY \
        "policy:\n" \
        "  - {from: e, to: [git, c], ports: [1-400/tcp, 443/tcp]}\n" \
        "  - {from: s1, to: s2, ports: [icmp, 53/udp]}\n" \
        "  - {from: [d, s2], to: people}\n"

static void test_policy(void **unused)
{
        (void)unused;
        check_table(
                OFFICE("") POLICY, "c",
                "table inet tieline-acme {\n"
                "\tset from-e-ports4 {\n"
                "\t\ttype ipv4_addr . inet_proto . inet_service\n"
                "\t\tflags interval\n"
                "\t\telements = {\n"
                "\t\t\t10.70.0.3/32 . tcp . 1-400,\n"
                "\t\t\t10.70.0.3/32 . tcp . 443-443,\n"
                "\t\t\t10.200.1.9/32 . tcp . 22-22,\n"
                "\t\t\t10.200.1.9/32 . tcp . 443-443,\n"
                "\t\t\t192.168.2.9/32 . tcp . 22-22,\n"
                "\t\t\t192.168.2.9/32 . tcp . 443-443,\n"
                "\t\t}\n"
                "\t}\n"
                "\tset from-e-ports6 {\n"
                "\t\ttype ipv6_addr . inet_proto . inet_service\n"
                "\t\tflags interval\n"
                "\t\telements = {\n"
                "\t\t\tfd01:203:405::3/128 . tcp . 1-400,\n"
                "\t\t\tfd01:203:405::3/128 . tcp . 443-443,\n"
                "\t\t}\n"
                "\t}\n"
                "\tchain from-e {\n"
                "\t\tip daddr . meta l4proto . th dport @from-e-ports4 accept\n"
                "\t\tip6 daddr . meta l4proto . th dport @from-e-ports6 accept\n"
                "\t}\n"
                "\tset from-s1-ports4 {\n"
                "\t\ttype ipv4_addr . inet_proto . inet_service\n"
                "\t\tflags interval\n"
                "\t\telements = {\n"
                "\t\t\t10.70.0.3/32 . udp . 53-53,\n"
                "\t\t\t10.200.1.0/24 . udp . 53-53,\n"
                "\t\t\t192.168.2.0/24 . udp . 53-53,\n"
                "\t\t}\n"
                "\t}\n"
                "\tset from-s1-ping4 {\n"
                "\t\ttype ipv4_addr\n"
                "\t\tflags interval\n"
                "\t\telements = {\n"
                "\t\t\t10.70.0.3/32,\n"
                "\t\t\t10.200.1.0/24,\n"
                "\t\t\t192.168.2.0/24,\n"
                "\t\t}\n"
                "\t}\n"
                "\tset from-s1-ports6 {\n"
                "\t\ttype ipv6_addr . inet_proto . inet_service\n"
                "\t\tflags interval\n"
                "\t\telements = {\n"
                "\t\t\tfd01:203:405::3/128 . udp . 53-53,\n"
                "\t\t\tfd78::/64 . udp . 53-53,\n"
                "\t\t}\n"
                "\t}\n"
                "\tset from-s1-ping6 {\n"
                "\t\ttype ipv6_addr\n"
                "\t\tflags interval\n"
                "\t\telements = {\n"
                "\t\t\tfd01:203:405::3/128,\n"
                "\t\t\tfd78::/64,\n"
                "\t\t}\n"
                "\t}\n"
                "\tchain from-s1 {\n"
                "\t\tip daddr . meta l4proto . th dport @from-s1-ports4 accept\n"
                "\t\tip daddr @from-s1-ping4 icmp type echo-request accept\n"
                "\t\tip6 daddr . meta l4proto . th dport @from-s1-ports6 accept\n"
                "\t\tip6 daddr @from-s1-ping6 icmpv6 type echo-request accept\n"
                "\t}\n"
                "\tmap sources4 {\n"
                "\t\ttype ipv4_addr : verdict\n"
                "\t\tflags interval\n"
                "\t\telements = {\n"
                "\t\t\t10.70.0.2 : jump from-s1,\n"
                "\t\t\t10.70.0.4 : jump from-e,\n"
                "\t\t\t10.200.0.0-10.200.0.255 : jump from-s1,\n"
                "\t\t\t192.168.1.0-192.168.1.255 : jump from-s1,\n"
                "\t\t}\n"
                "\t}\n"
                "\tmap sources6 {\n"
                "\t\ttype ipv6_addr : verdict\n"
                "\t\tflags interval\n"
                "\t\telements = {\n"
                "\t\t\tfd01:203:405::2 : jump from-s1,\n"
                "\t\t\tfd01:203:405::4 : jump from-e,\n"
                "\t\t\tfd77::-fd77::ffff:ffff:ffff:ffff : jump from-s1,\n"
                "\t\t}\n"
                "\t}\n" ENTERING(
                        "\t\tip saddr vmap @sources4\n"
                        "\t\tip6 saddr vmap @sources6\n") "\tset own4 {\n"
                                                          "\t\ttype ipv4_addr\n"
                                                          "\t\tflags interval\n"
                                                          "\t\telements = {\n"
                                                          "\t\t\t10.70.0.3/32,\n"
                                                          "\t\t\t10.200.1.0/24,\n"
                                                          "\t\t\t192.168.2.0/24,\n"
                                                          "\t\t}\n"
                                                          "\t}\n"
                                                          "\tset own6 {\n"
                                                          "\t\ttype ipv6_addr\n"
                                                          "\t\tflags interval\n"
                                                          "\t\telements = {\n"
                                                          "\t\t\tfd01:203:405::3/128,\n"
                                                          "\t\t\tfd78::/64,\n"
                                                          "\t\t}\n"
                                                          "\t}\n"
                                                          "\tcounter foreign-source {\n"
                                                          "\t}\n"
                                                          "\tchain leaving {\n"
                                                          "\t\ttype filter hook postrouting "
                                                          "priority srcnat + 10; policy accept;\n"
                                                          "\t\toifname != \"acme\" return\n"
                                                          "\t\tiifname \"acme\" return\n"
                                                          "\t\tiif 0 return\n"
                                                          "\t\tip saddr != @own4 counter name "
                                                          "\"foreign-source\" drop\n"
                                                          "\t\tip6 saddr != @own6 counter name "
                                                          "\"foreign-source\" drop\n"
                                                          "\t}\n" CLAMP("1352", "1332")
                                                                  MAPPED("10.200.1.0/24",
                                                                         "192.168.2.0/24") "}\n");
        check_table(OFFICE("") POLICY, "e/laptop",
                    "table inet tieline-acme {\n"
                    "\tset from-d-any4 {\n"
                    "\t\ttype ipv4_addr\n"
                    "\t\tflags interval\n"
                    "\t\telements = {\n"
                    "\t\t\t10.70.0.4/32,\n"
                    "\t\t}\n"
                    "\t}\n"
                    "\tset from-d-any6 {\n"
                    "\t\ttype ipv6_addr\n"
                    "\t\tflags interval\n"
                    "\t\telements = {\n"
                    "\t\t\tfd01:203:405::4/128,\n"
                    "\t\t}\n"
                    "\t}\n"
                    "\tchain from-d {\n"
                    "\t\tip daddr @from-d-any4 accept\n"
                    "\t\tip6 daddr @from-d-any6 accept\n"
                    "\t}\n"
                    "\tset from-s2-any4 {\n"
                    "\t\ttype ipv4_addr\n"
                    "\t\tflags interval\n"
                    "\t\telements = {\n"
                    "\t\t\t10.70.0.4/32,\n"
                    "\t\t}\n"
                    "\t}\n"
                    "\tset from-s2-any6 {\n"
                    "\t\ttype ipv6_addr\n"
                    "\t\tflags interval\n"
                    "\t\telements = {\n"
                    "\t\t\tfd01:203:405::4/128,\n"
                    "\t\t}\n"
                    "\t}\n"
                    "\tchain from-s2 {\n"
                    "\t\tip daddr @from-s2-any4 accept\n"
                    "\t\tip6 daddr @from-s2-any6 accept\n"
                    "\t}\n"
                    "\tchain class1 {\n"
                    "\t\tjump from-d\n"
                    "\t\tjump from-s2\n"
                    "\t}\n"
                    "\tmap sources4 {\n"
                    "\t\ttype ipv4_addr : verdict\n"
                    "\t\tflags interval\n"
                    "\t\telements = {\n"
                    "\t\t\t10.70.0.3 : jump from-s2,\n"
                    "\t\t\t10.200.1.0-10.200.1.8 : jump from-s2,\n"
                    "\t\t\t10.200.1.9 : jump class1,\n"
                    "\t\t\t10.200.1.10-10.200.1.255 : jump from-s2,\n"
                    "\t\t\t192.168.2.0-192.168.2.8 : jump from-s2,\n"
                    "\t\t\t192.168.2.9 : jump class1,\n"
                    "\t\t\t192.168.2.10-192.168.2.255 : jump from-s2,\n"
                    "\t\t}\n"
                    "\t}\n"
                    "\tmap sources6 {\n"
                    "\t\ttype ipv6_addr : verdict\n"
                    "\t\tflags interval\n"
                    "\t\telements = {\n"
                    "\t\t\tfd01:203:405::3 : jump from-s2,\n"
                    "\t\t\tfd78::-fd78::ffff:ffff:ffff:ffff : jump from-s2,\n"
                    "\t\t}\n"
                    "\t}\n" ENTERING("\t\tip saddr vmap @sources4\n"
                                     "\t\tip6 saddr vmap @sources6\n") "}\n");
        check_table(OFFICE("") "policy: []\n", "e/laptop",
                    "table inet tieline-acme {\n" ENTERING("") "}\n");
}

/* A hub has the addresses of `people' once. */
static void test_words(void **unused)
{
        (void)unused;
        check_table(
                OFFICE("") "policy:\n"
                           "  - {from: d, to: people, ports: [icmp, 22, 80-90/udp]}\n"
                           "  - {from: d, to: people, ports: [23/tcp, 85-95/udp]}\n"
                           "  - {from: e, to: people}\n",
                "z",
                "table inet tieline-acme {\n" SET("to-people", "4", "\t\t\t10.70.0.4/32,\n") SET(
                        "to-people", "6",
                        "\t\t\tfd01:203:405::4/128,\n") "\tchain from-d {\n"
                                                        "\t\tip daddr @to-people4 icmp type "
                                                        "echo-request accept\n"
                                                        "\t\tip daddr @to-people4 meta l4proto . "
                                                        "th dport { tcp . 22-23, udp . 80-95 } "
                                                        "accept\n"
                                                        "\t\tip6 daddr @to-people6 icmpv6 type "
                                                        "echo-request accept\n"
                                                        "\t\tip6 daddr @to-people6 meta l4proto . "
                                                        "th dport { tcp . 22-23, udp . 80-95 } "
                                                        "accept\n"
                                                        "\t}\n"
                                                        "\tchain from-e {\n"
                                                        "\t\tip daddr @to-people4 accept\n"
                                                        "\t\tip6 daddr @to-people6 accept\n"
                                                        "\t}\n"
                                                        "\tmap sources4 {\n"
                                                        "\t\ttype ipv4_addr : verdict\n"
                                                        "\t\tflags interval\n"
                                                        "\t\telements = {\n"
                                                        "\t\t\t10.70.0.4 : jump from-e,\n"
                                                        "\t\t\t10.200.1.9 : jump from-d,\n"
                                                        "\t\t\t192.168.2.9 : jump from-d,\n"
                                                        "\t\t}\n"
                                                        "\t}\n"
                                                        "\tmap sources6 {\n"
                                                        "\t\ttype ipv6_addr : verdict\n"
                                                        "\t\tflags interval\n"
                                                        "\t\telements = {\n"
                                                        "\t\t\tfd01:203:405::4 : jump from-e,\n"
                                                        "\t\t}\n"
                                                        "\t}\n" ENTERING(
                                                                "\t\tip saddr vmap @sources4\n"
                                                                "\t\tip6 saddr vmap @sources6\n")
                                                                LEAVING("\t\t\t10.70.0.1/32,\n",
                                                                        "\t\t\tfd01:203:405::1/"
                                                                        "128,\n")
                                                                        CLAMP("1360",
                                                                              "1340") "}\n");
}

/* ---- what nft(8) and the kernel say ---- */

/* Loads tables of one name, one after the other, in one transaction. */
static void load(struct test_office *office, const char *file)
{
        FILE *nft = popen("nft -f -", "w");

        assert_non_null(nft);
        for (uint32_t i = 0; i < office->model.node_count; i++) {
                char *text = write_table(office, i);

                fprintf(nft, "%sdelete table inet tieline-acme\n", text);
                free(text);
        }
        if (pclose(nft) != 0)
                fail_msg("nft refuses a table of this network:\n%s", file);
}

static void test_kernel(void **unused)
{
        static char file[RANDOM_OFFICE_SIZE];
        uint64_t state = random_office_seed();

        (void)unused;
        enter_netns();
        for (unsigned int round = 0; round < 20; round++) {
                struct test_office office;

                random_office_write(file, &state, round % 8 != 0, false);
                test_office_init(&office, file);
                load(&office, file);
                test_office_done(&office);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_open),   cmocka_unit_test(test_snat),
                cmocka_unit_test(test_policy), cmocka_unit_test(test_words),
                cmocka_unit_test(test_kernel),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
