/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "conf/flow.h"

#include "conf/address.h"
#include "conf/name.h"

static bool is_space(char c)
{
        return c == ' ' || c == '\t';
}

static struct tl_text trim(struct tl_text text)
{
        while (text.len && is_space(text.at[0]))
                text = tl_text_tail(text, 1);
        while (text.len && is_space(text.at[text.len - 1]))
                text.len--;
        return text;
}

/* The offset of "->"; the length if there is none. */
static size_t find_arrow(struct tl_text text)
{
        for (size_t i = 0; i + 1 < text.len; i++)
                if (text.at[i] == '-' && text.at[i + 1] == '>')
                        return i;
        return text.len;
}

/* Whether it can be a name of the file, "person/device", or an address. */
static bool is_end(struct tl_text text)
{
        struct wg_ip ip;

        return tl_address_parse_ip(text, &ip) || tl_name_is_reference(text);
}

/* Reads "PORT" or "PORT/PROTOCOL". */
static const char *parse_port(struct tl_text text, struct tl_flow *flow, struct tl_text *wrong)
{
        size_t slash = tl_text_find(text, '/');
        struct tl_text protocol = tl_text_tail(text, slash);

        *wrong = tl_text_head(text, slash);
        if (!tl_address_parse_port(*wrong, &flow->port))
                return "the port must be a number from 1 to 65535, as in \"a -> b:443\"";
        flow->protocol = WG_PROTOCOL_TCP;
        *wrong = protocol;
        if (!protocol.len || tl_text_is(protocol, "/tcp"))
                return NULL;
        if (!tl_text_is(protocol, "/udp"))
                return "after the port comes nothing, /tcp or /udp, as in \"a -> b:53/udp\"";
        flow->protocol = WG_PROTOCOL_UDP;
        return NULL;
}

static bool is_ipv6(struct tl_text text)
{
        struct wg_ip ip;

        return tl_address_parse_ip(text, &ip) && ip.family == WG_FAMILY_IPV6;
}

/* Splits an end that begins with a bracket from what follows it. */
static const char *parse_brackets(struct tl_text text, struct tl_text *end, struct tl_text *rest)
{
        size_t closing = tl_text_find(text, ']');

        if (closing == text.len)
                return "the closing bracket is missing";
        *end = tl_text_tail(tl_text_head(text, closing), 1);
        *rest = tl_text_tail(text, closing + 1);
        return is_ipv6(*end) ? NULL
                             : "brackets go around an IPv6 address, as in \"a -> [fd00::1]:443\"";
}

static const char *parse_destination(struct tl_text text, struct tl_flow *flow,
                                     struct tl_text *wrong)
{
        struct tl_text rest;
        const char *mistake = NULL;

        *wrong = text;
        flow->protocol = WG_PROTOCOL_ICMP;
        if (is_ipv6(text)) { /* its colons separate no port */
                flow->to = text;
                return NULL;
        }
        if (text.len && text.at[0] == '[') {
                mistake = parse_brackets(text, &flow->to, &rest);
        } else {
                flow->to = tl_text_head(text, tl_text_find(text, ':'));
                rest = tl_text_tail(text, flow->to.len);
                if (rest.len && tl_text_find_last(text, ':') != flow->to.len)
                        mistake = "this is no IPv6 address; with a port, write \"[fd00::1]:443\"";
        }
        if (mistake)
                return mistake;
        if (!is_end(flow->to))
                return "after -> comes a name of the file or an IP address";
        *wrong = rest;
        if (!rest.len)
                return NULL;
        if (rest.at[0] != ':')
                return "after the address comes nothing or a port, as in \":443\"";
        return parse_port(tl_text_tail(rest, 1), flow, wrong);
}

static const char *parse_source(struct tl_text text, struct tl_flow *flow, struct tl_text *wrong)
{
        struct tl_text rest = {NULL, 0};
        const char *mistake = NULL;

        if (text.len > 4 && tl_text_begins_with(text, "not") && is_space(text.at[3])) {
                flow->is_negated = true;
                text = trim(tl_text_tail(text, 4));
        }
        *wrong = text;
        flow->from = text;
        if (text.len && text.at[0] == '[')
                mistake = parse_brackets(text, &flow->from, &rest);
        if (mistake)
                return mistake;
        if (rest.len || !is_end(flow->from))
                return "before -> comes a name of the file or an IP address, as in \"a -> b:443\"";
        return NULL;
}

const char *tl_flow_parse(struct tl_text text, struct tl_flow *flow, size_t *offset)
{
        struct tl_flow result = {0};
        size_t arrow = find_arrow(text);
        struct tl_text wrong = tl_text_head(text, 0);
        const char *mistake = "a connection is written as \"a -> b:443\"";

        if (arrow < text.len)
                mistake = parse_source(trim(tl_text_head(text, arrow)), &result, &wrong);
        if (!mistake)
                mistake = parse_destination(trim(tl_text_tail(text, arrow + 2)), &result, &wrong);
        if (mistake) {
                *offset = (size_t)(wrong.at - text.at);
                return mistake;
        }
        *flow = result;
        return NULL;
}
