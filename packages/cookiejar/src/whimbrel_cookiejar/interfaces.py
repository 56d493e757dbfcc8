"""What the cookie jar calls, as a shape that any object may have."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

__all__ = ["PublicSuffixes"]


@runtime_checkable
class PublicSuffixes(Protocol):
    """Knows under which domains anybody may register a name, such as `com` and `co.uk`.

    `whimbrel_cookiejar.PublicSuffixList` is the one that a jar uses unless it is given another;
    `whimbrel_cookiejar.testing.check_public_suffixes` tells whether an object keeps this contract.
    """

    def is_public_suffix(self, domain: str) -> bool:
        """Tell whether no cookie may be shared between the hosts below `domain`.

        The jar calls this while it stores a cookie that has a Domain attribute, with a domain
        that is the request's host or an ancestor of it. It must not raise, whatever the string.

        Args:
            domain: ASCII, in any case, perhaps with a leading or trailing dot.

        Returns:
            `True` for a public suffix, a single label, an IP address, and what is no domain name.
        """
