"""What a failed look-up says, whichever resolver made it."""

from __future__ import annotations

import socket
from typing import Final

__all__ = ["NO_DATA", "lookup_error", "shown"]

NO_DATA: Final = int(getattr(socket, "EAI_NODATA", socket.EAI_NONAME))  # not everywhere
"""The code for a name without addresses, or without any of the family."""

_FAMILIES: Final[dict[int, str]] = {socket.AF_INET: "IPv4 address", socket.AF_INET6: "IPv6 address"}
_LONGEST: Final = 255
"""As long as names may be (RFC 1035, section 2.3.4)."""
_EXCERPT: Final = 80
"""How much is shown of what is longer."""


def shown(text: str) -> str:
    """Return a name or an address, escaped and of bounded length, for an error."""
    return ascii(text) if len(text) <= _LONGEST else f"{text[:_EXCERPT]!a}..."


def lookup_error(host: str, family: int, code: int, reason: str = "") -> socket.gaierror:
    """Return the error of a failed look-up.

    Args:
        host: the name.
        family: `AF_INET`, `AF_INET6` or 0: what was asked for.
        code: what `getaddrinfo` calls the failure (`EAI_NONAME`, ...).
        reason: what the resolver says; not needed where the code tells all.
    """
    if code == socket.EAI_NONAME:
        text = f"the name {shown(host)} does not exist"
    elif code in {NO_DATA, getattr(socket, "EAI_ADDRFAMILY", NO_DATA)}:
        text = f"the name {shown(host)} has no {_FAMILIES.get(family, 'address')}"
    else:
        text = f"the look-up of {shown(host)} failed: {reason}"
    return socket.gaierror(code, text)
