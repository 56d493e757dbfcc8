"""`hatch run soak`: requests over many hosts, with cancellation and peers that go away."""

from __future__ import annotations

import argparse
import sys

from tools.soak.soak import LIMITS, Report, soak


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="hatch run soak", description=__doc__)
    parser.add_argument("--requests", type=int, default=200_000, help="how many (default: 200,000)")
    parser.add_argument("--hosts", type=int, default=50, help="over how many (default: 50)")
    parser.add_argument("--seed", type=int, default=1, help="draw everything from it (default: 1)")
    parser.add_argument(
        "--rounds", type=int, default=2, help="how often many at once and few take turns (2)"
    )
    return parser


def _print(report: Report, hosts: int) -> None:
    limits = ", ".join(f"{name}={value}" for name, value in LIMITS.items())
    print(
        f"{report.requests:,} requests over {hosts} hosts, after some to warm up,"
        f" seed {report.seed}, {limits}: {report.seconds:.0f} s"
    )
    for outcome, count in report.outcomes.most_common():
        print(f"  {outcome:<20} {count:>10,}")
    print(f"connections: {report.opened:,} opened, {report.reused:,} times reused")
    print("memory after the warm-up and each part:")
    print(f"  blocks               {_list(report.blocks)}")
    if report.resident:
        print(f"  MiB                  {_list([size / 2**20 for size in report.resident])}")
    if report.findings:
        print(f"FAILED; run it again with --seed {report.seed}")
        for finding in report.findings:
            print(f"  {finding}")
    else:
        print("nothing is left behind, and every request had its own answer")


def _list(numbers: list[int] | list[float]) -> str:
    return "  ".join(f"{n:,}" if isinstance(n, int) else f"{n:.1f}" for n in numbers)


def main(argv: list[str] | None = None) -> int:
    """Return the exit status: 0 when nothing was found."""
    arguments = _parser().parse_args(argv)
    report = soak(arguments.requests, arguments.hosts, arguments.seed, rounds=arguments.rounds)
    _print(report, arguments.hosts)
    return 1 if report.findings else 0


if __name__ == "__main__":
    sys.exit(main())
