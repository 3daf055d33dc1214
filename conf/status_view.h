/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * status_view.h - what a device told of itself, for people and for programs.
 * Source of the latter: RFC 8259 (JSON).
 * Threads: pure functions of their arguments. */
#ifndef CONF_STATUS_VIEW_H
#define CONF_STATUS_VIEW_H

#include "conf/status.h"

/* Room enough for either view of any reply that tl_status_read() takes. */
#define TL_STATUS_VIEW_MAX (512 * 1024)

/* Bytes of the longest label, so that all values stand in one column. */
#define TL_STATUS_LABEL_MAX 34

/* Which drops people see. */
#define TL_STATUS_DETAILS(X) \
        X(TL_STATUS_DETAIL_USUAL, 0, usual, "drops that occurred") \
        X(TL_STATUS_DETAIL_ALL, 1, all, "all drops, including those at zero")
WG_ENUM_DECLARE(tl_status_detail, TL_STATUS_DETAILS)

/* Writes aligned lines in sections, with units. `verdicts` explains drops. Returns the length; out is
 * terminated. */
size_t tl_status_for_people(const struct tl_status *status, const struct wg_enum *verdicts,
                            enum tl_status_detail detail, char out[TL_STATUS_VIEW_MAX]);

/* Writes one object with a member for each key, in the order of the reply. A number is one of JSON's, up
 * to 2^64 - 1. Returns the length; out is terminated. */
size_t tl_status_as_json(const struct tl_status *status, char out[TL_STATUS_VIEW_MAX]);

#endif
