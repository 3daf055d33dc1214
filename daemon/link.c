/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "daemon/link.h"

#include <errno.h>
#include <string.h>

#include "core/configure.h"
#include "daemon/env.h"
#include "daemon/report.h"
#include "io/clock.h"

#define LINK_AGAIN_NS (100 * TL_NS_PER_MS)

static void set_up(struct tl_followed_link *link, bool is_up)
{
        if (link->is_up == is_up)
                return;
        link->is_up = is_up;
        tl_log(link->log, TL_LOG_INFO, is_up ? "the link is up" : "the link is down");
        if (is_up)
                tl_events_add(link->events, "link_up", "the link is up");
        else
                tl_events_add(link->events, "link_down", "the link is down");
        if (is_up)
                link->up_ns = tl_clock_boot_ns();
        tl_sockets_set_up(link->sockets, is_up);
        wg_engine_set_up(link->engine, is_up, tl_env_now());
}

static void link_changed(void *ctx, uint32_t events);

/* Starts to follow the link, in whichever network namespace it is. Returns 0 or -errno. */
static int follow_link(struct tl_followed_link *link)
{
        int error = tl_helper_follow(link->helper, &link->monitor);

        if (error)
                return error;
        error = tl_loop_add(link->loop, &link->monitor_watch, link->monitor.fd, EPOLLIN,
                            link_changed, link);
        if (error) {
                tl_netlink_monitor_done(&link->monitor);
                return error;
        }
        link->has_monitor = true;
        wg_engine_set_mtu(link->engine, link->monitor.link.mtu);
        set_up(link, link->monitor.link.is_up);
        return 0;
}

static void unfollow_link(struct tl_followed_link *link)
{
        tl_loop_remove(&link->monitor_watch);
        if (link->has_monitor)
                tl_netlink_monitor_done(&link->monitor);
        link->has_monitor = false;
}

/* Like follow_link(), but after a failure only once per LINK_AGAIN_NS, since the engine waits
 * for the helper. */
static int try_to_follow(struct tl_followed_link *link)
{
        uint64_t now_ns = tl_clock_boot_ns();
        int error;

        if (link->follow_error && now_ns < link->follow_again_ns)
                return link->follow_error;
        error = follow_link(link);
        link->follow_again_ns = now_ns + LINK_AGAIN_NS;
        return error;
}

/* Looks for the link where it is now. If following it there fails, asks the TUN whether it is
 * up. */
static void look_for_link(struct tl_followed_link *link)
{
        int up = tl_tun_is_up(link->tun), error;

        if (up == -EBADFD) {
                tl_stop(link->stop, "the link was deleted");
                return;
        }
        error = try_to_follow(link);
        if (error && up >= 0)
                set_up(link, up);
        if (error && error != link->follow_error)
                tl_log(link->log, TL_LOG_WARNING,
                       "cannot follow the link into its network namespace: %s; MTU changes go "
                       "unnoticed, and up and down are noticed late (following it needs "
                       "CAP_SYS_ADMIN and CAP_NET_BROADCAST)",
                       strerror(-error));
        link->follow_error = error;
}

/* The link is no longer where the monitor looks: deleted, or moved to another network namespace. */
static void link_is_gone(struct tl_followed_link *link)
{
        unfollow_link(link);
        if (tl_tun_is_up(link->tun) != -EBADFD) {
                tl_log(link->log, TL_LOG_INFO, "the link moved to another network namespace");
                /* Moving takes it down, even if it is up again before we look. */
                set_up(link, false);
        }
        look_for_link(link);
}

static void link_changed(void *ctx, uint32_t events)
{
        struct tl_followed_link *link = ctx;
        uint32_t changes;
        int result;

        (void)events;
        while ((result = tl_netlink_monitor_next(&link->monitor, &changes)) > 0) {
                const struct tl_link *now = &link->monitor.link;

                if (changes & TL_LINK_GONE) {
                        link_is_gone(link);
                        return;
                }
                if (changes & TL_LINK_LOST) {
                        unfollow_link(link);
                        look_for_link(link);
                        return;
                }
                if (changes & TL_LINK_CHANGED_NAME)
                        tl_log(link->log, TL_LOG_INFO, "the link was renamed to %s", now->name);
                if (changes & TL_LINK_CHANGED_MTU) {
                        tl_log(link->log, TL_LOG_INFO, "MTU is now %u", now->mtu);
                        wg_engine_set_mtu(link->engine, now->mtu);
                }
                if (changes & TL_LINK_CHANGED_STATE)
                        set_up(link, now->is_up);
        }
        if (result < 0)
                tl_report_error(link->log, "cannot follow the link", result);
}

void tl_link_begin(struct tl_followed_link *link)
{
        look_for_link(link);
}

void tl_link_done(struct tl_followed_link *link)
{
        unfollow_link(link);
}

void tl_link_catch_up(struct tl_followed_link *link, bool may_matter)
{
        if (!link->has_monitor)
                look_for_link(link);
        else if (may_matter)
                link_changed(link, 0);
}

uint64_t tl_link_deadline(const struct tl_followed_link *link, uint64_t now_ns)
{
        return link->has_monitor ? UINT64_MAX : now_ns + LINK_AGAIN_NS;
}
