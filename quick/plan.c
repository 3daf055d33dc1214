/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "quick/plan.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/address.h"
#include "host/table.h"

WG_ENUM_DEFINE(tl_plan_dns, TL_PLAN_DNS_WAYS)

struct planner {
        struct tl_steps *steps;
        const struct tl_wgquick *quick;
        const struct tl_change *device;
        const struct tl_plan_facts *facts;
        struct wg_prefix *routes; /* without duplicates, longest prefix first */
        uint32_t route_count;
        uint32_t number; /* the table and the mark of default routes */
};

/* Whether addresses, name servers and routes of that family are planned. */
static bool is_family_planned(const struct tl_plan_facts *facts, uint8_t family)
{
        return family == WG_FAMILY_IPV4 || !facts->lacks_ipv6;
}

static bool is_planned(const struct planner *p, const struct wg_ip *ip)
{
        return is_family_planned(p->facts, ip->family);
}

static const char *family_option(uint8_t family)
{
        return family == WG_FAMILY_IPV4 ? "-4" : "-6";
}

/* RUN appends a command, and UNDO says how to undo the last one. */
#define RUN(p, ...) \
        (tl_steps_add((p)->steps, TL_STEP_RUN) && \
         tl_step_write(&last_step(p)->command, __VA_ARGS__))
#define UNDO(p, ...) tl_step_write(&last_step(p)->undo, __VA_ARGS__)

static struct tl_step *last_step(const struct planner *p)
{
        return &p->steps->items[p->steps->count - 1];
}

static bool plan_addresses(struct planner *p)
{
        for (uint32_t i = 0; i < p->quick->address_count; i++) {
                const struct tl_wgquick_address *address = &p->quick->addresses[i];
                char text[TL_ADDRESS_IP_SIZE];

                if (!is_planned(p, &address->ip))
                        continue;
                tl_address_format_ip(text, &address->ip);
                if (!RUN(p, "ip %s address add %s/%u dev %s", family_option(address->ip.family),
                         text, address->cidr, p->facts->ifname))
                        return false;
        }
        return true;
}

static bool plan_link(struct planner *p)
{
        uint32_t path_mtu = p->facts->path_mtu ? p->facts->path_mtu : TL_PLAN_PATH_MTU;
        uint32_t mtu = p->quick->mtu;

        if (!mtu)
                mtu = WG_MAX(path_mtu, (uint32_t)(TL_WGQUICK_MTU_MIN + TL_PLAN_OVERHEAD)) -
                      TL_PLAN_OVERHEAD;
        if (!p->quick->mtu && !p->facts->lacks_ipv6 && tl_plan_has_ipv6(p->quick, p->device))
                mtu = WG_MAX(mtu, (uint32_t)TL_PLAN_IPV6_MTU);
        return RUN(p, "ip link set mtu %u up dev %s", mtu, p->facts->ifname);
}

/* Writes each search domain after a blank. */
static void write_domains(FILE *out, const struct tl_wgquick *quick)
{
        for (uint32_t i = 0; i < quick->dns_search.count; i++)
                fprintf(out, " %.*s", (int)quick->dns_search.items[i].len,
                        quick->dns_search.items[i].at);
}

/* Writes `before`, a name server and `after`, for each name server. */
static void write_servers(FILE *out, const struct planner *p, const char *before, const char *after)
{
        for (uint32_t i = 0; i < p->quick->dns_count; i++) {
                char text[TL_WGQUICK_SERVER_SIZE];

                if (!is_planned(p, &p->quick->dns[i].ip))
                        continue;
                tl_wgquick_format_server(text, &p->quick->dns[i]);
                fprintf(out, "%s%s%s", before, text, after);
        }
}

static bool finish(FILE *out)
{
        bool is_good = !ferror(out);

        return fclose(out) == 0 && is_good;
}

/* -m 0 puts our name servers first, and -x makes them the only ones. */
static bool plan_resolvconf(struct planner *p)
{
        const char *name = p->facts->dns_name;
        struct tl_step *step;
        size_t size;
        FILE *out;

        if (!RUN(p, "resolvconf -a %s -m 0 -x", name) || !UNDO(p, "resolvconf -d %s -f", name))
                return false;
        step = last_step(p);
        out = open_memstream(&step->input, &size);
        if (!out)
                return false;
        write_servers(out, p, "nameserver ", "\n");
        if (p->quick->dns_search.count) {
                fputs("search", out);
                write_domains(out, p->quick);
                fputc('\n', out);
        }
        return finish(out);
}

/* The domain ~. routes all names here, except those that another link claims more specifically. */
static bool plan_resolved(struct planner *p)
{
        const char *ifname = p->facts->ifname;
        char *texts[2] = {NULL, NULL};
        size_t size;
        FILE *servers = open_memstream(&texts[0], &size),
             *domains = open_memstream(&texts[1], &size);
        bool is_good = servers && domains;

        if (is_good) {
                write_servers(servers, p, " ", "");
                write_domains(domains, p->quick);
        }
        is_good = (!servers || finish(servers)) && is_good;
        is_good = (!domains || finish(domains)) && is_good;
        is_good = is_good && RUN(p, "resolvectl dns %s%s", ifname, texts[0]) &&
                  UNDO(p, "resolvectl revert %s", ifname) &&
                  RUN(p, "resolvectl domain %s ~.%s", ifname, texts[1]);
        free(texts[0]);
        free(texts[1]);
        return is_good;
}

/* As in wg-quick, search domains have no effect without a name server. */
static bool plan_dns(struct planner *p)
{
        bool has_server = false;

        for (uint32_t i = 0; i < p->quick->dns_count; i++)
                has_server = has_server || is_planned(p, &p->quick->dns[i].ip);
        if (!has_server)
                return true;
        switch (p->facts->dns) {
        case TL_PLAN_DNS_NONE:
                return true;
        case TL_PLAN_DNS_RESOLVCONF:
                return plan_resolvconf(p);
        case TL_PLAN_DNS_RESOLVED:
                return plan_resolved(p);
        }
        return true;
}

/* Whether the kernel adds a route for the network of an address. It does not for a single IPv4
 * address, nor for an IPv4 network that begins with 0. */
static bool brings_route(const struct tl_wgquick_address *address)
{
        bool begins_with_0 = (address->ip.bytes[0] & 0xff00 >> WG_MIN(address->cidr, 8)) == 0;

        return address->ip.family != WG_FAMILY_IPV4 || (address->cidr < 32 && !begins_with_0);
}

/* Whether the kernel's route for one of the interface's addresses covers this one. */
static bool is_covered(const struct planner *p, const struct wg_prefix *route)
{
        for (uint32_t i = 0; i < p->quick->address_count; i++) {
                const struct tl_wgquick_address *address = &p->quick->addresses[i];
                const struct wg_prefix net = {address->ip, address->cidr};

                if (brings_route(address) && wg_prefix_covers(&net, route))
                        return true;
        }
        return false;
}

/* Writes rules that drop packets to the interface's own addresses that come in by another link. */
static void write_guard(FILE *out, const struct planner *p, uint8_t family, const char *nft_family)
{
        for (uint32_t i = 0; i < p->quick->address_count; i++) {
                char text[TL_ADDRESS_IP_SIZE];

                if (p->quick->addresses[i].ip.family != family)
                        continue;
                tl_address_format_ip(text, &p->quick->addresses[i].ip);
                fprintf(out, "\t\tiifname != \"%s\" %s daddr %s fib saddr type != local drop\n",
                        p->facts->ifname, nft_family, text);
        }
}

/* Replaces a table that a crash may have left. */
static bool plan_firewall(struct planner *p, uint8_t family)
{
        const char *nft_family = family == WG_FAMILY_IPV4 ? "ip" : "ip6";
        char table[TL_TABLE_NAME_SIZE];
        struct tl_step *step;
        size_t size;
        FILE *out;

        tl_table_name(table, TL_PLAN_TABLE_PREFIX, p->facts->ifname);
        if (!RUN(p, "nft -f -") || !UNDO(p, "nft delete table %s %s", nft_family, table))
                return false;
        step = last_step(p);
        out = open_memstream(&step->input, &size);
        if (!out)
                return false;
        fprintf(out,
                "table %s %s\n"
                "delete table %s %s\n"
                "table %s %s {\n"
                "\tchain guard {\n"
                "\t\ttype filter hook prerouting priority -300;\n",
                nft_family, table, nft_family, table, nft_family, table);
        write_guard(out, p, family, nft_family);
        fprintf(out,
                "\t}\n"
                "\tchain unmask {\n"
                "\t\ttype filter hook prerouting priority -150;\n"
                "\t\tmeta l4proto udp ct mark %u meta mark set ct mark\n"
                "\t}\n"
                "\tchain remember {\n"
                "\t\ttype filter hook postrouting priority -150;\n"
                "\t\tmeta l4proto udp meta mark %u ct mark set meta mark\n"
                "\t}\n"
                "}\n",
                p->number, p->number);
        return finish(out);
}

static bool plan_packet_rule(struct planner *p, uint8_t family, const char *table,
                             const char *chain, const char *rule)
{
        const char *program = family == WG_FAMILY_IPV4 ? "iptables" : "ip6tables";
        char comment[TL_TABLE_NAME_SIZE];

        tl_table_name(comment, TL_PLAN_TABLE_PREFIX, p->facts->ifname);
        return RUN(p, "%s -w -t %s -I %s -m comment --comment %s %s", program, table, chain,
                   comment, rule) &&
               UNDO(p, "%s -w -t %s -D %s -m comment --comment %s %s", program, table, chain,
                    comment, rule);
}

/* Does the same as plan_firewall(), without nft(8). */
static bool plan_packet_rules(struct planner *p, uint8_t family)
{
        char rule[160], address[TL_ADDRESS_IP_SIZE];
        bool is_good = true;

        for (uint32_t i = 0; i < p->quick->address_count && is_good; i++) {
                if (p->quick->addresses[i].ip.family != family)
                        continue;
                tl_address_format_ip(address, &p->quick->addresses[i].ip);
                snprintf(rule, sizeof(rule), "! -i %s -d %s -m addrtype ! --src-type LOCAL -j DROP",
                         p->facts->ifname, address);
                is_good = plan_packet_rule(p, family, "raw", "PREROUTING", rule);
        }
        snprintf(rule, sizeof(rule), "-p udp -m connmark --mark %u -j CONNMARK --restore-mark",
                 p->number);
        is_good = is_good && plan_packet_rule(p, family, "mangle", "PREROUTING", rule);
        snprintf(rule, sizeof(rule), "-p udp -m mark --mark %u -j CONNMARK --save-mark", p->number);
        return is_good && plan_packet_rule(p, family, "mangle", "POSTROUTING", rule);
}

static bool plan_mark(struct planner *p)
{
        struct tl_step *step;

        if (p->device->fwmark)
                return true;
        step = tl_steps_add(p->steps, TL_PLAN_MARK);
        if (step)
                step->number = p->number;
        return step;
}

static bool plan_claim(struct planner *p, uint8_t family)
{
        const char *any = family == WG_FAMILY_IPV4 ? "0.0.0.0/0" : "::/0";

        if (!tl_steps_add(p->steps, TL_PLAN_CLAIM))
                return false;
        last_step(p)->number = p->number;
        return tl_step_write(&last_step(p)->command, "ip %s route add %s dev %s table %u",
                             family_option(family), any, p->facts->ifname, p->number);
}

/* Plans a rule, and an undo command that deletes exactly that rule. */
static bool plan_rule(struct planner *p, uint8_t family, uint32_t priority, const char *rule)
{
        const char *option = family_option(family);

        return RUN(p, "ip %s rule add priority %u %s protocol %u", option, priority, rule,
                   TL_RULES_PROTOCOL) &&
               UNDO(p, "ip %s rule delete priority %u %s protocol %u", option, priority, rule,
                    TL_RULES_PROTOCOL);
}

static bool plan_rules(struct planner *p, uint8_t family)
{
        const struct tl_rules_place *place = family == WG_FAMILY_IPV4 ? &p->facts->ipv4
                                                                      : &p->facts->ipv6;
        char skip[64], better[64], tunnel[64];

        snprintf(skip, sizeof(skip), "fwmark %u%s goto %u", p->number,
                 p->device->fwmark ? "" : TL_RULES_MASK_TEXT, place->main);
        snprintf(better, sizeof(better), "not fwmark %u table main suppress_prefixlength 0",
                 p->number);
        snprintf(tunnel, sizeof(tunnel), "not fwmark %u table %u", p->number, p->number);
        return plan_rule(p, family, place->skip, skip) &&
               plan_rule(p, family, place->better, better) &&
               plan_rule(p, family, place->tunnel, tunnel);
}

static bool plan_default(struct planner *p, uint8_t family)
{
        if (!plan_rules(p, family))
                return false;
        if (family == WG_FAMILY_IPV4 && !tl_steps_add(p->steps, TL_PLAN_HEED_MARKS))
                return false;
        return p->facts->has_nft ? plan_firewall(p, family) : plan_packet_rules(p, family);
}

static bool plan_route(struct planner *p, const struct wg_prefix *route)
{
        const char *family = family_option(route->ip.family), *ifname = p->facts->ifname;
        char text[TL_ADDRESS_PREFIX_SIZE];

        tl_address_format_prefix(text, route);
        if (p->quick->routing == TL_WGQUICK_ROUTING_TABLE)
                return RUN(p, "ip %s route add %s dev %s table %s", family, text, ifname,
                           p->quick->table);
        if (route->cidr == 0 || is_covered(p, route))
                return true;
        return RUN(p, "ip %s route add %s dev %s", family, text, ifname);
}

/* Orders by length, longest prefix first, and then by family. */
static int compare_routes(const void *a, const void *b)
{
        const struct wg_prefix *one = a, *two = b;

        if (one->cidr != two->cidr)
                return one->cidr < two->cidr ? 1 : -1;
        if (one->ip.family != two->ip.family)
                return one->ip.family < two->ip.family ? -1 : 1;
        return memcmp(one->ip.bytes, two->ip.bytes, sizeof(one->ip.bytes));
}

/* Removes the last prefix on the list that equals this one. */
static void forget_route(struct planner *p, const struct wg_prefix *route)
{
        for (uint32_t i = p->route_count; i-- > 0;) {
                if (compare_routes(&p->routes[i], route) != 0)
                        continue;
                p->routes[i] = p->routes[--p->route_count];
                return;
        }
}

static bool collect_routes(struct planner *p)
{
        uint32_t kept = 0;

        p->routes = calloc((size_t)p->device->allowed_ip_count + 1, sizeof(*p->routes));
        if (!p->routes)
                return false;
        for (uint32_t i = 0; i < p->device->allowed_ip_count; i++) {
                const struct tl_change_allowed_ip *allowed = tl_change_allowed_ip_at(p->device, i);

                if (!is_planned(p, &allowed->prefix.ip))
                        continue;
                if (allowed->remove)
                        forget_route(p, &allowed->prefix);
                else
                        p->routes[p->route_count++] = allowed->prefix;
        }
        qsort(p->routes, p->route_count, sizeof(*p->routes), compare_routes);
        for (uint32_t i = 0; i < p->route_count; i++)
                if (!kept || compare_routes(&p->routes[kept - 1], &p->routes[i]) != 0)
                        p->routes[kept++] = p->routes[i];
        p->route_count = kept;
        return true;
}

static bool plan_routes(struct planner *p)
{
        if (p->quick->routing == TL_WGQUICK_ROUTING_OFF)
                return true;
        if (!collect_routes(p))
                return false;
        for (uint32_t i = 0; i < p->route_count; i++)
                if (!plan_route(p, &p->routes[i]))
                        return false;
        return true;
}

/* Whether there is a default route of that family with a table of its own. */
static bool has_default(const struct tl_wgquick *quick, const struct tl_change *device,
                        uint8_t family)
{
        uint32_t count = 0;

        if (quick->routing != TL_WGQUICK_ROUTING_AUTO)
                return false;
        for (uint32_t i = 0; i < device->allowed_ip_count; i++) {
                const struct tl_change_allowed_ip *allowed = tl_change_allowed_ip_at(device, i);

                if (allowed->prefix.cidr || allowed->prefix.ip.family != family)
                        continue;
                if (!allowed->remove)
                        count++;
                else if (count)
                        count--;
        }
        return count;
}

bool tl_plan_has_default(const struct tl_wgquick *quick, const struct tl_change *device)
{
        return has_default(quick, device, WG_FAMILY_IPV4) ||
               has_default(quick, device, WG_FAMILY_IPV6);
}

bool tl_plan_has_ipv6(const struct tl_wgquick *quick, const struct tl_change *device)
{
        for (uint32_t i = 0; i < quick->address_count; i++)
                if (quick->addresses[i].ip.family == WG_FAMILY_IPV6)
                        return true;
        if (quick->routing == TL_WGQUICK_ROUTING_OFF)
                return false;
        for (uint32_t i = 0; i < device->allowed_ip_count; i++) {
                const struct tl_change_allowed_ip *allowed = tl_change_allowed_ip_at(device, i);

                if (allowed->prefix.ip.family == WG_FAMILY_IPV6 && !allowed->remove)
                        return true;
        }
        return false;
}

const char *tl_plan_objection(const struct tl_wgquick *quick, const struct tl_change *device,
                              const struct tl_plan_facts *facts)
{
        if (quick->dns_count && facts->dns == TL_PLAN_DNS_NONE)
                return "DNS needs resolvconf(8) or systemd-resolved, and neither is installed: "
                       "install "
                       "the package openresolv, or remove DNS";
        if (tl_plan_has_default(quick, device) && !facts->has_nft && !facts->has_iptables)
                return "a default route needs nft(8) or iptables(8), and neither is installed: "
                       "install "
                       "the package nftables, or set Table to off and add routes yourself";
        if (quick->mtu && quick->mtu < TL_PLAN_IPV6_MTU && !facts->lacks_ipv6 &&
            tl_plan_has_ipv6(quick, device))
                return "IPv6 needs an MTU of 1280 or more: raise MTU, or remove the IPv6 addresses "
                       "and allowed IPs";
        return NULL;
}

bool tl_plan_up(struct tl_steps *steps, const struct tl_wgquick *quick,
                const struct tl_change *device, const struct tl_plan_facts *facts)
{
        struct planner p = {.steps = steps, .quick = quick, .device = device, .facts = facts};
        bool is_good;

        *steps = (struct tl_steps){0};
        is_good = plan_addresses(&p) && plan_link(&p) && plan_dns(&p) && plan_routes(&p);
        free(p.routes);
        if (!is_good)
                tl_steps_done(steps);
        return is_good;
}

bool tl_plan_defaults(struct tl_steps *steps, const struct tl_wgquick *quick,
                      const struct tl_change *device, const struct tl_plan_facts *facts)
{
        static const uint8_t families[] = {WG_FAMILY_IPV4, WG_FAMILY_IPV6};
        struct planner p = {.steps = steps,
                            .quick = quick,
                            .device = device,
                            .facts = facts,
                            .number = device->fwmark ? device->fwmark : facts->number};
        bool is_good;

        *steps = (struct tl_steps){0};
        is_good = plan_mark(&p);
        for (size_t i = 0; i < WG_ARRAY_SIZE(families); i++)
                if (is_family_planned(facts, families[i]) &&
                    has_default(quick, device, families[i]))
                        is_good = is_good && plan_claim(&p, families[i]);
        for (size_t i = 0; i < WG_ARRAY_SIZE(families); i++)
                if (is_family_planned(facts, families[i]) &&
                    has_default(quick, device, families[i]))
                        is_good = is_good && plan_default(&p, families[i]);
        if (!is_good)
                tl_steps_done(steps);
        return is_good;
}
