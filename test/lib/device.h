/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * device.h - as much of a device as a change of its configuration needs while the link is down. */
#ifndef TEST_LIB_DEVICE_H
#define TEST_LIB_DEVICE_H

#include "core/configure.h"
#include "daemon/apply.h"
#include "daemon/workers.h"

struct test_device {
        struct wg_engine engine;
        struct tl_sockets sockets;
        struct tl_workers workers; /* none runs */
        struct tl_routes routes;
        struct tl_peers peers;
        struct tl_apply_queue changes;
};

/* Returns whether there was memory. */
static inline bool test_device_init(struct test_device *device, const struct wg_env *env)
{
        memset(device, 0, sizeof(*device));
        device->sockets.engine = &device->engine;
        device->sockets.workers = &device->workers;
        device->peers.engine = &device->engine;
        tl_apply_init(&device->changes, &device->engine, &device->sockets, &device->routes,
                      &device->peers);
        return wg_engine_init(&device->engine, env, wg_aead_choose(NULL));
}

static inline void test_device_done(struct test_device *device)
{
        tl_apply_done(&device->changes);
        wg_engine_done(&device->engine);
}

#endif
