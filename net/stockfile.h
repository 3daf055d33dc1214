/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * stockfile.h - the file of a stock device: what wg-quick(8) and the WireGuard apps need to be a
 * node of the network.
 * Source: wg-quick(8). Threads: pure functions of their arguments. */
#ifndef NET_STOCKFILE_H
#define NET_STOCKFILE_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "conf/findings.h"
#include "net/model.h"

/* Writes the file of a stock device, terminated, the caller's to free. It lacks the private key,
 * which the caller inserts as a `PrivateKey = ...' line at offset *key_at. NULL: its hub has no key
 * yet, or there is no memory, with a finding. */
char *tl_stockfile_make(const struct tl_model *model, uint32_t node, size_t *key_at,
                        struct tl_findings *findings) WG_MUST_USE;

#endif
