/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "io/conntrack.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include "base/bytes.h"
#include "io/dump.h"

enum { REQUEST_SIZE = 512, TUPLE_MAX = 256 };

/* Each socket carries one request at a time, so one number is enough. */
#define SEQUENCE 1

/* A walk through all connections. */
struct walk {
        int (*see)(void *ctx, const struct tl_conntrack_flow *flow);
        void *ctx;
        int error; /* of see() */
};

int tl_conntrack_open(struct tl_conntrack *conntrack)
{
        int error = 0;

        *conntrack = (struct tl_conntrack){
                .dumps = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC),
                .changes = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC),
        };
        if (!conntrack->dumps || !conntrack->changes ||
            mnl_socket_bind(conntrack->dumps, 0, MNL_SOCKET_AUTOPID) < 0 ||
            mnl_socket_bind(conntrack->changes, 0, MNL_SOCKET_AUTOPID) < 0)
                error = -errno;
        if (error)
                tl_conntrack_close(conntrack);
        return error;
}

void tl_conntrack_close(struct tl_conntrack *conntrack)
{
        if (conntrack->dumps)
                mnl_socket_close(conntrack->dumps);
        if (conntrack->changes)
                mnl_socket_close(conntrack->changes);
        *conntrack = (struct tl_conntrack){0};
}

/* ---- requests ---- */

static struct nlmsghdr *start_message(void *buf, uint16_t type, uint16_t flags, uint8_t family)
{
        struct nlmsghdr *message = mnl_nlmsg_put_header(buf);
        struct nfgenmsg *head = mnl_nlmsg_put_extra_header(message, sizeof(*head));

        message->nlmsg_type = (uint16_t)(NFNL_SUBSYS_CTNETLINK << 8 | type);
        message->nlmsg_flags = NLM_F_REQUEST | flags;
        message->nlmsg_seq = SEQUENCE;
        head->nfgen_family = family;
        head->version = NFNETLINK_V0;
        return message;
}

/* Sends a request and passes all answers to parse(), which may be NULL if only an error code is
 * expected. */
static int exchange(struct mnl_socket *socket, const struct nlmsghdr *message, mnl_cb_t parse,
                    void *ctx)
{
        if (mnl_socket_sendto(socket, message, message->nlmsg_len) < 0)
                return -errno;
        return tl_dump_receive(socket, SEQUENCE, parse, ctx);
}

/* ---- connections ---- */

static void read_address(const struct nlattr *attribute, uint8_t family, struct wg_ip *ip)
{
        size_t len = family == WG_FAMILY_IPV4 ? 4 : 16;

        if (mnl_attr_get_payload_len(attribute) != len)
                return;
        ip->family = family;
        memcpy(ip->bytes, mnl_attr_get_payload(attribute), len);
}

static int parse_addresses(const struct nlattr *attribute, void *ctx)
{
        struct tl_conntrack_flow *flow = ctx;

        switch (mnl_attr_get_type(attribute)) {
        case CTA_IP_V4_SRC:
                read_address(attribute, WG_FAMILY_IPV4, &flow->from);
                break;
        case CTA_IP_V6_SRC:
                read_address(attribute, WG_FAMILY_IPV6, &flow->from);
                break;
        case CTA_IP_V4_DST:
                read_address(attribute, WG_FAMILY_IPV4, &flow->to);
                break;
        case CTA_IP_V6_DST:
                read_address(attribute, WG_FAMILY_IPV6, &flow->to);
                break;
        default:
                break;
        }
        return MNL_CB_OK;
}

static uint16_t read_port(const struct nlattr *attribute)
{
        return mnl_attr_get_payload_len(attribute) == 2
                       ? wg_be16_load(mnl_attr_get_payload(attribute))
                       : 0;
}

static int parse_protocol(const struct nlattr *attribute, void *ctx)
{
        struct tl_conntrack_flow *flow = ctx;

        switch (mnl_attr_get_type(attribute)) {
        case CTA_PROTO_NUM:
                if (mnl_attr_get_payload_len(attribute) == 1)
                        flow->protocol = mnl_attr_get_u8(attribute);
                break;
        case CTA_PROTO_SRC_PORT:
                flow->from_port = read_port(attribute);
                break;
        case CTA_PROTO_DST_PORT:
                flow->to_port = read_port(attribute);
                break;
        default:
                break;
        }
        return MNL_CB_OK;
}

static int parse_tuple(const struct nlattr *attribute, void *ctx)
{
        switch (mnl_attr_get_type(attribute)) {
        case CTA_TUPLE_IP:
                return mnl_attr_parse_nested(attribute, parse_addresses, ctx);
        case CTA_TUPLE_PROTO:
                return mnl_attr_parse_nested(attribute, parse_protocol, ctx);
        default:
                return MNL_CB_OK;
        }
}

static int parse_tcp(const struct nlattr *attribute, void *ctx)
{
        struct tl_conntrack_flow *flow = ctx;
        uint8_t state;

        if (mnl_attr_get_type(attribute) != CTA_PROTOINFO_TCP_STATE ||
            mnl_attr_get_payload_len(attribute) != 1)
                return MNL_CB_OK;
        state = mnl_attr_get_u8(attribute);
        flow->is_closed = state == TCP_CONNTRACK_LAST_ACK || state == TCP_CONNTRACK_TIME_WAIT ||
                          state == TCP_CONNTRACK_CLOSE;
        return MNL_CB_OK;
}

static int parse_state(const struct nlattr *attribute, void *ctx)
{
        if (mnl_attr_get_type(attribute) != CTA_PROTOINFO_TCP)
                return MNL_CB_OK;
        return mnl_attr_parse_nested(attribute, parse_tcp, ctx);
}

static int parse_attribute(const struct nlattr *attribute, void *ctx)
{
        struct tl_conntrack_flow *flow = ctx;

        switch (mnl_attr_get_type(attribute)) {
        case CTA_TUPLE_ORIG:
                flow->tuple = attribute;
                return mnl_attr_parse_nested(attribute, parse_tuple, flow);
        case CTA_PROTOINFO:
                return mnl_attr_parse_nested(attribute, parse_state, flow);
        case CTA_STATUS:
                if (mnl_attr_get_payload_len(attribute) == 4)
                        flow->is_answered = wg_be32_load(mnl_attr_get_payload(attribute)) &
                                            IPS_SEEN_REPLY;
                return MNL_CB_OK;
        case CTA_ID:
                flow->id = attribute;
                return MNL_CB_OK;
        case CTA_ZONE:
                flow->zone = attribute;
                return MNL_CB_OK;
        default:
                return MNL_CB_OK;
        }
}

static int parse_connection(const struct nlmsghdr *message, void *ctx)
{
        struct walk *walk = ctx;
        struct tl_conntrack_flow flow = {0};

        if (mnl_nlmsg_get_payload_len(message) < sizeof(struct nfgenmsg) ||
            mnl_attr_parse(message, sizeof(struct nfgenmsg), parse_attribute, &flow) < 0)
                return MNL_CB_ERROR;
        if (!walk->error && flow.from.family && flow.from.family == flow.to.family)
                walk->error = walk->see(walk->ctx, &flow);
        /* The rest of the dump is read even after an error: it would be taken for the answer to the
         * next request. */
        return MNL_CB_OK;
}

/* What a kernel answers that has no connection tracking, or no access to it. */
static bool is_absent(int error)
{
        return error == -EINVAL || error == -EOPNOTSUPP || error == -EPROTONOSUPPORT;
}

int tl_conntrack_each(struct tl_conntrack *conntrack,
                      int (*see)(void *ctx, const struct tl_conntrack_flow *flow), void *ctx)
{
        _Alignas(8) uint8_t request[REQUEST_SIZE];
        struct walk walk = {.see = see, .ctx = ctx};
        int error = exchange(conntrack->dumps,
                             start_message(request, IPCTNL_MSG_CT_GET, NLM_F_DUMP, AF_UNSPEC),
                             parse_connection, &walk);

        if (walk.error)
                return walk.error;
        return is_absent(error) ? 0 : error;
}

/* Copies an attribute of the kernel's message. */
static void put_copy(struct nlmsghdr *message, const struct nlattr *attribute)
{
        mnl_attr_put(message, attribute->nla_type, mnl_attr_get_payload_len(attribute),
                     mnl_attr_get_payload(attribute));
}

int tl_conntrack_delete(struct tl_conntrack *conntrack, const struct tl_conntrack_flow *flow)
{
        _Alignas(8) uint8_t request[REQUEST_SIZE];
        uint8_t family = flow->from.family == WG_FAMILY_IPV4 ? AF_INET : AF_INET6;
        struct nlmsghdr *message = start_message(request, IPCTNL_MSG_CT_DELETE, NLM_F_ACK, family);
        int error;

        /* Without a tuple, the request would delete all connections. */
        WG_ASSERT(flow->tuple);
        if (mnl_attr_get_payload_len(flow->tuple) > TUPLE_MAX)
                return -EMSGSIZE;
        put_copy(message, flow->tuple);
        if (flow->zone)
                put_copy(message, flow->zone);
        if (flow->id)
                put_copy(message, flow->id); /* spares a newer connection with these addresses */
        error = exchange(conntrack->changes, message, NULL, NULL);
        return error == -ENOENT ? 0 : error;
}
