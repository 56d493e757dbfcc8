"""Any bytes are a response within the limits or a documented error, however they are cut."""

from __future__ import annotations

from tools.fuzz.targets._messages import LIMITS, check_end, check_events, check_same
from tools.fuzz.targets._pieces import pieces_of
from whimbrel_http_parser import STRICT, Leniency, ResponseReader
from whimbrel_http_parser.testing import Feeding, feed

__all__ = ["check_response_reader"]

_METHODS = ("GET", "HEAD", "CONNECT", "POST")
_LENIENT = Leniency(bare_lf=True, obs_fold=True, leading_empty_line=True)


def check_response_reader(data: bytes) -> None:
    """Feed `data[2:]`; the first two bytes choose method, leniency, end of file and the cuts.

    Raises:
        AssertionError: a bound was passed, content appeared from nowhere, or the outcome depends
            on how the bytes were cut.
    """
    if len(data) < 2:
        return
    choice, size, stream = data[0], data[1], data[2:]
    method = _METHODS[choice & 3]
    leniency = _LENIENT if choice & 4 else STRICT
    eof = bool(choice & 8)

    def outcome(how: str, pieces: list[bytes]) -> Feeding:
        reader = ResponseReader(method, limits=LIMITS, leniency=leniency)
        feeding = feed(how, pieces, reader, eof=eof)
        check_end(reader, feeding)
        if reader.close_reason is None:
            assert feeding.trailing_data == b""
        return feeding

    whole = outcome("whole", [stream] if stream else [])
    check_events(whole, len(stream))
    check_same(whole, outcome(f"pieces of {size}", pieces_of(stream, bytes([size or 1]))))
