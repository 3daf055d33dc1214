/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * report.h - the results of a lab as JSON, for programs. doc/lab.md describes the members.
 * Threads: the process has only one. */
#ifndef LAB_REPORT_H
#define LAB_REPORT_H

#include <stdbool.h>

#include "base/attr.h"
#include "lab/disturb.h"
#include "lab/matrix.h"

struct tl_report_writer; /* NULL: no memory */

/* A report about a network. */
struct tl_report_writer *tl_report_new(const char *network, const char *file);

/* Adds what was found, first and after each disturbance (NULL: before any). recovered_ms is what
 * tl_matrix_recover() took; -1: it did not recover. */
void tl_report_add(struct tl_report_writer *report, const struct tl_matrix *matrix,
                   const struct tl_disturb *disturb, int recovered_ms);

/* Prints the report on standard output. Returns false after saying why it could not. */
bool tl_report_print(struct tl_report_writer *report, bool is_as_expected) WG_MUST_USE;

/* Accepts NULL. */
void tl_report_free(struct tl_report_writer *report);

#endif
