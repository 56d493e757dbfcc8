"""Doubles and conformance checks for those who test with cookies, or bring public suffixes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from whimbrel_cookiejar.interfaces import PublicSuffixes

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["FixedPublicSuffixes", "check_public_suffixes"]


class FixedPublicSuffixes:
    """Public suffixes that a test names, whatever the installed list says.

    Args:
        suffixes: in lower case, without dots around. Single labels need not be named.
    """

    def __init__(self, suffixes: Iterable[str] = ()) -> None:
        self._suffixes = frozenset(suffixes)

    def is_public_suffix(self, domain: str) -> bool:
        """See `whimbrel_cookiejar.PublicSuffixes`."""
        labels = domain.strip(".").lower().split(".")
        return (
            len(labels) == 1
            or "" in labels
            or ":" in domain
            or labels[-1].isdecimal()
            or ".".join(labels) in self._suffixes
        )


def check_public_suffixes(
    suffixes: PublicSuffixes, *, public: Iterable[str] = (), private: Iterable[str] = ()
) -> None:
    """Check that an object keeps the contract of `PublicSuffixes`.

    Args:
        suffixes: the object.
        public: domains that it must know as public suffixes.
        private: domains that it must know not to be.

    Raises:
        AssertionError: it does not; the message names the domain.
    """
    assert isinstance(suffixes, PublicSuffixes), f"{suffixes!r} has no is_public_suffix"
    always = ("com", "localhost", "127.0.0.1", "::1", "", ".", "..", "a..com")
    cases = [(domain, True) for domain in (*always, *public)]
    cases += [(domain, False) for domain in private]
    for domain, expected in cases:
        for form in (domain, domain.upper(), domain + ".", "." + domain):
            answer = suffixes.is_public_suffix(form)
            assert answer is expected, f"is_public_suffix({form!r}) is {answer}, not {expected}"
