/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "daemon/offloads.h"

#include <errno.h>

#include "io/clock.h"
#include "test/lib/cmocka.h"

#define NOW (1000 * TL_NS_PER_S)

static struct tl_log silent;
static struct tl_offloads offloads;
static struct tl_piece_limits limits;

static int set_up(void **state WG_UNUSED)
{
        tl_log_init(&silent, "test", NULL, TL_LOG_SILENT);
        tl_offloads_init(&offloads, TL_OFFLOADING_ALL, &silent);
        limits = (struct tl_piece_limits){0};
        return 0;
}

static struct wg_endpoint endpoint(uint16_t number)
{
        struct wg_endpoint e = {.ip = {.family = WG_FAMILY_IPV4, .bytes = {10, 0, 0, 1}},
                                .port = number};

        return e;
}

static void refuse(uint16_t number, uint32_t segment, int piece_error, int error, uint64_t now_ns)
{
        struct tl_datagram piece = {.len = 4 * segment,
                                    .segment = segment,
                                    .path = endpoint(number),
                                    .piece_error = -piece_error,
                                    .error = -error};

        tl_offloads_piece_refused(&offloads, &limits, &piece, now_ns);
}

static uint32_t limit_of(uint16_t number, uint64_t now_ns)
{
        struct wg_endpoint to = endpoint(number);

        return tl_offloads_piece_limit(&offloads, &limits, &to, now_ns);
}

/* A length that is too long for one endpoint says nothing about others, nor about the device. */
static void test_a_length_limit_is_per_endpoint(void **state WG_UNUSED)
{
        assert_int_equal(limit_of(1, NOW), UINT32_MAX);
        for (uint16_t i = 1; i <= 10; i++)
                refuse(i, 1500, EMSGSIZE, 0, NOW);
        refuse(2, 1452, EMSGSIZE, 0, NOW);
        refuse(2, 1480, EMSGSIZE, 0, NOW);
        assert_int_equal(limit_of(1, NOW), 1500);
        assert_int_equal(limit_of(2, NOW), 1452);
        assert_int_equal(limit_of(11, NOW), UINT32_MAX);
        assert_true(tl_offloads_has(&offloads, TL_OFFLOADING_GSO));
        assert_int_equal(offloads.refused, 12);
}

/* The path to it may change. */
static void test_a_limit_is_forgotten(void **state WG_UNUSED)
{
        refuse(1, 1500, EMSGSIZE, 0, NOW);
        assert_int_equal(limit_of(1, NOW + 299 * TL_NS_PER_S), 1500);
        assert_int_equal(limit_of(1, NOW + 301 * TL_NS_PER_S), UINT32_MAX);
        refuse(1, 1600, EMSGSIZE, 0, NOW + 301 * TL_NS_PER_S);
        assert_int_equal(limit_of(1, NOW + 301 * TL_NS_PER_S), 1600);
}

/* A single EINVAL may be due to the length; if shorter superpackets are refused again, it is
 * not. */
static void test_several_endpoints_disable_it(void **state WG_UNUSED)
{
        for (uint16_t i = 1; i <= 3; i++) {
                assert_true(tl_offloads_has(&offloads, TL_OFFLOADING_GSO));
                refuse(i, 1500, EINVAL, 0, NOW);
                assert_int_equal(limit_of(i, NOW), 1500);
                refuse(i, 1000, EINVAL, 0, NOW);
        }
        assert_false(tl_offloads_has(&offloads, TL_OFFLOADING_GSO));
        assert_true(tl_offloads_has(&offloads, TL_OFFLOADING_GRO));
        assert_int_equal(limit_of(77, NOW), 0);
}

/* If single datagrams fail too, superpackets are not the cause. */
static void test_an_unreachable_endpoint_disables_nothing(void **state WG_UNUSED)
{
        for (uint16_t i = 1; i <= 20; i++) {
                refuse(i, 1500, EINVAL, EINVAL, NOW);
                refuse(i, 1000, EINVAL, EINVAL, NOW);
        }
        refuse(1, 1000, EIO, EIO, NOW);
        assert_true(tl_offloads_has(&offloads, TL_OFFLOADING_GSO));
        assert_int_equal(limit_of(20, NOW), 0);
}

static void test_a_device_without_support_disables_it_at_once(void **state WG_UNUSED)
{
        refuse(1, 1500, EIO, 0, NOW);
        assert_false(tl_offloads_has(&offloads, TL_OFFLOADING_GSO));
}

static void test_more_endpoints_than_slots(void **state WG_UNUSED)
{
        for (uint16_t i = 1; i <= 40; i++)
                refuse(i, 1500u + i, EMSGSIZE, 0, NOW);
        for (uint16_t i = 25; i <= 40; i++)
                assert_int_equal(limit_of(i, NOW), 1500 + i);
        assert_int_equal(limit_of(24, NOW), UINT32_MAX);
}

static void test_superpackets_by_kind(void **state WG_UNUSED)
{
        const uint32_t tcp = 1u << TL_OFFLOAD_TCP4 | 1u << TL_OFFLOAD_TCP6,
                       udp = 1u << TL_OFFLOAD_UDP;

        assert_int_equal(tl_offloads_kinds(&offloads), tcp | udp);
        for (int i = 0; i < 3; i++) {
                assert_int_equal(tl_offloads_kinds(&offloads), tcp | udp);
                tl_offloads_superpacket_refused(&offloads, TL_OFFLOAD_UDP);
        }
        assert_int_equal(tl_offloads_kinds(&offloads), tcp);
        for (int i = 0; i < 3; i++)
                tl_offloads_superpacket_refused(&offloads, TL_OFFLOAD_TCP6);
        assert_int_equal(tl_offloads_kinds(&offloads), 0);
        assert_true(tl_offloads_has(&offloads, TL_OFFLOADING_GSO));
}

static void test_distrusted_kernels(void **state WG_UNUSED)
{
        static const struct {
                int number;
                const char *release;
                uint32_t distrusted;
        } cases[] = {
                {1, "6.18.44-fc", 0},
                {2, "6.99.99", 0},
                {3, "7.0.0", TL_OFFLOADING_GSO},
                {4, "7.0.12-1-amd64", TL_OFFLOADING_GSO},
                {5, "7.0-rc3", TL_OFFLOADING_GSO},
                {6, "7.1.4", TL_OFFLOADING_GSO},
                {7, "7.1.5", 0},
                {8, "7.10.1", 0},
                {9, "17.1.1", 0},
                {10, "", 0},
                {11, "7", 0},
                {12, "Linux", 0},
                {13, "99999999999.0.0", 0},
        };

        for (size_t i = 0; i < WG_ARRAY_SIZE(cases); i++)
                if (tl_offloads_distrusted(cases[i].release) != cases[i].distrusted)
                        fail_msg("case %d", cases[i].number);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_a_length_limit_is_per_endpoint),
                TEST(test_a_limit_is_forgotten),
                TEST(test_several_endpoints_disable_it),
                TEST(test_an_unreachable_endpoint_disables_nothing),
                TEST(test_a_device_without_support_disables_it_at_once),
                TEST(test_more_endpoints_than_slots),
                TEST(test_superpackets_by_kind),
                TEST(test_distrusted_kernels),
        };

        return cmocka_run_group_tests_name("offloads", tests, NULL, NULL);
}
