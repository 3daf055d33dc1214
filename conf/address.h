/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * address.h - IP addresses, prefixes and endpoints as text.
 *
 * Reading is strict: IPv4 is four decimal numbers without leading zeros, and IPv6 is as in RFC 4291
 * section 2.2. Writing follows RFC 5952. Outputs are written only on success.
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

/* Sizes of the longest texts, with terminator. */
#define TL_ADDRESS_IP_SIZE 46
#define TL_ADDRESS_PREFIX_SIZE (TL_ADDRESS_IP_SIZE + 4)
#define TL_ADDRESS_ENDPOINT_SIZE (TL_ADDRESS_IP_SIZE + 19)

/* Reads an address of either family. */
bool tl_address_parse_ip(struct tl_text text, struct wg_ip *ip) WG_MUST_USE;

/* Reads an address and a prefix length after a slash. Without a slash, the prefix is the whole
 * address. Host bits are cleared. */
bool tl_address_parse_prefix(struct tl_text text, struct wg_prefix *prefix) WG_MUST_USE;

/* Reads the address of an endpoint. An IPv4-mapped IPv6 address becomes IPv4, which is where its
 * datagrams go. A link-local IPv6 address may have a zone: a number from 1, stored in *scope, or
 * the name of an interface, stored in zone. Without one they are 0 and "". Zones that wg(8) sends
 * but that mean nothing are ignored: a number at an address that is not link-local, and any zone
 * at a link-local multicast address. */
bool tl_address_parse_host(struct tl_text text, struct wg_ip *ip, uint32_t *scope,
                           char zone[TL_CONF_ZONE_SIZE]) WG_MUST_USE;

/* Reads an IPv4 address in any form that inet_aton(3) accepts: up to four numbers separated by
 * dots, each decimal, octal after 0, or hexadecimal after 0x. The last one fills the remaining
 * bytes. */
bool tl_address_parse_ipv4_any(struct tl_text text, struct wg_ip *ip) WG_MUST_USE;

/* Splits `host:port` at the last colon, or `[host]:port` at the colon after the bracket.
 * *is_bracketed says which it was. The parts may be empty. */
bool tl_address_split_endpoint(struct tl_text text, struct tl_text *host, struct tl_text *port,
                               bool *is_bracketed) WG_MUST_USE;

/* Reads the port of an endpoint, 1 to 65535. */
bool tl_address_parse_port(struct tl_text text, uint16_t *port) WG_MUST_USE;

/* Write an address, a prefix, or an endpoint (IPv6 in brackets, the zone as a number), terminated.
 * The family must be known. Return the length. */
size_t tl_address_format_ip(char out[TL_ADDRESS_IP_SIZE], const struct wg_ip *ip);
size_t tl_address_format_prefix(char out[TL_ADDRESS_PREFIX_SIZE], const struct wg_prefix *prefix);
size_t tl_address_format_endpoint(char out[TL_ADDRESS_ENDPOINT_SIZE],
                                  const struct wg_endpoint *endpoint);

#endif
