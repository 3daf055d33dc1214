/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "io/netset.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "io/dump.h"

/* The kernel answers each change with a message that takes about a KiB of the receive buffer, which
 * holds some 200 KiB by default. */
enum { BATCH_CHANGES = 64, CHANGE_SIZE = 128, ANSWER_SIZE = 32768 };

/* ---- lists ---- */

struct list {
        struct tl_dump_list all;
        uint32_t ifindex; /* of interest; 0: any */
        uint8_t protocol; /* of interest; 0: any */
};

static void begin(void *ctx)
{
        struct list *list = ctx;

        list->all.count = 0;
}

static int parse_metric(const struct nlattr *attribute, void *ctx)
{
        struct tl_netset_route *route = ctx;

        if (mnl_attr_get_type(attribute) == RTAX_MTU)
                route->mtu = tl_dump_number(attribute);
        return MNL_CB_OK;
}

static int parse_route_attribute(const struct nlattr *attribute, void *ctx)
{
        struct tl_netset_route *route = ctx;

        switch (mnl_attr_get_type(attribute)) {
        case RTA_DST:
                tl_dump_ip(attribute, route->prefix.ip.family, &route->prefix.ip);
                break;
        case RTA_GATEWAY:
                tl_dump_ip(attribute, route->prefix.ip.family, &route->via);
                break;
        case RTA_OIF:
                route->ifindex = tl_dump_number(attribute);
                break;
        case RTA_TABLE:
                route->table = tl_dump_number(attribute);
                break;
        case RTA_PRIORITY:
                route->metric = tl_dump_number(attribute);
                break;
        case RTA_METRICS:
                return mnl_attr_parse_nested(attribute, parse_metric, route);
        }
        return MNL_CB_OK;
}

static int see_route(const struct nlmsghdr *message, void *ctx)
{
        const struct rtmsg *head = mnl_nlmsg_get_payload(message);
        struct list *list = ctx;
        struct tl_netset_route route;

        if (mnl_nlmsg_get_payload_len(message) < sizeof(*head))
                return -EBADMSG;
        route = (struct tl_netset_route){
                .prefix = {{.family = tl_dump_from_kernel(head->rtm_family)}, head->rtm_dst_len},
                .table = head->rtm_table,
                .protocol = head->rtm_protocol,
                .is_unreachable = head->rtm_type == RTN_UNREACHABLE,
                .is_other = head->rtm_type != RTN_UNREACHABLE && head->rtm_type != RTN_UNICAST,
        };
        if ((list->protocol && head->rtm_protocol != list->protocol) ||
            head->rtm_flags & RTM_F_CLONED || !route.prefix.ip.family)
                return 0;
        if (mnl_attr_parse(message, sizeof(*head), parse_route_attribute, &route) < 0)
                return -EBADMSG;
        /* IPv6 shows lo as the link of unreachable routes. */
        if (route.is_unreachable)
                route.ifindex = 0;
        return tl_dump_append(&list->all, &route);
}

int tl_netset_list_routes(uint8_t protocol, struct tl_netset_route **routes, size_t *count)
{
        static const uint8_t families[] = {AF_INET, AF_INET6};
        struct tl_dump_list all = {.size = sizeof(**routes)};
        int error = 0;

        for (size_t i = 0; !error && i < WG_ARRAY_SIZE(families); i++) {
                const struct rtmsg head = {.rtm_family = families[i], .rtm_protocol = protocol};
                struct list list = {.all.size = all.size, .protocol = protocol};

                error = tl_dump(RTM_GETROUTE, &head, sizeof(head), see_route, begin, &list);
                for (size_t k = 0; !error && k < list.all.count; k++)
                        error = tl_dump_append(&all, (struct tl_netset_route *)list.all.items + k);
                free(list.all.items);
        }
        if (error) {
                free(all.items);
                return error;
        }
        *routes = all.items;
        *count = all.count;
        return 0;
}

/* IFA_LOCAL is our address, IFA_ADDRESS that of the other end of a point-to-point link. Only IPv4
 * has both, IFA_ADDRESS first. */
static int parse_address_attribute(const struct nlattr *attribute, void *ctx)
{
        struct tl_netset_address *address = ctx;
        uint16_t type = mnl_attr_get_type(attribute);

        if (type == IFA_LOCAL || type == IFA_ADDRESS)
                tl_dump_ip(attribute, address->ip.family, &address->ip);
        return MNL_CB_OK;
}

static int see_address(const struct nlmsghdr *message, void *ctx)
{
        const struct ifaddrmsg *head = mnl_nlmsg_get_payload(message);
        struct list *list = ctx;
        struct tl_netset_address address;

        if (mnl_nlmsg_get_payload_len(message) < sizeof(*head))
                return -EBADMSG;
        if (list->ifindex && head->ifa_index != list->ifindex)
                return 0;
        address = (struct tl_netset_address){
                .ip = {.family = tl_dump_from_kernel(head->ifa_family)},
                .cidr = head->ifa_prefixlen,
                .ifindex = head->ifa_index,
        };
        if (!address.ip.family)
                return 0;
        if (mnl_attr_parse(message, sizeof(*head), parse_address_attribute, &address) < 0)
                return -EBADMSG;
        return tl_dump_append(&list->all, &address);
}

int tl_netset_list_addresses(uint32_t ifindex, struct tl_netset_address **addresses, size_t *count)
{
        const struct ifaddrmsg head = {.ifa_index = ifindex};
        struct list list = {.all.size = sizeof(**addresses), .ifindex = ifindex};
        int error = tl_dump(RTM_GETADDR, &head, sizeof(head), see_address, begin, &list);

        if (error) {
                free(list.all.items);
                return error;
        }
        *addresses = list.all.items;
        *count = list.all.count;
        return 0;
}

static int parse_proxy_attribute(const struct nlattr *attribute, void *ctx)
{
        struct tl_netset_proxy *proxy = ctx;

        switch (mnl_attr_get_type(attribute)) {
        case NDA_DST:
                tl_dump_ip(attribute, proxy->ip.family, &proxy->ip);
                break;
        case NDA_PROTOCOL:
                proxy->protocol = mnl_attr_get_payload_len(attribute) ? mnl_attr_get_u8(attribute)
                                                                      : 0;
                break;
        }
        return MNL_CB_OK;
}

static int see_proxy(const struct nlmsghdr *message, void *ctx)
{
        const struct ndmsg *head = mnl_nlmsg_get_payload(message);
        struct list *list = ctx;
        struct tl_netset_proxy proxy;

        if (mnl_nlmsg_get_payload_len(message) < sizeof(*head))
                return -EBADMSG;
        proxy = (struct tl_netset_proxy){
                .ip.family = tl_dump_from_kernel(head->ndm_family),
                .ifindex = (uint32_t)head->ndm_ifindex,
        };
        if (!(head->ndm_flags & NTF_PROXY) || !proxy.ip.family)
                return 0;
        if (mnl_attr_parse(message, sizeof(*head), parse_proxy_attribute, &proxy) < 0)
                return -EBADMSG;
        return tl_dump_append(&list->all, &proxy);
}

int tl_netset_list_proxies(struct tl_netset_proxy **proxies, size_t *count)
{
        const struct ndmsg head = {.ndm_flags = NTF_PROXY};
        struct list list = {.all.size = sizeof(**proxies)};
        int error = tl_dump(RTM_GETNEIGH, &head, sizeof(head), see_proxy, begin, &list);

        if (error) {
                free(list.all.items);
                return error;
        }
        *proxies = list.all.items;
        *count = list.all.count;
        return 0;
}

/* ---- changes ---- */

static void put_ip(struct nlmsghdr *message, uint16_t type, const struct wg_ip *ip)
{
        mnl_attr_put(message, type, wg_ip_bits(ip) / 8, ip->bytes);
}

static void compose_route(struct nlmsghdr *message, const struct tl_netset_route *route,
                          bool is_removal)
{
        struct rtmsg *head = mnl_nlmsg_put_extra_header(message, sizeof(*head));

        head->rtm_family = tl_dump_to_kernel(route->prefix.ip.family);
        head->rtm_dst_len = route->prefix.cidr;
        head->rtm_protocol = route->protocol;
        head->rtm_type = route->is_unreachable ? RTN_UNREACHABLE : RTN_UNICAST;
        head->rtm_scope = RT_SCOPE_UNIVERSE;
        /* IPv4 finds out itself whether a link has a route's destinations. */
        if (route->prefix.ip.family == WG_FAMILY_IPV4 && !route->is_unreachable &&
            !route->via.family)
                head->rtm_scope = is_removal ? RT_SCOPE_NOWHERE : RT_SCOPE_LINK;
        put_ip(message, RTA_DST, &route->prefix.ip);
        if (route->via.family)
                put_ip(message, RTA_GATEWAY, &route->via);
        if (route->ifindex)
                mnl_attr_put_u32(message, RTA_OIF, route->ifindex);
        mnl_attr_put_u32(message, RTA_TABLE, route->table ? route->table : TL_NETSET_MAIN);
        if (route->metric)
                mnl_attr_put_u32(message, RTA_PRIORITY, route->metric);
        if (route->mtu && !is_removal) {
                struct nlattr *metrics = mnl_attr_nest_start(message, RTA_METRICS);

                mnl_attr_put_u32(message, RTAX_MTU, route->mtu);
                mnl_attr_nest_end(message, metrics);
        }
}

static void compose_address(struct nlmsghdr *message, const struct tl_netset_address *address,
                            bool is_removal)
{
        struct ifaddrmsg *head = mnl_nlmsg_put_extra_header(message, sizeof(*head));

        head->ifa_family = tl_dump_to_kernel(address->ip.family);
        head->ifa_prefixlen = address->cidr;
        head->ifa_index = address->ifindex;
        put_ip(message, IFA_LOCAL, &address->ip);
        put_ip(message, IFA_ADDRESS, &address->ip);
        if (!is_removal)
                mnl_attr_put_u32(message, IFA_FLAGS, IFA_F_NOPREFIXROUTE | IFA_F_NODAD);
}

/* Newer kernels keep a permanent entry when the link loses its carrier. */
static void compose_proxy(struct nlmsghdr *message, const struct tl_netset_proxy *proxy)
{
        struct ndmsg *head = mnl_nlmsg_put_extra_header(message, sizeof(*head));

        head->ndm_family = tl_dump_to_kernel(proxy->ip.family);
        head->ndm_ifindex = (int)proxy->ifindex;
        head->ndm_state = NUD_PERMANENT;
        head->ndm_flags = NTF_PROXY;
        put_ip(message, NDA_DST, &proxy->ip);
        mnl_attr_put_u8(message, NDA_PROTOCOL, proxy->protocol);
}

/* Whether an error means that the change had been made before. */
static bool is_done(const struct tl_netset_change *change, int error)
{
        if (change->verb != TL_NETSET_REMOVE)
                return change->kind != TL_NETSET_ROUTE && error == -EEXIST;
        return error == -ESRCH || error == -EADDRNOTAVAIL || error == -ENODEV || error == -ENOENT;
}

static const struct {
        uint16_t add, remove;
} types[] = {
        [TL_NETSET_ROUTE] = {RTM_NEWROUTE, RTM_DELROUTE},
        [TL_NETSET_ADDRESS] = {RTM_NEWADDR, RTM_DELADDR},
        [TL_NETSET_RULE] = {RTM_NEWRULE, RTM_DELRULE},
        [TL_NETSET_PROXY] = {RTM_NEWNEIGH, RTM_DELNEIGH},
};

static void compose_head(struct nlmsghdr *message, const struct tl_netset_change *change)
{
        bool is_removal = change->verb == TL_NETSET_REMOVE;

        message->nlmsg_type = is_removal ? types[change->kind].remove : types[change->kind].add;
        message->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
        if (!is_removal)
                message->nlmsg_flags |= NLM_F_CREATE;
        if (change->verb == TL_NETSET_ADD)
                message->nlmsg_flags |= NLM_F_EXCL;
        if (change->verb == TL_NETSET_REPLACE)
                message->nlmsg_flags |= NLM_F_REPLACE;
}

static size_t compose(uint8_t *buf, const struct tl_netset_change *change, uint32_t sequence)
{
        struct nlmsghdr *message = mnl_nlmsg_put_header(buf);
        bool is_removal = change->verb == TL_NETSET_REMOVE;

        compose_head(message, change);
        message->nlmsg_seq = sequence;
        switch (change->kind) {
        case TL_NETSET_ROUTE:
                compose_route(message, &change->route, is_removal);
                break;
        case TL_NETSET_ADDRESS:
                compose_address(message, &change->address, is_removal);
                break;
        case TL_NETSET_RULE:
                tl_rule_compose(message, &change->rule);
                break;
        case TL_NETSET_PROXY:
                compose_proxy(message, &change->proxy);
                break;
        }
        return MNL_ALIGN(message->nlmsg_len);
}

/* Writes the errors of one datagram to the changes that it answers. Returns how many. */
static size_t read_answers(const uint8_t *buf, size_t len, struct tl_netset_change *changes,
                           size_t count)
{
        const struct nlmsghdr *message = (const void *)buf;
        int left = (int)len;
        size_t seen = 0;

        for (; mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left)) {
                const struct nlmsgerr *answer = mnl_nlmsg_get_payload(message);
                uint32_t i = message->nlmsg_seq;

                if (message->nlmsg_type != NLMSG_ERROR || i >= count ||
                    mnl_nlmsg_get_payload_len(message) < sizeof(answer->error))
                        continue;
                changes[i].error = is_done(&changes[i], answer->error) ? 0 : answer->error;
                seen++;
        }
        return seen;
}

/* Makes up to BATCH_CHANGES changes. Returns 0, or -errno if they could not be sent. */
static int carry_out(struct mnl_socket *socket, struct tl_netset_change *changes, size_t count)
{
        _Alignas(8) uint8_t buf[BATCH_CHANGES * CHANGE_SIZE], answer[ANSWER_SIZE];
        size_t len = 0, answered = 0;

        for (size_t i = 0; i < count; i++)
                len += compose(buf + len, &changes[i], (uint32_t)i);
        if (mnl_socket_sendto(socket, buf, len) < 0)
                return -errno;
        while (answered < count) {
                ssize_t got = mnl_socket_recvfrom(socket, answer, sizeof(answer));

                if (got < 0 && errno == EINTR)
                        continue;
                if (got <= 0)
                        return got ? -errno : -EPIPE;
                answered += read_answers(answer, (size_t)got, changes, count);
        }
        return 0;
}

int tl_netset_change(struct tl_netset_change *changes, size_t count)
{
        struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
        int error = 0, one = 1;

        if (!socket)
                return -errno;
        if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0)
                error = -errno;
        /* Answers then lack a copy of the change. */
        (void)mnl_socket_setsockopt(socket, NETLINK_CAP_ACK, &one, sizeof(one));
        for (size_t i = 0; !error && i < count; i += BATCH_CHANGES)
                error = carry_out(socket, changes + i, WG_MIN(count - i, (size_t)BATCH_CHANGES));
        mnl_socket_close(socket);
        for (size_t i = 0; !error && i < count; i++)
                error = changes[i].error;
        return error;
}
