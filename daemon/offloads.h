/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * offloads.h - which offloads a device uses, and when it gives one up.
 *
 * What the kernel says it can do is not always what it can: drivers, tunnels below ours and some releases
 * refuse what others take. A refusal costs nothing but time, for the packets then go one by one:
 *
 *   a piece refused by a socket   no more pieces of segments so long to that endpoint, for a while
 *   ... for another reason than
 *   length, at several endpoints,
 *   or where the device cannot    no pieces any more
 *   a superpacket refused by the
 *   TUN, several times            no superpackets of its kind any more
 *
 * Threads: any, but init; and a struct tl_piece_limits is its worker's own.
 * Source: udp(7), Linux Documentation/networking/segmentation-offloads.rst; what was seen in the field. */
#ifndef DAEMON_OFFLOADS_H
#define DAEMON_OFFLOADS_H

#include <stdatomic.h>

#include "base/endpoint.h"
#include "base/enum.h"
#include "io/log.h"
#include "io/offload.h"
#include "io/udp.h"

#define TL_OFFLOADINGS(X) \
        X(TL_OFFLOADING_TSO, 1, tso, "superpackets of TCP at the interface") \
        X(TL_OFFLOADING_USO, 2, uso, "superpackets of UDP at the interface") \
        X(TL_OFFLOADING_GSO, 4, gso, "many datagrams sent as one piece") \
        X(TL_OFFLOADING_GRO, 8, gro, "many datagrams received as one piece")
WG_FLAGS_DECLARE(tl_offloading, TL_OFFLOADINGS)
#define TL_OFFLOADING_ALL \
        (TL_OFFLOADING_TSO | TL_OFFLOADING_USO | TL_OFFLOADING_GSO | TL_OFFLOADING_GRO)

/* Of a device. Any thread. */
struct tl_offloads {
        struct tl_log *log;
        _Atomic uint32_t used;              /* enum tl_offloading */
        _Atomic uint64_t refused;           /* pieces and superpackets */
        _Atomic uint32_t endpoints_refused; /* that take no piece, however long its segments */
        _Atomic uint32_t refused_by_tun[TL_OFFLOAD_UDP + 1]; /* by enum tl_offload_kind */
};

/* Those that a release of Linux is known to do wrong without a word: enum tl_offloading. `release` is as
 * uname(2) has it. */
uint32_t tl_offloads_distrusted(const char *release) WG_MUST_USE;

/* Begins with these in use (enum tl_offloading); the log is borrowed. Before the workers start. */
void tl_offloads_init(struct tl_offloads *offloads, uint32_t used, struct tl_log *log);

/* Whether an offload is in use. */
static inline bool tl_offloads_has(const struct tl_offloads *offloads, enum tl_offloading which)
{
        return (atomic_load_explicit(&offloads->used, memory_order_relaxed) & which) != 0;
}

/* Which endpoints refused which lengths. A worker's own. */
struct tl_piece_limits {
        struct {
                struct wg_endpoint to;
                uint32_t segment; /* so long, or longer, is refused */
                uint64_t until_ns;
        } entries[16];
        unsigned int count, next;
};

/* Segments shorter than this may go to an endpoint as a piece; UINT32_MAX: any, 0: none. */
uint32_t tl_offloads_piece_limit(const struct tl_offloads *offloads,
                                 const struct tl_piece_limits *limits, const struct wg_endpoint *to,
                                 uint64_t now_ns);

/* A piece had a piece_error: its length, or all pieces, are not tried again there, or nowhere. */
void tl_offloads_piece_refused(struct tl_offloads *offloads, struct tl_piece_limits *limits,
                               const struct tl_datagram *piece, uint64_t now_ns);

/* The kinds of superpackets that the TUN takes: bits 1u << TL_OFFLOAD_*. */
uint32_t tl_offloads_kinds(const struct tl_offloads *offloads);

/* The TUN refused a superpacket whose packets it then took one by one. */
void tl_offloads_superpacket_refused(struct tl_offloads *offloads, enum tl_offload_kind kind);

#endif
