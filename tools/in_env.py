"""Run a script of another hatch environment: `python -m tools.in_env bench:run ARGUMENTS`.

So that `hatch run bench` is all that one has to remember, while the bench's rivals stay out of
the everyday environment.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tools.workspace import ROOT, WorkspaceError

__all__ = ["find_hatch", "main"]

_GENERATIONS = 5


def find_hatch() -> list[str]:
    """Return the command that runs hatch: the one on PATH, or else the one that runs this.

    Raises:
        WorkspaceError: there is none to be found.
    """
    on_path = shutil.which("hatch")
    if on_path is not None:
        return [on_path]
    pid = os.getppid()
    for _ in range(_GENERATIONS):  # a shell may stand between hatch and this process
        proc = Path(f"/proc/{pid}")
        try:
            argv = [part.decode() for part in (proc / "cmdline").read_bytes().split(b"\0")]
            pid = int((proc / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError):
            break
        if len(argv) > 2 and Path(argv[1]).name == "hatch":
            return argv[:2]
    raise WorkspaceError("hatch is not on PATH")


def main() -> int:
    """Return the exit status of the script."""
    script, *arguments = sys.argv[1:]
    try:
        command = [*find_hatch(), "run", script, *arguments]
    except WorkspaceError as error:
        print(f"{error}; run `hatch run {script}` yourself", file=sys.stderr)
        return 1
    return subprocess.run(command, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
