/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * address.h - IP addresses, prefixes and endpoints as text.
 *
 * Read strictly: IPv4 is four decimal numbers without leading zeros, IPv6 is as RFC 4291 section
 * 2.2 has it. Written as RFC 5952 recommends. Outputs are written only on success.
 * Threads: pure functions of their arguments. */
#ifndef CONF_ADDRESS_H
#define CONF_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/endpoint.h"
#include "base/prefix.h"
#include "conf/change.h"
#include "conf/text.h"

/* Room for the longest text of each kind with its terminator. */
#define TL_ADDRESS_IP_SIZE 46
#define TL_ADDRESS_PREFIX_SIZE (TL_ADDRESS_IP_SIZE + 4)
#define TL_ADDRESS_ENDPOINT_SIZE (TL_ADDRESS_IP_SIZE + 19)

/* Reads an address of either family. */
bool tl_address_parse_ip(struct tl_text text, struct wg_ip *ip) WG_MUST_USE;

/* Reads an address and, after a slash, the number of leading bits that count; without a slash all
 * of them do. The other bits are cleared. */
bool tl_address_parse_prefix(struct tl_text text, struct wg_prefix *prefix) WG_MUST_USE;

/* Reads the address of an endpoint. An IPv4 address that is mapped into IPv6 becomes plain IPv4:
 * that is where its datagrams go. A link-local IPv6 address may have a zone: digits are its number
 * (1 or more, into *scope), all else is an interface's name (into zone). They are 0 and "" where
 * there is none. A zone that an address does not need is ignored, as wg(8) sends it: a number at an
 * address that is not link-local, and any zone at a link-local multicast address. */
bool tl_address_parse_host(struct tl_text text, struct wg_ip *ip, uint32_t *scope,
                           char zone[TL_CONF_ZONE_SIZE]) WG_MUST_USE;

/* Reads an IPv4 address in any form that inet_aton(3) takes: up to four numbers separated by dots,
 * each decimal, octal after 0 or hexadecimal after 0x. The last one fills all remaining bytes. */
bool tl_address_parse_ipv4_any(struct tl_text text, struct wg_ip *ip) WG_MUST_USE;

/* Takes `host:port` or `[host]:port` apart at the last colon, or the one after the bracket.
 * *is_bracketed tells which. The parts may be empty. */
bool tl_address_split_endpoint(struct tl_text text, struct tl_text *host, struct tl_text *port,
                               bool *is_bracketed) WG_MUST_USE;

/* Reads the port of an endpoint, 1 to 65535. */
bool tl_address_parse_port(struct tl_text text, uint16_t *port) WG_MUST_USE;

/* Write a known address, a prefix, or an endpoint (zone as a number, IPv6 in brackets), terminated.
 * Return the length. */
size_t tl_address_format_ip(char out[TL_ADDRESS_IP_SIZE], const struct wg_ip *ip);
size_t tl_address_format_prefix(char out[TL_ADDRESS_PREFIX_SIZE], const struct wg_prefix *prefix);
size_t tl_address_format_endpoint(char out[TL_ADDRESS_ENDPOINT_SIZE],
                                  const struct wg_endpoint *endpoint);

#endif
