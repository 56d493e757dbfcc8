"""Run a command of the workspace again, with what a wheel has compiled in place of its sources."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tools.build import unpack_compiled
from tools.workspace import ROOT, load_members

__all__ = ["run_compiled"]


def run_compiled(module: str, arguments: Sequence[str]) -> int:
    """Run `python -m MODULE ARGUMENTS` with compiled packages in front of the checkout's.

    Returns:
        The exit status.

    Raises:
        WorkspaceError: a package does not compile.
    """
    with tempfile.TemporaryDirectory() as folder:
        members = [member for member in load_members() if member.compiled]
        compiled = unpack_compiled(members, Path(folder))
        path = os.pathsep.join([str(compiled), os.environ.get("PYTHONPATH", "")])
        return subprocess.run(
            [sys.executable, "-m", module, *arguments],
            env={**os.environ, "PYTHONPATH": path.rstrip(os.pathsep)},
            cwd=ROOT,
            check=False,
        ).returncode
