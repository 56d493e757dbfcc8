from __future__ import annotations

from math import inf
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whimbrel_connector._lifetime import Lifetimes


@pytest.mark.parametrize(
    ("options", "requests", "retires_at", "keep_alive", "until"),
    [
        ({}, 1, inf, None, 115.0),
        ({"keepalive_timeout": None}, 1, inf, None, inf),
        ({"keepalive_timeout": 0}, 1, inf, None, 100.0),
        # The server's word is relied on but for a second, and never lengthens ours.
        ({}, 1, inf, 5.0, 104.0),
        ({}, 1, inf, 60.0, 115.0),
        ({}, 1, inf, 1.0, 100.0),
        ({}, 1, inf, 0.5, 99.5),
        ({"keepalive_timeout": None}, 1, inf, 5.0, 104.0),
        # Age.
        ({}, 1, 110.0, None, 110.0),
        ({}, 1, 120.0, None, 115.0),
        ({}, 1, 110.0, 5.0, 104.0),
        ({}, 1, 90.0, None, 90.0),
        # The number of requests.
        ({"max_requests": 3}, 2, inf, None, 115.0),
        ({"max_requests": 3}, 3, inf, None, 100.0),
        ({"max_requests": 1}, 1, inf, None, 100.0),
        ({"force_close": True}, 1, inf, None, 100.0),
        ({"force_close": True, "max_requests": 5, "keepalive_timeout": None}, 1, inf, 9.0, 100.0),
    ],
)
def test_until_when(
    options: Any, requests: int, retires_at: float, keep_alive: float | None, until: float
) -> None:
    lifetimes = Lifetimes(**{"keepalive_timeout": 15.0, **options})
    assert lifetimes.expiry(100.0, retires_at, requests, keep_alive) == until


@pytest.mark.parametrize(
    ("max_age", "jitter", "chance", "retires_at"),
    [
        (None, 0.1, 0.5, inf),
        (60.0, 0.0, 0.9, 160.0),
        (60.0, 0.5, 0.0, 160.0),
        (60.0, 0.5, 1.0, 130.0),
        (60.0, 0.1, 0.5, 157.0),
        (60.0, 1.0, 1.0, 100.0),
    ],
)
def test_retirement(max_age: float | None, jitter: float, chance: float, retires_at: float) -> None:
    lifetimes = Lifetimes(keepalive_timeout=15.0, max_age=max_age, jitter=jitter)
    assert lifetimes.retirement(100.0, chance) == pytest.approx(retires_at)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"keepalive_timeout": float("nan")}, "keepalive_timeout must"),
        ({"max_age": 0}, "max_connection_age must"),
        ({"max_age": -1.0}, "max_connection_age must"),
        ({"max_age": float("nan")}, "max_connection_age must"),
        ({"jitter": -0.1}, "max_connection_age_jitter must"),
        ({"jitter": 1.1}, "max_connection_age_jitter must"),
        ({"jitter": float("nan")}, "max_connection_age_jitter must"),
        ({"max_requests": 0}, "max_requests_per_connection must"),
        ({"max_requests": -1}, "max_requests_per_connection must"),
    ],
)
def test_rules_that_make_no_sense(options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Lifetimes(**{"keepalive_timeout": 15.0, **options})


SECONDS = st.floats(0, 1e6)


@given(
    now=SECONDS,
    keepalive=st.none() | SECONDS,
    max_age=st.none() | st.floats(0.001, 1e6),
    jitter=st.floats(0, 1),
    chance=st.floats(0, 1),
    keep_alive=st.none() | SECONDS,
)
def test_no_rule_is_passed_over(  # noqa: PLR0917  # drawn
    now: float,
    keepalive: float | None,
    max_age: float | None,
    jitter: float,
    chance: float,
    keep_alive: float | None,
) -> None:
    lifetimes = Lifetimes(keepalive_timeout=keepalive, max_age=max_age, jitter=jitter)
    retires_at = lifetimes.retirement(now, chance)
    until = lifetimes.expiry(now, retires_at, 1, keep_alive)
    assert retires_at >= now
    assert until <= retires_at
    if max_age is not None:
        assert until <= now + max_age
    if keepalive is not None:
        assert until <= now + keepalive
    if keep_alive is not None:
        assert until <= now + keep_alive
