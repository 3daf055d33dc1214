/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * device.h - one running interface: the engine of the core, the system's edges, and the threads.
 *
 * The thread that runs the device is the engine's: configuration, handshakes, timers, the life of
 * peers. Workers run the packet paths (worker.h). They share what the core publishes, the sockets
 * below, and two inboxes towards the engine.
 * Threads: the engine's, but for what says otherwise. */
#ifndef DAEMON_DEVICE_H
#define DAEMON_DEVICE_H

#include "core/engine.h"
#include "daemon/apply.h"
#include "daemon/helper.h"
#include "daemon/inbox.h"
#include "daemon/jobs.h"
#include "daemon/offloads.h"
#include "daemon/pins.h"
#include "daemon/reclaim.h"
#include "io/clock.h"
#include "io/log.h"
#include "io/loop.h"
#include "io/netlink.h"
#include "io/server.h"
#include "io/tun.h"
#include "io/udp.h"
#include "io/unixsock.h"

struct tl_worker;

/* The UDP sockets of one port: a pair for each worker, in which it alone receives. The engine sends by
 * the first. Workers hold them as they hold what the core publishes; besides, each says which ones its
 * event loop watches. */
struct tl_sockets {
        struct tl_device *device;
        struct wg_retired retired;
        unsigned int count;
        struct tl_udp_pair pairs[];
};

/* What happened that the core does not count, for who looks on. */
struct tl_tally {
        /* Any thread; only where something went wrong. */
        _Atomic uint64_t tx_errors;  /* datagrams that were not sent */
        _Atomic uint64_t tun_errors; /* packets that the TUN did not take */

        /* Engine. */
        uint64_t events[WG_EVENT_END];
        uint64_t received[WG_MESSAGE_DATA]; /* handshake messages, by their type */
        size_t engine_bytes;                /* that the core has allocated */
};

struct tl_device {
        /* Constant once started. */
        struct tl_log *log;
        struct tl_tun tun;
        struct tl_helper *helper;
        struct wg_env env;
        unsigned int worker_count; /* one for each queue of the TUN */
        struct tl_worker *workers[TL_TUN_QUEUES];
        unsigned int hands_max; /* workers that may help the engine: one less than processors */
        uint64_t started_ns;
        uint32_t hardening; /* enum tl_hardening: what was achieved */

        /* Any thread. */
        struct wg_engine engine;
        struct tl_reclaim reclaim;
        struct tl_inbox handshakes, unsent;
        struct tl_inbox preferred;            /* handshakes that come before those */
        struct tl_jobs jobs;                  /* of handshakes, which idle workers share */
        struct tl_wake wake;                  /* of the engine's loop */
        _Atomic(struct tl_sockets *) sockets; /* NULL: no port is held */
        atomic_bool is_deleted;               /* a worker found the TUN gone */
        struct tl_tally tally;
        struct tl_offloads offloads;

        /* Engine. */
        struct tl_loop loop;
        struct tl_netlink_monitor monitor;
        struct tl_watch monitor_watch, suspend_watch, socket_watch, helper_watch;
        struct tl_suspend suspend;
        struct tl_signals signals;
        struct tl_unixsock uapi_socket, status_socket;
        struct tl_server uapi, status;
        struct tl_apply_queue changes;
        struct tl_pins pins;
        uint64_t generation;      /* a number for each state the configuration was in */
        bool has_monitor;         /* the link is where we can hear of it */
        int follow_error;         /* why not, if it is not */
        uint64_t follow_again_ns; /* when to try again, if it is not */
        uint32_t sandbox;         /* enum tl_sandbox: what was given up */
        int error;                /* -errno: what ends the device, if it is no ordinary end */
        bool is_up;
        bool is_stopping;
        uint64_t up_ns;       /* when we last heard that the link came up */
        uint16_t listen_port; /* as configured, or chosen at the first bind; 0: not yet */
        uint32_t fwmark;
        unsigned int closing;     /* sockets that were replaced and that workers may still use */
        uint64_t bind_again_ns;   /* binding failed: when to try anew; 0: it did not */
        uint64_t give_up_port_ns; /* when to free the port of a link that is down; 0: never */
        uint64_t stamp_kept_ns;   /* the latest timestamp that the kept file allows for */
        int keep_error;           /* why the last time could not be kept; 0: it was */
        struct wg_actions actions;
        uint8_t *scratch; /* for what is taken out of an inbox */
};

/* The time, for the core. Any thread. */
struct wg_now tl_device_now(void);

/* Makes a device around a TUN that is open, and takes that over, also on failure. What needs
 * privileges it asks of the helper, which must outlive it. Returns 0 or -errno. */
int tl_device_init(struct tl_device *device, const struct tl_tun *tun, struct tl_helper *helper,
                   struct tl_log *log, const struct wg_aead_backend *aead) WG_MUST_USE;

/* Listens for clients that configure, and for such that look on; without the latter if need be. Returns
 * 0 or -errno. */
int tl_device_listen(struct tl_device *device) WG_MUST_USE;

/* How many packets or messages had a verdict, in all threads. */
uint64_t tl_device_count(const struct tl_device *device, enum wg_verdict verdict);

/* Starts the workers, confines all threads (io/sandbox.h), and looks at the link. `sandbox` says what
 * was given up before. Returns 0 or -errno. */
int tl_device_start(struct tl_device *device, uint32_t sandbox) WG_MUST_USE;

/* Runs until a signal, the end of the link or of the socket file. Returns 0, or -errno. */
int tl_device_run(struct tl_device *device) WG_MUST_USE;

/* Stops everything and frees it, the keys wiped. Takes a device whose init failed, or zeroed. */
void tl_device_done(struct tl_device *device);

/* Binds another port, or sets another mark, and drops the old sockets once that worked. While the
 * link is down, the port is bound if possible; failing to bind is no error yet. Returns 0, or
 * -errno with nothing changed. */
int tl_device_set_port(struct tl_device *device, uint16_t port) WG_MUST_USE;
int tl_device_set_fwmark(struct tl_device *device, uint32_t fwmark) WG_MUST_USE;

#endif
