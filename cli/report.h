/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * report.h - shows findings: as text on standard error, or as JSON.
 *
 *      acme.yaml:7:12: error: unknown site "bejing"
 *          fix: write "beijing"
 *
 * Colours appear on a terminal only, and not if NO_COLOR is set.
 * Threads: the process has only one. Source: no-color.org. */
#ifndef CLI_REPORT_H
#define CLI_REPORT_H

#include <stdbool.h>

#include "cli/json.h"
#include "conf/findings.h"

/* Prints all findings about a file, sorted by place. */
void tl_report_findings(struct tl_findings *findings, const char *file);

/* Prints how many errors and warnings there are in two collections; nothing if there are none. */
void tl_report_count(const struct tl_findings *a, const struct tl_findings *b);

/* An array of {level, file, line, column, message, fix, other_line, other_column}. Members without
 * a value are missing. NULL: no memory. */
json_t *tl_report_json(struct tl_findings *findings, const char *file) WG_MUST_USE;

/* The same about two files, in one array. */
json_t *tl_report_json_both(struct tl_findings *findings, const char *file,
                            struct tl_findings *others, const char *other_file) WG_MUST_USE;

/* Adds "line" and "column" to an object, unless the place is nowhere. */
void tl_report_json_place(json_t *object, struct tl_place at);

#endif
