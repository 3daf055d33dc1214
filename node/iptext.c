/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "node/iptext.h"

#include <inttypes.h>
#include <stdio.h>

#include "conf/address.h"

/* For "from PREFIX", "via IP", "dev LINK" and the like, after a blank; empty if there is none. */
enum { PART_SIZE = 80 };

static void write_ip(char part[PART_SIZE], const char *word, const struct wg_ip *ip)
{
        char text[TL_ADDRESS_IP_SIZE];

        part[0] = '\0';
        if (ip->family == WG_FAMILY_NONE)
                return;
        tl_address_format_ip(text, ip);
        snprintf(part, PART_SIZE, " %s %s", word, text);
}

static void write_text(char part[PART_SIZE], const char *word, const char *text)
{
        part[0] = '\0';
        if (text && *text)
                snprintf(part, PART_SIZE, " %s %s", word, text);
}

/* ip-rule(8) shows single addresses without their length. */
static void write_prefix(char part[PART_SIZE], const char *word, const struct wg_prefix *prefix)
{
        char text[TL_ADDRESS_PREFIX_SIZE];

        if (prefix->ip.family == WG_FAMILY_NONE || prefix->cidr == wg_ip_bits(&prefix->ip)) {
                write_ip(part, word, &prefix->ip);
                return;
        }
        tl_address_format_prefix(text, prefix);
        write_text(part, word, text);
}

const char *tl_iptext_route(struct tl_arena *arena, const struct tl_planned_route *route,
                            uint32_t table)
{
        char prefix[TL_ADDRESS_PREFIX_SIZE], via[PART_SIZE], dev[PART_SIZE], number[PART_SIZE] = "";

        tl_address_format_prefix(prefix, &route->prefix);
        write_ip(via, "via", &route->via);
        write_text(dev, "dev", route->link);
        if (route->table != TL_PLANNED_MAIN)
                snprintf(number, sizeof(number), " table %" PRIu32, table);
        return tl_arena_format(arena, "%s%s%s%s%s",
                               route->kind == TL_PLANNED_UNREACHABLE ? "unreachable " : "", prefix,
                               via, dev, number);
}

const char *tl_iptext_way(struct tl_arena *arena, const struct tl_planned_route *route)
{
        char via[PART_SIZE], dev[PART_SIZE];

        write_ip(via, "via", &route->via);
        write_text(dev, "dev", route->link);
        return tl_arena_format(arena, "%s%s", via[0] ? via + 1 : "into the tunnel", dev);
}

const char *tl_iptext_rule(struct tl_arena *arena, const struct tl_rule *rule)
{
        char from[PART_SIZE], to[PART_SIZE], iif[PART_SIZE];

        /* A rule of each family may be the same but for this. */
        write_text(from, "from", rule->family == WG_FAMILY_IPV6 ? "::/0" : "all");
        if (rule->from.ip.family != WG_FAMILY_NONE)
                write_prefix(from, "from", &rule->from);
        write_prefix(to, "to", &rule->to);
        write_text(iif, "iif", rule->iif);
        return tl_arena_format(arena, "priority %" PRIu32 "%s%s%s lookup %" PRIu32, rule->priority,
                               from, to, iif, rule->table);
}

const char *tl_iptext_proxy(struct tl_arena *arena, const struct tl_planned_proxy *proxy)
{
        char ip[TL_ADDRESS_IP_SIZE], dev[PART_SIZE];

        tl_address_format_ip(ip, &proxy->ip);
        write_text(dev, "dev", proxy->link);
        return tl_arena_format(arena, "%s%s", ip, dev);
}
