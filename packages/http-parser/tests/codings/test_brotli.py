import contextlib

import brotlicffi  # type: ignore[import-untyped]  # it has no stubs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from whimbrel_http_parser import (
    DEFAULT_DECODING_LIMITS,
    ContentCodingError,
    DecodingLimits,
    LimitExceeded,
    encoder_for,
)
from whimbrel_http_parser.codings._brotli import (
    BrotliDecoder,
    BrotliEncoder,
    BrotliLibrary,
    load_brotli,
)
from whimbrel_http_parser.codings._stack import CodingStack
from whimbrel_http_parser.codings.testing import decode_in_steps

BROTLI = load_brotli()
assert BROTLI is not None
LIBRARIES: dict[str, BrotliLibrary] = {"brotli": BROTLI, "brotlicffi": brotlicffi}
TEXT = b"".join(b"line %d of a text that compresses somewhat\n" % i for i in range(2000))

every_library = pytest.mark.parametrize("library", LIBRARIES.values(), ids=LIBRARIES)


def encode(data: bytes, library: BrotliLibrary = BROTLI) -> bytes:
    encoder = BrotliEncoder(library)
    return encoder.encode(data) + encoder.finish()


def decoder_by(
    library: BrotliLibrary, limits: DecodingLimits = DEFAULT_DECODING_LIMITS
) -> CodingStack:
    return CodingStack([BrotliDecoder(library)], limits)


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


@every_library
@pytest.mark.parametrize("max_output", [7, 5000, 10**6])
@pytest.mark.parametrize("size", [1, 100, 10**6])
def test_either_library_decodes(library: BrotliLibrary, size: int, max_output: int) -> None:
    steps = decode_in_steps(decoder_by(library), cut(encode(TEXT), size), [max_output])
    assert b"".join(steps) == TEXT


@every_library
@given(st.binary(max_size=300), st.integers(0, 50_000), st.data())
def test_what_either_encodes_is_decoded(
    library: BrotliLibrary, random: bytes, zeros: int, data: st.DataObject
) -> None:
    text = random + bytes(zeros) + random
    size = data.draw(st.integers(1, 400))
    outputs = data.draw(st.lists(st.integers(10, 40_000), min_size=1, max_size=4))
    for other in LIBRARIES.values():
        steps = decode_in_steps(decoder_by(library), cut(encode(text, other), size), outputs)
        assert b"".join(steps) == text


@every_library
def test_what_a_run_gives_too_much_waits(library: BrotliLibrary) -> None:
    decoder = decoder_by(library)
    assert decoder.decode(encode(bytes(100_000)), 1) == b"\0"
    rest = decode_in_steps(decoder, [b""], [4999])
    assert rest[0] == bytes(4999)
    assert sum(map(len, rest)) == 99_999


@every_library
@pytest.mark.parametrize("size", [1, 3, 10**6])
@pytest.mark.parametrize("text", [b"", b"abc", bytes(32752), bytes(16384), TEXT], ids=len)
def test_nothing_may_follow(library: BrotliLibrary, text: bytes, size: int) -> None:
    coded = encode(text)
    outputs: list[bytes] = []
    with pytest.raises(ContentCodingError):
        decode_in_steps(decoder_by(library), [*cut(coded, size), b"x"], outputs=outputs)
    assert b"".join(outputs) == text
    with pytest.raises(ContentCodingError):
        decode_in_steps(decoder_by(library), [coded + b"x"])


@every_library
def test_the_end_may_not_be_missing(library: BrotliLibrary) -> None:
    for text in (b"", TEXT[:100], bytes(40_000)):
        data = encode(text)
        for length in range(1, len(data)):
            with pytest.raises(ContentCodingError, match="too early"):
                decode_in_steps(decoder_by(library), [data[:length]])


@every_library
@given(st.integers(0, 60), st.binary(min_size=1, max_size=4))
def test_a_broken_body_is_decoded_or_refused(
    library: BrotliLibrary, position: int, damage: bytes
) -> None:
    data = encode(TEXT[:500])
    broken = data[:position] + damage + data[position + len(damage) :]
    decoder = decoder_by(library, DecodingLimits(total=100_000))
    outputs: list[bytes] = []
    with contextlib.suppress(ContentCodingError, LimitExceeded):
        decode_in_steps(decoder, [broken], [1000], outputs)
    assert len(b"".join(outputs)) <= 100_000


def test_the_quality_is_one_for_coding_on_the_fly() -> None:
    encoder = encoder_for("br")
    assert len(encoder.encode(TEXT) + encoder.finish()) < len(TEXT) / 10
