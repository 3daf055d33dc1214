/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * aead_check.h - checks any pair of functions that seal and open against a vector. */
#ifndef TEST_LIB_AEAD_CHECK_H
#define TEST_LIB_AEAD_CHECK_H

#include <string.h>

#include "base/mem.h"
#include "crypto/aead.h"
#include "test/lib/vector.h"

/* Like wg_aead_seal() and wg_aead_open(), but with a nonce of nonce_len bytes. */
struct aead_functions {
        const char *name;
        size_t nonce_len;
        void (*seal)(uint8_t *to, const uint8_t *from, size_t len, const void *ad, size_t ad_len,
                     const uint8_t *nonce, const uint8_t *key);
        bool (*open)(uint8_t *to, const uint8_t *from, size_t len, const void *ad, size_t ad_len,
                     const uint8_t *nonce, const uint8_t *key);
};

/* A vector's bytes, with cipher and tag joined as the functions take them. */
struct aead_bytes {
        uint8_t key[WG_AEAD_KEY_LEN], nonce[32], ad[1024], plain[1024], box[1024 + WG_AEAD_TAG_LEN];
        size_t key_len, nonce_len, ad_len, len, tag_len;
};

static inline void aead_decode(struct aead_bytes *b, const struct aead_vector *v)
{
        b->key_len = hex_decode(b->key, sizeof(b->key), v->key);
        b->nonce_len = hex_decode(b->nonce, sizeof(b->nonce), v->nonce);
        b->ad_len = hex_decode(b->ad, sizeof(b->ad), v->ad);
        b->len = hex_decode(b->plain, sizeof(b->plain), v->plain);
        hex_decode(b->box, sizeof(b->box) - WG_AEAD_TAG_LEN, v->cipher);
        b->tag_len = hex_decode(b->box + b->len, WG_AEAD_TAG_LEN, v->tag);
}

/* After a refusal: wiped, or never written. */
static inline bool aead_is_closed(const uint8_t *to, const uint8_t *before, size_t len)
{
        return wg_is_zero(to, len) || memcmp(to, before, len) == 0;
}

static inline bool aead_seals(const struct aead_functions *f, const struct aead_bytes *b)
{
        uint8_t out[sizeof(b->box)];
        size_t box_len = b->len + WG_AEAD_TAG_LEN;

        f->seal(out, b->plain, b->len, b->ad, b->ad_len, b->nonce, b->key);
        if (memcmp(out, b->box, box_len) != 0)
                return false;
        memcpy(out, b->plain, b->len);
        f->seal(out, out, b->len, b->ad, b->ad_len, b->nonce, b->key);
        return memcmp(out, b->box, box_len) == 0;
}

static inline bool aead_opens(const struct aead_functions *f, const struct aead_bytes *b)
{
        uint8_t out[sizeof(b->box)];
        size_t box_len = b->len + WG_AEAD_TAG_LEN;

        if (!f->open(out, b->box, box_len, b->ad, b->ad_len, b->nonce, b->key) ||
            memcmp(out, b->plain, b->len) != 0)
                return false;
        memcpy(out, b->box, box_len);
        return f->open(out, out, box_len, b->ad, b->ad_len, b->nonce, b->key) &&
               memcmp(out, b->plain, b->len) == 0;
}

static inline bool aead_refuses(const struct aead_functions *f, const struct aead_bytes *b)
{
        uint8_t before[sizeof(b->box)], out[sizeof(b->box)];
        size_t box_len = b->len + WG_AEAD_TAG_LEN;

        memset(before, 0xa5, sizeof(before));
        memcpy(out, before, sizeof(out));
        if (f->open(out, b->box, box_len, b->ad, b->ad_len, b->nonce, b->key) ||
            !aead_is_closed(out, before, b->len))
                return false;
        memcpy(out, b->box, box_len);
        return !f->open(out, out, box_len, b->ad, b->ad_len, b->nonce, b->key) &&
               aead_is_closed(out, b->box, b->len);
}

/* Whether the functions give the vector's results, in place and out of place. */
static inline bool aead_agrees(const struct aead_functions *f, const struct aead_bytes *b,
                               bool is_valid)
{
        return is_valid ? aead_seals(f, b) && aead_opens(f, b) : aead_refuses(f, b);
}

#endif
