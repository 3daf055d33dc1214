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

/* Where all peers are replaced, one that is listed again under the same preshared key goes on. */
static bool goes_on(const struct wg_peer *peer, const struct tl_conf_peer *wanted)
{
        if (!wanted->has_preshared_key)
                return wg_is_zero(peer->preshared_key, WG_KEY_LEN);
        return wg_equal(peer->preshared_key, wanted->preshared_key, WG_KEY_LEN);
}

/* How many peers the change may add: a listed one that is known counts only if the change may have
 * removed it before. */
static size_t count_new_peers(const struct tl_device *device, const struct tl_conf_device *change)
{
        bool may_remove = false;
        size_t count = 0;

        for (uint32_t i = 0; i < change->peer_count; i++) {
                const struct tl_conf_peer *wanted = &change->peers[i];
                const struct wg_peer *peer = wg_engine_find_peer(&device->engine,
                                                                 wanted->public_key);

                may_remove |= wanted->remove;
                if (!wanted->remove &&
                    (may_remove || !peer || (change->replace_peers && !goes_on(peer, wanted))))
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
                       const struct tl_conf_peer *wanted, uint64_t last_old, struct wg_now now)
{
        struct wg_engine *engine = &device->engine;
        const struct tl_conf_allowed_ip *ips = tl_conf_peer_allowed_ips(change, wanted);
        struct wg_peer *peer = wg_engine_find_peer(engine, wanted->public_key);

        bool is_old = peer && peer->serial <= last_old,
             renews = is_old && !wanted->remove && !wanted->update_only && goes_on(peer, wanted);

        if (peer && (wanted->remove || (is_old && !renews))) {
                wg_engine_remove_peer(engine, peer);
                peer = NULL;
        }
        /* Our own public key is accepted and means nobody, so that one list serves all peers. */
        if (wanted->remove ||
            (!peer && (wanted->update_only || is_self(engine, wanted->public_key))))
                return;
        if (!peer)
                peer = wg_engine_add_peer(engine, wanted->public_key);
        if (renews)
                wg_engine_renew_peer(engine, peer);
        if (wanted->has_preshared_key)
                wg_engine_set_preshared_key(peer, wanted->preshared_key);
        if (wanted->has_endpoint)
                wg_engine_set_endpoint(peer, &wanted->endpoint);
        if (wanted->replace_allowed_ips || renews)
                wg_engine_disallow_first(peer, SIZE_MAX);
        for (uint32_t i = 0; i < wanted->allowed_ip_count; i++) {
                if (ips[i].remove)
                        wg_engine_disallow(peer, &ips[i].prefix);
                else
                        wg_engine_allow(peer, &ips[i].prefix);
        }
        if (wanted->has_persistent_keepalive || renews)
                wg_engine_set_keepalive(peer, wanted->persistent_keepalive_s, now);
        wg_engine_peer_changed(peer, now);
}

int tl_apply(struct tl_device *device, struct tl_conf_device *change)
{
        struct wg_engine *engine = &device->engine;
        struct wg_identity *identity = NULL;
        struct wg_now now = tl_device_now();
        uint64_t last_old;
        int error = prepare(device, change, &identity);

        if (!error)
                error = change_sockets(device, change);
        if (error) {
                wg_identity_free(identity);
                wg_engine_unreserve(engine, SIZE_MAX);
                return error;
        }
        if (change->has_private_key)
                wg_engine_set_identity(engine, identity, now);
        last_old = change->replace_peers ? engine->peers_made : 0;
        for (uint32_t i = 0; i < change->peer_count; i++)
                apply_peer(device, change, &change->peers[i], last_old, now);
        WG_LIST_EACH(node, &engine->peers) {
                struct wg_peer *peer = WG_CONTAINER_OF(node, struct wg_peer, in_order);

                if (peer->serial > last_old)
                        break;
                wg_engine_remove_peer(engine, peer);
        }
        wg_engine_commit(engine, SIZE_MAX);
        wg_engine_unreserve(engine, SIZE_MAX);
        device->generation++;
        return 0;
}
