"""Any answer to an opening handshake, and any offer, is an agreement by the rules or an error."""

from __future__ import annotations

from whimbrel_websocket_client import (
    ClientHandshake,
    DeflateOffer,
    DeflateParameters,
    HandshakeError,
)
from whimbrel_websocket_client.extensions import Extension, parse_extensions

__all__ = ["check_websocket_handshake", "check_websocket_offer"]

_KEY = "dGhlIHNhbXBsZSBub25jZQ=="
_PROTOCOLS = ("chat", "superchat")
_LONGEST_ERROR = 2000
"""Four excerpts of 80 characters, each of which may be escaped to four."""
_LARGEST = 15

_OFFERS = (
    DeflateOffer(),
    None,
    DeflateOffer(client_max_window_bits=False),
    DeflateOffer(10, 11),
    DeflateOffer(15, server_no_context_takeover=True, client_no_context_takeover=True),
)


def check_websocket_handshake(data: bytes) -> None:
    """Judge the lines of `data[1:]` as header fields; the first byte chooses the offer.

    Raises:
        AssertionError: something was agreed on that was not offered, or the error is too long.
    """
    if not data:
        return
    offer = _OFFERS[data[0] % len(_OFFERS)]
    protocols = _PROTOCOLS if data[0] & 0x80 else ()
    lines = [line.partition(b":") for line in data[1:].split(b"\n")]
    fields = [(name.decode("latin-1"), value.decode("latin-1")) for name, _, value in lines]
    handshake = ClientHandshake(protocols=protocols, key=_KEY, deflate=offer)
    try:
        agreement = handshake.accept(101, fields)
    except HandshakeError as error:
        _check_error(error)
        return
    names = {name.lower() for name, _ in fields}
    assert {"upgrade", "connection", "sec-websocket-accept"} <= names
    assert agreement.protocol is None or agreement.protocol in protocols
    if agreement.deflate is not None:
        assert offer is not None
        _check_agreed(offer, agreement.deflate)


def check_websocket_offer(data: bytes) -> None:
    """Read `data` as the lines of a client's `Sec-WebSocket-Extensions`, and answer it.

    Raises:
        AssertionError: what was read is not read again from what is written, or the client does
            not take the answer.
    """
    try:
        extensions = parse_extensions(data.decode("latin-1").split("\n"))
    except ValueError as error:
        _check_error(error)
        return
    assert parse_extensions(map(_written, extensions)) == extensions
    for extension in extensions:
        try:
            offer = DeflateOffer.from_extension(extension)
        except ValueError as error:
            _check_error(error)
            continue
        [again] = parse_extensions([offer.header()])
        assert DeflateOffer.from_extension(again) == offer
        wanted = DeflateParameters.accepting(offer)
        [answer] = parse_extensions([offer.answer(wanted)])
        agreed = offer.agree(answer)
        assert agreed == wanted
        _check_agreed(offer, agreed)


def _check_error(error: Exception) -> None:
    assert 0 < len(str(error)) < _LONGEST_ERROR


def _written(extension: Extension) -> str:
    parameters = (p if value is None else f'{p}="{value}"' for p, value in extension.parameters)
    return "; ".join([extension.name, *parameters])


def _check_agreed(offer: DeflateOffer, agreed: DeflateParameters) -> None:
    bits = offer.client_max_window_bits
    assert 8 <= agreed.server_max_window_bits <= (offer.server_max_window_bits or _LARGEST)
    assert 8 <= agreed.client_max_window_bits <= (_LARGEST if isinstance(bits, bool) else bits)
    if bits is False:
        assert agreed.client_max_window_bits == _LARGEST
    assert agreed.server_no_context_takeover or not offer.server_no_context_takeover
    assert agreed.client_no_context_takeover or not offer.client_no_context_takeover
