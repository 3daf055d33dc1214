/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * probejobs.h - probes that run at the same time, each with sockets on a link of this machine.
 * Threads: the process has only one. */
#ifndef NODE_PROBEJOBS_H
#define NODE_PROBEJOBS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "conf/arena.h"
#include "io/loop.h"
#include "io/packet.h"
#include "node/probelink.h"

struct tl_probejob {
        struct tl_probejob *next;
        struct tl_packet_socket socket;
        struct tl_watch watch;
        struct tl_probe_link link; /* for the probe */

        /* Set by the caller. */
        void *probe;
        uint64_t (*work)(void *probe, uint64_t now_ns); /* returns when to call it again;
                                                         * NULL: another job does it */
        void (*hear)(void *probe, const uint8_t from[TL_PROBE_MAC_LEN], const uint8_t *packet,
                     size_t len);
};

struct tl_probejobs {
        struct tl_arena arena;
        struct tl_loop loop;
        struct tl_probejob *first;
};

/* Returns 0 or -errno. */
int tl_probejobs_init(struct tl_probejobs *jobs) WG_MUST_USE;

/* Closes all sockets. Accepts NULL, and an object whose init failed. */
void tl_probejobs_done(struct tl_probejobs *jobs);

/* Adds a job with a socket (tl_packet_open) on a link. It lives as long as the jobs. NULL, with
 * *error as -errno: that is impossible. */
struct tl_probejob *tl_probejobs_add(struct tl_probejobs *jobs, const char *link,
                                     enum tl_packet_kind kind, uint16_t port,
                                     int *error) WG_MUST_USE;

/* Runs all jobs to their end. Returns 0; -EINTR: a signal asked us to end; or another -errno. */
int tl_probejobs_run(struct tl_probejobs *jobs) WG_MUST_USE;

/* Why a socket could not be opened or used, for people. */
const char *tl_probejobs_error(int error);

#endif
