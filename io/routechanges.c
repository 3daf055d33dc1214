/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "io/routechanges.h"

#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/if.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

/* The flags of a link that its routes depend on. */
#define LINK_FLAGS (IFF_UP | IFF_RUNNING | IFF_LOWER_UP)

/* ---- pairs of prefixes ---- */

static bool covers(const struct tl_route_change *a, const struct tl_route_change *b)
{
        return wg_prefix_covers(&a->to, &b->to) && wg_prefix_covers(&a->from, &b->from);
}

/* Adds a pair to a full set by widening the pair that grows least. */
static void widen_nearest(struct tl_route_changes *changes, const struct tl_route_change *change)
{
        struct tl_route_change *nearest = NULL;
        unsigned int most = 0;

        for (unsigned int i = 0; i < changes->count; i++) {
                struct tl_route_change *item = &changes->items[i];
                unsigned int bits;

                if (item->to.ip.family != change->to.ip.family)
                        continue;
                bits = 1 + wg_prefix_common(&item->to, &change->to) +
                       wg_prefix_common(&item->from, &change->from);
                if (bits <= most)
                        continue;
                most = bits;
                nearest = item;
        }
        if (!nearest) {
                tl_route_changes_add_all(changes);
                return;
        }
        nearest->to.cidr = wg_prefix_common(&nearest->to, &change->to);
        nearest->from.cidr = wg_prefix_common(&nearest->from, &change->from);
}

void tl_route_changes_add(struct tl_route_changes *changes, const struct tl_route_change *change)
{
        for (unsigned int i = 0; i < changes->count; i++) {
                if (covers(&changes->items[i], change))
                        return;
                if (covers(change, &changes->items[i])) {
                        changes->items[i] = *change;
                        return;
                }
        }
        if (changes->count < TL_ROUTE_CHANGES_MAX)
                changes->items[changes->count++] = *change;
        else
                widen_nearest(changes, change);
}

/* A pair that contains every flow of a family. */
static struct tl_route_change all_of(uint8_t family)
{
        const struct wg_prefix all = {.ip.family = family};

        return (struct tl_route_change){all, all};
}

void tl_route_changes_add_all(struct tl_route_changes *changes)
{
        changes->count = 2;
        changes->items[0] = all_of(WG_FAMILY_IPV4);
        changes->items[1] = all_of(WG_FAMILY_IPV6);
}

bool tl_route_changes_touch(const struct tl_route_changes *changes,
                            const struct wg_endpoint *endpoint)
{
        for (unsigned int i = 0; i < changes->count; i++)
                if (wg_prefix_contains(&changes->items[i].to, &endpoint->ip) &&
                    wg_prefix_contains(&changes->items[i].from, &endpoint->source))
                        return true;
        return false;
}

/* ---- messages ---- */

static uint8_t family_of(uint8_t number)
{
        switch (number) {
        case AF_INET:
                return WG_FAMILY_IPV4;
        case AF_INET6:
                return WG_FAMILY_IPV6;
        default:
                return WG_FAMILY_NONE;
        }
}

/* Finds the attribute of that type after a header of `offset` bytes. NULL: there is none with `len`
 * bytes or more. */
static const void *find(const struct nlmsghdr *message, size_t offset, uint16_t type, size_t len)
{
        struct nlattr *attribute;

        mnl_attr_for_each(attribute, message, offset) {
                if (mnl_attr_get_type(attribute) != type)
                        continue;
                return mnl_attr_get_payload_len(attribute) >= len ? mnl_attr_get_payload(attribute)
                                                                  : NULL;
        }
        return NULL;
}

static uint32_t find_number(const struct nlmsghdr *message, size_t offset, uint16_t type,
                            uint32_t otherwise)
{
        const void *found = find(message, offset, type, sizeof(otherwise));

        if (found)
                memcpy(&otherwise, found, sizeof(otherwise));
        return otherwise;
}

/* Narrows a prefix to the address in an attribute, if there is one. */
static void narrow(struct wg_prefix *prefix, const struct nlmsghdr *message, size_t offset,
                   uint16_t type, uint8_t cidr)
{
        unsigned int bits = wg_ip_bits(&prefix->ip);
        const void *found = find(message, offset, type, bits / 8);

        if (!found || cidr > bits)
                return;
        memcpy(prefix->ip.bytes, found, bits / 8);
        prefix->cidr = cidr;
}

static void heed_route(struct tl_route_changes *changes, const struct nlmsghdr *message)
{
        const struct rtmsg *route = mnl_nlmsg_get_payload(message);
        struct tl_route_change change = all_of(family_of(route->rtm_family));

        /* A cloned route only caches a path MTU or a redirect. */
        if (change.to.ip.family == WG_FAMILY_NONE || route->rtm_flags & RTM_F_CLONED)
                return;
        narrow(&change.to, message, sizeof(*route), RTA_DST, route->rtm_dst_len);
        narrow(&change.from, message, sizeof(*route), RTA_SRC, route->rtm_src_len);
        tl_route_changes_add(changes, &change);
}

static bool is_outside(const struct nlmsghdr *message, uint16_t type, uint32_t number)
{
        const struct fib_rule_uid_range *range = find(message, sizeof(struct fib_rule_hdr), type,
                                                      sizeof(*range));

        return range && (number < range->start || number > range->end);
}

/* Whether a rule cannot select anything that we send. */
static bool is_foreign(const struct nlmsghdr *message, const struct tl_route_sender *sender)
{
        size_t offset = sizeof(struct fib_rule_hdr);
        const struct fib_rule_port_range *ports = find(message, offset, FRA_SPORT_RANGE,
                                                       sizeof(*ports));
        uint32_t mark = find_number(message, offset, FRA_FWMARK, 0);
        uint32_t mask = find_number(message, offset, FRA_FWMASK, mark ? UINT32_MAX : 0);
        const uint8_t *protocol = find(message, offset, FRA_IP_PROTO, 1);
        const char *in = find(message, offset, FRA_IIFNAME, 1);

        /* For rules, local output arrives on `lo`. */
        if (in && strncmp(in, "lo", sizeof("lo")) != 0)
                return true;
        if (protocol && *protocol && *protocol != WG_PROTOCOL_UDP)
                return true;
        if (ports && sender->port && (sender->port < ports->start || sender->port > ports->end))
                return true;
        return (mark ^ sender->fwmark) & mask || is_outside(message, FRA_UID_RANGE, sender->uid);
}

static void heed_rule(struct tl_route_changes *changes, const struct tl_route_sender *sender,
                      const struct nlmsghdr *message)
{
        const struct fib_rule_hdr *rule = mnl_nlmsg_get_payload(message);
        struct tl_route_change change = all_of(family_of(rule->family));

        if (change.to.ip.family == WG_FAMILY_NONE)
                return;
        /* An inverted rule selects the packets that do not match. */
        if (!(rule->flags & FIB_RULE_INVERT)) {
                if (is_foreign(message, sender))
                        return;
                narrow(&change.to, message, sizeof(*rule), FRA_DST, rule->dst_len);
                narrow(&change.from, message, sizeof(*rule), FRA_SRC, rule->src_len);
        }
        tl_route_changes_add(changes, &change);
}

/* When an IPv4 address goes, the kernel silently removes the routes that prefer it as their source.
 * IPv6 routes stay. */
static void heed_address(struct tl_route_changes *changes, const struct nlmsghdr *message)
{
        const struct ifaddrmsg *address = mnl_nlmsg_get_payload(message);
        struct tl_route_change change = all_of(family_of(address->ifa_family));

        if (change.to.ip.family == WG_FAMILY_NONE)
                return;
        if (change.to.ip.family == WG_FAMILY_IPV6) {
                uint16_t type = find(message, sizeof(*address), IFA_LOCAL, 16) ? IFA_LOCAL
                                                                               : IFA_ADDRESS;

                narrow(&change.from, message, sizeof(*address), type, 128);
        }
        tl_route_changes_add(changes, &change);
}

static void heed_link(struct tl_route_changes *changes, struct tl_route_links *links,
                      const struct nlmsghdr *message)
{
        const struct ifinfomsg *info = mnl_nlmsg_get_payload(message);
        uint32_t ifindex = (uint32_t)info->ifi_index, flags = info->ifi_flags & LINK_FLAGS;
        uint32_t slot = ifindex % TL_ROUTE_LINKS, master, group;
        bool is_known = links->known[slot].ifindex == ifindex, is_same;

        if (info->ifi_family != AF_UNSPEC)
                return; /* a bridge's port */
        master = find_number(message, sizeof(*info), IFLA_MASTER, 0);
        group = find_number(message, sizeof(*info), IFLA_GROUP, 0); /* for rules that suppress */
        is_same = is_known && links->known[slot].flags == flags &&
                  links->known[slot].master == master && links->known[slot].group == group;
        links->known[slot].ifindex = ifindex;
        links->known[slot].flags = flags;
        links->known[slot].master = master;
        links->known[slot].group = group;
        if (message->nlmsg_type == RTM_DELLINK) {
                memset(&links->known[slot], 0, sizeof(links->known[slot]));
                if (is_known && !(flags & IFF_UP) && is_same)
                        return; /* its routes went when it went down */
        } else if (!is_known && info->ifi_change == UINT32_MAX) {
                return; /* a new link has no routes yet */
        } else if (is_same && !(info->ifi_change & IFF_UP)) {
                return;
        }
        tl_route_changes_add_all(changes);
}

static size_t header_len(uint16_t type)
{
        switch (type) {
        case RTM_NEWROUTE:
        case RTM_DELROUTE:
                return sizeof(struct rtmsg);
        case RTM_NEWRULE:
        case RTM_DELRULE:
                return sizeof(struct fib_rule_hdr);
        case RTM_NEWADDR:
        case RTM_DELADDR:
                return sizeof(struct ifaddrmsg);
        case RTM_NEWLINK:
        case RTM_DELLINK:
                return sizeof(struct ifinfomsg);
        default:
                return 0;
        }
}

static void heed_one(struct tl_route_changes *changes, struct tl_route_links *links,
                     const struct tl_route_sender *sender, const struct nlmsghdr *message)
{
        if (mnl_nlmsg_get_payload_len(message) < header_len(message->nlmsg_type))
                return;
        switch (message->nlmsg_type) {
        case RTM_NEWROUTE:
        case RTM_DELROUTE:
                heed_route(changes, message);
                break;
        case RTM_NEWRULE:
        case RTM_DELRULE:
                heed_rule(changes, sender, message);
                break;
        case RTM_NEWADDR:
        case RTM_DELADDR:
                heed_address(changes, message);
                break;
        case RTM_NEWLINK:
        case RTM_DELLINK:
                heed_link(changes, links, message);
                break;
        default: /* a nexthop object, which any number of routes may use */
                tl_route_changes_add_all(changes);
        }
}

void tl_route_changes_heed(struct tl_route_changes *changes, struct tl_route_links *links,
                           const struct tl_route_sender *sender, const void *messages, size_t len)
{
        const struct nlmsghdr *message = messages;
        int left = (int)len;

        for (; mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left))
                heed_one(changes, links, sender, message);
}
