/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "core/identity.h"

#include "base/mem.h"

void wg_identity_mac1_key(uint8_t key[WG_HASH_LEN], const uint8_t public_key[WG_KEY_LEN])
{
        wg_hash(key, "mac1----", 8, public_key, WG_KEY_LEN);
}

void wg_identity_cookie_key(uint8_t key[WG_HASH_LEN], const uint8_t public_key[WG_KEY_LEN])
{
        wg_hash(key, "cookie--", 8, public_key, WG_KEY_LEN);
}

struct wg_identity *wg_identity_new(const struct wg_env *env, const uint8_t private_key[WG_KEY_LEN])
{
        struct wg_identity *id = env->alloc(env->ctx, sizeof(*id));

        if (!id)
                return NULL;
        id->env = env;
        memcpy(id->private_key, private_key, WG_KEY_LEN);
        wg_x25519_clamp(id->private_key);
        id->key = wg_x25519_key_new(id->private_key);
        if (!id->key) {
                wg_identity_free(id);
                return NULL;
        }
        wg_identity_mac1_key(id->mac1_key, wg_x25519_key_public(id->key));
        wg_identity_cookie_key(id->cookie_key, wg_x25519_key_public(id->key));
        return id;
}

void wg_identity_free(struct wg_identity *id)
{
        const struct wg_env *env;

        if (!id)
                return;
        env = id->env;
        wg_x25519_key_free(id->key);
        wg_wipe(id, sizeof(*id));
        env->free(env->ctx, id, sizeof(*id));
}

static void release(struct wg_retired *retired)
{
        wg_identity_free(WG_CONTAINER_OF(retired, struct wg_identity, retired));
}

void wg_identity_retire(struct wg_identity *id)
{
        if (!id)
                return;
        id->retired.release = release;
        id->env->retire(id->env->ctx, &id->retired);
}
