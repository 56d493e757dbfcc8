from typing import Any

import pytest

from whimbrel_http_parser import DEFAULT_DECODING_LIMITS, DecodingLimits


def test_the_defaults_are_what_the_readme_says() -> None:
    expected = DecodingLimits(codings=5, ratio=2000, grace=64 * 2**20, total=64 * 2**30)
    assert expected == DEFAULT_DECODING_LIMITS


@pytest.mark.parametrize(
    ("name", "value"), [("codings", -1), ("ratio", 0), ("grace", -1), ("total", -1)]
)
def test_limits_make_sense(name: str, value: int) -> None:
    wrong: dict[str, Any] = {name: value}
    with pytest.raises(ValueError, match=f"{name!r} must be at least {value + 1}"):
        DecodingLimits(**wrong)
    DecodingLimits(**{name: value + 1})


@pytest.mark.parametrize("name", ["codings", "ratio", "grace", "total"])
@pytest.mark.parametrize("value", ["5", 5.0, None])
def test_limits_are_integers(name: str, value: object) -> None:
    wrong: dict[str, Any] = {name: value}
    if value is not None or name == "grace":
        with pytest.raises(TypeError, match=f"{name!r} must be an integer"):
            DecodingLimits(**wrong)


def test_all_but_the_grace_can_be_switched_off() -> None:
    limits = DecodingLimits(codings=None, ratio=None, total=None)
    assert (limits.codings, limits.ratio, limits.total) == (None, None, None)
