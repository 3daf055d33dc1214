/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "lab/disturb.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/address.h"
#include "host/run.h"
#include "io/fail.h"
#include "lab/script.h"

WG_ENUM_DEFINE(tl_disturbance, TL_DISTURBANCES)

enum { CUT_MS = 3000 };

const char *tl_disturb_name(enum tl_disturbance what, char out[32])
{
        snprintf(out, 32, "%s", tl_disturbance_name(what));
        for (char *at = out; (at = strchr(at, '_'));)
                *at = '-';
        return out;
}

/* ---- reading ---- */

/* Whether something can happen to a machine. */
static bool may_happen(enum tl_disturbance what, const struct tl_lab_machine *machine)
{
        switch (what) {
        case TL_DISTURB_HUB_RESTART:
                return machine->kind == TL_LAB_NODE && machine->is_hub;
        case TL_DISTURB_NODE_RESTART:
                return machine->kind == TL_LAB_NODE && !machine->is_hub;
        case TL_DISTURB_NAT_REBIND:
                return machine->spare_ip.family == WG_FAMILY_IPV4 && machine->nft;
        case TL_DISTURB_CUT_LINK:
                return machine->kind != TL_LAB_INTERNET;
        case TL_DISTURB_DROP_PMTU:
                return machine->kind == TL_LAB_INTERNET;
        }
        return false;
}

static bool find_what(struct tl_text name, enum tl_disturbance *what)
{
        char word[32];

        WG_ENUM_EACH(member, &tl_disturbance_enum) {
                tl_disturb_name((enum tl_disturbance)member->value, word);
                if (tl_text_is(name, word)) {
                        *what = (enum tl_disturbance)member->value;
                        return true;
                }
        }
        fprintf(stderr, "known disturbances:\n");
        WG_ENUM_EACH(member, &tl_disturbance_enum)
                fprintf(stderr, "  %-14s %s\n",
                        tl_disturb_name((enum tl_disturbance)member->value, word), member->text);
        return tl_fail("there is no disturbance called `%.*s'", (int)name.len, name.at);
}

bool tl_disturb_parse(struct tl_disturb *disturb, struct tl_text text,
                      const struct tl_topology *topology)
{
        size_t colon = tl_text_find(text, ':');
        struct tl_text name = tl_text_head(text, colon);
        const struct tl_lab_machine *machine;
        char where[256];

        if (!find_what(name, &disturb->what))
                return false;
        disturb->where = NULL;
        if (colon == text.len) {
                for (uint32_t i = 0; !disturb->where && i < topology->machine_count; i++)
                        if (may_happen(disturb->what, &topology->machines[i]))
                                disturb->where = &topology->machines[i];
                return disturb->where || tl_fail("%.*s: this network has no machine to which that "
                                                 "can happen",
                                                 (int)name.len, name.at);
        }
        snprintf(where, sizeof(where), "%.*s", (int)(text.len - colon - 1), text.at + colon + 1);
        machine = tl_topology_find(topology, where);
        if (!machine)
                return tl_fail("%.*s: the lab has no machine called `%s'", (int)text.len, text.at,
                               where);
        if (!may_happen(disturb->what, machine))
                return tl_fail("%.*s: that cannot happen to %s, %s", (int)text.len, text.at, where,
                               tl_lab_kind_text(machine->kind));
        disturb->where = machine;
        return true;
}

/* ---- doing ---- */

/* Runs a script of ip(8) or nft(8) in a machine. */
struct script {
        const char *command, *input;
        bool may_fail;
};

static int run_script(void *ctx)
{
        const struct script *script = ctx;

        return tl_run_quietly(script->command, script->input) || script->may_fail ? 0 : 1;
}

static bool run_in(struct tl_machines *machines, const struct tl_lab_machine *machine,
                   const char *command, const char *input, bool may_fail)
{
        struct script script = {command, input, may_fail};

        return tl_machines_do(machines, "cannot disturb it", &machine, 1, TL_JOBS_BUSY, run_script,
                              &script, sizeof(script));
}

static bool restart(struct tl_machines *machines, const struct tl_lab_machine *machine,
                    const struct tl_nodes_source *source)
{
        int error = tl_space_kill_all(tl_machines_holder(machines, machine));

        if (error)
                return tl_fail("%s: cannot kill its processes: %s", machine->name,
                               strerror(-error));
        return tl_nodes_apply(machines, source, machine) && tl_machines_serve(machines, machine);
}

/* The nic of the Internet that has a cable to a machine's eth0. */
static const struct tl_nic *find_far_end(const struct tl_topology *topology,
                                         const struct tl_lab_machine *machine)
{
        const struct tl_lab_machine *internet = topology->machines;

        for (uint32_t i = 0; i < internet->nic_count; i++)
                if (internet->nics[i].segment == machine->nics[0].segment)
                        return &internet->nics[i];
        return NULL;
}

/* The kernel forgets masqueraded connections when their address goes. */
static bool rebind(struct tl_machines *machines, const struct tl_lab_machine *machine)
{
        const struct tl_nic *far = find_far_end(machines->topology, machine);
        char before[TL_ADDRESS_IP_SIZE], after[TL_ADDRESS_IP_SIZE], near_end[256], far_end[256];

        if (!far)
                return tl_fail("%s is not connected to the Internet", machine->name);
        tl_address_format_ip(before, &machine->public_ip);
        tl_address_format_ip(after, &machine->spare_ip);
        snprintf(near_end, sizeof(near_end), "addr add %s/32 dev eth0\naddr del %s/32 dev eth0\n",
                 after, before);
        snprintf(far_end, sizeof(far_end), "route add %s/32 dev %s\nroute del %s/32 dev %s\n",
                 after, far->name, before, far->name);
        return run_in(machines, machines->topology->machines, "ip -batch -", far_end, false) &&
               run_in(machines, machine, "ip -batch -", near_end, false);
}

/* Routes and IPv6 addresses go with the link, so all of them are added again. */
static bool cut(struct tl_machines *machines, const struct tl_lab_machine *machine)
{
        struct tl_arena arena = {.pieces = NULL};
        const char *again = tl_script_machine(&arena, machine);
        bool is_good = again && run_in(machines, machine, "ip link set eth0 down", NULL, false);

        if (is_good) {
                tl_jobs_sleep(machines->jobs, CUT_MS);
                is_good = run_in(machines, machine, "ip -force -batch -", again, true);
        }
        tl_arena_done(&arena);
        return is_good;
}

/* A machine neither sends, passes nor hears ICMP errors about packets that are too big. */
#define SILENCE \
        "add table inet silence\n" \
        "add chain inet silence in {type filter hook input priority filter;}\n" \
        "add chain inet silence out {type filter hook output priority filter;}\n" \
        "add chain inet silence by {type filter hook forward priority filter;}\n" SILENT("in") \
                SILENT("out") SILENT("by")
#define SILENT(chain) \
        "add rule inet silence " chain \
        " icmp type destination-unreachable icmp code frag-needed drop\n" \
        "add rule inet silence " chain " icmpv6 type packet-too-big drop\n"

/* A router may cut IPv4 packets into fragments, unless they forbid it. */
#define WHOLE \
        "add chain inet silence pre {type filter hook prerouting priority raw;}\n" \
        "add rule inet silence pre ip frag-off & 0x3fff == 0 ip frag-off set 0x4000\n"

static const char *silence_of(const struct tl_lab_machine *machine)
{
        switch (machine->kind) {
        case TL_LAB_ROUTER:
        case TL_LAB_PROVIDER:
        case TL_LAB_INTERNET:
                return SILENCE WHOLE;
        case TL_LAB_NODE:
        case TL_LAB_DEVICE:
        case TL_LAB_CONTAINER:
                break;
        }
        return SILENCE;
}

static bool silence(struct tl_machines *machines)
{
        uint32_t count = machines->topology->machine_count;
        const struct tl_lab_machine **where = calloc(count, sizeof(*where));
        struct script *scripts = calloc(count, sizeof(*scripts));
        bool is_good = where && scripts;

        for (uint32_t i = 0; is_good && i < count; i++) {
                where[i] = &machines->topology->machines[i];
                scripts[i] = (struct script){"nft -f -", silence_of(where[i]), false};
        }
        is_good = is_good ? tl_machines_do(machines, "cannot disturb it", where, count,
                                           TL_JOBS_BUSY, run_script, scripts, sizeof(*scripts))
                          : tl_fail("out of memory");
        free(where);
        free(scripts);
        return is_good;
}

bool tl_disturb_do(const struct tl_disturb *disturb, struct tl_machines *machines,
                   const struct tl_nodes_source *source)
{
        switch (disturb->what) {
        case TL_DISTURB_HUB_RESTART:
        case TL_DISTURB_NODE_RESTART:
                return restart(machines, disturb->where, source);
        case TL_DISTURB_NAT_REBIND:
                return rebind(machines, disturb->where);
        case TL_DISTURB_CUT_LINK:
                return cut(machines, disturb->where);
        case TL_DISTURB_DROP_PMTU:
                return silence(machines);
        }
        return false;
}
