"""From an exception of the client to an exit status and a sentence."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from whimbrel import (
    ClientConnectorCertificateError,
    ClientConnectorDNSError,
    ClientConnectorError,
    ClientError,
    ClientHttpProxyError,
    ClientPayloadError,
    ClientProxyConnectionError,
    ClientResponseError,
    ClientSSLError,
    InvalidURL,
    NonHttpUrlClientError,
    ServerDisconnectedError,
    TooManyRedirects,
)
from whimbrel._cli.exits import CliError, Exit
from whimbrel._cli.report import visible
from whimbrel_http_parser import (
    ContentCodingError,
    IncompleteMessage,
    LimitExceeded,
    MalformedMessage,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["explain"]

# The first class that fits decides: subclasses stand before their bases.
_RULES: tuple[tuple[type[BaseException], Exit], ...] = (
    (TimeoutError, Exit.TIMED_OUT),
    (NonHttpUrlClientError, Exit.UNSUPPORTED_SCHEME),
    (InvalidURL, Exit.BAD_URL),
    (TooManyRedirects, Exit.TOO_MANY_REDIRECTS),
    (ClientHttpProxyError, Exit.RECEIVE_FAILED),
    (ClientResponseError, Exit.UNPARSABLE_REPLY),
    (ClientProxyConnectionError, Exit.NOT_CONNECTED),
    (ClientConnectorDNSError, Exit.NOT_RESOLVED),
    (ClientConnectorCertificateError, Exit.BAD_CERTIFICATE),
    (ClientSSLError, Exit.TLS_FAILED),
    (ClientConnectorError, Exit.NOT_CONNECTED),
    (ServerDisconnectedError, Exit.EMPTY_REPLY),
    (ClientPayloadError, Exit.INCOMPLETE),
    (ClientError, Exit.RECEIVE_FAILED),
)


def explain(exc: ClientError | TimeoutError) -> CliError:
    """Return the error that the program ends with because of what the client raised."""
    code = _refined(exc, next(code for kind, code in _RULES if isinstance(exc, kind)))
    message = exc.message if isinstance(exc, TooManyRedirects) else str(exc)
    return CliError(code, visible(" ".join(message.split())) or type(exc).__name__)


def _refined(exc: BaseException, code: Exit) -> Exit:
    """Return `code`, or the more exact one that the causes of `exc` allow."""
    for cause in _causes(exc):
        if code is Exit.NOT_CONNECTED and isinstance(cause, socket.gaierror):
            return Exit.PROXY_NOT_RESOLVED
        if code is Exit.INCOMPLETE and isinstance(cause, ContentCodingError):
            return Exit.BAD_ENCODING
        if code is Exit.EMPTY_REPLY and isinstance(cause, IncompleteMessage) and cause.started:
            return Exit.RECEIVE_FAILED
        if code is Exit.INCOMPLETE and isinstance(cause, MalformedMessage | LimitExceeded):
            return Exit.RECEIVE_FAILED
    return code


def _causes(exc: BaseException) -> Iterator[BaseException]:
    cause = exc.__cause__
    while cause is not None:
        yield cause
        cause = cause.__cause__
