"""A byte of choices (see the target), then header fields; and offers, which are lines."""

from __future__ import annotations

__all__ = ["OFFER_SEEDS", "SEEDS"]

_ACCEPTED = (
    b"Upgrade: websocket\nConnection: Upgrade\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
)
_EXTENSIONS = (
    b"permessage-deflate",
    b"permessage-deflate; client_max_window_bits",
    b'permessage-deflate; client_max_window_bits=10; server_max_window_bits="9"',
    b"permessage-deflate; server_no_context_takeover; client_no_context_takeover",
    b"permessage-deflate;server_max_window_bits=10,permessage-deflate",
    b"permessage-deflate; server_max_window_bits=08",
    b"permessage-deflate; client_max_window_bits=16",
    b"permessage-deflate; server_no_context_takeover=1",
    b"permessage-deflate; server_max_window_bits",
    b"permessage-deflate; client_max_window_bits=8; client_max_window_bits=8",
    b"x-webkit-deflate-frame, mux; max-channels=4; flow-control",
    b'foo; bar="b\\az"; x=1, ,baz',
)

SEEDS = (
    *(
        bytes([choice]) + _ACCEPTED + b"\nSec-WebSocket-Extensions: " + value
        for value in _EXTENSIONS
        for choice in (0, 1, 3, 4)
    ),
    b"\0" + _ACCEPTED,
    b"\0" + _ACCEPTED.lower() + b"\nsec-websocket-extensions:",
    b"\x80" + _ACCEPTED + b"\nSec-WebSocket-Protocol: chat",
    b"\x80" + _ACCEPTED + b"\nSec-WebSocket-Protocol: chat\nSec-WebSocket-Protocol: superchat",
    b"\x80" + _ACCEPTED + b"\nSec-WebSocket-Protocol: Chat",
    b"\0" + _ACCEPTED + b"\nSec-WebSocket-Protocol: chat",
    b"\0" + _ACCEPTED.replace(b": Upgrade", b": keep-alive, UPGRADE"),
    b"\0" + _ACCEPTED.replace(b"s3p", b"S3p"),
)

OFFER_SEEDS = (*_EXTENSIONS, b"\n".join(_EXTENSIONS[:5]), b'"', b'a;b="\\"')
