/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * wgconf.h - reads wg(8) configuration text, as `wg setconf` does.
 *
 * Sections [Interface] and [Peer], keys without regard to case, '#' to the end of a line is a
 * comment, white space counts nowhere, of a key given twice the last counts, AllowedIPs adds up.
 * As wg does, this takes IPv4 addresses of endpoints in any form of inet_aton(3). An endpoint whose port
 * is out of range or 0, which wg cuts to 16 bits, counts as none. Unlike wg, this refuses such a number
 * for ListenPort, and NUL bytes anywhere. Like newer versions of wg, it takes + and - before an
 * allowed IP, which leaves the peer's other ones alone. A host name is not looked up.
 *
 * Source: wg(8), "CONFIGURATION FILE FORMAT".
 * Threads: pure function of its arguments. */
#ifndef CONF_WGCONF_H
#define CONF_WGCONF_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "conf/device.h"
#include "conf/mistakes.h"

/* Reads len bytes of text into a device that was initialised and is empty. The result is the whole
 * configuration: replace_peers and replace_allowed_ips are set, and private key, listen port,
 * fwmark and preshared keys count as given (as zero) where the text does not name them.
 * Returns false where there are mistakes, adds all of them to those in *mistakes (EINVAL), and leaves
 * the device untouched; where memory is missing, it adds that (ENOMEM) and reads no further. In a
 * section of another name, and before the first one, only the values of keys that are known count as
 * mistakes beside that. The caller wipes the text. */
bool tl_wgconf_parse(const char *text, size_t len, struct tl_conf_device *device,
                     struct tl_mistakes *mistakes) WG_MUST_USE;

/* The same, where ports may be names of services: find_service() tells the number of one, and returns
 * false if there is no such service. NULL: there are none. */
bool tl_wgconf_parse_with(const char *text, size_t len,
                          bool (*find_service)(const char *name, uint16_t *port),
                          struct tl_conf_device *device, struct tl_mistakes *mistakes) WG_MUST_USE;

/* How many endpoints count as none because of their port. */
uint32_t tl_wgconf_count_bad_ports(const struct tl_conf_device *device) WG_MUST_USE;

/* Makes what was read a change of a running device that leaves alone all that the text does not name:
 * keys, port and mark, and of the peers in it preshared keys and allowed IPs. Other peers stay. */
void tl_wgconf_keep_unnamed(struct tl_conf_device *device);

#endif
