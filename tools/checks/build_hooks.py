"""Is the build hook the same in every package that compiles modules?

Each package's sdist needs the file, so that there is one in each, and only one is edited.
"""

from __future__ import annotations

from pathlib import Path

from tools.workspace import load_members, member_named

__all__ = ["check_build_hooks"]

_NAME = "hatch_build.py"
_ORIGINAL = "http-parser"


def check_build_hooks(root: Path) -> list[str]:
    """Return a line for each hook that differs from the first, is missing or is of no use."""
    members = load_members(root)
    original = member_named(members, _ORIGINAL).folder / _NAME
    findings = []
    for member in members:
        hook = member.folder / _NAME
        where = hook.relative_to(root)
        if not member.compiled and hook.exists():
            findings.append(f"{where}: pyproject.toml names no modules to compile")
        elif member.compiled and not hook.exists():
            findings.append(f"{where} is missing; copy {original.relative_to(root)}")
        elif member.compiled and hook.read_bytes() != original.read_bytes():
            findings.append(f"{where} differs; edit {original.relative_to(root)} and copy it")
    return findings
