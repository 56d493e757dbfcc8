"""A resolver under the load of a connector: joined, bounded, cancelled, filtered."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from contextlib import AsyncExitStack
from typing import Any

import pytest

from whimbrel_connector import (
    AddressRefused,
    ClientConnectorDNSError,
    ClientConnectorError,
    ConnectionStage,
    Endpoint,
    TCPConnector,
    public_addresses_only,
)
from whimbrel_connector.testing import RecordingTrace, ScriptedResolver

NAMES = [f"name-{number}.test" for number in range(500)]
CALLERS = 2000


def endpoints(port: int) -> list[Endpoint]:
    """As many endpoints as there are callers, each name for the same number of them."""
    return [Endpoint(name, port, is_ssl=False) for name in NAMES * (CALLERS // len(NAMES))]


async def test_equal_lookups_are_made_once_whoever_is_cancelled(closed_port: int) -> None:
    chance = random.Random(5)
    resolver = ScriptedResolver({name: ["127.0.0.1"] for name in NAMES})
    resolver.hold()
    async with TCPConnector(resolver=resolver, limit=0, dns_cache_max_size=100) as connector:
        callers = [
            asyncio.ensure_future(connector.acquire(endpoint))
            for endpoint in endpoints(closed_port)
        ]
        await resolver.until(lambda: resolver.running == len(NAMES))
        cancelled = chance.sample(range(CALLERS), CALLERS // 2)
        deserted = set(NAMES) - {NAMES[i % len(NAMES)] for i in set(range(CALLERS)) - {*cancelled}}
        for number in cancelled:
            callers[number].cancel()
        await resolver.until(lambda: resolver.running == len(NAMES) - len(deserted))
        resolver.release()
        outcomes = await asyncio.gather(*callers, return_exceptions=True)
        assert 5 < len(deserted) < 100
        assert len(resolver.asked) == len(NAMES)
        assert set(resolver.cancelled) == deserted
        assert Counter(type(outcome) for outcome in outcomes) == {
            asyncio.CancelledError: len(cancelled),
            ClientConnectorError: CALLERS - len(cancelled),
        }
        assert len(connector.cached_hosts) == 100
        assert connector.statistics().open == 0


async def test_failure_reaches_every_caller_and_is_not_remembered(closed_port: int) -> None:
    resolver = ScriptedResolver()
    resolver.hold()
    async with TCPConnector(resolver=resolver, limit=0) as connector:
        callers = [
            asyncio.ensure_future(connector.acquire(endpoint))
            for endpoint in endpoints(closed_port)
        ]
        await resolver.until(lambda: resolver.running == len(NAMES))
        resolver.release()
        outcomes = await asyncio.gather(*callers, return_exceptions=True)
        assert {type(outcome) for outcome in outcomes} == {ClientConnectorDNSError}
        assert len({id(outcome.__cause__) for outcome in outcomes}) == CALLERS  # type: ignore[union-attr]  # all failed
        assert len(resolver.asked) == len(NAMES)
        assert not connector.cached_hosts
        resolver.answers[NAMES[0]] = ["127.0.0.1"]
        with pytest.raises(ClientConnectorError, match=r"connecting to 127\.0\.0\.1"):
            await connector.acquire(Endpoint(NAMES[0], closed_port, is_ssl=False))


async def test_remembered_names_are_asked_for_once(serving: Any) -> None:
    resolver = ScriptedResolver({name: ["127.0.0.1"] for name in NAMES})
    async with serving() as server, TCPConnector(resolver=resolver, limit=50) as connector:

        async def call(endpoint: Endpoint) -> None:
            (await connector.acquire(endpoint)).release()

        await asyncio.gather(*map(call, endpoints(server.port)))
        assert len(resolver.asked) == len(connector.cached_hosts) == len(NAMES)
        assert connector.statistics().open <= 50


async def test_no_name_is_remembered_for_ever(serving: Any) -> None:
    resolver = ScriptedResolver({"name.test": ["127.0.0.1"]})
    async with (
        serving() as server,
        TCPConnector(resolver=resolver, ttl_dns_cache=0.01, force_close=True) as connector,
    ):
        endpoint = server.endpoint(host="name.test")
        (await connector.acquire(endpoint)).release()
        await asyncio.sleep(0.02)
        (await connector.acquire(endpoint)).release()
        assert len(resolver.asked) == 2


async def test_connections_spread_over_the_addresses(serving: Any) -> None:
    addresses = [f"127.0.0.{number}" for number in range(1, 5)]
    resolver = ScriptedResolver({"name.test": addresses})
    async with (
        AsyncExitStack() as stack,
        serving() as server,
        TCPConnector(resolver=resolver, force_close=True) as connector,
    ):
        for address in addresses[1:]:
            await stack.enter_async_context(serving(host=address, port=server.port))
        peers = []
        for _ in range(8):
            connection = await connector.acquire(server.endpoint(host="name.test"))
            peers.append(connection.transport.get_extra_info("peername")[0])
            connection.release()
        assert peers == addresses * 2


async def test_address_with_a_zone_is_connected_to_with_it(serving: Any) -> None:
    seen: list[Any] = []

    def note(address: Any, host: str) -> bool:
        seen.append((address.scope_id, host))
        return True

    resolver = ScriptedResolver({"name.test": ["::1%1"]})
    async with (
        serving(host="::1") as server,
        TCPConnector(resolver=resolver, address_filter=note) as connector,
    ):
        connection = await connector.acquire(server.endpoint(host="name.test"))
        assert connection.transport.get_extra_info("peername")[0] == "::1"
        connection.release()
        assert [entry["host"] for entry in connector.cached_hosts["name.test", server.port]] == [
            "::1%1"
        ]
    assert seen == [("1", "name.test")]


@pytest.mark.parametrize(
    "answer",
    ["127.0.0.1", "::1", "::ffff:127.0.0.1", "169.254.169.254", "10.0.0.1", "::", "0.0.0.0"],
)
async def test_guard_holds_for_answers_remembered_ones_and_literals(
    answer: str, closed_port: int
) -> None:
    resolver = ScriptedResolver({"rebound.test": [answer]})
    async with TCPConnector(resolver=resolver, address_filter=public_addresses_only) as connector:
        for host in ("rebound.test", "rebound.test", answer):
            with pytest.raises(AddressRefused) as caught:
                await connector.acquire(Endpoint(host, closed_port, is_ssl=False))
            assert caught.value.addresses == (answer,)
        assert len(resolver.asked) == 1, "it was remembered, and refused again"


async def test_guard_holds_for_every_way_to_write_an_address(closed_port: int) -> None:
    # What is not canonical is a name: a resolver that takes it for an address is filtered, too.
    forms = ["2130706433", "127.1", "0x7f.1", "0177.0.0.1", "127.0.0.1.", "localhost"]
    resolver = ScriptedResolver({form: ["127.0.0.1"] for form in forms})
    async with TCPConnector(resolver=resolver, address_filter=public_addresses_only) as connector:
        for form in forms:
            with pytest.raises(AddressRefused):
                await connector.acquire(Endpoint(form, closed_port, is_ssl=False))
    assert [host for host, _, _ in resolver.asked] == forms


async def test_resolver_that_answers_with_a_name_opens_no_way_past_the_guard(
    closed_port: int,
) -> None:
    resolver = ScriptedResolver({"name.test": ["localhost"]})
    for guard in (None, public_addresses_only):
        async with TCPConnector(resolver=resolver, address_filter=guard) as connector:
            with pytest.raises(ClientConnectorDNSError, match="has 'localhost', no IP address"):
                await connector.acquire(Endpoint("name.test", closed_port, is_ssl=False))


async def test_trace_tells_of_looking_up_and_of_remembering(serving: Any) -> None:
    resolver = ScriptedResolver({"name.test": ["127.0.0.1"]})
    async with (
        serving() as server,
        TCPConnector(resolver=resolver, force_close=True) as connector,
    ):
        told = []
        for host in ("name.test", "name.test", "127.0.0.1"):
            trace = RecordingTrace()
            connection = await connector.acquire(server.endpoint(host=host), trace=trace)
            connection.release()
            told.append([stage.name for stage in trace.stages if stage.name.startswith("DNS_")])
            assert trace.stages[-1] is ConnectionStage.CREATE_END
        assert told == [["DNS_CACHE_MISS", "DNS_START", "DNS_END"], ["DNS_CACHE_HIT"], []]
