/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "quick/quick.h"

#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "client/channel.h"
#include "client/link.h"
#include "host/daemon.h"
#include "host/facts.h"
#include "host/run.h"
#include "host/step.h"
#include "io/fail.h"
#include "quick/await.h"
#include "quick/defaults.h"
#include "quick/hooks.h"
#include "quick/leftovers.h"
#include "quick/peers.h"
#include "quick/plan.h"
#include "quick/save.h"
#include "quick/survey.h"

WG_ENUM_DEFINE(tl_quick_part, TL_QUICK_PARTS)

static const struct tl_journal_kind JOURNAL = {
        .place = TL_JOURNAL_PLACE_QUICK,
        .header = "tieline-quick-1",
        .is_alive = tl_link_is_served,
        .other = TL_JOURNAL_PLACE,
};

/* How long a dead interface may keep its name, and how long a killed daemon may still answer. */
enum { NAME_TIMEOUT_MS = 2000, NAME_RETRY_MS = 10, DEATH_TIMEOUT_MS = 250 };

/* Deletes whatever an interface left behind, and its name servers if the file has any. Returns
 * whether there was anything. */
static bool delete_traces(const struct tl_quick_file *file)
{
        bool has_record = file->quick.dns_count && tl_leftovers_delete_record(file->ifname);

        return tl_leftovers_delete(file->ifname) || has_record;
}

/* Brings up an interface whose daemon runs. */
static bool bring_up(struct tl_quick_file *file, struct tl_journal *journal,
                     struct tl_plan_facts *facts)
{
        struct tl_steps steps;
        uint32_t failed;
        bool is_good;

        if (!tl_peers_set(file))
                return false;
        facts->lacks_ipv6 = tl_facts_lacks_ipv6(file->ifname);
        if (facts->lacks_ipv6 && tl_plan_has_ipv6(&file->quick, &file->device))
                tl_warn("%s uses IPv6, which is off on this machine: only IPv4 is set up",
                        file->path);
        if (!file->quick.mtu)
                facts->path_mtu = tl_facts_path_mtu(&file->device);
        if (!tl_plan_up(&steps, &file->quick, &file->device, facts))
                return tl_fail("out of memory");
        is_good = tl_steps_do(&steps, journal, NULL, NULL, &failed);
        tl_steps_done(&steps);
        if (is_good && tl_plan_has_default(&file->quick, &file->device))
                is_good = tl_defaults_add(file, journal, facts);
        if (is_good)
                tl_peers_await(file);
        return is_good && tl_hooks_run(file, TL_WGQUICK_POST_UP) && !tl_run_is_interrupted();
}

static bool is_here(const struct tl_quick_file *file)
{
        return !tl_link_is_elsewhere(file->ifname) ||
               tl_fail("`%s' runs in another network namespace", file->ifname);
}

/* Whether the interface is in the state that this part of `up` requires. */
static bool is_place_ready(const struct tl_quick_file *file, enum tl_quick_part part)
{
        uint32_t waited_ms = 0;
        bool exists;

        /* After a daemon is killed, its interface stays until its helper notices. */
        while ((exists = if_nametoindex(file->ifname) != 0) && part != TL_QUICK_AFTER &&
               waited_ms < NAME_TIMEOUT_MS &&
               !tl_link_stays_served(file->ifname, DEATH_TIMEOUT_MS)) {
                poll(NULL, 0, NAME_RETRY_MS);
                waited_ms += NAME_RETRY_MS;
        }
        if (part != TL_QUICK_AFTER)
                return !exists || tl_fail("`%s' already exists", file->ifname);
        if (!exists || !tl_link_is_served(file->ifname))
                return tl_fail("`%s' does not exist: start tielined first", file->ifname);
        return true;
}

/* Cleans up and starts the daemon, unless a service manager starts it. */
static bool begin(struct tl_quick_file *file, enum tl_quick_part part, struct tl_journal *journal)
{
        if (part == TL_QUICK_AFTER)
                return true;
        /* Clean up after an interface that ended without us. */
        tl_steps_undo(journal, 0);
        tl_leftovers_delete(file->ifname);
        (void)tl_leftovers_delete_record(file->ifname);
        if (!tl_hooks_run(file, TL_WGQUICK_PRE_UP))
                return false;
        tl_daemon_prepare(journal);
        return part == TL_QUICK_BEFORE || tl_daemon_start(journal);
}

/* Undoes everything after a failure. */
static void give_up(const struct tl_quick_file *file, struct tl_journal *journal)
{
        unsigned int link = journal->link;
        bool is_begun = journal->is_begun;

        if (tl_run_is_interrupted())
                tl_fail("interrupted");
        tl_run_forgive();
        tl_await_stop(file->ifname);
        tl_steps_undo(journal, 0);
        if (is_begun)
                (void)!tl_daemon_end(file->ifname, link);
}

static bool up(struct tl_quick_file *file, enum tl_quick_part part, struct tl_journal *journal)
{
        struct tl_plan_facts facts;
        const char *objection;
        int error;

        tl_survey_programs(&facts, file->ifname);
        facts.lacks_ipv6 = tl_facts_lacks_ipv6(file->ifname);
        objection = tl_plan_objection(&file->quick, &file->device, &facts);
        if (objection)
                return tl_fail("%s", objection);
        if (begin(file, part, journal)) {
                if (part == TL_QUICK_BEFORE)
                        return true;
                if (bring_up(file, journal, &facts)) {
                        error = tl_journal_complete(journal);
                        if (!error)
                                return true;
                        tl_fail("%s: %s", journal->path, strerror(-error));
                }
        }
        give_up(file, journal);
        return false;
}

/* Whether an `up' was killed before the interface was complete. */
static bool is_half(const struct tl_journal *journal, enum tl_quick_part part)
{
        return journal->is_begun && !journal->is_complete && !journal->is_foreign &&
               part == TL_QUICK_WHOLE;
}

static bool open_journal(struct tl_journal *journal, const struct tl_quick_file *file)
{
        int error = tl_journal_open(journal, &JOURNAL, file->ifname);

        return !error ||
               tl_fail("%s/%s: %s", JOURNAL.place.directory, file->ifname, strerror(-error));
}

bool tl_quick_up(struct tl_quick_file *file, enum tl_quick_part part)
{
        struct tl_journal journal;
        bool is_good;

        if (!open_journal(&journal, file))
                return false;
        is_good = is_here(file);
        if (is_good && is_half(&journal, part)) {
                unsigned int link = journal.link;

                tl_steps_undo(&journal, 0);
                is_good = tl_daemon_end(file->ifname, link);
        }
        is_good = is_good && is_place_ready(file, part) && up(file, part, &journal);
        tl_journal_close(&journal);
        return is_good;
}

/* Runs PreDown and saves. After a crash the interface is gone, but the hooks still run, since they
 * undo what other hooks did. */
static bool down_before(struct tl_quick_file *file)
{
        bool is_good = tl_hooks_run_all(file, TL_WGQUICK_PRE_DOWN);

        if (!file->has_hooks)
                is_good = tl_fail("not running PreDown and PostDown: the file has mistakes");
        else if (!file->is_sound && file->quick.save_config)
                is_good = tl_fail("not saving the interface: the file has mistakes");
        else if (file->quick.save_config && tl_link_is_served(file->ifname))
                is_good = tl_quick_save(file) && is_good;
        return is_good;
}

static bool down(struct tl_quick_file *file, enum tl_quick_part part, struct tl_journal *journal)
{
        bool was_up = journal->is_complete || part == TL_QUICK_WHOLE, is_good = true;
        unsigned int link = journal->link;

        tl_await_stop(file->ifname);
        if (part != TL_QUICK_AFTER)
                is_good = !was_up || down_before(file);
        if (part == TL_QUICK_BEFORE)
                return is_good;
        tl_steps_undo(journal, 0);
        if (part == TL_QUICK_WHOLE)
                is_good = tl_daemon_end(file->ifname, link) && is_good;
        /* Also delete traces that the journal does not have, for example because it was lost. */
        (void)delete_traces(file);
        if (was_up)
                is_good = tl_hooks_run_all(file, TL_WGQUICK_POST_DOWN) && is_good;
        return is_good;
}

bool tl_quick_down(struct tl_quick_file *file, enum tl_quick_part part)
{
        struct tl_journal journal;
        bool is_good = is_here(file);

        if (!is_good || !open_journal(&journal, file))
                return false;
        if (journal.is_foreign)
                tl_steps_undo(&journal, 0);
        if (part == TL_QUICK_WHOLE && tl_journal_is_empty(&journal) &&
            !tl_link_is_served(file->ifname) && !delete_traces(file))
                is_good = tl_fail("`%s' is not a WireGuard interface", file->ifname);
        else
                is_good = down(file, part, &journal);
        tl_journal_close(&journal);
        return is_good;
}

bool tl_quick_reload(struct tl_quick_file *file)
{
        if (!tl_link_is_served(file->ifname))
                return tl_fail("`%s' is not a WireGuard interface", file->ifname);
        if (!tl_peers_replace(file))
                return false;
        tl_peers_await(file);
        return true;
}

bool tl_quick_save(struct tl_quick_file *file)
{
        char command[64];
        int error;

        if (!tl_link_is_served(file->ifname))
                return tl_fail("`%s' is not a WireGuard interface", file->ifname);
        snprintf(command, sizeof(command), "wg showconf %s", file->ifname);
        tl_run_show(command);
        error = tl_save(file->path, file->ifname, &file->quick, &file->device);
        return !error || tl_fail("cannot save %s: %s", file->path, tl_channel_error(error));
}
