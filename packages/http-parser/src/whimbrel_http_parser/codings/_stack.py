"""One or more codings, one applied over the other, and the guards against what they expand to."""

import sys
from collections.abc import Sequence
from typing import Final

from whimbrel_http_parser.codings._stream import CodedStream
from whimbrel_http_parser.codings.limits import DecodingLimits
from whimbrel_http_parser.errors import ContentCodingError, LimitExceeded, LocalProtocolError

__all__ = ["CodingStack"]

_UNLIMITED: Final = sys.maxsize

_BETWEEN: Final = 64 * 1024
"""Bytes that may stand between two codings, however much the caller wants of the last one."""


class CodingStack:
    """A `Decoder` of all codings of a body.

    Args:
        streams: those of the single codings, in the order in which they are undone.
        limits: what each of them may expand to.
    """

    def __init__(self, streams: Sequence[CodedStream], limits: DecodingLimits) -> None:
        self._streams = streams
        self._limits = limits
        self._total = _UNLIMITED if limits.total is None else limits.total
        self._received = 0
        self._most_work = 0  # that each stream may have done by now
        self._held = bytearray()  # for the first stream, while a later one is still busy
        # What to raise for ever after. Not the exception: it would know this frame, and be a cycle.
        self._failure: tuple[type[Exception], tuple[object, ...]] | None = None

    @property
    def pending(self) -> bool:
        """Whether `decode(b"", n)` may return more without new input, or raise."""
        for stream in self._streams:
            if stream.pending:
                return True
        return bool(self._held) or self._failure is not None

    def decode(self, data: bytes, max_output: int) -> bytes:
        """Take a piece of the coded body and return some of the decoded one."""
        if max_output < 1:
            raise ValueError("max_output must be at least 1")
        self._raise_failure()
        if data:
            self._received += len(data)
            self._most_work = self._most_work_now()
        try:
            return self._step(data, max_output)
        except (ContentCodingError, LimitExceeded) as error:
            self._failure = (type(error), error.args)
            raise

    def finish(self) -> None:
        """Learn that the coded body has ended and nothing is pending."""
        self._raise_failure()
        if self.pending:
            raise LocalProtocolError("a body must be decoded while anything is pending, then ended")
        for stream in self._streams:
            stream.finish()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            kind, arguments = self._failure
            raise kind(*arguments)

    def _step(self, data: bytes, max_output: int) -> bytes:
        # The last busy one goes on first, so that what waits between two of them is one piece.
        first = len(self._streams) - 1
        while first and not self._streams[first].pending:
            first -= 1
        piece = data
        if first:
            self._held += data
            piece = b""
        elif self._held:
            piece = bytes(self._held) + data
            self._held.clear()
        for stream in self._streams[first:-1]:
            piece = self._pass(stream, piece, min(max_output, _BETWEEN))
            if not piece:
                return piece
        return self._pass(self._streams[-1], piece, max_output)

    def _most_work_now(self) -> int:
        limits = self._limits
        if limits.ratio is None:
            return _UNLIMITED
        return max(limits.grace, limits.ratio * self._received)

    def _pass(self, stream: CodedStream, data: bytes, max_output: int) -> bytes:
        """Let one coding decode what it is allowed to.

        Raises:
            LimitExceeded: there is a byte more, or another member or frame that is too much work.
        """
        output = stream.decode(data, max_output, self._total, self._most_work)
        if stream.produced > self._total:
            raise LimitExceeded("total", self._total)
        if stream.work > self._most_work or (stream.too_much and not output):
            assert self._limits.ratio is not None
            raise LimitExceeded("ratio", self._limits.ratio)
        return output
