/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "conf/device.h"

#include <stdlib.h>

/* All but the last piece are full. */
#define ITEMS_MAX (TL_CONF_ROW_FIRST * ((UINT32_C(1) << TL_CONF_ROW_PIECES) - 1))

/* Which piece the item of a number begins; below 0: it lies inside of one. */
static int piece_begun_by(uint32_t i)
{
        uint32_t nth = i / TL_CONF_ROW_FIRST + 1;

        return i % TL_CONF_ROW_FIRST || (nth & (nth - 1)) ? -1 : (int)wg_bits_last32(nth) - 1;
}

/* A zeroed item for a number that is the count so far; NULL: no memory. */
static void *append(struct tl_conf_row *row, uint32_t count, size_t size)
{
        int piece = piece_begun_by(count);

        if (count == ITEMS_MAX)
                return NULL;
        if (piece >= 0) {
                row->pieces[piece] = calloc((size_t)TL_CONF_ROW_FIRST << piece, size);
                if (!row->pieces[piece])
                        return NULL;
        }
        return tl_conf_row_at(row, count, size);
}

void tl_conf_device_init(struct tl_conf_device *device)
{
        *device = (struct tl_conf_device){0};
}

uint32_t tl_conf_device_drop_peers(struct tl_conf_device *device, uint32_t most)
{
        uint32_t dropped = 0;

        for (; dropped < most && device->peer_count; dropped++) {
                struct tl_conf_peer *peer = tl_conf_device_last_peer(device);
                int piece = piece_begun_by(--device->peer_count);

                free(peer->endpoint_host);
                wg_wipe(peer, sizeof(*peer));
                if (piece < 0)
                        continue;
                free(device->peers.pieces[piece]);
                device->peers.pieces[piece] = NULL;
        }
        return dropped;
}

void tl_conf_device_done(struct tl_conf_device *device)
{
        tl_conf_device_drop_peers(device, UINT32_MAX);
        for (unsigned int i = 0; i < TL_CONF_ROW_PIECES; i++)
                free(device->allowed_ips.pieces[i]);
        wg_wipe(device, sizeof(*device));
}

struct tl_conf_peer *tl_conf_device_add_peer(struct tl_conf_device *device,
                                             const uint8_t public_key[TL_CONF_KEY_LEN])
{
        struct tl_conf_peer *peer = append(&device->peers, device->peer_count, sizeof(*peer));

        if (!peer)
                return NULL;
        device->peer_count++;
        memcpy(peer->public_key, public_key, sizeof(peer->public_key));
        peer->allowed_ip_first = device->allowed_ip_count;
        return peer;
}

bool tl_conf_device_add_allowed_ip(struct tl_conf_device *device, const struct wg_prefix *prefix,
                                   bool remove)
{
        struct tl_conf_allowed_ip *ip = append(&device->allowed_ips, device->allowed_ip_count,
                                               sizeof(*ip));

        WG_ASSERT(device->peer_count > 0);
        if (!ip)
                return false;
        device->allowed_ip_count++;
        *ip = (struct tl_conf_allowed_ip){.prefix = *prefix, .remove = remove};
        tl_conf_device_last_peer(device)->allowed_ip_count++;
        return true;
}
