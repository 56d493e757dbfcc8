"""What a run finds: each way to fail once, with the shortest input that does."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Finding", "Recorder"]

_INPUT = ".input"
_TRACEBACK = ".txt"


class Recorder:
    """A target that notes its failures in a folder and goes on, so that one does not hide others.

    Two failures are the same when the same exception was raised on the same line.

    Args:
        check: the target.
        folder: where to write findings; `Finding.read_all` reads them.
    """

    def __init__(self, check: Callable[[bytes], None], folder: Path) -> None:
        self._check = check
        self._folder = folder
        self._shortest: dict[str, int] = {}

    def __call__(self, data: bytes) -> None:
        """Run the target; whatever it raises is a finding."""
        try:
            self._check(data)
        except Exception as error:
            self._note(data, error)

    def _note(self, data: bytes, error: Exception) -> None:
        *_, (frame, line) = traceback.walk_tb(error.__traceback__)
        name = f"{type(error).__name__}-{Path(frame.f_code.co_filename).stem}-{line}"
        if len(data) >= self._shortest.get(name, len(data) + 1):
            return
        self._shortest[name] = len(data)
        Finding(name, data, "".join(traceback.format_exception(error))).write(self._folder)


@dataclass(frozen=True, slots=True)
class Finding:
    """One way to fail.

    Args:
        name: the exception and the line; or what libFuzzer calls an input that ended the process,
            took too long or too much memory.
        data: the input.
        report: the traceback, or the last lines of the process that ended.
    """

    name: str
    data: bytes
    report: str

    @staticmethod
    def read_all(folder: Path, log: str) -> list[Finding]:
        """Return what a `Recorder` and libFuzzer left in `folder`.

        Args:
            folder: where both wrote.
            log: the report on what libFuzzer left.
        """
        findings = []
        for path in sorted(folder.iterdir()):
            if path.suffix == _TRACEBACK:
                continue
            text = path.with_suffix(_TRACEBACK)
            report = text.read_text(encoding="utf-8") if path.suffix == _INPUT else log
            findings.append(Finding(path.stem, path.read_bytes(), report))
        return findings

    def write(self, folder: Path, prefix: str = "") -> None:
        """Write the input and the report there, unless the same is there with a shorter input.

        Args:
            folder: is made if it does not exist.
            prefix: goes before the name.
        """
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{prefix}{self.name}{_INPUT}"
        if path.exists() and path.stat().st_size <= len(self.data):
            return
        path.write_bytes(self.data)
        report = self.report.encode("utf-8", "backslashreplace")
        path.with_suffix(_TRACEBACK).write_bytes(report)
