/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * peers.h - gives a running interface the keys and peers of its file.
 *
 * Messages go to standard error.
 * Threads: the process has only one. */
#ifndef QUICK_PEERS_H
#define QUICK_PEERS_H

#include <stdbool.h>

#include "base/attr.h"
#include "quick/file.h"

/* Looks up endpoint names and sets keys and peers. Names that do not resolve are left in
 * file->missing. Returns false after saying what went wrong. */
bool tl_peers_set(struct tl_quick_file *file) WG_MUST_USE;

/* The same for an interface that already has peers. Removes the peers that the file does not have.
 * Peers that stay keep their sessions, and the interface keeps all settings that the file does not
 * set. */
bool tl_peers_replace(struct tl_quick_file *file) WG_MUST_USE;

/* Ends the background task for endpoint names, and starts a new one if file->missing has any. */
void tl_peers_await(const struct tl_quick_file *file);

#endif
