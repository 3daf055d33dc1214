/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "lab/topology_builder.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct wg_prefix EVERYTHING4 = {.ip = {.family = WG_FAMILY_IPV4}};
static const struct wg_prefix EVERYTHING6 = {.ip = {.family = WG_FAMILY_IPV6}};

void *tl_builder_grow(struct tl_builder *b, void *items, uint32_t count, uint32_t *capacity,
                      size_t size)
{
        void *grown = tl_arena_grow(&b->topology->arena, items, count, capacity, size);

        b->is_out_of_memory |= !grown;
        return grown;
}

const char *tl_builder_format(struct tl_builder *b, const char *text, ...)
{
        char line[1024];
        va_list arguments;
        const char *copy;

        va_start(arguments, text);
        vsnprintf(line, sizeof(line), text, arguments);
        va_end(arguments);
        copy = tl_arena_copy(&b->topology->arena, line, strlen(line));
        b->is_out_of_memory |= !copy;
        return copy ? copy : "";
}

struct tl_lab_machine *tl_builder_add_machine(struct tl_builder *b, const char *name,
                                              enum tl_lab_kind kind)
{
        struct tl_topology *topology = b->topology;
        struct tl_lab_machine *machine = &b->spare_machine;

        /* All were counted beforehand, so that pointers to them stay valid. */
        if (!b->is_out_of_memory) {
                WG_ASSERT(topology->machine_count < topology->machine_capacity);
                machine = &topology->machines[topology->machine_count++];
        }
        *machine = (struct tl_lab_machine){
                .name = name, .kind = kind, .node = TL_MODEL_NONE, .site = TL_MODEL_NONE};
        return machine;
}

struct tl_lab_machine *tl_builder_add_node(struct tl_builder *b, uint32_t index)
{
        const struct tl_node *node = &b->model->nodes[index];
        struct tl_lab_machine *machine = tl_builder_add_machine(b, node->name, TL_LAB_NODE);

        machine->node = index;
        machine->site = node->site;
        machine->is_hub = node->kind == TL_NODE_HUB;
        machine->is_stock = node->is_stock;
        machine->ip4 = node->ip4;
        machine->ip6 = node->ip6;
        return machine;
}

struct tl_nic *tl_builder_add_nic(struct tl_builder *b, struct tl_lab_machine *machine,
                                  uint32_t segment, uint32_t mtu)
{
        struct tl_nic nic = {.segment = segment, .mtu = mtu};
        uint32_t count = machine->nic_count;

        snprintf(nic.name, sizeof(nic.name), "eth%u", count);
        TL_BUILDER_APPEND(b, machine, nics, nic_count, nic_capacity, nic);
        return machine->nic_count > count ? &machine->nics[count] : &b->spare_nic;
}

void tl_builder_add_address(struct tl_builder *b, struct tl_nic *nic, const struct wg_ip *ip,
                            uint8_t cidr)
{
        const struct wg_prefix address = {*ip, cidr};

        if (ip->family != WG_FAMILY_NONE)
                TL_BUILDER_APPEND(b, nic, addresses, count, capacity, address);
}

void tl_builder_add_route(struct tl_builder *b, struct tl_lab_machine *machine,
                          const struct wg_prefix *to, const struct wg_ip *via, uint32_t nic)
{
        const struct tl_lab_route route = {*to, *via, nic};

        TL_BUILDER_APPEND(b, machine, routes, route_count, route_capacity, route);
}

void tl_builder_add_default_route(struct tl_builder *b, struct tl_lab_machine *machine,
                                  const struct wg_ip *via, uint32_t nic)
{
        for (uint32_t i = 0; i < machine->route_count; i++) {
                const struct tl_lab_route *route = &machine->routes[i];

                if (route->to.cidr == 0 && route->to.ip.family == via->family)
                        return;
        }
        if (via->family == WG_FAMILY_IPV4)
                tl_builder_add_route(b, machine, &EVERYTHING4, via, nic);
        else if (via->family == WG_FAMILY_IPV6)
                tl_builder_add_route(b, machine, &EVERYTHING6, via, nic);
}

void tl_builder_add_setting(struct tl_builder *b, struct tl_lab_machine *machine, const char *path,
                            const char *value)
{
        const struct tl_setting_line setting = {path, value};

        TL_BUILDER_APPEND(b, machine, settings, setting_count, setting_capacity, setting);
}

void tl_builder_make_forwarder(struct tl_builder *b, struct tl_lab_machine *machine)
{
        tl_builder_add_setting(b, machine, "net/ipv4/ip_forward", "1");
        tl_builder_add_setting(b, machine, "net/ipv6/conf/all/forwarding", "1");
}

void tl_builder_add_name(struct tl_builder *b, const char *name, const struct wg_ip *ip)
{
        const struct tl_known_name known = {name, *ip};

        if (ip->family != WG_FAMILY_NONE)
                TL_BUILDER_APPEND(b, b->topology, names, name_count, name_capacity, known);
}

void tl_builder_add_listener(struct tl_builder *b, struct tl_lab_machine *machine, uint8_t protocol,
                             uint16_t port)
{
        const struct tl_listener listener = {protocol, port};

        for (uint32_t i = 0; i < machine->listener_count; i++)
                if (machine->listeners[i].protocol == protocol &&
                    machine->listeners[i].port == port)
                        return;
        TL_BUILDER_APPEND(b, machine, listeners, listener_count, listener_capacity, listener);
}
