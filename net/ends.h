/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * ends.h - the machines that a name of the network file, or an address, stands for.
 * Threads: pure functions of their arguments. */
#ifndef NET_ENDS_H
#define NET_ENDS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "conf/arena.h"
#include "conf/findings.h"
#include "conf/flow.h"
#include "net/model.h"
#include "net/walk.h"

/* One machine, as an end of a connection. */
struct tl_end {
        const char *name;                 /* as shown: "b", "e/laptop", "192.168.201.77" */
        const char *party;                /* what a rule calls it: its name, or that of its site */
        struct tl_place at;               /* of the entry in the file; line 0: none */
        struct tl_walk_end ip4, ip6;      /* ip.family NONE: no address of this family */
        const struct tl_service *service; /* asked for as a service; NULL: as a machine */
        struct wg_ip literal; /* the address by which it was asked for; family NONE: a name. Which
                               * machine it is may depend on the source (tl_ends_place) */
        const char *note;     /* why this machine, in the words of a sentence; NULL: clear */
};

/* All machines of a name. */
struct tl_ends {
        struct tl_end *items; /* in the file's order; at least one */
        uint32_t count, capacity;
};

/* Lists the machines of a name or address, in the arena, which also holds texts. A site stands for
 * one device of it that has a name, or else for one without. A person or group without devices has
 * one end, without addresses. Returns false with a finding at that place if the name is unknown, or
 * memory runs out. */
bool tl_ends_list(struct tl_ends *ends, const struct tl_model *model, struct tl_text name,
                  struct tl_arena *arena, struct tl_place at,
                  struct tl_findings *findings) WG_MUST_USE;

/* Where a destination is, for a source that is at *from: where it is, unless it was asked for by an
 * address that is another machine's in the source's own LAN. *place is of its family. */
struct tl_walk_end tl_ends_place(const struct tl_model *model, const struct tl_walk_end *from,
                                 const struct tl_end *to, const struct tl_walk_end *place);

/* Names the destination that was asked for by an address, as found by tl_ends_place(). Returns
 * false if there is no memory. */
bool tl_ends_name_place(struct tl_end *to, const struct tl_model *model,
                        const struct tl_walk_end *place, struct tl_arena *arena) WG_MUST_USE;

/* The machine with an address in a LAN of a site; its node is TL_MODEL_NONE if no LAN has it. Other
 * sites may have the same address. */
struct tl_walk_end tl_ends_on_lan(const struct tl_model *model, uint32_t site,
                                  const struct wg_ip *ip);

/* An address of a LAN that nothing in the file has; family NONE: there is none. */
struct wg_ip tl_ends_free_address(const struct tl_model *model,
                                  const struct tl_lan *lan) WG_MUST_USE;

/* A part of a LAN that nothing in the file has, for `virtual`; family NONE: there is none. */
struct wg_prefix tl_ends_free_range(const struct tl_model *model,
                                    const struct tl_lan *lan) WG_MUST_USE;

/* The name of the device that has an address in a LAN; NULL: the file does not name it. */
const char *tl_ends_host_name(const struct tl_model *model, uint32_t lan, const struct wg_ip *ip);

/* Whether a list of ports, of a service or a rule, has this one. An empty list has all. */
bool tl_ends_offers(const struct tl_port_list *ports, uint8_t protocol, uint16_t port) WG_MUST_USE;

#endif
