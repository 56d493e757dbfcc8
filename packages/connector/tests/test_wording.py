from __future__ import annotations

from whimbrel_connector._wording import some_of


def test_a_few_are_all_named() -> None:
    assert some_of([]) == ""
    assert some_of(["a"]) == "a"
    assert some_of(list("abcdefgh"), "; ") == "a; b; c; d; e; f; g; h"


def test_of_many_the_first_are_named() -> None:
    assert some_of(list("abcdefghi")) == "a, b, c, d, e, f, g, h and 1 more"
    assert len(some_of(["x"] * 10_000)) < 50
