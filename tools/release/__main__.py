"""The command line of `hatch run release`."""

from __future__ import annotations

import argparse
import sys

from tools.checks.ranges import check_ranges
from tools.release.bump import bump
from tools.workspace import ROOT, WorkspaceError


def main() -> int:
    """Return the exit status: 0 when it was done, or when nothing was found."""
    parser = argparse.ArgumentParser(prog="hatch run release", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("check", help="does each range on a sibling fit the version in the tree?")
    bumping = commands.add_parser("bump", help="write a package's next version and changelog entry")
    bumping.add_argument("package", help="its folder or distribution: http-parser, whimbrel, ...")
    bumping.add_argument("version", help="major, minor, patch, the version itself, or current")
    arguments = parser.parse_args()
    try:
        if arguments.command == "bump":
            print("\n".join(bump(ROOT, arguments.package, arguments.version)))
            return 0
        findings = check_ranges(ROOT)
    except WorkspaceError as error:
        print(error, file=sys.stderr)
        return 1
    for finding in findings:
        print(finding, file=sys.stderr)
    if not findings:
        print("every range on a sibling fits the version in the tree")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
