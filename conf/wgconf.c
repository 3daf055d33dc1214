/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "conf/wgconf.h"

#include <errno.h>
#include <stdlib.h>

#include "base/enum.h"
#include "conf/address.h"
#include "conf/base64.h"
#include "conf/mask.h"
#include "conf/text.h"

#define NAME_LEN_MAX 253 /* what RFC 1035 section 2.3.4 leaves of 255 bytes for the text */

#define SECTIONS(X) \
        X(SECTION_NONE, 0, none, "before the first section") \
        X(SECTION_INTERFACE, 1, Interface, "[Interface]") \
        X(SECTION_PEER, 2, Peer, "[Peer]")
WG_ENUM_DECLARE(tl_wgconf_section, SECTIONS)
WG_ENUM_DEFINE(tl_wgconf_section, SECTIONS)

#define BELONGS_TO_WG_QUICK(name) \
        name " belongs to wg-quick(8): `wg-quick strip` prints the configuration without it"

/* The keys; the text is what a user is told where the value is none. */
#define KEYS(X) \
        X(KEY_PRIVATE_KEY, 1u << 0, PrivateKey, \
          "PrivateKey wants 44 characters of base64, as `wg genkey` prints them") \
        X(KEY_LISTEN_PORT, 1u << 1, ListenPort, "ListenPort wants a number from 0 to 65535") \
        X(KEY_FWMARK, 1u << 2, FwMark, \
          "FwMark wants off or a number from 0 to 4294967295 or 0xffffffff") \
        X(KEY_PUBLIC_KEY, 1u << 3, PublicKey, \
          "PublicKey wants 44 characters of base64, as `wg pubkey` prints them") \
        X(KEY_PRESHARED_KEY, 1u << 4, PresharedKey, \
          "PresharedKey wants 44 characters of base64, as `wg genpsk` prints them") \
        X(KEY_ALLOWED_IPS, 1u << 5, AllowedIPs, \
          "AllowedIPs wants addresses like 192.0.2.0/24 or 2001:db8::/32 with commas between") \
        X(KEY_ENDPOINT, 1u << 6, Endpoint, \
          "Endpoint wants a host and a port, like 192.0.2.1:51820 or [2001:db8::1]:51820") \
        X(KEY_PERSISTENT_KEEPALIVE, 1u << 7, PersistentKeepalive, \
          "PersistentKeepalive wants off or a number of seconds from 0 to 65535") \
        X(KEY_ADDRESS, 1u << 8, Address, BELONGS_TO_WG_QUICK("Address")) \
        X(KEY_DNS, 1u << 9, DNS, BELONGS_TO_WG_QUICK("DNS")) \
        X(KEY_MTU, 1u << 10, MTU, BELONGS_TO_WG_QUICK("MTU")) \
        X(KEY_TABLE, 1u << 11, Table, BELONGS_TO_WG_QUICK("Table")) \
        X(KEY_PRE_UP, 1u << 12, PreUp, BELONGS_TO_WG_QUICK("PreUp")) \
        X(KEY_POST_UP, 1u << 13, PostUp, BELONGS_TO_WG_QUICK("PostUp")) \
        X(KEY_PRE_DOWN, 1u << 14, PreDown, BELONGS_TO_WG_QUICK("PreDown")) \
        X(KEY_POST_DOWN, 1u << 15, PostDown, BELONGS_TO_WG_QUICK("PostDown")) \
        X(KEY_SAVE_CONFIG, 1u << 16, SaveConfig, BELONGS_TO_WG_QUICK("SaveConfig"))
WG_FLAGS_DECLARE(tl_wgconf_key, KEYS)
WG_FLAGS_DEFINE(tl_wgconf_key, KEYS)

#define INTERFACE_KEYS (KEY_PRIVATE_KEY | KEY_LISTEN_PORT | KEY_FWMARK)
#define PEER_KEYS \
        (KEY_PUBLIC_KEY | KEY_PRESHARED_KEY | KEY_ALLOWED_IPS | KEY_ENDPOINT | \
         KEY_PERSISTENT_KEEPALIVE)

struct reader {
        struct tl_conf_device device; /* the configuration so far */
        struct tl_conf_error *error;
        enum tl_wgconf_section section;
        bool lacks_public_key;           /* the peer whose section this is */
        uint32_t peer_line, peer_column; /* of that section's header */
        uint32_t line_number;
        struct tl_text raw; /* the line as it stands in the text, without its comment */
        char *line;         /* its bytes but white space; room for the longest line */
};

/* The C locale's white space, whatever locale is set. Bytes of keys are asked about too, and tell
 * only that they are none. */
static bool is_space(char c)
{
        uint32_t byte = (uint8_t)c;
        uint32_t space = tl_mask_range(byte, ' ', ' ') | tl_mask_range(byte, '\t', '\r');

        wg_declassify(&space, sizeof(space));
        return space != 0;
}

/* The column of the byte that came to be the index-th of the line without white space; of the end
 * of the last one where the line has no more. */
static size_t find_column(const struct reader *r, size_t index)
{
        size_t end = 0;

        for (size_t i = 0; i < r->raw.len; i++) {
                if (is_space(r->raw.at[i]))
                        continue;
                if (!index--)
                        return i + 1;
                end = i + 1;
        }
        return end + 1;
}

/* Tells the mistake in this column. Returns false. */
static bool fail_at(struct reader *r, size_t column, const char *message)
{
        *r->error = (struct tl_conf_error){
                .errnum = EINVAL,
                .line = r->line_number,
                .column = (uint32_t)column,
                .message = message,
        };
        return false;
}

/* The same, for the mistake at this byte of r->line. */
static bool fail(struct reader *r, const char *at, const char *message)
{
        return fail_at(r, find_column(r, (size_t)(at - r->line)), message);
}

static bool fail_memory(struct reader *r)
{
        *r->error = (struct tl_conf_error){
                .errnum = ENOMEM,
                .line = WG_MAX(r->line_number, 1u),
                .column = 1,
                .message = "out of memory",
        };
        return false;
}

static bool parse_key(struct tl_text value, uint8_t key[TL_CONF_KEY_LEN])
{
        return tl_base64_decode(key, TL_CONF_KEY_LEN, value.at, value.len);
}

static bool parse_u16(struct tl_text value, uint16_t *number)
{
        uint32_t wide;

        if (!tl_text_to_number(value, UINT16_MAX, &wide))
                return false;
        *number = (uint16_t)wide;
        return true;
}

/* Letters, digits, '-', '_' and '.', and not digits alone after the last dot before the end: that
 * is an address with a mistake in it. */
static bool is_host_name(struct tl_text text)
{
        bool is_number = true;

        if (!text.len || text.len > NAME_LEN_MAX)
                return false;
        for (size_t i = 0; i < text.len; i++) {
                char c = text.at[i];
                bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

                if (c == '.' && i + 1 < text.len)
                        is_number = true;
                else if (is_letter || c == '-' || c == '_')
                        is_number = false;
                else if (c != '.' && (c < '0' || c > '9'))
                        return false;
        }
        return !is_number;
}

static bool copy_host_name(struct reader *r, struct tl_text text, char **name)
{
        char *copy = malloc(text.len + 1);

        if (!copy)
                return fail_memory(r);
        memcpy(copy, text.at, text.len);
        copy[text.len] = '\0';
        *name = copy;
        return true;
}

static bool apply_endpoint(struct reader *r, struct tl_conf_peer *peer, struct tl_text value)
{
        struct wg_endpoint *endpoint = &peer->endpoint;
        struct tl_text host, port;
        bool is_bracketed;

        free(peer->endpoint_host);
        peer->endpoint_host = NULL;
        peer->has_endpoint = true;
        *endpoint = (struct wg_endpoint){0};
        if (!tl_address_split_endpoint(value, &host, &port, &is_bracketed))
                return fail(r, value.at, tl_wgconf_key_text(KEY_ENDPOINT));
        if (!tl_address_parse_port(port, &endpoint->port))
                return fail(r, port.at, "an Endpoint's port is a number from 1 to 65535");
        if (tl_address_parse_host(host, &endpoint->ip, &endpoint->scope, peer->zone))
                return true;
        if (!is_host_name(host))
                return fail(r, host.at, "this is neither an address nor a host name");
        memset(peer->zone, 0, sizeof(peer->zone));
        return copy_host_name(r, host, &peer->endpoint_host);
}

static bool apply_allowed_ips(struct reader *r, struct tl_conf_peer *peer, struct tl_text value)
{
        struct wg_prefix prefix;

        for (;;) {
                size_t comma = tl_text_find(value, ',');
                struct tl_text item = tl_text_head(value, comma);
                bool remove = item.len && item.at[0] == '-';

                if (remove || (item.len && item.at[0] == '+')) {
                        peer->replace_allowed_ips = false;
                        item = tl_text_tail(item, 1);
                }
                if (!tl_address_parse_prefix(item, &prefix))
                        return fail(r, value.at, tl_wgconf_key_text(KEY_ALLOWED_IPS));
                if (!tl_conf_device_add_allowed_ip(&r->device, &prefix, remove))
                        return fail_memory(r);
                if (comma == value.len)
                        return true;
                value = tl_text_tail(value, comma + 1);
        }
}

/* Puts the value of a key that may stand here where it belongs. */
static bool apply(struct reader *r, enum tl_wgconf_key key, struct tl_text value)
{
        struct tl_conf_device *device = &r->device;
        struct tl_conf_peer *peer = tl_conf_device_last_peer(device);
        bool is_off = tl_text_is_caseless(value, "off"), is_good = false;

        switch (key) {
        case KEY_PRIVATE_KEY:
                is_good = parse_key(value, device->private_key);
                break;
        case KEY_LISTEN_PORT:
                is_good = parse_u16(value, &device->listen_port);
                break;
        case KEY_FWMARK:
                device->fwmark = 0;
                is_good = is_off || tl_text_to_number_any(value, UINT32_MAX, &device->fwmark);
                break;
        case KEY_PUBLIC_KEY:
                r->lacks_public_key = false;
                is_good = parse_key(value, peer->public_key);
                break;
        case KEY_PRESHARED_KEY:
                is_good = parse_key(value, peer->preshared_key);
                break;
        case KEY_ALLOWED_IPS:
                return apply_allowed_ips(r, peer, value);
        case KEY_ENDPOINT:
                return apply_endpoint(r, peer, value);
        case KEY_PERSISTENT_KEEPALIVE:
                peer->has_persistent_keepalive = true;
                peer->persistent_keepalive_s = 0;
                is_good = is_off || parse_u16(value, &peer->persistent_keepalive_s);
                break;
        case KEY_ADDRESS:
        case KEY_DNS:
        case KEY_MTU:
        case KEY_TABLE:
        case KEY_PRE_UP:
        case KEY_POST_UP:
        case KEY_PRE_DOWN:
        case KEY_POST_DOWN:
        case KEY_SAVE_CONFIG:
                return fail(r, r->line, tl_wgconf_key_text(key));
        }
        return is_good || fail(r, value.at, tl_wgconf_key_text(key));
}

/* What is wrong with a key, known or not (0), in this section; NULL: nothing. */
static const char *find_misplacement(enum tl_wgconf_section section, uint32_t key)
{
        switch (section) {
        case SECTION_NONE:
                return "the text begins with [Interface] or [Peer]";
        case SECTION_INTERFACE:
                if (!key)
                        return "there is no such key: [Interface] has PrivateKey, ListenPort, "
                               "FwMark";
                return key & PEER_KEYS ? "this key belongs into a section [Peer]" : NULL;
        case SECTION_PEER:
                if (!key)
                        return "there is no such key: [Peer] has PublicKey, PresharedKey, "
                               "AllowedIPs, Endpoint, PersistentKeepalive";
                return key & INTERFACE_KEYS ? "this key belongs into the section [Interface]"
                                            : NULL;
        }
        return NULL;
}

static bool parse_setting(struct reader *r, struct tl_text line)
{
        size_t equals = tl_text_find(line, '=');
        const char *misplacement;
        uint32_t key = 0;

        if (equals == line.len)
                return fail(r, line.at, "a line is [Interface], [Peer] or Key = value");
        WG_ENUM_EACH(m, &tl_wgconf_key_enum)
                if (tl_text_is_caseless(tl_text_head(line, equals), m->name))
                        key = m->value;
        misplacement = find_misplacement(r->section, key);
        if (misplacement)
                return fail(r, line.at, misplacement);
        return apply(r, (enum tl_wgconf_key)key, tl_text_tail(line, equals + 1));
}

/* A peer's section ends; it must have named the peer. */
static bool end_section(struct reader *r)
{
        if (!r->lacks_public_key)
                return true;
        *r->error = (struct tl_conf_error){
                .errnum = EINVAL,
                .line = r->peer_line,
                .column = r->peer_column,
                .message = "this [Peer] has no PublicKey",
        };
        return false;
}

static bool begin_peer(struct reader *r)
{
        static const uint8_t unknown[TL_CONF_KEY_LEN] = {0};
        struct tl_conf_peer *peer = tl_conf_device_add_peer(&r->device, unknown);

        if (!peer)
                return fail_memory(r);
        peer->replace_allowed_ips = true;
        peer->has_preshared_key = true;
        r->section = SECTION_PEER;
        r->lacks_public_key = true;
        r->peer_line = r->line_number;
        r->peer_column = (uint32_t)find_column(r, 0);
        return true;
}

static bool parse_section(struct reader *r, struct tl_text line)
{
        if (!end_section(r))
                return false;
        if (tl_text_is_caseless(line, "[Peer]"))
                return begin_peer(r);
        if (!tl_text_is_caseless(line, "[Interface]"))
                return fail(r, line.at, "there is no such section: use [Interface] or [Peer]");
        r->section = SECTION_INTERFACE;
        return true;
}

static bool has_byte_order_mark(struct tl_text text)
{
        return text.len >= 3 && memcmp(text.at, "\xef\xbb\xbf", 3) == 0;
}

static bool parse_line(struct reader *r, struct tl_text raw)
{
        size_t nul = tl_text_find(raw, '\0');
        struct tl_text line = {r->line, 0};

        r->line_number++;
        r->raw = tl_text_head(raw, tl_text_find(raw, '#'));
        if (nul < raw.len)
                return fail_at(r, nul + 1, "a NUL byte is not text");
        if (r->line_number == 1 && has_byte_order_mark(raw))
                return fail_at(r, 1, "a byte order mark is no part of the text: save it without");
        for (size_t i = 0; i < r->raw.len; i++)
                if (!is_space(r->raw.at[i]))
                        r->line[line.len++] = r->raw.at[i];
        if (!line.len)
                return true;
        return line.at[0] == '[' ? parse_section(r, line) : parse_setting(r, line);
}

static bool parse_lines(struct reader *r, struct tl_text text)
{
        while (text.len) {
                size_t newline = tl_text_find(text, '\n');

                if (!parse_line(r, tl_text_head(text, newline)))
                        return false;
                text = tl_text_tail(text, WG_MIN(newline + 1, text.len));
        }
        return end_section(r);
}

static size_t find_longest_line(struct tl_text text)
{
        size_t longest = 0;

        while (text.len) {
                size_t newline = tl_text_find(text, '\n');

                longest = WG_MAX(longest, newline);
                text = tl_text_tail(text, WG_MIN(newline + 1, text.len));
        }
        return longest;
}

bool tl_wgconf_parse(const char *text, size_t len, struct tl_conf_device *device,
                     struct tl_conf_error *error)
{
        struct tl_text whole = {text, len};
        size_t longest = find_longest_line(whole);
        struct reader r = {.error = error};
        bool is_good;

        tl_conf_device_init(&r.device);
        r.device.replace_peers = true;
        r.device.has_private_key = r.device.has_listen_port = r.device.has_fwmark = true;
        r.line = malloc(longest + 1);
        is_good = r.line ? parse_lines(&r, whole) : fail_memory(&r);
        if (is_good)
                *device = r.device;
        else
                tl_conf_device_done(&r.device);
        if (r.line)
                wg_wipe(r.line, longest);
        free(r.line);
        wg_wipe(&r, sizeof(r));
        return is_good;
}
