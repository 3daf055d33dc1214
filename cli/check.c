/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "cli/check.h"

#include <inttypes.h>
#include <stdio.h>

#include "cli/json.h"
#include "cli/load.h"
#include "cli/report.h"

static void print_count(uint32_t count, const char *noun, const char *end)
{
        printf("%" PRIu32 " %s%s%s", count, noun, count == 1 ? "" : "s", end);
}

/* What the file is about, so that the reader sees that the right one was checked. */
static void print_summary(const struct tl_load *load)
{
        const struct tl_network *network = &load->network;
        uint32_t devices = load->model.node_count - load->model.hub_count - load->model.site_count;

        printf("%s: no mistakes: ", load->paths.file);
        print_count(network->hub_count, "hub", ", ");
        print_count(network->site_count, "site", ", ");
        printf("%" PRIu32 " %s with ", network->person_count,
               network->person_count == 1 ? "person" : "people");
        print_count(devices, "device", "\n");
}

static int print_json(struct tl_load *load)
{
        json_t *findings = tl_report_json(&load->findings, load->paths.file);
        json_t *lock_findings = tl_report_json(&load->lock_findings, load->paths.lock);

        json_array_extend(findings, lock_findings);
        json_decref(lock_findings);
        return tl_json_print(json_pack("{s:s, s:s, s:b, s:i, s:o}", "file", load->paths.file,
                                       "lock", load->paths.lock, "is_good", load->is_good,
                                       "new_values", (int)load->lock_changes, "findings",
                                       findings));
}

static int check(const struct tl_call *call, struct tl_load *load)
{
        int status = TL_CLI_YES;

        if (tl_call_has(call, TL_CLI_JSON)) {
                status = print_json(load);
        } else {
                tl_load_print_findings(load);
                if (load->is_good)
                        print_summary(load);
        }
        if (!load->is_good || !tl_load_write_lock(load, tl_call_has(call, TL_CLI_LOCKED)))
                status = TL_CLI_FAILED;
        return status;
}

int tl_cli_check(const struct tl_call *call)
{
        struct tl_load load;
        int status = tl_load_read(&load, tl_call_network(call));

        if (!status)
                status = check(call, &load);
        tl_load_done(&load);
        return status;
}
