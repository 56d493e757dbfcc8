"""The format in which jars are saved: JSON, version 1, as the README describes it."""

from __future__ import annotations

import json
import re
from math import inf, isfinite
from typing import TYPE_CHECKING, Any, Final, NoReturn, get_args

from whimbrel_cookiejar.aiohttp_format import cookies_of_aiohttp, is_of_aiohttp
from whimbrel_cookiejar.cookie import SHARED_DOMAIN, Cookie, Rejected, SameSite
from whimbrel_cookiejar.errors import CookieFileError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["cookies_from_json", "cookies_to_json"]

_FORMAT: Final = "whimbrel-cookies"
_VERSION: Final = 1

_MEMBERS: Final[dict[str, tuple[type, ...]]] = {
    "name": (str,),
    "value": (str,),
    "domain": (str,),
    "host_only": (bool,),
    "path": (str,),
    "secure": (bool,),
    "http_only": (bool,),
    "same_site": (str,),
    "partitioned": (bool,),
    "expiry": (float, type(None)),
    "creation": (float,),
    "last_access": (float,),
}
"""What an object that stands for a cookie has, no more and no less, and of which types."""

# How a pickle begins: with the mark of protocols 2 and up, or with what protocol 0 and 1 make of an
# object, a dict or a list. No JSON text begins so.
_PICKLE = re.compile(rb"\x80[\x02-\x0F]|c[\w.]+\n[\w.]+\n[pq()]|\([dl]p[0-9]|\([ic][\w.]+\n|[}\]]q")


def cookies_to_json(cookies: Iterable[Cookie]) -> str:
    """Return the text that stands for cookies, one line each, in ASCII.

    Raises:
        ValueError: a time is not a finite number (but for an expiry of `inf`).
    """
    lines = ",\n".join(json.dumps(_members(cookie), allow_nan=False) for cookie in cookies)
    return f'{{"format": "{_FORMAT}", "version": {_VERSION}, "cookies": [\n{lines}\n]}}\n'


def _members(cookie: Cookie) -> dict[str, Any]:
    """Return the members of the object for a cookie."""
    members = {name: getattr(cookie, name) for name in _MEMBERS}
    if cookie.expiry == inf:
        members["expiry"] = None
    return members


def cookies_from_json(text: str | bytes) -> list[tuple[int, Cookie | Rejected]]:
    """Read cookies back, or those that aiohttp has saved.

    Args:
        text: of `cookies_to_json`, or the content of a file of aiohttp's jar.

    Returns:
        The cookies, each with its number in the text, from 1 on. Their texts may be anything
        (`restore.readmit` asks the rules), their times are finite, but for an expiry of `inf`.

    Raises:
        CookieFileError: the text is none of the two formats, in one place at least.
    """
    document = _document(text)
    if isinstance(document, dict):
        if document.get("format") == _FORMAT:
            return [
                (number, _cookie(entry, number))
                for number, entry in enumerate(_entries(document), 1)
            ]
        if is_of_aiohttp(document):
            return cookies_of_aiohttp(document)
    raise CookieFileError(f'there is JSON, but neither a "{_FORMAT}" nor the cookies of aiohttp')


def _document(text: str | bytes) -> Any:
    """Return what the JSON says."""
    if isinstance(text, bytes):
        if _PICKLE.match(text):
            raise CookieFileError(
                "this is a pickle, as old versions of aiohttp have saved; pickles run programs, and"
                " are never read"
            )
        text = text.decode("utf-8", "surrogateescape")
    text = text.removeprefix("\ufeff")
    if text.lstrip().startswith("#"):
        raise CookieFileError("JSON was expected; for a cookies.txt there is load_cookies_txt")
    # The error is made after the `except`, as those of the decoder hold the whole text.
    try:
        return json.loads(
            text, parse_constant=_refuse, parse_int=float, object_pairs_hook=_once_each
        )
    except json.JSONDecodeError as error:
        where, reason = f"line {error.lineno}, column {error.colno}", f"no JSON: {error.msg}"
    except _RefusedError as error:
        where, reason = "", str(error)
    except RecursionError:
        where, reason = "", "the JSON is nested too deeply"
    raise CookieFileError(reason, where)


class _RefusedError(Exception):
    """JSON as Python reads it, but not as RFC 8259 has it."""


def _refuse(constant: str) -> NoReturn:
    raise _RefusedError(f"no JSON: there is no number {constant}")


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _RefusedError("an object has two members of the same name")
    return members


def _entries(document: dict[str, Any]) -> list[Any]:
    """Return what stands for the cookies."""
    if document.keys() != {"format", "version", "cookies"}:
        raise CookieFileError('the members are not "format", "version" and "cookies"')
    version, entries = document["version"], document["cookies"]
    if not isinstance(version, float) or version != _VERSION:
        raise CookieFileError(f"the version is not {_VERSION}, the one that is known here")
    if not isinstance(entries, list):
        raise CookieFileError('"cookies" is not an array')
    return entries


def _cookie(entry: Any, number: int) -> Cookie:
    """Return the cookie that an entry stands for."""
    where = f"cookie {number}"
    if not isinstance(entry, dict):
        raise CookieFileError("this is not an object", where)
    for name, types in _MEMBERS.items():
        if name not in entry:
            raise CookieFileError(f'there is no "{name}"', where)
        value = entry[name]
        if not isinstance(value, types) or (isinstance(value, float) and not isfinite(value)):
            raise CookieFileError(f'"{name}" is not {_described(types)}', where)
    if len(entry) != len(_MEMBERS):
        raise CookieFileError("there are members that a cookie does not have", where)
    if entry["same_site"] not in get_args(SameSite):
        raise CookieFileError(f'"same_site" is not one of {", ".join(get_args(SameSite))}', where)
    if entry["host_only"] and entry["domain"] == SHARED_DOMAIN:
        raise CookieFileError('"host_only" is true, but there is no host', where)
    expiry = inf if entry["expiry"] is None else entry["expiry"]
    return Cookie(**{**entry, "expiry": expiry}, persistent=expiry != inf)


_DESCRIPTIONS: Final[dict[type, str]] = {
    str: "a text",
    bool: "true or false",
    float: "a finite number",
    type(None): "null",
}


def _described(types: tuple[type, ...]) -> str:
    return " or ".join(_DESCRIPTIONS[each] for each in types)
