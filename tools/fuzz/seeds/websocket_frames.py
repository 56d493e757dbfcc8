"""Three bytes of choices (see the target), then frames of a server, or of a client."""

from __future__ import annotations

import zlib

__all__ = ["DEFLATE_SEEDS", "SEEDS"]

_FRAMES = (
    b"\x81\x05hello",
    b"\x82\x03\x00\x01\x02\x81\x00",
    b"\x01\x03fra\x89\x01p\x00\x03gme\x80\x02nt",
    b"\x81\x02\xc3\xa9",
    b"\x01\x01\xc3\x80\x01\xa9",
    b"\x81\x01\xff",
    b"\x88\x02\x03\xe8",
    b"\x88\x0f\x03\xe9going away..!",
    b"\x88\x00\x81\x01x",
    b"\x88\x01\x03",
    b"\x88\x02\x03\xee",
    b"\x89\x7e\x00\x7e" + bytes(126),
    b"\x82\x7e\x00\xc8" + bytes(200),
    b"\x82\x7e\x00\x05hello",
    b"\x82\x7f\x00\x00\x00\x00\x00\x00\x00\x05hello",
    b"\x82\x7f\x80\x00\x00\x00\x00\x00\x00\x00",
    b"\x81\x85\x01\x02\x03\x04hello",
    b"\xc1\x05hello",
    b"\x83\x00",
    b"\x80\x00",
    b"\x09\x00",
    b"\x8a\x02ok" * 4 + b"\x89\x02hi" * 4,
)

_CHOICES = ((0, 1, 0), (1, 0, 3), (1, 3, 1), (5, 2, 0), (8, 0, 7))
"""Options, size of the cuts, size of the parts."""

_MASKED = (
    b"\x81\x85\x01\x02\x03\x04igohn",
    b"\x82\x80\x01\x02\x03\x04\x89\x81\x00\x00\x00\x00p",
    b"\x01\x81\x00\x00\x00\x00a\x80\x81\x00\x00\x00\x00b",
    b"\x88\x82\x01\x02\x03\x04\x02\xea",
    b"\x82\xfe\x00\x7e\x01\x02\x03\x04" + bytes(126),
)

SEEDS = (
    *(bytes(choices) + frames for frames in _FRAMES for choices in _CHOICES),
    *(bytes([2, 3, 1]) + frames for frames in _MASKED),
)


def _compressed(payload: bytes, opcode: int = 2, *, first: int = 0xC0) -> bytes:
    if len(payload) < 126:
        return bytes([first | opcode, len(payload)]) + payload
    return bytes([first | opcode, 126]) + len(payload).to_bytes(2, "big") + payload


def _deflated(data: bytes, *, bits: int = 15) -> bytes:
    compressor = zlib.compressobj(1, wbits=-bits)
    return (compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]


_HELLO = bytes.fromhex("f248cdc9c90700")
_COMPRESSED = (
    # RFC 7692, section 7.2.3: one block, a shared window, no compression, BFINAL, two blocks.
    _compressed(_HELLO, 1),
    _compressed(_HELLO, 1) + _compressed(bytes.fromhex("f200110000"), 1),
    _compressed(bytes.fromhex("000500faff48656c6c6f00")),
    _compressed(bytes.fromhex("f348cdc9c9070000")),
    _compressed(bytes.fromhex("f248050000 00ffffcac9c90700")),
    # In fragments, with a Ping in between.
    _compressed(_HELLO[:3], 1, first=0x40) + b"\x89\x01p" + _compressed(_HELLO[3:], 0, first=0x80),
    _compressed(b"\x00"),
    _compressed(b""),
    _compressed(_HELLO, 1) + b"\x81\x05plain" + _compressed(_HELLO, 1),
    # RSV1 where it must not be.
    b"\x01\x01a\xc0\x01b",
    b"\xc9\x00",
    # Too large, a little and a lot; not UTF-8; not deflate; a window that is not there.
    _compressed(_deflated(bytes(20_001))),
    _compressed(_deflated(bytes(500_000))),
    _compressed(_deflated(b"caf\xe9"), 1),
    _compressed(_deflated("café".encode() * 9), 1),
    _compressed(b"\xff\xff\xff"),
    _compressed(_deflated(bytes(range(256)) * 3, bits=9)),
    _compressed(_HELLO + b"\x00\x00\xff\xff" + _HELLO),
)

DEFLATE_SEEDS = tuple(
    bytes([*choices, parameters]) + frames
    for frames in (*_COMPRESSED, *_FRAMES[:9])
    for choices, parameters in zip(_CHOICES, (0, 1, 2, 3, 0), strict=True)
)
