/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "node/hold.h"

#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/ask.h"
#include "client/link.h"
#include "host/run.h"
#include "host/step.h"
#include "io/clock.h"
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
        int error;

        if (tl_link_is_elsewhere(name))
                return tl_fail("`%s' runs in another network namespace", name);
        error = tl_journal_open(journal, &JOURNAL, name);
        /* Users see the changes themselves instead (node/diff.h). */
        tl_run_hush();
        if (error)
                return tl_fail("cannot open the journal of `%s': %s", name, strerror(-error));
        if (journal->is_foreign)
                tl_steps_undo(journal, 0);
        return true;
}

/* Whether tielined answers. One that was killed may still accept connections for a moment. */
static bool is_answered(const char *name)
{
        struct tl_ask *ask = malloc(sizeof(*ask));
        bool is_good = ask && tl_ask_status(ask, name);

        free(ask);
        return is_good;
}

/* If /run/tieline is emptied or full, tielined goes on without its control socket. */
static bool is_mute(const char *name)
{
        char path[PATH_MAX];

        snprintf(path, sizeof(path), TL_STATUS_DIRECTORY "/%s.sock", name);
        return access(path, F_OK) < 0 && tl_link_is_of_tielined(name);
}

static bool is_ours(const char *name)
{
        return is_answered(name) || is_mute(name);
}

static bool is_of_quick(const char *name)
{
        static const struct tl_journal_place quick = TL_JOURNAL_PLACE_QUICK;
        char path[PATH_MAX];

        return tl_journal_path(path, &quick, name) && access(path, F_OK) == 0;
}

bool tl_hold_settle(const char *name)
{
        /* A daemon that is stopped makes each question last for seconds. */
        uint64_t until_ns = tl_clock_boot_ns() + SETTLE_TIMEOUT_MS * TL_NS_PER_MS;
        bool exists = if_nametoindex(name) != 0, is_good = !exists || is_ours(name);

        while (!is_good && tl_clock_boot_ns() < until_ns && !tl_run_is_interrupted()) {
                poll(NULL, 0, RETRY_MS);
                exists = if_nametoindex(name) != 0;
                is_good = !exists || is_ours(name);
        }
        if (!is_good && tl_link_is_served(name))
                return tl_fail("the program that serves the link `%s' does not answer as tielined "
                               "does: end it, or remove the link",
                               name);
        if (!is_good)
                return tl_fail("there is a link `%s' of another program: rename or remove it",
                               name);
        if (exists && is_of_quick(name))
                return tl_fail("`%s' was brought up by tieline-quick: run `tieline-quick down %s' "
                               "first",
                               name, name);
        return true;
}
