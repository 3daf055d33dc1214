# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""The command of a lab: opens connections from its machines, all at once.

The arguments are the program, a file with what each machine is to dial (Trial.list_connections)
and the machines to compare with what was there before, and the file for the answers, by flow, and
the differences, by machine."""

import json
import os
import subprocess
import sys

import foreign

HERE = os.path.dirname(os.path.abspath(__file__))


def main():
    tieline, job, answers = sys.argv[1:]
    with open(job, encoding="ascii") as file:
        jobs = json.load(file)
    clients = {}
    enter = [tieline, "lab", "exec", os.environ["TIELINE_LAB"]]
    for machine, dialled in jobs["dialled"].items():
        client = subprocess.Popen([*enter, machine, "--", "/usr/bin/python3", f"{HERE}/packets.py"],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        json.dump([how for _, how in dialled], client.stdin)
        client.stdin.close()
        clients[machine] = client
    heard = {}
    for machine, client in clients.items():
        found = json.loads(client.stdout.read())
        client.wait()
        heard.update((flow, answer) for (flow, _), answer in zip(jobs["dialled"][machine], found))
    changed = {machine: subprocess.run([*enter, machine, "--", "sh", "-c", foreign.COMPARE],
                                       capture_output=True, text=True, check=False).stdout
               for machine in jobs["changed"]}
    with open(answers, "w", encoding="ascii") as out:
        json.dump({"heard": heard, "changed": changed}, out)


main()
