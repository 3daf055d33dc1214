/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * duplicates.h - finds out which of many addresses other machines on a link have, before we take
 * them.
 *
 * Each address is asked for two or three times. Questions are paced, so that no switch takes them
 * for a storm: at most 2000 in a second. 1024 addresses take 1.5 seconds, a few take one.
 * Threads: one owner. Source: RFC 5227 2.1.1, RFC 4862 5.4. */
#ifndef NODE_DUPLICATES_H
#define NODE_DUPLICATES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/ip.h"
#include "node/probelink.h"

struct tl_duplicates_target {
        struct wg_ip ip;
        bool is_in_use;
        uint8_t mac[TL_PROBE_MAC_LEN]; /* of the machine that has it */
};

struct tl_duplicates {
        const struct tl_probe_link *link;
        struct tl_duplicates_target *targets;
        uint32_t count;
        uint32_t round, next; /* the question that comes next */
        uint64_t due_ns;      /* when */
        uint64_t begun_ns;    /* the round */
        uint64_t give_up_ns;
        int error; /* 0, or -errno: questions could not be sent */
};

/* Starts. The targets are of one family, sorted by address, and remain the caller's. */
void tl_duplicates_begin(struct tl_duplicates *d, const struct tl_probe_link *link,
                         struct tl_duplicates_target *targets, uint32_t count, uint64_t now_ns);

/* Sends the questions that are due. Returns when to call it again; TL_PROBE_NEVER: it is done. */
uint64_t tl_duplicates_work(struct tl_duplicates *d, uint64_t now_ns) WG_MUST_USE;

/* Takes a packet that a machine with that Ethernet address sent. */
void tl_duplicates_hear(struct tl_duplicates *d, const uint8_t from[TL_PROBE_MAC_LEN],
                        const uint8_t *packet, size_t len);

#endif
