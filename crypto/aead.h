/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * aead.h - ChaCha20-Poly1305 for batches of packets under one key, and for single messages.
 * Source: RFC 8439; WireGuard paper 5.4 (the nonce is 4 zero bytes and a 64-bit little-endian
 * counter; data packets have no associated data).
 *
 * The fastest way to compute a batch depends on the processor, so the batch functions are in a
 * struct that is chosen at run time. */
#ifndef CRYPTO_AEAD_H
#define CRYPTO_AEAD_H

#include "base/attr.h"
#include "base/std.h"

#define WG_AEAD_KEY_LEN 32
#define WG_AEAD_TAG_LEN 16

/* One packet of a batch. `to` and `from` are equal or do not overlap. */
struct wg_aead_packet {
        uint8_t *to;         /* seal: len + 16 bytes are written; open: len - 16 */
        const uint8_t *from; /* seal: plaintext; open: ciphertext and tag */
        size_t len;          /* bytes at `from` */
        uint64_t nonce;      /* host order */
        bool is_valid;       /* set by open: the tag verified. Else `to` holds no plaintext */
};

/* A way to compute batches. Constant. */
struct wg_aead_backend {
        const char *name; /* "libcrypto", ... as in options and logs */

        /* Both take any number of packets. Sealing cannot fail. */
        void (*seal)(const uint8_t key[WG_AEAD_KEY_LEN], struct wg_aead_packet *packets, size_t n);
        void (*open)(const uint8_t key[WG_AEAD_KEY_LEN], struct wg_aead_packet *packets, size_t n);
};

extern const struct wg_aead_backend wg_aead_libcrypto;

/* The i-th back-end that this processor can run, best first; NULL past the last, which is
 * wg_aead_libcrypto. Threads: any. */
const struct wg_aead_backend *wg_aead_nth(size_t i);

/* Whether the back-end gave a wrong result when wg_crypto_init() tried it. Threads: any. */
bool wg_aead_is_broken(const struct wg_aead_backend *backend);

/* The back-end of that name, or NULL if there is none or this processor cannot run it. For a NULL
 * name, the best back-end that is not broken. Threads: any. */
const struct wg_aead_backend *wg_aead_choose(const char *name);

/* Single messages with associated data, for handshakes. `to` may equal `from`. Seal writes len + 16
 * bytes. Open reads len bytes (16 or more), writes len - 16 and returns whether the tag verified;
 * if not, no plaintext is left at `to`. Threads: any. */
void wg_aead_seal(uint8_t *to, const uint8_t *from, size_t len, const void *ad, size_t ad_len,
                  uint64_t nonce, const uint8_t key[WG_AEAD_KEY_LEN]);
bool wg_aead_open(uint8_t *to, const uint8_t *from, size_t len, const void *ad, size_t ad_len,
                  uint64_t nonce, const uint8_t key[WG_AEAD_KEY_LEN]) WG_MUST_USE;

#endif
