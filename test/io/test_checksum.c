/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "io/checksum.h"

#include "base/checksum.h"
#include "test/lib/cmocka.h"
#include "test/lib/env.h"
#include "test/lib/fence.h"
#include "test/lib/packet.h"

enum { LONGEST = 2000, SHIFTS = 64 };

/* For each implementation that this processor supports. */
#define EACH_BACKEND(backend) \
        for (size_t nth_ = 0; (backend = tl_checksum_nth(nth_)) != NULL; nth_++)

/* The value of a field, as a number. */
static uint16_t as_number(uint16_t folded)
{
        uint8_t field[2];

        wg_checksum_store(field, folded);
        return wg_be16_load(field);
}

/* Both the naive checksum and ours are 0xffff only for data that is all zeros. */
static void expect_sum(const struct tl_checksum_backend *backend, const uint8_t *data, size_t len)
{
        uint8_t copy[LONGEST + 2];
        uint16_t wanted = packet_checksum(data, len), found;

        found = as_number(wg_checksum_fold(backend->add(0, data, len)));
        if (found != wanted)
                fail_msg("%s: %zu bytes: %04x instead of %04x", backend->name, len, found, wanted);
        memset(copy, 0xa5, sizeof(copy));
        found = as_number(wg_checksum_fold(backend->copy(0, copy + 1, data, len)));
        if (found != wanted)
                fail_msg("%s: %zu bytes copied: %04x instead of %04x", backend->name, len, found,
                         wanted);
        assert_memory_equal(copy + 1, data, len);
        assert_int_equal(copy[0], 0xa5);
        assert_int_equal(copy[len + 1], 0xa5);
}

static void test_every_length(void **state WG_UNUSED)
{
        const struct tl_checksum_backend *backend;
        static uint8_t bytes[LONGEST];
        struct test_env t;

        test_env_init(&t, test_seed("checksum, lengths"));
        for (int round = 0; round < 3; round++) {
                test_env_fill(&t, bytes, sizeof(bytes));
                if (round == 1) /* every possible carry */
                        memset(bytes, 0xff, sizeof(bytes));
                if (round == 2)
                        memset(bytes, 0, sizeof(bytes));
                EACH_BACKEND(backend)
                for (size_t len = 0; len <= sizeof(bytes); len++)
                        if (round != 1 || len) /* -0 and 0 are equal, except for a sum of nothing */
                                expect_sum(backend, bytes, len);
        }
}

static void test_every_alignment(void **state WG_UNUSED)
{
        const struct tl_checksum_backend *backend;
        static uint8_t bytes[LONGEST + SHIFTS];
        struct test_env t;

        test_env_init(&t, test_seed("checksum, alignments"));
        test_env_fill(&t, bytes, sizeof(bytes));
        EACH_BACKEND(backend)
        for (size_t shift = 0; shift < SHIFTS; shift++)
                for (size_t len = 0; len <= LONGEST; len += 1 + test_env_below(&t, 60))
                        expect_sum(backend, bytes + shift, len);
}

/* Reads and writes begin and end exactly where the bytes do. */
static void test_page_ends(void **state WG_UNUSED)
{
        const struct tl_checksum_backend *backend;
        struct fence from = fence_new(LONGEST), to = fence_new(LONGEST);

        for (uint8_t *at = from.begin; at < from.end; at++)
                *at = (uint8_t)((at - from.begin) * 7);
        EACH_BACKEND(backend)
        for (size_t len = 0; len <= LONGEST; len++) {
                backend->add(0, from.begin, len);
                backend->copy(0, to.begin, from.begin, len);
                assert_memory_equal(to.begin, from.begin, len);
                backend->add(0, from.end - len, len);
                backend->copy(0, to.end - len, from.end - len, len);
                assert_memory_equal(to.end - len, from.end - len, len);
        }
        fence_free(&from);
        fence_free(&to);
}

/* In any pieces of even length, and added to any sum. */
static void test_pieces(void **state WG_UNUSED)
{
        static uint8_t bytes[65536], copy[65536];
        struct test_env t;

        test_env_init(&t, test_seed("checksum, pieces"));
        for (int round = 0; round < 300; round++) {
                uint16_t wanted;
                uint64_t sum = 0;
                size_t at = 0;

                if (round % 2)
                        memset(bytes, 0xff, sizeof(bytes));
                else
                        test_env_fill(&t, bytes, sizeof(bytes));
                wanted = packet_checksum(bytes, sizeof(bytes));
                while (at < sizeof(bytes)) {
                        size_t piece = 2 * (size_t)test_env_below(&t, round % 3 ? 100 : 20000);

                        piece = WG_MIN(piece, sizeof(bytes) - at);
                        if (test_env_below(&t, 2))
                                sum = tl_checksum_add(sum, bytes + at, piece);
                        else
                                sum = tl_checksum_copy(sum, copy + at, bytes + at, piece);
                        assert_true(sum < UINT64_C(1) << 33);
                        at += piece;
                }
                assert_int_equal(as_number(wg_checksum_fold(sum)), wanted);
        }
        assert_int_equal(wg_checksum_fold(tl_checksum_add(UINT64_MAX, NULL, 0)), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_every_length),
                cmocka_unit_test(test_every_alignment),
                cmocka_unit_test(test_page_ends),
                cmocka_unit_test(test_pieces),
        };
        const struct tl_checksum_backend *backend;

        EACH_BACKEND(backend)
        print_message("checksum: %s\n", backend->name);
        return cmocka_run_group_tests_name("checksum", tests, NULL, NULL);
}
