/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "conf/yamltree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "test/lib/cmocka.h"
#include "test/lib/heap.h"

/* Writes a node as one line: texts with their places, quoted ones in quotes. */
static void dump(const struct tl_yaml_node *node, FILE *out)
{
        const char *const open[] = {"", "[", "{", "?"}, *const close[] = {"", "]", "}", ""};

        if (node->key)
                fprintf(out, "%s@%u:%u: ", node->key->text, node->key->at.line,
                        node->key->at.column);
        fputs(open[node->kind], out);
        if (node->kind == TL_YAML_SCALAR)
                fprintf(out, node->is_plain ? "%s" : "\"%s\"", node->text);
        for (const struct tl_yaml_node *child = node->first; child; child = child->next) {
                dump(child, out);
                fputs(child->next ? " " : "", out);
        }
        fprintf(out, "%s@%u:%u", close[node->kind], node->at.line, node->at.column);
}

/* Reads a text. Returns the tree, then the findings, one per line; the caller's to free. */
static char *parse(const char *text, size_t len)
{
        struct tl_findings findings = {0};
        const struct tl_yaml_node *root;
        struct tl_arena arena = {0};
        bool is_whole;
        char *result;
        size_t size;
        FILE *out = open_memstream(&result, &size);

        root = tl_yaml_parse(&arena, text, len, &is_whole, &findings);
        if (root)
                dump(root, out);
        fputs(is_whole ? "\n" : " ...\n", out);
        tl_findings_write(&findings, "f", out);
        fclose(out);
        tl_findings_done(&findings);
        tl_arena_done(&arena);
        return result;
}

#define SIXTEEN "[[[[[[[[[[[[[[[["
#define CLOSED "]]]]]]]]]]]]]]]]"
#define NO_TEXT "this is not a character of a text file: save the file as UTF-8 text\n"

static const struct {
        const char *text, *expected;
} cases[] = {
        /* nothing */
        {"", "\n"},
        {"# only a comment\n", "\n"},
        {"---\n", "@2:1\n"},
        {"\xef\xbb\xbf", "\n"},

        /* trees and places */
        {"a", "a@1:1\n"},
        {"a: b", "{a@1:1: b@1:4}@1:1\n"},
        {"\xef\xbb\xbf"
         "a: b",
         "{a@1:1: b@1:4}@1:1\n"},
        {"a: b\r\nc: d\r\n", "{a@1:1: b@1:4 c@2:1: d@2:4}@1:1\n"},
        {"a:\n  - x\n  - 'y'\n", "{a@1:1: [x@2:5 \"y\"@3:5]@2:3}@1:1\n"},
        {"a: {b: [c, \"d\"], e: }\n", "{a@1:1: {b@1:5: [c@1:9 \"d\"@1:12]@1:8 e@1:18: @1:21}@1:4}"
                                      "@1:1\n"},
        {"a: |\n  x\n  y\n", "{a@1:1: \"x\ny\n\"@1:4}@1:1\n"},
        {"a: x\n  y", "{a@1:1: x y@1:4}@1:1\n"},
        {"? a\n: b", "{a@1:3: b@2:3}@1:1\n"},
        {"%YAML 1.1\n---\na: b", "{a@3:1: b@3:4}@3:1\n"},

        /* columns count bytes, also after other characters */
        {"\xc3\xa4: {\xe6\x97\xa5: x, y: z}\nb: c",
         "{\xc3\xa4@1:1: {\xe6\x97\xa5@1:6: x@1:11 y@1:14: z@1:17}@1:5 b@2:1: c@2:4}@1:1\n"},
        {"# \xf0\x9f\x98\x80\na: b", "{a@2:1: b@2:4}@2:1\n"},

        /* mistakes that are no syntax errors */
        {"a: 1\nb: 2\na: 3\n", "{a@1:1: 1@1:4 b@2:1: 2@2:4}@1:1\n"
                               "f:3:1: this key is here twice (see line 1): keep one of them\n"},
        {"{a: 1, a: 2, 'a': 3}", "{a@1:2: 1@1:5}@1:1\n"
                                 "f:1:8: this key is here twice (see line 1): keep one of them\n"
                                 "f:1:14: this key is here twice (see line 1): keep one of them\n"},
        {"a: &x 1\nb: *x\n", "{a@1:1: 1@1:4 b@2:1: ?@2:4}@1:1\n"
                             "f:1:4: anchors are not allowed: remove the word that begins with &\n"
                             "f:2:4: aliases are not allowed: write the value here again\n"},
        {"a: !!str 1\nb: !x [2]\nc: ! {d: e}",
         "{a@1:1: 1@1:4 b@2:1: [2@2:8]@2:4 c@3:1: {d@3:7: e@3:10}@3:4}@1:1\n"
         "f:1:4: tags are not allowed: remove the word that begins with !\n"
         "f:2:4: tags are not allowed: remove the word that begins with !\n"
         "f:3:4: tags are not allowed: remove the word that begins with !\n"},
        {"[a]: b\nc: d\n", "{c@2:1: d@2:4}@1:1\n"
                           "f:1:1: a key must be a word: write a word before the colon\n"},
        {"{{a: [b]}: c, d: e}", "{d@1:15: e@1:18}@1:1\n"
                                "f:1:2: a key must be a word: write a word before the colon\n"},
        {"a: b\n---\nc: d\n", "{a@1:1: b@1:4}@1:1 ...\n"
                              "f:2:1: a file has only one document: remove the line with ---\n"},
        {SIXTEEN CLOSED, "[[[[[[[[[[[[[[[[]@1:16]@1:15]@1:14]@1:13]@1:12]@1:11]@1:10]@1:9]@1:8]"
                         "@1:7]@1:6]@1:5]@1:4]@1:3]@1:2]@1:1\n"},
        {SIXTEEN "[" CLOSED "]", "????????????????@1:16@1:15@1:14@1:13@1:12@1:11@1:10@1:9@1:8@1:7@"
                                 "1:6@1:5@1:4@1:3@1:2@1:1 ...\n"
                                 "f:1:17: this is nested too deeply\n"},

        /* characters */
        {"a: \x01\n", " ...\nf:1:4: " NO_TEXT},
        {"a: b\rc: d", " ...\nf:1:5: " NO_TEXT},
        {"a:\n  \x7f", " ...\nf:2:3: " NO_TEXT},
        {"a: \xff", " ...\nf:1:4: " NO_TEXT},
        {"\xff\xfe"
         "a",
         " ...\nf:1:1: " NO_TEXT},
        {"\xc3", " ...\nf:1:1: " NO_TEXT},
        {"\xc0\x80", " ...\nf:1:1: " NO_TEXT},
        {"\xe0\x80\x80", " ...\nf:1:1: " NO_TEXT},
        {"\xed\xa0\x80", " ...\nf:1:1: " NO_TEXT},
        {"\xf4\x90\x80\x80", " ...\nf:1:1: " NO_TEXT},
        {"\xf8\x88\x80\x80\x80", " ...\nf:1:1: " NO_TEXT},
        {"a\xc2\x85", " ...\nf:1:2: " NO_TEXT},
        {"a\xe2\x80\xa8", " ...\nf:1:2: " NO_TEXT},

        /* syntax errors, and the lines after them */
        {"a: b: c\nd: e\n", "{a@1:1: b@1:4 d@2:1: e@2:4}@1:1 ...\n"
                            "f:1:5: a colon and a space here would begin a second value: check the "
                            "indentation, or put the text in quotes\n"},
        {"a: b\n c: d\ne: f\n", "{a@1:1: b c@1:4 e@3:1: f@3:4}@1:1 ...\n"
                                "f:2:3: a colon and a space here would begin a second value: check "
                                "the indentation, or put the text in quotes\n"},
        {"a\nb: c\n", " ...\n"
                      "f:2:2: a colon and a space here would begin a second value: check the "
                      "indentation, or put the text in quotes\n"},
        {"a: [b, c\nd: e\nf: g\n",
         "{a@1:1: ?b@1:5 c d@1:8@1:4 d@2:1: e@2:4 f@3:1: g@3:4}@1:1 ...\n"
         "f:2:2: a comma or the closing ] is missing (see line 1): add it\n"},
        {"a: {b: c\nd: e\n", "{a@1:1: ?b@1:5: c d@1:8@1:4 d@2:1: e@2:4}@1:1 ...\n"
                             "f:2:2: a comma or the closing } is missing (see line 1): add it\n"},
        {"a: \"b\nc: d\n", "{c@2:1: d@2:4}@1:1 ...\n"
                           "f:1:4: the closing quote is missing: add it\n"},
        {"a:\n  b: c\n d: e\nf: g\n",
         "{a@1:1: {b@2:3: c@2:6}@2:3 f@4:1: g@4:4}@1:1 ...\n"
         "f:3:2: this line does not line up with the keys before it: check the indentation\n"},
        {"a:\n  - b\n  c\nd: e\n", "{a@1:1: [b@2:5]@2:3 d@4:1: e@4:4}@1:1 ...\n"
                                   "f:3:3: a colon is missing after the key: write \"key: value\", "
                                   "with a space after the colon\n"},
        {"a: - b\nc: d\n", "{c@2:1: d@2:4}@1:1 ...\n"
                           "f:1:4: a list cannot begin here: begin it on a line of its own\n"},
        {"a:\n\t- b\nc: d\n", "{c@3:1: d@3:4}@1:1 ...\n"
                              "f:2:1: a tab cannot indent a line: use spaces\n"},
        {"a: @b\nc: d\n", "{c@2:1: d@2:4}@1:1 ...\n"
                          "f:1:4: a value cannot begin with this character: indent with spaces, "
                          "not tabs, and put texts with special characters in quotes\n"},
        {"a: \"\\q\"\nc: d\n", "{c@2:1: d@2:4}@1:1 ...\n"
                               "f:1:5: unknown escape sequence after a backslash: use single "
                               "quotes, in which backslashes mean themselves\n"},
        {"a: [b}\nc: d\n", "{a@1:1: ?b@1:5@1:4 c@2:1: d@2:4}@1:1 ...\n"
                           "f:1:6: a comma or the closing ] is missing: add it\n"},
        {"a: b: c\nd: [\ne: f: g\n",
         "{a@1:1: b@1:4 d@2:1: ?{e@3:1: f@3:4}@3:1@2:4 e@3:1: f@3:4}@1:1 ...\n"
         "f:1:5: a colon and a space here would begin a second value: check the indentation, or "
         "put the text in quotes\n"
         "f:3:5: a comma or the closing ] is missing (see line 2): add it\n"
         "f:3:5: a colon and a space here would begin a second value: check the indentation, or "
         "put the text in quotes\n"},
};

static void test_cases(void **state)
{
        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(cases); i++) {
                char *result = parse(cases[i].text, strlen(cases[i].text));

                if (strcmp(result, cases[i].expected) != 0)
                        fail_msg("case %zu: \"%s\" gives \"%s\"", i, cases[i].text, result);
                free(result);
        }
}

static void test_large(void **state)
{
        struct tl_findings findings = {0};
        struct tl_arena arena = {0};
        bool is_whole;

        (void)state;
        assert_null(tl_yaml_parse(&arena, "", (size_t)TL_YAML_SIZE_MAX + 1, &is_whole, &findings));
        assert_false(is_whole);
        assert_int_equal(findings.errors, 1);
        assert_string_equal(findings.items[0].message, "the file is larger than 16 MiB");
        tl_findings_done(&findings);
        tl_arena_done(&arena);
}

/* However many syntax errors there are, reading ends. */
static void test_many_syntax_errors(void **state)
{
        char text[8 * 100 + 1] = "";
        char *result;
        int lines = 0;

        (void)state;
        for (int i = 0; i < 100; i++)
                strcat(text, "a: b: c\n");
        result = parse(text, strlen(text));
        for (const char *c = result; *c; c++)
                lines += *c == '\n';
        assert_in_range(lines, 10, 50);
        free(result);
}

/* Whichever of our allocations fails, there is a finding. */
static void test_no_memory(void **state)
{
        static const char text[] = "a: [b, {c: d}]\nc: d\nc: e\nf: g: h\ni: j\n";

        (void)state;
        for (long most = 0; most < 100; most++) {
                struct tl_findings findings = {0};
                const struct tl_yaml_node *root;
                struct tl_arena arena = {0};
                bool is_whole;

                heap_fail_after(most);
                root = tl_yaml_parse(&arena, text, strlen(text), &is_whole, &findings);
                heap_fail_after(-1);
                assert_true(tl_findings_has_errors(&findings));
                assert_false(is_whole);
                if (!findings.has_lost_some && findings.count < 2)
                        assert_null(root);
                tl_findings_done(&findings);
                tl_arena_done(&arena);
        }
}

/* Null and truth, as YAML 1.2 has them, and other words. */
static const struct {
        const char *text;
        char meaning; /* n: null, t: true, f: false, -: neither */
} words[] = {
        {"[]", '-'},       {"~", 'n'},     {"null", 'n'}, {"Null", 'n'},   {"NULL", 'n'},
        {"nULL", '-'},     {"'~'", '-'},   {"''", '-'},   {"true", 't'},   {"True", 't'},
        {"TRUE", 't'},     {"tRUE", '-'},  {"yes", '-'},  {"on", '-'},     {"false", 'f'},
        {"False", 'f'},    {"FALSE", 'f'}, {"no", '-'},   {"'true'", '-'}, {"0", '-'},
        {"\"null\"", '-'},
};

static void test_words(void **state)
{
        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(words); i++) {
                struct tl_findings findings = {0};
                const struct tl_yaml_node *root;
                struct tl_arena arena = {0};
                bool is_whole, value = false;
                char meaning = '-';

                root = tl_yaml_parse(&arena, words[i].text, strlen(words[i].text), &is_whole,
                                     &findings);
                assert_non_null(root);
                if (tl_yaml_is_bool(root, &value))
                        meaning = value ? 't' : 'f';
                if (tl_yaml_is_null(root))
                        meaning = 'n';
                if (meaning != words[i].meaning)
                        fail_msg("case %zu: %s is %c", i, words[i].text, meaning);
                tl_findings_done(&findings);
                tl_arena_done(&arena);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_cases),     cmocka_unit_test(test_large),
                cmocka_unit_test(test_words),     cmocka_unit_test(test_many_syntax_errors),
                cmocka_unit_test(test_no_memory),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
