/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "quick/leftovers.h"

#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/endpoint.h"
#include "io/rule.h"
#include "quick/facts.h"
#include "quick/link.h"
#include "quick/rules.h"
#include "quick/run.h"
#include "quick/table.h"

enum { TABLES_SIZE = 65536 }; /* for the names of all nft tables */

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
               !tl_facts_is_mark_used(rule->mark, ifname);
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

/* An interface that was moved or renamed is still served from here. */
static bool is_alive(const char *ifname)
{
        return if_nametoindex(ifname) ||
               (tl_link_is_served(ifname) && !tl_link_is_elsewhere(ifname));
}

/* `line` is `table ip tieline-quick-IFNAME`, without its newline. */
static bool delete_table(const char *line, const char *ifname)
{
        char family[8], table[TL_TABLE_NAME_SIZE], owner[IF_NAMESIZE], command[96];

        if (sscanf(line, "table %7s %63s", family, table) != 2 || !tl_table_owner(owner, table))
                return false;
        if (strcmp(owner, ifname) != 0 && is_alive(owner))
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

bool tl_leftovers_delete(const char *ifname)
{
        bool has_ipv4 = delete_rules(WG_FAMILY_IPV4, ifname),
             has_ipv6 = delete_rules(WG_FAMILY_IPV6, ifname), has_tables = delete_tables(ifname);

        return has_ipv4 || has_ipv6 || has_tables;
}
