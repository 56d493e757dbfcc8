"""Name look-ups: addresses remembered for a while, and equal look-ups made once."""

from __future__ import annotations

import asyncio
import errno
from collections import OrderedDict
from copy import copy
from ipaddress import IPv4Address, IPv6Address, ip_address
from itertools import cycle, islice
from math import inf
from socket import AF_INET, AF_INET6, AI_NUMERICHOST, AI_NUMERICSERV
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from whimbrel_connector._lookup_errors import NO_DATA, lookup_error, shown
from whimbrel_connector.interfaces import ResolveResult

if TYPE_CHECKING:
    from collections.abc import Mapping

    from whimbrel_connector.interfaces import Resolver

__all__ = ["AddressCache", "Answer", "Lookups", "literal"]

Key = tuple[str, int]

_LAST_PORT: Final = 65535
_CLOSE_TIMEOUT: Final = 1.0
"""How long `close` waits for a resolver to let go of its look-ups, in seconds."""


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
    if "%" in host or host not in _canonical(address):
        return None
    return ResolveResult(
        hostname=host,
        host=host,
        port=port,
        family=AF_INET if address.version == 4 else AF_INET6,
        proto=0,
        flags=AI_NUMERICHOST | AI_NUMERICSERV,
    )


def _canonical(address: IPv4Address | IPv6Address) -> tuple[str, ...]:
    """Return how an address is written (RFC 5952).

    One that is IPv4-mapped has two ways, of which Python writes one before 3.13 and the other one
    since (RFC 5952, section 5).
    """
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    if mapped is None:
        return (str(address),)
    high, low = divmod(int(mapped), 1 << 16)
    return f"::ffff:{mapped}", f"::ffff:{high:x}:{low:x}"


class Answer:
    """The addresses of a name, handed out in turn.

    Each time every family begins with the address after the one that was first before, so that
    connections spread over the servers of a name although its addresses are remembered. Which
    family comes first stays as the resolver had it (RFC 6724): turning all addresses in one round
    would connect to the family that it advises against every other time.

    Args:
        addresses: in the resolver's order; at least one.
    """

    __slots__ = ("_addresses", "_turn")

    def __init__(self, addresses: list[ResolveResult]) -> None:
        self._addresses = addresses
        self._turn = 0

    def addresses(self) -> list[ResolveResult]:
        """Return the addresses in the order of whose turn it is, in a new list."""
        families: dict[int, list[ResolveResult]] = {}
        for address in self._addresses:
            families.setdefault(address["family"], []).append(address)
        queues = {
            family: islice(cycle(members), self._turn % len(members), None)
            for family, members in families.items()
        }
        return [next(queues[address["family"]]) for address in self._addresses]

    def hand_out(self) -> list[ResolveResult]:
        """Return the addresses in a new list, and give the next ones their turn."""
        addresses = self.addresses()
        self._turn += 1
        return addresses


class AddressCache:
    """Answers by host and port; bounded, the least recently used go first.

    Args:
        ttl: for how many seconds an entry is good; `None` for ever, 0 not at all.
        max_size: how many entries there may be.

    Raises:
        ValueError: one of them makes no sense.
    """

    __slots__ = ("_entries", "_max_size", "_ttl")

    def __init__(self, ttl: float | None, max_size: int) -> None:
        if ttl is not None and not ttl >= 0:
            raise ValueError(f"ttl_dns_cache must be None, 0 or more seconds, not {ttl!r}")
        if max_size < 1:
            raise ValueError(f"dns_cache_max_size must be at least 1, not {max_size!r}")
        self._ttl = inf if ttl is None else ttl
        self._max_size = max_size
        self._entries: OrderedDict[Key, tuple[float, Answer]] = OrderedDict()

    def get(self, key: Key, now: float) -> Answer | None:
        """Return the answer, or `None` if there is none that is still good."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry[0] <= now:
            del self._entries[key]
            return None
        self._entries.move_to_end(key)
        return entry[1]

    def put(self, key: Key, answer: Answer, now: float) -> None:
        """Remember the answer."""
        if not self._ttl:
            return
        self._entries[key] = (now + self._ttl, answer)
        self._entries.move_to_end(key)
        if len(self._entries) > self._max_size:
            self._entries.popitem(last=False)

    def remove(self, key: Key) -> None:
        """Forget one entry, if it is there."""
        self._entries.pop(key, None)

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()

    def view(self) -> Mapping[Key, list[ResolveResult]]:
        """Return a copy of what is remembered, out of date entries included."""
        return MappingProxyType(
            {
                key: [address.copy() for address in answer.addresses()]
                for key, (_, answer) in self._entries.items()
            }
        )


def _checked(answer: list[ResolveResult], host: str, family: int) -> list[ResolveResult]:
    """Return a copy of what a resolver found, with nothing but addresses of the family.

    Raises:
        OSError: an entry is no IP address: asyncio would look it up, past the resolver, the cache
            and the `address_filter`; its port is none: uvloop would wrap it round to another one;
            or there is none of the family.
    """
    addresses: list[ResolveResult] = []
    for entry in answer:
        text = str(entry["host"])  # `ip_address` would take numbers and bytes, too
        try:
            version = ip_address(text).version
        except ValueError:
            raise OSError(
                errno.EINVAL,
                f"the resolver's answer for {shown(host)} has {shown(text)}, no IP address",
            ) from None
        port: object = entry["port"]  # whatever a resolver of the user's has there
        if not (isinstance(port, int) and 0 <= port <= _LAST_PORT):
            raise OSError(
                errno.EINVAL,
                f"the resolver's answer for {shown(host)} has the port {port!r:.20}, which is none",
            )
        kind = AF_INET if version == 4 else AF_INET6
        if family in {0, kind}:
            addresses.append(
                ResolveResult(
                    hostname=entry["hostname"],
                    host=text,
                    port=port,
                    family=kind,
                    proto=entry["proto"],
                    flags=entry["flags"],
                )
            )
    if not addresses:
        raise lookup_error(host, family, NO_DATA)
    return addresses


def _for_one(exc: BaseException) -> BaseException:
    """Return a copy of what a look-up raised, for one of those who waited for it.

    An exception that several tasks raise collects the tracebacks of all. One whose constructor does
    not take its arguments back cannot be copied, and is shared.
    """
    try:
        own = copy(exc)
    except Exception:  # whatever a constructor of the user's raises
        return exc
    if type(own) is not type(exc) or own.args != exc.args:
        return exc
    own.__cause__ = exc.__cause__
    own.__context__ = exc.__context__
    own.__suppress_context__ = exc.__suppress_context__
    return own.with_traceback(exc.__traceback__)


class _Running:
    """A look-up under way, with the number of those who wait for it."""

    __slots__ = ("task", "waiters")

    def __init__(self, task: asyncio.Task[Answer]) -> None:
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
        self._tasks: set[asyncio.Task[Answer]] = set()

    def cached(self, host: str, port: int) -> list[ResolveResult] | None:
        """Return the addresses of `host` that are remembered, or `None`; literals never are."""
        if self._cache is None:
            return None
        answer = self._cache.get((host, port), asyncio.get_running_loop().time())
        return None if answer is None else answer.hand_out()

    async def resolve(self, host: str, port: int) -> list[ResolveResult]:
        """Return the addresses of `host`, in a list of the caller's own.

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
        known = self.cached(host, port)
        return known if known is not None else await self._join((host, port))

    async def _ask(self, host: str, port: int) -> list[ResolveResult]:
        answer = await self._resolver.resolve(host, port, family=self._family)
        return _checked(answer, host, self._family)

    async def _ask_and_remember(self, key: Key) -> Answer:
        answer = Answer(await self._ask(*key))
        assert self._cache is not None  # only called with a cache
        self._cache.put(key, answer, asyncio.get_running_loop().time())
        return answer

    async def _join(self, key: Key) -> list[ResolveResult]:
        """Wait for the look-up of `key`, which ends when nobody waits for it any more."""
        running = self._running.get(key) or self._start(key)
        task = running.task
        running.waiters += 1
        try:
            await asyncio.wait((task,))
        finally:
            running.waiters -= 1
            if not running.waiters and not task.done():
                task.cancel()
                del self._running[key]  # who comes now gets a look-up that goes on
        if task.cancelled():  # by `close` or by the resolver: this caller was not
            raise OSError(errno.ECANCELED, f"the look-up of {shown(key[0])} was cancelled")
        if (exc := task.exception()) is not None:
            raise _for_one(exc)
        return task.result().hand_out()

    def _start(self, key: Key) -> _Running:
        task = asyncio.get_running_loop().create_task(self._ask_and_remember(key))
        running = self._running[key] = _Running(task)
        self._tasks.add(task)

        def ended(task: asyncio.Task[Answer]) -> None:
            self._tasks.discard(task)
            if self._running.get(key) is running:
                del self._running[key]
            if not task.cancelled():
                task.exception()  # nobody may be left to hear of it

        task.add_done_callback(ended)
        return running

    async def close(self) -> None:
        """End all look-ups and wait until they have."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            # A resolver that holds on to its cancellation must not hold up the connector.
            await asyncio.wait(self._tasks, timeout=_CLOSE_TIMEOUT)
