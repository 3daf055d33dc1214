/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "daemon/device.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#include "core/configure.h"
#include "daemon/report.h"
#include "io/processors.h"
#include "io/sandbox.h"

enum { ENGINE_NICE = 5 };

/* ---- events ---- */

static void caught(void *ctx, int signal)
{
        struct tl_device *device = ctx;

        tl_stop(&device->stop, signal == SIGINT ? "interrupted" : "terminated");
}

static void socket_changed(void *ctx, uint32_t events WG_UNUSED)
{
        struct tl_device *device = ctx;

        if (tl_helper_is_removed(device->helper, TL_LISTENER_UAPI,
                                 &device->sockets[TL_LISTENER_UAPI]))
                tl_stop(&device->stop, "the control socket was removed");
}

/* The helper sends only replies, which are read at once. So if the socket is readable here, the
 * helper is gone. */
static void helper_is_gone(void *ctx, uint32_t events WG_UNUSED)
{
        struct tl_device *device = ctx;

        tl_loop_remove(&device->helper_watch);
        tl_stop(&device->stop, "the helper process is gone");
        device->stop.error = -EPIPE;
}

static void woke_up(void *ctx, uint32_t events WG_UNUSED)
{
        struct tl_device *device = ctx;

        if (!tl_suspend_check(&device->suspend))
                return;
        tl_log(device->log, TL_LOG_INFO, "the system was suspended; all sessions are dropped");
        wg_engine_suspended(&device->shared.engine, tl_env_now());
}

static void log_waits(void *ctx)
{
        tl_wake_set(&((struct tl_device *)ctx)->shared.wake);
}

static void woken(void *ctx)
{
        struct tl_device *device = ctx;

        if (atomic_load(&device->shared.is_deleted))
                tl_stop(&device->stop, "the link was deleted");
}

/* ---- life ---- */

static int init_loop(struct tl_device *device)
{
        sigset_t signals;
        int error = tl_loop_init(&device->loop);

        sigemptyset(&signals);
        sigaddset(&signals, SIGINT);
        sigaddset(&signals, SIGTERM);
        if (!error)
                error = tl_signals_init(&device->signals, &device->loop, &signals, caught, device);
        if (!error)
                error = tl_wake_init(&device->shared.wake, &device->loop, woken, device);
        if (!error)
                error = tl_suspend_init(&device->suspend);
        if (!error)
                error = tl_loop_add(&device->loop, &device->suspend_watch, device->suspend.fd,
                                    EPOLLIN, woke_up, device);
        if (!error)
                error = tl_loop_add(&device->loop, &device->helper_watch, device->helper->end, 0,
                                    helper_is_gone, device);
        return error;
}

/* Connects the parts of the device. */
static void connect_parts(struct tl_device *device, const struct tl_device_setup *setup)
{
        struct tl_shared *shared = &device->shared;

        tl_env_init(&device->env, &shared->reclaim, &shared->jobs, &device->workers);
        shared->log = setup->log;
        shared->tally.engine = &shared->engine;
        shared->tally.workers = &device->workers;
        shared->sockets.log = setup->log;
        shared->sockets.helper = setup->helper;
        shared->sockets.engine = &shared->engine;
        shared->sockets.reclaim = &shared->reclaim;
        shared->sockets.offloads = &shared->offloads;
        shared->sockets.workers = &device->workers;
        shared->sockets.count = shared->tun.queue_count;
        device->stop.log = setup->log;
        device->peers.engine = &shared->engine;
        device->link = (struct tl_followed_link){
                .log = setup->log,
                .loop = &device->loop,
                .helper = setup->helper,
                .stop = &device->stop,
                .tun = &shared->tun.queues[0],
                .engine = &shared->engine,
                .sockets = &shared->sockets,
                .events = &device->events,
        };
        device->stamp = (struct tl_stamp){
                .log = setup->log,
                .helper = setup->helper,
                .engine = &shared->engine,
                .name = shared->tun.name,
        };
        device->round = (struct tl_round){
                .shared = shared,
                .helper = setup->helper,
                .link = &device->link,
                .stamp = &device->stamp,
                .pins = &device->pins,
                .changes = &device->changes,
                .events = &device->events,
                .servers = device->servers,
        };
        tl_apply_init(&device->changes, &shared->engine, &shared->sockets, &device->pins.routes,
                      &device->peers);
        device->changes.events = &device->events;
        for (unsigned int i = 0; i < TL_LISTENER_COUNT; i++)
                tl_server_init(&device->servers[i], setup->servers[i].protocol,
                               setup->servers[i].ctx, &device->loop, setup->log);
}

/* Sets the fields that must not be zero, so that done() can undo an init that fails. */
static void begin(struct tl_device *device, const struct tl_device_setup *setup)
{
        memset(device, 0, sizeof(*device));
        device->log = setup->log;
        device->helper = setup->helper;
        device->started_ns = tl_clock_boot_ns();
        device->hardening = setup->hardening;
        device->shared.tun = *setup->tun;
        device->shared.wake.fd = device->loop.fd = device->signals.fd = device->suspend.fd = -1;
        for (unsigned int i = 0; i < TL_LISTENER_COUNT; i++)
                device->sockets[i].fd = device->sockets[i].watch_fd = -1;
        device->workers.hands_max = tl_processors_count() - 1;
        tl_reclaim_init(&device->shared.reclaim);
        tl_jobs_init(&device->shared.jobs, wg_handshake_compute);
        tl_offloads_init(&device->shared.offloads, setup->offloads, setup->log);
}

int tl_device_init(struct tl_device *device, const struct tl_device_setup *setup)
{
        int error;

        begin(device, setup);
        connect_parts(device, setup);
        if (!wg_engine_init(&device->shared.engine, &device->env.core, setup->aead))
                return -ENOMEM;
        error = tl_round_init(&device->round);
        if (!error)
                error = tl_handover_init(&device->shared.handover);
        if (!error)
                error = init_loop(device);
        if (!error)
                error = tl_pins_init(&device->pins, &device->loop, &device->shared.sockets,
                                     &device->peers);
        if (error)
                return error;
        tl_log_set_wake(device->log, log_waits, device);
        tl_stamp_recall(&device->stamp);
        return 0;
}

static int listen_on(struct tl_device *device, enum tl_listener which)
{
        int error = tl_helper_listen(device->helper, which, &device->sockets[which]);

        return error ? error : tl_server_listen(&device->servers[which], device->sockets[which].fd);
}

int tl_device_listen(struct tl_device *device)
{
        const struct tl_unixsock *uapi = &device->sockets[TL_LISTENER_UAPI];
        int error = listen_on(device, TL_LISTENER_UAPI);

        if (!error && uapi->watch_fd >= 0)
                error = tl_loop_add(&device->loop, &device->socket_watch, uapi->watch_fd, EPOLLIN,
                                    socket_changed, device);
        if (error)
                return error;
        error = listen_on(device, TL_LISTENER_STATUS);
        if (error)
                tl_log(device->log, TL_LOG_WARNING,
                       "cannot listen in " TL_STATUS_DIRECTORY
                       ": %s; `tielined --stat' will not work",
                       strerror(-error));
        return 0;
}

/* Packets go first: if there are too few processors for both, the engine, which strangers can keep
 * busy with handshakes, gets a third of a worker's share. The workers were started before and keep
 * their priority. Failing is harmless. */
static void make_way_for_workers(void)
{
        setpriority(PRIO_PROCESS, 0,
                    getpriority(PRIO_PROCESS, 0) + ENGINE_NICE); /* this thread's */
}

/* Says which parts of the sandbox are in place, and warns of those that are not. */
static void report_sandbox(struct tl_device *device)
{
        uint32_t missing = 0;
        char text[128];

        WG_ENUM_EACH(member, &tl_sandbox_enum)
                missing |= member->value & ~device->sandbox;
        wg_flags_format(&tl_sandbox_enum, device->sandbox, text, sizeof(text));
        tl_log(device->log, TL_LOG_VERBOSE, "sandbox: %s", text);
        wg_flags_format(&tl_sandbox_enum, missing, text, sizeof(text));
        if (missing && !WG_IS_SANITIZED)
                tl_log(device->log, TL_LOG_WARNING,
                       "sandbox: no %s: not permitted, or not supported by the kernel", text);
}

int tl_device_start(struct tl_device *device, uint32_t sandbox)
{
        int error = tl_workers_start(&device->workers, &device->shared);

        if (error)
                return error;
        make_way_for_workers();
        device->sandbox = sandbox;
        error = tl_sandbox_confine(TL_CONFINE_PACKETS);
        if (error == -ENOMEM)
                return error;
        if (!error)
                device->sandbox |= TL_SANDBOX_SYSCALLS;
        report_sandbox(device);
        tl_link_begin(&device->link);
        return 0;
}

int tl_device_run(struct tl_device *device)
{
        while (!device->stop.is_stopping) {
                int handled = tl_loop_run(&device->loop, tl_round_work(&device->round));

                if (handled < 0 && handled != -EINTR)
                        return handled;
        }
        return device->stop.error;
}

void tl_device_done(struct tl_device *device)
{
        if (!device->log)
                return;
        tl_report_totals(device->log, &device->shared.tally);
        tl_workers_stop(&device->workers);
        tl_log_set_wake(device->log, NULL, NULL);
        tl_loop_remove(&device->socket_watch);
        for (unsigned int i = 0; i < TL_LISTENER_COUNT; i++)
                tl_server_done(&device->servers[i]);
        tl_apply_done(&device->changes);
        for (unsigned int i = 0; i < TL_LISTENER_COUNT; i++)
                tl_unixsock_close(&device->sockets[i]);
        tl_loop_remove(&device->helper_watch);
        tl_link_done(&device->link);
        tl_pins_done(&device->pins);
        tl_loop_remove(&device->suspend_watch);
        tl_suspend_done(&device->suspend);
        tl_sockets_close(&device->shared.sockets);
        tl_round_done(&device->round);
        wg_engine_done(&device->shared.engine);
        while (tl_reclaim_poll(&device->shared.reclaim))
                ;
        tl_wake_done(&device->shared.wake);
        tl_signals_done(&device->signals);
        tl_loop_done(&device->loop);
        tl_handover_done(&device->shared.handover);
        tl_jobs_done(&device->shared.jobs);
        tl_tun_done(&device->shared.tun);
}
