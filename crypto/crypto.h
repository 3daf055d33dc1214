/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * crypto.h - bringing the primitives up and down.
 *
 * The headers of this room say what WireGuard needs of cryptography, not which library provides it.
 * The sources in libcrypto/ use OpenSSL 3; another build may link another set.
 * Threads: everything here may be used by any thread between init and done; each thread's own
 * contexts are made by thread_begin(), or at its first use, and freed when it ends. */
#ifndef CRYPTO_CRYPTO_H
#define CRYPTO_CRYPTO_H

#include "base/attr.h"
#include "base/std.h"

/* Fetches every algorithm once and tries each against a known answer. Returns false where one is
 * missing or wrong. Call it before any other function of this room, and before threads start. */
bool wg_crypto_init(void) WG_MUST_USE;

/* Makes what the calling thread needs, which it would otherwise be made to panic for where there is no
 * memory. Returns false then. For the thread of init there is nothing to make. */
bool wg_crypto_thread_begin(void) WG_MUST_USE;

/* Frees what init fetched and the calling thread's contexts. No other thread may use this room
 * any more. */
void wg_crypto_done(void);

#endif
