"""Put built wheels into the running environment: `hatch run wheels:test` and `compiled:test`.

`wheels` installs what `hatch run build` left in dist/; `compiled` builds the wheels of the packages
that compile some of their modules with WHIMBREL_COMPILE=1 and installs those. Both then look
whether it is what gets imported: an editable install of the checkout that had crept in would make
every later test worthless.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from tools.build import build_member
from tools.workspace import ROOT, Member, WorkspaceError, load_members

_SHOW = "import importlib; print(importlib.import_module({module!r}).__file__)"


def install_wheels(dist: Path) -> None:
    """Install each member's wheel of the version in the tree, with the client's extra `cli`.

    Raises:
        WorkspaceError: a wheel is missing, could not be installed or is not what is imported.
    """
    members = load_members()
    wheels = {member: _wheel_of(member, dist) for member in members}
    extras = {"whimbrel": "[cli]"}
    _install(
        members,
        [
            f"{member.distribution}{extras.get(member.distribution, '')} @ {wheel.as_uri()}"
            for member, wheel in wheels.items()
        ],
    )


def install_compiled() -> None:
    """Build compiled wheels, install them, and see that the compiled modules are in use.

    Raises:
        WorkspaceError: one could not be built or installed, or a pure module is in use.
    """
    members = tuple(member for member in load_members() if member.compiled)
    with tempfile.TemporaryDirectory() as folder:
        requirements = []
        for member in members:
            _, wheel = build_member(member, Path(folder), {"WHIMBREL_COMPILE": "1"})
            print(f"built {wheel.name}")
            requirements.append(f"{member.distribution} @ {wheel.as_uri()}")
        _install(members, requirements)
    for module in (module for member in members for module in member.compiled):
        place = _place_of(module)
        if place.suffix not in {".so", ".pyd"}:
            raise WorkspaceError(f"{module} is not compiled: {place}")


def _wheel_of(member: Member, dist: Path) -> Path:
    pattern = f"{member.distribution.replace('-', '_')}-{member.version}-*.whl"
    found = sorted(dist.glob(pattern))
    if len(found) != 1:
        raise WorkspaceError(
            f"{dist} holds {len(found)} files {pattern}, not one: run `hatch run build` first"
        )
    return found[0]


def _install(members: tuple[Member, ...], requirements: list[str]) -> None:
    # A version may be built again with other contents: what is installed is always replaced.
    again = [part for member in members for part in ("--reinstall-package", member.distribution)]
    command = [sys.executable, "-m", "uv", "pip", "install", "--quiet"]
    command += ["--python", sys.executable, *again, *requirements]
    if subprocess.run(command, check=False).returncode:
        raise WorkspaceError(f"could not install {', '.join(requirements)}")
    for member in members:
        place = _place_of(member.module)
        if ROOT in place.parents and Path(sys.prefix) not in place.parents:
            raise WorkspaceError(f"{member.module} is imported from the checkout: {place}")


def _place_of(module: str) -> Path:
    """Return the file that `module` is imported from."""
    # -P: the current folder is not a place to import from.
    command = [sys.executable, "-P", "-c", _SHOW.format(module=module)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise WorkspaceError(result.stderr)
    return Path(result.stdout.strip())


def main() -> int:
    """Return the exit status: 0 when the wheels are installed and in use."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["wheels", "compiled"])
    try:
        if parser.parse_args().what == "wheels":
            install_wheels(ROOT / "dist")
        else:
            install_compiled()
    except WorkspaceError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
