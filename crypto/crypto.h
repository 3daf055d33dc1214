/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * crypto.h - starting and stopping the primitives.
 *
 * The headers of this room declare the cryptography that WireGuard needs, not the library that
 * provides it. The sources in libcrypto/ use OpenSSL 3; another build may link another set.
 * Threads: any, between init and done. Each thread has its own contexts, which are made by
 * thread_begin() or on first use, and freed when the thread ends. */
#ifndef CRYPTO_CRYPTO_H
#define CRYPTO_CRYPTO_H

#include "base/attr.h"
#include "base/std.h"

/* Fetches all algorithms and tests each against a known answer. Returns false if one is missing or
 * wrong. Call it before any other function of this room and before threads start. */
bool wg_crypto_init(void) WG_MUST_USE;

/* Makes the calling thread's contexts. Returns false if there is no memory. Otherwise the thread's
 * first use of this room makes them, and panics if there is no memory. The thread of init already
 * has its contexts. */
bool wg_crypto_thread_begin(void) WG_MUST_USE;

/* Frees the algorithms and the calling thread's contexts. No other thread may use this room any
 * more. */
void wg_crypto_done(void);

#endif
