from dataclasses import replace
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whimbrel_cookiejar.cookie import SHARED_DOMAIN, Cookie
from whimbrel_cookiejar.domains import domain_match
from whimbrel_cookiejar.store import CookieStore, Record

BASE = Cookie(
    name="a",
    value="1",
    domain="site.example",
    host_only=False,
    path="/",
    secure=False,
    http_only=False,
    same_site="Default",
    partitioned=False,
    persistent=False,
    expiry=inf,
    creation=1.0,
    last_access=1.0,
)
DOMAINS = ["example", "site.example", "www.site.example", "a.www.site.example", "1.2.3.4", "::1"]


def cookies_of(records: list[Record]) -> list[Cookie]:
    return [record.cookie for record in records]


def test_a_cookie_is_identified_by_name_domain_host_only_and_path() -> None:
    store = CookieStore()
    others = [
        replace(BASE, name="b"),
        replace(BASE, domain="www.site.example"),
        replace(BASE, host_only=True),
        replace(BASE, path="/x"),
    ]
    for cookie in (BASE, *others):
        store.put(cookie)
    assert len(store) == 5
    same = replace(BASE, value="2", secure=True, creation=9.0)
    store.put(same)
    assert len(store) == 5
    record = store.get(BASE)
    assert record is not None
    assert record.cookie is same
    assert store.get(replace(BASE, domain="other.example")) is None
    assert store.get(replace(BASE, path="/y")) is None


def test_a_replaced_cookie_keeps_its_place_in_the_order() -> None:
    store = CookieStore()
    other = replace(BASE, name="b")
    for cookie in (BASE, other, replace(BASE, value="2")):
        store.put(cookie)
    first, second = store.get(BASE), store.get(other)
    assert first is not None
    assert second is not None
    assert first.serial < second.serial
    store.remove([BASE])
    store.put(BASE)
    first = store.get(BASE)
    assert first is not None
    assert first.serial > second.serial


def test_a_snapshot_has_the_last_access_time() -> None:
    record = Record(BASE, 1)
    assert record.snapshot() is BASE
    record.last_access = 5.0
    assert record.snapshot() == replace(BASE, last_access=5.0)


@pytest.mark.parametrize(
    ("host", "found"),
    [
        ("www.site.example", ["www.site.example", "site.example", "example"]),
        ("other.site.example", ["site.example", "example"]),
        ("badsite.example", ["example"]),
        ("1.2.3.4", ["1.2.3.4"]),
        ("2.3.4", []),
        ("::1", ["::1"]),
        ("nowhere", []),
        (SHARED_DOMAIN, []),
    ],
)
def test_a_host_is_in_its_own_domain_and_those_above(host: str, found: list[str]) -> None:
    store = CookieStore()
    for domain in DOMAINS:
        store.put(replace(BASE, domain=domain))
    assert [cookie.domain for cookie in cookies_of(store.for_host(host))] == found
    store.put(replace(BASE, domain=SHARED_DOMAIN))
    assert [cookie.domain for cookie in cookies_of(store.for_host(host))] == [*found, SHARED_DOMAIN]


def test_clear_forgets_everything() -> None:
    store = CookieStore()
    store.put(BASE)
    store.clear()
    assert len(store) == 0
    assert list(store) == []
    assert store.below("example") == []
    assert store.for_host("site.example") == []


CHANGES = st.lists(
    st.tuples(st.booleans(), st.sampled_from([*DOMAINS, SHARED_DOMAIN]), st.sampled_from("ab"))
)


@given(CHANGES)
def test_the_index_agrees_with_a_list(changes: list[tuple[bool, str, str]]) -> None:
    store = CookieStore()
    expected: dict[tuple[str, str], Cookie] = {}
    for put, domain, name in changes:
        cookie = replace(BASE, domain=domain, name=name)
        if put:
            store.put(cookie)
            expected[domain, name] = cookie
        else:
            store.remove([cookie])
            expected.pop((domain, name), None)
    assert len(store) == len(expected)
    assert sorted(map(repr, (r.cookie for r in store))) == sorted(map(repr, expected.values()))
    for domain in DOMAINS:
        below = {repr(c) for c in expected.values() if domain_match(c.domain, domain)}
        assert {repr(cookie) for cookie in cookies_of(store.below(domain))} == below
        above = {
            repr(c)
            for c in expected.values()
            if domain_match(domain, c.domain) or c.domain == SHARED_DOMAIN
        }
        assert {repr(cookie) for cookie in cookies_of(store.for_host(domain))} == above
    # Nothing is left behind of what was removed.
    store.remove(list(expected.values()))
    assert not store._domains
    assert not store._below
