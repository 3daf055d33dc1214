/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "io/dump.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/ip.h"

/* The kernel fills buffers of this size when it dumps a list. */
enum { ANSWER_SIZE = 32768 };

int tl_dump_append(struct tl_dump_list *list, const void *item)
{
        if (list->count == list->capacity) {
                size_t capacity = list->capacity ? list->capacity * 2 : 32;
                void *bigger = reallocarray(list->items, capacity, list->size);

                if (!bigger)
                        return -ENOMEM;
                list->items = bigger;
                list->capacity = capacity;
        }
        memcpy((char *)list->items + list->count++ * list->size, item, list->size);
        return 0;
}

uint32_t tl_dump_number(const struct nlattr *attribute)
{
        return mnl_attr_validate(attribute, MNL_TYPE_U32) < 0 ? 0 : mnl_attr_get_u32(attribute);
}

void tl_dump_ip(const struct nlattr *attribute, uint8_t family, struct wg_ip *ip)
{
        size_t len = family == WG_FAMILY_IPV4 ? 4 : 16;

        if (mnl_attr_get_payload_len(attribute) != len)
                return;
        ip->family = family;
        memcpy(ip->bytes, mnl_attr_get_payload(attribute), len);
}

uint8_t tl_dump_to_kernel(uint8_t family)
{
        return family == WG_FAMILY_IPV4 ? AF_INET : AF_INET6;
}

uint8_t tl_dump_from_kernel(uint8_t family)
{
        if (family == AF_INET)
                return WG_FAMILY_IPV4;
        return family == AF_INET6 ? WG_FAMILY_IPV6 : WG_FAMILY_NONE;
}

struct dump {
        int (*see)(const struct nlmsghdr *message, void *ctx);
        void *ctx;
};

static int ask(struct mnl_socket *socket, uint16_t type, const void *head, size_t len)
{
        _Alignas(8) uint8_t buf[MNL_NLMSG_HDRLEN + TL_DUMP_HEAD_MAX];
        struct nlmsghdr *message = mnl_nlmsg_put_header(buf);
        int one = 1;

        message->nlmsg_type = type;
        message->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
        memcpy(mnl_nlmsg_put_extra_header(message, len), head, len);
        /* Kernels before 4.20 do not filter. */
        (void)mnl_socket_setsockopt(socket, NETLINK_GET_STRICT_CHK, &one, sizeof(one));
        if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0 ||
            mnl_socket_sendto(socket, message, message->nlmsg_len) < 0)
                return -errno;
        return 0;
}

static int pass_on(const struct nlmsghdr *message, void *ctx)
{
        const struct dump *dump = ctx;
        int error = dump->see(message, dump->ctx);

        errno = -error;
        return error ? MNL_CB_ERROR : MNL_CB_OK;
}

int tl_dump_receive(struct mnl_socket *socket, uint32_t sequence,
                    int (*parse)(const struct nlmsghdr *, void *), void *ctx)
{
        _Alignas(8) uint8_t buf[ANSWER_SIZE];

        for (;;) {
                ssize_t len = mnl_socket_recvfrom(socket, buf, sizeof(buf));
                int result;

                if (len < 0 && errno == EINTR)
                        continue;
                if (len < 0)
                        return -errno;
                result = mnl_cb_run(buf, (size_t)len, sequence, mnl_socket_get_portid(socket),
                                    parse, ctx);
                if (result <= MNL_CB_STOP)
                        return result < 0 ? -errno : 0;
        }
}

static int dump_once(uint16_t type, const void *head, size_t len, struct dump *dump)
{
        struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
        int error;

        if (!socket)
                return -errno;
        error = ask(socket, type, head, len);
        if (!error)
                error = tl_dump_receive(socket, 0, pass_on, dump);
        mnl_socket_close(socket);
        return error == -EAFNOSUPPORT || error == -EOPNOTSUPP ? 0 : error;
}

int tl_dump(uint16_t type, const void *head, size_t len,
            int (*see)(const struct nlmsghdr *, void *), void (*begin)(void *ctx), void *ctx)
{
        struct dump dump = {see, ctx};
        int error;

        WG_ASSERT(len <= TL_DUMP_HEAD_MAX);
        /* EINTR: the list changed while the kernel wrote it. */
        do {
                if (begin)
                        begin(ctx);
                error = dump_once(type, head, len, &dump);
        } while (error == -EINTR);
        return error;
}
