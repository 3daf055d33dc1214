/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * blast - sends numbered datagrams of mixed sizes at a fixed rate, and checks those that arrive.
 *
 * The size and content of datagram n depend only on n and the seed, so the receiver needs nothing
 * but the seed. A datagram is its number (8 bytes, big endian) followed by pseudo-random bytes. The
 * receiver prints "ready", ends once all datagrams have arrived or after --idle without one, and
 * prints its counts as name=value. Its exit status is 1 if a datagram was altered, arrived twice or
 * was never sent; lost and late datagrams are only counted.
 *
 * Threads: one. */
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/bytes.h"
#include "test/lib/tool.h"

enum {
        LENGTH_MIN = 8,
        LENGTH_SMALL = 200, /* three in four datagrams are at most this long */
        LENGTH_MAX = 1372,  /* the longest that fits an MTU of 1420 over IPv6 */
        BATCH = 32,         /* datagrams per system call */
        BUFFER = 16 << 20,  /* bytes of the receive buffer */
};

struct options {
        const char *address, *port;
        uint64_t count;
        uint64_t rate; /* datagrams per second */
        uint64_t seed;
        int idle_ms;
};

/* Writes datagram n, at most LENGTH_MAX + 8 bytes; returns its length, at most LENGTH_MAX. */
static size_t datagram_make(uint8_t *out, uint64_t seed, uint64_t n)
{
        uint64_t state = seed ^ n * UINT64_C(0xd6e8feb86659fd93);
        uint64_t choice = tool_random(&state);
        uint64_t greatest = choice % 4 ? LENGTH_SMALL : LENGTH_MAX;
        size_t length = (size_t)(LENGTH_MIN + (choice >> 2) % (greatest - LENGTH_MIN + 1));

        wg_be64_store(out, n);
        for (size_t at = 8; at < length; at += 8)
                wg_be64_store(out + at, tool_random(&state));
        return length;
}

static void batch_send(int fd, uint64_t seed, uint64_t first, unsigned count)
{
        static uint8_t buffers[BATCH][LENGTH_MAX + 8];
        struct mmsghdr messages[BATCH] = {0};
        struct iovec vectors[BATCH];

        for (unsigned i = 0; i < count; i++) {
                vectors[i] = (struct iovec){buffers[i], datagram_make(buffers[i], seed, first + i)};
                messages[i].msg_hdr.msg_iov = &vectors[i];
                messages[i].msg_hdr.msg_iovlen = 1;
        }
        for (unsigned at = 0; at < count;) {
                int sent = sendmmsg(fd, messages + at, count - at, 0);

                if (sent > 0)
                        at += (unsigned)sent;
                else if (errno != ENOBUFS && errno != EINTR && errno != ECONNREFUSED)
                        err(2, "send");
        }
}

static int send_all(const struct options *o)
{
        int fd = tool_connect(o->address, o->port);
        uint64_t begun_ns = tool_now_ns();

        for (uint64_t n = 0; n < o->count; n += BATCH) {
                uint64_t left = o->count - n;

                tool_sleep_until(begun_ns + n * TOOL_NS_PER_S / o->rate);
                batch_send(fd, o->seed, n, left < BATCH ? (unsigned)left : BATCH);
        }
        return 0;
}

struct tally {
        uint8_t *seen;     /* one byte per datagram */
        uint64_t next;     /* 1 + the greatest number received */
        uint64_t received; /* intact datagrams; the others are counted below */
        uint64_t late;     /* intact datagrams that arrived after a greater number */
        uint64_t altered, repeated, foreign;
};

static void tally_take(struct tally *t, const struct options *o, const uint8_t *bytes,
                       size_t length)
{
        uint8_t expected[LENGTH_MAX + 8];
        uint64_t n = length >= 8 ? wg_be64_load(bytes) : UINT64_MAX;

        if (n >= o->count) {
                t->foreign++;
                return;
        }
        if (length != datagram_make(expected, o->seed, n) || memcmp(bytes, expected, length)) {
                t->altered++;
                return;
        }
        if (t->seen[n]) {
                t->repeated++;
                return;
        }
        t->seen[n] = 1;
        t->received++;
        if (n < t->next)
                t->late++;
        else
                t->next = n + 1;
}

static int receive_all(const struct options *o)
{
        static uint8_t buffers[BATCH][2048];
        struct tally t = {.seen = calloc(o->count, 1)};
        struct mmsghdr messages[BATCH] = {0};
        struct iovec vectors[BATCH];
        int fd = tool_bind(o->address, o->port), size = BUFFER;
        struct pollfd polled = {fd, POLLIN, 0};

        if (!t.seen)
                errx(2, "out of memory");
        if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
                err(2, "receive buffer");
        for (int i = 0; i < BATCH; i++) {
                vectors[i] = (struct iovec){buffers[i], sizeof(buffers[i])};
                messages[i].msg_hdr.msg_iov = &vectors[i];
                messages[i].msg_hdr.msg_iovlen = 1;
        }
        tool_ready();
        while (t.received < o->count && poll(&polled, 1, o->idle_ms) > 0) {
                int n = recvmmsg(fd, messages, BATCH, MSG_DONTWAIT, NULL);

                for (int i = 0; i < n; i++)
                        tally_take(&t, o, buffers[i], messages[i].msg_len);
        }
        printf("received=%" PRIu64 " late=%" PRIu64 " altered=%" PRIu64 " repeated=%" PRIu64
               " foreign=%" PRIu64 "\n",
               t.received, t.late, t.altered, t.repeated, t.foreign);
        free(t.seen);
        return t.altered || t.repeated || t.foreign;
}

static const char usage[] =
        "usage: blast send|receive [options] ADDRESS PORT\n"
        "  --count N   number of datagrams (default 1000)\n"
        "  --rate N    datagrams to send per second (default 10000)\n"
        "  --seed N    seed of sizes and contents (default 1)\n"
        "  --idle MS   the receiver ends after this long without a datagram (default 10000)\n";

int main(int argc, char **argv)
{
        static const struct option known[] = {
                {"count", required_argument, NULL, 'c'},
                {"rate", required_argument, NULL, 'r'},
                {"seed", required_argument, NULL, 's'},
                {"idle", required_argument, NULL, 'i'},
                {NULL, 0, NULL, 0},
        };
        struct options o = {.count = 1000, .rate = 10000, .seed = 1, .idle_ms = 10000};
        int letter, at = 0;

        while ((letter = getopt_long(argc, argv, "", known, &at)) != -1) {
                const char *name = known[at].name;

                switch (letter) {
                case 'c':
                        o.count = tool_number(name, optarg, 1, UINT32_MAX);
                        break;
                case 'r':
                        o.rate = tool_number(name, optarg, 1, TOOL_NS_PER_S);
                        break;
                case 's':
                        o.seed = tool_number(name, optarg, 1, UINT64_MAX);
                        break;
                case 'i':
                        o.idle_ms = (int)tool_number(name, optarg, 1, INT32_MAX);
                        break;
                default:
                        fputs(usage, stderr);
                        return 2;
                }
        }
        if (argc - optind == 3) {
                o.address = argv[optind + 1];
                o.port = argv[optind + 2];
                if (strcmp(argv[optind], "send") == 0)
                        return send_all(&o);
                if (strcmp(argv[optind], "receive") == 0)
                        return receive_all(&o);
        }
        fputs(usage, stderr);
        return 2;
}
