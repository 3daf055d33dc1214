/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * report.h - logs packets, handshakes and errors, always with the peer and the reason.
 *
 * Peers are named by the first and last characters of their public key in base64, as `wg show`
 * prints it. No other key is ever passed to these functions.
 * Threads: any. A message of a level that is not shown costs a comparison. */
#ifndef DAEMON_REPORT_H
#define DAEMON_REPORT_H

#include "core/action.h"
#include "core/receive.h"
#include "core/send.h"
#include "daemon/tally.h"
#include "io/log.h"
#include "io/udp.h"

/* A packet or message that was dropped, inbound and outbound. */
void tl_report_dropped(struct tl_log *log, const struct wg_receive_slot *slot);
void tl_report_unsent(struct tl_log *log, const struct wg_send_slot *slot);

/* A datagram that could not be sent. */
void tl_report_send_error(struct tl_log *log, const struct wg_peer *peer,
                          const struct tl_datagram *datagram);

/* An event of the engine. */
void tl_report_event(struct tl_log *log, const struct wg_action *action);

/* An operation that failed; `error` is -errno. */
void tl_report_error(struct tl_log *log, const char *what, int error);

/* Logs how many packets each verdict dropped, at shutdown. Engine thread. */
void tl_report_totals(struct tl_log *log, const struct tl_tally *tally);

#endif
