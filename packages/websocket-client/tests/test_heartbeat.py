"""The heartbeat's two deadlines, and round trips; time is a number here."""

import pytest

from whimbrel_websocket_client._heartbeat import Heartbeat, RoundTrips, Verdict


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


# Round trips


def test_an_answer_gives_the_time() -> None:
    trips = RoundTrips()
    trips.sent(b"a", 10)
    trips.answered(b"a", 10.5)
    assert trips.last == 0.5
    trips.answered(b"a", 99)
    assert trips.last == 0.5


def test_what_answers_nothing_gives_no_time() -> None:
    trips = RoundTrips()
    trips.answered(b"", 1)
    trips.sent(b"a", 1)
    trips.answered(b"b", 2)
    assert trips.last is None


def test_an_answer_is_one_to_all_before() -> None:
    trips = RoundTrips()
    for number in range(4):
        trips.sent(b"%d" % number, number)
    trips.answered(b"2", 10)
    assert trips.last == 8
    trips.answered(b"1", 20)
    assert trips.last == 8
    trips.answered(b"3", 20)
    assert trips.last == 17


def test_the_same_payload_counts_from_the_first() -> None:
    trips = RoundTrips()
    trips.sent(b"", 1)
    trips.sent(b"", 5)
    trips.answered(b"", 6)
    assert trips.last == 5
    trips.answered(b"", 7)
    assert trips.last == 5


def test_pings_without_answers_do_not_pile_up() -> None:
    trips = RoundTrips()
    for number in range(1000):
        trips.sent(b"%d" % number, number)
    trips.answered(b"983", 2000)
    assert not trips.last
    trips.answered(b"984", 2000)
    assert trips.last == 1016


def test_each_ping_of_the_heartbeat_has_a_payload_of_its_own() -> None:
    trips = RoundTrips()
    payloads = [trips.next_payload() for _ in range(1000)]
    assert len(set(payloads)) == 1000
    assert max(map(len, payloads)) <= 125
