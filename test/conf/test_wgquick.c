/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "conf/wgquick.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test/lib/cmocka.h"
#include "test/lib/wgquick_dump.h"

#define I "[Interface]\n"

static const struct {
        int number;
        const char *text, *dump;
} texts[] = {
        {1, "", ""},
        {2, I, ""},
        {3, I "Address=10.0.0.1/24", "Address=10.0.0.1/24\n"},
        {4, I "Address = 10.0.0.1 , fd00::1/64\naddress=10.1.0.1/0 10.2.0.1/32\r\n",
         "Address=10.0.0.1/32\nAddress=fd00::1/64\nAddress=10.1.0.1/0\nAddress=10.2.0.1/32\n"},
        {5, I "Address=fd00::1", "Address=fd00::1/128\n"},
        {6, I "Address=\nDNS=\nMTU=\nTable= # auto\nPostUp=\nSaveConfig=", ""},
        {7, I "Address=,, 10.0.0.1/24,,", "Address=10.0.0.1/24\n"},
        {50, I "Address=10.1/0x18,010.0.0.1/030 , 10.0.0.1/255.255.248.0 10.0.0.1/0.0.0.0,7",
         "Address=10.1.0.0/24\nAddress=8.0.0.1/24\nAddress=10.0.0.1/21\nAddress=10.0.0.1/0\n"
         "Address=7.0.0.0/32\n"},
        {53, I "DNS=fe80::1%eth0.5 fe80::2", "DNS=fe80::1%eth0.5\nDNS=fe80::2\n"},
        {51, I "DNS=~example.org, ~.", "DNS=~example.org\nDNS=~.\n"},
        {57, I "DNS=b\xc3\xbc.example ~\xc3\xbc", "DNS=b\xc3\xbc.example\nDNS=~\xc3\xbc\n"},
        {52, I "MTU=+0x500\nTable=+5", "MTU=1280\nTable=+5\n"},
        {8, I "DNS=10.0.0.9, example.org fd00::9,a_b.c",
         "DNS=10.0.0.9\nDNS=fd00::9\nDNS=example.org\nDNS=a_b.c\n"},
        {9, I "MTU=68\nMTU=65535", "MTU=65535\n"},
        {10, I "Table=off\nTable=AUTO", "Table=auto\n"},
        {56, I "MTU=1400\nTable=7\nAddress=default, 0/0\nMTU=\nTable=\nAddress=",
         "Address=0.0.0.0/0\nAddress=0.0.0.0/0\n"},
        {11, I "Table=Off", "Table=off\n"},
        {12, I "Table=51820\n", "Table=51820\n"},
        {13, I "TABLE=my-table_1.x", "Table=my-table_1.x\n"},
        {14, I "PostUp = echo %i a=b  # told\nPostUp=second",
         "PostUp=echo %i a=b\nPostUp=second\n"},
        {15, I "predown=1\nPOSTDOWN=2\nPreUp=3\nPostUp=4",
         "PreUp=3\nPostUp=4\nPreDown=1\nPostDown=2\n"},
        {16, I "SaveConfig = True", "SaveConfig=true\n"},
        {17, I "SaveConfig=true\nSaveConfig=FALSE", ""},
        {18, "Address=10.0.0.1/24\n" I "\n", ""},
        {19, I "[Peer]\nAddress=10.0.0.1/24\n[ INTERFACE ] # again\nMTU=1400", "MTU=1400\n"},
        {20, "[Interfaces]\nMTU=1400\n[Interface\nMTU=1400\n", ""},
        {21, I "# MTU=1400\n#[Peer]\nMTU=1300", "MTU=1300\n"},
        {22, I "MTU\nAddress", ""},
        {23, "\xef\xbb\xbf" I "MTU=1400", "MTU=1400\n"},
        {24, I "M TU=1400\nAddresses=10.0.0.1\n=3", ""},
};

static void test_texts(void **state)
{
        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(texts); i++) {
                struct tl_mistakes mistakes = {0};
                struct tl_wgquick quick;
                char *dump;

                if (!tl_wgquick_parse(texts[i].text, strlen(texts[i].text), &quick, &mistakes))
                        fail_msg("case %d: %s", texts[i].number, mistakes.first[0].message);
                dump = wgquick_dump(&quick);
                if (strcmp(dump, texts[i].dump) != 0)
                        fail_msg("case %d: %s", texts[i].number, dump);
                free(dump);
                tl_wgquick_done(&quick);
        }
}

static const struct {
        int number;
        const char *text;
        uint32_t line, column;
        const char *message;
} mistakes[] = {
        {1, I "Address=10.0.0.1/33", 2, 9, "Address must be"},
        {2, I "Address = 10.0.0.1/24, 10.0.0.", 2, 24, "Address must be"},
        {3, I "Address=fd00::1/129", 2, 9, "Address must be"},
        {4, I "Address=10.0.0.1/", 2, 9, "Address must be"},
        {5, I "Address=10.0.0.1/24/24", 2, 9, "Address must be"},
        {50, I "Address=10.0.0.1/255.0.255.0", 2, 9, "Address must be"},
        {51, I "Address=fd00::1/255.0.0.0", 2, 9, "Address must be"},
        {52, I "Address=10.0.0.1/08", 2, 9, "Address must be"},
        {6, I "Address=host", 2, 9, "Address must be"},
        {7, I "\n\nDNS=10.0.0.256", 4, 5, "DNS must be"},
        {8, I "DNS=10.0.0", 2, 5, "DNS must be"},
        {9, I "DNS=fd00:::1", 2, 5, "DNS must be"},
        {53, I "DNS=fe80::1%", 2, 5, "DNS must be"},
        {54, I "DNS=10.0.0.1%eth0", 2, 5, "DNS must be"},
        {10, I "DNS=a;b", 2, 5, "DNS must be"},
        {11, I "DNS=-x", 2, 5, "DNS must be"},
        {12, I "MTU=67", 2, 5, "MTU must be"},
        {13, I "  MTU = 65536", 2, 9, "MTU must be"},
        {14, I "MTU=1420x", 2, 5, "MTU must be"},
        {15, I "Table=-1", 2, 7, "Table must be"},
        {16, I "Table=a b", 2, 7, "Table must be"},
        {17, I "Table=0123456789012345678901234567890123456789012345678901234567890123", 2, 7,
         "Table must be"},
        {18, I "SaveConfig=yes", 2, 12, "SaveConfig must be"},
};

static void test_mistakes(void **state)
{
        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(mistakes); i++) {
                struct tl_mistakes told = {0};
                const struct tl_conf_error *error = &told.first[0];
                struct tl_wgquick quick, untouched;

                memset(&quick, 0xa5, sizeof(quick));
                memset(&untouched, 0xa5, sizeof(untouched));
                if (tl_wgquick_parse(mistakes[i].text, strlen(mistakes[i].text), &quick, &told))
                        fail_msg("case %d: no mistake", mistakes[i].number);
                assert_memory_equal(&quick, &untouched, sizeof(quick));
                assert_int_equal(told.count, 1);
                assert_int_equal(error->errnum, EINVAL);
                if (error->line != mistakes[i].line || error->column != mistakes[i].column ||
                    strncmp(error->message, mistakes[i].message, strlen(mistakes[i].message)) != 0)
                        fail_msg("case %d: %u:%u: %s", mistakes[i].number, error->line,
                                 error->column, error->message);
        }
}

/* All mistakes of a text are added after those of another parser. */
static void test_many_mistakes(void **state)
{
        static const char text[] = I "MTU=1\nAddress=x, ::/0, 2x / 3,4x\nTable=-\n" I
                                     "SaveConfig=1\n"
                                     "[Peer]\nMTU=1\n[Interfaces]\nMTU=1\nDNS=1\nAddress=::\n";
        static const uint32_t places[][2] = {{2, 5},  {3, 9}, {3, 18}, {3, 25}, {4, 7},
                                             {6, 12}, {7, 9}, {10, 5}, {11, 5}};
        struct tl_mistakes told = {.count = 1, .first = {{.line = 7, .column = 9}}};
        struct tl_wgquick quick;

        (void)state;
        assert_false(tl_wgquick_parse(text, strlen(text), &quick, &told));
        assert_int_equal(told.count, WG_ARRAY_SIZE(places));
        for (size_t i = 0; i < WG_ARRAY_SIZE(places); i++) {
                assert_int_equal(told.first[i].line, places[i][0]);
                assert_int_equal(told.first[i].column, places[i][1]);
        }
}

static void test_a_zero_byte_ends_no_hook(void **state)
{
        static const char text[] = I "PostUp = true\0; false";
        struct tl_mistakes told = {0};
        struct tl_wgquick quick;

        (void)state;
        assert_false(tl_wgquick_parse(text, sizeof(text) - 1, &quick, &told));
        assert_int_equal(told.first[0].line, 2);
        assert_int_equal(told.first[0].column, 14);
}

static void test_blank_and_strip(void **state)
{
        static const char text[] = "# first\n" I "PrivateKey = k\n Address=10.0.0.1/24 # mine\n\n"
                                   "[Peer]\nMTU=3\n[Interface]\nmtu=1400";
        static const char blank[] = "# first\n" I "PrivateKey = k\n                           \n\n"
                                    "[Peer]\nMTU=3\n[Interface]\n        ";
        static const char stripped[] = "# first\n" I
                                       "PrivateKey = k\n\n[Peer]\nMTU=3\n[Interface]\n";
        char copy[sizeof(text)];

        (void)state;
        memcpy(copy, text, sizeof(text));
        tl_wgquick_blank(copy, sizeof(text) - 1);
        assert_string_equal(copy, blank);
        memcpy(copy, text, sizeof(text));
        copy[tl_wgquick_strip(copy, sizeof(text) - 1)] = '\0';
        assert_string_equal(copy, stripped);
        assert_int_equal(tl_wgquick_strip(copy, 0), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_texts),
                cmocka_unit_test(test_mistakes),
                cmocka_unit_test(test_many_mistakes),
                cmocka_unit_test(test_a_zero_byte_ends_no_hook),
                cmocka_unit_test(test_blank_and_strip),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
