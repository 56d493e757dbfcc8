"""`hatch run autobahn`: the cases of the Autobahn TestSuite, with our client as the one tested.

Every case must be OK, or informational where RFC 6455 leaves it open, and every connection closed
cleanly.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from tools.autobahn.client import AGENT, CALLBACK, run_cases
from tools.autobahn.report import ALL_CASES, Outcome, fault, read_outcomes, table
from tools.autobahn.suite import find_python2, install, serving
from tools.in_compiled import run_compiled
from tools.workspace import WorkspaceError, load_members

_EVERYTHING = ["*"]
_MESSAGES, _ALL_MESSAGES = 10, 1000


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hatch run autobahn", description=__doc__, allow_abbrev=False
    )
    parser.add_argument(
        "--cases",
        nargs="+",
        default=_EVERYTHING,
        metavar="PATTERN",
        help="which ones, such as '7.*' or 9.7.1 (default: all)",
    )
    parser.add_argument(
        "--full",
        action="store_true",
        help=f"send {_ALL_MESSAGES:,} messages in each case of 9.7, 9.8, 12 and 13 as the suite"
        f" means it, not {_MESSAGES}",
    )
    parser.add_argument(
        "--compiled", action="store_true", help="compile what a wheel has compiled, and use that"
    )
    parser.add_argument(
        "--report", type=Path, metavar="DIR", help="leave the suite's report there, index.html"
    )
    return parser


def main(argv: list[str] | None = None) -> int:
    """Return the exit status: 0 when every case came out as it must."""
    arguments = _parser().parse_args(argv)
    try:
        if arguments.compiled:
            argv = sys.argv[1:] if argv is None else argv
            return run_compiled("tools.autobahn", [a for a in argv if a != "--compiled"])
        # In the environment that runs this, and gone with it.
        python2 = install(find_python2(), Path(sys.prefix) / "autobahn")
        with tempfile.TemporaryDirectory() as folder:
            return _run(python2, arguments, arguments.report or Path(folder))
    except WorkspaceError as error:
        print(error, file=sys.stderr)
        return 1


def _run(python2: Path, arguments: argparse.Namespace, folder: Path) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    messages = _ALL_MESSAGES if arguments.full else _MESSAGES
    print(_described(), flush=True)
    began = time.monotonic()
    with serving(python2, folder, arguments.cases, messages) as server:
        problems = asyncio.run(run_cases(server.url, server.cases))
        outcomes = read_outcomes(server.reports, AGENT, server.cases)
    print(table(outcomes))
    print(f"{len(outcomes)} cases in {time.monotonic() - began:.0f} s")
    failures = failures_of(outcomes, problems)
    if arguments.cases == _EVERYTHING and len(outcomes) != ALL_CASES:
        failures.append(f"the suite has {len(outcomes)} cases, not {ALL_CASES}")
    for failure in failures:
        print(f"\n{failure}", file=sys.stderr)
    return 1 if failures else 0


def _described() -> str:
    """Say what is tested: compiled means that every module is which a wheel has compiled."""
    modules = [module for member in load_members() for module in member.compiled]
    origins = [spec.origin or "" for spec in map(find_spec, modules) if spec is not None]
    compiled = sum(origin.endswith((".so", ".pyd")) for origin in origins)
    python = f"{sys.implementation.name} {sys.version.split()[0]}"
    return f"{python}, {compiled} of {len(modules)} modules compiled"


def failures_of(outcomes: Sequence[Outcome], problems: dict[str, str]) -> list[str]:
    """Return a paragraph for each case that did not come out as it must.

    Args:
        outcomes: what the suite says.
        problems: the tracebacks of what the client raised, by case.
    """
    failures = []
    for outcome in outcomes:
        parts = [text for text in (fault(outcome),) if text]
        if outcome.case in problems:
            parts.append("makes the client raise")
        if parts:
            lines = [f"{outcome.case} {', and '.join(parts)}", outcome.explanation]
            failures.append("\n".join([*lines, problems.get(outcome.case, "")]).rstrip())
    if CALLBACK in problems:
        failures.append(f"a callback of the event loop raised\n{problems[CALLBACK]}")
    return failures


if __name__ == "__main__":
    sys.exit(main())
