"""Through tiny-proxy by SOCKS4, 4a, 5 and 5h: always a tunnel, whatever goes through it."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from tools.webapp import servers
from tools.webapp.faults import Handler, answer_each, raw_server, read_head
from tools.webapp.pattern import blocks, digest
from tools.webapp.processes import free_port
from whimbrel import (
    BasicAuth,
    ClientConnectorCertificateError,
    ClientConnectorDNSError,
    ClientConnectorError,
    ClientProxyConnectionError,
    ClientSession,
    ClientTimeout,
    ConnectionTimeoutError,
    SocksRefused,
    TCPConnector,
)
from whimbrel_connector.testing import ScriptedResolver

SCHEMES = ("socks4", "socks4a", "socks5", "socks5h")
NAMING = ("socks4a", "socks5h")
"""Those that leave the look-up to the proxy."""
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
ORIGIN = "127.0.0.1"


def credentials_for(scheme: str, password: str = "wader") -> str:
    return "bird@" if scheme.startswith("socks4") else f"bird:{password}@"


@pytest.fixture(scope="session")
def open_proxies() -> Iterator[dict[str, str]]:
    """The URL of a proxy for anybody, by its scheme."""
    with servers.socks_proxy(4) as socks4, servers.socks_proxy(5) as socks5:
        yield {scheme: f"{scheme}://{socks4 if '4' in scheme else socks5}" for scheme in SCHEMES}


@pytest.fixture(scope="session")
def locked_proxies() -> Iterator[dict[str, str]]:
    """The URL, without credentials, of a proxy for bird, whose password is wader, by its scheme."""
    with (
        servers.socks_proxy(4, "bird") as socks4,
        servers.socks_proxy(5, "bird", "wader") as socks5,
    ):
        yield {scheme: f"{scheme}://{socks4 if '4' in scheme else socks5}" for scheme in SCHEMES}


@pytest.fixture(params=SCHEMES)
def scheme(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def proxy(scheme: str, open_proxies: dict[str, str]) -> str:
    return open_proxies[scheme]


@pytest.fixture
def locked_proxy(scheme: str, locked_proxies: dict[str, str]) -> str:
    return locked_proxies[scheme]


@pytest.fixture
def names(scheme: str) -> ScriptedResolver:
    """Knows localhost for the schemes that look up here, and nothing for the others."""
    return ScriptedResolver({} if scheme in NAMING else {"localhost": [ORIGIN]})


@pytest.fixture
async def client(trust: ssl.SSLContext, names: ScriptedResolver) -> AsyncIterator[ClientSession]:
    """A session whose pool must be clean afterwards."""
    connector = TCPConnector(ssl=trust, resolver=names)
    async with ClientSession(connector=connector) as session:
        yield session
        statistics = connector.statistics()
        assert (statistics.in_use, statistics.waiting) == (0, 0)


@pytest.fixture(params=["plain", "secure"])
def origin(request: pytest.FixtureRequest) -> str:
    peer = request.getfixturevalue(request.param)
    url: str = peer.url
    return url.replace("127.0.0.1", "localhost")


def open_connections(session: ClientSession) -> int:
    connector = session.connector
    assert isinstance(connector, TCPConnector)
    return connector.statistics().open


async def client_seen_by(session: ClientSession, url: str, proxy: str | None) -> Any:
    """Return the address of the client that the origin sees, which is the proxy's."""
    async with session.get(f"{url}/headers", proxy=proxy) as response:
        return tuple((await response.json())["client"])


async def test_requests_share_a_tunnel(client: ClientSession, origin: str, proxy: str) -> None:
    seen = {await client_seen_by(client, origin, proxy) for _ in range(3)}
    assert len(seen) == 1
    assert open_connections(client) == 1


async def test_who_looks_the_name_up(
    client: ClientSession, names: ScriptedResolver, origin: str, scheme: str, proxy: str
) -> None:
    await client_seen_by(client, origin, proxy)
    asked = [name for name, _, _ in names.asked]
    assert asked == ([] if scheme in NAMING else ["localhost"])


async def test_a_name_that_only_the_client_knows(
    plain: Any, scheme: str, proxy: str, names: ScriptedResolver
) -> None:
    names.answers["origin.test"] = [ORIGIN]
    url = plain.url.replace(ORIGIN, "origin.test")
    async with ClientSession(connector=TCPConnector(resolver=names)) as session:
        if scheme in NAMING:
            with pytest.raises(SocksRefused, match=r"origin\.test"):
                await client_seen_by(session, url, proxy)
            assert names.asked == []
        else:
            await client_seen_by(session, url, proxy)


async def test_a_name_that_the_client_does_not_know(
    client: ClientSession, scheme: str, proxy: str
) -> None:
    expected = SocksRefused if scheme in NAMING else ClientConnectorDNSError
    with pytest.raises(expected, match=r"origin\.test"):
        await client.get("http://origin.test/", proxy=proxy)
    assert open_connections(client) == 0


async def test_requests_are_those_for_a_server(client: ClientSession, proxy: str) -> None:
    heads: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await read_head(reader))
        writer.write(OK)
        await reader.read()

    async with (
        raw_server(answer) as server,
        client.get(f"{server.url}/a?b", proxy=proxy) as response,
    ):
        assert await response.read() == b"ok"
    (head,) = heads
    assert head.startswith(b"GET /a?b HTTP/1.1\r\n")
    assert b"proxy" not in head.lower()


async def test_large_bodies(client: ClientSession, origin: str, proxy: str) -> None:
    size = 3_000_000
    data = b"".join(blocks(size))
    async with client.post(f"{origin}/upload", data=data, proxy=proxy) as response:
        assert await response.json() == {"length": size, "sha256": digest(size)}
    async with client.get(f"{origin}/bytes/{size}", proxy=proxy) as response:
        assert await response.read() == data


async def test_large_bodies_both_ways_at_once(
    client: ClientSession, origin: str, proxy: str
) -> None:
    data = b"".join(blocks(1_000_000))

    async def mirrored() -> bytes:
        async with client.post(f"{origin}/mirror", data=data, proxy=proxy) as response:
            return await response.read()

    assert await asyncio.gather(*(mirrored() for _ in range(4))) == [data] * 4


@pytest.mark.parametrize("compress", [0, 15])
async def test_websockets(
    client: ClientSession, websocket_peer: Any, scheme: str, proxy: str, compress: int
) -> None:
    url = websocket_peer.url.replace("127.0.0.1", "localhost")
    async with client.ws_connect(url, proxy=proxy, compress=compress) as ws:
        assert bool(ws.compress) == bool(compress)
        await ws.send_bytes(b"x" * 100_000)
        assert await ws.receive_bytes() == b"x" * 100_000
        await ws.send_str("hello")
        assert await ws.receive_str() == "hello"


@pytest.mark.parametrize("how", ["url", "proxy_auth"])
async def test_credentials(
    client: ClientSession, origin: str, scheme: str, locked_proxy: str, how: str
) -> None:
    options: dict[str, Any] = {"proxy": locked_proxy}
    if how == "url":
        options["proxy"] = locked_proxy.replace("://", f"://{credentials_for(scheme)}")
    else:
        options["proxy_auth"] = BasicAuth("bird", "" if "4" in scheme else "wader")
    async with client.get(f"{origin}/headers", **options) as response:
        assert response.status == 200
        fields = {name.lower() for name, _ in (await response.json())["headers"]}
    assert not fields & {"authorization", "proxy-authorization"}


@pytest.mark.parametrize("given", ["", "crow:secret@", "bird:secret@"])
async def test_refused_credentials(
    client: ClientSession, origin: str, scheme: str, locked_proxy: str, given: str
) -> None:
    if "4" in scheme:
        given = given.replace(":secret", "").replace("bird", "falcon")
    with pytest.raises(SocksRefused, match=r"refused|credentials|another user") as caught:
        await client.get(origin, proxy=locked_proxy.replace("://", f"://{given}"))
    assert caught.value.code == (93 if "4" in scheme else 255)
    assert "secret" not in f"{caught.value} {caught.value!r}"
    assert open_connections(client) == 0
    allowed = locked_proxy.replace("://", f"://{credentials_for(scheme)}")
    await client_seen_by(client, origin, allowed)


async def test_an_origin_that_is_not_there(client: ClientSession, scheme: str, proxy: str) -> None:
    port = free_port()
    with pytest.raises(SocksRefused, match=str(port)) as caught:
        await client.get(f"http://127.0.0.1:{port}/", proxy=proxy)
    assert caught.value.code == (92 if "4" in scheme else 5)
    assert (caught.value.host, caught.value.port) == ("127.0.0.1", port)
    assert open_connections(client) == 0


async def test_other_credentials_are_another_connection(
    client: ClientSession, plain: Any, scheme: str, proxy: str
) -> None:
    users = ["", "crow@", "gull@"]
    if "5" in scheme:
        users = ["", "crow:a@", "crow:b@", "gull:a@"]
    proxies = [proxy.replace("://", f"://{user}") for user in users]
    seen = [await client_seen_by(client, plain.url, url) for url in proxies]
    assert len(set(seen)) == len(users)
    assert [await client_seen_by(client, plain.url, url) for url in proxies] == seen


async def test_other_versions_are_another_connection(
    lone: ClientSession, plain: Any, open_proxies: dict[str, str]
) -> None:
    ways = [None, *open_proxies.values()]
    seen = [await client_seen_by(lone, plain.url, proxy) for proxy in ways]
    assert len(set(seen)) == len(ways)


async def test_an_ipv6_address(lone: ClientSession, open_proxies: dict[str, str]) -> None:
    listener = socket.socket(socket.AF_INET6)
    listener.bind(("::1", 0))
    async with raw_server(answer_each(OK), sock=listener) as server:
        url = f"http://[::1]:{server.port}/"
        for scheme in ("socks5", "socks5h"):
            async with lone.get(url, proxy=open_proxies[scheme]) as response:
                assert await response.read() == b"ok"
        for scheme in ("socks4", "socks4a"):
            with pytest.raises(ClientConnectorError, match=r"IPv4.*SOCKS4|SOCKS4.*IPv6"):
                await lone.get(url, proxy=open_proxies[scheme])


async def test_a_tunnel_does_not_lower_the_guard(secure: Any, open_proxies: dict[str, str]) -> None:
    async with ClientSession() as session:
        with pytest.raises(ClientConnectorCertificateError):
            await session.get(f"{secure.url}/json", proxy=open_proxies["socks5h"])


async def test_no_proxy_there(client: ClientSession, origin: str, scheme: str) -> None:
    port = free_port()
    with pytest.raises(ClientProxyConnectionError, match=str(port)):
        await client.get(f"{origin}/json", proxy=f"{scheme}://127.0.0.1:{port}")


def say(*answers: bytes) -> Handler:
    """Send one of the answers for whatever comes, one after the other; then end the stream."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            await reader.read(1000)
            writer.write(answer)
            await writer.drain()
        writer.close()

    return handler


@pytest.mark.parametrize(
    ("scheme", "answers", "why"),
    [
        ("socks5h", [b"HTTP/1.1 400 Bad Request\r\n\r\n"], "does not speak SOCKS5"),
        ("socks4a", [b"HTTP/1.1 400 Bad Request\r\n\r\n"], "does not speak SOCKS4"),
        ("socks4a", [b"\x05\xff"], "does not speak SOCKS4"),
        ("socks5h", [b"\x00\x5b"], "does not speak SOCKS5"),
        ("socks5h", [b""], "ended the connection|closed the connection"),
        ("socks5h", [b"\x05\x00", b"\x05"], "ended the connection|closed the connection"),
        ("socks5h", [b"\x05\x00", b"\x05\x00\x00\x01" + bytes(6) + OK], "before"),
        ("socks4a", [b"\x00\x5a" + bytes(6) + OK], "before"),
    ],
)
async def test_a_proxy_that_talks_nonsense(
    lone: ClientSession, scheme: str, answers: list[bytes], why: str
) -> None:
    async with raw_server(say(*answers)) as server:
        with pytest.raises(ClientProxyConnectionError, match=why) as caught:
            await lone.get("http://origin.test/", proxy=f"{scheme}://127.0.0.1:{server.port}")
    assert not isinstance(caught.value, SocksRefused)
    assert open_connections(lone) == 0


async def test_a_proxy_that_says_nothing(lone: ClientSession, scheme: str) -> None:
    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with raw_server(listen) as server:
        proxy = f"{scheme}://127.0.0.1:{server.port}"
        timeout = ClientTimeout(sock_connect=0.1)
        with pytest.raises(ConnectionTimeoutError, match="asking the proxy"):
            await lone.get("http://127.0.0.1:1/", proxy=proxy, timeout=timeout)
    assert open_connections(lone) == 0


async def test_the_name_in_the_url_is_what_a_certificate_is_for(
    secure: Any, trust: ssl.SSLContext, open_proxies: dict[str, str]
) -> None:
    """Not the address that a proxy is told where it is not to look names up."""
    names = ScriptedResolver({"localhost": [ORIGIN], "elsewhere.test": [ORIGIN]})
    proxy = open_proxies["socks5"]
    async with ClientSession(connector=TCPConnector(ssl=trust, resolver=names)) as session:
        await client_seen_by(session, secure.url, proxy)
        with pytest.raises(ClientConnectorCertificateError, match=r"elsewhere\.test"):
            await session.get(secure.url.replace("localhost", "elsewhere.test"), proxy=proxy)
