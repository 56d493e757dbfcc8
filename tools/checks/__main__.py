"""Run every check, print each finding, and fail when there is one."""

from __future__ import annotations

import sys

from tools.checks.build_hooks import check_build_hooks
from tools.checks.fragments import check_fragments
from tools.checks.private_names import check_private_names
from tools.checks.ranges import check_ranges
from tools.workspace import ROOT, WorkspaceError

CHECKS = (check_private_names, check_ranges, check_fragments, check_build_hooks)


def main() -> int:
    """Return the exit status: 0 when nothing was found."""
    try:
        findings = [finding for check in CHECKS for finding in check(ROOT)]
    except WorkspaceError as error:
        findings = [str(error)]
    for finding in findings:
        print(finding, file=sys.stderr)
    if not findings:
        print("Private names, sibling ranges, changelog fragments, build hooks: all checks passed")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
