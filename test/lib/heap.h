/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * heap.h - malloc() and calloc() that fail on request, and a free() that looks for bytes that
 * should have been wiped. Programs that use it are linked with --wrap for these three. */
#ifndef TEST_LIB_HEAP_H
#define TEST_LIB_HEAP_H

#include <stddef.h>

/* Lets this many allocations succeed and all later ones fail; below 0: none fails. */
void heap_fail_after(long allocations);

/* From now on the test fails if freed memory contains these bytes, which are borrowed. NULL: looks
 * for none. */
void heap_watch(const void *secret, size_t len);

#endif
