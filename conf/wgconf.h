/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * wgconf.h - reads wg(8) configuration text, as `wg setconf` does.
 *
 * There are sections [Interface] and [Peer]. Case does not matter in keys, and white space
 * nowhere; '#' begins a comment. If a key occurs twice, the last one counts, but AllowedIPs
 * accumulate. Like wg, this accepts the IPv4 addresses of endpoints in any form of inet_aton(3),
 * and cuts a ListenPort to 16 bits, unless the text has other mistakes. An endpoint whose port is
 * 0 or out of range is ignored. Unlike wg, this refuses NUL bytes everywhere. Like newer versions
 * of wg, it accepts + and - before an allowed IP, which leaves the other ones of the peer alone.
 * Host names are not resolved.
 *
 * Source: wg(8), "CONFIGURATION FILE FORMAT".
 * Threads: pure function of its arguments. */
#ifndef CONF_WGCONF_H
#define CONF_WGCONF_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "conf/change.h"
#include "conf/mistakes.h"

/* Reads a text into an initialised, empty change. The result is a whole configuration:
 * replace_peers and replace_allowed_ips are set, and the private key, listen port, fwmark and
 * preshared keys count as given (as zero) if the text does not name them. If there are mistakes,
 * returns false, adds them to *mistakes (EINVAL), and leaves the change untouched. If memory runs
 * out, it adds that (ENOMEM) and stops. An unknown section, or keys before the first section, are
 * one mistake; apart from that, only invalid values of known keys count there. The caller wipes the
 * text. */
bool tl_wgconf_parse(const char *text, size_t len, struct tl_change *change,
                     struct tl_mistakes *mistakes) WG_MUST_USE;

/* The same, but a port may be the name of a service. find_service() writes its number, or returns
 * false if there is no such service. NULL: names are not accepted. */
bool tl_wgconf_parse_with(const char *text, size_t len,
                          bool (*find_service)(const char *name, uint16_t *port),
                          struct tl_change *change, struct tl_mistakes *mistakes) WG_MUST_USE;

/* The number of endpoints that were ignored because of their ports. */
uint32_t tl_wgconf_count_bad_ports(const struct tl_change *change) WG_MUST_USE;

/* For callers that do not want a listen port cut to 16 bits: adds a mistake if it is above 65535.
 * Returns whether it is. */
bool tl_wgconf_refuse_listen_port(const struct tl_change *change,
                                  struct tl_mistakes *mistakes) WG_MUST_USE;

/* Turns a whole configuration into a change that keeps everything that the text does not name:
 * keys, port and mark, the preshared keys and allowed IPs of its peers, and other peers. */
void tl_wgconf_keep_unnamed(struct tl_change *change);

#endif
