/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "base/siphash.h"

#include "base/bytes.h"

static uint64_t rotate_left(uint64_t value, unsigned int by)
{
        return value << by | value >> (64 - by);
}

static void mix(uint64_t v[4], unsigned int rounds)
{
        while (rounds--) {
                v[0] += v[1];
                v[2] += v[3];
                v[1] = rotate_left(v[1], 13) ^ v[0];
                v[3] = rotate_left(v[3], 16) ^ v[2];
                v[0] = rotate_left(v[0], 32);
                v[2] += v[1];
                v[0] += v[3];
                v[1] = rotate_left(v[1], 17) ^ v[2];
                v[3] = rotate_left(v[3], 21) ^ v[0];
                v[2] = rotate_left(v[2], 32);
        }
}

static void absorb(uint64_t v[4], uint64_t word)
{
        v[3] ^= word;
        mix(v, 2);
        v[0] ^= word;
}

uint64_t wg_siphash(const uint8_t key[WG_SIPHASH_KEY_LEN], const void *bytes, size_t len)
{
        const uint8_t *at = bytes;
        uint64_t k0 = wg_le64_load(key), k1 = wg_le64_load(key + 8);
        uint64_t v[4] = {
                k0 ^ 0x736f6d6570736575, /* "somepseudorandomlygeneratedbytes", */
                k1 ^ 0x646f72616e646f6d, /* the paper's four initial words */
                k0 ^ 0x6c7967656e657261,
                k1 ^ 0x7465646279746573,
        };
        uint64_t last = (uint64_t)len << 56;

        for (size_t left = len; left >= 8; left -= 8, at += 8)
                absorb(v, wg_le64_load(at));
        for (unsigned int i = 0; i < (len & 7); i++)
                last |= (uint64_t)at[i] << 8 * i;
        absorb(v, last);
        v[2] ^= 0xff;
        mix(v, 4);
        return v[0] ^ v[1] ^ v[2] ^ v[3];
}
