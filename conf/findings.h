/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * findings.h - mistakes, conflicts and warnings about a file that has no secrets, with their places
 * and ways out.
 *
 * Unlike conf/mistakes.h, messages are formatted, and all findings are kept. Anything that may be
 * a key must not be quoted in a message: somebody may have put a private key in the wrong place.
 * Threads: one owner at a time. */
#ifndef CONF_FINDINGS_H
#define CONF_FINDINGS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/attr.h"
#include "base/enum.h"

/* A place in a file. */
struct tl_place {
        uint32_t line;   /* from 1; 0: nowhere in the file */
        uint32_t column; /* in bytes, from 1 */
};

#define TL_FINDING_LEVELS(X) \
        X(TL_FINDING_ERROR, 0, error, "the file cannot be used") \
        X(TL_FINDING_WARNING, 1, warning, "the file can be used, but probably not as intended")
WG_ENUM_DECLARE(tl_finding_level, TL_FINDING_LEVELS)

struct tl_finding {
        enum tl_finding_level level;
        struct tl_place at;
        struct tl_place other; /* the place that it conflicts with; line 0: none */
        char *message;         /* one line, no full stop; owned */
        char *fix;             /* a way out, as an imperative sentence; owned; NULL: none */
        uint32_t order;        /* how many were added before it */
};

/* Zeroed memory is an empty collection. */
struct tl_findings {
        struct tl_finding *items;
        uint32_t count, capacity;
        uint32_t errors;    /* how many are errors */
        bool has_lost_some; /* memory ran out: counts as an error */
};

/* Adds a finding. `other` may be NULL, and so may `fix`, which is copied. */
WG_PRINTF(6, 7)
void tl_findings_add(struct tl_findings *findings, enum tl_finding_level level, struct tl_place at,
                     const struct tl_place *other, const char *fix, const char *format, ...);

/* The usual case: an error at one place. */
WG_PRINTF(4, 5)
void tl_findings_error(struct tl_findings *findings, struct tl_place at, const char *fix,
                       const char *format, ...);

/* Whether there is an error, or findings were lost. */
bool tl_findings_has_errors(const struct tl_findings *findings) WG_MUST_USE;

/* Sorts by place: line, then column; equal places stay in the order in which they were added. */
void tl_findings_sort(struct tl_findings *findings);

/* Writes a line per finding: "FILE:LINE:COLUMN: MESSAGE (see line N): FIX". Warnings begin with
 * "warning: " after the place. */
void tl_findings_write(const struct tl_findings *findings, const char *file, FILE *out);

/* Frees everything. Accepts zeroed memory. The collection is then empty. */
void tl_findings_done(struct tl_findings *findings);

#endif
