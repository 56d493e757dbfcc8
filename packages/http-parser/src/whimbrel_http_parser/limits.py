"""How much a peer may send, and how far it may stray from the grammar."""

from dataclasses import dataclass, fields

__all__ = ["DEFAULT_LENIENCY", "DEFAULT_LIMITS", "STRICT", "Leniency", "Limits"]


@dataclass(frozen=True, slots=True)
class Limits:
    """Upper bounds for what a peer may send around its content.

    A bound holds for what has arrived, so that a line without an end cannot fill the memory. The
    size of the content is not bounded here: its consumer pauses reading or stops.

    Args:
        start_line: bytes of the request line or the status line, without its CRLF. 8 KiB is what
            servers accept for request lines (RFC 9112 section 3 asks for 8,000 octets).
        field_line: bytes of one header or trailer line, without its CRLF. Tomcat, nginx and
            Apache allow 8 KiB; large cookies and security policies do reach that, so 16 KiB.
        fields: how many header lines a head may have, or trailer lines a trailer section, each
            continuation counted. Apache allows 100 in a request, h2 and aiohttp 128.
        head: bytes of a whole head with every CRLF. curl allows 300 KiB, Node 16 KiB, Go 1 MiB.
        chunk_line: bytes of one chunk-size line with its extensions, without its CRLF. Go: 4 KiB.
        chunk_extensions: bytes of all extensions of one body together, so that a body cannot
            consist of them. hyper: 16 KiB.
        trailers: bytes of a whole trailer section with every CRLF.
        informational: how many 1xx responses may precede one final response. Go long allowed 5;
            a server that reports progress (102) every few seconds sends more.

    Raises:
        TypeError: a bound is no integer.
        ValueError: a bound is negative.
    """

    start_line: int = 8 * 1024
    field_line: int = 16 * 1024
    fields: int = 128
    head: int = 128 * 1024
    chunk_line: int = 4 * 1024
    chunk_extensions: int = 16 * 1024
    trailers: int = 32 * 1024
    informational: int = 32

    def __post_init__(self) -> None:
        for field in fields(self):
            bound = getattr(self, field.name)
            if not isinstance(bound, int):
                raise TypeError(f"the limit {field.name!r} must be an integer")
            if bound < 0:
                raise ValueError(f"the limit {field.name!r} must not be negative")


@dataclass(frozen=True, slots=True)
class Leniency:
    """Which violations of the grammar to tolerate, each by its own switch.

    Whenever one of them mattered, the connection is not used again: `close_reason` says so. There
    is no switch for ambiguous framing, and none for the chunked coding: a chunk-size line and the
    end of a chunk are a CRLF, always.

    Args:
        missing_reason_phrase: `HTTP/1.1 200` without the space that RFC 9112 section 4 asks for.
            On by default: many servers do it, every browser takes it, and it says nothing about
            framing.
        bare_lf: lines of a head or of trailers that end with LF alone (RFC 9112 section 2.2).
        obs_fold: field lines continued on the next line (RFC 9112 section 5.2); each fold
            becomes one space. Not those of fields that frame or route the message.
        leading_empty_line: one empty line before the start line (RFC 9112 section 2.2).
    """

    missing_reason_phrase: bool = True
    bare_lf: bool = False
    obs_fold: bool = False
    leading_empty_line: bool = False


DEFAULT_LIMITS = Limits()

DEFAULT_LENIENCY = Leniency()
"""What a reader tolerates unless it is told otherwise."""

STRICT = Leniency(missing_reason_phrase=False)
"""Nothing but what the grammar allows."""
