"""The client's part: makes the requests of a plan, and knows which outcomes are right."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Coroutine, Iterator, Sequence
from typing import Any

from tools.soak.plan import DEAD, UNKNOWN, Deed, Request, Use, is_rude
from tools.soak.server import LARGE, UNASKED
from whimbrel import (
    ClientConnectionError,
    ClientConnectorDNSError,
    ClientConnectorError,
    ClientError,
    ClientSession,
    ClientTimeout,
    TCPConnector,
)
from whimbrel_connector import Endpoint

__all__ = ["Client", "Wrong"]

_LONG = 20.0
"""A request that takes so long, in seconds, waits for what never happens."""
_HURRY = ClientTimeout(total=0.01)
_ENOUGH = 20
"""After so many findings nothing more is to be learned."""

_FAILS = {Deed.HANG_UP, Deed.BREAK, Deed.CUT}
_MAY_FAIL = {Deed.RESET}  # the reset can overtake the answer


class Wrong(Exception):  # noqa: N818  # reads as what happened
    """An outcome that a request must not have."""


class Client:
    """Makes requests over a session, many at once.

    Args:
        session: what makes them.
        connector: the session's connector, from which some connections are leased directly.
        ports: where the server listens; each host has one of them.
    """

    def __init__(
        self, session: ClientSession, connector: TCPConnector, ports: Sequence[int]
    ) -> None:
        self._session = session
        self._connector = connector
        self._ports = ports
        self.outcomes: Counter[str] = Counter()
        """How often what happened."""
        self.findings: list[str] = []
        """What must not have happened; when there is enough of it, no more requests are made."""

    async def make(self, requests: Iterator[Request], at_once: int) -> None:
        """Make the requests, so many at once, and return when all are done."""

        async def worker() -> None:
            for request in requests:
                await self._make(request)
                if len(self.findings) >= _ENOUGH:
                    return

        async with asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(worker())

    async def _make(self, request: Request) -> None:
        try:
            if request.cancelled_after is None:
                outcome = await self._outcome(request)
            else:
                outcome = await _cancelled(self._outcome(request), request.cancelled_after)
        except Exception as exc:  # whatever it is, it is a finding
            outcome = "wrong"
            if len(self.findings) < _ENOUGH:
                self.findings.append(f"{request}: {type(exc).__name__}: {exc}")
        self.outcomes[outcome] += 1

    async def _outcome(self, request: Request) -> str:
        try:
            if request.use in {Use.LEASE, Use.CLOSE, Use.DETACH}:
                await self._lease(request)
                outcome = "leased"
            else:
                outcome = await self._ask(request)
        except TimeoutError as exc:
            if request.use is Use.HURRY:
                return "timed out"
            raise Wrong(f"it took more than {_LONG} s") from exc
        except ClientError as exc:
            if not _may_fail(request, exc):
                raise
            return "failed as it must"
        if _must_fail(request):
            raise Wrong("it succeeded")
        return outcome

    async def _ask(self, request: Request) -> str:
        hurry = request.use is Use.HURRY
        async with self._session.request(
            "POST" if request.use is Use.POST else "GET",
            f"http://{request.host}:{self._port(request)}{request.path}",
            data=b"content" if request.use is Use.POST else None,
            timeout=_HURRY if hurry else ClientTimeout(total=_LONG),
        ) as response:
            if request.use is Use.UNREAD:
                return "left unread"
            content = await response.read()
        expected = f"{request.deed.value}/{request.number}@{request.host}".encode()
        if request.deed is Deed.LARGE:
            expected = expected.ljust(LARGE)
        if content == expected:
            return "answered"
        if content == UNASKED and is_rude(request.host):
            return "crossed"
        raise Wrong(f"this is not its answer: {content[:100]!r}")

    async def _lease(self, request: Request) -> None:
        endpoint = Endpoint(request.host, self._port(request), is_ssl=False)
        connection = await self._connector.acquire(endpoint, connect=_LONG)
        try:
            await asyncio.sleep(0)
        finally:
            if request.use is Use.LEASE:
                connection.release()
            elif request.use is Use.CLOSE or connection.closed:
                connection.close()
            else:
                connection.detach().close()

    def _port(self, request: Request) -> int:
        return self._ports[len(request.host) % len(self._ports)]


def _must_fail(request: Request) -> bool:
    if request.host in {UNKNOWN, DEAD}:
        return True
    return request.use in {Use.GET, Use.POST} and request.deed in _FAILS


def _may_fail(request: Request, exc: ClientError) -> bool:
    """Tell whether the error is one that the request may meet."""
    if request.host == UNKNOWN:
        return isinstance(exc, ClientConnectorDNSError)
    if request.host == DEAD:
        return isinstance(exc, ClientConnectorError)
    if isinstance(exc, ClientConnectorError):
        return False  # the others can be connected to
    if request.use in {Use.LEASE, Use.CLOSE, Use.DETACH}:
        return False
    if request.deed in _FAILS | _MAY_FAIL or is_rude(request.host):
        return True
    # An idle connection that the server closes meanwhile fails what must not be sent twice.
    return request.use is Use.POST and isinstance(exc, ClientConnectionError)


async def _cancelled(making: Coroutine[Any, Any, str], turns: int) -> str:
    """Cancel the request after so many turns of the loop, if it is not done by then."""
    task = asyncio.create_task(making)
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    try:
        return await task
    except asyncio.CancelledError:
        return "cancelled"
