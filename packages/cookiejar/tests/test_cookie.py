import dataclasses
import pickle
from math import inf
from typing import Any

import pytest

from whimbrel_cookiejar import Cookie, Rejected

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
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(value, dataclasses.fields(value)[0].name, "other")


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
