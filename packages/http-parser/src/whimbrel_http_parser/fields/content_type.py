"""Content-Type (RFC 9110 section 8.3)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from whimbrel_http_parser.errors import LocalProtocolError
from whimbrel_http_parser.fields._parameters import NO_PARAMETERS, Parameters
from whimbrel_http_parser.fields._text import (
    OWS,
    TOKEN,
    FieldValue,
    check_names,
    parameter,
    parameters_of,
    text_of,
)

__all__ = ["ContentType", "format_content_type", "parse_content_type"]

# RFC 9110 section 8.3.1: type "/" subtype
_ESSENCE: Final = re.compile(f"{TOKEN.pattern}/{TOKEN.pattern}")


@dataclass(frozen=True, slots=True)
class ContentType:
    """A media type (RFC 9110 section 8.3.1).

    Args:
        essence: type and subtype in lower case: `"text/html"`.
        parameters: values by name in lower case; the first of several with one name counts.
    """

    essence: str
    parameters: Mapping[str, str] = NO_PARAMETERS

    def __post_init__(self) -> None:
        if not isinstance(self.parameters, Parameters):
            object.__setattr__(self, "parameters", Parameters(self.parameters))

    @property
    def type(self) -> str:
        """What is before the slash: `"text"`."""
        return self.essence.partition("/")[0]

    @property
    def subtype(self) -> str:
        """What is behind the slash: `"html"`."""
        return self.essence.partition("/")[2]

    @property
    def charset(self) -> str | None:
        """The parameter of this name, as it was sent: `"UTF-8"`; `None` without one."""
        return self.parameters.get("charset")


def parse_content_type(value: FieldValue) -> ContentType:
    """Read the value of a Content-Type field.

    Args:
        value: the value; without a media type at its start it is taken for
            `application/octet-stream` without parameters, which promises nothing.
    """
    text = text_of(value)
    essence, semicolon, _ = text.partition(";")
    start = len(essence)
    essence = essence.strip(OWS).lower()
    if _ESSENCE.fullmatch(essence) is None:
        return ContentType("application/octet-stream")
    if not semicolon:
        return ContentType(essence)
    parameters: dict[str, str] = {}
    for name, content in parameters_of(text, start):
        parameters.setdefault(name, content)
    return ContentType(essence, Parameters(parameters))


def format_content_type(value: ContentType) -> str:
    """Return the value of a Content-Type field: `text/html; charset=utf-8`.

    Args:
        value: the media type; parameters that are no tokens are quoted.

    Raises:
        LocalProtocolError: the essence is no media type, the name of a parameter is no token or
            there twice, or the value of one has a control character.
    """
    if _ESSENCE.fullmatch(value.essence) is None:
        raise LocalProtocolError("the essence of a media type is not type/subtype")
    check_names(value.parameters)
    written = [parameter(name, content) for name, content in value.parameters.items()]
    return "; ".join([value.essence, *written])
