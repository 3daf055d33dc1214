# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Shell scripts parse and pass shellcheck, Python compiles, and files with a #! are executable."""
import os
import tree

PLANTED = {
    "a shell script that does not parse":
        ("scripts/planted.sh", "#!/bin/sh\nif true; then\n", "scripts/planted.sh:"),
    "an unquoted variable":
        ("scripts/planted.sh", "#!/bin/sh\nrm $1\n", "SC2086"),
    "Python that does not compile":
        ("scripts/planted.py", "def f(:\n", "scripts/planted.py:1"),
    "a script that is not executable":
        ("scripts/planted.sh", "#!/bin/sh\nexit 0\n", "is not executable"),
}


def interpreter(root, path):
    """The interpreter of a script: sh, bash, python3, ...; None if the file has no #! line."""
    with open(root / path, "rb") as file:
        first = file.readline()
    if not first.startswith(b"#!"):
        return None
    return first.decode("utf-8", "replace").split()[-1].split("/")[-1]


def shell(root, path, dialect):
    status, output = tree.run(dialect, "-n", path, cwd=root)
    if status:
        return [f"{path}:1: {output.strip()}"]
    _, output = tree.run("shellcheck", "--format=gcc", f"--shell={dialect}", "--external-sources",
                         path, cwd=root)
    return output.splitlines()


def python(root, path):
    try:
        compile((root / path).read_bytes(), str(path), "exec")
    except SyntaxError as error:
        return [f"{path}:{error.lineno}: {error.msg}"]
    return []


def check(root, _build=None):
    tree.need("shellcheck", "bash", "sh")
    findings = []
    for path in tree.files(root):
        runs = interpreter(root, path)
        if runs and not os.access(root / path, os.X_OK):
            findings.append(f"{path}:1: has a #! line and is not executable")
        if runs in ("sh", "bash"):
            findings += shell(root, path, runs)
        elif "completion" in path.parts:
            findings += shell(root, path, "bash")
        elif path.suffix == ".py" or runs == "python3":
            findings += python(root, path)
    return findings


if __name__ == "__main__":
    tree.main(check)
