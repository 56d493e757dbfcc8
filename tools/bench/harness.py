"""Measure variants of one operation against each other."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass

__all__ = ["Case", "Measurement", "Operations", "Variant", "measure"]

Operations = Callable[[int], None]
"""Does the operation that many times; must raise when a result is not what it should be."""


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


@dataclass(frozen=True, slots=True)
class Measurement:
    """What was measured of one variant."""

    case: str
    variant: str
    operations: int
    """How many make one sample."""
    samples: tuple[float, ...]
    """CPU seconds per operation, one for each round."""
    ratio: float
    """The median over the rounds of this variant's sample by that of the case's second variant."""

    @property
    def median(self) -> float:
        """The median of the samples, in CPU seconds per operation."""
        return statistics.median(self.samples)


def measure(case: Case, *, rounds: int, sample: float) -> list[Measurement]:
    """Measure each variant of `case`.

    Args:
        case: what to measure.
        rounds: how many samples to take of each variant.
        sample: CPU seconds that one sample should take at least.
    """
    with ExitStack() as stack:
        runs = [stack.enter_context(variant.open()) for variant in case.variants]
        counts = [_calibrate(run, sample) for run in runs]
        samples: list[list[float]] = [[] for _ in runs]
        for _ in range(rounds):
            for run, count, taken in zip(runs, counts, samples, strict=True):
                gc.collect()
                taken.append(_time(run, count) / count)
    reference = samples[min(1, len(samples) - 1)]
    return [
        Measurement(case.name, variant.name, count, tuple(taken), _ratio(taken, reference))
        for variant, count, taken in zip(case.variants, counts, samples, strict=True)
    ]


def _ratio(taken: Sequence[float], reference: Sequence[float]) -> float:
    # Paired: a round in which the machine was slow was slow for both.
    return statistics.median(a / b for a, b in zip(taken, reference, strict=True))


def _calibrate(run: Operations, sample: float) -> int:
    """Return how often to repeat an operation for one sample; warms it up, too."""
    count = 1
    while True:
        spent = _time(run, count)
        if spent >= sample:
            return count
        # Never more than tenfold: a first call is slower than those that follow.
        count = max(count + 1, min(10 * count, int(count * 1.2 * sample / max(spent, 1e-9))))


def _time(run: Operations, count: int) -> float:
    start = time.process_time()
    run(count)
    return time.process_time() - start
