/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "conf/uapi_text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conf/wgconf.h"
#include "test/lib/change_dump.h"
#include "test/lib/cmocka.h"

#define SECRET "yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk="
#define A "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg="
#define B "TrMvSoP4jYQlY6RIzBgbssQqY3vxI2Pi+y71lOWWXX0="

/* Everything that `wg showconf` may print, in its order. */
static const char file[] = "ListenPort = 51820\nFwMark = 0xca6c\nPrivateKey = " SECRET "\n"
                           "\n[Peer]\nPublicKey = " A "\nPresharedKey = " SECRET "\n"
                           "AllowedIPs = 10.0.0.0/8, fd00::/64\nEndpoint = [2001:db8::1]:5\n"
                           "PersistentKeepalive = 25\n"
                           "\n[Peer]\nPublicKey = " B "\nEndpoint = [fe80::1%eth0]:6\n";

static void read_file(struct tl_change *device)
{
        struct tl_mistakes mistakes = {0};
        char text[sizeof(file) + 16] = "[Interface]\n";

        strcat(text, file);
        tl_change_init(device);
        assert_true(tl_wgconf_parse(text, strlen(text), device, &mistakes));
}

static void test_the_parser_reads_our_requests(void **state)
{
        struct tl_change device;
        size_t room, len;
        char *request, *dump;

        (void)state;
        read_file(&device);
        room = tl_uapi_text_room(&device);
        request = malloc(room);
        len = tl_uapi_text_format_request(&device, request, room);
        assert_int_equal(len, strlen(request));
        dump = change_dump(&device);
        assert_string_equal(request, dump);
        free(dump);
        free(request);
        tl_change_done(&device);
}

static void test_a_file_reads_back(void **state)
{
        struct tl_change device;
        size_t room;
        char *text;

        (void)state;
        read_file(&device);
        room = tl_uapi_text_room(&device);
        text = malloc(room);
        assert_int_equal(tl_uapi_text_format_file(&device, text, room), strlen(file));
        assert_string_equal(text, file);
        free(text);
        tl_change_done(&device);
}

/* An endpoint that did not resolve is written as it was read. */
static void test_a_host_name_is_kept(void **state)
{
        static const char text[] = "[Peer]\nPublicKey = " A "\nEndpoint = vpn.example:7\n";
        struct tl_mistakes mistakes = {0};
        struct tl_change device;
        char out[1024];

        (void)state;
        tl_change_init(&device);
        assert_true(tl_wgconf_parse(text, strlen(text), &device, &mistakes));
        assert_in_range(tl_uapi_text_room(&device), 1, sizeof(out));
        assert_int_equal(tl_uapi_text_format_file(&device, out, sizeof(out)), strlen(text) + 1);
        assert_string_equal(out + 1, text);
        tl_change_done(&device);
}

/* Once the name has resolved, requests carry the address. */
static void test_a_resolved_name_is_an_address(void **state)
{
        static const char text[] = "[Peer]\nPublicKey = " A "\nEndpoint = vpn.example:7\n";
        struct tl_mistakes mistakes = {0};
        struct tl_change device;
        char out[1024];

        (void)state;
        tl_change_init(&device);
        assert_true(tl_wgconf_parse(text, strlen(text), &device, &mistakes));
        tl_change_peer_at(&device, 0)->endpoint.ip = (struct wg_ip){WG_FAMILY_IPV4, {192, 0, 2, 1}};
        assert_in_range(tl_uapi_text_format_request(&device, out, sizeof(out)), 1, sizeof(out));
        assert_non_null(strstr(out, "\nendpoint=192.0.2.1:7\n"));
        tl_change_done(&device);
}

/* The longest values fit into the declared room. */
static void test_room(void **state)
{
        static const struct wg_prefix longest = {{WG_FAMILY_IPV6,
                                                  {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                                   0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}},
                                                 128};
        static const uint8_t key[TL_CONF_KEY_LEN] = {255};
        struct tl_change device;
        size_t room;
        char *text;

        (void)state;
        tl_change_init(&device);
        for (int i = 0; i < 100; i++) {
                struct tl_change_peer *peer = tl_change_add_peer(&device, key);

                peer->has_preshared_key = peer->has_endpoint = peer->has_persistent_keepalive =
                        peer->replace_allowed_ips = peer->update_only = true;
                peer->preshared_key[0] = 1;
                peer->persistent_keepalive_s = 65535;
                peer->endpoint.ip = longest.ip;
                peer->endpoint.port = 65535;
                strcpy(peer->zone, "abcdefghijklmno");
                for (int j = 0; j < 100; j++)
                        assert_true(tl_change_add_allowed_ip(&device, &longest, j == 7));
        }
        room = tl_uapi_text_room(&device);
        text = malloc(room);
        assert_in_range(tl_uapi_text_format_request(&device, text, room), 1, room - 1);
        assert_in_range(tl_uapi_text_format_file(&device, text, room), 1, room - 1);
        free(text);
        tl_change_done(&device);
}

static const struct {
        int number;
        const char *text;
        bool is_reply;
        int errnum;
} replies[] = {
        {1, "errno=0\n\n", true, 0},
        {2, "errno=-22\n\n", true, 22},
        {3, "errno=22\n\n", true, 22},
        {4, "", false, EPROTO},
        {5, "\n\n", false, EPROTO},
        {6, "errno=0\n", false, EPROTO},
        {7, "listen_port=5\nerrno=0\n\n", true, 0},
        {8, "listen_port=5\n\n", false, EPROTO},
        {9, "errno=\n\n", true, EPROTO},
        {10, "errno=x\n\n", true, EPROTO},
        {11, "my_errno=0\n\n", false, EPROTO},
};

static void test_replies(void **state)
{
        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(replies); i++) {
                size_t len = strlen(replies[i].text);

                if (tl_uapi_text_is_reply(replies[i].text, len) != replies[i].is_reply ||
                    tl_uapi_text_reply_errno(replies[i].text, len) != replies[i].errnum)
                        fail_msg("case %d", replies[i].number);
        }
}

#define KEY "c53201039adba14be71f886da1d8dbe9eebded08cb111b75340078999aa9f038"

static void test_get_reply(void **state)
{
        static const char text[] =
                "private_key=" KEY "\nlisten_port=5\npublic_key=" KEY "\nprotocol_version=1\n"
                "endpoint=192.0.2.1:5\nlast_handshake_time_sec=0\nlast_handshake_time_nsec=0\n"
                "tx_bytes=7\nrx_bytes=8\npersistent_keepalive_interval=0\nallowed_ip=10.0.0.0/8\n"
                "errno=0\n\n";
        static const char dumped[] =
                "set=1\nprivate_key=" KEY "\nlisten_port=5\npublic_key=" KEY "\n"
                "endpoint=192.0.2.1:5\npersistent_keepalive_interval=0\nallowed_ip=10.0.0.0/8\n\n";
        static const char *const wrong[] = {"errno=1\n\n", "listen_port=x\nerrno=0\n\n",
                                            "\nerrno=0\n\n", "errno=0\n"};
        struct tl_change device;
        char copy[sizeof(text)], *dump;

        (void)state;
        tl_change_init(&device);
        memcpy(copy, text, sizeof(text));
        assert_true(tl_uapi_text_read_reply(copy, sizeof(text) - 1, &device));
        dump = change_dump(&device);
        assert_string_equal(dump, dumped);
        free(dump);
        tl_change_done(&device);
        for (size_t i = 0; i < WG_ARRAY_SIZE(wrong); i++) {
                strcpy(copy, wrong[i]);
                assert_false(tl_uapi_text_read_reply(copy, strlen(wrong[i]), &device));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_the_parser_reads_our_requests),
                cmocka_unit_test(test_a_file_reads_back),
                cmocka_unit_test(test_a_host_name_is_kept),
                cmocka_unit_test(test_a_resolved_name_is_an_address),
                cmocka_unit_test(test_room),
                cmocka_unit_test(test_replies),
                cmocka_unit_test(test_get_reply),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
