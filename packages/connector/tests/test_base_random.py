"""The pool's shell held against a real server, by random sequences of what can happen to it."""

from __future__ import annotations

import asyncio
import os
import select
import socket
import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from math import inf
from typing import Any, Final

from hypothesis import given, settings
from hypothesis import strategies as st

from whimbrel_connector import (
    ClientConnectionError,
    Connection,
    ConnectionEvent,
    ConnectionStage,
    Endpoint,
    TCPConnector,
)

PATIENCE: Final = 5.0
"""How long the tests wait for what happens in the next turns of the loop, in seconds."""

STAGES: Final = [
    ConnectionStage.QUEUED_START,
    ConnectionStage.QUEUED_END,
    ConnectionStage.REUSED,
    ConnectionStage.CREATE_START,
    ConnectionStage.CONNECT_END,
    ConnectionStage.CREATE_END,
]
DEEDS: Final = ["fail", "wait", "bear"]


class TraceFailedError(Exception):
    """What a trace raises that fails."""


class Trace:
    """A trace that does something at one stage: fails, waits, or waits and bears no cancelling."""

    def __init__(self, stage: ConnectionStage, deed: str) -> None:
        self.go = asyncio.Event()
        self.waits = False
        self._stage = stage
        self._deed = deed

    async def connection_event(self, event: ConnectionEvent) -> None:
        if event.stage is not self._stage:
            return
        if self._deed == "fail":
            raise TraceFailedError
        self.waits = True
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            if self._deed != "bear":
                raise
        finally:
            self.waits = False


class Peer(asyncio.Protocol):
    """The server's end of a connection, which says nothing unasked unless it is rude."""

    def __init__(self, ends: dict[asyncio.Transport, None], rude: bool) -> None:
        self._ends = ends
        self._rude = rude
        self._transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._ends[transport] = None
        if self._rude:
            transport.write(b"220 ready\r\n")

    def connection_lost(self, exc: Exception | None) -> None:
        self._ends.pop(self._transport, None)


class Customer:
    """A task that asks for a connection."""

    def __init__(self, trace: Trace | None) -> None:
        self.trace = trace
        self.task: Any = None
        self.cancels = 0


class History:
    """What happened to one connection."""

    def __init__(self, opened_at: float, endpoint: Endpoint) -> None:
        self.opened_at = opened_at
        self.endpoint = endpoint
        self.leases = 0
        self.usable_until = inf


class World:
    """A connector, those who use it, and the servers; a step is a method that is given numbers.

    What is drawn must not depend on what happened, which is not the same each time: a step that
    finds nothing to do does nothing.
    """

    def __init__(
        self,
        *,
        limit: int,
        limit_per_host: int,
        keepalive_timeout: float | None,
        max_age: float | None,
        max_requests: int | None,
    ) -> None:
        self.limit, self.limit_per_host = limit, limit_per_host
        self.keepalive_timeout, self.max_age = keepalive_timeout, max_age
        self.max_requests = max_requests
        self.ends: dict[asyncio.Transport, None] = {}
        #: A time that is not later than what the loop does now.
        self.seen = 0.0
        self.half_closed: set[asyncio.Transport] = set()
        self.sockets: list[tuple[socket.socket, int]] = []  # with the port
        self.customers: list[Customer] = []
        self.leases: list[Connection] = []
        self.detached: list[Any] = []
        self.histories: dict[Any, History] = {}
        self.closing: list[asyncio.Task[None]] = []

    async def run(self, steps: list[tuple[str, dict[str, Any]]]) -> None:
        await self.begin()
        for name, numbers in steps:
            self.seen = now()
            await getattr(self, name)(**numbers)
            await self.check()
        await self.end()

    async def begin(self) -> None:
        loop = asyncio.get_running_loop()
        self.servers = [
            await loop.create_server(partial(Peer, self.ends, rude), "127.0.0.1", 0)
            for rude in (False, False, True)
        ]
        one, two, rude = (server.sockets[0].getsockname()[1] for server in self.servers)
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            closed = unused.getsockname()[1]
        self.endpoints = [
            Endpoint("127.0.0.1", one, False),
            Endpoint("127.0.0.1", one, False, alpn=("another key of the same host",)),
            Endpoint("127.0.0.1", two, False),
            Endpoint("127.0.0.1", rude, False),
            Endpoint("127.0.0.1", closed, False),
        ]
        self.descriptors = open_descriptors()
        self.connector = TCPConnector(
            limit=self.limit,
            limit_per_host=self.limit_per_host,
            keepalive_timeout=self.keepalive_timeout,
            max_connection_age=self.max_age,
            max_requests_per_connection=self.max_requests,
            socket_factory=self.make_socket,
        )

    def make_socket(self, info: Any) -> socket.socket:
        sock = socket.socket(*info[:3])
        self.sockets.append((sock, info[4][1]))
        self.check_limits()
        return sock

    async def turn(self, turns: int) -> None:
        for _ in range(turns):
            self.seen = now()
            await asyncio.sleep(0)
            self.check_limits()

    # What users do

    async def ask(self, customer: Customer, endpoint: Endpoint, options: Any) -> None:
        try:
            connection = await self.connector.acquire(endpoint, trace=customer.trace, **options)
        except (ClientConnectionError, TraceFailedError):
            pass
        else:
            self.check_lease(connection, endpoint)
            assert not options["fresh"] or not connection.reused
        finally:
            task = asyncio.current_task()
            assert task is not None
            assert task.cancelling() == customer.cancels

    async def acquire(
        self,
        which: int,
        fresh: bool,
        connect: float | None,
        traced: tuple[ConnectionStage, str] | None,
        turns: int,
    ) -> None:
        customer = Customer(None if traced is None else Trace(*traced))
        steps = self.ask(customer, self.endpoints[which], {"fresh": fresh, "connect": connect})
        customer.task = asyncio.ensure_future(steps)
        self.customers.append(customer)
        await self.turn(turns)

    async def acquire_nowait(self, which: int) -> None:
        endpoint = self.endpoints[which]
        try:
            connection = self.connector.acquire_nowait(endpoint)
        except ClientConnectionError:
            assert self.connector.closed
            return
        if connection is not None:
            self.check_lease(connection, endpoint)
            assert connection.reused

    async def cancel(self, which: int, turns: int) -> None:
        if self.customers:
            customer = self.customers[which % len(self.customers)]
            customer.cancels += customer.task.cancel()
            await self.turn(turns)

    async def let_trace_go(self, which: int, turns: int) -> None:
        traces = [customer.trace for customer in self.customers if customer.trace is not None]
        if traces:
            traces[which % len(traces)].go.set()
            await self.turn(turns)

    async def release(
        self, which: int, keep_alive: float | None, paused: bool, peer: str | None, turns: int
    ) -> None:
        if not self.leases:
            return
        connection = self.leases.pop(which % len(self.leases))
        end = None
        if not connection.closed:
            transport: Any = connection.transport
            end = self.end_of(transport)
            if paused:
                transport.pause_reading()
        connection.release(None if keep_alive is None else keep_alive + 1)
        if end is not None:
            spans = [self.keepalive_timeout, keep_alive]
            usable = min((seconds for seconds in spans if seconds is not None), default=inf)
            self.histories[transport].usable_until = now() + usable
        if end is not None and peer is not None:  # before whom it is granted to can run
            self.act(end, peer)
        await self.turn(turns)

    async def end_lease(self, which: int, how: str, turns: int) -> None:
        if not self.leases:
            return
        connection = self.leases.pop(which % len(self.leases))
        if how == "detach":
            self.detached.append(connection.detach())
        elif how == "close":
            connection.close()
        else:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ResourceWarning)
                del connection
        await self.turn(turns)

    async def close_detached(self, which: int, turns: int) -> None:
        if self.detached:
            self.detached.pop(which % len(self.detached)).close()
            await self.turn(turns)

    async def close_connector(self, turns: int) -> None:
        if len(self.histories) > 5:  # else little happens in most examples
            self.closing.append(asyncio.ensure_future(self.connector.close()))
            await self.turn(turns)

    # What peers and time do

    async def peer_acts(self, which: int, how: str, asked: bool, turns: int) -> None:
        if not self.ends:
            return
        end = list(self.ends)[which % len(self.ends)]
        self.act(end, how)
        if asked:  # before the loop can see it
            port = end.get_extra_info("sockname")[1]
            (endpoint, *_) = (endpoint for endpoint in self.endpoints if endpoint.port == port)
            await self.acquire_nowait(self.endpoints.index(endpoint))
        await self.turn(turns)

    def act(self, end: asyncio.Transport, how: str) -> None:
        if "speak" in how and end not in self.half_closed:
            end.write(b"HTTP/1.1 200 OK\r\n\r\n")
        if how == "half-close":
            self.half_closed.add(end)
            with suppress(OSError):  # it is lost already
                end.write_eof()
        elif how == "reset":
            end.abort()
        elif "close" in how:
            end.close()

    def end_of(self, transport: Any) -> asyncio.Transport | None:
        """Return the server's end of a connection, if the server has it already."""
        name = transport.get_extra_info("sockname")
        return next((end for end in self.ends if end.get_extra_info("peername") == name), None)

    async def settle(self) -> None:
        """Let all happen that nobody waits for."""
        await until(self.nobody_is_forgotten)

    async def pass_time(self) -> None:
        await asyncio.sleep(0.004)

    # What must always hold

    def check_lease(self, connection: Connection, endpoint: Endpoint) -> None:
        transport: Any = connection.transport
        assert not connection.closed
        assert connection.endpoint is endpoint
        sock = transport.get_extra_info("socket")
        assert not select.select([sock], [], [], 0)[0], "leased with unread bytes"
        assert sock.getpeername()[1] == endpoint.port
        assert transport not in self.detached
        assert all(transport is not lease.transport for lease in self.leases if not lease.closed)
        history = self.histories.get(transport)
        assert connection.reused == (history is not None)
        if history is None:
            history = self.histories[transport] = History(now(), endpoint)
        assert history.endpoint == endpoint, "a connection of another key"
        assert self.seen <= history.usable_until
        assert (
            self.max_age is None
            or not history.leases
            or self.seen <= history.opened_at + self.max_age
        )
        history.leases += 1
        history.usable_until = inf
        assert history.leases <= (self.max_requests or inf)
        self.leases.append(connection)

    async def check(self) -> None:
        self.check_limits()
        self.check_statistics()
        for customer in self.customers:
            if customer.task.done() and not customer.task.cancelled():
                customer.task.result()
        self.customers = [customer for customer in self.customers if not customer.task.done()]
        await until(self.nobody_waits_in_vain)

    def check_limits(self) -> None:
        ports = [port for sock, port in self.sockets if sock.fileno() != -1]
        assert len(ports) <= (self.limit or inf), "too many sockets are open"
        for port in ports:
            assert ports.count(port) <= (self.limit_per_host or inf), "too many of a host"

    def check_statistics(self) -> None:
        whole = self.connector.statistics()
        hosts = whole.per_host.values()
        assert whole.idle + whole.in_use <= whole.open
        for name in ("open", "idle", "in_use", "connecting", "waiting"):
            assert getattr(whole, name) == sum(getattr(host, name) for host in hosts)
        sockets = sum(sock.fileno() != -1 for sock, _ in self.sockets)
        assert sockets <= whole.open + whole.connecting <= (self.limit or inf)
        assert sum(not lease.closed for lease in self.leases) <= whole.in_use

    def nobody_waits_in_vain(self) -> bool:
        """Tell whether there is no room for those who wait; the next turns may make it true."""
        whole = self.connector.statistics()
        full = bool(self.limit) and whole.open + whole.connecting == self.limit and not whole.idle
        return full or all(
            not host.waiting
            or (host.open + host.connecting == (self.limit_per_host or -1) and not host.idle)
            for host in whole.per_host.values()
        )

    def nobody_is_forgotten(self) -> bool:
        """Tell whether everybody has come as far as possible; the next turns may make it true."""
        asking = [customer for customer in self.customers if not customer.task.done()]
        free = sum(customer.trace is None or not customer.trace.waits for customer in asking)
        return free <= self.connector.statistics().waiting

    async def end(self) -> None:
        await self.settle()
        await self.check()
        for customer in self.customers:
            if customer.trace is not None:
                customer.trace.go.set()
        began = now()
        await asyncio.gather(self.connector.close(), *self.closing)
        assert not [sock for sock, _ in self.sockets if sock.fileno() != -1]
        assert now() - began < 0.9, "close() gave up waiting"
        await until(lambda: all(customer.task.done() for customer in self.customers))
        await self.check()
        for lease in self.leases:
            lease.close()
        statistics = self.connector.statistics()
        assert not statistics.per_host
        assert not statistics.open
        await until(lambda: not self.ends)
        assert open_descriptors() == self.descriptors
        for server in self.servers:
            server.close()


def now() -> float:
    """Return the time on the loop's clock."""
    return asyncio.get_running_loop().time()


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop go round until `condition` holds."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110  # nobody tells when it does
            await asyncio.sleep(0)


def open_descriptors() -> int:
    """Count this process's open files, where the system tells."""
    return len(os.listdir("/proc/self/fd")) if os.path.exists("/proc/self/fd") else 0


ACTS: Final = st.sampled_from(["close", "half-close", "reset", "speak", "speak, close"])
WHICH: Final = st.integers(0, 11)
TURNS: Final = st.sampled_from([0, 0, 1, 2, 3, 6])
HOST: Final = st.sampled_from([0, 0, 0, 0, 0, 1, 2, 2, 3, 4])
TRACED: Final = st.tuples(st.sampled_from(STAGES), st.sampled_from(DEEDS))
STEPS: Final[dict[str, tuple[int, dict[str, st.SearchStrategy[Any]]]]] = {
    "acquire": (
        8,
        {
            "which": HOST,
            "fresh": st.sampled_from([False, False, False, False, True]),
            "connect": st.sampled_from([None, None, None, None, 0.001]),
            "traced": st.sampled_from([False, False, False, True]).flatmap(
                lambda traced: TRACED if traced else st.none()
            ),
            "turns": TURNS,
        },
    ),
    "release": (
        6,
        {
            "which": WHICH,
            "keep_alive": st.sampled_from([None] * 8 + [0.003, 0.0]),
            "paused": st.booleans(),
            "peer": st.sampled_from([False, False, False, False, True]).flatmap(
                lambda acts: ACTS if acts else st.none()
            ),
            "turns": TURNS,
        },
    ),
    "acquire_nowait": (1, {"which": HOST}),
    "cancel": (3, {"which": WHICH, "turns": TURNS}),
    "let_trace_go": (1, {"which": WHICH, "turns": TURNS}),
    "end_lease": (
        1,
        {"which": WHICH, "how": st.sampled_from(["close", "detach", "forget"]), "turns": TURNS},
    ),
    "close_detached": (1, {"which": WHICH, "turns": TURNS}),
    "close_connector": (1, {"turns": TURNS}),
    "peer_acts": (3, {"which": WHICH, "how": ACTS, "asked": st.booleans(), "turns": TURNS}),
    "turn": (2, {"turns": st.integers(1, 20)}),
    "settle": (2, {}),
    "pass_time": (1, {}),
}
"""How often each step is taken, relative to the others, and its numbers."""


def numbered(name: str) -> st.SearchStrategy[Any]:
    """Draw the numbers of a step."""
    return st.tuples(st.just(name), st.fixed_dictionaries(STEPS[name][1]))


@settings(max_examples=50, deadline=None)
@given(
    options=st.fixed_dictionaries(
        {
            "limit": st.sampled_from([1, 1, 2, 3, 0]),
            "limit_per_host": st.sampled_from([0, 0, 1, 2]),
            "keepalive_timeout": st.sampled_from([15.0, 15.0, None, 0.003]),
            "max_age": st.sampled_from([None, None, None, 0.005]),
            "max_requests": st.sampled_from([None, None, None, None, 1, 3]),
        }
    ),
    steps=st.lists(
        st.sampled_from([name for name in STEPS for _ in range(STEPS[name][0])]).flatmap(numbered),
        min_size=40,
        max_size=60,
    ),
)
def test_whatever_happens_to_a_connector(options: Any, steps: Any) -> None:
    asyncio.run(World(**options).run(steps))
