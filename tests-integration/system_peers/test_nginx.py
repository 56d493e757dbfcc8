"""nginx: its keep-alive, gzip, chunked proxying, early answers and closings."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from tools.webapp.certificates import Certificate
from tools.webapp.nginx import LARGE_TEXT, SMALL_TEXT, Nginx, nginx
from tools.webapp.pattern import blocks, digest, stream
from whimbrel import ClientSession, TCPConnector

pytestmark = pytest.mark.system_peer


@pytest.fixture(scope="session")
def server(
    plain: Any, certificate: Certificate, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Nginx]:
    with nginx(plain.url, certificate, tmp_path_factory.mktemp("nginx")) as running:
        yield running


@pytest.fixture(params=["plain", "secure"])
async def client(
    request: pytest.FixtureRequest, server: Nginx, trust: ssl.SSLContext
) -> AsyncIterator[ClientSession]:
    connector = TCPConnector(ssl=trust)
    url = getattr(server, request.param)
    async with ClientSession(url, connector=connector) as session:
        yield session
        statistics = connector.statistics()
        assert (statistics.in_use, statistics.waiting) == (0, 0)


def statistics_of(session: ClientSession) -> Any:
    connector = session.connector
    assert isinstance(connector, TCPConnector)
    return connector.statistics()


async def test_keep_alive(client: ClientSession) -> None:
    for _ in range(10):
        async with client.get("/small.txt") as response:
            assert await response.text() == SMALL_TEXT
            assert response.headers["Server"].startswith("nginx")
    assert (statistics_of(client).opened, statistics_of(client).reused) == (1, 9)


async def test_closed_after_keepalive_requests(client: ClientSession) -> None:
    """nginx announces its closing; no request ever fails because of it."""
    for _ in range(10):
        async with client.get("/few/small.txt") as response:
            assert await response.text() == SMALL_TEXT
    assert statistics_of(client).opened == 4


async def test_gzip_on_the_fly_is_chunked(client: ClientSession) -> None:
    async with client.get("/large.txt") as response:
        assert response.headers["Content-Encoding"] == "gzip"
        assert response.headers["Transfer-Encoding"] == "chunked"
        assert await response.text() == LARGE_TEXT
    async with client.get("/large.txt", headers={"Accept-Encoding": "identity"}) as response:
        assert "Content-Encoding" not in response.headers
        assert await response.text() == LARGE_TEXT


async def test_ranges_and_conditions(client: ClientSession) -> None:
    plain = {"Accept-Encoding": "identity"}
    async with client.get("/small.txt", headers={**plain, "Range": "bytes=2-4"}) as response:
        assert (response.status, await response.read()) == (206, b"imb")
        tag = response.headers["ETag"]
    async with client.get("/small.txt", headers={**plain, "If-None-Match": tag}) as response:
        assert (response.status, await response.read()) == (304, b"")
    async with client.head("/small.txt") as response:
        assert (response.headers["Content-Length"], await response.read()) == ("9", b"")


@pytest.mark.parametrize("path", ["/app/bytes/3000000", "/app/chunked/3000000?size=7000"])
async def test_download_through_nginx(client: ClientSession, path: str) -> None:
    async with client.get(path) as response:
        assert await response.read() == b"".join(blocks(3_000_000))


@pytest.mark.parametrize("kind", ["bytes", "stream"])
async def test_upload_through_nginx(client: ClientSession, kind: str) -> None:
    size = 3_000_000
    data: Any = b"".join(blocks(size)) if kind == "bytes" else stream(size)
    async with client.post("/app/upload", data=data) as response:
        assert await response.json() == {"length": size, "sha256": digest(size)}


@pytest.mark.parametrize("kind", ["bytes", "stream"])
async def test_an_early_413_is_heard(client: ClientSession, kind: str) -> None:
    """nginx answers after the head, or the first piece, and closes while we are still sending."""
    size = 10_000_000
    data: Any = b"".join(blocks(size)) if kind == "bytes" else stream(size)
    async with client.post("/small/upload", data=data) as response:
        assert response.status == 413
        assert "413" in await response.text()
    async with client.get("/small.txt") as response:
        assert response.status == 200


async def test_a_400_that_closes(client: ClientSession) -> None:
    """Header fields that are too large for nginx: 400 with Connection: close."""
    async with client.get("/small.txt", headers={"X-Large": "x" * 40_000}) as response:
        assert response.status == 400
        assert response.headers["Connection"] == "close"
        assert "Too Large" in await response.text()
    assert statistics_of(client).idle == 0
    async with client.get("/small.txt") as response:
        assert response.status == 200
    assert statistics_of(client).reused == 0


async def test_a_websocket_through_nginx(client: ClientSession) -> None:
    async with client.ws_connect("/app/ws") as ws:
        await ws.send_str("through nginx")
        assert await ws.receive_str() == "through nginx"
