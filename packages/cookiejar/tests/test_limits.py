from dataclasses import FrozenInstanceError, fields, replace

import pytest

from whimbrel_cookiejar import CookieLimits
from whimbrel_cookiejar.eviction import remaining


def test_the_defaults_are_no_lower_than_the_rfc_asks_for() -> None:
    limits = CookieLimits()
    assert limits.name_value_octets >= 4096
    assert remaining(limits.per_domain) >= 50
    assert remaining(limits.in_all) >= 3000


@pytest.mark.parametrize("name", [field.name for field in fields(CookieLimits)])
def test_a_limit_is_a_positive_number(name: str) -> None:
    assert getattr(replace(CookieLimits(), **{name: 1}), name) == 1
    with pytest.raises(ValueError, match=f"{name} must be at least 1, and is 0"):
        CookieLimits(**{name: 0})


def test_limits_are_a_value() -> None:
    assert CookieLimits(in_all=5) == CookieLimits(in_all=5)
    with pytest.raises(FrozenInstanceError):
        CookieLimits().in_all = 5  # type: ignore[misc]  # on purpose
