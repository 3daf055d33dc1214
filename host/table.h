/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * table.h - nft(8) tables named after interfaces.
 *
 * The name is a prefix and the name of the interface. Interface names may contain = and +, which
 * table names must not: each becomes / and two hexadecimal digits.
 * Source: nft(8), "LEXICAL CONVENTIONS".
 * Threads: pure functions of their arguments. */
#ifndef HOST_TABLE_H
#define HOST_TABLE_H

#include <net/if.h>
#include <stdbool.h>

#include "base/attr.h"

enum { TL_TABLE_NAME_SIZE = 64 };

/* Writes the name of an interface's table. */
void tl_table_name(char out[TL_TABLE_NAME_SIZE], const char *prefix, const char *ifname);

/* Writes the name of the interface that a table belongs to. Returns false if the table has no name
 * of that form. */
bool tl_table_owner(char ifname[IF_NAMESIZE], const char *prefix, const char *name) WG_MUST_USE;

#endif
