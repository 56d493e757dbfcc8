"""When to send a Ping into silence, when silence means that the peer is gone, and how far it is."""

from __future__ import annotations

from enum import Enum
from typing import Final

__all__ = ["Heartbeat", "RoundTrips", "Verdict"]

# Pings that are remembered without an answer.
_UNANSWERED: Final = 16


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


class RoundTrips:
    """How long the peer took for the Pong to one of this side's Pings (RFC 6455, section 5.5.3).

    Attributes:
        last: seconds of the last answer, `None` before the first one.
    """

    __slots__ = ("_heartbeats", "_sent", "last")

    def __init__(self) -> None:
        self.last: float | None = None
        self._heartbeats = 0
        # The payloads without an answer and when they were sent, the earliest first.
        self._sent: dict[bytes, float] = {}

    def next_payload(self) -> bytes:
        """Return the payload of the next Ping of the heartbeat, which has no other's answer."""
        self._heartbeats += 1
        return b"heartbeat %d" % self._heartbeats

    def sent(self, payload: bytes, now: float) -> None:
        """Note that a Ping is sent; the same payload without an answer counts from the first."""
        if payload in self._sent:
            return
        if len(self._sent) == _UNANSWERED:
            del self._sent[next(iter(self._sent))]
        self._sent[payload] = now

    def answered(self, payload: bytes, now: float) -> None:
        """Note that a Pong came; one that answers nothing says nothing."""
        sent_at = self._sent.get(payload)
        if sent_at is None:
            return
        self.last = now - sent_at
        # The peer may leave earlier Pings without an answer, and does not come back to them.
        while True:
            earliest = next(iter(self._sent))
            del self._sent[earliest]
            if earliest == payload:
                break
