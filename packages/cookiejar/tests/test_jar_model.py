"""The jar against a model that follows RFC 6265bis line by line, slowly, with one list."""

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from whimbrel_cookiejar import Cookie, CookieJar, CookieLimits
from whimbrel_cookiejar.dates import format_http_date, parse_cookie_date
from whimbrel_cookiejar.testing import FixedPublicSuffixes

SUFFIXES = ("co.test",)
HOSTS = ("test", "co.test", "a.test", "b.a.test", "c.b.a.test", "x.co.test", "127.0.0.1", "a.test.")
PATHS = ("/", "/p", "/p/", "/p/q", "/pp", "/p/q/r")
START = 1_800_000_000.0
FOREVER = float("inf")
LIFE = 34_560_000

Url = tuple[str, str, str]
Pairs = list[tuple[str, Any]]


@dataclass
class Entry:
    """A cookie, with the fields that section 5.7 begins with."""

    name: str
    value: str
    created: float
    accessed: float
    ends: float = FOREVER
    persistent: bool = False
    domain: str = ""
    host_only: bool = True
    path: str = ""
    secure: bool = False
    http_only: bool = False
    same_site: str = "Default"


class Model:
    """A user agent with a list of cookies."""

    def __init__(self, unsafe: bool, limits: CookieLimits) -> None:
        self.unsafe = unsafe
        self.limits = limits
        self.entries: list[Entry] = []

    def receive(self, field: str, url: Url, now: float) -> Entry | None:
        """Return the cookie that was stored, if one was."""
        self.entries = [entry for entry in self.entries if entry.ends > now]
        parsed = parse(field, self.limits, url, now)
        if parsed is None:
            return None
        new = self._accept(*parsed, url, now)
        return None if new is None else self._insert(new, now)

    def _accept(  # noqa: C901, PLR0911, PLR0912  # one step after the other, as the text has them
        self, name: str, value: str, attributes: Pairs, url: Url, now: float
    ) -> Entry | None:
        scheme, host, url_path = url
        secure_connection = scheme in ("https", "wss")
        if host[0].isdigit() and not self.unsafe:  # 1
            return None
        if not name and not value:  # 2
            return None
        if any(is_control(character) for character in name + value):  # 3
            return None
        if size(name + value) > self.limits.name_value_octets:  # 4
            return None
        new = Entry(name, value, created=now, accessed=now)  # 5
        if has(attributes, "max-age"):  # 6
            new.persistent, new.ends = True, last(attributes, "max-age")
        elif has(attributes, "expires"):
            new.persistent, new.ends = True, last(attributes, "expires")
        domain = last(attributes, "domain") if has(attributes, "domain") else ""  # 7
        if any(ord(character) > 127 for character in domain):  # 8
            return None
        if domain and is_public(domain):  # 9
            if domain != host:
                return None
            domain = ""
        if domain:  # 10
            if not domain_matches(host, domain):
                return None
            new.host_only, new.domain = False, domain
        else:
            new.host_only, new.domain = True, host
        new.path = last(attributes, "path") if has(attributes, "path") else default(url_path)  # 11
        new.secure = has(attributes, "secure")  # 12
        if new.secure and not secure_connection:  # 13
            return None
        new.http_only = has(attributes, "httponly")  # 14
        if not new.secure and not secure_connection:  # 16
            for old in self.entries:
                related = domain_matches(old.domain, new.domain) or domain_matches(
                    new.domain, old.domain
                )
                if old.name == name and old.secure and related and path_matches(new.path, old.path):
                    return None
        if has(attributes, "samesite"):  # 17
            new.same_site = last(attributes, "samesite")
        if new.same_site == "None" and not new.secure:  # 19
            return None
        if begins(name, "__Secure-") and not new.secure:  # 20
            return None
        if begins(name, "__Host-") and not (  # 21
            new.secure and new.host_only and has(attributes, "path") and new.path == "/"
        ):
            return None
        # The default path of the root is "/", but it was not in a Path attribute.
        if begins(name, "__Host-") and not last(attributes, "path explicit"):
            return None
        if not name and (begins(value, "__Secure-") or begins(value, "__Host-")):  # 22
            return None
        return new

    def _insert(self, new: Entry, now: float) -> Entry | None:
        place = len(self.entries)
        for index, old in enumerate(self.entries):  # 23
            if (old.name, old.domain, old.host_only, old.path) == (
                new.name,
                new.domain,
                new.host_only,
                new.path,
            ):
                new.created = old.created
                place = index
                del self.entries[index]
                break
        self.entries.insert(place, new)  # 24
        self._evict(now)
        # A field that removes a cookie has done what it is for.
        return new if new in self.entries or new.ends <= now else None

    def _evict(self, now: float) -> None:
        self.entries = [entry for entry in self.entries if entry.ends > now]
        for domain in sorted({entry.domain for entry in self.entries}):
            crowd = [entry for entry in self.entries if entry.domain == domain]
            # Sorting keeps the order of the list where it finds no other.
            crowd.sort(key=lambda entry: (entry.secure, entry.accessed))
            others = sum(not entry.secure for entry in crowd)
            self._shrink(crowd, self.limits.per_domain, others)
        every = sorted(self.entries, key=lambda entry: entry.accessed)
        self._shrink(every, self.limits.in_all, len(every))

    def _shrink(self, crowd: list[Entry], limit: int, lowest: int) -> None:
        """Remove what is too many, and a tenth more; `lowest` have the lowest priority."""
        surplus = len(crowd) - limit
        if surplus > 0:
            candidates = crowd[:lowest] if surplus <= lowest else crowd
            tenth = min(len(candidates), limit) // 10
            for entry in candidates[: surplus + tenth]:
                self.entries.remove(entry)

    def retrieve(self, url: Url, now: float) -> str:
        """Return the cookie-string (section 5.8.3)."""
        scheme, host, path = url
        found = [
            entry
            for entry in self.entries
            if entry.ends > now
            and (host == entry.domain if entry.host_only else domain_matches(host, entry.domain))
            and path_matches(path, entry.path)
            and (scheme in ("https", "wss") or not entry.secure)
        ]
        found.sort(key=lambda entry: entry.created)
        found.sort(key=lambda entry: len(entry.path), reverse=True)
        found = found[: self.limits.request_cookies]
        while found and size("Cookie: " + cookie_string(found)) > self.limits.request_octets:
            found.pop()
        for entry in found:
            entry.accessed = now
        return cookie_string(found)


def parse(field: str, limits: CookieLimits, url: Url, now: float) -> tuple[str, str, Pairs] | None:
    """Return name, value and attributes of a set-cookie-string (section 5.6)."""
    if any(is_control(character) for character in field):  # 1
        return None
    pair, semicolon, unparsed = field.partition(";")  # 2
    unparsed = semicolon + unparsed
    if "=" in pair:  # 3
        name, value = pair[: pair.index("=")], pair[pair.index("=") + 1 :]
    else:
        name, value = "", pair
    name, value = name.strip(" \t"), value.strip(" \t")  # 4
    if size(name + value) > limits.name_value_octets:  # 5
        return None
    attributes: Pairs = []
    while unparsed:  # 1, and 8
        unparsed = unparsed[1:]  # 2
        end = unparsed.index(";") if ";" in unparsed else len(unparsed)  # 3
        attribute, unparsed = unparsed[:end], unparsed[end:]
        key, _, word = attribute.partition("=")  # 4
        key, word = key.strip(" \t"), word.strip(" \t")  # 5
        if size(word) <= limits.attribute_octets:  # 6
            attributes += process(key, word, url, now)  # 7
    return name, value, attributes


def process(key: str, word: str, url: Url, now: float) -> Pairs:
    """Return what an attribute appends to the cookie-attribute-list (5.6.1 to 5.6.7)."""
    name = "".join(chr(ord(c) + 32) if "A" <= c <= "Z" else c for c in key)
    if name == "expires":
        moment = parse_cookie_date(word)
        return [] if moment is None else [(name, min(moment, now + LIFE))]
    if name == "max-age":
        digits = word[1:] if word[:1] == "-" else word
        if not digits or any(digit not in "0123456789" for digit in digits):
            return []
        seconds = min(int(word), LIFE)
        return [(name, -FOREVER if seconds <= 0 else now + seconds)]
    if name == "domain":
        return [(name, (word[1:] if word[:1] == "." else word).lower())]
    if name == "path":
        explicit = word[:1] == "/"
        return [(name, word if explicit else default(url[2])), ("path explicit", explicit)]
    if name in ("secure", "httponly"):
        return [(name, "")]
    if name == "samesite":
        known = [flag for flag in ("None", "Strict", "Lax") if flag.lower() == word.lower()]
        return [(name, known[0] if known else "Default")]
    return []


def has(attributes: Pairs, name: str) -> bool:
    return name in [each for each, _ in attributes]


def last(attributes: Pairs, name: str) -> Any:
    return [value for each, value in attributes if each == name][-1]


def is_control(character: str) -> bool:
    return (ord(character) < 32 and character != "\t") or ord(character) == 127


def size(text: str) -> int:
    return len(text.encode())


def begins(text: str, prefix: str) -> bool:
    return text[: len(prefix)].lower() == prefix.lower()


def domain_matches(string: str, domain: str) -> bool:
    if string == domain:
        return True
    return string.endswith("." + domain) and not string[0].isdigit()


def is_public(domain: str) -> bool:
    return domain[0].isdigit() or "." not in domain.strip(".") or domain.strip(".") in SUFFIXES


def default(url_path: str) -> str:
    if url_path.count("/") <= 1:
        return "/"
    return url_path[: url_path.rindex("/")]


def path_matches(request_path: str, cookie_path: str) -> bool:
    if request_path == cookie_path:
        return True
    rest = request_path[len(cookie_path) :]
    return request_path.startswith(cookie_path) and (cookie_path[-1] == "/" or rest[0] == "/")


def cookie_string(entries: list[Entry]) -> str:
    return "; ".join((entry.name + "=" if entry.name else "") + entry.value for entry in entries)


def any_case(words: list[str]) -> st.SearchStrategy[str]:
    return st.sampled_from([form for word in words for form in (word, word, word.upper())])


BLANK = st.sampled_from(["", "", "", " ", "\t "])
NAMES = ["n", "m", "n n", "\u00e9", "__Host-n", "__secure-n", "__Host", '"n']
VALUES = ["1", "2", '"3 4"', "", "=", "5=6", "\u5de3", "__Host-n", "v" * 30]
ATTRIBUTES = st.one_of(
    st.tuples(
        any_case(["Domain"]), st.sampled_from(["", ".", *HOSTS, ".a.test", "A.Test", "\u00e9"])
    ),
    st.tuples(any_case(["Path"]), st.sampled_from(["", "p", "/\u00e9", "/p" + "x" * 20, *PATHS])),
    st.tuples(any_case(["Path"]), st.just("/")),
    st.tuples(any_case(["Secure", "HttpOnly"]), st.sampled_from(["", "no"])),
    st.tuples(st.just("Secure"), st.just("")),
    st.tuples(any_case(["SameSite"]), st.sampled_from(["None", "lax", "STRICT", "", "Often"])),
    st.tuples(
        any_case(["Max-Age"]),
        st.sampled_from(["0", "-5", "1", "3", "9" * 20, "", "-", "+1", "1.5"]),
    ),
    st.tuples(
        any_case(["Expires"]),
        st.one_of(
            st.integers(-2, 12).map(lambda seconds: format_http_date(START + seconds)),
            st.sampled_from(["Thu, 01 Jan 1601 00:00:00", "31-Dec-9999 23:59:59", "never", ""]),
        ),
    ),
    st.tuples(st.sampled_from(["", "Version", "\u017fecure"]), st.sampled_from(["", "1"])),
)


@st.composite
def set_cookies(draw: st.DrawFn) -> str:
    """Draw a Set-Cookie field, which is often one that a server could have meant."""
    text = draw(BLANK) + draw(st.sampled_from(NAMES)) + draw(BLANK)
    text = draw(st.sampled_from([text, text, text, ""]))
    text += draw(st.sampled_from(["=", "=", "=", ""])) + draw(BLANK)
    text += draw(st.sampled_from(VALUES))
    for key, word in draw(st.lists(ATTRIBUTES, max_size=4)):
        text += draw(BLANK) + ";" + draw(BLANK) + key
        text += f"{draw(BLANK)}={draw(BLANK)}{word}" if word else draw(st.sampled_from(["", "="]))
    return text + draw(st.sampled_from([*[""] * 20, ";", "\x00", "\x7f", "\n"]))


URLS = st.tuples(
    st.sampled_from(["http", "https", "ws", "wss"]),
    st.sampled_from(HOSTS),
    st.sampled_from(PATHS),
)
# To save the jar and to go on with another that has loaded it changes nothing, and neither does a
# request alone.
RELOAD = "reload"
REQUEST = "request"
DOINGS = st.one_of(set_cookies(), set_cookies(), set_cookies(), st.sampled_from([RELOAD, REQUEST]))
STEPS = st.lists(
    st.tuples(DOINGS, URLS, st.integers(0, 2)),
    min_size=1,
    max_size=30,
)
# The first is out of reach here, the others are not; the shortest of them leave nothing.
LIMITS = [
    CookieLimits(),
    CookieLimits(per_domain=3, in_all=6, request_cookies=2),
    CookieLimits(per_domain=11, in_all=10, request_octets=40),
    CookieLimits(name_value_octets=6, attribute_octets=12, per_domain=1, in_all=2),
    CookieLimits(per_domain=2, in_all=100, request_octets=9, request_cookies=1),
]


def text_of(url: Url) -> str:
    return f"{url[0]}://{url[1]}{url[2]}"


def compare(cookie: Cookie, entry: Entry) -> None:
    assert (cookie.name, cookie.value) == (entry.name, entry.value)
    assert (cookie.domain, cookie.host_only) == (entry.domain, entry.host_only)
    assert (cookie.path, cookie.secure) == (entry.path, entry.secure)
    assert (cookie.http_only, cookie.same_site) == (entry.http_only, entry.same_site)
    assert (cookie.expiry, cookie.persistent) == (entry.ends, entry.persistent)
    assert (cookie.creation, cookie.last_access) == (entry.created, entry.accessed)


def compare_all(jar: CookieJar, model: Model, now: float) -> None:
    entries = {
        (entry.name, entry.domain, entry.host_only, entry.path): entry
        for entry in model.entries
        if entry.ends > now
    }
    cookies = jar.all_cookies(now)
    assert len(cookies) == len(entries)
    for cookie in cookies:
        compare(cookie, entries[cookie.name, cookie.domain, cookie.host_only, cookie.path])


@pytest.mark.parametrize("limits", LIMITS, ids=range(len(LIMITS)))
@settings(max_examples=150, deadline=None)
@given(STEPS, st.booleans(), st.booleans())
def test_the_jar_does_as_the_model(
    limits: CookieLimits,
    steps: list[tuple[str, Url, int]],
    unsafe: bool,
    closely: bool,
) -> None:
    def new_jar() -> CookieJar:
        suffixes = FixedPublicSuffixes(SUFFIXES)
        return CookieJar(unsafe=unsafe, public_suffixes=suffixes, limits=limits)

    jar, model = new_jar(), Model(unsafe, limits)
    now = START
    for doing, url, pause in steps:
        now += pause
        if doing == RELOAD:
            saved, jar = jar.dumps(now=now), new_jar()
            assert jar.loads(saved, now=now) == []
        elif doing != REQUEST:
            outcome = jar.store(doing, text_of(url), now)
            entry = model.receive(doing, url, now)
            event("stored" if entry else "refused")
            assert isinstance(outcome, Cookie) == (entry is not None), outcome
            if isinstance(outcome, Cookie) and entry is not None:
                compare(outcome, entry)
        assert jar.cookie_header(text_of(url), now) == model.retrieve(url, now)
        # Looking at every cookie is not to be what keeps the jar right.
        if closely:
            compare_all(jar, model, now)
    for scheme in ("http", "https"):
        for host in HOSTS:
            for path in PATHS:
                url = (scheme, host, path)
                assert jar.cookie_header(text_of(url), now) == model.retrieve(url, now)
    compare_all(jar, model, now)


@pytest.mark.parametrize("limits", [CookieLimits(in_all=10), CookieLimits(per_domain=10)])
def test_expired_cookies_are_all_that_goes_when_that_is_enough(limits: CookieLimits) -> None:
    jar, model = CookieJar(limits=limits), Model(False, limits)
    url = ("https", "a.test", "/")
    lengths = []
    for number in range(12):
        now = START + number
        # One of them expires when the last but one comes, which then is the tenth.
        field = f"{number}=1" + ("; Max-Age=7" if number == 3 else "")
        jar.store(field, text_of(url), now)
        model.receive(field, url, now)
        compare_all(jar, model, now)
        lengths.append(len(model.entries))
    assert lengths == [*range(1, 11), 10, 9]
