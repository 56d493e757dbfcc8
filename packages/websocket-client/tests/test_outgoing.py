"""Messages to frames: whole and in parts, compressed and not, and what may not come in between."""

import zlib

import pytest

from whimbrel_websocket_client import StateError
from whimbrel_websocket_client._deflate import Deflater
from whimbrel_websocket_client._outgoing import OutgoingMessages, octets
from whimbrel_websocket_client.extensions import DeflateParameters
from whimbrel_websocket_client.frames import OP_BINARY, OP_TEXT
from whimbrel_websocket_client.messages import Role

# First octet of a frame, payload.
Frame = tuple[int, bytes]


def outgoing(*, deflate: bool = False) -> OutgoingMessages:
    deflater = Deflater(DeflateParameters(), Role.SERVER) if deflate else None
    return OutgoingMessages(masked=False, deflater=deflater)


def taken_apart(frame: bytes) -> Frame:
    """Return a short frame's first octet and payload."""
    assert frame[1] == len(frame) - 2
    return frame[0], frame[2:]


@pytest.mark.parametrize(
    ("parts", "frames"),
    [
        (["Hel", "lo"], [(0x01, b"Hel"), (0x80, b"lo")]),
        ([b"Hel", bytearray(b"l"), memoryview(b"o")], [(0x02, b"Hel"), (0x00, b"l"), (0x80, b"o")]),
        (["\u20ac"], [(0x81, b"\xe2\x82\xac")]),
        ([""], [(0x81, b"")]),
        ([b""], [(0x82, b"")]),
        (["a", ""], [(0x01, b"a"), (0x80, b"")]),
        # Nothing is sent of nothing.
        (["", "a", "", ""], [(0x01, b"a"), (0x80, b"")]),
        ([b"", b""], [(0x82, b"")]),
    ],
)
def test_parts(parts: list[str | bytes], frames: list[Frame]) -> None:
    messages = outgoing()
    for _ in range(2):
        sent = []
        for index, part in enumerate(parts):
            last = index == len(parts) - 1
            frame = messages.part(part, last, None)
            assert messages.in_parts is not last
            if frame:
                sent.append(taken_apart(frame))
        assert sent == frames


def test_an_array_of_wider_items_is_sent_as_octets() -> None:
    numbers = memoryview(b"\x01\x02\x03\x04").cast("H")
    assert bytes(octets(numbers)) == b"\x01\x02\x03\x04"
    assert bytes(octets(memoryview(b"abcd")[::2])) == b"ac"
    assert taken_apart(outgoing().part(numbers, True, None)) == (0x82, b"\x01\x02\x03\x04")


def test_no_other_message_in_between() -> None:
    messages = outgoing()
    messages.part("a", False, None)
    for opcode in (OP_TEXT, OP_BINARY):
        with pytest.raises(StateError, match="sent in parts has not ended"):
            messages.message(opcode, b"x", None)
    assert taken_apart(messages.part("b", True, None)) == (0x80, b"b")
    assert taken_apart(messages.message(OP_TEXT, b"x", None)) == (0x81, b"x")


def test_parts_are_of_one_kind() -> None:
    messages = outgoing()
    messages.part("a", False, None)
    with pytest.raises(TypeError, match="began with str: no part of it can be bytes"):
        messages.part(b"b", True, None)
    assert taken_apart(messages.part("b", True, None)) == (0x80, b"b")
    messages.part(b"", False, None)
    with pytest.raises(TypeError, match="began with bytes-like: no part of it can be str"):
        messages.part("", False, None)


def test_half_a_character_is_no_part() -> None:
    messages = outgoing()
    with pytest.raises(ValueError, match="surrogates"):
        messages.part("\ud83d", False, None)
    assert not messages.in_parts
    messages.part("a", False, None)
    with pytest.raises(ValueError, match="surrogates"):
        messages.part("\ude00", True, None)
    assert messages.in_parts


@pytest.mark.parametrize("compress", [1, 9, -1])
def test_no_compression_without_an_agreement(compress: int) -> None:
    messages = outgoing()
    with pytest.raises(ValueError, match="no compression was agreed on"):
        messages.message(OP_TEXT, b"x", compress)
    with pytest.raises(ValueError, match="no compression was agreed on"):
        messages.part("x", False, compress)
    assert not messages.in_parts
    assert taken_apart(messages.message(OP_TEXT, b"x", 0)) == (0x81, b"x")


class Expander:
    """Expands messages as RFC 7692, section 7.2.2, says, by zlib alone."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(wbits=-15)

    def expand(self, payload: bytes) -> bytes:
        return self._stream.decompress(payload + b"\x00\x00\xff\xff")


@pytest.mark.parametrize("level", [None, 1, 9])
def test_compressed_messages(level: int | None) -> None:
    messages, expander = outgoing(deflate=True), Expander()
    for text in (b"Hello" * 9, b"", b"Hello", b"Hello"):
        first, payload = taken_apart(messages.message(OP_TEXT, text, level))
        assert first == 0xC1
        assert expander.expand(payload) == text
    # One that is not compressed is between two that are, and does not count for them.
    assert taken_apart(messages.message(OP_BINARY, b"Hello", 0)) == (0x82, b"Hello")
    first, payload = taken_apart(messages.message(OP_BINARY, b"Hello", level))
    assert (first, expander.expand(payload)) == (0xC2, b"Hello")


def test_compressed_parts_can_be_expanded_as_they_come() -> None:
    messages, stream = outgoing(deflate=True), zlib.decompressobj(wbits=-15)
    firsts = []
    for part, last in (("", False), ("Hello", False), ("Hello" * 9, False), ("!", True)):
        frame = messages.part(part, last, 6)
        if frame:
            first, payload = taken_apart(frame)
            firsts.append(first)
            assert stream.decompress(payload + b"\x00\x00\xff\xff" * last) == part.encode()
    assert firsts == [0x41, 0x00, 0x80]


def test_a_message_in_parts_can_be_left_uncompressed() -> None:
    messages = outgoing(deflate=True)
    assert taken_apart(messages.part("a", False, 0)) == (0x01, b"a")
    # The level counts with the first part.
    assert taken_apart(messages.part("b", True, 9)) == (0x80, b"b")


@pytest.mark.parametrize("level", [-1, 10])
def test_levels_that_there_are_not(level: int) -> None:
    messages = outgoing(deflate=True)
    with pytest.raises(ValueError, match="from 1 to 9"):
        messages.message(OP_TEXT, b"x", level)
    with pytest.raises(ValueError, match="from 1 to 9"):
        messages.part("x", False, level)
    assert not messages.in_parts
    assert taken_apart(messages.message(OP_TEXT, b"", None))[0] == 0xC1


def test_what_is_cleared_has_no_message_in_parts() -> None:
    messages = outgoing(deflate=True)
    messages.part("x", False, None)
    messages.clear()
    assert not messages.in_parts
