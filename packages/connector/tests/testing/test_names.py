from __future__ import annotations

import asyncio
import socket
from ipaddress import ip_address
from typing import Any

import pytest

from whimbrel_connector import public_addresses_only
from whimbrel_connector.interfaces import Resolver, ResolveResult
from whimbrel_connector.testing import ScriptedResolver, check_address_filter, check_resolver

ANSWERS = {"both.test": ["::1", "127.0.0.1"], "one.test": ["127.0.0.1"]}


@pytest.mark.parametrize("known", ANSWERS)
async def test_scripted_resolver_keeps_the_contract(known: str) -> None:
    assert isinstance(ScriptedResolver(), Resolver)
    await check_resolver(lambda: ScriptedResolver(ANSWERS), known=known, unknown="none.test")


class Empty(ScriptedResolver):
    """Says by an empty list that there is none."""

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
        try:
            return await super().resolve(host, port, family)
        except OSError:
            return []


class Named(ScriptedResolver):
    """Answers with another name."""

    def _answer(self, host: str, port: int, family: int) -> list[ResolveResult]:
        found = super()._answer(host, port, family)
        found[0]["host"] = "localhost"
        return found


class Careless(ScriptedResolver):
    """Returns all families, whichever is asked for."""

    def _answer(self, host: str, port: int, family: int) -> list[ResolveResult]:
        return super()._answer(host, port, 0)


class Sharing(ScriptedResolver):
    """Returns the same list each time."""

    def __init__(self, answers: Any) -> None:
        super().__init__(answers)
        self.found: dict[Any, list[ResolveResult]] = {}

    def _answer(self, host: str, port: int, family: int) -> list[ResolveResult]:
        if (host, family) not in self.found:
            self.found[host, family] = super()._answer(host, port, family)
        return self.found[host, family]


class Inventive(ScriptedResolver):
    """Finds every name."""

    def _answer(self, host: str, port: int, family: int) -> list[ResolveResult]:
        self.answers.setdefault(host, ["127.0.0.1"])
        return super()._answer(host, port, family)


class Fragile(ScriptedResolver):
    """Loses all look-ups when one is cancelled."""

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            self.cancelled.append(host)
            raise
        if self.cancelled:
            raise OSError(None, "the socket is gone")
        return await super().resolve(host, port, family)


@pytest.mark.parametrize("kind", [Empty, Named, Careless, Sharing, Inventive])
async def test_the_check_notices_a_broken_resolver(kind: type[ScriptedResolver]) -> None:
    with pytest.raises((AssertionError, ValueError)):
        await check_resolver(lambda: kind(ANSWERS), known="both.test", unknown="none.test")


async def test_the_check_notices_that_a_cancellation_harms_others() -> None:
    with pytest.raises(OSError, match="the socket is gone"):
        await check_resolver(lambda: Fragile(ANSWERS), known="both.test", unknown="none.test")


async def test_scripted_resolver_notes_what_it_is_asked() -> None:
    resolver = ScriptedResolver({"name.test": ["192.0.2.1", "2001:db8::1"]})
    found = await resolver.resolve("name.test", 80, socket.AF_INET6)
    assert [entry["host"] for entry in found] == ["2001:db8::1"]
    with pytest.raises(socket.gaierror, match=r"'none\.test' does not exist"):
        await resolver.resolve("none.test", 81)
    assert resolver.asked == [("name.test", 80, socket.AF_INET6), ("none.test", 81, 0)]
    await resolver.close()
    with pytest.raises(AssertionError, match="after close"):
        await resolver.resolve("name.test")


async def test_scripted_failure_is_raised_anew_each_time() -> None:
    failure = TimeoutError("the name servers are silent")
    resolver = ScriptedResolver({"name.test": failure})
    for _ in range(2):
        with pytest.raises(TimeoutError, match="are silent") as caught:
            await resolver.resolve("name.test")
        assert caught.value is not failure
    assert failure.__traceback__ is None


async def test_scripted_resolver_answers_when_it_is_let_to() -> None:
    resolver = ScriptedResolver({"one.test": ["192.0.2.1"], "two.test": ["192.0.2.2"]})
    resolver.hold("one.test")
    one = asyncio.ensure_future(resolver.resolve("one.test"))
    await resolver.until(lambda: resolver.running == 1)
    assert await resolver.resolve("two.test")
    resolver.release("one.test")
    assert await one
    resolver.hold()
    two = asyncio.ensure_future(resolver.resolve("two.test"))
    await resolver.until(lambda: resolver.running == 1)
    two.cancel()
    await resolver.until(lambda: resolver.cancelled == ["two.test"])
    resolver.release()
    assert resolver.running == 0


def test_the_check_of_a_filter_asks_for_embedded_addresses_too() -> None:
    asked: list[Any] = []

    def careless(address: Any, host: str) -> bool:
        asked.append(address)
        return not address.is_loopback

    check_address_filter(careless, allows=["192.0.2.1", "2001:db8::1"], refuses=["127.0.0.1"])
    assert asked[:2] == [ip_address("192.0.2.1")] * 2
    check_address_filter(public_addresses_only, allows=["8.8.8.8"], refuses=["10.0.0.1", "::1"])


def test_the_check_notices_a_wrong_decision() -> None:
    with pytest.raises(AssertionError, match=r"10\.0\.0\.1 of server\.test is refused"):
        check_address_filter(public_addresses_only, allows=["10.0.0.1"])
    with pytest.raises(AssertionError, match=r"8\.8\.8\.8 of here\.test is allowed"):
        check_address_filter(public_addresses_only, refuses=["8.8.8.8"], host="here.test")
    with pytest.raises(ValueError, match="nonsense"):
        check_address_filter(public_addresses_only, allows=["nonsense"])
