/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * obstacles.h - finds what other programs on this machine drop of a node's traffic, and who else
 * forwards packets.
 * Threads: the process has only one. */
#ifndef NODE_OBSTACLES_H
#define NODE_OBSTACLES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "net/local.h"
#include "net/model.h"

enum { TL_OBSTACLES_NAME_SIZE = 48 };

/* Adds drops and forwarders to facts that have the machine's networks and routes. *problem is why
 * some could not be read (NULL: all were). Returns false if memory runs out. */
bool tl_obstacles_find(struct tl_local *local, const struct tl_model *model, uint32_t node,
                       const char **problem) WG_MUST_USE;

/* Whether the kernel must forward packets for somebody else than the network of that link; *out is
 * for whom, such as "Docker (docker0)". */
bool tl_obstacles_forwarder(const char *ifname, char out[TL_OBSTACLES_NAME_SIZE]) WG_MUST_USE;

#endif
