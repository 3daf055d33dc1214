/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * travelview.h - shows how the pairs of a network travel, as a matrix.
 * Threads: the process has only one. */
#ifndef CLI_TRAVELVIEW_H
#define CLI_TRAVELVIEW_H

#include <stdbool.h>

#include "base/attr.h"
#include "cli/json.h"
#include "cli/pen.h"
#include "net/model.h"

/* Prints the matrix, with the reasons below it. Rows and columns of parties that are alike are one.
 * A matrix that is too wide becomes a list. Returns false if there is no memory. */
bool tl_travelview_print(const struct tl_pen *pen, const struct tl_model *model) WG_MUST_USE;

/* An object with "parties" and "pairs". NULL: no memory. */
json_t *tl_travelview_json(const struct tl_model *model) WG_MUST_USE;

#endif
