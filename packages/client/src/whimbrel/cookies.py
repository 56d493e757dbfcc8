"""The Cookie field of a request: the jar's cookies and the caller's own, in one value."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from yarl import URL

    from whimbrel_cookiejar import AbstractCookieJar

__all__ = ["HeaderJar", "cookie_field", "jar_cookies"]


class HeaderJar(Protocol):
    """A jar that gives the value of a Cookie field at once, as ours does."""

    def cookie_header(self, url: URL) -> str:
        """Return the cookies for `url` as `name=value; name=value`; empty when there is none."""


def jar_cookies(jar: AbstractCookieJar, url: URL) -> str:
    """Return the jar's cookies for `url` as the value of a Cookie field, maybe empty."""
    if _gives_header(type(jar)):
        return cast("HeaderJar", jar).cookie_header(url)
    cookies = jar.filter_cookies(url)
    return "; ".join(f"{name}={morsel.coded_value}" for name, morsel in cookies.items())


@cache
def _gives_header(kind: type[AbstractCookieJar]) -> bool:
    """Tell whether such a jar is asked for a header: what comes first in its classes decides.

    A subclass of our jar that overrides only `filter_cookies` wants that to be asked.
    """
    for each in kind.__mro__:
        if "cookie_header" in vars(each):
            return True
        if "filter_cookies" in vars(each):
            return False
    return False


def cookie_field(from_jar: str, own: Iterable[str], given: Sequence[str]) -> str:
    """Join cookies into one value (RFC 6265bis section 4.2.1); nearer the caller wins.

    Args:
        from_jar: the jar's, as a field value.
        own: the request's `cookies`, each as `name=value`.
        given: the values of Cookie fields that the caller set.
    """
    own = [*own, *(pair.strip() for value in given for pair in value.split(";"))]
    if not own:
        return from_jar
    names = {pair.partition("=")[0] for pair in own}
    kept = [pair for pair in from_jar.split("; ") if pair and pair.partition("=")[0] not in names]
    return "; ".join([*kept, *(pair for pair in own if pair)])
