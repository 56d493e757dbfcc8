"""What the demo shows: live bars on a terminal, plain lines in a log, one table at the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TransferSpeedColumn,
)
from rich.table import Table

__all__ = ["Display", "Outcome", "Phases"]

LOG_WIDTH = 120
HEADINGS = ("DNS", "connect", "TLS", "first\nbyte", "transfer", "step", "opened", "reused")
"""All but the first: eighty columns are enough for the table."""

Advance = Callable[[int], None]


@dataclass(frozen=True)
class Phases:
    """Seconds per phase, means over the requests that had it; `None` where none had."""

    dns: float | None = None
    connect: float | None = None
    tls: float | None = None
    first_byte: float | None = None
    transfer: float | None = None


@dataclass(frozen=True)
class Outcome:
    """One row of the table."""

    result: str
    phases: Phases
    seconds: float
    opened: int
    reused: int


class Display:
    """Shows the demo on standard output."""

    def __init__(self) -> None:
        terminal = Console()
        self._live = terminal.is_terminal
        # Not a terminal: no colours, no cursor movements, and room for the table's columns.
        self._console = (
            terminal
            if self._live
            else Console(force_terminal=False, color_system=None, width=LOG_WIDTH)
        )
        self._rows: list[tuple[str, Outcome]] = []

    def title(self, text: str) -> None:
        """Say what happens now."""
        self._console.print(f"[bold]{escape(text)}[/]", highlight=False)

    def row(self, title: str, outcome: Outcome) -> None:
        """Say what came of it, and keep it for the table."""
        self._console.print(f"  {escape(outcome.result)}", highlight=False)
        self._rows.append((title, outcome))

    def failure(self, text: str) -> None:
        """Say why the demo ends here."""
        self._console.print(f"[bold red]FAILED[/] {escape(text)}", highlight=False)

    @contextmanager
    def bytes_bar(self, label: str, total: int) -> Iterator[Advance]:
        """Show how many of `total` octets are transferred."""
        columns = [DownloadColumn(), TransferSpeedColumn()]
        with self._bar(label, total, columns) as advance:
            started = time.perf_counter()
            yield advance
            seconds = time.perf_counter() - started
        self._console.print(
            f"  {label}: {total / 1e6:.1f} MB in {seconds:.2f} s, {total / 1e6 / seconds:.0f} MB/s",
            highlight=False,
        )

    @contextmanager
    def count_bar(self, label: str, total: int) -> Iterator[Advance]:
        """Show how many of `total` things are done."""
        with self._bar(label, total, [MofNCompleteColumn()]) as advance:
            yield advance

    @contextmanager
    def _bar(self, label: str, total: int, columns: list[ProgressColumn]) -> Iterator[Advance]:
        if not self._live:
            yield _ignore
            return
        text = TextColumn("  {task.description}")
        with Progress(text, BarColumn(), *columns, console=self._console, transient=True) as bar:
            task = bar.add_task(label, total=total)
            yield lambda count: bar.advance(task, count)

    def table(self) -> None:
        """Show every row."""
        table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
        table.add_column("milliseconds")
        for name in HEADINGS:
            table.add_column(name, justify="right")
        for title, outcome in self._rows:
            phases = outcome.phases
            times = (
                phases.dns,
                phases.connect,
                phases.tls,
                phases.first_byte,
                phases.transfer,
                outcome.seconds,
            )
            cells = ["-" if value is None else f"{value * 1000:.1f}" for value in times]
            table.add_row(title, *cells, str(outcome.opened), str(outcome.reused))
        opened = sum(outcome.opened for _, outcome in self._rows)
        reused = sum(outcome.reused for _, outcome in self._rows)
        table.add_section()
        table.add_row("connections", *[""] * 6, str(opened), str(reused))
        self._console.print(table)
        self._console.print("Phases are means over the requests of a step that had them.")


def _ignore(count: int) -> None:
    """Advance nothing: nobody is watching."""
