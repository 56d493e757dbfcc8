"""Any bytes in any content codings decode within the limits or to a documented error."""

from __future__ import annotations

from tools.fuzz.seeds.content_decoder import STACKS
from tools.fuzz.targets._pieces import pieces_of
from whimbrel_http_parser import (
    ContentCodingError,
    Decoder,
    DecodingLimits,
    LimitExceeded,
    decoder_for,
)
from whimbrel_http_parser.codings.testing import decode_in_steps

__all__ = ["LIMITS", "SEVERAL", "check_content_decoder"]

LIMITS = DecodingLimits(ratio=60, grace=2000, total=12_000)
"""Small, so that inputs of a few hundred bytes reach every bound."""

SEVERAL = DecodingLimits(ratio=60, grace=200_000, total=12_000)
"""With room for some gzip members or zstd frames behind the first, at 64 KiB each."""


def check_content_decoder(data: bytes) -> None:
    """Decode `data[3:]`; three bytes choose the codings and limits, the cuts and the steps.

    Raises:
        AssertionError: a bound was passed, a step did nothing, or what came out depends on how
            the bytes were cut.
    """
    if len(data) < 3:
        return
    codings, size, room, coded = STACKS[data[0] % len(STACKS)], data[1], data[2], data[3:]
    limits = SEVERAL if size % 2 else LIMITS
    whole, error = _decode(codings, [coded] if coded else [], [65536], limits)
    pieces = pieces_of(coded, bytes([size]))
    cut, cut_error = _decode(codings, pieces, [room + 1, 3 * room + 1], limits)
    assert whole.startswith(cut) or cut.startswith(whole), (whole, cut)
    if error is None:
        # What came so far may be over the ratio though the whole is not.
        assert whole == cut or isinstance(cut_error, LimitExceeded), (whole, cut, cut_error)
    else:
        assert cut_error is not None, error


def _decode(
    codings: tuple[str, ...], pieces: list[bytes], max_outputs: list[int], limits: DecodingLimits
) -> tuple[bytes, ContentCodingError | LimitExceeded | None]:
    decoder = decoder_for(codings, limits=limits)
    assert decoder is not None, codings
    outputs: list[bytes] = []
    failure = None
    try:
        decode_in_steps(decoder, pieces, max_outputs, outputs)
    except (ContentCodingError, LimitExceeded) as error:
        failure = error
        _check_failure(decoder, error)
    received = sum(map(len, pieces))
    assert limits.ratio is not None
    assert limits.total is not None
    allowed = min(limits.total, max(limits.grace, limits.ratio * received))
    # Each step takes a byte, or yields one, of some layer; or finds that there is no more.
    assert len(outputs) <= 2 * (received + len(codings) * (allowed + 2)), len(outputs)
    output = b"".join(outputs)
    assert len(output) <= allowed, len(output)
    return output, failure


def _check_failure(decoder: Decoder, error: ContentCodingError | LimitExceeded) -> None:
    """See that an error is short, and that it stays: a truncated body must not pass for a whole."""
    assert len(str(error)) < 300
    again = None
    try:
        decoder.finish()
    except type(error) as raised:
        again = raised
    assert again is not None, f"an error was forgotten: {error}"
    assert again.args == error.args, (again, error)
