# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Prints the JSON schema of the network file, tieline.yaml(5), for editors.

    schema.py > tieline.schema.json

The build runs it. test/conf/schema.py compares the schema with the parser, and lists the mistakes
that no schema can find. It is draft 7, the newest one that all editors know; its patterns use only
what JavaScript and Python read alike.
"""
import json

# ---- patterns, composed from their parts ----

OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
IPV4 = rf"{OCTET}(?:\.{OCTET}){{3}}"
GROUP = "[0-9A-Fa-f]{1,4}"


def ipv6():
    """RFC 4291, 2.2: eight groups, or fewer with one "::"; an IPv4 address for the last two."""
    forms = [f"(?:{GROUP}:){{7}}{GROUP}", f"(?:{GROUP}:){{6}}{IPV4}",
             f"(?:{GROUP}:){{1,7}}:", f":(?:(?::{GROUP}){{1,7}}|:)"]
    forms += [f"(?:{GROUP}:){{1,{before}}}(?::{GROUP}){{1,{7 - before}}}"
              for before in range(1, 7)]
    forms += [f":(?::{GROUP}){{0,5}}:{IPV4}"]
    forms += [f"(?:{GROUP}:){{{before}}}(?::{GROUP}){{0,{5 - before}}}:{IPV4}"
              for before in range(1, 6)]
    return f"(?:{'|'.join(forms)})"


IPV6 = ipv6()
PREFIX4 = IPV4 + "/0*(?:3[0-2]|[12]?[0-9])"
PREFIX6 = IPV6 + "/0*(?:12[0-8]|1[01][0-9]|[1-9]?[0-9])"
PORT = ("0*(?:6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}"
        "|[1-9][0-9]{0,3})")
NAME = "[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?"
RESERVED = "(?:all|hubs|sites|people|not|true|false|null)"
REFERENCE = f"{NAME}(?:/{NAME})?"
LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
HOST_LABEL = LABEL.replace("a-z", "A-Za-z")
HOST = rf"(?=[^:]{{1,253}}(?::|$))(?:{HOST_LABEL}\.)*{NAME.replace('a-z', 'A-Za-z')}"
ENDPOINT = rf"{IPV6}|\[{IPV6}\](?::{PORT})?|(?:{IPV4}|{HOST})(?::{PORT})?"
SOURCE = rf"(?:{REFERENCE}|{IPV4}|{IPV6}|\[{IPV6}\])"
DESTINATION = (rf"(?:{IPV6}|(?:{REFERENCE}|{IPV4}|\[{IPV6}\])(?::{PORT}(?:/(?:tcp|udp))?)?)")
FLOW = rf"[ \t]*(?:not[ \t]+)?{SOURCE}[ \t]*->[ \t]*{DESTINATION}[ \t]*"


# ---- parts of the schema ----

def text(pattern, description=None, **more):
    described = {"description": description} if description else {}
    return {**described, "type": "string", "pattern": f"^(?:{pattern})$", **more}


def ref(name):
    return {"$ref": f"#/definitions/{name}"}


def described(description, *parts):
    return {"description": description, "allOf": list(parts)}


def some(item, least=1):
    """One item, or a list of at least so many."""
    return {"anyOf": [item, {"type": "array", "items": item, "minItems": least}]}


def one_per_family(item, item4, item6):
    def pair(*items):
        return {"type": "array", "items": list(items), "minItems": 2, "maxItems": 2}
    alone = {"type": "array", "items": item, "minItems": 1, "maxItems": 1}
    return {"anyOf": [item, alone, pair(item4, item6), pair(item6, item4)]}


def section(keys, required=(), may_be_empty=None):
    """A mapping with these keys. Without required ones, it may have no value at all."""
    if may_be_empty is None:
        may_be_empty = not required
    needs = {"required": list(required)} if required else {}
    return {"type": ["object", "null"] if may_be_empty else "object", "properties": keys,
            "additionalProperties": False, **needs}


def named(names, values, description):
    """A mapping from names to values."""
    return {"description": description, "type": ["object", "null"], "propertyNames": names,
            "additionalProperties": values}


DEFINITIONS = {
    "name": text(f"(?!{RESERVED}$){NAME}",
                 "Lower-case letters, digits and hyphens, a letter first."),
    "reference": text(REFERENCE, "The name of an entry of this file, or person/device."),
    "references": some(ref("reference")),
    "ip": text(f"{IPV4}|{IPV6}"),
    "ips": some(ref("ip")),
    "nodeIps": described("Its address in the tunnel, or one for each of IPv4 and IPv6; derived "
                         "unless given.", one_per_family(ref("ip"), text(IPV4), text(IPV6))),
    "prefix4": text(PREFIX4),
    "prefix6": text(PREFIX6),
    "prefix": text(f"{PREFIX4}|{PREFIX6}", "A prefix, such as 192.168.200.0/24."),
    "prefixes": some(ref("prefix")),
    "key": {"description": "Its public key. Private keys never belong in this file.",
            "type": "string", "pattern": "^(?!A{43}=$)[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$"},
    "endpoint": text(ENDPOINT, "Where it can be reached from the Internet: a name or an address, "
                               "and a UDP port, 51820 unless given."),
    "mtu": {"description": "The MTU of its uplink; 1500 unless given.", "type": "integer",
            "minimum": 576, "maximum": 65535},
    "port": {"anyOf": [{"type": "integer", "minimum": 1, "maximum": 65535},
                       text(f"icmp|{PORT}(?:-{PORT})?(?:/(?:tcp|udp))?")]},
    "ports": described("Such as 443, 443/tcp, 5000-5010/udp or icmp.", some(ref("port"))),
    "flow": text(FLOW, "[not] SRC -> DST[:PORT[/udp]]; without a port, a ping."),
    "gatewayKind": {"description": "What the LAN's router does with packets for the other "
                                   "prefixes of the network.",
                    "enum": ["static-routes", "self", "drops-invalid", "dhcp-121",
                             "untouchable"]},
    "gateway": section({"kind": ref("gatewayKind"),
                        "at": described("The router's addresses in the LANs.", ref("ips")),
                        "routes": described("The static routes that the router has; all that are "
                                            "needed unless given.", some(ref("prefix"), 0))},
                       required=["kind"]),
    "siteNode": section({"name": ref("name"),
                         "at": described("Its addresses in the LANs.", ref("ips"))},
                        may_be_empty=False),
    "hosts": named(ref("name"), ref("ips"), "Devices on the LANs that do not run Tieline."),
    "here": text(f"{IPV4}|{IPV6}|{PREFIX4}|{PREFIX6}"),
    "virtual": {"description": "Addresses of the LAN that stand for machines elsewhere, where "
                               "nobody can change the router.",
                "anyOf": [some(ref("prefix")),
                          {"type": "object", "propertyNames": ref("here"),
                           "patternProperties": {
                               f"^(?:{IPV4}|{IPV6})$": {"anyOf": [ref("reference"), ref("here")]},
                               "/": {"anyOf": [{"const": "auto"}, ref("here")]}}}]},
    "hub": section({"endpoint": ref("endpoint"), "key": ref("key"), "address": ref("nodeIps"),
                    "mtu": ref("mtu")}, required=["endpoint"]),
    "site": section({"lan": described("The prefix of its LAN, or a list.", ref("prefixes")),
                     "node": {"description": "The machine that runs Tieline.",
                              "anyOf": [ref("name"), ref("siteNode")]},
                     "key": ref("key"),
                     "gateway": {"anyOf": [ref("gatewayKind"), ref("gateway")]},
                     "devices": ref("hosts"), "virtual": ref("virtual"),
                     "hub": described("Its hub; the first one unless given.", ref("reference")),
                     "endpoint": ref("endpoint"), "address": ref("nodeIps"), "mtu": ref("mtu")},
                    required=["lan"]),
    "device": section({"key": ref("key"),
                       "stock": {"description": "It runs another WireGuard, such as a phone's.",
                                 "type": "boolean"},
                       "lan": described("Networks that it is usually in, at home for example.",
                                        ref("prefixes")),
                       "hub": described("Its hub; the first one unless given.", ref("reference")),
                       "address": ref("nodeIps"), "mtu": ref("mtu")}),
    "person": section({"groups": described("Groups that rules can name.", some(ref("name"), 0)),
                       "devices": named(ref("name"), ref("device"), "Their devices.")}),
    "service": section({"at": {"description": "The name of a device or node, or an address.",
                               "anyOf": [ref("reference"), ref("ip")]},
                        "ports": ref("ports")}, required=["at", "ports"]),
    "rule": section({"from": ref("references"), "to": ref("references"), "ports": ref("ports")},
                    required=["from", "to"]),
    "home": section({"nat": {"enum": ["masquerade", "symmetric", "none"]},
                     "nat-timeout": {"description": "Lifetime of a UDP mapping, in seconds.",
                                     "type": "integer", "minimum": 1, "maximum": 86400},
                     "mtu": ref("mtu"), "lan": ref("prefix"),
                     "redirects": {"description": "The router of the site sends ICMP redirects.",
                                   "type": "boolean"}}),
    "lab": section({"homes": named(ref("reference"), ref("home"),
                                   "What the providers of sites and people do."),
                    "devices": named(ref("reference"),
                                     named(ref("name"), ref("ip"), "Names and addresses."),
                                     "Devices that exist in the lab only, for each site."),
                    "networks": named(ref("reference"), ref("prefixes"),
                                      "More networks of nodes, such as that of Docker.")}),
}

NETWORK = section({
    "network": described("The network's name, and that of its interface.", ref("name"),
                         {"maxLength": 15, "not": {"enum": ["default", "lo"]}}),
    "domain": text(rf"(?:{LABEL}\.)*{NAME}", "The network's domain; NAME.internal unless given.",
                   maxLength=253),
    "addresses": described("The pool of addresses in the tunnel, or one for each of IPv4 and IPv6.",
                           one_per_family(ref("prefix"), ref("prefix4"), ref("prefix6"))),
    "mapped": described("The pool of mapped prefixes; 10.200.0.0/16 unless given.",
                        ref("prefix4")),
    "hubs": named(ref("name"), ref("hub"),
                  "Machines with public addresses, which join the others."),
    "sites": named({"allOf": [ref("name"), {"maxLength": 58}]}, ref("site"), "Offices."),
    "people": named(ref("name"), ref("person"), "People and their devices."),
    "services": named(ref("name"), ref("service"), "Names for ports of devices."),
    "policy": {"description": "What is allowed; everything if there is no policy.",
               "type": "array", "items": ref("rule")},
    "expect": {"description": "Connections that must work, or after `not`, must fail.",
               "anyOf": [{"type": "null"}, some(ref("flow"), 0)]},
    "lab": described("What `tieline lab` builds around the network.", ref("lab")),
}, required=["network", "addresses"])


def main():
    schema = {"$schema": "http://json-schema.org/draft-07/schema#",
              "$comment": "SPDX-License-Identifier: MIT OR GPL-2.0-only",
              "title": "Tieline network file", **NETWORK, "definitions": DEFINITIONS}
    print(json.dumps(schema, indent=2))


if __name__ == "__main__":
    main()
