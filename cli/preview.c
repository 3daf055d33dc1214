/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "cli/preview.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/networks.h"
#include "cli/report.h"
#include "conf/base64.h"
#include "io/fail.h"
#include "net/present.h"
#include "node/apply.h"
#include "node/lanprobe.h"

enum { LINE_SIZE = 512, PROXIES_SHOWN = 5 };

/* Gives a peer that is removed the name that it had in the last good file, if there is memory. */
static void name_peer(struct tl_diff *diff, struct tl_difference *item, const struct tl_model *good)
{
        uint8_t key[TL_CONF_KEY_LEN];
        const char *name;
        uint32_t node;

        if (!tl_base64_decode(key, sizeof(key), item->what, strlen(item->what)))
                return;
        node = tl_model_find_key(good, key);
        if (node == TL_MODEL_NONE)
                return;
        name = tl_arena_copy(&diff->arena, good->nodes[node].name, strlen(good->nodes[node].name));
        if (name)
                item->what = name;
}

static void name_removed_peers(struct tl_diff *diff, const struct tl_model *good)
{
        for (uint32_t i = 0; i < diff->count; i++) {
                if (diff->items[i].kind == TL_DIFF_PEER && diff->items[i].verb == TL_DIFF_REMOVE)
                        name_peer(diff, &diff->items[i], good);
        }
}

static bool compare_reach(struct tl_preview *preview, const struct tl_machine *good)
{
        struct tl_machine *machine = &preview->machine;
        struct tl_plans before = {0}, after = {0};
        bool is_done = tl_plans_init(&before, &good->model, &good->policy) &&
                       tl_plans_init(&after, &machine->model, &machine->policy) &&
                       tl_reach_compare(&preview->reach, &before, &after, &machine->findings);

        tl_plans_done(&before);
        tl_plans_done(&after);
        return is_done;
}

static bool is_same_file(const struct tl_file *a, const struct tl_file *b)
{
        return a->len == b->len && (!a->len || memcmp(a->text, b->text, a->len) == 0);
}

/* Whether both read the same files. Comparing what two networks allow takes longest if they are
 * large. */
static bool is_same_network(const struct tl_machine *a, const struct tl_machine *b)
{
        return is_same_file(&a->file_text, &b->file_text) &&
               is_same_file(&a->lock_text, &b->lock_text);
}

/* Adds the networks that this machine is in: they change what is reached at which address. */
static bool add_present(struct tl_machine *good, const struct tl_machine *machine)
{
        const uint8_t *key = machine->model.nodes[machine->node].in_file->key;
        uint32_t node = tl_model_find_key(&good->model, key);

        return node == TL_MODEL_NONE || tl_present_add(&good->model, node, &machine->local);
}

/* Compares with the last good file, if there is one that can still be read. */
static bool compare_with_good(struct tl_preview *preview)
{
        struct tl_machine good = {0};
        struct tl_paths paths;
        bool is_done = true;

        if (!tl_paths_find_good(&paths, &preview->machine.paths))
                return true;
        preview->has_good = tl_machine_read(&good, &paths);
        if (preview->has_good) {
                name_removed_peers(&preview->diff, &good.model);
                is_done = is_same_network(&preview->machine, &good) ||
                          (add_present(&good, &preview->machine) && compare_reach(preview, &good));
        }
        tl_machine_done(&good);
        return is_done;
}

int tl_preview_open(struct tl_preview *preview, const char *network)
{
        struct tl_paths paths;
        int status = tl_networks_find(&paths, network);

        *preview = (struct tl_preview){0};
        if (status)
                return status;
        return tl_machine_open(&preview->machine, &paths) ? TL_CLI_YES : TL_CLI_FAILED;
}

int tl_preview_make(struct tl_preview *preview)
{
        struct tl_machine *machine = &preview->machine;

        if (!tl_machine_plan(machine) || !tl_apply_compare(machine, &preview->diff) ||
            !compare_with_good(preview))
                return TL_CLI_FAILED;
        preview->flows_error = tl_flows_find(&preview->flows, &machine->model, &machine->policy,
                                             machine->node);
        tl_pending_find(machine->paths.name, &preview->pending);
        return TL_CLI_YES;
}

int tl_preview_probe(struct tl_preview *preview)
{
        return tl_lanprobe_run(&preview->machine) ? TL_CLI_YES : TL_CLI_FAILED;
}

bool tl_preview_is_pending(const struct tl_preview *preview)
{
        return preview->diff.count || preview->flows.total;
}

void tl_preview_print_findings(struct tl_preview *preview)
{
        struct tl_machine *machine = &preview->machine;

        tl_report_findings(&machine->lock_findings, machine->paths.lock);
        tl_report_findings(&machine->findings, machine->paths.file);
        tl_report_count(&machine->findings, &machine->lock_findings);
}

static void print_change(struct tl_diff *diff, uint32_t i)
{
        const char *text = tl_diff_text(diff, i);

        printf("  %s\n", text ? text : "out of memory");
}

/* The number of proxy entries in a row that are all added, or all removed. */
static uint32_t count_proxies(const struct tl_diff *diff, uint32_t i)
{
        const struct tl_difference *first = &diff->items[i];
        uint32_t count = 0;

        while (i + count < diff->count && first[count].kind == TL_DIFF_PROXY &&
               first[count].verb == first->verb)
                count++;
        return count;
}

/* A thousand proxy entries would hide the other changes. */
static void print_changes(struct tl_preview *preview)
{
        struct tl_diff *diff = &preview->diff;

        printf("%s: %" PRIu32 " change%s on this machine, %s:\n", preview->machine.paths.name,
               preview->diff.count, preview->diff.count == 1 ? "" : "s",
               preview->machine.model.nodes[preview->machine.node].name);
        for (uint32_t i = 0; i < diff->count; i++) {
                uint32_t proxies = count_proxies(diff, i);

                print_change(diff, i);
                if (proxies <= PROXIES_SHOWN)
                        continue;
                printf("  ... %" PRIu32 " more, up to:\n", proxies - 2);
                i += proxies - 1;
                print_change(diff, i);
        }
}

static void print_reach(const struct tl_preview *preview)
{
        char line[LINE_SIZE];

        if (!preview->reach.count)
                return;
        puts("In the whole network, compared with the file that was last applied here:");
        for (uint32_t i = 0; i < preview->reach.count; i++) {
                tl_reach_format(&preview->reach.lines[i], line, sizeof(line));
                printf("  %s\n", line);
        }
}

static void print_flows(const struct tl_preview *preview)
{
        const struct tl_live_flows *flows = &preview->flows;
        char line[TL_FLOWS_TEXT_SIZE];

        if (preview->flows_error)
                tl_warn("cannot tell which connections will be cut: %s",
                        strerror(-preview->flows_error));
        if (!flows->total)
                return;
        printf("%" PRIu64 " connection%s through this machine will be cut:\n", flows->total,
               flows->total == 1 ? "" : "s");
        for (uint32_t i = 0; i < flows->count; i++) {
                tl_flows_format(line, &flows->items[i], &preview->machine.model);
                printf("  %s\n", line);
        }
        if (flows->total > flows->count)
                printf("  and %" PRIu64 " more\n", flows->total - flows->count);
}

void tl_preview_print(struct tl_preview *preview)
{
        if (!tl_preview_is_pending(preview))
                printf("%s: nothing to change on this machine, %s\n", preview->machine.paths.name,
                       preview->machine.model.nodes[preview->machine.node].name);
        else
                print_changes(preview);
        print_reach(preview);
        print_flows(preview);
        if (preview->pending.exists)
                printf("Earlier changes wait to be confirmed, and are undone in %" PRIu32 " s.\n",
                       preview->pending.left_s);
}

static json_t *describe_changes(const struct tl_diff *diff)
{
        json_t *array = json_array();

        for (uint32_t i = 0; i < diff->count; i++) {
                const struct tl_difference *item = &diff->items[i];

                json_array_append_new(array, json_pack("{s:s, s:s, s:s, s:s}", "kind",
                                                       tl_diff_kind_name(item->kind), "verb",
                                                       tl_diff_verb_name(item->verb), "what",
                                                       item->what, "detail", item->detail));
        }
        return array;
}

static json_t *describe_reach(const struct tl_preview *preview)
{
        json_t *array;

        if (!preview->has_good)
                return json_null();
        array = json_array();
        for (uint32_t i = 0; i < preview->reach.count; i++) {
                const struct tl_reach_line *line = &preview->reach.lines[i];

                json_array_append_new(array, json_pack("{s:s, s:s, s:s, s:s*, s:s*}", "change",
                                                       tl_reach_change_name(line->change), "who",
                                                       line->who, "whom", line->whom, "what",
                                                       line->what, "why", line->why));
        }
        return array;
}

static json_t *describe_flows(const struct tl_preview *preview)
{
        char line[TL_FLOWS_TEXT_SIZE];
        json_t *array;

        if (preview->flows_error)
                return json_null();
        array = json_array();
        for (uint32_t i = 0; i < preview->flows.count; i++) {
                tl_flows_format(line, &preview->flows.items[i], &preview->machine.model);
                json_array_append_new(array, json_string(line));
        }
        return json_pack("{s:I, s:o}", "total", (json_int_t)preview->flows.total, "listed", array);
}

json_t *tl_preview_findings_json(struct tl_preview *preview)
{
        struct tl_machine *machine = &preview->machine;

        return tl_report_json_both(&machine->findings, machine->paths.file, &machine->lock_findings,
                                   machine->paths.lock);
}

json_t *tl_preview_json(struct tl_preview *preview)
{
        const struct tl_machine *machine = &preview->machine;

        return json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o}", "network", machine->paths.name,
                         "node", machine->model.nodes[machine->node].name, "file",
                         machine->paths.file, "changes", describe_changes(&preview->diff), "reach",
                         describe_reach(preview), "cut", describe_flows(preview), "undone_in_s",
                         preview->pending.exists ? json_integer(preview->pending.left_s)
                                                 : json_null(),
                         "findings", tl_preview_findings_json(preview));
}

void tl_preview_done(struct tl_preview *preview)
{
        tl_reach_done(&preview->reach);
        tl_diff_done(&preview->diff);
        tl_machine_done(&preview->machine);
}
