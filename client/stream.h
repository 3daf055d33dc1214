/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * stream.h - runs operations of the control protocol on a running tielined, and reads the replies
 * block by block.
 * Threads: any, each with its own struct. */
#ifndef CLIENT_STREAM_H
#define CLIENT_STREAM_H

#include "client/ask.h"
#include "client/channel.h"
#include "conf/control.h"

struct tl_stream {
        char failure[TL_ASK_FAILURE_MAX]; /* why it failed: a line for the user, terminated */
        struct tl_control_block block;    /* valid until the next call */

        const char *ifname; /* borrowed */
        struct tl_channel channel;
        size_t used, len; /* of the buffer: the block, and all bytes received */
        char buffer[TL_CONTROL_BLOCK_MAX];
};

#define TL_STREAM_STEPS(X) \
        X(TL_STREAM_BLOCK, 0, block, "there is a block") \
        X(TL_STREAM_OVER, 1, over, "the reply was complete") \
        X(TL_STREAM_FAILED, 2, failed, "the reply failed or ended early")
WG_ENUM_DECLARE(tl_stream_step, TL_STREAM_STEPS)

/* Requests an operation, and reads the first block of the reply into stream->block. If that fails,
 * returns false, and stream->failure says why, for example what an older daemon lacks. */
bool tl_stream_open(struct tl_stream *stream, const char *ifname,
                    const struct tl_control_request *request) WG_MUST_USE;

/* Waits for the next block, and skips idle ones. If the daemon does not even send those in time,
 * the stream fails. */
enum tl_stream_step tl_stream_next(struct tl_stream *stream) WG_MUST_USE;

/* Closes the connection. Accepts a stream that failed to open. */
void tl_stream_close(struct tl_stream *stream);

#endif
