/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "io/udp.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Datagrams per system call. */
#define BATCH 64

/* How often to look for a port number that is free in both families. */
#define PORT_TRIES 100

/* Room for the control messages of one datagram: its other address, traffic class and segment
 * length. */
union control {
        struct cmsghdr align;
        uint8_t bytes[CMSG_SPACE(sizeof(struct in6_pktinfo)) + 2 * CMSG_SPACE(sizeof(int))];
};

union address {
        struct sockaddr any;
        struct sockaddr_in ipv4;
        struct sockaddr_in6 ipv6;
};

/* The arguments of the system call for one batch. */
struct batch {
        struct mmsghdr messages[BATCH];
        struct iovec parts[BATCH];
        union address addresses[BATCH];
        union control controls[BATCH];
};

static int set_option(int fd, int level, int name, int value)
{
        return setsockopt(fd, level, name, &value, sizeof(value)) < 0 ? -errno : 0;
}

/* With the privilege, the buffer may exceed the limit of the system. A smaller buffer is not an
 * error: the tunnel works, but drops packets sooner. */
static void set_buffer(int fd, int force, int plain)
{
        if (set_option(fd, SOL_SOCKET, force, TL_UDP_BUFFER) < 0)
                set_option(fd, SOL_SOCKET, plain, TL_UDP_BUFFER);
}

static int set_options_ipv4(int fd)
{
        int result = set_option(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT);

        if (result == 0)
                result = set_option(fd, IPPROTO_IP, IP_PKTINFO, 1);
        if (result == 0)
                result = set_option(fd, IPPROTO_IP, IP_RECVTOS, 1);
        return result;
}

static int set_options_ipv6(int fd)
{
        int result = set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);

        if (result == 0)
                result = set_option(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DONT);
        if (result == 0)
                result = set_option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
        if (result == 0)
                result = set_option(fd, IPPROTO_IPV6, IPV6_RECVTCLASS, 1);
        return result;
}

static int set_options(const struct tl_udp *udp, uint32_t fwmark)
{
        int result = udp->family == WG_FAMILY_IPV4 ? set_options_ipv4(udp->fd)
                                                   : set_options_ipv6(udp->fd);

        if (result < 0)
                return result;
        set_buffer(udp->fd, SO_RCVBUFFORCE, SO_RCVBUF);
        set_buffer(udp->fd, SO_SNDBUFFORCE, SO_SNDBUF);
        return fwmark ? set_option(udp->fd, SOL_SOCKET, SO_MARK, (int)fwmark) : 0;
}

static int bind_port(const struct tl_udp *udp, uint16_t port)
{
        struct sockaddr_in ipv4 = {.sin_family = AF_INET, .sin_port = htons(port)};
        struct sockaddr_in6 ipv6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
        int result;

        /* Without SO_REUSEPORT, so that a socket of another program on this port is an error. */
        if (udp->family == WG_FAMILY_IPV4)
                result = bind(udp->fd, (const struct sockaddr *)&ipv4, sizeof(ipv4));
        else
                result = bind(udp->fd, (const struct sockaddr *)&ipv6, sizeof(ipv6));
        return result < 0 ? -errno : 0;
}

/* `joins`: sockets of ours already have the port. */
static int open_socket(struct tl_udp *udp, uint8_t family, uint16_t port, uint32_t fwmark,
                       bool joins)
{
        int result;

        udp->family = family;
        udp->fd = socket(family == WG_FAMILY_IPV4 ? AF_INET : AF_INET6,
                         SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (udp->fd < 0)
                return -errno;
        result = set_options(udp, fwmark);
        if (result == 0 && joins)
                result = set_option(udp->fd, SOL_SOCKET, SO_REUSEPORT, 1);
        if (result == 0)
                result = bind_port(udp, port);
        if (result < 0)
                tl_udp_close(udp);
        return result;
}

int tl_udp_open(struct tl_udp *udp, uint8_t family, uint16_t port, uint32_t fwmark)
{
        return open_socket(udp, family, port, fwmark, false);
}

uint16_t tl_udp_port(const struct tl_udp *udp)
{
        union address address;
        socklen_t len = sizeof(address);

        if (udp->fd < 0 || getsockname(udp->fd, &address.any, &len) < 0)
                return 0;
        return ntohs(udp->family == WG_FAMILY_IPV4 ? address.ipv4.sin_port
                                                   : address.ipv6.sin6_port);
}

void tl_udp_close(struct tl_udp *udp)
{
        if (udp->fd >= 0)
                close(udp->fd);
        udp->fd = -1;
}

/* Tries once to open both families; IPv6 gets the number that the kernel chose for IPv4. */
static int try_pair(struct tl_udp_pair *pair, uint16_t port, uint32_t fwmark)
{
        int result = tl_udp_open(&pair->ipv4, WG_FAMILY_IPV4, port, fwmark);

        pair->ipv6 = (struct tl_udp){.fd = -1, .family = WG_FAMILY_IPV6};
        if (result < 0 && result != -EAFNOSUPPORT)
                return result;
        pair->port = result == 0 ? tl_udp_port(&pair->ipv4) : port;
        result = tl_udp_open(&pair->ipv6, WG_FAMILY_IPV6, pair->port, fwmark);
        if (result == 0)
                pair->port = tl_udp_port(&pair->ipv6);
        else if (result == -EAFNOSUPPORT && pair->ipv4.fd >= 0)
                result = 0;
        else
                tl_udp_close(&pair->ipv4);
        return result;
}

int tl_udp_open_pair(struct tl_udp_pair *pair, uint16_t port, uint32_t fwmark)
{
        int result = -EADDRINUSE;

        for (int tries = port ? 1 : PORT_TRIES; tries > 0 && result == -EADDRINUSE; tries--)
                result = try_pair(pair, port, fwmark);
        return result;
}

void tl_udp_close_pair(struct tl_udp_pair *pair)
{
        if (!pair)
                return;
        tl_udp_close(&pair->ipv4);
        tl_udp_close(&pair->ipv6);
}

/* Lets our other sockets join from now on. This one was bound without SO_REUSEPORT, so no other
 * program had the port. */
static int share(const struct tl_udp_pair *pair)
{
        int result = 0;

        if (pair->ipv4.fd >= 0)
                result = set_option(pair->ipv4.fd, SOL_SOCKET, SO_REUSEPORT, 1);
        if (result == 0 && pair->ipv6.fd >= 0)
                result = set_option(pair->ipv6.fd, SOL_SOCKET, SO_REUSEPORT, 1);
        return result;
}

/* Opens another pair, with the families that the first one has. */
static int join(struct tl_udp_pair *pair, const struct tl_udp_pair *first, uint32_t fwmark)
{
        int result = 0;

        pair->port = first->port;
        if (first->ipv4.fd >= 0)
                result = open_socket(&pair->ipv4, WG_FAMILY_IPV4, first->port, fwmark, true);
        if (result == 0 && first->ipv6.fd >= 0)
                result = open_socket(&pair->ipv6, WG_FAMILY_IPV6, first->port, fwmark, true);
        return result;
}

int tl_udp_open_pairs(struct tl_udp_pair *pairs, unsigned int count, uint16_t port, uint32_t fwmark)
{
        int result;

        WG_ASSERT(count >= 1 && count <= TL_UDP_PAIRS);
        for (unsigned int i = 0; i < count; i++)
                pairs[i] = (struct tl_udp_pair){.ipv4 = {-1, WG_FAMILY_IPV4},
                                                .ipv6 = {-1, WG_FAMILY_IPV6}};
        result = tl_udp_open_pair(&pairs[0], port, fwmark);
        if (result == 0 && count > 1)
                result = share(&pairs[0]);
        for (unsigned int i = 1; result == 0 && i < count; i++)
                result = join(&pairs[i], &pairs[0], fwmark);
        if (result < 0)
                tl_udp_close_pairs(pairs, count);
        return result;
}

void tl_udp_close_pairs(struct tl_udp_pair *pairs, unsigned int count)
{
        for (unsigned int i = 0; i < count; i++)
                tl_udp_close_pair(&pairs[i]);
}

int tl_udp_mark_pair(const struct tl_udp_pair *pair, uint32_t fwmark)
{
        int result = 0;

        if (pair->ipv4.fd >= 0)
                result = set_option(pair->ipv4.fd, SOL_SOCKET, SO_MARK, (int)fwmark);
        if (result == 0 && pair->ipv6.fd >= 0)
                result = set_option(pair->ipv6.fd, SOL_SOCKET, SO_MARK, (int)fwmark);
        return result;
}

static void add_backlog(struct tl_udp_backlog *backlog, int fd)
{
        uint32_t info[SK_MEMINFO_VARS] = {0};
        socklen_t len = sizeof(info);

        if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &len) < 0)
                return;
        backlog->queued_bytes += info[SK_MEMINFO_RMEM_ALLOC];
        backlog->room_bytes += info[SK_MEMINFO_RCVBUF];
        backlog->drops += info[SK_MEMINFO_DROPS];
}

struct tl_udp_backlog tl_udp_look_at_backlog(const struct tl_udp_pair *pair)
{
        struct tl_udp_backlog backlog = {0};

        add_backlog(&backlog, pair->ipv4.fd);
        add_backlog(&backlog, pair->ipv6.fd);
        return backlog;
}

/* The value of a UDP option, which is the same for both families; -1: the kernel does not have
 * it. */
static int get_udp_option(const struct tl_udp_pair *pair, int name)
{
        int value = -1;
        socklen_t len = sizeof(value);

        if (getsockopt(pair->ipv4.fd >= 0 ? pair->ipv4.fd : pair->ipv6.fd, IPPROTO_UDP, name,
                       &value, &len) < 0)
                return -1;
        return value;
}

void tl_udp_receive_pieces(const struct tl_udp_pair *pair)
{
        if (pair->ipv4.fd >= 0)
                set_option(pair->ipv4.fd, IPPROTO_UDP, UDP_GRO, 1);
        if (pair->ipv6.fd >= 0)
                set_option(pair->ipv6.fd, IPPROTO_UDP, UDP_GRO, 1);
}

bool tl_udp_sends_pieces(const struct tl_udp_pair *pair)
{
        return get_udp_option(pair, UDP_SEGMENT) >= 0;
}

bool tl_udp_receives_pieces(const struct tl_udp_pair *pair)
{
        return get_udp_option(pair, UDP_GRO) > 0;
}

static void read_remote(struct wg_endpoint *path, const union address *address)
{
        if (address->any.sa_family == AF_INET) {
                path->ip.family = WG_FAMILY_IPV4;
                memcpy(path->ip.bytes, &address->ipv4.sin_addr, 4);
                path->port = ntohs(address->ipv4.sin_port);
                return;
        }
        path->ip.family = WG_FAMILY_IPV6;
        memcpy(path->ip.bytes, &address->ipv6.sin6_addr, 16);
        path->port = ntohs(address->ipv6.sin6_port);
        path->scope = address->ipv6.sin6_scope_id;
}

/* Data of control messages may be unaligned, so it is copied. */
static void read_control(struct tl_datagram *datagram, struct cmsghdr *control)
{
        struct wg_endpoint *path = &datagram->path;
        const void *data = CMSG_DATA(control);
        struct in6_pktinfo info6;
        struct in_pktinfo info4;
        int number;

        if (control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_PKTINFO) {
                memcpy(&info4, data, sizeof(info4));
                path->source.family = WG_FAMILY_IPV4;
                memcpy(path->source.bytes, &info4.ipi_spec_dst, 4);
                path->source_ifindex = (uint32_t)info4.ipi_ifindex;
        } else if (control->cmsg_level == IPPROTO_IPV6 && control->cmsg_type == IPV6_PKTINFO) {
                memcpy(&info6, data, sizeof(info6));
                path->source.family = WG_FAMILY_IPV6;
                memcpy(path->source.bytes, &info6.ipi6_addr, 16);
                path->source_ifindex = info6.ipi6_ifindex;
        } else if (control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_TOS) {
                memcpy(&datagram->tos, data, 1); /* in IPv4 it is one byte */
        } else if (control->cmsg_level == IPPROTO_IPV6 && control->cmsg_type == IPV6_TCLASS) {
                memcpy(&number, data, sizeof(number));
                datagram->tos = (uint8_t)number;
        } else if (control->cmsg_level == IPPROTO_UDP && control->cmsg_type == UDP_GRO) {
                memcpy(&number, data, sizeof(number));
                if (number > 0 && (uint32_t)number < datagram->len)
                        datagram->segment = (uint32_t)number;
        }
}

static void read_message(struct tl_datagram *datagram, struct mmsghdr *message,
                         const union address *address)
{
        struct msghdr *header = &message->msg_hdr;

        datagram->len = message->msg_len;
        datagram->error = header->msg_flags & MSG_TRUNC ? -EMSGSIZE : 0;
        datagram->segment = 0;
        datagram->piece_error = 0;
        datagram->tos = 0;
        datagram->pin_failed = false;
        datagram->path = (struct wg_endpoint){0};
        read_remote(&datagram->path, address);
        for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c))
                read_control(datagram, c);
}

/* Like tl_udp_receive(), for at most BATCH datagrams. */
static int receive_batch(const struct tl_udp *udp, struct tl_datagram *datagrams,
                         unsigned int count)
{
        struct batch batch;
        int received;

        for (unsigned int i = 0; i < count; i++) {
                batch.parts[i] = (struct iovec){datagrams[i].buf, datagrams[i].room};
                batch.messages[i].msg_hdr = (struct msghdr){
                        .msg_name = &batch.addresses[i],
                        .msg_namelen = sizeof(batch.addresses[i]),
                        .msg_iov = &batch.parts[i],
                        .msg_iovlen = 1,
                        .msg_control = &batch.controls[i],
                        .msg_controllen = sizeof(batch.controls[i]),
                };
        }
        do
                received = recvmmsg(udp->fd, batch.messages, count, 0, NULL);
        while (received < 0 && errno == EINTR);
        if (received < 0)
                return errno == EAGAIN ? 0 : -errno;
        for (int i = 0; i < received; i++)
                read_message(&datagrams[i], &batch.messages[i], &batch.addresses[i]);
        return received;
}

int tl_udp_receive(const struct tl_udp *udp, struct tl_datagram *datagrams, unsigned int count)
{
        unsigned int received = 0;

        while (received < count) {
                unsigned int wanted = WG_MIN(count - received, BATCH);
                int result = receive_batch(udp, datagrams + received, wanted);

                if (result < 0)
                        return received ? (int)received : result;
                received += (unsigned int)result;
                if ((unsigned int)result < wanted)
                        break;
        }
        return (int)received;
}

static socklen_t write_remote(union address *address, const struct wg_endpoint *path)
{
        if (path->ip.family == WG_FAMILY_IPV4) {
                address->ipv4 = (struct sockaddr_in){
                        .sin_family = AF_INET,
                        .sin_port = htons(path->port),
                };
                memcpy(&address->ipv4.sin_addr, path->ip.bytes, 4);
                return sizeof(address->ipv4);
        }
        address->ipv6 = (struct sockaddr_in6){
                .sin6_family = AF_INET6,
                .sin6_port = htons(path->port),
                .sin6_scope_id = path->scope,
        };
        memcpy(&address->ipv6.sin6_addr, path->ip.bytes, 16);
        return sizeof(address->ipv6);
}

/* Appends a control message to those of `header`. */
static void add_control(struct msghdr *header, int level, int type, const void *data, size_t len)
{
        struct cmsghdr *control = (void *)((uint8_t *)header->msg_control + header->msg_controllen);

        control->cmsg_level = level;
        control->cmsg_type = type;
        control->cmsg_len = CMSG_LEN(len);
        memcpy(CMSG_DATA(control), data, len);
        header->msg_controllen += CMSG_SPACE(len);
}

static bool is_pinned(const struct wg_endpoint *path)
{
        return path->source.family != WG_FAMILY_NONE && path->source.family == path->ip.family;
}

/* An interface number would force the output link, which routing should choose. But a link-local
 * address is meaningless without one. */
static void add_source(struct msghdr *header, const struct wg_endpoint *path)
{
        struct in6_pktinfo info6 = {0};
        struct in_pktinfo info4 = {0};

        if (path->source.family == WG_FAMILY_IPV4) {
                memcpy(&info4.ipi_spec_dst, path->source.bytes, 4);
                add_control(header, IPPROTO_IP, IP_PKTINFO, &info4, sizeof(info4));
                return;
        }
        memcpy(&info6.ipi6_addr, path->source.bytes, 16);
        if (IN6_IS_ADDR_LINKLOCAL(&info6.ipi6_addr))
                info6.ipi6_ifindex = path->source_ifindex;
        add_control(header, IPPROTO_IPV6, IPV6_PKTINFO, &info6, sizeof(info6));
}

static void add_tos(struct msghdr *header, const struct tl_datagram *datagram)
{
        int tos = datagram->tos;

        if (datagram->path.ip.family == WG_FAMILY_IPV4)
                add_control(header, IPPROTO_IP, IP_TOS, &tos, sizeof(tos));
        else
                add_control(header, IPPROTO_IPV6, IPV6_TCLASS, &tos, sizeof(tos));
}

static void add_segment(struct msghdr *header, uint32_t len)
{
        uint16_t segment = (uint16_t)len;

        add_control(header, IPPROTO_UDP, UDP_SEGMENT, &segment, sizeof(segment));
}

/* Prepares datagram i of a batch for the system call, with its source pinned or not. */
static void write_message(struct batch *batch, unsigned int i, const struct tl_datagram *datagram,
                          bool pinned)
{
        struct msghdr *header = &batch->messages[i].msg_hdr;

        batch->parts[i] = (struct iovec){datagram->buf, datagram->len};
        *header = (struct msghdr){
                .msg_name = &batch->addresses[i],
                .msg_namelen = write_remote(&batch->addresses[i], &datagram->path),
                .msg_iov = &batch->parts[i],
                .msg_iovlen = 1,
                .msg_control = &batch->controls[i],
        };
        if (pinned)
                add_source(header, &datagram->path);
        if (datagram->tos)
                add_tos(header, datagram);
        if (datagram->segment)
                add_segment(header, datagram->segment);
}

/* Errors that mean that the pinned source is not, or no longer, an address of ours, or that no
 * route leads from it. */
static bool is_source_error(int error)
{
        return error == EINVAL || error == ENETUNREACH || error == EADDRNOTAVAIL ||
               error == EHOSTUNREACH || error == ENODEV;
}

/* Errors that mean that the kernel refuses the piece: its segments exceed the MTU (EINVAL in older
 * kernels), or the device cannot compute checksums. */
static bool is_piece_error(int error)
{
        return error == EMSGSIZE || error == EINVAL || error == EIO || error == EOPNOTSUPP;
}

/* Sends one datagram or piece, in place i of the batch. Returns 0 or -errno. */
static int send_alone(const struct tl_udp *udp, struct batch *batch, unsigned int i,
                      const struct tl_datagram *datagram, bool pinned)
{
        write_message(batch, i, datagram, pinned);
        return sendmsg(udp->fd, &batch->messages[i].msg_hdr, 0) < 0 ? -errno : 0;
}

/* Whether the pin caused an error, given the result without the pin: the address is not ours, or
 * sending works without the pin. If there is no route either way, the route may come back. */
static bool is_pin_to_blame(int error, int without)
{
        return without == 0 || error == EINVAL || error == EADDRNOTAVAIL;
}

/* Sends without the pin, after sending with it has failed. */
static int send_unpinned(const struct tl_udp *udp, struct batch *batch, unsigned int i,
                         struct tl_datagram *datagram, int error)
{
        int result = send_alone(udp, batch, i, datagram, false);

        /* For a piece, EINVAL may also mean its length, which says nothing about the pin. */
        datagram->pin_failed = (!datagram->segment || !is_piece_error(-result)) &&
                               is_pin_to_blame(error, result);
        return result;
}

static int send_one_by_one(const struct tl_udp *udp, struct batch *batch, unsigned int i,
                           struct tl_datagram *piece)
{
        struct tl_datagram one = *piece;
        int result = 0;

        one.segment = 0;
        for (uint32_t at = 0; at < piece->len; at += piece->segment) {
                bool pinned = is_pinned(&piece->path) && !piece->pin_failed;
                int error;

                one.buf = piece->buf + at;
                one.len = WG_MIN(piece->segment, piece->len - at);
                error = send_alone(udp, batch, i, &one, pinned);
                if (pinned && is_source_error(-error)) {
                        int without = send_alone(udp, batch, i, &one, false);

                        piece->pin_failed = is_pin_to_blame(-error, without);
                        error = without;
                }
                if (error)
                        result = error;
        }
        return result;
}

/* Datagram i of the batch failed with `error`: sends it in another way, if that may help, and
 * records the result. */
static void settle(const struct tl_udp *udp, struct batch *batch, unsigned int i,
                   struct tl_datagram *datagram, int error)
{
        datagram->error = -error;
        if (is_pinned(&datagram->path) && is_source_error(error))
                datagram->error = send_unpinned(udp, batch, i, datagram, error);
        if (datagram->segment && is_piece_error(-datagram->error)) {
                datagram->piece_error = datagram->error;
                datagram->error = send_one_by_one(udp, batch, i, datagram);
        }
}

/* At most BATCH datagrams. Returns how many have a result: fewer only if the socket is full. */
static unsigned int send_batch(const struct tl_udp *udp, struct tl_datagram *datagrams,
                               unsigned int count)
{
        struct batch batch;
        unsigned int done = 0;

        for (unsigned int i = 0; i < count; i++) {
                datagrams[i].error = datagrams[i].piece_error = 0;
                datagrams[i].pin_failed = false;
                write_message(&batch, i, &datagrams[i], is_pinned(&datagrams[i].path));
        }
        while (done < count) {
                int sent = sendmmsg(udp->fd, batch.messages + done, count - done, 0);

                if (sent > 0) {
                        done += (unsigned int)sent;
                } else if (errno == EAGAIN) {
                        break;
                } else if (errno != EINTR) {
                        /* The call stops before a datagram that fails, and returns its error only
                         * if that is the first one. */
                        settle(udp, &batch, done, &datagrams[done], errno);
                        done++;
                }
        }
        return done;
}

static unsigned int fail_all(struct tl_datagram *datagrams, unsigned int count, int error)
{
        for (unsigned int i = 0; i < count; i++) {
                datagrams[i].error = error;
                datagrams[i].piece_error = 0;
                datagrams[i].pin_failed = false;
        }
        return 0;
}

unsigned int tl_udp_send(const struct tl_udp *udp, struct tl_datagram *datagrams,
                         unsigned int count)
{
        unsigned int done = 0, sent = 0;

        if (udp->fd < 0)
                return fail_all(datagrams, count, -EAFNOSUPPORT);
        while (done < count) {
                unsigned int wanted = WG_MIN(count - done, BATCH);
                unsigned int settled = send_batch(udp, datagrams + done, wanted);

                done += settled;
                if (settled == wanted)
                        continue;
                fail_all(datagrams + done, count - done, -EAGAIN);
                break;
        }
        for (unsigned int i = 0; i < count; i++)
                sent += datagrams[i].error == 0;
        return sent;
}

unsigned int tl_udp_send_pair(const struct tl_udp_pair *pair, struct tl_datagram *datagrams,
                              unsigned int count)
{
        unsigned int sent = 0;

        for (unsigned int start = 0, end; start < count; start = end) {
                uint8_t family = datagrams[start].path.ip.family;

                for (end = start + 1; end < count; end++)
                        if (datagrams[end].path.ip.family != family)
                                break;
                sent += tl_udp_send(family == WG_FAMILY_IPV4 ? &pair->ipv4 : &pair->ipv6,
                                    datagrams + start, end - start);
        }
        return sent;
}
