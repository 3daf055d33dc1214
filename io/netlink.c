/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "io/netlink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/filter.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/net_namespace.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

WG_FLAGS_DEFINE(tl_link_change, TL_LINK_CHANGES)

/* Each socket carries one request at a time, so one number is enough. */
#define SEQUENCE 1

/* A request and its answer. The description of a link with all statistics takes about 1.5 KiB. */
struct exchange {
        struct mnl_socket *socket;
        struct nlmsghdr *message;
        _Alignas(8) uint8_t buf[16384];
};

/* Opens a socket that receives events of `groups`. Returns its descriptor or -errno. */
static int open_socket(int flags, unsigned int groups)
{
        const struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = groups};
        int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | flags, NETLINK_ROUTE), result;

        if (fd < 0)
                return -errno;
        if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
                return fd;
        result = -errno;
        close(fd);
        return result;
}

/* Takes ownership of a descriptor, also on failure. Returns NULL and sets errno on failure. */
static struct mnl_socket *adopt(int fd)
{
        struct mnl_socket *socket = mnl_socket_fdopen(fd);
        int error = errno;

        if (!socket)
                close(fd);
        errno = error;
        return socket;
}

/* Starts a message about a link, for a socket without a pending request. */
static void compose(struct exchange *x, struct mnl_socket *socket, uint16_t type, uint16_t flags,
                    uint32_t ifindex)
{
        struct ifinfomsg *info;

        x->socket = socket;
        x->message = mnl_nlmsg_put_header(x->buf);
        x->message->nlmsg_type = type;
        x->message->nlmsg_flags = NLM_F_REQUEST | flags;
        x->message->nlmsg_seq = SEQUENCE;
        info = mnl_nlmsg_put_extra_header(x->message, sizeof(*info));
        info->ifi_family = AF_UNSPEC;
        info->ifi_index = (int)ifindex;
}

/* Sends the message and passes its answer to parse(), which may be NULL if only an error code is
 * expected. */
static int carry_out(struct exchange *x, mnl_cb_t parse, void *ctx)
{
        unsigned int port = mnl_socket_get_portid(x->socket);
        ssize_t len = mnl_socket_sendto(x->socket, x->message, x->message->nlmsg_len);
        int result = 0;

        if (len >= 0)
                do
                        len = mnl_socket_recvfrom(x->socket, x->buf, sizeof(x->buf));
                while (len < 0 && errno == EINTR);
        if (len < 0 || mnl_cb_run(x->buf, (size_t)len, SEQUENCE, port, parse, ctx) < 0)
                result = -errno;
        return result;
}

/* The same, with a socket for this exchange only. */
static int begin(struct exchange *x, uint16_t type, uint16_t flags, uint32_t ifindex)
{
        int fd = open_socket(0, 0);
        struct mnl_socket *socket;

        if (fd < 0)
                return fd;
        socket = adopt(fd);
        if (!socket)
                return -errno;
        compose(x, socket, type, flags, ifindex);
        return 0;
}

static int finish(struct exchange *x, mnl_cb_t parse, void *ctx)
{
        int result = carry_out(x, parse, ctx);

        mnl_socket_close(x->socket);
        return result;
}

static int parse_attribute(const struct nlattr *attribute, void *ctx)
{
        struct tl_link *link = ctx;

        switch (mnl_attr_get_type(attribute)) {
        case IFLA_MTU:
                if (mnl_attr_validate(attribute, MNL_TYPE_U32) < 0)
                        return MNL_CB_ERROR;
                link->mtu = mnl_attr_get_u32(attribute);
                break;
        case IFLA_IFNAME:
                if (mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) < 0)
                        return MNL_CB_ERROR;
                strncpy(link->name, mnl_attr_get_str(attribute), sizeof(link->name) - 1);
                break;
        }
        return MNL_CB_OK;
}

/* Fills `link` from a message about it. */
static int parse_link(const struct nlmsghdr *message, void *ctx)
{
        const struct ifinfomsg *info = mnl_nlmsg_get_payload(message);
        struct tl_link *link = ctx, seen = {0};

        if (mnl_nlmsg_get_payload_len(message) < sizeof(*info)) {
                errno = EBADMSG;
                return MNL_CB_ERROR;
        }
        seen.ifindex = (uint32_t)info->ifi_index;
        seen.is_up = info->ifi_flags & IFF_UP;
        if (mnl_attr_parse(message, sizeof(*info), parse_attribute, &seen) < 0)
                return MNL_CB_ERROR;
        *link = seen;
        return MNL_CB_STOP;
}

int tl_netlink_get_link(uint32_t ifindex, struct tl_link *link)
{
        struct tl_link seen = {0};
        struct exchange x;
        int result = begin(&x, RTM_GETLINK, 0, ifindex);

        if (result == 0)
                result = finish(&x, parse_link, &seen);
        if (result == 0)
                *link = seen;
        return result;
}

int tl_netlink_set_mtu(uint32_t ifindex, uint32_t mtu)
{
        struct exchange x;
        int result = begin(&x, RTM_NEWLINK, NLM_F_ACK, ifindex);

        if (result < 0)
                return result;
        mnl_attr_put_u32(x.message, IFLA_MTU, mtu);
        return finish(&x, NULL, NULL);
}

static int set_flag(uint32_t ifindex, uint32_t flag, bool on)
{
        struct ifinfomsg *info;
        struct exchange x;
        int result = begin(&x, RTM_NEWLINK, NLM_F_ACK, ifindex);

        if (result < 0)
                return result;
        info = mnl_nlmsg_get_payload(x.message);
        info->ifi_change = flag;
        info->ifi_flags = on ? flag : 0;
        return finish(&x, NULL, NULL);
}

int tl_netlink_set_up(uint32_t ifindex, bool up)
{
        return set_flag(ifindex, IFF_UP, up);
}

int tl_netlink_set_no_multicast(uint32_t ifindex)
{
        return set_flag(ifindex, IFF_MULTICAST, false);
}

int tl_netlink_set_no_autoaddress(uint32_t ifindex)
{
        struct nlattr *families, *ipv6;
        struct exchange x;
        int result = begin(&x, RTM_NEWLINK, NLM_F_ACK, ifindex);

        if (result < 0)
                return result;
        families = mnl_attr_nest_start(x.message, IFLA_AF_SPEC);
        ipv6 = mnl_attr_nest_start(x.message, AF_INET6);
        mnl_attr_put_u8(x.message, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
        mnl_attr_nest_end(x.message, ipv6);
        mnl_attr_nest_end(x.message, families);
        return finish(&x, NULL, NULL);
}

int tl_netlink_set_no_redirects(uint32_t ifindex)
{
        struct nlattr *families, *ipv4, *settings;
        struct exchange x;
        int result = begin(&x, RTM_NEWLINK, NLM_F_ACK, ifindex);

        if (result < 0)
                return result;
        families = mnl_attr_nest_start(x.message, IFLA_AF_SPEC);
        ipv4 = mnl_attr_nest_start(x.message, AF_INET);
        settings = mnl_attr_nest_start(x.message, IFLA_INET_CONF);
        mnl_attr_put_u32(x.message, IPV4_DEVCONF_SEND_REDIRECTS, 0);
        mnl_attr_nest_end(x.message, settings);
        mnl_attr_nest_end(x.message, ipv4);
        mnl_attr_nest_end(x.message, families);
        return finish(&x, NULL, NULL);
}

static int parse_nsid_attribute(const struct nlattr *attribute, void *ctx)
{
        if (mnl_attr_get_type(attribute) != NETNSA_NSID)
                return MNL_CB_OK;
        if (mnl_attr_validate(attribute, MNL_TYPE_U32) < 0)
                return MNL_CB_ERROR;
        *(int32_t *)ctx = (int32_t)mnl_attr_get_u32(attribute);
        return MNL_CB_STOP;
}

static int parse_nsid(const struct nlmsghdr *message, void *ctx)
{
        if (mnl_attr_parse(message, sizeof(struct rtgenmsg), parse_nsid_attribute, ctx) < 0)
                return MNL_CB_ERROR;
        return MNL_CB_STOP;
}

/* Sends a message about the ID by which our network namespace knows another one. */
static int exchange_nsid(uint16_t type, uint16_t flags, int netns, mnl_cb_t parse, int32_t *nsid)
{
        struct exchange x;
        int result = begin(&x, type, flags, 0);

        if (result < 0)
                return result;
        /* Its header is shorter than that of a message about a link. */
        x.message->nlmsg_len = MNL_NLMSG_HDRLEN;
        mnl_nlmsg_put_extra_header(x.message, sizeof(struct rtgenmsg));
        mnl_attr_put_u32(x.message, NETNSA_FD, (uint32_t)netns);
        if (!parse)
                mnl_attr_put_u32(x.message, NETNSA_NSID, (uint32_t)NETNSA_NSID_NOT_ASSIGNED);
        return finish(&x, parse, nsid);
}

/* The kernel assigns an ID itself if a link moves directly between the two namespaces, but not if
 * it moves through a third. */
static int find_nsid(int netns, int32_t *nsid)
{
        int result = exchange_nsid(RTM_NEWNSID, NLM_F_ACK, netns, NULL, NULL);

        *nsid = NETNSA_NSID_NOT_ASSIGNED;
        if (result < 0 && result != -EEXIST)
                return result;
        result = exchange_nsid(RTM_GETNSID, 0, netns, parse_nsid, nsid);
        return result < 0 || *nsid >= 0 ? result : -ENOENT;
}

static int listen_everywhere(int events)
{
        int one = 1;

        return setsockopt(events, SOL_NETLINK, NETLINK_LISTEN_ALL_NSID, &one, sizeof(one)) < 0
                       ? -errno
                       : 0;
}

int tl_netlink_view_open(struct tl_netlink_view *view, int netns)
{
        int result;

        *view = (struct tl_netlink_view){.questions = -1, .nsid = NETNSA_NSID_NOT_ASSIGNED};
        view->events = result = open_socket(SOCK_NONBLOCK, RTMGRP_LINK);
        if (result < 0)
                return result;
        if (netns < 0) {
                view->questions = result = open_socket(0, 0);
        } else {
                result = find_nsid(netns, &view->nsid);
                if (result == 0)
                        result = listen_everywhere(view->events);
        }
        if (result < 0)
                tl_netlink_view_close(view);
        return result < 0 ? result : 0;
}

void tl_netlink_view_narrow(const struct tl_netlink_view *view)
{
        enum { INDEX_AT = NLMSG_HDRLEN + offsetof(struct ifinfomsg, ifi_index) };
        /* The filter loads in network order; the kernel writes in host order. */
        struct sock_filter code[] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, INDEX_AT),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(view->link.ifindex), 0, 1),
                BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
                BPF_STMT(BPF_RET | BPF_K, 0),
        };
        const struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};

        (void)setsockopt(view->events, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

void tl_netlink_view_close(struct tl_netlink_view *view)
{
        if (view->events >= 0)
                close(view->events);
        if (view->questions >= 0)
                close(view->questions);
        view->events = view->questions = -1;
}

/* Asks for the state of the followed link. */
static int look(const struct tl_netlink_monitor *monitor, uint32_t ifindex, struct tl_link *link)
{
        struct exchange x;

        compose(&x, monitor->questions, RTM_GETLINK, 0, ifindex);
        return carry_out(&x, parse_link, link);
}

int tl_netlink_monitor_init(struct tl_netlink_monitor *monitor, uint32_t ifindex)
{
        struct tl_netlink_view view;
        int result = tl_netlink_view_open(&view, -1);

        *monitor = (struct tl_netlink_monitor){.fd = -1};
        if (result < 0)
                return result;
        /* The socket already receives events, so no change is missed in between. */
        result = tl_netlink_get_link(ifindex, &view.link);
        if (result < 0) {
                tl_netlink_view_close(&view);
                return result;
        }
        tl_netlink_view_narrow(&view);
        return tl_netlink_monitor_adopt(monitor, &view);
}

int tl_netlink_monitor_adopt(struct tl_netlink_monitor *monitor, const struct tl_netlink_view *view)
{
        int result = 0;

        *monitor = (struct tl_netlink_monitor){.fd = -1, .link = view->link, .nsid = view->nsid};
        monitor->events = adopt(view->events);
        if (!monitor->events)
                result = -errno;
        if (view->questions >= 0) {
                monitor->questions = adopt(view->questions);
                if (!monitor->questions)
                        result = -errno;
        }
        if (result < 0)
                tl_netlink_monitor_done(monitor);
        else
                monitor->fd = mnl_socket_get_fd(monitor->events);
        return result;
}

void tl_netlink_monitor_done(struct tl_netlink_monitor *monitor)
{
        if (!monitor)
                return;
        if (monitor->events)
                mnl_socket_close(monitor->events);
        if (monitor->questions)
                mnl_socket_close(monitor->questions);
        monitor->events = monitor->questions = NULL;
        monitor->fd = -1;
}

/* Marks this event as the last. */
static uint32_t end_with(struct tl_netlink_monitor *monitor, uint32_t change)
{
        monitor->is_over = true;
        return change;
}

/* Records `seen` as the state of the link. Returns the differences. */
static uint32_t replace_state(struct tl_netlink_monitor *monitor, const struct tl_link *seen)
{
        const struct tl_link *known = &monitor->link;
        uint32_t changes = 0;

        if (seen->is_up != known->is_up)
                changes |= TL_LINK_CHANGED_STATE;
        if (seen->mtu != known->mtu)
                changes |= TL_LINK_CHANGED_MTU;
        if (strcmp(seen->name, known->name) != 0)
                changes |= TL_LINK_CHANGED_NAME;
        monitor->link = *seen;
        return changes;
}

/* The changes that one message from the kernel reports. */
static uint32_t follow(struct tl_netlink_monitor *monitor, const struct nlmsghdr *message)
{
        const struct ifinfomsg *info = mnl_nlmsg_get_payload(message);
        struct tl_link seen;

        if (message->nlmsg_type != RTM_NEWLINK && message->nlmsg_type != RTM_DELLINK)
                return 0;
        if (parse_link(message, &seen) < 0 || seen.ifindex != monitor->link.ifindex)
                return 0;
        /* When a port leaves a bridge, the kernel sends RTM_DELLINK with the family of the
         * bridge. */
        if (info->ifi_family != AF_UNSPEC)
                return 0;
        return message->nlmsg_type == RTM_DELLINK ? end_with(monitor, TL_LINK_GONE)
                                                  : replace_state(monitor, &seen);
}

/* Asks for the state again, once all events that remained in the queue after a loss have been
 * handled. Earlier, older messages would overwrite the answer. */
static int catch_up(struct tl_netlink_monitor *monitor, uint32_t *changes)
{
        struct tl_link seen;
        int result;

        if (!monitor->questions) {
                *changes = end_with(monitor, TL_LINK_LOST);
                return 0;
        }
        result = look(monitor, monitor->link.ifindex, &seen);
        if (result < 0 && result != -ENODEV)
                return result;
        monitor->has_lost = false;
        *changes = result < 0 ? end_with(monitor, TL_LINK_GONE) : replace_state(monitor, &seen);
        return 0;
}

/* The namespace of a datagram, as an ID of ours; -1: that of the socket. */
static int32_t nsid_of(struct msghdr *header)
{
        int32_t nsid = NETNSA_NSID_NOT_ASSIGNED;

        for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c))
                if (c->cmsg_level == SOL_NETLINK && c->cmsg_type == NETLINK_LISTEN_ALL_NSID)
                        memcpy(&nsid, CMSG_DATA(c), sizeof(nsid));
        return nsid;
}

/* Receives the next datagram. Returns 0, -EAGAIN if there is none, or another -errno. */
static int fetch(struct tl_netlink_monitor *monitor)
{
        _Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof(int32_t))];
        struct iovec part = {monitor->buf, sizeof(monitor->buf)};
        struct msghdr header = {.msg_iov = &part,
                                .msg_iovlen = 1,
                                .msg_control = control,
                                .msg_controllen = sizeof(control)};
        ssize_t len = recvmsg(monitor->fd, &header, 0);

        /* ENOBUFS: the queue overflowed. MSG_TRUNC: a datagram exceeded our buffer. */
        if (len < 0 && errno != ENOBUFS)
                return errno == EINTR ? -EAGAIN : -errno;
        if (len < 0 || header.msg_flags & MSG_TRUNC) {
                monitor->has_lost = true;
                return 0;
        }
        monitor->at = monitor->buf;
        monitor->left = (size_t)len;
        monitor->buf_nsid = nsid_of(&header);
        return 0;
}

/* Handles one message; if there is none, receives some; if there are none, catches up. */
static int step(struct tl_netlink_monitor *monitor, uint32_t *changes)
{
        const struct nlmsghdr *message = (const void *)monitor->at;
        int len = (int)monitor->left, result;

        if (mnl_nlmsg_ok(message, len)) {
                monitor->at = (uint8_t *)mnl_nlmsg_next(message, &len);
                monitor->left = (size_t)len;
                if (monitor->buf_nsid == monitor->nsid)
                        *changes = follow(monitor, message);
                return 0;
        }
        monitor->left = 0;
        result = fetch(monitor);
        return result == -EAGAIN && monitor->has_lost ? catch_up(monitor, changes) : result;
}

int tl_netlink_monitor_next(struct tl_netlink_monitor *monitor, uint32_t *changes)
{
        *changes = 0;
        while (!monitor->is_over) {
                int result = step(monitor, changes);

                if (result < 0)
                        return result == -EAGAIN ? 0 : result;
                if (*changes)
                        return 1;
        }
        return 0;
}
