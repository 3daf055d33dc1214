/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * random.h - randomness fit for keys, from the kernel.
 * Threads: any. Source: getrandom(2). */
#ifndef IO_RANDOM_H
#define IO_RANDOM_H

#include <stddef.h>

/* Fills all len bytes. Early at boot it waits until the kernel has gathered enough entropy. If the
 * kernel returns an error, calls wg_panic(), since no key would be safe. */
void tl_random_fill(void *out, size_t len);

#endif
