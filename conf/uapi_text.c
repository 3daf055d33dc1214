/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "conf/uapi_text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conf/address.h"
#include "conf/base64.h"
#include "conf/hex.h"
#include "conf/text.h"
#include "conf/uapi.h"
#include "conf/writer.h"

/* Upper bounds: a text without its peers, a peer without its allowed IPs, and an allowed IP. */
enum { DEVICE_ROOM = 512, PEER_ROOM = 512, ALLOWED_IP_ROOM = TL_ADDRESS_PREFIX_SIZE + 16 };

static void put_hex(struct tl_writer *out, const char *name, const uint8_t key[TL_CONF_KEY_LEN])
{
        char *digits;

        tl_writer_add(out, "%s=", name);
        digits = tl_writer_take(out, 2 * TL_CONF_KEY_LEN);
        if (digits)
                tl_hex_encode(digits, key, TL_CONF_KEY_LEN);
        tl_writer_add(out, "\n");
}

static void put_base64(struct tl_writer *out, const char *name, const uint8_t key[TL_CONF_KEY_LEN])
{
        char *digits;

        tl_writer_add(out, "%s = ", name);
        digits = tl_writer_take(out, TL_BASE64_LEN(TL_CONF_KEY_LEN));
        if (digits)
                tl_base64_encode(digits, key, TL_CONF_KEY_LEN);
        tl_writer_add(out, "\n");
}

size_t tl_uapi_text_room(const struct tl_change *change)
{
        return DEVICE_ROOM + (size_t)change->peer_count * PEER_ROOM +
               (size_t)change->allowed_ip_count * ALLOWED_IP_ROOM;
}

static void put_endpoint(struct tl_writer *out, const char *name, const struct tl_change_peer *peer)
{
        char text[TL_ADDRESS_ENDPOINT_SIZE];

        if (peer->endpoint_host && peer->endpoint.ip.family == WG_FAMILY_NONE) {
                tl_writer_add(out, "%s%s:%u\n", name, peer->endpoint_host, peer->endpoint.port);
                return;
        }
        WG_ASSERT(peer->endpoint.ip.family != WG_FAMILY_NONE);
        if (peer->zone[0]) {
                tl_address_format_ip(text, &peer->endpoint.ip);
                tl_writer_add(out, "%s[%s%%%s]:%u\n", name, text, peer->zone, peer->endpoint.port);
        } else {
                tl_address_format_endpoint(text, &peer->endpoint);
                tl_writer_add(out, "%s%s\n", name, text);
        }
}

static void put_peer_request(struct tl_writer *out, const struct tl_change *change,
                             const struct tl_change_peer *peer)
{
        put_hex(out, "public_key", peer->public_key);
        if (peer->remove) {
                tl_writer_add(out, "remove=true\n");
                return;
        }
        if (peer->update_only)
                tl_writer_add(out, "update_only=true\n");
        if (peer->has_preshared_key)
                put_hex(out, "preshared_key", peer->preshared_key);
        if (peer->has_endpoint)
                put_endpoint(out, "endpoint=", peer);
        if (peer->has_persistent_keepalive)
                tl_writer_add(out, "persistent_keepalive_interval=%u\n",
                              peer->persistent_keepalive_s);
        if (peer->replace_allowed_ips)
                tl_writer_add(out, "replace_allowed_ips=true\n");
        for (uint32_t i = 0; i < peer->allowed_ip_count; i++) {
                const struct tl_change_allowed_ip *ip = tl_change_peer_allowed_ip(change, peer, i);
                char text[TL_ADDRESS_PREFIX_SIZE];

                tl_address_format_prefix(text, &ip->prefix);
                tl_writer_add(out, "allowed_ip=%s%s\n", ip->remove ? "-" : "", text);
        }
}

size_t tl_uapi_text_format_request(const struct tl_change *change, char *text, size_t room)
{
        struct tl_writer out;

        tl_writer_init(&out, text, room);
        tl_writer_add(&out, "set=1\n");
        if (change->has_private_key)
                put_hex(&out, "private_key", change->private_key);
        if (change->has_listen_port)
                tl_writer_add(&out, "listen_port=%u\n", change->listen_port);
        if (change->has_fwmark)
                tl_writer_add(&out, "fwmark=%u\n", change->fwmark);
        if (change->replace_peers)
                tl_writer_add(&out, "replace_peers=true\n");
        for (uint32_t i = 0; i < change->peer_count; i++)
                put_peer_request(&out, change, tl_change_peer_at(change, i));
        tl_writer_add(&out, "\n");
        WG_ASSERT(!out.is_cut);
        return out.len;
}

static void put_peer_file(struct tl_writer *out, const struct tl_change *change,
                          const struct tl_change_peer *peer)
{
        tl_writer_add(out, "\n[Peer]\n");
        put_base64(out, "PublicKey", peer->public_key);
        if (!wg_is_zero(peer->preshared_key, TL_CONF_KEY_LEN))
                put_base64(out, "PresharedKey", peer->preshared_key);
        for (uint32_t i = 0; i < peer->allowed_ip_count; i++) {
                char text[TL_ADDRESS_PREFIX_SIZE];

                tl_address_format_prefix(text, &tl_change_peer_allowed_ip(change, peer, i)->prefix);
                tl_writer_add(out, "%s%s", i ? ", " : "AllowedIPs = ", text);
        }
        if (peer->allowed_ip_count)
                tl_writer_add(out, "\n");
        if (peer->has_endpoint)
                put_endpoint(out, "Endpoint = ", peer);
        if (peer->persistent_keepalive_s)
                tl_writer_add(out, "PersistentKeepalive = %u\n", peer->persistent_keepalive_s);
}

size_t tl_uapi_text_format_file(const struct tl_change *change, char *text, size_t room)
{
        struct tl_writer out;

        tl_writer_init(&out, text, room);
        if (change->listen_port)
                tl_writer_add(&out, "ListenPort = %u\n", change->listen_port);
        if (change->fwmark)
                tl_writer_add(&out, "FwMark = 0x%x\n", change->fwmark);
        if (!wg_is_zero(change->private_key, TL_CONF_KEY_LEN))
                put_base64(&out, "PrivateKey", change->private_key);
        for (uint32_t i = 0; i < change->peer_count; i++)
                put_peer_file(&out, change, tl_change_peer_at(change, i));
        WG_ASSERT(!out.is_cut);
        return out.len;
}

/* Removes the first line from a text, and returns it without its newline. */
static struct tl_text take_line(struct tl_text *text)
{
        struct tl_text line = tl_text_head(*text, tl_text_find(*text, '\n'));

        *text = tl_text_tail(*text, WG_MIN(line.len + 1, text->len));
        return line;
}

/* The last line before the blank one. */
static struct tl_text find_errno(const char *text, size_t len)
{
        struct tl_text whole = {text, len};
        size_t newline;

        if (len < 2 || memcmp(text + len - 2, "\n\n", 2) != 0)
                return (struct tl_text){text, 0};
        whole.len -= 2;
        newline = tl_text_find_last(whole, '\n');
        return newline < whole.len ? tl_text_tail(whole, newline + 1) : whole;
}

/* Removes `name=` from a line. False: it begins with something else. */
static bool take_name(struct tl_text *line, const char *name)
{
        size_t equals = tl_text_find(*line, '=');

        if (equals == line->len || !tl_text_is(tl_text_head(*line, equals), name))
                return false;
        *line = tl_text_tail(*line, equals + 1);
        return true;
}

bool tl_uapi_text_is_reply(const char *text, size_t len)
{
        struct tl_text line = find_errno(text, len);

        return take_name(&line, "errno");
}

int tl_uapi_text_reply_errno(const char *text, size_t len)
{
        struct tl_text line = find_errno(text, len);
        uint32_t number;

        if (!take_name(&line, "errno"))
                return EPROTO;
        if (line.len && line.at[0] == '-')
                line = tl_text_tail(line, 1);
        return tl_text_to_number(line, INT32_MAX, &number) ? (int)number : EPROTO;
}

/* Whether replies have such a line, but requests do not. */
static bool is_news(struct tl_text line)
{
        static const char *const names[] = {"last_handshake_time_sec", "last_handshake_time_nsec",
                                            "tx_bytes", "rx_bytes", "errno"};

        for (size_t i = 0; i < WG_ARRAY_SIZE(names); i++) {
                struct tl_text copy = line;

                if (take_name(&copy, names[i]))
                        return true;
        }
        return false;
}

/* Without those lines, the reply to a get is the body of a set. */
bool tl_uapi_text_read_reply(char *text, size_t len, struct tl_change *change)
{
        static const char head[] = "set=1\n";
        struct tl_text rest = {text, len};
        struct tl_uapi_parser parser;
        enum tl_uapi_event event;
        size_t kept = 0, used;

        if (tl_uapi_text_reply_errno(text, len) != 0)
                return false;
        while (rest.len) {
                struct tl_text line = take_line(&rest);

                if (is_news(line))
                        continue;
                memmove(text + kept, line.at, line.len);
                kept += line.len;
                text[kept++] = '\n';
        }
        tl_uapi_parser_init(&parser);
        event = tl_uapi_parser_feed(&parser, head, sizeof(head) - 1, &used, change);
        if (event == TL_UAPI_MORE)
                event = tl_uapi_parser_feed(&parser, text, kept, &used, change);
        tl_uapi_parser_done(&parser);
        if (event == TL_UAPI_SET && used == kept)
                return true;
        tl_change_done(change);
        return false;
}
