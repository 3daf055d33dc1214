/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * reserve.h - a little memory for libcrypto when the system has none left. Private to this folder.
 *
 * Nothing here allocates between wg_crypto_thread_begin() and the thread's end, but libcrypto does:
 * some of its calls make a small object and free it before they return. Where such a call fails there
 * is nothing sensible to do, and ending a tunnel since 128 bytes were missing for a microsecond is not.
 * So those come out of a reserve then. Larger ones, which only starting asks for, fail as they would.
 * Threads: any, without a lock. */
#ifndef CRYPTO_LIBCRYPTO_RESERVE_H
#define CRYPTO_LIBCRYPTO_RESERVE_H

/* Puts the reserve behind libcrypto's allocator. It must come before libcrypto's first use in the
 * process, else it has no effect. */
void wg_crypto_reserve_init(void);

#endif
