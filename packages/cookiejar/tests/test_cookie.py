import copy
import pickle
from dataclasses import FrozenInstanceError, fields, replace
from math import inf
from typing import Any

import pytest

from whimbrel_cookiejar import Cookie, Rejected
from whimbrel_cookiejar.cookie import new_cookie

COOKIE = Cookie(
    name="sid",
    value="s3cret",
    domain="example.com",
    host_only=True,
    path="/",
    secure=True,
    http_only=True,
    same_site="Lax",
    partitioned=False,
    persistent=False,
    expiry=inf,
    creation=1.0,
    last_access=2.0,
)


@pytest.mark.parametrize("value", [COOKIE, Rejected("because", "sid")])
def test_values_are_frozen_and_pickle(value: Any) -> None:
    assert pickle.loads(pickle.dumps(value)) == value
    with pytest.raises(FrozenInstanceError):
        setattr(value, fields(value)[0].name, "other")


def test_a_cookie_does_not_show_its_value() -> None:
    assert "s3cret" not in repr(COOKIE)
    assert "sid" in repr(COOKIE)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("sid", "sid"),
        ("a\r\nb", r"a\r\nb"),
        ("é\x1b[0m", r"\xe9\x1b[0m"),
        ("x" * 64, "x" * 64),
        ("x" * 65, "x" * 64 + "..."),
        ("", ""),
    ],
)
def test_a_refusal_shows_a_bounded_escaped_name(name: str, shown: str) -> None:
    assert Rejected.named("because", name) == Rejected("because", shown)


def test_a_cookie_made_fast_is_a_cookie() -> None:
    made = new_cookie(*(getattr(COOKIE, field.name) for field in fields(Cookie)))
    assert type(made) is Cookie
    assert made == COOKIE
    assert hash(made) == hash(COOKIE)
    assert repr(made) == repr(COOKIE)
    assert pickle.loads(pickle.dumps(made)) == replace(made) == copy.deepcopy(made) == COOKIE
    with pytest.raises(FrozenInstanceError):
        made.value = "other"  # type: ignore[misc]  # on purpose
    with pytest.raises((AttributeError, TypeError)):
        made.more = 1  # type: ignore[attr-defined]  # on purpose
