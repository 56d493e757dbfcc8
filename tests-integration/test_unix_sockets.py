"""HTTP over a UNIX socket."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tools.webapp.pattern import digest
from whimbrel import ClientSession, UnixClientConnectorError, UnixConnector

SIZE = 500_000


async def test_requests_over_one_connection(unix_peer: Path) -> None:
    connector = UnixConnector(str(unix_peer))
    async with ClientSession("http://anything.test", connector=connector) as session:
        for _ in range(3):
            async with session.get("/echo?a=1") as response:
                seen = await response.json()
            assert seen["query"] == "a=1"
            assert ["host", "anything.test"] in seen["headers"]
        statistics = connector.statistics()
        assert (statistics.opened, statistics.reused, statistics.in_use) == (1, 2, 0)


async def test_a_body_both_ways(unix_peer: Path) -> None:
    async with (
        ClientSession(connector=UnixConnector(str(unix_peer))) as session,
        session.get(f"http://localhost/bytes/{SIZE}") as response,
    ):
        body = await response.read()
        assert hashlib.sha256(body).hexdigest() == digest(SIZE)
        async with session.post("http://localhost/upload", data=body) as other:
            assert await other.json() == {"length": SIZE, "sha256": digest(SIZE)}


async def test_nobody_listens(tmp_path: Path) -> None:
    path = tmp_path / "nobody.sock"
    async with ClientSession(connector=UnixConnector(str(path))) as session:
        with pytest.raises(UnixClientConnectorError, match=r"nobody\.sock"):
            await session.get("http://localhost/")
