"""When to send a Ping into silence, and when silence means that the peer is gone."""

from __future__ import annotations

from enum import Enum

__all__ = ["Heartbeat", "Verdict"]


class Verdict(Enum):
    """What has to be done now."""

    NOTHING = "nothing"
    PING = "ping"
    DEAD = "dead"


class Heartbeat:
    """Two deadlines: for the peer to be heard, and for its answer to a Ping.

    Any octet from the peer counts as life, not only a Pong: a peer that is busy sending a long
    message cannot put a Pong into the middle of a frame.
    """

    __slots__ = ("_dead_at", "_held", "_ping_at", "interval", "patience")

    def __init__(self, interval: float, now: float) -> None:
        """Begin to listen.

        Args:
            interval: seconds of silence before a Ping is sent; half of it is the patience.
            now: the clock's time in seconds.

        Raises:
            ValueError: the interval is not positive.
        """
        if not interval > 0:
            raise ValueError(f"heartbeat must be a positive number of seconds, not {interval!r}")
        self.interval = interval
        self.patience = interval / 2
        self._held = False
        self._dead_at: float | None = None
        self._ping_at = now + interval

    def heard(self, now: float) -> None:
        """Note that something came from the peer."""
        self._ping_at = now + self.interval
        self._dead_at = None

    def hold(self) -> None:
        """Make no judgement from now on: this side does not read."""
        self._held = True

    def release(self, now: float) -> None:
        """Listen again, from the beginning."""
        self._held = False
        self.heard(now)

    def deadline(self) -> float | None:
        """Return when `check` has something to do; `None` while held."""
        if self._held:
            return None
        return self._ping_at if self._dead_at is None else self._dead_at

    def check(self, now: float) -> Verdict:
        """Return what is due at `now`."""
        deadline = self.deadline()
        if deadline is None or now < deadline:
            return Verdict.NOTHING
        if self._dead_at is not None:
            return Verdict.DEAD
        self._dead_at = now + self.patience
        return Verdict.PING
