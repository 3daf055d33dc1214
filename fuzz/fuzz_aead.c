/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * fuzz_aead.c - any batch with each back-end of this processor, against libcrypto. The input
 * defines the number of packets, their lengths, their layout in memory, whether they are sealed and
 * opened in place, and which bit of which packet is flipped. The rest of the input is their
 * text. */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "crypto/aead.h"
#include "crypto/crypto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST = 48, HEAD = 16 };

/* One packet: its text, the expected sealed form, and the back-end's buffer, which starts `shift`
 * bytes into memory that ends where the packet does. */
struct packet {
        uint8_t *text, *sealed, *memory;
        size_t len;
};

struct input {
        uint8_t head[HEAD];
        size_t n, shift;
        bool is_in_place;
        uint64_t nonce;
        struct packet packets[MOST];
};

static const uint8_t key[WG_AEAD_KEY_LEN] = {9, 8, 7, [31] = 6};

/* Reads a length from two bytes of the input: any up to the longest, one that is common on a
 * network, or one shorter than a block. */
static size_t length_of(const uint8_t *data, size_t size, size_t i)
{
        size_t raw = size ? data[(2 * i) % size] | (size_t)data[(2 * i + 1) % size] << 8 : 0;

        if (!(raw & 0x8000))
                return 2 * raw + (i & 1);
        return raw & 0x4000 ? raw & 0x3f : raw & 0x7ff;
}

static uint8_t *allocate(size_t len)
{
        uint8_t *memory = malloc(len ? len : 1);

        WG_ASSERT(memory);
        return memory;
}

static void read_input(struct input *input, const uint8_t *data, size_t size)
{
        memset(input, 0, sizeof(*input));
        memcpy(input->head, data, WG_MIN(size, (size_t)HEAD));
        data += WG_MIN(size, (size_t)HEAD);
        size -= WG_MIN(size, (size_t)HEAD);
        input->n = input->head[0] % (MOST + 1);
        input->shift = input->head[1] % 64;
        input->is_in_place = input->head[2] & 1;
        input->nonce = wg_le64_load(input->head + 8);
        for (size_t i = 0; i < input->n; i++) {
                struct packet *p = &input->packets[i];

                /* Every other bit of the head makes all packets as long as the first. */
                p->len = length_of(data, size, input->head[2] & 2 ? 0 : i);
                p->text = allocate(p->len);
                p->sealed = allocate(p->len + WG_AEAD_TAG_LEN);
                p->memory = allocate(input->shift + p->len + WG_AEAD_TAG_LEN);
                for (size_t at = 0; at < p->len; at++)
                        p->text[at] = (uint8_t)((size ? data[(at + i) % size] : 0) + at);
                wg_aead_seal(p->sealed, p->text, p->len, NULL, 0, input->nonce + i, key);
        }
}

static void forget_input(struct input *input)
{
        for (size_t i = 0; i < input->n; i++) {
                free(input->packets[i].text);
                free(input->packets[i].sealed);
                free(input->packets[i].memory);
        }
}

static void seal(const struct input *input, const struct wg_aead_backend *backend,
                 struct wg_aead_packet *packets)
{
        for (size_t i = 0; i < input->n; i++) {
                const struct packet *p = &input->packets[i];
                uint8_t *to = p->memory + input->shift;

                memcpy(to, p->text, p->len);
                packets[i] = (struct wg_aead_packet){to, input->is_in_place ? to : p->text, p->len,
                                                     input->nonce + i, false};
        }
        backend->seal(key, packets, input->n);
        for (size_t i = 0; i < input->n; i++)
                WG_ASSERT(memcmp(packets[i].to, input->packets[i].sealed,
                                 input->packets[i].len + WG_AEAD_TAG_LEN) == 0);
}

static void open(const struct input *input, const struct wg_aead_backend *backend,
                 struct wg_aead_packet *packets)
{
        size_t turned = input->head[3];

        for (size_t i = 0; i < input->n; i++) {
                const struct packet *p = &input->packets[i];
                size_t len = p->len + WG_AEAD_TAG_LEN;

                if (i == turned)
                        p->sealed[wg_le32_load(input->head + 4) % len] ^= 1 << input->head[7] % 8;
                if (input->is_in_place)
                        memcpy(packets[i].to, p->sealed, len);
                packets[i].from = input->is_in_place ? packets[i].to : p->sealed;
                packets[i].len = len;
        }
        backend->open(key, packets, input->n);
        for (size_t i = 0; i < input->n; i++) {
                const struct packet *p = &input->packets[i];

                WG_ASSERT(packets[i].is_valid == (i != turned));
                if (i != turned)
                        WG_ASSERT(memcmp(packets[i].to, p->text, p->len) == 0);
                else /* flips the bit back for the next back-end */
                        p->sealed[wg_le32_load(input->head + 4) % (p->len + WG_AEAD_TAG_LEN)] ^=
                                1 << input->head[7] % 8;
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static bool is_ready;
        struct wg_aead_packet packets[MOST];
        const struct wg_aead_backend *backend;
        struct input input;

        if (!is_ready)
                WG_ASSERT(wg_crypto_init());
        is_ready = true;
        read_input(&input, data, size);
        for (size_t i = 0; (backend = wg_aead_nth(i)); i++) {
                seal(&input, backend, packets);
                open(&input, backend, packets);
        }
        forget_input(&input);
        return 0;
}
