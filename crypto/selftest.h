/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * selftest.h - known answers, asked for at start: a wrong library or processor is found before it
 * has sealed anything. Private to this room.
 * Threads: any. */
#ifndef CRYPTO_SELFTEST_H
#define CRYPTO_SELFTEST_H

#include "base/attr.h"
#include "base/std.h"
#include "crypto/aead.h"

/* Whether each function of blake2s.h, x25519.h, aead.h (for one message) and xchacha.h gives a
 * published answer, and refuses what it must refuse. */
bool wg_selftest_primitives(void) WG_MUST_USE;

/* Whether a back-end seals and opens a batch as the one-message functions do, and tells which one
 * packet of it was tampered with. */
bool wg_selftest_backend(const struct wg_aead_backend *backend) WG_MUST_USE;

/* Tries every back-end that this processor can run and remembers which ones failed, for
 * wg_aead_is_broken(). Returns whether libcrypto's did not. */
bool wg_selftest_backends(void) WG_MUST_USE;

#endif
