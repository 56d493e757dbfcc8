"""What all connectors share: the pool on an event loop, leases, and what ends them."""

from __future__ import annotations

import asyncio
import warnings
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol

from whimbrel_connector._attempt import WAITING, Attempt, time_limit
from whimbrel_connector._caller import caller, warn_caller
from whimbrel_connector._draining import Drain
from whimbrel_connector._leasing import Leases
from whimbrel_connector._lifetime import Lifetimes
from whimbrel_connector._pool import Pool
from whimbrel_connector._remains import clear_away
from whimbrel_connector._statistics import measure
from whimbrel_connector._transport import SocketTransport
from whimbrel_connector.endpoint import Endpoint
from whimbrel_connector.errors import (
    ClientConnectionError,
    ClientConnectorError,
    ConnectionTimeoutError,
)
from whimbrel_connector.tracing import ConnectionStage

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from whimbrel_connector._pool import Slot, Waiter
    from whimbrel_connector._statistics import PoolStatistics
    from whimbrel_connector.connection import Connection
    from whimbrel_connector.interfaces import ConnectionTrace

    class _Request(Protocol):
        """Anything that knows where it is to go."""

        @property
        def endpoint(self) -> Endpoint: ...


__all__ = ["UNSET", "BaseConnector", "Unset"]


class Unset:
    """The type of the default of a parameter for which `None` means something."""


UNSET: Final = Unset()


class BaseConnector:
    """Keeps connections for use again and bounds their number.

    It belongs to the event loop in which it is first used. A connector for another kind of
    socket is a subclass that has `_create_connection`.

    Args:
        keepalive_timeout: how long an idle connection is kept, in seconds (15 by default);
            `None` for ever, 0 not at all.
        force_close: close every connection after its first use.
        limit: how many connections may be open at once, idle ones included; 0 or `None` for any
            number.
        limit_per_host: the same for one host, port and TLS or not.
        max_connection_age: for how long after it was established a connection may be leased
            again, in seconds; `None` for ever.
        max_connection_age_jitter: each connection's age is shortened by a random part of up to
            this fraction, so that those established together do not all end together.
        max_requests_per_connection: how often a connection may be leased; `None` for any number.
        timeout_ceil_threshold: time limits of that many seconds or more end on a whole second of
            the loop's clock.
        enable_cleanup_closed: deprecated, has no effect: TLS is closed in bounded time anyway.
        loop: deprecated; the event loop to belong to.

    Raises:
        ValueError: a limit or an age makes no sense, or `force_close` is joined by a
            `keepalive_timeout`.
    """

    _default_keepalive_timeout: ClassVar[float] = 15.0
    _closed = True  # until it is made

    def __init__(
        self,
        *,
        keepalive_timeout: float | Unset | None = UNSET,
        force_close: bool = False,
        limit: int | None = 100,
        limit_per_host: int | None = 0,
        max_connection_age: float | None = None,
        max_connection_age_jitter: float = 0.1,
        max_requests_per_connection: int | None = None,
        timeout_ceil_threshold: float = 5.0,
        enable_cleanup_closed: bool = False,
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        if isinstance(keepalive_timeout, Unset):
            keepalive_timeout = self._default_keepalive_timeout
        elif force_close and keepalive_timeout is not None:
            raise ValueError("keepalive_timeout cannot be set if force_close is True")
        if not (limit or 0) >= 0 or not (limit_per_host or 0) >= 0:  # NaN is neither
            raise ValueError("limit and limit_per_host must not be negative")
        if enable_cleanup_closed:
            warn_caller("enable_cleanup_closed is deprecated and has no effect")
        if loop is not None:
            warn_caller("loop is deprecated")
        self._force_close = force_close
        self._limit = limit or 0
        self._limit_per_host = limit_per_host or 0
        lifetimes = Lifetimes(
            keepalive_timeout=keepalive_timeout,
            max_age=max_connection_age,
            jitter=max_connection_age_jitter,
            max_requests=max_requests_per_connection,
            force_close=force_close,
        )
        self._ceil_threshold = timeout_ceil_threshold
        self._ssl_shutdown_timeout = 0.0
        self._made_at, _ = caller()
        self._pool: Pool[SocketTransport] = Pool(self._limit, self._limit_per_host)
        self._leases = Leases(self._pool, lifetimes, loop, self._made_at, timeout_ceil_threshold)
        self._drain = Drain(self._leases)
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
        return measure(self._pool, opened=self._leases.opened, reused=self._leases.reused)

    # Leasing

    def acquire_nowait(self, endpoint: Endpoint) -> Connection | None:
        """Lease an idle connection, the one used last; `None` if there is none.

        It opens nothing, and never takes what somebody in the queue could have.

        Raises:
            ClientConnectionError: the connector is closed.
            RuntimeError: the connector belongs to another event loop.
        """
        return self._leases.take(endpoint, self)

    async def acquire(
        self,
        endpoint: Endpoint,
        *,
        connect: float | None = None,
        sock_connect: float | None = None,
        fresh: bool = False,
        trace: ConnectionTrace | None = None,
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
            trace: is told what is done, before it is done.

        Raises:
            ClientConnectionError: no connection could be established, or the connector is closed.
            ConnectionTimeoutError: it took too long; the message says what did.
            RuntimeError: the connector belongs to another event loop.
            TypeError: `endpoint` is no `Endpoint`.
        """
        if fresh or trace is not None:
            self._leases.check_usable()
            if fresh:
                self._close_idle(endpoint)
        else:
            connection = self.acquire_nowait(endpoint)
            if connection is not None:
                return connection
        if not isinstance(endpoint, Endpoint):
            raise TypeError(f"endpoint must be an Endpoint, not {type(endpoint).__name__}")
        self._check_endpoint(endpoint)
        attempt = Attempt(
            endpoint,
            self._establishing_limit(connect, sock_connect),
            trace,
            ceil_threshold=self._ceil_threshold,
        )
        scope = time_limit(connect, self._ceil_threshold)
        attempt.bound(scope.when())
        try:
            async with scope:
                with self._drain.ends(scope):
                    return await self._acquire(attempt, fresh)
        except TimeoutError as exc:
            if isinstance(exc, ClientConnectionError) or not scope.expired():
                raise
            if self._closed:
                raise self._closed_meanwhile(attempt) from None
            raise ConnectionTimeoutError(
                f"Connection timeout to host {endpoint.host}:{endpoint.port}:"
                f" no connection within {connect} s (connect);"
                f" at the end: {attempt.phase}{self._limits_for(attempt)}"
            ) from exc

    def _limits_for(self, attempt: Attempt) -> str:
        """Say what it is that an attempt waits for, if it waits for a free connection."""
        if attempt.phase != WAITING:
            return ""
        return (
            f" (limit={self._limit}, limit_per_host={self._limit_per_host};"
            f" {self._pool.count} open)"
        )

    async def connect(self, request: _Request) -> Connection:
        """Lease a connection for a request; the reference's form of `acquire`.

        Args:
            request: anything whose `endpoint` says where it is to go.

        Raises:
            ClientConnectionError: see `acquire`.
            RuntimeError: see `acquire`.
        """
        return await self.acquire(request.endpoint)

    async def _acquire(self, attempt: Attempt, fresh: bool) -> Connection:
        endpoint = attempt.endpoint
        waiter = self._pool.acquire(endpoint, endpoint.origin)
        try:
            queued = await self._await_turn(waiter, attempt)
            if attempt.trace is not None and self._can_reuse(waiter.slot, fresh):
                await attempt.tell(ConnectionStage.REUSED)
        except BaseException:
            self._leases.withdraw(waiter)
            raise
        slot = self._pool.take(waiter)
        reused = self._can_reuse(slot, fresh)
        if reused:
            self._leases.reused += 1
        else:
            if slot.resource is not None:
                slot = self._replace(slot)
            await self._open(slot, attempt)
        return self._leases.lease(slot, endpoint, self, reused, queued)

    async def _await_turn(self, waiter: Waiter[SocketTransport], attempt: Attempt) -> float:
        """Wait until the waiter has a slot whose socket may be opened, or is open already.

        Returns:
            How long that took, in seconds; 0 if there was nothing to wait for.
        """
        loop = asyncio.get_running_loop()
        if waiter.slot is None:
            waiter.token = loop.create_future()
        else:
            self._leases.carry_out((waiter,))
            if waiter.slot.victim is None:
                return 0.0
        began = loop.time()
        await attempt.tell(ConnectionStage.QUEUED_START)
        if waiter.token is not None:
            await waiter.token
        slot = waiter.slot
        assert slot is not None  # granted
        await self._await_victim(slot)
        await attempt.tell(ConnectionStage.QUEUED_END)
        return loop.time() - began

    async def _await_victim(self, slot: Slot[SocketTransport]) -> None:
        """Wait until the socket that makes room for this slot's is gone."""
        victim = slot.victim
        if victim is not None and victim.resource is not None:
            await victim.resource.wait_closed()

    async def _open(self, slot: Slot[SocketTransport], attempt: Attempt) -> None:
        """Establish the connection of a slot."""
        try:
            await self._await_victim(slot)
            await attempt.tell(ConnectionStage.CREATE_START)
            transport = self._checked(await self._create_connection(attempt))
            attempt.transport = transport
            self._check_new(attempt, transport)
        except BaseException:
            clear_away(attempt, partial(self._leases.forget, slot))
            raise
        self._leases.established(slot, transport)
        if attempt.trace is not None:
            try:
                await attempt.tell(ConnectionStage.CREATE_END)
                self._check_new(attempt, transport)
            except BaseException:
                self._leases.throw_away(slot)
                raise

    async def _create_connection(self, attempt: Attempt) -> SocketTransport:
        """Establish a connection; a connector for another kind of socket overrides this.

        It is called when the limits allow another socket, and may be cancelled. What it opens it
        leaves to the attempt at once, in `attempt.transport` or `attempt.sock`, so that nothing
        stays open whatever happens.

        Args:
            attempt: where to, and who wants to know how far it got: call `begin` for each phase.

        Returns:
            The transport, connected, with `attempt.timings`.

        Raises:
            ClientConnectionError: it could not be done.
        """
        raise NotImplementedError(f"{type(self).__name__} does not establish connections")

    def _checked(self, transport: object) -> SocketTransport:
        """Return what `_create_connection` returned, if it is what it must be."""
        if not isinstance(transport, SocketTransport):
            raise TypeError(
                f"{type(self).__name__}._create_connection must return a SocketTransport,"
                f" not {type(transport).__name__}"
            )
        return transport

    def _check_endpoint(self, endpoint: Endpoint) -> None:
        """Raise an error for an endpoint that this connector cannot serve."""

    def _establishing_limit(
        self, connect: float | None, sock_connect: float | None
    ) -> float | None:
        """Return how long establishing a connection may take, if the caller gives these."""
        return sock_connect

    def _check_new(self, attempt: Attempt, transport: SocketTransport) -> None:
        """Raise an error if a new connection is of no use."""
        if self._closed:
            raise self._closed_meanwhile(attempt)
        if not transport.is_fit_when_new():
            raise ClientConnectorError(
                attempt.endpoint,
                ConnectionResetError("the server closed the connection, or spoke first"),
                attempt.detail(),
            )

    def _closed_meanwhile(self, attempt: Attempt) -> ClientConnectionError:
        return ClientConnectionError(
            f"the connector was closed while {attempt.phase} for {attempt.endpoint!r}"
        )

    def _can_reuse(self, slot: Slot[SocketTransport] | None, fresh: bool) -> bool:
        """Tell whether a slot that was granted has a connection that is good for another lease."""
        return slot is not None and not fresh and self._leases.can_reuse(slot)

    def _replace(self, slot: Slot[SocketTransport]) -> Slot[SocketTransport]:
        """Close a connection that is unfit, and return a slot for another one in its place."""
        transport = slot.resource
        new = self._pool.replace(slot)
        if transport is not None:
            transport.dispose()
        return new

    def _close_idle(self, endpoint: Endpoint) -> None:
        """Close the idle connections of one endpoint."""
        while (slot := self._pool.take_idle(endpoint)) is not None:
            self._leases.throw_away(slot)

    # Closing

    async def close(self) -> None:
        """Close all connections and return when their sockets are gone; harmless when repeated.

        Whoever waits in `acquire`, and every receiver whose connection is in use, gets a
        `ClientConnectionError`. It takes two seconds at most, and for TLS peers that are waited
        for, `ssl_shutdown_timeout`.

        Raises:
            RuntimeError: the connector belongs to another event loop, which is still open.
        """
        loop, own_loop = asyncio.get_running_loop(), self._leases.loop
        if own_loop is not None and own_loop is not loop and not own_loop.is_closed():
            raise RuntimeError(
                f"this connector (made at {self._made_at}) belongs to another event loop;"
                " close it there"
            )
        self._closed = self._leases.closed = True
        if own_loop is loop:
            self._leases.stop_timer()
            await self._drain.run(self._ssl_shutdown_timeout)
        await self._close_resources()

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
        self._leases.abandon()
        # Last, for where warnings are errors this ends the method.
        _warn(
            f"unclosed connector, made at {self._made_at}: use 'async with' or await close()",
            ResourceWarning,
            source=self,
        )
