/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * poison.h - secrets on which no branch and no address may depend.
 *
 * The tests declare secrets uninitialised to a tool that tracks uninitialised bytes: valgrind's
 * memcheck, or clang's MemorySanitizer in programs built with it. It reports each conditional jump
 * and each address that depends on one, which would show in the running time or in a cache. Values
 * that may be known are marked by base/declassify.h where they arise.
 *
 * memcheck sees libcrypto as well. MemorySanitizer sees only instrumented code;
 * test/lib/opaque_libcrypto.c tells it what libcrypto writes.
 *
 * Source: the idea is A. Langley's (ctgrind, 2010). Threads: one. */
#ifndef TEST_TIMING_POISON_H
#define TEST_TIMING_POISON_H

#include <stdbool.h>
#include <stddef.h>

#include "base/declassify.h"

/* Group fixture, with crypto/ started: ends the program with 77, which meson counts as skipped, and
 * gives the reason, if no tool is available. */
int poison_setup(void **state);
int poison_teardown(void **state);

/* Makes bytes secret. They keep their values. */
void poison(const void *bytes, size_t len);

/* Whether each byte is secret. A value derived from a secret must be, or the test tests nothing.
 * MemorySanitizer loses some bits, since it does not track carries: there, whether any byte is. */
bool is_poisoned(const void *bytes, size_t len);

/* Whether the tool sees what libraries other than libcrypto do with a secret. */
bool poison_sees_libraries(void);

/* How often a function branches on secrets, or uses an address that depends on one. */
unsigned int poison_findings(void (*function)(void));

/* A test of a group; it fails if anything was found during it. */
#define poison_test(function) cmocka_unit_test_setup_teardown(function, poison_begin, poison_end)
int poison_begin(void **state);
int poison_end(void **state);

#endif
