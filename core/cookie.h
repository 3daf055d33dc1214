/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * cookie.h - both MACs of a handshake message, and the cookies that prove a source address.
 * Source: WireGuard paper 5.3, 5.4.4, 5.4.7.
 * Threads: wg_cookie_has_mac1() and wg_cookie_has_mac2() may be called by any thread; the rest by the
 * engine. */
#ifndef CORE_COOKIE_H
#define CORE_COOKIE_H

#include "base/endpoint.h"
#include "base/std.h"
#include "core/identity.h"
#include "core/message.h"

/* The side that demands cookies: a secret that changes every WG_COOKIE_SECRET_LIFE. Who reads it while
 * it changes gets neither the old nor the new one, under which no message is right. */
struct wg_cookie_maker {
        _Atomic uint64_t secret[WG_HASH_LEN / 8];
        _Atomic uint64_t born_ns; /* 0: there is none yet */
};

/* The side that has been given one, a peer each. */
struct wg_cookie_jar {
        uint8_t cookie[WG_MAC_LEN];
        uint64_t born_ns;              /* 0: there is none */
        uint8_t mac1_sent[WG_MAC_LEN]; /* of the last handshake message to the peer */
        bool has_sent;                 /* and no cookie reply has answered it yet */
};

/* Whether a handshake message of that length (mac1 and mac2 are its last 32 bytes) carries a mac1
 * made for the owner of mac1_key. */
bool wg_cookie_has_mac1(const uint8_t mac1_key[WG_HASH_LEN], const uint8_t *message,
                        size_t len) WG_MUST_USE;

/* Whether it carries a mac2 made with the cookie that its source was given. */
bool wg_cookie_has_mac2(const struct wg_cookie_maker *maker, uint64_t now_ns,
                        const uint8_t *message, size_t len,
                        const struct wg_endpoint *from) WG_MUST_USE;

/* Writes the cookie reply that answers a message whose mac1 verified and whose sender has the index
 * `receiver`. */
void wg_cookie_reply(struct wg_cookie_maker *maker, const struct wg_env *env, uint64_t now_ns,
                     const struct wg_identity *identity, const uint8_t *message, size_t len,
                     uint32_t receiver, const struct wg_endpoint *from,
                     uint8_t reply[WG_COOKIE_LEN]);

/* Writes mac1, and mac2 where the jar holds a fresh cookie (zeros otherwise), of a message to the
 * peer with that public key; remembers mac1. */
void wg_cookie_add_macs(struct wg_cookie_jar *jar, const uint8_t public_key[WG_KEY_LEN],
                        uint64_t now_ns, uint8_t *message, size_t len);

/* Opens a cookie reply from the peer with that public key and keeps its cookie for the next
 * message. One reply is taken for each message sent. Returns false, and changes nothing, when none
 * was asked for or it does not decrypt. */
bool wg_cookie_store(struct wg_cookie_jar *jar, const uint8_t public_key[WG_KEY_LEN],
                     uint64_t now_ns, const uint8_t reply[WG_COOKIE_LEN]) WG_MUST_USE;

#endif
