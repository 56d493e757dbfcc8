"""How a target reads its input: some bytes of choices first, then what it feeds."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["pieces_of"]


def pieces_of(data: bytes, sizes: bytes) -> list[bytes]:
    """Cut `data` into pieces of the sizes in `sizes`, over and over; 0 is the whole rest."""
    pieces = []
    start, turn = 0, 0
    lengths: Sequence[int] = sizes or b"\0"
    while start < len(data):
        length = lengths[turn % len(lengths)] or len(data)
        pieces.append(data[start : start + length])
        start += length
        turn += 1
    return pieces
