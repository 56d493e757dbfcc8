"""Which addresses may be connected to: asking an `AddressFilter`, and one that is ready-made."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from types import CoroutineType
from typing import TYPE_CHECKING, Final

from whimbrel_connector._wording import excerpt

if TYPE_CHECKING:
    from collections.abc import Iterable

    from whimbrel_connector.interfaces import AddressFilter, ResolveResult

__all__ = ["allowed", "public_addresses_only"]


def allowed(
    addresses: Iterable[ResolveResult], host: str, address_filter: AddressFilter
) -> tuple[list[ResolveResult], list[str]]:
    """Ask the filter about each address.

    Args:
        addresses: what might be connected to.
        host: the name or literal that was asked for.
        address_filter: decides; whatever it raises is raised here.

    Returns:
        The addresses allowed, in order, and the text of those refused. What is no IP address is
        refused unasked: the system would look it up again, and nobody would see the outcome.

    Raises:
        TypeError: the filter does not return a bool.
    """
    good: list[ResolveResult] = []
    refused: list[str] = []
    for entry in addresses:
        text = str(entry["host"])  # `ip_address` would take numbers and bytes, too
        try:
            address = ip_address(text)
        except ValueError:
            refused.append(excerpt(text))
            continue
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped  # what a socket connects to (RFC 4291, section 2.5.5.2)
        verdict: object = address_filter(address, host)
        if not isinstance(verdict, bool):
            # Above all a coroutine: it is true, whatever it would have returned.
            if isinstance(verdict, CoroutineType):
                verdict.close()  # nobody is going to await it
            raise TypeError(f"an address_filter must return True or False, not {verdict!r:.80}")
        if verdict:
            good.append(entry)
        else:
            refused.append(text)
    return good, refused


def _table(*networks: str) -> tuple[tuple[int, int], ...]:
    """Return (mask, prefix) of each network, as numbers: that is several times faster to search."""
    parsed = [ip_network(network) for network in networks]
    return tuple((int(network.netmask), int(network.network_address)) for network in parsed)


# Tables of our own: those of `ipaddress` differ from one patch release of Python to the next.

_SPECIAL_IPV4: Final = _table(
    "0.0.0.0/8",  # this network (RFC 791); Linux takes 0.0.0.0 for this host
    "10.0.0.0/8",  # private use (RFC 1918)
    "100.64.0.0/10",  # shared address space (RFC 6598)
    "127.0.0.0/8",  # loopback (RFC 1122)
    "169.254.0.0/16",  # link-local (RFC 3927); the metadata services of clouds
    "172.16.0.0/12",  # private use (RFC 1918)
    "192.0.0.0/24",  # IETF protocol assignments (RFC 6890), the nearest PCP and TURN included
    "192.0.2.0/24",  # documentation (RFC 5737)
    "192.31.196.0/24",  # AS112: whichever node is nearest (RFC 7535)
    "192.52.193.0/24",  # AMT: whichever relay is nearest (RFC 7450)
    "192.88.99.0/24",  # 6to4: whichever relay is nearest, deprecated (RFC 7526)
    "192.168.0.0/16",  # private use (RFC 1918)
    "192.175.48.0/24",  # AS112: whichever node is nearest (RFC 7534)
    "198.18.0.0/15",  # benchmarking (RFC 2544)
    "198.51.100.0/24",  # documentation (RFC 5737)
    "203.0.113.0/24",  # documentation (RFC 5737)
    "224.0.0.0/4",  # multicast (RFC 5771)
    "240.0.0.0/4",  # reserved (RFC 1112), the limited broadcast included
)

_GLOBAL_UNICAST: Final = IPv6Network("2000::/3")
"""All that IANA assigns from; the rest is special or reserved (RFC 4291, section 2.4)."""

_SPECIAL_GLOBAL_UNICAST: Final = _table(
    "2001::/23",  # IETF protocol assignments (RFC 2928): Teredo, benchmarking, ORCHID, ...
    "2001:db8::/32",  # documentation (RFC 3849)
    "2002::/16",  # 6to4 (RFC 3056), whatever is in it
    "2620:4f:8000::/48",  # AS112: whichever node is nearest (RFC 7534)
    "3fff::/20",  # documentation (RFC 9637)
)

_NAT64: Final = IPv6Network("64:ff9b::/96")
"""IPv4 addresses as an IPv6-only network writes them (RFC 6052, section 2.1)."""


def _in(table: tuple[tuple[int, int], ...], number: int) -> bool:
    return any(number & mask == prefix for mask, prefix in table)


def public_addresses_only(address: IPv4Address | IPv6Address, host: str) -> bool:
    """Allow unicast addresses of the public Internet only; an `AddressFilter`.

    Refused is whatever IANA's registries of special-purpose addresses and of multicast have:
    private, shared, loopback, link-local, documentation, reserved and unspecified addresses,
    anycast to the nearest node of a service, and addresses with a zone. Where an IPv4 address is
    in an IPv6 one, the socket or the network's translator reaches that: IPv4-mapped addresses
    and those of `64:ff9b::/96` (NAT64) are judged by it. The other ways to embed one (6to4,
    Teredo, IPv4-compatible, `64:ff9b:1::/48`) are refused altogether.

    Public does not mean foreign: it cannot know the public addresses of your own network, a
    NAT64 prefix of its own choice, or the services that a cloud puts at public addresses
    (168.63.129.16, for one). A filter of your own can refuse these and ask this one about the rest.

    Args:
        address: the address.
        host: whose address it is; of no importance here.
    """
    del host
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            return False
        embedded = address.ipv4_mapped
        if embedded is None and address in _NAT64:
            embedded = IPv4Address(int(address) & 0xFFFFFFFF)
        if embedded is None:
            special = _in(_SPECIAL_GLOBAL_UNICAST, int(address))
            return address in _GLOBAL_UNICAST and not special
        address = embedded
    return not _in(_SPECIAL_IPV4, int(address))
