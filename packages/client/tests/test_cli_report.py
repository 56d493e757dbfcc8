"""What --verbose shows of what a peer sent."""

from __future__ import annotations

import pytest

from whimbrel._cli.report import visible


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("Server: granian", "Server: granian"),
        ("X: \x1b]0;title\x07", r"X: \x1b]0;title\x07"),
        ("X: \x9b31m", r"X: \x9b31m"),
        ("X: \u202e", r"X: \u202e"),
        ("Ü: \xa0", r"Ü: \xa0"),
    ],
)
def test_a_peer_cannot_steer_the_terminal(line: str, shown: str) -> None:
    assert visible(line) == shown
