# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""What other programs have on a node before we come. It must stay as it is, and packets must pass
beside it, or `tieline apply` must name what is in the way."""

import os
import shlex

TABLES = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "tables"))


def rules(name):
    """The path of rules that iptables-save has written, for a shell."""
    return shlex.quote(os.path.join(TABLES, name))


# A link as other programs make them.
LINK = """\
ip link add {link} type veth peer name far{link}
ip link set {link} up
ip link set far{link} up
ip addr add {address} dev {link}
"""

DOCKER = f"""\
{LINK.format(link="docker0", address="172.17.0.1/16")}
sysctl -qw net.ipv4.ip_forward=1
iptables-restore {rules("docker.rules")}
"""

# With the commands that tieline prints.
DOCKER_PASSES = f"""{DOCKER}
iptables -I DOCKER-USER -i n -j ACCEPT
iptables -I DOCKER-USER -o n -j ACCEPT
"""

# The same with ufw, and the node's own ports open.
UFW_PASSES = f"""\
iptables-restore {rules("ufw.rules")}
ip6tables-restore {rules("ufw6.rules")}
for way in '-i n' '-o n'; do
    iptables -A ufw-user-forward $way -j ACCEPT
    ip6tables -A ufw6-user-forward $way -j ACCEPT
done
for what in '-i n' '-i eth+'; do
    iptables -A ufw-user-input $what -j ACCEPT
    ip6tables -A ufw6-user-input $what -j ACCEPT
done
"""

TAILSCALE = f"""\
{LINK.format(link="tailscale0", address="100.101.102.103/32")}
ip rule add priority 5210 fwmark 0x80000/0xff0000 table main
ip rule add priority 5230 fwmark 0x80000/0xff0000 table default
ip rule add priority 5250 fwmark 0x80000/0xff0000 unreachable
ip rule add priority 5270 table 52
ip route add 100.100.100.100 dev tailscale0 table 52
iptables-restore {rules("tailscale.rules")}
"""

# Containers behind a NAT of their own, and a firewall that knows connections.
CONTAINERS = f"""\
{LINK.format(link="cni0", address="10.88.0.1/16")}
nft -f - <<'END'
table ip containers {{
        chain postrouting {{
                type nat hook postrouting priority srcnat
                ip saddr 10.88.0.0/16 ip daddr != 10.88.0.0/16 masquerade
        }}
        chain prerouting {{
                type nat hook prerouting priority dstnat
                fib daddr type local tcp dport 8088 dnat to 10.88.0.2:80
        }}
        chain output {{
                type nat hook output priority -100
                ip daddr 127.0.0.1 tcp dport 8088 dnat to 10.88.0.2:80
        }}
}}
table inet firewall {{
        chain forward {{
                type filter hook forward priority filter
                ct state established,related accept
                counter
                ip saddr 10.88.0.0/16 drop
        }}
        chain input {{
                type filter hook input priority filter
                ct state invalid counter
                iifname "cni0" drop
        }}
}}
END
"""

# What an administrator does: routes, rules and tables for something else.
ROUTES = f"""\
{LINK.format(link="dmz0", address="10.55.0.1/24")}
ip route add 10.56.0.0/16 via 10.55.0.2
ip route add blackhole 10.57.0.0/16
ip -6 route add unreachable fd99::/48
ip rule add priority 900 fwmark 0x7 lookup 100
ip rule add priority 901 from 10.55.0.0/24 lookup 100
ip route add default via 10.55.0.2 table 100
"""

# As many distributions set it: the way back must be the way that a packet came.
STRICT = """\
sysctl -qw net.ipv4.conf.all.rp_filter=1
sysctl -qw net.ipv4.conf.default.rp_filter=1
for link in /proc/sys/net/ipv4/conf/eth*; do echo 1 >$link/rp_filter; done
"""
LOOSE = STRICT.replace("=1", "=2").replace("echo 1", "echo 2")

PASSING = {"docker": DOCKER_PASSES, "ufw": UFW_PASSES, "tailscale": TAILSCALE,
           "containers": CONTAINERS, "routes": ROUTES, "strict": STRICT, "loose": LOOSE}
DROPPING = {"docker-drops": (DOCKER, "Docker")}

# Not a program: a fault, which nobody can foresee, for testing the tests.
PLANTED = """\
nft add table inet planted
nft add chain inet planted srcnat '{ type nat hook postrouting priority 50; }'
nft add rule inet planted srcnat oifname "eth*" tcp dport 443 masquerade
"""
SCRIPTS = {**PASSING, **{name: script for name, (script, _) in DROPPING.items()},
           "planted": PLANTED}

# Programs that would each change the same tables.
ALONE = {"docker", "ufw", "tailscale"}, {"strict", "loose"}

# Everything of others, without what packets count and without what is ours.
PICTURE = r"""
for save in iptables-save ip6tables-save; do $save | sed '/^#/d; s/\[[0-9:]*\]//'; done
nft -s list ruleset | sed '/^table inet tieline-/,/^}/d'
(ip rule; ip -6 rule) | grep -v 'proto 109'
for table in main 52 100; do
    for family in -4 -6; do ip $family route show table $table 2>/dev/null || true; done
done | sed '/proto 109/d; / dev n /d; /^fe80/d; s/ expires .*//'
"""
SAVED = "/etc/others-before"  # in the memory of the machine


def move_in(draw, case):
    """Gives some of the nodes what other programs have."""
    busy = case.file.get("lab", {}).get("networks", ())  # they have a docker0 already
    nodes = [name for name in case.nodes()
             if draw.chance(40) and name.partition("/")[0] not in busy]
    for name in nodes:
        chosen = draw.some(PASSING, 2)
        if not any(len(group.intersection(chosen)) > 1 for group in ALONE):
            case.before[name] = chosen
    if len(case.file["sites"]) > 1 and draw.chance(10):
        dropping = draw.choice(list(DROPPING))
        node = draw.choice(case.site_nodes())
        if node not in busy and case.carries_ipv4(node):
            case.before[node] = [dropping]
            case.refusal = DROPPING[dropping][1]


def script(before):
    """The command for `tieline lab --before`; None if there is nothing to do."""
    if not before:
        return None
    parts = [f"{name})\n" + "\n".join(SCRIPTS[one] for one in chosen) +
             f"\n({PICTURE}) >{SAVED};;\n" for name, chosen in before.items()]
    return 'case "$TIELINE_MACHINE" in\n' + "".join(parts) + "esac"


COMPARE = f"({PICTURE}) | diff {SAVED} -"
