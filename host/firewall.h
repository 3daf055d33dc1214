/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * firewall.h - other programs that drop packets, and the command by which each lets ours through.
 *
 * We never change their tables, and an accept in ours does not override a drop in theirs. A
 * program is one row of the table in firewall.c.
 * Threads: one owner at a time. */
#ifndef HOST_FIREWALL_H
#define HOST_FIREWALL_H

#include <stddef.h>

#include "base/attr.h"
#include "host/filter.h"

enum { TL_FIREWALL_NAME_SIZE = 96, TL_FIREWALL_FIX_SIZE = 512 };

/* Describe a chain in which the last walk of these packets ended with a drop: where it is, such as
 * "ip filter FORWARD (Docker)", and a command for a shell that lets packets through: forwarded ones
 * to and from `link`, or those to packets->port of this machine. A command that would be too long
 * is replaced by a sentence. Both always terminate. */
void tl_firewall_name(char out[TL_FIREWALL_NAME_SIZE], const struct tl_filter *filter,
                      const struct tl_filter_chain *chain);
void tl_firewall_fix(char out[TL_FIREWALL_FIX_SIZE], const struct tl_filter *filter,
                     const struct tl_filter_chain *chain, const struct tl_filter_packets *packets,
                     const char *link);

#endif
