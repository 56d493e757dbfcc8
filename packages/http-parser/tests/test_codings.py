import contextlib
import gzip
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whimbrel_http_parser import ContentCodingError, Decoder, decoder_for, encoder_for

TEXT = b"".join(b"line %d of a text that compresses somewhat\n" % i for i in range(500))


def raw_deflate(data: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-15)
    return stream.compress(data) + stream.flush()


def decode(decoder: Decoder | None, data: bytes, step: int, max_output: int = 1000) -> bytes:
    assert decoder is not None
    out = []
    for start in range(0, len(data), step):
        out.append(decoder.decode(data[start : start + step], max_output))
        while decoder.pending:
            out.append(decoder.decode(b"", max_output))
    decoder.finish()
    assert all(len(part) <= max_output for part in out)
    return b"".join(out)


CODED = [
    ([b"gzip"], gzip.compress(TEXT)),
    ([b"x-gzip"], gzip.compress(TEXT)),
    ([b"GZip"], gzip.compress(TEXT)),
    ([b"deflate"], zlib.compress(TEXT)),
    ([b"deflate"], raw_deflate(TEXT)),
    ([b"identity, gzip"], gzip.compress(TEXT)),
    ([b"", b" gzip ,"], gzip.compress(TEXT)),
    ([b"gzip"], gzip.compress(TEXT[:7000]) + gzip.compress(TEXT[7000:])),
    ([b"gzip"], gzip.compress(TEXT) + gzip.compress(b"")),
    ([b"gzip"], gzip.compress(TEXT) + bytes(700)),
    ([b"gzip, gzip"], gzip.compress(gzip.compress(TEXT))),
    ([b"deflate", b"gzip"], gzip.compress(zlib.compress(TEXT))),
    ([b"gzip, deflate", b"gzip"], gzip.compress(zlib.compress(gzip.compress(TEXT)))),
]


@pytest.mark.parametrize("max_output", [1, 100, 10**6])
@pytest.mark.parametrize("step", [1, 2, 17, 10**6])
@pytest.mark.parametrize(("fields", "data"), CODED)
def test_codings_are_undone(fields: list[bytes], data: bytes, step: int, max_output: int) -> None:
    assert decode(decoder_for(fields), data, step, max_output) == TEXT


@pytest.mark.parametrize(
    "fields",
    [[], [b""], [b"identity"], [b"identity", b"Identity"], [b"br"], [b"gzip, br"], [b"gzi p"]],
)
def test_what_is_not_to_be_or_not_can_be_decoded_is_left(fields: list[bytes]) -> None:
    assert decoder_for(fields) is None


def test_five_codings_are_enough() -> None:
    data = b"x"
    for _ in range(5):
        data = gzip.compress(data)
    assert decode(decoder_for([b"gzip, gzip", b"gzip", b"gzip, gzip"]), data, 10**6) == b"x"
    for fields in ([b"gzip"] * 6, [b"gzip, gzip", b"x, y", b"deflate, gzip"]):
        with pytest.raises(ContentCodingError, match="6 codings"):
            decoder_for(fields)


@pytest.mark.parametrize("step", [1, 10**6])
@pytest.mark.parametrize(
    ("field", "data"),
    [
        (b"gzip", gzip.compress(TEXT) + b"x"),
        (b"gzip", gzip.compress(TEXT) + b"\0x"),
        (b"gzip", gzip.compress(TEXT) + b"\0" + gzip.compress(TEXT)),
        (b"gzip", gzip.compress(TEXT) + b"\x1f\x8c"),
        (b"gzip", b"plain text"),
        (b"gzip", zlib.compress(TEXT)),
        (b"gzip", gzip.compress(TEXT)[:-8] + bytes(8)),
        (b"deflate", zlib.compress(TEXT) + b"\0"),
        (b"deflate", raw_deflate(TEXT) + b"x"),
        (b"deflate", zlib.compress(TEXT)[:-4] + bytes(4)),
        (b"deflate", b"plain text"),
        (b"deflate, gzip", gzip.compress(zlib.compress(TEXT) + b"x")),
    ],
)
def test_what_is_not_in_the_coding_is_an_error(field: bytes, data: bytes, step: int) -> None:
    with pytest.raises(ContentCodingError):
        decode(decoder_for([field]), data, step)


@pytest.mark.parametrize(
    ("field", "data"),
    [
        (b"gzip", gzip.compress(TEXT)),
        (b"deflate", zlib.compress(TEXT)),
        (b"deflate", raw_deflate(TEXT)),
        (b"gzip", gzip.compress(b"")),
    ],
)
def test_a_truncated_body_is_an_error_at_its_end(field: bytes, data: bytes) -> None:
    for length in range(1, len(data), 1 + len(data) // 50):
        decoder = decoder_for([field])
        with pytest.raises(ContentCodingError, match="too early"):
            decode(decoder, data[:length], 10**6)


def test_a_second_member_or_an_inner_coding_can_be_truncated_too() -> None:
    for fields, data in [
        ([b"gzip"], gzip.compress(TEXT) + gzip.compress(TEXT)[:-1]),
        ([b"gzip"], gzip.compress(TEXT) + b"\x1f"),
        ([b"gzip, gzip"], gzip.compress(gzip.compress(TEXT)[:-1])),
        ([b"gzip, gzip"], gzip.compress(gzip.compress(TEXT))[:-1]),
    ]:
        with pytest.raises(ContentCodingError, match="too early"):
            decode(decoder_for(fields), data, 10**6)


@pytest.mark.parametrize("field", [b"gzip", b"deflate", b"gzip, deflate"])
def test_an_empty_body_is_complete(field: bytes) -> None:
    assert decode(decoder_for([field]), b"", 1) == b""


def test_a_bomb_comes_out_in_steps() -> None:
    bomb = gzip.compress(gzip.compress(bytes(20_000_000)))
    decoder = decoder_for([b"gzip, gzip"])
    assert decoder is not None
    total = len(decoder.decode(bomb, 65536))
    while decoder.pending:
        part = decoder.decode(b"", 65536)
        assert len(part) <= 65536
        total += len(part)
    decoder.finish()
    assert total == 20_000_000


@pytest.mark.parametrize("field", [b"gzip", b"deflate", b"gzip, deflate"])
def test_whatever_can_be_decoded_comes_out_at_once(field: bytes) -> None:
    text = bytes(600) + TEXT[:300] + b"x" * 600
    data = gzip.compress(text) if b"gzip" in field else zlib.compress(text)
    data = zlib.compress(data) if b"," in field else data
    small, large = decoder_for([field]), decoder_for([field])
    assert small is not None
    assert large is not None
    for i in range(len(data)):
        expected = large.decode(data[i : i + 1], 10**6)
        found = small.decode(data[i : i + 1], 1)
        while small.pending:
            found += small.decode(b"", 1)
        assert found == expected


def test_an_inner_coding_that_is_slow_holds_the_outer_one_back() -> None:
    decoder = decoder_for([b"gzip, gzip"])
    assert decoder is not None
    data = gzip.compress(gzip.compress(b"x") * 40_000)
    tracemalloc.start()
    try:
        total = len(decoder.decode(data, 4096))
        while decoder.pending:
            total += len(decoder.decode(b"", 4096))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert total == 40_000
    assert peak < 300_000


def test_many_members_are_decoded_a_few_at_a_time() -> None:
    decoder = decoder_for([b"gzip"])
    assert decoder is not None
    member = gzip.compress(b"x")
    first = decoder.decode(member * 5000, 10**6)
    assert 0 < len(first) < 100
    steps = 1
    total = len(first)
    while decoder.pending:
        total += len(decoder.decode(b"", 10**6))
        steps += 1
    assert total == 5000
    assert steps > 50


def test_good_data_come_out_before_the_fault_behind_them() -> None:
    for field, data in ((b"gzip", gzip.compress(TEXT)), (b"deflate", zlib.compress(TEXT))):
        decoder = decoder_for([field])
        assert decoder is not None
        assert decoder.decode(data + b"garbage", 10**6) == TEXT
        assert decoder.pending
        with pytest.raises(ContentCodingError, match="behind the end"):
            decoder.decode(b"", 10**6)


def test_a_new_piece_may_come_while_an_older_one_is_pending() -> None:
    for fields, data in CODED:
        decoder = decoder_for(fields)
        assert decoder is not None
        half = len(data) // 2
        out = decoder.decode(data[:half], 10)
        out += decoder.decode(data[half:], 10)
        while decoder.pending:
            out += decoder.decode(b"", 1000)
        decoder.finish()
        assert out == TEXT


def test_at_least_one_byte_may_come_out() -> None:
    for field in (b"gzip", b"deflate, gzip"):
        decoder = decoder_for([field])
        assert decoder is not None
        with pytest.raises(ValueError, match="max_output"):
            decoder.decode(b"", 0)


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
@given(pieces=st.lists(st.binary(max_size=50), max_size=5))
def test_what_is_encoded_is_decoded(coding: str, pieces: list[bytes]) -> None:
    encoder = encoder_for(coding)
    data = b"".join(encoder.encode(piece) for piece in pieces) + encoder.finish()
    assert decode(decoder_for([coding.encode()]), data, 7) == b"".join(pieces)


def test_other_tools_read_what_is_encoded() -> None:
    encoder = encoder_for("gzip")
    assert gzip.decompress(encoder.encode(TEXT) + encoder.finish()) == TEXT
    encoder = encoder_for("deflate")
    assert zlib.decompress(encoder.encode(TEXT) + encoder.finish()) == TEXT


@pytest.mark.parametrize("coding", ["br", "identity", "GZIP", ""])
def test_there_is_no_other_encoder(coding: str) -> None:
    with pytest.raises(ValueError, match="unknown content coding"):
        encoder_for(coding)


@given(st.binary(max_size=100), st.sampled_from([b"gzip", b"deflate", b"gzip, deflate"]))
def test_any_bytes_decode_or_are_refused(data: bytes, field: bytes) -> None:
    with contextlib.suppress(ContentCodingError):
        decode(decoder_for([field]), data, 9)
