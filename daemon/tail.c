/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "daemon/tail.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "client/stream.h"
#include "io/fail.h"

/* Whether a key has a fixed place in a line for people. */
static bool has_place(struct tl_text key)
{
        static const char *const keys[] = {"lost", "event", "time_us", "text", "peer", "endpoint"};

        for (size_t i = 0; i < WG_ARRAY_SIZE(keys); i++)
                if (tl_text_is(key, keys[i]))
                        return true;
        return false;
}

static void print_time(const struct tl_control_block *block)
{
        uint64_t time_us;
        struct tm local;
        char text[32];
        time_t time_s;

        if (!tl_text_to_number64(tl_control_find(block, "time_us"), &time_us))
                return;
        time_s = (time_t)(time_us / 1000000);
        if (localtime_r(&time_s, &local) && strftime(text, sizeof(text), "%F %T", &local))
                printf("%s.%03d ", text, (int)(time_us / 1000 % 1000));
}

/* Prints an event as the log does, followed by its other values. */
static void print_for_people(const struct tl_control_block *block)
{
        struct tl_text lost = tl_control_find(block, "lost"), peer = tl_control_find(block, "peer"),
                       text = tl_control_find(block, "text"),
                       endpoint = tl_control_find(block, "endpoint");

        if (lost.len)
                printf("(%.*s events lost)\n", (int)lost.len, lost.at);
        print_time(block);
        if (peer.len)
                printf("peer %.*s: ", (int)peer.len, peer.at);
        printf("%.*s", (int)text.len, text.at);
        if (endpoint.len)
                printf(" (%.*s)", (int)endpoint.len, endpoint.at);
        for (size_t i = 0; i < block->count; i++)
                if (!has_place(block->pairs[i].key))
                        printf(", %.*s=%.*s", (int)block->pairs[i].key.len, block->pairs[i].key.at,
                               (int)block->pairs[i].value.len, block->pairs[i].value.at);
        printf("\n");
}

static bool print(const struct tl_control_block *block, enum tl_stat_view view)
{
        char json[TL_CONTROL_JSON_MAX] = "";

        if (view == TL_STAT_JSON) {
                tl_control_as_json(block, json);
                fputs(json, stdout);
        } else {
                print_for_people(block);
        }
        return fflush(stdout) == 0 || tl_fail("cannot write: %s", strerror(errno));
}

int tl_tail(const struct tl_options *options)
{
        struct tl_control_request request = {.operation = TL_CONTROL_EVENTS};
        enum tl_stream_step step = TL_STREAM_FAILED;
        static struct tl_stream stream;

        if (options->has_peer) {
                request.options = TL_CONTROL_OPTION_PEER;
                memcpy(request.peer, options->peer, sizeof(request.peer));
        }
        if (tl_stream_open(&stream, options->name, &request))
                while ((step = tl_stream_next(&stream)) == TL_STREAM_BLOCK)
                        if (!print(&stream.block, options->view))
                                return TL_EXIT_FAILED;
        if (step == TL_STREAM_FAILED)
                tl_fail("%s", stream.failure);
        tl_stream_close(&stream);
        return step == TL_STREAM_OVER ? TL_EXIT_OK : TL_EXIT_FAILED;
}
