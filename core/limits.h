/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * limits.h - the protocol's numbers, under the paper's own names.
 * Source: WireGuard paper section 6 (constants), 5.3 (cookies), 5.4.6 (messages); where the kernel's
 * implementation differs, or adds a limit of its own, the kernel's. */
#ifndef CORE_LIMITS_H
#define CORE_LIMITS_H

#include "base/std.h"
#include "core/env.h"

#define WG_REKEY_AFTER_MESSAGES (UINT64_C(1) << 60)
#define WG_REJECT_AFTER_MESSAGES (UINT64_MAX - (UINT64_C(1) << 13)) /* 2^64 - 2^13 - 1 */

#define WG_REKEY_TIMEOUT (5 * WG_NS_PER_S)
#define WG_REKEY_TIMEOUT_JITTER (WG_NS_PER_S / 3) /* a random part of this is added */
#define WG_KEEPALIVE_TIMEOUT (10 * WG_NS_PER_S)
#define WG_REKEY_AFTER_TIME (120 * WG_NS_PER_S)
#define WG_REJECT_AFTER_TIME (180 * WG_NS_PER_S)
/* An initiator that only receives asks for new keys while a handshake can still end in time. */
#define WG_REKEY_AFTER_TIME_RECEIVING \
        (WG_REJECT_AFTER_TIME - WG_KEEPALIVE_TIMEOUT - WG_REKEY_TIMEOUT)
#define WG_NEW_HANDSHAKE_TIMEOUT (WG_KEEPALIVE_TIMEOUT + WG_REKEY_TIMEOUT)
#define WG_ZERO_AFTER_TIME (3 * WG_REJECT_AFTER_TIME)
#define WG_MAX_HANDSHAKE_RETRIES 19 /* after the first try: 20 initiations, then we give up */

#define WG_COOKIE_SECRET_LIFE (120 * WG_NS_PER_S)
#define WG_COOKIE_LIFE (115 * WG_NS_PER_S)         /* for the one who uses it: 5 s for the way */
#define WG_INITIATION_INTERVAL (20 * WG_NS_PER_MS) /* between two accepted from one peer */

#define WG_HANDSHAKE_QUEUE_MAX 4096
#define WG_LOAD_QUEUED (WG_HANDSHAKE_QUEUE_MAX / 8) /* as many waiting is load */
#define WG_LOAD_SOJOURN (75 * WG_NS_PER_MS)         /* and so is waiting for so long, */
#define WG_LOAD_SOJOURN_QUEUED 32                   /* while as many wait */
#define WG_LOAD_STICKY (1 * WG_NS_PER_S)

#define WG_STAGED_PACKETS_MAX 128               /* a peer */
#define WG_WAITING_PACKETS_MAX 1024             /* per peer, all on their way through the engine */
#define WG_STAGED_BYTES_MAX (16u * 1024 * 1024) /* all peers together */

#define WG_MTU_DEFAULT 1420
#define WG_PADDING 16

#endif
