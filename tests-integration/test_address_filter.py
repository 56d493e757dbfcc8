"""A session that may not connect everywhere: redirects, names that change, WebSockets, proxies."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address

import pytest

from tools.webapp.faults import RawServer, answer_each, raw_server
from whimbrel import AddressRefused, ClientSession, EnvironmentProxies, TCPConnector
from whimbrel_connector.testing import ScriptedResolver

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
INSIDE = "127.0.0.2"
"""Where nobody from outside may lead us."""


def only_outside(address: IPv4Address | IPv6Address, host: str) -> bool:
    return str(address) == "127.0.0.1"


@pytest.fixture
async def inside() -> AsyncIterator[RawServer]:
    """A server that nothing may connect to."""
    sock = socket.create_server((INSIDE, 0))
    async with raw_server(answer_each(OK), sock=sock) as server:
        yield server
        assert server.connections == 0


@pytest.fixture
def resolver() -> ScriptedResolver:
    return ScriptedResolver({"inside.test": [INSIDE], "outside.test": ["127.0.0.1"]})


@pytest.fixture
async def session(resolver: ScriptedResolver) -> AsyncIterator[ClientSession]:
    connector = TCPConnector(resolver=resolver, address_filter=only_outside)
    async with ClientSession(connector=connector) as session:
        yield session


@pytest.mark.parametrize("host", [INSIDE, "inside.test", f"[::ffff:{INSIDE}]", "[::ffff:7f00:2]"])
async def test_a_redirect_leads_nowhere_that_is_refused(
    session: ClientSession, inside: RawServer, host: str
) -> None:
    location = f"Location: http://{host}:{inside.port}/\r\n".encode()
    redirect = b"HTTP/1.1 302 Found\r\n" + location + b"Content-Length: 0\r\n\r\n"
    async with raw_server(answer_each(redirect)) as server:
        with pytest.raises(AddressRefused, match=r"address_filter refuses .*(127\.0|7f00)"):
            await session.get(f"http://outside.test:{server.port}/")
        assert server.connections == 1


@pytest.mark.parametrize("address", ["127.2", "0x7f.2", "2130706434", "0177.0.0.2"])
async def test_another_way_to_write_an_address_is_a_name(
    session: ClientSession, resolver: ScriptedResolver, inside: RawServer, address: str
) -> None:
    resolver.answers[address] = [INSIDE]
    with pytest.raises(AddressRefused):
        await session.get(f"http://{address}:{inside.port}/")
    assert resolver.asked == [(address, inside.port, 0)]


async def test_a_websocket_leads_nowhere_that_is_refused(
    session: ClientSession, inside: RawServer
) -> None:
    with pytest.raises(AddressRefused):
        await session.ws_connect(f"ws://inside.test:{inside.port}/")


async def test_a_name_that_has_changed_is_judged_anew(
    session: ClientSession, resolver: ScriptedResolver, inside: RawServer
) -> None:
    connector = session.connector
    assert isinstance(connector, TCPConnector)
    sock = socket.create_server(("127.0.0.1", inside.port))
    async with raw_server(answer_each(OK), sock=sock) as server:
        async with session.get(f"http://outside.test:{inside.port}/") as response:
            assert await response.text() == "ok"
        assert server.connections == 1
    resolver.answers["outside.test"] = [INSIDE]
    connector.clear_dns_cache()
    with pytest.raises(AddressRefused):
        await session.get(f"http://outside.test:{inside.port}/")


async def test_a_proxy_leads_nowhere_that_is_refused(
    session: ClientSession, inside: RawServer
) -> None:
    proxies = EnvironmentProxies({"http_proxy": f"http://inside.test:{inside.port}"})
    url = "http://outside.test/"
    with pytest.raises(AddressRefused):
        await session.get(url, proxy=proxies.proxy_for_url(url))


async def test_proxies_of_the_environment(session: ClientSession) -> None:
    async def answer_with_target(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with suppress(asyncio.IncompleteReadError):
            while True:
                target = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1]
                head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(target)}\r\n\r\n".encode()
                writer.write(head + target)

    async with raw_server(answer_with_target) as server:
        proxies = EnvironmentProxies(
            {"http_proxy": f"127.0.0.1:{server.port}", "no_proxy": "outside.test"}
        )
        said = []
        for host in ("elsewhere.test", "outside.test"):
            url = f"http://{host}:{server.port}/path"
            async with session.get(url, proxy=proxies.proxy_for_url(url)) as response:
                said.append(await response.text())
    assert said == [f"http://elsewhere.test:{server.port}/path", "/path"]
