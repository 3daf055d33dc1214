/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * showview.h - shows a network, and what is derived from its file, as text.
 * Threads: the process has only one. */
#ifndef CLI_SHOWVIEW_H
#define CLI_SHOWVIEW_H

#include <stdbool.h>

#include "base/attr.h"
#include "cli/pen.h"
#include "net/model.h"

/* What must have the routes of a LAN to the rest of the network. */
#define TL_ROUTE_HOLDERS(X) \
        X(TL_ROUTE_HOLDER_NONE, 0, none, "nobody") \
        X(TL_ROUTE_HOLDER_ROUTER, 1, router, "the LAN's router") \
        X(TL_ROUTE_HOLDER_DHCP, 2, dhcp, "the LAN's DHCP server") \
        X(TL_ROUTE_HOLDER_DEVICES, 3, devices, "the LAN's devices")
WG_ENUM_DECLARE(tl_route_holder, TL_ROUTE_HOLDERS)

/* What that is at a site, in a family: option 121 of DHCP is for IPv4 only. */
enum tl_route_holder tl_showview_holder(const struct tl_network_site *site,
                                        uint8_t family) WG_MUST_USE;

/* "hub.example:51820", "[2001:db8::1]:51820", for an endpoint that is given. */
#define TL_SHOWVIEW_ENDPOINT_SIZE 280
void tl_showview_endpoint(char out[TL_SHOWVIEW_ENDPOINT_SIZE],
                          const struct tl_network_endpoint *endpoint);

/* The word for a gateway in the file, such as "static-routes". */
#define TL_SHOWVIEW_WORD_SIZE 32
void tl_showview_gateway(char out[TL_SHOWVIEW_WORD_SIZE], enum tl_gateway gateway);

/* Prints nodes, LANs, routes to enter, services and groups. Returns false if there is no memory. */
bool tl_showview_print(const struct tl_pen *pen, const struct tl_model *model) WG_MUST_USE;

#endif
