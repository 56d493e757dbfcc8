"""Real TLS handshakes on the loopback interface: who is trusted, what is agreed, what is said."""

from __future__ import annotations

import asyncio
import datetime
import errno
import pickle
import socket
import ssl
import struct
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from hashlib import sha256
from typing import Any, TypeVar

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

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
)
from whimbrel_connector.testing import RecordingReceiver, ScriptedResolver

T = TypeVar("T")
VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


def finding(name: str) -> ScriptedResolver:
    """What finds one name, on this machine."""
    return ScriptedResolver({name: ["127.0.0.1"]})


@asynccontextmanager
async def talking(talk: Callable[[socket.socket], T]) -> AsyncIterator[tuple[int, Any]]:
    """Let `talk` serve one connection, in a thread, as no server of asyncio can be told to.

    It gives the port, and a future of what `talk` returns.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(5)

        def serve() -> T:
            sock, _ = listener.accept()
            with sock:
                sock.settimeout(5)
                return talk(sock)

        told = asyncio.ensure_future(asyncio.to_thread(serve))
        try:
            yield listener.getsockname()[1], told
        finally:
            await asyncio.wait([told])
        await told


def refusing(context: ssl.SSLContext) -> Callable[[socket.socket], None]:
    """What a server says that refuses the handshake; asyncio's would not send its alert."""

    def talk(sock: socket.socket) -> None:
        with pytest.raises(ssl.SSLError):
            context.wrap_socket(sock, server_side=True)

    return talk


def same_when_pickled(exc: Exception) -> bool:
    again = pickle.loads(pickle.dumps(exc))
    return type(again) is type(exc) and str(again) == str(exc)


def serving_context(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.configure_cert(context)
    return context


def trusting_context(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def self_signed() -> ssl.SSLContext:
    """What a server has that made its certificate itself."""
    maker = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    with maker.private_key_pem.tempfile() as key, maker.cert_pem.tempfile() as certificate:
        context.load_cert_chain(certificate, key)
    return context


def presenting(what: str, authority: trustme.CA) -> ssl.SSLContext:
    """What a server has whose certificate is like that."""
    now = datetime.datetime.now(datetime.UTC)
    day = datetime.timedelta(days=1)
    if what == "self-signed":
        return self_signed()
    if what == "unknown":
        certificate = trustme.CA().issue_cert("localhost")
    elif what == "expired":
        certificate = authority.issue_cert(
            "localhost", not_before=now - 2 * day, not_after=now - day
        )
    elif what == "early":
        certificate = authority.issue_cert(
            "localhost", not_before=now + day, not_after=now + 2 * day
        )
    else:
        certificate = authority.issue_cert(what)
    return serving_context(certificate)


# Certificates


@pytest.mark.parametrize(
    ("host", "names"),
    [
        ("localhost", ["localhost"]),
        ("localhost.", ["localhost"]),
        ("a.example.org", ["*.example.org"]),
        ("xn--bcher-kva.example", ["bücher.example"]),
        ("127.0.0.1", ["127.0.0.1"]),
        ("::1", ["::1"]),
    ],
)
@pytest.mark.parametrize("version", VERSIONS)
async def test_certificate_that_is_good(  # noqa: PLR0917  # fixtures
    host: str,
    names: list[str],
    version: ssl.TLSVersion,
    serving: Any,
    server_tls: Any,
    trusting: ssl.SSLContext,
    ask: Any,
) -> None:
    context = server_tls(*names)
    context.minimum_version = context.maximum_version = version
    async with (
        serving(tls=context, host="::1" if host == "::1" else "127.0.0.1") as server,
        TCPConnector(ssl=trusting, resolver=finding(host)) as connector,
    ):
        connection = await connector.acquire(server.endpoint(host=host, is_ssl=True))
        assert await ask(connection.transport) == b"ping"
        ssl_object = connection.transport.get_extra_info("ssl_object")
        assert ssl_object.version() == version.name.replace("_", ".")
        connection.release()


@pytest.mark.parametrize(
    ("certificate", "host", "said"),
    [
        ("expired", "localhost", "certificate has expired"),
        ("early", "localhost", "certificate is not yet valid"),
        ("unknown", "localhost", "unable to get local issuer certificate"),
        ("self-signed", "localhost", "self-signed certificate"),
        ("localhost", "other.example", "Hostname mismatch, certificate is not valid for"),
        ("localhost", "127.0.0.1", "IP address mismatch, certificate is not valid for"),
        ("127.0.0.2", "127.0.0.1", "IP address mismatch, certificate is not valid for"),
        ("*.example.org", "example.org", "certificate is not valid for 'example.org'"),
        ("*.example.org", "a.b.example.org", "certificate is not valid for 'a.b.example.org'"),
    ],
)
async def test_certificate_that_is_refused(
    certificate: str, host: str, said: str, serving: Any, authority: trustme.CA
) -> None:
    """Each for its reason, and always with the class that the reference has for it."""
    async with (
        serving(tls=presenting(certificate, authority)) as server,
        TCPConnector(ssl=trusting_context(authority), resolver=finding(host)) as connector,
    ):
        with pytest.raises(ClientConnectorCertificateError) as caught:
            await connector.acquire(server.endpoint(host=host, is_ssl=True))
        error = caught.value
        assert said in str(error)
        assert f"Cannot connect to host {host}:{server.port} ssl:" in str(error)
        assert "TLS handshake, after" in error.detail
        assert isinstance(error.certificate_error, ssl.SSLCertVerificationError)
        assert error.__cause__ is error.certificate_error
        assert isinstance(error, ssl.CertificateError)
        assert same_when_pickled(error)
        assert connector.statistics().open == 0


async def test_nothing_is_verified_where_that_is_asked_for(serving: Any, ask: Any) -> None:
    async with serving(tls=self_signed()) as server, TCPConnector(ssl=False) as connector:
        connection = await connector.acquire(server.endpoint(is_ssl=True))
        assert await ask(connection.transport) == b"ping"
        connection.release()
        verifying = server.endpoint(is_ssl=True, ssl=trusting_context(trustme.CA()))
        assert connector.acquire_nowait(verifying) is None, "trust is part of the key"
        with pytest.raises(ClientConnectorCertificateError):
            await connector.acquire(verifying)


# Names


@pytest.mark.parametrize(
    ("options", "sni"),
    [
        ({"host": "localhost"}, "localhost"),
        ({"host": "localhost."}, "localhost"),
        ({"host": "127.0.0.1"}, None),
        ({"host": "127.0.0.1", "server_hostname": "localhost"}, "localhost"),
        ({"host": "elsewhere.example", "server_hostname": "localhost."}, "localhost"),
        ({"host": "localhost", "server_hostname": "127.0.0.1"}, None),
    ],
)
async def test_server_is_asked_for_by_name(
    options: Any, sni: str | None, serving: Any, server_tls: Any, trusting: ssl.SSLContext
) -> None:
    """And by the one that is verified; an address is never sent (RFC 6066, section 3)."""
    asked = []
    context = server_tls("localhost", "127.0.0.1")
    context.sni_callback = lambda _object, name, _context: asked.append(name)
    async with (
        serving(tls=context) as server,
        TCPConnector(ssl=trusting, resolver=finding(options["host"])) as connector,
    ):
        connection = await connector.acquire(server.endpoint(is_ssl=True, **options))
        connection.close()
    assert asked == [sni]


async def test_given_name_is_the_one_that_is_verified(
    serving: Any, server_tls: Any, trusting: ssl.SSLContext
) -> None:
    async with serving(tls=server_tls("localhost")) as server, TCPConnector(ssl=trusting) as c:
        endpoint = server.endpoint(host="localhost", is_ssl=True, server_hostname="other.example")
        with pytest.raises(ClientConnectorCertificateError, match=r"for 'other\.example'"):
            await c.acquire(endpoint)


@pytest.mark.parametrize("name", [".example.org", f"{'x' * 64}.example.org", "x\0y"])
async def test_name_that_tls_cannot_ask_for(
    name: str, serving: Any, server_tls: Any, turns: Any
) -> None:
    async with serving(tls=server_tls()) as server, TCPConnector() as connector:
        endpoint = server.endpoint(is_ssl=True, server_hostname=name)
        with pytest.raises(ClientConnectorSSLError, match="handshake could not begin") as caught:
            await connector.acquire(endpoint)
        assert same_when_pickled(caught.value)
        await turns(200)  # nobody took the socket over, which the connector finds out by waiting
        assert connector.statistics().connecting == 0


# Fingerprints


def digest(certificate: trustme.LeafCert, number: int = 0) -> bytes:
    """Return the digest of the leaf, or of one of those that follow it."""
    pem = b"".join(blob.bytes() for blob in certificate.cert_chain_pems)
    found = x509.load_pem_x509_certificates(pem)[number]
    return sha256(found.public_bytes(serialization.Encoding.DER)).digest()


async def test_fingerprint_is_that_of_the_leaf(
    serving: Any, authority: trustme.CA, ask: Any
) -> None:
    """Nothing else is verified, and a certificate that the server adds to it is not it."""
    certificate = authority.create_child_ca().issue_cert("nowhere.example")
    issuer = digest(certificate, 1)
    pinned = Fingerprint(digest(certificate))
    async with (
        serving(tls=serving_context(certificate)) as server,
        TCPConnector(ssl=pinned) as connector,
    ):
        connection = await connector.acquire(server.endpoint(is_ssl=True))
        assert await ask(connection.transport) == b"ping"
        connection.release()
        for wrong in (issuer, bytes(32)):
            endpoint = server.endpoint(is_ssl=True, ssl=Fingerprint(wrong))
            assert connector.acquire_nowait(endpoint) is None, "trust is part of the key"
            with pytest.raises(ServerFingerprintMismatch) as caught:
                await connector.acquire(endpoint)
            error = caught.value
            assert (error.expected, error.got) == (wrong, pinned.fingerprint)
            assert (error.host, error.port) == ("127.0.0.1", server.port)
            assert wrong.hex() in str(error)
            assert same_when_pickled(error)
        assert connector.statistics().open == 1


async def test_fingerprint_is_of_the_certificate_and_not_of_its_key(
    serving: Any, authority: trustme.CA
) -> None:
    """A renewed certificate is another one, even if its key stays."""
    certificate = authority.issue_cert("localhost")
    found = x509.load_pem_x509_certificate(certificate.cert_chain_pems[0].bytes())
    assert digest(certificate) == found.fingerprint(hashes.SHA256())
    key = found.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    async with serving(tls=serving_context(certificate)) as server, TCPConnector() as connector:
        endpoint = server.endpoint(is_ssl=True, ssl=Fingerprint(sha256(key).digest()))
        with pytest.raises(ServerFingerprintMismatch):
            await connector.acquire(endpoint)


# Client certificates


def requiring(server_tls: Any, authority: trustme.CA, version: ssl.TLSVersion) -> ssl.SSLContext:
    context: ssl.SSLContext = server_tls()
    context.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(context)
    context.minimum_version = context.maximum_version = version
    return context


@pytest.mark.parametrize("version", VERSIONS)
async def test_client_certificate_that_the_server_wants(
    version: ssl.TLSVersion, serving: Any, server_tls: Any, authority: trustme.CA, ask: Any
) -> None:
    client = trusting_context(authority)
    authority.issue_cert("client.example").configure_cert(client)
    async with (
        serving(tls=requiring(server_tls, authority, version)) as server,
        TCPConnector(ssl=client) as connector,
    ):
        connection = await connector.acquire(server.endpoint(is_ssl=True))
        assert await ask(connection.transport) == b"ping"
        shown = server.writers[0].get_extra_info("peercert")
        assert ("DNS", "client.example") in shown["subjectAltName"]
        connection.release()
        other = server.endpoint(is_ssl=True, ssl=trusting_context(authority))
        assert connector.acquire_nowait(other) is None, "the certificate is part of the key"


@pytest.mark.parametrize(
    ("version", "shown", "reason"),
    [
        (ssl.TLSVersion.TLSv1_2, "none", "SSLV3_ALERT_HANDSHAKE_FAILURE"),
        (ssl.TLSVersion.TLSv1_2, "wrong", "TLSV1_ALERT_UNKNOWN_CA"),
        (ssl.TLSVersion.TLSv1_3, "none", "TLSV13_ALERT_CERTIFICATE_REQUIRED"),
        (ssl.TLSVersion.TLSv1_3, "wrong", "TLSV1_ALERT_UNKNOWN_CA"),
    ],
)
async def test_client_certificate_that_the_server_misses(
    version: ssl.TLSVersion, shown: str, reason: str, server_tls: Any, authority: trustme.CA
) -> None:
    """TLS 1.2 says so in the handshake; in TLS 1.3 that is over for the client before."""
    server_side = requiring(server_tls, authority, version)
    client = trusting_context(authority)
    if shown == "wrong":
        trustme.CA().issue_cert("client.example").configure_cert(client)
    async with talking(refusing(server_side)) as (port, _), TCPConnector(ssl=client) as connector:
        endpoint = Endpoint("127.0.0.1", port, True)
        fault: Any
        if version is ssl.TLSVersion.TLSv1_2:
            with pytest.raises(ClientConnectorSSLError, match="alert") as caught:
                await connector.acquire(endpoint)
            fault = caught.value.os_error
            assert same_when_pickled(caught.value)
        else:
            connection = await connector.acquire(endpoint)
            receiver = RecordingReceiver()
            connection.transport.set_receiver(receiver)
            await receiver.until_called("connection_lost")
            assert receiver.calls == ["connection_lost"]
            fault = receiver.exc
            connection.close()
        assert isinstance(fault, ssl.SSLError)
        assert fault.reason == reason


# Versions and protocols


async def test_no_version_in_common(server_tls: Any, authority: trustme.CA) -> None:
    old = server_tls()
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    new = trusting_context(authority)
    new.minimum_version = ssl.TLSVersion.TLSv1_3
    async with talking(refusing(old)) as (port, _), TCPConnector(ssl=new) as connector:
        with pytest.raises(ClientConnectorSSLError, match="protocol version") as caught:
            await connector.acquire(Endpoint("127.0.0.1", port, True))
        assert "seems to speak no TLS" not in str(caught.value)


@pytest.mark.parametrize(
    ("spoken", "chosen"), [(["http/1.1"], "http/1.1"), (["h2", "http/1.1"], "http/1.1"), ([], None)]
)
async def test_protocol_is_chosen_among_those_of_the_endpoint(
    spoken: list[str], chosen: str | None, serving: Any, server_tls: Any
) -> None:
    context = server_tls()
    if spoken:
        context.set_alpn_protocols(spoken)
    async with serving(tls=context) as server, TCPConnector(ssl=False) as connector:
        connection = await connector.acquire(server.endpoint(is_ssl=True))
        ssl_object = connection.transport.get_extra_info("ssl_object")
        assert ssl_object.selected_alpn_protocol() == chosen
        connection.release()
        other = server.endpoint(is_ssl=True, alpn=())
        assert connector.acquire_nowait(other) is None, "what is offered is part of the key"
        connection = await connector.acquire(other)
        ssl_object = connection.transport.get_extra_info("ssl_object")
        assert ssl_object.selected_alpn_protocol() is None
        connection.close()


async def test_protocol_that_only_the_context_asks_for(
    serving: Any, server_tls: Any, authority: trustme.CA
) -> None:
    """Whoever speaks HTTP/1.1 on what was agreed to be HTTP/2 is not understood."""
    context = server_tls()
    context.set_alpn_protocols(["h2"])
    client = trusting_context(authority)
    client.set_alpn_protocols(["h2", "http/1.1"])
    async with serving(tls=context) as server, TCPConnector(ssl=client) as connector:
        with pytest.raises(
            ClientConnectorSSLError, match=r"the server chose .*'h2' \(ALPN\), .*of http/1\.1\]"
        ) as caught:
            await connector.acquire(server.endpoint(is_ssl=True))
        assert same_when_pickled(caught.value)
        assert connector.statistics().open == 0
        agreed = server.endpoint(is_ssl=True, alpn=("h2",))
        connection = await connector.acquire(agreed)
        connection.close()


# Peers that speak something else, or no more


@pytest.mark.parametrize(
    "words",
    [
        b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n",
        b"<!DOCTYPE html><html><body>The plain HTTP request was sent</body></html>",
        b"SSH-2.0-server\r\n",
        b"220 mail.example ESMTP\r\n",
        bytes(100),
    ],
    ids=["HTTP", "HTML", "SSH", "SMTP", "zeros"],
)
async def test_peer_that_speaks_no_tls_is_told_apart(words: bytes) -> None:
    def talk(sock: socket.socket) -> None:
        sock.recv(65536)
        sock.sendall(words)
        with suppress(ConnectionResetError):
            sock.recv(1)

    async with talking(talk) as (port, _), TCPConnector() as connector:
        with pytest.raises(
            ClientConnectorSSLError, match="the server seems to speak no TLS on this port"
        ) as caught:
            await connector.acquire(Endpoint("127.0.0.1", port, True))
        assert isinstance(caught.value.os_error, ssl.SSLError)
        assert caught.value.__cause__ is caught.value.os_error
        assert same_when_pickled(caught.value)


@pytest.mark.parametrize("reset", [True, False])
@pytest.mark.parametrize("after", ["hello", "half an answer"])
async def test_peer_that_leaves_in_the_handshake(after: str, reset: bool, server_tls: Any) -> None:
    context = server_tls()

    def talk(sock: socket.socket) -> None:
        hello = sock.recv(65536)
        if after != "hello":
            answer = ssl.MemoryBIO()
            question = ssl.MemoryBIO()
            question.write(hello)
            server = context.wrap_bio(question, answer, server_side=True)
            with pytest.raises(ssl.SSLWantReadError):
                server.do_handshake()
            sock.sendall(answer.read(100))
        if reset:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    async with talking(talk) as (port, _), TCPConnector(ssl=False) as connector:
        with pytest.raises(ClientConnectorError, match="TLS handshake") as caught:
            await connector.acquire(Endpoint("127.0.0.1", port, True))
        error = caught.value
        assert not isinstance(error, ClientConnectorSSLError), "TLS is not to blame"
        assert isinstance(error.os_error, ConnectionResetError)
        assert error.errno == errno.ECONNRESET
        if not reset:
            assert "the server closed the connection in the handshake" in str(error)
        assert same_when_pickled(error)
        assert connector.statistics().connecting == 0


# HTTPS proxies: what is verified is the proxy, and the error says so


def through(proxy_port: int, **options: Any) -> Endpoint:
    """A server that is never reached, behind a proxy with TLS of its own."""
    proxy = Proxy.from_url(f"https://localhost:{proxy_port}", **options)
    return Endpoint("server.example", 80, is_ssl=False, proxy=proxy)


async def test_proxy_is_trusted_for_what_is_said_to_it(
    serving: Any, authority: trustme.CA, ask: Any
) -> None:
    """And not for what is said of servers: a client certificate for one is not shown to it."""
    context = serving_context(authority.issue_cert("localhost"))
    context.verify_mode = ssl.CERT_OPTIONAL
    authority.configure_trust(context)
    for_servers = trusting_context(authority)
    authority.issue_cert("client.example").configure_cert(for_servers)
    async with serving(tls=context) as server, TCPConnector(ssl=for_servers) as connector:
        with pytest.raises(ClientProxyConnectionError, match="certificate verify failed"):
            await connector.acquire(through(server.port))
        endpoint = through(server.port, ssl=trusting_context(authority))
        connection = await connector.acquire(endpoint)
        assert await ask(connection.transport) == b"ping"
        assert not server.writers[-1].get_extra_info("peercert")
        connection.release()
        other = through(server.port, ssl=False)
        assert connector.acquire_nowait(other) is None, "trust in the proxy is part of the key"


@pytest.mark.parametrize(
    ("certificate", "options", "said"),
    [
        ("expired", {}, "certificate has expired"),
        ("self-signed", {}, "self-signed certificate"),
        ("other.example", {}, "not valid for 'localhost'"),
        ("localhost", {"server_hostname": "other.example"}, "not valid for 'other.example'"),
    ],
)
async def test_certificate_of_a_proxy_that_is_refused(
    certificate: str, options: Any, said: str, serving: Any, authority: trustme.CA
) -> None:
    async with (
        serving(tls=presenting(certificate, authority)) as server,
        TCPConnector(ssl=False) as connector,
    ):
        endpoint = through(server.port, ssl=trusting_context(authority), **options)
        with pytest.raises(ClientProxyConnectionError) as caught:
            await connector.acquire(endpoint)
        text = str(caught.value)
        assert said in text
        assert f"the certificate is that of the proxy https://localhost:{server.port}" in text
        assert isinstance(caught.value.__cause__, ssl.SSLCertVerificationError)
        assert same_when_pickled(caught.value)
        assert connector.statistics().open == 0


async def test_fingerprint_of_a_proxy(serving: Any, authority: trustme.CA, ask: Any) -> None:
    certificate = authority.issue_cert("elsewhere.example")
    async with serving(tls=serving_context(certificate)) as server, TCPConnector() as connector:
        pinned = through(server.port, ssl=Fingerprint(digest(certificate)))
        connection = await connector.acquire(pinned)
        assert await ask(connection.transport) == b"ping"
        connection.release()
        wrong = through(server.port, ssl=Fingerprint(bytes(32)))
        with pytest.raises(ClientProxyConnectionError, match="not the pinned one") as caught:
            await connector.acquire(wrong)
        assert isinstance(caught.value.__cause__, ServerFingerprintMismatch)
        assert connector.statistics().open == 1


async def test_proxy_that_speaks_no_tls(serving: Any) -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with serving(plain) as server, TCPConnector() as connector:
        with pytest.raises(ClientProxyConnectionError, match="the proxy seems to speak no TLS"):
            await connector.acquire(through(server.port))


# The end


@pytest.mark.parametrize("how", ["connection.close", "connector.close"])
@pytest.mark.parametrize("version", VERSIONS)
async def test_server_is_told_of_the_end(
    version: ssl.TLSVersion, how: str, server_tls: Any, trusting: ssl.SSLContext
) -> None:
    """By a close_notify, so that it knows that nothing was cut off (RFC 8446, section 6.1)."""
    context = server_tls()
    context.maximum_version = version

    def talk(sock: socket.socket) -> bytes:
        with context.wrap_socket(sock, server_side=True, suppress_ragged_eofs=False) as tls:
            end: bytes = tls.recv(1)
            return end

    async with talking(talk) as (port, told), TCPConnector(ssl=trusting) as connector:
        connection = await connector.acquire(Endpoint("127.0.0.1", port, True))
        if how == "connection.close":
            connection.close()
        else:
            connection.release()
            await connector.close()
        async with asyncio.timeout(5):
            assert await told == b""


@pytest.mark.parametrize("answering", [True, False])
async def test_server_may_answer_in_the_time_that_it_is_given(
    answering: bool, server_tls: Any, trusting: ssl.SSLContext
) -> None:
    """And if it does not, closing takes no longer than that."""
    context = server_tls()
    loop = asyncio.get_running_loop()
    ended, over = loop.create_future(), threading.Event()

    def talk(sock: socket.socket) -> bool:
        with context.wrap_socket(sock, server_side=True, suppress_ragged_eofs=False) as tls:
            assert tls.recv(1) == b""
            loop.call_soon_threadsafe(ended.set_result, None)
            if not answering:
                return over.wait(5)
            tls.unwrap()
            return True

    seconds = 5.0 if answering else 0.05
    async with talking(talk) as (port, _):
        connector = TCPConnector(ssl=trusting, ssl_shutdown_timeout=seconds)
        connection = await connector.acquire(Endpoint("127.0.0.1", port, True))
        connection.release()
        began = loop.time()
        await connector.close()
        taken = loop.time() - began
        await ended
        assert connector.statistics().open == 0
        over.set()
    assert taken < 1.0
    if not answering:
        assert taken > 0.04


# Session tickets (RFC 8446, section 4.6.1)


async def test_tickets_are_no_doubt_of_a_connection(
    server_tls: Any, trusting: ssl.SSLContext, ask: Any
) -> None:
    """The server sends two after the handshake; all requests share one connection."""
    context = server_tls()
    context.num_tickets = 2

    def talk(sock: socket.socket) -> int:
        count = 0
        with context.wrap_socket(sock, server_side=True) as tls:
            while data := tls.recv(100):
                tls.sendall(data)
                count += 1
        return count

    async with talking(talk) as (port, told), TCPConnector(ssl=trusting) as connector:
        for number in range(5):
            connection = await connector.acquire(Endpoint("127.0.0.1", port, True))
            assert connection.reused == (number > 0)
            await ask(connection.transport)
            connection.release()
        assert connector.statistics().opened == 1
        await connector.close()
        assert await told == 5


async def test_tickets_that_come_late_close_no_idle_connection(
    server_tls: Any, trusting: ssl.SSLContext, ask: Any
) -> None:
    """They are held back until the connection rests; once TLS has read them, it can be leased."""
    context = server_tls()
    loop = asyncio.get_running_loop()
    late, sent = asyncio.Event(), asyncio.Event()

    def talk(sock: socket.socket) -> None:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        server = context.wrap_bio(incoming, outgoing, server_side=True)
        while True:
            incoming.write(sock.recv(65536))
            try:
                server.do_handshake()
            except ssl.SSLWantReadError:
                sock.sendall(outgoing.read())
            else:
                break
        tickets = outgoing.read()
        assert tickets, "TLS 1.3 sends them by itself"
        asyncio.run_coroutine_threadsafe(late.wait(), loop).result(5)
        sock.sendall(tickets)
        loop.call_soon_threadsafe(sent.set)
        while data := sock.recv(65536):
            incoming.write(data)
            try:
                server.write(server.read())
            except ssl.SSLZeroReturnError:
                return
            sock.sendall(outgoing.read())

    async with talking(talk) as (port, told), TCPConnector(ssl=trusting) as connector:
        endpoint = Endpoint("127.0.0.1", port, True)
        connection = await connector.acquire(endpoint)
        transport = connection.transport
        connection.release()
        late.set()
        await sent.wait()
        for _ in range(5):
            await asyncio.sleep(0)  # the loop sees what is in the kernel
        assert not transport.is_closing()
        connection = await connector.acquire(endpoint)
        assert connection.transport is transport
        assert await ask(connection.transport) == b"ping"
        connection.close()
        await told
        assert connector.statistics().opened == 1
