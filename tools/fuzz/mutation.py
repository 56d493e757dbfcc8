"""Where the next input comes from when nothing tells which of the earlier ones were worth it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

__all__ = ["CorpusMutator"]

_MOST_MUTATIONS = 4


class CorpusMutator:
    """Makes each input from a member of a fixed corpus by one to four mutations.

    Compiled modules report no coverage, so that the fuzzer would take all inputs for equals, keep
    none, and go on from the shortest for ever.

    Args:
        corpus: what to start from; not empty.
        mutate: mutates some bytes once, to at most so many bytes.
    """

    def __init__(self, corpus: Sequence[bytes], mutate: Callable[[bytes, int], bytes]) -> None:
        self._corpus = corpus
        self._mutate = mutate

    def __call__(self, data: bytes, maximum: int, seed: int) -> bytes:
        """Return the next input.

        Args:
            data: what the fuzzer would have begun with; it does not matter.
            maximum: the most bytes that the input may have.
            seed: decides what is chosen.
        """
        number, mutations = divmod(seed, _MOST_MUTATIONS)
        unit = self._corpus[number % len(self._corpus)][:maximum]
        for _ in range(1 + mutations):
            unit = self._mutate(unit, maximum)
        return unit
