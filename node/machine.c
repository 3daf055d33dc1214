/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "node/machine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "client/names.h"
#include "conf/base64.h"
#include "host/run.h"
#include "io/fail.h"
#include "net/conflicts.h"
#include "net/derive.h"
#include "net/present.h"
#include "node/keyfile.h"
#include "node/survey.h"

enum { PATIENCE_MS = 6000 };

static bool read_file(struct tl_file *file, const char *path, bool may_be_missing)
{
        int error = tl_file_read(file, path);

        if (error == -ENOENT && may_be_missing)
                return true;
        if (error == -ENOENT)
                return tl_fail("%s does not exist: copy the network file and its lock there", path);
        return !error || tl_fail("%s: %s", path, strerror(-error));
}

/* A file in a directory of names must have its network's name. */
static bool check_name(struct tl_machine *machine)
{
        const struct tl_word *name = &machine->network.name;

        if (!machine->paths.name[0])
                snprintf(machine->paths.name, sizeof(machine->paths.name), "%s", name->text);
        if (strcmp(machine->paths.name, name->text) == 0)
                return true;
        tl_findings_error(&machine->findings, name->at, "call both by the same name",
                          "the network is called \"%s\", but its file %s", name->text,
                          machine->paths.file);
        return false;
}

/* Values that the lock lacks would differ from machine to machine. */
static bool check_lock(struct tl_machine *machine)
{
        static const uint8_t no_random[5];
        uint32_t changes = 0;

        if (!tl_derive(&machine->lock, &machine->network, no_random, &changes, &machine->findings))
                return false;
        return !changes ||
               tl_fail("%s does not %s: run `tieline check' where you edit the file, and copy both "
                       "files to each node",
                       machine->paths.lock, machine->lock_text.text ? "match this file" : "exist");
}

bool tl_machine_read(struct tl_machine *machine, const struct tl_paths *paths)
{
        *machine = (struct tl_machine){.paths = *paths, .node = TL_MODEL_NONE};
        if (!read_file(&machine->file_text, paths->file, false) ||
            !read_file(&machine->lock_text, paths->lock, true))
                return false;
        if (!tl_network_parse(&machine->network, machine->file_text.text, machine->file_text.len,
                              &machine->findings))
                return false;
        return check_name(machine) &&
               tl_lock_parse(&machine->lock, machine->lock_text.text, machine->lock_text.len,
                             &machine->lock_findings) &&
               check_lock(machine) &&
               tl_model_build(&machine->model, &machine->network, &machine->lock,
                              &machine->findings) &&
               tl_conflicts_find(&machine->model, &machine->findings) &&
               tl_policy_build(&machine->policy, &machine->model, &machine->findings);
}

static bool find_node(struct tl_machine *machine, const uint8_t public_key[TL_CONF_KEY_LEN])
{
        char text[TL_BASE64_LEN(TL_CONF_KEY_LEN) + 1] = "";

        machine->node = tl_model_find_key(&machine->model, public_key);
        if (machine->node == TL_MODEL_NONE) {
                tl_base64_encode(text, public_key, TL_CONF_KEY_LEN);
                return tl_fail("%s has no entry with the key of this machine: give its entry `key: "
                               "\"%s\"'; or, if it shall no longer be a node, run `tieline down "
                               "%s'",
                               machine->paths.file, text, machine->paths.name);
        }
        if (machine->model.nodes[machine->node].is_stock)
                return tl_fail("%s is the key of %s, which is a stock device: remove `stock: true' "
                               "to run tieline on it",
                               machine->paths.key, machine->model.nodes[machine->node].name);
        return true;
}

bool tl_machine_open(struct tl_machine *machine, const struct tl_paths *paths)
{
        uint8_t public_key[TL_CONF_KEY_LEN];
        bool is_good;

        if (!tl_machine_read(machine, paths) || !tl_keyfile_begin())
                return false;
        is_good = tl_keyfile_read(paths->key, machine->private_key) &&
                  tl_keyfile_public(public_key, machine->private_key) &&
                  find_node(machine, public_key);
        tl_keyfile_end();
        return is_good;
}

/* Peers whose endpoints do not resolve keep those that they have. */
static bool resolve(struct tl_machine *machine)
{
        const struct tl_names_patience patience = {
                .timeout_ms = PATIENCE_MS,
                .is_interrupted = tl_run_is_interrupted,
        };
        struct tl_names missing = {0};
        bool is_good = tl_names_find(&machine->plan.device, &patience, &missing) ||
                       tl_fail("out of memory");

        for (uint32_t i = 0; i < missing.count; i++)
                tl_warn("cannot resolve the endpoint `%s': %s (the peer keeps the endpoint that "
                        "it has; without one, run `tieline apply' again when the name resolves)",
                        missing.items[i].host, missing.items[i].reason);
        tl_names_done(&missing);
        return is_good;
}

static bool gather(struct tl_machine *machine)
{
        tl_survey_release(&machine->local);
        if (!tl_survey_gather(&machine->local, &machine->model, machine->node))
                return tl_fail("out of memory");
        if (!tl_present_add(&machine->model, machine->node, &machine->local))
                return tl_fail("out of memory");
        for (uint32_t i = 0; i < machine->local.unknown_count; i++)
                tl_warn("cannot find out %s: %s", machine->local.unknowns[i].fact,
                        machine->local.unknowns[i].reason);
        return true;
}

bool tl_machine_plan(struct tl_machine *machine)
{
        free(machine->table_form);
        machine->table_form = NULL;
        return gather(machine) &&
               tl_conflicts_find_local(&machine->model, machine->node, &machine->local,
                                       &machine->findings) &&
               tl_nodeplan_make(&machine->plan, &machine->model, &machine->policy, machine->node,
                                &machine->local, &machine->findings) &&
               resolve(machine) &&
               tl_conflicts_find_resolved(&machine->model, machine->node, &machine->plan.device,
                                          &machine->findings);
}

void tl_machine_done(struct tl_machine *machine)
{
        wg_wipe(machine->private_key, sizeof(machine->private_key));
        free(machine->table_form);
        tl_nodeplan_done(&machine->plan);
        tl_survey_release(&machine->local);
        tl_policy_done(&machine->policy);
        tl_model_done(&machine->model);
        tl_lock_done(&machine->lock);
        tl_network_done(&machine->network);
        tl_findings_done(&machine->findings);
        tl_findings_done(&machine->lock_findings);
        tl_file_done(&machine->file_text);
        tl_file_done(&machine->lock_text);
        *machine = (struct tl_machine){0};
}
