/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "quick/defaults.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client/channel.h"
#include "client/link.h"
#include "host/facts.h"
#include "host/run.h"
#include "host/setting.h"
#include "host/step.h"
#include "io/fail.h"
#include "io/netns.h"
#include "quick/survey.h"

#define SRC_VALID_MARK "net/ipv4/conf/all/src_valid_mark"

enum { NUMBERS_TRIED = 100 };

static bool set_mark(const char *ifname, uint32_t mark)
{
        char command[64];
        int error;

        snprintf(command, sizeof(command), "wg set %s fwmark %u", ifname, mark);
        tl_run_show(command);
        error = tl_link_set_mark(ifname, mark);
        return !error ||
               tl_fail("cannot set the mark of `%s': %s", ifname, tl_channel_error(error));
}

/* Without src_valid_mark, strict reverse-path filtering would look for the route back to a peer in
 * the tunnel. */
static bool heed_marks(const char *ifname, struct tl_journal *journal)
{
        int error = tl_setting_hold(journal, SRC_VALID_MARK, "1");

        if (!error)
                return true;
        if (!tl_facts_filters_strictly(ifname)) {
                tl_warn("cannot set " SRC_VALID_MARK " to 1: %s; it is not needed while "
                        "rp_filter is not 1 on any link",
                        strerror(-error));
                return true;
        }
        return tl_fail("cannot set " SRC_VALID_MARK " to 1: %s; rp_filter is 1, so replies from "
                       "peers would be dropped: set it on the host (for a container, `--sysctl "
                       "net.ipv4.conf.all.src_valid_mark=1')",
                       strerror(-error));
}

/* Whether another interface, one of wg-quick's, took the same number for its mark. wg-quick then
 * fails and deletes the rules with that number. */
static bool is_contended(const struct tl_quick_file *file, uint32_t number)
{
        return !file->device.fwmark && tl_survey_is_mark_used(number, file->ifname);
}

struct actor {
        const struct tl_quick_file *file;
        struct tl_journal *journal;
};

static bool act(void *ctx, const struct tl_step *step)
{
        const struct actor *actor = ctx;

        switch ((enum tl_plan_action)step->action) {
        case TL_PLAN_CLAIM:
                return tl_run(step->command, NULL) && !is_contended(actor->file, step->number);
        case TL_PLAN_MARK:
                return set_mark(actor->file->ifname, step->number);
        case TL_PLAN_HEED_MARKS:
                return heed_marks(actor->file->ifname, actor->journal);
        }
        return false;
}

static void forget_claims(const char *ifname, uint32_t number)
{
        char command[64];

        for (char family = '4'; family <= '6'; family += 2) {
                snprintf(command, sizeof(command), "ip -%c route flush dev %s table %u", family,
                         ifname, number);
                (void)!tl_run_quietly(command, NULL);
        }
}

enum outcome {
        DONE,
        FAILED,
        TAKEN,     /* another program has the number */
        OVERTAKEN, /* other programs have added rules since, so ours are out of place */
};

/* Finds out why a claim failed. */
static enum outcome judge_claim(const struct tl_quick_file *file, uint32_t number)
{
        bool is_chosen = file->device.fwmark;

        forget_claims(file->ifname, number);
        if (is_contended(file, number))
                return TAKEN;
        if (tl_facts_is_table_free(number))
                return FAILED;
        if (!is_chosen)
                return TAKEN;
        tl_fail("routing table %u, from FwMark, already has a default route", number);
        return FAILED;
}

static enum outcome try_defaults(const struct tl_quick_file *file, struct tl_journal *journal,
                                 const struct tl_plan_facts *facts)
{
        uint32_t number = file->device.fwmark ? file->device.fwmark : facts->number, failed = 0;
        struct actor actor = {file, journal};
        size_t size = tl_journal_size(journal);
        enum outcome outcome = FAILED;
        struct tl_steps steps;

        if (!tl_plan_defaults(&steps, &file->quick, &file->device, facts)) {
                tl_fail("out of memory");
                return FAILED;
        }
        if (tl_steps_do(&steps, journal, act, &actor, &failed))
                outcome = tl_survey_is_place_right(facts, number) ? DONE : OVERTAKEN;
        else if (steps.items[failed].action == TL_PLAN_CLAIM && !tl_run_is_interrupted())
                outcome = judge_claim(file, number);
        if (outcome == OVERTAKEN) {
                tl_steps_undo(journal, size);
                forget_claims(file->ifname, number);
        }
        tl_steps_done(&steps);
        return outcome;
}

/* wg-quick chooses numbers as we do. Our own commands wait for each other, but wg-quick does not
 * wait, so if it comes first, we try the next number. */
bool tl_defaults_add(const struct tl_quick_file *file, struct tl_journal *journal,
                     struct tl_plan_facts *facts)
{
        uint32_t first = TL_RULES_FIRST;
        enum outcome outcome = OVERTAKEN;
        int lock = tl_netns_lock(TL_RULES_LOCK_TIMEOUT_MS);

        for (uint32_t i = 0; i < NUMBERS_TRIED && outcome >= TAKEN; i++) {
                int error = tl_survey_defaults(facts, first);

                if (error)
                        tl_fail("cannot read the policy routing rules: %s", strerror(-error));
                outcome = error ? FAILED : try_defaults(file, journal, facts);
                first = facts->number + (outcome == TAKEN);
        }
        if (lock >= 0)
                close(lock);
        return outcome == DONE || (outcome != FAILED && tl_fail("other programs keep changing the "
                                                                "policy routing rules"));
}
