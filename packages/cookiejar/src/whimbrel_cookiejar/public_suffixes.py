"""The public suffixes that a jar uses unless it is given others."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from whimbrel_cookiejar.domains import canonical_host, is_ip_address

if TYPE_CHECKING:
    from collections.abc import Iterable

    from publicsuffixlist import PublicSuffixList as _List

__all__ = ["PublicSuffixList"]


class PublicSuffixList:
    """The Mozilla public suffix list, its private section included (`github.io` and the like).

    The installed `publicsuffixlist` distribution brings the list; it is imported and read, once for
    all jars, when a cookie with a Domain attribute first asks for it.

    Args:
        lines: the lines of a list in the format of publicsuffix.org, to use instead of the
            installed one. They are read at once.
    """

    __slots__ = ("_list",)

    def __init__(self, lines: Iterable[str] | None = None) -> None:
        self._list: _List | None = None if lines is None else _read(lines)

    def is_public_suffix(self, domain: str) -> bool:
        """See `whimbrel_cookiejar.PublicSuffixes`."""
        # Lists are asked in lower case and without dots around: in other clients, "co.UK" and
        # "com." have been ways past them.
        domain = domain.strip(".").lower()
        if not domain.isascii():
            try:
                domain = canonical_host(domain)
            except ValueError:
                return True
        if "." not in domain or ".." in domain or is_ip_address(domain):
            return True
        if self._list is None:
            self._list = _installed()
        return bool(self._list.is_public(domain))


@cache
def _installed() -> _List:
    return _read(None)


def _read(lines: Iterable[str] | None) -> _List:
    # Imported here, as most programs never see a Domain attribute, and the list is large.
    from publicsuffixlist import PublicSuffixList as List  # noqa: PLC0415

    return List(lines)
