/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "cli/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "test/lib/cmocka.h"

static struct tl_findings findings;

static int set_up(void **state)
{
        const struct tl_place first = {7, 12}, second = {3, 1}, nowhere = {0, 0};

        (void)state;
        tl_findings_error(&findings, first, "write \"beijing\"", "unknown site \"%s\"", "bejing");
        tl_findings_add(&findings, TL_FINDING_WARNING, second, &first, NULL, "it looks odd");
        tl_findings_error(&findings, nowhere, NULL, "nothing is there");
        return 0;
}

static int tear_down(void **state)
{
        (void)state;
        tl_findings_done(&findings);
        return 0;
}

/* Runs a function and returns what it writes to standard error. */
static char *capture(void (*print)(void), char *out, size_t size)
{
        FILE *file = tmpfile();
        int old = dup(STDERR_FILENO);
        size_t len;

        assert_non_null(file);
        assert_int_equal(dup2(fileno(file), STDERR_FILENO), STDERR_FILENO);
        print();
        dup2(old, STDERR_FILENO);
        close(old);
        rewind(file);
        len = fread(out, 1, size - 1, file);
        out[len] = '\0';
        fclose(file);
        return out;
}

static void print_all(void)
{
        static const struct tl_findings none = {0};

        tl_report_findings(&findings, "acme.yaml");
        tl_report_count(&findings, &none);
        tl_report_count(&none, &none);
}

static void test_text(void **state)
{
        char text[1024];

        (void)state;
        assert_string_equal(capture(print_all, text, sizeof(text)),
                            "acme.yaml: error: nothing is there\n"
                            "acme.yaml:3:1: warning: it looks odd\n"
                            "    see: acme.yaml:7:12\n"
                            "acme.yaml:7:12: error: unknown site \"bejing\"\n"
                            "    fix: write \"beijing\"\n"
                            "2 errors, 1 warning\n");
}

static void test_json(void **state)
{
        json_t *array = tl_report_json(&findings, "acme.yaml");
        char *text = json_dumps(array, JSON_SORT_KEYS | JSON_COMPACT);

        (void)state;
        assert_string_equal(
                text,
                "[{\"file\":\"acme.yaml\",\"level\":\"error\",\"message\":\"nothing is there\"},"
                "{\"column\":1,\"file\":\"acme.yaml\",\"level\":\"warning\",\"line\":3,"
                "\"message\":\"it looks odd\",\"other_column\":12,\"other_line\":7},"
                "{\"column\":12,\"file\":\"acme.yaml\",\"fix\":\"write \\\"beijing\\\"\","
                "\"level\":\"error\",\"line\":7,\"message\":\"unknown site \\\"bejing\\\"\"}]");
        free(text);
        json_decref(array);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_text),
                cmocka_unit_test(test_json),
        };

        return cmocka_run_group_tests(tests, set_up, tear_down);
}
