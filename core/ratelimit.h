/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * ratelimit.h - how many handshakes one source may ask for while we are under load: 20 a second,
 * and 5 at once.
 *
 * A source is an IPv4 address or an IPv6 /64, since whoever has one address of that has them all.
 * Memory is taken as sources come, for 65536 of them at most, and given back when they rest.
 *
 * Source: WireGuard paper, 5.3 (denial of service mitigation).
 * Threads: the engine's. */
#ifndef CORE_RATELIMIT_H
#define CORE_RATELIMIT_H

#include "base/attr.h"
#include "base/endpoint.h"
#include "base/list.h"
#include "base/siphash.h"
#include "base/std.h"
#include "core/env.h"

#define WG_RATELIMIT_PER_S 20
#define WG_RATELIMIT_BURST 5
#define WG_RATELIMIT_SOURCES_MAX 65536

struct wg_ratelimit_source;

struct wg_ratelimit {
        const struct wg_env *env;
        struct wg_ratelimit_source **heads; /* of the hash chains; NULL while there is no source */
        struct wg_list by_use;              /* all sources, the one allowed longest ago first */
        size_t count;
        uint8_t key[WG_SIPHASH_KEY_LEN]; /* keeps strangers from choosing who shares a chain */
};

/* Makes an empty limiter. The env is borrowed until done(). */
void wg_ratelimit_init(struct wg_ratelimit *r, const struct wg_env *env);

/* Frees all. Takes zeroed memory too. */
void wg_ratelimit_done(struct wg_ratelimit *r);

/* Whether a source (its address proven by a cookie) may have one more handshake at now_ns, which
 * never goes back; counts it if so. False also when too many other sources are busy, or there is
 * no memory to remember one more. Takes constant time. */
WG_MUST_USE bool wg_ratelimit_allow(struct wg_ratelimit *r, const struct wg_ip *ip,
                                    uint64_t now_ns);

/* Forgets a bounded number of sources that have rested, and frees the chains after the last one.
 * Returns whether sources are left: then call it again, a second later at the latest. */
bool wg_ratelimit_collect(struct wg_ratelimit *r, uint64_t now_ns);

#endif
