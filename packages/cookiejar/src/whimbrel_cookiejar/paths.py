"""Paths: RFC 6265bis section 5.1.4."""

from __future__ import annotations

import re
from functools import lru_cache

__all__ = ["default_path", "path_match", "written_path"]

# The path of a URI with an authority, in the characters that RFC 3986 (section 3.3) allows there.
_PATH_OF_URI = re.compile(
    r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*(/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)(?:[?#]|\Z)"
)


def written_path(uri: str) -> str:
    """Return the path portion of a URI as it is written, for it is compared as it is sent.

    A URL library may have another idea of it: for that, `/%C3%A9`, `/%c3%a9` and `/x/../%C3%A9` are
    one path; for cookies they are three, as the section says.

    Args:
        uri: as text.

    Returns:
        The path; empty when there is none, or one that has to be encoded before it is sent.
    """
    return _cached_path(uri) if len(uri) <= _MAX_CACHED else _path_of(uri)


def _path_of(uri: str) -> str:
    found = _PATH_OF_URI.match(uri)
    return found[1] if found else ""


_cached_path = lru_cache(maxsize=512)(_path_of)

# Characters of a URI that is worth to be remembered: many long ones would be much memory.
_MAX_CACHED = 512


def default_path(uri_path: str) -> str:
    """Return the path of a cookie whose server gave none.

    Args:
        uri_path: 1. the path portion of the request's URI, percent-encoded, without the query.
    """
    # 2. If it is empty or does not begin with "/", the default is "/".
    if not uri_path.startswith("/"):
        return "/"
    # 3. If it contains no more than one "/", the default is "/".
    # 4. Otherwise everything up to, but not including, the right-most "/".
    return uri_path[: uri_path.rfind("/")] or "/"


def path_match(request_path: str, cookie_path: str) -> bool:
    """Tell whether `request_path` is at or below `cookie_path`."""
    if not request_path.startswith(cookie_path):
        return False
    return (
        # The paths are identical;
        len(request_path) == len(cookie_path)
        # or the cookie-path is a prefix and ends in "/";
        or cookie_path.endswith("/")
        # or it is a prefix and the next character of the request-path is "/".
        or request_path[len(cookie_path)] == "/"
    )
