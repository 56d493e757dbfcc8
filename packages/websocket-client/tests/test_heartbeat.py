"""The heartbeat's two deadlines; time is a number here."""

import pytest

from whimbrel_websocket_client._heartbeat import Heartbeat, Verdict


def test_silence_asks_and_more_silence_is_death() -> None:
    heartbeat = Heartbeat(10, 100)
    assert heartbeat.deadline() == 110
    assert heartbeat.check(109.9) is Verdict.NOTHING
    assert heartbeat.check(110) is Verdict.PING
    assert heartbeat.deadline() == 115
    assert heartbeat.check(114.9) is Verdict.NOTHING
    assert heartbeat.check(115) is Verdict.DEAD


def test_whatever_is_heard_is_life() -> None:
    heartbeat = Heartbeat(10, 0)
    heartbeat.heard(9)
    assert heartbeat.check(10) is Verdict.NOTHING
    assert heartbeat.check(19) is Verdict.PING
    heartbeat.heard(20)
    assert heartbeat.deadline() == 30
    assert heartbeat.check(24) is Verdict.NOTHING


def test_patience_counts_from_the_ping_that_a_busy_loop_delayed() -> None:
    heartbeat = Heartbeat(10, 0)
    assert heartbeat.check(500) is Verdict.PING
    assert heartbeat.deadline() == 505


def test_no_judgement_while_held() -> None:
    heartbeat = Heartbeat(10, 0)
    assert heartbeat.check(10) is Verdict.PING
    heartbeat.hold()
    assert heartbeat.deadline() is None
    assert heartbeat.check(1000) is Verdict.NOTHING
    heartbeat.release(1000)
    assert heartbeat.deadline() == 1010


@pytest.mark.parametrize("interval", [0, -1, float("nan")])
def test_the_interval_is_positive(interval: float) -> None:
    with pytest.raises(ValueError, match="positive number of seconds"):
        Heartbeat(interval, 0)
