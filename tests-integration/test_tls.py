"""Certificates: who is trusted, who is not, and what the error says."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tools.webapp.certificates import Authority, Certificate
from tools.webapp.faults import answer_each, raw_server
from whimbrel import (
    ClientConnectorCertificateError,
    ClientConnectorSSLError,
    ClientSession,
    Fingerprint,
    ServerFingerprintMismatch,
    TCPConnector,
)

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


async def status_of(url: str, **options: Any) -> int:
    """Return the status of a GET by a session of its own."""
    async with ClientSession() as session, session.get(url, **options) as response:
        await response.read()
        status: int = response.status
        return status


async def test_the_system_does_not_trust_the_test_authority(secure: Any) -> None:
    with pytest.raises(ClientConnectorCertificateError, match="localhost") as caught:
        await status_of(f"{secure.url}/json")
    assert isinstance(caught.value.certificate_error, ssl.SSLCertVerificationError)
    assert "issuer" in str(caught.value)


@pytest.mark.parametrize("where", ["connector", "request"])
async def test_a_context_that_trusts_it(secure: Any, trust: ssl.SSLContext, where: str) -> None:
    connector = TCPConnector(ssl=trust if where == "connector" else True)
    async with ClientSession(secure.url, connector=connector) as session:
        options: Any = {"ssl": trust} if where == "request" else {}
        async with session.get("/json", **options) as response:
            assert response.status == 200


async def test_verification_can_be_switched_off(secure: Any) -> None:
    assert await status_of(f"{secure.url}/json", ssl=False) == 200


async def test_switching_it_off_once_is_not_for_ever(secure: Any) -> None:
    """A connection made without verification must not serve a request that wants it."""
    async with ClientSession(secure.url) as session:
        async with session.get("/json", ssl=False) as response:
            assert response.status == 200
        with pytest.raises(ClientConnectorCertificateError):
            await session.get("/json")


async def test_the_right_fingerprint(secure: Any, certificate: Certificate) -> None:
    pinned = Fingerprint(certificate.fingerprint)
    assert await status_of(f"{secure.url}/json", ssl=pinned) == 200


async def test_the_wrong_fingerprint(secure: Any, certificate: Certificate) -> None:
    async with ClientSession() as session:
        with pytest.raises(ServerFingerprintMismatch) as caught:
            await session.get(f"{secure.url}/json", ssl=Fingerprint(bytes(32)))
        assert caught.value.got == certificate.fingerprint
        assert caught.value.expected == bytes(32)
        connector = session.connector
        assert isinstance(connector, TCPConnector)
        assert connector.statistics().open == 0


async def test_an_expired_certificate(authority: Authority, lone: ClientSession) -> None:
    now = datetime.now(UTC)
    expired = authority.issue(
        "localhost", not_before=now - timedelta(days=30), not_after=now - timedelta(days=1)
    )
    async with raw_server(answer_each(OK), expired.server_context()) as server:
        with pytest.raises(ClientConnectorCertificateError, match="expired"):
            await lone.get(server.url)


async def test_a_certificate_for_somebody_else(authority: Authority, lone: ClientSession) -> None:
    other = authority.issue("example.test")
    async with raw_server(answer_each(OK), other.server_context()) as server:
        with pytest.raises(ClientConnectorCertificateError, match="localhost"):
            await lone.get(server.url)
        async with lone.get(server.url, server_hostname="example.test") as response:
            assert await response.read() == b"ok"


async def test_plain_http_where_tls_is_expected(plain: Any, lone: ClientSession) -> None:
    url = plain.url.replace("http:", "https:")
    with pytest.raises(ClientConnectorSSLError, match=r"127\.0\.0\.1"):
        await lone.get(url)


async def test_the_session_works_after_a_refused_certificate(
    authority: Authority, secure: Any, lone: ClientSession
) -> None:
    other = authority.issue("example.test")
    async with raw_server(answer_each(OK), other.server_context()) as server:
        with pytest.raises(ClientConnectorCertificateError):
            await lone.get(server.url)
    async with lone.get(f"{secure.url}/json") as response:
        assert response.status == 200
