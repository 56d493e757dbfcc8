from whimbrel_http_parser import (
    NEED_DATA,
    PAUSED,
    Data,
    EndOfMessage,
    Event,
    LocalProtocolError,
    RequestReader,
    ResponseReader,
    Signal,
)
from whimbrel_http_parser.testing import EventReader, feed, feed_every_way


class LineReader:
    """A protocol of one line, which fails on `!`: all that `testing` asks of a reader."""

    def __init__(self) -> None:
        self.data = b""
        self.given = 0
        self.ended = False

    def receive_data(self, data: bytes) -> None:
        self.data += data

    def receive_eof(self) -> None:
        self.ended = True

    def next_event(self) -> Event | Signal:
        line, end, _ = self.data.partition(b"\n")
        if b"!" in line:
            raise LocalProtocolError("no")
        if self.given < len(line):
            piece = line[self.given :]
            self.given = len(line)
            return Data(piece, (len(piece),))
        if self.ended and not end:
            return EndOfMessage()
        return PAUSED if end else NEED_DATA

    @property
    def trailing_data(self) -> bytes:
        return self.data.partition(b"\n")[2]


def test_a_reader_that_is_closed_has_not_paused() -> None:
    feeding = feed("closed", [], RequestReader(), eof=True)
    assert feeding.events == []
    assert feeding.error is None
    assert not feeding.paused


def test_data_are_joined_and_their_chunk_ends_shifted() -> None:
    feeding = feed("two", [b"ab", b"c\nrest"], LineReader())
    assert feeding.events == [Data(b"abc", (2, 3))]
    assert feeding.paused
    assert feeding.trailing_data == b"rest"


def test_an_error_ends_it() -> None:
    feeding = feed("two", [b"ab", b"c!", b"d"], LineReader())
    assert feeding.events == [Data(b"ab", (2,))]
    assert isinstance(feeding.error, LocalProtocolError)
    assert feeding.outcome == ([Data(b"ab", (2,))], LocalProtocolError, b"", False)


def test_a_message_is_fed_in_every_way() -> None:
    ways = [feeding.how for feeding in feed_every_way(b"abc\n", LineReader)]
    assert ways == ["whole", "byte by byte", "cut at 1", "cut at 2", "cut at 3"]


def test_a_way_in_which_the_outcome_differs_shows() -> None:
    outcomes = {
        feeding.how: feeding.events == [Data(b"abc", (3,))]
        for feeding in feed_every_way(b"abc\n", LineReader)
    }
    assert outcomes["whole"]
    assert not outcomes["byte by byte"]


def test_the_reader_of_this_package_fits() -> None:
    reader: EventReader = ResponseReader()
    feeding = feed("nothing", [], reader)
    assert (feeding.events, feeding.paused) == ([], False)
