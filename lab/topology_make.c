/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "lab/topology_make.h"

#include <string.h>

#include "lab/dial.h"
#include "lab/presence.h"
#include "lab/topology_addresses.h"
#include "lab/topology_builder.h"
#include "lab/topology_homes.h"
#include "lab/topology_networks.h"
#include "lab/topology_sites.h"
#include "lab/topology_uplink.h"

static void make_hub(struct tl_builder *b, uint32_t index)
{
        const struct tl_node *node = &b->model->nodes[index];
        struct tl_lab_machine *machine = tl_builder_add_node(b, index);
        struct tl_uplink uplink = tl_uplink_describe(node->name, tl_model_home_of(b->model, index),
                                                     node);

        tl_uplink_add(b, machine, &uplink);
        tl_uplink_name_endpoint(b, node, &uplink);
}

/* ---- ports and names ---- */

/* The machine that offers a service; NULL: it is not in the lab. */
static struct tl_lab_machine *find_service(const struct tl_builder *b,
                                           const struct tl_service *service)
{
        struct tl_walk_end end = {.lan = TL_MODEL_NONE};

        if (service->in_file->ip.family == WG_FAMILY_NONE)
                return (struct tl_lab_machine *)tl_topology_find(b->topology,
                                                                 service->in_file->at.text);
        if (service->site == TL_MODEL_NONE) {
                end = tl_course_find(b->model, NULL, &service->in_file->ip);
        } else {
                end.ip = service->in_file->ip;
                end.node = b->model->sites[service->site].node;
                end.lan = tl_model_find_lan_of(b->model, service->site, &end.ip);
        }
        return (struct tl_lab_machine *)tl_dial_find(b->topology, &end);
}

static void listen_for_services(struct tl_builder *b)
{
        const struct tl_model *model = b->model;

        for (uint32_t i = 0; i < model->service_count; i++) {
                const struct tl_service *service = &model->services[i];
                struct tl_lab_machine *machine = find_service(b, service);

                for (uint32_t p = 0; machine && p < service->in_file->ports.count; p++) {
                        const struct tl_port_range *range = &service->in_file->ports.items[p];
                        uint32_t last = WG_MIN((uint32_t)range->last,
                                               range->first + TL_TOPOLOGY_PORTS_MAX - 1u);

                        for (uint32_t port = range->first; port && port <= last; port++)
                                tl_builder_add_listener(b, machine, range->protocol,
                                                        (uint16_t)port);
                }
        }
}

static void listen_for_wishes(struct tl_builder *b)
{
        for (uint32_t i = 0; i < b->wish_count; i++) {
                const struct tl_topology_wish *wish = &b->wishes[i];
                struct tl_lab_machine *machine = (struct tl_lab_machine *)tl_dial_find(b->topology,
                                                                                       &wish->end);

                if (machine && wish->port)
                        tl_builder_add_listener(b, machine, wish->protocol, wish->port);
        }
}

/* Every machine can be called by its name. */
static void name_machines(struct tl_builder *b)
{
        struct tl_topology *topology = b->topology;

        for (uint32_t i = 0; i < topology->machine_count; i++) {
                struct tl_lab_machine *machine = &topology->machines[i];
                const char *slash = strchr(machine->name, '/');
                const char *name = machine->name;

                if (slash) {
                        name = tl_builder_format(b, "%.*s", (int)(slash - name), name);
                        if (tl_topology_find(topology, name) != machine)
                                continue; /* the person has several */
                }
                machine->short_name = name;
        }
}

/* ---- all of it ---- */

/* Notes what the file uses, and checks that public addresses differ. */
static void take_all(struct tl_builder *b)
{
        const struct tl_model *model = b->model;
        const struct tl_network *network = model->network;

        for (uint32_t i = 0; i < model->lan_count; i++)
                tl_addresses_take(b, model->lans[i].prefix);
        tl_addresses_take(b, model->pool4);
        tl_addresses_take(b, model->pool6);
        tl_addresses_take(b, network->mapped.prefix);
        for (uint32_t i = 0; i < network->lab.home_count; i++)
                tl_addresses_take(b, network->lab.homes[i].lan.prefix);
        for (uint32_t i = 0; i < model->presence_count; i++)
                tl_addresses_take(b, model->presences[i].prefix);
        for (uint32_t i = 0; i < model->node_count; i++) {
                const struct tl_network_endpoint *endpoint = &model->nodes[i].in_file->endpoint;
                struct wg_prefix prefix = tl_addresses_get_alone(endpoint->ip);

                if (!endpoint->ip.family)
                        continue;
                b->has_ipv6 |= endpoint->ip.family == WG_FAMILY_IPV6;
                for (uint32_t k = 0; k < i; k++) {
                        const struct tl_network_endpoint *other =
                                &model->nodes[k].in_file->endpoint;

                        if (wg_ip_equal(&other->ip, &endpoint->ip))
                                tl_findings_add(b->findings, TL_FINDING_ERROR, endpoint->host.at,
                                                &other->host.at,
                                                "give each its own address to show it in a lab",
                                                "two nodes share one public address");
                }
                tl_addresses_take(b, prefix);
        }
}

/* The containers. */
static uint64_t count_networks(const struct tl_model *model)
{
        uint64_t count = 0;

        for (uint32_t i = 0; i < model->node_count; i++) {
                const struct tl_lab_networks *networks = tl_presence_networks(model, i);

                count += networks ? networks->prefixes.count : 0;
        }
        return count;
}

static bool reserve(struct tl_builder *b)
{
        const struct tl_model *model = b->model;
        struct tl_topology *topology = b->topology;
        uint64_t most = 1 + 3 * (uint64_t)model->node_count + model->host_count +
                        2 * (uint64_t)model->service_count + b->wish_count + model->site_count +
                        count_networks(model);

        if (most > 16 * TL_TOPOLOGY_MACHINES_MAX) {
                tl_findings_error(b->findings, model->network->name.at, NULL,
                                  "the network has too many machines for a lab (at most %u)",
                                  TL_TOPOLOGY_MACHINES_MAX);
                return false;
        }
        topology->machines = tl_arena_take(&topology->arena, most, sizeof(*topology->machines));
        topology->machine_capacity = (uint32_t)most;
        b->seats = tl_arena_take(&topology->arena, model->lan_count, sizeof(*b->seats));
        b->is_out_of_memory = !topology->machines || !b->seats;
        return true;
}

static void build(struct tl_builder *b)
{
        const struct tl_model *model = b->model;

        tl_addresses_init(b);
        take_all(b);
        tl_sites_choose_seats(b);
        tl_uplink_make_internet(b);
        for (uint32_t i = 0; i < model->hub_count; i++)
                make_hub(b, i);
        for (uint32_t i = 0; i < model->site_count; i++)
                tl_sites_make(b, i);
        for (uint32_t i = 0; i < model->node_count; i++)
                if (model->nodes[i].kind == TL_NODE_DEVICE &&
                    (b->has_stock || !model->nodes[i].is_stock))
                        tl_homes_make_device(b, i);
        tl_networks_make(b);
        listen_for_services(b);
        listen_for_wishes(b);
        name_machines(b);
        if (b->topology->machine_count > TL_TOPOLOGY_MACHINES_MAX)
                tl_findings_error(b->findings, model->network->name.at, NULL,
                                  "the network needs %u machines in a lab (at most %u)",
                                  b->topology->machine_count, TL_TOPOLOGY_MACHINES_MAX);
}

bool tl_topology_make(struct tl_topology *topology, const struct tl_model *model,
                      const struct tl_topology_wish *wishes, uint32_t wish_count, bool has_stock,
                      struct tl_findings *findings)
{
        struct tl_builder b = {.topology = topology,
                               .model = model,
                               .wishes = wishes,
                               .wish_count = wish_count,
                               .has_stock = has_stock,
                               .findings = findings};
        uint32_t errors = findings->errors;

        *topology = (struct tl_topology){.model = model};
        if (!reserve(&b))
                return false;
        if (!b.is_out_of_memory)
                build(&b);
        if (b.is_out_of_memory)
                tl_findings_error(findings, (struct tl_place){0}, NULL, "out of memory");
        return findings->errors == errors && !findings->has_lost_some;
}
