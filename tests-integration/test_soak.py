"""A short soak; `hatch run soak` is the long one."""

from __future__ import annotations

from tools.soak.soak import soak


def test_nothing_is_left_of_many_requests_that_go_wrong() -> None:
    report = soak(5000, 50, seed=1)
    assert not report.findings
    assert report.outcomes["answered"] > 3000
    assert report.outcomes["cancelled"] > 300
    assert min(report.opened, report.reused) > 1000
