/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "conf/wgquick.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/prefix.h"
#include "conf/address.h"

WG_ENUM_DEFINE(tl_wgquick_hook, TL_WGQUICK_HOOKS)
WG_ENUM_DEFINE(tl_wgquick_routing, TL_WGQUICK_ROUTINGS)

/* The keys. The text is the message about an invalid value. */
#define KEYS(X) \
        X(KEY_ADDRESS, 0, Address, \
          "Address must be addresses like 192.0.2.1/24 or 2001:db8::1/64, separated by commas") \
        X(KEY_DNS, 1, DNS, "DNS must be addresses and search domains, separated by commas") \
        X(KEY_MTU, 2, MTU, "MTU must be a number from 68 to 65535") \
        X(KEY_TABLE, 3, Table, \
          "Table must be auto, off, or the number or name of a routing table") \
        X(KEY_PRE_UP, 4, PreUp, "PreUp needs a command") \
        X(KEY_POST_UP, 5, PostUp, "PostUp needs a command") \
        X(KEY_PRE_DOWN, 6, PreDown, "PreDown needs a command") \
        X(KEY_POST_DOWN, 7, PostDown, "PostDown needs a command") \
        X(KEY_SAVE_CONFIG, 8, SaveConfig, "SaveConfig must be true or false")
WG_ENUM_DECLARE(tl_wgquick_key, KEYS)
WG_ENUM_DEFINE(tl_wgquick_key, KEYS)

/* Iterates over the lines of a text. */
struct lines {
        struct tl_text rest;
        bool is_interface; /* in [Interface] */
        bool is_peer;      /* in [Peer] */

        /* The current line. */
        struct tl_text line; /* with its newline, if it has one */
        uint32_t number;     /* from 1 */
        bool is_ours;        /* one of these keys in [Interface] */
        bool is_misplaced;   /* one of these keys in an unknown section, or before the first */
        enum tl_wgquick_key key;
        struct tl_text value; /* without the white space around it */
};

struct reader {
        struct lines lines;
        struct tl_wgquick quick;     /* the result so far */
        struct tl_wgquick misplaced; /* the same from misplaced keys, which are ignored */
        struct tl_wgquick *into;     /* the one that gets this line */
        struct tl_mistakes *mistakes;
        bool is_out_of_memory; /* no more lines are read */
};

/* The white space of the C locale, in any locale. */
static bool is_space(char c)
{
        return c == ' ' || (c >= '\t' && c <= '\r');
}

static struct tl_text trim(struct tl_text text)
{
        while (text.len && is_space(text.at[0]))
                text = tl_text_tail(text, 1);
        while (text.len && is_space(text.at[text.len - 1]))
                text.len--;
        return text;
}

/* Whether the line is this header, which is given in lower case. Like wg(8), this ignores white
 * space everywhere in it. */
static bool is_header(struct tl_text text, const char *header)
{
        size_t len = strlen(header), matched = 0;

        for (size_t i = 0; i < text.len; i++) {
                char c = text.at[i];

                if (is_space(c))
                        continue;
                if (c >= 'A' && c <= 'Z')
                        c = (char)(c - 'A' + 'a');
                if (matched == len || c != header[matched++])
                        return false;
        }
        return matched == len;
}

static void look_for_key(struct lines *lines, struct tl_text text)
{
        size_t equals = tl_text_find(text, '=');
        struct tl_text name = trim(tl_text_head(text, equals));

        if (lines->is_peer || equals == text.len)
                return;
        WG_ENUM_EACH(m, &tl_wgquick_key_enum) {
                if (!tl_text_is_caseless(name, m->name))
                        continue;
                lines->is_ours = lines->is_interface;
                /* tl_wgconf_parse() reports the NUL byte. */
                lines->is_misplaced = !lines->is_interface && tl_text_find(text, '\0') == text.len;
                lines->key = (enum tl_wgquick_key)m->value;
                lines->value = trim(tl_text_tail(text, equals + 1));
        }
}

/* This is a mistake, which tl_wgconf_parse() reports. */
static struct tl_text skip_byte_order_mark(struct tl_text text)
{
        return tl_text_begins_with(text, "\xef\xbb\xbf") ? tl_text_tail(text, 3) : text;
}

/* Goes to the next line. False: there is none. */
static bool next_line(struct lines *lines)
{
        size_t newline = tl_text_find(lines->rest, '\n');
        struct tl_text text = tl_text_head(lines->rest, newline);

        if (!lines->rest.len)
                return false;
        lines->line = tl_text_head(lines->rest, WG_MIN(newline + 1, lines->rest.len));
        lines->rest = tl_text_tail(lines->rest, lines->line.len);
        lines->number++;
        lines->is_ours = lines->is_misplaced = false;
        if (lines->number == 1)
                text = skip_byte_order_mark(text);
        text = trim(tl_text_head(text, tl_text_find(text, '#')));
        if (text.len && text.at[0] == '[') {
                lines->is_interface = is_header(text, "[interface]");
                lines->is_peer = is_header(text, "[peer]");
        } else {
                look_for_key(lines, text);
        }
        return true;
}

static void tell(struct reader *r, int errnum, const char *at, const char *message)
{
        tl_mistakes_add(r->mistakes, (struct tl_conf_error){
                                             .errnum = errnum,
                                             .line = r->lines.number,
                                             .column = (uint32_t)(at - r->lines.line.at) + 1,
                                             .message = message,
                                     });
}

/* Adds the mistake that this part of the value is invalid for the key of this line. */
static void tell_value(struct reader *r, struct tl_text part)
{
        tell(r, EINVAL, part.at, tl_wgquick_key_text(r->lines.key));
}

static void run_out_of_memory(struct reader *r)
{
        r->is_out_of_memory = true;
        tell(r, ENOMEM, r->lines.line.at, "out of memory");
}

/* Makes room for another item. Returns false, and changes nothing, if there is no memory. */
static bool grow(void **items, uint32_t count, uint32_t *capacity, size_t size)
{
        uint32_t wanted = *capacity ? *capacity * 2 : 4;
        void *bigger;

        if (count < *capacity)
                return true;
        bigger = reallocarray(*items, wanted, size);
        if (!bigger)
                return false;
        *items = bigger;
        *capacity = wanted;
        return true;
}

static void append(struct reader *r, struct tl_wgquick_list *list, struct tl_text item)
{
        if (grow((void **)&list->items, list->count, &list->capacity, sizeof(*list->items)))
                list->items[list->count++] = item;
        else
                run_out_of_memory(r);
}

/* Removes the next word from a list; white space or commas separate words. False: there is none. */
static bool next_word(struct tl_text *list, struct tl_text *word)
{
        size_t len = 0;

        while (list->len && (is_space(list->at[0]) || list->at[0] == ','))
                *list = tl_text_tail(*list, 1);
        while (len < list->len && !is_space(list->at[len]) && list->at[len] != ',')
                len++;
        *word = tl_text_head(*list, len);
        *list = tl_text_tail(*list, len);
        return len > 0;
}

/* ip(8) reads numbers in C notation, and allows a leading +. */
static bool parse_number(struct tl_text text, uint32_t max, uint32_t *number)
{
        if (text.len && text.at[0] == '+')
                text = tl_text_tail(text, 1);
        return tl_text_to_number_c(text, max, number);
}

/* Reads up to four numbers; missing bytes are 0. */
static bool parse_short_ipv4(struct tl_text text, struct wg_ip *ip)
{
        struct wg_ip result = {.family = WG_FAMILY_IPV4};
        uint32_t number;

        for (unsigned int i = 0; i < 4; i++) {
                size_t dot = tl_text_find(text, '.');

                if (!parse_number(tl_text_head(text, dot), UINT8_MAX, &number))
                        return false;
                result.bytes[i] = (uint8_t)number;
                if (dot == text.len) {
                        *ip = result;
                        return true;
                }
                text = tl_text_tail(text, dot + 1);
        }
        return false;
}

/* Reads a prefix length, or an IPv4 netmask. */
static bool parse_mask(struct tl_text text, const struct wg_ip *ip, uint32_t *cidr)
{
        struct wg_ip mask;
        int len;

        if (parse_number(text, wg_ip_bits(ip), cidr))
                return true;
        if (ip->family != WG_FAMILY_IPV4 || !parse_short_ipv4(text, &mask))
                return false;
        len = wg_prefix_netmask_len(&mask);
        *cidr = (uint32_t)len;
        return len >= 0;
}

static bool parse_address(struct tl_text text, struct tl_wgquick_address *address)
{
        size_t slash = tl_text_find(text, '/');
        struct tl_text host = tl_text_head(text, slash);
        uint32_t cidr;

        if (tl_text_is(text, "default")) {
                *address = (struct tl_wgquick_address){.ip.family = WG_FAMILY_IPV4};
                return true;
        }
        if (!tl_address_parse_ip(host, &address->ip) && !parse_short_ipv4(host, &address->ip))
                return false;
        cidr = wg_ip_bits(&address->ip);
        if (slash < text.len && !parse_mask(tl_text_tail(text, slash + 1), &address->ip, &cidr))
                return false;
        address->cidr = (uint8_t)cidr;
        return true;
}

static void read_address(struct reader *r, struct tl_text word)
{
        struct tl_wgquick *quick = r->into;
        struct tl_wgquick_address address;

        if (!parse_address(word, &address))
                tell_value(r, word);
        else if (grow((void **)&quick->addresses, quick->address_count, &quick->address_capacity,
                      sizeof(address)))
                quick->addresses[quick->address_count++] = address;
        else
                run_out_of_memory(r);
}

static bool is_name_character(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '_' || c == '.' || c == '+';
}

/* Whether programs take the word as a name, never as an option. */
static bool is_name(struct tl_text text)
{
        if (!text.len || text.at[0] == '-')
                return false;
        for (size_t i = 0; i < text.len; i++)
                if (!is_name_character(text.at[i]))
                        return false;
        return true;
}

/* Whether it is a name, which may have letters beyond ASCII. */
static bool is_domain_name(struct tl_text text)
{
        if (!text.len || text.at[0] == '-')
                return false;
        for (size_t i = 0; i < text.len; i++)
                if ((uint8_t)text.at[i] < 0x80 && !is_name_character(text.at[i]))
                        return false;
        return true;
}

/* Whether the text, valid or not, is meant as an address: it has only digits and dots, or a
 * colon. */
static bool looks_like_address(struct tl_text text)
{
        if (tl_text_find(text, ':') < text.len)
                return true;
        for (size_t i = 0; i < text.len; i++)
                if (text.at[i] != '.' && (text.at[i] < '0' || text.at[i] > '9'))
                        return false;
        return true;
}

static bool parse_server(struct tl_text text, struct tl_wgquick_server *server)
{
        size_t percent = tl_text_find(text, '%');
        bool has_zone = percent < text.len;

        server->zone = tl_text_tail(text, percent + has_zone);
        if (!tl_address_parse_ip(tl_text_head(text, percent), &server->ip))
                return false;
        return !has_zone || (server->ip.family == WG_FAMILY_IPV6 && is_name(server->zone) &&
                             server->zone.len < TL_CONF_ZONE_SIZE);
}

static void read_dns(struct reader *r, struct tl_text word)
{
        struct tl_wgquick *quick = r->into;
        bool is_domain = !looks_like_address(word);
        bool is_route = is_domain && word.at[0] == '~'; /* a routing domain of resolvectl(1) */
        struct tl_wgquick_server server;

        if (is_domain ? !is_domain_name(tl_text_tail(word, is_route))
                      : !parse_server(word, &server))
                tell_value(r, word);
        else if (is_domain)
                append(r, &quick->dns_search, word);
        else if (grow((void **)&quick->dns, quick->dns_count, &quick->dns_capacity, sizeof(server)))
                quick->dns[quick->dns_count++] = server;
        else
                run_out_of_memory(r);
}

/* Reads each word. After a mistake, continues after the next comma, because the words before it may
 * belong together. */
static void read_words(struct reader *r, void (*read)(struct reader *r, struct tl_text word))
{
        struct tl_text list = r->lines.value, word;

        while (!r->is_out_of_memory && next_word(&list, &word)) {
                uint32_t before = r->mistakes->count;

                read(r, word);
                if (r->mistakes->count != before)
                        list = tl_text_tail(list, tl_text_find(list, ','));
        }
}

static void read_mtu(struct reader *r)
{
        struct tl_text value = r->lines.value;
        uint32_t mtu;

        if (parse_number(value, TL_WGQUICK_MTU_MAX, &mtu) && mtu >= TL_WGQUICK_MTU_MIN)
                r->into->mtu = mtu;
        else
                tell_value(r, value);
}

static void set_table(struct tl_wgquick *quick, enum tl_wgquick_routing routing, bool is_named)
{
        quick->has_table = is_named;
        quick->routing = routing;
        memset(quick->table, 0, sizeof(quick->table));
}

static void read_table(struct reader *r)
{
        struct tl_wgquick *quick = r->into;
        struct tl_text value = r->lines.value;

        if (tl_text_is_caseless(value, "auto")) {
                set_table(quick, TL_WGQUICK_ROUTING_AUTO, true);
        } else if (tl_text_is_caseless(value, "off")) {
                set_table(quick, TL_WGQUICK_ROUTING_OFF, true);
        } else if (value.len < sizeof(quick->table) && is_name(value)) {
                set_table(quick, TL_WGQUICK_ROUTING_TABLE, true);
                memcpy(quick->table, value.at, value.len);
        } else {
                tell_value(r, value);
        }
}

static void read_save_config(struct reader *r)
{
        struct tl_text value = r->lines.value;

        r->into->save_config = tl_text_is_caseless(value, "true");
        if (!r->into->save_config && !tl_text_is_caseless(value, "false"))
                tell_value(r, value);
}

static void read_hook(struct reader *r, enum tl_wgquick_hook hook)
{
        struct tl_text value = r->lines.value;
        size_t nul = tl_text_find(value, '\0');

        if (nul < value.len)
                tell(r, EINVAL, value.at + nul, "the line contains a NUL byte");
        else
                append(r, &r->into->hooks[hook], value);
}

static void read_value(struct reader *r)
{
        switch (r->lines.key) {
        case KEY_ADDRESS:
                read_words(r, read_address);
                break;
        case KEY_DNS:
                read_words(r, read_dns);
                break;
        case KEY_MTU:
                read_mtu(r);
                break;
        case KEY_TABLE:
                read_table(r);
                break;
        case KEY_PRE_UP:
                read_hook(r, TL_WGQUICK_PRE_UP);
                break;
        case KEY_POST_UP:
                read_hook(r, TL_WGQUICK_POST_UP);
                break;
        case KEY_PRE_DOWN:
                read_hook(r, TL_WGQUICK_PRE_DOWN);
                break;
        case KEY_POST_DOWN:
                read_hook(r, TL_WGQUICK_POST_DOWN);
                break;
        case KEY_SAVE_CONFIG:
                read_save_config(r);
                break;
        }
}

/* If the last value of a key counts, an empty one cancels those before. */
static void clear_value(struct reader *r)
{
        if (r->lines.key == KEY_MTU)
                r->into->mtu = 0;
        else if (r->lines.key == KEY_TABLE)
                set_table(r->into, TL_WGQUICK_ROUTING_AUTO, false);
}

static void read_lines(struct reader *r)
{
        struct lines *lines = &r->lines;

        while (!r->is_out_of_memory && next_line(lines)) {
                r->into = lines->is_ours ? &r->quick : &r->misplaced;
                if (!lines->is_ours && !lines->is_misplaced)
                        continue;
                if (lines->value.len)
                        read_value(r);
                else
                        clear_value(r);
        }
}

bool tl_wgquick_parse(const char *text, size_t len, struct tl_wgquick *quick,
                      struct tl_mistakes *mistakes)
{
        struct reader r = {.lines.rest = {text, len}, .mistakes = mistakes};
        uint32_t before = mistakes->count;
        bool is_good;

        read_lines(&r);
        is_good = mistakes->count == before;
        tl_wgquick_done(&r.misplaced);
        if (is_good)
                *quick = r.quick;
        else
                tl_wgquick_done(&r.quick);
        return is_good;
}

void tl_wgquick_format_server(char out[TL_WGQUICK_SERVER_SIZE],
                              const struct tl_wgquick_server *server)
{
        size_t len = tl_address_format_ip(out, &server->ip);

        if (server->zone.len)
                snprintf(out + len, TL_WGQUICK_SERVER_SIZE - len, "%%%.*s", (int)server->zone.len,
                         server->zone.at);
}

void tl_wgquick_done(struct tl_wgquick *quick)
{
        free(quick->addresses);
        free(quick->dns);
        free(quick->dns_search.items);
        for (size_t i = 0; i < TL_WGQUICK_HOOK_COUNT; i++)
                free(quick->hooks[i].items);
        *quick = (struct tl_wgquick){0};
}

void tl_wgquick_blank(char *text, size_t len)
{
        struct lines lines = {.rest = {text, len}};

        while (next_line(&lines)) {
                char *line = text + (lines.line.at - text);

                for (size_t i = 0; lines.is_ours && i < lines.line.len; i++)
                        if (line[i] != '\n')
                                line[i] = ' ';
        }
}

size_t tl_wgquick_strip(char *text, size_t len)
{
        struct lines lines = {.rest = {text, len}};
        size_t kept = 0;

        while (next_line(&lines)) {
                if (lines.is_ours)
                        continue;
                memmove(text + kept, lines.line.at, lines.line.len);
                kept += lines.line.len;
        }
        return kept;
}
