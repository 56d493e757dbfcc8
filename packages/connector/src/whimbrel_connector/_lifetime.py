"""Until when a connection may be used again, without I/O: idle time, age, number of requests."""

from __future__ import annotations

from math import inf, isnan
from typing import Final

__all__ = ["Lifetimes"]

_KEEP_ALIVE_MARGIN: Final = 1.0
"""How much earlier than the server said an idle connection is given up, in seconds."""


class Lifetimes:
    """A connector's rules.

    Args:
        keepalive_timeout: how long a connection may be idle, in seconds; `None` for ever, 0 not
            at all.
        max_age: how long after it was opened a connection may begin another request, in seconds;
            `None` for ever.
        jitter: by up to which fraction of `max_age` a connection's age is shortened, so that
            those opened together do not all end together.
        max_requests: how many requests a connection may serve; `None` for any number.
        force_close: let none serve a second one.

    Raises:
        ValueError: the age or the number of requests is not positive, the jitter is no
            fraction, or a time is not a number.
    """

    __slots__ = ("_jitter", "_keepalive_timeout", "_max_age", "_max_requests")

    def __init__(
        self,
        *,
        keepalive_timeout: float | None,
        max_age: float | None = None,
        jitter: float = 0.0,
        max_requests: int | None = None,
        force_close: bool = False,
    ) -> None:
        if keepalive_timeout is not None and isnan(keepalive_timeout):
            raise ValueError("keepalive_timeout must be a number of seconds, not NaN")
        if max_age is not None and not max_age > 0:
            raise ValueError("max_connection_age must be more than 0 seconds")
        if not 0 <= jitter <= 1:
            raise ValueError("max_connection_age_jitter must be from 0 to 1")
        if max_requests is not None and max_requests < 1:
            raise ValueError("max_requests_per_connection must be at least 1")
        self._keepalive_timeout = inf if keepalive_timeout is None else keepalive_timeout
        self._max_age = max_age
        self._jitter = jitter
        self._max_requests = 1 if force_close else max_requests or inf

    def retirement(self, opened_at: float, chance: float) -> float:
        """Return when a connection is too old to begin another request.

        Args:
            opened_at: when it was established.
            chance: a random number from 0 to 1, drawn once for each connection.
        """
        if self._max_age is None:
            return inf
        return opened_at + self._max_age * (1 - self._jitter * chance)

    def expiry(
        self, now: float, retires_at: float, requests: int, keep_alive: float | None
    ) -> float:
        """Return until when a connection that is given back may be used again.

        If that is not later than `now`, it is to be closed.

        Args:
            now: when it is given back.
            retires_at: what `retirement` returned for it.
            requests: how many it has served.
            keep_alive: how long the server said that it keeps it idle, in seconds; the
                connection is given up a second earlier, as a request that is on its way when the
                server closes is lost.
        """
        if requests >= self._max_requests:
            return now
        until = now + self._keepalive_timeout
        if keep_alive is not None and now + keep_alive - _KEEP_ALIVE_MARGIN < until:
            until = now + keep_alive - _KEEP_ALIVE_MARGIN
        return until if until < retires_at else retires_at
