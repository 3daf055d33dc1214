# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""The list of scenarios: a function becomes one by the decorator @scenario()."""

SCENARIOS = []


class Scenario:
    """A function that takes a Lab and raises Failure or Skip, and how to run it:

    each_peer  run it against every implementation there is, not only against tielined
    ours_only  it shows what the other implementations do not claim to do
    alone      it keeps the machine busy, so nothing else is to run meanwhile
    long       it waits for real time to pass; only with --long
    needs      the programs it uses beside ip, ping and wg
    seconds    it is ended, and has failed, after that time
    """

    def __init__(self, function, each_peer=False, ours_only=False, alone=False, long=False,
                 needs=(), seconds=60):
        self.function = function
        self.name = function.__name__.replace("_", "-")
        self.summary = function.__doc__.split("\n")[0]
        self.each_peer, self.ours_only, self.alone = each_peer, ours_only, alone
        self.long, self.needs, self.seconds = long, needs, seconds


def scenario(**how):
    def register(function):
        SCENARIOS.append(Scenario(function, **how))
        return function
    return register
