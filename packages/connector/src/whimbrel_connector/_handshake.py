"""TLS on the way to a connection: with the server, with the proxy, and one in the other."""

from __future__ import annotations

import asyncio
import errno
from typing import TYPE_CHECKING, Any

from whimbrel_connector._tls import (
    HANDSHAKE_FAULTS,
    SHUTDOWN_TIMEOUT,
    check_proxy_session,
    check_session,
    context_for,
    handshake_error,
    proxy_context,
    proxy_handshake_error,
    server_name,
)
from whimbrel_connector._transport import SocketTransport
from whimbrel_connector.tracing import ConnectionStage

if TYPE_CHECKING:
    import socket

    from whimbrel_connector._attempt import Attempt
    from whimbrel_connector._tls import SSLOption
    from whimbrel_connector.endpoint import Proxy

__all__ = ["Handshakes", "plain"]


async def plain(attempt: Attempt, sock: socket.socket) -> SocketTransport:
    """Make a transport of a connected socket, without TLS.

    Raises:
        ClientConnectorError: the connection is lost already.
    """
    try:
        return await _transport_on(attempt, sock)
    except OSError as exc:
        raise attempt.failure(exc) from exc


async def _transport_on(attempt: Attempt, sock: socket.socket, **tls: Any) -> SocketTransport:
    transport = attempt.transport = SocketTransport(attempt.timings)
    await asyncio.get_running_loop().create_connection(lambda: transport, sock=sock, **tls)
    return transport


class Handshakes:
    """Sets TLS up as one connector wants it.

    Args:
        option: the `ssl` option for endpoints that leave it to the connector.
        shutdown_timeout: how long a peer may take to answer when TLS is ended, in seconds.
    """

    def __init__(self, option: SSLOption, shutdown_timeout: float) -> None:
        self._option = option
        self._shutdown_timeout = max(shutdown_timeout, SHUTDOWN_TIMEOUT)

    async def with_proxy(
        self, attempt: Attempt, sock: socket.socket, proxy: Proxy
    ) -> SocketTransport:
        """Make a transport of a socket that is connected to an HTTPS proxy.

        Raises:
            ClientProxyConnectionError: the handshake failed, or the proxy is not to be trusted.
        """
        await attempt.tell(ConnectionStage.PROXY_TLS_START)
        attempt.begin(f"TLS handshake with the proxy {proxy.url}")
        try:
            transport = await _transport_on(
                attempt,
                sock,
                ssl=proxy_context(proxy),
                server_hostname=server_name(proxy),
                ssl_shutdown_timeout=self._shutdown_timeout,
            )
        except HANDSHAKE_FAULTS as exc:
            raise proxy_handshake_error(attempt.endpoint, proxy, exc, attempt.detail()) from exc
        check_proxy_session(attempt.endpoint, proxy, transport, attempt.detail())
        attempt.timings.proxy_tls = attempt.elapsed()
        await attempt.tell(ConnectionStage.PROXY_TLS_END)
        return transport

    async def with_server(self, attempt: Attempt, sock: socket.socket) -> SocketTransport:
        """Make a transport of a socket that is connected to the server.

        Raises:
            ClientConnectorError: the handshake failed, or the server is not to be trusted.
            ServerFingerprintMismatch: its certificate is not the pinned one.
        """
        endpoint = attempt.endpoint
        option = self._option_for(attempt)
        await attempt.tell(ConnectionStage.TLS_START)
        attempt.begin("TLS handshake")
        try:
            transport = await _transport_on(
                attempt,
                sock,
                ssl=context_for(option, endpoint.alpn),
                server_hostname=server_name(endpoint),
                ssl_shutdown_timeout=self._shutdown_timeout,
            )
        except HANDSHAKE_FAULTS as exc:
            raise handshake_error(endpoint, exc, attempt.detail()) from exc
        await self._conclude(attempt, transport, option)
        return transport

    async def with_server_inside(self, attempt: Attempt, transport: SocketTransport) -> None:
        """Start TLS with the server inside of what `transport` is, a tunnel for example.

        Raises:
            ClientConnectorError: the handshake failed, or the server is not to be trusted.
            ServerFingerprintMismatch: its certificate is not the pinned one.
        """
        endpoint = attempt.endpoint
        proxy = endpoint.proxy
        option = self._option_for(attempt)
        await attempt.tell(ConnectionStage.TLS_START)
        attempt.begin("TLS handshake" + (f" through the proxy {proxy.url}" if proxy else ""))
        try:
            if transport.is_closing():  # asyncio would not notice until the handshake is overdue
                raise ConnectionResetError(errno.ECONNRESET, "the connection was lost")
            inner = await asyncio.get_running_loop().start_tls(
                transport.inner,
                transport,
                context_for(option, endpoint.alpn),
                server_hostname=server_name(endpoint),
                ssl_shutdown_timeout=self._shutdown_timeout,
            )
            if inner is None:
                raise ConnectionResetError(errno.ECONNRESET, "the connection was lost")
        except HANDSHAKE_FAULTS as exc:
            raise handshake_error(endpoint, exc, attempt.detail()) from exc
        transport.attach(inner)
        await self._conclude(attempt, transport, option)

    def _option_for(self, attempt: Attempt) -> SSLOption:
        option = attempt.endpoint.ssl
        return self._option if option is True else option

    async def _conclude(
        self, attempt: Attempt, transport: SocketTransport, option: SSLOption
    ) -> None:
        check_session(attempt.endpoint, option, transport, attempt.detail())
        attempt.timings.tls = attempt.elapsed()
        await attempt.tell(ConnectionStage.TLS_END)
