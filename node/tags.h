/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * tags.h - how routes in the kernel tell which network they belong to, even without its link.
 * Threads: pure functions of their arguments. */
#ifndef NODE_TAGS_H
#define NODE_TAGS_H

#include <stdint.h>
#include <string.h>

#include "base/siphash.h"
#include "net/nodeplan.h"

/* The metric of a network's unreachable routes: that of the plan, and 24 bits for the name, since a
 * machine may be a node of several networks. */
static inline uint32_t tl_tags_metric(const char *name)
{
        static const uint8_t key[WG_SIPHASH_KEY_LEN] = "unreachable";

        return TL_NODEPLAN_HIGH_METRIC + (uint32_t)(wg_siphash(key, name, strlen(name)) >> 40);
}

#endif
