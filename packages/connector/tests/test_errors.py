from __future__ import annotations

import asyncio
import pickle
import ssl
from typing import Any

import pytest

from whimbrel_connector import errors
from whimbrel_connector.endpoint import Endpoint
from whimbrel_connector.fingerprint import Fingerprint

ENDPOINT = Endpoint("example.org", 443, True)
REFUSED = ConnectionRefusedError(111, "Connect call failed ('127.0.0.1', 443)")

EXAMPLES = [
    errors.ClientError("text"),
    errors.ClientConnectionError("text"),
    errors.ClientConnectionResetError("text"),
    errors.ClientOSError(5, "text"),
    errors.ClientConnectorError(ENDPOINT, REFUSED, "connecting, after 0.10 s"),
    errors.ClientConnectorDNSError(ENDPOINT, OSError(None, "no such name")),
    errors.ClientProxyConnectionError(ENDPOINT, REFUSED),
    errors.ProxyRefused(ENDPOINT, 407, "No", [(b"A", b"b")], b"body", "asking"),
    errors.AddressRefused(ENDPOINT, ["10.0.0.1", "::1"], "connecting"),
    errors.SocksRefused(ENDPOINT, 5, "connection refused by the destination", "asking"),
    errors.UnixClientConnectorError("/run/s", ENDPOINT, FileNotFoundError(2, "No such file")),
    errors.ClientSSLError(ENDPOINT, ssl.SSLError(1, "bad")),
    errors.ClientConnectorSSLError(ENDPOINT, ssl.SSLError(1, "bad"), "TLS handshake"),
    errors.ClientConnectorCertificateError(ENDPOINT, ssl.SSLCertVerificationError(1, "expired")),
    errors.ServerConnectionError("text"),
    errors.ServerDisconnectedError(),
    errors.ServerDisconnectedError("half an answer"),
    errors.ServerTimeoutError("text"),
    errors.ConnectionTimeoutError("text"),
    errors.SocketTimeoutError("text"),
    errors.ServerFingerprintMismatch(b"\x01" * 32, b"\x02" * 32, "127.0.0.1", 443),
]


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_pickles(error: Any) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert str(copy) == str(error)
    for name in ("host", "port", "ssl", "path", "errno", "status", "reason", "headers", "body"):
        assert getattr(copy, name, None) == getattr(error, name, None)
    for name in ("addresses", "code"):
        assert getattr(copy, name, None) == getattr(error, name, None)
    assert str(getattr(copy, "os_error", "")) == str(getattr(error, "os_error", ""))


def test_every_error_is_in_the_examples() -> None:
    named = {getattr(errors, name) for name in errors.__all__} - {errors.ConnectionKey}
    assert named == {type(error) for error in EXAMPLES}


@pytest.mark.parametrize(
    ("error", "bases"),
    [
        (errors.ClientError, (Exception,)),
        (errors.ClientConnectionError, (errors.ClientError,)),
        (errors.ClientConnectionResetError, (errors.ClientConnectionError, ConnectionResetError)),
        (errors.ClientOSError, (errors.ClientConnectionError, OSError)),
        (errors.ClientConnectorError, (errors.ClientOSError,)),
        (errors.ClientConnectorDNSError, (errors.ClientConnectorError,)),
        (errors.ClientProxyConnectionError, (errors.ClientConnectorError,)),
        (errors.AddressRefused, (errors.ClientConnectorError,)),
        (errors.ProxyRefused, (errors.ClientProxyConnectionError,)),
        (errors.SocksRefused, (errors.ClientProxyConnectionError,)),
        (errors.UnixClientConnectorError, (errors.ClientConnectorError,)),
        (errors.ClientSSLError, (errors.ClientConnectorError,)),
        (errors.ClientConnectorSSLError, (errors.ClientSSLError, ssl.SSLError)),
        (errors.ClientConnectorCertificateError, (errors.ClientSSLError, ssl.CertificateError)),
        (errors.ServerConnectionError, (errors.ClientConnectionError,)),
        (errors.ServerDisconnectedError, (errors.ServerConnectionError,)),
        (errors.ServerFingerprintMismatch, (errors.ServerConnectionError,)),
        (errors.ServerTimeoutError, (errors.ServerConnectionError, asyncio.TimeoutError)),
        (errors.ConnectionTimeoutError, (errors.ServerTimeoutError,)),
        (errors.SocketTimeoutError, (errors.ServerTimeoutError,)),
    ],
)
def test_has_the_bases_of_the_reference(error: Any, bases: tuple[type, ...]) -> None:
    assert error.__bases__ == bases


def test_connector_error_says_where_and_why() -> None:
    error = errors.ClientConnectorError(ENDPOINT, REFUSED, "connecting to 127.0.0.1, after 0.10 s")
    assert str(error) == (
        "Cannot connect to host example.org:443 ssl:default"
        " [Connect call failed ('127.0.0.1', 443)] (connecting to 127.0.0.1, after 0.10 s)"
    )
    assert (error.host, error.port, error.ssl, error.os_error) == (
        "example.org",
        443,
        True,
        REFUSED,
    )
    assert error.errno == 111


def test_error_with_a_tls_context_pickles_without_it() -> None:
    endpoint = Endpoint("h", 1, True, ssl=ssl.create_default_context())
    copy = pickle.loads(pickle.dumps(errors.ClientConnectorError(endpoint, REFUSED)))
    assert copy.ssl.startswith("<ssl.SSLContext object")


def test_error_with_a_fingerprint_pickles_with_it() -> None:
    pin = Fingerprint(b"\x01" * 32)
    error = errors.ClientConnectorError(Endpoint("h", 1, True, ssl=pin), REFUSED)
    assert pickle.loads(pickle.dumps(error)).ssl == pin


def test_peer_text_in_an_error_is_bounded_and_escaped() -> None:
    error = errors.ProxyRefused(ENDPOINT, 502, "\x1b[31m" + "x" * 10_000, [], b"")
    assert "\x1b" not in str(error)
    assert len(str(error)) < 300


def test_server_disconnected_has_its_message() -> None:
    assert errors.ServerDisconnectedError().message == "Server disconnected"
    assert errors.ServerDisconnectedError("half").message == "half"


def test_an_address_refused_names_a_bounded_number_of_addresses() -> None:
    error = errors.AddressRefused(ENDPOINT, [f"10.0.0.{number}" for number in range(100)])
    assert str(error).count("10.0.0.") == 8
    assert "and 92 more" in str(error)
    assert len(error.addresses) == 100
