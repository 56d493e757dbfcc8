"""The connector over TCP."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from whimbrel_connector._base import UNSET, BaseConnector, Unset
from whimbrel_connector._dial import TCPDialer
from whimbrel_connector._dns_cache import AddressCache, Lookups
from whimbrel_connector._tls import merge_ssl
from whimbrel_connector.resolver import DefaultResolver

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping
    from ssl import SSLContext

    from whimbrel_connector._attempt import Attempt
    from whimbrel_connector._happy_eyeballs import SocketFactory
    from whimbrel_connector._transport import SocketTransport
    from whimbrel_connector.fingerprint import Fingerprint
    from whimbrel_connector.interfaces import AddressFilter, Resolver, ResolveResult

__all__ = ["TCPConnector"]


class TCPConnector(BaseConnector):
    """Connects over TCP, with or without TLS, directly or through a proxy.

    Args:
        ssl: whom to trust where the endpoint does not say: `True` the system's authorities,
            `False` everybody, a `Fingerprint` one certificate, or an `ssl.SSLContext`.
        verify_ssl: deprecated, use `ssl`.
        fingerprint: deprecated, use `ssl`.
        ssl_context: deprecated, use `ssl`.
        use_dns_cache: remember addresses, and make equal look-ups once.
        ttl_dns_cache: for how many seconds to remember them; `None` for ever.
        dns_cache_max_size: how many names to remember.
        family: `socket.AF_INET` or `socket.AF_INET6` to use these addresses only; 0 for both.
        local_addr: the (host, port) to bind sockets to.
        resolver: what looks names up; it is not closed with the connector, the default one is.
        happy_eyeballs_delay: how long to wait for an address before the next one is tried
            beside it, in seconds (RFC 8305, section 5), though 10 ms at least; `None` to try one
            after the other.
        interleave: the First Address Family Count (RFC 8305, section 4); 1 by default if
            `happy_eyeballs_delay` is set.
        socket_factory: makes the sockets, from a tuple as `socket.getaddrinfo` returns it.
        address_filter: decides which addresses may be connected to, be they literals, answers of
            the resolver or remembered; `None` for all. See `whimbrel_connector.AddressFilter`.
        ssl_shutdown_timeout: how long `close` lets TLS peers answer our close_notify, in seconds;
            0 or `None` to tell them and not to wait.
        keepalive_timeout: see `BaseConnector`, as for the following.
        force_close: see `BaseConnector`.
        limit: see `BaseConnector`.
        limit_per_host: see `BaseConnector`.
        max_connection_age: see `BaseConnector`.
        max_connection_age_jitter: see `BaseConnector`.
        max_requests_per_connection: see `BaseConnector`.
        timeout_ceil_threshold: see `BaseConnector`.
        enable_cleanup_closed: deprecated, has no effect.
        loop: deprecated; the event loop to belong to.

    Raises:
        ValueError: options exclude each other, or one makes no sense.
        TypeError: `ssl` is something else.
    """

    def __init__(
        self,
        *,
        ssl: bool | Fingerprint | SSLContext = True,
        verify_ssl: bool | None = None,
        fingerprint: bytes | None = None,
        ssl_context: SSLContext | None = None,
        use_dns_cache: bool = True,
        ttl_dns_cache: float | None = 10,
        dns_cache_max_size: int = 1000,
        family: int = 0,
        local_addr: tuple[str, int] | None = None,
        resolver: Resolver | None = None,
        happy_eyeballs_delay: float | None = 0.25,
        interleave: int | None = None,
        socket_factory: SocketFactory | None = None,
        address_filter: AddressFilter | None = None,
        ssl_shutdown_timeout: float | None = 0,
        keepalive_timeout: float | Unset | None = UNSET,
        force_close: bool = False,
        limit: int | None = 100,
        limit_per_host: int | None = 0,
        max_connection_age: float | None = None,
        max_connection_age_jitter: float = 0.1,
        max_requests_per_connection: int | None = None,
        timeout_ceil_threshold: float = 5.0,
        enable_cleanup_closed: bool = False,
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(
            keepalive_timeout=keepalive_timeout,
            force_close=force_close,
            limit=limit,
            limit_per_host=limit_per_host,
            max_connection_age=max_connection_age,
            max_connection_age_jitter=max_connection_age_jitter,
            max_requests_per_connection=max_requests_per_connection,
            timeout_ceil_threshold=timeout_ceil_threshold,
            enable_cleanup_closed=enable_cleanup_closed,
            loop=loop,
        )
        if happy_eyeballs_delay is not None and not happy_eyeballs_delay >= 0:
            raise ValueError("happy_eyeballs_delay must be None, 0 or more seconds")
        self._ssl_shutdown_timeout = ssl_shutdown_timeout or 0.0
        if not self._ssl_shutdown_timeout >= 0:  # NaN is neither
            raise ValueError("ssl_shutdown_timeout must be a number of seconds, not negative")
        self._ssl = merge_ssl(ssl, verify_ssl, ssl_context, fingerprint)
        self._family = family
        self._cache = AddressCache(ttl_dns_cache, dns_cache_max_size) if use_dns_cache else None
        self._resolver = resolver
        self._own_resolver: Resolver | None = None
        self._local_addr = local_addr
        self._happy_eyeballs_delay = happy_eyeballs_delay
        self._interleave = interleave
        self._socket_factory = socket_factory
        self._address_filter = address_filter
        self._lookups: Lookups | None = None
        self._dialer: TCPDialer | None = None

    @property
    def family(self) -> int:
        """Which family of addresses is used; 0 for both."""
        return self._family

    @property
    def dns_cache(self) -> bool:
        """Whether addresses are remembered."""
        return self._cache is not None

    @property
    def use_dns_cache(self) -> bool:
        """Whether addresses are remembered: aiohttp's name of `dns_cache`."""
        return self._cache is not None

    @property
    def cached_hosts(self) -> Mapping[tuple[str, int], list[ResolveResult]]:
        """The addresses remembered, by host and port."""
        return MappingProxyType({}) if self._cache is None else self._cache.view()

    def clear_dns_cache(self, host: str | None = None, port: int | None = None) -> None:
        """Forget the addresses of one host and port, or all of them.

        Raises:
            ValueError: only one of `host` and `port` is given.
        """
        if (host is None) != (port is None):
            raise ValueError("give both host and port, or neither")
        if self._cache is None:
            return
        if host is None or port is None:
            self._cache.clear()
        else:
            self._cache.remove((host, port))

    async def _create_connection(self, attempt: Attempt) -> SocketTransport:
        if self._dialer is None:
            self._dialer = self._make_dialer()
        return await self._dialer.dial(attempt)

    def _make_dialer(self) -> TCPDialer:
        """Make the dialer; not before there is a loop, which a default resolver may need."""
        resolver = self._resolver
        if resolver is None:
            resolver = self._own_resolver = DefaultResolver()
        self._lookups = Lookups(resolver, self._family, self._cache)
        return TCPDialer(
            self._lookups,
            self._ssl,
            local_addr=self._local_addr,
            happy_eyeballs_delay=self._happy_eyeballs_delay,
            interleave=self._interleave,
            socket_factory=self._socket_factory,
            address_filter=self._address_filter,
            ssl_shutdown_timeout=self._ssl_shutdown_timeout,
        )

    async def _close_resources(self) -> None:
        if self._lookups is not None:
            await self._lookups.close()
        resolver, self._own_resolver = self._own_resolver, None
        if resolver is not None:
            await resolver.close()
