"""Two bytes of choices (see the target), then the answers of a SOCKS proxy."""

from __future__ import annotations

__all__ = ["SEEDS"]

_ADDRESS = b"\x01\x7f\x00\x00\x01\x00\x50"
_SOCKS4_ANSWERS = (
    b"\x00\x5a\x00\x50\x7f\x00\x00\x01",
    b"\x00\x5a\x00\x50\x7f\x00\x00\x01HTTP/1.1 200 OK\r\n\r\n",
    b"\x00\x5b\x00\x00\x00\x00\x00\x00",
    b"\x00\x5d",
    b"\x04\x5a\x00\x00\x00\x00\x00\x00",
)
_SOCKS5_ANSWERS = (
    b"\x05\x00\x05\x00\x00" + _ADDRESS,
    b"\x05\x00\x05\x00\x00\x03\x0bexample.org\x00\x50",
    b"\x05\x00\x05\x00\x00\x03\xff" + bytes(257),
    b"\x05\x00\x05\x00\x00\x04" + bytes(18),
    b"\x05\x00\x05\x00\x00\x02" + bytes(18),
    b"\x05\x00\x05\x05\x00\x01\x00\x00",
    b"\x05\x02\x01\x00\x05\x00\x00" + _ADDRESS,
    b"\x05\x02\x01\x00\x05\x00\x00" + _ADDRESS + b"x",
    b"\x05\x02\x01\x01",
    b"\x05\xff",
    b"\x05\x01",
    b"HTTP/1.1 400 Bad Request\r\n\r\n",
)

SEEDS = tuple(
    bytes([choice | eof, size]) + answers
    for choices, table in (((0, 1), _SOCKS4_ANSWERS), ((2, 3), _SOCKS5_ANSWERS))
    for choice in choices
    for answers in table
    for eof, size in ((0, 1), (4, 2), (4, 0))
)
