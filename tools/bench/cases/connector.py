"""Leasing connections: taking an idle one and giving it back, queueing, what an idle one costs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from yarl import URL

import whimbrel
from tools.bench.harness import Case, Variant, allow_open_files
from tools.bench.loops import AsyncOperations, on_a_loop
from tools.bench.server import BODY, serving
from whimbrel_connector import (
    Attempt,
    BaseConnector,
    Endpoint,
    PoolStatistics,
    SocketTransport,
    TCPConnector,
)

__all__ = ["CASES"]

Run = Callable[[int], Awaitable[None]]
Lease = Callable[[], Awaitable[Any]]

_IDLE = 1000
_LIMIT = 100
_NO_TIMEOUT = aiohttp.ClientTimeout()


def _endpoint(port: int, host: str = "127.0.0.1") -> Endpoint:
    return Endpoint(host, port, is_ssl=False)


def _aiohttp_request(port: int, host: str = "127.0.0.1") -> aiohttp.ClientRequest:
    loop = asyncio.get_running_loop()
    return aiohttp.ClientRequest("GET", URL(f"http://{host}:{port}/"), loop=loop)


# An idle connection


def _pooled(name: str, open_run: Callable[[int], Any]) -> Variant:
    @asynccontextmanager
    async def opened() -> AsyncIterator[AsyncOperations]:
        with serving() as ports:
            async with open_run(ports.http) as run:
                yield run

    return Variant(name, on_a_loop(opened))


def _check(statistics: PoolStatistics) -> None:
    if (statistics.opened, statistics.idle) != (1, 1):
        raise AssertionError(f"not one connection all the time: {statistics}")


@asynccontextmanager
async def _nowait(port: int) -> AsyncIterator[Run]:
    endpoint = _endpoint(port)
    async with TCPConnector() as connector:
        (await connector.acquire(endpoint)).release()

        async def run(count: int) -> None:
            for _ in range(count):
                connection = connector.acquire_nowait(endpoint)
                assert connection is not None
                connection.release()
            _check(connector.statistics())

        yield run


@asynccontextmanager
async def _nowait_with_a_new_endpoint(port: int) -> AsyncIterator[Run]:
    async with TCPConnector() as connector:
        (await connector.acquire(_endpoint(port))).release()

        async def run(count: int) -> None:
            for _ in range(count):
                connection = connector.acquire_nowait(_endpoint(port))
                assert connection is not None
                connection.release()
            _check(connector.statistics())

        yield run


@asynccontextmanager
async def _acquire(port: int) -> AsyncIterator[Run]:
    endpoint = _endpoint(port)
    async with TCPConnector() as connector:
        (await connector.acquire(endpoint)).release()

        async def run(count: int) -> None:
            for _ in range(count):
                (await connector.acquire(endpoint)).release()
            _check(connector.statistics())

        yield run


@asynccontextmanager
async def _aiohttp_connect(port: int) -> AsyncIterator[Run]:
    request = _aiohttp_request(port)
    async with aiohttp.TCPConnector() as connector:
        first = await connector.connect(request, [], _NO_TIMEOUT)
        only = first.protocol
        first.release()

        async def run(count: int) -> None:
            connection: Any = None
            for _ in range(count):
                connection = await connector.connect(request, [], _NO_TIMEOUT)
                protocol = connection.protocol
                connection.release()
            if protocol is not only:
                raise AssertionError("not one connection all the time")

        yield run


# A queue


class _Wire(asyncio.Transport):
    """A transport without a socket, which is closed in the next turn of the loop."""

    def __init__(self, protocol: asyncio.Protocol) -> None:
        super().__init__()
        self._protocol = protocol
        self._closing = False

    def is_closing(self) -> bool:
        """Tell whether `close` or `abort` was called."""
        return self._closing

    def close(self) -> None:
        """Be closed in the next turn."""
        if not self._closing:
            self._closing = True
            asyncio.get_running_loop().call_soon(self._protocol.connection_lost, None)

    abort = close

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Drop the data."""


class _WireConnector(BaseConnector):
    """Establishes in no time, so that the queue is what is measured."""

    async def _create_connection(self, attempt: Attempt) -> SocketTransport:
        transport = attempt.transport = SocketTransport(attempt.timings)
        transport.connection_made(_Wire(transport))
        return transport


class _AiohttpWireConnector(aiohttp.BaseConnector):  # type: ignore[misc]  # Any where not installed
    """The same for aiohttp."""

    async def _create_connection(self, req: Any, traces: Any, timeout: Any) -> Any:
        loop = asyncio.get_running_loop()
        protocol = aiohttp.client_proto.ResponseHandler(loop)
        protocol.connection_made(_Wire(protocol))
        return protocol


async def _all_at_once(leases: Sequence[Lease], *, keep: bool) -> None:
    """Ask for all connections at once; each is held for a turn of the loop."""

    async def use(lease: Lease) -> None:
        connection = await lease()
        await asyncio.sleep(0)
        if keep:
            connection.release()
        else:
            connection.close()

    async with asyncio.TaskGroup() as group:
        for lease in leases:
            group.create_task(use(lease))


def _hosts(requests: int, hosts: int) -> list[str]:
    return [f"host{number % hosts}.example" for number in range(requests)]


def _queue(requests: int, hosts: int, *, keep: bool = False) -> Variant:
    @asynccontextmanager
    async def opened() -> AsyncIterator[AsyncOperations]:
        async with _WireConnector(limit=_LIMIT) as connector:

            def lease(endpoint: Endpoint) -> Lease:
                return lambda: connector.acquire(endpoint)

            leases = [lease(_endpoint(80, host)) for host in _hosts(requests, hosts)]

            async def run(count: int) -> None:
                for _ in range(count):
                    await _all_at_once(leases, keep=keep)
                    statistics = connector.statistics()
                    assert (statistics.in_use, statistics.waiting) == (0, 0)

            yield run

    return Variant(f"whimbrel, {_number(hosts)}", on_a_loop(opened))


def _aiohttp_queue(requests: int, hosts: int) -> Variant:
    @asynccontextmanager
    async def opened() -> AsyncIterator[AsyncOperations]:
        async with _AiohttpWireConnector(limit=_LIMIT) as connector:

            def lease(request: aiohttp.ClientRequest) -> Lease:
                return lambda: connector.connect(request, [], _NO_TIMEOUT)

            leases = [lease(_aiohttp_request(80, host)) for host in _hosts(requests, hosts)]

            async def run(count: int) -> None:
                for _ in range(count):
                    await _all_at_once(leases, keep=False)

            yield run

    return Variant(f"aiohttp, {_number(hosts)}", on_a_loop(opened))


def _number(hosts: int) -> str:
    return "one host" if hosts == 1 else f"{hosts:,} hosts"


# Memory


def _idle(name: str, open_lease: Callable[[int], Any]) -> Variant:
    """Lease `count` connections at once, and give them all back."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[AsyncOperations]:
        allow_open_files(_IDLE + 100)
        with serving() as ports:
            async with open_lease(ports.http) as lease:
                (await lease()).release()  # what there is once, whatever the number

                async def run(count: int) -> None:
                    # One is there already.
                    for connection in [await lease() for _ in range(count + 1)]:
                        connection.release()

                yield run

    return Variant(name, on_a_loop(opened))


@asynccontextmanager
async def _leases(port: int) -> AsyncIterator[Lease]:
    endpoint = _endpoint(port)
    async with TCPConnector(limit=0) as connector:
        yield lambda: connector.acquire(endpoint)


@asynccontextmanager
async def _aiohttp_leases(port: int) -> AsyncIterator[Lease]:
    request = _aiohttp_request(port)
    async with aiohttp.TCPConnector(limit=0) as connector:
        yield lambda: connector.connect(request, [], _NO_TIMEOUT)


def _used(name: str, module: Any) -> Variant:
    """Make `count` requests at once, so that as many connections are idle after them."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[AsyncOperations]:
        allow_open_files(_IDLE + 100)
        with serving() as ports:
            url = f"http://127.0.0.1:{ports.http}/"
            connector = module.TCPConnector(limit=0)
            async with module.ClientSession(connector=connector) as session:

                async def get() -> None:
                    async with session.get(url) as response:
                        if await response.read() != BODY:
                            raise AssertionError("this is not what the server sends")

                async def run(count: int) -> None:
                    async with asyncio.TaskGroup() as group:
                        for _ in range(count + 1):  # one is there already
                            group.create_task(get())

                await get()
                yield run

    return Variant(name, on_a_loop(opened))


_MANY, _FEWER = 8000, 1000

CASES = (
    Case(
        "connector-lease",
        "an idle connection taken and given back",
        (
            _pooled("whimbrel, acquire_nowait", _nowait),
            _pooled("aiohttp, connect", _aiohttp_connect),
            _pooled("whimbrel, acquire", _acquire),
            _pooled("whimbrel, a new Endpoint", _nowait_with_a_new_endpoint),
        ),
    ),
    Case(
        "connector-queue",
        f"{_MANY:,} connections asked for at once, {_LIMIT} allowed, each opened and closed",
        (_queue(_MANY, _MANY), _queue(_MANY, 1)),
    ),
    Case(
        "connector-queue-kept",
        f"{_MANY:,} connections asked for at once, {_LIMIT} allowed, kept for the same host",
        (_queue(_MANY, _MANY, keep=True), _queue(_MANY, 1, keep=True)),
    ),
    Case(
        "connector-queue-rival",
        f"{_FEWER:,} connections asked for at once, {_LIMIT} allowed, each opened and closed",
        (
            _queue(_FEWER, _FEWER),
            _aiohttp_queue(_FEWER, _FEWER),
            _queue(_FEWER, 1),
            _aiohttp_queue(_FEWER, 1),
        ),
    ),
    Case(
        "connector-memory",
        "an idle connection that was not used yet",
        (_idle("whimbrel", _leases), _idle("aiohttp", _aiohttp_leases)),
        things=_IDLE,
    ),
    Case(
        "connector-memory-used",
        "an idle connection after a GET by the session",
        (_used("whimbrel", whimbrel), _used("aiohttp", aiohttp)),
        things=_IDLE,
    ),
)
