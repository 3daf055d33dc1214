/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "conf/change.h"

#include <stdlib.h>

/* All but the last piece are full. */
#define ITEMS_MAX (TL_CHANGE_ROW_FIRST * ((UINT32_C(1) << TL_CHANGE_ROW_PIECES) - 1))

/* The piece that item i begins; -1: it begins none. */
static int piece_begun_by(uint32_t i)
{
        uint32_t nth = i / TL_CHANGE_ROW_FIRST + 1;

        return i % TL_CHANGE_ROW_FIRST || (nth & (nth - 1)) ? -1 : (int)wg_bits_last32(nth) - 1;
}

/* Appends a zeroed item; `count` is the number of items so far. NULL: no memory. */
static void *append(struct tl_change_row *row, uint32_t count, size_t size)
{
        int piece = piece_begun_by(count);

        if (count == ITEMS_MAX)
                return NULL;
        if (piece >= 0) {
                row->pieces[piece] = calloc((size_t)TL_CHANGE_ROW_FIRST << piece, size);
                if (!row->pieces[piece])
                        return NULL;
        }
        return tl_change_row_at(row, count, size);
}

void tl_change_init(struct tl_change *change)
{
        *change = (struct tl_change){0};
}

uint32_t tl_change_drop_peers(struct tl_change *change, uint32_t most)
{
        uint32_t dropped = 0;

        for (; dropped < most && change->peer_count; dropped++) {
                struct tl_change_peer *peer = tl_change_last_peer(change);
                int piece = piece_begun_by(--change->peer_count);

                free(peer->endpoint_host);
                wg_wipe(peer, sizeof(*peer));
                if (piece < 0)
                        continue;
                free(change->peers.pieces[piece]);
                change->peers.pieces[piece] = NULL;
        }
        return dropped;
}

void tl_change_done(struct tl_change *change)
{
        tl_change_drop_peers(change, UINT32_MAX);
        for (unsigned int i = 0; i < TL_CHANGE_ROW_PIECES; i++)
                free(change->allowed_ips.pieces[i]);
        wg_wipe(change, sizeof(*change));
}

struct tl_change_peer *tl_change_add_peer(struct tl_change *change,
                                          const uint8_t public_key[TL_CONF_KEY_LEN])
{
        struct tl_change_peer *peer = append(&change->peers, change->peer_count, sizeof(*peer));

        if (!peer)
                return NULL;
        change->peer_count++;
        memcpy(peer->public_key, public_key, sizeof(peer->public_key));
        peer->allowed_ip_first = change->allowed_ip_count;
        return peer;
}

bool tl_change_add_allowed_ip(struct tl_change *change, const struct wg_prefix *prefix, bool remove)
{
        struct tl_change_allowed_ip *ip = append(&change->allowed_ips, change->allowed_ip_count,
                                                 sizeof(*ip));

        WG_ASSERT(change->peer_count > 0);
        if (!ip)
                return false;
        change->allowed_ip_count++;
        *ip = (struct tl_change_allowed_ip){.prefix = *prefix, .remove = remove};
        tl_change_last_peer(change)->allowed_ip_count++;
        return true;
}
