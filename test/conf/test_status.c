/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * test_status.c - conf/status.h: requests, and replies as written and as read. */
#include "conf/status.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test/lib/cmocka.h"

static struct tl_text text_of(const char *text)
{
        return (struct tl_text){text, strlen(text)};
}

/* ---- requests ---- */

static const struct {
        int number;
        const char *bytes;
        enum tl_status_event event;
        int errnum;
} requests[] = {
        {1, "get=1\n\n", TL_STATUS_GET, 0},
        {2, "", TL_STATUS_MORE, 0},
        {3, "get=1\n", TL_STATUS_MORE, 0},
        {4, "get=1", TL_STATUS_MORE, 0},
        {5, "\n", TL_STATUS_MISTAKE, EPROTO},
        {6, "get=2\n\n", TL_STATUS_MISTAKE, EPROTO},
        {7, "get=11\n\n", TL_STATUS_MISTAKE, EPROTO},
        {8, "get=\n\n", TL_STATUS_MISTAKE, EPROTO},
        {9, "xget=1\n\n", TL_STATUS_MISTAKE, EPROTO},
        {10, "set=1\n\n", TL_STATUS_MISTAKE, EPROTO},
        {11, "get=1\r\n\r\n\n", TL_STATUS_MISTAKE, EPROTO},
        {12, "get=1\nlisten_port=1\n\n", TL_STATUS_MISTAKE, EINVAL},
        {13, "get=1\nget=1\n\n", TL_STATUS_MISTAKE, EINVAL},
        {14, "put=1\nget=1\n\n", TL_STATUS_MISTAKE, EPROTO},
        {15, "g\n\n", TL_STATUS_MISTAKE, EPROTO},
        {16, "get=1get=1get=1get=1\n\n", TL_STATUS_MISTAKE, EPROTO},
};

/* Each in one piece and byte by byte, followed by a valid one on the same connection. */
static void test_requests(void **state)
{
        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(requests); i++) {
                size_t len = strlen(requests[i].bytes), used = 99;
                struct tl_status_parser whole = {0}, pieces = {0};
                enum tl_status_event event = TL_STATUS_MORE;

                if (tl_status_parser_feed(&whole, requests[i].bytes, len, &used) !=
                            requests[i].event ||
                    used != len || whole.errnum != requests[i].errnum)
                        fail_msg("case %d: errno %d", requests[i].number, whole.errnum);
                for (size_t at = 0; at < len; at++) {
                        assert_int_equal(event, TL_STATUS_MORE);
                        event = tl_status_parser_feed(&pieces, requests[i].bytes + at, 1, &used);
                        assert_int_equal(used, 1);
                }
                assert_int_equal(event, requests[i].event);
                assert_int_equal(pieces.errnum, requests[i].errnum);
                if (requests[i].event == TL_STATUS_MORE)
                        continue;
                assert_int_equal(tl_status_parser_feed(&whole, TL_STATUS_REQUEST,
                                                       strlen(TL_STATUS_REQUEST), &used),
                                 TL_STATUS_GET);
                assert_int_equal(whole.errnum, 0);
        }
}

static void test_requests_follow_each_other(void **state)
{
        static const char bytes[] = "get=1\n\nnonsense\n\nget=1\n\nget";
        struct tl_status_parser parser = {0};
        size_t at = 0, used;

        (void)state;
        assert_int_equal(tl_status_parser_feed(&parser, bytes, strlen(bytes), &used),
                         TL_STATUS_GET);
        at += used;
        assert_int_equal(tl_status_parser_feed(&parser, bytes + at, strlen(bytes) - at, &used),
                         TL_STATUS_MISTAKE);
        at += used;
        assert_int_equal(tl_status_parser_feed(&parser, bytes + at, strlen(bytes) - at, &used),
                         TL_STATUS_GET);
        at += used;
        assert_int_equal(tl_status_parser_feed(&parser, bytes + at, strlen(bytes) - at, &used),
                         TL_STATUS_MORE);
        assert_int_equal(at + used, strlen(bytes));
}

/* A line of any length is one mistake, and cannot wrap a counter around to a valid length. */
static void test_long_request(void **state)
{
        static const size_t lengths[] = {255, 256, 260, 261, 262, 512, 65536 + 5, 1 << 20};

        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(lengths); i++) {
                char *bytes = malloc(lengths[i] + 3);
                struct tl_status_parser parser = {0};
                size_t used;

                assert_non_null(bytes);
                for (size_t at = 0; at < lengths[i]; at++)
                        bytes[at] = "get=1"[at % 5];
                memcpy(bytes + lengths[i], "\n\n", 3);
                assert_int_equal(tl_status_parser_feed(&parser, bytes, lengths[i] + 2, &used),
                                 TL_STATUS_MISTAKE);
                assert_int_equal(parser.errnum, EPROTO);
                free(bytes);
        }
}

/* ---- writing ---- */

static void test_written(void **state)
{
        static const char wanted[] = "version=1\n"
                                     "interface=wg0\n"
                                     "link_up=true\n"
                                     "bound_ipv6=false\n"
                                     "mtu=1420\n"
                                     "tx_bytes=18446744073709551615\n"
                                     "drop_replayed=3\n"
                                     "errno=0\n"
                                     "\n";
        struct tl_writer writer;
        char out[512];

        (void)state;
        for (size_t size = 1; size <= sizeof(out); size++) {
                size_t len;

                memset(out, 0x55, sizeof(out));
                tl_status_writer_init(&writer, out, size);
                tl_status_text(&writer, TL_STATUS_INTERFACE, "wg0");
                tl_status_flag(&writer, TL_STATUS_LINK_UP, true);
                tl_status_flag(&writer, TL_STATUS_BOUND_IPV6, false);
                tl_status_number(&writer, TL_STATUS_MTU, 1420);
                tl_status_number(&writer, TL_STATUS_TX_BYTES, UINT64_MAX);
                tl_status_drops(&writer, "replayed", 3);
                len = tl_status_writer_done(&writer, 0);
                /* One byte larger than the buffer, since vsnprintf() terminates. */
                assert_int_equal(len, size > strlen(wanted) ? strlen(wanted) : 0);
                if (len)
                        assert_memory_equal(out, wanted, len);
                for (size_t i = size; i < sizeof(out); i++)
                        assert_int_equal(out[i], 0x55);
        }
        tl_status_writer_init(&writer, out, sizeof(out));
        assert_int_equal(tl_status_writer_done(&writer, 71), 20);
        assert_memory_equal(out, "version=1\nerrno=71\n\n", 20);
}

/* Names end with their unit, are valid for a reader, and occur once. */
static void test_keys(void **state)
{
        (void)state;
        for (unsigned int i = 0; i < TL_STATUS_KEY_COUNT; i++) {
                char reply[256];
                struct tl_conf_error error;
                struct tl_status *status = calloc(1, sizeof(*status));

                assert_non_null(status);
                snprintf(reply, sizeof(reply), "version=1\n%s=%s\nerrno=0\n\n",
                         tl_status_keys[i].name,
                         tl_status_keys[i].kind == TL_STATUS_FLAG ? "true" : "1");
                if (!tl_status_read(status, text_of(reply), &error))
                        fail_msg("%s: %s", tl_status_keys[i].name, error.message);
                assert_ptr_equal(tl_status_find(status, i), &status->facts[0]);
                assert_int_equal(status->facts[0].is_number,
                                 tl_status_keys[i].kind >= TL_STATUS_COUNT);
                for (unsigned int k = 0; k < i; k++)
                        assert_string_not_equal(tl_status_keys[i].name, tl_status_keys[k].name);
                free(status);
        }
}

/* ---- reading ---- */

#define REPLY(lines) "version=1\n" lines "errno=0\n\n"
#define FORTY "a234567890123456789012345678901234567890"

static const struct {
        int number;
        const char *reply;
        uint32_t line, column; /* of the mistake; 0: none */
        size_t count;
        int errnum;
} replies[] = {
        {1, REPLY(""), 0, 0, 0, 0},
        {2, REPLY("interface=wg0\nmtu=1420\nlink_up=true\ndrop_x=0\n"), 0, 0, 4, 0},
        {3, "version=1\nerrno=71\n\n", 0, 0, 0, 71},
        {4, REPLY("interface=1\n"), 0, 0, 1, 0},
        {5, REPLY("news=words = and !\nnews2=12\n"), 0, 0, 2, 0},
        {6, REPLY(FORTY "=1\n"), 0, 0, 1, 0},
        {7, "", 1, 1, 0, 0},
        {8, "version=1", 1, 10, 0, 0},
        {9, "version=1\n", 2, 1, 0, 0},
        {10, "version=1\nmtu=1\n", 3, 1, 0, 0},
        {11, "version=1\nmtu=1\nerrno=0\n", 4, 1, 0, 0},
        {12, "version=2\nerrno=0\n\n", 1, 1, 0, 0},
        {13, "version=10\nerrno=0\n\n", 1, 1, 0, 0},
        {14, "\nversion=1\nerrno=0\n\n", 1, 1, 0, 0},
        {15, "errno=0\n\n", 1, 1, 0, 0},
        {16, REPLY("") "x", 3, 1, 0, 0},
        {17, REPLY("") "\n", 3, 1, 0, 0},
        {18, "version=1\nerrno=0\nmtu=1\n\n", 3, 1, 0, 0},
        {19, "version=1\nerrno=\n\n", 2, 7, 0, 0},
        {20, "version=1\nerrno=-1\n\n", 2, 7, 0, 0},
        {21, "version=1\nerrno=2147483648\n\n", 2, 7, 0, 0},
        {46, "version=1\nerrno=00\n\n", 2, 7, 0, 0},
        {22, REPLY("\n"), 2, 1, 0, 0},
        {23, REPLY("mtu\n"), 2, 1, 0, 0},
        {24, REPLY("mtu=\n"), 2, 5, 0, 0},
        {25, REPLY("mtu=x\n"), 2, 5, 0, 0},
        {26, REPLY("mtu=01\n"), 2, 5, 0, 0},
        {27, REPLY("mtu=18446744073709551616\n"), 2, 5, 0, 0},
        {28, REPLY("mtu=true\n"), 2, 5, 0, 0},
        {29, REPLY("link_up=1\n"), 2, 9, 0, 0},
        {30, REPLY("link_up=True\n"), 2, 9, 0, 0},
        {31, REPLY("drop_x=many\n"), 2, 8, 0, 0},
        {32, REPLY("mtu=1\nmtu=1\n"), 3, 1, 0, 0},
        {33, REPLY("news=1\nnews=2\n"), 3, 1, 0, 0},
        {34, REPLY("=1\n"), 2, 1, 0, 0},
        {35, REPLY("Mtu=1\n"), 2, 1, 0, 0},
        {36, REPLY("1mtu=1\n"), 2, 1, 0, 0},
        {37, REPLY("m-tu=1\n"), 2, 1, 0, 0},
        {38, REPLY("mtu =1\n"), 2, 1, 0, 0},
        {39, REPLY(FORTY "1=1\n"), 2, 1, 0, 0},
        /* No control sequence for a terminal. */
        {40, REPLY("news=\033[2J\n"), 2, 6, 0, 0},
        {41, REPLY("news=a\tb\n"), 2, 6, 0, 0},
        {42, REPLY("news=a\r\n"), 2, 6, 0, 0},
        {43, REPLY("news=\303\244\n"), 2, 6, 0, 0},
        {44, REPLY("news=\177\n"), 2, 6, 0, 0},
        {45, REPLY("n\033ws=1\n"), 2, 1, 0, 0},
};

static void test_replies(void **state)
{
        struct tl_status *status = calloc(1, sizeof(*status));

        (void)state;
        assert_non_null(status);
        for (size_t i = 0; i < WG_ARRAY_SIZE(replies); i++) {
                struct tl_conf_error error = {0};
                bool is_good = tl_status_read(status, text_of(replies[i].reply), &error);

                if (is_good != (replies[i].line == 0) || error.line != replies[i].line ||
                    error.column != replies[i].column)
                        fail_msg("case %d: line %u column %u: %s", replies[i].number, error.line,
                                 error.column, error.message);
                if (!is_good) {
                        assert_int_equal(error.errnum, EPROTO);
                        continue;
                }
                assert_int_equal(status->count, replies[i].count);
                assert_int_equal(status->errnum, replies[i].errnum);
        }
        free(status);
}

static void test_whole(void **state)
{
        (void)state;
        assert_true(tl_status_is_whole(text_of(REPLY("mtu=1\n"))));
        assert_false(tl_status_is_whole(text_of("")));
        assert_false(tl_status_is_whole(text_of("\n")));
        assert_false(tl_status_is_whole(text_of("version=1\n")));
}

/* The maximum number of keys, and one more; a value of maximum length, and a longer one. */
static void test_bounds(void **state)
{
        struct tl_status *status = calloc(1, sizeof(*status));
        char *reply = malloc(TL_STATUS_REPLY_MAX);
        struct tl_conf_error error;

        (void)state;
        assert_non_null(status);
        assert_non_null(reply);
        for (int more = 0; more < 2; more++) {
                size_t len = (size_t)sprintf(reply, "version=1\n");

                for (int i = 0; i < TL_STATUS_FACTS_MAX + more; i++)
                        len += (size_t)sprintf(reply + len, "k%d=%d\n", i, i);
                sprintf(reply + len, "errno=0\n\n");
                assert_int_equal(tl_status_read(status, text_of(reply), &error), !more);
                sprintf(reply, "version=1\nnews=%0*d\nerrno=0\n\n", 200 + more, 1);
                assert_int_equal(tl_status_read(status, text_of(reply), &error), !more);
        }
        free(reply);
        free(status);
}

static void test_drops(void **state)
{
        struct tl_status *status = calloc(1, sizeof(*status));
        struct tl_conf_error error;
        struct tl_text verdict;

        (void)state;
        assert_non_null(status);
        assert_true(tl_status_read(
                status, text_of(REPLY("drop_no_peer=7\ndrop_=x\nmtu=1\ndropped=1\n")), &error));
        assert_true(tl_status_is_drop(&status->facts[0], &verdict));
        assert_true(tl_text_is(verdict, "no_peer"));
        assert_int_equal(status->facts[0].number, 7);
        for (unsigned int i = 1; i < 4; i++)
                assert_false(tl_status_is_drop(&status->facts[i], &verdict));
        assert_null(tl_status_find(status, TL_STATUS_PID));
        assert_ptr_equal(tl_status_find(status, TL_STATUS_MTU), &status->facts[2]);
        free(status);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_requests),
                cmocka_unit_test(test_requests_follow_each_other),
                cmocka_unit_test(test_long_request),
                cmocka_unit_test(test_written),
                cmocka_unit_test(test_keys),
                cmocka_unit_test(test_replies),
                cmocka_unit_test(test_whole),
                cmocka_unit_test(test_bounds),
                cmocka_unit_test(test_drops),
        };

        return cmocka_run_group_tests_name("status", tests, NULL, NULL);
}
