/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * survey.h - gathers the facts about this machine that its plan depends on (net/local.h).
 *
 * It only reads. Everything of the network itself is left out: its link, its routes and rules, its
 * nft table. A fact that cannot be read is among the unknowns, with the reason.
 * Threads: the process has only one. */
#ifndef NODE_SURVEY_H
#define NODE_SURVEY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "net/local.h"
#include "net/model.h"

/* Gathers what matters to a node of the model (an index). Of the routes, those that may catch
 * packets to a prefix of the network. Needs root for the drops of other programs. Returns false if
 * memory runs out. The caller releases *local either way. */
bool tl_survey_gather(struct tl_local *local, const struct tl_model *model,
                      uint32_t node) WG_MUST_USE;

/* Gathers only where the machine is: its networks, its routes, and what its uplink carries. Needs
 * no root, and runs no other program. The same otherwise. */
bool tl_survey_place(struct tl_local *local, const struct tl_model *model,
                     uint32_t node) WG_MUST_USE;

/* Frees everything. Accepts zeroed memory. The facts are then empty. */
void tl_survey_release(struct tl_local *local);

#endif
