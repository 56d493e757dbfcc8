"""What all encoders have in common: a compressor, and one end."""

from collections.abc import Callable

from whimbrel_http_parser.errors import LocalProtocolError

__all__ = ["StreamEncoder"]


class StreamEncoder:
    """An `Encoder` that writes one stream.

    Args:
        compress: takes bytes and returns coded ones.
        end: returns the last coded bytes.
    """

    def __init__(self, compress: Callable[[bytes], bytes], end: Callable[[], bytes]) -> None:
        self._compress = compress
        self._end = end
        self._finished = False

    def encode(self, data: bytes) -> bytes:
        """Return the next coded bytes, if any."""
        self._check_not_finished()
        return self._compress(data)

    def finish(self) -> bytes:
        """Return the last coded bytes."""
        self._check_not_finished()
        self._finished = True
        return self._end()

    def _check_not_finished(self) -> None:
        if self._finished:
            raise LocalProtocolError("the coded body has ended: an encoder writes one")
