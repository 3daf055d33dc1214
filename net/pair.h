/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * pair.h - one connection between two machines: the walk, and the explanation of it.
 * Threads: as net/plans. */
#ifndef NET_PAIR_H
#define NET_PAIR_H

#include <stdbool.h>

#include "base/attr.h"
#include "conf/flow.h"
#include "net/ends.h"
#include "net/explain.h"
#include "net/plans.h"
#include "net/walk.h"

/* Walks from one machine to another, with IPv4 if both have it. Without a port, a service is asked
 * at its first one. Returns whether the connection works; walk->has_no_memory tells if memory ran
 * out. */
bool tl_pair_walk(struct tl_walk *walk, struct tl_plans *plans, const struct tl_end *from,
                  const struct tl_end *to, const struct tl_flow *flow) WG_MUST_USE;

/* Explains a walk. The explanation is zeroed, but may have an arena, and borrows the names and
 * notes of the ends. Returns false if there is no memory. */
bool tl_pair_tell(struct tl_explanation *explanation, const struct tl_plans *plans,
                  const struct tl_walk *walk, const struct tl_end *from,
                  const struct tl_end *to) WG_MUST_USE;

#endif
