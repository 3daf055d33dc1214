/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "conf/network_value.h"

#include <string.h>

#include "base/mem.h"
#include "conf/address.h"
#include "conf/base64.h"
#include "conf/name.h"

enum { QUOTABLE_MAX = 39, HOST_MAX = 253 };

bool tl_value_prefix(struct tl_text text, struct wg_prefix *prefix, bool *has_host_bits)
{
        size_t slash = tl_text_find(text, '/');
        struct wg_prefix result;
        struct wg_ip ip;

        if (slash == text.len || !tl_address_parse_prefix(text, &result) ||
            !tl_address_parse_ip(tl_text_head(text, slash), &ip))
                return false;
        *prefix = result;
        *has_host_bits = !wg_ip_equal(&ip, &result.ip);
        return true;
}

/* Whether it is a host name, in any case. */
static bool is_host_name(struct tl_text text)
{
        char lower[HOST_MAX];

        if (text.len > sizeof(lower))
                return false;
        for (size_t i = 0; i < text.len; i++) {
                bool is_upper = text.at[i] >= 'A' && text.at[i] <= 'Z';

                lower[i] = is_upper ? (char)(text.at[i] - 'A' + 'a') : text.at[i];
        }
        return tl_name_is_domain((struct tl_text){lower, text.len});
}

static bool is_bracketed(struct tl_text text)
{
        return text.len > 2 && text.at[0] == '[' && text.at[text.len - 1] == ']';
}

bool tl_value_endpoint(struct tl_text text, struct tl_text *host, struct wg_ip *ip, uint16_t *port)
{
        struct tl_text name = text, port_text = {NULL, 0};
        struct wg_ip address = {0};
        uint16_t number = TL_NETWORK_PORT;
        bool has_brackets = is_bracketed(text), has_port = false;

        if (has_brackets)
                name = tl_text_tail(tl_text_head(text, text.len - 1), 1);
        else if (!tl_address_parse_ip(text, &address))
                has_port = tl_address_split_endpoint(text, &name, &port_text, &has_brackets);
        if (has_port && !tl_address_parse_port(port_text, &number))
                return false;
        if (!tl_address_parse_ip(name, &address) && !is_host_name(name))
                return false;
        if (has_brackets && address.family != WG_FAMILY_IPV6)
                return false;
        if (has_port && !has_brackets && address.family == WG_FAMILY_IPV6)
                return false;
        *host = name;
        *ip = address;
        *port = number;
        return true;
}

bool tl_value_ports(struct tl_text text, struct tl_port_range *range)
{
        size_t slash = tl_text_find(text, '/');
        struct tl_text protocol = tl_text_tail(text, slash), ports = tl_text_head(text, slash);
        size_t hyphen = tl_text_find(ports, '-');
        struct tl_port_range result = *range;

        result.protocol = tl_text_is(protocol, "/udp") ? WG_PROTOCOL_UDP : WG_PROTOCOL_TCP;
        if (tl_text_is(text, "icmp")) {
                result.protocol = WG_PROTOCOL_ICMP;
                result.first = result.last = 0;
                *range = result;
                return true;
        }
        if (protocol.len && !tl_text_is(protocol, "/tcp") && !tl_text_is(protocol, "/udp"))
                return false;
        if (!tl_address_parse_port(tl_text_head(ports, hyphen), &result.first))
                return false;
        result.last = result.first;
        if (hyphen < ports.len &&
            !tl_address_parse_port(tl_text_tail(ports, hyphen + 1), &result.last))
                return false;
        if (result.last < result.first)
                return false;
        *range = result;
        return true;
}

bool tl_value_key(struct tl_text text, uint8_t key[TL_CONF_KEY_LEN])
{
        uint8_t bytes[TL_CONF_KEY_LEN], any = 0;

        if (!tl_base64_decode(bytes, sizeof(bytes), text.at, text.len))
                return false;
        for (size_t i = 0; i < sizeof(bytes); i++)
                any |= bytes[i];
        if (any)
                memcpy(key, bytes, sizeof(bytes));
        return any != 0;
}

const struct wg_enum_member *tl_value_word(const struct wg_enum *e, struct tl_text text)
{
        char name[TL_NETWORK_WORD_MAX];

        if (text.len > sizeof(name) || tl_text_find(text, '_') < text.len)
                return NULL;
        for (size_t i = 0; i < text.len; i++)
                name[i] = text.at[i] == '-' ? '_' : text.at[i];
        return wg_enum_by_name(e, name, text.len);
}

bool tl_value_is_quotable(struct tl_text text)
{
        if (!text.len || text.len > QUOTABLE_MAX)
                return false;
        for (size_t i = 0; i < text.len; i++)
                if (text.at[i] < ' ' || text.at[i] > '~' || text.at[i] == '"')
                        return false;
        return true;
}
