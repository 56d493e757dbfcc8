"""Where a connection leads and what it is trusted for: the key of the pool."""

from __future__ import annotations

from base64 import b64encode
from ssl import SSLContext
from typing import TYPE_CHECKING, Final

from yarl import URL

from whimbrel_connector.fingerprint import Fingerprint

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["Endpoint", "Proxy", "check_option"]

_PROXY_SCHEMES: Final = frozenset({"http"})
_EXCERPT: Final = 80
"""How much of a wrong value an error shows."""


class Proxy:
    """A proxy with everything that it is told; a value, not to be changed.

    Args:
        url: the URL of the proxy, without credentials; its scheme must be `http`.
        authorization: the whole value of `Proxy-Authorization`, or `None` to send none
            (RFC 9110, section 11.7.2).
        headers: further header fields for the proxy. A `Host` among them is dropped, as each
            request has its own, and a `Proxy-Authorization` becomes `authorization`, unless
            there is one already.

    Raises:
        ValueError: the URL has credentials, no host, or another scheme.
    """

    __slots__ = ("_hash", "_key", "authorization", "headers", "url")

    def __init__(
        self,
        url: URL,
        authorization: str | None = None,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        if url.scheme not in _PROXY_SCHEMES:
            raise ValueError(
                f"cannot use a proxy of the scheme {url.scheme!r};"
                f" supported: {', '.join(sorted(_PROXY_SCHEMES))}"
            )
        if not url.raw_host or url.port is None:
            raise ValueError("the URL of a proxy needs a host")
        if url.raw_user is not None or url.raw_password is not None:
            raise ValueError("the URL of a proxy must have no credentials; use Proxy.from_url")
        fields = []
        for name, value in headers:
            folded = name.lower()
            if folded == "proxy-authorization":
                authorization = value if authorization is None else authorization
            elif folded != "host":
                fields.append((name, value))
        self.url: Final = url.origin()
        self.authorization: Final = authorization
        self.headers: Final = tuple(fields)
        self._key: Final = (self.url, authorization, self.headers)
        self._hash: Final = hash(self._key)

    @classmethod
    def from_url(
        cls,
        url: URL | str,
        auth: str | None = None,
        headers: Mapping[str, str] | Iterable[tuple[str, str]] = (),
    ) -> Proxy:
        """Make a proxy from a URL, whose credentials become Basic authorization (RFC 7617).

        Args:
            url: `http://host:port` or `http://user:password@host:port`.
            auth: the whole value of `Proxy-Authorization`; wins over credentials of the URL.
            headers: further header fields for the proxy, as the constructor takes them.

        Raises:
            ValueError: the URL has no host or another scheme than `http`.
        """
        url = URL(url)
        if auth is None and (url.user is not None or url.password is not None):
            pair = f"{url.user or ''}:{url.password or ''}".encode()
            auth = "Basic " + b64encode(pair).decode("ascii")
        fields = headers.items() if hasattr(headers, "items") else headers
        return cls(url.with_user(None) if url.absolute else url, auth, tuple(fields))

    @property
    def host(self) -> str:
        """The host of the proxy, as the resolver takes it."""
        host = self.url.raw_host
        assert host is not None  # checked by the constructor
        return host

    @property
    def port(self) -> int:
        """The port of the proxy."""
        port = self.url.port
        assert port is not None  # checked by the constructor
        return port

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Proxy):
            return NotImplemented
        return self._key == other._key

    def __hash__(self) -> int:
        return self._hash

    def __repr__(self) -> str:
        secret = ", authorization=..." if self.authorization is not None else ""
        return f"<Proxy {self.url}{secret}, {len(self.headers)} headers>"


def check_option(option: object) -> None:
    """Refuse what is no `ssl` option.

    Whether anybody is trusted must never depend on what is merely true or false: `1` is equal to
    `True` and is not it.

    Raises:
        TypeError: it is neither a bool, nor a `Fingerprint`, nor an `ssl.SSLContext`.
    """
    if not isinstance(option, bool | Fingerprint | SSLContext):
        raise TypeError(
            f"ssl must be a bool, a Fingerprint or an ssl.SSLContext, not {repr(option)[:_EXCERPT]}"
        )


class Endpoint:
    """The key of the pool: all that two requests must share to share a connection.

    It is a value: equal when every part is equal, and not to be changed. It knows no request.

    Args:
        host: the host name (ASCII, IDNA-encoded) or IP address literal without brackets.
        port: the port.
        is_ssl: whether TLS is spoken with the host.
        ssl: `True` for the connector's own setting (by default the system's authorities),
            `False` to verify nothing, a `Fingerprint` or an `ssl.SSLContext`; without TLS it is
            `True`, whatever is given, so that it does not tell endpoints apart.
        server_hostname: the name for SNI and the certificate, if not `host`; without TLS it is
            `None`, whatever is given.
        proxy: the proxy that the connection goes through.
        alpn: the protocols to offer (RFC 7301); a given `ssl.SSLContext` keeps its own.
        tunnel: whether the proxy is asked for a tunnel even where no TLS goes through it, as a
            WebSocket wants it (RFC 6455, section 4.1).

    Raises:
        TypeError: `ssl` is none of these; `1` is equal to `True` and is not it.
    """

    __slots__ = (
        "_hash",
        "_key",
        "alpn",
        "host",
        "is_ssl",
        "origin",
        "port",
        "proxy",
        "server_hostname",
        "ssl",
        "tunnelled",
    )

    def __init__(  # noqa: PLR0917  # the order of the reference's connection key
        self,
        host: str,
        port: int,
        is_ssl: bool,
        ssl: bool | Fingerprint | SSLContext = True,
        server_hostname: str | None = None,
        proxy: Proxy | None = None,
        alpn: tuple[str, ...] = ("http/1.1",),
        tunnel: bool = False,
    ) -> None:
        check_option(ssl)
        if not is_ssl:
            ssl, server_hostname = True, None
        self.host: Final = host
        self.port: Final = port
        self.is_ssl: Final = is_ssl
        self.ssl: Final = ssl
        self.server_hostname: Final = server_hostname
        self.proxy: Final = proxy
        self.alpn: Final = alpn
        #: What `limit_per_host` counts: host, port and whether TLS is spoken.
        self.origin: Final = (host, port, is_ssl)
        #: Whether the proxy is asked for a tunnel (CONNECT); otherwise it reads the requests.
        self.tunnelled: Final = proxy is not None and (is_ssl or tunnel)
        self._key: Final = (
            host,
            port,
            is_ssl,
            ssl,
            server_hostname,
            proxy,
            alpn,
            self.tunnelled,
        )
        self._hash: Final = hash(self._key)

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Endpoint):
            return NotImplemented
        return self._hash == other._hash and self._key == other._key

    def __hash__(self) -> int:
        return self._hash

    def __repr__(self) -> str:
        scheme = "https" if self.is_ssl else "http"
        host = f"[{self.host}]" if ":" in self.host else self.host
        via = f" via {self.proxy.url}" if self.proxy is not None else ""
        return f"<Endpoint {scheme}://{host}:{self.port}{via}>"
