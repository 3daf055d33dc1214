/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * chacha_lanes.h - the rounds of ChaCha20 in vector lanes: one vector per word of the state, one
 * lane per block. Not an ordinary header: a source includes one of vec*.h, then a file that
 * includes this.
 *
 * The rounds are separate steps, so that callers can interleave other work. The state is in
 * separate variables, not in an array, because gcc 12 copies elements of arrays needlessly.
 *
 * Source: RFC 8439 section 2.3. */

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 16")

enum { BLOCK = 64, POLY_BLOCK = 16, DOUBLE_ROUNDS = 10 };

/* Stores a word at any address. gcc 12 would store byte by byte in wg_le64_store() here. All
 * processors with these vectors are little-endian. */
INLINE void store_word(uint8_t *to, uint64_t word)
{
        memcpy(to, &word, sizeof(word));
}

/* "expand 32-byte k" */
static const uint32_t SIGMA[4] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};

/* A quarter round, step by step, on columns or diagonals, which are independent of each other. */
#define ADD_A(a, b, c, d) a = V_ADD32(a, b);
#define ADD_C(a, b, c, d) c = V_ADD32(c, d);
#define TURN_D16(a, b, c, d) d = V_ROTL32(V_XOR(d, a), 16);
#define TURN_D8(a, b, c, d) d = V_ROTL32(V_XOR(d, a), 8);
#define TURN_B12(a, b, c, d) b = V_ROTL32(V_XOR(b, c), 12);
#define TURN_B7(a, b, c, d) b = V_ROTL32(V_XOR(b, c), 7);
#define FIRST_HALF(STEPS) STEPS(ADD_A) STEPS(TURN_D16) STEPS(ADD_C) STEPS(TURN_B12)
#define LAST_HALF(STEPS) STEPS(ADD_A) STEPS(TURN_D8) STEPS(ADD_C) STEPS(TURN_B7)
#define ROUND(STEPS) FIRST_HALF(STEPS) LAST_HALF(STEPS)
#define COLUMNS01(STEP) STEP(a0, b0, c0, d0) STEP(a1, b1, c1, d1)
#define COLUMNS23(STEP) STEP(a2, b2, c2, d2) STEP(a3, b3, c3, d3)
#define DIAGONALS01(STEP) STEP(a0, b1, c2, d3) STEP(a1, b2, c3, d0)
#define DIAGONALS23(STEP) STEP(a2, b3, c0, d1) STEP(a3, b0, c1, d2)
#define COLUMNS(STEP) COLUMNS01(STEP) COLUMNS23(STEP)
#define DIAGONALS(STEP) DIAGONALS01(STEP) DIAGONALS23(STEP)

/* A round of each of two states side by side: while one waits for its last step, the processor
 * works on the other. */
#define XOR_D(a, b, c, d) d = V_XOR(d, a);
#define XOR_B(a, b, c, d) b = V_XOR(b, c);
#define ONLY_TURN_D16(a, b, c, d) d = V_ROTL32(d, 16);
#define ONLY_TURN_D8(a, b, c, d) d = V_ROTL32(d, 8);
#define ONLY_TURN_B12(a, b, c, d) b = V_ROTL32(b, 12);
#define ONLY_TURN_B7(a, b, c, d) b = V_ROTL32(b, 7);
#define TWO_ROUNDS(S, T) \
        S(ADD_A) \
        S(XOR_D) \
        S(ONLY_TURN_D16) \
        T(ADD_A) \
        T(XOR_D) \
        S(ADD_C) \
        S(XOR_B) \
        T(ONLY_TURN_D16) \
        S(ONLY_TURN_B12) \
        T(ADD_C) \
        T(XOR_B) \
        S(ADD_A) \
        S(XOR_D) \
        T(ONLY_TURN_B12) \
        S(ONLY_TURN_D8) \
        T(ADD_A) \
        T(XOR_D) S(ADD_C) S(XOR_B) T(ONLY_TURN_D8) S(ONLY_TURN_B7) T(ADD_C) T(XOR_B) T(ONLY_TURN_B7)
#define OTHER_COLUMNS(STEP) \
        STEP(e0, f0, g0, h0) STEP(e1, f1, g1, h1) STEP(e2, f2, g2, h2) STEP(e3, f3, g3, h3)
#define OTHER_DIAGONALS(STEP) \
        STEP(e0, f1, g2, h3) STEP(e1, f2, g3, h0) STEP(e2, f3, g0, h1) STEP(e3, f0, g1, h2)

/* The state before the rounds: in a0 to d3, or in e0 to h3. */
#define DECLARE_STATE(...) DECLARE_STATE_AS(a, b, c, d, __VA_ARGS__)
#define DECLARE_OTHER(...) DECLARE_STATE_AS(e, f, g, h, __VA_ARGS__)
#define DECLARE_STATE_AS(a, b, c, d, key, counter, nonce_low, nonce_high) \
        vec a##0 = V_SET32(SIGMA[0]), a##1 = V_SET32(SIGMA[1]), a##2 = V_SET32(SIGMA[2]), \
            a##3 = V_SET32(SIGMA[3]); \
        vec b##0 = V_SET32((key)[0]), b##1 = V_SET32((key)[1]), b##2 = V_SET32((key)[2]), \
            b##3 = V_SET32((key)[3]); \
        vec c##0 = V_SET32((key)[4]), c##1 = V_SET32((key)[5]), c##2 = V_SET32((key)[6]), \
            c##3 = V_SET32((key)[7]); \
        vec d##0 = (counter), d##1 = V_SET32(0), d##2 = (nonce_low), d##3 = (nonce_high)

/* Blocks of key stream, from the state after the rounds: x[w] gets word w of each. */
#define STORE_STATE(...) STORE_STATE_AS(a, b, c, d, __VA_ARGS__)
#define STORE_OTHER(...) STORE_STATE_AS(e, f, g, h, __VA_ARGS__)
#define STORE_STATE_AS(a, b, c, d, x, key, counter, nonce_low, nonce_high) \
        do { \
                (x)[0] = V_ADD32(a##0, V_SET32(SIGMA[0])); \
                (x)[1] = V_ADD32(a##1, V_SET32(SIGMA[1])); \
                (x)[2] = V_ADD32(a##2, V_SET32(SIGMA[2])); \
                (x)[3] = V_ADD32(a##3, V_SET32(SIGMA[3])); \
                (x)[4] = V_ADD32(b##0, V_SET32((key)[0])); \
                (x)[5] = V_ADD32(b##1, V_SET32((key)[1])); \
                (x)[6] = V_ADD32(b##2, V_SET32((key)[2])); \
                (x)[7] = V_ADD32(b##3, V_SET32((key)[3])); \
                (x)[8] = V_ADD32(c##0, V_SET32((key)[4])); \
                (x)[9] = V_ADD32(c##1, V_SET32((key)[5])); \
                (x)[10] = V_ADD32(c##2, V_SET32((key)[6])); \
                (x)[11] = V_ADD32(c##3, V_SET32((key)[7])); \
                (x)[12] = V_ADD32(d##0, counter); \
                (x)[13] = d##1; \
                (x)[14] = V_ADD32(d##2, nonce_low); \
                (x)[15] = V_ADD32(d##3, nonce_high); \
        } while (0)
