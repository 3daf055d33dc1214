/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "cli/plan.h"

#include <inttypes.h>
#include <stdio.h>

#include "cli/options.h"
#include "cli/preview.h"
#include "host/run.h"
#include "io/fail.h"
#include "node/apply.h"
#include "node/confirm.h"

/* A preview is large. */
static struct tl_preview preview;

/* Shows the preview as text, or the mistakes that prevent it. Returns the exit status so far. */
static int show(const struct tl_call *call, int status)
{
        if (tl_call_has(call, TL_CLI_JSON))
                return status;
        tl_preview_print_findings(&preview);
        if (!status)
                tl_preview_print(&preview);
        return status;
}

static int print_failure(void)
{
        tl_json_print(json_pack("{s:o}", "findings", tl_preview_findings_json(&preview)));
        return TL_CLI_FAILED;
}

static int preview_all(const struct tl_call *call)
{
        int status = tl_preview_make(&preview);

        if (!status && !tl_call_has(call, TL_CLI_NO_PROBE))
                status = tl_preview_probe(&preview);
        return status;
}

static int plan(const struct tl_call *call)
{
        int status = tl_preview_open(&preview, tl_call_network(call));

        if (!status)
                status = preview_all(call);
        status = show(call, status);
        if (status == TL_CLI_FAILED && tl_call_has(call, TL_CLI_JSON))
                return print_failure();
        if (!status && tl_call_has(call, TL_CLI_JSON))
                status = tl_json_print(tl_preview_json(&preview));
        return !status && tl_preview_is_pending(&preview) ? TL_CLI_NO : status;
}

/* Prints what was done, which may differ from the preview if the machine changed meanwhile. */
static int report(const struct tl_call *call, const struct tl_diff *made, uint32_t confirm_s)
{
        const char *name = preview.machine.paths.name;

        if (tl_call_has(call, TL_CLI_JSON)) {
                json_t *object = tl_preview_json(&preview);

                json_object_set_new(object, "made", json_integer(made->count));
                json_object_set_new(object, "confirm_s", json_integer(made->count ? confirm_s : 0));
                return tl_json_print(object);
        }
        if (made->count)
                printf("%s: done, %" PRIu32 " change%s\n", name, made->count,
                       made->count == 1 ? "" : "s");
        if (confirm_s && made->count)
                printf("Run `tieline confirm %s' within %" PRIu32 " s, or everything is undone.\n",
                       name, confirm_s);
        return TL_CLI_YES;
}

static int apply(const struct tl_call *call, uint32_t confirm_s)
{
        int status = tl_preview_open(&preview, tl_call_network(call));
        struct tl_diff made = {0};

        if (!status && !tl_confirm_settle(preview.machine.paths.name))
                status = TL_CLI_FAILED;
        if (!status)
                status = preview_all(call);
        status = show(call, status);
        if (status == TL_CLI_FAILED && tl_call_has(call, TL_CLI_JSON))
                return print_failure();
        if (!status && !tl_apply(&preview.machine, confirm_s, &made))
                status = TL_CLI_FAILED;
        if (!status)
                status = report(call, &made, confirm_s);
        tl_diff_done(&made);
        return status;
}

static bool read_confirm(const struct tl_call *call, uint32_t *seconds)
{
        const char *text = call->options[TL_CLI_CONFIRM];

        *seconds = 0;
        return !text || tl_duration_parse(text, seconds) ||
               tl_fail_usage("--confirm takes a duration from 1s to 24h, such as 60s or 5m, not "
                             "`%s'",
                             text);
}

int tl_cli_plan(const struct tl_call *call)
{
        int status;

        tl_run_init();
        status = plan(call);
        tl_preview_done(&preview);
        return status;
}

int tl_cli_apply(const struct tl_call *call)
{
        uint32_t confirm_s;
        int status;

        if (!read_confirm(call, &confirm_s))
                return TL_CLI_USAGE;
        tl_run_init();
        status = apply(call, confirm_s);
        tl_preview_done(&preview);
        return status;
}
