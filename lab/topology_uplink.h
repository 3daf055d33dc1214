/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * topology_uplink.h - the Internet, and how hubs, sites and homes are connected to it: directly, or
 * through the NAT of a provider.
 *
 * Only for lab/topology_*.c.
 * Threads: one owner at a time. */
#ifndef LAB_TOPOLOGY_UPLINK_H
#define LAB_TOPOLOGY_UPLINK_H

#include <stdint.h>

#include "base/attr.h"
#include "base/prefix.h"
#include "conf/network.h"
#include "lab/topology.h"
#include "lab/topology_builder.h"
#include "net/model.h"

/* An uplink: how a site or home is connected to the Internet. */
struct tl_uplink {
        const char *name; /* of the site, person or device */
        enum tl_lab_nat nat;
        uint32_t mtu, mapping_s;
        struct wg_ip ip4, ip6; /* public; NONE: chosen */
};

/* Adds the Internet, the first machine. */
void tl_uplink_make_internet(struct tl_builder *b);

/* Describes an uplink, from the home (which may be NULL) and the node behind it. */
struct tl_uplink tl_uplink_describe(const char *name, const struct tl_lab_home *home,
                                    const struct tl_node *node) WG_MUST_USE;

/* Chooses the public addresses that an uplink lacks. */
void tl_uplink_complete(struct tl_builder *b, struct tl_uplink *uplink);

/* Gives a machine its eth0, directly or through a provider, and completes the uplink. */
void tl_uplink_add(struct tl_builder *b, struct tl_lab_machine *machine, struct tl_uplink *uplink);

/* Gives a machine an interface to the Internet with these public addresses. */
void tl_uplink_connect(struct tl_builder *b, struct tl_lab_machine *machine,
                       const struct wg_ip *ip4, const struct wg_ip *ip6, uint32_t mtu);

/* Makes the name in a node's endpoint resolve to a complete uplink. */
void tl_uplink_name_endpoint(struct tl_builder *b, const struct tl_node *node,
                             const struct tl_uplink *uplink);

/* The script of a NAT between eth0, outside, and everything else. `more` goes into its forward
 * chain; forward_to is the LAN address that gets UDP packets for `port` (NONE: nobody). */
const char *tl_uplink_format_nat(struct tl_builder *b, enum tl_lab_nat nat, const char *more,
                                 const struct wg_ip *forward_to, uint16_t port);

/* Makes a machine the NAT of an uplink that has been connected, with a spare address. */
void tl_uplink_make_nat(struct tl_builder *b, struct tl_lab_machine *machine,
                        const struct tl_uplink *uplink);

#endif
