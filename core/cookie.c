/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "core/cookie.h"

#include "base/mem.h"
#include "core/limits.h"
#include "crypto/xchacha.h"

static size_t mac1_at(size_t len)
{
        return len - 2 * WG_MESSAGE_MAC_LEN;
}

static size_t mac2_at(size_t len)
{
        return len - WG_MESSAGE_MAC_LEN;
}

/* Whether there is a secret and it is fresh. */
static bool has_secret(const struct wg_cookie_maker *maker, uint64_t now_ns)
{
        uint64_t born_ns = atomic_load_explicit(&maker->born_ns, memory_order_relaxed);

        return born_ns && now_ns - born_ns < WG_COOKIE_SECRET_LIFE;
}

static void make_secret(struct wg_cookie_maker *maker, const struct wg_env *env, uint64_t now_ns)
{
        uint64_t secret[WG_ARRAY_SIZE(maker->secret)];

        env->random(env->ctx, secret, sizeof(secret));
        for (size_t i = 0; i < WG_ARRAY_SIZE(secret); i++)
                atomic_store_explicit(&maker->secret[i], secret[i], memory_order_relaxed);
        atomic_store_explicit(&maker->born_ns, now_ns, memory_order_relaxed);
        wg_wipe(secret, sizeof(secret));
}

/* The cookie of a source: a MAC over its address and port under the secret. */
static void make_cookie(const struct wg_cookie_maker *maker, const struct wg_endpoint *from,
                        uint8_t cookie[WG_MAC_LEN])
{
        uint64_t secret[WG_ARRAY_SIZE(maker->secret)];
        uint8_t source[sizeof(from->ip.bytes) + 2];
        size_t len = wg_ip_bits(&from->ip) / 8;

        for (size_t i = 0; i < WG_ARRAY_SIZE(secret); i++)
                secret[i] = atomic_load_explicit(&maker->secret[i], memory_order_relaxed);
        memcpy(source, from->ip.bytes, len);
        wg_be16_store(source + len, from->port);
        wg_mac(cookie, (const uint8_t *)secret, sizeof(secret), source, len + 2);
        wg_wipe(secret, sizeof(secret));
}

bool wg_cookie_has_mac1(const uint8_t mac1_key[WG_HASH_LEN], const uint8_t *message, size_t len)
{
        uint8_t mac[WG_MAC_LEN];

        wg_mac(mac, mac1_key, WG_HASH_LEN, message, mac1_at(len));
        return wg_equal(mac, message + mac1_at(len), sizeof(mac));
}

bool wg_cookie_has_mac2(const struct wg_cookie_maker *maker, uint64_t now_ns,
                        const uint8_t *message, size_t len, const struct wg_endpoint *from)
{
        uint8_t cookie[WG_MAC_LEN], mac[WG_MAC_LEN];

        /* A sender without a cookie sends zeros, so this rejects most of a flood cheaply. */
        if (!has_secret(maker, now_ns) || wg_is_zero(message + mac2_at(len), WG_MESSAGE_MAC_LEN))
                return false;
        make_cookie(maker, from, cookie);
        wg_mac(mac, cookie, sizeof(cookie), message, mac2_at(len));
        wg_wipe(cookie, sizeof(cookie));
        return wg_equal(mac, message + mac2_at(len), sizeof(mac));
}

void wg_cookie_reply(struct wg_cookie_maker *maker, const struct wg_env *env, uint64_t now_ns,
                     const struct wg_identity *identity, const uint8_t *message, size_t len,
                     uint32_t receiver, const struct wg_endpoint *from,
                     uint8_t reply[WG_COOKIE_LEN])
{
        uint8_t cookie[WG_MAC_LEN];

        if (!has_secret(maker, now_ns))
                make_secret(maker, env, now_ns);
        make_cookie(maker, from, cookie);
        wg_le32_store(reply, WG_MESSAGE_COOKIE);
        wg_le32_store(reply + WG_COOKIE_RECEIVER, receiver);
        env->random(env->ctx, reply + WG_COOKIE_NONCE, WG_XCHACHA_NONCE_LEN);
        wg_xchacha_seal(reply + WG_COOKIE_SEALED, cookie, sizeof(cookie), message + mac1_at(len),
                        WG_MAC_LEN, reply + WG_COOKIE_NONCE, identity->cookie_key);
        wg_wipe(cookie, sizeof(cookie));
}

void wg_cookie_add_macs(struct wg_cookie_jar *jar, const uint8_t public_key[WG_KEY_LEN],
                        uint64_t now_ns, uint8_t *message, size_t len)
{
        uint8_t mac1_key[WG_HASH_LEN];
        uint8_t *mac1 = message + mac1_at(len), *mac2 = message + mac2_at(len);

        wg_identity_mac1_key(mac1_key, public_key);
        wg_mac(mac1, mac1_key, sizeof(mac1_key), message, mac1_at(len));
        memcpy(jar->mac1_sent, mac1, WG_MAC_LEN);
        jar->has_sent = true;
        if (jar->born_ns && now_ns - jar->born_ns < WG_COOKIE_LIFE)
                wg_mac(mac2, jar->cookie, sizeof(jar->cookie), message, mac2_at(len));
        else
                memset(mac2, 0, WG_MAC_LEN);
}

bool wg_cookie_store(struct wg_cookie_jar *jar, const uint8_t public_key[WG_KEY_LEN],
                     uint64_t now_ns, const uint8_t reply[WG_COOKIE_LEN])
{
        uint8_t key[WG_HASH_LEN], cookie[WG_MAC_LEN];

        if (!jar->has_sent)
                return false;
        wg_identity_cookie_key(key, public_key);
        if (!wg_xchacha_open(cookie, reply + WG_COOKIE_SEALED, WG_MAC_LEN + WG_AEAD_TAG_LEN,
                             jar->mac1_sent, sizeof(jar->mac1_sent), reply + WG_COOKIE_NONCE, key))
                return false;
        memcpy(jar->cookie, cookie, sizeof(cookie));
        wg_wipe(cookie, sizeof(cookie));
        jar->born_ns = now_ns;
        jar->has_sent = false;
        return true;
}
