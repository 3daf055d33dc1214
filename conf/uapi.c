/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "conf/uapi.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "conf/address.h"
#include "conf/hex.h"
#include "conf/text.h"

WG_ENUM_DEFINE(tl_uapi_event, TL_UAPI_EVENTS)
WG_ENUM_DEFINE(tl_uapi_operation, TL_UAPI_OPERATIONS)
WG_ENUM_DEFINE(tl_uapi_writer_state, TL_UAPI_WRITER_STATES)

/* The keys of a set request, as bits of a set. The text is the message about an invalid value. */
#define KEYS(X) \
        X(KEY_PRIVATE_KEY, 1u << 0, private_key, "private_key must be 64 hexadecimal digits") \
        X(KEY_LISTEN_PORT, 1u << 1, listen_port, "listen_port must be a number from 0 to 65535") \
        X(KEY_FWMARK, 1u << 2, fwmark, "fwmark must be a number from 0 to 4294967295") \
        X(KEY_REPLACE_PEERS, 1u << 3, replace_peers, "replace_peers must be true") \
        X(KEY_PUBLIC_KEY, 1u << 4, public_key, "public_key must be 64 hexadecimal digits") \
        X(KEY_REMOVE, 1u << 5, remove, "remove must be true") \
        X(KEY_UPDATE_ONLY, 1u << 6, update_only, "update_only must be true") \
        X(KEY_PRESHARED_KEY, 1u << 7, preshared_key, \
          "preshared_key must be 64 hexadecimal digits") \
        X(KEY_ENDPOINT, 1u << 8, endpoint, \
          "endpoint must be like 192.0.2.1:51820, [2001:db8::1]:51820 or [fe80::1%eth0]:51820") \
        X(KEY_KEEPALIVE, 1u << 9, persistent_keepalive_interval, \
          "persistent_keepalive_interval must be a number from 0 to 65535") \
        X(KEY_REPLACE_ALLOWED_IPS, 1u << 10, replace_allowed_ips, \
          "replace_allowed_ips must be true, and before the first allowed_ip of its peer") \
        X(KEY_ALLOWED_IP, 1u << 11, allowed_ip, \
          "allowed_ip must be an address, a slash and a number of bits, like 192.0.2.0/24") \
        X(KEY_PROTOCOL_VERSION, 1u << 12, protocol_version, "protocol_version must be 1")
WG_FLAGS_DECLARE(tl_uapi_key, KEYS)
WG_FLAGS_DEFINE(tl_uapi_key, KEYS)

#define DEVICE_KEYS (KEY_PRIVATE_KEY | KEY_LISTEN_PORT | KEY_FWMARK | KEY_REPLACE_PEERS)
#define SINGLE_KEYS (~(uint32_t)(KEY_PUBLIC_KEY | KEY_ALLOWED_IP))

static bool parse_key(struct tl_text value, uint8_t key[TL_CONF_KEY_LEN])
{
        return tl_hex_decode(key, TL_CONF_KEY_LEN, value.at, value.len);
}

static bool parse_true(struct tl_text value, bool *claim)
{
        *claim = tl_text_is(value, "true");
        return *claim;
}

static bool parse_endpoint(struct tl_text value, struct tl_change_peer *peer)
{
        struct wg_endpoint endpoint = {0};
        struct tl_text host, port;
        bool is_bracketed;

        if (!tl_address_split_endpoint(value, &host, &port, &is_bracketed) ||
            !tl_address_parse_port(port, &endpoint.port))
                return false;
        if (is_bracketed != (tl_text_find(host, ':') < host.len))
                return false;
        if (!tl_address_parse_host(host, &endpoint.ip, &endpoint.scope, peer->zone))
                return false;
        peer->endpoint = endpoint;
        return true;
}

/* The next three return 0, EINVAL or ENOMEM. */
static int add_peer(struct tl_change *change, struct tl_text value)
{
        uint8_t public_key[TL_CONF_KEY_LEN];

        if (!parse_key(value, public_key))
                return EINVAL;
        return tl_change_add_peer(change, public_key) ? 0 : ENOMEM;
}

static int add_allowed_ip(struct tl_change *change, struct tl_text value)
{
        bool remove = value.len && value.at[0] == '-';
        struct wg_prefix prefix;

        if (remove)
                value = tl_text_tail(value, 1);
        if (tl_text_find(value, '/') == value.len || !tl_address_parse_prefix(value, &prefix))
                return EINVAL;
        return tl_change_add_allowed_ip(change, &prefix, remove) ? 0 : ENOMEM;
}

/* Stores the value of a key that is allowed here. It may set a has_ flag before it knows that the
 * value is valid, because a request with a mistake is dropped. */
static int apply(struct tl_change *change, enum tl_uapi_key key, struct tl_text value)
{
        struct tl_change_peer *peer = tl_change_last_peer(change);
        uint32_t number;
        bool is_good = false;

        switch (key) {
        case KEY_PRIVATE_KEY:
                change->has_private_key = true;
                is_good = parse_key(value, change->private_key);
                break;
        case KEY_LISTEN_PORT:
                change->has_listen_port = true;
                is_good = tl_text_to_u16(value, &change->listen_port);
                break;
        case KEY_FWMARK:
                change->has_fwmark = true;
                is_good = tl_text_to_number_any(value, UINT32_MAX, &change->fwmark);
                break;
        case KEY_REPLACE_PEERS:
                is_good = parse_true(value, &change->replace_peers);
                break;
        case KEY_PUBLIC_KEY:
                return add_peer(change, value);
        case KEY_REMOVE:
                is_good = parse_true(value, &peer->remove);
                break;
        case KEY_UPDATE_ONLY:
                is_good = parse_true(value, &peer->update_only);
                break;
        case KEY_PRESHARED_KEY:
                peer->has_preshared_key = true;
                is_good = parse_key(value, peer->preshared_key);
                break;
        case KEY_ENDPOINT:
                peer->has_endpoint = true;
                is_good = parse_endpoint(value, peer);
                break;
        case KEY_KEEPALIVE:
                peer->has_persistent_keepalive = true;
                is_good = tl_text_to_u16(value, &peer->persistent_keepalive_s);
                break;
        case KEY_REPLACE_ALLOWED_IPS:
                is_good = parse_true(value, &peer->replace_allowed_ips) && !peer->allowed_ip_count;
                break;
        case KEY_ALLOWED_IP:
                return add_allowed_ip(change, value);
        case KEY_PROTOCOL_VERSION:
                is_good = tl_text_to_number(value, 1, &number) && number == 1;
                break;
        }
        return is_good ? 0 : EINVAL;
}

/* Stores the mistake and frees the request. */
static void fail(struct tl_uapi_parser *parser, int errnum, size_t column, const char *message)
{
        parser->error = (struct tl_conf_error){
                .errnum = errnum,
                .line = parser->line_number,
                .column = (uint32_t)column,
                .message = message,
        };
        tl_change_done(&parser->change);
}

static void parse_operation(struct tl_uapi_parser *parser, struct tl_text line)
{
        if (tl_text_is(line, "set=1"))
                parser->operation = TL_UAPI_OPERATION_SET;
        else if (tl_text_is(line, "get=1"))
                parser->operation = TL_UAPI_OPERATION_GET;
        else
                fail(parser, EPROTO, 1, "a request must begin with set=1 or get=1");
}

/* Says why a key is not allowed here. NULL: it is. */
static const char *find_misplacement(const struct tl_uapi_parser *parser, enum tl_uapi_key key)
{
        bool is_in_peer = parser->change.peer_count > 0;

        if (is_in_peer && (key & DEVICE_KEYS))
                return "device keys must come before the first public_key";
        if (!is_in_peer && !(key & (DEVICE_KEYS | KEY_PUBLIC_KEY)))
                return "peer keys must come after a public_key";
        if (parser->seen & key & SINGLE_KEYS)
                return "repeated key";
        return NULL;
}

static void parse_setting(struct tl_uapi_parser *parser, struct tl_text line)
{
        size_t equals = tl_text_find(line, '=');
        const struct wg_enum_member *key;
        const char *misplacement;
        int errnum;

        if (equals == line.len) {
                fail(parser, EPROTO, 1, "expected key=value");
                return;
        }
        key = wg_enum_by_name(&tl_uapi_key_enum, line.at, equals);
        if (!key) {
                fail(parser, EINVAL, 1, "unknown key");
                return;
        }
        misplacement = find_misplacement(parser, (enum tl_uapi_key)key->value);
        if (misplacement) {
                fail(parser, EINVAL, 1, misplacement);
                return;
        }
        if (key->value == KEY_PUBLIC_KEY)
                parser->seen = 0;
        parser->seen |= key->value;
        errnum = apply(&parser->change, (enum tl_uapi_key)key->value,
                       tl_text_tail(line, equals + 1));
        if (errnum)
                fail(parser, errnum, equals + 2, errnum == ENOMEM ? "out of memory" : key->text);
}

static void parse_line(struct tl_uapi_parser *parser, struct tl_text line)
{
        size_t nul = tl_text_find(line, '\0');

        if (nul < line.len) {
                fail(parser, EPROTO, nul + 1, "the line contains a NUL byte");
                return;
        }
        switch (parser->operation) {
        case TL_UAPI_OPERATION_UNKNOWN:
                parse_operation(parser, line);
                break;
        case TL_UAPI_OPERATION_SET:
                parse_setting(parser, line);
                break;
        case TL_UAPI_OPERATION_GET:
                fail(parser, EINVAL, 1, "get=1 takes no keys");
                break;
        }
}

static void begin_request(struct tl_uapi_parser *parser)
{
        parser->operation = TL_UAPI_OPERATION_UNKNOWN;
        parser->error = (struct tl_conf_error){0};
        parser->seen = 0;
        parser->line_number = 1;
        parser->is_over = false;
}

static enum tl_uapi_event end_request(struct tl_uapi_parser *parser, struct tl_change *change)
{
        if (parser->operation == TL_UAPI_OPERATION_UNKNOWN && !parser->error.errnum)
                fail(parser, EPROTO, 1, "a request must begin with set=1 or get=1");
        parser->is_over = true;
        if (parser->error.errnum)
                return TL_UAPI_ERROR;
        if (parser->operation == TL_UAPI_OPERATION_GET)
                return TL_UAPI_GET;
        *change = parser->change;
        tl_change_init(&parser->change);
        return TL_UAPI_SET;
}

/* Appends bytes without a newline to the line. */
static void add_to_line(struct tl_uapi_parser *parser, const char *bytes, size_t len)
{
        if (!parser->error.errnum && len > TL_UAPI_LINE_MAX - parser->line_len) {
                wg_wipe(parser->line, parser->line_len);
                fail(parser, EPROTO, TL_UAPI_LINE_MAX + 1, "the line is too long");
        }
        if (!parser->error.errnum) {
                memcpy(parser->line + parser->line_len, bytes, len);
                parser->line_len += (uint32_t)len;
        } else if (len) {
                parser->line_len = 1;
        }
}

static enum tl_uapi_event end_line(struct tl_uapi_parser *parser, struct tl_change *change)
{
        if (!parser->line_len)
                return end_request(parser, change);
        if (!parser->error.errnum) {
                parse_line(parser, (struct tl_text){parser->line, parser->line_len});
                wg_wipe(parser->line, parser->line_len);
        }
        parser->line_len = 0;
        parser->line_number++;
        return TL_UAPI_MORE;
}

void tl_uapi_parser_init(struct tl_uapi_parser *parser)
{
        *parser = (struct tl_uapi_parser){.is_over = true};
}

void tl_uapi_parser_done(struct tl_uapi_parser *parser)
{
        tl_change_done(&parser->change);
        wg_wipe(parser, sizeof(*parser));
}

bool tl_uapi_parser_is_inside(const struct tl_uapi_parser *parser)
{
        return !parser->is_over;
}

enum tl_uapi_event tl_uapi_parser_feed(struct tl_uapi_parser *parser, const char *bytes, size_t len,
                                       size_t *used, struct tl_change *change)
{
        struct tl_text rest = {bytes, len};
        enum tl_uapi_event event = TL_UAPI_MORE;

        if (len && parser->is_over)
                begin_request(parser);
        while (rest.len && event == TL_UAPI_MORE) {
                size_t newline = tl_text_find(rest, '\n');

                add_to_line(parser, rest.at, newline);
                if (newline < rest.len) {
                        event = end_line(parser, change);
                        newline++;
                }
                rest = tl_text_tail(rest, newline);
        }
        *used = len - rest.len;
        return event;
}

size_t tl_uapi_format_errno(char out[TL_UAPI_ERRNO_SIZE], enum tl_uapi_operation operation,
                            int errnum)
{
        int shown = operation == TL_UAPI_OPERATION_GET ? errnum : -errnum;

        return (size_t)snprintf(out, TL_UAPI_ERRNO_SIZE, "errno=%d\n\n", shown);
}

/* The longest texts, and the most that one state of the writer writes. */
#define KEY_LINE_LEN (sizeof("preshared_key=\n") + 2 * TL_CONF_KEY_LEN)
#define U64_LINE_LEN (sizeof("last_handshake_time_nsec=\n") + 20)
#define PEER_MAX \
        (2 * KEY_LINE_LEN + sizeof("protocol_version=1\n") + sizeof("endpoint=\n") + \
         TL_ADDRESS_ENDPOINT_SIZE + 4 * U64_LINE_LEN + \
         sizeof("persistent_keepalive_interval=65535\n"))
_Static_assert(PEER_MAX <= TL_UAPI_CHUNK_MIN, "a peer does not fit into the smallest chunk");

static size_t put_key(char *out, const char *name, const uint8_t key[TL_CONF_KEY_LEN])
{
        size_t len = (size_t)snprintf(out, KEY_LINE_LEN, "%s=", name);

        tl_hex_encode(out + len, key, TL_CONF_KEY_LEN);
        len += 2 * TL_CONF_KEY_LEN;
        out[len++] = '\n';
        return len;
}

static size_t put_number(char *out, const char *name, uint64_t number)
{
        return (size_t)snprintf(out, sizeof("persistent_keepalive_interval=\n") + 20,
                                "%s=%" PRIu64 "\n", name, number);
}

static size_t put_device(char *out, const struct tl_uapi_source *source)
{
        struct tl_uapi_device_status status = {0};
        size_t len = 0;

        source->device(source->ctx, &status);
        if (status.has_private_key)
                len += put_key(out + len, "private_key", status.private_key);
        if (status.listen_port)
                len += put_number(out + len, "listen_port", status.listen_port);
        if (status.fwmark)
                len += put_number(out + len, "fwmark", status.fwmark);
        wg_wipe(&status, sizeof(status));
        return len;
}

static size_t put_endpoint(char *out, const struct wg_endpoint *endpoint)
{
        static const char name[] = "endpoint=";
        size_t len = sizeof(name) - 1;

        memcpy(out, name, len);
        len += tl_address_format_endpoint(out + len, endpoint);
        out[len++] = '\n';
        return len;
}

/* Returns 0 after the last peer. */
static size_t put_peer(char *out, const struct tl_uapi_source *source)
{
        struct tl_uapi_peer_status status = {0};
        size_t len = 0;

        if (!source->next_peer(source->ctx, &status))
                return 0;
        len += put_key(out + len, "public_key", status.public_key);
        len += put_key(out + len, "preshared_key", status.preshared_key);
        len += put_number(out + len, "protocol_version", 1);
        if (status.endpoint.ip.family != WG_FAMILY_NONE)
                len += put_endpoint(out + len, &status.endpoint);
        len += put_number(out + len, "last_handshake_time_sec", status.last_handshake_s);
        len += put_number(out + len, "last_handshake_time_nsec", status.last_handshake_ns);
        len += put_number(out + len, "tx_bytes", status.tx_bytes);
        len += put_number(out + len, "rx_bytes", status.rx_bytes);
        len += put_number(out + len, "persistent_keepalive_interval",
                          status.persistent_keepalive_s);
        wg_wipe(&status, sizeof(status));
        return len;
}

/* Returns 0 after the last allowed IP of the peer. */
static size_t put_allowed_ip(char *out, const struct tl_uapi_source *source)
{
        static const char name[] = "allowed_ip=";
        size_t len = sizeof(name) - 1;
        struct wg_prefix prefix;

        if (!source->next_allowed_ip(source->ctx, &prefix))
                return 0;
        memcpy(out, name, len);
        len += tl_address_format_prefix(out + len, &prefix);
        out[len++] = '\n';
        return len;
}

void tl_uapi_writer_init(struct tl_uapi_writer *writer, const struct tl_uapi_source *source)
{
        *writer = (struct tl_uapi_writer){.source = source, .state = TL_UAPI_WRITER_DEVICE};
}

size_t tl_uapi_writer_fill(struct tl_uapi_writer *writer, char *out, size_t size)
{
        const struct tl_uapi_source *source = writer->source;
        size_t len = 0, put;

        WG_ASSERT(size >= TL_UAPI_CHUNK_MIN);
        while (size - len >= TL_UAPI_CHUNK_MIN) {
                switch (writer->state) {
                case TL_UAPI_WRITER_DEVICE:
                        len += put_device(out + len, source);
                        writer->state = TL_UAPI_WRITER_PEER;
                        break;
                case TL_UAPI_WRITER_PEER:
                        put = put_peer(out + len, source);
                        len += put;
                        writer->state = put ? TL_UAPI_WRITER_ALLOWED_IP : TL_UAPI_WRITER_END;
                        break;
                case TL_UAPI_WRITER_ALLOWED_IP:
                        put = put_allowed_ip(out + len, source);
                        len += put;
                        if (!put)
                                writer->state = TL_UAPI_WRITER_PEER;
                        break;
                case TL_UAPI_WRITER_END:
                        len += tl_uapi_format_errno(out + len, TL_UAPI_OPERATION_GET, 0);
                        writer->state = TL_UAPI_WRITER_OVER;
                        break;
                case TL_UAPI_WRITER_OVER:
                        return len;
                }
        }
        return len;
}
