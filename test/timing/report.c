/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * report.c - measures whether the running time of code that handles secrets depends on them. Where
 * poison.h reasons, this measures: on this processor, with everything that affects an instruction's
 * time.
 *
 * Each subject runs on inputs of two classes, in random order, and each call is timed. Welch's t
 * gives the distance between the means in units of their uncertainty. The slowest calls are
 * interrupts and the like: t is also computed without them, cropped at several places, and the
 * greatest value counts. A subject leaks if that exceeds a limit in every round: chance, or other
 * load, does not repeat itself. One subject has a planted leak, which must be found.
 *
 * Needs a machine that is otherwise idle; `make check-long` runs it. The last line is "N passed, N
 * failed, N skipped".
 *
 * Source: O. Reparaz, J. Balasch, I. Verbauwhede, "Dude, is my code constant time?" (2017); B. L.
 * Welch, "The generalization of Student's problem..." (1947). */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "conf/base64.h"
#include "conf/hex.h"
#include "core/cookie.h"
#include "crypto/aead.h"
#include "crypto/crypto.h"
#include "crypto/x25519.h"
#include "test/lib/env.h"

enum { POOL = 64, ROUNDS = 3, CROPS = 6, INPUT_MAX = 256, TEXT_LEN = 64 };

#define T_LIMIT 10.0

/* ---- the clock ---- */

/* Cycles if programs can read them, else nanoseconds. */
static inline uint64_t ticks(void)
{
#if defined(__x86_64__)
        uint32_t low, high;

        __asm__ volatile("lfence\n\trdtsc\n\tlfence" : "=a"(low), "=d"(high) : : "memory");
        return (uint64_t)high << 32 | low;
#else
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
#endif
}

/* ---- subjects ---- */

static struct test_env env;
static const struct wg_aead_backend *backend; /* the one being measured */
static volatile unsigned int sink;
static uint8_t pool[2][POOL][INPUT_MAX];
static struct wg_x25519_key *scalars[2][POOL];

static const uint8_t key[WG_KEY_LEN] = {1, 2, 3, 4, 5, 6, 7, 8};

static void fill(void *out, size_t len)
{
        test_env_fill(&env, out, len);
}

/* The first or the last of 32 bytes is wrong; the others match the key. */
static void make_near_key(uint8_t *input, unsigned int side, size_t i)
{
        (void)i;
        memcpy(input, key, sizeof(key));
        input[side ? sizeof(key) - 1 : 0] ^= 1;
}

static void compare_early(const uint8_t *input)
{
        size_t same = 0;

        while (same < sizeof(key) && ((const volatile uint8_t *)input)[same] == key[same])
                same++;
        sink = (unsigned int)same;
}

static void compare(const uint8_t *input)
{
        sink = wg_equal(input, key, sizeof(key));
}

/* A sealed message with a tag that is wrong in its first or its last byte. */
static void make_forged(uint8_t *input, unsigned int side, size_t i)
{
        memset(input, 0, TEXT_LEN);
        wg_aead_seal(input, input, TEXT_LEN, NULL, 0, i, key);
        input[TEXT_LEN + (side ? WG_AEAD_TAG_LEN - 1 : 0)] ^= 1;
        memcpy(input + TEXT_LEN + WG_AEAD_TAG_LEN, &i, sizeof(i));
}

static uint64_t nonce_of(const uint8_t *input)
{
        size_t nonce;

        memcpy(&nonce, input + TEXT_LEN + WG_AEAD_TAG_LEN, sizeof(nonce));
        return nonce;
}

static void open_one(const uint8_t *input)
{
        uint8_t text[TEXT_LEN];

        sink = wg_aead_open(text, input, TEXT_LEN + WG_AEAD_TAG_LEN, NULL, 0, nonce_of(input), key);
}

static void open_batch(const uint8_t *input)
{
        uint8_t text[TEXT_LEN];
        struct wg_aead_packet packet = {.to = text,
                                        .from = input,
                                        .len = TEXT_LEN + WG_AEAD_TAG_LEN,
                                        .nonce = nonce_of(input)};

        backend->open(key, &packet, 1);
        sink = packet.is_valid;
}

/* One key and text, or new ones each time. */
static void make_key_and_text(uint8_t *input, unsigned int side, size_t i)
{
        (void)i;
        memset(input, 0, WG_AEAD_KEY_LEN + TEXT_LEN);
        if (side)
                fill(input, WG_AEAD_KEY_LEN + TEXT_LEN);
}

static void seal_batch(const uint8_t *input)
{
        uint8_t box[TEXT_LEN + WG_AEAD_TAG_LEN];
        struct wg_aead_packet packet = {
                .to = box, .from = input + WG_AEAD_KEY_LEN, .len = TEXT_LEN, .nonce = 1};

        backend->seal(input, &packet, 1);
        sink = box[0];
}

static void derive(const uint8_t *input)
{
        uint8_t out[3][WG_HASH_LEN];

        wg_kdf(out[0], out[1], out[2], input, input + WG_AEAD_KEY_LEN, WG_KEY_LEN);
        sink = out[2][0];
}

static void make_initiation(uint8_t *input, unsigned int side, size_t i)
{
        uint8_t *mac1 = input + WG_INITIATION_MAC1;

        (void)i;
        memset(input, 0x55, WG_INITIATION_LEN);
        wg_mac(mac1, key, sizeof(key), input, WG_INITIATION_MAC1);
        mac1[side ? WG_MESSAGE_MAC_LEN - 1 : 0] ^= 1;
}

static void check_mac1(const uint8_t *input)
{
        sink = wg_cookie_has_mac1(key, input, WG_INITIATION_LEN);
}

/* Prepared keys, selected by the input. */
static void make_scalar(uint8_t *input, unsigned int side, size_t i)
{
        uint8_t scalar[WG_KEY_LEN] = {8};

        if (side)
                fill(scalar, sizeof(scalar));
        wg_x25519_key_free(scalars[side][i]);
        scalars[side][i] = wg_x25519_key_new(scalar);
        if (!scalars[side][i])
                abort();
        memcpy(input, &scalars[side][i], sizeof(scalars[side][i]));
}

static void exchange(const uint8_t *input)
{
        static const uint8_t theirs[WG_KEY_LEN] = {9};
        struct wg_x25519_key *ours;
        uint8_t shared[WG_KEY_LEN];

        memcpy(&ours, input, sizeof(ours));
        sink = wg_x25519(shared, ours, theirs);
}

/* The scalar itself; its public key is computed. */
static void make_private_key(uint8_t *input, unsigned int side, size_t i)
{
        make_key_and_text(input, side, i);
        input[0] |= 8;
}

static void make_key_object(const uint8_t *input)
{
        struct wg_x25519_key *made = wg_x25519_key_new(input);

        wg_x25519_key_free(made);
}

static void make_hex(uint8_t *input, unsigned int side, size_t i)
{
        uint8_t bytes[WG_AEAD_KEY_LEN + TEXT_LEN];

        make_key_and_text(bytes, side, i);
        tl_hex_encode((char *)input, bytes, WG_KEY_LEN);
}

static void read_hex(const uint8_t *input)
{
        uint8_t bytes[WG_KEY_LEN];

        sink = tl_hex_decode(bytes, sizeof(bytes), (const char *)input, 2 * WG_KEY_LEN);
}

static void write_hex(const uint8_t *input)
{
        char text[2 * WG_KEY_LEN];

        tl_hex_encode(text, input, WG_KEY_LEN);
        sink = (unsigned char)text[0];
}

static void make_base64(uint8_t *input, unsigned int side, size_t i)
{
        uint8_t bytes[WG_AEAD_KEY_LEN + TEXT_LEN];

        make_key_and_text(bytes, side, i);
        tl_base64_encode((char *)input, bytes, WG_KEY_LEN);
}

static void read_base64(const uint8_t *input)
{
        uint8_t bytes[WG_KEY_LEN];

        sink = tl_base64_decode(bytes, sizeof(bytes), (const char *)input,
                                TL_BASE64_LEN(WG_KEY_LEN));
}

static void write_base64(const uint8_t *input)
{
        char text[TL_BASE64_LEN(WG_KEY_LEN)];

        tl_base64_encode(text, input, WG_KEY_LEN);
        sink = (unsigned char)text[0];
}

static const struct subject {
        const char *what, *classes;
        void (*make)(uint8_t *input, unsigned int side, size_t i);
        void (*run)(const uint8_t *input);
        size_t calls;
        bool leaks;      /* it was planted */
        bool is_batched; /* once for each back-end */
} subjects[] = {
        {"planted: stops early", "wrong first/last", make_near_key, compare_early, 100000, true,
         false},
        {"wg_equal", "wrong first/last", make_near_key, compare, 200000, false, false},
        {"tag, one message", "wrong first/last", make_forged, open_one, 200000, false, false},
        {"tag, batch", "wrong first/last", make_forged, open_batch, 200000, false, true},
        {"mac1", "wrong first/last", make_initiation, check_mac1, 200000, false, false},
        {"seal", "fixed/random key, text", make_key_and_text, seal_batch, 200000, false, true},
        {"kdf", "fixed/random key, input", make_key_and_text, derive, 100000, false, false},
        {"x25519", "fixed/random scalar", make_scalar, exchange, 20000, false, false},
        {"x25519 public key", "fixed/random scalar", make_private_key, make_key_object, 20000,
         false, false},
        {"hex read", "fixed/random key", make_hex, read_hex, 200000, false, false},
        {"hex written", "fixed/random key", make_key_and_text, write_hex, 200000, false, false},
        {"base64 read", "fixed/random key", make_base64, read_base64, 200000, false, false},
        {"base64 written", "fixed/random key", make_key_and_text, write_base64, 200000, false,
         false},
};

/* ---- measuring ---- */

struct call {
        uint64_t ticks;
        unsigned int side;
};

/* Both classes are laid out alike in memory, and each input is copied to one place before use. */
static void measure(const struct subject *subject, struct call *calls)
{
        static uint8_t input[INPUT_MAX];

        for (unsigned int side = 0; side < 2; side++)
                for (size_t i = 0; i < POOL; i++)
                        subject->make(pool[side][i], side, i);
        for (size_t i = 0; i < subject->calls; i++) {
                uint64_t lot = test_env_random(&env), began;

                calls[i].side = lot & 1;
                memcpy(input, pool[lot & 1][lot >> 1 & (POOL - 1)], sizeof(input));
                began = ticks();
                subject->run(input);
                calls[i].ticks = ticks() - began;
        }
}

static int by_ticks(const void *a, const void *b)
{
        const struct call *x = a, *y = b;

        return (x->ticks > y->ticks) - (x->ticks < y->ticks);
}

/* Welch's t of the first n calls. */
static double welch(const struct call *calls, size_t n)
{
        double count[2] = {0}, mean[2] = {0}, squares[2] = {0}, error;

        for (size_t i = 0; i < n; i++) {
                unsigned int side = calls[i].side;
                double x = (double)calls[i].ticks, delta = x - mean[side];

                count[side]++;
                mean[side] += delta / count[side];
                squares[side] += delta * (x - mean[side]);
        }
        if (count[0] < 2 || count[1] < 2)
                return 0;
        error = squares[0] / (count[0] - 1) / count[0] + squares[1] / (count[1] - 1) / count[1];
        /* No spread at all: the means are either equal or infinitely far apart. */
        if (error <= 0)
                return mean[0] == mean[1] ? 0 : INFINITY;
        return fabs(mean[0] - mean[1]) / sqrt(error);
}

/* The greatest t of all crops. The calls are sorted, so a crop leaves out the slowest. */
static double greatest_t(struct call *calls, size_t n)
{
        static const double kept[CROPS] = {1.0, 0.99, 0.95, 0.9, 0.75, 0.5};
        double greatest = 0;

        qsort(calls, n, sizeof(*calls), by_ticks);
        for (size_t i = 0; i < CROPS; i++)
                greatest = fmax(greatest, welch(calls, (size_t)((double)n * kept[i])));
        return greatest;
}

/* Returns whether the subject behaves as expected. */
static bool report(const struct subject *subject, struct call *calls)
{
        double least = INFINITY;
        bool leaks;

        printf("%-22s %-24s", subject->what, subject->classes);
        for (unsigned int round = 0; round < ROUNDS; round++) {
                double t;

                measure(subject, calls);
                t = greatest_t(calls, subject->calls);
                printf(" %9.2f", t);
                fflush(stdout);
                least = fmin(least, t);
        }
        leaks = least > T_LIMIT;
        printf(" %8llu  %s%s%s\n", (unsigned long long)calls[subject->calls / 2].ticks,
               leaks ? "leaks" : "no leak seen", subject->is_batched ? ", " : "",
               subject->is_batched ? backend->name : "");
        return leaks == subject->leaks;
}

int main(void)
{
        unsigned int passed = 0, failed = 0;
        struct call *calls;
        size_t most = 0;

        for (size_t i = 0; i < WG_ARRAY_SIZE(subjects); i++)
                most = WG_MAX(most, subjects[i].calls);
        calls = calloc(most, sizeof(*calls));
        if (!calls || !wg_crypto_init())
                return 1;
        test_env_init(&env, test_seed("report"));
        printf("%-22s %-24s %9s x %d, limit %.0f %8s\n", "subject", "classes", "t", ROUNDS, T_LIMIT,
               "median");
        for (size_t i = 0; i < WG_ARRAY_SIZE(subjects); i++)
                for (size_t b = 0; (backend = wg_aead_nth(b)) && (!b || subjects[i].is_batched);
                     b++) {
                        if (report(&subjects[i], calls)) {
                                passed++;
                        } else {
                                failed++;
                                printf("FAIL  %s\n", subjects[i].what);
                        }
                }
        for (size_t i = 0; i < POOL; i++) {
                wg_x25519_key_free(scalars[0][i]);
                wg_x25519_key_free(scalars[1][i]);
        }
        free(calls);
        wg_crypto_done();
        printf("%u passed, %u failed, 0 skipped\n", passed, failed);
        return failed ? 1 : 0;
}
