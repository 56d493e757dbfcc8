"""Name look-ups: addresses remembered for a while, and equal look-ups made once."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from ipaddress import ip_address
from math import inf
from socket import AF_INET, AF_INET6, AI_NUMERICHOST, AI_NUMERICSERV
from types import MappingProxyType
from typing import TYPE_CHECKING

from whimbrel_connector.interfaces import ResolveResult

if TYPE_CHECKING:
    from collections.abc import Mapping

    from whimbrel_connector.interfaces import Resolver

__all__ = ["AddressCache", "Lookups", "literal"]

Key = tuple[str, int]


def literal(host: str, port: int) -> ResolveResult | None:
    """Return the address that `host` is, or `None` if it has to be looked up.

    Only the canonical form is an address here. What a system may also take for one, such as
    `2130706433`, `127.1` or `0177.0.0.1`, goes through the resolver, which is where users put
    their guards; so does an address with a zone, which only the system can turn into a number.
    """
    try:
        address = ip_address(host)
    except ValueError:
        return None
    if str(address) != host or "%" in host:
        return None
    return ResolveResult(
        hostname=host,
        host=host,
        port=port,
        family=AF_INET if address.version == 4 else AF_INET6,
        proto=0,
        flags=AI_NUMERICHOST | AI_NUMERICSERV,
    )


class AddressCache:
    """Addresses by host and port; bounded, the least recently used go first.

    Args:
        ttl: for how many seconds an entry is good; `None` for ever.
        max_size: how many entries there may be.
    """

    __slots__ = ("_entries", "_max_size", "_ttl")

    def __init__(self, ttl: float | None, max_size: int) -> None:
        self._ttl = inf if ttl is None else ttl
        self._max_size = max_size
        self._entries: OrderedDict[Key, tuple[float, list[ResolveResult]]] = OrderedDict()

    def get(self, key: Key, now: float) -> list[ResolveResult] | None:
        """Return the addresses, or `None` if there are none that are still good."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry[0] <= now:
            del self._entries[key]
            return None
        self._entries.move_to_end(key)
        return entry[1]

    def put(self, key: Key, addresses: list[ResolveResult], now: float) -> None:
        """Remember the addresses."""
        self._entries[key] = (now + self._ttl, addresses)
        self._entries.move_to_end(key)
        while len(self._entries) > self._max_size:
            self._entries.popitem(last=False)

    def remove(self, key: Key) -> None:
        """Forget one entry, if it is there."""
        self._entries.pop(key, None)

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()

    def view(self) -> Mapping[Key, list[ResolveResult]]:
        """Return a read-only copy of what is remembered, out of date entries included."""
        return MappingProxyType({key: entry[1] for key, entry in self._entries.items()})


class _Running:
    """A look-up under way, with the number of those who wait for it."""

    __slots__ = ("task", "waiters")

    def __init__(self, task: asyncio.Task[list[ResolveResult]]) -> None:
        self.task = task
        self.waiters = 0


class Lookups:
    """Looks names up through a resolver and a cache.

    Args:
        resolver: asked for what the cache does not have.
        family: which family of addresses to ask for; 0 for all.
        cache: where to remember answers; `None` to remember nothing and to join no look-ups.
    """

    def __init__(self, resolver: Resolver, family: int, cache: AddressCache | None) -> None:
        self._resolver = resolver
        self._family = family
        self._cache = cache
        self._running: dict[Key, _Running] = {}
        self._tasks: set[asyncio.Task[list[ResolveResult]]] = set()

    def cached(self, host: str, port: int) -> list[ResolveResult] | None:
        """Return the addresses of `host` that are remembered, or `None`; literals never are."""
        if self._cache is None:
            return None
        return self._cache.get((host, port), asyncio.get_running_loop().time())

    async def resolve(self, host: str, port: int) -> list[ResolveResult]:
        """Return the addresses of `host`.

        Raises:
            OSError: there are none, or none of the family asked for. Failures are not remembered.
        """
        address = literal(host, port)
        if address is not None:
            if self._family not in {0, address["family"]}:
                raise OSError(None, f"{host} is not an address of the connector's family")
            return [address]
        if self._cache is None:
            return await self._ask(host, port)
        key = (host, port)
        known = self._cache.get(key, asyncio.get_running_loop().time())
        return known if known is not None else await self._join(key)

    async def _ask(self, host: str, port: int) -> list[ResolveResult]:
        addresses = await self._resolver.resolve(host, port, family=self._family)
        if not addresses:
            raise OSError(None, f"the resolver returned no address for {host!r}")
        return addresses

    async def _ask_and_remember(self, key: Key) -> list[ResolveResult]:
        addresses = await self._ask(*key)
        assert self._cache is not None  # only called with a cache
        self._cache.put(key, addresses, asyncio.get_running_loop().time())
        return addresses

    async def _join(self, key: Key) -> list[ResolveResult]:
        """Wait for the look-up of `key`, which ends when nobody waits for it any more."""
        running = self._running.get(key)
        if running is None:
            task = asyncio.get_running_loop().create_task(self._ask_and_remember(key))
            running = self._running[key] = _Running(task)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        running.waiters += 1
        try:
            return await asyncio.shield(running.task)
        finally:
            running.waiters -= 1
            if not running.waiters:
                running.task.cancel()
                if self._running.get(key) is running:
                    del self._running[key]

    async def close(self) -> None:
        """End all look-ups and wait until they have."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            # A resolver that holds on to its cancellation must not hold up the connector.
            await asyncio.wait(self._tasks, timeout=1.0)
