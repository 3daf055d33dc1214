/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "conf/lock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "test/lib/cmocka.h"
#include "test/lib/heap.h"

#define HEAD "tieline-lock 1\n"
#define ADDRESS "expected \"address\", a name, and an address or one of each family\n"
#define MAPPED "expected \"mapped\", a site, and two prefixes of one length\n"
#define VIRTUAL "expected \"virtual\", a site, a name and an address\n"
#define ULA "expected \"ula\" and a prefix such as fd12:3456:789a::/48\n"
#define LINE "expected a line that begins with ula, address, mapped, virtual or retired\n"
#define MERGE "a merge left a conflict here: keep the lines of both sides, and remove the marks\n"

/* A lock, and how it is written again, or its findings. */
static const struct {
        const char *text, *expected;
} cases[] = {
        {"", HEAD},
        {HEAD, HEAD},
        {"tieline-lock 1", HEAD},
        {HEAD "ula fd12:3456:789a::/48\n", HEAD "ula fd12:3456:789a::/48\n"},
        {HEAD "address b 10.0.0.2\naddress a 10.0.0.9 fd00::9\naddress c fd00::3\n",
         HEAD "address a 10.0.0.9 fd00::9\naddress b 10.0.0.2\naddress c fd00::3\n"},
        {HEAD "address e/laptop fd00::1 10.0.0.1", HEAD "address e/laptop 10.0.0.1 fd00::1\n"},
        {HEAD "mapped s 10.2.0.0/24 10.200.2.0/24\nmapped s 10.1.0.0/24 10.200.1.0/24\n",
         HEAD "mapped s 10.1.0.0/24 10.200.1.0/24\nmapped s 10.2.0.0/24 10.200.2.0/24\n"},
        {HEAD "retired mapped s 10.1.0.0/24 10.200.1.0/24\nretired address b 10.0.0.2\n"
              "mapped s 10.2.0.0/24 10.200.2.0/24\nretired address a 10.0.0.3\naddress b 10.0.0.4\n"
              "ula fd00::/48\n",
         HEAD "ula fd00::/48\naddress b 10.0.0.4\nmapped s 10.2.0.0/24 10.200.2.0/24\n"
              "retired address a 10.0.0.3\nretired address b 10.0.0.2\n"
              "retired mapped s 10.1.0.0/24 10.200.1.0/24\n"},
        {HEAD "retired address a 10.0.0.3\nretired address a 10.0.0.2\n",
         HEAD "retired address a 10.0.0.2\nretired address a 10.0.0.3\n"},
        {HEAD "virtual t d 10.1.0.9\nretired virtual s x 10.1.0.8\nvirtual s e/laptop 10.1.0.7\n"
              "virtual s d fd00::9\nvirtual s d 10.1.0.9\nmapped s 10.1.0.0/24 10.200.1.0/24\n"
              "retired address a 10.0.0.3\nretired virtual s x 10.1.0.6\n",
         HEAD "mapped s 10.1.0.0/24 10.200.1.0/24\nvirtual s d 10.1.0.9\nvirtual s d fd00::9\n"
              "virtual s e/laptop 10.1.0.7\nvirtual t d 10.1.0.9\nretired address a 10.0.0.3\n"
              "retired virtual s x 10.1.0.6\nretired virtual s x 10.1.0.8\n"},

        {"tieline-lock 2\n", "f:1:1: expected the line \"tieline-lock 1\"\n"},
        {"\n", "f:1:1: expected the line \"tieline-lock 1\"\n"},
        {HEAD "\n", "f:2:1: " LINE},
        {HEAD "foo\naddress\n", "f:2:1: " LINE "f:3:1: " ADDRESS},
        {HEAD "retired\nretired ula fd00::/48\n", "f:2:1: " LINE "f:3:1: " LINE},
        {HEAD
         "ula fd00::/47\nula fe00::/48\nula fd00::1/48\nula 10.0.0.0/8\nula\nula fd00::/48 x\n",
         "f:2:1: " ULA "f:3:1: " ULA "f:4:1: " ULA "f:5:1: " ULA "f:6:1: " ULA "f:7:1: " ULA},
        {HEAD "ula fd00::/48\nula fd01::/48\n",
         "f:3:1: there are two lines with \"ula\": keep one of them\n"},
        {HEAD "address a\naddress A 10.0.0.1\naddress a 10.0.0.1 10.0.0.2\naddress a x\n"
              "address a 10.0.0.1 fd00::1 x\naddress a  10.0.0.1\naddress a/b/c 10.0.0.1\n"
              "retired address a 10.0.0.1 fd00::1 x\nretired address a 10.0.0.1 fd00::1 x y\n",
         "f:2:1: " ADDRESS "f:3:1: " ADDRESS "f:4:1: " ADDRESS "f:5:1: " ADDRESS "f:6:1: " ADDRESS
         "f:7:1: " ADDRESS "f:8:1: " ADDRESS "f:9:1: " ADDRESS "f:10:1: " ADDRESS},
        {HEAD "mapped s 10.1.0.0/24\nmapped s 10.1.0.0/24 10.2.0.0/23\nmapped s 10.1.0.1/24 "
              "10.2.0.0/24\nmapped s fd00::/24 10.2.0.0/24\nmapped s/t 10.1.0.0/24 10.2.0.0/24\n",
         "f:2:1: " MAPPED "f:3:1: " MAPPED "f:4:1: " MAPPED "f:5:1: " MAPPED "f:6:1: " MAPPED},
        {HEAD "address a 10.0.0.1\nretired address a 10.0.0.3\naddress a 10.0.0.2\n",
         "f:4:1: \"a\" has two lines of this kind (see line 2): keep one of them\n"},
        {HEAD "mapped a 10.1.0.0/24 10.2.0.0/24\naddress a 10.0.0.1\n"
              "mapped a 10.1.0.0/24 10.3.0.0/24\n",
         "f:4:1: \"a\" has two lines of this kind (see line 2): keep one of them\n"},
        {HEAD "virtual s d\nvirtual s 10.1.0.9\nvirtual s D 10.1.0.9\nvirtual S d 10.1.0.9\n"
              "virtual s d 10.1.0.0/24\nvirtual s d 10.1.0.9 x\nvirtual\n",
         "f:2:1: " VIRTUAL "f:3:1: " VIRTUAL "f:4:1: " VIRTUAL "f:5:1: " VIRTUAL "f:6:1: " VIRTUAL
         "f:7:1: " VIRTUAL "f:8:1: " VIRTUAL},
        {HEAD "virtual s d 10.1.0.9\nvirtual s d 10.1.0.8\nvirtual t d 10.1.0.9\n"
              "virtual s d fd00::9\nretired virtual s d 10.1.0.7\naddress d 10.0.0.1\n",
         "f:3:1: \"d\" has two lines of this kind (see line 2): keep one of them\n"},
        {HEAD "<<<<<"
              "<< ours\naddress a 10.0.0.1\n===="
              "===\naddress b 10.0.0.2\n>>>>"
              ">>> x\n",
         "f:2:1: " MERGE "f:4:1: " MERGE "f:6:1: " MERGE},
};

/* The text of a lock that was read, or its findings; the caller's to free. */
static char *parse(const char *text)
{
        struct tl_findings findings = {0};
        struct tl_lock lock = {0};
        char *result;
        size_t len;

        if (tl_lock_parse(&lock, text, strlen(text), &findings)) {
                result = tl_lock_format(&lock, &len);
                assert_int_equal(strlen(result), len);
        } else {
                FILE *out = open_memstream(&result, &len);

                tl_findings_write(&findings, "f", out);
                fclose(out);
        }
        tl_findings_done(&findings);
        tl_lock_done(&lock);
        return result;
}

static void test_cases(void **state)
{
        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(cases); i++) {
                char *result = parse(cases[i].text), *again;

                if (strcmp(result, cases[i].expected) != 0)
                        fail_msg("case %zu: \"%s\" gives \"%s\"", i, cases[i].text, result);
                if (!strncmp(result, HEAD, strlen(HEAD))) {
                        again = parse(result);
                        assert_string_equal(again, result);
                        free(again);
                }
                free(result);
        }
}

static void test_no_memory(void **state)
{
        static const char text[] = HEAD "ula fd00::/48\naddress a 10.0.0.1 fd00::1\n"
                                        "mapped s 10.1.0.0/24 10.200.1.0/24\n"
                                        "virtual s d 10.1.0.9\n";
        bool is_good = false;
        long most = 0;

        (void)state;
        for (; !is_good; most++) {
                struct tl_findings findings = {0};
                struct tl_lock lock = {0};
                char *written = NULL;
                size_t len;

                heap_fail_after(most);
                if (tl_lock_parse(&lock, text, strlen(text), &findings))
                        written = tl_lock_format(&lock, &len);
                else
                        assert_true(tl_findings_has_errors(&findings));
                heap_fail_after(-1);
                is_good = written != NULL;
                free(written);
                tl_lock_done(&lock);
                tl_findings_done(&findings);
        }
        assert_in_range(most, 4, 30);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_cases),
                cmocka_unit_test(test_no_memory),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
