/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "io/route.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "base/bytes.h"

#define GROUP(number) (1u << ((number)-1))
/* The kernel ignores groups that it does not know: Linux before 5.3 has no nexthop objects. */
#define GROUPS \
        (GROUP(RTNLGRP_LINK) | GROUP(RTNLGRP_IPV4_IFADDR) | GROUP(RTNLGRP_IPV4_ROUTE) | \
         GROUP(RTNLGRP_IPV4_RULE) | GROUP(RTNLGRP_IPV6_IFADDR) | GROUP(RTNLGRP_IPV6_ROUTE) | \
         GROUP(RTNLGRP_IPV6_RULE) | GROUP(RTNLGRP_NEXTHOP))

/* The description of a link with its statistics takes about 1.5 KiB, and much more if it has
 * virtual functions. */
enum { ANSWER_SIZE = 8192, EVENT_SIZE = 16384 };

/* Room for several thousand events, which wait here until they are read. */
enum { QUEUE_BYTES = 4 << 20 };

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

/* Best effort: lost events only cost an examination of every flow. */
static void enlarge_queue(int fd)
{
        int bytes = QUEUE_BYTES;

        if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) < 0)
                (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
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
        enlarge_queue(routes->fd);
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

unsigned int tl_routes_heed(struct tl_routes *routes, const struct tl_route_sender *sender,
                            struct tl_route_changes *changes, unsigned int max)
{
        _Alignas(8) uint8_t event[EVENT_SIZE];
        unsigned int taken;

        for (taken = 0; taken < max; taken++) {
                ssize_t len = recv(routes->fd, event, sizeof(event), MSG_DONTWAIT | MSG_TRUNC);

                if (len < 0 && errno == EINTR)
                        continue;
                if (len < 0 && errno != ENOBUFS)
                        break;
                if (len < 0 || (size_t)len > sizeof(event))
                        tl_route_changes_add_all(changes);
                else
                        tl_route_changes_heed(changes, &routes->links, sender, event, (size_t)len);
        }
        return taken;
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

/* Discards the answer to a request that we gave up. */
static bool is_old(const struct tl_routes *routes, const struct nlmsghdr *message, ssize_t len)
{
        return len >= (ssize_t)sizeof(*message) && message->nlmsg_seq != routes->sequence;
}

/* Sends a request and parses its answer, which overwrites the request. `message` is the start of a
 * buffer of ANSWER_SIZE bytes. */
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
        while ((len < 0 && errno == EINTR) || is_old(routes, message, len));
        if (len < 0 || mnl_cb_run(message, (size_t)len, routes->sequence, port, parse, ctx) < 0)
                return -errno;
        return 0;
}

static void put_address(struct nlmsghdr *message, uint16_t type, const struct wg_ip *ip)
{
        mnl_attr_put(message, type, wg_ip_bits(ip) / 8, ip->bytes);
}

static void put_port(struct nlmsghdr *message, uint16_t type, uint16_t port)
{
        uint8_t bytes[2];

        wg_be16_store(bytes, port);
        mnl_attr_put(message, type, sizeof(bytes), bytes);
}

int tl_routes_ask(struct tl_routes *routes, const struct tl_route_sender *sender,
                  const struct wg_endpoint *endpoint, uint32_t *ifindex)
{
        _Alignas(8) uint8_t buf[ANSWER_SIZE];
        struct nlmsghdr *message = mnl_nlmsg_put_header(buf);
        struct rtmsg *route = mnl_nlmsg_put_extra_header(message, sizeof(*route));
        uint8_t bits = (uint8_t)wg_ip_bits(&endpoint->ip);
        uint32_t found = 0;
        int result;

        message->nlmsg_type = RTM_GETROUTE;
        route->rtm_family = endpoint->ip.family == WG_FAMILY_IPV4 ? AF_INET : AF_INET6;
        route->rtm_dst_len = bits;
        put_address(message, RTA_DST, &endpoint->ip);
        if (endpoint->source.family == endpoint->ip.family) {
                route->rtm_src_len = bits;
                put_address(message, RTA_SRC, &endpoint->source);
        }
        if (sender->fwmark)
                mnl_attr_put_u32(message, RTA_MARK, sender->fwmark);
        mnl_attr_put_u32(message, RTA_UID, sender->uid);
        mnl_attr_put_u8(message, RTA_IP_PROTO, WG_PROTOCOL_UDP);
        if (sender->port)
                put_port(message, RTA_SPORT, sender->port);
        put_port(message, RTA_DPORT, endpoint->port);
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
