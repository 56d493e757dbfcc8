"""Negotiation of extensions (RFC 6455, section 9.1), and of permessage-deflate (RFC 7692, 7.1).

A client's offer and what both sides agree on are values; the field `Sec-WebSocket-Extensions` is
read and written here, by both sides' rules. Only text and numbers, no zlib.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from whimbrel_websocket_client.errors import excerpt

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = [
    "PERMESSAGE_DEFLATE",
    "DeflateOffer",
    "DeflateParameters",
    "Extension",
    "parse_extensions",
]

PERMESSAGE_DEFLATE: Final = "permessage-deflate"

_SERVER_BITS: Final = "server_max_window_bits"
_CLIENT_BITS: Final = "client_max_window_bits"
_SERVER_RESETS: Final = "server_no_context_takeover"
_CLIENT_RESETS: Final = "client_no_context_takeover"
_LARGEST: Final = 15
# RFC 7692, section 7.1.2: decimal, without leading zeros.
_BITS: Final = {str(bits): bits for bits in range(8, _LARGEST + 1)}

_OWS: Final = " \t"
# A token, RFC 9110, section 5.6.2.
_WORD: Final = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_LEXEME: Final = re.compile(
    rf"[ \t]*(?:(?P<token>{_WORD})|\"(?P<quoted>(?:[^\"\\]|\\.)*)\"|(?P<mark>[,;=]))", re.DOTALL
)
_WHOLE_WORD: Final = re.compile(_WORD)
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)


class Extension(NamedTuple):
    """One extension with its parameters, in their order; a parameter need not have a value."""

    name: str
    parameters: tuple[tuple[str, str | None], ...] = ()


def parse_extensions(values: Iterable[str]) -> list[Extension]:
    """Return the extensions that `Sec-WebSocket-Extensions` names.

    Args:
        values: the field's values, one for each line.

    Raises:
        ValueError: one is not of the grammar of RFC 6455, section 9.1.
    """
    return [extension for value in values for extension in _extensions_of(value)]


@dataclass(frozen=True, slots=True)
class DeflateParameters:
    """How messages are compressed on a connection: what permessage-deflate was agreed with.

    A small window and no context takeover need less memory and compress less. A window of 8 bits
    is allowed, although zlib does not compress with less than 9.

    Attributes:
        server_max_window_bits: the server's window has at most two to the power of this octets.
        client_max_window_bits: the same for the client's.
        server_no_context_takeover: whether the server begins every message with an empty window.
        client_no_context_takeover: whether the client does.

    Raises:
        TypeError: a number of bits is not an integer.
        ValueError: it is not from 8 to 15.
    """

    server_max_window_bits: int = _LARGEST
    client_max_window_bits: int = _LARGEST
    server_no_context_takeover: bool = False
    client_no_context_takeover: bool = False

    def __post_init__(self) -> None:
        _check_bits(_SERVER_BITS, self.server_max_window_bits)
        _check_bits(_CLIENT_BITS, self.client_max_window_bits)

    @classmethod
    def accepting(cls, offer: DeflateOffer) -> DeflateParameters:
        """Return what a server without wishes of its own takes: what the client asked for."""
        client_bits = offer.client_max_window_bits
        return cls(
            offer.server_max_window_bits or _LARGEST,
            _LARGEST if isinstance(client_bits, bool) else client_bits,
            offer.server_no_context_takeover,
            offer.client_no_context_takeover,
        )


@dataclass(frozen=True, slots=True)
class DeflateOffer:
    """A client's offer to use permessage-deflate (RFC 7692, section 7.1).

    Attributes:
        server_max_window_bits: from 8 to 15, a limit that the server must keep; `None` for any. A
            server that cannot, as many cannot with 8, does not compress at all.
        client_max_window_bits: from 8 to 15, a limit that the client keeps, and the server may
            lower it; `True`: the server may set one; `False`: it may not.
        server_no_context_takeover: whether the server must begin every message with an empty
            window.
        client_no_context_takeover: whether the client will, whatever the server says.

    Raises:
        TypeError: a number of bits is not an integer.
        ValueError: it is not from 8 to 15.
    """

    server_max_window_bits: int | None = None
    client_max_window_bits: int | bool = True
    server_no_context_takeover: bool = False
    client_no_context_takeover: bool = False

    def __post_init__(self) -> None:
        if self.server_max_window_bits is not None:
            _check_bits(_SERVER_BITS, self.server_max_window_bits)
        if not isinstance(self.client_max_window_bits, bool):
            _check_bits(_CLIENT_BITS, self.client_max_window_bits)

    @classmethod
    def from_extension(cls, extension: Extension) -> DeflateOffer:
        """Return the offer that a client sent.

        Raises:
            ValueError: it is for another extension, or breaks a rule of RFC 7692, section 7.1.
        """
        given = _read(extension, in_offer=True)
        return cls(
            given.get(_SERVER_BITS),
            # A value of 0 stands for none.
            (given[_CLIENT_BITS] or True) if _CLIENT_BITS in given else False,
            _SERVER_RESETS in given,
            _CLIENT_RESETS in given,
        )

    def header(self) -> str:
        """Return the offer as a value of `Sec-WebSocket-Extensions`."""
        client_bits = self.client_max_window_bits
        return _write(
            server_bits=self.server_max_window_bits,
            client_bits=None if client_bits is False else client_bits,
            server_resets=self.server_no_context_takeover,
            client_resets=self.client_no_context_takeover,
        )

    def agree(self, answer: Extension) -> DeflateParameters:
        """Return what a server's answer to this offer makes both agree on.

        A server may lower what it was offered, and may say more of itself than it was asked.

        Raises:
            ValueError: it is another extension, or breaks a rule of RFC 7692, section 7.1.
        """
        given = _read(answer, in_offer=False)
        server_bits = given.get(_SERVER_BITS)
        wanted = self.server_max_window_bits
        if wanted is not None and (server_bits is None or server_bits > wanted):
            came = "is missing" if server_bits is None else f"is {server_bits}"
            raise ValueError(
                f"{_SERVER_BITS} {came}, but was offered as {wanted}, which a server that accepts"
                " repeats or lowers (RFC 7692, section 7.1.2.1)"
            )
        if self.server_no_context_takeover and _SERVER_RESETS not in given:
            raise ValueError(
                f"{_SERVER_RESETS} is missing, but was offered, which a server that accepts"
                " repeats (RFC 7692, section 7.1.1.1)"
            )
        if self.client_max_window_bits is False and _CLIENT_BITS in given:
            raise ValueError(f"{_CLIENT_BITS} was not offered (RFC 7692, section 7.1.2.2)")
        client_bits = given.get(_CLIENT_BITS, _LARGEST)
        # What the client said of itself holds, even if the server has ignored it.
        if not isinstance(self.client_max_window_bits, bool):
            client_bits = min(client_bits, self.client_max_window_bits)
        return DeflateParameters(
            server_bits or _LARGEST,
            client_bits,
            _SERVER_RESETS in given,
            _CLIENT_RESETS in given or self.client_no_context_takeover,
        )

    def answer(self, parameters: DeflateParameters) -> str:
        """Return a server's answer to this offer, as a value of `Sec-WebSocket-Extensions`.

        Args:
            parameters: what the server wants.

        Raises:
            ValueError: this is no answer to this offer.
        """
        server_bits = parameters.server_max_window_bits
        client_bits = parameters.client_max_window_bits
        header = _write(
            server_bits=(
                server_bits
                if server_bits < _LARGEST or self.server_max_window_bits is not None
                else None
            ),
            client_bits=client_bits if client_bits < _LARGEST else None,
            server_resets=parameters.server_no_context_takeover,
            client_resets=parameters.client_no_context_takeover,
        )
        self.agree(parse_extensions([header])[0])
        return header


def _check_bits(name: str, bits: object) -> None:
    # A bool is an int, and would stand for one bit or none.
    if not isinstance(bits, int) or isinstance(bits, bool):
        raise TypeError(f"{name} must be an integer, not {type(bits).__name__}")
    if not 8 <= bits <= _LARGEST:
        raise ValueError(f"{name} must be from 8 to {_LARGEST}, not {bits}")


def _read(extension: Extension, *, in_offer: bool) -> dict[str, int]:
    """Return the numbers of permessage-deflate's parameters by name, 0 where there is no value."""
    if extension.name != PERMESSAGE_DEFLATE:
        raise ValueError(f"{excerpt(extension.name)} is not {PERMESSAGE_DEFLATE}")
    given: dict[str, int] = {}
    for name, value in extension.parameters:
        if name in given:
            raise ValueError(f"{name} is there twice (RFC 7692, section 7.1)")
        if name in (_SERVER_RESETS, _CLIENT_RESETS):
            if value is not None:
                raise ValueError(
                    f"{name} has the value {excerpt(value)}, but must have none"
                    " (RFC 7692, section 7.1.1)"
                )
            given[name] = 0
        elif name in (_SERVER_BITS, _CLIENT_BITS):
            if value is None and in_offer and name == _CLIENT_BITS:
                given[name] = 0
                continue
            bits = None if value is None else _BITS.get(value)
            if bits is None:
                came = "none" if value is None else excerpt(value)
                raise ValueError(
                    f"{name} must have a value from 8 to {_LARGEST}, not {came}"
                    " (RFC 7692, section 7.1.2)"
                )
            given[name] = bits
        else:
            raise ValueError(f"parameter {excerpt(name)} is unknown (RFC 7692, section 7.1)")
    return given


def _write(
    *, server_bits: int | None, client_bits: int | None, server_resets: bool, client_resets: bool
) -> str:
    members = [PERMESSAGE_DEFLATE]
    if server_bits is not None:
        members.append(f"{_SERVER_BITS}={int(server_bits)}")
    if client_bits is not None:
        value = "" if client_bits is True else f"={int(client_bits)}"
        members.append(f"{_CLIENT_BITS}{value}")
    if server_resets:
        members.append(_SERVER_RESETS)
    if client_resets:
        members.append(_CLIENT_RESETS)
    return "; ".join(members)


class _Lexemes:
    """The tokens, values and marks of one line, with the current one in view."""

    __slots__ = ("_rest", "kind", "text")

    def __init__(self, value: str) -> None:
        self._rest = _lexemes(value.rstrip(_OWS))
        self.kind = ""
        self.text = ""
        self.advance()

    def advance(self) -> None:
        """Go on to the next one; at the end of the line the kind is empty."""
        self.kind, self.text = next(self._rest, ("", ""))

    def take(self, mark: str) -> bool:
        """Go beyond `mark`, if it is the current one."""
        if self.kind != "mark" or self.text != mark:
            return False
        self.advance()
        return True

    def value(self, *kinds: str) -> str:
        """Return the current one, which must be one of these kinds, and go beyond it."""
        text = self.text
        if self.kind not in kinds:
            came = excerpt(text) if self.kind else "the end"
            raise ValueError(f"expected a {' or '.join(kinds)}, got {came}")
        self.advance()
        return text


def _lexemes(value: str) -> Iterator[tuple[str, str]]:
    position = 0
    while position < len(value):
        match = _LEXEME.match(value, position)
        if match is None:
            raise ValueError(f"{excerpt(value[position:])} has no place in a list of extensions")
        kind = str(match.lastgroup)
        text = match[kind]
        if kind == "quoted":
            text = _ESCAPED.sub(r"\1", text)
            # "The value after quoted-string unescaping MUST conform to the 'token' ABNF."
            if not _WHOLE_WORD.fullmatch(text):
                raise ValueError(f"the quoted value {excerpt(text)} is not a token")
        yield kind, text
        position = match.end()


def _extensions_of(value: str) -> Iterator[Extension]:
    lexemes = _Lexemes(value)
    while lexemes.kind:
        if lexemes.take(","):  # empty members are nothing (RFC 9110, section 5.6.1.2)
            continue
        name = lexemes.value("token")
        parameters: list[tuple[str, str | None]] = []
        while lexemes.take(";"):
            parameter = lexemes.value("token")
            given = lexemes.value("token", "quoted") if lexemes.take("=") else None
            parameters.append((parameter, given))
        yield Extension(name, tuple(parameters))
        if lexemes.kind and not lexemes.take(","):
            raise ValueError(f"expected a comma or a semicolon, got {excerpt(lexemes.text)}")
