from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from whimbrel.errors import ConnectionTimeoutError, ServerTimeoutError
from whimbrel.timeouts import DEFAULT_TIMEOUT, ClientTimeout, Deadlines, TotalTimeout

SOON = 0.002


class ClockLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock stands still until it is told to go on."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.25
        self.errors: list[BaseException] = []
        self.set_exception_handler(lambda _, context: self.errors.append(context["exception"]))

    def time(self) -> float:
        return self.now

    def turns(self, n: int = 3) -> None:
        """Run what is due."""
        for _ in range(n):
            self.call_soon(self.stop)
            self.run_forever()

    def at(self, now: float) -> None:
        """Let it be `now`."""
        self.now = now
        self.turns()

    def armed(self) -> list[float]:
        """When the timers that are armed go off."""
        scheduled: list[asyncio.TimerHandle] = self._scheduled  # type: ignore[attr-defined]  # no public list
        return sorted(timer.when() for timer in scheduled if not timer.cancelled())


@pytest.fixture
def loop() -> Iterator[ClockLoop]:
    loop = ClockLoop()
    yield loop
    loop.close()
    assert loop.errors == []


@pytest.fixture
def deadlines(loop: ClockLoop) -> Iterator[Deadlines]:
    deadlines = Deadlines(loop)
    yield deadlines
    deadlines.close()
    assert loop.armed() == []


def expiring(log: list[str], name: str) -> Callable[[], None]:
    return lambda: log.append(name)


def unexpected(error: Exception) -> None:
    pytest.fail(f"unexpected: {error}")


# ClientTimeout


def test_the_defaults_are_those_of_the_reference() -> None:
    assert ClientTimeout() == ClientTimeout(None, None, None, None, 5.0)
    assert ClientTimeout(total=300, sock_connect=30) == DEFAULT_TIMEOUT
    assert hash(DEFAULT_TIMEOUT) == hash(ClientTimeout(total=300, sock_connect=30))


# Deadlines, by a clock of our own


@pytest.mark.parametrize(
    ("seconds", "threshold", "ends"),
    [
        (4.9, 5.0, 1005.15),  # short ones end when they say
        (0.5, 5.0, 1000.75),
        (5.0, 5.0, 1006),  # others at the end of the second
        (5.75, 5.0, 1006),
        (300.0, 5.0, 1301),
        (10.5, 60.0, 1010.75),
        (0.1, 0.0, 1001),
        (-1.0, 5.0, 999.25),
    ],
)
def test_deadlines_far_away_end_with_a_second(
    loop: ClockLoop, deadlines: Deadlines, seconds: float, threshold: float, ends: float
) -> None:
    log: list[str] = []
    deadline = deadlines.after(seconds, expiring(log, "x"), threshold)
    assert deadline.when == pytest.approx(ends)
    if seconds > 0:
        loop.at(ends - 0.01)
        assert log == []
    loop.at(max(ends, loop.now))
    assert log == ["x"]
    assert loop.armed() == []


def test_deadlines_of_one_second_share_a_timer(loop: ClockLoop, deadlines: Deadlines) -> None:
    log: list[str] = []
    for n in range(100):
        deadlines.after(10, expiring(log, f"{n}"))
        loop.now += 0.005
    deadlines.after(10.4, expiring(log, "later"))
    assert loop.armed() == [1011, 1012]
    loop.at(1011)
    assert sorted(log, key=int) == [str(n) for n in range(100)]
    loop.at(1012)
    assert log[-1] == "later"


def test_deadlines_that_come_and_go_leave_one_timer_for_each_second(
    loop: ClockLoop, deadlines: Deadlines
) -> None:
    for _ in range(10_000):
        deadlines.after(30, pytest.fail).cancel()
        loop.now += 0.0001
    assert len(loop.armed()) <= 2
    loop.at(1100)
    assert loop.armed() == []


@pytest.mark.parametrize("seconds", [1, 10])
def test_a_cancelled_deadline_does_not_expire(
    loop: ClockLoop, deadlines: Deadlines, seconds: float
) -> None:
    log: list[str] = []
    deadlines.after(seconds, expiring(log, "kept"))
    cancelled = deadlines.after(seconds, expiring(log, "cancelled"))
    cancelled.cancel()
    cancelled.cancel()
    loop.at(1100)
    assert log == ["kept"]
    cancelled.cancel()


@pytest.mark.parametrize("seconds", [1, 10])
def test_a_deadline_that_has_passed_may_be_cancelled(
    loop: ClockLoop, deadlines: Deadlines, seconds: float
) -> None:
    log: list[str] = []
    passed = deadlines.after(seconds, expiring(log, "passed"))
    loop.at(1100)
    other = deadlines.after(seconds, expiring(log, "other"))
    passed.cancel()
    loop.at(1200)
    assert log == ["passed", "other"]
    other.cancel()


@pytest.mark.parametrize("seconds", [1, 10])
def test_expiring_may_cancel_others(loop: ClockLoop, deadlines: Deadlines, seconds: float) -> None:
    log: list[str] = []
    made: list[Any] = []

    def expire() -> None:
        log.append("one")
        for deadline in made:
            deadline.cancel()

    made += [deadlines.after(seconds, expire) for _ in range(10)]
    loop.at(1100)
    assert log == ["one"]


@pytest.mark.parametrize("seconds", [1, 10])
def test_expiring_may_add_others(loop: ClockLoop, deadlines: Deadlines, seconds: float) -> None:
    log: list[str] = []

    def expire() -> None:
        log.append("first")
        deadlines.after(seconds, expiring(log, "second"))
        deadlines.after(0, expiring(log, "at once"), 0)

    deadlines.after(seconds, expire)
    loop.at(1011)
    loop.at(1011)
    assert log == ["first", "at once"]
    loop.at(1100)
    assert log == ["first", "at once", "second"]


@pytest.mark.parametrize("seconds", [1, 10])
def test_expiring_may_close(loop: ClockLoop, deadlines: Deadlines, seconds: float) -> None:
    log: list[str] = []

    def expire() -> None:
        log.append("one")
        deadlines.close()

    for _ in range(10):
        deadlines.after(seconds, expire)
    loop.at(1100)
    assert log == ["one"] * 10
    assert loop.armed() == []


def test_one_that_fails_does_not_keep_the_others_waiting(
    loop: ClockLoop, deadlines: Deadlines
) -> None:
    log: list[str] = []

    def fail() -> None:
        log.append("failed")
        raise ZeroDivisionError

    for _ in range(3):
        deadlines.after(10, fail)
        deadlines.after(10, expiring(log, "passed"))
    loop.at(1011)
    assert sorted(log) == ["failed"] * 3 + ["passed"] * 3
    assert [type(exc) for exc in loop.errors] == [ZeroDivisionError] * 3
    loop.errors.clear()


def test_closing_leaves_the_timers_that_are_needed(loop: ClockLoop, deadlines: Deadlines) -> None:
    log: list[str] = []
    made = [deadlines.after(seconds, expiring(log, "x")) for seconds in (1, 2, 10, 10, 20, 300)]
    made[2].cancel()
    made[4].cancel()
    assert len(loop.armed()) == 5  # that of the group whose only deadline was cancelled, too
    deadlines.close()
    assert loop.armed() == [1001.25, 1002.25, 1011, 1301]
    made[5].cancel()
    made[0].cancel()
    assert loop.armed() == [1002.25, 1011]
    loop.at(2000)
    assert log == ["x", "x"]
    for deadline in made:
        deadline.cancel()
    deadlines.close()


@pytest.mark.parametrize("seconds", [1, 10])
def test_a_deadline_added_after_closing_leaves_no_timer(
    loop: ClockLoop, deadlines: Deadlines, seconds: float
) -> None:
    log: list[str] = []
    deadlines.close()
    deadlines.after(seconds, pytest.fail).cancel()
    assert loop.armed() == []
    deadlines.after(seconds, expiring(log, "x"))
    loop.at(1100)
    assert log == ["x"]


def test_an_infinite_deadline_needs_no_timer(loop: ClockLoop, deadlines: Deadlines) -> None:
    deadline = deadlines.after(math.inf, pytest.fail)
    assert loop.armed() == []
    deadline.cancel()


# TotalTimeout, outside `bound`


def test_the_total_fails_what_is_under_way(loop: ClockLoop, deadlines: Deadlines) -> None:
    failed: list[Exception] = []
    total = TotalTimeout(deadlines, ClientTimeout(total=10))
    total.fail = failed.append
    loop.at(1010.9)
    assert not failed
    loop.at(1011)
    (error,) = failed
    assert isinstance(error, ServerTimeoutError)
    assert str(error) == "The total timeout of 10 s expired while waiting for the response"
    total.cancel()


def test_the_total_respects_the_threshold(loop: ClockLoop, deadlines: Deadlines) -> None:
    failed: list[Exception] = []
    total = TotalTimeout(deadlines, ClientTimeout(total=10, ceil_threshold=60))
    total.fail = failed.append
    loop.at(1010.3)
    assert len(failed) == 1
    total.cancel()


@pytest.mark.parametrize("seconds", [1, 10])
def test_a_request_that_has_ended_does_not_fail(
    loop: ClockLoop, deadlines: Deadlines, seconds: float
) -> None:
    total = TotalTimeout(deadlines, ClientTimeout(total=seconds))
    total.fail = unexpected
    total.cancel()
    loop.at(1100)
    total.cancel()


@pytest.mark.parametrize("nothing", [None, 0, 0.0])
def test_without_a_total_there_is_no_timer(
    loop: ClockLoop, deadlines: Deadlines, nothing: float | None
) -> None:
    total = TotalTimeout(deadlines, ClientTimeout(total=nothing))
    total.fail = unexpected
    assert loop.armed() == []
    loop.at(10_000)
    total.cancel()


def test_what_begins_when_the_time_is_over_fails_as_well(
    loop: ClockLoop, deadlines: Deadlines
) -> None:
    failed: list[Exception] = []
    total = TotalTimeout(deadlines, ClientTimeout(total=1))
    loop.at(1002)
    total.fail = failed.append
    assert not failed  # not at once: it has yet to be sent
    loop.turns()
    assert len(failed) == 1
    total.fail = failed.append
    total.cancel()
    loop.turns()
    assert len(failed) == 1


# TotalTimeout.bound, by the real clock


@contextmanager
def total_of(seconds: float | None) -> Iterator[TotalTimeout]:
    deadlines = Deadlines(asyncio.get_running_loop())
    total = TotalTimeout(deadlines, ClientTimeout(total=seconds))
    try:
        yield total
    finally:
        total.cancel()
        deadlines.close()


def cancelling() -> int:
    task = asyncio.current_task()
    assert task is not None
    return task.cancelling()


async def for_ever() -> None:
    await asyncio.get_running_loop().create_future()


async def value() -> str:
    await asyncio.sleep(0)
    return "value"


@pytest.mark.parametrize("seconds", [None, 0, 100, 1.5, math.inf])
async def test_what_is_done_in_time_is_returned(seconds: float | None) -> None:
    with total_of(seconds) as total:
        assert await total.bound(value(), "waiting") == "value"


async def test_what_is_not_done_in_time_is_an_error_that_says_so() -> None:
    with total_of(SOON) as total:
        with pytest.raises(ServerTimeoutError) as caught:
            await total.bound(for_ever(), "connecting to host:80")
        assert str(caught.value) == (
            f"The total timeout of {SOON} s expired while connecting to host:80"
        )
        assert isinstance(caught.value, asyncio.TimeoutError)
        assert isinstance(caught.value.__cause__, TimeoutError)
    assert cancelling() == 0
    await asyncio.sleep(0)  # a cancellation that was left over would come out here


async def test_a_time_that_is_over_before_is_an_error_too() -> None:
    with total_of(-1) as total, pytest.raises(ServerTimeoutError):
        await total.bound(for_ever(), "waiting")
    assert cancelling() == 0


@pytest.mark.parametrize("seconds", [None, 100])
@pytest.mark.parametrize("error", [TimeoutError("inner"), ConnectionTimeoutError("c"), OSError(1)])
async def test_an_error_from_inside_passes_through(seconds: float | None, error: Exception) -> None:
    async def fail() -> None:
        await asyncio.sleep(0)
        raise error

    with total_of(seconds) as total, pytest.raises(type(error)) as caught:
        await total.bound(fail(), "waiting")
    assert caught.value is error
    assert cancelling() == 0


async def test_an_inner_timeout_of_its_own_passes_through() -> None:
    async def inner() -> None:
        async with asyncio.timeout(SOON):
            await for_ever()

    with total_of(100) as total, pytest.raises(TimeoutError) as caught:
        await total.bound(inner(), "waiting")
    assert type(caught.value) is TimeoutError
    assert cancelling() == 0


async def test_what_answers_the_cancellation_with_an_error_has_the_last_word() -> None:
    async def inner() -> None:
        try:
            await for_ever()
        except asyncio.CancelledError:
            raise OSError(5, "while closing") from None

    with total_of(SOON) as total, pytest.raises(OSError, match="while closing"):
        await total.bound(inner(), "waiting")
    assert cancelling() == 0


@pytest.mark.parametrize("seconds", [None, 100])
async def test_a_cancellation_from_outside_passes_through(seconds: float | None) -> None:
    seen: list[int] = []

    async def request() -> None:
        with total_of(seconds) as total:
            try:
                await total.bound(for_ever(), "waiting")
            finally:
                seen.append(cancelling())

    task = asyncio.create_task(request())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert seen == [1]
    assert task.cancelled()


async def test_a_timeout_of_the_callers_around_it_is_the_callers() -> None:
    with total_of(100) as total, pytest.raises(TimeoutError) as caught:
        async with asyncio.timeout(SOON):
            await total.bound(for_ever(), "waiting")
    assert type(caught.value) is TimeoutError
    assert cancelling() == 0


async def test_both_at_once_is_the_callers_too() -> None:
    with total_of(-1) as total, pytest.raises(TimeoutError):
        async with asyncio.timeout(-1):
            await total.bound(for_ever(), "waiting")
    assert cancelling() == 0


async def test_the_total_goes_on_through_phases() -> None:
    with total_of(10 * SOON) as total:
        assert await total.bound(value(), "connecting") == "value"
        head: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        total.fail = head.set_exception
        with pytest.raises(ServerTimeoutError, match="waiting for the response"):
            await head
        assert cancelling() == 0


async def test_it_ends_on_a_whole_second_with_its_group() -> None:
    loop = asyncio.get_running_loop()
    with total_of(5.5) as total:
        deadlines = Deadlines(loop)
        other = deadlines.after(5.5, pytest.fail)
        assert other.when == math.ceil(other.when)
        assert await total.bound(value(), "waiting") == "value"
        other.cancel()
        deadlines.close()
