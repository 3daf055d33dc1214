/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "daemon/device.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "core/configure.h"
#include "core/hswork.h"
#include "core/work.h"
#include "daemon/report.h"
#include "daemon/stampfile.h"
#include "daemon/status.h"
#include "daemon/uapi.h"
#include "daemon/worker.h"
#include "io/lock.h"
#include "io/processors.h"
#include "io/random.h"
#include "io/sandbox.h"

enum { INBOX_SIZE = 1 << 20, SCRATCH_SIZE = 1 << 16, ENGINE_NICE = 5 };

enum { STAGED_A_CALL = 32 }; /* staged datagrams handed to the kernel in one call */

/* How many handshake messages may wait in the core: so many whatever they are, which is load; more of
 * those that are preferred; and even then some of the others each round, since they may be from those
 * who ask for a cookie. */
enum {
        ORDINARY_MAX = WG_HANDSHAKE_QUEUE_MAX / 4,
        PREFERRED_MAX = WG_HANDSHAKE_QUEUE_MAX / 4 * 3,
        ORDINARY_A_ROUND = 16,
};
_Static_assert(ORDINARY_MAX > WG_LOAD_QUEUED, "what may wait can be load");

#define BIND_AGAIN_NS TL_NS_PER_S
#define RECLAIM_AGAIN_NS TL_NS_PER_MS
#define CLOSING_NS TL_NS_PER_S
#define CLOSING_PAUSE_NS (TL_NS_PER_MS / 10)
#define LINK_AGAIN_NS (100 * TL_NS_PER_MS)
#define HOLD_PORT_NS (30 * TL_NS_PER_S)
#define KEEP_PORT_NS (100 * TL_NS_PER_MS)
#define WAIT_FOR_LINK_NS WG_REKEY_TIMEOUT
#define STAMP_RESERVE_NS TL_NS_PER_S
#define STAMP_AHEAD_MAX (10 * 366 * 24 * 3600 * TL_NS_PER_S)

struct wg_now tl_device_now(void)
{
        return (struct wg_now){.ns = tl_clock_boot_ns(), .real_ns = tl_clock_real_ns()};
}

/* ---- what the core asks of the world ---- */

static void env_random(void *ctx, void *out, size_t len)
{
        (void)ctx;
        tl_random_fill(out, len);
}

static void *env_alloc(void *ctx, size_t len)
{
        void *memory = calloc(1, len);

        if (memory)
                ((struct tl_device *)ctx)->tally.engine_bytes += len;
        return memory;
}

static void env_free(void *ctx, void *memory, size_t len)
{
        if (memory)
                ((struct tl_device *)ctx)->tally.engine_bytes -= len;
        free(memory);
}

static void env_retire(void *ctx, struct wg_retired *retired)
{
        tl_reclaim_retire(&((struct tl_device *)ctx)->reclaim, retired);
}

static void env_lock(void *ctx, _Atomic uint32_t *word)
{
        (void)ctx;
        tl_lock_take(word);
}

static void env_unlock(void *ctx, _Atomic uint32_t *word)
{
        (void)ctx;
        tl_lock_release(word);
}

/* Whoever is busy with packets is left alone. */
static void wake_idle(void *ctx, size_t more)
{
        struct tl_device *device = ctx;
        size_t wanted = WG_MIN(more, device->hands_max);

        for (unsigned int i = 0; i < device->worker_count && wanted; i++)
                if (tl_worker_lend_a_hand(device->workers[i]))
                        wanted--;
}

static void env_compute(void *ctx, struct wg_handshake_job *const *jobs, size_t count)
{
        struct tl_device *device = ctx;

        if (count == 1)
                wg_handshake_compute(jobs[0]);
        else
                tl_jobs_run(&device->jobs, jobs, count, wake_idle, device);
}

/* ---- sockets ---- */

static bool are_watched(const struct tl_sockets *sockets)
{
        const struct tl_device *device = sockets->device;

        for (unsigned int i = 0; i < device->worker_count; i++)
                if (atomic_load(&device->workers[i]->watched) == sockets)
                        return true;
        return false;
}

static void release_sockets(struct wg_retired *retired)
{
        struct tl_sockets *sockets = WG_CONTAINER_OF(retired, struct tl_sockets, retired);

        /* No worker uses them any more, but one may not have taken them out of its loop yet. */
        if (are_watched(sockets)) {
                tl_reclaim_retire(&sockets->device->reclaim, retired);
                return;
        }
        tl_udp_close_pairs(sockets->pairs, sockets->count);
        sockets->device->closing--;
        free(sockets);
}

/* What these sockets cannot do is not tried. */
static void adapt_offloads(struct tl_device *device, const struct tl_udp_pair *pair)
{
        uint32_t lacks = (tl_udp_sends_pieces(pair) ? 0u : TL_OFFLOADING_GSO) |
                         (tl_udp_receives_pieces(pair) ? 0u : TL_OFFLOADING_GRO);

        atomic_fetch_and(&device->offloads.used, ~lacks);
}

/* Puts other sockets (NULL: none) in the place of the present ones. All at once: what arrives at any of
 * them waits there for its worker. */
static void publish_sockets(struct tl_device *device, struct tl_sockets *sockets)
{
        struct tl_sockets *old = atomic_exchange(&device->sockets, sockets);

        for (unsigned int i = 0; i < device->worker_count; i++)
                tl_wake_set(&device->workers[i]->wake);
        if (!old)
                return;
        device->closing++;
        old->retired.release = release_sockets;
        tl_reclaim_retire(&device->reclaim, &old->retired);
}

/* Waits for the workers to let go of sockets that were replaced: a round of theirs at most. */
static void wait_for_closing(struct tl_device *device)
{
        const struct timespec pause = {.tv_nsec = CLOSING_PAUSE_NS};
        uint64_t end_ns = tl_clock_boot_ns() + CLOSING_NS;

        while (device->closing && tl_clock_boot_ns() < end_ns) {
                tl_reclaim_poll(&device->reclaim);
                if (device->closing)
                        nanosleep(&pause, NULL);
        }
}

static int open_udp(struct tl_device *device, struct tl_sockets *sockets, uint16_t port)
{
        int error = tl_helper_open_udp(device->helper, sockets->pairs, sockets->count, port,
                                       device->fwmark);

        /* Perhaps it is our own: a link that goes down and up again, a port that comes back. */
        if (error != -EADDRINUSE || !device->closing)
                return error;
        wait_for_closing(device);
        return tl_helper_open_udp(device->helper, sockets->pairs, sockets->count, port,
                                  device->fwmark);
}

static int open_sockets(struct tl_device *device, uint16_t port)
{
        unsigned int count = device->tun.queue_count;
        struct tl_sockets *sockets = calloc(1,
                                            sizeof(*sockets) + count * sizeof(sockets->pairs[0]));
        int error;

        if (!sockets)
                return -ENOMEM;
        sockets->device = device;
        sockets->count = count;
        error = open_udp(device, sockets, port);
        if (error) {
                free(sockets);
                return error;
        }
        adapt_offloads(device, &sockets->pairs[0]);
        device->listen_port = sockets->pairs[0].port;
        device->bind_again_ns = 0;
        publish_sockets(device, sockets);
        return 0;
}

/* A link whose port was just set will usually come up soon. The port is bound now, so that a
 * datagram that arrives the moment the link is up is not lost. It is not held for ever, since
 * others may want it. Failing to bind is no error before the link is up. */
static void hold_port(struct tl_device *device, uint16_t port)
{
        const struct tl_sockets *now = atomic_load(&device->sockets);

        device->listen_port = port;
        device->give_up_port_ns = tl_clock_boot_ns() + HOLD_PORT_NS;
        if (now && port == now->pairs[0].port)
                return;
        if (!port || open_sockets(device, port))
                publish_sockets(device, NULL);
}

/* Shorter just after the link came up: another link that went down a moment ago may still hold the
 * port. */
static uint64_t bind_pause_ns(const struct tl_device *device)
{
        return tl_clock_boot_ns() < device->up_ns + BIND_AGAIN_NS ? KEEP_PORT_NS : BIND_AGAIN_NS;
}

static void bind_for_link(struct tl_device *device)
{
        bool is_held = atomic_load(&device->sockets);
        int error = is_held ? 0 : open_sockets(device, device->listen_port);

        if (!error) {
                tl_log(device->log, TL_LOG_INFO, "listening on UDP port %u", device->listen_port);
                return;
        }
        if (!device->bind_again_ns)
                tl_log(device->log, TL_LOG_ERROR,
                       "cannot listen on UDP port %u: %s; trying again every second",
                       device->listen_port, strerror(-error));
        device->bind_again_ns = tl_clock_boot_ns() + bind_pause_ns(device);
}

int tl_device_set_port(struct tl_device *device, uint16_t port)
{
        struct tl_sockets *now = atomic_load(&device->sockets);
        int error;

        if (!device->is_up) {
                hold_port(device, port);
                return 0;
        }
        if (now && port == now->pairs[0].port)
                return 0;
        error = open_sockets(device, port);
        if (!error)
                wg_engine_unpin_all(&device->engine);
        return error;
}

int tl_device_set_fwmark(struct tl_device *device, uint32_t fwmark)
{
        struct tl_sockets *now = atomic_load(&device->sockets);
        int error = 0;

        if (fwmark == device->fwmark)
                return 0;
        if (now)
                error = tl_helper_mark_udp(device->helper, now->pairs, now->count, fwmark);
        if (error) {
                /* Some may have it already; what was possible before still is. */
                (void)!tl_helper_mark_udp(device->helper, now->pairs, now->count, device->fwmark);
                return error;
        }
        device->fwmark = fwmark;
        wg_engine_unpin_all(&device->engine);
        return 0;
}

/* ---- the link ---- */

static void set_up(struct tl_device *device, bool up)
{
        if (device->is_up == up)
                return;
        device->is_up = up;
        tl_log(device->log, TL_LOG_INFO, up ? "link is up" : "link is down");
        device->give_up_port_ns = up ? 0 : tl_clock_boot_ns() + KEEP_PORT_NS;
        device->bind_again_ns = 0;
        if (up) {
                device->up_ns = tl_clock_boot_ns();
                bind_for_link(device);
        }
        wg_engine_set_up(&device->engine, up, tl_device_now());
}

/* A link that is down gives its port up to others. One that soon comes up again keeps it, with the
 * datagrams that have arrived meanwhile. */
static void give_up_port(struct tl_device *device, uint64_t now_ns)
{
        if (!device->give_up_port_ns || now_ns < device->give_up_port_ns)
                return;
        device->give_up_port_ns = 0;
        publish_sockets(device, NULL);
}

static void stop(struct tl_device *device, const char *why)
{
        if (!device->is_stopping)
                tl_log(device->log, TL_LOG_INFO, "ending: %s", why);
        device->is_stopping = true;
}

static void link_changed(void *ctx, uint32_t events);

/* Starts to follow the link, in whichever network namespace it is. Returns 0 or -errno. */
static int follow_link(struct tl_device *device)
{
        int error = tl_helper_follow(device->helper, &device->monitor);

        if (error)
                return error;
        error = tl_loop_add(&device->loop, &device->monitor_watch, device->monitor.fd, EPOLLIN,
                            link_changed, device);
        if (error) {
                tl_netlink_monitor_done(&device->monitor);
                return error;
        }
        device->has_monitor = true;
        wg_engine_set_mtu(&device->engine, device->monitor.link.mtu);
        set_up(device, device->monitor.link.is_up);
        return 0;
}

static void unfollow_link(struct tl_device *device)
{
        tl_loop_remove(&device->monitor_watch);
        if (device->has_monitor)
                tl_netlink_monitor_done(&device->monitor);
        device->has_monitor = false;
}

/* Like follow_link(), but after a failure at most once in LINK_AGAIN_NS: the engine waits while the
 * helper tries. */
static int try_to_follow(struct tl_device *device)
{
        uint64_t now_ns = tl_clock_boot_ns();
        int error;

        if (device->follow_error && now_ns < device->follow_again_ns)
                return device->follow_error;
        error = follow_link(device);
        device->follow_again_ns = now_ns + LINK_AGAIN_NS;
        return error;
}

/* Looks for the link where it is now. Where it may not be followed, the TUN itself is asked from time
 * to time whether it is up, which needs no privileges. */
static void look_for_link(struct tl_device *device)
{
        int up = tl_tun_is_up(&device->tun.queues[0]), error;

        if (up == -EBADFD) {
                stop(device, "the link was deleted");
                return;
        }
        error = try_to_follow(device);
        if (error && up >= 0)
                set_up(device, up);
        if (error && error != device->follow_error)
                tl_log(device->log, TL_LOG_WARNING,
                       "the link cannot be followed where it is: %s; changes of its MTU go "
                       "unnoticed, and up and down are noticed late (this needs CAP_SYS_ADMIN and "
                       "CAP_NET_BROADCAST)",
                       strerror(-error));
        device->follow_error = error;
}

/* The link is no longer where the monitor looks: deleted, or moved to another network namespace. */
static void link_is_gone(struct tl_device *device)
{
        unfollow_link(device);
        if (tl_tun_is_up(&device->tun.queues[0]) != -EBADFD) {
                tl_log(device->log, TL_LOG_INFO, "the link moved to another network namespace");
                /* Moving takes it down; perhaps it is up again before we look. */
                set_up(device, false);
        }
        look_for_link(device);
}

static void link_changed(void *ctx, uint32_t events)
{
        struct tl_device *device = ctx;
        uint32_t changes;
        int result;

        (void)events;
        while ((result = tl_netlink_monitor_next(&device->monitor, &changes)) > 0) {
                const struct tl_link *link = &device->monitor.link;

                if (changes & TL_LINK_GONE) {
                        link_is_gone(device);
                        return;
                }
                if (changes & TL_LINK_LOST) {
                        unfollow_link(device);
                        look_for_link(device);
                        return;
                }
                if (changes & TL_LINK_CHANGED_NAME)
                        tl_log(device->log, TL_LOG_INFO, "link was renamed to %s", link->name);
                if (changes & TL_LINK_CHANGED_MTU) {
                        tl_log(device->log, TL_LOG_INFO, "MTU is now %u", link->mtu);
                        wg_engine_set_mtu(&device->engine, link->mtu);
                }
                if (changes & TL_LINK_CHANGED_STATE)
                        set_up(device, link->is_up);
        }
        if (result < 0)
                tl_report_error(device, "cannot follow the link", result);
}

/* ---- other events ---- */

static void caught(void *ctx, int signal)
{
        stop(ctx, signal == SIGINT ? "interrupted" : "terminated");
}

static void socket_changed(void *ctx, uint32_t events)
{
        struct tl_device *device = ctx;

        (void)events;
        if (tl_helper_is_removed(device->helper, TL_LISTENER_UAPI, &device->uapi_socket))
                stop(device, "the control socket was removed");
}

/* It speaks only when asked, and then it is listened to: so this is its end. */
static void helper_is_gone(void *ctx, uint32_t events)
{
        struct tl_device *device = ctx;

        (void)events;
        tl_loop_remove(&device->helper_watch);
        stop(device, "the helper process is gone");
        device->error = -EPIPE;
}

static void woke_up(void *ctx, uint32_t events)
{
        struct tl_device *device = ctx;

        (void)events;
        if (!tl_suspend_check(&device->suspend))
                return;
        tl_log(device->log, TL_LOG_INFO, "the system was suspended: sessions are forgotten");
        wg_engine_suspended(&device->engine, tl_device_now());
}

static void log_waits(void *ctx)
{
        tl_wake_set(&((struct tl_device *)ctx)->wake);
}

static void woken(void *ctx)
{
        struct tl_device *device = ctx;

        if (atomic_load(&device->is_deleted))
                stop(device, "the link was deleted");
}

/* ---- timestamps of initiations ---- */

static const char *why_useless(int error)
{
        switch (error) {
        case -ERANGE:
                return "more than ten years ahead of the clock";
        case -EBADMSG:
                return "not a time";
        case -EPERM:
                return "others may write to it";
        default:
                return strerror(-error);
        }
}

/* Reads the latest timestamp of the previous daemon, in case the clock has been set back since. An
 * absurd time in the file must not be used: peers would then refuse every daemon that does not know
 * it. */
static void recall_stamp(struct tl_device *device)
{
        uint64_t stamp_ns = 0;
        int error = tl_helper_recall_stamp(device->helper, &stamp_ns);

        if (error == -ENOENT) {
                tl_stampfile_make_room(TL_STATUS_DIRECTORY);
                return;
        }
        if (!error && stamp_ns > tl_clock_real_ns() + STAMP_AHEAD_MAX)
                error = -ERANGE;
        if (error) {
                tl_log(device->log, TL_LOG_WARNING,
                       "ignoring the time of the last handshake in " TL_STATUS_DIRECTORY
                       "/%s.stamp: %s; if the clock was set back, peers refuse our handshakes "
                       "until it has caught up",
                       device->tun.name, why_useless(error));
                return;
        }
        wg_engine_set_stamped(&device->engine, stamp_ns);
        device->stamp_kept_ns = stamp_ns;
}

static void report_kept_stamp(struct tl_device *device)
{
        int error = tl_helper_keep_error(device->helper);

        if (error && error != device->keep_error)
                tl_log(device->log, TL_LOG_WARNING,
                       "cannot keep the time of the last handshake in " TL_STATUS_DIRECTORY
                       "/%s.stamp: %s; if the clock is set back before the next start, peers "
                       "will refuse our handshakes until it has caught up",
                       device->tun.name, strerror(-error));
        device->keep_error = error;
}

/* Called before initiations go out. Keeps a time one second past the latest timestamp, so that
 * handshakes with many peers write the file once a second. */
static void keep_stamp(struct tl_device *device)
{
        uint64_t stamped_ns = device->engine.stamped_ns;

        report_kept_stamp(device);
        if (stamped_ns <= device->stamp_kept_ns || stamped_ns > UINT64_MAX - STAMP_RESERVE_NS)
                return;
        if (!tl_helper_keep_stamp(device->helper, stamped_ns + STAMP_RESERVE_NS))
                device->stamp_kept_ns = stamped_ns + STAMP_RESERVE_NS;
}

/* ---- the engine's round ---- */

static void offer(struct tl_device *device, const struct tl_inbox_head *head)
{
        uint32_t type = wg_message_classify(device->scratch, head->len);

        if (type < WG_MESSAGE_DATA)
                device->tally.received[type]++;
        /* Time spent waiting for the link is no sign of load. */
        wg_engine_offer(&device->engine, device->scratch, head->len, &head->from,
                        WG_MAX(head->arrived_ns, device->up_ns));
}

/* All of them: who asks too often is refused at once by the core, and there shall be room in the inbox
 * for those who do not. */
static void offer_preferred(struct tl_device *device)
{
        struct tl_inbox_head head;

        for (unsigned int i = 0; i < WG_HANDSHAKE_QUEUE_MAX; i++) {
                if (!tl_inbox_take(&device->preferred, &head, device->scratch))
                        return;
                if (device->engine.handshakes.count < PREFERRED_MAX)
                        offer(device, &head);
                else
                        wg_worker_count(&device->engine.worker, WG_VERDICT_QUEUE_FULL);
        }
        tl_wake_set(&device->wake); /* there may be more */
}

static void offer_ordinary(struct tl_device *device)
{
        struct tl_inbox_head head;

        for (unsigned int i = 0; i < ORDINARY_MAX; i++) {
                uint32_t most = i < ORDINARY_A_ROUND ? WG_HANDSHAKE_QUEUE_MAX : ORDINARY_MAX;

                if (device->engine.handshakes.count >= most ||
                    !tl_inbox_take(&device->handshakes, &head, device->scratch))
                        return;
                offer(device, &head);
        }
        tl_wake_set(&device->wake); /* there may be more */
}

static void drop_old(struct tl_device *device, struct tl_inbox *inbox, uint64_t before_ns)
{
        while (tl_inbox_drop_older(inbox, before_ns))
                wg_worker_count(&device->engine.worker, WG_VERDICT_DOWN);
}

/* While the link is down, or not yet known to be up, messages wait unanswered. An initiation is
 * worthless once its sender has begun another. */
static void keep_waiting(struct tl_device *device, uint64_t now_ns)
{
        uint64_t before_ns = now_ns > WAIT_FOR_LINK_NS ? now_ns - WAIT_FOR_LINK_NS : 0;

        drop_old(device, &device->preferred, before_ns);
        drop_old(device, &device->handshakes, before_ns);
}

/* Messages in the inboxes may have arrived after a change of the link that we have not heard of
 * yet. Without this look, a session that begins now would be forgotten with those from before a
 * `down'. */
static void catch_up_with_link(struct tl_device *device)
{
        if (!device->has_monitor)
                look_for_link(device);
        else if (tl_inbox_used(&device->preferred) || tl_inbox_used(&device->handshakes) ||
                 tl_inbox_used(&device->unsent))
                link_changed(device, 0);
}

/* Returns whether there may be more. */
static bool stage_unsent(struct tl_device *device)
{
        struct tl_inbox_head head;

        for (unsigned int i = 0; i < WG_BATCH_MAX; i++) {
                if (!tl_inbox_take(&device->unsent, &head, device->scratch))
                        return false;
                wg_engine_stage(&device->engine, head.peer, device->scratch, head.len,
                                head.arrived_ns);
        }
        return true;
}

/* The work is bounded, because the inboxes are. */
static void empty_inboxes(struct tl_device *device, uint64_t now_ns)
{
        if (!device->is_up || now_ns < device->up_ns + WAIT_FOR_LINK_NS)
                keep_waiting(device, now_ns);
        if (device->is_up) {
                offer_preferred(device);
                offer_ordinary(device);
        }
        if (stage_unsent(device))
                tl_wake_set(&device->wake);
}

/* Accounts for a datagram that the engine sent or failed to send. */
static void settle(struct tl_device *device, struct wg_peer *peer, const struct tl_datagram *d)
{
        if (d->error)
                tl_report_send_error(device, peer, d);
        else if (peer)
                wg_worker_count_sent(&device->engine.worker, peer, d->len);
        if (d->pin_failed && peer)
                wg_path_unpin(&peer->path, peer->engine->env, &d->path);
}

static void send_datagrams(struct tl_device *device, struct wg_peer *peer,
                           struct tl_datagram *datagrams, unsigned int count)
{
        struct tl_sockets *sockets = atomic_load(&device->sockets);

        if (!sockets) {
                device->tally.tx_errors += count;
                return;
        }
        tl_udp_send_pair(&sockets->pairs[0], datagrams, count);
        for (unsigned int i = 0; i < count; i++)
                settle(device, peer, &datagrams[i]);
}

static void send_one(struct tl_device *device, struct wg_action *action)
{
        struct tl_datagram datagram = {
                .buf = action->bytes, .len = action->len, .tos = action->tos, .path = action->to};

        send_datagrams(device, action->peer, &datagram, 1);
}

/* Workers hand the peer's packets to the engine until all of these have left. */
static void send_staged(struct tl_device *device, const struct wg_action *action)
{
        struct tl_datagram datagrams[STAGED_A_CALL];
        unsigned int count = 0;

        for (struct wg_staged *s = action->staged; s; s = s->next) {
                datagrams[count++] = (struct tl_datagram){
                        .buf = s->buf, .len = s->len, .tos = s->tos, .path = action->to};
                if (count < STAGED_A_CALL && s->next)
                        continue;
                send_datagrams(device, action->peer, datagrams, count);
                count = 0;
        }
}

static void act(struct tl_device *device, struct wg_action *action)
{
        switch (action->kind) {
        case WG_ACTION_SEND:
                send_one(device, action);
                break;
        case WG_ACTION_SEND_STAGED:
                send_staged(device, action);
                break;
        case WG_ACTION_EVENT:
                device->tally.events[action->event]++;
                tl_report_event(device, action);
                break;
        }
}

/* Returns whether there is more to change at once. */
static bool change_configuration(struct tl_device *device)
{
        bool has_more = tl_apply_work(device);

        /* Nobody is told of what is half done. */
        tl_server_pause(&device->uapi, has_more);
        return has_more;
}

/* Writes log messages that wait. Returns when to try again. */
static uint64_t tend_log(struct tl_device *device, uint64_t now_ns)
{
        uint64_t due = tl_log_work(device->log, now_ns);
        int connection;

        if (due == UINT64_MAX || !tl_log_wants_connection(device->log, now_ns))
                return due;
        connection = tl_helper_connect_syslog(device->helper);
        if (connection < 0)
                return due;
        tl_log_connect(device->log, connection);
        return 0;
}

/* Unlike WG_MIN() it may be given calls that do something. */
static uint64_t sooner(uint64_t a, uint64_t b)
{
        return WG_MIN(a, b);
}

/* One round of the engine; returns when the next one is due. */
static uint64_t work(struct tl_device *device)
{
        struct wg_now now;
        uint64_t due;
        bool is_busy;

        catch_up_with_link(device);
        now = tl_device_now();
        give_up_port(device, now.ns);
        empty_inboxes(device, now.ns);
        is_busy = wg_engine_work(&device->engine, now, &device->actions);
        keep_stamp(device);
        for (size_t i = 0; i < device->actions.count; i++)
                act(device, &device->actions.items[i]);
        wg_actions_clear(&device->engine, &device->actions);
        if (device->bind_again_ns && now.ns >= device->bind_again_ns)
                bind_for_link(device);
        due = tl_pins_work(&device->pins, now.ns);
        is_busy |= change_configuration(device);
        due = sooner(due, is_busy ? 0 : wg_engine_deadline(&device->engine));
        due = sooner(due, tend_log(device, now.ns));
        if (tl_reclaim_poll(&device->reclaim))
                due = sooner(due, now.ns + RECLAIM_AGAIN_NS);
        if (device->bind_again_ns)
                due = sooner(due, device->bind_again_ns);
        if (device->give_up_port_ns)
                due = sooner(due, device->give_up_port_ns);
        due = sooner(due, tl_server_work(&device->uapi, now.ns));
        due = sooner(due, tl_server_work(&device->status, now.ns));
        if (!device->has_monitor)
                due = sooner(due, now.ns + LINK_AGAIN_NS);
        return due;
}

int tl_device_run(struct tl_device *device)
{
        while (!device->is_stopping) {
                int handled = tl_loop_run(&device->loop, work(device));

                if (handled < 0 && handled != -EINTR)
                        return handled;
        }
        return device->error;
}

uint64_t tl_device_count(const struct tl_device *device, enum wg_verdict verdict)
{
        uint64_t count = atomic_load(&device->engine.worker.counters[verdict]);

        for (unsigned int i = 0; i < device->worker_count; i++)
                count += atomic_load(&device->workers[i]->core.counters[verdict]);
        return count;
}

/* ---- the workers ---- */

/* All of them, or none. */
static int start_workers(struct tl_device *device)
{
        for (unsigned int i = 0; i < device->tun.queue_count; i++) {
                struct tl_worker *worker = tl_worker_start(device, i, device->engine.worker.aead);

                if (!worker)
                        return errno ? -errno : -ENOMEM;
                device->workers[device->worker_count++] = worker;
        }
        return 0;
}

/* They stop beside each other; what they hold is let go of once none of them runs. */
static void stop_workers(struct tl_device *device)
{
        unsigned int count = device->worker_count;

        device->worker_count = 0;
        for (unsigned int i = 0; i < count; i++)
                tl_worker_tell_to_stop(device->workers[i]);
        for (unsigned int i = 0; i < count; i++)
                tl_worker_stop(device->workers[i]);
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
                error = tl_wake_init(&device->wake, &device->loop, woken, device);
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

int tl_device_init(struct tl_device *device, const struct tl_tun *tun, struct tl_helper *helper,
                   struct tl_log *log, const struct wg_aead_backend *aead)
{
        int error;

        memset(device, 0, sizeof(*device));
        device->log = log;
        device->tun = *tun;
        device->helper = helper;
        device->loop.fd = device->signals.fd = device->wake.fd = device->suspend.fd = -1;
        device->started_ns = tl_clock_boot_ns();
        device->uapi_socket.fd = device->uapi_socket.watch_fd = -1;
        device->status_socket.fd = device->status_socket.watch_fd = -1;
        tl_reclaim_init(&device->reclaim);
        tl_jobs_init(&device->jobs, wg_handshake_compute);
        device->hands_max = tl_processors_count() - 1;
        tl_apply_init(&device->changes);
        tl_server_init(&device->uapi, &tl_uapi_protocol, device, &device->loop, log);
        tl_server_init(&device->status, &tl_status_protocol, device, &device->loop, log);
        device->env = (struct wg_env){
                .ctx = device,
                .random = env_random,
                .alloc = env_alloc,
                .free = env_free,
                .retire = env_retire,
                .compute = device->hands_max ? env_compute : NULL,
                .lock = env_lock,
                .unlock = env_unlock,
        };
        if (!wg_engine_init(&device->engine, &device->env, aead))
                return -ENOMEM;
        device->scratch = malloc(SCRATCH_SIZE);
        if (!device->scratch)
                return -ENOMEM;
        error = tl_inbox_init(&device->handshakes, INBOX_SIZE);
        if (!error)
                error = tl_inbox_init(&device->preferred, INBOX_SIZE);
        if (!error)
                error = tl_inbox_init(&device->unsent, INBOX_SIZE);
        if (!error)
                error = init_loop(device);
        if (!error)
                error = tl_pins_init(&device->pins, device);
        if (!error)
                tl_log_set_wake(log, log_waits, device);
        if (!error)
                recall_stamp(device);
        return error;
}

/* Whoever looks on can be done without. */
static void listen_for_status(struct tl_device *device)
{
        int error = tl_helper_listen(device->helper, TL_LISTENER_STATUS, &device->status_socket);

        if (!error)
                error = tl_server_listen(&device->status, device->status_socket.fd);
        if (error)
                tl_log(device->log, TL_LOG_WARNING,
                       "cannot listen in " TL_STATUS_DIRECTORY
                       ": %s; `tielined --stat' will not work",
                       strerror(-error));
}

int tl_device_listen(struct tl_device *device)
{
        int error = tl_helper_listen(device->helper, TL_LISTENER_UAPI, &device->uapi_socket);

        if (error)
                return error;
        error = tl_server_listen(&device->uapi, device->uapi_socket.fd);
        if (!error && device->uapi_socket.watch_fd >= 0)
                error = tl_loop_add(&device->loop, &device->socket_watch,
                                    device->uapi_socket.watch_fd, EPOLLIN, socket_changed, device);
        if (!error)
                listen_for_status(device);
        return error;
}

/* Packets go first: where the processors do not suffice for both, the engine, whom strangers can keep
 * busy with handshakes, gets a third of what a worker gets. The workers were made before and keep their
 * priority. Failing is harmless. */
static void make_way_for_workers(void)
{
        setpriority(PRIO_PROCESS, 0,
                    getpriority(PRIO_PROCESS, 0) + ENGINE_NICE); /* this thread's */
}

/* Says what of the sandbox there is, and loudly what there is not. */
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
                       "sandbox: without %s, for this process may not or the kernel cannot", text);
}

int tl_device_start(struct tl_device *device, uint32_t sandbox)
{
        int error;

        error = start_workers(device);
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
        look_for_link(device);
        return 0;
}

void tl_device_done(struct tl_device *device)
{
        if (!device->env.ctx)
                return;
        tl_report_totals(device);
        stop_workers(device);
        tl_log_set_wake(device->log, NULL, NULL);
        tl_loop_remove(&device->socket_watch);
        tl_server_done(&device->uapi);
        tl_server_done(&device->status);
        tl_apply_done(&device->changes);
        tl_unixsock_close(&device->uapi_socket);
        tl_unixsock_close(&device->status_socket);
        tl_loop_remove(&device->helper_watch);
        unfollow_link(device);
        tl_pins_done(&device->pins);
        tl_loop_remove(&device->suspend_watch);
        tl_suspend_done(&device->suspend);
        publish_sockets(device, NULL);
        wg_actions_clear(&device->engine, &device->actions);
        while (device->unsent.ring && stage_unsent(device))
                ;
        wg_engine_done(&device->engine);
        while (tl_reclaim_poll(&device->reclaim))
                ;
        tl_wake_done(&device->wake);
        tl_signals_done(&device->signals);
        tl_loop_done(&device->loop);
        tl_inbox_done(&device->handshakes);
        tl_inbox_done(&device->preferred);
        tl_inbox_done(&device->unsent);
        tl_jobs_done(&device->jobs);
        free(device->scratch);
        tl_tun_done(&device->tun);
}
