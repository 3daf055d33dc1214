/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "lab/matrix.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "io/fail.h"
#include "lab/dial.h"
#include "net/walk.h"

WG_FLAGS_DEFINE(tl_matrix_way, TL_MATRIX_WAYS)
WG_ENUM_DEFINE(tl_matrix_verdict, TL_MATRIX_VERDICTS)

/* ---- what there is to try ---- */

static uint8_t family_of(int family)
{
        return family == TL_MATRIX_IPV4 ? WG_FAMILY_IPV4 : WG_FAMILY_IPV6;
}

static struct tl_probe *take_probe(struct tl_matrix *matrix, const struct wg_ip *to,
                                   uint8_t protocol, uint16_t port)
{
        struct tl_probe *probe = &matrix->probes[matrix->probe_count++];

        *probe = (struct tl_probe){.to = *to, .protocol = protocol, .port = port};
        return probe;
}

/* How packets of a pair travel, if they arrive. */
static uint32_t find_ways(const struct tl_dial *dial)
{
        const struct tl_course *course = &dial->course;
        uint32_t ways = 0;

        if (dial->is_direct)
                return TL_MATRIX_LAN;
        if (course->form == TL_COURSE_VIRTUAL)
                ways |= TL_MATRIX_VIRTUAL;
        if (course->form == TL_COURSE_MAPPED || !wg_ip_equal(&course->from, &dial->from.ip))
                ways |= TL_MATRIX_MAPPED;
        if (course->in.mode == TL_TRAVEL_VIA_GATEWAY)
                ways |= TL_MATRIX_VIA_GATEWAY;
        if (course->in.mode == TL_TRAVEL_SNAT)
                ways |= TL_MATRIX_SNAT;
        return ways ? ways : TL_MATRIX_NATIVE;
}

static void fill_cell(struct tl_matrix *matrix, const struct tl_topology *topology,
                      struct tl_plans *plans, uint32_t from, uint32_t to, int family)
{
        struct tl_matrix_cell *cell = &matrix->cells[family][from * matrix->count + to];
        struct tl_walk walk = {.protocol = WG_PROTOCOL_ICMP};
        struct tl_dial dial;

        tl_dial(&dial, topology, matrix->ends[from], matrix->ends[to], family_of(family));
        if (from == to || !dial.from.ip.family || !dial.ip.family)
                return; /* not tried */
        walk.from = dial.from;
        walk.to = dial.to;
        cell->ways = find_ways(&dial);
        cell->is_predicted = tl_walk_run(&walk, plans);
        cell->cause = walk.cause;
        cell->probe = take_probe(matrix, &dial.ip, WG_PROTOCOL_ICMP, 0);
}

static void fill_test(struct tl_matrix *matrix, const struct tl_topology *topology,
                      const struct tl_expect_result *result)
{
        const struct tl_network *network = topology->model->network;
        const struct tl_network_expectation *line = &network->expectations[result->index];
        const struct tl_explanation *explanation = &result->explanation;
        struct tl_matrix_test *test = &matrix->tests[matrix->test_count++];
        const struct tl_lab_machine *to;
        struct tl_dial dial;

        *test = (struct tl_matrix_test){
                .text = line->text.text,
                .line = line->text.at.line,
                .is_negated = line->flow.is_negated,
                .from = tl_dial_find(topology, &explanation->source),
                .explanation = explanation,
                .cell = {.is_predicted = explanation->is_reachable, .cause = explanation->cause},
        };
        to = tl_dial_find(topology, &explanation->destination);
        if (test->from && explanation->destination.node == TL_MODEL_NONE &&
            explanation->to.family != WG_FAMILY_NONE) { /* nobody has it: see that nobody answers */
                test->is_tried = true;
                test->cell.probe = take_probe(matrix, &explanation->to, explanation->protocol,
                                              explanation->port);
                return;
        }
        test->is_tried = test->from && to;
        if (!test->is_tried)
                return;
        tl_dial(&dial, topology, test->from, to, explanation->to.family);
        if (explanation->course.dial.family != WG_FAMILY_NONE) { /* the line may give another */
                dial.course = explanation->course;
                dial.ip = dial.course.dial;
        }
        test->cell.ways = find_ways(&dial);
        test->cell.probe = take_probe(matrix, &dial.ip, explanation->protocol, explanation->port);
}

static bool reserve(struct tl_matrix *matrix, const struct tl_topology *topology,
                    uint32_t test_count)
{
        uint32_t count = 0;
        size_t most;
        void *memory;

        for (uint32_t i = 0; i < topology->machine_count; i++)
                count += tl_dial_is_end(&topology->machines[i]);
        matrix->ends = tl_arena_take(&matrix->arena, count, sizeof(*matrix->ends));
        matrix->tests = tl_arena_take(&matrix->arena, test_count, sizeof(*matrix->tests));
        for (int family = 0; family < TL_MATRIX_FAMILIES; family++) {
                matrix->cells[family] = tl_arena_take(&matrix->arena, (size_t)count * count,
                                                      sizeof(*matrix->cells[family]));
                if (!matrix->cells[family])
                        return false;
        }
        /* Children write the results into this memory. */
        most = (size_t)count * count * TL_MATRIX_FAMILIES + test_count + 1;
        memory = mmap(NULL, most * sizeof(*matrix->probes), PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        matrix->probes = memory == MAP_FAILED ? NULL : memory;
        matrix->probe_capacity = most;
        return matrix->ends && matrix->tests && matrix->probes;
}

bool tl_matrix_make(struct tl_matrix *matrix, const struct tl_topology *topology,
                    struct tl_plans *plans, const struct tl_expect_list *expectations)
{
        *matrix = (struct tl_matrix){.count = 0};
        if (!reserve(matrix, topology, expectations->count))
                return tl_fail("out of memory");
        for (uint32_t i = 0; i < topology->machine_count; i++)
                if (tl_dial_is_end(&topology->machines[i]))
                        matrix->ends[matrix->count++] = &topology->machines[i];
        /* The probes of one source follow each other. */
        for (uint32_t from = 0; from < matrix->count; from++)
                for (int family = 0; family < TL_MATRIX_FAMILIES; family++)
                        for (uint32_t to = 0; to < matrix->count; to++)
                                fill_cell(matrix, topology, plans, from, to, family);
        for (uint32_t i = 0; i < expectations->count; i++)
                fill_test(matrix, topology, &expectations->items[i]);
        return true;
}

void tl_matrix_done(struct tl_matrix *matrix)
{
        if (matrix->probes)
                munmap(matrix->probes, matrix->probe_capacity * sizeof(*matrix->probes));
        tl_arena_done(&matrix->arena);
        *matrix = (struct tl_matrix){.count = 0};
}

/* ---- trying it ---- */

/* The probes of one source. */
struct row {
        struct tl_probe *first;
        uint32_t count;
};

static int try_row(void *ctx)
{
        const struct row *row = ctx;
        int error = tl_probe_all(row->first, row->count);

        if (error)
                tl_fail("cannot send: %s", strerror(-error));
        return error ? 1 : 0;
}

/* Visits all cells that have a probe: pairs, then tests. */
static void each_cell(struct tl_matrix *matrix, void (*see)(void *ctx, struct tl_matrix_cell *cell),
                      void *ctx)
{
        for (int family = 0; family < TL_MATRIX_FAMILIES; family++)
                for (uint32_t i = 0; i < matrix->count * matrix->count; i++)
                        if (matrix->cells[family][i].probe)
                                see(ctx, &matrix->cells[family][i]);
        for (uint32_t i = 0; i < matrix->test_count; i++)
                if (matrix->tests[i].cell.probe)
                        see(ctx, &matrix->tests[i].cell);
}

static void be_patient(void *ctx, struct tl_matrix_cell *cell)
{
        const uint32_t *patience_ms = ctx;

        cell->probe->is_left_out = false;
        cell->probe->deadline_ms = cell->is_predicted ? *patience_ms
                                                      : (uint32_t)TL_MATRIX_IMPATIENCE_MS;
}

static void leave_out_others(void *ctx, struct tl_matrix_cell *cell)
{
        const uint32_t *patience_ms = ctx;

        cell->probe->is_left_out = !cell->is_predicted;
        cell->probe->deadline_ms = *patience_ms;
}

static void find_slowest(void *ctx, struct tl_matrix_cell *cell)
{
        uint32_t *slowest_ms = ctx;

        if (cell->is_predicted && tl_probe_is_reached(cell->probe))
                *slowest_ms = WG_MAX(*slowest_ms, cell->probe->after_ms);
}

/* The probes from each end, then one row per test. Returns the number of rows. */
static uint32_t list_rows(struct tl_matrix *matrix, struct row *rows,
                          const struct tl_lab_machine **where)
{
        struct tl_probe *next = matrix->probes;
        uint32_t count = 0;

        for (uint32_t from = 0; from < matrix->count; from++) {
                struct row row = {next, 0};

                for (int family = 0; family < TL_MATRIX_FAMILIES; family++)
                        for (uint32_t to = 0; to < matrix->count; to++)
                                row.count +=
                                        matrix->cells[family][from * matrix->count + to].probe !=
                                        NULL;
                next += row.count;
                if (!row.count)
                        continue;
                where[count] = matrix->ends[from];
                rows[count++] = row;
        }
        for (uint32_t i = 0; i < matrix->test_count; i++) {
                if (!matrix->tests[i].cell.probe)
                        continue;
                where[count] = matrix->tests[i].from;
                rows[count++] = (struct row){matrix->tests[i].cell.probe, 1};
        }
        return count;
}

static bool try_all(struct tl_matrix *matrix, struct tl_machines *machines)
{
        size_t most = (size_t)matrix->count + matrix->test_count + 1;
        struct row *rows = calloc(most, sizeof(*rows));
        const struct tl_lab_machine **where = calloc(most, sizeof(*where));
        bool is_good = rows && where;

        if (is_good)
                is_good = tl_machines_do(machines, "cannot try its connections", where,
                                         list_rows(matrix, rows, where), TL_JOBS_WAITING, try_row,
                                         rows, sizeof(*rows));
        else
                tl_fail("out of memory");
        free(rows);
        free(where);
        matrix->slowest_ms = 0;
        each_cell(matrix, find_slowest, &matrix->slowest_ms);
        return is_good;
}

bool tl_matrix_run(struct tl_matrix *matrix, struct tl_machines *machines, uint32_t patience_ms)
{
        each_cell(matrix, be_patient, &patience_ms);
        return try_all(matrix, machines);
}

static void find_missing(void *ctx, struct tl_matrix_cell *cell)
{
        bool *is_complete = ctx;

        *is_complete &= !cell->is_predicted || tl_probe_is_reached(cell->probe);
}

bool tl_matrix_recover(struct tl_matrix *matrix, struct tl_machines *machines, uint32_t patience_ms)
{
        bool is_complete = true;

        each_cell(matrix, leave_out_others, &patience_ms);
        if (!try_all(matrix, machines))
                return false;
        each_cell(matrix, find_missing, &is_complete);
        return is_complete;
}

/* ---- verdicts ---- */

enum tl_matrix_verdict tl_matrix_judge(const struct tl_matrix_cell *cell)
{
        if (!cell->probe)
                return TL_MATRIX_UNTRIED;
        if (tl_probe_is_reached(cell->probe))
                return cell->is_predicted ? TL_MATRIX_WORKS : TL_MATRIX_SURPRISE;
        if (cell->is_predicted)
                return TL_MATRIX_MISSING;
        return cell->cause == TL_CAUSE_POLICY || cell->cause == TL_CAUSE_SERVICE_PORT
                       ? TL_MATRIX_FORBIDDEN
                       : TL_MATRIX_BROKEN;
}

bool tl_matrix_is_met(const struct tl_matrix_test *test)
{
        return test->is_tried && tl_probe_is_reached(test->cell.probe) != test->is_negated;
}

void tl_matrix_count(const struct tl_matrix *matrix, struct tl_matrix_summary *summary)
{
        *summary = (struct tl_matrix_summary){.tests = matrix->test_count};
        for (int family = 0; family < TL_MATRIX_FAMILIES; family++)
                for (uint32_t i = 0; i < matrix->count * matrix->count; i++)
                        summary->pairs[tl_matrix_judge(&matrix->cells[family][i])]++;
        summary->wrong = summary->pairs[TL_MATRIX_MISSING] + summary->pairs[TL_MATRIX_SURPRISE];
        for (uint32_t i = 0; i < matrix->test_count; i++) {
                enum tl_matrix_verdict verdict = tl_matrix_judge(&matrix->tests[i].cell);

                summary->met += tl_matrix_is_met(&matrix->tests[i]);
                summary->wrong += verdict == TL_MATRIX_MISSING || verdict == TL_MATRIX_SURPRISE;
        }
}

const char *tl_matrix_name(const struct tl_lab_machine *machine)
{
        return machine->short_name ? machine->short_name : machine->name;
}
