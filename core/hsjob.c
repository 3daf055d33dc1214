/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "core/hsjob.h"

#include "base/mem.h"

WG_ENUM_DEFINE(wg_handshake_step, WG_HANDSHAKE_STEPS)

static bool read_static(struct wg_handshake_job *job)
{
        const uint8_t *message = job->item->bytes;

        wg_noise_mix_responder(&job->noise, wg_x25519_key_public(job->own));
        return wg_noise_read_first_static(&job->noise, job->own, message + WG_INITIATION_EPHEMERAL,
                                          message + WG_INITIATION_STATIC, job->initiator);
}

static enum wg_verdict write_response(struct wg_handshake_job *job)
{
        struct wg_x25519_key *ephemeral = wg_x25519_key_new(job->ephemeral);
        bool ok;

        wg_wipe(job->ephemeral, sizeof(job->ephemeral));
        if (!ephemeral)
                return WG_VERDICT_NO_MEMORY;
        ok = wg_noise_write_second(&job->noise, ephemeral,
                                   job->item->bytes + WG_INITIATION_EPHEMERAL,
                                   job->claimed->public_key, job->claimed->preshared_key, NULL, 0,
                                   job->public_ephemeral, job->nothing);
        wg_x25519_key_free(ephemeral);
        return ok ? WG_VERDICT_HANDSHAKE_DONE : WG_VERDICT_HANDSHAKE_INVALID;
}

static bool read_response(struct wg_handshake_job *job)
{
        const uint8_t *message = job->item->bytes;
        uint8_t nothing[1];

        return wg_noise_read_second(&job->noise, job->claimed->handshake.ephemeral, job->own,
                                    job->claimed->preshared_key, message + WG_RESPONSE_EPHEMERAL,
                                    message + WG_RESPONSE_NOTHING, WG_NOISE_TAG_LEN, nothing);
}

void wg_handshake_compute(struct wg_handshake_job *job)
{
        bool ok = false;

        switch (job->step) {
        case WG_HANDSHAKE_NO_STEP:
                return;
        case WG_HANDSHAKE_READ_STATIC:
                ok = read_static(job);
                break;
        case WG_HANDSHAKE_SHARE_STATICS:
                ok = wg_x25519(job->shared, job->own, job->claimed->public_key);
                break;
        case WG_HANDSHAKE_WRITE_RESPONSE:
                job->verdict = write_response(job);
                return;
        case WG_HANDSHAKE_READ_RESPONSE:
                ok = read_response(job);
                break;
        }
        job->verdict = ok ? WG_VERDICT_HANDSHAKE_DONE : WG_VERDICT_HANDSHAKE_INVALID;
}
