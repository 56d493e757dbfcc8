"""`hatch run fuzz [TARGET...]`: arbitrary bytes against the parsers; failures are shown.

Interpreted, the code is instrumented, and the inputs are bred for what they reach in it. Compiled,
nothing is known of what an input reaches: they are mutations of the corpus that interpreted runs
gathered, which `--mode both` does first and `--corpus` keeps. Only the targets that use a package
with compiled modules have that mode.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from tools.fuzz.runs import COMPILED, INTERPRETED, Bounds, Runner, compiled_packages
from tools.fuzz.targets import TARGETS
from tools.workspace import WorkspaceError

_SECONDS = 20


def main(argv: list[str] | None = None) -> int:
    """Return the exit status: 0 when every invariant held."""
    parser = _parser()
    arguments = parser.parse_args(argv)
    unknown = sorted(set(arguments.targets) - set(TARGETS))
    if unknown:
        parser.error(f"no target is called {unknown[0]!r}; there are {', '.join(sorted(TARGETS))}")
    if arguments.minimise and arguments.corpus is None:
        parser.error("--minimise needs --corpus")
    targets = arguments.targets or sorted(TARGETS)
    plan = plan_of(targets, arguments.mode)
    if not plan:
        parser.error(f"no target of {', '.join(targets)} uses what is compiled")
    if importlib.util.find_spec("atheris") is None:
        print(
            "atheris has no wheel for this interpreter or platform"
            f" ({sys.implementation.name} {sys.version.split()[0]} on {sys.platform}):"
            " fuzz with CPython 3.11 to 3.14 on Linux x86_64",
            file=sys.stderr,
        )
        return 1
    try:
        with tempfile.TemporaryDirectory() as name:
            scratch = Path(name)
            corpus = arguments.corpus or scratch / "corpus"
            if arguments.minimise:
                return _minimise(targets, Runner(INTERPRETED, corpus, scratch))
            modes = {mode for _, mode in plan}
            packages = frozenset().union(*map(compiled_packages, targets))
            runners = {mode: Runner(mode, corpus, scratch, packages) for mode in sorted(modes)}
            return _fuzz(plan, runners, bounds_of(arguments), arguments.findings)
    except WorkspaceError as error:
        print(error, file=sys.stderr)
        return 1


def plan_of(targets: Iterable[str], mode: str) -> list[tuple[str, str]]:
    """Return which target is to run in which mode, in order: `mode`, or `both`."""
    modes = (INTERPRETED, COMPILED) if mode == "both" else (mode,)
    return [
        (target, each)
        for target in targets
        for each in modes
        if each == INTERPRETED or compiled_packages(target)
    ]


def bounds_of(arguments: argparse.Namespace) -> Bounds:
    """Return when a run ends: 20 s, unless the command line says something."""
    if arguments.seconds is None and arguments.runs is None:
        return Bounds(seconds=_SECONDS)
    return Bounds(arguments.seconds, arguments.runs)


def _fuzz(
    plan: list[tuple[str, str]], runners: dict[str, Runner], bounds: Bounds, kept: Path | None
) -> int:
    executed = failures = 0
    for target, mode in plan:
        result = runners[mode].fuzz(target, bounds)
        executed += result.executed
        failures += len(result.findings)
        outcome = f"FAILED (findings: {len(result.findings)})" if result.findings else "held"
        print(f"{target}, {mode}: {result.executed:,} inputs, {outcome}", flush=True)
        for finding in result.findings:
            print(
                f"{target}, {mode}: {finding.name} on the input\n"
                f"  {finding.data!r}\n{finding.report}",
                file=sys.stderr,
                flush=True,
            )
            if kept is not None:
                finding.write(kept, f"{target}-{mode}-")
    print(f"{executed:,} inputs in all")
    return 1 if failures else 0


def _minimise(targets: Iterable[str], runner: Runner) -> int:
    for target in targets:
        before, after = runner.minimise(target)
        print(f"{target}: {after:,} of {before:,} inputs cover what the seeds do not")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="hatch run fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="default: each in turn")
    parser.add_argument(
        "--mode", choices=[INTERPRETED, COMPILED, "both"], default=INTERPRETED, help="see above"
    )
    parser.add_argument(
        "--seconds", type=int, metavar="N", help=f"for each target and mode (default: {_SECONDS})"
    )
    parser.add_argument(
        "--runs",
        type=int,
        metavar="N",
        help="inputs for each target and mode; with --seconds, whichever bound is reached first",
    )
    parser.add_argument(
        "--corpus",
        type=Path,
        metavar="DIR",
        help="go on from the inputs kept there, in a folder for each target, and keep new ones",
    )
    parser.add_argument(
        "--minimise",
        action="store_true",
        help="do not fuzz, but drop what covers nothing of its own from the folders in --corpus",
    )
    parser.add_argument(
        "--findings",
        type=Path,
        metavar="DIR",
        help="write the shortest input of each failure there, and its traceback",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
