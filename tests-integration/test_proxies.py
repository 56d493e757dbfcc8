"""Through proxy.py: forwarding for http, a tunnel for https and WebSockets."""

from __future__ import annotations

from typing import Any

import pytest

from tools.webapp.faults import answer_then_close, raw_server
from tools.webapp.pattern import blocks, digest
from tools.webapp.processes import free_port
from whimbrel import (
    BasicAuth,
    ClientConnectorCertificateError,
    ClientHttpProxyError,
    ClientProxyConnectionError,
    ClientSession,
    TCPConnector,
)


@pytest.fixture(params=["plain", "secure"])
def origin(request: pytest.FixtureRequest) -> str:
    """An origin that is reached by forwarding, and one that needs a tunnel."""
    peer = request.getfixturevalue(request.param)
    url: str = peer.url
    return url


async def test_a_request_through_the_proxy(lone: ClientSession, origin: str, proxy: str) -> None:
    for _ in range(3):
        async with lone.get(f"{origin}/echo?a=1", proxy=proxy) as response:
            seen = await response.json()
        assert (seen["path"], seen["query"]) == ("/echo", "a=1")
        names = {name.lower() for name, _ in seen["headers"]}
        assert "proxy-authorization" not in names


async def test_large_bodies_through_the_proxy(lone: ClientSession, origin: str, proxy: str) -> None:
    size = 1_000_000
    data = b"".join(blocks(size))
    async with lone.post(f"{origin}/upload", data=data, proxy=proxy) as response:
        assert await response.json() == {"length": size, "sha256": digest(size)}
    async with lone.get(f"{origin}/bytes/{size}", proxy=proxy) as response:
        assert await response.read() == data


async def test_a_tunnel_is_reused(lone: ClientSession, secure: Any, proxy: str) -> None:
    seen = set()
    for _ in range(3):
        async with lone.get(f"{secure.url}/headers", proxy=proxy) as response:
            seen.add((await response.json())["client"])
    assert len(seen) == 1


async def test_direct_and_proxied_connections_are_not_mixed(
    lone: ClientSession, plain: Any, proxy: str
) -> None:
    async with lone.get(f"{plain.url}/headers") as response:
        direct = (await response.json())["client"]
    async with lone.get(f"{plain.url}/headers", proxy=proxy) as response:
        proxied = (await response.json())["client"]
    assert direct != proxied


@pytest.mark.parametrize("how", ["proxy_auth", "url", "proxy_headers"])
async def test_credentials_for_the_proxy(
    lone: ClientSession, origin: str, locked_proxy: str, how: str
) -> None:
    options: dict[str, Any] = {"proxy": locked_proxy}
    if how == "proxy_auth":
        options["proxy_auth"] = BasicAuth("bird", "wader")
    elif how == "url":
        options["proxy"] = locked_proxy.replace("://", "://bird:wader@")
    else:
        value = BasicAuth("bird", "wader").encode()
        options["proxy_headers"] = {"Proxy-Authorization": value}
    async with lone.get(f"{origin}/headers", **options) as response:
        assert response.status == 200
        names = {name.lower() for name, _ in (await response.json())["headers"]}
    assert "proxy-authorization" not in names


async def test_a_refused_tunnel(lone: ClientSession, secure: Any, locked_proxy: str) -> None:
    with pytest.raises(ClientHttpProxyError) as caught:
        await lone.get(f"{secure.url}/json", proxy=locked_proxy)
    assert caught.value.status == 407
    connector = lone.connector
    assert isinstance(connector, TCPConnector)
    assert connector.statistics().open == 0


async def test_a_refused_forward(lone: ClientSession, plain: Any, locked_proxy: str) -> None:
    async with lone.get(f"{plain.url}/json", proxy=locked_proxy) as response:
        assert response.status == 407


async def test_no_proxy_there(lone: ClientSession, origin: str) -> None:
    port = free_port()
    with pytest.raises(ClientProxyConnectionError, match=str(port)):
        await lone.get(f"{origin}/json", proxy=f"http://127.0.0.1:{port}")


@pytest.mark.parametrize("answer", [b"nonsense\r\n\r\n", b"HTTP/1.1 200", b""])
async def test_a_proxy_that_talks_nonsense(lone: ClientSession, secure: Any, answer: bytes) -> None:
    async with raw_server(answer_then_close(answer)) as server:
        with pytest.raises(ClientProxyConnectionError, match=str(server.port)):
            await lone.get(f"{secure.url}/json", proxy=server.url)
    async with lone.get(f"{secure.url}/json") as response:
        assert response.status == 200


async def test_a_tunnel_does_not_lower_the_guard(secure: Any, proxy: str) -> None:
    async with ClientSession() as session:
        with pytest.raises(ClientConnectorCertificateError):
            await session.get(f"{secure.url}/json", proxy=proxy)
