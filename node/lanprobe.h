/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * lanprobe.h - asks the LANs of this machine what the plan of a node depends on, and what the file
 * cannot know.
 *
 * Addresses of a LAN that the node is about to answer for must be free: one that another machine
 * has is an error.
 * Threads: the process has only one. */
#ifndef NODE_LANPROBE_H
#define NODE_LANPROBE_H

#include <stdbool.h>

#include "base/attr.h"
#include "node/machine.h"

/* Probes the LANs of a machine that has a plan, and adds errors and warnings to its findings.
 * Returns whether there is no error, or false after saying why probes are impossible. Takes no
 * time if the plan depends on nothing. */
bool tl_lanprobe_run(struct tl_machine *machine) WG_MUST_USE;

#endif
