from __future__ import annotations

import asyncio
import errno
import re
import socket
from typing import Any

import pytest

from whimbrel_connector._happy_eyeballs import Racer
from whimbrel_connector.interfaces import ResolveResult


def addresses(port: int, *hosts: str) -> list[ResolveResult]:
    return [
        ResolveResult(
            hostname="name",
            host=host,
            port=port,
            family=socket.AF_INET6 if ":" in host else socket.AF_INET,
            proto=0,
            flags=0,
        )
        for host in hosts
    ]


class Attempts:
    """Connects, and keeps what was told and which sockets were made."""

    def __init__(self, refused: Any = None, **options: Any) -> None:
        #: What making a socket for an address raises.
        self.refused: dict[str, Exception] = refused or {}
        self.told: list[str] = []
        self.infos: list[Any] = []
        options = {"local_addr": None, "delay": 0.25, "interleave": None} | options
        self._racer = Racer(socket_factory=self._make, **options)

    def _make(self, info: Any) -> socket.socket:
        self.infos.append(info)
        if info[4][0] in self.refused:
            raise self.refused[info[4][0]]
        return socket.socket(info[0], info[1], info[2])

    async def connect(self, port: int, *hosts: str) -> socket.socket:
        return await self._racer.connect(addresses(port, *hosts), self.told.append)


DELAYS = pytest.mark.parametrize("delay", [0.25, None])


@DELAYS
async def test_the_first_that_answers_is_taken(serving: Any, delay: float | None) -> None:
    attempts = Attempts(delay=delay)
    async with serving() as server:
        with await attempts.connect(server.port, "::1", "127.0.0.1", "127.0.0.2") as sock:
            assert sock.getpeername() == ("127.0.0.1", server.port)
    assert attempts.told == ["::1: Connection refused"]


@pytest.mark.parametrize(
    ("delay", "interleave", "order"),
    [
        (None, None, "1 2 3 A B"),
        (0.25, None, "1 A 2 B 3"),  # a First Address Family Count of 1
        (None, 1, "1 A 2 B 3"),
        (None, 2, "1 2 A 3 B"),
        (0.25, 2, "1 2 A 3 B"),
    ],
)
async def test_families_take_turns(
    closed_port: int, delay: float | None, interleave: int | None, order: str
) -> None:
    """RFC 8305, section 4."""
    names = {"A": "::1", "B": "::ffff:127.0.0.4"} | {str(n): f"127.0.0.{n}" for n in (1, 2, 3)}
    attempts = Attempts(delay=delay, interleave=interleave)
    with pytest.raises(ConnectionRefusedError):
        await attempts.connect(closed_port, *(names[name] for name in "123AB"))
    assert [info[4][0] for info in attempts.infos] == [names[name] for name in order.split()]


async def test_no_delay_is_the_shortest_one(serving: Any, full_backlog: tuple[str, int]) -> None:
    """And not none at all, with which the address that is silent would be waited for."""
    port = full_backlog[1]
    async with serving(host="::1", port=port), asyncio.timeout(5):
        with await Attempts(delay=0.0).connect(port, "127.0.0.1", "::1") as sock:
            assert sock.getpeername()[0] == "::1"


async def test_one_failure_is_the_cause(closed_port: int) -> None:
    with pytest.raises(ConnectionRefusedError) as caught:
        await Attempts().connect(closed_port, "127.0.0.1")
    assert caught.value.args == (errno.ECONNREFUSED, "127.0.0.1: Connection refused")
    assert isinstance(caught.value.__cause__, ConnectionRefusedError)


@DELAYS
async def test_each_failure_is_told_and_chained(closed_port: int, delay: float | None) -> None:
    attempts = Attempts(delay=delay)
    with pytest.raises(ConnectionRefusedError) as caught:
        await attempts.connect(closed_port, "127.0.0.1", "::1")
    both = "127.0.0.1: Connection refused; ::1: Connection refused"
    assert caught.value.args == (errno.ECONNREFUSED, both)
    assert attempts.told == ["127.0.0.1: Connection refused", both]
    group = caught.value.__cause__
    assert isinstance(group, ExceptionGroup)
    assert [type(error) for error in group.exceptions] == [ConnectionRefusedError] * 2


@pytest.mark.parametrize(
    ("refusal", "text"),
    [
        (OSError(errno.EAFNOSUPPORT, "Address family not supported"), "Address family not support"),
        (OSError("no number"), "no number"),
        (RuntimeError("as uvloop has it"), "as uvloop has it"),
        (OSError(), "OSError"),
    ],
)
@DELAYS
async def test_failures_of_several_kinds(
    closed_port: int, refusal: Exception, text: str, delay: float | None
) -> None:
    """That there is no socket for a family is told beside a connection that was refused."""
    attempts = Attempts({"::1": refusal}, delay=delay)
    with pytest.raises(OSError, match="::1") as caught:
        await attempts.connect(closed_port, "::1", "127.0.0.1")
    error = caught.value
    assert str(error).startswith(f"[Errno {error.errno}] ::1: {text}")
    assert str(error).endswith("; 127.0.0.1: Connection refused")
    assert error.errno == (getattr(refusal, "errno", None) or errno.ECONNREFUSED)
    assert isinstance(error.__cause__, ExceptionGroup)
    assert error.__cause__.exceptions[0] is refusal


async def test_only_some_failures_are_told_and_all_are_chained(closed_port: int) -> None:
    hosts = [f"127.0.0.{number}" for number in range(1, 21)]
    with pytest.raises(ConnectionRefusedError, match="and 12 more") as caught:
        await Attempts().connect(closed_port, *hosts)
    assert str(caught.value).count("Connection refused") == 8
    assert isinstance(caught.value.__cause__, ExceptionGroup)
    assert len(caught.value.__cause__.exceptions) == 20


async def test_many_failures_cost_no_more_than_each_its_part(closed_port: int) -> None:
    """Whoever answers for a name may answer with thousands of addresses."""

    class RefusalError(OSError):
        asked = 0

        def __str__(self) -> str:
            RefusalError.asked += 1
            return "no"

    hosts = [f"127.0.{number}.1" for number in range(200)]
    with pytest.raises(OSError, match=r"127\.0\.0\.1: no; .* and 192 more$"):
        await Attempts({host: RefusalError() for host in hosts}).connect(closed_port, *hosts)
    assert RefusalError.asked < 20 * len(hosts)


async def test_local_address(serving: Any) -> None:
    attempts = Attempts(local_addr=("127.0.0.2", 0))
    async with serving() as server:
        with await attempts.connect(server.port, "127.0.0.1") as sock:
            assert sock.getsockname()[0] == "127.0.0.2"


async def test_local_address_that_cannot_be_bound_to(closed_port: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        attempts = Attempts(local_addr=("127.0.0.1", port))
        with pytest.raises(OSError, match="bind") as caught:
            await attempts.connect(closed_port, "127.0.0.1", "::1")
    assert caught.value.strerror == (
        f"127.0.0.1: cannot bind to 127.0.0.1 port {port}: Address already in use;"
        " ::1: local_addr 127.0.0.1 is of another family"
    )
    assert caught.value.errno == errno.EADDRINUSE


async def test_zone_is_a_number_for_the_socket(serving: Any) -> None:
    """asyncio would look an address with a zone up, in a thread."""
    attempts = Attempts()
    index = socket.if_nametoindex("lo")
    async with serving(host="::1") as server:
        for zone in ("lo", str(index)):
            (await attempts.connect(server.port, f"::1%{zone}")).close()
    assert [info[4] for info in attempts.infos] == [("::1", server.port, 0, index)] * 2


@pytest.mark.parametrize("zone", ["nowhere", "99999999999", "x\0", "\u0663" * 10])
async def test_zone_that_is_not_here(serving: Any, zone: str) -> None:
    attempts = Attempts()
    address = f"fe80::1%{zone}"
    async with serving() as server:
        (await attempts.connect(server.port, address, "127.0.0.1")).close()
        assert attempts.told == [f"{address}: there is no such zone"]
        with pytest.raises(OSError, match=re.escape(f"{address}: there is no such zone")) as caught:
            await attempts.connect(server.port, address)
        assert caught.value.errno == errno.ENODEV


@DELAYS
async def test_cancelled_it_leaves_no_socket(
    full_backlog: Any, turns: Any, delay: float | None
) -> None:
    attempts = Attempts(delay=delay)
    connecting = asyncio.ensure_future(
        attempts.connect(full_backlog[1], "127.0.0.1", "127.0.0.1", "127.0.0.1")
    )
    await turns()
    assert attempts.infos
    connecting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await connecting
