/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "cli/check.h"

#include <inttypes.h>
#include <stdio.h>

#include "cli/json.h"
#include "cli/load.h"
#include "cli/report.h"
#include "net/expect.h"

/* The sentence about one expectation that is not met, such as
 *      acme.yaml:31:5: not met: not f -> e:22
 *          why: rule at line 24 allows it */
static void print_unmet(const struct tl_load *load, const struct tl_expect_result *result)
{
        const struct tl_word *text = &load->network.expectations[result->index].text;
        const struct tl_explanation *why = &result->explanation;

        fprintf(stderr, "%s:%" PRIu32 ":%" PRIu32 ": not met: %s\n", load->paths.file,
                text->at.line, text->at.column, text->text);
        fprintf(stderr, "    why: %s", why->message ? why->message : tl_cause_text(why->cause));
        if (why->at.line)
                fprintf(stderr, " (%s:%" PRIu32 ")", load->paths.file, why->at.line);
        fputc('\n', stderr);
        if (why->fix)
                fprintf(stderr, "    fix: %s\n", why->fix);
}

static void print_count(uint32_t count, const char *noun, const char *end)
{
        printf("%" PRIu32 " %s%s%s", count, noun, count == 1 ? "" : "s", end);
}

/* What the file is about, so that the reader sees that the right one was checked. */
static void print_summary(const struct tl_load *load, const struct tl_expect_list *expected)
{
        const struct tl_network *network = &load->network;
        uint32_t devices = load->model.node_count - load->model.hub_count - load->model.site_count;

        printf("%s: no mistakes: ", load->paths.file);
        print_count(network->hub_count, "hub", ", ");
        print_count(network->site_count, "site", ", ");
        printf("%" PRIu32 " %s with ", network->person_count,
               network->person_count == 1 ? "person" : "people");
        print_count(devices, "device", "");
        if (expected->count)
                printf("; %" PRIu32 " of %" PRIu32 " expectations met",
                       expected->count - expected->unmet, expected->count);
        putchar('\n');
}

static void print_text(struct tl_load *load, const struct tl_expect_list *expected)
{
        for (uint32_t i = 0; i < expected->count; i++) {
                if (!expected->items[i].is_met)
                        print_unmet(load, &expected->items[i]);
        }
        tl_load_print_findings(load);
        if (load->is_good)
                print_summary(load, expected);
}

static json_t *describe(const struct tl_load *load, const struct tl_expect_result *result)
{
        const struct tl_word *text = &load->network.expectations[result->index].text;
        const struct tl_explanation *why = &result->explanation;
        json_t *object = json_pack("{s:s, s:b, s:b, s:s, s:s*, s:s*}", "text", text->text, "is_met",
                                   result->is_met, "is_reachable", why->is_reachable, "cause",
                                   tl_cause_name(why->cause), "message", why->message, "fix",
                                   why->fix);

        tl_report_json_place(object, text->at);
        return object;
}

static int print_json(struct tl_load *load, const struct tl_expect_list *expected)
{
        json_t *findings = tl_report_json_both(&load->findings, load->paths.file,
                                               &load->lock_findings, load->paths.lock);
        json_t *expectations = json_array();

        for (uint32_t i = 0; i < expected->count; i++)
                json_array_append_new(expectations, describe(load, &expected->items[i]));
        return tl_json_print(json_pack("{s:s, s:s, s:b, s:i, s:o, s:o}", "file", load->paths.file,
                                       "lock", load->paths.lock, "is_good", load->is_good,
                                       "new_values", (int)load->lock_changes, "findings", findings,
                                       "expectations", expectations));
}

static int check(const struct tl_call *call, struct tl_load *load)
{
        struct tl_expect_list expected = {0};
        int status = TL_CLI_YES;

        if (load->is_good)
                load->is_good = tl_expect_check(&expected, &load->plans, &load->findings);
        if (tl_call_has(call, TL_CLI_JSON))
                status = print_json(load, &expected);
        else
                print_text(load, &expected);
        if (!load->is_good || !tl_load_write_lock(load, tl_call_has(call, TL_CLI_LOCKED)))
                status = TL_CLI_FAILED;
        else if (!status && expected.unmet)
                status = TL_CLI_NO;
        tl_expect_done(&expected);
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
