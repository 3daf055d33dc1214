/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * limits.h - the protocol's constants, under the paper's names.
 * Source: WireGuard paper section 6 (constants), 5.3 (cookies), 5.4.6 (messages). Where the
 * kernel's implementation differs or adds a limit, its value is used. */
#ifndef CORE_LIMITS_H
#define CORE_LIMITS_H

#include "base/std.h"
#include "core/env.h"

#define WG_REKEY_AFTER_MESSAGES (UINT64_C(1) << 60)
#define WG_REJECT_AFTER_MESSAGES (UINT64_MAX - (UINT64_C(1) << 13)) /* 2^64 - 2^13 - 1 */

#define WG_REKEY_TIMEOUT (5 * WG_NS_PER_S)
#define WG_REKEY_TIMEOUT_JITTER (WG_NS_PER_S / 3) /* a random fraction of it is added */
#define WG_KEEPALIVE_TIMEOUT (10 * WG_NS_PER_S)
#define WG_REKEY_AFTER_TIME (120 * WG_NS_PER_S)
#define WG_REJECT_AFTER_TIME (180 * WG_NS_PER_S)
/* An initiator that only receives asks for new keys while there is still time for a handshake. */
#define WG_REKEY_AFTER_TIME_RECEIVING \
        (WG_REJECT_AFTER_TIME - WG_KEEPALIVE_TIMEOUT - WG_REKEY_TIMEOUT)
#define WG_NEW_HANDSHAKE_TIMEOUT (WG_KEEPALIVE_TIMEOUT + WG_REKEY_TIMEOUT)
#define WG_ZERO_AFTER_TIME (3 * WG_REJECT_AFTER_TIME)
#define WG_MAX_HANDSHAKE_RETRIES 19 /* 20 initiations in total, then we give up */

#define WG_COOKIE_SECRET_LIFE (120 * WG_NS_PER_S)
#define WG_COOKIE_LIFE (115 * WG_NS_PER_S)         /* for its user: 5 s less, for transit */
#define WG_INITIATION_INTERVAL (20 * WG_NS_PER_MS) /* minimum between two from a peer */

#define WG_HANDSHAKE_QUEUE_MAX 4096
/* We are under load if LOAD_QUEUED messages wait, or if the first of LOAD_SOJOURN_QUEUED or more
 * has waited for LOAD_SOJOURN; and for LOAD_STICKY after that. */
#define WG_LOAD_QUEUED (WG_HANDSHAKE_QUEUE_MAX / 8)
#define WG_LOAD_SOJOURN (75 * WG_NS_PER_MS)
#define WG_LOAD_SOJOURN_QUEUED 32
#define WG_LOAD_STICKY (1 * WG_NS_PER_S)

#define WG_STAGED_PACKETS_MAX 128   /* per peer */
#define WG_WAITING_PACKETS_MAX 1024 /* per peer, anywhere on the way through the engine */
#define WG_STAGED_BYTES_MAX (16u * 1024 * 1024) /* all peers together */

#define WG_MTU_DEFAULT 1420
#define WG_PADDING 16

#endif
