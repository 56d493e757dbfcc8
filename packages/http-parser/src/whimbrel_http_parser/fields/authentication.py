"""Challenges and credentials (RFC 9110 section 11).

They are the values of WWW-Authenticate and Proxy-Authenticate, of Authorization and
Proxy-Authorization. What a scheme means by them is not known here.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from whimbrel_http_parser.errors import LocalProtocolError
from whimbrel_http_parser.fields._ext_value import check_ext_value
from whimbrel_http_parser.fields._parameters import NO_PARAMETERS, Parameters
from whimbrel_http_parser.fields._text import (
    OWS,
    QUOTED,
    TOKEN,
    FieldValue,
    FieldValues,
    check_names,
    lines_of,
    match_at,
    quoted,
    text_of,
    token,
    unescaped,
)

__all__ = [
    "Challenge",
    "Credentials",
    "format_challenges",
    "format_credentials",
    "parse_challenges",
    "parse_credentials",
]

# Everything up to a comma that is in no quoted-string; one without an end reaches to the end.
_TO_COMMA: Final = rf'(?:[^,"]++|"{QUOTED}"?+)*+'

# RFC 9110 section 11.2: token68
_TOKEN68: Final = re.compile(r"[A-Za-z0-9\-._~+/]++=*+")

# RFC 9110 sections 11.2 to 11.4. A scheme is followed by its first parameter or its token68, by a
# comma or the end. After a comma, what has an equals sign behind its token is a parameter of the
# scheme before, and what has none is the next scheme.
_SCHEME: Final = re.compile(
    rf"({TOKEN.pattern})(?:[ \t]++(?:({_TOKEN68.pattern})(?=[ \t]*+(?:,|\Z)))?|(?=,|\Z))"
)
_AUTH_PARAM: Final = re.compile(
    rf'({TOKEN.pattern})[ \t]*+=[ \t]*+(?:"({QUOTED})"?+|({_TO_COMMA}))', re.DOTALL
)
_SEPARATOR: Final = re.compile(rf"{_TO_COMMA}[ \t,]*+", re.DOTALL)
_LEADING: Final = OWS + ","

# RFC 7616 sections 3.3 and 3.4: what Digest must not quote, and what its examples do not.
_UNQUOTED_IN_CHALLENGE: Final = frozenset({"algorithm", "charset", "stale", "userhash"})
_UNQUOTED_IN_CREDENTIALS: Final = frozenset({"algorithm", "nc", "qop", "userhash"})

# RFC 7616 section 3.4: an ext-value, which is never quoted.
_EXTENDED_USERNAME: Final = "username*"


@dataclass(frozen=True, slots=True)
class _SchemeAndParameters:
    scheme: str
    token68: str | None = None
    parameters: Mapping[str, str] = NO_PARAMETERS

    def __post_init__(self) -> None:
        if not isinstance(self.parameters, Parameters):
            object.__setattr__(self, "parameters", Parameters(self.parameters))

    def is_scheme(self, name: str) -> bool:
        """Tell whether the scheme is `name`, in whatever case (RFC 9110 section 11.1)."""
        return self.scheme.lower() == name.lower()


@dataclass(frozen=True, slots=True)
class Challenge(_SchemeAndParameters):
    """What a server or proxy wants to see before it answers (RFC 9110 section 11.3).

    Args:
        scheme: the authentication scheme, as it was sent: `"Digest"`.
        token68: what some schemes have in place of parameters, or `None`.
        parameters: values by name in lower case; the first of several with one name counts.
    """

    @property
    def realm(self) -> str | None:
        """The protection space, for people; `None` without one (RFC 9110 section 11.5)."""
        return self.parameters.get("realm")


@dataclass(frozen=True, slots=True, repr=False)
class Credentials(_SchemeAndParameters):
    """What a client proves who it is with (RFC 9110 section 11.4).

    Args:
        scheme: the authentication scheme, as it was sent: `"Basic"`.
        token68: what some schemes have in place of parameters, or `None`.
        parameters: values by name in lower case; the first of several with one name counts.
    """

    def __repr__(self) -> str:
        """Show no secret: a representation ends up in logs."""
        return f"Credentials(scheme={self.scheme!r}, ...)"


def parse_challenges(values: FieldValues) -> tuple[Challenge, ...]:
    """Read the value of a WWW-Authenticate or Proxy-Authenticate field.

    A value that is not quoted reaches to the next comma, and a quoted-string without an end to the
    end of its field line. Behind a token68, and behind anything else that should not be there, such
    as a parameter without its comma, nothing is taken up to the next scheme, so that no parameter
    gets into a challenge that it was not meant for.

    Args:
        values: the value, or those of several field lines.

    Returns:
        The challenges in order, which is no order of preference; each took at least two
        characters, but for the last of a line.
    """
    return tuple(Challenge(*found) for line in lines_of(values) for found in _read(line))


def parse_credentials(value: FieldValue) -> Credentials | None:
    """Read the value of an Authorization or Proxy-Authorization field.

    Args:
        value: the value, read as a challenge is; what is behind the first credentials is left out.

    Returns:
        The credentials, with neither token68 nor parameters if those cannot be understood; `None`
        if there is no scheme.
    """
    found = _read(text_of(value))
    return Credentials(*found[0]) if found else None


def format_challenges(
    challenges: Iterable[Challenge], *, unquoted: Collection[str] | None = None
) -> str:
    """Return the value of a WWW-Authenticate or Proxy-Authenticate field.

    Some clients understand only one challenge in a field line: for them, send each in a line of
    its own.

    Args:
        challenges: the challenges.
        unquoted: the names, in lower case, of the parameters whose values are tokens and written
            without quotes; the others are quoted. Without it none is, unless the scheme is Digest:
            then what RFC 7616 section 3.3 says.

    Raises:
        LocalProtocolError: there is no challenge (RFC 9110 section 11.6.1), a scheme, a name or a
            value in `unquoted` is no token, a name is there twice in one challenge, a token68 is
            none, there are both it and parameters, or a value has a control character.
    """
    written = ", ".join(_format(one, unquoted, _UNQUOTED_IN_CHALLENGE) for one in challenges)
    if not written:
        raise LocalProtocolError("a field of challenges must have one at least")
    return written


def format_credentials(credentials: Credentials, *, unquoted: Collection[str] | None = None) -> str:
    """Return the value of an Authorization or Proxy-Authorization field.

    Args:
        credentials: the credentials. The parameter `username*` of Digest is given, and was read, in
            its coded form: `"UTF-8''J%C3%B8rn"`. It is never quoted.
        unquoted: as for `format_challenges`, with RFC 7616 section 3.4.

    Raises:
        LocalProtocolError: as `format_challenges`, or `username*` of Digest is no ext-value in
            UTF-8 (RFC 8187 section 3.2.1). No message has a value in it.
    """
    return _format(credentials, unquoted, _UNQUOTED_IN_CREDENTIALS)


def _read(line: str) -> list[tuple[str, str | None, Mapping[str, str]]]:
    found: list[tuple[str, str | None, dict[str, str]]] = []
    parameters: dict[str, str] | None = None  # those of the last scheme, while more may follow
    pos = len(line) - len(line.lstrip(_LEADING))
    while pos < len(line):
        match = _AUTH_PARAM.match(line, pos)
        scheme = _SCHEME.match(line, pos) if match is None else None
        if scheme is not None:
            parameters = {}
            found.append((scheme[1], scheme[2], parameters))
            pos = scheme.end()
            match = _AUTH_PARAM.match(line, pos)
        if match is not None:
            name, content, plain = match.groups()
            if parameters is not None:
                text = plain.strip(OWS) if content is None else unescaped(content)
                parameters.setdefault(name.lower(), text)
            pos = match.end()
        end = match_at(_SEPARATOR, line, pos).end()
        if (scheme is not None and scheme[2] is not None) or line[pos:end].strip(_LEADING):
            parameters = None
        pos = end
    return [
        (scheme, token68, Parameters(parameters) if parameters else NO_PARAMETERS)
        for scheme, token68, parameters in found
    ]


def _format(
    value: _SchemeAndParameters, unquoted: Collection[str] | None, of_digest: Collection[str]
) -> str:
    scheme = token(value.scheme, "an authentication scheme")
    if value.token68 is not None:
        if value.parameters:
            raise LocalProtocolError("a token68 and parameters exclude each other")
        if _TOKEN68.fullmatch(value.token68) is None:
            raise LocalProtocolError("the token68 of an authentication scheme is none")
        return f"{scheme} {value.token68}"
    digest = value.is_scheme("digest")
    if unquoted is None:
        unquoted = of_digest if digest else ()
    check_names(value.parameters, "an authentication parameter")
    written: list[str] = []
    for name, text in value.parameters.items():
        what = f"the authentication parameter {name[:60]}"
        if digest and name.lower() == _EXTENDED_USERNAME:
            written.append(f"{name}={check_ext_value(text, what)}")
        else:
            bare = name.lower() in unquoted
            written.append(f"{name}={token(text, what) if bare else quoted(text, what)}")
    return f"{scheme} {', '.join(written)}" if written else scheme
