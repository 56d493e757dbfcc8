"""Exit statuses of the client's exceptions."""

from __future__ import annotations

import socket
import ssl

import pytest
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from whimbrel import (
    ClientConnectorCertificateError,
    ClientConnectorDNSError,
    ClientConnectorError,
    ClientConnectorSSLError,
    ClientError,
    ClientHttpProxyError,
    ClientOSError,
    ClientPayloadError,
    ClientProxyConnectionError,
    ClientResponseError,
    InvalidUrlRedirectClientError,
    NonHttpUrlRedirectClientError,
    RequestInfo,
    ServerDisconnectedError,
    SocketTimeoutError,
    TooManyRedirects,
)
from whimbrel._cli.exits import Exit
from whimbrel._cli.explain import explain
from whimbrel_connector import ConnectionKey
from whimbrel_http_parser import (
    ContentCodingError,
    IncompleteMessage,
    LimitExceeded,
    MalformedMessage,
)

ADDRESS = URL("http://bird.test/")
INFO = RequestInfo(ADDRESS, "GET", CIMultiDictProxy(CIMultiDict()), ADDRESS)
KEY = ConnectionKey("bird.test", 443, is_ssl=True, ssl=True)
NO_NAME = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
REFUSED = ConnectionRefusedError(111, "Connection refused")


def because(error: ClientError, cause: BaseException) -> ClientError:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (TimeoutError("too long"), Exit.TIMED_OUT),
        (SocketTimeoutError("nothing for 1 s"), Exit.TIMED_OUT),
        (InvalidUrlRedirectClientError("http://"), Exit.BAD_URL),
        (NonHttpUrlRedirectClientError("ftp://bird.test/"), Exit.UNSUPPORTED_SCHEME),
        (TooManyRedirects(INFO, message="More than 3 redirects"), Exit.TOO_MANY_REDIRECTS),
        (ClientHttpProxyError(INFO, status=407), Exit.RECEIVE_FAILED),
        (ClientResponseError(INFO, message="Malformed response"), Exit.UNPARSABLE_REPLY),
        (ClientConnectorDNSError(KEY, NO_NAME), Exit.NOT_RESOLVED),
        (ClientConnectorError(KEY, REFUSED), Exit.NOT_CONNECTED),
        (ClientProxyConnectionError(KEY, REFUSED), Exit.NOT_CONNECTED),
        (because(ClientProxyConnectionError(KEY, NO_NAME), NO_NAME), Exit.PROXY_NOT_RESOLVED),
        (ClientConnectorSSLError(KEY, ssl.SSLError(1, "bad record")), Exit.TLS_FAILED),
        (
            ClientConnectorCertificateError(KEY, ssl.SSLCertVerificationError(1, "expired")),
            Exit.BAD_CERTIFICATE,
        ),
        (
            because(ServerDisconnectedError(), IncompleteMessage("head", 0, started=False)),
            Exit.EMPTY_REPLY,
        ),
        (because(ServerDisconnectedError(), IncompleteMessage("head", 9)), Exit.RECEIVE_FAILED),
        (ClientOSError(104, "Connection reset by peer"), Exit.RECEIVE_FAILED),
        (because(ClientPayloadError("cut"), IncompleteMessage("body", 5, 9)), Exit.INCOMPLETE),
        (because(ClientPayloadError("bad"), MalformedMessage("chunk size")), Exit.RECEIVE_FAILED),
        (because(ClientPayloadError("long"), LimitExceeded("trailers", 9)), Exit.RECEIVE_FAILED),
        (because(ClientPayloadError("bad"), ContentCodingError("gzip", "crc")), Exit.BAD_ENCODING),
    ],
)
def test_exit_status(error: ClientError | TimeoutError, code: Exit) -> None:
    explained = explain(error)
    assert explained.code is code
    assert explained.message


def test_one_printable_line() -> None:
    message = explain(ClientPayloadError("first\nsecond\x1b[31m\t third")).message
    assert message == r"first second\x1b[31m third"
