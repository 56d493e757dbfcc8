from __future__ import annotations

import pickle
from dataclasses import FrozenInstanceError

import pytest

from whimbrel.timings import Timings

TIMINGS = Timings(
    queue=0.0,
    dns=0.1,
    connect=0.2,
    proxy=None,
    tls=0.3,
    first_byte=0.4,
    transfer=None,
    total=None,
    reused=False,
)


def test_timings_are_a_value() -> None:
    assert pickle.loads(pickle.dumps(TIMINGS)) == TIMINGS
    assert hash(TIMINGS) == hash(pickle.loads(pickle.dumps(TIMINGS)))
    with pytest.raises(FrozenInstanceError):
        TIMINGS.queue = 1.0  # type: ignore[misc]  # on purpose
