import logging
import pickle
from collections.abc import Callable, Mapping
from copy import copy, deepcopy
from dataclasses import replace
from http.cookies import Morsel, SimpleCookie
from math import inf
from threading import Event, Thread
from typing import Any

import pytest
from multidict import MultiDict
from yarl import URL

from whimbrel_cookiejar import Cookie, CookieJar, CookieLimits, Rejected, parse_set_cookies
from whimbrel_cookiejar.testing import FixedPublicSuffixes

NOW = 1_800_000_000.0
HTTPS = "https://www.site.example/dir/page"
HTTP = "http://www.site.example/dir/page"
SITE = URL("https://site.example/")


def kept(jar: CookieJar, field: str | bytes, url: str | URL = HTTPS, now: float = NOW) -> Cookie:
    cookie = jar.store(field, url, now)
    assert isinstance(cookie, Cookie)
    return cookie


def refused(jar: CookieJar, field: str | bytes, url: str | URL = HTTPS, now: float = NOW) -> str:
    outcome = jar.store(field, url, now)
    assert isinstance(outcome, Rejected)
    return outcome.reason


# The plain interface.


def test_a_cookie_comes_back_as_it_came() -> None:
    jar = CookieJar()
    cookie = kept(jar, 'a="x, y"; Domain=site.example')
    assert jar.cookie_header(HTTPS, NOW) == 'a="x, y"'
    assert jar.cookies_for(HTTPS, NOW) == (cookie,)
    assert jar.all_cookies(NOW) == (cookie,)
    assert jar.cookie_header("https://other.example/", NOW) == ""


def test_cookies_are_not_text() -> None:
    with pytest.raises(TypeError, match="not text"):
        CookieJar().update_cookies("a=b; c=d")  # type: ignore[arg-type]  # on purpose


def test_urls_may_be_text_or_yarl_and_fields_bytes() -> None:
    jar = CookieJar()
    kept(jar, b"a=\xff\xc3\xa9", URL(HTTPS))
    assert (
        jar.cookie_header(URL(HTTPS), NOW).encode("utf-8", "surrogateescape") == b"a=\xff\xc3\xa9"
    )


@pytest.mark.parametrize("url", ["", "/path", "mailto:someone"])
def test_a_field_needs_the_host_it_came_from(url: str) -> None:
    with pytest.raises(ValueError, match="has no host"):
        CookieJar().store("a=b", url)


def test_the_time_is_the_present_unless_it_is_given() -> None:
    jar = CookieJar()
    cookie = jar.store("a=b; Max-Age=60; Path=/", HTTPS)
    assert isinstance(cookie, Cookie)
    assert cookie.creation + 60 == cookie.expiry
    assert jar.cookie_header(HTTPS) == "a=b"
    assert len(jar) == 1
    assert jar.cookie_header(HTTPS, cookie.expiry) == ""
    # A cookie of the past is of no use to the present.
    kept(jar, "a=b; Max-Age=60; Path=/", now=1.0)
    assert jar.cookie_header(HTTPS) == ""


def test_no_cookie_is_no_field() -> None:
    jar = CookieJar()
    assert jar.cookie_header(HTTPS) == ""
    assert jar.cookies_for(HTTPS) == ()
    kept(jar, "a=b; Path=/x")
    assert jar.cookie_header(HTTPS, NOW) == ""
    assert jar.cookie_header("https://other.example/", NOW) == ""


@pytest.mark.parametrize(
    ("field", "url", "reason"),
    [
        ("a=\0", HTTPS, "the field contains a control character"),
        ("a=b; Domain=other.example", HTTPS, "the host is not in Domain"),
        ("a=b", "http://127.0.0.1/", "the host is an IP address, and the jar is not unsafe"),
        ("a=b", "http://[::1]/", "the host is an IP address, and the jar is not unsafe"),
        ("a=b; Secure", HTTP, "Secure came over a connection that is not secure"),
    ],
)
def test_a_refusal_changes_nothing(field: str, url: str, reason: str) -> None:
    jar = CookieJar()
    kept(jar, "a=before; Path=/")
    assert refused(jar, field, url) == reason
    assert jar.cookie_header(HTTPS, NOW) == "a=before"
    assert len(jar) == 1


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("www.bank.co.uk", "co.uk"),
        ("www.bank.co.uk", "CO.UK"),
        ("www.bank.co.uk", "co.uk."),
        ("www.bank.co.uk.", "co.uk."),
        ("me.github.io", "github.io"),
        ("www.example.com", "com"),
        ("www.example.com", ".com"),
        ("www.example.com.", "com."),
        ("printer.local", "local"),
    ],
)
def test_no_supercookies(host: str, domain: str) -> None:
    jar = CookieJar()
    assert refused(jar, f"a=b; Domain={domain}", f"https://{host}/")
    assert len(jar) == 0


def test_a_public_suffix_may_keep_a_cookie_for_itself() -> None:
    jar = CookieJar()
    assert kept(jar, "a=b; Domain=github.io", "https://github.io/").host_only
    assert jar.cookie_header("https://github.io/", NOW) == "a=b"
    assert jar.cookie_header("https://me.github.io/", NOW) == ""


def test_other_public_suffixes() -> None:
    jar = CookieJar(public_suffixes=FixedPublicSuffixes(["site.example"]))
    assert refused(jar, "a=b; Domain=site.example") == "Domain is a public suffix"
    kept(jar, "a=b; Domain=github.io", "https://me.github.io/")


def test_ip_addresses_if_the_jar_is_unsafe() -> None:
    jar = CookieJar(unsafe=True)
    assert jar.unsafe
    kept(jar, "a=b", "http://127.0.0.1/")
    kept(jar, "c=d", "http://[::1]/")
    assert jar.cookie_header("http://127.0.0.1/", NOW) == "a=b"
    assert jar.cookie_header("http://[0:0::1]:8080/", NOW) == "c=d"
    assert jar.cookie_header("http://127.0.0.2/", NOW) == ""


def test_the_host_is_compared_in_its_canonical_form() -> None:
    jar = CookieJar()
    kept(jar, "a=b; Domain=XN--MNCHEN-3YA.example", "https://www.münchen.example/")
    assert jar.cookie_header("https://MÜNCHEN.example/", NOW) == "a=b"
    assert jar.cookie_header(URL("http://WWW.xn--mnchen-3ya.EXAMPLE/", encoded=True), NOW) == "a=b"
    assert jar.cookie_header("https://münchen.example./", NOW) == ""


def test_the_path_is_compared_as_it_is_written() -> None:
    jar = CookieJar()
    kept(jar, "a=b", "https://site.example/x%2Fy/page")
    assert jar.cookie_header("https://site.example/x%2Fy/other?q=/", NOW) == "a=b"
    assert jar.cookie_header("https://site.example/x/y/other", NOW) == ""


def test_the_path_of_text_is_not_normalised() -> None:
    jar = CookieJar()
    kept(jar, "a=1; Path=/caf%c3%a9", "https://site.example/")
    kept(jar, "b=2", "https://site.example/caf%c3%a9/menu")
    assert jar.cookie_header("https://site.example/caf%c3%a9/menu?x#y", NOW) == "a=1; b=2"
    assert jar.cookie_header("https://site.example/caf%C3%A9/menu", NOW) == ""
    # What no request can have in its path is encoded first,
    assert jar.cookie_header("https://site.example/caf\u00e9/menu", NOW) == ""
    kept(jar, "c=3; Path=/caf%C3%A9", "https://site.example/")
    assert jar.cookie_header("https://site.example/caf\u00e9/menu", NOW) == "c=3"
    # and a URL has done what is done to it before it is sent.
    assert jar.cookie_header(URL("https://site.example/x/../caf%c3%a9/menu"), NOW) == "c=3"


def test_ports_do_not_isolate() -> None:
    jar = CookieJar()
    kept(jar, "a=b", "http://site.example:8080/")
    assert jar.cookie_header("http://site.example/", NOW) == "a=b"


@pytest.mark.parametrize("scheme", ["https", "wss"])
def test_secure_schemes(scheme: str) -> None:
    jar = CookieJar()
    kept(jar, "a=b; Secure", f"{scheme}://site.example/")
    assert jar.cookie_header("https://site.example/", NOW) == "a=b"
    assert jar.cookie_header("wss://site.example/", NOW) == "a=b"
    assert jar.cookie_header("http://site.example/", NOW) == ""
    assert jar.cookie_header("ws://site.example/", NOW) == ""


@pytest.mark.parametrize(
    "origins",
    [
        "http://localhost:8080",
        URL("http://localhost:8080/path?query"),
        ["http://localhost:8080", URL("http://other.example")],
        ("http://LOCALHOST:8080/",),
    ],
)
def test_an_origin_treated_as_secure(origins: Any) -> None:
    jar = CookieJar(treat_as_secure_origin=origins)
    assert URL("http://localhost:8080") in jar.treat_as_secure_origin
    kept(jar, "__Host-a=b; Secure; Path=/", "http://localhost:8080/x")
    assert jar.cookie_header("http://localhost:8080/y", NOW) == "__Host-a=b"
    assert jar.cookie_header("http://localhost:8081/y", NOW) == ""
    assert jar.cookie_header("http://localhost/", NOW) == ""
    assert jar.cookie_header("//localhost:8080/", NOW) == ""


@pytest.mark.parametrize("origins", [(), None, []])
def test_no_origin_is_secure_by_itself(origins: Any) -> None:
    jar = CookieJar(treat_as_secure_origin=origins)
    assert jar.treat_as_secure_origin == frozenset()
    assert refused(jar, "a=b; Secure", "http://localhost:8080/")
    assert refused(jar, "a=b; Secure", "//localhost/")


def test_an_origin_must_be_one() -> None:
    with pytest.raises(ValueError, match=r".+"):
        CookieJar(treat_as_secure_origin="localhost")


def test_secure_cookies_are_left_alone() -> None:
    jar = CookieJar()
    kept(jar, "a=safe; Secure; Path=/dir; Domain=site.example")
    reason = "a Secure cookie would be hidden or replaced"
    assert refused(jar, "a=evil; Path=/dir; Domain=site.example", HTTP) == reason
    assert refused(jar, "a=evil; Path=/dir", HTTP) == reason
    assert refused(jar, "a=evil; Path=/dir", "http://site.example/") == reason
    assert refused(jar, "a=evil; Path=/dir/deeper", HTTP) == reason
    assert refused(jar, "a=evil; Path=/dir; Max-Age=0", HTTP) == reason
    kept(jar, "b=other; Path=/dir", HTTP)
    kept(jar, "a=outside; Path=/", HTTP)
    kept(jar, "a=elsewhere; Path=/dir", "http://other.example/")
    assert jar.cookie_header(HTTPS, NOW) == "a=safe; b=other; a=outside"
    # Over a secure connection it may be replaced,
    kept(jar, "a=mine; Path=/dir; Domain=site.example")
    # and then, or when its time has passed, it protects nothing.
    kept(jar, "a=open; Path=/dir; Domain=site.example", HTTP)


def test_secure_cookies_are_left_alone_from_above_and_below() -> None:
    jar = CookieJar()
    kept(jar, "a=safe; Secure; Path=/", "https://a.b.site.example/")
    assert refused(jar, "a=evil; Domain=site.example; Path=/", "http://site.example/")
    assert refused(jar, "a=evil; Path=/", "http://b.site.example/")
    kept(jar, "a=fine; Path=/", "http://c.site.example/")
    expired = kept(jar, "c=safe; Secure; Path=/; Max-Age=1")
    assert refused(jar, "c=evil; Path=/", HTTP)
    kept(jar, "c=fine; Path=/", HTTP, now=expired.expiry)


def test_a_cookie_that_is_replaced_keeps_its_creation_and_its_place() -> None:
    jar = CookieJar()
    kept(jar, "a=1; Path=/", now=NOW)
    kept(jar, "b=1; Path=/", now=NOW + 1)
    replaced = kept(jar, "a=2; Path=/; HttpOnly", now=NOW + 2)
    assert (replaced.creation, replaced.last_access, replaced.http_only) == (NOW, NOW + 2, True)
    assert jar.cookie_header(HTTPS, NOW + 3) == "a=2; b=1"


def test_the_order_of_cookies_of_one_response_is_that_of_its_fields() -> None:
    jar = CookieJar()
    for field in ["c=1; Path=/", "a=1; Path=/", "long=1; Path=/dir", "b=1; Path=/"]:
        kept(jar, field)
    kept(jar, "a=2; Path=/")
    kept(jar, "z=1; Path=/; Domain=site.example")
    assert jar.cookie_header(HTTPS, NOW) == "long=1; c=1; a=2; b=1; z=1"


def test_a_host_only_cookie_and_a_domain_cookie_are_two() -> None:
    jar = CookieJar()
    kept(jar, "a=host; Path=/", "https://site.example/")
    kept(jar, "a=domain; Path=/; Domain=site.example", "https://site.example/", NOW + 1)
    assert jar.cookie_header("https://site.example/", NOW + 1) == "a=host; a=domain"
    assert jar.cookie_header("https://www.site.example/", NOW + 1) == "a=domain"


def test_a_removed_cookie_is_gone() -> None:
    jar = CookieJar()
    kept(jar, "a=1; Path=/")
    removed = kept(jar, "a=; Path=/; Max-Age=0")
    assert removed.expiry == -inf
    assert jar.all_cookies(NOW) == ()
    kept(jar, "a=1; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT")
    assert jar.all_cookies(NOW) == ()


def test_an_expired_cookie_passes_nothing_on() -> None:
    jar = CookieJar()
    kept(jar, "a=1; Path=/; Max-Age=10")
    kept(jar, "b=1; Path=/")
    again = kept(jar, "a=2; Path=/", now=NOW + 10)
    assert again.creation == NOW + 10
    assert jar.cookie_header(HTTPS, NOW + 10) == "b=1; a=2"


def test_expired_cookies_are_removed_when_they_are_met() -> None:
    jar = CookieJar()
    kept(jar, "a=1; Path=/; Max-Age=10")
    kept(jar, "b=1; Path=/other; Max-Age=20")
    assert jar.cookie_header(HTTPS, NOW + 9) == "a=1"
    assert jar.cookie_header(HTTPS, NOW + 10) == ""
    assert [cookie.name for cookie in jar.all_cookies(NOW)] == ["b"]
    assert jar.all_cookies(NOW + 20) == ()


def test_sending_is_an_access() -> None:
    jar = CookieJar()
    kept(jar, "a=1; Path=/")
    kept(jar, "b=1; Path=/other")
    jar.cookie_header(HTTPS, NOW + 5)
    assert {c.name: c.last_access for c in jar.all_cookies(NOW + 6)} == {"a": NOW + 5, "b": NOW}


# The interface of the reference.


def test_a_response_gives_and_a_request_gets() -> None:
    jar = CookieJar()
    headers = ["a=1; Path=/", 'b="x y"; Path=/dir', "bad=\0", "c=1; Domain=other.example", "d[]=2"]
    jar.update_cookies_from_headers(headers, URL(HTTPS))
    found = jar.filter_cookies(URL(HTTPS))
    assert [(m.key, m.value, m.coded_value) for m in found.values()] == [
        ("b", "x y", '"x y"'),
        ("d[]", "2", "2"),
        ("a", "1", "1"),
    ]
    assert len(jar) == 3
    assert jar.cookie_header(HTTPS) == 'b="x y"; d[]=2; a=1'


def test_of_one_name_filter_cookies_has_what_is_sent_first() -> None:
    jar = CookieJar()
    jar.update_cookies_from_headers(["a=wide; Path=/", "a=narrow; Path=/dir"], URL(HTTPS))
    assert jar.filter_cookies(URL(HTTPS))["a"].value == "narrow"
    assert jar.cookie_header(HTTPS) == "a=narrow; a=wide"


@pytest.mark.parametrize(
    "cookies",
    [
        {"a": "1", "b": "2"},
        [("a", "1"), ("b", "2")],
        MultiDict(a="1", b="2"),
        SimpleCookie({"a": "1", "b": "2"}),
        {"a": SimpleCookie({"x": "1"})["x"], "b": "2"},
        {"a": 1, "b": 2},
    ],
)
def test_cookies_of_any_shape(cookies: Any) -> None:
    jar = CookieJar()
    jar.update_cookies(cookies, SITE)
    assert jar.cookie_header(SITE) == "a=1; b=2"
    assert all(cookie.host_only for cookie in jar.all_cookies())


def test_morsels_are_held_to_the_rules() -> None:
    jar = CookieJar()
    cookies = SimpleCookie({"a": "1", "b": "2", "c": "3", "d": "4"})
    cookies["a"]["secure"] = True
    cookies["b"]["domain"] = "other.example"
    cookies["c"]["path"] = "/x"
    cookies["d"]["max-age"] = 0
    jar.update_cookies(cookies, URL("http://site.example/"))
    [cookie] = jar.all_cookies()
    assert (cookie.name, cookie.path) == ("c", "/x")


def test_shared_cookies_go_everywhere() -> None:
    jar = CookieJar()
    jar.update_cookies({"a": "1"})
    for url in [
        "http://site.example/",
        "https://127.0.0.1/x",
        "http://[::1]/",
        "http://site.example./",
    ]:
        assert jar.cookie_header(url) == "a=1"
        assert jar.filter_cookies(URL(url))["a"].value == "1"
    assert jar.filter_cookies()["a"].value == "1"
    assert jar.filter_cookies(URL())["a"].value == "1"


def test_shared_cookies_keep_secure_path_and_life_time() -> None:
    jar = CookieJar()
    cookies = SimpleCookie({"s": "1", "p": "2", "gone": "3"})
    cookies["s"]["secure"] = True
    cookies["p"]["path"] = "/x"
    cookies["gone"]["max-age"] = "-1"
    jar.update_cookies(cookies)
    assert jar.cookie_header("http://site.example/") == ""
    assert jar.cookie_header("https://site.example/") == "s=1"
    assert jar.cookie_header("http://site.example/x") == "p=2"


def test_a_host_s_own_cookie_is_stronger_than_a_shared_one() -> None:
    jar = CookieJar()
    jar.update_cookies({"a": "shared", "b": "shared"})
    jar.update_cookies({"a": "own"}, SITE)
    assert jar.cookie_header(SITE) == "b=shared; a=own"
    assert jar.filter_cookies(SITE)["a"].value == "own"
    assert jar.cookie_header("https://other.example/") == "a=shared; b=shared"
    # It is no longer, where it does not apply.
    jar.update_cookies_from_headers(["b=own; Path=/x"], SITE)
    assert jar.cookie_header(SITE) == "b=shared; a=own"


@pytest.mark.parametrize(
    ("domain", "sent", "not_sent"),
    [
        ("site.example", ["site.example", "www.site.example"], ["example", "other.example"]),
        ("co.uk", ["co.uk"], ["bank.co.uk"]),
        ("localhost", ["localhost"], ["a.localhost"]),
        ("127.0.0.1", [], ["127.0.0.1"]),
        ("münchen.example", [], ["münchen.example"]),
    ],
)
def test_a_morsel_with_a_domain_needs_no_url(
    domain: str, sent: list[str], not_sent: list[str]
) -> None:
    jar = CookieJar()
    cookies = SimpleCookie({"a": "1"})
    cookies["a"]["domain"] = domain
    cookies["a"]["secure"] = True
    jar.update_cookies(cookies)
    assert [host for host in [*sent, *not_sent] if jar.cookie_header(f"https://{host}/")] == sent


def test_values_of_the_program_are_quoted_if_need_be() -> None:
    jar = CookieJar()
    assert jar.quote_cookie
    jar.update_cookies({"a": "x; y", "b": "plain", "c": ""}, SITE)
    assert jar.cookie_header(SITE) == r'a="x\073 y"; b=plain; c='
    assert jar.filter_cookies(SITE)["a"].value == "x; y"


def test_values_of_the_program_as_they_are() -> None:
    jar = CookieJar(quote_cookie=False)
    assert not jar.quote_cookie
    jar.update_cookies({"a": "x y"}, SITE)
    jar.update_cookies(SimpleCookie({"b": "x y"}), SITE)
    # What a server has quoted is not touched.
    jar.update_cookies_from_headers(['c="x y"'], SITE)
    assert jar.cookie_header(SITE) == 'a=x y; b=x y; c="x y"'
    found = jar.filter_cookies(SITE)
    assert not isinstance(found, SimpleCookie)
    assert [morsel.value for morsel in found.values()] == ["x y", "x y", '"x y"']
    with pytest.raises(ValueError, match='the value contains ";"'):
        jar.update_cookies({"a": "x; y"}, SITE)


@pytest.mark.parametrize("value", [None, b"1", ["1"], SimpleCookie({"c": "d"})])
def test_a_value_is_text_or_a_morsel(value: Any) -> None:
    with pytest.raises(TypeError, match="a cookie's value is text or a Morsel, and not"):
        CookieJar().update_cookies({"a": value}, SITE)


def test_refusals_are_logged_without_values(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "whimbrel_cookiejar")
    jar = CookieJar()
    jar.update_cookies_from_headers(["a=s3cret; Domain=com", "b=s3cret"], SITE)
    unkept = SimpleCookie({"__Host-c": "s3cret"})
    unkept["__Host-c"]["path"] = "/"
    jar.update_cookies(unkept, SITE)
    broken = SimpleCookie({"d": "s3cret"})
    jar.update_cookies({"d\n": broken["d"]}, SITE)
    assert caplog.messages == [
        "cookie 'a' refused: the host is not in Domain",
        "cookie '__Host-c' refused: __Host- came without Secure, without Path=/, or with Domain",
        r"cookie 'd\n' refused: the name or the value contains a control character",
    ]


def test_what_the_program_sets_has_what_its_name_promises() -> None:
    plain = {"__Secure-a": "1", "__Host-b": "2"}
    for cookies in (plain, SimpleCookie(plain)):
        jar = CookieJar()
        jar.update_cookies(cookies)
        assert jar.cookie_header("https://any.example/x") == "__Secure-a=1; __Host-b=2"
        assert jar.cookie_header("http://any.example/x") == ""
        jar = CookieJar()
        jar.update_cookies(cookies, SITE)
        assert jar.cookie_header(SITE) == "__Secure-a=1; __Host-b=2"
        assert jar.cookie_header("https://www.site.example/") == ""
    # It cannot be kept here, and nothing else is taken.
    with pytest.raises(ValueError, match="cookie '__Host-b' needs the URL of a secure connection"):
        jar.update_cookies({"c": "3", "__Host-b": "4"}, URL("http://site.example/"))
    assert jar.cookie_header(SITE) == "__Secure-a=1; __Host-b=2"
    jar.update_cookies(SimpleCookie(plain), URL("http://www.site.example/"))
    assert len(jar) == 2


def test_a_server_has_to_keep_its_promises_itself() -> None:
    class Watching(CookieJar):
        def update_cookies(self, cookies: Any, response_url: URL = SITE) -> None:
            super().update_cookies(cookies, response_url)

    fields = ["__Secure-a=1", "__host-b=2", "__Host-c=3; Path=/", "__Secure-d=4; Secure", "e=5"]
    for jar in (CookieJar(), Watching()):
        jar.update_cookies_from_headers(fields, SITE)
        assert [cookie.name for cookie in jar.all_cookies()] == ["__Secure-d", "e"]
    assert list(parse_set_cookies(fields)) == ["__Secure-d", "e"]


def test_no_morsel_says_what_no_field_can() -> None:
    jar = CookieJar()
    line = "x\n.victim.example\tTRUE\t/\tFALSE\t0\tsid\tevil\nq"
    # As an octal escape in a field makes it; the setter of newer versions refuses it.
    no_host = "☃" * 70 + ".example"
    for attribute, value in [
        ("domain", line),
        ("path", "/\nq"),
        ("domain", no_host),
        ("domain", "."),
    ]:
        morsel = SimpleCookie("bad=1")["bad"]
        dict.__setitem__(morsel, attribute, value)
        jar.update_cookies([("a", "1"), ("bad", morsel), ("c", "3")])
        assert [cookie.name for cookie in jar.all_cookies()] == ["a", "c"]
        jar.clear()


def test_the_empty_domain_is_that_of_the_cookies_for_every_host() -> None:
    jar = CookieJar()
    jar.update_cookies({"shared": "1"})
    kept(jar, "a=1")
    with pytest.raises(ValueError, match="no domain"):
        jar.clear_domain(".")
    assert len(jar) == 2
    jar.clear_domain("")
    assert [cookie.name for cookie in jar.all_cookies()] == ["a"]


def test_looking_at_a_jar_removes_nothing() -> None:
    """The time of these methods is the present, and a program's may be another."""
    jar = CookieJar()
    kept(jar, "a=1; Max-Age=60", now=1000)
    assert (len(jar), bool(jar), list(jar), len(jar.host_only_cookies)) == (0, False, [], 0)
    jar.clear(lambda _: True)
    assert jar.cookie_header(HTTPS, 1001) == "a=1"


@pytest.mark.parametrize("fields", ["sid=1; Path=/", b"sid=1; Path=/"])
def test_a_field_is_no_response(fields: Any) -> None:
    jar = CookieJar()
    with pytest.raises(TypeError, match=r"a list of values, not (str|bytes)"):
        jar.store_response(fields, SITE)
    with pytest.raises(TypeError, match="a list of values"):
        jar.update_cookies_from_headers(fields, SITE)
    with pytest.raises(TypeError, match="a list of values"):
        parse_set_cookies(fields)
    assert len(jar) == 0


def test_a_response_with_a_field_that_is_none_is_not_stored() -> None:
    jar = CookieJar()
    with pytest.raises(AttributeError):
        jar.store_response(["a=1", None], SITE)  # type: ignore[list-item]  # on purpose
    assert len(jar) == 0


def test_iteration_shows_every_cookie_that_lives() -> None:
    jar = CookieJar()
    assert list(jar) == []
    jar.store('a="x y"; Path=/p; Domain=site.example; Secure', SITE)
    jar.store("b=1; Max-Age=1", SITE, 1.0)
    [morsel] = jar
    assert isinstance(morsel, Morsel)
    assert (morsel.key, morsel.value) == ("a", "x y")
    assert (morsel["domain"], morsel["path"], morsel["secure"]) == ("site.example", "/p", True)
    assert len(jar) == 1


def test_what_jars_show_can_be_put_into_a_jar() -> None:
    jar, other = CookieJar(), CookieJar()
    jar.store('a="x y"; Path=/p; Domain=site.example; Secure; Max-Age=1000', SITE)
    jar.store("b=2; HttpOnly; SameSite=Lax; Domain=site.example", SITE)
    other.update_cookies((morsel.key, morsel) for morsel in jar)

    def comparable(cookie: Cookie) -> Cookie:
        # A morsel's "expires" has no parts of seconds.
        expiry = cookie.expiry if cookie.expiry == inf else float(int(cookie.expiry))
        return replace(cookie, creation=0, last_access=0, expiry=expiry)

    assert [comparable(c) for c in other.all_cookies()] == [
        comparable(c) for c in jar.all_cookies()
    ]


def test_the_views_of_the_reference() -> None:
    jar = CookieJar()
    jar.store("a=1; Path=/p", SITE)
    jar.store("b=2; Path=/p; Domain=site.example", SITE)
    jar.update_cookies({"c": "3"})
    assert isinstance(jar.cookies, Mapping)
    view = {place: list(cookies) for place, cookies in jar.cookies.items()}
    assert view == {("site.example", "/p"): ["a", "b"], ("", ""): ["c"]}
    assert jar.host_only_cookies == {("site.example", "/p", "a")}


def test_clear() -> None:
    jar = CookieJar()
    jar.update_cookies({"a": "1", "b": "2", "c": "3"}, SITE)
    jar.clear(lambda morsel: morsel.key == "b")
    assert jar.cookie_header(SITE) == "a=1; c=3"
    jar.clear(lambda _: False)
    assert len(jar) == 2
    jar.clear()
    assert len(jar) == 0
    assert jar.cookie_header(SITE) == ""


@pytest.mark.parametrize(
    ("domain", "left"),
    [
        ("site.example", ["badsite.example", "example"]),
        (".SITE.example", ["badsite.example", "example"]),
        ("www.site.example", ["badsite.example", "example", "site.example"]),
        ("example", []),
        ("", ["badsite.example", "example", "site.example", "www.site.example"]),
    ],
)
def test_clear_domain(domain: str, left: list[str]) -> None:
    jar = CookieJar()
    hosts = ["badsite.example", "example", "site.example", "www.site.example"]
    for host in hosts:
        jar.update_cookies({"a": "1"}, URL(f"https://{host}/"))
    jar.clear_domain(domain)
    assert sorted(cookie.domain for cookie in jar.all_cookies()) == left


def test_clear_domain_takes_unicode_and_shared() -> None:
    jar = CookieJar()
    jar.update_cookies({"a": "1"}, URL("https://www.münchen.example/"))
    jar.update_cookies({"b": "1"})
    jar.clear_domain("münchen.example")
    assert [cookie.name for cookie in jar.all_cookies()] == ["b"]
    jar.clear_domain("")
    assert len(jar) == 0


def test_a_subclass_that_watches_updates_is_asked() -> None:
    class Watching(CookieJar):
        names: tuple[str, ...] = ()

        def update_cookies(self, cookies: Any, response_url: URL = SITE) -> None:
            self.names += tuple(name for name, _ in cookies)
            super().update_cookies(cookies, response_url)

    for quote in (True, False):
        jar = Watching(quote_cookie=quote)
        jar.update_cookies_from_headers(['a="x y"; Path=/p', "__Host-b=1; Path=/; Secure"], SITE)
        assert jar.names == ("a", "__Host-b")
        assert jar.cookie_header(SITE / "p") == 'a="x y"; __Host-b=1'


def test_a_request_does_not_pay_for_other_domains() -> None:
    jar = CookieJar(public_suffixes=FixedPublicSuffixes())
    for number in range(1000):
        kept(jar, "a=1; Path=/; Domain=site.example", f"https://www{number}.site.example/")
        kept(jar, "a=1; Path=/", f"https://host{number}.example/")
    kept(jar, "b=2; Path=/", "https://www.mine.example/")
    # The store is asked for four domains, whatever else is in it.
    assert len(jar._store.for_host("www.mine.example")) == 1
    assert len(jar._store.for_host("none.example")) == 0
    assert jar.cookie_header("https://www.mine.example/", NOW) == "b=2"


# Limits.


def stored(
    limits: CookieLimits, fields: list[str], url: str = HTTPS
) -> tuple[CookieJar, list[Any]]:
    jar = CookieJar(limits=limits, public_suffixes=FixedPublicSuffixes())
    return jar, jar.store_response(fields, url, NOW)


def test_a_jar_says_what_its_limits_are() -> None:
    limits = CookieLimits(in_all=5)
    assert CookieJar(limits=limits).limits is limits
    assert CookieJar().limits == CookieLimits()


def test_a_response_gives_so_many_cookies_and_no_more() -> None:
    limits = CookieLimits(per_response=3)
    fields = ["a=1", "bad=\0", "c=1", "d=1", "e=1"]
    jar, outcomes = stored(limits, fields)
    reason = "the response has more cookies than are taken from one"
    assert [each.name if isinstance(each, Cookie) else each.reason for each in outcomes] == [
        "a",
        "the field contains a control character",
        "c",
        reason,
        reason,
    ]
    assert jar.cookie_header(HTTPS, NOW) == "a=1; c=1"
    other = CookieJar(limits=limits)
    other.update_cookies_from_headers(fields, URL(HTTPS))
    assert other.cookie_header(HTTPS) == "a=1; c=1"

    class Watching(CookieJar):
        def update_cookies(self, cookies: Any, response_url: URL = SITE) -> None:
            super().update_cookies(cookies, response_url)

    watching = Watching(limits=limits)
    watching.update_cookies_from_headers(fields, URL(HTTPS))
    assert watching.cookie_header(HTTPS) == "a=1; c=1"
    # What the program gives is no response.
    other.update_cookies({str(number): "1" for number in range(9)}, SITE)
    assert len(other) == 2 + 9


def test_the_limits_on_octets_are_those_of_the_jar() -> None:
    limits = CookieLimits(name_value_octets=4, attribute_octets=4)
    fields = ["aa=11", "bb=111", "c=1; Path=/dir/", "d=1; Path=/dir"]
    jar, outcomes = stored(limits, fields, "https://site.example/dir/x/y")
    assert [each.path if isinstance(each, Cookie) else each.reason for each in outcomes] == [
        "/dir/x",
        "the name and the value have more than 4 octets",
        "/dir/x",
        "/dir",
    ]
    morsels = SimpleCookie({"e": "1", "f": "1"})
    morsels["e"]["path"], morsels["f"]["path"] = "/dir/", "/dir"
    jar.update_cookies(morsels, URL("https://site.example/z"))
    assert {c.name: c.path for c in jar.all_cookies(NOW)}.items() >= {("e", "/"), ("f", "/dir")}
    with pytest.raises(ValueError, match="more than 4 octets"):
        jar.update_cookies({"aaa": "11"}, SITE)
    long = SimpleCookie({"aaa": "11"})
    before = len(jar)
    jar.update_cookies(long, SITE)
    assert len(jar) == before
    # And above the defaults.
    large = "v" * 5000
    assert isinstance(stored(CookieLimits(name_value_octets=6000), [f"a={large}"])[1][0], Cookie)


def test_a_domain_keeps_what_was_sent_last() -> None:
    jar = CookieJar(limits=CookieLimits(per_domain=10))
    for number in range(10):
        kept(jar, f"n{number}=1; Secure; Path=/{number}", now=NOW + number)
    kept(jar, "other=1", "https://other.example/")
    # The first one is used again, one is replaced, and one is not Secure.
    assert jar.cookie_header("https://www.site.example/0", NOW + 20) == "n0=1"
    kept(jar, "n1=2; Secure; Path=/1", now=NOW + 21)
    kept(jar, "n5=2; Path=/5", now=NOW + 22)
    assert len(jar.all_cookies(NOW)) == 11
    kept(jar, "n10=1; Secure; Path=/10", now=NOW + 23)
    left = {cookie.name for cookie in jar.all_cookies(NOW)}
    assert left == {"n0", "n1", "n2", "n3", "n4", "n6", "n7", "n8", "n9", "n10", "other"}
    kept(jar, "n11=1; Secure; Path=/11", now=NOW + 24)
    left = {cookie.name for cookie in jar.all_cookies(NOW)}
    assert left == {"n0", "n1", "n4", "n6", "n7", "n8", "n9", "n10", "n11", "other"}


def test_what_has_expired_makes_room() -> None:
    jar = CookieJar(limits=CookieLimits(per_domain=3))
    for name in ("a", "b"):
        kept(jar, f"{name}=1; Path=/; Max-Age=5")
    kept(jar, "c=1; Path=/")
    kept(jar, "d=1; Path=/", now=NOW + 5)
    assert jar.cookie_header(HTTPS, NOW + 5) == "c=1; d=1"


def test_a_cookie_that_would_be_the_first_to_go_is_refused() -> None:
    jar = CookieJar(limits=CookieLimits(per_domain=2))
    kept(jar, "a=1; Secure; Path=/")
    kept(jar, "b=1; Secure; Path=/")
    assert refused(jar, "c=1; Path=/") == "there are too many cookies, and others go last"
    assert jar.cookie_header(HTTPS, NOW) == "a=1; b=1"
    kept(jar, "d=1; Secure; Path=/", now=NOW + 1)
    assert jar.cookie_header(HTTPS, NOW + 1) == "b=1; d=1"


def test_subdomains_are_no_way_around_the_limit_of_all() -> None:
    jar = CookieJar(limits=CookieLimits(in_all=20))
    kept(jar, "mine=1; Path=/", "https://mine.example/")
    for number in range(100):
        kept(jar, "a=1; Path=/", f"https://host{number}.evil.example/", NOW + number)
        # What is used stays, whoever fills the jar.
        assert jar.cookie_header("https://mine.example/", NOW + number) == "mine=1"
        assert len(jar.all_cookies(NOW)) <= 20


def test_below_the_limits_no_store_goes_through_the_jar() -> None:
    looked_at = 0

    class Counting(dict[Any, Any]):
        def values(self) -> Any:
            nonlocal looked_at
            looked_at += len(self)
            return super().values()

    def cost(hosts: int) -> int:
        nonlocal looked_at
        jar = CookieJar(public_suffixes=FixedPublicSuffixes())
        jar._store._domains = Counting()
        for number in range(hosts):
            kept(jar, "a=1; Path=/; Secure", f"https://host{number}.example/")
        looked_at = 0
        kept(jar, "b=1; Path=/; Secure; Domain=site.example")
        kept(jar, "b=1; Path=/", "http://one.example/")
        jar.cookie_header("https://host1.example/", NOW)
        stored_and_sent, looked_at = looked_at, 0
        jar.all_cookies(NOW)
        assert looked_at >= hosts  # so that this would have been seen
        return stored_and_sent

    assert cost(5) == cost(500) == 0


def test_a_load_keeps_to_the_limits() -> None:
    full = CookieJar()
    for number in range(5):
        kept(full, f"n{number}=1; Path=/", now=NOW + number)
    jar = CookieJar(limits=CookieLimits(per_domain=3))
    reason = "there are too many cookies, and others go last"
    assert jar.loads(full.dumps(now=NOW + 9), now=NOW + 9) == [
        (1, Rejected(reason, "n0")),
        (2, Rejected(reason, "n1")),
    ]
    assert jar.cookie_header(HTTPS, NOW + 9) == "n2=1; n3=1; n4=1"
    strict = CookieJar(limits=CookieLimits(name_value_octets=2))
    assert len(strict.loads(full.dumps(now=NOW + 9), now=NOW + 9)) == 5


def test_a_cookie_from_the_network_costs_no_secure_one() -> None:
    """Whoever is on the network can answer for http, and so set cookies that are not Secure."""
    jar = CookieJar()
    for number in range(180):
        kept(jar, f"s{number}=1; Secure; Path=/", now=NOW + number)
    for number in range(20):
        assert "too many" in refused(jar, f"x{number}=1; Path=/", HTTP, NOW + 300 + number)
    assert len(jar.all_cookies(NOW + 400)) == 180
    # One for which there is a right to be kept costs the oldest, and some more.
    kept(jar, "new=1; Secure; Path=/", now=NOW + 401)
    assert len(jar.all_cookies(NOW + 402)) == 162


# Copies.


@pytest.mark.parametrize("duplicate", [copy, deepcopy])
def test_a_copy_goes_its_own_way(duplicate: Callable[[CookieJar], CookieJar]) -> None:
    limits = CookieLimits(per_domain=9)
    jar = CookieJar(
        unsafe=True,
        quote_cookie=False,
        treat_as_secure_origin="http://127.0.0.1",
        public_suffixes=FixedPublicSuffixes(["co.example"]),
        limits=limits,
    )
    kept(jar, "b=1; Path=/", "http://127.0.0.1/", NOW + 1)
    kept(jar, "a=1; Path=/", "http://127.0.0.1/", NOW)
    assert jar.filter_cookies(URL("http://127.0.0.1/"))["b"].value == "1"
    header = jar.cookie_header("http://127.0.0.1/", NOW + 5)
    made = duplicate(jar)
    # The copy has what the jar has, the times of access too, and the morsels that nobody changes.
    assert made.all_cookies(NOW + 5) == jar.all_cookies(NOW + 5)
    assert {cookie.last_access for cookie in made.all_cookies(NOW + 5)} == {NOW + 5}
    assert made.cookie_header("http://127.0.0.1/", NOW + 6) == header
    with pytest.raises(TypeError, match="shared"):
        made.filter_cookies(URL("http://127.0.0.1/"))["a"]["path"] = "/x"
    assert (made.unsafe, made.quote_cookie, made.limits) == (True, False, limits)
    assert made.treat_as_secure_origin == jar.treat_as_secure_origin
    assert refused(made, "c=1; Domain=co.example", "https://www.co.example/")
    # And what one takes the other does not see.
    kept(made, "__Host-c=1; Path=/; Secure", "http://127.0.0.1/", NOW + 6)
    assert len(jar) == 2
    jar.clear()
    assert made.cookie_header("http://127.0.0.1/", NOW + 6) == f"{header}; __Host-c=1"
    assert jar.cookie_header("http://127.0.0.1/", NOW + 6) == ""


@pytest.mark.parametrize("duplicate", [copy, deepcopy])
def test_a_copy_loses_the_same_cookies_to_a_limit(
    duplicate: Callable[[CookieJar], CookieJar],
) -> None:
    jar = CookieJar(limits=CookieLimits(per_domain=20))
    for number in (*range(10), *range(5), *range(10, 20)):
        kept(jar, f"n{number}=1; Path=/")
    made = duplicate(jar)
    for each in (jar, made):
        kept(each, "more=1; Path=/")
    assert made.cookie_header(HTTPS, NOW) == jar.cookie_header(HTTPS, NOW)
    assert len(made.cookies_for(HTTPS, NOW)) == 18


def test_copies_have_what_a_subclass_adds() -> None:
    class Watched(CookieJar):
        def __init__(self) -> None:
            super().__init__()
            self.seen: list[object] = [self]

    jar = Watched()
    assert copy(jar).seen is jar.seen
    made = deepcopy({"first": jar, "second": jar})
    assert made["first"] is made["second"]
    assert made["first"].seen == [made["first"]]


def test_a_jar_is_not_pickled() -> None:
    with pytest.raises(TypeError, match=r"a CookieJar cannot be pickled: use dumps\(\)"):
        pickle.dumps(CookieJar())


# Threads.


def test_clear_removes_no_cookie_that_its_predicate_has_not_seen() -> None:
    jar = CookieJar()
    kept(jar, "a=old")
    writer = Thread(target=jar.store, args=("a=new", HTTPS))

    def predicate(morsel: Morsel[str]) -> bool:
        writer.start()
        writer.join()
        return morsel.value == "old"

    jar.clear(predicate)
    assert jar.cookie_header(HTTPS) == "a=new"


def test_threads_see_a_response_as_a_whole() -> None:
    """One thread stores pairs and removes them; the others must never see half of one."""
    jar = CookieJar(public_suffixes=FixedPublicSuffixes())
    done = Event()
    failures: list[object] = []

    def write() -> None:
        try:
            for number in range(300):
                pair = [f"a={number}; Path=/", f"b={number}; Path=/"]
                jar.store_response(pair, HTTPS)
                jar.store_response([f"c=1; Domain=x{number}.example"], f"https://x{number}.example")
                jar.store_response([f"{each}; Max-Age=0" for each in pair], HTTPS)
        finally:
            done.set()

    def read() -> None:
        while not done.is_set():
            values = [pair[2:] for pair in jar.cookie_header(HTTPS).split("; ")]
            found = [morsel.value for morsel in jar.filter_cookies(URL(HTTPS)).values()]
            pairs = [c.value for c in jar.cookies_for(HTTPS)]
            every = [c.value for c in jar.all_cookies() if c.name != "c"]
            failures.extend(
                seen
                for seen in (values, found, pairs, every)
                if (len(seen) not in {0, 2} and seen != [""]) or len(set(seen)) > 1
            )

    readers = [Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    write()
    for reader in readers:
        reader.join()
    assert failures == []
    assert len(jar) == 300
