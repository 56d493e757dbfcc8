from dataclasses import replace
from math import inf
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from yarl import URL

from whimbrel_cookiejar import Cookie, CookieLimits, Rejected
from whimbrel_cookiejar.restore import candidates, readmit
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


def mostly(good: list[str], odd: list[str]) -> st.SearchStrategy[str]:
    others = st.sampled_from(odd) | st.text(max_size=5)
    return st.integers(0, 9).flatmap(lambda n: others if n == 0 else st.sampled_from(good))


TIMES = st.one_of(st.just(NOW), st.just(NOW + 9), st.floats(allow_nan=False))
HOSTILE = st.builds(
    Cookie,
    name=mostly(["n", "__Host-n", "__secure-n"], ["", "a=b", "a;b", " n"]),
    value=mostly(["v", '"v w"', ""], ["__Host-n=1", "a;b", "a\r\nb", "v\t"]),
    domain=mostly(["site.test", "www.site.test", ""], ["test", "CO.test.", "127.0.0.1", ".test"]),
    host_only=st.booleans(),
    path=mostly(["/", "/p"], ["", "p", "/\0"]),
    secure=st.booleans(),
    http_only=st.booleans(),
    same_site=st.sampled_from(["Default", "None", "Lax", "Strict"]),
    partitioned=st.booleans(),
    persistent=st.booleans(),
    expiry=TIMES,
    creation=TIMES,
    last_access=TIMES,
)


@settings(max_examples=400)
@given(HOSTILE)
def test_what_is_admitted_keeps_every_rule(saved: Cookie) -> None:
    cookie = readmit(saved, NOW, SUFFIXES, unsafe=False)
    if isinstance(cookie, Rejected):
        return
    sent = f"{cookie.name}={cookie.value}" if cookie.name else cookie.value
    assert 0 < len(sent.encode("utf-8", "surrogateescape")) <= 4097
    assert sent == sent.strip(" \t")
    assert ";" not in sent
    assert not any(ord(c) < 32 and c != "\t" for c in sent + cookie.path)
    assert cookie.path.startswith("/")
    assert cookie.domain == cookie.domain.lower()
    assert cookie.domain.isascii()
    if cookie.domain:
        assert URL(f"https://{cookie.domain}/").raw_host == cookie.domain
        assert cookie.host_only or not SUFFIXES.is_public_suffix(cookie.domain)
    assert cookie.expiry == inf or cookie.expiry <= NOW + MAX_AGE
    assert cookie.persistent == (cookie.expiry != inf)
    assert cookie.creation <= NOW
    assert cookie.last_access <= NOW
    assert cookie.secure or cookie.same_site != "None"
    assert cookie.secure or not sent.lower().startswith(("__secure-", "__host-"))
    if sent.lower().startswith("__host-"):
        assert cookie.path == "/"
        assert cookie.host_only or not cookie.domain
    # To save it and to load it once more changes nothing.
    assert readmit(cookie, NOW, SUFFIXES, unsafe=False) == cookie


def test_a_path_is_no_longer_than_that_of_a_field() -> None:
    limits = CookieLimits(attribute_octets=5)
    fits, longer = replace(COOKIE, path="/" + "é" * 2), replace(COOKIE, path="/" + "é" * 2 + "x")
    assert readmit(fits, NOW, SUFFIXES, limits, unsafe=False) == fits
    outcome = readmit(longer, NOW, SUFFIXES, limits, unsafe=False)
    assert outcome == Rejected("the path has more than 5 octets", COOKIE.name)


def test_a_file_has_no_more_than_twice_the_limits() -> None:
    limits = CookieLimits(per_domain=2, in_all=3)
    refused = Rejected("no cookie")
    names = [(str(number), domain) for number, domain in enumerate("aaaaabbc")]
    found: list[tuple[int, Cookie | Rejected]] = [
        (int(name), replace(COOKIE, name=name, domain=domain)) for name, domain in names
    ]
    found += [(8, refused), (9, replace(COOKIE, expiry=NOW))]
    outcome = list(candidates(found, limits, NOW))
    assert [number for number, _ in outcome] == list(range(9))
    assert [number for number, each in outcome if isinstance(each, Cookie)] == [0, 1, 2, 3, 5, 6]
    assert outcome[4][1] == Rejected("there are too many cookies in the file", "4")
    assert outcome[7][1] == Rejected("there are too many cookies in the file", "7")
    assert outcome[8][1] is refused
