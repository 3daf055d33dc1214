/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "daemon/apply.h"

#include <errno.h>
#include <stdio.h>

#include "conf/uapi.h"
#include "test/lib/cmocka.h"
#include "test/lib/device.h"
#include "test/lib/env.h"
#include "test/lib/heap.h"
#include "test/lib/with_crypto.h"

static void begin_device(struct test_device *device, struct test_env *t)
{
        assert_true(test_device_init(device, &t->env));
}

static void end_device(struct test_device *device, struct test_env *t)
{
        test_device_done(device);
        assert_int_equal(t->blocks, 0);
}

/* ---- the naive twin: only settings, in order ---- */

enum { KEYS = 12, PREFIXES = 40 };

struct twin_peer {
        uint8_t key;   /* index into KEYS; the public key's first byte minus 1 */
        uint8_t psk;   /* first byte of the preshared key */
        uint16_t port; /* of the endpoint; 0: there is none */
        uint16_t keepalive_s;
        struct wg_prefix prefixes[PREFIXES];
        size_t prefix_count;
};

struct twin {
        struct twin_peer peers[KEYS];
        size_t peer_count;
};

static bool is_same_prefix(const struct wg_prefix *a, const struct wg_prefix *b)
{
        return a->cidr == b->cidr && wg_ip_equal(&a->ip, &b->ip);
}

static bool twin_drop_prefix(struct twin_peer *peer, const struct wg_prefix *prefix)
{
        for (size_t i = 0; i < peer->prefix_count; i++)
                if (is_same_prefix(&peer->prefixes[i], prefix)) {
                        peer->prefix_count--;
                        memmove(&peer->prefixes[i], &peer->prefixes[i + 1],
                                (peer->prefix_count - i) * sizeof(*prefix));
                        return true;
                }
        return false;
}

static struct twin_peer *twin_find(struct twin *twin, uint8_t key)
{
        for (size_t i = 0; i < twin->peer_count; i++)
                if (twin->peers[i].key == key)
                        return &twin->peers[i];
        return NULL;
}

static void twin_apply(struct twin *twin, const struct tl_change *change)
{
        if (change->replace_peers)
                twin->peer_count = 0;
        for (uint32_t i = 0; i < change->peer_count; i++) {
                const struct tl_change_peer *wanted = tl_change_peer_at(change, i);
                struct twin_peer *peer = twin_find(twin, wanted->public_key[0] - 1);

                if (wanted->remove && peer) {
                        twin->peer_count--;
                        memmove(peer, peer + 1,
                                (size_t)(&twin->peers[twin->peer_count] - peer) * sizeof(*peer));
                }
                if (wanted->remove || (!peer && wanted->update_only))
                        continue;
                if (!peer) {
                        peer = &twin->peers[twin->peer_count++];
                        *peer = (struct twin_peer){.key = wanted->public_key[0] - 1};
                }
                if (wanted->has_preshared_key)
                        peer->psk = wanted->preshared_key[0];
                if (wanted->has_endpoint)
                        peer->port = wanted->endpoint.port;
                if (wanted->has_persistent_keepalive)
                        peer->keepalive_s = wanted->persistent_keepalive_s;
                if (wanted->replace_allowed_ips)
                        peer->prefix_count = 0;
                for (uint32_t j = 0; j < wanted->allowed_ip_count; j++) {
                        const struct tl_change_allowed_ip *ip = tl_change_peer_allowed_ip(
                                change, wanted, j);

                        if (ip->remove) {
                                twin_drop_prefix(peer, &ip->prefix);
                                continue;
                        }
                        for (size_t k = 0; k < twin->peer_count; k++)
                                if (twin_drop_prefix(&twin->peers[k], &ip->prefix))
                                        break;
                        peer->prefixes[peer->prefix_count++] = ip->prefix;
                }
        }
}

static void assert_same(struct test_device *device, const struct twin *twin)
{
        const struct wg_list *node = &device->engine.peers;

        assert_int_equal(device->engine.peer_count, twin->peer_count);
        for (size_t i = 0; i < twin->peer_count; i++) {
                const struct twin_peer *wanted = &twin->peers[i];
                const struct wg_list *cursor = NULL;
                struct wg_endpoint e;
                struct wg_prefix prefix;
                struct wg_peer *peer;

                node = node->next;
                peer = WG_CONTAINER_OF(node, struct wg_peer, in_order);
                assert_int_equal(peer->public_key[0], wanted->key + 1);
                assert_int_equal(peer->preshared_key[0], wanted->psk);
                assert_int_equal(peer->keepalive_s, wanted->keepalive_s);
                wg_path_read(&peer->path, &e);
                assert_int_equal(e.ip.family != WG_FAMILY_NONE, wanted->port != 0);
                assert_int_equal(e.port, wanted->port);
                for (size_t j = 0; j < wanted->prefix_count; j++) {
                        assert_true(wg_allowed_next(&peer->allowed, &cursor, &prefix));
                        assert_true(is_same_prefix(&prefix, &wanted->prefixes[j]));
                }
                assert_false(wg_allowed_next(&peer->allowed, &cursor, &prefix));
        }
        /* Workers see the same. */
        for (size_t i = 0; i < twin->peer_count; i++)
                for (size_t j = 0; j < twin->peers[i].prefix_count; j++) {
                        const struct wg_prefix *prefix = &twin->peers[i].prefixes[j];
                        const struct wg_peer *found;

                        if (prefix->cidr != 32)
                                continue;
                        found = wg_allowedips_find(&device->engine.allowed, WG_FAMILY_IPV4,
                                                   prefix->ip.bytes);
                        assert_non_null(found);
                        assert_int_equal(found->public_key[0], twin->peers[i].key + 1);
                }
}

/* ---- random changes ---- */

/* One of PREFIXES, which are nested. */
static struct wg_prefix random_prefix(struct test_env *t)
{
        uint32_t number = test_env_below(t, PREFIXES);

        if (number % 4 == 0)
                return (struct wg_prefix){.ip = {WG_FAMILY_IPV4, {10, (uint8_t)number}},
                                          .cidr = 16};
        return (struct wg_prefix){
                .ip = {WG_FAMILY_IPV4, {10, (uint8_t)(number & ~3u), 0, (uint8_t)number}},
                .cidr = 32};
}

static void make_change(struct test_env *t, struct tl_change *change)
{
        tl_change_init(change);
        change->replace_peers = test_env_below(t, 4) == 0;
        for (uint32_t i = test_env_below(t, 10); i > 0; i--) {
                uint8_t key[TL_CONF_KEY_LEN] = {(uint8_t)(1 + test_env_below(t, KEYS))};
                struct tl_change_peer *peer = tl_change_add_peer(change, key);

                assert_non_null(peer);
                peer->remove = test_env_below(t, 6) == 0;
                peer->update_only = test_env_below(t, 6) == 0;
                peer->replace_allowed_ips = test_env_below(t, 3) == 0;
                peer->has_preshared_key = test_env_below(t, 4) == 0;
                peer->preshared_key[0] = (uint8_t)test_env_below(t, 3);
                peer->has_persistent_keepalive = test_env_below(t, 3) == 0;
                peer->persistent_keepalive_s = (uint16_t)test_env_below(t, 3);
                peer->has_endpoint = test_env_below(t, 2) == 0;
                peer->endpoint = (struct wg_endpoint){.ip = {WG_FAMILY_IPV4, {192, 0, 2, 1}},
                                                      .port = (uint16_t)(1 + test_env_below(t, 3))};
                for (uint32_t j = test_env_below(t, 12); j > 0; j--) {
                        struct wg_prefix prefix = random_prefix(t);

                        assert_true(tl_change_add_allowed_ip(change, &prefix,
                                                             test_env_below(t, 5) == 0));
                }
        }
}

static void note_error(void *ctx, int error)
{
        *(int *)ctx = error;
}

/* Whichever allocation fails, nothing has changed; with enough memory, everything has. The change
 * is rebuilt for each attempt. */
static void test_whole_or_not_at_all(void **state)
{
        static struct test_device device;
        static struct twin twin;
        struct test_env t, choices;
        unsigned int failures = 0;

        (void)state;
        test_env_init(&t, 1);
        test_env_init(&choices, test_seed("apply"));
        begin_device(&device, &t);
        for (int round = 0; round < 600; round++) {
                struct test_env before = choices;
                struct tl_change change;
                int error = -ENOMEM;

                for (size_t allocations = 0; error; allocations++) {
                        size_t blocks = t.blocks;

                        choices.random = before.random;
                        make_change(&choices, &change);
                        t.allocations = allocations;
                        if (round % 2) {
                                error = tl_apply(&device.changes, &change);
                        } else {
                                assert_non_null(tl_apply_begin(&device.changes, &change, note_error,
                                                               &error));
                                while (tl_apply_work(&device.changes))
                                        ;
                        }
                        t.allocations = SIZE_MAX;
                        assert_int_equal(change.peer_count, 0);
                        if (!error)
                                break;
                        failures++;
                        assert_int_equal(error, -ENOMEM);
                        assert_in_range(t.blocks, blocks, blocks + 2); /* the tables' memory */
                        assert_same(&device, &twin);
                }
                choices.random = before.random;
                make_change(&choices, &change);
                twin_apply(&twin, &change);
                tl_change_done(&change);
                assert_same(&device, &twin);
        }
        assert_true(failures > 1000);
        end_device(&device, &t);
}

/* ---- requests with entries whose effect depends on earlier entries ---- */

#define K "public_key=0100000000000000000000000000000000000000000000000000000000000000\n"
#define J "public_key=0200000000000000000000000000000000000000000000000000000000000000\n"
#define PSK "preshared_key=0300000000000000000000000000000000000000000000000000000000000000\n"

static void apply_text(struct test_device *device, const char *text)
{
        struct tl_uapi_parser parser;
        struct tl_change change;
        size_t used;

        tl_uapi_parser_init(&parser);
        tl_change_init(&change);
        assert_int_equal(tl_uapi_parser_feed(&parser, text, strlen(text), &used, &change),
                         TL_UAPI_SET);
        assert_int_equal(tl_apply(&device->changes, &change), 0);
        tl_uapi_parser_done(&parser);
}

/* Each with the request before it, and the number of peers after it. */
static const struct {
        int number;
        const char *before, *text;
        size_t peers;
} again[] = {
        /* once aborted the daemon: no memory was reserved for the second K */
        {1, K, "replace_peers=true\n" K "update_only=true\n" K, 1},
        {2, K J, "replace_peers=true\n" J K "update_only=true\n" K "update_only=true\n" J K, 2},
        {3, K, "replace_peers=true\n" K "update_only=true\n" K "update_only=true\n", 0},
        {4, K PSK, "replace_peers=true\n" K PSK "update_only=true\n" K PSK, 1},
        {5, K PSK, "replace_peers=true\n" K "update_only=true\n" K PSK, 1},
        {6, K PSK, "replace_peers=true\n" K "update_only=true\n" K K PSK K, 1},
        {7, K, "replace_peers=true\n" K PSK "update_only=true\n" K K PSK, 1},
        {8, K, K "update_only=true\n" K "remove=true\n" K "update_only=true\n" K, 1},
        {9, K, "replace_peers=true\n" K K "remove=true\n" K K "remove=true\n" K, 1},
        {10, K, J "remove=true\n" K "remove=true\n" J J "remove=true\n" J K K, 2},
        {11, "", "replace_peers=true\n" K "update_only=true\n" K K "update_only=true\n", 1},
};

static void test_peers_named_again(void **state)
{
        static struct test_device device;
        struct test_env t;
        char text[1024];

        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(again); i++) {
                print_message("request %d\n", again[i].number);
                test_env_init(&t, 1);
                begin_device(&device, &t);
                snprintf(text, sizeof(text), "set=1\n%s\n", again[i].before);
                apply_text(&device, text);
                snprintf(text, sizeof(text), "set=1\n%s\n", again[i].text);
                apply_text(&device, text);
                assert_int_equal(device.engine.peer_count, again[i].peers);
                assert_int_equal(device.engine.spares, 0);
                end_device(&device, &t);
        }
}

/* ---- several at once ---- */

enum { MANY = 20000 };

static void make_many(struct tl_change *change, uint32_t count)
{
        tl_change_init(change);
        for (uint32_t i = 0; i < count; i++) {
                uint8_t key[TL_CONF_KEY_LEN] = {0xee, (uint8_t)(i >> 16), (uint8_t)(i >> 8),
                                                (uint8_t)i};
                struct wg_prefix prefix = {.ip = {WG_FAMILY_IPV4, {10, key[1], key[2], key[3]}},
                                           .cidr = 32};

                assert_non_null(tl_change_add_peer(change, key));
                assert_true(tl_change_add_allowed_ip(change, &prefix, false));
        }
}

/* Other work gets its turn between two slices; changes are applied in order. */
static void test_slices(void **state)
{
        static struct test_device device;
        struct tl_change many, few, none;
        int many_error = 1, few_error = 1, none_error = 1, slices = 0;
        struct tl_apply *forgotten;
        struct test_env t;

        (void)state;
        test_env_init(&t, 1);
        begin_device(&device, &t);
        assert_false(tl_apply_work(&device.changes));
        make_many(&many, MANY);
        make_many(&few, 3);
        few.replace_peers = true;
        tl_change_init(&none);
        assert_non_null(tl_apply_begin(&device.changes, &many, note_error, &many_error));
        assert_non_null(tl_apply_begin(&device.changes, &few, note_error, &few_error));
        for (; tl_apply_work(&device.changes); slices++)
                if (device.engine.peer_count != MANY && many_error)
                        assert_int_equal(few_error, 1);
        assert_true(slices > 1);
        assert_false(tl_apply_is_busy(&device.changes));
        assert_int_equal(many_error, 0);
        assert_int_equal(few_error, 0);
        assert_int_equal(device.engine.peer_count, 3);
        assert_int_equal(device.engine.spares, 0);

        /* A change whose client has gone is still applied. */
        make_many(&many, 10);
        forgotten = tl_apply_begin(&device.changes, &many, note_error, &many_error);
        assert_non_null(forgotten);
        assert_non_null(tl_apply_begin(&device.changes, &none, note_error, &none_error));
        tl_apply_forget(forgotten);
        many_error = 77;
        while (tl_apply_work(&device.changes))
                ;
        assert_int_equal(many_error, 77);
        assert_int_equal(none_error, 0);
        assert_int_equal(device.engine.peer_count, 10);

        /* The device ends in the middle of one change, with another one waiting. */
        make_many(&many, MANY);
        make_many(&few, 5);
        assert_non_null(tl_apply_begin(&device.changes, &many, note_error, &many_error));
        assert_non_null(tl_apply_begin(&device.changes, &few, note_error, &few_error));
        for (int i = 0; i < 3; i++)
                assert_true(tl_apply_work(&device.changes));
        end_device(&device, &t);
        assert_int_equal(many_error, 77);
}

static void test_no_memory_to_begin(void **state)
{
        static struct test_device device;
        struct tl_change change;
        struct test_env t;

        (void)state;
        test_env_init(&t, 1);
        begin_device(&device, &t);
        make_many(&change, 2);
        heap_fail_after(0);
        assert_null(tl_apply_begin(&device.changes, &change, note_error, NULL));
        heap_fail_after(-1);
        assert_int_equal(change.peer_count, 2);
        tl_change_done(&change);
        assert_false(tl_apply_is_busy(&device.changes));
        end_device(&device, &t);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_whole_or_not_at_all),
                cmocka_unit_test(test_peers_named_again),
                cmocka_unit_test(test_slices),
                cmocka_unit_test(test_no_memory_to_begin),
        };

        return cmocka_run_group_tests_name("apply", tests, test_crypto_up, test_crypto_down);
}
