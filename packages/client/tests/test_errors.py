from __future__ import annotations

import copy
import pickle
import ssl
import traceback
from typing import Any

import pytest
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from whimbrel import errors
from whimbrel.errors import (
    AddressRefused,
    ClientConnectionError,
    ClientConnectionResetError,
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
    ClientSSLError,
    ConnectionTimeoutError,
    ContentTypeError,
    InvalidURL,
    InvalidUrlClientError,
    InvalidUrlRedirectClientError,
    NonHttpUrlClientError,
    NonHttpUrlRedirectClientError,
    RedirectClientError,
    ServerConnectionError,
    ServerDisconnectedError,
    ServerFingerprintMismatch,
    ServerTimeoutError,
    SocketTimeoutError,
    SocksRefused,
    TooManyRedirects,
    UnixClientConnectorError,
    WSServerHandshakeError,
)
from whimbrel.request import RequestInfo
from whimbrel_connector import Endpoint

# "Derived from", in the client reference
BASES: dict[type[BaseException], tuple[type[BaseException], ...]] = {
    ClientError: (Exception,),
    ClientConnectionError: (ClientError,),
    ClientConnectionResetError: (ClientConnectionError, ConnectionResetError),
    ClientOSError: (ClientConnectionError, OSError),
    ClientConnectorError: (ClientOSError,),
    ClientConnectorDNSError: (ClientConnectorError,),
    AddressRefused: (ClientConnectorError,),
    ClientProxyConnectionError: (ClientConnectorError,),
    SocksRefused: (ClientProxyConnectionError,),
    ClientSSLError: (ClientConnectorError,),
    ClientConnectorCertificateError: (ClientSSLError, ssl.CertificateError),
    ClientConnectorSSLError: (ClientSSLError, ssl.SSLError),
    UnixClientConnectorError: (ClientConnectorError,),
    ServerConnectionError: (ClientConnectionError,),
    ServerDisconnectedError: (ServerConnectionError,),
    ServerFingerprintMismatch: (ServerConnectionError,),
    ServerTimeoutError: (ServerConnectionError, TimeoutError),
    ConnectionTimeoutError: (ServerTimeoutError,),
    SocketTimeoutError: (ServerTimeoutError,),
    ClientPayloadError: (ClientError,),
    ClientResponseError: (ClientError,),
    ClientHttpProxyError: (ClientResponseError,),
    ContentTypeError: (ClientResponseError,),
    TooManyRedirects: (ClientResponseError,),
    WSServerHandshakeError: (ClientResponseError,),
    InvalidURL: (ClientError, ValueError),
    InvalidUrlClientError: (InvalidURL,),
    RedirectClientError: (ClientError,),
    NonHttpUrlClientError: (ClientError,),
    InvalidUrlRedirectClientError: (InvalidUrlClientError, RedirectClientError),
    NonHttpUrlRedirectClientError: (NonHttpUrlClientError, RedirectClientError),
}

URL_ = URL("http://example.com/x?y#z")
INFO = RequestInfo(
    URL_.with_fragment(None),
    "GET",
    CIMultiDictProxy(CIMultiDict([("Accept", "*/*"), ("X-A", "1"), ("x-a", "2")])),
    URL_,
)
HEADERS = CIMultiDictProxy(CIMultiDict([("Set-Cookie", "a=1"), ("set-cookie", "b=2")]))
RESPONSE_ERRORS = [
    ClientResponseError,
    ClientHttpProxyError,
    ContentTypeError,
    TooManyRedirects,
    WSServerHandshakeError,
]
ENDPOINT = Endpoint("example.com", 443, True)
OS_ERROR = OSError(111, "Connection refused")


@pytest.mark.parametrize(
    ("error", "bases"), BASES.items(), ids=lambda x: getattr(x, "__name__", "")
)
def test_the_hierarchy_is_that_of_the_reference(
    error: type[BaseException], bases: tuple[type[BaseException], ...]
) -> None:
    for base in bases:
        assert issubclass(error, base)
    ours = {base for base in error.__mro__[1:] if base in BASES}
    told: set[type[BaseException]] = set()
    pending = [base for base in bases if base in BASES]
    while pending:
        told.add(base := pending.pop())
        pending += [b for b in BASES[base] if b in BASES]
    assert ours == told


def test_every_exception_is_in_the_table() -> None:
    assert {error.__name__ for error in BASES} == set(errors.__all__)


def response_error(kind: type[ClientResponseError], **given: Any) -> ClientResponseError:
    parts: dict[str, Any] = {"status": 404, "message": "Not Found", "headers": HEADERS}
    return kind(INFO, (), **(parts | given))


@pytest.mark.parametrize("kind", RESPONSE_ERRORS)
def test_a_response_error_says_what_came_of_what(kind: type[ClientResponseError]) -> None:
    error = response_error(kind)
    assert (error.status, error.message, error.headers) == (404, "Not Found", HEADERS)
    assert error.request_info is INFO
    assert error.history == ()
    assert error.args == (INFO, ())
    said = "404, message='Not Found', url='http://example.com/x?y#z'"
    refused = "The proxy refused the tunnel: " if kind is ClientHttpProxyError else ""
    assert str(error) == refused + said
    assert repr(error) == f"{kind.__name__}({error})"


def test_a_response_error_needs_no_more_than_the_request() -> None:
    error = ClientResponseError(INFO)
    assert (error.status, error.message, error.headers, error.history) == (0, "", None, ())
    assert str(error) == "message='', url='http://example.com/x?y#z'"


@pytest.mark.parametrize("headers", [HEADERS, None])
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("kind", RESPONSE_ERRORS)
def test_a_response_error_pickles_but_for_its_history(
    kind: type[ClientResponseError], protocol: int, headers: CIMultiDictProxy[str] | None
) -> None:
    error = response_error(kind, headers=headers)
    error.history = (object(),)  # type: ignore[assignment]  # a response, which cannot be pickled
    for again in (pickle.loads(pickle.dumps(error, protocol)), copy.deepcopy(error)):
        assert type(again) is kind
        assert str(again) == str(error)
        assert (again.status, again.message) == (404, "Not Found")
        assert again.headers == headers
        assert type(again.headers) is type(headers)
        assert again.history == ()
        assert again.request_info == INFO
        assert type(again.request_info) is RequestInfo
        assert list(again.request_info.headers.items()) == list(INFO.headers.items())
        assert pickle.loads(pickle.dumps(again)).status == 404


def test_a_subclass_of_the_users_pickles() -> None:
    assert type(pickle.loads(pickle.dumps(response_error(TeapotError)))) is TeapotError


class TeapotError(ClientResponseError):
    """What users derive."""


@pytest.mark.parametrize("description", [None, "no host"])
@pytest.mark.parametrize("url", [URL("http://:80", encoded=True), "http://"])
@pytest.mark.parametrize("kind", [InvalidURL, InvalidUrlClientError, InvalidUrlRedirectClientError])
def test_an_invalid_url_keeps_it(
    kind: type[InvalidURL], url: URL | str, description: str | None
) -> None:
    error = kind(url, description)
    for again in (error, pickle.loads(pickle.dumps(error)), copy.deepcopy(error)):
        assert type(again) is kind
        assert (again.url, again.description) == (url, description)
        text = str(url) if description is None else f"{url} - {description}"
        assert str(again) == text
        assert repr(again) == f"<{kind.__name__} {text}>"


OTHERS: list[ClientError] = [
    ClientError("x"),
    ClientConnectionError("x"),
    ClientConnectionResetError("x"),
    ClientOSError(111, "x"),
    ClientConnectorError(ENDPOINT, OS_ERROR),
    ClientConnectorDNSError(ENDPOINT, OS_ERROR),
    ClientProxyConnectionError(ENDPOINT, OS_ERROR),
    AddressRefused(ENDPOINT, ["10.0.0.1"]),
    SocksRefused(ENDPOINT, 5, "connection refused"),
    ClientSSLError(ENDPOINT, OS_ERROR),
    ClientConnectorSSLError(ENDPOINT, ssl.SSLError(1, "x")),
    ClientConnectorCertificateError(ENDPOINT, ssl.SSLCertVerificationError(1, "x")),
    UnixClientConnectorError("/socket", ENDPOINT, OS_ERROR),
    ServerConnectionError("x"),
    ServerDisconnectedError(),
    ServerDisconnectedError("x"),
    ServerFingerprintMismatch(bytes(32), bytes(32), "host", 443),
    ServerTimeoutError("x"),
    ConnectionTimeoutError("x"),
    SocketTimeoutError("x"),
    ClientPayloadError("x"),
    RedirectClientError("x"),
    NonHttpUrlClientError("x"),
    NonHttpUrlRedirectClientError("x"),
]


@pytest.mark.parametrize("error", OTHERS, ids=lambda error: type(error).__name__)
def test_the_others_pickle_too(error: ClientError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == str(error) != ""
    for name in ("errno", "strerror", "host", "port", "message", "expected", "got"):
        assert getattr(again, name, None) == getattr(error, name, None)


def test_every_exception_is_pickled_here() -> None:
    tested = {type(error) for error in OTHERS} | set(RESPONSE_ERRORS)
    assert tested | {InvalidURL, InvalidUrlClientError, InvalidUrlRedirectClientError} == set(BASES)


HUGE = "\x1b[2J\r\n\udcff\u202e" + "x" * 100_000
HUGE_URL = URL("http://example.com/" + "y" * 100_000)


@pytest.mark.parametrize(
    "error",
    [
        response_error(ClientResponseError, message=HUGE),
        ClientResponseError(INFO._replace(real_url=HUGE_URL), message=HUGE),
        InvalidURL(HUGE_URL, "too long"),
        InvalidURL("http://" + "y" * 100_000, "too long"),
    ],
)
def test_what_a_peer_sent_is_quoted_in_a_bounded_piece(error: ClientError) -> None:
    for text in (str(error), repr(error), "".join(traceback.format_exception(error))):
        assert len(text) < 2_000
        text.encode()
    for text in (str(error), repr(error)):
        assert text.isprintable()
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
