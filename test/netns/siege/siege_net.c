/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "test/netns/siege/siege.h"

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

/* Holds the control message that names our own address. */
union control {
        struct cmsghdr align;
        uint8_t bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

enum { BUFFER = 4 << 20 };

void siege_random(void *to, size_t len)
{
        for (size_t at = 0; at < len;) {
                ssize_t got = getrandom((uint8_t *)to + at, len - at, 0);

                if (got < 0 && errno != EINTR)
                        err(2, "getrandom");
                at += got > 0 ? (size_t)got : 0;
        }
}

static void resolve(union siege_address *address, const char *host, const char *port)
{
        struct addrinfo hints = {.ai_socktype = SOCK_DGRAM,
                                 .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
        struct addrinfo *found;
        int error = getaddrinfo(host, port, &hints, &found);

        if (error)
                errx(2, "%s port %s: %s", host, port, gai_strerror(error));
        memcpy(address, found->ai_addr, found->ai_addrlen);
        freeaddrinfo(found);
}

void siege_net_open(struct siege_net *net, const struct siege_options *o)
{
        union siege_address any = {.any.sa_family = AF_UNSPEC};
        int family, one = 1, size = BUFFER;
        bool ok;

        *net = (struct siege_net){.sources = o->sources};
        resolve(&net->victim, o->to, o->port);
        resolve(&net->first, o->from, "0");
        family = net->victim.any.sa_family;
        if (net->first.any.sa_family != family)
                errx(2, "%s and %s are of different families", o->to, o->from);
        any.any.sa_family = (sa_family_t)family;
        net->fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        ok = net->fd >= 0;
        if (family == AF_INET)
                ok = ok && !setsockopt(net->fd, IPPROTO_IP, IP_PKTINFO, &one, sizeof(one)) &&
                     !bind(net->fd, &any.any, sizeof(any.ipv4));
        else
                /* Sending from addresses that only a route makes local takes FREEBIND. */
                ok = ok && !setsockopt(net->fd, IPPROTO_IPV6, IPV6_FREEBIND, &one, sizeof(one)) &&
                     !setsockopt(net->fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &one, sizeof(one)) &&
                     !bind(net->fd, &any.any, sizeof(any.ipv6));
        if (!ok)
                err(2, "socket");
        /* Larger buffers help, but the defaults are enough. */
        (void)setsockopt(net->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
        (void)setsockopt(net->fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
}

/* Adds n to a number of four bytes in network order. */
static void step(uint8_t bytes[4], uint32_t n)
{
        wg_be32_store(bytes, wg_be32_load(bytes) + n);
}

/* Writes the source address of a datagram into `control`; returns its size. */
static size_t write_source(const struct siege_net *net, union control *control, uint32_t source)
{
        struct in6_pktinfo info6 = {.ipi6_addr = net->first.ipv6.sin6_addr};
        struct in_pktinfo info4 = {.ipi_spec_dst = net->first.ipv4.sin_addr};
        bool is_ipv4 = net->first.any.sa_family == AF_INET;
        size_t len = is_ipv4 ? sizeof(info4) : sizeof(info6);

        step((uint8_t *)&info4.ipi_spec_dst, source);
        step((uint8_t *)&info6.ipi6_addr + 4, source);
        control->align.cmsg_level = is_ipv4 ? IPPROTO_IP : IPPROTO_IPV6;
        control->align.cmsg_type = is_ipv4 ? IP_PKTINFO : IPV6_PKTINFO;
        control->align.cmsg_len = CMSG_LEN(len);
        memcpy(CMSG_DATA(&control->align), is_ipv4 ? (void *)&info4 : (void *)&info6, len);
        return CMSG_SPACE(len);
}

void siege_net_send(struct siege_net *net, const struct siege_datagram *datagrams, size_t n)
{
        struct mmsghdr messages[SIEGE_BATCH] = {0};
        union control controls[SIEGE_BATCH];
        struct iovec parts[SIEGE_BATCH];

        for (size_t i = 0; i < n; i++) {
                parts[i] = (struct iovec){datagrams[i].bytes, datagrams[i].len};
                messages[i].msg_hdr = (struct msghdr){
                        .msg_name = &net->victim,
                        .msg_namelen = net->victim.any.sa_family == AF_INET
                                               ? sizeof(net->victim.ipv4)
                                               : sizeof(net->victim.ipv6),
                        .msg_iov = &parts[i],
                        .msg_iovlen = 1,
                        .msg_control = &controls[i],
                        .msg_controllen = write_source(net, &controls[i], datagrams[i].source),
                };
        }
        for (size_t at = 0; at < n;) {
                int sent = sendmmsg(net->fd, messages + at, (unsigned int)(n - at), 0);

                if (sent > 0) {
                        at += (size_t)sent;
                        net->sent += (uint64_t)sent;
                } else if (errno == EADDRNOTAVAIL || errno == EINVAL) {
                        err(2, "source %u", datagrams[at].source);
                } else if (errno != EINTR) {
                        at++;
                        net->failed++;
                }
        }
}

/* The number of our address that a datagram was sent to; UINT32_MAX if it is none of ours. */
static uint32_t read_source(const struct siege_net *net, struct msghdr *message)
{
        struct cmsghdr *control = CMSG_FIRSTHDR(message);
        struct in6_pktinfo info6;
        struct in_pktinfo info4;
        uint32_t source = UINT32_MAX;

        if (control && control->cmsg_type == IP_PKTINFO && control->cmsg_level == IPPROTO_IP) {
                memcpy(&info4, CMSG_DATA(control), sizeof(info4));
                source = ntohl(info4.ipi_addr.s_addr) - ntohl(net->first.ipv4.sin_addr.s_addr);
        } else if (control && control->cmsg_type == IPV6_PKTINFO) {
                memcpy(&info6, CMSG_DATA(control), sizeof(info6));
                source = wg_be32_load(info6.ipi6_addr.s6_addr + 4) -
                         wg_be32_load(net->first.ipv6.sin6_addr.s6_addr + 4);
        }
        return source < net->sources ? source : UINT32_MAX;
}

static void wait_until(int fd, uint64_t deadline_ns)
{
        uint64_t now_ns = tool_now_ns(), left = deadline_ns > now_ns ? deadline_ns - now_ns : 0;
        struct timespec timeout = {(time_t)(left / TOOL_NS_PER_S), (long)(left % TOOL_NS_PER_S)};
        struct pollfd polled = {fd, POLLIN, 0};

        (void)ppoll(&polled, 1, &timeout, NULL);
}

size_t siege_net_receive(struct siege_net *net, struct siege_datagram *datagrams, size_t n,
                         uint64_t deadline_ns)
{
        struct mmsghdr messages[SIEGE_BATCH] = {0};
        union control controls[SIEGE_BATCH];
        struct iovec parts[SIEGE_BATCH];
        size_t count = 0;
        int received;

        for (size_t i = 0; i < n; i++) {
                parts[i] = (struct iovec){datagrams[i].bytes, SIEGE_LEN_MAX};
                messages[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i],
                                                      .msg_iovlen = 1,
                                                      .msg_control = &controls[i],
                                                      .msg_controllen = sizeof(controls[i])};
        }
        wait_until(net->fd, deadline_ns);
        received = recvmmsg(net->fd, messages, (unsigned int)n, MSG_DONTWAIT, NULL);
        for (int i = 0; i < received; i++) {
                uint32_t source = read_source(net, &messages[i].msg_hdr);
                uint8_t *bytes = datagrams[count].bytes;

                if (source == UINT32_MAX)
                        continue;
                /* Swaps buffers, so that those in use come first. */
                datagrams[count] = (struct siege_datagram){parts[i].iov_base, messages[i].msg_len,
                                                           source};
                if (count != (size_t)i)
                        datagrams[i].bytes = bytes;
                count++;
        }
        return count;
}
