"""The storage model and the retrieval algorithm: RFC 6265bis sections 5.7 and 5.8.3.

Pure decisions about one cookie, or about two. The jar asks them in order, and the store only
spares it the cookies of other domains.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Final, NamedTuple

from whimbrel_cookiejar.cookie import SHARED_DOMAIN, Cookie, Rejected
from whimbrel_cookiejar.domains import domain_match, is_ip_address
from whimbrel_cookiejar.paths import default_path, path_match

if TYPE_CHECKING:
    from collections.abc import Iterable

    from whimbrel_cookiejar.interfaces import PublicSuffixes
    from whimbrel_cookiejar.parse import SetCookie

__all__ = [
    "MAX_AGE",
    "Target",
    "accept",
    "applies",
    "hides_secure",
    "is_expired",
    "retrieval_order",
    "serialize",
]

MAX_AGE: Final = 400 * 24 * 60 * 60
"""The longest life time in seconds: 400 days (RFC 6265bis section 5.6.1)."""

_SECURE_PREFIX: Final = "__secure-"
_HOST_PREFIX: Final = "__host-"


class Target(NamedTuple):
    """What the rules need to know of a request's URI.

    Attributes:
        host: the canonical request-host; `SHARED_DOMAIN` when the program speaks for every host.
        path: the path portion of the URI, percent-encoded.
        secure: whether the connection counts as secure.
    """

    host: str
    path: str
    secure: bool


def accept(
    parsed: SetCookie, target: Target, now: float, suffixes: PublicSuffixes, *, unsafe: bool
) -> Cookie | Rejected:
    """Make a cookie of what `target` sent, or say why not.

    RFC 6265bis section 5.7; what depends on other cookies (steps 16, 23 and 24) is the jar's.

    Args:
        parsed: the field, which `parse` has put through steps 2 to 4.
        target: the URI that the field came from.
        now: seconds since the epoch.
        suffixes: the public suffixes.
        unsafe: whether IP addresses may set cookies.

    Returns:
        The cookie, whose expiry may have passed already: the server wants it removed.
    """
    # 1. The user agent may refuse a cookie for reasons of its own.
    if not unsafe and is_ip_address(target.host):
        return Rejected.named("the host is an IP address, and the jar is not unsafe", parsed.name)
    # 7. to 10. Whose cookie it is.
    scope = _scope(parsed.domain or "", target.host, suffixes)
    if isinstance(scope, str):
        return Rejected.named(scope, parsed.name)
    domain, host_only = scope
    # 11. The path, the default one if the server gave none that can be.
    path = parsed.path or default_path(target.path)
    # 12. and 14. Secure and HttpOnly are as parsed.
    # 13. A Secure cookie cannot come over an insecure connection.
    if parsed.secure and not target.secure:
        return Rejected.named("Secure came over a connection that is not secure", parsed.name)
    # 15. This is an HTTP API.
    # 17. and 18. The same-site-flag is as parsed; no request of this client is cross-site.
    # 19. SameSite=None needs Secure.
    if parsed.same_site == "None" and not parsed.secure:
        return Rejected.named("SameSite=None came without Secure", parsed.name)
    # 20. to 22. What the prefixes of a name promise.
    refusal = _broken_promise(parsed, host_only=host_only, path=path)
    if refusal is not None:
        return Rejected.named(refusal, parsed.name)
    # 5. and 6. The life time, and the cookie.
    expiry = _expiry(parsed, now)
    return Cookie(
        name=parsed.name,
        value=parsed.value,
        domain=domain,
        host_only=host_only,
        path=path,
        secure=parsed.secure,
        http_only=parsed.http_only,
        same_site=parsed.same_site,
        partitioned=parsed.partitioned,
        persistent=expiry != inf,
        expiry=expiry,
        creation=now,
        last_access=now,
    )


def _scope(attribute: str, host: str, suffixes: PublicSuffixes) -> tuple[str, bool] | str:
    """Return the cookie's domain and its host-only-flag, or why it has none (steps 7 to 10)."""
    # 8. A domain-attribute that is not ASCII: ignore the cookie.
    if not attribute.isascii():
        return "Domain is not ASCII"
    if attribute:
        # 10. (first part) The host must be in the domain. It stands before step 9 because it costs
        #     less, and because it is the clearer reason.
        if not domain_match(host, attribute):
            return "the host is not in Domain"
        # 9. A public suffix is only acceptable to the host of that very name, for itself alone.
        if not suffixes.is_public_suffix(attribute):
            return attribute, False
        if attribute != host:
            return "Domain is a public suffix"
    # 10. (second part) Without a domain-attribute the cookie is the host's alone; or, when the
    #     program sets a cookie for no host in particular, everyone's.
    return host, host != SHARED_DOMAIN


def _expiry(parsed: SetCookie, now: float) -> float:
    """Return the expiry-time (step 6, and the limits of sections 5.6.1 and 5.6.2)."""
    # Max-Age is stronger than Expires.
    if parsed.max_age is not None:
        # A life time of no or negative seconds has ended before any time. The comparison is of
        # integers: the one that was sent may be too large for a float.
        return -inf if parsed.max_age <= 0 else now + min(parsed.max_age, MAX_AGE)
    if parsed.expires is not None:
        return min(parsed.expires, now + MAX_AGE)
    return inf


def _broken_promise(parsed: SetCookie, *, host_only: bool, path: str) -> str | None:
    """Return which promise of its name's prefix the cookie breaks (steps 20 to 22)."""
    # 22. Without a name, what is sent is the value: it must not look like a name with a prefix.
    name = (parsed.name or parsed.value).lower()
    if not name.startswith("__"):
        return None
    if not parsed.name and name.startswith((_SECURE_PREFIX, _HOST_PREFIX)):
        return "a cookie without a name has a value that begins like a name with a prefix"
    # 20. "__Secure-" promises Secure.
    if name.startswith(_SECURE_PREFIX) and not parsed.secure:
        return "__Secure- came without Secure"
    # 21. "__Host-" promises Secure, no Domain, and an explicit Path of "/".
    if name.startswith(_HOST_PREFIX) and not (
        parsed.secure and host_only and parsed.path and path == "/"
    ):
        return "__Host- came without Secure, without Path=/, or with Domain"
    return None


def hides_secure(new: Cookie, old: Cookie, now: float) -> bool:
    """Tell whether `new`, from an insecure connection, would hide or replace a Secure cookie.

    RFC 6265bis section 5.7, step 16, for one cookie of the store.
    """
    return (
        # 1. the names match,
        new.name == old.name
        # 2. the old one is Secure (and still there),
        and old.secure
        and not is_expired(old, now)
        # 3. one of the domains domain-matches the other,
        and (domain_match(new.domain, old.domain) or domain_match(old.domain, new.domain))
        # 4. and the new path path-matches the old one. (Not the other way round: a Secure cookie
        #    for a narrower path is sent first.)
        and path_match(new.path, old.path)
    )


def is_expired(cookie: Cookie, now: float) -> bool:
    """Tell whether the cookie's time has passed (RFC 6265bis section 5.7)."""
    return cookie.expiry <= now


def applies(cookie: Cookie, target: Target, now: float) -> bool:
    """Tell whether the cookie is sent with a request for `target`.

    RFC 6265bis section 5.8.3, step 1; a cookie for every host passes any host.
    """
    return (
        # The host is the cookie's, or in its domain.
        (
            cookie.domain in (target.host, SHARED_DOMAIN)
            or (not cookie.host_only and domain_match(target.host, cookie.domain))
        )
        # The path path-matches the cookie's.
        and path_match(target.path, cookie.path)
        # A Secure cookie only goes over a secure connection.
        and (target.secure or not cookie.secure)
        and not is_expired(cookie, now)
    )


def retrieval_order(cookie: Cookie) -> tuple[int, float]:
    """Return the key to sort cookies by for sending (RFC 6265bis section 5.8.3, step 2)."""
    # Longer paths before shorter ones, then earlier creation-times before later ones.
    return -len(cookie.path), cookie.creation


def serialize(cookies: Iterable[Cookie]) -> str:
    """Return the value of a Cookie field (RFC 6265bis section 5.8.3, step 4)."""
    return "; ".join(
        # A cookie without a name is its value alone.
        [f"{cookie.name}={cookie.value}" if cookie.name else cookie.value for cookie in cookies]
    )
