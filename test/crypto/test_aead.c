/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * test_aead.c - crypto/aead.h, with each back-end that this processor supports. The one-message
 * functions are checked against RFC 8439 and Wycheproof. No published vector fits the batches (no
 * associated data, 4 zeros in the nonce), so they are checked against the one-message functions.
 * Their buffers are allocated at their exact size, so that a sanitizer sees accesses beyond
 * them. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#include "base/bytes.h"
#include "crypto/aead_nonce96.h"
#include "test/lib/aead_check.h"
#include "test/lib/cmocka.h"
#include "test/lib/with_crypto.h"
#include "test/vectors/wycheproof_chacha20_poly1305.h"

enum { LONGEST = 65519, LENGTHS = 302, MOST_PACKETS = 33 };

/* For each back-end of this processor. */
#define EACH_BACKEND(backend) for (size_t nth_ = 0; (backend = wg_aead_nth(nth_)) != NULL; nth_++)

static const uint8_t key[WG_AEAD_KEY_LEN] = {1, 2, 3, [31] = 4};

/* The nonce of RFC 8439 in the form that WireGuard uses. */

static void seal_counter(uint8_t *to, const uint8_t *from, size_t len, const void *ad,
                         size_t ad_len, const uint8_t *nonce, const uint8_t *k)
{
        wg_aead_seal(to, from, len, ad, ad_len, wg_le64_load(nonce + 4), k);
}

static bool open_counter(uint8_t *to, const uint8_t *from, size_t len, const void *ad,
                         size_t ad_len, const uint8_t *nonce, const uint8_t *k)
{
        return wg_aead_open(to, from, len, ad, ad_len, wg_le64_load(nonce + 4), k);
}

static const struct aead_functions nonce96 = {
        .name = "any nonce",
        .nonce_len = WG_AEAD_NONCE_LEN,
        .seal = wg_aead_seal_nonce96,
        .open = wg_aead_open_nonce96,
};
static const struct aead_functions counter = {
        .name = "counter",
        .nonce_len = WG_AEAD_NONCE_LEN,
        .seal = seal_counter,
        .open = open_counter,
};
static void test_rfc8439(void **state)
{
        /* section 2.8.2 */
        static const struct aead_vector vector = {
                1,
                true,
                "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
                "070000004041424344454647",
                "50515253c0c1c2c3c4c5c6c7",
                "4c616469657320616e642047656e746c656d656e206f662074686520636c6173"
                "73206f66202739393a204966204920636f756c64206f6666657220796f75206f"
                "6e6c79206f6e652074697020666f7220746865206675747572652c2073756e73"
                "637265656e20776f756c642062652069742e",
                "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6"
                "3dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36"
                "92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc"
                "3ff4def08e4b7a9de576d26586cec64b6116",
                "1ae10b594f09e26a7e902ecbd0600691",
        };
        struct aead_bytes b;

        (void)state;
        aead_decode(&b, &vector);
        assert_true(aead_agrees(&nonce96, &b, true));
}

static void assert_vector(const struct aead_functions *f, const struct aead_bytes *b,
                          const struct aead_vector *v)
{
        if (!aead_agrees(f, b, v->is_valid))
                fail_msg("vector %u by %s", v->number, f->name);
}

static void test_wycheproof(void **state)
{
        size_t executed = 0, by_counter = 0, skipped = 0;

        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(wycheproof_chacha20_poly1305); i++) {
                const struct aead_vector *v = &wycheproof_chacha20_poly1305[i];
                struct aead_bytes b;

                aead_decode(&b, v);
                if (b.nonce_len != WG_AEAD_NONCE_LEN) {
                        skipped++;
                        continue;
                }
                executed++;
                assert_vector(&nonce96, &b, v);
                if (wg_is_zero(b.nonce, 4)) {
                        by_counter++;
                        assert_vector(&counter, &b, v);
                }
        }
        print_message("Wycheproof ChaCha20-Poly1305: %zu executed (%zu of them, whose nonce begins "
                      "with 4 zeros, also by the counter), %zu skipped (their nonce is not of 12 "
                      "bytes, which the type of the argument rules out)\n",
                      executed, by_counter, skipped);
        assert_int_equal(executed, 316);
        assert_int_equal(by_counter, 10);
        assert_int_equal(skipped, 9);
}

static void test_choose(void **state)
{
        const struct wg_aead_backend *backend, *last = NULL;

        (void)state;
        EACH_BACKEND(backend)
        {
                assert_ptr_equal(wg_aead_choose(backend->name), backend);
                assert_false(wg_aead_is_broken(backend));
                print_message("back-end: %s\n", backend->name);
                last = backend;
        }
        assert_ptr_equal(last, &wg_aead_libcrypto);
        assert_ptr_equal(wg_aead_choose(NULL), wg_aead_nth(0));
        assert_ptr_equal(wg_aead_choose("libcrypto"), &wg_aead_libcrypto);
        assert_null(wg_aead_choose(""));
        assert_null(wg_aead_choose("libcrypt"));
        assert_null(wg_aead_choose("LIBCRYPTO"));
}

/* Batches. Each packet has its own buffers; packets of a batch differ in length and content. */

struct load {
        struct wg_aead_packet packets[MOST_PACKETS];
        uint8_t *plain[MOST_PACKETS];  /* len bytes */
        uint8_t *sealed[MOST_PACKETS]; /* len + 16, by wg_aead_seal() */
        uint8_t *to[MOST_PACKETS];     /* len + 16 */
        size_t len[MOST_PACKETS];
        uint64_t nonce[MOST_PACKETS];
        size_t n;
};

/* 0 to 300, and the longest payload of a UDP datagram. */
static size_t nth_length(size_t i)
{
        return i % LENGTHS == LENGTHS - 1 ? LONGEST : i % LENGTHS;
}

static uint8_t *allocate(size_t len)
{
        uint8_t *memory = malloc(len ? len : 1);

        assert_non_null(memory);
        return memory;
}

static void load_new(struct load *l, size_t n, size_t first)
{
        static const uint64_t edges[] = {0, 1, UINT32_MAX, (uint64_t)1 << 32, UINT64_MAX};

        l->n = n;
        for (size_t i = 0; i < n; i++) {
                size_t len = l->len[i] = nth_length(first + i);

                l->nonce[i] = i < WG_ARRAY_SIZE(edges) ? edges[i] : first * MOST_PACKETS + i;
                l->plain[i] = allocate(len);
                l->sealed[i] = allocate(len + WG_AEAD_TAG_LEN);
                l->to[i] = allocate(len + WG_AEAD_TAG_LEN);
                for (size_t at = 0; at < len; at++)
                        l->plain[i][at] = (uint8_t)(1 + i + first + at * 7 + (at >> 8));
                wg_aead_seal(l->sealed[i], l->plain[i], len, NULL, 0, l->nonce[i], key);
        }
}

static void load_free(struct load *l)
{
        for (size_t i = 0; i < l->n; i++) {
                free(l->plain[i]);
                free(l->sealed[i]);
                free(l->to[i]);
        }
}

static void seal_load(struct load *l, const struct wg_aead_backend *backend, bool is_in_place)
{
        for (size_t i = 0; i < l->n; i++) {
                l->packets[i] = (struct wg_aead_packet){l->to[i], l->plain[i], l->len[i],
                                                        l->nonce[i], false};
                if (is_in_place) {
                        memcpy(l->to[i], l->plain[i], l->len[i]);
                        l->packets[i].from = l->to[i];
                }
        }
        backend->seal(key, l->packets, l->n);
        for (size_t i = 0; i < l->n; i++)
                assert_memory_equal(l->to[i], l->sealed[i], l->len[i] + WG_AEAD_TAG_LEN);
}

/* Opens all; only packet `tampered`, counted from 0, must fail. A value of n or more means none. */
static void open_load(struct load *l, const struct wg_aead_backend *backend, bool is_in_place,
                      size_t tampered)
{
        for (size_t i = 0; i < l->n; i++) {
                l->packets[i] = (struct wg_aead_packet){l->to[i], l->sealed[i],
                                                        l->len[i] + WG_AEAD_TAG_LEN, l->nonce[i],
                                                        i == tampered};
                memset(l->to[i], 0, l->len[i] + WG_AEAD_TAG_LEN);
                if (is_in_place) {
                        memcpy(l->to[i], l->sealed[i], l->len[i] + WG_AEAD_TAG_LEN);
                        l->packets[i].from = l->to[i];
                }
        }
        backend->open(key, l->packets, l->n);
        for (size_t i = 0; i < l->n; i++) {
                assert_int_equal(l->packets[i].is_valid, i != tampered);
                if (i != tampered)
                        assert_memory_equal(l->to[i], l->plain[i], l->len[i]);
                else
                        assert_true(aead_is_closed(l->to[i], l->sealed[i], l->len[i]));
        }
}

static void test_batches(void **state)
{
        const struct wg_aead_backend *backend;
        static const size_t counts[] = {0, 1, 2, MOST_PACKETS};

        (void)state;
        EACH_BACKEND(backend)
        for (size_t c = 0; c < WG_ARRAY_SIZE(counts); c++)
                for (size_t first = 0; first < LENGTHS; first += WG_MAX(counts[c], 1u)) {
                        struct load l;

                        load_new(&l, counts[c], first);
                        for (int is_in_place = 0; is_in_place <= 1; is_in_place++) {
                                seal_load(&l, backend, is_in_place);
                                open_load(&l, backend, is_in_place, SIZE_MAX);
                        }
                        load_free(&l);
                }
}

/* One bit at either end of the ciphertext and of the tag, in each packet of a batch in turn. */
static void test_tampered_batches(void **state)
{
        const struct wg_aead_backend *backend;
        (void)state;
        EACH_BACKEND(backend)
        for (size_t first = 0; first < LENGTHS; first += MOST_PACKETS) {
                struct load l;

                load_new(&l, MOST_PACKETS, first);
                for (size_t i = 0; i < l.n; i++) {
                        const size_t at[] = {0, l.len[i] ? l.len[i] - 1 : 0, l.len[i],
                                             l.len[i] + WG_AEAD_TAG_LEN - 1};

                        for (size_t a = 0; a < WG_ARRAY_SIZE(at); a++) {
                                uint8_t bit = (uint8_t)(1u << (i + a) % 8);

                                l.sealed[i][at[a]] ^= bit;
                                open_load(&l, backend, (i + a) % 2, i);
                                l.sealed[i][at[a]] ^= bit;
                        }
                }
                load_free(&l);
        }
}

static void test_wrong_nonce_or_key(void **state)
{
        const struct wg_aead_backend *backend;
        (void)state;
        EACH_BACKEND(backend)
        for (unsigned int bit = 0; bit < 64; bit++) {
                static const uint8_t plain[20] = "twenty bytes of text";
                uint8_t box[sizeof(plain) + WG_AEAD_TAG_LEN], other[WG_AEAD_KEY_LEN];
                uint8_t out[sizeof(plain)] = {0};
                struct wg_aead_packet packet = {box, plain, sizeof(plain), 5, false};

                backend->seal(key, &packet, 1);
                packet = (struct wg_aead_packet){out, box, sizeof(box), 5 ^ (uint64_t)1 << bit,
                                                 true};
                backend->open(key, &packet, 1);
                assert_false(packet.is_valid);
                memcpy(other, key, sizeof(other));
                other[bit / 2] ^= 0x10;
                packet.nonce = 5;
                packet.is_valid = true;
                backend->open(other, &packet, 1);
                assert_false(packet.is_valid);
                assert_true(wg_is_zero(out, sizeof(out)));
        }
}

/* A packet too short for a tag is invalid; others in the same batch are not. */
static void test_too_short(void **state)
{
        const struct wg_aead_backend *backend;
        uint8_t box[3][WG_AEAD_TAG_LEN], to[3][WG_AEAD_TAG_LEN];

        (void)state;
        wg_aead_seal(box[0], NULL, 0, NULL, 0, 0, key);
        memcpy(box[1], box[0], sizeof(box[0]));
        memcpy(box[2], box[0], sizeof(box[0]));
        for (size_t len = 0; len < WG_AEAD_TAG_LEN; len++) {
                assert_false(wg_aead_open(to[0], box[0], len, NULL, 0, 0, key));
                EACH_BACKEND(backend)
                {
                        struct wg_aead_packet packets[3] = {
                                {to[0], box[0], WG_AEAD_TAG_LEN, 0, false},
                                {to[1], box[1], len, 0, true},
                                {to[2], box[2], WG_AEAD_TAG_LEN, 0, false},
                        };

                        backend->open(key, packets, 3);
                        assert_true(packets[0].is_valid);
                        assert_false(packets[1].is_valid);
                        assert_true(packets[2].is_valid);
                }
        }
}

/* ---- at the ends of pages ---- */

enum { PAGE = 4096, AT_PAGE_ENDS = 19 };

/* A page between two inaccessible ones. */
static uint8_t *fenced_page(void)
{
        uint8_t *memory = mmap(NULL, (size_t)3 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                               0);

        assert_ptr_not_equal(memory, MAP_FAILED);
        assert_int_equal(mprotect(memory + PAGE, PAGE, PROT_READ | PROT_WRITE), 0);
        return memory + PAGE;
}

/* Seals and opens n packets of `len` bytes at the end or at the beginning of their pages. */
static void check_at_page_ends(const struct wg_aead_backend *backend, uint8_t *pages[], size_t n,
                               size_t len, bool at_end)
{
        struct wg_aead_packet packets[AT_PAGE_ENDS];
        uint8_t answer[PAGE], plain[PAGE];

        for (size_t i = 0; i < n; i++) {
                uint8_t *at = pages[i] + (at_end ? PAGE - len - WG_AEAD_TAG_LEN : 0);

                memset(at, (int)(i + 1), len);
                packets[i] = (struct wg_aead_packet){at, at, len, i, false};
        }
        backend->seal(key, packets, n);
        for (size_t i = 0; i < n; i++) {
                memset(plain, (int)(i + 1), len);
                wg_aead_seal(answer, plain, len, NULL, 0, i, key);
                assert_memory_equal(packets[i].to, answer, len + WG_AEAD_TAG_LEN);
                packets[i].len = len + WG_AEAD_TAG_LEN;
        }
        backend->open(key, packets, n);
        for (size_t i = 0; i < n; i++) {
                assert_true(packets[i].is_valid);
                assert_true(len == 0 || packets[i].to[len - 1] == i + 1);
        }
}

static void test_only_the_buffers_are_touched(void **state)
{
        static const size_t counts[] = {1, 2, 3, 5, 9, AT_PAGE_ENDS};
        const struct wg_aead_backend *backend;
        uint8_t *pages[AT_PAGE_ENDS];

        (void)state;
        for (size_t i = 0; i < AT_PAGE_ENDS; i++)
                pages[i] = fenced_page();
        EACH_BACKEND(backend)
        for (size_t c = 0; c < WG_ARRAY_SIZE(counts); c++)
                for (size_t len = 0; len < 600; len += len < 140 ? 1 : 37)
                        for (int at_end = 0; at_end <= 1; at_end++)
                                check_at_page_ends(backend, pages, counts[c], len, at_end);
        for (size_t i = 0; i < AT_PAGE_ENDS; i++)
                munmap(pages[i] - PAGE, (size_t)3 * PAGE);
}

/* ---- any shape ---- */

static uint64_t random_state;

static uint32_t random_below(uint32_t bound)
{
        random_state = random_state * 6364136223846793005u + 1442695040888963407u;
        return (uint32_t)(((random_state >> 33) * bound) >> 31);
}

/* Of one kind per batch: all equal, similar, arbitrary, or short and long mixed. */
static size_t random_length(unsigned int kind, size_t common)
{
        switch (kind) {
        case 0:
                return common;
        case 1:
                return common + random_below(16);
        case 2:
                return random_below(1600);
        default:
                return random_below(2) ? random_below(80) : 1424;
        }
}

/* Each back-end gives the same result as libcrypto for a batch of any shape. */
static void test_random_batches(void **state)
{
        enum { MOST = 70, ROOM = 1700 };
        static uint8_t text[MOST][ROOM], answer[MOST][ROOM], to[MOST][ROOM];
        const struct wg_aead_backend *backend;

        (void)state;
        random_state = (uint64_t)time(NULL);
        print_message("seed %llu\n", (unsigned long long)random_state);
        for (unsigned int round = 0; round < 400; round++) {
                struct wg_aead_packet packets[MOST];
                size_t n = random_below(MOST + 1), common = random_below(1584);
                size_t tampered = random_below(MOST);
                uint64_t nonce = (uint64_t)random_below(INT32_MAX) << random_below(34);
                unsigned int kind = random_below(4), shift = random_below(17);
                size_t len[MOST];

                for (size_t i = 0; i < n; i++) {
                        len[i] = random_length(kind, common);
                        for (size_t at = 0; at < len[i]; at++)
                                text[i][at] = (uint8_t)random_below(256);
                        packets[i] = (struct wg_aead_packet){answer[i], text[i], len[i], nonce + i,
                                                             false};
                }
                wg_aead_libcrypto.seal(key, packets, n);
                EACH_BACKEND(backend)
                {
                        for (size_t i = 0; i < n; i++) {
                                uint8_t *at = to[i] + shift;

                                memset(to[i], 0x5a, ROOM);
                                memcpy(at, text[i], len[i]);
                                packets[i] = (struct wg_aead_packet){at, kind % 2 ? at : text[i],
                                                                     len[i], nonce + i, false};
                        }
                        backend->seal(key, packets, n);
                        for (size_t i = 0; i < n; i++) {
                                uint8_t *at = to[i] + shift;

                                assert_memory_equal(at, answer[i], len[i] + WG_AEAD_TAG_LEN);
                                assert_int_equal(at[len[i] + WG_AEAD_TAG_LEN], 0x5a);
                                packets[i].from = at;
                                packets[i].len = len[i] + WG_AEAD_TAG_LEN;
                                if (i == tampered)
                                        at[random_below((uint32_t)packets[i].len)] ^= 0x10;
                        }
                        backend->open(key, packets, n);
                        for (size_t i = 0; i < n; i++) {
                                assert_int_equal(packets[i].is_valid, i != tampered);
                                if (i != tampered)
                                        assert_memory_equal(packets[i].to, text[i], len[i]);
                        }
                }
        }
}

/* Ciphertexts of one block, under `key` and a nonce, that bring Poly1305's accumulator to an edge
 * before the pad is added: 0 to 5 (which may be held as p to p + 4, and must be reduced), p minus
 * 1, 2 and 5, and powers of two at the boundaries of limbs and words, or one less. Found by solving
 * c r^2 + L r = h for c, modulo p, with big integers. */
static const struct {
        uint64_t nonce;
        uint8_t cipher[16];
} edges[] = {
        {1,
         {0x44, 0x89, 0x23, 0x39, 0x8e, 0x0b, 0xcf, 0xed, 0x41, 0xdc, 0x48, 0x3c, 0x33, 0x26, 0x48,
          0x37}},
        {19,
         {0x77, 0x8d, 0x33, 0x43, 0xb1, 0x53, 0x4e, 0x39, 0x58, 0x41, 0xb6, 0x84, 0xb7, 0x70, 0x80,
          0xb3}},
        {22,
         {0x34, 0xdb, 0x9f, 0xfc, 0x4b, 0x20, 0xbe, 0xf8, 0xed, 0x9d, 0x21, 0x61, 0x04, 0x09, 0x76,
          0x6a}},
        {24,
         {0x20, 0xce, 0xdb, 0x4f, 0xde, 0xb1, 0xf4, 0x0c, 0xce, 0x3a, 0xaa, 0x4a, 0xee, 0xf9, 0x9e,
          0xef}},
        {26,
         {0xe0, 0x8c, 0x0b, 0xcf, 0x01, 0x1f, 0x4f, 0x44, 0x08, 0x77, 0x93, 0xa8, 0x75, 0x4a, 0xe8,
          0x06}},
        {35,
         {0xa6, 0xce, 0x64, 0x3f, 0x96, 0x47, 0xcf, 0x6f, 0xbe, 0x40, 0x8c, 0x01, 0x4d, 0xca, 0xd9,
          0xa0}},
        {43,
         {0x56, 0xb2, 0x6d, 0x62, 0x4f, 0xf8, 0xe3, 0xee, 0xcc, 0x39, 0x1c, 0x89, 0x0b, 0x68, 0x56,
          0x73}},
        {44,
         {0x1a, 0xda, 0x93, 0x42, 0xe2, 0xf9, 0x36, 0xb8, 0x2d, 0x21, 0x05, 0x0e, 0x04, 0xb4, 0x8b,
          0x5c}},
        {49,
         {0x7b, 0x51, 0xcd, 0x56, 0x44, 0x28, 0x76, 0x1a, 0xf5, 0x38, 0x97, 0xe5, 0x72, 0xf6, 0xed,
          0x14}},
        {58,
         {0x67, 0x6f, 0xb4, 0xfc, 0x12, 0x01, 0x96, 0x34, 0xad, 0xd6, 0xc6, 0x8d, 0x35, 0x8c, 0x93,
          0x32}},
        {59,
         {0x80, 0x81, 0x58, 0x66, 0x21, 0x7a, 0x13, 0x21, 0x0f, 0x9a, 0x91, 0x75, 0x49, 0xc1, 0xe5,
          0xc5}},
        {60,
         {0xfa, 0x6d, 0x09, 0xcb, 0x66, 0xe6, 0x86, 0x0b, 0x3e, 0xbd, 0x43, 0x8e, 0x2e, 0x86, 0x86,
          0x90}},
        {63,
         {0x74, 0x72, 0xcb, 0xf8, 0x66, 0xa7, 0x0d, 0x00, 0x75, 0xb6, 0x7a, 0xe9, 0x87, 0x6e, 0x7e,
          0xb2}},
        {69,
         {0xdd, 0x34, 0x7c, 0xe0, 0x27, 0xcc, 0xc9, 0x53, 0xc7, 0x22, 0x20, 0xc2, 0xe8, 0xdf, 0x36,
          0xe4}},
        {70,
         {0x0e, 0x88, 0x41, 0x7d, 0x44, 0x36, 0xf9, 0xd7, 0x5c, 0x3c, 0x7e, 0x71, 0xe8, 0xfe, 0x90,
          0x90}},
        {71,
         {0x41, 0x4e, 0xe6, 0xe9, 0x04, 0x6f, 0x2e, 0x51, 0x3e, 0x13, 0x24, 0xf9, 0x6f, 0xae, 0x14,
          0x66}},
        {72,
         {0xba, 0x52, 0xc6, 0xc8, 0xe9, 0x4f, 0x48, 0x9b, 0x4b, 0xd3, 0xb7, 0x62, 0x02, 0x65, 0xab,
          0x1b}},
        {79,
         {0x72, 0xe0, 0xb8, 0xeb, 0x74, 0x46, 0x57, 0x73, 0x93, 0x5a, 0x16, 0x51, 0xc9, 0x32, 0x9b,
          0x28}},
};

static void test_edges_of_poly1305(void **state)
{
        enum { EDGES = WG_ARRAY_SIZE(edges), LEN = 16 };
        static const uint8_t zeros[LEN];
        uint8_t plain[EDGES][LEN], answer[EDGES][LEN + WG_AEAD_TAG_LEN],
                to[EDGES][sizeof(answer[0])];
        struct wg_aead_packet packets[EDGES];
        const struct wg_aead_backend *backend;

        (void)state;
        for (size_t i = 0; i < EDGES; i++) {
                wg_aead_seal(answer[i], zeros, LEN, NULL, 0, edges[i].nonce, key);
                for (size_t at = 0; at < LEN; at++)
                        plain[i][at] = answer[i][at] ^ edges[i].cipher[at];
                wg_aead_seal(answer[i], plain[i], LEN, NULL, 0, edges[i].nonce, key);
                assert_memory_equal(answer[i], edges[i].cipher, LEN);
        }
        EACH_BACKEND(backend)
        for (size_t batch = 1; batch <= EDGES; batch += 5)
                for (size_t i = 0; i < EDGES; i += batch) {
                        size_t n = WG_MIN(batch, EDGES - i);

                        for (size_t j = i; j < i + n; j++)
                                packets[j] = (struct wg_aead_packet){to[j], plain[j], LEN,
                                                                     edges[j].nonce, false};
                        backend->seal(key, packets + i, n);
                        for (size_t j = i; j < i + n; j++) {
                                assert_memory_equal(to[j], answer[j], sizeof(answer[j]));
                                packets[j].from = to[j];
                                packets[j].len = sizeof(answer[j]);
                        }
                        backend->open(key, packets + i, n);
                        for (size_t j = i; j < i + n; j++)
                                assert_true(packets[j].is_valid);
                }
}

/* Lengths up to the maximum, in one batch, sealed out of place and opened in place. */
static void test_long_batches(void **state)
{
        enum { MOST = 19, LONGER = 65535 };
        static uint8_t text[MOST][LONGER], answer[MOST][LONGER + WG_AEAD_TAG_LEN];
        static uint8_t to[MOST][sizeof(answer[0])];
        const struct wg_aead_backend *backend;
        struct wg_aead_packet packets[MOST];

        (void)state;
        random_state = (uint64_t)time(NULL);
        print_message("seed %llu\n", (unsigned long long)random_state);
        for (unsigned int round = 0; round < 6; round++) {
                size_t n = 1 + random_below(MOST), len[MOST];

                for (size_t i = 0; i < n; i++) {
                        len[i] = i ? random_below(LONGER + 1) : LONGER;
                        for (size_t at = 0; at < len[i]; at++)
                                text[i][at] = (uint8_t)(random_state >> at % 57);
                        packets[i] = (struct wg_aead_packet){answer[i], text[i], len[i], i, false};
                }
                wg_aead_libcrypto.seal(key, packets, n);
                EACH_BACKEND(backend)
                {
                        size_t tampered = random_below((uint32_t)n);

                        for (size_t i = 0; i < n; i++)
                                packets[i] = (struct wg_aead_packet){to[i], text[i], len[i], i,
                                                                     false};
                        backend->seal(key, packets, n);
                        for (size_t i = 0; i < n; i++) {
                                assert_memory_equal(to[i], answer[i], len[i] + WG_AEAD_TAG_LEN);
                                packets[i].from = to[i];
                                packets[i].len = len[i] + WG_AEAD_TAG_LEN;
                        }
                        to[tampered][len[tampered] / 2] ^= 1;
                        backend->open(key, packets, n);
                        for (size_t i = 0; i < n; i++) {
                                assert_int_equal(packets[i].is_valid, i != tampered);
                                if (i != tampered)
                                        assert_memory_equal(to[i], text[i], len[i]);
                        }
                }
        }
}

/* One message with associated data of each length; each byte of it counts. */
static void test_associated_data(void **state)
{
        uint8_t ad[100], plain[33], box[sizeof(plain) + WG_AEAD_TAG_LEN], out[sizeof(plain)];

        (void)state;
        memset(ad, 0x3c, sizeof(ad));
        memset(plain, 0x77, sizeof(plain));
        for (size_t ad_len = 0; ad_len <= sizeof(ad); ad_len++) {
                wg_aead_seal(box, plain, sizeof(plain), ad, ad_len, 9, key);
                assert_true(wg_aead_open(out, box, sizeof(box), ad, ad_len, 9, key));
                assert_memory_equal(out, plain, sizeof(plain));
                for (size_t at = 0; at < ad_len; at++) {
                        ad[at] ^= 0x40;
                        assert_false(wg_aead_open(out, box, sizeof(box), ad, ad_len, 9, key));
                        assert_true(wg_is_zero(out, sizeof(out)));
                        ad[at] ^= 0x40;
                }
                if (ad_len)
                        assert_false(wg_aead_open(out, box, sizeof(box), ad, ad_len - 1, 9, key));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_rfc8439),
                cmocka_unit_test(test_wycheproof),
                cmocka_unit_test(test_choose),
                cmocka_unit_test(test_batches),
                cmocka_unit_test(test_tampered_batches),
                cmocka_unit_test(test_wrong_nonce_or_key),
                cmocka_unit_test(test_too_short),
                cmocka_unit_test(test_associated_data),
                cmocka_unit_test(test_only_the_buffers_are_touched),
                cmocka_unit_test(test_random_batches),
                cmocka_unit_test(test_long_batches),
                cmocka_unit_test(test_edges_of_poly1305),
        };

        return cmocka_run_group_tests(tests, test_crypto_up, test_crypto_down);
}
