/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * badlink - joins two interfaces like a cable that loses, repeats, delays and reorders frames.
 *
 *        a                     between                      b
 *   eth0 ------ veth ------ IF1 [badlink] IF2 ------ veth ------ eth0
 *
 * It replaces tc-netem(8) on kernels without it. Each frame that arrives on one interface leaves by
 * the other, subject to the options, which apply to both directions. Random choices come from a
 * seeded generator, so the same seed and order of arrival give the same outcome.
 *
 * badlink prints "ready" once it carries frames. SIGINT or SIGTERM ends it; it then prints a line
 * of counts per direction. The interfaces at the far ends must have their offloads turned off:
 * otherwise the raw sockets see frames longer than the MTU, with incomplete checksums.
 *
 * Threads: one. */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "test/lib/tool.h"

enum {
        FRAME_MAX = 65536 + 64,
        BATCH = 64,         /* frames per system call */
        HELD_MAX = 1 << 16, /* frames in flight, both directions together */
        BUFFER = 8 << 20,   /* bytes of each socket's receive and send buffer */
};

struct options {
        double loss; /* shares of the frames, 0 to 1 */
        double duplicate;
        double reorder;
        uint64_t delay_ns; /* of every frame */
        uint64_t hold_ns;  /* additional, for a reordered frame */
        size_t limit;      /* longest frame carried, including the Ethernet header; 0: no limit */
        uint64_t seed;
};

struct counts {
        uint64_t in, lost, duplicated, reordered, too_long, overflown, out;
};

struct end {
        int fd;
        const char *name;
        struct counts counts; /* of the frames that arrived here */
};

/* A frame in flight. Frames are ordered by due time, then by arrival. */
struct frame {
        uint64_t due_ns;
        uint64_t number;
        struct end *from;
        struct end *to;
        size_t length;
        uint8_t bytes[];
};

struct cable {
        struct options options;
        struct end ends[2];
        uint64_t random;
        uint64_t next_number;
        struct frame *heap[HELD_MAX]; /* a binary heap; index 0 is due first */
        size_t held;
};

static bool chance(struct cable *c, double share)
{
        return (double)(tool_random(&c->random) >> 11) * 0x1p-53 < share;
}

static bool is_before(const struct frame *x, const struct frame *y)
{
        return x->due_ns != y->due_ns ? x->due_ns < y->due_ns : x->number < y->number;
}

static void heap_push(struct cable *c, struct frame *f)
{
        size_t at = c->held++;

        for (; at > 0 && is_before(f, c->heap[(at - 1) / 2]); at = (at - 1) / 2)
                c->heap[at] = c->heap[(at - 1) / 2];
        c->heap[at] = f;
}

static struct frame *heap_pop(struct cable *c)
{
        struct frame *first = c->heap[0];
        struct frame *last = c->heap[--c->held];
        size_t at = 0;

        for (size_t child; (child = 2 * at + 1) < c->held; at = child) {
                if (child + 1 < c->held && is_before(c->heap[child + 1], c->heap[child]))
                        child++;
                if (!is_before(c->heap[child], last))
                        break;
                c->heap[at] = c->heap[child];
        }
        c->heap[at] = last;
        return first;
}

static void hold(struct cable *c, struct end *from, const uint8_t *bytes, size_t length,
                 uint64_t due_ns)
{
        struct frame *f;

        if (c->held == HELD_MAX) {
                from->counts.overflown++;
                return;
        }
        f = malloc(sizeof(*f) + length);
        if (!f)
                errx(1, "out of memory");
        f->due_ns = due_ns;
        f->number = c->next_number++;
        f->from = from;
        f->to = from == &c->ends[0] ? &c->ends[1] : &c->ends[0];
        f->length = length;
        memcpy(f->bytes, bytes, length);
        heap_push(c, f);
}

/* Decides the fate of one frame. */
static void carry(struct cable *c, struct end *from, const uint8_t *bytes, size_t length,
                  uint64_t now_ns)
{
        const struct options *o = &c->options;
        uint64_t due_ns = now_ns + o->delay_ns;

        from->counts.in++;
        if (o->limit && length > o->limit) {
                from->counts.too_long++;
                return;
        }
        if (chance(c, o->loss)) {
                from->counts.lost++;
                return;
        }
        if (chance(c, o->reorder)) {
                from->counts.reordered++;
                due_ns += o->hold_ns;
        }
        hold(c, from, bytes, length, due_ns);
        if (chance(c, o->duplicate)) {
                from->counts.duplicated++;
                hold(c, from, bytes, length, due_ns);
        }
}

static void read_end(struct cable *c, struct end *from)
{
        static uint8_t buffers[BATCH][FRAME_MAX];
        struct mmsghdr messages[BATCH] = {0};
        struct iovec vectors[BATCH];
        uint64_t now_ns;
        int n;

        for (int i = 0; i < BATCH; i++) {
                vectors[i] = (struct iovec){buffers[i], FRAME_MAX};
                messages[i].msg_hdr.msg_iov = &vectors[i];
                messages[i].msg_hdr.msg_iovlen = 1;
        }
        n = recvmmsg(from->fd, messages, BATCH, MSG_DONTWAIT, NULL);
        if (n < 0) {
                if (errno != EAGAIN && errno != EINTR && errno != ENETDOWN)
                        err(1, "%s", from->name);
                return;
        }
        now_ns = tool_now_ns();
        for (int i = 0; i < n; i++)
                carry(c, from, buffers[i], messages[i].msg_len, now_ns);
}

/* Sends the frames that are due, in batches of consecutive frames for the same end. */
static void write_due(struct cable *c)
{
        uint64_t now_ns = tool_now_ns();

        while (c->held > 0 && c->heap[0]->due_ns <= now_ns) {
                struct frame *frames[BATCH];
                struct mmsghdr messages[BATCH] = {0};
                struct iovec vectors[BATCH];
                struct end *to = c->heap[0]->to;
                unsigned n = 0;

                while (n < BATCH && c->held > 0 && c->heap[0]->to == to &&
                       c->heap[0]->due_ns <= now_ns) {
                        frames[n] = heap_pop(c);
                        vectors[n] = (struct iovec){frames[n]->bytes, frames[n]->length};
                        messages[n].msg_hdr.msg_iov = &vectors[n];
                        messages[n].msg_hdr.msg_iovlen = 1;
                        n++;
                }
                for (unsigned at = 0; at < n;) {
                        int sent = sendmmsg(to->fd, messages + at, n - at, 0);

                        /* A frame that the interface refuses (down, too long) is skipped. */
                        if (sent > 0)
                                frames[at]->from->counts.out += (unsigned)sent;
                        at += sent > 0 ? (unsigned)sent : 1;
                }
                for (unsigned i = 0; i < n; i++)
                        free(frames[i]);
        }
}

/* Carries frames until a signal arrives; signals are unblocked only while it waits. */
static void run(struct cable *c, const sigset_t *waiting)
{
        struct pollfd polled[2] = {{c->ends[0].fd, POLLIN, 0}, {c->ends[1].fd, POLLIN, 0}};

        while (!tool_is_over) {
                struct timespec wait = {0};
                uint64_t now_ns = tool_now_ns();

                if (c->held > 0 && c->heap[0]->due_ns > now_ns) {
                        uint64_t left = c->heap[0]->due_ns - now_ns;

                        wait.tv_sec = (time_t)(left / TOOL_NS_PER_S);
                        wait.tv_nsec = (long)(left % TOOL_NS_PER_S);
                }
                if (ppoll(polled, 2, c->held > 0 ? &wait : NULL, waiting) < 0 && errno != EINTR)
                        err(1, "poll");
                for (int i = 0; i < 2; i++)
                        read_end(c, &c->ends[i]);
                write_due(c);
        }
}

static void end_open(struct end *e, const char *name)
{
        struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
        struct packet_mreq promiscuous = {.mr_type = PACKET_MR_PROMISC};
        int size = BUFFER, on = 1;

        e->name = name;
        e->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0); /* receives nothing until bound */
        if (e->fd < 0)
                err(1, "raw socket");
        address.sll_ifindex = (int)if_nametoindex(name);
        if (address.sll_ifindex == 0)
                err(1, "%s", name);
        promiscuous.mr_ifindex = address.sll_ifindex;
        if (setsockopt(e->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) ||
            setsockopt(e->fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) ||
            setsockopt(e->fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)) ||
            setsockopt(e->fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promiscuous,
                       sizeof(promiscuous)) ||
            bind(e->fd, (struct sockaddr *)&address, sizeof(address)))
                err(1, "%s", name);
}

static double number_of(const char *option, const char *text, double greatest)
{
        char *end;
        double value = strtod(text, &end);

        if (end == text || *end || !(value >= 0 && value <= greatest))
                errx(1, "--%s %s: expected a number from 0 to %g", option, text, greatest);
        return value;
}

static const char usage[] =
        "usage: badlink [options] IF1 IF2\n"
        "  --loss PERCENT       share of frames to lose\n"
        "  --duplicate PERCENT  share of frames to send twice\n"
        "  --reorder PERCENT    share of frames to hold back, so that later ones overtake them\n"
        "  --hold MS            how long to hold them back (default 2)\n"
        "  --delay MS           delay of every frame\n"
        "  --limit BYTES        drop longer frames (Ethernet header included)\n"
        "  --seed N             seed of the random choices (default 1)\n";

static struct options options_parse(int argc, char **argv)
{
        static const struct option known[] = {
                {"loss", required_argument, NULL, 'l'},
                {"duplicate", required_argument, NULL, 'd'},
                {"reorder", required_argument, NULL, 'r'},
                {"hold", required_argument, NULL, 'h'},
                {"delay", required_argument, NULL, 'D'},
                {"limit", required_argument, NULL, 'm'},
                {"seed", required_argument, NULL, 's'},
                {NULL, 0, NULL, 0},
        };
        struct options o = {.hold_ns = 2 * TOOL_NS_PER_MS, .seed = 1};
        int letter, at = 0;

        while ((letter = getopt_long(argc, argv, "", known, &at)) != -1) {
                const char *name = known[at].name;

                switch (letter) {
                case 'l':
                        o.loss = number_of(name, optarg, 100) / 100;
                        break;
                case 'd':
                        o.duplicate = number_of(name, optarg, 100) / 100;
                        break;
                case 'r':
                        o.reorder = number_of(name, optarg, 100) / 100;
                        break;
                case 'h':
                        o.hold_ns = (uint64_t)(number_of(name, optarg, 1e6) * TOOL_NS_PER_MS);
                        break;
                case 'D':
                        o.delay_ns = (uint64_t)(number_of(name, optarg, 1e6) * TOOL_NS_PER_MS);
                        break;
                case 'm':
                        o.limit = (size_t)number_of(name, optarg, FRAME_MAX);
                        break;
                case 's':
                        o.seed = (uint64_t)number_of(name, optarg, 0x1p53);
                        break;
                default:
                        fputs(usage, stderr);
                        exit(2);
                }
        }
        if (argc - optind != 2) {
                fputs(usage, stderr);
                exit(2);
        }
        return o;
}

static void counts_print(const struct end *from, const struct end *to)
{
        const struct counts *n = &from->counts;

        printf("%s > %s: in=%" PRIu64 " lost=%" PRIu64 " duplicated=%" PRIu64 " reordered=%" PRIu64
               " too_long=%" PRIu64 " overflown=%" PRIu64 " out=%" PRIu64 "\n",
               from->name, to->name, n->in, n->lost, n->duplicated, n->reordered, n->too_long,
               n->overflown, n->out);
}

int main(int argc, char **argv)
{
        static struct cable cable;
        sigset_t ending, before;

        cable.options = options_parse(argc, argv);
        cable.random = cable.options.seed;
        sigemptyset(&ending);
        sigaddset(&ending, SIGINT);
        sigaddset(&ending, SIGTERM);
        sigprocmask(SIG_BLOCK, &ending, &before);
        tool_end_on(SIGINT);
        tool_end_on(SIGTERM);
        for (int i = 0; i < 2; i++)
                end_open(&cable.ends[i], argv[optind + i]);
        tool_ready();

        run(&cable, &before);

        counts_print(&cable.ends[0], &cable.ends[1]);
        counts_print(&cable.ends[1], &cable.ends[0]);
        while (cable.held > 0)
                free(heap_pop(&cable));
        return 0;
}
