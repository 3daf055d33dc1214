/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "lab/probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/checksum.h"
#include "io/clock.h"

WG_ENUM_DEFINE(tl_probe_outcome, TL_PROBE_OUTCOMES)

enum {
        REPEAT_MS = 200,    /* between two attempts */
        WARM_MS = 300,      /* how long to wait for the second answer to a ping */
        PINGS = 2,          /* sockets for pings come first: one per family */
        SOL_RAW_ = 255,     /* SOL_RAW of linux/icmp.h, which libc's headers lack */
        ICMP_FILTER_ = 1,   /* likewise */
        ICMPV6_FILTER_ = 1, /* ICMPV6_FILTER */
};

/* The content of a ping, which comes back. */
struct load {
        uint64_t cookie; /* tells our pings from others */
        uint64_t sent_ns;
        uint32_t index;
        uint32_t attempt;
};

/* One probe under way. */
struct attempt {
        struct tl_probe *probe;
        uint64_t next_ns; /* when to try again; with is_warm, when to stop waiting */
        uint64_t sent_ns;
        uint32_t count;
        bool is_warm; /* the first answer came, and the time of the second counts */
        bool is_over;
};

struct run {
        struct attempt *attempts;
        struct pollfd *fds; /* two for pings, then one per probe; -1: none */
        uint32_t count;
        uint64_t begun_ns, cookie;
};

bool tl_probe_is_reached(const struct tl_probe *probe)
{
        switch (probe->outcome) {
        case TL_PROBE_ANSWER:
        case TL_PROBE_REFUSED:
                return true;
        case TL_PROBE_SILENCE:
        case TL_PROBE_UNREACHABLE:
                break;
        }
        return false;
}

static socklen_t make_address(struct sockaddr_storage *address, const struct wg_ip *ip,
                              uint16_t port)
{
        struct sockaddr_in *v4 = (struct sockaddr_in *)address;
        struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)address;

        memset(address, 0, sizeof(*address));
        if (ip->family == WG_FAMILY_IPV4) {
                v4->sin_family = AF_INET;
                v4->sin_port = htons(port);
                memcpy(&v4->sin_addr, ip->bytes, 4);
                return sizeof(*v4);
        }
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
        memcpy(&v6->sin6_addr, ip->bytes, 16);
        return sizeof(*v6);
}

/* ---- outcomes ---- */

static void end_attempt(struct run *run, struct attempt *attempt)
{
        struct pollfd *fd = &run->fds[PINGS + (attempt - run->attempts)];

        attempt->is_over = true;
        if (fd->fd >= 0)
                close(fd->fd);
        fd->fd = -1;
}

static void note_answer(struct run *run, struct attempt *attempt, enum tl_probe_outcome outcome,
                        uint64_t sent_ns)
{
        struct tl_probe *probe = attempt->probe;
        uint64_t now_ns = tl_clock_boot_ns();

        if (!attempt->is_warm)
                probe->after_ms = (uint32_t)((now_ns - run->begun_ns) / TL_NS_PER_MS);
        probe->outcome = outcome;
        probe->rtt_us = (uint32_t)((now_ns - sent_ns) / 1000);
}

static void note_error(struct attempt *attempt, int error)
{
        if (attempt->is_warm)
                return;
        attempt->probe->outcome = TL_PROBE_UNREACHABLE;
        attempt->probe->error = error;
}

/* ---- pings ---- */

static int open_ping(int family)
{
        int fd = socket(family, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC,
                        family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6);
        struct icmp_filter only4 = {~(1u << ICMP_ECHOREPLY)};
        struct icmp6_filter only6;
        int size = 1 << 20;

        if (fd < 0)
                return -1;
        memset(&only6, 0xff, sizeof(only6));
        only6.data[ICMPV6_ECHO_REPLY >> 5] &= ~(1u << (ICMPV6_ECHO_REPLY & 31));
        if (family == AF_INET)
                setsockopt(fd, SOL_RAW_, ICMP_FILTER_, &only4, sizeof(only4));
        else
                setsockopt(fd, IPPROTO_ICMPV6, ICMPV6_FILTER_, &only6, sizeof(only6));
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
        return fd;
}

static void send_ping(struct run *run, struct attempt *attempt)
{
        const struct wg_ip *to = &attempt->probe->to;
        bool is_ipv4 = to->family == WG_FAMILY_IPV4;
        const struct load load = {run->cookie, tl_clock_boot_ns(),
                                  (uint32_t)(attempt - run->attempts), attempt->count};
        uint8_t packet[8 + sizeof(load)] = {is_ipv4 ? ICMP_ECHO : ICMPV6_ECHO_REQUEST};
        struct sockaddr_storage address;
        socklen_t len = make_address(&address, to, 0);
        uint16_t checksum;

        wg_be16_store(packet + 4, (uint16_t)run->cookie);
        wg_be16_store(packet + 6, (uint16_t)attempt->count);
        memcpy(packet + 8, &load, sizeof(load));
        if (is_ipv4) { /* the kernel computes that of ICMPv6 */
                checksum = wg_checksum_fold(wg_checksum_add(0, packet, sizeof(packet)));
                wg_checksum_store(packet + 2, checksum);
        }
        if (sendto(run->fds[is_ipv4 ? 0 : 1].fd, packet, sizeof(packet), 0,
                   (const struct sockaddr *)&address, len) < 0)
                note_error(attempt, errno);
}

/* Offers the answer to a ping to its probe. */
static void take_echo(struct run *run, const uint8_t *icmp, size_t len)
{
        struct attempt *attempt;
        struct load load;

        if (len < 8 + sizeof(load))
                return;
        memcpy(&load, icmp + 8, sizeof(load));
        if (load.cookie != run->cookie || load.index >= run->count)
                return;
        attempt = &run->attempts[load.index];
        if (attempt->is_over || attempt->probe->protocol != WG_PROTOCOL_ICMP)
                return;
        if (!attempt->is_warm) {
                note_answer(run, attempt, TL_PROBE_ANSWER, load.sent_ns);
                attempt->is_warm = true;
                attempt->count++;
                attempt->next_ns = tl_clock_boot_ns() + WARM_MS * TL_NS_PER_MS;
                send_ping(run, attempt);
        } else if (load.attempt == attempt->count) {
                note_answer(run, attempt, TL_PROBE_ANSWER, load.sent_ns);
                end_attempt(run, attempt);
        }
}

static void receive_pings(struct run *run, int fd, bool is_ipv4)
{
        uint8_t packet[2048];
        ssize_t len;

        while ((len = recv(fd, packet, sizeof(packet), 0)) > 0) {
                size_t skip = is_ipv4 ? wg_ipv4_header_len(packet) : 0;

                if ((size_t)len > skip)
                        take_echo(run, packet + skip, (size_t)len - skip);
        }
}

/* ---- TCP and UDP ---- */

static void take_socket_error(struct run *run, struct attempt *attempt, int error)
{
        if (error == EINPROGRESS || error == EAGAIN)
                return;
        if (error == 0 || error == ECONNREFUSED) {
                note_answer(run, attempt, error ? TL_PROBE_REFUSED : TL_PROBE_ANSWER,
                            attempt->sent_ns);
                end_attempt(run, attempt);
                return;
        }
        /* A route may appear yet: try again with another socket. */
        note_error(attempt, error);
        end_attempt(run, attempt);
        attempt->is_over = false;
}

static void try_socket(struct run *run, struct attempt *attempt)
{
        struct tl_probe *probe = attempt->probe;
        struct pollfd *fd = &run->fds[PINGS + (attempt - run->attempts)];
        struct sockaddr_storage address;
        socklen_t len = make_address(&address, &probe->to, probe->port);
        bool is_tcp = probe->protocol == WG_PROTOCOL_TCP;

        if (fd->fd < 0) {
                fd->fd = socket(address.ss_family,
                                (is_tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC,
                                0);
                fd->events = POLLIN;
                attempt->sent_ns = tl_clock_boot_ns();
                if (fd->fd < 0 || connect(fd->fd, (const struct sockaddr *)&address, len) < 0)
                        take_socket_error(run, attempt, errno);
        }
        if (!is_tcp && fd->fd >= 0 && send(fd->fd, "?\n", 2, MSG_NOSIGNAL) < 0)
                take_socket_error(run, attempt, errno);
}

/* The greeting of a server counts, not that connect(2) succeeds: a router that drops the third
 * packet leaves a connection of which only one end knows. */
static void hear_socket(struct run *run, struct attempt *attempt, int fd)
{
        char buffer[256];

        take_socket_error(run, attempt, recv(fd, buffer, sizeof(buffer), 0) < 0 ? errno : 0);
}

/* ---- the run ---- */

/* Does what is due for one probe. Returns when something is due again. */
static uint64_t advance(struct run *run, struct attempt *attempt, uint64_t now_ns)
{
        uint64_t deadline_ns = run->begun_ns + attempt->probe->deadline_ms * TL_NS_PER_MS;

        if (now_ns >= (attempt->is_warm ? attempt->next_ns : deadline_ns)) {
                end_attempt(run, attempt);
                return UINT64_MAX;
        }
        if (!attempt->is_warm && now_ns >= attempt->next_ns) {
                attempt->next_ns = now_ns + REPEAT_MS * TL_NS_PER_MS;
                attempt->count++;
                if (attempt->probe->protocol == WG_PROTOCOL_ICMP)
                        send_ping(run, attempt);
                else
                        try_socket(run, attempt);
        }
        return attempt->is_over   ? UINT64_MAX
               : attempt->is_warm ? attempt->next_ns
                                  : WG_MIN(attempt->next_ns, deadline_ns);
}

static void hear_all(struct run *run)
{
        for (uint32_t i = 0; i < PINGS; i++)
                if (run->fds[i].revents)
                        receive_pings(run, run->fds[i].fd, i == 0);
        for (uint32_t i = 0; i < run->count; i++) {
                const struct pollfd *fd = &run->fds[PINGS + i];

                if (fd->fd >= 0 && fd->revents)
                        hear_socket(run, &run->attempts[i], fd->fd);
        }
}

static void run_all(struct run *run)
{
        for (;;) {
                uint64_t now_ns = tl_clock_boot_ns(), due_ns = UINT64_MAX;

                for (uint32_t i = 0; i < run->count; i++)
                        if (!run->attempts[i].is_over) {
                                uint64_t next_ns = advance(run, &run->attempts[i], now_ns);

                                due_ns = WG_MIN(due_ns, next_ns);
                        }
                if (due_ns == UINT64_MAX)
                        return;
                now_ns = tl_clock_boot_ns();
                poll(run->fds, PINGS + run->count,
                     due_ns > now_ns ? (int)((due_ns - now_ns) / TL_NS_PER_MS) + 1 : 0);
                hear_all(run);
        }
}

int tl_probe_all(struct tl_probe *probes, uint32_t count)
{
        struct run run = {.count = count, .begun_ns = tl_clock_boot_ns()};
        int error = 0;

        run.attempts = calloc(count + 1, sizeof(*run.attempts));
        run.fds = calloc(count + PINGS, sizeof(*run.fds));
        run.cookie = run.begun_ns * 2654435761u + (uint64_t)getpid();
        if (!run.attempts || !run.fds) {
                error = -ENOMEM;
                goto out;
        }
        for (uint32_t i = 0; i < count; i++) {
                run.attempts[i].probe = &probes[i];
                run.attempts[i].is_over = probes[i].is_left_out;
                run.fds[PINGS + i].fd = -1;
                if (probes[i].is_left_out)
                        continue;
                probes[i].outcome = TL_PROBE_SILENCE;
                probes[i].rtt_us = probes[i].after_ms = 0;
                probes[i].error = 0;
        }
        run.fds[0] = (struct pollfd){.fd = open_ping(AF_INET), .events = POLLIN};
        run.fds[1] = (struct pollfd){.fd = open_ping(AF_INET6), .events = POLLIN};
        if (run.fds[0].fd < 0)
                error = -errno;
        else
                run_all(&run);
        for (uint32_t i = 0; i < PINGS; i++)
                if (run.fds[i].fd >= 0)
                        close(run.fds[i].fd);
out:
        free(run.attempts);
        free(run.fds);
        return error;
}
