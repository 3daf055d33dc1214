/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "test/lib/tool.h"

#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

volatile sig_atomic_t tool_is_over;

uint64_t tool_number(const char *what, const char *text, uint64_t least, uint64_t greatest)
{
        char *rest;
        unsigned long long value;

        errno = 0;
        value = strtoull(text, &rest, 10);
        if (errno || rest == text || *rest || value < least || value > greatest)
                errx(2, "%s `%s': expected a number from %" PRIu64 " to %" PRIu64, what, text,
                     least, greatest);
        return value;
}

uint64_t tool_now_ns(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * TOOL_NS_PER_S + (uint64_t)now.tv_nsec;
}

void tool_sleep_until(uint64_t due_ns)
{
        const struct timespec due = {.tv_sec = (time_t)(due_ns / TOOL_NS_PER_S),
                                     .tv_nsec = (long)(due_ns % TOOL_NS_PER_S)};

        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL) == EINTR &&
               !tool_is_over)
                continue;
}

uint64_t tool_random(uint64_t *state)
{
        uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

        z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
        return z ^ z >> 31;
}

static int open_socket(const char *address, const char *port, bool listens)
{
        const struct addrinfo hints = {
                .ai_family = address ? AF_UNSPEC : AF_INET6,
                .ai_socktype = SOCK_DGRAM,
                .ai_flags = AI_NUMERICSERV | (address ? AI_NUMERICHOST : AI_PASSIVE),
        };
        struct addrinfo *found;
        int error = getaddrinfo(address, port, &hints, &found), fd;

        if (!address)
                address = "any";
        if (error)
                errx(2, "%s port %s: %s", address, port, gai_strerror(error));
        fd = socket(found->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd < 0 || (listens ? bind : connect)(fd, found->ai_addr, found->ai_addrlen))
                err(2, "%s port %s", address, port);
        freeaddrinfo(found);
        return fd;
}

int tool_connect(const char *address, const char *port)
{
        return open_socket(address, port, false);
}

int tool_bind(const char *address, const char *port)
{
        return open_socket(address, port, true);
}

static void end(int signal)
{
        (void)signal;
        tool_is_over = 1;
}

void tool_end_on(int signal)
{
        const struct sigaction action = {.sa_handler = end}; /* without SA_RESTART */

        sigaction(signal, &action, NULL);
}

void tool_ready(void)
{
        puts("ready");
        fflush(stdout);
}
