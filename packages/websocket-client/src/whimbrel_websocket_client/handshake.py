"""The opening handshake as seen by the client (RFC 6455, sections 4.1 and 4.2.2), without any I/O.

The HTTP request and response travel through whatever speaks HTTP; this module says which header
fields the request needs and whether the response is an agreement.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
from collections.abc import Iterable
from typing import Protocol, runtime_checkable

from whimbrel_websocket_client.errors import HandshakeError, excerpt
from whimbrel_websocket_client.extensions import (
    PERMESSAGE_DEFLATE,
    DeflateOffer,
    DeflateParameters,
    parse_extensions,
)

__all__ = ["Agreement", "ClientHandshake", "HeaderItems", "HeaderPairs", "accept_key"]

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_VERSION = "13"
_SWITCHING_PROTOCOLS = 101
# RFC 9110, section 5.6.2.
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
# The serialization of RFC 6454, section 6.2, or "null": visible ASCII without spaces.
_ORIGIN = re.compile(r"[!-~]+")
_OWS = " \t"


@runtime_checkable
class HeaderItems(Protocol):
    """A mapping of header fields, such as `CIMultiDictProxy[str]`."""

    def items(self) -> Iterable[tuple[str, str]]:
        """Return every field line as name and value; a name may come more than once."""


HeaderPairs = HeaderItems | Iterable[tuple[str, str]]


class Agreement:
    """What both sides agreed on.

    Attributes:
        protocol: the subprotocol that the server chose, `None` when it chose none.
        deflate: how messages are compressed, `None` when they are not.
    """

    __slots__ = ("deflate", "protocol")

    def __init__(
        self, protocol: str | None = None, deflate: DeflateParameters | None = None
    ) -> None:
        self.protocol = protocol
        self.deflate = deflate

    def __repr__(self) -> str:
        return f"Agreement(protocol={self.protocol!r}, deflate={self.deflate!r})"


def accept_key(key: str) -> str:
    """Return the `Sec-WebSocket-Accept` that answers a `Sec-WebSocket-Key` (section 4.2.2)."""
    # SHA-1 is what the protocol says; nothing secret depends on it.
    digest = hashlib.sha1(key.encode("ascii") + _GUID, usedforsecurity=False).digest()
    return base64.b64encode(digest).decode("ascii")


class ClientHandshake:
    """One opening handshake: the header fields to send, and the judgement of the answer."""

    __slots__ = ("deflate", "key", "origin", "protocols")

    def __init__(
        self,
        *,
        protocols: Iterable[str] = (),
        origin: str | None = None,
        key: str | None = None,
        deflate: DeflateOffer | None = None,
    ) -> None:
        """Prepare a handshake.

        Args:
            protocols: subprotocols to offer, the preferred one first.
            origin: value of the `Origin` header field; `None` sends none.
            key: 16 octets in base64; fresh random ones when `None`, as section 4.1 requires.
            deflate: how messages may be compressed; `None` offers no compression.

        Raises:
            TypeError: `protocols` is a single string.
            ValueError: a subprotocol is not a token or is there twice, the origin has characters
                that it cannot have, or the key is not 16 octets in base64.
        """
        if isinstance(protocols, str):
            raise TypeError(f"protocols must be a sequence of names, not the string {protocols!r}")
        self.protocols = tuple(protocols)
        self.origin = origin
        self.deflate = deflate
        self.key = base64.b64encode(os.urandom(16)).decode("ascii") if key is None else key
        for protocol in self.protocols:
            if not _TOKEN.fullmatch(protocol):
                raise ValueError(
                    f"subprotocol {excerpt(protocol)} is not a token (RFC 9110, 5.6.2)"
                )
        if len(set(self.protocols)) != len(self.protocols):
            raise ValueError("a subprotocol is offered twice (RFC 6455, section 4.1)")
        if origin is not None and not _ORIGIN.fullmatch(origin):
            raise ValueError(f"origin {excerpt(origin)} is not a serialized origin (RFC 6454)")
        if not _is_key(self.key):
            raise ValueError(f"key {excerpt(self.key)} is not 16 octets in base64")

    def headers(self) -> list[tuple[str, str]]:
        """Return the header fields that make a GET request an opening handshake."""
        fields = [
            ("Upgrade", "websocket"),
            ("Connection", "Upgrade"),
            ("Sec-WebSocket-Version", _VERSION),
            ("Sec-WebSocket-Key", self.key),
        ]
        if self.protocols:
            fields.append(("Sec-WebSocket-Protocol", ", ".join(self.protocols)))
        if self.origin is not None:
            fields.append(("Origin", self.origin))
        if self.deflate is not None:
            fields.append(("Sec-WebSocket-Extensions", self.deflate.header()))
        return fields

    def accept(self, status: int, headers: HeaderPairs) -> Agreement:
        """Judge the server's answer by the numbered rules of section 4.1.

        Args:
            status: the response's status code.
            headers: the response's header fields, each line by itself.

        Raises:
            HandshakeError: the answer is not a valid agreement.
        """
        if status != _SWITCHING_PROTOCOLS:
            raise HandshakeError(f"expected status 101, got {status}", status)
        fields = _collect(headers)
        # 2. and 3.: the names are compared without regard to case.
        upgrade = _tokens(fields, "upgrade")
        if upgrade != ["websocket"]:
            raise _refusal("Upgrade: websocket", fields, "upgrade")
        if "upgrade" not in _tokens(fields, "connection"):
            raise _refusal("Connection: Upgrade", fields, "connection")
        # 4.
        expected = accept_key(self.key)
        if fields.get("sec-websocket-accept") != [expected]:
            raise _refusal(f"Sec-WebSocket-Accept: {expected}", fields, "sec-websocket-accept")
        # 5. and 6.
        deflate = self._deflate(fields)
        return Agreement(self._protocol(fields), deflate)

    def _deflate(self, fields: dict[str, list[str]]) -> DeflateParameters | None:
        """Return what became of the offer (rule 5): no extension that was not offered will do."""
        name = "sec-websocket-extensions"
        if self.deflate is None:
            if _tokens(fields, name):
                raise _refusal("no extension, because none was offered", fields, name)
            return None
        try:
            extensions = parse_extensions(fields.get(name, ()))
            if not extensions:
                return None
            if len(extensions) > 1:
                raise ValueError(f"there are {len(extensions)} extensions instead of one")
            return self.deflate.agree(extensions[0])
        except ValueError as error:
            refusal = _refusal(f"an answer to {PERMESSAGE_DEFLATE!r}", fields, name, str(error))
            raise refusal from error

    def _protocol(self, fields: dict[str, list[str]]) -> str | None:
        """Return the subprotocol (rule 6): one of those offered, case and all, or none."""
        chosen = fields.get("sec-websocket-protocol")
        if chosen is None:
            return None
        if len(chosen) != 1 or chosen[0] not in self.protocols:
            offer = f"one of {', '.join(self.protocols)}" if self.protocols else "no subprotocol"
            raise _refusal(f"{offer}, because that was offered", fields, "sec-websocket-protocol")
        return chosen[0]


def _is_key(key: str) -> bool:
    try:
        return len(base64.b64decode(key, validate=True)) == 16
    except (binascii.Error, ValueError):
        return False


def _collect(headers: HeaderPairs) -> dict[str, list[str]]:
    """Return the values of each field by its name in lower case."""
    fields: dict[str, list[str]] = {}
    for name, value in headers.items() if isinstance(headers, HeaderItems) else headers:
        fields.setdefault(name.lower(), []).append(value.strip(_OWS))
    return fields


def _tokens(fields: dict[str, list[str]], name: str) -> list[str]:
    """Return the members of a list field (RFC 9110, section 5.6.1) in lower case."""
    members = ",".join(fields.get(name, ())).split(",")
    return [token for member in members if (token := member.strip(_OWS).lower())]


def _refusal(
    expected: str, fields: dict[str, list[str]], name: str, why: str = ""
) -> HandshakeError:
    values = fields.get(name)
    came = "nothing" if values is None else " and ".join(excerpt(value) for value in values[:3])
    field = name.title().replace("Websocket", "WebSocket")
    reason = why and f": {why}"
    return HandshakeError(
        f"expected {expected}, got {came} in {field}{reason}", _SWITCHING_PROTOCOLS
    )
