"""Are the changelog fragments named so that towncrier takes them up?

It passes over a file whose name it does not understand, and the change would be lost.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from tools.workspace import ROOT, Member, load_members

__all__ = ["TOWNCRIER_CONFIG", "check_fragments", "fragment_types", "fragments_of"]

TOWNCRIER_CONFIG = ROOT / "tools/release/towncrier.toml"

_NAME = re.compile(r"(?:\+[a-z0-9-]+|[0-9]+)\.(?P<type>[a-z]+)\.md")


def fragment_types() -> tuple[str, ...]:
    """Return what a fragment may be about, in the changelog's order."""
    config = tomllib.loads(TOWNCRIER_CONFIG.read_text(encoding="utf-8"))
    return tuple(entry["directory"] for entry in config["tool"]["towncrier"]["type"])


def fragments_of(member: Member) -> list[Path]:
    """Return every file in the member's `changes` folder, hidden ones apart."""
    folder = member.folder / "changes"
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def check_fragments(root: Path) -> list[str]:
    """Return a line for each fragment with a name that means nothing, or without a text."""
    types = fragment_types()
    findings = []
    for member in load_members(root):
        for path in fragments_of(member):
            where = path.relative_to(root)
            match = _NAME.fullmatch(path.name)
            if match is None or match["type"] not in types:
                findings.append(
                    f"{where}: a fragment is called +short-name.TYPE.md or ISSUE.TYPE.md,"
                    f" where TYPE is one of {', '.join(types)}"
                )
            elif not path.read_text(encoding="utf-8").strip():
                findings.append(f"{where}: the fragment is empty")
    return findings
