/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "conf/address.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/bytes.h"

#define GROUPS 8 /* of 16 bits in an IPv6 address */

/* An IPv6 address that is being read. */
struct groups {
        uint16_t values[GROUPS];
        unsigned int count;
        unsigned int gap; /* number of groups before "::", if has_gap */
        bool has_gap;
};

static bool parse_ipv4(struct tl_text text, uint8_t bytes[4])
{
        for (unsigned int i = 0; i < 4; i++) {
                size_t dot = tl_text_find(text, '.');
                uint32_t number;

                if ((dot < text.len) != (i < 3))
                        return false;
                if (dot > 1 && text.at[0] == '0')
                        return false;
                if (!tl_text_to_number(tl_text_head(text, dot), 255, &number))
                        return false;
                bytes[i] = (uint8_t)number;
                if (i < 3)
                        text = tl_text_tail(text, dot + 1);
        }
        return true;
}

static bool parse_group(struct tl_text text, uint16_t *value)
{
        char digits[6] = "0x";
        uint32_t number;

        if (text.len < 1 || text.len > 4)
                return false;
        memcpy(digits + 2, text.at, text.len);
        if (!tl_text_to_number_any((struct tl_text){digits, text.len + 2}, UINT16_MAX, &number))
                return false;
        *value = (uint16_t)number;
        return true;
}

/* Reads the last two groups from dotted decimal. */
static bool parse_tail(struct tl_text text, struct groups *g)
{
        uint8_t bytes[4];

        if (g->count > GROUPS - 2 || !parse_ipv4(text, bytes))
                return false;
        g->values[g->count++] = wg_be16_load(bytes);
        g->values[g->count++] = wg_be16_load(bytes + 2);
        return true;
}

static bool parse_groups(struct tl_text text, struct groups *g)
{
        for (bool is_first = true; text.len; is_first = false) {
                size_t colon;

                if (text.len > 1 && text.at[0] == ':' && text.at[1] == ':') {
                        if (g->has_gap)
                                return false;
                        g->has_gap = true;
                        g->gap = g->count;
                        text = tl_text_tail(text, 2);
                        if (!text.len)
                                return true;
                } else if (!is_first) {
                        text = tl_text_tail(text, 1);
                }
                colon = tl_text_find(text, ':');
                if (colon == text.len && tl_text_find(text, '.') < text.len)
                        return parse_tail(text, g);
                if (g->count == GROUPS ||
                    !parse_group(tl_text_head(text, colon), &g->values[g->count]))
                        return false;
                g->count++;
                text = tl_text_tail(text, colon);
        }
        return true;
}

static bool parse_ipv6(struct tl_text text, uint8_t bytes[16])
{
        struct groups g = {0};
        unsigned int missing;

        if (!parse_groups(text, &g))
                return false;
        missing = GROUPS - g.count;
        if (g.has_gap != (missing > 0))
                return false;
        memset(bytes, 0, 16);
        for (unsigned int i = 0; i < g.count; i++)
                wg_be16_store(bytes + 2 * (i < g.gap ? i : i + missing), g.values[i]);
        return true;
}

static bool is_mapped_ipv4(const struct wg_ip *ip)
{
        static const uint8_t start[12] = {[10] = 0xff, [11] = 0xff};

        return ip->family == WG_FAMILY_IPV6 && memcmp(ip->bytes, start, sizeof(start)) == 0;
}

static bool is_link_local(const struct wg_ip *ip)
{
        return ip->family == WG_FAMILY_IPV6 && ip->bytes[0] == 0xfe &&
               (ip->bytes[1] & 0xc0) == 0x80;
}

/* Whether Linux accepts it as the name of an interface. Bytes that are not printable are refused
 * too. */
static bool is_zone_name(struct tl_text text)
{
        if (!text.len || text.len >= TL_CONF_ZONE_SIZE)
                return false;
        for (size_t i = 0; i < text.len; i++)
                if (text.at[i] <= ' ' || text.at[i] > '~' || text.at[i] == '/' ||
                    text.at[i] == ':' || text.at[i] == '%' || text.at[i] == ']')
                        return false;
        return true;
}

static bool is_digits(struct tl_text text)
{
        for (size_t i = 0; i < text.len; i++)
                if (text.at[i] < '0' || text.at[i] > '9')
                        return false;
        return text.len > 0;
}

bool tl_address_parse_ip(struct tl_text text, struct wg_ip *ip)
{
        struct wg_ip result = {0};

        if (tl_text_find(text, ':') < text.len) {
                result.family = WG_FAMILY_IPV6;
                if (!parse_ipv6(text, result.bytes))
                        return false;
        } else {
                result.family = WG_FAMILY_IPV4;
                if (!parse_ipv4(text, result.bytes))
                        return false;
        }
        *ip = result;
        return true;
}

bool tl_address_parse_prefix(struct tl_text text, struct wg_prefix *prefix)
{
        size_t slash = tl_text_find(text, '/');
        struct wg_prefix result;
        uint32_t cidr;

        if (!tl_address_parse_ip(tl_text_head(text, slash), &result.ip))
                return false;
        cidr = wg_ip_bits(&result.ip);
        if (slash < text.len && !tl_text_to_number(tl_text_tail(text, slash + 1), cidr, &cidr))
                return false;
        result.cidr = (uint8_t)cidr;
        wg_prefix_mask(&result);
        *prefix = result;
        return true;
}

/* Whether getaddrinfo(3) accepts the zone at an address that is not link-local, and getnameinfo(3)
 * writes it: any zone at a link-local multicast address, otherwise only a number. */
static bool is_idle_zone(const struct wg_ip *ip, struct tl_text zone)
{
        bool is_multicast = ip->bytes[0] == 0xff && (ip->bytes[1] & 0x0f) == 2;
        uint32_t number;

        if (ip->family != WG_FAMILY_IPV6 || is_link_local(ip))
                return false;
        return is_multicast ? zone.len > 0 : tl_text_to_number(zone, UINT32_MAX, &number);
}

bool tl_address_parse_host(struct tl_text text, struct wg_ip *ip, uint32_t *scope,
                           char zone[TL_CONF_ZONE_SIZE])
{
        size_t percent = tl_text_find(text, '%');
        struct tl_text zone_text = {NULL, 0};
        struct wg_ip result;
        uint32_t number = 0;

        if (!tl_address_parse_ip(tl_text_head(text, percent), &result))
                return false;
        if (percent < text.len) {
                zone_text = tl_text_tail(text, percent + 1);
                if (is_idle_zone(&result, zone_text))
                        zone_text.len = 0;
                else if (!is_link_local(&result) || !is_zone_name(zone_text))
                        return false;
        }
        if (is_digits(zone_text)) {
                if (!tl_text_to_number(zone_text, UINT32_MAX, &number) || !number)
                        return false;
                zone_text.len = 0;
        }
        if (is_mapped_ipv4(&result)) {
                struct wg_ip plain = {.family = WG_FAMILY_IPV4};

                memcpy(plain.bytes, result.bytes + 12, 4);
                result = plain;
        }
        *ip = result;
        *scope = number;
        memset(zone, 0, TL_CONF_ZONE_SIZE);
        if (zone_text.len)
                memcpy(zone, zone_text.at, zone_text.len);
        return true;
}

bool tl_address_parse_ipv4_any(struct tl_text text, struct wg_ip *ip)
{
        struct wg_ip result = {.family = WG_FAMILY_IPV4};

        for (unsigned int i = 0; i < 4; i++) {
                size_t dot = tl_text_find(text, '.');
                bool is_last = dot == text.len;
                uint32_t max = is_last ? UINT32_MAX >> 8 * i : UINT8_MAX, number;

                if (!tl_text_to_number_c(tl_text_head(text, dot), max, &number))
                        return false;
                for (unsigned int at = i; at < (is_last ? 4 : i + 1); at++)
                        result.bytes[at] = (uint8_t)(number >> (is_last ? 8 * (3 - at) : 0));
                if (is_last) {
                        *ip = result;
                        return true;
                }
                text = tl_text_tail(text, dot + 1);
        }
        return false;
}

bool tl_address_split_endpoint(struct tl_text text, struct tl_text *host, struct tl_text *port,
                               bool *is_bracketed)
{
        bool has_bracket = text.len && text.at[0] == '[';
        size_t colon;

        if (has_bracket) {
                text = tl_text_tail(text, 1);
                colon = tl_text_find(text, ']') + 1;
        } else {
                colon = tl_text_find_last(text, ':');
        }
        if (colon >= text.len || text.at[colon] != ':')
                return false;
        *host = tl_text_head(text, has_bracket ? colon - 1 : colon);
        *port = tl_text_tail(text, colon + 1);
        *is_bracketed = has_bracket;
        return true;
}

bool tl_address_parse_port(struct tl_text text, uint16_t *port)
{
        uint16_t number;

        if (!tl_text_to_u16(text, &number) || !number)
                return false;
        *port = number;
        return true;
}

static size_t format_ipv4(char *out, const uint8_t bytes[4])
{
        return (size_t)snprintf(out, sizeof("255.255.255.255"), "%u.%u.%u.%u", bytes[0], bytes[1],
                                bytes[2], bytes[3]);
}

/* The first of the longest runs of at least two zero groups. Length 0: there is none. */
static unsigned int find_zero_run(const uint8_t bytes[16], unsigned int *len)
{
        unsigned int best = 0, run = 0;

        *len = 0;
        for (unsigned int i = 0; i < GROUPS; i++) {
                run = wg_be16_load(bytes + 2 * i) ? 0 : run + 1;
                if (run > 1 && run > *len) {
                        *len = run;
                        best = i + 1 - run;
                }
        }
        return best;
}

static size_t format_ipv6(char *out, const uint8_t bytes[16])
{
        unsigned int run_len, run = find_zero_run(bytes, &run_len);
        size_t len = 0;

        for (unsigned int i = 0; i < GROUPS;) {
                if (run_len && i == run) {
                        out[len++] = ':';
                        out[len++] = ':';
                        i += run_len;
                        continue;
                }
                if (len && out[len - 1] != ':')
                        out[len++] = ':';
                len += (size_t)snprintf(out + len, sizeof("ffff"), "%x",
                                        wg_be16_load(bytes + 2 * i));
                i++;
        }
        out[len] = '\0';
        return len;
}

size_t tl_address_format_ip(char out[TL_ADDRESS_IP_SIZE], const struct wg_ip *ip)
{
        static const char mapped[] = "::ffff:";

        WG_ASSERT(ip->family != WG_FAMILY_NONE);
        if (ip->family == WG_FAMILY_IPV4)
                return format_ipv4(out, ip->bytes);
        if (!is_mapped_ipv4(ip))
                return format_ipv6(out, ip->bytes);
        memcpy(out, mapped, sizeof(mapped) - 1);
        return sizeof(mapped) - 1 + format_ipv4(out + sizeof(mapped) - 1, ip->bytes + 12);
}

size_t tl_address_format_prefix(char out[TL_ADDRESS_PREFIX_SIZE], const struct wg_prefix *prefix)
{
        size_t len = tl_address_format_ip(out, &prefix->ip);

        return len + (size_t)snprintf(out + len, sizeof("/128"), "/%u", prefix->cidr);
}

size_t tl_address_format_endpoint(char out[TL_ADDRESS_ENDPOINT_SIZE],
                                  const struct wg_endpoint *endpoint)
{
        bool is_ipv6 = endpoint->ip.family == WG_FAMILY_IPV6;
        size_t len = 0;

        if (is_ipv6)
                out[len++] = '[';
        len += tl_address_format_ip(out + len, &endpoint->ip);
        if (endpoint->scope)
                len += (size_t)snprintf(out + len, sizeof("%4294967295"), "%%%" PRIu32,
                                        endpoint->scope);
        if (is_ipv6)
                out[len++] = ']';
        return len + (size_t)snprintf(out + len, sizeof(":65535"), ":%u", endpoint->port);
}
