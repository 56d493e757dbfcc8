from __future__ import annotations

import asyncio
from math import inf
from typing import Any

import pytest

from whimbrel_connector._expiry_timer import ExpiryTimer


class Loop:
    """The clock and the timers of an event loop."""

    def __init__(self) -> None:
        self.now = 100.25
        self.timers: list[Any] = []

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Any) -> Any:
        self.timers.append(asyncio.TimerHandle(when, callback, (), self))  # type: ignore[arg-type]
        return self.timers[-1]

    def get_debug(self) -> bool:
        return False

    def _timer_handle_cancelled(self, handle: Any) -> None:
        self.timers.remove(handle)

    def due(self) -> list[float]:
        return [timer.when() for timer in self.timers]


@pytest.mark.parametrize(
    ("seconds", "due"), [(0.5, 100.75), (4.99, 105.24), (5.0, 106.0), (15.0, 116.0)]
)
def test_what_is_far_away_is_due_on_a_whole_second(seconds: float, due: float) -> None:
    loop: Any = Loop()
    timer = ExpiryTimer(lambda: None, 5.0)
    timer.arm(loop, loop.now + seconds)
    assert loop.due() == [pytest.approx(due)]
    assert timer.when == loop.now + seconds


def test_the_earliest_counts() -> None:
    loop: Any = Loop()
    timer = ExpiryTimer(lambda: None, 5.0)
    for when, due in ((103.0, 103.0), (104.0, 103.0), (103.0, 103.0), (101.0, 101.0)):
        timer.arm(loop, when)
        assert loop.due() == [due]


def test_it_never_expires_at_infinity() -> None:
    loop: Any = Loop()
    timer = ExpiryTimer(lambda: None, 5.0)
    timer.arm(loop, inf)
    assert not loop.timers


def test_cancelled_and_armed_again() -> None:
    loop: Any = Loop()
    timer = ExpiryTimer(lambda: None, 5.0)
    timer.arm(loop, 101.0)
    timer.cancel()
    timer.cancel()
    assert not loop.timers
    timer.arm(loop, 102.0)
    assert loop.due() == [102.0]


async def test_it_calls_back_once_and_may_be_armed_from_there() -> None:
    loop = asyncio.get_running_loop()
    done = asyncio.Event()
    calls = []

    def on_expiry() -> None:
        calls.append(timer.when)
        if len(calls) == 1:
            timer.arm(loop, loop.time() + 0.001)
        else:
            done.set()

    timer = ExpiryTimer(on_expiry, 5.0)
    timer.arm(loop, loop.time() + 0.001)
    async with asyncio.timeout(5):
        await done.wait()
    assert calls == [inf, inf]
    assert timer.when == inf
