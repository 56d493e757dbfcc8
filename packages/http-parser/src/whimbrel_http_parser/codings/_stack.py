"""One or more codings, one applied over the other, and the guards against what they expand to."""

import sys
from collections.abc import Sequence
from typing import Final

from whimbrel_http_parser.codings._stream import CodedStream
from whimbrel_http_parser.codings.limits import DecodingLimits
from whimbrel_http_parser.errors import ContentCodingError, LimitExceeded

__all__ = ["CodingStack"]

_UNLIMITED: Final = sys.maxsize

_BETWEEN: Final = 64 * 1024
"""Bytes that may stand between two layers, however much the caller wants of the last one."""


class _Layer:
    """One coding, and how much has come out of it."""

    __slots__ = ("produced", "stream")

    def __init__(self, stream: CodedStream) -> None:
        self.stream = stream
        self.produced = 0


class CodingStack:
    """A `Decoder` of all codings of a body.

    Args:
        streams: those of the single codings, in the order in which they are undone.
        limits: what each of them may expand to.
    """

    def __init__(self, streams: Sequence[CodedStream], limits: DecodingLimits) -> None:
        self._layers = [_Layer(stream) for stream in streams]
        self._limits = limits
        self._received = 0
        self._allowed = 0  # bytes that may have come out of each layer by now
        self._held = bytearray()  # for the first layer, while a later one is still busy
        # What to raise for ever after. Not the exception: it would know this frame, and be a cycle.
        self._failure: tuple[type[Exception], tuple[object, ...]] | None = None

    @property
    def pending(self) -> bool:
        """Whether `decode(b"", n)` may return more without new input, or raise."""
        for layer in self._layers:
            if layer.stream.pending:
                return True
        return bool(self._held) or self._failure is not None

    def decode(self, data: bytes, max_output: int) -> bytes:
        """Take a piece of the coded body and return some of the decoded one."""
        if max_output < 1:
            raise ValueError("max_output must be at least 1")
        self._raise_failure()
        if data:
            self._received += len(data)
            self._allowed = self._allowed_now()
        try:
            return self._step(data, max_output)
        except (ContentCodingError, LimitExceeded) as error:
            self._failure = (type(error), error.args)
            raise

    def finish(self) -> None:
        """Learn that the coded body has ended and nothing is pending."""
        self._raise_failure()
        for layer in self._layers:
            layer.stream.finish()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            kind, arguments = self._failure
            raise kind(*arguments)

    def _step(self, data: bytes, max_output: int) -> bytes:
        # The last busy layer goes on first, so that what waits between two of them is one piece.
        first = len(self._layers) - 1
        while first and not self._layers[first].stream.pending:
            first -= 1
        piece = data
        if first:
            self._held += data
            piece = b""
        elif self._held:
            piece = bytes(self._held) + data
            self._held.clear()
        for layer in self._layers[first:-1]:
            piece = self._pass(layer, piece, min(max_output, _BETWEEN))
            if not piece:
                return piece
        return self._pass(self._layers[-1], piece, max_output)

    def _allowed_now(self) -> int:
        limits = self._limits
        allowed = _UNLIMITED if limits.total is None else limits.total
        if limits.ratio is not None:
            allowed = min(allowed, max(limits.grace, limits.ratio * self._received))
        return allowed

    def _pass(self, layer: _Layer, data: bytes, max_output: int) -> bytes:
        """Let one layer decode what it is allowed to; when that is nothing, look for a byte more.

        Raises:
            LimitExceeded: there is one.
        """
        room = self._allowed - layer.produced
        output = layer.stream.decode(data, min(max_output, room) if room else 1)
        layer.produced += len(output)
        if len(output) > room:
            total = self._limits.total
            if total is not None and layer.produced > total:
                raise LimitExceeded("total", total)
            assert self._limits.ratio is not None
            raise LimitExceeded("ratio", self._limits.ratio)
        return output
