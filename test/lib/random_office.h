/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * random_office.h - network files with everything that a file may have, from a seed. They have no
 * mistakes and no conflicts. */
#ifndef TEST_LIB_RANDOM_OFFICE_H
#define TEST_LIB_RANDOM_OFFICE_H

#include <stddef.h>
#include <stdint.h>

#include "test/lib/office.h"

enum { RANDOM_OFFICE_SIZE = 64 * 1024 };

/* The seed in TEST_SEED, or another one at each call. Prints it. */
uint64_t random_office_seed(void);

/* Writes a file, terminated, and returns its length. `state` is that of tool_random(). The file has
 * a policy if `has_policy` is set. With `is_shuffled` set, its rules are in reverse; the rest only
 * depends on the state. */
size_t random_office_write(char out[RANDOM_OFFICE_SIZE], uint64_t *state, bool has_policy,
                           bool is_shuffled);

/* An address that the network, or nobody, may use. */
struct wg_ip random_office_ip(const struct test_office *office, uint64_t *state);

#endif
