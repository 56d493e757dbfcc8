"""The Netscape cookies.txt: what curl, wget, yt-dlp and `http.cookiejar` exchange cookies in.

A line for each cookie, in seven fields with tabs between them: domain, whether the hosts below it
are included, path, whether it is Secure, expiry (0 for a session), name, value. `#HttpOnly_` before
the domain says that it is HttpOnly; other lines that begin with "#" are comments.
"""

from __future__ import annotations

import re
from math import inf
from typing import TYPE_CHECKING, Final

from whimbrel_cookiejar.cookie import SHARED_DOMAIN, Cookie, Rejected
from whimbrel_cookiejar.errors import CookieFileError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["cookies_from_txt", "cookies_to_txt"]

# `http.cookiejar` reads no file without the first line.
_HEADER: Final = """\
# Netscape HTTP Cookie File
# Written by whimbrel-cookiejar. Whoever can read this file can use these cookies.

"""
_IS_HEADER = re.compile(r"#(?: Netscape)? HTTP Cookie File")
_HTTP_ONLY: Final = "#HttpOnly_"
_FLAGS: Final = {"TRUE": True, "FALSE": False}
# Some browsers' extensions write parts of seconds.
_EXPIRY = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,15})?\Z")
# wget keeps the cookies of unusual ports apart, which RFC 6265bis section 8.5 does not do.
_WITH_PORT = re.compile(r"\A([^:]+):[0-9]{1,5}\Z")


def cookies_to_txt(cookies: Iterable[Cookie]) -> tuple[str, list[Rejected]]:
    """Return the cookies.txt for cookies, and why some are not in it.

    The format has no place for SameSite, Partitioned and the times of creation and of the last
    access, which are lost, and none for parts of seconds, which are taken off the expiry.
    """
    lines, left_out = [], []
    for cookie in cookies:
        if cookie.domain == SHARED_DOMAIN:
            left_out.append(
                Rejected.named("a cookies.txt has no cookies for every host", cookie.name)
            )
        elif "\t" in cookie.name or "\t" in cookie.value or "\t" in cookie.path:
            left_out.append(
                Rejected.named("a cookies.txt cannot have a tab in a field", cookie.name)
            )
        else:
            lines.append(_line(cookie))
    return _HEADER + "".join(lines), left_out


def _line(cookie: Cookie) -> str:
    """Return the line for a cookie."""
    fields = (
        # The dot says the same as the flag does; `http.cookiejar` wants both to agree.
        ("#HttpOnly_" if cookie.http_only else "")
        + ("" if cookie.host_only else ".")
        + cookie.domain,
        "FALSE" if cookie.host_only else "TRUE",
        cookie.path,
        "TRUE" if cookie.secure else "FALSE",
        # 0 would be a session's.
        "0" if cookie.expiry == inf else str(max(1, int(cookie.expiry))),
        cookie.name,
        cookie.value,
    )
    return "\t".join(fields) + "\n"


def cookies_from_txt(text: str | bytes) -> list[tuple[int, Cookie | Rejected]]:
    """Read a cookies.txt, with line ends of any system.

    Args:
        text: bytes are decoded as UTF-8, and those that are not UTF-8 become surrogate escapes.

    Returns:
        What the lines stand for, each with its number, from 1 on: a cookie (`restore.readmit` asks
        the rules), or why it is none. The format has neither the time of creation nor that of the
        last access: they are `inf`, which stands for the time of loading.

    Raises:
        CookieFileError: this is something else: neither its first line is the header, nor has its
            first line that is no comment the fields of a cookie, if there is one.
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8", "surrogateescape")
    lines = text.removeprefix("\ufeff").split("\n")
    # Only these count as ends of lines: a value may have what `str.splitlines` takes for one.
    lines = [line.removesuffix("\r") for line in lines]
    found: list[tuple[int, Cookie | Rejected]] = []
    known = _IS_HEADER.match(lines[0]) is not None
    for number, line in enumerate(lines, 1):
        if not line.strip() or (line.startswith("#") and not line.startswith(_HTTP_ONLY)):
            continue
        fields = _fields(line)
        if fields is not None:
            found.append((number, _cookie(fields)))
        elif known:
            found.append((number, Rejected("there are not the seven fields of a cookies.txt")))
        else:
            raise CookieFileError(
                "no cookies.txt: there are not its seven fields (for JSON there is load)",
                f"line {number}",
            )
        known = True
    if not known:
        # Taken for a file without cookies, it would empty the jar.
        raise CookieFileError("no cookies.txt: there is neither its first line nor a cookie")
    return found


_Fields = tuple[str, bool, str, bool, str, str, str]


def _fields(line: str) -> _Fields | None:
    """Split a line; return `None` when it is not one of a cookies.txt."""
    fields = line.split("\t")
    if len(fields) == 6:
        # Editors take an empty value from the end of its line, and its tab with it.
        fields.append("")
    if len(fields) != 7:
        return None
    domain, included, path, secure, expiry, name, value = fields
    below, is_secure = _FLAGS.get(included.upper()), _FLAGS.get(secure.upper())
    if below is None or is_secure is None:
        return None
    return domain, below, path, is_secure, expiry, name, value


def _cookie(fields: _Fields) -> Cookie | Rejected:
    """Return the cookie of these fields."""
    domain, below, path, secure, expiry, name, value = fields
    http_only = domain.startswith(_HTTP_ONLY)
    # The dot is decoration: the flag says what is meant.
    domain = _WITH_PORT.sub(r"\1", domain.removeprefix(_HTTP_ONLY).removeprefix("."))
    if not domain:
        return Rejected.named("there is no domain", name)
    # `http.cookiejar` leaves the field empty for a session.
    if expiry and not _EXPIRY.match(expiry):
        return Rejected.named("the expiry is not a number of seconds", name)
    ends = float(expiry or 0) or inf
    return Cookie(
        name=name,
        value=value,
        domain=domain,
        host_only=not below,
        path=path,
        secure=secure,
        http_only=http_only,
        same_site="Default",
        partitioned=False,
        persistent=ends != inf,
        expiry=ends,
        creation=inf,
        last_access=inf,
    )
