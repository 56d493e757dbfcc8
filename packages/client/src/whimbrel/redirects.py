"""Redirects (RFC 9110 section 15.4): whether to follow one, and what the next request may carry."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from yarl import URL

from whimbrel.errors import InvalidUrlRedirectClientError, NonHttpUrlRedirectClientError

if TYPE_CHECKING:
    from whimbrel.fields import Field

__all__ = ["Redirect", "decide", "fields_after"]

_STATUSES = frozenset((301, 302, 303, 307, 308))
_CREDENTIALS = frozenset(("authorization", "cookie", "proxy-authorization"))
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
        location: the value of its Location field, or `None`.
        method: the method of the request that it answers.
        url: the URL of that request.
        requote: whether the location's quoting is normalised.

    Raises:
        InvalidUrlRedirectClientError: the location is not a URL with a host.
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
        target.origin() != url.origin(),
    )


def fields_after(redirect: Redirect, fields: list[Field]) -> list[Field]:
    """Return the header fields that the next request may carry (RFC 9110 section 15.4)."""
    dropped = {"host"}
    if redirect.changes_origin:
        dropped |= _CREDENTIALS
    if not redirect.keeps_content:
        dropped |= _ABOUT_CONTENT
    return [field for field in fields if field[0].lower() not in dropped]


def _target(location: str, url: URL, requote: bool) -> URL:
    try:
        reference = URL(location, encoded=not requote)
        target = url.join(reference)
        if not target.raw_fragment and url.raw_fragment:
            # RFC 9110 section 10.2.2: the fragment is inherited
            target = target.with_fragment(url.fragment)
    except (ValueError, TypeError) as exc:
        raise InvalidUrlRedirectClientError(location[:256], "the location is not a URL") from exc
    if target.scheme not in {"http", "https", url.scheme}:
        raise NonHttpUrlRedirectClientError(f"Redirect to {str(target)[:256]!r}")
    if not target.raw_host or (reference.scheme and not reference.raw_host):
        raise InvalidUrlRedirectClientError(location[:256], "the location has no host")
    return target
