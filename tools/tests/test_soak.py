"""The soak finds what it is there for: on small runs, with connectors that do something wrong."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

from tools.soak.__main__ import main
from tools.soak.census import census, growth_by_type
from tools.soak.plan import DEAD, UNKNOWN, Deed, Use, hosts, is_rude, requests
from tools.soak.soak import soak
from whimbrel import ClientConnectionError, TCPConnector
from whimbrel_connector import Connection, Endpoint


def test_a_plan_is_the_same_for_the_same_seed() -> None:
    assert list(requests(7, 200, 50)) == list(requests(7, 200, 50))
    assert list(requests(7, 200, 50)) != list(requests(8, 200, 50))


def test_a_plan_has_everything() -> None:
    drawn = list(requests(1, 20_000, 50))
    assert {request.host for request in drawn} == {*hosts(50), DEAD, UNKNOWN}
    assert {request.deed for request in drawn} == set(Deed)
    assert {request.use for request in drawn} == set(Use)
    assert all(is_rude(r.host) for r in drawn if r.deed is Deed.LATE)
    cancelled = sum(request.cancelled_after is not None for request in drawn)
    assert 0.1 < cancelled / len(drawn) < 0.2


async def test_a_census_counts_what_there_is() -> None:
    before = census()
    loop = asyncio.get_running_loop()
    task = loop.create_task(asyncio.sleep(60))
    await asyncio.sleep(0)
    timer = loop.call_later(60, print)
    kept = [set[int]() for _ in range(5000)]
    with socket.socket():
        after = census()
    assert after.files == before.files + 1
    assert after.tasks == before.tasks + 1
    assert after.timers == before.timers + 2  # of the task's sleep, too
    assert after.blocks - before.blocks >= len(kept)
    assert "set +5,0" in growth_by_type(before, after)
    timer.cancel()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_a_run_that_finds_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--requests", "500", "--hosts", "30", "--seed", "3", "--rounds", "1"]) == 0
    printed = capsys.readouterr().out
    assert "500 requests over 30 hosts" in printed
    assert "seed 3" in printed
    assert "nothing is left behind" in printed


class Hoarder(TCPConnector):
    """Keeps every lease that is over."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.hoard: list[Connection] = []

    async def acquire(self, endpoint: Endpoint, **options: Any) -> Connection:
        self.hoard.append(await super().acquire(endpoint, **options))
        return self.hoard[-1]


def test_memory_that_grows_is_found() -> None:
    report = soak(2000, 50, 1, make_connector=Hoarder)
    [finding] = report.findings
    assert "blocks of memory more" in finding
    assert "Connection +1," in finding


class Unreliable(TCPConnector):
    """Fails for one host, which is there."""

    async def acquire(self, endpoint: Endpoint, **options: Any) -> Connection:
        if endpoint.host == "host3.test":
            raise ClientConnectionError("not today")
        return await super().acquire(endpoint, **options)


def test_a_wrong_outcome_is_found_and_ends_the_run() -> None:
    report = soak(2000, 50, 1, make_connector=Unreliable)
    assert report.findings
    assert all("host3.test" in finding for finding in report.findings)
    assert "not today" in report.findings[0]
    assert report.outcomes["wrong"] > 0
    assert report.outcomes.total() < 2000
