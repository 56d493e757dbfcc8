"""Content-Disposition: of responses (RFC 6266), and of the parts of a form (RFC 7578)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

from whimbrel_http_parser.errors import LocalProtocolError
from whimbrel_http_parser.fields._ext_value import decode_ext_value, encode_ext_value
from whimbrel_http_parser.fields._parameters import NO_PARAMETERS, Parameters
from whimbrel_http_parser.fields._text import (
    OWS,
    TOKEN,
    FieldValue,
    check_names,
    check_text,
    parameter,
    parameters_of,
    quoted,
    text_of,
    token,
)

__all__ = [
    "ContentDisposition",
    "format_content_disposition",
    "format_form_data_disposition",
    "parse_content_disposition",
]

# The name of a parameter, the number of its piece (RFC 2231 section 3), and whether it is an
# ext-value (RFC 8187 section 3.2).
_NAME: Final = re.compile(r"([^*]++)(?:\*(0|[1-9][0-9]{0,8}+))?(\*)?")

_ESCAPED: Final = re.compile("[\udc80-\udcff]")

# RFC 6266 appendix D: what is understood in different ways in a plain file name.
_AMBIGUOUS: Final = re.compile(r'[^\x20-\x7e]|["\\]|%(?=[0-9A-Fa-f]{2})')

# The multipart/form-data encoding algorithm of the HTML standard, which RFC 7578 section 4.2 left
# to it. A backslash is itself there, and not the beginning of a quoted-pair.
_FORM_ESCAPES: Final = str.maketrans({'"': "%22", "\r": "%0D", "\n": "%0A"})


@dataclass(frozen=True, slots=True)
class ContentDisposition:
    """How content is to be presented, and the name it may be stored under (RFC 6266).

    Args:
        type: the disposition type in lower case: `"attachment"`, `"inline"`. Unknown ones are to
            be treated as `"attachment"` (RFC 6266 section 4.2).
        parameters: values by name in lower case. `name` and `name*` are two forms of one
            parameter, and the second one counts (RFC 6266 section 4.3); of several in the same
            form the first counts.
    """

    type: str
    parameters: Mapping[str, str] = NO_PARAMETERS

    def __post_init__(self) -> None:
        if not isinstance(self.parameters, Parameters):
            object.__setattr__(self, "parameters", Parameters(self.parameters))

    @classmethod
    def with_filename(cls, filename: str, type: str = "attachment") -> Self:  # noqa: A002  # the field's name
        """Make a disposition that suggests a file name.

        Args:
            filename: the file name; without its directories, which no recipient should see.
            type: the disposition type.
        """
        return cls(type, {"filename": filename})

    @property
    def filename(self) -> str | None:
        """The suggested file name; `None` without one.

        It is as the peer wrote it, and may have a path or control characters in it:
        `safe_filename` makes one of it that can be used.
        """
        return self.parameters.get("filename")


def parse_content_disposition(value: FieldValue) -> ContentDisposition | None:
    r"""Read the value of a Content-Disposition field.

    It is read as browsers do where they agree: a value that is not quoted reaches to the next
    semicolon; a backslash in quotes is the beginning of a quoted-pair, even if it was meant to
    separate directories; octets that are not UTF-8 are Windows-1252. An ext-value that cannot be
    decoded is ignored, and so the plain form counts. Percent-encoding and encoded-words (RFC 2047)
    in plain values are left as they are. The pieces of a value that was cut (`filename*0`,
    `filename*1*`; RFC 2231) are joined if neither other form is there: RFC 8187 does not allow
    them, but gateways from mail send them.

    Args:
        value: the value. With parameters and without a type it is taken for an attachment.

    Returns:
        What was read; `None` if there is neither a type nor a parameter.
    """
    text = text_of(value)
    disposition_type = text.partition(";")[0]
    start = len(disposition_type)
    disposition_type = disposition_type.strip(OWS).lower()
    if TOKEN.fullmatch(disposition_type) is not None:
        pairs = parameters_of(text, start) if start < len(text) else iter(())
        return ContentDisposition(disposition_type, _merged(list(pairs)))
    parameters = _merged(list(parameters_of(";" + text, 0)))
    return ContentDisposition("attachment", parameters) if parameters else None


def format_content_disposition(value: ContentDisposition) -> str:
    """Return the value of a Content-Disposition field of a response.

    A file name that is not plain ASCII is written twice: as `filename*`, and before it as
    `filename`, with `_` for what cannot be said there (RFC 6266 appendix D).

    Args:
        value: the disposition; `ContentDisposition.with_filename` makes the usual one.

    Raises:
        LocalProtocolError: the type or a name is no token, a name has a `*` or is there twice, or
            a value has a control character or a surrogate.
    """
    written = [token(value.type, "the disposition type")]
    check_names(value.parameters)
    for name, content in value.parameters.items():
        if "*" in name:
            raise LocalProtocolError("the name of a parameter must be given without its asterisk")
        if name.lower() == "filename" and _AMBIGUOUS.search(content) is not None:
            ext_value = encode_ext_value(content, "the file name")
            written.append(f"{name}={quoted(_AMBIGUOUS.sub('_', content), 'the file name')}")
            written.append(f"{name}*={ext_value}")
        elif content.isascii():
            written.append(parameter(name, content))
        else:
            written.append(f"{name}*={encode_ext_value(content, f'the parameter {name[:60]}')}")
    return "; ".join(written)


def format_form_data_disposition(name: str, filename: str | None = None) -> str:
    """Return the Content-Disposition of a part of multipart/form-data (RFC 7578 section 4.2).

    It is written as browsers do, which is what servers read: in UTF-8, always quoted, with `%22`,
    `%0D` and `%0A` for quotes and line ends, every other character as it is, and never with
    `filename*`, which RFC 7578 forbids. A backslash stands for itself there, as the HTML standard
    has it; `parse_content_disposition` takes it for the beginning of a quoted-pair, and so does
    not always read back what is written here.

    Args:
        name: the name of the form's field.
        filename: the name of the file that the part holds.

    Raises:
        LocalProtocolError: one of the two has a control character other than CR, LF and HTAB, or
            a surrogate that stands for no byte.
    """
    written = f'form-data; name="{_form_escaped(name, "the name of a form field")}"'
    if filename is None:
        return written
    return f'{written}; filename="{_form_escaped(filename, "the file name")}"'


def _form_escaped(text: str, what: str) -> str:
    return check_text(text.translate(_FORM_ESCAPES), what)


def _merged(pairs: list[tuple[str, str]]) -> Mapping[str, str]:
    """Return one value for each name, of the forms that it was sent in."""
    plain: dict[str, str] = {}
    extended: dict[str, str] = {}
    pieces: dict[str, dict[int, tuple[str, bool]]] = {}
    names: dict[str, None] = {}
    for full_name, value in pairs:
        match = _NAME.fullmatch(full_name)
        if match is None:
            continue
        name, number, asterisk = match.groups()
        names[name] = None
        if number is not None:
            pieces.setdefault(name, {}).setdefault(int(number), (value, asterisk is not None))
        elif asterisk is None:
            plain.setdefault(name, _decoded(value))
        elif (text := decode_ext_value(value)) is not None:
            extended.setdefault(name, text)
    for name, numbered in pieces.items():
        if name not in plain and (text := _joined(numbered)) is not None:
            plain[name] = text
    merged = plain | extended
    return Parameters((name, merged[name]) for name in names if name in merged)


def _joined(pieces: dict[int, tuple[str, bool]]) -> str | None:
    """Join pieces from number 0 to the first that is missing (RFC 2231 section 4.1).

    The first one names the character set of those that are percent-encoded; a character may be cut
    in two by their borders.
    """
    parts: list[str] = []
    encoded: list[bool] = []
    while (piece := pieces.get(len(parts))) is not None:
        value, is_encoded = piece
        parts.append(value)
        encoded.append(is_encoded)
    if not any(encoded):
        return _decoded("".join(parts)) if parts else None
    if not encoded[0]:
        return None
    return decode_ext_value(
        "".join(
            part if is_encoded else part.replace("%", "%25")
            for part, is_encoded in zip(parts, encoded, strict=True)
        )
    )


def _decoded(value: str) -> str:
    """Return a plain value, whose octets are not always UTF-8."""
    if _ESCAPED.search(value) is None:
        return value
    try:
        octets = value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return value  # it has surrogates that stand for no octet, and came from no peer
    try:
        return octets.decode("cp1252")
    except UnicodeDecodeError:
        return octets.decode("latin-1")
