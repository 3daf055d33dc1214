/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * trickle - sends a few datagrams one way and measures the delay of each.
 *
 *     trickle receive PORT COUNT IDLE_MS       prints "ready"; ends after COUNT datagrams, or after
 *                                              IDLE_MS of silence
 *     trickle send ADDRESS PORT INTERVAL_US COUNT
 *
 * The receiver prints name=value:
 *
 *     received         datagrams received
 *     late             those that took more than a second
 *     median_us, most_us   time from send to arrival in the receiver's socket
 *
 * Both run on the same machine and use its clock. The kernel timestamps arrivals, so the delay does
 * not include time that sender or receiver wait for a processor.
 * Threads: one. */
#include <err.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "test/lib/tool.h"

enum { COUNT_MAX = 100000, LENGTH = 100 };

union drop {
        uint64_t words[2]; /* number and time of sending */
        uint8_t bytes[LENGTH];
};

static uint64_t as_ns(const struct timespec *time)
{
        return (uint64_t)time->tv_sec * TOOL_NS_PER_S + (uint64_t)time->tv_nsec;
}

/* The clock that the kernel uses to timestamp arrivals. */
static uint64_t now_ns(void)
{
        struct timespec now;

        clock_gettime(CLOCK_REALTIME, &now);
        return as_ns(&now);
}

static int send_all(const char *address, const char *port, uint64_t interval_ns, uint64_t count)
{
        int fd = tool_connect(address, port);
        uint64_t due_ns = tool_now_ns();

        for (uint64_t n = 0; n < count; n++) {
                union drop drop = {.words = {n, now_ns()}};

                /* If it is not sent, the receiver counts it as missing. */
                (void)!send(fd, &drop, sizeof(drop), 0);
                due_ns += interval_ns;
                tool_sleep_until(due_ns);
        }
        return 0;
}

/* Reads a datagram that has arrived. Returns its delay, or UINT64_MAX if it is not ours. */
static uint64_t receive_one(int fd, bool seen[COUNT_MAX])
{
        uint8_t control[CMSG_SPACE(sizeof(struct timespec))];
        union drop drop;
        struct iovec part = {&drop, sizeof(drop)};
        struct msghdr header = {.msg_iov = &part,
                                .msg_iovlen = 1,
                                .msg_control = control,
                                .msg_controllen = sizeof(control)};
        struct timespec arrived;
        struct cmsghdr *c;

        if (recvmsg(fd, &header, MSG_DONTWAIT) != sizeof(drop) || drop.words[0] >= COUNT_MAX ||
            seen[drop.words[0]])
                return UINT64_MAX;
        seen[drop.words[0]] = true;
        c = CMSG_FIRSTHDR(&header);
        if (!c || c->cmsg_type != SCM_TIMESTAMPNS)
                errx(2, "the kernel does not timestamp datagrams");
        memcpy(&arrived, CMSG_DATA(c), sizeof(arrived));
        return as_ns(&arrived) > drop.words[1] ? as_ns(&arrived) - drop.words[1] : 0;
}

static int compare(const void *a, const void *b)
{
        uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

        return (x > y) - (x < y);
}

static void tell(uint64_t *times, uint64_t count)
{
        uint64_t late = 0;

        qsort(times, count, sizeof(*times), compare);
        for (uint64_t i = 0; i < count; i++)
                late += times[i] > TOOL_NS_PER_S;
        printf("received=%" PRIu64 "\nlate=%" PRIu64 "\nmedian_us=%" PRIu64 "\nmost_us=%" PRIu64
               "\n",
               count, late, count ? times[count / 2] / TOOL_NS_PER_US : 0,
               count ? times[count - 1] / TOOL_NS_PER_US : 0);
}

static int receive_all(const char *port, uint64_t count, int idle_ms)
{
        static uint64_t times[COUNT_MAX];
        static bool seen[COUNT_MAX];
        int fd = tool_bind(NULL, port), on = 1;
        struct pollfd polled = {.fd = fd, .events = POLLIN};
        uint64_t received = 0;

        if (setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)))
                err(2, "SO_TIMESTAMPNS");
        tool_ready();
        while (received < count && poll(&polled, 1, idle_ms) > 0) {
                uint64_t time = receive_one(fd, seen);

                if (time != UINT64_MAX)
                        times[received++] = time;
        }
        tell(times, received);
        return 0;
}

int main(int argc, char **argv)
{
        if (argc == 5 && strcmp(argv[1], "receive") == 0 && atoi(argv[3]) <= COUNT_MAX)
                return receive_all(argv[2], strtoull(argv[3], NULL, 10), atoi(argv[4]));
        if (argc == 6 && strcmp(argv[1], "send") == 0 && atoi(argv[5]) <= COUNT_MAX)
                return send_all(argv[2], argv[3], strtoull(argv[4], NULL, 10) * TOOL_NS_PER_US,
                                strtoull(argv[5], NULL, 10));
        fprintf(stderr, "usage: trickle receive PORT COUNT IDLE_MS | "
                        "trickle send ADDRESS PORT INTERVAL_US COUNT\n");
        return 2;
}
