/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "quick/peers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/channel.h"
#include "client/link.h"
#include "conf/text.h"
#include "conf/wgconf.h"
#include "host/run.h"
#include "io/fail.h"
#include "quick/await.h"

#define RETRIES "WG_ENDPOINT_RESOLUTION_RETRIES"

enum { PATIENCE_MS = 6000 };

/* `infinity` counts as 0, because the background task waits forever. */
static int find_retries(void)
{
        const char *text = getenv(RETRIES);
        uint32_t number;

        if (text && tl_text_to_number((struct tl_text){text, strlen(text)}, 1000000, &number))
                return (int)number;
        return 0;
}

/* Looks up endpoint names for some seconds or, with RETRIES, until they are retried that often. */
static bool resolve(struct tl_quick_file *file)
{
        int retries = find_retries();
        const struct tl_names_patience patience = {
                .retries = retries,
                .timeout_ms = retries ? 0 : PATIENCE_MS,
                .is_interrupted = tl_run_is_interrupted,
        };

        if (!tl_names_find(&file->device, &patience, &file->missing))
                return tl_fail("out of memory");
        for (uint32_t i = 0; i < file->missing.count; i++)
                tl_warn("%s: cannot resolve the endpoint `%s' yet: %s; retrying in the background "
                        "(the peer keeps its current endpoint, if any)",
                        file->path, file->missing.items[i].host, file->missing.items[i].reason);
        return true;
}

static bool configure(const struct tl_quick_file *file)
{
        int error = tl_link_set(file->ifname, &file->device);

        if (error)
                return tl_fail("cannot configure `%s': %s", file->ifname, tl_channel_error(error));
        return true;
}

/* The keys of the file's peers, and the change that removes all other peers. */
struct strangers {
        uint8_t (*known)[TL_CONF_KEY_LEN]; /* sorted */
        uint32_t count;
        struct tl_change *change;
        bool is_good;
};

static int compare_keys(const void *a, const void *b)
{
        return memcmp(a, b, TL_CONF_KEY_LEN);
}

static void remove_stranger(void *ctx, const uint8_t public_key[TL_CONF_KEY_LEN], bool has_endpoint)
{
        struct strangers *strangers = ctx;
        struct tl_change_peer *peer;

        (void)has_endpoint;
        if (bsearch(public_key, strangers->known, strangers->count, TL_CONF_KEY_LEN, compare_keys))
                return;
        peer = tl_change_add_peer(strangers->change, public_key);
        strangers->is_good = strangers->is_good && peer;
        if (peer)
                peer->remove = true;
}

/* Makes the change remove the peers that the interface has and the file does not. */
static bool remove_strangers(struct tl_quick_file *file)
{
        struct strangers strangers = {.change = &file->device, .is_good = true};
        int error;

        strangers.known = calloc((size_t)file->device.peer_count + 1, TL_CONF_KEY_LEN);
        if (!strangers.known)
                return tl_fail("out of memory");
        for (; strangers.count < file->device.peer_count; strangers.count++)
                memcpy(strangers.known[strangers.count],
                       tl_change_peer_at(&file->device, strangers.count)->public_key,
                       TL_CONF_KEY_LEN);
        qsort(strangers.known, strangers.count, TL_CONF_KEY_LEN, compare_keys);
        error = tl_link_each_peer(file->ifname, remove_stranger, &strangers);
        free(strangers.known);
        if (error)
                return tl_fail("cannot read the peers of `%s': %s", file->ifname,
                               tl_channel_error(error));
        return strangers.is_good || tl_fail("out of memory");
}

bool tl_peers_set(struct tl_quick_file *file)
{
        return resolve(file) && configure(file);
}

bool tl_peers_replace(struct tl_quick_file *file)
{
        tl_wgconf_keep_unnamed(&file->device);
        return resolve(file) && remove_strangers(file) && configure(file);
}

/* If the task cannot start, only its peers are affected: they stay without an endpoint. */
void tl_peers_await(const struct tl_quick_file *file)
{
        char command[64];
        int error;

        tl_await_stop(file->ifname);
        if (!file->missing.count)
                return;
        snprintf(command, sizeof(command), "tieline-quick --await %s &", file->ifname);
        tl_run_show(command);
        error = tl_await_start(file->ifname, &file->missing);
        if (error)
                tl_warn("cannot resolve endpoints in the background: %s", strerror(-error));
}
