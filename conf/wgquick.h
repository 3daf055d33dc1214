/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * wgquick.h - the keys of [Interface] that wg-quick(8) adds to those of wg(8).
 *
 * Case does not matter in keys. '#' begins a comment, also inside a hook. Address, DNS and the
 * hooks accumulate; of other keys the last one counts, and a key without a value counts as missing.
 * Unlike wg-quick, this refuses values that ip(8) would refuse later: an invalid address, an MTU
 * out of range, a table that is neither a number nor a name.
 *
 * Source: wg-quick(8), "CONFIGURATION".
 * Threads: pure functions of their arguments. */
#ifndef CONF_WGQUICK_H
#define CONF_WGQUICK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/endpoint.h"
#include "base/enum.h"
#include "conf/address.h"
#include "conf/mistakes.h"
#include "conf/text.h"

enum {
        TL_WGQUICK_MTU_MIN = 68, /* RFC 791 */
        TL_WGQUICK_MTU_MAX = 65535,
        TL_WGQUICK_TABLE_SIZE = 64, /* the longest name of a table with its terminator */
};

/* When a hook runs, in the order of an interface's life. */
#define TL_WGQUICK_HOOKS(X) \
        X(TL_WGQUICK_PRE_UP, 0, PreUp, "before the interface is made") \
        X(TL_WGQUICK_POST_UP, 1, PostUp, "when it is up") \
        X(TL_WGQUICK_PRE_DOWN, 2, PreDown, "before it goes") \
        X(TL_WGQUICK_POST_DOWN, 3, PostDown, "when it is gone")
WG_ENUM_DECLARE(tl_wgquick_hook, TL_WGQUICK_HOOKS)
enum { TL_WGQUICK_HOOK_COUNT = 4 };

/* Where routes go. */
#define TL_WGQUICK_ROUTINGS(X) \
        X(TL_WGQUICK_ROUTING_AUTO, 0, automatic, \
          "the main table, and one of their own for default routes") \
        X(TL_WGQUICK_ROUTING_OFF, 1, off, "nowhere") \
        X(TL_WGQUICK_ROUTING_TABLE, 2, table, "a table that was named")
WG_ENUM_DECLARE(tl_wgquick_routing, TL_WGQUICK_ROUTINGS)

/* An address of the interface. Unlike a prefix, it has its host bits. */
struct tl_wgquick_address {
        struct wg_ip ip;
        uint8_t cidr;
};

/* A name server. */
struct tl_wgquick_server {
        struct wg_ip ip;
        struct tl_text zone; /* of a link-local address; empty if it has none */
};

/* Texts of one kind, each a part of the file. */
struct tl_wgquick_list {
        struct tl_text *items;
        uint32_t count, capacity;
};

struct tl_wgquick {
        struct tl_wgquick_address *addresses;
        uint32_t address_count, address_capacity;
        struct tl_wgquick_server *dns;
        uint32_t dns_count, dns_capacity;
        struct tl_wgquick_list dns_search;                   /* domains from DNS */
        struct tl_wgquick_list hooks[TL_WGQUICK_HOOK_COUNT]; /* by enum tl_wgquick_hook */
        uint32_t mtu;                                        /* 0: not given */
        enum tl_wgquick_routing routing;
        char table[TL_WGQUICK_TABLE_SIZE]; /* with ROUTING_TABLE: a number or a name */
        bool has_table;                    /* the file has this key, perhaps with auto */
        bool save_config;
};

/* Reads these keys, and ignores everything else in the text. Lists point into the text. If there
 * are mistakes, returns false, adds them to *mistakes (EINVAL), and leaves *quick untouched. If
 * memory runs out, it adds that (ENOMEM) and stops. On success the caller releases *quick. Keys
 * in an unknown section, which tl_wgconf_parse() reports, are not stored, but mistakes in their
 * values are added. */
bool tl_wgquick_parse(const char *text, size_t len, struct tl_wgquick *quick,
                      struct tl_mistakes *mistakes) WG_MUST_USE;

enum { TL_WGQUICK_SERVER_SIZE = TL_ADDRESS_IP_SIZE + 1 + TL_CONF_ZONE_SIZE };

/* Writes a name server, followed by % and its zone if it has one. */
void tl_wgquick_format_server(char out[TL_WGQUICK_SERVER_SIZE],
                              const struct tl_wgquick_server *server);

/* Releases everything. Accepts zeroed memory. */
void tl_wgquick_done(struct tl_wgquick *quick);

/* Overwrites the lines of these keys with blanks. The rest is for wg(8), and no byte moves. */
void tl_wgquick_blank(char *text, size_t len);

/* Removes the lines instead. Returns the new length. */
size_t tl_wgquick_strip(char *text, size_t len);

#endif
