/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * network_keys.h - the grammar of the network file: one row for each key.
 *
 * The reader (conf/network.c) walks this table. Tests compare it with the JSON schema and with the
 * manual page.
 * Threads: constant. */
#ifndef CONF_NETWORK_KEYS_H
#define CONF_NETWORK_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/enum.h"

/* The types of values. The text says what is expected. Wherever a list is expected, one item may
 * stand alone. */
#define TL_NETWORK_TYPES(X) \
        X(TL_TYPE_NETWORK_NAME, 0, network_name, "a name of at most 15 characters, such as acme") \
        X(TL_TYPE_DOMAIN, 1, domain, "a domain, such as acme.internal") \
        X(TL_TYPE_POOLS, 2, pools, \
          "a prefix such as 10.70.0.0/24, or a list with one for each of IPv4 and IPv6") \
        X(TL_TYPE_PREFIX4, 3, prefix4, "an IPv4 prefix, such as 10.200.0.0/16") \
        X(TL_TYPE_PREFIX, 4, prefix, "a prefix, such as 192.168.200.0/24") \
        X(TL_TYPE_PREFIXES, 5, prefixes, "a prefix such as 192.168.200.0/24, or a list of them") \
        X(TL_TYPE_ROUTES, 6, routes, \
          "a list of prefixes, such as [192.168.200.0/24, 10.70.0.0/24]; [] if there are none") \
        X(TL_TYPE_IP, 7, ip, "an address, such as 192.168.200.10") \
        X(TL_TYPE_IPS, 8, ips, "an address such as 192.168.200.10, or a list of them") \
        X(TL_TYPE_NODE_IPS, 9, node_ips, \
          "an address such as 10.70.0.2, or a list with one for each of IPv4 and IPv6") \
        X(TL_TYPE_KEY, 10, key, "a public key: 44 characters of base64, the last of them \"=\"") \
        X(TL_TYPE_ENDPOINT, 11, endpoint, \
          "a host with a port, such as hub.example.com:51820, 203.0.113.10 or " \
          "[2001:db8::1]:51820") \
        X(TL_TYPE_MTU, 12, mtu, "a number of bytes from 576 to 65535") \
        X(TL_TYPE_SECONDS, 13, seconds, "a number of seconds from 1 to 86400") \
        X(TL_TYPE_BOOLEAN, 14, boolean, "true or false") \
        X(TL_TYPE_NAME, 15, name, "a name, such as beijing") \
        X(TL_TYPE_REFERENCE, 16, reference, "the name of an entry of this file") \
        X(TL_TYPE_REFERENCES, 17, references, \
          "a name such as developers, or a list of names such as [developers, beijing]") \
        X(TL_TYPE_GROUPS, 18, groups, "a name such as developers, or a list of names") \
        X(TL_TYPE_TARGET, 19, target, "the name of a device or node, or an address") \
        X(TL_TYPE_PORTS, 20, ports, \
          "a port such as 443/tcp, 5000-5010/udp or icmp, or a list of them") \
        X(TL_TYPE_NODE, 21, node, \
          "a name such as a, or {name: a, at: 192.168.200.2} with its address in the LAN") \
        X(TL_TYPE_GATEWAY, 22, gateway, \
          "a kind such as static-routes, or {kind: static-routes, at: 192.168.200.1}") \
        X(TL_TYPE_GATEWAY_KIND, 23, gateway_kind, \
          "self, static-routes, drops-invalid, dhcp-121 or untouchable") \
        X(TL_TYPE_NAT, 24, nat, "masquerade, symmetric or none") \
        X(TL_TYPE_HUBS, 25, hubs, "names of hubs, each with its keys") \
        X(TL_TYPE_SITES, 26, sites, "names of sites, each with its keys") \
        X(TL_TYPE_PEOPLE, 27, people, "names of people, each with their keys") \
        X(TL_TYPE_DEVICES, 28, devices, "names of devices, each with its keys") \
        X(TL_TYPE_HOSTS, 29, hosts, "names with addresses, such as {printer: 192.168.200.9}") \
        X(TL_TYPE_SERVICES, 30, services, "names of services, each with its keys") \
        X(TL_TYPE_RULES, 31, rules, \
          "a list of rules such as \"- {from: developers, to: beijing}\"") \
        X(TL_TYPE_EXPECTATIONS, 32, expectations, "a list such as \"- e -> d:443\"") \
        X(TL_TYPE_LAB, 33, lab, "the keys of the lab") \
        X(TL_TYPE_LAB_HOMES, 34, lab_homes, \
          "names of sites, people or devices such as e/laptop, each with its keys") \
        X(TL_TYPE_LAB_HOSTS, 35, lab_hosts, \
          "names of sites, each with names and addresses of devices") \
        X(TL_TYPE_HOME_MTU, 36, home_mtu, "a number of bytes from 576 to 65535") \
        X(TL_TYPE_LAB_NETWORKS, 37, lab_networks, \
          "names of nodes, each with prefixes, such as {e: 172.17.0.0/16}") \
        X(TL_TYPE_VIRTUAL, 38, virtual, \
          "a prefix of the LAN, a list of them, or a map such as {192.168.201.240: d, " \
          "192.168.201.192/27: auto}")
WG_ENUM_DECLARE(tl_network_type, TL_NETWORK_TYPES)

/* Groups of keys. The text names one in a message: 'unknown key "x" of a site'. */
#define TL_NETWORK_SECTIONS(X) \
        X(TL_SECTION_NETWORK, 0, network, "the file") \
        X(TL_SECTION_HUB, 1, hub, "a hub") \
        X(TL_SECTION_SITE, 2, site, "a site") \
        X(TL_SECTION_SITE_NODE, 3, site_node, "the node of a site") \
        X(TL_SECTION_GATEWAY, 4, gateway, "a gateway") \
        X(TL_SECTION_PERSON, 5, person, "a person") \
        X(TL_SECTION_DEVICE, 6, device, "a device") \
        X(TL_SECTION_SERVICE, 7, service, "a service") \
        X(TL_SECTION_RULE, 8, rule, "a rule") \
        X(TL_SECTION_LAB, 9, lab, "the lab") \
        X(TL_SECTION_HOME, 10, home, "a home of the lab")
WG_ENUM_DECLARE(tl_network_section, TL_NETWORK_SECTIONS)

struct tl_network_key {
        const char *name;
        enum tl_network_type type;
        size_t offset; /* of the field that its type fills, in the struct of the section */
        bool is_required;
};

struct tl_network_keys {
        const struct tl_network_key *items;
        size_t count;
};

/* The keys of a section. */
struct tl_network_keys tl_network_keys(enum tl_network_section section) WG_MUST_USE;

#endif
