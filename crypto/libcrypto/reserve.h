/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * reserve.h - a little memory for libcrypto when the system has none left. Private to this folder.
 *
 * Nothing here allocates between wg_crypto_thread_begin() and the end of the thread, but libcrypto
 * does: some calls make a small object and free it before they return. There would be no sensible
 * way to handle a failure of such a call, and a shortage of 128 bytes for a microsecond must not
 * end a tunnel. So if the system refuses a small allocation, it comes from a reserve. Larger ones,
 * which occur only at startup, fail as usual.
 * Threads: any, without a lock. */
#ifndef CRYPTO_LIBCRYPTO_RESERVE_H
#define CRYPTO_LIBCRYPTO_RESERVE_H

/* Installs an allocator with the reserve in libcrypto. Call it before the process first uses
 * libcrypto; later it has no effect. */
void wg_crypto_reserve_init(void);

#endif
