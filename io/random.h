/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * random.h - randomness fit for keys, from the kernel.
 * Threads: any. Source: getrandom(2). */
#ifndef IO_RANDOM_H
#define IO_RANDOM_H

#include <stddef.h>

/* Fills all len bytes. Early in a boot it waits until the kernel has gathered enough. Where the
 * kernel has no randomness to give it ends the program by wg_panic(): nothing safe is left to do. */
void tl_random_fill(void *out, size_t len);

#endif
