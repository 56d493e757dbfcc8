"""Words that a mutation may insert: what coverage alone would take long to spell.

A target without a word list here is fuzzed without one.
"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["DICTIONARIES", "dictionary_text"]

_START_LINES = (
    b"HTTP/1.1 200 OK\r\n",
    b"HTTP/1.0 200 OK\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"HTTP/1.1 101 \r\n",
    b"HTTP/1.1 204 \r\n",
    b"HTTP/1.1 304 \r\n",
    b"GET / HTTP/1.1\r\n",
    b"HEAD * HTTP/1.0\r\n",
    b"POST http://a/ HTTP/1.1\r\n",
    b"CONNECT a:1 HTTP/1.1\r\n",
)
_FIELDS = (
    b"Host: a\r\n",
    b"Content-Length: ",
    b"Transfer-Encoding: chunked\r\n",
    b"Transfer-Encoding: ",
    b"Connection: ",
    b"Upgrade: ",
    b"Expect: 100-continue\r\n",
    b"Keep-Alive: ",
    b"Trailer: ",
    b"chunked",
    b"gzip",
    b"identity",
    b"close",
    b"keep-alive",
    b"upgrade",
    b"timeout=",
    b"max=",
)
_CHUNKS = (
    b"0\r\n\r\n",
    b"0\r\n",
    b"1\r\n",
    b"a\r\n",
    b"10\r\n",
    b"0000000",
    b"7fffffffffffffff",
    b"ffffffffffffffff",
    b";a=b",
    b';a="b"',
)
_SEPARATORS = (
    b"\r\n",
    b"\r\n\r\n",
    b"\r",
    b"\n",
    b"\r\n ",
    b"\r\n\t",
    b": ",
    b", ",
    b",",
    b";",
    b"=",
    b'"',
    b'\\"',
    b"\x00",
    b"\x80",
    b"\xff",
)
_MESSAGES = (*_START_LINES, *_FIELDS, *_CHUNKS, *_SEPARATORS)

_DEFLATE = (
    b"permessage-deflate",
    b"; ",
    b", ",
    b"server_max_window_bits",
    b"client_max_window_bits",
    b"server_no_context_takeover",
    b"client_no_context_takeover",
    b"=8",
    b"=15",
    b'="9"',
    b'"',
    b"\\",
)
_ANSWERS = (
    b"\nUpgrade: websocket",
    b"\nConnection: Upgrade",
    b"\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
    b"\nSec-WebSocket-Protocol: ",
    b"\nSec-WebSocket-Extensions: ",
    b"superchat",
)

DICTIONARIES: dict[str, tuple[bytes, ...]] = {
    "connect_dialogue": _MESSAGES,
    "request_reader": _MESSAGES,
    "response_reader": _MESSAGES,
    "websocket_handshake": (*_ANSWERS, *_DEFLATE),
    "websocket_offer": _DEFLATE,
}
"""The words of each target that has some."""


def dictionary_text(words: Iterable[bytes]) -> str:
    """Return `words` as a dictionary file of libFuzzer: one quoted word a line, all escaped."""
    escaped = ("".join(f"\\x{byte:02x}" for byte in word) for word in words)
    return "".join(f'"{word}"\n' for word in escaped)
