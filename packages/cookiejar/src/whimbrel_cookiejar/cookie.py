"""The values that the jar hands out: a cookie, and why there is none."""

from __future__ import annotations

from dataclasses import dataclass, field, make_dataclass
from typing import Any, Final, Literal, cast

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


def _freeze(draft: Any) -> None:
    draft.__class__ = Cookie


# `Cookie(...)`, in a fourth of the time. The constructor of a frozen dataclass goes around its own
# protection for each field, which would be a seventh of what storing a Set-Cookie line costs: so
# the fields are set while the same slots belong to a class that is not frozen. (A NamedTuple is as
# fast, but what writes out sequences, as `json` and error reporters do, would write out the value.)
new_cookie: Final = cast(
    "type[Cookie]",
    make_dataclass(
        "_Draft", Cookie.__slots__, eq=False, slots=True, namespace={"__post_init__": _freeze}
    ),
)


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
