/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * buffer.h - sizes of the buffers that both packet paths of a worker use. */
#ifndef DAEMON_BUFFER_H
#define DAEMON_BUFFER_H

#include "core/receive.h"
#include "core/send.h"
#include "io/tun.h"

enum {
        TL_CACHE_LINE = 64,     /* offset of a packet from the TUN in its buffer */
        TL_PACKET_MAX = 65535,  /* bytes of any IP packet */
        TL_BUFFER_SIZE = 65792, /* the longest packet plus sealing overhead, in whole cache lines */
};

_Static_assert(WG_SEND_HEADROOM + TL_PACKET_MAX + 1 + WG_SEND_TAILROOM <= TL_BUFFER_SIZE,
               "a buffer holds any packet, and one more byte to detect truncation");
_Static_assert((int)TL_TUN_HEADROOM <= (int)TL_CACHE_LINE &&
                       TL_CACHE_LINE + TL_PACKET_MAX + 1 <= TL_BUFFER_SIZE,
               "the TUN's header fits before a packet");
_Static_assert((int)TL_TUN_HEADROOM <= (int)WG_DATA_TEXT,
               "a received packet can be written to the TUN in place");

#endif
