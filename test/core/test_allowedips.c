/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "core/allowedips.h"

#include <arpa/inet.h>
#include <pthread.h>

#include "base/bytes.h"
#include "test/lib/cmocka.h"
#include "test/lib/env.h"
#include "test/lib/ip.h"

enum { ALIVE = 0xa11fe };

struct wg_peer {
        struct wg_allowed_owner owner;
        struct wg_retired retired;
        _Atomic uint32_t alive;
};

static void init_peer(struct wg_peer *peer)
{
        wg_allowed_owner_init(&peer->owner, peer);
        peer->alive = ALIVE;
}

/* Writes an owner's prefixes in order, as "10.0.0.0/8 ::/0". */
static void list_prefixes(const struct wg_allowed_owner *owner, char *out, size_t size)
{
        const struct wg_list *cursor = NULL;
        struct wg_prefix prefix;
        size_t len = 0, count = 0;

        out[0] = '\0';
        for (; wg_allowed_next(owner, &cursor, &prefix); count++) {
                int family = prefix.ip.family == WG_FAMILY_IPV6 ? AF_INET6 : AF_INET;
                char text[INET6_ADDRSTRLEN];

                assert_non_null(inet_ntop(family, prefix.ip.bytes, text, sizeof(text)));
                len += (size_t)snprintf(out + len, size - len, "%s%s/%u", len ? " " : "", text,
                                        prefix.cidr);
        }
        assert_int_equal(count, owner->count);
}

static void commit(struct wg_allowedips *a)
{
        wg_allowedips_commit(a, SIZE_MAX);
        assert_int_equal(wg_allowedips_commit(a, SIZE_MAX), 0);
}

static void add(struct wg_allowedips *a, struct wg_peer *peer, const struct wg_prefix *prefix)
{
        assert_true(wg_allowedips_reserve(a, 1));
        wg_allowedips_add(a, &peer->owner, prefix);
        commit(a);
}

static bool take_away(struct wg_allowedips *a, struct wg_allowed_owner *owner,
                      const struct wg_prefix *prefix)
{
        bool had = wg_allowedips_remove(a, owner, prefix);

        commit(a);
        return had;
}

static void remove_all(struct wg_allowedips *a, struct wg_allowed_owner *owner)
{
        uint32_t count = owner->count;

        assert_int_equal(wg_allowedips_remove_first(a, owner, SIZE_MAX), count);
        commit(a);
}

static void test_empty(void **state)
{
        static const uint8_t address[16];
        const struct wg_prefix all = {.ip.family = WG_FAMILY_IPV4};
        struct wg_allowedips zeroed = {0}, a;
        const struct wg_list *cursor = NULL;
        struct wg_prefix prefix;
        struct wg_peer peer;
        struct test_env t;

        (void)state;
        test_env_init(&t, 1);
        init_peer(&peer);
        wg_allowedips_done(&zeroed);
        wg_allowedips_init(&a, &t.env);
        assert_null(wg_allowedips_find(&a, WG_FAMILY_IPV4, address));
        assert_null(wg_allowedips_find(&a, WG_FAMILY_IPV6, address));
        assert_false(take_away(&a, &peer.owner, &all));
        assert_false(wg_allowed_next(&peer.owner, &cursor, &prefix));
        remove_all(&a, &peer.owner);
        wg_allowedips_unreserve(&a, SIZE_MAX);
        assert_int_equal(t.blocks, 0);
        wg_allowedips_done(&a);
}

/* A case is a script. A step is a peer, A to D, and: +PREFIX adds; -PREFIX removes; !PREFIX fails
 * to remove; -* removes all; ?ADDRESS belongs to the peer; =LIST are the peer's prefixes, in order
 * (separated by commas). For peer 0, ?ADDRESS belongs to no peer, and #N is the number of nodes. */
static const struct {
        int number;
        const char *what, *script;
} cases[] = {
        {1, "everything, IPv4", "A+0.0.0.0/0 A?0.0.0.0 A?255.255.255.255 0?:: 0#1"},
        {2, "everything, IPv6", "A+::/0 A?:: A?ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 0?0.0.0.0"},
        {3, "one address", "A+10.0.0.1/32 A?10.0.0.1 0?10.0.0.0 0?10.0.0.2 0?138.0.0.1"},
        {4, "one address, IPv6",
         "A+2001:db8::1/128 A?2001:db8::1 0?2001:db8:: 0?2001:db8::3 0?a001:db8::1 "
         "0?2001:db8:0:1::1"},
        {5, "first and last address",
         "A+0.0.0.0/32 B+255.255.255.255/32 A?0.0.0.0 0?0.0.0.1 "
         "B?255.255.255.255 0?255.255.255.254 A+::/128 "
         "B+ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128 A?:: 0?::1 "
         "B?ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
        {6, "host bits are masked",
         "A+10.1.2.3/8 A=10.0.0.0/8 A?10.255.0.0 "
         "B+2001:db8::ffff/65 B=2001:db8::/65 B?2001:db8::7fff:0:0:1 "
         "0?2001:db8::8000:0:0:1 C+1.2.3.4/0 C=0.0.0.0/0 "
         "D+2001:db8::f:ffff/63 D=2001:db8::/63 A-10.3.2.1/8 A="},
        {7, "the longest wins, if the shortest is added first",
         "A+0.0.0.0/0 B+10.0.0.0/8 C+10.1.0.0/16 D+10.1.1.1/32 "
         "A?11.0.0.0 B?10.0.0.0 C?10.1.0.0 D?10.1.1.1 C?10.1.1.0 0#4"},
        {8, "the longest wins, if the longest is added first",
         "D+10.1.1.1/32 C+10.1.0.0/16 B+10.0.0.0/8 A+0.0.0.0/0 "
         "A?11.0.0.0 B?10.0.0.0 C?10.1.0.0 D?10.1.1.1 C?10.1.1.0 0#4"},
        {9, "siblings under glue",
         "A+10.0.0.0/16 B+10.1.0.0/16 A?10.0.9.9 B?10.1.9.9 0?10.2.0.0 "
         "0?11.0.0.0 0#3"},
        {10, "glue becomes a prefix, then glue again",
         "A+10.0.0.0/16 B+10.1.0.0/16 0#3 C+10.0.0.0/15 0#3 A?10.0.0.0 B?10.1.0.0 0?10.2.0.0 "
         "A-10.0.0.0/16 0#2 C?10.0.0.0 A+10.0.0.0/16 C-10.0.0.0/15 0#3 A?10.0.0.0 B?10.1.0.0"},
        {11, "glue is removed with a child",
         "A+10.0.0.0/16 B+10.1.0.0/16 A-10.0.0.0/16 0#1 0?10.0.0.0 B?10.1.0.0 "
         "B-10.1.0.0/16 0#0 0?10.1.0.0"},
        {12, "glue under glue",
         "A+10.0.0.0/24 B+10.0.1.0/24 C+10.1.0.0/24 0#5 A-10.0.0.0/24 0#3 B?10.0.1.1 C?10.1.0.1 "
         "C-10.1.0.0/24 0#1 B?10.0.1.1"},
        {13, "a node in the middle is removed",
         "A+10.0.0.0/8 B+10.1.0.0/16 C+10.1.1.0/24 B-10.1.0.0/16 0#2 A?10.1.0.0 C?10.1.1.0"},
        {14, "a node in the middle with two children stays as glue",
         "A+10.0.0.0/8 B+10.0.0.0/15 C+10.0.0.0/16 D+10.1.0.0/16 B-10.0.0.0/15 0#4 "
         "C?10.0.0.0 D?10.1.0.0 A?10.2.0.0 C-10.0.0.0/16 0#2 A?10.0.0.0 D?10.1.0.0"},
        {15, "a prefix stays when its last child is removed",
         "A+10.0.0.0/8 B+10.1.0.0/16 B-10.1.0.0/16 0#1 A?10.1.0.0"},
        {16, "the root is removed, and its child replaces it",
         "A+0.0.0.0/0 B+10.0.0.0/8 A-0.0.0.0/0 0#1 0?11.0.0.0 B?10.0.0.0"},
        {17, "a prefix moves",
         "A+10.0.0.0/8 A+11.0.0.0/8 B+12.0.0.0/8 B+10.0.0.0/8 B?10.0.0.0 "
         "A=11.0.0.0/8 B=12.0.0.0/8,10.0.0.0/8"},
        {18, "the order of insertion, with mixed families",
         "A+10.0.0.0/8 A+::/0 A+1.0.0.0/8 A+2001:db8::/32 "
         "A=10.0.0.0/8,::/0,1.0.0.0/8,2001:db8::/32"},
        {19, "a prefix added again moves to the end",
         "A+10.0.0.0/8 A+11.0.0.0/8 A+10.0.0.0/8 A=11.0.0.0/8,10.0.0.0/8 A?10.0.0.0 0#3"},
        {20, "moved to another peer and back",
         "A+1.0.0.0/8 A+2.0.0.0/8 B+1.0.0.0/8 A+1.0.0.0/8 "
         "A=2.0.0.0/8,1.0.0.0/8 B="},
        {21, "only the owner can remove, and only exactly this prefix",
         "A+10.0.0.0/8 B!10.0.0.0/8 A!10.0.0.0/9 A!10.0.0.0/7 A!11.0.0.0/8 A!::/0 A!0.0.0.0/0 "
         "A?10.0.0.0 A-10.0.0.0/8 A!10.0.0.0/8"},
        {22, "glue has no owner", "A+10.0.0.0/16 B+10.1.0.0/16 A!10.0.0.0/15 B!10.0.0.0/15"},
        {23, "all prefixes of a peer",
         "A+0.0.0.0/0 B+10.0.0.0/8 A+10.0.0.0/9 B+10.128.0.0/9 A+::/0 B+::/1 "
         "A-* A= B?10.0.0.0 B?10.128.0.0 B?::1 0?9.0.0.0 0?8000:: "
         "B=10.0.0.0/8,10.128.0.0/9,::/1 0#3"},
        {24, "all prefixes of a peer, neighbours under one glue node",
         "A+10.0.0.0/32 A+10.0.0.1/32 A+10.0.0.2/32 A+10.0.0.3/32 0#7 A-* 0#0 0?10.0.0.0"},
        {25, "the 64th bit",
         "A+2001:db8::/63 B+2001:db8:0:1::/64 C+2001:db8:0:1:8000::/65 "
         "A?2001:db8::1 B?2001:db8:0:1::1 C?2001:db8:0:1:8000::1 "
         "0?2001:db8:0:2::1 0#3"},
        {26, "glue at the 64th bit",
         "A+2001:db8:0:1::/65 B+2001:db8:0:1:8000::/65 0#3 "
         "A?2001:db8:0:1:7fff::1 B?2001:db8:0:1:ffff::1 "
         "0?2001:db8::1 A-* 0#1"},
        {27, "halves of the address space",
         "A+0.0.0.0/1 B+128.0.0.0/1 0#3 A?127.255.255.255 B?128.0.0.0 "
         "C+::/1 D+8000::/1 C?7fff:: D?8000::"},
        {28, "families do not mix", "A+10.0.0.0/8 B+a00::/8 A?10.0.0.0 B?a00:: 0?a::1"},
};

static void run_step(struct wg_allowedips *a, struct test_env *t, struct wg_peer *peers,
                     const char *step, const char *where)
{
        struct wg_peer *peer = step[0] == '0' ? NULL : &peers[step[0] - 'A'];
        const char *text = step + 2;
        char list[1024];
        bool is_right = true;
        struct wg_prefix prefix;
        struct wg_ip ip;

        if (strchr(text, '/') && step[1] != '=')
                prefix = test_prefix(text);
        switch (step[1]) {
        case '+':
                add(a, peer, &prefix);
                break;
        case '-':
                if (*text == '*')
                        remove_all(a, &peer->owner);
                else
                        is_right = take_away(a, &peer->owner, &prefix);
                break;
        case '!':
                is_right = !take_away(a, &peer->owner, &prefix);
                break;
        case '?':
                ip = test_ip(text);
                is_right = wg_allowedips_find(a, ip.family, ip.bytes) == peer;
                break;
        case '=':
                list_prefixes(&peer->owner, list, sizeof(list));
                for (char *space = list; (space = strchr(space, ' '));)
                        *space = ',';
                is_right = strcmp(list, text) == 0;
                break;
        case '#':
                wg_allowedips_unreserve(a, SIZE_MAX);
                is_right = t->blocks == (size_t)atoi(text);
                break;
        default:
                is_right = false;
        }
        if (!is_right)
                fail_msg("%s: %s", where, step);
}

static void test_cases(void **state)
{
        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(cases); i++) {
                struct wg_peer peers[4];
                struct wg_allowedips a;
                struct test_env t;
                char script[1024], where[128], *rest = script;

                test_env_init(&t, 1);
                wg_allowedips_init(&a, &t.env);
                for (size_t p = 0; p < WG_ARRAY_SIZE(peers); p++)
                        init_peer(&peers[p]);
                snprintf(where, sizeof(where), "case %d (%s)", cases[i].number, cases[i].what);
                snprintf(script, sizeof(script), "%s", cases[i].script);
                for (char *step; (step = strtok_r(rest, " ", &rest));)
                        run_step(&a, &t, peers, step, where);
                for (size_t p = 0; p < WG_ARRAY_SIZE(peers); p++)
                        remove_all(&a, &peers[p].owner);
                wg_allowedips_done(&a);
                assert_int_equal(t.blocks, 0);
        }
}

static void test_reserve(void **state)
{
        const struct wg_prefix one = {.ip.family = WG_FAMILY_IPV4, .cidr = 1};
        struct wg_allowedips a;
        struct wg_peer peer;
        struct test_env t;
        size_t blocks;

        (void)state;
        test_env_init(&t, 1);
        init_peer(&peer);
        wg_allowedips_init(&a, &t.env);
        assert_true(wg_allowedips_reserve(&a, 0));
        assert_int_equal(t.blocks, 0);
        assert_true(wg_allowedips_reserve(&a, 3));
        blocks = t.blocks;

        /* A failed reserve keeps nothing and loses nothing. */
        t.allocations = 10;
        assert_false(wg_allowedips_reserve(&a, 100));
        assert_false(wg_allowedips_reserve(&a, SIZE_MAX));
        assert_int_equal(t.blocks, blocks);

        /* Reserved memory suffices for the prefixes that need the most nodes. */
        t.allocations = 0;
        for (uint8_t i = 0; i < 3; i++) {
                struct wg_prefix prefix = {.ip = {WG_FAMILY_IPV4, {10, i, i}}, .cidr = 24};

                wg_allowedips_add(&a, &peer.owner, &prefix);
        }
        assert_int_equal(peer.owner.count, 3);
        commit(&a);

        /* Two reserves add up; unused nodes are released. */
        wg_allowedips_unreserve(&a, SIZE_MAX);
        blocks = t.blocks;
        t.allocations = SIZE_MAX;
        assert_true(wg_allowedips_reserve(&a, 2));
        assert_true(wg_allowedips_reserve(&a, 2));
        t.allocations = 0;
        for (int i = 0; i < 4; i++)
                wg_allowedips_add(&a, &peer.owner, &one);
        commit(&a);
        wg_allowedips_unreserve(&a, SIZE_MAX);
        assert_int_equal(t.blocks, blocks + 1);
        remove_all(&a, &peer.owner);
        assert_int_equal(t.blocks, 0);
        wg_allowedips_done(&a);
}

/* Nodes removed from the trie wait for the readers. */
static void test_removal_retires(void **state)
{
        struct wg_prefix left = test_prefix("10.0.0.0/16"), right = test_prefix("10.1.0.0/16");
        struct wg_allowedips a;
        struct wg_peer peer;
        struct test_env t;

        (void)state;
        test_env_init(&t, 1);
        test_env_defer(&t);
        init_peer(&peer);
        wg_allowedips_init(&a, &t.env);
        add(&a, &peer, &left);
        add(&a, &peer, &right);
        wg_allowedips_unreserve(&a, SIZE_MAX);
        assert_int_equal(t.blocks, 3);
        assert_true(take_away(&a, &peer.owner, &left));
        assert_int_equal(t.blocks, 3);
        test_env_undefer(&t);
        assert_int_equal(t.blocks, 1);
        remove_all(&a, &peer.owner);
        wg_allowedips_done(&a);
        assert_int_equal(t.blocks, 0);
}

/* Memory for many prefixes: fewer than two nodes per prefix, 88 bytes each. */
static void test_many(void **state)
{
        enum { MANY = 200000 };
        struct wg_allowedips a;
        struct wg_peer peers[3];
        struct test_env t;

        (void)state;
        test_env_init(&t, 1);
        wg_allowedips_init(&a, &t.env);
        for (size_t p = 0; p < WG_ARRAY_SIZE(peers); p++)
                init_peer(&peers[p]);
        assert_true(wg_allowedips_reserve(&a, MANY));
        for (uint32_t i = 0; i < MANY; i++) {
                struct wg_prefix prefix = {.ip.family = WG_FAMILY_IPV4, .cidr = 32};

                wg_be32_store(prefix.ip.bytes, i * 2654435761u);
                wg_allowedips_add(&a, &peers[i % 3].owner, &prefix);
        }
        commit(&a);
        wg_allowedips_unreserve(&a, SIZE_MAX);
        assert_in_range(t.blocks, MANY, 2 * MANY - 1);
        assert_true(t.bytes <= 88 * t.blocks);
        for (uint32_t i = 0; i < MANY; i++) {
                uint8_t address[4];

                wg_be32_store(address, i * 2654435761u);
                assert_ptr_equal(wg_allowedips_find(&a, WG_FAMILY_IPV4, address), &peers[i % 3]);
        }
        for (size_t p = 0; p < WG_ARRAY_SIZE(peers); p++)
                remove_all(&a, &peers[p].owner);
        assert_int_equal(t.blocks, 0);
        wg_allowedips_done(&a);
}

/* The naive twin: a list of all prefixes, in the order in which they were added. */
enum { TWIN_PEERS = 5, TWIN_MOST = 400 };

struct twin {
        struct {
                struct wg_prefix prefix;
                int peer;
        } row[TWIN_MOST];
        size_t count;
};

static bool has_bit(const struct wg_ip *ip, unsigned int bit)
{
        return ip->bytes[bit / 8] >> (7 - bit % 8) & 1;
}

static bool twin_covers(const struct wg_prefix *prefix, const struct wg_ip *ip)
{
        if (prefix->ip.family != ip->family)
                return false;
        for (unsigned int bit = 0; bit < prefix->cidr; bit++)
                if (has_bit(&prefix->ip, bit) != has_bit(ip, bit))
                        return false;
        return true;
}

static int twin_find(const struct twin *twin, const struct wg_ip *ip)
{
        int peer = -1, longest = -1;

        for (size_t i = 0; i < twin->count; i++)
                if (twin->row[i].prefix.cidr > longest && twin_covers(&twin->row[i].prefix, ip)) {
                        longest = twin->row[i].prefix.cidr;
                        peer = twin->row[i].peer;
                }
        return peer;
}

static void twin_drop(struct twin *twin, size_t i)
{
        twin->count--;
        memmove(&twin->row[i], &twin->row[i + 1], (twin->count - i) * sizeof(twin->row[0]));
}

static size_t twin_place(const struct twin *twin, const struct wg_prefix *prefix)
{
        size_t i = 0;

        while (i < twin->count && (twin->row[i].prefix.cidr != prefix->cidr ||
                                   !twin_covers(&twin->row[i].prefix, &prefix->ip)))
                i++;
        return i;
}

static void twin_add(struct twin *twin, const struct wg_prefix *prefix, int peer)
{
        size_t place = twin_place(twin, prefix);
        struct wg_ip *ip;

        if (place < twin->count)
                twin_drop(twin, place);
        ip = &twin->row[twin->count].prefix.ip;
        twin->row[twin->count].prefix = *prefix;
        twin->row[twin->count++].peer = peer;
        for (unsigned int bit = prefix->cidr; bit < wg_ip_bits(ip); bit++)
                ip->bytes[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
}

static bool twin_remove(struct twin *twin, const struct wg_prefix *prefix, int peer)
{
        size_t place = twin_place(twin, prefix);

        if (place == twin->count || twin->row[place].peer != peer)
                return false;
        twin_drop(twin, place);
        return true;
}

/* Addresses with long common prefixes: a few bits of a few bytes vary, anywhere. */
static struct wg_ip random_ip(struct test_env *t)
{
        struct wg_ip ip = {.family = test_env_below(t, 2) ? WG_FAMILY_IPV4 : WG_FAMILY_IPV6};
        unsigned int bits = wg_ip_bits(&ip);

        for (uint32_t flips = test_env_below(t, 6); flips > 0; flips--) {
                unsigned int bit = test_env_below(t, bits);

                ip.bytes[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
        }
        return ip;
}

static struct wg_prefix random_prefix(struct test_env *t)
{
        struct wg_prefix prefix = {.ip = random_ip(t)};

        prefix.cidr = (uint8_t)test_env_below(t, wg_ip_bits(&prefix.ip) + 1);
        return prefix;
}

static void assert_same_list(const struct wg_allowed_owner *owner, const struct twin *twin,
                             int peer)
{
        const struct wg_list *cursor = NULL;
        struct wg_prefix prefix;
        size_t count = 0;

        for (size_t i = 0; i < twin->count; i++) {
                if (twin->row[i].peer != peer)
                        continue;
                assert_true(wg_allowed_next(owner, &cursor, &prefix));
                assert_true(wg_ip_equal(&prefix.ip, &twin->row[i].prefix.ip));
                assert_int_equal(prefix.cidr, twin->row[i].prefix.cidr);
                count++;
        }
        assert_false(wg_allowed_next(owner, &cursor, &prefix));
        assert_int_equal(owner->count, count);
}

static void twin_step(struct test_env *t, struct wg_allowedips *a, struct wg_peer *peers,
                      struct twin *twin)
{
        int peer = (int)test_env_below(t, TWIN_PEERS);
        uint32_t dice = test_env_below(t, 1000);
        struct wg_prefix prefix = random_prefix(t);

        if (dice < 2) {
                remove_all(a, &peers[peer].owner);
                for (size_t i = twin->count; i-- > 0;)
                        if (twin->row[i].peer == peer)
                                twin_drop(twin, i);
        } else if (dice < 600 && twin->count < TWIN_MOST) {
                add(a, &peers[peer], &prefix);
                twin_add(twin, &prefix, peer);
        } else {
                if (twin->count && dice % 4)
                        prefix = twin->row[test_env_below(t, (uint32_t)twin->count)].prefix;
                assert_int_equal(take_away(a, &peers[peer].owner, &prefix),
                                 twin_remove(twin, &prefix, peer));
        }
}

static void test_twin(void **state)
{
        static struct wg_peer peers[TWIN_PEERS];
        static struct twin twin;
        struct wg_allowedips a;
        struct test_env t;

        (void)state;
        test_env_init(&t, test_seed("allowedips"));
        wg_allowedips_init(&a, &t.env);
        for (int p = 0; p < TWIN_PEERS; p++)
                init_peer(&peers[p]);
        for (int step = 0; step < 40000; step++) {
                twin_step(&t, &a, peers, &twin);
                for (int probe = 0; probe < 4; probe++) {
                        struct wg_ip ip = random_ip(&t);
                        int peer = twin_find(&twin, &ip);

                        assert_ptr_equal(wg_allowedips_find(&a, ip.family, ip.bytes),
                                         peer < 0 ? NULL : &peers[peer]);
                }
                if (step % 64 == 0) {
                        for (int p = 0; p < TWIN_PEERS; p++)
                                assert_same_list(&peers[p].owner, &twin, p);
                        wg_allowedips_unreserve(&a, SIZE_MAX);
                        assert_true(t.blocks <= 2 * twin.count);
                }
        }
        for (int p = 0; p < TWIN_PEERS; p++)
                remove_all(&a, &peers[p].owner);
        wg_allowedips_done(&a);
        assert_int_equal(t.blocks, 0);
}

/* ---- sets of changes ---- */

/* At most one row of the twin per change. */
enum { SETS = 400, PROBES = 60, SET_MOST = 40 };

/* Changes the table by a random number of random steps, without a commit, and the twin with it. */
static void change_set(struct test_env *t, struct wg_allowedips *a, struct wg_peer *peers,
                       struct twin *twin)
{
        for (uint32_t step = test_env_below(t, SET_MOST); step > 0; step--) {
                int peer = (int)test_env_below(t, TWIN_PEERS);
                struct wg_prefix prefix = random_prefix(t);
                uint32_t dice = test_env_below(t, 100);

                if (twin->count && dice % 2)
                        prefix = twin->row[test_env_below(t, (uint32_t)twin->count)].prefix;
                if (dice < 60 && twin->count < TWIN_MOST) {
                        bool is_known = wg_allowedips_is_known(a, &prefix);

                        assert_true(wg_allowedips_reserve(a, !is_known));
                        wg_allowedips_add(a, &peers[peer].owner, &prefix);
                        twin_add(twin, &prefix, peer);
                } else if (dice < 95) {
                        assert_int_equal(wg_allowedips_remove(a, &peers[peer].owner, &prefix),
                                         twin_remove(twin, &prefix, peer));
                } else {
                        wg_allowedips_remove_first(a, &peers[peer].owner, SIZE_MAX);
                        for (size_t i = twin->count; i-- > 0;)
                                if (twin->row[i].peer == peer)
                                        twin_drop(twin, i);
                }
        }
}

/* An address in one of the prefixes, or any address. */
static struct wg_ip pick_probe(struct test_env *t, const struct twin *twin)
{
        struct wg_ip ip = random_ip(t);

        if (twin->count && test_env_below(t, 4)) {
                const struct wg_prefix *in;

                in = &twin->row[test_env_below(t, (uint32_t)twin->count)].prefix;
                if (in->ip.family != ip.family)
                        return in->ip;
                for (unsigned int bit = 0; bit < in->cidr; bit++)
                        if (has_bit(&ip, bit) != has_bit(&in->ip, bit))
                                ip.bytes[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
        }
        return ip;
}

/* While a set is committed step by step, each address has its old peer up to some step, and its new
 * one from then on. Before the first step nothing has changed for readers, but all lists have. */
static void test_each_address_passes_once(void **state)
{
        static struct wg_peer peers[TWIN_PEERS];
        static struct twin before, after;
        struct wg_allowedips a;
        struct test_env t;

        (void)state;
        test_env_init(&t, test_seed("allowedips, sets"));
        wg_allowedips_init(&a, &t.env);
        for (int p = 0; p < TWIN_PEERS; p++)
                init_peer(&peers[p]);
        for (int set = 0; set < SETS; set++) {
                struct wg_ip probes[PROBES];
                int old[PROBES], new[PROBES];
                bool has_passed[PROBES] = {false};
                size_t steps = 0;

                before = after;
                change_set(&t, &a, peers, &after);
                for (int p = 0; p < TWIN_PEERS; p++)
                        assert_same_list(&peers[p].owner, &after, p);
                for (int i = 0; i < PROBES; i++) {
                        probes[i] = pick_probe(&t, i % 2 ? &before : &after);
                        old[i] = twin_find(&before, &probes[i]);
                        new[i] = twin_find(&after, &probes[i]);
                }
                do {
                        for (int i = 0; i < PROBES; i++) {
                                const struct wg_peer *peer = wg_allowedips_find(
                                        &a, probes[i].family, probes[i].bytes);
                                int found = peer ? (int)(peer - peers) : -1;

                                has_passed[i] |= found == new[i];
                                if (found != (steps && has_passed[i] ? new[i] : old[i]))
                                        fail_msg(
                                                "set %d, probe %d, step %zu: %d, expected %d or %d",
                                                set, i, steps, found, old[i], new[i]);
                        }
                        steps++;
                } while (wg_allowedips_commit(&a, 1));
                for (int i = 0; i < PROBES; i++)
                        assert_true(has_passed[i]);
                wg_allowedips_unreserve(&a, SIZE_MAX);
                assert_true(t.blocks <= 2 * after.count);
        }
        for (int p = 0; p < TWIN_PEERS; p++)
                remove_all(&a, &peers[p].owner);
        wg_allowedips_done(&a);
        assert_int_equal(t.blocks, 0);
}

/* A prefix that a set of changes leaves where it was needs no memory and no step that readers could
 * see, and moves to the end of the list. */
static void test_unchanged_prefix(void **state)
{
        struct wg_prefix first = test_prefix("10.0.0.0/8"), second = test_prefix("10.1.0.0/16");
        struct wg_allowedips a;
        struct wg_peer peer;
        struct test_env t;
        char list[64];

        (void)state;
        test_env_init(&t, 1);
        wg_allowedips_init(&a, &t.env);
        init_peer(&peer);
        add(&a, &peer, &first);
        add(&a, &peer, &second);
        wg_allowedips_unreserve(&a, SIZE_MAX);
        t.allocations = 0;
        for (int round = 0; round < 3; round++) {
                assert_int_equal(wg_allowedips_remove_first(&a, &peer.owner, 5), 2);
                assert_true(wg_allowedips_is_known(&a, &second));
                wg_allowedips_add(&a, &peer.owner, &second);
                wg_allowedips_add(&a, &peer.owner, &first);
                assert_ptr_equal(wg_allowedips_find(&a, WG_FAMILY_IPV4, second.ip.bytes), &peer);
                commit(&a);
                list_prefixes(&peer.owner, list, sizeof(list));
                assert_string_equal(list, "10.1.0.0/16 10.0.0.0/8");
                assert_int_equal(a.withdrawals, 0);
        }
        /* Added and removed again before any reader saw it. */
        t.allocations = 2;
        assert_true(wg_allowedips_reserve(&a, 1));
        first.cidr = 9;
        wg_allowedips_add(&a, &peer.owner, &first);
        assert_true(wg_allowedips_remove(&a, &peer.owner, &first));
        commit(&a);
        wg_allowedips_unreserve(&a, SIZE_MAX);
        assert_int_equal(t.blocks, 2);
        remove_all(&a, &peer.owner);
        wg_allowedips_done(&a);
        assert_int_equal(t.blocks, 0);
}

/* One writer and two readers. A few prefixes stay. Others are added and removed above and next to
 * them, but never between them and the addresses looked up, and so are the others' peers. */
enum { PASSING_PEERS = 4, RACE_STEPS = 40000 };

static const struct {
        const char *prefix, *address;
} lasting[] = {
        {"10.64.0.0/10", "10.65.1.1"},     {"10.64.3.0/24", "10.64.3.77"},
        {"10.64.3.8/32", "10.64.3.8"},     {"10.200.0.0/16", "10.200.0.1"},
        {"2001:db8::/32", "2001:db8:1::"}, {"2001:db8:0:7::/64", "2001:db8:0:7::1"},
        {"2001:db8::/127", "2001:db8::1"}, {"192.168.0.0/16", "192.168.255.255"},
};

struct race {
        struct test_env t;
        struct wg_allowedips a;
        struct wg_peer owners[WG_ARRAY_SIZE(lasting)];
        struct wg_prefix prefixes[WG_ARRAY_SIZE(lasting)];
        struct wg_ip addresses[WG_ARRAY_SIZE(lasting)];
        _Atomic bool is_over;
        _Atomic unsigned int mistakes;
};

struct reader {
        struct race *race;
        unsigned int number;
        pthread_t thread;
        struct test_env t; /* for its own random choices */
};

static void *read_on(void *arg)
{
        struct reader *reader = arg;
        struct race *race = reader->race;

        while (!race->is_over) {
                uint32_t i = test_env_below(&reader->t, WG_ARRAY_SIZE(lasting));
                struct wg_ip ip = race->addresses[i];
                uint32_t flip = test_env_below(&reader->t, wg_ip_bits(&ip));
                struct wg_peer *peer;

                if (wg_allowedips_find(&race->a, ip.family, ip.bytes) != &race->owners[i])
                        race->mistakes++;
                ip.bytes[flip / 8] ^= (uint8_t)(0x80 >> flip % 8);
                peer = wg_allowedips_find(&race->a, ip.family, ip.bytes);
                if (peer && peer->alive != ALIVE)
                        race->mistakes++;
                test_env_quiesce(&race->t, reader->number);
        }
        return NULL;
}

/* Picks a prefix that is shorter than the lasting one around an address, or that covers not this
 * address but one that differs in some bit. So it is never a better match for any of the
 * addresses. */
static bool pick_passing(struct race *race, struct wg_prefix *prefix)
{
        uint32_t i = test_env_below(&race->t, WG_ARRAY_SIZE(lasting));
        uint32_t bits = wg_ip_bits(&race->addresses[i]), bit = test_env_below(&race->t, bits);

        prefix->ip = race->addresses[i];
        prefix->ip.bytes[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
        prefix->cidr = (uint8_t)test_env_below(&race->t, bits + 1);
        for (i = 0; i < WG_ARRAY_SIZE(lasting); i++)
                if (prefix->cidr >= race->prefixes[i].cidr &&
                    twin_covers(prefix, &race->addresses[i]))
                        return false;
        return true;
}

static struct wg_peer *new_peer(void)
{
        struct wg_peer *peer = calloc(1, sizeof(*peer));

        assert_non_null(peer);
        init_peer(peer);
        return peer;
}

static void release_peer(struct wg_retired *retired)
{
        struct wg_peer *peer = WG_CONTAINER_OF(retired, struct wg_peer, retired);

        peer->alive = 0;
        free(peer);
}

static void retire_peer(struct race *race, struct wg_peer *peer)
{
        remove_all(&race->a, &peer->owner);
        peer->retired.release = release_peer;
        race->t.env.retire(&race->t, &peer->retired);
}

static void write_on(struct race *race, struct wg_peer *passing[])
{
        for (int step = 0; step < RACE_STEPS; step++) {
                uint32_t i = test_env_below(&race->t, PASSING_PEERS);
                struct wg_prefix prefix;

                if (passing[i]->owner.count > test_env_below(&race->t, 40)) {
                        const struct wg_list *cursor = NULL;

                        assert_true(wg_allowed_next(&passing[i]->owner, &cursor, &prefix));
                        assert_true(take_away(&race->a, &passing[i]->owner, &prefix));
                } else if (pick_passing(race, &prefix)) {
                        add(&race->a, passing[i], &prefix);
                }
                if (test_env_below(&race->t, 200) == 0) {
                        retire_peer(race, passing[i]);
                        passing[i] = new_peer();
                }
                if (step % 8 == 0)
                        test_env_reclaim(&race->t);
        }
}

/* Two readers and a writer. */
static void run_race(const char *name, void (*write)(struct race *race))
{
        static struct race race;
        static struct reader readers[TEST_READERS];

        memset(&race, 0, sizeof(race));
        memset(readers, 0, sizeof(readers));
        test_env_init(&race.t, test_seed(name));
        test_env_defer(&race.t);
        wg_allowedips_init(&race.a, &race.t.env);
        for (size_t i = 0; i < WG_ARRAY_SIZE(lasting); i++) {
                init_peer(&race.owners[i]);
                race.prefixes[i] = test_prefix(lasting[i].prefix);
                race.addresses[i] = test_ip(lasting[i].address);
                add(&race.a, &race.owners[i], &race.prefixes[i]);
        }
        for (unsigned int i = 0; i < TEST_READERS; i++) {
                readers[i].race = &race;
                readers[i].number = i;
                test_env_init(&readers[i].t, i);
                assert_int_equal(pthread_create(&readers[i].thread, NULL, read_on, &readers[i]), 0);
        }
        write(&race);
        race.is_over = true;
        for (unsigned int i = 0; i < TEST_READERS; i++)
                pthread_join(readers[i].thread, NULL);
        assert_int_equal(race.mistakes, 0);

        for (size_t i = 0; i < WG_ARRAY_SIZE(lasting); i++)
                remove_all(&race.a, &race.owners[i].owner);
        wg_allowedips_unreserve(&race.a, SIZE_MAX);
        test_env_undefer(&race.t);
        wg_allowedips_done(&race.a);
        assert_int_equal(race.t.blocks, 0);
}

static void change_around(struct race *race)
{
        struct wg_peer *passing[PASSING_PEERS];

        for (int i = 0; i < PASSING_PEERS; i++)
                passing[i] = new_peer();
        write_on(race, passing);
        for (int i = 0; i < PASSING_PEERS; i++)
                retire_peer(race, passing[i]);
}

static void test_readers_and_writer(void **state)
{
        (void)state;
        run_race("allowedips, threads", change_around);
}

/* ---- a configuration replaced under readers ---- */

/* The lasting addresses keep their peers, through different prefixes in each configuration, among
 * other prefixes that belong to any peer. The peers' lists are cleared and filled again, as by a
 * request with replace_allowed_ips, in every other round with the same prefixes. */
enum { REPLACEMENTS = 2000, AROUND = 6 };

static void drop_all(struct race *race)
{
        for (size_t i = 0; i < WG_ARRAY_SIZE(lasting); i++)
                wg_allowedips_remove_first(&race->a, &race->owners[i].owner, SIZE_MAX);
}

static void make_configuration(struct race *race, struct twin *twin)
{
        twin->count = 0;
        for (uint32_t i = 0; i < WG_ARRAY_SIZE(lasting); i++)
                for (int k = 0; k < AROUND; k++) {
                        struct wg_prefix prefix = {.ip = race->addresses[i]};
                        uint32_t bits = wg_ip_bits(&prefix.ip);

                        prefix.cidr = (uint8_t)(1 + test_env_below(&race->t, bits));
                        twin_add(twin, &prefix,
                                 (int)test_env_below(&race->t, WG_ARRAY_SIZE(lasting)));
                }
        /* The longest one over each address belongs to its peer. Nested ones are few enough for
         * this loop to end. */
        for (uint32_t i = 0; i < WG_ARRAY_SIZE(lasting); i++) {
                struct wg_prefix whole = {.ip = race->addresses[i],
                                          .cidr = (uint8_t)wg_ip_bits(&race->addresses[i])};

                if (twin_find(twin, &race->addresses[i]) != (int)i)
                        twin_add(twin, &whole, (int)i);
        }
}

static void give_configuration(struct race *race, const struct twin *twin)
{
        for (size_t i = 0; i < twin->count; i++) {
                const struct wg_prefix *prefix = &twin->row[i].prefix;
                struct wg_allowedips *a = &race->a;

                assert_true(wg_allowedips_reserve(a, !wg_allowedips_is_known(a, prefix)));
                wg_allowedips_add(a, &race->owners[twin->row[i].peer].owner, prefix);
        }
}

static void replace_on(struct race *race)
{
        static struct twin twin;

        for (int round = 0; round < REPLACEMENTS; round++) {
                if (round % 2 == 0)
                        make_configuration(race, &twin);
                drop_all(race);
                give_configuration(race, &twin);
                while (wg_allowedips_commit(&race->a, 1 + test_env_below(&race->t, 20)))
                        ;
                test_env_reclaim(&race->t);
        }
}

static void test_readers_while_replaced(void **state)
{
        (void)state;
        run_race("allowedips, replaced", replace_on);
}

/* With an argument: runs only the tests whose names match it. */
int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_empty),
                cmocka_unit_test(test_cases),
                cmocka_unit_test(test_reserve),
                cmocka_unit_test(test_removal_retires),
                cmocka_unit_test(test_many),
                cmocka_unit_test(test_twin),
                cmocka_unit_test(test_each_address_passes_once),
                cmocka_unit_test(test_unchanged_prefix),
                cmocka_unit_test(test_readers_and_writer),
                cmocka_unit_test(test_readers_while_replaced),
        };

        if (argc > 1)
                cmocka_set_test_filter(argv[1]);
        return cmocka_run_group_tests_name("allowedips", tests, NULL, NULL);
}
