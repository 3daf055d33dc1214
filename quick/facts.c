/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "quick/facts.h"

#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conf/address.h"
#include "host/run.h"
#include "host/setting.h"
#include "io/rule.h"
#include "quick/link.h"
#include "quick/rules.h"

#define INTERFACE_ORDER "/etc/resolvconf/interface-order"

#define SPACE " \t\n"

enum { NUMBERS_TRIED = 1000, ENDPOINTS_ASKED = 64 };

static bool is_prefix(const char *text, size_t len)
{
        for (size_t i = 0; i < len; i++)
                if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-",
                            text[i]))
                        return false;
        return len > 0;
}

/* Debian's resolvconf orders its records by the patterns of a file. Under a name that the first pattern
 * of the form `name*` matches, ours comes where such records come. */
static void name_record(struct tl_plan_facts *facts)
{
        FILE *file = fopen(INTERFACE_ORDER, "re");
        char line[256];

        snprintf(facts->dns_name, sizeof(facts->dns_name), "%s", facts->ifname);
        while (file && fgets(line, sizeof(line), file)) {
                size_t len = strcspn(line, "\n");

                if (len < 2 || len > 24 || line[len - 1] != '*' || !is_prefix(line, len - 1))
                        continue;
                snprintf(facts->dns_name, sizeof(facts->dns_name), "%.*s.%s", (int)len - 1, line,
                         facts->ifname);
                break;
        }
        if (file)
                fclose(file);
}

/* Directories of records of openresolv, of its newer versions, and of Debian's resolvconf. */
bool tl_facts_has_record(const char *name)
{
        static const char *const places[] = {"/run/resolvconf/interfaces", "/run/resolvconf/keys",
                                             "/run/resolvconf/interface"};
        char path[128];

        for (size_t i = 0; i < WG_ARRAY_SIZE(places); i++) {
                snprintf(path, sizeof(path), "%s/%s", places[i], name);
                if (access(path, F_OK) == 0)
                        return true;
        }
        return false;
}

void tl_facts_find_programs(struct tl_plan_facts *facts, const char *ifname)
{
        *facts = (struct tl_plan_facts){
                .ifname = ifname,
                .has_nft = tl_run_has("nft"),
                .has_iptables = tl_run_has("iptables") && tl_run_has("ip6tables"),
        };
        if (tl_run_has("resolvconf"))
                facts->dns = TL_PLAN_DNS_RESOLVCONF;
        else if (tl_run_has("resolvectl") && access("/run/systemd/resolve", X_OK) == 0)
                facts->dns = TL_PLAN_DNS_RESOLVED;
        name_record(facts);
}

static uint32_t find_link_mtu(const char *ifname)
{
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        struct ifreq request = {0};
        uint32_t mtu = 0;

        if (fd < 0)
                return 0;
        snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", ifname);
        if (ioctl(fd, SIOCGIFMTU, &request) == 0)
                mtu = (uint32_t)request.ifr_mtu;
        close(fd);
        return mtu;
}

/* Cuts an answer off after its first route, whose continuation lines are indented. */
static void keep_first_route(char *answer)
{
        for (char *c = answer; *c; c++)
                if (c[0] == '\n' && c[1] != ' ' && c[1] != '\t')
                        *c = '\0';
}

/* The MTU of a route as `ip route` prints it, or else of its link. 0: unknown, or the route leads
 * to this machine: the traffic of a local proxy leaves by another route, which the MTU of lo says
 * nothing about. */
static uint32_t read_route(char *answer)
{
        const char *before = "", *dev = NULL;
        char *rest = NULL;
        uint32_t mtu = 0;

        keep_first_route(answer);
        for (char *word = strtok_r(answer, SPACE, &rest); word;
             word = strtok_r(NULL, SPACE, &rest)) {
                if (strcmp(before, "mtu") == 0 && strcmp(word, "lock") == 0)
                        continue;
                if (strcmp(before, "mtu") == 0)
                        mtu = (uint32_t)strtoul(word, NULL, 10);
                else if (strcmp(before, "dev") == 0 && !dev)
                        dev = word;
                before = word;
        }
        if (!dev || strcmp(dev, "lo") == 0)
                return 0;
        return mtu ? mtu : find_link_mtu(dev);
}

static uint32_t ask_route(const char *command)
{
        char answer[1024];

        return tl_run_ask(command, answer, sizeof(answer)) ? read_route(answer) : 0;
}

bool tl_facts_is_table_free(uint32_t table)
{
        char command[64], answer[8];

        snprintf(command, sizeof(command), "ip -4 route show table %u", table);
        if (tl_run_ask(command, answer, sizeof(answer)) && answer[0])
                return false;
        snprintf(command, sizeof(command), "ip -6 route show table %u", table);
        return !tl_run_ask(command, answer, sizeof(answer)) || !answer[0];
}

/* The MTU of the route to an endpoint, for outer packets with their mark. */
static uint32_t find_endpoint_mtu(const struct tl_change_peer *peer, uint32_t mark)
{
        char command[TL_ADDRESS_IP_SIZE + 48], text[TL_ADDRESS_IP_SIZE], zone[IF_NAMESIZE];

        if (peer->zone[0])
                return find_link_mtu(peer->zone);
        if (peer->endpoint.scope)
                return if_indextoname(peer->endpoint.scope, zone) ? find_link_mtu(zone) : 0;
        tl_address_format_ip(text, &peer->endpoint.ip);
        if (mark)
                snprintf(command, sizeof(command), "ip route get %s mark %u", text, mark);
        else
                snprintf(command, sizeof(command), "ip route get %s", text);
        return ask_route(command);
}

/* The greatest MTU of all paths, as in wg-quick; path MTU discovery finds a smaller one. If no
 * endpoint is known, that of the default routes. */
static uint32_t find_path_mtu(const struct tl_change *device)
{
        uint32_t mtu = 0, asked = 0;

        for (uint32_t i = 0; i < device->peer_count && asked < ENDPOINTS_ASKED; i++) {
                const struct tl_change_peer *peer = tl_change_peer_at(device, i);

                if (!peer->has_endpoint || peer->endpoint.ip.family == WG_FAMILY_NONE)
                        continue;
                mtu = WG_MAX(mtu, find_endpoint_mtu(peer, device->fwmark));
                asked++;
        }
        if (!mtu)
                mtu = ask_route("ip -4 route show default");
        return mtu ? mtu : ask_route("ip -6 route show default");
}

/* A link that does not exist yet has the default setting. */
bool tl_facts_lacks_ipv6(const char *ifname)
{
        char path[64], value[TL_SETTING_SIZE];
        int fd;

        snprintf(path, sizeof(path), "net/ipv6/conf/%s/disable_ipv6",
                 if_nametoindex(ifname) ? ifname : "default");
        if (tl_setting_read(path, value) == 0)
                return strcmp(value, "0") != 0;
        fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd >= 0)
                close(fd);
        return fd < 0;
}

void tl_facts_find_routes(struct tl_plan_facts *facts, const struct tl_wgquick *quick,
                          const struct tl_change *device)
{
        if (!quick->mtu)
                facts->path_mtu = find_path_mtu(device);
}

bool tl_facts_is_mark_used(uint32_t mark, const char *but)
{
        struct if_nameindex *links = if_nameindex();
        bool is_used = false;

        for (const struct if_nameindex *link = links; link && link->if_index && !is_used; link++)
                is_used = strcmp(link->if_name, but) != 0 &&
                          tl_link_find_mark(link->if_name) == mark;
        if (links)
                if_freenameindex(links);
        return is_used;
}

/* Policy routing rules of both families. */
struct rules {
        struct tl_rule *ipv4, *ipv6;
        size_t ipv4_count, ipv6_count;
};

static void find_number(struct tl_plan_facts *facts, const struct rules *rules, uint32_t first)
{
        uint32_t number = first;

        while (number - first < NUMBERS_TRIED &&
               (tl_rules_use(rules->ipv4, rules->ipv4_count, number) ||
                tl_rules_use(rules->ipv6, rules->ipv6_count, number) ||
                !tl_facts_is_table_free(number) || tl_facts_is_mark_used(number, facts->ifname)))
                number++;
        facts->number = number;
}

int tl_facts_find_defaults(struct tl_plan_facts *facts, uint32_t first)
{
        struct rules rules = {0};
        int error = tl_rule_read(WG_FAMILY_IPV4, &rules.ipv4, &rules.ipv4_count);

        if (!error && !facts->lacks_ipv6)
                error = tl_rule_read(WG_FAMILY_IPV6, &rules.ipv6, &rules.ipv6_count);
        if (!error) {
                find_number(facts, &rules, first);
                facts->ipv4 = tl_rules_place(rules.ipv4, rules.ipv4_count);
                facts->ipv6 = tl_rules_place(rules.ipv6, rules.ipv6_count);
        }
        free(rules.ipv4);
        free(rules.ipv6);
        return error;
}

/* Removes our rules of that number from the list. Returns how many rules are left. */
static size_t forget_rules(struct tl_rule *rules, size_t count, uint32_t number)
{
        size_t left = 0;

        for (size_t i = 0; i < count; i++)
                if (!tl_rules_is_ours(&rules[i]) || rules[i].mark != number)
                        rules[left++] = rules[i];
        return left;
}

static bool is_place_right(uint8_t family, const struct tl_rules_place *place, uint32_t number)
{
        struct tl_rule *rules = NULL;
        struct tl_rules_place now;
        size_t count = 0, left;

        if (tl_rule_read(family, &rules, &count) < 0)
                return true;
        left = forget_rules(rules, count, number);
        now = tl_rules_place(rules, left);
        free(rules);
        return left == count || memcmp(&now, place, sizeof(now)) == 0;
}

bool tl_facts_is_place_right(const struct tl_plan_facts *facts, uint32_t number)
{
        return is_place_right(WG_FAMILY_IPV4, &facts->ipv4, number) &&
               is_place_right(WG_FAMILY_IPV6, &facts->ipv6, number);
}
