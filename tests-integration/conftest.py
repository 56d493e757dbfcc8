"""Real servers and proxies, one process each for the whole run, and sessions to talk to them."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tools.webapp import servers
from tools.webapp.certificates import Authority, Certificate
from tools.webapp.processes import printed
from whimbrel import ClientSession, TCPConnector


@dataclass(frozen=True)
class Peer:
    """A running server."""

    url: str
    tls: bool


Start = Callable[[Certificate | None], AbstractContextManager[str]]

HTTP_SERVERS: dict[str, tuple[Start, bool]] = {
    "granian": (servers.granian, False),
    "granian-tls": (servers.granian, True),
    "hypercorn": (servers.hypercorn, False),
    "hypercorn-tls": (servers.hypercorn, True),
}
WEBSOCKET_SERVERS: dict[str, tuple[Start, bool]] = {
    "websockets": (servers.websocket_server, False),
    "websockets-tls": (servers.websocket_server, True),
}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show with a failed test what the servers printed last."""
    report = yield
    if report.failed:
        report.sections += [
            (f"printed by {name}", text[-2000:]) for name, text in printed().items()
        ]
    return report


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def certificate(authority: Authority) -> Certificate:
    return authority.issue("localhost", "127.0.0.1", "::1")


@pytest.fixture(scope="session")
def trust(authority: Authority) -> ssl.SSLContext:
    """The TLS context of a client that trusts the test authority."""
    return authority.client_context()


@pytest.fixture(scope="session", params=HTTP_SERVERS)
def peer(request: pytest.FixtureRequest, certificate: Certificate) -> Iterator[Peer]:
    """Each HTTP server, plain and with TLS."""
    start, tls = HTTP_SERVERS[request.param]
    with start(certificate if tls else None) as url:
        yield Peer(url, tls)


@pytest.fixture(scope="session")
def plain(certificate: Certificate) -> Iterator[Peer]:
    """One HTTP server, for what does not depend on the server."""
    with servers.granian(None) as url:
        yield Peer(url, tls=False)


@pytest.fixture(scope="session")
def secure(certificate: Certificate) -> Iterator[Peer]:
    """One HTTPS server, for what does not depend on the server."""
    with servers.granian(certificate) as url:
        yield Peer(url, tls=True)


@pytest.fixture(scope="session", params=WEBSOCKET_SERVERS)
def websocket_peer(request: pytest.FixtureRequest, certificate: Certificate) -> Iterator[Peer]:
    """A WebSocket server that shares no code with the HTTP ones, plain and with TLS."""
    start, tls = WEBSOCKET_SERVERS[request.param]
    with start(certificate if tls else None) as url:
        yield Peer(url, tls)


@pytest.fixture(scope="session", params=[*HTTP_SERVERS, *WEBSOCKET_SERVERS])
def endpoint(request: pytest.FixtureRequest, certificate: Certificate) -> Iterator[str]:
    """The URL of a WebSocket echo, by each server, plain and with TLS."""
    start, tls = {**HTTP_SERVERS, **WEBSOCKET_SERVERS}[request.param]
    with start(certificate if tls else None) as url:
        yield url.replace("http", "ws", 1) + "/ws"


@pytest.fixture(scope="session")
def proxy() -> Iterator[str]:
    """A proxy that forwards and tunnels for anybody."""
    with servers.http_proxy() as url:
        yield url


@pytest.fixture(scope="session")
def locked_proxy() -> Iterator[str]:
    """A proxy that wants the credentials bird:wader."""
    with servers.http_proxy("bird:wader") as url:
        yield url


@pytest.fixture(scope="session", params=["granian", "hypercorn"])
def unix_peer(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """The path of a UNIX socket that an HTTP server listens on."""
    path = tmp_path_factory.mktemp("unix") / "http.sock"
    start = servers.granian_unix if request.param == "granian" else servers.hypercorn_unix
    with start(path):
        yield path


@pytest.fixture
async def session(peer: Peer, trust: ssl.SSLContext) -> AsyncIterator[ClientSession]:
    """A session with `peer`; afterwards no connection may still be in use."""
    connector = TCPConnector(ssl=trust)
    async with ClientSession(peer.url, connector=connector) as session:
        yield session
        statistics = connector.statistics()
        assert (statistics.in_use, statistics.waiting) == (0, 0)


@pytest.fixture
async def lone(trust: ssl.SSLContext) -> AsyncIterator[ClientSession]:
    """A session with nobody in particular, whose pool must be clean afterwards."""
    connector = TCPConnector(ssl=trust)
    async with ClientSession(connector=connector) as session:
        yield session
        statistics = connector.statistics()
        assert (statistics.in_use, statistics.waiting) == (0, 0)
