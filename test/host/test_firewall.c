/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#define _GNU_SOURCE /* unshare */
#include "host/firewall.h"

#include <string.h>
#include <unistd.h>

#include "conf/address.h"
#include "host/filters.h"
#include "test/lib/cmocka.h"
#include "test/lib/netns.h"

enum { PORT = 51820 };

/* Loads a file of test/tables with a program. */
static void load(const char *program, const char *name)
{
        const char *tables = getenv("TL_TABLES");
        char command[512];

        /* The words of a command have no blanks, but a directory may. */
        assert_non_null(tables);
        assert_int_equal(chdir(tables), 0);
        snprintf(command, sizeof(command), "%s %s", program, name);
        run(command);
}

/* New connections into the tunnel, out of it, and to the daemon. */
static struct tl_filter_packets find_packets(enum tl_filter_hook hook, uint8_t family,
                                             bool is_outward)
{
        struct tl_filter_packets packets = {.hook = hook, .family = family};

        if (hook == TL_FILTER_INPUT) {
                packets.protocol = WG_PROTOCOL_UDP;
                packets.port = PORT;
                return packets;
        }
        packets.in = is_outward ? "eth0" : "acme";
        packets.out = is_outward ? "acme" : "eth0";
        return packets;
}

/* Finds the first chain that drops the packets, and describes it. Returns whether there is one. */
static bool is_dropped(const struct tl_filter_packets *packets, char name[TL_FIREWALL_NAME_SIZE],
                       char fix[TL_FIREWALL_FIX_SIZE])
{
        struct tl_filter filter = {0};
        const char *problem = tl_filters_read(&filter, "tieline-acme");
        bool is_dropped = false;

        if (problem)
                fail_msg("%s", problem);
        for (uint32_t i = 0; i < filter.count && !is_dropped; i++) {
                const struct tl_filter_chain *chain = &filter.chains[i];

                if (!tl_filter_sees(chain, packets) ||
                    tl_filter_walk(&filter, chain, packets) != TL_FILTER_DROPPED)
                        continue;
                is_dropped = true;
                tl_firewall_name(name, &filter, chain);
                tl_firewall_fix(fix, &filter, chain, packets, "acme");
        }
        tl_filter_done(&filter);
        return is_dropped;
}

/* A table of others, what it drops, and what lets our packets through. */
static const struct drop {
        const char *program, *file;
        enum tl_filter_hook hook;
        uint8_t family;
        const char *name, *fix;
        const char *instead; /* does the same where the program of the fix is missing; NULL: none */
} drops[] = {
        {"iptables-restore", "docker.rules", TL_FILTER_FORWARD, WG_FAMILY_IPV4,
         "ip filter FORWARD (Docker)",
         "iptables -I DOCKER-USER -i acme -j ACCEPT && "
         "iptables -I DOCKER-USER -o acme -j ACCEPT",
         NULL},
        {"iptables-legacy-restore", "docker.rules", TL_FILTER_FORWARD, WG_FAMILY_IPV4,
         "ip filter FORWARD (Docker)",
         "iptables-legacy -I DOCKER-USER -i acme -j ACCEPT && "
         "iptables-legacy -I DOCKER-USER -o acme -j ACCEPT",
         NULL},
        {"iptables-restore", "ufw.rules", TL_FILTER_FORWARD, WG_FAMILY_IPV4,
         "ip filter FORWARD (ufw)", "ufw route allow in on acme && ufw route allow out on acme",
         "iptables -A ufw-user-forward -i acme -j ACCEPT && "
         "iptables -A ufw-user-forward -o acme -j ACCEPT"},
        {"iptables-restore", "ufw.rules", TL_FILTER_INPUT, WG_FAMILY_IPV4, "ip filter INPUT (ufw)",
         "ufw allow 51820/udp", "iptables -A ufw-user-input -p udp -m udp --dport 51820 -j ACCEPT"},
        {"ip6tables-restore", "ufw6.rules", TL_FILTER_FORWARD, WG_FAMILY_IPV6,
         "ip6 filter FORWARD (ufw)", "ufw route allow in on acme && ufw route allow out on acme",
         "ip6tables -A ufw6-user-forward -i acme -j ACCEPT && "
         "ip6tables -A ufw6-user-forward -o acme -j ACCEPT"},
        {"ip6tables-legacy-restore", "ufw6.rules", TL_FILTER_INPUT, WG_FAMILY_IPV6,
         "ip6 filter INPUT (ufw)", "ufw allow 51820/udp",
         "ip6tables-legacy -A ufw6-user-input -p udp -m udp --dport 51820 -j ACCEPT"},
        {"nft -f", "firewalld.nft", TL_FILTER_FORWARD, WG_FAMILY_IPV4,
         "inet firewalld filter_FORWARD (firewalld)",
         "firewall-cmd --permanent --zone=trusted --add-interface=acme && "
         "firewall-cmd --permanent --new-policy=acme && "
         "firewall-cmd --permanent --policy=acme --add-ingress-zone=ANY && "
         "firewall-cmd --permanent --policy=acme --add-egress-zone=trusted && "
         "firewall-cmd --permanent --policy=acme --set-target=ACCEPT && "
         "firewall-cmd --reload",
         "nft flush ruleset && nft -f firewalld_fixed.nft"},
        {"nft -f", "firewalld.nft", TL_FILTER_INPUT, WG_FAMILY_IPV6,
         "inet firewalld filter_INPUT (firewalld)",
         "firewall-cmd --permanent --add-port=51820/udp && firewall-cmd --reload",
         "nft add rule inet firewalld filter_IN_public_allow udp dport 51820 accept"},
        {"nft -f", "router.nft", TL_FILTER_FORWARD, WG_FAMILY_IPV6, "inet router to_others",
         "nft insert rule inet router to_others 'iifname \"acme\" accept' && "
         "nft insert rule inet router to_others 'oifname \"acme\" accept'",
         NULL},
        {"nft -f", "router.nft", TL_FILTER_INPUT, WG_FAMILY_IPV4, "inet router to_me",
         "nft insert rule inet router to_me 'udp dport 51820 accept'", NULL},
        {"iptables-restore", "bare.rules", TL_FILTER_FORWARD, WG_FAMILY_IPV4, "ip mangle FORWARD",
         "iptables -t mangle -I FORWARD -i acme -j ACCEPT && "
         "iptables -t mangle -I FORWARD -o acme -j ACCEPT",
         NULL},
        {"iptables-restore", "bare.rules", TL_FILTER_INPUT, WG_FAMILY_IPV4, "ip filter INPUT",
         "iptables -t filter -I INPUT -p udp --dport 51820 -j ACCEPT", NULL},
};

static void expect_drop(const struct drop *drop)
{
        struct tl_filter_packets in = find_packets(drop->hook, drop->family, false);
        struct tl_filter_packets out = find_packets(drop->hook, drop->family, true);
        char name[TL_FIREWALL_NAME_SIZE], fix[TL_FIREWALL_FIX_SIZE];

        enter_netns();
        assert_false(is_dropped(&in, name, fix));
        load(drop->program, drop->file);
        /* firewalld lets packets pass from a link without a zone to one with a zone. */
        if (!is_dropped(&out, name, fix))
                fail_msg("%s does not drop", drop->name);
        assert_string_equal(name, drop->name);
        assert_string_equal(fix, drop->fix);
        run(drop->instead ? drop->instead : fix);
        assert_false(is_dropped(&in, name, fix));
        assert_false(is_dropped(&out, name, fix));
}

static void test_drops(void **state WG_UNUSED)
{
        for (size_t i = 0; i < WG_ARRAY_SIZE(drops); i++)
                expect_drop(&drops[i]);
}

/* A chain of a program does not help if the packets do not get there. */
static void test_drops_before(void **state WG_UNUSED)
{
        struct tl_filter_packets in = find_packets(TL_FILTER_FORWARD, WG_FAMILY_IPV4, false);
        char name[TL_FIREWALL_NAME_SIZE], fix[TL_FIREWALL_FIX_SIZE];

        enter_netns();
        load("iptables-restore", "docker.rules");
        run("iptables -I FORWARD -j DROP");
        assert_true(is_dropped(&in, name, fix));
        assert_string_equal(name, "ip filter FORWARD");
        run(fix);
        assert_false(is_dropped(&in, name, fix));
}

/* Tables that drop only what is not ours. */
static void test_harmless(void **state WG_UNUSED)
{
        static const struct {
                const char *program, *file;
        } harmless[] = {{"iptables-restore", "tailscale.rules"},
                        {"iptables-legacy-restore", "tailscale.rules"}};
        char name[TL_FIREWALL_NAME_SIZE], fix[TL_FIREWALL_FIX_SIZE];

        for (size_t i = 0; i < WG_ARRAY_SIZE(harmless); i++) {
                struct tl_filter_packets in = find_packets(TL_FILTER_FORWARD, WG_FAMILY_IPV4,
                                                           false);
                struct tl_filter_packets out = find_packets(TL_FILTER_FORWARD, WG_FAMILY_IPV4,
                                                            true);

                enter_netns();
                load(harmless[i].program, harmless[i].file);
                assert_false(is_dropped(&in, name, fix));
                assert_false(is_dropped(&out, name, fix));
        }
}

/* Reading creates no table: iptables-legacy would, if it were asked about one. */
static void test_changes_nothing(void **state WG_UNUSED)
{
        struct tl_filter filter = {0};

        enter_netns();
        assert_null(tl_filters_read(&filter, NULL));
        assert_int_equal(filter.count, 0);
        run("test -z \"$(nft list ruleset)\" && ! grep . /proc/net/ip_tables_names");
        tl_filter_done(&filter);
}

/* Nothing in a name does anything in a shell. */
static void test_quotes_names(void **state WG_UNUSED)
{
        struct tl_filter_packets packets = find_packets(TL_FILTER_FORWARD, WG_FAMILY_IPV4, false);
        struct tl_filter filter = {0};
        struct tl_filter_chain *chain = tl_filter_add_chain(&filter, "iptables", "ip", "a'b;",
                                                            "$(c)");
        char fix[TL_FIREWALL_FIX_SIZE], name[TL_FIREWALL_NAME_SIZE], longest[1001] = "";

        assert_non_null(chain);
        chain->hook = TL_FILTER_FORWARD;
        tl_firewall_fix(fix, &filter, chain, &packets, "acme");
        assert_string_equal(fix, "iptables -t 'a'\\''b;' -I '$(c)' -i acme -j ACCEPT && "
                                 "iptables -t 'a'\\''b;' -I '$(c)' -o acme -j ACCEPT");
        memset(longest, 'x', sizeof(longest) - 1);
        chain->name = longest;
        tl_firewall_fix(fix, &filter, chain, &packets, "acme");
        assert_string_equal(fix, "accept packets to and from acme in that chain");
        tl_firewall_name(name, &filter, chain);
        assert_int_equal(strlen(name), sizeof(name) - 1);
        tl_filter_done(&filter);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_drops),           cmocka_unit_test(test_drops_before),
                cmocka_unit_test(test_harmless),        cmocka_unit_test(test_quotes_names),
                cmocka_unit_test(test_changes_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
