"""Leases of pooled connections: taking an idle one, giving one back, learning that one is lost.

Every request goes through this, so that each step is one that a request needs.
"""

from __future__ import annotations

import asyncio
import random
from threading import get_ident
from typing import TYPE_CHECKING, Any, Final

from whimbrel_connector._expiry_timer import ExpiryTimer
from whimbrel_connector._pool import Pool, Slot, State
from whimbrel_connector.connection import Connection
from whimbrel_connector.errors import ClientConnectionError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from whimbrel_connector._lifetime import Lifetimes
    from whimbrel_connector._pool import Waiter
    from whimbrel_connector._transport import SocketTransport
    from whimbrel_connector.endpoint import Endpoint

__all__ = ["Leases"]

_PAUSE: Final = 0.5
"""How long to wait at least before looking again for idle connections to close, in seconds."""


class Leases:
    """A connector's pool on its event loop.

    It does not know the connector, so that one that is forgotten can say so although its
    connections live.

    Args:
        pool: decides.
        lifetimes: until when connections may be used.
        loop: the event loop to belong to; `None` for the one in which it is used first.
        made_at: where the connector was made, for errors.
        ceil_threshold: from how many seconds on a timer ends on a whole second.
    """

    __slots__ = (
        "_lifetimes",
        "_made_at",
        "_on_lost",
        "_thread_id",
        "_timer",
        "closed",
        "loop",
        "on_room",
        "opened",
        "pool",
        "reused",
    )

    def __init__(
        self,
        pool: Pool[SocketTransport],
        lifetimes: Lifetimes,
        loop: asyncio.AbstractEventLoop | None,
        made_at: str,
        ceil_threshold: float,
    ) -> None:
        self.pool = pool
        self.loop = loop
        #: Whether the connector is closed: nothing is leased any more, and nothing kept.
        self.closed = False
        #: How many connections were established.
        self.opened = 0
        #: How often a connection was leased that had been used before.
        self.reused = 0
        #: Called whenever sockets may have gone.
        self.on_room: Callable[[], None] | None = None
        self._lifetimes = lifetimes
        self._made_at = made_at
        self._thread_id = 0  # of the loop
        self._timer = ExpiryTimer(self._close_expired, ceil_threshold)
        self._on_lost: Callable[[Slot[SocketTransport]], None] = self.forget

    def check_usable(self) -> asyncio.AbstractEventLoop:
        """Return the loop, which is the running one.

        Raises:
            ClientConnectionError: the connector is closed.
            RuntimeError: it belongs to another event loop.
        """
        if self.closed:
            raise ClientConnectionError("Connector is closed")
        loop = asyncio.get_running_loop()
        if loop is not self.loop:
            if self.loop is not None:
                raise RuntimeError(
                    f"this connector (made at {self._made_at}) belongs to another event loop;"
                    " use one connector for each loop"
                )
            self.loop = loop
        self._thread_id = get_ident()
        return loop

    def running_loop(self) -> asyncio.AbstractEventLoop:
        """Return the event loop; there must be one already."""
        loop = self.loop
        assert loop is not None
        return loop

    # Taking

    def take(self, endpoint: Endpoint, connector: object) -> Connection | None:
        """Lease an idle connection, the one used last; see `BaseConnector.acquire_nowait`."""
        loop = self.loop
        # That is a tenth faster than to ask for the running loop, which in Python 3.11 asks the
        # system for the process every time.
        if self.closed or get_ident() != self._thread_id or loop is None or not loop.is_running():
            loop = self.check_usable()
        while True:
            slot = self.pool.take_idle(endpoint)
            if slot is None:
                return None
            transport = slot.resource
            assert transport is not None  # an idle slot has a connection
            if slot.expires_at > loop.time() and transport.is_fit():
                self.reused += 1
                return self.lease(slot, endpoint, connector, True, 0.0)
            self.throw_away(slot)

    def lease(
        self,
        slot: Slot[SocketTransport],
        endpoint: Endpoint,
        connector: object,
        reused: bool,
        queued: float,
    ) -> Connection:
        """Return a lease of the connection of a slot that was taken."""
        transport = slot.resource
        assert transport is not None
        slot.uses += 1
        return Connection(self, slot, endpoint, connector, reused, queued, transport.timings)

    def can_reuse(self, slot: Slot[SocketTransport]) -> bool:
        """Tell whether a slot that was granted has a connection that is good for another lease."""
        transport = slot.resource
        if transport is None:
            return False
        return slot.expires_at > self.running_loop().time() and transport.is_fit()

    def established(self, slot: Slot[SocketTransport], transport: SocketTransport) -> None:
        """Give a slot its connection."""
        chance = random.random()  # noqa: S311  # no secret
        slot.resource = transport
        slot.retires_at = self._lifetimes.retirement(self.running_loop().time(), chance)
        transport.slot = slot
        transport.on_lost = self._on_lost
        self.opened += 1

    # What leases call

    def give_back(self, slot: Slot[SocketTransport], keep_alive: float | None) -> None:
        """Take a connection back from a lease."""
        transport = slot.resource
        loop = self.loop
        assert transport is not None
        assert loop is not None
        now = loop.time()
        expires_at = self._lifetimes.expiry(now, slot.retires_at, slot.uses, keep_alive)
        if not transport.rest() or expires_at <= now or self.closed:
            self.throw_away(slot)
            return
        served = self.pool.release(slot, expires_at)
        if served:
            self.carry_out(served)
        if expires_at < self._timer.when:
            self._timer.arm(loop, expires_at)

    def throw_away(self, slot: Slot[SocketTransport]) -> None:
        """Close the connection of a lease."""
        self.pool.retire(slot)
        if slot.resource is not None:
            slot.resource.dispose()

    def let_go(self, slot: Slot[SocketTransport]) -> None:
        """Let the connection of a lease leave the pool."""
        if slot.state is State.LEASED:
            self.pool.detach(slot)

    def reclaim(self, slot: Slot[SocketTransport]) -> None:
        """Close the connection of a forgotten lease, from any thread."""
        loop = self.loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self.throw_away, slot)

    # Carrying out what the pool decides

    def carry_out(self, served: Iterable[Waiter[SocketTransport]]) -> None:
        """Close what must make room for the waiters, and wake them."""
        for waiter in served:
            slot = waiter.slot
            assert slot is not None  # it was served
            victim = slot.victim
            if victim is not None and victim.resource is not None:
                victim.resource.dispose()
            token: Any = waiter.token
            if token is not None and not token.done():
                token.set_result(None)
        if self.on_room is not None:
            self.on_room()

    def forget(self, slot: Slot[SocketTransport]) -> None:
        """Learn that a slot's socket is gone."""
        self.carry_out(self.pool.closed(slot))

    def withdraw(self, waiter: Waiter[SocketTransport]) -> None:
        """Stop waiting; what was granted meanwhile goes to the next, or is idle again."""
        slot = waiter.slot
        self.carry_out(self.pool.cancel(waiter))
        if slot is not None and slot.state is State.IDLE:
            self._timer.arm(self.running_loop(), slot.expires_at)

    def abandon(self) -> None:
        """Close everything, from any thread, for a connector that was forgotten."""
        self.closed = True
        loop = self.loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._close_all)

    def _close_all(self) -> None:
        self.stop_timer()
        for slot in list(self.pool):
            if slot.resource is not None:
                slot.resource.dispose()

    # Time

    def stop_timer(self) -> None:
        """Close no idle connections any more."""
        self._timer.cancel()

    def _close_expired(self) -> None:
        loop = self.running_loop()
        for slot in self.pool.expired(loop.time()):
            if slot.resource is not None:
                slot.resource.dispose()
        following = self.pool.next_expiry()
        if following is not None:
            # Each time all idle connections are gone through: not for every one of them.
            self._timer.arm(loop, max(following, loop.time() + _PAUSE))
