/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * selftest.h - known-answer tests at startup, so that a wrong library or processor is found before
 * it seals anything. Private to this room.
 * Threads: any. */
#ifndef CRYPTO_SELFTEST_H
#define CRYPTO_SELFTEST_H

#include "base/attr.h"
#include "base/std.h"
#include "crypto/aead.h"

/* Whether all functions of blake2s.h, x25519.h, aead.h (single messages) and xchacha.h give
 * published answers and reject bad input. */
bool wg_selftest_primitives(void) WG_MUST_USE;

/* Whether a back-end seals and opens a batch as the single-message functions do, and rejects
 * exactly the one packet that was altered. */
bool wg_selftest_backend(const struct wg_aead_backend *backend) WG_MUST_USE;

/* Tests every back-end that this processor can run, and remembers which failed for
 * wg_aead_is_broken(). Returns whether libcrypto's passed. */
bool wg_selftest_backends(void) WG_MUST_USE;

#endif
