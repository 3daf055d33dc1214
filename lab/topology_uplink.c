/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "lab/topology_uplink.h"

#include "conf/address.h"
#include "lab/topology_addresses.h"

/* ---- the Internet ---- */

static struct tl_lab_machine *internet(struct tl_builder *b)
{
        return b->topology->machines;
}

void tl_uplink_make_internet(struct tl_builder *b)
{
        b->hop4 = tl_addresses_choose(b, &b->public4).ip;
        tl_builder_make_forwarder(b, tl_builder_add_machine(b, "internet", TL_LAB_INTERNET));
}

void tl_uplink_connect(struct tl_builder *b, struct tl_lab_machine *machine,
                       const struct wg_ip *ip4, const struct wg_ip *ip6, uint32_t mtu)
{
        uint32_t segment = b->topology->segment_count++;
        struct tl_nic *far = tl_builder_add_nic(b, internet(b), segment, mtu);
        uint32_t far_number = internet(b)->nic_count - 1;
        struct tl_nic *near = tl_builder_add_nic(b, machine, segment, mtu);
        uint32_t number = machine->nic_count - 1;
        struct wg_prefix to;

        machine->public_ip = ip4->family ? *ip4 : *ip6;
        if (ip4->family) {
                tl_builder_add_address(b, near, ip4, 32);
                tl_builder_add_address(b, far, &b->hop4, 32);
                to = tl_addresses_get_alone(b->hop4);
                tl_builder_add_route(b, machine, &to, &TL_NO_IP, number);
                tl_builder_add_default_route(b, machine, &b->hop4, number);
                to = tl_addresses_get_alone(*ip4);
                tl_builder_add_route(b, internet(b), &to, &TL_NO_IP, far_number);
        }
        if (ip6->family) {
                tl_builder_add_address(b, near, ip6, 128);
                tl_builder_add_address(b, far, &b->hop6, 64);
                tl_builder_add_default_route(b, machine, &b->hop6, number);
                to = tl_addresses_get_alone(*ip6);
                tl_builder_add_route(b, internet(b), &to, &TL_NO_IP, far_number);
        }
}

/* ---- uplinks ---- */

const char *tl_uplink_format_nat(struct tl_builder *b, enum tl_lab_nat nat, const char *more,
                                 const struct wg_ip *forward_to, uint16_t port)
{
        const char *how = nat == TL_LAB_NAT_SYMMETRIC ? " fully-random" : "";
        const char *forwarded = "";
        char address[TL_ADDRESS_IP_SIZE];

        if (forward_to->family) {
                tl_address_format_ip(address, forward_to);
                forwarded = tl_builder_format(
                        b,
                        "        chain dstnat {\n"
                        "                type nat hook prerouting priority dstnat\n"
                        "                iifname \"eth0\" udp dport %u dnat %s to %s\n"
                        "        }\n",
                        port, forward_to->family == WG_FAMILY_IPV4 ? "ip" : "ip6", address);
        }
        return tl_builder_format(b,
                                 "table inet lab {\n"
                                 "        chain forward {\n"
                                 "                type filter hook forward priority filter\n"
                                 "%s"
                                 "                iifname \"eth0\" ct status dnat accept\n"
                                 "                iifname \"eth0\" ct state new drop\n"
                                 "        }\n"
                                 "%s"
                                 "        chain srcnat {\n"
                                 "                type nat hook postrouting priority srcnat\n"
                                 "                oifname \"eth0\" masquerade%s\n"
                                 "        }\n"
                                 "}\n",
                                 more, forwarded, how);
}

struct tl_uplink tl_uplink_describe(const char *name, const struct tl_lab_home *home,
                                    const struct tl_node *node)
{
        bool is_public = tl_node_is_public(node);
        struct tl_uplink uplink = {
                .name = name,
                .nat = is_public ? TL_LAB_NAT_NONE : TL_LAB_NAT_MASQUERADE,
                .mtu = node->in_file->mtu ? node->in_file->mtu : TL_NETWORK_MTU,
        };
        const struct wg_ip *ip = &node->in_file->endpoint.ip;

        if (home) {
                uplink.nat = home->has_nat ? home->nat : uplink.nat;
                uplink.mapping_s = home->mapping_s;
                uplink.mtu = home->mtu ? home->mtu : uplink.mtu;
        }
        if (is_public && ip->family == WG_FAMILY_IPV4)
                uplink.ip4 = *ip;
        if (is_public && ip->family == WG_FAMILY_IPV6)
                uplink.ip6 = *ip;
        return uplink;
}

static struct wg_ip choose_public6(struct tl_builder *b)
{
        return b->has_ipv6 ? tl_addresses_choose(b, &b->public6).ip : TL_NO_IP;
}

void tl_uplink_complete(struct tl_builder *b, struct tl_uplink *uplink)
{
        if (!uplink->ip4.family)
                uplink->ip4 = tl_addresses_choose(b, &b->public4).ip;
        if (!uplink->ip6.family)
                uplink->ip6 = choose_public6(b);
}

/* Sets how long the kernel of a NAT keeps mappings; 0: as the kernel does. */
static void set_mapping(struct tl_builder *b, struct tl_lab_machine *machine, uint32_t mapping_s)
{
        const char *value;

        if (!mapping_s)
                return;
        value = tl_builder_format(b, "%u", mapping_s);
        tl_builder_add_setting(b, machine, "net/netfilter/nf_conntrack_udp_timeout", value);
        tl_builder_add_setting(b, machine, "net/netfilter/nf_conntrack_udp_timeout_stream", value);
}

void tl_uplink_make_nat(struct tl_builder *b, struct tl_lab_machine *machine,
                        const struct tl_uplink *uplink)
{
        tl_builder_make_forwarder(b, machine);
        set_mapping(b, machine, uplink->mapping_s);
        machine->nft = tl_uplink_format_nat(b, uplink->nat, "", &TL_NO_IP, 0);
        machine->spare_ip = tl_addresses_choose(b, &b->public4).ip;
}

/* Puts a provider between the Internet and a customer, whose eth0 leads there. */
static void add_provider(struct tl_builder *b, struct tl_lab_machine *customer,
                         const struct tl_uplink *uplink)
{
        struct tl_lab_machine *provider = tl_builder_add_machine(
                b, tl_builder_format(b, "isp.%s", uplink->name), TL_LAB_PROVIDER);
        struct wg_prefix link4 = tl_addresses_choose(b, &b->transit4);
        struct wg_prefix link6 = b->has_ipv6 ? tl_addresses_choose(b, &b->transit6)
                                             : (struct wg_prefix){.ip = TL_NO_IP};
        uint32_t segment;
        struct tl_nic *inside, *outside;
        struct wg_ip ip;

        tl_uplink_connect(b, provider, &uplink->ip4, &uplink->ip6, TL_NETWORK_MTU);
        segment = b->topology->segment_count++;
        inside = tl_builder_add_nic(b, provider, segment, uplink->mtu);
        outside = tl_builder_add_nic(b, customer, segment, uplink->mtu);
        for (uint32_t i = 0; i < 2; i++) {
                const struct wg_prefix *link = i == 0 ? &link4 : &link6;

                if (!link->ip.family)
                        continue;
                ip = tl_addresses_get_nth(link, (uint8_t)wg_ip_bits(&link->ip), 1);
                tl_builder_add_address(b, inside, &ip, link->cidr);
                tl_builder_add_default_route(b, customer, &ip, customer->nic_count - 1);
                ip = tl_addresses_get_nth(link, (uint8_t)wg_ip_bits(&link->ip), 2);
                tl_builder_add_address(b, outside, &ip, link->cidr);
        }
        tl_uplink_make_nat(b, provider, uplink);
}

void tl_uplink_add(struct tl_builder *b, struct tl_lab_machine *machine, struct tl_uplink *uplink)
{
        tl_uplink_complete(b, uplink);
        switch (uplink->nat) {
        case TL_LAB_NAT_NONE:
                tl_uplink_connect(b, machine, &uplink->ip4, &uplink->ip6, uplink->mtu);
                break;
        case TL_LAB_NAT_MASQUERADE:
        case TL_LAB_NAT_SYMMETRIC:
                add_provider(b, machine, uplink);
                break;
        }
}

void tl_uplink_name_endpoint(struct tl_builder *b, const struct tl_node *node,
                             const struct tl_uplink *uplink)
{
        const struct tl_network_endpoint *endpoint = &node->in_file->endpoint;

        if (!endpoint->host.text || endpoint->ip.family)
                return;
        tl_builder_add_name(b, endpoint->host.text, &uplink->ip4);
        tl_builder_add_name(b, endpoint->host.text, &uplink->ip6);
}
