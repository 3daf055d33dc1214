/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * device.h - one running interface: the core's engine, the edges of the system, and the threads.
 *
 * The thread that runs the device is the engine's: configuration, handshakes, timers, the lifetime
 * of peers. Workers run the packet paths (worker.h). The two sides share the objects in shared.h.
 * Threads: the engine's. */
#ifndef DAEMON_DEVICE_H
#define DAEMON_DEVICE_H

#include "daemon/env.h"
#include "daemon/events.h"
#include "daemon/round.h"
#include "daemon/stop.h"
#include "daemon/workers.h"
#include "io/clock.h"

/* The parts of a device. It takes over the TUN, and borrows everything else until done(). */
struct tl_device_setup {
        const struct tl_tun *tun;
        struct tl_helper *helper; /* performs privileged operations */
        struct tl_log *log;
        const struct wg_aead_backend *aead;
        uint32_t offloads;  /* enum tl_offloading: initially enabled */
        uint32_t hardening; /* enum tl_hardening: achieved */
        struct {
                const struct tl_server_protocol *protocol;
                void *ctx;
        } servers[TL_LISTENER_COUNT];
};

struct tl_device {
        /* Constant once started. */
        struct tl_log *log;
        struct tl_helper *helper;
        struct tl_env env;
        uint64_t started_ns;
        uint32_t hardening; /* enum tl_hardening */
        uint32_t sandbox;   /* enum tl_sandbox: given up */

        /* Its owners are stated in shared.h. */
        struct tl_shared shared;

        /* Engine. */
        struct tl_workers workers;
        struct tl_loop loop;
        struct tl_watch suspend_watch, socket_watch, helper_watch;
        struct tl_suspend suspend;
        struct tl_signals signals;
        struct tl_unixsock sockets[TL_LISTENER_COUNT];
        struct tl_server servers[TL_LISTENER_COUNT];
        struct tl_stop stop;
        struct tl_followed_link link;
        struct tl_stamp stamp;
        struct tl_peers peers;
        struct tl_pins pins;
        struct tl_apply_queue changes;
        struct tl_events events;
        struct tl_round round;
};

/* Makes a device. Takes over the TUN even if it fails. Returns 0 or -errno. */
int tl_device_init(struct tl_device *device, const struct tl_device_setup *setup) WG_MUST_USE;

/* Listens on the control sockets. If the status socket fails, that is only logged. Returns 0 or
 * -errno. */
int tl_device_listen(struct tl_device *device) WG_MUST_USE;

/* Starts the workers, confines all threads (io/sandbox.h), and begins to follow the link. `sandbox`
 * (enum tl_sandbox) says which privileges were given up before. Returns 0 or -errno. */
int tl_device_start(struct tl_device *device, uint32_t sandbox) WG_MUST_USE;

/* Runs until a signal arrives, or until the link or the control socket is gone. Returns 0, or
 * -errno. */
int tl_device_run(struct tl_device *device) WG_MUST_USE;

/* Stops and frees everything, and wipes keys. Accepts a device whose init failed, and zeroed
 * memory. */
void tl_device_done(struct tl_device *device);

#endif
