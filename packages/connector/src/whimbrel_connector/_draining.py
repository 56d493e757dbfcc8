"""Closing a connector: end what is under way, and wait until no socket is left."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from whimbrel_connector.errors import ClientConnectionError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whimbrel_connector._leasing import Leases

__all__ = ["Drain"]

_PATIENCE: Final = 1.0
"""How long is waited for what should take no time at all, in seconds; twice at most."""


class Drain:
    """Knows who waits in `acquire`, and empties the pool.

    Args:
        leases: the connector's.
    """

    __slots__ = ("_drained", "_pool", "_scopes")

    def __init__(self, leases: Leases) -> None:
        self._pool = leases.pool
        leases.on_room = self.check
        self._scopes: set[asyncio.Timeout] = set()
        self._drained: asyncio.Event | None = None

    @contextmanager
    def ends(self, scope: asyncio.Timeout) -> Iterator[None]:
        """End `scope` if the connector is closed within the block."""
        self._scopes.add(scope)
        try:
            yield
        finally:
            self._scopes.discard(scope)
            self.check()

    def check(self) -> None:
        """Let `run` return, if there is nothing left to wait for."""
        if self._drained is not None and not self._pool.count and not self._scopes:
            self._drained.set()

    async def run(self, ssl_shutdown_timeout: float) -> None:
        """End the scopes, close all connections, and return when their sockets are gone.

        It takes two seconds at most, and `ssl_shutdown_timeout`.
        """
        drained = self._drained
        if drained is None:
            drained = self._drained = asyncio.Event()
        now = asyncio.get_running_loop().time()
        for scope in self._scopes:
            if not scope.expired():  # else it ends without our doing
                scope.reschedule(now)  # ends the acquire, and says so to nobody else
        self._close_all(ssl_shutdown_timeout)
        self.check()
        for patience in (_PATIENCE + ssl_shutdown_timeout, _PATIENCE):
            with suppress(TimeoutError):
                async with asyncio.timeout(patience):
                    await drained.wait()
            self._close_all(0)

    def _close_all(self, ssl_shutdown_timeout: float) -> None:
        for slot in list(self._pool):
            if slot.resource is not None:
                reason = ClientConnectionError("the connector was closed")
                slot.resource.shut_down(reason, ssl_shutdown_timeout)
            if slot.victim is not None and slot.victim.resource is not None:
                slot.victim.resource.dispose()
