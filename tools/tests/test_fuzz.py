"""The fuzz targets hold on their seeds and on what hypothesis makes of them, without atheris."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tools.fuzz.targets import TARGETS
from tools.fuzz.targets._pieces import pieces_of

CASES = [(name, seed) for name, (_, seeds) in TARGETS.items() for seed in seeds]


@pytest.mark.parametrize(("name", "seed"), CASES)
def test_a_target_holds_on_its_seeds(name: str, seed: bytes) -> None:
    TARGETS[name][0](seed)


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_target_holds_on_mutated_seeds(name: str, data: st.DataObject) -> None:
    check, seeds = TARGETS[name]
    seed = data.draw(st.sampled_from(list(seeds)))
    place = data.draw(st.integers(0, len(seed)))
    cut = data.draw(st.integers(0, 3))
    check(seed[:place] + data.draw(st.binary(max_size=4)) + seed[place + cut :])


@given(data=st.binary(max_size=50), sizes=st.binary(max_size=5))
@example(data=b"abc", sizes=b"")
def test_pieces_are_the_whole(data: bytes, sizes: bytes) -> None:
    pieces = pieces_of(data, sizes)
    assert b"".join(pieces) == data
    assert all(pieces)
