/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * topology_builder.h - a topology while it is made: machines, and what is added to them.
 *
 * Only for lab/topology_*.c. Everything is in the topology's arena. If memory runs out,
 * `is_out_of_memory` is set, and the functions still return something to write to, so that only
 * tl_topology_make() checks it.
 * Threads: one owner at a time. */
#ifndef LAB_TOPOLOGY_BUILDER_H
#define LAB_TOPOLOGY_BUILDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/prefix.h"
#include "conf/findings.h"
#include "lab/topology.h"
#include "lab/topology_make.h"
#include "net/model.h"

#define TL_NO_IP ((struct wg_ip){.family = WG_FAMILY_NONE})

/* A range from which addresses or prefixes are chosen, from the lowest. */
struct tl_range {
        struct wg_prefix prefix;
        uint8_t cidr;  /* of what is chosen */
        uint64_t next; /* number of the next candidate */
        const char *what;
};

/* The addresses of a LAN's router and node. */
struct tl_seat {
        struct wg_ip router, node;
};

struct tl_builder {
        struct tl_topology *topology;
        const struct tl_model *model;
        const struct tl_topology_wish *wishes;
        uint32_t wish_count;
        bool has_stock; /* stock devices take part */
        struct tl_findings *findings;
        struct tl_seat *seats;   /* by LAN */
        struct wg_prefix *taken; /* what the file and the lab use */
        uint32_t taken_count, taken_capacity;
        struct tl_range public4, public6, transit4, transit6, homes4, homes6;
        struct wg_ip hop4, hop6; /* the Internet, as seen by everybody connected to it */
        bool has_ipv6;           /* the Internet carries IPv6: some endpoint needs it */
        bool is_out_of_memory;
        struct tl_lab_machine spare_machine; /* returned when memory runs out */
        struct tl_nic spare_nic;
};

/* Makes room in the arena for one more item of a list; NULL: no memory. */
void *tl_builder_grow(struct tl_builder *b, void *items, uint32_t count, uint32_t *capacity,
                      size_t size) WG_MUST_USE;

/* Appends an item to a list; `list` is the name of its pointer, `counter` of its count. */
#define TL_BUILDER_APPEND(b, owner, list, counter, limit, item) \
        do { \
                void *grown_ = tl_builder_grow(b, (owner)->list, (owner)->counter, \
                                               &(owner)->limit, sizeof(item)); \
                if (grown_) { \
                        (owner)->list = grown_; \
                        (owner)->list[(owner)->counter++] = (item); \
                } \
        } while (0)

/* A text in the arena, of at most 1023 bytes; "" without memory. */
WG_PRINTF(2, 3) const char *tl_builder_format(struct tl_builder *b, const char *text, ...);

/* Adds a machine without interfaces. It stays at its place. */
struct tl_lab_machine *tl_builder_add_machine(struct tl_builder *b, const char *name,
                                              enum tl_lab_kind kind);

/* Adds the machine of a node, by its index in the model. */
struct tl_lab_machine *tl_builder_add_node(struct tl_builder *b, uint32_t index);

/* Returns the new interface, valid until the machine gets another one. */
struct tl_nic *tl_builder_add_nic(struct tl_builder *b, struct tl_lab_machine *machine,
                                  uint32_t segment, uint32_t mtu);

/* Without an address (NONE), nothing is added. */
void tl_builder_add_address(struct tl_builder *b, struct tl_nic *nic, const struct wg_ip *ip,
                            uint8_t cidr);

/* `nic` is the number of the machine's interface; `via` NONE: directly connected. */
void tl_builder_add_route(struct tl_builder *b, struct tl_lab_machine *machine,
                          const struct wg_prefix *to, const struct wg_ip *via, uint32_t nic);

/* The first one of a family stays: a site with two LANs has one router, which has an address in
 * each. */
void tl_builder_add_default_route(struct tl_builder *b, struct tl_lab_machine *machine,
                                  const struct wg_ip *via, uint32_t nic);

/* The path is below /proc/sys. Both texts are borrowed. */
void tl_builder_add_setting(struct tl_builder *b, struct tl_lab_machine *machine, const char *path,
                            const char *value);

void tl_builder_make_forwarder(struct tl_builder *b, struct tl_lab_machine *machine);

/* Makes a name known to all machines. Without an address (NONE), nothing is added. */
void tl_builder_add_name(struct tl_builder *b, const char *name, const struct wg_ip *ip);

/* Adds a port that answers, once. */
void tl_builder_add_listener(struct tl_builder *b, struct tl_lab_machine *machine, uint8_t protocol,
                             uint16_t port);

#endif
