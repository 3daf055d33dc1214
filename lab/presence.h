/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * presence.h - the networks of a lab that nodes are in besides the LANs of their own site: homes,
 * and those that `lab: networks` gives them.
 * Threads: pure functions of their arguments. */
#ifndef LAB_PRESENCE_H
#define LAB_PRESENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "net/model.h"

/* The LAN in which the file puts the home of a device, by its index in the model: that of its home
 * in the lab, else its own `lan:`, else that of its person's home. NULL: it may be anywhere. */
const struct wg_prefix *tl_presence_home(const struct tl_model *model, uint32_t node) WG_MUST_USE;

/* The networks that `lab: networks` gives a node, or its person; NULL: none. */
const struct tl_lab_networks *tl_presence_networks(const struct tl_model *model,
                                                   uint32_t node) WG_MUST_USE;

/* Tells the model of these networks, as if the nodes had found them. Returns false if there is no
 * memory. */
bool tl_presence_add(struct tl_model *model) WG_MUST_USE;

/* Reports stock devices whose routes conflict with such a network, because the file does not say
 * that they are in it, and nothing on them finds out. */
void tl_presence_check(const struct tl_model *model, struct tl_findings *findings);

#endif
