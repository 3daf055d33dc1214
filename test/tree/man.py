# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Man pages pass mandoc's lint, are installed, and have every command and option of tieline."""
import re

import tree

# Other packages' pages need not be installed where the check runs.
HARMLESS = ("referenced manual not found", "outdated mandoc.db")

PLANTED = {
    "a block that is not closed":
        ("doc/planted.8", ".Dd $Mdocdate$\n.Dt PLANTED 8\n.Os\n.Sh NAME\n.Nm planted\n"
         ".Nd planted\n.Bl -tag\n", "doc/planted.8:"),
    "a page that is not installed":
        ("doc/planted.8", ".Dd January 1, 2026\n", "does not install"),
    "a command that the page lacks":
        ("cli/commands.c", '{.name = "planted"},\n', "does not describe the command planted"),
    "a command that only the page has":
        ("doc/tieline.8", ".Bl -tag -width Ds\n.It Cm planted\nPlanted.\n.El\n",
         "there is no command planted"),
    "an option that the page lacks":
        ("cli/command.h", '/* X(TL_CLI_PLANTED, planted, NULL, "planted") */\n',
         "does not describe --planted"),
    "an option that only the page has":
        ("doc/tieline.8", ".Bl -tag -width Ds\n.It Fl -planted\nPlanted.\n.El\n",
         "there is no option --planted"),
}

PAGE = "doc/tieline.8"
COMMAND = re.compile(r"""\{\s*\.name = "([\w-]+)".*?(?=\{\s*\.name = |\Z)""", re.DOTALL)
OPTION = re.compile(r"""X\(TL_CLI_\w+, ([\w-]+), (?:NULL|"[^"]*"),\s*(?:\\\s*)?"[^"]""")


def tieline(root):
    """The differences between the table of tieline's commands and its page."""
    page = (root / PAGE).read_text()
    table = (root / "cli" / "commands.c").read_text()
    commands = {found[1] for found in COMMAND.finditer(table) if "is_hidden" not in found[0]}
    options = set(OPTION.findall((root / "cli" / "command.h").read_text())) | {"help", "version"}
    described = set(re.findall(r"^\.It Cm ([\w-]+)", page, re.M))
    explained = set(re.findall(r"^\.It Fl (?:\w , )?-([\w-]+)", page, re.M))
    findings = [f"{PAGE}:1: does not describe the command {name}" for name in commands - described]
    findings += [f"{PAGE}:1: there is no command {name}" for name in described - commands]
    findings += [f"{PAGE}:1: does not describe --{name}" for name in options - explained]
    findings += [f"{PAGE}:1: there is no option --{name}" for name in explained - options]
    return findings


def check(root, _build=None):
    tree.need("mandoc")
    findings = []
    installs = (root / "doc" / "meson.build").read_text()
    for path in tree.files(root):
        if not re.fullmatch(r"\.[1-9]", path.suffix):
            continue
        _, output = tree.run("mandoc", "-Tlint", "-Wstyle", path, cwd=root)
        findings += [line.removeprefix("mandoc: ") for line in output.splitlines()
                     if not any(word in line for word in HARMLESS)]
        if f"'{path.name}'" not in installs:
            findings.append(f"{path}:1: doc/meson.build does not install it")
    return findings + tieline(root)


if __name__ == "__main__":
    tree.main(check)
