"""Runs of the worker: what it is told, where it works, and what came of it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.build import unpack_compiled
from tools.fuzz.dictionaries import DICTIONARIES, dictionary_text
from tools.fuzz.findings import Finding
from tools.fuzz.targets import TARGETS
from tools.workspace import ROOT, WorkspaceError, load_members

__all__ = [
    "COMPILED",
    "INTERPRETED",
    "Bounds",
    "Result",
    "Runner",
    "compiled_packages",
    "executed_units",
]

INTERPRETED = "interpreted"
COMPILED = "compiled"

_SHOWN = 50
"""Lines of the worker's output to show when it ends too early: the reason is near their end."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """When a run ends: whichever comes first.

    Args:
        seconds: for how long at most; `None` for no bound.
        units: after how many inputs; `None` for no bound.
        length: the most bytes of an input.
    """

    seconds: int | None = None
    units: int | None = None
    length: int = 1024

    def options(self) -> list[str]:
        """Return libFuzzer's options."""
        seconds = [] if self.seconds is None else [f"-max_total_time={self.seconds}"]
        units = [] if self.units is None else [f"-runs={self.units}"]
        return [*seconds, *units, f"-max_len={self.length}"]


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one run.

    Args:
        executed: the inputs that the target was given.
        findings: each way to fail.
    """

    executed: int
    findings: list[Finding]


def compiled_packages(target: str) -> frozenset[str]:
    """Return the packages that `target` uses and that wheels have compiled modules of."""
    names = TARGETS[target][0].__globals__.values()
    used = {str(getattr(name, "__module__", "")).partition(".")[0] for name in names}
    return frozenset(m.module for m in load_members() if m.compiled and m.module in used)


def executed_units(log: str) -> int:
    """Return how many inputs libFuzzer says in `log` that it ran; 0 when it does not say."""
    found = re.search(r"number_of_executed_units: (\d+)", log)
    return int(found[1]) if found else 0


class Runner:
    """Runs targets in one mode.

    Args:
        mode: `INTERPRETED` or `COMPILED`.
        corpus: the folder with a folder of inputs for each target, which interpreted runs extend.
        scratch: a folder for what nobody needs afterwards; compiled packages are built there.
        packages: what to compile where the mode is `COMPILED`.

    Raises:
        WorkspaceError: a package could not be built compiled.
    """

    def __init__(
        self, mode: str, corpus: Path, scratch: Path, packages: Collection[str] = ()
    ) -> None:
        self.mode = mode
        self._corpus = corpus
        self._scratch = scratch
        path = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        if mode == COMPILED:
            members = [member for member in load_members() if member.module in packages]
            path.insert(0, str(unpack_compiled(members, scratch)))
        self._environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path)}

    def fuzz(self, target: str, bounds: Bounds) -> Result:
        """Fuzz `target` until `bounds`.

        Raises:
            WorkspaceError: the worker did not even begin.
        """
        with tempfile.TemporaryDirectory(dir=self._scratch) as name:
            folder = self._prepare(Path(name), target)
            options = [*bounds.options(), "-timeout=10", "-rss_limit_mb=1024"]
            options += ["-print_final_stats=1", "-verbosity=0", "-artifact_prefix=found/"]
            if target in DICTIONARIES:
                words = dictionary_text(DICTIONARIES[target])
                (folder / "words").write_text(words, encoding="ascii")
                options.append("-dict=words")
            if self.mode == COMPILED:
                # Inputs to cross over with; what is new there would be new by chance.
                options += ["-keep_seed=1", "-cross_over_uniform_dist=1", "new"]
            status, log = self._work(folder, target, [*options, str(self._inputs(target)), "seeds"])
            findings = Finding.read_all(folder / "found", _end_of(log))
            executed = executed_units(log)
        if not findings and (status or not executed):
            raise WorkspaceError(f"{target}, {self.mode}: the fuzzer ended early\n{_end_of(log)}")
        return Result(executed, findings)

    def minimise(self, target: str) -> tuple[int, int]:
        """Drop the inputs that cover nothing which the seeds and the other inputs do not.

        Returns:
            How many inputs the corpus had, and has now.

        Raises:
            WorkspaceError: libFuzzer did not do it.
        """
        inputs = self._inputs(target)
        with tempfile.TemporaryDirectory(dir=self._scratch) as name:
            folder = self._prepare(Path(name), target)
            # The command by which libFuzzer starts itself again quotes nothing: short names only.
            shutil.copytree(inputs, folder / "old")
            shutil.copytree(folder / "seeds", folder / "new", dirs_exist_ok=True)
            options = ["-merge=1", "-timeout=10", "-rss_limit_mb=1024", "new", "old"]
            status, log = self._work(folder, target, options)
            if status or "MERGE-OUTER" not in log:
                raise WorkspaceError(f"{target}: the fuzzer did not merge\n{_end_of(log)}")
            seeds = {path.name for path in (folder / "seeds").iterdir()}
            kept = {path.name for path in (folder / "new").iterdir()} - seeds
            before = [path.name for path in inputs.iterdir()]
            for added in kept.difference(before):
                shutil.copy2(folder / "new" / added, inputs / added)
            for dropped in set(before) - kept:
                (inputs / dropped).unlink()
        return len(before), len(kept)

    def _inputs(self, target: str) -> Path:
        folder = self._corpus.absolute() / target
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _prepare(self, folder: Path, target: str) -> Path:
        for name in ("found", "new", "seeds"):
            (folder / name).mkdir()
        for number, seed in enumerate(TARGETS[target][1]):
            (folder / "seeds" / f"seed-{number}").write_bytes(seed)
        return folder

    def _work(self, folder: Path, target: str, options: Sequence[str]) -> tuple[int, str]:
        command = [sys.executable, "-m", "tools.fuzz.worker", target, self.mode, "found", *options]
        result = subprocess.run(
            command,
            cwd=folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        return result.returncode, result.stdout.decode(errors="replace")


def _end_of(log: str) -> str:
    lines = [line for line in log.splitlines() if not line.startswith(("INFO:", "WARNING:"))]
    return "\n".join(lines[-_SHOWN:])
