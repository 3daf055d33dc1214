/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * apply.c - from a change of configuration to the engine.
 *
 * First all that can fail: zones are looked up, memory is taken, sockets are opened. Then all that
 * cannot. */
#include <errno.h>

#include "daemon/uapi.h"

static int resolve_zones(struct tl_device *device, struct tl_conf_device *change)
{
        for (uint32_t i = 0; i < change->peer_count; i++) {
                struct tl_conf_peer *peer = &change->peers[i];

                int error;

                if (!peer->has_endpoint || !peer->zone[0])
                        continue;
                error = tl_routes_find_link(&device->pins.routes, peer->zone,
                                            &peer->endpoint.scope);
                if (error)
                        return error;
        }
        return 0;
}

/* How many peers the change may add: a listed one that is known counts only if the change may have
 * removed it before. */
static size_t count_new_peers(const struct tl_device *device, const struct tl_conf_device *change)
{
        bool may_remove = change->replace_peers;
        size_t count = 0;

        for (uint32_t i = 0; i < change->peer_count; i++) {
                const struct tl_conf_peer *peer = &change->peers[i];

                may_remove |= peer->remove;
                if (!peer->remove &&
                    (may_remove || !wg_engine_find_peer(&device->engine, peer->public_key)))
                        count++;
        }
        return count;
}

static int prepare(struct tl_device *device, struct tl_conf_device *change,
                   struct wg_identity **identity)
{
        int error = resolve_zones(device, change);

        if (error)
                return error;
        if (change->has_private_key && !wg_is_zero(change->private_key, TL_CONF_KEY_LEN)) {
                *identity = wg_identity_new(&device->env, change->private_key);
                if (!*identity)
                        return -ENOMEM;
        }
        if (!wg_engine_reserve(&device->engine, count_new_peers(device, change),
                               change->allowed_ip_count))
                return -ENOMEM;
        return 0;
}

/* Mark and port. The one that was changed first is changed back when the other fails. */
static int change_sockets(struct tl_device *device, const struct tl_conf_device *change)
{
        uint32_t mark_before = device->fwmark;
        int error = 0;

        if (change->has_fwmark)
                error = tl_device_set_fwmark(device, change->fwmark);
        if (error || !change->has_listen_port)
                return error;
        error = tl_device_set_port(device, change->listen_port);
        if (error)
                (void)!tl_device_set_fwmark(device, mark_before);
        return error;
}

static bool is_self(const struct wg_engine *engine, const uint8_t public_key[TL_CONF_KEY_LEN])
{
        const struct wg_identity *identity = atomic_load(&engine->identity);

        return identity &&
               memcmp(wg_x25519_key_public(identity->key), public_key, TL_CONF_KEY_LEN) == 0;
}

static void apply_peer(struct tl_device *device, const struct tl_conf_device *change,
                       const struct tl_conf_peer *wanted, struct wg_now now)
{
        struct wg_engine *engine = &device->engine;
        const struct tl_conf_allowed_ip *ips = tl_conf_peer_allowed_ips(change, wanted);
        struct wg_peer *peer = wg_engine_find_peer(engine, wanted->public_key);

        if (wanted->remove) {
                if (peer)
                        wg_engine_remove_peer(engine, peer);
                return;
        }
        /* Our own public key is accepted and means nobody, so that one list serves all peers. */
        if (!peer && (wanted->update_only || is_self(engine, wanted->public_key)))
                return;
        if (!peer)
                peer = wg_engine_add_peer(engine, wanted->public_key);
        if (wanted->has_preshared_key)
                wg_engine_set_preshared_key(peer, wanted->preshared_key);
        if (wanted->has_endpoint)
                wg_engine_set_endpoint(peer, &wanted->endpoint);
        if (wanted->replace_allowed_ips)
                wg_engine_disallow_all(peer);
        for (uint32_t i = 0; i < wanted->allowed_ip_count; i++) {
                if (ips[i].remove)
                        wg_engine_disallow(peer, &ips[i].prefix);
                else
                        wg_engine_allow(peer, &ips[i].prefix);
        }
        if (wanted->has_persistent_keepalive)
                wg_engine_set_keepalive(peer, wanted->persistent_keepalive_s, now);
        wg_engine_peer_changed(peer, now);
}

int tl_apply(struct tl_device *device, struct tl_conf_device *change)
{
        struct wg_engine *engine = &device->engine;
        struct wg_identity *identity = NULL;
        struct wg_now now = tl_device_now();
        int error = prepare(device, change, &identity);

        if (!error)
                error = change_sockets(device, change);
        if (error) {
                wg_identity_free(identity);
                wg_engine_unreserve(engine);
                return error;
        }
        if (change->has_private_key)
                wg_engine_set_identity(engine, identity, now);
        if (change->replace_peers)
                WG_LIST_EACH(node, &engine->peers)
                        wg_engine_remove_peer(engine,
                                              WG_CONTAINER_OF(node, struct wg_peer, in_order));
        for (uint32_t i = 0; i < change->peer_count; i++)
                apply_peer(device, change, &change->peers[i], now);
        wg_engine_unreserve(engine);
        device->generation++;
        return 0;
}
