"""The jar against a model that is slow and obvious: one list, and every rule by another way."""

from dataclasses import dataclass
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from whimbrel_cookiejar import Cookie, CookieJar
from whimbrel_cookiejar.testing import FixedPublicSuffixes

SUFFIXES = ("co.test",)
HOSTS = ("test", "co.test", "a.test", "b.a.test", "c.b.a.test", "x.co.test", "127.0.0.1", "a.test.")
PATHS = ("/", "/p", "/p/", "/p/q", "/pp", "/p/q/r")


@dataclass
class Entry:
    name: str
    value: str
    domain: str
    host_only: bool
    path: str
    secure: bool
    ends: float
    created: float


class Model:
    def __init__(self, unsafe: bool) -> None:
        self.unsafe = unsafe
        self.entries: list[Entry] = []

    def store(self, cookie: dict[str, Any], url: tuple[str, str, str], now: float) -> bool:
        scheme, host, url_path = url
        self.entries = [entry for entry in self.entries if entry.ends > now]
        secure, domain, path = cookie["secure"], cookie["domain"], cookie["path"]
        if (host[0].isdigit() and not self.unsafe) or (secure and scheme == "http"):
            return False
        if domain is not None and not within(host, domain):
            return False
        host_only = domain is None or (domain == host and is_public(host))
        if domain is not None and is_public(domain) and not host_only:
            return False
        prefix = cookie["name"].lower()
        if prefix.startswith("__secure-") and not secure:
            return False
        if prefix.startswith("__host-") and not (secure and host_only and path == "/"):
            return False
        effective = path or "/".join(url_path.split("/")[:-1]) or "/"
        new = Entry(
            cookie["name"],
            cookie["value"],
            domain or host,
            host_only,
            effective,
            secure,
            now + cookie["age"] if cookie["age"] is not None else float("inf"),
            now,
        )
        if scheme == "http" and any(hidden(entry, new) for entry in self.entries):
            return False
        self._replace(new, now)
        return True

    def _replace(self, new: Entry, now: float) -> None:
        for index, entry in enumerate(self.entries):
            if (entry.name, entry.domain, entry.host_only, entry.path) == (
                new.name,
                new.domain,
                new.host_only,
                new.path,
            ):
                new.created = entry.created
                self.entries[index] = new
                break
        else:
            self.entries.append(new)
        self.entries = [entry for entry in self.entries if entry.ends > now]

    def header(self, url: tuple[str, str, str], now: float) -> str:
        scheme, host, path = url
        found = [
            entry
            for entry in self.entries
            if entry.ends > now
            and (entry.domain == host if entry.host_only else within(host, entry.domain))
            and covers(entry.path, path)
            and (scheme == "https" or not entry.secure)
        ]
        found.sort(key=lambda entry: entry.created)
        found.sort(key=lambda entry: len(entry.path), reverse=True)
        return "; ".join(f"{entry.name}={entry.value}" for entry in found)


def within(host: str, domain: str) -> bool:
    if host[0].isdigit():
        return host == domain
    labels, above = host.split("."), domain.split(".")
    return labels[len(labels) - len(above) :] == above and len(above) <= len(labels)


def is_public(domain: str) -> bool:
    return domain[0].isdigit() or domain.rstrip(".") in ("test", *SUFFIXES)


def hidden(old: Entry, new: Entry) -> bool:
    related = within(old.domain, new.domain) or within(new.domain, old.domain)
    return old.secure and old.name == new.name and related and covers(old.path, new.path)


def covers(cookie_path: str, path: str) -> bool:
    return path == cookie_path or path.startswith(cookie_path.rstrip("/") + "/")


URLS = st.tuples(st.sampled_from(["http", "https"]), st.sampled_from(HOSTS), st.sampled_from(PATHS))
COOKIES = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["n", "m", "N", "__Host-n", "__secure-n"]),
        "value": st.sampled_from(["1", "2", '"3 4"', ""]),
        "domain": st.sampled_from([None, None, *HOSTS]),
        "path": st.sampled_from([None, *PATHS]),
        "secure": st.booleans(),
        "age": st.sampled_from([None, None, 0, -5, 1, 3]),
    }
)
STEPS = st.lists(
    st.tuples(st.one_of(COOKIES, st.none()), URLS, st.integers(0, 2)), min_size=1, max_size=30
)


def field_of(cookie: dict[str, Any]) -> str:
    parts = [f"{cookie['name']}={cookie['value']}"]
    if cookie["domain"] is not None:
        parts.append(f"Domain={cookie['domain']}")
    if cookie["path"] is not None:
        parts.append(f"Path={cookie['path']}")
    if cookie["secure"]:
        parts.append("Secure")
    if cookie["age"] is not None:
        parts.append(f"Max-Age={cookie['age']}")
    return "; ".join(parts)


@settings(max_examples=400, deadline=None)
@given(STEPS, st.booleans())
def test_the_jar_does_as_the_model(
    steps: list[tuple[dict[str, Any] | None, tuple[str, str, str], int]], unsafe: bool
) -> None:
    jar = CookieJar(unsafe=unsafe, public_suffixes=FixedPublicSuffixes(SUFFIXES))
    model = Model(unsafe)
    now = 1000.0
    for cookie, url, pause in steps:
        now += pause
        text = f"{url[0]}://{url[1]}{url[2]}"
        if cookie is not None:
            outcome = jar.store(field_of(cookie), text, now)
            assert isinstance(outcome, Cookie) == model.store(cookie, url, now)
        assert jar.cookie_header(text, now) == model.header(url, now)
    for scheme in ("http", "https"):
        for host in HOSTS:
            for path in PATHS:
                text = f"{scheme}://{host}{path}"
                assert jar.cookie_header(text, now) == model.header((scheme, host, path), now)
    assert len(jar.all_cookies(now)) == len([e for e in model.entries if e.ends > now])
