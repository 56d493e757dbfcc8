from dataclasses import FrozenInstanceError, fields, replace

import pytest

from whimbrel_cookiejar import CookieLimits


def test_the_defaults_are_no_lower_than_the_rfc_asks_for() -> None:
    limits = CookieLimits()
    assert limits.name_value_octets >= 4096
    # After an eviction, too.
    assert limits.per_domain - limits.per_domain // 10 >= 50
    assert limits.in_all - limits.in_all // 10 >= 3000


@pytest.mark.parametrize("name", [field.name for field in fields(CookieLimits)])
def test_a_limit_is_a_positive_number(name: str) -> None:
    assert getattr(replace(CookieLimits(), **{name: 1}), name) == 1
    with pytest.raises(ValueError, match=f"{name} must be at least 1, and is 0"):
        CookieLimits(**{name: 0})


def test_limits_are_a_value() -> None:
    assert CookieLimits(in_all=5) == CookieLimits(in_all=5)
    with pytest.raises(FrozenInstanceError):
        CookieLimits().in_all = 5  # type: ignore[misc]  # on purpose
