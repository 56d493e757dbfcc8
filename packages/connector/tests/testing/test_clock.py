from whimbrel_connector.testing import FakeClock


def test_fake_clock_goes_when_told() -> None:
    clock = FakeClock(10.0)
    assert clock.advance(2.5) == clock() == clock.now == 12.5
