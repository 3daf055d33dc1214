/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * tool.h - functions that the small programs of test/netns and bench share: numbers from the
 * command line, a clock, random numbers, UDP sockets, and termination by a signal. A function that
 * fails ends the program with status 2.
 * Threads: one. */
#ifndef TEST_LIB_TOOL_H
#define TEST_LIB_TOOL_H

#include <signal.h>
#include <stdint.h>

#define TOOL_NS_PER_S UINT64_C(1000000000)
#define TOOL_NS_PER_MS UINT64_C(1000000)
#define TOOL_NS_PER_US UINT64_C(1000)

/* Reads a decimal number from `least` to `greatest`. `what` names it in the error message. */
uint64_t tool_number(const char *what, const char *text, uint64_t least, uint64_t greatest);

/* CLOCK_MONOTONIC in nanoseconds. */
uint64_t tool_now_ns(void);

/* Sleeps until tool_now_ns() reaches `due_ns`, or tool_is_over is set. */
void tool_sleep_until(uint64_t due_ns);

/* splitmix64: returns the next number and moves the state, which may begin at any seed. */
uint64_t tool_random(uint64_t *state);

/* A UDP socket connected to a numeric address and port. */
int tool_connect(const char *address, const char *port);

/* A UDP socket bound to a numeric address, or any address if NULL, and a port. */
int tool_bind(const char *address, const char *port);

/* Set once a signal given to tool_end_on() has arrived, which also interrupts a system call. */
extern volatile sig_atomic_t tool_is_over;
void tool_end_on(int signal);

/* Prints the line "ready" to standard output, and flushes it. */
void tool_ready(void);

#endif
