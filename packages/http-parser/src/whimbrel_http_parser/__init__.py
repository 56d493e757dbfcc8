"""HTTP/1.1 on the wire as bytes and events: a sans-I/O parser and serialiser."""

from types import FunctionType
from typing import Final

from whimbrel_http_parser._section import scan_field_lines
from whimbrel_http_parser._version import __version__
from whimbrel_http_parser.codings import (
    DEFAULT_DECODING_LIMITS,
    Decoder,
    DecodingLimits,
    Encoder,
    ZlibBackend,
    available_codings,
    decoder_for,
    encoder_for,
)
from whimbrel_http_parser.errors import (
    ContentCodingError,
    IncompleteMessage,
    LimitExceeded,
    LocalProtocolError,
    MalformedMessage,
    ProtocolError,
    RemoteProtocolError,
)
from whimbrel_http_parser.events import (
    NEED_DATA,
    PAUSED,
    Data,
    EndOfMessage,
    Event,
    Framing,
    InformationalResponse,
    RawHeaders,
    Response,
    Signal,
    decode_headers,
)
from whimbrel_http_parser.fields import (
    ContentType,
    KeepAlive,
    parse_content_type,
    parse_keep_alive,
)
from whimbrel_http_parser.limits import DEFAULT_LIMITS, STRICT, Leniency, Limits
from whimbrel_http_parser.reader import ReadableBuffer, ResponseReader
from whimbrel_http_parser.writer import (
    BodyWriter,
    chunked_body,
    length_body,
    request_head,
    request_line,
    serialize_fields,
)

__all__ = [
    "COMPILED",
    "DEFAULT_DECODING_LIMITS",
    "DEFAULT_LIMITS",
    "NEED_DATA",
    "PAUSED",
    "STRICT",
    "BodyWriter",
    "ContentCodingError",
    "ContentType",
    "Data",
    "Decoder",
    "DecodingLimits",
    "Encoder",
    "EndOfMessage",
    "Event",
    "Framing",
    "IncompleteMessage",
    "InformationalResponse",
    "KeepAlive",
    "Leniency",
    "LimitExceeded",
    "Limits",
    "LocalProtocolError",
    "MalformedMessage",
    "ProtocolError",
    "RawHeaders",
    "ReadableBuffer",
    "RemoteProtocolError",
    "Response",
    "ResponseReader",
    "Signal",
    "ZlibBackend",
    "__version__",
    "available_codings",
    "chunked_body",
    "decode_headers",
    "decoder_for",
    "encoder_for",
    "length_body",
    "parse_content_type",
    "parse_keep_alive",
    "request_head",
    "request_line",
    "serialize_fields",
]

COMPILED: Final = not isinstance(scan_field_lines, FunctionType)
"""Whether the modules that read are the compiled ones; the same sources run interpreted."""
