/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * course.h - how a pair of machines is connected: the address that the source uses for the
 * destination, the addresses that packets have in the tunnel, what the destination sees, and how
 * packets get out of one LAN and into the other.
 *
 * A machine on a LAN has up to four addresses. Its own one, in the LAN. In the tunnel, it has the
 * same one, or the one with the same host bits in the LAN's mapped prefix, if the prefix of the LAN
 * is not unique (tl_lan.wire). The mapped one works in any case, for sources that are in a network
 * with the same prefix. And devices in a LAN whose router cannot be changed use an address of their
 * own LAN that stands for it.
 * Threads: pure functions of their arguments. */
#ifndef NET_COURSE_H
#define NET_COURSE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/enum.h"
#include "net/model.h"
#include "net/travel.h"

/* An end of a connection: a node, or a device on the LAN of a site. */
struct tl_walk_end {
        struct wg_ip ip; /* its own address: of a device, in the LAN */
        uint32_t node;   /* the node, or the node of the site; TL_MODEL_NONE: not in the network */
        uint32_t lan;    /* of a device, or of a node at its address in that LAN; else NONE */
        bool is_node;
};

/* Which address of the destination the source uses. The names are in --json. */
#define TL_COURSE_FORMS(X) \
        X(TL_COURSE_OWN, 0, own, "its own address") \
        X(TL_COURSE_MAPPED, 1, mapped, "its address in the mapped prefix") \
        X(TL_COURSE_VIRTUAL, 2, virtual, "an address of the source's LAN that stands for it")
WG_ENUM_DECLARE(tl_course_form, TL_COURSE_FORMS)

struct tl_course {
        enum tl_course_form form;
        struct wg_ip dial;           /* the destination, as the source knows it */
        struct wg_ip from, to;       /* in the tunnel; the source before any SNAT */
        struct wg_ip seen;           /* the source, as the destination sees it */
        struct tl_travel_choice out; /* of the source's LAN; of a node: native */
        struct tl_travel_choice in;  /* into the destination's LAN; of a node: native */
        struct tl_place hidden; /* MAPPED for the sake of a network that the source is in: its line;
                                 * line 0: that network is no line of the file, or there is none */
        bool is_hidden;         /* the source is in a network that has the destination's address */
};

/* Plots the course of connections between two ends of one family that are not at the same site. If
 * they cannot work, *course says what comes closest. */
void tl_course_plot(struct tl_course *course, const struct tl_model *model,
                    const struct tl_walk_end *from, const struct tl_walk_end *to);

/* The address of an end in the tunnel: that of its LAN's wire prefix. */
struct wg_ip tl_course_wire(const struct tl_model *model, const struct tl_walk_end *end);

/* Its address in the mapped prefix of its LAN; family NONE: it has none. */
struct wg_ip tl_course_mapped(const struct tl_model *model, const struct tl_walk_end *end);

/* Finds out which machine an address is for a source: in the source's own LAN, what stands in
 * there for others, a node, a LAN by its own or mapped prefix. `from` NULL: for anybody in the
 * network who is on none of its LANs. The node is TL_MODEL_NONE if the network does not have it. */
struct tl_walk_end tl_course_find(const struct tl_model *model, const struct tl_walk_end *from,
                                  const struct wg_ip *dialled);

/* The address in `to` that has the host bits of one in `from`, a prefix of the same length. */
struct wg_ip tl_course_translate(const struct wg_ip *ip, const struct wg_prefix *from,
                                 const struct wg_prefix *to);

/* What stands, in a LAN, for an address in the tunnel; NULL: nothing does. */
const struct tl_stand_in *tl_course_stand_in(const struct tl_model *model, uint32_t lan,
                                             const struct wg_ip *to);

#endif
