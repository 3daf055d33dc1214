/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * words.h - the texts of an explanation: what happens at each hop, the verdict and the fix.
 * Threads: pure functions of their arguments. */
#ifndef NET_WORDS_H
#define NET_WORDS_H

#include <stdbool.h>

#include "base/attr.h"
#include "conf/arena.h"
#include "net/ends.h"
#include "net/explain.h"
#include "net/plans.h"
#include "net/walk.h"

/* What there is to tell, and the memory for it. */
struct tl_words {
        struct tl_arena *arena;
        const struct tl_plans *plans;
        const struct tl_walk *walk;
        const struct tl_end *from, *to;
        bool has_no_memory; /* set once a text did not fit in memory */
};

/* A formatted text; "", and has_no_memory set, if there is no memory. */
WG_PRINTF(2, 3) const char *tl_words_format(struct tl_words *words, const char *format, ...);

/* The names of addresses and of what belongs to them. */
const char *tl_words_ip(struct tl_words *words, const struct wg_ip *ip);
const char *tl_words_prefix(struct tl_words *words, const struct wg_prefix *prefix);
const char *tl_words_service(struct tl_words *words, uint8_t protocol, uint16_t first,
                             uint16_t last); /* "443/tcp", "ping" */

/* The same without memory: "443/tcp", "5000-5010/udp", "udp", "icmp". */
#define TL_WORDS_PORTS_SIZE 16
void tl_words_format_ports(char out[TL_WORDS_PORTS_SIZE], uint8_t protocol, uint16_t first,
                           uint16_t last);

/* A rule of the file: "developers to beijing (22/tcp)". */
const char *tl_words_rule(struct tl_words *words, uint32_t rule);

/* The prefix that routers must have a route for, so that packets reach an end: its LAN, or the
 * network's own addresses. */
struct wg_prefix tl_words_home(const struct tl_words *words, const struct tl_walk_end *end);

/* Why the source uses another address than the destination's own: "b uses 192.168.201.193 for d,
 * because ...". NULL: it does not, or whoever asks has chosen the address. */
const char *tl_words_why(struct tl_words *words);

/* The machine that takes a step: "b", "shenzhen's router", "z". */
const char *tl_words_actor(struct tl_words *words, const struct tl_walk_step *step);

/* What happens in a step; and the line of the file that decides. */
const char *tl_words_step(struct tl_words *words, const struct tl_walk_step *step);
struct tl_place tl_words_place(const struct tl_words *words, const struct tl_walk_step *step);

#endif
