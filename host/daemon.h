/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * daemon.h - starts and ends the daemon of an interface, and with it the link.
 * Threads: the process has only one. */
#ifndef HOST_DAEMON_H
#define HOST_DAEMON_H

#include <stdbool.h>

#include "base/attr.h"
#include "host/journal.h"

/* The setting that the daemon turns off when it starts, as the kernel's WireGuard does. */
#define TL_DAEMON_SETTING "net/ipv4/conf/all/send_redirects"

/* Records that setting. Call it before the daemon starts. */
void tl_daemon_prepare(struct tl_journal *journal);

/* Starts the daemon of the interface that the journal is named after. Records the index of its
 * link, to distinguish it from a later link of the same name. Returns false after saying what went
 * wrong. */
bool tl_daemon_start(struct tl_journal *journal) WG_MUST_USE;

/* Ends the daemon and its link, even if the link was renamed or moved to another network
 * namespace, and waits until both are gone. `link` is the index of the link (0: not known). Returns
 * false after saying what went wrong. */
bool tl_daemon_end(const char *ifname, unsigned int link) WG_MUST_USE;

#endif
