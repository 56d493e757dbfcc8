"""Paths: RFC 6265bis section 5.1.4."""

from __future__ import annotations

__all__ = ["default_path", "path_match"]


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
