from __future__ import annotations

import asyncio
import re
from math import ceil, inf, nan
from typing import Any

import pytest
from yarl import URL

from whimbrel_connector import (
    ClientConnectorError,
    ClientProxyConnectionError,
    ConnectionEvent,
    ConnectionStage,
    ConnectionTimeoutError,
    Endpoint,
    Proxy,
)
from whimbrel_connector._attempt import Attempt, time_limit, within_limit
from whimbrel_connector.testing import RecordingTrace

ENDPOINT = Endpoint("example.org", 443, True)


@pytest.mark.parametrize("seconds", [0, 0.0, None, inf])
async def test_no_seconds_and_infinity_are_no_limit(seconds: float | None) -> None:
    assert time_limit(seconds, 5.0).when() is None
    assert Attempt(ENDPOINT, seconds).sock_connect is None


async def test_a_limit_is_a_number() -> None:
    with pytest.raises(ValueError, match="not NaN"):
        time_limit(nan, 5.0)
    with pytest.raises(ValueError, match="not NaN"):
        Attempt(ENDPOINT, nan)


async def test_short_limits_are_exact_and_long_ones_end_on_a_whole_second() -> None:
    now = asyncio.get_running_loop().time()
    short, long = time_limit(4.9, 5.0).when(), time_limit(5.0, 5.0).when()
    assert short is not None
    assert long is not None
    assert now + 4.9 <= short < now + 5.9
    assert long in {ceil(now + 5.0), ceil(now + 6.0)}  # should a second pass meanwhile


async def test_limit_says_what_was_being_done() -> None:
    attempt = Attempt(ENDPOINT, 0.01)

    async def steps() -> Any:
        attempt.begin("waiting for Godot")
        await asyncio.get_running_loop().create_future()

    message = "Connection timeout to the road: no connection within 0.01 s of connecting"
    with pytest.raises(ConnectionTimeoutError, match=message) as caught:
        await within_limit(attempt, "the road", steps())
    assert str(caught.value).endswith("(sock_connect); at the end: waiting for Godot")
    assert isinstance(caught.value.__cause__, TimeoutError)


async def test_another_timeout_is_none_of_the_limit() -> None:
    async def steps() -> Any:
        raise TimeoutError("of somebody else")

    with pytest.raises(TimeoutError, match="of somebody else") as caught:
        await within_limit(Attempt(ENDPOINT, 9.0), "anything", steps())
    assert type(caught.value) is TimeoutError


async def test_detail_has_the_phase_and_its_time() -> None:
    attempt = Attempt(ENDPOINT, None)
    attempt.begin("connecting")
    assert re.fullmatch(r"connecting, after 0\.\d\d s", attempt.detail())
    assert attempt.elapsed() >= 0


async def test_earliest_limit_is_the_deadline() -> None:
    attempt = Attempt(ENDPOINT, None)
    assert attempt.remaining() == inf
    now = asyncio.get_running_loop().time()
    for when in (now + 7, None, now + 5, now + 9):
        attempt.bound(when)
    assert attempt.deadline == now + 5
    assert 4 < attempt.remaining() <= 5


async def test_failure_is_that_of_the_proxy_where_there_is_one() -> None:
    refused = ConnectionRefusedError(111, "refused")
    proxied = Endpoint("example.org", 443, True, proxy=Proxy(URL("http://proxy")))
    for endpoint, kind in ((ENDPOINT, ClientConnectorError), (proxied, ClientProxyConnectionError)):
        attempt = Attempt(endpoint, None)
        attempt.begin("connecting")
        error = attempt.failure(refused)
        assert type(error) is kind
        assert error.os_error is refused
        assert error.detail.startswith("connecting, after ")


async def test_trace_is_told_if_there_is_one() -> None:
    trace = RecordingTrace()
    await Attempt(ENDPOINT, None).tell(ConnectionStage.CREATE_START)
    await Attempt(ENDPOINT, None, trace).tell(ConnectionStage.DNS_CACHE_HIT, host="example.org")
    assert trace.events == [
        ConnectionEvent(ConnectionStage.DNS_CACHE_HIT, ENDPOINT, "example.org", None)
    ]
