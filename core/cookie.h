/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * cookie.h - the two MACs of a handshake message, and the cookies that prove a source address.
 * Source: WireGuard paper 5.3, 5.4.4, 5.4.7.
 * Threads: any thread may call wg_cookie_has_mac1() and wg_cookie_has_mac2(); the rest is the
 * engine's. */
#ifndef CORE_COOKIE_H
#define CORE_COOKIE_H

#include "base/endpoint.h"
#include "base/std.h"
#include "core/identity.h"
#include "core/message.h"

/* The side that demands cookies: a secret that changes every WG_COOKIE_SECRET_LIFE. A thread that
 * reads it during the change may get a mixture, under which no message verifies. */
struct wg_cookie_maker {
        _Atomic uint64_t secret[WG_HASH_LEN / 8];
        _Atomic uint64_t born_ns; /* 0: no secret yet */
};

/* The side that was given a cookie; one jar per peer. */
struct wg_cookie_jar {
        uint8_t cookie[WG_MAC_LEN];
        uint64_t born_ns;              /* 0: no cookie */
        uint8_t mac1_sent[WG_MAC_LEN]; /* of the last handshake message to the peer */
        bool has_sent;                 /* no cookie reply to mac1_sent was accepted yet */
};

/* Whether a handshake message (its last 32 bytes are mac1 and mac2) has a mac1 made for the owner
 * of mac1_key. */
bool wg_cookie_has_mac1(const uint8_t mac1_key[WG_HASH_LEN], const uint8_t *message,
                        size_t len) WG_MUST_USE;

/* Whether it has a mac2 made with the cookie that its source was given. */
bool wg_cookie_has_mac2(const struct wg_cookie_maker *maker, uint64_t now_ns,
                        const uint8_t *message, size_t len,
                        const struct wg_endpoint *from) WG_MUST_USE;

/* Writes the cookie reply to a message whose mac1 verified and whose sender index is `receiver`. */
void wg_cookie_reply(struct wg_cookie_maker *maker, const struct wg_env *env, uint64_t now_ns,
                     const struct wg_identity *identity, const uint8_t *message, size_t len,
                     uint32_t receiver, const struct wg_endpoint *from,
                     uint8_t reply[WG_COOKIE_LEN]);

/* Writes mac1 and mac2 of a message to the peer with this public key; mac2 is zero without a fresh
 * cookie. Remembers mac1. */
void wg_cookie_add_macs(struct wg_cookie_jar *jar, const uint8_t public_key[WG_KEY_LEN],
                        uint64_t now_ns, uint8_t *message, size_t len);

/* Opens a cookie reply from the peer with this public key and keeps the cookie for the next
 * message. Accepts one reply per message sent. Returns false and changes nothing if no reply is
 * expected or it does not decrypt. */
bool wg_cookie_store(struct wg_cookie_jar *jar, const uint8_t public_key[WG_KEY_LEN],
                     uint64_t now_ns, const uint8_t reply[WG_COOKIE_LEN]) WG_MUST_USE;

#endif
