"""RFC 6265bis by sections and steps: the tables in data/, and what they must cover.

The numbers are those of the draft that `rules` names.
"""

import tomllib
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from yarl import URL

from whimbrel_cookiejar import Cookie, CookieJar, Rejected
from whimbrel_cookiejar.dates import parse_cookie_date
from whimbrel_cookiejar.domains import canonical_host, domain_match
from whimbrel_cookiejar.paths import default_path, path_match
from whimbrel_cookiejar.testing import FixedPublicSuffixes

DATA = Path(__file__).parent / "data"
Entry = dict[str, Any]


def table(name: str) -> dict[str, list[Entry]]:
    return tomllib.loads((DATA / f"{name}.toml").read_text("utf-8"))


DATES = table("dates")["date"]
HOSTS = table("hosts")
VECTORS = table("cookies")["vector"]

START = "https://www.wren.example/nest/egg"
NOW = datetime(2027, 1, 15, 8, tzinfo=UTC).timestamp()
SUFFIXES = FixedPublicSuffixes(["co.example"])

# The steps that decide something here. Not among them: those that only name things, those about
# scripts and cross-site requests, which no HTTP client without pages has, and those with lines that
# are too long for a table (below). The eviction at the end of 5.7 is in test_jar_model.py.
STEPS = {
    "5.1.1": "1 2.1 2.2 2.3 2.4 3 4 5 6 7",
    "5.1.2": "1 2 3 4 5",
    "5.1.3": "1 2.1 2.2 2.3",
    "5.1.4": "1 2 3 4 path-match.1 path-match.2 path-match.3",
    "5.6": "1 2 3 4 av.1 av.3 av.4 av.5 av.7",
    "5.6.1": "1 2 5",
    "5.6.2": "1 2 3 4 7",
    "5.6.3": "1 2 3 4",
    "5.6.4": "1 2",
    "5.6.7": "1 2 3 4 5",
    "5.7": "1 2 6 7 8 9 9.3 10 11 12 13 14 16 16.1 16.2 16.3 16.4 19 20 21.1 21.2 21.3 22 23.1 23.3"
    " 23.4 expired",
    "5.8.3": "1 3 4 5 6",
}
WHOLE = {"5.5", "5.6.5", "5.6.6"}


def test_every_step_has_a_case_and_every_case_a_step() -> None:
    cases = [*DATES, *VECTORS, *(entry for entries in HOSTS.values() for entry in entries)]
    steps = {f"{section}#{step}" for section, steps in STEPS.items() for step in steps.split()}
    assert {case["clause"] for case in cases} == steps | WHOLE
    ids = [vector["id"] for vector in VECTORS]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("date", DATES, ids=[f"{d['clause']}-{d['text'][:24]}" for d in DATES])
def test_dates(date: Entry) -> None:
    moment = date["moment"].replace(tzinfo=UTC).timestamp() if "moment" in date else None
    assert parse_cookie_date(date["text"]) == moment


@pytest.mark.parametrize("entry", HOSTS["host"], ids=lambda entry: ascii(entry["host"])[:40])
def test_hosts(entry: Entry) -> None:
    if "canonical" in entry:
        assert canonical_host(entry["host"]) == entry["canonical"]
        assert canonical_host(entry["canonical"]) == entry["canonical"]
    else:
        with pytest.raises(ValueError, match=r".+"):
            canonical_host(entry["host"])


@pytest.mark.parametrize("entry", HOSTS["domain"], ids=lambda e: f"{e['string']}-{e['domain']}")
def test_domains(entry: Entry) -> None:
    assert domain_match(entry["string"], entry["domain"]) is entry["matches"]


@pytest.mark.parametrize("entry", HOSTS["default_path"], ids=lambda e: e["uri_path"] or "empty")
def test_default_paths(entry: Entry) -> None:
    assert default_path(entry["uri_path"]) == entry["path"]


@pytest.mark.parametrize("entry", HOSTS["path"], ids=lambda e: f"{e['request']}-{e['cookie']}")
def test_paths(entry: Entry) -> None:
    assert path_match(entry["request"], entry["cookie"]) is entry["matches"]


class Visit:
    """Goes through the steps of a vector with one jar.

    Args:
        as_bytes: whether the jar gets the fields as bytes.
    """

    def __init__(self, as_bytes: bool) -> None:
        self.jar = CookieJar(public_suffixes=SUFFIXES)
        self.as_bytes = as_bytes
        self.url = START
        self.now = NOW
        self.last: Cookie | None = None

    def at(self, url: str) -> None:
        self.url = url

    def wait(self, seconds: float) -> None:
        self.now += seconds

    def _receive(self, line: str) -> Cookie | Rejected:
        return self.jar.store(line.encode() if self.as_bytes else line, self.url, self.now)

    def store(self, line: str) -> None:
        outcome = self._receive(line)
        assert isinstance(outcome, Cookie), outcome
        self.last = outcome

    def refuse(self, line: str, reason: str) -> None:
        before = self.jar.all_cookies(self.now)
        outcome = self._receive(line)
        assert isinstance(outcome, Rejected), outcome
        assert reason in outcome.reason
        assert self.jar.all_cookies(self.now) == before

    def kept(self, expected: Entry) -> None:
        assert self.last is not None
        [cookie] = [each for each in self.jar.all_cookies(self.now) if same(each, self.last)]
        known = asdict(cookie) | {
            "life": cookie.expiry - self.now,
            "age": self.now - cookie.creation,
            "idle": self.now - cookie.last_access,
        }
        assert {name: known[name] for name in expected} == expected

    def send(self, cookies: str) -> None:
        assert self.jar.cookie_header(self.url, self.now) == cookies
        assert self.jar.cookie_header(URL(self.url), self.now) == cookies
        found = self.jar.cookies_for(self.url, self.now)
        assert len(found) == (cookies.count("; ") + 1 if cookies else 0)


def same(one: Cookie, other: Cookie) -> bool:
    def identity(cookie: Cookie) -> tuple[str, str, bool, str]:
        return cookie.name, cookie.domain, cookie.host_only, cookie.path

    return identity(one) == identity(other)


def filled(begin: str, octets: int, end: str = "", fill: str = "x") -> str:
    """Return `octets` octets of `fill` between `begin` and `end`, which count among them."""
    room = octets - len(begin.encode()) - len(end.encode())
    assert room % len(fill.encode()) == 0
    return begin + fill * (room // len(fill.encode())) + end


# 5.6, step 5, and 5.7, step 4: 4096 octets for the name and the value, without the "=".
@pytest.mark.parametrize(
    ("name", "value", "fits"),
    [
        ("k", filled("", 4095), True),
        ("k", filled("", 4096), False),
        (filled("", 4095), "v", True),
        (filled("", 4096), "v", False),
        (filled("", 2048), filled("", 2048), True),
        (filled("", 2048), filled("", 2049), False),
        (filled("", 4096), "", True),
        (filled("", 4097), "", False),
        ("", filled("", 4096), True),
        ("", filled("", 4097), False),
        ("kk", filled("", 4094, fill="\u00f6"), True),
        ("kk", filled("", 4096, fill="\u00f6"), False),
        ("k", filled("", 4095, fill="\u5de3"), True),
        ("kk", filled("", 4095, fill="\u5de3"), False),
    ],
)
def test_the_longest_cookie(name: str, value: str, fits: bool) -> None:
    visit = Visit(as_bytes=True)
    field = f"{name}  =  {value}\t; Path=/; unknown={'y' * 9000}"
    if fits:
        visit.store(field)
        visit.send(f"{name}={value}" if name else value)
    else:
        visit.refuse(field, "more than 4096 octets")


# 5.6, step 6 of the attributes, and 5.7, steps 7 and 11: 1024 octets for the value of each.
@pytest.mark.parametrize(
    ("attributes", "kept"),
    [
        (f"Path=/w; Path={filled('/', 1024)}", {"path": filled("/", 1024)}),
        (f"Path=/w; Path=  {filled('/', 1024)} ", {"path": filled("/", 1024)}),
        (f"Path=/w; Path={filled('/', 1025)}", {"path": "/w"}),
        (f"Path={filled('/', 1025)}", {"path": "/nest"}),
        (f"Path={filled('/', 1025)}; Path=/w", {"path": "/w"}),
        (f"Path={filled('/w', 1024, fill='ö')}", {"path": filled("/w", 1024, fill="\u00f6")}),
        (f"Path={filled('/w', 1026, fill='ö')}", {"path": "/nest"}),
        (f"Domain={filled('', 1025, '.example')}", {"host_only": True}),
        (f"Domain=wren.example; Domain={filled('.', 1025)}", {"domain": "wren.example"}),
        (f"Max-Age=9; Max-Age={filled('', 1024, fill='7')}", {"life": 34560000.0}),
        (f"Max-Age=9; Max-Age={filled('', 1025, fill='7')}", {"life": 9.0}),
        (f"Max-Age=9; Max-Age={filled('-', 1025, fill='7')}", {"life": 9.0}),
        (f"Max-Age=9; Max-Age={filled('', 1024, '8', fill='0')}", {"life": 8.0}),
        (f"Expires={filled('15 Jan 2027 08:01:00 ', 1024)}", {"life": 60.0}),
        (f"Expires={filled('15 Jan 2027 08:01:00 ', 1025)}", {"persistent": False}),
        (f"Secure={filled('', 1024)}", {"secure": True}),
        (f"Secure={filled('', 1025)}", {"secure": False}),
    ],
)
def test_the_longest_attribute(attributes: str, kept: Entry) -> None:
    visit = Visit(as_bytes=True)
    visit.store(f"k=v; {attributes}")
    visit.kept(kept)


def test_the_longest_attribute_may_refuse_the_cookie() -> None:
    visit = Visit(as_bytes=True)
    visit.refuse(f"k=v; Domain={filled('', 1024, '.example')}", "the host is not in Domain")
    visit.store("k=v")
    visit.store(f"k=w; Max-Age={filled('-', 1024, fill='7')}")
    visit.send("")


@pytest.mark.parametrize("as_bytes", [False, True], ids=["text", "bytes"])
@pytest.mark.parametrize("vector", VECTORS, ids=[f"{v['clause']}-{v['id']}" for v in VECTORS])
def test_cookies(vector: Entry, as_bytes: bool) -> None:
    visit = Visit(as_bytes)
    for verb, *arguments in vector["steps"]:
        getattr(visit, verb)(*arguments)
