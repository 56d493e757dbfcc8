"""The values that the jar hands out: a cookie, and why there is none."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, cast

__all__ = ["SHARED_DOMAIN", "Cookie", "Rejected", "SameSite", "new_cookie"]

SameSite = Literal["Default", "None", "Lax", "Strict"]
"""The same-site-flag of RFC 6265bis section 5.7; "Default" when the server said nothing."""

SHARED_DOMAIN = ""
"""The domain of a cookie that the program set for every host."""

_MAX_EXCERPT = 64


@dataclass(frozen=True, slots=True)
class Cookie:
    """A cookie as the storage model of RFC 6265bis section 5.7 describes it.

    Attributes:
        name: the name as received; may be empty.
        value: the value as received, quotes included. It is often a credential, so that `repr`
            does not show it.
        domain: the canonical host or domain, without a leading dot; `SHARED_DOMAIN` for a cookie
            that goes to every host.
        host_only: whether only the host `domain` itself receives it, and no host below.
        path: the path at and below which it is sent.
        secure: whether it is only sent over secure connections.
        http_only: the HttpOnly attribute; kept, and of no consequence to an HTTP client.
        same_site: the SameSite attribute; kept, and of no consequence outside a browser.
        partitioned: the Partitioned attribute; kept, and of no consequence outside a browser.
        persistent: whether the server gave it a life time.
        expiry: seconds since the epoch from which on it is gone; `inf` without a life time, `-inf`
            when the server asked for its removal.
        creation: seconds since the epoch when its first version was stored.
        last_access: seconds since the epoch when it was last stored or sent.
    """

    name: str
    value: str = field(repr=False)
    domain: str
    host_only: bool
    path: str
    secure: bool
    http_only: bool
    same_site: SameSite
    partitioned: bool
    persistent: bool
    expiry: float
    creation: float
    last_access: float


class _Draft:
    """A cookie whose fields can still be set: the same slots, and nothing else."""

    __slots__ = Cookie.__slots__

    name: str
    value: str
    domain: str
    host_only: bool
    path: str
    secure: bool
    http_only: bool
    same_site: SameSite
    partitioned: bool
    persistent: bool
    expiry: float
    creation: float
    last_access: float


def new_cookie(  # noqa: PLR0917  # the fields of a cookie, in their order
    name: str,
    value: str,
    domain: str,
    host_only: bool,
    path: str,
    secure: bool,
    http_only: bool,
    same_site: SameSite,
    partitioned: bool,
    persistent: bool,
    expiry: float,
    creation: float,
    last_access: float,
) -> Cookie:
    """Return `Cookie(...)` of the same arguments, in a fifth of the time.

    The constructor of a frozen dataclass goes around its own protection for each field, and that
    would be a fourth of what storing a Set-Cookie line costs.
    """
    draft = _Draft()
    draft.name = name
    draft.value = value
    draft.domain = domain
    draft.host_only = host_only
    draft.path = path
    draft.secure = secure
    draft.http_only = http_only
    draft.same_site = same_site
    draft.partitioned = partitioned
    draft.persistent = persistent
    draft.expiry = expiry
    draft.creation = creation
    draft.last_access = last_access
    draft.__class__ = Cookie  # type: ignore[assignment]  # the same slots, so that it is one now
    return cast("Cookie", draft)


@dataclass(frozen=True, slots=True)
class Rejected:
    """Why a cookie was not stored, for logs.

    Attributes:
        reason: a sentence without any part of the cookie in it.
        name: an escaped excerpt of the cookie's name; empty when none was read.
    """

    reason: str
    name: str = ""

    @classmethod
    def named(cls, reason: str, name: str) -> Rejected:
        """Make a refusal from a name of any length and content."""
        cut = name if len(name) <= _MAX_EXCERPT else name[:_MAX_EXCERPT] + "..."
        return cls(reason, ascii(cut)[1:-1])
