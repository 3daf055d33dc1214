/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "conf/base64.h"

#include "base/declassify.h"
#include "conf/mask.h"

/* The value of a digit. Sets bits in *bad if it is none. */
static uint32_t digit_value(char digit, uint32_t *bad)
{
        uint32_t c = (uint8_t)digit;
        uint32_t upper = tl_mask_range(c, 'A', 'Z');
        uint32_t lower = tl_mask_range(c, 'a', 'z');
        uint32_t decimal = tl_mask_range(c, '0', '9');
        uint32_t plus = tl_mask_range(c, '+', '+');
        uint32_t slash = tl_mask_range(c, '/', '/');

        *bad |= ~(upper | lower | decimal | plus | slash);
        return (upper & (c - 'A')) | (lower & (c - 'a' + 26)) | (decimal & (c - '0' + 52)) |
               (plus & 62) | (slash & 63);
}

static char digit_of(uint32_t value)
{
        uint32_t upper = tl_mask_range(value, 0, 25);
        uint32_t lower = tl_mask_range(value, 26, 51);
        uint32_t decimal = tl_mask_range(value, 52, 61);
        uint32_t plus = tl_mask_range(value, 62, 62);
        uint32_t slash = tl_mask_range(value, 63, 63);

        return (char)((upper & (value + 'A')) | (lower & (value - 26 + 'a')) |
                      (decimal & (value - 52 + '0')) | (plus & '+') | (slash & '/'));
}

/* The 24 bits of four digits that carry 1 to 3 bytes. The remaining digits must be padding. */
static uint32_t group_value(const char digits[4], size_t count, uint32_t *bad)
{
        uint32_t value = 0;

        for (size_t i = 0; i < 4; i++) {
                value <<= 6;
                if (i <= count)
                        value |= digit_value(digits[i], bad);
                else
                        *bad |= ~tl_mask_range((uint8_t)digits[i], '=', '=');
        }
        *bad |= value & (0xffffffu >> 8 * count);
        return value;
}

bool tl_base64_decode(uint8_t *out, size_t size, const char *text, size_t len)
{
        uint32_t bad = 0;

        if (len != TL_BASE64_LEN(size))
                return false;
        for (size_t at = 0; at < size; at += 3, text += 4)
                (void)group_value(text, WG_MIN(size - at, 3u), &bad);
        /* Whether it is a valid key is not secret: error messages reveal it. */
        wg_declassify(&bad, sizeof(bad));
        if (bad)
                return false;
        text -= len;
        for (size_t at = 0; at < size; at += 3, text += 4) {
                size_t count = WG_MIN(size - at, 3u);
                uint32_t value = group_value(text, count, &bad);

                for (size_t i = 0; i < count; i++)
                        out[at + i] = (uint8_t)(value >> (16 - 8 * i));
        }
        return true;
}

void tl_base64_encode(char *out, const uint8_t *bytes, size_t size)
{
        for (size_t at = 0; at < size; at += 3, out += 4) {
                size_t count = WG_MIN(size - at, 3u);
                uint32_t value = 0;

                for (size_t i = 0; i < 3; i++)
                        value = value << 8 | (i < count ? bytes[at + i] : 0);
                for (size_t i = 0; i < 4; i++)
                        out[i] = i <= count ? digit_of(value >> (18 - 6 * i) & 63) : '=';
        }
}
