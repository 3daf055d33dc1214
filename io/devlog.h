/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * devlog.h - sends to the system's log without ever blocking, and without a new socket for it.
 *
 * libc's syslog(3) makes a new socket when syslogd was restarted, which a confined process may
 * not, and waits while syslogd does not read. Here one datagram socket, made at the start, is
 * connected to nobody: each message names /dev/log, so it reaches whichever socket lies there at
 * that moment. A syslogd that listens on a stream, or that only root may reach, takes a
 * connection that somebody else makes.
 * Threads: one at a time; the caller holds a lock. Source: RFC 3164, unix(7). */
#ifndef IO_DEVLOG_H
#define IO_DEVLOG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

#define TL_DEVLOG_PATH "/dev/log"

struct tl_devlog {
        int fd;         /* names the receiver with each message; -1: closed */
        int connection; /* made by somebody else; -1: none */
        bool is_stream; /* the connection is: each message ends with a zero byte */
        bool wants_connection;
        size_t sent; /* bytes of a message that a stream took in part */
};

/* Makes the socket. Nobody need listen yet. Returns 0 or -errno. */
int tl_devlog_open(struct tl_devlog *syslog) WG_MUST_USE;

/* Releases. Takes one whose open failed. */
void tl_devlog_close(struct tl_devlog *syslog);

/* Sends one message of len bytes behind which there is a zero byte. Returns 0; -EAGAIN: syslogd
 * does not read; or another -errno: there is none, or it went. Then try the same message again
 * later. */
int tl_devlog_send(struct tl_devlog *syslog, const char *message, size_t len) WG_MUST_USE;

/* Makes a connection, for wants_connection. Does not block. Returns a descriptor or -errno. */
int tl_devlog_connect(void) WG_MUST_USE;

/* Takes such a connection over. */
void tl_devlog_adopt(struct tl_devlog *syslog, int connection);

#endif
