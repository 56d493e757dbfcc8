"""`hatch run matrix`: the everyday tests on each supported Python that this machine has.

hatch itself would try to download those that are missing, and does not run pyenv's shims.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tools.in_env import find_hatch
from tools.workspace import ROOT, WorkspaceError

__all__ = ["SUPPORTED", "find_interpreters"]

SUPPORTED = ("3.11", "3.12", "3.13", "3.14")


def find_interpreters() -> dict[str, Path]:
    """Return the folder of a working interpreter for each of `SUPPORTED` that there is."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    found = {}
    for version in SUPPORTED:
        candidates = [shutil.which(f"python{version}")]
        candidates += map(str, sorted((pyenv / "versions").glob(f"{version}.*/bin/python")))
        for candidate in candidates:
            if candidate is not None and _is(candidate, version):
                found[version] = Path(candidate).parent
    return found


def _is(python: str, version: str) -> bool:
    # A shim exists for each version that pyenv has, and runs only those that are switched on.
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    result = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    return result.returncode == 0 and result.stdout.strip() == version


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
