from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whimbrel_connector.address_filters import allowed, public_addresses_only
from whimbrel_connector.interfaces import AddressFilter, ResolveResult


def results(*addresses: Any) -> list[ResolveResult]:
    return [
        ResolveResult(
            hostname="name", host=address, port=80, family=socket.AF_INET, proto=0, flags=0
        )
        for address in addresses
    ]


def test_each_address_is_asked_about_and_order_is_kept() -> None:
    asked: list[tuple[IPv4Address | IPv6Address, str]] = []

    def no_loopback(address: IPv4Address | IPv6Address, host: str) -> bool:
        asked.append((address, host))
        return not address.is_loopback

    found = results("192.0.2.1", "127.0.0.1", "2001:db8::1", "::1")
    good, refused = allowed(found, "name", no_loopback)
    assert good == [found[0], found[2]]
    assert refused == ["127.0.0.1", "::1"]
    assert [str(address) for address, _ in asked] == [entry["host"] for entry in found]
    assert {host for _, host in asked} == {"name"}


def test_a_mapped_address_is_shown_as_what_it_reaches_and_used_as_it_came() -> None:
    asked: list[object] = []

    def note(address: object, host: str) -> bool:
        asked.append(address)
        return True

    found = results("::ffff:127.0.0.1")
    assert allowed(found, "name", note) == (found, [])
    assert asked == [IPv4Address("127.0.0.1")]


def test_a_zone_is_shown_to_the_filter_and_kept() -> None:
    asked: list[Any] = []

    def note(address: object, host: str) -> bool:
        asked.append(address)
        return True

    found = results("fe80::1%7")
    assert allowed(found, "name", note) == (found, [])
    assert asked[0].scope_id == "7"


@pytest.mark.parametrize(
    "text",
    ["localhost", "127.1", "2130706433", "0177.0.0.1", "", "::1%", "1.2.3.4 ", 2130706433, b"1234"],
)
def test_what_is_no_address_is_refused_unasked(text: Any) -> None:
    def never(address: object, host: str) -> bool:
        raise AssertionError("asked about what is no address")

    assert allowed(results(text), "name", never) == ([], [ascii(str(text))])


def test_what_is_no_address_is_shown_in_part() -> None:
    [text] = allowed(results("x" * 10_000), "name", public_addresses_only)[1]
    assert len(text) < 100


def test_what_the_filter_raises_is_raised() -> None:
    def broken(address: object, host: str) -> bool:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        allowed(results("192.0.2.1"), "name", broken)


# IANA's registries of special-purpose addresses (RFC 6890), each block with its first and its last
# address, and what else is no address of a server in public. Given as the registries have it.
SPECIAL = [
    "0.0.0.0/8", "0.0.0.0/32", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
    "172.16.0.0/12", "192.0.0.0/24", "192.0.0.0/29", "192.0.0.8/32", "192.0.0.9/32",
    "192.0.0.10/32", "192.0.0.170/32", "192.0.0.171/32", "192.0.2.0/24", "192.31.196.0/24",
    "192.52.193.0/24", "192.88.99.0/24", "192.88.99.2/32", "192.168.0.0/16", "192.175.48.0/24",
    "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4", "255.255.255.255/32",
    "::1/128", "::/128", "::ffff:0:0/104", "64:ff9b:1::/48", "100::/64", "100:0:0:1::/64",
    "2001::/23", "2001::/32", "2001:1::1/128", "2001:1::2/128", "2001:1::3/128", "2001:2::/48",
    "2001:3::/32", "2001:4:112::/48", "2001:10::/28", "2001:20::/28", "2001:30::/28",
    "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20", "5f00::/16", "fc00::/7",
    "fe80::/10",
    # Multicast, and what was reserved, returned or never given out.
    "224.0.0.0/4", "ff00::/8", "::/96", "fec0::/10", "4000::/3", "6000::/3", "8000::/3", "a000::/3",
    "c000::/3", "e000::/4", "f000::/5", "f800::/6", "fe00::/9", "200::/7", "400::/6", "800::/5",
    "1000::/4", "::ffff:0:0:0/96",
    # Embedded where it is known what they reach.
    "::ffff:10.0.0.0/104", "::ffff:127.0.0.0/104", "::ffff:169.254.0.0/112",
    "::ffff:192.168.0.0/112", "::ffff:224.0.0.0/100", "64:ff9b::10.0.0.0/104",
    "64:ff9b::127.0.0.0/104", "64:ff9b::169.254.0.0/112", "64:ff9b::192.168.0.0/112",
    "64:ff9b::0.0.0.0/104", "64:ff9b::240.0.0.0/100",
    # Private addresses in 6to4 and Teredo, and public ones.
    "2002:a00::/24", "2002:7f00:1::/48", "2002:808:808::/48", "2001:0:7f00:1::/64",
    "2001:0:808:808::/64", "::8.8.8.8/128", "64:ff9b:1::8.8.8.8/128",
]  # fmt: skip


@pytest.mark.parametrize("block", SPECIAL)
def test_nothing_special_is_public(block: str) -> None:
    network = ip_network(block)
    middle = network[network.num_addresses // 2]
    for address in (network[0], middle, network[-1]):
        assert not public_addresses_only(address, "name"), address


# Just outside of the blocks above, or just outside in the embedding, and well-known servers.
PUBLIC = [
    "1.0.0.0", "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0",
    "126.255.255.255", "128.0.0.0", "169.253.255.255", "169.255.0.0", "172.15.255.255",
    "172.32.0.0", "191.255.255.255", "192.0.1.0", "192.0.3.0", "192.31.195.255", "192.31.197.0",
    "192.52.192.255", "192.52.194.0", "192.88.98.255", "192.88.100.0", "192.167.255.255",
    "192.169.0.0", "192.175.47.255", "192.175.49.0", "198.17.255.255", "198.20.0.0",
    "198.51.99.255", "198.51.101.0", "203.0.112.255", "203.0.114.0", "223.255.255.255",
    "2000::", "2001:200::", "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db9::",
    "2001:4860:4860::8888", "2003::", "2606:4700:4700::1111", "2620:4f:7fff::", "2620:4f:8001::",
    "2a00:1450:4001::1", "3ffe:ffff::", "3fff:1000::", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8",
]  # fmt: skip


@pytest.mark.parametrize("text", PUBLIC)
def test_everything_else_is_public(text: str) -> None:
    assert public_addresses_only(ip_address(text), "name")


@pytest.mark.parametrize("text", ["2606:4700:4700::1111%1", "::ffff:8.8.8.8%1", "fe80::1%eth0"])
def test_no_address_of_a_zone_is_public(text: str) -> None:
    assert not public_addresses_only(ip_address(text), "name")


@given(st.ip_addresses())
def test_what_python_holds_for_private_is_not_public(address: IPv4Address | IPv6Address) -> None:
    # Python's own table is another reading of the same registries; it may allow more, never less.
    seen = getattr(address, "ipv4_mapped", None) or address
    if public_addresses_only(address, "name") and address not in ip_network("64:ff9b::/96"):
        assert seen.is_global
        assert not seen.is_private
        assert not seen.is_multicast
        assert not seen.is_reserved


@given(st.ip_addresses(v=4))
def test_an_embedded_address_is_judged_as_itself(address: IPv4Address) -> None:
    itself = public_addresses_only(address, "name")
    for prefix in ("::ffff:0:0", "64:ff9b::"):
        inside = IPv6Address(int(IPv6Address(prefix)) + int(address))
        assert public_addresses_only(inside, "name") is itself


def test_it_is_an_address_filter() -> None:
    assert isinstance(public_addresses_only, AddressFilter)


@pytest.mark.parametrize("verdict", [None, 1, "yes", object()])
def test_a_filter_that_does_not_decide_lets_nothing_through(verdict: Any) -> None:
    def undecided(address: object, host: str) -> Any:
        return verdict

    with pytest.raises(TypeError, match="must return True or False, not"):
        allowed(results("192.0.2.1"), "name", undecided)


def test_an_asynchronous_filter_lets_nothing_through() -> None:
    async def asynchronous(address: object, host: str) -> bool:
        return False

    with pytest.raises(TypeError, match="must return True or False, not <coroutine"):
        allowed(results("192.0.2.1"), "name", asynchronous)  # type: ignore[arg-type]  # the fault
