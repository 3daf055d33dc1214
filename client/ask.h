/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * ask.h - reads the status of a running tielined from its status socket.
 * Threads: any, each with its own struct. */
#ifndef CLIENT_ASK_H
#define CLIENT_ASK_H

#include "conf/status.h"

/* After this many seconds of silence, a daemon does not answer. */
enum { TL_ASK_TIMEOUT_S = 5, TL_ASK_FAILURE_MAX = 320 };

struct tl_ask {
        char failure[TL_ASK_FAILURE_MAX]; /* why it failed: a line for the user, terminated */
        struct tl_status status;          /* points into the reply */
        char reply[TL_STATUS_REPLY_MAX];
};

/* Reads the status of an interface into ask->status. If that fails, returns false, and ask->failure
 * says why. */
bool tl_ask_status(struct tl_ask *ask, const char *ifname) WG_MUST_USE;

/* Writes a line to a failure, cut if it is too long. Returns false. */
WG_PRINTF(2, 3) bool tl_ask_fail(char failure[TL_ASK_FAILURE_MAX], const char *format, ...);

/* Writes a line that explains an -errno that client/channel.h returned on the status socket.
 * timeout_ns is that of the channel. */
void tl_ask_explain(char failure[TL_ASK_FAILURE_MAX], const char *ifname, int error,
                    uint64_t timeout_ns);

#endif
