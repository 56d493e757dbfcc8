"""Hosts and domains: RFC 6265bis sections 5.1.2 and 5.1.3."""

from __future__ import annotations

import re
from functools import lru_cache

from yarl import URL

from whimbrel_cookiejar.cookie import SHARED_DOMAIN

__all__ = ["canonical_host", "domain_match", "host_name", "is_ip_address", "parent_domains"]

_MAX_HOST = 255
"""The characters that a name in the DNS may have, dots included (RFC 1035 section 2.3.4)."""

# A last label that is a number: no top-level domain is one, and resolvers read such hosts as IPv4
# addresses even when they are incomplete ("127.1") or hexadecimal ("0x7f.1").
_ENDS_IN_NUMBER = re.compile(r"(?:^|\.)(?:[0-9]+|0[xX][0-9a-fA-F]*)\.?\Z")


@lru_cache(maxsize=512)
def canonical_host(host: str) -> str:
    """Return the form in which hosts are compared (RFC 6265bis section 5.1.2).

    A trailing dot is kept: `example.com.` and `example.com` do not share cookies.

    A host that is not ASCII becomes A-labels as in URLs: by UTS 46 (which lower-cases it, and maps
    what Unicode has twice) and IDNA 2008, and where that knows no answer (`☃.example`) by the
    IDNA before. So a cookie goes to the very host that the request goes to. For the same reason
    steps 2 and 4 are not applied to ASCII labels, which resolvers look up as they are: one with an
    underscore is taken, and one that begins with `xn--` is not looked into. Neither can match
    anything but itself.

    Args:
        host: a host name, or an IP address without brackets.

    Raises:
        ValueError: a label cannot be written as an A-label.
    """
    # 1. to 5. Labels that are not ASCII become A-labels. yarl does this for URLs already, so that
    #    only hosts from elsewhere come here in Unicode.
    if not host.isascii():
        host = URL.build(scheme="http", host=host).raw_host or ""
    # Comparison is of lower-case strings (section 5.1.3).
    return host.lower()


def host_name(domain: str) -> str | None:
    """Return the canonical host that a URL with the host `domain` has, if there can be one.

    `SHARED_DOMAIN` stays what it is.
    """
    if domain == SHARED_DOMAIN:
        return SHARED_DOMAIN
    if len(domain) > _MAX_HOST:
        return None
    try:
        host = URL.build(scheme="http", host=domain).raw_host
    except ValueError:
        return None
    return None if host is None else host.lower()


@lru_cache(maxsize=512)
def is_ip_address(host: str) -> bool:
    """Tell whether a canonical host is an IP address, or would be taken for one."""
    return ":" in host or _ENDS_IN_NUMBER.search(host) is not None


def domain_match(string: str, domain: str) -> bool:
    """Tell whether the host `string` domain-matches `domain` (RFC 6265bis section 5.1.3).

    Both are canonical.
    """
    # Either they are identical,
    if string == domain:
        return True
    # or the domain is a suffix of the string, the last character before it is a ".", and the
    # string is a host name (and no IP address).
    return bool(domain) and string.endswith("." + domain) and not is_ip_address(string)


@lru_cache(maxsize=512)
def parent_domains(host: str) -> tuple[str, ...]:
    """Return the domains that a canonical host matches, other than itself, the longest first."""
    if is_ip_address(host):
        return ()
    parents = []
    # Nothing stands above the dot that ends a host, least of all the domain of shared cookies.
    last = len(host) - 1
    dot = host.find(".")
    while 0 <= dot < last:
        parents.append(host[dot + 1 :])
        dot = host.find(".", dot + 1)
    return tuple(parents)
