/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * topology_homes.h - homes: the devices of people, and the routers of their homes.
 *
 * Only for lab/topology_*.c.
 * Threads: one owner at a time. */
#ifndef LAB_TOPOLOGY_HOMES_H
#define LAB_TOPOLOGY_HOMES_H

#include <stdint.h>

#include "lab/topology_builder.h"

/* Makes the device of a person, by the index of its node in the model. It is in the home that the
 * file gives it, else in that of its person. */
void tl_homes_make_device(struct tl_builder *b, uint32_t index);

#endif
