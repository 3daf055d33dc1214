/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * pulse - sends a steady stream of small datagrams to an echo, and measures the replies.
 *
 *     pulse echo PORT                      prints "ready" and sends back every datagram
 *     pulse send ADDRESS PORT INTERVAL_US  sends one datagram per interval until SIGTERM or SIGINT,
 *                                          waits at most a second for those in flight, and prints
 *                                          name=value:
 *
 *         sent, lost       datagrams
 *         errors           reported by the system: no route, host unreachable and the like
 *         gap_us           longest time between two replies
 *         trip_us          longest round trip
 *         stall_us         longest delay of the sender itself, included in the two above
 *
 * Threads: one. */
#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "test/lib/tool.h"

struct beat {
        uint64_t number, sent_ns;
};

struct counts {
        uint64_t sent, returned, errors;
        uint64_t gap_ns, trip_ns, stall_ns;
        uint64_t last_ns; /* time of the last reply; 0: none yet */
};

static void raise_to(uint64_t *greatest, uint64_t value)
{
        if (value > *greatest)
                *greatest = value;
}

static _Noreturn void echo(const char *port)
{
        int fd = tool_bind(NULL, port);
        char bytes[2048];

        tool_ready();
        for (;;) {
                struct sockaddr_storage from;
                socklen_t from_len = sizeof(from);
                ssize_t len = recvfrom(fd, bytes, sizeof(bytes), 0, (void *)&from, &from_len);

                /* The sender notices errors on the way back as losses. */
                if (len >= 0)
                        (void)!sendto(fd, bytes, (size_t)len, 0, (void *)&from, from_len);
        }
}

static void receive(int fd, struct counts *counts)
{
        struct beat beat;
        ssize_t len;

        while ((len = recv(fd, &beat, sizeof(beat), MSG_DONTWAIT)) == sizeof(beat)) {
                uint64_t now = tool_now_ns();

                counts->returned++;
                raise_to(&counts->trip_ns, now - beat.sent_ns);
                if (counts->last_ns)
                        raise_to(&counts->gap_ns, now - counts->last_ns);
                counts->last_ns = now;
        }
        if (len < 0 && errno != EAGAIN && errno != EINTR)
                counts->errors++;
}

/* Receives until the given time. */
static void wait_until(int fd, struct counts *counts, uint64_t then)
{
        for (uint64_t now = tool_now_ns(); now < then; now = tool_now_ns()) {
                struct timespec rest = {.tv_sec = (time_t)((then - now) / TOOL_NS_PER_S),
                                        .tv_nsec = (long)((then - now) % TOOL_NS_PER_S)};
                struct pollfd poll = {.fd = fd, .events = POLLIN};

                if (ppoll(&poll, 1, &rest, NULL) > 0)
                        receive(fd, counts);
        }
}

static void send_one(int fd, struct counts *counts)
{
        struct beat beat = {.number = counts->sent, .sent_ns = tool_now_ns()};

        if (send(fd, &beat, sizeof(beat), 0) == sizeof(beat))
                counts->sent++;
        else if (errno != EINTR)
                counts->errors++;
}

static int pulse(const char *address, const char *port, uint64_t interval_ns)
{
        int fd = tool_connect(address, port);
        struct counts counts = {0};
        uint64_t due = tool_now_ns();

        tool_end_on(SIGTERM);
        tool_end_on(SIGINT);
        while (!tool_is_over) {
                uint64_t now = tool_now_ns();

                raise_to(&counts.stall_ns, now > due ? now - due : 0);
                send_one(fd, &counts);
                due = (now > due + interval_ns ? now : due) + interval_ns;
                wait_until(fd, &counts, due);
        }
        for (int i = 0; i < 100 && counts.returned < counts.sent; i++)
                wait_until(fd, &counts, tool_now_ns() + TOOL_NS_PER_S / 100);
        printf("sent=%" PRIu64 "\nlost=%" PRIu64 "\nerrors=%" PRIu64 "\ngap_us=%" PRIu64
               "\ntrip_us=%" PRIu64 "\nstall_us=%" PRIu64 "\n",
               counts.sent, counts.sent - counts.returned, counts.errors,
               counts.gap_ns / TOOL_NS_PER_US, counts.trip_ns / TOOL_NS_PER_US,
               counts.stall_ns / TOOL_NS_PER_US);
        return 0;
}

int main(int argc, char **argv)
{
        if (argc == 3 && strcmp(argv[1], "echo") == 0)
                echo(argv[2]);
        if (argc == 5 && strcmp(argv[1], "send") == 0 && atoi(argv[4]) > 0)
                return pulse(argv[2], argv[3], strtoull(argv[4], NULL, 10) * TOOL_NS_PER_US);
        fprintf(stderr, "usage: pulse echo PORT | pulse send ADDRESS PORT INTERVAL_US\n");
        return 2;
}
