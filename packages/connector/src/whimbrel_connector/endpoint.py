"""Where a connection leads and what it is trusted for: the key of the pool."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from ssl import SSLContext
from typing import TYPE_CHECKING, Final

from yarl import URL

from whimbrel_connector._socks import SCHEMES as SOCKS_SCHEMES
from whimbrel_connector._socks import check_credentials
from whimbrel_connector._urls import parse_url
from whimbrel_connector._wording import excerpt
from whimbrel_connector.fingerprint import Fingerprint

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["Endpoint", "Proxy", "check_option"]

_DEFAULT_PORTS: Final = {"http": 80, "https": 443} | dict.fromkeys(SOCKS_SCHEMES, 1080)
_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_LAST_PORT: Final = 65535
_EXCERPT: Final = 80
"""How much of a wrong value an error shows."""


class Proxy:
    """A proxy with everything that it is told; a value, not to be changed.

    Args:
        url: the URL of the proxy, without credentials; its scheme is `http`, `https` (HTTP in a
            TLS connection of the proxy's own), `socks5` or `socks4` (the connector looks the name
            of the host up), `socks5h` or `socks4a` (the proxy does).
        authorization: for HTTP, the whole value of `Proxy-Authorization`, or `None` to send none
            (RFC 9110, section 11.7.2).
        headers: for HTTP, further header fields for the proxy. A `Host` among them is dropped, as
            each request has its own, and a `Proxy-Authorization` becomes `authorization`, unless
            there is one already.
        ssl: for `https`, how the proxy is verified: `True` for the system's authorities, `False`
            for nothing, a `Fingerprint` or an `ssl.SSLContext`. What the connector or an endpoint
            has for `ssl` is about servers and never used for a proxy, nor this for a server. For
            another scheme it is `True`, whatever is given, so that it does not tell proxies apart.
        server_hostname: for `https`, the name for SNI and the certificate, if not the host of the
            URL; for another scheme it is `None`, whatever is given.
        credentials: for SOCKS, user name and password (RFC 1929); SOCKS4 has user names only, and
            takes an empty password.

    Raises:
        ValueError: the URL has credentials, no host, or another scheme; something is given that
            cannot be told to a proxy of the scheme.
        TypeError: `ssl` is none of these, or the URL or the authorization is of another type.
    """

    __slots__ = (
        "_hash",
        "_key",
        "authorization",
        "credentials",
        "headers",
        "host",
        "is_socks",
        "is_ssl",
        "port",
        "server_hostname",
        "ssl",
        "url",
    )

    def __init__(
        self,
        url: URL,
        authorization: str | None = None,
        headers: tuple[tuple[str, str], ...] = (),
        *,
        ssl: bool | Fingerprint | SSLContext = True,
        server_hostname: str | None = None,
        credentials: tuple[str, str] | None = None,
    ) -> None:
        if not isinstance(url, URL):
            raise TypeError(
                "the URL of a proxy must be a yarl.URL (Proxy.from_url takes text, too),"
                f" not {type(url).__name__}"
            )
        host, port = _address_of(url)
        check_option(ssl)
        if authorization is not None:
            _check_text(authorization)
        #: The URL without path and credentials.
        self.url: Final = url.origin()
        #: The host of the proxy, as the resolver takes it.
        self.host: Final = host
        #: The port of the proxy.
        self.port: Final = port
        #: Whether it is a SOCKS proxy, which is asked for a tunnel whatever goes through it.
        self.is_socks: Final = url.scheme in SOCKS_SCHEMES
        #: Whether TLS is spoken with the proxy itself.
        self.is_ssl: Final = url.scheme == "https"
        if self.is_socks:
            if authorization is not None or headers:
                raise ValueError("a SOCKS proxy takes credentials, no authorization and no headers")
            check_credentials(url.scheme, credentials)
        elif credentials is not None:
            raise ValueError("credentials are for SOCKS; an HTTP proxy takes an authorization")
        authorization, fields = _told_to_http(authorization, headers)
        self.authorization: Final = authorization
        self.headers: Final = fields
        self.ssl: Final = ssl if self.is_ssl else True
        self.server_hostname: Final = server_hostname if self.is_ssl else None
        self.credentials: Final = credentials
        self._key: Final = (
            url.scheme,
            host,
            port,
            authorization,
            fields,
            self.ssl,
            self.server_hostname,
            credentials,
        )
        self._hash: Final = hash(self._key)

    @classmethod
    def from_url(
        cls,
        url: URL | str,
        auth: str | None = None,
        headers: Mapping[str, str] | Iterable[tuple[str, str]] = (),
        *,
        ssl: bool | Fingerprint | SSLContext = True,
        server_hostname: str | None = None,
    ) -> Proxy:
        """Make a proxy from a URL that may have credentials.

        They become Basic authorization for HTTP (RFC 7617), and user name and password for SOCKS.

        Args:
            url: `http://host:port` or `http://user:password@host:port`, or the same with another
                scheme, see the class. The default ports are 80, 443 (`https`) and 1080 (SOCKS).
            auth: the whole value of `Proxy-Authorization`; wins over credentials of the URL. For
                SOCKS it must be Basic, and its credentials are used.
            headers: further header fields for the proxy, as the constructor takes them.
            ssl: how an `https` proxy is verified, as the constructor takes it.
            server_hostname: the name in its certificate, as the constructor takes it.

        Raises:
            ValueError: the URL has no host or another scheme; something is given that cannot be
                told to a proxy of the scheme.
            TypeError: `ssl` or `auth` is something else.
        """
        if auth is not None:
            _check_text(auth)
        parsed = parse_url(url)
        if parsed is None:
            raise ValueError("the URL of the proxy is no URL with a host and a port")
        url = parsed
        userinfo = None
        if url.user is not None or url.password is not None:
            userinfo = (url.user or "", url.password or "")
        credentials = None
        if url.scheme in SOCKS_SCHEMES:
            credentials = userinfo if auth is None else _basic_credentials(auth)
            auth = None
        elif auth is None and userinfo is not None:
            auth = "Basic " + b64encode(":".join(userinfo).encode()).decode("ascii")
        fields = headers.items() if hasattr(headers, "items") else headers
        return cls(
            url.with_user(None) if url.absolute else url,
            auth,
            tuple(fields),
            ssl=ssl,
            server_hostname=server_hostname,
            credentials=credentials,
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Proxy):
            return NotImplemented
        return self._key == other._key

    def __hash__(self) -> int:
        return self._hash

    def __repr__(self) -> str:
        told = ", authorization=..." if self.authorization is not None else ""
        if self.credentials is not None:
            told = ", credentials=..."
        return f"<Proxy {self.url}{told}, {len(self.headers)} headers>"


def _address_of(url: URL) -> tuple[str, int]:
    """Return host and port of a proxy's URL.

    Raises:
        ValueError: it has another scheme, no host or port, or credentials.
    """
    default_port = _DEFAULT_PORTS.get(url.scheme)
    if default_port is None:
        raise ValueError(
            f"cannot use a proxy of the scheme {excerpt(url.scheme)};"
            f" supported: {', '.join(sorted(_DEFAULT_PORTS))}"
        )
    if not url.raw_host:
        raise ValueError("the URL of a proxy needs a host")
    if url.raw_user is not None or url.raw_password is not None:
        raise ValueError("the URL of a proxy must have no credentials; use Proxy.from_url")
    return url.raw_host, default_port if url.port is None else url.port


def _check_text(authorization: object) -> None:
    if not isinstance(authorization, str):
        kind = type(authorization).__name__
        raise TypeError(f"the authorization for a proxy must be text, not {kind}")


def _told_to_http(
    authorization: str | None, headers: tuple[tuple[str, str], ...]
) -> tuple[str | None, tuple[tuple[str, str], ...]]:
    """Return the authorization, be it among the headers, and the other headers but `Host`.

    Raises:
        ValueError: the authorization or a header cannot be sent; the text shows no value, as any
            may be a secret: a token that was read from a file with the end of its line, say.
    """
    fields = []
    for name, value in headers:
        folded = name.lower()
        if folded == "proxy-authorization":
            authorization = value if authorization is None else authorization
        elif folded != "host":
            if _CONTROL.search(value):
                raise ValueError(
                    f"the header {excerpt(name)} for the proxy has a control character"
                )
            fields.append((name, value))
    if authorization is not None and _CONTROL.search(authorization):
        raise ValueError("the authorization for the proxy has a control character")
    return authorization, tuple(fields)


def _basic_credentials(authorization: str) -> tuple[str, str]:
    """Return user name and password of a Basic authorization (RFC 7617, section 2).

    Raises:
        ValueError: it is none; the text does not show it.
    """
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "basic":
        raise ValueError("a SOCKS proxy takes user name and password: the auth must be Basic")
    try:
        pair = b64decode(token.strip(), validate=True)
    except ValueError:
        raise ValueError("the Basic auth for the proxy is not in Base64") from None
    try:
        text = pair.decode()
    except UnicodeDecodeError:
        text = pair.decode("latin-1")  # the charset is the sender's choice; this one has all octets
    username, colon, password = text.partition(":")
    if not colon:
        raise ValueError("the Basic auth for the proxy has no colon behind the user name")
    return username, password


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
        tunnel: whether an HTTP proxy is asked for a tunnel even where no TLS goes through it, as
            a WebSocket wants it (RFC 6455, section 4.1). SOCKS proxies always are.

    Raises:
        TypeError: `ssl` is none of these; `1` is equal to `True` and is not it. Or `proxy` is no
            `Proxy`.
        ValueError: there is no such port.
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
        if not 0 <= port <= _LAST_PORT:  # uvloop would wrap it round to another one
            raise ValueError(f"there is no port {port}")
        if proxy is not None and not isinstance(proxy, Proxy):
            raise TypeError(
                "the proxy of an endpoint must be a Proxy (Proxy.from_url makes one),"
                f" not {type(proxy).__name__}"
            )
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
        #: Whether the proxy is asked for a tunnel (CONNECT, SOCKS); else it reads the requests.
        self.tunnelled: Final = proxy is not None and (is_ssl or tunnel or proxy.is_socks)
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
