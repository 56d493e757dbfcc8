"""One attempt at establishing a connection: its phase, its time limit, what it holds."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from math import ceil, inf, isnan
from typing import TYPE_CHECKING, Final

from whimbrel_connector.errors import (
    ClientConnectorError,
    ClientProxyConnectionError,
    ConnectionTimeoutError,
)
from whimbrel_connector.tracing import ConnectionEvent

if TYPE_CHECKING:
    import socket
    from collections.abc import Coroutine
    from typing import Any

    from whimbrel_connector._transport import SocketTransport
    from whimbrel_connector.endpoint import Endpoint
    from whimbrel_connector.interfaces import ConnectionTrace
    from whimbrel_connector.tracing import ConnectionStage

__all__ = ["WAITING", "Attempt", "ConnectTimings", "time_limit", "within_limit"]

WAITING: Final = "waiting for a free connection"
"""The phase that each attempt begins with."""


@dataclass(slots=True)
class ConnectTimings:
    """How long each phase of establishing a connection took, in seconds; `None` if not needed."""

    dns: float | None = None
    """Looking the name up; next to nothing when the cache has it."""
    connect: float | None = None
    """Connecting the socket, all attempts together."""
    proxy_tls: float | None = None
    """The TLS handshake with an HTTPS proxy."""
    proxy: float | None = None
    """Asking the proxy for a tunnel."""
    tls: float | None = None
    """The TLS handshake with the server."""


class Attempt:
    """One establishing: what it is for, how far it got, what it holds.

    Args:
        endpoint: where to.
        sock_connect: how long it may take once the name is resolved, in seconds; 0 or `None` for
            any time.
        trace: who is told what is done, if anybody.
        ceil_threshold: see `time_limit`.
    """

    __slots__ = (
        "_began",
        "ceil_threshold",
        "deadline",
        "endpoint",
        "phase",
        "sock",
        "sock_connect",
        "timings",
        "trace",
        "transport",
    )

    def __init__(
        self,
        endpoint: Endpoint,
        sock_connect: float | None,
        trace: ConnectionTrace | None = None,
        *,
        ceil_threshold: float = 5.0,
    ) -> None:
        self.endpoint = endpoint
        self.sock_connect = _finite(sock_connect)
        self.ceil_threshold = ceil_threshold
        self.trace = trace
        #: When the attempt is ended at the latest, on the loop's clock.
        self.deadline = inf
        self.timings = ConnectTimings()
        self.phase = WAITING
        #: The socket, once connected; it is closed with the transport.
        self.sock: socket.socket | None = None
        self.transport: SocketTransport | None = None
        self._began = 0.0

    def begin(self, phase: str) -> None:
        """Enter a phase; its name says what is being done, for errors."""
        self.phase = phase
        self._began = asyncio.get_running_loop().time()

    async def tell(
        self, stage: ConnectionStage, *, host: str | None = None, address: str | None = None
    ) -> None:
        """Tell the trace, if there is one, what happens."""
        if self.trace is not None:
            await self.trace.connection_event(ConnectionEvent(stage, self.endpoint, host, address))

    def bound(self, when: float | None) -> None:
        """Note a time limit that somebody sets: the earliest is the deadline."""
        if when is not None:
            self.deadline = min(self.deadline, when)

    def remaining(self) -> float:
        """Return how long the attempt may take yet, in seconds; `inf` for any time."""
        return self.deadline - asyncio.get_running_loop().time()

    def elapsed(self) -> float:
        """Return how long the phase has taken, in seconds."""
        return asyncio.get_running_loop().time() - self._began

    def detail(self) -> str:
        """Say which phase it is, and for how long."""
        return f"{self.phase}, after {self.elapsed():.2f} s"

    def failure(self, exc: OSError) -> ClientConnectorError:
        """Return the error for a way to the proxy, or to the server, that failed."""
        proxy = self.endpoint.proxy
        kind = ClientConnectorError if proxy is None else ClientProxyConnectionError
        return kind(self.endpoint, exc, self.detail())


def _finite(seconds: float | None) -> float | None:
    """Return a time limit, `None` where there is none: for 0, `None` and infinity."""
    if not seconds or seconds == inf:
        return None
    if isnan(seconds):
        raise ValueError("a time limit must be a number of seconds, not NaN")
    return seconds


def time_limit(seconds: float | None, ceil_threshold: float) -> asyncio.Timeout:
    """Return a scope for `async with` that ends after a time.

    Args:
        seconds: how long it may take; 0, `None` or infinity for any time.
        ceil_threshold: from how many seconds on the scope ends on a whole second of the loop's
            clock, so that many of them end in few turns of the loop.

    Raises:
        ValueError: the time is not a number.
    """
    seconds = _finite(seconds)
    if seconds is None:
        return asyncio.timeout(None)
    when = asyncio.get_running_loop().time() + seconds
    return asyncio.timeout_at(ceil(when) if seconds >= ceil_threshold else when)


async def within_limit(
    attempt: Attempt, whom: str, steps: Coroutine[Any, Any, SocketTransport]
) -> SocketTransport:
    """Take all the steps from connecting on within `sock_connect`.

    Raises:
        ConnectionTimeoutError: it took too long; the message says what it was doing then.
    """
    scope = time_limit(attempt.sock_connect, attempt.ceil_threshold)
    attempt.bound(scope.when())
    try:
        async with scope:
            return await steps
    except TimeoutError as exc:
        if not scope.expired():
            raise
        raise ConnectionTimeoutError(
            f"Connection timeout to {whom}: no connection within {attempt.sock_connect} s of"
            f" connecting (sock_connect); at the end: {attempt.phase}"
        ) from exc
