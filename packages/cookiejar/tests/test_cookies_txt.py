from dataclasses import replace
from http.cookiejar import Cookie as StandardCookie
from http.cookiejar import LoadError, MozillaCookieJar
from math import inf
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whimbrel_cookiejar import Cookie, CookieFileError, Rejected
from whimbrel_cookiejar.cookies_txt import cookies_from_txt, cookies_to_txt

COOKIE = Cookie(
    name="n",
    value="v",
    domain="site.example",
    host_only=False,
    path="/p",
    secure=True,
    http_only=False,
    same_site="Default",
    partitioned=False,
    persistent=True,
    expiry=4_000_000_000.0,
    creation=inf,
    last_access=inf,
)
HEADER = """\
# Netscape HTTP Cookie File
# Written by whimbrel-cookiejar. Whoever can read this file can use these cookies.

"""
LINES = [
    (COOKIE, ".site.example\tTRUE\t/p\tTRUE\t4000000000\tn\tv"),
    (
        replace(COOKIE, host_only=True, secure=False),
        "site.example\tFALSE\t/p\tFALSE\t4000000000\tn\tv",
    ),
    (replace(COOKIE, http_only=True), "#HttpOnly_.site.example\tTRUE\t/p\tTRUE\t4000000000\tn\tv"),
    (
        replace(COOKIE, http_only=True, host_only=True),
        "#HttpOnly_site.example\tFALSE\t/p\tTRUE\t4000000000\tn\tv",
    ),
    (replace(COOKIE, expiry=inf, persistent=False), ".site.example\tTRUE\t/p\tTRUE\t0\tn\tv"),
    (replace(COOKIE, name=""), ".site.example\tTRUE\t/p\tTRUE\t4000000000\t\tv"),
    (replace(COOKIE, value=""), ".site.example\tTRUE\t/p\tTRUE\t4000000000\tn\t"),
    (
        replace(COOKIE, name="#n", value='"é\udcff \x85\u2028"'),
        '.site.example\tTRUE\t/p\tTRUE\t4000000000\t#n\t"é\udcff \x85\u2028"',
    ),
    (
        replace(COOKIE, domain="::1", host_only=True),
        "::1\tFALSE\t/p\tTRUE\t4000000000\tn\tv",
    ),
]


def only(text: str | bytes) -> Cookie | Rejected:
    [(_, found)] = cookies_from_txt(text)
    return found


@pytest.mark.parametrize(("cookie", "line"), LINES)
def test_the_format(cookie: Cookie, line: str) -> None:
    assert cookies_to_txt([cookie]) == (HEADER + line + "\n", [])
    for text in (
        HEADER + line + "\n",
        HEADER + line,
        line,
        "\r\n" + line + "\r\n",
        "\ufeff" + line,
    ):
        assert only(text) == cookie
        assert only(text.encode("utf-8", "surrogateescape")) == cookie


def test_the_lines_are_numbered() -> None:
    text, _ = cookies_to_txt([COOKIE, replace(COOKIE, name="m")])
    found = [(n, c.name) for n, c in cookies_from_txt(text)]
    assert found == [(4, "n"), (5, "m")]


def test_what_the_format_has_no_place_for_is_lost() -> None:
    rich = replace(COOKIE, same_site="Lax", partitioned=True, expiry=4_000_000_000.75, creation=5)
    assert cookies_to_txt([rich]) == cookies_to_txt([COOKIE])


def test_parts_of_the_first_second_make_no_session() -> None:
    text, _ = cookies_to_txt([replace(COOKIE, expiry=0.5)])
    cookie = only(text)
    assert isinstance(cookie, Cookie)
    assert cookie.expiry == 1.0


@pytest.mark.parametrize(
    ("cookie", "reason"),
    [
        (replace(COOKIE, domain="", host_only=False), "no cookies for every host"),
        (replace(COOKIE, name="a\tb"), "a tab in a field"),
        (replace(COOKIE, value="a\tb"), "a tab in a field"),
        (replace(COOKIE, path="/a\tb"), "a tab in a field"),
    ],
)
def test_what_cannot_be_written_is_told(cookie: Cookie, reason: str) -> None:
    text, left_out = cookies_to_txt([COOKIE, cookie])
    assert text == cookies_to_txt([COOKIE])[0]
    [refusal] = left_out
    assert reason in refusal.reason
    assert refusal.name == cookie.name.replace("\t", r"\t")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        # The flag decides, and not the dot.
        (".site.example\tFALSE\t/p\tTRUE\t4000000000\tn\tv", replace(COOKIE, host_only=True)),
        ("site.example\tTRUE\t/p\tTRUE\t4000000000\tn\tv", COOKIE),
        (".site.example\ttrue\t/p\tTrue\t4000000000\tn\tv", COOKIE),
        # An editor has taken the empty value, or `http.cookiejar` left the expiry empty.
        (".site.example\tTRUE\t/p\tTRUE\t4000000000\tn", replace(COOKIE, value="")),
        (
            ".site.example\tTRUE\t/p\tTRUE\t\tn\tv",
            replace(COOKIE, expiry=inf, persistent=False),
        ),
        (".site.example\tTRUE\t/p\tTRUE\t4000000000.5\tn\tv", replace(COOKIE, expiry=4e9 + 0.5)),
        (".site.example\tTRUE\t/p\tTRUE\t1\tn\tv", replace(COOKIE, expiry=1.0)),
        # wget, of another port.
        (
            "site.example:8080\tFALSE\t/p\tTRUE\t4000000000\tn\tv",
            replace(COOKIE, host_only=True),
        ),
        (
            "fe80::1:8080\tFALSE\t/p\tTRUE\t4000000000\tn\tv",
            replace(COOKIE, host_only=True, domain="fe80::1:8080"),
        ),
    ],
)
def test_what_other_programs_write(line: str, expected: Cookie) -> None:
    assert only(line) == expected


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("site.example", "seven fields"),
        ("site.example TRUE / TRUE 0 n v", "seven fields"),
        ("site.example\tTRUE\t/\tTRUE\t0", "seven fields"),
        ("site.example\tTRUE\t/\tTRUE\t0\tn\tv\tmore", "seven fields"),
        ("site.example\tYES\t/\tTRUE\t0\tn\tv", "seven fields"),
        ("site.example\tTRUE\t/\t1\t0\tn\tv", "seven fields"),
        ("\tTRUE\t/\tTRUE\t0\tn\tv", "no domain"),
        (".\tTRUE\t/\tTRUE\t0\tn\tv", "no domain"),
        ("#HttpOnly_\tFALSE\t/\tTRUE\t0\tn\tv", "no domain"),
        ("site.example\tTRUE\t/\tTRUE\t-1\tn\tv", "not a number of seconds"),
        ("site.example\tTRUE\t/\tTRUE\tnan\tn\tv", "not a number of seconds"),
        ("site.example\tTRUE\t/\tTRUE\t1e9\tn\tv", "not a number of seconds"),
        ("site.example\tTRUE\t/\tTRUE\t٣\tn\tv", "not a number of seconds"),
        ("site.example\tTRUE\t/\tTRUE\t" + "9" * 5000 + "\tn\tv", "not a number of seconds"),
    ],
)
def test_a_line_that_is_no_cookie_costs_no_other(line: str, reason: str) -> None:
    good = LINES[0][1]
    for text in (HEADER + line + "\n" + good, f"{good}\n\n\n{line}"):
        found = cookies_from_txt(text)
        [(number, refusal)] = [(n, each) for n, each in found if isinstance(each, Rejected)]
        assert number == 4
        assert reason in refusal.reason
        assert [each for _, each in found if isinstance(each, Cookie)] == [COOKIE]


@pytest.mark.parametrize(
    "text",
    [HEADER, "# HTTP Cookie File\n", "# Netscape HTTP Cookie File\r\n\r\n# a comment"],
)
def test_a_file_without_cookies(text: str) -> None:
    assert cookies_from_txt(text) == []


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("", ""),
        (b"", ""),
        ("\n\r\n", ""),
        ("# a comment\n#another\n", ""),
        ("#!/bin/sh\n# \n", ""),
        ("a=b; c=d", "line 1"),
        ('{"format": "whimbrel-cookies", "version": 1, "cookies": [\n\n]}\n', "line 1"),
        ('#LWP-Cookies-2.0\nSet-Cookie3: a=b; path="/"; domain=site.example\n', "line 2"),
        ("\n\na.example\tb\n" + LINES[0][1], "line 3"),
        (b"SQLite format 3\0\x10\0", "line 1"),
        (b"\x80\x04\x95", "line 1"),
    ],
)
def test_what_is_no_cookies_txt(text: str | bytes, where: str) -> None:
    with pytest.raises(CookieFileError, match=r"no cookies\.txt") as caught:
        cookies_from_txt(text)
    assert caught.value.where == where


@given(st.binary(max_size=200) | st.text(st.sampled_from("\t\r\n#.a0TRUEFALS/"), max_size=60))
def test_anything_is_read_or_refused(text: str | bytes) -> None:
    try:
        found = cookies_from_txt(text)
    except CookieFileError:
        return
    assert all(isinstance(each, Cookie | Rejected) for _, each in found)


TEXTS = st.text(st.characters(exclude_characters="\t\n\r", codec="utf-8"))


@given(st.lists(st.builds(replace, st.just(COOKIE), name=TEXTS, value=TEXTS, path=TEXTS)))
def test_what_is_written_is_read_back(cookies: list[Cookie]) -> None:
    text, left_out = cookies_to_txt(cookies)
    assert left_out == []
    assert [each for _, each in cookies_from_txt(text)] == cookies


# The standard library's reader and writer of the same format.


def test_the_standard_library_reads_what_is_written(tmp_path: Path) -> None:
    # It takes the expiry 0 for the year 1970, and gives the cookie only when it is told to.
    text, _ = cookies_to_txt([cookie for cookie, _ in LINES])
    path = tmp_path / "cookies.txt"
    path.write_bytes(text.encode("utf-8", "surrogateescape").replace(b"\xff", b""))
    jar = MozillaCookieJar(path)
    jar.load(ignore_discard=True, ignore_expires=True)
    found = {(c.name, c.value, c.domain, c.path, c.secure, int(c.expires or 0)) for c in jar}
    assert found == {
        # Of those that differ in nothing else, the last one is kept.
        ("n", "", ".site.example", "/p", True, 4_000_000_000),
        ("n", "v", "site.example", "/p", True, 4_000_000_000),
        ("v", None, ".site.example", "/p", True, 4_000_000_000),
        ("#n", '"é \x85\u2028"', ".site.example", "/p", True, 4_000_000_000),
        ("n", "v", "::1", "/p", True, 4_000_000_000),
    }
    [host_only] = [c for c in jar if c.domain == "site.example"]
    assert host_only.has_nonstandard_attr("HTTPOnly")
    assert not host_only.domain_specified


def test_what_the_standard_library_writes_is_read(tmp_path: Path) -> None:
    jar = MozillaCookieJar(tmp_path / "cookies.txt")
    jar.set_cookie(standard_cookie("a", "1", ".site.example", 4_000_000_000))
    jar.set_cookie(standard_cookie("b", None, "site.example", 4_000_000_000, HTTPOnly=""))
    jar.set_cookie(standard_cookie("c", "", "site.example", None))
    jar.save(ignore_discard=True)
    found = cookies_from_txt((tmp_path / "cookies.txt").read_bytes())
    assert [each for _, each in found] == [
        replace(COOKIE, name="a", value="1"),
        # "Set-Cookie: b" is a cookie without a value there, and without a name in RFC 6265.
        replace(COOKIE, name="", value="b", host_only=True, http_only=True),
        replace(COOKIE, name="c", value="", host_only=True, expiry=inf, persistent=False),
    ]


def standard_cookie(
    name: str, value: str | None, domain: str, expires: int | None, **rest: str
) -> StandardCookie:
    return StandardCookie(
        version=0,
        name=name,
        value=value,
        port=None,
        port_specified=False,
        domain=domain,
        domain_specified=domain.startswith("."),
        domain_initial_dot=domain.startswith("."),
        path="/p",
        path_specified=True,
        secure=True,
        expires=expires,
        discard=expires is None,
        comment=None,
        comment_url=None,
        rest=rest,
    )


def test_the_standard_library_needs_the_header(tmp_path: Path) -> None:
    path = tmp_path / "cookies.txt"
    text, _ = cookies_to_txt([COOKIE])
    path.write_text(text.partition("\n")[2])
    with pytest.raises(LoadError):
        MozillaCookieJar(path).load()
