"""What can go wrong between asking for a connection and giving it back.

The names and bases are those of the client reference, from `ClientError` down the whole
`ClientConnectionError` branch. Every error pickles, and none holds unbounded bytes of a peer.
"""

from __future__ import annotations

import errno
import ssl
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from whimbrel_connector._wording import some_of

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "AddressRefused",
    "ClientConnectionError",
    "ClientConnectionResetError",
    "ClientConnectorCertificateError",
    "ClientConnectorDNSError",
    "ClientConnectorError",
    "ClientConnectorSSLError",
    "ClientError",
    "ClientOSError",
    "ClientProxyConnectionError",
    "ClientSSLError",
    "ConnectionKey",
    "ConnectionTimeoutError",
    "ProxyRefused",
    "ServerConnectionError",
    "ServerDisconnectedError",
    "ServerFingerprintMismatch",
    "ServerTimeoutError",
    "SocketTimeoutError",
    "SocksRefused",
    "UnixClientConnectorError",
]


class _HasAddress(Protocol):
    """What an error needs to know of an endpoint."""

    @property
    def host(self) -> str: ...
    @property
    def port(self) -> int: ...
    @property
    def is_ssl(self) -> bool: ...
    @property
    def ssl(self) -> Any: ...


class ConnectionKey(NamedTuple):
    """The part of an endpoint that a pickled error keeps."""

    host: str
    port: int
    is_ssl: bool
    ssl: Any
    """As in the endpoint, but the repr of an `ssl.SSLContext`, which cannot be pickled."""


class ClientError(Exception):
    """Base of all errors of the client."""


class ClientConnectionError(ClientError):
    """A connection could not be had, or was lost."""


class ClientConnectionResetError(ClientConnectionError, ConnectionResetError):
    """The connection was lost, so that what is written goes nowhere."""


class ClientOSError(ClientConnectionError, OSError):
    """An `OSError` of the connection; `errno` and `strerror` are set."""


class ClientConnectorError(ClientOSError):
    """A connection could not be established.

    Args:
        connection_key: the endpoint; anything with its `host`, `port`, `is_ssl` and `ssl`.
        os_error: what the operating system or the TLS library said.
        detail: what else is known: the phase, the addresses tried, the time it took.
    """

    def __init__(self, connection_key: _HasAddress, os_error: OSError, detail: str = "") -> None:
        super().__init__(os_error.errno, os_error.strerror)
        self._key = connection_key
        self._os_error = os_error
        self._detail = detail
        self.args = (connection_key, os_error)

    @property
    def os_error(self) -> OSError:
        """What the operating system or the TLS library said."""
        return self._os_error

    @property
    def host(self) -> str:
        """The host that was to be reached (never the proxy)."""
        return self._key.host

    @property
    def port(self) -> int:
        """The port that was to be reached."""
        return self._key.port

    @property
    def ssl(self) -> Any:
        """The `ssl` option of the endpoint."""
        return self._key.ssl

    @property
    def detail(self) -> str:
        """What else is known: the phase, the addresses tried, the time it took."""
        return self._detail

    def _plain_key(self) -> ConnectionKey:
        key = self._key
        option = key.ssl
        if isinstance(option, ssl.SSLContext):
            option = repr(option)
        return ConnectionKey(key.host, key.port, key.is_ssl, option)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._plain_key(), self._os_error, self._detail)

    def __str__(self) -> str:
        mode = "default" if self.ssl is True else self.ssl
        reason = self._os_error.strerror or str(self._os_error) or type(self._os_error).__name__
        text = f"Cannot connect to host {self.host}:{self.port} ssl:{mode} [{reason}]"
        return f"{text} ({self._detail})" if self._detail else text


class ClientConnectorDNSError(ClientConnectorError):
    """The host's name has no address, or could not be looked up."""


class AddressRefused(ClientConnectorError):  # noqa: N818  # says what happened
    """The connector's `address_filter` allows none of the addresses.

    Args:
        connection_key: the endpoint.
        addresses: the addresses refused.
        detail: what else is known.
    """

    def __init__(
        self, connection_key: _HasAddress, addresses: Sequence[str], detail: str = ""
    ) -> None:
        reason = OSError(errno.EACCES, f"address_filter refuses {some_of(addresses)}")
        super().__init__(connection_key, reason, detail)
        self.addresses = tuple(addresses)
        self.args = (connection_key, self.addresses)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._plain_key(), self.addresses, self.detail)


class ClientProxyConnectionError(ClientConnectorError):
    """The proxy could not be reached, or did not speak its protocol."""


class ProxyRefused(ClientProxyConnectionError):  # noqa: N818  # says what happened
    """The proxy answered CONNECT with something other than 2xx (RFC 9110, section 9.3.6).

    Args:
        connection_key: the endpoint behind the proxy.
        status: the status code of the proxy's answer.
        reason: its reason phrase.
        headers: its header fields as they came, in order.
        body: the start of its content.
        detail: what else is known.
    """

    def __init__(  # noqa: PLR0917  # positional, so that it pickles by its arguments
        self,
        connection_key: _HasAddress,
        status: int,
        reason: str,
        headers: Sequence[tuple[bytes, bytes]],
        body: bytes,
        detail: str = "",
    ) -> None:
        phrase = ascii(reason[:100])[1:-1]
        text = f"the proxy answered CONNECT with {status} {phrase}".rstrip()
        super().__init__(connection_key, OSError(errno.ECONNREFUSED, text), detail)
        self.status = status
        self.reason = reason
        self.headers = tuple(headers)
        self.body = body
        self.args = (connection_key, status, reason)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (
            self._plain_key(),
            self.status,
            self.reason,
            self.headers,
            self.body,
            self.detail,
        )


class SocksRefused(ClientProxyConnectionError):  # noqa: N818  # says what happened
    """A SOCKS proxy refused the connection or the credentials (RFC 1928, section 6; RFC 1929).

    Args:
        connection_key: the endpoint behind the proxy.
        code: the reply code of the proxy's answer.
        reason: what the code means.
        detail: what else is known.
    """

    def __init__(
        self, connection_key: _HasAddress, code: int, reason: str, detail: str = ""
    ) -> None:
        text = f"the SOCKS proxy answered {code}: {reason}"
        super().__init__(connection_key, OSError(errno.ECONNREFUSED, text), detail)
        self.code = code
        self.reason = reason
        self.args = (connection_key, code, reason)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._plain_key(), self.code, self.reason, self.detail)


class UnixClientConnectorError(ClientConnectorError):
    """A UNIX socket could not be reached.

    Args:
        path: the path of the socket.
        connection_key: the endpoint.
        os_error: what the operating system said.
        detail: what else is known.
    """

    def __init__(
        self, path: str, connection_key: _HasAddress, os_error: OSError, detail: str = ""
    ) -> None:
        super().__init__(connection_key, os_error, detail)
        self._path = path
        self.args = (path, connection_key, os_error)

    @property
    def path(self) -> str:
        """The path of the socket."""
        return self._path

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._path, self._plain_key(), self._os_error, self._detail)

    def __str__(self) -> str:
        reason = self._os_error.strerror or str(self._os_error) or type(self._os_error).__name__
        text = f"Cannot connect to unix socket {self._path} ssl:{self.ssl} [{reason}]"
        return f"{text} ({self._detail})" if self._detail else text


class ClientSSLError(ClientConnectorError):
    """TLS could not be set up."""


class ClientConnectorSSLError(ClientSSLError, ssl.SSLError):
    """The TLS handshake failed."""


class ClientConnectorCertificateError(ClientSSLError, ssl.CertificateError):
    """The server's certificate is not trusted, or is not for this host (RFC 9525)."""

    @property
    def certificate_error(self) -> OSError:
        """What the TLS library said."""
        return self._os_error


class ServerConnectionError(ClientConnectionError):
    """The server ended or endangered the connection."""


class ServerDisconnectedError(ServerConnectionError):
    """The server closed the connection before its answer was complete.

    Args:
        message: what happened, or what was received of the answer.
    """

    def __init__(self, message: Any = None) -> None:
        self.message = "Server disconnected" if message is None else message
        super().__init__(self.message)


class ServerTimeoutError(ServerConnectionError, TimeoutError):
    """The server took too long."""


class ConnectionTimeoutError(ServerTimeoutError):
    """No connection could be had in time; the message names the phase and the limit."""


class SocketTimeoutError(ServerTimeoutError):
    """Nothing was read from the socket in time."""


class ServerFingerprintMismatch(ServerConnectionError):  # noqa: N818  # the reference's name
    """The server's certificate has another SHA-256 digest than the pinned one.

    Args:
        expected: the pinned digest.
        got: the digest of the certificate that came.
        host: the address of the peer.
        port: the port of the peer.
    """

    def __init__(self, expected: bytes, got: bytes, host: str, port: int) -> None:
        super().__init__(expected, got, host, port)
        self.expected = expected
        self.got = got
        self.host = host
        self.port = port

    def __str__(self) -> str:
        return (
            f"the certificate of {self.host}:{self.port} has the SHA-256 digest"
            f" {self.got.hex()}, expected {self.expected.hex()}"
        )
