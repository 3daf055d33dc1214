/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "cli/lab.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/json.h"
#include "cli/load.h"
#include "io/fail.h"
#include "lab/lab.h"
#include "lab/state.h"

enum { DOWN_TIMEOUT_MS = 60000 };

/* ---- lab FILE ---- */

static int exit_status(enum tl_lab_end end, int status)
{
        switch (end) {
        case TL_LAB_AS_EXPECTED:
                return TL_CLI_YES;
        case TL_LAB_FAILED:
                return TL_CLI_FAILED;
        case TL_LAB_USAGE:
                return TL_CLI_USAGE;
        case TL_LAB_NOT_AS_EXPECTED:
                return TL_CLI_NO;
        case TL_LAB_INTERRUPTED:
        case TL_LAB_COMMAND_SAYS:
                break;
        }
        return status;
}

/* The words after `--', terminated as for execvp(3); NULL: there are none. */
static char *const *tail(const struct tl_call *call)
{
        return call->last_words ? call->words + call->word_count - call->last_words : NULL;
}

static int show(const struct tl_call *call)
{
        struct tl_load load;
        const char *name = call->options[TL_CLI_NAME];
        int status = tl_load_open(&load, call->words[0], tl_call_has(call, TL_CLI_LOCKED));
        enum tl_lab_end ended;

        if (!status) {
                const struct tl_lab_order order = {
                        .name = name ? name : load.network.name.text,
                        .file = load.paths.file,
                        .network = &load.network,
                        .lock = &load.lock,
                        .text = load.text.text,
                        .len = load.text.len,
                        .before = call->options[TL_CLI_BEFORE],
                        .disturbances = call->options[TL_CLI_DISTURB],
                        .command = tail(call),
                        .has_shell = tl_call_has(call, TL_CLI_SHELL),
                        .is_kept = tl_call_has(call, TL_CLI_KEEP),
                        .is_quiet = tl_call_has(call, TL_CLI_UNTESTED),
                        .is_json = tl_call_has(call, TL_CLI_JSON),
                };

                ended = tl_lab_run(&order, &status);
                status = exit_status(ended, status);
        }
        tl_load_done(&load);
        return status;
}

/* ---- lab exec, list, down ---- */

static int enter(const struct tl_call *call, int words)
{
        char *none[] = {NULL};
        char *const *command = tail(call);

        if (words < 1 || words > 2) {
                tl_fail_usage("expected: lab exec [NETWORK] MACHINE [-- COMMAND...]");
                return TL_CLI_USAGE;
        }
        return tl_lab_exec(words == 2 ? call->words[1] : NULL, call->words[words],
                           command ? command : none);
}

static void print_machine(void *ctx, const char *name, pid_t pid)
{
        (void)ctx;
        printf("  %-24s %d\n", name, (int)pid);
}

static void print_lab(void *ctx, const struct tl_lab_seen *lab)
{
        char file[PATH_MAX] = "?";

        (void)ctx;
        if (!tl_lab_state_get(lab, "file", file, sizeof(file)))
                tl_warn("the state of %s is incomplete", lab->name);
        printf("%s  process %d  %s\n", lab->name, (int)lab->owner, file);
        tl_lab_state_each_machine(lab, print_machine, NULL);
}

static void add_machine(void *ctx, const char *name, pid_t pid)
{
        json_array_append_new(ctx, json_pack("{s:s, s:i}", "name", name, "process", (int)pid));
}

static void add_lab(void *ctx, const struct tl_lab_seen *lab)
{
        char file[PATH_MAX] = "";
        json_t *machines = json_array();

        (void)!tl_lab_state_get(lab, "file", file, sizeof(file));
        tl_lab_state_each_machine(lab, add_machine, machines);
        json_array_append_new(ctx,
                              json_pack("{s:s, s:s, s:i, s:o}", "name", lab->name, "file", file,
                                        "process", (int)lab->owner, "machines", machines));
}

static int list(const struct tl_call *call)
{
        if (tl_call_has(call, TL_CLI_JSON)) {
                json_t *labs = json_array();

                tl_lab_state_each(add_lab, labs);
                return tl_json_print(labs);
        }
        if (tl_lab_state_each(print_lab, NULL) == 0)
                puts("no lab is running");
        return TL_CLI_YES;
}

static int end(const char *name)
{
        struct tl_lab_seen lab;
        int error;

        if (!tl_lab_state_find(&lab, name))
                return TL_CLI_FAILED;
        error = tl_lab_state_end(&lab, DOWN_TIMEOUT_MS);
        if (error)
                tl_fail("%s: process %d does not end: %s", lab.name, (int)lab.owner,
                        strerror(-error));
        free(lab.text);
        return error ? TL_CLI_FAILED : TL_CLI_YES;
}

int tl_cli_lab(const struct tl_call *call)
{
        const char *first = call->words[0];
        int words = call->word_count - call->last_words - 1; /* after the first */

        if (words < 0) {
                tl_fail_usage("missing argument: a file, or exec, list or down");
                return TL_CLI_USAGE;
        }
        if (strcmp(first, "exec") == 0)
                return enter(call, words);
        if (strcmp(first, "list") == 0 && words == 0)
                return list(call);
        if (strcmp(first, "down") == 0 && words <= 1)
                return end(words ? call->words[1] : NULL);
        if (words > 0) {
                tl_fail_usage("unexpected argument `%s'", call->words[1]);
                return TL_CLI_USAGE;
        }
        return show(call);
}
