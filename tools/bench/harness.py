"""Measure variants of one operation against each other."""

from __future__ import annotations

import gc
import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass

__all__ = [
    "Case",
    "Measurement",
    "Operations",
    "Variant",
    "allow_open_files",
    "children_time",
    "measure",
]

Operations = Callable[[int], None]
"""Does the operation that many times; must raise when a result is not what it should be.

Where memory is measured, it makes that many things, which stay until the variant is closed.
"""


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to do a case's operation."""

    name: str
    open: Callable[[], AbstractContextManager[Operations]]
    """Sets up what the operation needs (a session, a server) and gives it back afterwards."""


@dataclass(frozen=True, slots=True)
class Case:
    """One operation and the variants that do it."""

    name: str
    operation: str
    """What is done, for the reader of the table."""
    variants: tuple[Variant, ...]
    """Ours first; then the one that ratios are to; then others."""
    things: int = 0
    """How many things to make for one sample of memory; 0 for a case of CPU time."""
    in_children: bool = False
    """Whether the CPU time is that of processes which the operation runs, and waits for."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """What was measured of one variant."""

    case: str
    variant: str
    operations: int
    """How many make one sample."""
    samples: tuple[float, ...]
    """CPU seconds per operation, or bytes of each thing, one for each round."""
    ratio: float
    """The median over the rounds of this variant's sample by that of the case's second variant."""
    unit: str = "s"
    """Of the samples: `s`, or `B`."""

    @property
    def median(self) -> float:
        """The median of the samples."""
        return statistics.median(self.samples)


def measure(case: Case, *, rounds: int, sample: float) -> list[Measurement]:
    """Measure each variant of `case`.

    Args:
        case: what to measure.
        rounds: how many samples to take of each variant.
        sample: CPU seconds that one sample should take at least, where time is measured.
    """
    if case.things:
        return _measure_memory(case, rounds)
    with ExitStack() as stack:
        runs = [stack.enter_context(variant.open()) for variant in case.variants]
        clock = children_time if case.in_children else time.process_time
        counts = [_calibrate(run, sample, clock) for run in runs]
        samples: list[list[float]] = [[] for _ in runs]
        for _ in range(rounds):
            for run, count, taken in zip(runs, counts, samples, strict=True):
                gc.collect()
                taken.append(_time(run, count, clock) / count)
    return _compared(case, counts, samples, "s")


def _measure_memory(case: Case, rounds: int) -> list[Measurement]:
    samples: list[list[float]] = [[] for _ in case.variants]
    for _ in range(rounds):
        for variant, taken in zip(case.variants, samples, strict=True):
            with variant.open() as run:
                taken.append(_memory(run, case.things) / case.things)
    return _compared(case, [case.things] * len(samples), samples, "B")


def _compared(
    case: Case, counts: Sequence[int], samples: Sequence[Sequence[float]], unit: str
) -> list[Measurement]:
    reference = samples[min(1, len(samples) - 1)]
    return [
        Measurement(case.name, variant.name, count, tuple(taken), _ratio(taken, reference), unit)
        for variant, count, taken in zip(case.variants, counts, samples, strict=True)
    ]


def _ratio(taken: Sequence[float], reference: Sequence[float]) -> float:
    # Paired: a round in which the machine was slow was slow for both.
    return statistics.median(a / b for a, b in zip(taken, reference, strict=True))


def _calibrate(run: Operations, sample: float, clock: Callable[[], float]) -> int:
    """Return how often to repeat an operation for one sample; warms it up, too."""
    count = 1
    while True:
        spent = _time(run, count, clock)
        if spent >= sample:
            return count
        # Never more than tenfold: a first call is slower than those that follow.
        count = max(count + 1, min(10 * count, int(count * 1.2 * sample / max(spent, 1e-9))))


def _time(run: Operations, count: int, clock: Callable[[], float]) -> float:
    start = clock()
    run(count)
    return clock() - start


def children_time() -> float:
    """Return the CPU seconds of the processes that this one started and waited for."""
    import resource  # noqa: PLC0415 - not on Windows

    # Finer than os.times(), which counts in hundredths of a second.
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _memory(run: Operations, count: int) -> float:
    """Return how many bytes of Python's allocators `count` things take that stay."""
    gc.collect()
    tracemalloc.start()
    try:
        run(count)
        gc.collect()
        return tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()


def allow_open_files(count: int) -> None:
    """Let this process, and those that it starts, open so many files at least.

    Raises:
        ValueError: the system does not allow so many.
    """
    if sys.platform == "win32":
        return  # there is no such limit
    import resource  # noqa: PLC0415 - not on Windows

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))
