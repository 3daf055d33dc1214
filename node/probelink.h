/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * probelink.h - the link that a probe of a LAN uses. Probes read no clock and open no socket, so
 * that tests can be the link.
 * Threads: one owner. */
#ifndef NODE_PROBELINK_H
#define NODE_PROBELINK_H

#include <stddef.h>
#include <stdint.h>

enum { TL_PROBE_MAC_LEN = 6 };

#define TL_PROBE_NEVER UINT64_MAX /* a time that never comes */

struct tl_probe_link {
        uint8_t mac[TL_PROBE_MAC_LEN]; /* its own */

        /* Sends a packet, which begins after the Ethernet header. Returns 0 or -errno; -EAGAIN and
         * -ENOBUFS: try again soon. */
        int (*send)(void *ctx, const uint8_t to[TL_PROBE_MAC_LEN], const uint8_t *packet,
                    size_t len);
        void *ctx;
};

#endif
