"""Establishing a connection: resolve, connect, ask the proxy, TLS."""

from __future__ import annotations

import asyncio
import errno
import socket
from typing import TYPE_CHECKING

from aiohappyeyeballs import addr_to_addr_infos, start_connection

from whimbrel_connector._attempt import within_limit
from whimbrel_connector._tls import (
    SHUTDOWN_TIMEOUT,
    check_session,
    context_for,
    handshake_error,
    server_name,
)
from whimbrel_connector._transport import SocketTransport, tune
from whimbrel_connector._connect_dialogue import ConnectDialogue
from whimbrel_connector.errors import (
    ClientConnectorDNSError,
    ClientConnectorError,
    ClientProxyConnectionError,
    ProxyRefused,
    UnixClientConnectorError,
)
from whimbrel_http_parser import ProtocolError

if TYPE_CHECKING:
    from collections.abc import Callable

    from whimbrel_connector._attempt import Attempt
    from whimbrel_connector._dns_cache import Lookups
    from whimbrel_connector._tls import SSLOption
    from whimbrel_connector.endpoint import Endpoint, Proxy
    from whimbrel_connector.interfaces import ResolveResult

    AddressInfo = tuple[
        int | socket.AddressFamily, int | socket.SocketKind, int, str, tuple[str, int]
    ]
    SocketFactory = Callable[[AddressInfo], socket.socket]

__all__ = ["TCPDialer", "UnixDialer"]

_REFUSAL_TIME = 1.0
"""How long the content of a proxy's refusal is waited for, in seconds."""
_TOLD_ADDRESSES = 8
"""How many addresses an error names."""
_FULL_QUEUE_PAUSE = 0.01
"""How long to wait before asking again a UNIX socket whose backlog is full, in seconds."""


def _as_os_error(exc: OSError | RuntimeError) -> OSError:
    # uvloop raises RuntimeError for some failures to connect.
    return exc if isinstance(exc, OSError) else OSError(None, str(exc))


def _address_info(address: ResolveResult) -> AddressInfo:
    return (
        address["family"],
        socket.SOCK_STREAM,
        socket.IPPROTO_TCP,
        "",
        (address["host"], address["port"]),
    )


async def _start_tls_on_socket(
    attempt: Attempt, sock: socket.socket, option: SSLOption
) -> SocketTransport:
    """Make a transport of a connected socket, with TLS."""
    endpoint = attempt.endpoint
    attempt.begin("TLS handshake")
    transport = attempt.transport = SocketTransport(attempt.timings)
    try:
        await asyncio.get_running_loop().create_connection(
            lambda: transport,
            sock=sock,
            ssl=context_for(option, endpoint.alpn),
            server_hostname=server_name(endpoint),
            ssl_shutdown_timeout=SHUTDOWN_TIMEOUT,
        )
    except OSError as exc:
        raise handshake_error(endpoint, exc, attempt.detail()) from exc
    check_session(endpoint, option, transport)
    attempt.timings.tls = attempt.elapsed()
    return transport


async def _start_tls(attempt: Attempt, transport: SocketTransport, option: SSLOption) -> None:
    """Start TLS in the tunnel that `transport` is."""
    endpoint = attempt.endpoint
    attempt.begin("TLS handshake through the proxy")
    try:
        inner = await asyncio.get_running_loop().start_tls(
            transport.inner,
            transport,
            context_for(option, endpoint.alpn),
            server_hostname=server_name(endpoint),
            ssl_shutdown_timeout=SHUTDOWN_TIMEOUT,
        )
    except OSError as exc:
        raise handshake_error(endpoint, exc, attempt.detail()) from exc
    if inner is None:
        raise ClientConnectorError(
            endpoint,
            ConnectionResetError(errno.ECONNRESET, "the connection was lost"),
            attempt.detail(),
        )
    transport.attach(inner)
    check_session(endpoint, option, transport)
    attempt.timings.tls = attempt.elapsed()


async def _plain(attempt: Attempt, sock: socket.socket) -> SocketTransport:
    """Make a transport of a connected socket."""
    transport = attempt.transport = SocketTransport(attempt.timings)
    try:
        await asyncio.get_running_loop().create_connection(lambda: transport, sock=sock)
    except OSError as exc:
        raise ClientConnectorError(attempt.endpoint, exc, attempt.detail()) from exc
    return transport


class _Caller:
    """The receiver that carries out a `ConnectDialogue`."""

    def __init__(self, dialogue: ConnectDialogue) -> None:
        self._dialogue = dialogue
        loop = asyncio.get_running_loop()
        #: Done when the answer's head is here.
        self.head: asyncio.Future[None] = loop.create_future()
        #: Done when the dialogue is over.
        self.end: asyncio.Future[None] = loop.create_future()

    def data_received(self, data: bytes) -> None:
        """Take bytes from the proxy."""
        if self.end.done():
            self._settle(ProtocolError("the proxy sent data before the tunnel was used"))
            return
        try:
            self._dialogue.receive_data(data)
        except ProtocolError as exc:
            self._settle(exc)
        else:
            self._settle(None)

    def eof_received(self) -> None:
        """Learn that the proxy will send no more."""
        try:
            self._dialogue.receive_eof()
        except ProtocolError as exc:
            self._settle(exc)
        else:
            self._settle(None)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Learn that the connection is gone."""
        if not self.head.done():
            lost = ConnectionResetError(errno.ECONNRESET, "the proxy closed the connection")
            lost.__cause__ = exc
            self.head.set_exception(lost)
        if not self.end.done():
            self.end.set_result(None)

    def _settle(self, exc: ProtocolError | None) -> None:
        if exc is not None or self._dialogue.response is not None:
            if not self.head.done():
                if exc is not None:
                    self.head.set_exception(exc)
                else:
                    self.head.set_result(None)
            if (exc is not None or self._dialogue.finished) and not self.end.done():
                self.end.set_result(None)


async def _open_tunnel(attempt: Attempt, transport: SocketTransport, proxy: Proxy) -> None:
    """Ask the proxy for a tunnel to the endpoint."""
    endpoint = attempt.endpoint
    attempt.begin(f"asking the proxy {proxy.url} for a tunnel")
    try:
        dialogue = ConnectDialogue(endpoint.host, endpoint.port, proxy)
        caller = _Caller(dialogue)
        transport.set_receiver(caller)
        transport.write(dialogue.opening)
        await caller.head
    except (OSError, ProtocolError) as exc:
        cause = exc if isinstance(exc, OSError) else OSError(errno.EPROTO, str(exc))
        raise ClientProxyConnectionError(endpoint, cause, attempt.detail()) from exc
    if dialogue.accepted:
        transport.rest()
        attempt.timings.proxy = attempt.elapsed()
        return
    response = dialogue.response
    assert response is not None  # the head is here
    await asyncio.wait([caller.end], timeout=_REFUSAL_TIME)
    raise ProxyRefused(
        endpoint,
        response.status,
        response.reason,
        response.raw_headers,
        bytes(dialogue.body),
        attempt.detail(),
    )


class TCPDialer:
    """Establishes connections over TCP, directly or through an HTTP proxy.

    Args:
        lookups: turns names into addresses.
        option: the `ssl` option for endpoints that leave it to the connector.
        local_addr: the (host, port) to bind sockets to.
        happy_eyeballs_delay: how long to wait for an address before the next one is tried
            beside it, in seconds (RFC 8305, section 5); `None` to try one after the other.
        interleave: the First Address Family Count (RFC 8305, section 4).
        socket_factory: makes the sockets.
    """

    def __init__(
        self,
        lookups: Lookups,
        option: SSLOption,
        *,
        local_addr: tuple[str, int] | None,
        happy_eyeballs_delay: float | None,
        interleave: int | None,
        socket_factory: SocketFactory | None,
    ) -> None:
        self._lookups = lookups
        self._option = option
        self._local = addr_to_addr_infos(local_addr)
        self._delay = happy_eyeballs_delay
        self._interleave = interleave
        self._socket_factory = socket_factory

    async def dial(self, attempt: Attempt) -> SocketTransport:
        """Establish a connection.

        Raises:
            ClientConnectionError: it could not be done.
        """
        endpoint = attempt.endpoint
        addresses = await self._resolve(attempt)
        whom = f"host {endpoint.host}:{endpoint.port}"
        return await within_limit(attempt, whom, self._set_up(attempt, addresses))

    async def _set_up(self, attempt: Attempt, addresses: list[ResolveResult]) -> SocketTransport:
        endpoint = attempt.endpoint
        proxy = endpoint.proxy
        option = self._option if endpoint.ssl is True else endpoint.ssl
        sock = attempt.sock = await self._connect(attempt, addresses)
        tune(sock)
        if proxy is None:
            if endpoint.is_ssl:
                return await _start_tls_on_socket(attempt, sock, option)
            return await _plain(attempt, sock)
        transport = await _plain(attempt, sock)
        if endpoint.tunnelled:
            await _open_tunnel(attempt, transport, proxy)
            if endpoint.is_ssl:
                await _start_tls(attempt, transport, option)
        return transport

    async def _resolve(self, attempt: Attempt) -> list[ResolveResult]:
        endpoint = attempt.endpoint
        proxy = endpoint.proxy
        where: Endpoint | Proxy = endpoint if proxy is None else proxy
        attempt.begin(f"resolving {where.host}")
        try:
            addresses = await self._lookups.resolve(where.host, where.port)
        except (OSError, UnicodeError) as exc:
            # getaddrinfo raises UnicodeError for a label that is empty or too long.
            error = exc if isinstance(exc, OSError) else OSError(None, str(exc))
            kind = ClientConnectorDNSError if proxy is None else ClientProxyConnectionError
            raise kind(endpoint, error, attempt.detail()) from exc
        attempt.timings.dns = attempt.elapsed()
        return addresses

    async def _connect(self, attempt: Attempt, addresses: list[ResolveResult]) -> socket.socket:
        endpoint = attempt.endpoint
        proxy = endpoint.proxy
        told = ", ".join(address["host"] for address in addresses[:_TOLD_ADDRESSES])
        if len(addresses) > _TOLD_ADDRESSES:
            told += f" and {len(addresses) - _TOLD_ADDRESSES} more"
        whom = told if proxy is None else f"the proxy {proxy.url} at {told}"
        attempt.begin(f"connecting to {whom}")
        try:
            sock = await start_connection(
                [_address_info(address) for address in addresses],
                local_addr_infos=self._local,
                happy_eyeballs_delay=self._delay,
                interleave=self._interleave,
                socket_factory=self._socket_factory,
            )
        except (OSError, RuntimeError) as exc:
            kind = ClientConnectorError if proxy is None else ClientProxyConnectionError
            raise kind(endpoint, _as_os_error(exc), attempt.detail()) from exc
        attempt.timings.connect = attempt.elapsed()
        return sock


class UnixDialer:
    """Establishes connections to one UNIX socket.

    Args:
        path: where the socket is.
    """

    def __init__(self, path: str) -> None:
        self._path = path

    async def dial(self, attempt: Attempt) -> SocketTransport:
        """Establish a connection.

        Raises:
            ClientConnectionError: it could not be done.
        """
        return await within_limit(attempt, f"unix socket {self._path}", self._set_up(attempt))

    async def _set_up(self, attempt: Attempt) -> SocketTransport:
        endpoint = attempt.endpoint
        attempt.begin("connecting")
        sock = attempt.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            await self._connect(sock)
        except BaseException as exc:
            sock.close()
            if isinstance(exc, OSError):
                raise UnixClientConnectorError(self._path, endpoint, exc, attempt.detail()) from exc
            raise
        attempt.timings.connect = attempt.elapsed()
        if endpoint.is_ssl:
            return await _start_tls_on_socket(attempt, sock, endpoint.ssl)
        return await _plain(attempt, sock)

    async def _connect(self, sock: socket.socket) -> None:
        """Connect, waiting for room in the server's backlog.

        connect(2) of a non-blocking UNIX socket answers EAGAIN when the backlog is full, and
        there is nothing that would tell when it no longer is.
        """
        while True:
            try:
                sock.connect(self._path)
            except BlockingIOError:
                await asyncio.sleep(_FULL_QUEUE_PAUSE)
            else:
                return
