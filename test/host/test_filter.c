/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "host/filter.h"

#include <stdio.h>
#include <string.h>

#include "conf/address.h"
#include "host/filter_iptables.h"
#include "host/filter_nft.h"
#include "test/lib/cmocka.h"
#include "test/lib/env.h"

#define COMMON "10.70.0.0/24", "192.168.200.0/24"

/* Packets that are forwarded from the link acme to eth0. */
static struct tl_filter_packets packets_from_to(const char *from, const char *to)
{
        struct tl_filter_packets packets = {TL_FILTER_FORWARD, .in = "acme", .out = "eth0"};

        assert_true(tl_address_parse_prefix((struct tl_text){from, strlen(from)}, &packets.from));
        assert_true(tl_address_parse_prefix((struct tl_text){to, strlen(to)}, &packets.to));
        packets.family = packets.from.ip.family;
        return packets;
}

static void expect_fate(int number, struct tl_filter *filter,
                        const struct tl_filter_packets *packets, enum tl_filter_fate fate)
{
        const struct tl_filter_chain *chain = NULL;
        enum tl_filter_fate found;

        for (uint32_t i = 0; !chain && i < filter->count; i++)
                if (tl_filter_sees(&filter->chains[i], packets))
                        chain = &filter->chains[i];
        assert_non_null(chain);
        found = tl_filter_walk(filter, chain, packets);
        if (found != fate)
                fail_msg("case %d: %s", number, tl_filter_fate_text(found));
}

/* Rules of FORWARD, with the policy DROP, and what becomes of 10.70.0.0/24 -> 192.168.200.0/24. */
static const struct {
        const char *rules;
        enum tl_filter_fate fate;
} iptables_cases[] = {
        {"", TL_FILTER_DROPPED},
        {"-A FORWARD -j ACCEPT", TL_FILTER_ACCEPTED},
        {"-A FORWARD -j DROP\n-A FORWARD -j ACCEPT", TL_FILTER_DROPPED},
        {"-A FORWARD -j REJECT --reject-with icmp-port-unreachable\n-A FORWARD -j ACCEPT",
         TL_FILTER_DROPPED},
        {"-A FORWARD -i acme -j ACCEPT", TL_FILTER_ACCEPTED},
        {"-A FORWARD -i acm+ -j ACCEPT", TL_FILTER_ACCEPTED},
        {"-A FORWARD -i + -j ACCEPT", TL_FILTER_ACCEPTED},
        {"-A FORWARD -i acme2 -j ACCEPT", TL_FILTER_DROPPED},
        {"-A FORWARD ! -i acme2 -j ACCEPT", TL_FILTER_ACCEPTED},
        {"-A FORWARD ! -i acme -j ACCEPT", TL_FILTER_DROPPED},
        {"-A FORWARD -i eth0 -o acme -j ACCEPT", TL_FILTER_DROPPED},
        {"-A FORWARD -i acme -o eth0 -j ACCEPT", TL_FILTER_ACCEPTED},
        {"-A FORWARD -s 10.0.0.0/8 -j ACCEPT", TL_FILTER_ACCEPTED},
        {"-A FORWARD -s 10.70.0.0/24 -d 192.168.200.0/24 -j ACCEPT", TL_FILTER_ACCEPTED},
        {"-A FORWARD -s 10.70.0.4/32 -j ACCEPT", TL_FILTER_DROPPED},
        {"-A FORWARD ! -s 10.70.0.4/32 -j ACCEPT", TL_FILTER_DROPPED},
        {"-A FORWARD ! -s 10.71.0.0/24 -j ACCEPT", TL_FILTER_ACCEPTED},
        {"-A FORWARD -s 10.70.0.4/32 -j DROP\n-A FORWARD -j ACCEPT", TL_FILTER_ACCEPTED},
        {"-A FORWARD -p tcp -m tcp --dport 443 -j ACCEPT", TL_FILTER_DROPPED},
        {"-A FORWARD -i acme -p tcp -m tcp --dport 443 -j ACCEPT", TL_FILTER_CHOSEN},
        {"-A FORWARD -i acm+ -p tcp -m multiport --dports 443,80:90 -j ACCEPT", TL_FILTER_DROPPED},
        {"-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT", TL_FILTER_DROPPED},
        {"-A FORWARD -m conntrack --ctstate NEW,ESTABLISHED -j ACCEPT", TL_FILTER_ACCEPTED},
        {"-A FORWARD -m state --state INVALID -j DROP\n-A FORWARD -j ACCEPT", TL_FILTER_ACCEPTED},
        {"-A FORWARD -m mark --mark 0x1 -j ACCEPT", TL_FILTER_DROPPED},
        {"-A FORWARD -m mark --mark 0x1 -j DROP\n-A FORWARD -j ACCEPT", TL_FILTER_ACCEPTED},
        {"-A FORWARD -m comment --comment \"a \\\"b\\\" -j DROP\" -j ACCEPT", TL_FILTER_ACCEPTED},
        {"-A FORWARD -m limit --limit 3/min -j LOG --log-prefix \"x -j ACCEPT \"",
         TL_FILTER_DROPPED},
        {"-A FORWARD -j NFQUEUE --queue-num 0", TL_FILTER_UNCERTAIN},
        {"-A FORWARD -j MARK --set-xmark 0x1/0x1\n-A FORWARD -j ACCEPT", TL_FILTER_ACCEPTED},
        {":one - [0:0]\n-A FORWARD -j one\n-A one -j ACCEPT", TL_FILTER_ACCEPTED},
        {":one - [0:0]\n-A FORWARD -j one\n-A FORWARD -j ACCEPT\n-A one -j RETURN\n-A one -j DROP",
         TL_FILTER_ACCEPTED},
        {":one - [0:0]\n-A FORWARD -g one\n-A FORWARD -j ACCEPT", TL_FILTER_DROPPED},
        {":one - [0:0]\n:two - [0:0]\n-A FORWARD -j one\n-A FORWARD -j ACCEPT\n-A one -g two\n"
         "-A one -j DROP",
         TL_FILTER_ACCEPTED},
        {":one - [0:0]\n-A FORWARD -j one\n-A one -j one", TL_FILTER_UNCERTAIN},
        /* Uncertain returns, jumps and targets. */
        {":one - [0:0]\n-A FORWARD -j one\n-A FORWARD -j ACCEPT\n-A one -m mark --mark 1 -j "
         "RETURN\n"
         "-A one -j DROP",
         TL_FILTER_UNCERTAIN},
        {":one - [0:0]\n-A FORWARD -j one\n-A one -m mark --mark 1 -j RETURN\n-A one -j DROP",
         TL_FILTER_DROPPED},
        {":one - [0:0]\n-A FORWARD -m mark --mark 1 -j one\n-A one -j ACCEPT", TL_FILTER_DROPPED},
        {":one - [0:0]\n-A FORWARD -m mark --mark 1 -g one\n-A FORWARD -j ACCEPT\n-A one -j DROP",
         TL_FILTER_ACCEPTED},
        {":one - [0:0]\n-A FORWARD -m mark --mark 1 -j one\n-A one -i acme -j ACCEPT",
         TL_FILTER_CHOSEN},
        {"-A FORWARD", TL_FILTER_DROPPED},
        {"-A FORWARD -i", TL_FILTER_DROPPED},
        {"-A", TL_FILTER_DROPPED},
        {"-A nowhere -j ACCEPT", TL_FILTER_DROPPED},
        {"garbage", TL_FILTER_DROPPED},
};

static void test_iptables(void **state WG_UNUSED)
{
        struct tl_filter_packets packets = packets_from_to(COMMON);

        for (size_t i = 0; i < WG_ARRAY_SIZE(iptables_cases); i++) {
                struct tl_filter filter = {0};
                char text[512];

                snprintf(text, sizeof(text),
                         "# Generated\n*filter\n:FORWARD DROP [0:0]\n%s\nCOMMIT\n",
                         iptables_cases[i].rules);
                assert_true(tl_filter_read_iptables(&filter, text, WG_FAMILY_IPV4, "iptables"));
                expect_fate((int)i, &filter, &packets, iptables_cases[i].fate);
                tl_filter_done(&filter);
        }
}

#define MATCH(op, left, right) \
        "{\"match\":{\"op\":\"" op "\",\"left\":" left ",\"right\":" right "}}"
#define META(key) "{\"meta\":{\"key\":\"" key "\"}}"
#define FIELD(protocol, field) \
        "{\"payload\":{\"protocol\":\"" protocol "\",\"field\":\"" field "\"}}"
#define CT "{\"ct\":{\"key\":\"state\"}}"
#define ACCEPT "{\"accept\":null}"
#define DROP "{\"drop\":null}"
#define PREFIX(addr, len) "{\"prefix\":{\"addr\":\"" addr "\",\"len\":" len "}}"

/* The statements of the only rule, and what becomes of the same packets with the policy drop. */
static const struct {
        const char *statements;
        enum tl_filter_fate fate;
} nft_cases[] = {
        {ACCEPT, TL_FILTER_ACCEPTED},
        {DROP, TL_FILTER_DROPPED},
        {"{\"counter\":{\"packets\":1,\"bytes\":2}}," ACCEPT, TL_FILTER_ACCEPTED},
        {"{\"reject\":{\"type\":\"icmpx\",\"expr\":\"admin-prohibited\"}}", TL_FILTER_DROPPED},
        {"{\"limit\":{\"rate\":3,\"per\":\"minute\"}}," ACCEPT, TL_FILTER_DROPPED},
        {"{\"queue\":null}", TL_FILTER_UNCERTAIN},
        {MATCH("==", META("iifname"), "\"acme\"") "," ACCEPT, TL_FILTER_ACCEPTED},
        {MATCH("==", META("iifname"), "\"ac*\"") "," ACCEPT, TL_FILTER_ACCEPTED},
        {MATCH("!=", META("iifname"), "\"acme\"") "," ACCEPT, TL_FILTER_DROPPED},
        {MATCH("==", META("oif"), "\"eth1\"") "," ACCEPT, TL_FILTER_DROPPED},
        {MATCH("==", META("oifname"), "{\"set\":[\"eth1\",\"eth0\"]}") "," ACCEPT,
         TL_FILTER_ACCEPTED},
        {MATCH("==", META("oifname"), "\"@links\"") "," ACCEPT, TL_FILTER_ACCEPTED},
        {MATCH("==", META("oifname"), "\"@none\"") "," ACCEPT, TL_FILTER_DROPPED},
        {MATCH("==", META("oifname"), "\"@loop\"") "," ACCEPT, TL_FILTER_DROPPED},
        {MATCH("!=", META("oifname"),
               "\"@none\"") "," DROP "]}},{\"rule\":{\"family\":\"inet\","
                            "\"table\":\"t\",\"chain\":\"c\",\"expr\":[" ACCEPT,
         TL_FILTER_ACCEPTED},
        {MATCH("==", FIELD("ip", "saddr"), PREFIX("10.0.0.0", "8")) "," ACCEPT, TL_FILTER_ACCEPTED},
        {MATCH("==", FIELD("ip", "saddr"),
               "{\"range\":[\"10.70.0.0\",\"10.70.0.254\"]}") "," ACCEPT,
         TL_FILTER_DROPPED},
        {MATCH("==", FIELD("ip6", "saddr"), PREFIX("fd00::", "8")) "," ACCEPT, TL_FILTER_DROPPED},
        {MATCH("!=", FIELD("ip6", "saddr"), PREFIX("fd00::", "8")) "," ACCEPT, TL_FILTER_DROPPED},
        {MATCH("==", FIELD("ip", "daddr"),
               "{\"set\":[{\"elem\":{\"val\":" PREFIX("192.168.200.0",
                                                      "24") ",\"timeout\":9}}]}") "," ACCEPT,
         TL_FILTER_ACCEPTED},
        {MATCH("==", META("nfproto"), "\"ipv4\"") "," ACCEPT, TL_FILTER_ACCEPTED},
        {MATCH("==", META("nfproto"), "\"ipv6\"") "," ACCEPT, TL_FILTER_DROPPED},
        {MATCH("==", META("l4proto"), "\"tcp\"") "," ACCEPT, TL_FILTER_DROPPED},
        {MATCH("==", META("mark"), "7") "," ACCEPT, TL_FILTER_DROPPED},
        {MATCH("==", META("iifname"), "\"acme\"") "," MATCH("==", FIELD("tcp", "dport"),
                                                            "443") "," ACCEPT,
         TL_FILTER_CHOSEN},
        {MATCH("in", CT, "[\"established\",\"related\"]") "," ACCEPT, TL_FILTER_DROPPED},
        {MATCH("in", CT, "[\"established\",\"new\"]") "," ACCEPT, TL_FILTER_ACCEPTED},
        {MATCH("in", CT, "\"new\"") "," ACCEPT, TL_FILTER_ACCEPTED},
        {"{\"vmap\":{\"key\":" CT ",\"data\":{\"set\":[[\"established\"," DROP "],[\"new\"," ACCEPT
         "]]}}}",
         TL_FILTER_ACCEPTED},
        {"{\"vmap\":{\"key\":" META("iifname") ",\"data\":\"@verdicts\"}}", TL_FILTER_ACCEPTED},
        {MATCH("==", META("oifname"),
               "\"eth1\"") ",{\"vmap\":{\"key\":" META("iifname") ",\"data\":\"@verdicts\"}}",
         TL_FILTER_DROPPED},
        {"{\"xt\":{\"type\":\"match\",\"name\":\"owner\"}}," ACCEPT, TL_FILTER_DROPPED},
        {"{\"xt\":{\"type\":\"target\",\"name\":\"LOG\"}}", TL_FILTER_DROPPED},
        {"{\"jump\":{\"target\":\"other\"}}", TL_FILTER_ACCEPTED},
        {"{\"goto\":{\"target\":\"nowhere\"}}", TL_FILTER_UNCERTAIN},
        {"{\"from\":\"the future\"}," ACCEPT, TL_FILTER_ACCEPTED},
        {"", TL_FILTER_DROPPED},
};

#define CHAIN(name, more) \
        "{\"chain\":{\"family\":\"inet\",\"table\":\"t\",\"name\":\"" name "\"" more "}},"
#define BASE ",\"type\":\"filter\",\"hook\":\"forward\",\"prio\":0,\"policy\":\"drop\""
#define RULE(chain) \
        "{\"rule\":{\"family\":\"inet\",\"table\":\"t\",\"chain\":\"" chain "\",\"expr\":["

static void test_nft(void **state WG_UNUSED)
{
        static const char before[] = "{\"nftables\":[{\"metainfo\":{\"version\":\"1.0.6\"}}," CHAIN(
                "c", BASE)
                CHAIN("other",
                      "") "{\"set\":{\"family\":\"inet\",\"table\":\"t\",\"name\":\"links\","
                          "\"elem\":[\"eth0\"]}},"
                          "{\"set\":{\"family\":\"inet\",\"table\":\"u\",\"name\":\"none\","
                          "\"elem\":[\"eth0\"]}},"
                          "{\"set\":{\"family\":\"inet\",\"table\":\"t\",\"name\":\"loop\","
                          "\"elem\":[\"@loop\"]}},"
                          "{\"map\":{\"family\":\"inet\",\"table\":\"t\",\"name\":\"verdicts\","
                          "\"elem\":[[\"acme\",{\"jump\":{\"target\":\"other\"}}]]}}," RULE("other")
                                  ACCEPT "]}}," RULE("c");
        struct tl_filter_packets packets = packets_from_to(COMMON);

        for (size_t i = 0; i < WG_ARRAY_SIZE(nft_cases); i++) {
                struct tl_filter filter = {0};
                char text[2048];

                snprintf(text, sizeof(text), "%s%s]}}]}", before, nft_cases[i].statements);
                assert_true(tl_filter_read_nft(&filter, text, strlen(text), NULL));
                expect_fate((int)i, &filter, &packets, nft_cases[i].fate);
                tl_filter_done(&filter);
        }
}

static void test_refuses_what_is_no_list(void **state WG_UNUSED)
{
        static const char *const texts[] = {"", "{", "[]", "{\"nftables\":7}", "null"};

        for (size_t i = 0; i < WG_ARRAY_SIZE(texts); i++) {
                struct tl_filter filter = {0};

                assert_false(tl_filter_read_nft(&filter, texts[i], strlen(texts[i]), NULL));
                tl_filter_done(&filter);
        }
}

static void test_leaves_out_our_table(void **state WG_UNUSED)
{
        static const char text[] = "{\"nftables\":[" CHAIN(
                "c", BASE) "{\"chain\":{\"family\":\"bridge\",\"table\":\"b\",\"name\":\"c\"}},"
                           "{\"chain\":{\"family\":\"ip6\",\"table\":\"t\",\"name\":\"c\"}}]}";
        struct tl_filter filter = {0};

        assert_true(tl_filter_read_nft(&filter, text, strlen(text), "t"));
        assert_int_equal(filter.count, 1);
        assert_string_equal(filter.chains[0].family, "ip6");
        tl_filter_done(&filter);
}

/* iptables-nft keeps its tables where nft shows them; those of iptables-legacy are others. */
static void test_iptables_replaces_what_nft_shows(void **state WG_UNUSED)
{
        static const char text[] =
                "{\"nftables\":[{\"chain\":{\"family\":\"ip\",\"table\":\"filter\","
                "\"name\":\"FORWARD\",\"hook\":\"forward\",\"policy\":\"drop\"}}]}";
        static const char save[] = "*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD -j ACCEPT\nCOMMIT\n";
        struct tl_filter filter = {0};
        char by_nft[128];

        assert_true(tl_filter_read_nft(&filter, text, strlen(text), NULL));
        assert_true(tl_filter_read_iptables(&filter, save, WG_FAMILY_IPV4, "iptables-legacy"));
        assert_int_equal(filter.count, 2);
        assert_string_equal(filter.chains[0].program, "nft");
        snprintf(by_nft, sizeof(by_nft), "# Generated by iptables-save v1.8.9 (nf_tables) on\n%s",
                 save);
        assert_true(tl_filter_read_iptables(&filter, by_nft, WG_FAMILY_IPV4, "iptables"));
        assert_int_equal(filter.count, 2);
        for (uint32_t i = 0; i < filter.count; i++) {
                assert_string_equal(filter.chains[i].program, i ? "iptables" : "iptables-legacy");
                assert_false(filter.chains[i].drops_by_default);
                assert_int_equal(filter.chains[i].count, 1);
        }
        assert_true(tl_filter_read_iptables(&filter, save, WG_FAMILY_IPV6, "ip6tables"));
        assert_int_equal(filter.count, 3);
        tl_filter_done(&filter);
}

/* ---- a naive twin ---- */

/* Trees of chains: a rule applies, does not, or may, which a bit of `world` then decides. Whether a
 * packet ends in a certain place does not depend on such a bit: a rule that may apply decides
 * nothing itself. The twin tries all worlds. */
enum { CHAINS_MAX = 6, RULES_MAX = 4, UNKNOWNS_MAX = 8 };

struct tree {
        struct tl_filter filter;
        uint32_t chains;   /* made so far */
        uint32_t unknowns; /* rules that may apply */
        uint64_t random;
};

static uint32_t draw(struct tree *tree, uint32_t below)
{
        tree->random = tree->random * 6364136223846793005u + 1442695040888963407u;
        return (uint32_t)(tree->random >> 33) % below;
}

static void add_condition(struct tree *tree, struct tl_filter_rule *rule)
{
        struct tl_filter_condition *condition;
        struct tl_filter_value *value;

        switch (draw(tree, 4)) {
        case 0: /* no link is called so */
                condition = tl_filter_add_condition(&tree->filter, rule, TL_FILTER_OUT);
                assert_non_null(condition);
                value = tl_filter_add_value(&tree->filter, condition);
                assert_non_null(value);
                value->link = "nowhere";
                break;
        case 1:
                if (tree->unknowns == UNKNOWNS_MAX)
                        break;
                assert_non_null(tl_filter_add_condition(&tree->filter, rule, TL_FILTER_UNKNOWN));
                tree->unknowns++;
                break;
        default:
                break;
        }
}

static void grow(struct tree *tree, const char *name)
{
        static const char *const names[] = {"c0", "c1", "c2", "c3", "c4", "c5"};
        uint32_t count = draw(tree, RULES_MAX + 1);

        for (uint32_t i = 0; i < count; i++) {
                struct tl_filter_chain *chain = tl_filter_find(&tree->filter, NULL, NULL, NULL,
                                                               name);
                struct tl_filter_rule *rule = tl_filter_add_rule(&tree->filter, chain);

                assert_non_null(rule);
                add_condition(tree, rule);
                rule->verdict = (enum tl_filter_verdict)draw(tree,
                                                             WG_ENUM_COUNT(tl_filter_verdict));
                if (rule->verdict != TL_FILTER_JUMP && rule->verdict != TL_FILTER_GOTO)
                        continue;
                if (tree->chains == CHAINS_MAX) {
                        rule->verdict = TL_FILTER_CONTINUE;
                        continue;
                }
                rule->target = names[tree->chains++];
                assert_non_null(tl_filter_add_chain(&tree->filter, "nft", "ip", "t", rule->target));
                grow(tree, names[tree->chains - 1]);
        }
}

/* The bit of a rule that may apply; the rules are counted in one order for the whole filter. */
static bool is_set(const struct tl_filter *filter, const struct tl_filter_rule *wanted,
                   uint32_t world)
{
        uint32_t bit = 0;

        for (uint32_t i = 0; i < filter->count; i++)
                for (uint32_t j = 0; j < filter->chains[i].count; j++) {
                        const struct tl_filter_rule *rule = &filter->chains[i].rules[j];

                        if (rule == wanted)
                                return world >> bit & 1;
                        bit += rule->count && rule->conditions[0].subject == TL_FILTER_UNKNOWN;
                }
        return false;
}

/* Walks one packet in one world. Returns how it leaves the chain, and whether that is certain. */
static enum tl_filter_verdict walk_naively(const struct tl_filter *filter, const char *name,
                                           uint32_t world, bool *is_certain)
{
        const struct tl_filter_chain *chain = tl_filter_find(filter, NULL, NULL, NULL, name);
        bool was_certain = *is_certain;

        for (uint32_t i = 0; i < chain->count; i++) {
                const struct tl_filter_rule *rule = &chain->rules[i];
                bool is_unknown = rule->count && rule->conditions[0].subject == TL_FILTER_UNKNOWN;
                enum tl_filter_verdict verdict = rule->verdict;

                if (rule->count && (!is_unknown || !is_set(filter, rule, world)))
                        continue;
                *is_certain = was_certain && !is_unknown;
                if (verdict == TL_FILTER_JUMP || verdict == TL_FILTER_GOTO) {
                        enum tl_filter_verdict end = walk_naively(filter, rule->target, world,
                                                                  is_certain);

                        if (end != TL_FILTER_RETURN || verdict == TL_FILTER_GOTO)
                                return end;
                } else if (verdict != TL_FILTER_CONTINUE) {
                        return verdict;
                }
        }
        *is_certain = was_certain;
        return TL_FILTER_RETURN;
}

static enum tl_filter_fate find_fate(const struct tl_filter *filter, uint32_t unknowns)
{
        bool can_accept = false, can_drop = false, can_differ = false;

        for (uint32_t world = 0; world < 1u << unknowns; world++) {
                bool is_certain = true;
                enum tl_filter_verdict end = walk_naively(filter, "c0", world, &is_certain);

                if (end == TL_FILTER_RETURN)
                        end = TL_FILTER_DROP; /* the policy, which is certain */
                else if (!is_certain)
                        continue;
                can_accept |= end == TL_FILTER_ACCEPT;
                can_drop |= end == TL_FILTER_DROP;
                can_differ |= end == TL_FILTER_OTHER;
        }
        if (can_accept == can_drop || can_differ)
                return TL_FILTER_UNCERTAIN;
        return can_accept ? TL_FILTER_ACCEPTED : TL_FILTER_DROPPED;
}

static void test_as_a_naive_twin(void **state WG_UNUSED)
{
        enum { TREES = 20000 };
        struct tl_filter_packets packets = packets_from_to(COMMON);
        uint64_t seed = test_seed("filter");
        uint32_t fates[WG_ENUM_COUNT(tl_filter_fate)] = {0};

        for (uint32_t i = 0; i < TREES; i++) {
                struct tree tree = {.random = seed + i * 7919u, .chains = 1};
                struct tl_filter_chain *base = tl_filter_add_chain(&tree.filter, "nft", "ip", "t",
                                                                   "c0");
                enum tl_filter_fate found, wanted;

                assert_non_null(base);
                grow(&tree, "c0");
                base = tl_filter_find(&tree.filter, NULL, NULL, NULL, "c0");
                base->hook = TL_FILTER_FORWARD;
                base->drops_by_default = true;
                found = tl_filter_walk(&tree.filter, base, &packets);
                wanted = find_fate(&tree.filter, tree.unknowns);
                if (found != wanted)
                        fail_msg("tree %u: %s, not: %s", i, tl_filter_fate_text(found),
                                 tl_filter_fate_text(wanted));
                fates[found]++;
                tl_filter_done(&tree.filter);
        }
        assert_true(fates[TL_FILTER_ACCEPTED] > TREES / 20);
        assert_true(fates[TL_FILTER_DROPPED] > TREES / 20);
        assert_true(fates[TL_FILTER_UNCERTAIN] > TREES / 20);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_iptables),
                cmocka_unit_test(test_nft),
                cmocka_unit_test(test_refuses_what_is_no_list),
                cmocka_unit_test(test_leaves_out_our_table),
                cmocka_unit_test(test_iptables_replaces_what_nft_shows),
                cmocka_unit_test(test_as_a_naive_twin),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
