"""`http.cookies` at the border: the reference's API speaks in `Morsel` and `SimpleCookie`.

Only their containers are used. Nothing is parsed by `http.cookies`, whose parser stops at what it
does not know, and nothing of a cookie's text is refused by it.
"""

from __future__ import annotations

import re
from http.cookies import Morsel, SimpleCookie
from math import isfinite
from typing import TYPE_CHECKING, Any

from whimbrel_cookiejar.cookie import SHARED_DOMAIN, Cookie, Rejected
from whimbrel_cookiejar.dates import format_http_date
from whimbrel_cookiejar.domains import host_name
from whimbrel_cookiejar.limits import DEFAULT_LIMITS, CookieLimits
from whimbrel_cookiejar.parse import (
    SetCookie,
    apply_attribute,
    check_fields,
    check_name_value,
    has_controls,
    parse_set_cookie,
)
from whimbrel_cookiejar.rules import Target, keep_promises, promises_secure

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "bare_morsel",
    "cookie_to_morsel",
    "fill_morsel",
    "given_cookie",
    "morsel_to_set_cookie",
    "parse_set_cookies",
    "quote_value",
    "set_cookie_pairs",
    "set_cookie_to_morsel",
    "text_to_set_cookie",
    "unquote_value",
]

# What needs no quotes, as `http.cookies` has it: RFC 9110's token, and ":".
_NEEDS_NO_QUOTES = re.compile(r"[A-Za-z0-9!#$%&'*+\-.^_`|~:]*\Z")
_ESCAPED = re.compile(r'[\x00-\x1F",;\\\x7F-\xFF]')
_NO_ATTRIBUTES: dict[str, str] = dict(Morsel[str]())
_ESCAPE = re.compile(r"\\(?:([0-3][0-7][0-7])|(.))")


def quote_value(value: str) -> str:
    """Quote a value that the program gave, if it has characters that a cookie's value may not.

    This is the convention of `http.cookies` (a quoted-string of RFC 2109, with octal escapes),
    which the servers written with it can read.
    """
    if _NEEDS_NO_QUOTES.match(value):
        return value
    return f'"{_ESCAPED.sub(_escape, value)}"'


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    return "\\" + character if character in '"\\' else f"\\{ord(character):03o}"


def unquote_value(value: str) -> str:
    """Undo `quote_value`; a value without quotes around it stays as it is."""
    if len(value) < 2 or value[0] != '"' or value[-1] != '"':
        return value
    return _ESCAPE.sub(_unescape, value[1:-1])


def _unescape(match: re.Match[str]) -> str:
    octal: str | None = match[1]
    return match[2] if octal is None else chr(int(octal, 8))


def bare_morsel(name: str, value: str, *, unquote: bool) -> Morsel[str]:
    """Return a morsel without attributes.

    Args:
        name: the cookie's name.
        value: the value as it is on the wire, which is the morsel's `coded_value`.
        unquote: whether the morsel's `value` is without the quotes that `value` has.
    """
    morsel: Morsel[str] = Morsel.__new__(Morsel)
    fill_morsel(morsel, name, value, unquote=unquote)
    return morsel


def fill_morsel(morsel: Morsel[str], name: str, value: str, *, unquote: bool) -> None:
    """Make `bare_morsel` of a morsel that has not been initialised."""
    # This is what `Morsel()` does, in a fifth of the time.
    dict.update(morsel, _NO_ATTRIBUTES)
    # `Morsel.set` refuses names that are no token, and newer versions also refuse a tab; a server
    # may send both (RFC 6265bis section 5.6). These are the attributes behind its properties.
    inside: Any = morsel
    inside._key = name
    inside._value = unquote_value(value) if unquote and value[:1] == '"' else value
    inside._coded_value = value


def cookie_to_morsel(cookie: Cookie, *, unquote: bool) -> Morsel[str]:
    """Return a stored cookie as a morsel.

    A morsel cannot tell a host-only cookie from another: the domain is set for both.
    """
    morsel = bare_morsel(cookie.name, cookie.value, unquote=unquote)
    same_site = "" if cookie.same_site == "Default" else cookie.same_site
    expires = format_http_date(cookie.expiry) if isfinite(cookie.expiry) else ""
    _set_attributes(
        morsel,
        {
            "domain": cookie.domain,
            "path": cookie.path,
            "expires": expires,
            "secure": cookie.secure or "",
            "httponly": cookie.http_only or "",
            "samesite": same_site,
            "partitioned": cookie.partitioned or "",
        },
    )
    return morsel


def set_cookie_to_morsel(parsed: SetCookie, *, unquote: bool) -> Morsel[str]:
    """Return a parsed Set-Cookie field as a morsel, with the attributes that it had."""
    morsel = bare_morsel(parsed.name, parsed.value, unquote=unquote)
    same_site = "" if parsed.same_site == "Default" else parsed.same_site
    _set_attributes(
        morsel,
        {
            "domain": parsed.domain or "",
            "path": parsed.path or "",
            "expires": "" if parsed.expires is None else format_http_date(parsed.expires),
            "max-age": "" if parsed.max_age is None else str(parsed.max_age),
            "secure": parsed.secure or "",
            "httponly": parsed.http_only or "",
            "samesite": same_site,
            "partitioned": parsed.partitioned or "",
        },
    )
    return morsel


def _set_attributes(morsel: Morsel[str], attributes: dict[str, Any]) -> None:
    for key, value in attributes.items():
        # "partitioned" is known from Python 3.14 on. `dict`'s method, because newer versions of
        # `Morsel` refuse a tab in a path.
        if key in morsel:
            dict.__setitem__(morsel, key, value)


def given_cookie(
    name: str, value: object, url: Target, *, quote: bool, limits: CookieLimits = DEFAULT_LIMITS
) -> tuple[SetCookie, Target] | Rejected:
    """Return a cookie that the program gives as a field, and who sent it.

    Args:
        name: the name.
        value: text, a number or a morsel.
        url: who sent it; for `SHARED_DOMAIN` it is the morsel's own domain, or every host.
        quote: whether to quote a value if it needs that.
        limits: those on octets count.

    Raises:
        TypeError: the value is something else.
        ValueError: no cookie can have this name, or this value, or not from this URL.
    """
    shared = url.host == SHARED_DOMAIN
    parsed: SetCookie | Rejected
    if isinstance(value, Morsel):
        plain = not any(value.values())
        parsed = morsel_to_set_cookie(name, value, coded=quote, limits=limits)
        if isinstance(parsed, Rejected):
            return parsed
    elif isinstance(value, str | int | float):
        plain = True
        parsed = text_to_set_cookie(name, str(value), quote=quote, limits=limits)
    else:
        raise TypeError(f"a cookie's value is text or a Morsel, and not {type(value).__qualname__}")
    if plain:
        keep_promises(parsed)
    if not shared:
        # A morsel may be a server's: the rules refuse it.
        if parsed.secure and not url.secure and not isinstance(value, Morsel):
            shown = Rejected.named("", name).name
            raise ValueError(f"cookie '{shown}' needs the URL of a secure connection")
        return parsed, url
    host = SHARED_DOMAIN if parsed.domain is None else host_name(parsed.domain)
    # A Domain of "." is empty, and not every host's.
    if host is None or (host == SHARED_DOMAIN and parsed.domain is not None):
        return Rejected.named("Domain is not the name of a host", name)
    return parsed, Target(host, "/", True)


def morsel_to_set_cookie(
    name: str, morsel: Morsel[Any], *, coded: bool, limits: CookieLimits = DEFAULT_LIMITS
) -> SetCookie | Rejected:
    """Return a morsel as the field that would have said the same.

    Args:
        name: the key it was given under; as in the reference, it is stronger than the morsel's own.
        morsel: the morsel; its attributes are read as strictly as those of a field.
        coded: whether the cookie's value is the morsel's `coded_value`, or its `value`.
        limits: those on octets count.
    """
    parsed = SetCookie(name, str(morsel.coded_value if coded else morsel.value))
    refusal = check_name_value(parsed.name, parsed.value, limits)
    if refusal is not None:
        return Rejected.named(refusal, name)
    for attribute, value in morsel.items():
        # An attribute that is not there has an empty value, and so has a flag that is not set.
        if value is True or (value is not False and str(value)):
            text = "" if value is True else str(value)
            if has_controls(text):
                return Rejected.named("an attribute contains a control character", name)
            apply_attribute(parsed, attribute, text, limits.attribute_octets)
    return parsed


def text_to_set_cookie(
    name: str, value: str, *, quote: bool, limits: CookieLimits = DEFAULT_LIMITS
) -> SetCookie:
    """Return a name and a value of the program's as the field that would have said the same.

    Args:
        name: the name.
        value: the value.
        quote: whether to quote the value if it needs that.
        limits: those on octets count.

    Raises:
        ValueError: no cookie can have them.
    """
    parsed = SetCookie(name, quote_value(value) if quote else value)
    # Without a name it would be a server's oddity, but it is a program's mistake.
    refusal = check_name_value(name, parsed.value, limits) if name else "the name is empty"
    if refusal is not None:
        shown = Rejected.named(refusal, name).name
        raise ValueError(f"cookie '{shown}' cannot be sent: {refusal}")
    return parsed


def set_cookie_pairs(
    fields: Iterable[str], *, unquote: bool, limits: CookieLimits = DEFAULT_LIMITS
) -> list[tuple[str, Morsel[str]]]:
    """Return the cookies of a response as names and morsels, for an `update_cookies`.

    Args:
        fields: the values of its Set-Cookie field lines, one cookie each. Those that no client
            could keep are left out.
        unquote: whether a morsel's `value` is without the quotes that the field has.
        limits: those on octets count.

    Raises:
        TypeError: this is one value.
    """
    check_fields(fields)
    pairs = []
    for field in fields:
        parsed = parse_set_cookie(field, limits)
        # A server has to keep its promises itself; without attributes, a morsel is the program's.
        if isinstance(parsed, SetCookie) and (parsed.secure or not promises_secure(parsed.name)):
            pairs.append((parsed.name, set_cookie_to_morsel(parsed, unquote=unquote)))
    return pairs


def parse_set_cookies(fields: Iterable[str]) -> SimpleCookie:
    """Return the cookies of a response as `ClientResponse.cookies` shows them.

    Args:
        fields: the values of its Set-Cookie field lines, one cookie each. Those that no client
            could keep are left out; of a name that comes twice, the last one counts.

    Raises:
        TypeError: this is one value.
    """
    cookies = SimpleCookie()
    # `dict`'s method, because that of `BaseCookie` refuses names.
    dict.update(cookies, set_cookie_pairs(fields, unquote=True))
    return cookies
