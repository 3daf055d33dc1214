/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * test_status_view.c - conf/status_view.h: the output for people and for programs. */
#include "conf/status_view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test/lib/cmocka.h"

#define VERDICTS(X) \
        X(LOST, 1, lost, "it is gone") \
        X(FOUND, 2, found, "it is there")
WG_ENUM_DECLARE(verdict, VERDICTS)
WG_ENUM_DEFINE(verdict, VERDICTS)

struct fixture {
        struct tl_status status;
        char out[TL_STATUS_VIEW_MAX];
};

static int setup(void **state)
{
        *state = calloc(1, sizeof(struct fixture));
        return *state ? 0 : -1;
}

static int teardown(void **state)
{
        free(*state);
        return 0;
}

static void read_lines(struct fixture *f, const char *reply)
{
        struct tl_conf_error error;

        if (!tl_status_read(&f->status, (struct tl_text){reply, strlen(reply)}, &error))
                fail_msg("line %u: %s", error.line, error.message);
}

static const char REPLY[] = "version=1\n"
                            "interface=true\n"
                            "link_up=true\n"
                            "fwmark=255\n"
                            "uptime_s=93784\n"
                            "staged_bytes=1536\n"
                            "news=words\n"
                            "news_bytes=7\n"
                            "drop_lost=3\n"
                            "drop_found=0\n"
                            "drop_unheard_of=12\n"
                            "errno=0\n"
                            "\n";

static void test_for_people(void **state)
{
        static const char wanted[] =
                "Interface\n"
                "  name at start                      true\n"
                "  up                                 yes\n"
                "\n"
                "Sockets\n"
                "  firewall mark                      0xff\n"
                "\n"
                "Queues\n"
                "  memory of these packets, used      1.5 KiB\n"
                "\n"
                "Process\n"
                "  uptime                             1 d 2 h 3 min 4 s\n"
                "\n"
                "Drops\n"
                "  lost                                          3  it is gone\n"
                "  unheard_of                         12\n"
                "\n"
                "Other\n"
                "  news                               words\n"
                "  news_bytes                         7 bytes\n";
        struct fixture *f = *state;
        size_t len;

        read_lines(f, REPLY);
        len = tl_status_for_people(&f->status, &verdict_enum, TL_STATUS_DETAIL_USUAL, f->out);
        assert_string_equal(f->out, wanted);
        assert_int_equal(len, strlen(wanted));
        tl_status_for_people(&f->status, &verdict_enum, TL_STATUS_DETAIL_ALL, f->out);
        assert_non_null(
                strstr(f->out, "  found                                         0  it is there\n"));
}

static void test_labels_fit(void **state)
{
        (void)state;
        for (unsigned int i = 0; i < TL_STATUS_KEY_COUNT; i++)
                if (strlen(tl_status_keys[i].text) > TL_STATUS_LABEL_MAX)
                        fail_msg("%s: a long label", tl_status_keys[i].name);
}

static void test_nothing_dropped(void **state)
{
        struct fixture *f = *state;

        read_lines(f, "version=1\ndrop_lost=0\nerrno=0\n\n");
        tl_status_for_people(&f->status, &verdict_enum, TL_STATUS_DETAIL_USUAL, f->out);
        assert_string_equal(f->out, "Drops\n  none\n");
        read_lines(f, "version=1\nerrno=0\n\n");
        assert_int_equal(
                tl_status_for_people(&f->status, &verdict_enum, TL_STATUS_DETAIL_USUAL, f->out), 0);
        assert_string_equal(f->out, "");
}

/* The boundaries of the units. */
static void test_units(void **state)
{
        static const struct {
                const char *line, *shown;
        } rows[] = {
                {"tx_bytes=0", " 0 bytes\n"},
                {"tx_bytes=1023", " 1023 bytes\n"},
                {"tx_bytes=1024", " 1.0 KiB\n"},
                {"tx_bytes=1048575", " 1023.9 KiB\n"},
                {"tx_bytes=1048576", " 1.0 MiB\n"},
                {"tx_bytes=1152921504606846975", " 1023.9 PiB\n"},
                {"tx_bytes=1152921504606846976", " 1.0 EiB\n"},
                {"tx_bytes=18446744073709551615", " 15.9 EiB\n"},
                {"uptime_s=0", " 0 s\n"},
                {"uptime_s=59", " 59 s\n"},
                {"uptime_s=60", " 1 min 0 s\n"},
                {"uptime_s=3600", " 1 h 0 min 0 s\n"},
                {"uptime_s=86400", " 1 d 0 h 0 min 0 s\n"},
                {"uptime_s=18446744073709551615", " 213503982334601 d 7 h 0 min 15 s\n"},
                {"fwmark=0", " none\n"},
                {"fwmark=4294967295", " 0xffffffff\n"},
                {"pid=18446744073709551615", " 18446744073709551615\n"},
                {"under_load=false", " no\n"},
        };
        struct fixture *f = *state;

        for (size_t i = 0; i < WG_ARRAY_SIZE(rows); i++) {
                char reply[128];

                snprintf(reply, sizeof(reply), "version=1\n%s\nerrno=0\n\n", rows[i].line);
                read_lines(f, reply);
                tl_status_for_people(&f->status, &verdict_enum, TL_STATUS_DETAIL_USUAL, f->out);
                if (!strstr(f->out, rows[i].shown))
                        fail_msg("%s is shown as\n%s", rows[i].line, f->out);
        }
}

static void test_json(void **state)
{
        static const char wanted[] = "{\n"
                                     "  \"interface\": \"12\",\n"
                                     "  \"aead\": \"true\",\n"
                                     "  \"link_up\": false,\n"
                                     "  \"tx_bytes\": 18446744073709551615,\n"
                                     "  \"news\": \"a \\\"b\\\" \\\\n c\",\n"
                                     "  \"news2\": true,\n"
                                     "  \"news3\": 0,\n"
                                     "  \"news4\": \"00\",\n"
                                     "  \"drop_lost\": 3\n"
                                     "}\n";
        struct fixture *f = *state;

        read_lines(f, "version=1\ninterface=12\naead=true\nlink_up=false\n"
                      "tx_bytes=18446744073709551615\nnews=a \"b\" \\n c\nnews2=true\nnews3=0\n"
                      "news4=00\ndrop_lost=3\nerrno=0\n\n");
        assert_int_equal(tl_status_as_json(&f->status, f->out), strlen(wanted));
        assert_string_equal(f->out, wanted);
        read_lines(f, "version=1\nerrno=0\n\n");
        tl_status_as_json(&f->status, f->out);
        assert_string_equal(f->out, "{}\n");
}

/* The greatest possible reply fits into either view. */
static void test_greatest(void **state)
{
        struct fixture *f = *state;
        static char value[201], reply[TL_STATUS_FACTS_MAX * 250];
        size_t len = (size_t)sprintf(reply, "version=1\n");

        memset(value, '"', 200);
        for (unsigned int i = 0; i < TL_STATUS_FACTS_MAX; i++)
                len += (size_t)sprintf(reply + len, "a%039u=%s\n", i, value);
        sprintf(reply + len, "errno=0\n\n");
        read_lines(f, reply);
        assert_int_equal(f->status.count, TL_STATUS_FACTS_MAX);
        assert_true(tl_status_as_json(&f->status, f->out) > 2 * 200 * TL_STATUS_FACTS_MAX);
        assert_true(tl_status_for_people(&f->status, &verdict_enum, TL_STATUS_DETAIL_ALL, f->out) >
                    200 * TL_STATUS_FACTS_MAX);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_for_people, setup, teardown),
                cmocka_unit_test(test_labels_fit),
                cmocka_unit_test_setup_teardown(test_nothing_dropped, setup, teardown),
                cmocka_unit_test_setup_teardown(test_units, setup, teardown),
                cmocka_unit_test_setup_teardown(test_json, setup, teardown),
                cmocka_unit_test_setup_teardown(test_greatest, setup, teardown),
        };

        return cmocka_run_group_tests_name("status_view", tests, NULL, NULL);
}
