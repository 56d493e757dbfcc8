import contextlib
import gzip
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from isal import isal_zlib
from zlib_ng import zlib_ng

from whimbrel_http_parser import (
    ContentCodingError,
    Decoder,
    DecodingLimits,
    ZlibBackend,
    decoder_for,
    encoder_for,
)
from whimbrel_http_parser.codings import ZlibCompressor, ZlibDecompressor
from whimbrel_http_parser.codings.testing import decode_in_steps

BACKENDS: dict[str, ZlibBackend] = {"zlib": zlib, "isal": isal_zlib, "zlib-ng": zlib_ng}
TEXT = b"".join(b"line %d of a text that compresses somewhat\n" % i for i in range(500))

every_backend = pytest.mark.parametrize("backend", BACKENDS.values(), ids=BACKENDS)


def raw_deflate(data: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-15)
    return stream.compress(data) + stream.flush()


def coders() -> dict[str, tuple[bytes, Callable[[bytes], bytes]]]:
    return {
        "gzip": (b"gzip", gzip.compress),
        "x-gzip": (b"x-gzip", gzip.compress),
        "two members": (b"gzip", lambda data: gzip.compress(data[:99]) + gzip.compress(data[99:])),
        "many members": (
            b"gzip",
            lambda data: b"".join(gzip.compress(data[i : i + 1]) for i in range(len(data))),
        ),
        "padding": (b"gzip", lambda data: gzip.compress(data) + bytes(300)),
        "zlib": (b"deflate", zlib.compress),
        "stored": (b"deflate", lambda data: zlib.compress(data, 0)),
        "raw": (b"deflate", raw_deflate),
        "gzip in gzip": (b"gzip, gzip", lambda data: gzip.compress(gzip.compress(data))),
        "deflate in gzip": (b"deflate, gzip", lambda data: gzip.compress(zlib.compress(data))),
    }


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


def decoder_of(field: bytes, backend: ZlibBackend) -> Decoder:
    decoder = decoder_for([field], zlib=backend)
    assert decoder is not None
    return decoder


@every_backend
@pytest.mark.parametrize("max_output", [1, 100, 10**6])
@pytest.mark.parametrize("size", [1, 17, 10**6])
@pytest.mark.parametrize("name", coders())
def test_every_backend_decodes(name: str, size: int, max_output: int, backend: ZlibBackend) -> None:
    field, coder = coders()[name]
    text = TEXT[:700]
    steps = decode_in_steps(decoder_of(field, backend), cut(coder(text), size), [max_output])
    assert b"".join(steps) == text


@every_backend
@given(st.sampled_from(sorted(coders())), st.integers(0, 400), st.data())
def test_every_backend_decodes_however_it_is_cut(
    backend: ZlibBackend, name: str, length: int, data: st.DataObject
) -> None:
    field, coder = coders()[name]
    coded = coder(TEXT[:length])
    pieces, sizes = [], st.integers(1, max(1, len(coded)))
    while coded:
        size = data.draw(sizes)
        pieces.append(coded[:size])
        coded = coded[size:]
    outputs = data.draw(st.lists(st.integers(1, 500), min_size=1, max_size=4))
    steps = decode_in_steps(decoder_of(field, backend), pieces, outputs)
    assert b"".join(steps) == TEXT[:length]


@every_backend
@given(st.integers(0, 200), st.data())
def test_pieces_may_come_before_the_older_ones_are_worked_off(
    backend: ZlibBackend, length: int, data: st.DataObject
) -> None:
    # igzip reads ahead, and tells only at the end of a member what of that came behind it.
    coded = gzip.compress(TEXT[:length]) + gzip.compress(b"next") + bytes(20)
    decoder = decoder_of(b"gzip", backend)
    found = []
    while coded:
        size = data.draw(st.integers(1, len(coded)))
        found.append(decoder.decode(coded[:size], data.draw(st.integers(1, 50))))
        coded = coded[size:]
    while decoder.pending:
        found.append(decoder.decode(b"", 50))
    decoder.finish()
    assert b"".join(found) == TEXT[:length] + b"next"


@every_backend
@pytest.mark.parametrize("coder", [zlib.compress, raw_deflate])
@pytest.mark.parametrize("more", [b"", b"!"])
def test_data_behind_the_end_are_seen_though_the_output_waits(
    coder: Callable[[bytes], bytes], more: bytes, backend: ZlibBackend
) -> None:
    for junk in (b"j", b"junk", b"a lot of junk"):
        decoder = decoder_of(b"deflate", backend)
        found = [decoder.decode(coder(bytes(5000)) + junk, 10), decoder.decode(more, 10)]
        with pytest.raises(ContentCodingError, match="behind the end"):
            decode_in_steps(decoder, [b""], outputs=found)
        assert b"".join(found) == bytes(5000)


@every_backend
@pytest.mark.parametrize("size", [1, 10**6])
@pytest.mark.parametrize(
    ("field", "data"),
    [
        (b"gzip", gzip.compress(TEXT) + b"x"),
        (b"gzip", gzip.compress(TEXT) + b"\0x"),
        (b"gzip", gzip.compress(TEXT) + b"\0" + gzip.compress(TEXT)),
        (b"gzip", gzip.compress(TEXT) + b"\x1f\x8c" + bytes(20)),
        (b"gzip", b"plain text, more than a header"),
        (b"gzip", zlib.compress(TEXT)),
        (b"gzip", gzip.compress(TEXT)[:-8] + bytes(8)),
        (b"deflate", zlib.compress(TEXT) + b"\0"),
        (b"deflate", raw_deflate(TEXT) + b"x"),
        (b"deflate", zlib.compress(TEXT)[:-4] + bytes(4)),
        (b"deflate", b"plain text, more than a header"),
        (b"deflate, gzip", gzip.compress(zlib.compress(TEXT) + b"x")),
    ],
)
def test_every_backend_refuses_what_is_broken(
    field: bytes, data: bytes, size: int, backend: ZlibBackend
) -> None:
    with pytest.raises(ContentCodingError):
        decode_in_steps(decoder_of(field, backend), cut(data, size), [1000])


@every_backend
@pytest.mark.parametrize("coder", [gzip.compress, zlib.compress, raw_deflate])
def test_every_backend_notices_what_is_cut(
    coder: Callable[[bytes], bytes], backend: ZlibBackend
) -> None:
    data = coder(TEXT[:150])
    field = b"gzip" if coder is gzip.compress else b"deflate"
    for length in range(1, len(data)):
        for size in (1, 10**6):
            with pytest.raises(ContentCodingError, match="too early"):
                decode_in_steps(decoder_of(field, backend), cut(data[:length], size))


@every_backend
@given(
    st.sampled_from([b"gzip", b"deflate"]), st.integers(0, 120), st.binary(max_size=4), st.data()
)
def test_every_backend_decodes_or_refuses_anything(
    backend: ZlibBackend, field: bytes, position: int, damage: bytes, data: st.DataObject
) -> None:
    coded = encode(field, TEXT[:200], zlib)
    broken = coded[:position] + damage + coded[position + len(damage) :]
    limits = DecodingLimits(total=100_000)
    outputs: list[bytes] = []
    with contextlib.suppress(ContentCodingError):
        decode_in_steps(
            decoder_for([field], zlib=backend, limits=limits),
            cut(broken, data.draw(st.integers(1, 130))),
            [data.draw(st.integers(1, 300))],
            outputs,
        )
    assert len(b"".join(outputs)) <= 100_000


@every_backend
@pytest.mark.parametrize("field", [b"gzip", b"deflate"])
def test_every_backend_never_refuses_a_plain_bomb(field: bytes, backend: ZlibBackend) -> None:
    # The ratio alone, without any grace: nothing that deflate can express goes beyond it.
    limits = DecodingLimits(grace=0)
    data = encode(field, bytes(10**7), zlib)
    outputs = decode_in_steps(
        decoder_for([field], zlib=backend, limits=limits), cut(data, 100), [65536]
    )
    assert sum(map(len, outputs)) == 10**7


def encode(field: bytes, data: bytes, backend: ZlibBackend) -> bytes:
    encoder = encoder_for(field.decode(), zlib=backend)
    return encoder.encode(data) + encoder.finish()


@every_backend
@pytest.mark.parametrize("text", [b"", TEXT], ids=len)
def test_other_tools_read_what_a_backend_encodes(text: bytes, backend: ZlibBackend) -> None:
    assert gzip.decompress(encode(b"gzip", text, backend)) == text
    assert zlib.decompress(encode(b"deflate", text, backend)) == text


def test_a_backend_is_what_is_called() -> None:
    class Counting:
        """zlib, and how often it was asked for something."""

        error = zlib.error

        def __init__(self) -> None:
            self.asked: list[int] = []

        def compressobj(self, *, wbits: int) -> ZlibCompressor:
            self.asked.append(wbits)
            return zlib.compressobj(wbits=wbits)

        def decompressobj(self, wbits: int) -> ZlibDecompressor:
            self.asked.append(wbits)
            return zlib.decompressobj(wbits)

    backend = Counting()
    assert encode(b"gzip", TEXT, backend)
    assert encode(b"deflate", TEXT, backend)
    for field, data in ((b"gzip", gzip.compress(TEXT)), (b"deflate", raw_deflate(TEXT))):
        assert b"".join(decode_in_steps(decoder_of(field, backend), [data])) == TEXT
    assert backend.asked == [31, 15, 31, -15]
