/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * wgconf.h - reads wg(8) configuration text, as `wg setconf` does.
 *
 * Sections [Interface] and [Peer], keys without regard to case, '#' to the end of a line is a
 * comment, white space counts nowhere, of a key given twice the last counts, AllowedIPs adds up. As
 * wg does, this takes IPv4 addresses of endpoints in any form of inet_aton(3). wg cuts ports to 16
 * bits. So does this with a ListenPort, unless the text has other mistakes; an endpoint whose port
 * is 0 or out of range is ignored. Unlike wg, this refuses NUL bytes anywhere. Like newer versions
 * of wg, it takes + and - before an allowed IP, which leaves the peer's other ones alone. A host
 * name is not looked up.
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

/* Reads len bytes of text into a device that was initialised and is empty. The result is the whole
 * configuration: replace_peers and replace_allowed_ips are set, and private key, listen port,
 * fwmark and preshared keys count as given (as zero) where the text does not name them. Returns
 * false if there are mistakes, adds them to *mistakes (EINVAL), and leaves the device untouched; if
 * memory runs out, it adds that (ENOMEM) and stops reading. An unknown section, or keys before the
 * first one, count as one mistake; beyond that, only wrong values of known keys do. The caller
 * wipes the text. */
bool tl_wgconf_parse(const char *text, size_t len, struct tl_change *device,
                     struct tl_mistakes *mistakes) WG_MUST_USE;

/* The same, but a port may be the name of a service: find_service() writes its number, and returns
 * false if there is no such service. NULL: no names are taken. */
bool tl_wgconf_parse_with(const char *text, size_t len,
                          bool (*find_service)(const char *name, uint16_t *port),
                          struct tl_change *device, struct tl_mistakes *mistakes) WG_MUST_USE;

/* How many endpoints were ignored because of their ports. */
uint32_t tl_wgconf_count_bad_ports(const struct tl_change *device) WG_MUST_USE;

/* Adds a mistake if the listen port is above 65535, for callers that do not want its lowest 16
 * bits. Returns whether it is. */
bool tl_wgconf_refuse_listen_port(const struct tl_change *device,
                                  struct tl_mistakes *mistakes) WG_MUST_USE;

/* Makes a configuration that was read a change of a running device that keeps whatever the text
 * does not name: keys, port and mark, and its peers' preshared keys and allowed IPs. Other peers
 * stay. */
void tl_wgconf_keep_unnamed(struct tl_change *device);

#endif
