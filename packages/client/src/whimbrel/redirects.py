"""Redirects (RFC 9110 section 15.4): whether to follow one, and what the next request may carry."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from yarl import URL

from whimbrel.auth import origin, split_credentials
from whimbrel.endpoints import is_host
from whimbrel.errors import InvalidUrlRedirectClientError, NonHttpUrlRedirectClientError

if TYPE_CHECKING:
    from whimbrel.fields import Field

__all__ = ["Redirect", "decide", "fields_after"]

_STATUSES = frozenset((301, 302, 303, 307, 308))
_OF_THE_ORIGIN = frozenset(("authorization", "cookie", "host", "proxy-authorization"))
_ABOUT_CONTENT = frozenset(
    (
        "content-encoding",
        "content-language",
        "content-length",
        "content-location",
        "content-type",
        "transfer-encoding",
    )
)
_NOT_UTF8 = re.compile("[\udc80-\udcff]")
_NOT_IN_A_TARGET = re.compile("[^!-~]")


class Redirect(NamedTuple):
    """The request that a redirect asks for.

    Attributes:
        method: its method.
        url: its URL.
        keeps_content: whether the content is sent again.
        changes_origin: whether scheme, host or port differ, so that credentials stay behind.
    """

    method: str
    url: URL
    keeps_content: bool
    changes_origin: bool


def decide(
    status: int, location: str | None, method: str, url: URL, *, requote: bool = True
) -> Redirect | None:
    """Return the request that the response asks for, or `None` when it is no redirect to follow.

    Args:
        status: the status code of the response.
        location: the value of its Location field, or `None`; bytes that are not UTF-8 as
            surrogate escapes.
        method: the method of the request that it answers.
        url: the URL of that request.
        requote: whether the location's quoting is normalised; otherwise only what cannot stand in
            a request target is quoted.

    Raises:
        InvalidUrlRedirectClientError: the location is not a URL with a host, or its credentials
            cannot be sent.
        NonHttpUrlRedirectClientError: the location is neither an http or https URL nor one of the
            request's own scheme (ws, wss).
    """
    if status not in _STATUSES or location is None:
        return None
    target = _target(location, url, requote)
    becomes_get = (status == 303 and method != "HEAD") or (
        status in (301, 302) and method == "POST"
    )
    return Redirect(
        "GET" if becomes_get else method,
        target,
        not becomes_get and status != 303,
        origin(target) != origin(url),
    )


def fields_after(redirect: Redirect, fields: list[Field]) -> list[Field]:
    """Return the header fields that the next request may carry (RFC 9110 section 15.4)."""
    dropped: frozenset[str] = frozenset()
    if redirect.changes_origin:
        dropped |= _OF_THE_ORIGIN
    if not redirect.keeps_content:
        dropped |= _ABOUT_CONTENT
    return [field for field in fields if field[0].lower() not in dropped]


def _target(location: str, url: URL, requote: bool) -> URL:
    # Non-ASCII has no place in a URL (RFC 3986 section 2): what servers send as raw bytes means
    # those bytes. As characters, requoting leaves them to the URL, for hosts are not quoted.
    quotable = _NOT_UTF8 if requote else _NOT_IN_A_TARGET
    try:
        reference = URL(quotable.sub(_quoted, location), encoded=not requote)
        target = _without_backslashes(url.join(reference))
        if not target.raw_fragment and url.raw_fragment:
            # RFC 9110 section 10.2.2: the fragment is inherited
            target = target.with_fragment(url.fragment)
        split_credentials(target)
    except (ValueError, TypeError) as exc:
        raise InvalidUrlRedirectClientError(
            _excerpt(location), "the location is not a URL that can be requested"
        ) from exc
    if target.scheme not in {"http", "https", url.scheme}:
        raise NonHttpUrlRedirectClientError(f"Redirect to {str(target)[:256]!a}")
    if not target.raw_host or (reference.scheme and not reference.raw_host):
        raise InvalidUrlRedirectClientError(_excerpt(location), "the location has no host")
    if not is_host(target.raw_host):
        raise InvalidUrlRedirectClientError(_excerpt(location), "the host is not a name or address")
    return target


def _without_backslashes(url: URL) -> URL:
    """Quote what is left of them without requoting: some read them as slashes."""
    if "\\" not in url.raw_path_qs:
        return url
    return URL.build(
        scheme=url.scheme,
        authority=url.raw_authority,
        path=url.raw_path.replace("\\", "%5C"),
        query_string=url.raw_query_string.replace("\\", "%5C"),
        fragment=url.raw_fragment,
        encoded=True,
    )


def _quoted(found: re.Match[str]) -> str:
    raw = found[0].encode("utf-8", "surrogateescape")
    return "".join(f"%{byte:02X}" for byte in raw)


def _excerpt(location: str) -> str:
    return ascii(location[:256])[1:-1]
