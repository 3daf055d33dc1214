/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "conf/network_keys.h"

#include "conf/network.h"

WG_ENUM_DEFINE(tl_network_type, TL_NETWORK_TYPES)
WG_ENUM_DEFINE(tl_network_section, TL_NETWORK_SECTIONS)

/* Words that values of conf/network.h are written as. */
WG_ENUM_DEFINE(tl_gateway, TL_GATEWAYS)
WG_ENUM_DEFINE(tl_everyone, TL_EVERYONE)
WG_ENUM_DEFINE(tl_lab_nat, TL_LAB_NATS)

enum { OPTIONAL = false, REQUIRED = true };

#define AT(type, field) offsetof(struct tl_network_##type, field)

static const struct tl_network_key network_keys[] = {
        {"network", TL_TYPE_NETWORK_NAME, offsetof(struct tl_network, name), REQUIRED},
        {"domain", TL_TYPE_DOMAIN, offsetof(struct tl_network, domain), OPTIONAL},
        {"addresses", TL_TYPE_POOLS, 0, REQUIRED},
        {"mapped", TL_TYPE_PREFIX4, offsetof(struct tl_network, mapped), OPTIONAL},
        {"hubs", TL_TYPE_HUBS, 0, OPTIONAL},
        {"sites", TL_TYPE_SITES, 0, OPTIONAL},
        {"people", TL_TYPE_PEOPLE, 0, OPTIONAL},
        {"services", TL_TYPE_SERVICES, 0, OPTIONAL},
        {"policy", TL_TYPE_RULES, 0, OPTIONAL},
        {"expect", TL_TYPE_EXPECTATIONS, 0, OPTIONAL},
        {"lab", TL_TYPE_LAB, offsetof(struct tl_network, lab), OPTIONAL},
};

static const struct tl_network_key hub_keys[] = {
        {"endpoint", TL_TYPE_ENDPOINT, AT(hub, node.endpoint), REQUIRED},
        {"key", TL_TYPE_KEY, AT(hub, node), OPTIONAL},
        {"address", TL_TYPE_NODE_IPS, AT(hub, node.addresses), OPTIONAL},
        {"mtu", TL_TYPE_MTU, AT(hub, node), OPTIONAL},
};

static const struct tl_network_key site_keys[] = {
        {"lan", TL_TYPE_PREFIXES, AT(site, lans), REQUIRED},
        {"node", TL_TYPE_NODE, 0, OPTIONAL},
        {"key", TL_TYPE_KEY, AT(site, node), OPTIONAL},
        {"gateway", TL_TYPE_GATEWAY, 0, OPTIONAL},
        {"devices", TL_TYPE_HOSTS, 0, OPTIONAL},
        {"virtual", TL_TYPE_VIRTUAL, 0, OPTIONAL},
        {"hub", TL_TYPE_REFERENCE, AT(site, hub), OPTIONAL},
        {"endpoint", TL_TYPE_ENDPOINT, AT(site, node.endpoint), OPTIONAL},
        {"address", TL_TYPE_NODE_IPS, AT(site, node.addresses), OPTIONAL},
        {"mtu", TL_TYPE_MTU, AT(site, node), OPTIONAL},
};

static const struct tl_network_key site_node_keys[] = {
        {"name", TL_TYPE_NAME, AT(site, node.name), OPTIONAL},
        {"at", TL_TYPE_IPS, AT(site, node_at), OPTIONAL},
};

static const struct tl_network_key gateway_keys[] = {
        {"kind", TL_TYPE_GATEWAY_KIND, 0, REQUIRED},
        {"at", TL_TYPE_IPS, AT(site, router_at), OPTIONAL},
        {"routes", TL_TYPE_ROUTES, 0, OPTIONAL},
};

static const struct tl_network_key person_keys[] = {
        {"groups", TL_TYPE_GROUPS, AT(person, groups), OPTIONAL},
        {"devices", TL_TYPE_DEVICES, 0, OPTIONAL},
};

static const struct tl_network_key device_keys[] = {
        {"key", TL_TYPE_KEY, AT(device, node), OPTIONAL},
        {"stock", TL_TYPE_BOOLEAN, AT(device, is_stock), OPTIONAL},
        {"lan", TL_TYPE_PREFIXES, AT(device, lans), OPTIONAL},
        {"hub", TL_TYPE_REFERENCE, AT(device, hub), OPTIONAL},
        {"address", TL_TYPE_NODE_IPS, AT(device, node.addresses), OPTIONAL},
        {"mtu", TL_TYPE_MTU, AT(device, node), OPTIONAL},
};

static const struct tl_network_key service_keys[] = {
        {"at", TL_TYPE_TARGET, 0, REQUIRED},
        {"ports", TL_TYPE_PORTS, AT(service, ports), REQUIRED},
};

static const struct tl_network_key rule_keys[] = {
        {"from", TL_TYPE_REFERENCES, AT(rule, from), REQUIRED},
        {"to", TL_TYPE_REFERENCES, AT(rule, to), REQUIRED},
        {"ports", TL_TYPE_PORTS, AT(rule, ports), OPTIONAL},
};

static const struct tl_network_key lab_keys[] = {
        {"homes", TL_TYPE_LAB_HOMES, 0, OPTIONAL},
        {"devices", TL_TYPE_LAB_HOSTS, 0, OPTIONAL},
        {"networks", TL_TYPE_LAB_NETWORKS, 0, OPTIONAL},
};

static const struct tl_network_key home_keys[] = {
        {"nat", TL_TYPE_NAT, 0, OPTIONAL},
        {"nat-timeout", TL_TYPE_SECONDS, offsetof(struct tl_lab_home, mapping_s), OPTIONAL},
        {"mtu", TL_TYPE_HOME_MTU, offsetof(struct tl_lab_home, mtu), OPTIONAL},
        {"lan", TL_TYPE_PREFIX, offsetof(struct tl_lab_home, lan), OPTIONAL},
        {"redirects", TL_TYPE_BOOLEAN, offsetof(struct tl_lab_home, redirects), OPTIONAL},
};

#define KEYS(table) ((struct tl_network_keys){table, WG_ARRAY_SIZE(table)})

struct tl_network_keys tl_network_keys(enum tl_network_section section)
{
        switch (section) {
        case TL_SECTION_NETWORK:
                return KEYS(network_keys);
        case TL_SECTION_HUB:
                return KEYS(hub_keys);
        case TL_SECTION_SITE:
                return KEYS(site_keys);
        case TL_SECTION_SITE_NODE:
                return KEYS(site_node_keys);
        case TL_SECTION_GATEWAY:
                return KEYS(gateway_keys);
        case TL_SECTION_PERSON:
                return KEYS(person_keys);
        case TL_SECTION_DEVICE:
                return KEYS(device_keys);
        case TL_SECTION_SERVICE:
                return KEYS(service_keys);
        case TL_SECTION_RULE:
                return KEYS(rule_keys);
        case TL_SECTION_LAB:
                return KEYS(lab_keys);
        case TL_SECTION_HOME:
                return KEYS(home_keys);
        }
        return (struct tl_network_keys){NULL, 0};
}
