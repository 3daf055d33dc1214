/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "lab/topology_homes.h"

#include <string.h>

#include "lab/presence.h"
#include "lab/topology_addresses.h"
#include "lab/topology_uplink.h"

/* The router of a home, with eth1 on the home's LAN. */
static struct tl_lab_machine *make_home(struct tl_builder *b, const char *name,
                                        const struct wg_prefix *wanted, struct tl_uplink *uplink)
{
        struct tl_lab_machine *router = tl_builder_add_machine(b, name, TL_LAB_ROUTER);
        struct wg_prefix lan = wanted ? *wanted : tl_addresses_choose(b, &b->homes4);
        struct tl_nic *nic;
        struct wg_ip ip;

        tl_uplink_complete(b, uplink);
        tl_uplink_connect(b, router, &uplink->ip4, &uplink->ip6, uplink->mtu);
        nic = tl_builder_add_nic(b, router, b->topology->segment_count++, TL_NETWORK_MTU);
        ip = tl_addresses_get_nth(&lan, (uint8_t)wg_ip_bits(&lan.ip), 1);
        tl_builder_add_address(b, nic, &ip, lan.cidr);
        if (b->has_ipv6) {
                lan = tl_addresses_choose(b, &b->homes6);
                ip = tl_addresses_get_nth(&lan, 128, 1);
                tl_builder_add_address(b, nic, &ip, lan.cidr);
        }
        tl_uplink_make_nat(b, router, uplink);
        router->used = 1;
        return router;
}

/* Connects a device to the LAN of its home. */
static void move_in(struct tl_builder *b, struct tl_lab_machine *machine,
                    struct tl_lab_machine *router)
{
        const struct tl_nic *lan = &router->nics[1];
        struct tl_nic *nic = tl_builder_add_nic(b, machine, lan->segment, lan->mtu);

        router->used++;
        for (uint32_t i = 0; i < lan->count; i++) {
                struct wg_prefix prefix = lan->addresses[i];
                struct wg_ip ip;

                wg_prefix_mask(&prefix);
                ip = tl_addresses_get_nth(&prefix, (uint8_t)wg_ip_bits(&prefix.ip), router->used);
                if (!wg_prefix_contains(&prefix, &ip)) {
                        tl_findings_error(
                                b->findings, b->model->network->lab.at, "use a larger LAN",
                                "the home of %s has more devices than addresses", machine->name);
                        return;
                }
                tl_builder_add_address(b, nic, &ip, prefix.cidr);
                tl_builder_add_default_route(b, machine, &lan->addresses[i].ip, 0);
        }
}

static bool has_lan(const struct tl_lab_machine *router, const struct wg_prefix *lan)
{
        return router->nic_count > 1 && router->nics[1].count &&
               router->nics[1].addresses[0].cidr == lan->cidr &&
               wg_prefix_contains(lan, &router->nics[1].addresses[0].ip);
}

static struct tl_lab_machine *find_machine(const struct tl_builder *b, const char *name)
{
        for (uint32_t i = 0; i < b->topology->machine_count; i++)
                if (strcmp(b->topology->machines[i].name, name) == 0)
                        return &b->topology->machines[i];
        return NULL;
}

void tl_homes_make_device(struct tl_builder *b, uint32_t index)
{
        const struct tl_node *node = &b->model->nodes[index];
        const struct wg_prefix *lan = tl_presence_home(b->model, index);
        const struct tl_lab_home *home = tl_model_home_of(b->model, index);
        const char *name = home ? home->who.text
                                : b->model->network->people[node->person].name.text;
        const char *router_name;
        struct tl_uplink uplink;
        struct tl_lab_machine *machine, *router;

        uplink = tl_uplink_describe(name, home, node);
        machine = tl_builder_add_node(b, index);
        if (uplink.nat == TL_LAB_NAT_NONE) {
                tl_uplink_add(b, machine, &uplink);
                tl_uplink_name_endpoint(b, node, &uplink);
                return;
        }
        router_name = tl_builder_format(b, "router.%s", name);
        router = find_machine(b, router_name);
        if (router && lan && !has_lan(router, lan)) { /* this device is elsewhere */
                router_name = tl_builder_format(b, "router.%s", node->name);
                router = find_machine(b, router_name);
        }
        if (!router)
                router = make_home(b, router_name, lan, &uplink);
        if (!b->is_out_of_memory && router->nic_count > 1)
                move_in(b, machine, router);
}
