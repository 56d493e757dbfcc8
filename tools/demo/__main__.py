"""Start the servers, take the steps, show the table, stop the servers."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import tempfile
from pathlib import Path
from typing import NoReturn

from tools.demo.display import Display
from tools.demo.steps import FULL, QUICK, STEPS, Sizes, StepFailed, Tour
from tools.webapp import servers
from tools.webapp.certificates import Authority
from tools.webapp.processes import ServerFailed
from whimbrel import ClientError


async def take_steps(tour: Tour, display: Display) -> None:
    """Take every step and show the table.

    Raises:
        StepFailed: a result is not what it has to be, or there is none.
    """
    async with tour:
        for name, title, step in STEPS:
            display.title(title.format(sizes=tour.sizes))
            try:
                display.row(name, await tour.measured(step, display))
            except (ClientError, OSError, TimeoutError) as exc:
                raise StepFailed(f"{type(exc).__name__}: {exc}") from exc
    display.table()


def run(sizes: Sizes, display: Display) -> None:
    """Run the whole demo; the servers stop in all cases."""
    with tempfile.TemporaryDirectory() as folder:
        authority = Authority(Path(folder))
        certificate = authority.issue("localhost")
        with servers.granian() as plain, servers.granian(certificate) as secure:
            # By name, so that there is something to resolve.
            named = plain.replace("127.0.0.1", "localhost")
            display.title(f"granian serves {named} and {secure}")
            tour = Tour(named, secure, authority.client_context(), sizes)
            asyncio.run(take_steps(tour, display))


def _leave(number: int, frame: object) -> NoReturn:
    """End by an exception: it stops the servers, which a signal by itself does not."""
    raise SystemExit(128 + number)


def main() -> int:
    """Parse the command line, run, and return the exit status."""
    parser = argparse.ArgumentParser(prog="demo", description="The client at work.")
    parser.add_argument("--quick", action="store_true", help="smaller transfers, fewer requests")
    sizes = QUICK if parser.parse_args().quick else FULL
    display = Display()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    try:
        run(sizes, display)
    except (StepFailed, ServerFailed) as exc:
        display.failure(str(exc))
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
