/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "core/handshake.h"

#include "base/mem.h"
#include "core/peers.h"
#include "core/session.h"

WG_ENUM_DEFINE(wg_handshake_state, WG_HANDSHAKE_STATES)

/* Computes the shared secret of both static keys on first use: of a million configured peers, few
 * may ever connect. */
static bool need_static_static(struct wg_peer *peer)
{
        const struct wg_identity *identity = wg_engine_identity(peer->engine);

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

/* A peer refuses a time stamp that is not later than the last one, so ours advance even if the
 * clock is set back. Each peer has its own: a stamp from the future that one peer saw must not
 * spread. */
static void make_stamp(struct wg_peer *peer, uint64_t real_ns, uint8_t stamp[WG_TAI64N_LEN])
{
        struct wg_engine *engine = peer->engine;

        peer->stamped_ns = wg_tai64n_next(peer->stamped_ns, real_ns);
        engine->stamped_ns = WG_MAX(engine->stamped_ns, peer->stamped_ns);
        wg_tai64n(stamp, peer->stamped_ns);
}

bool wg_handshake_create_initiation(struct wg_peer *peer, struct wg_now now,
                                    uint8_t message[WG_INITIATION_LEN])
{
        struct wg_engine *engine = peer->engine;
        const struct wg_identity *identity = wg_engine_identity(engine);
        struct wg_handshake *hs = &peer->handshake;
        uint8_t stamp[WG_TAI64N_LEN];

        wg_handshake_clear(peer);
        hs->ephemeral = new_ephemeral(engine->env);
        if (!hs->ephemeral || !need_static_static(peer))
                goto fail;
        hs->noise = engine->noise_initial;
        wg_noise_mix_responder(&hs->noise, peer->public_key);
        make_stamp(peer, now.real_ns, stamp);
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

/* Whether an authentic initiation is newer than all earlier ones, and not too soon after the
 * last. */
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

enum wg_verdict wg_handshake_begin_initiation(struct wg_engine *engine,
                                              struct wg_handshake_job *job,
                                              const struct wg_hsqueue_item *item)
{
        *job = (struct wg_handshake_job){
                .step = WG_HANDSHAKE_READ_STATIC,
                .item = item,
                .own = wg_engine_identity(engine)->key,
                .noise = engine->noise_initial,
        };
        return WG_VERDICT_HANDSHAKE;
}

/* Finds the claimed initiator. If the secret shared with it is missing, prepares the step that
 * computes it. */
static enum wg_verdict look_at_static(struct wg_engine *engine, struct wg_handshake_job *job)
{
        wg_declassify(job->initiator, sizeof(job->initiator)); /* a public key */
        job->claimed = wg_peers_find(engine, job->initiator);
        if (!job->claimed)
                return WG_VERDICT_UNKNOWN_PEER;
        if (job->claimed->has_static_static)
                return WG_VERDICT_HANDSHAKE_DONE;
        job->step = WG_HANDSHAKE_SHARE_STATICS;
        return WG_VERDICT_HANDSHAKE;
}

static void keep_static_static(struct wg_handshake_job *job)
{
        memcpy(job->claimed->static_static, job->shared, sizeof(job->shared));
        job->claimed->has_static_static = true;
}

static enum wg_verdict read_stamp(struct wg_handshake_job *job, uint64_t now_ns)
{
        if (!wg_noise_read_first_payload(&job->noise, job->claimed->static_static,
                                         job->item->bytes + WG_INITIATION_TIMESTAMP,
                                         WG_TAI64N_LEN + WG_NOISE_TAG_LEN, job->stamp))
                return WG_VERDICT_HANDSHAKE_INVALID;
        wg_declassify(job->stamp, sizeof(job->stamp)); /* a time */
        job->peer = job->claimed;
        return check_stamp(job->peer, job->stamp, now_ns);
}

static bool is_answered(const struct wg_peer *peer, const struct wg_handshake_job *jobs,
                        size_t count)
{
        for (size_t i = 0; i < count; i++)
                if (jobs[i].step == WG_HANDSHAKE_WRITE_RESPONSE && jobs[i].peer == peer)
                        return true;
        return false;
}

bool wg_handshake_go_on(struct wg_engine *engine, struct wg_handshake_job *job, struct wg_now now,
                        const struct wg_handshake_job *jobs, size_t count)
{
        const struct wg_env *env = engine->env;

        if (job->verdict != WG_VERDICT_HANDSHAKE_DONE || job->step == WG_HANDSHAKE_WRITE_RESPONSE ||
            job->step == WG_HANDSHAKE_READ_RESPONSE)
                return false;
        if (job->step == WG_HANDSHAKE_SHARE_STATICS)
                keep_static_static(job);
        else
                job->verdict = look_at_static(engine, job);
        if (job->verdict == WG_VERDICT_HANDSHAKE_DONE)
                job->verdict = read_stamp(job, now.ns);
        if (job->verdict == WG_VERDICT_HANDSHAKE)
                return true;
        if (job->verdict != WG_VERDICT_HANDSHAKE_DONE || is_answered(job->peer, jobs, count))
                return false;
        env->random(env->ctx, job->ephemeral, sizeof(job->ephemeral));
        job->step = WG_HANDSHAKE_WRITE_RESPONSE;
        return true;
}

enum wg_verdict wg_handshake_accept_initiation(struct wg_handshake_job *job, struct wg_now now)
{
        enum wg_verdict verdict;

        /* Without a response, the job's verdict is that of the initiation. */
        if (job->step != WG_HANDSHAKE_WRITE_RESPONSE && job->verdict != WG_VERDICT_HANDSHAKE_DONE)
                return job->verdict;
        verdict = check_stamp(job->peer, job->stamp, now.ns);
        if (verdict != WG_VERDICT_HANDSHAKE_DONE)
                return verdict;
        /* It has no response because another initiation of the peer has one. */
        if (job->step != WG_HANDSHAKE_WRITE_RESPONSE)
                return WG_VERDICT_INITIATION_FLOOD;
        memcpy(job->peer->latest_stamp, job->stamp, sizeof(job->stamp));
        job->peer->initiation_accepted_ns = now.ns;
        return verdict;
}

enum wg_verdict wg_handshake_finish_response(struct wg_handshake_job *job, struct wg_now now,
                                             uint8_t message[WG_RESPONSE_LEN])
{
        uint32_t sender = wg_le32_load(job->item->bytes + WG_INITIATION_SENDER);
        struct wg_keypair *kp;

        if (job->verdict != WG_VERDICT_HANDSHAKE_DONE)
                return job->verdict;
        kp = wg_session_new(job->peer, &job->noise, false, sender, now.ns);
        if (!kp)
                return WG_VERDICT_NO_MEMORY;
        if (!wg_session_begin(job->peer, kp)) {
                wg_session_free(kp);
                return WG_VERDICT_NO_MEMORY;
        }
        wg_le32_store(message, WG_MESSAGE_RESPONSE);
        wg_le32_store(message + WG_RESPONSE_SENDER, kp->entry.index);
        wg_le32_store(message + WG_RESPONSE_RECEIVER, sender);
        memcpy(message + WG_RESPONSE_EPHEMERAL, job->public_ephemeral,
               sizeof(job->public_ephemeral));
        memcpy(message + WG_RESPONSE_NOTHING, job->nothing, sizeof(job->nothing));
        return WG_VERDICT_HANDSHAKE_DONE;
}

/* Returns the peer to which we sent the initiation that a response answers; NULL: we sent none. */
static struct wg_peer *find_initiator(struct wg_engine *engine, const struct wg_hsqueue_item *item)
{
        uint32_t index = wg_le32_load(item->bytes + WG_RESPONSE_RECEIVER);
        struct wg_index_entry *entry = wg_index_find(&engine->indices, index);

        if (!entry || entry->kind != WG_INDEX_HANDSHAKE)
                return NULL;
        return entry->peer;
}

enum wg_verdict wg_handshake_begin_response(struct wg_engine *engine, struct wg_handshake_job *job,
                                            const struct wg_hsqueue_item *item)
{
        struct wg_peer *peer = find_initiator(engine, item);

        if (!peer)
                return WG_VERDICT_UNEXPECTED;
        *job = (struct wg_handshake_job){
                .step = WG_HANDSHAKE_READ_RESPONSE,
                .item = item,
                .own = wg_engine_identity(engine)->key,
                .claimed = peer,
                .peer = peer,
                .noise = peer->handshake.noise,
        };
        return WG_VERDICT_HANDSHAKE;
}

enum wg_verdict wg_handshake_accept_response(struct wg_engine *engine, struct wg_handshake_job *job,
                                             struct wg_now now)
{
        struct wg_peer *peer = job->peer;
        struct wg_keypair *kp;

        if (job->verdict != WG_VERDICT_HANDSHAKE_DONE)
                return job->verdict;
        /* A copy of this response, or another response, may have been accepted in this round. */
        if (find_initiator(engine, job->item) != peer)
                return WG_VERDICT_UNEXPECTED;
        kp = wg_session_new(peer, &job->noise, true,
                            wg_le32_load(job->item->bytes + WG_RESPONSE_SENDER), now.ns);
        if (!kp)
                return WG_VERDICT_NO_MEMORY;
        /* It takes over the handshake's index, so it cannot fail. */
        WG_ASSERT(wg_session_begin(peer, kp));
        wg_handshake_clear(peer);
        return WG_VERDICT_HANDSHAKE_DONE;
}
