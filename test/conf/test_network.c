/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "conf/network.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/address.h"
#include "conf/network_keys.h"
#include "test/lib/cmocka.h"
#include "test/lib/heap.h"

#define HEAD "network: n\naddresses: 10.0.0.0/24\n" /* lines 1 and 2 */
#define KEY "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeBA="
#define KEY_EXPECTED "expected a public key: 44 characters of base64, the last of them \"=\""
#define PREFIXES "expected a prefix such as 192.168.200.0/24, or a list of them"
#define POOLS "expected a prefix such as 10.70.0.0/24, or a list with one for each of IPv4 and IPv6"
#define IPS "expected an address such as 192.168.200.10, or a list of them"
#define ENDPOINT \
        "expected a host with a port, such as hub.example.com:51820, 203.0.113.10 or " \
        "[2001:db8::1]:51820"
#define PORTS "expected a port such as 443/tcp, 5000-5010/udp or icmp, or a list of them"
#define VIRTUAL \
        "expected a prefix of the LAN, a list of them, or a map such as {192.168.201.240: d, " \
        "192.168.201.192/27: auto}"
#define NAME_RULE ": use lower-case letters, digits and hyphens, a letter first\n"
#define SECRET \
        ": secret keys never belong in this file: remove it, and make a new key on the machine " \
        "that it is for, with \"tieline key NETWORK\"\n"
#define SITE_KEYS \
        ": the keys are lan, node, key, gateway, devices, virtual, hub, endpoint, address, mtu\n"
#define REFERENCES \
        "expected a name such as developers, or a list of names such as [developers, beijing]"

/* A file, and its findings. */
#define PREFIXES "expected a prefix such as 192.168.200.0/24, or a list of them"

static const struct {
        const char *text, *expected;
} cases[] = {
        /* what must be there */
        {HEAD, ""},
        {"", "f:1:1: the file needs the key \"network\": add a name of at most 15 characters, such "
             "as acme\n"
             "f:1:1: the file needs the key \"addresses\": add a prefix such as 10.70.0.0/24, or a "
             "list with one for each of IPv4 and IPv6\n"},
        {"x", "f:1:1: expected the keys of the file: write {key: value, ...}\n"},
        {"- x", "f:1:1: expected the keys of the file: write {key: value, ...}\n"},
        {HEAD "hubs:\nsites:\npeople:\nservices:\nexpect:\nlab:\n", ""},
        {HEAD "hubs: {}\nsites: {}\npeople: {}\nservices: {}\npolicy: []\nexpect: []\nlab: {}\n",
         ""},
        {HEAD "sites: {a: }\nhubs: {z: ~}\nservices: {s: {}}\npolicy: [{}]\n",
         "f:3:9: a site needs the key \"lan\": add a prefix such as 192.168.200.0/24, or a list of "
         "them\n"
         "f:4:8: a hub needs the key \"endpoint\": add a host with a port, such as "
         "hub.example.com:51820, 203.0.113.10 or [2001:db8::1]:51820\n"
         "f:5:12: a service needs the key \"at\": add the name of a device or node, or an address\n"
         "f:5:12: a service needs the key \"ports\": add a port such as 443/tcp, 5000-5010/udp or "
         "icmp, or a list of them\n"
         "f:6:10: a rule needs the key \"from\": add a name such as developers, or a list of names "
         "such as [developers, beijing]\n"
         "f:6:10: a rule needs the key \"to\": add a name such as developers, or a list of names "
         "such as [developers, beijing]\n"},
        {HEAD "hubs: [z]\nsites: x\npolicy:\nexpect: {a: b}\n",
         "f:3:7: expected names of hubs, each with its keys, found a list\n"
         "f:4:8: expected names of sites, each with its keys, found \"x\"\n"
         "f:5:8: expected a list of rules such as \"- {from: developers, to: beijing}\", found "
         "nothing\n"
         "f:6:9: expected a list such as \"- e -> d:443\", found a group of keys\n"},

        /* keys */
        {HEAD "sitse: {}\n", "f:3:1: unknown key \"sitse\" of the file: did you mean \"sites\"?\n"},
        {HEAD "colour: red\n",
         "f:3:1: unknown key \"colour\" of the file: the keys are network, domain, addresses, "
         "mapped, hubs, sites, people, services, policy, expect, lab\n"},
        {HEAD "sites: {a: {lan: 10.1.0.0/24, nodes: b, routers: c}}\n",
         "f:3:31: unknown key \"nodes\" of a site: did you mean \"node\"?\n"
         "f:3:41: unknown key \"routers\" of a site" SITE_KEYS},
        {HEAD "people: {e: {devices: {l: {private-key: " KEY "}, m: {PrivateKey: x}}}}\n",
         "f:3:28" SECRET "f:3:92" SECRET},
        {HEAD "hubs: {z: {endpoint: h, key: " KEY ", preshared_key: x, psk: y}}\n",
         "f:3:76" SECRET "f:3:94" SECRET},
        {HEAD KEY ": x\n",
         "f:3:1: unknown key of the file: the keys are network, domain, addresses, mapped, hubs, "
         "sites, people, services, policy, expect, lab\n"},
        {HEAD "network: m\n", "f:3:1: this key is here twice (see line 1): keep one of them\n"},

        /* keys of WireGuard: never quoted */
        {HEAD "hubs: {z: {endpoint: h, key: " KEY "}}\n", ""},
        {HEAD "hubs: {z: {endpoint: h, key: \"" KEY "\"}}\n", ""},
        {HEAD "hubs: {z: {endpoint: h, key: x}}\n", "f:3:30: " KEY_EXPECTED "\n"},
        {HEAD "hubs: {z: {endpoint: h, key: }}\n", "f:3:30: " KEY_EXPECTED ", found nothing\n"},
        {HEAD "hubs: {z: {endpoint: h, key: [" KEY "]}}\n",
         "f:3:30: " KEY_EXPECTED ", found a list\n"},
        {HEAD "hubs: {z: {endpoint: h, key: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=}}\n",
         "f:3:30: " KEY_EXPECTED "\n"},
        {HEAD "hubs: {z: {endpoint: h, key: q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeBB=}}\n",
         "f:3:30: " KEY_EXPECTED "\n"},
        {HEAD "hubs: {z: {endpoint: " KEY "}}\n", "f:3:22: " ENDPOINT "\n"},

        /* names */
        {"network: abcdefghijklmno\naddresses: 10.0.0.0/8\n", ""},
        {"network: abcdefghijklmnop\naddresses: 10.0.0.0/8\n",
         "f:1:10: this name has 16 characters, of at most 15: shorten it\n"},
        {"network: Acme\naddresses: 10.0.0.0/8\n",
         "f:1:10: names have no capital letters: write \"acme\"\n"},
        {"network: 4me\naddresses: 10.0.0.0/8\n", "f:1:10: \"4me\" cannot be a name" NAME_RULE},
        {"network: default\naddresses: 10.0.0.0/8\n",
         "f:1:10: no interface of a network can be called \"default\": choose another name\n"},
        {"network: lo\naddresses: 10.0.0.0/8\n",
         "f:1:10: no interface of a network can be called \"lo\": choose another name\n"},
        {"network: [a]\naddresses: 10.0.0.0/8\n",
         "f:1:10: expected a name, such as beijing, found a list\n"},
        {"network: true\naddresses: 10.0.0.0/8\n",
         "f:1:10: expected a name, such as beijing, found \"true\"\n"},
        {"network: \"true\"\naddresses: 10.0.0.0/8\n",
         "f:1:10: \"true\" has a meaning of its own: choose another name\n"},
        {"network: no\naddresses: 10.0.0.0/8\n", ""},
        {HEAD "people: {all: , hubs: , sites: , people: , not: , e f: , \"\\0\": , g_h: , ok: }\n",
         "f:3:10: \"all\" has a meaning of its own: choose another name\n"
         "f:3:17: \"hubs\" has a meaning of its own: choose another name\n"
         "f:3:25: \"sites\" has a meaning of its own: choose another name\n"
         "f:3:34: \"people\" has a meaning of its own: choose another name\n"
         "f:3:44: \"not\" has a meaning of its own: choose another name\n"
         "f:3:51: \"e f\" cannot be a name" NAME_RULE "f:3:58: this cannot be a name" NAME_RULE
         "f:3:66: \"g_h\" cannot be a name" NAME_RULE},
        {HEAD "people: {e: {groups: [all, Devs, x/y]}}\n",
         "f:3:23: \"all\" has a meaning of its own: choose another name\n"
         "f:3:28: names have no capital letters: write \"devs\"\n"
         "f:3:34: \"x/y\" cannot be a name" NAME_RULE},
        {HEAD "people: {q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeBA: }\n",
         "f:3:10: this cannot be a name" NAME_RULE},
        {HEAD "people: {e: {groups: devs}, f: {groups: []}, g: {groups: }}\n",
         "f:3:58: expected a name, such as beijing, found nothing\n"},
        {HEAD "sites: {aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa: {lan: "
              "10.1.0.0/24}}\n",
         "f:3:9: this name has 59 characters, of at most 58: shorten it\n"},
        {HEAD "domain: a.example\n", ""},
        {HEAD "domain: Acme.example\n",
         "f:3:9: expected a domain, such as acme.internal, found \"Acme.example\"\n"},
        {HEAD "domain: a.1\n", "f:3:9: expected a domain, such as acme.internal, found \"a.1\"\n"},

        /* prefixes */
        {"network: n\naddresses: [10.0.0.0/8, fd00::/64]\nmapped: 10.9.0.0/16\n", ""},
        {"network: n\naddresses: fd00::/64\n", ""},
        {"network: n\naddresses: []\n", "f:2:12: " POOLS ", found an empty list\n"},
        {"network: n\naddresses: [10.0.0.0/8, 11.0.0.0/8]\n",
         "f:2:25: there may be one of each family, IPv4 and IPv6 (see line 2): keep one of them\n"},
        {"network: n\naddresses: 10.0.0.0\nmapped: fd00::/64\n",
         "f:2:12: " POOLS ", found \"10.0.0.0\"\n"
         "f:3:9: expected an IPv4 prefix, such as 10.200.0.0/16, found \"fd00::/64\"\n"},
        {"network: n\naddresses: 10.0.0.7/24\n", "f:2:12: 10.0.0.7/24 is an address in a prefix, "
                                                 "not the prefix itself: write 10.0.0.0/24\n"},
        {"network: n\naddresses: fd00::7/64\n",
         "f:2:12: fd00::7/64 is an address in a prefix, not the prefix itself: write fd00::/64\n"},
        {HEAD "sites: {a: {lan: 10.1.0.0/33}, b: {lan: x/y}, c: {lan: {}}, d: {lan: []}}\n",
         "f:3:18: " PREFIXES ", found \"10.1.0.0/33\"\n"
         "f:3:41: " PREFIXES ", found \"x/y\"\n"
         "f:3:56: " PREFIXES ", found a group of keys\n"
         "f:3:70: " PREFIXES ", found an empty list\n"},
        {HEAD "sites: {a: {lan: [10.1.0.0/24, ~, 10.2.0.1/24]}}\n",
         "f:3:32: " PREFIXES ", found nothing\n"
         "f:3:35: 10.2.0.1/24 is an address in a prefix, not the prefix itself: write "
         "10.2.0.0/24\n"},
        {HEAD "sites: {a: {lan: [10.1.0.0/24, , 10.2.0.1/24]}}\n",
         "f:3:32: a value is missing here: write one\n"},

        /* addresses */
        {HEAD "hubs: {z: {endpoint: h, address: [10.0.0.1, \"fd00::1\"]}}\n", ""},
        {HEAD "hubs: {z: {endpoint: h, address: [10.0.0.1, 10.0.0.2]}}\n",
         "f:3:45: there may be one of each family, IPv4 and IPv6 (see line 3): keep one of them\n"},
        {HEAD "hubs: {z: {endpoint: h, address: 10.0.0.1/24}}\n",
         "f:3:34: expected an address such as 10.70.0.2, or a list with one for each of IPv4 and "
         "IPv6, found \"10.0.0.1/24\"\n"},
        {HEAD "sites: {a: {lan: 10.1.0.0/24, devices: {d: [], e: 10.1.0, f: , g: 10.1.0.9}}}\n",
         "f:3:44: " IPS ", found an empty list\n"
         "f:3:51: " IPS ", found \"10.1.0\"\n"
         "f:3:62: " IPS ", found nothing\n"},

        /* endpoints */
        {HEAD "hubs: {z: {endpoint: \"h:x\"}, y: {endpoint: 10.0.0.1:0}, x: {endpoint: -h}}\n",
         "f:3:22: " ENDPOINT ", found \"h:x\"\n"
         "f:3:44: " ENDPOINT ", found \"10.0.0.1:0\"\n"
         "f:3:71: " ENDPOINT ", found \"-h\"\n"},
        {HEAD "hubs: {z: {endpoint: }, y: {endpoint: [h]}, x: {endpoint: 10.0.0.256}}\n",
         "f:3:22: " ENDPOINT ", found nothing\n"
         "f:3:39: " ENDPOINT ", found a list\n"
         "f:3:59: " ENDPOINT ", found \"10.0.0.256\"\n"},

        /* numbers and truth */
        {HEAD "sites: {a: {lan: 10.1.0.0/24, mtu: 576}, b: {lan: 10.2.0.0/24, mtu: 65535}}\n", ""},
        {HEAD "sites: {a: {lan: 10.1.0.0/24, mtu: 575}, b: {lan: 10.2.0.0/24, mtu: 65536}}\n",
         "f:3:36: expected a number of bytes from 576 to 65535, found \"575\"\n"
         "f:3:69: expected a number of bytes from 576 to 65535, found \"65536\"\n"},
        {HEAD "sites: {a: {lan: 10.1.0.0/24, mtu: \"1400\"}, b: {lan: 10.2.0.0/24, mtu: 1e3}}\n",
         "f:3:36: expected a number of bytes from 576 to 65535, found \"1400\": remove the quotes\n"
         "f:3:72: expected a number of bytes from 576 to 65535, found \"1e3\"\n"},
        {HEAD "people: {e: {devices: {a: {stock: true}, b: {stock: False}, c: }}}\n", ""},
        {HEAD "people: {e: {devices: {a: {stock: yes}, b: {stock: \"true\"}, c: {stock: }}}}\n",
         "f:3:35: expected true or false, found \"yes\"\n"
         "f:3:52: expected true or false, found \"true\"\n"
         "f:3:72: expected true or false, found nothing\n"},

        /* gateways and nodes of sites */
        {HEAD "sites:\n"
              "  a: {lan: 10.1.0.0/24, gateway: self}\n"
              "  b: {lan: 10.1.0.0/24, gateway: {kind: drops-invalid, at: 10.1.0.1, routes: []}}\n"
              "  c: {lan: 10.1.0.0/24, node: {at: 10.1.0.2}}\n",
         ""},
        {HEAD "sites:\n"
              "  a: {lan: 10.1.0.0/24, gateway: static_routes}\n"
              "  b: {lan: 10.1.0.0/24, gateway: magic}\n"
              "  c: {lan: 10.1.0.0/24, gateway: {at: 10.1.0.1}}\n"
              "  d: {lan: 10.1.0.0/24, gateway: [self]}\n"
              "  e: {lan: 10.1.0.0/24, gateway: {kind: Self, routes: 10.0.0.1/8}}\n",
         "f:4:34: expected a kind such as static-routes, or {kind: static-routes, at: "
         "192.168.200.1}, found \"static_routes\": did you mean \"static-routes\"?\n"
         "f:5:34: expected a kind such as static-routes, or {kind: static-routes, at: "
         "192.168.200.1}, found \"magic\"\n"
         "f:6:34: a gateway needs the key \"kind\": add self, static-routes, drops-invalid, "
         "dhcp-121 or untouchable\n"
         "f:7:34: expected a kind such as static-routes, or {kind: static-routes, at: "
         "192.168.200.1}, found a list\n"
         "f:8:41: expected self, static-routes, drops-invalid, dhcp-121 or untouchable, found "
         "\"Self\": did you mean \"self\"?\n"
         "f:8:55: 10.0.0.1/8 is an address in a prefix, not the prefix itself: write 10.0.0.0/8\n"},
        {HEAD "sites: {a: {lan: 10.1.0.0/24, node: }, b: {lan: 10.1.0.0/24, node: {name: X, as: "
              "y}}}\n",
         "f:3:37: expected a name such as a, or {name: a, at: 192.168.200.2} with its address in "
         "the LAN, found nothing\n"
         "f:3:75: names have no capital letters: write \"x\"\n"
         "f:3:78: unknown key \"as\" of the node of a site: did you mean \"at\"?\n"},

        /* virtual addresses, and the networks of devices */
        {HEAD "sites:\n"
              "  a: {lan: 10.1.0.0/24, virtual: 10.1.0.192/27}\n"
              "  b: {lan: 10.2.0.0/24, virtual: [10.2.0.192/27, \"fd00::/120\"]}\n"
              "  c: {lan: 10.3.0.0/24, virtual: {}}\n"
              "  d: {lan: 10.4.0.0/24, virtual: {10.4.0.9: e/laptop, 10.4.0.8: 10.1.0.9, 10.4.0.7: "
              "auto}}\n"
              "people: {e: {devices: {laptop: {lan: [192.168.1.0/24, \"fd00::/64\"]}}}}\n",
         ""},
        {HEAD
         "sites:\n"
         "  a: {lan: 10.1.0.0/24, virtual: }\n"
         "  b: {lan: 10.2.0.0/24, virtual: []}\n"
         "  c: {lan: 10.3.0.0/24, virtual: [10.3.0.9, {}, 10.3.0.9/27]}\n"
         "  d: {lan: 10.4.0.0/24, virtual: {10.4.0.0/27: d, e: 10.4.0.9, 10.4.0.8: , 10.4.0.7: "
         "[d], 10.4.0.6: D, 10.4.0.5/27: auto, 10.4.0.4: 10.1.0.9/24}}\n",
         "f:4:34: " VIRTUAL ", found nothing\n"
         "f:5:34: " VIRTUAL ", found an empty list\n"
         "f:6:35: " VIRTUAL ", found \"10.3.0.9\"\n"
         "f:6:45: " VIRTUAL ", found a group of keys\n"
         "f:6:49: 10.3.0.9/27 is an address in a prefix, not the prefix itself: write "
         "10.3.0.0/27\n"
         "f:7:48: a prefix cannot stand for one machine, \"d\": give a single address for it, or "
         "`auto` for all machines\n"
         "f:7:51: " VIRTUAL ", found \"e\"\n"
         "f:7:74: " VIRTUAL ", found nothing\n"
         "f:7:86: " VIRTUAL ", found a list\n"
         "f:7:101: " VIRTUAL ", found \"D\"\n"
         "f:7:104: 10.4.0.5/27 is an address in a prefix, not the prefix itself: write "
         "10.4.0.0/27\n"
         "f:7:133: 10.1.0.9/24 is an address in a prefix, not the prefix itself: write "
         "10.1.0.0/24\n"},
        {HEAD "people: {e: {devices: {a: {lan: }, b: {lan: []}, c: {lan: 10.1.0.9}}}}\n",
         "f:3:33: " PREFIXES ", found nothing\n"
         "f:3:45: " PREFIXES ", found an empty list\n"
         "f:3:59: " PREFIXES ", found \"10.1.0.9\"\n"},

        /* services and rules */
        {HEAD "services: {s: {at: d, ports: [443, 443/tcp, 1-65535/udp, icmp]}}\n", ""},
        {HEAD "services: {s: {at: 10.1.0.9, ports: 80}, t: {at: e/laptop, ports: \"80\"}}\n", ""},
        {HEAD "services: {s: {at: 10.1.0.9/32, ports: []}, t: {at: D}}\n",
         "f:3:20: expected the name of a device or node, or an address, found \"10.1.0.9/32\"\n"
         "f:3:40: " PORTS ", found an empty list\n"
         "f:3:45: a service needs the key \"ports\": add a port such as 443/tcp, 5000-5010/udp or "
         "icmp, or a list of them\n"
         "f:3:53: expected the name of a device or node, or an address, found \"D\"\n"},
        {HEAD "services: {s: {at: d, ports: [0, 80-79, 80/sctp, http, 70000, 80/, icmp/tcp]}}\n",
         "f:3:31: " PORTS ", found \"0\"\n"
         "f:3:34: " PORTS ", found \"80-79\"\n"
         "f:3:41: " PORTS ", found \"80/sctp\"\n"
         "f:3:50: " PORTS ", found \"http\"\n"
         "f:3:56: " PORTS ", found \"70000\"\n"
         "f:3:63: " PORTS ", found \"80/\"\n"
         "f:3:68: " PORTS ", found \"icmp/tcp\"\n"},
        {HEAD "policy:\n  - {from: a, to: [b, all, e/laptop], ports: 22/tcp}\n", ""},
        {HEAD "policy:\n  - {from: [], to: }\n  - a\n  - {from: A, to: \"a b\", deny: c}\n",
         "f:4:12: " REFERENCES ", found an empty list\n"
         "f:4:20: " REFERENCES ", found nothing\n"
         "f:5:5: expected the keys of a rule: write {key: value, ...}\n"
         "f:6:12: names have no capital letters: write \"a\"\n"
         "f:6:19: \"a b\" cannot be a name" NAME_RULE
         "f:6:26: unknown key \"deny\" of a rule: the keys are from, to, ports\n"},

        /* expectations */
        {HEAD "expect: a -> b\n", ""},
        {HEAD "expect:\n  - a -> b:443/udp\n  - not a -> b\n  - 'a -> [fd00::1]:80'\n", ""},
        {HEAD "expect:\n  - a ->\n    b:x\n",
         "f:4:5: the port must be a number from 1 to 65535, as in \"a -> b:443\"\n"},
        {HEAD "expect:\n  - a -> b:x\n  - \"a -> b:x\"\n  - [a -> b]\n  - a\n",
         "f:4:12: the port must be a number from 1 to 65535, as in \"a -> b:443\"\n"
         "f:5:5: the port must be a number from 1 to 65535, as in \"a -> b:443\"\n"
         "f:6:5: expected a list such as \"- e -> d:443\", found a list\n"
         "f:7:5: a connection is written as \"a -> b:443\"\n"},

        /* the lab */
        {HEAD "lab:\n"
              "  homes: {e: {nat: none}, e/laptop: {lan: 192.168.0.0/24, nat: symmetric}}\n"
              "  devices: {beijing: {d: 10.1.0.4}}\n",
         ""},
        {HEAD "lab:\n"
              "  homes: {E: {nat: full}, f: {nat-timeout: 0, mtu: 1}, g: {lan: x}, h: 1}\n"
              "  devices: {b: {d: [10.1.0.4]}, c: {x y: 10.1.0.5}, d: 10.1.0.6}\n"
              "  hosts: {}\n",
         "f:4:11: names have no capital letters: write \"e\"\n"
         "f:4:20: expected masquerade, symmetric or none, found \"full\"\n"
         "f:4:44: expected a number of seconds from 1 to 86400, found \"0\"\n"
         "f:4:52: expected a number of bytes from 576 to 65535, found \"1\"\n"
         "f:4:65: expected a prefix, such as 192.168.200.0/24, found \"x\"\n"
         "f:4:72: expected the keys of a home of the lab: write {key: value, ...}\n"
         "f:5:20: expected an address, such as 192.168.200.10, found a list\n"
         "f:5:37: \"x y\" cannot be a name" NAME_RULE
         "f:5:56: expected names with addresses, such as {printer: 192.168.200.9}, found "
         "\"10.1.0.6\"\n"
         "f:6:3: unknown key \"hosts\" of the lab: the keys are homes, devices, networks\n"},

        {HEAD "lab:\n"
              "  networks: {e: 172.17.0.0/16, z: [10.0.0.0/24, \"fd00::/64\"]}\n",
         ""},
        {HEAD "lab:\n"
              "  networks: {E: 172.17.0.0/16, e: x, f: [], g: {}}\n",
         "f:4:14: names have no capital letters: write \"e\"\n"
         "f:4:35: " PREFIXES ", found \"x\"\n"
         "f:4:41: " PREFIXES ", found an empty list\n"
         "f:4:48: " PREFIXES ", found a group of keys\n"},

        /* a mistake hides no other, even in the syntax; what it may have hidden is not reported */
        {"network: N\nsites:\n  a: {lan: x\npolicy:\n  - {from: A, to: b}\n",
         "f:1:10: names have no capital letters: write \"n\"\n"
         "f:4:7: a comma or the closing } is missing (see line 3): add it\n"
         "f:5:12: names have no capital letters: write \"a\"\n"},
        {"network: *x\naddresses: &y 10.0.0.0/8\nsites: {a: {lan: *z}}\n",
         "f:1:10: aliases are not allowed: write the value here again\n"
         "f:2:12: anchors are not allowed: remove the word that begins with &\n"
         "f:3:18: aliases are not allowed: write the value here again\n"},
};

/* Reads a text. Returns the findings; the caller's to free. */
static char *parse(const char *text)
{
        struct tl_findings findings = {0};
        struct tl_network network;
        char *result;
        size_t len;
        FILE *out = open_memstream(&result, &len);
        bool is_good = tl_network_parse(&network, text, strlen(text), &findings);

        assert_int_equal(is_good, findings.count == 0);
        tl_findings_write(&findings, "f", out);
        fclose(out);
        tl_findings_done(&findings);
        tl_network_done(&network);
        return result;
}

static void test_findings(void **state)
{
        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(cases); i++) {
                char *result = parse(cases[i].text);

                if (strcmp(result, cases[i].expected) != 0)
                        fail_msg("case %zu: \"%s\" gives \"%s\"", i, cases[i].text, result);
                free(result);
        }
}

/* A file with every key. */
static const char full[] =
        "network: acme\n"
        "domain: acme.example\n"
        "addresses: [10.70.0.0/24, \"fd00:1::/64\"]\n"
        "mapped: 10.201.0.0/16\n"
        "hubs:\n"
        "  z: {endpoint: \"hub.example:51821\", key: " KEY ", address: 10.70.0.9, mtu: 1492}\n"
        "sites:\n"
        "  shenzhen:\n"
        "    lan: [192.168.201.0/24, \"fd00:2::/64\"]\n"
        "    node: {name: a, at: [192.168.201.2, \"fd00:2::2\"]}\n"
        "    key: " KEY "\n"
        "    gateway: {kind: dhcp-121, at: 192.168.201.1, routes: [10.70.0.0/24]}\n"
        "    devices: {b: 192.168.201.55, printer: [192.168.201.9, \"fd00:2::9\"]}\n"
        "    hub: z\n"
        "    endpoint: \"[2001:db8::7]:51822\"\n"
        "    address: [10.70.0.10, \"fd00:1::10\"]\n"
        "    mtu: 1400\n"
        "  beijing: {lan: 192.168.200.0/24, endpoint: 203.0.113.7, virtual: {192.168.200.240: "
        "e/laptop, 192.168.200.128/26: 192.168.201.64/26, 192.168.200.192/27: auto, "
        "\"fd00:3::f0\": \"fd00:2::9\"}}\n"
        "people:\n"
        "  e:\n"
        "    groups: [developers, admins]\n"
        "    devices:\n"
        "      laptop: {key: " KEY ", hub: z, address: 10.70.0.11, mtu: 1300}\n"
        "      phone: {stock: true, lan: 192.168.1.0/24}\n"
        "  f:\n"
        "services:\n"
        "  git: {at: b, ports: [443, 5000-5010/udp, icmp]}\n"
        "  web: {at: 192.168.200.80, ports: 80/tcp}\n"
        "policy:\n"
        "  - {from: developers, to: [git, e/laptop], ports: 22/tcp}\n"
        "expect:\n"
        "  - not e -> b:22\n"
        "lab:\n"
        "  homes: {e/phone: {nat: symmetric, nat-timeout: 30, mtu: 1280, lan: 10.1.0.0/24}, f: "
        "{redirects: true}}\n"
        "  devices: {beijing: {d: 192.168.200.244}}\n"
        "  networks: {z: [172.17.0.0/16, 10.3.0.0/16]}\n";

static void assert_ip(const struct tl_placed_ip *ip, const char *expected, uint32_t line)
{
        char text[TL_ADDRESS_IP_SIZE];

        tl_address_format_ip(text, &ip->ip);
        assert_string_equal(text, expected);
        assert_int_equal(ip->at.line, line);
}

static void assert_prefix(const struct tl_placed_prefix *prefix, const char *expected,
                          uint32_t line)
{
        char text[TL_ADDRESS_PREFIX_SIZE];

        tl_address_format_prefix(text, &prefix->prefix);
        assert_string_equal(text, expected);
        assert_int_equal(prefix->at.line, line);
}

static void assert_word(const struct tl_word *word, const char *expected, uint32_t line,
                        uint32_t column)
{
        assert_string_equal(word->text, expected);
        assert_int_equal(word->at.line, line);
        assert_int_equal(word->at.column, column);
}

static void assert_range(const struct tl_port_range *range, uint8_t protocol, uint16_t first,
                         uint16_t last)
{
        assert_int_equal(range->protocol, protocol);
        assert_int_equal(range->first, first);
        assert_int_equal(range->last, last);
}

static void assert_stand_ins(const struct tl_network_site *s)
{
        assert_int_equal(s->stand_in_count, 4);
        assert_prefix(&s->stand_ins[0].here, "192.168.200.240/32", 18);
        assert_word(&s->stand_ins[0].name, "e/laptop", 18, 86);
        assert_int_equal(s->stand_ins[0].there.prefix.ip.family, WG_FAMILY_NONE);
        assert_prefix(&s->stand_ins[1].here, "192.168.200.128/26", 18);
        assert_prefix(&s->stand_ins[1].there, "192.168.201.64/26", 18);
        assert_null(s->stand_ins[1].name.text);
        assert_prefix(&s->stand_ins[2].here, "192.168.200.192/27", 18);
        assert_null(s->stand_ins[2].name.text);
        assert_int_equal(s->stand_ins[2].there.prefix.ip.family, WG_FAMILY_NONE);
        assert_prefix(&s->stand_ins[3].here, "fd00:3::f0/128", 18);
        assert_prefix(&s->stand_ins[3].there, "fd00:2::9/128", 18);
}

static void assert_sites(const struct tl_network *n)
{
        const struct tl_network_site *s = &n->sites[0];

        assert_int_equal(n->site_count, 2);
        assert_word(&s->name, "shenzhen", 8, 3);
        assert_int_equal(s->lans.count, 2);
        assert_prefix(&s->lans.items[0], "192.168.201.0/24", 9);
        assert_prefix(&s->lans.items[1], "fd00:2::/64", 9);
        assert_word(&s->node.name, "a", 10, 18);
        assert_int_equal(s->node_at.count, 2);
        assert_ip(&s->node_at.items[1], "fd00:2::2", 10);
        assert_int_equal(s->node.key[0], 0xab);
        assert_int_equal(s->node.key_at.line, 11);
        assert_int_equal(s->gateway, TL_GATEWAY_DHCP_121);
        assert_int_equal(s->gateway_at.line, 12);
        assert_ip(&s->router_at.items[0], "192.168.201.1", 12);
        assert_true(s->has_routes);
        assert_int_equal(s->routes_at.line, 12);
        assert_prefix(&s->routes.items[0], "10.70.0.0/24", 12);
        assert_int_equal(s->host_count, 2);
        assert_word(&s->hosts[1].name, "printer", 13, 34);
        assert_ip(&s->hosts[0].addresses.items[0], "192.168.201.55", 13);
        assert_ip(&s->hosts[1].addresses.items[1], "fd00:2::9", 13);
        assert_word(&s->hub, "z", 14, 10);
        assert_word(&s->node.endpoint.host, "2001:db8::7", 15, 15);
        assert_int_equal(s->node.endpoint.ip.family, WG_FAMILY_IPV6);
        assert_int_equal(s->node.endpoint.port, 51822);
        assert_ip(&s->node.addresses.items[1], "fd00:1::10", 16);
        assert_int_equal(s->node.mtu, 1400);
        assert_int_equal(s->node.mtu_at.line, 17);
        s = &n->sites[1];
        assert_word(&s->node.name, "beijing-node", 18, 3);
        assert_word(&s->node.endpoint.host, "203.0.113.7", 18, 46);
        assert_int_equal(s->node.endpoint.port, TL_NETWORK_PORT);
        assert_int_equal(s->gateway, TL_GATEWAY_STATIC_ROUTES);
        assert_int_equal(s->gateway_at.line, 0);
        assert_int_equal(s->node.key_at.line, 0);
        assert_int_equal(s->node.mtu, 0);
        assert_null(s->hub.text);
        assert_false(s->has_routes);
        assert_stand_ins(s);
}

static void assert_people(const struct tl_network *n)
{
        const struct tl_network_person *e = &n->people[0];

        assert_int_equal(n->person_count, 2);
        assert_word(&e->name, "e", 20, 3);
        assert_int_equal(e->groups.count, 2);
        assert_word(&e->groups.items[1], "admins", 21, 26);
        assert_int_equal(e->device_count, 2);
        assert_word(&e->devices[0].node.name, "laptop", 23, 7);
        assert_int_equal(e->devices[0].node.key_at.line, 23);
        assert_word(&e->devices[0].hub, "z", 23, 72);
        assert_ip(&e->devices[0].node.addresses.items[0], "10.70.0.11", 23);
        assert_int_equal(e->devices[0].node.mtu, 1300);
        assert_false(e->devices[0].is_stock);
        assert_true(e->devices[1].is_stock);
        assert_int_equal(e->devices[0].lans.count, 0);
        assert_prefix(&e->devices[1].lans.items[0], "192.168.1.0/24", 24);
        assert_int_equal(n->people[1].device_count, 0);
}

static void assert_services(const struct tl_network *n)
{
        const struct tl_port_list *ports = &n->services[0].ports;

        assert_int_equal(n->service_count, 2);
        assert_word(&n->services[0].name, "git", 27, 3);
        assert_word(&n->services[0].at, "b", 27, 13);
        assert_int_equal(n->services[0].ip.family, WG_FAMILY_NONE);
        assert_int_equal(ports->count, 3);
        assert_range(&ports->items[0], WG_PROTOCOL_TCP, 443, 443);
        assert_range(&ports->items[1], WG_PROTOCOL_UDP, 5000, 5010);
        assert_range(&ports->items[2], WG_PROTOCOL_ICMP, 0, 0);
        assert_int_equal(ports->items[2].at.column, 44);
        assert_int_equal(n->services[1].ip.family, WG_FAMILY_IPV4);
        assert_word(&n->services[1].at, "192.168.200.80", 28, 13);
}

static void assert_lab(const struct tl_network_lab *lab)
{
        assert_int_equal(lab->at.line, 33);
        assert_int_equal(lab->home_count, 2);
        assert_word(&lab->homes[0].who, "e/phone", 34, 11);
        assert_int_equal(lab->homes[0].nat, TL_LAB_NAT_SYMMETRIC);
        assert_true(lab->homes[0].has_nat);
        assert_int_equal(lab->homes[0].mapping_s, 30);
        assert_int_equal(lab->homes[0].mtu, 1280);
        assert_prefix(&lab->homes[0].lan, "10.1.0.0/24", 34);
        assert_false(lab->homes[1].has_nat);
        assert_true(lab->homes[1].redirects);
        assert_false(lab->homes[0].redirects);
        assert_int_equal(lab->host_count, 1);
        assert_word(&lab->hosts[0].name, "d", 35, 23);
        assert_word(&lab->hosts[0].site, "beijing", 35, 13);
        assert_ip(&lab->hosts[0].ip, "192.168.200.244", 35);
        assert_int_equal(lab->network_count, 1);
        assert_word(&lab->networks[0].who, "z", 36, 14);
        assert_int_equal(lab->networks[0].prefixes.count, 2);
        assert_prefix(&lab->networks[0].prefixes.items[1], "10.3.0.0/16", 36);
}

/* Every key fills its field. */
static void test_full(void **state)
{
        struct tl_findings findings = {0};
        struct tl_network n;

        (void)state;
        assert_true(tl_network_parse(&n, full, strlen(full), &findings));
        assert_word(&n.name, "acme", 1, 10);
        assert_word(&n.domain, "acme.example", 2, 9);
        assert_prefix(&n.pool4, "10.70.0.0/24", 3);
        assert_prefix(&n.pool6, "fd00:1::/64", 3);
        assert_prefix(&n.mapped, "10.201.0.0/16", 4);
        assert_int_equal(n.hub_count, 1);
        assert_word(&n.hubs[0].node.name, "z", 6, 3);
        assert_word(&n.hubs[0].node.endpoint.host, "hub.example", 6, 17);
        assert_int_equal(n.hubs[0].node.endpoint.ip.family, WG_FAMILY_NONE);
        assert_int_equal(n.hubs[0].node.endpoint.port, 51821);
        assert_ip(&n.hubs[0].node.addresses.items[0], "10.70.0.9", 6);
        assert_int_equal(n.hubs[0].node.mtu, 1492);
        assert_sites(&n);
        assert_people(&n);
        assert_services(&n);
        assert_int_equal(n.policy_at.line, 29);
        assert_int_equal(n.rule_count, 1);
        assert_int_equal(n.rules[0].at.line, 30);
        assert_word(&n.rules[0].from.items[0], "developers", 30, 12);
        assert_word(&n.rules[0].to.items[1], "e/laptop", 30, 34);
        assert_range(&n.rules[0].ports.items[0], WG_PROTOCOL_TCP, 22, 22);
        assert_int_equal(n.expectation_count, 1);
        assert_word(&n.expectations[0].text, "not e -> b:22", 32, 5);
        assert_true(n.expectations[0].flow.is_negated);
        assert_int_equal(n.expectations[0].from_at.column, 9);
        assert_int_equal(n.expectations[0].to_at.column, 14);
        assert_int_equal(n.expectations[0].flow.port, 22);
        assert_lab(&n.lab);
        tl_network_done(&n);
        tl_findings_done(&findings);
}

/* Without them, the defaults. */
static void test_defaults(void **state)
{
        struct tl_findings findings = {0};
        struct tl_network n;

        (void)state;
        assert_true(tl_network_parse(&n, HEAD, strlen(HEAD), &findings));
        assert_null(n.domain.text);
        assert_prefix(&n.mapped, "10.200.0.0/16", 0);
        assert_int_equal(n.pool6.prefix.ip.family, WG_FAMILY_NONE);
        assert_int_equal(n.policy_at.line, 0);
        assert_int_equal(n.lab.at.line, 0);
        tl_network_done(&n);
        tl_network_done(&n);
        tl_findings_done(&findings);
}

/* Whichever allocation fails, the file is refused, with a finding. */
static void test_no_memory(void **state)
{
        bool is_good = false;
        long most = 0;

        (void)state;
        for (; !is_good; most++) {
                struct tl_findings findings = {0};
                struct tl_network network;

                heap_fail_after(most);
                is_good = tl_network_parse(&network, full, strlen(full), &findings);
                heap_fail_after(-1);
                assert_int_equal(is_good, !tl_findings_has_errors(&findings));
                tl_network_done(&network);
                tl_findings_done(&findings);
        }
        assert_in_range(most, 100, 10000); /* libyaml allocates, too */
}

/* The message of a mistake with little memory left: lost, or complete. */
static void test_no_memory_for_findings(void **state)
{
        static const char text[] = "network: X\naddresses: y\n";

        (void)state;
        for (long most = 0; most < 600; most++) {
                struct tl_findings findings = {0};
                struct tl_network network;

                heap_fail_after(most);
                assert_false(tl_network_parse(&network, text, strlen(text), &findings));
                heap_fail_after(-1);
                assert_true(tl_findings_has_errors(&findings));
                tl_network_done(&network);
                tl_findings_done(&findings);
        }
}

/* A large network: 1,000 sites and 10,000 people. */
static void test_large(void **state)
{
        struct tl_findings findings = {0};
        struct tl_network n;
        char *text;
        size_t len;
        FILE *out = open_memstream(&text, &len);

        (void)state;
        fputs(HEAD "hubs: {z: {endpoint: h, key: " KEY "}}\nsites:\n", out);
        for (int i = 0; i < 1000; i++)
                fprintf(out, "  s%d: {lan: 10.%d.%d.0/24, key: " KEY "}\n", i, i / 256 + 1,
                        i % 256);
        fputs("people:\n", out);
        for (int i = 0; i < 10000; i++)
                fprintf(out,
                        "  p%d:\n    groups: [g%d]\n"
                        "    devices:\n      laptop: {key: " KEY "}\n",
                        i, i % 100);
        fclose(out);
        assert_true(tl_network_parse(&n, text, len, &findings));
        assert_int_equal(n.site_count, 1000);
        assert_int_equal(n.person_count, 10000);
        assert_string_equal(n.people[9999].name.text, "p9999");
        tl_network_done(&n);
        tl_findings_done(&findings);
        free(text);
}

/* Names of keys are unique in each section, and fit into messages. */
static void test_keys(void **state)
{
        (void)state;
        WG_ENUM_EACH(section, &tl_network_section_enum) {
                struct tl_network_keys keys = tl_network_keys(
                        (enum tl_network_section)section->value);

                assert_in_range(keys.count, 1, 16);
                for (size_t i = 0; i < keys.count; i++)
                        for (size_t j = 0; j < i; j++)
                                assert_string_not_equal(keys.items[i].name, keys.items[j].name);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_findings), cmocka_unit_test(test_full),
                cmocka_unit_test(test_defaults), cmocka_unit_test(test_no_memory),
                cmocka_unit_test(test_large),    cmocka_unit_test(test_no_memory_for_findings),
                cmocka_unit_test(test_keys),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
