# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""`tieline apply` and `tieline down` that are killed, or refused memory, at any step."""

import random
import re
import signal
import time

from device import is_sanitized
from lab import Skip, expect, expect_same, read
from office_node import APPLY, NAME, OfficeNode, expect_alike
from scenario import scenario


class Trial:
    """A node, and what it looks like when nothing goes wrong."""

    def __init__(self, lab):
        self.node = OfficeNode(lab)
        self.before = self.node.picture()
        self.up = [self.clean(number) for number in (0, 1)]
        self.down("a clean run")

    def clean(self, number):
        """What the node looks like with that file."""
        picture = self.node.apply(number)
        expect_same(self.node.plan(), 0, f"exit status of plan with file {number}")
        return picture

    def applies(self, number, what):
        expect_alike(self.node.apply(number), self.up[number], f"the node after {what}, and apply")
        self.node.tieline("down", NAME)

    def down(self, what):
        self.node.tieline("down", NAME)
        expect_alike(self.node.picture(), self.before, f"the node after {what}, and down")


def kill_all(trial, begin, stride, *command):
    """Kills a command before its steps, one in `stride`, with the node in the state that begin()
    makes. The next command is `apply`, with either file, or `down`. Returns how many steps there
    are."""
    step = random.randrange(stride) + 1
    turn = 0
    while begin() or trial.node.strike(signal.SIGKILL, step, *command) is not None:
        what = f"{' '.join(command)}, killed at step {step}"
        if turn % 2:
            trial.applies(turn // 2 % 2, what)
        else:
            trial.down(what)
        step += stride
        turn += 1
    trial.down(f"{' '.join(command)}, not killed")
    return step - stride


@scenario(ours_only=True, needs=("nft", "nsenter"), seconds=400)
def node_killed_at_any_step(lab):
    """If apply or down is killed at any step, the next one reaches the planned or old state."""
    trial = Trial(lab)

    def is_new():
        trial.node.use(0)

    def is_changed():
        trial.node.use(0)
        trial.node.tieline(*APPLY)
        trial.node.use(1)

    steps = [kill_all(trial, is_new, 2, *APPLY),
             kill_all(trial, is_changed, 4, *APPLY),
             kill_all(trial, is_changed, 4, "down", NAME)]
    expect(min(steps) > 20, f"there are many steps: {steps}")
    lab.notes.append(f"{steps} steps")


@scenario(ours_only=True, needs=("nft", "nsenter"), seconds=120)
def node_interrupted_at_any_step(lab):
    """If apply is told to end at any step, it undoes what it has done, or has done everything."""
    trial = Trial(lab)
    signals = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    step, failed = 1, 0
    trial.node.use(0)
    while (status := trial.node.strike(signals[step % 3], step, *APPLY)) is not None:
        what = f"apply, interrupted at step {step}, with status {status}"
        expect_alike(trial.node.picture(), trial.before if status else trial.up[0],
                     f"the node after {what}")
        if status == 0:
            trial.node.tieline("down", NAME)
        failed += status != 0
        step += 3
    expect(failed > 5, f"some are undone: {failed}")
    trial.down("apply, not interrupted")
    lab.notes.append(f"{step // 3} steps")


@scenario(ours_only=True, needs=("nft", "nsenter"), seconds=120)
def node_is_refused_memory(lab):
    """If an allocation is refused, apply and down do all or nothing, and say why."""
    if is_sanitized(lab.mine):
        raise Skip("sanitizers have their own malloc; other builds are tested")
    seed = random.randrange(1 << 32)
    lab.notes.append(f"seed {seed}")
    chance = random.Random(seed)
    trial = Trial(lab)
    report = lab.file("starve")
    tried = 0

    def starve(nth, command):
        open(report, "w", encoding="ascii").close()
        words = APPLY if command == "apply" else (command, NAME)
        return trial.node.tieline(*words, check=False, env={
            "LD_PRELOAD": lab.tool("starve.so"), "STARVE_AT": nth, "STARVE_REPORT": report})

    trial.node.use(0)
    starve(0, "apply")
    total = max(int(number) for number in re.findall(rb"counted (\d+)", read(report)))
    trial.down("counting")
    deadline = time.monotonic() + 12
    while time.monotonic() < deadline:
        nth, command = chance.randrange(1, total + 1), chance.choice(("apply", "apply", "down"))
        if command == "down":
            trial.node.apply(0)
        done = starve(nth, command)
        what = f"{command} without allocation {nth} (seed {seed}): {done.stderr}"
        expect(done.returncode in (0, 1), f"{what}: status {done.returncode}")
        expect(done.returncode == 0 or done.stderr, f"{what}: a reason")
        if command == "apply":
            expect_alike(trial.node.picture(), trial.before if done.returncode else trial.up[0],
                         f"the node after {what}")
        trial.down(what)
        tried += 1
    lab.notes.append(f"{tried} of {total} allocations")
