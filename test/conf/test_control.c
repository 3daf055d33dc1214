/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * test_control.c - conf/control.h: requests of both protocols of the status socket, replies as
 * written, and blocks as read. */
#include "conf/control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test/lib/cmocka.h"

#define KEY "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define FORTY "a234567890123456789012345678901234567890"

static struct tl_text text_of(const char *text)
{
        return (struct tl_text){text, strlen(text)};
}

/* ---- requests ---- */

static const struct {
        int number;
        const char *bytes;
        enum tl_control_step step;
        int errnum;
        uint32_t line, column; /* of the mistake, in this protocol */
} requests[] = {
        {1, "control=1\noperation=version\n\n", TL_CONTROL_REQUEST, 0, 0, 0},
        {2, "control=1\noperation=events\n\n", TL_CONTROL_REQUEST, 0, 0, 0},
        {3, "control=1\noperation=events\npeer=" KEY "\n\n", TL_CONTROL_REQUEST, 0, 0, 0},
        {4, "control=1\npeer=" KEY "\noperation=events\n\n", TL_CONTROL_REQUEST, 0, 0, 0},
        {5, "control=1\noperation=events\n", TL_CONTROL_MORE, 0, 0, 0},
        {6, "control=", TL_CONTROL_MORE, 0, 0, 0},
        /* Mistakes in this protocol. */
        {10, "control=\n\n", TL_CONTROL_MISTAKE, EPROTO, 1, 9},
        {11, "control=x\noperation=events\n\n", TL_CONTROL_MISTAKE, EPROTO, 1, 9},
        {12, "control=01\noperation=events\n\n", TL_CONTROL_MISTAKE, EPROTO, 1, 9},
        {13, "control=0\noperation=events\n\n", TL_CONTROL_MISTAKE, EPROTONOSUPPORT, 1, 9},
        {14, "control=2\nwhatever!\n\n", TL_CONTROL_MISTAKE, EPROTONOSUPPORT, 1, 9},
        {15, "control=1\n\n", TL_CONTROL_MISTAKE, EINVAL, 1, 1},
        {16, "control=1\noperation=capture\n\n", TL_CONTROL_MISTAKE, EOPNOTSUPP, 2, 11},
        {17, "control=1\noperation=\n\n", TL_CONTROL_MISTAKE, EPROTO, 2, 11},
        {18, "control=1\noperation=events\noperation=events\n\n", TL_CONTROL_MISTAKE, EINVAL, 3, 1},
        {19, "control=1\noperation=events\nsnap=64\n\n", TL_CONTROL_MISTAKE, EOPNOTSUPP, 3, 1},
        {20, "control=1\noperation=events\npeer=x\n\n", TL_CONTROL_MISTAKE, EINVAL, 3, 6},
        {21, "control=1\noperation=events\npeer=" KEY "\npeer=" KEY "\n\n", TL_CONTROL_MISTAKE,
         EINVAL, 4, 1},
        {22, "control=1\noperation=version\npeer=" KEY "\n\n", TL_CONTROL_MISTAKE, EINVAL, 3, 1},
        {23, "control=1\noperation=events\nget\n\n", TL_CONTROL_MISTAKE, EPROTO, 3, 1},
        {24, "control=1\noperation=events\npeer=\x01\n\n", TL_CONTROL_MISTAKE, EPROTO, 3, 6},
        {25, "control=1\noperation=x\npeer=x\n\n", TL_CONTROL_MISTAKE, EOPNOTSUPP, 2, 11},
        /* The status protocol, and invalid requests: as before this protocol existed. */
        {40, "get=1\n\n", TL_CONTROL_STATUS, 0, 0, 0},
        {41, "get=1\ncontrol=1\n\n", TL_CONTROL_STATUS_MISTAKE, EINVAL, 0, 0},
        {42, "\n", TL_CONTROL_STATUS_MISTAKE, EPROTO, 0, 0},
        {43, "set=1\nlisten_port=1\n\n", TL_CONTROL_STATUS_MISTAKE, EPROTO, 0, 0},
        {44, " control=1\noperation=events\n\n", TL_CONTROL_STATUS_MISTAKE, EPROTO, 0, 0},
        {45, "Control=1\n\n", TL_CONTROL_STATUS_MISTAKE, EPROTO, 0, 0},
        {46, "control\n\n", TL_CONTROL_STATUS_MISTAKE, EPROTO, 0, 0},
        {47, "operation=events\ncontrol=1\n\n", TL_CONTROL_STATUS_MISTAKE, EPROTO, 0, 0},
};

static void check_request(int number, const struct tl_control_parser *parser,
                          enum tl_control_step step, size_t i)
{
        if (step != requests[i].step || parser->error.errnum != requests[i].errnum ||
            parser->error.line != requests[i].line || parser->error.column != requests[i].column)
                fail_msg("case %d: %s, errno %d at %u:%u", number, tl_control_step_name(step),
                         parser->error.errnum, parser->error.line, parser->error.column);
}

/* Each in one piece and byte by byte, followed by a valid one on the same connection. */
static void test_requests(void **state WG_UNUSED)
{
        static const char next[] = "control=1\noperation=events\n\n";

        for (size_t i = 0; i < WG_ARRAY_SIZE(requests); i++) {
                size_t len = strlen(requests[i].bytes), used = 99;
                struct tl_control_parser whole = {0}, pieces = {0};
                enum tl_control_step step = TL_CONTROL_MORE;

                step = tl_control_parser_feed(&whole, requests[i].bytes, len, &used);
                assert_int_equal(used, len);
                check_request(requests[i].number, &whole, step, i);
                step = TL_CONTROL_MORE;
                for (size_t at = 0; at < len; at++) {
                        assert_int_equal(step, TL_CONTROL_MORE);
                        step = tl_control_parser_feed(&pieces, requests[i].bytes + at, 1, &used);
                        assert_int_equal(used, 1);
                }
                check_request(requests[i].number, &pieces, step, i);
                if (step == TL_CONTROL_MORE)
                        continue;
                step = tl_control_parser_feed(&whole, next, sizeof(next) - 1, &used);
                assert_int_equal(step, TL_CONTROL_REQUEST);
                assert_int_equal(whole.request.operation, TL_CONTROL_EVENTS);
                assert_int_equal(whole.request.options, 0);
        }
}

static void test_two_requests_at_once(void **state WG_UNUSED)
{
        static const char both[] = "control=1\noperation=version\n\nget=1\n\n";
        struct tl_control_parser parser = {0};
        size_t used;

        assert_int_equal(tl_control_parser_feed(&parser, both, sizeof(both) - 1, &used),
                         TL_CONTROL_REQUEST);
        assert_int_equal(used, sizeof(both) - 1 - 7);
        assert_int_equal(tl_control_parser_feed(&parser, both + used, 7, &used), TL_CONTROL_STATUS);
        assert_int_equal(used, 7);
}

static void test_long_lines(void **state WG_UNUSED)
{
        char bytes[400] = "control=1\noperation=events\npeer=";
        struct tl_control_parser parser = {0};
        size_t len = strlen(bytes), used;

        memset(bytes + len, 'x', TL_CONTROL_LINE_MAX + 1 - strlen("peer="));
        strcpy(bytes + len + TL_CONTROL_LINE_MAX + 1 - strlen("peer="), "\n\n");
        assert_int_equal(tl_control_parser_feed(&parser, bytes, strlen(bytes), &used),
                         TL_CONTROL_MISTAKE);
        assert_int_equal(parser.error.errnum, EPROTO);
        assert_int_equal(parser.error.line, 3);
        assert_int_equal(parser.error.column, TL_CONTROL_LINE_MAX + 1);
}

/* A formatted request is read back as the same request. */
static void test_formats_requests(void **state WG_UNUSED)
{
        WG_ENUM_EACH(member, &tl_control_operation_enum) {
                enum tl_control_operation operation = (enum tl_control_operation)member->value;
                struct tl_control_request request = {
                        .operation = operation,
                        .options = tl_control_rule(operation).options,
                        .peer = {1, 2, 250},
                };
                struct tl_control_parser parser = {0};
                char text[TL_CONTROL_REQUEST_MAX];
                size_t len = tl_control_format_request(&request, text), used;

                assert_int_equal(tl_control_parser_feed(&parser, text, len, &used),
                                 TL_CONTROL_REQUEST);
                assert_int_equal(parser.request.operation, operation);
                assert_int_equal(parser.request.options, request.options);
                if (request.options & TL_CONTROL_OPTION_PEER)
                        assert_memory_equal(parser.request.peer, request.peer, TL_CONF_KEY_LEN);
        }
}

/* An old daemon knows only the status protocol; this is its reply to a request of ours. */
static void test_an_old_daemon_refuses(void **state WG_UNUSED)
{
        static const char request[] = "control=1\noperation=events\n\n";
        struct tl_status_parser old = {0};
        struct tl_control_block block;
        struct tl_conf_error error;
        struct tl_writer writer;
        char reply[64];
        size_t used;

        assert_int_equal(tl_status_parser_feed(&old, request, sizeof(request) - 1, &used),
                         TL_STATUS_MISTAKE);
        assert_int_equal(used, sizeof(request) - 1);
        tl_status_writer_init(&writer, reply, sizeof(reply));
        assert_true(tl_status_writer_done(&writer, old.errnum));
        assert_true(tl_control_read_block(&block, text_of(reply), &error));
        assert_int_equal(block.errnum, EPROTO);
        assert_int_equal(tl_control_find(&block, "control").len, 0);
}

/* ---- blocks ---- */

static void test_writes_blocks(void **state WG_UNUSED)
{
        static const struct tl_conf_error mistake = {EINVAL, 3, 6, "peer must be a public key"};
        struct tl_writer writer;
        char out[256];

        tl_writer_init(&writer, out, sizeof(out));
        tl_control_begin(&writer);
        tl_control_add_text(&writer, "interface", "w\ng\x7f\xc3\x1b");
        tl_control_end_block(&writer);
        tl_control_add_number(&writer, TL_CONTROL_NUMBER_LOST, UINT64_MAX);
        tl_control_end_reply(&writer, 0);
        assert_false(writer.is_cut);
        assert_string_equal(out, "control=1\ninterface=w?g???\n\n"
                                 "lost=18446744073709551615\nerrno=0\n\n");
        tl_writer_init(&writer, out, sizeof(out));
        tl_control_refuse(&writer, &mistake);
        assert_string_equal(out,
                            "control=1\nerror=peer must be a public key\nline=3\nerrno=22\n\n");
}

static const struct {
        int number;
        const char *text;
        uint32_t line, column; /* of the mistake; 0: none */
        size_t count;
        bool is_last;
        int errnum;
        const char *json;
} blocks[] = {
        {1, "control=1\n\n", 0, 0, 1, false, 0, "{\"control\": 1}\n"},
        {2, "errno=0\n\n", 0, 0, 0, true, 0, "{}\n"},
        {3, "idle=true\nb=\"x\\y\nlost=007\nerrno=22\n\n", 0, 0, 3, true, 22,
         "{\"idle\": true, \"b\": \"\\\"x\\\\y\", \"lost\": \"007\"}\n"},
        {4, FORTY "=1\n\n", 0, 0, 1, false, 0, "{\"" FORTY "\": \"1\"}\n"},
        {5, "interface=1\ntext=true\ntime_us=7\nidle=1\n\n", 0, 0, 4, false, 0,
         "{\"interface\": \"1\", \"text\": \"true\", \"time_us\": 7, \"idle\": \"1\"}\n"},
        {10, "", 0, 1, 0, false, 0, NULL},
        {11, "\n\n", 1, 1, 0, false, 0, NULL},
        {12, "a=1\n", 0, 1, 0, false, 0, NULL},
        {13, "a=1\n\nb=1\n\n", 0, 1, 0, false, 0, NULL},
        {14, "a=1\na=2\n\n", 2, 1, 0, false, 0, NULL},
        {15, "a=1\nb\n\n", 2, 1, 0, false, 0, NULL},
        {16, "a=1\nb=\n\n", 2, 3, 0, false, 0, NULL},
        {17, "a=\x1b[2J\n\n", 1, 3, 0, false, 0, NULL},
        {18, "errno=0\na=1\n\n", 2, 1, 0, false, 0, NULL},
        {19, "errno=x\n\n", 1, 7, 0, false, 0, NULL},
        {20, "errno=2147483648\n\n", 1, 7, 0, false, 0, NULL},
        {21, "B=1\n\n", 1, 1, 0, false, 0, NULL},
        {22, "a=1\npayload_bytes=9\n\n", 2, 1, 0, false, 0, NULL},
        {23, "descriptors=1\n\n", 1, 1, 0, false, 0, NULL},
};

static void test_reads_blocks(void **state WG_UNUSED)
{
        for (size_t i = 0; i < WG_ARRAY_SIZE(blocks); i++) {
                struct tl_conf_error error = {0};
                struct tl_control_block block;
                char json[TL_CONTROL_JSON_MAX];
                bool is_good = tl_control_read_block(&block, text_of(blocks[i].text), &error);

                if (is_good != (blocks[i].json != NULL) || error.line != blocks[i].line ||
                    error.column != blocks[i].column)
                        fail_msg("case %d: %u:%u: %s", blocks[i].number, error.line, error.column,
                                 error.message);
                if (!is_good)
                        continue;
                assert_int_equal(block.count, blocks[i].count);
                assert_int_equal(block.is_last, blocks[i].is_last);
                assert_int_equal(block.errnum, blocks[i].errnum);
                assert_int_equal(tl_control_as_json(&block, json), strlen(blocks[i].json));
                assert_string_equal(json, blocks[i].json);
        }
}

static void test_too_many_keys(void **state WG_UNUSED)
{
        char text[TL_CONTROL_BLOCK_MAX], json[TL_CONTROL_JSON_MAX];
        struct tl_control_block block;
        struct tl_conf_error error;
        size_t len = 0;

        for (unsigned int i = 0; i < TL_CONTROL_PAIRS_MAX; i++)
                len += (size_t)snprintf(text + len, sizeof(text) - len, "k%u=\"\\\"\n", i);
        strcpy(text + len, "\n");
        assert_true(tl_control_read_block(&block, text_of(text), &error));
        assert_int_equal(block.count, TL_CONTROL_PAIRS_MAX);
        assert_true(tl_control_as_json(&block, json) > len);
        strcpy(text + len, "one=1\n\n");
        assert_false(tl_control_read_block(&block, text_of(text), &error));
        assert_int_equal(error.line, TL_CONTROL_PAIRS_MAX + 1);
}

static void test_finds_blocks(void **state WG_UNUSED)
{
        assert_int_equal(tl_control_block_len(text_of("")), 0);
        assert_int_equal(tl_control_block_len(text_of("\n")), 0);
        assert_int_equal(tl_control_block_len(text_of("a=1\n")), 0);
        assert_int_equal(tl_control_block_len(text_of("a=1\n\nb=2\n\n")), 5);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_requests),
                cmocka_unit_test(test_two_requests_at_once),
                cmocka_unit_test(test_long_lines),
                cmocka_unit_test(test_formats_requests),
                cmocka_unit_test(test_an_old_daemon_refuses),
                cmocka_unit_test(test_writes_blocks),
                cmocka_unit_test(test_reads_blocks),
                cmocka_unit_test(test_too_many_keys),
                cmocka_unit_test(test_finds_blocks),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
