/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#define _GNU_SOURCE /* memmem */

#include "conf/uapi.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test/lib/change_dump.h"
#include "test/lib/cmocka.h"
#include "test/lib/heap.h"

/* Two public keys and two secrets; a secret must not appear in a message, nor remain in memory. */
#define A "b85996fecc9c7f1fc6d2572a76eda11d59bcd20be8e543b15ce4bd85a8e75a33"
#define B "58402e695ba1772b1cc9309755f043251ea77fdcf10fbe63989ceb7e19321376"
#define SECRET_START "e84b5a6d2717c1003a13b431"
#define SECRET SECRET_START "570353dbaca9146cf150c5f8575680feba52027a"
#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"

#define SET(lines) "set=1\n" lines "\n"
#define PEER(lines) SET("public_key=" A "\n" lines)

/* The changes that requests make: the request itself if `dump` is NULL. */
static const struct {
        int number;
        const char *text, *dump;
} requests[] = {
        {1, SET(""), NULL},
        {2, SET("private_key=" SECRET "\n"), NULL},
        {3, SET("private_key=" ZEROS "\n"), NULL},
        {4, SET("listen_port=0\n"), NULL},
        {5, SET("listen_port=65535\n"), NULL},
        {6, SET("listen_port=00051820\n"), SET("listen_port=51820\n")},
        {7, SET("fwmark=0\n"), NULL},
        {8, SET("fwmark=4294967295\n"), NULL},
        {9, SET("fwmark=0xCa6c\n"), SET("fwmark=51820\n")},
        {10, SET("replace_peers=true\n"), NULL},
        {11, SET("fwmark=3\nreplace_peers=true\nlisten_port=2\nprivate_key=" SECRET "\n"),
         SET("private_key=" SECRET "\nlisten_port=2\nfwmark=3\nreplace_peers=true\n")},
        {12, PEER(""), NULL},
        {13, SET("public_key=B85996FECC9C7F1FC6D2572A76EDA11D59BCD20BE8E543B15CE4BD85A8E75A33\n"),
         PEER("")},
        {14, PEER("remove=true\n"), NULL},
        {15, PEER("update_only=true\n"), NULL},
        {16, PEER("preshared_key=" SECRET "\n"), NULL},
        {17, PEER("preshared_key=" ZEROS "\n"), NULL},
        {18, PEER("protocol_version=1\n"), PEER("")},
        {19, PEER("persistent_keepalive_interval=0\n"), NULL},
        {20, PEER("persistent_keepalive_interval=65535\n"), NULL},
        {21, PEER("endpoint=192.0.2.1:1\n"), NULL},
        {22, PEER("endpoint=192.0.2.1:65535\n"), NULL},
        {23, PEER("endpoint=[2001:db8::1]:51820\n"), NULL},
        {24, PEER("endpoint=[2001:DB8:0::0001]:51820\n"), PEER("endpoint=[2001:db8::1]:51820\n")},
        {25, PEER("endpoint=[::ffff:192.0.2.1]:51820\n"), PEER("endpoint=192.0.2.1:51820\n")},
        {26, PEER("endpoint=[fe80::1]:51820\n"), NULL},
        {27, PEER("endpoint=[fe80::1%7]:51820\n"), NULL},
        {28, PEER("endpoint=[fe80::1%abcdefghijklmno]:51820\n"), NULL},
        {29, PEER("replace_allowed_ips=true\n"), NULL},
        {30, PEER("replace_allowed_ips=true\nallowed_ip=10.0.0.0/8\nallowed_ip=::/0\n"), NULL},
        {31, PEER("allowed_ip=10.1.2.3/8\n"), PEER("allowed_ip=10.0.0.0/8\n")},
        {32, PEER("allowed_ip=-10.1.2.3/32\n"), NULL},
        {33, PEER("allowed_ip=0.0.0.0/0\nallowed_ip=0.0.0.0/0\n"), NULL},
        {34, PEER("allowed_ip=::ffff:192.0.2.1/128\n"), NULL},
        {35, PEER("allowed_ip=2001:db8:ffff::/33\n"), PEER("allowed_ip=2001:db8:8000::/33\n")},
        {36,
         PEER("allowed_ip=10.0.0.0/8\npublic_key=" B "\nallowed_ip=10.0.0.0/8\npublic_key=" A
              "\nremove=true\n"),
         NULL},
        {37,
         PEER("protocol_version=1\nendpoint=192.0.2.1:2\npublic_key=" B
              "\nendpoint=192.0.2.1:3\nprotocol_version=1\n"),
         PEER("endpoint=192.0.2.1:2\npublic_key=" B "\nendpoint=192.0.2.1:3\n")},
        {38, PEER("persistent_keepalive_interval=25\nupdate_only=true\nremove=true\n"),
         PEER("remove=true\nupdate_only=true\npersistent_keepalive_interval=25\n")},
        {39, PEER("endpoint=[2001:db8::1%1]:51820\n"), PEER("endpoint=[2001:db8::1]:51820\n")},
        {40, PEER("endpoint=[ff02::1%eth0]:51820\n"), PEER("endpoint=[ff02::1]:51820\n")},
};

#define LINE_31 "1234567890123456789012345678901"
#define LINE_255 \
        LINE_31 "=" LINE_31 "=" LINE_31 "=" LINE_31 "=" LINE_31 "=" LINE_31 "=" LINE_31 "=" LINE_31

/* Every mistake, with the position that is reported. */
static const struct {
        int number;
        const char *text;
        int errnum;
        uint32_t line, column;
} mistakes[] = {
        /* of the protocol */
        {1, "\n", EPROTO, 1, 1},
        {2, "foo\n\n", EPROTO, 1, 1},
        {3, "set=2\n\n", EPROTO, 1, 1},
        {4, "get=0\n\n", EPROTO, 1, 1},
        {5, "set=1 \n\n", EPROTO, 1, 1},
        {6, "set=1\r\n\r\n\n", EPROTO, 1, 1},
        {7, "private_key=" SECRET "\n\n", EPROTO, 1, 1},
        {8, SECRET "\n\n", EPROTO, 1, 1},
        {9, SET("foo\n"), EPROTO, 2, 1},
        {10, SET(SECRET "\n"), EPROTO, 2, 1},
        {11, SET("private_key " SECRET "\n"), EPROTO, 2, 1},
        {12, PEER(" \n"), EPROTO, 3, 1},
        {13, LINE_255 "\n\n", EPROTO, 1, 1},
        {14, SET(LINE_255 "\n"), EINVAL, 2, 1},
        {15, SET(LINE_255 "a\n"), EPROTO, 2, 256},
        {16, SET("private_key=" SECRET LINE_255 LINE_255 LINE_255 "\n"), EPROTO, 2, 256},
        /* of get=1 */
        {17, "get=1\nfoo=bar\n\n", EINVAL, 2, 1},
        {18, "get=1\nget=1\n\n", EINVAL, 2, 1},
        /* of keys */
        {19, SET("foo=1\n"), EINVAL, 2, 1},
        {20, SET("=1\n"), EINVAL, 2, 1},
        {21, SET("=\n"), EINVAL, 2, 1},
        {22, SET("Private_key=" SECRET "\n"), EINVAL, 2, 1},
        {23, SET(" private_key=" SECRET "\n"), EINVAL, 2, 1},
        {24, SET("private_ke=" SECRET "\n"), EINVAL, 2, 1},
        {25, SET("private_keys=" SECRET "\n"), EINVAL, 2, 1},
        {26, SET(SECRET "=private_key\n"), EINVAL, 2, 1},
        {27, SET("set=1\n"), EINVAL, 2, 1},
        {28, SET("rx_bytes=1\n"), EINVAL, 2, 1},
        {29, SET("errno=0\n"), EINVAL, 2, 1},
        {30, SET("listen_port=1\nlisten_port=1\n"), EINVAL, 3, 1},
        {31, SET("replace_peers=true\nfwmark=1\nreplace_peers=true\n"), EINVAL, 4, 1},
        {32, SET("private_key=" SECRET "\nprivate_key=" SECRET "\n"), EINVAL, 3, 1},
        {33, SET("remove=true\n"), EINVAL, 2, 1},
        {34, SET("update_only=true\n"), EINVAL, 2, 1},
        {35, SET("preshared_key=" SECRET "\n"), EINVAL, 2, 1},
        {36, SET("endpoint=192.0.2.1:1\n"), EINVAL, 2, 1},
        {37, SET("persistent_keepalive_interval=1\n"), EINVAL, 2, 1},
        {38, SET("replace_allowed_ips=true\n"), EINVAL, 2, 1},
        {39, SET("allowed_ip=::/0\n"), EINVAL, 2, 1},
        {40, SET("protocol_version=1\n"), EINVAL, 2, 1},
        {41, PEER("private_key=" SECRET "\n"), EINVAL, 3, 1},
        {42, PEER("listen_port=1\n"), EINVAL, 3, 1},
        {43, PEER("fwmark=1\n"), EINVAL, 3, 1},
        {44, PEER("replace_peers=true\n"), EINVAL, 3, 1},
        {45, PEER("remove=true\nremove=true\n"), EINVAL, 4, 1},
        {46, PEER("endpoint=192.0.2.1:1\nendpoint=192.0.2.1:1\n"), EINVAL, 4, 1},
        {47, PEER("protocol_version=1\nprotocol_version=1\n"), EINVAL, 4, 1},
        {48, PEER("replace_allowed_ips=true\nreplace_allowed_ips=true\n"), EINVAL, 4, 1},
        {49, PEER("allowed_ip=::/0\nreplace_allowed_ips=true\n"), EINVAL, 4, 21},
        {50, PEER("preshared_key=" SECRET "\npreshared_key=" SECRET "\n"), EINVAL, 4, 1},
        {51, PEER("update_only=true\nupdate_only=true\n"), EINVAL, 4, 1},
        {52, PEER("persistent_keepalive_interval=1\npersistent_keepalive_interval=1\n"), EINVAL, 4,
         1},
        /* of values */
        {53, SET("private_key=\n"), EINVAL, 2, 13},
        {54, SET("private_key=" SECRET "0\n"), EINVAL, 2, 13},
        {55, SET("private_key=" SECRET_START "\n"), EINVAL, 2, 13},
        {56, SET("private_key=" SECRET "\r\n"), EINVAL, 2, 13},
        {57, SET("private_key= " SECRET "\n"), EINVAL, 2, 13},
        {58, SET("private_key=" SECRET_START "570353dbaca9146cf150c5f8575680feba52027g\n"), EINVAL,
         2, 13},
        {59, SET("private_key=off\n"), EINVAL, 2, 13},
        {60, SET("listen_port=\n"), EINVAL, 2, 13},
        {61, SET("listen_port=65536\n"), EINVAL, 2, 13},
        {62, SET("listen_port=-1\n"), EINVAL, 2, 13},
        {63, SET("listen_port=0x10\n"), EINVAL, 2, 13},
        {64, SET("listen_port=1=2\n"), EINVAL, 2, 13},
        {65, SET("listen_port=" SECRET "\n"), EINVAL, 2, 13},
        {66, SET("fwmark=\n"), EINVAL, 2, 8},
        {67, SET("fwmark=off\n"), EINVAL, 2, 8},
        {68, SET("fwmark=4294967296\n"), EINVAL, 2, 8},
        {69, SET("fwmark=0x100000000\n"), EINVAL, 2, 8},
        {70, SET("replace_peers=false\n"), EINVAL, 2, 15},
        {71, SET("replace_peers=True\n"), EINVAL, 2, 15},
        {72, SET("replace_peers=1\n"), EINVAL, 2, 15},
        {73, SET("replace_peers=\n"), EINVAL, 2, 15},
        {74, SET("public_key=\n"), EINVAL, 2, 12},
        {75, SET("public_key=" A "0\n"), EINVAL, 2, 12},
        {76, PEER("public_key=uFmW/sycfx/G0lcqdu2hHVm80gvo5UOxXOS9hajnWjM=\n"), EINVAL, 3, 12},
        {77, PEER("remove=false\n"), EINVAL, 3, 8},
        {78, PEER("update_only=yes\n"), EINVAL, 3, 13},
        {79, PEER("preshared_key=" SECRET_START "\n"), EINVAL, 3, 15},
        {80, PEER("preshared_key=\n"), EINVAL, 3, 15},
        {81, PEER("endpoint=\n"), EINVAL, 3, 10},
        {82, PEER("endpoint=192.0.2.1\n"), EINVAL, 3, 10},
        {83, PEER("endpoint=192.0.2.1:\n"), EINVAL, 3, 10},
        {84, PEER("endpoint=192.0.2.1:0\n"), EINVAL, 3, 10},
        {85, PEER("endpoint=192.0.2.1:65536\n"), EINVAL, 3, 10},
        {86, PEER("endpoint=192.0.2.1:domain\n"), EINVAL, 3, 10},
        {87, PEER("endpoint=example.com:1\n"), EINVAL, 3, 10},
        {88, PEER("endpoint=[192.0.2.1]:1\n"), EINVAL, 3, 10},
        {89, PEER("endpoint=2001:db8::1:1\n"), EINVAL, 3, 10},
        {90, PEER("endpoint=[2001:db8::1]\n"), EINVAL, 3, 10},
        {91, PEER("endpoint=[2001:db8::1:1\n"), EINVAL, 3, 10},
        {92, PEER("endpoint=[2001:db8::1%eth0]:1\n"), EINVAL, 3, 10},
        {93, PEER("endpoint=[fe80::1%]:1\n"), EINVAL, 3, 10},
        {94, PEER("endpoint=[fe80::1%abcdefghijklmnop]:1\n"), EINVAL, 3, 10},
        {95, PEER("endpoint=192.0.2.1%eth0:1\n"), EINVAL, 3, 10},
        {96, PEER("persistent_keepalive_interval=65536\n"), EINVAL, 3, 31},
        {97, PEER("persistent_keepalive_interval=off\n"), EINVAL, 3, 31},
        {98, PEER("persistent_keepalive_interval=2.5\n"), EINVAL, 3, 31},
        {99, PEER("replace_allowed_ips=false\n"), EINVAL, 3, 21},
        {100, PEER("allowed_ip=\n"), EINVAL, 3, 12},
        {101, PEER("allowed_ip=-\n"), EINVAL, 3, 12},
        {102, PEER("allowed_ip=10.0.0.0\n"), EINVAL, 3, 12},
        {103, PEER("allowed_ip=10.0.0.0/\n"), EINVAL, 3, 12},
        {104, PEER("allowed_ip=10.0.0.0/33\n"), EINVAL, 3, 12},
        {105, PEER("allowed_ip=::/129\n"), EINVAL, 3, 12},
        {106, PEER("allowed_ip=+10.0.0.0/8\n"), EINVAL, 3, 12},
        {107, PEER("allowed_ip=--10.0.0.0/8\n"), EINVAL, 3, 12},
        {108, PEER("allowed_ip=10.0.0.0/8,::/0\n"), EINVAL, 3, 12},
        {109, PEER("allowed_ip=fe80::%1/64\n"), EINVAL, 3, 12},
        {110, PEER("allowed_ip=10.0.0/8\n"), EINVAL, 3, 12},
        {111, PEER("protocol_version=0\n"), EINVAL, 3, 18},
        {112, PEER("protocol_version=2\n"), EINVAL, 3, 18},
        {113, PEER("protocol_version=\n"), EINVAL, 3, 18},
        /* the first mistake counts, and the rest of the line is not examined */
        {114, SET("foo=1\nbar\n" LINE_255 LINE_255 "\n"), EINVAL, 2, 1},
        {115, SET("private_key=" SECRET "\npublic_key=" A "\npreshared_key=" SECRET "\nfoo\n"),
         EPROTO, 5, 1},
};

/* A device that no parser has changed. */
static void fill_with_pattern(struct tl_change *device)
{
        memset(device, 0xa5, sizeof(*device));
}

static void assert_untouched(const struct tl_change *device)
{
        struct tl_change pattern;

        fill_with_pattern(&pattern);
        assert_memory_equal(device, &pattern, sizeof(pattern));
}

/* No run of a secret's bytes may be found, either as text or as the key itself. */
static void assert_no_secret(const void *memory, size_t size)
{
        static const uint8_t key[] = {0xe8, 0x4b, 0x5a, 0x6d, 0x27, 0x17, 0xc1, 0x00};

        assert_null(memmem(memory, size, SECRET_START, 8));
        assert_null(memmem(memory, size, key, 4));
}

/* Feeds a text in pieces: up to `cut`, then `step` bytes at a time. Returns the result and the
 * number of bytes used. */
static enum tl_uapi_event feed(struct tl_uapi_parser *parser, const char *text, size_t len,
                               size_t cut, size_t step, size_t *used, struct tl_change *device)
{
        enum tl_uapi_event event = TL_UAPI_MORE;
        size_t piece = cut, piece_used;

        *used = 0;
        while (event == TL_UAPI_MORE && *used < len) {
                piece = WG_MIN(piece, len - *used);
                event = tl_uapi_parser_feed(parser, text + *used, piece, &piece_used, device);
                if (event == TL_UAPI_MORE)
                        assert_int_equal(piece_used, piece);
                assert_true(piece_used <= piece);
                *used += piece_used;
                piece = step;
        }
        return event;
}

static void check_request(int number, const char *text, const char *dump, size_t cut, size_t step)
{
        struct tl_uapi_parser parser;
        struct tl_change device;
        size_t used;
        char *dumped;

        tl_uapi_parser_init(&parser);
        tl_change_init(&device);
        if (feed(&parser, text, strlen(text), cut, step, &used, &device) != TL_UAPI_SET)
                fail_msg("request %d: %s", number, parser.error.message);
        assert_int_equal(used, strlen(text));
        assert_int_equal(parser.operation, TL_UAPI_OPERATION_SET);
        assert_no_secret(&parser, sizeof(parser));
        dumped = change_dump(&device);
        if (strcmp(dumped, dump))
                fail_msg("request %d, cut at %zu:\n%s", number, cut, dumped);
        free(dumped);
        tl_change_done(&device);
        assert_no_secret(&device, sizeof(device));
        tl_uapi_parser_done(&parser);
}

static void test_requests(void **state)
{
        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(requests); i++) {
                const char *text = requests[i].text;
                const char *dump = requests[i].dump ? requests[i].dump : text;

                check_request(requests[i].number, text, dump, 1, 1);
                for (size_t cut = 1; cut <= strlen(text); cut++)
                        check_request(requests[i].number, text, dump, cut, SIZE_MAX);
        }
}

static void check_mistake(size_t i, size_t cut, size_t step)
{
        struct tl_uapi_parser parser;
        struct tl_change device;
        size_t used, len = strlen(mistakes[i].text);

        tl_uapi_parser_init(&parser);
        fill_with_pattern(&device);
        if (feed(&parser, mistakes[i].text, len, cut, step, &used, &device) != TL_UAPI_ERROR)
                fail_msg("mistake %d is accepted", mistakes[i].number);
        if (parser.error.errnum != mistakes[i].errnum || parser.error.line != mistakes[i].line ||
            parser.error.column != mistakes[i].column)
                fail_msg("mistake %d: errno %d at %u:%u: %s", mistakes[i].number,
                         parser.error.errnum, parser.error.line, parser.error.column,
                         parser.error.message);
        assert_int_equal(used, len);
        assert_untouched(&device);
        assert_no_secret(parser.error.message, strlen(parser.error.message));
        assert_no_secret(&parser, sizeof(parser));
        assert_null(parser.change.peers.pieces[0]);
        tl_uapi_parser_done(&parser);
}

static void test_mistakes(void **state)
{
        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(mistakes); i++) {
                check_mistake(i, 1, 1);
                for (size_t cut = 1; cut <= strlen(mistakes[i].text); cut++)
                        check_mistake(i, cut, SIZE_MAX);
        }
}

/* Bytes that a C string cannot hold. */
static void test_nul_bytes(void **state)
{
        static const struct {
                int number;
                char text[32];
                size_t len;
                uint32_t line, column;
        } cases[] = {
                {1, "\0\n\n", 3, 1, 1},
                {2, "set=1\0\n\n", 8, 1, 6},
                {3, "set=1\nfwmark=1\0\n\n", 17, 2, 9},
                {4, "get=1\n\0\n\n", 9, 2, 1},
        };

        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(cases); i++) {
                struct tl_uapi_parser parser;
                struct tl_change device;
                size_t used;

                tl_uapi_parser_init(&parser);
                fill_with_pattern(&device);
                assert_int_equal(feed(&parser, cases[i].text, cases[i].len, 1, 1, &used, &device),
                                 TL_UAPI_ERROR);
                assert_int_equal(used, cases[i].len);
                assert_int_equal(parser.error.errnum, EPROTO);
                assert_int_equal(parser.error.line, cases[i].line);
                assert_int_equal(parser.error.column, cases[i].column);
                tl_uapi_parser_done(&parser);
        }
}

/* Several requests in one piece: each gets its own result, and an invalid one does not affect
 * others. */
static void test_many_requests(void **state)
{
        static const char text[] = "get=1\n\n" SET("fwmark=1\n")
                SET("fwmark=x\nfwmark=2\n") "\n" PEER("") "set=1\nfwm";
        static const struct {
                enum tl_uapi_event event;
                enum tl_uapi_operation operation;
                size_t end;
        } ends[] = {
                {TL_UAPI_GET, TL_UAPI_OPERATION_GET, 7},
                {TL_UAPI_SET, TL_UAPI_OPERATION_SET, 23},
                {TL_UAPI_ERROR, TL_UAPI_OPERATION_SET, 48},
                {TL_UAPI_ERROR, TL_UAPI_OPERATION_UNKNOWN, 49},
                {TL_UAPI_SET, TL_UAPI_OPERATION_SET, 132},
                {TL_UAPI_MORE, TL_UAPI_OPERATION_SET, 141},
        };

        (void)state;
        for (size_t cut = 1; cut < sizeof(text); cut++) {
                struct tl_uapi_parser parser;
                size_t at = 0, used;

                tl_uapi_parser_init(&parser);
                for (size_t i = 0; i < WG_ARRAY_SIZE(ends); i++) {
                        struct tl_change device;

                        tl_change_init(&device);
                        assert_int_equal(feed(&parser, text + at, sizeof(text) - 1 - at, cut, 1,
                                              &used, &device),
                                         ends[i].event);
                        at += used;
                        assert_int_equal(at, ends[i].end);
                        assert_int_equal(parser.operation, ends[i].operation);
                        assert_int_equal(tl_uapi_parser_is_inside(&parser),
                                         ends[i].event == TL_UAPI_MORE);
                        tl_change_done(&device);
                }
                tl_uapi_parser_done(&parser);
        }
}

static void test_is_inside(void **state)
{
        struct tl_uapi_parser parser;
        struct tl_change device;
        size_t used;

        (void)state;
        tl_uapi_parser_init(&parser);
        assert_false(tl_uapi_parser_is_inside(&parser));
        assert_int_equal(tl_uapi_parser_feed(&parser, NULL, 0, &used, &device), TL_UAPI_MORE);
        assert_false(tl_uapi_parser_is_inside(&parser));
        assert_int_equal(tl_uapi_parser_feed(&parser, "g", 1, &used, &device), TL_UAPI_MORE);
        assert_true(tl_uapi_parser_is_inside(&parser));
        assert_int_equal(tl_uapi_parser_feed(&parser, "et=1\n\n", 6, &used, &device), TL_UAPI_GET);
        assert_false(tl_uapi_parser_is_inside(&parser));
        tl_uapi_parser_done(&parser);
}

/* Whichever allocation fails: ENOMEM, nothing else changed, and the next request is understood. */
static void test_memory_runs_out(void **state)
{
        static const char text[] = PEER("preshared_key=" SECRET "\n"
                                        "allowed_ip=::/1\nallowed_ip=::/2\nallowed_ip=::/3\n"
                                        "allowed_ip=::/4\nallowed_ip=::/5\n"
                                        "public_key=" B "\npublic_key=" A "\npublic_key=" B "\n"
                                        "public_key=" A "\nallowed_ip=::/6\n");
        enum tl_uapi_event event = TL_UAPI_ERROR;
        long allocations;

        (void)state;
        for (allocations = 0; event == TL_UAPI_ERROR; allocations++) {
                struct tl_uapi_parser parser;
                struct tl_change device;
                size_t used;

                tl_uapi_parser_init(&parser);
                fill_with_pattern(&device);
                heap_fail_after(allocations);
                event = tl_uapi_parser_feed(&parser, text, sizeof(text) - 1, &used, &device);
                heap_fail_after(-1);
                assert_int_equal(used, sizeof(text) - 1);
                if (event == TL_UAPI_ERROR) {
                        assert_int_equal(parser.error.errnum, ENOMEM);
                        assert_untouched(&device);
                        assert_int_equal(tl_uapi_parser_feed(&parser, text, sizeof(text) - 1, &used,
                                                             &device),
                                         TL_UAPI_SET);
                }
                assert_int_equal(device.allowed_ip_count, 6);
                tl_change_done(&device);
                tl_uapi_parser_done(&parser);
        }
        assert_int_equal(event, TL_UAPI_SET);
        assert_int_equal(allocations, 5);
}

/* A request that is truncated and abandoned leaks nothing (the sanitizer watches) and is wiped. */
static void test_done_in_the_middle(void **state)
{
        static const char text[] = PEER("preshared_key=" SECRET
                                        "\nallowed_ip=::/0\n") "set=1\n"
                                                               "private_key=" SECRET
                                                               "\npublic_key=" A
                                                               "\nallowed_ip=::/0\n"
                                                               "preshared_key=" SECRET;

        (void)state;
        for (size_t len = 0; len < sizeof(text); len++) {
                struct tl_uapi_parser parser;
                struct tl_change device;
                size_t used;

                tl_uapi_parser_init(&parser);
                tl_change_init(&device);
                (void)feed(&parser, text, len, len, 1, &used, &device);
                tl_uapi_parser_done(&parser);
                assert_no_secret(&parser, sizeof(parser));
                tl_change_done(&device);
        }
}

static void test_large_request(void **state)
{
        enum { PEERS = 100000, ALLOWED_IPS = 130560 };
        struct tl_uapi_parser parser;
        struct tl_change device;
        enum tl_uapi_event event = TL_UAPI_MORE;
        char line[128];
        size_t used;
        int len;

        (void)state;
        tl_uapi_parser_init(&parser);
        tl_change_init(&device);
        event = tl_uapi_parser_feed(&parser, "set=1\n", 6, &used, &device);
        for (unsigned int i = 0; event == TL_UAPI_MORE && i < PEERS; i++) {
                len = snprintf(line, sizeof(line), "public_key=%064x\n", i);
                event = tl_uapi_parser_feed(&parser, line, (size_t)len, &used, &device);
        }
        for (unsigned int i = 0; event == TL_UAPI_MORE && i < ALLOWED_IPS; i++) {
                len = snprintf(line, sizeof(line), "allowed_ip=10.%u.%u.%u/32\n", i >> 16,
                               i >> 8 & 255, i & 255);
                event = tl_uapi_parser_feed(&parser, line, (size_t)len, &used, &device);
        }
        assert_int_equal(event, TL_UAPI_MORE);
        assert_int_equal(tl_uapi_parser_feed(&parser, "\n", 1, &used, &device), TL_UAPI_SET);
        assert_int_equal(device.peer_count, PEERS);
        assert_int_equal(tl_change_last_peer(&device)->allowed_ip_count, ALLOWED_IPS);
        assert_int_equal(tl_change_last_peer(&device)->public_key[31], (PEERS - 1) & 255);
        assert_int_equal(
                tl_change_peer_allowed_ip(&device, tl_change_last_peer(&device), ALLOWED_IPS - 1)
                        ->prefix.ip.bytes[3],
                (ALLOWED_IPS - 1) & 255);
        tl_change_done(&device);
        tl_uapi_parser_done(&parser);
}

static void test_format_errno(void **state)
{
        char out[TL_UAPI_ERRNO_SIZE];
        size_t len;

        (void)state;
        len = tl_uapi_format_errno(out, TL_UAPI_OPERATION_SET, 0);
        assert_string_equal(out, "errno=0\n\n");
        assert_int_equal(len, strlen(out));
        tl_uapi_format_errno(out, TL_UAPI_OPERATION_SET, EINVAL);
        assert_string_equal(out, "errno=-22\n\n");
        tl_uapi_format_errno(out, TL_UAPI_OPERATION_UNKNOWN, EPROTO);
        assert_string_equal(out, "errno=-71\n\n");
        tl_uapi_format_errno(out, TL_UAPI_OPERATION_GET, EINVAL);
        assert_string_equal(out, "errno=22\n\n");
        len = tl_uapi_format_errno(out, TL_UAPI_OPERATION_SET, INT32_MAX);
        assert_string_equal(out, "errno=-2147483647\n\n");
        assert_int_equal(len, strlen(out));
}

/* A device with peers 0, 1, ..., each with a number of allowed IPs, from which a writer reads. */
struct model {
        struct tl_uapi_device_status device;
        const struct tl_uapi_peer_status *peers;
        const uint32_t *allowed_ip_counts;
        uint32_t peer_count, next_peer, next_allowed_ip;
};

static void tell_device(void *ctx, struct tl_uapi_device_status *status)
{
        *status = ((struct model *)ctx)->device;
}

static bool tell_next_peer(void *ctx, struct tl_uapi_peer_status *status)
{
        struct model *m = ctx;

        if (m->next_peer == m->peer_count)
                return false;
        *status = m->peers[m->next_peer++];
        m->next_allowed_ip = 0;
        return true;
}

static bool tell_next_allowed_ip(void *ctx, struct wg_prefix *prefix)
{
        struct model *m = ctx;

        if (m->next_allowed_ip == m->allowed_ip_counts[m->next_peer - 1])
                return false;
        *prefix = (struct wg_prefix){.ip.family = WG_FAMILY_IPV6, .cidr = 128};
        prefix->ip.bytes[0] = 0x20;
        prefix->ip.bytes[15] = (uint8_t)m->next_allowed_ip++;
        return true;
}

/* The whole reply, written in chunks of that size, with a terminator. The caller frees it. */
static char *write_reply(struct model *model, size_t chunk_size)
{
        const struct tl_uapi_source source = {
                .ctx = model,
                .device = tell_device,
                .next_peer = tell_next_peer,
                .next_allowed_ip = tell_next_allowed_ip,
        };
        struct tl_uapi_writer writer;
        char *chunk = malloc(chunk_size), *reply;
        size_t len, put;
        FILE *out = open_memstream(&reply, &len);

        assert_true(chunk && out);
        model->next_peer = model->next_allowed_ip = 0;
        tl_uapi_writer_init(&writer, &source);
        while ((put = tl_uapi_writer_fill(&writer, chunk, chunk_size)) > 0) {
                assert_true(put <= chunk_size);
                assert_int_equal(chunk[put - 1], '\n');
                assert_int_equal(fwrite(chunk, 1, put, out), put);
        }
        fclose(out);
        free(chunk);
        return reply;
}

static void check_reply(struct model *model, const char *expected)
{
        for (size_t size = TL_UAPI_CHUNK_MIN; size < 4 * TL_UAPI_CHUNK_MIN; size += 7) {
                char *reply = write_reply(model, size);

                assert_string_equal(reply, expected);
                free(reply);
        }
}

static void test_reply_of_an_empty_device(void **state)
{
        struct model model = {0};

        (void)state;
        check_reply(&model, "errno=0\n\n");
}

/* The keys and their order are those that wireguard-go 0.0.20220316 printed for such a device. */
static void test_reply(void **state)
{
        static const uint32_t counts[] = {2, 0, 3};
        struct tl_uapi_peer_status peers[3];
        struct model model = {
                .device = {.has_private_key = true, .listen_port = 12912, .fwmark = 77},
                .peers = peers,
                .allowed_ip_counts = counts,
                .peer_count = 3,
        };

        (void)state;
        memset(peers, 0, sizeof(peers));
        memset(model.device.private_key, 0xe8, TL_CONF_KEY_LEN);
        memset(peers[0].public_key, 0xb8, TL_CONF_KEY_LEN);
        memset(peers[0].preshared_key, 0x18, TL_CONF_KEY_LEN);
        peers[0].endpoint.ip = (struct wg_ip){WG_FAMILY_IPV6, {0xfe, 0x80, [15] = 1}};
        peers[0].endpoint.port = 51820;
        peers[0].endpoint.scope = 7;
        peers[0].last_handshake_s = 1700000000;
        peers[0].last_handshake_ns = 999999999;
        peers[0].tx_bytes = UINT64_MAX;
        peers[0].rx_bytes = 1;
        peers[0].persistent_keepalive_s = 65535;
        peers[2].endpoint.ip = (struct wg_ip){WG_FAMILY_IPV4, {192, 0, 2, 1}};
        peers[2].endpoint.port = 1;
        check_reply(&model, "private_key="
                            "e8e8e8e8e8e8e8e8e8e8e8e8e8e8e8e8e8e8e8e8e8e8e8e8e8e8e8e8e8e8e8e8\n"
                            "listen_port=12912\n"
                            "fwmark=77\n"
                            "public_key="
                            "b8b8b8b8b8b8b8b8b8b8b8b8b8b8b8b8b8b8b8b8b8b8b8b8b8b8b8b8b8b8b8b8\n"
                            "preshared_key="
                            "1818181818181818181818181818181818181818181818181818181818181818\n"
                            "protocol_version=1\n"
                            "endpoint=[fe80::1%7]:51820\n"
                            "last_handshake_time_sec=1700000000\n"
                            "last_handshake_time_nsec=999999999\n"
                            "tx_bytes=18446744073709551615\n"
                            "rx_bytes=1\n"
                            "persistent_keepalive_interval=65535\n"
                            "allowed_ip=2000::/128\n"
                            "allowed_ip=2000::1/128\n"
                            "public_key=" ZEROS "\n"
                            "preshared_key=" ZEROS "\n"
                            "protocol_version=1\n"
                            "last_handshake_time_sec=0\n"
                            "last_handshake_time_nsec=0\n"
                            "tx_bytes=0\n"
                            "rx_bytes=0\n"
                            "persistent_keepalive_interval=0\n"
                            "public_key=" ZEROS "\n"
                            "preshared_key=" ZEROS "\n"
                            "protocol_version=1\n"
                            "endpoint=192.0.2.1:1\n"
                            "last_handshake_time_sec=0\n"
                            "last_handshake_time_nsec=0\n"
                            "tx_bytes=0\n"
                            "rx_bytes=0\n"
                            "persistent_keepalive_interval=0\n"
                            "allowed_ip=2000::/128\n"
                            "allowed_ip=2000::1/128\n"
                            "allowed_ip=2000::2/128\n"
                            "errno=0\n\n");
}

/* The longest possible peer, in the smallest possible chunk. */
static void test_longest_reply(void **state)
{
        static const uint32_t counts[] = {0};
        struct tl_uapi_peer_status peer;
        struct model model = {
                .device = {.has_private_key = true, .listen_port = 65535, .fwmark = UINT32_MAX},
                .peers = &peer,
                .allowed_ip_counts = counts,
                .peer_count = 1,
        };
        char *reply;

        (void)state;
        memset(&peer, 0xff, sizeof(peer));
        peer.endpoint.ip.family = WG_FAMILY_IPV6;
        reply = write_reply(&model, TL_UAPI_CHUNK_MIN);
        assert_non_null(strstr(reply, "\nendpoint=[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"
                                      "%4294967295]:65535\n"));
        free(reply);
}

/* The reply to get=1, without the keys that set=1 does not know, sets the same configuration. */
static void test_reply_read_back(void **state)
{
        static const uint32_t counts[] = {3, 200};
        struct tl_uapi_peer_status peers[2] = {{.public_key = {1}}, {.public_key = {2}}};
        struct model model = {
                .device = {.has_private_key = true, .listen_port = 1, .fwmark = 2},
                .peers = peers,
                .allowed_ip_counts = counts,
                .peer_count = 2,
        };
        struct tl_uapi_parser parser;
        struct tl_change device;
        char *reply, *line, *rest;
        size_t used;

        (void)state;
        tl_uapi_parser_init(&parser);
        tl_change_init(&device);
        assert_int_equal(tl_uapi_parser_feed(&parser, "set=1\n", 6, &used, &device), TL_UAPI_MORE);
        rest = reply = write_reply(&model, 600);
        while ((line = strsep(&rest, "\n"))) {
                if (strstr(line, "_bytes=") || strstr(line, "last_handshake") ||
                    strstr(line, "errno=") || !*line)
                        continue;
                line[strlen(line)] = '\n';
                assert_int_equal(
                        tl_uapi_parser_feed(&parser, line, (size_t)(rest - line), &used, &device),
                        TL_UAPI_MORE);
        }
        assert_int_equal(tl_uapi_parser_feed(&parser, "\n", 1, &used, &device), TL_UAPI_SET);
        assert_int_equal(device.listen_port, 1);
        assert_int_equal(device.fwmark, 2);
        assert_int_equal(device.peer_count, 2);
        assert_int_equal(device.allowed_ip_count, 203);
        assert_int_equal(tl_change_peer_at(&device, 1)->public_key[0], 2);
        assert_int_equal(tl_change_peer_at(&device, 1)->allowed_ip_count, 200);
        free(reply);
        tl_change_done(&device);
        tl_uapi_parser_done(&parser);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_requests),
                cmocka_unit_test(test_mistakes),
                cmocka_unit_test(test_nul_bytes),
                cmocka_unit_test(test_many_requests),
                cmocka_unit_test(test_is_inside),
                cmocka_unit_test(test_memory_runs_out),
                cmocka_unit_test(test_done_in_the_middle),
                cmocka_unit_test(test_large_request),
                cmocka_unit_test(test_format_errno),
                cmocka_unit_test(test_reply_of_an_empty_device),
                cmocka_unit_test(test_reply),
                cmocka_unit_test(test_longest_reply),
                cmocka_unit_test(test_reply_read_back),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
