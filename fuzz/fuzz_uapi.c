/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * fuzz_uapi.c - any bytes on the configuration socket. The parser must not crash; splitting the
 * stream changes nothing; a request with a mistake changes nothing; an accepted request can be
 * written and parsed again; a reply is the same in chunks of any size, and reading it back yields
 * the same reply. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/text.h"
#include "conf/uapi.h"
#include "test/lib/change_dump.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fill_with_pattern(struct tl_change *device)
{
        memset(device, 0xa5, sizeof(*device));
}

static void check_untouched(const struct tl_change *device)
{
        struct tl_change pattern;

        fill_with_pattern(&pattern);
        WG_ASSERT(memcmp(device, &pattern, sizeof(pattern)) == 0);
}

/* The length of the next piece: 1 to 16 bytes, chosen by the input. */
static size_t next_piece(struct tl_text rest, size_t at)
{
        return WG_MIN(rest.len, 1 + ((uint8_t)rest.at[0] * 31u + at) % 16);
}

/* Feeds small pieces until the request or the input ends. */
static enum tl_uapi_event feed_pieces(struct tl_uapi_parser *parser, struct tl_text input,
                                      size_t *used, struct tl_change *device)
{
        enum tl_uapi_event event = TL_UAPI_MORE;
        size_t piece_used;

        for (*used = 0; event == TL_UAPI_MORE && *used < input.len; *used += piece_used) {
                size_t piece = next_piece(tl_text_tail(input, *used), *used);

                event = tl_uapi_parser_feed(parser, input.at + *used, piece, &piece_used, device);
                WG_ASSERT(event == TL_UAPI_MORE ? piece_used == piece : piece_used <= piece);
        }
        return event;
}

static void check_same_error(const struct tl_conf_error *a, const struct tl_conf_error *b)
{
        WG_ASSERT(a->errnum > 0 && a->errnum == b->errnum);
        WG_ASSERT(a->line > 0 && a->line == b->line);
        WG_ASSERT(a->column > 0 && a->column == b->column);
        WG_ASSERT(a->message == b->message);
}

static void check_same_device(const struct tl_change *a, const struct tl_change *b)
{
        char *dump_a = change_dump(a), *dump_b = change_dump(b);

        WG_ASSERT(strcmp(dump_a, dump_b) == 0);
        free(dump_a);
        free(dump_b);
}

/* Parses a text that must be one whole set request. */
static void parse_set(const char *text, struct tl_change *device)
{
        struct tl_uapi_parser parser;
        size_t used;

        tl_uapi_parser_init(&parser);
        tl_change_init(device);
        WG_ASSERT(tl_uapi_parser_feed(&parser, text, strlen(text), &used, device) == TL_UAPI_SET);
        WG_ASSERT(used == strlen(text));
        tl_uapi_parser_done(&parser);
}

static void check_dump_is_understood(const struct tl_change *device)
{
        struct tl_change again;
        char *dump = change_dump(device);

        parse_set(dump, &again);
        check_same_device(device, &again);
        tl_change_done(&again);
        free(dump);
}

/* Reports a change as if it were the device. */
struct model {
        const struct tl_change *device;
        uint32_t next_peer, next_allowed_ip;
};

static void tell_device(void *ctx, struct tl_uapi_device_status *status)
{
        const struct tl_change *device = ((struct model *)ctx)->device;

        status->has_private_key = device->has_private_key;
        memcpy(status->private_key, device->private_key, TL_CONF_KEY_LEN);
        status->listen_port = device->listen_port;
        status->fwmark = device->fwmark;
}

static bool tell_next_peer(void *ctx, struct tl_uapi_peer_status *status)
{
        struct model *m = ctx;
        const struct tl_change_peer *peer;

        if (m->next_peer == m->device->peer_count)
                return false;
        peer = tl_change_peer_at(m->device, m->next_peer++);
        m->next_allowed_ip = 0;
        memcpy(status->public_key, peer->public_key, TL_CONF_KEY_LEN);
        memcpy(status->preshared_key, peer->preshared_key, TL_CONF_KEY_LEN);
        status->endpoint = peer->endpoint;
        status->last_handshake_s = peer->endpoint.port;
        status->last_handshake_ns = peer->allowed_ip_count;
        status->persistent_keepalive_s = peer->persistent_keepalive_s;
        return true;
}

static bool tell_next_allowed_ip(void *ctx, struct wg_prefix *prefix)
{
        struct model *m = ctx;
        const struct tl_change_peer *peer = tl_change_peer_at(m->device, m->next_peer - 1);

        if (m->next_allowed_ip == peer->allowed_ip_count)
                return false;
        *prefix = tl_change_peer_allowed_ip(m->device, peer, m->next_allowed_ip++)->prefix;
        return true;
}

static char *write_reply(const struct tl_change *device, size_t chunk_size)
{
        struct model model = {.device = device};
        const struct tl_uapi_source source = {
                .ctx = &model,
                .device = tell_device,
                .next_peer = tell_next_peer,
                .next_allowed_ip = tell_next_allowed_ip,
        };
        struct tl_uapi_writer writer;
        char *chunk = malloc(chunk_size), *reply;
        size_t len, put;
        FILE *out = open_memstream(&reply, &len);

        WG_ASSERT(chunk && out);
        tl_uapi_writer_init(&writer, &source);
        while ((put = tl_uapi_writer_fill(&writer, chunk, chunk_size)) > 0) {
                WG_ASSERT(put <= chunk_size && chunk[put - 1] == '\n');
                fwrite(chunk, 1, put, out);
        }
        fclose(out);
        free(chunk);
        return reply;
}

/* The set request that a reply describes: its lines without those that only get=1 has. */
static char *turn_reply_into_request(const char *reply)
{
        static const char *const told_only[] = {"last_handshake_time_",
                                                "tx_bytes=", "rx_bytes=", "errno="};
        char *request = malloc(strlen(reply) + sizeof("set=1\n"));
        size_t len = 0;

        WG_ASSERT(request);
        memcpy(request, "set=1\n", 6);
        len = 6;
        while (*reply) {
                size_t line_len = strcspn(reply, "\n") + 1;
                bool is_told_only = false;

                for (size_t i = 0; i < WG_ARRAY_SIZE(told_only); i++)
                        if (strncmp(reply, told_only[i], strlen(told_only[i])) == 0)
                                is_told_only = true;
                if (!is_told_only) {
                        memcpy(request + len, reply, line_len);
                        len += line_len;
                }
                reply += line_len;
        }
        request[len] = '\0';
        return request;
}

static void check_reply(const struct tl_change *device)
{
        char *reply = write_reply(device, TL_UAPI_CHUNK_MIN);
        char *in_large_chunks = write_reply(device, 16 * TL_UAPI_CHUNK_MIN);
        char *request = turn_reply_into_request(reply), *again;
        struct tl_change read_back;

        WG_ASSERT(strcmp(reply, in_large_chunks) == 0);
        parse_set(request, &read_back);
        again = write_reply(&read_back, TL_UAPI_CHUNK_MIN + 1);
        WG_ASSERT(strcmp(reply, again) == 0);
        tl_change_done(&read_back);
        free(reply);
        free(in_large_chunks);
        free(request);
        free(again);
}

/* Feeds one request to both parsers, whole and in pieces. Returns the number of bytes used; all of
 * the input if the request does not end in it. */
static size_t check_request(struct tl_uapi_parser *whole, struct tl_uapi_parser *pieces,
                            struct tl_text input)
{
        struct tl_change device, device_of_pieces;
        enum tl_uapi_event event;
        size_t used, used_of_pieces;

        fill_with_pattern(&device);
        fill_with_pattern(&device_of_pieces);
        event = tl_uapi_parser_feed(whole, input.at, input.len, &used, &device);
        WG_ASSERT(feed_pieces(pieces, input, &used_of_pieces, &device_of_pieces) == event);
        WG_ASSERT(used == used_of_pieces);
        WG_ASSERT(whole->operation == pieces->operation);
        WG_ASSERT(tl_uapi_parser_is_inside(whole) == (event == TL_UAPI_MORE));
        if (event != TL_UAPI_SET) {
                check_untouched(&device);
                check_untouched(&device_of_pieces);
        }
        if (event == TL_UAPI_ERROR)
                check_same_error(&whole->error, &pieces->error);
        if (event == TL_UAPI_SET) {
                check_same_device(&device, &device_of_pieces);
                check_dump_is_understood(&device);
                check_reply(&device);
                tl_change_done(&device);
                tl_change_done(&device_of_pieces);
        }
        return used;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct tl_text rest = {(const char *)data, size};
        struct tl_uapi_parser whole, pieces;

        tl_uapi_parser_init(&whole);
        tl_uapi_parser_init(&pieces);
        while (rest.len)
                rest = tl_text_tail(rest, check_request(&whole, &pieces, rest));
        tl_uapi_parser_done(&whole);
        tl_uapi_parser_done(&pieces);
        return 0;
}
