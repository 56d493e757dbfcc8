"""What the demo does. Each step checks its own result."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Self

from tools.demo.display import Display, Outcome, Phases
from tools.webapp.pattern import digest, stream
from whimbrel import (
    ClientConnectorCertificateError,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    TCPConnector,
    WSMsgType,
)

__all__ = ["FULL", "QUICK", "STEPS", "Sizes", "StepFailed", "Tour"]

DOCUMENT = {"bird": "whimbrel", "numbers": [1, 2, 3], "flies": True}


class StepFailed(Exception):  # noqa: N818  # reads as what happened
    """A step's result is not what it has to be."""


@dataclass(frozen=True)
class Sizes:
    """How much of everything."""

    requests: int
    connections: int
    octets: int


FULL = Sizes(requests=500, connections=100, octets=100_000_000)
QUICK = Sizes(requests=60, connections=12, octets=2_000_000)


class Tour:
    """The servers, the session that all steps share, and what they measured."""

    def __init__(self, plain: str, secure: str, trust: ssl.SSLContext, sizes: Sizes) -> None:
        self.plain = plain
        self.secure = secure
        self.trust = trust
        self.sizes = sizes
        self._responses: list[ClientResponse] = []

    async def __aenter__(self) -> Self:
        self.connector = TCPConnector(limit=self.sizes.connections)
        self.session = ClientSession(
            connector=self.connector, timeout=ClientTimeout(total=None, sock_read=30)
        )
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.session.close()

    def note(self, *responses: ClientResponse) -> None:
        """Keep these responses for the step's times."""
        self._responses += responses

    async def measured(self, step: Step, display: Display) -> Outcome:
        """Take one step and tell what came of it."""
        self._responses.clear()
        before = self.connector.statistics()
        started = time.perf_counter()
        result = await step(self, display)
        seconds = time.perf_counter() - started
        after = self.connector.statistics()
        expect("connections still in use", 0, after.in_use)
        return Outcome(
            result,
            _mean_phases(self._responses),
            seconds,
            opened=after.opened - before.opened,
            reused=after.reused - before.reused,
        )


Step = Callable[[Tour, Display], Awaitable[str]]


def expect(what: str, expected: object, actual: object) -> None:
    """Compare, and say both when they differ.

    Raises:
        StepFailed: they differ.
    """
    if expected != actual:
        raise StepFailed(f"{what}: expected {expected!r}, got {actual!r}")


async def fetch_json(tour: Tour, display: Display) -> str:
    """One request."""
    async with tour.session.get(f"{tour.plain}/json") as response:
        document = await response.json()
        tour.note(response)
    expect("document", DOCUMENT, document)
    return f"{response.status} {response.reason}: {document}"


async def fetch_many(tour: Tour, display: Display) -> str:
    """Many requests at once over a bounded number of connections."""
    sizes = tour.sizes
    with display.count_bar("requests", sizes.requests) as advance:

        async def one(number: int) -> str:
            async with tour.session.get(f"{tour.plain}/echo?number={number}") as response:
                seen = await response.json()
                tour.note(response)
            expect("query", f"number={number}", seen["query"])
            advance(1)
            client: str = seen["client"]
            return client

        clients = set(await asyncio.gather(*(one(n) for n in range(sizes.requests))))
    if len(clients) > sizes.connections:
        raise StepFailed(f"{len(clients)} connections, more than the limit {sizes.connections}")
    return f"{sizes.requests} answers over {len(clients)} connections"


async def download(tour: Tour, display: Display) -> str:
    """A large body from the server, hashed as it arrives."""
    octets = tour.sizes.octets
    sha256 = hashlib.sha256()
    with display.bytes_bar("download", octets) as advance:
        async with tour.session.get(f"{tour.plain}/bytes/{octets}") as response:
            async for piece in response.content.iter_any():
                sha256.update(piece)
                advance(len(piece))
            tour.note(response)
    expect("SHA-256 of the download", digest(octets), sha256.hexdigest())
    return "every byte arrived: the SHA-256 is the expected one"


async def upload(tour: Tour, display: Display) -> str:
    """A large body to the server, produced while it is sent."""
    octets = tour.sizes.octets
    with display.bytes_bar("upload", octets) as advance:

        async def pieces() -> AsyncIterator[bytes]:
            async for piece in stream(octets):
                yield piece
                advance(len(piece))

        async with tour.session.post(f"{tour.plain}/upload", data=pieces()) as response:
            receipt = await response.json()
            tour.note(response)
    expect("the server's receipt", {"length": octets, "sha256": digest(octets)}, receipt)
    return "the server received every byte: the SHA-256 is the expected one"


async def follow_redirects(tour: Tour, display: Display) -> str:
    """A chain of redirects, each of which sets a cookie."""
    async with tour.session.get(f"{tour.plain}/redirect/3") as response:
        cookies = await response.json()
        tour.note(*response.history, response)
    expect("statuses", [302, 302, 302], [each.status for each in response.history])
    expect("cookies", {"hop-1": "seen", "hop-2": "seen", "hop-3": "seen"}, cookies)
    path = " -> ".join(each.url.path for each in (*response.history, response))
    return f"{path}, with {len(cookies)} cookies"


async def speak_tls(tour: Tour, display: Display) -> str:
    """TLS with a certificate that is trusted, and one that is not."""
    async with tour.session.get(f"{tour.secure}/json", ssl=tour.trust) as response:
        expect("document", DOCUMENT, await response.json())
        tour.note(response)
    if response.timings.tls is None:
        raise StepFailed("there was no TLS handshake")
    try:
        async with tour.session.get(f"{tour.secure}/json"):
            raise StepFailed("a certificate of an unknown authority was accepted")
    except ClientConnectorCertificateError:
        return f"{response.status} {response.reason}; refused without the test authority"


async def echo_websocket(tour: Tour, display: Display) -> str:
    """Messages over a WebSocket, there and back."""
    url = f"{tour.secure}/ws"
    async with tour.session.ws_connect(url, protocols=("chat",), ssl=tour.trust) as ws:
        expect("subprotocol", "chat", ws.protocol)
        for number in range(100):
            await ws.send_str(f"message {number}")
            message = await ws.receive()
            expect("message", (WSMsgType.TEXT, f"message {number}"), (message.type, message.data))
        await ws.send_bytes(bytes(range(256)) * 256)
        expect("octets", bytes(range(256)) * 256, await ws.receive_bytes())
    expect("close code", 1000, ws.close_code)
    return "100 texts and 64 KiB of octets came back; closed with 1000"


STEPS: tuple[tuple[str, str, Step], ...] = (
    ("JSON", "JSON", fetch_json),
    ("requests", "{sizes.requests} requests, {sizes.connections} connections at most", fetch_many),
    ("download", "Download of {sizes.octets:,} bytes", download),
    ("upload", "Upload of {sizes.octets:,} bytes", upload),
    ("redirects", "Redirects with cookies", follow_redirects),
    ("TLS", "TLS", speak_tls),
    ("WebSocket", "WebSocket over TLS", echo_websocket),
)
"""The steps in their order: a name for the table, a title to be formatted with the sizes."""


def _mean_phases(responses: Iterable[ClientResponse]) -> Phases:
    timings = [response.timings for response in responses]
    return Phases(
        dns=_mean(each.dns for each in timings),
        connect=_mean(each.connect for each in timings),
        tls=_mean(each.tls for each in timings),
        first_byte=_mean(each.first_byte for each in timings),
        transfer=_mean(each.transfer for each in timings),
    )


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
