/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "lab/topology_sites.h"

#include "conf/address.h"
#include "lab/dial.h"
#include "lab/topology_addresses.h"
#include "lab/topology_uplink.h"

/* ---- addresses in LANs ---- */

void tl_sites_choose_seats(struct tl_builder *b)
{
        const struct tl_model *model = b->model;

        for (uint32_t i = 0; i < model->lan_count; i++)
                b->seats[i] = (struct tl_seat){model->lans[i].router_at, model->lans[i].node_at};
        for (uint32_t i = 0; i < model->lan_count; i++) {
                const struct tl_lan *lan = &model->lans[i];
                struct tl_seat *seat = &b->seats[i];
                bool is_one = model->sites[lan->site].in_file->gateway == TL_GATEWAY_SELF;

                if (is_one && !seat->router.family)
                        seat->router = seat->node;
                if (!seat->router.family)
                        seat->router = tl_addresses_choose_in_lan(b, lan);
                if (is_one)
                        seat->node = seat->router;
                if (!seat->node.family)
                        seat->node = tl_addresses_choose_in_lan(b, lan);
        }
}

/* The LAN of a site that has an address; NULL: none. */
static const struct tl_lan *find_lan(const struct tl_builder *b, uint32_t site,
                                     const struct wg_ip *ip)
{
        uint32_t lan = ip->family == WG_FAMILY_NONE ? TL_MODEL_NONE
                                                    : tl_model_find_lan_of(b->model, site, ip);

        return lan == TL_MODEL_NONE ? NULL : &b->model->lans[lan];
}

static const struct tl_seat *seat_of(const struct tl_builder *b, const struct tl_lan *lan)
{
        return &b->seats[lan - b->model->lans];
}

/* The address of a site's node in its first LAN of a family; NONE: there is no such LAN. */
static struct wg_ip node_in_lan(const struct tl_builder *b, uint32_t site, uint8_t family)
{
        const struct tl_site *of = &b->model->sites[site];

        for (uint32_t i = of->lan_first; i < of->lan_first + of->lan_count; i++)
                if (b->model->lans[i].prefix.ip.family == family)
                        return b->seats[i].node;
        return TL_NO_IP;
}

/* Gives a router or a node its addresses in the LANs of its site. */
static void sit_down(struct tl_builder *b, struct tl_lab_machine *machine, uint32_t site,
                     uint32_t segment, bool is_router)
{
        const struct tl_site *of = &b->model->sites[site];
        struct tl_nic *nic = tl_builder_add_nic(b, machine, segment, TL_NETWORK_MTU);

        nic->is_lan = true;
        for (uint32_t i = of->lan_first; i < of->lan_first + of->lan_count; i++) {
                const struct tl_seat *seat = &b->seats[i];

                tl_builder_add_address(b, nic, is_router ? &seat->router : &seat->node,
                                       b->model->lans[i].prefix.cidr);
        }
}

/* ---- routers ---- */

/* Whether a machine has an address of a family on a link: without one, it takes no route there. */
static bool has_family(const struct tl_nic *nic, uint8_t family)
{
        for (uint32_t i = 0; i < nic->count; i++)
                if (nic->addresses[i].ip.family == family)
                        return true;
        return false;
}

static void add_route_to_node(struct tl_builder *b, struct tl_lab_machine *machine, uint32_t site,
                              const struct wg_prefix *to, uint32_t nic)
{
        struct wg_ip via = node_in_lan(b, site, to->ip.family);

        if (to->ip.family && via.family && has_family(&machine->nics[nic], to->ip.family))
                tl_builder_add_route(b, machine, to, &via, nic);
}

/* The routes that a LAN needs: the other sites' LANs and the pools, to the node. */
static void add_needed_routes(struct tl_builder *b, struct tl_lab_machine *machine, uint32_t site,
                              uint32_t nic)
{
        const struct tl_model *model = b->model;

        for (uint32_t i = 0; i < model->lan_count; i++)
                if (model->lans[i].site != site)
                        add_route_to_node(b, machine, site, &model->lans[i].wire, nic);
        add_route_to_node(b, machine, site, &model->pool4, nic);
        add_route_to_node(b, machine, site, &model->pool6, nic);
}

static void add_static_routes(struct tl_builder *b, struct tl_lab_machine *machine, uint32_t site,
                              uint32_t nic)
{
        const struct tl_network_site *in_file = b->model->sites[site].in_file;

        if (!in_file->has_routes) {
                add_needed_routes(b, machine, site, nic);
                return;
        }
        for (uint32_t i = 0; i < in_file->routes.count; i++)
                add_route_to_node(b, machine, site, &in_file->routes.items[i].prefix, nic);
}

/* Sets whether a router tells senders of shorter ways. The default of this machine's kernel, which
 * namespaces inherit, may be either. */
static void set_redirects(struct tl_builder *b, struct tl_lab_machine *router, bool is_on)
{
        const char *value = is_on ? "1" : "0";

        tl_builder_add_setting(b, router, "net/ipv4/conf/all/send_redirects", value);
        for (uint32_t i = 0; i < router->nic_count; i++)
                tl_builder_add_setting(b, router,
                                       tl_builder_format(b, "net/ipv4/conf/%s/send_redirects",
                                                         router->nics[i].name),
                                       value);
}

/* The router of a LAN, unless that is the node. */
static void make_router(struct tl_builder *b, uint32_t site, uint32_t segment,
                        struct tl_uplink *uplink)
{
        const struct tl_site *of = &b->model->sites[site];
        const struct tl_node *node = &b->model->nodes[of->node];
        struct tl_lab_machine *router = tl_builder_add_machine(
                b, tl_builder_format(b, "router.%s", of->name), TL_LAB_ROUTER);
        const struct tl_lab_home *home = tl_model_home_of(b->model, of->node);
        struct wg_ip forward_to = TL_NO_IP;
        const char *more = "";

        router->site = site;
        tl_uplink_add(b, router, uplink);
        sit_down(b, router, site, segment, true);
        tl_builder_make_forwarder(b, router);
        set_redirects(b, router, home && home->redirects);
        switch (of->in_file->gateway) {
        case TL_GATEWAY_DROPS_INVALID:
                more = "                ct state invalid drop\n";
                tl_builder_add_setting(b, router, "net/netfilter/nf_conntrack_tcp_loose", "0");
                add_static_routes(b, router, site, 1);
                break;
        case TL_GATEWAY_STATIC_ROUTES:
                add_static_routes(b, router, site, 1);
                break;
        case TL_GATEWAY_SELF:
        case TL_GATEWAY_DHCP_121:
        case TL_GATEWAY_UNTOUCHABLE:
                break;
        }
        if (tl_node_is_public(node))
                forward_to = node_in_lan(b, site, router->public_ip.family);
        router->nft = tl_uplink_format_nat(b, TL_LAB_NAT_MASQUERADE, more, &forward_to,
                                           node->in_file->endpoint.port);
}

/* ---- plain devices ---- */

/* Adds a plain device with one or two addresses in a site's LANs. */
static void add_device(struct tl_builder *b, const char *name, uint32_t site, uint32_t segment,
                       const struct wg_ip *ip4, const struct wg_ip *ip6)
{
        const struct wg_ip *ips[] = {ip4, ip6};
        struct tl_lab_machine *machine = tl_builder_add_machine(b, name, TL_LAB_DEVICE);
        struct tl_nic *nic = tl_builder_add_nic(b, machine, segment, TL_NETWORK_MTU);

        nic->is_lan = true;
        machine->site = site;
        machine->ip4 = *ip4;
        machine->ip6 = *ip6;
        for (size_t i = 0; i < WG_ARRAY_SIZE(ips); i++) {
                const struct tl_lan *lan = ips[i]->family ? find_lan(b, site, ips[i]) : NULL;

                if (!lan)
                        continue;
                tl_builder_add_address(b, nic, ips[i], lan->prefix.cidr);
                tl_builder_add_default_route(b, machine, &seat_of(b, lan)->router, 0);
        }
        if (b->model->sites[site].in_file->gateway == TL_GATEWAY_DHCP_121)
                add_needed_routes(b, machine, site, 0);
}

/* Adds a device if nobody has its address yet, and it belongs to a LAN of this site. */
static void add_device_at(struct tl_builder *b, const char *name, uint32_t site, uint32_t segment,
                          const struct wg_ip *ip)
{
        bool is_ipv4 = ip->family == WG_FAMILY_IPV4;
        const struct tl_lan *lan = find_lan(b, site, ip);
        struct tl_walk_end end = {.ip = *ip, .node = b->model->sites[site].node};

        if (!lan)
                return;
        end.lan = (uint32_t)(lan - b->model->lans);
        if (!tl_dial_find(b->topology, &end))
                add_device(b, name, site, segment, is_ipv4 ? ip : &TL_NO_IP,
                           is_ipv4 ? &TL_NO_IP : ip);
}

static const char *name_of_ip(struct tl_builder *b, const struct wg_ip *ip)
{
        char address[TL_ADDRESS_IP_SIZE];

        tl_address_format_ip(address, ip);
        return tl_builder_format(b, "%s", address);
}

/* A device in a LAN of which the file names none: something must answer there. */
static void add_unnamed_device(struct tl_builder *b, uint32_t site, uint32_t segment)
{
        const struct tl_site *of = &b->model->sites[site];
        struct wg_ip ip4 = TL_NO_IP, ip6 = TL_NO_IP;

        for (uint32_t i = of->lan_first; i < of->lan_first + of->lan_count; i++) {
                const struct tl_lan *lan = &b->model->lans[i];
                struct wg_ip *ip = lan->prefix.ip.family == WG_FAMILY_IPV4 ? &ip4 : &ip6;

                if (!ip->family)
                        *ip = tl_addresses_choose_in_lan(b, lan);
        }
        add_device(b, tl_builder_format(b, "device.%s", of->name), site, segment, &ip4, &ip6);
}

/* The plain devices of a site: those in the file, those of services, those in expectations. */
static void add_devices(struct tl_builder *b, uint32_t site, uint32_t segment)
{
        const struct tl_model *model = b->model;
        const struct tl_site *of = &model->sites[site];
        uint32_t before = b->topology->machine_count;

        for (uint32_t i = of->host_first; i < of->host_first + of->host_count; i++) {
                const struct tl_host *host = &model->hosts[i];

                add_device(b, host->name, site, segment, &host->ip4, &host->ip6);
        }
        for (uint32_t i = 0; i < model->service_count; i++) {
                const struct tl_service *service = &model->services[i];
                const char *name = service->in_file->name.text;

                if (service->site != site)
                        continue;
                add_device_at(b, name, site, segment, &service->ip4);
                add_device_at(b, name, site, segment, &service->ip6);
        }
        for (uint32_t i = 0; i < b->wish_count; i++)
                if (b->wishes[i].end.node == of->node && !b->wishes[i].end.is_node)
                        add_device_at(b, name_of_ip(b, &b->wishes[i].end.ip), site, segment,
                                      &b->wishes[i].end.ip);
        if (b->topology->machine_count == before)
                add_unnamed_device(b, site, segment);
}

/* ---- all of a site ---- */

void tl_sites_make(struct tl_builder *b, uint32_t site)
{
        const struct tl_site *of = &b->model->sites[site];
        const struct tl_node *node = &b->model->nodes[of->node];
        struct tl_uplink uplink = tl_uplink_describe(of->name, tl_model_home_of(b->model, of->node),
                                                     node);
        uint32_t segment = b->topology->segment_count++;
        struct tl_lab_machine *machine = tl_builder_add_node(b, of->node);

        if (of->in_file->gateway == TL_GATEWAY_SELF) {
                tl_uplink_add(b, machine, &uplink);
                sit_down(b, machine, site, segment, true);
                tl_builder_make_forwarder(b, machine);
                machine->nft = "table inet lab {\n"
                               "        chain srcnat {\n"
                               "                type nat hook postrouting priority srcnat\n"
                               "                oifname \"eth0\" masquerade\n"
                               "        }\n"
                               "}\n";
        } else {
                sit_down(b, machine, site, segment, false);
                for (uint32_t i = of->lan_first; i < of->lan_first + of->lan_count; i++)
                        tl_builder_add_default_route(b, machine, &b->seats[i].router, 0);
                make_router(b, site, segment, &uplink);
        }
        tl_uplink_name_endpoint(b, node, &uplink);
        add_devices(b, site, segment);
}
