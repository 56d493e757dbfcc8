from dataclasses import replace
from math import inf
from typing import Any

import pytest

from whimbrel_cookiejar import Cookie, CookieLimits, Rejected
from whimbrel_cookiejar.restore import readmit
from whimbrel_cookiejar.rules import MAX_AGE
from whimbrel_cookiejar.testing import FixedPublicSuffixes

NOW = 1_800_000_000.0
SUFFIXES = FixedPublicSuffixes(["co.test"])
COOKIE = Cookie(
    name="n",
    value="v",
    domain="www.site.test",
    host_only=True,
    path="/p",
    secure=True,
    http_only=True,
    same_site="Lax",
    partitioned=True,
    persistent=True,
    expiry=NOW + 100.5,
    creation=NOW - 10,
    last_access=NOW - 5,
)


def again(unsafe: bool = False, **changes: Any) -> Cookie | Rejected:
    return readmit(replace(COOKIE, **changes), NOW, SUFFIXES, CookieLimits(), unsafe=unsafe)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"host_only": False, "domain": "site.test"},
        {"domain": "", "host_only": False},
        {"domain": "co.test"},
        {"domain": "localhost"},
        {"domain": "site.test."},
        {"domain": "my_host.site.test"},
        {"expiry": inf, "persistent": False},
        {"expiry": NOW - 1},
        {"secure": False, "http_only": False, "same_site": "Default", "partitioned": False},
        {"same_site": "None"},
        {"same_site": "Strict"},
        {"name": ""},
        {"value": ""},
        {"name": "päth", "value": "\udcff"},
        {"value": 'a\tb "c"'},
        {"path": "/a\tb;c\udcff"},
        {"path": "/"},
        {"name": "__Host-n", "path": "/"},
        {"name": "__Secure-n", "host_only": False},
    ],
)
def test_what_a_jar_has_held_is_as_it_was(changes: dict[str, Any]) -> None:
    assert again(**changes) == replace(COOKIE, **changes)


@pytest.mark.parametrize("domain", ["127.0.0.1", "::1", "0x7f.1"])
def test_ip_addresses_if_the_jar_is_unsafe(domain: str) -> None:
    assert again(unsafe=True, domain=domain) == replace(COOKIE, domain=domain)
    assert isinstance(again(domain=domain), Rejected)
    assert isinstance(again(unsafe=True, domain=domain, host_only=False), Rejected)


@pytest.mark.parametrize(
    ("written", "domain"),
    [
        ("WWW.Site.TEST", "www.site.test"),
        ("münchen.test", "xn--mnchen-3ya.test"),
        ("MÜNCHEN.test", "xn--mnchen-3ya.test"),
        ("0:0:0::1", "::1"),
    ],
)
def test_the_domain_becomes_canonical(written: str, domain: str) -> None:
    assert again(unsafe=True, domain=written) == replace(COOKIE, domain=domain)


def test_the_times_are_bounded_by_the_present() -> None:
    assert again(expiry=NOW + 2 * MAX_AGE) == replace(COOKIE, expiry=NOW + MAX_AGE)
    assert again(expiry=1e300) == replace(COOKIE, expiry=NOW + MAX_AGE)
    assert again(creation=NOW + 1, last_access=inf) == replace(
        COOKIE, creation=NOW, last_access=NOW
    )
    assert again(creation=-1e300) == replace(COOKIE, creation=-1e300)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"name": "", "value": ""}, "are empty"),
        ({"name": "a\r\nb"}, "control character"),
        ({"value": "a\0"}, "control character"),
        ({"value": "a\x7f"}, "control character"),
        ({"value": "a; b=c"}, 'the value contains ";"'),
        ({"name": "a;b"}, 'the name contains ";"'),
        ({"name": "a=b"}, 'the name contains ";" or "="'),
        ({"name": " a"}, "white space"),
        ({"value": "a\t"}, "white space"),
        ({"value": "\ud800"}, "cannot be written in UTF-8"),
        ({"value": "v" * 4096}, "more than 4096 octets"),
        ({"value": "é" * 2048}, "more than 4096 octets"),
        ({"domain": "a b"}, "not the name of a host"),
        ({"domain": "a.test/x"}, "not the name of a host"),
        ({"domain": "a.test:80"}, "not the name of a host"),
        ({"domain": "user@a.test"}, "not the name of a host"),
        ({"domain": "a\r\n.test"}, "not the name of a host"),
        ({"domain": "\ud800.test"}, "not the name of a host"),
        ({"domain": "a.test" * 50}, "not the name of a host"),
        ({"domain": "ü" * 100 + ".test"}, "not the name of a host"),
        ({"path": ""}, "the path is none"),
        ({"path": "p"}, "the path is none"),
        ({"path": "/a\nb"}, "the path is none"),
        ({"path": "/a\ud800"}, "the path is none"),
        ({"path": "/a" + chr(0xDFFF)}, "the path is none"),
        ({"domain": "co.test", "host_only": False}, "public suffix"),
        ({"domain": "CO.test", "host_only": False}, "public suffix"),
        ({"domain": "test", "host_only": False}, "public suffix"),
        ({"domain": "127.0.0.1"}, "an IP address"),
        ({"same_site": "None", "secure": False}, "SameSite=None came without Secure"),
        ({"name": "__Secure-n", "secure": False}, "__Secure- came without Secure"),
        ({"name": "__Host-n"}, "__Host- came without"),
        ({"name": "__Host-n", "path": "/", "secure": False}, "__Host- came without"),
        ({"name": "__HOST-n", "path": "/", "host_only": False}, "__Host- came without"),
        ({"name": "", "value": "__Host-n=v"}, "a value that begins like a name with a prefix"),
    ],
)
def test_what_the_rules_forbid_is_refused(changes: dict[str, Any], reason: str) -> None:
    outcome = again(**changes)
    assert isinstance(outcome, Rejected)
    assert reason in outcome.reason
    assert "\n" not in outcome.name


def test_the_limit_is_that_of_the_jar() -> None:
    limits = CookieLimits(name_value_octets=2)
    assert readmit(COOKIE, NOW, SUFFIXES, limits, unsafe=False) == COOKIE
    longer = readmit(replace(COOKIE, value="ab"), NOW, SUFFIXES, limits, unsafe=False)
    assert isinstance(longer, Rejected)
    assert "more than 2 octets" in longer.reason
