/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * status_view.h - prints a status for people, and as JSON for programs.
 * Source of JSON: RFC 8259.
 * Threads: pure functions of their arguments. */
#ifndef CONF_STATUS_VIEW_H
#define CONF_STATUS_VIEW_H

#include "conf/status.h"

/* Enough for either view of any reply that tl_status_read() accepts. */
#define TL_STATUS_VIEW_MAX (512 * 1024)

/* Length of the longest label; the values form a column after it. */
#define TL_STATUS_LABEL_MAX 34

/* The drops that people see. */
#define TL_STATUS_DETAILS(X) \
        X(TL_STATUS_DETAIL_USUAL, 0, usual, "drops that occurred") \
        X(TL_STATUS_DETAIL_ALL, 1, all, "all drops, including those at zero")
WG_ENUM_DECLARE(tl_status_detail, TL_STATUS_DETAILS)

/* Writes aligned lines with units, in sections, terminated. `verdicts` explains drops. Returns the
 * length. */
size_t tl_status_for_people(const struct tl_status *status, const struct wg_enum *verdicts,
                            enum tl_status_detail detail, char out[TL_STATUS_VIEW_MAX]);

/* Writes one object, terminated, with a member per key, in the order of the reply. Numbers are JSON
 * numbers up to 2^64 - 1. Returns the length. */
size_t tl_status_as_json(const struct tl_status *status, char out[TL_STATUS_VIEW_MAX]);

#endif
