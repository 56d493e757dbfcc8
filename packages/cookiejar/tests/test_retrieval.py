import logging
from dataclasses import replace
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whimbrel_cookiejar.cookie import SHARED_DOMAIN, Cookie
from whimbrel_cookiejar.limits import DEFAULT_LIMITS, CookieLimits
from whimbrel_cookiejar.retrieval import Retrieval
from whimbrel_cookiejar.rules import Target, applies
from whimbrel_cookiejar.store import CookieStore

NOW = 1000.0
HOST = "www.site.example"
BASE = Cookie("a", "1", HOST, True, "/", False, False, "Default", False, False, inf, 1.0, 1.0)


def prepared(
    *cookies: Cookie, limits: CookieLimits = DEFAULT_LIMITS
) -> tuple[CookieStore, Retrieval]:
    store = CookieStore()
    for cookie in cookies:
        store.put(cookie)
    return store, Retrieval(store, limits)


def test_an_answer_is_ready_until_a_cookie_of_its_domains_changes() -> None:
    store, retrieval = prepared(BASE)
    assert retrieval.ready(HOST, NOW) is None
    made = retrieval.prepare(HOST, NOW)
    assert retrieval.ready(HOST, NOW) is made
    assert made.answer("/", True, NOW) is made.answer("/x", True, NOW)
    # What goes to other hosts does not matter, nor the removal of what is not there.
    for domain in ("other.example", "below.www.site.example"):
        other = replace(BASE, name="b", domain=domain)
        store.put(other)
        store.remove([other, replace(BASE, name="none")])
        assert retrieval.ready(HOST, NOW) is made
    for domain in (HOST, "site.example", "example", SHARED_DOMAIN):
        for change in (store.put, lambda cookie: store.remove([cookie])):
            retrieval.prepare(HOST, NOW)
            change(replace(BASE, name="b", domain=domain, host_only=False))
            assert retrieval.ready(HOST, NOW) is None
    retrieval.prepare(HOST, NOW)
    store.clear()
    assert retrieval.ready(HOST, NOW) is None


def test_answers_for_many_paths_are_right_and_not_all_kept() -> None:
    paths = [f"/{'x/' * depth}" for depth in range(20)]
    _, retrieval = prepared(*[replace(BASE, name=f"n{len(p)}", path=p) for p in paths])
    made = retrieval.prepare(HOST, NOW)
    for _ in range(2):
        for number, path in enumerate(paths):
            answer = made.answer(path, True, NOW + number)
            assert len(answer.records) == number + 1
    assert len(made._answers) <= 4
    made.note_accesses()
    assert {record.last_access for record in answer.records} == {NOW + 19}


def test_an_answer_is_ready_until_a_cookie_expires() -> None:
    store, retrieval = prepared(BASE, replace(BASE, name="b", path="/never", expiry=NOW + 5))
    made = retrieval.prepare(HOST, NOW)
    assert retrieval.ready(HOST, NOW + 4.9) is made
    assert retrieval.ready(HOST, NOW + 5) is None
    assert len(store) == 2
    retrieval.prepare(HOST, NOW + 5)
    assert len(store) == 1


def test_of_hosts_without_cookies_nothing_is_kept() -> None:
    _, retrieval = prepared(BASE)
    for number in range(10):
        assert retrieval.prepare(f"host{number}.example", NOW).answer("/", True, NOW).field == ""
        assert retrieval.ready(f"host{number}.example", NOW) is None


def test_what_is_kept_is_bounded_and_accesses_are_noted() -> None:
    store, retrieval = prepared(replace(BASE, domain="site.example", host_only=False))
    retrieval.prepare("late.site.example", NOW)
    for number in range(1000):
        host = f"host{number}.site.example"
        assert retrieval.prepare(host, NOW).answer("/", True, NOW + number).field == "a=1"
    assert len(retrieval._hosts) == 512
    assert sum(map(len, retrieval._users.values())) == 512 * 4
    # The oldest one has gone, and not all of them.
    assert retrieval.ready("late.site.example", NOW) is None
    assert retrieval.ready("host600.site.example", NOW) is not None
    [record] = store
    assert record.last_access >= NOW + 400
    retrieval.note_accesses()
    assert record.last_access == NOW + 999


def test_accesses_are_noted_in_any_order() -> None:
    store, retrieval = prepared(BASE, replace(BASE, name="s", secure=True))
    answers = retrieval.prepare(HOST, NOW)
    secure, insecure = answers.answer("/", True, NOW + 9), answers.answer("/", False, NOW + 2)
    for answer in (secure, insecure, secure):
        answer.note_access()
    assert {r.cookie.name: r.last_access for r in store} == {"a": NOW + 9, "s": NOW + 9}


def test_accesses_survive_a_change() -> None:
    store, retrieval = prepared(BASE)
    retrieval.prepare(HOST, NOW).answer("/", True, NOW + 3)
    store.put(replace(BASE, name="b"))
    retrieval.prepare(HOST, NOW + 4)
    [a, b] = store
    assert (a.last_access, b.last_access) == (NOW + 3, 1.0)
    retrieval.prepare(HOST, NOW).answer("/", True, NOW + 7)
    retrieval.note_accesses()
    assert (a.last_access, b.last_access) == (NOW + 7, NOW + 7)


def test_nothing_is_kept_of_a_jar_that_was_cleared() -> None:
    store, retrieval = prepared(BASE)
    retrieval.prepare(HOST, NOW)
    store.clear()
    assert not retrieval._hosts
    assert not retrieval._users


@pytest.mark.parametrize(
    ("limit", "sent"), [(1, "a=1"), (2, "a=1; b=2"), (3, "a=1; b=2; c=3"), (4, "a=1; b=2; c=3")]
)
def test_the_last_cookies_are_left_out_by_number(
    limit: int, sent: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "whimbrel_cookiejar")
    cookies = [replace(BASE, name=n, value=v) for n, v in zip("abc", "123", strict=True)]
    _, retrieval = prepared(*cookies, limits=CookieLimits(request_cookies=limit))
    answer = retrieval.prepare(HOST, NOW).answer("/", True, NOW)
    assert answer.field == sent
    missing = 3 - len(answer.records)
    expected = [f"{missing} cookies for '{HOST}' are not sent: too many"] if missing else []
    assert caplog.messages == expected


@pytest.mark.parametrize(
    ("value", "octets"), [("xyz", 3), ("é", 2), ("\udcff", 1), ("\U0001f36a", 4)]
)
def test_the_last_cookies_are_left_out_by_octets(value: str, octets: int) -> None:
    cookies = [replace(BASE, name=name, value=value) for name in ("aaaa", "bbbb", "cccc")]
    cookies.append(replace(BASE, name="d", value=""))
    fitting = len("Cookie: ") + 2 * (len("aaaa=") + octets) + len("; ")
    for limit, sent in ((fitting, 2), (fitting - 1, 1), (1, 0)):
        _, retrieval = prepared(*cookies, limits=CookieLimits(request_octets=limit))
        answer = retrieval.prepare(HOST, NOW).answer("/", True, NOW)
        # The small one behind those that are left out is left out, too.
        assert [r.cookie for r in answer.records] == cookies[:sent]
        field = f"Cookie: {answer.field}".encode("utf-8", "surrogateescape")
        assert len(field) <= max(limit, len("Cookie: "))


def test_what_is_not_sent_is_not_accessed() -> None:
    cookies = [BASE, replace(BASE, name="b")]
    store, retrieval = prepared(*cookies, limits=CookieLimits(request_cookies=1))
    retrieval.prepare(HOST, NOW).answer("/", True, NOW)
    retrieval.note_accesses()
    assert [record.last_access for record in store] == [NOW, 1.0]


PATHS = st.sampled_from(["/", "/a", "/a/", "/a/b", "/a/b/", "/a/bb", "/b", "//", "/a//b"])
COOKIES = st.lists(
    st.builds(
        lambda name, path, secure, domain, expiry: replace(
            BASE,
            name=name,
            path=path,
            secure=secure,
            domain=domain,
            host_only=domain == HOST,
            expiry=expiry,
        ),
        st.sampled_from("abc"),
        PATHS,
        st.booleans(),
        st.sampled_from([HOST, "site.example", "other.example"]),
        st.sampled_from([inf, NOW, NOW + 1]),
    ),
    max_size=12,
)


@given(COOKIES, st.lists(st.tuples(PATHS, st.booleans(), st.sampled_from([NOW, NOW + 1]))))
def test_what_is_kept_is_what_the_rules_say(
    cookies: list[Cookie], requests: list[tuple[str, bool, float]]
) -> None:
    store, retrieval = prepared(*cookies)
    for path, secure, now in sorted(requests, key=lambda each: each[2]):
        target = Target(HOST, path, secure)
        expected = [r for r in store if applies(r.cookie, target, now)]
        expected.sort(key=lambda r: (-len(r.cookie.path), r.cookie.creation, r.serial))
        answers = retrieval.ready(HOST, now) or retrieval.prepare(HOST, now)
        assert list(answers.answer(path, secure, now).records) == expected


def test_shared_cookies_are_in_every_answer_but_those_that_a_host_has_itself() -> None:
    shared = replace(BASE, domain=SHARED_DOMAIN, host_only=False, value="shared")
    _, retrieval = prepared(BASE, shared, replace(shared, name="b"))
    assert retrieval.prepare(HOST, NOW).answer("/", False, NOW).field == "a=1; b=shared"
    assert retrieval.prepare("x", NOW).answer("/", False, NOW).field == "a=shared; b=shared"
