/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * test_crypto_wipe.c - no call leaves its key, or anything that reveals the key, in libcrypto's
 * memory: neither in the thread's contexts, which persist, nor in memory freed unwiped. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "test/lib/cmocka.h"
#include <openssl/crypto.h>

#include "base/list.h"
#include "crypto/aead.h"
#include "crypto/blake2s.h"
#include "crypto/x25519.h"
#include "crypto/xchacha.h"
#include "test/lib/with_crypto.h"

/* Before each block of libcrypto's memory. */
struct piece {
        struct wg_list node;
        size_t len;
        _Alignas(max_align_t) uint8_t bytes[];
};

enum { NEEDLE_LEN = 12 };

static struct wg_list pieces;
static const uint8_t *needle;      /* must not be found; NULL: look for nothing */
static unsigned int freed_with_it; /* freed blocks that held it */

static struct piece *piece_of(void *bytes)
{
        return WG_CONTAINER_OF((uint8_t *)bytes, struct piece, bytes);
}

static bool has_needle(const struct piece *piece)
{
        for (size_t at = 0; at + NEEDLE_LEN <= piece->len; at++)
                if (memcmp(piece->bytes + at, needle, NEEDLE_LEN) == 0)
                        return true;
        return false;
}

static void *track_malloc(size_t len, const char *file, int line)
{
        struct piece *piece = calloc(1, sizeof(*piece) + len);

        (void)file;
        (void)line;
        if (!piece)
                return NULL;
        piece->len = len;
        wg_list_append(&pieces, &piece->node);
        return piece->bytes;
}

static void track_free(void *bytes, const char *file, int line)
{
        (void)file;
        (void)line;
        if (!bytes)
                return;
        freed_with_it += needle && has_needle(piece_of(bytes));
        wg_list_remove(&piece_of(bytes)->node);
        free(piece_of(bytes));
}

static void *track_realloc(void *bytes, size_t len, const char *file, int line)
{
        void *grown = track_malloc(len, file, line);

        if (grown && bytes) {
                memcpy(grown, bytes, len < piece_of(bytes)->len ? len : piece_of(bytes)->len);
                track_free(bytes, file, line);
        }
        return grown;
}

static unsigned int count_held(void)
{
        unsigned int held = 0;

        WG_LIST_EACH(node, &pieces)
                held += has_needle(WG_CONTAINER_OF(node, struct piece, node));
        return held;
}

/* The key of every call; its needle is the part that clamping leaves alone. */
static const uint8_t secret[32] = {
        0x9a, 0x01, 0xe7, 0x55, 0x3b, 0xc8, 0x72, 0x1d, 0xf4, 0x86, 0x2f,
        0x60, 0xb3, 0x4e, 0xd9, 0x08, 0xa5, 0x7c, 0x13, 0xee, 0x41, 0x98,
        0x37, 0xcb, 0x64, 0xf2, 0x0d, 0x89, 0xbe, 0x53, 0x26, 0x5f,
};

static void call_mac(void)
{
        uint8_t out[WG_MAC_LEN];

        wg_mac(out, secret, sizeof(secret), "text", 4);
}

static void call_hash(void)
{
        uint8_t out[WG_HASH_LEN];

        wg_hash(out, secret, sizeof(secret), "text", 4);
}

static void call_kdf(void)
{
        uint8_t out[3][WG_HASH_LEN];

        wg_kdf(out[0], out[1], out[2], secret, "text", 4);
}

static void call_kdf_of_secret(void)
{
        uint8_t out[WG_HASH_LEN] = {0};

        wg_kdf(out, NULL, NULL, out, secret, sizeof(secret));
}

static void call_message(void)
{
        uint8_t box[5 + WG_AEAD_TAG_LEN] = "text";

        wg_aead_seal(box, box, 5, NULL, 0, 1, secret);
        assert_true(wg_aead_open(box, box, sizeof(box), NULL, 0, 1, secret));
        assert_false(wg_aead_open(box, box, sizeof(box), NULL, 0, 1, secret));
}

static void call_batch(void)
{
        uint8_t box[5 + WG_AEAD_TAG_LEN] = "text";
        struct wg_aead_packet packet = {box, box, 5, 1, false};

        wg_aead_libcrypto.seal(secret, &packet, 1);
        packet.len = sizeof(box);
        wg_aead_libcrypto.open(secret, &packet, 1);
        assert_true(packet.is_valid);
        wg_aead_libcrypto.open(secret, &packet, 0);
}

static void call_xchacha(void)
{
        static const uint8_t nonce[WG_XCHACHA_NONCE_LEN];
        uint8_t box[5 + WG_AEAD_TAG_LEN] = "text";

        wg_xchacha_seal(box, box, 5, NULL, 0, nonce, secret);
        assert_true(wg_xchacha_open(box, box, sizeof(box), NULL, 0, nonce, secret));
}

static void call_x25519(void)
{
        static const uint8_t base_point[WG_KEY_LEN] = {9}, low_order[WG_KEY_LEN];
        struct wg_x25519_key *key = wg_x25519_key_new(secret);
        uint8_t shared[WG_KEY_LEN];

        assert_non_null(key);
        assert_true(count_held() > 0 || needle != secret + 8); /* the search does find it */
        assert_true(wg_x25519(shared, key, base_point));
        assert_false(wg_x25519(shared, key, low_order));
        wg_x25519_key_free(key);
}

static void (*const calls[])(void) = {
        call_mac,     call_hash,  call_kdf,     call_kdf_of_secret,
        call_message, call_batch, call_xchacha, call_x25519,
};

static void assert_leaves_nothing(void (*call)(void), const uint8_t *what)
{
        needle = what;
        freed_with_it = 0;
        call();
        assert_int_equal(count_held(), 0);
        assert_int_equal(freed_with_it, 0);
        needle = NULL;
}

/* The key itself, and the key in the form of HMAC's two pads. */
static void test_keys(void **state)
{
        static const uint8_t masks[] = {0, 0x36, 0x5c};

        (void)state;
        for (size_t c = 0; c < WG_ARRAY_SIZE(calls); c++)
                for (size_t m = 0; m < WG_ARRAY_SIZE(masks); m++) {
                        uint8_t masked[NEEDLE_LEN];

                        for (size_t i = 0; i < NEEDLE_LEN; i++)
                                masked[i] = secret[8 + i] ^ masks[m];
                        assert_leaves_nothing(calls[c], masks[m] ? masked : secret + 8);
                }
}

/* Values derived from the key are as secret. */
static void test_derived(void **state)
{
        static const uint8_t base_point[WG_KEY_LEN] = {9};
        struct wg_x25519_key *key = wg_x25519_key_new(secret);
        uint8_t out[3][WG_HASH_LEN], other[WG_KEY_LEN], shared[WG_KEY_LEN];

        (void)state;
        wg_kdf(out[0], out[1], out[2], secret, "text", 4);
        for (size_t i = 0; i < 3; i++)
                assert_leaves_nothing(call_kdf, out[i]);

        /* Not with the base point, since the result would be the public key. */
        assert_non_null(key);
        assert_true(wg_x25519(other, key, base_point));
        assert_true(wg_x25519(shared, key, other));
        needle = shared;
        assert_int_equal(count_held(), 0);
        needle = NULL;
        wg_x25519_key_free(key);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_keys),
                cmocka_unit_test(test_derived),
        };

        wg_list_init(&pieces);
        if (!CRYPTO_set_mem_functions(track_malloc, track_realloc, track_free))
                return EXIT_FAILURE;
        return cmocka_run_group_tests(tests, test_crypto_up, test_crypto_down);
}
