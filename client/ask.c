/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "client/ask.h"

#include <errno.h>
#include <inttypes.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "client/channel.h"
#include "io/clock.h"
#include "io/unixsock.h"

#define TIMEOUT_NS (TL_ASK_TIMEOUT_S * TL_NS_PER_S)

bool tl_ask_fail(char failure[TL_ASK_FAILURE_MAX], const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        vsnprintf(failure, TL_ASK_FAILURE_MAX, format, arguments);
        va_end(arguments);
        return false;
}

void tl_ask_explain(char failure[TL_ASK_FAILURE_MAX], const char *ifname, int error,
                    uint64_t timeout_ns)
{
        char path[64];

        snprintf(path, sizeof(path), TL_STATUS_DIRECTORY "/%s.sock", ifname);
        switch (error) {
        case -ENOENT:
                if (if_nametoindex(ifname))
                        tl_ask_fail(
                                failure,
                                "%s is not run by tielined: there is no %s; it may be run by the "
                                "kernel or another program, or have been renamed (try `wg show "
                                "%s')",
                                ifname, path, ifname);
                else
                        tl_ask_fail(
                                failure,
                                "there is no interface %s, and no tielined of that name; `wg show "
                                "interfaces' lists all WireGuard interfaces",
                                ifname);
                break;
        case -ECONNREFUSED:
                tl_ask_fail(failure, "nothing listens on %s: its daemon has exited", path);
                break;
        case -EACCES:
        case -EPERM:
                tl_ask_fail(failure, "cannot connect to %s: this needs root", path);
                break;
        case -ETIMEDOUT:
                tl_ask_fail(failure,
                            "the daemon of %s has not answered within %" PRIu64
                            " s: it is stopped or hangs",
                            ifname, timeout_ns / TL_NS_PER_S);
                break;
        case -EPIPE:
        case -ECONNRESET:
                tl_ask_fail(failure,
                            "the daemon of %s closed the connection: it is exiting, or has "
                            "too many clients",
                            ifname);
                break;
        default:
                tl_ask_fail(failure, "cannot query %s: %s", path, strerror(-error));
        }
}

/* Receives a reply. If the daemon closes the connection early, that is its end. Returns the length
 * or -errno. */
static ssize_t receive(struct tl_channel *channel, char reply[TL_STATUS_REPLY_MAX])
{
        size_t len = 0;
        ssize_t got = 0;

        while (got >= 0 && len < TL_STATUS_REPLY_MAX &&
               !tl_status_is_whole((struct tl_text){reply, len})) {
                got = tl_channel_receive(channel, reply + len, TL_STATUS_REPLY_MAX - len);
                if (got > 0)
                        len += (size_t)got;
        }
        return got < 0 && !(got == -EPIPE && len) ? got : (ssize_t)len;
}

/* Sends the request and receives the reply. Returns the same. */
static ssize_t request(const char *ifname, char reply[TL_STATUS_REPLY_MAX])
{
        struct tl_channel channel;
        ssize_t result = tl_channel_open(&channel, TL_STATUS_DIRECTORY, ifname, TIMEOUT_NS);

        if (!result)
                result = tl_channel_send(&channel, TL_STATUS_REQUEST, strlen(TL_STATUS_REQUEST));
        if (!result)
                result = receive(&channel, reply);
        tl_channel_close(&channel);
        return result;
}

bool tl_ask_status(struct tl_ask *ask, const char *ifname)
{
        struct tl_conf_error error;
        ssize_t len = request(ifname, ask->reply);

        if (len < 0) {
                tl_ask_explain(ask->failure, ifname, (int)len, TIMEOUT_NS);
                return false;
        }
        if (!tl_status_read(&ask->status, (struct tl_text){ask->reply, (size_t)len}, &error))
                return tl_ask_fail(ask->failure,
                                   "the reply from %s is not a valid status: line %" PRIu32
                                   ": %s; is it another version of tielined?",
                                   ifname, error.line, error.message);
        if (ask->status.errnum)
                return tl_ask_fail(ask->failure, "the daemon of %s refused: %s", ifname,
                                   strerror(ask->status.errnum));
        return true;
}
