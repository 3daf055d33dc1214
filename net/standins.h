/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * standins.h - puts the virtual addresses of sites, and what they stand for, into a model.
 * Threads: pure functions of their arguments. */
#ifndef NET_STANDINS_H
#define NET_STANDINS_H

#include <stdbool.h>

#include "base/attr.h"
#include "conf/findings.h"
#include "net/model.h"

enum { TL_STANDINS_MAX = 1024 }; /* virtual addresses of a site: the node answers for each */

/* Fills the stand-ins of a model whose LANs, hosts, services and names are complete. Mistakes
 * become findings; names that are unknown, or of the wrong kind, are the caller's to report.
 * Returns false if there is no memory. */
bool tl_standins_build(struct tl_model *model, struct tl_findings *findings) WG_MUST_USE;

#endif
