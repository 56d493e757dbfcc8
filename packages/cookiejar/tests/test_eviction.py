from dataclasses import replace
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whimbrel_cookiejar.cookie import Cookie
from whimbrel_cookiejar.eviction import excess
from whimbrel_cookiejar.store import Record

NOW = 1000.0
BASE = Cookie(
    "a", "1", "site.example", False, "/", False, False, "Default", False, False, inf, 1.0, 1.0
)


def record(
    name: str, accessed: float, *, secure: bool = False, expiry: float = inf, serial: int = 0
) -> Record:
    cookie = replace(BASE, name=name, secure=secure, expiry=expiry, last_access=accessed)
    return Record(cookie, serial)


def names(records: list[Record]) -> list[str]:
    return [each.cookie.name for each in records]


@pytest.mark.parametrize(
    ("limit", "left"), [(1, 1), (9, 9), (10, 9), (19, 18), (180, 162), (3333, 3000)]
)
def test_an_eviction_leaves_nine_tenths(limit: int, left: int) -> None:
    for secure in (False, True):
        records = [record(str(n), n, secure=secure) for n in range(limit + 1)]
        for crowded in (False, True):
            assert len(excess(records, limit, NOW, crowded=crowded)) == limit + 1 - left


@pytest.mark.parametrize(("others", "gone"), [(1, 1), (2, 1), (9, 1), (10, 2), (45, 5), (181, 19)])
def test_no_secure_cookie_goes_while_others_are_enough(others: int, gone: int) -> None:
    """A tenth more goes, but of the others only, and never the one that came last."""
    secure = [record(f"secure{n}", n, secure=True) for n in range(181 - others)]
    records = [record(str(n), 1000 + n) for n in range(others)]
    doomed = excess([*secure, *records], 180, NOW, crowded=True)
    assert names(doomed) == [str(n) for n in range(gone)]


def test_secure_cookies_go_when_others_are_not_enough() -> None:
    records = [record(str(n), n, secure=n < 18) for n in range(22)]
    doomed = excess(records, 17, NOW, crowded=True)
    assert names(doomed) == ["18", "19", "20", "21", "0", "1"]


def test_a_domain_loses_what_has_expired_then_what_is_not_secure_then_what_is_old() -> None:
    records = [
        record("secure-old", 1, secure=True),
        record("open-new", 9),
        record("expired-new", 9, secure=True, expiry=NOW),
        record("secure-new", 8, secure=True),
        record("open-old", 2),
    ]
    assert names(excess(records, 4, NOW, crowded=True)) == ["expired-new"]
    assert names(excess(records, 3, NOW, crowded=True)) == ["expired-new", "open-old"]
    assert names(excess(records, 2, NOW, crowded=True)) == ["expired-new", "open-old", "open-new"]
    assert names(excess(records, 1, NOW, crowded=True))[3:] == ["secure-old"]


def test_a_jar_loses_what_has_expired_then_what_is_old() -> None:
    records = [
        record("secure-old", 1, secure=True),
        record("open-new", 9),
        record("expired", 9, expiry=NOW - 1),
        record("open-old", 2),
    ]
    assert names(excess(records, 1, NOW, crowded=False)) == ["expired", "secure-old", "open-old"]


def test_all_that_has_expired_goes_even_if_less_would_do() -> None:
    records = [record(str(n), n, expiry=NOW) for n in range(5)]
    assert len(excess([*records, record("living", 0)], 5, NOW, crowded=True)) == 5


def test_of_the_same_moment_the_first_goes_first() -> None:
    records = [record(str(n), 1, serial=n) for n in (2, 0, 1)]
    assert names(excess(records, 1, NOW, crowded=False)) == ["0", "1"]
    assert names(excess(records, 1, NOW, crowded=True)) == ["0", "1"]


RECORDS = st.lists(
    st.builds(
        lambda accessed, secure, living: (accessed, secure, living),
        st.integers(0, 20),
        st.booleans(),
        st.booleans(),
    ),
    min_size=2,
    max_size=40,
)


@given(RECORDS, st.data(), st.booleans())
def test_nothing_goes_before_what_has_a_higher_priority(
    given_records: list[tuple[int, bool, bool]], data: st.DataObject, crowded: bool
) -> None:
    records = [
        record(str(n), accessed, secure=secure, expiry=inf if living else 0, serial=n)
        for n, (accessed, secure, living) in enumerate(given_records)
    ]
    limit = data.draw(st.integers(1, len(records) - 1))
    doomed = excess(records, limit, NOW, crowded=crowded)
    left = [each for each in records if each not in doomed]
    assert len(left) <= limit
    assert all(each.cookie.expiry == inf for each in left)
    living = [each for each in doomed if each.cookie.expiry == inf]
    # Enough goes, and more than that only of the same priority.
    surplus = len(left) + len(living) - limit
    assert surplus <= len(living) <= max(0, surplus) + limit // 10
    others = [each for each in left + living if not (crowded and each.cookie.secure)]
    if 0 < surplus <= len(others):
        assert all(each in others for each in living)

    def priority(each: Record) -> tuple[bool, float]:
        return crowded and each.cookie.secure, each.last_access

    if living and left:
        assert max(map(priority, living)) <= min(map(priority, left))
