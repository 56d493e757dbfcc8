import contextlib
import gzip
import subprocess
import sys
import tracemalloc
import zlib
from collections.abc import Callable
from functools import cache

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from whimbrel_http_parser import (
    ContentCodingError,
    Decoder,
    DecodingLimits,
    LimitExceeded,
    LocalProtocolError,
    available_codings,
    decoder_for,
    encoder_for,
)
from whimbrel_http_parser.codings.testing import decode_in_steps

CODINGS = ("gzip", "deflate", "br", "zstd")
STACKS = [*([coding] for coding in CODINGS), ["deflate", "gzip"], ["br", "zstd"], ["zstd"] * 5]
TEXT = b"".join(b"line %d of a text that compresses somewhat\n" % i for i in range(300))
EMPTY_SKIPPABLE = b"\x50\x2a\x4d\x18\0\0\0\0"  # RFC 8878 section 3.1.2


def encode(data: bytes, *codings: str) -> bytes:
    for coding in codings:
        encoder = encoder_for(coding)
        data = encoder.encode(data) + encoder.finish()
    return data


def raw_deflate(data: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-15)
    return stream.compress(data) + stream.flush()


def decoder_of(*codings: str) -> Decoder:
    decoder = decoder_for([coding.encode() for coding in codings])
    assert decoder is not None
    return decoder


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


def decode(decoder: Decoder | None, data: bytes, size: int, max_output: int = 1000) -> bytes:
    return b"".join(decode_in_steps(decoder, cut(data, size), [max_output]))


def test_every_library_is_there_where_the_tests_run() -> None:
    assert available_codings() == CODINGS


@pytest.mark.parametrize("coding", CODINGS)
def test_every_available_coding_can_be_decoded_and_encoded(coding: str) -> None:
    assert decoder_for([coding.encode()]) is not None
    assert encoder_for(coding).finish()


def test_what_is_available_is_found_out_when_it_is_asked() -> None:
    code = (
        "import sys; import whimbrel_http_parser as p; libraries = ('brotli', 'backports.zstd',"
        " 'compression.zstd'); assert not {*libraries} & {*sys.modules};"
        "p.decoder_for([b'gzip']); p.encoder_for('gzip'); assert not {*libraries} & {*sys.modules};"
        "p.decoder_for([b'br']); assert 'brotli' in sys.modules, sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_without_its_library_a_coding_is_unknown() -> None:
    # A None there is how Python itself says that a module cannot be imported.
    code = (
        "import sys; names = ('brotli', 'brotlicffi', 'backports.zstd', 'compression.zstd');"
        "sys.modules.update(dict.fromkeys(names)); import whimbrel_http_parser as p;"
        "assert p.available_codings() == ('gzip', 'deflate'), p.available_codings();"
        "assert p.decoder_for([b'br']) is p.decoder_for([b'gzip, zstd']) is None;"
        "p.encoder_for('zstd')"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert b"ValueError: unknown content coding 'zstd'" in result.stderr


CODED = [
    ([b"gzip"], gzip.compress(TEXT)),
    ([b"x-gzip"], gzip.compress(TEXT)),
    ([b"GZip"], gzip.compress(TEXT)),
    ([b"deflate"], zlib.compress(TEXT)),
    ([b"deflate"], raw_deflate(TEXT)),
    ([b"br"], encode(TEXT, "br")),
    ([b"zstd"], encode(TEXT, "zstd")),
    ([b"identity, gzip"], gzip.compress(TEXT)),
    ([b"", b" gzip ,"], gzip.compress(TEXT)),
    ([b"gzip"], gzip.compress(TEXT[:4000]) + gzip.compress(TEXT[4000:])),
    ([b"gzip"], gzip.compress(TEXT) + gzip.compress(b"")),
    ([b"gzip"], gzip.compress(TEXT) + bytes(700)),
    ([b"zstd"], encode(TEXT[:4000], "zstd") + encode(TEXT[4000:], "zstd")),
    ([b"zstd"], encode(TEXT, "zstd") + encode(b"", "zstd") * 20),
    ([b"zstd"], EMPTY_SKIPPABLE + encode(TEXT, "zstd") + b"\x5f\x2a\x4d\x18\x03\0\0\0abc"),
    ([b"gzip, gzip"], gzip.compress(gzip.compress(TEXT))),
    ([b"deflate", b"gzip"], gzip.compress(zlib.compress(TEXT))),
    ([b"gzip, deflate", b"gzip"], gzip.compress(zlib.compress(gzip.compress(TEXT)))),
    ([b"Br , gzip", b"deflate, zstd"], encode(TEXT, "br", "gzip", "deflate", "zstd")),
    ([b"zstd, br"], encode(TEXT, "zstd", "br")),
]


@pytest.mark.parametrize("max_output", [1, 100, 10**6])
@pytest.mark.parametrize("size", [1, 17, 10**6])
@pytest.mark.parametrize(("fields", "data"), CODED)
def test_codings_are_undone(fields: list[bytes], data: bytes, size: int, max_output: int) -> None:
    assert decode(decoder_for(fields), data, size, max_output) == TEXT


@pytest.mark.parametrize(
    "fields",
    [
        [],
        "",
        b"",
        ["identity"],
        "é",
        "\u0130dentity",
        [b""],
        [b"identity"],
        [b"identity", b"Identity"],
        [b"dcz"],
        [b"gzip, lzw"],
        [b"gzi p"],
    ],
)
def test_what_is_not_to_be_or_cannot_be_decoded_is_left(fields: list[bytes] | str | bytes) -> None:
    assert decoder_for(fields) is None


@pytest.mark.parametrize(
    "content_encoding",
    [b"br, gzip", "br, gzip", [b"br", b"gzip"], ("br", "gzip"), ["BR ,", b"\tGzip"]],
)
def test_one_value_or_several_as_bytes_or_text(
    content_encoding: str | bytes | list[str | bytes],
) -> None:
    assert decode(decoder_for(content_encoding), encode(TEXT, "br", "gzip"), 10**6) == TEXT


@pytest.mark.parametrize("size", [1, 10**6])
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
        (b"br", encode(TEXT, "br") + b"\0"),
        (b"br", encode(TEXT, "br") * 2),
        (b"br", encode(b"", "br") + b"x"),
        (b"br", b"\xff plain text"),
        (b"zstd", encode(TEXT, "zstd") + b"plain"),
        (b"zstd", encode(TEXT, "zstd") + bytes(8)),
        (b"zstd", b"plain text"),
        (b"zstd", gzip.compress(TEXT)),
        (b"deflate, gzip", gzip.compress(zlib.compress(TEXT) + b"x")),
        (b"br, zstd", encode(encode(TEXT, "br") + b"x", "zstd")),
    ],
)
def test_what_is_not_in_the_coding_is_an_error(field: bytes, data: bytes, size: int) -> None:
    with pytest.raises(ContentCodingError):
        decode(decoder_for([field]), data, size)


@pytest.mark.parametrize("size", [1, 10**6])
@pytest.mark.parametrize("text", [b"", b"a", TEXT[:150], bytes(5000)], ids=len)
@pytest.mark.parametrize("codings", STACKS, ids=" ".join)
def test_a_body_that_is_cut_anywhere_is_an_error_at_its_end(
    codings: list[str], text: bytes, size: int
) -> None:
    data = encode(text, *codings)
    for length in range(1, len(data)):
        outputs: list[bytes] = []
        with pytest.raises(ContentCodingError, match="too early"):
            decode_in_steps(decoder_of(*codings), cut(data[:length], size), outputs=outputs)
        assert text.startswith(b"".join(outputs))


def test_raw_deflate_cut_anywhere_is_an_error_at_its_end() -> None:
    data = raw_deflate(TEXT[:150])
    for length in range(1, len(data)):
        with pytest.raises(ContentCodingError, match="too early"):
            decode(decoder_of("deflate"), data[:length], 10**6)


@pytest.mark.parametrize(
    ("codings", "data"),
    [
        (["gzip"], gzip.compress(TEXT) + gzip.compress(TEXT)[:-1]),
        (["gzip"], gzip.compress(TEXT) + b"\x1f"),
        (["zstd"], encode(TEXT, "zstd") + encode(TEXT, "zstd")[:-1]),
        (["zstd"], encode(TEXT, "zstd") + EMPTY_SKIPPABLE[:-1]),
        (["zstd"], encode(TEXT, "zstd") + b"\x28"),
        (["gzip", "gzip"], gzip.compress(gzip.compress(TEXT)[:-1])),
        (["gzip", "gzip"], gzip.compress(gzip.compress(TEXT))[:-1]),
        (["br", "gzip"], gzip.compress(encode(TEXT, "br")[:-1])),
        (["br", "zstd"], encode(encode(TEXT, "br"), "zstd")[:-1]),
    ],
)
def test_a_second_stream_or_an_inner_coding_can_be_cut_too(codings: list[str], data: bytes) -> None:
    with pytest.raises(ContentCodingError, match="too early"):
        decode(decoder_of(*codings), data, 10**6)


@pytest.mark.parametrize("codings", STACKS, ids=" ".join)
def test_an_empty_body_is_complete(codings: list[str]) -> None:
    assert decode(decoder_of(*codings), b"", 1) == b""


@pytest.mark.parametrize("codings", STACKS, ids=" ".join)
def test_whatever_can_be_decoded_comes_out_at_once(codings: list[str]) -> None:
    data = encode(bytes(600) + TEXT[:300] + b"x" * 600, *codings)
    small, large = decoder_of(*codings), decoder_of(*codings)
    for i in range(len(data)):
        expected = large.decode(data[i : i + 1], 10**6)
        while large.pending:
            expected += large.decode(b"", 10**6)
        found = small.decode(data[i : i + 1], 1)
        while small.pending:
            found += small.decode(b"", 1)
        assert found == expected


@pytest.mark.parametrize("codings", STACKS, ids=" ".join)
def test_good_data_come_out_before_the_fault_behind_them(codings: list[str]) -> None:
    decoder = decoder_of(*codings)
    good = decoder.decode(encode(TEXT, *codings), 10**6)
    while decoder.pending:
        good += decoder.decode(b"", 10**6)
    assert good == TEXT
    for _ in range(3):
        with pytest.raises(ContentCodingError):
            decoder.decode(b"garbage", 10**6)
        assert decoder.pending
    with pytest.raises(ContentCodingError):
        decoder.finish()


def test_the_fault_that_is_told_is_always_the_first() -> None:
    decoder = decoder_of("deflate", "gzip")
    data = encode(encode(TEXT, "deflate") + b"more", "gzip")[:-1]
    assert decoder.decode(data, 10**6) == TEXT
    for call in (lambda: decoder.decode(b"", 9), lambda: decoder.decode(b"x", 9), decoder.finish):
        with pytest.raises(ContentCodingError, match="deflate: data behind the end"):
            call()


@pytest.mark.parametrize(
    ("coding", "what"), [("gzip", "behind"), ("deflate", "behind"), ("zstd", "descriptor")]
)
def test_even_the_fault_in_the_same_piece_comes_after_the_data(coding: str, what: str) -> None:
    decoder = decoder_of(coding)
    assert decoder.decode(encode(TEXT, coding) + b"garbage", 10**6) == TEXT
    for _ in range(2):
        assert decoder.pending
        with pytest.raises(ContentCodingError, match=what):
            decoder.decode(b"", 10**6)
    with pytest.raises(ContentCodingError, match=what):
        decoder.finish()


@pytest.mark.parametrize("coding", CODINGS)
def test_what_is_pending_cannot_be_forgotten_at_the_end(coding: str) -> None:
    decoder = decoder_of(coding)
    found = decoder.decode(encode(TEXT, coding), 10)
    with pytest.raises(LocalProtocolError, match="pending"):
        decoder.finish()
    while decoder.pending:
        found += decoder.decode(b"", 1000)
    decoder.finish()
    assert found == TEXT


@pytest.mark.parametrize(("fields", "data"), CODED)
@pytest.mark.parametrize("max_output", [1, 10, len(TEXT) - 1])
def test_no_end_is_taken_before_everything_came_out(
    fields: list[bytes], data: bytes, max_output: int
) -> None:
    decoder = decoder_for(fields)
    assert decoder is not None
    found = decoder.decode(data, max_output)
    while len(found) < len(TEXT):
        assert decoder.pending
        with pytest.raises(LocalProtocolError):
            decoder.finish()
        found += decoder.decode(b"", 4000)
    while decoder.pending:
        found += decoder.decode(b"", 1)
    decoder.finish()
    assert found == TEXT


def test_a_piece_that_waits_for_an_inner_coding_is_pending() -> None:
    decoder = decoder_of("gzip", "deflate")
    data = encode(bytes(5000), "gzip", "deflate")
    decoder.decode(data[:-1], 10)
    decoder.decode(data[-1:], 10)
    with pytest.raises(LocalProtocolError):
        decoder.finish()


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_a_fault_that_waits_for_its_turn_is_pending(coding: str) -> None:
    decoder = decoder_of(coding)
    assert decoder.decode(encode(TEXT, coding) + b"garbage", 10**6) == TEXT
    with pytest.raises(LocalProtocolError):
        decoder.finish()
    with pytest.raises(ContentCodingError, match="behind"):
        decoder.decode(b"", 1)
    with pytest.raises(ContentCodingError, match="behind"):
        decoder.finish()


def test_a_new_piece_may_come_while_an_older_one_is_pending() -> None:
    for fields, data in CODED:
        for half in (len(data) // 2, len(data) - 5, len(data) - 1):
            decoder = decoder_for(fields)
            assert decoder is not None
            out = decoder.decode(data[:half], 10)
            out += decoder.decode(data[half:], 10)
            while decoder.pending:
                out += decoder.decode(b"", 1000)
            decoder.finish()
            assert out == TEXT


@pytest.mark.parametrize("codings", STACKS, ids=" ".join)
def test_at_least_one_byte_may_come_out(codings: list[str]) -> None:
    with pytest.raises(ValueError, match="max_output"):
        decoder_of(*codings).decode(b"", 0)


# Any bytes

stacks = st.lists(st.sampled_from(CODINGS), min_size=1, max_size=3)
sizes = st.lists(st.integers(1, 3000), min_size=1, max_size=5)


def cut_into(data: bytes, lengths: list[int]) -> list[bytes]:
    pieces, turn = [], 0
    while data:
        length = lengths[turn % len(lengths)]
        pieces.append(data[:length])
        data, turn = data[length:], turn + 1
    return pieces


@given(stacks, st.lists(st.binary(max_size=500), max_size=5), st.integers(0, 9000), sizes, sizes)
@example(["zstd"], [], 0, [1], [1])
def test_what_is_encoded_is_decoded(
    codings: list[str], pieces: list[bytes], zeros: int, lengths: list[int], outputs: list[int]
) -> None:
    pieces.append(bytes(zeros))
    data = b"".join(pieces)
    for coding in codings:
        encoder = encoder_for(coding)
        pieces = [*map(encoder.encode, pieces), encoder.finish()]
    coded = b"".join(pieces)
    steps = decode_in_steps(decoder_of(*codings), cut_into(coded, lengths), outputs)
    assert b"".join(steps) == data


@given(stacks, st.data(), sizes, sizes)
def test_a_broken_body_is_decoded_or_refused(
    codings: list[str], data: st.DataObject, lengths: list[int], outputs: list[int]
) -> None:
    broken = bytearray(encode(TEXT[:2000], *codings))
    for _ in range(data.draw(st.integers(1, 3))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    limits = DecodingLimits(ratio=None, total=50_000)
    decoder = decoder_for([coding.encode() for coding in codings], limits=limits)
    decode_or_refuse(decoder, cut_into(bytes(broken), lengths), outputs)


@given(st.binary(max_size=100), stacks, sizes)
def test_any_bytes_are_decoded_or_refused(data: bytes, codings: list[str], outs: list[int]) -> None:
    decode_or_refuse(decoder_of(*codings), [data[:9], data[9:]], outs)


def decode_or_refuse(decoder: Decoder | None, pieces: list[bytes], outputs: list[int]) -> None:
    found: list[bytes] = []
    with contextlib.suppress(ContentCodingError, LimitExceeded):
        decode_in_steps(decoder, pieces, outputs, found)
    assert len(b"".join(found)) <= 50_000


# Bombs: bytes and steps are counted, never the time.


@cache
def zeros(coding: str) -> bytes:
    """20 MB of them, coded."""
    encoder = encoder_for(coding)
    million = bytes(10**6)
    return b"".join([*(encoder.encode(million) for _ in range(20)), encoder.finish()])


@pytest.mark.parametrize("codings", [[coding] for coding in CODINGS] + [["gzip", "zstd"]])
def test_a_bomb_never_stands_in_memory(codings: list[str]) -> None:
    bomb = encode(zeros(codings[0]), *codings[1:])
    # The ratio alone never refuses a plain gzip, whatever it decodes to.
    plain = codings[0] in {"gzip", "deflate"} and len(codings) == 1
    limits = DecodingLimits(grace=0) if plain else DecodingLimits(ratio=None)
    decoder = decoder_for([coding.encode() for coding in codings], limits=limits)
    assert decoder is not None
    total = steps = 0
    tracemalloc.start()
    try:
        for piece in cut(bomb, 65536):
            output = decoder.decode(piece, 65536)
            total, steps = total + len(output), steps + 1
            while decoder.pending:
                output = decoder.decode(b"", 65536)
                assert len(output) <= 65536
                total, steps = total + len(output), steps + 1
        decoder.finish()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert total == 20_000_000
    assert 20_000_000 // 65536 < steps < 1000
    assert peak < 600_000


# The coding, the body, and the least steps for it: a step runs a library at most 16 times, over at
# most 16 KiB each time; each member or frame is a run of its own, and may cost much.
VOIDS: dict[str, tuple[str, Callable[[], bytes], int]] = {
    "gzip members": ("gzip", lambda: gzip.compress(b"") * 1000, 1000 // 16),
    "gzip padding": ("gzip", lambda: gzip.compress(b"") + bytes(2**20), 1),
    "stored blocks": ("deflate", lambda: b"\0\0\0\xff\xff" * 2**18 + raw_deflate(b""), 5),
    "zstd frames": ("zstd", lambda: encode(b"", "zstd") * 1000, 1000 // 16),
    "skippable frames": ("zstd", lambda: EMPTY_SKIPPABLE * 1000, 1000 // 16),
    "one skippable frame": ("zstd", lambda: b"\x50\x2a\x4d\x18\0\0\x10\0" + bytes(2**20), 4),
    # RFC 7932 section 9.2: MNIBBLES 0 and MSKIPBYTES 0, then ISLAST and ISLASTEMPTY.
    "metadata blocks": ("br", lambda: b"\x0c" + b"\x06" * 2**20 + b"\x03", 4),
}


@pytest.mark.parametrize("name", VOIDS)
def test_a_bomb_of_nothing_is_worked_off_a_little_at_a_time(name: str) -> None:
    coding, make, least = VOIDS[name]
    decoder = decoder_of(coding)
    assert decoder.decode(make(), 10**6) == b""
    steps = 1
    while decoder.pending:
        assert decoder.decode(b"", 10**6) == b""
        steps += 1
    decoder.finish()
    assert least <= steps <= 2 * least


def test_an_inner_coding_that_is_slow_holds_the_outer_one_back() -> None:
    for inner, outer in (("gzip", "gzip"), ("zstd", "br")):
        data = encode(encode(b"x", inner) * 1000, outer)
        decoder = decoder_of(inner, outer)
        tracemalloc.start()
        try:
            total = len(decoder.decode(data, 4096))
            while decoder.pending:
                total += len(decoder.decode(b"", 4096))
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert total == 1000
        assert peak < 300_000


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_many_streams_are_decoded_a_few_at_a_time(coding: str) -> None:
    decoder = decoder_of(coding)
    outputs = [decoder.decode(encode(b"x", coding) * 1000, 10**6)]
    while decoder.pending:
        outputs.append(decoder.decode(b"", 10**6))
    assert b"".join(outputs) == b"x" * 1000
    assert max(map(len, outputs)) <= 16


# Encoding


@pytest.mark.parametrize("coding", ["x-gzip", "identity", "GZIP", "lzw", ""])
def test_there_is_no_other_encoder(coding: str) -> None:
    with pytest.raises(ValueError, match="unknown content coding"):
        encoder_for(coding)


@pytest.mark.parametrize("coding", CODINGS)
def test_an_encoder_writes_one_body(coding: str) -> None:
    encoder = encoder_for(coding)
    coded = encoder.encode(TEXT) + encoder.finish()
    for again in (encoder.finish, lambda: encoder.encode(b"x"), lambda: encoder.encode(b"")):
        with pytest.raises(LocalProtocolError, match="ended"):
            again()
    assert decode(decoder_of(coding), coded, 10**6) == TEXT


def test_other_tools_read_what_is_encoded() -> None:
    assert gzip.decompress(encode(TEXT, "gzip")) == TEXT
    assert zlib.decompress(encode(TEXT, "deflate")) == TEXT


@pytest.mark.parametrize("coding", CODINGS)
def test_what_is_encoded_is_smaller(coding: str) -> None:
    assert len(encode(TEXT, coding)) < len(TEXT) / 5
