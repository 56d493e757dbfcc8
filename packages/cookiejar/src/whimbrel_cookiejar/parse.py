"""The Set-Cookie header field: RFC 6265bis section 5.6, from text to attributes.

Nothing here knows who sent the field or what time it is: `rules.accept` turns the result into a
cookie.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from whimbrel_cookiejar.cookie import Rejected, SameSite
from whimbrel_cookiejar.dates import parse_cookie_date
from whimbrel_cookiejar.limits import DEFAULT_LIMITS, CookieLimits

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "SetCookie",
    "apply_attribute",
    "check_fields",
    "check_name_value",
    "has_controls",
    "parse_set_cookie",
]

# The attributes of a `SetCookie`, in their order.
_Attributes = tuple[int | None, float | None, str | None, str | None, bool, bool, SameSite, bool]

_SHORT: Final = 256
_ONE_FIELD: Final = (str, bytes)
_WSP = " \t"
_CONTROL = re.compile(r"[\x00-\x08\x0A-\x1F\x7F]")
_MAX_AGE = re.compile(r"-?[0-9]+\Z")
_SAME_SITE: Final[dict[str, SameSite]] = {"none": "None", "lax": "Lax", "strict": "Strict"}


@dataclass(slots=True)
class SetCookie:
    """A Set-Cookie field in its parts; of an attribute that came twice, the last.

    Attributes:
        name: as received, without the white space around it.
        value: as received, without the white space around it.
        max_age: seconds, of any sign and up to eighteen digits (of more, the first eighteen);
            `None` without a (valid) Max-Age.
        expires: seconds since the epoch; `None` without a (valid) Expires.
        domain: lower-case, without one leading dot; empty or `None` means the request's host.
        path: `None` without a Path; empty for one that stands for the default path.
        secure: whether there was a Secure.
        http_only: whether there was an HttpOnly.
        same_site: "Default" without a SameSite, or with an unknown one.
        partitioned: whether there was a Partitioned.
    """

    name: str
    value: str
    max_age: int | None = None
    expires: float | None = None
    domain: str | None = None
    path: str | None = None
    secure: bool = False
    http_only: bool = False
    same_site: SameSite = "Default"
    partitioned: bool = False


def parse_set_cookie(
    field: str | bytes, limits: CookieLimits = DEFAULT_LIMITS
) -> SetCookie | Rejected:
    """Parse the value of one Set-Cookie field line, which is one cookie.

    RFC 6265bis section 5.6.

    Args:
        field: the field's value. Bytes are decoded as UTF-8, and those that are not UTF-8 become
            surrogate escapes, so that `name.encode("utf-8", "surrogateescape")` gives them back.
        limits: those on octets count.
    """
    text = field if isinstance(field, str) else field.decode("utf-8", "surrogateescape")
    # 1. A control character (other than HTAB) anywhere: ignore the whole field. None is printable,
    #    so that most fields need no search.
    if not text.isprintable() and _CONTROL.search(text):
        return Rejected("the field contains a control character")
    # 2. The name-value-pair ends at the first ";".
    pair, _, attributes = text.partition(";")
    # 3. Without a "=", the name is empty and the value is all of the pair.
    name, equals, value = pair.partition("=")
    if not equals:
        name, value = "", pair
    # 4. White space around both is not part of them.
    name, value = name.strip(_WSP), value.strip(_WSP)
    # 5. The limit of the name and the value together; steps 2 to 4 of section 5.7 with it.
    refusal = _check_size(name, value, limits)
    if refusal is not None:
        return Rejected.named(refusal, name)
    # 6. These are the cookie-name and the cookie-value.
    if not attributes:
        return SetCookie(name, value)
    # Servers send the same attributes with one value after another; what is long is no such thing.
    read = _read_attributes if len(attributes) <= _SHORT else _read_attributes.__wrapped__
    return SetCookie(name, value, *read(attributes, limits.attribute_octets))


def check_fields(fields: object) -> None:
    """Check that these are the fields of a response, and not one of them.

    Raises:
        TypeError: it is one, each character of which would be taken for a cookie.
    """
    if isinstance(fields, _ONE_FIELD):
        raise TypeError(
            f"the Set-Cookie fields of a response are a list of values, not {type(fields).__name__}"
        )


def check_name_value(name: str, value: str, limits: CookieLimits = DEFAULT_LIMITS) -> str | None:
    """Return why no cookie can have this name and value, or `None` when one can.

    RFC 6265bis section 5.7, steps 2 to 4; and what a field could not have said, because it would
    have ended there, is refused too, as it would be read as something else when it is sent.
    """
    if _CONTROL.search(name) or _CONTROL.search(value):
        return "the name or the value contains a control character"
    if ";" in name or "=" in name or ";" in value:
        return 'the name contains ";" or "=", or the value contains ";"'
    if name != name.strip(_WSP) or value != value.strip(_WSP):
        return "the name or the value begins or ends with white space"
    return _check_size(name, value, limits)


def has_controls(text: str) -> bool:
    """Tell whether a field with this text in it would be ignored (section 5.6, step 1)."""
    return _CONTROL.search(text) is not None


def _check_size(name: str, value: str, limits: CookieLimits) -> str | None:
    if not name and not value:
        return "the name and the value are empty"
    text = name + value
    octets = len(text) if text.isascii() else _octets(text)
    if octets < 0:
        return "the name or the value cannot be written in UTF-8"
    if octets > limits.name_value_octets:
        return f"the name and the value have more than {limits.name_value_octets} octets"
    return None


def _octets(text: str) -> int:
    """Return the length of `text` on the wire; negative when it has no form there.

    What is ASCII is as long as it is, so that hardly anything comes here.
    """
    try:
        return len(text.encode("utf-8", "surrogateescape"))
    except UnicodeEncodeError:
        return -1


@lru_cache(maxsize=256)
def _read_attributes(unparsed: str, max_octets: int) -> _Attributes:
    """Read the attributes in the rest of the field, the first ";" taken off."""
    cookie = SetCookie("", "")
    # 1. to 3. and 8. Each cookie-av ends at the next ";".
    for attribute in unparsed.split(";"):
        # 4. Without a "=", the attribute-value is empty.
        name, _, value = attribute.partition("=")
        # 5. White space around both is not part of them.
        apply_attribute(cookie, name.strip(_WSP), value.strip(_WSP), max_octets)
    return (
        cookie.max_age,
        cookie.expires,
        cookie.domain,
        cookie.path,
        cookie.secure,
        cookie.http_only,
        cookie.same_site,
        cookie.partitioned,
    )


def apply_attribute(
    cookie: SetCookie, name: str, value: str, max_octets: int = DEFAULT_LIMITS.attribute_octets
) -> None:
    """Apply one attribute to `cookie` (RFC 6265bis section 5.6, steps 6 and 7).

    Attributes with unknown names, too long values, or values that mean nothing are ignored.
    """
    apply = _ATTRIBUTES.get(name.lower())
    if apply is None:
        return
    # 6. A value of more than 1024 octets: ignore the attribute.
    octets = len(value) if value.isascii() else _octets(value)
    if 0 <= octets <= max_octets:
        # 7. Process the attribute as its own section says.
        apply(cookie, value)


def _expires(cookie: SetCookie, value: str) -> None:
    """Section 5.6.1; the limit on the life time is `rules.accept`'s, who knows the time."""
    expires = parse_cookie_date(value)
    if expires is not None:
        cookie.expires = expires


def _max_age(cookie: SetCookie, value: str) -> None:
    """Section 5.6.2; the limit on the life time is `rules.accept`'s, who knows the time."""
    # 1. to 3. Empty, not beginning with a digit or "-", or with a non-digit after: ignore.
    if not _MAX_AGE.match(value):
        return
    # 4. Convert it. Eighteen digits are longer than any life time may be, and the conversion of
    #    many more can be an error, as programs may lower the interpreter's limit.
    digits = value.removeprefix("-").lstrip("0")[:18] or "0"
    cookie.max_age = -int(digits) if value.startswith("-") else int(digits)


def _domain(cookie: SetCookie, value: str) -> None:
    """Section 5.6.3."""
    # 2. One leading "." does not count.
    domain = value.removeprefix(".")
    # 3. To lower case, in ASCII only: the Kelvin sign must not become a "k" before the storage
    #    model has seen that it is not ASCII.
    cookie.domain = domain.lower() if domain.isascii() else domain


def _path(cookie: SetCookie, value: str) -> None:
    """Section 5.6.4; empty stands for the default path, which `rules.accept` knows."""
    cookie.path = value if value.startswith("/") else ""


def _secure(cookie: SetCookie, value: str) -> None:
    """Section 5.6.5; whatever the value."""
    cookie.secure = True


def _http_only(cookie: SetCookie, value: str) -> None:
    """Section 5.6.6; whatever the value."""
    cookie.http_only = True


def _same_site(cookie: SetCookie, value: str) -> None:
    """Section 5.6.7."""
    cookie.same_site = _SAME_SITE.get(value.lower(), "Default")


def _partitioned(cookie: SetCookie, value: str) -> None:
    """The Partitioned attribute of CHIPS (draft-cutler-httpbis-partitioned-cookies)."""
    cookie.partitioned = True


# By lower-case name; each takes the value, also those of which only the presence counts.
_ATTRIBUTES: Final[dict[str, Callable[[SetCookie, str], None]]] = {
    "expires": _expires,
    "max-age": _max_age,
    "domain": _domain,
    "path": _path,
    "secure": _secure,
    "httponly": _http_only,
    "samesite": _same_site,
    "partitioned": _partitioned,
}
