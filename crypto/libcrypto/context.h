/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * context.h - libcrypto objects that are kept between calls: the algorithms, and one set of
 * contexts per thread, so that calls neither fetch nor allocate. Private to this folder.
 *
 * No call leaves a key in a context: each ends by setting the key to zeros, since a thread may
 * sleep for longer than the key may live.
 *
 * Threads: init and done as wg_crypto_init() and wg_crypto_done(); get from any thread. */
#ifndef CRYPTO_LIBCRYPTO_CONTEXT_H
#define CRYPTO_LIBCRYPTO_CONTEXT_H

#include <stdbool.h>

#include <openssl/evp.h>

#include "base/attr.h"

struct wg_crypto_context {
        EVP_MD_CTX *hash;       /* BLAKE2s with 32 bytes of output */
        EVP_MAC_CTX *mac;       /* keyed BLAKE2s with 16 bytes of output */
        EVP_CIPHER_CTX *aead;   /* ChaCha20-Poly1305 */
        EVP_CIPHER_CTX *stream; /* ChaCha20 */
        EVP_PKEY *peer;         /* a public key of X25519; each use overwrites its bytes */
};

/* Fetches the algorithms. Returns false and holds nothing if one is missing. */
bool wg_crypto_context_init(void) WG_MUST_USE;

/* Releases the algorithms and the calling thread's contexts. */
void wg_crypto_context_done(void);

/* The calling thread's contexts, made on its first call; wg_panic() if there is no memory. Never
 * NULL; borrowed for the life of the thread. */
struct wg_crypto_context *wg_crypto_context_get(void);

/* For calls to libcrypto that have no reason to fail: algorithm, sizes and memory are all there.
 * Continuing without a seal or a hash would be worse than stopping. */
#define WG_CRYPTO_MUST(call) WG_ASSERT((call) == 1)

#endif
