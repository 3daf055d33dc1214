/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "lab/dial.h"

static const struct wg_ip *ip_of(const struct tl_lab_machine *machine, uint8_t family)
{
        return family == WG_FAMILY_IPV4 ? &machine->ip4 : &machine->ip6;
}

/* An end with an address in a LAN of its site. */
static struct tl_walk_end on_lan(const struct tl_topology *topology,
                                 const struct tl_lab_machine *machine, const struct wg_ip *ip)
{
        const struct tl_model *model = topology->model;

        return (struct tl_walk_end){
                .ip = *ip,
                .node = model->sites[machine->site].node,
                .lan = tl_model_find_lan_of(model, machine->site, ip),
                .is_node = machine->node != TL_MODEL_NONE,
        };
}

static struct tl_walk_end end_of(const struct tl_topology *topology,
                                 const struct tl_lab_machine *machine, uint8_t family)
{
        const struct wg_ip *ip = ip_of(machine, family);

        if (ip->family != WG_FAMILY_NONE && machine->node == TL_MODEL_NONE)
                return on_lan(topology, machine, ip);
        return (struct tl_walk_end){
                .ip = *ip, .node = machine->node, .lan = TL_MODEL_NONE, .is_node = true};
}

bool tl_dial_is_end(const struct tl_lab_machine *machine)
{
        switch (machine->kind) {
        case TL_LAB_NODE:
        case TL_LAB_DEVICE:
                return true;
        case TL_LAB_ROUTER:
        case TL_LAB_PROVIDER:
        case TL_LAB_INTERNET:
        case TL_LAB_CONTAINER:
                break;
        }
        return false;
}

static bool has_in_lan(const struct tl_lab_machine *machine, const struct wg_ip *ip)
{
        for (uint32_t n = 0; n < machine->nic_count; n++)
                for (uint32_t i = 0; machine->nics[n].is_lan && i < machine->nics[n].count; i++)
                        if (wg_ip_equal(&machine->nics[n].addresses[i].ip, ip))
                                return true;
        return false;
}

/* Makes the destination the machine at its first address in the site's LANs, if it has one. */
static void stay_in_lan(struct tl_dial *dial, const struct tl_topology *topology,
                        const struct tl_lab_machine *to, uint8_t family)
{
        for (uint32_t n = 0; n < to->nic_count; n++)
                for (uint32_t i = 0; to->nics[n].is_lan && i < to->nics[n].count; i++) {
                        const struct wg_ip *ip = &to->nics[n].addresses[i].ip;

                        if (ip->family != family)
                                continue;
                        dial->to = on_lan(topology, to, ip);
                        dial->ip = *ip;
                        return;
                }
}

void tl_dial(struct tl_dial *dial, const struct tl_topology *topology,
             const struct tl_lab_machine *from, const struct tl_lab_machine *to, uint8_t family)
{
        *dial = (struct tl_dial){
                .to = end_of(topology, to, family),
                .is_direct = from == to || (from->site != TL_MODEL_NONE && from->site == to->site),
        };
        if (tl_dial_is_end(from))
                dial->from = end_of(topology, from, family);
        dial->ip = dial->to.ip;
        if (dial->to.ip.family == WG_FAMILY_NONE || from == to)
                return;
        if (dial->is_direct) {
                stay_in_lan(dial, topology, to, family);
        } else if (!tl_dial_is_end(from)) {
                dial->ip = tl_course_wire(topology->model, &dial->to);
        } else if (dial->from.ip.family != WG_FAMILY_NONE) {
                tl_course_plot(&dial->course, topology->model, &dial->from, &dial->to);
                dial->ip = dial->course.dial;
        }
}

const struct tl_lab_machine *tl_dial_find(const struct tl_topology *topology,
                                          const struct tl_walk_end *end)
{
        uint32_t site = end->lan == TL_MODEL_NONE ? TL_MODEL_NONE
                                                  : topology->model->lans[end->lan].site;

        if (end->ip.family == WG_FAMILY_NONE || end->node == TL_MODEL_NONE)
                return NULL;
        for (uint32_t i = 0; i < topology->machine_count; i++) {
                const struct tl_lab_machine *machine = &topology->machines[i];

                if (end->is_node ? machine->node == end->node
                                 : machine->site == site && has_in_lan(machine, &end->ip))
                        return machine;
        }
        return NULL;
}
