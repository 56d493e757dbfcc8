"""Two bytes of choices (see the target), then the answer of an HTTP proxy."""

from __future__ import annotations

__all__ = ["SEEDS"]

_ANSWERS = (
    b"HTTP/1.1 200 Connection established\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 200 OK\r\nVia: x\r\n\r\n",
    b"HTTP/1.1 204 No Content\r\n\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    b"HTTP/1.1 301 Moved\r\nLocation: /\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 407 Who\r\nProxy-Authenticate: Basic\r\nContent-Length: 4\r\n\r\nname",
    b"HTTP/1.1 407 Who\r\nContent-Length: 9\r\n\r\nname",
    b"HTTP/1.1 502 Bad\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nname\r\n0\r\nA: b\r\n\r\n",
    b"HTTP/1.1 502 Bad\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nnamex\r\n",
    b"HTTP/1.0 503 Busy\r\n\r\nsorry",
    b"HTTP/1.1 200 OK\r\nA b\r\n\r\n",
    b"SSH-2.0-OpenSSH\r\n",
    b"\x05\x00",
)

SEEDS = tuple(
    bytes([eof, size]) + answer for answer in _ANSWERS for eof, size in ((0, 1), (1, 3), (1, 0))
)
