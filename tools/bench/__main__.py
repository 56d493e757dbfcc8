"""`hatch run bench [NAME...]`: all cases, or those whose names begin so."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tools.bench.cases import GROUPS, cases_of
from tools.bench.harness import Case, Measurement, measure
from tools.bench.loops import loop_factory
from tools.bench.report import environment, table, write_json
from tools.in_compiled import run_compiled
from tools.workspace import WorkspaceError


def _selected(names: list[str]) -> list[Case]:
    cases = [case for group in GROUPS for case in cases_of(group)]
    for name in names:
        if not any(case.name.startswith(name) for case in cases):
            known = ", ".join(case.name for case in cases)
            raise WorkspaceError(f"no case begins with {name!r}; there are {known}")
    return [c for c in cases if not names or any(c.name.startswith(name) for name in names)]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hatch run bench", description=__doc__, allow_abbrev=False
    )
    parser.add_argument("names", nargs="*", help="how the names of the wanted cases begin")
    parser.add_argument("--list", action="store_true", help="only name the cases")
    parser.add_argument("--rounds", type=int, default=7, help="samples of each (default: 7)")
    parser.add_argument(
        "--sample", type=float, default=0.1, help="CPU seconds of a sample (default: 0.1)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every sample to FILE")
    parser.add_argument("--uvloop", action="store_true", help="run all clients on uvloop")
    parser.add_argument(
        "--compiled", action="store_true", help="compile what a wheel has compiled, and use that"
    )
    return parser


def _run(arguments: argparse.Namespace) -> None:
    if arguments.uvloop:
        import uvloop  # noqa: PLC0415 - only where it exists and is wanted

        loop_factory[0] = uvloop.new_event_loop
    cases = _selected(arguments.names)
    if arguments.list:
        print("\n".join(f"{case.name}: {case.operation}" for case in cases))
        return
    print(", ".join(f"{name} {value}" for name, value in environment().items()), flush=True)
    measurements: list[Measurement] = []
    for case in cases:
        measured = measure(case, rounds=arguments.rounds, sample=arguments.sample)
        print(table(case, measured), flush=True)
        measurements += measured
    if arguments.json:
        write_json(arguments.json, measurements)


def main() -> int:
    """Return the exit status: 0 when everything was measured."""
    arguments = _parser().parse_args()
    try:
        if arguments.compiled:
            return run_compiled("tools.bench", [a for a in sys.argv[1:] if a != "--compiled"])
        _run(arguments)
    except WorkspaceError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
