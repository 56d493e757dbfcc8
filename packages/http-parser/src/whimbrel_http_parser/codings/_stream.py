"""What all codings have in common: input that a library takes bit by bit, in bounded steps."""

from typing import Final

from whimbrel_http_parser.errors import ContentCodingError

__all__ = ["BYTES_PER_RUN", "COST_OF_ANOTHER", "RUNS_PER_STEP", "CodedStream"]

# A gzip member may be 20 bytes of input for no output at all, a zstd frame 9, and so may any number
# of blocks in one. So many runs of the library over so many bytes bound the work of one step.
RUNS_PER_STEP: Final = 16
BYTES_PER_RUN: Final = 16 * 1024

# What another gzip member or zstd frame costs though it may decode to nothing: a decompressor is
# made for it, in about the time in which one decodes so many bytes.
COST_OF_ANOTHER: Final = 64 * 1024


class CodedStream:
    """One coding of a `CodingStack`: the input that its library has not taken, and its faults.

    It has the methods of a `Decoder` and is asked only by the stack, which looks at the arguments
    and calls it no more once it has raised. A subclass runs the library once in `_run`, and keeps
    `_holds` and `_ended` true to its state.

    Args:
        coding: its name, for errors.
    """

    def __init__(self, coding: str) -> None:
        self._coding = coding
        self._input = b""
        self._pos = 0
        self._lent = 0  # bytes before _pos that the library may give back when a stream ends
        self._needed = 1  # bytes of input for a run
        self._holds = False  # the library may have more output, without more input
        self._begun = False  # any byte was received
        self._ended = False  # the stream, or the last one seen, is complete
        self._most_work = 0
        self.produced = 0  # bytes that came out
        self.work = 0  # they, and what other streams than the first cost
        self.too_much = False  # another stream is at hand, and was too much work in the last step
        # What was found behind good data, and waits until they are out. Only the text, not the
        # exception: that one would know this frame, and so be a cycle.
        self._deferred: str | None = None

    @property
    def pending(self) -> bool:
        """Whether `decode(b"", n)` may return more without new input, or raise."""
        return self._holds or self._available() >= self._needed or self._deferred is not None

    def decode(self, data: bytes, max_output: int, total: int, most_work: int) -> bytes:
        """Take a piece of the coded body and return some of the decoded one.

        Args:
            data: the piece.
            max_output: how many bytes may come out, at least 1.
            total: what `produced` may come to.
            most_work: what `work` may come to. When one of the two has, a step looks for a byte
                more, and ends with it.
        """
        if self._deferred is not None:
            raise ContentCodingError(self._coding, self._deferred)
        if data:
            self._take(data)
        self._most_work = most_work
        self.too_much = False
        parts: list[bytes] = []
        left = max_output
        for _ in range(RUNS_PER_STEP):
            room = min(left, total - self.produced, most_work - self.work)
            if (parts and room <= 0) or not self.pending or self.too_much:
                break
            try:
                output = self._next(room or 1)
            except ContentCodingError as error:
                if not parts:
                    raise
                self._deferred = error.what
                break
            if output:
                parts.append(output)
                left -= len(output)
                self.produced += len(output)
                self.work += len(output)
        return b"".join(parts)

    def finish(self) -> None:
        """Learn that the coded body has ended and nothing is pending."""
        if self._begun and not self._ended:
            raise ContentCodingError(self._coding, "the coded data end too early")

    def _take(self, data: bytes) -> None:
        self._begun = True
        start = self._pos - self._lent
        self._input = self._input[start:] + data if start < len(self._input) else data
        self._pos = self._lent

    def _available(self) -> int:
        return len(self._input) - self._pos

    def _window(self) -> bytes:
        """Return the input for one run; libraries copy what they do not take."""
        return self._input[self._pos : self._pos + BYTES_PER_RUN]

    def _next(self, max_output: int) -> bytes:
        if self._ended and not self._holds:
            self._begin_another()
            if not self.pending:
                return b""
            if self.work + COST_OF_ANOTHER >= self._most_work:
                self.too_much = True
                return b""
            self.work += COST_OF_ANOTHER
            self._ended = False
            max_output = min(max_output, self._most_work - self.work)
        return self._run(max_output)

    def _begin_another(self) -> None:
        """See whether the input at hand may follow a complete stream; skip it if it is void."""
        raise ContentCodingError(self._coding, "data behind the end of the coded data")

    def _run(self, max_output: int) -> bytes:
        """Run the library once over some of the input.

        Raises:
            ContentCodingError: the library found a fault.
        """
        raise NotImplementedError
