/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "node/diff.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/address.h"
#include "conf/text.h"
#include "test/lib/cmocka.h"

enum { SIZE = 4096, MAX = 8 };

/* A state in words: "up mtu=1420 key port=51820 addr=10.70.0.1/32 route=10.70.0.0/24[@MTU]
 * unreachable=10.70.0.0/24 hidden=PREFIX return=PREFIX@ROUTER@LINK rule=FROM@TO iif=TO
 * proxy=IP@LINK other=IP@LINK table=LINE,LINE set=PATH=VALUE[=ONLY_IF] peer=N allowed=10.70.0.2/32
 * endpoint=192.0.2.1:1 keepalive=25 secret". Words after peer=N are about that peer. "": no node.
 */
struct made {
        struct tl_state state;
        struct tl_change device;
        struct tl_planned_address addresses[MAX];
        struct tl_planned_route routes[MAX];
        struct tl_rule rules[MAX];
        struct tl_planned_proxy proxies[MAX], others[MAX];
        struct tl_planned_setting settings[MAX];
        char text[512], form[512];
};

static struct tl_text text_of(const char *text)
{
        return (struct tl_text){text, strlen(text)};
}

static void add_peer_word(struct tl_change *device, const char *word, const char *value)
{
        struct tl_change_peer *peer = tl_change_last_peer(device);
        struct wg_prefix prefix;

        assert_non_null(peer);
        if (strcmp(word, "allowed") == 0) {
                assert_true(tl_address_parse_prefix(text_of(value), &prefix));
                assert_true(tl_change_add_allowed_ip(device, &prefix, false));
        } else if (strcmp(word, "endpoint") == 0) {
                struct tl_text host, port;
                bool is_bracketed;

                peer->has_endpoint = true;
                assert_true(tl_address_split_endpoint(text_of(value), &host, &port, &is_bracketed));
                assert_true(tl_address_parse_ip(host, &peer->endpoint.ip));
                assert_true(tl_address_parse_port(port, &peer->endpoint.port));
        } else if (strcmp(word, "name") == 0) {
                peer->has_endpoint = true; /* one that does not resolve */
        } else if (strcmp(word, "keepalive") == 0) {
                peer->has_persistent_keepalive = true;
                peer->persistent_keepalive_s = (uint16_t)atoi(value);
        } else if (strcmp(word, "secret") == 0) {
                peer->has_preshared_key = true;
                peer->preshared_key[0] = 1;
        } else {
                fail_msg("unknown word %s", word);
        }
}

static void add_setting(struct made *made, char *value)
{
        char *rest = NULL;
        struct tl_planned_setting *setting = &made->settings[made->state.setting_count++];

        setting->path = strtok_r(value, "=", &rest);
        setting->value = strtok_r(NULL, "=", &rest);
        setting->only_if = strtok_r(NULL, "=", &rest);
        if (!setting->value)
                setting->value = "";
}

static struct tl_planned_route *add_route(struct made *made, char *value,
                                          enum tl_planned_route_kind kind)
{
        struct tl_planned_route *route = &made->routes[made->state.route_count++];
        char *rest = NULL, *prefix = strtok_r(value, "@", &rest), *more;

        route->kind = kind;
        assert_true(tl_address_parse_prefix(text_of(prefix), &route->prefix));
        more = strtok_r(NULL, "@", &rest);
        if (more && kind == TL_PLANNED_GATEWAY) {
                assert_true(tl_address_parse_ip(text_of(more), &route->via));
                route->link = strtok_r(NULL, "@", &rest);
        } else if (more) {
                route->mtu = (uint32_t)atoi(more);
        }
        return route;
}

static void add_rule(struct made *made, const char *from, const char *to, const char *iif)
{
        struct tl_rule *rule = &made->rules[made->state.rule_count++];

        rule->priority = TL_NODEPLAN_PRIORITY + !from;
        rule->family = WG_FAMILY_IPV4;
        rule->table = made->state.tables[from ? TL_PLANNED_HIDDEN : TL_PLANNED_RETURN];
        snprintf(rule->iif, sizeof(rule->iif), "%s", iif);
        if (from)
                assert_true(tl_address_parse_prefix(text_of(from), &rule->from));
        assert_true(tl_address_parse_prefix(text_of(to), &rule->to));
}

static void add_proxy(struct tl_planned_proxy *proxy, char *value)
{
        char *link = strchr(value, '@');

        assert_non_null(link);
        *link = '\0';
        assert_true(tl_address_parse_ip(text_of(value), &proxy->ip));
        proxy->link = link + 1;
}

/* Returns false if it is another word. */
static bool add_policy_routing(struct made *made, const char *word, char *value)
{
        struct tl_state *state = &made->state;

        if (strcmp(word, "hidden") == 0) {
                add_route(made, value, TL_PLANNED_LINK)->table = TL_PLANNED_HIDDEN;
        } else if (strcmp(word, "return") == 0) {
                add_route(made, value, TL_PLANNED_GATEWAY)->table = TL_PLANNED_RETURN;
        } else if (strcmp(word, "rule") == 0) {
                char *to = strchr(value, '@');

                assert_non_null(to);
                *to = '\0';
                add_rule(made, value, to + 1, "");
        } else if (strcmp(word, "iif") == 0) {
                add_rule(made, NULL, value, "acme");
        } else if (strcmp(word, "proxy") == 0) {
                add_proxy(&made->proxies[state->proxy_count++], value);
        } else if (strcmp(word, "other") == 0) {
                add_proxy(&made->others[state->other_count++], value);
        } else {
                return false;
        }
        return true;
}

static void add_word(struct made *made, const char *word, char *value)
{
        struct tl_state *state = &made->state;
        struct wg_prefix prefix;
        uint8_t key[TL_CONF_KEY_LEN] = {0};

        if (strcmp(word, "up") == 0) {
                state->has_link = state->is_up = true;
                state->device = &made->device;
        } else if (strcmp(word, "key") == 0) {
                state->has_key = true;
        } else if (strcmp(word, "mtu") == 0) {
                state->mtu = (uint32_t)atoi(value);
        } else if (strcmp(word, "port") == 0) {
                made->device.has_listen_port = true;
                made->device.listen_port = (uint16_t)atoi(value);
        } else if (strcmp(word, "addr") == 0) {
                assert_true(tl_address_parse_prefix(text_of(value), &prefix));
                made->addresses[state->address_count++] = (struct tl_planned_address){prefix.ip,
                                                                                      prefix.cidr};
        } else if (strcmp(word, "route") == 0) {
                add_route(made, value, TL_PLANNED_LINK);
        } else if (strcmp(word, "unreachable") == 0) {
                add_route(made, value, TL_PLANNED_UNREACHABLE);
        } else if (strcmp(word, "table") == 0) {
                snprintf(made->form, sizeof(made->form), "%s,", value);
                for (char *c = made->form; *c; c++)
                        *c = *c == ',' ? '\n' : *c;
                state->table_name = "tieline-test";
                state->table = state->table_form = made->form;
        } else if (strcmp(word, "set") == 0) {
                add_setting(made, value);
        } else if (strcmp(word, "peer") == 0) {
                key[0] = (uint8_t)atoi(value);
                assert_non_null(tl_change_add_peer(&made->device, key));
        } else if (!add_policy_routing(made, word, value)) {
                add_peer_word(&made->device, word, value);
        }
}

static void make(struct made *made, const char *text)
{
        char *rest = NULL;

        memset(made, 0, sizeof(*made));
        tl_change_init(&made->device);
        made->state.addresses = made->addresses;
        made->state.routes = made->routes;
        made->state.rules = made->rules;
        made->state.proxies = made->proxies;
        made->state.others = made->others;
        made->state.settings = made->settings;
        made->state.tables[TL_PLANNED_HIDDEN] = 71;
        made->state.tables[TL_PLANNED_RETURN] = 72;
        snprintf(made->text, sizeof(made->text), "%s", text);
        for (char *word = strtok_r(made->text, " ", &rest); word;
             word = strtok_r(NULL, " ", &rest)) {
                char *value = strchr(word, '=');

                if (value)
                        *value++ = '\0';
                add_word(made, word, value);
        }
        tl_state_sort(&made->state);
}

static void done(struct made *made)
{
        tl_change_done(&made->device);
}

/* Compares two states, and returns the lines of the difference in `out`. */
static void compare(const char *from, const char *to, char out[SIZE])
{
        static struct made a, b;
        struct tl_diff diff;
        size_t len = 0;

        make(&a, from);
        make(&b, to);
        assert_true(tl_diff_make(&diff, &a.state, &b.state, NULL));
        out[0] = '\0';
        for (uint32_t i = 0; i < diff.count; i++)
                len += (size_t)snprintf(out + len, SIZE - len, "%s\n", tl_diff_text(&diff, i));
        tl_diff_done(&diff);
        done(&a);
        done(&b);
}

#define KEY_1 "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define KEY_2 "AgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define WHOLE \
        "up key mtu=1420 port=5 addr=10.70.0.1/32 table=a,b route=10.70.0.0/24 " \
        "unreachable=10.70.0.0/24 set=x=1 peer=1 allowed=10.70.0.2/32 endpoint=192.0.2.1:7"

static const struct {
        const char *from, *to, *lines;
} cases[] = {
        /* nothing differs */
        {"", "", ""},
        {WHOLE, WHOLE, ""},
        {"up key route=10.0.0.0/8 route=11.0.0.0/8", "up key route=11.0.0.0/8 route=10.0.0.0/8",
         ""},
        {"up key peer=1 peer=2", "up key peer=2 peer=1", ""},
        {"up key peer=1 allowed=10.0.0.0/8 allowed=11.0.0.0/8",
         "up key peer=1 allowed=11.0.0.0/8 allowed=10.0.0.0/8", ""},
        /* everything, in the order in which it is made */
        {"set=x=0", WHOLE,
         "nft table inet tieline-test: add\n"
         "daemon tielined: start\n"
         "private key: set\n"
         "UDP port: set (5)\n"
         "MTU: set (1420)\n"
         "address 10.70.0.1/32: add\n"
         "link: set (up)\n"
         "setting x: set (0 -> 1)\n"
         "peer " KEY_1 ": add\n"
         "route unreachable 10.70.0.0/24: add\n"
         "route 10.70.0.0/24: add\n"},
        {WHOLE, "",
         "daemon tielined: stop\n"
         "route unreachable 10.70.0.0/24: remove\n"
         "nft table inet tieline-test: remove\n"},
        /* the link is gone: only what outlives it is left */
        {"unreachable=10.70.0.0/24 table=a", "",
         "route unreachable 10.70.0.0/24: remove\n"
         "nft table inet tieline-test: remove\n"},
        {"unreachable=10.1.0.0/16 hidden=10.2.0.0/16", "unreachable=10.1.0.0/16",
         "route 10.2.0.0/16 table 71: remove\n"},
        /* tables */
        {"up table=a,b,c", "up table=a,c,b",
         "nft table inet tieline-test: replace (the order "
         "differs)\n"},
        {"up table=a,b,c", "up table=a,c",
         "nft table inet tieline-test: replace (1 entry "
         "differs)\n"},
        {"up table=a,b", "up table=x,y,z",
         "nft table inet tieline-test: replace (3 entries "
         "differ)\n"},
        {"up table=a", "up", "nft table inet tieline-test: remove\n"},
        /* peers */
        {"up peer=1", "up peer=2", "peer " KEY_1 ": remove\npeer " KEY_2 ": add\n"},
        {"up peer=1 allowed=10.0.0.0/8", "up peer=1 allowed=10.0.0.0/9 allowed=11.0.0.0/8",
         "peer " KEY_1 ": change (-10.0.0.0/8, +11.0.0.0/8, +10.0.0.0/9)\n"},
        {"up peer=1 keepalive=25", "up peer=1 keepalive=0",
         "peer " KEY_1 ": change (keepalive 0 s)\n"},
        {"up peer=1 keepalive=25", "up peer=1", ""}, /* the plan leaves it open */
        {"up peer=1 endpoint=192.0.2.1:7", "up peer=1", ""},
        {"up peer=1 endpoint=192.0.2.1:7", "up peer=1 name=x", ""},
        {"up peer=1", "up peer=1 endpoint=192.0.2.1:7",
         "peer " KEY_1 ": change (endpoint 192.0.2.1:7)\n"},
        {"up peer=1 endpoint=192.0.2.1:7", "up peer=1 endpoint=192.0.2.1:8",
         "peer " KEY_1 ": change (endpoint 192.0.2.1:8)\n"},
        {"up peer=1 secret", "up peer=1", "peer " KEY_1 ": change (preshared key)\n"},
        /* settings */
        {"up set=x=0 set=y=1", "up set=x=1 set=y=2",
         "setting x: set (0 -> 1)\n"
         "setting y: set (1 -> 2)\n"},
        {"up set=x=1", "up set=x=2=1", "setting x: set (1 -> 2)\n"},
        {"up set=x=0", "up set=x=2=1", ""},
        {"up set=x", "up set=x=2", "setting x: set (2)\n"},
        /* new routes come before old ones go */
        {"up route=10.0.0.0/8 unreachable=10.0.0.0/8", "up route=10.0.0.0/9 unreachable=10.0.0.0/9",
         "route unreachable 10.0.0.0/9: add\n"
         "route 10.0.0.0/9: add\n"
         "route unreachable 10.0.0.0/8: remove\n"
         "route 10.0.0.0/8: remove\n"},
        {"up addr=10.0.0.1/32 mtu=1500", "up addr=10.0.0.2/32 mtu=1280",
         "MTU: set (1500 -> 1280)\naddress 10.0.0.2/32: add\naddress 10.0.0.1/32: remove\n"},
        {"up port=5", "up", ""}, /* any port will do */
        /* forwarding comes after the rules that keep packets from local networks, and they after
         * their routes; proxy entries come last, and go before the routes that they need */
        {"set=net/ipv4/ip_forward=0 set=y=0",
         "up set=net/ipv4/ip_forward=1 set=y=1 peer=1 hidden=10.1.0.0/16 unreachable=10.1.0.0/16 "
         "rule=10.70.0.4/32@10.1.0.0/16 route=10.2.0.0/16 proxy=10.3.0.7@eth0",
         "daemon tielined: start\n"
         "link: set (up)\n"
         "setting y: set (0 -> 1)\n"
         "route 10.1.0.0/16 table 71: add\n"
         "ip rule priority 1090 from 10.70.0.4 to 10.1.0.0/16 lookup 71: add\n"
         "peer " KEY_1 ": add\n"
         "setting net/ipv4/ip_forward: set (0 -> 1)\n"
         "route unreachable 10.1.0.0/16: add\n"
         "route 10.2.0.0/16: add\n"
         "ip neigh proxy 10.3.0.7 dev eth0: add\n"},
        {"up route=10.2.0.0/16 hidden=10.1.0.0/16 rule=10.70.0.0/24@10.1.0.0/16 iif=10.3.0.0/16 "
         "return=10.3.0.0/16@10.3.0.1@eth0 unreachable=10.2.0.0/16 proxy=10.3.0.7@eth0",
         "",
         "ip neigh proxy 10.3.0.7 dev eth0: remove\n"
         "daemon tielined: stop\n"
         "ip rule priority 1090 from 10.70.0.0/24 to 10.1.0.0/16 lookup 71: remove\n"
         "ip rule priority 1091 from all to 10.3.0.0/16 iif acme lookup 72: remove\n"
         "route 10.3.0.0/16 via 10.3.0.1 dev eth0 table 72: remove\n"
         "route unreachable 10.2.0.0/16: remove\n"},
        {"unreachable=10.2.0.0/16 hidden=10.1.0.0/16 rule=10.70.0.0/24@10.1.0.0/16",
         "unreachable=10.4.0.0/16 return=10.3.0.0/16@10.3.0.1@eth0 iif=10.3.0.0/16",
         "ip rule priority 1090 from 10.70.0.0/24 to 10.1.0.0/16 lookup 71: remove\n"
         "route 10.1.0.0/16 table 71: remove\n"
         "route unreachable 10.2.0.0/16: remove\n"
         "route 10.3.0.0/16 via 10.3.0.1 dev eth0 table 72: add\n"
         "ip rule priority 1091 from all to 10.3.0.0/16 iif acme lookup 72: add\n"
         "route unreachable 10.4.0.0/16: add\n"},
        /* a laptop comes into a network that hides a LAN, and leaves it */
        {"up route=10.1.0.0/16", "up hidden=10.1.0.0/16 rule=10.70.0.4/32@10.1.0.0/16",
         "route 10.1.0.0/16 table 71: add\n"
         "ip rule priority 1090 from 10.70.0.4 to 10.1.0.0/16 lookup 71: add\n"
         "route 10.1.0.0/16: remove\n"},
        {"up hidden=10.1.0.0/16 rule=10.70.0.4/32@10.1.0.0/16", "up route=10.1.0.0/16",
         "route 10.1.0.0/16: add\n"
         "ip rule priority 1090 from 10.70.0.4 to 10.1.0.0/16 lookup 71: remove\n"
         "route 10.1.0.0/16 table 71: remove\n"},
        /* ways that differ */
        {"up route=10.1.0.0/16 route=10.2.0.0/16@1400 route=10.3.0.0/16@1400",
         "up route=10.1.0.0/16@1380 route=10.2.0.0/16@1390 route=10.3.0.0/16 "
         "route=10.4.0.0/16@1300",
         "route 10.1.0.0/16: change (mtu 1380)\n"
         "route 10.2.0.0/16: change (mtu 1400 -> 1390)\n"
         "route 10.3.0.0/16: change (mtu 1400 -> that of the link)\n"
         "route 10.4.0.0/16: add (mtu 1300)\n"},
        {"up return=10.3.0.0/16@10.3.0.1@eth0", "up return=10.3.0.0/16@10.3.0.2@eth1",
         "route 10.3.0.0/16 via 10.3.0.2 dev eth1 table 72: change "
         "(was via 10.3.0.1 dev eth0)\n"},
        /* others' proxy entries, on this link and on another */
        {"up proxy=10.3.0.6@eth0 proxy=10.3.0.7@eth0 other=10.3.0.8@eth0 other=10.3.0.9@eth1",
         "up proxy=10.3.0.7@eth0 proxy=10.3.0.8@eth0 proxy=10.3.0.9@eth0",
         "ip neigh proxy 10.3.0.9 dev eth0: add\n"
         "ip neigh proxy 10.3.0.6 dev eth0: remove\n"},
};

static void test_cases(void **state)
{
        char lines[SIZE];

        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(cases); i++) {
                compare(cases[i].from, cases[i].to, lines);
                if (strcmp(lines, cases[i].lines) != 0)
                        fail_msg("case %zu: expected\n%s\nfound\n%s", i, cases[i].lines, lines);
        }
}

/* Words of the bits that are set, in an order that depends on `turn`. */
static void choose(char out[512], unsigned int bits, unsigned int turn)
{
        static const char *const words[] = {
                "route=10.1.0.0/16",
                "route=10.1.2.0/24",
                "unreachable=10.1.0.0/16",
                "route=fd00::/64",
                "addr=10.70.0.1/32",
                "addr=fd00::1/128",
                "peer=1 allowed=10.1.0.0/16",
                "peer=2 allowed=10.2.0.0/16",
                "peer=3 keepalive=25",
                "hidden=10.1.0.0/16",
                "rule=10.70.0.1/32@10.1.0.0/16",
                "proxy=10.3.0.7@eth0",
        };
        size_t len = (size_t)snprintf(out, 512, "up");

        for (unsigned int i = 0; i < WG_ARRAY_SIZE(words); i++) {
                unsigned int word = (unsigned int)((i + turn) % WG_ARRAY_SIZE(words));

                if (bits & 1u << word)
                        len += (size_t)snprintf(out + len, 512 - len, " %s", words[word]);
        }
}

/* The naive twin: each object is in one state, in both, or in neither. */
static void test_sets(void **state)
{
        char from[512], to[512], lines[SIZE];

        (void)state;
        for (unsigned int a = 0; a < 4096; a += 41)
                for (unsigned int b = 0; b < 4096; b += 43) {
                        unsigned int count = 0;

                        choose(from, a, b);
                        choose(to, b, a);
                        compare(from, to, lines);
                        for (const char *c = lines; *c; c++)
                                count += *c == '\n';
                        if (count != (unsigned int)__builtin_popcount(a ^ b))
                                fail_msg("from %s\nto %s\n%s", from, to, lines);
                }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_cases),
                cmocka_unit_test(test_sets),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
