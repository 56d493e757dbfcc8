"""Fixtures of the workspace commands' own tests."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tools.workspace import ROOT, load_members

pytest_plugins = ["pytester"]

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def workspace_copy(tmp_path: Path) -> Path:
    """A copy of the packages and of the workspace's configuration, to break on purpose."""
    copy = tmp_path / "workspace"
    copy.mkdir()
    for name in ("pyproject.toml", "hatch.toml"):
        shutil.copy(ROOT / name, copy / name)
    hidden = shutil.ignore_patterns("__pycache__", "tests", "build", "*.so")
    shutil.copytree(ROOT / "tools", copy / "tools", ignore=hidden)
    for member in load_members():
        shutil.copytree(member.folder, copy / member.folder.relative_to(ROOT), ignore=hidden)
    return copy


@pytest.fixture
def run_in(workspace_copy: Path) -> Run:
    """Run a command in the copy, which sees the copy's packages instead of the checkout's."""
    sources = [str(workspace_copy / "packages" / m.folder.name / "src") for m in load_members()]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([*sources, str(workspace_copy)])}

    def run(*command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=workspace_copy,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


@pytest.fixture
def lint_imports(run_in: Run) -> Callable[[], subprocess.CompletedProcess[str]]:
    """Run import-linter in the copy."""
    return lambda: run_in(str(Path(sys.executable).with_name("lint-imports")), "--no-cache")
