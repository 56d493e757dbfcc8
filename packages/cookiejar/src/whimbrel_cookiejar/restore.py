"""The door for cookies from files, which are believed no more than servers are."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from math import inf
from typing import TYPE_CHECKING

from whimbrel_cookiejar.cookie import Cookie, Rejected
from whimbrel_cookiejar.domains import host_name
from whimbrel_cookiejar.limits import DEFAULT_LIMITS, CookieLimits
from whimbrel_cookiejar.parse import SetCookie, check_name_value
from whimbrel_cookiejar.rules import Target, accept, is_expired

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from whimbrel_cookiejar.interfaces import PublicSuffixes

__all__ = ["candidates", "readmit"]

# Of a Path attribute or of a URL: HTAB may be in the first, and ";" in the second.
_NO_PATH = re.compile(r"[\x00-\x08\x0A-\x1F\x7F\uD800-\uDC7F\uDD00-\uDFFF]")


def candidates(
    found: Iterable[tuple[int, Cookie | Rejected]], limits: CookieLimits, now: float
) -> Iterator[tuple[int, Cookie | Rejected]]:
    """Yield what may be taken of a file, and refuse what is more than twice the jar's limits.

    So no file takes long, and no domain in it keeps the others out.

    Args:
        found: what the file had, with numbers.
        limits: those of the jar.
        now: seconds since the epoch; what has expired is left out.
    """
    domains: Counter[str] = Counter()
    total = 0
    for number, saved in found:
        if isinstance(saved, Rejected):
            yield number, saved
        elif is_expired(saved, now):
            continue
        elif total >= 2 * limits.in_all or domains[saved.domain] >= 2 * limits.per_domain:
            yield number, Rejected.named("there are too many cookies in the file", saved.name)
        else:
            total += 1
            domains[saved.domain] += 1
            yield number, saved


def readmit(
    saved: Cookie,
    now: float,
    suffixes: PublicSuffixes,
    limits: CookieLimits = DEFAULT_LIMITS,
    *,
    unsafe: bool,
) -> Cookie | Rejected:
    """Put a cookie that was saved through the rules again, as if its host had sent it just now.

    Args:
        saved: the cookie, of any content; its times are finite, but for an expiry of `inf`. Times
            of its past that are in the future become the present.
        now: seconds since the epoch.
        suffixes: the public suffixes.
        limits: those on octets count.
        unsafe: whether IP addresses may set cookies.

    Returns:
        The cookie, whose expiry may have passed already, or why there can be none.
    """
    refusal = check_name_value(saved.name, saved.value, limits)
    if refusal is not None:
        return Rejected.named(refusal, saved.name)
    host = host_name(saved.domain)
    if host is None:
        return Rejected.named("the domain is not the name of a host", saved.name)
    # Without this check, the rules would replace it by the default path, which is a wider one.
    if not saved.path.startswith("/") or _NO_PATH.search(saved.path):
        return Rejected.named("the path is none", saved.name)
    if len(saved.path.encode("utf-8", "surrogateescape")) > limits.attribute_octets:
        return Rejected.named(
            f"the path has more than {limits.attribute_octets} octets", saved.name
        )
    parsed = SetCookie(
        saved.name,
        saved.value,
        expires=None if saved.expiry == inf else saved.expiry,
        domain=None if saved.host_only else host,
        path=saved.path,
        secure=saved.secure,
        http_only=saved.http_only,
        same_site=saved.same_site,
        partitioned=saved.partitioned,
    )
    cookie = accept(parsed, Target(host, "/", True), now, suffixes, unsafe=unsafe)
    if isinstance(cookie, Rejected):
        return cookie
    if cookie.host_only != saved.host_only:
        # An IP address is asked for as a public suffix, too.
        return Rejected.named("the domain is a public suffix, and not host-only", saved.name)
    return replace(
        cookie, creation=min(saved.creation, now), last_access=min(saved.last_access, now)
    )
