"""Does each package's range on its siblings admit exactly the series that is in the tree?

The editable installs of the everyday environment do not notice a range that has become wrong.
"""

from __future__ import annotations

from pathlib import Path

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from tools.workspace import Member, load_members

__all__ = ["check_ranges", "series_of", "stale_ranges"]


def series_of(version: Version) -> SpecifierSet:
    """Return the range of the releases that are compatible with `version`.

    `>=0.3,<0.4` for 0.3.x, since a 0.x minor release may break; `>=2.1,<3` for 2.1.x.
    """
    if version.major == 0:
        return SpecifierSet(f">=0.{version.minor},<0.{version.minor + 1}")
    return SpecifierSet(f">={version.major}.{version.minor},<{version.major + 1}")


def check_ranges(root: Path) -> list[str]:
    """Return a line for each range on a sibling that is of another form or excludes the tree."""
    members = load_members(root)
    return [finding for sibling in members for finding in stale_ranges(members, sibling, root)]


def stale_ranges(members: tuple[Member, ...], sibling: Member, root: Path) -> list[str]:
    """Return a line for each of `members` whose range on `sibling` has to be written anew."""
    findings = []
    for member in members:
        for requirement in member.requirements:
            if requirement.name != sibling.distribution:
                continue
            if not _is_right(requirement.specifier, sibling.version):
                where = (member.folder / "pyproject.toml").relative_to(root)
                extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
                findings.append(
                    f"{where}: {requirement} should be"
                    f" {requirement.name}{extras}{_ordered(series_of(sibling.version))}:"
                    f" the tree has {sibling.version}"
                )
    return findings


def _is_right(specifier: SpecifierSet, version: Version) -> bool:
    # The lower end may lag behind within a 1.x series: an older minor release is enough there.
    lower = [Version(s.version) for s in specifier if s.operator == ">="]
    if len(lower) != 1 or lower[0] > version or len(lower[0].release) != 2:
        return False
    return specifier == series_of(lower[0]) and _upper(specifier) > version


def _upper(specifier: SpecifierSet) -> Version:
    return next(Version(s.version) for s in specifier if s.operator == "<")


def _ordered(specifier: SpecifierSet) -> str:
    return ",".join(sorted((str(s) for s in specifier), reverse=True))
