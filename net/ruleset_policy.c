/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "net/ruleset_policy.h"

#include <inttypes.h>

#include "base/enum.h"
#include "conf/address.h"

/* What a rule of a subject's chain looks up: sets whose elements look alike. */
#define ASPECTS(X) \
        X(ASPECT_ANY, 0, any, "") \
        X(ASPECT_PORTS, 1, ports, "") \
        X(ASPECT_PING, 2, ping, "")
WG_ENUM_DECLARE(aspect, ASPECTS)
WG_ENUM_DEFINE(aspect, ASPECTS)

enum { WORD_SIZE = TL_NETWORK_WORD_MAX + 64 }; /* a word and its match */

static const uint8_t families[] = {WG_FAMILY_IPV4, WG_FAMILY_IPV6};

static const char *ip_word(uint8_t family)
{
        return family == WG_FAMILY_IPV4 ? "ip" : "ip6";
}

static const char *protocol_word(uint8_t protocol)
{
        return protocol == WG_PROTOCOL_TCP ? "tcp" : "udp";
}

static const char *ping_match(uint8_t family)
{
        return family == WG_FAMILY_IPV4 ? "icmp type echo-request" : "icmpv6 type echo-request";
}

static enum aspect aspect_of(const struct tl_policy_target *target)
{
        if (target->protocol == 0)
                return ASPECT_ANY;
        return target->protocol == WG_PROTOCOL_ICMP ? ASPECT_PING : ASPECT_PORTS;
}

/* ---- sets of prefixes ---- */

static bool has_family(const struct tl_prefixes *list, uint8_t family)
{
        for (uint32_t i = 0; i < list->count; i++)
                if (list->items[i].ip.family == family)
                        return true;
        return false;
}

/* Writes the prefixes of one family as the set NAME4 or NAME6, if there are any. */
static void write_prefixes(FILE *out, const char *name, const struct tl_prefixes *list,
                           uint8_t family)
{
        if (!has_family(list, family))
                return;
        fprintf(out,
                "\tset %s%u {\n"
                "\t\ttype ipv%u_addr\n"
                "\t\tflags interval\n"
                "\t\telements = {\n",
                name, family, family);
        for (uint32_t i = 0; i < list->count; i++) {
                char prefix[TL_ADDRESS_PREFIX_SIZE];

                if (list->items[i].ip.family != family)
                        continue;
                tl_address_format_prefix(prefix, &list->items[i]);
                fprintf(out, "\t\t\t%s,\n", prefix);
        }
        fputs("\t\t}\n\t}\n", out);
}

/* ---- the sets and rules of a subject ---- */

/* The number of the first target from `from` on that has a family and an aspect; `count` if none
 * has. */
static uint32_t find_target(const struct tl_access_subject *subject, uint32_t from, uint8_t family,
                            enum aspect aspect)
{
        while (from < subject->count && (subject->targets[from].prefix.ip.family != family ||
                                         aspect_of(&subject->targets[from]) != aspect))
                from++;
        return from;
}

static void write_target(FILE *out, const struct tl_policy_target *target)
{
        char prefix[TL_ADDRESS_PREFIX_SIZE];

        tl_address_format_prefix(prefix, &target->prefix);
        fprintf(out, "\t\t\t%s", prefix);
        if (aspect_of(target) == ASPECT_PORTS)
                fprintf(out, " . %s . %u-%u", protocol_word(target->protocol), target->first,
                        target->last);
        fputs(",\n", out);
}

static void write_set(FILE *out, const struct tl_access_subject *subject, uint8_t family,
                      enum aspect aspect)
{
        uint32_t i = find_target(subject, 0, family, aspect);

        if (i == subject->count)
                return;
        fprintf(out,
                "\tset from-%s-%s%u {\n"
                "\t\ttype ipv%u_addr%s\n"
                "\t\tflags interval\n"
                "\t\telements = {\n",
                subject->name, aspect_name(aspect), family, family,
                aspect == ASPECT_PORTS ? " . inet_proto . inet_service" : "");
        for (; i < subject->count; i = find_target(subject, i + 1, family, aspect))
                write_target(out, &subject->targets[i]);
        fputs("\t\t}\n\t}\n", out);
}

static void write_rule(FILE *out, const struct tl_access_subject *subject, uint8_t family,
                       enum aspect aspect)
{
        if (find_target(subject, 0, family, aspect) == subject->count)
                return;
        fprintf(out, "\t\t%s daddr ", ip_word(family));
        switch (aspect) {
        case ASPECT_ANY:
                fprintf(out, "@from-%s-any%u accept\n", subject->name, family);
                return;
        case ASPECT_PORTS:
                fprintf(out, ". meta l4proto . th dport @from-%s-ports%u accept\n", subject->name,
                        family);
                return;
        case ASPECT_PING:
                fprintf(out, "@from-%s-ping%u %s accept\n", subject->name, family,
                        ping_match(family));
                return;
        }
}

/* ---- words that stand for many machines ---- */

static void write_word(FILE *out, const struct tl_grants_word *word)
{
        char name[WORD_SIZE];

        snprintf(name, sizeof(name), "to-%s", word->name);
        for (unsigned int i = 0; i < WG_ARRAY_SIZE(families); i++)
                write_prefixes(out, name, &word->prefixes, families[i]);
}

static bool has_ping(const struct tl_grant *grant)
{
        for (uint32_t i = 0; i < grant->count; i++)
                if (grant->spans[i].protocol == WG_PROTOCOL_ICMP)
                        return true;
        return false;
}

static void write_grant_ports(FILE *out, const struct tl_grant *grant)
{
        const char *separator = " meta l4proto . th dport { ";

        for (uint32_t i = 0; i < grant->count; i++) {
                const struct tl_port_span *span = &grant->spans[i];

                if (span->protocol == WG_PROTOCOL_ICMP)
                        continue;
                fprintf(out, "%s%s . %u-%u", separator, protocol_word(span->protocol), span->first,
                        span->last);
                separator = ", ";
        }
        fputs(" } accept\n", out);
}

static void write_grant(FILE *out, const struct tl_grant *grant, const struct tl_grants_word *word,
                        uint8_t family)
{
        char match[WORD_SIZE];

        if (!has_family(&word->prefixes, family))
                return;
        snprintf(match, sizeof(match), "\t\t%s daddr @to-%s%u", ip_word(family), word->name,
                 family);
        if (grant->is_all)
                fprintf(out, "%s accept\n", match);
        if (has_ping(grant))
                fprintf(out, "%s %s accept\n", match, ping_match(family));
        if (grant->count > has_ping(grant)) {
                fputs(match, out);
                write_grant_ports(out, grant);
        }
}

static void write_grants(FILE *out, const struct tl_access *access,
                         const struct tl_access_subject *subject, uint8_t family)
{
        for (uint32_t i = 0; subject->grants && i < subject->grants->count; i++) {
                const struct tl_grant *grant = &subject->grants->items[i];

                write_grant(out, grant, &access->grants->words[grant->word], family);
        }
}

/* ---- the chain of a subject ---- */

static void write_subject(FILE *out, const struct tl_access *access,
                          const struct tl_access_subject *subject)
{
        for (unsigned int i = 0; i < WG_ARRAY_SIZE(families); i++)
                WG_ENUM_EACH(aspect, &aspect_enum)
                        write_set(out, subject, families[i], (enum aspect)aspect->value);
        fprintf(out, "\tchain from-%s {\n", subject->name);
        for (unsigned int i = 0; i < WG_ARRAY_SIZE(families); i++) {
                WG_ENUM_EACH(aspect, &aspect_enum)
                        write_rule(out, subject, families[i], (enum aspect)aspect->value);
                write_grants(out, access, subject, families[i]);
        }
        fputs("\t}\n", out);
}

/* A class of one subject needs no chain of its own. */
static void write_class(FILE *out, const struct tl_access *access, uint32_t number)
{
        const struct tl_access_class *class = &access->classes[number];

        if (class->count == 1)
                return;
        fprintf(out, "\tchain class%" PRIu32 " {\n", number);
        for (uint32_t i = 0; i < class->count; i++)
                fprintf(out, "\t\tjump from-%s\n", access->subjects[class->subjects[i]].name);
        fputs("\t}\n", out);
}

/* ---- the map of sources ---- */

static uint32_t find_span(const struct tl_access *access, uint32_t from, uint8_t family)
{
        while (from < access->span_count && access->spans[from].first.family != family)
                from++;
        return from;
}

static void write_span(FILE *out, const struct tl_access *access, const struct tl_access_span *span)
{
        const struct tl_access_class *class = &access->classes[span->class];
        char first[TL_ADDRESS_IP_SIZE], last[TL_ADDRESS_IP_SIZE];

        tl_address_format_ip(first, &span->first);
        tl_address_format_ip(last, &span->last);
        fprintf(out, "\t\t\t%s", first);
        if (!wg_ip_equal(&span->first, &span->last))
                fprintf(out, "-%s", last);
        if (class->count == 1)
                fprintf(out, " : jump from-%s,\n", access->subjects[class->subjects[0]].name);
        else
                fprintf(out, " : jump class%" PRIu32 ",\n", span->class);
}

static void write_map(FILE *out, const struct tl_access *access, uint8_t family)
{
        uint32_t i = find_span(access, 0, family);

        if (i == access->span_count)
                return;
        fprintf(out,
                "\tmap sources%u {\n"
                "\t\ttype ipv%u_addr : verdict\n"
                "\t\tflags interval\n"
                "\t\telements = {\n",
                family, family);
        for (; i < access->span_count; i = find_span(access, i + 1, family))
                write_span(out, access, &access->spans[i]);
        fputs("\t\t}\n\t}\n", out);
}

/* ---- packets that come out of the tunnel ---- */

/* ICMP errors of allowed connections are `related`. Others could be sent to anyone. */
static void write_entering(FILE *out, const char *ifname, const struct tl_access *access)
{
        fprintf(out, "\tcounter not-allowed {\n\t}\n"
                     "\tchain allowed {\n"
                     "\t\tct state established,related accept\n");
        for (unsigned int i = 0; i < WG_ARRAY_SIZE(families); i++)
                if (find_span(access, 0, families[i]) < access->span_count)
                        fprintf(out, "\t\t%s saddr vmap @sources%u\n", ip_word(families[i]),
                                families[i]);
        fprintf(out,
                "\t\tcounter name \"not-allowed\" drop\n"
                "\t}\n"
                "\tchain entering {\n"
                "\t\ttype filter hook prerouting priority mangle; policy accept;\n"
                "\t\tiifname \"%s\" jump allowed\n"
                "\t}\n",
                ifname);
}

/* ---- packets that other links forward into the tunnel ---- */

/* After masquerading, which may be another program's, so that its guests are not dropped. */
static void write_leaving(FILE *out, const char *ifname, const struct tl_prefixes *own)
{
        for (unsigned int i = 0; i < WG_ARRAY_SIZE(families); i++)
                write_prefixes(out, "own", own, families[i]);
        fputs("\tcounter foreign-source {\n\t}\n"
              "\tchain leaving {\n"
              "\t\ttype filter hook postrouting priority srcnat + 10; policy accept;\n",
              out);
        fprintf(out,
                "\t\toifname != \"%s\" return\n"
                "\t\tiifname \"%s\" return\n"
                "\t\tiif 0 return\n",
                ifname, ifname);
        for (unsigned int i = 0; i < WG_ARRAY_SIZE(families); i++)
                if (has_family(own, families[i]))
                        fprintf(out,
                                "\t\t%s saddr != @own%u counter name \"foreign-source\" drop\n",
                                ip_word(families[i]), families[i]);
        fputs("\t}\n", out);
}

void tl_ruleset_policy_write_open(FILE *out, const char *ifname, const struct tl_prefixes *inside,
                                  const struct tl_prefixes *own)
{
        for (unsigned int i = 0; i < WG_ARRAY_SIZE(families); i++)
                write_prefixes(out, "inside", inside, families[i]);
        fputs("\tcounter not-inside {\n\t}\n"
              "\tchain entering {\n"
              "\t\ttype filter hook prerouting priority mangle; policy accept;\n",
              out);
        for (unsigned int i = 0; i < WG_ARRAY_SIZE(families); i++)
                if (has_family(inside, families[i]))
                        fprintf(out,
                                "\t\tiifname \"%s\" %s daddr != @inside%u counter name "
                                "\"not-inside\" drop\n",
                                ifname, ip_word(families[i]), families[i]);
                else
                        fprintf(out,
                                "\t\tiifname \"%s\" meta nfproto ipv%u counter name "
                                "\"not-inside\" drop\n",
                                ifname, families[i]);
        fputs("\t}\n", out);
        write_leaving(out, ifname, own);
}

void tl_ruleset_policy_write(FILE *out, const char *ifname, const struct tl_access *access,
                             const struct tl_prefixes *own)
{
        for (uint32_t i = 0; access->grants && i < access->grants->word_count; i++)
                write_word(out, &access->grants->words[i]);
        for (uint32_t i = 0; i < access->subject_count; i++)
                write_subject(out, access, &access->subjects[i]);
        for (uint32_t i = 0; i < access->class_count; i++)
                write_class(out, access, i);
        for (unsigned int i = 0; i < WG_ARRAY_SIZE(families); i++)
                write_map(out, access, families[i]);
        write_entering(out, ifname, access);
        if (own->count)
                write_leaving(out, ifname, own);
}
