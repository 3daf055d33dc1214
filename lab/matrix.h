/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * matrix.h - what the model says about every pair of machines, and what real packets say.
 *
 * The ends are the peers of the network and the plain devices. Each pair is tried with a ping in
 * each address family that both have, and each line of `expect:` with its own protocol and port.
 * Threads: the process has only one. */
#ifndef LAB_MATRIX_H
#define LAB_MATRIX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/enum.h"
#include "lab/machines.h"
#include "lab/probe.h"
#include "net/expect.h"
#include "net/explain.h"
#include "net/plans.h"

/* How packets get to their destination: one of the first two, or any of the others. */
#define TL_MATRIX_WAYS(X) \
        X(TL_MATRIX_LAN, 1, lan, "within a site, without the tunnel") \
        X(TL_MATRIX_NATIVE, 2, native, "through the tunnel, with their own addresses") \
        X(TL_MATRIX_VIRTUAL, 4, virtual, "by an address of the source's LAN that stands for it") \
        X(TL_MATRIX_MAPPED, 8, mapped, "one end knows the other by its mapped address") \
        X(TL_MATRIX_VIA_GATEWAY, 16, via_gateway, "through the router of the destination's LAN") \
        X(TL_MATRIX_SNAT, 32, snat, "the node stands in for the source")
WG_FLAGS_DECLARE(tl_matrix_way, TL_MATRIX_WAYS)

/* What came of a pair. */
#define TL_MATRIX_VERDICTS(X) \
        X(TL_MATRIX_UNTRIED, 0, untried, "not tried") \
        X(TL_MATRIX_WORKS, 1, works, "works, as the model says") \
        X(TL_MATRIX_FORBIDDEN, 2, forbidden, "no answer: the policy forbids it") \
        X(TL_MATRIX_BROKEN, 3, broken, "no answer, and the model says why") \
        X(TL_MATRIX_MISSING, 4, missing, "no answer, although the model says that it works") \
        X(TL_MATRIX_SURPRISE, 5, surprise, "works, although the model says that it does not")
WG_ENUM_DECLARE(tl_matrix_verdict, TL_MATRIX_VERDICTS)

struct tl_matrix_cell {
        struct tl_probe *probe; /* NULL: not tried */
        uint32_t ways;          /* enum tl_matrix_way */
        bool is_predicted;      /* the model says that it works */
        enum tl_cause cause;
};

/* One line of `expect:`, tried. */
struct tl_matrix_test {
        const char *text;
        uint32_t line;   /* in the file */
        bool is_negated; /* it begins with "not" */
        bool is_tried;   /* its ends are machines of the lab */
        const struct tl_lab_machine *from;
        const struct tl_explanation *explanation; /* borrowed */
        struct tl_matrix_cell cell;
};

enum { TL_MATRIX_IPV4 = 0, TL_MATRIX_IPV6 = 1, TL_MATRIX_FAMILIES = 2 };

struct tl_matrix {
        struct tl_arena arena;
        const struct tl_lab_machine **ends;
        uint32_t count;
        struct tl_matrix_cell *cells[TL_MATRIX_FAMILIES]; /* from i to k: [i * count + k] */
        struct tl_matrix_test *tests;
        uint32_t test_count;
        struct tl_probe *probes; /* shared with children */
        uint32_t probe_count;
        size_t probe_capacity;
        uint32_t slowest_ms; /* until the last of the pairs that work did, in the last run */
};

/* How long pairs that should work may take, in the run before which nothing has been tried. */
enum { TL_MATRIX_PATIENCE_MS = 15000, TL_MATRIX_IMPATIENCE_MS = 1500 };

/* Lists what there is to try. The matrix borrows from all arguments. Returns false after saying
 * that memory ran out. The caller releases *matrix either way. */
bool tl_matrix_make(struct tl_matrix *matrix, const struct tl_topology *topology,
                    struct tl_plans *plans, const struct tl_expect_list *expectations) WG_MUST_USE;

void tl_matrix_done(struct tl_matrix *matrix);

/* Tries everything at once, waiting up to patience_ms for pairs that should work, and for others
 * TL_MATRIX_IMPATIENCE_MS. Returns false after saying what went wrong, or if we are asked to
 * end. */
bool tl_matrix_run(struct tl_matrix *matrix, struct tl_machines *machines,
                   uint32_t patience_ms) WG_MUST_USE;

/* Tries only the pairs that should work, until all of them do. Returns whether they did; see
 * slowest_ms. Probes of other pairs keep their results. */
bool tl_matrix_recover(struct tl_matrix *matrix, struct tl_machines *machines,
                       uint32_t patience_ms) WG_MUST_USE;

enum tl_matrix_verdict tl_matrix_judge(const struct tl_matrix_cell *cell) WG_MUST_USE;

/* Whether a test has the result that the file expects. */
bool tl_matrix_is_met(const struct tl_matrix_test *test) WG_MUST_USE;

/* The number of pairs and tests with each verdict. */
struct tl_matrix_summary {
        uint32_t pairs[WG_ENUM_COUNT(tl_matrix_verdict)];
        uint32_t tests, met;
        uint32_t wrong; /* pairs and tests in which packets and model disagree */
};

void tl_matrix_count(const struct tl_matrix *matrix, struct tl_matrix_summary *summary);

/* The name of an end for people: "e" instead of "e/laptop" if the person has one device. */
const char *tl_matrix_name(const struct tl_lab_machine *machine) WG_MUST_USE;

#endif
