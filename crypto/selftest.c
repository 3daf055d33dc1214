/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "crypto/selftest.h"

#include "base/mem.h"
#include "crypto/aead_nonce96.h"
#include "crypto/blake2s.h"
#include "crypto/x25519.h"
#include "crypto/xchacha.h"

/* Outputs are zeroed first: if a function does nothing, the result that an earlier test left on the
 * stack must not pass for its own. */

static const uint8_t abc[] = {'a', 'b', 'c'};

/* Fills with first, first + 1, ... */
static void count_up(uint8_t *out, size_t len, unsigned int first)
{
        for (size_t i = 0; i < len; i++)
                out[i] = (uint8_t)(first + i);
}

static bool hash_works(void)
{
        /* RFC 7693 appendix B */
        static const uint8_t answer[WG_HASH_LEN] = {0x50, 0x8c, 0x5e, 0x8c, 0x32, 0x7c, 0x14, 0xe2,
                                                    0xe1, 0xa7, 0x2b, 0xa3, 0x4e, 0xeb, 0x45, 0x2f,
                                                    0x37, 0x45, 0x8b, 0x20, 0x9e, 0xd6, 0x3a, 0x29,
                                                    0x4d, 0x99, 0x9b, 0x4c, 0x86, 0x67, 0x59, 0x82};
        uint8_t out[WG_HASH_LEN] = {0};

        wg_hash(out, abc, 1, abc + 1, 2);
        return memcmp(out, answer, sizeof(answer)) == 0;
}

static bool mac_works(void)
{
        /* No publication has an answer of 16 bytes; this one is from Python's BLAKE2s. */
        static const uint8_t answer[WG_MAC_LEN] = {0x61, 0xba, 0x5f, 0x16, 0x5c, 0x19, 0x46, 0x92,
                                                   0xe0, 0x9d, 0x12, 0x52, 0x0c, 0xc4, 0xc7, 0x4a};
        uint8_t key[32], out[WG_MAC_LEN] = {0};

        count_up(key, sizeof(key), 0);
        wg_mac(out, key, sizeof(key), abc, sizeof(abc));
        return memcmp(out, answer, sizeof(answer)) == 0;
}

static bool kdf_works(void)
{
        /* From Python's hmac with its BLAKE2s. The third output depends on the other two. */
        static const uint8_t answer[WG_HASH_LEN] = {0x73, 0xe5, 0xea, 0xe9, 0xc5, 0xd2, 0x30, 0xea,
                                                    0x6b, 0xec, 0xb2, 0x9a, 0xb8, 0xa4, 0x9f, 0x62,
                                                    0x7a, 0xff, 0x1e, 0xb2, 0x75, 0x86, 0xb9, 0x38,
                                                    0xa7, 0x1a, 0xe0, 0x90, 0xd4, 0xc7, 0xa1, 0x84};
        uint8_t key[WG_HASH_LEN], out1[WG_HASH_LEN], out2[WG_HASH_LEN], out3[WG_HASH_LEN] = {0};

        count_up(key, sizeof(key), 0);
        wg_kdf(out1, out2, out3, key, abc, sizeof(abc));
        return memcmp(out3, answer, sizeof(answer)) == 0;
}

static bool x25519_works(void)
{
        /* RFC 7748 section 6.1: Alice's keys, Bob's public key, and their shared secret */
        static const uint8_t alice[WG_KEY_LEN] = {0x77, 0x07, 0x6d, 0x0a, 0x73, 0x18, 0xa5, 0x7d,
                                                  0x3c, 0x16, 0xc1, 0x72, 0x51, 0xb2, 0x66, 0x45,
                                                  0xdf, 0x4c, 0x2f, 0x87, 0xeb, 0xc0, 0x99, 0x2a,
                                                  0xb1, 0x77, 0xfb, 0xa5, 0x1d, 0xb9, 0x2c, 0x2a};
        static const uint8_t alice_public[WG_KEY_LEN] = {
                0x85, 0x20, 0xf0, 0x09, 0x89, 0x30, 0xa7, 0x54, 0x74, 0x8b, 0x7d,
                0xdc, 0xb4, 0x3e, 0xf7, 0x5a, 0x0d, 0xbf, 0x3a, 0x0d, 0x26, 0x38,
                0x1a, 0xf4, 0xeb, 0xa4, 0xa9, 0x8e, 0xaa, 0x9b, 0x4e, 0x6a};
        static const uint8_t bob_public[WG_KEY_LEN] = {
                0xde, 0x9e, 0xdb, 0x7d, 0x7b, 0x7d, 0xc1, 0xb4, 0xd3, 0x5b, 0x61,
                0xc2, 0xec, 0xe4, 0x35, 0x37, 0x3f, 0x83, 0x43, 0xc8, 0x5b, 0x78,
                0x67, 0x4d, 0xad, 0xfc, 0x7e, 0x14, 0x6f, 0x88, 0x2b, 0x4f};
        static const uint8_t answer[WG_KEY_LEN] = {0x4a, 0x5d, 0x9d, 0x5b, 0xa4, 0xce, 0x2d, 0xe1,
                                                   0x72, 0x8e, 0x3b, 0xf4, 0x80, 0x35, 0x0f, 0x25,
                                                   0xe0, 0x7e, 0x21, 0xc9, 0x47, 0xd1, 0x9e, 0x33,
                                                   0x76, 0xf0, 0x9b, 0x3c, 0x1e, 0x16, 0x17, 0x42};
        static const uint8_t low_order[WG_KEY_LEN];
        struct wg_x25519_key *key = wg_x25519_key_new(alice);
        uint8_t shared[WG_KEY_LEN] = {0};
        bool works;

        if (!key)
                return false;
        works = memcmp(wg_x25519_key_public(key), alice_public, WG_KEY_LEN) == 0 &&
                wg_x25519(shared, key, bob_public) && memcmp(shared, answer, WG_KEY_LEN) == 0 &&
                !wg_x25519(shared, key, low_order);
        wg_x25519_key_free(key);
        return works;
}

/* RFC 8439 section 2.8.2 and A.3.1 of the XChaCha draft use the same key (80, 81, ...), text and
 * associated data. Comparing tags is enough, since they authenticate the ciphertexts. */
enum { TEXT_LEN = 114 };
static const uint8_t text[] = "Ladies and Gentlemen of the class of '99: If I could offer you only "
                              "one tip for the future, sunscreen would be it.";
static const uint8_t text_ad[] = {0x50, 0x51, 0x52, 0x53, 0xc0, 0xc1,
                                  0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7};

static bool aead_works(void)
{
        static const uint8_t nonce[WG_AEAD_NONCE_LEN] = {0x07, 0x00, 0x00, 0x00, 0x40, 0x41,
                                                         0x42, 0x43, 0x44, 0x45, 0x46, 0x47};
        static const uint8_t tag[WG_AEAD_TAG_LEN] = {0x1a, 0xe1, 0x0b, 0x59, 0x4f, 0x09,
                                                     0xe2, 0x6a, 0x7e, 0x90, 0x2e, 0xcb,
                                                     0xd0, 0x60, 0x06, 0x91};
        uint8_t key[WG_AEAD_KEY_LEN];
        uint8_t box[TEXT_LEN + WG_AEAD_TAG_LEN] = {0}, opened[TEXT_LEN] = {0};

        count_up(key, sizeof(key), 0x80);
        wg_aead_seal_nonce96(box, text, TEXT_LEN, text_ad, sizeof(text_ad), nonce, key);
        if (memcmp(box + TEXT_LEN, tag, sizeof(tag)) != 0)
                return false;
        if (!wg_aead_open_nonce96(opened, box, sizeof(box), text_ad, sizeof(text_ad), nonce, key) ||
            memcmp(opened, text, TEXT_LEN) != 0)
                return false;
        box[0] ^= 1;
        return !wg_aead_open_nonce96(opened, box, sizeof(box), text_ad, sizeof(text_ad), nonce,
                                     key) &&
               memcmp(opened, text, TEXT_LEN) != 0;
}

/* Also tests wg_aead_seal() and wg_aead_open(), and so their counter. */
static bool xchacha_works(void)
{
        static const uint8_t tag[WG_AEAD_TAG_LEN] = {0xc0, 0x87, 0x59, 0x24, 0xc1, 0xc7,
                                                     0x98, 0x79, 0x47, 0xde, 0xaf, 0xd8,
                                                     0x78, 0x0a, 0xcf, 0x49};
        uint8_t key[WG_AEAD_KEY_LEN], nonce[WG_XCHACHA_NONCE_LEN];
        uint8_t box[TEXT_LEN + WG_AEAD_TAG_LEN] = {0}, opened[TEXT_LEN] = {0};

        count_up(key, sizeof(key), 0x80);
        count_up(nonce, sizeof(nonce), 0x40);
        wg_xchacha_seal(box, text, TEXT_LEN, text_ad, sizeof(text_ad), nonce, key);
        if (memcmp(box + TEXT_LEN, tag, sizeof(tag)) != 0)
                return false;
        if (!wg_xchacha_open(opened, box, sizeof(box), text_ad, sizeof(text_ad), nonce, key) ||
            memcmp(opened, text, TEXT_LEN) != 0)
                return false;
        box[0] ^= 1;
        return !wg_xchacha_open(opened, box, sizeof(box), text_ad, sizeof(text_ad), nonce, key);
}

bool wg_selftest_primitives(void)
{
        return hash_works() && mac_works() && kdf_works() && x25519_works() && aead_works() &&
               xchacha_works();
}

/* Enough to fill the lanes of any vector more than once, with and without a remainder. */
enum { BATCH = 21, LONGEST = 300 };

struct batch {
        struct wg_aead_packet packets[BATCH];
        uint8_t plain[LONGEST];
        uint8_t sealed[BATCH][LONGEST + WG_AEAD_TAG_LEN];
        uint8_t opened[BATCH][LONGEST];
};

static const size_t plain_lens[BATCH] = {0,  LONGEST, 65,  1,   16,  17, 64,      63,  128, 200, 32,
                                         48, 33,      299, 129, 192, 80, LONGEST, 256, 15,  5};
static const uint64_t nonces[BATCH] = {
        0,          0x0123456789abcdef, 7,  1,  2,  3,  4,  5,  6,  8, 9,
        UINT32_MAX, UINT64_MAX,         10, 11, 12, 13, 14, 15, 16, 17};

static bool seals(const struct wg_aead_backend *backend, struct batch *b,
                  const uint8_t key[WG_AEAD_KEY_LEN])
{
        uint8_t answer[LONGEST + WG_AEAD_TAG_LEN];

        for (size_t i = 0; i < BATCH; i++)
                b->packets[i] = (struct wg_aead_packet){
                        .to = b->sealed[i],
                        .from = b->plain,
                        .len = plain_lens[i],
                        .nonce = nonces[i],
                };
        backend->seal(key, b->packets, BATCH);
        for (size_t i = 0; i < BATCH; i++) {
                wg_aead_seal(answer, b->plain, plain_lens[i], NULL, 0, nonces[i], key);
                if (memcmp(b->sealed[i], answer, plain_lens[i] + WG_AEAD_TAG_LEN) != 0)
                        return false;
        }
        return true;
}

/* The altered packet, and only that one, must fail to open. */
static bool opens(const struct wg_aead_backend *backend, struct batch *b,
                  const uint8_t key[WG_AEAD_KEY_LEN])
{
        const size_t tampered = 1;

        b->sealed[tampered][0] ^= 1;
        memset(b->opened, 0, sizeof(b->opened));
        for (size_t i = 0; i < BATCH; i++)
                b->packets[i] = (struct wg_aead_packet){
                        .to = b->opened[i],
                        .from = b->sealed[i],
                        .len = plain_lens[i] + WG_AEAD_TAG_LEN,
                        .nonce = nonces[i],
                };
        backend->open(key, b->packets, BATCH);
        for (size_t i = 0; i < BATCH; i++) {
                if (b->packets[i].is_valid != (i != tampered))
                        return false;
                if (i != tampered && memcmp(b->opened[i], b->plain, plain_lens[i]) != 0)
                        return false;
        }
        return wg_is_zero(b->opened[tampered], LONGEST);
}

bool wg_selftest_backend(const struct wg_aead_backend *backend)
{
        uint8_t key[WG_AEAD_KEY_LEN];
        struct batch b = {0};

        count_up(key, sizeof(key), 0x80);
        count_up(b.plain, sizeof(b.plain), 1);
        return seals(backend, &b, key) && opens(backend, &b, key);
}
