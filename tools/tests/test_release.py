"""Releases, made for real in a copy of the workspace."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from packaging.version import Version

from tools.release.bump import bump, next_version
from tools.workspace import WorkspaceError, load_members, member_named

Run = Callable[..., "CompletedProcess[str]"]


@pytest.mark.parametrize(
    ("current", "wanted", "expected"),
    [
        ("0.1.0", "patch", "0.1.1"),
        ("0.1.4", "minor", "0.2.0"),
        ("0.9.4", "major", "1.0.0"),
        ("0.1.0", "0.2.0rc1", "0.2.0rc1"),
        ("0.2.0rc1", "minor", "0.2.0"),
        ("0.2.0rc1", "patch", "0.2.0"),
        ("0.2.1rc1", "minor", "0.3.0"),
        ("1.0.0rc1", "major", "1.0.0"),
        ("1.1.0rc1", "major", "2.0.0"),
    ],
)
def test_next_version(current: str, wanted: str, expected: str) -> None:
    assert next_version(Version(current), wanted) == Version(expected)


@pytest.mark.parametrize("wanted", ["0.1.0", "0.0.9", "0.2", "0.2.0+local", "newer", ""])
def test_what_is_no_next_version(wanted: str) -> None:
    with pytest.raises(WorkspaceError, match=r"comes after 0\.1\.0|neither major"):
        next_version(Version("0.1.0"), wanted)


def only_fragments(copy: Path, package: str, **texts: str) -> Path:
    """Leave exactly these fragments (type -> text) in the package's folder, and return it."""
    folder = copy / "packages" / package
    for path in (folder / "changes").glob("*.md"):
        path.unlink()
    for kind, text in texts.items():
        (folder / "changes" / f"+some-{kind}.{kind}.md").write_text(text + "\n")
    return folder


def test_a_patch_writes_version_and_changelog_and_nothing_else(
    workspace_copy: Path, run_in: Run
) -> None:
    folder = only_fragments(workspace_copy, "connector", fixed="No leak.", added="A door.")
    before = {p: p.read_bytes() for p in workspace_copy.rglob("*") if p.is_file()}
    old = member_named(load_members(workspace_copy), "connector").version

    result = run_in(sys.executable, "-m", "tools.release", "bump", "connector", "patch")

    assert (result.returncode, result.stderr) == (0, "")
    new = next_version(old, "patch")
    assert f"whimbrel-connector-v{new}" in result.stdout
    assert "by hand" not in result.stdout
    entry = (folder / "CHANGELOG.md").read_text()
    title, marker, text = entry.partition("<!-- towncrier release notes start -->")
    assert title.startswith("# Changelog of whimbrel-connector"), marker
    assert text.strip().startswith(f"## {new} (")
    assert text.index("### Added") < text.index("- A door.") < text.index("### Fixed")
    assert text.index("### Fixed") < text.index("- No leak.")
    after = {
        p: p.read_bytes()
        for p in workspace_copy.rglob("*")
        if p.is_file() and "__pycache__" not in p.parts
    }
    changed = {p.name for p in before.keys() | after.keys() if before.get(p) != after.get(p)}
    assert changed == {
        "_version.py",
        "CHANGELOG.md",
        "+some-fixed.fixed.md",
        "+some-added.added.md",
    }
    assert member_named(load_members(workspace_copy), "connector").version == new


def test_a_minor_says_which_ranges_must_follow_and_the_check_insists(
    workspace_copy: Path, run_in: Run
) -> None:
    only_fragments(workspace_copy, "http-parser", changed="All is new.")
    new = next_version(member_named(load_members(workspace_copy), "http-parser").version, "minor")
    check = (sys.executable, "-m", "tools.release", "check")
    assert run_in(*check).returncode == 0

    report = bump(workspace_copy, "whimbrel-http-parser", "minor")

    series = f">={new.major}.{new.minor},<{new.major}.{new.minor + 1}"
    by_hand = [line for line in report if line.startswith("to change by hand")]
    for folder, extras in (
        ("connector", ""),
        ("client", ""),
        ("client", "[brotli]"),
        ("client", "[zstd]"),
        ("client", "[brotli,zstd]"),
    ):
        wanted = f"should be whimbrel-http-parser{extras}{series}:"
        (line,) = [line for line in by_hand if f"packages/{folder}/" in line and wanted in line]
        by_hand.remove(line)
    assert by_hand == []
    result = run_in(*check)
    assert result.returncode == 1
    assert f"whimbrel-http-parser{series}" in result.stderr


@pytest.mark.parametrize(
    ("fragments", "arguments", "message"),
    [
        ({}, ("cookiejar", "patch"), "nothing to release"),
        ({"improved": "?"}, ("cookiejar", "patch"), "a fragment is called"),
        ({"fixed": "F."}, ("cookiejar", "later"), "neither major"),
        ({"fixed": "F."}, ("biscuits", "patch"), "no package is called 'biscuits'"),
    ],
)
def test_what_cannot_be_released_changes_nothing(
    workspace_copy: Path,
    run_in: Run,
    fragments: dict[str, str],
    arguments: tuple[str, str],
    message: str,
) -> None:
    folder = only_fragments(workspace_copy, "cookiejar", **fragments)
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    result = run_in(sys.executable, "-m", "tools.release", "bump", *arguments)
    assert result.returncode == 1
    assert message in result.stderr
    assert {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()} == before


def test_the_version_in_the_tree_is_released_once_and_staged_whole(
    workspace_copy: Path, run_in: Run
) -> None:
    folder = only_fragments(workspace_copy, "cookiejar", added="A jar.")
    for command in (["init", "-q"], ["add", "-A"]):
        assert run_in("git", *command).returncode == 0
    identity = ("-c", "user.name=n", "-c", "user.email=n@localhost")
    assert run_in("git", *identity, "commit", "-q", "-m", "all").returncode == 0
    current = member_named(load_members(workspace_copy), "cookiejar").version

    bump(workspace_copy, "cookiejar", "current")

    assert f"## {current} (" in (folder / "CHANGELOG.md").read_text()
    only_fragments(workspace_copy, "cookiejar", fixed="A crumb.")
    with pytest.raises(WorkspaceError, match="changelog entry already"):
        bump(workspace_copy, "cookiejar", "current")
    report = bump(workspace_copy, "cookiejar", "patch")
    assert any(f"{current} -> {next_version(current, 'patch')}" in line for line in report)
    unstaged = run_in("git", "diff", "--name-only").stdout
    assert unstaged == ""
