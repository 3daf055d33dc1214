/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * test_explain.c - cli/explain.h: the forms of a question, as shells pass them. */
#include "cli/explain.h"

#include <stdio.h>
#include <string.h>

#include "test/lib/cmocka.h"

static const struct {
        int number;
        const char *words[9];
        const char *network, *flow; /* flow NULL: an error that begins with `network` */
} questions[] = {
        {1, {"acme", "b", "d:443"}, "acme", "b -> d:443"},
        {2, {"b", "d:443"}, "", "b -> d:443"},
        {3, {"acme", "b -> d:443"}, "acme", "b -> d:443"},
        {4, {"b -> d:443"}, "", "b -> d:443"},
        {5, {"acme b -> d:443"}, "acme", "b -> d:443"},
        {16, {"/root/a b/acme.yaml", "b", "d"}, "/root/a b/acme.yaml", "b -> d"},
        {17, {"/root/a b/acme.yaml", "b -> d"}, "/root/a b/acme.yaml", "b -> d"},
        {6, {"acme", "b", "->", "d:443"}, "acme", "b -> d:443"},
        {7, {"acme", "b->d:443"}, "acme", "b -> d:443"},
        {8, {"acme", "b", "->d:443"}, "acme", "b -> d:443"},
        {9, {"acme", "b->", "d:443"}, "acme", "b -> d:443"},
        {10, {"acme", "b", "-", "d:443"}, "acme", "b -> d:443"},
        {11, {"./a.yaml", "e/laptop", "to", "d:53/udp"}, "./a.yaml", "e/laptop -> d:53/udp"},
        {12, {"  b\t->  [fd00::1]:80 "}, "", "b -> [fd00::1]:80"},
        {13, {"to", "to"}, "", "to -> to"},
        {14, {"to", "to", "to"}, "", "to -> to"},
        {15, {"a-b", "c-d"}, "", "a-b -> c-d"},

        /* "acme b -> d:443" without quotes: the shell opens the file d:443. */
        {50, {"acme", "b", "-"}, "no destination", NULL},
        {51, {"b", "-"}, "no destination", NULL},
        {52, {"b ->"}, "no destination", NULL},
        {53, {"b"}, "which connection?", NULL},
        {54, {"", ""}, "which connection?", NULL},
        {55, {NULL}, "which connection?", NULL},
        {56, {"acme", "b", "c", "d"}, "too many words", NULL},
        {57, {"a", "b", "c", "d", "e", "f", "g", "h"}, "too many words", NULL},
        {58, {"a b c d e f g h i j ->"}, "too many words", NULL},
};

static void test_questions(void **state WG_UNUSED)
{
        for (size_t i = 0; i < WG_ARRAY_SIZE(questions); i++) {
                struct tl_question question;
                char words[9][64];
                char *list[9];
                int count = 0;
                const char *wrong;

                for (; questions[i].words[count]; count++) {
                        snprintf(words[count], sizeof(words[count]), "%s",
                                 questions[i].words[count]);
                        list[count] = words[count];
                }
                wrong = tl_question_read(&question, list, count);
                if (!questions[i].flow) {
                        if (!wrong ||
                            strncmp(wrong, questions[i].network, strlen(questions[i].network)) != 0)
                                fail_msg("%d: %s", questions[i].number, wrong ? wrong : "accepted");
                        continue;
                }
                if (wrong || strcmp(question.network, questions[i].network) != 0 ||
                    strcmp(question.flow, questions[i].flow) != 0)
                        fail_msg("%d: %s", questions[i].number, wrong ? wrong : question.flow);
        }
}

static void test_long(void **state WG_UNUSED)
{
        struct tl_question question;
        char word[300];
        char *words[] = {word, word};

        memset(word, 'a', sizeof(word) - 1);
        word[sizeof(word) - 1] = '\0';
        assert_string_equal(tl_question_read(&question, words, 2), "a word is too long");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_questions),
                cmocka_unit_test(test_long),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
