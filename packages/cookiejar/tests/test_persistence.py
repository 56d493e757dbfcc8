import json
import logging
import os
import pickle
import subprocess
import sys
from dataclasses import replace
from http.cookiejar import MozillaCookieJar
from math import inf
from pathlib import Path
from typing import Any
from urllib.request import Request

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from whimbrel_cookiejar import Cookie, CookieFileError, CookieJar, CookieLimits
from whimbrel_cookiejar.testing import FixedPublicSuffixes

NOW = 1_800_000_000.0
SITE = "https://www.site.test/dir/page"
HOSTS = ["site.test", "www.site.test", "other.test", "sub.www.site.test"]


def filled(**options: Any) -> CookieJar:
    """A jar with a cookie of each kind."""
    jar = CookieJar(**options)
    fields: list[str | bytes] = [
        "host=1; Path=/",
        "domain=2; Path=/; Domain=site.test; Max-Age=60",
        '__Host-all="3 4"; Path=/; Secure; HttpOnly; SameSite=Strict; Partitioned; Max-Age=9999999',
        "=nameless; Path=/dir; SameSite=None; Secure",
        b"bytes=\xff\xc3\xa9; Max-Age=60",
        "empty=; Path=/x\ty",
    ]
    for field in fields:
        assert isinstance(jar.store(field, SITE, NOW), Cookie)
    jar.update_cookies({"shared": "everyone's"})
    return jar


def headers(jar: CookieJar, now: float = NOW) -> list[str]:
    return [
        jar.cookie_header(f"{scheme}://{host}{path}", now)
        for scheme in ("http", "https")
        for host in HOSTS
        for path in ("/", "/dir/other", "/x%09y")
    ]


def snapshot(jar: CookieJar, now: float = NOW) -> list[str]:
    """All that a jar knows; of the values too, which `repr` does not show."""
    return sorted(f"{cookie!r} {cookie.value!r}" for cookie in jar.all_cookies(now))


def test_a_jar_that_was_saved_is_as_before(tmp_path: Path) -> None:
    jar, again = filled(), CookieJar()
    path = tmp_path / "cookies.json"
    before = headers(jar)
    jar.save(path, now=NOW)
    assert path.stat().st_mode & 0o777 == 0o600
    again.update_cookies({"old": "1"})
    assert again.load(str(path), now=NOW) == []
    # The jar was filled at `NOW`, but the shared cookie in the present, which is before it.
    assert snapshot(again) == snapshot(jar)
    assert headers(again) == before
    assert again.dumps(now=NOW) == jar.dumps(now=NOW)


def test_text_in_the_place_of_a_file() -> None:
    jar, again = filled(), CookieJar()
    text = jar.dumps(now=NOW)
    assert text.isascii()
    assert again.loads(text, now=NOW) == []
    assert snapshot(again) == snapshot(jar)
    again.clear()
    assert again.loads(text.encode(), now=NOW) == []
    assert snapshot(again) == snapshot(jar)


def test_cookies_of_one_moment_keep_their_order() -> None:
    jar, again = CookieJar(), CookieJar()
    for field in ["z=1; Domain=site.test", "a=2", "m=3; Domain=site.test", "a=4", "b=5"]:
        jar.store(field, SITE, NOW)
    assert again.loads(jar.dumps(now=NOW), now=NOW) == []
    assert again.cookie_header(SITE, NOW) == jar.cookie_header(SITE, NOW) == "z=1; a=4; m=3; b=5"
    # A later one comes after those that were loaded.
    again.store("c=6", SITE, NOW)
    assert again.cookie_header(SITE, NOW).endswith("b=5; c=6")


def test_the_last_access_is_saved() -> None:
    jar, again = CookieJar(), CookieJar()
    jar.store("a=1", SITE, NOW)
    jar.cookie_header(SITE, NOW + 5)
    assert again.loads(jar.dumps(now=NOW + 6), now=NOW + 6) == []
    [cookie] = again.all_cookies(NOW + 6)
    assert (cookie.creation, cookie.last_access) == (NOW, NOW + 5)


def test_what_has_expired_is_neither_saved_nor_loaded() -> None:
    jar = filled()
    everything = jar.dumps(now=NOW)
    later = CookieJar()
    assert later.loads(everything, now=NOW + 60) == []
    names = {"host", "__Host-all", "", "empty", "shared"}
    assert {cookie.name for cookie in later.all_cookies(NOW + 60)} == names
    text = jar.dumps(now=NOW + 60)
    assert {entry["name"] for entry in json.loads(text)["cookies"]} == names


def test_session_cookies_can_be_left_out(tmp_path: Path) -> None:
    jar = filled()
    expected = ["domain", "__Host-all", "bytes"]
    text = jar.dumps(session_cookies=False, now=NOW)
    assert [entry["name"] for entry in json.loads(text)["cookies"]] == expected
    jar.save(tmp_path / "cookies.json", session_cookies=False, now=NOW)
    assert (tmp_path / "cookies.json").read_text() == text
    lines = jar.dumps_cookies_txt(session_cookies=False, now=NOW)[0].splitlines()[3:]
    assert [line.split("\t")[5] for line in lines] == expected
    assert len(jar.all_cookies(NOW)) == 7


def test_too_many_of_one_domain_cost_the_others_nothing() -> None:
    hosts = [f"h{number}.example" for number in range(10)]
    many = CookieJar(limits=CookieLimits(per_domain=400))
    jar = CookieJar(limits=CookieLimits(per_domain=10, in_all=30))
    for number in range(200):
        many.store(f"n{number}=1", "https://many.example/", NOW + 1 + number)
    for host in hosts:
        many.store("more=1", f"https://{host}/", NOW + 300)
        jar.store("own=1", f"https://{host}/", NOW)
    assert jar.loads(many.dumps(now=NOW + 300), merge=True, now=NOW + 300)
    for host in hosts:
        assert jar.cookie_header(f"https://{host}/", NOW + 300) == "own=1; more=1"
    assert len(jar.cookies_for("https://many.example/", NOW + 300)) == 9


def test_merging_keeps_what_the_file_does_not_replace() -> None:
    jar = CookieJar()
    jar.store("a=old; Path=/", SITE, NOW)
    jar.store("b=old; Path=/", SITE, NOW + 1)
    other = CookieJar()
    other.store("b=new; Path=/", SITE, NOW - 1)
    other.store("c=new; Path=/", SITE, NOW)
    assert jar.loads(other.dumps(now=NOW), merge=True, now=NOW + 2) == []
    assert jar.cookie_header(SITE, NOW + 2) == "b=new; a=old; c=new"
    text, _ = other.dumps_cookies_txt(now=NOW)
    assert jar.loads_cookies_txt(text.replace("new", "txt"), merge=True, now=NOW + 3) == []
    assert jar.cookie_header(SITE, NOW + 3) == "a=old; b=txt; c=txt"
    # Without it, the jar has what the text has.
    assert jar.loads_cookies_txt(text, now=NOW + 3) == []
    assert jar.cookie_header(SITE, NOW + 3) == "b=new; c=new"


def test_no_file_makes_a_cookie_outlive_400_days() -> None:
    jar = CookieJar()
    jar.store("a=1; Max-Age=60", SITE, NOW)
    text = jar.dumps(now=NOW).replace(str(NOW + 60), "1e300")
    assert jar.loads(text, now=NOW) == []
    [cookie] = jar.all_cookies(NOW)
    assert cookie.expiry == NOW + 400 * 24 * 60 * 60


def test_what_the_rules_refuse_is_left_out_and_told(caplog: pytest.LogCaptureFixture) -> None:
    jar = CookieJar(unsafe=True, public_suffixes=FixedPublicSuffixes())
    jar.store("ip=s3cret", "http://127.0.0.1/", NOW)
    jar.store("super=s3cret; Domain=co.uk", "https://bank.co.uk/", NOW)
    jar.store("good=1; Path=/", SITE, NOW)
    text = jar.dumps(now=NOW).replace("good", "evil\\r\\n")
    jar.store("better=1; Path=/", SITE, NOW)
    again = CookieJar()
    assert [(n, r.name, r.reason) for n, r in again.loads(jar.dumps(now=NOW), now=NOW)] == [
        (1, "ip", "the host is an IP address, and the jar is not unsafe"),
        (2, "super", "the domain is a public suffix, and not host-only"),
    ]
    assert caplog.messages == [
        "2 of 4 saved cookies were not loaded, the first being number 1, 'ip': "
        "the host is an IP address, and the jar is not unsafe"
    ]
    assert {cookie.name for cookie in again.all_cookies(NOW)} == {"good", "better"}
    assert [number for number, _ in again.loads(text, now=NOW)] == [1, 2, 3]
    assert again.all_cookies(NOW) == ()


def test_the_limits_hold_for_files_too() -> None:
    jar = CookieJar()
    for number in range(20):
        jar.store(f"n{number}=1; Path=/", SITE, NOW + number)
    jar.store("long=" + "v" * 90, "https://other.test/", NOW)
    small = CookieJar(limits=CookieLimits(per_domain=10, name_value_octets=80))
    left_out = small.loads(jar.dumps(now=NOW), now=NOW + 30)
    # The oldest are evicted, and one is too long; each is told.
    kept = [cookie.name for cookie in small.all_cookies(NOW + 30)]
    assert len(left_out) + len(kept) == 21
    assert sorted(kept, key=lambda name: int(name[1:])) == [f"n{n}" for n in range(11, 20)]


def test_a_failed_load_changes_neither_jar_nor_file(tmp_path: Path) -> None:
    path = tmp_path / "cookies"
    jar = filled()
    before, text = snapshot(jar), jar.dumps(now=NOW)
    for content in [
        b"",
        text[:-10].encode(),
        text.replace('"same_site": "None"', '"same_site": 0').encode(),
        pickle.dumps({("site.test", "/"): "s3cret"}),
        b"\x00\xff" * 50,
        b"# Netscape HTTP Cookie File\n",
    ]:
        path.write_bytes(content)
        for merge in (True, False):
            with pytest.raises(CookieFileError) as caught:
                jar.load(path, merge=merge, now=NOW)
            assert str(caught.value).startswith(f"{path}: ")
            assert "everyone" not in str(caught.value)
        assert snapshot(jar) == before
        assert path.read_bytes() == content
    path.write_bytes(b"no cookies.txt")
    with pytest.raises(CookieFileError, match=r"cookies: line 1: no cookies\.txt"):
        jar.load_cookies_txt(path, now=NOW)
    with pytest.raises(FileNotFoundError):
        jar.load(tmp_path / "missing", now=NOW)
    assert snapshot(jar) == before


def test_a_file_may_not_be_too_large(tmp_path: Path) -> None:
    path = tmp_path / "cookies"
    jar = filled()
    before = snapshot(jar)
    jar.save(path, now=NOW)
    size = path.stat().st_size
    assert jar.load(path, max_size=size, now=NOW) == []
    for load in (jar.load, jar.load_cookies_txt):
        with pytest.raises(CookieFileError, match=f"more than max_size={size - 1} bytes"):
            load(path, max_size=size - 1, now=NOW)
    assert snapshot(jar) == before


def test_the_time_is_the_present_unless_it_is_given(tmp_path: Path) -> None:
    path = tmp_path / "cookies"
    jar = CookieJar()
    jar.store("a=1; Path=/; Max-Age=60", SITE)
    jar.store("b=1; Path=/; Max-Age=60", SITE, 1.0)
    jar.save(path)
    jar.clear()
    assert jar.load(path) == []
    assert jar.cookie_header(SITE) == "a=1"
    assert jar.save_cookies_txt(path) == []
    jar.clear()
    assert jar.load_cookies_txt(path) == []
    assert jar.cookie_header(SITE) == "a=1"


# The cookies.txt.


def test_a_cookies_txt_there_and_back(tmp_path: Path) -> None:
    path = tmp_path / "cookies.txt"
    jar, again = filled(), CookieJar()
    assert [(r.name, r.reason) for r in jar.save_cookies_txt(path, now=NOW)] == [
        ("shared", "a cookies.txt has no cookies for every host"),
        ("empty", "a cookies.txt cannot have a tab in a field"),
    ]
    assert path.stat().st_mode & 0o777 == 0o600
    assert again.load_cookies_txt(path, now=NOW + 1) == []
    expected = [
        replace(
            cookie,
            same_site="Default",
            partitioned=False,
            creation=NOW + 1,
            last_access=NOW + 1,
        )
        for cookie in jar.all_cookies(NOW)
        if cookie.name not in {"shared", "empty"}
    ]
    assert sorted(again.all_cookies(NOW + 1), key=repr) == sorted(expected, key=repr)
    jar.clear(lambda morsel: morsel.key in {"shared", "empty"})
    assert headers(again, NOW + 1) == headers(jar, NOW + 1)


def test_lines_that_are_refused_are_told(caplog: pytest.LogCaptureFixture) -> None:
    text = (
        "# Netscape HTTP Cookie File\n"
        ".site.test\tTRUE\t/\tFALSE\t0\tgood\t1\n"
        "nonsense\n"
        ".com\tTRUE\t/\tFALSE\t0\tsuper\t1\n"
        ".site.test\tTRUE\t/\tFALSE\t1\texpired\t1\n"
        "site.test\tFALSE\t/\tFALSE\t0\t__Host-a\t1\n"
        "site.test\tFALSE\tdir\tFALSE\t0\tpath\t1\n"
        "site.test\tFALSE\t/\tFALSE\t0\tcontrol\ta\x0bb\n"
    )
    jar = CookieJar()
    left_out = jar.loads_cookies_txt(text, now=NOW)
    assert [(number, refusal.name) for number, refusal in left_out] == [
        (3, ""),
        (4, "super"),
        (6, "__Host-a"),
        (7, "path"),
        (8, "control"),
    ]
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    [cookie] = jar.all_cookies(NOW)
    assert (cookie.name, cookie.host_only, cookie.expiry) == ("good", False, inf)


def test_the_standard_library_sends_the_same_cookies(tmp_path: Path) -> None:
    path = tmp_path / "cookies.txt"
    jar = CookieJar()
    for field in ["a=1; Path=/", 'b="2"; Domain=site.test; Path=/dir', "c=3; Secure; HttpOnly"]:
        jar.store(field + "; Max-Age=1000", SITE)
    assert jar.save_cookies_txt(path) == []
    standard = MozillaCookieJar(path)
    standard.load()
    request = Request(SITE)
    standard.add_cookie_header(request)
    assert sorted((request.get_header("Cookie") or "").split("; ")) == ["a=1", 'b="2"', "c=3"]
    request = Request("http://other.site.test/dir/")
    standard.add_cookie_header(request)
    assert request.get_header("Cookie") == jar.cookie_header("http://other.site.test/dir/")
    # And back again; it does not keep the order.
    standard.save()
    again = CookieJar()
    assert again.load_cookies_txt(path) == []
    assert sorted(again.cookie_header(SITE).split("; ")) == ["a=1", 'b="2"', "c=3"]


# Any jar, and several processes.

FIELDS = st.builds(
    "; ".join,
    st.tuples(
        st.sampled_from(["a=1", "a=2", "b=3", '__Host-c="4"; Secure', "=d", "é=\udcff", "a;x=y"]),
        st.sampled_from(["Path=/", "Path=/dir", "x", "Path=/dir/"]),
        st.sampled_from(["Domain=site.test", "Domain=www.site.test", "x", "Domain=co.test"]),
        st.sampled_from(["Max-Age=5", "Max-Age=0", "x", "Max-Age=999999999"]),
        st.sampled_from(["Secure; SameSite=None", "HttpOnly", "SameSite=Lax", "Partitioned", "x"]),
    ),
)
URLS = st.sampled_from([f"https://{host}/dir;p/page" for host in [*HOSTS, "127.0.0.1", "co.test"]])


@given(st.lists(st.tuples(FIELDS, URLS, st.integers(0, 2))), st.integers(0, 6))
def test_any_jar_is_the_same_after_loading(steps: list[tuple[str, str, int]], wait: int) -> None:
    suffixes = FixedPublicSuffixes(["co.test"])
    jar = CookieJar(unsafe=True, public_suffixes=suffixes)
    now = NOW
    for field, url, pause in steps:
        now += pause
        jar.store(field, url, now)
        jar.cookie_header(url, now)
    again = CookieJar(unsafe=True, public_suffixes=suffixes)
    text = jar.dumps(now=now)
    now += wait
    assert again.loads(text, now=now) == []
    assert snapshot(again, now) == snapshot(jar, now)
    assert again.dumps(now=now) == jar.dumps(now=now)
    assert headers(again, now) == headers(jar, now)


# Each writes its own jar, some 100 kB, and reads what is there then: its own, or the other's.
WRITER = """
import sys
from whimbrel_cookiejar import CookieJar
mine, other = sys.argv[1:]
jar = CookieJar()
for number in range(150):
    jar.store(f"n{number}={mine * 500}; Path=/", "https://site.test/")
for _ in range(40):
    jar.save("cookies.json")
    found = CookieJar()
    assert found.load("cookies.json") == []
    values = {cookie.value for cookie in found.all_cookies()}
    assert len(found) == 150 and values in ({mine * 500}, {other * 500}), values
"""


def test_two_processes_that_save_leave_one_whole_file(tmp_path: Path) -> None:
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, *names], cwd=tmp_path, stderr=subprocess.PIPE, text=True
        )
        for names in (("a", "b"), ("b", "a"))
    ]
    try:
        for writer in writers:
            assert writer.communicate(timeout=50)[1] == ""
            assert writer.returncode == 0
    finally:
        for writer in writers:
            writer.kill()
    assert os.listdir(tmp_path) == ["cookies.json"]
    jar = CookieJar()
    assert jar.load(tmp_path / "cookies.json") == []
    assert len(jar) == 150


def test_the_reference_s_way_to_call_it(tmp_path: Path) -> None:
    jar, again = CookieJar(), CookieJar()
    jar.update_cookies({"a": "1"}, URL("https://site.test/"))
    jar.save(file_path=tmp_path / "cookies")
    again.load(file_path=tmp_path / "cookies")
    assert again.cookies["site.test", ""]["a"].value == "1"
    assert again.host_only_cookies == jar.host_only_cookies == {("site.test", "", "a")}
