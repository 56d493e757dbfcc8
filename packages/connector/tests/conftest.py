"""Peers on the loopback interface, and what the tests of the shells share."""

from __future__ import annotations

import asyncio
import datetime
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
import trustme

from whimbrel_connector import Endpoint, Transport
from whimbrel_connector.testing import RecordingReceiver

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Server:
    """A server that is listening."""

    def __init__(self, sockets: Any) -> None:
        self.host, self.port = sockets[0].getsockname()[:2]
        #: The clients that are or were connected.
        self.writers: list[asyncio.StreamWriter] = []

    def endpoint(self, **options: Any) -> Endpoint:
        options.setdefault("is_ssl", False)
        options.setdefault("host", self.host)
        return Endpoint(port=self.port, **options)


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)


@asynccontextmanager
async def serving(
    handler: Handler = echo,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    tls: ssl.SSLContext | None = None,
    path: str | None = None,
) -> AsyncIterator[Server]:
    """Run a server, and end with it all its connections and their tasks."""
    tasks: set[asyncio.Task[Any] | None] = set()
    served: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.current_task())
        served.append(writer)
        try:
            await handler(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client went away, or the test is over
        finally:
            writer.close()

    if path is not None:
        server = await asyncio.start_unix_server(serve, path, ssl=tls)
    else:
        server = await asyncio.start_server(serve, host, port, ssl=tls)
    handle = Server(server.sockets if path is None else [_Nowhere()])
    handle.writers = served
    try:
        yield handle
    finally:
        server.close()
        for writer in served:
            writer.transport.abort()
        running = [task for task in tasks if task is not None]
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)
        for _ in range(5):
            await asyncio.sleep(0)


class _Nowhere:
    def getsockname(self) -> Any:
        return ("localhost", 80)


class ProxyScript:
    """A proxy that hears and says what the test wrote down, once for each connection.

    Args:
        *turns: what to hear, by its length or by its end, and what to answer to it.
        to: the port of 127.0.0.1 to relay to afterwards; without one the connection is closed.
        hang: whether it stays open and says nothing more instead.
    """

    def __init__(
        self, *turns: tuple[int | bytes, bytes], to: int | None = None, hang: bool = False
    ) -> None:
        self._turns = turns
        self._to = to
        self._hang = hang
        #: What was heard, in order.
        self.heard: list[bytes] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for wanted, answer in self._turns:
            if isinstance(wanted, int):
                self.heard.append(await reader.readexactly(wanted))
            else:
                self.heard.append(await reader.readuntil(wanted))
            writer.write(answer)
        if self._to is not None:
            await self._relay(reader, writer, self._to)
        elif self._hang:
            while await reader.read(65536):
                pass

    async def _relay(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int
    ) -> None:
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            await asyncio.gather(pump(reader, there_writer), pump(there_reader, writer))
        finally:
            there_writer.transport.abort()


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
    except OSError:
        pass
    finally:
        writer.close()


@pytest.fixture(name="proxy_script")
def proxy_script_fixture() -> type[ProxyScript]:
    return ProxyScript


Serving = Callable[..., AbstractAsyncContextManager[Server]]


@pytest.fixture(name="serving")
def serving_fixture() -> Serving:
    return serving


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def trusting(authority: trustme.CA) -> ssl.SSLContext:
    """What a client that trusts the authority uses."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def server_context(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.configure_cert(context)
    return context


@pytest.fixture(scope="session")
def server_tls(authority: trustme.CA) -> Callable[..., ssl.SSLContext]:
    """Makes the TLS context of a server: good for its names, or `expired`."""

    def make(*names: str, expired: bool = False) -> ssl.SSLContext:
        names = names or ("localhost", "127.0.0.1")
        now = datetime.datetime.now(datetime.UTC)
        until = now - datetime.timedelta(days=1) if expired else None
        since = now - datetime.timedelta(days=9) if expired else None
        return server_context(authority.issue_cert(*names, not_before=since, not_after=until))

    return make


async def ask(transport: Transport, data: bytes = b"ping") -> bytes:
    """Send `data` to an echo server and return what comes back."""
    receiver = RecordingReceiver()
    transport.set_receiver(receiver)
    transport.write(data)
    return await receiver.until_received(len(data))


@pytest.fixture(name="ask")
def ask_fixture() -> Any:
    return ask


async def turns(count: int = 5) -> None:
    """Let the loop go round, so that what is already decided happens."""
    for _ in range(count):
        await asyncio.sleep(0)


@pytest.fixture(name="turns")
def turns_fixture() -> Any:
    return turns


@pytest.fixture
def closed_port() -> int:
    """A port of 127.0.0.1 where nothing listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@pytest.fixture
def full_backlog() -> Iterator[Any]:
    """The address of a listening socket that accepts nothing and has no room for more."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        clients = []
        for _ in range(8):
            client = socket.socket()
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
            clients.append(client)
        yield listener.getsockname()
        for client in clients:
            client.close()
