/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * nft.h - nft(8) tables: loads one in a single transaction, and compares what runs with what shall.
 *
 * The kernel does not keep a table as it was written, so texts cannot be compared. The desired one
 * is loaded into a network namespace of our own instead, and both are listed as JSON. Each list
 * takes seconds if a table has hundreds of thousands of elements.
 * Source: nft(8), libnftables-json(5). Threads: the process has only one. */
#ifndef HOST_NFT_H
#define HOST_NFT_H

#include <stdbool.h>

#include "base/attr.h"

/* Finds the canonical form of a table of family inet: a line for each object, without handles and
 * counts; the caller's to free. NULL: there is no such table. A table that we cannot have made may
 * have an empty form. Returns false after saying what went wrong. */
bool tl_nft_read(char **form, const char *name) WG_MUST_USE;

/* Lists a table that exists, as `nft -f' reads it; the caller's to free. Returns NULL after saying
 * what went wrong. */
char *tl_nft_list(const char *name) WG_MUST_USE;

/* Finds the canonical form of a text that has one table, by loading it in a new network namespace.
 * Returns false after saying what went wrong, such as a mistake in the text. */
bool tl_nft_try(char **form, const char *text, const char *name) WG_MUST_USE;

/* Replaces a table by a text in one transaction; NULL: removes it. If that fails, returns false,
 * and nothing has changed; nft has said why. */
bool tl_nft_replace(const char *name, const char *text) WG_MUST_USE;

/* The canonical form of a list that nft wrote as JSON, the caller's to free. NULL: it is no such
 * list, or there is no memory. */
char *tl_nft_canonical(const char *json) WG_MUST_USE;

#endif
