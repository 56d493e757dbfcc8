"""Fragments to messages: order, size and UTF-8, each at the earliest moment."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whimbrel_websocket_client import WebSocketError, WSMessage, WSMsgType
from whimbrel_websocket_client._assembly import MessageAssembler

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
