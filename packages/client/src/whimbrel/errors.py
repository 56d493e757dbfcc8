"""The exceptions of the client: the connector's, and those that need a response or a URL.

Section "Client exceptions" of the client reference. Every exception here pickles, and none of them
quotes more than a bounded piece of what a peer sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from multidict import CIMultiDict, CIMultiDictProxy

from whimbrel_connector import (
    AddressRefused,
    ClientConnectionError,
    ClientConnectionResetError,
    ClientConnectorCertificateError,
    ClientConnectorDNSError,
    ClientConnectorError,
    ClientConnectorSSLError,
    ClientError,
    ClientOSError,
    ClientProxyConnectionError,
    ClientSSLError,
    ConnectionTimeoutError,
    ServerConnectionError,
    ServerDisconnectedError,
    ServerFingerprintMismatch,
    ServerTimeoutError,
    SocketTimeoutError,
    SocksRefused,
    UnixClientConnectorError,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from yarl import URL

    from whimbrel.request import RequestInfo
    from whimbrel.response import ClientResponse

__all__ = [
    "AddressRefused",
    "ClientConnectionError",
    "ClientConnectionResetError",
    "ClientConnectorCertificateError",
    "ClientConnectorDNSError",
    "ClientConnectorError",
    "ClientConnectorSSLError",
    "ClientError",
    "ClientHttpProxyError",
    "ClientOSError",
    "ClientPayloadError",
    "ClientProxyConnectionError",
    "ClientResponseError",
    "ClientSSLError",
    "ConnectionTimeoutError",
    "ContentTypeError",
    "InvalidURL",
    "InvalidUrlClientError",
    "InvalidUrlRedirectClientError",
    "NonHttpUrlClientError",
    "NonHttpUrlRedirectClientError",
    "RedirectClientError",
    "ServerConnectionError",
    "ServerDisconnectedError",
    "ServerFingerprintMismatch",
    "ServerTimeoutError",
    "SocketTimeoutError",
    "SocksRefused",
    "TooManyRedirects",
    "UnixClientConnectorError",
    "WSServerHandshakeError",
]


_MAX_QUOTED = 512
"""Characters of a URL or a reason phrase, which a peer may have chosen, in an error's text."""


def _excerpt(text: str) -> str:
    return text if len(text) <= _MAX_QUOTED else text[:_MAX_QUOTED] + "..."


class ClientResponseError(ClientError):
    """A response came, but it is not one that the caller can use.

    Attributes:
        request_info: the request that was answered (`RequestInfo`).
        history: the responses of the redirects before, earliest first.
        status: the HTTP status code, or 0 when the response could not be understood.
        message: what is wrong; the reason phrase for an error status.
        headers: the header section of the response, or `None` when there was none to read.
    """

    def __init__(
        self,
        request_info: RequestInfo,
        history: tuple[ClientResponse, ...] = (),
        *,
        status: int = 0,
        message: str = "",
        headers: CIMultiDictProxy[str] | None = None,
    ) -> None:
        super().__init__(request_info, history)
        self.request_info = request_info
        self.history = history
        self.status = status
        self.message = message
        self.headers = headers

    def __str__(self) -> str:
        message, url = _excerpt(self.message), _excerpt(str(self.request_info.real_url))
        status = f"{self.status}, " if self.status else ""
        return f"{status}message={message!r}, url={url!r}"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self})"

    def __reduce__(self) -> tuple[Any, ...]:
        # The responses of the history hold connections and cannot leave the process.
        headers = None if self.headers is None else list(self.headers.items())
        fields = {
            "status": self.status,
            "message": self.message,
            "headers": headers,
        }
        return _rebuild_response_error, (type(self), self.request_info, fields)


def _rebuild_response_error(
    kind: type[ClientResponseError], info: RequestInfo, fields: dict[str, Any]
) -> ClientResponseError:
    headers: Iterable[tuple[str, str]] | None = fields.pop("headers")
    return kind(
        info,
        headers=None if headers is None else CIMultiDictProxy(CIMultiDict(headers)),
        **fields,
    )


class ContentTypeError(ClientResponseError):
    """The response's Content-Type is not the one that `ClientResponse.json` was told to expect."""


class TooManyRedirects(ClientResponseError):  # noqa: N818  the name in the reference
    """The chain of redirects is longer than `max_redirects`; `history` has its responses."""


class WSServerHandshakeError(ClientResponseError):
    """The server did not accept the WebSocket opening handshake (RFC 6455 section 4.1).

    Attributes:
        body: the first 64 KiB of what the server has to say about it, as far as it came in time.
    """

    def __init__(
        self,
        request_info: RequestInfo,
        history: tuple[ClientResponse, ...] = (),
        *,
        status: int = 0,
        message: str = "",
        headers: CIMultiDictProxy[str] | None = None,
        body: bytes = b"",
    ) -> None:
        super().__init__(request_info, history, status=status, message=message, headers=headers)
        self.body = body

    def __reduce__(self) -> tuple[Any, ...]:
        rebuild, (kind, info, fields) = super().__reduce__()
        return rebuild, (kind, info, {**fields, "body": self.body})


class ClientHttpProxyError(ClientResponseError):
    """The proxy answered CONNECT with another status than 2xx (RFC 9110 section 9.3.6)."""

    def __str__(self) -> str:
        return f"The proxy refused the tunnel: {super().__str__()}"


class ClientPayloadError(ClientError):
    """The body of a response cannot be read to its end, or that of a request not be sent again.

    A body that was cut short, broken chunks, a broken or truncated content coding.
    """


class InvalidURL(ClientError, ValueError):  # noqa: N818  the name in the reference
    """A URL that no request can be made for, such as one without a host.

    Attributes:
        url: the URL as it was given.
        description: what is wrong with it, or `None`.
    """

    def __init__(self, url: URL | str, description: str | None = None) -> None:
        super().__init__(*((url,) if description is None else (url, description)))

    @property
    def url(self) -> URL | str:
        """The URL as it was given."""
        url: URL | str = self.args[0]
        return url

    @property
    def description(self) -> str | None:
        """What is wrong with the URL, or `None`."""
        return self.args[1] if len(self.args) > 1 else None

    def __str__(self) -> str:
        url = _excerpt(str(self.url))
        return url if self.description is None else f"{url} - {self.description}"

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self}>"


class InvalidUrlClientError(InvalidURL):
    """The URL of a request is invalid."""


class RedirectClientError(ClientError):
    """A redirect cannot be followed."""


class NonHttpUrlClientError(ClientError):
    """The URL's scheme is not one of HTTP or WebSocket."""


class InvalidUrlRedirectClientError(InvalidUrlClientError, RedirectClientError):
    """A redirect points to an invalid URL."""


class NonHttpUrlRedirectClientError(NonHttpUrlClientError, RedirectClientError):
    """A redirect points to a URL whose scheme is not http or https."""
