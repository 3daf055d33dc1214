/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * devlog.h - sends to the system log without blocking and without opening new sockets.
 *
 * syslog(3) of libc opens a new socket after syslogd restarts, which a confined process must not
 * do, and blocks while syslogd does not read. Here one datagram socket, opened at startup, stays
 * unconnected: each message is addressed to /dev/log and reaches the socket that has this name at
 * that moment. A syslogd that listens on a stream, or only for root, needs a connection that
 * another process makes.
 * Threads: one at a time; the caller holds a lock. Source: RFC 3164, unix(7). */
#ifndef IO_DEVLOG_H
#define IO_DEVLOG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

#define TL_DEVLOG_PATH "/dev/log"

struct tl_devlog {
        int fd;         /* addresses each message to /dev/log; -1: closed */
        int connection; /* made by another process; -1: none */
        bool is_stream; /* the connection is a stream: each message ends with a zero byte */
        bool wants_connection;
        size_t sent; /* bytes of an unfinished message that a stream has accepted */
};

/* Opens the socket. syslogd need not be running. Returns 0 or -errno. */
int tl_devlog_open(struct tl_devlog *syslog) WG_MUST_USE;

/* Closes both descriptors. Accepts an object whose open failed. */
void tl_devlog_close(struct tl_devlog *syslog);

/* Sends one message of len bytes, which has a zero byte after it in memory. Returns 0; -EAGAIN:
 * syslogd does not read; or another -errno: there is no syslogd. After an error, try the same
 * message again later. */
int tl_devlog_send(struct tl_devlog *syslog, const char *message, size_t len) WG_MUST_USE;

/* Connects to /dev/log, on behalf of a process that wants_connection. Does not block. Returns a
 * descriptor or -errno. */
int tl_devlog_connect(void) WG_MUST_USE;

/* Takes ownership of that connection. */
void tl_devlog_adopt(struct tl_devlog *syslog, int connection);

#endif
