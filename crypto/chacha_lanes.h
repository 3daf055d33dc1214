/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * chacha_lanes.h - the rounds of ChaCha20 in lanes of vectors: a vector for each word of the state, a
 * lane for each block. Not a header to include for its declarations: a source includes one of vec*.h,
 * then a file that includes this.
 *
 * The rounds are steps that others may put something between. The state is in variables of its own and
 * not in an array: gcc 12 copies elements of arrays about.
 *
 * Source: RFC 8439 section 2.3. */

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 16")

enum { BLOCK = 64, POLY_BLOCK = 16, DOUBLE_ROUNDS = 10 };

/* "expand 32-byte k" */
static const uint32_t SIGMA[4] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};

/* A quarter round, step by step, on columns or diagonals that do not depend on each other. */
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

/* The state before the rounds. */
#define DECLARE_STATE(key, counter, nonce_low, nonce_high) \
        vec a0 = V_SET32(SIGMA[0]), a1 = V_SET32(SIGMA[1]), a2 = V_SET32(SIGMA[2]), \
            a3 = V_SET32(SIGMA[3]); \
        vec b0 = V_SET32((key)[0]), b1 = V_SET32((key)[1]), b2 = V_SET32((key)[2]), \
            b3 = V_SET32((key)[3]); \
        vec c0 = V_SET32((key)[4]), c1 = V_SET32((key)[5]), c2 = V_SET32((key)[6]), \
            c3 = V_SET32((key)[7]); \
        vec d0 = (counter), d1 = V_SET32(0), d2 = (nonce_low), d3 = (nonce_high)

/* Blocks of key stream, from the state after the rounds: x[w] gets word w of each. */
#define STORE_STATE(x, key, counter, nonce_low, nonce_high) \
        do { \
                (x)[0] = V_ADD32(a0, V_SET32(SIGMA[0])); \
                (x)[1] = V_ADD32(a1, V_SET32(SIGMA[1])); \
                (x)[2] = V_ADD32(a2, V_SET32(SIGMA[2])); \
                (x)[3] = V_ADD32(a3, V_SET32(SIGMA[3])); \
                (x)[4] = V_ADD32(b0, V_SET32((key)[0])); \
                (x)[5] = V_ADD32(b1, V_SET32((key)[1])); \
                (x)[6] = V_ADD32(b2, V_SET32((key)[2])); \
                (x)[7] = V_ADD32(b3, V_SET32((key)[3])); \
                (x)[8] = V_ADD32(c0, V_SET32((key)[4])); \
                (x)[9] = V_ADD32(c1, V_SET32((key)[5])); \
                (x)[10] = V_ADD32(c2, V_SET32((key)[6])); \
                (x)[11] = V_ADD32(c3, V_SET32((key)[7])); \
                (x)[12] = V_ADD32(d0, counter); \
                (x)[13] = d1; \
                (x)[14] = V_ADD32(d2, nonce_low); \
                (x)[15] = V_ADD32(d3, nonce_high); \
        } while (0)
