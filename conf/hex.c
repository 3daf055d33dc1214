/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "conf/hex.h"

#include "base/declassify.h"
#include "conf/mask.h"

/* The value of a digit. Sets bits in *bad if it is none. */
static uint32_t digit_value(char digit, uint32_t *bad)
{
        uint32_t c = (uint8_t)digit;
        uint32_t decimal = tl_mask_range(c, '0', '9');
        uint32_t upper = tl_mask_range(c, 'A', 'F');
        uint32_t lower = tl_mask_range(c, 'a', 'f');

        *bad |= ~(decimal | upper | lower);
        return (decimal & (c - '0')) | (upper & (c - 'A' + 10)) | (lower & (c - 'a' + 10));
}

static uint8_t byte_value(const char digits[2], uint32_t *bad)
{
        uint32_t high = digit_value(digits[0], bad);

        return (uint8_t)(high << 4 | digit_value(digits[1], bad));
}

static char digit_of(uint32_t value)
{
        return (char)('0' + value + (tl_mask_range(value, 10, 15) & ('a' - '0' - 10)));
}

bool tl_hex_decode(uint8_t *out, size_t size, const char *text, size_t len)
{
        uint32_t bad = 0;

        if (len != 2 * size)
                return false;
        for (size_t i = 0; i < size; i++)
                (void)byte_value(text + 2 * i, &bad);
        /* Whether it is a valid key is not secret: error messages reveal it. */
        wg_declassify(&bad, sizeof(bad));
        if (bad)
                return false;
        for (size_t i = 0; i < size; i++)
                out[i] = byte_value(text + 2 * i, &bad);
        return true;
}

void tl_hex_encode(char *out, const uint8_t *bytes, size_t size)
{
        for (size_t i = 0; i < size; i++) {
                out[2 * i] = digit_of(bytes[i] >> 4);
                out[2 * i + 1] = digit_of(bytes[i] & 15);
        }
}
