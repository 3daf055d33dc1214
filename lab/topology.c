/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "lab/topology.h"

#include <string.h>

WG_ENUM_DEFINE(tl_lab_kind, TL_LAB_KINDS)

void tl_topology_done(struct tl_topology *topology)
{
        tl_arena_done(&topology->arena);
        *topology = (struct tl_topology){.machine_count = 0};
}

const struct tl_lab_machine *tl_topology_find(const struct tl_topology *topology, const char *name)
{
        const struct tl_lab_machine *found = NULL;
        size_t len = strlen(name);

        for (uint32_t i = 0; i < topology->machine_count; i++) {
                const struct tl_lab_machine *machine = &topology->machines[i];

                if (strcmp(machine->name, name) == 0)
                        return machine;
        }
        for (uint32_t i = 0; i < topology->machine_count; i++) {
                const struct tl_lab_machine *machine = &topology->machines[i];

                if (strncmp(machine->name, name, len) == 0 && machine->name[len] == '/') {
                        if (found)
                                return NULL;
                        found = machine;
                }
        }
        return found;
}
