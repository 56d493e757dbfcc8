"""The header fields of a request: the session's, the request's and the automatic ones, merged."""

from __future__ import annotations

import functools
import platform
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from whimbrel._version import __version__
from whimbrel_http_parser import available_codings

if TYPE_CHECKING:
    from multidict import istr

__all__ = [
    "Field",
    "LooseHeaders",
    "SessionFields",
    "automatic_fields",
    "field_values",
    "list_fields",
    "without",
]

Field = tuple[str, str]
LooseHeaders = Mapping[str, str] | Iterable[tuple[str, str]]
"""What users may give as `headers`."""


@functools.cache  # asking for the codings imports their libraries: for a session, not at import
def automatic_fields() -> tuple[Field, ...]:
    """Return the fields that a request has unless they are given or skipped."""
    return (
        ("Accept", "*/*"),
        ("Accept-Encoding", ", ".join(available_codings())),
        ("User-Agent", f"Python/{platform.python_version()} whimbrel/{__version__}"),
    )


def list_fields(headers: LooseHeaders | None) -> list[Field]:
    """Return `headers` as a list of pairs; a multidict keeps its repeated names.

    Raises:
        TypeError: a name or a value is not text.
    """
    if headers is None:
        return []
    fields = []
    for name, value in headers.items() if isinstance(headers, Mapping) else headers:
        if not (isinstance(name, str) and isinstance(value, str)):
            raise TypeError(
                f"Header fields are text, not {type(name).__name__} and {type(value).__name__} "
                f"(field {str(name)[:64]!r})"
            )
        fields.append((str(name), value))
    return fields


def field_values(fields: Iterable[Field], name: str) -> list[str]:
    """Return every value of the field `name` (in lower case)."""
    return [value for field, value in fields if field.lower() == name]


def without(fields: Iterable[Field], name: str) -> list[Field]:
    """Return the fields that are not called `name` (in lower case)."""
    return [field for field in fields if field[0].lower() != name]


class SessionFields:
    """The fields that every request of a session has, prepared once.

    Args:
        headers: the session's own.
        skip: names of automatic fields that are not to be sent.
    """

    def __init__(self, headers: LooseHeaders | None, skip: Iterable[str | istr] | None) -> None:
        self._own = list_fields(headers)
        self._skip = frozenset(name.lower() for name in skip or ())
        self._plain = self._merge([], self._skip)

    def skips(self, name: str, skip: Iterable[str] | None) -> bool:
        """Tell whether the automatic field `name` (in lower case) is not to be sent."""
        return name in self._skip or (
            skip is not None and name in {skipped.lower() for skipped in skip}
        )

    def merged(self, headers: LooseHeaders | None, skip: Iterable[str] | None) -> list[Field]:
        """Return the fields of a request; its own replace the session's of the same name."""
        if headers is None and skip is None:
            return self._plain.copy()
        skipped = self._skip if skip is None else self._skip | {name.lower() for name in skip}
        return self._merge(list_fields(headers), skipped)

    def _merge(self, request: list[Field], skip: frozenset[str]) -> list[Field]:
        replaced = {name.lower() for name, _ in request}
        fields = [field for field in self._own if field[0].lower() not in replaced]
        fields += request
        given = {name.lower() for name, _ in fields} | skip
        fields += [field for field in automatic_fields() if field[0].lower() not in given]
        return fields
