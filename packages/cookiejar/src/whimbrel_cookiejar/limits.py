"""How much a jar keeps and sends."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

__all__ = ["DEFAULT_LIMITS", "CookieLimits"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CookieLimits:
    """The limits of a jar; what is above one is refused, evicted or not sent, and never an error.

    The defaults are no lower than RFC 6265bis section 6.1 asks for (50 cookies for a domain, 3000
    in all), and where it leaves room they are those of other clients.

    Attributes:
        name_value_octets: of a name and its value together. What is longer is refused, as RFC
            6265bis section 5.6 says: 4096.
        attribute_octets: of the value of one attribute. What is longer is ignored, as RFC 6265bis
            section 5.6 says: 1024.
        per_response: Set-Cookie field lines of one response, refused ones included. The lines after
            them are refused unread, so that one response can neither fill the jar nor keep the
            program busy. curl takes 50.
        per_domain: cookies that share a domain field, which is the domain that the cookie is stored
            under: the Domain attribute, or else the host. Chrome keeps 180. It is no limit on a
            site, as each host has a domain field of its own; `in_all` is what holds thousands of
            subdomains.
        in_all: cookies of the jar: 3333. As an eviction leaves nine tenths, there is always room
            for the 3000 that RFC 6265bis section 6.1 asks for.
        request_cookies: cookies in the Cookie field of one request. curl sends 150.
        request_octets: the length of that field line, with its name: 8190, which is what curl sends
            and what Apache httpd, by default, takes as one line. Servers answer longer ones with an
            error, so that a host that stores too much would otherwise lock its client out.

    Raises:
        ValueError: a limit is less than 1.
    """

    name_value_octets: int = 4096
    attribute_octets: int = 1024
    per_response: int = 50
    per_domain: int = 180
    in_all: int = 3333
    request_cookies: int = 150
    request_octets: int = 8190

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if value < 1:
                raise ValueError(f"{each.name} must be at least 1, and is {value}")


DEFAULT_LIMITS: Final = CookieLimits()
"""What a jar has that is not given others."""
