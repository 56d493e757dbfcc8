"""What all connectors share: the pool on an event loop, leases, time and closing."""

from __future__ import annotations

import asyncio
import socket
import sys
import warnings
import weakref
from contextlib import suppress
from functools import partial
from math import ceil, inf
from typing import TYPE_CHECKING, Any, Final

from whimbrel_connector._attempt import Attempt
from whimbrel_connector._pool import Pool, State
from whimbrel_connector._statistics import measure
from whimbrel_connector.connection import Connection
from whimbrel_connector.errors import (
    ClientConnectionError,
    ClientConnectorError,
    ConnectionTimeoutError,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType
    from typing import Self

    from whimbrel_connector._pool import Slot, Waiter
    from whimbrel_connector._statistics import PoolStatistics
    from whimbrel_connector._transport import SocketTransport
    from whimbrel_connector.endpoint import Endpoint

__all__ = ["UNSET", "BaseConnector", "Unset"]

_KEEPALIVE_TIMEOUT: Final = 15.0
_KEEP_ALIVE_MARGIN: Final = 1.0
"""How much earlier than the server said an idle connection is given up, in seconds."""
_CLOSE_TIMEOUT: Final = 1.0
"""How long `close` waits for what should take no time at all, in seconds; twice at most."""
_MAX_TURNS: Final = 100


class Unset:
    """The type of the default of a parameter for which `None` means something."""


UNSET: Final = Unset()


def _caller() -> tuple[str, int]:
    """Find the code outside these packages that called into them.

    Returns:
        Its file and line, and its level above the function that asks, as `warnings` counts.
    """
    frame = sys._getframe(1)  # documented, and far cheaper than inspect.stack()
    level = 0
    while frame.f_globals.get("__name__", "").startswith("whimbrel") and frame.f_back:
        frame = frame.f_back
        level += 1
    return f"{frame.f_code.co_filename}:{frame.f_lineno}", level + 1


def _lost(connector: weakref.ref[BaseConnector], slot: Slot[SocketTransport]) -> None:
    """Tell the connector, if it still exists, that a slot's socket is gone."""
    alive = connector()
    if alive is not None:
        alive._forget(slot)  # a part of the class that must not keep it alive


def _expire(connector: weakref.ref[BaseConnector]) -> None:
    """Let the connector, if it still exists, close what was idle for too long."""
    alive = connector()
    if alive is not None:
        alive._close_expired()  # a part of the class that must not keep it alive


class BaseConnector:
    """Keeps connections for use again and bounds their number.

    It belongs to the event loop in which it is first used.

    Args:
        keepalive_timeout: how long an idle connection is kept, in seconds (15 by default);
            `None` for ever, 0 not at all.
        force_close: close every connection after its first use.
        limit: how many connections may be open at once, idle ones included; 0 or `None` for any
            number.
        limit_per_host: the same for one host, port and TLS or not.
        enable_cleanup_closed: deprecated, has no effect: TLS is closed in bounded time anyway.
        loop: deprecated; the event loop to belong to.

    Raises:
        ValueError: a limit is negative, or `force_close` is joined by a `keepalive_timeout`.
    """

    _closed = True  # until it is made

    def __init__(
        self,
        *,
        keepalive_timeout: float | Unset | None = UNSET,
        force_close: bool = False,
        limit: int | None = 100,
        limit_per_host: int | None = 0,
        enable_cleanup_closed: bool = False,
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        if isinstance(keepalive_timeout, Unset):
            keepalive_timeout = _KEEPALIVE_TIMEOUT
        elif force_close and keepalive_timeout is not None:
            raise ValueError("keepalive_timeout cannot be set if force_close is True")
        if (limit or 0) < 0 or (limit_per_host or 0) < 0:
            raise ValueError("limit and limit_per_host must not be negative")
        made_at, level = _caller()
        if enable_cleanup_closed:
            warnings.warn(
                "enable_cleanup_closed is deprecated and has no effect",
                DeprecationWarning,
                stacklevel=level,
            )
        if loop is not None:
            warnings.warn("loop is deprecated", DeprecationWarning, stacklevel=level)
        self._loop = loop
        self._force_close = force_close
        self._limit = limit or 0
        self._limit_per_host = limit_per_host or 0
        self._lifetime = inf if keepalive_timeout is None else float(keepalive_timeout)
        self._pool: Pool[SocketTransport] = Pool(self._limit, self._limit_per_host)
        self._scopes: set[asyncio.Timeout] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._drained: asyncio.Event | None = None
        self._reused = 0
        self._opened = 0
        self._made_at = made_at
        self._closed = False

    # What it is

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    @property
    def force_close(self) -> bool:
        """Whether every connection is closed after its first use."""
        return self._force_close

    @property
    def limit(self) -> int:
        """How many connections may be open at once; 0 for any number."""
        return self._limit

    @property
    def limit_per_host(self) -> int:
        """How many connections may be open to one host, port and TLS or not; 0 for any number."""
        return self._limit_per_host

    def statistics(self) -> PoolStatistics:
        """Return what the connector has now, and what it did until now."""
        return measure(self._pool, opened=self._opened, reused=self._reused)

    # Leasing

    def acquire_nowait(self, endpoint: Endpoint) -> Connection | None:
        """Lease an idle connection, the one used last; `None` if there is none.

        It opens nothing, and never takes what somebody in the queue could have.

        Raises:
            ClientConnectionError: the connector is closed.
            RuntimeError: the connector belongs to another event loop.
        """
        loop = self._check_usable()
        pool = self._pool
        while (slot := pool.take_idle(endpoint)) is not None:
            transport = slot.resource
            assert transport is not None  # an idle slot has a connection
            if slot.expires_at > loop.time() and transport.is_fit():
                self._reused += 1
                return Connection(
                    self, slot, endpoint, reused=True, queued=0.0, timings=transport.timings
                )
            pool.retire(slot)
            transport.dispose()
        return None

    async def acquire(
        self,
        endpoint: Endpoint,
        *,
        connect: float | None = None,
        sock_connect: float | None = None,
        fresh: bool = False,
    ) -> Connection:
        """Lease a connection: an idle one, or one that is opened when the limits allow.

        Args:
            endpoint: where to.
            connect: how long it may take altogether, in seconds; 0 or `None` for any time.
            sock_connect: how long it may take to establish a new connection, from the time when
                its slot is free and its host's name is resolved, in seconds: connecting the
                socket, the proxy's tunnel and the TLS handshake; 0 or `None` for any time.
            fresh: lease no connection that was used before, and close the idle ones of the
                endpoint. That is for sending a request again after a connection turned out to be
                stale: those that have been idle for longer are no better.

        Raises:
            ClientConnectionError: no connection could be established, or the connector is closed.
            ConnectionTimeoutError: it took too long; the message says what did.
            RuntimeError: the connector belongs to another event loop.
        """
        if fresh:
            self._check_usable()
            self._close_idle(endpoint)
        else:
            connection = self.acquire_nowait(endpoint)
            if connection is not None:
                return connection
        self._check_endpoint(endpoint)
        attempt = Attempt(endpoint, sock_connect)
        scope = asyncio.timeout(connect or None)
        try:
            async with scope:
                self._scopes.add(scope)
                try:
                    return await self._acquire(attempt, fresh)
                finally:
                    self._scopes.discard(scope)
                    if self._drained is not None:
                        self._check_drained(self._drained)
        except TimeoutError as exc:
            if isinstance(exc, ClientConnectionError) or not scope.expired():
                raise
            if self._closed:
                raise ClientConnectionError(
                    f"the connector was closed while {attempt.phase} for {endpoint!r}"
                ) from None
            raise ConnectionTimeoutError(
                f"Connection timeout to host {endpoint.host}:{endpoint.port}:"
                f" no connection within {connect} s (connect); at the end: {attempt.phase}"
            ) from exc

    async def _acquire(self, attempt: Attempt, fresh: bool) -> Connection:
        endpoint = attempt.endpoint
        loop = asyncio.get_running_loop()
        began = loop.time()
        waiter = self._pool.acquire(endpoint, endpoint.origin)
        if waiter.slot is None:
            waiter.token = loop.create_future()
            try:
                await waiter.token
            except BaseException:
                self._carry_out(self._pool.cancel(waiter))
                raise
        else:
            self._carry_out((waiter,))
        slot = self._pool.take(waiter)
        transport = slot.resource
        if transport is not None:
            if not fresh and transport.is_fit():
                self._reused += 1
                queued = loop.time() - began
                return Connection(
                    self, slot, endpoint, reused=True, queued=queued, timings=transport.timings
                )
            slot = self._pool.replace(slot)
            transport.dispose()
        try:
            victim = slot.victim
            if victim is not None and victim.resource is not None:
                await victim.resource.wait_closed()
            queued = loop.time() - began
            transport = await self._establish(attempt)
            # A fresh TLS connection may have session tickets waiting, which are no doubt of it.
            if transport.is_closing() or not (endpoint.is_ssl or transport.is_fit()):
                raise ClientConnectorError(
                    endpoint,
                    ConnectionResetError("the server closed the connection, or spoke first"),
                    attempt.detail(),
                )
        except BaseException:
            self._give_up(slot, attempt)
            raise
        slot.resource = transport
        transport.on_lost = partial(_lost, weakref.ref(self), slot)
        self._opened += 1
        return Connection(
            self, slot, endpoint, reused=False, queued=queued, timings=transport.timings
        )

    def _close_idle(self, endpoint: Endpoint) -> None:
        """Close the idle connections of one endpoint."""
        while (slot := self._pool.take_idle(endpoint)) is not None:
            self.throw_away(slot)

    async def _establish(self, attempt: Attempt) -> SocketTransport:
        """Establish a connection; a connector for another kind of socket overrides this."""
        raise NotImplementedError(f"{type(self).__name__} does not establish connections")

    def _check_endpoint(self, endpoint: Endpoint) -> None:
        """Raise an error for an endpoint that this connector cannot serve."""

    def _check_usable(self) -> asyncio.AbstractEventLoop:
        if self._closed:
            raise ClientConnectionError("Connector is closed")
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            if self._loop is not None:
                raise RuntimeError(
                    f"this connector (made at {self._made_at}) belongs to another event loop;"
                    " use one connector for each loop"
                )
            self._loop = loop
        return loop

    # What leases call

    def give_back(self, slot: Slot[SocketTransport], keep_alive: float | None) -> None:
        """Take a connection back from a lease. For `Connection` only."""
        transport = slot.resource
        loop = self._loop
        assert transport is not None
        assert loop is not None
        lifetime = self._lifetime
        if keep_alive is not None and keep_alive - _KEEP_ALIVE_MARGIN < lifetime:
            lifetime = keep_alive - _KEEP_ALIVE_MARGIN
        if not (self._closed or self._force_close or lifetime <= 0):
            transport.rest()
            if not transport.is_closing():
                expires_at = loop.time() + lifetime
                served = self._pool.release(slot, expires_at)
                if served:
                    self._carry_out(served)
                if self._timer is None and expires_at != inf:
                    self._arm(loop, expires_at)
                return
        self.throw_away(slot)

    def throw_away(self, slot: Slot[SocketTransport]) -> None:
        """Close the connection of a lease. For `Connection` only."""
        self._pool.retire(slot)
        if slot.resource is not None:
            slot.resource.dispose()

    def let_go(self, slot: Slot[SocketTransport]) -> None:
        """Let the connection of a lease leave the pool. For `Connection` only."""
        if slot.state is State.LEASED:
            self._pool.detach(slot)

    def reclaim(self, slot: Slot[SocketTransport]) -> None:
        """Close the connection of a forgotten lease, from any thread. For `Connection` only."""
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self.throw_away, slot)

    def running_loop(self) -> asyncio.AbstractEventLoop:
        """Return the event loop that the connector belongs to. For `Connection` only."""
        assert self._loop is not None  # there is a lease
        return self._loop

    # Carrying out what the pool decides

    def _carry_out(self, served: Iterable[Waiter[SocketTransport]]) -> None:
        """Close what must make room for the waiters, and wake them."""
        for waiter in served:
            slot = waiter.slot
            assert slot is not None  # it was served
            victim = slot.victim
            if victim is not None and victim.resource is not None:
                victim.resource.dispose()
            if waiter.token is not None and not waiter.token.done():
                waiter.token.set_result(None)
        if self._drained is not None:
            self._check_drained(self._drained)

    def _check_drained(self, drained: asyncio.Event) -> None:
        """Let `close` go on, if there is nothing left to wait for."""
        if not self._pool.count and not self._scopes:
            drained.set()

    def _forget(self, slot: Slot[SocketTransport]) -> None:
        """Learn that a slot's socket is gone."""
        self._carry_out(self._pool.closed(slot))

    def _give_up(self, slot: Slot[SocketTransport], attempt: Attempt) -> None:
        """Clean up after an attempt that failed."""
        if attempt.transport is not None:
            attempt.transport.abandon()
        sock = attempt.sock
        if sock is not None and sock.fileno() != -1:
            # asyncio closes the socket in the next turns. It may still be about to start a
            # handshake, which this ends.
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        self._forget_when_gone(slot, sock, _MAX_TURNS)

    def _forget_when_gone(
        self, slot: Slot[SocketTransport], sock: socket.socket | None, turns: int
    ) -> None:
        if sock is None or sock.fileno() == -1:
            self._forget(slot)
        elif turns == 0:  # nobody has taken the socket over
            sock.close()
            self._forget(slot)
        else:
            loop = self.running_loop()
            loop.call_soon(self._forget_when_gone, slot, sock, turns - 1)

    def _arm(self, loop: asyncio.AbstractEventLoop, when: float) -> None:
        """Start the one timer for idle connections, on a whole second."""
        self._timer = loop.call_at(ceil(when), _expire, weakref.ref(self))

    def _close_expired(self) -> None:
        loop = self.running_loop()
        self._timer = None
        for slot in self._pool.expired(loop.time()):
            if slot.resource is not None:
                slot.resource.dispose()
        following = self._pool.next_expiry()
        if following is not None and following != inf:
            self._arm(loop, following)

    # Closing

    async def close(self) -> None:
        """Close all connections and return when their sockets are gone; harmless when repeated.

        Whoever waits in `acquire`, and every receiver whose connection is in use, gets a
        `ClientConnectionError`. It takes two seconds at most.

        Raises:
            RuntimeError: the connector belongs to another event loop, which is still open.
        """
        loop = asyncio.get_running_loop()
        if self._loop is not None and self._loop is not loop and not self._loop.is_closed():
            raise RuntimeError(
                f"this connector (made at {self._made_at}) belongs to another event loop;"
                " close it there"
            )
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._loop is loop:
            await self._drain(loop)
        await self._close_resources()

    async def _drain(self, loop: asyncio.AbstractEventLoop) -> None:
        drained = self._drained
        if drained is None:
            drained = self._drained = asyncio.Event()
        for scope in self._scopes:
            if not scope.expired():  # else it ends without our doing
                scope.reschedule(loop.time())  # ends the acquire, and says so to nobody else
        self._dispose_all()
        self._check_drained(drained)
        for _ in range(2):
            with suppress(TimeoutError):
                async with asyncio.timeout(_CLOSE_TIMEOUT):
                    await drained.wait()
            self._dispose_all()

    def _dispose_all(self) -> None:
        for slot in list(self._pool):
            if slot.resource is not None:
                slot.resource.dispose(ClientConnectionError("the connector was closed"))
            if slot.victim is not None and slot.victim.resource is not None:
                slot.victim.resource.dispose()

    async def _close_resources(self) -> None:
        """Close what a derived connector has besides connections."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def __del__(self, _warn: Any = warnings.warn) -> None:
        if self._closed or not self._pool.count:
            return
        self._closed = True
        loop = self._loop
        if loop is not None and not loop.is_closed():
            if self._timer is not None:
                loop.call_soon_threadsafe(self._timer.cancel)
            for slot in self._pool:
                if slot.resource is not None:
                    loop.call_soon_threadsafe(slot.resource.dispose)
        # Last, for where warnings are errors this ends the method.
        _warn(
            f"unclosed connector, made at {self._made_at}: use 'async with' or await close()",
            ResourceWarning,
            source=self,
        )
