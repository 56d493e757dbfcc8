"""Which Pythons this machine has: those on PATH, and pyenv's, which need not be switched on."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

__all__ = ["find_interpreter", "is_interpreter"]


def find_interpreter(version: str) -> Path | None:
    """Return a program that runs that version of Python, such as 3.11, if there is one."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    # pyenv's own first: what PATH has may be a shim, which hatch does not run.
    candidates = sorted((pyenv / "versions").glob(f"{version}.*/bin/python{version}"), reverse=True)
    on_path = shutil.which(f"python{version}")
    candidates += [Path(on_path)] if on_path else []
    return next((each for each in candidates if is_interpreter(each, version)), None)


def is_interpreter(program: str | Path, version: str) -> bool:
    """Tell whether the program runs, and is that version of Python."""
    # A shim exists for each version that pyenv has, and runs only those that are switched on.
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        result = subprocess.run([program, "-c", code], capture_output=True, text=True, check=False)
    except OSError:
        return False
    return result.returncode == 0 and result.stdout.strip() == version
