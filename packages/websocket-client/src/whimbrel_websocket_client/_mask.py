"""Masking (RFC 6455, section 5.3), many bytes per operation.

What is done for every frame has two forms: XOR over machine words, which is fastest when compiled,
and XOR over integers as wide as a block, which keeps the loop over bytes inside the interpreter's
arithmetic. The tests hold them against each other and against the definition.
"""

from __future__ import annotations

import os
from types import FunctionType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    # Machine integers and what reads and writes them when compiled, which takes no name to find it;
    # nothing of it otherwise.
    from librt.strings import BytesWriter, read_i64_le, write_i64_le  # noqa: TC004 -- see above
    from mypy_extensions import i64

__all__ = ["COMPILED", "apply_mask", "fresh_mask"]

# Larger blocks are given back to the system after use, and every page of them is faulted in anew.
_BLOCK_OF_WORDS: Final = 32 * 1024
# Wider integers leave the processor's nearest cache and take twice the time per byte.
_BLOCK_OF_INTEGERS: Final = 16 * 1024

# Asking the system costs as much as the rest of a short frame, so that many keys come at once.
# Taking one from a list is one step, also when several threads have event loops.
_KEYS_AT_ONCE: Final = 256
_keys: list[bytes] = []

if hasattr(os, "register_at_fork"):
    # Two processes must not go on with the same keys.
    os.register_at_fork(after_in_child=_keys.clear)


def fresh_mask() -> bytes:
    """Return four octets from the system's source of randomness, that no other frame gets."""
    while True:
        try:
            return _keys.pop()
        except IndexError:
            block = os.urandom(4 * _KEYS_AT_ONCE)
            _keys.extend([block[start : start + 4] for start in range(0, len(block), 4)])


def apply_mask(data: bytes | bytearray | memoryview, mask: bytes, header: bytes = b"") -> bytes:
    """Return `header`, and then `data` with every octet XORed with the one of `mask` due.

    Args:
        data: payload; masking twice gives it back. A memoryview must have items of one byte.
        mask: the masking key, four octets, the first one for the first octet of `data`.
        header: octets to begin with, left as they are.
    """
    if COMPILED:
        return mask_by_words(data if isinstance(data, bytes) else bytes(data), mask, header)
    return mask_by_integers(data, mask, header)


def mask_by_words(data: bytes, mask: bytes, header: bytes = b"") -> bytes:
    """Do what `apply_mask` does over eight octets at a time; compiled only."""
    size: i64 = len(data)
    writer = BytesWriter()
    if size <= _BLOCK_OF_WORDS:
        writer.write(header)
        _mask_words(writer, data, 0, size, mask)
        return writer.getvalue()
    blocks: list[bytes] = [header]
    start: i64 = 0
    while start < size:
        end: i64 = min(start + _BLOCK_OF_WORDS, size)
        _mask_words(writer, data, start, end, mask)
        blocks.append(writer.getvalue())
        # What it has grown to is kept.
        writer.truncate(0)
        start = end
    return b"".join(blocks)


def _mask_words(writer: BytesWriter, data: bytes, start: i64, end: i64, mask: bytes) -> None:
    key: i64 = read_i64_le(mask + mask, 0)
    position: i64 = start
    last_word: i64 = end - 8
    while position <= last_word:
        write_i64_le(writer, read_i64_le(data, position) ^ key)
        position += 8
    turn: i64 = 0
    while position < end:
        writer.append(data[position] ^ mask[turn])
        position += 1
        turn = turn + 1 & 3


def mask_by_integers(
    data: bytes | bytearray | memoryview, mask: bytes, header: bytes = b""
) -> bytes:
    """Do what `apply_mask` does over integers as wide as a block."""
    size = len(data)
    if size <= _BLOCK_OF_INTEGERS:
        return header + _xor(data, size, mask)
    key = int.from_bytes(mask * (_BLOCK_OF_INTEGERS // 4), "little")
    whole = size - size % _BLOCK_OF_INTEGERS
    blocks = [header]
    for start in range(0, whole, _BLOCK_OF_INTEGERS):
        block = int.from_bytes(data[start : start + _BLOCK_OF_INTEGERS], "little") ^ key
        blocks.append(block.to_bytes(_BLOCK_OF_INTEGERS, "little"))
    blocks.append(_xor(data[whole:], size - whole, mask))
    return b"".join(blocks)


def _xor(data: bytes | bytearray | memoryview, size: int, mask: bytes) -> bytes:
    key = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(data, "little") ^ int.from_bytes(key, "little")).to_bytes(size, "little")


COMPILED: Final = not isinstance(apply_mask, FunctionType)
"""Whether this module, and with it the protocol, is compiled."""
