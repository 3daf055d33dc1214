/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "core/replay.h"

#include "base/mem.h"
#include "core/limits.h"

#define WORD_BITS UINT64_C(64)
#define WORDS (WG_REPLAY_BITS / WORD_BITS)

/* Makes `nonce` the greatest one, and clears the words that the ring reuses on the way: they still
 * hold bits of nonces that have left the window. */
static void advance(struct wg_replay *w, uint64_t nonce)
{
        uint64_t word = w->next ? (w->next - 1) / WORD_BITS : 0;
        uint64_t last = word + WG_MIN(nonce / WORD_BITS - word, WORDS);

        while (word < last)
                w->ring[++word % WORDS] = 0;
        w->next = nonce + 1;
}

void wg_replay_init(struct wg_replay *w)
{
        memset(w, 0, sizeof(*w));
}

bool wg_replay_accept(struct wg_replay *w, uint64_t nonce)
{
        uint64_t *word = &w->ring[nonce / WORD_BITS % WORDS];
        uint64_t bit = UINT64_C(1) << nonce % WORD_BITS;

        if (nonce >= WG_REJECT_AFTER_MESSAGES)
                return false;
        if (nonce >= w->next)
                advance(w, nonce);
        else if (w->next - 1 - nonce > WG_REPLAY_WINDOW || *word & bit)
                return false;
        *word |= bit;
        return true;
}
