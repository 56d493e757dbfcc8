from __future__ import annotations

import time
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from whimbrel_connector._no_proxy import NoProxy, parse_host

#: Digits that IDNA takes for the common ones.
WIDE_8 = "\uff18"
WIDE_ADDRESS = "\uff11\uff12\uff17.\uff10.\uff10.\uff11"

#: An entry, the hosts that it exempts, and hosts that it does not; without a port it is 80.
TABLE: list[tuple[str, list[str], list[str]]] = [
    # nothing
    ("", [], ["example.org", "localhost", "127.0.0.1", "::1"]),
    (" ,, \t\n,", [], ["example.org", "localhost"]),
    # a name is itself and what is below it, and never a mere end of the text
    (
        "example.org",
        ["example.org", "example.org.", "EXAMPLE.Org", "a.example.org", "b.a.example.org"],
        ["org", "badexample.org", "example.org.evil.test", "example", "xexample.org", ""],
    ),
    ("Example.ORG", ["example.org", "A.EXAMPLE.ORG"], ["example.com"]),
    ("example.org.", ["example.org", "a.example.org."], ["badexample.org"]),
    (".example.org", ["example.org", "a.example.org"], ["badexample.org", "org"]),
    (".example.org.", ["example.org.", "a.example.org"], ["badexample.org"]),
    ("*.example.org", ["a.example.org", "b.a.example.org"], ["example.org", "badexample.org"]),
    ("org", ["org", "example.org", "a.example.org"], ["example.com", "borg"]),
    ("a_b.example", ["a_b.example", "_x.a_b.example"], ["b.example"]),
    ("localhost", ["localhost", "x.localhost"], ["127.0.0.1", "::1", "mylocalhost"]),
    ("xn--bcher-kva.example", ["bücher.example", "a.xn--bcher-kva.example"], ["bucher.example"]),
    ("BÜCHER.example", ["bücher.example", "xn--bcher-kva.example"], ["bucher.example"]),
    (".bücher.example", ["xn--bcher-kva.example", "a.bücher.example."], ["bucher.example"]),
    ("*.bücher.example", ["a.xn--bcher-kva.example"], ["bücher.example"]),
    # several
    ("a.test,b.test", ["a.test", "b.test"], ["c.test", "test"]),
    ("a.test b.test\tc.test", ["a.test", "b.test", "c.test"], ["d.test"]),
    (" a.test ,\n b.test,,", ["a.test", "b.test"], ["test"]),
    # everything
    ("*", ["example.org", "localhost", "127.0.0.1", "::1", "fe80::1%eth0"], []),
    ("a.test, *", ["example.org", "10.0.0.1"], []),
    ("*:8080", ["example.org:8080", "10.0.0.1:8080", "::1:8080"], ["example.org", "::1"]),
    # ports
    (
        "example.org:8080",
        ["example.org:8080", "a.example.org:8080"],
        ["example.org", "example.org:808", "example.org:80801"],
    ),
    ("example.org:80", ["example.org"], ["example.org:443"]),
    (".example.org:81", ["example.org:81", "a.example.org:81"], ["example.org"]),
    ("*.example.org:81", ["a.example.org:81"], ["example.org:81", "a.example.org"]),
    ("example.org:81,example.org:82", ["example.org:81", "example.org:82"], ["example.org"]),
    ("example.org:81,example.org", ["example.org:81", "example.org:82"], ["example.com:81"]),
    ("10.1.2.3:81", ["10.1.2.3:81"], ["10.1.2.3"]),
    ("10.0.0.0/8:81", ["10.1.2.3:81"], ["10.1.2.3"]),
    ("[::1]:81", ["::1:81"], ["::1", "127.0.0.1:81"]),
    ("[2001:db8::]/32:81", ["2001:db8::5:81"], ["2001:db8::5"]),
    ("[2001:db8::/32]:81", ["2001:db8::5:81"], ["2001:db8::5"]),
    # addresses
    ("10.1.2.3", ["10.1.2.3", "::ffff:10.1.2.3"], ["10.1.2.4", "x.10.1.2.3", "10.1.2.3.4"]),
    ("::1", ["::1", "0:0:0:0:0:0:0:1"], ["::2", "127.0.0.1", "localhost"]),
    ("[::1]", ["::1"], ["::2"]),
    ("2001:DB8:0::A", ["2001:db8::a"], ["2001:db8::b"]),
    ("::ffff:10.1.2.3", ["10.1.2.3", "::ffff:a01:203"], ["10.1.2.4"]),
    # networks
    ("10.0.0.0/8", ["10.0.0.0", "10.255.255.255", "::ffff:10.9.9.9"], ["11.0.0.0", "9.9.9.9"]),
    ("10.9.8.7/8", ["10.0.0.1"], ["11.0.0.1"]),
    ("192.168.1.128/25", ["192.168.1.128", "192.168.1.255"], ["192.168.1.127", "192.168.2.128"]),
    ("10.1.2.3/32", ["10.1.2.3"], ["10.1.2.2"]),
    ("0.0.0.0/0", ["1.2.3.4", "::ffff:1.2.3.4"], ["::1", "name"]),
    ("2001:db8::/32", ["2001:db8::", "2001:db8:ffff::1"], ["2001:db9::", "10.0.0.1"]),
    ("[2001:db8::]/32", ["2001:db8::1"], ["2001:db9::"]),
    ("::/0", ["::1", "fe80::1%eth0", "::ffff:1.2.3.4"], ["1.2.3.4", "name"]),
    ("::ffff:0:0/96", ["1.2.3.4", "::ffff:1.2.3.4"], ["::1"]),
    ("::ffff:10.0.0.0/104", ["10.1.2.3", "::ffff:10.1.2.3"], ["11.1.2.3"]),
    ("10.0.0.0/8,10.1.0.0/16:81,fe80::/10", ["10.1.2.3", "fe80::1", "febf::1%2"], ["fec0::1"]),
    # the end of an address, or of its zone, is not the end of a name
    ("1", ["x.1"], ["10.0.0.1", "::1"]),
    ("0.0.1", ["127.0.0.0.1"], ["127.0.0.1"]),
    ("example.org", [], ["::1%.example.org", "fe80::1%25.example.org", "fe80::1%example.org"]),
    ("*.example.org", [], ["::1%x.example.org", "fe80::1%25x.example.org"]),
    ("fe80::1", ["fe80::1", "fe80::1%eth0", "fe80::1%eth1"], ["fe80::2%eth0"]),
    ("fe80::1%eth0", ["fe80::1%eth0"], ["fe80::1", "fe80::1%eth1", "fe80::2%eth0", "fe80::1%ETH0"]),
    ("[fe80::1%eth0]:81", ["fe80::1%eth0:81"], ["fe80::1%eth0", "fe80::1%eth1:81"]),
    # what a system may also take for an address is a name
    ("127.0.0.0/8", [], ["127.1", "2130706433", "0177.0.0.1", "127.0.0.01", "127.0.0.1."]),
    ("127.0.0.1", ["127.0.0.1", WIDE_ADDRESS], ["127.1", "0x7f.0.0.1", "127.0.0.1."]),
    ("127.1", ["127.1", "x.127.1"], ["127.0.0.1"]),
    (WIDE_ADDRESS, ["127.0.0.1"], ["127.0.0.2"]),
]

#: Entries that mean nothing, and must neither harm others nor exempt anything.
UNUSABLE = [
    ".",
    "..",
    "*.",
    "**",
    "*example.org",
    "*.*.org",
    "a.*.org",
    "exa*.org",
    "..example.org",
    "example..org",
    "example.org..",
    "http://example.org",
    "example.org/",
    "example.org/8",
    "user@example.org",
    "example.org:",
    "example.org:x",
    "example.org:-80",
    "example.org:0",
    "example.org:65536",
    "example.org:999999999999",
    "example.org:" + WIDE_8,
    "example.org:80:80",
    ":80",
    "[example.org]",
    "[example.org]:80",
    "[::1",
    "::1]",
    "[::1]80",
    "[::1]:",
    "[]",
    "[]:80",
    "[::1]/",
    "[::/32]/64",
    "10.0.0.0/",
    "10.0.0.0/33",
    "10.0.0.0/-1",
    "10.0.0.0/8/8",
    "10.0.0.0/255.0.0.0",
    "10.0.0.0/0.255.255.255",
    "10.0.0.0/" + WIDE_8,
    "10/8",
    "::/129",
    "::/x",
    "1:2",
    "fe80::1%",
    "fe80::%eth0/10",
    "fe80::1%a%b",
    ":::",
    "\udcff.example.org",
    "ex\x00ample.org",
    "\u00ad",
    "b\u00fccher..example",
    "a" * 600,
    "ü" * 500,
]

SEEN = [
    "example.org",
    "a.example.org",
    "10.0.0.1",
    "::1",
    "fe80::1%eth0",
    "localhost",
    "8",
    "",
    ".",
]


def covers(rules: NoProxy, host: str) -> bool:
    name, colon, port = host.rpartition(":")
    if colon and port in {"80", "81", "82", "808", "443", "8080", "80801"}:
        return rules.covers(name, int(port))
    return rules.covers(host, 80)


@pytest.mark.parametrize(("text", "exempt", "others"), TABLE)
def test_what_an_entry_exempts(text: str, exempt: list[str], others: list[str]) -> None:
    rules = NoProxy(text)
    assert [host for host in exempt if not covers(rules, host)] == []
    assert [host for host in others if covers(rules, host)] == []


@pytest.mark.parametrize("entry", UNUSABLE)
def test_an_entry_that_means_nothing_exempts_nobody_and_harms_no_other(entry: str) -> None:
    assert [host for host in SEEN if NoProxy(entry).covers(host, 80)] == []
    assert NoProxy(f"a.test, {entry} b.test").covers("a.test", 80)
    assert NoProxy(f"a.test, {entry} b.test").covers("b.test", 80)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("Example.ORG.", "example.org"),
        ("a_b~c", "a_b~c"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("10.0.0.1", IPv4Address("10.0.0.1")),
        ("FE80::1%Eth0", IPv6Address("fe80::1%Eth0")),
        ("127.1", "127.1"),
        ("127.0.0.01", "127.0.0.01"),
        ("127.0.0.1.", "127.0.0.1"),
        ("", None),
        (".", None),
        ("a..b", None),
        ("a b", None),
        ("a\n", None),
        ("[::1]", None),
        ("::g", None),
        ("a:80", None),
        ("ü..b", None),
        ("\udcff", None),
    ],
)
def test_a_host_is_an_address_or_a_name_or_neither(host: str, expected: Any) -> None:
    assert parse_host(host) == expected


LABELS = st.text("abcxyzABCXYZ0189-_", min_size=1, max_size=8)
NAMES = st.lists(LABELS, min_size=1, max_size=5).map(".".join)
ADDRESSES = st.ip_addresses()
ENTRIES = st.one_of(
    NAMES,
    NAMES.map("*.{}".format),
    NAMES.map(".{}:80".format),
    ADDRESSES.map(str),
    st.builds(lambda address: f"{address}/{address.max_prefixlen // 2}", ADDRESSES),
    st.sampled_from(UNUSABLE),
    st.text(max_size=20),
)
HOSTS = st.one_of(NAMES, ADDRESSES.map(str), st.text(max_size=20))


@given(st.lists(ENTRIES), HOSTS, st.integers(1, 65535))
def test_an_asterisk_exempts_everything(entries: list[str], host: str, port: int) -> None:
    assert NoProxy(",".join([*entries, "*"])).covers(host, port)


@given(NAMES, NAMES, st.integers(1, 65535))
def test_a_name_exempts_itself_and_what_is_below_it_in_any_case(
    name: str, below: str, port: int
) -> None:
    assume(isinstance(parse_host(name), str))
    for entry in (name, f".{name}", f"{name}.", f"{name}:{port}", name.upper(), name.lower()):
        rules = NoProxy(entry)
        for host in (name, name.swapcase(), f"{name}.", f"{below}.{name}".swapcase()):
            # Made of all labels it may have become an address.
            if isinstance(parse_host(host), str):
                assert rules.covers(host, port)


@given(NAMES, NAMES)
def test_a_name_exempts_nothing_else(name: str, other: str) -> None:
    host, entry = other.lower(), name.lower()
    expected = isinstance(parse_host(host), str) and (host == entry or host.endswith(f".{entry}"))
    if isinstance(parse_host(entry), str):
        assert NoProxy(name).covers(other, 80) == expected
        assert not NoProxy(name).covers(f"x{entry}", 80)


@given(st.data(), ADDRESSES)
def test_a_network_exempts_exactly_its_addresses(data: Any, address: Any) -> None:
    network = ip_network((address, data.draw(st.integers(0, address.max_prefixlen))), strict=False)
    rules = NoProxy(str(network))
    inside = data.draw(st.ip_addresses(network=network))
    assert rules.covers(str(inside), 80)
    beyond = (int(network.network_address) - 1, int(network.broadcast_address) + 1)
    for number in (*beyond, int(data.draw(st.ip_addresses(v=network.version)))):
        if 0 <= number < 2**network.max_prefixlen:
            other = type(address)(number)
            assert rules.covers(str(other), 80) == (other in network)


@given(st.ip_addresses(v=4), st.integers(0, 32))
def test_a_mapped_address_is_the_address_that_it_reaches(address: Any, length: int) -> None:
    mapped = f"::ffff:{address}"
    assert NoProxy(str(address)).covers(mapped, 80)
    assert NoProxy(mapped).covers(str(address), 80)
    network = ip_network((address, length), strict=False)
    for rules in (NoProxy(f"{mapped}/{96 + length}"), NoProxy(f"{address}/{length}")):
        for end in (network.network_address, network.broadcast_address):
            assert rules.covers(str(end), 80)
            assert rules.covers(f"::ffff:{end}", 80)


@given(st.ip_addresses(v=6), st.text("abz09.-_~", min_size=1, max_size=12), NAMES.map("x{}".format))
def test_a_zone_is_the_end_of_no_name(address: Any, zone: str, name: str) -> None:
    host = f"{address}%{zone}.{name}"
    assert ip_address(host).version == 6
    assert not NoProxy(f"{name} .{name} *.{name} {zone}.{name}").covers(host, 80)


@given(st.lists(ENTRIES), st.lists(ENTRIES), HOSTS, st.integers(1, 65535))
def test_a_list_exempts_what_its_entries_exempt(
    some: list[str], more: list[str], host: str, port: int
) -> None:
    one, other = NoProxy(",".join(some)), NoProxy(" ".join(more))
    both = NoProxy(",".join([*some, *more]))
    assert both.covers(host, port) == (one.covers(host, port) or other.covers(host, port))


def test_long_lists_and_long_hosts_cost_what_they_are_long() -> None:
    entries = [f"h{n}.example.org" for n in range(20_000)]
    entries += [f"10.{n >> 8}.{n & 255}.0/24" for n in range(20_000)]
    entries += ["a." * 120 + "test", "x" * 1_000_000]
    started = time.process_time()
    rules = NoProxy(",".join(entries))
    for n in range(2_000):
        assert rules.covers(f"www.h{n}.example.org", 80)
        assert rules.covers(f"10.0.{n & 255}.9", 80)
        assert not rules.covers(f"h{n}.example.com", 80)
    assert not rules.covers("a." * 1_000_000 + "net", 80)
    assert rules.covers("a." * 1_000_000 + "test", 80)
    # A loop over the entries would take 100 times as long.
    assert time.process_time() - started < 10
