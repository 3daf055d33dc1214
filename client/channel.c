/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "client/channel.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "io/clock.h"
#include "io/unixsock.h"

static void restart_clock(struct tl_channel *channel)
{
        channel->until_ns = tl_clock_boot_ns() + channel->timeout_ns;
}

int tl_channel_open(struct tl_channel *channel, const char *directory, const char *ifname,
                    uint64_t timeout_ns)
{
        channel->timeout_ns = timeout_ns;
        restart_clock(channel);
        channel->fd = tl_unixsock_connect(directory, ifname, channel->until_ns);
        return WG_MIN(channel->fd, 0);
}

void tl_channel_close(struct tl_channel *channel)
{
        if (channel->fd >= 0)
                close(channel->fd);
        channel->fd = -1;
}

int tl_channel_send(struct tl_channel *channel, const char *bytes, size_t len)
{
        while (len) {
                ssize_t sent = tl_unixsock_send(channel->fd, bytes, len, channel->until_ns);

                if (sent < 0)
                        return (int)sent;
                bytes += sent;
                len -= (size_t)sent;
                restart_clock(channel);
        }
        return 0;
}

ssize_t tl_channel_receive(struct tl_channel *channel, char *bytes, size_t size)
{
        ssize_t got = tl_unixsock_receive(channel->fd, bytes, size, channel->until_ns);

        if (got > 0)
                restart_clock(channel);
        return got == 0 ? -EPIPE : got;
}

void tl_channel_set_timeout(struct tl_channel *channel, uint64_t timeout_ns)
{
        channel->timeout_ns = timeout_ns;
        restart_clock(channel);
}

void tl_channel_allow(struct tl_channel *channel, uint64_t more_ns)
{
        channel->until_ns += more_ns;
}

const char *tl_channel_error(int error)
{
        switch (error) {
        case -ETIMEDOUT:
                return "its daemon does not answer: it is stopped or hangs";
        case -EPIPE:
        case -ECONNRESET:
                return "its daemon closed the connection";
        default:
                return strerror(-error);
        }
}
