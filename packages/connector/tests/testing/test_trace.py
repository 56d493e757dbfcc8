from __future__ import annotations

import asyncio
from typing import Any

import pytest

from whimbrel_connector import ConnectionEvent, ConnectionStage, Endpoint
from whimbrel_connector.interfaces import ConnectionTrace
from whimbrel_connector.testing import RecordingTrace, check_trace

S = ConnectionStage
HERE = Endpoint("server.test", 80, is_ssl=False)


def event(stage: ConnectionStage, endpoint: Endpoint = HERE, **facts: str) -> ConnectionEvent:
    if stage.name.startswith("DNS_"):
        facts.setdefault("host", "server.test")
    return ConnectionEvent(stage, endpoint, **facts)


async def test_recording_trace_keeps_the_contract() -> None:
    assert isinstance(RecordingTrace(), ConnectionTrace)
    await check_trace(RecordingTrace)


class Forgetful:
    """Supposes that every connection begins in the queue."""

    def __init__(self) -> None:
        self.began: dict[str, bool] = {}

    async def connection_event(self, event: ConnectionEvent) -> None:
        if event.stage is S.QUEUED_START:
            self.began["queue"] = True
        assert self.began["queue"]


class Telling:
    """Returns something, as if anybody looked at it."""

    async def connection_event(self, event: ConnectionEvent) -> None:
        return event  # type: ignore[return-value]  # what the check is to notice


class Deaf:
    """Has no method for events."""


@pytest.mark.parametrize(
    ("kind", "error"), [(Forgetful, KeyError), (Telling, AssertionError), (Deaf, AssertionError)]
)
async def test_the_check_notices_a_broken_trace(kind: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        await check_trace(kind)


async def test_events_are_kept_in_order_and_can_be_waited_for() -> None:
    trace = RecordingTrace()
    waiting = asyncio.ensure_future(trace.until_told(S.CREATE_END))
    for stage in (S.CREATE_START, S.CONNECT_START, S.CONNECT_END, S.CREATE_END):
        await trace.connection_event(event(stage))
    await waiting
    assert trace.stages == [S.CREATE_START, S.CONNECT_START, S.CONNECT_END, S.CREATE_END]
    assert {told.endpoint for told in trace.events} == {HERE}


async def test_two_names_may_be_looked_up_for_one_connection() -> None:
    trace = RecordingTrace()
    for host in ("proxy.test", "server.test"):
        for stage in (S.DNS_CACHE_MISS, S.DNS_START, S.DNS_END):
            await trace.connection_event(event(stage, host=host))
    assert len(trace.events) == 6


async def test_a_new_connection_may_follow_on_one_that_was_lost() -> None:
    trace = RecordingTrace()
    for stage in (S.REUSED, S.CREATE_START, S.CREATE_END):
        await trace.connection_event(event(stage))
    assert len(trace.events) == 3


@pytest.mark.parametrize(
    "events",
    [
        [event(S.CREATE_END)],
        [event(S.CREATE_START), event(S.CREATE_START)],
        [event(S.CREATE_START), event(S.TLS_START), event(S.CREATE_END)],
        [event(S.REUSED), event(S.CONNECT_START)],
        [event(S.REUSED), event(S.REUSED)],
        [event(S.CREATE_START), event(S.CREATE_END), event(S.QUEUED_START)],
        [event(S.QUEUED_START), event(S.QUEUED_END, Endpoint("other.test", 80, is_ssl=False))],
        [ConnectionEvent(S.DNS_START, HERE)],
        [event(S.TLS_START, host="server.test")],
        [event(S.TLS_START, address="192.0.2.1")],
    ],
)
async def test_what_cannot_be_true_is_noticed(events: list[ConnectionEvent]) -> None:
    trace = RecordingTrace()
    for told in events[:-1]:
        await trace.connection_event(told)
    with pytest.raises(AssertionError):
        await trace.connection_event(events[-1])


async def test_it_fails_where_it_is_told_to() -> None:
    trace = RecordingTrace({S.CONNECT_START: ZeroDivisionError()})
    await trace.connection_event(event(S.CREATE_START))
    with pytest.raises(ZeroDivisionError):
        await trace.connection_event(event(S.CONNECT_START))
    assert trace.stages == [S.CREATE_START, S.CONNECT_START]
