"""For the tests of whoever uses this package, and its own: one message, fed in every way.

A reader must find the same in the same bytes however they were cut. `feed_every_way` cuts them.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from whimbrel_http_parser.errors import ProtocolError
from whimbrel_http_parser.events import PAUSED, Data, Event, Signal

__all__ = ["EventReader", "Feeding", "feed", "feed_every_way"]


class EventReader(Protocol):
    """The reading side of a sans-I/O protocol, as both readers have it."""

    def receive_data(self, data: bytes) -> None:
        """Take bytes from the peer."""

    def receive_eof(self) -> None:
        """Learn that the peer will send no more."""

    def next_event(self) -> Event | Signal:
        """Return the next event, or a signal."""

    @property
    def trailing_data(self) -> bytes:
        """What was received behind the end of the message."""


@dataclass(frozen=True, slots=True)
class Feeding:
    """What came of feeding one message in one way.

    Args:
        how: the way, in words.
        events: the events, with adjacent `Data` joined into one, so that ways compare equal.
        error: what ended it, if something did.
        trailing_data: what was left behind the end of the message.
        paused: whether the reader paused, that is, found the end of the message.
    """

    how: str
    events: list[Event]
    error: ProtocolError | None
    trailing_data: bytes
    paused: bool

    @property
    def outcome(self) -> tuple[list[Event], type[ProtocolError] | None, bytes, bool]:
        """What must be the same for every way."""
        error = None if self.error is None else type(self.error)
        return self.events, error, self.trailing_data, self.paused


def feed(how: str, pieces: Iterable[bytes], reader: EventReader, *, eof: bool = False) -> Feeding:
    """Feed `pieces` to `reader` and gather all that it says, up to its first error.

    Args:
        how: what to call this way of feeding.
        pieces: the bytes, as they arrive.
        reader: a fresh reader.
        eof: whether the stream ends behind them.
    """
    events: list[Event] = []
    try:
        for piece in pieces:
            reader.receive_data(piece)
            _drain(reader, events)
        if eof:
            reader.receive_eof()
        paused = _drain(reader, events) is PAUSED
    except ProtocolError as error:
        return Feeding(how, events, error, reader.trailing_data, paused=False)
    return Feeding(how, events, None, reader.trailing_data, paused)


def feed_every_way(
    data: bytes, make_reader: Callable[[], EventReader], *, eof: bool = False
) -> Iterator[Feeding]:
    """Feed `data` whole, byte by byte, and cut in two at every place.

    Args:
        data: a message; its length is also how many ways there are, so keep it short.
        make_reader: makes a fresh reader.
        eof: whether the stream ends behind the data.

    Yields:
        The outcome of each way; a test compares their `outcome`.
    """
    yield feed("whole", [data], make_reader(), eof=eof)
    single = [data[i : i + 1] for i in range(len(data))]
    yield feed("byte by byte", single, make_reader(), eof=eof)
    for cut in range(1, len(data)):
        yield feed(f"cut at {cut}", [data[:cut], data[cut:]], make_reader(), eof=eof)


def _drain(reader: EventReader, events: list[Event]) -> Signal:
    while True:
        event = reader.next_event()
        if isinstance(event, Signal):
            return event
        if isinstance(event, Data) and events and isinstance(events[-1], Data):
            event = _joined(events.pop(), event)
        events.append(event)


def _joined(first: Event, second: Data) -> Data:
    assert isinstance(first, Data)
    shifted = tuple(len(first.data) + end for end in second.chunk_ends)
    return Data(first.data + second.data, first.chunk_ends + shifted)
