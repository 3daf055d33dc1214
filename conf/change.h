/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * change.h - one change to a WireGuard device, as the UAPI and configuration files ask for it.
 *
 * A field counts only where its has_ flag is set; what is not given stays as it is. Peers are
 * meant in order, and one public key may come more than once. Peers and the allowed IPs of all of them
 * lie in two rows that grow without moving: a request of a million peers costs few allocations, copies
 * nothing, and leaves no key in memory that was given back.
 * Threads: one owner at a time. */
#ifndef CONF_CHANGE_H
#define CONF_CHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/bits.h"
#include "base/endpoint.h"
#include "base/prefix.h"

#define TL_CONF_KEY_LEN 32
#define TL_CONF_ZONE_SIZE 16 /* IFNAMSIZ: the longest interface name with its terminator */

struct tl_change_allowed_ip {
        struct wg_prefix prefix; /* masked */
        bool remove;             /* take it away, where this peer has it */
};

struct tl_change_peer {
        uint8_t public_key[TL_CONF_KEY_LEN];
        uint8_t preshared_key[TL_CONF_KEY_LEN]; /* zeros: none */

        /* Exactly one of three: an address (with its number of scope where it has one); an address
         * and the name of its zone, `endpoint.scope` still 0; a host name and `endpoint.port`,
         * `endpoint.ip` still NONE. The daemon resolves the latter two into `endpoint`. */
        struct wg_endpoint endpoint;
        char zone[TL_CONF_ZONE_SIZE]; /* "": none, or numeric */
        char *endpoint_host;          /* NULL: none; owned */

        uint32_t allowed_ip_first; /* index into the device's allowed_ips */
        uint32_t allowed_ip_count;
        uint16_t persistent_keepalive_s; /* 0: off */

        bool remove;              /* and nothing else about this peer counts */
        bool update_only;         /* an unknown peer is not created */
        bool replace_allowed_ips; /* all it has go first */
        bool has_preshared_key;
        bool has_endpoint;
        bool has_persistent_keepalive;

        /* Whether the file that this was read from names them. */
        bool names_preshared_key;
        bool names_allowed_ips;
        bool names_bad_port; /* the endpoint was ignored: its port is below 1 or above 65535 */
};

/* Items in pieces of memory, each with room for twice as many as the one before it. */
#define TL_CHANGE_ROW_FIRST UINT32_C(4)
#define TL_CHANGE_ROW_PIECES 28

struct tl_change_row {
        void *pieces[TL_CHANGE_ROW_PIECES];
};

struct tl_change {
        uint8_t private_key[TL_CONF_KEY_LEN]; /* not clamped; zeros: none */
        uint32_t fwmark;                      /* 0: none */
        uint16_t listen_port;                 /* 0: the daemon chooses */
        bool has_private_key;
        bool has_fwmark;
        bool has_listen_port;
        bool replace_peers; /* all peers there are go first */

        /* Whether the file that this was read from names them. */
        bool names_private_key;
        bool names_listen_port;
        bool names_fwmark;

        /* Where in that file a listen port above 65535 is; the line is 0 if there is none. */
        uint32_t bad_listen_port_line, bad_listen_port_column;

        struct tl_change_row peers;       /* of struct tl_change_peer */
        struct tl_change_row allowed_ips; /* of struct tl_change_allowed_ip */
        uint32_t peer_count;
        uint32_t allowed_ip_count;
};

/* Makes an empty change; owns nothing yet. */
void tl_change_init(struct tl_change *change);

/* Wipes and frees all; the change is empty after, as after init. */
void tl_change_done(struct tl_change *change);

/* Wipes and frees the last `most` peers, so that done() has less to do; for those who cannot wait until
 * a million are wiped. Their allowed IPs stay. Returns how many: fewer than most, when none is left. */
uint32_t tl_change_drop_peers(struct tl_change *change, uint32_t most);

/* Appends a peer with nothing but its public key. Returns it, borrowed until done() or drop_peers();
 * NULL where memory is missing, and nothing changed. */
struct tl_change_peer *tl_change_add_peer(struct tl_change *change,
                                          const uint8_t public_key[TL_CONF_KEY_LEN]) WG_MUST_USE;

/* Appends an allowed IP to the peer added last; there must be one. Returns false where memory is
 * missing, and nothing changed. */
bool tl_change_add_allowed_ip(struct tl_change *change, const struct wg_prefix *prefix,
                              bool remove) WG_MUST_USE;

/* The item of a number below the count. */
static inline void *tl_change_row_at(const struct tl_change_row *row, uint32_t i, size_t size)
{
        unsigned int piece = wg_bits_last32(i / TL_CHANGE_ROW_FIRST + 1) - 1;
        uint32_t first = TL_CHANGE_ROW_FIRST * ((UINT32_C(1) << piece) - 1);

        return (char *)row->pieces[piece] + (i - first) * size;
}

/* The peer of a number below peer_count. */
static inline struct tl_change_peer *tl_change_peer_at(const struct tl_change *change, uint32_t i)
{
        return tl_change_row_at(&change->peers, i, sizeof(struct tl_change_peer));
}

/* The last peer, or NULL. */
static inline struct tl_change_peer *tl_change_last_peer(const struct tl_change *change)
{
        return change->peer_count ? tl_change_peer_at(change, change->peer_count - 1) : NULL;
}

/* The allowed IP of a number below allowed_ip_count, whosever it is. */
static inline const struct tl_change_allowed_ip *
tl_change_allowed_ip_at(const struct tl_change *change, uint32_t i)
{
        return tl_change_row_at(&change->allowed_ips, i, sizeof(struct tl_change_allowed_ip));
}

/* A peer's allowed IP of a number below its allowed_ip_count. */
static inline const struct tl_change_allowed_ip *
tl_change_peer_allowed_ip(const struct tl_change *change, const struct tl_change_peer *peer,
                          uint32_t i)
{
        return tl_change_allowed_ip_at(change, peer->allowed_ip_first + i);
}

#endif
