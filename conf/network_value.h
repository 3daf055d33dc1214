/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * network_value.h - single values of the network file, from their text.
 *
 * Outputs are written only on success.
 * Threads: pure functions of their arguments. */
#ifndef CONF_NETWORK_VALUE_H
#define CONF_NETWORK_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/enum.h"
#include "base/prefix.h"
#include "conf/network.h"
#include "conf/text.h"

/* Reads a prefix, with its slash. Host bits are cleared; *has_host_bits says whether there were
 * any. */
bool tl_value_prefix(struct tl_text text, struct wg_prefix *prefix,
                     bool *has_host_bits) WG_MUST_USE;

/* Splits an endpoint: a name or an address, and a port, TL_NETWORK_PORT unless given. An IPv6
 * address with a port is in brackets. *host is a part of the text; *ip is NONE for a name. */
bool tl_value_endpoint(struct tl_text text, struct tl_text *host, struct wg_ip *ip,
                       uint16_t *port) WG_MUST_USE;

/* Reads "443", "443/tcp", "5000-5010/udp" or "icmp". The place is left alone. */
bool tl_value_ports(struct tl_text text, struct tl_port_range *range) WG_MUST_USE;

/* Reads a public key, which is not all zeros. */
bool tl_value_key(struct tl_text text, uint8_t key[TL_CONF_KEY_LEN]) WG_MUST_USE;

/* The member of an enum whose name is the text with hyphens for underscores; NULL: none is. */
const struct wg_enum_member *tl_value_word(const struct wg_enum *e, struct tl_text text);

/* Whether a text may be quoted in a message: it is short, printable, and can be no key. */
bool tl_value_is_quotable(struct tl_text text) WG_MUST_USE;

#endif
