/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * change.h - one change to a WireGuard device, from the UAPI or from a configuration file.
 *
 * A field with a has_ flag counts only if the flag is set; without it, the device keeps its
 * value. Peers are applied in order, and a public key may occur more than once. The peers, and
 * the allowed IPs of all of them, are in two rows that grow without moving. So a request of a
 * million peers needs few allocations, copies nothing, and leaves no key in freed memory.
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
        bool remove;             /* remove it, if this peer has it */
};

struct tl_change_peer {
        uint8_t public_key[TL_CONF_KEY_LEN];
        uint8_t preshared_key[TL_CONF_KEY_LEN]; /* zeros: none */

        /* One of three: an address, with a scope number if it has one; an address and the name of
         * its zone, with `endpoint.scope` 0; or a host name and `endpoint.port`, with `endpoint.ip`
         * NONE. The latter two are resolved into `endpoint` before use. */
        struct wg_endpoint endpoint;
        char zone[TL_CONF_ZONE_SIZE]; /* "": none, or a number */
        char *endpoint_host;          /* NULL: none; owned */

        uint32_t allowed_ip_first; /* index into allowed_ips */
        uint32_t allowed_ip_count;
        uint16_t persistent_keepalive_s; /* 0: off */

        bool remove;              /* the rest of the peer is ignored */
        bool update_only;         /* an unknown peer is not created */
        bool replace_allowed_ips; /* the old ones are removed first */
        bool has_preshared_key;
        bool has_endpoint;
        bool has_persistent_keepalive;

        /* Whether the file names them. */
        bool names_preshared_key;
        bool names_allowed_ips;
        bool names_bad_port; /* the endpoint is ignored: its port is not 1 to 65535 */
};

/* Items in pieces of memory, each twice as large as the one before. */
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
        bool replace_peers; /* the old ones are removed first */

        /* Whether the file names them. */
        bool names_private_key;
        bool names_listen_port;
        bool names_fwmark;

        /* Where the file has a listen port above 65535; line 0: nowhere. */
        uint32_t bad_listen_port_line, bad_listen_port_column;

        struct tl_change_row peers;       /* of struct tl_change_peer */
        struct tl_change_row allowed_ips; /* of struct tl_change_allowed_ip */
        uint32_t peer_count;
        uint32_t allowed_ip_count;
};

/* Makes an empty change, which owns nothing. */
void tl_change_init(struct tl_change *change);

/* Wipes and frees everything. The change is then empty, as after init. */
void tl_change_done(struct tl_change *change);

/* Wipes and frees the last `most` peers, but not their allowed IPs, so that done() takes less time:
 * wiping a million peers would block the caller. Returns how many; fewer than `most` means that
 * none is left. */
uint32_t tl_change_drop_peers(struct tl_change *change, uint32_t most);

/* Appends a peer that has only a public key. Returns it, borrowed until done() or drop_peers();
 * NULL, and nothing changed, if there is no memory. */
struct tl_change_peer *tl_change_add_peer(struct tl_change *change,
                                          const uint8_t public_key[TL_CONF_KEY_LEN]) WG_MUST_USE;

/* Appends an allowed IP to the last peer; there must be one. Returns false, and changes nothing, if
 * there is no memory. */
bool tl_change_add_allowed_ip(struct tl_change *change, const struct wg_prefix *prefix,
                              bool remove) WG_MUST_USE;

/* Item i, which must be below the count. */
static inline void *tl_change_row_at(const struct tl_change_row *row, uint32_t i, size_t size)
{
        unsigned int piece = wg_bits_last32(i / TL_CHANGE_ROW_FIRST + 1) - 1;
        uint32_t first = TL_CHANGE_ROW_FIRST * ((UINT32_C(1) << piece) - 1);

        return (char *)row->pieces[piece] + (i - first) * size;
}

/* Peer i, below peer_count. */
static inline struct tl_change_peer *tl_change_peer_at(const struct tl_change *change, uint32_t i)
{
        return tl_change_row_at(&change->peers, i, sizeof(struct tl_change_peer));
}

/* The last peer, or NULL. */
static inline struct tl_change_peer *tl_change_last_peer(const struct tl_change *change)
{
        return change->peer_count ? tl_change_peer_at(change, change->peer_count - 1) : NULL;
}

/* Allowed IP i, below allowed_ip_count, of any peer. */
static inline const struct tl_change_allowed_ip *
tl_change_allowed_ip_at(const struct tl_change *change, uint32_t i)
{
        return tl_change_row_at(&change->allowed_ips, i, sizeof(struct tl_change_allowed_ip));
}

/* Allowed IP i of a peer, below its allowed_ip_count. */
static inline const struct tl_change_allowed_ip *
tl_change_peer_allowed_ip(const struct tl_change *change, const struct tl_change_peer *peer,
                          uint32_t i)
{
        return tl_change_allowed_ip_at(change, peer->allowed_ip_first + i);
}

#endif
