"""Fragments to messages: order, size and UTF-8, each at the earliest moment."""

import itertools
import random
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whimbrel_websocket_client import Role, WebSocketError, WSMessage, WSMsgType
from whimbrel_websocket_client._assembly import MessageAssembler
from whimbrel_websocket_client._deflate import Deflater, Inflater
from whimbrel_websocket_client.extensions import DeflateParameters

BINARY, TEXT = 2, 1


def assemble(assembler: MessageAssembler, opcode: int, pieces: list[bytes]) -> WSMessage:
    """Give each piece as a frame of its own and return the message."""
    message: WSMessage | None = None
    for index, piece in enumerate(pieces):
        last = index == len(pieces) - 1
        assembler.begin(opcode if index == 0 else 0, len(piece))
        assert message is None
        message = assembler.add(piece, last=last)
    assert message is not None
    return message


@pytest.mark.parametrize(
    "pieces", [[b"abc"], [b"a", b"bc"], [b"", b"", b"abc", b""], [b"abc", b""]]
)
def test_pieces_are_joined(pieces: list[bytes]) -> None:
    assembler = MessageAssembler(max_size=0, decode_text=True)
    for _ in range(2):
        message = assemble(assembler, BINARY, pieces)
        assert message == WSMessage(b"abc", None, WSMsgType.BINARY)
        assert type(message.data) is bytes
        assert assemble(assembler, TEXT, pieces) == ("abc", None, WSMsgType.TEXT)
    assert not assembler.in_message


@pytest.mark.parametrize("pieces", [[b"\xe2\x82\xac"], [b"\xe2", b"\x82", b"\xac"]])
def test_texts_are_bytes_when_not_decoded(pieces: list[bytes]) -> None:
    assembler = MessageAssembler(max_size=0, decode_text=False)
    message = assemble(assembler, TEXT, pieces)
    assert message == WSMessage(b"\xe2\x82\xac", None, WSMsgType.TEXT)
    assert type(message.data) is bytes


@given(text=st.text(max_size=60), cuts=st.lists(st.integers(0, 240), max_size=8))
def test_texts_are_cut_anywhere(text: str, cuts: list[int]) -> None:
    data = text.encode()
    places = sorted({min(cut, len(data)) for cut in cuts})
    pieces = [data[a:b] for a, b in zip([0, *places], [*places, len(data)], strict=True)]
    assert assemble(MessageAssembler(max_size=0, decode_text=True), TEXT, pieces).data == text


# The first octets that cannot be in UTF-8, with what may come before them (RFC 3629, section 4).
FAULTS = [
    b"\x80", b"\xbf", b"\xc0", b"\xc1", b"\xf5", b"\xff", b"ab\xfe",
    b"\xc3\x28", b"\xe2\x28", b"\xe2\x82\x28",
    b"\xe0\x9f", b"\xed\xa0", b"\xf0\x8f", b"\xf4\x90", b"\xf0\x9f\x98\x28",
]  # fmt: skip


@pytest.mark.parametrize("decode_text", [True, False])
@pytest.mark.parametrize("fault", FAULTS)
def test_bad_utf8_fails_at_its_first_bad_octet(fault: bytes, decode_text: bool) -> None:
    assembler = MessageAssembler(max_size=0, decode_text=decode_text)
    assembler.begin(TEXT, 1000)
    for octet in fault[:-1]:
        assert assembler.add(bytes((octet,)), last=False) is None
    with pytest.raises(WebSocketError, match="not UTF-8") as caught:
        assembler.add(fault[-1:], last=False)
    assert caught.value.code == 1007


@pytest.mark.parametrize("decode_text", [True, False])
@pytest.mark.parametrize("data", [*FAULTS, b"\xe2\x82", b"ok\xf0\x9f\x98"])
def test_bad_utf8_fails_in_one_piece_and_at_the_end(data: bytes, decode_text: bool) -> None:
    for pieces in ([data], [data[:1], data[1:]], [data, b""]):
        with pytest.raises(WebSocketError, match="not UTF-8") as caught:
            assemble(MessageAssembler(max_size=0, decode_text=decode_text), TEXT, pieces)
        assert caught.value.code == 1007


def test_binary_is_not_held_to_utf8() -> None:
    assembler = MessageAssembler(max_size=0, decode_text=True)
    assert assemble(assembler, BINARY, [b"\xff", b"\xfe"]).data == b"\xff\xfe"


def test_a_continuation_continues_something() -> None:
    with pytest.raises(WebSocketError, match="no message has begun") as caught:
        MessageAssembler(max_size=0, decode_text=True).begin(0, 1)
    assert caught.value.code == 1002


@pytest.mark.parametrize("opcode", [BINARY, TEXT])
def test_messages_do_not_interleave(opcode: int) -> None:
    assembler = MessageAssembler(max_size=0, decode_text=True)
    assembler.begin(TEXT, 0)
    assembler.add(b"", last=False)
    assert assembler.in_message
    with pytest.raises(WebSocketError, match="before the fragmented one had ended") as caught:
        assembler.begin(opcode, 0)
    assert caught.value.code == 1002


def test_the_limit_is_held_on_the_header() -> None:
    assembler = MessageAssembler(max_size=10, decode_text=True)
    assembler.begin(BINARY, 10)
    assert assembler.add(bytes(10), last=True) == (bytes(10), None, WSMsgType.BINARY)
    with pytest.raises(WebSocketError, match="11 octets or more came, the limit is 10") as caught:
        assembler.begin(BINARY, 11)
    assert caught.value.code == 1009


def test_the_limit_counts_all_fragments() -> None:
    assembler = MessageAssembler(max_size=10, decode_text=True)
    assembler.begin(TEXT, 6)
    assembler.add(b"abcdef", last=False)
    assert assembler.size == 6
    with pytest.raises(WebSocketError, match="limit is 10"):
        assembler.begin(0, 5)


@pytest.mark.parametrize("opcode", [TEXT, BINARY])
def test_single_octets_do_not_cost_an_object_each(opcode: int) -> None:
    assembler = MessageAssembler(max_size=0, decode_text=True)
    assembler.begin(opcode, 100_000)
    assembler.add(b"x", last=False)
    before = sys.getallocatedblocks()
    for _ in range(50_000):
        assembler.add(b"x", last=False)
    assert sys.getallocatedblocks() < before + 100
    message = assembler.add(b"x", last=True)
    assert message is not None
    assert len(message.data) == 50_002


def test_line_ends_stay_as_they_are() -> None:
    assembler = MessageAssembler(max_size=0, decode_text=True)
    assert assemble(assembler, TEXT, [b"a\r", b"\nb\r", b"c\n", b"\r\n"]).data == "a\r\nb\rc\n\r\n"


# Parts


def test_parts_are_taken_while_more_comes() -> None:
    assembler = MessageAssembler(max_size=0, decode_text=True)
    assert assembler.take() is None
    assembler.begin(BINARY, 100)
    assert assembler.type is WSMsgType.BINARY
    assert assembler.take() is None
    assembler.add(b"abc", last=False)
    assembler.add(b"def", last=False)
    assert (assembler.held, assembler.size) == (6, 6)
    assert assembler.take() == b"abcdef"
    assert assembler.take() is None
    assert (assembler.held, assembler.size) == (0, 6)
    assert assembler.add(b"gh", last=True) == (b"gh", None, WSMsgType.BINARY)
    assert (assembler.held, assembler.size) == (0, 0)


def test_the_type_is_that_of_the_unfinished_message() -> None:
    assembler = MessageAssembler(max_size=0, decode_text=True)
    types = [assembler.type]
    for opcode in (TEXT, BINARY):
        assembler.begin(opcode, 1)
        types.append(assembler.type)
        assembler.add(b"x", last=True)
        types.append(assembler.type)
    assert types == [None, WSMsgType.TEXT, None, WSMsgType.BINARY, None]


def test_parts_of_a_text_have_whole_characters() -> None:
    assembler = MessageAssembler(max_size=0, decode_text=True)
    assembler.begin(TEXT, 100)
    assert assembler.type is WSMsgType.TEXT
    assembler.add(b"a\xe2\x82", last=False)
    # What waits for its end is not held: it can be no part, however much of a part is wanted.
    assert assembler.held == 1
    assert assembler.take() == "a"
    assert assembler.held == 0
    assembler.add(b"\xac", last=False)
    assert assembler.held == 3
    assert assembler.take() == "\u20ac"
    assert assembler.held == 0
    assembler.add(b"\xe2", last=False)
    assert assembler.take() is None
    assembler.add(b"\x82", last=False)
    assert assembler.add(b"\xac", last=True) == ("\u20ac", None, WSMsgType.TEXT)


def test_parts_of_a_text_as_bytes_are_as_they_came() -> None:
    assembler = MessageAssembler(max_size=0, decode_text=False)
    assembler.begin(TEXT, 100)
    assembler.add(b"a\xe2\x82", last=False)
    assert assembler.take() == b"a\xe2\x82"
    assert assembler.held == 0
    with pytest.raises(WebSocketError, match="not UTF-8"):
        assembler.add(b"\xe2", last=False)


@pytest.mark.parametrize("decode_text", [True, False])
@given(
    text=st.text(max_size=60),
    cuts=st.lists(st.integers(0, 240), max_size=8),
    taken=st.lists(st.booleans(), min_size=9, max_size=9),
)
def test_parts_and_the_rest_are_the_message(
    decode_text: bool, text: str, cuts: list[int], taken: list[bool]
) -> None:
    data = text.encode()
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    pieces = [data[start:end] for start, end in itertools.pairwise(places)]
    assembler = MessageAssembler(max_size=len(data), decode_text=decode_text)
    assembler.begin(TEXT, len(data))
    parts = []
    for piece, take in zip(pieces[:-1], taken, strict=False):
        assert assembler.add(piece, last=False) is None
        if take:
            part = assembler.take()
            assert part != ""
            parts.append(part)
    message = assembler.add(pieces[-1], last=True)
    assert message is not None
    came = [part for part in [*parts, message.data] if part is not None]
    assert all(isinstance(part, str) is decode_text for part in came)
    assert b"".join(part.encode() if decode_text else part for part in came) == data


def test_the_limit_counts_what_was_taken() -> None:
    assembler = MessageAssembler(max_size=10, decode_text=True)
    assembler.begin(BINARY, 8)
    assembler.add(bytes(8), last=False)
    assembler.take()
    with pytest.raises(WebSocketError, match="11 octets or more came, the limit is 10") as caught:
        assembler.begin(0, 3)
    assert caught.value.code == 1009


# Compression


def deflating(*, max_size: int = 0, decode_text: bool = True) -> tuple[MessageAssembler, Deflater]:
    """Return an assembler of the client, and what the server compresses with."""
    parameters = DeflateParameters()
    inflater = Inflater(parameters, Role.CLIENT)
    assembler = MessageAssembler(max_size=max_size, decode_text=decode_text, inflater=inflater)
    return assembler, Deflater(parameters, Role.SERVER)


def test_compressed_and_plain_messages_in_turn() -> None:
    assembler, deflater = deflating()
    for compressed in (True, False, True, True, False):
        payload = b"Hello" * 5
        if compressed:
            payload = deflater.deflate(payload, fin=True)
        assembler.begin(TEXT, len(payload), compressed=compressed)
        assert assembler.add(payload, last=True) == ("Hello" * 5, None, WSMsgType.TEXT)


@pytest.mark.parametrize("decode_text", [True, False])
@pytest.mark.parametrize("fault", FAULTS)
def test_bad_utf8_fails_as_soon_as_it_is_expanded(fault: bytes, decode_text: bool) -> None:
    assembler, deflater = deflating(decode_text=decode_text)
    assembler.begin(TEXT, 1000, compressed=True)
    for octet in fault[:-1]:
        compressed = deflater.deflate(bytes((octet,)), fin=False)
        assert assembler.add(compressed, last=False) is None
    with pytest.raises(WebSocketError, match="not UTF-8") as caught:
        assembler.add(deflater.deflate(fault[-1:], fin=False), last=False)
    assert caught.value.code == 1007


def test_a_compressed_message_expands_step_by_step() -> None:
    assembler, deflater = deflating(max_size=100_000)
    payload = deflater.deflate(bytes(100_000), fin=True)
    assert len(payload) < 1000
    assembler.begin(BINARY, len(payload), compressed=True)
    message = assembler.add(payload, last=True, room=1000)
    steps = 0
    taken = 0
    while message is None:
        assert assembler.pending
        assert assembler.held <= 1000
        part = assembler.take()
        taken += 0 if part is None else len(part)
        message = assembler.resume(1000)
        steps += 1
    assert not assembler.pending
    assert steps >= 99
    assert taken + len(message.data) == 100_000
    # What had been limited can go on without a limit.
    payload = deflater.deflate(bytes(100_000), fin=True)
    assembler.begin(BINARY, len(payload), compressed=True)
    assert assembler.add(payload, last=True, room=1) is None
    assert assembler.resume() == (bytes(100_000), None, WSMsgType.BINARY)


def test_the_limit_counts_what_is_expanded() -> None:
    assembler, deflater = deflating(max_size=1000)
    for size in (1000, 1001):
        payload = deflater.deflate(bytes(size), fin=True)
        assembler.begin(BINARY, len(payload), compressed=True)
        if size == 1000:
            assert assembler.add(payload, last=True) is not None
    with pytest.raises(WebSocketError, match="more than 1000 octets") as caught:
        assembler.add(payload, last=True)
    assert caught.value.code == 1009


def test_what_cannot_be_compressed_is_not_too_long() -> None:
    assembler, deflater = deflating(max_size=50_000)
    noise = random.Random(1).randbytes(50_000)
    payload = deflater.deflate(noise, fin=True)
    assert len(payload) > 50_000
    assembler.begin(BINARY, len(payload), compressed=True)
    message = assembler.add(payload, last=True)
    assert message is not None
    assert message.data == noise


def test_a_compressed_length_far_over_the_limit_is_refused_on_the_header() -> None:
    assembler, _ = deflating(max_size=8000)
    assembler.begin(BINARY, 8000 + 1000 + 1024, compressed=True)
    assembler, _ = deflating(max_size=8000)
    with pytest.raises(WebSocketError, match="10025 octets came, the limit is 8000") as caught:
        assembler.begin(BINARY, 8000 + 1000 + 1025, compressed=True)
    assert caught.value.code == 1009


def test_clearing_forgets_what_is_held() -> None:
    assembler, deflater = deflating()
    assembler.begin(TEXT, 1000, compressed=True)
    assembler.add(deflater.deflate(b"abc\xe2", fin=False), last=False, room=1)
    assembler.clear()
    assert not assembler.pending
    assert assembler.held == 0
    assert assembler.take() is None
