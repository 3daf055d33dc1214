/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "quick/quick.h"

#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/wgconf.h"
#include "host/journal.h"
#include "host/run.h"
#include "host/setting.h"
#include "io/netns.h"
#include "io/resolve.h"
#include "quick/await.h"
#include "quick/facts.h"
#include "quick/leftovers.h"
#include "quick/link.h"
#include "quick/plan.h"
#include "quick/save.h"

WG_ENUM_DEFINE(tl_quick_part, TL_QUICK_PARTS)

#define DIRECTORY "/etc/wireguard"
#define SUFFIX ".conf"

static const struct tl_journal_kind JOURNAL = {
        .directory = "/run/tieline-quick",
        .header = "tieline-quick-1",
        .is_alive = tl_link_is_served,
};

/* How long a dead interface may keep its name, and how long a killed daemon may keep its socket. */
enum { NAME_TIMEOUT_MS = 2000, NAME_RETRY_MS = 10, DEATH_TIMEOUT_MS = 250 };

/* How long a daemon may take to end on a busy machine; how long another command may hold the lock
 * while it adds rules; and how many numbers are tried while others take them. */
enum { END_TIMEOUT_MS = 10000, LOCK_TIMEOUT_MS = 5000, NUMBERS_TRIED = 100 };

WG_PRINTF(1, 2) static bool fail(const char *format, ...)
{
        va_list arguments;

        fputs("tieline-quick: ", stderr);
        va_start(arguments, format);
        vfprintf(stderr, format, arguments);
        va_end(arguments);
        fputc('\n', stderr);
        return false;
}

/* The names that wg-quick takes: a word for shells, commands and files. */
static bool is_ifname(const char *name, size_t len)
{
        static const char signs[] = "_=+.-";

        if (len == 0 || len >= IF_NAMESIZE || (len == 1 && name[0] == '.') ||
            (len == 2 && memcmp(name, "..", 2) == 0))
                return false;
        for (size_t i = 0; i < len; i++) {
                char c = name[i];

                if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
                    !strchr(signs, c))
                        return false;
        }
        return true;
}

static bool find_file(struct tl_quick_file *file, const char *name)
{
        const char *slash = strrchr(name, '/'), *base = slash ? slash + 1 : name;
        size_t len = strlen(base), suffix = strlen(SUFFIX);
        bool is_path = slash || (len > suffix && strcmp(base + len - suffix, SUFFIX) == 0 &&
                                 access(name, F_OK) == 0);
        int size;

        if (is_path) {
                if (len <= suffix || strcmp(base + len - suffix, SUFFIX) != 0 ||
                    !is_ifname(base, len - suffix))
                        return fail("`%s' is no file for an interface: its name is that of the "
                                    "interface (1 to %d letters, digits and _=+.-) and " SUFFIX,
                                    name, IF_NAMESIZE - 1);
                len -= suffix;
        } else if (!is_ifname(base, len)) {
                return fail("`%s' cannot be the name of an interface: 1 to %d letters, digits and "
                            "_=+.-",
                            name, IF_NAMESIZE - 1);
        }
        memcpy(file->ifname, base, len);
        file->ifname[len] = '\0';
        size = is_path ? snprintf(file->path, sizeof(file->path), "%s", name)
                       : snprintf(file->path, sizeof(file->path), DIRECTORY "/%s" SUFFIX, name);
        return size < (int)sizeof(file->path) || fail("`%s' is too long", name);
}

/* The part of wg(8) is read from a copy without our keys, with each byte in its place, so that
 * mistakes in both parts have the line and column of the file. */
static void parse(struct tl_quick_file *file)
{
        size_t len = file->file.len;
        struct tl_mistakes mistakes = {0};
        char *copy = malloc(len + 1);
        uint32_t bad_ports;

        if (!copy) {
                fail("%s: out of memory", file->path);
                return;
        }
        memcpy(copy, file->file.text, len);
        tl_wgquick_blank(copy, len);
        file->has_hooks = tl_wgquick_parse(file->file.text, len, &file->quick, &mistakes);
        file->is_sound = tl_wgconf_parse_with(copy, len, tl_resolve_service, &file->device,
                                              &mistakes) &&
                         file->has_hooks;
        wg_wipe(copy, len);
        free(copy);
        tl_mistakes_write(&mistakes, "tieline-quick", file->path, stderr);
        bad_ports = file->is_sound ? tl_wgconf_count_bad_ports(&file->device) : 0;
        if (bad_ports)
                fail("warning: %s: ignoring endpoints whose port is not from 1 to 65535: %u",
                     file->path, bad_ports);
        if (file->is_sound && file->device.bad_listen_port_line)
                fail("warning: %s: ListenPort is above 65535; like wg(8), this takes it as %u",
                     file->path, file->device.listen_port);
}

bool tl_quick_open(struct tl_quick_file *file, const char *name)
{
        int error;

        *file = (struct tl_quick_file){0};
        tl_change_init(&file->device);
        if (!find_file(file, name))
                return false;
        error = tl_file_read(&file->file, file->path);
        if (error)
                return fail("%s: %s", file->path, strerror(-error));
        if (file->file.is_exposed)
                fail("warning: %s holds keys and other users may read it; `chmod 600' it",
                     file->path);
        parse(file);
        return true;
}

void tl_quick_close(struct tl_quick_file *file)
{
        tl_change_done(&file->device);
        tl_wgquick_done(&file->quick);
        tl_names_done(&file->missing);
        tl_file_done(&file->file);
}

/* Writes a hook with each %i replaced by the name of the interface; the caller frees it. */
static char *expand(const struct tl_text *hook, const char *ifname)
{
        size_t size;
        char *line = NULL;
        FILE *out = open_memstream(&line, &size);

        if (!out)
                return NULL;
        for (size_t i = 0; i < hook->len; i++) {
                if (hook->at[i] == '%' && i + 1 < hook->len && hook->at[i + 1] == 'i') {
                        fputs(ifname, out);
                        i++;
                } else {
                        fputc(hook->at[i], out);
                }
        }
        if (fclose(out) == 0)
                return line;
        free(line);
        return NULL;
}

/* Writes assignments of variables that hooks of wg-quick can read, as its own shell runs them. */
static void write_variables(FILE *out, const struct tl_quick_file *file)
{
        char *path = realpath(file->path, NULL);

        fprintf(out, "INTERFACE=%s CONFIG_FILE='", file->ifname);
        for (const char *c = path ? path : file->path; *c; c++)
                if (*c == '\'')
                        fputs("'\\''", out);
                else
                        fputc(*c, out);
        fputs("'\n", out);
        free(path);
}

/* Returns the script for a hook, which the caller frees; NULL if memory runs out. */
static char *write_script(const struct tl_quick_file *file, const char *line)
{
        size_t size;
        char *script = NULL;
        FILE *out = open_memstream(&script, &size);

        if (!out)
                return NULL;
        write_variables(out, file);
        fputs(line, out);
        if (fclose(out) == 0)
                return script;
        free(script);
        return NULL;
}

/* errexit and pipefail as within wg-quick, whose users count on them. */
static bool run_script(const char *line, const char *script)
{
        tl_run_show(line);
        return tl_run_script(tl_run_has("bash") ? "bash -e -o pipefail -O extglob" : "sh -e",
                             script);
}

static bool run_hook(const struct tl_quick_file *file, enum tl_wgquick_hook hook, uint32_t i)
{
        char *line = expand(&file->quick.hooks[hook].items[i], file->ifname);
        char *script = line ? write_script(file, line) : NULL;
        bool is_good = script && run_script(line, script);

        free(script);
        free(line);
        return is_good || fail("a command of %s failed", tl_wgquick_hook_name(hook));
}

/* Runs hooks up to the first that fails. */
static bool run_hooks(const struct tl_quick_file *file, enum tl_wgquick_hook hook)
{
        for (uint32_t i = 0; i < file->quick.hooks[hook].count; i++)
                if (tl_run_is_interrupted() || !run_hook(file, hook, i))
                        return false;
        return true;
}

/* Runs them all, whatever becomes of some. */
static bool run_all_hooks(const struct tl_quick_file *file, enum tl_wgquick_hook hook)
{
        bool is_good = true;

        for (uint32_t i = 0; i < file->quick.hooks[hook].count; i++)
                is_good = run_hook(file, hook, i) && is_good;
        return is_good;
}

static bool resolve(struct tl_quick_file *file)
{
        return tl_names_find(&file->device, file->path, &file->missing) || fail("out of memory");
}

/* If the task cannot start, only the peers in question are affected: they keep no endpoint. */
static void await_names(const struct tl_quick_file *file)
{
        int error;

        tl_await_stop(file->ifname);
        if (!file->missing.count)
                return;
        fprintf(stderr, "[#] tieline-quick --await %s &\n", file->ifname);
        error = tl_await_start(file->ifname, &file->missing);
        if (error)
                fail("warning: cannot look for endpoints in the background: %s", strerror(-error));
}

static bool configure(const struct tl_quick_file *file)
{
        int error = tl_link_set(file->ifname, &file->device);

        if (error)
                return fail("%s: cannot configure it: %s", file->ifname, strerror(-error));
        return true;
}

static bool set_mark(const struct tl_quick_file *file, uint32_t mark)
{
        int error;

        fprintf(stderr, "[#] wg set %s fwmark %u\n", file->ifname, mark);
        error = tl_link_set_mark(file->ifname, mark);
        return !error || fail("%s: cannot set the mark: %s", file->ifname, strerror(-error));
}

#define SRC_VALID_MARK "net/ipv4/conf/all/src_valid_mark"
#define SEND_REDIRECTS "net/ipv4/conf/all/send_redirects"

/* Without src_valid_mark, strict reverse-path filtering would look for the route back to a peer in
 * the tunnel. */
static bool heed_marks(const struct tl_quick_file *file, struct tl_journal *journal)
{
        int error = tl_setting_hold(journal, SRC_VALID_MARK, "1");

        if (!error)
                return true;
        if (!tl_setting_filters_strictly(file->ifname)) {
                fail("warning: cannot set " SRC_VALID_MARK " to 1: %s; it is not needed while "
                     "rp_filter is not 1 on any link",
                     strerror(-error));
                return true;
        }
        return fail("cannot set " SRC_VALID_MARK " to 1: %s; rp_filter is 1, so replies from "
                    "peers would be dropped: set it from outside (for a container, `--sysctl "
                    "net.ipv4.conf.all.src_valid_mark=1')",
                    strerror(-error));
}

/* tielined turns send_redirects off, as the kernel's WireGuard does; this records the old value. */
static void hold_redirects(struct tl_journal *journal)
{
        (void)!tl_setting_hold(journal, SEND_REDIRECTS, "0");
}

/* The family's option and the words after it, of a command that `ip -batch` can run along with others.
 * NULL: it is none. */
static const char *batch_words(const struct tl_plan_step *step, char *family)
{
        if (step->kind != TL_PLAN_RUN || step->input || step->undo ||
            (strncmp(step->command, "ip -4 ", 6) != 0 && strncmp(step->command, "ip -6 ", 6) != 0))
                return NULL;
        *family = step->command[4];
        return step->command + 6;
}

/* Runs as many of the commands from *index on as go into one process, and moves it behind them: a
 * process for each of ten thousand routes takes a minute. */
static bool run_batch(const struct tl_plan *plan, uint32_t *index)
{
        char first = '4', family = '4', *input = NULL;
        size_t size;
        FILE *out = open_memstream(&input, &size);
        const char *words;
        bool is_good;

        if (!out)
                return fail("out of memory");
        batch_words(&plan->steps[*index], &first);
        while (*index < plan->count && (words = batch_words(&plan->steps[*index], &family)) &&
               family == first) {
                fprintf(stderr, "[#] %s\n", plan->steps[*index].command);
                fprintf(out, "%s\n", words);
                ++*index;
        }
        is_good = fclose(out) == 0 &&
                  tl_run_quietly(first == '4' ? "ip -4 -batch -" : "ip -6 -batch -", input);
        free(input);
        return is_good;
}

/* Whether another interface took the same number for its mark: a wg-quick, which will then fail and
 * delete the rules with that number. */
static bool is_contended(const struct tl_quick_file *file, uint32_t number)
{
        return !file->device.fwmark && tl_facts_is_mark_used(number, file->ifname);
}

static bool run_step(const struct tl_quick_file *file, struct tl_journal *journal,
                     const struct tl_plan_step *step)
{
        int error = step->undo ? tl_journal_add(journal, step->undo) : 0;

        if (error)
                return fail("%s: %s", journal->path, strerror(-error));
        switch (step->kind) {
        case TL_PLAN_RUN:
                return tl_run(step->command, step->input);
        case TL_PLAN_CLAIM:
                return tl_run(step->command, NULL) && !is_contended(file, step->mark);
        case TL_PLAN_MARK:
                return set_mark(file, step->mark);
        case TL_PLAN_HEED_MARKS:
                return heed_marks(file, journal);
        }
        return false;
}

/* Carries a plan out up to the first step that fails, whose index is then in *failed. */
static bool carry_out(const struct tl_quick_file *file, struct tl_journal *journal,
                      const struct tl_plan *plan, uint32_t *failed)
{
        uint32_t i = 0;
        char family;

        while (i < plan->count) {
                bool is_good;

                *failed = i;
                if (tl_run_is_interrupted())
                        return false;
                if (batch_words(&plan->steps[i], &family))
                        is_good = run_batch(plan, &i);
                else
                        is_good = run_step(file, journal, &plan->steps[i++]);
                if (!is_good)
                        return false;
        }
        return true;
}

static void undo(const struct tl_journal *journal, const char *command)
{
        /* What it was to undo may not have come to be, or be gone. */
        if (!tl_setting_release(journal, command))
                (void)!tl_run(command, NULL);
}

/* Notes of another boot or network namespace say nothing about the kernel journal here: rules and
 * tables that look the same belong to others. */
static void undo_elsewhere(const struct tl_journal *journal, const char *command)
{
        static const char *const local[] = {"ip ", "nft ", "iptables ", "ip6tables ", "setting "};

        for (size_t i = 0; i < WG_ARRAY_SIZE(local); i++)
                if (strncmp(command, local[i], strlen(local[i])) == 0)
                        return;
        undo(journal, command);
}

static void undo_all(struct tl_journal *journal)
{
        tl_journal_undo(journal, 0, journal->is_foreign ? undo_elsewhere : undo);
}

/* Keeps other commands in this network namespace from changing rules meanwhile. Returns -1 without
 * the lock: a process that holds it for so long is none of ours. */
static int lock_rules(void)
{
        int lock = tl_netns_lock(LOCK_TIMEOUT_MS);

        return WG_MAX(lock, -1);
}

static void unlock_rules(int lock)
{
        if (lock >= 0)
                close(lock);
}

static bool delete_leftovers(const struct tl_quick_file *file)
{
        int lock = lock_rules();
        bool any = tl_leftovers_delete(file->ifname);

        unlock_rules(lock);
        return any;
}

/* Removes name servers of an interface that is gone: nobody else does. */
static bool forget_record(const struct tl_quick_file *file)
{
        struct tl_plan_facts facts;
        char command[TL_PLAN_DNS_NAME_SIZE + 24];

        tl_facts_find_programs(&facts, file->ifname);
        if (if_nametoindex(file->ifname) || facts.dns != TL_PLAN_DNS_RESOLVCONF ||
            !tl_facts_has_record(facts.dns_name))
                return false;
        snprintf(command, sizeof(command), "resolvconf -d %s -f", facts.dns_name);
        (void)!tl_run(command, NULL);
        return true;
}

/* Deletes whatever an interface left behind, and its name servers if the file names any. Returns
 * whether there was anything. */
static bool delete_traces(const struct tl_quick_file *file)
{
        bool has_record = file->quick.dns_count && forget_record(file);

        return delete_leftovers(file) || has_record;
}

static void forget_claims(const struct tl_quick_file *file, uint32_t number)
{
        char command[64];

        for (char family = '4'; family <= '6'; family += 2) {
                snprintf(command, sizeof(command), "ip -%c route flush dev %s table %u", family,
                         file->ifname, number);
                (void)!tl_run_quietly(command, NULL);
        }
}

/* Results of adding default routes. */
enum outcome {
        DONE,
        FAILED,
        TAKEN,     /* others have the number */
        OVERTAKEN, /* others added rules meanwhile, so ours are out of place */
};

static enum outcome try_defaults(const struct tl_quick_file *file, struct tl_journal *journal,
                                 const struct tl_plan_facts *facts)
{
        bool is_chosen = file->device.fwmark;
        uint32_t number = is_chosen ? file->device.fwmark : facts->number, failed = 0;
        size_t size = tl_journal_size(journal);
        enum outcome outcome = FAILED;
        struct tl_plan plan;

        if (!tl_plan_defaults(&plan, &file->quick, &file->device, facts)) {
                fail("out of memory");
                return FAILED;
        }
        if (carry_out(file, journal, &plan, &failed)) {
                outcome = tl_facts_is_place_right(facts, number) ? DONE : OVERTAKEN;
        } else if (plan.steps[failed].kind == TL_PLAN_CLAIM && !tl_run_is_interrupted()) {
                forget_claims(file, number);
                if (is_contended(file, number))
                        outcome = TAKEN;
                else if (!tl_facts_is_table_free(number) && is_chosen)
                        fail("routing table %u, from FwMark, already has a default route", number);
                else if (!tl_facts_is_table_free(number))
                        outcome = TAKEN;
        }
        if (outcome == OVERTAKEN) {
                tl_journal_undo(journal, size, undo);
                forget_claims(file, number);
        }
        tl_plan_done(&plan);
        return outcome;
}

/* Others choose numbers as we do. Our own commands wait for each other. wg-quick does not, so if it
 * comes first we take the next number. */
static bool add_defaults(const struct tl_quick_file *file, struct tl_journal *journal,
                         struct tl_plan_facts *facts)
{
        uint32_t first = TL_RULES_FIRST;
        enum outcome outcome = OVERTAKEN;
        int lock = lock_rules();

        for (uint32_t i = 0; i < NUMBERS_TRIED && outcome >= TAKEN; i++) {
                int error = tl_facts_find_defaults(facts, first);

                if (error)
                        fail("cannot read the policy routing rules: %s", strerror(-error));
                outcome = error ? FAILED : try_defaults(file, journal, facts);
                first = facts->number + (outcome == TAKEN);
        }
        unlock_rules(lock);
        return outcome == DONE || (outcome != FAILED && fail("other programs keep changing the "
                                                             "policy routing rules"));
}

/* From an interface that is there to one that is up. */
static bool bring_up(struct tl_quick_file *file, struct tl_journal *journal,
                     struct tl_plan_facts *facts)
{
        struct tl_plan plan;
        uint32_t failed;
        bool is_good;

        if (!resolve(file) || !configure(file))
                return false;
        facts->lacks_ipv6 = tl_facts_lacks_ipv6(file->ifname);
        if (facts->lacks_ipv6 && tl_plan_has_ipv6(&file->quick, &file->device))
                fail("warning: %s uses IPv6, which is off on this host: only IPv4 is set up",
                     file->path);
        tl_facts_find_routes(facts, &file->quick, &file->device);
        if (!tl_plan_up(&plan, &file->quick, &file->device, facts))
                return fail("out of memory");
        is_good = carry_out(file, journal, &plan, &failed);
        tl_plan_done(&plan);
        if (is_good && tl_plan_has_default(&file->quick, &file->device))
                is_good = add_defaults(file, journal, facts);
        if (is_good)
                await_names(file);
        return is_good && run_hooks(file, TL_WGQUICK_POST_UP) && !tl_run_is_interrupted();
}

/* The number of its link is noted, to tell it from a later link of the same name. */
static bool start_daemon(const struct tl_quick_file *file, struct tl_journal *journal)
{
        char command[64];
        int error = tl_journal_add_link(journal, 0);
        bool is_good;

        snprintf(command, sizeof(command), "tielined %s%s", file->ifname[0] == '-' ? "-- " : "",
                 file->ifname);
        is_good = !error && tl_run(command, NULL);
        if (is_good)
                error = tl_journal_add_link(journal, if_nametoindex(file->ifname));
        return is_good && (!error || fail("%s: %s", journal->path, strerror(-error)));
}

static bool is_ended(const struct tl_quick_file *file)
{
        for (uint32_t ms = 0; tl_link_is_served(file->ifname); ms += NAME_RETRY_MS) {
                if (ms >= END_TIMEOUT_MS)
                        return fail("the daemon of `%s' does not exit", file->ifname);
                poll(NULL, 0, NAME_RETRY_MS);
        }
        return true;
}

/* Ends the link and its daemon; both are gone on return. `link` is its number; 0: not known. A link
 * that was renamed, or moved to another network namespace, goes with its daemon. */
static bool end_link(const struct tl_quick_file *file, unsigned int link)
{
        unsigned int here = if_nametoindex(file->ifname);
        bool is_served = tl_link_is_served(file->ifname);
        char command[64];
        int error;

        if (here && (link ? here == link : is_served)) {
                snprintf(command, sizeof(command), "ip link delete dev %s", file->ifname);
                (void)!tl_run(command, NULL);
                return is_ended(file);
        }
        if (!is_served)
                return true;
        fprintf(stderr, "[#] rm /var/run/wireguard/%s.sock\n", file->ifname);
        error = tl_link_end(file->ifname, END_TIMEOUT_MS);
        return !error || fail("`%s' has moved, and its daemon does not exit: %s", file->ifname,
                              strerror(-error));
}

static bool is_here(const struct tl_quick_file *file)
{
        return !tl_link_is_elsewhere(file->ifname) ||
               fail("`%s' runs in another network namespace", file->ifname);
}

/* Whether the interface is as this part of bringing up expects it. */
static bool is_place_ready(const struct tl_quick_file *file, enum tl_quick_part part)
{
        uint32_t waited_ms = 0;
        bool exists;

        /* One whose daemon was killed a moment ago is there until the helper has noticed. */
        while ((exists = if_nametoindex(file->ifname) != 0) && part != TL_QUICK_AFTER &&
               waited_ms < NAME_TIMEOUT_MS &&
               !tl_link_stays_served(file->ifname, DEATH_TIMEOUT_MS)) {
                poll(NULL, 0, NAME_RETRY_MS);
                waited_ms += NAME_RETRY_MS;
        }
        if (part != TL_QUICK_AFTER)
                return !exists || fail("`%s' already exists", file->ifname);
        if (!exists || !tl_link_is_served(file->ifname))
                return fail("`%s' is not there: start tielined first", file->ifname);
        return true;
}

/* Goes from nothing to a running daemon, unless a service manager starts that. */
static bool begin(struct tl_quick_file *file, enum tl_quick_part part, struct tl_journal *journal)
{
        if (part == TL_QUICK_AFTER)
                return true;
        /* Leftovers of an interface that ended without us. */
        undo_all(journal);
        delete_leftovers(file);
        (void)forget_record(file);
        if (!run_hooks(file, TL_WGQUICK_PRE_UP))
                return false;
        hold_redirects(journal);
        return part == TL_QUICK_BEFORE || start_daemon(file, journal);
}

/* Undoes what was done before the failure. */
static void give_up(const struct tl_quick_file *file, struct tl_journal *journal)
{
        unsigned int link = journal->link;
        bool is_begun = journal->is_begun;

        if (tl_run_is_interrupted())
                fail("interrupted");
        tl_run_forgive();
        tl_await_stop(file->ifname);
        undo_all(journal);
        if (is_begun)
                (void)!end_link(file, link);
}

static bool up(struct tl_quick_file *file, enum tl_quick_part part, struct tl_journal *journal)
{
        struct tl_plan_facts facts;
        const char *objection;
        int error;

        tl_facts_find_programs(&facts, file->ifname);
        facts.lacks_ipv6 = tl_facts_lacks_ipv6(file->ifname);
        objection = tl_plan_objection(&file->quick, &file->device, &facts);
        if (objection)
                return fail("%s", objection);
        if (begin(file, part, journal)) {
                if (part == TL_QUICK_BEFORE)
                        return true;
                if (bring_up(file, journal, &facts)) {
                        error = tl_journal_complete(journal);
                        if (!error)
                                return true;
                        fail("%s: %s", journal->path, strerror(-error));
                }
        }
        give_up(file, journal);
        return false;
}

/* Whether an `up' that was killed left the interface half made. */
static bool is_half(const struct tl_journal *journal, enum tl_quick_part part)
{
        return journal->is_begun && !journal->is_complete && !journal->is_foreign &&
               part == TL_QUICK_WHOLE;
}

static bool open_journal(struct tl_journal *journal, const struct tl_quick_file *file)
{
        int error = tl_journal_open(journal, &JOURNAL, file->ifname);

        return !error || fail("%s/%s: %s", JOURNAL.directory, file->ifname, strerror(-error));
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

                undo_all(&journal);
                is_good = end_link(file, link);
        }
        is_good = is_good && is_place_ready(file, part) && up(file, part, &journal);
        tl_journal_close(&journal);
        return is_good;
}

/* What comes while the interface is still there; after a crash it is not, and its hooks run
 * nevertheless: they undo what others did. */
static bool down_before(struct tl_quick_file *file)
{
        bool is_good = run_all_hooks(file, TL_WGQUICK_PRE_DOWN);

        if (!file->has_hooks)
                is_good = fail("not running PreDown and PostDown: the file has mistakes");
        else if (!file->is_sound && file->quick.save_config)
                is_good = fail("not saving the interface: the file has mistakes");
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
        undo_all(journal);
        if (part == TL_QUICK_WHOLE)
                is_good = end_link(file, link) && is_good;
        /* Whatever has no note, or no longer has one. */
        (void)delete_traces(file);
        if (was_up)
                is_good = run_all_hooks(file, TL_WGQUICK_POST_DOWN) && is_good;
        return is_good;
}

bool tl_quick_down(struct tl_quick_file *file, enum tl_quick_part part)
{
        struct tl_journal journal;
        bool is_good = is_here(file);

        if (!is_good || !open_journal(&journal, file))
                return false;
        if (journal.is_foreign)
                undo_all(&journal);
        if (part == TL_QUICK_WHOLE && tl_journal_is_empty(&journal) &&
            !tl_link_is_served(file->ifname) && !delete_traces(file))
                is_good = fail("`%s' is not a WireGuard interface", file->ifname);
        else
                is_good = down(file, part, &journal);
        tl_journal_close(&journal);
        return is_good;
}

/* The keys of the peers of a file, and the change that removes all others. */
struct strangers {
        uint8_t (*known)[TL_CONF_KEY_LEN]; /* sorted */
        uint32_t count;
        struct tl_change *change;
        bool is_good;
};

static int compare_keys(const void *a, const void *b)
{
        return memcmp(a, b, TL_CONF_KEY_LEN);
}

static void remove_stranger(void *ctx, const uint8_t public_key[TL_CONF_KEY_LEN], bool has_endpoint)
{
        struct strangers *strangers = ctx;
        struct tl_change_peer *peer;

        (void)has_endpoint;
        if (bsearch(public_key, strangers->known, strangers->count, TL_CONF_KEY_LEN, compare_keys))
                return;
        peer = tl_change_add_peer(strangers->change, public_key);
        strangers->is_good = strangers->is_good && peer;
        if (peer)
                peer->remove = true;
}

/* Adds to the change the removal of peers that the interface has and the file does not. */
static bool remove_strangers(struct tl_quick_file *file)
{
        struct strangers strangers = {.change = &file->device, .is_good = true};
        int error;

        strangers.known = calloc((size_t)file->device.peer_count + 1, TL_CONF_KEY_LEN);
        if (!strangers.known)
                return fail("out of memory");
        for (; strangers.count < file->device.peer_count; strangers.count++)
                memcpy(strangers.known[strangers.count],
                       tl_change_peer_at(&file->device, strangers.count)->public_key,
                       TL_CONF_KEY_LEN);
        qsort(strangers.known, strangers.count, TL_CONF_KEY_LEN, compare_keys);
        error = tl_link_each_peer(file->ifname, remove_stranger, &strangers);
        free(strangers.known);
        if (error)
                return fail("%s: cannot read its peers: %s", file->ifname, strerror(-error));
        return strangers.is_good || fail("out of memory");
}

bool tl_quick_reload(struct tl_quick_file *file)
{
        if (!tl_link_is_served(file->ifname))
                return fail("`%s' is not a WireGuard interface", file->ifname);
        tl_wgconf_keep_unnamed(&file->device);
        if (!resolve(file) || !remove_strangers(file) || !configure(file))
                return false;
        await_names(file);
        return true;
}

bool tl_quick_save(struct tl_quick_file *file)
{
        int error;

        if (!tl_link_is_served(file->ifname))
                return fail("`%s' is not a WireGuard interface", file->ifname);
        fprintf(stderr, "[#] wg showconf %s\n", file->ifname);
        error = tl_save(file->path, file->ifname, &file->quick);
        return !error || fail("cannot save %s: %s", file->path, strerror(-error));
}

bool tl_quick_print(struct tl_quick_file *file)
{
        size_t len = tl_wgquick_strip(file->file.text, file->file.len);
        bool is_good = fwrite(file->file.text, 1, len, stdout) == len && fflush(stdout) == 0;

        return is_good || fail("cannot print: %s", strerror(errno));
}
