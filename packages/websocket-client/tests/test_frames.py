"""Frames against the examples of RFC 6455, section 5.7, and the rules of sections 5.2 to 5.5."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whimbrel_websocket_client import WebSocketError
from whimbrel_websocket_client._mask import apply_mask
from whimbrel_websocket_client.frames import (
    OP_BINARY,
    OP_CLOSE,
    OP_PING,
    OP_TEXT,
    FrameDecoder,
    decode_close,
    encode_close,
    encode_frame,
    is_valid_close_code,
)


def decode(
    data: bytes, *, masked: bool = False, step: int | None = None, deflate: bool = False
) -> tuple[list[tuple[bool, int, bytes]], FrameDecoder]:
    """Return the frames in `data`, fed in pieces of `step` octets, and the decoder."""
    decoder = FrameDecoder(masked=masked, deflate=deflate)
    frames = []
    in_frame, payload = False, b""
    for start in range(0, len(data), step or len(data)):
        decoder.feed(data[start : start + (step or len(data))])
        while in_frame or decoder.next_header():
            in_frame = True
            payload += decoder.take()
            if decoder.remaining:
                break
            assert decoder.length == len(payload)
            frames.append((decoder.fin, decoder.opcode, payload))
            in_frame, payload = False, b""
    return frames, decoder


@pytest.mark.parametrize("step", [None, 1, 3])
@pytest.mark.parametrize(
    ("data", "masked", "frame"),
    [
        ("81 05 48 65 6c 6c 6f", False, (True, 1, b"Hello")),
        ("81 85 37 fa 21 3d 7f 9f 4d 51 58", True, (True, 1, b"Hello")),
        ("01 03 48 65 6c", False, (False, 1, b"Hel")),
        ("80 02 6c 6f", False, (True, 0, b"lo")),
        ("89 05 48 65 6c 6c 6f", False, (True, 9, b"Hello")),
        ("8a 85 37 fa 21 3d 7f 9f 4d 51 58", True, (True, 10, b"Hello")),
        ("82 7e 01 00" + "00" * 256, False, (True, 2, bytes(256))),
        ("82 7f 00 00 00 00 00 01 00 00" + "00" * 65536, False, (True, 2, bytes(65536))),
        ("82 7e 00 7e" + "00" * 126, False, (True, 2, bytes(126))),
        ("82 00", False, (True, 2, b"")),
        ("88 80 00 00 00 00", True, (True, 8, b"")),
    ],
)
def test_examples(
    data: str, masked: bool, frame: tuple[bool, int, bytes], step: int | None
) -> None:
    if step == 1 and len(data) > 10_000:
        step = 4096
    raw = bytes.fromhex(data)
    frames, decoder = decode(raw, masked=masked, step=step)
    assert frames == [frame]
    assert not decoder.next_header()
    # Again with something behind it, which stays.
    frames, decoder = decode(raw + b"\x81", masked=masked, step=step)
    assert frames == [frame]
    decoder.feed(b"\x80abcd" if masked else b"\x00")
    assert decoder.next_header()
    assert (decoder.fin, decoder.opcode, decoder.length) == (True, 1, 0)


@pytest.mark.parametrize("step", [None, 1])
@pytest.mark.parametrize("trailing", [b"", b"\x81\x00"])
@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        *[(bytes((0x81 | bit, 0)), "RSV bits") for bit in (0x40, 0x20, 0x10, 0x70)],
        (b"\xc9\x00", "RSV bits 100"),
        *[(bytes((0x80 | code, 0)), "reserved") for code in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)],
        (b"\x81\x80abcd", "expected the server's frames to be not masked"),
        (b"\x89\x80abcd", "expected the server's frames to be not masked"),
        *[(bytes((code, 0)), "fragmented") for code in (8, 9, 10)],
        *[(bytes((0x80 | code, 126)) + b"\x00\x7e", "exceeds 125") for code in (8, 9, 10)],
        (b"\x89\x7f" + bytes(8), "exceeds 125"),
        (b"\x82\x7e\x00\x7d", "shortest form"),
        (b"\x82\x7e\x00\x00", "shortest form"),
        (b"\x82\x7f" + (65535).to_bytes(8, "big"), "shortest form"),
        (b"\x82\x7f" + bytes(8), "shortest form"),
        (b"\x82\x7f\x80" + bytes(7), "highest bit"),
        (b"\x82\x7f" + b"\xff" * 8, "highest bit"),
    ],
)
def test_violations(data: bytes, complaint: str, trailing: bytes, step: int | None) -> None:
    with pytest.raises(WebSocketError, match=complaint) as caught:
        decode(data + trailing, step=step)
    assert caught.value.code == 1002


@pytest.mark.parametrize("step", [None, 1])
@pytest.mark.parametrize("first", range(256))
def test_first_octets_with_deflate(first: int, step: int | None) -> None:
    plain = {0x00, 0x01, 0x02, 0x80, 0x81, 0x82, 0x88, 0x89, 0x8A}
    compressed = {0x41, 0x42, 0xC1, 0xC2}
    data = bytes((first, 0))
    if first in plain | compressed:
        frames, decoder = decode(data, step=step, deflate=True)
        assert frames == [(first >= 0x80, first & 0x0F, b"")]
        assert decoder.compressed is (first in compressed)
    else:
        with pytest.raises(WebSocketError, match=r"RSV bits|reserved|fragmented") as caught:
            decode(data, step=step, deflate=True)
        assert caught.value.code == 1002
    if first not in plain:
        with pytest.raises(WebSocketError):
            decode(data, step=step)


def test_what_rsv1_is_for_is_said() -> None:
    for first in (0xC0, 0xC8, 0xC9, 0xCA):
        with pytest.raises(WebSocketError, match="RSV1 only, on the first frame of a message"):
            decode(bytes((first, 0)), deflate=True)


@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize("fin", [True, False])
def test_a_compressed_message_is_marked(fin: bool, masked: bool) -> None:
    frame = encode_frame(OP_TEXT, b"x", fin=fin, masked=masked, compressed=True)
    assert frame[0] == (0xC1 if fin else 0x41)
    frames, decoder = decode(frame, masked=masked, deflate=True)
    assert frames == [(fin, OP_TEXT, b"x")]
    assert decoder.compressed


def test_a_violation_needs_two_octets_only() -> None:
    for data in (b"\xc1\x7f", b"\x83\x7e", b"\x81\xff", b"\x89\x7f", b"\x09\x00"):
        with pytest.raises(WebSocketError):
            decode(data)


def test_a_client_must_mask() -> None:
    with pytest.raises(WebSocketError, match="expected the client's frames to be masked"):
        decode(b"\x81\x00", masked=True)


def test_a_long_payload_is_given_as_it_comes() -> None:
    decoder = FrameDecoder(masked=False)
    decoder.feed(b"\x82\x7f" + (2**62).to_bytes(8, "big") + b"abc")
    assert decoder.next_header()
    assert (decoder.fin, decoder.opcode, decoder.length) == (True, 2, 2**62)
    assert decoder.take_whole() is None
    assert decoder.take() == b"abc"
    assert decoder.take() == b""
    assert decoder.remaining == 2**62 - 3


@given(
    frames=st.lists(
        st.tuples(st.booleans(), st.sampled_from([0, 1, 2]), st.binary(max_size=300)), max_size=6
    ),
    masked=st.booleans(),
    step=st.integers(1, 50),
)
def test_what_is_encoded_is_decoded(
    frames: list[tuple[bool, int, bytes]], masked: bool, step: int | None
) -> None:
    data = b"".join(encode_frame(op, load, fin=fin, masked=masked) for fin, op, load in frames)
    if data:
        assert decode(data, masked=masked, step=step)[0] == frames


@given(cuts=st.lists(st.integers(1, 300_000), max_size=5))
def test_a_long_masked_payload_is_unmasked_in_any_division(cuts: list[int]) -> None:
    payload = bytes(range(256)) * 700
    data = encode_frame(OP_BINARY, payload, masked=True) + encode_frame(OP_PING, b"!", masked=True)
    decoder = FrameDecoder(masked=True)
    pieces: list[bytes] = []
    for start, end in itertools.pairwise([0, *sorted(cuts), len(data)]):
        decoder.feed(data[start:end])
        if decoder.remaining or (not pieces and decoder.next_header()):
            pieces.append(decoder.take())
    assert b"".join(pieces) == payload
    assert decoder.next_header()
    assert decoder.take_whole() == b"!"


def test_what_is_cleared_is_not_read() -> None:
    decoder = FrameDecoder(masked=False)
    decoder.feed(b"\x81")
    decoder.clear()
    decoder.feed(b"\x89\x00")
    assert decoder.next_header()
    assert decoder.opcode == OP_PING


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65535, 65536])
def test_lengths_take_their_shortest_form(size: int) -> None:
    frame = encode_frame(OP_BINARY, bytes(size), masked=False)
    header = 2 if size < 126 else 4 if size < 65536 else 10
    assert len(frame) == header + size
    assert decode(frame)[0] == [(True, OP_BINARY, bytes(size))]


def test_a_masked_frame_carries_its_key() -> None:
    frame = encode_frame(OP_TEXT, b"Hello", masked=True)
    assert frame[:2] == b"\x81\x85"
    assert apply_mask(frame[6:], frame[2:6]) == b"Hello"


def test_every_frame_has_a_fresh_key() -> None:
    keys = {encode_frame(OP_TEXT, b"Hello", masked=True)[2:6] for _ in range(50)}
    assert len(keys) == 50


def test_control_frames_stay_short_and_whole() -> None:
    assert len(encode_frame(OP_PING, bytes(125), masked=False)) == 127
    with pytest.raises(ValueError, match="126 octets"):
        encode_frame(OP_PING, bytes(126), masked=False)
    with pytest.raises(ValueError, match="FIN=0"):
        encode_frame(OP_CLOSE, b"", fin=False, masked=False)


VALID = {1000, 1001, 1002, 1003, *range(1007, 1015), *range(3000, 5000)}


def test_codes_that_a_close_may_have() -> None:
    assert {code for code in range(65536) if is_valid_close_code(code)} == VALID


@pytest.mark.parametrize("code", [*sorted(VALID)[::97], 1000, 1014, 3000, 4999])
@pytest.mark.parametrize("reason", ["", "bye", "\u20ac" * 41])
def test_a_close_is_decoded_as_it_was_encoded(code: int, reason: str) -> None:
    assert decode_close(encode_close(code, reason)) == (code, reason)


@pytest.mark.parametrize(
    "code", [-1, 0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535, 65536]
)
def test_codes_that_are_not_sent(code: int) -> None:
    with pytest.raises(ValueError, match="not a status code"):
        encode_close(code)


def test_reasons_that_are_not_sent() -> None:
    with pytest.raises(ValueError, match="at most 123 octets of UTF-8, not 126"):
        encode_close(1000, "\u20ac" * 42)
    with pytest.raises(ValueError, match="surrogates"):
        encode_close(1000, "\ud800")


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b"\x03", 1002),
        *[(code.to_bytes(2, "big"), 1002) for code in (0, 999, 1004, 1005, 1006, 1015, 2999, 5000)],
        (b"\x03\xe8\xff", 1007),
        (b"\x03\xe8\xe2\x82", 1007),
        (b"\x03\xe8\xed\xa0\x80", 1007),
    ],
)
def test_closes_that_break_the_protocol(payload: bytes, code: int) -> None:
    with pytest.raises(WebSocketError) as caught:
        decode_close(payload)
    assert caught.value.code == code


def test_a_close_without_a_code() -> None:
    assert decode_close(b"") == (1005, "")
