"""A clock for tests."""

from __future__ import annotations

__all__ = ["FakeClock"]


class FakeClock:
    """A clock that goes when it is told to; call it to read it.

    Args:
        now: the time that it begins with, in seconds.
    """

    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def __call__(self) -> float:
        """Return the time, in seconds."""
        return self.now

    def advance(self, seconds: float) -> float:
        """Let time pass; return the new time."""
        self.now += seconds
        return self.now
