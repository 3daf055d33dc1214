/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "conf/change.h"

#include <stdlib.h>
#include <string.h>

#include "test/lib/change_dump.h"
#include "test/lib/cmocka.h"
#include "test/lib/heap.h"

/* Peer i has i % 4 allowed IPs, each of which identifies its peer. */
static bool add_peer(struct tl_change *device, uint32_t i)
{
        uint8_t public_key[TL_CONF_KEY_LEN] = {(uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i};
        struct wg_prefix prefix = {.ip.family = WG_FAMILY_IPV4, .cidr = 32};

        if (!tl_change_add_peer(device, public_key))
                return false;
        memcpy(prefix.ip.bytes, public_key, 3);
        for (uint32_t j = 0; j < i % 4; j++) {
                prefix.ip.bytes[3] = (uint8_t)j;
                if (!tl_change_add_allowed_ip(device, &prefix, j == 2))
                        return false;
        }
        return true;
}

static void check_peer(const struct tl_change *device, uint32_t i)
{
        const struct tl_change_peer *peer = tl_change_peer_at(device, i);

        assert_int_equal(peer->public_key[0] << 16 | peer->public_key[1] << 8 | peer->public_key[2],
                         i);
        assert_int_equal(peer->allowed_ip_count, i % 4);
        assert_false(peer->has_endpoint || peer->has_preshared_key || peer->remove);
        for (uint32_t j = 0; j < i % 4; j++) {
                const struct tl_change_allowed_ip *ip = tl_change_peer_allowed_ip(device, peer, j);

                assert_memory_equal(ip->prefix.ip.bytes, peer->public_key, 3);
                assert_int_equal(ip->prefix.ip.bytes[3], j);
                assert_int_equal(ip->remove, j == 2);
        }
}

static void test_many_peers(void **state)
{
        struct tl_change device;

        (void)state;
        tl_change_init(&device);
        for (uint32_t i = 0; i < 100000; i++)
                assert_true(add_peer(&device, i));
        assert_int_equal(device.peer_count, 100000);
        for (uint32_t i = 0; i < device.peer_count; i++)
                check_peer(&device, i);
        /* Removed from the end, in parts; the remaining ones stay, and others can be added. */
        assert_int_equal(tl_change_drop_peers(&device, 33333), 33333);
        assert_int_equal(device.peer_count, 66667);
        for (uint32_t i = 0; i < device.peer_count; i++)
                check_peer(&device, i);
        for (uint32_t i = 66667; i < 70000; i++)
                assert_true(add_peer(&device, i));
        for (uint32_t i = 0; i < device.peer_count; i++)
                check_peer(&device, i);
        assert_int_equal(tl_change_drop_peers(&device, 100000), 70000);
        assert_int_equal(tl_change_drop_peers(&device, 100000), 0);
        tl_change_done(&device);
}

/* Whichever allocation fails, nothing has changed. */
static void test_memory_runs_out(void **state)
{
        (void)state;
        for (long allocations = 0; allocations < 8; allocations++) {
                struct tl_change device;
                uint32_t i = 0;

                tl_change_init(&device);
                heap_fail_after(allocations);
                while (add_peer(&device, i))
                        i++;
                heap_fail_after(-1);
                assert_true(device.peer_count == i || device.peer_count == i + 1);
                for (uint32_t j = 0; j < i; j++)
                        check_peer(&device, j);
                tl_change_done(&device);
        }
}

/* Preshared keys are wiped, however their peers are removed. */
static void test_wipes_what_it_frees(void **state)
{
        struct tl_change device;
        uint8_t secret[TL_CONF_KEY_LEN];

        (void)state;
        memset(secret, 0xee, sizeof(secret));
        tl_change_init(&device);
        heap_watch(secret, 8);
        for (uint32_t i = 0; i < 100; i++) {
                assert_true(add_peer(&device, i));
                memcpy(tl_change_peer_at(&device, i)->preshared_key, secret, sizeof(secret));
        }
        assert_memory_equal(tl_change_peer_at(&device, 0)->preshared_key, secret, sizeof(secret));
        assert_int_equal(tl_change_drop_peers(&device, 50), 50);
        tl_change_done(&device);
        heap_watch(NULL, 0);
}

static void test_done_leaves_an_empty_change(void **state)
{
        struct tl_change device, empty;

        (void)state;
        memset(&empty, 0, sizeof(empty));
        memset(&device, 0, sizeof(device));
        assert_true(add_peer(&device, 3));
        tl_change_peer_at(&device, 0)->endpoint_host = strdup("example.com");
        device.has_private_key = true;
        memset(device.private_key, 0xee, sizeof(device.private_key));
        tl_change_done(&device);
        assert_memory_equal(&device, &empty, sizeof(empty));
        tl_change_done(&device);
}

/* The daemon relies on this when it limits the cost of large requests. */
static void test_is_frugal(void **state)
{
        (void)state;
        assert_true(sizeof(struct tl_change_peer) <= 160);
        assert_true(sizeof(struct tl_change_allowed_ip) <= 20);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_many_peers),
                cmocka_unit_test(test_memory_runs_out),
                cmocka_unit_test(test_wipes_what_it_frees),
                cmocka_unit_test(test_done_leaves_an_empty_change),
                cmocka_unit_test(test_is_frugal),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
