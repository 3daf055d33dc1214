/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "cli/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static bool has_colours(void)
{
        const char *no = getenv("NO_COLOR"), *terminal = getenv("TERM");

        return !(no && *no) && terminal && isatty(STDERR_FILENO);
}

static void print_place(const char *file, struct tl_place at)
{
        fputs(file, stderr);
        if (at.line)
                fprintf(stderr, ":%" PRIu32 ":%" PRIu32, at.line, at.column);
}

static void print_level(enum tl_finding_level level)
{
        const char *colour = "";

        switch (level) {
        case TL_FINDING_ERROR:
                colour = "\033[1;31m";
                break;
        case TL_FINDING_WARNING:
                colour = "\033[1;33m";
                break;
        }
        if (has_colours())
                fprintf(stderr, "%s%s:\033[0m ", colour, tl_finding_level_name(level));
        else
                fprintf(stderr, "%s: ", tl_finding_level_name(level));
}

void tl_report_findings(struct tl_findings *findings, const char *file)
{
        tl_findings_sort(findings);
        for (uint32_t i = 0; i < findings->count; i++) {
                const struct tl_finding *finding = &findings->items[i];

                print_place(file, finding->at);
                fputs(": ", stderr);
                print_level(finding->level);
                fprintf(stderr, "%s\n", finding->message);
                if (finding->other.line) {
                        fputs("    see: ", stderr);
                        print_place(file, finding->other);
                        fputc('\n', stderr);
                }
                if (finding->fix)
                        fprintf(stderr, "    fix: %s\n", finding->fix);
        }
        if (findings->has_lost_some)
                fprintf(stderr, "%s: memory ran out, so some findings are missing\n", file);
}

static void print_number(uint32_t count, const char *noun)
{
        fprintf(stderr, "%" PRIu32 " %s%s", count, noun, count == 1 ? "" : "s");
}

void tl_report_count(const struct tl_findings *a, const struct tl_findings *b)
{
        uint32_t errors = a->errors + b->errors, warnings = a->count + b->count - errors;

        if (errors)
                print_number(errors, "error");
        if (errors && warnings)
                fputs(", ", stderr);
        if (warnings)
                print_number(warnings, "warning");
        if (errors || warnings)
                fputc('\n', stderr);
}

void tl_report_json_place(json_t *object, struct tl_place at)
{
        if (!at.line)
                return;
        json_object_set_new(object, "line", json_integer(at.line));
        json_object_set_new(object, "column", json_integer(at.column));
}

static json_t *describe(const struct tl_finding *finding, const char *file)
{
        json_t *object = json_pack("{s:s, s:s, s:s, s:s*}", "level",
                                   tl_finding_level_name(finding->level), "file", file, "message",
                                   finding->message, "fix", finding->fix);

        tl_report_json_place(object, finding->at);
        if (finding->other.line) {
                json_object_set_new(object, "other_line", json_integer(finding->other.line));
                json_object_set_new(object, "other_column", json_integer(finding->other.column));
        }
        return object;
}

json_t *tl_report_json(struct tl_findings *findings, const char *file)
{
        json_t *array = json_array();

        tl_findings_sort(findings);
        for (uint32_t i = 0; i < findings->count; i++) {
                if (json_array_append_new(array, describe(&findings->items[i], file)) == 0)
                        continue;
                json_decref(array);
                return NULL;
        }
        return array;
}

json_t *tl_report_json_both(struct tl_findings *findings, const char *file,
                            struct tl_findings *others, const char *other_file)
{
        json_t *array = tl_report_json(findings, file);
        json_t *rest = tl_report_json(others, other_file);

        /* Fails if either is NULL. */
        if (json_array_extend(array, rest) != 0) {
                json_decref(array);
                array = NULL;
        }
        json_decref(rest);
        return array;
}
