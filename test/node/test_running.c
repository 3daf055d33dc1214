/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * test_running.c - node/running.h, and how node/diff.h and node/make.h go from one state to
 * another, with the kernel of a network namespace. Without a daemon there is no link; the scenarios
 * have one. */
#define _GNU_SOURCE /* unshare */
#include "node/running.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/netset.h"
#include "node/diff.h"
#include "node/make.h"
#include "node/tags.h"
#include "test/lib/cmocka.h"
#include "test/lib/ip.h"
#include "test/lib/memfile.h"
#include "test/lib/netns.h"

enum { SIZE = 4096 };

#define NAME "tl-test-r"
#define OTHER "tl-test-s"

/* A shell with the numbers of two networks: of their tables, and the metrics of unreachable routes.
 */
static void sh(const char *script)
{
        char text[SIZE];

        snprintf(text, sizeof(text),
                 "set -e; hidden=%u; return=%u; metric=%u; other_hidden=%u; other_metric=%u; %s",
                 tl_nodeplan_table(NAME, TL_PLANNED_HIDDEN),
                 tl_nodeplan_table(NAME, TL_PLANNED_RETURN), tl_tags_metric(NAME),
                 tl_nodeplan_table(OTHER, TL_PLANNED_HIDDEN), tl_tags_metric(OTHER), script);
        run(text);
}

static void enter_machine(void)
{
        enter_netns();
        run("ip link add eth0 type veth peer name peer0 && ip link set peer0 up && "
            "ip link set eth0 up && ip addr add 192.168.200.2/24 dev eth0 && "
            "ip addr add 2001:db8::2/64 dev eth0 nodad");
}

/* What a diff to or from nothing says, without the numbers of tables. */
static char *show(const struct tl_state *from, const struct tl_state *to, char out[SIZE])
{
        char hidden[16], way_back[16];
        struct tl_diff diff;
        FILE *file = test_memfile(out, SIZE);

        snprintf(hidden, sizeof(hidden), "%u", tl_nodeplan_table(NAME, TL_PLANNED_HIDDEN));
        snprintf(way_back, sizeof(way_back), "%u", tl_nodeplan_table(NAME, TL_PLANNED_RETURN));
        assert_true(tl_diff_make(&diff, from, to, NULL));
        for (uint32_t i = 0; i < diff.count; i++) {
                const char *line = tl_diff_text(&diff, i), *at;

                assert_non_null(line);
                if ((at = strstr(line, hidden)))
                        fprintf(file, "%.*sHIDDEN%s\n", (int)(at - line), line,
                                at + strlen(hidden));
                else if ((at = strstr(line, way_back)))
                        fprintf(file, "%.*sRETURN%s\n", (int)(at - line), line,
                                at + strlen(way_back));
                else
                        fprintf(file, "%s\n", line);
        }
        fputc('\0', file);
        fclose(file);
        tl_diff_done(&diff);
        return out;
}

static void expect_running(const char *name, const char *wanted)
{
        static const struct tl_state nothing;
        struct tl_state state;
        char text[SIZE];

        assert_true(tl_running_read(&state, name, NULL));
        assert_string_equal(show(&state, &nothing, text), wanted);
        tl_state_done(&state);
        tl_state_done(&state); /* harmless */
}

/* What a network has, beside what looks much like it. */
static void test_tells_ours(void **state WG_UNUSED)
{
        enter_machine();
        expect_running(NAME, "");
        sh("ip route add unreachable 10.1.0.0/16 metric $metric proto 109;"
           "ip route add unreachable 10.2.0.0/16 metric $other_metric proto 109;"
           "ip route add unreachable 10.3.0.0/16 metric $metric;"
           "ip route add 10.4.0.0/16 dev eth0 proto 109;"
           "ip route add 10.5.0.0/16 via 192.168.200.1 dev eth0 proto 109 table $return mtu 1300;"
           "ip route add 10.5.0.0/16 via 192.168.200.1 dev eth0 table $hidden;"
           "ip route add 10.6.0.0/16 via 192.168.200.1 dev eth0 proto 109 table $other_hidden;"
           "ip route add 10.7.0.0/16 via 192.168.200.1 dev eth0 proto 109 table 7;"
           "ip route add unreachable 10.8.0.0/16 proto 109 table $hidden;"
           "ip -6 route add fd00::/64 via 2001:db8::1 dev eth0 proto 109 table $return");
        sh("ip rule add priority 1090 to 10.5.0.0/16 table $hidden protocol 109;"
           "ip rule add priority 7 from 10.5.0.0/16 iif nolink table $return protocol 109;"
           "ip rule add priority 1090 to 10.5.0.0/16 table $hidden protocol 108;"
           "ip rule add priority 1090 to 10.5.0.0/16 fwmark 7 table $hidden protocol 109;"
           "ip rule add priority 1090 to 10.5.0.0/16 ipproto tcp table $hidden protocol 109;"
           "ip rule add priority 1089 not to 10.5.0.0/16 table $hidden protocol 109;"
           "ip rule add priority 1090 to 10.5.0.0/16 table $other_hidden protocol 109;"
           "ip rule add priority 1090 to 10.5.0.0/16 table main protocol 109;"
           "ip -6 rule add priority 1091 to fd00::/64 iif " NAME " table $return protocol 109");
        expect_running(NAME,
                       "ip rule priority 7 from 10.5.0.0/16 iif nolink lookup RETURN: remove\n"
                       "ip rule priority 1090 from all to 10.5.0.0/16 lookup HIDDEN: remove\n"
                       "ip rule priority 1091 from ::/0 to fd00::/64 iif " NAME
                       " lookup RETURN: remove\n"
                       "route 10.5.0.0/16 via 192.168.200.1 dev eth0 table RETURN: remove\n"
                       "route fd00::/64 via 2001:db8::1 dev eth0 table RETURN: remove\n"
                       "route unreachable 10.8.0.0/16 table HIDDEN: remove\n"
                       "route unreachable 10.1.0.0/16: remove\n");
}

/* Of two networks, neither takes the other's proxy entries, nor those of another program. */
static void test_tells_proxies(void **state WG_UNUSED)
{
        enter_machine();
        sh("ip route add unreachable 192.168.200.64/27 metric $metric proto 109;"
           "ip route add unreachable 192.168.200.96/27 metric $other_metric proto 109;"
           "ip route add unreachable 192.168.200.104/30 metric $metric proto 109;"
           "ip route add unreachable 192.168.200.128/27 metric $metric proto 109;"
           "ip route add unreachable 192.168.200.128/27 metric $other_metric proto 109;"
           "for i in 66 97 105 129 200; do ip neigh add proxy 192.168.200.$i dev eth0 "
           "protocol 109; done;"
           "ip neigh add proxy 192.168.200.67 dev eth0;"
           "ip neigh add proxy 192.168.200.68 dev eth0 protocol 108;"
           "ip -6 neigh add proxy 2001:db8::7 dev eth0 protocol 109");
        expect_running(NAME, "ip neigh proxy 192.168.200.66 dev eth0: remove\n"
                             "ip neigh proxy 192.168.200.105 dev eth0: remove\n"
                             "ip neigh proxy 192.168.200.129 dev eth0: remove\n"
                             "ip neigh proxy 192.168.200.200 dev eth0: remove\n"
                             "ip neigh proxy 2001:db8::7 dev eth0: remove\n"
                             "route unreachable 192.168.200.64/27: remove\n"
                             "route unreachable 192.168.200.104/30: remove\n"
                             "route unreachable 192.168.200.128/27: remove\n");
        expect_running(OTHER, "ip neigh proxy 192.168.200.97 dev eth0: remove\n"
                              "ip neigh proxy 192.168.200.129 dev eth0: remove\n"
                              "ip neigh proxy 192.168.200.200 dev eth0: remove\n"
                              "ip neigh proxy 2001:db8::7 dev eth0: remove\n"
                              "route unreachable 192.168.200.96/27: remove\n"
                              "route unreachable 192.168.200.128/27: remove\n");
}

/* ---- from one state to another ---- */

static struct tl_journal journal = {.name = NAME};

static bool go(struct tl_state *to, const char *wanted)
{
        struct tl_state from;
        struct tl_diff diff;
        struct tl_make make = {.journal = &journal, .from = &from, .to = to, .diff = &diff};
        char text[SIZE];
        bool is_made;

        tl_state_number_tables(to, NAME);
        tl_state_sort(to);
        assert_true(tl_running_read(&from, NAME, NULL));
        if (wanted)
                assert_string_equal(show(&from, to, text), wanted);
        assert_true(tl_diff_make(&diff, &from, to, NULL));
        is_made = tl_make(&make);
        tl_diff_done(&diff);
        tl_state_done(&from);
        return is_made;
}

/* A plan's rules, tables and proxy entries. */
struct wanted {
        struct tl_planned_route routes[5];
        struct tl_rule rules[3];
        struct tl_planned_proxy proxies[3];
        struct tl_state state;
};

static void make_wanted(struct wanted *wanted)
{
        const struct tl_rule rule = {
                .priority = TL_NODEPLAN_PRIORITY,
                .table = tl_nodeplan_table(NAME, TL_PLANNED_HIDDEN),
                .protocol = TL_NODEPLAN_PROTOCOL,
        };

        *wanted = (struct wanted){
                .routes = {{test_prefix("10.1.0.0/16"), TL_PLANNED_UNREACHABLE, TL_PLANNED_HIDDEN,
                            .metric = tl_tags_metric(NAME)},
                           {test_prefix("192.168.200.0/24"), TL_PLANNED_GATEWAY, TL_PLANNED_RETURN,
                            .via = test_ip("192.168.200.1"), .link = "eth0"},
                           {test_prefix("2001:db8::/64"), TL_PLANNED_GATEWAY, TL_PLANNED_RETURN,
                            .metric = TL_NETSET_IPV6_METRIC, .via = test_ip("2001:db8::1"),
                            .link = "eth0", .mtu = 1400},
                           {test_prefix("192.168.200.192/27"), TL_PLANNED_UNREACHABLE,
                            .metric = tl_tags_metric(NAME)},
                           {test_prefix("2001:db8::f00/120"), TL_PLANNED_UNREACHABLE,
                            .metric = tl_tags_metric(NAME)}},
                .rules = {rule, rule, rule},
                .proxies = {{test_ip("192.168.200.200"), "eth0"},
                            {test_ip("192.168.200.201"), "eth0"},
                            {test_ip("2001:db8::f07"), "eth0"}},
        };
        wanted->rules[0].from = test_prefix("10.70.0.3/32");
        wanted->rules[0].to = test_prefix("10.1.0.0/16");
        wanted->rules[0].family = WG_FAMILY_IPV4;
        for (int i = 1; i < 3; i++) {
                wanted->rules[i].priority++;
                wanted->rules[i].table = tl_nodeplan_table(NAME, TL_PLANNED_RETURN);
                snprintf(wanted->rules[i].iif, sizeof(wanted->rules[i].iif), NAME);
                wanted->rules[i].to = wanted->routes[i].prefix;
                wanted->rules[i].family = wanted->rules[i].to.ip.family;
        }
        wanted->state = (struct tl_state){
                .routes = wanted->routes,
                .route_count = WG_ARRAY_SIZE(wanted->routes),
                .rules = wanted->rules,
                .rule_count = WG_ARRAY_SIZE(wanted->rules),
                .proxies = wanted->proxies,
                .proxy_count = WG_ARRAY_SIZE(wanted->proxies),
        };
}

#define ALL \
        "route 192.168.200.0/24 via 192.168.200.1 dev eth0 table RETURN: add\n" \
        "route 2001:db8::/64 via 2001:db8::1 dev eth0 table RETURN: add (mtu 1400)\n" \
        "route unreachable 10.1.0.0/16 table HIDDEN: add\n" \
        "ip rule priority 1090 from 10.70.0.3 to 10.1.0.0/16 lookup HIDDEN: add\n" \
        "ip rule priority 1091 from all to 192.168.200.0/24 iif " NAME " lookup RETURN: add\n" \
        "ip rule priority 1091 from ::/0 to 2001:db8::/64 iif " NAME " lookup RETURN: add\n" \
        "route unreachable 192.168.200.192/27: add\n" \
        "route unreachable 2001:db8::f00/120: add\n" \
        "ip neigh proxy 192.168.200.200 dev eth0: add\n" \
        "ip neigh proxy 192.168.200.201 dev eth0: add\n" \
        "ip neigh proxy 2001:db8::f07 dev eth0: add\n"

/* What is there, but for what the kernel adds itself in its own time. */
static char *picture(char out[SIZE])
{
        FILE *pipe = popen("(ip route show table all; ip -6 route show table all; ip rule; "
                           "ip -6 rule; ip neigh show proxy) | sort | grep -v 'proto kernel'",
                           "r");
        size_t len;

        assert_non_null(pipe);
        len = fread(out, 1, SIZE - 1, pipe);
        assert_true(len > 0 && len < SIZE - 1);
        out[len] = '\0';
        assert_int_equal(pclose(pipe), 0);
        return out;
}

/* Everything is made once, changed, repaired, and leaves nothing. */
static void test_makes_states(void **state WG_UNUSED)
{
        static struct tl_state nothing;
        char before[SIZE], up[SIZE], now[SIZE];
        struct wanted wanted;

        enter_machine();
        picture(before);
        make_wanted(&wanted);
        assert_true(go(&wanted.state, ALL));
        assert_string_not_equal(picture(up), before);
        assert_true(go(&wanted.state, ""));
        wanted.routes[0].via = test_ip("192.168.200.9"); /* sorted by now: it is the first */
        wanted.routes[1].mtu = 0;
        wanted.rules[0].from = test_prefix("10.70.0.0/24");
        wanted.state.proxy_count--;
        assert_true(go(&wanted.state,
                       "ip neigh proxy 2001:db8::f07 dev eth0: remove\n"
                       "ip rule priority 1090 from 10.70.0.3 to 10.1.0.0/16 lookup HIDDEN: remove\n"
                       "route 192.168.200.0/24 via 192.168.200.9 dev eth0 table RETURN: change "
                       "(was via 192.168.200.1 dev eth0)\n"
                       "route 2001:db8::/64 via 2001:db8::1 dev eth0 table RETURN: change "
                       "(mtu 1400 -> that of the link)\n"
                       "ip rule priority 1090 from 10.70.0.0/24 to 10.1.0.0/16 lookup HIDDEN: "
                       "add\n"));
        assert_true(go(&wanted.state, ""));
        make_wanted(&wanted);
        assert_true(go(&wanted.state, NULL));
        assert_string_equal(picture(now), up);
        /* A link that goes down takes its routes and entries with it. */
        run("ip link set eth0 down && ip link set eth0 up && "
            "(ip addr add 2001:db8::2/64 dev eth0 nodad || true)");
        assert_true(go(&wanted.state,
                       "route 192.168.200.0/24 via 192.168.200.1 dev eth0 table RETURN: add\n"
                       "route 2001:db8::/64 via 2001:db8::1 dev eth0 table RETURN: add (mtu 1400)\n"
                       "ip neigh proxy 192.168.200.200 dev eth0: add\n"
                       "ip neigh proxy 192.168.200.201 dev eth0: add\n"
                       "ip neigh proxy 2001:db8::f07 dev eth0: add\n"));
        assert_true(go(&nothing, NULL));
        assert_string_equal(picture(now), before);
}

/* What another program proxies stays its own. */
static void test_spares_others(void **state WG_UNUSED)
{
        static struct tl_state nothing;
        struct wanted wanted;

        enter_machine();
        run("ip neigh add proxy 192.168.200.201 dev eth0 protocol 7");
        make_wanted(&wanted);
        wanted.state.route_count = wanted.state.rule_count = 0;
        assert_true(go(&wanted.state, "ip neigh proxy 192.168.200.200 dev eth0: add\n"
                                      "ip neigh proxy 2001:db8::f07 dev eth0: add\n"));
        assert_true(go(&wanted.state, ""));
        assert_true(go(&nothing, NULL));
        run("test \"$(ip neigh show proxy | sed 's/ *$//')\" = "
            "'192.168.200.201 dev eth0 proxy proto 7'");
}

static void test_failures(void **state WG_UNUSED)
{
        static const char *const links[] = {"nolink", ""};
        struct wanted wanted;

        enter_machine();
        for (size_t i = 0; i < WG_ARRAY_SIZE(links); i++) {
                make_wanted(&wanted);
                wanted.routes[1].link = links[i];
                assert_false(go(&wanted.state, NULL));
                make_wanted(&wanted);
                wanted.proxies[1].link = links[i];
                assert_false(go(&wanted.state, NULL));
        }
        make_wanted(&wanted);
        wanted.routes[1].via = test_ip("203.0.113.7"); /* not on the link */
        assert_false(go(&wanted.state, NULL));
        run("ip neigh show proxy | grep -v dev && exit 1 || true");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_tells_ours),   cmocka_unit_test(test_tells_proxies),
                cmocka_unit_test(test_makes_states), cmocka_unit_test(test_spares_others),
                cmocka_unit_test(test_failures),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
