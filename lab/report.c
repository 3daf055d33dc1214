/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "lab/report.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/address.h"
#include "io/fail.h"

/* jansson passes NULL on, so that a failure to allocate shows at the end. */
struct tl_report_writer {
        json_t *root, *rounds;
};

struct tl_report_writer *tl_report_new(const char *network, const char *file)
{
        struct tl_report_writer *report = calloc(1, sizeof(*report));

        if (!report)
                return NULL;
        report->root = json_pack("{s:s, s:s}", "network", network, "file", file);
        report->rounds = json_array();
        return report;
}

static json_t *list_ways(uint32_t ways)
{
        json_t *names = json_array();

        WG_ENUM_EACH(way, &tl_matrix_way_enum)
                if (ways & way->value)
                        json_array_append_new(names, json_string(way->name));
        return names;
}

static void add_common(json_t *object, const struct tl_matrix_cell *cell)
{
        const struct tl_probe *probe = cell->probe;
        char address[TL_ADDRESS_IP_SIZE];

        tl_address_format_ip(address, &probe->to);
        json_object_set_new(object, "reached", json_boolean(tl_probe_is_reached(probe)));
        json_object_set_new(object, "predicted", json_boolean(cell->is_predicted));
        json_object_set_new(object, "cause", json_string(tl_cause_name(cell->cause)));
        json_object_set_new(object, "address", json_string(address));
        json_object_set_new(object, "ways", list_ways(cell->ways));
        json_object_set_new(object, "outcome", json_string(tl_probe_outcome_name(probe->outcome)));
        if (tl_probe_is_reached(probe))
                json_object_set_new(object, "rtt_us", json_integer(probe->rtt_us));
}

static json_t *list_pairs(const struct tl_matrix *matrix)
{
        json_t *pairs = json_array();

        for (int family = 0; family < TL_MATRIX_FAMILIES; family++)
                for (uint32_t i = 0; i < matrix->count * matrix->count; i++) {
                        const struct tl_matrix_cell *cell = &matrix->cells[family][i];
                        json_t *pair;

                        if (!cell->probe)
                                continue;
                        pair = json_pack("{s:s, s:s, s:i}", "from",
                                         tl_matrix_name(matrix->ends[i / matrix->count]), "to",
                                         tl_matrix_name(matrix->ends[i % matrix->count]), "family",
                                         family == TL_MATRIX_IPV4 ? 4 : 6);
                        add_common(pair, cell);
                        json_array_append_new(pairs, pair);
                }
        return pairs;
}

static json_t *list_tests(const struct tl_matrix *matrix)
{
        json_t *tests = json_array();

        for (uint32_t i = 0; i < matrix->test_count; i++) {
                const struct tl_matrix_test *test = &matrix->tests[i];
                const struct tl_explanation *explanation = test->explanation;
                json_t *object = json_pack("{s:s, s:i, s:b, s:b}", "text", test->text, "line",
                                           (int)test->line, "met", tl_matrix_is_met(test), "tried",
                                           test->is_tried);

                if (test->is_tried)
                        add_common(object, &test->cell);
                if (explanation->message)
                        json_object_set_new(object, "message", json_string(explanation->message));
                if (explanation->fix)
                        json_object_set_new(object, "fix", json_string(explanation->fix));
                if (explanation->at.line)
                        json_object_set_new(object, "cause_line",
                                            json_integer(explanation->at.line));
                json_array_append_new(tests, object);
        }
        return tests;
}

void tl_report_add(struct tl_report_writer *report, const struct tl_matrix *matrix,
                   const struct tl_disturb *disturb, int recovered_ms)
{
        struct tl_matrix_summary summary;
        json_t *round = json_object();
        char name[32];

        tl_matrix_count(matrix, &summary);
        if (disturb) {
                json_object_set_new(round, "disturbance",
                                    json_string(tl_disturb_name(disturb->what, name)));
                json_object_set_new(round, "machine", json_string(disturb->where->name));
                json_object_set_new(round, "recovered", json_boolean(recovered_ms >= 0));
                if (recovered_ms >= 0)
                        json_object_set_new(round, "recovered_ms", json_integer(recovered_ms));
        }
        json_object_set_new(round, "disagreements", json_integer(summary.wrong));
        json_object_set_new(round, "pairs", list_pairs(matrix));
        json_object_set_new(round, "expectations", list_tests(matrix));
        json_array_append_new(report->rounds, round);
}

bool tl_report_print(struct tl_report_writer *report, bool is_as_expected)
{
        bool is_good;

        json_object_set_new(report->root, "as_expected", json_boolean(is_as_expected));
        json_object_set(report->root, "rounds", report->rounds);
        is_good = report->root && report->rounds &&
                  json_dumpf(report->root, stdout, JSON_INDENT(2)) == 0 && putchar('\n') != EOF &&
                  fflush(stdout) == 0;
        return is_good || tl_fail("cannot print the report: %s", strerror(errno));
}

void tl_report_free(struct tl_report_writer *report)
{
        if (!report)
                return;
        json_decref(report->root);
        json_decref(report->rounds);
        free(report);
}
