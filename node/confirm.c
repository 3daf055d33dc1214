/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "node/confirm.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "host/run.h"
#include "io/fail.h"
#include "io/log.h"
#include "node/apply.h"
#include "node/down.h"
#include "node/good.h"
#include "node/hold.h"
#include "node/machine.h"

enum { RETRY_MS = 3000 };

/* Opens the journal, and looks for changes that wait. They are confirmed or undone while nobody
 * else can change anything. */
static bool open_pending(struct tl_journal *journal, struct tl_pending *pending, const char *name)
{
        if (!tl_hold_open(journal, name))
                return false;
        tl_pending_find(name, pending);
        if (pending->exists)
                return true;
        tl_journal_close(journal);
        return false;
}

/* Applies the last good file. */
static bool return_to(struct tl_journal *journal, const struct tl_paths *good)
{
        struct tl_machine machine;
        struct tl_diff diff = {0};
        bool is_good = (tl_machine_open(&machine, good) && tl_machine_plan(&machine)) ||
                       tl_fail("the last good file, %s, cannot be used", good->file);

        is_good = is_good && tl_apply_held(&machine, journal, 0, &diff);
        tl_diff_done(&diff);
        tl_machine_done(&machine);
        return is_good;
}

static bool revert(struct tl_journal *journal, const struct tl_pending *pending)
{
        struct tl_paths paths = {0}, good;
        bool was_up, is_good;

        snprintf(paths.name, sizeof(paths.name), "%s", journal->name);
        snprintf(paths.key, sizeof(paths.key), "%s", pending->key);
        if (tl_good_find(&good, &paths))
                is_good = return_to(journal, &good);
        else
                is_good = tl_hold_settle(journal->name) && tl_down_held(journal, &was_up);
        if (is_good)
                tl_pending_end(journal->name);
        return is_good;
}

bool tl_confirm(const char *name)
{
        struct tl_journal journal;
        struct tl_pending pending;
        bool is_good;

        if (!open_pending(&journal, &pending, name))
                return tl_fail("nothing waits to be confirmed");
        if (!pending.left_s)
                tl_fail("it is too late: the changes are undone");
        if (!pending.left_s && !pending.is_watched)
                (void)!revert(&journal, &pending);
        is_good = pending.left_s && tl_good_adopt(name);
        if (is_good)
                tl_pending_end(name);
        tl_journal_close(&journal);
        return is_good;
}

bool tl_confirm_revert(const char *name)
{
        struct tl_journal journal;
        struct tl_pending pending;
        bool is_good;

        if (!open_pending(&journal, &pending, name))
                return tl_fail("nothing waits to be confirmed");
        is_good = revert(&journal, &pending);
        tl_journal_close(&journal);
        return is_good;
}

bool tl_confirm_settle(const char *name)
{
        struct tl_pending pending;

        tl_pending_find(name, &pending);
        if (!pending.exists || pending.is_watched)
                return true;
        tl_warn("the process that would undo unconfirmed changes is gone");
        return pending.left_s ? tl_pending_watch(name) : tl_confirm_revert(name);
}

/* Nobody sees the messages of a process in the background. */
static void report(const char *name, bool is_good)
{
        struct tl_log log;

        tl_log_init(&log, "tieline", name, TL_LOG_INFO);
        tl_log_prepare_syslog(&log);
        tl_log_to_syslog(&log);
        if (is_good)
                tl_log(&log, TL_LOG_WARNING, "changes were not confirmed in time, and are undone");
        else
                tl_log(&log, TL_LOG_ERROR,
                       "changes were not confirmed in time, and cannot be "
                       "undone, which is tried again: see `tieline confirm --revert'");
}

/* Undoes the changes. A record that is gone by the time the journal is ours was confirmed or
 * undone, and one with time left belongs to later changes. */
static bool undo(const char *name)
{
        struct tl_journal journal;
        struct tl_pending pending;
        bool is_good;

        if (!open_pending(&journal, &pending, name)) {
                tl_pending_find(name, &pending);
                return !pending.exists;
        }
        is_good = pending.left_s || revert(&journal, &pending);
        tl_journal_close(&journal);
        if (is_good && !pending.left_s)
                report(name, true);
        return is_good;
}

/* The session that made the changes may be lost because of them, so nobody else may be able to try
 * again. */
bool tl_confirm_wait(const char *name)
{
        bool is_told = false, is_good;

        if (!tl_pending_wait(name))
                return true;
        while (!(is_good = undo(name)) && !tl_run_is_interrupted()) {
                if (!is_told)
                        report(name, false);
                is_told = true;
                poll(NULL, 0, RETRY_MS);
        }
        return is_good;
}
