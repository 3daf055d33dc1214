/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * heap.h - malloc() and calloc() that fail when a test wants it, and a free() that looks for what
 * should have been wiped. A program that uses this is linked with --wrap for the three. */
#ifndef TEST_LIB_HEAP_H
#define TEST_LIB_HEAP_H

#include <stddef.h>

/* Lets so many allocations succeed and all after them fail; below 0: none fails. */
void heap_fail_after(long allocations);

/* From here on the test fails where memory is freed that holds these bytes, which are borrowed.
 * NULL: none are looked for. */
void heap_watch(const void *secret, size_t len);

#endif
