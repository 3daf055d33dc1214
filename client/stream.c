/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "client/stream.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "io/clock.h"
#include "io/unixsock.h"

WG_ENUM_DEFINE(tl_stream_step, TL_STREAM_STEPS)

static bool fail_to_ask(struct tl_stream *stream, int error)
{
        tl_ask_explain(stream->failure, stream->ifname, error, stream->channel.timeout_ns);
        return false;
}

/* Reads the next block of any kind. */
static bool read_block(struct tl_stream *stream)
{
        struct tl_conf_error error;
        struct tl_text rest;
        size_t len;

        stream->len -= stream->used;
        memmove(stream->buffer, stream->buffer + stream->used, stream->len);
        stream->used = 0;
        while (!(len = tl_control_block_len((struct tl_text){stream->buffer, stream->len}))) {
                ssize_t got;

                if (stream->len == sizeof(stream->buffer))
                        return tl_ask_fail(stream->failure, "the reply from %s is too long",
                                           stream->ifname);
                got = tl_channel_receive(&stream->channel, stream->buffer + stream->len,
                                         sizeof(stream->buffer) - stream->len);
                if (got < 0)
                        return fail_to_ask(stream, (int)got);
                stream->len += (size_t)got;
        }
        stream->used = len;
        rest = (struct tl_text){stream->buffer, len};
        return tl_control_read_block(&stream->block, rest, &error) ||
               tl_ask_fail(stream->failure,
                           "cannot understand the reply from %s: line %" PRIu32 ": %s",
                           stream->ifname, error.line, error.message);
}

static bool request_block(struct tl_stream *stream, const struct tl_control_request *request)
{
        char text[TL_CONTROL_REQUEST_MAX];
        size_t len = tl_control_format_request(request, text);
        int error = tl_channel_send(&stream->channel, text, len);

        return error ? fail_to_ask(stream, error) : read_block(stream);
}

/* The daemon lacks the operation or an option. Says which operations it has. */
static bool fail_unknown(struct tl_stream *stream, const struct tl_control_request *request)
{
        const struct tl_control_request describe = {.operation = TL_CONTROL_DESCRIBE};
        const char *name = tl_control_operation_name(request->operation);
        struct tl_text daemon, operations;

        if (!request_block(stream, &describe) || stream->block.errnum)
                return tl_ask_fail(stream->failure,
                                   "the daemon of %s lacks `%s', or one of its options",
                                   stream->ifname, name);
        daemon = tl_control_find(&stream->block, "daemon");
        operations = tl_control_find(&stream->block, "operations");
        return tl_ask_fail(
                stream->failure,
                "the daemon of %s lacks `%s', or one of its options: it is version %.*s, "
                "and has %.*s",
                stream->ifname, name, (int)daemon.len, daemon.at, (int)operations.len,
                operations.at);
}

/* Whether the first block begins a reply that we understand. */
static bool check_first(struct tl_stream *stream, const struct tl_control_request *request)
{
        struct tl_text version = tl_control_find(&stream->block, "control");
        struct tl_text why = tl_control_find(&stream->block, "error");
        uint64_t number;

        if (!version.len)
                return tl_ask_fail(stream->failure,
                                   "the daemon of %s is older than this one, and lacks `%s'",
                                   stream->ifname, tl_control_operation_name(request->operation));
        if (!tl_text_to_number64(version, &number) || number != TL_CONTROL_VERSION)
                return tl_ask_fail(stream->failure,
                                   "the daemon of %s speaks version %.*s of the control "
                                   "protocol, this program version %d",
                                   stream->ifname, (int)version.len, version.at,
                                   TL_CONTROL_VERSION);
        if (stream->block.errnum == EOPNOTSUPP)
                return fail_unknown(stream, request);
        if (stream->block.errnum)
                return tl_ask_fail(stream->failure, "the daemon of %s refused: %.*s (%s)",
                                   stream->ifname, (int)why.len, why.at,
                                   strerror(stream->block.errnum));
        return true;
}

/* From now on, the daemon sends at least a block every idle_s seconds. */
static void take_promise(struct tl_stream *stream)
{
        uint32_t idle_s;

        if (tl_text_to_number(tl_control_find(&stream->block, "idle_s"), 86400, &idle_s))
                tl_channel_set_timeout(&stream->channel, (TL_ASK_TIMEOUT_S + idle_s) * TL_NS_PER_S);
}

bool tl_stream_open(struct tl_stream *stream, const char *ifname,
                    const struct tl_control_request *request)
{
        int error = tl_channel_open(&stream->channel, TL_STATUS_DIRECTORY, ifname,
                                    TL_ASK_TIMEOUT_S * TL_NS_PER_S);

        stream->ifname = ifname;
        stream->used = stream->len = 0;
        if (error)
                return fail_to_ask(stream, error);
        if (!request_block(stream, request) || !check_first(stream, request))
                return false;
        take_promise(stream);
        return true;
}

enum tl_stream_step tl_stream_next(struct tl_stream *stream)
{
        do {
                if (stream->block.is_last)
                        return TL_STREAM_OVER;
                if (!read_block(stream))
                        return TL_STREAM_FAILED;
        } while (stream->block.count == 1 && tl_control_find(&stream->block, "idle").len);
        if (!stream->block.is_last || (stream->block.count && !stream->block.errnum))
                return TL_STREAM_BLOCK;
        if (!stream->block.errnum)
                return TL_STREAM_OVER;
        (void)!tl_ask_fail(stream->failure, "the daemon of %s ended the reply: %s", stream->ifname,
                           strerror(stream->block.errnum));
        return TL_STREAM_FAILED;
}

void tl_stream_close(struct tl_stream *stream)
{
        tl_channel_close(&stream->channel);
}
