import dataclasses

import pytest

from whimbrel_http_parser import DEFAULT_LIMITS, STRICT, Leniency, Limits


def test_the_defaults_are_those_values() -> None:
    assert Limits() == DEFAULT_LIMITS
    assert DEFAULT_LIMITS.fields == 128
    assert Leniency() == STRICT


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(Limits)])
def test_no_limit_may_be_negative(name: str) -> None:
    assert getattr(Limits(**{name: 0}), name) == 0
    with pytest.raises(ValueError, match=name):
        Limits(**{name: -1})


def test_both_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        DEFAULT_LIMITS.fields = 1  # type: ignore[misc]  # what the test is about
    with pytest.raises(dataclasses.FrozenInstanceError):
        STRICT.bare_lf = True  # type: ignore[misc]  # what the test is about


def test_only_the_missing_reason_phrase_is_tolerated_by_default() -> None:
    assert dataclasses.asdict(STRICT) == {
        "missing_reason_phrase": True,
        "bare_lf": False,
        "obs_fold": False,
        "leading_empty_line": False,
    }
