"""Through HTTP proxies that are spoken to in TLS of their own: forwarding, and TLS in TLS."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from tools.webapp import servers
from tools.webapp.certificates import Authority, Certificate
from tools.webapp.faults import RawServer, raw_server, read_head
from tools.webapp.pattern import blocks, digest
from tools.webapp.processes import free_port
from whimbrel import (
    ClientConnectorCertificateError,
    ClientHttpProxyError,
    ClientProxyConnectionError,
    ClientSession,
    Fingerprint,
    Proxy,
    TCPConnector,
)
from whimbrel_connector import ProxyRefused

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CREDENTIALS = "bird:wader"


@pytest.fixture(scope="session")
def proxy_url(certificate: Certificate) -> Iterator[str]:
    """A proxy that forwards and tunnels for anybody who speaks TLS."""
    with servers.http_proxy(certificate=certificate) as url:
        yield url


@pytest.fixture(scope="session")
def locked_proxy_url(certificate: Certificate) -> Iterator[str]:
    with servers.http_proxy(CREDENTIALS, certificate) as url:
        yield url


@pytest.fixture(scope="session")
def renamed_proxy_url(authority: Authority) -> Iterator[str]:
    """A proxy at localhost whose certificate is for proxy.test."""
    with servers.http_proxy(certificate=authority.issue("proxy.test")) as url:
        yield url


@pytest.fixture
def proxy(proxy_url: str, trust: ssl.SSLContext) -> Proxy:
    return Proxy.from_url(proxy_url, ssl=trust)


@pytest.fixture(params=["plain", "secure"])
def origin(request: pytest.FixtureRequest) -> str:
    """An origin that is reached by forwarding, and one that needs a tunnel."""
    peer = request.getfixturevalue(request.param)
    url: str = peer.url
    return url


def open_connections(session: ClientSession) -> int:
    connector = session.connector
    assert isinstance(connector, TCPConnector)
    return connector.statistics().open


async def status_of(session: ClientSession, url: str, **options: Any) -> int:
    async with session.get(f"{url}/json", **options) as response:
        await response.read()
        status: int = response.status
        return status


async def test_requests(lone: ClientSession, origin: str, proxy: Proxy) -> None:
    for _ in range(3):
        async with lone.get(f"{origin}/echo?a=1", proxy=proxy) as response:
            seen = await response.json()
        assert (seen["path"], seen["query"]) == ("/echo", "a=1")
        names = {name.lower() for name, _ in seen["headers"]}
        assert "proxy-authorization" not in names


async def test_a_tunnel_is_reused(lone: ClientSession, secure: Any, proxy: Proxy) -> None:
    seen = set()
    for _ in range(3):
        async with lone.get(f"{secure.url}/headers", proxy=proxy) as response:
            seen.add(tuple((await response.json())["client"]))
    assert len(seen) == 1
    assert open_connections(lone) == 1


async def test_large_bodies(lone: ClientSession, origin: str, proxy: Proxy) -> None:
    size = 3_000_000
    data = b"".join(blocks(size))
    async with lone.post(f"{origin}/upload", data=data, proxy=proxy) as response:
        assert await response.json() == {"length": size, "sha256": digest(size)}
    async with lone.get(f"{origin}/bytes/{size}", proxy=proxy) as response:
        assert await response.read() == data


async def test_large_bodies_both_ways_at_once(
    lone: ClientSession, origin: str, proxy: Proxy
) -> None:
    data = b"".join(blocks(1_000_000))

    async def mirrored() -> bytes:
        async with lone.post(f"{origin}/mirror", data=data, proxy=proxy) as response:
            return await response.read()

    assert await asyncio.gather(*(mirrored() for _ in range(4))) == [data] * 4


@pytest.mark.parametrize("compress", [0, 15])
async def test_websockets(
    lone: ClientSession, websocket_peer: Any, proxy: Proxy, compress: int
) -> None:
    async with lone.ws_connect(websocket_peer.url, proxy=proxy, compress=compress) as ws:
        assert bool(ws.compress) == bool(compress)
        await ws.send_bytes(b"x" * 100_000)
        assert await ws.receive_bytes() == b"x" * 100_000
        await ws.send_str("hello")
        assert await ws.receive_str() == "hello"


@pytest.mark.parametrize("how", ["url", "auth"])
async def test_credentials(
    lone: ClientSession, origin: str, locked_proxy_url: str, trust: ssl.SSLContext, how: str
) -> None:
    if how == "url":
        url = locked_proxy_url.replace("://", f"://{CREDENTIALS}@")
        proxy = Proxy.from_url(url, ssl=trust)
    else:
        proxy = Proxy.from_url(locked_proxy_url, "Basic YmlyZDp3YWRlcg==", ssl=trust)
    async with lone.get(f"{origin}/headers", proxy=proxy) as response:
        assert response.status == 200
        names = {name.lower() for name, _ in (await response.json())["headers"]}
    assert "proxy-authorization" not in names


async def test_a_refused_tunnel_keeps_what_the_proxy_says(
    lone: ClientSession, secure: Any, locked_proxy_url: str, trust: ssl.SSLContext
) -> None:
    proxy = Proxy.from_url(locked_proxy_url, ssl=trust)
    with pytest.raises(ClientHttpProxyError) as caught:
        await lone.get(f"{secure.url}/json", proxy=proxy)
    assert caught.value.status == 407
    assert caught.value.headers is not None
    assert "Basic" in caught.value.headers["Proxy-Authenticate"]
    refusal = caught.value.__cause__
    assert isinstance(refusal, ProxyRefused)
    assert b"Proxy Authentication Required" in refusal.body
    assert open_connections(lone) == 0


async def test_a_refused_forward_is_the_response(
    lone: ClientSession, plain: Any, locked_proxy_url: str, trust: ssl.SSLContext
) -> None:
    proxy = Proxy.from_url(locked_proxy_url, ssl=trust)
    async with lone.get(f"{plain.url}/json", proxy=proxy) as response:
        assert response.status == 407
        assert b"Proxy Authentication Required" in await response.read()


@pytest.mark.parametrize("as_text", [True, False])
@pytest.mark.parametrize("option", ["connector", "request", "off"])
async def test_a_proxy_that_nobody_vouches_for(
    origin: str, proxy_url: str, trust: ssl.SSLContext, option: str, as_text: bool
) -> None:
    """Whom to trust as an origin says nothing about the proxy."""
    proxy = proxy_url if as_text else Proxy.from_url(proxy_url)
    options: Any = {"request": {"ssl": trust}, "off": {"ssl": False}}.get(option, {})
    connector = TCPConnector(ssl=trust if option == "connector" else True)
    async with ClientSession(connector=connector) as session:
        with pytest.raises(ClientProxyConnectionError, match="certificate") as caught:
            await session.get(f"{origin}/json", proxy=proxy, **options)
        assert isinstance(caught.value.__cause__, ssl.SSLCertVerificationError)
        assert proxy_url in str(caught.value)
        assert open_connections(session) == 0


async def test_who_vouches_for_the_proxy_says_nothing_about_the_origin(
    secure: Any, proxy: Proxy
) -> None:
    async with ClientSession() as session:
        with pytest.raises(ClientConnectorCertificateError):
            await session.get(f"{secure.url}/json", proxy=proxy)
        assert open_connections(session) == 0


async def test_a_proxy_under_another_name(
    lone: ClientSession, origin: str, renamed_proxy_url: str, trust: ssl.SSLContext
) -> None:
    with pytest.raises(ClientProxyConnectionError, match="certificate") as caught:
        await lone.get(f"{origin}/json", proxy=Proxy.from_url(renamed_proxy_url, ssl=trust))
    assert isinstance(caught.value.__cause__, ssl.SSLCertVerificationError)
    proxy = Proxy.from_url(renamed_proxy_url, ssl=trust, server_hostname="proxy.test")
    assert await status_of(lone, origin, proxy=proxy) == 200


@pytest.mark.parametrize("right", [True, False])
async def test_a_pinned_proxy(
    lone: ClientSession, origin: str, proxy_url: str, certificate: Certificate, right: bool
) -> None:
    pin = Fingerprint(certificate.fingerprint if right else bytes(32))
    proxy = Proxy.from_url(proxy_url, ssl=pin)
    if right:
        assert await status_of(lone, origin, proxy=proxy) == 200
        return
    with pytest.raises(ClientProxyConnectionError, match=certificate.fingerprint.hex()):
        await lone.get(f"{origin}/json", proxy=proxy)
    assert open_connections(lone) == 0


async def test_how_the_proxy_is_verified_tells_connections_apart(
    lone: ClientSession, secure: Any, proxy_url: str, trust: ssl.SSLContext
) -> None:
    """A connection to a proxy that was not verified must not serve a request that wants it."""
    unverified = Proxy.from_url(proxy_url, ssl=False)
    assert await status_of(lone, secure.url, proxy=unverified) == 200
    with pytest.raises(ClientProxyConnectionError):
        await lone.get(f"{secure.url}/json", proxy=Proxy.from_url(proxy_url))
    assert await status_of(lone, secure.url, proxy=Proxy.from_url(proxy_url, ssl=trust)) == 200
    assert open_connections(lone) == 2


async def test_no_proxy_there(lone: ClientSession, origin: str, trust: ssl.SSLContext) -> None:
    url = f"https://localhost:{free_port()}"
    with pytest.raises(ClientProxyConnectionError, match=url):
        await lone.get(f"{origin}/json", proxy=Proxy.from_url(url, ssl=trust))


async def test_a_proxy_without_tls(
    lone: ClientSession, origin: str, plain: Any, trust: ssl.SSLContext
) -> None:
    proxy = Proxy.from_url(plain.url.replace("http:", "https:"), ssl=trust)
    with pytest.raises(ClientProxyConnectionError, match="TLS") as caught:
        await lone.get(f"{origin}/json", proxy=proxy)
    assert isinstance(caught.value.__cause__, ssl.SSLError)
    assert open_connections(lone) == 0


# Client certificates


class Witness:
    """What an origin and a proxy were shown by the client: the subjects of its certificates."""

    def __init__(self) -> None:
        self.by_proxy: list[str | None] = []
        self.by_origin: list[str | None] = []


def shown(writer: asyncio.StreamWriter) -> str | None:
    """Return the name in the client's certificate, if it showed one."""
    found = writer.get_extra_info("peercert")
    return found["subjectAltName"][0][1] if found else None


@asynccontextmanager
async def witnesses(
    authority: Authority, certificate: Certificate
) -> AsyncIterator[tuple[Witness, RawServer, RawServer]]:
    """Run a proxy and an origin that ask for certificates; yield what they saw, and them."""
    witness = Witness()
    context = certificate.server_context()
    context.load_verify_locations(authority.file)
    context.verify_mode = ssl.CERT_OPTIONAL

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        witness.by_origin.append(shown(writer))
        await read_head(reader)
        writer.write(OK)
        await reader.read()

    async def tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        witness.by_proxy.append(shown(writer))
        await read_head(reader)
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", behind.port)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(pump(reader, far_writer))
                group.create_task(pump(far_reader, writer))
        finally:
            far_writer.transport.abort()
            with suppress(OSError):
                await far_writer.wait_closed()

    async with raw_server(serve, context) as behind, raw_server(tunnel, context) as before:
        yield witness, before, behind


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()


@pytest.mark.parametrize("to_proxy", [None, "to-proxy.test"])
@pytest.mark.parametrize("to_origin", [None, "to-origin.test"])
@pytest.mark.parametrize("where", ["connector", "request"])
async def test_each_sees_only_the_certificate_that_is_for_it(
    authority: Authority,
    certificate: Certificate,
    to_proxy: str | None,
    to_origin: str | None,
    where: str,
) -> None:
    def context_with(name: str | None) -> ssl.SSLContext:
        context = authority.client_context()
        if name is not None:
            own = authority.issue(name)
            context.load_cert_chain(own.chain, own.key)
        return context

    for_origin = context_with(to_origin)
    connector = TCPConnector(ssl=for_origin if where == "connector" else True)
    options: Any = {} if where == "connector" else {"ssl": for_origin}
    async with (
        witnesses(authority, certificate) as (witness, proxy_server, origin),
        ClientSession(connector=connector) as session,
    ):
        proxy = Proxy.from_url(proxy_server.url, ssl=context_with(to_proxy))
        async with session.get(origin.url, proxy=proxy, **options) as response:
            assert await response.read() == b"ok"
    assert witness.by_proxy == [to_proxy]
    assert witness.by_origin == [to_origin]
