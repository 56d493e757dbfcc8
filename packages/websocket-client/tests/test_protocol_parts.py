"""The protocol with messages that are not in one piece: parts both ways, and compression."""

import gc
import itertools
import random
import sys
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whimbrel_websocket_client import (
    NEED_DATA,
    Role,
    State,
    StateError,
    WebSocketProtocol,
    WSMessage,
    WSMsgType,
)
from whimbrel_websocket_client.extensions import DeflateParameters
from whimbrel_websocket_client.frames import (
    OP_BINARY,
    OP_CLOSE,
    OP_CONTINUATION,
    OP_PING,
    OP_TEXT,
    FrameDecoder,
    encode_close,
    encode_frame,
)
from whimbrel_websocket_client.testing import ProtocolPair, feed

DEFLATE = DeflateParameters()


def server_of(**options: int) -> tuple[WebSocketProtocol, WebSocketProtocol]:
    """Return a server and a client, both with compression."""
    return (
        WebSocketProtocol(Role.SERVER, deflate=DEFLATE),
        WebSocketProtocol(deflate=DEFLATE, **options),  # type: ignore[arg-type]  # of integers
    )


def events_of(protocol: WebSocketProtocol) -> list[WSMessage]:
    """Return what can be read without taking parts."""
    events = []
    while (event := protocol.next_event()) is not NEED_DATA:
        events.append(event)
    return events


# Out


@pytest.mark.parametrize("deflate", [None, DEFLATE])
def test_a_message_is_sent_in_parts(deflate: DeflateParameters | None) -> None:
    pair = ProtocolPair(deflate=deflate)
    client = pair.client
    for parts in (["Hel", "lo", ""], [b"\xff", b"", b"\x00"], ["", "\u20ac"], [b""]):
        for part in parts[:-1]:
            pair.to_server(client.send_part(part, last=False))
            assert client.in_parts
            pair.to_server(client.ping(b"meanwhile"))
        pair.to_server(client.send_part(parts[-1], last=True))
        assert not client.in_parts
        messages = [e.data for e in pair.server_events if e.type is not WSMsgType.PING]
        assert messages == [type(parts[0])().join(parts)]  # type: ignore[arg-type]  # of one kind
        pair.server_events.clear()


def test_between_parts_only_control_frames_are_sent() -> None:
    protocol = WebSocketProtocol()
    protocol.send_part("a", last=False)
    for send in (protocol.send_text, protocol.send_binary):
        with pytest.raises(StateError, match="sent in parts has not ended"):
            send(b"x")
    assert protocol.ping()
    assert protocol.pong()
    assert protocol.close(1011)
    with pytest.raises(StateError, match="connection is closing"):
        protocol.send_part("b", last=True)


def test_a_message_that_was_not_finished_is_no_message() -> None:
    pair = ProtocolPair()
    pair.to_server(pair.client.send_part("half of", last=False))
    pair.to_server(pair.client.close(1011))
    assert [event.type for event in pair.server_events] == [WSMsgType.CLOSE]
    assert pair.server.close_code == 1011


def test_parts_need_an_open_connection() -> None:
    protocol = WebSocketProtocol()
    feed(protocol, encode_frame(OP_CLOSE, encode_close(1000), masked=False))
    with pytest.raises(StateError, match="connection is closed, close code 1000"):
        protocol.send_part("a", last=True)


# In


def test_parts_are_taken_and_the_rest_is_the_event() -> None:
    protocol = WebSocketProtocol(max_msg_size=100)
    assert protocol.take_part() is None
    assert feed(protocol, encode_frame(OP_TEXT, b"abc", fin=False, masked=False)) == []
    assert protocol.incomplete_type is WSMsgType.TEXT
    assert protocol.incomplete_size == 3
    assert protocol.take_part() == "abc"
    assert protocol.incomplete_size == 0
    # In the middle of a frame, with a Ping before it.
    data = encode_frame(OP_PING, b"!", masked=False)
    data += encode_frame(OP_CONTINUATION, b"def", masked=False)
    assert feed(protocol, data[:-1]) == [(b"!", None, WSMsgType.PING)]
    assert protocol.take_part() == "de"
    assert feed(protocol, data[-1:]) == [("f", None, WSMsgType.TEXT)]
    assert protocol.incomplete_type is None


def test_the_last_part_may_be_nothing() -> None:
    protocol = WebSocketProtocol()
    feed(protocol, encode_frame(OP_BINARY, b"abc", fin=False, masked=False))
    assert protocol.take_part() == b"abc"
    end = encode_frame(OP_CONTINUATION, b"", masked=False)
    assert feed(protocol, end) == [(b"", None, WSMsgType.BINARY)]


def test_the_end_of_the_connection_names_the_whole_message() -> None:
    protocol = WebSocketProtocol()
    feed(protocol, encode_frame(OP_BINARY, b"abc", fin=False, masked=False))
    protocol.take_part()
    protocol.receive_eof()
    [event] = events_of(protocol)
    assert "after 3 octets of it" in str(event.data)
    assert protocol.take_part() is None


def test_what_is_held_is_bounded_where_that_is_wanted() -> None:
    protocol = WebSocketProtocol()
    frames = [encode_frame(OP_BINARY, bytes(10), fin=False, masked=False)]
    frames += [encode_frame(OP_CONTINUATION, bytes(10), fin=False, masked=False)] * 8
    frames += [encode_frame(OP_CONTINUATION, bytes(10), masked=False)]
    frames += [encode_frame(OP_TEXT, b"next", masked=False)]
    protocol.receive_data(b"".join(frames))
    taken = b""
    while protocol.next_event(25) is NEED_DATA:
        assert protocol.incomplete_size == 30
        # Until a part is taken nothing more is read.
        assert protocol.next_event(25) is NEED_DATA
        assert protocol.incomplete_size == 30
        part = protocol.take_part()
        assert isinstance(part, bytes)
        taken += part
    assert taken == bytes(90)
    assert protocol.next_event(25) == ("next", None, WSMsgType.TEXT)
    assert protocol.next_event(25) is NEED_DATA


def test_what_was_held_back_goes_on_without_a_bound() -> None:
    protocol = WebSocketProtocol()
    data = encode_frame(OP_BINARY, bytes(10), fin=False, masked=False)
    protocol.receive_data(data + encode_frame(OP_CONTINUATION, bytes(5), masked=False))
    assert protocol.next_event(10) is NEED_DATA
    # An end that is known already does not come before what is held back.
    protocol.receive_eof()
    assert protocol.next_event(10) is NEED_DATA
    assert protocol.next_event() == (bytes(15), None, WSMsgType.BINARY)
    assert protocol.next_event(10) == (protocol.failure, None, WSMsgType.ERROR)


# Compression


def test_compression_in_any_order() -> None:
    pair = ProtocolPair(deflate=DEFLATE)
    messages: list[str | bytes] = ["Hello" * 50, b"", "", b"\xff" * 1000, "x", "Hello" * 50]
    for level in (None, 0, 1, 9, None):
        for message in messages:
            if isinstance(message, str):
                pair.to_server(pair.client.send_text(message, level))
                pair.to_client(pair.server.send_text(message, level))
            else:
                pair.to_server(pair.client.send_binary(message, level))
                pair.to_client(pair.server.send_binary(bytearray(message), level))
    for events in (pair.server_events, pair.client_events):
        assert [event.data for event in events] == messages * 5


def test_rsv1_is_set_where_it_belongs() -> None:
    server, _ = server_of()
    decoder = FrameDecoder(masked=False, deflate=True)
    for data, compressed in (
        (server.send_text("x"), True),
        (server.send_text("x", 0), False),
        (server.send_part("x", last=False), True),
        (server.ping(b"x"), False),
        (server.send_part("x", last=True), False),
        (server.close(), False),
    ):
        decoder.feed(data)
        assert decoder.next_header()
        assert decoder.compressed is compressed
        decoder.take_whole()


@pytest.mark.parametrize(
    "first",
    [0xC0, 0x40, 0xC8, 0xC9, 0xCA, 0xA1, 0x91, 0xE1, 0xF1],
)
def test_rsv_bits_are_violations_also_with_compression(first: int) -> None:
    _, client = server_of()
    # In the middle of a compressed message, so that a continuation would be right.
    server, _ = server_of()
    assert feed(client, server.send_part("abc", last=False)) == []
    [event] = feed(client, bytes((first, 0)))
    assert event.data.code == client.close_code == 1002


def test_bad_utf8_fails_inside_a_compressed_fragment() -> None:
    server, client = server_of()
    data = server.send_part(b"good" * 10 + b"\xff", last=False)
    data = bytes((0x41,)) + data[1:]  # it says that it is text
    [event] = feed(client, data)
    assert event.data.code == client.close_code == 1007


@pytest.mark.parametrize("step", [1, 7, 10**6])
def test_bad_utf8_fails_before_a_compressed_frame_has_ended(step: int) -> None:
    server, client = server_of()
    # Noise behind it, so that the frame goes on for long.
    noise = random.Random(3).randbytes(10_000)
    data = server.send_binary(b"good\xc0" + noise)
    data = bytes((0xC1,)) + data[1:]
    came = 0
    events: list[WSMessage] = []
    while not events:
        events = feed(client, data[came : came + step])
        came += step
    assert events[0].data.code == 1007
    assert step == 10**6 or came < len(data)


@pytest.mark.parametrize("size", [1000, 1001])
@pytest.mark.parametrize("step", [1, 10**6])
def test_the_limit_is_that_of_the_expanded_message(size: int, step: int) -> None:
    server, client = server_of(max_msg_size=1000)
    data = server.send_binary(bytes(size // 2)) + server.send_binary(bytes(size))
    events = []
    for start in range(0, len(data), step):
        events += feed(client, data[start : start + step])
    assert len(events[0].data) == size // 2
    if size == 1000:
        assert events[1].data == bytes(1000)
    else:
        assert events[1].data.code == client.close_code == 1009


def test_a_bomb_is_expanded_in_steps_where_that_is_wanted() -> None:
    server, client = server_of(max_msg_size=0)
    data = server.send_binary(bytes(10_000_000))
    assert len(data) < 50_000
    client.receive_data(data)
    total = 0
    while (event := client.next_event(50_000)) is NEED_DATA:
        assert client.incomplete_size == 50_000
        part = client.take_part()
        assert part is not None
        total += len(part)
    assert total + len(event.data) == 10_000_000


def test_not_deflate_data() -> None:
    _, client = server_of()
    [event] = feed(client, b"\xc1\x02\xff\xff")
    assert event.data.code == client.close_code == 1007
    assert state_of(client) is State.CLOSED


def state_of(protocol: WebSocketProtocol) -> State:
    """Return the state; a type checker does not see that it changes between two looks."""
    return protocol.state


def test_the_end_frees_the_memory() -> None:
    pair = ProtocolPair(deflate=DEFLATE, max_msg_size=0)
    for _ in range(3):
        pair.to_server(pair.client.send_text("Hello" * 50))
        pair.to_client(pair.server.send_text("Hello" * 50))
    pair.to_server(pair.client.send_part(bytes(100_000), last=False, compress=0))
    assert pair.server.incomplete_size == 100_000
    gc.collect()
    before = sys.getallocatedblocks()
    pair.to_server(pair.client.close())
    assert pair.client.state is pair.server.state is State.CLOSED
    assert pair.server.incomplete_size == 0
    # Compressors and decompressors of both sides, and what was held: a handful of objects each.
    gc.collect()
    assert sys.getallocatedblocks() < before


def test_releasing_ends_reading() -> None:
    protocol = WebSocketProtocol(deflate=DEFLATE)
    protocol.receive_data(encode_frame(OP_TEXT, b"x", masked=False))
    protocol.release()
    assert protocol.next_event() is NEED_DATA


@given(
    text=st.text(max_size=100),
    cuts=st.lists(st.integers(0, 100), max_size=6),
    compressed=st.booleans(),
    hold=st.integers(1, 50),
    step=st.integers(1, 60),
)
def test_parts_both_ways_make_the_message(
    text: str, cuts: list[int], compressed: bool, hold: int, step: int
) -> None:
    server, client = server_of(max_msg_size=400)
    places = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    pieces = [text[start:end] for start, end in itertools.pairwise(places)]
    level = None if compressed else 0
    data = b"".join(
        server.send_part(piece, last=index == len(pieces) - 1, compress=level)
        for index, piece in enumerate(pieces)
    )
    data += server.send_text("behind")
    messages = []
    parts: list[str] = []
    for start in range(0, len(data), step):
        client.receive_data(data[start : start + step])
        while True:
            event = client.next_event(hold)
            if event is not NEED_DATA:
                messages.append("".join([*parts, event.data]))
                parts.clear()
                continue
            full = client.incomplete_size >= hold
            part = client.take_part()
            if part is not None:
                assert isinstance(part, str)
                parts.append(part)
            if not full:
                break
            assert part, "what stops the reader must be there to be taken"
    assert messages == [text, "behind"]


def test_payload_behind_what_was_held_back_is_read_without_more_coming() -> None:
    server, client = server_of()
    data = bytes(2_000_000)
    frame = server.send_binary(data)
    half = len(frame) // 2
    expanded = len(zlib.decompressobj(-15).decompress(frame[4:half]))
    client.receive_data(frame[:half])
    assert client.next_event(hold=expanded) is NEED_DATA
    received = client.take_part()
    assert isinstance(received, bytes)
    client.receive_data(frame[half:])  # while nobody knows yet that the first half is at its end
    while (event := client.next_event(hold=expanded)) is NEED_DATA:
        part = client.take_part()
        assert isinstance(part, bytes), "it waits for what has come"
        received += part
    assert received + event.data == data
