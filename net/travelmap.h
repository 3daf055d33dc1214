/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * travelmap.h - how every pair of a network travels: a matrix with a row and a column for each LAN,
 * for the people's devices and other nodes, and for each node that is in a network of its own.
 * Those that are alike share a row and a column.
 *
 * Each pair is asked of net/course, so the time grows with the square of the number of LANs.
 * Threads: pure functions of their arguments. */
#ifndef NET_TRAVELMAP_H
#define NET_TRAVELMAP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/enum.h"
#include "conf/arena.h"
#include "net/course.h"
#include "net/model.h"

/* What happens to packets of a pair; several of them may. The names are in --json. */
#define TL_PAIR_WAYS(X) \
        X(TL_PAIR_NATIVE, 0, native, "packets keep their addresses") \
        X(TL_PAIR_VIRTUAL, 1, virtual, "an address of the LAN stands for the destination") \
        X(TL_PAIR_BLOCK, 2, block, "a block of the LAN stands for the destination's prefix") \
        X(TL_PAIR_NETMAP, 3, netmap, "a mapped prefix replaces one that is not unique") \
        X(TL_PAIR_GATEWAY, 4, gateway, "a LAN's router sees both directions") \
        X(TL_PAIR_SNAT, 5, snat, "the node replaces the source by its own address in the LAN") \
        X(TL_PAIR_NONE, 6, none, "no connection gets there") \
        X(TL_PAIR_LOCAL, 7, local, "both are at one site, or the same machine")
WG_ENUM_DECLARE(tl_pair_way, TL_PAIR_WAYS)

/* One row and column. */
struct tl_travelmap_party {
        struct tl_walk_end end; /* of a machine that stands for it */
        const char *name;       /* "beijing", "beijing 10.1.0.0/16", "people", "e/laptop" */
        struct tl_place at;
        uint32_t machines; /* of nodes: those that it stands for; of a LAN: 1 */
        uint32_t count;    /* of those that are alike, with this one */
        uint32_t *items;   /* indices into `items`; the first one is this one */
};

struct tl_travelmap_cell {
        uint8_t ways;  /* set of bits, 1 << enum tl_pair_way; 0: there is no such pair */
        bool is_part;  /* only to machines that have a stand-in; others are not reached */
        bool is_mixed; /* pairs of these parties differ; this is one of them */
        struct tl_walk_end from, to;
};

struct tl_travelmap {
        struct tl_arena arena;
        struct tl_travelmap_party *items;   /* all of them, each on its own */
        struct tl_travelmap_party *parties; /* those that differ */
        uint32_t item_count, count;
        struct tl_travelmap_cell *cells; /* [from * count + to] */
};

/* Makes the matrix. Returns false if there is no memory. The caller releases *map either way. */
bool tl_travelmap_make(struct tl_travelmap *map, const struct tl_model *model) WG_MUST_USE;

void tl_travelmap_done(struct tl_travelmap *map);

/* Why a pair travels as it does. */
struct tl_travelmap_reason {
        const char *text; /* "the LAN's router has the routes" */
        const char *site; /* whose LAN; NULL: none */
        struct tl_place at;
};

enum { TL_TRAVELMAP_REASONS = 5 };

/* Lists the reasons for a cell. Returns their number. */
uint32_t tl_travelmap_explain(const struct tl_model *model, const struct tl_travelmap_cell *cell,
                              struct tl_travelmap_reason reasons[TL_TRAVELMAP_REASONS]) WG_MUST_USE;

#endif
