/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "conf/findings.h"

#include <stdlib.h>

#include "test/lib/cmocka.h"
#include "test/lib/heap.h"

static void assert_written(const struct tl_findings *findings, const char *expected)
{
        char *text;
        size_t len;
        FILE *out = open_memstream(&text, &len);

        tl_findings_write(findings, "a.yaml", out);
        fclose(out);
        assert_string_equal(text, expected);
        free(text);
}

static struct tl_place at(uint32_t line, uint32_t column)
{
        return (struct tl_place){line, column};
}

static void test_write(void **state)
{
        struct tl_place first = at(2, 9);
        struct tl_findings findings = {0};

        (void)state;
        assert_written(&findings, "");
        assert_false(tl_findings_has_errors(&findings));
        tl_findings_add(&findings, TL_FINDING_WARNING, at(7, 1), NULL, NULL, "odd");
        assert_false(tl_findings_has_errors(&findings));
        tl_findings_error(&findings, at(3, 4), "mend it", "bad %s %d", "x", 5);
        tl_findings_add(&findings, TL_FINDING_ERROR, at(3, 3), &first, "keep one", "twice");
        tl_findings_error(&findings, at(0, 0), NULL, "nowhere");
        assert_true(tl_findings_has_errors(&findings));
        assert_int_equal(findings.errors, 3);
        tl_findings_sort(&findings);
        assert_written(&findings, "a.yaml: nowhere\n"
                                  "a.yaml:3:3: twice (see line 2): keep one\n"
                                  "a.yaml:3:4: bad x 5: mend it\n"
                                  "a.yaml:7:1: warning: odd\n");
        tl_findings_done(&findings);
        assert_written(&findings, "");
        tl_findings_done(&findings);
}

/* However many there are, equal places stay in the order in which they were added. */
static void test_sort(void **state)
{
        (void)state;
        for (uint32_t count = 0; count < 200; count += 7) {
                struct tl_findings findings = {0};

                for (uint32_t i = 0; i < count; i++)
                        tl_findings_error(&findings, at(i * 31 % 11, i * 17 % 3), NULL, "%u", i);
                tl_findings_sort(&findings);
                tl_findings_sort(&findings);
                for (uint32_t i = 1; i < count; i++) {
                        const struct tl_finding *a = &findings.items[i - 1], *b = a + 1;

                        assert_true(a->at.line <= b->at.line);
                        if (a->at.line != b->at.line)
                                continue;
                        assert_true(a->at.column <= b->at.column);
                        if (a->at.column == b->at.column)
                                assert_true(atoi(a->message) < atoi(b->message));
                }
                tl_findings_done(&findings);
        }
}

/* Whichever allocation fails, what could be kept is kept, and the loss is an error. */
static void test_no_memory(void **state)
{
        (void)state;
        for (long most = 0; most < 60; most++) {
                struct tl_findings findings = {0};

                heap_fail_after(most);
                for (uint32_t i = 0; i < 20; i++)
                        tl_findings_add(&findings, TL_FINDING_WARNING, at(i, 1), NULL, "fix", "%u",
                                        i);
                heap_fail_after(-1);
                assert_int_equal(tl_findings_has_errors(&findings), findings.count < 20);
                for (uint32_t i = 0; i < findings.count; i++)
                        assert_string_equal(findings.items[i].fix, "fix");
                tl_findings_done(&findings);
        }
        {
                struct tl_findings findings = {.has_lost_some = true};

                assert_written(&findings, "a.yaml: memory ran out, so some findings are missing\n");
                tl_findings_done(&findings);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_write),
                cmocka_unit_test(test_sort),
                cmocka_unit_test(test_no_memory),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
