/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * null_aead.c - makes tielined carry packets unencrypted, only for the bench: the cost of
 * everything but the cipher. Handshakes are unchanged. It can talk only to another such program.
 *
 * It is linked into bench/tielined-null, which is not installed, and replaces the choice among the
 * real back-ends (by the linker's --wrap). tielined contains nothing of it. */
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

/* Returns this back-end, whatever the name. */
const struct wg_aead_backend *__wrap_wg_aead_choose(const char *name)
{
        static const struct wg_aead_backend null = {.name = "null", .seal = seal, .open = open};

        (void)name;
        return &null;
}
