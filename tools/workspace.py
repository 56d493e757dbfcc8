"""Which distributions the workspace has, read from hatch.toml and each member's pyproject.toml."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.version import Version

__all__ = ["ROOT", "Member", "WorkspaceError", "load_members", "member_named"]

ROOT = Path(__file__).parents[1]

_VERSION_LINE = re.compile(r'^__version__ = "([^"]+)"$', re.MULTILINE)


class WorkspaceError(Exception):
    """Something about the workspace's own files is wrong; the message says which file and what."""


@dataclass(frozen=True, slots=True)
class Member:
    """One distribution of the workspace."""

    folder: Path
    distribution: str
    """The name on the package index: `whimbrel-http-parser`."""
    module: str
    """The name to import: `whimbrel_http_parser`."""
    version_file: Path
    requirements: tuple[Requirement, ...]
    """Everything that it depends on, its extras' requirements included."""
    compiled: tuple[str, ...] = ()
    """The modules that its hatch_build.py compiles: `whimbrel_http_parser.reader`."""

    @property
    def version(self) -> Version:
        """The version in the tree."""
        return Version(_VERSION_LINE.findall(self.version_file.read_text())[0])

    def write_version(self, version: Version) -> None:
        """Write `version` into the tree."""
        text = self.version_file.read_text()
        self.version_file.write_text(_VERSION_LINE.sub(f'__version__ = "{version}"', text))


def load_members(root: Path = ROOT) -> tuple[Member, ...]:
    """Return the workspace's members, in the order of hatch.toml.

    Raises:
        WorkspaceError: a member's files are not as every member's are.
    """
    listed = _read(root / "hatch.toml")["envs"]["default"]["workspace"]["members"]
    return tuple(_load(root / (m["path"] if isinstance(m, dict) else m)) for m in listed)


def member_named(members: tuple[Member, ...], name: str) -> Member:
    """Return the member whose distribution, module or folder is called `name`.

    Raises:
        WorkspaceError: there is none; the message lists those that there are.
    """
    for member in members:
        if name in {member.distribution, member.module, member.folder.name}:
            return member
    known = ", ".join(member.folder.name for member in members)
    raise WorkspaceError(f"no package is called {name!r}; there are {known}")


def _load(folder: Path) -> Member:
    data = _read(folder / "pyproject.toml")
    project, hatch = data["project"], data["tool"]["hatch"]
    version_file = folder / hatch["version"]["path"]
    if len(_VERSION_LINE.findall(version_file.read_text())) != 1:
        raise WorkspaceError(f'{version_file} has no single line __version__ = "..."')
    extras = project.get("optional-dependencies", {}).values()
    hooks = hatch["build"]["targets"]["wheel"].get("hooks", {})
    module = version_file.parent.name
    texts = [*project.get("dependencies", ()), *(text for extra in extras for text in extra)]
    return Member(
        folder=folder,
        distribution=project["name"],
        module=module,
        version_file=version_file,
        requirements=tuple(Requirement(text) for text in texts),
        compiled=tuple(f"{module}.{name}" for name in hooks.get("custom", {}).get("modules", ())),
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise WorkspaceError(f"{path}: {error}") from error
