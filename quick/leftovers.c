/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "quick/leftovers.h"

#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/endpoint.h"
#include "client/link.h"
#include "host/facts.h"
#include "host/run.h"
#include "host/table.h"
#include "io/netns.h"
#include "io/rule.h"
#include "quick/rules.h"
#include "quick/survey.h"

enum { TABLES_SIZE = 65536 }; /* bytes for the names of all nft tables, or the rules of a chain */

static void delete_rule(char family, const struct tl_rule *rule)
{
        char command[160], what[48];

        if (rule->action == TL_RULE_GOTO)
                snprintf(what, sizeof(what), "goto %u", rule->target);
        else
                snprintf(what, sizeof(what), "table %u", rule->table);
        snprintf(command, sizeof(command),
                 "ip -%c rule delete priority %u %sfwmark %u/0x%x %s protocol %u", family,
                 rule->priority, rule->is_inverted ? "not " : "", rule->mark, rule->mask, what,
                 (unsigned int)TL_RULES_PROTOCOL);
        (void)!tl_run(command, NULL);
}

static bool is_dead(const struct tl_rule *rule, const char *ifname)
{
        return tl_rules_is_ours(rule) && tl_facts_is_table_free(rule->mark) &&
               !tl_survey_is_mark_used(rule->mark, ifname);
}

static bool delete_rules(uint8_t family, const char *ifname)
{
        struct tl_rule *rules = NULL;
        size_t count = 0;
        bool any = false;

        if (tl_rule_read(family, &rules, &count) < 0)
                return false;
        for (size_t i = 0; i < count; i++) {
                if (!is_dead(&rules[i], ifname))
                        continue;
                delete_rule(family == WG_FAMILY_IPV4 ? '4' : '6', &rules[i]);
                any = true;
        }
        free(rules);
        return any;
}

/* A daemon whose interface was moved or renamed still listens here under the old name. */
static bool is_alive(const char *ifname)
{
        return if_nametoindex(ifname) ||
               (tl_link_is_served(ifname) && !tl_link_is_elsewhere(ifname));
}

static bool is_in_use(const char *owner, const char *ifname)
{
        return strcmp(owner, ifname) != 0 && is_alive(owner);
}

/* `line` is `table ip tieline-quick-IFNAME`, without its newline. */
static bool delete_table(const char *line, const char *ifname)
{
        char family[8], table[TL_TABLE_NAME_SIZE], owner[IF_NAMESIZE], command[96];

        if (sscanf(line, "table %7s %63s", family, table) != 2 ||
            !tl_table_owner(owner, TL_PLAN_TABLE_PREFIX, table))
                return false;
        if (is_in_use(owner, ifname))
                return false;
        snprintf(command, sizeof(command), "nft delete table %s %s", family, table);
        return tl_run(command, NULL);
}

static bool delete_tables(const char *ifname)
{
        char *tables = malloc(TABLES_SIZE), *rest = NULL;
        bool any = false;

        if (tables && tl_run_has("nft") && tl_run_ask("nft list tables", tables, TABLES_SIZE))
                for (char *line = strtok_r(tables, "\n", &rest); line;
                     line = strtok_r(NULL, "\n", &rest))
                        any = delete_table(line, ifname) || any;
        free(tables);
        return any;
}

static void remove_quotes(char *line)
{
        char *kept = line;

        for (const char *c = line; *c; c++)
                if (*c != '"')
                        *kept++ = *c;
        *kept = '\0';
}

/* `line` is `-A CHAIN ...`. The rule is ours if its comment, which may be quoted, is
 * tieline-quick-IFNAME. */
static bool delete_packet_rule(const char *program, const char *table, char *line,
                               const char *ifname)
{
        const char *comment;
        char name[TL_TABLE_NAME_SIZE], owner[IF_NAMESIZE], command[512];
        int len;

        remove_quotes(line);
        comment = strstr(line, "--comment ");
        if (strncmp(line, "-A ", 3) != 0 || !comment ||
            sscanf(comment, "--comment %63s", name) != 1 ||
            !tl_table_owner(owner, TL_PLAN_TABLE_PREFIX, name) || is_in_use(owner, ifname))
                return false;
        len = snprintf(command, sizeof(command), "%s -w -t %s -D %s", program, table, line + 3);
        return len < (int)sizeof(command) && tl_run(command, NULL);
}

static bool delete_packet_rules_of(const char *program, const char *table, const char *chain,
                                   const char *ifname)
{
        char *rules = malloc(TABLES_SIZE), *rest = NULL, command[64];
        bool any = false;

        snprintf(command, sizeof(command), "%s -w -t %s -S %s", program, table, chain);
        if (rules && tl_run_ask(command, rules, TABLES_SIZE))
                for (char *line = strtok_r(rules, "\n", &rest); line;
                     line = strtok_r(NULL, "\n", &rest))
                        any = delete_packet_rule(program, table, line, ifname) || any;
        free(rules);
        return any;
}

/* We add iptables rules only if nft is missing. Otherwise iptables is not run, since it may load
 * kernel modules. */
static bool delete_packet_rules(const char *ifname)
{
        static const char *const programs[] = {"iptables", "ip6tables"};
        bool any = false;

        for (size_t i = 0; i < WG_ARRAY_SIZE(programs) && !tl_run_has("nft"); i++) {
                if (!tl_run_has(programs[i]))
                        continue;
                any = delete_packet_rules_of(programs[i], "raw", "PREROUTING", ifname) || any;
                any = delete_packet_rules_of(programs[i], "mangle", "PREROUTING", ifname) || any;
                any = delete_packet_rules_of(programs[i], "mangle", "POSTROUTING", ifname) || any;
        }
        return any;
}

bool tl_leftovers_delete(const char *ifname)
{
        int lock = tl_netns_lock(TL_RULES_LOCK_TIMEOUT_MS);
        bool has_ipv4 = delete_rules(WG_FAMILY_IPV4, ifname),
             has_ipv6 = delete_rules(WG_FAMILY_IPV6, ifname), has_tables = delete_tables(ifname),
             has_packet_rules = delete_packet_rules(ifname);

        if (lock >= 0)
                close(lock);
        return has_ipv4 || has_ipv6 || has_tables || has_packet_rules;
}

bool tl_leftovers_delete_record(const char *ifname)
{
        struct tl_plan_facts facts;
        char command[TL_PLAN_DNS_NAME_SIZE + 24];

        tl_survey_programs(&facts, ifname);
        if (if_nametoindex(ifname) || facts.dns != TL_PLAN_DNS_RESOLVCONF ||
            !tl_survey_has_record(facts.dns_name))
                return false;
        snprintf(command, sizeof(command), "resolvconf -d %s -f", facts.dns_name);
        (void)!tl_run(command, NULL);
        return true;
}
