/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * running.h - reads the state of a network that runs on this machine, from the kernel and from the
 * daemon, never from a record of what was done.
 *
 * Ours are: the link that is named after the network, if tielined serves it; the nft table; and of
 * what has TL_NODEPLAN_PROTOCOL, the routes in the network's own tables, those of the main table
 * that lead into the link, or nowhere with the network's metric, the rules that lead to these
 * tables, and the proxy entries whose address has such a route, or that of no other network.
 * Threads: the process has only one. */
#ifndef NODE_RUNNING_H
#define NODE_RUNNING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "conf/change.h"
#include "node/state.h"

/* Reads everything but settings and the text of the table. `private_key` is compared with the
 * daemon's; NULL: not wanted. Returns false after saying what cannot be read. The caller releases
 * *state either way. */
bool tl_running_read(struct tl_state *state, const char *name,
                     const uint8_t private_key[TL_CONF_KEY_LEN]) WG_MUST_USE;

/* Adds the text of the table, if there is one, without which the state cannot be made again.
 * Returns false after saying what went wrong. */
bool tl_running_add_table(struct tl_state *state) WG_MUST_USE;

/* Adds the present values of settings. One that this kernel lacks has the value "". Returns false
 * if there is no memory. */
bool tl_running_add_settings(struct tl_state *state, const struct tl_planned_setting *settings,
                             uint32_t count) WG_MUST_USE;

#endif
