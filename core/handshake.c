/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "core/handshake.h"

#include "base/mem.h"
#include "core/session.h"

WG_ENUM_DEFINE(wg_handshake_state, WG_HANDSHAKE_STATES)

static const struct wg_identity *own_identity(const struct wg_engine *engine)
{
        return atomic_load_explicit(&engine->identity, memory_order_relaxed);
}

/* The secret that both static keys share. It is made at first need, since a million peers may be
 * loaded of which few ever speak. */
static bool need_static_static(struct wg_peer *peer)
{
        const struct wg_identity *identity = own_identity(peer->engine);

        if (!peer->has_static_static)
                peer->has_static_static = wg_x25519(peer->static_static, identity->key,
                                                    peer->public_key);
        return peer->has_static_static;
}

static struct wg_x25519_key *new_ephemeral(const struct wg_env *env)
{
        uint8_t private_key[WG_KEY_LEN];
        struct wg_x25519_key *key;

        env->random(env->ctx, private_key, sizeof(private_key));
        key = wg_x25519_key_new(private_key);
        wg_wipe(private_key, sizeof(private_key));
        return key;
}

void wg_handshake_clear(struct wg_peer *peer)
{
        struct wg_handshake *hs = &peer->handshake;

        wg_index_remove(&peer->engine->indices, &hs->entry);
        wg_x25519_key_free(hs->ephemeral);
        hs->ephemeral = NULL;
        wg_wipe(&hs->noise, sizeof(hs->noise));
        hs->state = WG_HANDSHAKE_NONE;
}

bool wg_handshake_create_initiation(struct wg_peer *peer, struct wg_now now,
                                    uint8_t message[WG_INITIATION_LEN])
{
        struct wg_engine *engine = peer->engine;
        const struct wg_identity *identity = own_identity(engine);
        struct wg_handshake *hs = &peer->handshake;
        uint8_t stamp[WG_TAI64N_LEN];

        wg_handshake_clear(peer);
        hs->ephemeral = new_ephemeral(engine->env);
        if (!hs->ephemeral || !need_static_static(peer))
                goto fail;
        hs->noise = engine->noise_initial;
        wg_noise_mix_responder(&hs->noise, peer->public_key);
        wg_tai64n(stamp, now.real_ns);
        wg_le32_store(message, WG_MESSAGE_INITIATION);
        if (!wg_noise_write_first(&hs->noise, hs->ephemeral, identity->key, peer->public_key,
                                  peer->static_static, stamp, sizeof(stamp),
                                  message + WG_INITIATION_EPHEMERAL, message + WG_INITIATION_STATIC,
                                  message + WG_INITIATION_TIMESTAMP))
                goto fail;
        if (!wg_index_add(&engine->indices, &hs->entry))
                goto fail;
        wg_le32_store(message + WG_INITIATION_SENDER, hs->entry.index);
        hs->state = WG_HANDSHAKE_INITIATED;
        return true;
fail:
        wg_handshake_clear(peer);
        return false;
}

/* Whether an authentic initiation is newer than all before, and not too soon after the last. */
static enum wg_verdict check_stamp(const struct wg_peer *peer, const uint8_t *stamp,
                                   uint64_t now_ns)
{
        if (memcmp(stamp, peer->latest_stamp, WG_TAI64N_LEN) <= 0)
                return WG_VERDICT_TIMESTAMP_REPLAYED;
        if (peer->initiation_accepted_ns &&
            now_ns < peer->initiation_accepted_ns + WG_INITIATION_INTERVAL)
                return WG_VERDICT_INITIATION_FLOOD;
        return WG_VERDICT_HANDSHAKE_DONE;
}

enum wg_verdict wg_handshake_consume_initiation(struct wg_engine *engine,
                                                const uint8_t message[WG_INITIATION_LEN],
                                                struct wg_now now,
                                                struct wg_handshake_request *request)
{
        const struct wg_identity *identity = own_identity(engine);
        uint8_t initiator[WG_KEY_LEN], stamp[WG_TAI64N_LEN];
        struct wg_noise noise = engine->noise_initial;
        enum wg_verdict verdict = WG_VERDICT_HANDSHAKE_INVALID;
        struct wg_peer *peer;

        wg_noise_mix_responder(&noise, wg_x25519_key_public(identity->key));
        if (!wg_noise_read_first_static(&noise, identity->key, message + WG_INITIATION_EPHEMERAL,
                                        message + WG_INITIATION_STATIC, initiator))
                goto out;
        wg_declassify(initiator, sizeof(initiator)); /* a public key, to be looked up */
        peer = wg_engine_find_peer(engine, initiator);
        if (!peer) {
                verdict = WG_VERDICT_UNKNOWN_PEER;
                goto out;
        }
        if (!need_static_static(peer) ||
            !wg_noise_read_first_payload(&noise, peer->static_static,
                                         message + WG_INITIATION_TIMESTAMP,
                                         WG_TAI64N_LEN + WG_NOISE_TAG_LEN, stamp))
                goto out;
        wg_declassify(stamp, sizeof(stamp)); /* the time, to be compared */
        verdict = check_stamp(peer, stamp, now.ns);
        request->peer = peer;
        if (verdict != WG_VERDICT_HANDSHAKE_DONE)
                goto out;
        memcpy(peer->latest_stamp, stamp, sizeof(stamp));
        peer->initiation_accepted_ns = now.ns;
        request->noise = noise;
        memcpy(request->ephemeral, message + WG_INITIATION_EPHEMERAL, WG_KEY_LEN);
        request->sender = wg_le32_load(message + WG_INITIATION_SENDER);
out:
        wg_wipe(&noise, sizeof(noise));
        wg_wipe(initiator, sizeof(initiator));
        return verdict;
}

enum wg_verdict wg_handshake_create_response(struct wg_handshake_request *request,
                                             struct wg_now now, uint8_t message[WG_RESPONSE_LEN])
{
        struct wg_peer *peer = request->peer;
        struct wg_x25519_key *ephemeral = new_ephemeral(peer->engine->env);
        enum wg_verdict verdict = WG_VERDICT_NO_MEMORY;
        struct wg_keypair *kp = NULL;

        if (!ephemeral)
                return verdict;
        wg_le32_store(message, WG_MESSAGE_RESPONSE);
        wg_le32_store(message + WG_RESPONSE_RECEIVER, request->sender);
        if (!wg_noise_write_second(&request->noise, ephemeral, request->ephemeral, peer->public_key,
                                   peer->preshared_key, NULL, 0, message + WG_RESPONSE_EPHEMERAL,
                                   message + WG_RESPONSE_NOTHING)) {
                verdict = WG_VERDICT_HANDSHAKE_INVALID;
                goto out;
        }
        kp = wg_session_new(peer, &request->noise, false, request->sender, now.ns);
        if (!kp)
                goto out;
        if (!wg_session_begin(peer, kp)) {
                wg_session_free(kp);
                goto out;
        }
        wg_le32_store(message + WG_RESPONSE_SENDER, kp->entry.index);
        verdict = WG_VERDICT_HANDSHAKE_DONE;
out:
        wg_x25519_key_free(ephemeral);
        return verdict;
}

/* The peer whose initiation a response answers; NULL: none of ours. */
static struct wg_peer *find_initiator(struct wg_engine *engine, uint32_t index)
{
        struct wg_index_entry *entry = wg_index_find(&engine->indices, index);

        if (!entry || entry->kind != WG_INDEX_HANDSHAKE)
                return NULL;
        return entry->peer;
}

enum wg_verdict wg_handshake_consume_response(struct wg_engine *engine,
                                              const uint8_t message[WG_RESPONSE_LEN],
                                              struct wg_now now, struct wg_peer **found)
{
        const struct wg_identity *identity = own_identity(engine);
        struct wg_peer *peer = find_initiator(engine, wg_le32_load(message + WG_RESPONSE_RECEIVER));
        enum wg_verdict verdict = WG_VERDICT_HANDSHAKE_INVALID;
        struct wg_keypair *kp;
        struct wg_noise noise;
        uint8_t nothing[1];

        if (!peer)
                return WG_VERDICT_UNEXPECTED;
        *found = peer;
        noise = peer->handshake.noise;
        if (!wg_noise_read_second(&noise, peer->handshake.ephemeral, identity->key,
                                  peer->preshared_key, message + WG_RESPONSE_EPHEMERAL,
                                  message + WG_RESPONSE_NOTHING, WG_NOISE_TAG_LEN, nothing))
                goto out;
        verdict = WG_VERDICT_NO_MEMORY;
        kp = wg_session_new(peer, &noise, true, wg_le32_load(message + WG_RESPONSE_SENDER), now.ns);
        if (!kp)
                goto out;
        /* Takes over the handshake's index, so it cannot fail. */
        WG_ASSERT(wg_session_begin(peer, kp));
        wg_handshake_clear(peer);
        verdict = WG_VERDICT_HANDSHAKE_DONE;
out:
        wg_wipe(&noise, sizeof(noise));
        return verdict;
}
