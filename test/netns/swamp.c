/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * swamp - floods an address with datagrams until it is terminated.
 *
 *     swamp [options] ADDRESS PORT
 *       --length N      bytes per datagram (default 1392)
 *       --segments N    datagrams per send, as one UDP_SEGMENT piece (default 1)
 *       --rate N        maximum datagrams per second (default: no limit)
 *       --initiations   send handshake initiations with a wrong mac1 instead of zeros
 *
 * Prints "ready" before the first datagram and, after SIGTERM, the number sent. Waits while a queue
 * is full.
 * Threads: one. */
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/attr.h"
#include "test/lib/tool.h"

enum {
        PIECE_MAX = 65000,
        SEGMENTS_MAX = 64,
        INITIATION = 1, /* the message type, in the first byte */
        INITIATION_LEN = 148,
        PAUSE_NS = 50000, /* after a full queue */
        BATCH = 32,       /* pieces between checks of the clock */
};

struct options {
        uint64_t length, segments, rate;
        bool initiations;
        const char *address, *port;
};

static int open_socket(const struct options *o)
{
        int segment = (int)o->length, fd = tool_connect(o->address, o->port);

        if (o->segments > 1 && setsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &segment, sizeof(segment)))
                err(2, "UDP_SEGMENT");
        return fd;
}

static size_t make_piece(const struct options *o, uint8_t piece[PIECE_MAX])
{
        memset(piece, 0, PIECE_MAX);
        for (size_t i = 0; o->initiations && i < o->segments; i++)
                piece[i * o->length] = INITIATION;
        return (size_t)(o->segments * o->length);
}

static uint64_t flood(const struct options *o, int fd)
{
        static uint8_t piece[PIECE_MAX];
        size_t len = make_piece(o, piece);
        uint64_t begun_ns = tool_now_ns(), sent = 0;

        while (!tool_is_over) {
                uint64_t due_ns = o->rate ? begun_ns + sent * TOOL_NS_PER_S / o->rate : 0;
                uint64_t time_ns = due_ns ? tool_now_ns() : 0;

                if (due_ns > time_ns)
                        tool_sleep_until(due_ns);
                for (int i = 0; i < BATCH && !tool_is_over; i++) {
                        /* ICMP errors caused by the flood do not matter. */
                        if (send(fd, piece, len, 0) >= 0)
                                sent += o->segments;
                        else if (errno == ENOBUFS || errno == EAGAIN)
                                tool_sleep_until(tool_now_ns() + PAUSE_NS);
                        else if (errno != EINTR && errno != ECONNREFUSED && errno != ENETDOWN &&
                                 errno != ENETUNREACH && errno != EHOSTUNREACH)
                                err(2, "send");
                        else if (errno != ECONNREFUSED)
                                tool_sleep_until(tool_now_ns() + PAUSE_NS);
                }
        }
        return sent;
}

static void parse(struct options *o, int argc, char **argv)
{
        static const struct option known[] = {
                {"length", required_argument, NULL, 'l'},
                {"segments", required_argument, NULL, 's'},
                {"rate", required_argument, NULL, 'r'},
                {"initiations", no_argument, NULL, 'i'},
                {NULL, 0, NULL, 0},
        };
        int letter;

        while ((letter = getopt_long(argc, argv, "", known, NULL)) != -1) {
                if (letter == 'l')
                        o->length = tool_number("length", optarg, 1, PIECE_MAX);
                else if (letter == 's')
                        o->segments = tool_number("segments", optarg, 1, SEGMENTS_MAX);
                else if (letter == 'r')
                        o->rate = tool_number("rate", optarg, 1, TOOL_NS_PER_S);
                else if (letter == 'i')
                        o->initiations = true;
                else
                        exit(2);
        }
        if (o->initiations)
                o->length = INITIATION_LEN;
        if (argc - optind != 2 || o->length * o->segments > PIECE_MAX)
                errx(2,
                     "usage: swamp [--length N] [--segments N] [--rate N] [--initiations] "
                     "ADDRESS PORT; a piece has at most %d bytes",
                     PIECE_MAX);
        o->address = argv[optind];
        o->port = argv[optind + 1];
}

int main(int argc, char **argv)
{
        struct options o = {.length = 1392, .segments = 1};
        int fd;

        parse(&o, argc, argv);
        tool_end_on(SIGTERM);
        fd = open_socket(&o);
        tool_ready();
        printf("sent=%" PRIu64 "\n", flood(&o, fd));
        return 0;
}
