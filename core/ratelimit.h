/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * ratelimit.h - limits the handshakes of each source while we are under load: 20 per second, with
 * bursts of 5.
 *
 * A source is an IPv4 address or an IPv6 /64, because a host usually controls its whole /64. Memory
 * is taken as sources appear, for at most 65536 of them, and freed when they are idle.
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
        struct wg_list by_use;              /* all sources, the least recently allowed first */
        size_t count;
        uint8_t key[WG_SIPHASH_KEY_LEN]; /* keeps attackers from aiming at one chain */
};

/* Makes an empty limiter. Borrows the env until done(). */
void wg_ratelimit_init(struct wg_ratelimit *r, const struct wg_env *env);

/* Frees everything. Accepts zeroed memory. */
void wg_ratelimit_done(struct wg_ratelimit *r);

/* Whether a source, proven by a cookie, may have one more handshake at now_ns, which must not go
 * back. If so, counts it. Also returns false if too many other sources are active or memory is
 * short. Takes constant time. */
WG_MUST_USE bool wg_ratelimit_allow(struct wg_ratelimit *r, const struct wg_ip *ip,
                                    uint64_t now_ns);

/* Forgets a bounded number of idle sources, and frees the hash chains after the last one. Returns
 * whether sources are left; if so, call it again within a second. */
bool wg_ratelimit_collect(struct wg_ratelimit *r, uint64_t now_ns);

#endif
