/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * nodeplan_dump.h - plans as text, for tests that compare them. */
#ifndef TEST_LIB_NODEPLAN_DUMP_H
#define TEST_LIB_NODEPLAN_DUMP_H

#include <stddef.h>

#include "net/nodeplan.h"

/* Writes everything but the nftables rules, one line per item, peers with their names. Returns out.
 */
char *nodeplan_dump(char *out, size_t size, const struct tl_nodeplan *plan,
                    const struct tl_model *model);

#endif
