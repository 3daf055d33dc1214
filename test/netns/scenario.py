# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""The list of scenarios. The decorator @scenario() adds a function to it."""

SCENARIOS = []


class Scenario:
    """A function that takes a Lab and raises Failure or Skip, and how to run it:

    each_peer  run it against every available implementation, not only against tielined
    ours_only  it shows behaviour that other implementations do not claim
    alone      it keeps the machine busy, so nothing else may run at the same time
    long       it waits for real time to pass; runs only with --long
    needs      the programs it uses besides ip, ping and wg
    seconds    its time limit; past it, it is ended and has failed
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
