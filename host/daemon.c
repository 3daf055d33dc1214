/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "host/daemon.h"

#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "client/link.h"
#include "host/run.h"
#include "host/setting.h"
#include "io/fail.h"

/* How long a daemon may take to exit on a busy machine. */
enum { END_TIMEOUT_MS = 10000, RETRY_MS = 10 };

void tl_daemon_prepare(struct tl_journal *journal)
{
        (void)!tl_setting_hold(journal, TL_DAEMON_SETTING, "0");
}

bool tl_daemon_start(struct tl_journal *journal)
{
        const char *ifname = journal->name;
        char command[64];
        int error = tl_journal_add_link(journal, 0);
        bool is_good;

        snprintf(command, sizeof(command), "tielined %s%s", ifname[0] == '-' ? "-- " : "", ifname);
        is_good = !error && tl_run_whole(command);
        if (is_good)
                error = tl_journal_add_link(journal, if_nametoindex(ifname));
        return is_good && (!error || tl_fail("%s: %s", journal->path, strerror(-error)));
}

static bool is_ended(const char *ifname)
{
        for (uint32_t ms = 0; tl_link_is_served(ifname); ms += RETRY_MS) {
                if (ms >= END_TIMEOUT_MS)
                        return tl_fail("the daemon of `%s' does not exit", ifname);
                poll(NULL, 0, RETRY_MS);
        }
        return true;
}

bool tl_daemon_end(const char *ifname, unsigned int link)
{
        unsigned int here = if_nametoindex(ifname);
        bool is_served = tl_link_is_served(ifname);
        char command[64];
        int error;

        if (here && (link ? here == link : is_served)) {
                snprintf(command, sizeof(command), "ip link delete dev %s", ifname);
                (void)!tl_run(command, NULL);
                return is_ended(ifname);
        }
        if (!is_served)
                return true;
        snprintf(command, sizeof(command), "rm /var/run/wireguard/%s.sock", ifname);
        tl_run_show(command);
        error = tl_link_end(ifname, END_TIMEOUT_MS);
        return !error || tl_fail("`%s' was moved, and its daemon does not exit: %s", ifname,
                                 strerror(-error));
}
