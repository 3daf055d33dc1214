/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * report.h - what the log says of packets, handshakes and errors: always which peer, and why.
 *
 * Peers are named by the first and last letters of their public key in base64, which is how an
 * administrator tells them apart in `wg show`. No other key ever comes here.
 * Threads: any. Costs a comparison where the level is not shown. */
#ifndef DAEMON_REPORT_H
#define DAEMON_REPORT_H

#include "core/receive.h"
#include "core/send.h"
#include "daemon/device.h"

/* A packet or message that was dropped, inbound and outbound. */
void tl_report_dropped(struct tl_device *device, const struct wg_receive_slot *slot);
void tl_report_unsent(struct tl_device *device, const struct wg_send_slot *slot);

/* A datagram that could not be sent; counts it. */
void tl_report_send_error(struct tl_device *device, const struct wg_peer *peer,
                          const struct tl_datagram *datagram);

/* What the engine says happened. Engine thread. */
void tl_report_event(struct tl_device *device, const struct wg_action *action);

/* Something of ours that does not work; `error` is -errno. */
void tl_report_error(struct tl_device *device, const char *what, int error);

/* How many packets each verdict dropped, at the end. Engine thread. */
void tl_report_totals(struct tl_device *device);

#endif
