from __future__ import annotations

import asyncio
import socket
import ssl
from pathlib import Path
from typing import Any

import pytest

from whimbrel_connector import (
    ClientConnectorError,
    ConnectionStage,
    ConnectionTimeoutError,
    Endpoint,
    NamedPipeConnector,
    TCPConnector,
    UnixClientConnectorError,
    UnixConnector,
)
from whimbrel_connector.testing import RecordingTrace

Stage = ConnectionStage
PLAIN = [Stage.CREATE_START, Stage.CONNECT_START, Stage.CONNECT_END, Stage.CREATE_END]
TLS = [*PLAIN[:-1], Stage.TLS_START, Stage.TLS_END, Stage.CREATE_END]


# UNIX sockets


async def test_unix(serving: Any, tmp_path: Path, ask: Any) -> None:
    path = str(tmp_path / "s")
    async with serving(path=path) as server, UnixConnector(path) as connector:
        assert connector.path == path
        connection = await connector.acquire(server.endpoint())
        assert await ask(connection.transport) == b"ping"
        connection.release()
        assert connector.statistics().idle == 1


async def test_unix_with_tls(
    serving: Any, tmp_path: Path, trusting: ssl.SSLContext, server_tls: Any, ask: Any
) -> None:
    path = str(tmp_path / "s")
    async with serving(path=path, tls=server_tls()) as server, UnixConnector(path) as connector:
        connection = await connector.acquire(server.endpoint(is_ssl=True, ssl=trusting))
        assert await ask(connection.transport) == b"ping"
        connection.close()


async def test_unix_socket_that_is_not_there(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    async with UnixConnector(path) as connector:
        with pytest.raises(UnixClientConnectorError, match="No such file") as caught:
            await connector.acquire(Endpoint("name", 80, False))
        assert caught.value.path == path


async def test_unix_socket_with_a_full_backlog_is_waited_for(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as first:
        listener.bind(path)
        listener.listen(0)
        first.connect(path)
        async with UnixConnector(path) as connector:
            endpoint = Endpoint("name", 80, False)
            with pytest.raises(ConnectionTimeoutError, match="unix socket"):
                await connector.acquire(endpoint, sock_connect=0.05)
            waiting = asyncio.ensure_future(connector.acquire(endpoint))
            await asyncio.sleep(0)
            listener.accept()[0].close()
            (await waiting).close()


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    await reader.read()


async def test_sock_connect_bounds_the_handshake_on_a_unix_socket(
    serving: Any, tmp_path: Path
) -> None:
    path = str(tmp_path / "socket")
    async with serving(silent, path=path), UnixConnector(path) as connector:
        message = r"unix socket .*socket: .*\(sock_connect\); at the end: TLS handshake"
        with pytest.raises(ConnectionTimeoutError, match=message):
            await connector.acquire(Endpoint("localhost", 443, True), sock_connect=0.05)


@pytest.mark.parametrize("unix", [True, False])
async def test_no_seconds_are_no_limit(serving: Any, tmp_path: Path, unix: bool) -> None:
    """As the reference has it: 0 is the same as `None`, not a time that is over at once."""
    path = str(tmp_path / "socket") if unix else None
    async with (
        serving(path=path) as server,
        UnixConnector(path) if path else TCPConnector() as connector,
    ):
        connection = await connector.acquire(server.endpoint(), connect=0, sock_connect=0)
        connection.close()


@pytest.mark.parametrize("tls", [False, True])
async def test_events_and_timings_of_a_unix_socket(
    serving: Any, tmp_path: Path, trusting: ssl.SSLContext, server_tls: Any, tls: bool
) -> None:
    path = str(tmp_path / "s")
    trace = RecordingTrace()
    async with (
        serving(path=path, tls=server_tls() if tls else None) as server,
        UnixConnector(path) as connector,
    ):
        endpoint = server.endpoint(is_ssl=tls, ssl=trusting)
        connection = await connector.acquire(endpoint, trace=trace)
        connection.close()
    assert trace.stages == (TLS if tls else PLAIN)
    assert trace.events[2].address == path
    assert connection.timings.connect is not None
    assert connection.timings.dns is None
    assert (connection.timings.tls is not None) is tls


@pytest.mark.parametrize("stage", TLS[1:])
async def test_exception_of_a_trace_leaves_no_unix_socket(
    serving: Any, tmp_path: Path, trusting: ssl.SSLContext, server_tls: Any, stage: Stage
) -> None:
    path = str(tmp_path / "s")
    async with (
        serving(path=path, tls=server_tls()) as server,
        UnixConnector(path, limit=1) as connector,
    ):
        endpoint = server.endpoint(is_ssl=True, ssl=trusting)
        with pytest.raises(OSError, match=r"^mine$"):
            await connector.acquire(endpoint, trace=RecordingTrace({stage: OSError("mine")}))
        async with asyncio.timeout(5):
            (await connector.acquire(endpoint)).close()


@pytest.mark.parametrize("tls", [False, True])
async def test_cancellation_at_any_await_leaves_no_unix_socket(  # noqa: PLR0917  # fixtures
    serving: Any,
    tmp_path: Path,
    trusting: ssl.SSLContext,
    server_tls: Any,
    turns: Any,
    tls: bool,
) -> None:
    path = str(tmp_path / "s")
    async with (
        serving(path=path, tls=server_tls() if tls else None) as server,
        UnixConnector(path, limit=1) as connector,
    ):
        endpoint = server.endpoint(is_ssl=tls, ssl=trusting)
        for turns_before in range(100):
            task = asyncio.ensure_future(connector.acquire(endpoint))
            await turns(turns_before)
            done = task.done()
            task.cancel()
            try:
                (await task).close()
            except asyncio.CancelledError:
                assert task.cancelled()
            if done:
                break
        assert done
        async with asyncio.timeout(5):
            (await connector.acquire(endpoint)).close()


# Named pipes


class LoopWithPipes(asyncio.SelectorEventLoop):
    """What Windows' event loop has, by UNIX sockets."""

    async def create_pipe_connection(self, factory: Any, path: str) -> Any:
        return await self.create_unix_connection(factory, path)


def run_with_pipes(main: Any) -> None:
    with asyncio.Runner(loop_factory=LoopWithPipes) as runner:
        runner.run(main())


@pytest.mark.parametrize("tls", [False, True])
def test_named_pipe(  # noqa: PLR0917  # fixtures
    serving: Any,
    tmp_path: Path,
    trusting: ssl.SSLContext,
    server_tls: Any,
    ask: Any,
    tls: bool,
) -> None:
    path = str(tmp_path / "pipe")
    trace = RecordingTrace()

    async def main() -> None:
        async with (
            serving(path=path, tls=server_tls() if tls else None) as server,
            NamedPipeConnector(path) as connector,
        ):
            endpoint = server.endpoint(is_ssl=tls, ssl=trusting)
            connection = await connector.acquire(endpoint, trace=trace)
            assert await ask(connection.transport) == b"ping"
            connection.release()
            again = connector.acquire_nowait(endpoint)
            assert again is not None
            assert await ask(again.transport) == b"ping"
            assert again.timings.connect is not None
            assert (again.timings.tls is not None) is tls
            again.release()

    run_with_pipes(main)
    assert trace.stages == (TLS if tls else PLAIN)
    assert trace.events[2].address == path


def test_named_pipe_that_is_not_there(tmp_path: Path) -> None:
    path = str(tmp_path / "pipe")

    async def main() -> None:
        async with NamedPipeConnector(path) as connector:
            message = "No such file.*connecting to the named pipe "
            with pytest.raises(ClientConnectorError, match=message) as caught:
                await connector.acquire(Endpoint("name", 80, False))
            assert not isinstance(caught.value, UnixClientConnectorError)
            assert isinstance(caught.value.__cause__, FileNotFoundError)
            assert connector.statistics().connecting == 0

    run_with_pipes(main)


def test_sock_connect_bounds_a_named_pipe(serving: Any, tmp_path: Path, turns: Any) -> None:
    path = str(tmp_path / "pipe")

    async def main() -> None:
        async with serving(silent, path=path), NamedPipeConnector(path) as connector:
            message = r"named pipe .*pipe: .*\(sock_connect\); at the end: TLS handshake"
            with pytest.raises(ConnectionTimeoutError, match=message):
                await connector.acquire(Endpoint("localhost", 443, True), sock_connect=0.05)
            await turns()
            assert connector.statistics().connecting == 0

    run_with_pipes(main)


async def test_loop_without_named_pipes() -> None:
    async with NamedPipeConnector("pipe") as connector:
        with pytest.raises(RuntimeError, match="has no create_pipe_connection"):
            await connector.acquire(Endpoint("name", 80, False))
        assert connector.statistics().connecting == 0
