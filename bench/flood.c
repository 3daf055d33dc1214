/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * flood - sends datagrams of one length at a given rate or at full speed, and counts those
 * received.
 *
 *   flood receive PORT
 *   flood send ADDRESS PORT RUN LENGTH RATE SECONDS     RATE: datagrams per second; 0: no limit
 *
 * RUN is a number that each datagram carries in its first 4 bytes. The receiver prints "ready". At
 * each line "RUN LENGTH" on stdin it prints its counts since the previous line, and from then on
 * counts datagrams of that run and length. It ends at the end of stdin. Both print name=value:
 *
 * received   datagrams of the run
 * span_ns    time from the first one's arrival to the last one's
 * sent       datagrams that the system accepted
 * elapsed_ns time from before the first one was sent until after the last
 *
 * After a pause the sender catches up with its schedule by sending slightly more. If the pause is
 * longer than 5 ms, it skips the rest, because the subject is the tunnel and not the sender's luck.
 * So it may send fewer datagrams than the rate implies.
 *
 * Threads: one. */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/bytes.h"
#include "test/lib/tool.h"

#define BURST_NS (TOOL_NS_PER_S / 10000)   /* datagrams due within this time leave together */
#define PAUSE_MAX_NS (TOOL_NS_PER_S / 200) /* the sender does not catch up beyond this */

enum {
        BATCH = 64, /* datagrams per system call */
        LENGTH_MIN = 4,
        LENGTH_MAX = 65000,
        BUFFER = 4 << 20, /* bytes of the receive buffer */
};

static struct sockaddr_in parse_address(const char *address, const char *port)
{
        struct sockaddr_in parsed = {.sin_family = AF_INET};

        if (inet_pton(AF_INET, address, &parsed.sin_addr) != 1)
                errx(2, "%s is not an IPv4 address", address);
        parsed.sin_port = htons((uint16_t)tool_number("port", port, 1, UINT16_MAX));
        return parsed;
}

static int open_socket(void)
{
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        if (fd < 0)
                err(2, "socket");
        return fd;
}

/* Sending */

struct sender {
        int fd;
        struct mmsghdr messages[BATCH];
        struct iovec vector; /* all messages carry the same bytes */
        uint64_t sent;
};

static void sender_init(struct sender *s, uint8_t *datagram, size_t len,
                        const struct sockaddr_in *to)
{
        *s = (struct sender){.fd = open_socket(), .vector = {datagram, len}};
        if (connect(s->fd, (const struct sockaddr *)to, sizeof(*to)))
                err(2, "connect");
        for (int i = 0; i < BATCH; i++) {
                s->messages[i].msg_hdr.msg_iov = &s->vector;
                s->messages[i].msg_hdr.msg_iovlen = 1;
        }
}

static void send_count(struct sender *s, uint64_t count)
{
        while (count > 0) {
                int n = sendmmsg(s->fd, s->messages, (unsigned int)WG_MIN(count, BATCH), 0);

                if (n > 0) {
                        s->sent += (uint64_t)n;
                        count -= (uint64_t)n;
                } else if (errno != ENOBUFS && errno != EINTR && errno != ECONNREFUSED) {
                        err(2, "send");
                }
        }
}

/* The datagrams due are counted from `base_ns`, which a long pause moves forward. */
static void send_paced(struct sender *s, uint64_t rate, uint64_t begun_ns, uint64_t end_ns)
{
        uint64_t base_ns = begun_ns, sent_of_base = 0, now;

        while ((now = tool_now_ns()) < end_ns) {
                uint64_t due;

                if (now - base_ns > PAUSE_MAX_NS) {
                        uint64_t planned_ns = base_ns + sent_of_base * TOOL_NS_PER_S / rate;

                        base_ns = WG_MAX(planned_ns, now - PAUSE_MAX_NS);
                        sent_of_base = 0;
                }
                due = now > base_ns ? (now - base_ns) * rate / TOOL_NS_PER_S : 0;
                if (due > sent_of_base) {
                        send_count(s, due - sent_of_base);
                        sent_of_base = due;
                }
                tool_sleep_until(WG_MAX(now + BURST_NS,
                                        base_ns + (sent_of_base + 1) * TOOL_NS_PER_S / rate));
        }
}

static void send_unlimited(struct sender *s, uint64_t end_ns)
{
        while (tool_now_ns() < end_ns)
                send_count(s, BATCH);
}

static int send_all(char **words)
{
        static uint8_t datagram[LENGTH_MAX];
        struct sockaddr_in to = parse_address(words[0], words[1]);
        uint64_t run = tool_number("run", words[2], 0, UINT32_MAX);
        uint64_t len = tool_number("length", words[3], LENGTH_MIN, LENGTH_MAX);
        uint64_t rate = tool_number("rate", words[4], 0, 100000000);
        double seconds = atof(words[5]);
        struct sender s;
        uint64_t begun_ns, end_ns;

        if (!(seconds > 0 && seconds < 3600))
                errx(2, "%s is not a valid number of seconds", words[5]);
        wg_be32_store(datagram, (uint32_t)run);
        sender_init(&s, datagram, len, &to);
        begun_ns = tool_now_ns();
        end_ns = begun_ns + (uint64_t)(seconds * 1e9);
        if (rate)
                send_paced(&s, rate, begun_ns, end_ns);
        else
                send_unlimited(&s, end_ns);
        printf("sent=%" PRIu64 " elapsed_ns=%" PRIu64 "\n", s.sent, tool_now_ns() - begun_ns);
        close(s.fd);
        return 0;
}

/* Receiving */

struct receiver {
        int fd;
        uint32_t run;
        size_t len;
        uint64_t received, first_ns, last_ns;
};

static void receiver_init(struct receiver *r, const char *port)
{
        struct sockaddr_in here = parse_address("0.0.0.0", port);
        int size = BUFFER;

        *r = (struct receiver){.fd = open_socket()};
        if (bind(r->fd, (struct sockaddr *)&here, sizeof(here)))
                err(2, "port %s", port);
        if (setsockopt(r->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
                err(2, "receive buffer");
}

static void receive(struct receiver *r)
{
        static uint8_t buffers[BATCH][2048]; /* longer datagrams are truncated and not counted */
        struct mmsghdr messages[BATCH] = {0};
        struct iovec vectors[BATCH];
        uint64_t now, before = r->received;
        int n;

        for (int i = 0; i < BATCH; i++) {
                vectors[i] = (struct iovec){buffers[i], sizeof(buffers[i])};
                messages[i].msg_hdr.msg_iov = &vectors[i];
                messages[i].msg_hdr.msg_iovlen = 1;
        }
        n = recvmmsg(r->fd, messages, BATCH, MSG_DONTWAIT, NULL);
        now = tool_now_ns();
        for (int i = 0; i < n; i++)
                if (messages[i].msg_len == r->len && wg_be32_load(buffers[i]) == r->run)
                        r->received++;
        if (r->received > before) {
                if (!before)
                        r->first_ns = now;
                r->last_ns = now;
        }
}

/* Prints the counts of the run so far and starts the next run. Returns false at the end of
 * stdin. */
static bool turn(struct receiver *r)
{
        char line[64];
        unsigned int run, len;

        if (!fgets(line, sizeof(line), stdin))
                return false;
        if (sscanf(line, "%u %u", &run, &len) != 2)
                errx(2, "expected the numbers RUN LENGTH, not %s", line);
        printf("received=%" PRIu64 " span_ns=%" PRIu64 "\n", r->received, r->last_ns - r->first_ns);
        fflush(stdout);
        *r = (struct receiver){.fd = r->fd, .run = run, .len = len};
        return true;
}

static int receive_all(const char *port)
{
        struct receiver r;
        struct pollfd polled[] = {{.events = POLLIN}, {.fd = STDIN_FILENO, .events = POLLIN}};

        receiver_init(&r, port);
        polled[0].fd = r.fd;
        setvbuf(stdin, NULL, _IONBF, 0); /* poll() would not see input that was read ahead */
        puts("ready");
        fflush(stdout);
        for (;;) {
                if (poll(polled, 2, -1) < 0 && errno != EINTR)
                        err(2, "poll");
                if (polled[0].revents)
                        receive(&r);
                if (polled[1].revents && !turn(&r))
                        break;
        }
        close(r.fd);
        return 0;
}

int main(int argc, char **argv)
{
        if (argc == 3 && strcmp(argv[1], "receive") == 0)
                return receive_all(argv[2]);
        if (argc == 8 && strcmp(argv[1], "send") == 0)
                return send_all(argv + 2);
        fputs("usage: flood receive PORT\n"
              "       flood send ADDRESS PORT RUN LENGTH RATE SECONDS\n",
              stderr);
        return 2;
}
