"""`hatch run build`: the sdist and the wheel of each package in dist/, and a look into each wheel.

The wheel is built from the sdist, so that an sdist that lacks something is noticed. The variable
WHIMBREL_COMPILE is passed on: 0 builds pure wheels, 1 insists on compiled ones.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterable
from email.parser import Parser
from pathlib import Path

from tools.workspace import ROOT, Member, WorkspaceError, load_members, member_named

__all__ = ["build_member", "check_sdist", "check_wheel", "unpack_compiled"]


def build_member(
    member: Member,
    out: Path,
    environment: dict[str, str] | None = None,
    *,
    isolated: bool = True,
) -> tuple[Path, Path]:
    """Build and check `member`'s sdist and wheel.

    Args:
        member: what to build.
        out: the folder for both; other files of this member there are removed first.
        environment: variables to set besides those of this process.
        isolated: whether to build in an environment of its own, which holds what the package
            says that it needs; otherwise in this one, without asking the package index.

    Returns:
        The paths of the sdist and the wheel.

    Raises:
        WorkspaceError: the build failed, or what was built is not as it must be.
    """
    normalized = member.distribution.replace("-", "_")
    out.mkdir(parents=True, exist_ok=True)
    for stale in [*out.glob(f"{normalized}-*.whl"), *out.glob(f"{normalized}-*.tar.gz")]:
        stale.unlink()
    command = [sys.executable, "-m", "uv", "build", "--python", sys.executable]
    command += [] if isolated else ["--no-build-isolation", "--offline"]
    command += ["--out-dir", str(out), str(member.folder)]
    result = subprocess.run(
        command,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if result.returncode:
        raise WorkspaceError(f"{member.distribution} does not build:\n{result.stdout}")
    built = [*out.glob(f"{normalized}-*.tar.gz"), *out.glob(f"{normalized}-*.whl")]
    if len(built) != 2:
        raise WorkspaceError(f"{member.distribution}: not one sdist and one wheel but {built}")
    sdist, wheel = built
    findings = check_sdist(member, sdist) + check_wheel(member, wheel)
    if findings:
        raise WorkspaceError("\n".join(findings))
    return sdist, wheel


def unpack_compiled(members: Iterable[Member], folder: Path) -> Path:
    """Build compiled wheels, and unpack them instead of installing them.

    Args:
        members: the packages.
        folder: where there is room for both.

    Returns:
        The folder to put in front of the others that Python imports from.

    Raises:
        WorkspaceError: as `build_member` does.
    """
    unpacked = folder / "compiled"
    for member in members:
        _, wheel = build_member(member, folder / "built", {"WHIMBREL_COMPILE": "1"})
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(unpacked)
    return unpacked


def check_sdist(member: Member, path: Path) -> list[str]:
    """Return a line for each thing that the sdist lacks: sources, tests, licence, readme."""
    top = path.name.removesuffix(".tar.gz")
    with tarfile.open(path) as archive:
        names = {name.removeprefix(f"{top}/") for name in archive.getnames()}
    wanted = {"pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md"}
    wanted |= {
        file.relative_to(member.folder).as_posix()
        for part in ("src", "tests")
        for file in (member.folder / part).rglob("*.py")
    }
    return [f"{path.name} lacks {name}" for name in sorted(wanted - names)]


def check_wheel(member: Member, path: Path) -> list[str]:
    """Return a line for each thing that is wrong in the wheel: its files, its metadata."""
    with zipfile.ZipFile(path) as archive:
        names = set(archive.namelist())
        metadata_name = f"{'-'.join(path.name.split('-')[:2])}.dist-info/METADATA"
        metadata = Parser().parsestr(archive.read(metadata_name).decode())
    source = member.version_file.parent
    wanted = {
        f"{member.module}/{file.relative_to(source).as_posix()}"
        for file in source.rglob("*")
        if file.is_file() and file.suffix not in {".pyc", ".so", ".pyd"}
    }
    findings = [f"{path.name} lacks {name}" for name in sorted(wanted - names)]
    findings += [
        f"{path.name} should not hold {name}"
        for name in sorted(names - wanted)
        if not name.startswith(metadata_name.removesuffix("METADATA"))
        and not _is_compiled(name, member.module)
    ]
    if f"{member.module}/py.typed" not in names:
        findings.append(f"{path.name} has no py.typed")
    version = str(member.version)
    if metadata["Version"] != version:
        findings.append(f"{path.name} says version {metadata['Version']}, the tree {version}")
    return findings


def _is_compiled(name: str, module: str) -> bool:
    # Inside the package only: a shared library beside it would claim a top-level name.
    return name.startswith(f"{module}/") and name.endswith((".so", ".pyd"))


def main() -> int:
    """Return the exit status: 0 when everything was built and is as it must be."""
    parser = argparse.ArgumentParser(prog="hatch run build", description=__doc__)
    parser.add_argument("packages", nargs="*", help="which ones (default: all)")
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="default: dist/")
    arguments = parser.parse_args()
    try:
        members = load_members()
        if arguments.packages:
            members = tuple(member_named(members, name) for name in arguments.packages)
        for member in members:
            for built in build_member(member, arguments.out):
                print(f"{built.name:60} {built.stat().st_size:>9,} bytes")
    except WorkspaceError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
