"""The protocol as a whole: tables of frames and outcomes, two cores against each other, time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whimbrel_websocket_client import (
    NEED_DATA,
    HeartbeatError,
    Role,
    State,
    StateError,
    WebSocketError,
    WebSocketProtocol,
    WSMessage,
    WSMsgType,
)
from whimbrel_websocket_client.frames import (
    OP_BINARY,
    OP_CLOSE,
    OP_CONTINUATION,
    OP_PING,
    OP_PONG,
    OP_TEXT,
    FrameDecoder,
    encode_close,
    encode_frame,
)
from whimbrel_websocket_client.testing import ProtocolPair, feed

# A message, and the frames that carry it: FIN, opcode, payload.
Fragmented = tuple[str | bytes, list[tuple[bool, int, bytes]]]
Event = tuple[object, str | None, WSMsgType]


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True) -> bytes:
    """Return a frame as the server sends it."""
    return encode_frame(opcode, payload, fin=fin, masked=False)


def sent(data: bytes, *, masked: bool = True) -> list[tuple[int, bytes]]:
    """Return the frames in `data`, which this side has sent, as pairs of opcode and payload."""
    decoder = FrameDecoder(masked=masked)
    decoder.feed(data)
    frames = []
    while decoder.next_header():
        assert decoder.fin
        payload = decoder.take_whole()
        assert payload is not None
        frames.append((decoder.opcode, payload))
    return frames


def state_of(protocol: WebSocketProtocol) -> State:
    """Return the state; a type checker does not see that it changes between two looks."""
    return protocol.state


def violation_of(protocol: WebSocketProtocol) -> WebSocketError | None:
    """Return what is held; a type checker does not see that it changes between two looks."""
    return protocol.violation


def next_message(protocol: WebSocketProtocol) -> WSMessage:
    event = protocol.next_event()
    assert event is not NEED_DATA
    return event


def close(code: int, reason: str = "") -> bytes:
    return frame(OP_CLOSE, encode_close(code, reason))


# What comes, and the messages that it makes.
MESSAGES: list[tuple[bytes, list[Event]]] = [
    (frame(OP_TEXT, b"Hello"), [("Hello", None, WSMsgType.TEXT)]),
    (frame(OP_TEXT), [("", None, WSMsgType.TEXT)]),
    (frame(OP_BINARY, b"\xff\x00"), [(b"\xff\x00", None, WSMsgType.BINARY)]),
    (frame(OP_BINARY, bytes(70000)), [(bytes(70000), None, WSMsgType.BINARY)]),
    (
        frame(OP_TEXT, b"\xe2\x82", fin=False) + frame(OP_CONTINUATION, b"\xac"),
        [("\u20ac", None, WSMsgType.TEXT)],
    ),
    (
        frame(OP_BINARY, b"a", fin=False)
        + frame(OP_CONTINUATION, b"", fin=False)
        + frame(OP_CONTINUATION, b"b", fin=False)
        + frame(OP_CONTINUATION, b""),
        [(b"ab", None, WSMsgType.BINARY)],
    ),
    (
        frame(OP_TEXT, b"a", fin=False)
        + frame(OP_PING, b"1")
        + frame(OP_CONTINUATION, b"b", fin=False)
        + frame(OP_PONG, b"2")
        + frame(OP_CONTINUATION, b"c"),
        [
            (b"1", None, WSMsgType.PING),
            (b"2", None, WSMsgType.PONG),
            ("abc", None, WSMsgType.TEXT),
        ],
    ),
    (frame(OP_PONG, b"unasked"), [(b"unasked", None, WSMsgType.PONG)]),
    (frame(OP_PING, bytes(125)), [(bytes(125), None, WSMsgType.PING)]),
]


@pytest.mark.parametrize(("data", "events"), MESSAGES)
def test_messages(data: bytes, events: list[Event]) -> None:
    assert feed(WebSocketProtocol(), data) == events
    with_more = WebSocketProtocol()
    assert feed(with_more, data + data) == events + events
    assert state_of(with_more) is State.OPEN
    assert with_more.close_code is None
    with_half = WebSocketProtocol()
    assert feed(with_half, data + b"\x81") == events
    assert feed(with_half, b"\x01!") == [("!", None, WSMsgType.TEXT)]


@pytest.mark.parametrize(("data", "events"), MESSAGES)
def test_messages_in_pieces(data: bytes, events: list[Event]) -> None:
    step = 1 if len(data) < 1000 else 999
    protocol = WebSocketProtocol()
    came: list[Event] = []
    for start in range(0, len(data), step):
        assert len(came) < len(events), "an event came before its last octet"
        came += feed(protocol, data[start : start + step])
    assert came == events


PARTIAL = frame(OP_TEXT, b"abc", fin=False)
VIOLATIONS = [
    (b"\xc1\x00", 1002),
    (b"\xa1\x00", 1002),
    (b"\x91\x00", 1002),
    (b"\xc9\x00", 1002),
    (b"\x83\x00", 1002),
    (b"\x8b\x00", 1002),
    (b"\x81\x80abcd", 1002),
    (b"\x08\x00", 1002),
    (b"\x89\x7e\x00\x7e", 1002),
    (b"\x82\x7e\x00\x01", 1002),
    (b"\x82\x7f\xff" + bytes(7), 1002),
    (frame(OP_CONTINUATION, b"x"), 1002),
    (frame(OP_CONTINUATION, b"x", fin=False), 1002),
    (PARTIAL + frame(OP_TEXT, b"x"), 1002),
    (PARTIAL + frame(OP_BINARY, b"x", fin=False), 1002),
    (frame(OP_TEXT, b"ok") + frame(OP_CONTINUATION, b"x"), 1002),
    (frame(OP_CLOSE, b"\x03"), 1002),
    (frame(OP_CLOSE, b"\x03\xed"), 1002),
    (frame(OP_CLOSE, b"\x03\xe8\xff"), 1007),
    (frame(OP_TEXT, b"\xff"), 1007),
    (frame(OP_TEXT, b"\xe2\x82"), 1007),
    (PARTIAL + frame(OP_CONTINUATION, b"\xed\xa0\x80"), 1007),
    (b"\x81\x7e\x10\x00" + b"\xf8", 1007),
    (b"\x82\x7f" + (2**63 - 1).to_bytes(8, "big"), 1009),
    (b"\x82\x7e\x03\xe9", 1009),
    (PARTIAL + b"\x80\x7e\x03\xe6", 1009),
]


@pytest.mark.parametrize("way", ["whole", "bytewise", "trailing"])
@pytest.mark.parametrize(("data", "code"), VIOLATIONS)
def test_violations_fail_the_connection(data: bytes, code: int, way: str) -> None:
    protocol = WebSocketProtocol(max_msg_size=1000 if code == 1009 else 5000)
    events = []
    if way == "bytewise":
        for octet in data:
            events += feed(protocol, bytes((octet,)))
    else:
        events += feed(
            protocol, data + (frame(OP_TEXT, b"never seen") if way == "trailing" else b"")
        )
    message = events[-1]
    assert [event.type for event in events[:-1]] in ([], [WSMsgType.TEXT])
    assert message.type is WSMsgType.ERROR
    assert isinstance(message.data, WebSocketError)
    assert message.data.code == protocol.close_code == code
    assert protocol.failure is message.data
    assert state_of(protocol) is State.CLOSED
    # It tells the peer, once, and reads and sends no more.
    [(opcode, payload)] = sent(protocol.data_to_send())
    assert opcode == OP_CLOSE
    assert payload == encode_close(code, str(message.data)[:120])
    assert feed(protocol, frame(OP_TEXT, b"x") + frame(OP_PING)) == []
    assert protocol.data_to_send() == b""
    assert protocol.next_timeout() is None
    with pytest.raises(StateError, match=f"connection is closed, close code {code}"):
        protocol.send_text("x")


def test_a_server_refuses_unmasked_frames() -> None:
    protocol = WebSocketProtocol(Role.SERVER)
    [event] = feed(protocol, frame(OP_TEXT, b"x"))
    assert event.data.code == 1002
    assert sent(protocol.data_to_send(), masked=False)[0][0] == OP_CLOSE


def test_no_limit_is_no_limit() -> None:
    protocol = WebSocketProtocol(max_msg_size=0)
    assert feed(protocol, b"\x82\x7f" + (2**63 - 1).to_bytes(8, "big") + b"abc") == []
    assert state_of(protocol) is State.OPEN


def test_endless_fragments_meet_the_limit() -> None:
    protocol = WebSocketProtocol(max_msg_size=1000)
    events = feed(protocol, frame(OP_BINARY, bytes(10), fin=False))
    count = 0
    while not events:
        events = feed(protocol, frame(OP_CONTINUATION, bytes(10), fin=False))
        count += 1
    assert count == 100
    assert events[0].data.code == 1009


def test_texts_can_stay_bytes() -> None:
    protocol = WebSocketProtocol(decode_text=False)
    assert feed(protocol, frame(OP_TEXT, b"\xc3\xa4")) == [(b"\xc3\xa4", None, WSMsgType.TEXT)]
    [event] = feed(protocol, frame(OP_TEXT, b"\xff"))
    assert event.data.code == 1007


# Pings


def test_pings_are_answered() -> None:
    protocol = WebSocketProtocol()
    feed(protocol, frame(OP_PING, b"now"))
    assert sent(protocol.data_to_send()) == [(OP_PONG, b"now")]
    assert protocol.data_to_send() == b""


def test_a_flood_of_pings_owes_sixteen_pongs() -> None:
    protocol = WebSocketProtocol()
    events = feed(protocol, b"".join(frame(OP_PING, b"%d" % n) for n in range(5000)))
    assert len(events) == 5000
    assert sent(protocol.data_to_send()) == [(OP_PONG, b"%d" % n) for n in range(4984, 5000)]
    assert protocol.data_to_send() == b""


def test_pings_can_be_left_to_the_application() -> None:
    protocol = WebSocketProtocol(autopong=False)
    assert feed(protocol, frame(OP_PING, b"x")) == [(b"x", None, WSMsgType.PING)]
    assert protocol.data_to_send() == b""
    assert sent(protocol.pong(b"x")) == [(OP_PONG, b"x")]


def test_no_pong_after_a_close() -> None:
    protocol = WebSocketProtocol()
    feed(protocol, frame(OP_PING, b"x"))
    protocol.close()
    assert protocol.data_to_send() == b""
    feed(protocol, frame(OP_PING, b"y"))
    assert protocol.data_to_send() == b""


def test_pongs_have_the_order_of_the_pings() -> None:
    protocol = WebSocketProtocol()
    feed(protocol, b"".join(frame(OP_PING, b"%d" % n) for n in range(10)))
    assert sent(protocol.data_to_send()) == [(OP_PONG, b"%d" % n) for n in range(10)]
    feed(protocol, frame(OP_PING, b"again"))
    assert sent(protocol.data_to_send()) == [(OP_PONG, b"again")]


# Violations that are held


def holding(**options: float | None) -> WebSocketProtocol:
    """Return a protocol that has read a message at 100 and a violation right behind it."""
    protocol = WebSocketProtocol(hold_violations=True, **options)  # type: ignore[arg-type]
    protocol.receive_data(frame(OP_TEXT, b"good") + frame(OP_PING, b"?") + b"\x83\x00", 100)
    assert next_message(protocol) == ("good", None, WSMsgType.TEXT)
    assert next_message(protocol) == (b"?", None, WSMsgType.PING)
    assert violation_of(protocol) is None
    assert protocol.next_event() is NEED_DATA
    violation = violation_of(protocol)
    assert violation is not None
    assert violation.code == 1002
    return protocol


def assert_failed(protocol: WebSocketProtocol, *, answer: list[tuple[int, bytes]]) -> None:
    """Look at the end of what `holding` begins; `answer` is what is sent before the Close frame."""
    assert protocol.violation is None
    event = next_message(protocol)
    assert event.type is WSMsgType.ERROR
    assert event.data == protocol.failure
    assert (event.data.code, protocol.close_code) == (1002, 1002)
    assert state_of(protocol) is State.CLOSED
    assert sent(protocol.data_to_send()) == [
        *answer,
        (OP_CLOSE, encode_close(1002, str(event.data))),
    ]
    assert protocol.next_event() is NEED_DATA
    assert protocol.next_timeout() is None


def test_what_came_before_a_violation_can_be_answered() -> None:
    protocol = holding()
    assert state_of(protocol) is State.OPEN
    assert protocol.close_code is None
    assert sent(protocol.send_text("answer")) == [(OP_TEXT, b"answer")]
    assert sent(protocol.data_to_send()) == [(OP_PONG, b"?")]
    # Nothing more is read.
    assert feed(protocol, frame(OP_TEXT, b"x")) == []
    protocol.fail()
    assert_failed(protocol, answer=[])
    protocol.fail()
    assert protocol.next_event() is NEED_DATA


def test_a_close_acts_upon_the_violation() -> None:
    protocol = holding()
    with pytest.raises(ValueError, match="not a status code"):
        protocol.close(0)
    assert protocol.violation is not None
    assert protocol.close(1000, "bye") == b""
    assert_failed(protocol, answer=[])


def test_the_end_of_the_connection_acts_upon_the_violation() -> None:
    protocol = holding()
    protocol.receive_eof()
    assert_failed(protocol, answer=[])


def test_a_violation_is_not_held_for_ever() -> None:
    protocol = holding(close_timeout=10, heartbeat=3)
    assert protocol.next_timeout() == 110
    protocol.handle_timeout(109)
    assert state_of(protocol) is State.OPEN
    protocol.handle_timeout(110)
    assert_failed(protocol, answer=[])


def test_a_violation_is_held_as_long_as_a_close_may_take() -> None:
    protocol = holding(close_timeout=None, heartbeat=3)
    assert protocol.next_timeout() is None
    protocol.handle_timeout(10**6)
    assert state_of(protocol) is State.OPEN


def test_a_violation_is_not_held_while_closing() -> None:
    protocol = WebSocketProtocol(hold_violations=True)
    protocol.close()
    [event] = feed(protocol, b"\x83\x00")
    assert event.type is WSMsgType.ERROR
    assert protocol.violation is None


def test_a_violation_is_not_held_at_the_end() -> None:
    protocol = WebSocketProtocol(hold_violations=True)
    protocol.receive_data(b"\x83\x00")
    protocol.receive_eof()
    assert next_message(protocol).type is WSMsgType.ERROR


def test_nothing_is_held_without_a_violation() -> None:
    protocol = WebSocketProtocol(hold_violations=True)
    protocol.fail()
    assert state_of(protocol) is State.OPEN
    protocol.receive_eof()
    assert next_message(protocol).data.code == 1006


# Closing


@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize(
    ("payload", "code", "reason", "answer"),
    [
        (encode_close(1000, "bye"), 1000, "bye", encode_close(1000)),
        (encode_close(4999), 4999, "", encode_close(4999)),
        (b"", 1005, "", b""),
    ],
)
def test_the_peers_close_is_echoed(
    payload: bytes, code: int, reason: str, answer: bytes, masked: bool
) -> None:
    protocol = WebSocketProtocol(Role.SERVER if masked else Role.CLIENT)
    data = encode_frame(OP_CLOSE, payload, masked=masked)
    assert feed(protocol, data + b"whatever follows") == [(code, reason, WSMsgType.CLOSE)]
    assert state_of(protocol) is State.CLOSED
    assert (protocol.close_code, protocol.close_reason) == (code, reason)
    assert protocol.failure is None
    assert sent(protocol.data_to_send(), masked=not masked) == [(OP_CLOSE, answer)]
    assert protocol.close() == b""
    protocol.receive_eof()
    assert protocol.next_event() is NEED_DATA


def test_this_sides_close() -> None:
    protocol = WebSocketProtocol()
    assert sent(protocol.close(1001, "going")) == [(OP_CLOSE, encode_close(1001, "going"))]
    assert state_of(protocol) is State.CLOSING
    assert protocol.close() == b""
    with pytest.raises(StateError, match="connection is closing"):
        protocol.send_binary(b"x")
    # What was on its way still comes.
    assert feed(protocol, frame(OP_TEXT, b"late")) == [("late", None, WSMsgType.TEXT)]
    assert feed(protocol, close(1000)) == [(1000, "", WSMsgType.CLOSE)]
    assert state_of(protocol) is State.CLOSED
    assert protocol.close_code == 1000
    assert protocol.data_to_send() == b""


def test_the_answer_can_be_left_to_the_application() -> None:
    protocol = WebSocketProtocol(autoclose=False)
    assert feed(protocol, frame(OP_PING) + close(1001)) == [
        (b"", None, WSMsgType.PING),
        (1001, "", WSMsgType.CLOSE),
    ]
    assert state_of(protocol) is State.CLOSING
    assert protocol.data_to_send() == b""
    assert feed(protocol, frame(OP_TEXT, b"x")) == []
    assert sent(protocol.close(4000)) == [(OP_CLOSE, encode_close(4000))]
    assert state_of(protocol) is State.CLOSED
    assert protocol.close_code == 1001


def test_a_peer_that_leaves_needs_no_answer() -> None:
    protocol = WebSocketProtocol(autoclose=False)
    feed(protocol, close(1001))
    protocol.receive_eof()
    assert protocol.next_event() is NEED_DATA
    assert state_of(protocol) is State.CLOSED
    assert protocol.close_code == 1001


def test_a_violation_while_closing_is_not_answered_twice() -> None:
    protocol = WebSocketProtocol()
    protocol.close()
    [event] = feed(protocol, b"\x83\x00")
    assert event.data.code == protocol.close_code == 1002
    assert protocol.data_to_send() == b""


def test_both_close_at_once() -> None:
    pair = ProtocolPair()
    ours, theirs = pair.client.close(1000), pair.server.close(1001)
    pair.to_server(ours)
    pair.to_client(theirs)
    assert pair.client.state is pair.server.state is State.CLOSED
    assert (pair.client.close_code, pair.server.close_code) == (1001, 1000)


@pytest.mark.parametrize(
    ("data", "where"),
    [
        (b"", "without a Close frame"),
        (b"\x81", "without a Close frame"),
        (b"\x81\x7e\x10\x00abc", "in the middle of a message, after 3 octets"),
        (frame(OP_TEXT, b"abc", fin=False), "in the middle of a message, after 3 octets"),
    ],
)
def test_an_end_without_a_close_is_abnormal(data: bytes, where: str) -> None:
    protocol = WebSocketProtocol()
    protocol.receive_data(data)
    protocol.receive_eof()
    event = next_message(protocol)
    assert event.type is WSMsgType.ERROR
    assert event.data.code == protocol.close_code == 1006
    assert where in str(event.data)
    assert protocol.data_to_send() == b""
    assert protocol.next_event() is NEED_DATA


def test_what_came_before_the_end_comes_first() -> None:
    protocol = WebSocketProtocol()
    protocol.receive_data(frame(OP_TEXT, b"1") + frame(OP_TEXT, b"2") + close(1000))
    protocol.receive_eof()
    events = []
    while (event := protocol.next_event()) is not NEED_DATA:
        events.append(event.data)
    assert events == ["1", "2", 1000]
    assert protocol.close_code == 1000


@pytest.mark.parametrize("code", [1005, 1006, 1015, 999, 5000])
def test_a_close_that_cannot_be_sent_changes_nothing(code: int) -> None:
    protocol = WebSocketProtocol()
    with pytest.raises(ValueError, match="not a status code"):
        protocol.close(code)
    with pytest.raises(ValueError, match="at most 123"):
        protocol.close(1000, "x" * 124)
    assert state_of(protocol) is State.OPEN


# Sending


def test_what_is_sent_is_what_comes() -> None:
    pair = ProtocolPair()
    for data in (
        pair.client.send_text("\u20ac"),
        pair.client.send_text(b"\xe2\x82\xac"),
        pair.client.send_text(b"ascii"),
        pair.client.send_binary(bytearray(b"\x00\xff")),
        pair.client.send_binary(memoryview(b"abcdef")[::2]),
        pair.client.send_binary(memoryview(bytes(8)).cast("q")),
        pair.client.ping(b"p"),
    ):
        pair.to_server(data)
    assert [event.data for event in pair.server_events] == [
        "\u20ac", "\u20ac", "ascii", b"\x00\xff", b"ace", bytes(8), b"p",
    ]  # fmt: skip
    assert [(event.data, event.type) for event in pair.client_events] == [(b"p", WSMsgType.PONG)]


@pytest.mark.parametrize("data", ["\ud800", b"\xff", b"\xe2\x82"])
def test_texts_that_are_not_utf8_are_not_sent(data: str | bytes) -> None:
    with pytest.raises(ValueError, match="utf-8"):
        WebSocketProtocol().send_text(data)


def test_control_frames_have_their_limit() -> None:
    protocol = WebSocketProtocol()
    with pytest.raises(ValueError, match="126 octets"):
        protocol.ping(bytes(126))
    with pytest.raises(ValueError, match="126 octets"):
        protocol.pong(bytes(126))


def test_a_limit_is_not_negative() -> None:
    with pytest.raises(ValueError, match="max_msg_size must not be negative, but is -1"):
        WebSocketProtocol(max_msg_size=-1)


@st.composite
def fragmented(draw: st.DrawFn) -> Fragmented:
    """Return a message and the frames that carry it, with control frames in between."""
    is_text = draw(st.booleans())
    data = draw(st.text(max_size=80)).encode() if is_text else draw(st.binary(max_size=300))
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=5)))
    pieces = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    frames = []
    for index, piece in enumerate(pieces):
        if index and draw(st.booleans()):
            frames.append((True, OP_PING, draw(st.binary(max_size=125))))
        opcode = (OP_TEXT if is_text else OP_BINARY) if index == 0 else OP_CONTINUATION
        frames.append((index == len(pieces) - 1, opcode, piece))
    return (data.decode() if is_text else data), frames


@given(
    messages=st.lists(fragmented(), max_size=5),
    role=st.sampled_from(Role),
    steps=st.lists(st.integers(1, 200), min_size=1),
)
def test_any_fragmentation_in_any_division(
    messages: list[Fragmented], role: Role, steps: list[int]
) -> None:
    receiver = WebSocketProtocol(role)
    masked = role is Role.SERVER
    data = b"".join(
        encode_frame(opcode, payload, fin=fin, masked=masked)
        for _, frames in messages
        for fin, opcode, payload in frames
    )
    events = []
    place = 0
    turn = 0
    while place < len(data):
        step = steps[turn % len(steps)]
        events += feed(receiver, data[place : place + step])
        place += step
        turn += 1
    pings = [event.data for event in events if event.type is WSMsgType.PING]
    others = [event.data for event in events if event.type is not WSMsgType.PING]
    assert others == [message for message, _ in messages]
    assert pings == [
        payload for _, frames in messages for _, opcode, payload in frames if opcode == OP_PING
    ]


@given(st.binary(max_size=400), st.integers(1, 400))
def test_whatever_comes_is_a_message_or_a_documented_error(data: bytes, step: int) -> None:
    protocol = WebSocketProtocol(max_msg_size=200)
    events = []
    for start in range(0, len(data), step):
        events += feed(protocol, data[start : start + step])
    for event in events:
        if event.type is WSMsgType.ERROR:
            assert event is events[-1]
            assert event.data.code in (1002, 1007, 1009)
        elif event.type is not WSMsgType.CLOSE:
            assert len(event.data) <= 200
    for opcode, payload in sent(protocol.data_to_send()):
        assert opcode in (OP_PONG, OP_CLOSE)
        assert len(payload) <= 125


# Time


def test_without_heartbeat_there_is_no_timeout() -> None:
    assert WebSocketProtocol().next_timeout() is None


def test_the_heartbeat_pings_and_hears() -> None:
    protocol = WebSocketProtocol(heartbeat=10, now=100)
    assert protocol.next_timeout() == 110
    protocol.handle_timeout(105)
    assert protocol.data_to_send() == b""
    protocol.handle_timeout(110)
    assert sent(protocol.data_to_send()) == [(OP_PING, b"heartbeat 1")]
    assert protocol.next_timeout() == 115
    feed(protocol, b"\x81", now=114)  # half a header is life
    assert protocol.next_timeout() == 124
    protocol.handle_timeout(115)
    assert protocol.next_event() is NEED_DATA
    assert state_of(protocol) is State.OPEN


def test_a_silent_peer_is_given_up() -> None:
    protocol = WebSocketProtocol(heartbeat=10)
    protocol.handle_timeout(10)
    protocol.data_to_send()
    protocol.handle_timeout(15)
    event = next_message(protocol)
    assert event.type is WSMsgType.ERROR
    assert isinstance(event.data, HeartbeatError)
    assert str(event.data) == "nothing came for 15 s, not even an answer to the last Ping"
    assert protocol.close_code == 1006
    assert state_of(protocol) is State.CLOSED
    assert protocol.data_to_send() == b""
    assert protocol.next_timeout() is None
    protocol.handle_timeout(20)
    assert protocol.next_event() is NEED_DATA


def test_pings_that_nobody_fetches_do_not_pile_up() -> None:
    protocol = WebSocketProtocol(heartbeat=10)
    for now in range(10, 10_000, 10):
        protocol.handle_timeout(now)
        protocol.receive_data(b"", now)
    assert sent(protocol.data_to_send()) == [(OP_PING, b"heartbeat 1")]


def test_the_heartbeat_waits_while_nothing_is_read() -> None:
    protocol = WebSocketProtocol(heartbeat=10)
    protocol.hold_heartbeat()
    assert protocol.next_timeout() is None
    protocol.handle_timeout(1000)
    assert protocol.data_to_send() == b""
    protocol.release_heartbeat(1000)
    assert protocol.next_timeout() == 1010


def test_holding_without_heartbeat_is_harmless() -> None:
    protocol = WebSocketProtocol()
    protocol.hold_heartbeat()
    protocol.release_heartbeat(5)
    assert protocol.next_timeout() is None


def test_the_closing_deadline() -> None:
    protocol = WebSocketProtocol(close_timeout=10, heartbeat=3)
    protocol.close(now=50)
    assert protocol.next_timeout() == 60
    feed(protocol, frame(OP_TEXT, b"still talking"), now=59)
    protocol.handle_timeout(59.9)
    assert state_of(protocol) is State.CLOSING
    protocol.handle_timeout(60)
    event = next_message(protocol)
    assert event.type is WSMsgType.ERROR
    assert event.data.code == protocol.close_code == 1006
    assert str(event.data) == "the peer sent no Close frame within 10 s"
    assert protocol.next_timeout() is None


def test_no_closing_deadline() -> None:
    protocol = WebSocketProtocol(close_timeout=None, heartbeat=3)
    protocol.close(now=50)
    assert protocol.next_timeout() is None
    protocol.handle_timeout(10**6)
    assert state_of(protocol) is State.CLOSING


def test_the_heartbeat_ends_with_the_peers_close() -> None:
    protocol = WebSocketProtocol(autoclose=False, heartbeat=3)
    feed(protocol, close(1000))
    assert protocol.next_timeout() is None


def test_a_ping_that_nobody_fetched_is_not_sent_behind_the_close() -> None:
    protocol = WebSocketProtocol(heartbeat=3)
    protocol.handle_timeout(3)
    protocol.close()
    assert protocol.data_to_send() == b""


# Round trips


def test_the_answer_to_a_ping_gives_the_round_trip_time() -> None:
    protocol = WebSocketProtocol()
    protocol.ping(b"a", now=10)
    feed(protocol, frame(OP_PONG, b"b"), now=10.2)
    assert not protocol.round_trip_time
    # The time is that of its arrival, not the one at which somebody looks.
    protocol.receive_data(frame(OP_PONG, b"a"), 10.5)
    protocol.next_event()
    assert protocol.round_trip_time == 0.5


def test_the_heartbeat_gives_the_round_trip_time() -> None:
    protocol = WebSocketProtocol(heartbeat=10)
    protocol.handle_timeout(10)
    [(_, payload)] = sent(protocol.data_to_send())
    feed(protocol, frame(OP_PONG), now=10.5)
    assert not protocol.round_trip_time
    feed(protocol, frame(OP_PONG, payload), now=11)
    assert protocol.round_trip_time == 1


def test_a_ping_that_is_not_sent_has_no_answer() -> None:
    protocol = WebSocketProtocol()
    with pytest.raises(ValueError, match="126 octets"):
        protocol.ping(bytes(126))
    feed(protocol, frame(OP_PONG, bytes(125)), now=1)
    assert protocol.round_trip_time is None
