from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine

from worker.clock import AnchoredClock
from worker.database import anchor_clock

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_time_goes_on_as_the_monotonic_clock_does() -> None:
    ticks = iter([100.0, 100.0, 130.5])
    clock = AnchoredClock(NOON, lambda: next(ticks))
    assert clock.now() == NOON
    assert clock.now() == NOON + timedelta(seconds=30.5)


def test_it_is_anchored_to_now(engine: Engine) -> None:
    difference = anchor_clock(engine).now() - datetime.now(UTC)
    assert abs(difference) < timedelta(minutes=1)
