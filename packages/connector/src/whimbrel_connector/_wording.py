"""How errors put things."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["some_of"]

_TOLD: Final = 8
"""How many of several things an error names."""


def some_of(things: Sequence[str], separator: str = ", ") -> str:
    """Name the first of several things, and say how many more there are."""
    text = separator.join(things[:_TOLD])
    return text if len(things) <= _TOLD else f"{text} and {len(things) - _TOLD} more"
