"""The ways over TCP, whole: real peers on the loopback interface, and all that can go wrong."""

from __future__ import annotations

import asyncio
import errno
import gc
import pickle
import re
import socket
import ssl
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

import pytest

from whimbrel_connector import (
    AddressRefused,
    ClientConnectorDNSError,
    ClientConnectorError,
    ClientProxyConnectionError,
    ConnectionStage,
    ConnectionTimeoutError,
    Endpoint,
    Proxy,
    TCPConnector,
)
from whimbrel_connector.testing import RecordingTrace, ScriptedResolver

Stage = ConnectionStage
CONNECT_OK = (b"\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n")
SOCKS5_OK = ((3, b"\5\0"), (10, b"\5\0\0\1\0\0\0\0\0\0"))
SOCKS4_OK = ((9, b"\0\x5a\0\0\0\0\0\0"),)


def found(*addresses: str) -> ScriptedResolver:
    """A resolver that knows one name."""
    return ScriptedResolver({"name": addresses})


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
    async with TCPConnector(resolver=found("::1", "127.0.0.1")) as connector:
        with pytest.raises(ClientConnectorError, match=r"to ::1, 127\.0\.0\.1") as caught:
            await connector.acquire(Endpoint("name", closed_port, False))
        error = caught.value
        assert "[::1: Connection refused; 127.0.0.1: Connection refused]" in str(error)
        assert error.errno == errno.ECONNREFUSED
        assert isinstance(error.os_error, ConnectionRefusedError)
        assert isinstance(error.os_error.__cause__, ExceptionGroup)
        again = pickle.loads(pickle.dumps(error))
        assert (str(again), again.errno) == (str(error), error.errno)


async def test_dead_first_address_is_overcome(serving: Any, ask: Any) -> None:
    """::1 refuses here, and the second address is used."""
    async with (
        serving() as server,
        TCPConnector(resolver=found("::1", "127.0.0.1")) as connector,
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
    resolver = found("127.0.0.1", "::1")
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
    resolver = ScriptedResolver({"name": OSError(None, "the name servers are on strike")})
    async with TCPConnector(resolver=resolver) as connector:
        with pytest.raises(ClientConnectorDNSError, match=r"on strike.*resolving name, after"):
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


async def test_sock_connect_does_not_bound_the_resolving(serving: Any) -> None:
    resolver = found("127.0.0.1")
    resolver.hold()
    async with serving() as server, TCPConnector(resolver=resolver) as connector:
        acquiring = asyncio.ensure_future(
            connector.acquire(server.endpoint(host="name"), sock_connect=0.2)
        )
        done, _ = await asyncio.wait([acquiring], timeout=0.25)
        assert not done
        resolver.release()
        (await acquiring).close()


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


async def test_what_failed_already_is_told_when_time_is_over(
    full_backlog: tuple[str, int],
) -> None:
    async with TCPConnector(resolver=found("::1", "127.0.0.1")) as connector:
        message = "at the end: connecting to ::1, 127.0.0.1 (::1: Connection refused)"
        with pytest.raises(ConnectionTimeoutError, match=re.escape(message)):
            await connector.acquire(Endpoint("name", full_backlog[1], False), sock_connect=0.05)


async def test_many_addresses_do_not_make_a_long_error(closed_port: int) -> None:
    addresses = [f"127.0.0.{number}" for number in range(1, 101)]
    async with TCPConnector(resolver=found(*addresses)) as connector:
        with pytest.raises(ClientConnectorError, match="and 92 more") as caught:
            await connector.acquire(Endpoint("name", closed_port, False))
        assert len(str(caught.value)) < 800


# The address filter


class Filter:
    """Refuses some addresses, and keeps what it was asked."""

    def __init__(self, *refused: str) -> None:
        self.refused = {ip_address(address) for address in refused}
        self.asked: list[tuple[str, str]] = []

    def __call__(self, address: Any, host: str) -> bool:
        self.asked.append((str(address), host))
        return address not in self.refused


async def test_filter_is_asked_on_every_connect(serving: Any) -> None:
    """Of a literal, of what the resolver answers and of what the cache remembers."""
    address_filter = Filter()
    async with (
        serving() as server,
        TCPConnector(resolver=found("127.0.0.1"), address_filter=address_filter) as connector,
    ):
        for host in ("127.0.0.1", "name", "name"):
            (await connector.acquire(server.endpoint(host=host))).close()
    assert address_filter.asked == [
        ("127.0.0.1", "127.0.0.1"),
        ("127.0.0.1", "name"),
        ("127.0.0.1", "name"),
    ]


async def test_only_what_the_filter_allows_is_connected_to(serving: Any) -> None:
    async with (
        serving() as server,
        TCPConnector(
            resolver=found("127.0.0.1", "127.0.0.2"), address_filter=Filter("127.0.0.1")
        ) as connector,
    ):
        with pytest.raises(ClientConnectorError) as caught:  # nothing listens on 127.0.0.2
            await connector.acquire(server.endpoint(host="name"))
        assert type(caught.value) is ClientConnectorError
        assert "[127.0.0.2: Connection refused]" in str(caught.value)
        assert not server.writers


@pytest.mark.parametrize("host", ["127.0.0.1", "name"])
async def test_nothing_is_connected_to_that_the_filter_refuses(serving: Any, host: str) -> None:
    resolver = found("127.0.0.1", "::ffff:127.0.0.1", "::1")
    async with (
        serving() as server,
        TCPConnector(resolver=resolver, address_filter=Filter("127.0.0.1", "::1")) as connector,
    ):
        with pytest.raises(AddressRefused, match=rf"\(resolving {host}, after") as caught:
            await connector.acquire(server.endpoint(host=host))
        assert caught.value.addresses[0] == "127.0.0.1"
        assert len(caught.value.addresses) == (3 if host == "name" else 1)
        assert not server.writers
        assert connector.statistics().open == 0


async def test_what_the_filter_raises_is_raised() -> None:
    def broken(address: Any, host: str) -> bool:
        raise LookupError(host)

    async with TCPConnector(address_filter=broken) as connector:
        with pytest.raises(LookupError, match=r"127\.0\.0\.1"):
            await connector.acquire(Endpoint("127.0.0.1", 80, False))


@pytest.mark.parametrize("scheme", ["http", "https", "socks4", "socks4a", "socks5", "socks5h"])
async def test_proxy_whose_address_the_filter_refuses(serving: Any, scheme: str) -> None:
    resolver = ScriptedResolver({"proxy": ["127.0.0.1"], "name": ["127.0.0.2"]})
    async with (
        serving() as server,
        TCPConnector(resolver=resolver, address_filter=Filter("127.0.0.1")) as connector,
    ):
        proxy = Proxy.from_url(f"{scheme}://proxy:{server.port}")
        with pytest.raises(AddressRefused, match=r"\(resolving the proxy proxy, after") as caught:
            await connector.acquire(Endpoint("name", 80, False, proxy=proxy))
        assert caught.value.addresses == ("127.0.0.1",)
        assert not server.writers


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("10.0.0.1.", "10.0.0.1"),
        ("[10.0.0.1]", "10.0.0.1"),
        ("10.1", "10.0.0.1"),
        ("012.0.0.1", "10.0.0.1"),
        ("0xA.1", "10.0.0.1"),
        ("167772161", "10.0.0.1"),
        ("::ffff:10.0.0.1", "::ffff:a00:1"),
        ("0:0::ffff:a00:1", "::ffff:a00:1"),
        ("[::ffff:a00:1]", "::ffff:a00:1"),
        ("fe80::1%lo", "fe80::1%lo"),
    ],
)
@pytest.mark.parametrize("scheme", ["http", "https", "socks4a", "socks5", "socks5h"])
async def test_literal_that_the_filter_refuses_is_not_asked_of_a_proxy(
    serving: Any, scheme: str, host: str, address: str
) -> None:
    """In none of the forms that a proxy, or we for SOCKS5, would take for it."""
    refusing = Filter("10.0.0.1", "fe80::1%lo")
    resolver = ScriptedResolver({host: [address]})
    async with (
        serving() as server,
        TCPConnector(resolver=resolver, address_filter=refusing) as connector,
    ):
        proxy = Proxy.from_url(f"{scheme}://127.0.0.1:{server.port}")
        with pytest.raises(AddressRefused) as caught:
            await connector.acquire(Endpoint(host, 80, False, proxy=proxy))
        (refused,) = caught.value.addresses
        assert ip_address(refused) == ip_address(address)
        assert not server.writers


@pytest.mark.parametrize(
    "host",
    ["far.example", "a.b", "1.2.3.4.5", "256.1", "08.1", "1.example", "b\xfccher", "x\0"],
)
async def test_names_that_a_proxy_looks_up_are_not_asked_about(
    serving: Any, proxy_script: Any, host: str
) -> None:
    address_filter = Filter()
    script = proxy_script((b"\r\n\r\n", b"HTTP/1.1 502 No\r\nContent-Length: 0\r\n\r\n"))
    async with (
        serving(script) as server,
        TCPConnector(address_filter=address_filter) as connector,
    ):
        proxy = Proxy.from_url(f"http://127.0.0.1:{server.port}")
        with pytest.raises(ClientProxyConnectionError):
            await connector.acquire(Endpoint(host, 443, True, proxy=proxy))
    assert address_filter.asked == [("127.0.0.1", "127.0.0.1")]


@pytest.mark.parametrize("scheme", ["socks4", "socks5"])
async def test_name_that_leads_where_the_filter_refuses_is_not_asked_of_socks(
    serving: Any, scheme: str
) -> None:
    async with (
        serving() as server,
        TCPConnector(resolver=found("10.0.0.1"), address_filter=Filter("10.0.0.1")) as connector,
    ):
        proxy = Proxy.from_url(f"{scheme}://127.0.0.1:{server.port}")
        with pytest.raises(AddressRefused, match=r"\(resolving name, after"):
            await connector.acquire(Endpoint("name", 80, False, proxy=proxy))
        assert not server.writers


# What proxies are asked for


SUCCESS5 = b"\5\0\0\1\0\0\0\0\0\0"
SUCCESS4 = b"\0\x5a\0\0\0\0\0\0"


@pytest.mark.parametrize(
    ("scheme", "host", "turns", "asked"),
    [
        ("socks5", "name", [(3, b"\5\0"), (10, SUCCESS5)], b"\5\1\0\1\x7f\0\0\2"),
        ("socks5", "::1", [(3, b"\5\0"), (22, SUCCESS5)], b"\5\1\0\4" + bytes(15) + b"\1"),
        ("socks5h", "name", [(3, b"\5\0"), (11, SUCCESS5)], b"\5\1\0\3\4name"),
        ("socks5h", "127.0.0.2", [(3, b"\5\0"), (10, SUCCESS5)], b"\5\1\0\1\x7f\0\0\2"),
    ],
)
async def test_destination_of_socks5(  # noqa: PLR0917  # fixtures
    serving: Any, proxy_script: Any, scheme: str, host: str, turns: Any, asked: bytes
) -> None:
    script = proxy_script(*turns, hang=True)
    async with (
        serving(script) as server,
        TCPConnector(resolver=found("127.0.0.2", "127.0.0.3")) as connector,
    ):
        proxy = Proxy.from_url(f"{scheme}://127.0.0.1:{server.port}")
        connection = await connector.acquire(Endpoint(host, 258, False, proxy=proxy))
        connection.close()
    assert script.heard == [b"\5\1\0", asked + b"\1\2"]


@pytest.mark.parametrize(
    ("scheme", "host", "length", "asked"),
    [
        ("socks4", "name", 9, b"\4\1\1\2\x7f\0\0\2\0"),
        ("socks4", "127.0.0.4", 9, b"\4\1\1\2\x7f\0\0\4\0"),
        ("socks4a", "name", 14, b"\4\1\1\2\0\0\0\1\0name\0"),
        ("socks4a", "127.0.0.4", 9, b"\4\1\1\2\x7f\0\0\4\0"),
    ],
)
async def test_destination_of_socks4(  # noqa: PLR0917  # fixtures
    serving: Any, proxy_script: Any, scheme: str, host: str, length: int, asked: bytes
) -> None:
    """Which has IPv4 only: the first such address is asked for."""
    script = proxy_script((length, SUCCESS4), hang=True)
    async with (
        serving(script) as server,
        TCPConnector(resolver=found("::1", "127.0.0.2", "127.0.0.3")) as connector,
    ):
        proxy = Proxy.from_url(f"{scheme}://127.0.0.1:{server.port}")
        connection = await connector.acquire(Endpoint(host, 258, False, proxy=proxy))
        connection.close()
    assert script.heard == [asked]


async def test_socks4_and_a_host_without_an_ipv4_address(serving: Any) -> None:
    async with serving() as server, TCPConnector(resolver=found("::1")) as connector:
        proxy = Proxy.from_url(f"socks4://127.0.0.1:{server.port}")
        for host in ("name", "::1"):
            message = f"{host} has no IPv4 address, and SOCKS4 has no other"
            with pytest.raises(ClientConnectorError, match=message) as caught:
                await connector.acquire(Endpoint(host, 80, False, proxy=proxy))
            assert caught.value.errno == errno.EAFNOSUPPORT
        assert not server.writers


@pytest.mark.parametrize("scheme", ["socks4", "socks5"])
async def test_name_that_socks_wants_the_address_of_does_not_exist(scheme: str) -> None:
    proxy = Proxy.from_url(f"{scheme}://127.0.0.1:1")
    async with TCPConnector(resolver=found("127.0.0.1")) as connector:
        with pytest.raises(ClientConnectorDNSError, match="resolving other"):
            await connector.acquire(Endpoint("other", 80, False, proxy=proxy))


async def test_proxy_that_is_not_there(closed_port: int) -> None:
    async with TCPConnector() as connector:
        for scheme in ("http", "https", "socks5", "socks5h"):
            proxy = Proxy.from_url(f"{scheme}://user:secret@127.0.0.1:{closed_port}")
            for is_ssl in (False, True):
                message = rf"connecting to the proxy {scheme}://127\.0\.0\.1:{closed_port} at 127"
                with pytest.raises(ClientProxyConnectionError, match=message) as caught:
                    await connector.acquire(Endpoint("127.0.0.9", 80, is_ssl, proxy=proxy))
                assert caught.value.errno == errno.ECONNREFUSED
                assert "secret" not in str(caught.value)


async def test_proxy_without_an_address() -> None:
    async with TCPConnector(resolver=found("127.0.0.1")) as connector:
        endpoint = Endpoint("127.0.0.1", 80, False, proxy=Proxy.from_url("http://nowhere"))
        with pytest.raises(ClientProxyConnectionError, match="resolving the proxy nowhere"):
            await connector.acquire(endpoint)


# Events


async def stages(connector: TCPConnector, endpoint: Endpoint) -> list[Any]:
    """What is told of a new connection, with the host or address where there is one."""
    trace = RecordingTrace()
    (await connector.acquire(endpoint, trace=trace)).close()
    assert trace.stages[0] is Stage.CREATE_START
    assert trace.stages[-1] is Stage.CREATE_END
    return [
        (event.stage, event.host or event.address) if event.host or event.address else event.stage
        for event in trace.events[1:-1]
    ]


CONNECT = [Stage.CONNECT_START, (Stage.CONNECT_END, "127.0.0.1")]


async def test_events_of_names(serving: Any) -> None:
    async with serving() as server:
        async with TCPConnector(resolver=found("127.0.0.1")) as connector:
            assert await stages(connector, server.endpoint()) == CONNECT
            looked_up = [(Stage.DNS_CACHE_MISS, "name"), (Stage.DNS_START, "name")]
            looked_up += [(Stage.DNS_END, "name")]
            name = server.endpoint(host="name")
            assert await stages(connector, name) == [*looked_up, *CONNECT]
            assert await stages(connector, name) == [(Stage.DNS_CACHE_HIT, "name"), *CONNECT]
        async with TCPConnector(resolver=found("127.0.0.1"), use_dns_cache=False) as connector:
            for _ in range(2):
                assert await stages(connector, name) == [*looked_up, *CONNECT]


TLS = [Stage.TLS_START, Stage.TLS_END]
PROXY_TLS = [Stage.PROXY_TLS_START, Stage.PROXY_TLS_END]
TUNNEL = [Stage.PROXY_START, Stage.PROXY_END]
WAYS = {
    ("http", False): [],
    ("http", True): [*TUNNEL, *TLS],
    ("https", False): PROXY_TLS,
    ("https", True): [*PROXY_TLS, *TUNNEL, *TLS],
    ("socks4", False): TUNNEL,
    ("socks4", True): [*TUNNEL, *TLS],
    ("socks5", False): TUNNEL,
    ("socks5", True): [*TUNNEL, *TLS],
    (None, False): [],
    (None, True): TLS,
}


class Way:
    """A way that a test goes: its proxy, and the endpoint behind it."""

    def __init__(self, serving: Any, proxy_script: Any, server_tls: Any, trusting: Any) -> None:
        self._serving, self._script = serving, proxy_script
        self._server_tls, self._trusting = server_tls, trusting

    async def go(
        self, scheme: str | None, is_ssl: bool, do: Callable[[TCPConnector, Endpoint], Any]
    ) -> Any:
        """Set everything up and call `do`; the connector has room for one connection."""
        async with self._serving(tls=self._server_tls() if is_ssl else None) as server:
            script = self._script(*self._turns(scheme, is_ssl), to=server.port)
            tls = self._server_tls() if scheme == "https" else None
            async with self._serving(script, tls=tls) as there:
                proxy = None
                if scheme is not None:
                    url = f"{scheme}://127.0.0.1:{there.port}"
                    proxy = Proxy.from_url(url, ssl=self._trusting)
                async with TCPConnector(ssl=self._trusting, limit=1) as connector:
                    endpoint = server.endpoint(is_ssl=is_ssl, proxy=proxy)
                    result = await do(connector, endpoint)
                assert connector.statistics().open == connector.statistics().connecting == 0
                return result

    @staticmethod
    def _turns(scheme: str | None, is_ssl: bool) -> Any:
        if scheme in {"http", "https"}:
            return [CONNECT_OK] if is_ssl else []
        return SOCKS4_OK if scheme == "socks4" else SOCKS5_OK


@pytest.fixture
def way(serving: Any, proxy_script: Any, server_tls: Any, trusting: ssl.SSLContext) -> Way:
    return Way(serving, proxy_script, server_tls, trusting)


@pytest.mark.parametrize(("scheme", "is_ssl"), WAYS)
async def test_events_and_timings_of_each_way(
    way: Way, ask: Any, scheme: str | None, is_ssl: bool
) -> None:
    async def do(connector: TCPConnector, endpoint: Endpoint) -> Any:
        told = await stages(connector, endpoint)
        connection = await connector.acquire(endpoint)
        assert await ask(connection.transport, b"x" * 100_000) == b"x" * 100_000
        connection.release()
        again = connector.acquire_nowait(endpoint)
        assert again is not None
        assert await ask(again.transport) == b"ping"
        again.close()
        return told, again.timings

    told, timings = await way.go(scheme, is_ssl, do)
    way_there = WAYS[scheme, is_ssl]
    assert told == [*CONNECT, *way_there]
    assert timings.dns is not None
    assert timings.connect is not None
    assert (timings.proxy_tls is not None) is (Stage.PROXY_TLS_END in way_there)
    assert (timings.proxy is not None) is (Stage.PROXY_END in way_there)
    assert (timings.tls is not None) is (Stage.TLS_END in way_there)


@pytest.mark.parametrize("exception", [OSError, TimeoutError, asyncio.CancelledError])
async def test_exception_of_a_trace_is_raised_and_leaves_nothing(
    way: Way, exception: type[BaseException]
) -> None:
    async def do(connector: TCPConnector, endpoint: Endpoint) -> Any:
        for stage in [Stage.CONNECT_START, Stage.CONNECT_END, *WAYS["https", True]]:
            with pytest.raises(exception) as caught:
                await connector.acquire(endpoint, trace=RecordingTrace({stage: exception("mine")}))
            assert type(caught.value) is exception
            async with asyncio.timeout(5):
                (await connector.acquire(endpoint)).close()  # there is room for it

    await way.go("https", True, do)


# Cancellation


@pytest.mark.parametrize(("scheme", "is_ssl"), WAYS)
async def test_cancellation_at_any_await_leaves_nothing(
    way: Way, turns: Any, scheme: str | None, is_ssl: bool
) -> None:
    async def do(connector: TCPConnector, endpoint: Endpoint) -> Any:
        cancelled = 0
        for turns_before in range(200):
            task = asyncio.ensure_future(connector.acquire(endpoint, connect=9.0))
            await turns(turns_before)
            done = task.done()
            task.cancel()
            try:
                (await task).close()
            except asyncio.CancelledError:
                assert task.cancelled()
                cancelled += 1
            async with asyncio.timeout(5):
                connection = await connector.acquire(endpoint)  # the slot is free again
            connection.close()
            if done:
                break
        assert done, "it takes more turns of the loop than this"
        return cancelled

    assert await way.go(scheme, is_ssl, do) > 3
    gc.collect()
