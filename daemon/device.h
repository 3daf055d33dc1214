/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * device.h - one running interface: the core's engine, the edges of the system, and the threads.
 *
 * The thread that runs the device is the engine's: configuration, handshakes, timers, the life of
 * peers. Workers run the packet paths (worker.h). They share what shared.h holds.
 * Threads: the engine's. */
#ifndef DAEMON_DEVICE_H
#define DAEMON_DEVICE_H

#include "daemon/env.h"
#include "daemon/round.h"
#include "daemon/stop.h"
#include "daemon/workers.h"
#include "io/clock.h"

/* What a device is made of. All of it is borrowed until done(), but for the TUN, which is taken
 * over. */
struct tl_device_setup {
        const struct tl_tun *tun;
        struct tl_helper *helper; /* is asked for what needs privileges; must outlive the device */
        struct tl_log *log;
        const struct wg_aead_backend *aead;
        uint32_t offloads;  /* enum tl_offloading: those to begin with */
        uint32_t hardening; /* enum tl_hardening: what was achieved */
        /* What is spoken on each control socket; their ctx is the struct tl_device. */
        const struct tl_server_protocol *protocols[TL_LISTENER_COUNT];
};

struct tl_device {
        /* Constant once started. */
        struct tl_log *log;
        struct tl_helper *helper;
        struct tl_env env;
        uint64_t started_ns;
        uint32_t hardening; /* enum tl_hardening */
        uint32_t sandbox;   /* enum tl_sandbox: what was given up */

        /* Any thread, as it says. */
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
        struct tl_round round;
};

/* Makes a device; takes over the TUN also on failure. Returns 0 or -errno. */
int tl_device_init(struct tl_device *device, const struct tl_device_setup *setup) WG_MUST_USE;

/* Listens on the control sockets; if need be without the one that only reports. Returns 0 or
 * -errno. */
int tl_device_listen(struct tl_device *device) WG_MUST_USE;

/* Starts the workers, confines all threads (io/sandbox.h), and looks at the link. `sandbox` says
 * what was given up before. Returns 0 or -errno. */
int tl_device_start(struct tl_device *device, uint32_t sandbox) WG_MUST_USE;

/* Runs until a signal, or the end of the link or of the control socket. Returns 0, or -errno. */
int tl_device_run(struct tl_device *device) WG_MUST_USE;

/* Stops everything and frees it, the keys wiped. Takes a device whose init failed, or zeroed
 * memory. */
void tl_device_done(struct tl_device *device);

#endif
