"""Finding hatch, and the interpreters of the matrix, on machines of different shapes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools.matrix import SUPPORTED, find_interpreters
from tools.workspace import ROOT

SHOW = "from tools.in_env import find_hatch; print(find_hatch())"


def python(code: str, folder: Path, *argv: str) -> subprocess.CompletedProcess[str]:
    """Run `code` with nothing on PATH but `folder`."""
    return subprocess.run(
        [*argv, sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "PATH": str(folder), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_hatch_on_the_path_is_taken(tmp_path: Path) -> None:
    program = tmp_path / "hatch"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert python(SHOW, tmp_path).stdout.strip() == str([str(program)])


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_the_hatch_that_started_this_is_taken_when_there_is_none_on_the_path(
    tmp_path: Path,
) -> None:
    parent = tmp_path / "elsewhere" / "hatch"
    parent.parent.mkdir()
    parent.write_text("import subprocess, sys; subprocess.run(sys.argv[1:], check=True)")
    result = python(SHOW, tmp_path, sys.executable, str(parent))
    assert result.stdout.strip() == str([sys.executable, str(parent)]), result.stderr


def test_the_interpreters_that_work_are_found() -> None:
    found = find_interpreters()
    running = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert set(found) <= set(SUPPORTED)
    for version, folder in found.items():
        program = shutil.which(f"python{version}", path=str(folder))
        assert program is not None
        output = subprocess.run([program, "-V"], capture_output=True, text=True, check=True).stdout
        assert output.startswith(f"Python {version}.")
    assert running not in SUPPORTED or running in found
