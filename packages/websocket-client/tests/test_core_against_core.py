"""Two cores on a wire that cuts and delays: what one sends is what the other one receives."""

import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whimbrel_websocket_client import (
    NEED_DATA,
    DeflateOffer,
    DeflateParameters,
    Role,
    State,
    StateError,
    WebSocketProtocol,
    WSMsgType,
)
from whimbrel_websocket_client.extensions import parse_extensions

MOST_PINGS = 12  # of one side; of more than 16 without an answer some need none

Message = tuple[WSMsgType, Any]
Step = tuple[bool, Callable[["Side"], None]]


class Side:
    """A protocol, what it has sent, and what it has received."""

    def __init__(self, role: Role, deflate: DeflateParameters | None, hold: int) -> None:
        self.protocol = WebSocketProtocol(role, deflate=deflate, max_msg_size=0)
        self.compresses = deflate is not None
        self.wire = bytearray()
        self.messages: list[Message] = []
        self.pings: list[bytes] = []
        self.pongs: list[bytes] = []
        self.close: tuple[int, str] | None = None
        self.got: list[Message] = []
        self.got_pings: list[bytes] = []
        self.got_pongs: list[bytes] = []
        self.got_close: tuple[Any, Any] | None = None
        self._hold = hold
        self._sending: list[Any] = []
        self._receiving: list[Any] = []

    # Sending

    def send(self, data: str | bytes, compress: int | None) -> None:
        protocol = self.protocol
        method: Any = protocol.send_text if isinstance(data, str) else protocol.send_binary
        if protocol.state is not State.OPEN or protocol.in_parts:
            with pytest.raises(StateError):
                method(data)
            return
        self.wire += method(data, compress=compress if self.compresses else None)
        self.messages.append((WSMsgType.TEXT if isinstance(data, str) else WSMsgType.BINARY, data))

    def send_part(self, data: str, compress: int | None, *, text: bool, last: bool) -> None:
        protocol = self.protocol
        if self._sending:
            text = isinstance(self._sending[0], str)
        part: Any = data if text else data.encode()
        if protocol.state is not State.OPEN:
            with pytest.raises(StateError):
                protocol.send_part(part, last=last)
            return
        self.wire += protocol.send_part(
            part, last=last, compress=compress if self.compresses else None
        )
        self._sending.append(part)
        assert protocol.in_parts is not last
        if last:
            whole = type(part)().join(self._sending)
            self.messages.append((WSMsgType.TEXT if text else WSMsgType.BINARY, whole))
            self._sending.clear()

    def ping(self, data: bytes) -> None:
        if self.protocol.state is State.OPEN and len(self.pings) < MOST_PINGS:
            self.wire += self.protocol.ping(data)
            self.pings.append(data)

    def pong(self, data: bytes) -> None:
        if self.protocol.state is State.OPEN:
            # Not to be taken for the answer to a Ping.
            self.wire += self.protocol.pong(b"unasked " + data[:100])
            self.pongs.append(b"unasked " + data[:100])

    def say_goodbye(self, code: int, reason: str) -> None:
        frame = self.protocol.close(code, reason)
        if frame:
            self.close = code, reason
        self.wire += frame

    # Receiving

    def receive(self, data: bytes) -> None:
        protocol = self.protocol
        protocol.receive_data(data)
        while True:
            event = protocol.next_event(self._hold)
            if event is not NEED_DATA:
                self._note(event.type, event.data, event.extra)
            elif self._hold and (part := protocol.take_part()) is not None:
                self._receiving.append(part)
            else:
                break
        self.wire += protocol.data_to_send()

    def _note(self, kind: WSMsgType, data: Any, extra: str | None) -> None:
        assert self.got_close is None, "something follows the Close"
        if kind is WSMsgType.PING:
            self.got_pings.append(data)
        elif kind is WSMsgType.PONG:
            self.got_pongs.append(data)
        elif kind is WSMsgType.CLOSE:
            self.got_close = data, extra
        else:
            assert kind in (WSMsgType.TEXT, WSMsgType.BINARY), data
            self.got.append((kind, type(data)().join([*self._receiving, data])))
            self._receiving.clear()


class Wire:
    """Both sides; `deliver` carries octets from one to the other."""

    def __init__(self, deflate: DeflateParameters | None, holds: tuple[int, int], cut: int) -> None:
        self._options = deflate, holds, cut
        self._cut = cut
        self.client = Side(Role.CLIENT, deflate, holds[0])
        self.server = Side(Role.SERVER, deflate, holds[1])

    def deliver(self, *, from_client: bool, count: int) -> None:
        one, other = (self.client, self.server) if from_client else (self.server, self.client)
        data = bytes(one.wire[:count])
        del one.wire[:count]
        if data:
            other.receive(data)

    def deliver_all(self) -> None:
        while self.client.wire or self.server.wire:
            self.deliver(from_client=True, count=self._cut)
            self.deliver(from_client=False, count=self._cut)

    def __repr__(self) -> str:
        return f"Wire{self._options}"


# What is sent


@st.composite
def payloads(draw: st.DrawFn) -> bytes:
    """Return short octets of any kind, or as many as a length has a form of its own for."""
    if draw(st.booleans()):
        return draw(st.binary(max_size=40))
    size = draw(st.sampled_from([125, 126, 127, 1000, 65_535, 65_536, 70_000]))
    chance = random.Random(draw(st.integers(0, 3)))
    return chance.randbytes(size) if draw(st.booleans()) else chance.randbytes(7) * (size // 7)


LEVELS = st.sampled_from([None, None, 0, 1, 9])
TEXTS = st.text(max_size=30) | st.sampled_from(["é" * 63, "\U0001f426" * 500, "ab" * 500])
MESSAGES = st.builds(
    lambda data, level: lambda side: side.send(data, level), payloads() | TEXTS, LEVELS
)
PARTS = st.builds(
    lambda data, level, text, last: lambda side: side.send_part(data, level, text=text, last=last),
    TEXTS,
    LEVELS,
    st.booleans(),
    st.sampled_from([False, False, True]),
)
CONTROL = st.binary(max_size=125)
PINGS = st.builds(lambda data: lambda side: side.ping(data), CONTROL)
PONGS = st.builds(lambda data: lambda side: side.pong(data), CONTROL)
CODES = st.sampled_from([1000, 1001, 1011, 3000, 4999])
REASONS = st.text(st.characters(codec="utf-8"), max_size=30)
CLOSES = st.builds(lambda code, reason: lambda side: side.say_goodbye(code, reason), CODES, REASONS)
SIZES = st.sampled_from([1, 2, 3, 7, 100, 5000, 10**6])


@st.composite
def agreements(draw: st.DrawFn) -> DeflateParameters | None:
    """Return what a client and a server have agreed on, in the words of the handshake."""
    if draw(st.booleans()):
        return None
    bits = st.integers(8, 15)
    offer = DeflateOffer(
        draw(st.none() | bits), draw(st.booleans() | bits), draw(st.booleans()), draw(st.booleans())
    )
    [asked] = parse_extensions([offer.header()])
    read = DeflateOffer.from_extension(asked)
    assert read == offer
    wanted = DeflateParameters.accepting(read)
    [answered] = parse_extensions([read.answer(wanted)])
    agreed = offer.agree(answered)
    assert agreed == wanted
    return agreed


HOLDS = st.tuples(st.sampled_from([0, 64, 5000]), st.sampled_from([0, 64, 5000]))
WIRES = st.builds(Wire, agreements(), HOLDS, st.sampled_from([11, 1000, 10**7]))
ACTIONS = MESSAGES | PARTS | PINGS | PONGS


def play(wire: Wire, steps: list[tuple[bool, Any]]) -> None:
    """Let the sides act; a number is a delivery of so many octets."""
    for client_acts, step in steps:
        if isinstance(step, int):
            wire.deliver(from_client=client_acts, count=step)
        else:
            step(wire.client if client_acts else wire.server)


def check_messages(wire: Wire) -> None:
    for one, other in ((wire.client, wire.server), (wire.server, wire.client)):
        assert other.got == one.messages
        assert other.got_pings == one.pings
        unasked = [data for data in other.got_pongs if data.startswith(b"unasked ")]
        assert unasked == one.pongs


def finish_parts(side: Side) -> None:
    if side.protocol.in_parts:
        side.send_part("end", None, text=True, last=True)


@settings(max_examples=250, deadline=None)
@given(
    wire=WIRES,
    steps=st.lists(st.tuples(st.booleans(), ACTIONS | SIZES), min_size=4, max_size=40),
)
def test_what_is_sent_is_received(
    wire: Wire,
    steps: list[tuple[bool, Any]],
) -> None:
    play(wire, steps)
    finish_parts(wire.client)
    finish_parts(wire.server)
    wire.deliver_all()
    check_messages(wire)
    for one in (wire.client, wire.server):
        answers = [data for data in one.got_pongs if not data.startswith(b"unasked ")]
        assert answers == [data for data in one.pings if not data.startswith(b"unasked ")]
        assert one.protocol.state is State.OPEN
        assert one.protocol.incomplete_size == 0
        assert one.protocol.incomplete_type is None


@settings(max_examples=250, deadline=None)
@given(
    wire=WIRES,
    before=st.lists(st.tuples(st.booleans(), ACTIONS | SIZES), max_size=10),
    closing=st.tuples(st.booleans(), CLOSES),
    after=st.lists(st.tuples(st.booleans(), ACTIONS | CLOSES | SIZES), max_size=10),
)
def test_a_close_loses_nothing_that_was_sent_before(
    wire: Wire,
    before: list[tuple[bool, Any]],
    closing: tuple[bool, Any],
    after: list[tuple[bool, Any]],
) -> None:
    play(wire, [*before, closing, *after])
    wire.deliver_all()
    check_messages(wire)
    for one, other in ((wire.client, wire.server), (wire.server, wire.client)):
        assert one.protocol.state is State.CLOSED
        assert one.protocol.failure is None
        # What the other side said itself, or else the echo of this side's code.
        said = other.close
        if said is None:
            assert one.close is not None
            said = one.close[0], ""
        assert one.got_close == said
        assert (one.protocol.close_code, one.protocol.close_reason) == said
        # Answers to Pings end with the Close that follows them.
        answers = [data for data in one.got_pongs if not data.startswith(b"unasked ")]
        asked = [data for data in one.pings if not data.startswith(b"unasked ")]
        assert answers == asked[: len(answers)]
        one.protocol.receive_eof()
        assert one.protocol.next_event() is NEED_DATA


@settings(max_examples=250, deadline=None)
@given(
    wire=WIRES,
    steps=st.lists(st.tuples(st.booleans(), ACTIONS), min_size=2, max_size=12),
    from_client=st.booleans(),
    kept=st.floats(0, 1),
)
def test_a_broken_wire_gives_a_beginning_and_says_so(
    wire: Wire,
    steps: list[tuple[bool, Any]],
    from_client: bool,
    kept: float,
) -> None:
    play(wire, steps)
    one, other = (wire.client, wire.server) if from_client else (wire.server, wire.client)
    wire.deliver(from_client=from_client, count=int(len(one.wire) * kept))
    other.protocol.receive_eof()
    event = other.protocol.next_event()
    assert event is not NEED_DATA
    assert event.type is WSMsgType.ERROR
    assert other.protocol.close_code == 1006
    assert other.got == one.messages[: len(other.got)]
    if not one.wire and not one.protocol.in_parts:
        assert other.got == one.messages
