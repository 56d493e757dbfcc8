"""A double and a check of what learns how a connection is had."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from whimbrel_connector.endpoint import Endpoint
from whimbrel_connector.interfaces import ConnectionTrace
from whimbrel_connector.testing._waiting import Changes
from whimbrel_connector.tracing import ConnectionEvent, ConnectionStage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["RecordingTrace", "check_trace"]

_ENDS: Final = {
    stage: ConnectionStage[stage.name.removesuffix("_END") + "_START"]
    for stage in ConnectionStage
    if stage.name.endswith("_END")
}
"""What begins the stage that each of these ends."""


class RecordingTrace:
    """A trace that keeps all it is told, and asserts that it can be true.

    It is for one connection: an end without its beginning, a second beginning before the end, or
    anything after the last event is an `AssertionError`, which the caller of `acquire` gets.

    Args:
        fails: exceptions to raise at stages.
    """

    def __init__(self, fails: Mapping[ConnectionStage, BaseException] | None = None) -> None:
        #: What it was told, in order.
        self.events: list[ConnectionEvent] = []
        self._fails = dict(fails or {})
        self._open: list[ConnectionStage] = []
        self._changes = Changes()

    @property
    def stages(self) -> list[ConnectionStage]:
        """The stages of the events, in order."""
        return [event.stage for event in self.events]

    async def connection_event(self, event: ConnectionEvent) -> None:
        """Keep the event.

        Raises:
            AssertionError: it cannot follow the events before.
        """
        self._check(event)
        self.events.append(event)
        self._changes.note()
        failure = self._fails.get(event.stage)
        if failure is not None:
            raise failure

    def _check(self, event: ConnectionEvent) -> None:
        stage = event.stage
        if self.events:
            last = self.events[-1].stage
            assert last is not ConnectionStage.CREATE_END, f"{stage} came after the last event"
            if last is ConnectionStage.REUSED:  # the connection was lost in that moment
                assert stage is ConnectionStage.CREATE_START, f"{stage} came after {last}"
            assert event.endpoint == self.events[0].endpoint, "the endpoint is another one"
        assert (event.host is not None) == stage.name.startswith("DNS_"), f"{stage}: {event.host}"
        assert stage is ConnectionStage.CONNECT_END or event.address is None, f"{stage}: address"
        if stage in _ENDS:
            begun = self._open.pop() if self._open else None
            assert begun is _ENDS[stage], f"{stage} came where {begun} was to be ended"
        elif stage.name.endswith("_START"):
            assert stage not in self._open, f"{stage} came again before its end"
            self._open.append(stage)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until `condition` is true, which is looked at after each event.

        Raises:
            TimeoutError: it was not within five seconds.
        """
        await self._changes.until(condition)

    async def until_told(self, stage: ConnectionStage) -> None:
        """Wait until the event of that stage came."""
        await self.until(lambda: stage in self.stages)


_DIRECT: Final = (
    ConnectionStage.CREATE_START,
    ConnectionStage.DNS_CACHE_HIT,
    ConnectionStage.CONNECT_START,
    ConnectionStage.CONNECT_END,
    ConnectionStage.CREATE_END,
)
_LONG: Final = (
    ConnectionStage.QUEUED_START,
    ConnectionStage.QUEUED_END,
    ConnectionStage.CREATE_START,
    ConnectionStage.DNS_CACHE_MISS,
    ConnectionStage.DNS_START,
    ConnectionStage.DNS_END,
    ConnectionStage.CONNECT_START,
    ConnectionStage.CONNECT_END,
    ConnectionStage.PROXY_TLS_START,
    ConnectionStage.PROXY_TLS_END,
    ConnectionStage.PROXY_START,
    ConnectionStage.PROXY_END,
    ConnectionStage.TLS_START,
    ConnectionStage.TLS_END,
    ConnectionStage.CREATE_END,
)


async def check_trace(make_trace: Callable[[], ConnectionTrace]) -> None:
    """Check that a trace bears whatever a connector can tell it.

    It is given the events of a connection that is reused, of one made directly, of one made instead
    of a reused one that was lost, of one made after queueing and through a proxy, and of attempts
    that fail after each of these stages, which end without a word.

    Args:
        make_trace: makes a new trace; called once for each connection.

    Raises:
        AssertionError: it is no `ConnectionTrace`, or its method returns something.
    """
    stories = [(ConnectionStage.REUSED,), _DIRECT, (ConnectionStage.REUSED, *_DIRECT)]
    stories += [_LONG[:told] for told in range(1, len(_LONG) + 1)]
    for story in stories:
        trace = make_trace()
        assert isinstance(trace, ConnectionTrace)
        for stage in story:
            returned: object = await _tell(trace, stage)
            assert returned is None, f"connection_event returned {returned!r}"


async def _tell(trace: ConnectionTrace, stage: ConnectionStage) -> object:
    endpoint = Endpoint("server.test", 443, is_ssl=True)
    host = endpoint.host if stage.name.startswith("DNS_") else None
    address = "192.0.2.1" if stage is ConnectionStage.CONNECT_END else None
    event = ConnectionEvent(stage, endpoint, host, address)
    return await trace.connection_event(event)  # type: ignore[func-returns-value]  # is checked
