/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * secrets_conf.c - keys as text: poisoned digits in requests and files, valid and invalid; and
 * poisoned keys that are written. Which bytes of a text end lines or are white space is not secret,
 * nor whether a value is a key at all. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "conf/base64.h"
#include "conf/hex.h"
#include "conf/text.h"
#include "conf/uapi.h"
#include "conf/wgconf.h"
#include "test/lib/cmocka.h"
#include "test/timing/poison.h"

/* Together they contain all digits of both kinds, at both ends too. */
static const struct {
        int number;
        const char *hex, *base64;
} keys[] = {
        {1, "0000000000000000000000000000000000000000000000000000000000000000",
         "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="},
        {2, "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
         "//////////////////////////////////////////8="},
        {3, "00108310518720928b30d38f41149351559761969b71d79f8218a39259a7a29a",
         "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopo="},
        {4, "aabb2dbafc31cb3d35db7e39ebbf3dfbf001aabb2dbafc31cb3d35db7e39ebf7",
         "qrstuvwxyz0123456789+/ABqrstuvwxyz0123456/c="},
};

/* A text with secret digits in it. No string functions: they would look for its end among the
 * digits. */
static struct tl_text text_with(const char *before, const char *digits, const char *after)
{
        size_t len = strlen(before) + strlen(digits) + strlen(after);
        char *text = malloc(len + 1);

        assert_non_null(text);
        snprintf(text, len + 1, "%s%s%s", before, digits, after);
        poison(text + strlen(before), strlen(digits));
        return (struct tl_text){text, len};
}

static void free_text(struct tl_text text)
{
        free((char *)text.at);
}

static void assert_key(const uint8_t key[TL_CONF_KEY_LEN], const char *hex)
{
        char text[2 * TL_CONF_KEY_LEN];

        assert_true(is_poisoned(key, TL_CONF_KEY_LEN));
        tl_hex_encode(text, key, TL_CONF_KEY_LEN);
        assert_true(is_poisoned(text, sizeof(text)));
        wg_declassify(text, sizeof(text));
        assert_memory_equal(text, hex, sizeof(text));
}

static void test_digits(void **state)
{
        enum { BASE64_LEN = TL_BASE64_LEN(TL_CONF_KEY_LEN) };

        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(keys); i++) {
                struct tl_text hex = text_with("", keys[i].hex, "");
                struct tl_text base64 = text_with("", keys[i].base64, "");
                uint8_t key[TL_CONF_KEY_LEN];
                char text[BASE64_LEN];

                print_message("key %d\n", keys[i].number);
                assert_true(tl_hex_decode(key, sizeof(key), hex.at, hex.len));
                assert_key(key, keys[i].hex);
                assert_true(tl_base64_decode(key, sizeof(key), base64.at, base64.len));
                assert_key(key, keys[i].hex);
                tl_base64_encode(text, key, sizeof(key));
                assert_true(is_poisoned(text, BASE64_LEN - 1));
                wg_declassify(text, BASE64_LEN);
                assert_memory_equal(text, keys[i].base64, BASE64_LEN);
                free_text(hex);
                free_text(base64);
        }
}

/* The fact that a digit is wrong may be known, but not its position. */
static void test_wrong_digits(void **state)
{
        uint8_t key[TL_CONF_KEY_LEN];

        (void)state;
        for (size_t at = 0; at < strlen(keys[2].base64); at++) {
                char hex[2 * TL_CONF_KEY_LEN + 1], base64[TL_BASE64_LEN(TL_CONF_KEY_LEN) + 1];
                struct tl_text text;

                strcpy(hex, keys[2].hex);
                hex[at] = (char)('g' + at % 20);
                text = text_with("", hex, "");
                assert_false(tl_hex_decode(key, sizeof(key), text.at, text.len));
                free_text(text);
                strcpy(base64, keys[2].base64);
                base64[at] = '!';
                text = text_with("", base64, "");
                assert_false(tl_base64_decode(key, sizeof(key), text.at, text.len));
                free_text(text);
        }
}

/* ---- requests ---- */

#define HEX_PEER "public_key=58d8d56a4d4b3b5fb1f4b0e37bd1e4e3d3a4dbd5ad4a4a6f0a3f7d8cb3c1ac45\n"

/* Feeds a request in pieces of that length, and returns its result. */
static enum tl_uapi_event feed(struct tl_text text, size_t piece, struct tl_change *device)
{
        enum tl_uapi_event event = TL_UAPI_MORE;
        struct tl_uapi_parser parser;

        tl_uapi_parser_init(&parser);
        tl_change_init(device);
        for (size_t used; text.len && event == TL_UAPI_MORE; text = tl_text_tail(text, used))
                event = tl_uapi_parser_feed(&parser, text.at, WG_MIN(piece, text.len), &used,
                                            device);
        tl_uapi_parser_done(&parser);
        return event;
}

static void test_requests(void **state)
{
        static const size_t pieces[] = {1, 7, 20, 4096};
        struct tl_change device;

        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(keys); i++) {
                struct tl_text own = text_with("set=1\nprivate_key=", keys[i].hex,
                                               "\nlisten_port=1\n" HEX_PEER "\n");
                struct tl_text psk = text_with("set=1\n" HEX_PEER "preshared_key=", keys[i].hex,
                                               "\nallowed_ip=10.0.0.0/8\n\n");

                print_message("key %d\n", keys[i].number);
                assert_int_equal(feed(own, pieces[i], &device), TL_UAPI_SET);
                assert_key(device.private_key, keys[i].hex);
                tl_change_done(&device);
                assert_int_equal(feed(psk, pieces[i], &device), TL_UAPI_SET);
                assert_key(tl_change_peer_at(&device, 0)->preshared_key, keys[i].hex);
                tl_change_done(&device);
                free_text(own);
                free_text(psk);
        }
}

/* Enough peers to make their array move. */
static void test_many_peers(void **state)
{
        enum { PEERS = 40 };
        struct tl_uapi_parser parser;
        struct tl_change device;
        struct tl_text begin = text_with("set=1\n", "", "");
        struct tl_text peer = text_with(HEX_PEER "preshared_key=", keys[3].hex, "\n");
        size_t used;

        (void)state;
        tl_uapi_parser_init(&parser);
        tl_change_init(&device);
        assert_int_equal(tl_uapi_parser_feed(&parser, begin.at, begin.len, &used, &device),
                         TL_UAPI_MORE);
        for (size_t i = 0; i < PEERS; i++)
                assert_int_equal(tl_uapi_parser_feed(&parser, peer.at, peer.len, &used, &device),
                                 TL_UAPI_MORE);
        assert_int_equal(tl_uapi_parser_feed(&parser, "\n", 1, &used, &device), TL_UAPI_SET);
        assert_int_equal(device.peer_count, PEERS);
        assert_key(tl_change_peer_at(&device, 0)->preshared_key, keys[3].hex);
        assert_key(tl_change_last_peer(&device)->preshared_key, keys[3].hex);
        tl_change_done(&device);
        tl_uapi_parser_done(&parser);
        free_text(begin);
        free_text(peer);
}

static const struct {
        int number;
        const char *before, *after;
} wrong_requests[] = {
        {1, "set=1\nprivate_key=", "0\n\n"},
        {2, "set=1\nprivate_key=0", "\n\n"},
        {3, "set=1\nprivate_key=g", "\n\n"},
        {4, "set=1\n" HEX_PEER "preshared_key=", " \n\n"},
        {5, "set=1\n" HEX_PEER "preshared_key=", "\nno_such_key=1\n\n"},
        {6, "set=1\nfwmark=1\nprivate_key=", "\nprivate_key=1\n\n"},
        {7, "get=1\nprivate_key=", "\n\n"},
        {8, "private_key=", "\n\n"},
        {9, "set=1\nprivate_ke=", "\n\n"},
};

static void test_wrong_requests(void **state)
{
        struct tl_change device;

        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(wrong_requests); i++) {
                struct tl_text text = text_with(wrong_requests[i].before, keys[2].hex,
                                                wrong_requests[i].after);

                print_message("request %d\n", wrong_requests[i].number);
                assert_int_equal(feed(text, 4096, &device), TL_UAPI_ERROR);
                free_text(text);
        }
}

/* ---- replies ---- */

static void tell_device(void *ctx, struct tl_uapi_device_status *status)
{
        memset(status, 0, sizeof(*status));
        status->has_private_key = true;
        memcpy(status->private_key, ctx, TL_CONF_KEY_LEN);
}

static bool tell_peer(void *ctx, struct tl_uapi_peer_status *status)
{
        static unsigned int told;

        memset(status, 0, sizeof(*status));
        memcpy(status->preshared_key, ctx, TL_CONF_KEY_LEN);
        return told++ < 3;
}

static bool tell_no_ip(void *ctx, struct wg_prefix *prefix)
{
        (void)ctx;
        (void)prefix;
        return false;
}

static void test_replies(void **state)
{
        struct tl_text digits = text_with("", keys[3].hex, "");
        uint8_t key[TL_CONF_KEY_LEN];
        const struct tl_uapi_source source = {.ctx = key,
                                              .device = tell_device,
                                              .next_peer = tell_peer,
                                              .next_allowed_ip = tell_no_ip};
        struct tl_uapi_writer writer;
        char text[4096];
        size_t len, at = strlen("private_key=");

        (void)state;
        assert_true(tl_hex_decode(key, sizeof(key), digits.at, digits.len));
        tl_uapi_writer_init(&writer, &source);
        len = tl_uapi_writer_fill(&writer, text, sizeof(text));
        assert_true(is_poisoned(text + at, digits.len));
        wg_declassify(text, sizeof(text));
        assert_memory_equal(text + at, keys[3].hex, digits.len);
        text[len] = '\0';
        assert_non_null(strstr(text, "preshared_key=aabb2dbafc31cb3d"));
        free_text(digits);
}

/* ---- files ---- */

#define FILE_PEER "[Peer]\nPublicKey = WNjVak1LO1+x9LDje9Hk49Ok29WtSkpvCj99jLPBrEU=\n"

static bool parse(struct tl_text text, struct tl_change *device)
{
        struct tl_mistakes mistakes = {0};

        return tl_wgconf_parse(text.at, text.len, device, &mistakes);
}

static void test_files(void **state)
{
        struct tl_change device;

        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(keys); i++) {
                struct tl_text own = text_with("[Interface]\n \tPrivateKey =  ", keys[i].base64,
                                               " # ours\nListenPort = 1\n" FILE_PEER);
                struct tl_text psk = text_with(FILE_PEER "PresharedKey=", keys[i].base64, "");

                print_message("key %d\n", keys[i].number);
                assert_true(parse(own, &device));
                assert_key(device.private_key, keys[i].hex);
                tl_change_done(&device);
                assert_true(parse(psk, &device));
                assert_key(tl_change_peer_at(&device, 0)->preshared_key, keys[i].hex);
                tl_change_done(&device);
                free_text(own);
                free_text(psk);
        }
}

static const struct {
        int number;
        const char *before, *after;
} wrong_files[] = {
        {1, "[Interface]\nPrivateKey = ", "=\n"},
        {2, "[Interface]\nPrivateKey = !", "\n"},
        {3, "[Interface]\nPrivateKey = A", "\n"},
        {4, "[Interface]\nListenPort = 1\nPresharedKey = ", "\n"},
        {5, FILE_PEER "PresharedKey = ", " and more\n"},
        {6, FILE_PEER "PresharedKey = ", "\nNoSuchKey = 1\n"},
        {7, "PrivateKey = ", "\n"},
        {8, "[Interface]\nPrivateKeys = ", "\n"},
};

static void test_wrong_files(void **state)
{
        struct tl_change device;

        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(wrong_files); i++) {
                struct tl_text text = text_with(wrong_files[i].before, keys[2].base64,
                                                wrong_files[i].after);

                print_message("file %d\n", wrong_files[i].number);
                assert_false(parse(text, &device));
                free_text(text);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                poison_test(test_digits),         poison_test(test_wrong_digits),
                poison_test(test_requests),       poison_test(test_many_peers),
                poison_test(test_wrong_requests), poison_test(test_replies),
                poison_test(test_files),          poison_test(test_wrong_files),
        };

        return cmocka_run_group_tests(tests, poison_setup, poison_teardown);
}
