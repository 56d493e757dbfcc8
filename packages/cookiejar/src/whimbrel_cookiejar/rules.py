"""The storage model and the retrieval algorithm: RFC 6265bis sections 5.7 and 5.8.3.

RFC 6265bis is draft-ietf-httpbis-rfc6265bis-22 (December 2025): the sections and the numbers of
steps that are named, here and in all of this package, are those of that text.

Pure decisions about one cookie, or about two. The jar asks them in order, and the store only
spares it the cookies of other domains.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Final, NamedTuple

from whimbrel_cookiejar.cookie import SHARED_DOMAIN, Cookie, Rejected, new_cookie
from whimbrel_cookiejar.domains import domain_match, is_ip_address
from whimbrel_cookiejar.paths import default_path, path_match

if TYPE_CHECKING:
    from collections.abc import Iterable

    from whimbrel_cookiejar.interfaces import PublicSuffixes
    from whimbrel_cookiejar.parse import SetCookie

__all__ = [
    "MAX_AGE",
    "Scope",
    "Target",
    "accept",
    "applies",
    "cookie_pair",
    "hides_secure",
    "is_expired",
    "keep_promises",
    "make_cookie",
    "promises_secure",
    "retrieval_order",
    "scope_of",
    "serialize",
]

MAX_AGE: Final = 400 * 24 * 60 * 60
"""The longest life time in seconds: 400 days (RFC 6265bis section 5.5)."""

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


Scope = tuple[str, bool, str]
"""Where a cookie goes: its domain, its host-only-flag and its path."""


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
    scope = scope_of(parsed, target, suffixes, unsafe=unsafe)
    return scope if isinstance(scope, Rejected) else make_cookie(parsed, scope, now, creation=now)


def scope_of(
    parsed: SetCookie, target: Target, suffixes: PublicSuffixes, *, unsafe: bool
) -> Scope | Rejected:
    """Decide where a cookie goes that `target` sent, or say why it goes nowhere.

    The first half of `accept`, with its arguments: all of the steps that may refuse the cookie.
    """
    # 1. The user agent may refuse a cookie for reasons of its own.
    if not unsafe and is_ip_address(target.host):
        return Rejected.named("the host is an IP address, and the jar is not unsafe", parsed.name)
    # 7. to 10. Whose cookie it is.
    if parsed.domain:
        whose = _named_domain(parsed.domain, target.host, suffixes)
        if isinstance(whose, str):
            return Rejected.named(whose, parsed.name)
        domain, host_only = whose
    else:
        # 10. (second part) Without a domain-attribute the cookie is the host's alone; or, when the
        #     program sets a cookie for no host in particular, everyone's.
        domain, host_only = target.host, target.host != SHARED_DOMAIN
    # 11. The path, the default one if the server gave none that can be.
    path = parsed.path or default_path(target.path)
    # 13. A Secure cookie cannot come over an insecure connection.
    if parsed.secure and not target.secure:
        return Rejected.named("Secure came over a connection that is not secure", parsed.name)
    # 15. This is an HTTP API.
    # 17. and 18. The same-site-flag is as parsed; no request of this client is cross-site.
    # 19. SameSite=None needs Secure.
    if parsed.same_site == "None" and not parsed.secure:
        return Rejected.named("SameSite=None came without Secure", parsed.name)
    # 20. to 22. What the prefixes of a name promise.
    # 22. Without a name, what is sent is the value: it must not look like a name with a prefix.
    if (parsed.name or parsed.value).startswith("__"):
        # What the program sets for every host is as if each host had set it for itself.
        own = host_only or domain == SHARED_DOMAIN
        refusal = _broken_promise(parsed, host_only=own, path=path)
        if refusal is not None:
            return Rejected.named(refusal, parsed.name)
    return domain, host_only, path


def make_cookie(parsed: SetCookie, scope: Scope, now: float, *, creation: float) -> Cookie:
    """Make the cookie, the second half of `accept`.

    Args:
        parsed: the field.
        scope: where the cookie goes.
        now: seconds since the epoch.
        creation: its creation-time: `now`, or that of the cookie it replaces.
    """
    # 5. and 6. The life time, and the cookie; 12. and 14. Secure and HttpOnly are as parsed.
    expiry = _expiry(parsed, now)
    domain, host_only, path = scope
    return new_cookie(
        parsed.name,
        parsed.value,
        domain,
        host_only,
        path,
        parsed.secure,
        parsed.http_only,
        parsed.same_site,
        parsed.partitioned,
        expiry != inf,
        expiry,
        creation,
        now,
    )


def _named_domain(attribute: str, host: str, suffixes: PublicSuffixes) -> tuple[str, bool] | str:
    """Return the domain and the host-only-flag that a Domain gives, or why none (steps 8 to 10)."""
    # 8. A domain-attribute that is not ASCII: ignore the cookie.
    if not attribute.isascii():
        return "Domain is not ASCII"
    # 10. (first part) The host must be in the domain. It stands before step 9 because it costs
    #     less, and because it is the clearer reason.
    if not domain_match(host, attribute):
        return "the host is not in Domain"
    # 9. A public suffix is only acceptable to the host of that very name, for itself alone.
    if not suffixes.is_public_suffix(attribute):
        return attribute, False
    return (host, True) if attribute == host else "Domain is a public suffix"


def _expiry(parsed: SetCookie, now: float) -> float:
    """Return the expiry-time (step 6, and the limit of section 5.5)."""
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
    name = (parsed.name or parsed.value).lower()
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


def keep_promises(parsed: SetCookie) -> None:
    """Give a cookie that has no attributes those that the prefix of its name promises."""
    if promises_secure(parsed.name):
        parsed.secure = True
    if parsed.name.lower().startswith(_HOST_PREFIX):
        parsed.path = "/"


def promises_secure(name: str) -> bool:
    """Tell whether the prefix of a cookie's name promises that it is Secure."""
    return name.lower().startswith((_SECURE_PREFIX, _HOST_PREFIX))


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

    RFC 6265bis section 5.8.3, step 3; a cookie for every host passes any host. Whether
    its domain has become a public suffix since it was stored is not asked: a jar keeps its list.
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
    """Return the key to sort cookies by for sending (RFC 6265bis section 5.8.3, step 4)."""
    # Longer paths before shorter ones, then earlier creation-times before later ones.
    return -len(cookie.path), cookie.creation


def cookie_pair(cookie: Cookie) -> str:
    """Return what is sent of a cookie (RFC 6265bis section 5.8.3, step 6)."""
    # 1. and 2. A cookie without a name is its value alone.
    return f"{cookie.name}={cookie.value}" if cookie.name else cookie.value


def serialize(pairs: Iterable[str]) -> str:
    """Return the value of a Cookie field (RFC 6265bis section 5.8.3, step 6)."""
    # 3. Between two cookies stand ";" and a space.
    return "; ".join(pairs)
