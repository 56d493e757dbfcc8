import contextlib
import gzip
import pickle
import random
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whimbrel_http_parser import (
    Decoder,
    DecodingLimits,
    LimitExceeded,
    decoder_for,
    encoder_for,
)
from whimbrel_http_parser.codings import ZlibCompressor, ZlibDecompressor
from whimbrel_http_parser.codings.testing import decode_in_steps

CODINGS = ("gzip", "deflate", "br", "zstd")
TEXT = b"".join(b"line %d of a text that compresses somewhat\n" % i for i in range(500))


def encode(data: bytes, *codings: str) -> bytes:
    for coding in codings:
        encoder = encoder_for(coding)
        data = encoder.encode(data) + encoder.finish()
    return data


def decoder_of(*codings: str, limits: DecodingLimits) -> Decoder:
    decoder = decoder_for([coding.encode() for coding in codings], limits=limits)
    assert decoder is not None
    return decoder


def refused(decoder: Decoder, data: bytes, size: int = 10**6) -> tuple[int, int, LimitExceeded]:
    """Decode up to the limit; return how many bytes came out, in how many steps, and the error."""
    pieces = [data[start : start + size] for start in range(0, len(data), size)]
    outputs: list[bytes] = []
    with pytest.raises(LimitExceeded) as caught:
        decode_in_steps(decoder, pieces, [65536], outputs)
    assert pickle.loads(pickle.dumps(caught.value)).args == caught.value.args
    for _ in range(2):
        assert decoder.pending
        with pytest.raises(LimitExceeded) as again:
            decoder.decode(b"more", 100)
        assert again.value.args == caught.value.args
        with pytest.raises(LimitExceeded):
            decoder.finish()
    return sum(map(len, outputs)), len(outputs), caught.value


# zstd gives nothing before a whole block came.
@pytest.mark.parametrize("outer", ["gzip", "deflate", "br"])
@pytest.mark.parametrize("inner", ["gzip", "deflate", "br"])
def test_pieces_that_come_while_the_inner_coding_is_busy_wait(inner: str, outer: str) -> None:
    data = encode(bytes(50_000) + TEXT, inner, outer)
    decoder = decoder_of(inner, outer, limits=DecodingLimits())
    found: list[bytes] = []
    while not any(found):  # then the inner one has more zeros to give
        found.append(decoder.decode(data[:1], 10))
        data = data[1:]
        while decoder.pending and not found[-1]:
            found.append(decoder.decode(b"", 10))
    assert len(data) > 20
    found += [decoder.decode(data[i : i + 1], 10) for i in range(len(data))]
    found += decode_in_steps(decoder, [b""])
    assert b"".join(found) == bytes(50_000) + TEXT


# How many


def test_five_codings_are_enough() -> None:
    data = encode(b"x", *["gzip"] * 5)
    fields = [b"gzip, gzip", b"gzip", b"gzip, gzip"]
    assert b"".join(decode_in_steps(decoder_for(fields), [data])) == b"x"
    for fields in ([b"gzip"] * 6, [b"gzip, gzip", b"x, y", b"deflate, gzip"]):
        with pytest.raises(LimitExceeded) as caught:
            decoder_for(fields)
        assert (caught.value.limit, caught.value.maximum) == ("codings", 5)


def test_how_many_codings_is_configurable() -> None:
    eight = encode(b"x", *["deflate"] * 8)
    unlimited = decoder_for([b"deflate"] * 8, limits=DecodingLimits(codings=None))
    assert b"".join(decode_in_steps(unlimited, [eight])) == b"x"
    with pytest.raises(LimitExceeded):
        decoder_for([b"gzip"], limits=DecodingLimits(codings=0))
    assert decoder_for([b"identity"], limits=DecodingLimits(codings=0)) is None


# How much in all


@pytest.mark.parametrize("size", [1, 10**6])
@pytest.mark.parametrize("codings", [[c] for c in CODINGS] + [["br", "gzip"], ["gzip", "zstd"]])
def test_the_total_is_exact(codings: list[str], size: int) -> None:
    data = encode(TEXT, *codings)
    enough = decoder_of(*codings, limits=DecodingLimits(total=len(TEXT)))
    assert b"".join(decode_in_steps(enough, [data])) == TEXT
    for total in (0, 1, 1000, len(TEXT) - 1):
        decoder = decoder_of(*codings, limits=DecodingLimits(total=total))
        if total or len(codings) == 1:
            found, _, error = refused(decoder, data, size)
            assert (error.limit, error.maximum) == ("total", total)
            assert found <= total
            if len(codings) == 1:
                assert found == total


def test_nothing_at_all_is_within_any_total() -> None:
    for coding in CODINGS:
        decoder = decoder_of(coding, limits=DecodingLimits(total=0))
        assert decode_in_steps(decoder, [encode(b"", coding)])[-1] == b""


# How much for how little


@pytest.mark.parametrize("coding", ["br", "zstd"])
def test_what_no_deflate_could_do_is_refused_by_default_behind_the_grace(coding: str) -> None:
    bomb = encode(bytes(66 * 2**20), coding)
    assert len(bomb) * 2000 < 64 * 2**20
    found, steps, error = refused(decoder_of(coding, limits=DecodingLimits()), bomb)
    assert (found, error.limit, error.maximum) == (64 * 2**20, "ratio", 2000)
    assert 1024 <= steps < 5000


@pytest.mark.parametrize("codings", [["gzip", "gzip"], ["br", "gzip"], ["zstd", "deflate", "gzip"]])
def test_a_stacked_bomb_is_refused_by_default(codings: list[str]) -> None:
    bomb = encode(bytes(66 * 2**20), *codings)
    found, _, error = refused(decoder_of(*codings, limits=DecodingLimits()), bomb)
    assert error.limit == "ratio"
    assert found == 64 * 2**20


@pytest.mark.parametrize("coding", CODINGS)
def test_the_ratio_is_exact_behind_the_grace(coding: str) -> None:
    bomb = encode(bytes(500_000), coding)
    for ratio, grace in ((1, 1000), (50, 1000), (2, 0)):
        decoder = decoder_of(coding, limits=DecodingLimits(ratio=ratio, grace=grace))
        found, _, error = refused(decoder, bomb)
        assert (error.limit, error.maximum) == ("ratio", ratio)
        assert found == max(grace, ratio * len(bomb))
    for limits in (DecodingLimits(ratio=1, grace=500_000), DecodingLimits(ratio=None, grace=0)):
        outputs = decode_in_steps(decoder_of(coding, limits=limits), [bomb])
        assert sum(map(len, outputs)) == 500_000


def test_the_ratio_counts_what_came_so_far() -> None:
    limits = DecodingLimits(ratio=2, grace=0)
    noise, void = random.Random(1).randbytes(70_000), bytes(3000)
    coded = encode(noise, "zstd") + encode(void, "zstd")
    steps = decode_in_steps(decoder_of("zstd", limits=limits), [coded])
    assert b"".join(steps) == noise + void
    found, _, _ = refused(
        decoder_of("zstd", limits=limits), encode(void, "zstd") + encode(noise, "zstd"), 1
    )
    assert found < 100


@pytest.mark.parametrize("outer", CODINGS)
def test_a_bomb_in_the_middle_is_refused_though_nothing_comes_out(outer: str) -> None:
    void = gzip.compress(b"") + bytes(500_000)  # padding
    bomb = encode(void, outer)
    limits = DecodingLimits(ratio=20, grace=10_000)
    found, _, error = refused(decoder_of("gzip", outer, limits=limits), bomb)
    assert (found, error.limit) == (0, "ratio")
    unlimited = decoder_of("gzip", outer, limits=DecodingLimits(ratio=None))
    assert not any(decode_in_steps(unlimited, [bomb]))


# How many members and frames: each of them takes a decompressor, for however few bytes.

SMALL = {
    "gzip": gzip.compress(b""),
    "zstd": encode(b"", "zstd"),
    "skippable": b"\x50\x2a\x4d\x18\0\0\0\0",  # RFC 8878 section 3.1.2
}


@pytest.mark.parametrize("outer", [[], ["br"], ["zstd"], ["gzip", "gzip"]])
@pytest.mark.parametrize("small", SMALL)
def test_no_more_streams_than_the_ratio_allows(small: str, outer: list[str]) -> None:
    inner = "gzip" if small == "gzip" else "zstd"
    body = SMALL[small] * 20_000
    bomb = encode(body, *outer)
    found, steps, error = refused(decoder_of(inner, *outer, limits=DecodingLimits()), bomb)
    assert (found, error.limit, error.maximum) == (0, "ratio", 2000)
    # Those of 64 MiB are free, at 64 KiB each; sixteen are begun in a step.
    streams = max(64 * 2**20, 2000 * len(bomb)) // 2**16
    assert streams < 20_000
    assert steps <= streams / 16 + len(body) / 2**16 + 9


def test_each_stream_is_counted_where_it_begins() -> None:
    started = []

    class Counting:
        """zlib, and what it was asked for."""

        error = zlib.error

        def compressobj(self, *, wbits: int) -> ZlibCompressor:
            return zlib.compressobj(wbits=wbits)

        def decompressobj(self, wbits: int) -> ZlibDecompressor:
            started.append(wbits)
            return zlib.decompressobj(wbits)

    member = gzip.compress(b"x")
    for free in (0, 1, 15, 16, 40):
        # The first one costs nothing; each other 64 KiB, and its byte.
        grace = free * (2**16 + 1) + 1
        for size in (7, 10**6):
            started.clear()
            decoder = decoder_for(
                "gzip", limits=DecodingLimits(ratio=1, grace=grace), zlib=Counting()
            )
            assert decoder is not None
            found, _, error = refused(decoder, member * 100, size)
            assert (found, error.limit) == (free + 1, "ratio")
            assert len(started) == free + 1
        exact = decoder_of("gzip", limits=DecodingLimits(ratio=1, grace=grace))
        assert b"".join(decode_in_steps(exact, [member * (free + 1)])) == b"x" * (free + 1)
    # None is begun that could give nothing.
    started.clear()
    limits = DecodingLimits(ratio=1, grace=2**16 + 1)
    decoder = decoder_for("gzip", limits=limits, zlib=Counting())
    assert decoder is not None
    assert refused(decoder, member * 2)[0] == len(started) == 1


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_what_a_second_stream_gives_is_bounded_too(coding: str) -> None:
    data = encode(b"x", coding) + encode(bytes(5000), coding)
    limits = DecodingLimits(ratio=1, grace=2**16 + 11)
    found, _, error = refused(decoder_of(coding, limits=limits), data)
    assert (found, error.limit) == (11, "ratio")


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_small_bodies_may_follow_each_other(coding: str) -> None:
    # As a server sends them that codes each of its events on its own.
    events = [b'{"event": %d, "source": "%032x"}' % (i, i**7) for i in range(3000)]
    data = b"".join(encode(event, coding) for event in events)
    steps = decode_in_steps(decoder_of(coding, limits=DecodingLimits()), [data])
    assert b"".join(steps) == b"".join(events)


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_the_total_is_of_bytes_alone(coding: str) -> None:
    data = encode(b"x", coding) * 100
    steps = decode_in_steps(decoder_of(coding, limits=DecodingLimits(total=100)), [data])
    assert b"".join(steps) == b"x" * 100
    found, _, error = refused(decoder_of(coding, limits=DecodingLimits(total=99)), data)
    assert (found, error.limit) == (99, "total")


def test_what_stands_between_two_codings_is_little_however_much_may_come_out() -> None:
    bomb = encode(gzip.compress(b"") * 50_000, "gzip")
    decoder = decoder_of("gzip", "gzip", limits=DecodingLimits(ratio=None))
    tracemalloc.start()
    try:
        for _ in range(20):
            assert decoder.decode(bomb, 10**9) == b""
            bomb = b""
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert decoder.pending
    assert peak < 400_000


def test_a_total_holds_in_the_middle_too() -> None:
    bomb = encode(gzip.compress(b"") + bytes(100_000), "br")
    found, _, error = refused(decoder_of("gzip", "br", limits=DecodingLimits(total=50_000)), bomb)
    assert (found, error.limit, error.maximum) == (0, "total", 50_000)


@given(
    st.lists(st.sampled_from(CODINGS), min_size=1, max_size=3),
    st.integers(0, 20_000),
    st.builds(
        DecodingLimits,
        ratio=st.integers(1, 300),
        grace=st.integers(0, 3000),
        total=st.one_of(st.none(), st.integers(0, 20_000)),
    ),
    st.lists(st.integers(1, 5000), min_size=1, max_size=4),
    st.integers(1, 200),
)
def test_never_more_comes_out_than_the_limits_say(
    codings: list[str], zeros: int, limits: DecodingLimits, outputs: list[int], size: int
) -> None:
    data = encode(bytes(zeros), *codings)
    assert limits.ratio is not None
    allowed = max(limits.grace, limits.ratio * len(data))
    if limits.total is not None:
        allowed = min(allowed, limits.total)
    found: list[bytes] = []
    pieces = [data[start : start + size] for start in range(0, len(data), size)]
    refused = True
    with contextlib.suppress(LimitExceeded):
        decode_in_steps(decoder_of(*codings, limits=limits), pieces, outputs, found)
        refused = False
    if refused:  # what is between two layers counts, too
        least = limits.grace if limits.total is None else min(limits.grace, limits.total)
        assert len(codings) > 1 or zeros > least
    else:
        assert len(b"".join(found)) == zeros
    assert len(b"".join(found)) <= allowed
