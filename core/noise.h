/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * noise.h - the handshake pattern Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s, without WireGuard's
 * messages around it. Prologue, ephemeral keys and payloads are arguments, so the published vectors
 * of the pattern run through the same code.
 * Source: The Noise Protocol Framework, revision 34, sections 5 and 9; WireGuard paper 5.4.
 *
 * A function returns false if something does not decrypt, or if a public key has low order (its
 * shared secret is all zero). The caller must then wipe the state and not use it again.
 * Threads: pure functions; the Diffie-Hellman of a handshake may run on any thread. */
#ifndef CORE_NOISE_H
#define CORE_NOISE_H

#include "crypto/aead.h"
#include "crypto/blake2s.h"
#include "crypto/x25519.h"

#define WG_NOISE_TAG_LEN WG_AEAD_TAG_LEN

/* The state of a handshake. Secret. */
struct wg_noise {
        uint8_t chaining_key[WG_HASH_LEN];
        uint8_t hash[WG_HASH_LEN];
};

/* Begins with the pattern's name and a prologue. They are the same for all handshakes, so do this
 * once. */
void wg_noise_init(struct wg_noise *n, const void *prologue, size_t prologue_len);

/* Mixes in the responder's static public key, which the initiator knows in advance. */
void wg_noise_mix_responder(struct wg_noise *n, const uint8_t responder[WG_KEY_LEN]);

/* First message, initiator: e, es, s, ss, payload. Writes the ephemeral key (32 bytes) to out_e,
 * the sealed static key (48) to out_s, and payload_len + 16 bytes to out_payload. `ss` is the
 * shared secret of both static keys. */
bool wg_noise_write_first(struct wg_noise *n, const struct wg_x25519_key *e,
                          const struct wg_x25519_key *s, const uint8_t responder[WG_KEY_LEN],
                          const uint8_t ss[WG_KEY_LEN], const void *payload, size_t payload_len,
                          uint8_t *out_e, uint8_t *out_s, uint8_t *out_payload) WG_MUST_USE;

/* First message, responder, in two steps: the first reads the initiator's static key, the second
 * the payload, for which it needs the shared secret of both static keys. sealed_len includes the
 * tag. */
bool wg_noise_read_first_static(struct wg_noise *n, const struct wg_x25519_key *s,
                                const uint8_t e[WG_KEY_LEN],
                                const uint8_t sealed_static[WG_KEY_LEN + WG_NOISE_TAG_LEN],
                                uint8_t initiator[WG_KEY_LEN]) WG_MUST_USE;
bool wg_noise_read_first_payload(struct wg_noise *n, const uint8_t ss[WG_KEY_LEN],
                                 const uint8_t *sealed, size_t sealed_len,
                                 uint8_t *payload) WG_MUST_USE;

/* Second message, responder: e, ee, se, psk, payload. */
bool wg_noise_write_second(struct wg_noise *n, const struct wg_x25519_key *e,
                           const uint8_t initiator_e[WG_KEY_LEN],
                           const uint8_t initiator[WG_KEY_LEN], const uint8_t psk[WG_KEY_LEN],
                           const void *payload, size_t payload_len, uint8_t *out_e,
                           uint8_t *out_payload) WG_MUST_USE;

/* Second message, initiator. */
bool wg_noise_read_second(struct wg_noise *n, const struct wg_x25519_key *e,
                          const struct wg_x25519_key *s, const uint8_t psk[WG_KEY_LEN],
                          const uint8_t responder_e[WG_KEY_LEN], const uint8_t *sealed,
                          size_t sealed_len, uint8_t *payload) WG_MUST_USE;

/* Derives the two keys of the session. The initiator sends with the first, the responder with the
 * second. */
void wg_noise_split(const struct wg_noise *n, uint8_t first[WG_AEAD_KEY_LEN],
                    uint8_t second[WG_AEAD_KEY_LEN]);

#endif
