"""One package's next version: written into the tree, with its changelog entry."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from packaging.version import InvalidVersion, Version

from tools.checks.fragments import check_fragments, fragments_of
from tools.checks.ranges import stale_ranges
from tools.workspace import Member, WorkspaceError, load_members, member_named

__all__ = ["bump", "next_version"]


def next_version(current: Version, wanted: str) -> Version:
    """Return the version after `current`.

    Args:
        current: the version in the tree.
        wanted: `major`, `minor`, `patch`, or the version itself (`0.4.0rc1`). From a pre-release,
            the part that it prepares leads to its release: `patch` makes 0.3.1 of 0.3.1rc2.
            `current` is the version in the tree, for one that was never released.

    Raises:
        WorkspaceError: `wanted` is none of these, or does not come after `current`.
    """
    major, minor, patch = current.major, current.minor, current.micro
    pre = current.is_prerelease
    steps = {
        "current": (major, minor, patch),
        "major": (major, 0, 0) if pre and minor == patch == 0 else (major + 1, 0, 0),
        "minor": (major, minor, 0) if pre and patch == 0 else (major, minor + 1, 0),
        "patch": (major, minor, patch) if pre else (major, minor, patch + 1),
    }
    if wanted in steps and not (wanted == "current" and pre):
        return Version(".".join(map(str, steps[wanted])))
    try:
        version = Version(wanted)
    except InvalidVersion as error:
        raise WorkspaceError(
            f"{wanted!r} is neither major, minor, patch, current nor a version such as 0.4.0rc1"
        ) from error
    if version <= current or len(version.release) != 3 or version.local:
        raise WorkspaceError(f"{wanted} is not a version x.y.z that comes after {current}")
    return version


def bump(root: Path, name: str, wanted: str) -> list[str]:
    """Write the next version of the package `name` and turn its fragments into a changelog entry.

    Nothing else is changed: ranges of siblings that have to follow are returned, not rewritten.

    Returns:
        What was done and what is left to do, a line each.

    Raises:
        WorkspaceError: there is nothing to release or something is wrong; nothing was changed.
    """
    members = load_members(root)
    member = member_named(members, name)
    old, new = member.version, next_version(member.version, wanted)
    if f"## {new} (" in (member.folder / "CHANGELOG.md").read_text():
        raise WorkspaceError(f"{member.distribution} {new} has its changelog entry already")
    findings = check_fragments(root)
    if findings:
        raise WorkspaceError("\n".join(findings))
    fragments = fragments_of(member)
    if not fragments:
        raise WorkspaceError(
            f"{member.folder.relative_to(root)}/changes holds no fragment: nothing to release"
        )
    _write_changelog(root, member, new)
    member.write_version(new)
    if (root / ".git").exists():  # towncrier has staged what it did: nothing may be left behind
        subprocess.run(["git", "add", str(member.version_file)], cwd=root, check=True)
    return [
        f"{member.distribution} {old} -> {new}, with {len(fragments)} changelog fragment(s)",
        f"after the commit, tag it: {member.distribution}-v{new}",
        *(
            f"to change by hand, with a fragment there: {finding}"
            for finding in stale_ranges(members, member, root)
        ),
    ]


def _write_changelog(root: Path, member: Member, version: Version) -> None:
    command = [sys.executable, "-m", "towncrier", "build", "--yes", "--version", str(version)]
    command += ["--dir", str(member.folder), "--config", str(root / "tools/release/towncrier.toml")]
    result = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if result.returncode:
        raise WorkspaceError(f"towncrier failed:\n{result.stdout}{result.stderr}")
