/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * aead_lanes.h - ChaCha20-Poly1305 for a batch of packets, in vector lanes. Not an ordinary header:
 * a source includes vec_avx512.h or vec_avx512vl.h, then this, and defines its back-end.
 *
 * Packets are taken in groups of up to LANES. A pass of ChaCha20 makes LANES blocks at once, each
 * for any packet at any position. The first pass makes the Poly1305 key of each packet of the
 * group, and its remaining lanes already make blocks of text. Later passes continue from there, so
 * only the last pass of a group may have idle lanes.
 *
 * Each step of a pass depends on the one before. With enough registers and execution units, two
 * passes run side by side (V_IS_PAIRED), which takes 1.5 times as long as one.
 *
 * Poly1305 runs in HALF lanes of 64 bits, with numbers of 130 bits in limbs of 44, 44 and 42. Each
 * packet gets one lane, or 2, 4 or 8 if there are fewer packets than lanes. With k lanes, lane j
 * takes every k-th block and multiplies by r^k, and in the end by r^(k - j); then the lanes are
 * added. Packets of a group end together: the lane of a shorter packet starts with blocks of zeros
 * that lack the high bit, which leave its sum at zero.
 *
 * The two most common cases have fast paths: a group with a packet for each lane, all of one
 * length, and a single packet.
 *
 * No branch and no address depends on secrets; both depend on lengths, which are public. When
 * opening, tags are compared before anything is decrypted, so a forged packet leaves no plaintext
 * behind.
 *
 * Source: RFC 8439. Vector lanes for independent packets and Poly1305 in radix 2^44 are common
 * knowledge: Goll, Gueron, "Vectorization of ChaCha Stream Cipher" and "Vectorization of Poly1305
 * Message Authentication Code" (2013, 2015).
 * Threads: all functions are pure. */

#include <string.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "crypto/aead.h"
#include "crypto/chacha_lanes.h"

/* The text of one packet, from `from` to `to`. `cipher` is the one of them that is
 * authenticated. */
struct text {
        const uint8_t *from, *cipher;
        uint8_t *to;
        size_t len;
        uint64_t nonce;
};

/* ---- ChaCha20 ---- */

/* The blocks that the lanes of a pass make: runs of consecutive blocks of one packet. */
struct pass {
        vec counter, nonce_low, nonce_high;
        unsigned int used;  /* lanes in use */
        unsigned int count; /* of runs */
        struct run {
                const uint8_t *from;
                uint8_t *to;
                uint32_t len;   /* bytes */
                uint32_t first; /* lane */
        } runs[LANES];
};

/* LANES blocks of key stream: x[w] gets word w of each. */
INLINE void make_blocks(const uint32_t key[8], vec counter, vec nonce_low, vec nonce_high,
                        vec x[16])
{
        DECLARE_STATE(key, counter, nonce_low, nonce_high);

        for (unsigned int i = 0; i < DOUBLE_ROUNDS; i++) {
                ROUND(COLUMNS)
                ROUND(DIAGONALS)
        }
        STORE_STATE(x, key, counter, nonce_low, nonce_high);
}

/* The same for two sets of lanes at once: each step of one state depends on the step before, so a
 * second state costs little. */
INLINE void make_twice(const uint32_t key[8], const vec counter[2], const vec nonce_low[2],
                       const vec nonce_high[2], vec x[2][16])
{
        DECLARE_STATE(key, counter[0], nonce_low[0], nonce_high[0]);
        DECLARE_OTHER(key, counter[1], nonce_low[1], nonce_high[1]);

        for (unsigned int i = 0; i < DOUBLE_ROUNDS; i++) {
                TWO_ROUNDS(COLUMNS, OTHER_COLUMNS)
                TWO_ROUNDS(DIAGONALS, OTHER_DIAGONALS)
        }
        STORE_STATE(x[0], key, counter[0], nonce_low[0], nonce_high[0]);
        STORE_OTHER(x[1], key, counter[1], nonce_low[1], nonce_high[1]);
}

/* The position of the next block in the text of a group. */
struct cursor {
        const struct text *text, *end;
        size_t at; /* offset in the text; a multiple of BLOCK */
};

INLINE void skip_empty(struct cursor *cursor)
{
        while (cursor->text < cursor->end && cursor->at >= cursor->text->len) {
                cursor->text++;
                cursor->at = 0;
        }
}

INLINE void start_pass(struct pass *pass)
{
        pass->counter = pass->nonce_low = pass->nonce_high = V_SET32(0);
        pass->used = pass->count = 0;
}

/* Assigns the next blocks to the free lanes, while there is text. */
INLINE void fill(struct pass *pass, struct cursor *cursor)
{
        while (pass->used < LANES) {
                const struct text *text;
                unsigned int first = pass->used, mask;
                size_t len, blocks;

                skip_empty(cursor);
                text = cursor->text;
                if (text == cursor->end)
                        return;
                len = WG_MIN(text->len - cursor->at, (size_t)BLOCK * (LANES - first));
                blocks = (len + BLOCK - 1) / BLOCK;
                mask = ((1u << blocks) - 1) << first;
                pass->counter = V_BLEND32(
                        mask, pass->counter,
                        V_ADD32(V_SET32(1 + cursor->at / BLOCK - first), v_count32()));
                pass->nonce_low = V_PUT32(mask, pass->nonce_low, text->nonce);
                pass->nonce_high = V_PUT32(mask, pass->nonce_high, text->nonce >> 32);
                pass->runs[pass->count++] = (struct run){
                        text->from + cursor->at, text->to + cursor->at, (uint32_t)len, first};
                pass->used += (unsigned int)blocks;
                cursor->at += len;
        }
}

/* Encrypts or decrypts one run with the blocks of a transposed pass. */
INLINE void xor_run(const struct run *run, const vec x[16])
{
        uint32_t at = 0;
        unsigned int i = run->first;

        for (; run->len - at >= BLOCK; at += BLOCK)
                v_xor_block(run->to + at, run->from + at, BLOCK, x, i++);
        if (at < run->len)
                v_xor_block(run->to + at, run->from + at, run->len - at, x, i);
}

/* The same for all runs of a pass, whose blocks it transposes first. */
INLINE void xor_pass(const struct pass *pass, vec x[16])
{
        v_transpose(x);
        for (unsigned int i = 0; i < pass->count; i++)
                xor_run(&pass->runs[i], x);
}

enum { PASSES = 1 + V_IS_PAIRED, BLOCKS = PASSES * LANES };

/* Processes BLOCKS whole blocks of one packet. */
static void run_whole(const uint32_t key[8], struct cursor *cursor)
{
        const struct text *text = cursor->text;
        const uint8_t *from = text->from + cursor->at;
        uint8_t *to = text->to + cursor->at;
        const vec low = V_SET32(text->nonce), high = V_SET32(text->nonce >> 32);
        const vec counter = V_ADD32(V_SET32(1 + cursor->at / BLOCK), v_count32());
        vec x[2][16];

        if (V_IS_PAIRED)
                make_twice(key, (vec[2]){counter, V_ADD32(counter, V_SET32(LANES))},
                           (vec[2]){low, low}, (vec[2]){high, high}, x);
        else
                make_blocks(key, counter, low, high, x[0]);
        UNROLL for (unsigned int j = 0; j < PASSES; j++, from += LANES * BLOCK, to += LANES * BLOCK)
        {
                v_transpose(x[j]);
                UNROLL for (unsigned int i = 0; i < LANES; i++)
                        v_xor_block(to + BLOCK * i, from + BLOCK * i, BLOCK, x[j], i);
        }
        cursor->at += (size_t)BLOCKS * BLOCK;
}

/* Processes the next blocks, whichever packets they belong to. */
static void run_mixed(const uint32_t key[8], struct cursor *cursor)
{
        struct pass p[PASSES];

        for (unsigned int j = 0; j < PASSES; j++) {
                start_pass(&p[j]);
                fill(&p[j], cursor);
        }
        if (V_IS_PAIRED && p[PASSES - 1].used) {
                vec x[2][16];

                make_twice(key, (vec[2]){p[0].counter, p[PASSES - 1].counter},
                           (vec[2]){p[0].nonce_low, p[PASSES - 1].nonce_low},
                           (vec[2]){p[0].nonce_high, p[PASSES - 1].nonce_high}, x);
                xor_pass(&p[0], x[0]);
                xor_pass(&p[PASSES - 1], x[1]);
        } else {
                vec x[16];

                make_blocks(key, p[0].counter, p[0].nonce_low, p[0].nonce_high, x);
                xor_pass(&p[0], x);
        }
}

/* Processes all text from the cursor on. */
static void run_cipher(const uint32_t key[8], struct cursor *cursor)
{
        for (;;) {
                skip_empty(cursor);
                if (cursor->text == cursor->end)
                        return;
                if (cursor->text->len - cursor->at >= (size_t)BLOCKS * BLOCK)
                        run_whole(key, cursor);
                else
                        run_mixed(key, cursor);
        }
}

/* ---- Poly1305 ---- */

/* Numbers of 130 bits, one per lane: limbs of 44, 44 and 42 bits, or slightly more until
 * reduced. */
struct number {
        vec limb[3];
};

/* A multiplier, with 20 times its upper limbs: 2^132 is 4 * 5 modulo 2^130 - 5. */
struct factor {
        vec r0, r1, r2, r1_20, r2_20;
};

/* Sums of products, each as its low and high half of 52 bits. */
struct product {
        vec low[3], high[3];
};

#define MASK44 V_SET64((1ull << 44) - 1)
#define MASK42 V_SET64((1ull << 42) - 1)
#define HIGH_BIT V_SET64(1ull << 40) /* 2^128, in the third limb */

INLINE vec times20(vec x)
{
        return V_ADD64(V_SLL64(x, 4), V_SLL64(x, 2));
}

INLINE struct factor as_factor(const struct number *n)
{
        return (struct factor){n->limb[0], n->limb[1], n->limb[2], times20(n->limb[1]),
                               times20(n->limb[2])};
}

/* 128 bits, and `top` above them, as limbs. */
INLINE struct number split(vec low, vec high, vec top)
{
        return (struct number){{V_AND(low, MASK44),
                                V_AND(V_OR(V_SRL64(low, 44), V_SLL64(high, 20)), MASK44),
                                V_OR(V_SRL64(high, 24), top)}};
}

INLINE struct number add(struct number a, struct number b)
{
        UNROLL for (unsigned int i = 0; i < 3; i++) a.limb[i] = V_ADD64(a.limb[i], b.limb[i]);
        return a;
}

INLINE struct product nothing(void)
{
        vec zero = V_SET64(0);

        return (struct product){{zero, zero, zero}, {zero, zero, zero}};
}

INLINE void add_product(struct product *p, const struct number *a, const struct factor *f)
{
        const vec rows[3][3] = {
                {f->r0, f->r1, f->r2}, {f->r2_20, f->r0, f->r1}, {f->r1_20, f->r2_20, f->r0}};

        UNROLL for (unsigned int i = 0; i < 3; i++) UNROLL for (unsigned int j = 0; j < 3; j++)
        {
                p->low[j] = V_MUL_LOW(p->low[j], a->limb[i], rows[i][j]);
                p->high[j] = V_MUL_HIGH(p->high[j], a->limb[i], rows[i][j]);
        }
}

/* Carries, so that limbs have their sizes again, except for a bit or so in the second. */
INLINE struct number carry(const struct product *p)
{
        struct number n;
        vec second, third, over;

        second = V_ADD64(p->low[1], V_ADD64(V_SLL64(p->high[0], 8), V_SRL64(p->low[0], 44)));
        third = V_ADD64(p->low[2], V_ADD64(V_SLL64(p->high[1], 8), V_SRL64(second, 44)));
        over = V_ADD64(V_SLL64(p->high[2], 10), V_SRL64(third, 42));
        /* 2^130 is 5. */
        n.limb[0] = V_ADD64(V_AND(p->low[0], MASK44), V_ADD64(over, V_SLL64(over, 2)));
        n.limb[1] = V_ADD64(V_AND(second, MASK44), V_SRL64(n.limb[0], 44));
        n.limb[0] = V_AND(n.limb[0], MASK44);
        n.limb[2] = V_AND(third, MASK42);
        return n;
}

INLINE struct number multiply(struct number a, const struct factor *f)
{
        struct product p = nothing();

        add_product(&p, &a, f);
        return carry(&p);
}

/* (h + a) f2 + b f: two blocks per carry. */
INLINE struct number take_two(struct number h, struct number a, const struct factor *f2,
                              struct number b, const struct factor *f)
{
        struct product p = nothing();

        h = add(h, a);
        add_product(&p, &b, f);
        add_product(&p, &h, f2);
        return carry(&p);
}

INLINE struct number take_one(struct number h, struct number a, const struct factor *f)
{
        return multiply(add(h, a), f);
}

/* The smallest number that equals h modulo 2^130 - 5, plus s, modulo 2^128. */
INLINE void finish(struct number h, vec s_low, vec s_high, vec *low, vec *high)
{
        vec over, h0 = h.limb[0], h1 = h.limb[1], h2 = h.limb[2], g0, g1, g2;
        unsigned int is_over, has_carry;

        UNROLL for (unsigned int i = 0; i < 2; i++)
        {
                h1 = V_ADD64(h1, V_SRL64(h0, 44));
                h0 = V_AND(h0, MASK44);
                h2 = V_ADD64(h2, V_SRL64(h1, 44));
                h1 = V_AND(h1, MASK44);
                over = V_SRL64(h2, 42);
                h2 = V_AND(h2, MASK42);
                h0 = V_ADD64(h0, V_ADD64(over, V_SLL64(over, 2)));
        }
        h1 = V_ADD64(h1, V_SRL64(h0, 44));
        h0 = V_AND(h0, MASK44);
        /* Subtract 2^130 - 5 from numbers that are not below it. */
        g0 = V_ADD64(h0, V_SET64(5));
        g1 = V_ADD64(h1, V_SRL64(g0, 44));
        g2 = V_ADD64(h2, V_SRL64(g1, 44));
        is_over = V_LESS64(MASK42, g2);
        h0 = V_BLEND64(is_over, h0, V_AND(g0, MASK44));
        h1 = V_BLEND64(is_over, h1, V_AND(g1, MASK44));
        h2 = V_BLEND64(is_over, h2, V_AND(g2, MASK42));
        *low = V_ADD64(V_OR(h0, V_SLL64(h1, 44)), s_low);
        has_carry = V_LESS64(*low, s_low);
        *high = V_ADD64(V_OR(V_SRL64(h1, 20), V_SLL64(h2, 24)), s_high);
        *high = V_BLEND64(has_carry, *high, V_ADD64(*high, V_SET64(1)));
}

/* Poly1305 keys, one per lane of 64 bits: r and s of RFC 8439 2.5. */
struct poly_keys {
        vec r_low, r_high, s_low, s_high;
};

/* Up to HALF packets and how their blocks are spread over lanes. `share` lanes serve one packet: a
 * power of two, so that divisions are shifts. */
struct layout {
        const struct text *texts;
        unsigned int share, shift;
        size_t steps;                        /* of the longest packet */
        _Alignas(64) uint64_t owner[HALF];   /* the packet that the lane serves */
        _Alignas(64) int64_t first[HALF];    /* its block in step 0; below 0: zeros */
        ptrdiff_t blocks[HALF];              /* of its packet, with the block of lengths */
        size_t begin, end;                   /* steps in which every lane takes a whole block */
        uint8_t tails[HALF][2 * POLY_BLOCK]; /* per packet: its last block and its lengths */
};

static void make_tail(uint8_t tail[2 * POLY_BLOCK], const struct text *text)
{
        size_t rest = text->len ? (text->len - 1) % POLY_BLOCK + 1 : 0;
        __mmask16 mask = (__mmask16)((1u << rest) - 1);
        const uint8_t *last = text->cipher + text->len - rest;

        _mm_storeu_si128((void *)tail, _mm_maskz_loadu_epi8(mask, last));
        store_word(tail + POLY_BLOCK, 0); /* there is no associated data */
        store_word(tail + POLY_BLOCK + 8, text->len);
}

/* Blocks of a packet, with the block of lengths. */
INLINE ptrdiff_t count_blocks(const struct text *text)
{
        return (ptrdiff_t)((text->len + POLY_BLOCK - 1) / POLY_BLOCK) + 1;
}

/* x / share, rounded up; x is not negative. */
INLINE size_t divide_up(const struct layout *layout, ptrdiff_t x)
{
        return ((size_t)x + layout->share - 1) >> layout->shift;
}

static void lay_out(struct layout *layout, const struct text *texts, unsigned int n)
{
        ptrdiff_t longest = 0;

        layout->texts = texts;
        layout->share = HALF;
        layout->shift = HALF == 8 ? 3 : 2;
        while (layout->share * n > HALF) {
                layout->share /= 2;
                layout->shift--;
        }
        for (unsigned int i = 0; i < n; i++) {
                longest = WG_MAX(longest, count_blocks(&texts[i]));
                make_tail(layout->tails[i], &texts[i]);
        }
        /* If each packet has one lane, its last two blocks are handled separately. */
        layout->steps = WG_MAX(divide_up(layout, longest), (size_t)(layout->share == 1 ? 2 : 1));
        layout->begin = 0;
        layout->end = layout->steps;
        for (unsigned int i = 0; i < HALF; i++) {
                unsigned int owner = WG_MIN(i >> layout->shift, n - 1);
                ptrdiff_t blocks = count_blocks(&texts[owner]), first;
                size_t end;

                first = (ptrdiff_t)(i & (layout->share - 1)) + blocks -
                        ((ptrdiff_t)layout->steps << layout->shift);
                layout->owner[i] = owner;
                layout->blocks[i] = blocks;
                layout->first[i] = first;
                /* The first step that has a block, and the first whose block is in the tail. */
                if (first < 0)
                        layout->begin = WG_MAX(layout->begin, divide_up(layout, -first));
                end = blocks - 2 > first ? divide_up(layout, blocks - 2 - first) : 0;
                layout->end = WG_MIN(layout->end, end);
        }
}

/* The block that a lane takes in a step. */
INLINE const uint8_t *block_at(const struct layout *layout, unsigned int lane, size_t step)
{
        static const uint8_t zeros[POLY_BLOCK];
        uint64_t owner = layout->owner[lane];
        ptrdiff_t block = layout->first[lane] + (ptrdiff_t)(step << layout->shift);
        ptrdiff_t tail = block - (layout->blocks[lane] - 2);

        if (block < 0)
                return zeros;
        return tail >= 0 ? layout->tails[owner] + POLY_BLOCK * tail
                         : layout->texts[owner].cipher + POLY_BLOCK * block;
}

/* The input of all lanes in a step at the start or end, where some lanes have no whole block. */
INLINE struct number take_edge(const struct layout *layout, size_t step)
{
        const uint8_t *from[HALF];
        vec low, high, block, is_zeros;

        for (unsigned int i = 0; i < HALF; i++)
                from[i] = block_at(layout, i, step);
        v_gather(from, 0, &low, &high);
        block = V_ADD64(V_LOAD(layout->first), V_SET64(step << layout->shift));
        is_zeros = V_SRL64(block, 63); /* the block number is negative */
        return split(low, high, V_SLL64(V_XOR(is_zeros, V_SET64(1)), 40));
}

/* The last two blocks of each packet, if each has one lane. An empty packet has only one block; the
 * other is zeros that lack the high bit. */
INLINE struct number take_tails(const struct layout *layout, struct number h,
                                const struct factor *f2, const struct factor *f)
{
        const uint8_t *from[HALF];
        vec low[2], high[2], has_text;

        for (unsigned int i = 0; i < HALF; i++)
                from[i] = layout->tails[layout->owner[i]];
        v_gather(from, 0, &low[0], &high[0]);
        v_gather(from, POLY_BLOCK, &low[1], &high[1]);
        has_text = V_ADD64(V_LOAD(layout->first), V_SET64(layout->steps - 2));
        has_text = V_XOR(V_SRL64(has_text, 63), V_SET64(1));
        return take_two(h, split(low[0], high[0], V_SLL64(has_text, 40)), f2,
                        split(low[1], high[1], HIGH_BIT), f);
}

/* Powers of r: `whole` is r^share, `twice` its square, and `last` the final multiplier of each
 * lane. */
struct powers {
        struct factor whole, twice, last;
};

INLINE void make_powers(const struct layout *layout, struct number r, struct powers *powers)
{
        struct number power = r, own = r;
        struct factor f = as_factor(&power);

        for (unsigned int bit = 1; bit < layout->share; bit *= 2) {
                struct number raised = multiply(own, &f);
                unsigned int mask = 0;

                for (unsigned int i = 0; i < HALF; i++)
                        if (~i & (layout->share - 1) & bit)
                                mask |= 1u << i;
                UNROLL for (unsigned int i = 0; i < 3; i++)
                        own.limb[i] = V_BLEND64(mask, own.limb[i], raised.limb[i]);
                power = multiply(power, &f);
                f = as_factor(&power);
        }
        powers->whole = f;
        powers->last = as_factor(&own);
        power = multiply(power, &f);
        powers->twice = as_factor(&power);
}

/* Steps in which every lane takes a whole block: four at a time, then one. */
INLINE struct number take_whole(const struct layout *layout, struct number h,
                                const struct factor *f2, const struct factor *f)
{
        const vec top = HIGH_BIT;
        const uint8_t *from[HALF];
        size_t stride = (size_t)POLY_BLOCK << layout->shift, at = 0, left;

        if (layout->begin >= layout->end)
                return h;
        left = layout->end - layout->begin;
        for (unsigned int i = 0; i < HALF; i++)
                from[i] = layout->texts[layout->owner[i]].cipher +
                          POLY_BLOCK *
                                  (layout->first[i] + (ptrdiff_t)(layout->begin << layout->shift));
        for (; layout->share == 1 && left >= 4; left -= 4, at += 4 * POLY_BLOCK) {
                vec low[4], high[4];

                v_gather4(from, at, low, high);
                h = take_two(h, split(low[0], high[0], top), f2, split(low[1], high[1], top), f);
                h = take_two(h, split(low[2], high[2], top), f2, split(low[3], high[3], top), f);
        }
        for (; left >= 2; left -= 2, at += 2 * stride) {
                vec low[2], high[2];

                v_gather(from, at, &low[0], &high[0]);
                v_gather(from, at + stride, &low[1], &high[1]);
                h = take_two(h, split(low[0], high[0], top), f2, split(low[1], high[1], top), f);
        }
        if (left) {
                vec low, high;

                v_gather(from, at, &low, &high);
                h = take_one(h, split(low, high, top), f);
        }
        return h;
}

/* Adds up the lanes of each packet. */
INLINE struct number add_lanes(const struct layout *layout, struct number h)
{
        for (unsigned int step = 1; step < layout->share; step *= 2) {
                _Alignas(64) uint64_t other[HALF];

                for (unsigned int i = 0; i < HALF; i++)
                        other[i] = i ^ step;
                UNROLL for (unsigned int i = 0; i < 3; i++)
                        h.limb[i] = V_ADD64(h.limb[i], V_PERMUTE64(V_LOAD(other), h.limb[i]));
        }
        return h;
}

/* Adds all blocks of the packets to their lanes. */
INLINE struct number take_all(const struct layout *layout, const struct powers *powers)
{
        struct number h = {{V_SET64(0), V_SET64(0), V_SET64(0)}};
        size_t step, last = layout->steps - (layout->share == 1 ? 2 : 1);

        for (step = 0; step < WG_MIN(layout->begin, last); step++)
                h = take_one(h, take_edge(layout, step), &powers->whole);
        h = take_whole(layout, h, &powers->twice, &powers->whole);
        for (step = WG_MAX(layout->end, step); step < last; step++)
                h = take_one(h, take_edge(layout, step), &powers->whole);
        if (layout->share == 1)
                return take_tails(layout, h, &powers->twice, &powers->whole);
        return add_lanes(layout, take_one(h, take_edge(layout, last), &powers->last));
}

/* Computes the tags of up to HALF packets, whose keys are in the first n lanes. */
static void authenticate(const struct text *texts, unsigned int n, const struct poly_keys *keys,
                         uint8_t tags[][WG_AEAD_TAG_LEN])
{
        struct layout layout;
        struct powers powers;
        uint64_t low[HALF], high[HALF];
        vec owner, tag_low, tag_high;

        lay_out(&layout, texts, n);
        owner = V_LOAD(layout.owner);
        make_powers(&layout,
                    split(V_AND(V_PERMUTE64(owner, keys->r_low), V_SET64(0x0ffffffc0fffffff)),
                          V_AND(V_PERMUTE64(owner, keys->r_high), V_SET64(0x0ffffffc0ffffffc)),
                          V_SET64(0)),
                    &powers);
        finish(take_all(&layout, &powers), V_PERMUTE64(owner, keys->s_low),
               V_PERMUTE64(owner, keys->s_high), &tag_low, &tag_high);
        V_STORE(low, tag_low);
        V_STORE(high, tag_high);
        for (unsigned int i = 0; i < n; i++) {
                store_word(tags[i], low[i << layout.shift]);
                store_word(tags[i] + 8, high[i << layout.shift]);
        }
}

/* ---- one packet ---- */

/* The block of a step that each lane takes, in the order of v_load_blocks(). */
#define BLOCK_OF(lane) ((lane) % 2 * (HALF / 2) + (lane) / 2)

enum { ALONE_LEAST = 2 * HALF * POLY_BLOCK }; /* in bytes: the shortest packet for this path */

/* Like make_powers(), for a packet that has all lanes. */
INLINE void make_all_powers(struct number r, struct powers *powers)
{
        struct number power = r, own = r;
        struct factor f = as_factor(&power);

        UNROLL for (unsigned int bit = 1; bit < HALF; bit *= 2)
        {
                struct number raised = multiply(own, &f);
                unsigned int mask = 0;

                UNROLL for (unsigned int i = 0; i < HALF; i++) if (~BLOCK_OF(i) & bit) mask |= 1u
                                                                                               << i;
                UNROLL for (unsigned int i = 0; i < 3; i++)
                        own.limb[i] = V_BLEND64(mask, own.limb[i], raised.limb[i]);
                power = multiply(power, &f);
                f = as_factor(&power);
        }
        powers->whole = f;
        powers->last = as_factor(&own);
        power = multiply(power, &f);
        powers->twice = as_factor(&power);
}

/* HALF whole blocks at `from`; the first `without` are zeros. */
INLINE struct number load_step(const uint8_t *from, unsigned int without)
{
        vec low, high, top = HIGH_BIT;
        unsigned int mask = 0;

        v_load_blocks(from, without, (size_t)HALF * POLY_BLOCK, &low, &high);
        UNROLL for (unsigned int i = 0; i < HALF; i++) mask |= (unsigned int)(BLOCK_OF(i) < without)
                                                               << i;
        return split(low, high, V_BLEND64(mask, top, V_SET64(0)));
}

/* The last HALF blocks, ending with the block of lengths. */
INLINE struct number load_last(const uint8_t *from, size_t len, uint64_t text_len)
{
        vec low, high;

        v_load_blocks(from, 0, len, &low, &high);
        high = V_BLEND64(1u << (HALF - 1), high, V_SET64(text_len));
        return split(low, high, HIGH_BIT);
}

INLINE vec add_all_lanes(vec x)
{
        UNROLL for (unsigned int step = 1; step < HALF; step *= 2)
        {
                _Alignas(64) uint64_t other[HALF];

                UNROLL for (unsigned int i = 0; i < HALF; i++) other[i] = i ^ step;
                x = V_ADD64(x, V_PERMUTE64(V_LOAD(other), x));
        }
        return x;
}

/* Computes the tag of one packet of ALONE_LEAST bytes or more, whose key is in the first lane. */
static void authenticate_alone(const struct text *text, const struct poly_keys *keys,
                               uint8_t tag[WG_AEAD_TAG_LEN])
{
        const size_t stride = (size_t)HALF * POLY_BLOCK;
        size_t blocks = (size_t)count_blocks(text), steps = (blocks + HALF - 1) / HALF;
        unsigned int without = (unsigned int)(steps * HALF - blocks);
        const uint8_t *from = text->cipher - (size_t)without * POLY_BLOCK;
        const uint8_t *last = from + (steps - 1) * stride;
        const vec first_lane = V_SET64(0);
        struct powers powers;
        struct number h;
        vec low, high;
        uint64_t words[2][HALF];

        make_all_powers(
                split(V_AND(V_PERMUTE64(first_lane, keys->r_low), V_SET64(0x0ffffffc0fffffff)),
                      V_AND(V_PERMUTE64(first_lane, keys->r_high), V_SET64(0x0ffffffc0ffffffc)),
                      V_SET64(0)),
                &powers);
        h = multiply(load_step(from, without), &powers.whole);
        for (from += stride; last - from >= (ptrdiff_t)(2 * stride); from += 2 * stride)
                h = take_two(h, load_step(from, 0), &powers.twice, load_step(from + stride, 0),
                             &powers.whole);
        if (from < last)
                h = take_one(h, load_step(from, 0), &powers.whole);
        h = take_one(h, load_last(last, (size_t)(text->cipher + text->len - last), text->len),
                     &powers.last);
        UNROLL for (unsigned int i = 0; i < 3; i++) h.limb[i] = add_all_lanes(h.limb[i]);
        finish(h, keys->s_low, keys->s_high, &low, &high);
        V_STORE(words[0], low);
        V_STORE(words[1], high);
        store_word(tag, words[0][0]);
        store_word(tag + 8, words[1][0]);
}

/* ---- groups ---- */

/* Up to LANES packets, and the output of the first pass for them. */
struct group {
        struct secrets {
                uint32_t key[8];
                uint8_t tags[LANES][WG_AEAD_TAG_LEN];
                struct poly_keys keys[2]; /* of the first HALF packets, and of the others */
                _Alignas(64) vec spare[PASSES][16]; /* blocks of the first passes, transposed */
        } secret;
        unsigned int n;
        bool is_even; /* see has_equals() */
        struct wg_aead_packet *packets[LANES];
        struct text texts[LANES];
        struct pass first[PASSES]; /* the first n lanes made the keys, the others text or nothing */
        struct cursor cursor;      /* the text after those blocks */
};

INLINE vec join(vec even, vec odd)
{
        return V_OR(even, V_SLL64(odd, 32));
}

INLINE void take_keys(struct group *group, const vec x[16])
{
        const unsigned int at[4] = {0, 2, 4, 6};
        vec first[4], last[4];

        UNROLL for (unsigned int i = 0; i < 4; i++)
        {
                first[i] = join(V_WIDEN_FIRST(x[at[i]]), V_WIDEN_FIRST(x[at[i] + 1]));
                last[i] = join(V_WIDEN_LAST(x[at[i]]), V_WIDEN_LAST(x[at[i] + 1]));
        }
        group->secret.keys[0] = (struct poly_keys){first[0], first[1], first[2], first[3]};
        group->secret.keys[1] = (struct poly_keys){last[0], last[1], last[2], last[3]};
}

INLINE void keep(vec spare[16], vec x[16])
{
        v_transpose(x);
        UNROLL for (unsigned int i = 0; i < 16; i++) spare[i] = x[i];
}

/* Runs the first pass. If all lanes have a packet of the same length, also makes their first
 * blocks. */
static void begin(struct group *group)
{
        struct pass *pass = group->first, *other = &group->first[PASSES - 1];

        for (unsigned int j = 0; j < PASSES; j++)
                start_pass(&group->first[j]);
        for (unsigned int i = 0; i < group->n; i++) {
                pass->nonce_low = V_PUT32(1u << i, pass->nonce_low, group->texts[i].nonce);
                pass->nonce_high = V_PUT32(1u << i, pass->nonce_high, group->texts[i].nonce >> 32);
        }
        pass->used = group->n;
        group->cursor = (struct cursor){group->texts, group->texts + group->n, 0};
        for (unsigned int j = 0; j < PASSES && !group->is_even; j++)
                fill(&group->first[j], &group->cursor);
        if (V_IS_PAIRED && group->is_even) {
                other->counter = V_SET32(1);
                other->nonce_low = pass->nonce_low;
                other->nonce_high = pass->nonce_high;
                other->used = LANES;
        }
        if (V_IS_PAIRED && other->used) {
                vec x[2][16];

                make_twice(group->secret.key, (vec[2]){pass->counter, other->counter},
                           (vec[2]){pass->nonce_low, other->nonce_low},
                           (vec[2]){pass->nonce_high, other->nonce_high}, x);
                take_keys(group, x[0]);
                if (pass->used > group->n)
                        keep(group->secret.spare[0], x[0]);
                keep(group->secret.spare[PASSES - 1], x[1]);
        } else {
                vec x[16];

                make_blocks(group->secret.key, pass->counter, pass->nonce_low, pass->nonce_high, x);
                take_keys(group, x);
                if (pass->used > group->n)
                        keep(group->secret.spare[0], x);
        }
}

/* ---- groups of equals: one packet per lane, all of one length ---- */

static bool has_equals(const struct group *group)
{
        bool is_equal = group->n == LANES;

        for (unsigned int i = 1; i < group->n; i++)
                is_equal &= group->texts[i].len == group->texts[0].len;
        return is_equal;
}

/* Up to 64 bytes of each packet, with one block each. */
INLINE void apply_column(const struct text texts[LANES], size_t at, const vec x[16])
{
        size_t len = texts[0].len - at;

        if (len >= BLOCK)
                UNROLL for (unsigned int i = 0; i < LANES; i++)
                        v_xor_block(texts[i].to + at, texts[i].from + at, BLOCK, x, i);
        else
                for (unsigned int i = 0; i < LANES; i++)
                        v_xor_block(texts[i].to + at, texts[i].from + at, len, x, i);
}

static void apply_to_equals(struct group *group)
{
        const vec low = group->first[0].nonce_low, high = group->first[0].nonce_high;
        size_t len = group->texts[0].len, at = 0;
        vec x[2][16];

        if (V_IS_PAIRED && len) { /* the first column was made with the keys */
                apply_column(group->texts, 0, group->secret.spare[PASSES - 1]);
                at = BLOCK;
        }
        while (at < len) {
                vec counter = V_SET32(1 + at / BLOCK);
                bool is_pair = V_IS_PAIRED && len - at > BLOCK;

                if (is_pair)
                        make_twice(group->secret.key,
                                   (vec[2]){counter, V_ADD32(counter, V_SET32(1))},
                                   (vec[2]){low, low}, (vec[2]){high, high}, x);
                else
                        make_blocks(group->secret.key, counter, low, high, x[0]);
                for (unsigned int j = 0; j < 1u + is_pair; j++, at += BLOCK) {
                        v_transpose(x[j]);
                        apply_column(group->texts, at, x[j]);
                }
        }
}

/* One half of the lanes. */
struct half {
        const uint8_t *from[HALF];
        struct factor f, f2;
        struct number h;
        uint8_t tails[HALF][BLOCK + POLY_BLOCK]; /* the padded rest, and the lengths */
};

INLINE void begin_half(struct half *half, const struct text *texts, const struct poly_keys *keys)
{
        size_t len = texts[0].len, rest = len % BLOCK;
        struct number r = split(V_AND(keys->r_low, V_SET64(0x0ffffffc0fffffff)),
                                V_AND(keys->r_high, V_SET64(0x0ffffffc0ffffffc)), V_SET64(0));

        half->f = as_factor(&r);
        r = multiply(r, &half->f);
        half->f2 = as_factor(&r);
        half->h = (struct number){{V_SET64(0), V_SET64(0), V_SET64(0)}};
        for (unsigned int i = 0; i < HALF; i++)
                half->from[i] = texts[i].cipher;
        for (unsigned int i = 0; i < HALF && rest; i++)
                v_pad(half->tails[i], texts[i].cipher + len - rest, rest);
}

INLINE void take_pair(struct half *half, const vec low[2], const vec high[2])
{
        half->h = take_two(half->h, split(low[0], high[0], HIGH_BIT), &half->f2,
                           split(low[1], high[1], HIGH_BIT), &half->f);
}

INLINE void take_column(struct half *half, size_t at)
{
        vec low[4], high[4];

        v_gather4(half->from, at, low, high);
        take_pair(half, low, high);
        take_pair(half, low + 2, high + 2);
}

/* Adds `n` blocks of the tails and the block of lengths, which is the same for all. */
INLINE void take_rest(struct half *half, size_t n, uint64_t len)
{
        const uint8_t *from[HALF];
        vec low[2], high[2];
        size_t i = 0;

        for (unsigned int lane = 0; lane < HALF; lane++)
                from[lane] = half->tails[lane];
        for (; i < n; i += 2) {
                v_gather(from, POLY_BLOCK * i, &low[0], &high[0]);
                low[1] = V_SET64(0);
                high[1] = V_SET64(len);
                if (i + 1 < n)
                        v_gather(from, POLY_BLOCK * (i + 1), &low[1], &high[1]);
                take_pair(half, low, high);
        }
        if (i == n)
                half->h = take_one(half->h, split(V_SET64(0), V_SET64(len), HIGH_BIT), &half->f);
}

/* Runs both halves side by side, since each step of one depends on the step before. */
static void authenticate_equals(struct group *group)
{
        size_t len = group->texts[0].len, rest = (len % BLOCK + POLY_BLOCK - 1) / POLY_BLOCK;
        struct half halves[2];
        vec low[2], high[2];

        for (unsigned int i = 0; i < 2; i++)
                begin_half(&halves[i], group->texts + i * HALF, &group->secret.keys[i]);
        for (size_t at = 0; len - at >= BLOCK; at += BLOCK)
                UNROLL for (unsigned int i = 0; i < 2; i++) take_column(&halves[i], at);
        for (unsigned int i = 0; i < 2; i++)
                take_rest(&halves[i], rest, len);
        UNROLL for (unsigned int i = 0; i < 2; i++)
                finish(halves[i].h, group->secret.keys[i].s_low, group->secret.keys[i].s_high,
                       &low[i], &high[i]);
        for (unsigned int i = 0; i < 2; i++)
                v_scatter(group->secret.tags + i * HALF, low[i], high[i]);
}

/* Uses the spare blocks of the first pass, then processes the rest. */
static void apply_cipher(struct group *group)
{
        if (group->is_even) {
                apply_to_equals(group);
                return;
        }
        for (unsigned int j = 0; j < PASSES; j++)
                for (unsigned int i = 0; i < group->first[j].count; i++)
                        xor_run(&group->first[j].runs[i], group->secret.spare[j]);
        run_cipher(group->secret.key, &group->cursor);
}

static void make_tags(struct group *group)
{
        unsigned int first = WG_MIN(group->n, (unsigned int)HALF);

        if (group->is_even) {
                authenticate_equals(group);
                return;
        }
        if (group->n == 1 && group->texts[0].len >= ALONE_LEAST) {
                authenticate_alone(&group->texts[0], &group->secret.keys[0], group->secret.tags[0]);
                return;
        }
        authenticate(group->texts, first, &group->secret.keys[0], group->secret.tags);
        if (group->n > first)
                authenticate(group->texts + first, group->n - first, &group->secret.keys[1],
                             group->secret.tags + first);
}

static void seal_group(struct group *group)
{
        group->is_even = has_equals(group);
        begin(group);
        apply_cipher(group);
        make_tags(group);
        for (unsigned int i = 0; i < group->n; i++) {
                const struct text *text = &group->texts[i];

                memcpy(text->to + text->len, group->secret.tags[i], WG_AEAD_TAG_LEN);
                wg_declassify(text->to, text->len + WG_AEAD_TAG_LEN); /* sealed, so public */
        }
}

/* Removes a packet that must not be decrypted from the cursor and the first pass. */
static void leave_out(struct group *group, unsigned int i)
{
        const struct text *text = &group->texts[i];

        for (unsigned int j = 0; j < PASSES; j++)
                for (unsigned int r = 0; r < group->first[j].count; r++) {
                        struct run *run = &group->first[j].runs[r];

                        if (run->from >= text->from && run->from < text->from + text->len)
                                run->len = 0;
                }
        group->texts[i].len = 0;
}

/* In constant time, like wg_equal(). */
INLINE bool is_same_tag(const uint8_t a[WG_AEAD_TAG_LEN], const uint8_t b[WG_AEAD_TAG_LEN])
{
        __m128i difference = _mm_xor_si128(_mm_loadu_si128((const void *)a),
                                           _mm_loadu_si128((const void *)b));

        /* Only whether it is zero becomes public: the packet is visibly dropped or not. */
        wg_declassify(&difference, sizeof(difference));
        return _mm_testz_si128(difference, difference);
}

static void open_group(struct group *group)
{
        group->is_even = has_equals(group);
        begin(group);
        make_tags(group);
        for (unsigned int i = 0; i < group->n; i++) {
                const struct text *text = &group->texts[i];

                group->packets[i]->is_valid = is_same_tag(group->secret.tags[i],
                                                          text->from + text->len);
                if (!group->packets[i]->is_valid) {
                        leave_out(group, i);
                        group->is_even = false;
                }
        }
        apply_cipher(group);
}

static void prepare(struct group *group, const uint8_t key[WG_AEAD_KEY_LEN])
{
        for (unsigned int i = 0; i < 8; i++)
                group->secret.key[i] = wg_le32_load(key + 4 * i);
        group->n = 0;
}

static void seal_batch(const uint8_t key[WG_AEAD_KEY_LEN], struct wg_aead_packet *packets, size_t n)
{
        struct group group;

        prepare(&group, key);
        for (size_t i = 0; i < n; i++) {
                const struct wg_aead_packet *p = &packets[i];

                group.texts[group.n++] = (struct text){p->from, p->to, p->to, p->len, p->nonce};
                if (group.n < LANES && i + 1 < n)
                        continue;
                seal_group(&group);
                group.n = 0;
        }
        wg_wipe(&group.secret, sizeof(group.secret));
}

static void open_batch(const uint8_t key[WG_AEAD_KEY_LEN], struct wg_aead_packet *packets, size_t n)
{
        struct group group;

        prepare(&group, key);
        for (size_t i = 0; i < n; i++) {
                struct wg_aead_packet *p = &packets[i];

                p->is_valid = false;
                if (p->len >= WG_AEAD_TAG_LEN) {
                        group.packets[group.n] = p;
                        group.texts[group.n++] = (struct text){p->from, p->from, p->to,
                                                               p->len - WG_AEAD_TAG_LEN, p->nonce};
                }
                if (!group.n || (group.n < LANES && i + 1 < n))
                        continue;
                open_group(&group);
                group.n = 0;
        }
        wg_wipe(&group.secret, sizeof(group.secret));
}
