/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "io/offload.h"

#include <errno.h>
#include <string.h>

#include "test/lib/cmocka.h"

/* Written out for a little-endian machine; on others the numbers are byte-swapped. */
static const struct {
        int number;
        struct tl_offload offload;
        uint8_t header[TL_OFFLOAD_HEADER_LEN];
} cases[] = {
        {1, {0}, {0}},
        {2,
         {.needs_checksum = true, .checksum_start = 20, .checksum_offset = 6},
         {1, [6] = 20, 0, 6}},
        {3, {TL_OFFLOAD_TCP4, true, false, 52, 1368, 20, 16}, {1, 1, 52, 0, 0x58, 5, 20, 0, 16, 0}},
        {4,
         {TL_OFFLOAD_TCP6, true, true, 0x102, 0x304, 0x506, 0x708},
         {1, 0x84, 2, 1, 4, 3, 6, 5, 8, 7}},
        {5, {TL_OFFLOAD_TCP4, true, true, 40, 1, 20, 16}, {1, 0x81, 40, 0, 1, 0, 20, 0, 16, 0}},
        {6,
         {TL_OFFLOAD_UDP, true, false, 28, 65535, 20, 6},
         {1, 5, 28, 0, 0xff, 0xff, 20, 0, 6, 0}},
        {7, {TL_OFFLOAD_UDP, false, false, 28, 8, 0, 0}, {0, 5, 28, 0, 8, 0, 0, 0, 0, 0}},
};

static void turn(uint8_t *header)
{
        const uint16_t one = 1;

        for (int i = 2; *(const uint8_t *)&one == 0 && i < TL_OFFLOAD_HEADER_LEN; i += 2) {
                uint8_t first = header[i];

                header[i] = header[i + 1];
                header[i + 1] = first;
        }
}

static void test_reads_and_writes(void **state WG_UNUSED)
{
        for (size_t i = 0; i < WG_ARRAY_SIZE(cases); i++) {
                uint8_t wanted[TL_OFFLOAD_HEADER_LEN], found[TL_OFFLOAD_HEADER_LEN];
                struct tl_offload read;

                memcpy(wanted, cases[i].header, sizeof(wanted));
                turn(wanted);
                memset(found, 0xa5, sizeof(found));
                tl_offload_write(&cases[i].offload, found);
                if (memcmp(found, wanted, sizeof(found)) != 0)
                        fail_msg("case %d: written", cases[i].number);
                memset(&read, 0, sizeof(read));
                if (tl_offload_read(&read, wanted) != 0 ||
                    memcmp(&read, &cases[i].offload, sizeof(read)) != 0)
                        fail_msg("case %d: read", cases[i].number);
        }
}

/* The flag that the data was verified (2) is set on received packets, and does not matter to us. */
static void test_flags(void **state WG_UNUSED)
{
        struct tl_offload offload;

        assert_int_equal(tl_offload_read(&offload, (uint8_t[10]){2}), 0);
        assert_false(offload.needs_checksum);
        assert_int_equal(tl_offload_read(&offload, (uint8_t[10]){3}), 0);
        assert_true(offload.needs_checksum);
}

static void test_kinds_not_enabled(void **state WG_UNUSED)
{
        for (unsigned int gso = 0; gso < 256; gso++) {
                bool is_known = gso == 0 || gso == 1 || gso == 4 || gso == 5 || gso == 0x81 ||
                                gso == 0x84;
                struct tl_offload offload = {.segment = 42};
                uint8_t header[TL_OFFLOAD_HEADER_LEN] = {1, (uint8_t)gso};

                assert_int_equal(tl_offload_read(&offload, header), is_known ? 0 : -EINVAL);
                assert_int_equal(offload.segment, is_known ? 0 : 42);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_reads_and_writes),
                cmocka_unit_test(test_flags),
                cmocka_unit_test(test_kinds_not_enabled),
        };

        return cmocka_run_group_tests_name("offload", tests, NULL, NULL);
}
