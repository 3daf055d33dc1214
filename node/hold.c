/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "node/hold.h"

#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "client/channel.h"
#include "client/link.h"
#include "host/run.h"
#include "host/step.h"
#include "io/fail.h"
#include "io/unixsock.h"

static const struct tl_journal_kind JOURNAL = {
        .place = TL_JOURNAL_PLACE,
        .header = "tieline-1",
        .is_alive = tl_link_is_served,
        .other = TL_JOURNAL_PLACE_QUICK,
};

enum { SETTLE_TIMEOUT_MS = 5000, RETRY_MS = 10 };

bool tl_hold_open(struct tl_journal *journal, const char *name)
{
        int error = tl_journal_open(journal, &JOURNAL, name);

        /* Users see the changes themselves instead (node/diff.h). */
        tl_run_hush();
        if (error)
                return tl_fail("cannot open the journal of `%s': %s", name, strerror(-error));
        if (journal->is_foreign)
                tl_steps_undo(journal, 0);
        return true;
}

/* Whether a daemon of ours answers. */
static bool is_answered(const char *name)
{
        struct tl_channel channel;
        int error = tl_channel_open(&channel, TL_STATUS_DIRECTORY, name, 0);

        tl_channel_close(&channel);
        return !error || error == -ETIMEDOUT;
}

static bool is_of_quick(const char *name)
{
        static const struct tl_journal_place quick = TL_JOURNAL_PLACE_QUICK;
        char path[PATH_MAX];

        return tl_journal_path(path, &quick, name) && access(path, F_OK) == 0;
}

bool tl_hold_settle(const char *name)
{
        bool exists, is_served;
        int ms = 0;

        do {
                if (ms)
                        poll(NULL, 0, RETRY_MS);
                exists = if_nametoindex(name) != 0;
                is_served = tl_link_is_served(name);
                ms += RETRY_MS;
        } while (exists && !is_served && ms < SETTLE_TIMEOUT_MS);
        if (is_served && tl_link_is_elsewhere(name))
                return tl_fail("`%s' runs in another network namespace", name);
        if (exists && is_served && is_of_quick(name))
                return tl_fail("`%s' was brought up by tieline-quick: run `tieline-quick down %s' "
                               "first",
                               name, name);
        if (exists && (!is_served || !is_answered(name)))
                return tl_fail("there is a link `%s' of another program: rename or remove it",
                               name);
        return true;
}
