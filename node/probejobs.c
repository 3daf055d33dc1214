/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "node/probejobs.h"

#include <errno.h>
#include <string.h>

#include "host/run.h"
#include "io/clock.h"

enum {
        PACKET_SIZE = 2048, /* what is longer is cut */
        READ_MAX = 256,     /* packets of one job at once */
};

_Static_assert(TL_PROBE_NEVER == TL_LOOP_NEVER, "a time that never comes");
_Static_assert((int)TL_PROBE_MAC_LEN == (int)TL_PACKET_MAC_LEN, "both are Ethernet addresses");

int tl_probejobs_init(struct tl_probejobs *jobs)
{
        *jobs = (struct tl_probejobs){0};
        return tl_loop_init(&jobs->loop);
}

void tl_probejobs_done(struct tl_probejobs *jobs)
{
        if (!jobs)
                return;
        for (struct tl_probejob *job = jobs->first; job; job = job->next) {
                tl_loop_remove(&job->watch);
                tl_packet_close(&job->socket);
        }
        tl_loop_done(&jobs->loop);
        tl_arena_done(&jobs->arena);
        jobs->first = NULL;
}

static int send_packet(void *ctx, const uint8_t to[TL_PROBE_MAC_LEN], const uint8_t *packet,
                       size_t len)
{
        const struct tl_probejob *job = ctx;

        return tl_packet_send(&job->socket, to, packet, len);
}

static void receive_packets(void *ctx, uint32_t events)
{
        struct tl_probejob *job = ctx;
        uint8_t packet[PACKET_SIZE], from[TL_PROBE_MAC_LEN];

        (void)events;
        for (unsigned int i = 0; i < READ_MAX; i++) {
                ssize_t len = tl_packet_receive(&job->socket, packet, sizeof(packet), from);

                if (len < 0)
                        return; /* nothing, or an error that sending meets too */
                job->hear(job->probe, from, packet, (size_t)len);
        }
}

struct tl_probejob *tl_probejobs_add(struct tl_probejobs *jobs, const char *link,
                                     enum tl_packet_kind kind, uint16_t port, int *error)
{
        struct tl_probejob *job = tl_arena_take(&jobs->arena, 1, sizeof(*job));

        *error = job ? tl_packet_open(&job->socket, link, kind, port) : -ENOMEM;
        if (*error)
                return NULL;
        *error = tl_loop_add(&jobs->loop, &job->watch, job->socket.fd, EPOLLIN, receive_packets,
                             job);
        if (*error) {
                tl_packet_close(&job->socket);
                return NULL;
        }
        memcpy(job->link.mac, job->socket.mac, TL_PROBE_MAC_LEN);
        job->link.send = send_packet;
        job->link.ctx = job;
        job->next = jobs->first;
        jobs->first = job;
        return job;
}

/* Does what is due. Returns when something is due next. */
static uint64_t work(struct tl_probejobs *jobs)
{
        uint64_t now_ns = tl_clock_boot_ns(), next_ns = TL_LOOP_NEVER;

        for (struct tl_probejob *job = jobs->first; job; job = job->next) {
                uint64_t due_ns = job->work ? job->work(job->probe, now_ns) : TL_PROBE_NEVER;

                next_ns = WG_MIN(next_ns, due_ns);
        }
        return next_ns;
}

/* Packets that have arrived are read before anything that is due: if this process had to wait for a
 * processor, they are not late. */
int tl_probejobs_run(struct tl_probejobs *jobs)
{
        for (uint64_t due_ns = work(jobs); due_ns != TL_LOOP_NEVER; due_ns = work(jobs)) {
                int result = tl_loop_run(&jobs->loop, due_ns);

                if (tl_run_is_interrupted())
                        return -EINTR;
                if (result < 0)
                        return result;
        }
        return 0;
}

const char *tl_probejobs_error(int error)
{
        switch (error) {
        case -ENETDOWN:
                return "the link is down, or has no carrier";
        case -EOPNOTSUPP:
                return "it is not an Ethernet link";
        case -EPERM:
                return "this needs CAP_NET_RAW";
        default:
                return strerror(-error);
        }
}
