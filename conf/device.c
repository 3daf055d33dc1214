/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "conf/device.h"

#include <stdlib.h>

#define CAPACITY_MIN 4u

/* Twice the room for items of `size` bytes. By hand and not by realloc(), which would leave keys
 * behind in memory that is free. Returns NULL, and changes nothing, where memory is missing. */
static void *grow(void *items, uint32_t count, uint32_t *capacity, size_t size)
{
        uint32_t new_capacity = WG_MAX(*capacity, CAPACITY_MIN / 2) * 2;
        void *new_items;

        if (*capacity > UINT32_MAX / 2)
                return NULL;
        new_items = calloc(new_capacity, size);
        if (!new_items)
                return NULL;
        if (items) {
                memcpy(new_items, items, count * size);
                wg_wipe(items, count * size);
                free(items);
        }
        *capacity = new_capacity;
        return new_items;
}

void tl_conf_device_init(struct tl_conf_device *device)
{
        *device = (struct tl_conf_device){0};
}

void tl_conf_device_done(struct tl_conf_device *device)
{
        for (uint32_t i = 0; i < device->peer_count; i++)
                free(device->peers[i].endpoint_host);
        if (device->peers)
                wg_wipe(device->peers, device->peer_count * sizeof(*device->peers));
        free(device->peers);
        free(device->allowed_ips);
        wg_wipe(device, sizeof(*device));
}

struct tl_conf_peer *tl_conf_device_add_peer(struct tl_conf_device *device,
                                             const uint8_t public_key[TL_CONF_KEY_LEN])
{
        struct tl_conf_peer *peer;

        if (device->peer_count == device->peer_capacity) {
                void *peers = grow(device->peers, device->peer_count, &device->peer_capacity,
                                   sizeof(*device->peers));

                if (!peers)
                        return NULL;
                device->peers = peers;
        }
        peer = &device->peers[device->peer_count++];
        memcpy(peer->public_key, public_key, sizeof(peer->public_key));
        peer->allowed_ip_first = device->allowed_ip_count;
        return peer;
}

bool tl_conf_device_add_allowed_ip(struct tl_conf_device *device, const struct wg_prefix *prefix,
                                   bool remove)
{
        WG_ASSERT(device->peer_count > 0);
        if (device->allowed_ip_count == device->allowed_ip_capacity) {
                void *allowed_ips = grow(device->allowed_ips, device->allowed_ip_count,
                                         &device->allowed_ip_capacity,
                                         sizeof(*device->allowed_ips));

                if (!allowed_ips)
                        return false;
                device->allowed_ips = allowed_ips;
        }
        device->allowed_ips[device->allowed_ip_count++] = (struct tl_conf_allowed_ip){
                .prefix = *prefix,
                .remove = remove,
        };
        device->peers[device->peer_count - 1].allowed_ip_count++;
        return true;
}
