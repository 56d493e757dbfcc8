import pytest
from hypothesis import given
from hypothesis import strategies as st

from whimbrel_cookiejar.domains import (
    canonical_host,
    domain_match,
    host_name,
    is_ip_address,
    parent_domains,
)

HOSTS = st.lists(st.sampled_from(["a", "b", "co", "1", "xn--x", ""]), min_size=1, max_size=5).map(
    ".".join
)


@pytest.mark.parametrize(
    ("host", "canonical"),
    [
        ("example.com", "example.com"),
        ("EXAMPLE.Com", "example.com"),
        ("example.com.", "example.com."),
        ("münchen.de", "xn--mnchen-3ya.de"),
        ("xn--mnchen-3ya.de", "xn--mnchen-3ya.de"),
        ("::1", "::1"),
        ("", ""),
    ],
)
def test_canonical_host(host: str, canonical: str) -> None:
    assert canonical_host(host) == canonical


@pytest.mark.parametrize(
    ("domain", "host"),
    [
        ("", ""),
        ("Site.Example", "site.example"),
        ("my_host.site.example", "my_host.site.example"),
        ("münchen.example", "xn--mnchen-3ya.example"),
        ("0:0::1", "::1"),
        ("a b", None),
        ("a\tb", None),
        ("a\n.example", None),
        ("a.example:80", None),
        ("a/b", None),
        ("é" * 80 + ".example", None),
        ("a." * 128, None),
    ],
)
def test_host_name(domain: str, host: str | None) -> None:
    assert host_name(domain) == host


def test_a_host_without_an_a_label_is_an_error() -> None:
    with pytest.raises(ValueError, match=r".+"):
        canonical_host("é" * 80 + ".example")


@pytest.mark.parametrize(
    ("host", "is_ip"),
    [
        ("127.0.0.1", True),
        ("127.0.0.1.", True),
        ("127.1", True),
        ("2130706433", True),
        ("0x7f.1", True),
        ("1.0x", True),
        ("::1", True),
        ("fe80::1%eth0", True),
        ("example.com", False),
        ("1.example", False),
        ("1.2.3.4a", False),
        ("0xyz", False),
        ("localhost", False),
        ("", False),
    ],
)
def test_is_ip_address(host: str, is_ip: bool) -> None:
    assert is_ip_address(host) is is_ip


@pytest.mark.parametrize(
    ("host", "domain", "matches"),
    [
        ("example.com", "example.com", True),
        ("www.example.com", "example.com", True),
        ("a.b.example.com", "example.com", True),
        ("example.com", "www.example.com", False),
        ("badexample.com", "example.com", False),
        ("example.com", "xample.com", False),
        ("example.com.", "example.com", False),
        ("www.example.com.", "example.com.", True),
        ("example.com", "com", True),
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "0.0.1", False),
        ("127.0.0.1", "1", False),
        ("127.1", "1", False),
        ("::1", "::1", True),
        ("example.com", "", False),
        ("example.", "", False),
    ],
)
def test_domain_match(host: str, domain: str, matches: bool) -> None:
    assert domain_match(host, domain) is matches


@pytest.mark.parametrize(
    ("host", "parents"),
    [
        ("a.b.example.com", ["b.example.com", "example.com", "com"]),
        ("com", []),
        ("127.0.0.1", []),
        ("::1", []),
        ("a.b.", ["b."]),
        (".", []),
        ("a..", ["."]),
        ("", []),
    ],
)
def test_parent_domains(host: str, parents: list[str]) -> None:
    assert list(parent_domains(host)) == parents


@given(HOSTS, HOSTS)
def test_the_parents_of_a_host_are_what_it_matches(host: str, domain: str) -> None:
    assert domain_match(host, domain) == (domain in [host, *parent_domains(host)])
