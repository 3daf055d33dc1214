/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "conf/wgconf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/enum.h"
#include "conf/address.h"
#include "conf/base64.h"
#include "conf/mask.h"
#include "conf/text.h"

#define SERVICE_LEN_MAX 63
#define NAME_LEN_MAX 253 /* the text form of 255 bytes, the limit of RFC 1035 section 2.3.4 */

#define SECTIONS(X) \
        X(SECTION_NONE, 0, none, "before the first section") \
        X(SECTION_INTERFACE, 1, Interface, "[Interface]") \
        X(SECTION_PEER, 2, Peer, "[Peer]") \
        X(SECTION_UNKNOWN, 3, unknown, "an unknown one: its keys were meant for another")
WG_ENUM_DECLARE(tl_wgconf_section, SECTIONS)
WG_ENUM_DEFINE(tl_wgconf_section, SECTIONS)

#define BELONGS_TO_WG_QUICK(name) \
        name " belongs to wg-quick(8): `wg-quick strip' prints the configuration without it"

/* The keys. The text is the message about an invalid value. */
#define KEYS(X) \
        X(KEY_PRIVATE_KEY, 1u << 0, PrivateKey, \
          "PrivateKey must be 44 characters of base64, as printed by `wg genkey'") \
        X(KEY_LISTEN_PORT, 1u << 1, ListenPort, "ListenPort must be a number from 0 to 65535") \
        X(KEY_FWMARK, 1u << 2, FwMark, \
          "FwMark must be off or a number from 0 to 4294967295 (0xffffffff)") \
        X(KEY_PUBLIC_KEY, 1u << 3, PublicKey, \
          "PublicKey must be 44 characters of base64, as printed by `wg pubkey'") \
        X(KEY_PRESHARED_KEY, 1u << 4, PresharedKey, \
          "PresharedKey must be 44 characters of base64, as printed by `wg genpsk'") \
        X(KEY_ALLOWED_IPS, 1u << 5, AllowedIPs, \
          "AllowedIPs must be addresses like 192.0.2.0/24 or 2001:db8::/32, separated by commas") \
        X(KEY_ENDPOINT, 1u << 6, Endpoint, \
          "Endpoint must be a host and a port, like 192.0.2.1:51820 or [2001:db8::1]:51820") \
        X(KEY_PERSISTENT_KEEPALIVE, 1u << 7, PersistentKeepalive, \
          "PersistentKeepalive must be off or a number of seconds from 0 to 65535") \
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
#define WG_QUICK_KEYS (~(uint32_t)(INTERFACE_KEYS | PEER_KEYS))

struct reader {
        struct tl_change change; /* the configuration so far */
        struct tl_mistakes *mistakes;
        bool (*find_service)(const char *name, uint16_t *port);
        bool is_out_of_memory; /* no more lines are read */
        enum tl_wgconf_section section;
        bool lacks_public_key;           /* the peer of this section */
        uint32_t peer_line, peer_column; /* of its header */
        uint32_t line_number;
        struct tl_text raw; /* the line as it is in the text, without its comment */
        size_t raw_start;   /* where the line begins: after a byte order mark, or 0 */
        char *line;         /* its bytes without white space; large enough for any line */
};

/* The white space of the C locale, in any locale. It sees bytes of keys too, and reveals only that
 * they are not white space. */
static bool is_space(char c)
{
        uint32_t byte = (uint8_t)c;
        uint32_t space = tl_mask_range(byte, ' ', ' ') | tl_mask_range(byte, '\t', '\r');

        wg_declassify(&space, sizeof(space));
        return space != 0;
}

/* The column in the text of byte `index` of the line without white space. Past its last byte: the
 * column after that. */
static size_t find_column(const struct reader *r, size_t index)
{
        size_t end = 0;

        for (size_t i = r->raw_start; i < r->raw.len; i++) {
                if (is_space(r->raw.at[i]))
                        continue;
                if (!index--)
                        return i + 1;
                end = i + 1;
        }
        return end + 1;
}

static void tell_at(struct reader *r, uint32_t line, size_t column, const char *message)
{
        tl_mistakes_add(r->mistakes, (struct tl_conf_error){
                                             .errnum = EINVAL,
                                             .line = line,
                                             .column = (uint32_t)column,
                                             .message = message,
                                     });
}

/* Adds a mistake at this byte of r->line. */
static void tell(struct reader *r, const char *at, const char *message)
{
        tell_at(r, r->line_number, find_column(r, (size_t)(at - r->line)), message);
}

static void run_out_of_memory(struct reader *r)
{
        r->is_out_of_memory = true;
        tl_mistakes_add(r->mistakes, (struct tl_conf_error){
                                             .errnum = ENOMEM,
                                             .line = WG_MAX(r->line_number, 1u),
                                             .column = 1,
                                             .message = "out of memory",
                                     });
}

static bool parse_key(struct tl_text value, uint8_t key[TL_CONF_KEY_LEN])
{
        return tl_base64_decode(key, TL_CONF_KEY_LEN, value.at, value.len);
}

/* Reads any number of digits. Like wg, it takes the lowest 16 bits as the port; *is_bad says
 * whether there were more. */
static bool parse_port_number(struct tl_text value, uint16_t *port, bool *is_bad)
{
        uint64_t number = 0;

        if (value.len && value.at[0] == '+')
                value = tl_text_tail(value, 1);
        for (size_t i = 0; i < value.len; i++) {
                if (value.at[i] < '0' || value.at[i] > '9')
                        return false;
                number = number * 10 + (uint64_t)(value.at[i] - '0');
                *is_bad = *is_bad || number > UINT16_MAX;
                number &= UINT16_MAX;
        }
        *port = (uint16_t)number;
        return value.len > 0;
}

/* The same, or the name of a service. */
static bool parse_port(const struct reader *r, struct tl_text value, uint16_t *port, bool *is_bad)
{
        char name[SERVICE_LEN_MAX + 1];

        *is_bad = false;
        if (parse_port_number(value, port, is_bad))
                return true;
        *is_bad = false;
        if (!r->find_service || !value.len || value.len > SERVICE_LEN_MAX)
                return false;
        memcpy(name, value.at, value.len);
        name[value.len] = '\0';
        return r->find_service(name, port);
}

/* Reads an address, or a short IPv4 address, which only getaddrinfo(3) accepts. */
static bool parse_host(struct tl_text host, struct tl_change_peer *peer)
{
        struct wg_endpoint *endpoint = &peer->endpoint;

        return tl_address_parse_host(host, &endpoint->ip, &endpoint->scope, peer->zone) ||
               tl_address_parse_ipv4_any(host, &endpoint->ip);
}

/* Whether the text is a host name: letters, digits, '-', '_', '.' and bytes beyond ASCII. If the
 * last label has only digits, it is an invalid address instead. */
static bool is_host_name(struct tl_text text)
{
        bool is_number = true;

        if (!text.len || text.len > NAME_LEN_MAX)
                return false;
        for (size_t i = 0; i < text.len; i++) {
                char c = text.at[i];
                bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                                 (uint8_t)c >= 0x80;

                if (c == '.' && i + 1 < text.len)
                        is_number = true;
                else if (is_letter || c == '-' || c == '_')
                        is_number = false;
                else if (c != '.' && (c < '0' || c > '9'))
                        return false;
        }
        return !is_number;
}

static void copy_host_name(struct reader *r, struct tl_text text, char **name)
{
        char *copy = malloc(text.len + 1);

        if (!copy) {
                run_out_of_memory(r);
                return;
        }
        memcpy(copy, text.at, text.len);
        copy[text.len] = '\0';
        *name = copy;
}

static void apply_endpoint(struct reader *r, struct tl_change_peer *peer, struct tl_text value)
{
        struct wg_endpoint *endpoint = &peer->endpoint;
        struct tl_text host, port;
        bool is_bracketed, is_bad;

        free(peer->endpoint_host);
        peer->endpoint_host = NULL;
        peer->has_endpoint = true;
        peer->names_bad_port = false;
        memset(peer->zone, 0, sizeof(peer->zone));
        *endpoint = (struct wg_endpoint){0};
        if (!tl_address_split_endpoint(value, &host, &port, &is_bracketed)) {
                tell(r, value.at, tl_wgconf_key_text(KEY_ENDPOINT));
        } else if (!parse_port(r, port, &endpoint->port, &is_bad)) {
                tell(r, port.at,
                     "the port must be a number from 1 to 65535, or the name of a service");
        } else if (is_bad || !endpoint->port) {
                peer->has_endpoint = false;
                peer->names_bad_port = true;
        } else if (parse_host(host, peer)) {
                return;
        } else if (is_host_name(host)) {
                copy_host_name(r, host, &peer->endpoint_host);
        } else {
                tell(r, host.at, "neither an address nor a host name");
        }
}

static void apply_allowed_ip(struct reader *r, struct tl_change_peer *peer, struct tl_text item)
{
        const char *at = item.at;
        bool remove = item.len && item.at[0] == '-';
        struct wg_prefix prefix;

        if (remove || (item.len && item.at[0] == '+')) {
                peer->replace_allowed_ips = false;
                item = tl_text_tail(item, 1);
        }
        if (!tl_address_parse_prefix(item, &prefix))
                tell(r, at, tl_wgconf_key_text(KEY_ALLOWED_IPS));
        else if (!tl_change_add_allowed_ip(&r->change, &prefix, remove))
                run_out_of_memory(r);
}

static void apply_allowed_ips(struct reader *r, struct tl_change_peer *peer, struct tl_text value)
{
        size_t comma = tl_text_find(value, ',');

        peer->names_allowed_ips = true;
        apply_allowed_ip(r, peer, tl_text_head(value, comma));
        while (comma < value.len && !r->is_out_of_memory) {
                value = tl_text_tail(value, comma + 1);
                comma = tl_text_find(value, ',');
                apply_allowed_ip(r, peer, tl_text_head(value, comma));
        }
}

/* Stores the value of a key that is allowed here. */
static void apply(struct reader *r, enum tl_wgconf_key key, struct tl_text value)
{
        struct tl_change *change = &r->change;
        struct tl_change_peer *peer = tl_change_last_peer(change);
        bool is_off = tl_text_is_caseless(value, "off"), is_good = false, is_bad;

        switch (key) {
        case KEY_PRIVATE_KEY:
                change->names_private_key = true;
                is_good = parse_key(value, change->private_key);
                break;
        case KEY_LISTEN_PORT:
                change->names_listen_port = true;
                is_good = parse_port(r, value, &change->listen_port, &is_bad);
                change->bad_listen_port_line = is_bad ? r->line_number : 0;
                change->bad_listen_port_column = (uint32_t)find_column(
                        r, (size_t)(value.at - r->line));
                break;
        case KEY_FWMARK:
                change->names_fwmark = true;
                change->fwmark = 0;
                is_good = is_off || tl_text_to_number_any(value, UINT32_MAX, &change->fwmark);
                break;
        case KEY_PUBLIC_KEY:
                r->lacks_public_key = false;
                is_good = parse_key(value, peer->public_key);
                break;
        case KEY_PRESHARED_KEY:
                peer->names_preshared_key = true;
                is_good = parse_key(value, peer->preshared_key);
                break;
        case KEY_ALLOWED_IPS:
                apply_allowed_ips(r, peer, value);
                return;
        case KEY_ENDPOINT:
                apply_endpoint(r, peer, value);
                return;
        case KEY_PERSISTENT_KEEPALIVE:
                peer->has_persistent_keepalive = true;
                peer->persistent_keepalive_s = 0;
                is_good = is_off || tl_text_to_u16(value, &peer->persistent_keepalive_s);
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
                return; /* an unknown key in an unknown section */
        }
        if (!is_good)
                tell(r, value.at, tl_wgconf_key_text(key));
}

/* Says why a key (0: an unknown one) is not allowed in this section. NULL: it is, or the section
 * itself is the mistake. */
static const char *find_misplacement(enum tl_wgconf_section section, uint32_t key)
{
        switch (section) {
        case SECTION_NONE:
        case SECTION_UNKNOWN:
                return NULL;
        case SECTION_INTERFACE:
                if (!key)
                        return "unknown key: [Interface] has PrivateKey, ListenPort, "
                               "FwMark, and for wg-quick(8) also Address, DNS, MTU, Table, PreUp, "
                               "PostUp, PreDown, PostDown, SaveConfig";
                if (key & WG_QUICK_KEYS)
                        return tl_wgconf_key_text((enum tl_wgconf_key)key);
                return key & PEER_KEYS ? "this key belongs in a [Peer] section" : NULL;
        case SECTION_PEER:
                if (!key)
                        return "unknown key: [Peer] has PublicKey, PresharedKey, "
                               "AllowedIPs, Endpoint, PersistentKeepalive";
                if (key & WG_QUICK_KEYS)
                        return "this wg-quick(8) key belongs in the [Interface] section";
                return key & INTERFACE_KEYS ? "this key belongs in the [Interface] section" : NULL;
        }
        return NULL;
}

static bool begins_caseless(struct tl_text text, const char *word)
{
        size_t len = strlen(word);

        return text.len >= len && tl_text_is_caseless(tl_text_head(text, len), word);
}

/* Whether a line with an unknown key may have been meant to name the peer. Then the missing
 * PublicKey is not reported as a second mistake. */
static bool is_like_public_key(struct tl_text name, struct tl_text value)
{
        uint8_t key[TL_CONF_KEY_LEN];
        bool is_key = parse_key(value, key);

        wg_wipe(key, sizeof(key));
        return begins_caseless(name, "Pub") || (is_key && !begins_caseless(name, "Pr"));
}

/* Ends the section of a peer, which must have a public key. */
static void end_section(struct reader *r)
{
        if (r->lacks_public_key)
                tell_at(r, r->peer_line, r->peer_column, "this [Peer] has no PublicKey");
        r->lacks_public_key = false;
}

/* Adds the peer that takes the keys of a section. Returns NULL if there is no memory. */
static struct tl_change_peer *begin_section_with_peer(struct reader *r,
                                                      enum tl_wgconf_section section)
{
        static const uint8_t unknown[TL_CONF_KEY_LEN] = {0};
        struct tl_change_peer *peer = tl_change_add_peer(&r->change, unknown);

        if (!peer)
                run_out_of_memory(r);
        r->section = section;
        return peer;
}

static void begin_peer(struct reader *r)
{
        struct tl_change_peer *peer = begin_section_with_peer(r, SECTION_PEER);

        if (!peer)
                return;
        peer->replace_allowed_ips = true;
        peer->has_preshared_key = true;
        r->lacks_public_key = true;
        r->peer_line = r->line_number;
        r->peer_column = (uint32_t)find_column(r, 0);
}

/* Begins keys without a valid section. They are one mistake together; apart from that, only their
 * values can be invalid. Returns false if there is no memory. */
static bool begin_unknown(struct reader *r, const char *at, const char *message)
{
        tell(r, at, message);
        return begin_section_with_peer(r, SECTION_UNKNOWN) != NULL;
}

static void parse_section(struct reader *r, struct tl_text line)
{
        end_section(r);
        if (tl_text_is_caseless(line, "[Peer]"))
                begin_peer(r);
        else if (tl_text_is_caseless(line, "[Interface]"))
                r->section = SECTION_INTERFACE;
        else
                (void)begin_unknown(r, line.at, "unknown section: use [Interface] or [Peer]");
}

static uint32_t find_key(struct tl_text name)
{
        WG_ENUM_EACH(m, &tl_wgconf_key_enum)
                if (tl_text_is_caseless(name, m->name))
                        return m->value;
        return 0;
}

static void parse_setting(struct reader *r, struct tl_text line, size_t equals)
{
        struct tl_text name = tl_text_head(line, equals), value = tl_text_tail(line, equals + 1);
        uint32_t key = find_key(name);
        const char *misplacement = find_misplacement(r->section, key);

        if (!key && is_like_public_key(name, value))
                r->lacks_public_key = false;
        if (misplacement)
                tell(r, line.at, misplacement);
        else if (key)
                apply(r, (enum tl_wgconf_key)key, value);
}

/* Parses a line without white space that is not empty. */
static void parse_words(struct reader *r, struct tl_text line)
{
        size_t equals = tl_text_find(line, '=');
        bool is_setting = equals < line.len;

        if (line.at[0] == '[' || (!is_setting && line.at[line.len - 1] == ']')) {
                parse_section(r, line);
                return;
        }
        if (r->section == SECTION_NONE &&
            !begin_unknown(r, line.at, "the file must begin with [Interface] or [Peer]"))
                return;
        if (is_setting)
                parse_setting(r, line, equals);
        else if (r->section != SECTION_UNKNOWN)
                tell(r, line.at, "expected [Interface], [Peer] or Key = value");
}

/* Skips a byte order mark, which some editors put before the first line, and reports it. */
static void skip_byte_order_mark(struct reader *r)
{
        r->raw_start = 0;
        if (r->line_number != 1 || !tl_text_begins_with(r->raw, "\xef\xbb\xbf"))
                return;
        r->raw_start = 3;
        tell_at(r, 1, 1, "the file begins with a byte order mark: save it without one");
}

static void parse_line(struct reader *r, struct tl_text raw)
{
        size_t nul = tl_text_find(raw, '\0');
        struct tl_text line = {r->line, 0};

        r->line_number++;
        r->raw = tl_text_head(raw, tl_text_find(raw, '#'));
        if (nul < raw.len) {
                tell_at(r, r->line_number, nul + 1, "the line contains a NUL byte");
                r->lacks_public_key = false; /* perhaps this line had it */
                return;
        }
        skip_byte_order_mark(r);
        for (size_t i = r->raw_start; i < r->raw.len; i++)
                if (!is_space(r->raw.at[i]))
                        r->line[line.len++] = r->raw.at[i];
        if (line.len)
                parse_words(r, line);
}

static void parse_lines(struct reader *r, struct tl_text text)
{
        if (tl_text_begins_with(text, "\xff\xfe") || tl_text_begins_with(text, "\xfe\xff")) {
                tell_at(r, 1, 1, "the file is UTF-16: save it as UTF-8");
                return;
        }
        while (text.len && !r->is_out_of_memory) {
                size_t newline = tl_text_find(text, '\n');

                parse_line(r, tl_text_head(text, newline));
                text = tl_text_tail(text, WG_MIN(newline + 1, text.len));
        }
        end_section(r);
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

bool tl_wgconf_parse(const char *text, size_t len, struct tl_change *change,
                     struct tl_mistakes *mistakes)
{
        return tl_wgconf_parse_with(text, len, NULL, change, mistakes);
}

bool tl_wgconf_parse_with(const char *text, size_t len,
                          bool (*find_service)(const char *name, uint16_t *port),
                          struct tl_change *change, struct tl_mistakes *mistakes)
{
        struct tl_text whole = {text, len};
        size_t longest = find_longest_line(whole);
        uint32_t before = mistakes->count;
        struct reader r = {.mistakes = mistakes, .find_service = find_service};
        bool is_good;

        tl_change_init(&r.change);
        r.change.replace_peers = true;
        r.change.has_private_key = r.change.has_listen_port = r.change.has_fwmark = true;
        r.line = malloc(longest + 1);
        if (r.line)
                parse_lines(&r, whole);
        else
                run_out_of_memory(&r);
        is_good = mistakes->count == before;
        /* It is reported as a mistake only if there are others. */
        if (mistakes->count)
                (void)!tl_wgconf_refuse_listen_port(&r.change, mistakes);
        if (is_good)
                *change = r.change;
        else
                tl_change_done(&r.change);
        if (r.line)
                wg_wipe(r.line, longest);
        free(r.line);
        wg_wipe(&r, sizeof(r));
        return is_good;
}

bool tl_wgconf_refuse_listen_port(const struct tl_change *change, struct tl_mistakes *mistakes)
{
        if (!change->bad_listen_port_line)
                return false;
        tl_mistakes_add(mistakes, (struct tl_conf_error){
                                          .errnum = EINVAL,
                                          .line = change->bad_listen_port_line,
                                          .column = change->bad_listen_port_column,
                                          .message = tl_wgconf_key_text(KEY_LISTEN_PORT),
                                  });
        return true;
}

void tl_wgconf_keep_unnamed(struct tl_change *change)
{
        change->replace_peers = false;
        change->has_private_key = change->names_private_key;
        change->has_listen_port = change->names_listen_port;
        change->has_fwmark = change->names_fwmark;
        for (uint32_t i = 0; i < change->peer_count; i++) {
                struct tl_change_peer *peer = tl_change_peer_at(change, i);

                peer->has_preshared_key = peer->names_preshared_key;
                peer->replace_allowed_ips = peer->replace_allowed_ips && peer->names_allowed_ips;
        }
}

uint32_t tl_wgconf_count_bad_ports(const struct tl_change *change)
{
        uint32_t count = 0;

        for (uint32_t i = 0; i < change->peer_count; i++)
                count += tl_change_peer_at(change, i)->names_bad_port;
        return count;
}
