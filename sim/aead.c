/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * The AEAD back-end of simulated engines: libcrypto's, with an observer in front, and with points
 * at which other threads of the node may take a turn. The interface has no context argument, so the
 * node is the one whose code is running. */
#include "sim/check.h"

struct sim_node *sim_acting;

static void seal(const uint8_t key[WG_AEAD_KEY_LEN], struct wg_aead_packet *packets, size_t n)
{
        struct sim_node *node = sim_acting;

        sim_node_interleave(node);
        sim_check_seal(node, key, packets, n);
        wg_aead_libcrypto.seal(key, packets, n);
        sim_node_interleave(node);
}

static void open(const uint8_t key[WG_AEAD_KEY_LEN], struct wg_aead_packet *packets, size_t n)
{
        struct sim_node *node = sim_acting;
        bool is_any_valid = false;

        sim_node_interleave(node);
        wg_aead_libcrypto.open(key, packets, n);
        for (size_t i = 0; i < n; i++)
                is_any_valid |= packets[i].is_valid;
        if (is_any_valid)
                sim_check_opened(node, key);
        sim_node_interleave(node);
}

const struct wg_aead_backend sim_aead = {.name = "sim", .seal = seal, .open = open};
