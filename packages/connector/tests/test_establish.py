from __future__ import annotations

import asyncio
import gc
import re
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import trustme

from whimbrel_connector import (
    ClientConnectorCertificateError,
    ClientConnectorDNSError,
    ClientConnectorError,
    ClientConnectorSSLError,
    ClientProxyConnectionError,
    ConnectionTimeoutError,
    Endpoint,
    Fingerprint,
    Proxy,
    ProxyRefused,
    ServerFingerprintMismatch,
    TCPConnector,
    UnixClientConnectorError,
    UnixConnector,
)
from whimbrel_connector.interfaces import ResolveResult


class Resolver:
    """Answers every name with the same addresses, or fails."""

    def __init__(self, *hosts: Any) -> None:
        self.hosts = hosts

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> Any:
        if not self.hosts:
            raise OSError(None, "the name servers are on strike")
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=0,
            )
            for address in self.hosts
        ]

    async def close(self) -> None:
        raise AssertionError("the resolver is not the connector's to close")


# TCP


async def test_tcp(serving: Any, ask: Any) -> None:
    async with serving() as server, TCPConnector() as connector:
        connection = await connector.acquire(server.endpoint())
        assert await ask(connection.transport) == b"ping"
        sock = connection.transport.get_extra_info("socket")
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        timings = connection.timings
        assert timings.dns is not None
        assert timings.connect is not None
        assert timings.proxy is timings.tls is None
        connection.release()


async def test_refused(closed_port: int) -> None:
    async with TCPConnector() as connector:
        with pytest.raises(ClientConnectorError, match=r"connecting to 127\.0\.0\.1") as caught:
            await connector.acquire(Endpoint("127.0.0.1", closed_port, False))
        assert isinstance(caught.value.os_error, ConnectionRefusedError)
        assert caught.value.__cause__ is caught.value.os_error
        assert connector.statistics().connecting == 0


async def test_all_attempts_are_told(closed_port: int) -> None:
    async with TCPConnector(resolver=Resolver("::1", "127.0.0.1")) as connector:
        with pytest.raises(ClientConnectorError, match=r"to ::1, 127\.0\.0\.1") as caught:
            await connector.acquire(Endpoint("name", closed_port, False))
        reason = "[::1: Connection refused; 127.0.0.1: Connection refused]"
        assert reason in str(caught.value)


async def test_dead_first_address_is_overcome(serving: Any, ask: Any) -> None:
    """::1 refuses here, and the second address is used."""
    async with (
        serving() as server,
        TCPConnector(resolver=Resolver("::1", "127.0.0.1")) as connector,
    ):
        connection = await connector.acquire(server.endpoint(host="name"))
        assert await ask(connection.transport) == b"ping"
        assert connection.transport.get_extra_info("peername")[0] == "127.0.0.1"
        connection.release()


async def test_silent_first_address_is_overcome_in_happy_time(
    serving: Any, full_backlog: tuple[str, int], ask: Any
) -> None:
    """Nothing answers at the first address; the second one is tried beside it."""
    port = full_backlog[1]
    resolver = Resolver("127.0.0.1", "::1")
    async with (
        serving(host="::1", port=port) as server,
        TCPConnector(resolver=resolver, happy_eyeballs_delay=0.01) as connector,
    ):
        endpoint = server.endpoint(host="name")
        connection = await connector.acquire(endpoint, connect=5.0)
        assert await ask(connection.transport) == b"ping"
        assert connection.transport.get_extra_info("peername")[0] == "::1"
        connection.release()


async def test_family_is_asked_for_and_socket_factory_and_local_address_are_used(
    serving: Any,
) -> None:
    made = []

    def factory(info: Any) -> Any:
        made.append(info)
        return socket.socket(info[0], info[1], info[2])

    options: Any = {
        "family": socket.AF_INET,
        "local_addr": ("127.0.0.2", 0),
        "socket_factory": factory,
    }
    async with serving() as server, TCPConnector(**options) as connector:
        assert connector.family == socket.AF_INET
        connection = await connector.acquire(server.endpoint(host="localhost"))
        assert connection.transport.get_extra_info("sockname")[0] == "127.0.0.2"
        assert [info[0] for info in made] == [socket.AF_INET]
        connection.close()


async def test_resolver_that_fails() -> None:
    async with TCPConnector(resolver=Resolver()) as connector:
        with pytest.raises(ClientConnectorDNSError, match=r"on strike.*resolving name"):
            await connector.acquire(Endpoint("name", 80, False))


async def test_name_that_cannot_be_encoded() -> None:
    async with TCPConnector() as connector:
        with pytest.raises(ClientConnectorDNSError):
            await connector.acquire(Endpoint("a" * 64 + ".example", 80, False))


async def test_sock_connect_bounds_connecting(full_backlog: tuple[str, int]) -> None:
    host, port = full_backlog
    message = (
        f"Connection timeout to host {host}:{port}: no connection within 0.05 s of connecting"
        f" (sock_connect); at the end: connecting to {host}"
    )
    async with TCPConnector() as connector:
        with pytest.raises(ConnectionTimeoutError, match=re.escape(message)):
            await connector.acquire(Endpoint(host, port, False), sock_connect=0.05)


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    await reader.read()


async def test_sock_connect_bounds_the_handshake(serving: Any, turns: Any) -> None:
    async with serving(silent) as server, TCPConnector() as connector:
        with pytest.raises(ConnectionTimeoutError, match=r"\(sock_connect\).* end: TLS handshake"):
            await connector.acquire(server.endpoint(is_ssl=True), sock_connect=0.05, connect=5)
        await turns()
        assert connector.statistics().connecting == 0


@pytest.mark.parametrize(
    ("answer", "phase"),
    [
        (b"HTTP/1.1 200", "asking the proxy"),
        (b"HTTP/1.1 502 Bad\r\nContent-Length: 9\r\n\r\nhal", "asking the proxy"),
        (b"HTTP/1.1 200 OK\r\n\r\n", "TLS handshake through the proxy"),
    ],
)
async def test_sock_connect_bounds_the_way_through_the_proxy(
    serving: Any, turns: Any, answer: bytes, phase: str
) -> None:
    script = ProxyScript(answer, hang=True)
    async with through(serving, script) as (connector, proxy):
        endpoint = Endpoint("far.example", 443, True, proxy=proxy)
        with pytest.raises(ConnectionTimeoutError, match=rf"\(sock_connect\); at the end: {phase}"):
            await connector.acquire(endpoint, sock_connect=0.05, connect=5)
        await turns()
        assert connector.statistics().connecting == 0


async def test_sock_connect_does_not_bound_the_resolving(serving: Any) -> None:
    class Slow(Resolver):
        async def resolve(self, host: str, port: int = 0, family: int = 0) -> Any:
            await asyncio.sleep(0.25)
            return await super().resolve(host, port, family)

    async with serving() as server, TCPConnector(resolver=Slow("127.0.0.1")) as connector:
        connection = await connector.acquire(server.endpoint(host="name"), sock_connect=0.25)
        connection.close()


@pytest.mark.parametrize("unix", [True, False])
async def test_no_seconds_are_no_limit(serving: Any, tmp_path: Path, unix: bool) -> None:
    """As the reference has it: 0 is the same as `None`, not a time that is over at once."""
    path = str(tmp_path / "socket") if unix else None
    async with (
        serving(path=path) as server,
        UnixConnector(path) if path else TCPConnector() as connector,
    ):
        connection = await connector.acquire(server.endpoint(), connect=0, sock_connect=0)
        connection.close()


async def test_server_that_speaks_first_is_not_trusted(serving: Any) -> None:
    async def blurt(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await reader.read()

    async with serving(blurt) as server, TCPConnector() as connector:
        attempt: Any = asyncio.ensure_future(connector.acquire(server.endpoint()))
        await asyncio.wait([attempt])
        if attempt.exception() is None:  # the bytes came after the connection was leased
            transport = attempt.result().transport
            await transport.wait_closed()
            assert attempt.result().closed
        else:
            assert isinstance(attempt.exception(), ClientConnectorError)
            assert "spoke first" in str(attempt.exception())
        assert connector.acquire_nowait(server.endpoint()) is None


async def test_bytes_in_the_kernel_before_the_lease_are_no_answer(serving: Any) -> None:
    """The peer has accepted and written before asyncio makes the transport."""

    def factory(info: Any) -> Any:
        return EagerlyGreeted(info[0], info[1], info[2])

    with socket.create_server(("127.0.0.1", 0)) as listener:
        EagerlyGreeted.listener = listener
        async with TCPConnector(socket_factory=factory) as connector:
            endpoint = Endpoint("127.0.0.1", listener.getsockname()[1], False)
            with pytest.raises(ClientConnectorError, match="spoke first"):
                await connector.acquire(endpoint)
        EagerlyGreeted.peer.close()


class EagerlyGreeted(socket.socket):
    """A socket whose peer has written to it when its transport is made."""

    listener: socket.socket
    peer: socket.socket

    def setsockopt(self, *args: Any) -> None:
        """Do it, and let the peer speak: this is called once the socket is connected."""
        super().setsockopt(*args)
        if args[1] == socket.SO_KEEPALIVE:
            type(self).peer, _ = self.listener.accept()
            self.peer.sendall(b"HTTP/1.1 200 OK\r\n\r\n")


# TLS


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


async def test_expired_certificate(serving: Any, trusting: ssl.SSLContext, server_tls: Any) -> None:
    async with serving(tls=server_tls(expired=True)) as server, TCPConnector() as connector:
        endpoint = server.endpoint(is_ssl=True, host="localhost", ssl=trusting)
        with pytest.raises(ClientConnectorCertificateError, match=r"has expired.*TLS handshake"):
            await connector.acquire(endpoint)


async def test_wrong_host(
    serving: Any, trusting: ssl.SSLContext, server_tls: Any, ask: Any
) -> None:
    async with (
        serving(tls=server_tls("other.example")) as server,
        TCPConnector(ssl=trusting) as connector,
    ):
        endpoint = server.endpoint(is_ssl=True, host="localhost")
        with pytest.raises(ClientConnectorCertificateError, match="not valid for") as caught:
            await connector.acquire(endpoint)
        assert isinstance(caught.value.certificate_error, ssl.SSLCertVerificationError)
        named = server.endpoint(is_ssl=True, host="localhost", server_hostname="other.example.")
        connection = await connector.acquire(named)
        assert await ask(connection.transport) == b"ping"
        connection.close()


async def test_unknown_authority_and_no_verification(
    serving: Any, server_tls: Any, ask: Any
) -> None:
    async with serving(tls=server_tls()) as server, TCPConnector() as connector:
        with pytest.raises(ClientConnectorCertificateError, match="certificate verify failed"):
            await connector.acquire(server.endpoint(is_ssl=True, host="localhost"))
        endpoint = server.endpoint(is_ssl=True, host="localhost", ssl=False)
        connection = await connector.acquire(endpoint)
        assert await ask(connection.transport) == b"ping"
        connection.close()


async def test_fingerprint(serving: Any, server_tls: Any, authority: trustme.CA, ask: Any) -> None:
    certificate = authority.issue_cert("localhost")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.configure_cert(context)
    der = ssl.PEM_cert_to_DER_cert(certificate.cert_chain_pems[0].bytes().decode())
    async with (
        serving(tls=context) as server,
        TCPConnector(ssl=Fingerprint(sha256(der).digest())) as connector,
    ):
        endpoint = server.endpoint(is_ssl=True)
        connection = await connector.acquire(endpoint)
        assert await ask(connection.transport) == b"ping"
        connection.release()
        wrong = server.endpoint(is_ssl=True, ssl=Fingerprint(bytes(32)))
        with pytest.raises(ServerFingerprintMismatch, match=sha256(der).hexdigest()):
            await connector.acquire(wrong)


async def test_server_that_speaks_no_tls(serving: Any) -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with serving(plain) as server, TCPConnector() as connector:
        with pytest.raises(ClientConnectorSSLError, match="TLS handshake"):
            await connector.acquire(server.endpoint(is_ssl=True))


async def test_server_that_closes_during_the_handshake(serving: Any) -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)

    async with serving(hang_up) as server, TCPConnector() as connector:
        with pytest.raises(ClientConnectorError, match="TLS handshake"):
            await connector.acquire(server.endpoint(is_ssl=True))


async def test_protocol_that_nobody_asked_for_is_refused(
    serving: Any, server_tls: Any, authority: trustme.CA
) -> None:
    server_side = server_tls()
    server_side.set_alpn_protocols(["h2"])
    client_side = ssl.create_default_context()
    authority.configure_trust(client_side)
    client_side.set_alpn_protocols(["h2"])
    async with serving(tls=server_side) as server, TCPConnector(ssl=client_side) as connector:
        with pytest.raises(ClientConnectorSSLError, match="chose the protocol 'h2'"):
            await connector.acquire(server.endpoint(is_ssl=True, host="localhost"))


async def test_handshake_that_does_not_end_is_bounded_and_leaves_nothing(
    serving: Any, turns: Any
) -> None:
    async with serving(silent) as server, TCPConnector() as connector:
        with pytest.raises(ConnectionTimeoutError, match="at the end: TLS handshake"):
            await connector.acquire(server.endpoint(is_ssl=True), connect=0.05)
        await turns()
        assert connector.statistics().connecting == 0


# UNIX sockets


async def test_unix(serving: Any, tmp_path: Path, ask: Any) -> None:
    path = str(tmp_path / "s")
    async with serving(path=path) as server, UnixConnector(path) as connector:
        assert connector.path == path
        connection = await connector.acquire(server.endpoint())
        assert await ask(connection.transport) == b"ping"
        connection.release()
        assert connector.statistics().idle == 1


async def test_unix_with_tls(
    serving: Any, tmp_path: Path, trusting: ssl.SSLContext, server_tls: Any, ask: Any
) -> None:
    path = str(tmp_path / "s")
    async with serving(path=path, tls=server_tls()) as server, UnixConnector(path) as connector:
        connection = await connector.acquire(server.endpoint(is_ssl=True, ssl=trusting))
        assert await ask(connection.transport) == b"ping"
        connection.close()


async def test_unix_socket_that_is_not_there(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    async with UnixConnector(path) as connector:
        with pytest.raises(UnixClientConnectorError, match="No such file") as caught:
            await connector.acquire(Endpoint("name", 80, False))
        assert caught.value.path == path


async def test_unix_socket_with_a_full_backlog_is_waited_for(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as first:
        listener.bind(path)
        listener.listen(0)
        first.connect(path)
        async with UnixConnector(path) as connector:
            endpoint = Endpoint("name", 80, False)
            with pytest.raises(ConnectionTimeoutError, match="unix socket"):
                await connector.acquire(endpoint, sock_connect=0.05)
            waiting = asyncio.ensure_future(connector.acquire(endpoint))
            await asyncio.sleep(0)
            listener.accept()[0].close()
            (await waiting).close()


async def test_sock_connect_bounds_the_handshake_on_a_unix_socket(
    serving: Any, tmp_path: Path
) -> None:
    path = str(tmp_path / "socket")
    async with serving(silent, path=path), UnixConnector(path) as connector:
        message = r"unix socket .*socket: .*\(sock_connect\); at the end: TLS handshake"
        with pytest.raises(ConnectionTimeoutError, match=message):
            await connector.acquire(Endpoint("localhost", 443, True), sock_connect=0.05)


async def test_unix_takes_no_proxy(tmp_path: Path) -> None:
    async with UnixConnector(str(tmp_path / "s")) as connector:
        proxied = Endpoint("name", 80, False, proxy=Proxy.from_url("http://p"))
        with pytest.raises(ValueError, match="takes no proxy"):
            await connector.acquire(proxied)


# Proxies


class ProxyScript:
    """A proxy that does what the test says."""

    def __init__(
        self, answer: bytes = b"HTTP/1.1 200 OK\r\n\r\n", *, relay: bool = True, hang: bool = False
    ) -> None:
        self.answer = answer
        self.relay = relay
        self.hang = hang
        self.heads: list[bytes] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.heads.append(head)
        writer.write(self.answer)
        if self.hang:
            await reader.read()
        if not self.relay:
            return
        host, _, port = head.split()[1].decode().rpartition(":")
        there_reader, there_writer = await asyncio.open_connection(host, int(port))
        try:
            await asyncio.gather(pump(reader, there_writer), pump(there_reader, writer))
        finally:
            there_writer.transport.abort()


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
    except OSError:
        pass
    finally:
        writer.close()


@asynccontextmanager
async def through(serving: Any, script: Any, **options: Any) -> AsyncIterator[Any]:
    async with serving(script) as server:
        proxy = Proxy.from_url(f"http://user:pass@127.0.0.1:{server.port}", headers={"X-A": "1"})
        async with TCPConnector(**options) as connector:
            yield connector, proxy


async def test_tunnel(serving: Any, trusting: ssl.SSLContext, server_tls: Any, ask: Any) -> None:
    script = ProxyScript()
    async with (
        serving(tls=server_tls()) as server,
        through(serving, script, ssl=trusting) as (connector, proxy),
    ):
        endpoint = server.endpoint(is_ssl=True, proxy=proxy)
        connection = await connector.acquire(endpoint)
        assert await ask(connection.transport, b"x" * 100_000) == b"x" * 100_000
        assert None not in {connection.timings.proxy, connection.timings.tls}
        connection.release()
        again = connector.acquire_nowait(endpoint)
        assert again is not None
        assert await ask(again.transport) == b"ping"
        again.close()
        assert connector.acquire_nowait(server.endpoint(is_ssl=True)) is None
    assert script.heads[0].split(b"\r\n") == [
        f"CONNECT 127.0.0.1:{server.port} HTTP/1.1".encode(),
        f"Host: 127.0.0.1:{server.port}".encode(),
        b"X-A: 1",
        b"Proxy-Authorization: Basic dXNlcjpwYXNz",
        b"",
        b"",
    ]


async def test_plain_requests_go_to_the_proxy_without_a_tunnel(serving: Any, ask: Any) -> None:
    async with serving() as server, TCPConnector() as connector:
        proxy = Proxy.from_url(f"http://127.0.0.1:{server.port}")
        connection = await connector.acquire(Endpoint("far.example", 80, False, proxy=proxy))
        assert await ask(connection.transport, b"GET http://far.example/") == (
            b"GET http://far.example/"
        )
        connection.release()


async def test_proxy_that_refuses(serving: Any) -> None:
    answer = b"HTTP/1.1 407 Who\r\nProxy-Authenticate: Basic\r\nContent-Length: 4\r\n\r\nname"
    script = ProxyScript(answer, relay=False)
    async with through(serving, script) as (connector, proxy):
        with pytest.raises(ProxyRefused, match="answered CONNECT with 407 Who") as caught:
            await connector.acquire(Endpoint("far.example", 443, True, proxy=proxy))
        error = caught.value
        assert (error.status, error.reason, error.body) == (407, "Who", b"name")
        assert error.headers == ((b"Proxy-Authenticate", b"Basic"), (b"Content-Length", b"4"))
        assert (error.host, error.port) == ("far.example", 443)
        assert "pass" not in str(error)


async def test_refusal_whose_content_does_not_end_is_waited_for_a_second(serving: Any) -> None:
    script = ProxyScript(b"HTTP/1.1 502 Bad\r\nContent-Length: 9\r\n\r\nhal", hang=True)
    async with through(serving, script) as (connector, proxy):
        with pytest.raises(ProxyRefused) as caught:
            await connector.acquire(Endpoint("far.example", 443, True, proxy=proxy))
        assert caught.value.body == b"hal"


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"", "the connection ended|closed the connection"),
        (b"HTTP/1.1 200 OK\r\nVia:", "the connection ended|closed"),
        (b"220 smtp.example ESMTP\r\n\r\n", "smtp"),
        (b"HTTP/1.1 200 OK\r\n\r\nrubbish", "before the tunnel was used"),
    ],
)
async def test_proxy_that_does_not_answer_in_http(
    serving: Any, answer: bytes, message: str
) -> None:
    script = ProxyScript(answer, relay=False)
    async with through(serving, script) as (connector, proxy):
        with pytest.raises(ClientProxyConnectionError, match="asking the proxy http://127") as info:
            await connector.acquire(Endpoint("far.example", 443, True, proxy=proxy))
        assert not isinstance(info.value, ProxyRefused)


async def test_proxy_that_hangs_is_named_by_the_timeout(serving: Any) -> None:
    script = ProxyScript(b"HTTP/1.1 200", hang=True)
    async with through(serving, script) as (connector, proxy):
        endpoint = Endpoint("far.example", 443, True, proxy=proxy)
        with pytest.raises(ConnectionTimeoutError, match="at the end: asking the proxy"):
            await connector.acquire(endpoint, connect=0.05)


async def test_proxy_that_ends_the_tunnel_in_the_handshake(serving: Any) -> None:
    script = ProxyScript(relay=False)
    async with through(serving, script) as (connector, proxy):
        with pytest.raises(ClientConnectorError, match="TLS handshake through the proxy"):
            await connector.acquire(Endpoint("far.example", 443, True, proxy=proxy))


async def test_bad_certificate_behind_the_proxy(serving: Any, server_tls: Any) -> None:
    async with (
        serving(tls=server_tls()) as server,
        through(serving, ProxyScript()) as (connector, proxy),
    ):
        with pytest.raises(ClientConnectorCertificateError):
            await connector.acquire(server.endpoint(is_ssl=True, proxy=proxy))


async def test_proxy_that_is_not_there(closed_port: int) -> None:
    proxy = Proxy.from_url(f"http://127.0.0.1:{closed_port}")
    async with TCPConnector() as connector:
        for is_ssl in (False, True):
            with pytest.raises(ClientProxyConnectionError, match="connecting to the proxy"):
                await connector.acquire(Endpoint("far.example", 80, is_ssl, proxy=proxy))


async def test_proxy_without_an_address() -> None:
    async with TCPConnector(resolver=Resolver()) as connector:
        endpoint = Endpoint("127.0.0.1", 80, False, proxy=Proxy.from_url("http://nowhere"))
        with pytest.raises(ClientProxyConnectionError, match="resolving the proxy nowhere"):
            await connector.acquire(endpoint)


# Cancellation


@pytest.mark.parametrize("turns_before", range(12))
@pytest.mark.parametrize("kind", ["tcp", "tls", "tunnel"])
async def test_cancellation_at_any_await_leaves_nothing(  # noqa: PLR0917  # fixtures
    serving: Any,
    trusting: ssl.SSLContext,
    server_tls: Any,
    turns: Any,
    kind: Any,
    turns_before: int,
) -> None:
    async with serving(tls=server_tls() if kind != "tcp" else None) as server:
        async with through(serving, ProxyScript(), ssl=trusting, limit=1) as (connector, proxy):
            endpoint = server.endpoint(
                is_ssl=kind != "tcp", host="localhost", proxy=proxy if kind == "tunnel" else None
            )
            task = asyncio.ensure_future(connector.acquire(endpoint, connect=9.0))
            await turns(turns_before)
            task.cancel()
            try:
                (await task).close()
            except asyncio.CancelledError:
                assert task.cancelled()
            async with asyncio.timeout(5):
                connection = await connector.acquire(endpoint)  # the slot is free again
            connection.close()
        assert connector.statistics().open == connector.statistics().connecting == 0
    gc.collect()
