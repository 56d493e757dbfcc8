"""`hatch run matrix`: the everyday tests on each supported Python that this machine has.

hatch itself would try to download those that are missing, and does not run pyenv's shims.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tools.in_env import find_hatch
from tools.interpreters import find_interpreter
from tools.workspace import ROOT, WorkspaceError

__all__ = ["SUPPORTED", "find_interpreters"]

SUPPORTED = ("3.11", "3.12", "3.13", "3.14")


def find_interpreters() -> dict[str, Path]:
    """Return the folder of a working interpreter for each of `SUPPORTED` that there is."""
    found = {version: find_interpreter(version) for version in SUPPORTED}
    return {version: program.parent for version, program in found.items() if program is not None}


def main() -> int:
    """Return the exit status: 0 when the tests passed on every Python that was found."""
    found = find_interpreters()
    environment = {**os.environ, "UV_PYTHON_DOWNLOADS": "never"}
    environment["PATH"] = os.pathsep.join([os.environ["PATH"], *map(str, found.values())])
    failed = []
    for version in SUPPORTED:
        if version not in found:
            print(f"Python {version}: not on this machine, left out", flush=True)
            continue
        print(f"Python {version}: {found[version]}", flush=True)
        try:
            command = [*find_hatch(), "run", f"+py={version}", "matrix:test", *sys.argv[1:]]
        except WorkspaceError as error:
            print(error, file=sys.stderr)
            return 1
        if subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode:
            failed.append(version)
    if failed:
        print(f"failed on Python {', '.join(failed)}", file=sys.stderr)
    return 1 if failed or not found else 0


if __name__ == "__main__":
    sys.exit(main())
