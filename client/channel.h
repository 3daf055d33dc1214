/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * channel.h - a connection to the running tielined of an interface.
 *
 * Every step has a deadline, so that a daemon that is stopped or hangs does not block its clients.
 * Threads: one owner at a time. */
#ifndef CLIENT_CHANNEL_H
#define CLIENT_CHANNEL_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/attr.h"

struct tl_channel {
        int fd;
        uint64_t timeout_ns;
        uint64_t until_ns; /* when the next step fails, in the time of tl_clock_boot_ns() */
};

/* Connects to DIRECTORY/IFNAME.sock. From now on, a step fails if nothing was sent or received for
 * `timeout_ns`. Returns 0; -ENOENT: there is no such socket; -ECONNREFUSED: no process listens;
 * -ETIMEDOUT: too many clients wait to be accepted; or another -errno. */
int tl_channel_open(struct tl_channel *channel, const char *directory, const char *ifname,
                    uint64_t timeout_ns) WG_MUST_USE;

/* Accepts a channel that failed to open. */
void tl_channel_close(struct tl_channel *channel);

/* Sends all bytes. Returns 0, -ETIMEDOUT or another -errno. */
int tl_channel_send(struct tl_channel *channel, const char *bytes, size_t len) WG_MUST_USE;

/* Receives at least one byte. Returns how many; -EPIPE: the daemon closed the connection;
 * -ETIMEDOUT; or another -errno. */
ssize_t tl_channel_receive(struct tl_channel *channel, char *bytes, size_t size) WG_MUST_USE;

/* Changes the timeout, and restarts it. */
void tl_channel_set_timeout(struct tl_channel *channel, uint64_t timeout_ns);

/* Gives the next step more time. */
void tl_channel_allow(struct tl_channel *channel, uint64_t more_ns);

/* The text of an -errno from these functions. */
const char *tl_channel_error(int error) WG_MUST_USE;

#endif
