"""The JSON that aiohttp's jar saves (from 3.14.1 on), for those who come from there.

An object by `domain|path`, in it an object by name, and in that the parts of a morsel.
"""

from __future__ import annotations

from math import inf, isfinite
from typing import Any, Final

from whimbrel_cookiejar.cookie import SHARED_DOMAIN, Cookie, Rejected
from whimbrel_cookiejar.errors import CookieFileError
from whimbrel_cookiejar.parse import SetCookie, apply_attribute

__all__ = ["cookies_of_aiohttp", "is_of_aiohttp"]

_MEMBERS: Final[dict[str, tuple[type, ...]]] = {
    "key": (str,),
    "value": (str,),
    "coded_value": (str,),
    "domain": (str,),
    "path": (str,),
    "secure": (bool, str),
    "httponly": (bool, str),
    "samesite": (str,),
    "partitioned": (bool, str),
    "comment": (str,),
    "version": (str, float),
    "host_only": (bool,),
    "expires_timestamp": (float,),
    "max-age": (str, float),
    "expires": (str,),
}
"""What may be there of a cookie, and of which types; the first three must."""

_REQUIRED: Final = ("key", "value", "coded_value")


def is_of_aiohttp(document: dict[str, Any]) -> bool:
    """Tell whether a JSON object is what aiohttp's jar has saved; an empty jar is `{}`."""
    return all("|" in place and isinstance(found, dict) for place, found in document.items())


def cookies_of_aiohttp(document: dict[str, Any]) -> list[tuple[int, Cookie | Rejected]]:
    """Return the cookies that aiohttp's jar has saved, numbered from 1 on.

    It saves neither the time of creation nor that of the last access: they are `inf`, which stands
    for the time of loading.

    Raises:
        CookieFileError: a part of it is not of that form.
    """
    entries = [
        (place.partition("|")[0], entry)
        for place, found in document.items()
        for entry in found.values()
    ]
    return [(n, _cookie(domain, entry, n)) for n, (domain, entry) in enumerate(entries, 1)]


def _cookie(domain: str, entry: Any, number: int) -> Cookie:
    """Return the cookie that an entry stands for."""
    where = f"cookie {number}"
    _check(entry, where)
    # The morsel's attributes have the names and the meanings of a field's.
    parsed = SetCookie(entry["key"], entry["coded_value"])
    for attribute in ("secure", "httponly", "samesite", "partitioned"):
        if value := entry.get(attribute):
            apply_attribute(parsed, attribute, str(value))
    expiry = entry.get("expires_timestamp", inf)
    return Cookie(
        name=parsed.name,
        value=parsed.value,
        domain=domain,
        host_only=entry.get("host_only", False) and domain != SHARED_DOMAIN,
        path=entry.get("path", ""),
        secure=parsed.secure,
        http_only=parsed.http_only,
        same_site=parsed.same_site,
        partitioned=parsed.partitioned,
        persistent=expiry != inf,
        expiry=expiry,
        creation=inf,
        last_access=inf,
    )


def _check(entry: Any, where: str) -> None:
    """Check that an entry has the members of aiohttp's, of their types.

    Raises:
        CookieFileError: it does not.
    """
    if not isinstance(entry, dict):
        raise CookieFileError("this is not an object", where)
    for name in _REQUIRED:
        if name not in entry:
            raise CookieFileError(f'there is no "{name}"', where)
    for name, value in entry.items():
        types = _MEMBERS.get(name)
        if types is None:
            raise CookieFileError("there are members that aiohttp's cookies do not have", where)
        if not isinstance(value, types) or (isinstance(value, float) and not isfinite(value)):
            raise CookieFileError(f'"{name}" is not of the type that aiohttp saves', where)
    if "max-age" in entry or "expires" in entry:
        # Since 3.14.1 there is `expires_timestamp` in their place.
        raise CookieFileError(
            "this was saved by aiohttp 3.14.0, which has lost which cookies are host-only", where
        )
