/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "io/rule.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "io/dump.h"

/* The length of the prefix is in the header, so it is there already. */
static void read_prefix(const struct nlattr *attribute, struct wg_prefix *prefix)
{
        size_t len = mnl_attr_get_payload_len(attribute);

        tl_dump_ip(attribute, len == 4 ? WG_FAMILY_IPV4 : WG_FAMILY_IPV6, &prefix->ip);
}

static int parse_attribute(const struct nlattr *attribute, void *ctx)
{
        struct tl_rule *rule = ctx;

        switch (mnl_attr_get_type(attribute)) {
        case FRA_SRC:
                read_prefix(attribute, &rule->from);
                rule->is_selective = true;
                break;
        case FRA_DST:
                read_prefix(attribute, &rule->to);
                rule->is_selective = true;
                break;
        case FRA_IIFNAME:
                snprintf(rule->iif, sizeof(rule->iif), "%.*s",
                         (int)mnl_attr_get_payload_len(attribute),
                         (const char *)mnl_attr_get_payload(attribute));
                rule->is_selective = true;
                break;
        case FRA_PRIORITY:
                rule->priority = tl_dump_number(attribute);
                break;
        case FRA_TABLE:
                rule->table = tl_dump_number(attribute);
                break;
        case FRA_GOTO:
                rule->target = tl_dump_number(attribute);
                break;
        case FRA_FWMARK:
                rule->mark = tl_dump_number(attribute);
                break;
        case FRA_FWMASK:
                rule->mask = tl_dump_number(attribute);
                break;
        case FRA_PROTOCOL:
                rule->protocol = mnl_attr_get_payload_len(attribute) ? mnl_attr_get_u8(attribute)
                                                                     : 0;
                break;
        case FRA_SUPPRESS_PREFIXLEN:
                rule->ignores_defaults = tl_dump_number(attribute) == 0;
                rule->has_more |= tl_dump_number(attribute) - 1 < UINT32_MAX - 1;
                break;
        case FRA_SUPPRESS_IFGROUP:
                rule->has_more |= tl_dump_number(attribute) != UINT32_MAX;
                break;
        case FRA_UNSPEC:
        case FRA_FLOW:
        case FRA_PAD:
                break;
        default:
                /* Outgoing links, ports, users, and conditions of later kernels. */
                rule->has_more = true;
        }
        return MNL_CB_OK;
}

static enum tl_rule_action read_action(uint8_t action)
{
        if (action == FR_ACT_TO_TBL)
                return TL_RULE_LOOKUP;
        return action == FR_ACT_GOTO ? TL_RULE_GOTO : TL_RULE_OTHER;
}

static int see_rule(const struct nlmsghdr *message, void *ctx)
{
        const struct fib_rule_hdr *head = mnl_nlmsg_get_payload(message);
        struct tl_rule rule;

        if (mnl_nlmsg_get_payload_len(message) < sizeof(*head))
                return -EBADMSG;
        rule = (struct tl_rule){
                .action = read_action(head->action),
                .table = head->table,
                .is_inverted = head->flags & FIB_RULE_INVERT,
                .has_more = head->tos != 0,
                .family = tl_dump_from_kernel(head->family),
                .from.cidr = head->src_len,
                .to.cidr = head->dst_len,
        };
        if (mnl_attr_parse(message, sizeof(*head), parse_attribute, &rule) < 0)
                return -EBADMSG;
        rule.is_selective |= rule.has_more;
        return tl_dump_append(ctx, &rule);
}

static void begin(void *ctx)
{
        struct tl_dump_list *list = ctx;

        list->count = 0;
}

int tl_rule_read(uint8_t family, struct tl_rule **rules, size_t *count)
{
        const struct fib_rule_hdr head = {
                .family = tl_dump_to_kernel(family),
        };
        struct tl_dump_list list = {.size = sizeof(**rules)};
        int error = tl_dump(RTM_GETRULE, &head, sizeof(head), see_rule, begin, &list);

        if (error) {
                free(list.items);
                return error;
        }
        *rules = list.items;
        *count = list.count;
        return 0;
}

static void put_prefix(struct nlmsghdr *message, uint16_t type, const struct wg_prefix *prefix)
{
        if (prefix->ip.family != WG_FAMILY_NONE)
                mnl_attr_put(message, type, wg_ip_bits(&prefix->ip) / 8, prefix->ip.bytes);
}

void tl_rule_compose(struct nlmsghdr *message, const struct tl_rule *rule)
{
        struct fib_rule_hdr *head = mnl_nlmsg_put_extra_header(message, sizeof(*head));

        head->family = tl_dump_to_kernel(rule->family);
        head->src_len = rule->from.cidr;
        head->dst_len = rule->to.cidr;
        head->action = FR_ACT_TO_TBL;
        put_prefix(message, FRA_SRC, &rule->from);
        put_prefix(message, FRA_DST, &rule->to);
        mnl_attr_put_u32(message, FRA_PRIORITY, rule->priority);
        mnl_attr_put_u32(message, FRA_TABLE, rule->table);
        mnl_attr_put_u8(message, FRA_PROTOCOL, rule->protocol);
        if (rule->iif[0])
                mnl_attr_put_strz(message, FRA_IIFNAME, rule->iif);
}
