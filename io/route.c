/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "io/route.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#define GROUPS \
        (RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV4_RULE | \
         RTMGRP_IPV6_IFADDR | RTMGRP_IPV6_ROUTE | RTMGRP_IPV6_RULE_)
/* <linux/rtnetlink.h> has this group only under its newer kind of name. */
#define RTMGRP_IPV6_RULE_ (1u << (RTNLGRP_IPV6_RULE - 1))

/* A link's description with all its statistics takes 1.5 KiB or so. */
enum { ANSWER_SIZE = 8192 };

static struct mnl_socket *open_socket(int flags, unsigned int groups)
{
        struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | flags);
        int error;

        if (!socket || mnl_socket_bind(socket, groups, MNL_SOCKET_AUTOPID) == 0)
                return socket;
        error = errno;
        mnl_socket_close(socket);
        errno = error;
        return NULL;
}

int tl_routes_init(struct tl_routes *routes)
{
        int error;

        *routes = (struct tl_routes){.fd = -1};
        routes->events = open_socket(SOCK_NONBLOCK, GROUPS);
        routes->questions = routes->events ? open_socket(0, 0) : NULL;
        if (!routes->questions) {
                error = -errno;
                tl_routes_done(routes);
                return error;
        }
        routes->fd = mnl_socket_get_fd(routes->events);
        return 0;
}

void tl_routes_done(struct tl_routes *routes)
{
        if (!routes)
                return;
        if (routes->events)
                mnl_socket_close(routes->events);
        if (routes->questions)
                mnl_socket_close(routes->questions);
        *routes = (struct tl_routes){.fd = -1};
}

bool tl_routes_have_changed(struct tl_routes *routes)
{
        bool changed = false;
        uint8_t event[64];

        /* What it says does not matter, so neither does what of it is cut off. An overrun tells, too,
         * that there was something. */
        while (mnl_socket_recvfrom(routes->events, event, sizeof(event)) >= 0 || errno == ENOBUFS ||
               errno == ENOSPC || errno == EINTR)
                changed = true;
        return changed;
}

static int parse_attribute(const struct nlattr *attribute, void *ctx)
{
        if (mnl_attr_get_type(attribute) != RTA_OIF)
                return MNL_CB_OK;
        if (mnl_attr_validate(attribute, MNL_TYPE_U32) < 0)
                return MNL_CB_ERROR;
        *(uint32_t *)ctx = mnl_attr_get_u32(attribute);
        return MNL_CB_STOP;
}

static int parse_route(const struct nlmsghdr *message, void *ctx)
{
        if (mnl_attr_parse(message, sizeof(struct rtmsg), parse_attribute, ctx) < 0)
                return MNL_CB_ERROR;
        return MNL_CB_STOP;
}

/* Sends a request and has its answer, which overwrites it, parsed. `message` begins a buffer of
 * ANSWER_SIZE bytes. */
static int exchange(struct tl_routes *routes, struct nlmsghdr *message, mnl_cb_t parse, void *ctx)
{
        unsigned int port = mnl_socket_get_portid(routes->questions);
        ssize_t len;

        message->nlmsg_flags = NLM_F_REQUEST;
        message->nlmsg_seq = ++routes->sequence;
        if (mnl_socket_sendto(routes->questions, message, message->nlmsg_len) < 0)
                return -errno;
        do
                len = mnl_socket_recvfrom(routes->questions, message, ANSWER_SIZE);
        while (len < 0 && errno == EINTR);
        if (len < 0 || mnl_cb_run(message, (size_t)len, routes->sequence, port, parse, ctx) < 0)
                return -errno;
        return 0;
}

int tl_routes_ask(struct tl_routes *routes, const struct wg_endpoint *endpoint, uint32_t fwmark,
                  uint32_t *ifindex)
{
        _Alignas(8) uint8_t buf[ANSWER_SIZE];
        struct nlmsghdr *message = mnl_nlmsg_put_header(buf);
        struct rtmsg *route = mnl_nlmsg_put_extra_header(message, sizeof(*route));
        unsigned int bits = wg_ip_bits(&endpoint->ip);
        uint32_t found = 0;
        int result;

        message->nlmsg_type = RTM_GETROUTE;
        route->rtm_family = endpoint->ip.family == WG_FAMILY_IPV4 ? AF_INET : AF_INET6;
        route->rtm_dst_len = (uint8_t)bits;
        mnl_attr_put(message, RTA_DST, bits / 8, endpoint->ip.bytes);
        if (endpoint->source.family == endpoint->ip.family) {
                route->rtm_src_len = (uint8_t)bits;
                mnl_attr_put(message, RTA_SRC, bits / 8, endpoint->source.bytes);
        }
        if (fwmark)
                mnl_attr_put_u32(message, RTA_MARK, fwmark);
        result = exchange(routes, message, parse_route, &found);
        if (result == 0)
                *ifindex = found;
        return result;
}

static int parse_link(const struct nlmsghdr *message, void *ctx)
{
        const struct ifinfomsg *info = mnl_nlmsg_get_payload(message);

        *(uint32_t *)ctx = (uint32_t)info->ifi_index;
        return MNL_CB_STOP;
}

int tl_routes_find_link(struct tl_routes *routes, const char *name, uint32_t *ifindex)
{
        _Alignas(8) uint8_t buf[ANSWER_SIZE];
        struct nlmsghdr *message = mnl_nlmsg_put_header(buf);
        uint32_t found = 0;
        int result;

        message->nlmsg_type = RTM_GETLINK;
        mnl_nlmsg_put_extra_header(message, sizeof(struct ifinfomsg));
        mnl_attr_put_strz(message, IFLA_IFNAME, name);
        result = exchange(routes, message, parse_link, &found);
        if (result == 0)
                *ifindex = found;
        return result;
}
