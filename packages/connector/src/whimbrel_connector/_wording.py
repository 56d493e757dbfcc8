"""How errors put things."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["excerpt", "some_of"]

_Thing = TypeVar("_Thing")

_TOLD: Final = 8
"""How many of several things an error names."""
_EXCERPT: Final = 80
"""How much of a text an error shows, in characters."""


def excerpt(text: str) -> str:
    """Return the beginning of a text, quoted and escaped."""
    return ascii(text[:_EXCERPT])


def some_of(
    things: Sequence[_Thing], separator: str = ", ", wording: Callable[[_Thing], str] = str
) -> str:
    """Name the first of several things, and say how many more there are.

    Only those that are named are put into words: there may be thousands, over and over.
    """
    text = separator.join([wording(thing) for thing in things[:_TOLD]])
    return text if len(things) <= _TOLD else f"{text} and {len(things) - _TOLD} more"
