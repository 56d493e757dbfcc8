"""Which hosts are reached without a proxy: what the entries of `no_proxy` mean.

No standard says it. Where curl, Go, CPython and requests agree, it is as they do; the README lists
the rest. An address is never taken for a name: what matches the end of a name must not match the
end of an address or of its zone (CVE-2025-22870).
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, Final

from yarl import URL

if TYPE_CHECKING:
    from ipaddress import IPv4Network

__all__ = ["NoProxy", "parse_host"]

_SEPARATORS: Final = re.compile(r"[,\s]+")
_LABEL: Final = "[0-9a-z_~-]+"
_NAME: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_MAX_ENTRY: Final = 512
"""The longest entry that is looked at, in characters; no name is (RFC 1035, section 2.3.4)."""


def parse_host(host: str) -> IPv4Address | IPv6Address | str | None:
    """Return the address or the name that a host is, or `None` if it is neither.

    Only what `ipaddress` takes is an address: `127.1` and `2130706433` are names. A name comes in
    lower case, IDNA-encoded, and without the dot that may end it.
    """
    if not host.isascii():
        try:
            host = URL.build(scheme="http", host=host).raw_host or ""
        except ValueError:
            return None
    # Nothing else can be an address, and for the many names an exception is dear.
    if ":" in host or host[-1:].isdigit():
        try:
            return ip_address(host)
        except ValueError:
            pass  # a name like 127.1, or neither
    name = host.lower().removesuffix(".")
    return name if _NAME.fullmatch(name) else None


class NoProxy:
    """The entries of one list, in a form in which many cost no more than a few.

    An entry that means nothing is left out: it exempts no host.

    Args:
        text: entries with commas or white space between them.
    """

    __slots__ = ("_domains", "_everything", "_lengths", "_longest", "_names", "_networks", "_zoned")

    def __init__(self, text: str = "") -> None:
        # Each set has pairs of what is exempt and on which port; None is any port.
        self._everything: set[int | None] = set()
        self._names: set[tuple[str, int | None]] = set()
        self._domains: set[tuple[str, int | None]] = set()
        self._zoned: set[tuple[IPv6Address, int | None]] = set()
        # Networks are (version, prefix length, the prefix as a number).
        self._networks: set[tuple[tuple[int, int, int], int | None]] = set()
        for entry in _SEPARATORS.split(text):
            if len(entry) <= _MAX_ENTRY:
                self._add(entry)
        self._lengths: Final = {
            version: tuple({key[1] for key, _ in self._networks if key[0] == version})
            for version in (4, 6)
        }
        self._longest: Final = max((len(name) for name, _ in self._domains), default=0)

    def covers(self, host: str, port: int) -> bool:
        """Tell whether a host is reached without a proxy. No name is looked up.

        Args:
            host: a name, or an IP address without brackets.
            port: the port.
        """
        if None in self._everything or port in self._everything:
            return True
        parsed = parse_host(host)
        if parsed is None:
            return False
        if isinstance(parsed, str):
            return self._covers_name(parsed, port)
        return self._covers_address(parsed, port)

    def _covers_name(self, name: str, port: int) -> bool:
        if (name, None) in self._names or (name, port) in self._names:
            return True
        # From the right, so that a long name costs no more than the longest entry.
        dot = name.rfind(".")
        while dot >= 0 and len(name) - dot - 1 <= self._longest:
            domain = name[dot + 1 :]
            if (domain, None) in self._domains or (domain, port) in self._domains:
                return True
            dot = name.rfind(".", 0, dot)
        return False

    def _covers_address(self, address: IPv4Address | IPv6Address, port: int) -> bool:
        if isinstance(address, IPv6Address):
            if (address, None) in self._zoned or (address, port) in self._zoned:
                return True
            # It reaches the IPv4 address (RFC 4291, section 2.5.5.2), so both lists apply.
            mapped = address.ipv4_mapped
            if mapped is not None and self._covers_address(mapped, port):
                return True
        number, bits = int(address), address.max_prefixlen
        for length in self._lengths[address.version]:
            key = (address.version, length, number >> (bits - length))
            if (key, None) in self._networks or (key, port) in self._networks:
                return True
        return False

    def _add(self, entry: str) -> None:
        split = _split_port(entry)
        if split is None:
            return
        host, port = split
        if host == "*":
            self._everything.add(port)
        elif ":" in host or "/" in host:
            self._add_network(host, port)
        elif host.startswith("*."):
            self._add_name(host[2:], port, itself=False)
        elif host.startswith("."):
            self._add_name(host[1:], port)
        elif isinstance(address := parse_host(host), IPv4Address):
            self._add_network(str(address), port)
        else:
            self._add_name(host, port)

    def _add_name(self, host: str, port: int | None, *, itself: bool = True) -> None:
        name = parse_host(host)
        if isinstance(name, str):
            self._domains.add((name, port))
            if itself:
                self._names.add((name, port))

    def _add_network(self, host: str, port: int | None) -> None:
        if "%" in host:
            address = parse_host(host)
            if isinstance(address, IPv6Address):
                self._zoned.add((address, port))
            return
        _, slash, length = host.partition("/")
        if slash and not _is_number(length):  # a mask such as 255.0.0.0, which nobody else takes
            return
        try:
            network = ip_network(host, strict=False)
        except ValueError:
            return
        self._add_prefix(network, port)
        if isinstance(network, IPv6Network) and network.prefixlen >= 96:
            mapped = network.network_address.ipv4_mapped
            if mapped is not None:
                self._add_prefix(ip_network((mapped, network.prefixlen - 96)), port)

    def _add_prefix(self, network: IPv4Network | IPv6Network, port: int | None) -> None:
        length = network.prefixlen
        prefix = int(network.network_address) >> (network.max_prefixlen - length)
        self._networks.add(((network.version, length, prefix), port))


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 5


def _split_port(entry: str) -> tuple[str, int | None] | None:
    """Return the host of an entry, without brackets, and its port, or `None` for neither."""
    host, colon, port = entry, "", ""
    if entry.startswith("["):
        inside, closed, rest = entry[1:].partition("]")
        length, colon, port = rest.partition(":")
        if not closed or ":" not in inside or (length and length[0] != "/"):
            return None
        host = inside + length
    elif entry.count(":") == 1:
        host, colon, port = entry.partition(":")
    if not colon:
        return host, None
    if not _is_number(port) or not 0 < int(port) <= 65535:
        return None
    return host, int(port)
