"""Content codings: `gzip`, `deflate`, `br` and `zstd`, in bounded steps (RFC 9110 section 8.4).

A few coded bytes may stand for a great many decoded ones, so a decoder is told how much may come
out and keeps the rest until it is asked again:

    decoder.decode(data, 65536), then decoder.decode(b"", 65536) while decoder.pending
"""

import zlib as standard_zlib

from whimbrel_http_parser.codings._brotli import BrotliDecoder, BrotliEncoder, load_brotli
from whimbrel_http_parser.codings._stack import CodingStack
from whimbrel_http_parser.codings._stream import CodedStream
from whimbrel_http_parser.codings._zlib import (
    GZIP_WBITS,
    ZLIB_WBITS,
    DeflateDecoder,
    GzipDecoder,
    ZlibEncoder,
)
from whimbrel_http_parser.codings._zstd import ZstdDecoder, ZstdEncoder, load_zstd
from whimbrel_http_parser.codings.interfaces import (
    Decoder,
    Encoder,
    ZlibBackend,
    ZlibCompressor,
    ZlibDecompressor,
)
from whimbrel_http_parser.codings.limits import DEFAULT_DECODING_LIMITS, DecodingLimits
from whimbrel_http_parser.errors import LimitExceeded
from whimbrel_http_parser.fields._text import OWS, FieldValues, lines_of

__all__ = [
    "DEFAULT_DECODING_LIMITS",
    "Decoder",
    "DecodingLimits",
    "Encoder",
    "ZlibBackend",
    "ZlibCompressor",
    "ZlibDecompressor",
    "available_codings",
    "decoder_for",
    "encoder_for",
]


def available_codings() -> tuple[str, ...]:
    """Return the codings that can be decoded and encoded here, in an order for Accept-Encoding.

    `gzip` and `deflate` always; `br` and `zstd` where their libraries can be imported, which the
    first call tries. `x-gzip`, an old name of gzip (RFC 9110 section 8.4.1.3), is understood in a
    Content-Encoding and not listed.
    """
    codings = ["gzip", "deflate"]
    if load_brotli() is not None:
        codings.append("br")
    if load_zstd() is not None:
        codings.append("zstd")
    return tuple(codings)


def decoder_for(
    content_encoding: FieldValues,
    *,
    limits: DecodingLimits = DEFAULT_DECODING_LIMITS,
    zlib: ZlibBackend = standard_zlib,
) -> Decoder | None:
    """Return what decodes a body with these codings (RFC 9110 section 8.4).

    Args:
        content_encoding: the value of the Content-Encoding field, or those of several field lines,
            in order, as bytes or text: `response.values(b"content-encoding")`. Each may be a list;
            `None` is no field. Codings are undone from the last one to the first.
        limits: how many codings there may be, and what they may expand to.
        zlib: what gzip and deflate are decoded by.

    Returns:
        A decoder; `None` when there is nothing to decode, and also when any of the codings is not
        known here: then the body is to be left as it is, since a half decoded one is of no use.

    Raises:
        LimitExceeded: there are more codings than `limits.codings`.
        TypeError: a value is neither text nor bytes.
    """
    names = [
        name.strip(OWS).lower() for line in lines_of(content_encoding) for name in line.split(",")
    ]
    names = [name for name in names if name not in {"", "identity"}]
    if limits.codings is not None and len(names) > limits.codings:
        raise LimitExceeded("codings", limits.codings)
    streams = []
    for name in reversed(names):
        stream = _stream_of(name, zlib)
        if stream is None:
            return None
        streams.append(stream)
    return CodingStack(streams, limits) if streams else None


def _stream_of(coding: str, zlib: ZlibBackend) -> CodedStream | None:
    if coding in {"gzip", "x-gzip"}:
        return GzipDecoder(zlib)
    if coding == "deflate":
        return DeflateDecoder(zlib)
    if coding == "br":
        brotli = load_brotli()
        return None if brotli is None else BrotliDecoder(brotli)
    if coding == "zstd":
        zstd = load_zstd()
        return None if zstd is None else ZstdDecoder(zstd)
    return None


def encoder_for(coding: str, *, zlib: ZlibBackend = standard_zlib) -> Encoder:
    """Return what applies a coding to a body.

    Args:
        coding: one of `available_codings()`.
        zlib: what gzip and deflate are made by.

    Raises:
        ValueError: it is another one, or its library is not installed.
    """
    if coding == "gzip":
        return ZlibEncoder(GZIP_WBITS, zlib)
    if coding == "deflate":
        return ZlibEncoder(ZLIB_WBITS, zlib)
    if coding == "br" and (brotli := load_brotli()) is not None:
        return BrotliEncoder(brotli)
    if coding == "zstd" and (zstd := load_zstd()) is not None:
        return ZstdEncoder(zstd)
    raise ValueError(f"unknown content coding {coding!r}; known are {available_codings()}")
