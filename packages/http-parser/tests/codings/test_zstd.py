import pytest
from hypothesis import given
from hypothesis import strategies as st

from whimbrel_http_parser import ContentCodingError, Decoder, decoder_for, encoder_for
from whimbrel_http_parser.codings.testing import decode_in_steps

TEXT = b"".join(b"line %d of a text that compresses somewhat\n" % i for i in range(5000))
MAGIC = b"\x28\xb5\x2f\xfd"
LAST_EMPTY_BLOCK = b"\x01\0\0"


def encode(data: bytes) -> bytes:
    encoder = encoder_for("zstd")
    return encoder.encode(data) + encoder.finish()


def decoder() -> Decoder:
    found = decoder_for([b"zstd"])
    assert found is not None
    return found


def skippable(data: bytes, number: int = 0) -> bytes:
    """RFC 8878 section 3.1.2."""
    return bytes([0x50 + number]) + b"\x2a\x4d\x18" + len(data).to_bytes(4, "little") + data


def windowed(log: int, mantissa: int = 0) -> bytes:
    """An empty frame with a window of 2**log * (1 + mantissa / 8): RFC 8878 section 3.1.1.1."""
    return MAGIC + b"\0" + bytes([(log - 10) << 3 | mantissa]) + LAST_EMPTY_BLOCK


def single_segment(size: int) -> bytes:
    """The beginning of a frame whose window is its content (section 3.1.1.1.2)."""
    return MAGIC + b"\xa0" + size.to_bytes(4, "little")


@pytest.mark.parametrize("log", [10, 20, 22, 23])
def test_windows_up_to_8_mib_are_taken(log: int) -> None:
    assert decode_in_steps(decoder(), [windowed(log)]) == [b""]


@pytest.mark.parametrize("header", [single_segment(2**23) + b"\x02\0\0", windowed(22, 7)[:-3]])
def test_a_window_of_8_mib_is_the_largest(header: bytes) -> None:
    with pytest.raises(ContentCodingError, match="too early"):
        decode_in_steps(decoder(), [header])


@pytest.mark.parametrize("size", [1, 100])
@pytest.mark.parametrize(
    "frame", [windowed(23, 1), windowed(24), windowed(31), windowed(41, 7), single_segment(2**24)]
)
def test_larger_windows_are_refused(frame: bytes, size: int) -> None:
    pieces = [frame[start : start + size] for start in range(0, len(frame), size)]
    with pytest.raises(ContentCodingError, match="8 MiB"):
        decode_in_steps(decoder(), [encode(b"x"), *pieces])


def test_frames_that_need_a_dictionary_are_refused() -> None:
    with pytest.raises(ContentCodingError, match=r"(?i)dictionary"):
        decode_in_steps(decoder(), [MAGIC + b"\x21\x07\x01" + LAST_EMPTY_BLOCK + bytes(10)])


@given(st.lists(st.binary(max_size=200), max_size=8), st.integers(1, 300), st.integers(1, 300))
def test_frames_of_both_kinds_may_alternate(parts: list[bytes], size: int, out: int) -> None:
    coded = b"".join(
        skippable(part, i) if i % 3 == 0 else encode(part) for i, part in enumerate(parts)
    )
    pieces = [coded[start : start + size] for start in range(0, len(coded), size)]
    expected = b"".join(part for i, part in enumerate(parts) if i % 3)
    assert b"".join(decode_in_steps(decoder(), pieces, [out])) == expected


@given(st.integers(0, 100), st.data())
def test_pieces_may_come_before_the_older_ones_are_worked_off(
    length: int, data: st.DataObject
) -> None:
    # zstd takes all that it is given, and gives back at the end of a frame what is behind it.
    coded = encode(bytes(3000) + TEXT[:length]) + encode(b"next") + skippable(b"x")
    zstd = decoder()
    found = []
    while coded:
        size = data.draw(st.integers(1, len(coded)))
        found.append(zstd.decode(coded[:size], data.draw(st.integers(1, 50))))
        coded = coded[size:]
    while zstd.pending:
        found.append(zstd.decode(b"", 50))
    zstd.finish()
    assert b"".join(found) == bytes(3000) + TEXT[:length] + b"next"


@pytest.mark.parametrize(
    ("header", "size"),
    [
        (b"\x20\x02", 2),
        (b"\x60\x02\x00", 258),
        (b"\x40\x58\x02\x00", 258),
        (b"\xa0\x02\0\0\0", 2),
        (b"\x80\x58\x02\0\0\0", 2),
        (b"\xe0\x02\0\0\0\0\0\0\0", 2),
        (b"\xc0\x58\x02\0\0\0\0\0\0\0", 2),
        (b"\x23\0\0\0\0\x02", 2),
        (b"\xc3\x58\0\0\0\0\x02\0\0\0\0\0\0\0", 2),
    ],
)
@pytest.mark.parametrize("max_output", [1, 1000])
@pytest.mark.parametrize("size_of_pieces", [1, 1000])
def test_a_frame_holds_as_much_as_it_says(
    header: bytes, size: int, max_output: int, size_of_pieces: int
) -> None:
    def pieces(content: int) -> list[bytes]:
        block = (content << 3).to_bytes(3, "little") + b"a" * content  # a raw one
        frame = encode(b"x") + MAGIC + header + block + LAST_EMPTY_BLOCK + encode(b"y")
        return [frame[i : i + size_of_pieces] for i in range(0, len(frame), size_of_pieces)]

    found = decode_in_steps(decoder(), pieces(size), [max_output])
    assert b"".join(found) == b"x" + b"a" * size + b"y"
    for wrong in (0, size - 1, size + 1):
        with pytest.raises(ContentCodingError):
            decode_in_steps(decoder(), pieces(wrong), [max_output])


def test_a_wrong_checksum_is_an_error() -> None:
    # Content_Checksum_flag, a raw block of one byte, and a checksum (section 3.1.1).
    frame = MAGIC + b"\x04\x58" + b"\x09\0\0" + b"a"
    right = b"\x6a\x07\xf2\xf4"
    with pytest.raises(ContentCodingError, match="checksum"):
        decode_in_steps(decoder(), [frame + bytes(4)])
    with pytest.raises(ContentCodingError, match="too early"):
        decode_in_steps(decoder(), [frame + right[:3]])


def test_what_is_encoded_needs_no_large_window() -> None:
    noise = bytes((i * i >> 3) % 251 for i in range(200_000))
    coded = encode(noise * 60)
    assert b"".join(decode_in_steps(decoder(), [coded])) == noise * 60
