"""Feed a `Decoder` as its contract asks, and check what the contract promises."""

from collections.abc import Iterable, Sequence
from itertools import cycle

from whimbrel_http_parser.codings.interfaces import Decoder

__all__ = ["decode_in_steps"]


def decode_in_steps(
    decoder: Decoder | None,
    pieces: Iterable[bytes],
    max_outputs: Sequence[int] = (65536,),
    outputs: list[bytes] | None = None,
) -> list[bytes]:
    """Decode a whole body: each piece, then whatever is pending, and the end.

    Args:
        decoder: a fresh one; `None`, which `decoder_for` may return, is a failure.
        pieces: the coded body.
        max_outputs: how many bytes may come out of each step; over again when there are more steps.
        outputs: where to put what comes out, for who wants to see it although an error followed.

    Returns:
        What came out of each step, `outputs` if that was given.

    Raises:
        AssertionError: more came out of a step than was allowed.
        ContentCodingError: the body is not in its coding.
        LimitExceeded: it decodes to more than the decoder's limits allow.
    """
    assert decoder is not None, "there is no decoder for this"
    found = [] if outputs is None else outputs
    allowed = cycle(max_outputs)

    def step(data: bytes) -> None:
        max_output = next(allowed)
        output = decoder.decode(data, max_output)
        assert len(output) <= max_output, f"{len(output)} bytes came out, not {max_output}"
        found.append(output)

    for piece in pieces:
        step(piece)
        while decoder.pending:
            step(b"")
    decoder.finish()
    return found
