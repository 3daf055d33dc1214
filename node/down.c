/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "node/down.h"

#include <net/if.h>
#include <string.h>

#include "client/link.h"
#include "host/daemon.h"
#include "io/fail.h"
#include "node/diff.h"
#include "node/hold.h"
#include "node/make.h"
#include "node/pending.h"
#include "node/running.h"
#include "node/settings.h"

/* Everything that had to be undone has been. */
static void forget(const struct tl_journal *journal, const char *command)
{
        (void)journal;
        (void)command;
}

static bool restore_settings(struct tl_journal *journal)
{
        int error = tl_settings_release(journal, NULL);

        if (error)
                return tl_fail("%s: %s", journal->path, strerror(-error));
        tl_journal_undo(journal, 0, forget);
        return true;
}

/* Removes what the kernel has. The link may have another name by now. */
static bool remove_all(struct tl_journal *journal, unsigned int link, bool *was_up)
{
        static const struct tl_state nothing;
        struct tl_state running;
        struct tl_diff diff = {0};
        struct tl_make make = {.journal = journal, .from = &running, .to = &nothing, .diff = &diff};
        bool is_good = tl_running_read(&running, journal->name, NULL);

        if (is_good) {
                is_good = tl_diff_make(&diff, &running, &nothing, NULL) || tl_fail("out of memory");
                *was_up = *was_up || diff.count;
                is_good = is_good && tl_make(&make);
        }
        is_good = tl_daemon_end(journal->name, link) && is_good;
        tl_diff_done(&diff);
        tl_state_done(&running);
        return is_good;
}

bool tl_down_held(struct tl_journal *journal, bool *was_up)
{
        unsigned int link = journal->link;
        bool is_good;

        *was_up = tl_link_is_served(journal->name) || !tl_journal_is_empty(journal);
        tl_pending_end(journal->name);
        /* Settings come last: while the daemon runs, `apply' takes it that they are held. */
        is_good = remove_all(journal, link, was_up);
        return restore_settings(journal) && is_good;
}

bool tl_down(const char *name, bool *was_up)
{
        struct tl_journal journal;
        bool is_good;

        *was_up = false;
        if (!tl_hold_open(&journal, name))
                return false;
        is_good = tl_hold_settle(name) && tl_down_held(&journal, was_up);
        tl_journal_close(&journal);
        return is_good;
}
