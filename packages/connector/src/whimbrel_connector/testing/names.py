"""Doubles and checks of what turns names into addresses and decides about them."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from copy import copy
from ipaddress import IPv4Address, ip_address
from typing import TYPE_CHECKING, Any

from whimbrel_connector._lookup_errors import NO_DATA, lookup_error
from whimbrel_connector.address_filters import allowed
from whimbrel_connector.interfaces import Resolver, ResolveResult
from whimbrel_connector.testing._waiting import PATIENCE, Changes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from whimbrel_connector.interfaces import AddressFilter

__all__ = ["ScriptedResolver", "check_address_filter", "check_resolver"]


class ScriptedResolver:
    """A resolver that answers as it is told, and when it is told to.

    Args:
        answers: the addresses of each name, or the exception that looking it up raises. A name that
            is not there does not exist. The addresses are not checked, so that a test can show
            what happens to wrong ones; `hold` lets look-ups wait.
    """

    def __init__(self, answers: Mapping[str, Sequence[str] | Exception] | None = None) -> None:
        #: By name, to be changed at any time.
        self.answers: dict[str, Sequence[str] | Exception] = dict(answers or {})
        #: The arguments of each look-up, in order: name, port and family.
        self.asked: list[tuple[str, int, int]] = []
        #: The names whose look-ups were cancelled, in order.
        self.cancelled: list[str] = []
        #: How many look-ups are under way.
        self.running = 0
        self.closed = False
        self._held: dict[str | None, asyncio.Event] = {}
        self._changes = Changes()

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
        """Answer by the script.

        Raises:
            OSError: the script has no such name, or no address of that family.
        """
        assert not self.closed, "resolve was called after close"
        self.asked.append((host, port, family))
        self.running += 1
        self._changes.note()
        try:
            for held in (None, host):
                if held in self._held:
                    await self._held[held].wait()
            return self._answer(host, port, family)
        except asyncio.CancelledError:
            self.cancelled.append(host)
            raise
        finally:
            self.running -= 1
            self._changes.note()

    def _answer(self, host: str, port: int, family: int) -> list[ResolveResult]:
        answer = self.answers.get(host)
        if answer is None:
            raise lookup_error(host, family, socket.EAI_NONAME)
        if isinstance(answer, Exception):
            raise copy(answer)
        results = [
            ResolveResult(
                hostname=host,
                host=text,
                port=port,
                family=socket.AF_INET6 if ":" in text else socket.AF_INET,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for text in answer
        ]
        found = [result for result in results if family in {0, result["family"]}]
        if not found:
            raise lookup_error(host, family, NO_DATA)
        return found

    async def close(self) -> None:
        """Note that it is closed."""
        self.closed = True

    def hold(self, host: str | None = None) -> None:
        """Let look-ups of one name, or all of them, wait until `release`."""
        self._held.setdefault(host, asyncio.Event())

    def release(self, host: str | None = None) -> None:
        """Let go on what `hold` with the same argument held."""
        held = self._held.pop(host, None)
        if held is not None:
            held.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until `condition` is true, which is looked at as look-ups begin and end.

        Raises:
            TimeoutError: it was not within five seconds.
        """
        await self._changes.until(condition)


async def check_resolver(
    make_resolver: Callable[[], Resolver], *, known: str, unknown: str, port: int = 8080
) -> None:
    """Check that a resolver keeps the contract of `whimbrel_connector.interfaces.Resolver`.

    Args:
        make_resolver: makes a new one; called once.
        known: a name that it finds.
        unknown: a name that it does not find. A real resolver asks for it wherever it asks.
        port: to ask with.

    Raises:
        AssertionError: it does not; the traceback shows which rule is broken.
        TimeoutError: a look-up took more than five seconds.
    """
    resolver = make_resolver()
    assert isinstance(resolver, Resolver)
    try:
        async with asyncio.timeout(PATIENCE):
            found = await resolver.resolve(known, port)
            _check_results(found, known, port, 0)
            await _check_families(resolver, known, port, {entry["family"] for entry in found})
            await _check_own_lists(resolver, known, port)
            await _check_failures(resolver, unknown, port)
            await _check_cancellation(resolver, known, port)
    finally:
        await resolver.close()


def _check_results(found: Any, host: str, port: int, family: int) -> None:
    """An answer is a list of addresses, each of the family that it says, and never empty."""
    assert isinstance(found, list)
    assert found, "an answer without addresses must be an OSError"
    for entry in found:
        assert set(entry) == set(ResolveResult.__annotations__)
        assert entry["hostname"] == host
        assert entry["port"] == port
        version = ip_address(entry["host"]).version
        assert entry["family"] == (socket.AF_INET if version == 4 else socket.AF_INET6)
        assert family in {0, entry["family"]}, "a family was returned that was not asked for"


async def _check_families(resolver: Resolver, host: str, port: int, families: set[int]) -> None:
    """Asking for one family returns it, or raises OSError where the name has none."""
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            found = await resolver.resolve(host, port, family)
        except OSError:
            assert family not in families, "asked for one family, it does not find what both have"
        else:
            _check_results(found, host, port, family)


async def _check_own_lists(resolver: Resolver, host: str, port: int) -> None:
    """What the caller does to an answer changes no later one."""
    first = await resolver.resolve(host, port)
    first.clear()
    _check_results(await resolver.resolve(host, port), host, port, 0)


async def _check_failures(resolver: Resolver, host: str, port: int) -> None:
    """A name that is not found is an OSError, each time."""
    for _ in range(2):
        found: object = None
        with suppress(OSError):
            found = await resolver.resolve(host, port)
        assert found is None, f"{host} was found: {found}"


async def _check_cancellation(resolver: Resolver, host: str, port: int) -> None:
    """Cancelling one look-up ends it, and harms no other one."""
    one, other = (asyncio.ensure_future(resolver.resolve(host, port)) for _ in range(2))
    await asyncio.sleep(0)
    one.cancel()
    with suppress(asyncio.CancelledError):
        await one
    _check_results(await other, host, port, 0)


def check_address_filter(
    address_filter: AddressFilter,
    *,
    allows: Iterable[str] = (),
    refuses: Iterable[str] = (),
    host: str = "server.test",
) -> None:
    """Check what an address filter decides, asked as the connector asks it.

    An IPv4 address is also given as one mapped into IPv6, which reaches the same.

    Args:
        address_filter: the filter.
        allows: addresses that it must allow.
        refuses: addresses that it must refuse.
        host: the name whose addresses they are.

    Raises:
        AssertionError: it decides otherwise; the text names the address.
        TypeError: it does not return a bool.
        ValueError: one of `allows` and `refuses` is no address.
    """
    for texts, expected in ((allows, True), (refuses, False)):
        for text in texts:
            forms = [text]
            if isinstance(ip_address(text), IPv4Address):
                forms.append(f"::ffff:{text}")
            for form in forms:
                entry = ResolveResult(
                    hostname=host,
                    host=form,
                    port=0,
                    family=socket.AF_INET6 if ":" in form else socket.AF_INET,
                    proto=0,
                    flags=0,
                )
                decided = bool(allowed([entry], host, address_filter)[0])
                word = "refused" if expected else "allowed"
                assert decided is expected, f"{form} of {host} is {word}"
