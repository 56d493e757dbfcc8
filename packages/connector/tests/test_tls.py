from __future__ import annotations

import errno
import pickle
import ssl
from collections.abc import Callable
from typing import Any

import pytest
from yarl import URL

from whimbrel_connector import (
    ClientConnectorCertificateError,
    ClientConnectorError,
    ClientConnectorSSLError,
    ClientProxyConnectionError,
    Endpoint,
    Fingerprint,
    Proxy,
    ServerFingerprintMismatch,
    TCPConnector,
    merge_ssl,
)
from whimbrel_connector._tls import (
    HANDSHAKE_FAULTS,
    check_proxy_session,
    check_session,
    context_for,
    handshake_error,
    proxy_context,
    proxy_handshake_error,
    server_name,
)

CONTEXT = ssl.create_default_context()
PIN = bytes(32)
ENDPOINT = Endpoint("server.example", 443, True)
PROXY = Proxy(URL("https://proxy.example:8443"))


def test_contexts_are_made_once_for_each_configuration() -> None:
    verifying = context_for(True, ("http/1.1",))
    assert context_for(True, ("http/1.1",)) is verifying
    assert context_for(True, ("h2",)) is not verifying
    assert verifying.verify_mode is ssl.CERT_REQUIRED
    assert verifying.check_hostname


@pytest.mark.parametrize("option", [False, Fingerprint(PIN)])
def test_contexts_without_verification(option: Any) -> None:
    context = context_for(option, ())
    assert context.verify_mode is ssl.CERT_NONE
    assert not context.check_hostname
    assert context is context_for(False, ())


def test_context_of_the_user_is_taken_as_it_is() -> None:
    assert context_for(CONTEXT, ("http/1.1",)) is CONTEXT


@pytest.mark.parametrize(
    ("endpoint", "name"),
    [
        (Endpoint("example.org", 1, True), "example.org"),
        (Endpoint("example.org.", 1, True), "example.org"),
        (Endpoint("127.0.0.1", 1, True, server_hostname="example.org."), "example.org"),
        (Endpoint("::1", 1, True), "::1"),
        (Endpoint("fe80::1%eth0", 1, True), "fe80::1"),
        (Endpoint(".", 1, True), "."),
        (PROXY, "proxy.example"),
        (Proxy(URL("https://proxy.example./")), "proxy.example"),
        (Proxy(URL("https://[::1]:8443")), "::1"),
        (Proxy(URL("https://127.0.0.1"), server_hostname="proxy.example."), "proxy.example"),
    ],
)
def test_server_name(endpoint: Endpoint | Proxy, name: str) -> None:
    assert server_name(endpoint) == name


@pytest.mark.parametrize("option", [True, False, CONTEXT, Fingerprint(PIN)])
def test_context_for_a_proxy_is_its_own(option: Any) -> None:
    proxy = Proxy(URL("https://proxy.example"), ssl=option)
    assert proxy_context(proxy) is context_for(option, ("http/1.1",))


# Errors


def expired() -> Exception:
    return ssl.SSLCertVerificationError(1, "[SSL: CERTIFICATE_VERIFY_FAILED] it has expired")


def no_tls() -> ssl.SSLError:
    """Return what OpenSSL says of a peer that speaks no TLS."""
    incoming = ssl.MemoryBIO()
    incoming.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    client = CONTEXT.wrap_bio(incoming, ssl.MemoryBIO(), server_hostname="server.example")
    with pytest.raises(ssl.SSLError) as caught:
        client.do_handshake()
    return caught.value


def while_(exc: Exception, failing: Exception) -> Exception:
    """Return `failing` as it is when it is raised while `exc` is handled."""
    failing.__context__ = exc
    return failing


FAULTS: list[tuple[Callable[[], Exception], type[ClientConnectorError], type[OSError], str]] = [
    (
        expired,
        ClientConnectorCertificateError,
        ssl.SSLCertVerificationError,
        "it has expired] (TLS handshake)",
    ),
    (
        lambda: while_(expired(), TypeError("SSLProtocol._abort() takes 1 positional argument")),
        ClientConnectorCertificateError,
        ssl.SSLCertVerificationError,
        "it has expired] (TLS handshake)",
    ),
    (
        lambda: ssl.SSLError(1, "[SSL: SSLV3_ALERT_HANDSHAKE_FAILURE] failure"),
        ClientConnectorSSLError,
        ssl.SSLError,
        "failure] (TLS handshake)",
    ),
    (
        no_tls,
        ClientConnectorSSLError,
        ssl.SSLError,
        "(the server seems to speak no TLS on this port; TLS handshake)",
    ),
    (
        ConnectionResetError,
        ClientConnectorError,
        ConnectionResetError,
        "[the server closed the connection in the handshake] (TLS handshake)",
    ),
    (
        lambda: ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"),
        ClientConnectorError,
        ConnectionResetError,
        "[Connection reset by peer] (TLS handshake)",
    ),
    (
        lambda: UnicodeEncodeError("idna", "x", 0, 1, "label too long"),
        ClientConnectorSSLError,
        ssl.SSLError,
        "[the handshake could not begin: 'idna' codec can't encode",
    ),
    (
        lambda: TypeError("argument must be encoded string without null bytes"),
        ClientConnectorSSLError,
        ssl.SSLError,
        "[the handshake could not begin: argument must be",
    ),
]


@pytest.mark.parametrize(("make", "kind", "fault", "said"), FAULTS)
def test_fault_of_a_handshake_with_the_server(
    make: Callable[[], Exception],
    kind: type[ClientConnectorError],
    fault: type[OSError],
    said: str,
) -> None:
    exc = make()
    assert isinstance(exc, HANDSHAKE_FAULTS)
    error = handshake_error(ENDPOINT, exc, "TLS handshake")
    assert type(error) is kind
    assert type(error.os_error) is fault
    assert str(error).startswith("Cannot connect to host server.example:443 ssl:default [")
    assert said in str(error)
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


@pytest.mark.parametrize(("make", "kind", "fault", "said"), FAULTS)
def test_fault_of_a_handshake_with_the_proxy(
    make: Callable[[], Exception],
    kind: type[ClientConnectorError],
    fault: type[OSError],
    said: str,
) -> None:
    error = proxy_handshake_error(ENDPOINT, PROXY, make(), "TLS handshake with the proxy")
    assert type(error) is ClientProxyConnectionError
    assert type(error.os_error) is fault
    text = str(error)
    assert "the server" not in text.removeprefix("Cannot connect to host server.example")
    if kind is ClientConnectorCertificateError:
        assert "the certificate is that of the proxy https://proxy.example:8443; TLS" in text
    elif "speak no TLS" in said:
        assert "(the proxy seems to speak no TLS on this port; TLS" in text
    else:
        assert "(the TLS is that with the proxy https://proxy.example:8443 itself; TLS" in text
    assert str(pickle.loads(pickle.dumps(error))) == text


# What a handshake agreed


class Session:
    """A TLS session, as far as it is looked at."""

    def __init__(self, certificate: bytes, protocol: str | None) -> None:
        self._certificate = certificate
        self._protocol = protocol

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return {"ssl_object": self, "peername": ("127.0.0.1", 8443)}.get(name, default)

    def getpeercert(self, binary_form: bool) -> bytes:
        assert binary_form
        return self._certificate

    def selected_alpn_protocol(self) -> str | None:
        return self._protocol


EMPTY = Fingerprint(
    bytes.fromhex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
)


@pytest.mark.parametrize("option", [True, False, CONTEXT, EMPTY])
@pytest.mark.parametrize("protocol", [None, "http/1.1"])
def test_session_that_is_right(option: Any, protocol: str | None) -> None:
    session: Any = Session(b"", protocol)
    check_session(ENDPOINT, option, session)
    check_proxy_session(ENDPOINT, Proxy(URL("https://proxy.example"), ssl=option), session)


def test_session_with_another_certificate() -> None:
    session: Any = Session(b"another", None)
    with pytest.raises(ServerFingerprintMismatch):
        check_session(ENDPOINT, EMPTY, session)
    proxy = Proxy(URL("https://proxy.example"), ssl=EMPTY)
    with pytest.raises(ClientProxyConnectionError, match=r"proxy is not the pinned.*\(so far") as e:
        check_proxy_session(ENDPOINT, proxy, session, "so far")
    assert isinstance(e.value.__cause__, ServerFingerprintMismatch)
    assert str(pickle.loads(pickle.dumps(e.value))) == str(e.value)


def test_session_for_another_protocol() -> None:
    session: Any = Session(b"", "h2")
    with pytest.raises(ClientConnectorSSLError, match=r"server chose .*'h2'.*\(so far\)"):
        check_session(ENDPOINT, True, session, "so far")
    with pytest.raises(ClientConnectorSSLError, match="expected one of none"):
        check_session(Endpoint("h", 1, True, alpn=()), True, session)
    with pytest.raises(ClientProxyConnectionError, match=r"proxy chose .*'h2'.*\(so far\)"):
        check_proxy_session(ENDPOINT, PROXY, session, "so far")


# Deprecated options


@pytest.mark.parametrize(
    ("options", "merged"),
    [
        ({"verify_ssl": False}, False),
        ({"verify_ssl": True}, True),
        ({"ssl_context": CONTEXT}, CONTEXT),
        ({"fingerprint": PIN}, Fingerprint(PIN)),
    ],
)
def test_deprecated_options_warn_and_work(options: Any, merged: Any) -> None:
    with pytest.warns(
        DeprecationWarning, match=f"{next(iter(options))} is deprecated, use ssl"
    ) as told:
        assert merge_ssl(True, **options) == merged
    assert told[0].filename == __file__


@pytest.mark.parametrize("option", [True, False, CONTEXT, Fingerprint(PIN)])
def test_option_alone_is_taken(option: Any) -> None:
    assert merge_ssl(option) is option


def test_options_exclude_each_other() -> None:
    with (
        pytest.warns(DeprecationWarning, match="ssl_context"),
        pytest.raises(ValueError, match="exclude each other"),
    ):
        merge_ssl(False, ssl_context=CONTEXT)


@pytest.mark.parametrize("option", ["yes", 1, 0, None, PIN])
@pytest.mark.parametrize(
    "take",
    [
        merge_ssl,
        lambda option: context_for(option, ()),
        lambda option: Endpoint("h", 1, True, ssl=option),
        lambda option: Endpoint("h", 1, False, ssl=option),
        lambda option: TCPConnector(ssl=option),
    ],
)
def test_option_of_another_type_is_refused(take: Any, option: Any) -> None:
    """Truth is not enough: nobody's trust depends on what `1` or `None` may have meant."""
    with pytest.raises(TypeError, match="ssl must be"):
        take(option)


def test_excerpt_of_a_refused_option_is_bounded() -> None:
    option: Any = "x" * 10_000
    with pytest.raises(TypeError) as caught:
        merge_ssl(option)
    assert len(str(caught.value)) < 200
