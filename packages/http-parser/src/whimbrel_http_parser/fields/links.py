"""Link (RFC 8288)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from multidict import MultiMapping

from whimbrel_http_parser.errors import LocalProtocolError
from whimbrel_http_parser.fields._ext_value import decode_ext_value, encode_ext_value
from whimbrel_http_parser.fields._parameters import NO_ATTRIBUTES, Attributes
from whimbrel_http_parser.fields._text import (
    OWS,
    QUOTED,
    TOKEN,
    FieldValues,
    check_names,
    lines_of,
    match_at,
    parameter,
    unescaped,
)

__all__ = ["Link", "format_links", "parse_links"]

# RFC 8288 section 3, as read by its appendix B: a quoted-string without an end reaches to the end
# of the text, any other value to the next semicolon or comma.
_TARGET: Final = re.compile(r"[ \t,]*+<([^>]*+)>")
_PARAMETER: Final = re.compile(
    rf'[ \t]*+;[ \t]*+([^ \t=;,]*+)[ \t]*+(?:=[ \t]*+(?:"({QUOTED})"?+|([^;,]*+)))?+[^;,]*+',
    re.DOTALL,
)
_REST: Final = re.compile(r"[^;,]*+")

# RFC 3986: visible ASCII; the angle brackets would end it.
_WRITABLE_TARGET: Final = re.compile(r"[!-;=?-~]*+")

# RFC 8288 sections 3.3 and 3.4.1, and appendix B.2 for anchor: only the first of each counts.
_ONCE: Final = frozenset({"anchor", "media", "rel", "title", "title*", "type"})

# Those of them that have no extended form: what they say is in ASCII.
_ASCII_ONLY: Final = frozenset({"anchor", "media", "rel", "type"})


@dataclass(frozen=True, slots=True)
class Link:
    """A typed connection to another resource (RFC 8288 section 2).

    Args:
        target: the URI reference as it was sent; a relative one is for the caller to resolve.
        rel: the relation types in lower case, in which they are compared; empty if the peer sent
            none.
        parameters: the other target attributes by name in lower case; some may be there several
            times. `name` and `name*` are two forms of one attribute, and the second one counts.

    Raises:
        TypeError: `rel` is text, which is a sequence of letters.
    """

    target: str
    rel: tuple[str, ...] = ()
    parameters: MultiMapping[str] = NO_ATTRIBUTES

    def __post_init__(self) -> None:
        rel: object = self.rel
        if isinstance(rel, str):
            raise TypeError("the relation types of a link are a sequence of them, and not one text")
        object.__setattr__(self, "rel", tuple(self.rel))
        if not isinstance(self.parameters, Attributes):
            object.__setattr__(self, "parameters", Attributes(self.parameters.items()))

    @property
    def anchor(self) -> str | None:
        """What the link leads away from, if it is not the resource that the message is about.

        A consumer that does not know what to do with it must ignore the link (RFC 8288 section
        3.2): anybody can say anything about somebody else's resource.
        """
        return self.parameters.get("anchor")

    @property
    def title(self) -> str | None:
        """The label of the link, for people; `None` without one."""
        return self.parameters.get("title")


def parse_links(values: FieldValues) -> tuple[Link, ...]:
    """Read the value of a Link field.

    Args:
        values: the value, or those of several field lines. Each is read up to the first place
            where a link should begin and does not (RFC 8288 appendix B.2).

    Returns:
        The links in order; each took at least three characters, but for the last of a line.
    """
    found: list[Link] = []
    for line in lines_of(values):
        pos = 0
        while (target := _TARGET.match(line, pos)) is not None:
            pairs: list[tuple[str, str]] = []
            pos = match_at(_REST, line, target.end()).end()
            while (match := _PARAMETER.match(line, pos)) is not None:
                name, content, plain = match.groups()
                if content is not None:
                    pairs.append((name.lower(), unescaped(content)))
                else:
                    pairs.append((name.lower(), (plain or "").strip(OWS + '"')))
                pos = match.end()
            found.append(_link_of(target[1].strip(OWS), pairs))
    return tuple(found)


def format_links(links: Iterable[Link]) -> str:
    """Return the value of a Link field; empty when there are none.

    Args:
        links: the links, in order.

    Raises:
        LocalProtocolError: a target is not made of visible ASCII characters other than angle
            brackets (percent-encode it first); there is no relation type, or one is empty, not
            ASCII or has a space; the name of an attribute is no token, ends with `*`, is `rel`,
            or is there twice and must not be; a value has a control character, or is not ASCII
            where it must be.
    """
    return ", ".join(map(_format_one, links))


def _link_of(target: str, pairs: list[tuple[str, str]]) -> Link:
    """Apply RFC 8288 appendix B.2: what counts of several, and which form of an attribute."""
    seen: set[str] = set()
    attributes: list[tuple[str, str]] = []
    extended: set[str] = set()
    rel = ""
    for name, value in pairs:
        if TOKEN.fullmatch(name) is None or (name in seen and name in _ONCE):
            continue
        seen.add(name)
        if name == "rel":
            rel = value
        elif not name.endswith("*"):
            attributes.append((name, value))
        elif (base := name[:-1]) and not base.endswith("*") and base not in _ASCII_ONLY:
            text = decode_ext_value(value)
            if text is not None:
                extended.add(base)
                attributes.append((name, text))
    kept = [(name.removesuffix("*"), value) for name, value in attributes if name not in extended]
    types = tuple(dict.fromkeys(rel.lower().split()))
    return Link(target, types, Attributes(kept) if kept else NO_ATTRIBUTES)


def _format_one(link: Link) -> str:
    if _WRITABLE_TARGET.fullmatch(link.target) is None:
        raise LocalProtocolError("the target of a link must be visible ASCII without < and >")
    if not link.rel or any(name.split() != [name] or not name.isascii() for name in link.rel):
        raise LocalProtocolError("a link needs relation types, in ASCII and without spaces")
    names = [name.lower() for name, _ in link.parameters.items()]
    if "rel" in names:
        raise LocalProtocolError("relation types belong into rel, not into the parameters")
    twice = sorted(name for name in _ONCE.intersection(names) if names.count(name) > 1)
    if twice:
        raise LocalProtocolError(f"a link must not have the attribute {twice[0]} more than once")
    # RFC 8288 appendix B.2: the extended form of a name hides its plain ones.
    extended = {name.lower() for name, value in link.parameters.items() if not value.isascii()}
    if extended & _ASCII_ONLY:
        raise LocalProtocolError(f"the attribute {min(extended & _ASCII_ONLY)} must be ASCII")
    written = [f"<{link.target}>", parameter("rel", " ".join(link.rel))]
    check_names(dict.fromkeys(names), "an attribute")
    for name, value in link.parameters.items():
        if name.endswith("*"):
            raise LocalProtocolError("the name of an attribute must be given without its asterisk")
        if name.lower() in extended:
            written.append(f"{name}*={encode_ext_value(value, f'the attribute {name[:60]}')}")
        else:
            written.append(parameter(name, value))
    return "; ".join(written)
