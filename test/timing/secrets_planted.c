/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * secrets_planted.c - leaks that the watchers of poison.h must find, one for each common way in
 * which code leaks a secret; and harmless code that they must not report. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "crypto/aead.h"
#include "crypto/blake2s.h"
#include "crypto/x25519.h"
#include "test/lib/cmocka.h"
#include "test/timing/poison.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static uint8_t secret[WG_KEY_LEN];
static volatile unsigned int sink;

static void make_secret(void)
{
        for (size_t i = 0; i < sizeof(secret); i++)
                secret[i] = (uint8_t)(i * 37 + 5);
        poison(secret, sizeof(secret));
}

static void branch(void)
{
        make_secret();
        if (secret[7] & 1)
                sink++;
}

static void loop(void)
{
        make_secret();
        for (unsigned int i = 0; i < (secret[3] & 15u); i++)
                sink++;
}

static void look_up(void)
{
        make_secret();
        sink = (unsigned char)alphabet[secret[9] & 63];
}

static void store_by(void)
{
        static volatile uint8_t seen[256];

        make_secret();
        seen[secret[31]] = 1;
        sink = seen[0];
}

/* The usual way to compare, which leaks where a forged tag is wrong. */
static void compare_early(void)
{
        static const uint8_t forged[WG_KEY_LEN];
        size_t same = 0;

        make_secret();
        while (same < sizeof(secret) && secret[same] == forged[same])
                same++;
        sink = (unsigned int)same;
}

static void compare_memory(void)
{
        /* Through a pointer, or clang turns it into a comparison that leaks nothing. */
        static int (*volatile compare)(const void *, const void *, size_t) = memcmp;
        static uint8_t forged[WG_KEY_LEN];

        make_secret();
        sink = compare(secret, forged, sizeof(secret)) == 0;
}

static void print(void)
{
        char text[16];

        make_secret();
        snprintf(text, sizeof(text), "%d", secret[0]);
}

/* Through the primitives: libcrypto's output is as secret as its input. */
static void branch_on_shared_secret(void)
{
        static const uint8_t theirs[WG_KEY_LEN] = {9};
        struct wg_x25519_key *key;
        uint8_t shared[WG_KEY_LEN];

        make_secret();
        key = wg_x25519_key_new(secret);
        sink = wg_x25519(shared, key, theirs);
        wg_x25519_key_free(key);
        if (shared[0] & 1)
                sink++;
}

static void branch_on_derived_key(void)
{
        uint8_t chaining_key[WG_HASH_LEN] = {0}, key[WG_HASH_LEN];

        make_secret();
        wg_kdf(chaining_key, key, NULL, chaining_key, secret, sizeof(secret));
        if (key[31] & 1)
                sink++;
}

static void branch_on_mac(void)
{
        uint8_t mac[WG_MAC_LEN];

        make_secret();
        wg_mac(mac, secret, sizeof(secret), "message", 7);
        if (mac[15] & 1)
                sink++;
}

static void branch_on_opened(void)
{
        uint8_t box[WG_KEY_LEN + WG_AEAD_TAG_LEN];

        make_secret();
        wg_aead_seal(box, secret, sizeof(secret), NULL, 0, 0, secret);
        sink = wg_aead_open(box, box, sizeof(box), NULL, 0, 0, secret);
        if (box[5] & 1)
                sink++;
}

static const struct {
        int number;
        const char *what;
        void (*function)(void);
        bool is_in_library;
} leaks[] = {
        {1, "a branch", branch, false},
        {2, "a loop", loop, false},
        {3, "a table", look_up, false},
        {4, "a store", store_by, false},
        {5, "a comparison that stops early", compare_early, false},
        {6, "memcmp()", compare_memory, false},
        {7, "a number printed", print, true},
        {8, "a branch on a shared secret", branch_on_shared_secret, false},
        {9, "a branch on a derived key", branch_on_derived_key, false},
        {10, "a branch on a MAC", branch_on_mac, false},
        {11, "a branch on what was sealed", branch_on_opened, false},
};

static void test_leaks_are_found(void **state)
{
        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(leaks); i++) {
                unsigned int found = poison_findings(leaks[i].function);

                print_message("leak %d, %s: found %u\n", leaks[i].number, leaks[i].what, found);
                assert_true(found > 0 || (leaks[i].is_in_library && !poison_sees_libraries()));
        }
}

static void count_bits(void)
{
        unsigned int sum = 0;

        make_secret();
        for (size_t i = 0; i < sizeof(secret); i++)
                sum += (secret[i] >> 3 & 1u) * (unsigned int)i;
        sink = sum;
}

static void copy(void)
{
        uint8_t other[WG_KEY_LEN];

        make_secret();
        memcpy(other, secret, sizeof(other));
        memmove(other + 1, other, sizeof(other) - 1);
        wg_wipe(other, sizeof(other));
}

static void branch_on_declassified(void)
{
        make_secret();
        wg_declassify(&secret[7], 1);
        if (secret[7] & 1)
                sink++;
}

static const struct {
        int number;
        const char *what;
        void (*function)(void);
} harmless[] = {
        {1, "arithmetic", count_bits},
        {2, "a copy", copy},
        {3, "a branch on what was declassified", branch_on_declassified},
};

static void test_harmless_is_not_found(void **state)
{
        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(harmless); i++) {
                unsigned int found = poison_findings(harmless[i].function);

                print_message("no leak %d, %s: found %u\n", harmless[i].number, harmless[i].what,
                              found);
                assert_int_equal(found, 0);
        }
}

static void test_poison_is_known(void **state)
{
        uint8_t bytes[3] = {1, 2, 3};

        (void)state;
        poison(bytes, 2);
        assert_true(is_poisoned(bytes, 2));
        assert_false(is_poisoned(bytes + 2, 1));
        wg_declassify(bytes + 1, 1);
        assert_true(is_poisoned(bytes, 1));
        assert_false(is_poisoned(bytes + 1, 2));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_leaks_are_found),
                cmocka_unit_test(test_harmless_is_not_found),
                cmocka_unit_test(test_poison_is_known),
        };

        return cmocka_run_group_tests(tests, poison_setup, poison_teardown);
}
