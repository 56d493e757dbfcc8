"""Tunnels by CONNECT and SOCKS over real connections, and every way in which a proxy fails."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from typing import Any

import pytest

from whimbrel_connector import (
    ClientProxyConnectionError,
    ConnectionTimeoutError,
    Endpoint,
    Proxy,
    ProxyRefused,
    SocksRefused,
    TCPConnector,
)
from whimbrel_connector._attempt import Attempt
from whimbrel_connector._handshake import plain
from whimbrel_connector._proxying import open_tunnel

ACCEPTED = b"HTTP/1.1 200 OK\r\n\r\n"
SOCKS5 = b"\5\0\0\1\0\0\0\0\0\0"
SOCKS4 = b"\0\x5a\0\0\0\0\0\0"
FAR = Endpoint("far.example", 443, True)


async def refused_by(
    connector: TCPConnector, server: Any, url: str = "http://", **more: Any
) -> Any:
    """What `acquire` raises, for a server through a tunnel that is not had."""
    proxy = Proxy.from_url(f"{url}127.0.0.1:{server.port}")
    with pytest.raises(ClientProxyConnectionError) as caught:
        await connector.acquire(Endpoint("far.example", 443, True, proxy=proxy), **more)
    for _ in range(5):
        await asyncio.sleep(0)
    assert connector.statistics().connecting == 0
    assert "secret" not in str(caught.value)
    assert "c2VjcmV0" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("outer", [True, False])
async def test_connect(  # noqa: PLR0917  # fixtures
    serving: Any,
    proxy_script: Any,
    server_tls: Any,
    trusting: ssl.SSLContext,
    ask: Any,
    outer: bool,
) -> None:
    async with serving(tls=server_tls()) as server, TCPConnector(ssl=trusting) as connector:
        script = proxy_script((b"\r\n\r\n", ACCEPTED), to=server.port)
        async with serving(script, tls=server_tls() if outer else None) as proxy_server:
            proxy = Proxy.from_url(
                f"{'https' if outer else 'http'}://user:pass@127.0.0.1:{proxy_server.port}",
                headers={"X-A": "1"},
                ssl=trusting,
            )
            connection = await connector.acquire(server.endpoint(is_ssl=True, proxy=proxy))
            assert await ask(connection.transport) == b"ping"
            assert connection.timings.proxy is not None
            connection.close()
    assert script.heard[0].split(b"\r\n") == [
        f"CONNECT 127.0.0.1:{server.port} HTTP/1.1".encode(),
        f"Host: 127.0.0.1:{server.port}".encode(),
        b"X-A: 1",
        b"Proxy-Authorization: Basic dXNlcjpwYXNz",
        b"",
        b"",
    ]


@pytest.mark.parametrize("outer", [True, False])
async def test_requests_that_a_proxy_forwards_need_no_tunnel(
    serving: Any, server_tls: Any, trusting: ssl.SSLContext, ask: Any, outer: bool
) -> None:
    async with serving(tls=server_tls() if outer else None) as server, TCPConnector() as connector:
        url = f"{'https' if outer else 'http'}://127.0.0.1:{server.port}"
        endpoint = Endpoint("far.example", 80, False, proxy=Proxy.from_url(url, ssl=trusting))
        for _ in range(2):  # the second time on the same connection, whatever tickets came with it
            connection = await connector.acquire(endpoint)
            request = b"GET http://far.example/ HTTP/1.1\r\n\r\n"
            assert await ask(connection.transport, request) == request
            connection.release()
        assert len(server.writers) == 1


async def test_socks_with_credentials(
    serving: Any, proxy_script: Any, server_tls: Any, trusting: ssl.SSLContext, ask: Any
) -> None:
    async with serving(tls=server_tls()) as server, TCPConnector(ssl=trusting) as connector:
        script = proxy_script((4, b"\5\2"), (9, b"\1\0"), (10, SOCKS5), to=server.port)
        async with serving(script) as proxy_server:
            proxy = Proxy.from_url(f"socks5h://user:pw@127.0.0.1:{proxy_server.port}")
            connection = await connector.acquire(server.endpoint(is_ssl=True, proxy=proxy))
            assert await ask(connection.transport) == b"ping"
            connection.release()
            other = Proxy.from_url(f"socks5h://user:other@127.0.0.1:{proxy_server.port}")
            assert connector.acquire_nowait(server.endpoint(is_ssl=True, proxy=other)) is None
    assert script.heard[:2] == [b"\5\2\0\2", b"\1\4user\2pw"]


# Refusals


async def test_refusal_of_connect_keeps_what_the_proxy_said(
    serving: Any, proxy_script: Any
) -> None:
    answer = b"HTTP/1.1 407 Who\r\nProxy-Authenticate: Basic\r\nContent-Length: 4\r\n\r\nname"
    async with serving(proxy_script((b"\r\n\r\n", answer))) as server, TCPConnector() as connector:
        error = await refused_by(connector, server, "http://user:secret@")
    assert isinstance(error, ProxyRefused)
    assert (error.status, error.reason, error.body) == (407, "Who", b"name")
    assert error.headers == ((b"Proxy-Authenticate", b"Basic"), (b"Content-Length", b"4"))
    assert (error.host, error.port) == ("far.example", 443)
    assert "answered CONNECT with 407 Who" in str(error)
    assert f"asking the proxy http://127.0.0.1:{server.port} for a tunnel, after" in error.detail


@pytest.mark.parametrize("limit", ["connect", "sock_connect"])
async def test_refusal_is_not_lost_to_a_time_limit(
    serving: Any, proxy_script: Any, limit: str
) -> None:
    answer = b"HTTP/1.1 502 Bad\r\nContent-Length: 9\r\n\r\nhal"
    script = proxy_script((b"\r\n\r\n", answer), hang=True)
    async with serving(script) as server, TCPConnector() as connector:
        limits: Any = {limit: 0.2}
        error = await refused_by(connector, server, **limits)
    assert isinstance(error, ProxyRefused)
    assert error.body == b"hal"


@pytest.mark.parametrize("hang", [True, False])
async def test_content_of_a_refusal_that_does_not_come(
    serving: Any, proxy_script: Any, hang: bool
) -> None:
    """It is waited for a second, or until the proxy closes."""
    answer = b"HTTP/1.1 502 Bad\r\nContent-Length: 9\r\n\r\nhal"
    script = proxy_script((b"\r\n\r\n", answer), hang=hang)
    async with serving(script) as server, TCPConnector() as connector:
        error = await refused_by(connector, server)
    assert isinstance(error, ProxyRefused)
    assert error.body == b"hal"


@pytest.mark.parametrize(
    ("scheme", "turns", "code", "reason"),
    [
        ("socks5h", [(3, b"\5\xff")], 255, "it wants credentials, and there are none"),
        ("socks5h", [(3, b"\5\0"), (18, b"\5\5")], 5, "connection refused by the destination"),
        ("socks5h", [(3, b"\5\0"), (18, SOCKS5.replace(b"\0", b"\2", 1))], 2, "not allowed by"),
        ("socks5h", [(3, b"\5\0"), (18, b"\5\x63")], 99, "a code that SOCKS5 does not know"),
        ("socks4a", [(21, b"\0\x5b\0\0\0\0\0\0")], 91, "rejected or failed"),
    ],
)
async def test_refusal_of_socks(  # noqa: PLR0917  # fixtures
    serving: Any, proxy_script: Any, scheme: str, turns: Any, code: int, reason: str
) -> None:
    async with serving(proxy_script(*turns)) as server, TCPConnector() as connector:
        error = await refused_by(connector, server, f"{scheme}://")
    assert isinstance(error, SocksRefused)
    assert error.code == code
    assert reason in error.reason
    assert (
        f"Cannot connect to host far.example:443 ssl:default [the SOCKS proxy answered {code}:"
        in (str(error))
    )
    assert f"asking the proxy {scheme}://127" in error.detail


async def test_credentials_that_socks_refuses(serving: Any, proxy_script: Any) -> None:
    script = proxy_script((4, b"\5\2"), (13, b"\1\1"))
    async with serving(script) as server, TCPConnector() as connector:
        error = await refused_by(connector, server, "socks5h://user:secret@")
    assert isinstance(error, SocksRefused)
    assert error.reason == "user name or password refused"
    assert script.heard[1] == b"\1\4user\6secret"


# Proxies that speak their protocol wrongly, or not at all


def ends(answer: bytes) -> Any:
    return [answer[:length] for length in range(len(answer))]


@pytest.mark.parametrize("part", ends(ACCEPTED))
async def test_proxy_that_closes_at_any_byte_of_its_answer(
    serving: Any, proxy_script: Any, part: bytes
) -> None:
    async with serving(proxy_script((b"\r\n\r\n", part))) as server, TCPConnector() as connector:
        error = await refused_by(connector, server)
    assert not isinstance(error, ProxyRefused)
    assert "asking the proxy http://127" in error.detail


@pytest.mark.parametrize(
    ("scheme", "turns"),
    [("socks4a", [(21, part)]) for part in ends(SOCKS4)]
    + [("socks5h", [(3, part)]) for part in ends(b"\5\0")]
    + [("socks5h", [(3, b"\5\0"), (18, part)]) for part in ends(SOCKS5)],
)
async def test_socks_proxy_that_closes_at_any_byte_of_its_answer(
    serving: Any, proxy_script: Any, scheme: str, turns: Any
) -> None:
    async with serving(proxy_script(*turns)) as server, TCPConnector() as connector:
        error = await refused_by(connector, server, f"{scheme}://")
    assert not isinstance(error, SocksRefused)
    assert "ended the connection instead of sending" in str(error)
    assert f"asking the proxy {scheme}://127" in error.detail


async def test_proxy_that_resets_the_connection(serving: Any) -> None:
    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        linger = b"\1\0\0\0\0\0\0\0"
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.transport.abort()

    async with serving(reset) as server, TCPConnector() as connector:
        for scheme in ("http", "socks4a", "socks5h"):
            error = await refused_by(connector, server, f"{scheme}://")
            assert error.errno == errno.ECONNRESET
            assert "the proxy closed the connection" in str(error)
            assert isinstance(error.__cause__, ConnectionResetError)


@pytest.mark.parametrize(
    ("scheme", "turns", "message"),
    [
        ("http", [(b"\r\n\r\n", b"220 smtp.example ESMTP\r\n\r\n")], "220 smt"),
        ("http", [(b"\r\n\r\n", ACCEPTED + b"rubbish")], "before the tunnel was used"),
        (
            "http",
            [(b"\r\n\r\n", b"HTTP/1.1 200 OK\r\nX: " + b"x" * 99_999)],
            "the proxy http://127",
        ),
        ("socks5h", [(3, b"\5\0"), (18, SOCKS5 + b"r")], "before the tunnel was used"),
        ("socks5h", [(3, b"\5\0\5")], "before it was asked"),
        ("socks5h", [(3, b"HTTP/1.1 400 Bad Request\r\n\r\n")], "does not speak SOCKS5"),
        ("socks4a", [(21, SOCKS4 + b"r")], "before the tunnel was used"),
        ("socks4a", [(21, b"HTTP/1.1 400 Bad Request\r\n\r\n")], "does not speak SOCKS4"),
    ],
)
@pytest.mark.parametrize("hang", [True, False])
async def test_proxy_that_does_not_keep_to_its_protocol(  # noqa: PLR0917  # fixtures
    serving: Any, proxy_script: Any, scheme: str, turns: Any, message: str, hang: bool
) -> None:
    async with serving(proxy_script(*turns, hang=hang)) as server, TCPConnector() as connector:
        error = await refused_by(connector, server, f"{scheme}://")
    assert not isinstance(error, ProxyRefused | SocksRefused)
    assert message in str(error)
    assert error.errno == errno.EPROTO
    assert len(str(error)) < 500


@pytest.mark.parametrize("scheme", ["http", "socks4a", "socks5h"])
async def test_proxy_that_speaks_first(serving: Any, scheme: str) -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write({"http": ACCEPTED, "socks4a": SOCKS4, "socks5h": b"\5\0"}[scheme] + b"more")
        await reader.read()

    async with serving(greet) as server, TCPConnector() as connector:
        await refused_by(connector, server, f"{scheme}://")


@pytest.mark.parametrize(
    ("scheme", "host", "message"),
    [
        ("socks5h", "x" * 256, "1 to 255 octets, not 256"),
        ("socks4a", "a b", "no host name for a SOCKS proxy: 'a b'"),
        ("http", "a b", "visible ASCII"),
        ("http", "a\r\nb", "visible ASCII"),
        ("socks5h", "fe80::1%lo", "cannot say the zone"),
    ],
)
async def test_host_that_the_proxy_cannot_be_asked_for(
    serving: Any, scheme: str, host: str, message: str
) -> None:
    async with serving() as server, TCPConnector() as connector:
        proxy = Proxy.from_url(f"{scheme}://127.0.0.1:{server.port}")
        with pytest.raises(ClientProxyConnectionError, match=message) as caught:
            await connector.acquire(Endpoint(host, 443, True, proxy=proxy))
        assert len(str(caught.value)) < 1000


# Stalling


@pytest.mark.parametrize(
    ("scheme", "said"),
    [
        ("http", []),
        ("http", [(b"\r\n\r\n", b"HTTP/1.1 200")]),
        ("socks4a", []),
        ("socks4a", [(21, SOCKS4[:7])]),
        ("socks5h", []),
        ("socks5h", [(3, b"\5")]),
        ("socks5h", [(3, b"\5\0")]),
        ("socks5h", [(3, b"\5\0"), (18, SOCKS5[:9])]),
    ],
)
@pytest.mark.parametrize("limit", ["connect", "sock_connect"])
async def test_proxy_that_stalls(  # noqa: PLR0917  # fixtures
    serving: Any, proxy_script: Any, turns: Any, scheme: str, said: Any, limit: str
) -> None:
    script = proxy_script(*said, hang=True)
    async with serving(script) as server, TCPConnector() as connector:
        proxy = Proxy.from_url(f"{scheme}://127.0.0.1:{server.port}")
        message = rf"\({limit}\); at the end: asking the proxy {scheme}://127.* for a tunnel"
        limits: Any = {"connect": 5.0, "sock_connect": 5.0} | {limit: 0.05}
        with pytest.raises(ConnectionTimeoutError, match=message):
            await connector.acquire(Endpoint("far.example", 443, True, proxy=proxy), **limits)
        await turns()
        assert connector.statistics().connecting == 0


# In between


@pytest.mark.parametrize("scheme", ["http", "socks4a", "socks5h"])
async def test_bytes_between_the_acceptance_and_its_use_are_a_fault(scheme: str) -> None:
    """They may come in the very turn of the loop in which the acceptance wakes who waits for it."""
    answers = {"http": [ACCEPTED], "socks4a": [SOCKS4], "socks5h": [b"\5\0", SOCKS5]}[scheme]
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        attempt = Attempt(FAR, None)
        transport = await plain(attempt, ours)
        proxy = Proxy.from_url(f"{scheme}://127.0.0.1:1")
        opening = asyncio.ensure_future(open_tunnel(attempt, transport, proxy, "far.example"))
        await asyncio.sleep(0)
        for part in [*answers, b"early"]:
            transport.data_received(part)
        with pytest.raises(ClientProxyConnectionError, match="before the tunnel was used"):
            await opening
        transport.abort()
        await transport.wait_closed()


@pytest.mark.parametrize("scheme", ["http", "socks5h"])
async def test_connection_that_is_lost_before_the_proxy_is_asked(scheme: str) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        attempt = Attempt(FAR, None)
        transport = await plain(attempt, ours)
        transport.abort()
        await transport.wait_closed()
        proxy = Proxy.from_url(f"{scheme}://127.0.0.1:1")
        with pytest.raises(ClientProxyConnectionError, match="the proxy closed the connection"):
            await open_tunnel(attempt, transport, proxy, "far.example")
