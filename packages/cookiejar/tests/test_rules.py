from dataclasses import replace
from math import inf
from typing import Any

import pytest

from whimbrel_cookiejar import Cookie, Rejected
from whimbrel_cookiejar.cookie import SHARED_DOMAIN
from whimbrel_cookiejar.parse import SetCookie, parse_set_cookie
from whimbrel_cookiejar.rules import (
    MAX_AGE,
    Target,
    accept,
    applies,
    cookie_pair,
    hides_secure,
    is_expired,
    keep_promises,
    retrieval_order,
    serialize,
)
from whimbrel_cookiejar.testing import FixedPublicSuffixes

NOW = 1_800_000_000.5
SUFFIXES = FixedPublicSuffixes(["co.example"])
HTTPS = Target("www.site.example", "/dir/page", True)
HTTP = HTTPS._replace(secure=False)


def decide(field: str, target: Target = HTTPS, *, unsafe: bool = False) -> Cookie | Rejected:
    parsed = parse_set_cookie(field)
    assert isinstance(parsed, SetCookie)
    return accept(parsed, target, NOW, SUFFIXES, unsafe=unsafe)


def accepted(field: str, target: Target = HTTPS, *, unsafe: bool = False) -> Cookie:
    cookie = decide(field, target, unsafe=unsafe)
    assert isinstance(cookie, Cookie)
    return cookie


def test_a_cookie_with_everything() -> None:
    field = (
        "sid=x; Domain=site.example; Path=/p; Secure; HttpOnly; SameSite=None; Partitioned;"
        " Max-Age=60"
    )
    assert accepted(field) == Cookie(
        name="sid",
        value="x",
        domain="site.example",
        host_only=False,
        path="/p",
        secure=True,
        http_only=True,
        same_site="None",
        partitioned=True,
        persistent=True,
        expiry=NOW + 60,
        creation=NOW,
        last_access=NOW,
    )


def test_a_cookie_with_nothing() -> None:
    assert accepted("sid=x", HTTP) == Cookie(
        name="sid",
        value="x",
        domain="www.site.example",
        host_only=True,
        path="/dir",
        secure=False,
        http_only=False,
        same_site="Default",
        partitioned=False,
        persistent=False,
        expiry=inf,
        creation=NOW,
        last_access=NOW,
    )


@pytest.mark.parametrize(
    ("attributes", "expiry"),
    [
        ("", inf),
        ("Max-Age=1", NOW + 1),
        ("Max-Age=0", -inf),
        ("Max-Age=-1", -inf),
        ("Max-Age=-" + "9" * 400, -inf),
        ("Max-Age=" + "9" * 400, NOW + MAX_AGE),
        (f"Max-Age={MAX_AGE}", NOW + MAX_AGE),
        (f"Max-Age={MAX_AGE + 1}", NOW + MAX_AGE),
        ("Expires=06 Nov 1994 08:49:37", 784111777.0),
        ("Expires=01 Jan 1601 00:00:00", -11644473600.0),
        ("Expires=06 Nov 9994 08:49:37", NOW + MAX_AGE),
        # Max-Age is stronger, wherever it stands, if it is valid.
        ("Max-Age=1; Expires=06 Nov 1994 08:49:37", NOW + 1),
        ("Expires=06 Nov 1994 08:49:37; Max-Age=1", NOW + 1),
        ("Expires=06 Nov 1994 08:49:37; Max-Age=x", 784111777.0),
    ],
)
def test_the_life_time(attributes: str, expiry: float) -> None:
    cookie = accepted(f"a=b; {attributes}")
    assert cookie.expiry == expiry
    assert cookie.persistent is (expiry != inf)


@pytest.mark.parametrize(
    ("host", "attribute", "domain", "host_only"),
    [
        ("www.site.example", "site.example", "site.example", False),
        ("www.site.example", "www.site.example", "www.site.example", False),
        ("www.site.example", "", "www.site.example", True),
        ("a.b.site.example", "SITE.example", "site.example", False),
        # A public suffix is acceptable to itself, for itself alone.
        ("co.example", "co.example", "co.example", True),
        ("localhost", "localhost", "localhost", True),
        ("site.co.example", "site.co.example", "site.co.example", False),
        # A trailing dot makes another host.
        ("www.site.example.", "site.example.", "site.example.", False),
    ],
)
def test_domains_that_are_taken(host: str, attribute: str, domain: str, host_only: bool) -> None:
    cookie = accepted(f"a=b; Domain={attribute}", HTTPS._replace(host=host))
    assert (cookie.domain, cookie.host_only) == (domain, host_only)


@pytest.mark.parametrize(
    ("host", "attribute", "reason"),
    [
        ("www.site.example", "other.example", "the host is not in Domain"),
        ("site.example", "www.site.example", "the host is not in Domain"),
        ("site.example", "ite.example", "the host is not in Domain"),
        ("site.example", ".", None),
        ("site.example", "..site.example", "the host is not in Domain"),
        ("site.example", "site.example.", "the host is not in Domain"),
        ("site.example.", "site.example", "the host is not in Domain"),
        ("site.example", "example", "Domain is a public suffix"),
        ("site.example.", "example.", "Domain is a public suffix"),
        ("site.co.example", "CO.eXample", "Domain is a public suffix"),
        ("site.co.example.", "co.example.", "Domain is a public suffix"),
        ("kelvin.example", "\u212aelvin.example", "Domain is not ASCII"),
    ],
)
def test_domains_that_are_refused(host: str, attribute: str, reason: str | None) -> None:
    outcome = decide(f"a=b; Domain={attribute}", HTTPS._replace(host=host))
    if reason is None:
        assert isinstance(outcome, Cookie)
        assert outcome.host_only
    else:
        assert outcome == Rejected(reason, "a")


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "127.1", "0x7f.1", "10.0.0.1."])
def test_ip_addresses_need_unsafe(host: str) -> None:
    target = HTTPS._replace(host=host)
    outcome = decide("a=b", target)
    assert outcome == Rejected("the host is an IP address, and the jar is not unsafe", "a")
    cookie = accepted("a=b", target, unsafe=True)
    assert (cookie.domain, cookie.host_only) == (host, True)
    cookie = accepted(f"a=b; Domain={host}", target, unsafe=True)
    assert (cookie.domain, cookie.host_only) == (host, True)


@pytest.mark.parametrize("domain", ["0.0.1", "1", "0.1"])
def test_an_ip_address_is_in_no_domain(domain: str) -> None:
    target = HTTPS._replace(host="127.0.0.1")
    outcome = decide(f"a=b; Domain={domain}", target, unsafe=True)
    assert outcome == Rejected("the host is not in Domain", "a")


@pytest.mark.parametrize(
    ("request_path", "attribute", "path"),
    [
        ("/dir/page", "", "/dir"),
        ("/dir/page", "Path=", "/dir"),
        ("/dir/page", "Path=page", "/dir"),
        ("/dir/page", "Path=/", "/"),
        # A path need not be one that the request is in.
        ("/dir/page", "Path=/other", "/other"),
        ("/dir/page", "Path=/other; Path=", "/dir"),
    ],
)
def test_the_path(request_path: str, attribute: str, path: str) -> None:
    assert accepted(f"a=b; {attribute}", HTTPS._replace(path=request_path)).path == path


SECURE_NEEDED = "Secure came over a connection that is not secure"
NONE_NEEDS = "SameSite=None came without Secure"
SECURE_PREFIX = "__Secure- came without Secure"
HOST_PREFIX = "__Host- came without Secure, without Path=/, or with Domain"
NAMELESS = "a cookie without a name has a value that begins like a name with a prefix"


@pytest.mark.parametrize(
    ("field", "target", "reason"),
    [
        ("a=b; Secure", HTTPS, None),
        ("a=b; Secure", HTTP, SECURE_NEEDED),
        ("a=b; SameSite=None; Secure", HTTPS, None),
        ("a=b; SameSite=None", HTTPS, NONE_NEEDS),
        ("a=b; SameSite=None", HTTP, NONE_NEEDS),
        ("a=b; SameSite=Lax", HTTP, None),
        ("__Secure-a=b; Secure", HTTPS, None),
        ("__Secure-a=b; Secure; Domain=site.example; Path=/x", HTTPS, None),
        ("__Secure-a=b", HTTPS, SECURE_PREFIX),
        ("__secure-a=b", HTTPS, SECURE_PREFIX),
        ("__SECURE-=b", HTTPS, SECURE_PREFIX),
        ("__Secure-a=b; Secure", HTTP, SECURE_NEEDED),
        ("__Secure_a=b", HTTP, None),
        ("__Host-a=b; Secure; Path=/", HTTPS, None),
        ("__Host-a=b; Path=/", HTTPS, HOST_PREFIX),
        ("__Host-a=b; Secure", HTTPS, HOST_PREFIX),
        ("__Host-a=b; Secure; Path=/dir", HTTPS, HOST_PREFIX),
        ("__Host-a=b; Secure; Path=/; Domain=www.site.example", HTTPS, HOST_PREFIX),
        ("__Host-a=b; Secure; Path=/; Domain=", HTTPS, None),
        ("__hOST-a=b; Secure", HTTPS, HOST_PREFIX),
        # The default path is "/" here, but the attribute must be there.
        ("__Host-a=b; Secure", HTTPS._replace(path="/"), HOST_PREFIX),
        ("__Host-a=b; Secure; Path=x", HTTPS._replace(path="/"), HOST_PREFIX),
        ("=__Host-a=b; Secure; Path=/", HTTPS, NAMELESS),
        ("=__secure-a; Secure; Path=/", HTTPS, NAMELESS),
        ("__Host-; Secure; Path=/", HTTPS, NAMELESS),
        ("=__other", HTTP, None),
        ("a=__Host-b", HTTP, None),
    ],
)
def test_secure_and_what_the_prefixes_promise(
    field: str, target: Target, reason: str | None
) -> None:
    outcome = decide(field, target)
    if reason is None:
        assert isinstance(outcome, Cookie)
    else:
        assert isinstance(outcome, Rejected)
        assert outcome.reason == reason


def test_a_cookie_of_no_host_is_for_every_host() -> None:
    cookie = accepted("a=b", Target(SHARED_DOMAIN, "/", True))
    assert (cookie.domain, cookie.host_only, cookie.path) == (SHARED_DOMAIN, False, "/")
    # as if each host had set it for itself.
    for line in ("__Host-a=b; Secure; Path=/", "__Secure-a=b; Secure"):
        assert accepted(line, Target(SHARED_DOMAIN, "/", True)).secure
    for line in ("__Host-a=b; Path=/", "__Host-a=b; Secure", "__Host-a=b; Secure; Path=/x"):
        outcome = decide(line, Target(SHARED_DOMAIN, "/", True))
        assert outcome == Rejected(HOST_PREFIX, "__Host-a")


@pytest.mark.parametrize(
    ("name", "secure", "path"),
    [
        ("__Secure-a", True, None),
        ("__sEcUrE-", True, None),
        ("__Host-a", True, "/"),
        ("__HOST-a", True, "/"),
        ("__Secure", False, None),
        ("x__Host-", False, None),
    ],
)
def test_promises_are_kept(name: str, secure: bool, path: str | None) -> None:
    parsed = SetCookie(name, "b")
    keep_promises(parsed)
    assert parsed == SetCookie(name, "b", secure=secure, path=path)


OLD = accepted("a=b; Domain=site.example; Path=/x; Secure")


@pytest.mark.parametrize(
    ("changes", "hidden"),
    [
        ({}, True),
        ({"name": "b"}, False),
        ({"domain": "www.site.example"}, True),
        ({"domain": "example"}, True),
        ({"domain": "other.example"}, False),
        ({"domain": "badsite.example"}, False),
        ({"path": "/x/y"}, True),
        ({"path": "/xy"}, False),
        # A Secure cookie for a narrower path is sent first, and is not hidden.
        ({"path": "/"}, False),
    ],
)
def test_what_hides_a_secure_cookie(changes: dict[str, Any], hidden: bool) -> None:
    new = replace(OLD, secure=False, **changes)
    assert hides_secure(new, OLD, NOW) is hidden
    assert not hides_secure(new, replace(OLD, secure=False), NOW)
    assert not hides_secure(new, replace(OLD, expiry=NOW), NOW)


@pytest.mark.parametrize(
    ("expiry", "expired"),
    [(inf, False), (-inf, True), (NOW, True), (NOW + 0.001, False), (NOW - 1, True)],
)
def test_expiry(expiry: float, expired: bool) -> None:
    cookie = replace(OLD, expiry=expiry)
    assert is_expired(cookie, NOW) is expired
    assert applies(cookie, Target("site.example", "/x", True), NOW) is not expired


@pytest.mark.parametrize(
    ("changes", "target", "sent"),
    [
        ({}, Target("site.example", "/x", True), True),
        ({}, Target("www.site.example", "/x/y", True), True),
        ({}, Target("badsite.example", "/x", True), False),
        ({}, Target("example", "/x", True), False),
        ({}, Target("site.example", "/", True), False),
        ({}, Target("site.example", "/x", False), False),
        ({"secure": False}, Target("site.example", "/x", False), True),
        ({"host_only": True}, Target("site.example", "/x", True), True),
        ({"host_only": True}, Target("www.site.example", "/x", True), False),
        ({"domain": "1"}, Target("127.0.0.1", "/x", True), False),
        ({"domain": SHARED_DOMAIN}, Target("any.example", "/x", True), True),
        ({"domain": SHARED_DOMAIN}, Target("127.0.0.1", "/x", True), True),
        ({"domain": SHARED_DOMAIN}, Target("any.example", "/x", False), False),
        ({"domain": SHARED_DOMAIN}, Target("any.example", "/", True), False),
    ],
)
def test_what_is_sent(changes: dict[str, Any], target: Target, sent: bool) -> None:
    assert applies(replace(OLD, **changes), target, NOW) is sent


def test_the_order_is_longest_path_then_earliest_creation() -> None:
    cookies = [
        replace(OLD, name="late", path="/a", creation=3.0),
        replace(OLD, name="root", path="/", creation=1.0),
        replace(OLD, name="early", path="/b", creation=2.0),
        replace(OLD, name="deep", path="/a/b", creation=4.0),
    ]
    ordered = [cookie.name for cookie in sorted(cookies, key=retrieval_order)]
    assert ordered == ["deep", "early", "late", "root"]


def test_a_field_is_made_of_names_and_values_as_they_are() -> None:
    cookies = [
        replace(OLD, name="a", value='"x y"'),
        replace(OLD, name="", value="bare"),
        replace(OLD, name="b", value=""),
        replace(OLD, name="c", value="d=e"),
    ]
    assert serialize(map(cookie_pair, cookies)) == 'a="x y"; bare; b=; c=d=e'
    assert serialize([]) == ""
