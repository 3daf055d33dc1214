/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "io/rule.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <sys/socket.h>

/* The kernel fills buffers of this size when it dumps a list. */
enum { ANSWER_SIZE = 32768 };

struct list {
        struct tl_rule *items;
        size_t count, capacity;
};

static uint32_t number(const struct nlattr *attribute)
{
        return mnl_attr_validate(attribute, MNL_TYPE_U32) < 0 ? 0 : mnl_attr_get_u32(attribute);
}

static int parse_attribute(const struct nlattr *attribute, void *ctx)
{
        struct tl_rule *rule = ctx;

        switch (mnl_attr_get_type(attribute)) {
        case FRA_PRIORITY:
                rule->priority = number(attribute);
                break;
        case FRA_TABLE:
                rule->table = number(attribute);
                break;
        case FRA_GOTO:
                rule->target = number(attribute);
                break;
        case FRA_FWMARK:
                rule->mark = number(attribute);
                break;
        case FRA_FWMASK:
                rule->mask = number(attribute);
                break;
        case FRA_PROTOCOL:
                rule->protocol = mnl_attr_get_payload_len(attribute) ? mnl_attr_get_u8(attribute)
                                                                     : 0;
                break;
        case FRA_SUPPRESS_PREFIXLEN:
                rule->ignores_defaults = number(attribute) == 0;
                rule->is_selective |= number(attribute) - 1 < UINT32_MAX - 1;
                break;
        case FRA_SUPPRESS_IFGROUP:
                rule->is_selective |= number(attribute) != UINT32_MAX;
                break;
        case FRA_UNSPEC:
        case FRA_FLOW:
        case FRA_PAD:
                break;
        default:
                /* Addresses, links, ports, users, and conditions of later kernels. */
                rule->is_selective = true;
        }
        return MNL_CB_OK;
}

static enum tl_rule_action read_action(uint8_t action)
{
        if (action == FR_ACT_TO_TBL)
                return TL_RULE_LOOKUP;
        return action == FR_ACT_GOTO ? TL_RULE_GOTO : TL_RULE_OTHER;
}

static int make_room(struct list *list)
{
        size_t capacity = list->capacity ? list->capacity * 2 : 16;
        struct tl_rule *bigger;

        if (list->count < list->capacity)
                return 0;
        bigger = reallocarray(list->items, capacity, sizeof(*bigger));
        if (!bigger)
                return -ENOMEM;
        list->items = bigger;
        list->capacity = capacity;
        return 0;
}

static int parse_rule(const struct nlmsghdr *message, void *ctx)
{
        const struct fib_rule_hdr *head = mnl_nlmsg_get_payload(message);
        struct list *list = ctx;
        struct tl_rule rule;

        if (mnl_nlmsg_get_payload_len(message) < sizeof(*head))
                return MNL_CB_ERROR;
        if (make_room(list) < 0) {
                errno = ENOMEM;
                return MNL_CB_ERROR;
        }
        rule = (struct tl_rule){
                .action = read_action(head->action),
                .table = head->table,
                .is_inverted = head->flags & FIB_RULE_INVERT,
                .is_selective = head->tos != 0,
        };
        if (mnl_attr_parse(message, sizeof(*head), parse_attribute, &rule) < 0)
                return MNL_CB_ERROR;
        list->items[list->count++] = rule;
        return MNL_CB_OK;
}

static int ask(struct mnl_socket *socket, uint8_t family)
{
        _Alignas(8) uint8_t buf[128];
        struct nlmsghdr *message = mnl_nlmsg_put_header(buf);
        struct fib_rule_hdr *head = mnl_nlmsg_put_extra_header(message, sizeof(*head));

        message->nlmsg_type = RTM_GETRULE;
        message->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
        head->family = family;
        if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0 ||
            mnl_socket_sendto(socket, message, message->nlmsg_len) < 0)
                return -errno;
        return 0;
}

static int receive(struct mnl_socket *socket, struct list *list)
{
        _Alignas(8) uint8_t buf[ANSWER_SIZE];

        for (;;) {
                ssize_t len = mnl_socket_recvfrom(socket, buf, sizeof(buf));
                int result;

                if (len < 0 && errno == EINTR)
                        continue;
                if (len < 0)
                        return -errno;
                result = mnl_cb_run(buf, (size_t)len, 0, mnl_socket_get_portid(socket), parse_rule,
                                    list);
                if (result <= MNL_CB_STOP)
                        return result < 0 ? -errno : 0;
        }
}

static int read_once(uint8_t family, struct list *list)
{
        struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
        int error;

        if (!socket)
                return -errno;
        error = ask(socket, family == WG_FAMILY_IPV4 ? AF_INET : AF_INET6);
        if (!error)
                error = receive(socket, list);
        mnl_socket_close(socket);
        return error == -EAFNOSUPPORT || error == -EOPNOTSUPP ? 0 : error;
}

int tl_rule_read(uint8_t family, struct tl_rule **rules, size_t *count)
{
        struct list list = {0};
        int error;

        /* EINTR: the rules changed while the kernel listed them. */
        do {
                list.count = 0;
                error = read_once(family, &list);
        } while (error == -EINTR);
        if (error) {
                free(list.items);
                return error;
        }
        *rules = list.items;
        *count = list.count;
        return 0;
}
