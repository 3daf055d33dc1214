/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * lock.h - the lock file: values that were derived from a network file once and must not change.
 *
 * Text, one value per line, sorted by kind and name, so that a version control system merges it
 * well. The first line is "tieline-lock 1". Then:
 *
 *      ula fd12:3456:789a::/48
 *      address NAME 10.70.0.2 fd12:3456:789a::2    the tunnel addresses of a node
 *      mapped SITE 192.168.200.0/24 10.200.0.0/24  the mapped prefix of a LAN
 *      virtual SITE NAME 192.168.201.193           stands for a machine in a LAN of the site
 *      retired address NAME 10.70.0.9 fd..         of a name that is gone: reused last
 *      retired mapped SITE 192.168.9.0/24 10.200.9.0/24
 *      retired virtual SITE NAME 192.168.201.194
 *
 * NAME is a hub, the node of a site, or "person/device"; after `virtual` also a device on a LAN, or
 * a service. A machine may have a virtual address of each family.
 *
 * Threads: one owner at a time. */
#ifndef CONF_LOCK_H
#define CONF_LOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/prefix.h"
#include "conf/arena.h"
#include "conf/findings.h"

struct tl_lock_address {
        const char *name;
        struct wg_ip ip4, ip6; /* either may be NONE */
        bool is_retired;
};

struct tl_lock_mapped {
        const char *site;
        struct wg_prefix lan, mapped;
        bool is_retired;
};

struct tl_lock_virtual {
        const char *site, *name;
        struct wg_ip ip;
        bool is_retired;
};

/* Zeroed memory is an empty lock. Items are in no particular order; there may be retired ones. */
struct tl_lock {
        struct tl_arena arena;
        struct wg_prefix ula; /* family NONE: none yet */
        struct tl_lock_address *addresses;
        uint32_t address_count, address_capacity;
        struct tl_lock_mapped *mapped;
        uint32_t mapped_count, mapped_capacity;
        struct tl_lock_virtual *virtuals;
        uint32_t virtual_count, virtual_capacity;
        bool is_incomplete; /* values are missing, which has been reported (net/derive.h) */
};

/* Reads a lock into an empty one. An empty text is an empty lock. Returns whether it has no
 * mistakes; they are in *findings, with places in the lock file. */
bool tl_lock_parse(struct tl_lock *lock, const char *text, size_t len,
                   struct tl_findings *findings) WG_MUST_USE;

/* Writes a lock, sorted. Returns the text, the caller's to free, with its length; NULL: no memory.
 */
char *tl_lock_format(const struct tl_lock *lock, size_t *len) WG_MUST_USE;

/* Frees everything. Accepts zeroed memory. The lock is then empty. */
void tl_lock_done(struct tl_lock *lock);

#endif
