/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * main.c - tielined: runs an interface. */
#include <errno.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "client/config.h"
#include "crypto/crypto.h"
#include "daemon/apply.h"
#include "daemon/control.h"
#include "daemon/device.h"
#include "daemon/options.h"
#include "daemon/stat.h"
#include "daemon/tail.h"
#include "daemon/uapi.h"
#include "io/clock.h"
#include "io/daemonize.h"
#include "io/harden.h"
#include "io/notify.h"
#include "io/processors.h"
#include "io/sandbox.h"

static struct tl_log log_;
static struct tl_device device;
static struct tl_uapi uapi = {
        .log = &log_,
        .engine = &device.shared.engine,
        .sockets = &device.shared.sockets,
        .peers = &device.peers,
        .changes = &device.changes,
};
static struct tl_helper helper = {.end = -1};
static struct tl_notify manager = {.fd = -1};
static uint32_t hardening;

static int fail(const char *what, int error)
{
        tl_log(&log_, TL_LOG_ERROR, "%s: %s", what, strerror(-error));
        return TL_EXIT_FAILED;
}

static int fail_to_listen(const char *name, int error)
{
        tl_log(&log_, TL_LOG_ERROR,
               "cannot listen for wg(8) on " TL_UNIXSOCK_DIRECTORY "/%s.sock: %s%s", name,
               strerror(-error),
               error == -EADDRINUSE
                       ? "; another WireGuard uses it, maybe in another network namespace"
                       : "");
        return TL_EXIT_FAILED;
}

static int fail_to_open_tun(const char *name, int error)
{
        const char *advice = "";

        if (error == -EBUSY)
                advice = "; an interface with that name already exists";
        else if (error == -EPERM)
                advice = "; this needs root or CAP_NET_ADMIN";
        else if (error == -EACCES)
                advice = "; this user cannot open /dev/net/tun for reading and writing";
        else if (error == -ENOENT)
                advice = "; is the kernel module tun loaded? Try `modprobe tun'";
        tl_log(&log_, TL_LOG_ERROR, "cannot create the interface %s: %s%s", name, strerror(-error),
               advice);
        return TL_EXIT_FAILED;
}

/* After a daemon is killed, its interface remains until the helper has noticed and the kernel has
 * removed it. A daemon started right after that must not find the name in use. */
#define NAME_TIMEOUT (2 * TL_NS_PER_S)
#define NAME_RETRY_MS 10

static int open_queues(const struct tl_options *options, struct tl_tun *tun, unsigned int queues)
{
        uint64_t end_ns = tl_clock_boot_ns() + NAME_TIMEOUT;
        int error;

        for (;;) {
                error = tl_tun_open(tun, options->name, queues, WG_MTU_DEFAULT);
                if (error != -EBUSY || tl_clock_boot_ns() > end_ns)
                        return error;
                poll(NULL, 0, NAME_RETRY_MS);
        }
}

/* The default is one worker per processor that we may use, up to this number: more would cost
 * memory and sockets for a rate that hardly any link reaches. */
enum { USUAL_WORKERS_MAX = 8 };

static unsigned int choose_workers(const struct tl_options *options)
{
        return options->workers ? options->workers
                                : WG_MIN(tl_processors_count(), (unsigned int)USUAL_WORKERS_MAX);
}

/* Opens a queue for each worker, or one if the system refuses more. */
static int open_tun(const struct tl_options *options, struct tl_tun *tun)
{
        unsigned int workers = choose_workers(options);
        int error, first_error;

        if (options->tun_fd >= 0) {
                if (options->workers > 1)
                        tl_log(&log_, TL_LOG_WARNING,
                               "using one worker instead of %u, because WG_TUN_FD is a single "
                               "queue",
                               workers);
                return tl_tun_adopt(tun, options->tun_fd);
        }
        error = open_queues(options, tun, workers);
        if (!error || workers == 1 || error == -EBUSY)
                return error;
        first_error = error;
        error = open_queues(options, tun, 1);
        if (!error)
                tl_log(&log_, TL_LOG_WARNING,
                       "using one worker instead of %u, because the system refuses that many TUN "
                       "queues: "
                       "%s",
                       workers, strerror(-first_error));
        return error;
}

/* The offloads that the user chose, or all except those that are broken in this kernel. */
static uint32_t choose_offloads(const struct tl_options *options)
{
        struct utsname system = {0};
        uint32_t distrusted;
        char text[64];

        if (options->has_offloads || uname(&system) < 0)
                return options->offloads;
        distrusted = tl_offloads_distrusted(system.release);
        wg_flags_format(&tl_offloading_enum, distrusted, text, sizeof(text));
        if (distrusted)
                tl_log(&log_, TL_LOG_WARNING,
                       "not using %s, which is known to be broken in Linux %s; --offload overrides "
                       "this",
                       text, system.release);
        return options->offloads & ~distrusted;
}

/* Enables the offloads that the TUN supports. Those of the sockets are tested when these are
 * opened. */
static uint32_t set_offloads(const struct tl_options *options, const struct tl_tun *tun)
{
        uint32_t wanted = choose_offloads(options);
        uint32_t got = tl_tun_set_offloads(tun,
                                           (wanted & TL_OFFLOADING_TSO ? TL_TUN_TSO : 0u) |
                                                   (wanted & TL_OFFLOADING_USO ? TL_TUN_USO : 0u));

        return (wanted & (TL_OFFLOADING_GSO | TL_OFFLOADING_GRO)) |
               (got & TL_TUN_TSO ? TL_OFFLOADING_TSO : 0u) |
               (got & TL_TUN_USO ? TL_OFFLOADING_USO : 0u);
}

static void harden(void)
{
        char text[64];

        hardening = tl_harden_process();
        wg_flags_format(&tl_hardening_enum, hardening, text, sizeof(text));
        tl_log(&log_, TL_LOG_VERBOSE, "key memory protection: %s", text);
}

/* Objects that the helper must not keep: keys, and the channels that report the end of startup. */
struct leftovers {
        struct tl_change *change;
        const struct tl_daemon *daemon;
};

static void forget(void *ctx)
{
        const struct leftovers *leftovers = ctx;

        tl_change_done(leftovers->change);
        if (leftovers->daemon)
                close(leftovers->daemon->ready_fd);
        tl_notify_done(&manager);
}

static int start_helper(const struct tl_options *options, const struct tl_tun *tun,
                        uint32_t offloads, const struct leftovers *leftovers)
{
        const struct tl_helper_place place = {
                .tun = tun,
                .receives_pieces = offloads & TL_OFFLOADING_GRO,
                .directories = {[TL_LISTENER_UAPI] = TL_UNIXSOCK_DIRECTORY,
                                [TL_LISTENER_STATUS] = TL_STATUS_DIRECTORY},
                .adopted = {[TL_LISTENER_UAPI] = options->uapi_fd, [TL_LISTENER_STATUS] = -1},
        };

        return tl_helper_start(&helper, &place, forget, (void *)leftovers);
}

/* Sanitizers need these to look for leaks at exit and to write reports. */
#define SANITIZER_CAPABILITIES (1ull << CAP_SYS_PTRACE | 1ull << CAP_DAC_OVERRIDE)

static uint32_t drop_privileges(void)
{
        struct tl_user user = tl_sandbox_find_user(TL_USER);

        return WG_IS_SANITIZED ? tl_sandbox_drop(NULL, SANITIZER_CAPABILITIES)
                               : tl_sandbox_drop(&user, 0);
}

/* The back-end that the user chose, or the best; never one that computes wrong results. Such a
 * fault of the machine, or bug of ours, is logged. */
static const struct wg_aead_backend *choose_aead(const struct tl_options *options)
{
        const struct wg_aead_backend *chosen = wg_aead_choose(options->aead), *backend;

        for (size_t i = 0; (backend = wg_aead_nth(i)); i++)
                if (wg_aead_is_broken(backend))
                        tl_log(&log_, TL_LOG_ERROR,
                               "the AEAD %s computes wrong results on this machine and is not used",
                               backend->name);
        if (wg_aead_is_broken(chosen))
                chosen = wg_aead_choose(NULL);
        tl_log(&log_, TL_LOG_VERBOSE, "AEAD: %s", chosen->name);
        return chosen;
}

/* Turns an open TUN into a usable interface. */
static int set_up(const struct tl_options *options, const struct tl_tun *tun, uint32_t offloads,
                  struct tl_change *change)
{
        const struct tl_device_setup setup = {
                .tun = tun,
                .helper = &helper,
                .log = &log_,
                .aead = choose_aead(options),
                .offloads = offloads,
                .hardening = hardening,
                .servers = {[TL_LISTENER_UAPI] = {&tl_uapi_protocol, &uapi},
                            [TL_LISTENER_STATUS] = {&tl_control_protocol, &device}},
        };
        int error = tl_device_init(&device, &setup);

        if (error)
                return fail("cannot set up the interface", error);
        error = tl_device_listen(&device);
        if (error)
                return fail_to_listen(options->name, error);
        error = tl_apply(&device.changes, change);
        if (error)
                return fail("cannot apply the configuration", error);
        error = tl_device_start(&device, drop_privileges());
        if (error)
                return fail("cannot start the interface", error);
        return TL_EXIT_OK;
}

static int start(const struct tl_options *options, const struct leftovers *leftovers)
{
        struct tl_tun tun;
        uint32_t offloads;
        int error;

        harden();
        if (!wg_crypto_init()) {
                tl_log(&log_, TL_LOG_ERROR,
                       "libcrypto lacks an algorithm or computes wrong results; is it OpenSSL 3?");
                return TL_EXIT_FAILED;
        }
        error = open_tun(options, &tun);
        if (error)
                return fail_to_open_tun(options->name, error);
        offloads = set_offloads(options, &tun);
        error = start_helper(options, &tun, offloads, leftovers);
        if (error) {
                tl_tun_done(&tun);
                return fail("cannot start the helper process", error);
        }
        return set_up(options, &tun, offloads, leftovers->change);
}

static int run(const struct tl_options *options, struct tl_change *change)
{
        struct tl_daemon daemon;
        struct leftovers leftovers = {.change = change};
        int error, status;

        tl_log_prepare_syslog(&log_);
        if (!options->is_foreground) {
                error = tl_daemon_fork(&daemon);
                if (error)
                        return fail("cannot run in the background", error);
                leftovers.daemon = &daemon;
        } else {
                error = tl_notify_init(&manager);
                if (error)
                        tl_log(&log_, TL_LOG_WARNING,
                               "cannot reach the service manager at NOTIFY_SOCKET: %s",
                               strerror(-error));
        }
        status = start(options, &leftovers);
        tl_change_done(change);
        if (status == TL_EXIT_OK && !options->is_foreground) {
                tl_log_to_syslog(&log_);
                error = tl_daemon_ready(&daemon);
                if (error)
                        status = fail("cannot run in the background", error);
        }
        if (status == TL_EXIT_OK) {
                tl_log(&log_, TL_LOG_INFO, "tielined " TL_VERSION " is running %s",
                       device.shared.tun.name);
                tl_notify_tell(&manager, "READY=1");
                error = tl_device_run(&device);
                if (error)
                        status = fail("cannot wait for events", error);
                tl_notify_tell(&manager, "STOPPING=1");
        }
        tl_device_done(&device);
        tl_helper_done(&helper);
        tl_notify_done(&manager);
        wg_crypto_done();
        return status;
}

int main(int argc, char **argv)
{
        struct tl_options options;
        struct tl_change change;
        int status = TL_EXIT_OK;

        if (!tl_options_parse(&options, argc, argv))
                return TL_EXIT_USAGE;
        if (options.mode == TL_OPTIONS_HELP) {
                tl_options_print_help();
                return TL_EXIT_OK;
        }
        if (options.mode == TL_OPTIONS_STAT)
                return tl_stat(options.name, options.view);
        if (options.mode == TL_OPTIONS_EVENTS)
                return tl_tail(&options);
        if (options.mode == TL_OPTIONS_VERSION) {
                puts(WG_IS_SANITIZED ? "tielined " TL_VERSION " (with sanitizers)"
                                     : "tielined " TL_VERSION);
                return TL_EXIT_OK;
        }
        /* Only the owner may access files that we create. */
        umask(077);
        signal(SIGPIPE, SIG_IGN);
        tl_change_init(&change);
        tl_log_init(&log_, "tielined", options.name, options.level);
        if (options.config && !tl_config_read(options.config, &change))
                status = TL_EXIT_FAILED;
        else if (options.mode == TL_OPTIONS_RUN && options.config &&
                 !tl_config_resolve(options.config, &change))
                status = TL_EXIT_FAILED;
        else if (options.mode == TL_OPTIONS_RUN)
                status = run(&options, &change);
        tl_change_done(&change);
        tl_log_done(&log_);
        return status;
}
