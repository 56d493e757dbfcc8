"""TLS with an HTTPS proxy, with a server through a tunnel, and one in the other."""

from __future__ import annotations

import asyncio
import errno
import pickle
import socket
import ssl
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import Any

import pytest
import trustme

from whimbrel_connector import (
    ClientConnectorCertificateError,
    ClientConnectorError,
    ClientConnectorSSLError,
    ClientProxyConnectionError,
    ConnectionTimeoutError,
    Endpoint,
    Fingerprint,
    Proxy,
    ServerFingerprintMismatch,
    TCPConnector,
)
from whimbrel_connector._attempt import Attempt
from whimbrel_connector._handshake import Handshakes, plain

CONNECT = (b"\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n")
FAR = Endpoint("far.example", 443, True)


def far(proxy: Proxy, is_ssl: bool = True) -> Endpoint:
    return Endpoint("far.example", 443 if is_ssl else 80, is_ssl, proxy=proxy)


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while await reader.read(65536):
        pass


async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(10)


async def plain_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(10)
    writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")


@asynccontextmanager
async def tls_in_tls(
    serving: Any, proxy_script: Any, server: Any, outer: Any, **options: Any
) -> Any:
    """An HTTPS proxy that relays to `server`; what is yielded leads there."""
    script = proxy_script(CONNECT, to=server.port)
    async with serving(script, tls=outer) as proxy_server:
        proxy = Proxy.from_url(f"https://127.0.0.1:{proxy_server.port}", **options)
        yield server.endpoint(is_ssl=True, proxy=proxy)


# The TLS with the proxy


@pytest.mark.parametrize("is_ssl", [True, False])
async def test_certificate_of_the_proxy_is_told_from_that_of_the_server(
    serving: Any, server_tls: Any, trusting: ssl.SSLContext, is_ssl: bool
) -> None:
    """Whatever the connector and the endpoint say about servers: it is the proxy's `ssl`."""
    async with serving(tls=server_tls()) as server, TCPConnector(ssl=False) as connector:
        proxy = Proxy.from_url(f"https://u:secret@127.0.0.1:{server.port}")
        endpoint = Endpoint("far.example", 443, is_ssl, ssl=trusting, proxy=proxy)
        with pytest.raises(ClientProxyConnectionError) as caught:
            await connector.acquire(endpoint)
        error = caught.value
        assert "certificate verify failed" in str(error)
        assert f"the certificate is that of the proxy https://127.0.0.1:{server.port}" in str(error)
        assert "TLS handshake with the proxy" in error.detail
        assert isinstance(error.__cause__, ssl.SSLCertVerificationError)
        assert "secret" not in str(error)
        assert str(pickle.loads(pickle.dumps(error))) == str(error)
        assert connector.statistics().open == 0


async def test_wrong_host_in_the_certificate_of_the_proxy(
    serving: Any, server_tls: Any, trusting: ssl.SSLContext, ask: Any
) -> None:
    async with serving(tls=server_tls("other.example")) as server, TCPConnector() as connector:
        url = f"https://127.0.0.1:{server.port}"
        with pytest.raises(ClientProxyConnectionError, match=r"not valid for '127\.0\.0\.1'"):
            await connector.acquire(far(Proxy.from_url(url, ssl=trusting), False))
        named = Proxy.from_url(url, ssl=trusting, server_hostname="other.example")
        connection = await connector.acquire(far(named, False))
        assert await ask(connection.transport) == b"ping"
        connection.close()


async def test_self_signed_certificate_of_the_proxy_and_no_verification(
    serving: Any, ask: Any
) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("localhost").configure_cert(context)
    async with serving(tls=context) as server, TCPConnector() as connector:
        url = f"https://127.0.0.1:{server.port}"
        with pytest.raises(ClientProxyConnectionError, match="certificate verify failed"):
            await connector.acquire(far(Proxy.from_url(url), False))
        connection = await connector.acquire(far(Proxy.from_url(url, ssl=False), False))
        assert await ask(connection.transport) == b"ping"
        connection.close()


async def test_pinned_proxy(serving: Any, authority: trustme.CA, ask: Any) -> None:
    certificate = authority.issue_cert("anything.example")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.configure_cert(context)
    der = ssl.PEM_cert_to_DER_cert(certificate.cert_chain_pems[0].bytes().decode())
    async with serving(tls=context) as server, TCPConnector() as connector:
        url = f"https://127.0.0.1:{server.port}"
        pinned = Proxy.from_url(url, ssl=Fingerprint(sha256(der).digest()))
        connection = await connector.acquire(far(pinned, False))
        assert await ask(connection.transport) == b"ping"
        connection.close()
        wrong = Proxy.from_url(url, ssl=Fingerprint(bytes(32)))
        with pytest.raises(ClientProxyConnectionError, match=sha256(der).hexdigest()) as caught:
            await connector.acquire(far(wrong, False))
        assert isinstance(caught.value.__cause__, ServerFingerprintMismatch)
        assert connector.statistics().open == 0


async def test_proxy_that_chooses_another_protocol(
    serving: Any, server_tls: Any, authority: trustme.CA
) -> None:
    server_side, client_side = server_tls(), ssl.create_default_context()
    authority.configure_trust(client_side)
    for context in (server_side, client_side):
        context.set_alpn_protocols(["h2"])
    async with serving(tls=server_side) as server, TCPConnector() as connector:
        proxy = Proxy.from_url(f"https://127.0.0.1:{server.port}", ssl=client_side)
        with pytest.raises(ClientProxyConnectionError, match="the proxy chose the protocol 'h2'"):
            await connector.acquire(far(proxy))
        assert connector.statistics().open == 0


@pytest.mark.parametrize(
    ("peer", "message"),
    [
        (plain_http, "the proxy seems to speak no TLS on this port"),
        (hang_up, "TLS handshake with the proxy https://127"),
    ],
)
async def test_proxy_that_breaks_the_handshake(
    serving: Any, turns: Any, peer: Any, message: str
) -> None:
    async with serving(peer) as server, TCPConnector() as connector:
        proxy = Proxy.from_url(f"https://127.0.0.1:{server.port}")
        with pytest.raises(ClientProxyConnectionError, match=message):
            await connector.acquire(far(proxy))
        await turns()
        assert connector.statistics().connecting == 0


async def test_handshake_with_the_proxy_is_bounded(serving: Any, turns: Any) -> None:
    async with serving(silent) as server, TCPConnector() as connector:
        proxy = Proxy.from_url(f"https://127.0.0.1:{server.port}")
        message = r"\(sock_connect\); at the end: TLS handshake with the proxy https"
        with pytest.raises(ConnectionTimeoutError, match=message):
            await connector.acquire(far(proxy), sock_connect=0.05, connect=5)
        await turns()
        assert connector.statistics().connecting == 0


@pytest.mark.parametrize("proxys_name", ["me@proxy.example", None])
async def test_client_certificate_is_shown_to_whom_it_is_for(  # noqa: PLR0917  # fixtures
    serving: Any,
    proxy_script: Any,
    server_tls: Any,
    authority: trustme.CA,
    ask: Any,
    proxys_name: str | None,
) -> None:
    """That for the server not to the proxy, nor the other way round, though both want one."""
    ours, proxys = ssl.create_default_context(), ssl.create_default_context()
    for context, name in ((ours, "me@server.example"), (proxys, proxys_name)):
        authority.configure_trust(context)
        if name is not None:
            authority.issue_cert(name).configure_cert(context)
    inner, outer = server_tls(), server_tls()
    for context in (inner, outer):
        context.verify_mode = ssl.CERT_OPTIONAL
        authority.configure_trust(context)
    async with serving(tls=inner) as server, TCPConnector(ssl=ours) as connector:
        script = proxy_script(CONNECT, to=server.port)
        async with serving(script, tls=outer) as proxy_server:
            proxy = Proxy.from_url(f"https://127.0.0.1:{proxy_server.port}", ssl=proxys)
            connection = await connector.acquire(server.endpoint(is_ssl=True, proxy=proxy))
            assert await ask(connection.transport) == b"ping"
            shown = [
                there.writers[0].get_extra_info("peercert") for there in (server, proxy_server)
            ]
            connection.close()
    assert shown[0]["subjectAltName"] == (("email", "me@server.example"),)
    if proxys_name is None:
        assert not shown[1]
    else:
        assert shown[1]["subjectAltName"] == (("email", proxys_name),)


# TLS with the server, in a tunnel


async def test_tls_in_tls_carries_much_both_ways_and_is_reused(
    serving: Any, proxy_script: Any, server_tls: Any, trusting: ssl.SSLContext, ask: Any
) -> None:
    data = bytes(range(256)) * 8192
    async with (
        serving(tls=server_tls()) as server,
        tls_in_tls(serving, proxy_script, server, server_tls(), ssl=trusting) as endpoint,
        TCPConnector(ssl=trusting) as connector,
    ):
        connection = await connector.acquire(endpoint)
        assert await ask(connection.transport, data) == data
        connection.release()
        again = connector.acquire_nowait(endpoint)
        assert again is not None
        assert await ask(again.transport) == b"ping"
        inner, sock = (again.transport.get_extra_info(name) for name in ("ssl_object", "socket"))
        assert inner.selected_alpn_protocol() in {None, "http/1.1"}
        assert sock.getpeername()[1] == endpoint.proxy.port
        again.release()
        assert connector.acquire_nowait(server.endpoint(is_ssl=True)) is None


@pytest.mark.parametrize("outer", [True, False])
@pytest.mark.parametrize(
    ("names", "trusts", "message"),
    [
        (("other.example",), True, "certificate is not valid for '127.0.0.1'"),
        ((), False, "certificate verify failed"),
    ],
)
async def test_certificate_of_the_server_behind_the_proxy(  # noqa: PLR0917  # fixtures
    serving: Any,
    proxy_script: Any,
    server_tls: Any,
    trusting: ssl.SSLContext,
    outer: bool,
    names: Any,
    trusts: bool,
    message: str,
) -> None:
    async with (
        serving(tls=server_tls(*names)) as server,
        serving(
            proxy_script(CONNECT, to=server.port), tls=server_tls() if outer else None
        ) as proxy_server,
        TCPConnector(ssl=trusting if trusts else True) as connector,
    ):
        url = f"{'https' if outer else 'http'}://127.0.0.1:{proxy_server.port}"
        endpoint = server.endpoint(is_ssl=True, proxy=Proxy.from_url(url, ssl=trusting))
        with pytest.raises(ClientConnectorCertificateError, match=message) as caught:
            await connector.acquire(endpoint)
        assert f"TLS handshake through the proxy {url}, after" in caught.value.detail
        assert not isinstance(caught.value, ClientProxyConnectionError)
        assert connector.statistics().open == 0


async def test_pinned_server_behind_a_proxy_is_named_by_its_own_address(
    serving: Any, proxy_script: Any, server_tls: Any
) -> None:
    async with serving(tls=server_tls()) as server, TCPConnector() as connector:
        async with serving(proxy_script(CONNECT, to=server.port)) as proxy_server:
            proxy = Proxy.from_url(f"http://127.0.0.1:{proxy_server.port}")
            endpoint = server.endpoint(is_ssl=True, ssl=Fingerprint(bytes(32)), proxy=proxy)
            with pytest.raises(ServerFingerprintMismatch) as caught:
                await connector.acquire(endpoint)
            assert (caught.value.host, caught.value.port) == ("127.0.0.1", server.port)
        assert connector.statistics().open == 0


@pytest.mark.parametrize("outer", [True, False])
@pytest.mark.parametrize(
    ("peer", "error"),
    [(hang_up, ClientConnectorError), (plain_http, ClientConnectorSSLError)],
)
async def test_server_behind_the_proxy_that_breaks_the_handshake(  # noqa: PLR0917  # fixtures
    serving: Any,
    proxy_script: Any,
    server_tls: Any,
    trusting: ssl.SSLContext,
    turns: Any,
    outer: bool,
    peer: Any,
    error: type[Exception],
) -> None:
    async with (
        serving(peer) as server,
        serving(
            proxy_script(CONNECT, to=server.port), tls=server_tls() if outer else None
        ) as proxy_server,
        TCPConnector() as connector,
    ):
        url = f"{'https' if outer else 'http'}://127.0.0.1:{proxy_server.port}"
        endpoint = server.endpoint(is_ssl=True, proxy=Proxy.from_url(url, ssl=trusting))
        with pytest.raises(error, match="TLS handshake through the proxy"):
            await connector.acquire(endpoint)
        await turns()
        assert connector.statistics().connecting == 0


@pytest.mark.parametrize("outer", [True, False])
async def test_proxy_that_ends_the_tunnel_in_the_handshake(
    serving: Any, proxy_script: Any, server_tls: Any, trusting: ssl.SSLContext, outer: bool
) -> None:
    script = proxy_script(CONNECT, (20, b""))
    async with (
        serving(script, tls=server_tls() if outer else None) as server,
        TCPConnector() as connector,
    ):
        url = f"{'https' if outer else 'http'}://127.0.0.1:{server.port}"
        with pytest.raises(ClientConnectorError, match="TLS handshake through the proxy"):
            await connector.acquire(far(Proxy.from_url(url, ssl=trusting)))
        assert connector.statistics().open == 0


@pytest.mark.parametrize("outer", [True, False])
async def test_handshake_through_the_proxy_is_bounded(  # noqa: PLR0917  # fixtures
    serving: Any,
    proxy_script: Any,
    server_tls: Any,
    trusting: ssl.SSLContext,
    turns: Any,
    outer: bool,
) -> None:
    script = proxy_script(CONNECT, hang=True)
    async with (
        serving(script, tls=server_tls() if outer else None) as server,
        TCPConnector() as connector,
    ):
        url = f"{'https' if outer else 'http'}://127.0.0.1:{server.port}"
        message = rf"\(sock_connect\); at the end: TLS handshake through the proxy {url}"
        with pytest.raises(ConnectionTimeoutError, match=message):
            await connector.acquire(
                far(Proxy.from_url(url, ssl=trusting)), sock_connect=0.1, connect=5
            )
        await turns()
        assert connector.statistics().connecting == 0


@pytest.mark.parametrize("before", ["here", "there"])
async def test_tunnel_that_is_gone_before_the_handshake(serving: Any, before: str) -> None:
    """asyncio would wait until the handshake is overdue, which takes a minute."""
    async with serving(hang_up) as server:
        attempt = Attempt(FAR, None)
        sock = attempt.sock = socket.create_connection(("127.0.0.1", server.port))
        sock.setblocking(False)
        transport = await plain(attempt, sock)
        if before == "here":
            transport.abort()
        else:
            transport.write(b"x")
            await transport.wait_closed()
        with pytest.raises(ClientConnectorError, match="the connection was lost") as caught:
            await asyncio.wait_for(Handshakes(True, 0.0).with_server_inside(attempt, transport), 5)
        assert caught.value.errno == errno.ECONNRESET
        await transport.wait_closed()


# TLS on a socket


async def test_tls(serving: Any, trusting: ssl.SSLContext, server_tls: Any, ask: Any) -> None:
    async with serving(tls=server_tls()) as server, TCPConnector(ssl=trusting) as connector:
        endpoint = server.endpoint(is_ssl=True, host="localhost")
        connection = await connector.acquire(endpoint)
        assert await ask(connection.transport) == b"ping"
        assert connection.timings.tls is not None
        connection.release()
        again = connector.acquire_nowait(endpoint)
        assert again is not None
        assert await ask(again.transport) == b"ping"
        again.release()


async def test_option_of_the_endpoint_wins_over_that_of_the_connector(
    serving: Any, trusting: ssl.SSLContext, server_tls: Any
) -> None:
    async with serving(tls=server_tls()) as server, TCPConnector(ssl=False) as connector:
        (await connector.acquire(server.endpoint(is_ssl=True))).close()
        (await connector.acquire(server.endpoint(is_ssl=True, ssl=trusting))).close()
        strict = server.endpoint(is_ssl=True, ssl=ssl.create_default_context())
        with pytest.raises(
            ClientConnectorCertificateError, match=r"failed.*\(TLS handshake, after"
        ):
            await connector.acquire(strict)


@pytest.mark.parametrize("limit", ["connect", "sock_connect"])
async def test_handshake_that_does_not_end_is_bounded_and_leaves_nothing(
    serving: Any, turns: Any, limit: str
) -> None:
    async with serving(silent) as server, TCPConnector() as connector:
        limits: Any = {"connect": 5.0, "sock_connect": 5.0} | {limit: 0.05}
        with pytest.raises(ConnectionTimeoutError, match=rf"\({limit}\).* end: TLS handshake"):
            await connector.acquire(server.endpoint(is_ssl=True), **limits)
        await turns()
        assert connector.statistics().connecting == 0
