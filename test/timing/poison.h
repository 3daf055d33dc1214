/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * poison.h - secrets on which nothing may branch and no address may depend.
 *
 * A tool that follows uninitialised bytes is told that secrets are such: valgrind's memcheck, or
 * clang's MemorySanitizer where the program is built with it. It reports each conditional jump and
 * each address that follows from one: what shows in the time that code takes, or in a cache. What
 * may be told is marked where it comes to be, by base/declassify.h.
 *
 * memcheck sees libcrypto as well. MemorySanitizer sees what it compiled, and is told by
 * test/lib/opaque_libcrypto.c what comes out of libcrypto.
 *
 * Source: the idea is A. Langley's (ctgrind, 2010). Threads: one. */
#ifndef TEST_TIMING_POISON_H
#define TEST_TIMING_POISON_H

#include <stdbool.h>
#include <stddef.h>

#include "base/declassify.h"

/* Group fixture, with crypto/ as well: ends the program with 77, meson's word for skipped, and says
 * why, where no tool is there. */
int poison_setup(void **state);
int poison_teardown(void **state);

/* Makes bytes secret. They keep their values. */
void poison(const void *bytes, size_t len);

/* Whether each byte is secret. What follows from a secret has to be, or the test tests nothing.
 * MemorySanitizer loses some bits on the way, for it does not follow carries: there it is asked
 * whether any byte is. */
bool is_poisoned(const void *bytes, size_t len);

/* Whether it is seen what other libraries than libcrypto do with a secret. */
bool poison_sees_libraries(void);

/* How often a function branches on secrets, or goes to an address made of them. */
unsigned int poison_findings(void (*function)(void));

/* A test of a group; it fails where anything was found in it. */
#define poison_test(function) cmocka_unit_test_setup_teardown(function, poison_begin, poison_end)
int poison_begin(void **state);
int poison_end(void **state);

#endif
