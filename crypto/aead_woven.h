/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * aead_woven.h - ChaCha20-Poly1305 for a batch of packets: ChaCha20 in vector lanes, interleaved
 * with Poly1305 in general registers. Not an ordinary header: a source includes a vec*.h, then
 * this, and defines its back-end.
 *
 * Packets are taken in groups of up to LANES. A pass of ChaCha20 makes LANES blocks at once. The
 * first pass makes the Poly1305 key of each packet of the group, and blocks of text in its
 * remaining lanes. Later passes take blocks of text: the first of each packet, the second of each,
 * and so on.
 *
 * A pass leaves the multiplier idle, so Poly1305 runs there meanwhile: in chunks of 64 bytes, one
 * packet after another, one step of Poly1305 after every few steps of ChaCha20. When sealing, these
 * are the chunks that the previous pass sealed, even if that was the last pass of the previous
 * group. When opening, they are the chunks that this pass is about to open. The tail of a packet,
 * after its whole chunks, is added at the end.
 *
 * So a packet is decrypted before its tag is compared. If the tag is wrong, its text is wiped.
 *
 * No branch and no address depends on secrets; both depend on lengths, which are public.
 *
 * Source: RFC 8439. Threads: all functions are pure. */

#include <string.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "crypto/aead.h"
#include "crypto/chacha_lanes.h"

/* ---- Poly1305 ---- */

/* The Poly1305 sum of a packet: a number of 130 bits in words of 64, 64 and a few bits. r is
 * clamped, so `s1`, 5/4 of r1, is a whole number: 2^128 * r1 equals s1 modulo 2^130 - 5. */
struct poly {
        uint64_t h0, h1, h2, r0, r1, s1, pad0, pad1;
};

/* A sum, in registers. */
struct sum {
        uint64_t h0, h1, h2;
};

/* A word of a text, at any address. */
typedef uint64_t text_word __attribute__((aligned(1), may_alias));

typedef unsigned __int128 double_word;

/* Adds a block of 16 bytes and multiplies. From the second form, in C, gcc 12 makes code that takes
 * 1.7 times as long, because it splits additions with carry. That of clang 14 is as good as the
 * first form, and its MemorySanitizer can see what C code does. */
#ifndef __clang__
INLINE struct sum take_block(struct sum h, const struct poly *poly, const uint8_t *from)
{
        uint64_t low, middle, high, carry;

        __asm__("addq %[m0], %[h0]\n\t"
                "adcq %[m1], %[h1]\n\t"
                "adcq $1, %[h2]\n\t"
                "movq %[h0], %%rdx\n\t" /* h0 times r0, and times r1 one word higher */
                "mulxq %[r0], %[low], %[carry]\n\t"
                "mulxq %[r1], %[middle], %[high]\n\t"
                "movq %[h1], %%rdx\n\t" /* h1 times r0 there, and times s1 below it */
                "mulxq %[s1], %[h0], %[h1]\n\t"
                "addq %[h0], %[low]\n\t"
                "adcq %[h1], %[carry]\n\t"
                "mulxq %[r0], %[h0], %[h1]\n\t"
                "addq %[h0], %[middle]\n\t"
                "adcq %[h1], %[high]\n\t"
                "movq %[s1], %[h0]\n\t" /* h2, which is small */
                "imulq %[h2], %[h0]\n\t"
                "imulq %[r0], %[h2]\n\t"
                "addq %[carry], %[middle]\n\t"
                "adcq $0, %[high]\n\t"
                "addq %[h0], %[middle]\n\t"
                "adcq %[h2], %[high]\n\t"
                "movq %[high], %[h0]\n\t" /* bits above 130 count 4 times and once */
                "movl %k[high], %k[h2]\n\t"
                "andq $-4, %[h0]\n\t"
                "shrq $2, %[high]\n\t"
                "andl $3, %k[h2]\n\t"
                "addq %[high], %[h0]\n\t"
                "movq %[middle], %[h1]\n\t"
                "addq %[low], %[h0]\n\t"
                "adcq $0, %[h1]\n\t"
                "adcq $0, %[h2]"
                : [h0] "+&r"(h.h0), [h1] "+&r"(h.h1), [h2] "+&r"(h.h2), [low] "=&r"(low),
                  [middle] "=&r"(middle), [high] "=&r"(high), [carry] "=&r"(carry)
                : [r0] "rm"(poly->r0), [r1] "rm"(poly->r1), [s1] "rm"(poly->s1),
                  [m0] "m"(((const text_word *)from)[0]), [m1] "m"(((const text_word *)from)[1])
                : "rdx", "cc");
        return h;
}
#else
INLINE struct sum take_block(struct sum h, const struct poly *poly, const uint8_t *from)
{
        const text_word *m = (const void *)from;
        double_word low, middle, carry;
        uint64_t high;

        carry = (double_word)h.h0 + m[0];
        h.h0 = (uint64_t)carry;
        carry = (double_word)h.h1 + m[1] + (uint64_t)(carry >> 64);
        h.h1 = (uint64_t)carry;
        h.h2 += (uint64_t)(carry >> 64) + 1;
        low = (double_word)h.h0 * poly->r0 + (double_word)h.h1 * poly->s1;
        middle = (double_word)h.h0 * poly->r1 + (double_word)h.h1 * poly->r0 + h.h2 * poly->s1;
        middle += (uint64_t)(low >> 64);
        high = h.h2 * poly->r0 + (uint64_t)(middle >> 64);
        /* Bits above 130 count 4 times and once. */
        carry = (double_word)(uint64_t)low + ((high & ~UINT64_C(3)) + (high >> 2));
        h.h0 = (uint64_t)carry;
        carry = (double_word)(uint64_t)middle + (uint64_t)(carry >> 64);
        h.h1 = (uint64_t)carry;
        h.h2 = (high & 3) + (uint64_t)(carry >> 64);
        return h;
}
#endif

INLINE struct sum load_sum(const struct poly *poly)
{
        return (struct sum){poly->h0, poly->h1, poly->h2};
}

INLINE void store_sum(struct poly *poly, struct sum h)
{
        poly->h0 = h.h0;
        poly->h1 = h.h1;
        poly->h2 = h.h2;
}

/* 64 bytes of text, and the sum to add them to. */
struct chunk {
        const uint8_t *from;
        struct poly *poly;
};

enum { CHUNK = 64 };

INLINE void take_chunk(struct chunk chunk, size_t at)
{
        struct sum h = load_sum(chunk.poly);

        UNROLL for (unsigned int i = 0; i < CHUNK / POLY_BLOCK; i++)
                h = take_block(h, chunk.poly, chunk.from + at + POLY_BLOCK * i);
        store_sum(chunk.poly, h);
}

static void take_chunks(const struct chunk *chunks, size_t n)
{
        for (size_t i = 0; i < n; i++)
                take_chunk(chunks[i], 0);
}

/* The smallest number that equals h modulo 2^130 - 5, plus the pad, modulo 2^128. */
INLINE void finish(uint8_t tag[WG_AEAD_TAG_LEN], const struct poly *poly, struct sum h)
{
        uint64_t g0 = h.h0 + 5, g1 = h.h1 + (g0 < 5), g2 = h.h2 + (g1 < h.h1);
        uint64_t mask = 0 - (g2 >> 2); /* all ones if h + 5 reaches 2^130: h2 is at most 4 */
        uint64_t low = (h.h0 & ~mask) | (g0 & mask), high = (h.h1 & ~mask) | (g1 & mask);

        low += poly->pad0;
        high += poly->pad1 + (low < poly->pad0);
        store_word(tag, low);
        store_word(tag + 8, high);
}

/* ---- passes ---- */

/* The chunks that a pass authenticates meanwhile, each `at` bytes after its address. */
struct meanwhile {
        const struct chunk *chunks;
        size_t n, at;
};

/* A double round, interleaved with eight other steps. */
#define WOVEN(P0, P1, P2, P3, P4, P5, P6, P7) \
        FIRST_HALF(COLUMNS01) P0 LAST_HALF(COLUMNS01) \
        P1 FIRST_HALF(COLUMNS23) \
        P2 LAST_HALF(COLUMNS23) \
        P3 FIRST_HALF(DIAGONALS01) \
        P4 LAST_HALF(DIAGONALS01) \
        P5 FIRST_HALF(DIAGONALS23) \
        P6 LAST_HALF(DIAGONALS23) P7
#define TAKE(h, chunk, i) h = take_block(h, (chunk).poly, (chunk).from + m->at + POLY_BLOCK * (i));

/* Makes LANES blocks of key stream, transposed, and authenticates the chunks. */
INLINE void make_blocks(const uint32_t key[8], vec counter, vec nonce_low, vec nonce_high,
                        const struct meanwhile *m, vec x[16])
{
        const struct chunk *chunk = m->chunks, *end = chunk + m->n;
        unsigned int i = 0;
        DECLARE_STATE(key, counter, nonce_low, nonce_high);

        /* Two packets at once, because each step of one depends on the step before. */
        for (; i + 2 <= DOUBLE_ROUNDS && end - chunk >= 2 && chunk[0].poly != chunk[1].poly;
             i += 2) {
                const struct chunk c = chunk[0], d = chunk[1];
                struct sum h = load_sum(c.poly), k = load_sum(d.poly);

                WOVEN(, TAKE(h, c, 0), , TAKE(k, d, 0), , TAKE(h, c, 1), , TAKE(k, d, 1))
                WOVEN(, TAKE(h, c, 2), , TAKE(k, d, 2), , TAKE(h, c, 3), , TAKE(k, d, 3))
                store_sum(c.poly, h);
                store_sum(d.poly, k);
                chunk += 2;
        }
        for (; i < DOUBLE_ROUNDS && chunk < end; i++) {
                const struct chunk c = *chunk++;
                struct sum h = load_sum(c.poly);

                WOVEN(, TAKE(h, c, 0), , TAKE(h, c, 1), , TAKE(h, c, 2), , TAKE(h, c, 3))
                store_sum(c.poly, h);
        }
        for (; i < DOUBLE_ROUNDS; i++) {
                ROUND(COLUMNS01)
                ROUND(COLUMNS23)
                ROUND(DIAGONALS01)
                ROUND(DIAGONALS23)
        }
        for (; chunk < end; chunk++)
                take_chunk(*chunk, m->at);
        STORE_STATE(x, key, counter, nonce_low, nonce_high);
}

/* ---- groups ---- */

/* A packet of a group, from `from` to `to`. `cipher` is the one of them that is authenticated. */
struct text {
        const uint8_t *from, *cipher;
        uint8_t *to;
        size_t len;
};

/* The blocks that a pass makes. */
struct pass {
        _Alignas(64) uint32_t counter[LANES], nonce_low[LANES], nonce_high[LANES];
        unsigned int used; /* lanes */
        struct block {
                const uint8_t *from;
                uint8_t *to;
                size_t len;
        } blocks[LANES];
};

struct group {
        _Alignas(64) struct poly polys[LANES]; /* as everywhere here: packet i has lane i */
        _Alignas(64) uint32_t nonce_low[LANES], nonce_high[LANES];
        unsigned int n;
        struct text texts[LANES];
        struct wg_aead_packet *packets[LANES];
        uint8_t tails[LANES][CHUNK + POLY_BLOCK]; /* padded with zeros, then the lengths */
        /* The next block to make: at offset `at` of packet `next`. */
        unsigned int next;
        size_t at, longest; /* in bytes */
};

enum direction { SEAL, OPEN };

/* Chunks to authenticate. */
struct queue {
        struct chunk chunks[2 * LANES]; /* those of a pass, and of a first pass before it */
        size_t n;
};

struct batch {
        uint32_t key[8];
        _Alignas(64) vec spare[16]; /* the blocks of a first pass */
        enum direction direction;
        struct pass pass;
        struct queue now, later; /* for the pass being prepared, and for the one after it */
        struct group groups[2];
};

/* The key of Poly1305, from the first half of a block: r and s of RFC 8439 2.5. */
INLINE void take_key(struct poly *poly, const void *block)
{
        const uint8_t *words = block;
        uint64_t r1 = wg_le64_load(words + 8) & 0x0ffffffc0ffffffc;

        *poly = (struct poly){
                .r0 = wg_le64_load(words) & 0x0ffffffc0fffffff,
                .r1 = r1,
                .s1 = r1 + (r1 >> 2),
                .pad0 = wg_le64_load(words + 16),
                .pad1 = wg_le64_load(words + 24),
        };
}

/* Assigns the next blocks of the group to the lanes of the pass from its `used` on. Queues whole
 * blocks. */
INLINE void fill(struct pass *pass, struct group *group, struct queue *queue)
{
        unsigned int lane = pass->used, i = group->next;
        size_t at = group->at, queued = queue->n;

        while (lane < LANES && at < group->longest) {
                const struct text *text = &group->texts[i];

                if (at < text->len) {
                        size_t len = WG_MIN(text->len - at, (size_t)BLOCK);

                        pass->counter[lane] = (uint32_t)(1 + at / BLOCK);
                        pass->nonce_low[lane] = group->nonce_low[i];
                        pass->nonce_high[lane] = group->nonce_high[i];
                        pass->blocks[lane++] = (struct block){text->from + at, text->to + at, len};
                        queue->chunks[queued] = (struct chunk){text->cipher + at, &group->polys[i]};
                        queued += len == BLOCK;
                }
                if (++i == group->n) {
                        i = 0;
                        at += BLOCK;
                }
        }
        pass->used = lane;
        group->next = i;
        group->at = at;
        queue->n = queued;
}

/* The queue for the chunks of the pass itself: opening authenticates chunks before it decrypts
 * them, sealing after it has encrypted them. */
INLINE struct queue *own_queue(struct batch *batch)
{
        return batch->direction == OPEN ? &batch->now : &batch->later;
}

/* Makes the chunks in `later` those of the next pass. */
INLINE void next_queue(struct batch *batch)
{
        for (size_t i = 0; i < batch->later.n; i++)
                batch->now.chunks[i] = batch->later.chunks[i];
        batch->now.n = batch->later.n;
        batch->later.n = 0;
}

/* Encrypts or decrypts with the blocks of a pass, from lane `first` on. */
INLINE void apply(const struct pass *pass, unsigned int first, const vec x[16])
{
        for (unsigned int i = first; i < pass->used; i++)
                v_xor_block(pass->blocks[i].to, pass->blocks[i].from, pass->blocks[i].len, x, i);
}

INLINE void run_lanes(const struct batch *batch, vec x[16])
{
        const struct pass *pass = &batch->pass;
        const struct meanwhile meanwhile = {batch->now.chunks, batch->now.n, 0};

        make_blocks(batch->key, V_LOAD(pass->counter), V_LOAD(pass->nonce_low),
                    V_LOAD(pass->nonce_high), &meanwhile, x);
}

/* Runs passes over the rest of the text of the group. */
static void run_rest(struct batch *batch, struct group *group)
{
        while (group->at < group->longest) {
                vec x[16];

                batch->pass.used = 0;
                fill(&batch->pass, group, own_queue(batch));
                if (!batch->pass.used)
                        return;
                run_lanes(batch, x);
                next_queue(batch);
                v_transpose(x);
                apply(&batch->pass, 0, x);
        }
}

/* If there is a packet for each lane: processes the blocks that all packets have in full. */
static void run_columns(struct batch *batch, struct group *group, size_t len)
{
        const vec nonce_low = V_LOAD(group->nonce_low), nonce_high = V_LOAD(group->nonce_high);
        struct chunk chunks[LANES];
        struct meanwhile meanwhile = {chunks, 0, 0};

        for (unsigned int i = 0; i < LANES; i++)
                chunks[i] = (struct chunk){group->texts[i].cipher, &group->polys[i]};
        for (size_t at = 0; at < len; at += BLOCK) {
                vec x[16];

                meanwhile.n = batch->direction == OPEN || at ? LANES : 0;
                meanwhile.at = batch->direction == OPEN ? at : at - BLOCK;
                make_blocks(batch->key, V_SET32(1 + at / BLOCK), nonce_low, nonce_high, &meanwhile,
                            x);
                v_transpose(x);
                UNROLL for (unsigned int i = 0; i < LANES; i++) v_xor_block(
                        group->texts[i].to + at, group->texts[i].from + at, BLOCK, x, i);
        }
        for (unsigned int i = 0; i < LANES && batch->direction == SEAL; i++)
                batch->now.chunks[batch->now.n++] = (struct chunk){chunks[i].from + len - BLOCK,
                                                                   chunks[i].poly};
        group->at = len;
}

/* Makes the keys and, in the remaining lanes, the first blocks of text, which stay in `spare`. The
 * waiting chunks are those of the previous group. */
static void run_first(struct batch *batch, struct group *group)
{
        struct pass *pass = &batch->pass;

        pass->used = group->n;
        memset(pass->counter, 0, sizeof(pass->counter));
        memcpy(pass->nonce_low, group->nonce_low, sizeof(pass->nonce_low));
        memcpy(pass->nonce_high, group->nonce_high, sizeof(pass->nonce_high));
        fill(pass, group, &batch->later);
        run_lanes(batch, batch->spare);
        next_queue(batch);
        v_transpose(batch->spare);
        for (unsigned int i = 0; i < group->n; i++)
                take_key(&group->polys[i], &batch->spare[i]);
}

/* Saves the part of a packet after its whole chunks, and the lengths. Returns the number of
 * bytes. */
static void save_tail(uint8_t tail[CHUNK + POLY_BLOCK], const struct text *text)
{
        size_t rest = text->len % CHUNK, padded = (rest + POLY_BLOCK - 1) / POLY_BLOCK * POLY_BLOCK;

        v_pad(tail, text->cipher + text->len - rest, rest);
        store_word(tail + padded, 0); /* there is no associated data */
        store_word(tail + padded + 8, text->len);
}

INLINE void make_tag(uint8_t tag[WG_AEAD_TAG_LEN], const struct group *group, unsigned int i)
{
        const uint8_t *tail = group->tails[i];
        size_t blocks = (group->texts[i].len % CHUNK + POLY_BLOCK - 1) / POLY_BLOCK + 1;
        struct sum h = load_sum(&group->polys[i]);

        for (size_t b = 0; b < blocks; b++)
                h = take_block(h, &group->polys[i], tail + POLY_BLOCK * b);
        finish(tag, &group->polys[i], h);
}

static void finish_sealing(struct group *group)
{
        for (unsigned int i = 0; i < group->n; i++) {
                const struct text *text = &group->texts[i];

                save_tail(group->tails[i], text);
                make_tag(text->to + text->len, group, i);
                wg_declassify(text->to, text->len + WG_AEAD_TAG_LEN); /* sealed, so public */
        }
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

static void finish_opening(struct group *group)
{
        uint8_t tag[WG_AEAD_TAG_LEN];

        for (unsigned int i = 0; i < group->n; i++) {
                const struct text *text = &group->texts[i];

                make_tag(tag, group, i);
                group->packets[i]->is_valid = is_same_tag(tag, text->from + text->len);
                if (!group->packets[i]->is_valid)
                        wg_wipe(text->to, text->len);
        }
}

INLINE void add_text(struct group *group, struct text text, uint64_t nonce)
{
        unsigned int i = group->n++;

        group->texts[i] = text;
        group->nonce_low[i] = (uint32_t)nonce;
        group->nonce_high[i] = (uint32_t)(nonce >> 32);
        group->longest = WG_MAX(group->longest, text.len);
}

INLINE void empty(struct group *group)
{
        group->n = group->next = 0;
        group->at = group->longest = 0;
        memset(group->nonce_low, 0, sizeof(group->nonce_low));
        memset(group->nonce_high, 0, sizeof(group->nonce_high));
}

/* Bytes of whole blocks that the packets of all lanes have; 0 if a lane has no packet. */
INLINE size_t count_columns(const struct group *group)
{
        size_t least = group->longest;

        if (group->n < LANES)
                return 0;
        for (unsigned int i = 0; i < LANES; i++)
                least = WG_MIN(least, group->texts[i].len);
        return least / BLOCK * BLOCK;
}

/* Seals all text of a group, without the tags. Finishes the previous group on the way. */
static void seal_group(struct batch *batch, struct group *group, struct group *before)
{
        size_t columns = count_columns(group);

        run_first(batch, group);
        apply(&batch->pass, group->n, batch->spare);
        if (before)
                finish_sealing(before);
        if (columns)
                run_columns(batch, group, columns);
        run_rest(batch, group);
}

static void open_group(struct batch *batch, struct group *group)
{
        size_t columns = count_columns(group);
        struct block spare[LANES];
        unsigned int used;

        for (unsigned int i = 0; i < group->n; i++)
                save_tail(group->tails[i], &group->texts[i]);
        run_first(batch, group);
        used = batch->pass.used;
        for (unsigned int i = group->n; i < used; i++)
                spare[i] = batch->pass.blocks[i];
        if (columns)
                run_columns(batch, group, columns);
        run_rest(batch, group);
        take_chunks(batch->now.chunks, batch->now.n);
        batch->now.n = 0;
        for (unsigned int i = group->n; i < used; i++)
                v_xor_block(spare[i].to, spare[i].from, spare[i].len, batch->spare, i);
        finish_opening(group);
}

static void prepare(struct batch *batch, const uint8_t key[WG_AEAD_KEY_LEN],
                    enum direction direction)
{
        for (unsigned int i = 0; i < 8; i++)
                batch->key[i] = wg_le32_load(key + 4 * i);
        batch->direction = direction;
        batch->now.n = batch->later.n = 0;
        empty(&batch->groups[0]);
}

/* The secrets; the rest are pointers, lengths and sealed bytes. */
INLINE void wipe(struct batch *batch, bool has_second)
{
        wg_wipe(batch->key, sizeof(batch->key));
        wg_wipe(batch->spare, sizeof(batch->spare));
        wg_wipe(batch->groups[0].polys, sizeof(batch->groups[0].polys));
        if (has_second)
                wg_wipe(batch->groups[1].polys, sizeof(batch->groups[1].polys));
}

static void seal_batch(const uint8_t key[WG_AEAD_KEY_LEN], struct wg_aead_packet *packets, size_t n)
{
        struct batch batch;
        struct group *group = &batch.groups[0], *before = NULL;

        prepare(&batch, key, SEAL);
        for (size_t i = 0; i < n; i++) {
                const struct wg_aead_packet *p = &packets[i];

                add_text(group, (struct text){p->from, p->to, p->to, p->len}, p->nonce);
                if (group->n < LANES && i + 1 < n)
                        continue;
                seal_group(&batch, group, before);
                before = group;
                group = &batch.groups[group == batch.groups];
                empty(group);
        }
        if (before) {
                take_chunks(batch.now.chunks, batch.now.n);
                finish_sealing(before);
        }
        wipe(&batch, n > LANES);
}

static void open_batch(const uint8_t key[WG_AEAD_KEY_LEN], struct wg_aead_packet *packets, size_t n)
{
        struct batch batch;
        struct group *group = &batch.groups[0];

        prepare(&batch, key, OPEN);
        for (size_t i = 0; i < n; i++) {
                struct wg_aead_packet *p = &packets[i];

                p->is_valid = false;
                if (p->len >= WG_AEAD_TAG_LEN) {
                        group->packets[group->n] = p;
                        add_text(group,
                                 (struct text){p->from, p->from, p->to, p->len - WG_AEAD_TAG_LEN},
                                 p->nonce);
                }
                if (!group->n || (group->n < LANES && i + 1 < n))
                        continue;
                open_group(&batch, group);
                empty(group);
        }
        wipe(&batch, false);
}
