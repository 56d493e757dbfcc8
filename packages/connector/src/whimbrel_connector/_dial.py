"""The way to a server over TCP: resolve, filter, connect, TLS with the proxy, tunnel, TLS."""

from __future__ import annotations

import errno
import socket
from contextlib import suppress
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

from whimbrel_connector._attempt import within_limit
from whimbrel_connector._dns_cache import literal
from whimbrel_connector._handshake import Handshakes, plain
from whimbrel_connector._happy_eyeballs import Racer
from whimbrel_connector._proxying import open_tunnel
from whimbrel_connector._transport import tune
from whimbrel_connector._wording import some_of
from whimbrel_connector.address_filters import allowed
from whimbrel_connector.errors import (
    AddressRefused,
    ClientConnectorDNSError,
    ClientConnectorError,
    ClientProxyConnectionError,
)
from whimbrel_connector.interfaces import ResolveResult
from whimbrel_connector.tracing import ConnectionStage

if TYPE_CHECKING:
    from whimbrel_connector._attempt import Attempt
    from whimbrel_connector._dns_cache import Lookups
    from whimbrel_connector._happy_eyeballs import SocketFactory
    from whimbrel_connector._tls import SSLOption
    from whimbrel_connector._transport import SocketTransport
    from whimbrel_connector.endpoint import Endpoint, Proxy
    from whimbrel_connector.interfaces import AddressFilter

__all__ = ["TCPDialer"]

_TAKING_ADDRESSES: Final = frozenset({"socks4", "socks5"})
"""The schemes of proxies that are told an address, which is looked up here."""


class TCPDialer:
    """Establishes connections over TCP, directly or through a proxy.

    Args:
        lookups: turns names into addresses.
        option: the `ssl` option for endpoints that leave it to the connector.
        local_addr: the (host, port) to bind sockets to.
        happy_eyeballs_delay: how long to wait for an address before the next one is tried
            beside it, in seconds (RFC 8305, section 5); `None` to try one after the other.
        interleave: the First Address Family Count (RFC 8305, section 4).
        socket_factory: makes the sockets.
        address_filter: decides which addresses may be connected to.
        ssl_shutdown_timeout: how long a peer may take to answer when TLS is ended, in seconds.
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
        address_filter: AddressFilter | None = None,
        ssl_shutdown_timeout: float = 0.0,
    ) -> None:
        self._lookups = lookups
        self._racer = Racer(
            local_addr=local_addr,
            delay=happy_eyeballs_delay,
            interleave=interleave,
            socket_factory=socket_factory,
        )
        self._filter = address_filter
        self._handshakes = Handshakes(option, ssl_shutdown_timeout)

    async def dial(self, attempt: Attempt) -> SocketTransport:
        """Establish a connection.

        Raises:
            ClientConnectionError: it could not be done.
        """
        endpoint = attempt.endpoint
        proxy = endpoint.proxy
        destination = await self._destination(attempt, proxy) if proxy else endpoint.host
        addresses = await self._addresses(attempt, proxy or endpoint)
        whom = f"host {endpoint.host}:{endpoint.port}"
        return await within_limit(attempt, whom, self._set_up(attempt, addresses, destination))

    async def _set_up(
        self, attempt: Attempt, addresses: list[ResolveResult], destination: str
    ) -> SocketTransport:
        endpoint = attempt.endpoint
        proxy = endpoint.proxy
        sock = await self._connect(attempt, addresses)
        if proxy is None:
            if endpoint.is_ssl:
                return await self._handshakes.with_server(attempt, sock)
            return await plain(attempt, sock)
        if proxy.is_ssl:
            transport = await self._handshakes.with_proxy(attempt, sock, proxy)
        else:
            transport = await plain(attempt, sock)
        if endpoint.tunnelled:
            await open_tunnel(attempt, transport, proxy, destination)
            if endpoint.is_ssl:
                await self._handshakes.with_server_inside(attempt, transport)
        return transport

    # Resolving

    async def _destination(self, attempt: Attempt, proxy: Proxy) -> str:
        """Return what the proxy is asked for: the endpoint's host, or its address.

        Of several addresses it is the first, as the proxy is asked once.
        """
        endpoint = attempt.endpoint
        scheme = proxy.url.scheme
        if scheme not in _TAKING_ADDRESSES:
            if self._filter is not None:
                self._check_literal(attempt, self._filter)
            return endpoint.host
        addresses = await self._addresses(attempt, endpoint)
        if scheme == "socks4":
            addresses = [entry for entry in addresses if entry["family"] == socket.AF_INET]
            if not addresses:
                text = f"{endpoint.host} has no IPv4 address, and SOCKS4 has no other"
                raise ClientConnectorError(
                    endpoint, OSError(errno.EAFNOSUPPORT, text), attempt.detail()
                )
        return addresses[0]["host"]

    async def _addresses(self, attempt: Attempt, peer: Endpoint | Proxy) -> list[ResolveResult]:
        """Return the addresses of the endpoint's host or the proxy that may be used."""
        addresses = await self._look_up(attempt, peer)
        if self._filter is None:
            return addresses
        return _filtered(attempt, addresses, peer.host, self._filter)

    async def _look_up(self, attempt: Attempt, peer: Endpoint | Proxy) -> list[ResolveResult]:
        endpoint = attempt.endpoint
        host, port = peer.host, peer.port
        timings = attempt.timings
        timings.dns = timings.dns or 0.0
        told = attempt.trace is not None and literal(host, port) is None
        if told:
            known = self._lookups.cached(host, port)
            if known is not None:
                await attempt.tell(ConnectionStage.DNS_CACHE_HIT, host=host)
                return known
            await attempt.tell(ConnectionStage.DNS_CACHE_MISS, host=host)
            await attempt.tell(ConnectionStage.DNS_START, host=host)
        attempt.begin(f"resolving {host}" if peer is endpoint else f"resolving the proxy {host}")
        try:
            addresses = await self._lookups.resolve(host, port)
        except (OSError, UnicodeError) as exc:
            # getaddrinfo raises UnicodeError for a label that is empty or too long.
            error = exc if isinstance(exc, OSError) else OSError(None, str(exc))
            kind = ClientConnectorDNSError if peer is endpoint else ClientProxyConnectionError
            raise kind(endpoint, error, attempt.detail()) from exc
        timings.dns += attempt.elapsed()
        if told:
            await attempt.tell(ConnectionStage.DNS_END, host=host)
        return addresses

    def _check_literal(self, attempt: Attempt, address_filter: AddressFilter) -> None:
        """Ask the filter about an address that the proxy is asked for, however it is written.

        It is the proxy that looks up names, where no filter here can see what they lead to.
        """
        host = attempt.endpoint.host
        address = _written_address(host)
        if address is None:
            return
        attempt.begin(f"checking the address {address}")
        entry = ResolveResult(
            hostname=host,
            host=address,
            port=attempt.endpoint.port,
            family=socket.AF_INET6 if ":" in address else socket.AF_INET,
            proto=0,
            flags=socket.AI_NUMERICHOST,
        )
        _filtered(attempt, [entry], host, address_filter)

    # Connecting

    async def _connect(self, attempt: Attempt, addresses: list[ResolveResult]) -> socket.socket:
        proxy = attempt.endpoint.proxy
        whom = some_of([address["host"] for address in addresses])
        if proxy is not None:
            whom = f"the proxy {proxy.url} at {whom}"
        phase = f"connecting to {whom}"

        def failed(told: str) -> None:
            attempt.phase = f"{phase} ({told})"

        await attempt.tell(ConnectionStage.CONNECT_START)
        attempt.begin(phase)
        try:
            sock = attempt.sock = await self._racer.connect(addresses, failed)
        except OSError as exc:
            attempt.phase = phase  # what failed is told by the error itself
            raise attempt.failure(exc) from exc
        attempt.timings.connect = attempt.elapsed()
        tune(sock)
        if attempt.trace is not None:
            await attempt.tell(ConnectionStage.CONNECT_END, address=_peer_of(sock))
        return sock


def _filtered(
    attempt: Attempt, addresses: list[ResolveResult], host: str, address_filter: AddressFilter
) -> list[ResolveResult]:
    """Return those of the addresses of `host` that the filter allows.

    Raises:
        AddressRefused: it allows none.
    """
    good, refused = allowed(addresses, host, address_filter)
    if not good:
        raise AddressRefused(attempt.endpoint, refused, attempt.detail())
    return good


def _written_address(host: str) -> str | None:
    """Return the address that a host is to the functions of systems, if it is one.

    They take more than what is canonical here: single numbers, parts left out, octal and
    hexadecimal ones (`127.1`, `0177.0.0.1`, `2130706433`).
    """
    bare = host.removesuffix(".").removeprefix("[").removesuffix("]")
    with suppress(ValueError):
        return str(ip_address(bare))
    with suppress(OSError, ValueError):  # ValueError for what is not ASCII, and for a NUL
        return socket.inet_ntoa(socket.inet_aton(bare))
    return None


def _peer_of(sock: socket.socket) -> str | None:
    with suppress(OSError):  # of a connection that is lost already, as the next step will find
        return str(sock.getpeername()[0])
    return None
