/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "quick/survey.h"

#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/link.h"
#include "host/facts.h"
#include "host/run.h"
#include "io/rule.h"
#include "quick/rules.h"

#define INTERFACE_ORDER "/etc/resolvconf/interface-order"

enum { NUMBERS_TRIED = 1000 };

static bool is_prefix(const char *text, size_t len)
{
        for (size_t i = 0; i < len; i++)
                if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-",
                            text[i]))
                        return false;
        return len > 0;
}

/* Debian's resolvconf orders its records by the patterns in a file. A name that matches the first
 * pattern of the form `prefix*` puts our record in that place. */
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

/* The places are those of openresolv, of its newer versions, and of Debian's resolvconf. */
bool tl_survey_has_record(const char *name)
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

void tl_survey_programs(struct tl_plan_facts *facts, const char *ifname)
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

bool tl_survey_is_mark_used(uint32_t mark, const char *but)
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
                !tl_facts_is_table_free(number) || tl_survey_is_mark_used(number, facts->ifname)))
                number++;
        facts->number = number;
}

int tl_survey_defaults(struct tl_plan_facts *facts, uint32_t first)
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

/* Removes our rules of that number from the list. Returns the number of rules left. */
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

bool tl_survey_is_place_right(const struct tl_plan_facts *facts, uint32_t number)
{
        return is_place_right(WG_FAMILY_IPV4, &facts->ipv4, number) &&
               is_place_right(WG_FAMILY_IPV6, &facts->ipv6, number);
}
