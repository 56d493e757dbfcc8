from __future__ import annotations

import asyncio
import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from whimbrel_connector import (
    BaseConnector,
    ConnectionTimeoutError,
    Endpoint,
    NamedPipeConnector,
    Proxy,
    TCPConnector,
    UnixConnector,
)

ENDPOINT = Endpoint("localhost", 80, False)


def idle_time(connector: BaseConnector) -> float:
    """How long the connector keeps an idle connection."""
    return connector._leases._lifetimes.expiry(0.0, 1e9, 1, None)


@pytest.mark.parametrize("kind", [UnixConnector, NamedPipeConnector])
def test_idle_connections_are_kept_for_thirty_seconds(kind: Any) -> None:
    assert idle_time(kind("/nowhere")) == 30
    assert idle_time(kind("/nowhere", keepalive_timeout=7)) == 7
    assert idle_time(kind("/nowhere", force_close=True)) == 0
    assert idle_time(TCPConnector()) == 15


@pytest.mark.parametrize("kind", [UnixConnector, NamedPipeConnector])
async def test_path_is_what_it_connects_to_and_there_is_no_proxy(kind: Any) -> None:
    async with kind("/nowhere", limit=3) as connector:
        assert connector.path == "/nowhere"
        assert connector.limit == 3
        proxied = Endpoint("h", 80, False, proxy=Proxy.from_url("http://p:1"))
        with pytest.raises(ValueError, match=rf"a {kind.__name__} .* takes no proxy"):
            await connector.acquire(proxied)


@pytest.fixture
def full_unix_backlog(tmp_path: Path) -> Any:
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as client:
        listener.bind(path)
        listener.listen(0)
        client.connect(path)
        yield path


@pytest.mark.parametrize("given", [{}, {"sock_connect": 30.0}, {"connect": 0}])
async def test_conn_timeout_bounds_establishing(full_unix_backlog: str, given: Any) -> None:
    with pytest.warns(DeprecationWarning, match="conn_timeout is deprecated, use connect") as seen:
        connector = UnixConnector(full_unix_backlog, conn_timeout=0.02)
    assert seen[0].filename == __file__
    async with connector:
        with pytest.raises(ConnectionTimeoutError, match=r"no connection within 0\.02 s"):
            await connector.acquire(ENDPOINT, **given)


@pytest.mark.parametrize(
    ("conn_timeout", "given", "message"),
    [
        (5.0, {"connect": 0.02}, r"within 0\.02 s \(connect\)"),
        (5.0, {"sock_connect": 0.02}, r"within 0\.02 s of connecting \(sock_connect\)"),
        (0.0, {"connect": 0.02}, r"within 0\.02 s \(connect\)"),
    ],
)
@pytest.mark.filterwarnings("ignore:conn_timeout:DeprecationWarning")
async def test_conn_timeout_is_not_the_only_limit(
    full_unix_backlog: str, conn_timeout: float, given: Any, message: str
) -> None:
    async with UnixConnector(full_unix_backlog, conn_timeout=conn_timeout) as connector:
        with pytest.raises(ConnectionTimeoutError, match=message):
            await connector.acquire(ENDPOINT, **given)


async def test_conn_timeout_does_not_bound_waiting(serving: Any, tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    with pytest.warns(DeprecationWarning, match="conn_timeout"):
        connector = UnixConnector(path, conn_timeout=0.02, limit=1)
    async with serving(path=path), connector:
        first = await connector.acquire(ENDPOINT)
        waiting = asyncio.ensure_future(connector.acquire(ENDPOINT))
        done, _ = await asyncio.wait([waiting], timeout=0.1)
        assert not done
        first.release()
        (await waiting).close()


@pytest.mark.skipif(sys.platform == "win32", reason="there are named pipes")
async def test_without_named_pipes_it_says_so() -> None:
    async with NamedPipeConnector(r"\\.\pipe\name") as connector:
        with pytest.raises(RuntimeError, match="named pipes need Windows"):
            await connector.acquire(ENDPOINT)
        assert connector.statistics().connecting == 0


@pytest.mark.parametrize("kind", [UnixConnector, NamedPipeConnector])
def test_deprecated_options_warn_here(kind: Any) -> None:
    with pytest.warns(DeprecationWarning, match="enable_cleanup_closed") as caught:
        kind("/nowhere", enable_cleanup_closed=True)
    assert caught[0].filename == __file__
