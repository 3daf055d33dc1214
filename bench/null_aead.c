/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * null_aead.c - makes of tielined a program that carries packets as they are, for the bench alone: what
 * all but the cipher costs. Handshakes are what they always are, and it speaks with none but its like.
 *
 * It is linked into bench/tielined-null, which is installed nowhere, in the place of the choice among the
 * real back-ends (by the linker's --wrap); nothing of it is in tielined. */
#include "base/mem.h"
#include "crypto/aead.h"

const struct wg_aead_backend *__wrap_wg_aead_choose(const char *name);

static void seal(const uint8_t key[WG_AEAD_KEY_LEN], struct wg_aead_packet *packets, size_t n)
{
        (void)key;
        for (struct wg_aead_packet *p = packets; p < packets + n; p++) {
                if (p->to != p->from)
                        memcpy(p->to, p->from, p->len);
                memset(p->to + p->len, 0, WG_AEAD_TAG_LEN);
        }
}

static void open(const uint8_t key[WG_AEAD_KEY_LEN], struct wg_aead_packet *packets, size_t n)
{
        (void)key;
        for (struct wg_aead_packet *p = packets; p < packets + n; p++) {
                p->is_valid = p->len >= WG_AEAD_TAG_LEN;
                if (p->is_valid && p->to != p->from)
                        memcpy(p->to, p->from, p->len - WG_AEAD_TAG_LEN);
        }
}

/* Whatever is asked for. */
const struct wg_aead_backend *__wrap_wg_aead_choose(const char *name)
{
        static const struct wg_aead_backend null = {.name = "null", .seal = seal, .open = open};

        (void)name;
        return &null;
}
