"""Entity tags: ETag, If-Match, If-None-Match, If-Range (RFC 9110 sections 8.8.3 and 13.1)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from whimbrel_http_parser.errors import LocalProtocolError
from whimbrel_http_parser.fields._text import (
    OWS,
    FieldValue,
    FieldValues,
    check_text,
    lines_of,
    match_at,
    text_of,
)

__all__ = ["EntityTag", "format_etag", "format_etags", "parse_etag", "parse_etags"]

# An entity-tag, or what servers send for one: a small "w", no quotes, or only the first of them.
# A backslash in it is a backslash.
_TAG: Final = re.compile(r'([Ww]/)?+(?:"([^"]*+)"?+|([^",]*+))')

# Behind an element of a list: what makes it no tag after all, and the separators.
_REST: Final = re.compile(r"([^,]*+)[ \t,]*+")

# RFC 9110 section 8.8.3: etagc
_OPAQUE: Final = re.compile(r'[^\x00-\x20"\x7f]*+')


@dataclass(frozen=True, slots=True)
class EntityTag:
    """A name for one version of a representation (RFC 9110 section 8.8.3).

    Args:
        value: the opaque text, without its quotes.
        weak: whether versions that mean the same may share it.
    """

    value: str
    weak: bool = False

    def strong_match(self, other: "EntityTag") -> bool:
        """Tell whether the two stand for the same octets (RFC 9110 section 8.8.3.2)."""
        return not self.weak and not other.weak and self.value == other.value

    def weak_match(self, other: "EntityTag") -> bool:
        """Tell whether the two stand for the same content (RFC 9110 section 8.8.3.2)."""
        return self.value == other.value


def parse_etag(value: FieldValue) -> EntityTag | None:
    """Read the value of an ETag field.

    Args:
        value: the value. The quotes may be missing, as some servers omit them.

    Returns:
        The tag; `None` if there is none or it has quotes within, so that it could not be sent back.
    """
    text = text_of(value).strip(OWS)
    match = _TAG.fullmatch(text)
    return None if match is None else _tag_of(match)


def parse_etags(values: FieldValues) -> tuple[EntityTag, ...] | Literal["*"]:
    """Read the value of an If-Match or If-None-Match field.

    Args:
        values: the value, or those of several field lines; what is no tag in it is left out.

    Returns:
        The tags in order, or `"*"` if it is that, alone, which stands for any.
    """
    lines = lines_of(values)
    if [text for line in lines if (text := line.strip(OWS))] == ["*"]:
        return "*"
    found: list[EntityTag] = []
    for line in lines:
        pos = len(line) - len(line.lstrip(OWS + ","))
        while pos < len(line):
            match = match_at(_TAG, line, pos)
            rest = match_at(_REST, line, match.end())
            tag = _tag_of(match)
            if tag is not None and not rest[1].strip(OWS):
                found.append(tag)
            pos = rest.end()
    return tuple(found)


def format_etag(tag: EntityTag) -> str:
    r"""Return the value of an ETag field: `"abc"` or `W/"abc"`.

    Raises:
        LocalProtocolError: the value has a quote, a space or a control character.
    """
    if _OPAQUE.fullmatch(tag.value) is None:
        raise LocalProtocolError("an entity tag has a quote, a space or a control character")
    check_text(tag.value, "an entity tag")
    return f'W/"{tag.value}"' if tag.weak else f'"{tag.value}"'


def format_etags(tags: Iterable[EntityTag] | Literal["*"]) -> str:
    """Return the value of an If-Match or If-None-Match field.

    Args:
        tags: the tags, or `"*"` for any.

    Raises:
        LocalProtocolError: there are none, or as for `format_etag`.
    """
    if isinstance(tags, str):
        if tags != "*":
            raise LocalProtocolError('a list of entity tags is not text, unless it is "*"')
        return "*"
    written = ", ".join(map(format_etag, tags))
    if not written:
        raise LocalProtocolError("a list of entity tags must not be empty")
    return written


def _tag_of(match: re.Match[str]) -> EntityTag | None:
    weak, quoted, plain = match.groups()
    if quoted is None:
        plain = plain.strip(OWS)
        if plain in {"", "*"}:
            return None
        quoted = plain
    return EntityTag(quoted, weak is not None)
