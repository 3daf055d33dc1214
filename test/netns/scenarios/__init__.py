# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""The scenarios, one module per subject. Importing this package lists them in scenario.SCENARIOS.

Most run on two hosts with a cable and a tunnel between them, as device.tunnel() draws them. A
scenario with another topology draws its own.
"""

# In the order in which they run.
from scenarios import tunnels
from scenarios import settings
from scenarios import quick  # noqa: F401
from scenarios import quick_rules  # noqa: F401
from scenarios import quick_files  # noqa: F401
from scenarios import quick_endpoints  # noqa: F401
from scenarios import one_lan_apply  # noqa: F401
from scenarios import one_lan_crash  # noqa: F401
from scenarios import stopped  # noqa: F401
from scenarios import systemd  # noqa: F401
from scenarios import one_lan_cli  # noqa: F401
from scenarios import one_lan_lab  # noqa: F401
from scenarios import uapi
from scenarios import status
from scenarios import events  # noqa: F401
from scenarios import routing
from scenarios import paths
from scenarios import pins  # noqa: F401
from scenarios import netns
from scenarios import edges
from scenarios import linkup
from scenarios import cores
from scenarios import kernel_like
from scenarios import wire
from scenarios import hostile
from scenarios import life
from scenarios import logs  # noqa: F401
from scenarios import clock
from scenarios import confinement
from scenarios import faults
from scenarios import strain
from scenarios import offloads
from scenarios import forwarding
from scenarios import bulk
from scenarios import order
from scenarios import fairness
from scenarios import one_lan  # noqa: F401
from scenarios import one_lan_beside  # noqa: F401
from scenarios import one_lan_probe  # noqa: F401
from scenarios import one_lan_overlap  # noqa: F401
from scenarios import one_lan_strict  # noqa: F401
from scenarios import one_lan_untouchable  # noqa: F401
from scenarios import one_lan_mtu  # noqa: F401
from scenarios import sieges

__all__ = ["bulk", "clock", "confinement", "cores", "edges", "fairness", "faults", "forwarding",
           "hostile", "kernel_like", "life", "linkup", "netns", "offloads", "order", "paths",
           "routing", "settings", "sieges", "status", "strain", "tunnels", "uapi", "wire"]
