/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * table.h - the name of the nft(8) table that an interface has for its default routes.
 *
 * It is that of the interface behind `tieline-quick-`. Names of interfaces may hold = and +, which those of
 * tables may not: they become / and two hexadecimal digits.
 * Source: nft(8), "LEXICAL CONVENTIONS".
 * Threads: pure functions of their arguments. */
#ifndef QUICK_TABLE_H
#define QUICK_TABLE_H

#include <net/if.h>
#include <stdbool.h>

#include "base/attr.h"

enum { TL_TABLE_NAME_SIZE = 64 };

/* Writes the name of the table. */
void tl_table_name(char out[TL_TABLE_NAME_SIZE], const char *ifname);

/* Writes the name of the interface that a table is of. Returns false where it is none of ours. */
bool tl_table_owner(char ifname[IF_NAMESIZE], const char *name) WG_MUST_USE;

#endif
