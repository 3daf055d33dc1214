/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * offloads.h - which offloads a device uses, and when it gives one up.
 *
 * The kernel cannot always perform an offload that it advertises: some drivers, tunnels below ours
 * and releases refuse what others accept. A refusal only costs time, because the packets are then
 * sent one by one:
 *
 * - A socket refuses a piece: for a while, pieces to that endpoint have only shorter segments, or
 *   there are none if length is not the reason.
 * - For another reason than length, pieces to several endpoints are refused, or the device cannot
 *   send any: no more pieces.
 * - The TUN refuses a superpacket several times: no more superpackets of that kind.
 *
 * Threads: any, except for init. A struct tl_piece_limits belongs to one worker.
 * Source: udp(7), Linux Documentation/networking/segmentation-offloads.rst; experience. */
#ifndef DAEMON_OFFLOADS_H
#define DAEMON_OFFLOADS_H

#include <stdatomic.h>

#include "base/endpoint.h"
#include "base/enum.h"
#include "io/log.h"
#include "io/offload.h"
#include "io/udp.h"

#define TL_OFFLOADINGS(X) \
        X(TL_OFFLOADING_TSO, 1, tso, "TCP superpackets at the interface") \
        X(TL_OFFLOADING_USO, 2, uso, "UDP superpackets at the interface") \
        X(TL_OFFLOADING_GSO, 4, gso, "datagrams sent in pieces of many") \
        X(TL_OFFLOADING_GRO, 8, gro, "datagrams received in pieces of many")
WG_FLAGS_DECLARE(tl_offloading, TL_OFFLOADINGS)
#define TL_OFFLOADING_ALL \
        (TL_OFFLOADING_TSO | TL_OFFLOADING_USO | TL_OFFLOADING_GSO | TL_OFFLOADING_GRO)

/* The state of a device. Any thread. */
struct tl_offloads {
        struct tl_log *log;
        _Atomic uint32_t used;              /* enum tl_offloading */
        _Atomic uint64_t refused;           /* pieces and superpackets */
        _Atomic uint32_t endpoints_refused; /* refused pieces for another reason than length */
        _Atomic uint32_t refused_by_tun[TL_OFFLOAD_UDP + 1]; /* by enum tl_offload_kind */
};

/* The offloads that a release of Linux performs wrongly without reporting an error: enum
 * tl_offloading. `release` is from uname(2). */
uint32_t tl_offloads_distrusted(const char *release) WG_MUST_USE;

/* Enables these (enum tl_offloading). The log is borrowed. Call it before workers start. */
void tl_offloads_init(struct tl_offloads *offloads, uint32_t used, struct tl_log *log);

/* Whether an offload is in use. */
static inline bool tl_offloads_has(const struct tl_offloads *offloads, enum tl_offloading which)
{
        return (atomic_load_explicit(&offloads->used, memory_order_relaxed) & which) != 0;
}

/* Which endpoints refused which lengths. Belongs to one worker. */
struct tl_piece_limits {
        struct {
                struct wg_endpoint to;
                uint32_t segment; /* this length or more is refused */
                uint64_t until_ns;
        } entries[16];
        unsigned int count, next;
};

/* Returns a limit: only segments shorter than it may be sent to the endpoint in pieces. UINT32_MAX:
 * all may; 0: none. */
uint32_t tl_offloads_piece_limit(const struct tl_offloads *offloads,
                                 const struct tl_piece_limits *limits, const struct wg_endpoint *to,
                                 uint64_t now_ns);

/* Call it when a piece had a piece_error. Depending on the error, gives up segments of its length
 * or all pieces, to this endpoint for a while or to all endpoints for good. */
void tl_offloads_piece_refused(struct tl_offloads *offloads, struct tl_piece_limits *limits,
                               const struct tl_datagram *piece, uint64_t now_ns);

/* The kinds of superpackets that may be written to the TUN: bits 1u << TL_OFFLOAD_*. */
uint32_t tl_offloads_kinds(const struct tl_offloads *offloads);

/* Call it when the TUN refused a superpacket, but accepted its packets one by one. */
void tl_offloads_superpacket_refused(struct tl_offloads *offloads, enum tl_offload_kind kind);

#endif
