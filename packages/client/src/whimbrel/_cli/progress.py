"""How far a download is, on standard error, when that is a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["progress"]

Advance = Callable[[int], None]
_NAME_WIDTH = 24


@contextmanager
def progress(label: str, total: int | None) -> Iterator[Advance]:
    """Show a bar until the block ends; yield the function that advances it.

    Args:
        label: what is transferred.
        total: its length in octets, or `None` when it is not known.
    """
    if not sys.stderr.isatty():
        yield _ignore
        return
    try:
        import rich  # noqa: F401, PLC0415  # optional: the [cli] extra
    except ImportError:
        with _plain(label) as advance:
            yield advance
    else:
        with _bar(label, total) as advance:
            yield advance


def _ignore(count: int) -> None:
    """Advance nothing: nobody is watching."""


@contextmanager
def _bar(label: str, total: int | None) -> Iterator[Advance]:
    # rich takes a tenth of a second to import: only for whom sees the bar.
    from rich.console import Console  # noqa: PLC0415
    from rich.markup import escape  # noqa: PLC0415
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )
    from rich.table import Column  # noqa: PLC0415

    # A long path must not push the numbers off the line.
    name = Column(max_width=_NAME_WIDTH, no_wrap=True, overflow="ellipsis")
    with Progress(
        TextColumn("{task.description}", table_column=name),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    ) as bar:
        task = bar.add_task(escape(label), total=total)
        yield lambda count: bar.advance(task, count)
        if total is None:
            done = bar.tasks[0].completed
            bar.update(task, total=done)


@contextmanager
def _plain(label: str) -> Iterator[Advance]:
    received = 0

    def advance(count: int) -> None:
        nonlocal received
        received += count

    sys.stderr.write(f"{label} (pip install 'whimbrel[cli]' for a progress bar)\n")
    try:
        yield advance
    finally:
        sys.stderr.write(f"{label}: {received:,} bytes\n")
