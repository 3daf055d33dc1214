/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "lab/topology_networks.h"

#include <stdio.h>

#include "lab/presence.h"
#include "lab/topology_addresses.h"

/* A link with the first address of the network, and a container with the second. */
static void make_network(struct tl_builder *b, struct tl_lab_machine *machine,
                         const struct wg_prefix *prefix, uint32_t number)
{
        uint8_t all = (uint8_t)wg_ip_bits(&prefix->ip);
        struct wg_ip ours = tl_addresses_get_nth(prefix, all, 1);
        struct wg_ip theirs = tl_addresses_get_nth(prefix, all, 2);
        uint32_t segment = b->topology->segment_count++;
        const char *name = number ? tl_builder_format(b, "container%u.%s", number, machine->name)
                                  : tl_builder_format(b, "container.%s", machine->name);
        struct tl_lab_machine *container = tl_builder_add_machine(b, name, TL_LAB_CONTAINER);
        struct tl_nic *near = tl_builder_add_nic(b, machine, segment, TL_NETWORK_MTU);
        struct tl_nic *far = tl_builder_add_nic(b, container, segment, TL_NETWORK_MTU);

        snprintf(near->name, sizeof(near->name), "docker%u", number % 100);
        tl_builder_add_address(b, near, &ours, prefix->cidr);
        tl_builder_add_address(b, far, &theirs, prefix->cidr);
        tl_builder_add_default_route(b, container, &ours, 0);
}

void tl_networks_make(struct tl_builder *b)
{
        uint32_t count = b->topology->machine_count; /* without the containers */

        for (uint32_t i = 0; i < count; i++) {
                struct tl_lab_machine *machine = &b->topology->machines[i];
                const struct tl_lab_networks *networks = machine->node == TL_MODEL_NONE
                                                                 ? NULL
                                                                 : tl_presence_networks(
                                                                           b->model, machine->node);

                for (uint32_t k = 0; networks && k < networks->prefixes.count; k++)
                        make_network(b, machine, &networks->prefixes.items[k].prefix, k);
        }
}
