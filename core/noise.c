/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "core/noise.h"

#include "base/mem.h"

static const char PATTERN[] = "Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s";

static void mix_hash(struct wg_noise *n, const void *bytes, size_t len)
{
        wg_hash(n->hash, n->hash, WG_HASH_LEN, bytes, len);
}

/* `key` is NULL where the pattern derives a key that is never used. */
static void mix_key(struct wg_noise *n, uint8_t *key, const void *input, size_t len)
{
        wg_kdf(n->chaining_key, key, NULL, n->chaining_key, input, len);
}

static bool mix_dh(struct wg_noise *n, uint8_t *key, const struct wg_x25519_key *ours,
                   const uint8_t theirs[WG_KEY_LEN])
{
        uint8_t shared[WG_KEY_LEN];
        bool ok = wg_x25519(shared, ours, theirs);

        if (ok)
                mix_key(n, key, shared, sizeof(shared));
        wg_wipe(shared, sizeof(shared));
        return ok;
}

static bool mix_precomputed_dh(struct wg_noise *n, uint8_t *key, const uint8_t shared[WG_KEY_LEN])
{
        if (wg_is_zero(shared, WG_KEY_LEN))
                return false;
        mix_key(n, key, shared, WG_KEY_LEN);
        return true;
}

static void mix_psk(struct wg_noise *n, uint8_t key[WG_AEAD_KEY_LEN], const uint8_t psk[WG_KEY_LEN])
{
        uint8_t to_hash[WG_HASH_LEN];

        wg_kdf(n->chaining_key, to_hash, key, n->chaining_key, psk, WG_KEY_LEN);
        mix_hash(n, to_hash, sizeof(to_hash));
        wg_wipe(to_hash, sizeof(to_hash));
}

/* In a pattern with a psk, ephemeral keys go into the chaining key as well. */
static void mix_ephemeral(struct wg_noise *n, const uint8_t e[WG_KEY_LEN])
{
        mix_hash(n, e, WG_KEY_LEN);
        mix_key(n, NULL, e, WG_KEY_LEN);
}

/* Every key seals exactly one message here, so its nonce is always 0. */
static void seal_and_hash(struct wg_noise *n, const uint8_t key[WG_AEAD_KEY_LEN], uint8_t *to,
                          const void *text, size_t len)
{
        wg_aead_seal(to, text, len, n->hash, WG_HASH_LEN, 0, key);
        mix_hash(n, to, len + WG_NOISE_TAG_LEN);
}

static bool open_and_hash(struct wg_noise *n, const uint8_t key[WG_AEAD_KEY_LEN], uint8_t *to,
                          const uint8_t *sealed, size_t sealed_len)
{
        if (!wg_aead_open(to, sealed, sealed_len, n->hash, WG_HASH_LEN, 0, key))
                return false;
        mix_hash(n, sealed, sealed_len);
        return true;
}

void wg_noise_init(struct wg_noise *n, const void *prologue, size_t prologue_len)
{
        wg_hash(n->chaining_key, PATTERN, sizeof(PATTERN) - 1, NULL, 0);
        memcpy(n->hash, n->chaining_key, WG_HASH_LEN);
        mix_hash(n, prologue, prologue_len);
}

void wg_noise_mix_responder(struct wg_noise *n, const uint8_t responder[WG_KEY_LEN])
{
        mix_hash(n, responder, WG_KEY_LEN);
}

bool wg_noise_write_first(struct wg_noise *n, const struct wg_x25519_key *e,
                          const struct wg_x25519_key *s, const uint8_t responder[WG_KEY_LEN],
                          const uint8_t ss[WG_KEY_LEN], const void *payload, size_t payload_len,
                          uint8_t *out_e, uint8_t *out_s, uint8_t *out_payload)
{
        uint8_t key[WG_AEAD_KEY_LEN];
        bool ok = false;

        /* e */
        memcpy(out_e, wg_x25519_key_public(e), WG_KEY_LEN);
        mix_ephemeral(n, out_e);
        /* es */
        if (!mix_dh(n, key, e, responder))
                goto out;
        /* s */
        seal_and_hash(n, key, out_s, wg_x25519_key_public(s), WG_KEY_LEN);
        /* ss */
        if (!mix_precomputed_dh(n, key, ss))
                goto out;
        seal_and_hash(n, key, out_payload, payload, payload_len);
        ok = true;
out:
        wg_wipe(key, sizeof(key));
        return ok;
}

bool wg_noise_read_first_static(struct wg_noise *n, const struct wg_x25519_key *s,
                                const uint8_t e[WG_KEY_LEN],
                                const uint8_t sealed_static[WG_KEY_LEN + WG_NOISE_TAG_LEN],
                                uint8_t initiator[WG_KEY_LEN])
{
        uint8_t key[WG_AEAD_KEY_LEN];
        bool ok;

        /* e */
        mix_ephemeral(n, e);
        /* es, s */
        ok = mix_dh(n, key, s, e) &&
             open_and_hash(n, key, initiator, sealed_static, WG_KEY_LEN + WG_NOISE_TAG_LEN);
        wg_wipe(key, sizeof(key));
        return ok;
}

bool wg_noise_read_first_payload(struct wg_noise *n, const uint8_t ss[WG_KEY_LEN],
                                 const uint8_t *sealed, size_t sealed_len, uint8_t *payload)
{
        uint8_t key[WG_AEAD_KEY_LEN];
        /* ss */
        bool ok = mix_precomputed_dh(n, key, ss) &&
                  open_and_hash(n, key, payload, sealed, sealed_len);

        wg_wipe(key, sizeof(key));
        return ok;
}

bool wg_noise_write_second(struct wg_noise *n, const struct wg_x25519_key *e,
                           const uint8_t initiator_e[WG_KEY_LEN],
                           const uint8_t initiator[WG_KEY_LEN], const uint8_t psk[WG_KEY_LEN],
                           const void *payload, size_t payload_len, uint8_t *out_e,
                           uint8_t *out_payload)
{
        uint8_t key[WG_AEAD_KEY_LEN];

        /* e */
        memcpy(out_e, wg_x25519_key_public(e), WG_KEY_LEN);
        mix_ephemeral(n, out_e);
        /* ee, se */
        if (!mix_dh(n, NULL, e, initiator_e) || !mix_dh(n, NULL, e, initiator))
                return false;
        /* psk */
        mix_psk(n, key, psk);
        seal_and_hash(n, key, out_payload, payload, payload_len);
        wg_wipe(key, sizeof(key));
        return true;
}

bool wg_noise_read_second(struct wg_noise *n, const struct wg_x25519_key *e,
                          const struct wg_x25519_key *s, const uint8_t psk[WG_KEY_LEN],
                          const uint8_t responder_e[WG_KEY_LEN], const uint8_t *sealed,
                          size_t sealed_len, uint8_t *payload)
{
        uint8_t key[WG_AEAD_KEY_LEN];
        bool ok;

        /* e */
        mix_ephemeral(n, responder_e);
        /* ee, se */
        if (!mix_dh(n, NULL, e, responder_e) || !mix_dh(n, NULL, s, responder_e))
                return false;
        /* psk */
        mix_psk(n, key, psk);
        ok = open_and_hash(n, key, payload, sealed, sealed_len);
        wg_wipe(key, sizeof(key));
        return ok;
}

void wg_noise_split(const struct wg_noise *n, uint8_t first[WG_AEAD_KEY_LEN],
                    uint8_t second[WG_AEAD_KEY_LEN])
{
        wg_kdf(first, second, NULL, n->chaining_key, NULL, 0);
}
