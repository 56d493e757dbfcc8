"""A lease of a connection."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from whimbrel_connector.errors import ClientConnectionError

if TYPE_CHECKING:
    import asyncio

    from whimbrel_connector._attempt import ConnectTimings
    from whimbrel_connector._leasing import Leases
    from whimbrel_connector._pool import Slot
    from whimbrel_connector._transport import SocketTransport
    from whimbrel_connector.endpoint import Endpoint
    from whimbrel_connector.interfaces import Transport

__all__ = ["Connection"]


class Connection:
    """The right to use one connection, until it is released, closed or detached.

    A connector makes it. A lease that is forgotten closes its connection and warns
    (`ResourceWarning`).
    """

    __slots__ = (
        "_connector",
        "_leases",
        "_slot",
        "endpoint",
        "queued",
        "reused",
        "timings",
    )

    def __init__(  # noqa: PLR0917  # by position, as it is made for every request
        self,
        leases: Leases,
        slot: Slot[SocketTransport],
        endpoint: Endpoint,
        connector: object,
        reused: bool,
        queued: float,
        timings: ConnectTimings,
    ) -> None:
        self._leases = leases
        # As long as there is a lease, nobody has forgotten the connector.
        self._connector = connector
        self._slot: Slot[SocketTransport] | None = slot
        #: Where the connection leads.
        self.endpoint = endpoint
        #: Whether the connection was used before.
        self.reused = reused
        #: How long the lease was waited for because of the connector's limits, in seconds.
        self.queued = queued
        #: How long the phases of establishing the connection took.
        self.timings = timings

    @property
    def transport(self) -> Transport:
        """The connection itself.

        Raises:
            ClientConnectionError: the lease is over, and somebody else may have the connection.
        """
        slot = self._slot
        if slot is None or slot.resource is None:
            raise ClientConnectionError("the connection was released, closed or detached")
        return slot.resource

    @property
    def closed(self) -> bool:
        """Whether the lease is over, or the connection is closed or about to be."""
        slot = self._slot
        return slot is None or slot.resource is None or slot.resource.is_closing()

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop of the connection; deprecated, use `asyncio.get_running_loop`."""
        warnings.warn(
            "Connection.loop is deprecated, use asyncio.get_running_loop()",
            DeprecationWarning,
            stacklevel=2,
        )
        return self._leases.running_loop()

    def release(self, keep_alive: float | None = None) -> None:
        """Give the connection back for others to use; harmless when repeated.

        Only call it when the last message on it is complete in both directions and nothing
        forbids another one. From then on, any byte that arrives closes the connection.

        Args:
            keep_alive: how long the server said that it keeps the idle connection, in seconds;
                one second less is relied on.
        """
        slot = self._slot
        if slot is not None:
            self._slot = None
            self._leases.give_back(slot, keep_alive)

    def close(self) -> None:
        """Close the connection at once; harmless when repeated."""
        slot, self._slot = self._slot, None
        if slot is not None:
            self._leases.throw_away(slot)

    def detach(self) -> Transport:
        """Take the transport out of the pool for good, after an upgrade for example.

        It counts against the connector's limits until it is closed, and `close()` of the
        connector closes it.

        Raises:
            ClientConnectionError: the lease is over.
        """
        transport = self.transport
        slot, self._slot = self._slot, None
        assert slot is not None  # or `transport` would have raised
        self._leases.let_go(slot)
        return transport

    def __repr__(self) -> str:
        state = "closed" if self.closed else "open"
        return f"<Connection to {self.endpoint!r}, {state}>"

    def __del__(self, _warn: Any = warnings.warn) -> None:
        slot = self._slot
        if slot is None:
            return
        forgotten = None if self.closed else repr(self)
        self._slot = None
        self._leases.reclaim(slot)
        # Last, for where warnings are errors this ends the method.
        if forgotten is not None:
            _warn(f"unreleased {forgotten}", ResourceWarning, source=self)
