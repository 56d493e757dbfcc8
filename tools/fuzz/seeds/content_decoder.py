"""Three bytes of choices (see the target), then a coded body."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from itertools import product

from whimbrel_http_parser import encoder_for

__all__ = ["SEEDS", "STACKS"]

_CODINGS = ("gzip", "deflate", "br", "zstd")
STACKS: tuple[tuple[str, ...], ...] = (
    *product(_CODINGS),
    *product(_CODINGS, repeat=2),
    ("gzip", "br", "zstd"),
    ("zstd", "deflate", "br", "gzip", "gzip"),
)
"""The codings that the first byte of an input chooses from, in the order of their application."""

_TEXT = b"a text, and once more a text, "
_ZEROS = bytes(3000)  # behind the grace, and within the ratio for some


def _encode(data: bytes, *codings: str) -> bytes:
    for coding in codings:
        encoder = encoder_for(coding)
        data = encoder.encode(data) + encoder.finish()
    return data


def _raw_deflate(data: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-15)
    return stream.compress(data) + stream.flush()


def _bodies(*codings: str) -> Iterator[bytes]:
    text = _encode(_TEXT, *codings)
    yield text
    yield text[:-1]
    yield text + b"x"
    yield text + text
    yield _encode(_ZEROS, *codings)
    yield _encode(b"", *codings)


_OWN: dict[str, tuple[bytes, ...]] = {
    "gzip": (
        _encode(_TEXT, "gzip") + bytes(9),
        # FLG: a checksum, an extra field, a name and a comment (RFC 1952 section 2.3).
        b"\x1f\x8b\x08\x1e\0\0\0\0\0\xff\x03\0abcname\0comment\0\0\0" + _raw_deflate(_TEXT),
    ),
    "deflate": (
        _raw_deflate(_TEXT),
        zlib.compress(_TEXT, 0),
        b"\0\0\0\xff\xff" * 20 + _raw_deflate(b""),
    ),
    "br": (
        b"\x0c" + b"\x06" * 40 + b"\x03",  # metadata blocks of nothing
        b"\x21\x10\x00text\x03",
    ),
    "zstd": (
        b"\x50\x2a\x4d\x18\x03\0\0\0abc" + _encode(_TEXT, "zstd"),
        b"\x28\xb5\x2f\xfd\x04\x58\x09\0\0a\0\0\0\0",  # a raw block, and a checksum
        b"\x28\xb5\x2f\xfd\x00\x58\x03\x7d\x00\x61",  # an RLE block
        b"\x28\xb5\x2f\xfd\x00\xa8\x01\0\0",  # a window of too much
    ),
}

SEEDS = tuple(
    bytes([choice, size, room]) + body
    for choice, codings in enumerate(STACKS)
    for body in (*_bodies(*codings), *(_OWN[codings[0]] if len(codings) == 1 else ()))
    for size, room in (((0, 0), (1, 255)) if len(codings) == 1 else ((7, 40),))
)
