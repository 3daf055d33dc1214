/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "node/apply.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host/nft.h"
#include "host/run.h"
#include "host/step.h"
#include "io/fail.h"
#include "node/flows.h"
#include "node/good.h"
#include "node/hold.h"
#include "node/make.h"
#include "node/pending.h"
#include "node/running.h"
#include "node/settings.h"

/* One run: the state before, and the planned one. */
struct run {
        const struct tl_machine *machine;
        struct tl_state from, to;
        struct tl_diff *diff;
};

/* Finds the form of the planned table. It takes long if the table is large, so it is kept. */
static bool find_form(struct tl_machine *machine, struct tl_state *to)
{
        if (to->table_name && !machine->table_form &&
            !tl_nft_try(&machine->table_form, to->table, to->table_name))
                return false;
        to->table_form = machine->table_form;
        return true;
}

/* Reads both states and compares them. */
static bool begin(struct run *run, struct tl_machine *machine, struct tl_diff *diff)
{
        const struct tl_nodeplan *plan = &machine->plan;

        *run = (struct run){.machine = machine, .diff = diff};
        return (tl_state_of_plan(&run->to, plan) || tl_fail("out of memory")) &&
               tl_running_read(&run->from, plan->ifname, machine->private_key) &&
               (!run->from.table_name || find_form(machine, &run->to)) &&
               tl_running_add_settings(&run->from, plan->settings, plan->setting_count) &&
               (tl_diff_make(diff, &run->from, &run->to, &machine->model) ||
                tl_fail("out of memory"));
}

static void end(struct run *run)
{
        tl_state_done(&run->from);
        tl_state_done(&run->to);
}

bool tl_apply_compare(struct tl_machine *machine, struct tl_diff *diff)
{
        struct run run = {0};
        struct tl_journal journal;
        bool is_good;

        *diff = (struct tl_diff){0};
        /* Nothing changes while it is read. */
        if (!tl_hold_open(&journal, machine->plan.ifname))
                return false;
        is_good = tl_hold_settle(machine->plan.ifname) && begin(&run, machine, diff);
        tl_journal_close(&journal);
        end(&run);
        return is_good;
}

/* Makes the machine again what it was. Settings are those that the journal has got since it had
 * that size. */
static void roll_back(struct run *run, struct tl_journal *journal, size_t size)
{
        struct tl_state now;
        struct tl_diff diff = {0};
        struct tl_make make = {.journal = journal,
                               .from = &now,
                               .to = &run->from,
                               .private_key = run->machine->private_key,
                               .diff = &diff};
        const char *name = run->machine->plan.ifname;
        bool is_good;

        tl_run_forgive();
        run->from.setting_count = 0;
        is_good = tl_running_read(&now, name, run->machine->private_key) &&
                  (tl_diff_make(&diff, &now, &run->from, NULL) || tl_fail("out of memory")) &&
                  tl_make(&make);
        tl_steps_undo(journal, size);
        tl_diff_done(&diff);
        tl_state_done(&now);
        if (is_good)
                tl_fail("everything is as it was before");
        else
                tl_fail("not everything could be undone: run `tieline apply %s' again, or "
                        "`tieline down %s'",
                        name, name);
}

static bool is_free(const char *name)
{
        struct tl_pending pending;

        tl_pending_find(name, &pending);
        return !pending.exists || tl_fail("earlier changes wait to be confirmed: run `tieline "
                                          "confirm %s', or `tieline confirm --revert %s', first",
                                          name, name);
}

/* Makes the changes. The file is stored first, while it is still easy to stop. */
static bool carry_out(struct run *run, struct tl_journal *journal, uint32_t confirm_s)
{
        const struct tl_machine *machine = run->machine;
        const char *name = machine->plan.ifname;
        size_t size = tl_journal_size(journal);
        struct tl_make make = {.journal = journal,
                               .from = &run->from,
                               .to = &run->to,
                               .private_key = machine->private_key,
                               .diff = run->diff,
                               .is_told = true};

        if (run->diff->count && !tl_running_add_table(&run->from))
                return false;
        if (confirm_s && !tl_pending_begin(name, confirm_s, machine->paths.key))
                return false;
        if (tl_make(&make))
                return true;
        roll_back(run, journal, size);
        tl_pending_end(name);
        return false;
}

/* The policy is in force, but connections that were opened before would go on. */
static bool cut_flows(const struct tl_machine *machine)
{
        struct tl_live_flows *flows = malloc(sizeof(*flows));
        int error = flows ? tl_flows_cut(flows, &machine->model, &machine->policy, machine->node)
                          : -ENOMEM;

        free(flows);
        return !error || tl_fail("the plan is carried out, but connections that it does not allow "
                                 "may go on: %s",
                                 strerror(-error));
}

/* Restores settings that an earlier plan needed and this one does not. */
static bool release_settings(const struct tl_nodeplan *plan, struct tl_journal *journal)
{
        int error = tl_settings_release(journal, plan);

        return !error || tl_fail("%s: %s", journal->path, strerror(-error));
}

bool tl_apply_held(struct tl_machine *machine, struct tl_journal *journal, uint32_t confirm_s,
                   struct tl_diff *diff)
{
        const char *name = machine->plan.ifname;
        struct run run = {0};
        bool is_good = tl_hold_settle(name) &&
                       tl_good_store(name, &machine->file_text, &machine->lock_text) &&
                       begin(&run, machine, diff);

        if (is_good && !diff->count)
                confirm_s = 0; /* there is nothing to undo */
        is_good = is_good && carry_out(&run, journal, confirm_s) && cut_flows(machine) &&
                  release_settings(&machine->plan, journal) && (confirm_s || tl_good_adopt(name));
        end(&run);
        return is_good;
}

bool tl_apply(struct tl_machine *machine, uint32_t confirm_s, struct tl_diff *diff)
{
        const char *name = machine->plan.ifname;
        struct tl_journal journal;
        bool is_good;

        *diff = (struct tl_diff){0};
        if (!tl_hold_open(&journal, name))
                return false;
        is_good = is_free(name) && tl_apply_held(machine, &journal, confirm_s, diff);
        tl_journal_close(&journal);
        return is_good;
}
