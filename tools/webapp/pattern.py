"""Bodies of any length that both ends can compute, so that a hash proves every byte arrived."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterator
from random import Random

__all__ = ["BLOCK_SIZE", "blocks", "digest", "stream"]

BLOCK_SIZE = 65_536
"""Octets per block; a power of two, so that no block boundary hides an off-by-one."""

# Incompressible, the same in every process, and not periodic in less than a block.
_BLOCK = Random(20_261_122).randbytes(BLOCK_SIZE)


def blocks(length: int, size: int = BLOCK_SIZE) -> Iterator[bytes]:
    """Yield the body of `length` octets in pieces of at most `size` octets.

    The octets depend on their position only, never on `size`.
    """
    position = 0
    while position < length:
        offset = position % BLOCK_SIZE
        count = min(size, BLOCK_SIZE - offset, length - position)
        yield _BLOCK[offset : offset + count]
        position += count


async def stream(length: int, size: int = BLOCK_SIZE) -> AsyncIterator[bytes]:
    """Yield what `blocks` yields, for an upload without a known length."""
    for block in blocks(length, size):
        yield block


def digest(length: int) -> str:
    """Return the SHA-256 of the body of `length` octets, in hexadecimal."""
    sha256 = hashlib.sha256()
    for block in blocks(length):
        sha256.update(block)
    return sha256.hexdigest()
